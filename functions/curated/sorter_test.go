package curated

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/tables"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// spilled counts the files that are open.
type spilled struct {
	t    testing.TB
	made int
	open int
}

type spillFile struct {
	*os.File
	of *spilled
}

func (f spillFile) Close() error {
	f.of.open--
	return f.File.Close()
}

func (s *spilled) file() (SpillFile, error) {
	file, err := os.CreateTemp(s.t.TempDir(), "")
	s.made++
	s.open++
	return spillFile{file, s}, err
}

// keyedStream has a key of two columns, and a column of each type.
func keyedStream() *vendorapi.Stream {
	s := columns(
		vendorapi.Column{Name: "name", Type: vendorapi.TypeString},
		vendorapi.Column{Name: "number", Type: vendorapi.TypeInt64},
		vendorapi.Column{Name: "version", Type: vendorapi.TypeFloat64},
		vendorapi.Column{Name: "flag", Type: vendorapi.TypeBool},
		vendorapi.Column{Name: "day", Type: vendorapi.TypeDate},
		vendorapi.Column{Name: "moment", Type: vendorapi.TypeTimestamp},
		vendorapi.Column{Name: "more", Type: vendorapi.TypeJSON},
	)
	s.Key, s.VersionPath = []string{"number", "name"}, "version"
	return s
}

// part is a small object's records and what they have in common.
type part struct {
	source Source
	key    string
	lines  []string
}

func (p part) object(t testing.TB, table *Table) []byte {
	var object bytes.Buffer
	w := table.NewWriter(&object, io.Discard, p.source)
	if _, err := w.AddPart(context.Background(), p.key, strings.NewReader(strings.Join(p.lines, ""))); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return object.Bytes()
}

// rowsOf are the rows of an object, each with its columns' values.
func rowsOf(t testing.TB, object []byte) (rows []map[string]parquet.Value) {
	file, err := parquet.OpenFile(bytes.NewReader(object), int64(len(object)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range file.Schema().Columns() {
		names = append(names, path[0])
	}
	for _, group := range file.RowGroups() {
		reader := group.Rows()
		defer reader.Close()
		buffer := make([]parquet.Row, 10)
		for {
			n, err := reader.ReadRows(buffer)
			for _, row := range buffer[:n] {
				values := map[string]parquet.Value{}
				for i, value := range row {
					values[names[i]] = value.Clone()
				}
				rows = append(rows, values)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return rows
}

// compare orders values as SQL does: nulls behind all others.
func compare(a, b parquet.Value) int {
	switch {
	case a.IsNull() && b.IsNull():
		return 0
	case a.IsNull():
		return 1
	case b.IsNull():
		return -1
	}
	switch a.Kind() {
	case parquet.Int64:
		return cmp.Compare(a.Int64(), b.Int64())
	case parquet.Double:
		return cmp.Compare(a.Double(), b.Double())
	}
	return bytes.Compare(a.ByteArray(), b.ByteArray())
}

// compacted is the straightforward computation of what a compaction keeps.
func compacted(rows []map[string]parquet.Value) []map[string]parquet.Value {
	byKey := func(a, b map[string]parquet.Value) int {
		return cmp.Or(compare(a["number"], b["number"]), compare(a["name"], b["name"]))
	}
	newer := func(a, b map[string]parquet.Value) int {
		if c := compare(a["version"], b["version"]); c != 0 {
			if a["version"].IsNull() || b["version"].IsNull() {
				return c
			}
			return -c
		}
		return -cmp.Or(compare(a[tables.WindowStart], b[tables.WindowStart]), compare(a[tables.Generation], b[tables.Generation]),
			compare(a[tables.Part], b[tables.Part]), compare(a[tables.Position], b[tables.Position]))
	}
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b map[string]parquet.Value) int { return cmp.Or(byKey(a, b), newer(a, b)) })
	return slices.CompactFunc(rows, func(a, b map[string]parquet.Value) bool { return byKey(a, b) == 0 })
}

func texts(rows []map[string]parquet.Value) (all []string) {
	for _, row := range rows {
		var columns []string
		for name, value := range row {
			columns = append(columns, fmt.Sprintf("%s=%s", name, value))
		}
		slices.Sort(columns)
		all = append(all, strings.Join(columns, " "))
	}
	return all
}

// TestACompactionKeepsTheNewestOfEachKey draws small objects, and has them sorted with little memory, so that rows are spilled and runs are merged
// more than once.
func TestACompactionKeepsTheNewestOfEachKey(t *testing.T) {
	table, err := NewTable(keyedStream())
	if err != nil {
		t.Fatal(err)
	}
	compaction, err := table.NewCompaction(keyedStream())
	if err != nil {
		t.Fatal(err)
	}
	line := rapid.Custom(func(rt *rapid.T) string {
		one := func(of ...string) string { return rapid.SampledFrom(of).Draw(rt, "value") }
		return fmt.Sprintf(`{"name":%s,"number":%s,"version":%s,"flag":%s,"day":%s,"moment":%s,"more":%s,"extra":%s}`+"\n",
			one(`null`, `""`, `"a"`, `"a\u0000"`, `"a\u0000b"`, `"ab"`, `"ÿ"`), one(`null`, `0`, `-1`, `1`, `9223372036854775807`, `-9223372036854775808`),
			one(`null`, `0`, `-0`, `1.5`, `-1.5`, `1e300`, `-1e300`), one(`null`, `true`, `false`), one(`null`, `"2026-03-10"`),
			one(`null`, `"2026-03-10T12:00:00Z"`), one(`null`, `{"a":[1,2]}`), one(`null`, `1`))
	})
	most := 0
	rapid.Check(t, func(rt *rapid.T) {
		var all []map[string]parquet.Value
		files := &spilled{t: t}
		sorter := compaction.NewSorter(7, files.file)
		sorter.inMemory, sorter.sideBySide = rapid.SampledFrom([]int{1, 300, 1 << 20}).Draw(rt, "inMemory"), rapid.IntRange(2, 4).Draw(rt, "sideBySide")
		for i := range rapid.IntRange(0, 4).Draw(rt, "objects") {
			begin := at("2026-03-10T17:00:00Z").Add(time.Duration(i%2) * time.Hour)
			p := part{
				source: Source{Window: window.Window{Start: begin, End: begin.Add(time.Hour)}, Generation: 1 + i%3, IngestedAt: begin},
				key:    fmt.Sprintf("part%d", i), lines: rapid.SliceOfN(line, 0, 30).Draw(rt, "lines"),
			}
			object := p.object(t, table)
			all = append(all, rowsOf(t, object)...)
			rows, err := sorter.Add(context.Background(), bytes.NewReader(object), int64(len(object)))
			if err != nil || rows != int64(len(p.lines)) {
				rt.Fatalf("%d rows of %d are taken in: %v", rows, len(p.lines), err)
			}
		}
		var object bytes.Buffer
		rows, err := sorter.WriteTo(context.Background(), &object)
		if err != nil {
			rt.Fatal(err)
		}
		got := rowsOf(t, object.Bytes())
		for _, row := range got {
			if row[tables.Compaction].Int64() != 7 {
				rt.Fatalf("a row is of compaction %s", row[tables.Compaction])
			}
			delete(row, tables.Compaction)
		}
		want := compacted(all)
		if diff := gocmp.Diff(texts(want), texts(got)); diff != "" || rows != int64(len(want)) {
			rt.Fatalf("%d rows: %s", rows, diff)
		}
		if err := sorter.Close(); err != nil || files.open != 0 {
			rt.Fatalf("%d files are left open: %v", files.open, err)
		}
		most = max(most, files.made)
	})
	if most < 8 {
		t.Errorf("at most %d runs were spilled: want several merges", most)
	}
}

func TestObjectsOfOtherColumnsAreNotTakenIn(t *testing.T) {
	other, err := NewTable(columns(vendorapi.Column{Name: "number", Type: vendorapi.TypeInt64}))
	if err != nil {
		t.Fatal(err)
	}
	object := part{source: source, key: "p", lines: []string{"{\"number\":1}\n"}}.object(t, other)
	table, err := NewTable(keyedStream())
	if err != nil {
		t.Fatal(err)
	}
	compaction, err := table.NewCompaction(keyedStream())
	if err != nil {
		t.Fatal(err)
	}
	sorter := compaction.NewSorter(1, nil)
	if _, err := sorter.Add(context.Background(), bytes.NewReader(object), int64(len(object))); !errors.Is(err, ErrOtherColumns) {
		t.Errorf("got %v, want %v", err, ErrOtherColumns)
	}
}

func TestACompactionNeedsTheKeysColumns(t *testing.T) {
	stream := keyedStream()
	stream.Key = append(stream.Key, "elsewhere")
	table, err := NewTable(stream)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.NewCompaction(stream); err == nil || !strings.Contains(err.Error(), "elsewhere") {
		t.Errorf("got %v, want an error that names the field", err)
	}
}

func TestCompactedNames(t *testing.T) {
	names := Names{Vendor: "on24", Stream: "attendees"}
	want := CompactedObject{Day: "2026-03-10", Compaction: 12, Digest: "00ff", K: 2, Of: 3}
	key := names.CompactedKey(want)
	if key != "on24/attendees/compacted/dt=2026-03-10/12_00ff_2-of-3.parquet" {
		t.Errorf("the key is %s", key)
	}
	got, ok := names.ParseCompacted(key)
	if diff := gocmp.Diff(want, got); !ok || diff != "" {
		t.Error(diff)
	}
	for _, other := range []string{key + "x", "on24/attendees/dt=2026-03-10/20260310T120000Z_20260310T123000Z_1-of-1.parquet", strings.Replace(key, "12_", "+12_", 1), strings.Replace(key, "2-of", "02-of", 1)} {
		if o, ok := names.ParseCompacted(other); ok {
			t.Errorf("%s is read as %+v", other, o)
		}
	}
	small := names.Object(at("2026-03-10T12:00:00Z"), "20260310T120000Z", "20260310T123000Z", 2, 3)
	w, ok := names.ObjectWindow(small)
	if diff := gocmp.Diff(ObjectWindow{StartName: "20260310T120000Z", K: 2, Of: 3}, w); !ok || diff != "" {
		t.Errorf("%s: %s", small, diff)
	}
	if day, ok := names.ObjectDay(small); !ok || day != "2026-03-10" {
		t.Errorf("%s is of the day %q", small, day)
	}
	for _, other := range []string{key, names.Mark(), names.Days()} {
		if w, ok := names.ObjectWindow(other); ok {
			t.Errorf("%s is read as %+v", other, w)
		}
	}
}
