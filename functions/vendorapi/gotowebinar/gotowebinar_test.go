package gotowebinar_test

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/gotowebinar"
	"github.com/windrow-data/windrow/functions/vendorapi/internal/readytest"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
	"github.com/windrow-data/windrow/functions/window"
)

const organizer = "5555555555555555555"

func TestDescriptionSurvivesJSON(t *testing.T) {
	vendor := gotowebinar.Vendor(organizer)
	written, err := json.Marshal(vendor)
	if err != nil {
		t.Fatal(err)
	}
	read, err := vendorapi.Parse(written)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(vendor.Resolved(), read); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"clientId", "clientSecret", "refreshToken"}, vendor.SecretFields()); diff != "" {
		t.Errorf("secret's fields (-want +got):\n%s", diff)
	}
}

func TestBadOrganizerKey(t *testing.T) {
	for _, key := range []string{"", "acme", "1/../2", " 5555", "-1", "123456789012345678901"} {
		err := gotowebinar.Vendor(key).Validate()
		want := "gotowebinar.Vendor: organizer key " + strconv.Quote(key) + ": want the organizer_key"
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v", key, err)
		}
	}
}

func TestDescriptionsDoNotShareColumns(t *testing.T) {
	gotowebinar.Vendor("1").Streams[0].Columns[0].Name = "changed"
	if got := gotowebinar.Vendor("2").Streams[0].Columns[0].Name; got != "webinar_key" {
		t.Errorf("got %s", got)
	}
}

func TestColumnsHoldTheExamples(t *testing.T) {
	readytest.CheckExamples(t, gotowebinar.Vendor(organizer))
}

// TestAcceptance checks the description as any other is checked.
func TestAcceptance(t *testing.T) {
	v := gotowebinar.Vendor(organizer)
	vendortest.Check(t, v, vendortest.WithAnswers(os.DirFS("testdata")))
}

func TestRequests(t *testing.T) {
	v := gotowebinar.Vendor(organizer)
	parents := map[string]string{
		"webinars": `{"webinarKey":"4255157664015486220","times":[{"startTime":"2026-03-10T17:00:00Z"}]}`,
		"sessions": `{"sessionKey":"10234567","webinarKey":"4255157664015486220","endTime":"2026-03-10T18:04:40Z"}`,
	}
	within := window.Window{Start: at("2026-03-11T00:10:00Z"), End: at("2026-03-11T00:30:00Z")}
	for stream, want := range map[string]string{
		"webinars":    "/webinars?fromTime=2026-03-10T00%3A30%3A00Z&page=0&size=200&toTime=2026-05-10T00%3A30%3A00Z",
		"sessions":    "/sessions?fromTime=2026-03-10T00%3A09%3A59Z&page=0&size=200&toTime=2026-03-11T00%3A30%3A01Z",
		"registrants": "/webinars/4255157664015486220/registrants?limit=200&page=0",
		"attendees":   "/webinars/4255157664015486220/sessions/10234567/attendees",
		"questions":   "/webinars/4255157664015486220/sessions/10234567/questions",
		"polls":       "/webinars/4255157664015486220/sessions/10234567/polls",
	} {
		client := readytest.New(t, v, nil).Client(stream)
		if s := described(t, v, stream); s.Parent != nil {
			parent := readParent(t, v, s, parents[s.Parent.Stream])
			if parent.Time.IsZero() {
				t.Errorf("%s: the parent's time is not read", stream)
			}
			client = client.Of(parent)
		}
		if got := client.Describe(within); got != "GET https://api.getgo.com/G2W/rest/v2/organizers/"+organizer+want {
			t.Errorf("%s: got %s\nwant %s", stream, got, want)
		}
	}
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func described(t *testing.T, v *vendorapi.Vendor, stream string) *vendorapi.Stream {
	t.Helper()
	s, err := v.Stream(stream)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readParent(t *testing.T, v *vendorapi.Vendor, s *vendorapi.Stream, record string) vendorapi.ParentRecord {
	t.Helper()
	reader, err := vendorapi.NewParentReader(v, s)
	if err != nil {
		t.Fatal(err)
	}
	parent, err := reader.Read([]byte(record))
	if err != nil {
		t.Fatal(err)
	}
	return parent
}

var day = at("2026-03-10T00:00:00Z")

// size is a day of a few hundred attendees and the morning after it.
var size = vendortest.Size{Seed: 5, From: day, Until: day.Add(36 * time.Hour), Attendees: 700}

// always holds all that there is in the world.
var always = window.Window{Start: day.AddDate(0, -2, 0), End: day.AddDate(0, 2, 0)}

// played is a run of the streams every ninety minutes of the world, and one in the end.
func played(t *testing.T, p *readytest.Play, streams ...string) {
	t.Helper()
	for now := size.From.Add(30 * time.Minute); !now.After(size.Until); now = now.Add(90 * time.Minute) {
		p.Run(now, streams...)
	}
	p.Run(size.Until.Add(time.Hour), streams...)
}

// checkHeld compares what is stored of a stream with what the lake must hold.
func checkHeld(t *testing.T, p *readytest.Play, stream string, now time.Time) (got []string) {
	t.Helper()
	var want []string
	for _, r := range p.World.Records(stream, always, now) {
		want = append(want, string(r.Held()))
	}
	got = p.Records(stream)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
		t.Errorf("%d records of %s, want %d (-want +got):\n%.2000s", len(got), stream, len(want), diff)
	}
	return got
}

// TestTraps plays what is known to break clients of GoTo Webinar, each under its name.
func TestTraps(t *testing.T) {
	t.Run("registrantKey is an int64 above 2^53", func(t *testing.T) {
		p := readytest.Simulate(t, gotowebinar.Vendor(organizer), size, vendortest.ServerOptions{})
		played(t, p, "sessions", "attendees")
		got := checkHeld(t, p, "attendees", size.Until.Add(time.Hour))
		keys := map[string]bool{}
		for _, row := range readytest.Rows(t, described(t, p.Vendor, "attendees"), got...) {
			keys[row["registrant_key"]] = true
		}
		exact, asFloats := 0, map[float64]bool{}
		for key := range keys {
			n, err := strconv.ParseInt(key, 10, 64)
			if err != nil || n < 1<<53 {
				t.Fatalf("the key %q is no large whole number", key)
			}
			exact++
			asFloats[float64(n)] = true
		}
		if len(asFloats) == exact || exact != len(got) {
			t.Errorf("%d records have %d keys, %d as floats: want as many keys as records, and less floats", len(got), exact, len(asFloats))
		}
	})

	t.Run("sessionKey is a string in sessions and an int in attendees", func(t *testing.T) {
		v := gotowebinar.Vendor(organizer)
		keys := map[string]string{}
		for _, stream := range []string{"sessions", "attendees", "questions", "polls"} {
			_, records := readytest.Example(t, v, stream)
			keys[stream] = readytest.Rows(t, described(t, v, stream), records...)[0]["session_key"]
		}
		want := map[string]string{"sessions": "10234567", "attendees": "10234567", "questions": "10234567", "polls": "10234567"}
		if diff := cmp.Diff(want, keys); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})

	t.Run("_embedded may be missing when empty", func(t *testing.T) {
		p := readytest.Simulate(t, gotowebinar.Vendor(organizer), size, vendortest.ServerOptions{})
		long := window.Window{Start: day.AddDate(-1, 0, 0), End: day.AddDate(-1, 0, 1)}
		for _, stream := range []string{"sessions", "webinars"} {
			page, err := p.Client(stream).Page(t.Context(), long, vendorapi.Cursor{})
			if err != nil || !page.Last || page.Count != 0 || page.Total != 0 {
				t.Errorf("%s: got %+v, %v", stream, page, err)
			}
		}
		// Where something is announced, the envelope must be there.
		broken := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte(`{"page":{"size":200,"totalElements":3,"totalPages":1,"number":0}}`))
		})
		p = readytest.New(t, p.Vendor, readytest.Tokens(p.Vendor, broken, nil))
		if page, err := p.Client("sessions").Page(t.Context(), long, vendorapi.Cursor{}); err == nil {
			t.Errorf("three sessions are announced and none is there: got %+v", page)
		}
	})

	t.Run("joins and leaves are nested in attendance", func(t *testing.T) {
		v := gotowebinar.Vendor(organizer)
		_, records := readytest.Example(t, v, "attendees")
		row := readytest.Rows(t, described(t, v, "attendees"), records...)[0]
		if want := `[{"joinTime":"2026-03-10T17:01:42Z","leaveTime":"2026-03-10T17:30:00Z"}]`; row["attendance"] != want || row["attendance_time_in_seconds"] != "3427" {
			t.Errorf("got %v", row)
		}
	})

	t.Run("403 on an expired token", func(t *testing.T) {
		p := readytest.Simulate(t, gotowebinar.Vendor(organizer), size, vendortest.ServerOptions{})
		client := p.Client("sessions")
		// Half of the life of a token is not over when it is revoked; the second answer is one to a new token.
		for range 2 {
			if _, err := client.Page(t.Context(), window.Window{Start: day, End: day.Add(time.Hour)}, vendorapi.Cursor{}); err != nil {
				t.Fatal(err)
			}
			p.Tokens.Revoke()
		}
		if stats := p.Tokens.Stats(); stats.Issued != 2 || stats.Rejected != 1 {
			t.Errorf("%d tokens were given, %d requests rejected: want 2 and 1", stats.Issued, stats.Rejected)
		}
		// A 403 that says something else is no reason to fetch tokens.
		p.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/token") {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			w.Write([]byte(`{"errorCode":"AccessDenied","description":"Not your webinar"}`))
			return true
		})
		before := p.Tokens.Stats().Issued
		if _, err := p.Client("sessions").Page(t.Context(), window.Window{Start: day, End: day.Add(time.Hour)}, vendorapi.Cursor{}); err == nil {
			t.Error("what is not allowed is no error")
		}
		if got := p.Tokens.Stats().Issued - before; got != 1 {
			t.Errorf("%d tokens were fetched for what is not allowed, want the first one only", got)
		}
	})

	t.Run("a refresh answer has no refresh_token", func(t *testing.T) {
		p := readytest.Simulate(t, gotowebinar.Vendor(organizer), size, vendortest.ServerOptions{})
		client := p.Client("sessions")
		for range 4 {
			if _, err := client.Page(t.Context(), window.Window{Start: day, End: day.Add(time.Hour)}, vendorapi.Cursor{}); err != nil {
				t.Fatal(err)
			}
			p.Clock = p.Clock.Add(61 * time.Minute)
		}
		if stats := p.Tokens.Stats(); stats.Issued != 4 || stats.Refused != 0 || stats.Rejected != 0 {
			t.Errorf("%+v: want 4 tokens by the one refresh token", stats)
		}
	})

	t.Run("lists come in an envelope, as data or as a bare array", func(t *testing.T) {
		p := readytest.Simulate(t, gotowebinar.Vendor(organizer), size, vendortest.ServerOptions{Faults: []vendortest.Plan{vendortest.Mixed(3, 0.1)}})
		played(t, p, "webinars", "registrants", "sessions", "attendees", "questions", "polls")
		for _, stream := range []string{"sessions", "attendees", "questions", "polls"} {
			checkHeld(t, p, stream, size.Until.Add(time.Hour))
		}
		// Of a webinar that is days ahead, the registrants are those of the last reading; of one that is over they are all there.
		registrants := p.Records("registrants")
		over := p.World.Records("registrants", window.Window{Start: always.Start, End: size.Until}, size.Until)
		for _, r := range over {
			if !slices.Contains(registrants, string(r.Held())) {
				t.Errorf("a registrant is missing: %s", r.Held())
			}
		}
		if len(registrants) <= len(over) {
			t.Errorf("there are %d registrants, %d of them of webinars that are over: want those of webinars ahead too", len(registrants), len(over))
		}
	})

	t.Run("a session that ends after midnight", func(t *testing.T) {
		p := readytest.Simulate(t, gotowebinar.Vendor(organizer), size, vendortest.ServerOptions{})
		played(t, p, "sessions")
		checkHeld(t, p, "sessions", size.Until.Add(time.Hour))
	})
}
