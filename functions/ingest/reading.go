package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// reading takes a window's pages one after the other and stores them as parts. The vendor's count is compared
// all along, and the records' keys are: where they do not agree, records may have shifted from page to page, and
// the window is read again as a new attempt.
type reading struct {
	*run
	attempt rawzone.Attempt
	// page is the one last read, nil where the next has to be asked for at cursor.
	page   *vendorapi.Page
	cursor vendorapi.Cursor
	last   bool
	// resumed says that the pages before the cursor were read by earlier invocations, until a page follows.
	resumed bool
	// number is the number of the page last taken, 0 before the first.
	number int
	// keys are those of the records given, but for those of the first uncounted parts of the attempt, which
	// earlier invocations have stored.
	keys      keySet
	uncounted int
	// hashes are those of the keys on the page at hand.
	hashes []uint64
	// uncountable says that an invocation's whole time was too short to count the keys.
	uncountable bool

	began    time.Time
	pagesNow int
	// recordsNow counts all records that the pages of this invocation held, those of other windows too: they
	// take as long, and the vendor's totals count them. Of these, outsideNow are far from what was asked for.
	recordsNow int64
	outsideNow int64
}

// choose asks for the first page of shorter and shorter windows until one fits. The page just read is then
// the window's page one. A window that an earlier invocation has left unfinished is gone on with instead. Only one of several
// pages can have been, so its listing waits for a first page that is not the last, except where another first page could cost
// the unfinished one its chain.
//
// A window whose only page has been read fits, however little time is left, and a listing is as long whatever the window. One that does not fit is taken all
// the same where no time is left to ask for a shorter one, or none is asked for in another way: a vendor that
// takes whole days gives as much for an hour as for the day.
func (g *reading) choose(ctx, asking context.Context, choice *window.Choice) error {
	chained := g.Stream.Paging.Chained()
	looked := chained && g.mayBeBegun(choice.Window().Start)
	if looked {
		if found, err := g.takeUp(ctx, choice.Window().Start); err != nil || found {
			return err
		}
	}
	for {
		w := choice.Window()
		// Each window's own records count for the rate, not those of the longer ones asked for before.
		g.began = g.Clock()
		page, err := g.vendor.Page(asking, w, vendorapi.Cursor{})
		if err != nil {
			return err
		}
		if !page.Last && !looked {
			looked = true
			if found, err := g.takeUp(ctx, w.Start); err != nil || found {
				return err
			}
		}
		request, backoffs := g.request(w), choice.Backoffs()
		fits := page.Last || g.Stream.Window.Listing != nil || g.left() < g.Clock().Sub(g.began)
		for !fits && g.request(choice.Window()) == request {
			fits = choice.Fits(page.Total, g.capacity(page.Count))
		}
		if fits {
			g.attempt.Window, g.attempt.Backoffs, g.attempt.Request = w, backoffs, request
			g.open(page)
			return nil
		}
		g.Logger.Debug("window shortened", "stream", g.Stream.Name, "from", w.End, "to", choice.Window().End,
			"announced", page.Total, "capacity", g.capacity(page.Count))
	}
}

// mayBeBegun reports whether an earlier run may have stored parts of the window that begins at start. One that does so where the
// first page would cost it its chain says so beforehand, see [reading.announce].
func (g *reading) mayBeBegun(start time.Time) bool {
	m := &g.memory
	return g.Parents != nil || m.Newest == nil || !m.Newest.End.Equal(start) || m.Unfinished.Equal(start)
}

// announce stores that parts of the window are about to be stored, where a later run would else not look for them before it asks
// for a first page.
func (g *reading) announce(ctx context.Context) error {
	start := g.attempt.Window.Start
	if !g.Stream.Paging.Chained() || g.Parents != nil || g.attempt.Replaces != "" || g.memory.Unfinished.Equal(start) || !g.memory.all {
		return nil
	}
	g.memory.Unfinished, g.memory.changed = start, true
	_, err := g.Zone.PutAudit(ctx, &g.memory.Audit)
	return err
}

// takeUp goes on with what an earlier invocation has stored of the window that begins at start, and reports whether
// there is any. Where the vendor is asked in another way by now its parts cannot be joined, and a new attempt begins.
func (g *reading) takeUp(ctx context.Context, start time.Time) (found bool, err error) {
	attempt, err := g.Zone.Resumable(ctx, start, rawzone.Resuming{})
	if err != nil {
		return false, err
	}
	if len(attempt.Parts) > 0 && attempt.Request == g.request(attempt.Window) {
		outdated, err := g.outdated(ctx, attempt.Forgotten)
		if err != nil {
			return false, err
		}
		if !outdated {
			return true, g.resume(attempt)
		}
	}
	g.attempt.Number, g.attempt.Moved = attempt.Number+1, attempt.Moved
	return false, nil
}

// open begins an attempt with its first page.
func (g *reading) open(page *vendorapi.Page) {
	g.page = page
	g.attempt.Announced, g.attempt.Total = page.Total, page.Total
}

// resume takes the attempt up where its stored parts end.
func (g *reading) resume(attempt rawzone.Attempt) error {
	g.attempt = attempt
	g.attempt.Resumes++
	g.resumed = true
	g.page, g.number, g.last = nil, attempt.Pages(), attempt.Complete
	g.uncounted = len(attempt.Parts)
	if err := json.Unmarshal([]byte(attempt.Next), &g.cursor); err != nil {
		return fmt.Errorf("the last part of window %s does not say how to go on: %w", attempt.Window, err)
	}
	return nil
}

// finish reads the window to its last page. Where it fails or time runs out, the pages read so far are
// stored first, for a later invocation to go on from. What it leaves in the buffer is for the caller to store or
// to drop.
func (g *reading) finish(ctx, asking context.Context) error {
	defer g.tellOutside()
	g.buffer.Reset()
	g.answer.Attempts++
	for {
		if g.last {
			if err := g.count(ctx); err != nil {
				return g.interrupted(ctx, err)
			}
			if g.settled() || g.attempt.Moved >= MaxMoved {
				return nil
			}
			if err := g.abandon(ctx, "its records are not as many as it announced, or come twice"); err != nil {
				return err
			}
		}
		if g.page == nil {
			page, err := g.next(asking)
			expired := g.Stream.Paging.Chained() && g.number > 0 && g.attempt.Moved < MaxMoved
			if (g.resumed || expired) && stale(err) {
				// The records have moved by a page since, or the token has expired: this attempt would meet the
				// same answer for ever. Where another attempt meets it too, nothing of this one is lost.
				g.Logger.Warn("the attempt cannot be gone on with", "stream", g.Stream.Name, "error", err)
				if !g.resumed {
					g.attempt.Moved++
				}
				g.again("the page it was to go on with is not given")
				continue
			}
			if err != nil {
				return g.interrupted(ctx, err)
			}
			g.page = page
		}
		if g.moved() && g.attempt.Moved < MaxMoved {
			if err := g.abandon(ctx, "its total moved"); err != nil {
				return err
			}
			continue
		}
		if err := g.take(ctx); err != nil {
			return err
		}
	}
}

// moved reports whether the page at hand announces another total than the attempt's first page did.
func (g *reading) moved() bool {
	return g.page.Total >= 0 && g.page.Total != g.attempt.Announced
}

// next asks for the page at the cursor, if there is time for another one.
func (g *reading) next(asking context.Context) (*vendorapi.Page, error) {
	if g.outOfTime() {
		return nil, vendorapi.ErrDeadline
	}
	page, err := g.vendor.Page(asking, g.attempt.Window, g.cursor)
	if err != nil {
		return nil, err
	}
	if g.cursor == (vendorapi.Cursor{}) {
		g.open(page)
	}
	return page, nil
}

// first begins the reading of a unit that has no commit, or goes on with what an earlier invocation has stored of it.
func (g *reading) first(ctx, asking context.Context) error {
	start := g.attempt.Window.Start
	chained := g.Stream.Paging.Chained() // see choose
	if chained {
		if found, err := g.takeUp(ctx, start); err != nil || found {
			return err
		}
	}
	page, err := g.next(asking)
	if err != nil {
		return err
	}
	g.page = page
	if page.Last || chained {
		return nil
	}
	_, err = g.takeUp(ctx, start)
	return err
}

// stale reports whether err is an answer that the page at the cursor would meet again.
func stale(err error) bool {
	return !errors.Is(err, vendorapi.ErrDeadline) && (errors.Is(err, vendorapi.ErrRefused) || errors.Is(err, vendorapi.ErrMalformed))
}

// outOfTime reports whether a page takes longer than what is left.
func (g *reading) outOfTime() bool {
	if g.pagesNow == 0 || g.deadline.IsZero() {
		return false
	}
	return g.left() < g.Clock().Sub(g.began)/time.Duration(g.pagesNow)
}

// take adds the page's records to the buffer and stores a part where it has grown to its size.
func (g *reading) take(ctx context.Context) error {
	if g.page.Kept > 0 {
		if err := g.learnForgotten(ctx); err != nil {
			return err
		}
	}
	g.buffer.Page(g.page.Number)
	g.hashes = g.hashes[:0]
	for record, key := range g.page.Keyed() {
		g.keep(record)
		g.note(key)
	}
	g.keys.addAll(g.hashes, true)
	g.hashes = g.hashes[:0]
	for _, key := range g.page.OthersKeyed() {
		g.note(key)
	}
	g.keys.addAll(g.hashes, false)
	if g.page.Untimed > 0 {
		g.Logger.Warn("records show no time to place them by and are kept in every window that meets them",
			"stream", g.Stream.Name, "start", g.attempt.Window.Start, "page", g.page.Number, "records", g.page.Untimed)
	}
	g.recordsNow += int64(g.page.Count)
	g.outsideNow += int64(g.page.Outside)
	g.fetched += int64(g.page.Count)
	g.pagesNow++
	g.resumed = false
	g.answer.Pages++
	if g.page.Total >= 0 {
		g.attempt.Total = g.page.Total
	}
	g.number, g.cursor, g.last = g.page.Number, g.page.Next, g.page.Last
	g.page = nil
	if g.last || g.buffer.Size() < g.PartBytes {
		return nil
	}
	return g.store(ctx)
}

// note remembers the key of a record for [keySet.addAll]. One without a key is distinct from all others.
func (g *reading) note(key vendorapi.Key) {
	if key.Known {
		g.hashes = append(g.hashes, key.Hash)
	}
}

// A window is worth a finding where at least so many records, and so large a part of those given for it, lie far outside it.
const (
	leastOutside = 2
	outsideShare = 0.5
)

// tellOutside reports, once an invocation, that the vendor seems not to take the window's parameters: it gives the same for
// each window, and the same is committed again and again.
func (g *reading) tellOutside() {
	if g.toldOutside || g.outsideNow < leastOutside || float64(g.outsideNow) < outsideShare*float64(g.recordsNow) {
		return
	}
	g.toldOutside = true
	g.find(telemetry.OutsideWindow, telemetry.Numbers{"outside": float64(g.outsideNow), "records": float64(g.recordsNow)},
		fmt.Sprintf("%d of %d records that the vendor gave for window %s show a time far outside it, as if it did not take the window's parameters",
			g.outsideNow, g.recordsNow, g.attempt.Window))
}

// abandon gives an attempt up for which the vendor's counts do not agree. Where no time is left for the next one,
// what has been read is stored, for a later invocation to judge: a run that stored nothing would be followed
// by others like it.
func (g *reading) abandon(ctx context.Context, why string) error {
	if g.outOfTime() {
		return g.interrupted(ctx, vendorapi.ErrDeadline)
	}
	g.attempt.Moved++
	g.again(why)
	return nil
}

// again begins the window's next attempt, at page one.
func (g *reading) again(why string) {
	g.Logger.Warn("window is read again: "+why, "stream", g.Stream.Name, "start", g.attempt.Window.Start,
		"end", g.attempt.Window.End, "attempt", g.attempt.Number, "announced", g.attempt.Announced,
		"total", g.attempt.Total, "seen", g.cursor.Seen, "duplicates", g.keys.duplicates)
	g.attempt = g.attempt.Again(later(g.now, g.attempt.Begun))
	g.resumed, g.uncountable = false, false
	g.page, g.number, g.cursor, g.last = nil, 0, vendorapi.Cursor{}, false
	g.keys.reset()
	g.uncounted = 0
	g.buffer.Reset()
	g.answer.Attempts++
}

// settled reports whether the vendor's count before, its count after, the records given, and their distinct keys
// agree.
func (g *reading) settled() bool {
	if g.uncountable || g.keys.duplicates > 0 {
		return false
	}
	return g.attempt.Announced < 0 || g.attempt.Announced == g.attempt.Total && g.attempt.Total == g.cursor.Seen
}

// interrupted stores what has been read and returns why. Where that fails, it is what the run has failed of,
// and not that time ran out.
func (g *reading) interrupted(ctx context.Context, why error) error {
	if g.buffer.Pages() == 0 {
		return why
	}
	if err := g.store(ctx); err != nil {
		return fmt.Errorf("%v; what was read before is not stored: %w", why, err)
	}
	return why
}

// store puts the pages at hand as a part that says how to go on after them.
func (g *reading) store(ctx context.Context) error {
	next, err := json.Marshal(g.cursor)
	if err != nil {
		return err
	}
	g.attempt.Next, g.attempt.Complete = string(next), g.last
	if !g.last {
		if err := g.announce(ctx); err != nil {
			return err
		}
	}
	if err := g.learnForgotten(ctx); err != nil {
		return err
	}
	pages, records := g.buffer.Pages(), g.buffer.Records()
	if err := g.Zone.Store(ctx, &g.attempt, g.buffer, g.Config.Run); err != nil {
		return err
	}
	g.answer.Parts++
	g.Logger.Debug("part stored", "stream", g.Stream.Name, "pages", pages, "records", records)
	return nil
}
