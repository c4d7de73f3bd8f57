package ingest

import (
	"context"
	"time"
)

const (
	// unnamedFor is how old a part must be that no commit names before it is deleted.
	unnamedFor = 7 * 24 * time.Hour
	oneDay     = 24 * time.Hour
)

// sweep deletes what zombies and abandoned attempts have left, once a day: the parts of windows that are older
// than the lookback and a week and that no commit names. Each day of the log is swept when it becomes that old; one
// day of those before is swept again with it, in turn, for what backfills have left there.
func (r *run) sweep(ctx context.Context) error {
	m := &r.memory
	today := r.now.UTC().Truncate(oneDay)
	if !today.After(m.SweptAt) {
		return nil
	}
	first, any, err := r.Zone.First(ctx)
	if err != nil || !any {
		return err
	}
	begin := first.Start.Truncate(oneDay)
	day := m.Swept
	if day.Before(begin) {
		day = begin
	}
	if days := int64(day.Sub(begin) / oneDay); days > 0 {
		turn := begin.Add(time.Duration(today.Unix()/int64(oneDay.Seconds())%days) * oneDay)
		if _, err := r.sweepDay(ctx, turn); err != nil {
			return err
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
	m.Swept, m.changed = day, true
	return nil
}

// sweepDay sweeps the windows that begin on a day, and reports whether some parts there are still too young.
func (r *run) sweepDay(ctx context.Context, day time.Time) (younger bool, err error) {
	deleted, left, err := r.Zone.Sweep(ctx, day, r.Clock().Add(-unnamedFor))
	r.answer.Swept += deleted
	return left > 0, err
}
