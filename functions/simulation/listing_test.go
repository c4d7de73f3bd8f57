package simulation

import (
	"fmt"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
)

// listing is the promise of a stream whose windows hold what is listed at their ends, whatever its time.
type listing struct{ *stream }

// aheadOfClock is how much earlier than a commit says its records may have been given: a run's scheduled time may be ahead of its clock.
const aheadOfClock = 10 * time.Minute

func (s *listing) fits(c *rawzone.Commit, r line, now time.Time) error {
	return shown(c, "record", s.world.records, r, now)
}

// shown wants a record's version to have shown, and not to have changed, when the window was read.
func shown(c *rawzone.Commit, what string, all [][]version, r line, now time.Time) error {
	versions := all[r.ID]
	if versions[r.Version].shows.After(now) {
		return fmt.Errorf("window %s holds %s %d before it showed", c.Window(), what, r.ID)
	}
	if next := r.Version + 1; next < len(versions) && versions[next].shows.Before(c.ReadAt.Add(-aheadOfClock)) {
		return fmt.Errorf("window %s, read at %s, holds %s %d (version %d), which the vendor has no more since %s: %w",
			c.Window(), c.ReadAt, what, r.ID, r.Version, versions[next].shows, errTwice)
	}
	return nil
}

func (s *listing) holds(_ *process, c, _ held, _ bool, now time.Time) (err error) {
	s.world.known(c.copies, now)
	list := c.copies
	if !c.Same.IsZero() {
		same, there := s.commits[s.zone(s.store).Ref(c.Same, "").Key]
		if !there || !same.Same.IsZero() || len(c.Parts) > 0 || same.Digest != c.Digest {
			return fmt.Errorf("window %s refers to %s, which does not hold the same: %w", c.Window(), c.Same, errMissing)
		}
		list = same.copies
	}
	coming, leaving := s.world.disturbed(c.Window(), c.ReadAt, now)
	if exact, err := s.exact(&c.Commit, s.world.counted, coming, leaving); !exact {
		return err
	}
	from, to := c.End, c.End
	if l := s.world.listing; l != nil {
		from, to = from.Add(-l.Behind.D()), to.Add(l.Ahead.D())
	}
	listed := s.world.find(from, to, now)
	for _, r := range listed {
		if current(s.world.records[r.id], c.ReadAt) == r.version {
			if err := once(&c.Commit, list, r.id, r.version); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *listing) ends(commits []*rawzone.Commit, _ []copies) error {
	genesis, err := s.contiguous(commits)
	if err != nil {
		return err
	}
	return s.checkPast(commits, genesis)
}
