package verify

import (
	"slices"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Run is one run of a stream's schedule.
type Run struct {
	// At is its scheduled time: it reads what the vendor shows then.
	At time.Time `json:"at"`
	// Failed says that the run may have left what it was to read to the next one.
	Failed bool `json:"failed,omitempty"`
}

// ages are how old a window is, counted from its end, each time it is to be read again; of the last, every multiple.
// They are written down from DESIGN.md a second time, so that a function that forgets one is found out.
var ages = []time.Duration{30 * time.Minute, time.Hour, 3 * time.Hour, 8 * time.Hour, 24 * time.Hour}

// countsPerRun is how many spans of the lookback a run compares by counting at most.
const countsPerRun = 4

// reading is when a window was last read. Of records that move it was read at one time from the first to the last of
// both spans, which are the same then.
type reading struct {
	// must is the span of what has to be in the lake: the versions that the vendor showed all through it.
	must span
	// may is the span of what can be in the lake: the versions that the vendor showed at any time of it.
	may span
}

// span is the time from the first to the last of it, both included.
type span struct{ first, last time.Time }

// throughout reports whether the vendor showed a version in all of the span.
func (s span) throughout(r Record) bool {
	return !r.VisibleAt.After(s.first) && (r.GoneAt.IsZero() || r.GoneAt.After(s.last))
}

// touches reports whether the vendor showed a version at any time of the span.
func (s span) touches(visible, gone time.Time) bool {
	return !visible.After(s.last) && (gone.IsZero() || gone.After(s.first))
}

// lastReading works out from the schedule when the window of a commit was last to be read. The commit's own word
// counts only where it has been read later than that.
func (c Check) lastReading(commit rawzone.Commit) reading {
	own := span{commit.ReadAt, commit.WrittenAt}
	last := reading{must: own, may: own}
	for _, due := range c.dues(commit) {
		if !due.After(commit.ReadAt) {
			continue // It was read when this reading was due, or later.
		}
		first, done, ok := c.runsSince(due)
		if first.IsZero() {
			break
		}
		if !ok {
			// A run that failed may have read the window, or not.
			last.may.last = c.now()
			break
		}
		last.must = span{first, done}
		last.may.last = done
		if c.Stream.Audit != vendorapi.AuditCount {
			last.may.first = first
		}
	}
	return last
}

// dues are the times up to now at which a window was to be read again.
func (c Check) dues(commit rawzone.Commit) (all []time.Time) {
	lookback, age := c.Stream.Lookback.D(), c.now().Sub(commit.End)
	add := func(due time.Duration) {
		if due <= age && (due <= lookback || !commit.Settled) {
			all = append(all, commit.End.Add(due))
		}
	}
	for _, due := range ages {
		add(due)
	}
	daily := ages[len(ages)-1]
	for due := 2 * daily; due <= age; due += daily {
		add(due)
	}
	if lookback > 0 {
		add(lookback)
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// runsSince returns the first run since due, and the one by which what was due is done for sure; ok is false where none
// is.
func (c Check) runsSince(due time.Time) (first, done time.Time, ok bool) {
	needed := 1
	if longest := c.Stream.Window.LongestSpan.D(); c.Stream.Audit == vendorapi.AuditCount && longest > 0 {
		spans := 2 + int(c.Stream.Lookback.D()/longest)
		needed = (spans + countsPerRun - 1) / countsPerRun
	}
	for _, run := range c.Runs {
		if run.At.Before(due) {
			continue
		}
		if first.IsZero() {
			first = run.At
		}
		if !run.Failed {
			if needed--; needed == 0 {
				return first, run.At, true
			}
		}
	}
	return first, time.Time{}, false
}

// now is the time of the last run.
func (c Check) now() time.Time { return c.Runs[len(c.Runs)-1].At }

// seen reports whether any reading of a window that was to take place has seen a version: for sure, or else perhaps.
func (c *comparison) seen(commit rawzone.Commit, v version) (surely, perhaps bool) {
	if commit.Start.Before(c.genesis) {
		// A backfill has read it, and no run of the schedule before.
		own := span{commit.ReadAt, commit.WrittenAt}
		return own.throughout(Record{VisibleAt: v.visible, GoneAt: v.gone}), own.touches(v.visible, v.gone)
	}
	for _, due := range append(c.dues(commit), commit.End.Add(c.Stream.Settle.D())) {
		if first, done, ok := c.runsSince(due); ok {
			reading := span{first, done}
			surely = surely || reading.throughout(Record{VisibleAt: v.visible, GoneAt: v.gone})
			perhaps = perhaps || reading.touches(v.visible, v.gone)
		}
	}
	return surely, perhaps
}
