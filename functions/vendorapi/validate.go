package vendorapi

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Validate returns every fault of the description at once, or nil. Each names the field's path, the value
// received, and what is allowed.
func (v *Vendor) Validate() error {
	if v.Invalid != nil {
		return v.Invalid
	}
	if err := checkFormat(v.Format); err != nil {
		return err
	}
	var f faults
	v.checkSelf(&f)
	for i := range v.Streams {
		f.under(fmt.Sprintf("streams[%d]", i), func() { v.checkStream(&f, &v.Streams[i]) })
	}
	return f.err(v.Name)
}

// faults gathers what is wrong, each with the path of its field.
type faults struct {
	prefix string
	found  []error
}

// under puts the name of a field before the paths of the faults that check finds.
func (f *faults) under(name string, check func()) {
	outer := f.prefix
	f.prefix += name + "."
	check()
	f.prefix = outer
}

// bare is a value that is shown as it is, not quoted as a string.
type bare string

const (
	emptyList   bare = "[]"
	emptyObject bare = "{}"
	hidden      bare = redacted
)

func (f *faults) add(path string, value any, want string, arguments ...any) {
	if text, ok := value.(string); ok {
		value = fmt.Sprintf("%q", text)
	}
	f.found = append(f.found, fmt.Errorf("%s%s: %v: %s", f.prefix, path, value, fmt.Sprintf(want, arguments...)))
}

func (f *faults) err(vendor string) error {
	if len(f.found) == 0 {
		return nil
	}
	head := fmt.Errorf("vendor description %q has %d faults:", vendor, len(f.found))
	if len(f.found) == 1 {
		head = fmt.Errorf("vendor description %q has a fault:", vendor)
	}
	return errors.Join(append([]error{head}, f.found...)...)
}

const (
	maxVendorName = 32
	maxStreamName = 32
	maxAttempts   = 100
	leastPage     = 1 << 10
)

var (
	namePattern   = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	columnPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	headerPattern = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	pathPattern   = regexp.MustCompile(`^(/[A-Za-z0-9._~!$&'()*+,;=:@%{}-]*)*$`)
	placeholder   = regexp.MustCompile(`\{([^{}]*)\}`)
)

func checkName(f *faults, name string, most int) {
	if !namePattern.MatchString(name) || len(name) > most {
		f.add("name", name, "want lower-case letters, digits and single hyphens, from a letter on, at most %d characters", most)
	}
}

func (v *Vendor) checkSelf(f *faults) {
	checkName(f, v.Name, maxVendorName)
	v.checkBaseURL(f)
	f.under("auth", func() {
		v.Auth.check(f)
		v.checkToken(f)
	})
	v.checkHeaders(f)
	f.under("retry", func() { v.Retry.check(f) })
	v.RateLimit.check(f)
	if !(v.BackfillShare >= 0 && v.BackfillShare < 1) {
		f.add("backfillShare", v.BackfillShare, "want a part of the limits above 0 and below 1, or 0 for %v", DefaultBackfillShare)
	}
	if v.RequestTimeout < 0 {
		f.add("requestTimeout", v.RequestTimeout, "want a positive duration, or 0 for %v", DefaultRequestTimeout)
	}
	if v.MaxPageBytes != 0 && v.MaxPageBytes < leastPage {
		f.add("maxPageBytes", v.MaxPageBytes, "want at least %d, or 0 for %d", leastPage, DefaultMaxPageBytes)
	}
	v.checkProtect(f)
	if len(v.Streams) == 0 {
		f.add("streams", emptyList, "want at least one stream")
	}
	first := map[string]int{}
	for i, s := range v.Streams {
		if earlier, taken := first[s.Name]; taken {
			f.add(fmt.Sprintf("streams[%d].name", i), s.Name, "streams[%d] has this name already: want another", earlier)
			continue
		}
		first[s.Name] = i
	}
}

func (v *Vendor) checkBaseURL(f *faults) {
	const example = "want scheme, host and path, for example https://api.example.com/v2"
	base, err := url.Parse(v.BaseURL)
	switch {
	case err != nil || base.Host == "" || base.Hostname() == "" || base.Opaque != "":
		f.add("baseURL", v.BaseURL, example)
		return
	case base.User != nil:
		// The value is left out, since what stands before the @ is a credential.
		f.add("baseURL", base.Host, "the address holds a user or password: want it in the vendor's secret, see auth")
	case base.RawQuery != "" || base.ForceQuery || base.Fragment != "" || strings.HasSuffix(v.BaseURL, "#"):
		f.add("baseURL", base.Host, "the address holds a query or a fragment: want fixed parameters under a stream's query")
	case strings.HasSuffix(v.BaseURL, "/"):
		f.add("baseURL", v.BaseURL, "want it without the slash at its end, since each stream's path begins with one")
	}
	v.checkHost(f, "baseURL", base, example)
}

// credentialHeaders are those that carry credentials by their meaning.
var credentialHeaders = []string{"Authorization", "Cookie", "Proxy-Authorization"}

// managedHeaders are written by the HTTP client.
var managedHeaders = []string{"Accept-Encoding", "Connection", "Content-Length", "Host", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

func (v *Vendor) checkHeaders(f *faults) {
	for _, name := range slices.Sorted(maps.Keys(v.Headers)) {
		path := "headers." + name
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !headerPattern.MatchString(name):
			f.add(path, name, "this is no name of a header")
		case slices.Contains(credentialHeaders, canonical):
			f.add(path, hidden, "this header carries credentials: want it under auth, its value in the vendor's secret")
		case slices.Contains(managedHeaders, canonical):
			f.add(path, v.Headers[name], "the HTTP client writes this header: leave it out")
		case strings.ContainsFunc(v.Headers[name], isControl):
			f.add(path, v.Headers[name], "want a value without control characters")
		}
		for authorizing := range v.Auth.HeaderFields {
			if http.CanonicalHeaderKey(authorizing) == canonical {
				f.add(path, hidden, "auth.headerFields writes this header too: want it in one place")
			}
		}
		if v.Auth.Kind == AuthToken && v.Auth.Token.Parameter == "" && http.CanonicalHeaderKey(v.Auth.Token.Header) == canonical {
			f.add(path, hidden, "auth.token writes this header too: want it in one place")
		}
	}
}

func (a Auth) check(f *faults) {
	type field struct {
		name, value string
		wanted      bool
		holds       string
	}
	token := a.Kind == AuthBearer || a.Kind == AuthQueryKey
	basic := a.Kind == AuthBasic
	for i, field := range a.HookFields {
		if field == "" {
			f.add(fmt.Sprintf("hookFields[%d]", i), "", "want the name of a field of the secret")
		}
	}
	switch a.Kind {
	case AuthNone, AuthHeaders, AuthBearer, AuthBasic, AuthQueryKey, AuthToken:
	default:
		f.add("kind", string(a.Kind), "want %s, %s, %s, %s, %s or %s", AuthNone, AuthHeaders, AuthBearer, AuthBasic, AuthQueryKey, AuthToken)
		return
	}
	for _, field := range []field{
		{"tokenField", a.TokenField, token, "the name of the secret's field that holds the token or key"},
		{"usernameField", a.UsernameField, basic, "the name of the secret's field that holds the user's name"},
		{"passwordField", a.PasswordField, basic, "the name of the secret's field that holds the password"},
		{"parameter", a.Parameter, a.Kind == AuthQueryKey, "the name of the query parameter that the key goes into"},
	} {
		switch {
		case field.wanted && field.value == "":
			f.add(field.name, "", "auth kind %s needs %s", a.Kind, field.holds)
		case !field.wanted && field.value != "":
			f.add(field.name, field.value, "auth kind %s does not use it: leave it out, or change the kind", a.Kind)
		}
	}
	switch {
	case a.Kind == AuthHeaders && len(a.HeaderFields) == 0:
		f.add("headerFields", emptyObject, "auth kind %s needs at least one header and the secret's field that holds its value", a.Kind)
	case a.Kind != AuthHeaders && len(a.HeaderFields) > 0:
		f.add("headerFields", a.HeaderFields, "auth kind %s does not use it: leave it out, or change the kind", a.Kind)
	}
	for _, header := range slices.Sorted(maps.Keys(a.HeaderFields)) {
		if !headerPattern.MatchString(header) {
			f.add("headerFields."+header, header, "this is no name of a header")
		}
		if a.HeaderFields[header] == "" {
			f.add("headerFields."+header, "", "want the name of the secret's field that holds its value")
		}
	}
}

func (r Retry) check(f *faults) {
	full := r.withDefaults()
	if r.InitialWait < 0 {
		f.add("initialWait", r.InitialWait, "want a positive duration, or 0 for %v", DefaultInitialWait)
	}
	if !(full.Factor >= 1 && full.Factor <= 100) {
		f.add("factor", r.Factor, "want 1 to 100, or 0 for %v", DefaultWaitFactor)
	}
	if full.MaxWait < full.InitialWait {
		f.add("maxWait", r.MaxWait, "want at least the initial wait, %v, or 0 for %v", full.InitialWait, DefaultMaxWait)
	}
	if !(*full.Jitter >= 0 && *full.Jitter <= 1) {
		f.add("jitter", *full.Jitter, "want 0 to 1, or leave it out for %v", DefaultJitter)
	}
	if full.MaxAttempts < 1 || full.MaxAttempts > maxAttempts {
		f.add("maxAttempts", r.MaxAttempts, "want 1 to %d, the first request counted, or 0 for %d", maxAttempts, DefaultMaxAttempts)
	}
	for i, also := range r.Also {
		f.under(fmt.Sprintf("also[%d]", i), func() { also.check(f) })
	}
}

// check refuses statuses that do not exist, and answers so common that without a text they would hide others.
func (a Answer) check(f *faults) {
	if a.Status < 200 || a.Status > 599 {
		f.add("status", a.Status, "want an HTTP status from 200 to 599")
	}
	common := a.Status/100 == 2 || a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden
	if common && a.BodyContains == "" {
		f.add("bodyContains", "", "status %d has other meanings too: want a text that tells this answer from them", a.Status)
	}
}

func (l RateLimit) check(f *faults) {
	switch {
	case l == (RateLimit{}):
	case l.Requests <= 0:
		f.add("rateLimit.requests", l.Requests, "want at least 1, or no rateLimit at all")
	case l.Per <= 0:
		f.add("rateLimit.per", l.Per, "want a positive duration, for example 1m")
	}
}
