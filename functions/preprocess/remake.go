package preprocess

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/rawzone"
)

// Replay says which windows of a past range are made again.
type Replay string

const (
	// ReplayMissing makes the windows that have no receipt, as an ordinary run does.
	ReplayMissing Replay = ""
	// ReplayAll makes all windows again. For the same commit, columns and release their objects come out byte for byte
	// the same.
	ReplayAll Replay = "all"
	// ReplayQuarantined makes the windows again that have records in quarantine.
	ReplayQuarantined Replay = "quarantined"
)

// Past is a past range to make curated objects of.
type Past struct {
	// Start and End are the range [Start, End), extended to whole windows; for what is missing, to whole UTC days, as ingest
	// extends what it reads of the past.
	Start, End time.Time
	Replay     Replay
	// Position is how far an earlier invocation has got, as its answer told; empty at the beginning.
	Position string
}

// Remake makes curated objects of a past range from what is committed. It asks the vendor nothing, and leaves the
// mark where it is.
func Remake(ctx context.Context, c Config, past Past, now time.Time) (Answer, error) {
	return do(ctx, c, now, "preprocess past run", func(r *run, ctx context.Context) error { return r.past(ctx, past) })
}

func (r *run) past(ctx context.Context, past Past) error {
	if !past.Start.Before(past.End) {
		return fmt.Errorf("the range [%s, %s) is empty: want a start before its end", past.Start.Format(time.RFC3339), past.End.Format(time.RFC3339))
	}
	done := ""
	if past.Position != "" {
		if _, err := rawzone.ParseTime(past.Position); err != nil {
			return fmt.Errorf("position: %w", err)
		}
		done = past.Position
		r.answer.Position = done
	}
	if past.Replay == ReplayMissing {
		const day = 24 * time.Hour
		past.Start, past.End = past.Start.UTC().Truncate(day), past.End.Add(day-1).UTC().Truncate(day)
	}
	first := past.Start.UTC().Truncate(time.Second)
	for ref, err := range r.Raw.Commits(ctx, first.Add(-rawzone.LongestWindow)) {
		if err != nil {
			return err
		}
		if ref.Start.After(past.Start) {
			break
		}
		first = ref.Start
	}
	var quarantined []string
	if past.Replay == ReplayQuarantined {
		var err error
		if quarantined, err = r.quarantined(ctx, first, past.End); err != nil {
			return err
		}
	}
	if err := r.disown(ctx, past, first); err != nil {
		return err
	}
	pass := &pass{run: r, from: first, to: past.End}
	err := pass.each(ctx, func(ref rawzone.CommitRef, receipts func() ([]objectstore.Object, error)) error {
		if ref.Name <= done {
			return nil
		}
		there, err := receipts()
		if err != nil {
			return err
		}
		switch past.Replay {
		case ReplayMissing:
			_, err = r.missing(ctx, ref, there)
		case ReplayQuarantined:
			if _, found := slices.BinarySearch(quarantined, ref.Name); found {
				_, err = r.window(ctx, ref, &there, true)
			}
		case ReplayAll:
			_, err = r.window(ctx, ref, &there, true)
		default:
			err = fmt.Errorf("replay %q: want %q, %q or nothing", past.Replay, ReplayAll, ReplayQuarantined)
		}
		if err == nil {
			r.answer.Position = ref.Name
		}
		return err
	})
	if err != nil {
		return err
	}
	if !r.answer.More {
		r.answer.Position = ""
	}
	return errors.Join(pass.failed(), r.tellTouched(ctx))
}

// tellTouched has the schedule's next run look for the days that windows were made of.
func (r *run) tellTouched(ctx context.Context) error {
	if !r.touched && r.begun.IsZero() {
		return nil
	}
	m, err := r.storedMark(ctx)
	if err != nil || m.etag == "" {
		return err
	}
	r.noteDays(&m)
	return r.storeMark(ctx, m)
}

// quarantined returns the starts of the range's windows that have records in quarantine, in order.
func (r *run) quarantined(ctx context.Context, from, to time.Time) (starts []string, err error) {
	prefix := r.names.QuarantineOf("")
	prefix = strings.TrimSuffix(prefix, "_")
	end := rawzone.FormatTime(to.Add(time.Second - 1).Truncate(time.Second))
	for object, err := range r.Curated.List(ctx, prefix, prefix+rawzone.FormatTime(from)) {
		if err != nil {
			return nil, err
		}
		start, _, _ := strings.Cut(strings.TrimPrefix(object.Key, prefix), "_")
		if start >= end {
			break
		}
		if len(starts) == 0 || starts[len(starts)-1] != start {
			starts = append(starts, start)
		}
	}
	return starts, nil
}
