// Package preprocess makes the curated objects that have no receipt for their commit and their columns.
//
// It works as a build tool does that goes by content: it lists commits and receipts side by side and makes
// what is missing. Times are never compared, so a crash, a replay, a changed column list, an empty window and
// a late record are all the same case. It stands apart from curated, which knows what a record becomes, and
// from ingest, whose failures must not stop it.
package preprocess

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Config is what a run works with.
type Config struct {
	// Stream is the description of the stream of Raw.
	Stream *vendorapi.Stream
	// Raw is where commits and parts are read.
	Raw rawzone.Zone
	// Curated is where objects are put.
	Curated objectstore.Bucket
	// Announce tells other programs of a window's objects before its receipt is put; nil where nobody is to be told. Where
	// it fails, the window is left to a later run.
	Announce func(context.Context, telemetry.Announcement) error
	// TempDir is where an object is written before it is put; it needs room for one. Empty means os.TempDir.
	TempDir string
	// SafetyMargin is the time before the context's deadline that is kept free.
	SafetyMargin time.Duration
	// Clock is the time of day, by which the run keeps its deadline, and tells how old a receipt is.
	Clock func() time.Time
	// Logger takes a line for each window made and one for the run.
	Logger *slog.Logger
}

// Answer is what a run has done.
type Answer struct {
	Stream string `json:"stream"`
	// Windows is the number of windows that got their receipt.
	Windows int `json:"windows"`
	// Objects is the number of Parquet objects put, Rows and Quarantined what became of their records.
	Objects     int   `json:"objects"`
	Rows        int64 `json:"rows"`
	Quarantined int64 `json:"quarantined"`
	// Confirmed is the number of windows whose provisional receipts were found to hold.
	Confirmed int `json:"confirmed"`
	// Left is the number of windows that another run was found to be making; a later run looks at them again.
	Left int `json:"left"`
	// More says that the run stopped before its deadline with windows still to make.
	More bool `json:"more"`
	// Position is how far a past range has been made, for the next invocation to go on from.
	Position string `json:"position"`
	telemetry.Report
}

// Run makes every window that has a commit and no receipt for it, oldest first, as far as the context's
// deadline allows; a run begins at least one object. now is the time that the run stands for. A window that
// fails does not keep the others from being made; the error then names the first and counts the rest. It is
// [rawzone.ErrNewerFormat] where a newer release has been at work.
func Run(ctx context.Context, c Config, now time.Time) (Answer, error) {
	return do(ctx, c, now, "preprocess run", (*run).ordinary)
}

// do does work and logs what came of it.
func do(ctx context.Context, c Config, now time.Time, title string, work func(*run, context.Context) error) (Answer, error) {
	table, err := curated.NewTable(c.Stream)
	if err != nil {
		return Answer{}, err
	}
	r := &run{
		Config: c,
		names:  curated.Names{Vendor: c.Raw.Vendor, Stream: c.Raw.Stream},
		table:  table,
		pace:   pace{clock: c.Clock, margin: c.SafetyMargin},
		answer: Answer{Stream: c.Stream.Name, Report: telemetry.Report{Findings: []telemetry.Finding{}}},
		fields: fieldSet{},
		now:    now,
	}
	err = work(r, ctx)
	if err == nil {
		err = r.report(ctx)
	}
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelError
	}
	a := r.answer
	c.Logger.Log(ctx, level, title, "stream", a.Stream, "windows", a.Windows, "objects", a.Objects, "rows", a.Rows,
		"quarantined", a.Quarantined, "confirmed", a.Confirmed, "left", a.Left, "more", a.More, "position", a.Position,
		"findings", a.Found(), "error", err)
	return a, err
}

// run is the state of one call of [Run] or [Remake].
type run struct {
	Config
	names  curated.Names
	table  *curated.Table
	pace   pace
	answer Answer
	// fields are the undeclared fields seen, reason why the first quarantined record is where it is.
	fields fieldSet
	reason string
	now    time.Time
	// writer makes one object after the other; nil before the first.
	writer *curated.Writer
}

// ordinary makes what has no receipt from the mark on, moves the mark, and once a day looks at some of the days before it.
func (r *run) ordinary(ctx context.Context) error {
	mark, err := r.readMark(ctx)
	if err != nil {
		return err
	}
	pass := &pass{run: r, from: mark.Day}
	// Commits change no more that are older than what an audit looks at.
	settled := r.now.Add(-rawzone.AuditSpan(time.Duration(r.Stream.Lookback)))
	// open is the first window that is not done with, last the last one that has settled.
	var open, last time.Time
	err = pass.each(ctx, func(ref rawzone.CommitRef, there []objectstore.Object) error {
		if !ref.Start.After(settled) {
			last = ref.Start
		}
		done, err := r.missing(ctx, ref, there)
		if (err != nil || !done) && open.IsZero() {
			open = ref.Start
		}
		return err
	})
	if err != nil {
		return err
	}
	if !open.IsZero() && open.Before(last) {
		last = open
	}
	if !r.answer.More {
		if err := r.behind(ctx, &mark); err != nil {
			return err
		}
	}
	if err := r.moveMark(ctx, mark, last); err != nil {
		return err
	}
	return pass.failed()
}

// missing makes the window where it has no receipt for its commit and columns, and reports whether it is done with.
func (r *run) missing(ctx context.Context, ref rawzone.CommitRef, there []objectstore.Object) (done bool, err error) {
	// A further receipt is that of a slow run, which may have put objects under names of an older commit:
	// such a window is made again too.
	if len(there) == 1 && there[0].Key == r.names.Receipt(ref.Name, ref.ETag, r.table.Hash()) {
		switch {
		case there[0].Size == 0:
			return true, nil
		case r.Clock().Before(there[0].Modified.Add(longestRun)):
			return false, nil
		}
	}
	return false, r.window(ctx, ref, there, false)
}

// checkSpan is how much of the log behind the mark is looked at on one day.
const checkSpan = 30 * 24 * time.Hour

// behind looks, once a day, at a stretch of the log before the mark, the next one each day: windows committed there by a
// backfill that has ended early are made too.
func (r *run) behind(ctx context.Context, m *mark) error {
	today := r.now.UTC().Truncate(24 * time.Hour)
	if !today.After(m.Checked) {
		return nil
	}
	m.Checked = today
	if m.Day.IsZero() {
		return nil
	}
	first, any, err := r.Raw.First(ctx)
	if err != nil || !any || !first.Start.Before(m.Day) {
		return err
	}
	stretches := int64((m.Day.Sub(first.Start) + checkSpan - 1) / checkSpan)
	from := first.Start.Add(time.Duration(today.Unix()/(24*60*60)%stretches) * checkSpan)
	pass := &pass{run: r, from: from, to: earlier(from.Add(checkSpan), m.Day)}
	err = pass.each(ctx, func(ref rawzone.CommitRef, there []objectstore.Object) error {
		_, err := r.missing(ctx, ref, there)
		return err
	})
	return errors.Join(err, pass.failed())
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// pass goes once through the commits from a time on, and up to another where that is not zero, with their receipts.
type pass struct {
	*run
	from, to time.Time
	failures []error
}

// each calls visit for each commit, while there is time. What fails of one window does not keep the others from being
// visited; the pass remembers it.
func (p *pass) each(ctx context.Context, visit func(rawzone.CommitRef, []objectstore.Object) error) error {
	// A pass that ends early leaves its listings unfinished.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	receipts := p.receiptsFrom(ctx, p.from)
	defer receipts.stop()
	for ref, err := range p.Raw.Commits(ctx, p.from) {
		if err != nil {
			return err
		}
		if !p.to.IsZero() && !ref.Start.Before(p.to) {
			return nil
		}
		there, err := receipts.of(ref.Name)
		if err != nil {
			return err
		}
		err = visit(ref, there)
		switch {
		case err == nil:
		case errors.Is(err, errMore):
			p.answer.More = true
			return nil
		case errors.Is(err, errLeft):
			p.answer.Left++
		case ctx.Err() != nil, errors.Is(err, rawzone.ErrNewerFormat):
			return err
		default:
			p.Logger.Error("window failed", "stream", p.answer.Stream, "start", ref.Name, "error", err)
			p.failures = append(p.failures, err)
		}
	}
	return nil
}

// failed returns the first window's failure and counts the others.
func (p *pass) failed() error {
	switch len(p.failures) {
	case 0:
		return nil
	case 1:
		return p.failures[0]
	}
	return fmt.Errorf("%w (and %d further windows failed, see the log)", p.failures[0], len(p.failures)-1)
}
