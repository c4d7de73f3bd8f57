package vendorapi

import (
	"strings"
	"time"
)

// DefaultTokenLifetime is how long a token is taken to live where neither the answer nor the description says.
const DefaultTokenLifetime = time.Hour

// TokenBody names how the body of a token request is written.
type TokenBody string

const (
	// TokenForm writes application/x-www-form-urlencoded, as OAuth 2 does.
	TokenForm TokenBody = "form"
	// TokenJSON writes a JSON object of strings, in which names joined by dots are nested objects.
	TokenJSON TokenBody = "json"
)

// TokenRequest is a POST whose answer, a JSON object, holds a token, and says how the token is sent. The usual kinds have
// constructors, all of which give an [Auth] that may be changed further: [ClientCredentials], [AccountCredentials],
// [RefreshToken], [Login].
//
// A token is fetched once and kept for as long as the function's process lives. It is renewed when half its life is over, and
// once where the vendor rejects it. The vendor's Headers are not sent with the token request, its Retry and its RequestTimeout apply.
type TokenRequest struct {
	// URL is the whole address, without a query. Its host is, beside the one of BaseURL, the only one that credentials go to.
	// HTTPS only, and no private address, unless AllowPrivate is set.
	URL string `json:"url,omitempty"`
	// Body is how the body is written. Default [TokenForm].
	Body TokenBody `json:"body,omitempty"`
	// Fixed are fields of the body that hold no secrets, such as grant_type and scope.
	Fixed map[string]string `json:"fixed,omitempty"`
	// SecretFields maps a field of the body to the secret's field that holds its value.
	SecretFields map[string]string `json:"secretFields,omitempty"`
	// UsernameField and PasswordField are the secret's fields that are sent as HTTP basic authorization. Both empty sends none. With
	// a form they are encoded first, as RFC 6749, section 2.3.1, asks for; letters and digits stay as they are.
	UsernameField string `json:"usernameField,omitempty"`
	PasswordField string `json:"passwordField,omitempty"`

	// TokenPath leads to the token in the answer. Default access_token.
	TokenPath string `json:"tokenPath,omitempty"`
	// LifetimePath leads to the number of LifetimeUnits that the token lives for. Default expires_in.
	LifetimePath string `json:"lifetimePath,omitempty"`
	// LifetimeUnit is the unit of the number there. Default 1s.
	LifetimeUnit Duration `json:"lifetimeUnit,omitempty"`
	// Lifetime counts where the answer holds none. Default [DefaultTokenLifetime].
	Lifetime Duration `json:"lifetime,omitempty"`
	// Refresh says where the refresh token stands, for vendors that give new ones. Zero means that there is none.
	Refresh Refresh `json:"refresh,omitzero"`

	// Header is the header that the token is sent in. Default Authorization.
	Header string `json:"header,omitempty"`
	// Scheme goes before the token in its header, with a space between. Default Bearer where Header is left out, nothing where it is given.
	Scheme string `json:"scheme,omitempty"`
	// Parameter is the query parameter that the token is sent in, in place of a header.
	Parameter string `json:"parameter,omitempty"`
	// Rejected are answers that mean, as 401 always does, that the token has ended before its time.
	Rejected []Answer `json:"rejected,omitempty"`
}

// Refresh says where a refresh token stands (RFC 6749, section 6). An answer without a new one leaves the old one as it is.
type Refresh struct {
	// Field is the secret's field that holds it, which SecretFields places in the body. Where an answer brings a new one, it is stored there.
	Field string `json:"field,omitempty"`
	// Path leads to the new refresh token in the answer. Default refresh_token.
	Path string `json:"path,omitempty"`
	// Reusable says that the vendor takes one refresh token again and again. Otherwise one is never sent twice, since many
	// authorization servers revoke everything where that happens (RFC 9700, section 4.14.2): a request that may have reached the
	// vendor, but whose answer was lost, then ends as [ErrTokenLost] and asks a person to authorize again.
	Reusable bool `json:"reusable,omitempty"`
}

// The secret's fields that the constructors of token requests name.
const (
	FieldClientID     = "clientId"
	FieldClientSecret = "clientSecret"
	FieldAccountID    = "accountId"
	FieldRefreshToken = "refreshToken"
)

// Fields of the secret that functions write beside a new refresh token. No description may use them.
const (
	// ReservedFields is the prefix of them all.
	ReservedFields = "windrow_"
	// FieldSpentToken is the refresh token that was given for the one in the secret.
	FieldSpentToken = ReservedFields + "spent_token"
	// FieldAccessToken is the token that came with it, for the functions of all streams.
	FieldAccessToken = ReservedFields + "access_token"
	// FieldRenewAt is when half the life of that token is over, in RFC 3339.
	FieldRenewAt = ReservedFields + "renew_at"
)

// ClientCredentials is OAuth 2's grant for a client that acts for itself (RFC 6749, section 4.4). The secret has the fields
// clientId and clientSecret, sent as basic authorization.
func ClientCredentials(address string, scopes ...string) Auth {
	fixed := map[string]string{"grant_type": "client_credentials"}
	if len(scopes) > 0 {
		fixed["scope"] = strings.Join(scopes, " ")
	}
	return Auth{Kind: AuthToken, Token: TokenRequest{URL: address, Fixed: fixed, UsernameField: FieldClientID, PasswordField: FieldClientSecret}}
}

// ClientCredentialsInBody is [ClientCredentials] for a vendor that wants them as client_id and client_secret in the form.
func ClientCredentialsInBody(address string, scopes ...string) Auth {
	auth := ClientCredentials(address, scopes...)
	auth.Token.UsernameField, auth.Token.PasswordField = "", ""
	auth.Token.SecretFields = map[string]string{"client_id": FieldClientID, "client_secret": FieldClientSecret}
	return auth
}

// AccountCredentials is Zoom's grant for server-to-server apps. The secret has the fields accountId, clientId and clientSecret.
// https://developers.zoom.us/docs/internal-apps/s2s-oauth/
func AccountCredentials(address string) Auth {
	return Auth{Kind: AuthToken, Token: TokenRequest{
		URL:           address,
		Fixed:         map[string]string{"grant_type": "account_credentials"},
		SecretFields:  map[string]string{"account_id": FieldAccountID},
		UsernameField: FieldClientID, PasswordField: FieldClientSecret,
	}}
}

// RefreshToken is OAuth 2's grant by a refresh token (RFC 6749, section 6), which a person has authorized once. The secret has
// the fields clientId, clientSecret and refreshToken; where the vendor gives a new refresh token, the function stores it there.
func RefreshToken(address string) Auth {
	return Auth{Kind: AuthToken, Token: TokenRequest{
		URL:           address,
		Fixed:         map[string]string{"grant_type": "refresh_token"},
		SecretFields:  map[string]string{"refresh_token": FieldRefreshToken},
		UsernameField: FieldClientID, PasswordField: FieldClientSecret,
		Refresh: Refresh{Field: FieldRefreshToken},
	}}
}

// Login is a call with a JSON body whose answer holds a token at tokenPath. SecretFields maps the body's fields to the secret's.
func Login(address, tokenPath string, secretFields map[string]string) Auth {
	return Auth{Kind: AuthToken, Token: TokenRequest{URL: address, Body: TokenJSON, SecretFields: secretFields, TokenPath: tokenPath}}
}

// RenewsSecret says whether a function has to write the vendor's secret, since its refresh token may be replaced by a new one.
func (v *Vendor) RenewsSecret() bool {
	return v.Auth.Kind == AuthToken && v.Auth.Token.Refresh.Field != ""
}

// queryParameter is the parameter that holds a credential in each request's query, empty where there is none.
func (a Auth) queryParameter() string {
	switch a.Kind {
	case AuthQueryKey:
		return a.Parameter
	case AuthToken:
		return a.Token.Parameter
	}
	return ""
}

// withDefaults fills what the description leaves out.
func (t TokenRequest) withDefaults() TokenRequest {
	if t.Body == "" {
		t.Body = TokenForm
	}
	if t.TokenPath == "" {
		t.TokenPath = "access_token"
	}
	if t.LifetimePath == "" {
		t.LifetimePath = "expires_in"
	}
	if t.LifetimeUnit == 0 {
		t.LifetimeUnit = Duration(time.Second)
	}
	if t.Lifetime == 0 {
		t.Lifetime = Duration(DefaultTokenLifetime)
	}
	if t.Refresh.Path == "" {
		t.Refresh.Path = "refresh_token"
	}
	if t.Header == "" {
		t.Header = "Authorization"
		if t.Scheme == "" {
			t.Scheme = "Bearer"
		}
	}
	return t
}

// spends says whether a request uses up what it sends.
func (t TokenRequest) spends() bool { return t.Refresh.Field != "" && !t.Refresh.Reusable }
