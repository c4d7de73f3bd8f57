package secrets

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/windrow-data/windrow/infra/local/assembly"
)

// defaultPasswordLength is that of Secrets Manager.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html
const defaultPasswordLength = 32

// Characters of a generated value.
const (
	lettersAndDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	punctuation      = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

// Generated returns the value that a deployment would generate for the secret with the ARN. Here it follows from the ARN alone, so that a run which
// goes on with an earlier one's lake has that one's values, and a run that is made again makes the same lake. Nobody must trust it to be secret.
func Generated(arn string, g assembly.Generate) (string, error) {
	length, alphabet := g.PasswordLength, lettersAndDigits
	if length == 0 {
		length = defaultPasswordLength
	}
	if !g.ExcludePunctuation {
		alphabet += punctuation
	}
	var password strings.Builder
	for i := 0; password.Len() < length; i++ {
		for _, b := range sha256.Sum256(fmt.Appendf(nil, "%s value %d", arn, i)) {
			// What is beyond the last whole round of the alphabet would have its first characters come up more often.
			if n := len(alphabet); int(b) < 256/n*n && password.Len() < length {
				password.WriteByte(alphabet[int(b)%n])
			}
		}
	}
	if g.SecretStringTemplate == "" {
		return password.String(), nil
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(g.SecretStringTemplate), &object); err != nil || object == nil || g.GenerateStringKey == "" {
		return "", fmt.Errorf("secret %s: GenerateSecretString has the template %q and the key %q: want a JSON object, and the name that the value gets in it", arn, g.SecretStringTemplate, g.GenerateStringKey)
	}
	object[g.GenerateStringKey] = password.String()
	value, err := json.Marshal(object)
	return string(value), err
}
