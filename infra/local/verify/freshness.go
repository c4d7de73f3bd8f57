package verify

import (
	"math"
	"slices"
	"time"
)

// Freshness says how long records have taken from when the vendor first showed their newest version to when its row was in the curated
// bucket: the time to the run that read it, and what that run took to get there. The two kinds are told apart since no schedule
// makes a vendor show sooner what it shows late.
type Freshness struct {
	// OnTime are the records that showed within the stream's settle delay: they come with the next run after that.
	OnTime Ages `json:"onTime"`
	// Others are those that showed later, or changed where they are; and of a child stream those that showed before its parent's
	// time. They wait until their window or parent is next due.
	Others Ages `json:"others"`
	// BoundSeconds is what 95 of 100 records on time must keep to: an interval of the schedule, the settle delay, and a minute for the
	// run. 0 where the schedule is not known.
	BoundSeconds float64 `json:"boundSeconds"`
}

// Ages are those of records when their rows appeared.
type Ages struct {
	Records    int     `json:"records"`
	P50Seconds float64 `json:"p50Seconds"`
	P95Seconds float64 `json:"p95Seconds"`
	MaxSeconds float64 `json:"maxSeconds"`
}

// runTime is the part of a bound that a run has for its work.
const runTime = time.Minute

// Kept reports whether records on time have kept to the bound.
func (f Freshness) Kept() bool { return f.BoundSeconds == 0 || f.OnTime.P95Seconds <= f.BoundSeconds }

// Put is when a Parquet object was put: At is the scheduled time of the run, Took how long the run was under way by then.
type Put struct {
	At   time.Time
	Took time.Duration
}

// waits are how many seconds records took to become rows.
type waits struct{ onTime, others []float64 }

// age notes how long a version has taken from when the vendor showed it to when its row appeared.
func (c *comparison) age(e *entry, v version) {
	if v.visible.Before(c.Playing) {
		return
	}
	object := e.object
	if first, listed := e.first[v.content]; listed {
		object = first
	}
	for _, put := range c.Puts[c.lake.objects[object]] {
		// Each put of an object holds all that its window's reading saw.
		if put.At.Before(v.visible) {
			continue
		}
		kind := &c.waits.others
		if c.onTime(v) {
			kind = &c.waits.onTime
		}
		*kind = append(*kind, (put.At.Sub(v.visible) + put.Took).Seconds())
		return
	}
}

// onTime reports whether the vendor showed a version within the settle delay of its time.
func (c *comparison) onTime(v version) bool {
	if c.Stream.Parent != nil && v.visible.Before(v.time) {
		return false
	}
	return !v.visible.After(v.time.Add(c.Stream.Settle.D()))
}

// freshness says how fresh the records were.
func (c *comparison) freshness() Freshness {
	f := Freshness{OnTime: agesOf(c.waits.onTime), Others: agesOf(c.waits.others)}
	if c.Interval > 0 {
		f.BoundSeconds = (c.Interval + c.Stream.Settle.D() + runTime).Seconds()
	}
	return f
}

func agesOf(seconds []float64) Ages {
	if len(seconds) == 0 {
		return Ages{}
	}
	slices.Sort(seconds)
	return Ages{len(seconds), percentile(seconds, 0.5), percentile(seconds, 0.95), tenths(seconds[len(seconds)-1])}
}

// percentile returns the smallest of some sorted values that at least the share of them do not exceed.
func percentile(sorted []float64, share float64) float64 {
	return tenths(sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)])
}

func tenths(x float64) float64 { return math.Round(x*10) / 10 }
