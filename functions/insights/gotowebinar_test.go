package insights_test

import (
	"cmp"
	"encoding/json"
	"math"
	"testing"
	"time"
)

type gotoTime struct {
	Start time.Time `json:"startTime"`
	End   time.Time `json:"endTime"`
}

type gotoWebinar struct {
	Key     string     `json:"webinarKey"`
	Subject string     `json:"subject"`
	Times   []gotoTime `json:"times"`
	Zone    string     `json:"timeZone"`
}

type gotoSession struct {
	Key         string    `json:"sessionKey"`
	Webinar     string    `json:"webinarKey"`
	Name        string    `json:"webinarName"`
	Start       time.Time `json:"startTime"`
	End         time.Time `json:"endTime"`
	Zone        string    `json:"timeZone"`
	Registrants int       `json:"registrantCount"`
}

type gotoRegistrant struct {
	Webinar string      `json:"webinarKey"`
	Key     json.Number `json:"registrantKey"`
	Email   address     `json:"email"`
	At      time.Time   `json:"registrationDate"`
	Status  string      `json:"status"`
}

type gotoAttendee struct {
	Session    json.Number `json:"sessionKey"`
	Key        json.Number `json:"registrantKey"`
	Email      address     `json:"email"`
	Seconds    int         `json:"attendanceTimeInSeconds"`
	Attendance []struct {
		Join  time.Time `json:"joinTime"`
		Leave time.Time `json:"leaveTime"`
	} `json:"attendance"`
}

type gotoQuestion struct {
	Session  string            `json:"sessionKey"`
	AskedBy  address           `json:"askedBy"`
	Question string            `json:"question"`
	Answers  []json.RawMessage `json:"answers"`
}

// gotoWebinars is what GoTo's records say.
func gotoWebinars(t *testing.T, records func(stream string) [][]byte) *webinars {
	t.Helper()
	w := &webinars{events: map[string]event{}}
	planned := occasions{}
	in := func(zone string, at time.Time) time.Time {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		return at.In(location)
	}
	for _, p := range decode[gotoWebinar](t, records("webinars")) {
		for _, at := range p.Times {
			id := occasion(p.Key, at.Start)
			planned[p.Key] = append(planned[p.Key], at.Start)
			w.events[id] = event{
				id: id, webinar: p.Key, title: p.Subject, topic: p.Subject, starts: at.Start, ends: at.End, local: in(p.Zone, at.Start),
				minutes: int(math.Round(at.End.Sub(at.Start).Minutes())),
			}
		}
	}
	of := map[string]string{}
	for _, s := range decode[gotoSession](t, records("sessions")) {
		at, known := planned.nearest(s.Webinar, s.Start)
		id := occasion(s.Webinar, at)
		e := w.events[id]
		if !known {
			e = event{id: id, webinar: s.Webinar, starts: at, local: in(s.Zone, at), minutes: int(math.Round(s.End.Sub(s.Start).Minutes()))}
		}
		e.title, e.topic, e.ends, e.held, e.told = s.Name, s.Name, s.End, true, s.Registrants
		w.events[id], of[s.Key] = e, id
	}
	for _, r := range decode[gotoRegistrant](t, records("registrants")) {
		status := map[string]string{"WAITING": "waiting", "DENIED": "denied", "APPROVED": "active"}[r.Status]
		for _, e := range w.events {
			if e.webinar == r.Webinar && r.At.Before(e.ends) {
				w.registrations = append(w.registrations, registration{
					event: e.id, id: r.Key.String(), visitor: cmp.Or(string(r.Email), r.Key.String()), person: string(r.Email), at: r.At, status: status,
				})
			}
		}
	}
	for _, a := range decode[gotoAttendee](t, records("attendees")) {
		one := attendance{event: of[a.Session.String()], visitor: cmp.Or(string(a.Email), a.Key.String()), person: string(a.Email), mode: "live", seconds: a.Seconds}
		for i, stay := range a.Attendance {
			if i == 0 || stay.Join.Before(one.joined) {
				one.joined = stay.Join
			}
			if stay.Leave.After(one.left) {
				one.left = stay.Leave
			}
		}
		w.attendances = append(w.attendances, one)
	}
	for _, q := range decode[gotoQuestion](t, records("questions")) {
		w.interactions = append(w.interactions, interaction{
			event: of[q.Session], visitor: string(q.AskedBy), person: string(q.AskedBy), kind: "question", text: q.Question, answered: len(q.Answers) > 0, times: 1,
		})
	}
	return w
}
