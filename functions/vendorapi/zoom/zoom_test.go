package zoom_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/internal/readytest"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
	"github.com/windrow-data/windrow/functions/vendorapi/zoom"
	"github.com/windrow-data/windrow/functions/window"
)

func TestDescriptionSurvivesJSON(t *testing.T) {
	for name, vendor := range map[string]*vendorapi.Vendor{"plain": zoom.Vendor(), "all": zoom.Vendor(zoom.Business, zoom.AllRegistrants)} {
		t.Run(name, func(t *testing.T) {
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
		})
	}
	if diff := cmp.Diff([]string{"accountId", "clientId", "clientSecret"}, zoom.Vendor().SecretFields()); diff != "" {
		t.Errorf("secret's fields (-want +got):\n%s", diff)
	}
}

func TestDescriptionsDoNotShareColumns(t *testing.T) {
	zoom.Vendor().Streams[0].Columns[0].Name = "changed"
	if got := zoom.Vendor().Streams[0].Columns[0].Name; got != "uuid" {
		t.Errorf("got %s", got)
	}
}

func TestColumnsHoldTheExamples(t *testing.T) { readytest.CheckExamples(t, zoom.Vendor()) }

func TestLimits(t *testing.T) {
	for name, test := range map[string]struct {
		vendor     *vendorapi.Vendor
		dashboards vendorapi.RateLimit
		account    int
	}{
		"Pro":      {zoom.Vendor(), vendorapi.RateLimit{Requests: 10, Per: vendorapi.Duration(time.Minute)}, 10},
		"Business": {zoom.Vendor(zoom.Business), vendorapi.RateLimit{Requests: 20, Per: vendorapi.Duration(time.Minute)}, 40},
	} {
		if got := test.vendor.LimitOf("webinars"); got != test.dashboards {
			t.Errorf("%s: dashboards keep to %v, want %v", name, got, test.dashboards)
		}
		if got := test.vendor.RateLimit.Requests; got != test.account {
			t.Errorf("%s: the account keeps to %d, want %d", name, got, test.account)
		}
	}
}

// TestAcceptance checks the description as any other is checked.
func TestAcceptance(t *testing.T) {
	v := zoom.Vendor()
	vendortest.Check(t, v, vendortest.WithAnswers(os.DirFS("testdata")))
}

func TestRequests(t *testing.T) {
	v := zoom.Vendor()
	parents := map[string]string{
		"webinars": `{"uuid":"aB3/dE+fGhIjKlMnOpQrSt==","id":91234567890,"end_time":"2026-03-10T18:04:40Z"}`,
		"upcoming": `{"id":"91234567890","start_time":"2026-03-10T17:00:00Z"}`,
	}
	within := window.Window{Start: at("2026-03-11T00:10:00Z"), End: at("2026-03-11T00:30:00Z")}
	for stream, want := range map[string]string{
		"webinars":     "/metrics/webinars?from=2026-03-10&page_size=300&to=2026-03-11&type=past",
		"upcoming":     "/report/upcoming_events?from=2026-03-11&page_size=300&to=2026-04-07&type=webinar",
		"registrants":  "/webinars/91234567890/registrants?page_size=300&status=approved",
		"participants": "/report/webinars/aB3%2FdE+fGhIjKlMnOpQrSt==/participants?include_fields=registrant_id&page_size=300",
		"questions":    "/report/webinars/aB3%2FdE+fGhIjKlMnOpQrSt==/qa",
		"polls":        "/report/webinars/aB3%2FdE+fGhIjKlMnOpQrSt==/polls",
	} {
		client := readytest.New(t, v, nil).Client(stream)
		if s := described(t, v, stream); s.Parent != nil {
			client = client.Of(readParent(t, v, s, parents[s.Parent.Stream]))
		}
		if got := client.Describe(within); got != "GET https://api.zoom.us/v2"+want {
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

// size is a day of a few hundred participants and the morning after it.
var size = vendortest.Size{Seed: 5, From: day, Until: day.Add(36 * time.Hour), Attendees: 700}

// always holds all that there is in the world.
var always = window.Window{Start: day.AddDate(0, -2, 0), End: day.AddDate(0, 2, 0)}

// fields reads some of a record's fields.
type fields struct {
	UUID          string `json:"webinar_uuid"`
	User          string `json:"user_id"`
	Join          string `json:"join_time"`
	Leave         string `json:"leave_time"`
	Email         string `json:"user_email"`
	Duration      int64
	Name          string
	WebinarNumber int64 `json:"webinar_id"`
}

func read(t *testing.T, records []string) (all []fields) {
	t.Helper()
	for _, record := range records {
		var f fields
		if err := json.Unmarshal([]byte(record), &f); err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// played is a run of the streams each half hour of the world, and one in the end.
func played(t *testing.T, p *readytest.Play, streams ...string) (findings []telemetry.Finding) {
	t.Helper()
	for now := size.From.Add(30 * time.Minute); !now.After(size.Until); now = now.Add(90 * time.Minute) {
		findings = append(findings, p.Run(now, streams...)...)
		p.Clock = p.Clock.Add(90 * time.Minute)
	}
	return append(findings, p.Run(size.Until.Add(time.Hour), streams...)...)
}

// want are the records of a stream as the lake must hold them.
func want(p *readytest.Play, stream string, now time.Time) (all []string) {
	for _, r := range p.World.Records(stream, always, now) {
		all = append(all, string(r.Held()))
	}
	slices.Sort(all)
	return all
}

// TestTraps plays what is known to break clients of Zoom, each under its name.
func TestTraps(t *testing.T) {
	t.Run("a rejoin is another participant row", func(t *testing.T) {
		p := readytest.Simulate(t, zoom.Vendor(), size, vendortest.ServerOptions{})
		played(t, p, "webinars", "participants")
		got := p.Records("participants")
		slices.Sort(got)
		if diff := cmp.Diff(want(p, "participants", size.Until.Add(time.Hour)), got); diff != "" {
			t.Fatalf("%d participants (-want +got):\n%.1000s", len(got), diff)
		}
		people, keys := map[string]bool{}, map[uint64]bool{}
		reader := vendorapi.NewKeyReader(described(t, p.Vendor, "participants"))
		for i, f := range read(t, got) {
			people[f.UUID+f.User] = true
			key, _, err := reader.Hash([]byte(got[i]))
			if err != nil {
				t.Fatal(err)
			}
			keys[key] = true
		}
		if len(keys) != len(got) || len(people) >= len(got) {
			t.Errorf("%d rows of %d people have %d keys: want a key for each row, and more rows than people", len(got), len(people), len(keys))
		}
	})

	t.Run("user_email is empty for guests", func(t *testing.T) {
		s := described(t, zoom.Vendor(), "participants")
		guest := `{"webinar_uuid":"a","webinar_id":1,"user_id":"16778240","id":"","participant_user_id":"","name":"Mia","user_email":"","join_time":"2026-03-10T17:01:42Z"}`
		other := strings.Replace(guest, "16778240", "16779264", 1)
		rows := readytest.Rows(t, s, guest, other)
		if len(rows) != 2 || rows[0]["user_email"] != "" {
			t.Errorf("got %v", rows)
		}
		keys := vendorapi.NewKeyReader(s)
		first, keyed, _ := keys.Hash([]byte(guest))
		second, _, _ := keys.Hash([]byte(other))
		if !keyed || first == second {
			t.Error("two guests without an address have one key, or none")
		}
	})

	t.Run("a duration is text of a webinar and seconds of a stay", func(t *testing.T) {
		v := zoom.Vendor()
		_, webinars := readytest.Example(t, v, "webinars")
		_, participants := readytest.Example(t, v, "participants")
		if got := readytest.Rows(t, described(t, v, "webinars"), webinars...)[0]["duration"]; got != "01:06:38" {
			t.Errorf("of the webinar: got %s", got)
		}
		if got := readytest.Rows(t, described(t, v, "participants"), participants...)[0]["duration"]; got != "1698" {
			t.Errorf("of the stay: got %s", got)
		}
	})

	t.Run("a page token expires in 15 minutes", func(t *testing.T) {
		large := size
		large.Attendees = 3000
		p := readytest.Simulate(t, zoom.Vendor(), large, vendortest.ServerOptions{})
		p.Run(day.Add(30*time.Minute), "webinars")
		p.Run(day.Add(20*time.Hour), "webinars")
		// A webinar's participants take six pages. An invocation ends in their midst, and the next comes when the token is void, so that it
		// has to begin again; none comes to the end until the vendor is quicker.
		p.Slow = 4 * time.Minute
		invocations, begun := 0, 0
		for more := true; more; invocations++ {
			if invocations > 100 {
				t.Fatal("it never ends")
			}
			answer, err := p.Invoke("participants", day.Add(20*time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			more = answer.More
			p.Clock = p.Clock.Add(16 * time.Minute)
			if invocations == 12 {
				p.Slow = 0
			}
			begun += answer.Attempts
		}
		got := p.Records("participants")
		slices.Sort(got)
		if diff := cmp.Diff(want(p, "participants", day.Add(20*time.Hour)), got); diff != "" {
			t.Errorf("%d participants (-want +got):\n%.1000s", len(got), diff)
		}
		if expired := p.Server.Stats().Streams["participants"].Refused; expired < 2 {
			t.Errorf("%d requests were refused, in %d invocations with %d attempts: want tokens that have expired", expired, invocations, begun)
		}
	})

	t.Run("a number is the latest instance only", func(t *testing.T) {
		p := readytest.Simulate(t, zoom.Vendor(), size, vendortest.ServerOptions{})
		played(t, p, "webinars", "participants")
		instances, of := map[int64]map[string]bool{}, map[string]string{}
		for _, f := range read(t, p.Records("participants")) {
			if instances[f.WebinarNumber] == nil {
				instances[f.WebinarNumber] = map[string]bool{}
			}
			instances[f.WebinarNumber][f.UUID] = true
			stay := fmt.Sprint(f.WebinarNumber, f.User, f.Join)
			if other, seen := of[stay]; seen && other != f.UUID {
				t.Fatalf("%s and %s have the same participant", other, f.UUID)
			}
			of[stay] = f.UUID
		}
		twice := 0
		for _, uuids := range instances {
			if len(uuids) == 2 {
				twice++
			}
		}
		if twice == 0 {
			t.Error("no webinar has participants of two instances")
		}
	})

	t.Run("a UUID with slashes is encoded twice", func(t *testing.T) {
		v := zoom.Vendor()
		s := described(t, v, "participants")
		for uuid, want := range map[string]string{
			"aB3/dE+fGhIjKlMnOpQrSt==": "/aB3%2FdE+fGhIjKlMnOpQrSt==/",
			"/B3xdE+fGhIjKlMnOpQrSt==": "/%252FB3xdE+fGhIjKlMnOpQrSt==/",
			"aB3//E+fGhIjKlMnOpQrSt==": "/aB3%252F%252FE+fGhIjKlMnOpQrSt==/",
		} {
			parent := readParent(t, v, s, `{"uuid":`+strconv.Quote(uuid)+`,"id":1,"end_time":"2026-03-10T18:04:40Z"}`)
			got := readytest.New(t, v, nil).Client("participants").Of(parent).Describe(window.Window{Start: day, End: day.Add(time.Second)})
			if !strings.Contains(got, "/report/webinars"+want+"participants") {
				t.Errorf("%s: got %s, want %s", uuid, got, want)
			}
		}
	})

	t.Run("Retry-After is an ISO timestamp", func(t *testing.T) {
		p := readytest.Simulate(t, zoom.Vendor(), size, vendortest.ServerOptions{Faults: []vendortest.Plan{
			{Script: []vendortest.Fault{vendortest.Fault429ISO, vendortest.Fault429Bare}, RetryAfter: 40 * time.Second},
		}})
		client := p.Client("webinars")
		if _, err := client.Page(t.Context(), window.Window{Start: day, End: day.Add(time.Hour)}, vendorapi.Cursor{}); err != nil {
			t.Fatal(err)
		}
		// 40 seconds that were asked for, at most 2 of a back-off, and 6 for each of the limit's turns.
		if stats := client.Stats(); stats.Throttled != 2 || stats.Waited < 39*time.Second || stats.Waited > 60*time.Second {
			t.Errorf("throttled %d times, waited %s", stats.Throttled, stats.Waited)
		}
	})

	t.Run("an HTML 403 for one UUID for ever", func(t *testing.T) {
		blocked := size
		blocked.Blocked = 1
		p := readytest.Simulate(t, zoom.Vendor(), blocked, vendortest.ServerOptions{})
		findings := played(t, p, "webinars", "participants")
		if !slices.ContainsFunc(findings, func(f telemetry.Finding) bool { return f.Kind == telemetry.ParentUnreadable }) {
			t.Error("nobody is told of the webinar whose participants are not given")
		}
		uuids := map[string]bool{}
		for _, f := range read(t, p.Records("participants")) {
			uuids[f.UUID] = true
		}
		ended := len(p.World.Records("webinars", always, size.Until.Add(time.Hour)))
		if len(uuids) != ended-1 {
			t.Errorf("there are participants of %d webinars, want all of %d but one", len(uuids), ended)
		}
	})

	t.Run("404 with code 3001 and 400 with code 200 are of one webinar", func(t *testing.T) {
		p := readytest.Simulate(t, zoom.Vendor(), size, vendortest.ServerOptions{})
		p.Run(day.Add(30*time.Minute), "webinars")
		p.Run(size.Until, "webinars")
		refusals := []string{`{"code":3001,"message":"Webinar does not exist"}`, `{"code":200,"message":"No permission."}`}
		refused := map[string]bool{}
		p.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			path := r.URL.EscapedPath()
			if !strings.HasSuffix(path, "/polls") || len(refused) == len(refusals) && !refused[path] {
				return false
			}
			refused[path] = true
			i := len(refused) - 1
			w.WriteHeader([]int{http.StatusNotFound, http.StatusBadRequest}[i])
			w.Write([]byte(refusals[i]))
			return true
		})
		findings := p.Run(size.Until, "polls")
		if len(refused) != 2 || len(findings) == 0 || findings[0].Kind != telemetry.ParentUnreadable || findings[0].Numbers["parents"] < 2 {
			t.Errorf("%d were refused; findings: %+v", len(refused), findings)
		}
		if len(p.Records("polls")) == 0 {
			t.Error("the polls of no other webinar are there")
		}
	})

	t.Run("a webinar that ends after midnight", func(t *testing.T) {
		p := readytest.Simulate(t, zoom.Vendor(), size, vendortest.ServerOptions{})
		played(t, p, "webinars")
		got := p.Records("webinars")
		slices.Sort(got)
		if diff := cmp.Diff(want(p, "webinars", size.Until.Add(time.Hour)), got); diff != "" {
			t.Errorf("(-want +got):\n%.2000s", diff)
		}
	})
}

// TestEachStreamIsHeld runs all streams through faults.
func TestEachStreamIsHeld(t *testing.T) {
	p := readytest.Simulate(t, zoom.Vendor(zoom.AllRegistrants), size, vendortest.ServerOptions{Faults: []vendortest.Plan{vendortest.Mixed(3, 0.1)}, EnforceLimits: true})
	played(t, p, "webinars", "upcoming", "registrants", "registrants-denied", "participants", "questions", "polls")
	now := size.Until.Add(time.Hour)
	for _, stream := range []string{"webinars", "participants", "questions", "polls"} {
		got := p.Records(stream)
		slices.Sort(got)
		if diff := cmp.Diff(want(p, stream, now), got); diff != "" {
			t.Errorf("%d records of %s (-want +got):\n%.2000s", len(got), stream, diff)
		}
		readytest.Rows(t, described(t, p.Vendor, stream), got...)
	}
	// Of a webinar that is days ahead, the registrants are those of the last reading; of one that is over they are all there.
	for _, stream := range []string{"registrants", "registrants-denied"} {
		got := p.Records(stream)
		over := p.World.Records(stream, window.Window{Start: always.Start, End: size.Until}, size.Until)
		for _, r := range over {
			if !slices.Contains(got, string(r.Held())) {
				t.Errorf("missing among the %s: %s", stream, r.Held())
			}
		}
		if len(got) == 0 || len(over) == 0 {
			t.Errorf("%d records of %s, %d of webinars that are over: want some", len(got), stream, len(over))
		}
		readytest.Rows(t, described(t, p.Vendor, stream), got...)
	}
	stats := p.Server.Stats()
	if most := stats.Streams["webinars"].MaxPerMinute; most > 10 {
		t.Errorf("%d dashboard requests in a minute, want at most 10", most)
	}
	if stats.FaultTotal() == 0 {
		t.Error("there was no fault")
	}
}
