package insights_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
	"github.com/windrow-data/windrow/functions/window"
)

// A lake here is what a pipeline would have left of a simulated vendor: each window was read once its stream had settled, and once more in the
// end, which replaced it where the vendor had other records by then. Windows are UTC days, of children the second of their parent.

// always holds all that there is in any world here.
var always = window.Window{Start: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}

// held is a window as the lake has it.
type held struct {
	window.Window
	generation int
	ingestedAt time.Time
	// late is how many of the records the first reading did not show.
	late int
	// records are lines of JSON, a key's newest version in the window alone; broken ones go to quarantine.
	records []string
	keys    []string
	broken  int
}

// part is the name of the raw object that the window's records are said to come from.
func (h held) part() string { return "part " + rawzone.FormatTime(h.Start) }

const (
	// surprises are what the vendor sends since yesterday without having told anybody, in every 50th record.
	surprises = `,"surprise":1,"another":{"field":"x"}}`
	broken    = `{"broken":`
)

// lake is what was held of each stream at the time now.
type lake struct {
	vendor *vendorapi.Vendor
	// world is nil of a lake that was made by hand.
	world *vendortest.World
	now   time.Time
	held  map[string][]held
}

// handmade is a lake of one window a stream, with records as the lake holds them.
func handmade(vendor *vendorapi.Vendor, end time.Time, records map[string][]string) *lake {
	l := &lake{vendor: vendor, held: map[string][]held{}}
	for stream, lines := range records {
		l.held[stream] = []held{{Window: window.Window{Start: end.Add(-24 * time.Hour), End: end}, generation: 1, ingestedAt: end, records: lines}}
	}
	return l
}

// testKey is the key of digests.
var testKey = privacy.Key("a key of 64 characters would do, and so does this one for a test")

// protected is a vendor whose e-mail addresses are hashed and whose links are dropped.
func protected(vendor *vendorapi.Vendor) *vendorapi.Vendor {
	return protecting(vendor, vendorapi.ProtectHash, vendorapi.ProtectDrop)
}

// protecting is a vendor of whose e-mail addresses and links becomes what is told.
func protecting(vendor *vendorapi.Vendor, emails, links vendorapi.Protection) *vendorapi.Vendor {
	made := *vendor
	made.Protect = map[vendorapi.Personal]vendorapi.Protection{vendorapi.PersonalEmail: emails, vendorapi.PersonalLink: links}
	made.Streams = slices.Clone(vendor.Streams)
	for i := range made.Streams {
		s := &made.Streams[i]
		s.Columns = vendorapi.CloneColumns(s.Columns)
		for j := range s.Columns {
			switch c := &s.Columns[j]; c.Name {
			case "email", "user_email", "asked_by":
				c.Personal, c.Protect = vendorapi.PersonalEmail, ""
			case "userprofileurl", "join_url":
				c.Personal, c.Protect = vendorapi.PersonalLink, ""
			}
		}
	}
	return &made
}

func newLake(t *testing.T, vendor *vendorapi.Vendor, size vendortest.Size, now time.Time) *lake {
	t.Helper()
	world, err := vendortest.Generate(vendor, size)
	if err != nil {
		t.Fatal(err)
	}
	l := &lake{vendor: vendor, world: world, now: now, held: map[string][]held{}}
	for i := range vendor.Streams {
		l.fill(&vendor.Streams[i])
	}
	return l
}

// records are a stream's, the newest version of each that the vendor shows in the end.
func (l *lake) records(stream string) (all [][]byte) {
	for _, r := range l.world.Records(stream, always, l.now) {
		all = append(all, r.Held())
	}
	return all
}

func (l *lake) fill(s *vendorapi.Stream) {
	type span struct {
		window.Window
		parent string
	}
	windows := map[span][]vendortest.Record{}
	for _, r := range l.world.Versions(s.Name, always) {
		if r.VisibleAt.After(l.now) {
			continue
		}
		if s.Parent != nil && !r.GoneAt.IsZero() && !r.GoneAt.After(l.now) {
			continue // What was read of a parent last is all that is held of it.
		}
		at := r.Time
		if s.Window.Listing != nil {
			at = r.VisibleAt // It is listed long before its time.
		}
		day := at.Truncate(24 * time.Hour)
		of := span{Window: window.Window{Start: day, End: day.Add(24 * time.Hour)}}
		if s.Parent != nil {
			of = span{rawzone.SlotWindow(at.Truncate(time.Second)), strings.Join(r.Parent, "\x00")}
		}
		windows[of] = append(windows[of], r)
	}
	taken := map[time.Time]bool{}
	for _, of := range sortedSpans(windows, func(s span) string { return s.Start.Format(time.RFC3339) + s.parent }) {
		versions := windows[of]
		for of.parent != "" && taken[of.Start] {
			of.Window = rawzone.SlotWindow(of.Start.Add(time.Second))
		}
		taken[of.Start] = true
		l.held[s.Name] = append(l.held[s.Name], l.read(s, of.Window, versions))
	}
}

func sortedSpans[K comparable, V any](m map[K]V, by func(K) string) []K {
	var keys []K
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b K) int { return strings.Compare(by(a), by(b)) })
	return keys
}

// read is the window after its two readings.
func (l *lake) read(s *vendorapi.Stream, of window.Window, versions []vendortest.Record) held {
	first := of.End.Add(s.Settle.D())
	h := held{Window: of, generation: 1, ingestedAt: first}
	newest := map[string]string{}
	for _, r := range versions {
		if r.VisibleAt.After(first) {
			h.generation, h.ingestedAt = 2, l.now
		}
		key := strings.Join(r.Key, "\x00")
		if _, seen := newest[key]; !seen {
			h.keys = append(h.keys, key)
			if r.VisibleAt.After(first) {
				h.late++
			}
		}
		newest[key] = string(r.Held())
	}
	for i, key := range h.keys {
		record := newest[key]
		if i%50 == 49 {
			record = strings.TrimSuffix(record, "}") + surprises
		}
		h.records = append(h.records, record)
	}
	if len(l.held[s.Name]) == 0 {
		h.records, h.broken = append(h.records, broken), 1
	}
	return h
}

// write writes the lake as preprocess would and returns the SQL that makes its views in DuckDB.
func (l *lake) write(t *testing.T, further ...lakesql.View) string {
	t.Helper()
	folder := t.TempDir()
	resolved := l.vendor.Resolved()
	for i := range resolved.Streams {
		s := &resolved.Streams[i]
		table, err := curated.NewTable(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range l.held[s.Name] {
			writeWindow(t, folder, table, curated.Names{Vendor: l.vendor.Name, Stream: s.Name}, h)
		}
	}
	return lakesql.DuckDBSchema("lake", l.vendor, func(table lakesql.Table) string {
		below := filepath.Join(folder, l.vendor.Name, table.Stream, filepath.FromSlash(table.Folder))
		if table.Partitioned {
			below = filepath.Join(below, "dt=*")
		}
		pattern := filepath.Join(below, map[lakesql.Format]string{lakesql.Parquet: "*.parquet", lakesql.JSONLines: "*"}[table.Format])
		if files, err := filepath.Glob(pattern); err != nil || len(files) == 0 {
			return ""
		}
		return pattern
	}, further...)
}

func writeWindow(t *testing.T, folder string, table *curated.Table, names curated.Names, h held) {
	t.Helper()
	var object, quarantine bytes.Buffer
	w := table.NewWriter(&object, &quarantine, curated.Source{Window: h.Window, Generation: h.generation, Late: int64(h.late), IngestedAt: h.ingestedAt, Key: testKey})
	if _, err := w.AddPart(context.Background(), h.part(), strings.NewReader(strings.Join(h.records, "\n")+"\n")); err != nil {
		t.Fatal(err)
	}
	counts, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if counts.Quarantined != int64(h.broken) {
		t.Fatalf("%s: %d records were quarantined, want %d: %s", names.Stream, counts.Quarantined, h.broken, w.Reason())
	}
	start, end := rawzone.FormatTime(h.Start), rawzone.FormatTime(h.End)
	put(t, filepath.Join(folder, names.Object(h.Start, start, end, 1, 1)), object.Bytes())
	if counts.Quarantined > 0 {
		put(t, filepath.Join(folder, names.Quarantine(start, end, 1, 1)), quarantine.Bytes())
	}
}

func put(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// health is what data_health must say of the lake: a row a stream, in the order of their names.
func (l *lake) health(t *testing.T) (rows [][]any) {
	t.Helper()
	for i := range l.vendor.Streams {
		rows = append(rows, l.healthOf(t, &l.vendor.Streams[i]))
	}
	slices.SortFunc(rows, func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) })
	return rows
}

func (l *lake) healthOf(t *testing.T, s *vendorapi.Stream) []any {
	t.Helper()
	type row struct {
		version string
		of      held
		record  string
	}
	newest := map[string]row{}
	versions, quarantined := 0, 0
	for _, h := range l.held[s.Name] {
		quarantined += h.broken
		for i, key := range h.keys {
			versions++
			r := row{of: h, record: h.records[i]}
			if s.VersionPath != "" {
				var fields map[string]any
				if err := json.Unmarshal([]byte(h.records[i]), &fields); err != nil {
					t.Fatal(err)
				}
				at, err := time.Parse(time.RFC3339, fmt.Sprint(fields[s.VersionPath]))
				if err != nil {
					t.Fatal(err)
				}
				r.version = at.UTC().Format(time.RFC3339)
			}
			if before, seen := newest[key]; !seen || cmp.Or(strings.Compare(before.version, r.version), before.of.Start.Compare(h.Start)) <= 0 {
				newest[key] = r
			}
		}
	}
	days, lateIn, undeclared := map[string]bool{}, map[time.Time]int{}, any(nil)
	var end, ingested time.Time
	for _, r := range newest {
		days[r.of.Start.Format(time.DateOnly)] = true
		if r.of.End.After(end) {
			end = r.of.End
		}
		if r.of.ingestedAt.After(ingested) {
			ingested = r.of.ingestedAt
		}
		lateIn[r.of.Start] = r.of.late
		if strings.Contains(r.record, surprises) {
			undeclared = "another, surprise"
		}
	}
	var late int
	for _, of := range lateIn {
		late += of
	}
	return []any{s.Name, versions, len(newest), len(days), stamp(end), stamp(ingested), late, quarantined, undeclared}
}

// stamp is a time as the answers have it, nil of the zero time.
func stamp(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Format(time.RFC3339)
}
