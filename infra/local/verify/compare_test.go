package verify

import (
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// shownAs is a version of Ann's record: under which name, at what time, and from when until when the vendor shows it. All
// are counted from start; an until of zero is never.
type shownAs struct {
	name            string
	at, from, until time.Duration
}

func historyOf(versions []shownAs) Source {
	return func(within window.Window) iter.Seq2[Record, error] {
		return func(yield func(Record, error) bool) {
			for _, v := range versions {
				r := Record{JSON: []byte(strings.Replace(annJSON, "Ann", v.name, 1)), Time: start.Add(v.at), VisibleAt: start.Add(v.from)}
				if v.until > 0 {
					r.GoneAt = start.Add(v.until)
				}
				if within.Contains(r.Time) && !yield(r, nil) {
					return
				}
			}
		}
	}
}

// readAt puts the time of reading into the commits of lakeOf.
func readAt(t *testing.T, f Folders, times ...time.Duration) {
	t.Helper()
	for i, begin := range []time.Time{start, middle} {
		path := filepath.Join(f.Raw, "commits", begin.Format("20060102T150405Z")+".json")
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var commit rawzone.Commit
		if err := json.Unmarshal(content, &commit); err != nil {
			t.Fatal(err)
		}
		commit.ReadAt, commit.WrittenAt, commit.Settled = start.Add(times[i]), start.Add(times[i]), true
		if content, err = json.Marshal(commit); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, content)
	}
}

// TestHistories plays half hours until 3:30. The first window ends at 1:00 and is last due at 2:00; the second ends at 2:00
// and is last due at 3:00.
func TestHistories(t *testing.T) {
	t.Parallel()
	const (
		h = time.Hour
		m = time.Minute
	)
	row := func(window time.Time, name string) person {
		return ann(window, func(p *person) { p.Name = &name })
	}
	inFirst := []shownAs{{"Ann", 30 * m, 40 * m, 0}}
	changedInTime := []shownAs{{"An", 30 * m, 40 * m, 110 * m}, {"Ann", 30 * m, 110 * m, 0}}
	changedLate := []shownAs{{"An", 30 * m, 40 * m, 130 * m}, {"Ann", 30 * m, 130 * m, 0}}
	movedBefore := []shownAs{{"An", 30 * m, 40 * m, 110 * m}, {"Ann", 90 * m, 110 * m, 0}}
	movedAfter := []shownAs{{"An", 30 * m, 40 * m, 130 * m}, {"Ann", 90 * m, 130 * m, 0}}
	tests := []struct {
		name          string
		history       []shownAs
		first, second []person
		// firstReadAt is when the first window was read by its commit's word, if not at 1:30.
		firstReadAt time.Duration
		audit       vendorapi.Audit
		want        Result
		wantFault   string
	}{
		{name: "on time", history: inFirst, first: []person{row(start, "Ann")}, want: Result{VendorRecords: 1}},
		{name: "lost", history: inFirst, want: Result{VendorRecords: 1, Missing: 1}, wantFault: "no record 1"},
		{
			name: "late, and a reading has seen it", history: []shownAs{{"Ann", 30 * m, 2 * h, 0}},
			want: Result{VendorRecords: 1, Missing: 1}, wantFault: "no record 1",
		},
		{name: "later than the last reading", history: []shownAs{{"Ann", 30 * m, 2*h + 1, 0}}, want: Result{NotYetDue: 1}},
		{
			name: "later than the last reading was due, and read still later", history: []shownAs{{"Ann", 30 * m, 130 * m, 0}}, firstReadAt: 150 * m,
			first: []person{row(start, "Ann")}, want: Result{VendorRecords: 1},
		},
		{name: "not shown yet", history: []shownAs{{"Ann", 30 * m, 4 * h, 0}}, want: Result{}},
		{name: "happened after the last window", history: []shownAs{{"Ann", 3 * h, 3 * h, 0}}, want: Result{NotYetDue: 1}},
		{name: "changed in place", history: changedInTime, first: []person{row(start, "Ann")}, want: Result{VendorRecords: 1}},
		{
			name: "a change in place that was not read again", history: changedInTime, first: []person{row(start, "An")},
			want: Result{VendorRecords: 1, Stale: 1}, wantFault: "not as shown from 2026-03-10T01:50:00Z",
		},
		{name: "changed after the last reading", history: changedLate, first: []person{row(start, "An")}, want: Result{VendorRecords: 1, NotYetDue: 1}},
		{
			name: "moved, and the window it left was read again", history: movedBefore, second: []person{row(middle, "Ann")},
			want: Result{VendorRecords: 1},
		},
		{
			name: "moved, and carried where it was", history: movedBefore, first: []person{row(start, "An")}, second: []person{row(middle, "Ann")},
			want: Result{VendorRecords: 1},
		},
		{
			name: "moved since the window it left was read", history: movedAfter, first: []person{row(start, "An")}, second: []person{row(middle, "Ann")},
			want: Result{VendorRecords: 1},
		},
		{
			name: "a move that was not read", history: movedAfter, first: []person{row(start, "An")},
			want: Result{VendorRecords: 1, Stale: 1}, wantFault: "which the reading of window 2026-03-10T01:00:00Z",
		},
		{
			name: "on the move", history: []shownAs{{"An", 30 * m, 40 * m, 190 * m}, {"Ann", 90 * m, 190 * m, 0}}, firstReadAt: 210 * m,
			want: Result{NotYetDue: 1, Missing: 1}, wantFault: "has it no more",
		},
		{
			name: "on the move, and carried", history: []shownAs{{"An", 30 * m, 40 * m, 190 * m}, {"Ann", 90 * m, 190 * m, 0}}, firstReadAt: 210 * m,
			first: []person{row(start, "An")}, want: Result{NotYetDue: 1},
		},
		{name: "vanished after the last reading", history: []shownAs{{"Ann", 30 * m, 40 * m, 130 * m}}, first: []person{row(start, "Ann")}, want: Result{VendorRecords: 1}},
		{
			name: "vanished before the last reading, and carried", history: []shownAs{{"Ann", 30 * m, 40 * m, 110 * m}}, first: []person{row(start, "Ann")},
			want: Result{},
		},
		{
			name: "vanished before the last reading", history: []shownAs{{"Ann", 30 * m, 40 * m, 110 * m}},
			want: Result{Missing: 1}, wantFault: "has it no more",
		},
		{
			name: "content that the vendor never showed", history: inFirst, first: []person{row(start, "Anna")},
			want: Result{VendorRecords: 1, Missing: 1}, wantFault: "other content in name",
		},
		{
			name: "a record that the vendor never had", first: []person{row(start, "Ann")},
			want: Result{Stale: 1}, wantFault: "never showed there",
		},
		{
			name: "counts do not tell a change", audit: vendorapi.AuditCount, history: changedInTime, first: []person{row(start, "An")},
			want: Result{VendorRecords: 1},
		},
		{
			name: "counts tell a late record", audit: vendorapi.AuditCount, history: []shownAs{{"Ann", 30 * m, 2 * h, 0}},
			want: Result{VendorRecords: 1, Missing: 1}, wantFault: "no record 1",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			stream := *stream
			stream.Lookback, stream.Settle = vendorapi.Duration(24*h), vendorapi.Duration(15*m)
			if stream.Audit = vendorapi.AuditReread; test.audit != "" {
				stream.Audit = test.audit
			}
			f := lakeOf(t, test.first, test.second)
			if test.firstReadAt == 0 {
				test.firstReadAt = 90 * m
			}
			readAt(t, f, test.firstReadAt, 150*m)
			r, err := Check{Stream: &stream, Folders: f, Source: historyOf(test.history), Runs: runsEvery(210 * m)}.Run()
			if err != nil {
				t.Fatal(err)
			}
			got := Result{
				VendorRecords: r.VendorRecords, Missing: r.Missing, Duplicated: r.Duplicated, Stale: r.Stale,
				NotYetDue: r.NotYetDue,
			}
			faults := strings.Join(r.Faults, "; ")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s%s", diff, faults)
			}
			if !strings.Contains(faults, test.wantFault) || (test.wantFault == "") != (faults == "") || r.Good() != (test.wantFault == "") {
				t.Errorf("faults %q, want %q", faults, test.wantFault)
			}
		})
	}
}
