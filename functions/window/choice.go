package window

import (
	"fmt"
	"math"
	"time"
)

// Defaults of [Policy].
const (
	DefaultFactor   = 2.0
	DefaultBackoffs = 5
)

// Policy is how spans are chosen. Its zero fields take the defaults.
type Policy struct {
	// FirstSpan is the span asked for first. Zero means up to the latest end there can be.
	FirstSpan time.Duration
	// Factor divides the span each time the records do not fit. Default [DefaultFactor].
	Factor float64
	// Backoffs is how often the span is shortened at most. Default [DefaultBackoffs].
	Backoffs int
	// AlignDown gives the latest time no later than its argument at which a window can end. Nil means any.
	AlignDown func(time.Time) time.Time
}

// Choice backs off exponentially from the latest end a window can have until its records fit an invocation.
// It asks nobody itself: the caller asks the vendor for [Choice.Window] and tells what came to [Choice.Fits].
type Choice struct {
	policy   Policy
	start    time.Time
	span     time.Duration
	end      time.Time
	backoffs int
}

// Choose begins the choice of a window from start to no later than latest, which is what has settled, cut to
// the longest span the vendor accepts. It reports false where there is
// nothing to ask for yet, because no end after start and up to latest can be asked for.
func Choose(start, latest time.Time, policy Policy) (*Choice, bool) {
	if policy.Factor == 0 {
		policy.Factor = DefaultFactor
	}
	if policy.Backoffs == 0 {
		policy.Backoffs = DefaultBackoffs
	}
	if policy.AlignDown == nil {
		policy.AlignDown = func(t time.Time) time.Time { return t }
	}
	c := &Choice{policy: policy, start: start, span: latest.Sub(start)}
	if policy.FirstSpan > 0 {
		c.span = min(c.span, policy.FirstSpan)
	}
	for c.span > 0 {
		if c.end = policy.AlignDown(start.Add(c.span)); c.end.After(start) {
			return c, true
		}
		// No bound lies within the first span, for example because it lies in a local hour that occurs twice:
		// the window reaches to the first bound after it.
		if c.span >= latest.Sub(start) {
			break
		}
		c.span = min(2*c.span, latest.Sub(start))
	}
	return nil, false
}

// Window returns the window to ask for now.
func (c *Choice) Window() Window { return Window{Start: c.start, End: c.end} }

// Backoffs returns how often the span has been shortened.
func (c *Choice) Backoffs() int { return c.backoffs }

// Fits takes the number of records that the vendor announced for [Choice.Window] (negative: it announces
// none) and the capacity, and reports whether that window is the one. Where it reports false, Window is a
// shorter one to ask for. The shortest there can be is taken whether it fits or not: its pages are stored
// part by part and a later invocation goes on, so that a burst can never block a stream.
func (c *Choice) Fits(announced int64, capacity int64) bool {
	if announced < 0 || announced <= capacity {
		return true
	}
	if c.backoffs == c.policy.Backoffs {
		return true
	}
	for {
		c.span = time.Duration(float64(c.span) / c.policy.Factor)
		end := c.policy.AlignDown(c.start.Add(c.span))
		if !end.After(c.start) {
			return true
		}
		if end.Before(c.end) {
			c.end = end
			c.backoffs++
			return false
		}
	}
}

// Capacity returns how many records can still be fetched and stored in left, less margin, at rate records a
// second. It is at least 0.
func Capacity(left, margin time.Duration, rate float64) int64 {
	seconds := (left - margin).Seconds()
	if seconds <= 0 || rate <= 0 {
		return 0
	}
	return int64(math.Min(seconds*rate, math.MaxInt64/2))
}

// Validate reports what is wrong with p.
func (p Policy) Validate() error {
	switch {
	case p.Factor != 0 && !(p.Factor > 1):
		return fmt.Errorf("window factor %v: want more than 1, or 0 for the default of %v", p.Factor, DefaultFactor)
	case p.Backoffs < 0:
		return fmt.Errorf("window back-offs %d: want 0 for the default of %d, or more", p.Backoffs, DefaultBackoffs)
	case p.FirstSpan < 0:
		return fmt.Errorf("first span %s: want 0 for up to the latest end, or more", p.FirstSpan)
	}
	return nil
}
