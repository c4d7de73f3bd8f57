package vendorapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/windrow-data/windrow/functions/window"
)

// Options are what a [Client] takes from its surroundings. Now, Sleep, Random and Logger are required. All but Random and Hooks may
// be used by several goroutines at once, where pages are fetched ahead ([Paging.InFlight]).
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
	// Limits keeps the requests within the vendor's limit, also of what the client before has sent. Nil means limits of the
	// client's own, those of an ordinary run.
	Limits *Limits
	// Keeper keeps the secret where [Vendor.RenewsSecret], and is not used otherwise.
	Keeper Keeper
	// Hooks are what the description cannot say.
	Hooks Hooks
}

// Client reads one stream of a vendor, page by page. Its calls may not overlap, though its requests do ([Paging.InFlight]).
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
	limits  *Limits
	retry   Retry
	options Options
	// hooked is held while a hook is called.
	hooked  *sync.Mutex
	scanner *scanner
	stats   *counter
	page    *Page
	ahead   *ahead
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
		return nil, errors.New("vendorapi.Options: want Now, Sleep, Random and Logger, which may not be left out")
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
		limits:    o.Limits,
		retry:     v.Retry.withDefaults(),
		options:   o,
		scanner:   newScanner(s),
		hooked:    &sync.Mutex{},
		stats:     &counter{},
		page:      &Page{},
		ahead:     newAhead(s.inFlight()),
	}
	if c.limits == nil {
		c.limits = NewLimits(v, stream)
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
		return c.stats.counted()
	}
	return c.tokens.counted(c.stats.counted())
}

// Allowed returns how many requests the limit lets the client send within a time from now on, -1 for any number.
func (c *Client) Allowed(within time.Duration) int64 { return c.limits.most(c.options.Now(), within) }

// Page reads one page of the window. The page is read and checked whole before it is returned, so a
// connection that breaks in its midst is repeated without a trace; it is valid until the next call.
//
// Where the page before it was read last and has told the window's total, pages after it are fetched ahead, as
// [Paging.InFlight] says. They go on after the call returns, until ctx ends, another window is asked for or [Client.Stop] is called. The
// first page of a window has none fetched ahead.
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
	f := &fetch{request: r, window: w, page: at.Page, body: c.page.body, grow: growFreely}
	c.page.body = nil
	if f, err = c.fetched(ctx, f, at); err == nil {
		err = c.finish(ctx, f, at)
		c.page.body = f.body
	}
	if err != nil {
		c.ahead.drop()
		return nil, err
	}
	c.ahead.hand(c.parentKey(), w, c.page)
	return c.page, nil
}
