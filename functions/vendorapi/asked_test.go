package vendorapi

import (
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/window"
)

func TestAskedAreTheBoundsOfTheRequest(t *testing.T) {
	start := time.Date(2026, 3, 10, 17, 0, 0, 0, time.UTC)
	w := window.Window{Start: start, End: start.Add(time.Hour)}
	second := Duration(time.Second)
	tests := map[string]struct {
		window   Window
		from, to time.Time
	}{
		"exclusive":          {Window{Layout: time.RFC3339, Resolution: second}, w.Start, w.End},
		"inclusive":          {Window{Layout: time.RFC3339, Resolution: second, EndInclusive: true}, w.Start, w.End.Add(-time.Second)},
		"unknown resolution": {Window{Layout: time.RFC3339}, w.Start.Add(-time.Second), w.End.Add(time.Second)},
		"whole days":         {Window{Layout: time.DateOnly, Granularity: Duration(24 * time.Hour)}, start.Truncate(24 * time.Hour), start.Truncate(24*time.Hour).AddDate(0, 0, 1)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := &Stream{Window: test.window}
			if from, to := s.Asked(w); !from.Equal(test.from) || !to.Equal(test.to) {
				t.Errorf("asked for %s to %s, want %s to %s", from, to, test.from, test.to)
			}
		})
	}
}

func TestTimeReader(t *testing.T) {
	want := time.Date(2026, 3, 10, 17, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		path, zone, record string
		want               time.Time
		ok                 bool
	}{
		"nested":         {"call.at", "", `{"call":{"at":"2026-03-10T10:00:00-07:00"}}`, want, true},
		"zone of bounds": {"at", "America/Los_Angeles", `{"at":"2026-03-10T10:00:00"}`, want, true},
		"Unix":           {"at", "", `{"at":1773162000}`, want, true},
		"unset":          {"at", "", `{"at":0}`, time.Time{}, false},
		"absent":         {"at", "", `{}`, time.Time{}, false},
		"no path":        {"", "", `{"at":1773162000}`, time.Time{}, false},
		"no JSON":        {"at", "", `{"at"`, time.Time{}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			reader := NewTimeReader(&Stream{TimePath: test.path, Window: Window{Zone: test.zone, Layout: time.RFC3339}})
			if got, ok := reader.Time([]byte(test.record)); ok != test.ok || !got.Equal(test.want) {
				t.Errorf("read %s (%v), want %s (%v)", got, ok, test.want, test.ok)
			}
		})
	}
}
