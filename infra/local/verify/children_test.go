package verify

import (
	"encoding/json"
	"iter"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// guest is a row of a child stream.
type guest struct {
	ID          *int64  `parquet:"id,optional"`
	Name        *string `parquet:"name,optional"`
	Undeclared  *string `parquet:"windrow_undeclared,optional"`
	WindowStart int64   `parquet:"windrow_window_start,timestamp(microsecond)"`
	IngestedAt  int64   `parquet:"windrow_ingested_at,timestamp(microsecond)"`
}

func guestAt(slot time.Time, id int64, name string) guest {
	return guest{ID: &id, Name: &name, WindowStart: slot.UnixMicro(), IngestedAt: slot.UnixMicro()}
}

// guests are a child stream that is read from an hour ahead of its parents' time to a day after.
var guests = &vendorapi.Stream{
	Name:     "guests",
	Key:      []string{"id"},
	Parent:   &vendorapi.Parent{Stream: "parties", Ahead: vendorapi.Duration(time.Hour)},
	Lookback: vendorapi.Duration(24 * time.Hour),
	Audit:    vendorapi.AuditReread,
	Columns:  []vendorapi.Column{{Name: "id", Type: vendorapi.TypeInt64}, {Name: "name", Type: vendorapi.TypeString}},
}

func recordsOf(records ...Record) Source {
	return func(window.Window) iter.Seq2[Record, error] {
		return func(yield func(Record, error) bool) {
			for _, record := range records {
				if !yield(record, nil) {
					return
				}
			}
		}
	}
}

func TestChildrenAreComparedWithTheLastReadingOfTheirParent(t *testing.T) {
	t.Parallel()
	// The party is at ten, and runs are each half hour.
	party := start.Add(10 * time.Hour)
	at := func(hours float64) time.Time { return start.Add(time.Duration(hours * float64(time.Hour))) }
	child := func(json string, visible, gone time.Time) Record {
		return Record{JSON: []byte(json), Time: party, VisibleAt: visible, GoneAt: gone, Parent: "p"}
	}
	ann := child(`{"id":1,"name":"Ann"}`, at(9), time.Time{})
	tests := []struct {
		name     string
		until    float64 // the last run
		children []Record
		rows     []guest
		readAt   float64
		failed   float64 // the run from which on all fail, 0 for none
		want     string
		missing  int64
		stale    int64
		doubled  int64
		notYet   int64
	}{
		{name: "equal", until: 10.5, children: []Record{ann}, rows: []guest{guestAt(party, 1, "Ann")}, readAt: 10.5},
		{name: "lost", until: 10.5, children: []Record{ann}, rows: []guest{}, readAt: 10.5, missing: 1, want: "no record 1"},
		{name: "not due yet", until: 8.5, children: []Record{child(`{"id":1,"name":"Ann"}`, at(8), time.Time{})}, rows: []guest{}, readAt: 8.5, notYet: 1},
		{name: "shown since", until: 11.5, children: []Record{ann, child(`{"id":2,"name":"Bob"}`, at(11.2), time.Time{})}, rows: []guest{guestAt(party, 1, "Ann")}, readAt: 11, notYet: 1},
		{name: "the last reading failed", until: 11, failed: 11, children: []Record{ann, child(`{"id":2,"name":"Bob"}`, at(10.9), time.Time{})}, rows: []guest{guestAt(party, 1, "Ann")}, readAt: 10.5, notYet: 1},
		{name: "the last reading is missing", until: 11, children: []Record{ann, child(`{"id":2,"name":"Bob"}`, at(10.9), time.Time{})}, rows: []guest{guestAt(party, 1, "Ann")}, readAt: 10.5, missing: 1, want: "no record 2"},
		{name: "an older version", until: 11, children: []Record{child(`{"id":1,"name":"An"}`, at(9), at(10.9)), child(`{"id":1,"name":"Ann"}`, at(10.9), time.Time{})}, rows: []guest{guestAt(party, 1, "An")}, readAt: 10.5, stale: 1, want: "as the vendor showed it until"},
		{name: "gone by the last reading", until: 11, children: []Record{child(`{"id":1,"name":"Ann"}`, at(9), at(10.9))}, rows: []guest{guestAt(party, 1, "Ann")}, readAt: 10.5, stale: 1, want: "as the vendor showed it until"},
		{name: "gone since the last reading", until: 11.5, children: []Record{child(`{"id":1,"name":"Ann"}`, at(9), at(11.2))}, rows: []guest{guestAt(party, 1, "Ann")}, readAt: 11},
		{name: "content of nobody", until: 11, children: []Record{ann}, rows: []guest{guestAt(party, 1, "Eve")}, readAt: 11, missing: 1, want: "never showed"},
		{name: "a record of nobody", until: 11, children: []Record{ann}, rows: []guest{guestAt(party, 1, "Ann"), guestAt(party.Add(time.Second), 9, "Eve")}, readAt: 11, stale: 1, want: "of no parent"},
		{name: "two slots", until: 11, children: []Record{ann, child(`{"id":2,"name":"Bob"}`, at(9), time.Time{})}, rows: []guest{guestAt(party, 1, "Ann"), guestAt(party.Add(time.Second), 2, "Bob")}, readAt: 11, doubled: 1, want: "in 2 slots"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			f := Folders{Raw: filepath.Join(root, "raw", "vendor", "guests"), Curated: filepath.Join(root, "curated", "vendor", "guests")}
			slots := map[time.Time][]guest{party: nil}
			for _, row := range test.rows {
				slot := time.UnixMicro(row.WindowStart).UTC()
				slots[slot] = append(slots[slot], row)
			}
			for slot, rows := range slots {
				content, err := json.Marshal(rawzone.Commit{Start: slot, End: slot.Add(time.Second), Records: int64(len(rows)), ReadAt: at(test.readAt), WrittenAt: at(test.readAt)})
				if err != nil {
					t.Fatal(err)
				}
				name := slot.Format("20060102T150405Z")
				writeFile(t, filepath.Join(f.Raw, "commits", name+".json"), content)
				path := filepath.Join(f.Curated, "dt=2026-03-10", name+"_1-of-1.parquet")
				writeFile(t, path, nil)
				if err := parquet.WriteFile(path, rows); err != nil {
					t.Fatal(err)
				}
			}
			check := Check{
				Stream: guests, Folders: f, Source: recordsOf(test.children...), Playing: start,
				Parents: &Check{
					Stream: &vendorapi.Stream{Name: "parties", Settle: vendorapi.Duration(10 * time.Minute)},
					Source: recordsOf(Record{Key: "p", Time: at(7), VisibleAt: at(7)}),
				},
			}
			for run := 0.5; run <= test.until; run += 0.5 {
				check.Runs = append(check.Runs, Run{At: at(run), Failed: test.failed > 0 && run >= test.failed})
			}
			got, err := check.Run()
			if err != nil {
				t.Fatal(err)
			}
			if got.Missing != test.missing || got.Stale != test.stale || got.Duplicated != test.doubled || got.NotYetDue != test.notYet {
				t.Errorf("missing %d, stale %d, doubled %d, not yet due %d, want %d, %d, %d, %d: %q", got.Missing, got.Stale, got.Duplicated, got.NotYetDue,
					test.missing, test.stale, test.doubled, test.notYet, got.Faults)
			}
			if faults := strings.Join(got.Faults, "\n"); !strings.Contains(faults, test.want) || got.Good() != (test.want == "") {
				t.Errorf("got %q, want %q", faults, test.want)
			}
		})
	}
}

func TestAListingIsComparedWithWhatWasListedLast(t *testing.T) {
	t.Parallel()
	listing := *stream
	listing.Window.Listing = &vendorapi.Listing{}
	for _, test := range []struct {
		name          string
		first, second []person
		shown, gone   time.Duration
		want          string
	}{
		{"in both windows", []person{ann(start, nil)}, []person{ann(middle, nil)}, 0, 0, ""},
		{"in one", []person{ann(start, nil)}, nil, 0, 0, ""},
		{"listed no more", []person{ann(start, nil)}, nil, 0, time.Hour, ""},
		{"listed no more, and lost", nil, nil, 0, 70 * time.Minute, "no record 1"},
		{"listed between two runs", nil, nil, 61 * time.Minute, 70 * time.Minute, ""},
		{"not listed yet", nil, nil, 3 * time.Hour, 0, ""},
		{"lost", nil, nil, time.Hour, 0, "no record 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			record := Record{JSON: []byte(annJSON), VisibleAt: start.Add(test.shown)}
			if test.gone > 0 {
				record.GoneAt = start.Add(test.gone)
			}
			check := Check{Stream: &listing, Folders: lakeOf(t, test.first, test.second), Source: recordsOf(record), Runs: []Run{{At: middle}, {At: end}, {At: end.Add(2 * time.Hour), Failed: true}}}
			got, err := check.Run()
			if err != nil {
				t.Fatal(err)
			}
			if faults := strings.Join(got.Faults, "\n"); !strings.Contains(faults, test.want) || got.Good() != (test.want == "") {
				t.Errorf("got %q, want %q", faults, test.want)
			}
		})
	}
}
