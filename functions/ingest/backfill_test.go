package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// backfillOnce invokes ingest for a past range once.
func (f *fixture) backfillOnce(past ingest.Past, now time.Time) (ingest.Answer, error) {
	ctx, cancel, config := f.invocation()
	defer cancel()
	return ingest.Backfill(ctx, config, past, now)
}

// backfill invokes ingest until the range is done with, as the state machine does, lane by lane.
func (f *fixture) backfill(past ingest.Past, now time.Time) (sum ingest.Answer) {
	f.t.Helper()
	for lane := range max(past.Lanes, 1) {
		past := past
		past.Lane = lane
		for round := 0; ; round++ {
			answer, err := f.backfillOnce(past, now)
			if err != nil {
				f.t.Fatal(err)
			}
			sum.Windows += answer.Windows
			sum.Reread += answer.Reread
			sum.Replaced += answer.Replaced
			sum.Attempts++
			if !answer.More {
				if answer.Position != "" {
					f.t.Errorf("a lane that is done says position %q", answer.Position)
				}
				break
			}
			if round == 1000 {
				f.t.Fatal("no end after 1000 rounds")
			}
			past.Position = answer.Position
		}
	}
	return sum
}

func TestThePastBeforeGenesis(t *testing.T) {
	for _, lanes := range []int{0, 1, 2, 3} {
		t.Run(fmt.Sprint(lanes, " lanes"), func(t *testing.T) {
			f := newFixture(t)
			f.every(day.Add(-10*24*time.Hour), 20*time.Minute, 10*24*time.Hour)
			f.execute(day.Add(-6 * time.Hour)) // genesis at 18:00
			before := f.check()
			past := ingest.Past{Start: day.Add(-8*24*time.Hour + 5*time.Hour), End: day.Add(-2 * 24 * time.Hour), Lanes: lanes}
			sum := f.backfill(past, day)
			commits := f.check()
			if !commits[0].Start.Equal(day.Add(-8 * 24 * time.Hour)) {
				t.Errorf("the log begins at %s, want the beginning of the range's first day", commits[0].Start)
			}
			if last, was := commits[len(commits)-1], before[len(before)-1]; !last.End.Equal(was.End) {
				t.Errorf("the watermark went from %s to %s", was.End, last.End)
			}
			if sum.Windows != 6 || sum.Reread != 0 {
				t.Errorf("%d windows made, %d read again; want one for each day", sum.Windows, sum.Reread)
			}
			// The same execution once more does nothing, a later one reads again.
			if again := f.backfill(past, day); again.Windows+again.Reread != 0 {
				t.Errorf("the same again: %+v", again)
			}
			f.add(day.Add(-5*24*time.Hour + time.Hour))
			f.model.sort()
			if later := f.backfill(past, day.Add(time.Hour)); later.Windows != 0 || later.Reread != 6 || later.Replaced != 1 {
				t.Errorf("later: %+v", later)
			}
			f.check()
			// The days that are left, up to genesis and over it.
			f.backfill(ingest.Past{Start: day.Add(-2 * 24 * time.Hour), End: day.Add(-18 * time.Hour), Lanes: lanes}, day.Add(2*time.Hour))
			at := time.Time{}
			for _, commit := range f.check() {
				if !at.IsZero() && !commit.Start.Equal(at) {
					t.Errorf("a gap from %s to %s", at, commit.Start)
				}
				at = commit.End
			}
			f.execute(day)
			f.check()
		})
	}
}

func TestThePastInsideTheLog(t *testing.T) {
	f := newFixture(t, func(s *vendorapi.Stream) { s.Lookback = 0 })
	f.every(day.Add(-24*time.Hour), 20*time.Minute, 72*time.Hour)
	f.schedule(day, day.Add(48*time.Hour))
	f.add(day.Add(-5 * time.Hour)) // in the first window, which begins before the range
	f.add(day.Add(3*time.Hour + time.Minute))
	f.add(day.Add(30 * time.Hour))
	f.model.sort()
	sum := f.backfill(ingest.Past{Start: day.Add(-6 * time.Hour), End: day.Add(31 * time.Hour)}, day.Add(49*time.Hour))
	if sum.Windows != 0 || sum.Reread != 1+63 || sum.Replaced != 3 {
		t.Errorf("got %+v", sum)
	}
	for _, commit := range f.check() {
		if commit.Generation > 2 {
			t.Errorf("window %s has generation %d", commit.Window(), commit.Generation)
		}
	}
}

func TestRefusedRanges(t *testing.T) {
	f := newFixture(t)
	if _, err := f.backfillOnce(ingest.Past{Start: day.Add(-time.Hour), End: day}, day); err == nil || !strings.Contains(err.Error(), "let the schedule begin") {
		t.Errorf("before the first commit: %v", err)
	}
	if keys := f.store.Keys("raw", ""); len(keys) != 0 {
		t.Errorf("a refused range has left %v", keys)
	}
	f.execute(day)
	for _, past := range []ingest.Past{
		{Start: day.Add(-time.Hour), End: day},
		{Start: day, End: day.Add(time.Hour)},
	} {
		if _, err := f.backfillOnce(past, day.Add(2*time.Hour)); err == nil || !strings.Contains(err.Error(), "2026-03-09T23:55:00Z") {
			t.Errorf("after the watermark: %v", err)
		}
	}
	if _, err := f.backfillOnce(ingest.Past{Start: day, End: day}, day); err == nil || !strings.Contains(err.Error(), "want a start before its end") {
		t.Errorf("an empty range: %v", err)
	}
	if _, err := f.backfillOnce(ingest.Past{Start: day.Add(-3 * time.Hour), End: day.Add(-time.Hour), Position: "x"}, day); err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("a position that is none: %v", err)
	}
}

func TestAnUnsettledPastIsHandedOver(t *testing.T) {
	f := newFixture(t)
	f.every(day.Add(-4*24*time.Hour), time.Hour, 4*24*time.Hour)
	f.execute(day)
	f.model.total = func(_, truth int) int { return truth + 1 }
	answer, err := f.backfillOnce(ingest.Past{Start: day.Add(-3 * 24 * time.Hour), End: day.Add(-2 * 24 * time.Hour)}, day)
	if err != nil || answer.Unsettled != 1 || answer.Findings[0].Kind != telemetry.CountsUnsettled {
		t.Fatalf("got %+v, %v", answer, err)
	}
	f.model.total = nil
	f.schedule(day.Add(30*time.Minute), day.Add(26*time.Hour))
	for _, commit := range f.check() {
		if !commit.Settled {
			t.Errorf("window %s is still unsettled", commit.Window())
		}
	}
}

// TestBackfillsThatOverlap lets runs of the schedule and further backfills of overlapping ranges begin in the midst of one
// another and be killed, and goes on at the position of the last round, as the state machine does.
func TestBackfillsThatOverlap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(rt, moving)
		f.timeout = time.Duration(rapid.IntRange(5, 100).Draw(rt, "timeout")) * 100 * time.Millisecond
		f.partBytes = int64(rapid.IntRange(1, 500).Draw(rt, "partBytes"))
		f.every(day.Add(-5*24*time.Hour), time.Duration(rapid.IntRange(600, 6000).Draw(rt, "step"))*time.Second, 5*24*time.Hour)
		f.every(day.Add(-time.Duration(rapid.IntRange(1, 5000).Draw(rt, "burst"))*time.Minute), 10*time.Millisecond, time.Second)
		f.execute(day.Add(-time.Duration(rapid.IntRange(0, 20).Draw(rt, "genesis")) * time.Hour))
		watermark := newestEnd(f)
		draw := func() ingest.Past {
			start := day.Add(-time.Duration(rapid.IntRange(30, 120).Draw(rt, "start")) * time.Hour)
			lanes := rapid.IntRange(1, 3).Draw(rt, "lanes")
			return ingest.Past{
				Start: start, End: start.Add(time.Duration(rapid.IntRange(1, 60).Draw(rt, "span")) * time.Hour),
				Lane: rapid.IntRange(0, lanes-1).Draw(rt, "lane"), Lanes: lanes,
			}
		}
		rounds := func(past ingest.Past, now time.Time, most int) {
			if past.End.After(watermark) {
				past.End = watermark
			}
			for range most {
				answer, err := f.backfillOnce(past, now)
				if err != nil && !errors.Is(err, vendorapi.ErrDeadline) && !errors.Is(err, objectstoretest.ErrCrash) {
					rt.Fatal(err)
				}
				if err == nil && !answer.More {
					return
				}
				if err == nil {
					past.Position = answer.Position
				}
			}
		}
		at := rapid.SliceOfN(rapid.IntRange(1, 60), 1, 3).Draw(rt, "at")
		calls := 0
		interrupt := func(objectstoretest.Call) error {
			if calls++; len(at) > 0 && calls >= at[0] {
				at, calls = at[1:], 0
				if rapid.Bool().Draw(rt, "killed") {
					return objectstoretest.ErrCrash
				}
				rounds(draw(), day.Add(time.Minute), 2)
			}
			return nil
		}
		if rapid.Bool().Draw(rt, "after") {
			f.store.After = interrupt
		} else {
			f.store.Before = interrupt
		}
		rounds(draw(), day, 3)
		f.store.Revive()
		all := ingest.Past{Start: day.Add(-5 * 24 * time.Hour), End: watermark}
		rounds(all, day.Add(time.Hour), 1000)
		commits := f.check()
		if !slices.IsSortedFunc(commits, func(a, b *rawzone.Commit) int { return a.Start.Compare(b.Start) }) || !commits[0].Start.Equal(all.Start) {
			rt.Fatalf("the log begins at %s, want %s", commits[0].Start, all.Start)
		}
		if end := newestEnd(f); !end.Equal(watermark) {
			rt.Fatalf("the watermark went from %s to %s", watermark, end)
		}
	})
}

func newestEnd(f *fixture) time.Time {
	commit, _, err := f.zone.Newest(context.Background(), day)
	if err != nil || commit == nil {
		f.t.Fatal(commit, err)
	}
	return commit.End
}
