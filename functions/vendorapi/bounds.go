package vendorapi

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	// The zones are compiled in: Lambda's provided.al2023 has no zone files.
	_ "time/tzdata"

	"github.com/windrow-data/windrow/functions/window"
)

// defaultUnit stands in where a vendor's resolution is unknown: bounds are moved by it to be safe.
const defaultUnit = time.Second

// bounds is how a stream's windows are asked for, worked out from its [Window].
//
// Two kinds of stream differ in it. Where the vendor compares times in a known unit, windows are asked for
// exactly and every record it answers with belongs to them. Otherwise, and where Before asks for it, more than the window is asked for, and
// each record is placed by its own time; these are the streams that are filtered.
type bounds struct {
	Window
	zone *time.Location
	// unit is the resolution, or defaultUnit.
	unit time.Duration
	// filtered says that the vendor is asked for more than the window.
	filtered bool
	// local says that the layout shows an hour without its offset, so that an hour that is repeated when
	// clocks go back reads as either of two.
	local bool
}

func (s *Stream) bounds() bounds {
	b := bounds{Window: s.Window, zone: zoneOf(s.Window.Zone), unit: s.Window.Resolution.D()}
	if b.unit == 0 {
		b.unit = defaultUnit
	}
	b.filtered = s.Parent == nil && b.Listing == nil && (b.Resolution == 0 || b.Granularity > b.Resolution || b.Before > 0)
	b.local = showsHour(b.Layout) && !showsOffset(b.Layout)
	return b
}

// placed says that the vendor takes bounds at all.
func (b bounds) placed() bool { return b.Start != (Place{}) || b.End != (Place{}) }

// zoneOf returns UTC for a zone that does not exist; Validate refuses it.
func zoneOf(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

func isUnix(layout string) bool { return layout == LayoutUnix || layout == LayoutUnixMilli }

func showsOffset(layout string) bool {
	if isUnix(layout) {
		return true
	}
	wall := func(zone *time.Location) string { return time.Date(2026, 7, 9, 13, 47, 58, 0, zone).Format(layout) }
	return wall(time.FixedZone("AAA", 0)) != wall(time.FixedZone("BBB", -7*3600))
}

func showsHour(layout string) bool {
	at := time.Date(2026, 7, 9, 1, 0, 0, 0, time.UTC)
	return isUnix(layout) || at.Format(layout) != at.Add(time.Hour).Format(layout)
}

// AlignDown returns the latest time up to t at which a window may begin or end: a whole number of the
// vendor's resolution (whole seconds where that is unknown), and, where the layout has no offset, one that the
// vendor cannot take for another: never inside an hour that is repeated when clocks go back. Windows of
// streams whose records are placed by their own time need no more than whole seconds.
func (s *Stream) AlignDown(t time.Time) time.Time { return s.bounds().alignDown(t) }

func (b bounds) alignDown(t time.Time) time.Time {
	t = t.UTC().Truncate(b.unit)
	if b.filtered || !b.local {
		return t
	}
	for {
		from, inside := b.ambiguousAsBound(t)
		if !inside {
			return t
		}
		t = from.Add(-b.unit).UTC().Truncate(b.unit)
	}
}

// longestGap is how long no window can begin or end while clocks go back, where the layout has no offset: the hour that
// occurs twice.
const longestGap = 2 * time.Hour

// LongestGap returns the longest time in which no window of the stream can begin or end, by which its watermark lies
// behind once a year; 0 where any time is one.
func (s *Stream) LongestGap() time.Duration {
	if b := s.bounds(); b.local && !b.filtered && hasClockChanges(b.zone) {
		return longestGap
	}
	return 0
}

// ambiguousAsBound says whether t would be sent as an ambiguous local time, as a start or as an end, and
// where the repeated hour begins.
func (b bounds) ambiguousAsBound(t time.Time) (from time.Time, inside bool) {
	if from, _, inside := ambiguous(t, b.zone); inside {
		return from, true
	}
	if b.EndInclusive {
		if from, _, inside := ambiguous(t.Add(-b.unit), b.zone); inside {
			return from, true
		}
	}
	return time.Time{}, false
}

// ambiguous returns the span [from, until) of instants round t whose local times occur twice, if t lies in
// one: as long before a transition to a smaller offset as after it.
func ambiguous(t time.Time, zone *time.Location) (from, until time.Time, inside bool) {
	began, ends := t.In(zone).ZoneBounds()
	for _, transition := range []time.Time{began, ends} {
		if transition.IsZero() {
			continue
		}
		_, before := transition.Add(-1).In(zone).Zone()
		_, after := transition.In(zone).Zone()
		repeated := time.Duration(before-after) * time.Second
		from, until := transition.Add(-repeated), transition.Add(repeated)
		if repeated > 0 && !t.Before(from) && t.Before(until) {
			return from, until, true
		}
	}
	return time.Time{}, time.Time{}, false
}

// asked returns the instants that stand for the window's start and end in a request.
func (b bounds) asked(w window.Window) (from, to time.Time) {
	from, to = w.Start, w.End
	if b.Listing != nil {
		return w.End.Add(-b.Listing.Behind.D()), w.End.Add(b.Listing.Ahead.D())
	}
	if !b.filtered {
		if b.EndInclusive {
			to = to.Add(-b.unit)
		}
		return from, to
	}
	from = from.Add(-b.Before.D())
	if b.Resolution == 0 {
		from, to = from.Add(-defaultUnit), to.Add(defaultUnit)
	}
	if b.Granularity > 0 {
		from = b.floor(from)
		if floor := b.floor(to); floor.Before(to) {
			to = b.next(floor)
		}
	}
	// For a layout of whole days this names the last day, for a finer one the last moment of it.
	if b.EndInclusive && (b.Granularity > 0 || b.Resolution > 0) {
		to = to.Add(-b.unit)
	}
	if b.local {
		if begin, _, inside := ambiguous(from, b.zone); inside {
			from = begin.Add(-b.unit)
			if b.Granularity > 0 {
				from = b.floor(from)
			}
		}
		if _, until, inside := ambiguous(to, b.zone); inside {
			to = until
		}
	}
	return from, to
}

// leastNear is how far from what is asked for a record's time may lie at least and still be near: a time without an offset may
// be another zone's than that of the bounds, which differs by up to 26 hours.
const leastNear = 26 * time.Hour

// near returns the span in which the times of a window's records lie: what is asked for, and the lookback before and after it.
// Within the lookback records change, and a vendor may compare a newer or an older time than the one it shows.
func (b bounds) near(w window.Window, lookback time.Duration) window.Window {
	from, to := b.asked(w)
	margin := max(lookback, leastNear)
	return window.Window{Start: from.Add(-margin), End: to.Add(b.unit + margin)}
}

// floor returns the start of the unit of Granularity that t lies in, by the clocks of the zone.
func (b bounds) floor(t time.Time) time.Time { return b.atUnit(t, 0) }

// next returns the start of the unit after the one that begins at t.
func (b bounds) next(t time.Time) time.Time {
	for ahead := 1; ; ahead++ {
		// A unit that clocks skip begins where the next one does, so one step may lead nowhere.
		if next := b.atUnit(t, ahead); next.After(t) {
			return next
		}
	}
}

func (b bounds) atUnit(t time.Time, ahead int) time.Time {
	local := t.In(b.zone)
	sinceMidnight := wall(local).Sub(wall(local).Truncate(24 * time.Hour))
	units := int(sinceMidnight/b.Granularity.D()) + ahead
	year, month, day := local.Date()
	start := firstAt(year, month, day, time.Duration(units)*b.Granularity.D(), b.zone)
	// Where clocks went back into this unit, its first start may not be the latest before t; any start before
	// t serves, since records are placed by their own time.
	for ahead == 0 && start.After(t) {
		start = start.Add(-b.Granularity.D())
	}
	return start
}

// firstAt returns the first instant of the zone that shows the wall time, or a later one where clocks skip it.
func firstAt(year int, month time.Month, day int, sinceMidnight time.Duration, zone *time.Location) time.Time {
	want := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Add(sinceMidnight)
	// No zone is more than 15 hours from UTC, and no offset changes twice within the two days looked at.
	earliest := want.Add(-24 * time.Hour).In(zone)
	_, offset := earliest.Zone()
	first := want.Add(-time.Duration(offset) * time.Second).In(zone)
	if _, change := earliest.ZoneBounds(); !change.IsZero() && !first.Before(change) {
		_, offset = change.In(zone).Zone()
		first = want.Add(-time.Duration(offset) * time.Second).In(zone)
		if first.Before(change) {
			first = change
		}
	}
	return first
}

// wall returns the local clock's reading as if it were UTC, so that two readings can be subtracted.
func wall(t time.Time) time.Time {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	return time.Date(year, month, day, hour, minute, second, t.Nanosecond(), time.UTC)
}

// LatestEnd returns the latest end of a window from start that the vendor accepts, by LongestSpan and what is
// asked for beyond the window. It is the zero time where the vendor accepts any.
func (s *Stream) LatestEnd(start time.Time) time.Time {
	longest := s.Window.LongestSpan.D()
	if longest == 0 {
		return time.Time{}
	}
	b := s.bounds()
	end := b.alignDown(start.Add(longest))
	for end.After(start) {
		excess := b.span(window.Window{Start: start, End: end}) - longest
		if excess <= 0 {
			return end
		}
		if b.Granularity > 0 {
			end = b.alignDown(b.floor(end.Add(-1)))
		} else {
			end = b.alignDown(end.Add(-excess))
		}
	}
	// Validate refuses a stream for which no window fits; should there be one all the same, the vendor's answer
	// to the shortest window says more than standing still.
	return b.alignDown(start.Add(b.unit))
}

// span is how long the vendor may take the bounds asked for to be apart: by the clocks where it knows
// nothing else.
func (b bounds) span(w window.Window) time.Duration {
	from, to := b.asked(w)
	if b.EndInclusive && (b.Granularity > 0 || b.Resolution > 0) {
		to = to.Add(b.unit)
	}
	elapsed := to.Sub(from)
	clocks := wall(to.In(b.zone)).Sub(wall(from.In(b.zone)))
	switch {
	case b.Granularity.D() >= 24*time.Hour:
		return clocks
	case b.local:
		return max(elapsed, clocks)
	}
	return elapsed
}

// format writes a bound as the vendor reads it.
func (b bounds) format(t time.Time) (text string, number bool) {
	switch b.Layout {
	case LayoutUnix:
		return strconv.FormatInt(t.Unix(), 10), true
	case LayoutUnixMilli:
		return strconv.FormatInt(t.UnixMilli(), 10), true
	}
	return t.In(b.zone).Format(b.Layout), false
}

// check says why a window cannot be asked for.
func (b bounds) check(w window.Window) error {
	if !w.Start.Before(w.End) {
		return errors.New("the window is empty: want a start before its end")
	}
	if b.filtered {
		return nil
	}
	for _, t := range []time.Time{w.Start, w.End} {
		if aligned := b.alignDown(t); !aligned.Equal(t) {
			return fmt.Errorf("%s cannot be asked for exactly: the latest time before it that can is %s (Stream.AlignDown)",
				t.UTC().Format(time.RFC3339Nano), aligned.Format(time.RFC3339Nano))
		}
	}
	return nil
}
