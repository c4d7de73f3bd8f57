package vendortest

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// TokensOptions are how an authorization server behaves. The zero value gives tokens for an hour of the machine's clock, keeps
// refresh tokens as they are, and answers 401 to requests without a good token.
type TokensOptions struct {
	// Lifetime is how long a token is good for. Default 1 h.
	Lifetime time.Duration
	// Now is the server's clock. Default time.Now.
	Now func() time.Time
	// Rotate gives a new refresh token with each token, and revokes all tokens where a spent one is sent again
	// (RFC 9700, section 4.14.2).
	Rotate bool
	// ReplaceEvery gives a new refresh token with every nth token, and takes the ones before as well. Zero gives none.
	ReplaceEvery int
	// Status and Body are the answer to a request without a good token. Default 401 and a text.
	Status int
	Body   string
	// Before, where it is set, is asked before the nth token request (from 1) is looked at, and After when it has taken effect. What
	// either returns is answered in place of the token, with a status of 0 meaning that the connection breaks.
	Before, After func(n int) *TokenFault
}

// DocumentedTokens are the options for a vendor as it is documented: what Zoom and GoTo say to a token that has ended. Zoom has no
// refresh tokens, and GoTo seldom gives a new one. For any other vendor it is the zero value.
func DocumentedTokens(v *vendorapi.Vendor) TokensOptions {
	switch v.Name {
	case zoomName:
		return TokensOptions{Status: http.StatusUnauthorized, Body: zoomInvalidToken}
	case gotoName:
		return TokensOptions{Status: http.StatusForbidden, Body: gotoInvalidToken, ReplaceEvery: 5}
	}
	return TokensOptions{}
}

// TokenFault is an answer to a token request that brings none.
type TokenFault struct {
	Status     int
	RetryAfter string
	Body       string
}

// TokenStats counts what an authorization server has done.
type TokenStats struct {
	// Requests are those for a token, Issued those that brought one, and Refused those with wrong credentials.
	Requests, Issued, Refused int
	// Rejected are requests to the vendor without a good token.
	Rejected int
	// Reused counts the spent refresh tokens that were sent again.
	Reused int
}

// Tokens is an authorization server with the vendor behind it: it answers token requests as the description says they are made,
// and lets those through to the vendor that carry a token which is good. It is safe for concurrent use.
type Tokens struct {
	auth    vendorapi.Auth
	path    string
	secret  map[string]string
	options TokensOptions
	next    http.Handler

	mu      sync.Mutex
	stats   TokenStats
	issued  int
	good    map[string]time.Time // until when each token is good
	spent   map[string]bool
	refresh string
	// replaced are refresh tokens that are good beside the newest one.
	replaced map[string]bool
}

// NewTokens returns an authorization server in front of next, for a description whose auth is by token. The secret is what
// it accepts.
func NewTokens(auth vendorapi.Auth, secret map[string]string, o TokensOptions, next http.Handler) *Tokens {
	if o.Lifetime == 0 {
		o.Lifetime = time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Status == 0 {
		o.Status, o.Body = http.StatusUnauthorized, "The token is missing, wrong or has ended"
	}
	t := &Tokens{auth: auth, secret: secret, options: o, next: next, good: map[string]time.Time{}, spent: map[string]bool{}, replaced: map[string]bool{}}
	if address, err := url.Parse(auth.Token.URL); err == nil {
		t.path = address.Path
	}
	t.refresh = secret[auth.Token.Refresh.Field]
	return t
}

// Revoke ends all tokens, as a vendor does whose keys have changed. Refresh tokens stay good.
func (t *Tokens) Revoke() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.good)
}

// Authorize begins anew with a refresh token that a person has got, and ends what there was before.
func (t *Tokens) Authorize(refresh string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.good)
	clear(t.replaced)
	t.refresh = refresh
}

// Refresh returns the refresh token that is good now, empty where all is revoked.
func (t *Tokens) Refresh() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refresh
}

// Stats returns what was done so far.
func (t *Tokens) Stats() TokenStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stats
}

// ServeHTTP answers a token request, or passes another one on.
func (t *Tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == t.path {
		t.serveToken(w, r)
		return
	}
	t.mu.Lock()
	until, known := t.good[t.sent(r)]
	good := known && t.options.Now().Before(until)
	if !good {
		t.stats.Rejected++
	}
	t.mu.Unlock()
	if !good {
		io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxRequestBody))
		w.WriteHeader(t.options.Status)
		io.WriteString(w, t.options.Body)
		return
	}
	t.next.ServeHTTP(w, r)
}

// sent is the token in a request to the vendor.
func (t *Tokens) sent(r *http.Request) string {
	described := t.auth.Token
	if described.Parameter != "" {
		return r.URL.Query().Get(described.Parameter)
	}
	if described.Header == "" && described.Scheme == "" {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		return token
	}
	header := described.Header
	if header == "" {
		header = "Authorization"
	}
	if described.Scheme == "" {
		return r.Header.Get(header)
	}
	token, ok := strings.CutPrefix(r.Header.Get(header), described.Scheme+" ")
	if !ok {
		return ""
	}
	return token
}

func (t *Tokens) serveToken(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBody))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	t.mu.Lock()
	t.stats.Requests++
	n := t.stats.Requests
	t.mu.Unlock()
	if t.options.Before != nil {
		if fault := t.options.Before(n); fault != nil {
			fault.send(w)
			return
		}
	}
	answer, refusal := t.answer(r, body)
	if t.options.After != nil {
		if fault := t.options.After(n); fault != nil {
			fault.send(w)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if refusal != "" {
		w.WriteHeader(http.StatusBadRequest)
		json.NewEncoder(w).Encode(map[string]string{"error": refusal})
		return
	}
	w.Write(answer)
}

func (f *TokenFault) send(w http.ResponseWriter) {
	if f.Status == 0 {
		panic(http.ErrAbortHandler)
	}
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	w.WriteHeader(f.Status)
	io.WriteString(w, f.Body)
}

// answer checks a token request and gives a token, or says in a word of RFC 6749 what is wrong.
func (t *Tokens) answer(r *http.Request, body []byte) (answer []byte, refusal string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	refuse := func(word string) ([]byte, string) {
		t.stats.Refused++
		return nil, word
	}
	described := t.auth.Token
	fields, ok := t.bodyFields(r, body)
	if !ok || r.Method != http.MethodPost {
		return refuse("invalid_request")
	}
	for name, want := range described.Fixed {
		if fields[name] != want {
			return refuse("unsupported_grant_type")
		}
	}
	if described.UsernameField != "" {
		username, password, _ := r.BasicAuth()
		if described.Body != vendorapi.TokenJSON {
			username, password = unescaped(username), unescaped(password)
		}
		if !equal(username, t.secret[described.UsernameField]) || !equal(password, t.secret[described.PasswordField]) {
			return refuse("invalid_client")
		}
	}
	for name, field := range described.SecretFields {
		switch {
		case field == described.Refresh.Field && t.spent[fields[name]]:
			// Somebody has stolen the token, or uses it twice: neither is told from the other.
			t.stats.Reused++
			clear(t.good)
			t.refresh = ""
			return refuse("invalid_grant")
		case field == described.Refresh.Field && !equal(fields[name], t.refresh) && !t.replaced[fields[name]]:
			return refuse("invalid_grant")
		case field != described.Refresh.Field && !equal(fields[name], t.secret[field]):
			return refuse("invalid_client")
		}
	}
	return t.issue(), ""
}

// issue makes a token. The caller holds the lock.
func (t *Tokens) issue() []byte {
	described := t.auth.Token
	t.issued++
	t.stats.Issued++
	token := fmt.Sprintf("simulated-token-%d", t.issued)
	t.good[token] = t.options.Now().Add(t.options.Lifetime)
	answer := map[string]any{}
	place := func(path, fallback string, value any) {
		if path == "" {
			path = fallback
		}
		names := strings.Split(path, ".")
		at := answer
		for _, name := range names[:len(names)-1] {
			below, ok := at[name].(map[string]any)
			if !ok {
				below = map[string]any{}
				at[name] = below
			}
			at = below
		}
		at[names[len(names)-1]] = value
	}
	unit := time.Second
	if described.LifetimeUnit > 0 {
		unit = described.LifetimeUnit.D()
	}
	place(described.TokenPath, "access_token", token)
	place(described.LifetimePath, "expires_in", json.Number(strconv.FormatInt(int64(t.options.Lifetime/unit), 10)))
	replaces := t.options.ReplaceEvery > 0 && t.issued%t.options.ReplaceEvery == 0
	if (t.options.Rotate || replaces) && described.Refresh.Field != "" {
		if t.options.Rotate {
			t.spent[t.refresh] = true
		} else {
			t.replaced[t.refresh] = true
		}
		t.refresh = fmt.Sprintf("simulated-refresh-%d", t.issued)
		place(described.Refresh.Path, "refresh_token", t.refresh)
	}
	body, _ := json.Marshal(answer)
	return body
}

// bodyFields are the fields of a token request's body, those of nested objects by names joined by dots.
func (t *Tokens) bodyFields(r *http.Request, body []byte) (map[string]string, bool) {
	fields := map[string]string{}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if t.auth.Token.Body != vendorapi.TokenJSON {
		form, err := url.ParseQuery(string(body))
		for name := range form {
			fields[name] = form.Get(name)
		}
		return fields, err == nil && kind == "application/x-www-form-urlencoded"
	}
	var object map[string]any
	if kind != "application/json" || json.NewDecoder(bytes.NewReader(body)).Decode(&object) != nil {
		return nil, false
	}
	var flatten func(prefix string, object map[string]any)
	flatten = func(prefix string, object map[string]any) {
		for name, value := range object {
			switch value := value.(type) {
			case string:
				fields[prefix+name] = value
			case map[string]any:
				flatten(prefix+name+".", value)
			}
		}
	}
	flatten("", object)
	return fields, true
}

func unescaped(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

func equal(got, want string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}
