package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
)

// commit makes the reading count, in place of the commit that it replaces, or of none where that is nil.
func (g *reading) commit(ctx context.Context, replaced *rawzone.Commit) error {
	attempt := &g.attempt
	digest := attempt.Digest(g.buffer)
	same := g.same(digest)
	if !same.IsZero() {
		g.buffer.Reset()
		attempt.Parts = nil
	}
	if g.buffer.Records() > 0 || g.buffer.Withheld() > 0 {
		if err := g.store(ctx); err != nil {
			return err
		}
	}
	var kept, carried, late int64
	if replaced != nil {
		var err error
		if kept, carried, err = g.compare(ctx, replaced); err != nil {
			return err
		}
		late = g.late(replaced, kept)
	}
	commit := &rawzone.Commit{
		Start:      attempt.Window.Start,
		End:        attempt.Window.End,
		Generation: 1,
		Attempt:    attempt.Number,
		Request:    g.vendor.Describe(attempt.Window),
		Announced:  attempt.Announced,
		Records:    attempt.Records(),
		Withheld:   attempt.Withheld(),
		Forgotten:  attempt.Forgotten,
		Carried:    carried,
		Digest:     digest,
		Same:       same,
		Duplicates: g.keys.duplicates,
		Settled:    g.settled(),
		Backoffs:   attempt.Backoffs,
		Resumes:    attempt.Resumes,
		Pages:      g.number,
		Rate:       g.seen(),
		ReadAt:     attempt.Begun,
		Run:        g.Config.Run,
		WrittenAt:  g.now,
		Parent:     g.parent,
		Parts:      attempt.Parts,
	}
	if replaced != nil {
		commit.Generation = replaced.Generation + 1
		commit.Backoffs = replaced.Backoffs
		commit.Late = replaced.Late + late
	}
	etag, err := g.Zone.Put(ctx, commit, attempt.Replaces)
	if err != nil {
		return err
	}
	g.rate = commit.Rate
	g.learn(commit, etag)
	if g.Stream.Window.Listing != nil {
		g.listed = commit
	}
	if replaced == nil {
		g.answer.Windows++
		g.answer.Records += commit.Records
		g.answer.Withheld += commit.Withheld
		if commit.Backoffs > 0 {
			g.answer.BackedOff++
		}
		if commit.Resumes > 0 {
			g.answer.Resumed++
		}
	}
	if !commit.Settled {
		g.answer.Unsettled++
		g.tellUnsettled()
	}
	if replaced != nil {
		g.answer.Reread++
		g.answer.Replaced++
		g.lateness(replaced, late, kept)
	}
	g.Logger.Info("window committed", telemetry.Figures("stream", g.Stream.Name, "start", commit.Start, "end", commit.End,
		"generation", commit.Generation, "records", commit.Records, "withheld", commit.Withheld, "announced", commit.Announced, "duplicates", commit.Duplicates,
		"carried", commit.Carried,
		"pages", commit.Pages, "parts", len(commit.Parts), "backoffs", commit.Backoffs, "resumes", commit.Resumes,
		"attempt", commit.Attempt, "settled", commit.Settled, "rate", commit.Rate)...)
	return nil
}

// learn remembers what a commit says that this reading has put.
func (g *reading) learn(commit *rawzone.Commit, etag string) {
	if g.Parents != nil {
		g.memory.learn(commit, etag)
		return
	}
	g.memory.learnNewest(commit, etag)
}

// same returns the start of the window that has the records which were read, where the vendor lists no others since. It is the
// zero time where there is none.
func (g *reading) same(digest string) time.Time {
	before := g.listed
	if before == nil || g.Stream.Window.Listing == nil || !before.End.Equal(g.attempt.Window.Start) || before.Digest != digest || !before.Settled || !g.settled() {
		return time.Time{}
	}
	if !before.Same.IsZero() {
		return before.Same
	}
	return before.Start
}

// tellUnsettled reports why the reading is not settled.
func (g *reading) tellUnsettled() {
	why := ""
	switch {
	case g.uncountable:
		why = "its keys could not be counted in the time of an invocation; give the function more time or memory"
	case g.keys.duplicates > 0:
		why = fmt.Sprintf("%d of its records share their key with another one; do the stream's key fields identify a record?", g.keys.duplicates)
	default:
		why = fmt.Sprintf("the vendor announced %d records, then %d, and gave %d", g.attempt.Announced, g.attempt.Total, g.cursor.Seen)
	}
	g.find(telemetry.CountsUnsettled, telemetry.Numbers{
		"announced": float64(g.attempt.Announced), "announcedLast": float64(g.attempt.Total), "given": float64(g.cursor.Seen),
		"duplicates": float64(g.keys.duplicates), "attempts": float64(g.attempt.Number),
	}, fmt.Sprintf("window %s is committed as last given, after %d attempts: %s. It is read again until its counts agree",
		g.attempt.Window, g.attempt.Number, why))
}

// seen returns the records a second that the stream is seen to manage, this reading included. A reading of
// less than two pages says more of the vendor's latency than of the rate.
func (g *reading) seen() float64 {
	elapsed := g.Clock().Sub(g.began).Seconds()
	if g.pagesNow < 2 || g.recordsNow == 0 || elapsed <= 0 {
		return g.rate
	}
	rate := float64(g.recordsNow) / elapsed
	if g.rate == 0 {
		return rate
	}
	return RateWeight*rate + (1-RateWeight)*g.rate
}

// reread reads a committed window once more and replaces its commit where the vendor gives other records by now.
// since is the time from which on a reading may have begun to be gone on with.
func (r *run) reread(ctx, asking context.Context, commit *rawzone.Commit, etag string, since time.Time) (*reading, error) {
	w := commit.Window()
	g := &reading{run: r, began: r.Clock()}
	// An old tick that is run again reads later than the run whose commit it has found.
	begun := later(r.now, commit.ReadAt)
	g.attempt = rawzone.Attempt{Window: w, Number: commit.Attempt + 1, Begun: begun, Replaces: etag, Request: r.request(w)}
	unfinished := rawzone.Resuming{Replaces: etag, Above: commit.Attempt, Begun: since, Stored: r.Clock().Add(-resumableFor)}
	chained := r.Stream.Paging.Chained() // see choose
	if chained {
		if err := g.takeUpAgain(ctx, unfinished); err != nil {
			return g, err
		}
	}
	if !g.resumed {
		page, err := g.next(asking)
		if err != nil {
			return g, err
		}
		g.page = page
		if !page.Last && !chained {
			if err := g.takeUpAgain(ctx, unfinished); err != nil {
				return g, err
			}
		}
	}
	if err := g.finish(ctx, asking); err != nil {
		return g, err
	}
	if commit.Digest == g.attempt.Digest(g.buffer) && commit.Settled == g.settled() {
		g.buffer.Reset()
		r.answer.Reread++
		if !commit.Settled {
			// The run that committed it may have been killed before it could tell.
			r.answer.Unsettled++
			g.tellUnsettled()
		}
		r.memory.saw(commit.Start, g.attempt.Begun)
		return g, nil
	}
	return g, g.commit(ctx, commit)
}

// takeUpAgain goes on with what an earlier invocation has stored when it read the committed window again.
func (g *reading) takeUpAgain(ctx context.Context, which rawzone.Resuming) error {
	found, err := g.Zone.Resumable(ctx, g.attempt.Window.Start, which)
	if err != nil {
		return err
	}
	g.attempt.Number = found.Number + 1
	if len(found.Parts) == 0 || found.Request != g.attempt.Request || found.Window != g.attempt.Window {
		return nil
	}
	outdated, err := g.outdated(ctx, found.Forgotten)
	if err != nil || outdated {
		return err
	}
	return g.resume(found)
}

// resumableFor is how old a part may be that another reading of a committed window goes on from. It is much less
// than what the sweep waits, so that no part is deleted that a commit is about to name.
const resumableFor = 3 * 24 * time.Hour

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
