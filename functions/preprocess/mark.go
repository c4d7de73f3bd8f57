package preprocess

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/rawzone"
)

// mark says from which day on commits are listed, so that a run's requests do not grow with the log, and which of them are done
// with, so that an idle run lists no receipts. Every window before it is done with and changes no more. A mark of other columns
// counts for nothing, since all windows are then to be made again.
type mark struct {
	Format  int       `json:"format"`
	Columns string    `json:"columns"`
	Day     time.Time `json:"day"`
	// Claimed is when a run first put the mark, or took it over from other columns.
	Claimed time.Time `json:"claimed,omitzero"`
	// Checked is the day on which windows before the mark were last looked at.
	Checked time.Time `json:"checked,omitzero"`
	// Made are the commits from Day on that are done with: their ETags, by the starts of their windows as they stand in names. Nothing
	// but requests depends on it: a window that is not in it is looked for among the receipts.
	Made map[string]string `json:"made,omitempty"`
	// Behind are the sums of the stretches before Day, by their first days, see [sumOf]: what is committed there since shows without a
	// look at the receipts. One that is empty was not looked at yet.
	Behind map[string]string `json:"behind,omitempty"`
	// Listed is the day before which all days were looked at for whether they are to be compacted; Surveyed is the day on which days.json was last gone
	// through, and Survey when that is due out of turn, zero where it is not. Where they are lost, all days are looked at again.
	Listed   time.Time `json:"listed,omitzero"`
	Surveyed time.Time `json:"surveyed,omitzero"`
	Survey   time.Time `json:"survey,omitzero"`
	// Days says that there is a days.json, and so that small objects may have been deleted.
	Days bool `json:"days,omitempty"`

	etag    string
	changed bool
	// newest is the last window of Made as it was read, empty where there is none or more than that is there already.
	newest string
}

// made remembers that a commit is done with.
func (m *mark) made(ref rawzone.CommitRef) {
	if m.Made[ref.Name] == ref.ETag {
		return
	}
	if m.Made == nil {
		m.Made = map[string]string{}
	}
	m.Made[ref.Name], m.changed = ref.ETag, true
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
		claimed := mark{Columns: r.table.Hash(), Claimed: r.Clock().UTC(), Checked: r.now.UTC().Truncate(oneDay), Days: m.Days}
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
	m.etag = object.ETag
	if !r.claimed(m) {
		for name := range m.Made {
			m.newest = max(m.newest, name)
		}
	}
	return m, nil
}

// claimed reports whether a run with other columns, or one that makes windows again, may still be at work: it may leave behind the
// mark what it made.
func (r *run) claimed(m mark) bool { return r.Clock().Before(m.Claimed.Add(longestRun)) }

// disown has no run go by what the mark says of windows of a past range that are about to be made, nor move it over them meanwhile:
// those that are made again, and all that are made with other columns than the mark's. A run that ends early leaves them without a
// receipt of the mark's columns.
func (r *run) disown(ctx context.Context, past Past, from time.Time) error {
	for try := 1; ; try++ {
		m, err := r.storedMark(ctx)
		if err != nil || m.etag == "" || past.Replay == ReplayMissing && m.Columns == r.table.Hash() {
			return err
		}
		m.Made, m.Claimed = nil, r.Clock().UTC()
		for key := range m.Behind {
			begin, err := time.Parse(time.DateOnly, key)
			if err != nil || begin.Before(past.End) && begin.Add(stretch).After(from) {
				m.Behind[key] = ""
			}
		}
		_, err = r.putMark(ctx, m, m.etag)
		lost := errors.Is(err, objectstore.ErrTaken) || errors.Is(err, objectstore.ErrChanged)
		if !lost || try == claimTries {
			return err
		}
	}
}

// longestIdle is after how long the mark is moved, or what is behind it looked at, outside of [rawzone.PreprocessHours] too.
const longestIdle = 2 * oneDay

// moveMark moves the mark to the day of start, the first window that a later run has to look at. passed are the commits before
// start that this run has listed. It costs a request, of a child stream two, which an idle run has room for once a day.
func (r *run) moveMark(ctx context.Context, m *mark, start time.Time, passed daySums) error {
	day := start.UTC().Truncate(oneDay)
	if start.IsZero() || !day.After(m.Day) || r.claimed(*m) {
		return nil
	}
	if room := rawzone.PreprocessHours(r.now) && !r.looked; !room && day.Sub(m.Day) < longestIdle {
		return nil
	}
	r.looked = true
	audit, err := r.Raw.Audit(ctx)
	if err != nil {
		return err
	}
	if len(audit.Windows) > 0 {
		// The audit may replace this one's commit, and those after it.
		day = earlier(day, audit.Windows[0].Start.UTC().Truncate(oneDay))
	}
	if r.Stream.Parent != nil {
		roster, err := r.Raw.Roster(ctx)
		if err != nil {
			return err
		}
		if len(roster.Parents) > 0 {
			// A parent that was put off stays in its slot, and may have no commit yet.
			day = earlier(day, roster.Parents[0].Slot.UTC().Truncate(oneDay))
		}
	}
	if !day.After(m.Day) {
		return nil
	}
	if m.Day.IsZero() {
		m.Behind = nil
	}
	if m.Behind == nil {
		m.Behind = map[string]string{}
	}
	for _, of := range passed {
		if of.day.Before(day) {
			key := stretchOf(of.day).Format(time.DateOnly)
			m.Behind[key] = sumText(sumValue(m.Behind[key]) + of.sum)
		}
	}
	begin := rawzone.FormatTime(day)
	maps.DeleteFunc(m.Made, func(name, _ string) bool { return name < begin })
	m.Day, m.Claimed, m.changed = day, time.Time{}, true
	return nil
}

// storeMark stores the mark where it has changed.
func (r *run) storeMark(ctx context.Context, m mark) error {
	if !m.changed {
		return nil
	}
	_, err := r.putMark(ctx, m, m.etag)
	if errors.Is(err, objectstore.ErrTaken) || errors.Is(err, objectstore.ErrChanged) {
		// Another run has stored one; the next one looks again.
		return nil
	}
	return err
}

// putMark stores m if the mark is still the one with the ETag.
func (r *run) putMark(ctx context.Context, m mark, etag string) (string, error) {
	m.Format = curated.FormatVersion
	body, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	return r.Curated.Put(ctx, r.names.Mark(), bytes.NewReader(body), "application/json", nil, objectstore.Seen(etag))
}

func checkFormat(key string, format int) error {
	if format > curated.FormatVersion {
		return newerFormat(key, format, curated.FormatVersion)
	}
	return nil
}

func newerFormat(key string, format, known int) error {
	return fmt.Errorf("object %s has format version %d, this release knows up to %d: %w", key, format, known, rawzone.ErrNewerFormat)
}
