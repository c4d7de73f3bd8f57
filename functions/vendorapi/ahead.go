package vendorapi

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/windrow-data/windrow/functions/window"
)

// ahead fetches the pages of a window that follow on the one that is asked for, side by side, where the page before has told how
// many there are. A page is asked for with the cursor that it will have if all goes on as it did. Where it turns out to have
// another, what was fetched for it is dropped: nothing that a caller gets depends on what was foreseen.
//
// A page ahead is asked for once. Where that brings nothing, or needs a new token, it is asked for again in its turn, so that an
// ailing vendor is not pressed harder than by one page after the other.
//
// Its fields are for the goroutine that calls the client alone, but for what the pages under way have of their own.
type ahead struct {
	// inFlight is how many requests may be under way, most how many are let just now: fewer after the vendor has throttled.
	inFlight, most int
	handed         handed
	// queue are the pages under way or there, in order.
	queue []*pageAhead
	// ended gets a value when a request has ended.
	ended   chan struct{}
	running sync.WaitGroup
	room    room
}

// handed is what the page handed out last tells of those to come.
type handed struct {
	window window.Window
	parent string
	next   Cursor
	total  int64
	// count is how many records it has, 0 where nothing is foreseen; bytes is its size.
	count, bytes int
}

// pageAhead is a fetch in a goroutine of its own.
type pageAhead struct {
	*fetch
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
	// left is closed when the request may leave, or never will.
	left chan struct{}
	// err is why the request did not leave.
	err error
	// place is what its body may take of the room.
	place place
}

// mostAhead is how many pages may be under way or there for each one that may be under way, so that a slow answer does not keep
// the others from being asked for.
const mostAhead = 2

// errNotAhead says that a page cannot be asked for before its turn.
var errNotAhead = errors.New("this page cannot be asked for ahead of its turn")

func newAhead(inFlight int) *ahead {
	return &ahead{inFlight: inFlight, most: inFlight, ended: make(chan struct{}, 1), room: room{freed: make(chan struct{})}}
}

// foresees reports whether it is known that the page at the cursor is there, and how many follow.
func (a *ahead) foresees(parent string, w window.Window, at Cursor) bool {
	h := &a.handed
	return a.inFlight > 1 && h.count > 0 && h.window == w && h.parent == parent && h.next.Page == at.Page && h.next.Seen == at.Seen && at.Seen < h.total
}

// hand remembers a page that is handed out.
func (a *ahead) hand(parent string, w window.Window, p *Page) {
	count := p.Count
	if h := &a.handed; h.window == w && h.parent == parent {
		// One page with fewer is no reason to expect more of them.
		count = max(count, h.count)
	}
	a.handed = handed{window: w, parent: parent, next: p.Next, total: p.Total, count: count, bytes: p.Bytes}
	a.most = min(a.most+1, a.inFlight)
	if p.Last {
		a.drop()
	}
}

// drop has done with all that was fetched ahead, without waiting for it to end.
func (a *ahead) drop() {
	for _, p := range a.queue {
		p.cancel()
		p.place.leave()
		select {
		case <-p.done:
			a.room.keep(p.body)
		default: // What is still under way may write to its body.
		}
	}
	a.queue, a.handed = a.queue[:0], handed{}
}

// fetched returns what has been fetched of the page that f is to fetch, or f itself where nothing has. While it waits for the
// page it has those after it asked for. Its error is that of ctx.
func (c *Client) fetched(ctx context.Context, f *fetch, at Cursor) (*fetch, error) {
	a := c.ahead
	if !a.foresees(c.parentKey(), f.window, at) {
		a.drop()
		return f, nil
	}
	if len(a.queue) > 0 && !a.queue[0].request.equal(f.request) {
		foreseen := a.handed
		a.drop()
		a.handed = foreseen
	}
	if len(a.queue) == 0 {
		c.start(ctx, f, place{room: &a.room}, c.token)
	} else {
		a.room.keep(f.body)
	}
	p := a.queue[0]
	p.place.leave()
	for waiting := true; waiting; {
		c.fill(ctx, at)
		select {
		case <-p.done:
			waiting = false
		case <-a.ended:
		case <-ctx.Done():
			return nil, stopped(ctx.Err(), c.fault(&fetch{request: f.request, window: f.window, page: f.page}))
		}
	}
	defer p.cancel()
	a.queue = slices.Delete(a.queue, 0, 1)
	if p.last != nil && p.last.throttled {
		a.most = 1
	}
	if p.err != nil || p.ctx.Err() != nil && p.last != nil {
		// It was kept from leaving, or cut off, by what this call is not bound by; if it is too, it will meet the same.
		return &fetch{request: f.request, window: f.window, page: f.page, body: p.body, grow: growFreely}, nil
	}
	return p.fetch, nil
}

// fill has as many pages asked for as may be under way, after the one at the cursor, which is the first in the queue.
func (c *Client) fill(ctx context.Context, at Cursor) {
	a := c.ahead
	underWay := 0
	for _, p := range a.queue {
		select {
		case <-p.done:
			if p.last != nil && p.last.throttled {
				return
			}
		default:
			underWay++
		}
	}
	for ; underWay < a.most && len(a.queue) < mostAhead*a.most; underWay++ {
		n := len(a.queue)
		next := Cursor{Page: at.Page + n, Seen: at.Seen + int64(n)*int64(a.handed.count)}
		if next.Seen >= a.handed.total || next.Page > c.stream.Paging.maxPages() {
			return
		}
		w := a.handed.window
		r, err := c.vendor.request(c.stream, c.scanner.bounds, c.parent, w, next)
		if err != nil {
			return
		}
		place, body, ok := a.room.take(a.handed.bytes + a.handed.bytes/8)
		if !ok {
			return
		}
		c.start(ctx, &fetch{request: r, window: w, page: next.Page, body: body}, place, c.heldToken)
	}
}

// start has a page asked for by a goroutine, after the last one in the queue, to which it is added.
func (c *Client) start(ctx context.Context, f *fetch, at place, token func(context.Context, *fetch) (string, error)) {
	a := c.ahead
	p := &pageAhead{fetch: f, done: make(chan struct{}), left: make(chan struct{}), place: at}
	p.ctx, p.cancel = context.WithCancel(ctx)
	f.leave, f.grow = sync.OnceFunc(func() { close(p.left) }), p.place.grow
	var before <-chan struct{}
	if n := len(a.queue); n > 0 {
		before = a.queue[n-1].left
	}
	a.queue = append(a.queue, p)
	a.running.Go(func() {
		defer func() {
			f.leave()
			close(p.done)
			select {
			case a.ended <- struct{}{}:
			default:
			}
		}()
		if before != nil {
			select {
			case <-before:
			case <-p.ctx.Done():
			}
		}
		p.err = c.ask(p.ctx, f, token)
	})
}

// heldToken returns a token that need not be renewed: that is for a page to do whose turn it is.
func (c *Client) heldToken(ctx context.Context, _ *fetch) (string, error) {
	if c.tokens == nil {
		return "", nil
	}
	if token, ok := c.tokens.held(ctx); ok {
		return token, nil
	}
	return "", errNotAhead
}

// Stop ends what is fetched ahead, and returns when nothing of it is under way any more. It is called before a function's
// invocation ends, since what runs on then is frozen with the process. The client can be used on, and the last page is still
// valid.
func (c *Client) Stop() {
	c.ahead.drop()
	c.ahead.running.Wait()
}
