package verify

import (
	"compress/gzip"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

var stream = &vendorapi.Stream{
	Name: "people",
	Key:  []string{"id"},
	Columns: []vendorapi.Column{
		{Name: "id", Type: vendorapi.TypeInt64},
		{Name: "name", Type: vendorapi.TypeString},
		{Name: "score", Type: vendorapi.TypeFloat64},
		{Name: "seen", Type: vendorapi.TypeTimestamp},
		{Name: "city", Path: "address.city", Type: vendorapi.TypeString},
		{Name: "tags", Type: vendorapi.TypeJSON},
	},
}

// person is a row as a writer of the lake would put it.
type person struct {
	ID          *int64   `parquet:"id,optional"`
	Name        *string  `parquet:"name,optional"`
	Score       *float64 `parquet:"score,optional"`
	Seen        *int64   `parquet:"seen,optional,timestamp(microsecond)"`
	City        *string  `parquet:"city,optional"`
	Tags        *string  `parquet:"tags,optional"`
	Undeclared  *string  `parquet:"windrow_undeclared,optional"`
	WindowStart int64    `parquet:"windrow_window_start,timestamp(microsecond)"`
	IngestedAt  int64    `parquet:"windrow_ingested_at,timestamp(microsecond)"`
}

var (
	start  = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	middle = start.Add(time.Hour)
	end    = start.Add(2 * time.Hour)
)

// ann is a row of a record with the id 1.
func ann(window time.Time, change func(*person)) person {
	id, name, score, seen := int64(1), "Ann", 0.5, start.Add(time.Minute).UnixMicro()
	city, undeclared := "Leeds", `{"address":{"zip":"LS1"},"big":700000000000000123}`
	tags := `["a"]`
	p := person{
		ID: &id, Name: &name, Score: &score, Seen: &seen, City: &city, Tags: &tags, Undeclared: &undeclared,
		WindowStart: window.UnixMicro(), IngestedAt: window.Add(time.Hour).UnixMicro(),
	}
	if change != nil {
		change(&p)
	}
	return p
}

const annJSON = `{"id":"1","name":"Ann","score":0.50,"seen":"2026-03-09T16:01:00-08:00","address":{"city":"Leeds","zip":"LS1"},"tags":["a"],"big":700000000000000123}`

// lakeOf writes a stream's folders: two windows with a Parquet object each, and the commits for them.
func lakeOf(t *testing.T, first, second []person) Folders {
	t.Helper()
	root := t.TempDir()
	f := Folders{Raw: filepath.Join(root, "raw", "vendor", "people"), Curated: filepath.Join(root, "curated", "vendor", "people")}
	for i, rows := range [][]person{first, second} {
		commit := rawzone.Commit{Start: start, End: middle, Records: int64(len(rows))}
		if i == 1 {
			commit.Start, commit.End, commit.Backoffs, commit.Resumes = middle, end, 2, 1
		}
		name := commit.Start.Format("20060102T150405Z")
		content, err := json.Marshal(commit)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(f.Raw, "commits", name+".json"), content)
		if len(rows) == 0 {
			continue
		}
		path := filepath.Join(f.Curated, "dt=2026-03-10", name+"_1-of-1.parquet")
		writeFile(t, path, nil)
		if err := parquet.WriteFile(path, rows); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func vendorOf(records ...string) Source {
	return func(window.Window) iter.Seq2[Record, error] {
		return func(yield func(Record, error) bool) {
			for _, record := range records {
				if !yield(Record{JSON: []byte(record), VisibleAt: start.Add(10 * time.Minute)}, nil) {
					return
				}
			}
		}
	}
}

func TestComparison(t *testing.T) {
	t.Parallel()
	named := func(name string) func(*person) { return func(p *person) { p.Name = &name } }
	tests := []struct {
		name           string
		first, second  []person
		since          time.Time
		vendor         []string
		wantMissing    int64
		wantDuplicated int64
		wantFault      string
	}{
		{name: "equal", first: []person{ann(start, nil)}, vendor: []string{annJSON}},
		{
			name: "a newer version takes an older one's place", vendor: []string{annJSON},
			first: []person{ann(start, named("An"))}, second: []person{ann(middle, nil)},
		},
		{name: "lost", vendor: []string{annJSON}, wantMissing: 1, wantFault: "no record 1"},
		{
			name: "only an older version", vendor: []string{annJSON},
			first: []person{ann(start, named("An"))}, wantMissing: 1, wantFault: "other content in name",
		},
		{
			name: "a number that lost its last digits", vendor: []string{annJSON}, wantMissing: 1, wantFault: "windrow_undeclared",
			first: []person{ann(start, func(p *person) {
				undeclared := `{"address":{"zip":"LS1"},"big":700000000000000100}`
				p.Undeclared = &undeclared
			})},
		},
		{
			name: "null for an empty text", vendor: []string{strings.Replace(annJSON, "Ann", "", 1)}, wantMissing: 1, wantFault: "other content in name",
			first: []person{ann(start, func(p *person) { p.Name = nil })},
		},
		{
			name: "twice in one window", vendor: []string{annJSON},
			first: []person{ann(start, nil), ann(start, nil)}, wantDuplicated: 1, wantFault: "2 newest rows",
		},
		{
			name: "the same in two windows", vendor: []string{annJSON},
			first: []person{ann(start, nil)}, second: []person{ann(middle, nil)}, wantDuplicated: 1, wantFault: "more than one window",
		},
		{
			name: "the same in a window before those that are compared", vendor: []string{annJSON}, since: middle,
			first: []person{ann(start, nil)}, second: []person{ann(middle, nil)},
		},
		{
			name: "twice in a window that is compared", vendor: []string{annJSON}, since: middle,
			second: []person{ann(middle, nil), ann(middle, nil)}, wantDuplicated: 1, wantFault: "2 newest rows",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, err := Check{Stream: stream, Folders: lakeOf(t, test.first, test.second), Since: test.since, Source: vendorOf(test.vendor...)}.Run()
			if err != nil {
				t.Fatal(err)
			}
			if r.Missing != test.wantMissing || r.Duplicated != test.wantDuplicated {
				t.Errorf("%d missing and %d duplicated, want %d and %d", r.Missing, r.Duplicated, test.wantMissing, test.wantDuplicated)
			}
			if faults := strings.Join(r.Faults, "; "); !strings.Contains(faults, test.wantFault) || (test.wantFault == "") != (faults == "") {
				t.Errorf("faults %q, want %q", faults, test.wantFault)
			}
			if r.Good() != (test.wantFault == "") {
				t.Errorf("good: %t", r.Good())
			}
		})
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	f := lakeOf(t, []person{ann(start, nil)}, nil)
	object := filepath.Join(f.Curated, "dt=2026-03-10", "20260310T000000Z_1-of-1.parquet")
	r, err := Check{
		Stream: stream, Folders: f, Source: vendorOf(annJSON),
		Puts:    map[string][]Put{object: {{At: start.Add(time.Hour)}}},
		Playing: start,
	}.Run()
	if err != nil {
		t.Fatal(err)
	}
	want := Result{
		Windows: 2, BackedOff: 1, Resumed: 1, MaxBackoffs: 2,
		VendorRecords: 1, CommittedRecords: 1, CuratedRows: 1, Freshness: Freshness{Others: Ages{1, 50 * 60, 50 * 60, 50 * 60}},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

func TestQuarantineCounts(t *testing.T) {
	t.Parallel()
	f := lakeOf(t, []person{ann(start, nil), ann(start, nil)}, nil)
	if err := parquet.WriteFile(filepath.Join(f.Curated, "dt=2026-03-10", "20260310T000000Z_1-of-1.parquet"), []person{ann(start, nil)}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(f.Curated, "quarantine", "20260310T000000Z_1-of-1.ndjson.gz")
	writeFile(t, path, nil)
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	zipped := gzip.NewWriter(file)
	zipped.Write([]byte(`{"id":"one"}` + "\n"))
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	file.Close()
	r, err := Check{Stream: stream, Folders: f, Source: vendorOf(annJSON, `{"id":"one"}`)}.Run()
	if err != nil {
		t.Fatal(err)
	}
	if r.Quarantined != 1 || r.VendorRecords != 1 || !r.Good() {
		t.Errorf("result %+v, want one quarantined record that is not missing", r)
	}
}

func TestGapBetweenCommitsIsAFault(t *testing.T) {
	t.Parallel()
	f := lakeOf(t, []person{ann(start, nil)}, nil)
	content, err := json.Marshal(rawzone.Commit{Start: end.Add(time.Second), End: end.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(f.Raw, "commits", "20260310T020001Z.json"), content)
	r, err := Check{Stream: stream, Folders: f, Source: vendorOf(annJSON)}.Run()
	if err != nil {
		t.Fatal(err)
	}
	if r.Good() || !strings.Contains(strings.Join(r.Faults, ";"), "the commit before 2026-03-10T02:00:01Z ends at 2026-03-10T02:00:00Z") {
		t.Errorf("faults %q", r.Faults)
	}
}

func TestConversion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		column vendorapi.Column
		json   string
		want   string // "null", "bad", or the value
	}{
		{"int from text", vendorapi.Column{Type: vendorapi.TypeInt64}, `"9223372036854775807"`, "9223372036854775807"},
		{"int written with a point", vendorapi.Column{Type: vendorapi.TypeInt64}, `3.0`, "3"},
		{"int with a fraction", vendorapi.Column{Type: vendorapi.TypeInt64}, `3.5`, "bad"},
		{"int too large", vendorapi.Column{Type: vendorapi.TypeInt64}, `9223372036854775808`, "bad"},
		{"empty int", vendorapi.Column{Type: vendorapi.TypeInt64}, `""`, "null"},
		{"null", vendorapi.Column{Type: vendorapi.TypeString}, `null`, "null"},
		{"number as string", vendorapi.Column{Type: vendorapi.TypeString}, `1.50`, "1.50"},
		{"object as string", vendorapi.Column{Type: vendorapi.TypeString}, `{}`, "bad"},
		{"flag", vendorapi.Column{Type: vendorapi.TypeBool}, `"N"`, "false"},
		{"offset", vendorapi.Column{Type: vendorapi.TypeTimestamp}, `"2026-03-10T10:00:00-07:00"`, "1773162000000000"},
		{"zone", vendorapi.Column{Type: vendorapi.TypeTimestamp, Layout: "2006-01-02 15:04", Zone: "America/Los_Angeles"}, `"2026-03-10 10:00"`, "1773162000000000"},
		{"unix before 1970", vendorapi.Column{Type: vendorapi.TypeTimestamp, Layout: vendorapi.LayoutUnix}, `-0.0000005`, "-1"},
		{"unix zero", vendorapi.Column{Type: vendorapi.TypeTimestamp, Layout: vendorapi.LayoutUnix}, `0`, "null"},
		{"unix milliseconds", vendorapi.Column{Type: vendorapi.TypeTimestamp, Layout: vendorapi.LayoutUnixMilli}, `"1500"`, "1500000"},
		{"date", vendorapi.Column{Type: vendorapi.TypeDate}, `"2026-03-10"`, "2026-03-10"},
		{"JSON", vendorapi.Column{Type: vendorapi.TypeJSON}, `{ "b": 1.0, "a": null }`, `{"b":1.0,"a":null}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.column.Name = "c"
			table, err := newTable(&vendorapi.Stream{Key: []string{"c"}, Columns: []vendorapi.Column{test.column}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			r, err := table.expected([]byte(`{"c":` + test.json + `}`))
			got := "bad"
			if err == nil {
				if got = string(r.values[0]); r.values[0] == nil {
					got = "null"
				}
			}
			if got != test.want {
				t.Errorf("%s becomes %s, want %s", test.json, got, test.want)
			}
		})
	}
}
