package insights_test

import (
	"cmp"
	"fmt"
	"math"
	"testing"
	"time"
)

type zoomWebinar struct {
	UUID  string    `json:"uuid"`
	ID    int64     `json:"id"`
	Topic string    `json:"topic"`
	Email address   `json:"email"`
	Start time.Time `json:"start_time"`
	End   time.Time `json:"end_time"`
}

type zoomUpcoming struct {
	ID    string    `json:"id"`
	Topic string    `json:"topic"`
	Start time.Time `json:"start_time"`
}

type zoomRegistrant struct {
	Webinar  string    `json:"webinar_id"`
	Start    time.Time `json:"webinar_start_time"`
	ID       string    `json:"id"`
	Email    address   `json:"email"`
	Org      string    `json:"org"`
	JobTitle string    `json:"job_title"`
	Status   string    `json:"status"`
	Created  time.Time `json:"create_time"`
}

type zoomParticipant struct {
	UUID       string    `json:"webinar_uuid"`
	Webinar    int64     `json:"webinar_id"`
	UserID     string    `json:"user_id"`
	Registrant string    `json:"registrant_id"`
	ID         string    `json:"id"`
	Email      address   `json:"user_email"`
	Join       time.Time `json:"join_time"`
	Leave      time.Time `json:"leave_time"`
	Duration   int       `json:"duration"`
	Status     string    `json:"status"`
}

type zoomQuestions struct {
	UUID    string  `json:"webinar_uuid"`
	Email   address `json:"email"`
	Details []struct {
		Question string    `json:"question"`
		Answer   string    `json:"answer"`
		Status   string    `json:"question_status"`
		At       time.Time `json:"create_time"`
	} `json:"question_details"`
}

type zoomPolls struct {
	UUID    string  `json:"webinar_uuid"`
	Email   address `json:"email"`
	Details []struct {
		Question string `json:"question"`
		Answer   string `json:"answer"`
		At       string `json:"date_time"`
	} `json:"question_details"`
}

// occasions places what was held at the planned time nearest to it, half a day away at most.
type occasions map[string][]time.Time

func (o occasions) nearest(webinar string, began time.Time) (at time.Time, planned bool) {
	const halfDay = 12 * time.Hour
	for _, p := range o[webinar] {
		away := p.Sub(began).Abs()
		if away <= halfDay && (!planned || away < at.Sub(began).Abs()) {
			at, planned = p, true
		}
	}
	if !planned {
		return began, false
	}
	return at, true
}

func occasion(webinar string, at time.Time) string { return fmt.Sprintf("%s/%d", webinar, at.Unix()) }

// zoomWebinars is what Zoom's records say.
func zoomWebinars(t *testing.T, records func(stream string) [][]byte) *webinars {
	t.Helper()
	w := &webinars{events: map[string]event{}}
	planned := occasions{}
	for _, u := range decode[zoomUpcoming](t, records("upcoming")) {
		id := occasion(u.ID, u.Start)
		planned[u.ID] = append(planned[u.ID], u.Start)
		w.events[id] = event{id: id, webinar: u.ID, title: u.Topic, topic: u.Topic, starts: u.Start, local: u.Start}
	}
	of, host, began := map[string]string{}, map[string]string{}, map[string]time.Time{}
	for _, i := range decode[zoomWebinar](t, records("webinars")) {
		number := fmt.Sprint(i.ID)
		at, known := planned.nearest(number, i.Start)
		if known && !i.End.After(at) {
			continue // It was a rehearsal.
		}
		id := occasion(number, at)
		of[i.UUID], host[i.UUID] = id, string(i.Email)
		e := event{id: id, webinar: number, title: i.Topic, topic: i.Topic, starts: at, local: at, ends: i.End, held: true}
		if before, again := w.events[id]; again && before.ends.After(e.ends) {
			e.ends = before.ends
		}
		if first, again := began[id]; !again || i.Start.Before(first) {
			began[id] = i.Start
		}
		e.minutes = int(math.Round(e.ends.Sub(began[id]).Minutes()))
		w.events[id] = e
	}
	registered := map[string]string{}
	for _, r := range decode[zoomRegistrant](t, records("registrants")) {
		registered[r.Webinar+" "+r.ID] = string(r.Email)
		for _, e := range w.events {
			late := !r.Created.Before(e.ends) && !e.ends.IsZero() || e.ends.IsZero() && !r.Created.Before(e.starts.Add(24*time.Hour))
			if e.webinar != r.Webinar || late && !e.starts.Equal(r.Start) {
				continue
			}
			w.registrations = append(w.registrations, registration{
				event: e.id, id: r.ID, visitor: cmp.Or(string(r.Email), r.ID), person: string(r.Email), company: r.Org, jobTitle: r.JobTitle, at: r.Created, status: "active",
			})
		}
	}
	type guest struct{ event, visitor string }
	stays := map[guest]attendance{}
	for _, p := range decode[zoomParticipant](t, records("participants")) {
		id, known := of[p.UUID]
		if !known || p.Status == "in_waiting_room" || string(p.Email) == host[p.UUID] {
			continue
		}
		person := string(p.Email)
		if email := registered[fmt.Sprint(p.Webinar, " ", p.Registrant)]; p.Registrant != "" && email != "" {
			person = email
		}
		g := guest{id, cmp.Or(person, p.Registrant, p.ID, p.UUID+"/"+p.UserID)}
		a, again := stays[g]
		if !again {
			a = attendance{event: id, visitor: g.visitor, person: person, mode: "live", joined: p.Join, left: p.Leave}
		}
		a.seconds += p.Duration
		if p.Leave.After(a.left) {
			a.left = p.Leave
		}
		stays[g] = a
	}
	for _, a := range stays {
		w.attendances = append(w.attendances, a)
	}
	for _, q := range decode[zoomQuestions](t, records("questions")) {
		for _, d := range q.Details {
			if id, known := of[q.UUID]; known {
				w.interactions = append(w.interactions, interaction{
					event: id, visitor: string(q.Email), person: string(q.Email), kind: "question", text: d.Question, at: d.At,
					answered: d.Answer != "" || d.Status != "open", times: 1,
				})
			}
		}
	}
	for _, p := range decode[zoomPolls](t, records("polls")) {
		for _, d := range p.Details {
			id, known := of[p.UUID]
			if !known {
				continue
			}
			at, err := time.Parse(time.DateTime, d.At)
			if err != nil {
				t.Fatal(err)
			}
			w.interactions = append(w.interactions, interaction{event: id, visitor: string(p.Email), person: string(p.Email), kind: "answer_poll", what: d.Question, text: d.Answer, at: at, times: 1})
		}
	}
	return w
}
