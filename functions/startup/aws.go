package startup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go/logging"
)

// Names of the variables that the AWS SDK is set up from. Lambda sets the first four; the others are as for any AWS SDK, where
// somebody has set them. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
// https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
const (
	envRegion       = "AWS_REGION"
	envAccessKey    = "AWS_ACCESS_KEY_ID"
	envSecretKey    = "AWS_SECRET_ACCESS_KEY"
	envSessionToken = "AWS_SESSION_TOKEN"
	envEndpoint     = "AWS_ENDPOINT_URL" // also with _ and the service's name behind it
	envFIPS         = "AWS_USE_FIPS_ENDPOINT"
	envDualStack    = "AWS_USE_DUALSTACK_ENDPOINT"
	envRetryMode    = "AWS_RETRY_MODE"
	envMaxAttempts  = "AWS_MAX_ATTEMPTS"
)

// awsConfig sets the SDK up as its own config package would, but from the environment alone: a function has no profile, no
// shared files and no instance to ask, and the package links the clients of four services that could serve a person's login.
func awsConfig(getenv func(string) string, logger *slog.Logger) (aws.Config, error) {
	env := environment{getenv}
	c := aws.Config{
		Region:        getenv(envRegion),
		Credentials:   env,
		HTTPClient:    awshttp.NewBuildableClient(),
		ConfigSources: []any{env},
		RetryMode:     aws.RetryMode(getenv(envRetryMode)),
		Logger:        warnings(logger),
		// What the config package's default is, and not the clients' own.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}
	var faults []error
	if c.Region == "" {
		faults = append(faults, fmt.Errorf("%s is not set: want the function's region, as Lambda sets it", envRegion))
	}
	if mode := c.RetryMode; mode != "" && mode != aws.RetryModeStandard && mode != aws.RetryModeAdaptive {
		faults = append(faults, fmt.Errorf("%s=%q: want %s or %s", envRetryMode, mode, aws.RetryModeStandard, aws.RetryModeAdaptive))
	}
	if endpoint := getenv(envEndpoint); endpoint != "" {
		c.BaseEndpoint = &endpoint
	}
	if text := getenv(envMaxAttempts); text != "" {
		var err error
		if c.RetryMaxAttempts, err = strconv.Atoi(text); err != nil {
			faults = append(faults, fmt.Errorf("%s=%q: want a whole number", envMaxAttempts, text))
		}
	}
	return c, errors.Join(faults...)
}

// environment tells the SDK's clients what the process's variables say. It is their credentials, too; its other methods they look
// for by name.
type environment struct{ getenv func(string) string }

// Retrieve returns the credentials of the function's role, which Lambda sets for the life of the sandbox.
func (e environment) Retrieve(context.Context) (aws.Credentials, error) {
	c := aws.Credentials{
		AccessKeyID: e.getenv(envAccessKey), SecretAccessKey: e.getenv(envSecretKey), SessionToken: e.getenv(envSessionToken),
		Source: "environment",
	}
	if !c.HasKeys() {
		return aws.Credentials{}, fmt.Errorf("%s and %s are not set: want the credentials of the function's role, as Lambda sets them", envAccessKey, envSecretKey)
	}
	return c, nil
}

// ProviderSources says where the credentials come from, which stands in the user agent.
func (environment) ProviderSources() []aws.CredentialSource {
	return []aws.CredentialSource{aws.CredentialSourceEnvVars}
}

// GetServiceBaseEndpoint returns where a service is asked instead of at AWS, such as in a run on one's own machine. The service
// has its name as the SDK writes it, for example "Secrets Manager".
func (e environment) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	endpoint := e.getenv(envEndpoint + "_" + strings.ToUpper(strings.ReplaceAll(service, " ", "_")))
	return endpoint, endpoint != "", nil
}

// GetUseFIPSEndpoint tells whether the endpoints with validated cryptography are asked.
func (e environment) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	return aws.FIPSEndpointStateEnabled, e.set(envFIPS), nil
}

// GetUseDualStackEndpoint tells whether the endpoints with IPv6 are asked.
func (e environment) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	return aws.DualStackEndpointStateEnabled, e.set(envDualStack), nil
}

func (e environment) set(name string) bool { return strings.EqualFold(e.getenv(name), "true") }

// warnings has the SDK's log in the function's.
func warnings(logger *slog.Logger) logging.Logger {
	return logging.LoggerFunc(func(_ logging.Classification, format string, values ...any) {
		logger.Warn("the AWS SDK has a word", "text", fmt.Sprintf(format, values...))
	})
}
