package erasure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/objectstore"
)

// compactedDay is what an erasure needs to know of a day's line in days.json.
type compactedDay struct {
	Day string `json:"dt"`
	// Compaction is the number of the one that counts, 0 for none.
	Compaction int64 `json:"compaction"`
	// Stale says that a window has been made since that it does not hold.
	Stale bool      `json:"stale"`
	Made  time.Time `json:"made"`
}

// days are the days of a stream's windows that held the person.
func (e *erasing) days(s stream) (days []string) {
	for _, start := range e.record.starts(e.Vendor.Name, s.Name) {
		if day := start.UTC().Format(time.DateOnly); len(days) == 0 || days[len(days)-1] != day {
			days = append(days, day)
		}
	}
	return days
}

// compactedDays reads the lines of days.json, by their days.
func (e *erasing) compactedDays(ctx context.Context, s stream) (map[string]compactedDay, error) {
	key := e.curatedNames(s).Days()
	_, body, err := e.Curated.Get(ctx, key)
	if errors.Is(err, objectstore.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	days := map[string]compactedDay{}
	for line := range bytes.Lines(body) {
		var d compactedDay
		if err := json.Unmarshal(line, &d); err != nil {
			return nil, fmt.Errorf("object %s: %w", key, err)
		}
		days[d.Day] = d
	}
	return days, nil
}

func (e *erasing) curatedNames(s stream) curated.Names {
	return curated.Names{Vendor: e.Vendor.Name, Stream: s.Name}
}

// notCompacted returns the first day that held the person and whose compaction that counts may hold them still, empty where there is none. It is
// asked when all windows are made again: whoever makes one marks its day as stale before that.
func (e *erasing) notCompacted(ctx context.Context, s stream) (string, error) {
	held := e.days(s)
	if len(held) == 0 {
		return "", nil
	}
	days, err := e.compactedDays(ctx, s)
	if err != nil {
		return "", err
	}
	for _, day := range held {
		if d, ok := days[day]; ok && d.Compaction > 0 && d.Stale {
			return "dt=" + day, nil
		}
	}
	return "", nil
}

// purgeCompacted deletes what compactions have made of days that held the person, but for what counts and what has been made since: it
// would else stay for days.
func (e *erasing) purgeCompacted(ctx context.Context, s stream) error {
	held := e.days(s)
	if len(held) == 0 {
		return nil
	}
	days, err := e.compactedDays(ctx, s)
	if err != nil {
		return err
	}
	names := e.curatedNames(s)
	for _, day := range held {
		d := days[day]
		since := d.Made
		if d.Compaction == 0 {
			// What came to nothing.
			since = e.record.Begun.Add(e.Patience)
		}
		_, err := e.purge(ctx, e.Curated, names.CompactedOn(day), func(v objectstore.Version) bool {
			// Of an object whose name says no compaction the number is 0.
			object, _ := names.ParseCompacted(v.Key)
			return object.Compaction < d.Compaction || object.Compaction != d.Compaction && v.Modified.Before(since)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
