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
	"iter"
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
	// TempDir is where an object is written before it is put; it needs room for one. Empty means os.TempDir.
	TempDir string
	// SafetyMargin is the time before the context's deadline that is kept free.
	SafetyMargin time.Duration
	// Clock is the time of day, by which the run keeps its deadline.
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
	// Left is the number of windows that another run was found to be making; a later run looks at them again.
	Left int `json:"left"`
	// More says that the run stopped before its deadline with windows still to make.
	More     bool                `json:"more"`
	Findings []telemetry.Finding `json:"findings"`
}

// Run makes every window that has a commit and no receipt for it, oldest first, as far as the context's
// deadline allows; a run begins at least one object. now is the time that the run stands for. A window that
// fails does not keep the others from being made; the error then names the first and counts the rest. It is
// [rawzone.ErrNewerFormat] where a newer release has been at work.
func Run(ctx context.Context, c Config, now time.Time) (Answer, error) {
	table, err := curated.NewTable(c.Stream)
	if err != nil {
		return Answer{}, err
	}
	r := &run{
		Config:  c,
		names:   curated.Names{Vendor: c.Raw.Vendor, Stream: c.Raw.Stream},
		table:   table,
		pace:    pace{clock: c.Clock, margin: c.SafetyMargin},
		answer:  Answer{Stream: c.Stream.Name, Findings: []telemetry.Finding{}},
		fields:  fieldSet{},
		settled: now.Add(-time.Duration(c.Stream.Lookback)),
	}
	err = r.windows(ctx)
	if err == nil {
		err = r.report(ctx)
	}
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelError
	}
	a := r.answer
	c.Logger.Log(ctx, level, "preprocess run", "stream", a.Stream, "windows", a.Windows, "objects", a.Objects, "rows", a.Rows,
		"quarantined", a.Quarantined, "left", a.Left, "more", a.More, "findings", len(a.Findings), "error", err)
	return a, err
}

// run is the state of one call of [Run].
type run struct {
	Config
	names  curated.Names
	table  *curated.Table
	pace   pace
	answer Answer
	// fields are the undeclared fields seen, reason why the first quarantined record is where it is.
	fields fieldSet
	reason string
	// settled is the time before which commits change no more.
	settled time.Time
}

// windows makes what has no receipt, and moves the mark.
func (r *run) windows(ctx context.Context) error {
	// A run that ends early leaves its listings unfinished.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	mark, err := r.readMark(ctx)
	if err != nil {
		return err
	}
	receipts := r.receiptsFrom(ctx, mark)
	defer receipts.stop()

	// open is the first window without a receipt, last the last one that began before the lookback.
	var open, last time.Time
	var failures []error
	for ref, err := range r.Raw.Commits(ctx, mark.Day) {
		if err != nil {
			return err
		}
		there, err := receipts.of(ref.Name)
		if err != nil {
			return err
		}
		if !ref.Start.After(r.settled) {
			last = ref.Start
		}
		// A further receipt is that of a slow run, which may have put objects under names of an older commit:
		// such a window is made again too.
		if len(there) == 1 && there[0] == r.names.Receipt(ref.Name, ref.ETag, r.table.Hash()) {
			continue
		}
		if !r.pace.allows(ctx, 0) {
			err = errMore
		} else {
			err = r.window(ctx, ref, there)
		}
		if err == nil {
			continue
		}
		if open.IsZero() {
			open = ref.Start
		}
		switch {
		case errors.Is(err, errMore):
			r.answer.More = true
		case errors.Is(err, errLeft):
			r.answer.Left++
			continue
		case ctx.Err() != nil, errors.Is(err, rawzone.ErrNewerFormat):
			return err
		default:
			r.Logger.Error("window failed", "stream", r.answer.Stream, "start", ref.Name, "error", err)
			failures = append(failures, err)
			continue
		}
		break
	}
	if !open.IsZero() && open.Before(last) {
		last = open
	}
	if err := r.moveMark(ctx, mark, last); err != nil {
		return err
	}
	switch len(failures) {
	case 0:
		return nil
	case 1:
		return failures[0]
	}
	return fmt.Errorf("%w (and %d further windows failed, see the log)", failures[0], len(failures)-1)
}

// receipts reads the listing of receipts in step with that of commits: both are in the order of the names.
type receipts struct {
	names curated.Names
	next  func() (objectstore.Object, error, bool)
	stop  func()
	// ahead is the receipt that the listing stands at, and its start.
	ahead string
	start string
	ended bool
}

func (r *run) receiptsFrom(ctx context.Context, m mark) *receipts {
	startAfter := ""
	if !m.Day.IsZero() {
		startAfter = r.names.Receipts() + rawzone.FormatTime(m.Day)
	}
	next, stop := iter.Pull2(r.Curated.List(ctx, r.names.Receipts(), startAfter))
	return &receipts{names: r.names, next: next, stop: stop}
}

// of returns the keys of the window's receipts. Windows are asked for in the order of their names.
func (r *receipts) of(startName string) (keys []string, err error) {
	for !r.ended && r.start <= startName {
		if r.start == startName {
			keys = append(keys, r.ahead)
		}
		object, err, ok := r.next()
		if err != nil {
			return nil, err
		}
		r.ended = !ok
		r.ahead = object.Key
		r.start, _ = r.names.ReceiptStart(object.Key)
	}
	return keys, nil
}
