package draft

import (
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/infra/local/columns"
)

// words are those of a parameter's name, in lower case.
func words(name string) []string {
	var names columns.Names
	return strings.Split(names.For(name), "_")
}

// plain is a name without what separates its words.
func plain(name string) string { return strings.Join(words(name), "") }

var (
	startWords = []string{"from", "start", "since", "after", "begin", "gte", "gt", "min", "startdate", "starttime", "fromdate", "fromtime"}
	endWords   = []string{"to", "end", "until", "before", "lte", "lt", "max", "till", "enddate", "endtime", "todate", "totime"}
)

// bound is a parameter that may be a bound of the window: the words that make it one, and the rest of its name.
type bound struct {
	parameter
	rest string
}

func boundsAmong(parameters []parameter, taken map[string]bool, marks []string) []bound {
	var all []bound
	for _, p := range parameters {
		if taken[p.Name] || p.In != "query" && p.In != "path" || is(p.schema, "array") || is(p.schema, "boolean") {
			continue
		}
		name := words(p.Name)
		rest := slices.DeleteFunc(slices.Clone(name), func(w string) bool { return slices.Contains(marks, w) })
		if len(rest) == len(name) {
			continue
		}
		// A word alone may mean anything, so such a parameter must look like a time or be one of the usual names.
		timely := p.schema.Format == "date" || p.schema.Format == "date-time" || is(p.schema, "integer") || len(rest) == 0 || columns.NamesTime(p.Name)
		if timely {
			all = append(all, bound{parameter: p, rest: strings.Join(rest, "_")})
		}
	}
	return all
}

func place(p parameter) vendorapi.Place {
	return vendorapi.Place{In: vendorapi.In(p.In), Name: p.Name}
}

// window finds the two parameters that bound the time asked for.
func (d *drafter) window(at func(string) string, s *vendorapi.Stream, parameters []parameter, taken map[string]bool) {
	ends := boundsAmong(parameters, taken, endWords)
	for _, start := range boundsAmong(parameters, taken, startWords) {
		i := slices.IndexFunc(ends, func(e bound) bool { return e.rest == start.rest && e.In == start.In && e.Name != start.Name })
		if i < 0 {
			continue
		}
		if s.Window.Start != (vendorapi.Place{}) {
			d.guess(at("Window"), "%s and %s would bound it too", start.Name, ends[i].Name)
			taken[start.Name] = taken[start.Name] || !start.Required
			continue
		}
		s.Window.Start, s.Window.End = place(start.parameter), place(ends[i].parameter)
		taken[start.Name], taken[ends[i].Name] = true, true
		d.layout(at, s, start.parameter)
	}
	if s.Window.Start == (vendorapi.Place{}) {
		var alone []string
		for _, b := range append(boundsAmong(parameters, taken, startWords), ends...) {
			alone = append(alone, b.Name)
		}
		if len(alone) > 0 {
			d.lack(at("Window"), "two parameters that bound the time asked for: %s alone is named like one", strings.Join(alone, ", "))
		} else {
			d.lack(at("Window"), "the parameters that bound the time asked for: none is named like one")
		}
		s.Window.Layout = time.RFC3339
		return
	}
	d.guess(at("Window.EndInclusive"), "whether a record at the end bound is in the answer: the command probe finds out")
}

// layout drafts how bounds are written.
func (d *drafter) layout(at func(string) string, s *vendorapi.Stream, p parameter) {
	text := strings.ToLower(p.Description + " " + p.schema.Description)
	example, _ := p.value()
	switch {
	case p.schema.Format == "date":
		s.Window.Layout, s.Window.Granularity = time.DateOnly, vendorapi.Duration(24*time.Hour)
		s.Window.EndInclusive = true
		d.guess(at("Window.Zone"), "in which zone the vendor's days begin; as drafted UTC")
		return
	case is(p.schema, "integer") || is(p.schema, "number"):
		s.Window.Layout = vendorapi.LayoutUnix
		if strings.Contains(text, "milli") || len(example) == 13 {
			s.Window.Layout = vendorapi.LayoutUnixMilli
		}
		d.guess(at("Window.Layout"), "seconds or milliseconds since 1970")
	case p.schema.Format == "date-time":
		s.Window.Layout = time.RFC3339
	default:
		s.Window.Layout = time.RFC3339
		for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01-02T15:04:05", time.DateTime} {
			if _, err := time.Parse(layout, example); err == nil {
				s.Window.Layout = layout
				break
			}
		}
		if s.Window.Layout == time.DateOnly {
			s.Window.Granularity = vendorapi.Duration(24 * time.Hour)
			s.Window.EndInclusive = true
		}
		d.guess(at("Window.Layout"), "how times are written: the document says only that they are strings")
	}
	if s.Window.Granularity == 0 {
		d.guess(at("Window.Resolution"), "the unit in which times are compared, mostly a second; as drafted unknown, so that windows overlap")
	}
}

// The names of paging parameters, without what separates their words.
var (
	tokenNames  = []string{"pagetoken", "nextpagetoken", "cursor", "pagecursor", "nexttoken", "continuationtoken", "startingafter", "nextcursor", "bookmark", "scrollid"}
	pageNames   = []string{"page", "pagenumber", "pageno", "pagenum", "pageindex", "pageoffset", "currentpage"}
	offsetNames = []string{"offset", "skip", "start", "startindex", "startat", "from"}
	sizeNames   = []string{"limit", "size", "perpage", "pagesize", "count", "itemsperpage", "maxresults", "take", "top", "pagelimit", "first", "max", "maxitems"}
	nextNames   = []string{"nextpagetoken", "nexttoken", "nextcursor", "cursor", "pagetoken", "continuationtoken", "next", "after", "scrollid", "bookmark"}
	linkNames   = []string{"next", "nextlink", "nexturl", "nextpage", "nextpageurl", "odatanextlink", "nexthref"}
)

func named(parameters []parameter, taken map[string]bool, names []string, fits func(parameter) bool) (parameter, bool) {
	for _, name := range names {
		for _, p := range parameters {
			if p.In == "query" && !taken[p.Name] && plain(p.Name) == name && fits(p) {
				return p, true
			}
		}
	}
	return parameter{}, false
}

func whole(p parameter) bool { return is(p.schema, "integer") || is(p.schema, "number") }

// paging finds how page after page is asked for.
func (d *drafter) paging(at func(string) string, s *vendorapi.Stream, parameters []parameter, taken map[string]bool, l list) {
	p := &s.Paging
	p.Kind = vendorapi.PagingNone
	text := func(p parameter) bool { return !whole(p) }
	token, hasToken := named(parameters, taken, tokenNames, text)
	link := findPath(l.answer, linkNames, func(s *openapi3.Schema) bool {
		return is(s, "string") && (s.Format == "uri" || s.Format == "url" || s.Format == "uri-reference" || !hasToken)
	})
	page, hasPage := named(parameters, taken, pageNames, whole)
	ends := boundsAmong(parameters, taken, endWords)
	offset, hasOffset := named(parameters, taken, offsetNames, func(p parameter) bool {
		// What has an end is a time.
		bounded := slices.ContainsFunc(boundsAmong([]parameter{p}, taken, startWords), func(start bound) bool {
			return slices.ContainsFunc(ends, func(end bound) bool { return end.rest == start.rest })
		})
		return whole(p) && !bounded
	})
	linked := false
	for name := range l.headers {
		linked = linked || strings.EqualFold(name, "Link")
	}
	switch {
	case hasToken:
		p.Kind, p.Place = vendorapi.PagingToken, place(token)
		taken[token.Name] = true
		if p.NextPath = findPath(l.answer, nextNames, func(s *openapi3.Schema) bool { return is(s, "string") }); p.NextPath == "" {
			d.lack(at("Paging.NextPath"), "where an answer has the next token")
		}
	case link != "":
		p.Kind, p.NextPath = vendorapi.PagingNextLink, link
		taken[page.parameterName()], taken[offset.parameterName()] = true, true
	case linked:
		p.Kind = vendorapi.PagingLinkHeader
		taken[page.parameterName()], taken[offset.parameterName()] = true, true
	case hasPage:
		p.Kind, p.Place = vendorapi.PagingNumber, place(page)
		taken[page.Name] = true
		d.first(at, p, page)
	case hasOffset:
		p.Kind, p.Place = vendorapi.PagingOffset, place(offset)
		taken[offset.Name] = true
	default:
		d.guess(at("Paging"), "no parameter names a page, so an answer is taken to hold all records of a window")
		return
	}
	d.size(at, p, parameters, taken)
}

// parameterName of none is empty.
func (p parameter) parameterName() string {
	if p.Parameter == nil {
		return ""
	}
	return p.Name
}

func (d *drafter) first(at func(string) string, p *vendorapi.Paging, page parameter) {
	value, known := page.value()
	switch least := page.schema.Min; {
	case known && (value == "0" || value == "1"):
		p.First = int(value[0] - '0')
	case least != nil && (*least == 0 || *least == 1):
		p.First = int(*least)
	default:
		p.First = 1
		d.guess(at("Paging.First"), "the number of the first page, 0 or 1")
	}
}

func (d *drafter) size(at func(string) string, p *vendorapi.Paging, parameters []parameter, taken map[string]bool) {
	size, ok := named(parameters, taken, sizeNames, whole)
	if !ok {
		if p.Kind == vendorapi.PagingNumber || p.Kind == vendorapi.PagingOffset {
			p.Size = draftedSize
			d.guess(at("Paging.Size"), "the number of records in a page, by which the last one is known: no parameter names it")
		}
		return
	}
	taken[size.Name] = true
	p.SizePlace = place(size)
	p.Size = draftedSize
	switch {
	case size.schema.Max != nil && *size.schema.Max >= 1:
		p.Size = int(*size.schema.Max)
	default:
		d.guess(at("Paging.Size"), "the largest page that the vendor gives: the document has no maximum")
	}
}

// findPath returns the path of the first field in an answer that has one of the names, in their order.
func findPath(s *openapi3.Schema, names []string, fits func(*openapi3.Schema) bool) string {
	if s == nil {
		return ""
	}
	found := map[string]string{}
	seen := map[*openapi3.Schema]bool{}
	var search func(s *openapi3.Schema, prefix string, level int)
	search = func(s *openapi3.Schema, prefix string, level int) {
		if level >= mostLevels || seen[s] {
			return
		}
		seen[s] = true
		for _, p := range properties(s) {
			switch name := plain(p.name); {
			case strings.Contains(p.name, "."):
			case isObject(p.schema):
				search(p.schema, prefix+p.name+".", level+1)
			case found[name] == "" && fits(p.schema):
				found[name] = prefix + p.name
			}
		}
	}
	search(s, "", 0)
	for _, name := range names {
		if found[name] != "" {
			return found[name]
		}
	}
	return ""
}
