package vendortest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// DefaultAttendees is the number of attendees of a day's two large webinars where [Size] does not say.
const DefaultAttendees = 60_000

// DefaultChildren is the number of children of a parent where [Size] does not say.
const DefaultChildren = 6

// Size says how much a [World] holds. Equal sizes and descriptions give equal worlds, byte for byte.
type Size struct {
	// Seed of everything random.
	Seed uint64
	// From and Until bound the time in which webinars take place. Sign-ups begin weeks before From; nothing
	// happens from Until on but among the children of what is planned for later. The time is divided into days of 24 hours
	// counted from From; the last may be shorter.
	From, Until time.Time
	// Attendees is the number of live attendees of each day's two large webinars together; the small ones
	// come on top. Of a described vendor, one that is neither ON24 nor Zoom nor GoTo Webinar, it is the number of records of each
	// stream and day.
	// Default [DefaultAttendees].
	Attendees int
	// Children is how many records of a child stream a parent has on average, of a described vendor: some have none, and one has
	// ten times as many. Default [DefaultChildren].
	Children int
	// Blocked is of how many webinars Zoom refuses the reports for ever, with a page for people and status 403, as has been seen of
	// single ones. No lake can hold their participants, questions and polls, and so the world does not either.
	Blocked int
	// Lateness is how the vendor shows records late, changes and loses them. None by default; ON24's own is
	// [DocumentedLateness].
	Lateness Lateness
}

// on24Name is the name of the vendor whose world and answers are ON24's own.
const on24Name = "on24"

// isDescribed says that what a vendor holds and answers is made up from its description alone.
func isDescribed(v *vendorapi.Vendor) bool { return v.Name != on24Name }

// Generate makes what a vendor holds. A vendor by the name of "on24" holds webinars with their registrants,
// attendees, leads and questions, a stream for each of them that the description has, recognized by the last
// element of its path; those by the names of "zoom" and "gotowebinar" hold webinars at the same times, and one more round each
// midnight, with what their ready descriptions read; any other vendor holds records made up from its streams' columns, keys and
// times.
// A version of a record shows at most four fifths of its stream's settle delay after it happened, but for what
// Size.Lateness says.
func Generate(v *vendorapi.Vendor, o Size) (*World, error) {
	if v.Invalid != nil {
		return nil, v.Invalid
	}
	if !o.Until.After(o.From) {
		return nil, fmt.Errorf("world from %s until %s: want an end after the start", o.From, o.Until)
	}
	if o.Attendees < 0 {
		return nil, fmt.Errorf("world of %d attendees: want 1 or more, or 0 for the default of %d", o.Attendees, DefaultAttendees)
	}
	if o.Children < 0 {
		return nil, fmt.Errorf("world of %d children of each parent: want 1 or more, or 0 for the default of %d", o.Children, DefaultChildren)
	}
	if err := o.Lateness.validate(); err != nil {
		return nil, err
	}
	if len(v.Streams) == 0 {
		return nil, errors.New("the vendor's description has no streams: want at least one")
	}
	if o.Attendees == 0 {
		o.Attendees = DefaultAttendees
	}
	if o.Children == 0 {
		o.Children = DefaultChildren
	}
	switch v.Name {
	case on24Name:
		return generateON24(v, o)
	case zoomName:
		return generateZoom(v, o)
	case gotoName:
		return generateGoTo(v, o)
	}
	return generateDescribed(v, o)
}

// dice is a seeded source of everything random in one part of a world. Parts have dice of their own, so that
// a change to one leaves the others as they were.
type dice struct{ *rand.Rand }

func newDice(seed, part uint64) dice { return dice{rand.New(rand.NewPCG(seed, part))} }

// chance reports true with probability p.
func (d dice) chance(p float64) bool { return d.Float64() < p }

// upTo returns a duration in [0, limit).
func (d dice) upTo(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return time.Duration(d.Int64N(int64(limit)))
}

// about returns an exponentially distributed duration with the given mean, at most ten times as long.
func (d dice) about(mean time.Duration) time.Duration {
	return time.Duration(min(d.ExpFloat64(), 10) * float64(mean))
}

// shows returns when something that happened at t can be seen by a caller.
func (d dice) shows(t time.Time, settle time.Duration) time.Time {
	return t.Add(d.upTo(settle * 4 / 5))
}

// pick returns one of the values.
func pick[T any](d dice, values []T) T { return values[d.IntN(len(values))] }

// quiet reports whether t lies in the hours in which nobody signs up or watches a recording: from midnight to
// three o'clock on the American west coast, roughly.
func quiet(t time.Time) bool {
	hour := t.UTC().Hour()
	return hour >= 8 && hour < 11
}

// days divides the time of o into days and returns the start and the length of each.
func days(o Size) (starts []time.Time, lengths []time.Duration) {
	for start := o.From.UTC(); start.Before(o.Until); start = start.Add(24 * time.Hour) {
		starts = append(starts, start)
		lengths = append(lengths, min(24*time.Hour, o.Until.Sub(start)))
	}
	return starts, lengths
}
