package vendortest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// house is a vendor with meetings, the visits of each, and the questions of each visit.
func house(change func(*vendorapi.Vendor)) *vendorapi.Vendor {
	v := described(func(v *vendorapi.Vendor, s *vendorapi.Stream) {
		s.Name, s.Path = "meetings", "/meetings"
		s.Key, s.VersionPath = []string{"uuid"}, ""
		s.Lookback = vendorapi.Duration(24 * time.Hour)
		s.Columns = []vendorapi.Column{
			{Name: "uuid", Type: vendorapi.TypeString}, {Name: "number", Type: vendorapi.TypeInt64}, {Name: "at", Type: vendorapi.TypeTimestamp},
			{Name: "topic", Path: "about.topic", Type: vendorapi.TypeString}, {Name: "starts", Type: vendorapi.TypeTimestamp, Layout: vendorapi.LayoutUnix},
		}
		v.Streams = append(v.Streams, vendorapi.Stream{
			Name: "visits", Path: "/meetings/{meeting}/visits", RecordsPath: "data.items",
			Parent: &vendorapi.Parent{
				Stream: "meetings", TimePath: "starts", Ahead: vendorapi.Duration(48 * time.Hour),
				Places: []vendorapi.ParentPlace{{Place: vendorapi.Place{In: vendorapi.InPath, Name: "meeting"}, Path: "uuid", EscapeTwice: true}},
				Fields: []vendorapi.ParentField{{Name: "meeting", Path: "uuid"}, {Name: "about", Path: "about"}},
			},
			Paging: vendorapi.Paging{Kind: vendorapi.PagingToken, Place: inQuery("token"), NextPath: "data.next", Size: 7, SizePlace: inQuery("size")},
			Key:    []string{"meeting", "id"}, Settle: vendorapi.Duration(10 * time.Minute), Lookback: vendorapi.Duration(48 * time.Hour), Audit: vendorapi.AuditReread,
			Columns: []vendorapi.Column{
				{Name: "meeting", Type: vendorapi.TypeString}, {Name: "topic", Path: "about.topic", Type: vendorapi.TypeString},
				{Name: "id", Type: vendorapi.TypeInt64}, {Name: "joined", Type: vendorapi.TypeTimestamp},
			},
		})
	})
	change(v)
	return v
}

// readChildren reads the children of each meeting as the client does, by what the newest version of the meeting shows.
func readChildren(t *testing.T, v *vendorapi.Vendor, w *World, s http.Handler, now time.Time) (held []string, absent int) {
	t.Helper()
	o := sleepless()
	o.Transport = handlerTransport{s}
	client, err := vendorapi.NewClient(v, "visits", nil, o)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := vendorapi.NewParentReader(v, &v.Streams[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range w.Records("meetings", all(), now) {
		parent, err := reader.Read(record.JSON)
		if err != nil {
			t.Fatal(err)
		}
		of := client.Of(parent)
		in := window.Window{Start: dayStart, End: dayStart.Add(time.Second)}
		for at := (vendorapi.Cursor{}); ; {
			page, err := of.Page(context.Background(), in, at)
			if err != nil {
				t.Fatal(err)
			}
			for r := range page.Records() {
				held = append(held, string(r))
			}
			if page.Count == 0 && page.Number == 1 {
				absent++
			}
			if page.Last {
				break
			}
			at = page.Next
		}
	}
	slices.Sort(held)
	return held, absent
}

func TestChildrenAreServedToTheClientParentByParent(t *testing.T) {
	v := house(func(*vendorapi.Vendor) {})
	if err := v.Validate(); err != nil {
		t.Fatal(err)
	}
	w := world(t, v, dayStart, 60)
	for _, now := range []time.Time{dayStart.Add(15 * time.Hour), dayEnd, dayEnd.AddDate(0, 0, 5)} {
		got, childless := readChildren(t, v, w, NewServer(v, w, nil, ServerOptions{Now: now}), now)
		var want []string
		sizes := map[string]int{}
		for _, r := range w.Records("visits", all2(), now) {
			want = append(want, string(r.Held()))
			sizes[r.Parent[0]]++
			if len(r.Key) != 2 || r.Key[0] != r.Parent[0] || !strings.HasPrefix(string(r.Held()), `{"meeting":"`) {
				t.Fatalf("a child of %s has the key %q and is held as %s", r.Parent, r.Key, r.Held())
			}
		}
		slices.Sort(want)
		shown := map[string]bool{}
		for _, r := range w.Records("meetings", all(), now) {
			shown[r.Key[0]] = true
		}
		// A child is found by a parent that shows.
		want = slices.DeleteFunc(want, func(held string) bool {
			var child struct{ Meeting string }
			return json.Unmarshal([]byte(held), &child) != nil || !shown[child.Meeting]
		})
		if diff := cmp.Diff(want, got); diff != "" || len(got) < 100 {
			t.Errorf("at %s: %d children read (-held +read):\n%s", now, len(got), diff)
		}
		most := 0
		for _, n := range sizes {
			most = max(most, n)
		}
		if now.After(dayEnd) && (most < 5*DefaultChildren || childless < 5) {
			t.Errorf("the most children of a meeting are %d, and %d have none", most, childless)
		}
	}
}

// all2 holds the own times of what is planned, too.
func all2() window.Window { return window.Window{Start: all().Start, End: all().End.AddDate(0, 1, 0)} }

func TestIDsThatNeedItAreEscapedTwice(t *testing.T) {
	v := house(func(*vendorapi.Vendor) {})
	w := world(t, v, dayStart, 60)
	s := NewServer(v, w, nil, ServerOptions{Now: dayEnd.AddDate(0, 0, 5)})
	kinds := map[string]int{}
	for id := range w.shelves["visits"].family.numbers {
		once := "https://api.acme.example/rest/meetings/" + strings.ReplaceAll(id, "/", "%2F") + "/visits?size=7"
		twice := "https://api.acme.example/rest/meetings/" + strings.ReplaceAll(id, "/", "%252F") + "/visits?size=7"
		wantOnce, wantTwice, kind := 200, 404, "plain"
		if strings.HasPrefix(id, "/") || strings.Contains(id, "//") {
			wantOnce, wantTwice, kind = 404, 200, "slashes"
		}
		kinds[kind]++
		onceRec, _, _ := exchange{target: once}.page(t, s, http.MethodGet)
		twiceRec, _, _ := exchange{target: twice}.page(t, s, http.MethodGet)
		if onceRec.Code != wantOnce || twiceRec.Code != wantTwice {
			t.Errorf("%s: %d escaped once and %d twice, want %d and %d", id, onceRec.Code, twiceRec.Code, wantOnce, wantTwice)
		}
	}
	if kinds["plain"] < 10 || kinds["slashes"] < 10 {
		t.Errorf("ids: %v", kinds)
	}
	rec, _, _ := exchange{target: "https://api.acme.example/rest/meetings/nobody/visits?size=7"}.page(t, s, http.MethodGet)
	var said struct{ Message string }
	if err := json.Unmarshal(rec.Body.Bytes(), &said); rec.Code != 404 || err != nil || said.Message == "" {
		t.Errorf("an unknown meeting is answered %d %s", rec.Code, rec.Body)
	}
}

func TestTokensExpire(t *testing.T) {
	v := house(func(*vendorapi.Vendor) {})
	w := world(t, v, dayStart, 60)
	now, clock := dayEnd.AddDate(0, 0, 5), realNow
	largest := ""
	family := w.shelves["visits"].family
	for id, n := range family.numbers {
		if p := family.parents[n]; p.until-p.from > 14 && !strings.Contains(id, "//") && !strings.HasPrefix(id, "/") {
			largest = strings.ReplaceAll(id, "/", "%2F")
		}
	}
	target := "https://api.acme.example/rest/meetings/" + largest + "/visits?size=7"
	next := func(envelope map[string]any) string { return envelope["data"].(map[string]any)["next"].(string) }
	s := NewServer(v, w, nil, ServerOptions{Now: now, Clock: func() time.Time { return clock }, TokenLife: 15 * time.Minute})
	_, first, _ := exchange{target: target}.page(t, s, http.MethodGet)
	clock = clock.Add(15 * time.Minute)
	rec, second, _ := exchange{target: target + "&token=" + next(first)}.page(t, s, http.MethodGet)
	if rec.Code != 200 {
		t.Fatalf("a token of 15 minutes is answered %d %s", rec.Code, rec.Body)
	}
	clock = clock.Add(time.Second)
	if rec, _, _ := (exchange{target: target + "&token=" + next(first)}).page(t, s, http.MethodGet); rec.Code != 400 || !strings.Contains(rec.Body.String(), "expired") {
		t.Errorf("a token of more than 15 minutes is answered %d %s", rec.Code, rec.Body)
	}
	s.SetFaults(Plan{Script: []Fault{FaultExpired, FaultExpired}})
	if rec, _, _ := (exchange{target: target}).page(t, s, http.MethodGet); rec.Code != 200 {
		t.Errorf("a first page is answered %d %s", rec.Code, rec.Body)
	}
	if rec, _, _ := (exchange{target: target + "&token=" + next(second)}).page(t, s, http.MethodGet); rec.Code != 400 {
		t.Errorf("a token that is to expire is answered %d", rec.Code)
	}
}

func TestWhatIsListedShowsBeforeItsTime(t *testing.T) {
	v := described(func(_ *vendorapi.Vendor, s *vendorapi.Stream) {
		s.Window.Listing = &vendorapi.Listing{Behind: vendorapi.Duration(time.Hour), Ahead: vendorapi.Duration(12 * time.Hour)}
	})
	if err := v.Validate(); err != nil {
		t.Fatal(err)
	}
	w := world(t, v, dayStart, 200)
	now := dayStart.Add(9 * time.Hour)
	got, err := read(v, handlerTransport{NewServer(v, w, nil, ServerOptions{Now: now})}, "calls", nil, window.Window{Start: now.Add(-time.Hour), End: now})
	want := jsonOf(w.Records("calls", window.Window{Start: now.Add(-time.Hour), End: now.Add(12 * time.Hour)}, now))
	if diff := cmp.Diff(want, got); err != nil || diff != "" || len(got) < 30 {
		t.Errorf("%d are listed, %v (-held +read):\n%s", len(got), err, diff)
	}
}

func TestAVendorWithoutBoundsGivesAllItShows(t *testing.T) {
	v := described(func(_ *vendorapi.Vendor, s *vendorapi.Stream) { s.Window = vendorapi.Window{} })
	if err := v.Validate(); err != nil {
		t.Fatal(err)
	}
	w := world(t, v, dayStart, 200)
	s := NewServer(v, w, nil, ServerOptions{Now: dayEnd})
	for _, in := range []window.Window{{Start: dayStart, End: dayStart.Add(13 * time.Hour)}, {Start: dayStart.Add(13 * time.Hour), End: dayEnd}} {
		got, err := read(v, handlerTransport{s}, "calls", nil, in)
		if diff := cmp.Diff(jsonOf(w.Records("calls", in, dayEnd)), got); err != nil || diff != "" || len(got) < 50 {
			t.Errorf("%s: %d records, %v (-held +read):\n%s", in, len(got), err, diff)
		}
	}
	if n, want := s.Stats().Streams["calls"].Records, 2*len(w.Records("calls", all(), dayEnd)); n != want {
		t.Errorf("%d records are served, want all twice, %d", n, want)
	}
}

func TestChildrenComeLateChangeAndVanish(t *testing.T) {
	v := house(func(*vendorapi.Vendor) {})
	count := func(l Lateness) (late, changed, gone int) {
		w, err := Generate(v, Size{Seed: 3, From: dayStart, Until: dayEnd, Attendees: 60, Lateness: l})
		if err != nil {
			t.Fatal(err)
		}
		versions := map[string]int{}
		for _, r := range w.Versions("visits", all2()) {
			versions[strings.Join(r.Key, " ")]++
			if r.VisibleAt.After(r.Time.Add(longestAfter + v.Streams[1].Settle.D())) {
				late++
			}
			if versions[strings.Join(r.Key, " ")] == 2 {
				changed++
			}
			if !r.GoneAt.IsZero() {
				gone++
			}
		}
		return late, changed, gone - changed
	}
	if late, changed, gone := count(nil); late+changed+gone != 0 {
		t.Errorf("without lateness %d are late, %d change and %d vanish", late, changed, gone)
	}
	delay := Delay{Late: 0.3, Mean: 6 * time.Hour, Longest: 24 * time.Hour, Changed: 0.3, ChangesFrom: time.Hour, ChangesUntil: 24 * time.Hour, Vanishing: 0.2}
	if late, changed, gone := count(Lateness{"visits": delay}); late < 5 || changed < 20 || gone < 20 {
		t.Errorf("%d are late, %d change and %d vanish, want some of each", late, changed, gone)
	}
}

// A parent's time and fields may change; what is held of its children is told by its last version.
func TestWhatAParentAddsLasts(t *testing.T) {
	v := house(func(*vendorapi.Vendor) {})
	w := world(t, v, dayStart, 120)
	about := map[string]string{}
	versions := 0
	for _, r := range w.Versions("meetings", all()) {
		value := string(valueAt(r.JSON, []string{"about"})) + string(valueAt(r.JSON, []string{"starts"}))
		if before, seen := about[r.Key[0]]; seen {
			versions++
			if before != value {
				t.Errorf("meeting %s is about %s and then %s", r.Key[0], before, value)
			}
		}
		about[r.Key[0]] = value
	}
	if versions < 10 {
		t.Errorf("%d meetings have changed, want at least 10", versions)
	}
}

func TestGenerateRefusesParentsItCannotMake(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*vendorapi.Vendor)
		want   string
	}{
		"no such stream": {func(v *vendorapi.Vendor) { v.Streams[1].Parent.Stream = "others" }, `no stream "others"`},
		"its own child":  {func(v *vendorapi.Vendor) { v.Streams[1].Parent.Stream = "visits" }, "wait for it"},
		"time of no type": {func(v *vendorapi.Vendor) {
			v.Streams[0].Columns[4] = vendorapi.Column{Name: "starts", Type: vendorapi.TypeBool}
		}, "which is no time"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Generate(house(test.change), Size{From: dayStart, Until: dayEnd, Attendees: 20})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %q", err, test.want)
			}
		})
	}
	if _, err := Generate(house(func(*vendorapi.Vendor) {}), Size{From: dayStart, Until: dayEnd, Children: -1}); err == nil || errors.Is(err, http.ErrAbortHandler) {
		t.Errorf("error %v of a negative number of children", err)
	}
}
