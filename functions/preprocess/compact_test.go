package preprocess

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// newCompactedLake is a lake whose rows have a key and a version.
func newCompactedLake(t testing.TB) *lake {
	l := newLake(t)
	l.store.PageSize, l.partBytes = 0, 1000
	l.config.Stream.Columns = append(l.config.Stream.Columns, vendorapi.Column{Name: "version", Type: vendorapi.TypeInt64})
	l.config.Stream.Key, l.config.Stream.VersionPath = []string{"id"}, "version"
	return l
}

// busyDays commits windows of so many days: each has four with records, of which two share one, and one without any.
func (l *lake) busyDays(days int) {
	for day := range days {
		for i := range 4 {
			id := 10*day + i
			l.commit(day*24*60+30*i, 1, fmt.Sprintf("{\"id\":%d,\"version\":%d}\n{\"id\":%d,\"version\":%d}\n", id, i, 10*day+9, i))
		}
		l.commit(day*24*60+120, 1)
	}
}

// at runs at a time.
func (l *lake) at(now time.Time) Answer {
	l.t.Helper()
	l.clock = now
	answer, err := Run(context.Background(), l.config, now)
	if err != nil {
		l.t.Fatal(err)
	}
	return answer
}

// day is the time so long after noon of the first day.
func after(days int, more time.Duration) time.Time {
	return noon.Add(time.Duration(days)*oneDay + more)
}

// daily runs every half hour of the hours in which preprocess does what it does once a day, from one day to another.
func (l *lake) daily(from, to int) {
	l.t.Helper()
	for day := from; day <= to; day++ {
		for half := range 4 {
			l.at(after(day, time.Duration(half)*30*time.Minute))
		}
	}
}

// entries are those of days.json by their days.
func (l *lake) entries() map[string]day {
	body, there := l.store.Body("curated", l.names.Days())
	all := map[string]day{}
	if !there || string(body) == "lost" {
		return all
	}
	for line := range strings.Lines(string(body)) {
		var d day
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			l.t.Fatal(err)
		}
		all[d.Day] = d
	}
	return all
}

// seen is a row as the view has it.
type seen struct {
	ID         int64 `parquet:"id,optional"`
	Version    int64 `parquet:"version,optional"`
	Generation int64 `parquet:"windrow_generation"`
	// Compaction is 0 in small objects.
	Compaction int64 `parquet:"windrow_compaction,optional"`
}

// view reads the lake as the view of the stream does: each day from one side, of each key the newest.
func (l *lake) view() map[int64]seen {
	l.t.Helper()
	entries := l.entries()
	newest := map[int64]seen{}
	take := func(key string, compaction int64) {
		body, _ := l.store.Body("curated", key)
		rows, err := parquet.Read[seen](bytes.NewReader(body), int64(len(body)))
		if err != nil {
			l.t.Fatal(err)
		}
		for _, row := range rows {
			if row.Compaction != compaction {
				continue
			}
			row.Compaction = 0
			if before, there := newest[row.ID]; !there || row.Version > before.Version || row.Version == before.Version && row.Generation > before.Generation {
				newest[row.ID] = row
			}
		}
	}
	for _, key := range l.store.Keys("curated", "on24/attendees/dt=") {
		if name, _ := l.names.ObjectDay(key); entries[name].Compaction == 0 {
			take(key, 0)
		}
	}
	for _, key := range l.store.Keys("curated", l.names.Compacted()) {
		o, ok := l.names.ParseCompacted(key)
		if d := entries[o.Day]; ok && d.Compaction > 0 {
			take(key, d.Compaction)
		}
	}
	return newest
}

// stale are the days that are to be compacted still.
func (l *lake) stale() (names []string) {
	for name, d := range l.entries() {
		if d.Stale {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestDaysThatTheMarkHasPassedAreCompacted(t *testing.T) {
	l := newCompactedLake(t)
	l.busyDays(3)
	l.commit(3*24*60, 1, "{\"id\":100,\"version\":1}\n")
	l.at(after(0, 6*time.Hour))
	want := l.view()
	if len(want) != 16 {
		t.Fatalf("the view has %d rows, want 16", len(want))
	}
	small := len(l.store.Keys("curated", "on24/attendees/dt="))
	l.daily(7, 8)
	for name, d := range map[string]int64{"2026-03-10": 1, "2026-03-11": 1, "2026-03-12": 1} {
		if got := l.entries()[name]; got.Compaction != d || got.Stale || got.Rows != 5 || got.Objects != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if len(l.entries()) != 3 {
		t.Errorf("a day with a single object is compacted: %v", l.entries())
	}
	if diff := cmp.Diff(want, l.view()); diff != "" {
		t.Error(diff)
	}
	if got := len(l.store.Keys("curated", "on24/attendees/dt=")); got != small {
		t.Errorf("%d small objects of %d are left at once", got, small)
	}
	receipts := l.store.Keys("curated", l.names.Receipts())
	l.daily(9, 12)
	if got := l.store.Keys("curated", "on24/attendees/dt="); len(got) != 1 {
		t.Errorf("days later these are left: %v", got)
	}
	if diff := cmp.Diff(receipts, l.store.Keys("curated", l.names.Receipts())); diff != "" {
		t.Errorf("receipts: %s", diff)
	}
	if diff := cmp.Diff(want, l.view()); diff != "" {
		t.Error(diff)
	}
	// Nothing more happens.
	before := l.entries()
	l.daily(13, 14)
	if diff := cmp.Diff(before, l.entries()); diff != "" {
		t.Error(diff)
	}
}

// compactedDays is a lake with compacted days whose small objects are gone.
func compactedDays(t testing.TB) *lake { return compactedDaysOf(t, newCompactedLake(t)) }

func compactedDaysOf(t testing.TB, l *lake) *lake {
	l.busyDays(3)
	l.commit(4*24*60, 1, "{\"id\":100,\"version\":1}\n")
	l.at(after(0, 6*time.Hour))
	l.at(after(7, 0))
	l.daily(12, 12)
	if got := l.store.Keys("curated", "on24/attendees/dt="); len(got) != 1 || len(l.stale()) > 0 {
		t.Fatalf("%v are left, %v", got, l.entries())
	}
	return l
}

// TestAChangedWindowOfACompactedDayIsCompactedAgain wants it done as soon as the window's receipt is final, by runs of the schedule.
func TestAChangedWindowOfACompactedDayIsCompactedAgain(t *testing.T) {
	for name, change := range map[string]func(*lake){
		"a record changes":  func(l *lake) { l.commit(30, 2, "{\"id\":1,\"version\":7}\n") },
		"all records leave": func(l *lake) { l.commit(30, 2) },
		"all windows change": func(l *lake) {
			for i := range 5 {
				l.commit(30*i, 2, fmt.Sprintf("{\"id\":%d,\"version\":8}\n", i))
			}
		},
		"a window of a day before all others": func(l *lake) { l.commit(-24*60, 1, "{\"id\":50,\"version\":1}\n") },
		"a day before all others": func(l *lake) {
			l.commit(-24*60, 1, "{\"id\":50,\"version\":1}\n")
			l.commit(-23*60, 1, "{\"id\":51,\"version\":1}\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := compactedDays(t)
			other := newCompactedLake(t)
			other.busyDays(3)
			other.commit(4*24*60, 1, "{\"id\":100,\"version\":1}\n")
			for _, l := range []*lake{l, other} {
				change(l)
			}
			other.settle()
			want := other.view()
			now := after(12, 6*time.Hour)
			l.clock = now
			if _, err := Remake(context.Background(), l.config, Past{Start: noon.Add(-24 * time.Hour), End: after(2, 0)}, now); err != nil {
				t.Fatal(err)
			}
			l.at(now.Add(30 * time.Minute))
			if diff := cmp.Diff(want, l.view()); diff != "" {
				t.Error(diff)
			}
			if stale := l.stale(); len(stale) > 0 {
				t.Errorf("%v are stale still", stale)
			}
			l.daily(14, 18)
			if diff := cmp.Diff(want, l.view()); diff != "" {
				t.Error(diff)
			}
			if _, there := l.entries()["2026-03-09"]; there != (name == "a day before all others") {
				t.Errorf("days: %v", l.entries())
			}
			idle := func() (requests int) {
				l.store.ResetCalls()
				l.at(after(18, 6*time.Hour))
				return len(l.store.Calls())
			}
			if n := idle(); n != 2 {
				t.Errorf("an idle run makes %d requests", n)
			}
		})
	}
}

// TestAReplayOfACompactedDay has its small objects come back, be compacted, and go.
func TestAReplayOfACompactedDay(t *testing.T) {
	l := compactedDays(t)
	want := l.view()
	now := after(12, 6*time.Hour)
	l.clock = now
	if _, err := Remake(context.Background(), l.config, Past{Start: noon, End: after(0, time.Hour), Replay: ReplayAll}, now); err != nil {
		t.Fatal(err)
	}
	if got := l.store.Keys("curated", "on24/attendees/dt=2026-03-10/"); len(got) != 2 {
		t.Errorf("there are %v, want the windows of the range", got)
	}
	if diff := cmp.Diff(want, l.view()); diff != "" {
		t.Error(diff)
	}
	l.at(now.Add(30 * time.Minute))
	if d := l.entries()["2026-03-10"]; d.Compaction != 2 || d.Stale || d.Rows != 5 {
		t.Errorf("the day is %+v", d)
	}
	if got := l.store.Keys("curated", l.names.CompactedOn("2026-03-10")); len(got) != 2 {
		t.Errorf("the compaction that was replaced is gone at once: %v", got)
	}
	l.daily(14, 18)
	if diff := cmp.Diff(want, l.view()); diff != "" {
		t.Error(diff)
	}
	if got := append(l.store.Keys("curated", l.names.CompactedOn("2026-03-10")), l.store.Keys("curated", "on24/attendees/dt=2026-03-10/")...); len(got) != 1 {
		t.Errorf("there are %v, want the compaction that counts alone", got)
	}
}

// TestOtherColumnsAreCompactedAgain deploys another column, and takes it back.
func TestOtherColumnsAreCompactedAgain(t *testing.T) {
	l := compactedDays(t)
	want := l.view()
	columns := l.config.Stream.Columns
	l.config.Stream.Columns = append(slices.Clone(columns), vendorapi.Column{Name: "name", Type: vendorapi.TypeString})
	l.daily(14, 22)
	for round, back := range []func(){func() {}, func() { l.config.Stream.Columns = columns; l.daily(30, 38) }} {
		back()
		if diff := cmp.Diff(want, l.view()); diff != "" {
			t.Errorf("round %d: %s", round, diff)
		}
		table := map[string]bool{}
		for name, d := range l.entries() {
			table[d.Columns] = true
			if d.Stale || !d.Cleaned || d.Compaction != int64(2+round) {
				t.Errorf("round %d, %s: %+v", round, name, d)
			}
		}
		if len(table) != 1 {
			t.Errorf("round %d: %v", round, l.entries())
		}
	}
}

// scenes are what a compaction may have to do, each in a run of its own at a time.
var scenes = map[string]func(t *testing.T) (l *lake, now time.Time){
	"a first compaction": func(t *testing.T) (*lake, time.Time) {
		l := newCompactedLake(t)
		l.busyDays(2)
		l.at(after(0, 6*time.Hour))
		return l, after(7, 0)
	},
	"the next compaction": func(t *testing.T) (*lake, time.Time) {
		l := compactedDays(t)
		l.commit(30, 2, "{\"id\":1,\"version\":7}\n")
		now := after(12, 6*time.Hour)
		l.clock = now
		if _, err := Remake(context.Background(), l.config, Past{Start: noon, End: after(2, 0)}, now); err != nil {
			t.Fatal(err)
		}
		return l, now.Add(30 * time.Minute)
	},
	"windows of compacted days are made": func(t *testing.T) (*lake, time.Time) {
		l := compactedDays(t)
		l.commit(30, 2, "{\"id\":1,\"version\":7}\n")
		l.commit(24*60+180, 1, "{\"id\":77,\"version\":1}\n")
		// The mark is lost, so that an ordinary run makes them.
		l.store.Remove("curated", l.names.Mark())
		return l, after(12, 6*time.Hour)
	},
	"small objects are deleted": func(t *testing.T) (*lake, time.Time) {
		l := newCompactedLake(t)
		l.busyDays(2)
		l.at(after(0, 6*time.Hour))
		l.at(after(7, 0))
		return l, after(11, 0)
	},
	"days.json is lost": func(t *testing.T) (*lake, time.Time) {
		l := compactedDays(t)
		l.store.Remove("curated", l.names.Days())
		l.at(after(13, 0))
		return l, after(13, 30*time.Minute)
	},
}

// settled is the view when nothing is left to do.
func (l *lake) settled(now time.Time) map[int64]seen {
	l.t.Helper()
	for range 3 {
		l.at(now)
		now = now.Add(longestRun)
	}
	days := int(now.Sub(noon)/oneDay) + 4
	l.daily(days, days)
	if stale := l.stale(); len(stale) > 0 {
		l.t.Errorf("%v are stale still", stale)
	}
	return l.view()
}

// TestACompactionThatIsKilledLosesNothing kills a run at each request, before its effect and after it.
func TestACompactionThatIsKilledLosesNothing(t *testing.T) {
	for name, scene := range scenes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, now := scene(t)
			before := l.view()
			want := l.settled(now)
			killed := 0
			for n := 1; ; n++ {
				ended := false
				for _, effect := range []bool{false, true} {
					l, now := scene(t)
					l.clock = now
					l.store.CrashAt(n, effect)
					_, err := Run(context.Background(), l.config, now)
					l.store.Revive()
					if ended = err == nil; ended {
						break
					}
					if !errors.Is(err, objectstoretest.ErrCrash) {
						t.Fatal(err)
					}
					killed++
					// What changes is changed for good; all else is there at every moment.
					got := l.view()
					for id := range before {
						if _, there := got[id]; !there && len(before) <= len(want) {
							t.Fatalf("killed at request %d: record %d is not in the view", n, id)
						}
					}
					if diff := cmp.Diff(want, l.settled(now)); diff != "" {
						t.Fatalf("killed at request %d: %s", n, diff)
					}
				}
				if ended {
					break
				}
			}
			t.Logf("killed %d times", killed)
			if killed < 6 {
				t.Errorf("the run was killed %d times: want some requests", killed)
			}
		})
	}
}

// meetings are in which scenes which other run comes in; the simulation has them meet anywhere.
var meetings = map[string][]string{
	"another run": {"a first compaction", "the next compaction"},
	"a backfill":  {"a first compaction", "the next compaction"},
	"a replay":    {"small objects are deleted"},
}

// TestTwoCompactionsAtOnce lets another run, one that makes windows or one that compacts, come in at each request of a run, whole.
func TestTwoCompactionsAtOnce(t *testing.T) {
	others := map[string]func(*lake, time.Time) error{
		"another run": func(l *lake, now time.Time) error {
			_, err := Run(context.Background(), l.config, now)
			return err
		},
		"a backfill": func(l *lake, now time.Time) error {
			l.commit(60, 3, "{\"id\":2,\"version\":9}\n")
			l.commit(24*60+60, 3, "{\"id\":12,\"version\":9}\n")
			_, err := Remake(context.Background(), l.config, Past{Start: noon, End: after(2, 0)}, now)
			return err
		},
		"a replay": func(l *lake, now time.Time) error {
			_, err := Remake(context.Background(), l.config, Past{Start: noon, End: after(2, 0), Replay: ReplayAll}, now)
			return err
		},
	}
	for name, scene := range scenes {
		for by, other := range others {
			if !slices.Contains(meetings[by], name) {
				continue
			}
			t.Run(name+", "+by, func(t *testing.T) {
				t.Parallel()
				l, now := scene(t)
				l.clock = now
				if err := other(l, now); err != nil {
					t.Fatal(err)
				}
				want := l.settled(now)
				for n := 1; ; n++ {
					l, now := scene(t)
					l.clock = now
					l.store.ResetCalls()
					came := false
					l.store.Before = func(c objectstoretest.Call) error {
						if c.Number != n || came {
							return nil
						}
						came = true
						l.store.Before = nil
						return other(l, now)
					}
					// Either may find that the other is making a window, and leave it.
					if _, err := Run(context.Background(), l.config, now); err != nil {
						t.Fatal(err)
					}
					l.store.Revive()
					if !came {
						break
					}
					if diff := cmp.Diff(want, l.settled(now)); diff != "" {
						t.Fatalf("at request %d: %s", n, diff)
					}
				}
			})
		}
	}
}

func TestDaysThatAreDamagedAreRestored(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"cut off":       func(body []byte) []byte { return body[:len(body)-20] },
		"of other text": func([]byte) []byte { return []byte("lost\n") },
		"empty":         func([]byte) []byte { return nil },
		"without its end": func(body []byte) []byte {
			return body[:bytes.IndexByte(body, '\n')+1]
		},
		"a wrong line": func(body []byte) []byte { return bytes.Replace(body, []byte(`"claim":1`), []byte(`"claim":x`), 1) },
		"twice":        func(body []byte) []byte { return append(bytes.Clone(body), body...) },
	} {
		t.Run(name, func(t *testing.T) {
			l := compactedDays(t)
			want := l.view()
			body, _ := l.store.Body("curated", l.names.Days())
			l.store.Set("curated", l.names.Days(), damage(body))
			l.commit(30, 2, "{\"id\":1,\"version\":7}\n")
			now := after(12, 6*time.Hour)
			l.clock = now
			if _, err := Remake(context.Background(), l.config, Past{Start: noon, End: after(2, 0)}, now); err != nil {
				t.Fatal(err)
			}
			row := want[1]
			row.Version, row.Generation = 7, 2
			want[1] = row
			var found []telemetry.Kind
			for half := range 5 {
				for _, f := range l.at(after(13, time.Duration(half)*30*time.Minute)).Findings {
					found = append(found, f.Kind)
				}
			}
			l.daily(14, 15)
			if diff := cmp.Diff(want, l.view()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]telemetry.Kind{telemetry.DaysRestored}, found); diff != "" {
				t.Error(diff)
			}
			if stale := l.stale(); len(stale) > 0 {
				t.Errorf("%v are stale still", stale)
			}
		})
	}
}

// TestDaysWithoutAnyAreRestored damages days.json where nothing is compacted yet that it could be made again from.
func TestDaysWithoutAnyAreRestored(t *testing.T) {
	l := newCompactedLake(t)
	l.busyDays(1)
	l.commit(4*24*60, 1)
	l.store.Set("curated", l.names.Days(), []byte("lost"))
	l.at(after(0, 6*time.Hour))
	want := l.view()
	l.store.Set("curated", l.names.Days(), []byte("lost"))
	l.daily(7, 9)
	if d := l.entries()["2026-03-10"]; d.Compaction != 1 || d.Stale {
		t.Errorf("the day is %+v", d)
	}
	l.daily(10, 11)
	if diff := cmp.Diff(want, l.view()); diff != "" {
		t.Error(diff)
	}
}

// TestDaysThatWerePutBack has days.json be as it was before a compaction, which is there.
func TestDaysThatWerePutBack(t *testing.T) {
	l := newCompactedLake(t)
	l.busyDays(3)
	l.at(after(0, 6*time.Hour))
	l.at(after(7, 0))
	bucket := l.store.Bucket("curated")
	object, body, err := bucket.Get(context.Background(), l.names.Days())
	if err != nil {
		t.Fatal(err)
	}
	change := func(id, generation int) {
		l.commit(30, generation, fmt.Sprintf("{\"id\":%d,\"version\":7}\n", id))
		now := l.clock.Add(6 * time.Hour)
		l.clock = now
		if _, err := Remake(context.Background(), l.config, Past{Start: noon, End: after(2, 0)}, now); err != nil {
			t.Fatal(err)
		}
		l.at(now.Add(30 * time.Minute))
	}
	change(1, 2)
	now, err := bucket.Head(context.Background(), l.names.Days())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Put(context.Background(), l.names.Days(), bytes.NewReader(body), "", object.Metadata, objectstore.Unchanged(now.ETag)); err != nil {
		t.Fatal(err)
	}
	change(8, 3)
	if d := l.entries()["2026-03-10"]; d.Compaction != 3 || d.Stale {
		t.Errorf("the day is %+v", d)
	}
	view := l.view()
	if _, there := view[1]; there || view[8].Version != 7 {
		t.Errorf("the view has rows of two compactions: %v", view)
	}
}

func TestANewerReleasesDaysAreLeftAlone(t *testing.T) {
	l := compactedDays(t)
	body, _ := l.store.Body("curated", l.names.Days())
	bucket := l.store.Bucket("curated")
	object, err := bucket.Head(context.Background(), l.names.Days())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Put(context.Background(), l.names.Days(), bytes.NewReader(body), "", map[string]string{metaFormat: "2", metaRows: "3"}, objectstore.Unchanged(object.ETag)); err != nil {
		t.Fatal(err)
	}
	l.commit(30, 2, "{\"id\":1,\"version\":7}\n")
	now := after(12, 6*time.Hour)
	if _, err := Remake(context.Background(), l.config, Past{Start: noon, End: after(2, 0)}, now); !errors.Is(err, rawzone.ErrNewerFormat) {
		t.Errorf("got %v, want %v", err, rawzone.ErrNewerFormat)
	}
	if got, _ := l.store.Body("curated", l.names.Days()); !bytes.Equal(got, body) {
		t.Error("days.json was changed")
	}
}

// TestAReleaseWithoutCompactionStops reads the mark as one does that knows the first format alone: it would make windows of compacted days
// without anybody's reading them.
func TestAReleaseWithoutCompactionStops(t *testing.T) {
	var m struct{ Format int }
	for _, l := range []*lake{newCompactedLake(t), compactedDays(t)} {
		l.at(after(12, 6*time.Hour))
		body, _ := l.store.Body("curated", l.names.Mark())
		if err := json.Unmarshal(body, &m); err != nil {
			t.Fatal(err)
		}
		if m.Format < 2 {
			t.Errorf("the mark has format %d, want a later one with %d days compacted", m.Format, len(l.entries()))
		}
	}
}

func TestCompactionOff(t *testing.T) {
	l := compactedDays(t)
	l.config.CompactionOff = true
	l.commit(3*24*60, 1, "{\"id\":200,\"version\":1}\n")
	l.commit(3*24*60+30, 1, "{\"id\":201,\"version\":1}\n")
	l.commit(30, 2, "{\"id\":1,\"version\":7}\n")
	now := after(12, 6*time.Hour)
	l.clock = now
	if _, err := Remake(context.Background(), l.config, Past{Start: noon, End: after(4, 0)}, now); err != nil {
		t.Fatal(err)
	}
	l.at(now.Add(30 * time.Minute))
	l.daily(14, 18)
	if _, there := l.entries()["2026-03-13"]; there {
		t.Error("a further day is compacted")
	}
	if got := l.view()[1].Version; got != 7 {
		t.Errorf("a day that is compacted does not follow its windows: version %d", got)
	}
}

// TestALargeDayIsSeveralObjects has a day whose small objects are gone, and whose parts are said to be large.
func TestALargeDayIsSeveralObjects(t *testing.T) {
	l := newCompactedLake(t)
	l.partBytes = ObjectBytes
	compactedDaysOf(t, l)
	want := l.view()
	l.commit(30, 2, "{\"id\":1,\"version\":1}\n", "{\"id\":9,\"version\":1}\n")
	now := after(12, 6*time.Hour)
	l.clock = now
	if _, err := Remake(context.Background(), l.config, Past{Start: noon, End: after(2, 0)}, now); err != nil {
		t.Fatal(err)
	}
	for _, id := range []int64{1} {
		row := want[id]
		row.Generation = 2
		want[id] = row
	}
	l.at(now.Add(30 * time.Minute))
	d := l.entries()["2026-03-10"]
	if keys := l.store.Keys("curated", l.names.CompactedOn("2026-03-10")); d.Objects != 4 || len(keys) != 5 {
		t.Errorf("the day is %+v: %v", d, keys)
	}
	if diff := cmp.Diff(want, l.view()); diff != "" {
		t.Error(diff)
	}
	// Without any time left the first object is made all the same, and the next invocation goes on with the second.
	l.commit(30, 3, "{\"id\":1,\"version\":1}\n", "{\"id\":9,\"version\":1}\n")
	now = now.Add(time.Hour)
	l.clock = now
	if _, err := Remake(context.Background(), l.config, Past{Start: noon, End: after(2, 0)}, now); err != nil {
		t.Fatal(err)
	}
	now = now.Add(30 * time.Minute)
	l.clock = now
	rounds := 0
	for more := true; more; rounds++ {
		if rounds > 20 {
			t.Fatal("it never ends")
		}
		ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(time.Minute))
		l.config.SafetyMargin = 100 * 24 * time.Hour * 365
		answer, err := Run(ctx, l.config, now)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		more = answer.More
	}
	if d := l.entries()["2026-03-10"]; d.Objects != 4 || d.Stale || rounds < 4 {
		t.Errorf("after %d rounds the day is %+v", rounds, d)
	}
}
