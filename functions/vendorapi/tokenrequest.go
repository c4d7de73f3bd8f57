package vendorapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Grant is what a token request brought. However it is printed, logged or marshalled, its tokens stay out; but for an
// unexported field of another type, as with a [Secret].
type Grant struct {
	// Token authorizes requests.
	Token string
	// RenewAt is when half of its life is over.
	RenewAt time.Time
	// Refresh is the refresh token that takes the place of the one sent, empty where that stays.
	Refresh string
}

// String implements fmt.Stringer and hides the tokens.
func (g Grant) String() string { return redacted }

// Format implements fmt.Formatter and hides the tokens, whatever the verb.
func (g Grant) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler and hides the tokens.
func (g Grant) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer and hides the tokens.
func (g Grant) LogValue() slog.Value { return slog.StringValue(redacted) }

// secretFields returns the names of the secret's fields that the request sends.
func (t TokenRequest) secretFields() []string {
	fields := slices.Collect(maps.Values(t.SecretFields))
	for _, field := range []string{t.UsernameField, t.PasswordField} {
		if field != "" {
			fields = append(fields, field)
		}
	}
	return fields
}

// basic returns the name and the password that the request sends.
func (t TokenRequest) basic(secret Secret) (username, password string) {
	username, password = secret[t.UsernameField], secret[t.PasswordField]
	if t.Body == TokenJSON {
		return username, password
	}
	return url.QueryEscape(username), url.QueryEscape(password)
}

// placed are the fields of the body.
func (t TokenRequest) placed(secret Secret) []placed {
	var all []placed
	for _, name := range slices.Sorted(maps.Keys(t.Fixed)) {
		all = append(all, placedText(Place{In: InBody, Name: name}, t.Fixed[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(t.SecretFields)) {
		all = append(all, placedText(Place{In: InBody, Name: name}, secret[t.SecretFields[name]]))
	}
	return all
}

// outgoing is the request as it is sent.
func (t TokenRequest) outgoing(ctx context.Context, secret Secret) (*http.Request, error) {
	var body []byte
	contentType := "application/x-www-form-urlencoded"
	if t.Body == TokenJSON {
		contentType = "application/json"
		var err error
		if body, err = fillBody(nil, t.placed(secret)); err != nil {
			return nil, err
		}
	} else {
		form := url.Values{}
		for _, p := range t.placed(secret) {
			form.Set(p.place.Name, p.text)
		}
		body = []byte(form.Encode())
	}
	outgoing, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	outgoing.Header.Set("Accept", "application/json")
	outgoing.Header.Set("User-Agent", userAgent)
	outgoing.Header.Set("Content-Type", contentType)
	if t.UsernameField != "" {
		outgoing.SetBasicAuth(t.basic(secret))
	}
	return outgoing, nil
}

// send puts the token into a request to the vendor. The description is one with its defaults filled in.
func (t TokenRequest) send(request *http.Request, token string) {
	switch {
	case t.Parameter != "":
		query := request.URL.Query()
		query.Set(t.Parameter, token)
		request.URL.RawQuery = query.Encode()
	case t.Scheme != "":
		request.Header.Set(t.Header, t.Scheme+" "+token)
	default:
		request.Header.Set(t.Header, token)
	}
}

// rejects says whether an answer to another request means that the token has ended.
func (t TokenRequest) rejects(status int, body []byte) bool {
	_, told := matching(t.Rejected, status, body)
	return told || status == http.StatusUnauthorized
}

// maxLifetime keeps what a vendor writes within a time.Duration.
const maxLifetime = 10 * 365 * 24 * time.Hour

// grant reads an answer to a request that was sent at a time. Its errors quote nothing of the answer.
func (t TokenRequest) grant(answer []byte, sent time.Time) (Grant, error) {
	values, err := newFieldReader(t.TokenPath, t.LifetimePath, t.Refresh.Path).read(answer)
	if err != nil {
		return Grant{}, errors.New("the answer is no JSON object")
	}
	token, err := textAt(t.TokenPath, values[0])
	if err != nil {
		return Grant{}, err
	}
	if token == "" {
		return Grant{}, fmt.Errorf("no token stands at tokenPath %q", t.TokenPath)
	}
	refresh := ""
	if t.Refresh.Field != "" {
		if refresh, err = textAt(t.Refresh.Path, values[2]); err != nil {
			return Grant{}, err
		}
	}
	life := t.Lifetime.D()
	if text := strings.Trim(string(values[1]), `"`); text != "" && text != "null" {
		units, err := strconv.ParseFloat(text, 64)
		if err != nil || !(units > 0) {
			return Grant{}, fmt.Errorf("no lifetime stands at lifetimePath %q: want a number above 0", t.LifetimePath)
		}
		life = time.Duration(min(units*float64(t.LifetimeUnit), float64(maxLifetime)))
	}
	return Grant{Token: token, RenewAt: sent.Add(life / 2), Refresh: refresh}, nil
}

// textAt is the text of the JSON value at a path, empty where none is there.
func textAt(path string, value jsontext.Value) (string, error) {
	switch value.Kind() {
	case 0, 'n':
		return "", nil
	case '"':
		text, err := jsontext.AppendUnquote(nil, []byte(value))
		if err == nil && !strings.ContainsFunc(string(text), isControl) {
			return string(text), nil
		}
	}
	return "", fmt.Errorf("the value at %q is no token: want a string without control characters", path)
}

// unclear says whether the vendor may have carried out a request that failed so: not where no connection was made, and not where
// it says that it has done nothing.
func (f *failure) unclear() bool {
	if f.status == 0 {
		return !f.unsent
	}
	return f.status/100 == 2 || f.status/100 == 5 && f.status != http.StatusServiceUnavailable || f.status == http.StatusRequestTimeout
}

// neverSent says whether a request failed before anything of it had left.
func neverSent(err error) bool {
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}
