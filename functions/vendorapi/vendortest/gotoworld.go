package vendortest

import (
	"path"
	"strconv"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// gotoName is the name of the vendor whose world and answers are GoTo Webinar's.
const gotoName = "gotowebinar"

// The last elements of the paths of GoTo's endpoints that are simulated.
const (
	gotoWebinars    = "webinars"
	gotoSessions    = "sessions"
	gotoRegistrants = "registrants"
	gotoAttendees   = "attendees"
	gotoQuestions   = "questions"
	gotoPolls       = "polls"
)

// gotoKind returns which of GoTo's endpoints a stream reads.
func gotoKind(s *vendorapi.Stream) string { return path.Base(s.Path) }

// gotoWorld is a GoTo world in the making.
type gotoWorld struct {
	*conferenceWorld
	// held are the conferences that are over, one session each.
	held []*conference
}

func generateGoTo(v *vendorapi.Vendor, o Size) (*World, error) {
	w := &gotoWorld{conferenceWorld: newConferenceWorld(o)}
	for _, c := range w.all {
		if !c.ended.IsZero() {
			w.held = append(w.held, c)
		}
	}
	fills := map[string]func(*vendorapi.Vendor, *vendorapi.Stream) error{
		gotoWebinars: w.addWebinars, gotoSessions: w.addSessions, gotoRegistrants: w.addRegistrants,
		gotoAttendees: w.addAttendees, gotoQuestions: w.addQuestions, gotoPolls: w.addPolls,
	}
	if err := fillParentsFirst(v, fills, gotoKind); err != nil {
		return nil, err
	}
	return w.made, nil
}

func (c *conference) gotoSession() int64 { return 10234567 + int64(c.number)*101 }

func (w *gotoWorld) addWebinars(v *vendorapi.Vendor, s *vendorapi.Stream) error {
	d, late := w.lateness(v, s)
	c := newCollection("startTime")
	for _, of := range w.all {
		versions := []edition{{of.created, func() []byte { return w.webinar(of, "About "+of.title) }}}
		if edited := of.start.Add(-3 * time.Hour); edited.After(of.created) && edited.Before(w.size.Until) {
			versions = append(versions, edition{edited, func() []byte { return w.webinar(of, "All about "+of.title) }})
		}
		w.add(c, d, late, versions, func() []byte { return w.webinar(of, "Everything about "+of.title) }, of.start)
	}
	w.made.shelve(s, c, 0)
	return nil
}

func (w *gotoWorld) webinar(c *conference, description string) []byte {
	r := &w.writer
	r.reset()
	r.text("webinarKey", strconv.FormatInt(c.key, 10))
	r.text("webinarID", strconv.FormatInt(123000000+c.id%1_000_000, 10))
	r.text("organizerKey", "5555555555555555555")
	r.text("accountKey", "6666666666666666666")
	r.text("subject", c.title)
	r.text("description", description)
	r.open("times", '[')
	for _, week := range []int{0, 1}[:c.times()] {
		r.open("", '{')
		r.time("startTime", c.start.AddDate(0, 0, 7*week))
		r.time("endTime", c.end.AddDate(0, 0, 7*week))
		r.close('}')
	}
	r.close(']')
	r.text("timeZone", "America/Los_Angeles")
	r.text("locale", "en_US")
	r.text("approvalType", "AUTOMATIC")
	r.text("registrationUrl", "https://attendee.gotowebinar.com/register/"+strconv.FormatInt(c.key, 10))
	r.bool("impromptu", false)
	r.bool("isPasswordProtected", false)
	r.text("recurrenceType", []string{"", "single_session", "series"}[c.times()])
	r.text("experienceType", "classic")
	return r.bytes()
}

// times is how often a conference is planned to take place: those of one in six are to be repeated a week later.
func (c *conference) times() int {
	if c.number%6 == 5 {
		return 2
	}
	return 1
}

func (w *gotoWorld) addSessions(v *vendorapi.Vendor, s *vendorapi.Stream) error {
	d, late := w.lateness(v, s)
	c := newCollection("endTime", "startTime")
	for _, of := range w.held {
		w.add(c, d, late, []edition{{of.ended, func() []byte { return w.session(of, 0) }}}, func() []byte { return w.session(of, 1) }, of.ended, of.began)
	}
	w.made.shelve(s, c, 0)
	return nil
}

func (w *gotoWorld) session(c *conference, counted int) []byte {
	attended := counted
	for _, g := range c.guests {
		attended += min(len(g.stays), 1)
	}
	r := &w.writer
	r.reset()
	r.text("sessionKey", strconv.FormatInt(c.gotoSession(), 10))
	r.text("webinarKey", strconv.FormatInt(c.key, 10))
	r.text("webinarID", strconv.FormatInt(123000000+c.id%1_000_000, 10))
	r.text("webinarName", c.title)
	r.time("startTime", c.began)
	r.time("endTime", c.ended)
	r.int("registrantsAttended", int64(attended))
	r.int("registrantCount", int64(len(c.guests)))
	r.text("accountKey", "6666666666666666666")
	r.text("creatingOrganizerKey", "5555555555555555555")
	r.int("totalPollCount", int64(c.polls()))
	r.text("timeZone", "America/Los_Angeles")
	r.text("experienceType", "classic")
	return r.bytes()
}

// polls is how many polls a conference has: some have none.
func (c *conference) polls() int { return (c.number + 1) % 3 }

func (w *gotoWorld) addRegistrants(v *vendorapi.Vendor, s *vendorapi.Stream) error {
	d, late := w.lateness(v, s)
	return w.brood(s, func(c *collection, i int, at time.Time) {
		for n := range w.all[i].guests {
			g := &w.all[i].guests[n]
			versions := []edition{{g.at, func() []byte { return w.registrant(g, "WAITING") }}}
			if !g.changed.IsZero() {
				versions = append(versions, edition{g.changed, func() []byte { return w.registrant(g, "APPROVED") }})
			}
			w.add(c, d, late, versions, func() []byte { return w.registrant(g, "DENIED") }, at)
		}
	})
}

func (w *gotoWorld) registrant(g *guest, status string) []byte {
	r := &w.writer
	r.reset()
	r.int("registrantKey", g.number)
	r.text("firstName", g.first)
	r.text("lastName", g.last)
	r.text("email", g.email)
	r.time("registrationDate", g.at)
	r.text("status", status)
	r.text("joinUrl", "https://example.invalid/j/"+strconv.FormatInt(g.number, 36))
	r.text("timeZone", "America/Los_Angeles")
	return r.bytes()
}

func (w *gotoWorld) addAttendees(v *vendorapi.Vendor, s *vendorapi.Stream) error {
	d, late := w.lateness(v, s)
	return w.brood(s, func(c *collection, i int, at time.Time) {
		of := w.held[i]
		for n := range of.guests {
			if g := &of.guests[n]; len(g.stays) > 0 {
				versions := []edition{{of.ended, func() []byte { return w.attendee(of, g, 0) }}}
				w.add(c, d, late, versions, func() []byte { return w.attendee(of, g, 1) }, at)
			}
		}
	})
}

// attendee counts more seconds once they have been counted again.
func (w *gotoWorld) attendee(c *conference, g *guest, more int64) []byte {
	seconds := more
	for _, stay := range g.stays {
		seconds += int64(stay.leave.Sub(stay.join) / time.Second)
	}
	r := &w.writer
	r.reset()
	r.int("registrantKey", g.number)
	r.int("sessionKey", c.gotoSession())
	r.text("email", g.email)
	r.text("firstName", g.first)
	r.text("lastName", g.last)
	r.int("attendanceTimeInSeconds", seconds)
	r.open("attendance", '[')
	for _, stay := range g.stays {
		r.open("", '{')
		r.time("joinTime", stay.join)
		r.time("leaveTime", stay.leave)
		r.close('}')
	}
	r.close(']')
	return r.bytes()
}

func (w *gotoWorld) addQuestions(v *vendorapi.Vendor, s *vendorapi.Stream) error {
	d, late := w.lateness(v, s)
	return w.brood(s, func(c *collection, i int, at time.Time) {
		of := w.held[i]
		for n := range of.guests {
			if g := &of.guests[n]; g.visit.by(g.visit.asked) {
				versions := []edition{{of.ended, func() []byte { return w.question(n, g, false) }}}
				w.add(c, d, late, versions, func() []byte { return w.question(n, g, true) }, at)
			}
		}
	})
}

func (w *gotoWorld) question(n int, g *guest, more bool) []byte {
	r := &w.writer
	r.reset()
	r.open("answers", '[')
	if g.visit.answered || more || n%3 > 0 {
		r.open("", '{')
		r.text("answer", map[bool]string{false: "Yes, \"within a day\".", true: "Yes.\nSee the slides."}[more])
		r.text("answeredBy", "5555555555555555555")
		r.close('}')
	}
	r.close(']')
	r.text("question", questionTexts[n%len(questionTexts)])
	r.text("askedBy", g.email)
	return r.bytes()
}

func (w *gotoWorld) addPolls(v *vendorapi.Vendor, s *vendorapi.Stream) error {
	d, late := w.lateness(v, s)
	return w.brood(s, func(c *collection, i int, at time.Time) {
		of := w.held[i]
		for n := range of.polls() {
			versions := []edition{{of.ended, func() []byte { return w.poll(of, n, 0) }}}
			w.add(c, d, late, versions, func() []byte { return w.poll(of, n, 1) }, at)
		}
	})
}

func (w *gotoWorld) poll(c *conference, n, more int) []byte {
	r := &w.writer
	r.reset()
	r.open("responses", '[')
	for i, text := range []string{"1-10", "11-50", "\"more\""} {
		r.open("", '{')
		r.text("text", text)
		r.float("percentage", []float64{25.5, 40, 34.5}[(i+n)%3])
		r.close('}')
	}
	r.close(']')
	r.text("question", []string{"Team size?", "Useful?"}[n])
	r.int("numberOfResponses", int64(c.registrants/3+more))
	return r.bytes()
}
