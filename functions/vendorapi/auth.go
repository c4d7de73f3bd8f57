package vendorapi

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// SecretFields returns the names of the fields of the vendor's secret that Auth needs, sorted.
func (v *Vendor) SecretFields() []string {
	var fields []string
	switch v.Auth.Kind {
	case AuthHeaders:
		fields = slices.Collect(maps.Values(v.Auth.HeaderFields))
	case AuthBearer, AuthQueryKey:
		fields = []string{v.Auth.TokenField}
	case AuthBasic:
		fields = []string{v.Auth.UsernameField, v.Auth.PasswordField}
	case AuthToken:
		fields = v.Auth.Token.secretFields()
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

// CheckSecret says which fields the secret lacks that Auth needs, and which hold what a request cannot carry. It
// names fields, never values.
func (v *Vendor) CheckSecret(secret Secret) error {
	var missing, unfit []string
	for _, field := range v.SecretFields() {
		switch value := secret[field]; {
		case value == "":
			missing = append(missing, field)
		case strings.ContainsFunc(value, isControl):
			unfit = append(unfit, field)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the secret of vendor %s lacks %s: put each into the secret's JSON object as a string that is not empty (fields needed: %s)",
			v.Name, strings.Join(missing, ", "), strings.Join(v.SecretFields(), ", "))
	}
	if len(unfit) > 0 {
		return fmt.Errorf("the secret of vendor %s holds control characters, a line break perhaps, in %s: store the value without them",
			v.Name, strings.Join(unfit, ", "))
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// authorize puts the credentials into a request that is about to leave. Token is the one that was fetched (AuthToken).
func (a Auth) authorize(request *http.Request, secret Secret, token string) {
	switch a.Kind {
	case AuthHeaders:
		for header, field := range a.HeaderFields {
			request.Header.Set(header, secret[field])
		}
	case AuthBearer:
		request.Header.Set("Authorization", "Bearer "+secret[a.TokenField])
	case AuthBasic:
		request.SetBasicAuth(secret[a.UsernameField], secret[a.PasswordField])
	case AuthQueryKey:
		query := request.URL.Query()
		query.Set(a.Parameter, secret[a.TokenField])
		request.URL.RawQuery = query.Encode()
	case AuthToken:
		a.Token.withDefaults().send(request, token)
	}
}
