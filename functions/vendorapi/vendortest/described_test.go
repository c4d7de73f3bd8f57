package vendortest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// all is a window that holds everything that happens in a test's world.
func all() window.Window {
	return window.Window{Start: dayStart.AddDate(-1, 0, 0), End: dayEnd.AddDate(0, 0, 1)}
}

func inQuery(name string) vendorapi.Place {
	return vendorapi.Place{In: vendorapi.InQuery, Name: name}
}
func inBody(name string) vendorapi.Place {
	return vendorapi.Place{In: vendorapi.InBody, Name: name}
}

// described returns a vendor with one stream that says everything a test does not change.
func described(change func(*vendorapi.Vendor, *vendorapi.Stream)) *vendorapi.Vendor {
	v := &vendorapi.Vendor{
		Name: "acme", BaseURL: "https://api.acme.example/rest", Auth: vendorapi.Auth{Kind: vendorapi.AuthNone},
		Streams: []vendorapi.Stream{{
			Name: "calls", Path: "/calls", RecordsPath: "data.items", Total: vendorapi.Total{Path: "data.count"},
			Window: vendorapi.Window{Start: inQuery("from"), End: inQuery("to"), Layout: time.RFC3339, Resolution: vendorapi.Duration(time.Second)},
			Paging: vendorapi.Paging{Kind: vendorapi.PagingOffset, Place: inQuery("skip"), Size: 7, SizePlace: inQuery("take")},
			Key:    []string{"call.id"}, TimePath: "at", VersionPath: "rev",
			Settle: vendorapi.Duration(10 * time.Minute), Audit: vendorapi.AuditReread,
			Columns: []vendorapi.Column{
				{Name: "id", Path: "call.id", Type: vendorapi.TypeInt64}, {Name: "at", Type: vendorapi.TypeTimestamp},
				{Name: "title", Path: "call.title", Type: vendorapi.TypeString}, {Name: "score", Type: vendorapi.TypeFloat64},
				{Name: "ok", Type: vendorapi.TypeBool}, {Name: "day", Type: vendorapi.TypeDate}, {Name: "more", Type: vendorapi.TypeJSON},
			},
		}},
	}
	change(v, &v.Streams[0])
	return v
}

// exchange is one request as a test makes it, and the next page's place in the answer.
type exchange struct {
	values map[string]string
	body   map[string]any
	target string
	header http.Header
}

// page asks and decodes; records come as raw JSON, in the order served.
func (e exchange) page(t *testing.T, s http.Handler, method string) (*httptest.ResponseRecorder, map[string]any, []string) {
	t.Helper()
	target := e.target
	if e.values != nil {
		values := url.Values{}
		for name, value := range e.values {
			values.Set(name, value)
		}
		target += "?" + values.Encode()
	}
	var body string
	if e.body != nil {
		b, err := json.Marshal(e.body)
		if err != nil {
			t.Fatal(err)
		}
		body = string(b)
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for name, values := range e.header {
		r.Header[name] = values
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		return rec, nil, nil
	}
	var list []json.RawMessage
	var envelope map[string]any
	if strings.HasPrefix(rec.Body.String(), "[") {
		if err := json.Unmarshal(rec.Body.Bytes(), &list); err != nil {
			t.Fatal(err)
		}
	} else {
		var outer struct {
			Data struct{ Items []json.RawMessage }
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &outer); err != nil {
			t.Fatal(err)
		}
		list = outer.Data.Items
		if err := json.Unmarshal(rec.Body.Bytes(), &envelope); err != nil {
			t.Fatal(err)
		}
	}
	var records []string
	for _, record := range list {
		records = append(records, string(record))
	}
	return rec, envelope, records
}

func world(t testing.TB, v *vendorapi.Vendor, from time.Time, records int) *World {
	t.Helper()
	w, err := Generate(v, Size{Seed: 3, From: from, Until: from.Add(24 * time.Hour), Attendees: records})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func jsonOf(records []Record) []string {
	var list []string
	for _, r := range records {
		list = append(list, string(r.JSON))
	}
	return list
}

func TestDescribedPagingOfEveryKindCoversAWindowOnce(t *testing.T) {
	in := window.Window{Start: dayStart.Add(13 * time.Hour), End: dayStart.Add(14 * time.Hour)}
	base := map[string]string{"from": "2026-03-10T13:00:00Z", "to": "2026-03-10T14:00:00Z"}
	with := func(name, value string) map[string]string {
		values := map[string]string{name: value}
		for k, v := range base {
			values[k] = v
		}
		return values
	}
	const path = "/rest/calls"
	for name, test := range map[string]struct {
		paging vendorapi.Paging
		// next makes the request for the page after an answer; page counts from 0.
		next func(page int, rec *httptest.ResponseRecorder, envelope map[string]any) (exchange, bool)
	}{
		"none": {vendorapi.Paging{Kind: vendorapi.PagingNone},
			func(page int, _ *httptest.ResponseRecorder, _ map[string]any) (exchange, bool) {
				return exchange{target: path, values: base}, page == 0
			}},
		"offset": {vendorapi.Paging{Kind: vendorapi.PagingOffset, Place: inQuery("skip"), Size: 7},
			func(page int, _ *httptest.ResponseRecorder, _ map[string]any) (exchange, bool) {
				return exchange{target: path, values: with("skip", strconv.Itoa(7*page))}, page < 20
			}},
		"number from 1": {vendorapi.Paging{Kind: vendorapi.PagingNumber, First: 1, Place: inQuery("page"), Size: 7},
			func(page int, _ *httptest.ResponseRecorder, _ map[string]any) (exchange, bool) {
				return exchange{target: path, values: with("page", strconv.Itoa(page+1))}, page < 20
			}},
		"token": {vendorapi.Paging{Kind: vendorapi.PagingToken, Place: inQuery("token"), NextPath: "data.next", Size: 7},
			func(page int, _ *httptest.ResponseRecorder, envelope map[string]any) (exchange, bool) {
				if page == 0 {
					return exchange{target: path, values: base}, true
				}
				token := envelope["data"].(map[string]any)["next"].(string)
				return exchange{target: path, values: with("token", token)}, token != ""
			}},
		"next link": {vendorapi.Paging{Kind: vendorapi.PagingNextLink, NextPath: "links.next", Size: 7},
			func(page int, _ *httptest.ResponseRecorder, envelope map[string]any) (exchange, bool) {
				if page == 0 {
					return exchange{target: path, values: base}, true
				}
				link, more := envelope["links"].(map[string]any)["next"].(string)
				return exchange{target: link}, more
			}},
		"link header": {vendorapi.Paging{Kind: vendorapi.PagingLinkHeader, Size: 7},
			func(page int, rec *httptest.ResponseRecorder, _ map[string]any) (exchange, bool) {
				if page == 0 {
					return exchange{target: path, values: base}, true
				}
				_, rest, more := strings.Cut(rec.Header().Get("Link"), `, <`)
				link, _, _ := strings.Cut(rest, ">")
				return exchange{target: link}, more
			}},
	} {
		t.Run(name, func(t *testing.T) {
			v := described(func(_ *vendorapi.Vendor, s *vendorapi.Stream) { s.Paging = test.paging })
			w := world(t, v, dayStart, 250)
			s := NewServer(v, w, nil, ServerOptions{Now: dayEnd})
			want := jsonOf(w.Records("calls", in, dayEnd))
			var got []string
			var rec *httptest.ResponseRecorder
			var envelope map[string]any
			for page := 0; ; page++ {
				e, more := test.next(page, rec, envelope)
				if !more {
					break
				}
				var part []string
				if rec, envelope, part = e.page(t, s, http.MethodGet); rec.Code != http.StatusOK {
					t.Fatalf("page %d: %d %s", page, rec.Code, rec.Body)
				}
				if total := envelope["data"].(map[string]any)["count"].(float64); int(total) != len(want) {
					t.Errorf("page %d: total %v, want %d", page, total, len(want))
				}
				got = append(got, part...)
			}
			if diff := cmp.Diff(want, got); diff != "" || len(want) < 50 {
				t.Errorf("%d records (-held +served):\n%s", len(want), diff)
			}
		})
	}
}

func TestDescribedBoundsSelectWhatTheyShould(t *testing.T) {
	berlin := "Europe/Berlin"
	for name, test := range map[string]struct {
		window vendorapi.Window
		start  string
		end    string
		// want is the span of true times selected, in UTC; empty where the request is refused with refusal.
		want    [2]string
		refusal string
	}{
		"exclusive": {vendorapi.Window{Layout: time.RFC3339, Resolution: vendorapi.Duration(time.Second)},
			"2026-03-10T13:00:00Z", "2026-03-10T15:00:00+01:00", [2]string{"2026-03-10T13:00:00Z", "2026-03-10T14:00:00Z"}, ""},
		"inclusive": {vendorapi.Window{Layout: time.RFC3339, Resolution: vendorapi.Duration(time.Second), EndInclusive: true},
			"2026-03-10T13:00:00Z", "2026-03-10T13:59:59Z", [2]string{"2026-03-10T13:00:00Z", "2026-03-10T14:00:00Z"}, ""},
		"inclusive milliseconds": {vendorapi.Window{Layout: vendorapi.LayoutUnixMilli, Resolution: vendorapi.Duration(time.Millisecond), EndInclusive: true},
			"1773147600000", "1773147600999", [2]string{"2026-03-10T13:00:00Z", "2026-03-10T13:00:01Z"}, ""},
		"unix": {vendorapi.Window{Layout: vendorapi.LayoutUnix, Resolution: vendorapi.Duration(time.Second)},
			"1773147600", "1773151200", [2]string{"2026-03-10T13:00:00Z", "2026-03-10T14:00:00Z"}, ""},
		"local": {vendorapi.Window{Layout: "2006-01-02 15:04:05", Zone: berlin, Resolution: vendorapi.Duration(time.Second)},
			"2026-03-10 14:00:00", "2026-03-10 15:00:00", [2]string{"2026-03-10T13:00:00Z", "2026-03-10T14:00:00Z"}, ""},
		"missing hour": {vendorapi.Window{Layout: "2006-01-02 15:04:05", Zone: berlin, Resolution: vendorapi.Duration(time.Second)},
			"2026-03-29 02:30:00", "2026-03-29 04:00:00", [2]string{}, "does not exist"},
		"ambiguous hour": {vendorapi.Window{Layout: "2006-01-02 15:04:05", Zone: berlin, Resolution: vendorapi.Duration(time.Second)},
			"2026-10-25 01:00:00", "2026-10-25 02:59:59", [2]string{}, "comes twice"},
		"round the ambiguous hour": {vendorapi.Window{Layout: "2006-01-02 15:04:05", Zone: berlin, Resolution: vendorapi.Duration(time.Second)},
			"2026-10-25 01:59:59", "2026-10-25 03:00:00", [2]string{"2026-10-24T23:59:59Z", "2026-10-25T02:00:00Z"}, ""},
		"whole days inclusive": {vendorapi.Window{Layout: time.DateOnly, Zone: berlin, Granularity: vendorapi.Duration(24 * time.Hour), EndInclusive: true},
			"2026-03-29", "2026-03-29", [2]string{"2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"}, ""},
		"whole days exclusive": {vendorapi.Window{Layout: time.DateOnly, Granularity: vendorapi.Duration(24 * time.Hour)},
			"2026-03-10", "2026-03-11", [2]string{"2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z"}, ""},
		"not a whole day": {vendorapi.Window{Layout: time.RFC3339, Granularity: vendorapi.Duration(24 * time.Hour)},
			"2026-03-10T13:00:00Z", "2026-03-11T00:00:00Z", [2]string{}, "not a whole unit"},
		"too long": {vendorapi.Window{Layout: time.RFC3339, LongestSpan: vendorapi.Duration(time.Hour)},
			"2026-03-10T13:00:00Z", "2026-03-10T14:00:01Z", [2]string{}, "must not be longer"},
		"empty": {vendorapi.Window{Layout: time.RFC3339, Resolution: vendorapi.Duration(time.Second)},
			"2026-03-10T13:00:00Z", "2026-03-10T13:00:00Z", [2]string{}, "after the start"},
		"other layout": {vendorapi.Window{Layout: time.RFC3339},
			"2026-03-10 13:00:00", "2026-03-10T14:00:00Z", [2]string{}, "not of the form"},
		"fraction of a day as a number": {vendorapi.Window{Layout: vendorapi.LayoutUnix}, "1773147600.5", "1773151200", [2]string{}, "whole number"},
	} {
		t.Run(name, func(t *testing.T) {
			w := test.window
			w.Start, w.End = inQuery("from"), inQuery("to")
			from, until, err := bounds(&w, &places{query: url.Values{"from": {test.start}, "to": {test.end}}})
			if test.refusal != "" {
				if err == nil || !strings.Contains(err.Error(), test.refusal) {
					t.Errorf("error %v, want one with %q", err, test.refusal)
				}
				return
			}
			got := [2]string{time.Unix(0, from).UTC().Format(time.RFC3339Nano), time.Unix(0, until).UTC().Format(time.RFC3339Nano)}
			if err != nil || got != test.want {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

func TestDescribedAuthorizationOfEveryKind(t *testing.T) {
	fields := map[string]string{"user": "u", "pass": "p", "token": "t"}
	right := map[string]string{"from": "2026-03-10T13:00:00Z", "to": "2026-03-10T14:00:00Z", "skip": "0", "take": "7"}
	keyed := map[string]string{"api_key": "t"}
	for name, value := range right {
		keyed[name] = value
	}
	for name, test := range map[string]struct {
		auth   vendorapi.Auth
		header http.Header
		values map[string]string
	}{
		"headers": {vendorapi.Auth{Kind: vendorapi.AuthHeaders, HeaderFields: map[string]string{"X-Key": "token"}}, http.Header{"X-Key": {"t"}}, right},
		"bearer":  {vendorapi.Auth{Kind: vendorapi.AuthBearer, TokenField: "token"}, http.Header{"Authorization": {"Bearer t"}}, right},
		"basic":   {vendorapi.Auth{Kind: vendorapi.AuthBasic, UsernameField: "user", PasswordField: "pass"}, http.Header{"Authorization": {"Basic dTpw"}}, right},
		"query":   {vendorapi.Auth{Kind: vendorapi.AuthQueryKey, TokenField: "token", Parameter: "api_key"}, nil, keyed},
	} {
		t.Run(name, func(t *testing.T) {
			v := described(func(v *vendorapi.Vendor, s *vendorapi.Stream) {
				v.Auth = test.auth
				v.Headers = map[string]string{"Accept": "application/vnd.api+json"}
				s.Paging.Kind, s.Paging.NextPath = vendorapi.PagingNextLink, "data.next"
			})
			s := NewServer(v, world(t, v, dayStart, 100), fields, ServerOptions{Now: dayEnd})
			header := http.Header{"Accept": {"application/vnd.api+json"}}
			for k, values := range test.header {
				header[k] = values
			}
			rec, envelope, _ := exchange{target: "/rest/calls", values: test.values, header: header}.page(t, s, http.MethodGet)
			if rec.Code != http.StatusOK {
				t.Errorf("right credentials: %d %s", rec.Code, rec.Body)
			} else if next := fmt.Sprint(envelope["data"].(map[string]any)["next"]); !strings.HasPrefix(next, "https://") || strings.Contains(next, "api_key") {
				t.Errorf("next link %s, want one without the key", next)
			}
			if rec, _, _ := (exchange{target: "/rest/calls", values: right}).page(t, s, http.MethodGet); rec.Code != http.StatusUnauthorized {
				t.Errorf("no credentials: %d, want 401", rec.Code)
			}
			header.Del("Accept")
			if rec, _, _ := (exchange{target: "/rest/calls", values: test.values, header: header}).page(t, s, http.MethodGet); rec.Code != http.StatusBadRequest {
				t.Errorf("without the fixed header: %d, want 400", rec.Code)
			}
		})
	}
}

func TestDescribedBodiesAndPathsAndHeaders(t *testing.T) {
	post := described(func(_ *vendorapi.Vendor, s *vendorapi.Stream) {
		s.Method, s.Body = http.MethodPost, json.RawMessage(`{"filter":{"kind":"call"}}`)
		s.Window.Start, s.Window.End, s.Window.Layout = inBody("filter.from"), inBody("filter.to"), vendorapi.LayoutUnix
		s.Paging.Place, s.Paging.SizePlace = inBody("page.skip"), inBody("page.take")
		s.RecordsPath, s.Total = "", vendorapi.Total{Header: "X-Total"}
	})
	s := NewServer(post, world(t, post, dayStart, 100), nil, ServerOptions{Now: dayEnd})
	body := func(from any, kind string) map[string]any {
		return map[string]any{"filter": map[string]any{"kind": kind, "from": from, "to": 1773151200}, "page": map[string]any{"skip": 0, "take": 5}}
	}
	rec, _, records := exchange{target: "/rest/calls", body: body(1773147600, "call")}.page(t, s, http.MethodPost)
	if rec.Code != http.StatusOK || len(records) != 5 || rec.Header().Get("X-Total") == "" {
		t.Errorf("%d, %d records, headers %v", rec.Code, len(records), rec.Header())
	}
	for name, e := range map[string]exchange{
		"a number as text":    {target: "/rest/calls", body: body("1773147600", "call")},
		"another fixed value": {target: "/rest/calls", body: body(1773147600, "text")},
		"no body":             {target: "/rest/calls"},
	} {
		if rec, _, _ := e.page(t, s, http.MethodPost); rec.Code != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", name, rec.Code)
		}
	}

	inPath := described(func(_ *vendorapi.Vendor, s *vendorapi.Stream) {
		s.Path = "/calls/{from}/to/{to}/list-{page}.json"
		s.Window.Start, s.Window.End = vendorapi.Place{In: vendorapi.InPath, Name: "from"}, vendorapi.Place{In: vendorapi.InPath, Name: "to"}
		s.Paging = vendorapi.Paging{Kind: vendorapi.PagingNumber, Place: vendorapi.Place{In: vendorapi.InPath, Name: "page"}, Size: 7,
			PastEnd: []vendorapi.Answer{{Status: 404, BodyContains: "no such page"}}}
	})
	s = NewServer(inPath, world(t, inPath, dayStart, 100), nil, ServerOptions{Now: dayEnd})
	const target = "/rest/calls/2026-03-10T13:00:00Z/to/2026-03-10T14:00:00Z/list-"
	if rec, _, records := (exchange{target: target + "1.json"}).page(t, s, http.MethodGet); rec.Code != http.StatusOK || len(records) != 7 {
		t.Errorf("in the path: %d, %d records: %s", rec.Code, len(records), rec.Body)
	}
	if rec, _, _ := (exchange{target: target + "999.json"}).page(t, s, http.MethodGet); rec.Code != http.StatusNotFound || !strings.Contains(rec.Body.String(), "no such page") {
		t.Errorf("past the end: %d %s", rec.Code, rec.Body)
	}
	if rec, _, _ := (exchange{target: "/rest/elsewhere"}).page(t, s, http.MethodGet); rec.Code != http.StatusNotFound {
		t.Errorf("elsewhere: %d, want 404", rec.Code)
	}
}

func TestDescribedVendorIsStrictAboutPages(t *testing.T) {
	v := described(func(_ *vendorapi.Vendor, s *vendorapi.Stream) {
		s.Paging.Kind, s.Paging.Place, s.Paging.NextPath = vendorapi.PagingToken, inQuery("token"), "data.next"
		s.RecordsAbsentWhenEmpty = true
	})
	s := NewServer(v, world(t, v, dayStart, 250), nil, ServerOptions{Now: dayEnd})
	values := func(from, take, token string) map[string]string {
		return map[string]string{"from": from, "to": "2026-03-10T14:00:00Z", "take": take, "token": token}
	}
	rec, envelope, _ := exchange{target: "/rest/calls", values: values("2026-03-10T13:00:00Z", "7", "")}.page(t, s, http.MethodGet)
	if rec.Code != http.StatusOK {
		t.Fatal(rec.Body)
	}
	token := envelope["data"].(map[string]any)["next"].(string)
	for name, wrong := range map[string]map[string]string{
		"token of another window": values("2026-03-10T13:00:01Z", "7", token),
		"token of another size":   values("2026-03-10T13:00:00Z", "6", token),
		"no token of ours":        values("2026-03-10T13:00:00Z", "7", "1.2.3.4"),
		"too large":               values("2026-03-10T13:00:00Z", "8", ""),
		"no size":                 values("2026-03-10T13:00:00Z", "", ""),
	} {
		if rec, _, _ := (exchange{target: "/rest/calls", values: wrong}).page(t, s, http.MethodGet); rec.Code != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", name, rec.Code)
		}
	}
	empty := map[string]string{"from": "2027-03-10T13:00:00Z", "to": "2027-03-10T14:00:00Z", "take": "7"}
	if rec, _, _ := (exchange{target: "/rest/calls", values: empty}).page(t, s, http.MethodGet); strings.Contains(rec.Body.String(), "items") {
		t.Errorf("an empty page has its array though the description says it is absent: %s", rec.Body)
	}
}

func TestDescribedWorldMovesAndShowsItsTimes(t *testing.T) {
	for _, audit := range []vendorapi.Audit{vendorapi.AuditReread, vendorapi.AuditCount} {
		v := described(func(_ *vendorapi.Vendor, s *vendorapi.Stream) {
			s.Audit, s.Window.Resolution = audit, 0
		})
		w := world(t, v, dayStart, 400)
		moved := 0
		for _, version := range w.shelves["calls"].collection.versions {
			if version.superseded < 1<<63-1 {
				moved++
			}
		}
		if (moved > 0) != (audit == vendorapi.AuditReread) {
			t.Errorf("%s: %d records move", audit, moved)
		}
		records := w.Records("calls", all(), dayEnd.Add(time.Hour))
		var keys []string
		for _, r := range records {
			keys = append(keys, r.Key[0])
			var shown struct{ At time.Time }
			if err := json.Unmarshal(r.JSON, &shown); err != nil || !shown.At.Equal(r.Time) {
				t.Fatalf("record at %s shows %s: %v", r.Time, r.JSON, err)
			}
			if late := r.VisibleAt.Sub(r.Time); late < 0 || late >= 10*time.Minute {
				t.Errorf("a record shows after %s", late)
			}
		}
		slices.Sort(keys)
		if unique := len(slices.Compact(slices.Clone(keys))); unique != len(records) || len(records) != 400 {
			t.Errorf("%d records of %d keys, want 400", len(records), unique)
		}
		if id, err := strconv.ParseInt(keys[0], 10, 64); err != nil || id < 1<<53 {
			t.Errorf("key %s, want a number above 2^53", keys[0])
		}
	}
}

func TestGenerateRefusesColumnsThatExcludeEachOther(t *testing.T) {
	v := described(func(_ *vendorapi.Vendor, s *vendorapi.Stream) {
		s.Columns = append(s.Columns, vendorapi.Column{Name: "call", Type: vendorapi.TypeString})
	})
	if _, err := Generate(v, Size{From: dayStart, Until: dayEnd}); err == nil || !strings.Contains(err.Error(), "both a value and an object") {
		t.Errorf("error %v", err)
	}
}
