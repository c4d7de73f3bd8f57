package ingest

import (
	"context"
	"errors"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// longestUnlisted is how long ingest goes by what it remembers of the log.
const longestUnlisted = 3 * time.Hour

// newest returns the newest commit, or nil where the stream has none. In the hours in which an idle run has other requests to
// make, it is the one remembered: were there a later one, the next commit would meet it.
func (r *run) newest(ctx context.Context) (*rawzone.Commit, error) {
	m := &r.memory
	hours := rawzone.IngestHours(r.now) || rawzone.PreprocessHours(r.now)
	listed := !m.Listed.IsZero() && !r.now.Before(m.Listed) && r.now.Sub(m.Listed) <= longestUnlisted && !r.auditFrom().Before(m.From)
	if hours && listed && m.Newest != nil {
		r.unlisted = true
		return m.Newest.Commit(), nil
	}
	return r.listNewest(ctx)
}

// listNewest returns the newest commit that there is, or nil where the stream has none. The listing that it is found by is that of
// the lookback, whose commits the audit needs to know too.
func (r *run) listNewest(ctx context.Context) (*rawzone.Commit, error) {
	r.unlisted, r.memory.Listed = false, time.Time{}
	from := r.auditFrom()
	if stored := r.memory.From; !stored.IsZero() && stored.Before(from) {
		from = stored
	}
	if err := r.list(ctx, from, from); err != nil {
		return nil, err
	}
	if listed := r.memory.listed; len(listed) > 0 && listed[0].Start.After(from) && !r.memory.reaches(listed[0].Start) {
		// Nothing tells of a long window that begins before and reaches into what is audited.
		if err := r.list(ctx, from, from.Add(-rawzone.LongestWindow)); err != nil {
			return nil, err
		}
		r.memory.NoneBefore, r.memory.changed = r.memory.listed[0].Start, true
	}
	n := len(r.memory.listed)
	if n == 0 {
		// After a long outage the newest window may still reach into what is audited.
		commit, etag, err := r.Zone.Newest(ctx, r.now)
		if commit != nil {
			r.memory.learnNewest(commit, etag)
		}
		return commit, err
	}
	last := r.memory.listed[n-1]
	if known := r.memory.Newest; known != nil && known.Start.Equal(last.Start) && known.ETag == last.ETag {
		return known.Commit(), nil
	}
	commit, etag, err := r.Zone.Commit(ctx, last)
	if err == nil {
		r.memory.learnNewest(commit, etag)
	}
	return commit, err
}

// list remembers the references of the commits from the one that holds from on, of those that begin at begin or later.
func (r *run) list(ctx context.Context, from, begin time.Time) error {
	r.memory.listed = r.memory.listed[:0]
	for ref, err := range r.Zone.Commits(ctx, begin) {
		if err != nil {
			return err
		}
		if !ref.Start.After(from) {
			r.memory.listed = r.memory.listed[:0]
		}
		r.memory.listed = append(r.memory.listed, ref)
	}
	return nil
}

// forward commits window after window from the watermark on.
func (r *run) forward(ctx, asking context.Context, newest *rawzone.Commit) error {
	start, err := r.watermark(ctx, newest)
	if err != nil {
		return err
	}
	for {
		r.answer.Watermark = start
		choice, any := window.Choose(start, r.latest(start, r.now.Add(-r.Stream.Settle.D())), r.policy())
		if !any {
			return nil
		}
		if r.answer.Windows > 0 && !r.worthwhile() {
			r.answer.More = true
			return nil
		}
		reading, err := r.window(ctx, asking, choice)
		switch {
		case errors.Is(err, rawzone.ErrLost) && r.unlisted && r.wasThere(err):
			// What is remembered is not all that there is.
			if newest, err = r.listNewest(ctx); err != nil {
				return err
			}
			if start, err = r.watermark(ctx, newest); err != nil {
				return err
			}
			continue
		case errors.Is(err, rawzone.ErrLost):
			// The winner goes on from its own commit.
			r.overlapped(choice.Window())
			return nil
		case errors.Is(err, vendorapi.ErrDeadline):
			return r.unfinished(err, reading)
		case err != nil:
			return err
		}
		start = reading.attempt.Window.End
	}
}

// wasThere reports whether the commit that a run has lost to was there before the run began.
func (r *run) wasThere(err error) bool {
	var lost *rawzone.LostError
	return errors.As(err, &lost) && lost.Modified.Before(r.began.Truncate(time.Second))
}

// watermark returns where the next window starts.
func (r *run) watermark(ctx context.Context, newest *rawzone.Commit) (time.Time, error) {
	if newest != nil {
		r.rate = newest.Rate
		if r.Stream.Window.Listing != nil {
			r.listed = newest
		}
		return newest.End, nil
	}
	start := r.Genesis
	if start.IsZero() {
		start = r.now.Add(-GenesisBefore)
	}
	genesis, err := r.Zone.Genesis(ctx, rawzone.Genesis{Start: r.alignDown(start), Run: r.Config.Run, WrittenAt: r.now})
	if err == nil && !r.memory.NoneBefore.Equal(genesis.Start) {
		r.memory.NoneBefore, r.memory.changed = genesis.Start, true
	}
	return genesis.Start, err
}

// latest returns the latest end of a window from start, no later than bound: cut to the longest span that the
// vendor accepts, and where the hook cuts it.
func (r *run) latest(start, bound time.Time) time.Time {
	if longest := r.Stream.LatestEnd(start); !longest.IsZero() && longest.Before(bound) {
		bound = longest
	}
	if r.CutWindow != nil && start.Before(bound) {
		if cut := r.CutWindow(window.Window{Start: start, End: bound}); cut.After(start) && cut.Before(bound) {
			return cut
		}
	}
	return bound
}

func (r *run) policy() window.Policy {
	policy := window.Policy{AlignDown: r.alignDown}
	if r.Stream.Total == (vendorapi.Total{}) {
		policy.FirstSpan = UncountedSpan
	}
	return policy
}

// window reads and commits one window that has no commit: the one that an earlier invocation left unfinished,
// or else the one that choice arrives at. The reading is there in case of an error too.
func (r *run) window(ctx, asking context.Context, choice *window.Choice) (*reading, error) {
	g := &reading{run: r, began: r.Clock(), attempt: rawzone.Attempt{Number: 1, Begun: r.now}}
	if err := g.choose(ctx, asking, choice); err != nil {
		return g, err
	}
	if err := g.finish(ctx, asking); err != nil {
		return g, err
	}
	return g, g.commit(ctx, nil)
}
