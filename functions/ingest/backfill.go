package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// Past is a past range to read, or one lane's share of it.
type Past struct {
	// Start and End are the range [Start, End). Before the log's beginning it is extended to whole UTC days, inside the
	// log to whole windows.
	Start, End time.Time
	// Lane and Lanes share the range among invocations at work side by side: a lane has the days whose number since
	// 1970-01-01 leaves the remainder Lane when divided by Lanes. Zero Lanes means all days.
	Lane, Lanes int
	// Position is how far an earlier invocation has got, as its answer told; empty at the beginning.
	Position string
}

// Backfill reads a past range of the vendor. Before genesis it makes the log longer, backwards, day by day; inside the log it
// reads the windows again, as an audit does. It never moves the watermark. now is the time the execution
// began, which is one and the same for all its invocations: a window that was read since then is not read again.
//
// Of a child stream it reads the parents whose own time lies in the range, as far as the parent stream has committed them.
//
// It refuses a range that ends after the watermark, and one of a stream whose log has not begun.
func Backfill(ctx context.Context, config Config, past Past, now time.Time) (Answer, error) {
	return newRun(config, now).within(ctx, "backfill run", func(r *run, ctx, asking context.Context) error {
		return r.backfill(ctx, asking, past)
	})
}

func (r *run) backfill(ctx, asking context.Context, past Past) error {
	if !past.Start.Before(past.End) {
		return fmt.Errorf("the range [%s, %s) is empty: want a start before its end", past.Start.Format(time.RFC3339), past.End.Format(time.RFC3339))
	}
	if r.Parents != nil {
		return r.pastParents(ctx, asking, past)
	}
	newest, _, err := r.Zone.Newest(ctx, r.now)
	if err != nil {
		return err
	}
	if newest == nil {
		return errors.New("the stream has no commits yet: let the schedule begin its log, and read the past then")
	}
	r.rate, r.answer.Watermark = newest.Rate, newest.End
	if past.End.After(newest.End) {
		return fmt.Errorf("the range ends at %s: want no later than the watermark, %s; what comes after it is for the schedule to read",
			past.End.UTC().Format(time.RFC3339), newest.End.Format(time.RFC3339))
	}
	genesis, err := r.Zone.Genesis(ctx, rawzone.Genesis{})
	if err != nil {
		return err
	}
	r.memory.lookback = r.Stream.Lookback.D()
	b := &backfill{run: r, past: past, genesis: genesis.Start}
	if err := b.list(ctx); err != nil {
		return err
	}
	return errors.Join(b.days(ctx, asking), r.handOver(ctx))
}

// backfill is the work on a past range.
type backfill struct {
	*run
	past    Past
	genesis time.Time
	// committed are the range's commits, by the days that they begin on.
	committed map[time.Time][]rawzone.CommitRef
}

// list finds the commits whose windows reach into the range.
func (b *backfill) list(ctx context.Context) error {
	b.committed = map[time.Time][]rawzone.CommitRef{}
	var holds rawzone.CommitRef
	add := func(ref rawzone.CommitRef) {
		day := ref.Start.Truncate(oneDay)
		b.committed[day] = append(b.committed[day], ref)
	}
	for ref, err := range b.Zone.Commits(ctx, b.past.Start.Add(-rawzone.LongestWindow).Truncate(time.Second)) {
		if err != nil {
			return err
		}
		if !ref.Start.Before(b.past.End) {
			break
		}
		if ref.Start.Before(b.past.Start) {
			holds = ref
			continue
		}
		if holds.Key != "" && ref.Start.After(b.past.Start) {
			add(holds)
		}
		holds = rawzone.CommitRef{}
		add(ref)
	}
	if holds.Key != "" {
		add(holds)
	}
	return nil
}

// days reads the lane's days, the newest first, and each from its beginning on.
func (b *backfill) days(ctx, asking context.Context) error {
	first := b.past.Start.UTC().Truncate(oneDay)
	for day := range b.committed {
		if day.Before(first) {
			first = day
		}
	}
	day := b.past.End.Add(-1).UTC().Truncate(oneDay)
	var done time.Time
	if b.past.Position != "" {
		var err error
		if day, done, err = parsePosition(b.past.Position); err != nil {
			return err
		}
	}
	for ; !day.Before(first); day = day.Add(-oneDay) {
		if lanes := int64(b.past.Lanes); lanes > 0 && day.Unix()/int64(oneDay.Seconds())%lanes != int64(b.past.Lane) {
			continue
		}
		b.answer.Position = position(day, done)
		if err := b.day(ctx, asking, day, done); err != nil || b.answer.More {
			return err
		}
		done = time.Time{}
	}
	b.answer.Position = ""
	return nil
}

// position says that a lane is at a day, of which the windows up to the one that begins at done have been read.
func position(day, done time.Time) string {
	return rawzone.FormatTime(day) + "_" + rawzone.FormatTime(done)
}

func parsePosition(text string) (day, done time.Time, err error) {
	dayText, doneText, _ := strings.Cut(text, "_")
	day, dayErr := rawzone.ParseTime(dayText)
	done, doneErr := rawzone.ParseTime(doneText)
	if err := cmp.Or(dayErr, doneErr); err != nil {
		return day, done, fmt.Errorf("position %q: %w", text, err)
	}
	return day, done, nil
}

// day reads one day's windows that begin after done: first those that are committed, then what no window covers before genesis.
func (b *backfill) day(ctx, asking context.Context, day, done time.Time) error {
	for _, ref := range b.committed[day] {
		if !ref.Start.After(done) {
			continue
		}
		if err := b.windowAgain(ctx, asking, ref); err != nil || b.answer.More {
			return err
		}
		b.answer.Position = position(day, ref.Start)
	}
	if day.Before(b.past.Start.UTC().Truncate(oneDay)) {
		// Only a window that reaches into the range begins on this day.
		return nil
	}
	return b.slice(ctx, asking, day)
}

// windowAgain reads a committed window again, unless this execution has done so.
func (b *backfill) windowAgain(ctx, asking context.Context, ref rawzone.CommitRef) error {
	if b.Stream.Window.Listing != nil {
		return nil // What was listed then cannot be asked for any more.
	}
	if !b.fresh() && !b.worthwhile() {
		b.answer.More = true
		return nil
	}
	commit, etag, err := b.Zone.Commit(ctx, ref)
	if err != nil {
		return err
	}
	if !commit.ReadAt.Before(b.now) || !commit.End.After(b.past.Start) {
		return nil
	}
	g, err := b.reread(ctx, asking, commit, etag, b.now)
	switch {
	case errors.Is(err, rawzone.ErrLost):
		b.overlapped(commit.Window())
		return nil
	case errors.Is(err, vendorapi.ErrDeadline):
		return b.unfinished(err, g)
	case particular(err):
		b.unread("a committed window", err)
		return nil
	}
	return err
}

// slice makes the log of one day before genesis: a chain of windows from the day's beginning to its end, or to genesis.
// Another backfill that has begun the same chain has begun it at the same place, so of two only one can win a window.
func (b *backfill) slice(ctx, asking context.Context, day time.Time) error {
	at, end := b.alignDown(day), b.alignDown(day.Add(oneDay))
	if b.genesis.Before(end) {
		end = b.genesis
	}
	there := map[time.Time]rawzone.CommitRef{}
	listed := false
	for at.Before(end) {
		if !listed {
			for ref, err := range b.Zone.Commits(ctx, at) {
				if err != nil {
					return err
				}
				if !ref.Start.Before(end) {
					break
				}
				there[ref.Start] = ref
			}
			listed = true
		}
		if ref, ok := there[at]; ok {
			commit, _, err := b.Zone.Commit(ctx, ref)
			if err != nil {
				return err
			}
			at = commit.End
			continue
		}
		if !b.fresh() && !b.worthwhile() {
			b.answer.More = true
			return nil
		}
		choice, any := window.Choose(at, b.latest(at, end), b.policy())
		if !any {
			return fmt.Errorf("no window that the vendor can be asked for lies between %s and %s", at.Format(time.RFC3339), end.Format(time.RFC3339))
		}
		g, err := b.window(ctx, asking, choice)
		switch {
		case errors.Is(err, rawzone.ErrLost):
			b.overlapped(choice.Window())
			listed = false
			continue
		case errors.Is(err, vendorapi.ErrDeadline):
			b.answer.More = true
			return b.unfinished(err, g)
		case particular(err):
			b.unread(fmt.Sprintf("the day %s from %s on", day.Format(time.DateOnly), at.Format(time.RFC3339)), err)
			return nil
		case err != nil:
			return err
		}
		at = g.attempt.Window.End
	}
	return nil
}

// unread reports a piece of the range that the vendor does not give. The others are read all the same.
func (b *backfill) unread(what string, err error) {
	b.find(telemetry.RangeUnread, nil, fmt.Sprintf("%s could not be read of the vendor: %v. The rest of the range is read", what, err))
}
