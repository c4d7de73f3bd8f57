package vendorapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

func (v *Vendor) checkStream(f *faults, s *Stream) {
	checkName(f, s.Name, maxStreamName)
	s.checkRequest(f)
	s.checkPlaces(f, v.Auth)
	if s.Parent == nil {
		f.under("window", func() { s.checkWindow(f) })
	} else {
		v.checkChild(f, s)
	}
	f.under("paging", func() { s.checkPaging(f) })
	s.checkAnswer(f)
	s.RateLimit.check(f)
	if s.Weight < 0 {
		f.add("weight", s.Weight, "want a positive share, or 0 for 1")
	}
	if s.Settle < 0 {
		f.add("settle", s.Settle, "want 0 or more")
	}
	if s.Lookback < 0 {
		f.add("lookback", s.Lookback, "want 0 or more")
	}
	switch {
	case s.Audit != AuditCount && s.Audit != AuditReread:
		f.add("audit", string(s.Audit), "want %s (the vendor reports totals and records keep their window time) or %s", AuditCount, AuditReread)
	case s.Audit == AuditCount && s.Total == (Total{}):
		f.add("audit", string(s.Audit), "a count needs a total: want total.path or total.header, or audit %s", AuditReread)
	case s.Audit == AuditCount && s.Parent != nil:
		f.add("audit", string(s.Audit), "a child stream is read parent by parent, each again and again: want audit %s", AuditReread)
	case s.Audit == AuditCount && s.Window.Listing != nil:
		f.add("audit", string(s.Audit), "what is listed is no matter of the window: want audit %s", AuditReread)
	case s.Audit == AuditCount && s.bounds().filtered:
		f.add("audit", string(s.Audit), "the totals count other windows' records too, since more than the window is asked for where its resolution is unknown, its granularity coarser or before set: want audit %s", AuditReread)
	}
	s.checkColumns(f)
	s.checkKey(f)
	v.checkPersonal(f, s)
	s.checkForgotten(f)
}

func (s *Stream) checkRequest(f *faults) {
	if s.Method != "" && s.Method != "GET" && s.Method != "POST" {
		f.add("method", s.Method, "want GET or POST")
	}
	switch {
	case !pathPattern.MatchString(s.Path):
		f.add("path", s.Path, "want nothing, or a path from its slash on, without a query (which goes under query), other characters as %%XX")
	case !validEscapes(s.Path):
		f.add("path", s.Path, "want two hexadecimal digits after each %%")
	case strings.ContainsAny(placeholder.ReplaceAllString(s.Path, ""), "{}"):
		f.add("path", s.Path, "want each brace closed, one name in each pair")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Query)) {
		if name == "" {
			f.add("query", "", "want a name for each parameter")
		}
	}
	if len(s.Body) == 0 {
		return
	}
	if s.method() == "GET" {
		f.add("body", string(s.Body), "a %s has no body: want method POST", s.method())
	}
	if !isObject(s.Body) {
		f.add("body", string(s.Body), "want a JSON object")
	}
}

func isObject(text json.RawMessage) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(text, &object) == nil && object != nil
}

func validEscapes(path string) bool {
	_, err := url.PathUnescape(path)
	return err == nil
}

// placing is a place with the path of its field.
type placing struct {
	field string
	place Place
}

// places returns where values go. Places that the paging kind does not use are its own fault.
func (s *Stream) places() []placing {
	var places []placing
	if s.bounds().placed() {
		places = append(places, placing{"window.start", s.Window.Start}, placing{"window.end", s.Window.End})
	}
	if s.Parent != nil {
		for i, of := range s.Parent.Places {
			places = append(places, placing{fmt.Sprintf("parent.places[%d]", i), of.Place})
		}
	}
	switch s.Paging.Kind {
	case PagingOffset, PagingNumber, PagingToken:
		places = append(places, placing{"paging.place", s.Paging.Place})
	}
	if s.Paging.SizePlace != (Place{}) {
		places = append(places, placing{"paging.sizePlace", s.Paging.SizePlace})
	}
	return places
}

func (s *Stream) checkPlaces(f *faults, auth Auth) {
	taken := map[Place]string{}
	var inBody []placed
	for _, p := range s.places() {
		if !s.checkPlace(f, p) {
			continue
		}
		if other, clash := taken[p.place]; clash {
			f.add(p.field, p.place.Name, "%s goes to the same place: want another", other)
			continue
		}
		taken[p.place] = p.field
		if _, fixed := s.Query[p.place.Name]; fixed && p.place.In == InQuery {
			f.add(p.field+".name", p.place.Name, "query has a fixed parameter of this name: leave that out, or place this elsewhere")
		}
		if p.place.In == InBody {
			inBody = append(inBody, placedText(p.place, ""))
		}
	}
	if len(inBody) > 0 && (len(s.Body) == 0 || isObject(s.Body)) {
		if _, err := fillBody(s.Body, inBody); err != nil {
			f.add("body", string(s.Body), "%v: want each value in a place of its own", err)
		}
	}
	if parameter := auth.queryParameter(); parameter != "" {
		_, fixed := s.Query[parameter]
		_, placed := taken[Place{In: InQuery, Name: parameter}]
		if fixed || placed {
			f.add("query", parameter, "auth.parameter writes this parameter: want it in one place")
		}
	}
	for _, match := range placeholder.FindAllStringSubmatch(s.Path, -1) {
		if _, filled := taken[Place{In: InPath, Name: match[1]}]; !filled {
			f.add("path", s.Path, "nothing is placed at {%s}: want a place with in %q and this name, or the value itself", match[1], InPath)
		}
	}
}

// checkPlace reports whether a place can be used.
func (s *Stream) checkPlace(f *faults, p placing) bool {
	switch {
	case p.place == (Place{}) && strings.HasPrefix(p.field, "window."):
		f.add(p.field, emptyObject, "a window needs a place for its %s: want in (%s, %s or %s) and name", strings.TrimPrefix(p.field, "window."), InQuery, InPath, InBody)
	case p.place.In != InQuery && p.place.In != InPath && p.place.In != InBody:
		f.add(p.field+".in", string(p.place.In), "want %s, %s or %s", InQuery, InPath, InBody)
	case p.place.Name == "":
		f.add(p.field+".name", "", "want the name of what it goes into")
	case p.place.In == InPath && !strings.Contains(s.Path, "{"+p.place.Name+"}"):
		f.add(p.field+".name", p.place.Name, "path %q has no {%s}: want it there, or in %q", s.Path, p.place.Name, InQuery)
	case p.place.In == InBody && s.method() == "GET":
		f.add(p.field+".in", string(p.place.In), "a %s has no body: want method POST, or in %q", s.method(), InQuery)
	case p.place.In == InBody && !isFieldPath(p.place.Name):
		f.add(p.field+".name", p.place.Name, "want names joined by dots")
	default:
		return true
	}
	return false
}

func isFieldPath(path string) bool { return !slices.Contains(strings.Split(path, "."), "") }

func (s *Stream) checkPaging(f *faults) {
	p := s.Paging
	kinds := []PagingKind{PagingNone, PagingOffset, PagingNumber, PagingToken, PagingNextLink, PagingLinkHeader}
	if !slices.Contains(kinds, p.Kind) {
		f.add("kind", string(p.Kind), "want %s, %s, %s, %s, %s or %s", PagingNone, PagingOffset, PagingNumber, PagingToken, PagingNextLink, PagingLinkHeader)
		return
	}
	counted := p.counted()
	placed := counted || p.Kind == PagingToken
	inBody := p.Kind == PagingToken || p.Kind == PagingNextLink
	if !placed && p.Place != (Place{}) {
		f.add("place", p.Place.Name, "paging kind %s does not use it: leave it out, or change the kind", p.Kind)
	}
	switch {
	case p.Kind == PagingNumber && p.First != 0 && p.First != 1:
		f.add("first", p.First, "want 0 or 1")
	case p.Kind != PagingNumber && p.First != 0:
		f.add("first", p.First, "only paging kind %s counts pages: leave it out", PagingNumber)
	}
	switch {
	case p.Size < 0:
		f.add("size", p.Size, "want a number of records above 0")
	case p.Size == 0 && counted:
		f.add("size", p.Size, "paging kind %s needs the number of records in a page, by which its end is known", p.Kind)
	case p.Size == 0 && p.SizePlace != (Place{}):
		f.add("size", p.Size, "want the number of records to ask for at sizePlace")
	}
	switch {
	case inBody && (p.NextPath == "" || !isFieldPath(p.NextPath)):
		f.add("nextPath", p.NextPath, "paging kind %s needs the path of the next token or address in the body: want names joined by dots", p.Kind)
	case !inBody && p.NextPath != "":
		f.add("nextPath", p.NextPath, "paging kind %s does not use it: leave it out, or change the kind", p.Kind)
	}
	if p.linked() && s.method() != "GET" {
		f.add("kind", string(p.Kind), "an address can only be followed by GET: want method GET, or another kind")
	}
	if p.MaxPages < 0 {
		f.add("maxPages", p.MaxPages, "want a number of pages above 0, or 0 for %d", DefaultMaxPages)
	}
	switch {
	case p.InFlight < 0 || p.InFlight > MaxInFlight:
		f.add("inFlight", p.InFlight, "want 1 to %d pages side by side, or 0 for %d", MaxInFlight, DefaultInFlight)
	case p.InFlight > 0 && !counted:
		f.add("inFlight", p.InFlight, "paging kind %s has one page after the other: leave it out, or want kind %s or %s", p.Kind, PagingOffset, PagingNumber)
	case p.InFlight > 1 && s.Total == (Total{}):
		f.add("inFlight", p.InFlight, "without a total nothing tells how many pages follow: want total.path or total.header, or leave it out")
	}
	for i, past := range p.PastEnd {
		f.under(fmt.Sprintf("pastEnd[%d]", i), func() {
			past.check(f)
			if retryableStatus(past.Status) {
				f.add("status", past.Status, "this status is always retried: want another")
			}
		})
	}
}

func (s *Stream) checkAnswer(f *faults) {
	inBody := map[string]string{}
	if s.Paging.Kind == PagingToken || s.Paging.Kind == PagingNextLink {
		inBody["paging.nextPath"] = s.Paging.NextPath
	}
	if s.Total.Path != "" {
		inBody["total.path"] = s.Total.Path
	}
	if s.FailurePath != "" {
		inBody["failurePath"] = s.FailurePath
	}
	switch {
	case s.Total.Path != "" && s.Total.Header != "":
		f.add("total", s.Total.Path+" and "+s.Total.Header, "want path or header, not both")
	case s.Total.Path != "" && !isFieldPath(s.Total.Path):
		f.add("total.path", s.Total.Path, "want names joined by dots")
	case s.Total.Header != "" && !headerPattern.MatchString(s.Total.Header):
		f.add("total.header", s.Total.Header, "this is no name of a header")
	}
	if s.FailurePath != "" && !isFieldPath(s.FailurePath) {
		f.add("failurePath", s.FailurePath, "want names joined by dots")
	}
	if s.RecordsPath != "" && !isFieldPath(s.RecordsPath) {
		f.add("recordsPath", s.RecordsPath, "want names joined by dots, or nothing where the answer is the array itself")
	}
	fields := slices.Sorted(maps.Keys(inBody))
	for i, field := range fields {
		path := inBody[field]
		switch {
		case s.RecordsPath == "":
			f.add(field, path, "the answer is the array of records itself, so nothing stands beside it: want recordsPath, or leave this out")
		case overlap(path, s.RecordsPath):
			f.add(field, path, "recordsPath %q leads through the same value: want a place of its own", s.RecordsPath)
		}
		for _, other := range fields[:i] {
			if overlap(path, inBody[other]) {
				f.add(field, path, "%s %q leads through the same value: want a place of its own", other, inBody[other])
			}
		}
	}
	if s.TimePath != "" && !isFieldPath(s.TimePath) {
		f.add("timePath", s.TimePath, "want names joined by dots")
	}
	if s.VersionPath != "" && !isFieldPath(s.VersionPath) {
		f.add("versionPath", s.VersionPath, "want names joined by dots")
	}
}

// overlap says whether one of two paths leads to the other's value or through it.
func overlap(a, b string) bool {
	return strings.HasPrefix(a+".", b+".") || strings.HasPrefix(b+".", a+".")
}
