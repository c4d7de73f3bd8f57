package preprocess

import (
	"context"
	"time"
)

const (
	// assumedRate is the bytes of compressed parts a second that a small Lambda is taken to manage until an
	// object large enough to tell has been made.
	assumedRate = 512 << 10
	// tellingBytes is the size from which on an object's time is taken to be that of its bytes.
	tellingBytes = 1 << 20
	// caution multiplies the time that an object's bytes are expected to take.
	caution = 1.5
)

// pace decides whether the next piece of work fits before the deadline.
type pace struct {
	clock  func() time.Time
	margin time.Duration
	// begun says that the invocation has done something: the first piece is always begun, so that every
	// invocation makes progress whatever its time limit.
	begun bool
	// fixed is the longest that a small object took, rate the fewest bytes a second that a large one managed.
	fixed time.Duration
	rate  float64
}

// allows reports whether work on so many bytes of parts can be expected to end in time.
func (p *pace) allows(ctx context.Context, bytes int64) bool {
	deadline, limited := ctx.Deadline()
	if !limited || !p.begun {
		return true
	}
	rate := p.rate
	if rate == 0 {
		rate = assumedRate
	}
	needed := p.fixed + time.Duration(caution*float64(bytes)/rate*float64(time.Second))
	return deadline.Sub(p.clock()) > p.margin+needed
}

// took learns from an object that has been made.
func (p *pace) took(d time.Duration, bytes int64) {
	p.begun = true
	if bytes < tellingBytes {
		p.fixed = max(p.fixed, d)
		return
	}
	if rate := float64(bytes) / max(d, time.Millisecond).Seconds(); p.rate == 0 || rate < p.rate {
		p.rate = rate
	}
}
