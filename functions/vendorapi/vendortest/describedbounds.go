package vendortest

import (
	"fmt"
	"math"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// asked returns the span of true times, in Unix nanoseconds, that a request selects: all where the vendor takes no bounds, so that it
// gives what it shows by now.
func asked(s *vendorapi.Stream, read *places) (from, until int64, err error) {
	if s.Window.Start == (vendorapi.Place{}) && s.Window.End == (vendorapi.Place{}) {
		return math.MinInt64, math.MaxInt64, nil
	}
	return bounds(&s.Window, read)
}

// bounds reads a request's window as the described vendor does, and returns the span [from, until) of true times,
// in Unix nanoseconds, that it selects: the vendor cuts a record's time down to its unit and then compares.
func bounds(w *vendorapi.Window, read *places) (from, until int64, err error) {
	zone, err := time.LoadLocation(w.Zone)
	if err != nil {
		return 0, 0, fmt.Errorf("the zone %q is unknown", w.Zone)
	}
	start, err := bound(w, zone, w.Start, read)
	if err != nil {
		return 0, 0, err
	}
	end, err := bound(w, zone, w.End, read)
	if err != nil {
		return 0, 0, err
	}
	unit := w.Granularity.D()
	if unit == 0 {
		unit = w.Resolution.D()
	}
	if unit == 0 {
		unit = unstatedResolution
	}
	u := calendar{unit: unit, zone: zone}
	if w.Granularity > 0 {
		for _, t := range []time.Time{start, end} {
			if !u.floor(t).Equal(t) {
				return 0, 0, fmt.Errorf("the bound %s is not a whole unit of %s", t.Format(time.RFC3339Nano), unit)
			}
		}
	}
	switch {
	case end.Before(start), !w.EndInclusive && end.Equal(start):
		return 0, 0, fmt.Errorf("the end must be after the start")
	case w.LongestSpan > 0 && u.span(start, end) > w.LongestSpan.D():
		return 0, 0, fmt.Errorf("the time from start to end must not be longer than %s", w.LongestSpan)
	}
	if w.EndInclusive {
		return u.ceil(start).UnixNano(), u.next(u.floor(end)).UnixNano(), nil
	}
	return u.ceil(start).UnixNano(), u.ceil(end).UnixNano(), nil
}

// bound reads one bound in the described layout.
func bound(w *vendorapi.Window, zone *time.Location, at vendorapi.Place, read *places) (time.Time, error) {
	if w.Layout == vendorapi.LayoutUnix || w.Layout == vendorapi.LayoutUnixMilli {
		n, err := read.number(at)
		if err != nil {
			return time.Time{}, err
		}
		if w.Layout == vendorapi.LayoutUnix {
			return time.Unix(int64(n), 0), nil
		}
		return time.UnixMilli(int64(n)), nil
	}
	text, ok, err := read.text(at)
	if err != nil {
		return time.Time{}, err
	}
	if !ok {
		return time.Time{}, fmt.Errorf("%s is missing or stands there twice", at.Name)
	}
	t, err := time.ParseInLocation(w.Layout, text, zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s %q is not of the form %q", at.Name, text, w.Layout)
	}
	if hasOffset(w.Layout) || !hasHour(w.Layout) {
		return t, nil
	}
	if t.In(zone).Format(w.Layout) != text {
		return time.Time{}, fmt.Errorf("%s %q does not exist in %s", at.Name, text, zone)
	}
	// No zone repeats more than an hour, and some repeat half of one.
	for _, shift := range []time.Duration{-time.Hour, -30 * time.Minute, 30 * time.Minute, time.Hour} {
		if t.Add(shift).In(zone).Format(w.Layout) == text {
			return time.Time{}, fmt.Errorf("%s %q comes twice in %s", at.Name, text, zone)
		}
	}
	return t, nil
}

// sample is a time that no layout shows as midnight UTC.
var sample = time.Date(2026, 3, 10, 13, 0, 0, 0, time.FixedZone("", 5*3600))

// hasOffset reports whether a layout tells the offset from UTC.
func hasOffset(layout string) bool {
	return sample.Format(layout) != sample.In(time.FixedZone("", 3*3600)).Add(2*time.Hour).Format(layout)
}

// hasHour reports whether a layout tells the hour.
func hasHour(layout string) bool {
	return sample.Format(layout) != sample.Add(time.Hour).Format(layout)
}

// calendar cuts times to units; a unit of a day or more is a calendar day of the zone.
type calendar struct {
	unit time.Duration
	zone *time.Location
}

const day = 24 * time.Hour

func (c calendar) floor(t time.Time) time.Time {
	if c.unit < day {
		return time.Unix(0, floor(t.UnixNano(), c.unit))
	}
	y, m, d := t.In(c.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, c.zone)
}

func (c calendar) next(t time.Time) time.Time {
	if c.unit < day {
		return t.Add(c.unit)
	}
	y, m, d := t.In(c.zone).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, c.zone)
}

func (c calendar) ceil(t time.Time) time.Time {
	if down := c.floor(t); !down.Equal(t) {
		return c.next(down)
	}
	return t
}

// span returns the time from start to end; of calendar days each counts as 24 hours.
func (c calendar) span(start, end time.Time) time.Duration {
	if c.unit < day {
		return end.Sub(start)
	}
	date := func(t time.Time) time.Time {
		y, m, d := t.In(c.zone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return date(end).Sub(date(start))
}
