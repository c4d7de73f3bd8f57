package insights

import (
	"embed"
	"path"
	"slices"

	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/tables"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Names of the model's views. What a view holds, its columns say, see [Columns].
const (
	Events        = "model_events"
	Registrations = "model_registrations"
	Attendances   = "model_attendances"
	Interactions  = "model_interactions"
	// People and Turnout are worked out from the four, for any vendor.
	People  = "model_people"
	Turnout = "model_turnout"
	// instances says which event an instance of a webinar belongs to, for vendors that know several of one.
	instances = "model_instances"
)

// comments say what a row of each view is.
var comments = map[string]string{
	Events:        "A webinar at one time, planned or held",
	Registrations: "A person's registration for an event",
	Attendances:   "A person's attendance of an event, all stays together: one row for being there live, one for watching the recording",
	Interactions:  "Something that a person did at an event: a question, an answer to a poll, a download, a survey, a call to action, a reaction",
	People:        "A person who has registered with an address",
	Turnout:       "What came of an event that is over and no test",
	instances:     "Which event an instance of a webinar belongs to",
}

const (
	text   = vendorapi.TypeString
	whole  = vendorapi.TypeInt64
	number = vendorapi.TypeFloat64
	moment = vendorapi.TypeTimestamp
	flag   = vendorapi.TypeBool
)

var (
	eventID = tables.Column{Name: "event_id", Type: text, Comment: "Id of the event: a webinar at one time"}
	visitor = tables.Column{Name: "visitor", Type: text, Comment: "Who it is within the event: the person, where known, otherwise the registration or the vendor's number of a guest"}
	person  = tables.Column{Name: "person", Type: text, Comment: "Who it is over all events: the e-mail address or what stands in its place; null where it is not known"}
	regID   = tables.Column{Name: "registration_id", Type: text, Comment: "Id of the registration within the event; null where there is none"}
	title   = tables.Column{Name: "title", Type: text, Comment: "Title of the event"}
)

// columns are those of each of the model's views, in their order, the same for every vendor.
var columns = map[string][]tables.Column{
	Events: {
		eventID,
		{Name: "webinar_id", Type: text, Comment: "The vendor's id of the webinar, which may take place at several times"},
		title,
		{Name: "topic", Type: text, Comment: "What the event is about: the organizer's category, where the vendor has one, otherwise the title"},
		{Name: "starts_at", Type: moment, Comment: "Planned start, UTC; the actual one where no plan is known"},
		{Name: "ends_at", Type: moment, Comment: "End, UTC; null where it is not known yet"},
		{Name: "zone", Type: text, Comment: "IANA zone in which the event's times are shown; null where the vendor tells none"},
		{Name: "starts_local", Type: moment, Comment: "starts_at in that zone, without an offset"},
		{Name: "minutes", Type: whole, Comment: "Planned length in minutes, the actual one where the vendor tells no other; null where neither is known yet"},
		{Name: "is_test", Type: flag, Comment: "Whether the event is a test; null where the vendor does not tell"},
		{Name: "held", Type: flag, Comment: "Whether the event is over, as far as the lake knows, and took place"},
		{Name: "registrants", Type: whole, Comment: "Number of registrants as the vendor counts them; null where it does not"},
	},
	Registrations: {
		eventID, regID, visitor, person,
		{Name: "contact", Type: text, Comment: "The organizer's own id of the person"},
		{Name: "company", Type: text, Comment: "Company"},
		{Name: "job_title", Type: text, Comment: "Job title"},
		{Name: "country", Type: text, Comment: "Country as the vendor writes it"},
		{Name: "registered_at", Type: moment, Comment: "Time of registration, UTC"},
		{Name: "status", Type: text, Comment: "active, waiting (for approval), denied, deleted, forgotten or blocked"},
		{Name: "source", Type: text, Comment: "Where the registration came from"},
		{Name: "profile", Type: text, Comment: "Address of the person's profile at the vendor"},
	},
	Attendances: {
		eventID, regID, visitor, person,
		{Name: "mode", Type: text, Comment: "live or on demand"},
		{Name: "joined_at", Type: moment, Comment: "First time of joining, UTC"},
		{Name: "left_at", Type: moment, Comment: "Last time of leaving, UTC"},
		{Name: "seconds", Type: whole, Comment: "Time attended in seconds"},
		{Name: "score", Type: number, Comment: "Engagement score from 0 to 10; null where the vendor has none"},
	},
	Interactions: {
		eventID, regID, visitor, person,
		{Name: "kind", Type: text, Comment: "question, answer_poll, download, survey, call_to_action or reaction"},
		{Name: "happened_at", Type: moment, Comment: "When it was done, UTC; null where the vendor does not tell"},
		{Name: "what", Type: text, Comment: "What it was done to: the poll's question, the resource, the call to action"},
		{Name: "text", Type: text, Comment: "What the person wrote or chose"},
		{Name: "answered", Type: flag, Comment: "Of a question, whether it has been answered or put aside"},
		{Name: "times", Type: whole, Comment: "How often it was done"},
	},
	People: {
		person,
		{Name: "contact", Type: text, Comment: "The organizer's own id of the person, of the newest registration, as all below"},
		{Name: "company", Type: text, Comment: "Company"},
		{Name: "job_title", Type: text, Comment: "Job title"},
		{Name: "country", Type: text, Comment: "Country as the vendor writes it"},
		{Name: "profile", Type: text, Comment: "Address of the person's profile at the vendor"},
		{Name: "reachable", Type: flag, Comment: "Whether the person may be written to: not forgotten or blocked at any event, nor deleted at all of them"},
	},
	Turnout: {
		eventID, title,
		{Name: "topic", Type: text, Comment: "What the event is about"},
		{Name: "starts_at", Type: moment, Comment: "Planned start, UTC"},
		{Name: "starts_local", Type: moment, Comment: "Planned start in the event's zone, in UTC where none is known"},
		{Name: "registered", Type: whole, Comment: "People who registered, or the vendor's count where it is higher"},
		{Name: "came", Type: whole, Comment: "People who came live"},
		{Name: "watched_later", Type: whole, Comment: "People who watched the recording"},
		{Name: "stayed", Type: whole, Comment: "People who were there live for three quarters of the length"},
		{Name: "asked", Type: whole, Comment: "People who asked a question"},
		{Name: "downloaded", Type: whole, Comment: "People who took a download"},
		{Name: "questions", Type: whole, Comment: "Questions asked"},
		{Name: "seconds", Type: whole, Comment: "Time attended live by all together, in seconds"},
		{Name: "scores", Type: number, Comment: "Sum of the engagement scores of those who came live and have one"},
		{Name: "scored", Type: whole, Comment: "How many those are"},
	},
}

// Columns returns the columns of a view of the model, in their order; nil of any other name. They are the same for every vendor: what a
// vendor does not tell is null.
func Columns(view string) []tables.Column { return slices.Clone(columns[view]) }

// instance are the columns of [instances] that every vendor with such has.
var instance = []tables.Column{
	{Name: "instance_id", Type: text, Comment: "The vendor's id of the instance"},
	eventID,
	{Name: "webinar_id", Type: text, Comment: "The vendor's id of the webinar"},
	title,
	{Name: "starts_at", Type: moment, Comment: "Planned start of the event, UTC; the instance's own where no plan is known"},
	{Name: "began_at", Type: moment, Comment: "Actual beginning, UTC"},
	{Name: "ended_at", Type: moment, Comment: "Actual end, UTC"},
}

//go:embed models
var models embed.FS

// ready are the vendors for which there is SQL, each with what makes a description one of its kind. A description may have another name
// and address than the ready one, and more or fewer streams, so it is known by what the model cannot do without.
var ready = []struct {
	folder    string
	instances []tables.Column
	needs     map[string][]string
}{
	{
		folder: "on24",
		needs:  map[string][]string{"events": {"eventid", "goodafter"}, "attendees": {"eventid", "eventuserid"}},
	},
	{
		folder:    "zoom",
		instances: append(slices.Clone(instance), tables.Column{Name: "host", Type: text, Comment: "E-mail address of the host, or what stands in its place"}),
		needs:     map[string][]string{"webinars": {"uuid", "id", "start_time"}, "participants": {"webinar_uuid", "user_id", "join_time"}},
	},
	{
		folder: "gotowebinar",
		instances: append(slices.Clone(instance),
			tables.Column{Name: "began_local", Type: moment, Comment: "began_at in the zone"},
			tables.Column{Name: "zone", Type: text, Comment: "IANA zone in which the times are shown"},
			tables.Column{Name: "registrants", Type: whole, Comment: "Number of registrants as the vendor counts them"}),
		needs: map[string][]string{"sessions": {"session_key", "webinar_key"}, "attendees": {"session_key", "registrant_key"}},
	},
}

// Model returns the views of the model for a vendor whose description is one of the ready ones, perhaps with streams and columns added or
// left out, each behind those that it reads: a stream that is not read has no rows in it, a column that is not kept is null. It is nil for any
// other vendor, see [Own].
func Model(vendor *vendorapi.Vendor) []lakesql.View {
	streams := readerOf(vendor)
	for _, r := range ready {
		if !streams.have(r.needs) {
			continue
		}
		var views []lakesql.View
		for _, name := range []string{instances, Events, Registrations, Attendances, Interactions} {
			if name == instances && r.instances == nil {
				continue
			}
			view := newView(name, streams.fill(mustRead(models, path.Join("models", r.folder, file(name)))))
			if name == instances {
				view.Columns = r.instances
			}
			views = append(views, view)
		}
		return append(views, common()...)
	}
	return nil
}

// OwnModel is the model of a vendor of one's own: a query for each view, in Trino's words, over the views of the vendor's streams. Each
// gives the columns that [Columns] lists for its view, in that order and of these types.
type OwnModel struct {
	Events, Registrations, Attendances, Interactions string
}

// Own returns the views of the model for a vendor of one's own, each behind those that it reads.
func Own(model OwnModel) []lakesql.View {
	return append([]lakesql.View{
		newView(Events, model.Events),
		newView(Registrations, model.Registrations),
		newView(Attendances, model.Attendances),
		newView(Interactions, model.Interactions),
	}, common()...)
}

// common are the views that are worked out from the model's four.
func common() (views []lakesql.View) {
	for _, name := range []string{People, Turnout} {
		views = append(views, newView(name, mustRead(models, path.Join("models", "common", file(name)))))
	}
	return views
}

// file is the name of the file of a view's SQL.
func file(view string) string { return view[len("model_"):] + ".sql" }

func newView(name, sql string) lakesql.View {
	return lakesql.View{Name: name, Comment: comments[name], Columns: columns[name], SQL: sql}
}
