package preprocess

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

var (
	noon     = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	lookback = vendorapi.Duration(48 * time.Hour)
)

// lake is a raw and a curated bucket with one stream.
type lake struct {
	t      testing.TB
	store  *objectstoretest.Store
	config Config
	names  curated.Names
	logs   bytes.Buffer
	// clock is the time of day, for the runs and for the buckets.
	clock time.Time
	// partBytes is what commits say of the size of each part.
	partBytes int64
}

func newLake(t testing.TB) *lake {
	l := &lake{t: t, store: objectstoretest.New(), names: curated.Names{Vendor: "on24", Stream: "attendees"}, partBytes: ObjectBytes}
	l.store.PageSize = 3
	l.clock = noon
	l.store.Now = func() time.Time { return l.clock }
	l.config = Config{
		Stream: &vendorapi.Stream{
			Name: "attendees", Lookback: lookback,
			Columns: []vendorapi.Column{{Name: "id", Type: vendorapi.TypeInt64}},
		},
		Raw:     rawzone.Zone{Bucket: l.store.Bucket("raw"), Vendor: "on24", Stream: "attendees"},
		Curated: l.store.Bucket("curated"),
		TempDir: t.TempDir(),
		Clock:   func() time.Time { return l.clock },
		Logger:  slog.New(slog.NewJSONHandler(&l.logs, nil)),
	}
	return l
}

// commit stores a window of half an hour that begins so many minutes after noon, with the records of each
// part; each part counts as large enough for an object of its own.
func (l *lake) commit(minutes, generation int, parts ...string) {
	start := noon.Add(time.Duration(minutes) * time.Minute)
	c := rawzone.Commit{
		Format: rawzone.FormatVersion, Start: start, End: start.Add(30 * time.Minute), Generation: generation,
		WrittenAt: start.Add(time.Hour),
	}
	for i, records := range parts {
		key := fmt.Sprintf("on24/attendees/parts/%s/g%d-%d", rawzone.FormatTime(start), generation, i)
		var body bytes.Buffer
		zipped := gzip.NewWriter(&body)
		io.WriteString(zipped, records)
		zipped.Close()
		count := int64(strings.Count(records, "\n"))
		c.Parts = append(c.Parts, rawzone.Part{Key: key, ETag: l.store.Set("raw", key, body.Bytes()), Records: count, Bytes: l.partBytes})
		c.Records += count
	}
	l.put(c)
}

func (l *lake) put(c rawzone.Commit) {
	body, err := json.Marshal(c)
	if err != nil {
		l.t.Fatal(err)
	}
	l.store.Set("raw", "on24/attendees/commits/"+rawzone.FormatTime(c.Start)+".json", body)
}

func (l *lake) run() (Answer, error) {
	return Run(context.Background(), l.config, noon.Add(6*time.Hour))
}

func (l *lake) mustRun() Answer {
	l.t.Helper()
	answer, err := l.run()
	if err != nil {
		l.t.Fatal(err)
	}
	return answer
}

// keys are those of the curated bucket without vendor, stream and the columns hash, commits' ETags cut off.
func (l *lake) keys() (keys []string) {
	for _, key := range l.store.Keys("curated", "on24/attendees/") {
		key = strings.TrimPrefix(key, "on24/attendees/")
		if strings.HasPrefix(key, "receipts/") {
			key, _, _ = strings.Cut(key, "_")
		}
		keys = append(keys, key)
	}
	return keys
}

// state is everything in the curated bucket.
func (l *lake) state() map[string]string {
	state := map[string]string{}
	for _, key := range l.store.Keys("curated", "") {
		body, _ := l.store.Body("curated", key)
		state[key] = string(body)
	}
	return state
}

// ids are those of all rows.
func (l *lake) ids() (ids []int64) {
	for _, key := range l.store.Keys("curated", "on24/attendees/dt=") {
		body, _ := l.store.Body("curated", key)
		type row struct {
			ID int64 `parquet:"id"`
		}
		rows, err := parquet.Read[row](bytes.NewReader(body), int64(len(body)))
		if err != nil {
			l.t.Fatal(err)
		}
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func TestWindowsBecomeObjectsOnce(t *testing.T) {
	l := newLake(t)
	l.commit(0, 1, "{\"id\":1}\n{\"id\":2}\n", "{\"id\":\"x\"}\n{\"id\":3,\"more\":true}\n")
	l.commit(30, 1)
	l.commit(60, 1, "{\"id\":4}\n")
	got := l.mustRun()
	want := Answer{Stream: "attendees", Windows: 3, Objects: 3, Rows: 4, Quarantined: 1, Report: telemetry.Report{Findings: []telemetry.Finding{
		{Vendor: "on24", Stream: "attendees", Kind: telemetry.Quarantined, Message: "1 of 5 records of stream attendees could not be curated; they are under on24/attendees/quarantine/ with their reasons. The first: column id: the value is a string, want a whole number from -9223372036854775808 to 9223372036854775807, or a string that holds one",
			Numbers: telemetry.Numbers{"quarantined": 1, "rows": 4}},
		{Vendor: "on24", Stream: "attendees", Kind: telemetry.UndeclaredFields, Message: "records of stream attendees hold fields that no column declares, seen for the first time: more. They are kept in windrow_undeclared; declare a column for what is to be queried",
			Numbers: telemetry.Numbers{"fields": 1}},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		"dt=2026-03-10/20260310T120000Z_20260310T123000Z_1-of-2.parquet",
		"dt=2026-03-10/20260310T120000Z_20260310T123000Z_2-of-2.parquet",
		"dt=2026-03-10/20260310T130000Z_20260310T133000Z_1-of-1.parquet",
		"mark.json",
		"quarantine/20260310T120000Z_20260310T123000Z_2-of-2.ndjson.gz",
		"receipts/20260310T120000Z", "receipts/20260310T130000Z",
		"undeclared/more",
	}, l.keys()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{1, 2, 3, 4}, l.ids()); diff != "" {
		t.Error(diff)
	}
	before := l.state()
	if diff := cmp.Diff(Answer{Stream: "attendees", Report: telemetry.Report{Findings: []telemetry.Finding{}}}, l.mustRun()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, l.state()); diff != "" {
		t.Error("an idle run changed something")
	}
	text, err := json.Marshal(l.mustRun())
	if err != nil || string(text) != `{"stream":"attendees","windows":0,"objects":0,"rows":0,"quarantined":0,"confirmed":0,"left":0,"more":false,"position":"","findings":[]}` {
		t.Errorf("an idle run answers %s, %v", text, err)
	}
}

func TestUndeclaredFieldsAreReportedOnce(t *testing.T) {
	l := newLake(t)
	for i, test := range []struct{ record, fields string }{
		{`{"id":1,"a b":1,"c/d":1}`, "a b, c/d"}, {`{"id":2,"a b":1}`, ""}, {`{"id":3,"c/d":1,"é":1}`, "é"},
	} {
		l.commit(30*i, 1, test.record+"\n")
		answer := l.mustRun()
		switch {
		case test.fields == "" && len(answer.Findings) > 0:
			t.Errorf("%s: %+v, want no finding", test.record, answer.Findings)
		case test.fields != "" && (len(answer.Findings) != 1 || !strings.Contains(answer.Findings[0].Message, ": "+test.fields+". ")):
			t.Errorf("%s: %+v, want %s", test.record, answer.Findings, test.fields)
		}
	}
}

func TestRequests(t *testing.T) {
	l := newLake(t)
	l.store.PageSize = 0
	l.commit(0, 1, "{\"id\":1}\n")
	l.mustRun()
	// The mark is gone by when a run that made the same with other columns is over.
	l.clock = l.clock.Add(longestRun)
	l.mustRun()
	count := func() map[objectstoretest.Operation]int {
		l.store.ResetCalls()
		l.mustRun()
		n := map[objectstoretest.Operation]int{}
		for _, call := range l.store.Calls() {
			n[call.Operation]++
		}
		return n
	}
	if diff := cmp.Diff(map[objectstoretest.Operation]int{objectstoretest.Get: 1, objectstoretest.List: 1}, count()); diff != "" {
		t.Errorf("idle run: %s", diff)
	}
	l.commit(30, 1, "{\"id\":2}\n")
	if diff := cmp.Diff(map[objectstoretest.Operation]int{objectstoretest.Get: 4, objectstoretest.List: 1, objectstoretest.Put: 3}, count()); diff != "" {
		t.Errorf("run with one new window: %s", diff)
	}
	l.commit(60, 1)
	if diff := cmp.Diff(map[objectstoretest.Operation]int{objectstoretest.Get: 2, objectstoretest.List: 1, objectstoretest.Put: 1}, count()); diff != "" {
		t.Errorf("run with one empty window: %s", diff)
	}
}

// histories are changes to a lake, each of which a run has to catch up with.
var histories = map[string][]func(*lake){
	"two new windows": {
		func(l *lake) {
			l.commit(0, 1, "{\"id\":1}\n", "{\"id\":\"x\"}\n{\"id\":2,\"more\":1}\n", "broken\n")
			l.commit(30, 1, "{\"id\":3}\n")
		},
	},
	"a newer generation with fewer objects": {
		func(l *lake) { l.commit(0, 1, "{\"id\":1}\n", "{\"id\":\"x\"}\n", "{\"id\":2}\n") },
		func(l *lake) { l.commit(0, 2, "{\"id\":1}\n{\"id\":7}\n") },
	},
	"a newer generation without records": {
		func(l *lake) { l.commit(0, 1, "{\"id\":1}\n", "{\"id\":\"x\"}\n") },
		func(l *lake) { l.commit(0, 2) },
	},
	"a newer generation with the same names": {
		func(l *lake) { l.commit(0, 1, "{\"id\":1}\n", "{\"id\":2}\n") },
		func(l *lake) { l.commit(0, 2, "{\"id\":1}\n", "{\"id\":5}\n") },
	},
	"traces of a slow run": {
		func(l *lake) {
			l.commit(0, 1, "{\"id\":1}\n")
			l.mustRun()
			table, err := curated.NewTable(l.config.Stream)
			if err != nil {
				l.t.Fatal(err)
			}
			l.store.Set("curated", l.names.Object(noon, "20260310T120000Z", "20260310T123000Z", 2, 2), []byte("stale"))
			l.store.Set("curated", l.names.Receipt("20260310T120000Z", "0", table.Hash()), nil)
		},
	},
	"other columns": {
		func(l *lake) { l.commit(0, 1, "{\"id\":1,\"name\":\"a\"}\n", "{\"id\":2}\n{\"id\":\"x\"}\n") },
		func(l *lake) {
			l.config.Stream.Columns = []vendorapi.Column{{Name: "name", Type: vendorapi.TypeString}}
		},
	},
	"other columns and back": {
		func(l *lake) { l.commit(0, 1, "{\"id\":1,\"name\":\"a\"}\n", "{\"id\":2}\n{\"id\":\"x\"}\n") },
		func(l *lake) {
			l.config.Stream.Columns = []vendorapi.Column{{Name: "name", Type: vendorapi.TypeString}}
		},
		func(l *lake) {
			l.config.Stream.Columns = []vendorapi.Column{{Name: "id", Type: vendorapi.TypeInt64}}
		},
	},
}

// lasting is the state without what remembers findings, which a crash may leave for later.
func lasting(state map[string]string) map[string]string {
	state = maps.Clone(state)
	maps.DeleteFunc(state, func(key, _ string) bool { return strings.Contains(key, "/undeclared/") })
	return state
}

// settle runs until every receipt is confirmed.
func (l *lake) settle() {
	l.t.Helper()
	for range 3 {
		l.mustRun()
		l.clock = l.clock.Add(longestRun)
	}
	for key, body := range l.state() {
		if body == provisional {
			l.t.Errorf("receipt %s is still provisional", key)
		}
	}
}

// reference is what the curated bucket holds when nothing goes wrong in the history's last step alone.
func reference(t *testing.T, steps []func(*lake)) map[string]string {
	l := newLake(t)
	for _, step := range steps {
		step(l)
	}
	l.settle()
	return lasting(l.state())
}

func TestCrashesBetweenAnyTwoRequests(t *testing.T) {
	for name, steps := range histories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := reference(t, steps)
			crashes := 0
			for n := 1; ; n++ {
				reached := false
				for _, effect := range []bool{false, true} {
					l := newLake(t)
					for _, step := range steps {
						step(l)
						l.store.CrashAt(n, effect)
						if _, err := l.run(); errors.Is(err, objectstoretest.ErrCrash) {
							reached = true
							crashes++
						}
						l.store.Revive()
					}
					l.settle()
					if diff := cmp.Diff(want, lasting(l.state())); diff != "" {
						t.Fatalf("killed at request %d (effect: %t): %s", n, effect, diff)
					}
				}
				if !reached {
					break
				}
			}
			t.Logf("%d crashes", crashes)
		})
	}
}

func TestAnotherRunBetweenAnyTwoRequests(t *testing.T) {
	for name, steps := range histories {
		if strings.HasPrefix(name, "other columns") {
			continue // two releases at work at once end with the columns of whichever is last
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := reference(t, steps)
			for n := 1; ; n++ {
				l := newLake(t)
				reached := false
				for i, step := range steps {
					if i > 0 && reached {
						break
					}
					step(l)
					l.store.ResetCalls()
					l.store.Before = func(call objectstoretest.Call) error {
						if call.Number != n {
							return nil
						}
						l.store.Before = nil
						reached = true
						if i+1 < len(steps) {
							steps[i+1](l)
						}
						l.mustRun()
						return nil
					}
					if _, err := l.run(); err != nil {
						t.Fatalf("with another run before request %d: %v", n, err)
					}
					l.store.Before = nil
				}
				// Where both commits have the same names, the slow run must not show even for a moment.
				if name == "a newer generation with the same names" {
					if diff := cmp.Diff([]int64{1, 5}, l.ids()); diff != "" {
						t.Fatalf("with another run before request %d: %s", n, diff)
					}
				}
				l.settle()
				if diff := cmp.Diff(want, lasting(l.state())); diff != "" {
					t.Fatalf("with another run before request %d: %s", n, diff)
				}
				if !reached {
					return
				}
			}
		})
	}
}

func TestFaultyWindowsDoNotStopOthers(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(*lake)
		want  string
	}{
		{"more records than the part says", func(l *lake) {
			l.spoil(0, func(c *rawzone.Commit) { c.Parts[0].Records, c.Records = 1, 1 })
		}, "holds 2 records, and commit on24/attendees/commits/20260310T120000Z.json says that it holds 1"},
		{"parts that do not add up", func(l *lake) {
			l.spoil(0, func(c *rawzone.Commit) { c.Records = 5 })
		}, "says that its window has 5 records, and its parts that they hold 2"},
		{"a part that is gone", func(l *lake) {
			l.store.Remove("raw", "on24/attendees/parts/20260310T120000Z/g1-0")
		}, "no such object"},
		{"a part that was replaced", func(l *lake) {
			l.store.Set("raw", "on24/attendees/parts/20260310T120000Z/g1-0", []byte("other"))
		}, "as its commit says"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLake(t)
			l.commit(0, 1, "{\"id\":1}\n{\"id\":2}\n")
			l.commit(30, 1, "{\"id\":3}\n")
			test.spoil(l)
			answer, err := l.run()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if diff := cmp.Diff([]int64{3}, l.ids()); diff != "" || answer.Windows != 1 {
				t.Errorf("%d windows; %s", answer.Windows, diff)
			}
			if !strings.Contains(l.logs.String(), `"msg":"window failed"`) {
				t.Error("the log says nothing of the window")
			}
		})
	}
}

func (l *lake) spoil(minutes int, change func(*rawzone.Commit)) {
	body, _ := l.store.Body("raw", "on24/attendees/commits/"+rawzone.FormatTime(noon.Add(time.Duration(minutes)*time.Minute))+".json")
	var c rawzone.Commit
	if err := json.Unmarshal(body, &c); err != nil {
		l.t.Fatal(err)
	}
	change(&c)
	l.put(c)
}

func TestNewerFormatsStopTheRun(t *testing.T) {
	for name, spoil := range map[string]func(*lake){
		"commit": func(l *lake) { l.spoil(0, func(c *rawzone.Commit) { c.Format = rawzone.FormatVersion + 1 }) },
		"mark": func(l *lake) {
			l.store.Set("curated", l.names.Mark(), []byte(`{"format":99,"columns":"","day":"2026-01-01T00:00:00Z"}`))
		},
		"object": func(l *lake) {
			key := l.names.Object(noon, "20260310T120000Z", "20260310T123000Z", 1, 1)
			object := l.store.Bucket("curated")
			if _, err := object.Put(context.Background(), key, strings.NewReader("x"), "", map[string]string{metaFormat: "99"}, objectstore.Absent()); err != nil {
				l.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLake(t)
			l.commit(0, 1, "{\"id\":1}\n")
			l.commit(30, 1, "{\"id\":2}\n")
			spoil(l)
			if _, err := l.run(); !errors.Is(err, rawzone.ErrNewerFormat) {
				t.Errorf("got %v, want ErrNewerFormat", err)
			}
			if got := l.store.Keys("curated", l.names.Receipts()); len(got) > 0 {
				t.Errorf("receipts %v", got)
			}
		})
	}
}

// until is a context whose deadline is told but not enforced, so that the clock can be a test's own.
type until struct {
	context.Context
	deadline time.Time
}

func (u until) Deadline() (time.Time, bool) { return u.deadline, true }

func TestStopsBeforeTheDeadline(t *testing.T) {
	l := newLake(t)
	for i := range 4 {
		l.commit(30*i, 1, fmt.Sprintf("{\"id\":%d}\n", 2*i), fmt.Sprintf("{\"id\":%d}\n", 2*i+1))
	}
	// Each part takes ten seconds to read; ObjectBytes of parts are then expected to take fifteen.
	l.clock = noon
	l.store.After = func(call objectstoretest.Call) error {
		if call.Operation == objectstoretest.Get && strings.Contains(call.Key, "/parts/") {
			l.clock = l.clock.Add(10 * time.Second)
		}
		return nil
	}
	for _, test := range []struct {
		name    string
		left    time.Duration
		objects int
		more    bool
	}{
		{"too little for any: the first is begun all the same", time.Second, 1, true},
		{"and the next invocation goes on at the second", time.Second, 1, true},
		{"enough for two", 46 * time.Second, 2, true},
		{"enough for all", time.Hour, 4, false},
		{"nothing to do", time.Second, 0, false},
	} {
		l.config.SafetyMargin = 20 * time.Second
		answer, err := Run(until{context.Background(), l.clock.Add(test.left)}, l.config, noon.Add(6*time.Hour))
		if err != nil || answer.Objects != test.objects || answer.More != test.more {
			t.Errorf("%s: %+v, %v", test.name, answer, err)
		}
	}
	if diff := cmp.Diff([]int64{0, 1, 2, 3, 4, 5, 6, 7}, l.ids()); diff != "" {
		t.Error(diff)
	}
}

// TestWindowsThatFailTakeTimeToo has each window fail, and none begun once the margin is reached.
func TestWindowsThatFailTakeTimeToo(t *testing.T) {
	l := newLake(t)
	for i := range 4 {
		l.commit(30*i, 1, fmt.Sprintf("{\"id\":%d}\n", i))
	}
	l.clock = noon
	tried := 0
	l.store.After = func(call objectstoretest.Call) error {
		if call.Operation == objectstoretest.Get && strings.Contains(call.Key, "/commits/") {
			tried++
			l.clock = l.clock.Add(10 * time.Second)
			return errors.New("S3 is slow today")
		}
		return nil
	}
	l.config.SafetyMargin = 20 * time.Second
	if _, err := Run(until{context.Background(), noon.Add(35 * time.Second)}, l.config, noon.Add(6*time.Hour)); err == nil || tried != 2 {
		t.Errorf("with time for two windows, %d were tried: %v", tried, err)
	}
}

func TestMark(t *testing.T) {
	l := newLake(t)
	day := func(n int) int { return n * 24 * 60 }
	for i := range 6 {
		l.commit(day(i), 1, fmt.Sprintf("{\"id\":%d}\n", i))
	}
	mark := func(days int) string {
		t.Helper()
		l.clock = l.clock.Add(longestRun)
		if _, err := Run(context.Background(), l.config, noon.Add(time.Duration(days)*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		body, _ := l.store.Body("curated", l.names.Mark())
		var m mark
		if len(body) > 0 {
			if err := json.Unmarshal(body, &m); err != nil {
				t.Fatal(err)
			}
		}
		return m.Day.Format(time.DateOnly)
	}
	if got := mark(1); got != "0001-01-01" {
		t.Errorf("within the lookback the mark is at %s", got)
	}
	if got := mark(5); got != "2026-03-12" {
		t.Errorf("the mark is at %s, want the day of the last window from before the lookback", got)
	}
	l.store.ResetCalls()
	mark(5)
	for _, call := range l.store.Calls() {
		if call.Operation == objectstoretest.Put {
			t.Errorf("a mark that does not move is written: %+v", call)
		}
	}
	l.commit(day(6), 1, "{\"id\":6}\n")
	l.spoil(day(6), func(c *rawzone.Commit) { c.Records = 9 })
	if _, err := Run(context.Background(), l.config, noon.Add(30*24*time.Hour)); err == nil {
		t.Error("the spoiled window went unseen")
	}
	l.spoil(day(6), func(c *rawzone.Commit) { c.Records = 1 })
	if got := mark(30); got != "2026-03-16" {
		t.Errorf("the mark is at %s, want 2026-03-16", got)
	}
	l.config.Stream.Columns[0].Name = "number"
	l.config.Stream.Columns[0].Path = "id"
	answer, err := Run(context.Background(), l.config, noon.Add(30*24*time.Hour))
	if err != nil || answer.Windows != 7 {
		t.Errorf("with other columns %d windows are made, %v; want all 7", answer.Windows, err)
	}
}

func TestObjectsAreAnnouncedBeforeTheirReceipt(t *testing.T) {
	l := newLake(t)
	l.commit(0, 1, "{\"id\":1}\n", "{\"id\":2}\n")
	l.commit(30, 1)
	var told []telemetry.Announcement
	fault := errors.New("the bus is down")
	l.config.Announce = func(_ context.Context, a telemetry.Announcement) error {
		for _, key := range l.keys() {
			if strings.HasPrefix(key, "receipts/"+rawzone.FormatTime(a.Window.Start)) {
				t.Errorf("window %s has its receipt before it is announced", a.Window.Start)
			}
		}
		told = append(told, a)
		return fault
	}
	if _, err := l.run(); !errors.Is(err, fault) {
		t.Fatalf("a window that cannot be announced: %v", err)
	}
	// The objects are there by now, and are told of all the same.
	fault = nil
	l.mustRun()
	want := telemetry.Announcement{
		Vendor: "on24", Stream: "attendees", Window: telemetry.AnnouncedWindow{Start: noon, End: noon.Add(30 * time.Minute)}, Generation: 1, Rows: 2,
		Bucket: "curated", Keys: []string{
			"on24/attendees/dt=2026-03-10/20260310T120000Z_20260310T123000Z_1-of-2.parquet",
			"on24/attendees/dt=2026-03-10/20260310T120000Z_20260310T123000Z_2-of-2.parquet",
		},
	}
	if diff := cmp.Diff([]telemetry.Announcement{want, want}, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	l.mustRun()
	if len(told) != 2 {
		t.Errorf("a run with nothing to make announces %+v", told[2:])
	}
	// All records have left the window: who has acted on them is to know.
	l.commit(0, 2)
	l.mustRun()
	if last := told[len(told)-1]; last.Generation != 2 || last.Rows != 0 || last.Keys == nil || len(last.Keys) != 0 {
		t.Errorf("an emptied window is announced as %+v", last)
	}
}

// TestAnEmptiedWindowIsAnnouncedWhereverARunIsKilled kills the run that meets a window without records where there were some.
func TestAnEmptiedWindowIsAnnouncedWhereverARunIsKilled(t *testing.T) {
	killed := true
	for n := 1; killed; n++ {
		for _, effect := range []bool{false, true} {
			l := newLake(t)
			var last telemetry.Announcement
			l.config.Announce = func(_ context.Context, a telemetry.Announcement) error { last = a; return nil }
			l.commit(0, 1, "{\"id\":1}\n", "{\"id\":\"x\"}\n")
			l.mustRun()
			l.commit(0, 2)
			l.store.CrashAt(n, effect)
			_, err := l.run()
			killed = errors.Is(err, objectstoretest.ErrCrash)
			l.store.Revive()
			l.mustRun()
			if last.Generation != 2 || len(last.Keys) > 0 {
				t.Errorf("killed at request %d (effect: %t), the window is last announced as of generation %d with %v", n, effect, last.Generation, last.Keys)
			}
		}
	}
}
