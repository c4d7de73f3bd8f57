package startup

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/smithy-go"

	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// ErrMisconfigured says that the function's environment, asset or input is wrong.
var ErrMisconfigured = errors.New("the function is not set up as it needs")

// deniedCodes are how AWS's services say that a role may not do something. Forbidden is S3's answer to a HEAD, which has
// no body to hold a code.
var deniedCodes = map[string]bool{"AccessDenied": true, "AccessDeniedException": true, "KMS.AccessDeniedException": true, "Forbidden": true}

// kindOf names what an invocation has failed of.
func kindOf(err error) telemetry.Kind {
	var request *vendorapi.RequestError
	var api smithy.APIError
	var operation *smithy.OperationError
	switch {
	case errors.Is(err, rawzone.ErrNewerFormat):
		return telemetry.NewerFormat
	case errors.As(err, &api) && deniedCodes[api.ErrorCode()]:
		return telemetry.AccessDenied
	case errors.Is(err, vendorapi.ErrSecret), errors.Is(err, privacy.ErrKey):
		return telemetry.SecretUnusable
	case errors.Is(err, vendorapi.ErrTokenLost):
		return telemetry.TokenLost
	case errors.Is(err, vendorapi.ErrCredentials):
		return telemetry.CredentialsRejected
	case errors.Is(err, ErrMisconfigured):
		return telemetry.Misconfigured
	// Time that ran out while the vendor failed is the vendor's doing.
	case errors.As(err, &request) && request.Throttled:
		return telemetry.VendorThrottles
	case errors.Is(err, vendorapi.ErrUnavailable):
		return telemetry.VendorUnavailable
	case errors.Is(err, vendorapi.ErrDeadline):
		return telemetry.OutOfTime
	case errors.Is(err, vendorapi.ErrMalformed):
		return telemetry.AnswerMalformed
	case request != nil && (request.Status == http.StatusUnauthorized || request.Status == http.StatusForbidden):
		return telemetry.CredentialsRejected
	case request != nil:
		return telemetry.VendorRefuses
	case errors.As(err, &api), errors.As(err, &operation):
		return telemetry.AWSError
	}
	return telemetry.Unexpected
}

// maxFailureBytes is how long the text of a failure is, as JSON writes it. It travels with the findings (see
// [telemetry.MaxFindings]) and may name a window after the other; what leads on to the runbook comes behind it.
const maxFailureBytes = 2 << 10

// textOf is what a failure says.
func textOf(err error) string { return telemetry.Shorten(err.Error(), maxFailureBytes) }

// failure is err as Lambda hands it on: its type is the kind, and its message leads to the runbook at base.
func failure(err error, base string) error {
	kind := kindOf(err)
	return messages.InvokeResponse_Error{
		Type: string(kind),
		Message: fmt.Sprintf("%s. First look: %s. Runbook: %s",
			textOf(err), kind.FirstLook(), telemetry.RunbookAt(base, string(kind))),
	}
}
