package vendortest

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// on24Dialect answers as ON24's REST API v2 is documented to (https://apidoc.on24.com,
// https://api.on24.com/v2/openapi.json), for the client-level endpoints. Where the documents are silent:
// a page larger than allowed is refused, a bound that is a date means the whole day, registrants are filtered
// by registration unless told otherwise and attendees by their event's goodafter, and questions come all at once
// unless a page is asked for.
type on24Dialect struct {
	finder *finder
	prefix string
	client string
	// credentials maps each header to the value that is accepted.
	credentials map[string]string
	// streams are the names that the description gives to the endpoints.
	streams     map[string]string
	collections map[string]*collection
}

// on24Endpoint is what ON24 documents of an endpoint.
type on24Endpoint struct {
	// plural names the array and, after "total", the count.
	plural   string
	maxItems int
	// perMinute is the number of calls admitted in a minute.
	perMinute int
	// tooLong reports whether a span is longer than accepted, which spelled says in words.
	tooLong func(from, to time.Time) bool
	spelled string
}

var on24Endpoints = map[string]on24Endpoint{
	on24Events: {plural: "events", maxItems: 100, perMinute: 30, spelled: "6 months",
		tooLong: func(from, to time.Time) bool { return to.After(from.In(pacific).AddDate(0, 6, 0)) }},
	on24Registrants: {plural: "registrants", maxItems: 100, perMinute: 100},
	on24Attendees:   {plural: "attendees", maxItems: 100, perMinute: 100},
	on24Leads: {plural: "leads", maxItems: 50, perMinute: 30, spelled: "365 days",
		tooLong: func(from, to time.Time) bool { return to.Sub(from) > 365*24*time.Hour }},
	on24Questions: {plural: "questions", maxItems: 100, perMinute: 30, spelled: "1 hour",
		tooLong: func(from, to time.Time) bool { return to.Sub(from) > time.Hour }},
}

func newON24Dialect(v *vendorapi.Vendor, f *finder, secret map[string]string) *on24Dialect {
	d := &on24Dialect{finder: f, credentials: map[string]string{}, streams: map[string]string{}, collections: map[string]*collection{}}
	if base, err := url.Parse(v.BaseURL); err == nil {
		d.prefix = strings.TrimSuffix(base.Path, "/")
	}
	// The headers are ON24's; under which names the secret keeps their values is the description's own affair.
	for _, header := range []string{"accessTokenKey", "accessTokenSecret"} {
		d.credentials[header] = secret[header]
		for named, field := range v.Auth.HeaderFields {
			if strings.EqualFold(named, header) {
				d.credentials[header] = secret[field]
			}
		}
	}
	for i := range v.Streams {
		s := &v.Streams[i]
		resource := on24Resource(s)
		d.client, _ = on24Client(s)
		d.streams[resource] = s.Name
		d.collections[resource] = f.world.shelves[s.Name].collection
	}
	return d
}

func (d *on24Dialect) route(q *request) (string, *answer) {
	rest, ok := strings.CutPrefix(q.URL.Path, d.prefix+"/client/")
	client, resource, isClient := strings.Cut(rest, "/")
	stream, known := d.streams[resource]
	switch {
	case !ok || !isClient || !known:
		return "", refuse(http.StatusNotFound, "The requested resource was not found")
	case q.Method != http.MethodGet:
		return "", refuse(http.StatusMethodNotAllowed, "Method not allowed")
	case client != d.client:
		return "", refuse(http.StatusForbidden, "You do not have permission to access this client")
	}
	return stream, nil
}

func (d *on24Dialect) authorize(q *request) *answer {
	for header, want := range d.credentials {
		got := q.Header.Get(header)
		if want == "" || subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
			return refuse(http.StatusUnauthorized, "Invalid access token key or secret")
		}
	}
	return nil
}

func (d *on24Dialect) limits(stream string) (own, account limit) {
	for resource, name := range d.streams {
		if name == stream {
			return limit{requests: on24Endpoints[resource].perMinute, per: time.Minute}, limit{}
		}
	}
	return limit{}, limit{}
}

func (d *on24Dialect) overLimit(time.Time) *answer {
	return refuse(http.StatusForbidden, "You have reached the maximum number of calls for this api")
}

func (d *on24Dialect) serve(q *request, _ string, now time.Time) *answer {
	resource := q.URL.Path[strings.LastIndexByte(q.URL.Path, '/')+1:]
	e, c, query := on24Endpoints[resource], d.collections[resource], q.URL.Query()
	from, until, problem := on24Span(query, e)
	if problem != "" {
		return refuse(http.StatusBadRequest, problem)
	}
	clock := 0
	if mode := query.Get("dateFilterMode"); mode != "" && len(c.clocks) > 1 {
		var ok bool
		if clock, ok = c.clock(mode); !ok {
			return refuse(http.StatusBadRequest, "Invalid dateFilterMode: "+mode)
		}
	}
	found := d.finder.find(c, clock, from.UnixNano(), until.UnixNano(), now.UnixNano())
	switch resource {
	case on24Events:
		if query.Get("includesubaccounts") != "Y" {
			return d.whole(c, found, `{"totalevents":`+strconv.Itoa(len(found))+`,"events":[`)
		}
	case on24Questions:
		if !query.Has("pageOffset") && !query.Has("itemsPerPage") {
			return d.whole(c, found, `{"questions":[`)
		}
	}
	return d.page(query, resource, e, c, found)
}

// whole answers with all records found, unpaged.
func (d *on24Dialect) whole(c *collection, found []int32, opening string) *answer {
	body := append(c.list([]byte(opening), found), "]}"...)
	return jsonAnswer(http.StatusOK, body, len(found))
}

// page answers with one page of the records found. Pages count from 0.
func (d *on24Dialect) page(query url.Values, resource string, e on24Endpoint, c *collection, found []int32) *answer {
	items, offset := e.maxItems, 0
	for _, parameter := range []struct {
		name  string
		value *int
	}{{"itemsPerPage", &items}, {"pageOffset", &offset}} {
		if !query.Has(parameter.name) {
			continue
		}
		n, err := strconv.Atoi(query.Get(parameter.name))
		if err != nil || n < 0 {
			return refuse(http.StatusBadRequest, "Invalid "+parameter.name)
		}
		*parameter.value = n
	}
	if items < 1 || items > e.maxItems {
		return refuse(http.StatusBadRequest, fmt.Sprintf("Invalid itemsPerPage, range must be between 1 and %d", e.maxItems))
	}
	pages := (len(found) + items - 1) / items
	if resource == on24Leads && offset > 0 && offset >= pages {
		return refuse(http.StatusBadRequest, fmt.Sprintf("Invalid pageOffset, range must be between 0 and %d", max(0, pages-1)))
	}
	first := min(offset*items, len(found))
	part := found[first:min(first+items, len(found))]
	var opening string
	switch resource {
	case on24Questions:
		opening = `{"questions":[`
	case on24Events:
		opening = fmt.Sprintf(`{"totalevents":%d,"pagecount":%d,"currentpage":%d,"events":[`, len(found), pages, offset)
	default:
		opening = fmt.Sprintf(`{"clientid":%s,"total%s":%d,"pagecount":%d,"currentpage":%d,"%s":[`, d.client, e.plural, len(found), pages, offset, e.plural)
	}
	return jsonAnswer(http.StatusOK, append(c.list([]byte(opening), part), "]}"...), len(part))
}

// list appends versions to an open JSON array.
func (c *collection) list(body []byte, versions []int32) []byte {
	size := len(body)
	for _, i := range versions {
		size += len(c.versions[i].json) + 1
	}
	body = slices.Grow(body, size+16)
	for n, i := range versions {
		if n > 0 {
			body = append(body, ',')
		}
		body = append(body, c.versions[i].json...)
	}
	return body
}

// on24Span reads the bounds of a query. ON24 compares whole seconds and includes both ends, so that the span
// of true times reaches from the first bound to a second after the last. A problem is in ON24's words.
func on24Span(query url.Values, e on24Endpoint) (from, until time.Time, problem string) {
	dates := query.Has("startDate") || query.Has("endDate")
	for name := range query {
		if strings.HasPrefix(name, "dateInterval") {
			if dates {
				return from, until, "Please use either startDate and endDate or dateInterval"
			}
			return from, until, "dateInterval is not available, please use startDate and endDate"
		}
	}
	for _, name := range []string{"startDate", "endDate"} {
		if !query.Has(name) {
			return from, until, name + " is required"
		}
	}
	from, _, ok := on24Time(query.Get("startDate"))
	if !ok {
		return from, until, "Invalid startDate: " + query.Get("startDate")
	}
	to, past, ok := on24Time(query.Get("endDate"))
	if !ok {
		return from, until, "Invalid endDate: " + query.Get("endDate")
	}
	if to.Before(from) {
		return from, until, "startDate must be before endDate"
	}
	if e.tooLong != nil && e.tooLong(from, to) {
		return from, until, "The date range must not be longer than " + e.spelled
	}
	return from, past, ""
}

// on24Time reads one of the three documented forms of a time: a date, a Pacific time, and a time with an
// offset of the form ±hh:mm. It returns the time and the end of the unit that was written: the next day or the next
// second. A Pacific time that the clocks skip in spring does not exist; one that comes twice in autumn is the earlier.
func on24Time(text string) (t, past time.Time, ok bool) {
	number := func(from, to int) int {
		n := 0
		for _, digit := range []byte(text[from:to]) {
			if digit < '0' || digit > '9' {
				return -1
			}
			n = n*10 + int(digit-'0')
		}
		return n
	}
	if len(text) != 10 && len(text) != 19 && len(text) != 25 {
		return t, past, false
	}
	year, month, day := number(0, 4), number(5, 7), number(8, 10)
	if text[4] != '-' || text[7] != '-' || year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return t, past, false
	}
	if len(text) == 10 {
		at := func(d int) time.Time { return time.Date(year, time.Month(month), d, 0, 0, 0, 0, pacific) }
		return at(day), at(day + 1), true
	}
	hour, minute, second := number(11, 13), number(14, 16), number(17, 19)
	if text[10] != 'T' || text[13] != ':' || text[16] != ':' || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return t, past, false
	}
	utc := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if len(text) == 25 {
		hours, rest := number(20, 22), number(23, 25)
		if text[22] != ':' || hours < 0 || hours > 18 || rest < 0 || rest > 59 {
			return t, past, false
		}
		offset := time.Duration(hours)*time.Hour + time.Duration(rest)*time.Minute
		switch text[19] {
		case '+':
			t = utc.Add(-offset)
		case '-':
			t = utc.Add(offset)
		default:
			return t, past, false
		}
		return t, t.Add(time.Second), true
	}
	// Daylight time, seven hours behind UTC, comes first in autumn.
	for _, behind := range []time.Duration{7 * time.Hour, 8 * time.Hour} {
		at := utc.Add(behind)
		if _, offset := at.In(pacific).Zone(); time.Duration(-offset)*time.Second == behind {
			return at, at.Add(time.Second), true
		}
	}
	return t, past, false
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
