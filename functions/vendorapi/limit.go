package vendorapi

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// LimitOf returns the limit that the stream keeps to: its own, or its share of the account's by weight,
// whichever is lower. Zero means none.
func (v *Vendor) LimitOf(stream string) RateLimit {
	s, err := v.Stream(stream)
	if err != nil {
		return RateLimit{}
	}
	if v.RateLimit == (RateLimit{}) {
		return s.RateLimit
	}
	weights := 0
	for i := range v.Streams {
		weights += v.Streams[i].weight()
	}
	// A share is kept exact, and above zero, by stretching the span and not by rounding the requests.
	divisor := gcd(s.weight(), weights)
	share := RateLimit{
		Requests: v.RateLimit.Requests * (s.weight() / divisor),
		Per:      v.RateLimit.Per * Duration(weights/divisor),
	}
	if s.RateLimit != (RateLimit{}) && s.RateLimit.perSecond() < share.perSecond() {
		return s.RateLimit
	}
	return share
}

func (s *Stream) weight() int { return max(s.Weight, 1) }

func (l RateLimit) perSecond() float64 { return float64(l.Requests) / l.Per.D().Seconds() }

// limiter spreads requests evenly: a burst of 1, since vendors that count by the calendar minute and
// those that count by a sliding one both accept that.
func (l RateLimit) limiter() *rate.Limiter {
	if l == (RateLimit{}) {
		return rate.NewLimiter(rate.Inf, 1)
	}
	return rate.NewLimiter(rate.Limit(l.perSecond()), 1)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// pace waits for the rate limit's leave to send one request. It fails with [ErrDeadline] at once where the
// wait would pass the deadline.
func (c *Client) pace(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := c.options.Now()
	reservation := c.limiter.ReserveN(now, 1)
	if err := c.wait(ctx, reservation.DelayFrom(now)); err != nil {
		reservation.CancelAt(now)
		return err
	}
	return nil
}

// wait sleeps for d, and fails with [ErrDeadline] without sleeping where that would pass the deadline.
func (c *Client) wait(ctx context.Context, d time.Duration) error {
	waited, err := c.options.wait(ctx, d)
	c.stats.Waited += waited
	return err
}

// wait sleeps for d, and returns how long it has begun to sleep for.
func (o Options) wait(ctx context.Context, d time.Duration) (time.Duration, error) {
	if d <= 0 {
		return 0, ctx.Err()
	}
	if deadline, ok := ctx.Deadline(); ok && !o.Now().Add(d).Before(deadline) {
		return 0, ErrDeadline
	}
	return d, o.Sleep(ctx, d)
}
