package preprocess

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// days is a lake with a window of one record on each day, made up to the last one, whose mark has moved.
func days(t *testing.T, n int) (l *lake, runAt func(time.Time) []string) {
	l = newLake(t)
	l.store.PageSize = 0
	for i := range n {
		l.commit(i*24*60, 1, fmt.Sprintf("{\"id\":%d}\n", i))
	}
	runAt = func(now time.Time) (requests []string) {
		t.Helper()
		l.clock = l.clock.Add(longestRun)
		l.store.ResetCalls()
		if _, err := Run(context.Background(), l.config, now); err != nil {
			t.Fatal(err)
		}
		for _, call := range l.store.Calls() {
			key := strings.TrimPrefix(call.Key, "on24/attendees/")
			kind, _, _ := strings.Cut(key, "/")
			requests = append(requests, string(call.Operation)+" "+kind)
		}
		return requests
	}
	at := noon.Add(time.Duration(n) * 24 * time.Hour)
	for range 3 {
		runAt(at)
	}
	return l, runAt
}

// TestALookBehindTheMarkIsOneListing has each day's look find the stretches as they were left.
func TestALookBehindTheMarkIsOneListing(t *testing.T) {
	_, runAt := days(t, 100)
	for day := 101; day < 110; day++ {
		at := noon.Add(time.Duration(day) * 24 * time.Hour)
		want := []string{"GET mark.json", "LIST commits", "LIST commits", "PUT mark.json"}
		if diff := cmp.Diff(want, runAt(at)); diff != "" {
			t.Errorf("day %d, in the hours for it: %s", day, diff)
		}
		// The next run may move the mark.
		if moved := runAt(at.Add(30 * time.Minute)); len(moved) > 4 {
			t.Errorf("day %d, the run after: %v", day, moved)
		}
		if diff := cmp.Diff(want[:2], runAt(at.Add(6*time.Hour))); diff != "" {
			t.Errorf("day %d, later: %s", day, diff)
		}
	}
}

// TestTheMarkOfAnEarlierReleaseIsGoneOnWith has a mark that says nothing of single windows, nor of what is behind it.
func TestTheMarkOfAnEarlierReleaseIsGoneOnWith(t *testing.T) {
	l, runAt := days(t, 100)
	body, _ := l.store.Body("curated", l.names.Mark())
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	delete(m, "made")
	delete(m, "behind")
	body, _ = json.Marshal(m)
	l.store.Set("curated", l.names.Mark(), body)
	before := lasting(l.state())
	l.commit(-24*60, 1, "{\"id\":-1}\n")
	for day := 101; day < 115; day++ {
		runAt(noon.Add(time.Duration(day) * 24 * time.Hour))
	}
	if got := l.ids(); len(got) != 101 || got[0] != -1 {
		t.Errorf("%d rows, the first of %d; want the one that was committed behind the mark", len(got), got[0])
	}
	made := map[string]string{}
	for key := range lasting(l.state()) {
		if _, there := before[key]; !there {
			made[key] = ""
		}
	}
	if len(made) != 2 {
		t.Errorf("beside the window behind the mark something was made: %v", made)
	}
}

// TestAReplayThatIsKilledIsFinished kills a replay at each request, and wants the schedule's runs to finish what it has begun,
// although the mark said that it was done with.
func TestAReplayThatIsKilledIsFinished(t *testing.T) {
	objects := func(l *lake) map[string]string {
		state := lasting(l.state())
		delete(state, l.names.Mark())
		return state
	}
	for n := 1; ; n++ {
		l := newLake(t)
		l.commit(0, 1, "{\"id\":1}\n", "{\"id\":2}\n")
		l.commit(30, 1, "{\"id\":3}\n")
		l.commit(60, 1)
		l.settle()
		want := maps.Clone(objects(l))
		l.store.CrashAt(n, true)
		_, err := Remake(context.Background(), l.config, Past{Start: noon, End: noon.Add(2 * time.Hour), Replay: ReplayAll}, noon)
		l.store.Revive()
		if err == nil {
			break
		}
		if !errors.Is(err, objectstoretest.ErrCrash) {
			t.Fatal(err)
		}
		l.settle()
		if diff := cmp.Diff(want, objects(l)); diff != "" {
			t.Fatalf("killed at request %d: %s", n, diff)
		}
	}
}

// TestAReplayWithOtherColumnsIsUndone has a past range made with other columns than the mark's, some of it behind the mark, and the
// release with the mark's columns deployed again.
func TestAReplayWithOtherColumnsIsUndone(t *testing.T) {
	for _, replay := range []Replay{ReplayAll, ReplayMissing} {
		l, runAt := days(t, 100)
		objects := func() map[string]string {
			state := lasting(l.state())
			delete(state, l.names.Mark())
			return state
		}
		at := noon.Add(100 * 24 * time.Hour)
		runAt(at)
		want := objects()
		columns := l.config.Stream.Columns
		for _, first := range []int{20, 98} {
			l.config.Stream.Columns = []vendorapi.Column{{Name: "name", Type: vendorapi.TypeString}}
			from := noon.Add(time.Duration(first) * 24 * time.Hour)
			if _, err := Remake(context.Background(), l.config, Past{Start: from, End: from.Add(time.Hour), Replay: replay}, at); err != nil {
				t.Fatal(err)
			}
			l.config.Stream.Columns = columns
			for range 20 { // until the turn has come twice, for the receipts to be confirmed
				at = at.Add(24 * time.Hour)
				runAt(at)
			}
			if diff := cmp.Diff(want, objects()); diff != "" {
				t.Errorf("replay %q from day %d: %s", replay, first, diff)
			}
		}
	}
}
