package vendortest

import "sync"

// finder looks up versions and remembers the latest answers, since a window is asked for page after page.
type finder struct {
	world *World

	mu     sync.Mutex
	recent []lookup
}

type lookup struct {
	collection       *collection
	clock            int
	from, until, now int64
	found            []int32
}

const recentLookups = 16

func (f *finder) find(c *collection, clock int, from, until, now int64) []int32 {
	f.mu.Lock()
	for _, l := range f.recent {
		if l.collection == c && l.clock == clock && l.from == from && l.until == until && l.now == now {
			f.mu.Unlock()
			return l.found
		}
	}
	f.mu.Unlock()
	found := c.find(clock, from, until, now)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.recent) >= recentLookups {
		f.recent = f.recent[1:]
	}
	f.recent = append(f.recent, lookup{c, clock, from, until, now, found})
	return found
}
