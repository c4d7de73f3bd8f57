package vendorapi

import (
	"fmt"
	"time"

	"github.com/windrow-data/windrow/functions/window"
)

// finestClock is the time of day, with a remainder in every unit, that layouts are tried with.
var finestClock = 13*time.Hour + 47*time.Minute + 58*time.Second + 987_654_321*time.Nanosecond

func (s *Stream) checkWindow(f *faults) {
	w := s.Window
	zone, err := time.LoadLocation(w.Zone)
	if err != nil || w.Zone == "Local" {
		f.add("zone", w.Zone, "want an IANA name, for example America/Los_Angeles, or nothing for UTC")
	}
	if w.Resolution < 0 || w.Resolution > 0 && (w.Resolution < Duration(time.Microsecond) || time.Minute%w.Resolution.D() != 0) {
		f.add("resolution", w.Resolution, "want a divisor of 1m from 1us on, for example 1s, or 0 where it is unknown; whole hours and days are a granularity")
		return
	}
	if w.Granularity < 0 || w.Granularity > 0 && (w.Granularity < w.Resolution || (24*time.Hour)%w.Granularity.D() != 0) {
		f.add("granularity", w.Granularity, "want a divisor of 24h that is no finer than the resolution, or 0 for the resolution")
		return
	}
	if w.Before < 0 || w.Before > 0 && w.Listing != nil {
		f.add("before", w.Before, "want 0 or more, and of a listing listing.behind in its place")
		return
	}
	b := s.bounds()
	if !b.placed() {
		s.checkUnplaced(f, b)
		return
	}
	if b.Listing != nil {
		s.checkListing(f)
	}
	if b.filtered && s.TimePath == "" {
		f.add("resolution", w.Resolution, "records are placed by their own time where the resolution is unknown, the granularity (%v) coarser or before (%v) set: want timePath, or a resolution", w.Granularity, w.Before)
	}
	if err == nil {
		s.checkLayout(f, b)
		s.checkLongestSpan(f, b, zone)
	}
}

// checkUnplaced checks a window that the vendor is not told.
func (s *Stream) checkUnplaced(f *faults, b bounds) {
	const want = "want in (%s, %s or %s) and name, for its end too"
	unplaced := b.Window
	unplaced.Listing = nil
	switch {
	case unplaced != (Window{}):
		f.add("start", emptyObject, "a window needs a place for its start: "+want+"; or leave all of it out where the vendor takes no bounds", InQuery, InPath, InBody)
	case b.Listing == nil && s.TimePath == "":
		f.add("start", emptyObject, "a window needs a place for its start: "+want+"; or, where the vendor takes no bounds, want timePath, by which records are placed, or a listing", InQuery, InPath, InBody)
	case b.Listing != nil && *b.Listing != (Listing{}):
		f.add("listing", fmt.Sprintf("%v, %v", b.Listing.Behind, b.Listing.Ahead), "the vendor is not told what to list: want start and end, the places of these bounds, or an empty listing")
	}
	if b.Listing != nil {
		s.checkListing(f)
	}
}

func (s *Stream) checkListing(f *faults) {
	l := s.Window.Listing
	if l.Behind < 0 {
		f.add("listing.behind", l.Behind, "want 0 or more")
	}
	if l.Ahead < 0 {
		f.add("listing.ahead", l.Ahead, "want 0 or more")
	}
	if s.Lookback != 0 {
		f.add("listing", s.Lookback, "what is listed is asked for anew in each window, and none is read again: want no lookback")
	}
}

func (s *Stream) checkLayout(f *faults, b bounds) {
	unit := b.unit
	if b.Granularity > 0 {
		unit = b.Granularity.D()
	}
	switch {
	case b.Layout == "":
		f.add("layout", "", "want a Go time layout, for example %s, or %s or %s", time.RFC3339, LayoutUnix, LayoutUnixMilli)
		return
	case b.Layout == LayoutUnix && unit < time.Second, b.Layout == LayoutUnixMilli && unit < time.Millisecond:
		f.add("layout", b.Layout, "it cannot write times to the resolution of %v: want a finer one", unit)
		return
	case isUnix(b.Layout):
		return
	}
	for _, month := range []time.Month{time.January, time.July} {
		day := time.Date(2026, month, 9, 0, 0, 0, 0, b.zone)
		at := day.Add(finestClock.Truncate(unit))
		text := at.Format(b.Layout)
		read, err := time.ParseInLocation(b.Layout, text, b.zone)
		if err != nil || !read.Equal(at) {
			f.add("layout", b.Layout, "it writes %s as %q, which does not read back as the same time: want a Go time layout that holds times to %v, for example %s",
				at.Format(time.RFC3339Nano), text, unit, time.RFC3339)
			return
		}
	}
}

// leastSpanLocal is the span that a stream must be able to ask for where its layout has no offset.
const leastSpanLocal = longestGap + time.Hour

func (s *Stream) checkLongestSpan(f *faults, b bounds, zone *time.Location) {
	longest := b.LongestSpan.D()
	switch {
	case longest < 0:
		f.add("longestSpan", b.LongestSpan, "want a positive duration, or 0 for any")
	case longest == 0:
	case longest < b.Granularity.D():
		f.add("longestSpan", b.LongestSpan, "want at least the granularity, %v", b.Granularity)
	case b.local && longest < leastSpanLocal && hasClockChanges(zone):
		f.add("longestSpan", b.LongestSpan, "want at least %v: the layout has no offset, so while the clocks of %s go back no window can begin or end; or want a layout with an offset",
			leastSpanLocal, zone)
	default:
		start := s.AlignDown(time.Date(2026, 7, 9, 13, 47, 58, 0, time.UTC))
		w := window.Window{Start: start, End: s.LatestEnd(start)}
		if !w.Start.Before(w.End) || b.span(w) > longest {
			f.add("longestSpan", b.LongestSpan, "no window fits, since a bit more than it is asked for: want a longer span, or a known resolution")
		}
	}
}

// hasClockChanges says whether the zone's clocks are changed in the years in which descriptions are written.
func hasClockChanges(zone *time.Location) bool {
	_, ends := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).In(zone).ZoneBounds()
	return !ends.IsZero()
}
