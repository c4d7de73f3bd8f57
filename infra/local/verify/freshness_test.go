package verify

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

func TestFreshnessTellsOnTimeFromLate(t *testing.T) {
	t.Parallel()
	const minutes = 60.0
	one := func(wait float64) Ages { return Ages{1, wait, wait, wait} }
	tests := []struct {
		name string
		// happened and visible are after the window's start.
		happened, visible, settle time.Duration
		took                      time.Duration
		want                      Freshness
	}{
		{name: "shown within the settle delay", visible: 80 * time.Minute, happened: 50 * time.Minute, settle: 30 * time.Minute, want: Freshness{OnTime: one(10 * minutes), BoundSeconds: 121 * minutes}},
		{name: "with the run's own time", visible: 80 * time.Minute, happened: 50 * time.Minute, settle: 30 * time.Minute, took: 5 * time.Second, want: Freshness{OnTime: one(10*minutes + 5), BoundSeconds: 121 * minutes}},
		{name: "shown a second later", visible: 80*time.Minute + time.Second, happened: 50 * time.Minute, settle: 30 * time.Minute, want: Freshness{Others: one(10*minutes - 1), BoundSeconds: 121 * minutes}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := lakeOf(t, []person{ann(start, nil)}, nil)
			readAt(t, f, 90*time.Minute, 150*time.Minute)
			object := filepath.Join(f.Curated, "dt=2026-03-10", "20260310T000000Z_1-of-1.parquet")
			patient := *stream
			patient.Settle = vendorapi.Duration(test.settle)
			r, err := Check{
				Stream: &patient, Folders: f, Runs: runsEvery(90 * time.Minute), Interval: 90 * time.Minute,
				Source: historyOf([]shownAs{{"Ann", test.happened, test.visible, 0}}),
				// The object was put at 1:00 without the record, at 1:30 with it, and again for another one's sake.
				Puts:    map[string][]Put{object: {{At: start.Add(time.Hour)}, {start.Add(90 * time.Minute), test.took}, {At: start.Add(2 * time.Hour)}}},
				Playing: start,
			}.Run()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, r.Freshness); diff != "" {
				t.Errorf("freshness (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFreshnessBound(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		f    Freshness
		kept bool
	}{
		{"at the bound", Freshness{OnTime: Ages{P95Seconds: 60, MaxSeconds: 90}, BoundSeconds: 60}, true},
		{"beyond it", Freshness{OnTime: Ages{P95Seconds: 60.1}, BoundSeconds: 60}, false},
		{"late ones have none", Freshness{Others: Ages{P95Seconds: 9e9}, BoundSeconds: 60}, true},
		{"no schedule", Freshness{OnTime: Ages{P95Seconds: 9e9}}, true},
	} {
		if test.f.Kept() != test.kept {
			t.Errorf("%s: kept is %t", test.name, test.f.Kept())
		}
	}
	if got := agesOf([]float64{4, 1, 3, 2}); got != (Ages{4, 2, 4, 4}) {
		t.Errorf("ages of four are %+v", got)
	}
}
