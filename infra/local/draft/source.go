package draft

import (
	"fmt"
	"go/format"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/infra/local/columns"
)

// writer writes Go, each field with the notes on it before it.
type writer struct {
	strings.Builder
	notes notes
}

func (w *writer) line(text string, arguments ...any) { fmt.Fprintf(w, text+"\n", arguments...) }

// field writes a field that has a value, and the notes of one that has none.
func (w *writer) field(at, name, value string) {
	for _, note := range w.notes[at] {
		w.line("// %s", strings.Join(strings.Fields(note), " "))
	}
	if value != "" {
		w.line("%s: %s,", name, value)
	}
}

var packagePattern = regexp.MustCompile(`[^a-z0-9]`)

func (d *drafter) source(name string) ([]byte, error) {
	if name == "" {
		name = packagePattern.ReplaceAllString(d.vendor.Name, "")
	}
	if !token.IsIdentifier(name) || name == "_" {
		return nil, fmt.Errorf("package %q: want a Go identifier, for example acme", name)
	}
	v := d.vendor
	w := &writer{notes: d.notes}
	w.line("// Package %s describes the REST API of %s, drafted from its OpenAPI document.", name, v.Name)
	w.line("// What was guessed is marked Check, what the document does not tell is marked Missing.")
	w.line("package %s\n", name)
	w.line("import (\n\"time\"\n\n%q\n)\n", "github.com/windrow-data/windrow/functions/vendorapi")
	w.line("// Vendor describes %s.", v.Name)
	w.line("func Vendor() *vendorapi.Vendor {\nreturn &vendorapi.Vendor{")
	w.field("Format", "Format", "vendorapi.FormatVersion")
	w.field("Name", "Name", strconv.Quote(v.Name))
	w.field("BaseURL", "BaseURL", quoted(v.BaseURL))
	w.field("Auth", "Auth", authSource(v.Auth))
	w.field("Headers", "Headers", mapSource(v.Headers))
	w.field("RateLimit", "RateLimit", "")
	w.line("Streams: []vendorapi.Stream{")
	for i := range v.Streams {
		w.stream(&v.Streams[i])
	}
	w.line("},\n}\n}")
	source, err := format.Source([]byte(w.String()))
	if err != nil {
		return nil, fmt.Errorf("the drafted source is not Go: %w", err)
	}
	return source, nil
}

func (w *writer) stream(s *vendorapi.Stream) {
	at := func(field string) string { return s.Name + "." + field }
	w.line("{")
	w.field(at("Name"), "Name", strconv.Quote(s.Name))
	w.field(at("Description"), "Description", quoted(s.Description))
	w.field(at("Path"), "Path", strconv.Quote(s.Path))
	w.field(at("Query"), "Query", mapSource(s.Query))
	w.field(at("Window"), "", "")
	w.line("Window: vendorapi.Window{")
	w.field(at("Window.Start"), "Start", placeSource(s.Window.Start))
	w.field(at("Window.End"), "End", placeSource(s.Window.End))
	w.field(at("Window.Layout"), "Layout", layoutSource(s.Window.Layout))
	w.field(at("Window.Zone"), "Zone", quoted(s.Window.Zone))
	inclusive := ""
	if s.Window.EndInclusive {
		inclusive = "true"
	}
	w.field(at("Window.EndInclusive"), "EndInclusive", inclusive)
	w.field(at("Window.Resolution"), "Resolution", durationSource(s.Window.Resolution))
	w.field(at("Window.Granularity"), "Granularity", durationSource(s.Window.Granularity))
	w.line("},")
	w.field(at("Paging"), "", "")
	w.line("Paging: vendorapi.Paging{")
	w.field(at("Paging.Kind"), "Kind", kinds[s.Paging.Kind])
	w.field(at("Paging.Place"), "Place", placeSource(s.Paging.Place))
	w.field(at("Paging.First"), "First", numberSource(s.Paging.First))
	w.field(at("Paging.Size"), "Size", numberSource(s.Paging.Size))
	w.field(at("Paging.SizePlace"), "SizePlace", placeSource(s.Paging.SizePlace))
	w.field(at("Paging.NextPath"), "NextPath", quoted(s.Paging.NextPath))
	w.line("},")
	w.field(at("RecordsPath"), "RecordsPath", quoted(s.RecordsPath))
	w.field(at("Total"), "Total", totalSource(s.Total))
	w.field(at("Key"), "Key", listSource(s.Key))
	w.field(at("TimePath"), "TimePath", quoted(s.TimePath))
	w.field(at("VersionPath"), "VersionPath", quoted(s.VersionPath))
	w.field(at("Settle"), "Settle", durationSource(s.Settle))
	w.field(at("Lookback"), "Lookback", durationSource(s.Lookback))
	w.field(at("Audit"), "Audit", "vendorapi.AuditReread")
	w.field(at("Columns"), "", "")
	w.line("Columns: []vendorapi.Column{")
	for _, c := range s.Columns {
		w.line("%s", columns.Source(c))
	}
	w.line("},\n},")
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return strconv.Quote(text)
}

func numberSource(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func mapSource(m map[string]string) string {
	if len(m) == 0 {
		return ""
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, strconv.Quote(name)+": "+strconv.Quote(m[name]))
	}
	return "map[string]string{" + strings.Join(pairs, ", ") + "}"
}

func listSource(all []string) string {
	if len(all) == 0 {
		return ""
	}
	var elements []string
	for _, one := range all {
		elements = append(elements, strconv.Quote(one))
	}
	return "[]string{" + strings.Join(elements, ", ") + "}"
}

var (
	ins   = map[vendorapi.In]string{vendorapi.InQuery: "vendorapi.InQuery", vendorapi.InPath: "vendorapi.InPath", vendorapi.InBody: "vendorapi.InBody"}
	kinds = map[vendorapi.PagingKind]string{
		vendorapi.PagingNone: "vendorapi.PagingNone", vendorapi.PagingOffset: "vendorapi.PagingOffset", vendorapi.PagingNumber: "vendorapi.PagingNumber",
		vendorapi.PagingToken: "vendorapi.PagingToken", vendorapi.PagingNextLink: "vendorapi.PagingNextLink", vendorapi.PagingLinkHeader: "vendorapi.PagingLinkHeader",
	}
	authKinds = map[vendorapi.AuthKind]string{
		vendorapi.AuthNone: "vendorapi.AuthNone", vendorapi.AuthHeaders: "vendorapi.AuthHeaders", vendorapi.AuthBearer: "vendorapi.AuthBearer",
		vendorapi.AuthBasic: "vendorapi.AuthBasic", vendorapi.AuthQueryKey: "vendorapi.AuthQueryKey",
	}
	namedLayouts = map[string]string{
		time.RFC3339: "time.RFC3339", time.DateOnly: "time.DateOnly", time.DateTime: "time.DateTime",
		vendorapi.LayoutUnix: "vendorapi.LayoutUnix", vendorapi.LayoutUnixMilli: "vendorapi.LayoutUnixMilli",
	}
)

func placeSource(p vendorapi.Place) string {
	if p == (vendorapi.Place{}) {
		return ""
	}
	return fmt.Sprintf("vendorapi.Place{In: %s, Name: %q}", ins[p.In], p.Name)
}

func layoutSource(layout string) string {
	if name, ok := namedLayouts[layout]; ok {
		return name
	}
	return quoted(layout)
}

func durationSource(d vendorapi.Duration) string {
	switch length := d.D(); {
	case length == 0:
		return ""
	case length%time.Hour == 0:
		return fmt.Sprintf("vendorapi.Duration(%d * time.Hour)", length/time.Hour)
	default:
		return fmt.Sprintf("vendorapi.Duration(%d * time.Minute)", length/time.Minute)
	}
}

func totalSource(t vendorapi.Total) string {
	switch {
	case t.Path != "":
		return fmt.Sprintf("vendorapi.Total{Path: %q}", t.Path)
	case t.Header != "":
		return fmt.Sprintf("vendorapi.Total{Header: %q}", t.Header)
	}
	return ""
}

func authSource(a vendorapi.Auth) string {
	fields := []string{"Kind: " + authKinds[a.Kind]}
	for _, f := range []struct{ name, value string }{
		{"HeaderFields", mapSource(a.HeaderFields)}, {"TokenField", quoted(a.TokenField)}, {"UsernameField", quoted(a.UsernameField)},
		{"PasswordField", quoted(a.PasswordField)}, {"Parameter", quoted(a.Parameter)},
	} {
		if f.value != "" {
			fields = append(fields, f.name+": "+f.value)
		}
	}
	return "vendorapi.Auth{" + strings.Join(fields, ", ") + "}"
}
