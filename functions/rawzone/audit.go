package rawzone

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/windrow-data/windrow/functions/objectstore"
)

// Audit remembers which windows the vendor may still change and when each was last compared with what the
// vendor has. It is the body of audit.json. Nothing but the number of requests depends on it: where it is lost
// or damaged, it is made again from the log, and the windows of the lookback are read once more.
type Audit struct {
	Format int `json:"format"`
	// Windows are in the order of their starts.
	Windows []Audited `json:"windows"`
	// From is where the listing of the run that stored the audit began. The next one's begins no later, so that no window
	// is overlooked however long no run has got as far as to store one.
	From time.Time `json:"from,omitzero"`
	// NoneBefore is the start of a window before which the log was found to have none that reaches up to it.
	NoneBefore time.Time `json:"noneBefore,omitzero"`
	Sweeping
	// Newest is the newest commit; nil where it is not known.
	Newest *Newest `json:"newest,omitempty"`
	// Listed is the time for which a run last listed the commits and remembered them all; zero where the last one that listed them did not
	// get as far as that.
	Listed time.Time `json:"listed,omitzero"`
	// Unfinished is the start of the window of which a run has begun to store parts, and which it had not committed when it stored the
	// audit. Zero means that there was none.
	Unfinished time.Time `json:"unfinished,omitzero"`
	// Forgotten is the version of the list of forgotten people as a run last knew it, so that no release goes on from here that
	// knows of no such list.
	Forgotten int `json:"forgotten,omitzero"`

	etag string
}

// Sweeping is how far the parts that no commit names have been deleted. It is kept in the audit, and of a child stream in the roster.
type Sweeping struct {
	// Swept is the day up to which they have been deleted.
	Swept time.Time `json:"swept,omitzero"`
	// SweptAt is the day on which that was last done, Turned the one on which a day before was last looked at again.
	SweptAt time.Time `json:"sweptAt,omitzero"`
	Turned  time.Time `json:"turned,omitzero"`
	// Begins is the first day of the log, as it was last looked up.
	Begins time.Time `json:"begins,omitzero"`
}

// Newest is what the next window needs to know of the commit before it.
type Newest struct {
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
	ETag    string    `json:"etag"`
	Digest  string    `json:"digest"`
	Same    time.Time `json:"same,omitzero"`
	Settled bool      `json:"settled"`
	Rate    float64   `json:"rate"`
}

// NewestOf returns what is remembered of a commit.
func NewestOf(c *Commit, etag string) *Newest {
	return &Newest{Start: c.Start, End: c.End, ETag: etag, Digest: c.Digest, Same: c.Same, Settled: c.Settled, Rate: c.Rate}
}

// Commit returns the commit as far as it is remembered.
func (n *Newest) Commit() *Commit {
	return &Commit{Start: n.Start, End: n.End, Digest: n.Digest, Same: n.Same, Settled: n.Settled, Rate: n.Rate}
}

// Audited is what an audit knows of one window's commit.
type Audited struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	ETag  string    `json:"etag"`
	// Records is how many the vendor gave, see [Commit.Given].
	Records int64 `json:"records"`
	// Digest is the commit's; empty where an earlier release has stored the audit.
	Digest string `json:"digest,omitempty"`
	// ReadAt is when the window was last read or counted, by the scheduled time of the run that did so. What
	// the vendor showed before is in the commit.
	ReadAt  time.Time `json:"readAt"`
	Settled bool      `json:"settled"`
	// Suspect is when the vendor's count was last found to differ from the commit's, zero where it never was.
	Suspect time.Time `json:"suspect,omitzero"`
	// Tried is when reading the window again last failed of an answer that concerns this window alone.
	Tried time.Time `json:"tried,omitzero"`
}

// Done reports whether the window has been compared for the last time: when it was as old as the lookback, or older, and with counts that
// agreed.
func (a Audited) Done(lookback time.Duration) bool {
	return a.Settled && !a.ReadAt.Before(a.End.Add(lookback))
}

// UnchangingUntil returns up to where no window that begins at from or later will be committed or replaced any more, as far as the audit
// tells: that is from itself where it does not know all the windows that there were when it was stored, as after one was lost.
func (a *Audit) UnchangingUntil(from time.Time, lookback time.Duration) time.Time {
	if a.Listed.IsZero() || a.Newest == nil {
		return from
	}
	// What comes after the newest window may have been committed since.
	until := a.Newest.Start
	for _, w := range a.Windows {
		if w.Start.Before(until) && !w.Start.Before(from) && !w.Done(lookback) {
			until = w.Start
		}
	}
	if until.Before(from) {
		return from
	}
	return until
}

// AuditSpan returns how long before now a listing of the commits begins that an audit needs: a window is compared for
// the last time when it is as old as the lookback, and a day is left for that.
func AuditSpan(lookback time.Duration) time.Duration {
	return max(lookback+24*time.Hour, newestWithin[0])
}

func (z Zone) auditKey() string { return z.prefix() + "audit.json" }

// Audit returns the stream's audit; it is empty where there is none, or none that can be read.
func (z Zone) Audit(ctx context.Context) (Audit, error) {
	object, body, err := z.Bucket.Get(ctx, z.auditKey())
	if errors.Is(err, objectstore.ErrNotFound) {
		return Audit{}, nil
	}
	if err != nil {
		return Audit{}, err
	}
	var audit Audit
	if err := decode(z.auditKey(), body, &audit, &audit.Format); err != nil {
		if errors.Is(err, ErrNewerFormat) {
			return Audit{}, err
		}
		audit = Audit{}
	}
	audit.etag = object.ETag
	return audit, nil
}

// PutAudit stores audit where it is still the one that was read. It reports false where another run has stored
// one meanwhile.
func (z Zone) PutAudit(ctx context.Context, audit *Audit) (stored bool, err error) {
	audit.Format = formatUnder(audit.Forgotten)
	body, err := json.Marshal(audit)
	if err != nil {
		return false, err
	}
	etag, err := z.Bucket.Put(ctx, z.auditKey(), bytes.NewReader(body), jsonType, nil, objectstore.Seen(audit.etag))
	if errors.Is(err, objectstore.ErrTaken) || errors.Is(err, objectstore.ErrChanged) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	audit.etag = etag
	return true, nil
}
