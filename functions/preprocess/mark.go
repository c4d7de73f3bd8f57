package preprocess

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/rawzone"
)

// mark says from which day on commits and receipts are listed, so that a run's requests do not grow with the
// log. Every window before it has its receipt and changes no more. A mark of other columns counts for
// nothing, since all windows are then to be made again.
type mark struct {
	Format  int       `json:"format"`
	Columns string    `json:"columns"`
	Day     time.Time `json:"day"`
	// Claimed is when a run first put the mark, or took it over from other columns.
	Claimed time.Time `json:"claimed,omitzero"`
	// Checked is the day on which windows before the mark were last looked at.
	Checked time.Time `json:"checked,omitzero"`

	etag string
	// stored is Checked as it was read.
	stored time.Time
}

// longestRun is the longest that Lambda lets a run last, with a minute for clocks that differ.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const longestRun = 16 * time.Minute

// claimTries bounds how often a mark of other columns is claimed that other runs move at the same time.
const claimTries = 5

// readMark returns the mark, after claiming it where there is none or where it is of other columns. Without that, a
// run that remakes a window before their mark and ends early would leave it behind that mark, for good once they are
// deployed again.
func (r *run) readMark(ctx context.Context) (mark, error) {
	for try := 1; ; try++ {
		m, err := r.storedMark(ctx)
		if err != nil || m.etag != "" && m.Columns == r.table.Hash() {
			return m, err
		}
		claimed := mark{Claimed: r.Clock().UTC(), Checked: r.now.UTC().Truncate(24 * time.Hour)}
		claimed.stored = claimed.Checked
		claimed.etag, err = r.putMark(ctx, claimed, m.etag)
		lost := errors.Is(err, objectstore.ErrTaken) || errors.Is(err, objectstore.ErrChanged)
		if !lost || try == claimTries {
			return claimed, err
		}
	}
}

func (r *run) storedMark(ctx context.Context) (mark, error) {
	var m mark
	object, body, err := r.Curated.Get(ctx, r.names.Mark())
	if errors.Is(err, objectstore.ErrNotFound) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("object %s: %w; where it is damaged, delete it: it is then written anew", r.names.Mark(), err)
	}
	if err := checkFormat(r.names.Mark(), m.Format); err != nil {
		return m, err
	}
	m.etag, m.stored = object.ETag, m.Checked
	return m, nil
}

// moveMark moves the mark to the day of start, the first window that a later run has to look at, and stores when
// windows before it were looked at. A request is spent on either at most once a day.
func (r *run) moveMark(ctx context.Context, m mark, start time.Time) error {
	day := start.UTC().Truncate(24 * time.Hour)
	// A run with other columns may still be at work, and leave behind the mark what it made.
	claimed := r.Clock().Before(m.Claimed.Add(longestRun))
	moves := !start.IsZero() && day.After(m.Day) && !claimed
	if moves {
		audit, err := r.Raw.Audit(ctx)
		if err != nil {
			return err
		}
		if len(audit.Windows) > 0 {
			// The audit may replace this one's commit, and those after it.
			day = earlier(day, audit.Windows[0].Start.UTC().Truncate(24*time.Hour))
			moves = day.After(m.Day)
		}
	}
	if !moves && m.Checked.Equal(m.stored) {
		return nil
	}
	moved := mark{Day: m.Day, Claimed: m.Claimed, Checked: m.Checked}
	if moves {
		moved = mark{Day: day, Checked: m.Checked}
	}
	_, err := r.putMark(ctx, moved, m.etag)
	if errors.Is(err, objectstore.ErrTaken) || errors.Is(err, objectstore.ErrChanged) {
		// Another run has moved it; the next one looks again.
		return nil
	}
	return err
}

// putMark stores m as one of these columns, if the mark is still the one with the ETag.
func (r *run) putMark(ctx context.Context, m mark, etag string) (string, error) {
	m.Format, m.Columns = curated.FormatVersion, r.table.Hash()
	body, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	return r.Curated.Put(ctx, r.names.Mark(), bytes.NewReader(body), "application/json", nil, objectstore.Seen(etag))
}

func checkFormat(key string, format int) error {
	if format > curated.FormatVersion {
		return fmt.Errorf("object %s has format version %d, this release knows up to %d: %w",
			key, format, curated.FormatVersion, rawzone.ErrNewerFormat)
	}
	return nil
}
