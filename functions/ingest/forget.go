package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/windrow-data/windrow/functions/forgotten"
	"github.com/windrow-data/windrow/functions/privacy"
)

// learnForgotten makes the filter of those who are forgotten, once an invocation: before the first record is stored, and before what was stored
// by an earlier one is gone on with. A run that has nothing to store does not ask who they are.
func (r *run) learnForgotten(ctx context.Context) error {
	if r.filtered {
		return nil
	}
	list, err := forgotten.Read(ctx, r.Zone.Bucket, r.Zone.Vendor)
	if err != nil {
		return err
	}
	if len(list.Digests) > 0 {
		key, err := r.forgottenKey(ctx)
		if err != nil {
			return fmt.Errorf("the list of forgotten people cannot be applied: %w", err)
		}
		r.filter = forgotten.NewFilter(list, key, r.Stream.PersonPath)
		if r.memory.Forgotten < list.Version {
			r.memory.Forgotten, r.memory.changed = list.Version, true
		}
	}
	r.filtered = true
	return nil
}

func (r *run) forgottenKey(ctx context.Context) (privacy.Key, error) {
	if r.PrivacyKey == nil {
		return nil, errors.New("the function has no key to know them by")
	}
	return r.PrivacyKey(ctx)
}

// learnForgotten makes the filter, and has the attempt say by which list it goes.
func (g *reading) learnForgotten(ctx context.Context) error {
	if err := g.run.learnForgotten(ctx); err != nil {
		return err
	}
	g.attempt.Forgotten = g.filter.Version()
	return nil
}

// keep adds a record to the buffer, as far as it is not about somebody who is forgotten. Its digest is that of what was given, so that
// what is withheld does not make a window look changed.
func (g *reading) keep(given []byte) {
	record, verdict := g.filter.Apply(given)
	if verdict == forgotten.Withheld {
		g.buffer.Withhold(given)
		return
	}
	g.buffer.AddAs(given, record)
}

// outdated reports whether an earlier invocation has stored records of people who are forgotten since, or may have. What it stored is
// not gone on with: nothing but a commit makes parts count, so that what no commit names can be deleted when all invocations
// are over that began before the list was changed.
func (g *reading) outdated(ctx context.Context, stored int) (bool, error) {
	if err := g.run.learnForgotten(ctx); err != nil {
		return false, err
	}
	return stored < g.filter.Version(), nil
}
