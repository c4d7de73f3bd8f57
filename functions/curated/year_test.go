package curated

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/window"
)

// attendances are a day's records of ON24's attendees as windows of half an hour have them: a webinar of a few hundred people, of whom most are changed in
// the hours after it, and now and then one who looks at a recording.
type attendances struct {
	stream vendorapi.Stream
	random *rand.Rand
	people int
}

// record is one attendance with all columns that the stream declares.
func (a *attendances) record(event, person int, changed time.Time, engagement int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, c := range a.stream.Columns {
		if i > 0 {
			b.WriteByte(',')
		}
		path := c.Path
		if path == "" {
			path = c.Name
		}
		fmt.Fprintf(&b, "%q:", path)
		switch {
		case path == a.stream.VersionPath || path == a.stream.TimePath:
			fmt.Fprintf(&b, "%q", changed.Format("2006-01-02T15:04:05-07:00"))
		case strings.Contains(path, "event") && c.Type == vendorapi.TypeInt64:
			fmt.Fprintf(&b, "%d", 4000000+event)
		case c.Type == vendorapi.TypeInt64:
			fmt.Fprintf(&b, "%d", 700000000+1000*event+person+i)
		case c.Type == vendorapi.TypeFloat64:
			fmt.Fprintf(&b, "%d.%d", engagement%10, person%10)
		case c.Type == vendorapi.TypeBool:
			fmt.Fprintf(&b, "%t", (person+i)%3 == 0)
		case c.Type == vendorapi.TypeTimestamp:
			fmt.Fprintf(&b, "%q", changed.Add(-time.Duration(person%97)*time.Minute).Format("2006-01-02T15:04:05-07:00"))
		case c.Type == vendorapi.TypeDate:
			fmt.Fprintf(&b, "%q", changed.Format(time.DateOnly))
		case c.Type == vendorapi.TypeJSON:
			if person%3 == 0 {
				fmt.Fprintf(&b, `[{"id":%d,"content":"How does chapter %d compare with last year?","timestamp":"2026-03-10T10:%02d:00-07:00"}]`, person*7+i, person%20, person%60)
			} else {
				b.WriteString("[]")
			}
		case i%4 == 0:
			fmt.Fprintf(&b, `"%s-%d@example-%d.com"`, c.Name, event*1000+person, person%50)
		default:
			fmt.Fprintf(&b, `"%s %d"`, c.Name, (person+i)%(5+i*i))
		}
	}
	b.WriteByte('}')
	return b.String() + "\n"
}

// day returns the small objects of a day.
func (a *attendances) day(t testing.TB, table *Table, event int) (objects [][]byte) {
	begin := at("2026-03-10T00:00:00Z").AddDate(0, 0, event)
	for half := range 48 {
		w := window.Window{Start: begin.Add(time.Duration(half) * 30 * time.Minute), End: begin.Add(time.Duration(half+1) * 30 * time.Minute)}
		var lines []string
		add := func(share int) {
			for person := range a.people {
				if a.random.IntN(100) < share {
					lines = append(lines, a.record(event, person, w.Start.Add(time.Duration(a.random.IntN(1800))*time.Second), half))
				}
			}
		}
		switch {
		case half >= 34 && half < 36:
			add(100)
		case half == 36, half == 38, half == 42:
			add(30)
		case half%2 == 0:
			add(1)
		}
		if len(lines) > 0 {
			p := part{source: Source{Window: w, Generation: 1, IngestedAt: w.End.Add(5 * time.Minute), Key: privacy.Key(strings.Repeat("k", privacy.LeastKeyLength))}, lines: lines,
				key: fmt.Sprintf("on24/attendees/parts/2026/03/10/%d/attendees_a1-b0a1f4c8_p000001-000004_%d_%d.ndjson.gz", half, half, half+1)}
			objects = append(objects, p.object(t, table))
		}
	}
	return objects
}

// read is what a query reads of objects of which it needs some columns: of each the last bytes with the footer, and a chunk of each column in each row group.
type read struct{ objects, requests, bytes, all int }

func (r *read) of(t testing.TB, object []byte, columns []string) {
	file, err := parquet.OpenFile(bytes.NewReader(object), int64(len(object)))
	if err != nil {
		t.Fatal(err)
	}
	r.objects++
	r.all += len(object)
	// The length of the footer stands before the last four bytes.
	footer := int(object[len(object)-8]) | int(object[len(object)-7])<<8 | int(object[len(object)-6])<<16
	r.requests++
	r.bytes += footer + 8
	for _, group := range file.Metadata().RowGroups {
		for _, chunk := range group.Columns {
			if slices.Contains(columns, chunk.MetaData.PathInSchema[0]) {
				r.requests++
				r.bytes += int(chunk.MetaData.TotalCompressedSize)
			}
		}
	}
}

// attendeesOfON24 are ON24's attendees, their table and its compaction. Under the race detector there is nothing to measure of them.
func attendeesOfON24(t *testing.T) (*vendorapi.Stream, *Table, *Compaction) {
	t.Helper()
	if raceDetector {
		t.Skip("one goroutine, and twenty times as long under the race detector")
	}
	vendor := on24.Vendor("22355")
	stream, err := vendor.Stream("attendees")
	if err != nil {
		t.Fatal(err)
	}
	table, err := NewTable(stream)
	if err != nil {
		t.Fatal(err)
	}
	compaction, err := table.NewCompaction(stream)
	if err != nil {
		t.Fatal(err)
	}
	return stream, table, compaction
}

// TestAYearIsReadWithATenthOfTheObjects measures what queries over compacted days read beside what they read of the small objects: a sample of
// a year's days, each of the same kind, of a small webinar and of a large one.
func TestAYearIsReadWithATenthOfTheObjects(t *testing.T) {
	stream, table, compaction := attendeesOfON24(t)
	var names []string
	for _, column := range table.columns {
		names = append(names, column.name)
	}
	for _, test := range []struct {
		name         string
		people, days int
	}{{"200 people a day", 200, 20}, {"3,000 people a day", 3000, 3}} {
		a := &attendances{stream: *stream, random: rand.New(rand.NewPCG(1, 1)), people: test.people}
		var before, after, beforeAll, afterAll read
		var took time.Duration
		rows, kept := int64(0), int64(0)
		for event := range test.days {
			files := &spilled{t: t}
			sorter := compaction.NewSorter(1, files.file)
			objects := a.day(t, table, event)
			begin := processorTime(t)
			for _, object := range objects {
				n, err := sorter.Add(context.Background(), bytes.NewReader(object), int64(len(object)))
				if err != nil {
					t.Fatal(err)
				}
				rows += n
			}
			var compacted bytes.Buffer
			n, err := sorter.WriteTo(context.Background(), &compacted)
			if err != nil {
				t.Fatal(err)
			}
			took += processorTime(t) - begin
			kept += n
			sorter.Close()
			some := []string{names[0], names[1], stream.VersionPath, "engagementscore", "email"}
			for _, object := range objects {
				before.of(t, object, some)
				beforeAll.of(t, object, names)
			}
			after.of(t, compacted.Bytes(), some)
			afterAll.of(t, compacted.Bytes(), names)
		}
		year := func(n int) int { return n * 365 / test.days }
		t.Logf("%s, a year: %d rows of which %d are the newest; %s of processor time a day", test.name, year(int(rows)), year(int(kept)), (took / time.Duration(test.days)).Round(time.Millisecond))
		for what, pair := range map[string][2]read{"five columns": {before, after}, "all columns": {beforeAll, afterAll}} {
			b, c := pair[0], pair[1]
			t.Logf("  %s: %d objects and %d requests before, %d and %d after; %d KB read before, %d KB after (%.0f %% fewer); stored %d KB and %d KB",
				what, year(b.objects), year(b.requests), year(c.objects), year(c.requests), year(b.bytes)>>10, year(c.bytes)>>10, 100-100*float64(c.bytes)/float64(b.bytes), year(b.all)>>10, year(c.all)>>10)
			if 10*c.objects > b.objects {
				t.Errorf("%s, %s: %d objects of %d are read, want at most a tenth", test.name, what, c.objects, b.objects)
			}
			if 3*c.bytes > 2*b.bytes {
				t.Errorf("%s, %s: %d bytes of %d are read, want a third fewer at least", test.name, what, c.bytes, b.bytes)
			}
		}
	}
}

// processorTime is how long the process has been at work.
func processorTime(t testing.TB) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// TestACompactionsMemoryDoesNotGrow measures it with a day of five times the rows.
func TestACompactionsMemoryDoesNotGrow(t *testing.T) {
	stream, table, compaction := attendeesOfON24(t)
	a := &attendances{stream: *stream, random: rand.New(rand.NewPCG(1, 1)), people: 1500}
	objects := a.day(t, table, 0)
	peak := func(days int) (highest uint64) {
		files := &spilled{t: t}
		sorter := compaction.NewSorter(1, files.file)
		defer sorter.Close()
		measure := func() {
			var stats runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&stats)
			highest = max(highest, stats.HeapAlloc)
		}
		for range days {
			for _, object := range objects {
				if _, err := sorter.Add(context.Background(), bytes.NewReader(object), int64(len(object))); err != nil {
					t.Fatal(err)
				}
			}
			measure()
		}
		if _, err := sorter.WriteTo(context.Background(), measuring{measure: measure}); err != nil {
			t.Fatal(err)
		}
		return highest
	}
	small, large := peak(2), peak(10)
	t.Logf("live heap: %d KB, %d KB with five times the rows", small>>10, large>>10)
	if large > small+6<<20 || large > 48<<20 {
		t.Errorf("live heap grew from %d to %d bytes", small, large)
	}
}

// measuring measures when something is written to it.
type measuring struct{ measure func() }

func (m measuring) Write(p []byte) (int, error) {
	if len(p) > 32<<10 {
		m.measure()
	}
	return len(p), nil
}
