package vendortest

import (
	"slices"
	"time"
)

// pace knows the times of the latest requests.
type pace struct {
	times []time.Time
	most  int
}

// full reports whether one request more at now would be over the limit.
func (p *pace) full(l limit, now time.Time) bool {
	if l.requests <= 0 || l.per <= 0 {
		return false
	}
	return p.since(now.Add(-l.per)) >= l.requests
}

// since returns how many requests came after t.
func (p *pace) since(t time.Time) int {
	first, _ := slices.BinarySearchFunc(p.times, t, func(a, b time.Time) int {
		if a.After(b) {
			return 1
		}
		return -1
	})
	return len(p.times) - first
}

// kept is how long a request is remembered: the longest span that a limit is counted over.
const kept = time.Hour

// count adds a request at now and returns the largest number seen in a minute.
func (p *pace) count(now time.Time) int {
	if n := len(p.times); n > 0 && now.Before(p.times[n-1]) {
		now = p.times[n-1] // A clock that was set back must not spoil the order.
	}
	p.times = append(p.times, now)
	if old := len(p.times) - p.since(now.Add(-kept)); old > len(p.times)/2 {
		p.times = slices.Delete(p.times, 0, old)
	}
	p.most = max(p.most, p.since(now.Add(-time.Minute)))
	return p.most
}
