package preprocess

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// remake makes a past range until it is done with, and returns how many objects were made, and in how many invocations.
func (l *lake) remake(past Past) (objects, invocations int) {
	l.t.Helper()
	for {
		answer, err := Remake(context.Background(), l.config, past, noon)
		if err != nil {
			l.t.Fatal(err)
		}
		objects += answer.Objects
		invocations++
		if !answer.More {
			if answer.Position != "" {
				l.t.Errorf("a range that is done with has the position %q", answer.Position)
			}
			return objects, invocations
		}
		past.Position = answer.Position
	}
}

func TestReplayIsByteForByteTheSame(t *testing.T) {
	l := newLake(t)
	for i := range 5 {
		l.commit(30*i, 1, fmt.Sprintf("{\"id\":%d}\n{\"id\":\"no\"}\n", i), fmt.Sprintf("{\"id\":%d}\n", 10+i))
	}
	l.settle()
	objects := func() map[string]string {
		state := l.state()
		delete(state, l.names.Mark())
		return state
	}
	before := objects()
	for name, c := range map[string]struct {
		past    Past
		objects int
	}{
		"everything":         {Past{Start: noon, End: noon.Add(150 * time.Minute), Replay: ReplayAll}, 10},
		"whole windows":      {Past{Start: noon.Add(45 * time.Minute), End: noon.Add(61 * time.Minute), Replay: ReplayAll}, 4},
		"nothing is missing": {Past{Start: noon, End: noon.Add(150 * time.Minute)}, 0},
	} {
		l.store.ResetCalls()
		made, _ := l.remake(c.past)
		l.settle()
		if diff := cmp.Diff(before, objects()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		puts := 0
		for _, call := range l.store.Calls() {
			if call.Operation == objectstoretest.Put && strings.HasSuffix(call.Key, ".parquet") {
				puts++
			}
		}
		if puts != c.objects || made != c.objects {
			t.Errorf("%s: %d objects put, %d told, want %d", name, puts, made, c.objects)
		}
	}
}

func TestReplayGoesOnAtItsPosition(t *testing.T) {
	l := newLake(t)
	for i := range 4 {
		l.commit(30*i, 1, fmt.Sprintf("{\"id\":%d}\n", i))
	}
	l.settle()
	l.config.SafetyMargin = 20 * time.Second
	l.store.After = func(call objectstoretest.Call) error {
		if call.Operation == objectstoretest.Get && strings.Contains(call.Key, "/parts/") {
			l.clock = l.clock.Add(10 * time.Second)
		}
		return nil
	}
	past := Past{Start: noon, End: noon.Add(2 * time.Hour), Replay: ReplayAll}
	objects, invocations := 0, 0
	for more := true; more; invocations++ {
		answer, err := Remake(until{context.Background(), l.clock.Add(time.Second)}, l.config, past, noon)
		if err != nil {
			t.Fatal(err)
		}
		objects += answer.Objects
		past.Position, more = answer.Position, answer.More
	}
	if objects != 4 || invocations != 4 {
		t.Errorf("%d objects in %d invocations, want one each", objects, invocations)
	}
}

func TestReplayOfTheQuarantined(t *testing.T) {
	l := newLake(t)
	l.commit(0, 1, "{\"id\":1}\n")
	l.commit(30, 1, "{\"id\":\"no\"}\n")
	l.commit(60, 1, "{\"id\":3}\n")
	l.settle()
	if objects, _ := l.remake(Past{Start: noon, End: noon.Add(90 * time.Minute), Replay: ReplayQuarantined}); objects != 1 {
		t.Errorf("%d objects made, want the one with a record in quarantine", objects)
	}
	// A mended column makes all windows again by itself, and the record leaves its quarantine.
	l.config.Stream.Columns[0].Type = vendorapi.TypeString
	l.settle()
	for key := range l.state() {
		if strings.Contains(key, "/quarantine/") {
			t.Errorf("%s is still there", key)
		}
	}
}

func TestRemakeRefuses(t *testing.T) {
	l := newLake(t)
	l.commit(0, 1, "{\"id\":1}\n")
	for want, past := range map[string]Past{
		"want a start before its end": {Start: noon, End: noon},
		"position":                    {Start: noon, End: noon.Add(time.Hour), Position: "x"},
		"replay \"some\"":             {Start: noon, End: noon.Add(time.Hour), Replay: "some"},
	} {
		if _, err := Remake(context.Background(), l.config, past, noon); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// TestASlowRunLeavesNothingBehind lets a run of an older commit with two objects fall asleep before its second put, and
// wake, put and die when a newer commit with one object has been made: only a second look finds what it has left.
func TestASlowRunLeavesNothingBehind(t *testing.T) {
	l := newLake(t)
	l.commit(0, 1, "{\"id\":1}\n", "{\"id\":2}\n")
	overtaken := false
	l.store.Before = func(call objectstoretest.Call) error {
		if overtaken || call.Operation != objectstoretest.Put || !strings.Contains(call.Key, "_2-of-2.parquet") {
			return nil
		}
		overtaken = true
		l.commit(0, 2, "{\"id\":7}\n")
		l.mustRun()
		l.store.After = func(call objectstoretest.Call) error {
			if strings.Contains(call.Key, "_2-of-2.parquet") {
				return objectstoretest.ErrCrash
			}
			return nil
		}
		return nil
	}
	if _, err := l.run(); !errors.Is(err, objectstoretest.ErrCrash) {
		t.Fatalf("the slow run ends with %v", err)
	}
	l.store.Revive()
	l.settle()
	if diff := cmp.Diff([]int64{7}, l.ids()); diff != "" {
		t.Error(diff)
	}
}

func TestWindowsBehindTheMarkAreMadeToo(t *testing.T) {
	l := newLake(t)
	day := func(n int) int { return n * 24 * 60 }
	for i := range 100 {
		l.commit(day(i), 1, fmt.Sprintf("{\"id\":%d}\n", i))
	}
	at := noon.Add(120 * 24 * time.Hour)
	runAt := func(now time.Time) {
		t.Helper()
		l.clock = l.clock.Add(longestRun)
		if _, err := Run(context.Background(), l.config, now); err != nil {
			t.Fatal(err)
		}
	}
	runAt(at)
	runAt(at.Add(time.Hour))
	if m, _ := l.store.Body("curated", l.names.Mark()); !bytes.Contains(m, []byte("2026-06-1")) {
		t.Fatalf("the mark is %s", m)
	}
	// A backfill commits days before the log and replaces one inside it, and ends before they are made.
	for i := range 40 {
		l.commit(day(-i-1), 1, fmt.Sprintf("{\"id\":%d}\n", -i-1))
	}
	l.commit(day(50), 2, "{\"id\":1050}\n")
	want := map[int64]bool{1050: true}
	for i := int64(-40); i < 100; i++ {
		want[i] = i != 50
	}
	maps.DeleteFunc(want, func(_ int64, there bool) bool { return !there })
	for n := range 20 {
		l.store.ResetCalls()
		runAt(at.Add(time.Duration(n+1) * 24 * time.Hour))
		commits := 0
		for _, call := range l.store.Calls() {
			if call.Operation == objectstoretest.Get && strings.Contains(call.Key, "/commits/") {
				commits++
			}
		}
		if commits > 40 {
			t.Errorf("on one day %d commits are read, want those of a stretch", commits)
		}
	}
	got := map[int64]bool{}
	for _, id := range l.ids() {
		got[id] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheMarkNeverPassesWhatAnAuditRemembers(t *testing.T) {
	l := newLake(t)
	for i := range 30 {
		l.commit(i*24*60, 1, fmt.Sprintf("{\"id\":%d}\n", i))
	}
	stored, err := l.config.Raw.PutAudit(context.Background(), &rawzone.Audit{Windows: []rawzone.Audited{{Start: noon.Add(5 * 24 * time.Hour)}}})
	if err != nil || !stored {
		t.Fatal(stored, err)
	}
	for range 3 {
		l.clock = l.clock.Add(longestRun)
		if _, err := Run(context.Background(), l.config, noon.Add(29*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if m, _ := l.store.Body("curated", l.names.Mark()); !bytes.Contains(m, []byte(`"day":"2026-03-15T00:00:00Z"`)) {
		t.Errorf("the mark is %s, want the day of the unsettled window", m)
	}
}

// TestTheMarkNeverPassesAParentOfTheRoster has a parent whose slot is older than anything that changes, as of one that was put off: it is
// read for the first time when its new time comes.
func TestTheMarkNeverPassesAParentOfTheRoster(t *testing.T) {
	l := newLake(t)
	l.config.Stream.Parent = &vendorapi.Parent{Stream: "events"}
	for i := range 30 {
		l.commit(i*24*60, 1, fmt.Sprintf("{\"id\":%d}\n", i))
	}
	slot, now := noon.Add(5*24*time.Hour+time.Hour), noon.Add(29*24*time.Hour)
	roster := &rawzone.Roster{Parents: []rawzone.Rostered{{Key: "a", Slot: slot, Time: now, Record: []byte("{}")}}}
	if stored, err := l.config.Raw.PutRoster(context.Background(), roster); err != nil || !stored {
		t.Fatal(stored, err)
	}
	run := func() {
		l.clock = l.clock.Add(longestRun)
		if _, err := Run(context.Background(), l.config, now); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		run()
	}
	l.commit(int(slot.Sub(noon)/time.Minute), 1, "{\"id\":99}\n")
	run()
	if !slices.Contains(l.ids(), 99) {
		t.Error("what is committed of the parent is not made by the next run")
	}
	if m, _ := l.store.Body("curated", l.names.Mark()); !bytes.Contains(m, []byte(`"day":"2026-03-15T00:00:00Z"`)) {
		t.Errorf("the mark is %s, want the day of the slot", m)
	}
}
