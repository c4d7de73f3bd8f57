package ingest

import (
	"context"
	"fmt"

	"github.com/windrow-data/windrow/functions/forgotten"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// compare goes through the records of the commit that the reading is about to replace, and returns how many of their keys
// the reading has too. Where records move, it carries the others over, in parts of their own after those of the reading:
// they are in a later window by now, which may not have been read since, and the lake would be without them until it is.
// Which version of a record counts is for the view to say; it prefers the later window's.
//
// It fails with [vendorapi.ErrDeadline] where time runs out that a later invocation has more of.
func (g *reading) compare(ctx context.Context, before *rawzone.Commit) (kept, carried int64, err error) {
	if err := g.learnForgotten(ctx); err != nil {
		return 0, 0, err
	}
	carrying := g.moves()
	if carrying && (g.uncountable || g.keys.sampled > 0) {
		g.notCarried("it has more records than keys can be held")
		carrying = false
	}
	for _, part := range before.Parts {
		if g.left() <= 0 {
			if carrying && !g.fresh() {
				return kept, carried, vendorapi.ErrDeadline
			}
			if carrying {
				g.notCarried("an invocation's time is too short to go through them; give the function more time or memory")
			}
			break
		}
		err := g.eachKey(ctx, part, func(hash uint64, record []byte) error {
			if !g.keys.samples(hash) {
				return nil
			}
			if g.keys.hasOwn(hash) {
				kept++
				return nil
			}
			if !carrying {
				return nil
			}
			record, verdict := g.filter.Apply(record)
			if verdict == forgotten.Withheld {
				return nil
			}
			g.buffer.Page(g.attempt.Pages() + 1)
			g.buffer.Add(record)
			carried++
			if g.buffer.Size() < g.PartBytes {
				return nil
			}
			return g.store(ctx)
		})
		if err != nil {
			return kept, carried, err
		}
	}
	if g.buffer.Records() > 0 {
		err = g.store(ctx)
	}
	return kept << g.keys.sampled, carried, err
}

// moves says that a record which a window gives no more is not gone: it is in a later one, or was listed when its time had not come.
// A parent's children are gone.
func (g *reading) moves() bool { return g.Stream.Audit == vendorapi.AuditReread && g.Parents == nil }

// notCarried reports that records that have left the window are not kept.
func (g *reading) notCarried(why string) {
	g.find(telemetry.NotCarried, telemetry.Numbers{"records": float64(g.attempt.Records())}, fmt.Sprintf("window %s is replaced without the records that have left it, which the lake lacks until they are read where they have moved to: %s", g.attempt.Window, why))
}

// late is how many records the window has gained since it was read before. kept is how many keys it had then and has still.
func (g *reading) late(before *rawzone.Commit, kept int64) int64 {
	if g.Parents != nil && before.ReadAt.Before(before.Start.Add(g.Stream.Settle.D())) {
		return 0 // The parent's time had not come, so none of its children was late.
	}
	// The keys of records that are withheld are no news.
	return max(0, g.keys.distinct()-g.attempt.Withheld()-kept)
}

// lateness logs how much the window has gained and lost since it was read before, so that a settle delay and a
// lookback can be chosen from data. kept is how many keys it had then and has still.
func (g *reading) lateness(before *rawzone.Commit, late, kept int64) {
	g.answer.Late += late
	g.Logger.Info("window replaced", "stream", g.Stream.Name, "start", before.Start, "end", before.End,
		"late", late, "gone", max(0, before.Records-before.Duplicates-kept),
		"notYetAfterSeconds", before.ReadAt.Sub(before.End).Seconds(), "byAfterSeconds", g.attempt.Begun.Sub(before.End).Seconds())
}
