package secrets_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/secrets"
)

func TestGenerated(t *testing.T) {
	t.Parallel()
	const lettersAndDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	for name, test := range map[string]struct {
		generate assembly.Generate
		length   int
		signs    bool
	}{
		"letters and digits":  {assembly.Generate{PasswordLength: 64, ExcludePunctuation: true}, 64, false},
		"signs too":           {assembly.Generate{PasswordLength: 200}, 200, true},
		"of the usual length": {assembly.Generate{}, 32, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			value, err := secrets.Generated(arn, test.generate)
			if err != nil || len(value) != test.length || (strings.Trim(value, lettersAndDigits) != "") != test.signs {
				t.Errorf("got %q, %v", value, err)
			}
			if again, _ := secrets.Generated(arn, test.generate); again != value {
				t.Errorf("another run has %q in place of %q", again, value)
			}
			if other, _ := secrets.Generated(arn+"2", test.generate); other == value {
				t.Errorf("another secret has the value %q too", other)
			}
		})
	}
}

func TestGeneratedIntoATemplate(t *testing.T) {
	t.Parallel()
	value, err := secrets.Generated(arn, assembly.Generate{PasswordLength: 20, SecretStringTemplate: `{"user":"me"}`, GenerateStringKey: "password"})
	var got map[string]string
	if err != nil || json.Unmarshal([]byte(value), &got) != nil || got["user"] != "me" || len(got["password"]) != 20 {
		t.Errorf("got %s, %v", value, err)
	}
	for _, bad := range []assembly.Generate{{SecretStringTemplate: "[]", GenerateStringKey: "password"}, {SecretStringTemplate: "{}"}} {
		if _, err := secrets.Generated(arn, bad); err == nil || !strings.Contains(err.Error(), "want a JSON object") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
