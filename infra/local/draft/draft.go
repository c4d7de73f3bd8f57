// Package draft begins a vendor's description from the vendor's OpenAPI document.
//
// A document says how requests and answers look, and little of what they mean: which time a window compares, whether its end is
// inclusive, when a record shows. So what is drafted is to be read: each line that was guessed says so, and what is missing is told.
// It stands apart from vendorapi, since no function may link a reader of OpenAPI.
package draft

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Options say what to draft. The zero value drafts every stream that the document has.
type Options struct {
	// Server takes the place of the document's first server.
	Server string
	// Streams and Paths choose operations, by the name that the stream gets and by the document's path; none chooses all.
	Streams, Paths []string
	// Package is the name of the Go package. Default: the vendor's name.
	Package string
}

// Result is a drafted description.
type Result struct {
	// Source is a Go file with a function Vendor that returns Vendor.
	Source []byte
	Vendor *vendorapi.Vendor
	// Missing says what the document does not tell and a description needs, each with its place.
	Missing []string
}

// Draft reads an OpenAPI 3 document, JSON or YAML, and drafts a description of the operations that read lists. References to
// other files are not followed. Its error says why nothing can be drafted.
func Draft(document []byte, o Options) (*Result, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("the document cannot be read as OpenAPI 3, in JSON or YAML: %w", err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.") {
		return nil, fmt.Errorf("the document is of version %q: want OpenAPI 3; https://converter.swagger.io converts Swagger 2", doc.OpenAPI)
	}
	d := &drafter{doc: doc, notes: notes{}, names: map[string]bool{}}
	d.vendor = &vendorapi.Vendor{Format: vendorapi.FormatVersion}
	d.self(o.Server)
	if err := d.streams(o); err != nil {
		return nil, err
	}
	source, err := d.source(o.Package)
	if err != nil {
		return nil, err
	}
	return &Result{Source: source, Vendor: d.vendor, Missing: d.missing}, nil
}

type drafter struct {
	doc     *openapi3.T
	vendor  *vendorapi.Vendor
	notes   notes
	missing []string
	names   map[string]bool
}

// notes are the comments that stand before a field, by its place.
type notes map[string][]string

// guess notes at a field what was assumed there.
func (d *drafter) guess(at, text string, arguments ...any) {
	d.notes[at] = append(d.notes[at], "Check: "+fmt.Sprintf(text, arguments...))
}

// lack notes at a field what the document does not tell.
func (d *drafter) lack(at, text string, arguments ...any) {
	what := fmt.Sprintf(text, arguments...)
	d.notes[at] = append(d.notes[at], "Missing: "+what)
	d.missing = append(d.missing, at+": "+what)
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

const longestName = 32

// slug writes a text in the form that names of vendors and streams have.
func slug(text string) string {
	text = strings.Trim(notSlug.ReplaceAllString(strings.ToLower(text), "-"), "-0123456789")
	if len(text) > longestName {
		text = strings.Trim(text[:longestName], "-")
	}
	return text
}

// noise are words of a title that name no vendor.
var noise = regexp.MustCompile(`(?i)\b(rest|api|public|open|v?[0-9.]+)\b`)

func (d *drafter) self(server string) {
	title := ""
	if d.doc.Info != nil {
		title = d.doc.Info.Title
	}
	if d.vendor.Name = slug(noise.ReplaceAllString(title, " ")); d.vendor.Name == "" {
		d.vendor.Name = "vendor"
		d.guess("Name", "the document has no title that names the vendor")
	}
	d.baseURL(server)
	d.auth()
	d.notes["RateLimit"] = []string{"Check: a limit of the account stands in no OpenAPI document: RateLimit, and Retry.Also for answers other than 429 by which the vendor throttles"}
}

func (d *drafter) baseURL(server string) {
	address := server
	if address == "" && len(d.doc.Servers) > 0 {
		first := d.doc.Servers[0]
		address = first.URL
		for _, name := range slices.Sorted(maps.Keys(first.Variables)) {
			address = strings.ReplaceAll(address, "{"+name+"}", first.Variables[name].Default)
			d.guess("BaseURL", "%s is %q by default", name, first.Variables[name].Default)
		}
		if len(d.doc.Servers) > 1 {
			d.guess("BaseURL", "the first of %d servers", len(d.doc.Servers))
		}
	}
	address = strings.TrimSuffix(address, "/")
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" {
		d.lack("BaseURL", "the document has no absolute address: give one with -server, for example https://api.example.com%s", address)
		return
	}
	if parsed.Scheme == "http" {
		parsed.Scheme = "https"
		d.guess("BaseURL", "the document says http; credentials are sent over https only")
	}
	d.vendor.BaseURL = parsed.String()
}

// auth drafts from the first requirement that the document makes of all operations, or of one of them.
func (d *drafter) auth() {
	d.vendor.Auth = vendorapi.Auth{Kind: vendorapi.AuthNone}
	if d.doc.Components == nil || len(d.doc.Components.SecuritySchemes) == 0 {
		d.guess("Auth", "the document has no security schemes")
		return
	}
	schemes := d.doc.Components.SecuritySchemes
	required := slices.Sorted(maps.Keys(schemes))[:1]
	for _, requirement := range d.doc.Security {
		if len(requirement) > 0 {
			required = slices.Sorted(maps.Keys(requirement))
			break
		}
	}
	for _, name := range required {
		if ref := schemes[name]; ref != nil && ref.Value != nil {
			d.scheme(name, ref.Value)
		}
	}
	if len(schemes) > len(required) {
		d.guess("Auth", "the document has the schemes %s", strings.Join(slices.Sorted(maps.Keys(schemes)), ", "))
	}
}

func (d *drafter) scheme(name string, scheme *openapi3.SecurityScheme) {
	a := &d.vendor.Auth
	switch {
	case scheme.Type == "http" && strings.EqualFold(scheme.Scheme, "bearer"):
		*a = vendorapi.Auth{Kind: vendorapi.AuthBearer, TokenField: "token"}
	case scheme.Type == "http" && strings.EqualFold(scheme.Scheme, "basic"):
		*a = vendorapi.Auth{Kind: vendorapi.AuthBasic, UsernameField: "username", PasswordField: "password"}
	case scheme.Type == "apiKey" && scheme.In == "header":
		if a.Kind != vendorapi.AuthHeaders {
			*a = vendorapi.Auth{Kind: vendorapi.AuthHeaders, HeaderFields: map[string]string{}}
		}
		a.HeaderFields[scheme.Name] = scheme.Name
	case scheme.Type == "apiKey" && scheme.In == "query":
		*a = vendorapi.Auth{Kind: vendorapi.AuthQueryKey, TokenField: "apiKey", Parameter: scheme.Name}
	case scheme.Type == "oauth2" || scheme.Type == "openIdConnect":
		*a = vendorapi.Auth{Kind: vendorapi.AuthBearer, TokenField: "token"}
		d.lack("Auth", "how a token is fetched: %s; as drafted, the secret holds one that does not expire", flows(scheme))
	default:
		d.lack("Auth", "the scheme %s (%s in %s) cannot be described", name, scheme.Type, scheme.In)
	}
}

// flows says in words how a token is to be had.
func flows(scheme *openapi3.SecurityScheme) string {
	if scheme.Flows == nil {
		return "by " + scheme.Type + " " + scheme.OpenIdConnectUrl
	}
	var all []string
	for _, flow := range []struct {
		name string
		flow *openapi3.OAuthFlow
	}{
		{"client credentials", scheme.Flows.ClientCredentials}, {"an authorization code and refresh tokens", scheme.Flows.AuthorizationCode}, {"a password", scheme.Flows.Password},
	} {
		if flow.flow != nil {
			all = append(all, fmt.Sprintf("OAuth 2 with %s, at %s", flow.name, flow.flow.TokenURL))
		}
	}
	return strings.Join(all, ", or ")
}

// streams drafts one stream for each operation that reads a list.
func (d *drafter) streams(o Options) error {
	if d.doc.Paths == nil {
		return errors.New("the document has no paths")
	}
	var lists, names []string
	for _, path := range slices.Sorted(maps.Keys(d.doc.Paths.Map())) {
		item := d.doc.Paths.Value(path)
		if item.Get == nil || len(o.Paths) > 0 && !slices.Contains(o.Paths, path) {
			continue
		}
		list, ok := listIn(item.Get, path)
		if !ok {
			continue
		}
		lists = append(lists, path)
		name := d.streamName(path)
		names = append(names, name)
		if len(o.Streams) > 0 && !slices.Contains(o.Streams, name) {
			continue
		}
		d.stream(name, path, item, list)
	}
	switch {
	case len(lists) == 0 && len(o.Paths) > 0:
		return fmt.Errorf("no GET at %s answers with an array of objects", strings.Join(o.Paths, ", "))
	case len(lists) == 0:
		return errors.New("no GET in the document answers with an array of objects, so there is no stream to draft")
	case len(d.vendor.Streams) == 0:
		return fmt.Errorf("no stream has the name %s: want of %s", strings.Join(o.Streams, ", "), strings.Join(names, ", "))
	}
	return nil
}

// streamName makes a name of the last element of a path that is no parameter.
func (d *drafter) streamName(path string) string {
	elements := strings.Split(strings.Trim(path, "/"), "/")
	plain := slices.DeleteFunc(elements, func(e string) bool { return strings.Contains(e, "{") })
	name := "records"
	for n := 1; n <= len(plain); n++ {
		if name = slug(strings.Join(plain[len(plain)-n:], "-")); name != "" && !d.names[name] {
			break
		}
	}
	for i := 2; d.names[name] || name == ""; i++ {
		name = fmt.Sprintf("%s-%d", strings.TrimRight(name, "-0123456789"), i)
	}
	d.names[name] = true
	return name
}

// How long records are given where the document cannot tell.
const (
	draftedSettle   = 10 * time.Minute
	draftedLookback = 24 * time.Hour
	draftedSize     = 100
)

func (d *drafter) stream(name, path string, item *openapi3.PathItem, l list) {
	at := func(field string) string { return name + "." + field }
	s := vendorapi.Stream{Name: name, Path: path, RecordsPath: l.path, Audit: vendorapi.AuditReread,
		Settle: vendorapi.Duration(draftedSettle), Lookback: vendorapi.Duration(draftedLookback)}
	s.Description = sentence(firstOf(item.Get.Summary, item.Get.Description))
	if len(l.others) > 0 {
		d.guess(at("RecordsPath"), "the answer has arrays at %s too", strings.Join(l.others, ", "))
	}
	parameters := parametersOf(item)
	taken := map[string]bool{}
	d.paging(at, &s, parameters, taken, l)
	d.window(at, &s, parameters, taken)
	d.fixed(at, &s, parameters, taken)
	d.total(&s, l)
	d.columns(at, &s, l)
	d.key(at, &s, l)
	d.time(at, &s, l)
	d.guess(at("Settle"), "how long after it happened a record shows")
	d.guess(at("Lookback"), "how long records still come or change")
	d.vendor.Streams = append(d.vendor.Streams, s)
}

// fixed drafts what each request has beside the window and the page.
func (d *drafter) fixed(at func(string) string, s *vendorapi.Stream, parameters []parameter, taken map[string]bool) {
	for _, p := range parameters {
		value, known := p.value()
		switch {
		case taken[p.Name]:
		case p.In == "path" && known:
			s.Path = strings.ReplaceAll(s.Path, "{"+p.Name+"}", value)
			d.guess(at("Path"), "%s is %q in the document", p.Name, value)
		case p.In == "path":
			d.lack(at("Path"), "a value in the place of {%s}: the same for all requests, or that of a parent's record", p.Name)
		case !p.Required:
		case p.In == "query" && known:
			if s.Query == nil {
				s.Query = map[string]string{}
			}
			s.Query[p.Name] = value
			d.guess(at("Query"), "%s is required: %q by the document", p.Name, value)
		case p.In == "query":
			d.lack(at("Query"), "a value for the required parameter %s", p.Name)
		case p.In == "header" && known:
			if d.vendor.Headers == nil {
				d.vendor.Headers = map[string]string{}
			}
			d.vendor.Headers[p.Name] = value
		case p.In == "header" && d.vendor.Auth.HeaderFields[p.Name] == "" && !strings.EqualFold(p.Name, "Authorization"):
			d.lack("Headers", "a value for the required header %s", p.Name)
		}
	}
}
