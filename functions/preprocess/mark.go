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

	etag string
}

func (r *run) readMark(ctx context.Context) (mark, error) {
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
	if m.Columns != r.table.Hash() {
		m = mark{}
	}
	m.etag = object.ETag
	return m, nil
}

// moveMark moves the mark to the day of start, the first window that a later run has to look at. A request
// is spent on it at most once a day.
func (r *run) moveMark(ctx context.Context, m mark, start time.Time) error {
	day := start.UTC().Truncate(24 * time.Hour)
	if start.IsZero() || !day.After(m.Day) {
		return nil
	}
	body, err := json.Marshal(mark{Format: curated.FormatVersion, Columns: r.table.Hash(), Day: day})
	if err != nil {
		return err
	}
	_, err = r.Curated.Put(ctx, r.names.Mark(), bytes.NewReader(body), "application/json", nil, objectstore.Seen(m.etag))
	if errors.Is(err, objectstore.ErrTaken) || errors.Is(err, objectstore.ErrChanged) {
		// Another run has moved it; the next one looks again.
		return nil
	}
	return err
}

func checkFormat(key string, format int) error {
	if format > curated.FormatVersion {
		return fmt.Errorf("object %s has format version %d, this release knows up to %d: %w",
			key, format, curated.FormatVersion, rawzone.ErrNewerFormat)
	}
	return nil
}
