package vendorapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const tokenURL = "https://login.example.com/oauth/token"

func TestTokenDescriptions(t *testing.T) {
	for name, auth := range map[string]Auth{
		"client credentials":         ClientCredentials(tokenURL, "read", "list"),
		"client credentials in body": ClientCredentialsInBody(tokenURL),
		"account credentials":        AccountCredentials(tokenURL),
		"refresh token":              RefreshToken(tokenURL),
		"login":                      Login(tokenURL, "data.token", map[string]string{"user.name": "name", "user.key": "key"}),
		"everything": {Kind: AuthToken, Token: TokenRequest{
			URL: tokenURL, Body: TokenForm, Fixed: map[string]string{"grant_type": "x"}, SecretFields: map[string]string{"r": "refresh"},
			UsernameField: "u", PasswordField: "p", TokenPath: "a.t", LifetimePath: "a.l", LifetimeUnit: Duration(time.Millisecond),
			Lifetime: Duration(time.Minute), Refresh: Refresh{Field: "refresh", Path: "a.r", Reusable: true},
			Header: "X-Token", Scheme: "Token", Rejected: []Answer{{Status: 403, BodyContains: "expired"}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			v := full()
			v.Auth = auth
			written, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Parse(written)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if want := name == "refresh token" || name == "everything"; got.RenewsSecret() != want {
				t.Errorf("it renews the secret: %v, want %v", !want, want)
			}
		})
	}
	fields := func(auth Auth) []string { return (&Vendor{Auth: auth}).SecretFields() }
	for name, c := range map[string]struct{ got, want []string }{
		"account credentials": {fields(AccountCredentials(tokenURL)), []string{"accountId", "clientId", "clientSecret"}},
		"refresh token":       {fields(RefreshToken(tokenURL)), []string{"clientId", "clientSecret", "refreshToken"}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("the secret's fields of %s (-want +got):\n%s", name, diff)
		}
	}
}

func TestValidateToken(t *testing.T) {
	token := func(change func(*TokenRequest)) func(*Vendor) {
		return func(v *Vendor) { change(&v.Auth.Token) }
	}
	for name, test := range map[string]struct {
		change func(*Vendor)
		want   []string
	}{
		"another kind":      {func(v *Vendor) { v.Auth = Auth{Kind: AuthNone, Token: v.Auth.Token} }, []string{`auth.token: "` + tokenURL + `": auth kind none does not use it`}},
		"a field of others": {func(v *Vendor) { v.Auth.TokenField = "t" }, []string{`auth.tokenField: "t": auth kind token does not use it`}},
		"no address":        {token(func(r *TokenRequest) { r.URL = "" }), []string{"auth.token.url: [redacted]: want the whole address"}},
		"plain HTTP":        {token(func(r *TokenRequest) { r.URL = "http://login.example.com/t" }), []string{`auth.token.url: "http": want https`}},
		"private":           {token(func(r *TokenRequest) { r.URL = "https://169.254.169.254/t" }), []string{`auth.token.url: "169.254.169.254": this host is inside`}},
		"a password":        {token(func(r *TokenRequest) { r.URL = "https://me:pa55@login.example.com/t" }), []string{`auth.token.url: "login.example.com": the address holds a user`}},
		"a query":           {token(func(r *TokenRequest) { r.URL += "?secret=pa55" }), []string{`auth.token.url: "login.example.com": the address holds a query`}},
		"body":              {token(func(r *TokenRequest) { r.Body = "xml" }), []string{`auth.token.body: "xml": want form or json`}},
		"no credential": {token(func(r *TokenRequest) {
			r.UsernameField, r.PasswordField, r.SecretFields, r.Refresh = "", "", nil, Refresh{}
		}), []string{"auth.token.secretFields: {}: the request sends no credential", "auth.token.refresh.field"}},
		"half a pair":       {token(func(r *TokenRequest) { r.PasswordField = "" }), []string{`auth.token.usernameField: "clientId": basic authorization takes two`}},
		"a fixed password":  {token(func(r *TokenRequest) { r.Fixed["Password"] = "pa55" }), []string{"auth.token.fixed.Password: [redacted]: a field of this name holds a credential"}},
		"fixed and secret":  {token(func(r *TokenRequest) { r.Fixed["refresh_token"] = "pa55" }), []string{"auth.token.fixed.refresh_token: [redacted]: secretFields writes"}},
		"no secret's field": {token(func(r *TokenRequest) { r.SecretFields["x"] = "" }), []string{`auth.token.secretFields.x: "": want the name of the secret's field`}},
		"reserved":          {token(func(r *TokenRequest) { r.SecretFields["x"] = FieldAccessToken }), []string{`auth.token.secretFields: "windrow_access_token": functions write`}},
		"body clash":        {token(func(r *TokenRequest) { r.Body, r.SecretFields["a"], r.SecretFields["a.b"] = TokenJSON, "a", "b" }), []string{`auth.token.body: "json": `}},
		"refresh unplaced":  {token(func(r *TokenRequest) { r.Refresh.Field = "other" }), []string{`auth.token.refresh.field: "other": no field of the body takes it: want it in secretFields`}},
		"refresh forgotten": {token(func(r *TokenRequest) { r.Refresh = Refresh{} }), []string{`auth.token.refresh.field: "": the request is one by a refresh token`}},
		"refresh of none":   {token(func(r *TokenRequest) { r.Refresh, r.Fixed = Refresh{Reusable: true}, nil }), []string{`auth.token.refresh.field: "": want the secret's field`}},
		"paths":             {token(func(r *TokenRequest) { r.TokenPath, r.LifetimePath = "a..b", "refresh_token" }), []string{`auth.token.tokenPath: "a..b": want names`, `auth.token.refresh.path: "refresh_token": lifetimePath leads to the same`}},
		"lifetimes":         {token(func(r *TokenRequest) { r.Lifetime, r.LifetimeUnit = -1, -1 }), []string{"auth.token.lifetime: -1ns", "auth.token.lifetimeUnit: -1ns"}},
		"sent twice":        {token(func(r *TokenRequest) { r.Parameter, r.Header = "t", "X" }), []string{`auth.token.parameter: "t": the token is sent in a header too`}},
		"no header":         {token(func(r *TokenRequest) { r.Header = "a b" }), []string{`auth.token.header: "a b": this is no name of a header`}},
		"managed header":    {token(func(r *TokenRequest) { r.Header = "host" }), []string{`auth.token.header: "host": the HTTP client writes`}},
		"scheme":            {token(func(r *TokenRequest) { r.Scheme = "Bearer " }), []string{`auth.token.scheme: "Bearer ": want one word`}},
		"rejected": {token(func(r *TokenRequest) {
			r.Rejected = []Answer{{Status: 403}, {Status: 500}, {Status: 400, Throttled: true}}
		}), []string{"auth.token.rejected[0].bodyContains", "auth.token.rejected[1].status: 500", "auth.token.rejected[2].throttled"}},
		"header elsewhere": {func(v *Vendor) { v.Auth.Token.Header = "accept" }, []string{"headers.Accept: [redacted]: auth.token writes this header too"}},
		"parameter twice":  {token(func(r *TokenRequest) { r.Parameter = "include" }), []string{`streams[0].query: "include": auth.parameter writes this`}},
	} {
		t.Run(name, func(t *testing.T) {
			v := full()
			v.Auth = RefreshToken(tokenURL)
			test.change(v)
			err := v.Validate()
			if err == nil {
				t.Fatal("no fault was found")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("want %s\ngot %v", want, err)
				}
			}
			if faults := strings.Count(err.Error(), "\n"); faults != len(test.want) {
				t.Errorf("%d faults, want %d: %v", faults, len(test.want), err)
			}
			if strings.Contains(err.Error(), "pa55") {
				t.Errorf("a credential shows: %v", err)
			}
		})
	}
}

// TestTokenRequests compares what is sent with what the vendors' documents show.
func TestTokenRequests(t *testing.T) {
	secret := Secret{"accountId": "acc", "clientId": "id", "clientSecret": "a:b+c", "refreshToken": "r/1", "name": "mia", "key": `k"1`}
	for name, test := range map[string]struct {
		auth                    Auth
		contentType, pair, body string
	}{
		"client credentials": {ClientCredentials(tokenURL, "read", "list"), "application/x-www-form-urlencoded", "id a%3Ab%2Bc", "grant_type=client_credentials&scope=read+list"},
		"in the form":        {ClientCredentialsInBody(tokenURL), "application/x-www-form-urlencoded", "", "client_id=id&client_secret=a%3Ab%2Bc&grant_type=client_credentials"},
		"Zoom":               {AccountCredentials(tokenURL), "application/x-www-form-urlencoded", "id a%3Ab%2Bc", "account_id=acc&grant_type=account_credentials"},
		"refresh token":      {RefreshToken(tokenURL), "application/x-www-form-urlencoded", "id a%3Ab%2Bc", "grant_type=refresh_token&refresh_token=r%2F1"},
		"login":              {Login(tokenURL, "t", map[string]string{"user.name": "name", "user.key": "key"}), "application/json", "", `{"user":{"key":"k\"1","name":"mia"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := test.auth.Token.outgoing(t.Context(), secret)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(r.Body)
			user, password, basic := r.BasicAuth()
			pair := ""
			if basic {
				pair = user + " " + password
			}
			got := []string{r.Method + " " + r.URL.String(), r.Header.Get("Content-Type"), pair, string(body)}
			if diff := cmp.Diff([]string{"POST " + tokenURL, test.contentType, test.pair, test.body}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTokensAreSent(t *testing.T) {
	for name, test := range map[string]struct {
		request TokenRequest
		want    string
	}{
		"bearer":                {TokenRequest{}, "Authorization: Bearer t"},
		"another scheme":        {TokenRequest{Scheme: "Zoho-oauthtoken"}, "Authorization: Zoho-oauthtoken t"},
		"without a scheme":      {TokenRequest{Header: "Authorization"}, "Authorization: t"},
		"a header of its own":   {TokenRequest{Header: "X-Session"}, "X-Session: t"},
		"a header and a scheme": {TokenRequest{Header: "X-Auth", Scheme: "Token"}, "X-Auth: Token t"},
		"the query":             {TokenRequest{Parameter: "token"}, "?a=b&token=t"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "https://api.example.com/x?a=b", nil)
			test.request.withDefaults().send(r, "t")
			got := "?" + r.URL.RawQuery
			for header := range r.Header {
				got = header + ": " + r.Header.Get(header)
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestGrants(t *testing.T) {
	sent := time.Date(2026, 3, 10, 18, 0, 0, 0, time.UTC)
	deep := TokenRequest{TokenPath: "data.session.id", LifetimePath: "data.ttl", LifetimeUnit: Duration(time.Minute), Lifetime: Duration(4 * time.Hour)}
	refresh := TokenRequest{Refresh: Refresh{Field: "r"}}
	for name, test := range map[string]struct {
		request TokenRequest
		answer  string
		token   string
		half    time.Duration
		refresh string
		fault   string
	}{
		"OAuth":                 {TokenRequest{}, `{"access_token":"a","expires_in":3600}`, "a", 30 * time.Minute, "", ""},
		"a lifetime in a text":  {TokenRequest{}, `{"expires_in":"600","access_token":"a"}`, "a", 5 * time.Minute, "", ""},
		"no lifetime":           {TokenRequest{}, `{"access_token":"a"}`, "a", 30 * time.Minute, "", ""},
		"no lifetime, by paths": {deep, `{"data":{"session":{"id":"a"},"ttl":null}}`, "a", 2 * time.Hour, "", ""},
		"minutes":               {deep, `{"data":{"session":{"id":"a"},"ttl":90}}`, "a", 45 * time.Minute, "", ""},
		"for ever":              {TokenRequest{}, `{"access_token":"a","expires_in":1e300}`, "a", maxLifetime / 2, "", ""},
		"the old refresh token": {refresh, `{"access_token":"a","expires_in":60}`, "a", 30 * time.Second, "", ""},
		"a new refresh token":   {refresh, `{"access_token":"a","expires_in":60,"refresh_token":"n\u0065w"}`, "a", 30 * time.Second, "new", ""},
		"one that is not asked": {TokenRequest{}, `{"access_token":"a","expires_in":60,"refresh_token":"n"}`, "a", 30 * time.Second, "", ""},
		"no token":              {TokenRequest{}, `{"error":"` + canary + `"}`, "", 0, "", `no token stands at tokenPath "access_token"`},
		"a number":              {TokenRequest{}, `{"access_token":5}`, "", 0, "", "want a string"},
		"a line break":          {TokenRequest{}, `{"access_token":"a\nb"}`, "", 0, "", "want a string without control characters"},
		"a lifetime of 0":       {TokenRequest{}, `{"access_token":"a","expires_in":0}`, "", 0, "", "want a number above 0"},
		"a lifetime in words":   {TokenRequest{}, `{"access_token":"a","expires_in":"` + canary + `"}`, "", 0, "", "want a number above 0"},
		"no JSON":               {TokenRequest{}, canary, "", 0, "", "the answer is no JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.request.withDefaults().grant([]byte(test.answer), sent)
			if test.fault != "" {
				if err == nil || !strings.Contains(err.Error(), test.fault) || strings.Contains(err.Error(), "canary") {
					t.Errorf("got %v, want %s", err, test.fault)
				}
				return
			}
			if err != nil || got.Token != test.token || got.RenewAt.Sub(sent) != test.half || got.Refresh != test.refresh {
				t.Errorf("got %q, %v, %q (%v)", got.Token, got.RenewAt.Sub(sent), got.Refresh, err)
			}
		})
	}
}

func TestGrantIsNeverPrinted(t *testing.T) {
	grant := Grant{Token: canary, Refresh: canary}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "grant", grant, "held", struct{ Grant Grant }{grant})
	marshalled, err := json.Marshal(map[string]any{"a": grant})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{log.String(), string(marshalled), fmt.Sprint(grant), fmt.Sprintf("%+v %#v %q %x", grant, &grant, grant, grant), fmt.Sprintf("%+v", []any{grant})} {
		if strings.Contains(text, "canary") || !strings.Contains(text, redacted) {
			t.Errorf("got %s", text)
		}
	}
}

// TestTheTokenRequestGoesToTheDescribedHostOnly has the authorization server send the request on.
func TestTheTokenRequestGoesToTheDescribedHostOnly(t *testing.T) {
	elsewhere := 0
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		elsewhere++
		io.WriteString(w, `{"access_token":"a"}`)
	})
	v := simple(serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the vendor is asked without a token") }))
	v.Auth = ClientCredentials(serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other+"/token", http.StatusTemporaryRedirect)
	}) + "/token")
	c := mustClient(t, v, Secret{"clientId": canary, "clientSecret": canary}, newClock().options())
	_, err := c.Page(t.Context(), hour, Cursor{})
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "set auth.token.url to the new address") || elsewhere != 0 {
		t.Errorf("got %v, %d requests elsewhere", err, elsewhere)
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("a credential shows: %v", err)
	}
}

// A name that resolves to a private address is no way in for the token request either.
func TestTheTokenRequestDialsNoPrivateAddress(t *testing.T) {
	asked := 0
	address := serve(t, func(http.ResponseWriter, *http.Request) { asked++ })
	v := simple("https://api.example.com")
	v.AllowPrivate = false
	v.Auth = RefreshToken(tokenURL)
	options := newClock().options()
	options.Transport = nil
	options.Keeper = spendAtOnce{Secret{"clientId": "a", "clientSecret": "b", "refreshToken": "c"}}
	c := mustClient(t, v, Secret{"clientId": "a", "clientSecret": "b", "refreshToken": "c"}, options)
	c.tokens.request.URL = address
	if _, err := c.Page(t.Context(), hour, Cursor{}); !errors.Is(err, ErrRefused) || errors.Is(err, ErrTokenLost) || !strings.Contains(err.Error(), "no public address") || asked != 0 {
		t.Errorf("got %v, asked %d times", err, asked)
	}
}

func TestARefreshTokenNeedsAKeeper(t *testing.T) {
	v := simple("https://api.example.com")
	v.Auth = RefreshToken(tokenURL)
	_, err := NewClient(v, "things", Secret{"clientId": "a", "clientSecret": "b", "refreshToken": "c"}, newClock().options())
	if err == nil || !strings.Contains(err.Error(), "want Keeper") {
		t.Errorf("got %v", err)
	}
}

// TestCredentialsOfTokensAreHidden echoes all of them, in each form, from the vendor and from the authorization server.
func TestCredentialsOfTokensAreHidden(t *testing.T) {
	echo := ""
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, "you sent "+r.Header.Get("Authorization")+" after "+echo)
			return
		}
		body, _ := io.ReadAll(r.Body)
		echo += r.Header.Get("Authorization") + " " + string(body)
		form, _ := url.ParseQuery(string(body))
		echo += " " + form.Get("refresh_token") + " canary-token-1 canary-refresh-1"
		io.WriteString(w, `{"access_token":"canary-token-1","refresh_token":"canary-refresh-1"}`)
	}))
	v.Auth = RefreshToken(v.BaseURL + "/token")
	secret := Secret{"clientId": "canary-id", "clientSecret": canary, "refreshToken": "canary-refresh/0"}
	options := newClock().options()
	options.Keeper = spendAtOnce{secret}
	var log strings.Builder
	options.Logger = slog.New(slog.NewTextHandler(&log, nil))
	c := mustClient(t, v, secret, options)
	_, err := c.Page(t.Context(), hour, Cursor{})
	basic := basicPair(v.Auth.Token.basic(secret))
	for _, text := range []string{err.Error(), log.String(), fmt.Sprintf("%v %+v %#v", c, c, c), c.redact(echo)} {
		if strings.Contains(text, "canary") || strings.Contains(text, basic) {
			t.Errorf("a credential shows: %s", text)
		}
	}
	if !strings.Contains(err.Error(), redacted) || !strings.Contains(log.String(), "vendor token is renewed") {
		t.Errorf("got %v, logged %s", err, log.String())
	}
}

// spendAtOnce is a keeper that stores nothing.
type spendAtOnce struct{ Secret Secret }

func (k spendAtOnce) Renew(ctx context.Context, _ string, spend func(context.Context, Secret) (Grant, error)) (Grant, error) {
	return spend(ctx, k.Secret)
}
