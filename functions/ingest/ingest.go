// Package ingest takes one stream forward: from its watermark, window by window, as far as the vendor and
// the deadline allow.
//
// It is a library, apart from its main, so that a team can have a main of its own. It reads no clock and no
// environment. All it knows of earlier runs stands in the raw bucket (package rawzone), and all it knows of
// the vendor in the description that the client executes (package vendorapi).
package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

const (
	// GenesisBefore is how long before the first scheduled time a stream's log begins where no other genesis is set.
	GenesisBefore = 24 * time.Hour
	// UncountedSpan is the span asked for where the vendor reports no totals, so that nothing tells whether
	// a longer one would fit.
	UncountedSpan = time.Hour
	// MaxMoved is how many attempts at a window are abandoned because the vendor's total moved; the one
	// after reads on whatever the total does.
	MaxMoved = 2
	// RateWeight is the weight of the newest window in the records a second that a stream is seen to manage.
	RateWeight = 0.5
	// worthwhile is the part of an invocation's time that must be left for another window to be begun in it.
	worthwhile = 0.25
)

// Vendor is what ingest asks of a vendor's API. *vendorapi.Client has it. Page fails with
// [vendorapi.ErrDeadline] where the deadline of its context is what ends it.
type Vendor interface {
	Page(context.Context, window.Window, vendorapi.Cursor) (*vendorapi.Page, error)
	Describe(window.Window) string
	Stats() vendorapi.Stats
}

// Config is what a run of ingest works with.
type Config struct {
	Stream *vendorapi.Stream
	Vendor Vendor
	Zone   rawzone.Zone
	// Run names this invocation, in lower-case letters and digits; no two invocations have one name.
	Run string
	// Genesis is where the stream's log begins if it has none yet. Zero means [GenesisBefore] the first
	// scheduled time.
	Genesis time.Time
	// PartBytes is the compressed size at which a part is stored.
	PartBytes int64
	// SafetyMargin is how long before the deadline the vendor is asked for nothing more, at most half of the
	// time that there is.
	SafetyMargin time.Duration
	// DefaultRate is the records a second that the stream is taken to manage until a rate was seen.
	DefaultRate float64
	// Clock tells how much time is left; the time that windows are chosen by is the run's own.
	Clock  func() time.Time
	Logger *slog.Logger
}

// Answer is what ingest tells the state machine.
type Answer struct {
	// More says that there is more to ingest than there was time for.
	More     bool                `json:"more"`
	Findings []telemetry.Finding `json:"findings"`

	Stream string `json:"stream"`
	// Watermark is where the next window starts.
	Watermark time.Time `json:"watermark"`
	// Windows were committed; of these, BackedOff had their span shortened and Resumed were begun by an
	// earlier invocation.
	Windows   int   `json:"windows"`
	BackedOff int   `json:"backedOff"`
	Resumed   int   `json:"resumed"`
	Attempts  int   `json:"attempts"`
	Pages     int   `json:"pages"`
	Parts     int   `json:"parts"`
	Records   int64 `json:"records"`
	// Requests, Retries and Throttled count requests to the vendor; WaitSeconds is the time spent waiting
	// between them.
	Requests    int     `json:"requests"`
	Retries     int     `json:"retries"`
	Throttled   int     `json:"throttled"`
	WaitSeconds float64 `json:"waitSeconds"`
	// RatePerSecond is the records a second that the stream has been seen to manage, 0 until one was seen.
	RatePerSecond float64 `json:"ratePerSecond"`
}

// Run takes the stream forward until nothing more is settled before now or the deadline of ctx is near. It
// returns an error where the vendor or the bucket failed, or where time ran out before anything could be
// stored. What was stored before stays, and the answer tells of it in either case.
func Run(ctx context.Context, config Config, now time.Time) (Answer, error) {
	r := &run{
		Config: config,
		now:    now,
		began:  config.Clock(),
		buffer: rawzone.NewBuffer(),
		answer: Answer{Stream: config.Stream.Name, Findings: []telemetry.Finding{}},
	}
	// The vendor is asked for nothing that would end within the safety margin; storing may use it.
	asking := ctx
	if deadline, ok := ctx.Deadline(); ok {
		// A function with less time than the margin would never ask for anything.
		margin := min(config.SafetyMargin, deadline.Sub(r.began)/2)
		r.deadline = deadline.Add(-margin)
		var cancel context.CancelFunc
		asking, cancel = context.WithDeadline(ctx, r.deadline)
		defer cancel()
	}
	before := config.Vendor.Stats()
	err := r.forward(ctx, asking)
	after := config.Vendor.Stats()
	r.answer.Requests = after.Requests - before.Requests
	r.answer.Retries = after.Retries - before.Retries
	r.answer.Throttled = after.Throttled - before.Throttled
	r.answer.WaitSeconds = (after.Waited - before.Waited).Seconds()
	r.answer.RatePerSecond = r.rate
	if err != nil {
		err = fmt.Errorf("stream %s: %w", config.Stream.Name, err)
	}
	r.log(ctx, err)
	return r.answer, err
}

// log writes the run's figures, which the answer of a failed one does not reach anybody with.
func (r *run) log(ctx context.Context, err error) {
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelError
	}
	a := r.answer
	r.Logger.Log(ctx, level, "ingest run", "stream", a.Stream, "watermark", a.Watermark, "windows", a.Windows, "backedOff", a.BackedOff,
		"resumed", a.Resumed, "attempts", a.Attempts, "pages", a.Pages, "parts", a.Parts, "records", a.Records,
		"requests", a.Requests, "retries", a.Retries, "throttled", a.Throttled, "waitSeconds", a.WaitSeconds,
		"ratePerSecond", a.RatePerSecond, "more", a.More, "findings", len(a.Findings), "error", err)
}

// run is one invocation's work.
type run struct {
	Config
	now      time.Time
	began    time.Time
	deadline time.Time // zero: none
	buffer   *rawzone.Buffer
	// fetched counts the records on the pages taken.
	fetched int64
	answer  Answer
	rate    float64
	newest  *rawzone.Commit
	etag    string // of newest
}

// forward commits window after window.
func (r *run) forward(ctx, asking context.Context) error {
	start, err := r.watermark(ctx)
	if err != nil {
		return err
	}
	for {
		r.answer.Watermark = start
		choice, any := window.Choose(start, r.latest(start), r.policy())
		if !any {
			return nil
		}
		if r.answer.Windows > 0 && !r.worthwhile() {
			r.answer.More = true
			return nil
		}
		commit, err := r.window(ctx, asking, choice)
		switch {
		case errors.Is(err, rawzone.ErrLost):
			// The winner goes on from its own commit.
			r.Logger.Info("another run has committed this window", "stream", r.Stream.Name, "start", start)
			return nil
		case errors.Is(err, vendorapi.ErrDeadline):
			if r.answer.Windows == 0 && (r.answer.Parts == 0 || r.fetched == 0) {
				// A later invocation would fare no better, and nobody would be told of it.
				if r.answer.Parts > 0 {
					err = fmt.Errorf("%w: %d pages without a record, and more to come; is the end of a window described as the vendor shows it?", err, r.answer.Pages)
				}
				return err
			}
			r.answer.More = true
			return nil
		case err != nil:
			return err
		}
		start = commit.End
	}
}

// watermark returns where the next window starts, and remembers the newest commit.
func (r *run) watermark(ctx context.Context) (time.Time, error) {
	var err error
	r.newest, r.etag, err = r.Zone.Newest(ctx, r.now)
	if err != nil {
		return time.Time{}, err
	}
	if r.newest != nil {
		r.rate = r.newest.Rate
		return r.newest.End, nil
	}
	start := r.Genesis
	if start.IsZero() {
		start = r.now.Add(-GenesisBefore)
	}
	genesis, err := r.Zone.Genesis(ctx, rawzone.Genesis{Start: r.alignDown(start), Run: r.Config.Run, WrittenAt: r.now})
	return genesis.Start, err
}

// alignDown returns the latest bound no later than t that the vendor can be asked for and that a name can hold.
func (r *run) alignDown(t time.Time) time.Time {
	for {
		aligned := r.Stream.AlignDown(t.UTC().Truncate(time.Second))
		if t = aligned.Truncate(time.Second); t.Equal(aligned) {
			return t
		}
	}
}

// latest returns the latest end of a window from start: what has settled, cut to the longest span that the
// vendor accepts.
func (r *run) latest(start time.Time) time.Time {
	settled := r.now.Add(-r.Stream.Settle.D())
	if longest := r.Stream.LatestEnd(start); !longest.IsZero() && longest.Before(settled) {
		return longest
	}
	return settled
}

func (r *run) policy() window.Policy {
	policy := window.Policy{AlignDown: r.alignDown}
	if r.Stream.Total == (vendorapi.Total{}) {
		policy.FirstSpan = UncountedSpan
	}
	return policy
}

// left returns the time in which the vendor may still be asked.
func (r *run) left() time.Duration {
	if r.deadline.IsZero() {
		return 1<<63 - 1
	}
	return r.deadline.Sub(r.Clock())
}

// worthwhile reports whether enough time is left for another window. With little of it the span would be
// shortened for no other reason than that the invocation is old.
func (r *run) worthwhile() bool {
	if r.deadline.IsZero() {
		return true
	}
	return r.left().Seconds() >= worthwhile*r.deadline.Sub(r.began).Seconds()
}

// capacity returns how many records can still be fetched and stored.
func (r *run) capacity() int64 {
	rate := r.rate
	if rate == 0 {
		rate = r.DefaultRate
	}
	return window.Capacity(r.left(), 0, rate)
}

// window reads and commits one window: the one that an earlier invocation left unfinished, or else the one
// that choice arrives at.
func (r *run) window(ctx, asking context.Context, choice *window.Choice) (*rawzone.Commit, error) {
	attempt, err := r.Zone.Resumable(ctx, choice.Window().Start)
	if err != nil {
		return nil, err
	}
	reading := &reading{run: r, attempt: attempt, number: attempt.Pages(), began: r.Clock()}
	switch {
	case attempt.Number == 0:
		reading.attempt.Number = 1
		err = reading.choose(asking, choice)
	case len(attempt.Parts) == 0 || attempt.Request != r.request(attempt.Window):
		// The vendor is asked in another way than then: the old parts cannot be joined.
		reading.attempt = rawzone.Attempt{Number: attempt.Number + 1, Moved: attempt.Moved}
		reading.number = 0
		err = reading.choose(asking, choice)
	default:
		reading.attempt.Resumes++
		reading.resumed = true
		err = reading.position()
	}
	if err != nil {
		return nil, err
	}
	if err := reading.finish(ctx, asking); err != nil {
		return nil, err
	}
	return r.commit(ctx, reading)
}

// request returns the hash of how the vendor is asked for w.
func (r *run) request(w window.Window) string {
	sum := sha256.Sum256([]byte(r.Vendor.Describe(w)))
	return hex.EncodeToString(sum[:8])
}

// commit makes the reading count.
func (r *run) commit(ctx context.Context, reading *reading) (*rawzone.Commit, error) {
	attempt := &reading.attempt
	commit := &rawzone.Commit{
		Start:      attempt.Window.Start,
		End:        attempt.Window.End,
		Generation: 1,
		Attempt:    attempt.Number,
		Request:    r.Vendor.Describe(attempt.Window),
		Announced:  attempt.Announced,
		Records:    attempt.Records(),
		Settled:    reading.settled(),
		Backoffs:   attempt.Backoffs,
		Resumes:    attempt.Resumes,
		Pages:      reading.number,
		Rate:       r.seen(reading),
		Run:        r.Config.Run,
		WrittenAt:  r.now,
		Parts:      attempt.Parts,
		Lookback:   r.lookback(attempt.Window.End),
	}
	etag, err := r.Zone.Put(ctx, commit)
	if err != nil {
		return nil, err
	}
	r.newest, r.etag, r.rate = commit, etag, commit.Rate
	r.answer.Windows++
	r.answer.Records += commit.Records
	if commit.Backoffs > 0 {
		r.answer.BackedOff++
	}
	if commit.Resumes > 0 {
		r.answer.Resumed++
	}
	if !commit.Settled {
		r.answer.Findings = append(r.answer.Findings, telemetry.Finding{
			Vendor: r.Zone.Vendor, Stream: r.Stream.Name, Kind: telemetry.CountsUnsettled,
			Message: fmt.Sprintf("window %s: the vendor announced %d records and gave %d, and the two did not agree in %d attempts; it is committed as last given",
				commit.Window(), attempt.Total, reading.cursor.Seen, attempt.Number),
		})
	}
	r.Logger.Info("window committed", "stream", r.Stream.Name, "start", commit.Start, "end", commit.End,
		"records", commit.Records, "announced", commit.Announced, "pages", commit.Pages, "parts", len(commit.Parts),
		"backoffs", commit.Backoffs, "resumes", commit.Resumes, "attempt", commit.Attempt, "settled", commit.Settled,
		"rate", commit.Rate)
	return commit, nil
}

// seen returns the records a second that the stream is seen to manage, this reading included. A reading of
// less than two pages says more of the vendor's latency than of the rate.
func (r *run) seen(reading *reading) float64 {
	elapsed := r.Clock().Sub(reading.began).Seconds()
	if reading.pagesNow < 2 || reading.recordsNow == 0 || elapsed <= 0 {
		return r.rate
	}
	rate := float64(reading.recordsNow) / elapsed
	if r.rate == 0 {
		return rate
	}
	return RateWeight*rate + (1-RateWeight)*r.rate
}

// lookback returns what a commit that ends at end says of the earlier ones within the stream's lookback.
func (r *run) lookback(end time.Time) []rawzone.Summary {
	if r.newest == nil {
		return nil
	}
	var within []rawzone.Summary
	earliest := end.Add(-r.Stream.Lookback.D())
	newest := rawzone.Summary{Start: r.newest.Start, ETag: r.etag, Records: r.newest.Records}
	for _, summary := range slices.Concat(r.newest.Lookback, []rawzone.Summary{newest}) {
		if !summary.Start.Before(earliest) {
			within = append(within, summary)
		}
	}
	return within
}
