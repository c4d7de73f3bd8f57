// Package probe asks a real vendor a few cheap questions and says where its description is wrong.
//
// It stands apart from the acceptance test in vendortest, which proves that a description agrees with itself: only the vendor
// knows whether it agrees with the vendor. It asks with the client that ingest uses, so that what it sees is what ingest
// will see, and takes transport and clock as arguments. No value of a record stands in a report, but for times of records, which
// are the bounds that are asked for.
package probe

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// MostRequests is how many requests one stream is asked at most, repeated ones included.
const MostRequests = 12

// Options are what to ask and with what. Streams, From, Until and Transport may be left out.
type Options struct {
	Vendor *vendorapi.Vendor
	Secret vendorapi.Secret
	// Streams are the names of those to ask; none means all.
	Streams []string
	// From and Until bound the window that is looked at. Without From it is the day before Until, longer where that holds
	// nothing; without Until it ends a settle delay ago.
	From, Until time.Time
	// Transport sends requests; nil means one of the same guards as the functions' own.
	Transport http.RoundTripper
	// Now, Sleep and Random are as in [vendorapi.Options].
	Now    func() time.Time
	Sleep  func(context.Context, time.Duration) error
	Random func() float64
}

// Run asks each stream. Its error is one of the description, the secret or the options, or that ctx has ended; what the vendor
// answers stands in the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.Vendor.Validate(); err != nil {
		return nil, err
	}
	if !o.From.IsZero() && !o.Until.IsZero() && !o.From.Before(o.Until) {
		return nil, fmt.Errorf("the window from %s until %s: want a start before the end", o.From.Format(time.RFC3339), o.Until.Format(time.RFC3339))
	}
	var streams []*vendorapi.Stream
	for _, name := range o.Streams {
		s, err := o.Vendor.Stream(name)
		if err != nil {
			return nil, err
		}
		streams = append(streams, s)
	}
	for i := range o.Vendor.Streams {
		if len(o.Streams) == 0 {
			streams = append(streams, &o.Vendor.Streams[i])
		}
	}
	report := &Report{Vendor: o.Vendor.Name, BaseURL: o.Vendor.BaseURL}
	for _, s := range streams {
		p, err := newProber(o, s)
		if err != nil {
			return nil, err
		}
		p.ask(ctx)
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		p.report.Requests = p.wire.requests
		report.Streams = append(report.Streams, p.report)
	}
	return report, nil
}

// prober asks one stream.
type prober struct {
	options Options
	stream  *vendorapi.Stream
	wire    *wire
	table   *curated.Table
	times   *vendorapi.TimeReader
	keys    *vendorapi.KeyReader
	// connect returns a client of the stream, or of a variant of it, that asks over the wire.
	connect func(*vendorapi.Stream) (*vendorapi.Client, error)
	client  *vendorapi.Client
	report  StreamReport

	// seen are the records of the answers so far that were not asked for before, by key.
	seen  []record
	known map[uint64]bool
	// shift is what the records' times say of how far the vendor reads the bounds from where they were meant.
	shift shift
}

func newProber(o Options, s *vendorapi.Stream) (*prober, error) {
	transport := o.Transport
	if transport == nil {
		transport = vendorapi.GuardedTransport(o.Vendor.AllowPrivate)
	}
	p := &prober{options: o, stream: s, times: vendorapi.NewTimeReader(s), keys: vendorapi.NewKeyReader(s), known: map[uint64]bool{},
		report: StreamReport{Name: s.Name}, shift: anyShift}
	if o.Vendor.RenewsSecret() && !o.Vendor.Auth.Token.Refresh.Reusable {
		return nil, fmt.Errorf("the vendor %s replaces its refresh token with each use, and a probe cannot store the new one: describe auth with a bearer token for the while (Auth.Kind %q), and give a token that was fetched by hand",
			o.Vendor.Name, vendorapi.AuthBearer)
	}
	p.wire = newWire(transport, o.Vendor.LimitOf(s.Name), o.Now, o.Sleep)
	var err error
	if p.table, err = curated.NewTable(s); err != nil {
		return nil, err
	}
	p.connect = func(variant *vendorapi.Stream) (*vendorapi.Client, error) {
		v := *o.Vendor
		v.Streams = slices.Clone(o.Vendor.Streams)
		for i := range v.Streams {
			if v.Streams[i].Name == variant.Name {
				v.Streams[i] = *variant
			}
		}
		// A question that is not answered at the second attempt is not worth a third.
		v.Retry.MaxAttempts = 2
		return vendorapi.NewClient(v.OneByOne(), variant.Name, o.Secret, vendorapi.Options{
			Transport: p.wire, Now: o.Now, Sleep: o.Sleep, Random: o.Random, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
			Keeper: spender{o.Secret},
		})
	}
	p.client, err = p.connect(s)
	return p, err
}

// spender fetches tokens with the secret as it is. A new refresh token is let go: the old one stays good.
type spender struct{ secret vendorapi.Secret }

// Renew implements [vendorapi.Keeper].
func (s spender) Renew(ctx context.Context, _ string, spend func(context.Context, vendorapi.Secret) (vendorapi.Grant, error)) (vendorapi.Grant, error) {
	return spend(ctx, s.secret)
}

// record is one that the vendor has answered with.
type record struct {
	hash  uint64
	keyed bool
	at    time.Time
	timed bool
	json  []byte
}

// answer is one page, of the window that it was asked for.
type answer struct {
	window  window.Window
	request string
	records []record
	count   int
	total   int64
	last    bool
	next    vendorapi.Cursor
}

// page asks for a page of a window and remembers its records.
func (p *prober) page(ctx context.Context, c *vendorapi.Client, w window.Window, at vendorapi.Cursor) (*answer, error) {
	if p.wire.left() < 2 {
		return nil, errBudget
	}
	got, err := c.Page(ctx, w, at)
	if err != nil {
		return nil, err
	}
	a := &answer{window: w, request: c.Describe(w), count: got.Count, total: got.Total, last: got.Last, next: got.Next}
	add := func(line []byte) {
		r := record{json: append([]byte(nil), line...)}
		r.hash, r.keyed, _ = p.keys.Hash(line)
		r.at, r.timed = p.times.Time(line)
		a.records = append(a.records, r)
		if !r.keyed || !p.known[r.hash] {
			p.seen = append(p.seen, r)
		}
		if r.keyed {
			p.known[r.hash] = true
		}
	}
	for line := range got.Records() {
		add(line)
	}
	for line := range got.Others() {
		add(line)
	}
	return a, nil
}

// ask puts the questions in an order in which each builds on the answers before.
func (p *prober) ask(ctx context.Context) {
	first := p.askReachable(ctx)
	if first != nil && first.count > 0 {
		second := p.askPages(ctx, first)
		p.askPageSize(ctx, first)
		p.askTotal(ctx, first, second)
		p.askBounds(ctx, first)
		p.judgeKeys(first, second)
		p.judgeColumns()
	}
	p.judgeLimit()
}
