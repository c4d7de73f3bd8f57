package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// reading takes a window's pages one after the other and stores them as parts. The vendor's count is compared
// all along: where it moves, the records may have shifted from page to page, and the window is read again as
// a new attempt.
type reading struct {
	*run
	attempt rawzone.Attempt
	// page is the one last read, nil where the next has to be asked for at cursor.
	page   *vendorapi.Page
	cursor vendorapi.Cursor
	last   bool
	// total is the vendor's count on the page last read, -1 where it gave none.
	total int64
	// resumed says that the pages before the cursor were read by earlier invocations.
	resumed bool
	// number is the number of the page last taken, 0 before the first.
	number int

	began      time.Time
	pagesNow   int
	recordsNow int64
}

// choose asks for the first page of shorter and shorter windows until one fits. The page just read is then
// the window's page one.
func (g *reading) choose(asking context.Context, choice *window.Choice) error {
	for {
		w := choice.Window()
		// Each window's own records count for the rate, not those of the longer ones asked for before.
		g.began = g.Clock()
		page, err := g.Vendor.Page(asking, w, vendorapi.Cursor{})
		if err != nil {
			return err
		}
		if choice.Fits(page.Total, g.capacity()) {
			g.page = page
			g.attempt.Window, g.attempt.Backoffs = w, choice.Backoffs()
			g.attempt.Request, g.attempt.Announced = g.request(w), page.Total
			return nil
		}
		g.Logger.Debug("window shortened", "stream", g.Stream.Name, "from", w.End, "to", choice.Window().End,
			"announced", page.Total, "capacity", g.capacity())
	}
}

// position takes the reading up where the stored parts end.
func (g *reading) position() error {
	g.last, g.total = g.attempt.Complete, g.attempt.Announced
	if err := json.Unmarshal([]byte(g.attempt.Next), &g.cursor); err != nil {
		return fmt.Errorf("the last part of window %s does not say how to go on: %w", g.attempt.Window, err)
	}
	return nil
}

// finish reads the window to its last page. Where it fails or time runs out, the pages read so far are
// stored first, for a later invocation to go on from.
func (g *reading) finish(ctx, asking context.Context) error {
	g.buffer.Reset()
	g.answer.Attempts++
	for !g.last {
		if g.page == nil {
			page, err := g.next(asking)
			if errors.Is(err, vendorapi.ErrRepeated) && g.resumed {
				// The records have moved by a page since: this attempt would meet the same page for ever.
				g.again("the page it was to go on with repeats the one before")
				continue
			}
			if err != nil {
				return g.interrupted(ctx, err)
			}
			g.page = page
		}
		if g.moved() && g.attempt.Moved < MaxMoved {
			g.again("its total moved")
			continue
		}
		if err := g.take(ctx); err != nil {
			return err
		}
		if g.last && !g.settled() && g.attempt.Moved < MaxMoved {
			g.again("its records are not as many as it announced")
		}
	}
	if g.buffer.Records() > 0 {
		return g.store(ctx)
	}
	return nil
}

// moved reports whether the page at hand announces another total than the attempt's first page did.
func (g *reading) moved() bool {
	return g.page.Total >= 0 && g.page.Total != g.attempt.Announced
}

// next asks for the page at the cursor, if there is time for another one.
func (g *reading) next(asking context.Context) (*vendorapi.Page, error) {
	if g.pagesNow > 0 && !g.deadline.IsZero() {
		each := g.Clock().Sub(g.began) / time.Duration(g.pagesNow)
		if g.left() < each {
			return nil, errOutOfTime
		}
	}
	page, err := g.Vendor.Page(asking, g.attempt.Window, g.cursor)
	if err != nil {
		return nil, g.asOutOfTime(err)
	}
	if g.cursor == (vendorapi.Cursor{}) {
		g.attempt.Announced = page.Total
	}
	return page, nil
}

// take adds the page's records to the buffer and stores a part where it has grown to its size.
func (g *reading) take(ctx context.Context) error {
	g.buffer.Page(g.page.Number)
	for record := range g.page.Records() {
		g.buffer.Add(record)
		g.recordsNow++
	}
	g.pagesNow++
	g.answer.Pages++
	if g.page.Total >= 0 {
		g.total = g.page.Total
	}
	g.number, g.cursor, g.last = g.page.Number, g.page.Next, g.page.Last
	g.page = nil
	if g.last || g.buffer.Size() < g.PartBytes {
		return nil
	}
	return g.store(ctx)
}

// again begins the window's next attempt, at page one.
func (g *reading) again(why string) {
	g.Logger.Warn("window is read again: "+why, "stream", g.Stream.Name, "start", g.attempt.Window.Start,
		"end", g.attempt.Window.End, "attempt", g.attempt.Number, "announced", g.attempt.Announced,
		"total", g.total, "seen", g.cursor.Seen)
	g.attempt.Number++
	g.attempt.Moved = min(g.attempt.Moved+1, MaxMoved)
	g.resumed = false
	g.attempt.Parts, g.attempt.Next, g.attempt.Complete = nil, "", false
	g.page, g.number, g.cursor, g.last = nil, 0, vendorapi.Cursor{}, false
	g.buffer.Reset()
	g.answer.Attempts++
}

// settled reports whether the vendor's count before, its count after, and the records given agree.
func (g *reading) settled() bool {
	if g.attempt.Announced < 0 {
		return true
	}
	return g.attempt.Announced == g.total && g.total == g.cursor.Seen
}

// interrupted stores what has been read and returns why.
func (g *reading) interrupted(ctx context.Context, why error) error {
	if g.buffer.Pages() == 0 {
		return why
	}
	if err := g.store(ctx); err != nil {
		return fmt.Errorf("%w; what was read before is not stored: %w", why, err)
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
	pages, records := g.buffer.Pages(), g.buffer.Records()
	if err := g.Zone.Store(ctx, &g.attempt, g.buffer, g.Config.Run); err != nil {
		return err
	}
	g.answer.Parts++
	g.Logger.Debug("part stored", "stream", g.Stream.Name, "pages", pages, "records", records)
	return nil
}
