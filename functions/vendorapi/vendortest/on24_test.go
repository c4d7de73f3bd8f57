package vendortest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/window"
)

var (
	dayStart = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	dayEnd   = dayStart.Add(24 * time.Hour)
	secret   = map[string]string{on24.AccessTokenKey: "the-key", on24.AccessTokenSecret: "the-secret"}
)

func smallON24(t testing.TB, attendees int) (*vendorapi.Vendor, *World) {
	t.Helper()
	v := on24.Vendor("90001")
	w, err := Generate(v, Size{Seed: 7, From: dayStart, Until: dayEnd, Attendees: attendees})
	if err != nil {
		t.Fatal(err)
	}
	return v, w
}

// ask requests an ON24 endpoint and returns the status and the decoded body.
func ask(t testing.TB, s http.Handler, endpoint string, query map[string]string) (int, map[string]any) {
	t.Helper()
	values := url.Values{}
	for name, value := range query {
		values.Set(name, value)
	}
	r := httptest.NewRequest(http.MethodGet, "/v2/client/90001/"+endpoint+"?"+values.Encode(), nil)
	r.Header.Set("accessTokenKey", "the-key")
	r.Header.Set("accessTokenSecret", "the-secret")
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	var body map[string]any
	d := json.NewDecoder(rec.Body)
	d.UseNumber()
	if err := d.Decode(&body); err != nil {
		t.Fatalf("%s %v: status %d, body: %v", endpoint, query, rec.Code, err)
	}
	return rec.Code, body
}

func span(from, to string, more ...string) map[string]string {
	query := map[string]string{"startDate": from, "endDate": to}
	for i := 0; i < len(more); i += 2 {
		query[more[i]] = more[i+1]
	}
	return query
}

// shapes adds the path of each field under value, with its JSON type, to into.
func shapes(value any, path string, into map[string]string) {
	switch v := value.(type) {
	case map[string]any:
		into[path] = "object"
		for name, inner := range v {
			shapes(inner, path+"/"+name, into)
		}
	case []any:
		into[path] = "array"
		for _, inner := range v {
			shapes(inner, path+"/*", into)
		}
	default:
		into[path] = fmt.Sprintf("%T", v)
	}
}

func TestON24AnswersLookLikeTheDocumentedOnes(t *testing.T) {
	v, w := smallON24(t, 1500)
	s := NewServer(v, w, secret, ServerOptions{Now: dayEnd})
	const from, to = "2026-03-10T00:00:00+00:00", "2026-03-10T23:59:59+00:00"
	hour := span("2026-03-10T13:00:00+00:00", "2026-03-10T14:00:00+00:00")
	for endpoint, query := range map[string]map[string]string{
		"event":         span(from, to, "dateFilterMode", "updated"),
		"registrant":    span(from, to, "dateFilterMode", "lastActivity"),
		"attendee":      span(from, to, "dateFilterMode", "lastActivity"),
		"lead":          span(from, to),
		"userquestions": hour,
	} {
		t.Run(endpoint, func(t *testing.T) {
			example, err := os.ReadFile("testdata/on24-" + endpoint + ".json")
			if err != nil {
				t.Fatal(err)
			}
			var documented any
			d := json.NewDecoder(strings.NewReader(string(example)))
			d.UseNumber()
			if err := d.Decode(&documented); err != nil {
				t.Fatal(err)
			}
			want, got := map[string]string{}, map[string]string{}
			shapes(documented, "", want)
			for page := 0; ; page++ {
				if endpoint != "event" && endpoint != "userquestions" {
					query["pageOffset"] = fmt.Sprint(page)
				}
				status, body := ask(t, s, endpoint, query)
				if status != http.StatusOK {
					t.Fatalf("status %d: %v", status, body)
				}
				shapes(body, "", got)
				if pages, ok := body["pagecount"].(json.Number); !ok || pages.String() == fmt.Sprint(page+1) {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("fields and types (-documented +served):\n%s", diff)
			}
		})
	}
}

func TestON24ReadsBoundsAsDocumented(t *testing.T) {
	v, w := smallON24(t, 40)
	s := NewServer(v, w, secret, ServerOptions{Now: dayEnd})
	for name, test := range map[string]struct {
		endpoint string
		query    map[string]string
		status   int
		message  string
	}{
		"offset":                        {"attendee", span("2026-03-10T00:00:00-07:00", "2026-03-10T01:00:00+05:30"), 400, "startDate must be before endDate"},
		"pacific":                       {"attendee", span("2026-03-10T00:00:00", "2026-03-10T01:00:00"), 200, ""},
		"date":                          {"attendee", span("2026-03-10", "2026-03-10"), 200, ""},
		"spring gap":                    {"attendee", span("2026-03-08T02:30:00", "2026-03-08T03:30:00"), 400, "Invalid startDate: 2026-03-08T02:30:00"},
		"gap with offset":               {"attendee", span("2026-03-08T02:30:00-08:00", "2026-03-08T03:30:00-07:00"), 200, ""},
		"Z":                             {"attendee", span("2026-03-10T00:00:00Z", "2026-03-10T01:00:00Z"), 400, "Invalid startDate: 2026-03-10T00:00:00Z"},
		"unescaped plus":                {"attendee", span("2026-03-10T00:00:00 00:00", "2026-03-10T01:00:00+00:00"), 400, "Invalid startDate: 2026-03-10T00:00:00 00:00"},
		"fraction":                      {"attendee", span("2026-03-10T00:00:00.000", "2026-03-10T01:00:00"), 400, "Invalid startDate: 2026-03-10T00:00:00.000"},
		"no such day":                   {"attendee", span("2026-02-29", "2026-03-01"), 400, "Invalid startDate: 2026-02-29"},
		"no end":                        {"attendee", map[string]string{"startDate": "2026-03-10"}, 400, "endDate is required"},
		"mixed":                         {"attendee", span("2026-03-10", "2026-03-11", "dateInterval", "7"), 400, "Please use either startDate and endDate or dateInterval"},
		"unknown mode":                  {"attendee", span("2026-03-10", "2026-03-11", "dateFilterMode", "updated"), 400, "Invalid dateFilterMode: updated"},
		"an hour of questions":          {"userquestions", span("2026-03-10T10:00:00", "2026-03-10T11:00:00"), 200, ""},
		"more than an hour":             {"userquestions", span("2026-03-10T10:00:00", "2026-03-10T11:00:01"), 400, "The date range must not be longer than 1 hour"},
		"half a year of events":         {"event", span("2026-01-01T00:00:00", "2026-07-01T00:00:00"), 200, ""},
		"more than half a year":         {"event", span("2026-01-01T00:00:00", "2026-07-01T00:00:01"), 400, "The date range must not be longer than 6 months"},
		"a year of leads":               {"lead", span("2025-03-10T00:00:00+00:00", "2026-03-10T00:00:00+00:00"), 200, ""},
		"more than a year":              {"lead", span("2025-03-10T00:00:00+00:00", "2026-03-10T00:00:01+00:00"), 400, "The date range must not be longer than 365 days"},
		"page too large":                {"attendee", span("2026-03-10", "2026-03-10", "itemsPerPage", "101"), 400, "Invalid itemsPerPage, range must be between 1 and 100"},
		"lead page too large":           {"lead", span("2026-03-10", "2026-03-10", "itemsPerPage", "51"), 400, "Invalid itemsPerPage, range must be between 1 and 50"},
		"attendees past the end":        {"attendee", span("2026-03-10", "2026-03-10", "pageOffset", "999"), 200, ""},
		"no leads, first page":          {"lead", span("2030-03-10", "2030-03-10"), 200, ""},
		"leads past the end":            {"lead", span("2026-03-10T17:00:00+00:00", "2026-03-10T17:00:00+00:00", "pageOffset", "9"), 400, "Invalid pageOffset, range must be between 0 and 0"},
		"negative page":                 {"attendee", span("2026-03-10", "2026-03-10", "pageOffset", "-1"), 400, "Invalid pageOffset"},
		"questions with pages if asked": {"userquestions", span("2026-03-10T10:00:00", "2026-03-10T11:00:00", "pageOffset", "7"), 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := ask(t, s, test.endpoint, test.query)
			message, _ := body["message"].(string)
			if status != test.status || message != test.message {
				t.Errorf("status %d, message %q, want %d, %q", status, message, test.status, test.message)
			}
		})
	}
}

func TestON24ReadsPacificTimeOnBothSidesOfTheClockChanges(t *testing.T) {
	for text, want := range map[string]string{
		"2026-03-08T01:59:59":       "2026-03-08T09:59:59Z",
		"2026-03-08T03:00:00":       "2026-03-08T10:00:00Z",
		"2026-11-01T00:59:59":       "2026-11-01T07:59:59Z",
		"2026-11-01T01:30:00":       "2026-11-01T08:30:00Z",
		"2026-11-01T02:00:00":       "2026-11-01T10:00:00Z",
		"2026-07-01T12:00:00+05:45": "2026-07-01T06:15:00Z",
		"2026-07-01T12:00:00-07:00": "2026-07-01T19:00:00Z",
	} {
		got, past, ok := on24Time(text)
		if !ok || got.UTC().Format(time.RFC3339) != want || past.Sub(got) != time.Second {
			t.Errorf("%s: %s until %s, %v, want %s", text, got.UTC(), past.UTC(), ok, want)
		}
	}
	if got, past, ok := on24Time("2026-03-08"); !ok || past.Sub(got) != 23*time.Hour {
		t.Errorf("the day of the spring change: %s until %s, %v, want 23 hours", got, past, ok)
	}
}

func TestON24RefusesWrongCredentialsAndAddresses(t *testing.T) {
	v, w := smallON24(t, 40)
	s := NewServer(v, w, secret, ServerOptions{Now: dayEnd})
	const query = "?startDate=2026-03-10&endDate=2026-03-10"
	for name, test := range map[string]struct {
		method, path, key, secret string
		status                    int
	}{
		"right":         {"GET", "/v2/client/90001/attendee", "the-key", "the-secret", 200},
		"wrong secret":  {"GET", "/v2/client/90001/attendee", "the-key", "the-key", 401},
		"none":          {"GET", "/v2/client/90001/attendee", "", "", 401},
		"other client":  {"GET", "/v2/client/90002/attendee", "the-key", "the-secret", 403},
		"no such thing": {"GET", "/v2/client/90001/presenter", "the-key", "the-secret", 404},
		"no version":    {"GET", "/client/90001/attendee", "the-key", "the-secret", 404},
		"method":        {"POST", "/v2/client/90001/attendee", "the-key", "the-secret", 405},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, test.path+query, nil)
			r.Header.Set("accessTokenKey", test.key)
			r.Header.Set("accessTokenSecret", test.secret)
			rec := httptest.NewRecorder()
			s.ServeHTTP(rec, r)
			if rec.Code != test.status {
				t.Errorf("status %d, want %d: %s", rec.Code, test.status, rec.Body)
			}
			if rec.Code != 200 && !strings.HasPrefix(rec.Body.String(), `{"message":"`) {
				t.Errorf("body %s, want a message", rec.Body)
			}
		})
	}
	empty := NewServer(v, w, nil, ServerOptions{Now: dayEnd})
	if status, _ := ask(t, empty, "attendee", span("2026-03-10", "2026-03-10")); status != 401 {
		t.Errorf("a server without a secret answers %d, want 401", status)
	}
}

// readON24 reads a window of whole seconds page by page and returns the raw records.
func readON24(t *rapid.T, s http.Handler, stream *vendorapi.Stream, in window.Window, items int) []string {
	var records []string
	for page := 0; ; page++ {
		query := url.Values{}
		for name, value := range stream.Query {
			query.Set(name, value)
		}
		query.Set("startDate", in.Start.In(pacific).Format(on24Layout))
		query.Set("endDate", in.End.Add(-time.Second).In(pacific).Format(on24Layout))
		paged := stream.Paging.Kind != vendorapi.PagingNone
		if paged {
			query.Set("pageOffset", fmt.Sprint(page))
			query.Set("itemsPerPage", fmt.Sprint(items))
		}
		r := httptest.NewRequest(http.MethodGet, "/v2"+stream.Path+"?"+query.Encode(), nil)
		r.Header.Set("accessTokenKey", "the-key")
		r.Header.Set("accessTokenSecret", "the-secret")
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r)
		if rec.Code != http.StatusOK {
			t.Fatalf("%s page %d: %d %s", stream.Name, page, rec.Code, rec.Body)
		}
		var body map[string]json.RawMessage
		if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		var part []json.RawMessage
		if err := json.Unmarshal(body[stream.RecordsPath], &part); err != nil {
			t.Fatal(err)
		}
		for _, record := range part {
			records = append(records, string(record))
		}
		var pages int
		if json.Unmarshal(body["pagecount"], &pages); page+1 >= pages {
			return records
		}
	}
}

func TestON24PagesCoverEveryWindowOnce(t *testing.T) {
	v, w := smallON24(t, 400)
	s := NewServer(v, w, secret, ServerOptions{})
	rapid.Check(t, func(t *rapid.T) {
		stream := &v.Streams[rapid.IntRange(0, len(v.Streams)-1).Draw(t, "stream")]
		now := dayStart.Add(time.Duration(rapid.Int64Range(0, 24*3600*1000).Draw(t, "now")) * time.Millisecond)
		s.SetNow(now)
		start := dayStart.Add(time.Duration(rapid.IntRange(-3600, 24*3600).Draw(t, "start")) * time.Second)
		if rapid.Bool().Draw(t, "at the burst") {
			start = dayStart.Add(14*time.Hour - time.Duration(rapid.IntRange(0, 60).Draw(t, "before"))*time.Second)
		}
		in := window.Window{Start: start, End: start.Add(time.Duration(rapid.IntRange(1, 3600).Draw(t, "seconds")) * time.Second)}
		got := readON24(t, s, stream, in, rapid.IntRange(1, 50).Draw(t, "items"))
		var want []string
		keys := map[string]bool{}
		for _, record := range w.Records(stream.Name, in, now) {
			want = append(want, string(record.JSON))
			keys[strings.Join(record.Key, "|")] = true
			if record.VisibleAt.After(now) || !in.Contains(record.Time) {
				t.Fatalf("record %v at %s, visible at %s: outside %s as of %s", record.Key, record.Time, record.VisibleAt, in, now)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s %s as of %s (-held +served):\n%s", stream.Name, in, now, diff)
		}
		if len(keys) != len(got) {
			t.Fatalf("%s %s: %d records of %d keys", stream.Name, in, len(got), len(keys))
		}
	})
}

func TestON24SecondsAreInclusiveAtBothEnds(t *testing.T) {
	v, w := smallON24(t, 400)
	s := NewServer(v, w, secret, ServerOptions{Now: dayEnd})
	// The second before a large webinar closes holds many records, with fractions.
	last := dayStart.Add(14*time.Hour - time.Second)
	want := len(w.Records("attendees", window.Window{Start: last, End: last.Add(time.Second)}, dayEnd))
	text := last.In(pacific).Format(on24Layout)
	_, body := ask(t, s, "attendee", span(text, text, "dateFilterMode", "lastActivity"))
	if got := body["totalattendees"].(json.Number).String(); want < 10 || got != fmt.Sprint(want) {
		t.Errorf("asked from %s to %s: %s attendees, want %d (10 or more)", text, text, got, want)
	}
}

func TestON24WorldMovesAttendeesAndShowsAllWithinSettle(t *testing.T) {
	v, w := smallON24(t, 400)
	all := window.Window{Start: dayStart.AddDate(0, -3, 0), End: dayEnd}
	for i := range v.Streams {
		s := &v.Streams[i]
		shelf := w.shelves[s.Name]
		moved := 0
		for n, version := range shelf.collection.versions {
			at := shelf.collection.time(shelf.clock, int32(n))
			if late := time.Duration(version.visible - at); late < 0 || late >= s.Settle.D() {
				t.Fatalf("%s: a record shows %s after it happened, settle delay %s", s.Name, late, s.Settle)
			}
			if time.Unix(0, at).After(dayEnd) {
				t.Fatalf("%s: something happens at %s, after the end", s.Name, time.Unix(0, at))
			}
			if version.superseded < 1<<63-1 {
				moved++
			}
		}
		// Reading the whole past at once and minute by minute as it becomes visible gives the same keys.
		seen := map[string]string{}
		for now := dayStart; !now.After(dayEnd.Add(time.Hour)); now = now.Add(30 * time.Minute) {
			in := window.Window{Start: now.Add(-30*time.Minute - s.Settle.D()), End: now.Add(-s.Settle.D())}
			if now.Equal(dayStart) {
				in.Start = all.Start
			}
			for _, record := range w.Records(s.Name, in, now) {
				seen[strings.Join(record.Key, "|")] = string(record.JSON)
			}
		}
		final := w.Records(s.Name, all, dayEnd.Add(time.Hour))
		for _, record := range final {
			if got := seen[strings.Join(record.Key, "|")]; got != string(record.JSON) {
				t.Fatalf("%s: read in half hours %s, at the end\n%s", s.Name, got, record.JSON)
			}
		}
		if len(final) != len(seen) || len(final) == 0 {
			t.Errorf("%s: %d records at the end, %d seen in half hours", s.Name, len(final), len(seen))
		}
		if moved == 0 {
			t.Errorf("%s: no record changes", s.Name)
		}
	}
}

func TestWorldIsDeterminedByItsSeed(t *testing.T) {
	v := on24.Vendor("90001")
	dump := func(seed uint64) string {
		w, err := Generate(v, Size{Seed: seed, From: dayStart, Until: dayEnd, Attendees: 30})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, s := range v.Streams {
			for _, r := range w.Records(s.Name, window.Window{Start: dayStart.AddDate(0, -3, 0), End: dayEnd}, dayEnd) {
				fmt.Fprintln(&b, s.Name, r.Key, r.Time.UnixNano(), r.VisibleAt.UnixNano(), string(r.JSON))
			}
		}
		return b.String()
	}
	if dump(1) != dump(1) {
		t.Error("two worlds of one seed differ")
	}
	if dump(1) == dump(2) {
		t.Error("worlds of two seeds are the same")
	}
}

func TestGenerateServesSubsetsAndSaysWhatItCannot(t *testing.T) {
	size := Size{From: dayStart, Until: dayEnd, Attendees: 10}
	for name, test := range map[string]struct {
		change func(*vendorapi.Vendor, *Size)
		want   string
	}{
		"one stream":   {func(v *vendorapi.Vendor, _ *Size) { v.Streams = v.Streams[2:3] }, ""},
		"short":        {func(_ *vendorapi.Vendor, o *Size) { o.Until = o.From.Add(2 * time.Hour) }, ""},
		"no time":      {func(_ *vendorapi.Vendor, o *Size) { o.Until = o.From }, "want an end after the start"},
		"negative":     {func(_ *vendorapi.Vendor, o *Size) { o.Attendees = -1 }, "want 1 or more"},
		"no streams":   {func(v *vendorapi.Vendor, _ *Size) { v.Streams = nil }, "no streams"},
		"unknown path": {func(v *vendorapi.Vendor, _ *Size) { v.Streams[0].Path = "/client/90001/presenter" }, "client-level endpoints"},
		"no vendor":    {func(v *vendorapi.Vendor, _ *Size) { *v = *on24.Vendor("acme") }, "digits only"},
		"no client":    {func(v *vendorapi.Vendor, _ *Size) { v.Streams[0].Path = "/event" }, "want /client/<number>/event"},
		"unknown mode": {func(v *vendorapi.Vendor, _ *Size) { v.Streams[0].Query["dateFilterMode"] = "never" }, "event knows goodafter, updated"},
	} {
		t.Run(name, func(t *testing.T) {
			v, o := on24.Vendor("90001"), size
			test.change(v, &o)
			_, err := Generate(v, o)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestWorldsOfAnySizeCanBeMade(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := time.Duration(rapid.Int64Range(1, int64(60*time.Hour)).Draw(t, "length"))
		size := Size{Seed: rapid.Uint64().Draw(t, "seed"), From: dayStart.Add(time.Duration(rapid.IntRange(0, 1e6).Draw(t, "from")) * time.Second), Attendees: rapid.IntRange(1, 20).Draw(t, "attendees")}
		size.Until = size.From.Add(length)
		v := on24.Vendor("90001")
		w, err := Generate(v, size)
		if err != nil {
			t.Fatal(err)
		}
		attendees := w.Records("attendees", window.Window{Start: size.From.Add(-time.Hour), End: size.Until}, size.Until.Add(time.Hour))
		if days := int((length + 24*time.Hour - 1) / (24 * time.Hour)); length > time.Minute && len(attendees) < size.Attendees*days {
			t.Fatalf("%d attendees, want at least %d on each of %d days", len(attendees), size.Attendees, days)
		}
	})
}
