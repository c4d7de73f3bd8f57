// Package preprocess makes the curated objects that are not yet made of their commit with their columns.
//
// It works as a build tool does that goes by content: it lists commits and makes those that neither the mark nor a receipt says
// are done with, by the commit's ETag and the columns. Times are never compared, so a crash, a replay, a changed column list, an
// empty window and a late record are all the same case. The receipts are what counts; the mark remembers those of the last days, so
// that an idle run need not list them. A window without records whose commit is the first has none, since nothing can ever have been
// made of it.
//
// Days that change no more are compacted: the objects of their windows become one, see [run.compactDays]. Which days are read from where stands
// in one object, days.json.
//
// It stands apart from curated, which knows what a record becomes, and from ingest, whose failures must not stop it.
package preprocess

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/privacy"
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
	// PrivacyKey returns the key of digests. It is called before each object is made, and only where a column of the stream is hashed; nil
	// where none is. Where it fails, so does the run: no window can be made without.
	PrivacyKey func(context.Context) (privacy.Key, error)
	// Announce tells other programs of a window's objects before its receipt is put; nil where nobody is to be told. Where
	// it fails, the window is left to a later run.
	Announce func(context.Context, telemetry.Announcement) error
	// Forgotten tells other programs, before a window's receipt is put, that the vendor has forgotten people of whom the window has records;
	// nil where nobody is to be told. Where it fails, the window is left to a later run.
	Forgotten func(context.Context, telemetry.PersonForgotten) error
	// TempDir is where an object is written before it is put; it needs room for one. Empty means os.TempDir.
	TempDir string
	// CompactionOff has no further day compacted. Those that are stay so, and follow their windows.
	CompactionOff bool
	// KeepReplaced is how long objects are kept that a compaction has replaced, so that queries can go on reading them. Zero
	// means [DefaultKeepReplaced] (three days).
	KeepReplaced time.Duration
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
	// Windows is the number of windows that got their receipt, or were found to need none.
	Windows int `json:"windows"`
	// Objects is the number of Parquet objects put, Rows and Quarantined what became of their records.
	Objects     int   `json:"objects"`
	Rows        int64 `json:"rows"`
	Quarantined int64 `json:"quarantined"`
	// Confirmed is the number of windows whose provisional receipts were found to hold.
	Confirmed int `json:"confirmed"`
	// Left is the number of windows that another run was found to be making; a later run looks at them again.
	Left int `json:"left"`
	// Compacted is the number of days that were compacted, Deleted that of the objects deleted which compactions had replaced.
	Compacted int `json:"compacted,omitempty"`
	Deleted   int `json:"deleted,omitempty"`
	// More says that the run stopped before its deadline with windows still to make, or days to compact.
	More bool `json:"more"`
	// Position is how far a past range has been made, for the next invocation to go on from.
	Position string `json:"position"`
	telemetry.Report
}

// Run makes every window that has a commit and is not done with, oldest first, as far as the context's
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
		status: vendorapi.NewForgottenReader(c.Stream),
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
	c.Logger.Log(ctx, level, title, telemetry.Figures("stream", a.Stream, "windows", a.Windows, "objects", a.Objects, "rows", a.Rows,
		"quarantined", a.Quarantined, "confirmed", a.Confirmed, "left", a.Left, "compacted", a.Compacted, "deleted", a.Deleted, "more", a.More, "position", a.Position,
		"findings", a.Found(), "error", err)...)
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
	// status reads whether the vendor has forgotten somebody; nil where no record says so.
	status *vendorapi.ForgottenReader
	now    time.Time
	// writer makes one object after the other; nil before the first.
	writer *curated.Writer
	// looked says that this run has done what is done but once a day: looked behind the mark, or moved it.
	looked bool
	// touched says that days.json has the day of a window that was made; begun is the first day of such a window that it does not have.
	touched bool
	begun   time.Time
	// restored is how many days were in days.json when it was made again.
	restored int
	// keyless is why there is no key of digests.
	keyless error
}

// ordinary makes what is not done with from the mark on, once a day looks at some of the days before it, and moves it.
func (r *run) ordinary(ctx context.Context) error {
	mark, err := r.readMark(ctx)
	if err != nil {
		return err
	}
	pass := &pass{run: r, from: mark.Day}
	// Commits change no more that are older than what an audit looks at.
	settled := r.now.Add(-rawzone.AuditSpan(time.Duration(r.Stream.Lookback)))
	// open is the first window that is not done with, last the last one that has settled; passed are those before open.
	var open, last time.Time
	var passed daySums
	err = pass.each(ctx, func(ref rawzone.CommitRef, receipts func() ([]objectstore.Object, error)) error {
		if !ref.Start.After(settled) {
			last = ref.Start
		}
		state, err := r.look(ctx, &mark, ref, receipts)
		if state == unfinished && open.IsZero() {
			open = ref.Start
		}
		if open.IsZero() {
			passed.add(ref)
		}
		return err
	})
	if err != nil {
		return err
	}
	if !open.IsZero() && open.Before(last) {
		last = open
	}
	var behind error
	if !r.answer.More {
		behind = r.behind(ctx, &mark)
	}
	if behind == nil {
		if err := r.moveMark(ctx, &mark, last, passed); err != nil {
			return err
		}
	}
	r.noteDays(&mark)
	var compacting error
	if !r.answer.More {
		compacting = r.compactDays(ctx, &mark)
	}
	return errors.Join(behind, compacting, r.storeMark(ctx, mark), pass.failed())
}

// look makes the window where the mark does not say that it is done with. Windows that come after all that the mark knows have nearly
// always no receipts yet; the conditional puts of the first generation show where that is wrong.
func (r *run) look(ctx context.Context, m *mark, ref rawzone.CommitRef, receipts func() ([]objectstore.Object, error)) (state, error) {
	if m.Made[ref.Name] == ref.ETag {
		return finished, nil
	}
	var state state
	var err error
	if m.newest != "" && ref.Name > m.newest {
		state, err = r.window(ctx, ref, nil, false)
	} else {
		there, listing := receipts()
		if listing != nil {
			return unfinished, listing
		}
		state, err = r.missing(ctx, ref, there)
	}
	if state == blank || state == finished && !r.claimed(*m) {
		m.made(ref)
	}
	return state, err
}

// missing makes the window where it has no receipt for its commit and columns.
func (r *run) missing(ctx context.Context, ref rawzone.CommitRef, there []objectstore.Object) (state, error) {
	// A further receipt is that of a slow run, which may have put objects under names of an older commit:
	// such a window is made again too.
	if len(there) == 1 && there[0].Key == r.names.Receipt(ref.Name, ref.ETag, r.table.Hash()) {
		switch {
		case there[0].Size == 0:
			return finished, nil
		case r.Clock().Before(there[0].Modified.Add(longestRun)):
			return unfinished, nil
		}
	}
	return r.window(ctx, ref, &there, false)
}

// pass goes once through the commits from a time on, and up to another where that is not zero, with their receipts.
type pass struct {
	*run
	from, to time.Time
	failures []error
}

// each calls visit for each commit, while there is time, with what returns its receipts; they are listed where it is first called.
// What fails of one window does not keep the others from being visited; the pass remembers it.
func (p *pass) each(ctx context.Context, visit func(rawzone.CommitRef, func() ([]objectstore.Object, error)) error) error {
	// A pass that ends early leaves its listings unfinished.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var receipts *receipts
	defer func() {
		if receipts != nil {
			receipts.stop()
		}
	}()
	for ref, err := range p.Raw.Commits(ctx, p.from) {
		if err != nil {
			return err
		}
		if !p.to.IsZero() && !ref.Start.Before(p.to) {
			return nil
		}
		var listing error
		err = visit(ref, func() (there []objectstore.Object, err error) {
			if receipts == nil {
				receipts = p.receiptsFrom(ctx, ref.Start)
			}
			there, listing = receipts.of(ref.Name)
			return there, listing
		})
		if listing != nil {
			return listing
		}
		switch {
		case err == nil:
		case errors.Is(err, errMore):
			p.answer.More = true
			return nil
		case errors.Is(err, errLeft):
			p.answer.Left++
		case ctx.Err() != nil, p.keyless != nil, errors.Is(err, rawzone.ErrNewerFormat):
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
