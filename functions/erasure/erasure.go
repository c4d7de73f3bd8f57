// Package erasure takes one person out of a lake, and hands out what a lake holds of one.
//
// A person is known by the keyed digest of their e-mail address: neither the address nor anything else of theirs stands in the input,
// in the answer, in a log or in a record of what was done.
//
// What is erased is made by the ordinary protocols, so that nothing else has to know of it: the digest goes on the list that ingest applies
// before it stores anything (package forgotten), each part that holds the person is stored once more without them, and the window's commit gets its next
// generation, of which preprocess makes the curated objects anew. Only then is the old deleted, with all its versions, and not before
// every invocation is over that began before the list was changed: one of those may still store the person, or be about to
// read what is to be deleted. So an erasure looks twice, and waits in between.
//
// It stands apart because it is the one thing that deletes versions for good, which nothing else may do, and because it goes over all
// streams of a vendor. It is idempotent: a call goes on at a position, what a killed one has done is not done again, and an
// erasure that is begun anew ends as one that was not.
package erasure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/windrow-data/windrow/functions/forgotten"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// LongestRun is for how long an invocation may go by what it knew when it began: the longest that Lambda lets one last, with a minute
// for clocks that differ. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const LongestRun = 16 * time.Minute

// maxRounds is how often preprocess is waited for before an erasure fails.
const maxRounds = 8

// ErrNotRemade says that curated objects are still made of commits that hold the person.
var ErrNotRemade = errors.New("curated objects are not made again of what is left")

// Config is what an erasure works with.
type Config struct {
	Vendor *vendorapi.Vendor
	// Raw and Curated are the pipeline's buckets; Results is that of its queries, without a name where it has none. The API of each must
	// be an [objectstore.VersionAPI].
	Raw, Curated, Results objectstore.Bucket
	// Key is that of the digests, Digest the person's.
	Key    privacy.Key
	Digest string
	// Run names this invocation, in lower-case letters and digits; no two have one name. Execution names what it is part of.
	Run, Execution string
	// Patience is for how long others may go by what they knew before: [LongestRun] where there may be any, 0 where there are none.
	Patience time.Duration
	// SafetyMargin is the time before the context's deadline that is kept free.
	SafetyMargin time.Duration
	// Clock is the time of day.
	Clock  func() time.Time
	Logger *slog.Logger
}

// Next is what is to be done after a call.
type Next string

const (
	// Again is to call once more, with the position.
	Again Next = "again"
	// Wait is to do so after [Config.Patience].
	Wait Next = "wait"
	// Remake is to have preprocess make what is missing in the ranges, and then to call once more.
	Remake Next = "remake"
	// Done is nothing.
	Done Next = "done"
)

// Range is a span of a stream's windows, [Start, End).
type Range struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Answer is what a call has done.
type Answer struct {
	Next Next `json:"next"`
	// Position is where the next call goes on.
	Position string `json:"position"`
	// Remake are the ranges by stream.
	Remake map[string]Range `json:"remake"`
	// Found is what was found of the person so far, by stream.
	Found map[string]Found `json:"found"`
	// Digests are those of the people that were found, see [Find].
	Digests []string `json:"digests"`
	// QueryResults is how many objects of the results bucket were deleted.
	QueryResults int `json:"queryResults"`
	// Bucket and Record say where the record stands: its key in the raw bucket, or, of an export, the prefix of its objects in the
	// results bucket.
	Bucket string `json:"bucket"`
	Record string `json:"record"`
	telemetry.Report
}

// Found counts what was found of a person in a stream, in all versions.
type Found struct {
	// Records were about the person, Emptied about somebody else with the person's address in them.
	Records int64 `json:"records"`
	Emptied int64 `json:"emptied"`
	// Parts held them, of so many Windows.
	Parts   int `json:"parts"`
	Windows int `json:"windows"`
}

// step is where in an erasure a call is.
type step string

const (
	stepBegin    step = ""
	stepWithhold step = "withhold" // nothing new is stored; what is committed gets its next generation
	stepDelete   step = "delete"   // a second look, and what is named no more is deleted
	stepRemake   step = "remake"   // preprocess makes the curated objects anew
	stepFinish   step = "finish"   // it is seen to have, and what is left of the old goes
)

// position is how far an erasure, or an export, has got.
type position struct {
	Step step `json:"step"`
	// Stream is the place of the stream at hand in the description, After the key up to which its parts have been seen.
	Stream int    `json:"stream,omitzero"`
	After  string `json:"after,omitzero"`
	// Round counts how often preprocess was waited for; of an export, the objects put.
	Round int `json:"round,omitzero"`
	// Found is what an export has found so far, Digests whom a search has.
	Found   map[string]Found `json:"found,omitzero"`
	Digests []string         `json:"digests,omitzero"`
}

func (p position) String() string {
	text, _ := json.Marshal(p)
	return string(text)
}

func parsePosition(text string) (p position, err error) {
	if text == "" {
		return position{}, nil
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Stream < 0 {
		return position{}, fmt.Errorf("position %q: want what an answer before has told: %w", text, err)
	}
	return p, nil
}

// Erase goes on with the erasure of a person from where an earlier call has got, which its answer told; empty at the beginning. It does
// what there is time for, at least one window of one stream.
func Erase(ctx context.Context, c Config, at string) (Answer, error) {
	e, err := begin(c, at)
	if err != nil {
		return Answer{}, err
	}
	err = e.erase(ctx)
	if err == nil {
		err = e.count(ctx, false)
	}
	e.tell(&e.answer)
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelError
	}
	c.Logger.Log(ctx, level, "erasure", telemetry.Figures("digest", c.Digest, "step", string(e.at.Step), "next", string(e.answer.Next),
		"scanned", e.scanned, "bytes", e.bytes, "rewritten", e.rewritten, "deleted", e.deleted, "queryResults", e.answer.QueryResults, "error", err)...)
	return e.answer, err
}

func begin(c Config, at string) (*erasing, error) {
	if err := forgotten.CheckDigest(c.Digest); err != nil {
		return nil, err
	}
	p, err := parsePosition(at)
	if err != nil {
		return nil, err
	}
	// The filter goes by this one person, whoever else is on the list.
	e := &erasing{Config: c, at: p, answer: Answer{Remake: map[string]Range{}, Bucket: c.Raw.Name, Record: recordKey(c.Vendor.Name, c.Digest), Report: telemetry.Report{Findings: []telemetry.Finding{}}}}
	for i := range c.Vendor.Streams {
		s := &c.Vendor.Streams[i]
		filter := forgotten.NewFilter(forgotten.List{Version: 1, Digests: []string{c.Digest}}, c.Key, s.PersonPath)
		e.streams = append(e.streams, stream{s, rawzone.Zone{Bucket: c.Raw, Vendor: c.Vendor.Name, Stream: s.Name}, filter})
	}
	return e, nil
}

// erasing is one call's work.
type erasing struct {
	Config
	at      position
	streams []stream
	record  record
	// version is that of the list.
	version int
	answer  Answer
	// worked says that something has been done, so that there may be no time for more.
	worked bool
	// names counts the parts put, so that each has a name of its own.
	names int

	scanned, rewritten, deleted int
	bytes                       int64
	// counted is how many of those deleted the record tells of.
	counted int
}

// stream is one of the vendor's.
type stream struct {
	*vendorapi.Stream
	zone   rawzone.Zone
	filter *forgotten.Filter
}

// timeLeft reports whether there is time for another window.
func (e *erasing) timeLeft(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || !e.worked || e.Clock().Before(deadline.Add(-e.SafetyMargin))
}

func (e *erasing) goOn(next Next, at position) {
	e.at = at
	e.answer.Next, e.answer.Position = next, at.String()
}

func (e *erasing) erase(ctx context.Context) error {
	list, err := forgotten.Add(ctx, e.Raw, e.Vendor.Name, e.Digest)
	if err != nil {
		return err
	}
	e.version = list.Version
	if err := e.readRecord(ctx); err != nil {
		return err
	}
	if e.at.Step == stepBegin {
		if err := e.announce(ctx); err != nil {
			return err
		}
		e.at = position{Step: stepWithhold}
	}
	if e.at.Step == stepWithhold {
		if done, err := e.look(ctx, false); err != nil || !done {
			return err
		}
		e.goOn(Wait, position{Step: stepDelete})
	}
	if e.at.Step == stepDelete {
		if e.Clock().Before(e.record.Begun.Add(e.Patience)) {
			e.goOn(Wait, e.at)
			return nil
		}
		if done, err := e.look(ctx, true); err != nil || !done {
			return err
		}
		e.at = position{Step: stepRemake}
	}
	switch e.at.Step {
	case stepRemake:
		e.answer.Remake = e.record.ranges(e.Vendor.Name)
		e.goOn(Remake, position{Step: stepFinish, Round: e.at.Round + 1})
		return nil
	case stepFinish:
		return e.finish(ctx)
	}
	return fmt.Errorf("position %q: there is no such step", e.at)
}

// announce notes that the erasure has begun, and has no release go on with the streams that does not know of the list.
func (e *erasing) announce(ctx context.Context) error {
	e.record.Begun, e.record.Finished, e.record.Execution = e.Clock().UTC(), time.Time{}, e.Execution
	if err := e.putRecord(ctx); err != nil {
		return err
	}
	for _, s := range e.streams {
		if err := e.stamp(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// stampTries bounds how often an object is put that others put at the same time.
const stampTries = 10

func (e *erasing) stamp(ctx context.Context, s stream) error {
	for range stampTries {
		audit, err := s.zone.Audit(ctx)
		if err != nil || audit.Format == 0 || audit.Forgotten >= e.version {
			return err
		}
		audit.Forgotten = e.version
		if stored, err := s.zone.PutAudit(ctx, &audit); err != nil || stored {
			return err
		}
	}
	return fmt.Errorf("stream %s: the audit could not be stored: other runs stored theirs each time", s.Name)
}
