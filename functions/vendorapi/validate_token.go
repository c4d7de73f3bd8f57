package vendorapi

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// checkToken checks how a token is fetched, where the kind of auth is by one.
func (v *Vendor) checkToken(f *faults) {
	t := v.Auth.Token
	if v.Auth.Kind != AuthToken {
		if !reflect.ValueOf(t).IsZero() {
			f.add("token", t.URL, "auth kind %s does not use it: leave it out, or change the kind to %s", v.Auth.Kind, AuthToken)
		}
		return
	}
	f.under("token", func() {
		v.checkTokenURL(f)
		t.checkBody(f)
		t.checkAnswer(f)
		t.checkSending(f)
	})
}

func (v *Vendor) checkTokenURL(f *faults) {
	const example = "want the whole address of the token request, for example https://login.example.com/oauth/token"
	address, err := url.Parse(v.Auth.Token.URL)
	switch {
	case err != nil || address.Hostname() == "" || address.Opaque != "":
		f.add("url", hidden, example)
		return
	case address.User != nil:
		f.add("url", address.Host, "the address holds a user or password: want the names of the secret's fields as usernameField and passwordField")
	case address.RawQuery != "" || address.ForceQuery || address.Fragment != "":
		f.add("url", address.Host, "the address holds a query or a fragment: want its parameters under fixed and secretFields")
	}
	v.checkHost(f, "url", address, example)
}

// checkHost refuses an address that credentials must not go to.
func (v *Vendor) checkHost(f *faults, path string, address *url.URL, example string) {
	switch {
	case address.Scheme != "https" && address.Scheme != "http":
		f.add(path, address.Scheme, "%s", example)
	case address.Scheme == "http" && !v.AllowPrivate:
		f.add(path, address.Scheme, "want https; http is for a simulated vendor and needs allowPrivate")
	}
	if !v.AllowPrivate && privateHost(address.Hostname()) {
		f.add(path, address.Hostname(), "this host is inside a network: want a public one; allowPrivate permits it where the vendor is simulated")
	}
}

// credentialNames are what fields are called that hold credentials, and so do not stand in a description.
var credentialNames = []string{"client_secret", "password", "refresh_token", "assertion", "client_assertion", "api_key", "apikey", "secret"}

func (t TokenRequest) checkBody(f *faults) {
	if t.Body != "" && t.Body != TokenForm && t.Body != TokenJSON {
		f.add("body", string(t.Body), "want %s or %s", TokenForm, TokenJSON)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Fixed)) {
		_, twice := t.SecretFields[name]
		switch {
		case name == "":
			f.add("fixed", name, "want the name of a field of the body")
		case twice:
			f.add("fixed."+name, hidden, "secretFields writes this field too: want it in one place")
		case slices.Contains(credentialNames, strings.ToLower(name)):
			f.add("fixed."+name, hidden, "a field of this name holds a credential: want it under secretFields, its value in the vendor's secret")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.SecretFields)) {
		switch field := t.SecretFields[name]; {
		case name == "":
			f.add("secretFields", name, "want the name of a field of the body")
		case field == "":
			f.add("secretFields."+name, "", "want the name of the secret's field that holds its value")
		}
	}
	if (t.UsernameField == "") != (t.PasswordField == "") {
		f.add("usernameField", t.UsernameField, "basic authorization takes two fields of the secret: want usernameField and passwordField, or neither")
	}
	if len(t.SecretFields) == 0 && t.UsernameField == "" && t.PasswordField == "" {
		f.add("secretFields", emptyObject, "the request sends no credential: want fields of the secret here, or as usernameField and passwordField")
	}
	for _, field := range t.secretFields() {
		if strings.HasPrefix(field, ReservedFields) {
			f.add("secretFields", field, "functions write the secret's fields of this prefix themselves: want another name")
		}
	}
	if t.Body == TokenJSON {
		if _, err := fillBody(nil, t.placed(Secret{})); err != nil {
			f.add("body", string(t.Body), "%v: want each value in a place of its own", err)
		}
	}
	switch placed := slices.Contains(slices.Collect(maps.Values(t.SecretFields)), t.Refresh.Field); {
	case t.Refresh.Field != "" && !placed:
		f.add("refresh.field", t.Refresh.Field, "no field of the body takes it: want it in secretFields, for example {\"refresh_token\": %q}", t.Refresh.Field)
	case t.Refresh.Field == "" && t.Refresh != (Refresh{}):
		f.add("refresh.field", "", "want the secret's field that holds the refresh token, or no refresh at all")
	case t.Refresh.Field == "" && t.Fixed["grant_type"] == "refresh_token":
		f.add("refresh.field", "", "the request is one by a refresh token: want the secret's field that holds it, so that a new one is stored there")
	}
}

func (t TokenRequest) checkAnswer(f *faults) {
	full := t.withDefaults()
	seen := map[string]string{}
	for _, path := range []struct{ field, value string }{
		{"tokenPath", full.TokenPath}, {"lifetimePath", full.LifetimePath}, {"refresh.path", full.Refresh.Path},
	} {
		if slices.Contains(splitPath(path.value), "") {
			f.add(path.field, path.value, "want names joined by dots")
		}
		if other, taken := seen[path.value]; taken {
			f.add(path.field, path.value, "%s leads to the same value: want another", other)
		}
		seen[path.value] = path.field
	}
	if t.LifetimeUnit < 0 {
		f.add("lifetimeUnit", t.LifetimeUnit, "want a positive duration, or 0 for 1s")
	}
	if t.Lifetime < 0 {
		f.add("lifetime", t.Lifetime, "want a positive duration, or 0 for %v", DefaultTokenLifetime)
	}
}

func (t TokenRequest) checkSending(f *faults) {
	switch {
	case t.Parameter != "" && (t.Header != "" || t.Scheme != ""):
		f.add("parameter", t.Parameter, "the token is sent in a header too: want it in one place")
	case t.Header != "" && !headerPattern.MatchString(t.Header):
		f.add("header", t.Header, "this is no name of a header")
	case slices.Contains(managedHeaders, http.CanonicalHeaderKey(t.Header)):
		f.add("header", t.Header, "the HTTP client writes this header: want another")
	case t.Scheme != "" && !headerPattern.MatchString(t.Scheme):
		f.add("scheme", t.Scheme, "want one word, for example Bearer")
	}
	for i, rejected := range t.Rejected {
		f.under(fmt.Sprintf("rejected[%d]", i), func() {
			rejected.check(f)
			if retryableStatus(rejected.Status) {
				f.add("status", rejected.Status, "this status is always retried: want another")
			}
			if rejected.Throttled {
				f.add("throttled", rejected.Throttled, "an ended token is no throttling: leave it out, or name the answer in retry.also")
			}
		})
	}
}
