//go:build !race

package vendortest

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/window"
)

// The race detector would find nothing in a world of full size that it does not find in a small one, in
// ten times the time.

func TestTheDefaultDayHasTheBurstsItPromises(t *testing.T) {
	began := time.Now()
	v, w := smallON24(t, 0)
	t.Logf("generated in %s", time.Since(began))
	total, bytes := 0, 0
	for _, s := range v.Streams {
		c := w.shelves[s.Name].collection
		for _, version := range c.versions {
			bytes += len(version.json)
		}
		total += len(c.versions)
		t.Logf("%s: %d versions", s.Name, len(c.versions))
	}
	t.Logf("%d versions, %d MB of JSON", total, bytes>>20)
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	t.Logf("%d MB taken from the system", memory.Sys>>20)
	if memory.Sys > 1<<30 {
		t.Errorf("%d MB taken from the system, want at most 1024", memory.Sys>>20)
	}
	perMinute, hours := map[time.Time]int{}, map[int]int{}
	attendees := w.Records("attendees", window.Window{Start: dayStart, End: dayEnd}, dayEnd.Add(time.Hour))
	for _, r := range attendees {
		perMinute[r.Time.Truncate(time.Minute)]++
		hours[r.Time.Hour()]++
	}
	var counts []int
	for _, n := range perMinute {
		counts = append(counts, n)
	}
	slices.Sort(counts)
	t.Logf("%d attendees, largest minutes %v, by hour %v", len(attendees), counts[max(0, len(counts)-3):], hours)
	// Those who watch the recording later have moved away from the burst by the end of the day, so the
	// bursts are counted as they stood.
	for _, end := range []time.Time{dayStart.Add(14 * time.Hour), dayStart.Add(18 * time.Hour)} {
		minute := window.Window{Start: end.Add(-time.Minute), End: end}
		if n := len(w.Records("attendees", minute, end.Add(15*time.Minute))); n < 20_000 {
			t.Errorf("%d attendees in the minute before %s, want 20,000", n, end)
		}
	}
	if len(attendees) < 60_000 {
		t.Errorf("%d attendees, want 60,000", len(attendees))
	}
	if len(hours) == 24 {
		t.Error("every hour has attendees, want some without")
	}
}
