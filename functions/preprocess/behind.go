package preprocess

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/rawzone"
)

const (
	oneDay = 24 * time.Hour
	// stretch is how much of the log behind the mark is looked at at once: with a window each half hour, as many commits as one page
	// of a listing shows.
	stretch = 20 * oneDay
)

// stretchOf returns the first day of the stretch that a time is in.
func stretchOf(t time.Time) time.Time {
	const seconds = int64(stretch / time.Second)
	return time.Unix(t.Unix()-t.Unix()%seconds, 0).UTC()
}

// sumOf is what a commit adds to the sum of those that are done with. Sums of the same commits are equal, in whatever order and
// steps they were added up. It tells changes apart and not forgeries.
func sumOf(ref rawzone.CommitRef) uint64 { return xxhash.Sum64String(ref.Name + " " + ref.ETag) }

func sumText(sum uint64) string { return strconv.FormatUint(sum, 16) }

func sumValue(text string) uint64 {
	sum, _ := strconv.ParseUint(text, 16, 64)
	return sum
}

// daySums are the sums of the commits of days that follow on one another.
type daySums []daySum

type daySum struct {
	day time.Time
	sum uint64
}

func (d *daySums) add(ref rawzone.CommitRef) {
	day := ref.Start.UTC().Truncate(oneDay)
	if n := len(*d); n == 0 || !(*d)[n-1].day.Equal(day) {
		*d = append(*d, daySum{day: day})
	}
	(*d)[len(*d)-1].sum += sumOf(ref)
}

// behind looks, once a day, at one stretch of the log before the mark, the next one each day: windows committed there by a
// backfill that has ended early are made too. Where nothing was, it costs one request.
func (r *run) behind(ctx context.Context, m *mark) error {
	today := r.now.UTC().Truncate(oneDay)
	if !today.After(m.Checked) || !rawzone.PreprocessHours(r.now) && today.Sub(m.Checked) < longestIdle {
		return nil
	}
	if !m.Day.IsZero() {
		r.looked = true
		stretches := slices.Sorted(maps.Keys(m.Behind))
		look := func() error { return r.beginning(ctx, m, stretches) }
		if turn := int(today.Unix() / int64(oneDay/time.Second) % int64(len(stretches)+1)); turn < len(stretches) {
			look = func() error { return r.stretch(ctx, m, stretches[turn]) }
		}
		if err := look(); err != nil {
			// It is looked at again, until somebody has mended it.
			return err
		}
	}
	m.Checked, m.changed = today, true
	return nil
}

// beginning looks whether the log begins before all stretches, as a backfill has it.
func (r *run) beginning(ctx context.Context, m *mark, stretches []string) error {
	first, any, err := r.Raw.First(ctx)
	if err != nil || !any || !first.Start.Before(m.Day) {
		return err
	}
	if m.Behind == nil {
		m.Behind = map[string]string{}
	}
	for at := stretchOf(first.Start); at.Before(m.Day); at = at.Add(stretch) {
		key := at.Format(time.DateOnly)
		if len(stretches) > 0 && key >= stretches[0] {
			break
		}
		m.Behind[key] = ""
	}
	return nil
}

// stretch makes what is missing of one stretch, if its commits are not those that were done with.
func (r *run) stretch(ctx context.Context, m *mark, key string) error {
	from, err := time.Parse(time.DateOnly, key)
	if err != nil {
		delete(m.Behind, key)
		return nil
	}
	to := earlier(from.Add(stretch), m.Day)
	var sum uint64
	for ref, err := range r.Raw.Commits(ctx, from) {
		if err != nil {
			return err
		}
		if !ref.Start.Before(to) {
			break
		}
		sum += sumOf(ref)
	}
	if m.Behind[key] == sumText(sum) {
		return nil
	}
	sum = 0
	done := true
	pass := &pass{run: r, from: from, to: to}
	err = pass.each(ctx, func(ref rawzone.CommitRef, receipts func() ([]objectstore.Object, error)) error {
		there, err := receipts()
		if err != nil {
			return err
		}
		state, err := r.missing(ctx, ref, there)
		sum += sumOf(ref)
		done = done && state != unfinished
		return err
	})
	if done && err == nil && !r.answer.More {
		m.Behind[key] = sumText(sum)
	}
	return errors.Join(err, pass.failed())
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
