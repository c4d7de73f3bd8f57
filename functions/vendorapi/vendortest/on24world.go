package vendortest

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// The last elements of the paths of ON24's client-level endpoints that are simulated.
const (
	on24Events      = "event"
	on24Registrants = "registrant"
	on24Attendees   = "attendee"
	on24Leads       = "lead"
	on24Questions   = "userquestions"
)

// on24Clocks are the values of dateFilterMode of each endpoint, the one that holds without it first. The
// endpoints without the parameter have one clock without a name.
var on24Clocks = map[string][]string{
	on24Events:      {"goodafter", "updated", "modified", "creation", "livestart", "liveend", "archivestart", "archiveend"},
	on24Registrants: {"registration", "lastActivity"},
	on24Attendees:   {"goodafter", "lastActivity"},
	on24Leads:       {""},
	on24Questions:   {""},
}

// on24Resource returns which of ON24's endpoints a stream reads.
func on24Resource(s *vendorapi.Stream) string { return path.Base(s.Path) }

// on24Client returns the client id that stands in the path of a stream: the element after "client".
func on24Client(s *vendorapi.Stream) (string, bool) {
	elements := strings.Split(s.Path, "/")
	i := slices.Index(elements, "client")
	if i < 0 || i+1 >= len(elements) {
		return "", false
	}
	return elements[i+1], true
}

// on24World is an ON24 world in the making.
type on24World struct {
	size        Size
	client      int64
	people      []person
	collections map[string]*collection
	settle      map[string]time.Duration
	late        map[string]*latecomer
	writer      recordWriter
	activities  []activity
	lastUser    int64
	lastQuest   int64
	// recounted says that events are read by the time at which their statistics were counted.
	recounted bool
}

// activity is something that a person did, as it counts for the lead made of them.
type activity struct {
	person int32
	at     int64
}

func generateON24(v *vendorapi.Vendor, o Size) (*World, error) {
	made := &World{shelves: map[string]shelf{}}
	w := &on24World{
		size: o, collections: map[string]*collection{}, settle: map[string]time.Duration{}, late: map[string]*latecomer{},
		writer: recordWriter{layout: on24Layout, zone: pacific}, lastUser: 700000123, lastQuest: 8800001,
	}
	for i := range v.Streams {
		s := &v.Streams[i]
		resource := on24Resource(s)
		clocks, ok := on24Clocks[resource]
		if !ok {
			return nil, fmt.Errorf("stream %s: path %q: the simulated ON24 has only the client-level endpoints event, registrant, attendee, lead and userquestions", s.Name, s.Path)
		}
		client, _ := on24Client(s)
		id, err := strconv.ParseInt(client, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("stream %s: path %q: want /client/<number>/%s", s.Name, s.Path, resource)
		}
		w.client = id
		c, seen := w.collections[resource]
		if !seen {
			c = newCollection(clocks...)
			w.collections[resource] = c
			w.settle[resource] = s.Settle.D()
		}
		w.settle[resource] = min(w.settle[resource], s.Settle.D())
		clock := 0
		if mode := s.Query["dateFilterMode"]; mode != "" {
			if clock, ok = c.clock(mode); !ok {
				return nil, fmt.Errorf("stream %s: dateFilterMode %q: %s knows %s", s.Name, mode, resource, strings.Join(clocks, ", "))
			}
		}
		if resource == on24Events {
			w.recounted = (!seen || w.recounted) && c.clocks[clock] == "updated"
		}
		made.shelve(s, c, clock)
	}
	for i, resource := range slices.Sorted(maps.Keys(on24Clocks)) {
		l := o.Lateness[resource]
		if l.Vanishing > 0 {
			return nil, fmt.Errorf("lateness of %s: %w", resource, errNoVanishing)
		}
		w.late[resource] = newLatecomer(l, o.Seed, latenessPart+uint64(i), w.settle[resource])
	}
	w.fill()
	return made, nil
}

func (w *on24World) fill() {
	webinars := agenda(w.size)
	largest := 0
	for _, e := range webinars {
		largest = max(largest, e.registrants)
	}
	w.people = people(w.size.Seed, largest+largest/4+1)
	for _, e := range webinars {
		w.fillWebinar(e)
	}
	w.fillLeads()
}

// fillWebinar makes the registrants and the attendees of one webinar, with their questions, and the event itself.
func (w *on24World) fillWebinar(e *webinar) {
	d := newDice(w.size.Seed, 100+uint64(e.number))
	// A stride that is coprime to the number of people visits each of them once, in a scattered order.
	who, stride := d.IntN(len(w.people)), 1+d.IntN(len(w.people))
	for gcd(stride, len(w.people)) != 1 {
		stride++
	}
	held := e.start.Before(w.size.Until)
	for n := range e.registrants {
		who = (who + stride) % len(w.people)
		signedUp, ok := e.signsUp(d, w.size.Until)
		if !ok {
			continue
		}
		w.lastUser += 1 + int64(d.IntN(7))
		r := registration{event: e, person: int32(who), user: w.lastUser, at: signedUp, score: d.Float64()}
		e.signedUp = append(e.signedUp, signedUp)
		w.addRegistrant(d, r)
		if !held {
			continue
		}
		var v visit
		if n < e.attendees {
			v = e.attends(d)
			e.replays(d, &v, 0.18, w.size.Until)
			e.watched = append(e.watched, v.join)
		} else {
			e.replays(d, &v, 0.05, w.size.Until)
		}
		if !v.replayed.IsZero() {
			e.recordings = append(e.recordings, v.replayed)
		}
		if !v.asked.IsZero() {
			w.addQuestion(d, r, &v)
		}
		w.addAttendee(d, r, &v)
	}
	slices.SortFunc(e.signedUp, time.Time.Compare)
	slices.SortFunc(e.watched, time.Time.Compare)
	slices.SortFunc(e.recordings, time.Time.Compare)
	w.addEvent(d, e)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// registration is one person's registration for one webinar.
type registration struct {
	event  *webinar
	person int32
	user   int64
	at     time.Time
	// score from 0 to 1 stands for everything that differs between people and stays as it is.
	score float64
}

func (w *on24World) did(r registration, at time.Time) {
	w.activities = append(w.activities, activity{person: r.person, at: at.UnixNano()})
}

// addEvent adds a webinar as it was created, edited twice before it and once after it, and, where that moves the
// event, as its statistics were counted anew every few hours from then on. Statistics move lastupdated only: a
// stream that reads events by another time sees them change in place. They do so with lateness; without, they stay as at
// the last edit.
func (w *on24World) addEvent(d dice, e *webinar) {
	c := w.collections[on24Events]
	if c == nil {
		return
	}
	length := e.end.Sub(e.start)
	edits := []time.Time{e.created, e.created.Add(1 + d.upTo(e.start.Sub(e.created))), e.created.Add(1 + d.upTo(e.start.Sub(e.created))), e.end.Add(1 + d.upTo(length/3))}
	slices.SortFunc(edits, time.Time.Compare)
	changes := edits
	late := w.late[on24Events]
	switch {
	case late.Changed > 0:
		if late.dice.chance(late.Changed) {
			for range 3 {
				changes = append(changes, e.end.Add(late.ChangesFrom+late.dice.upTo(late.ChangesUntil-late.ChangesFrom)))
			}
			slices.SortFunc(changes[len(edits):], time.Time.Compare)
		}
	case w.recounted:
		for i := range 3 {
			changes = append(changes, e.end.Add(time.Duration(i+1)*3*length+1+d.upTo(length/3)))
		}
	}
	c.begin()
	for i, at := range changes {
		if !at.Before(w.size.Until) {
			break
		}
		modified := edits[min(i, len(edits)-1)]
		c.add(w.event(e, modified, at, i), late.shows(at, d.shows(at, w.settle[on24Events])),
			e.start, at, modified, e.created, e.liveStart(), e.liveEnd(), e.archiveStart(), e.archiveEnd())
	}
}

func (e *webinar) liveStart() time.Time    { return e.start.Add(-min(doorsOpen, e.end.Sub(e.start)/4)) }
func (e *webinar) liveEnd() time.Time      { return e.end }
func (e *webinar) archiveStart() time.Time { return e.end.Add(e.end.Sub(e.start) / 2) }
func (e *webinar) archiveEnd() time.Time   { return e.archiveStart().AddDate(1, 0, 0) }

// addRegistrant adds a registration and, of one in seven, a later change that moves its lastactivity.
func (w *on24World) addRegistrant(d dice, r registration) {
	w.did(r, r.at)
	changed := r.at.Add(1 + d.upTo(r.event.start.Sub(r.at)))
	changes := d.chance(0.15) && changed.Before(w.size.Until)
	if changes {
		w.did(r, changed)
	}
	c := w.collections[on24Registrants]
	if c == nil {
		return
	}
	settle, late := w.settle[on24Registrants], w.late[on24Registrants]
	c.begin()
	c.add(w.registrant(r, r.at, false), late.shows(r.at, d.shows(r.at, settle)), r.at, r.at)
	if changes {
		c.add(w.registrant(r, changed, true), late.shows(changed, d.shows(changed, settle)), r.at, changed)
	}
}

// addAttendee adds a visitor's record, which moves to the time of the last thing they did. What is counted late
// changes in place.
func (w *on24World) addAttendee(d dice, r registration, v *visit) {
	moments := v.moments(d)
	for _, at := range moments {
		w.did(r, at)
	}
	c := w.collections[on24Attendees]
	if c == nil {
		return
	}
	late, onTime := w.late[on24Attendees], make([]time.Time, len(moments))
	for i, at := range moments {
		onTime[i] = d.shows(at, w.settle[on24Attendees])
	}
	visible := late.appearances(moments, onTime)
	c.begin()
	for i, at := range moments {
		v.seenTo = at
		counted, later := late.changes(at, visible[i], after(visible, i))
		if !later {
			c.add(w.attendee(r, v, true), visible[i], r.event.start, at)
			continue
		}
		c.add(w.attendee(r, v, false), visible[i], r.event.start, at)
		c.change(w.attendee(r, v, true), counted)
	}
}

// answerTime is how long after a question its answer is dated.
const answerTime = time.Minute

// addQuestion adds a question and, where it is answered, the version with the answer. Both are found under the
// time of the question, so the answer shows within the settle delay, or the question is never without it.
func (w *on24World) addQuestion(d dice, r registration, v *visit) {
	w.lastQuest += 1 + int64(d.IntN(3))
	v.questionID, v.question, v.answered = w.lastQuest, pick(d, questionTexts), d.chance(0.6)
	c := w.collections[on24Questions]
	if c == nil {
		return
	}
	settle := w.settle[on24Questions]
	onTime := d.shows(v.asked, settle)
	shows := w.late[on24Questions].shows(v.asked, onTime)
	c.begin()
	if v.answered && settle*4/5 > answerTime && shows.Equal(onTime) {
		c.add(w.userQuestion(r, v, false), earlier(shows, v.asked.Add(answerTime)), v.asked)
		shows = v.asked.Add(answerTime + d.upTo(settle*4/5-answerTime))
	}
	c.add(w.userQuestion(r, v, v.answered), shows, v.asked)
}

// fillLeads makes one lead of each person, found under the newest thing that the person did.
func (w *on24World) fillLeads() {
	c := w.collections[on24Leads]
	if c == nil {
		return
	}
	slices.SortFunc(w.activities, func(a, b activity) int {
		return cmp.Or(cmp.Compare(a.person, b.person), cmp.Compare(a.at, b.at))
	})
	d := newDice(w.size.Seed, 3)
	before := 0
	var last []byte
	for i, a := range w.activities {
		before++
		if i == 0 || w.activities[i-1].person != a.person {
			c.begin()
			before = 0
			last = nil
		}
		at := time.Unix(0, a.at)
		lead := w.lead(a, before)
		if string(lead) == string(last) {
			continue
		}
		last = append(last[:0], lead...)
		c.add(lead, w.late[on24Leads].shows(at, d.shows(at, w.settle[on24Leads])), at)
	}
}
