package vendortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/gotowebinar"
	"github.com/windrow-data/windrow/functions/vendorapi/zoom"
	"github.com/windrow-data/windrow/functions/window"
)

const organizer = "5555555555555555555"

// keyed gives the vendor a token that stands in the secret, so that no other requests stand between its own.
func keyed(v *vendorapi.Vendor) *vendorapi.Vendor {
	v.Auth = vendorapi.Auth{Kind: vendorapi.AuthBearer, TokenField: "token"}
	return v
}

var keyedSecret = map[string]string{"token": "the-token"}

// always is a span that all of a small world lies in.
var always = window.Window{Start: dayStart.AddDate(0, -3, 0), End: dayEnd.AddDate(0, 3, 0)}

func conferenceServer(t testing.TB, v *vendorapi.Vendor, size Size, o ServerOptions) (*Server, *World) {
	t.Helper()
	if size.From.IsZero() {
		size = Size{Seed: 7, From: dayStart, Until: dayStart.Add(48 * time.Hour), Attendees: 800, Blocked: 1}
	}
	w, err := Generate(v, size)
	if err != nil {
		t.Fatal(err)
	}
	return NewServer(v, w, keyedSecret, o), w
}

// getKeyed asks a server with the token.
func getKeyed(s http.Handler, address string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, address, nil)
	r.Header.Set("Authorization", "Bearer the-token")
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	return rec
}

// TestConferencesAnswerAsDocumented compares the shape of the simulated answers with that of the documented ones: each field of an answer
// is a documented one, of its type.
func TestConferencesAnswerAsDocumented(t *testing.T) {
	for _, v := range []*vendorapi.Vendor{keyed(zoom.Vendor()), keyed(gotowebinar.Vendor(organizer))} {
		s, w := conferenceServer(t, v, Size{}, ServerOptions{Now: dayEnd})
		for i := range v.Streams {
			stream := &v.Streams[i]
			t.Run(v.Name+"/"+stream.Name, func(t *testing.T) {
				example, err := os.ReadFile("../" + v.Name + "/testdata/" + stream.Name + ".json")
				if err != nil {
					t.Fatal(err)
				}
				want, got := map[string]string{}, map[string]string{}
				decode := func(text []byte, into map[string]string) {
					var value any
					d := json.NewDecoder(strings.NewReader(string(text)))
					d.UseNumber()
					if err := d.Decode(&value); err != nil {
						t.Fatal(err)
					}
					shapes(value, "", into)
				}
				decode(example, want)
				query := url.Values{}
				for name, value := range stream.Query {
					query.Set(name, value)
				}
				if stream.Paging.Kind == vendorapi.PagingNumber {
					query.Set("page", "0")
				}
				addresses := []string{v.BaseURL + stream.Path}
				if stream.Parent != nil {
					addresses = nil
					for _, parent := range w.Records(stream.Parent.Stream, always, dayEnd) {
						address := v.BaseURL + stream.Path
						for _, place := range stream.Parent.Places {
							value := url.PathEscape(scalarAt(parent.JSON, []string{place.Path}))
							if place.EscapeTwice && (strings.HasPrefix(value, "%2F") || strings.Contains(value, "%2F%2F")) {
								value = url.PathEscape(value)
							}
							address = strings.ReplaceAll(address, "{"+place.Name+"}", value)
						}
						addresses = append(addresses, address)
					}
				} else {
					query.Set("from", "2026-03-10")
					query.Set("to", "2026-03-13")
					query.Set("fromTime", "2026-03-10T00:00:00Z")
					query.Set("toTime", "2026-03-13T00:00:00Z")
				}
				for _, address := range addresses {
					if rec := getKeyed(s, address+"?"+query.Encode()); rec.Code == http.StatusOK {
						decode(rec.Body.Bytes(), got)
					} else if rec.Code != http.StatusForbidden {
						t.Fatalf("%s: %d %s", address, rec.Code, rec.Body)
					}
				}
				records := 0
				for path, kind := range got {
					if kind == "object" && strings.HasSuffix(path, "/*") {
						records++
					}
					if want[path] == "" && !strings.HasSuffix(path, "/_embedded") {
						t.Errorf("%s is not documented", path)
					} else if want[path] != "" && want[path] != kind {
						t.Errorf("%s is a %s, documented is a %s", path, kind, want[path])
					}
				}
				if records == 0 {
					t.Error("the answer holds no records")
				}
			})
		}
	}
}

// readAll reads what a client is given of a parent, or of a window.
func readAll(client *vendorapi.Client, in window.Window) (records []string, err error) {
	for at := (vendorapi.Cursor{}); ; {
		page, err := client.Page(context.Background(), in, at)
		if err != nil {
			return records, err
		}
		if page.Outside > 0 {
			return records, fmt.Errorf("%d records of a good vendor are taken for ones that lie outside the window", page.Outside)
		}
		for record := range page.Records() {
			records = append(records, string(record))
		}
		if page.Last {
			return records, nil
		}
		at = page.Next
	}
}

// TestClientReadsConferences reads the worlds of Zoom and GoTo through faults: each window of what is over, the children of each
// parent, and what is listed. Together they hold what the world says.
func TestClientReadsConferences(t *testing.T) {
	for _, v := range []*vendorapi.Vendor{keyed(zoom.Vendor(zoom.AllRegistrants)), keyed(gotowebinar.Vendor(organizer))} {
		now := dayStart.Add(72 * time.Hour)
		plan := Mixed(3, 0.2)
		delete(plan.Rates, FaultCut) // which a handler without a network cannot do
		s, w := conferenceServer(t, v, Size{}, ServerOptions{Now: now, Faults: []Plan{plan}})
		for i := range v.Streams {
			stream := &v.Streams[i]
			t.Run(v.Name+"/"+stream.Name, func(t *testing.T) {
				o := sleepless()
				o.Transport = handlerTransport{s}
				client, err := vendorapi.NewClient(v, stream.Name, keyedSecret, o)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				refused := 0
				switch {
				case stream.Parent != nil:
					parent, err := v.Stream(stream.Parent.Stream)
					if err != nil {
						t.Fatal(err)
					}
					reader, err := vendorapi.NewParentReader(v, stream)
					if err != nil {
						t.Fatal(err)
					}
					for _, record := range w.Records(parent.Name, always, now) {
						of, err := reader.Read(record.JSON)
						if err != nil {
							t.Fatal(err)
						}
						if !of.Time.Equal(record.Time) {
							t.Errorf("the parent's time is read as %s, want %s", of.Time, record.Time)
						}
						records, err := readAll(client.Of(of), window.Window{Start: now.Add(-time.Second), End: now})
						if errors.Is(err, vendorapi.ErrRefused) {
							refused++
						} else if err != nil {
							t.Fatal(err)
						}
						got = append(got, records...)
					}
				case stream.Window.Listing != nil:
					got, err = readAll(client, window.Window{Start: now.Add(-time.Minute), End: now})
				default:
					for at := dayStart.Add(-24 * time.Hour); at.Before(now); at = at.Add(6 * time.Hour) {
						records, err := readAll(client, window.Window{Start: at, End: at.Add(6 * time.Hour)})
						if err != nil {
							t.Fatal(err)
						}
						got = append(got, records...)
					}
				}
				if err != nil {
					t.Fatal(err)
				}
				var want []string
				within := always
				if l := stream.Window.Listing; l != nil {
					within = window.Window{Start: now.Add(-l.Behind.D()), End: now.Add(l.Ahead.D())}
				}
				for _, record := range w.Records(stream.Name, within, now) {
					want = append(want, string(record.Held()))
				}
				slices.Sort(got)
				slices.Sort(want)
				if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
					t.Errorf("%d records, want %d (-want +got):\n%.2000s", len(got), len(want), diff)
				}
				keys := map[string]bool{}
				for _, record := range w.Records(stream.Name, always, now) {
					key := strings.Join(record.Key, "\x00")
					if keys[key] {
						t.Fatalf("two records have the key %q", record.Key)
					}
					keys[key] = true
				}
				blocked := 0
				if v.Name == zoom.Name && stream.Parent != nil && stream.Parent.Stream == "webinars" {
					blocked = 1
				}
				if refused != blocked {
					t.Errorf("%d parents were refused, want %d", refused, blocked)
				}
			})
		}
		if s.Stats().FaultTotal() == 0 {
			t.Error("there was no fault")
		}
	}
}

func TestConferencesHoldWhatBreaksOthers(t *testing.T) {
	v := keyed(zoom.Vendor())
	_, w := conferenceServer(t, v, Size{}, ServerOptions{})
	overnight, slashed, numbers := 0, 0, map[string]int{}
	for _, r := range w.Records("webinars", always, dayEnd.AddDate(0, 0, 7)) {
		began, _ := time.Parse(time.RFC3339, scalarAt(r.JSON, []string{"start_time"}))
		if began.Day() != r.Time.Day() {
			overnight++
		}
		if uuid := r.Key[0]; strings.HasPrefix(uuid, "/") || strings.Contains(uuid, "//") {
			slashed++
		}
		numbers[scalarAt(r.JSON, []string{"id"})]++
	}
	again := 0
	for _, n := range numbers {
		if n > 1 {
			again++
		}
	}
	if overnight == 0 || slashed == 0 || again == 0 {
		t.Errorf("%d webinars end on another day, %d have slashes, %d numbers have two instances: want some of each", overnight, slashed, again)
	}
	stays, guests := map[string]int{}, 0
	for _, r := range w.Records("participants", always, dayEnd.AddDate(0, 0, 7)) {
		stays[r.Key[0]+r.Key[1]]++
		if scalarAt(r.JSON, []string{"user_email"}) == "" {
			guests++
		}
	}
	rejoined := 0
	for _, n := range stays {
		if n > 1 {
			rejoined++
		}
	}
	if rejoined == 0 || guests == 0 || len(stays) < 700 {
		t.Errorf("%d people, %d joined again, %d stays of guests: want more", len(stays), rejoined, guests)
	}
}

func TestConferencesAreTheSameAgain(t *testing.T) {
	for _, v := range []*vendorapi.Vendor{keyed(zoom.Vendor()), keyed(gotowebinar.Vendor(organizer))} {
		size := Size{Seed: 3, From: dayStart, Until: dayEnd, Attendees: 60, Lateness: Lateness{
			v.Streams[3].Name: {Late: 0.3, Mean: time.Hour, Longest: 20 * time.Hour, Changed: 0.3, ChangesFrom: time.Hour, ChangesUntil: 10 * time.Hour, Vanishing: 0.1},
		}}
		_, one := conferenceServer(t, v, size, ServerOptions{})
		_, two := conferenceServer(t, v, size, ServerOptions{})
		for _, stream := range v.Streams {
			if diff := cmp.Diff(one.Versions(stream.Name, always), two.Versions(stream.Name, always)); diff != "" {
				t.Errorf("%s %s:\n%.500s", v.Name, stream.Name, diff)
			}
		}
		late, changed, gone := 0, 0, 0
		for _, r := range one.Versions(v.Streams[3].Name, always) {
			if r.VisibleAt.Sub(r.Time) > v.Streams[3].Settle.D() {
				late++
			}
			if !r.GoneAt.IsZero() {
				gone++
			}
			if strings.Contains(string(r.JSON), `"late"`) {
				changed++
			}
		}
		if late == 0 || gone == 0 || v.Name == zoom.Name && changed == 0 {
			t.Errorf("%s: %d late, %d changed, %d gone: want some of each", v.Name, late, changed, gone)
		}
	}
}

func TestZoomIsStrict(t *testing.T) {
	v := keyed(zoom.Vendor())
	clock := realNow
	s, w := conferenceServer(t, v, Size{}, ServerOptions{Now: dayStart.Add(72 * time.Hour), Clock: func() time.Time { return clock }})
	webinars := w.Records("webinars", always, dayStart.Add(72*time.Hour))
	slash := webinars[slices.IndexFunc(webinars, func(r Record) bool { return strings.HasPrefix(r.Key[0], "/") })].Key[0]
	const base = "https://api.zoom.us/v2"
	tests := map[string]struct {
		path   string
		status int
		body   string
	}{
		"no type is what is on":           {"/metrics/webinars?from=2026-03-10&to=2026-03-11", 200, `"webinars":[]`},
		"past":                            {"/metrics/webinars?from=2026-03-10&to=2026-03-11&type=past", 200, `"uuid"`},
		"more than a month":               {"/metrics/webinars?from=2026-03-10&to=2026-04-10&type=past", 400, "one month"},
		"a month":                         {"/metrics/webinars?from=2026-03-10&to=2026-04-09&type=past", 200, ""},
		"times are no days":               {"/metrics/webinars?from=2026-03-10T00:00:00Z&to=2026-03-11&type=past", 400, "from"},
		"a large page":                    {"/metrics/webinars?from=2026-03-10&to=2026-03-11&type=past&page_size=301", 400, "page_size"},
		"an unknown token":                {"/metrics/webinars?from=2026-03-10&to=2026-03-11&type=past&next_page_token=abc", 400, `"code":300`},
		"escaped once":                    {"/report/webinars/" + url.PathEscape(slash) + "/participants", 404, `"code":3001`},
		"escaped twice":                   {"/report/webinars/" + url.PathEscape(url.PathEscape(slash)) + "/participants", 200, `"participants"`},
		"unknown":                         {"/report/webinars/abc/polls", 404, `"code":3001`},
		"registrants of an unknown one":   {"/webinars/1/registrants", 404, `"code":3001`},
		"a page of thirty where not told": {"/webinars/" + scalarAt(webinars[3].JSON, []string{"id"}) + "/registrants?status=approved", 200, `"page_size":30`},
		"elsewhere":                       {"/users", 404, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rec := getKeyed(s, base+test.path)
			if rec.Code != test.status || !strings.Contains(rec.Body.String(), test.body) {
				t.Errorf("got %d %.200s, want %d and %s", rec.Code, rec.Body, test.status, test.body)
			}
		})
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, base+"/metrics/webinars?from=2026-03-10&to=2026-03-11&type=past", nil))
	if rec.Code != http.StatusUnauthorized {
		t.Errorf("without a token: got %d", rec.Code)
	}

	first := "/metrics/webinars?from=2026-03-10&to=2026-03-11&type=past&page_size=2"
	token := func() string {
		var page struct {
			Next string `json:"next_page_token"`
		}
		if err := json.Unmarshal(getKeyed(s, base+first).Body.Bytes(), &page); err != nil || page.Next == "" {
			t.Fatalf("no token: %v", err)
		}
		return "&next_page_token=" + url.QueryEscape(page.Next)
	}()
	clock = clock.Add(14 * time.Minute)
	if rec := getKeyed(s, base+first+token); rec.Code != http.StatusOK {
		t.Errorf("a token of 14 minutes: got %d", rec.Code)
	}
	if rec := getKeyed(s, base+strings.Replace(first, "03-11", "03-12", 1)+token); rec.Code != http.StatusBadRequest {
		t.Errorf("a token of another query: got %d", rec.Code)
	}
	clock = clock.Add(2 * time.Minute)
	if rec := getKeyed(s, base+first+token); rec.Code != http.StatusBadRequest {
		t.Errorf("a token of 16 minutes: got %d", rec.Code)
	}
}

func TestGoToIsStrict(t *testing.T) {
	v := keyed(gotowebinar.Vendor(organizer))
	s, w := conferenceServer(t, v, Size{}, ServerOptions{Now: dayStart.Add(72 * time.Hour)})
	session := w.Records("sessions", always, dayStart.Add(72*time.Hour))[3]
	webinar, key := scalarAt(session.JSON, []string{"webinarKey"}), session.Key[0]
	base := "https://api.getgo.com/G2W/rest/v2/organizers/" + organizer
	tests := map[string]struct {
		path   string
		status int
		body   string
	}{
		"nothing has no envelope":      {"/sessions?fromTime=2020-03-10T00:00:00Z&toTime=2020-03-11T00:00:00Z", 200, `{"page":{"size":20,"totalElements":0,"totalPages":0,"number":0}}`},
		"past the end":                 {"/sessions?fromTime=2026-03-10T00:00:00Z&toTime=2026-03-11T00:00:00Z&page=9", 200, `{"page"`},
		"without bounds":               {"/sessions", 400, "fromTime"},
		"a large page":                 {"/sessions?fromTime=2026-03-10T00:00:00Z&toTime=2026-03-11T00:00:00Z&size=201", 400, "200"},
		"registrants without a page":   {"/webinars/" + webinar + "/registrants", 200, `[{"registrantKey":81`},
		"registrants with a page":      {"/webinars/" + webinar + "/registrants?page=0&limit=1", 200, `"limit":1,"pageSize":1}`},
		"attendees":                    {"/webinars/" + webinar + "/sessions/" + key + "/attendees", 200, `"sessionKey":` + key},
		"another webinar's session":    {"/webinars/1/sessions/" + key + "/attendees", 404, "NotFound"},
		"another organizer's sessions": {"0/sessions", 404, "NotFound"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rec := getKeyed(s, base+test.path)
			if rec.Code != test.status || !strings.Contains(rec.Body.String(), test.body) {
				t.Errorf("got %d %.200s, want %d and %s", rec.Code, rec.Body, test.status, test.body)
			}
		})
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, base+"/sessions", nil))
	if rec.Code != http.StatusForbidden || !strings.Contains(rec.Body.String(), "InvalidToken") {
		t.Errorf("without a token: got %d %s", rec.Code, rec.Body)
	}
}
