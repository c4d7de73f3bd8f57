package vendortest

import (
	"encoding/base64"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// zoomName is the name of the vendor whose world and answers are Zoom's.
const zoomName = "zoom"

// The last elements of the paths of Zoom's endpoints that are simulated.
const (
	zoomWebinars     = "webinars"
	zoomUpcoming     = "upcoming_events"
	zoomRegistrants  = "registrants"
	zoomParticipants = "participants"
	zoomQuestions    = "qa"
	zoomPolls        = "polls"
)

// zoomKind returns which of Zoom's endpoints a stream reads.
func zoomKind(s *vendorapi.Stream) string { return path.Base(s.Path) }

// zoomInstance is one holding of a webinar. One number may stand for several.
type zoomInstance struct {
	*conference
	uuid         string
	began, ended time.Time
	// rehearsal says that only the presenter was there.
	rehearsal bool
	// blocked says that the vendor's reports of it are never given.
	blocked bool
}

// zoomWorld is a Zoom world in the making.
type zoomWorld struct {
	*conferenceWorld
	instances []*zoomInstance
}

func generateZoom(v *vendorapi.Vendor, o Size) (*World, error) {
	w := &zoomWorld{conferenceWorld: newConferenceWorld(o)}
	w.hold()
	w.made.blocked = map[string]bool{}
	for _, i := range w.instances {
		w.made.blocked[i.uuid] = i.blocked
	}
	fills := map[string]func(*vendorapi.Vendor, *vendorapi.Stream) error{
		zoomWebinars: w.addWebinars, zoomUpcoming: w.addUpcoming, zoomRegistrants: w.addRegistrants,
		zoomParticipants: w.addParticipants, zoomQuestions: w.addQuestions, zoomPolls: w.addPolls,
	}
	if err := fillParentsFirst(v, fills, zoomKind); err != nil {
		return nil, err
	}
	return w.made, nil
}

// fillParentsFirst makes the records of each stream, of children after those that have none.
func fillParentsFirst(v *vendorapi.Vendor, fills map[string]func(*vendorapi.Vendor, *vendorapi.Stream) error, kind func(*vendorapi.Stream) string) error {
	for _, children := range []bool{false, true} {
		for i := range v.Streams {
			s := &v.Streams[i]
			fill, known := fills[kind(s)]
			if !known {
				return fmt.Errorf("stream %s: path %q: the simulated %s has no such endpoint", s.Name, s.Path, v.Name)
			}
			if (s.Parent != nil) != children {
				continue
			}
			if err := fill(v, s); err != nil {
				return fmt.Errorf("stream %s: %w", s.Name, err)
			}
		}
	}
	return nil
}

// hold makes the instances: one of each webinar that is over, and before the last small one of a day a rehearsal under the same
// number. The reports of the second webinar of a day may be blocked.
func (w *zoomWorld) hold() {
	for _, c := range w.all {
		if c.ended.IsZero() {
			continue
		}
		if c.number%6 == 3 {
			w.instances = append(w.instances, &zoomInstance{
				conference: c, uuid: zoomUUID(w.size.Seed, c.number, true), rehearsal: true,
				began: c.began.Add(-2 * time.Hour), ended: c.began.Add(-100 * time.Minute),
			})
		}
		w.instances = append(w.instances, &zoomInstance{
			conference: c, uuid: zoomUUID(w.size.Seed, c.number, false), began: c.began, ended: c.ended, blocked: c.number%6 == 1 && c.number/6 < w.size.Blocked,
		})
	}
}

// zoomUUID is sixteen bytes in base64. Of four webinars, one's begins with a slash and one's has two in a row.
func zoomUUID(seed uint64, number int, rehearsal bool) string {
	d := newDice(seed, 5000+uint64(number))
	raw := make([]byte, 16)
	for i := range raw {
		raw[i] = byte(d.Uint64())
	}
	if rehearsal {
		raw[15]++
	}
	text := []byte(base64.StdEncoding.EncodeToString(raw))
	switch number % 4 {
	case 0:
		text[0] = '/'
	case 2:
		text[5], text[6] = '/', '/'
	}
	return string(text)
}

// zoomID is the number of a webinar, eleven digits.
func (c *conference) zoomID() int64 { return 91234567890 + c.id%1_000_000 }

func (w *zoomWorld) addWebinars(v *vendorapi.Vendor, s *vendorapi.Stream) error {
	d, late := w.lateness(v, s)
	c := newCollection("end_time", "start_time")
	for _, i := range w.instances {
		w.add(c, d, late, []edition{{i.ended, func() []byte { return w.webinar(i, 0) }}}, func() []byte { return w.webinar(i, 1) }, i.ended, i.began)
	}
	w.made.shelve(s, c, 0)
	return nil
}

func (w *zoomWorld) webinar(i *zoomInstance, counted int) []byte {
	present := 1 + counted
	if !i.rehearsal {
		for _, g := range i.guests {
			present += min(len(g.stays), 1)
		}
	}
	length := i.ended.Sub(i.began)
	r := &w.writer
	r.reset()
	r.text("uuid", i.uuid)
	r.int("id", i.zoomID())
	r.text("topic", i.title)
	r.text("host", i.presenter)
	r.text("email", hostEmail)
	r.text("user_type", "Licensed")
	r.text("dept", "")
	r.time("start_time", i.began)
	r.time("end_time", i.ended)
	r.text("duration", fmt.Sprintf("%02d:%02d:%02d", int(length.Hours()), int(length.Minutes())%60, int(length.Seconds())%60))
	r.int("participants", int64(present))
	r.bool("has_video", true)
	r.bool("has_recording", i.number%2 == 0)
	return r.bytes()
}

func (w *zoomWorld) addUpcoming(v *vendorapi.Vendor, s *vendorapi.Stream) error {
	d, late := w.lateness(v, s)
	c := newCollection("start_time")
	for _, of := range w.all {
		versions := []edition{{of.created, func() []byte { return w.upcoming(of, of.title) }}}
		if edited := of.start.Add(-3 * time.Hour); edited.After(of.created) && edited.Before(w.size.Until) {
			versions = append(versions, edition{edited, func() []byte { return w.upcoming(of, of.title+" (today)") }})
		}
		w.add(c, d, late, versions, func() []byte { return w.upcoming(of, of.title+" (soon)") }, of.start)
	}
	w.made.shelve(s, c, 0)
	return nil
}

func (w *zoomWorld) upcoming(c *conference, topic string) []byte {
	r := &w.writer
	r.reset()
	r.text("dept", "")
	r.text("host_id", "DYHrdpjrS3uaOf7dPkkg8w")
	r.text("host_name", c.presenter)
	r.text("id", strconv.FormatInt(c.zoomID(), 10))
	r.time("start_time", c.start)
	r.text("topic", topic)
	return r.bytes()
}

func (w *zoomWorld) addRegistrants(v *vendorapi.Vendor, s *vendorapi.Stream) error {
	d, late := w.lateness(v, s)
	return w.brood(s, func(c *collection, i int, at time.Time) {
		for n := range w.all[i].guests {
			g := &w.all[i].guests[n]
			if g.zoomStatus() != s.Query["status"] {
				continue
			}
			versions := []edition{{g.at, func() []byte { return w.registrant(g, g.title) }}}
			if !g.changed.IsZero() {
				versions = append(versions, edition{g.changed, func() []byte { return w.registrant(g, "Senior "+g.title) }})
			}
			w.add(c, d, late, versions, func() []byte { return w.registrant(g, "Chief "+g.title) }, at)
		}
	})
}

func (g *guest) zoomStatus() string {
	switch {
	case g.score > 0.99:
		return "denied"
	case g.score > 0.97:
		return "pending"
	}
	return "approved"
}

// zoomUser is an id of 22 characters that stands for a person or a registration.
func zoomUser(n int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf("%016x", uint64(n)*0x9e3779b97f4a7c15)))
}

func (w *zoomWorld) registrant(g *guest, title string) []byte {
	r := &w.writer
	r.reset()
	r.text("id", zoomUser(g.number))
	r.text("email", g.email)
	r.text("first_name", g.first)
	r.text("last_name", g.last)
	r.text("city", g.city)
	r.text("country", "GB")
	r.text("zip", g.zip)
	r.text("org", g.company)
	r.text("job_title", title)
	r.text("phone", g.phone)
	r.text("no_of_employees", strings.ReplaceAll(g.size, " ", ""))
	r.open("custom_questions", '[')
	r.open("", '{')
	r.text("title", "Team?")
	r.text("value", g.function)
	r.close('}')
	r.close(']')
	r.text("status", g.zoomStatus())
	r.time("create_time", g.at)
	r.text("join_url", "https://zoom.us/w/"+strconv.FormatInt(g.number, 10))
	return r.bytes()
}

// reports makes the records of a report: those of each guest of an instance.
func (w *zoomWorld) reports(v *vendorapi.Vendor, s *vendorapi.Stream, of func(i *zoomInstance, n int, g *guest, add func(first, altered func() []byte))) error {
	d, late := w.lateness(v, s)
	return w.brood(s, func(c *collection, n int, at time.Time) {
		i := w.instances[n]
		add := func(first, altered func() []byte) {
			w.add(c, d, late, []edition{{i.ended, first}}, altered, at)
		}
		switch {
		case i.blocked:
		case i.rehearsal:
			host := guest{person: &person{first: i.presenter, email: hostEmail}, number: firstGuest - int64(i.number), stays: []stay{{i.began, i.ended}}}
			of(i, 0, &host, add)
		default:
			for n := range i.guests {
				of(i, n, &i.guests[n], add)
			}
		}
	})
}

// unknown says that a guest came without an account, so that Zoom has no more than a name.
func (g *guest) unknown() bool { return g.score > 0.8 }

func (w *zoomWorld) addParticipants(v *vendorapi.Vendor, s *vendorapi.Stream) error {
	return w.reports(v, s, func(i *zoomInstance, n int, g *guest, add func(first, altered func() []byte)) {
		for _, stay := range g.stays {
			add(func() []byte { return w.participant(n, g, stay, false) }, func() []byte { return w.participant(n, g, stay, true) })
		}
	})
}

func (w *zoomWorld) participant(n int, g *guest, of stay, altered bool) []byte {
	id, user, email, registrant := zoomUser(g.number+1), "DYHrdpjrS3uaOf7dPkkg8w", g.email, zoomUser(g.number)
	if g.unknown() {
		id, user, email, registrant = "", "", "", ""
	}
	r := &w.writer
	r.reset()
	r.text("id", id)
	// The same guest has the same number when he or she joins again.
	r.text("user_id", strconv.Itoa(16778240+1024*n))
	r.text("participant_user_id", user)
	r.text("name", strings.TrimSpace(g.first+" "+g.last))
	r.text("user_email", email)
	r.time("join_time", of.join)
	r.time("leave_time", of.leave)
	r.int("duration", int64(of.leave.Sub(of.join)/time.Second))
	r.text("registrant_id", registrant)
	r.text("customer_key", map[bool]string{true: "late"}[altered])
	r.bool("failover", false)
	r.text("status", "in_meeting")
	return r.bytes()
}

// hostEmail is the address of who holds a webinar and answers.
const hostEmail = "lee@example.com"

func (w *zoomWorld) addQuestions(v *vendorapi.Vendor, s *vendorapi.Stream) error {
	return w.reports(v, s, func(i *zoomInstance, n int, g *guest, add func(first, altered func() []byte)) {
		if g.visit.by(g.visit.asked) {
			// One in three is not answered, or only later.
			answered := map[bool]string{true: "Yes"}[n%3 > 0]
			add(func() []byte { return w.question(i, n, g, answered) }, func() []byte { return w.question(i, n, g, "Yes, see the slides") })
		}
	})
}

func (w *zoomWorld) question(i *zoomInstance, n int, g *guest, answered string) []byte {
	r := &w.writer
	r.reset()
	r.text("user_id", "")
	r.asker(g)
	r.open("question_details", '[')
	r.open("", '{')
	r.text("question_id", "q"+strconv.Itoa(n))
	r.text("question", questionTexts[n%len(questionTexts)])
	status := "answered"
	if answered == "" {
		status = "open"
	}
	r.text("answer", answered)
	r.time("create_time", g.visit.asked)
	r.text("question_status", status)
	if answered != "" {
		r.open("answer_details", '[')
		r.open("", '{')
		r.text("name", i.presenter)
		r.text("email", hostEmail)
		r.text("content", answered)
		r.close('}')
		r.close(']')
	}
	r.close('}')
	r.close(']')
	return r.bytes()
}

// asker writes who asked or answered, or that it was done without a name.
func (w *recordWriter) asker(g *guest) {
	email, name := g.email, g.first+" "+g.last
	if g.unknown() {
		email, name = "", "Anonymous Attendee"
	}
	w.text("email", email)
	w.text("name", name)
}

// addPolls gives each guest who answered a moment of his or her own: two answers without a name could not be told apart otherwise.
func (w *zoomWorld) addPolls(v *vendorapi.Vendor, s *vendorapi.Stream) error {
	taken := map[string]bool{}
	return w.reports(v, s, func(i *zoomInstance, n int, g *guest, add func(first, altered func() []byte)) {
		if !g.visit.by(g.visit.polled) {
			return
		}
		at := g.visit.polled.Truncate(time.Millisecond)
		for ; taken[i.uuid+at.String()]; at = at.Add(time.Millisecond) {
		}
		taken[i.uuid+at.String()] = true
		add(func() []byte { return w.poll(g, at, "1-10") }, func() []byte { return w.poll(g, at, "11-50") })
	})
}

func (w *zoomWorld) poll(g *guest, at time.Time, answer string) []byte {
	r := &w.writer
	r.reset()
	r.asker(g)
	first, last := g.first, g.last
	if g.unknown() {
		first, last = "", ""
	}
	r.text("first_name", first)
	r.text("last_name", last)
	r.open("question_details", '[')
	r.open("", '{')
	r.text("answer", answer)
	r.text("date_time", at.UTC().Format("2006-01-02 15:04:05.000"))
	r.text("polling_id", "QalIoKWLTJehBJ8e1xRrbQ")
	r.text("question", "Team size?")
	r.close('}')
	r.close(']')
	return r.bytes()
}
