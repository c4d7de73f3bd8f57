package rawzone

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/window"
)

var zone = Zone{Vendor: "on24", Stream: "attendees"}

func TestPartKey(t *testing.T) {
	start := time.Date(2026, 3, 10, 17, 0, 0, 0, time.UTC)
	key := zone.partKey(partName{
		window: window.Window{Start: start, End: start.Add(30 * time.Minute)}, attempt: 2, run: "4f2a", firstPage: 1, lastPage: 40,
	})
	want := "on24/attendees/parts/2026/03/10/20260310T170000Z/attendees_a2-4f2a_p000001-000040_20260310T170000Z_20260310T173000Z.ndjson.gz"
	if key != want {
		t.Errorf("got  %s\nwant %s", key, want)
	}
}

func TestPartKeysReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "start"), 0).UTC()
		name := partName{
			window:    window.Window{Start: start, End: start.Add(time.Duration(rapid.Int64Range(1, 1e6).Draw(t, "span")) * time.Second)},
			attempt:   rapid.IntRange(1, 1e6).Draw(t, "attempt"),
			run:       rapid.StringMatching(`[a-z0-9]{1,40}`).Draw(t, "run"),
			firstPage: rapid.IntRange(1, 1e8).Draw(t, "first"),
		}
		name.lastPage = name.firstPage + rapid.IntRange(0, 1e6).Draw(t, "pages")
		got, ok := zone.parsePartKey(zone.partKey(name))
		if !ok || got != name {
			t.Fatalf("got %+v %v, want %+v", got, ok, name)
		}
	})
}

func TestKeysThatAreNoPartsOfTheStream(t *testing.T) {
	good := "on24/attendees/parts/2026/03/10/20260310T170000Z/attendees_a2-4f2a_p000001-000040_20260310T170000Z_20260310T173000Z.ndjson.gz"
	if _, ok := zone.parsePartKey(good); !ok {
		t.Fatal("the good key is refused")
	}
	for _, change := range [][2]string{
		{"on24/", "zoom/"}, {"/attendees_", "/events_"}, {"_a2-", "_a02-"}, {"_a2-", "_a-"}, {"4f2a", "4F2A"}, {"4f2a", ""},
		{"p000001", "p1"}, {"T173000Z.", "T173000Z250."}, {"20260310T173000Z", "20261310T173000Z"}, {".gz", ""}, {".ndjson", ""},
		{"2026/03/10", "2026/03/11"},
	} {
		key := strings.Replace(good, change[0], change[1], 1)
		if name, ok := zone.parsePartKey(key); ok {
			t.Errorf("%s is read as %+v", key, name)
		}
	}
}

func TestNamesSortByTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "a"), 0)
		b := time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "b"), 0)
		if (zone.commitKey(a) < zone.commitKey(b)) != a.Before(b) {
			t.Fatalf("%s and %s", zone.commitKey(a), zone.commitKey(b))
		}
	})
}

func TestParseTimeRefuses(t *testing.T) {
	for _, text := range []string{"", "20260310", "20260310T170000", "20260310T170000.5Z", "20260230T000000Z", " 20260310T170000Z"} {
		if got, err := ParseTime(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
	if fmt.Sprint(ParseTime("20260310T170000Z")) != "2026-03-10 17:00:00 +0000 UTC <nil>" {
		t.Error(ParseTime("20260310T170000Z"))
	}
}
