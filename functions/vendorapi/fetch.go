package vendorapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/windrow-data/windrow/functions/window"
)

// fetch is the asking for one page, from the first request for it until its answer is there.
type fetch struct {
	request request
	window  window.Window
	page    int

	// failures counts the requests that brought no page, but for those whose token was rejected; sent counts all.
	failures, sent int
	// number is the latest request's among those that the limits count, token what it is authorized by.
	number int
	token  string
	// answer has come, with the body shown, which is all of a page's. past says that it holds no records, whatever it looks like.
	answer *http.Response
	shown  []byte
	past   bool
	// body is the buffer that a page's body is read into.
	body []byte
	// last is why the latest request brought no page.
	last     *failure
	failedAt time.Time
	// grow makes space in the body for n bytes more.
	grow func(ctx context.Context, body []byte, n int) ([]byte, error)
	// leave is called when the request may leave, so that the page after it is asked for after it; nil where none waits for it.
	leave func()
}

// ask sends the request once, and leaves its answer or its failure in f. It returns an error where the request does not leave.
func (c *Client) ask(ctx context.Context, f *fetch, token func(context.Context, *fetch) (string, error)) error {
	f.answer, f.last = nil, nil
	var err error
	if f.number, err = c.pace(ctx); err != nil {
		return stopped(err, c.fault(f))
	}
	if f.leave != nil {
		f.leave()
	}
	// A token may have come to its half in a wait.
	if f.token, err = token(ctx, f); err != nil {
		return err
	}
	f.last = c.send(ctx, f)
	f.sent++
	if f.last == nil {
		return nil
	}
	f.failedAt = c.options.Now()
	if f.last.throttled {
		// Whoever else asks waits too, at least for as long as this request does before it is repeated.
		c.stats.count(func(s *Stats) { s.Throttled++ })
		c.limits.hold(f.failedAt.Add(c.retry.wait(f.failures+1, f.last.retryAfter, f.failedAt, 1)))
	}
	return nil
}

// finish asks for a page until its records are found, and makes c.page of it. What has been asked already is gone on with.
func (c *Client) finish(ctx context.Context, f *fetch, at Cursor) error {
	for {
		if f.answer == nil && f.last == nil {
			if err := c.ask(ctx, f, c.token); err != nil {
				return err
			}
		}
		if f.last == nil {
			f.last, f.failedAt = c.accept(f, at), c.options.Now()
		}
		if f.last == nil {
			return nil
		}
		if err := c.failed(ctx, f); err != nil {
			return err
		}
		f.answer, f.last = nil, nil
	}
}

// failed waits until the request may be repeated, or says why it is not.
func (c *Client) failed(ctx context.Context, f *fetch) error {
	last := f.last
	logger := c.options.Logger.With("stream", c.stream.Name, "window", f.window.String(), "page", f.page)
	if last.rejected && c.tokens.rejected(ctx, f.token) {
		logger.WarnContext(ctx, "vendor rejects the token, a new one is fetched", "status", last.status)
		c.stats.count(func(s *Stats) { s.Retries++ })
		return nil
	}
	f.failures++
	fault := c.fault(f)
	if err := ctx.Err(); err != nil {
		return stopped(err, fault)
	}
	if !last.retry || f.failures == c.retry.MaxAttempts {
		return fault
	}
	now := c.options.Now()
	// Of a page fetched ahead, some of the wait may be over.
	wait := c.retry.wait(f.failures, last.retryAfter, f.failedAt, c.options.Random()) - now.Sub(f.failedAt)
	logger.WarnContext(ctx, "vendor request is repeated",
		"attempt", f.failures, "status", last.status, "throttled", last.throttled, "waitSeconds", max(wait, 0).Seconds(), "reason", fault.Reason)
	if err := c.wait(ctx, wait); err != nil {
		return stopped(err, fault)
	}
	c.stats.count(func(s *Stats) { s.Retries++ })
	return nil
}

// token returns the token to send, empty where none has to be fetched.
func (c *Client) token(ctx context.Context, f *fetch) (string, error) {
	if c.tokens == nil {
		return "", nil
	}
	token, err := c.tokens.token(ctx)
	if err == nil {
		return token, nil
	}
	var request *RequestError
	if errors.As(err, &request) {
		request.Window, request.Page = f.window, f.page
		return "", err
	}
	if ended := ctx.Err(); ended != nil {
		return "", stopped(ended, &RequestError{Window: f.window, Page: f.page, Request: c.tokens.shown, Reason: shorten(c.redact(err.Error()))})
	}
	return "", err
}

func (c *Client) fault(f *fetch) *RequestError {
	e := &RequestError{
		Window:   f.window,
		Parent:   c.parentKey(),
		Page:     f.page,
		Request:  c.redact(f.request.String()),
		Attempts: f.sent,
	}
	if f.last != nil {
		e.Status = f.last.status
		e.Throttled = f.last.throttled
		e.Reason = shorten(c.redact(f.last.reason))
		e.kinds = []error{f.last.kind}
	}
	return e
}

// stopped makes of a failure one of the caller's own: its deadline, or its cancelling.
func stopped(err error, e *RequestError) *RequestError {
	kinds := []error{err}
	if errors.Is(err, context.DeadlineExceeded) {
		kinds = []error{ErrDeadline, err}
	}
	e.kinds = append(kinds, e.kinds...)
	return e
}

// wait sleeps for d, and fails with [ErrDeadline] without sleeping where that would pass the deadline.
func (c *Client) wait(ctx context.Context, d time.Duration) error {
	c.stats.begin(c.options.Now())
	_, err := c.options.wait(ctx, d)
	c.stats.end(c.options.Now())
	return err
}

// wait sleeps for d, and returns how long it has begun to sleep for.
func (o Options) wait(ctx context.Context, d time.Duration) (time.Duration, error) {
	if d <= 0 {
		return 0, ctx.Err()
	}
	if deadline, ok := ctx.Deadline(); ok && !o.Now().Add(d).Before(deadline) {
		return 0, ErrDeadline
	}
	return d, o.Sleep(ctx, d)
}
