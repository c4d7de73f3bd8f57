package vendorapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/time/rate"

	"github.com/windrow-data/windrow/functions/window"
)

// Options are what a [Client] takes from its surroundings. All but Transport are required.
type Options struct {
	// Transport sends requests. Nil means one of the client's own, which refuses TLS below 1.2 and, unless the
	// description allows them, addresses inside a network.
	Transport http.RoundTripper
	// Now is the clock that waits are measured by, the same that the contexts' deadlines are of.
	Now func() time.Time
	// Sleep waits, or fails when the context ends.
	Sleep func(context.Context, time.Duration) error
	// Random returns a number in [0, 1), for jitter.
	Random func() float64
	// Logger gets a line for each repeated request, and for each token.
	Logger *slog.Logger
	// Keeper keeps the secret where [Vendor.RenewsSecret], and is not used otherwise.
	Keeper Keeper
	// Hooks are what the description cannot say.
	Hooks Hooks
}

// Stats counts what a client has done since it was made.
type Stats struct {
	// Requests were sent, repeated ones included.
	Requests int
	// Retries are the repeated ones.
	Retries int
	// Throttled counts the answers that meant "too many requests".
	Throttled int
	// Waited is the time spent waiting before a repetition and for the rate limit.
	Waited time.Duration
	// Tokens counts the tokens fetched, the first one included. The requests for them are among Requests.
	Tokens int
}

// Client reads one stream of a vendor, page by page. Its calls may not overlap.
type Client struct {
	vendor *Vendor
	stream *Stream
	// authorize, signed and redact are all that knows the secret: from a field of the client fmt would print it.
	authorize func(request *http.Request, token string)
	redact    func(string) string
	signed    func(request *http.Request, body []byte) error
	// tokens is nil where no token has to be fetched.
	tokens  *tokenSource
	base    *url.URL
	http    *http.Client
	limiter *rate.Limiter
	retry   Retry
	options Options
	scanner *scanner
	stats   *Stats
	page    *Page
	// parent is the one that a child stream is read of.
	parent *ParentRecord
	// without leaves out what a record has of its own under the names of its parent's fields, keys reads the key of one with those.
	without *withoutNames
	keys    *KeyReader
}

// NewClient returns a client of the vendor's stream. Its error names the secret's fields that are missing,
// never a value.
func NewClient(v *Vendor, stream string, secret Secret, o Options) (*Client, error) {
	if err := v.Validate(); err != nil {
		return nil, err
	}
	s, err := v.Stream(stream)
	if err != nil {
		return nil, err
	}
	if err := v.CheckSecret(secret); err != nil {
		return nil, err
	}
	if o.Now == nil || o.Sleep == nil || o.Random == nil || o.Logger == nil {
		return nil, errors.New("vendorapi.Options: want Now, Sleep, Random and Logger, only Transport may be left out")
	}
	base, err := url.Parse(v.BaseURL)
	if err != nil {
		return nil, err
	}
	transport := o.Transport
	if transport == nil {
		transport = guardedTransport(v.AllowPrivate)
	}
	c := &Client{
		vendor:    v,
		stream:    s,
		signed:    func(r *http.Request, body []byte) error { return o.Hooks.Sign(r, body, secret) },
		authorize: func(r *http.Request, token string) { v.Auth.authorize(r, secret, token) },
		redact:    secret.redactor(v.Auth).Replace,
		base:      base,
		http:      &http.Client{Transport: transport, CheckRedirect: checkRedirect(base, "baseURL")},
		limiter:   v.LimitOf(stream).limiter(),
		retry:     v.Retry.withDefaults(),
		options:   o,
		scanner:   newScanner(s),
		stats:     &Stats{},
		page:      &Page{},
	}
	if v.Auth.Kind == AuthToken {
		if c.tokens, err = newTokenSource(v, stream, secret, transport, o); err != nil {
			return nil, err
		}
		c.redact = c.tokens.redact
		// From a field of the client fmt would print what a keeper holds.
		c.options.Keeper = nil
	}
	return c, nil
}

// Of returns a client that reads the child stream's records of one parent. It shares its limits, buffers and figures with
// c, so calls of the two may not overlap, and a page lasts until the next call of either.
func (c *Client) Of(parent ParentRecord) *Client {
	of := *c
	of.parent, of.without, of.keys = &parent, newWithoutNames(c.stream.Parent.Fields), NewKeyReader(c.stream)
	return &of
}

// Describe returns the request for the window's first page as it is sent, method, address and body, without
// credentials. Two readings with equal descriptions asked the vendor for the same.
func (c *Client) Describe(w window.Window) string {
	r, err := c.vendor.request(c.stream, c.scanner.bounds, c.parent, w, Cursor{})
	if err != nil {
		return "unusable request: " + err.Error()
	}
	return c.redact(r.String())
}

// Stats returns what the client has done so far.
func (c *Client) Stats() Stats {
	if c.tokens == nil {
		return *c.stats
	}
	return c.tokens.counted(*c.stats)
}

// Page reads one page of the window. The page is read and checked whole before it is returned, so a
// connection that breaks in its midst is repeated without a trace; it is valid until the next call.
//
// The window's bounds must be ones that [Stream.AlignDown] returns. Errors are [*RequestError]; where ctx is
// cancelled, they match its error. Only what [Options.Keeper] fails of comes as it is.
func (c *Client) Page(ctx context.Context, w window.Window, at Cursor) (*Page, error) {
	at.Page = max(at.Page, 1)
	if err := c.scanner.bounds.check(w); err != nil {
		return nil, fmt.Errorf("window %s: %w", w, err)
	}
	r, err := c.vendor.request(c.stream, c.scanner.bounds, c.parent, w, at)
	if err != nil {
		return nil, fmt.Errorf("window %s, page %d: %w", w, at.Page, err)
	}
	var last *failure
	sent := 0
	for attempt := 1; ; attempt++ {
		if err := c.pace(ctx); err != nil {
			return nil, stopped(err, c.fault(r, w, at, sent, last))
		}
		// A token may have come to its half in a wait.
		token, err := c.token(ctx, w, at)
		if err != nil {
			return nil, err
		}
		last = c.try(ctx, r, w, at, token)
		sent++
		if last == nil {
			return c.page, nil
		}
		if last.rejected && c.tokens.rejected(ctx, token) {
			c.options.Logger.WarnContext(ctx, "vendor rejects the token, a new one is fetched", "stream", c.stream.Name, "window", w.String(), "page", at.Page, "status", last.status)
			c.stats.Retries++
			attempt--
			continue
		}
		if last.throttled {
			c.stats.Throttled++
		}
		fault := c.fault(r, w, at, sent, last)
		if err := ctx.Err(); err != nil {
			return nil, stopped(err, fault)
		}
		if !last.retry || attempt == c.retry.MaxAttempts {
			return nil, fault
		}
		wait := c.retry.wait(attempt, last.retryAfter, c.options.Now(), c.options.Random())
		c.options.Logger.WarnContext(ctx, "vendor request is repeated", "stream", c.stream.Name, "window", w.String(), "page", at.Page,
			"attempt", attempt, "status", last.status, "throttled", last.throttled, "waitSeconds", wait.Seconds(), "reason", fault.Reason)
		if err := c.wait(ctx, wait); err != nil {
			return nil, stopped(err, fault)
		}
		c.stats.Retries++
	}
}

// token returns the token to send, empty where none has to be fetched.
func (c *Client) token(ctx context.Context, w window.Window, at Cursor) (string, error) {
	if c.tokens == nil {
		return "", nil
	}
	token, err := c.tokens.token(ctx)
	if err == nil {
		return token, nil
	}
	var request *RequestError
	if errors.As(err, &request) {
		request.Window, request.Page = w, at.Page
		return "", err
	}
	if ended := ctx.Err(); ended != nil {
		return "", stopped(ended, &RequestError{Window: w, Page: at.Page, Request: c.tokens.shown, Reason: shorten(c.redact(err.Error()))})
	}
	return "", err
}

func (c *Client) fault(r request, w window.Window, at Cursor, attempts int, last *failure) *RequestError {
	e := &RequestError{
		Window:   w,
		Parent:   c.parentKey(),
		Page:     at.Page,
		Request:  c.redact(r.String()),
		Attempts: attempts,
	}
	if last != nil {
		e.Status = last.status
		e.Throttled = last.throttled
		e.Reason = shorten(c.redact(last.reason))
		e.kinds = []error{last.kind}
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
