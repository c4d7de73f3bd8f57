package vendortest

import (
	"slices"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// conference is a webinar with the people who sign up for it and come: what the worlds of Zoom and GoTo are made of.
type conference struct {
	*webinar
	// key is a number of its own, above 2^53.
	key int64
	// began and ended are when it took place, to the second. Of one that is not over within the world, ended is zero.
	began, ended time.Time
	// guests are those who signed up, in the order of their numbers.
	guests []guest
}

// guest is one person's registration for a conference, and what he or she did there.
type guest struct {
	*person
	// number is unique in the world.
	number int64
	at     time.Time
	// changed is when the registration changed, zero where it did not.
	changed time.Time
	// score from 0 to 1 stands for everything that differs between people and stays as it is.
	score float64
	visit visit
	// stays are when the guest was there: none, one, or two of somebody who left and joined again.
	stays []stay
}

// stay is from a second to a later one.
type stay struct{ join, leave time.Time }

const (
	// firstConference and firstGuest are above 2^53, where floating point loses whole numbers.
	firstConference = 4255157664015486220
	firstGuest      = 8123456789012345678
)

// conferences makes the conferences of a world: those of [agenda] and, round each midnight that has an evening and a morning, one
// that begins on one day and ends on the next, and lasts for longer than any settle delay.
func conferences(o Size) []*conference {
	webinars := agenda(o)
	starts, lengths := days(o)
	for i, start := range starts {
		if i == 0 || lengths[i] < 12*time.Hour {
			continue
		}
		n := len(webinars)
		overnight := *webinars[0]
		overnight.id, overnight.number = 4501001+int64(n)*137, n
		overnight.start, overnight.end = start.Add(-50*time.Minute), start.Add(35*time.Minute)
		overnight.created = overnight.start.Add(-signupWeeks)
		overnight.signedUp, overnight.watched, overnight.recordings = nil, nil, nil
		webinars = append(webinars, &overnight)
	}
	largest := 0
	for _, w := range webinars {
		largest = max(largest, w.registrants)
	}
	everybody := people(o.Seed, largest+largest/4+1)
	number := int64(firstGuest)
	var all []*conference
	for _, w := range webinars {
		c := &conference{webinar: w, key: firstConference + int64(w.number)*1_000_003}
		c.fill(o, everybody, &number)
		all = append(all, c)
	}
	return all
}

func (c *conference) fill(o Size, everybody []person, number *int64) {
	d := newDice(o.Seed, 100+uint64(c.number))
	// A stride that is coprime to the number of people visits each of them once, in a scattered order.
	who, stride := d.IntN(len(everybody)), 1+d.IntN(len(everybody))
	for gcd(stride, len(everybody)) != 1 {
		stride++
	}
	c.began = c.start.Add(-d.upTo(2 * time.Minute)).Truncate(time.Second)
	if c.end.Add(time.Minute).Before(o.Until) {
		c.ended = c.end.Add(d.upTo(time.Minute)).Truncate(time.Second)
	}
	for n := range c.registrants {
		who = (who + stride) % len(everybody)
		at, ok := c.signsUp(d, o.Until)
		if !ok {
			continue
		}
		*number += 1 + int64(d.IntN(1000))
		g := guest{person: &everybody[who], number: *number, at: at.Truncate(time.Second), score: d.Float64()}
		if changed := at.Add(1 + d.upTo(c.start.Sub(at))); d.chance(0.15) && changed.Before(o.Until) {
			g.changed = changed
		}
		if n < c.attendees && !c.ended.IsZero() {
			g.visit = c.attends(d)
			g.visit.seenTo = c.ended
			g.stays = stays(d, g.visit.join.Truncate(time.Second), g.visit.leave.Truncate(time.Second))
		}
		c.guests = append(c.guests, g)
	}
}

// stays cuts one visit in ten in two, where it is long enough.
func stays(d dice, join, leave time.Time) []stay {
	const away = time.Minute
	cut := join.Add(d.upTo(leave.Sub(join))).Truncate(time.Second)
	if d.chance(0.9) || !cut.After(join) || !leave.After(cut.Add(away)) {
		return []stay{{join, leave}}
	}
	return []stay{{join, cut}, {cut.Add(away), leave}}
}

// conferenceWorld makes the collections of a vendor of conferences.
type conferenceWorld struct {
	size   Size
	made   *World
	all    []*conference
	writer recordWriter
}

const secondsUTC = "2006-01-02T15:04:05Z"

func newConferenceWorld(o Size) *conferenceWorld {
	return &conferenceWorld{
		size: o, made: &World{shelves: map[string]shelf{}}, all: conferences(o),
		writer: recordWriter{layout: secondsUTC, zone: time.UTC},
	}
}

// lateness returns the lateness of a stream, and dice of its own.
func (w *conferenceWorld) lateness(v *vendorapi.Vendor, s *vendorapi.Stream) (dice, *latecomer) {
	part := uint64(slices.IndexFunc(v.Streams, func(other vendorapi.Stream) bool { return other.Name == s.Name }))
	return newDice(w.size.Seed, 2000+part), newLatecomer(w.size.Lateness[s.Name], w.size.Seed, latenessPart+part, s.Settle.D())
}

// edition is one version of a record in the making: since when it is so, and how it is written.
type edition struct {
	at    time.Time
	write func() []byte
}

// add adds a record to a collection: its versions, and perhaps one more that has changed in place, as altered writes it. times are
// those that it is found by.
func (w *conferenceWorld) add(c *collection, d dice, late *latecomer, versions []edition, altered func() []byte, times ...time.Time) {
	happened, onTime := make([]time.Time, len(versions)), make([]time.Time, len(versions))
	for i, v := range versions {
		happened[i], onTime[i] = v.at, d.shows(v.at, late.settle)
	}
	visible := late.appearances(happened, onTime)
	c.begin()
	for i, v := range versions {
		c.add(v.write(), visible[i], times...)
	}
	last := len(versions) - 1
	shown := visible[last]
	if at, ok := late.changes(happened[last], shown, time.Time{}); ok {
		c.change(altered(), at)
		shown = at
	}
	if at, ok := late.vanishes(shown); ok {
		c.vanish(at)
	}
}

// brood makes the records of a child stream. fill adds those of the i-th record of the parent stream, whose own time is at.
func (w *conferenceWorld) brood(s *vendorapi.Stream, fill func(c *collection, i int, at time.Time)) error {
	parents := w.made.shelves[s.Parent.Stream]
	of, err := familyOf(s, parents, func(version int32, _ []byte) (time.Time, error) {
		return time.Unix(0, parents.collection.time(parents.clock, version)).UTC(), nil
	})
	if err != nil {
		return err
	}
	c := newCollection("")
	for i := range of.parents {
		p := &of.parents[i]
		p.from = int32(len(c.versions))
		fill(c, i, p.time)
		p.until = int32(len(c.versions))
		for range p.until - p.from {
			of.of = append(of.of, int32(i))
		}
	}
	w.made.shelveChildren(s, c, 0, of)
	return nil
}
