package lakesql_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/lakesql/lakesqltest"
	"github.com/windrow-data/windrow/functions/tables"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// version is a row, one version of a record.
type version struct {
	id, region string
	// changed is the record's version, 0 where it tells none.
	changed int
	value   string
	// start is the window's, hours after the first of the days.
	start, generation int
	part              string
	position          int
	// compaction is 0 in the windows' rows.
	compaction int
}

func (v version) day() string { return at(v.start).Format(time.DateOnly) }

func at(hours int) time.Time {
	return time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC).Add(time.Duration(hours) * time.Hour)
}

// newer reports whether v comes before w in the order of versions, whose first is the newest.
func newer(v, w version) int {
	return cmp.Or(cmp.Compare(w.changed, v.changed), cmp.Compare(w.start, v.start), cmp.Compare(w.generation, v.generation),
		cmp.Compare(w.part, v.part), cmp.Compare(w.position, v.position))
}

// newestOf are the newest versions of each record, as lines.
func newestOf(versions []version) []string {
	newest := map[string]version{}
	for _, v := range versions {
		key := v.id + "/" + v.region
		if other, ok := newest[key]; !ok || newer(v, other) < 0 {
			newest[key] = v
		}
	}
	var lines []string
	for _, v := range newest {
		lines = append(lines, fmt.Sprintf("%s/%s is %s of %s", v.id, v.region, v.value, v.day()))
	}
	slices.Sort(lines)
	return lines
}

// history is what a stream's folder holds: rows, days, and the making that counts of each day.
type history struct {
	rows, compacted []version
	days            map[string]int
	// counted are the versions that a reader is to see.
	counted []version
}

// past draws a history: days that are not compacted, those that are only claimed, those with objects of makings that count no more, and
// compacted ones whose windows' objects are gone or still there.
func past(random *rand.Rand) history {
	h := history{days: map[string]int{}}
	position := 0
	for day := range 4 {
		var all []version
		for range random.IntN(12) {
			position++
			all = append(all, version{
				id: fmt.Sprint("i", random.IntN(4)), region: []string{"eu", "us"}[random.IntN(2)], changed: random.IntN(3), value: fmt.Sprint("v", position),
				start: day*24 + random.IntN(24), generation: 1 + random.IntN(2), part: fmt.Sprint("p", random.IntN(2)), position: position,
			})
		}
		name := at(day * 24).Format(time.DateOnly)
		state := random.IntN(4)
		if state == 0 {
			h.rows, h.counted = append(h.rows, all...), append(h.counted, all...)
			continue
		}
		// What an earlier making held, and what one holds that has not come to its end.
		for making, count := range []int{random.IntN(3), len(all), random.IntN(3)} {
			for _, v := range all[:min(count, len(all))] {
				if v.compaction = making + 1; v.compaction != 2 {
					v.value, v.changed, v.generation = "of another making", 9, 9
				}
				h.compacted = append(h.compacted, v)
			}
		}
		switch state {
		case 1: // claimed
			h.days[name] = 0
			h.rows, h.counted = append(h.rows, all...), append(h.counted, all...)
		case 2: // made, the windows' objects deleted
			h.days[name] = 2
			h.counted = append(h.counted, all...)
		case 3: // made, the windows' objects still there, and a row of a window that came late
			h.days[name] = 2
			h.counted = append(h.counted, all...)
			late := version{id: "i9", region: "eu", value: "late", start: day * 24}
			h.rows = append(append(h.rows, all...), late)
		}
	}
	return h
}

// write puts the objects of a history where they lie below folder. It returns SQL of DuckDB that makes them.
func (h history) write(t *testing.T, stream *vendorapi.Stream, folder string) string {
	t.Helper()
	var sql strings.Builder
	put := func(below string, versions []version, compacted bool) {
		files := map[string][]string{}
		for _, v := range versions {
			changed := "null"
			if v.changed > 0 {
				changed = fmt.Sprint(v.changed)
			}
			row := fmt.Sprintf("'%s', '%s', cast(%s as bigint), '%s', cast(null as varchar), timestamp '%s', timestamp '%s', cast(%d as bigint), cast(0 as bigint), '%s', cast(%d as bigint), timestamp '2026-03-20'",
				v.id, v.region, changed, v.value, at(v.start).Format(time.DateTime), at(v.start+1).Format(time.DateTime), v.generation, v.part, v.position)
			if compacted {
				row += fmt.Sprintf(", cast(%d as bigint)", v.compaction)
			}
			file := filepath.Join(folder, below, "dt="+v.day(), fmt.Sprintf("%d_%d.parquet", v.compaction, v.start))
			files[file] = append(files[file], "("+row+")")
		}
		var names []string
		for _, c := range tables.Columns(stream) {
			names = append(names, c.Name)
		}
		if compacted {
			names = append(names, lakesql.Compaction)
		}
		for _, file := range slices.Sorted(maps.Keys(files)) {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&sql, "copy (select * from (values %s) v(%s)) to '%s' (format parquet);\n", strings.Join(files[file], ", "), strings.Join(names, ", "), file)
		}
	}
	put("", h.rows, false)
	put("compacted", h.compacted, true)
	if len(h.days) == 0 {
		return sql.String()
	}
	var lines strings.Builder
	for _, day := range slices.Sorted(maps.Keys(h.days)) {
		fmt.Fprintf(&lines, `{"format":1,"dt":%q,"compaction":%d,"digest":"x","objects":["a"]}`+"\n", day, h.days[day])
	}
	writeFile(t, filepath.Join(folder, "days", "days.json"), lines.String())
	return sql.String()
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// filesIn says which files of a table are there in root/<stream>, for the setup that makes them: it is asked before they are.
func filesIn(root string, empty func(lakesql.Table) bool) func(lakesql.Table) string {
	return func(table lakesql.Table) string {
		if empty(table) {
			return ""
		}
		folder := filepath.Join(root, table.Stream, table.Folder)
		if table.Format == lakesql.JSONLines {
			return filepath.Join(folder, "*json*")
		}
		return filepath.Join(folder, "dt=*", "*.parquet")
	}
}

// TestEachDayIsReadFromOneSide compares the view of drawn histories, a stream each, with the newest version that Go finds among the rows
// that count.
func TestEachDayIsReadFromOneSide(t *testing.T) {
	const histories = 40
	root := t.TempDir()
	vendor := &vendorapi.Vendor{Name: "drawn"}
	drawn := map[string]history{}
	queries, want := map[string]string{}, map[string][]string{}
	var setup strings.Builder
	for i := range histories {
		stream := vendorapi.Stream{
			Name: fmt.Sprintf("past-%d", i), Key: []string{"id", "place.region"},
			Columns: []vendorapi.Column{
				{Name: "id", Type: vendorapi.TypeString}, {Name: "region", Path: "place.region", Type: vendorapi.TypeString},
				{Name: "changed", Type: vendorapi.TypeInt64}, {Name: "value", Type: vendorapi.TypeString},
			},
		}
		h := past(rand.New(rand.NewPCG(7, uint64(i))))
		if i%2 == 0 {
			stream.VersionPath = "changed"
		} else {
			// Without a version, the later window and the later generation win.
			for _, versions := range [][]version{h.rows, h.compacted, h.counted} {
				for j := range versions {
					versions[j].changed = 0
				}
			}
		}
		vendor.Streams = append(vendor.Streams, stream)
		drawn[stream.Name] = h
		setup.WriteString(h.write(t, &stream, filepath.Join(root, stream.Name)))
		name := lakesql.TableName(stream.Name)
		queries[name] = "select id || '/' || region || ' is ' || value || ' of ' || cast(dt as varchar) from " + name + " order by 1"
		want[name] = newestOf(h.counted)
	}
	setup.WriteString(lakesql.DuckDBSchema("drawn", vendor, filesIn(root, func(table lakesql.Table) bool {
		h := drawn[table.Stream]
		switch {
		case table.Folder == "":
			return len(h.rows) == 0
		case table.Folder == "compacted/":
			return len(h.compacted) == 0
		case table.Folder == "days/":
			return len(h.days) == 0
		}
		return true
	})))
	got := map[string][]string{}
	for name, answer := range lakesqltest.Ask(t, setup.String(), queries) {
		got[name] = nil
		for _, row := range answer.Rows {
			got[name] = append(got[name], row[0].(string))
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-Go +SQL):\n%s", diff)
	}
}
