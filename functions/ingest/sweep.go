package ingest

import (
	"context"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
)

const (
	// unnamedFor is how old a part must be that no commit names before it is deleted.
	unnamedFor = 7 * 24 * time.Hour
	oneDay     = 24 * time.Hour
)

// sweep deletes what zombies and abandoned attempts have left, once a day: the parts of windows that are older
// than the lookback and a week and that no commit names. Each day of the log is swept when it becomes that old; one
// day of those before is swept again, in turn, for what backfills have left there. The two are done by runs that list no
// commits, one by each, unless they are overdue. changed says whether there is anything to store.
func (r *run) sweep(ctx context.Context, m *rawzone.Sweeping, changed *bool) error {
	today := r.now.UTC().Truncate(oneDay)
	overdue := today.Sub(m.SweptAt) > oneDay
	if !today.After(m.SweptAt) || !overdue && !(r.unlisted && rawzone.IngestHours(r.now)) {
		return nil
	}
	if m.Begins.IsZero() {
		any, err := r.lookUpBeginning(ctx, m)
		if err != nil {
			return err
		}
		if *changed = true; !any {
			m.SweptAt = today
			return nil
		}
	}
	day := later(m.Swept, m.Begins)
	if !m.Turned.Equal(today) {
		if err := r.sweepAgain(ctx, m, today, day); err != nil {
			return err
		}
		if m.Turned, *changed = today, true; !overdue {
			return nil
		}
	}
	for last := today.Add(-r.Stream.Lookback.D() - unnamedFor); !day.After(last.Add(-oneDay)); day = day.Add(oneDay) {
		if r.left() <= 0 {
			// The next invocation goes on.
			r.answer.More = true
			break
		}
		younger, err := r.sweepDay(ctx, day)
		if err != nil {
			return err
		}
		if younger {
			break
		}
	}
	if !r.answer.More {
		m.SweptAt = today
	}
	m.Swept, *changed = day, true
	return nil
}

// lookUpBeginning remembers the first day of the log, and reports whether there is any.
func (r *run) lookUpBeginning(ctx context.Context, m *rawzone.Sweeping) (any bool, err error) {
	first, any, err := r.Zone.First(ctx)
	if any {
		m.Begins = first.Start.Truncate(oneDay)
	}
	return any, err
}

// sweepAgain sweeps the one of the days up to before whose turn it is today, or looks whether a backfill has made the log longer.
func (r *run) sweepAgain(ctx context.Context, m *rawzone.Sweeping, today, before time.Time) error {
	days := int64(before.Sub(m.Begins) / oneDay)
	turn := today.Unix() / int64(oneDay.Seconds()) % (days + 1)
	if turn == days {
		_, err := r.lookUpBeginning(ctx, m)
		return err
	}
	_, err := r.sweepDay(ctx, m.Begins.Add(time.Duration(turn)*oneDay))
	return err
}

// sweepDay sweeps the windows that begin on a day, and reports whether some parts there are still too young.
func (r *run) sweepDay(ctx context.Context, day time.Time) (younger bool, err error) {
	deleted, left, err := r.Zone.Sweep(ctx, day, r.Clock().Add(-unnamedFor))
	r.answer.Swept += deleted
	return left > 0, err
}
