// Package window chooses the end of the next window of time to ask a vendor for.
//
// It stands apart and imports nothing of ours so that the rule by which a stream makes progress can be read,
// and tested, without a vendor, a bucket or a clock.
package window

import "time"

// Window is the half-open span of time [Start, End), in UTC, that one round of requests asks a vendor for.
type Window struct {
	Start time.Time
	End   time.Time
}

// Span returns the length of w.
func (w Window) Span() time.Duration { return w.End.Sub(w.Start) }

// Contains reports whether t lies in w.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.Start) && t.Before(w.End) }

// String returns w as [start, end) in RFC 3339.
func (w Window) String() string {
	return "[" + w.Start.UTC().Format(time.RFC3339Nano) + ", " + w.End.UTC().Format(time.RFC3339Nano) + ")"
}
