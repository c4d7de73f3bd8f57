package keys_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/startup"
	"github.com/windrow-data/windrow/functions/startup/keys"
)

const (
	arn    = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:key"
	secret = "0123456789abcdef0123456789abcdef"
)

// answer is what the service says, with its status.
type answer struct {
	status int
	body   string
}

func TestReader(t *testing.T) {
	key := answer{http.StatusOK, `{"SecretString":"` + secret + `"}`}
	broken := answer{http.StatusBadRequest, `{"__type":"DecryptionFailure","Message":"no"}`}
	for name, test := range map[string]struct {
		arn     string
		answers []answer
		// calls are what each call of the reader ends with, the empty text for the key.
		calls []string
		is    error
		asked int
	}{
		"once":                {arn, []answer{key}, []string{"", "", ""}, nil, 1},
		"again after a fault": {arn, []answer{broken, key}, []string{"read the privacy key", "", ""}, nil, 2},
		"not at all":          {arn, nil, nil, nil, 0},
		"no secret":           {"", nil, []string{"WINDROW_PRIVACY_KEY_SECRET is not set"}, startup.ErrMisconfigured, 0},
		"no value":            {arn, []answer{{http.StatusBadRequest, `{"__type":"ResourceNotFoundException","Message":"no"}`}}, []string{arn + " is not there or has no value"}, privacy.ErrKey, 1},
		"no text":             {arn, []answer{{http.StatusOK, `{"SecretBinary":"aGVsbG8="}`}}, []string{arn + " is binary"}, privacy.ErrKey, 1},
		"a short text":        {arn, []answer{{http.StatusOK, `{"SecretString":"hush-hush"}`}}, []string{arn + ": the privacy key cannot be used: it has 9 characters"}, privacy.ErrKey, 1},
		"a line's end":        {arn, []answer{{http.StatusOK, `{"SecretString":"hush-hush` + secret + `\n"}`}}, []string{"it holds a space"}, privacy.ErrKey, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var input struct{ SecretId string }
				if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
					t.Error(err)
				}
				asked = append(asked, r.Header.Get("X-Amz-Target")+" "+input.SecretId)
				a := test.answers[len(asked)-1]
				w.WriteHeader(a.status)
				io.WriteString(w, a.body)
			}))
			defer service.Close()
			read := keys.Reader(&startup.Function{
				Settings: settings.Settings{PrivacyKeySecret: test.arn},
				AWS:      aws.Config{Region: "eu-central-1", BaseEndpoint: &service.URL, RetryMaxAttempts: 1, Credentials: aws.AnonymousCredentials{}},
			})
			for i, want := range test.calls {
				key, err := read(t.Context())
				switch {
				case want == "" && (err != nil || string(key) != secret):
					t.Errorf("call %d: got %d bytes and %v", i, len(key), err)
				case want != "" && (err == nil || key != nil || !strings.Contains(err.Error(), want)):
					t.Errorf("call %d: got %v, want %s", i, err, want)
				case want != "" && strings.Contains(err.Error(), "hush"):
					t.Errorf("the error tells the secret: %v", err)
				case test.is != nil && !errors.Is(err, test.is):
					t.Errorf("call %d: got %v, which is no %v", i, err, test.is)
				}
			}
			if want := slices.Repeat([]string{"secretsmanager.GetSecretValue " + arn}, test.asked); !slices.Equal(asked, want) {
				t.Errorf("the service was asked %q, want %q", asked, want)
			}
		})
	}
}
