package insights_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// on24Person are the fields by which ON24 tells who it was and where.
type on24Person struct {
	EventID        json.Number `json:"eventid"`
	EventUserID    json.Number `json:"eventuserid"`
	Email          address     `json:"email"`
	ExtEventUserCD string      `json:"exteventusercd"`
	UserStatus     string      `json:"userstatus"`
}

func (p on24Person) visitor() string {
	if p.Email == "" {
		return p.EventUserID.String()
	}
	return string(p.Email)
}

type on24Event struct {
	EventID      json.Number `json:"eventid"`
	Description  string      `json:"description"`
	Category     string      `json:"category"`
	GoodAfter    time.Time   `json:"goodafter"`
	LiveEnd      time.Time   `json:"liveend"`
	Zone         string      `json:"displaytimezonecd"`
	Minutes      int         `json:"scheduledeventduration"`
	IsTest       bool        `json:"istestevent"`
	LastModified time.Time   `json:"lastmodified"`
	Analytics    struct {
		Registrants int `json:"totalregistrants"`
	} `json:"eventanalytics"`
}

type on24Registrant struct {
	on24Person
	Company  string    `json:"company"`
	JobTitle string    `json:"jobtitle"`
	Created  time.Time `json:"createtimestamp"`
}

type on24Attendee struct {
	on24Person
	IsBlocked      string    `json:"isblocked"`
	Score          *float64  `json:"engagementscore"`
	LiveMinutes    int       `json:"liveminutes"`
	FirstLive      time.Time `json:"firstliveactivity"`
	LastLive       time.Time `json:"lastliveactivity"`
	ArchiveMinutes int       `json:"archiveminutes"`
	FirstArchive   time.Time `json:"firstarchiveactivity"`
	LastArchive    time.Time `json:"lastarchiveactivity"`
	Polls          []struct {
		Question string    `json:"pollquestion"`
		At       time.Time `json:"pollsubmittedtimestamp"`
	} `json:"polls"`
	Resources []struct {
		Name string    `json:"resourceviewed"`
		At   time.Time `json:"resourceviewedtimestamp"`
	} `json:"resources"`
	Surveys []struct {
		ID string    `json:"surveyid"`
		At time.Time `json:"surveysubmittedtimestamp"`
	} `json:"surveys"`
	CallsToAction []struct {
		Name   string      `json:"ctaname"`
		Clicks json.Number `json:"clicks"`
		At     time.Time   `json:"date"`
	} `json:"calltoactions"`
	Reactions []struct {
		Type string    `json:"type"`
		At   time.Time `json:"datetime"`
	} `json:"reactions"`
}

type on24Question struct {
	on24Person
	At      time.Time       `json:"createtimestamp"`
	Content string          `json:"content"`
	Answer  json.RawMessage `json:"answer"`
}

// decode reads records of one kind.
func decode[T any](t *testing.T, records [][]byte) (all []T) {
	t.Helper()
	for _, record := range records {
		var one T
		if err := json.Unmarshal(record, &one); err != nil {
			t.Fatalf("%s: %v", record, err)
		}
		all = append(all, one)
	}
	return all
}

// on24Webinars is what ON24's records say. readUntil is the end of the newest window with an attendee.
func on24Webinars(t *testing.T, records func(stream string) [][]byte, readUntil time.Time) *webinars {
	t.Helper()
	w := &webinars{events: map[string]event{}}
	for _, e := range decode[on24Event](t, records("events")) {
		zone, err := time.LoadLocation(e.Zone)
		if err != nil {
			t.Fatal(err)
		}
		topic := strings.TrimSpace(e.Category)
		if topic == "" {
			topic = e.Description
		}
		w.events[e.EventID.String()] = event{
			id: e.EventID.String(), webinar: e.EventID.String(), title: e.Description, topic: topic,
			starts: e.GoodAfter, ends: e.LiveEnd, local: e.GoodAfter.In(zone), minutes: e.Minutes, test: e.IsTest,
			held: !e.LiveEnd.After(readUntil), told: e.Analytics.Registrants,
		}
	}
	registered := map[string]int{}
	for _, r := range decode[on24Registrant](t, records("registrants")) {
		registered[fmt.Sprint(r.EventID, " ", r.EventUserID)] = len(w.registrations)
		w.registrations = append(w.registrations, registration{
			event: r.EventID.String(), id: r.EventUserID.String(), visitor: r.visitor(), person: string(r.Email), contact: r.ExtEventUserCD,
			company: r.Company, jobTitle: r.JobTitle, at: r.Created, status: r.UserStatus,
		})
	}
	for _, a := range decode[on24Attendee](t, records("attendees")) {
		id := fmt.Sprint(a.EventID, " ", a.EventUserID)
		if _, known := registered[id]; !known {
			registered[id] = len(w.registrations)
			w.registrations = append(w.registrations, registration{
				event: a.EventID.String(), id: a.EventUserID.String(), visitor: a.visitor(), person: string(a.Email), contact: a.ExtEventUserCD,
				status: a.UserStatus,
			})
		}
		if r := &w.registrations[registered[id]]; r.status != "forgotten" && a.IsBlocked == "Y" {
			r.status = "blocked"
		}
		one := attendance{event: a.EventID.String(), visitor: a.visitor(), person: string(a.Email), score: a.Score}
		if !a.FirstLive.IsZero() {
			one.mode, one.joined, one.left, one.seconds = "live", a.FirstLive, a.LastLive, 60*a.LiveMinutes
			w.attendances = append(w.attendances, one)
		}
		if !a.FirstArchive.IsZero() {
			one.mode, one.joined, one.left, one.seconds = "on demand", a.FirstArchive, a.LastArchive, 60*a.ArchiveMinutes
			w.attendances = append(w.attendances, one)
		}
		did := func(kind, what string, at time.Time, times int) {
			w.interactions = append(w.interactions, interaction{
				event: a.EventID.String(), visitor: a.visitor(), person: string(a.Email), kind: kind, what: what, at: at, times: times,
			})
		}
		for _, p := range a.Polls {
			did("answer_poll", p.Question, p.At, 1)
		}
		for _, r := range a.Resources {
			did("download", r.Name, r.At, 1)
		}
		for _, s := range a.Surveys {
			did("survey", s.ID, s.At, 1)
		}
		for _, c := range a.CallsToAction {
			clicks, err := c.Clicks.Int64()
			if err != nil {
				t.Fatal(err)
			}
			did("call_to_action", c.Name, c.At, int(clicks))
		}
		for _, r := range a.Reactions {
			did("reaction", r.Type, r.At, 1)
		}
	}
	for _, q := range decode[on24Question](t, records("questions")) {
		w.interactions = append(w.interactions, interaction{
			event: q.EventID.String(), visitor: q.visitor(), person: string(q.Email), kind: "question", text: q.Content, at: q.At, answered: len(q.Answer) > 0, times: 1,
		})
	}
	return w
}
