package vendortest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Lateness says how a vendor shows its records later than the settle delay allows for, changes them in place, and
// loses them, for each kind of record by itself: of ON24 by the last element of the endpoint's path ("attendee"), of
// any other vendor by the stream's name. What is not named has none of it. Lateness changes when versions are seen and adds
// versions; what happens in a world stays as it is without.
type Lateness map[string]Delay

// Delay is the lateness of one kind of record. The zero value has none: each version shows within its stream's
// settle delay and stays until the record's next one.
type Delay struct {
	// Late is the share of versions that show after the settle delay, later by an exponentially distributed time
	// with the mean Mean, but at most Longest after they happened.
	Late          float64
	Mean, Longest time.Duration
	// Changed is the share of versions that change once more without their time moving. The change shows from
	// ChangesFrom to ChangesUntil after the version happened, evenly distributed. It does not happen where the version
	// is itself not seen by then, or not any more.
	Changed                   float64
	ChangesFrom, ChangesUntil time.Duration
	// Vanishing is the share of records that the vendor shows no more from some time on, evenly distributed over the
	// Longest after their last version showed. ON24's records never vanish.
	Vanishing float64
}

// DocumentedLateness is ON24's, as its documentation (https://apidoc.on24.com) has it: attendees take up to 24 hours,
// engagement scores and times of activity are cached for 3 to 24 hours, the figures of events for 2 to 12 hours. A change
// of score, of surveys or of calls to action does not move an attendee's last activity, nor new figures an event's last
// modification. How many records are late is not documented. Here it is three attendances in ten, by four hours more than the
// settle delay on average, and half of them are counted later. Leads are as late as the attendances that they are
// made of; registrants and questions are on time.
func DocumentedLateness() Lateness {
	attendance := Delay{
		Late: 0.3, Mean: 4 * time.Hour, Longest: 24 * time.Hour,
		Changed: 0.5, ChangesFrom: 3 * time.Hour, ChangesUntil: 24 * time.Hour,
	}
	leads := attendance
	leads.Changed = 0
	return Lateness{
		on24Attendees: attendance,
		on24Leads:     leads,
		on24Events:    {Changed: 1, ChangesFrom: 2 * time.Hour, ChangesUntil: 12 * time.Hour},
	}
}

func (l Lateness) validate() error {
	for _, kind := range slices.Sorted(maps.Keys(l)) {
		if err := l[kind].validate(); err != nil {
			return fmt.Errorf("lateness of %s: %w", kind, err)
		}
	}
	return nil
}

func (l Delay) validate() error {
	for _, share := range []float64{l.Late, l.Changed, l.Vanishing} {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("a share of %v: want 0 to 1", share)
		}
	}
	switch {
	case l.Late > 0 && (l.Mean <= 0 || l.Longest < l.Mean), l.Vanishing > 0 && l.Longest <= 0:
		return fmt.Errorf("a mean of %s and a longest of %s: want times above zero, the longest no shorter", l.Mean, l.Longest)
	case l.Changed > 0 && (l.ChangesFrom < 0 || l.ChangesUntil <= l.ChangesFrom):
		return fmt.Errorf("changes from %s until %s: want an end after the start", l.ChangesFrom, l.ChangesUntil)
	}
	return nil
}

// errNoVanishing says what ON24's world cannot do.
var errNoVanishing = errors.New("ON24 keeps the records of deleted and forgotten people: want no Vanishing")

// latenessPart is the first of the parts that the lateness of each kind of record is.
const latenessPart = 1 << 32

// latecomer draws the lateness of one kind of record, from dice of its own.
type latecomer struct {
	Delay
	dice   dice
	settle time.Duration
}

func newLatecomer(l Delay, seed, part uint64, settle time.Duration) *latecomer {
	return &latecomer{Delay: l, dice: newDice(seed, part), settle: settle}
}

// shows returns when a version of t shows that would show at onTime.
func (l *latecomer) shows(t, onTime time.Time) time.Time {
	if l.Late == 0 || !l.dice.chance(l.Late) {
		return onTime
	}
	late := t.Add(min(l.settle+l.dice.about(l.Mean), l.Longest))
	if late.Before(onTime) {
		return onTime
	}
	return late
}

// changes draws whether and when a version of t changes in place, which a caller sees from visible on. until is when
// the record's next version puts an end to that, the zero time where there is none.
func (l *latecomer) changes(t, visible, until time.Time) (at time.Time, ok bool) {
	if l.Changed == 0 || !l.dice.chance(l.Changed) {
		return time.Time{}, false
	}
	at = t.Add(l.ChangesFrom + l.dice.upTo(l.ChangesUntil-l.ChangesFrom))
	return at, at.After(visible) && (until.IsZero() || at.Before(until))
}

// vanishes draws whether and when a record is gone whose last version shows from visible on.
func (l *latecomer) vanishes(visible time.Time) (at time.Time, ok bool) {
	if l.Vanishing == 0 || !l.dice.chance(l.Vanishing) {
		return time.Time{}, false
	}
	return visible.Add(1 + l.dice.upTo(l.Longest)), true
}

// appearances returns when each of a record's versions shows, no version before the one that it replaces. onTime is when
// each would show without lateness.
func (l *latecomer) appearances(happened, onTime []time.Time) []time.Time {
	visible := make([]time.Time, len(happened))
	for i, t := range happened {
		visible[i] = l.shows(t, onTime[i])
		if i > 0 && visible[i].Before(visible[i-1]) {
			visible[i] = visible[i-1]
		}
	}
	return visible
}

// after returns the time after the i-th, the zero time where there is none.
func after(times []time.Time, i int) time.Time {
	if i+1 < len(times) {
		return times[i+1]
	}
	return time.Time{}
}
