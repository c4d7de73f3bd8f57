// Package ingest takes one stream forward: from its watermark, window by window, as far as the vendor and
// the deadline allow. It then compares what is committed with what the vendor has by now, and replaces what
// has changed.
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
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/functions/forgotten"
	"github.com/windrow-data/windrow/functions/privacy"
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
	// MaxMoved is how many attempts at a window are abandoned because the vendor's counts did not agree; the one
	// after is committed whatever they do.
	MaxMoved = 2
	// MaxResumes is how often a window is taken up by a further invocation before one that does not finish it either
	// fails, so that somebody learns of a watermark that does not move although the vendor answers.
	MaxResumes = 100
	// RateWeight is the weight of the newest window in the records a second that a stream is seen to manage.
	RateWeight = 0.5
	// worthwhile is the part of an invocation's time that must be left for another window to be begun in it.
	worthwhile = 0.25
)

// Vendor is what ingest asks of a vendor's API. *vendorapi.Client has it. Page fails with
// [vendorapi.ErrDeadline] where the deadline of its context is what ends it. Allowed is how many requests may be sent within a
// time, -1 for any number. Stop ends what is fetched ahead of the page last asked for, and returns when nothing is under way.
type Vendor interface {
	Page(context.Context, window.Window, vendorapi.Cursor) (*vendorapi.Page, error)
	Describe(window.Window) string
	Stats() vendorapi.Stats
	Allowed(time.Duration) int64
	Stop()
}

// Config is what a run of ingest works with.
type Config struct {
	Stream *vendorapi.Stream
	Vendor Vendor
	Zone   rawzone.Zone
	// Parents is where a child stream has its parents from; nil for a stream that is none.
	Parents *Parents
	// PrivacyKey returns the key of the digests by which people are forgotten. It is asked only where the vendor's list names somebody; nil
	// makes that an error.
	PrivacyKey func(context.Context) (privacy.Key, error)
	// Run names this invocation, in lower-case letters and digits; no two invocations have one name.
	Run string
	// Genesis is where the stream's log begins if it has none yet. Zero means [GenesisBefore] the first
	// scheduled time.
	Genesis time.Time
	// CutWindow returns a time by which a window has to end, inside of the one that it is given; what is none cuts nothing. Nil
	// never cuts.
	CutWindow func(window.Window) time.Time
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

// Parents is where a child stream has its parents from.
type Parents struct {
	// Stream is the parent stream, Zone where its records are.
	Stream *vendorapi.Stream
	Zone   rawzone.Zone
	Reader *vendorapi.ParentReader
	// Of returns who is asked for the children of a parent. Its figures are those of the vendor that it is made of.
	Of func(vendorapi.ParentRecord) Vendor
}

// Answer is what ingest tells the state machine.
type Answer struct {
	// More says that there is more to ingest than there was time for.
	More bool `json:"more"`
	telemetry.Report
	// Position is how far a past range has been read, for the next invocation to go on from.
	Position string `json:"position"`

	Stream string `json:"stream"`
	// Watermark is where the next window starts; of a child stream, since when a parent has been due that is not read yet.
	Watermark time.Time `json:"watermark"`
	// Windows, of a child stream parents, were committed for the first time; of these, BackedOff had their span shortened and Resumed were
	// begun by an earlier invocation.
	Windows   int   `json:"windows"`
	BackedOff int   `json:"backedOff"`
	Resumed   int   `json:"resumed"`
	Attempts  int   `json:"attempts"`
	Pages     int   `json:"pages"`
	Parts     int   `json:"parts"`
	Records   int64 `json:"records"`
	// Withheld is how many records were given and not stored, since they are about people who are forgotten.
	Withheld int64 `json:"withheld"`
	// Counted is the number of counts that were compared with the vendor's, Reread that of the windows read
	// again. Of these, Replaced had changed; they have gained Late records.
	Counted  int   `json:"counted"`
	Reread   int   `json:"reread"`
	Replaced int   `json:"replaced"`
	Late     int64 `json:"late"`
	// Unreadable is how many parents the vendor refused to give the children of.
	Unreadable int `json:"unreadable"`
	// Unsettled is how many of the windows committed or replaced have counts that do not agree.
	Unsettled int `json:"unsettled"`
	// Overlapped is how many windows another run turned out to have committed meanwhile.
	Overlapped int `json:"overlapped"`
	// Swept is the number of parts deleted that no commit names.
	Swept int `json:"swept"`
	// Requests, Retries and Throttled count requests to the vendor, those for pages fetched ahead too; WaitSeconds is the time in
	// which any of them was held back by the vendor's limit or before it was repeated.
	Requests    int     `json:"requests"`
	Retries     int     `json:"retries"`
	Throttled   int     `json:"throttled"`
	WaitSeconds float64 `json:"waitSeconds"`
	// RatePerSecond is the records a second that the stream has been seen to manage, 0 until one was seen.
	RatePerSecond float64 `json:"ratePerSecond"`
}

// Run takes the stream forward until nothing more is settled before now or the deadline of ctx is near, and
// then audits the lookback. It returns an error where the vendor or the bucket failed, or where time ran out
// before anything could be stored. What was stored before stays, and the answer tells of it in either case.
func Run(ctx context.Context, config Config, now time.Time) (Answer, error) {
	return newRun(config, now).within(ctx, "ingest run", (*run).ordinary)
}

func newRun(config Config, now time.Time) *run {
	return &run{
		Config: config,
		vendor: config.Vendor,
		now:    now,
		began:  config.Clock(),
		buffer: rawzone.NewBuffer(config.PartBytes),
		key:    vendorapi.NewKeyReader(config.Stream),
		answer: Answer{Stream: config.Stream.Name, Report: telemetry.Report{Findings: []telemetry.Finding{}}},
	}
}

// within does work with a context for requests to the vendor that ends before the one for storing, and logs
// its figures, which the answer of a failed invocation does not reach anybody with.
func (r *run) within(ctx context.Context, title string, work func(r *run, ctx, asking context.Context) error) (Answer, error) {
	asking := ctx
	if deadline, ok := ctx.Deadline(); ok {
		// A function with less time than the margin would never ask for anything.
		margin := min(r.SafetyMargin, deadline.Sub(r.began)/2)
		r.deadline = deadline.Add(-margin)
		var cancel context.CancelFunc
		asking, cancel = context.WithDeadline(ctx, r.deadline)
		defer cancel()
	}
	before := r.Vendor.Stats()
	err := work(r, ctx, asking)
	// What was still under way would be frozen with the process, and counts.
	r.Vendor.Stop()
	after := r.Vendor.Stats()
	r.answer.Requests = after.Requests - before.Requests
	r.answer.Retries = after.Retries - before.Retries
	r.answer.Throttled = after.Throttled - before.Throttled
	r.answer.WaitSeconds = (after.Waited - before.Waited).Seconds()
	r.answer.RatePerSecond = r.rate
	if err == nil {
		r.tellThrottling()
	}
	level := slog.LevelInfo
	if err != nil {
		err = fmt.Errorf("stream %s: %w", r.Stream.Name, err)
		level = slog.LevelError
	}
	a := r.answer
	r.Logger.Log(ctx, level, title, telemetry.Figures("stream", a.Stream, "watermark", a.Watermark, "windows", a.Windows, "backedOff", a.BackedOff,
		"resumed", a.Resumed, "attempts", a.Attempts, "pages", a.Pages, "parts", a.Parts, "records", a.Records, "withheld", a.Withheld,
		"counted", a.Counted, "reread", a.Reread, "replaced", a.Replaced, "late", a.Late, "unreadable", a.Unreadable, "unsettled", a.Unsettled,
		"overlapped", a.Overlapped, "swept", a.Swept,
		"requests", a.Requests, "retries", a.Retries, "throttled", a.Throttled, "waitSeconds", a.WaitSeconds,
		"ratePerSecond", a.RatePerSecond, "more", a.More, "position", a.Position, "findings", a.Found(), "error", err)...)
	return a, err
}

// run is one invocation's work.
type run struct {
	Config
	// vendor is who is asked: the client, or that of the parent at hand; parent is that one's record.
	vendor   Vendor
	parent   jsontext.Value
	now      time.Time
	began    time.Time
	deadline time.Time // zero: none
	buffer   *rawzone.Buffer
	key      *vendorapi.KeyReader
	// fetched counts the records on the pages taken.
	fetched int64
	// toldOutside says that it has been told that records lie outside their window.
	toldOutside bool
	answer      Answer
	// filter takes out who is forgotten, once filtered says that the list was read.
	filter   *forgotten.Filter
	filtered bool
	rate     float64
	memory   memory
	// unlisted says that the commits are not listed: what is remembered of them is gone by.
	unlisted bool
	// listed is the newest commit of a stream that is a listing.
	listed *rawzone.Commit
	// rostered are the slots of the parents that a child stream goes on with.
	rostered map[time.Time]bool
}

// ordinary is a run of the schedule.
func (r *run) ordinary(ctx, asking context.Context) error {
	defer r.tellStaleness()
	work := r.windows
	if r.Parents != nil {
		work = r.children
	}
	err := work(ctx, asking)
	if ctx.Err() != nil || !r.memory.all {
		return err
	}
	return errors.Join(err, r.remember(ctx))
}

// windows takes a stream forward that is read by time, and then audits it.
func (r *run) windows(ctx, asking context.Context) error {
	if err := r.recall(ctx); err != nil {
		return err
	}
	newest, err := r.newest(ctx)
	if err != nil {
		return err
	}
	if err := r.forward(ctx, asking, newest); err != nil || r.answer.More {
		return err
	}
	if err := r.audit(ctx, asking); err != nil || r.answer.More {
		return err
	}
	return r.sweep(ctx, &r.memory.Sweeping, &r.memory.changed)
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

// fresh reports that nothing has been done yet: the first window is begun however little time there is, so that
// every invocation makes progress.
func (r *run) fresh() bool {
	return r.answer.Windows == 0 && r.answer.Reread == 0 && r.answer.Counted == 0 && r.answer.Unreadable == 0
}

// capacity returns how many records can still be fetched and stored, where a page has so many. A rate that was seen while the vendor's
// limit had room for it says nothing of what comes when that is used up.
func (r *run) capacity(page int) int64 {
	rate := r.rate
	if rate == 0 {
		rate = r.DefaultRate
	}
	capacity := window.Capacity(r.left(), 0, rate)
	if pages := r.vendor.Allowed(r.left()); pages >= 0 && page > 0 {
		// The page itself has been read.
		capacity = min(capacity, (pages+1)*int64(page))
	}
	return capacity
}

// request returns the hash of how the vendor is asked for w, and of what its answer is given of the parent.
func (r *run) request(w window.Window) string {
	sum := sha256.Sum256(append([]byte(r.vendor.Describe(w)), r.parent...))
	return hex.EncodeToString(sum[:8])
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

// find reports something that a person should know. The log has it too, for runs whose answer is lost.
func (r *run) find(kind telemetry.Kind, numbers telemetry.Numbers, message string) {
	r.Logger.Warn("finding", "stream", r.Stream.Name, "kind", string(kind), "message", message, "numbers", numbers)
	r.answer.Find(telemetry.Finding{
		Vendor: r.Zone.Vendor, Stream: r.Stream.Name, Kind: kind, Message: message, Numbers: numbers,
	})
}

// Throttling is worth a finding where at least so many requests, and so large a part of all, were too many for the vendor.
const (
	toldThrottled = 20
	toldShare     = 0.5
)

// tellThrottling reports that the vendor is asked for much more than it allows.
func (r *run) tellThrottling() {
	a := &r.answer
	if a.Throttled < toldThrottled || float64(a.Throttled) < toldShare*float64(a.Requests) {
		return
	}
	r.find(telemetry.VendorThrottles, telemetry.Numbers{
		"requests": float64(a.Requests), "throttled": float64(a.Throttled), "waitSeconds": a.WaitSeconds,
	}, fmt.Sprintf("the vendor refused %d of %d requests as too many; %.0f s were spent waiting", a.Throttled, a.Requests, a.WaitSeconds))
}

// tellStaleness says how far the watermark lies behind, also of a run that failed after it had learned it.
func (r *run) tellStaleness() {
	if r.answer.Watermark.IsZero() {
		return
	}
	seconds := r.now.Sub(r.answer.Watermark).Seconds()
	r.answer.StalenessSeconds = &seconds
}

// overlapped reports that another run has committed a window meanwhile. Nothing is lost or doubled by it, but
// the vendor has been asked for the same twice.
func (r *run) overlapped(w window.Window) {
	r.answer.Overlapped++
	r.find(telemetry.RunsOverlap, nil, fmt.Sprintf("window %s: another run has committed it while this one read it; nothing is lost or doubled", w))
}

// unfinished returns what an invocation ends with whose time ran out in the midst of a window: nil, and More, where a
// later one can go on from what is stored, and else an error, since nobody would be told otherwise.
func (r *run) unfinished(err error, g *reading) error {
	if g.attempt.Resumes >= MaxResumes {
		return fmt.Errorf("%w: window %s has been taken up %d times and is not finished, in attempt %d; does the vendor refuse to go on with a page that it gave before?",
			err, g.attempt.Window, g.attempt.Resumes, g.attempt.Number)
	}
	if r.fresh() && (r.answer.Parts == 0 || r.fetched == 0) {
		// A later invocation would fare no better.
		if r.answer.Parts > 0 {
			err = fmt.Errorf("%w: %d pages without a record, and more to come; is the end of a window described as the vendor shows it?", err, r.answer.Pages)
		}
		return err
	}
	r.answer.More = true
	return nil
}
