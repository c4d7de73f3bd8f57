package vendorapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// redacted stands wherever a credential would have stood.
const redacted = "[redacted]"

// Secret are the fields of a vendor's secret. However it is printed, logged or marshalled, its values stay
// out; but for an unexported field of another type, which fmt prints without asking it: keep a Secret in none.
type Secret map[string]string

// ParseSecret reads a secret: a flat JSON object of strings. Its errors name fields and kinds of value and
// never quote the input.
func ParseSecret(data []byte) (Secret, error) {
	const want = "want a flat JSON object of strings, for example {\"token\": \"...\"}"
	decoder := jsontext.NewDecoder(bytes.NewReader(bytes.TrimSpace(data)))
	if decoder.PeekKind() != '{' {
		return nil, errors.New("the vendor's secret is not a JSON object: " + want)
	}
	// A syntax error's own text quotes bytes of the input, so only its position is told.
	malformed := func() error {
		return fmt.Errorf("the vendor's secret is not valid JSON near byte %d: %s", decoder.InputOffset(), want)
	}
	if _, err := decoder.ReadToken(); err != nil {
		return nil, malformed()
	}
	secret := Secret{}
	for decoder.PeekKind() != '}' {
		name, err := decoder.ReadToken()
		if err != nil {
			return nil, malformed()
		}
		field := name.String()
		if kind := decoder.PeekKind(); kind != '"' && kind != 0 {
			return nil, fmt.Errorf("field %q of the vendor's secret is a JSON %s: %s", field, kindName(kind), want)
		}
		value, err := decoder.ReadToken()
		if err != nil {
			return nil, malformed()
		}
		secret[field] = value.String()
	}
	if _, err := decoder.ReadToken(); err != nil {
		return nil, malformed()
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, malformed()
	}
	return secret, nil
}

// String implements fmt.Stringer and hides the values.
func (s Secret) String() string { return redacted }

// GoString implements fmt.GoStringer and hides the values.
func (s Secret) GoString() string { return redacted }

// Format implements fmt.Formatter, since verbs other than those for strings would print the map itself.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalJSON implements json.Marshaler and hides the values.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// LogValue implements slog.LogValuer and hides the values.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// shortestHidden is the length from which a value is hidden in texts. Hiding shorter ones would riddle every
// text, and they protect nothing.
const shortestHidden = 4

// redactor replaces the secret's values in a text, in each form in which a vendor may echo them.
func (s Secret) redactor(auth Auth) *strings.Replacer {
	var hidden []string
	hide := func(value string) {
		if len(value) < shortestHidden {
			return
		}
		quoted, _ := json.Marshal(value)
		hidden = append(hidden, value, url.QueryEscape(value), url.PathEscape(value), strings.Trim(string(quoted), `"`))
	}
	for _, value := range s {
		hide(value)
	}
	if auth.Kind == AuthBasic {
		hide(basicPair(s[auth.UsernameField], s[auth.PasswordField]))
	}
	// A value that holds another one goes first, or its rest would stay.
	slices.SortFunc(hidden, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	var pairs []string
	for _, value := range slices.Compact(hidden) {
		pairs = append(pairs, value, redacted)
	}
	return strings.NewReplacer(pairs...)
}

// basicPair is what HTTP basic authorization sends.
func basicPair(username, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
}

func kindName(kind jsontext.Kind) string {
	switch kind {
	case 'n':
		return "null"
	case 't', 'f':
		return "boolean"
	case '"':
		return "string"
	case '0':
		return "number"
	case '{':
		return "object"
	case '[':
		return "array"
	}
	return "fragment"
}
