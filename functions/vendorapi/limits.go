package vendorapi

import (
	"context"
	"sync"
	"time"
)

// Turn says for whom a function asks the vendor from now on.
type Turn struct {
	// Begun is when the execution began, the same for all its invocations. Zero means just now.
	Begun time.Time
	// Past says that a past range is read, in lane Lane of Lanes; no Lanes are one.
	Past        bool
	Lane, Lanes int
	// Life is how long the invocation may take. Zero means any time.
	Life time.Duration
}

// Limits keeps the requests of a function for one stream within the part of [Vendor.LimitOf] that is theirs: an ordinary run has all
// but [Vendor.BackfillShare], and the lanes of a backfill divide that part among them. It is for the life of the function's
// process, in which it outlives clients and serves one turn after the other; see [Limits.Begin].
//
// The functions of a stream know nothing of each other's requests, so each has a part of its own that holds for any span of time:
// of n requests in a span, the n-th latest is that long ago before the next one leaves. As long as fewer were sent nothing waits, so that a
// run that asks for little is not billed for waiting. A limit over hours is kept to in each minute, and any over less where an invocation
// has little time, so that none passes before the next request may leave. One execution and one backfill together then stay within the
// limit at the vendor, in whichever spans it counts, and where all are busy use at least 95 % of one of 100 requests a minute: what
// the parts lose is a fiftieth of the time ([slack]) and what cannot be divided into whole requests. Two executions at once
// may exceed it, and so may more lanes than there are requests for them in a span, each of which then has one in a longer
// span.
type Limits struct {
	whole   RateLimit
	reserve float64
	// front is held by the one that waits to send next, so that requests leave in the order in which they came.
	front chan struct{}

	mutex sync.Mutex
	turn  Turn
	// longest is over how long the turn's part is counted at most.
	longest time.Duration
	part    RateLimit
	// sent are the times of the latest requests, as many as a span may have. taken counts all; the oldest is in the place that the next
	// one takes.
	sent  []time.Time
	taken int
	// held is until when nothing may be sent.
	held time.Time
}

const (
	// slack is how much longer than the limit's own a span is taken to be, as a part of it: requests that leave a span apart
	// arrive less than that apart where the first was under way for longer.
	slack = 1.0 / 50
	// justBegun is how long after its execution began an invocation is its first. Nothing else has asked the vendor then since the
	// execution before, which is over by a minute where runs are.
	justBegun = 5 * time.Second
	// longestSpan is over how long a limit is counted, and shareOfLife how much of an invocation that may be.
	longestSpan = time.Minute
	shareOfLife = 8
	// mostRemembered is how many requests a span may have. A limit with more is kept to in shorter spans.
	mostRemembered = 1000
)

// NewLimits returns the limits of the vendor's stream. The first turn is that of an ordinary run.
func NewLimits(v *Vendor, stream string) *Limits {
	l := &Limits{whole: v.LimitOf(stream), reserve: v.backfillShare(), front: make(chan struct{}, 1), turn: Turn{Lanes: 1}, longest: longestSpan}
	l.divide()
	return l
}

// Begin is called at the beginning of each invocation, with the time. A process that goes on with the turn that it had before knows
// what has been sent. Another one, that begins in the midst of an execution, does not: whatever asked before it may have sent a
// whole span's requests until now, so it waits until that span is over. That is a matter of a new sandbox after a
// crash, or of lanes that change places; where the execution has just begun nothing waits.
func (l *Limits) Begin(t Turn, now time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	t.Lanes = max(t.Lanes, 1)
	before, longest := l.turn, l.longest
	l.turn, l.longest = t, t.longest()
	fresh := t.Begun.IsZero() || now.Sub(t.Begun) <= justBegun
	if before.Begun.Equal(t.Begun) && before.Past == t.Past && before.Lane == t.Lane && before.Lanes == t.Lanes && longest == l.longest && !fresh {
		return
	}
	if before.Past != t.Past || before.Lanes != t.Lanes || longest != l.longest {
		l.divide()
	}
	if !fresh && l.part != (RateLimit{}) {
		l.held = later(l.held, now.Add(l.span()))
	}
}

// longest returns over how long a limit is counted in the turn. Lives that differ by a moment are the same.
func (t Turn) longest() time.Duration {
	if t.Life == 0 {
		return longestSpan
	}
	return min(max(t.Life.Round(time.Second)/shareOfLife, time.Second), longestSpan)
}

// divide takes the turn's part of the limit, of which nothing has been used yet.
func (l *Limits) divide() {
	l.sent, l.taken = nil, 0
	if l.whole == (RateLimit{}) {
		return
	}
	ordinary, past := l.whole.divide(l.reserve)
	l.part = ordinary
	if l.turn.Past {
		l.part = past.lane(l.turn.Lanes)
	}
	l.part = l.part.within(l.longest)
	if times := (l.part.Requests + mostRemembered - 1) / mostRemembered; times > 1 {
		l.part = RateLimit{Requests: l.part.Requests / times, Per: l.part.Per / Duration(times)}
	}
	l.sent = make([]time.Time, l.part.Requests)
}

// span is how long a request counts.
func (l *Limits) span() time.Duration { return time.Duration(float64(l.part.Per) * (1 + slack)) }

// take counts a request that leaves now and returns its number, or returns how long it has to wait.
func (l *Limits) take(now time.Time) (number int, wait time.Duration) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	at := l.held
	if len(l.sent) > 0 {
		if oldest := l.sent[l.taken%len(l.sent)]; !oldest.IsZero() {
			at = later(at, oldest.Add(l.span()))
		}
	}
	if wait := at.Sub(now); wait > 0 {
		return 0, wait
	}
	if len(l.sent) > 0 {
		l.sent[l.taken%len(l.sent)] = now
		l.taken++
	}
	return l.taken - 1, 0
}

// written has a request count from now on: until there is a connection for it, the vendor knows nothing of it.
func (l *Limits) written(number int, now time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if n := len(l.sent); n > 0 && l.taken-number <= n {
		at := &l.sent[number%n]
		*at = later(*at, now)
	}
}

// hold has nothing sent before then.
func (l *Limits) hold(until time.Time) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.held = later(l.held, until)
}

// most returns how many requests may be sent within a time from now on, -1 for any number.
func (l *Limits) most(now time.Time, within time.Duration) int64 {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if len(l.sent) == 0 {
		return -1
	}
	span := l.span()
	var free int64
	for _, sent := range l.sent {
		if at := later(l.held, sent.Add(span)).Sub(now); at <= within {
			free += 1 + int64((within-max(at, 0))/span)
		}
	}
	return free
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// pace waits for the limit's leave to send one request. It fails with [ErrDeadline] at once where the wait would pass the
// deadline. It returns the request's number in the limits.
func (c *Client) pace(ctx context.Context) (number int, err error) {
	select {
	case c.limits.front <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { <-c.limits.front }()
	for now := c.options.Now(); ; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		number, wait := c.limits.take(now)
		if wait <= 0 {
			return number, nil
		}
		if err := c.wait(ctx, wait); err != nil {
			return 0, err
		}
		// A clock that is set back meanwhile has nobody wait twice.
		now = later(c.options.Now(), now.Add(wait))
	}
}
