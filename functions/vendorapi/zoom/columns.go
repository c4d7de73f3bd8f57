package zoom

import (
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Zoom writes times in UTC. A duration is "hh:mm:ss" of a webinar that is over and seconds of a participant's stay; webinars that
// are looked up one by one, which no stream here does, have it in minutes.

var webinarColumns = []vendorapi.Column{
	{Name: "uuid", Type: vendorapi.TypeString, Comment: "Id of this instance of the webinar, base64"},
	{Name: "id", Type: vendorapi.TypeInt64, Comment: "Number of the webinar, the same for all of its instances"},
	{Name: "topic", Type: vendorapi.TypeString, Comment: "Title of the webinar"},
	{Name: "host", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName, Protect: vendorapi.ProtectKeep, Comment: "Display name of the host"},
	{Name: "email", Type: vendorapi.TypeString, Personal: vendorapi.PersonalEmail, Comment: "E-mail address of the host"},
	{Name: "user_type", Type: vendorapi.TypeString, Comment: "Licence of the host, for example Licensed"},
	{Name: "dept", Type: vendorapi.TypeString, Comment: "Department of the host"},
	{Name: "start_time", Type: vendorapi.TypeTimestamp, Comment: "Time at which it began"},
	{Name: "end_time", Type: vendorapi.TypeTimestamp, Comment: "Time at which it ended; the window time"},
	{Name: "duration", Type: vendorapi.TypeString, Comment: "Length as hours, minutes and seconds, for example 01:06:38"},
	{Name: "participants", Type: vendorapi.TypeInt64, Comment: "Number of participants"},
	{Name: "has_pstn", Type: vendorapi.TypeBool, Comment: "Whether somebody joined by telephone"},
	{Name: "has_voip", Type: vendorapi.TypeBool, Comment: "Whether somebody used computer audio"},
	{Name: "has_3rd_party_audio", Type: vendorapi.TypeBool, Comment: "Whether audio of a third party was used"},
	{Name: "has_video", Type: vendorapi.TypeBool, Comment: "Whether video was used"},
	{Name: "has_screen_share", Type: vendorapi.TypeBool, Comment: "Whether a screen was shared"},
	{Name: "has_recording", Type: vendorapi.TypeBool, Comment: "Whether it was recorded"},
	{Name: "has_sip", Type: vendorapi.TypeBool, Comment: "Whether somebody joined by SIP"},
	{Name: "has_archiving", Type: vendorapi.TypeBool, Comment: "Whether it was archived"},
	{Name: "has_manual_captions", Type: vendorapi.TypeBool, Comment: "Whether captions were typed"},
	{Name: "has_automated_captions", Type: vendorapi.TypeBool, Comment: "Whether captions were made automatically"},
	{Name: "audio_quality", Type: vendorapi.TypeString, Comment: "Quality of the audio, for example good"},
	{Name: "video_quality", Type: vendorapi.TypeString, Comment: "Quality of the video"},
	{Name: "screen_share_quality", Type: vendorapi.TypeString, Comment: "Quality of shared screens"},
	{Name: "custom_keys", Type: vendorapi.TypeJSON, Comment: "The organizer's own fields, an array of objects with key and value", Items: customKeyItems},
}

var upcomingColumns = []vendorapi.Column{
	{Name: "id", Type: vendorapi.TypeString, Comment: "Number of the webinar, here as text"},
	{Name: "start_time", Type: vendorapi.TypeTimestamp, Comment: "Time at which it is planned to begin"},
	{Name: "topic", Type: vendorapi.TypeString, Comment: "Title of the webinar"},
	{Name: "host_id", Type: vendorapi.TypeString, Comment: "Id of the host"},
	{Name: "host_name", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName, Protect: vendorapi.ProtectKeep, Comment: "Display name of the host"},
	{Name: "dept", Type: vendorapi.TypeString, Comment: "Department of the host"},
}

var registrantColumns = []vendorapi.Column{
	{Name: "webinar_id", Type: vendorapi.TypeInt64, Comment: "Number of the webinar"},
	{Name: "webinar_start_time", Type: vendorapi.TypeTimestamp, Comment: "Time at which the webinar was planned to begin"},
	{Name: "id", Type: vendorapi.TypeString, Comment: "Id of the registrant, a participant's registrant_id"},
	{Name: "email", Type: vendorapi.TypeString, Personal: vendorapi.PersonalEmail, Comment: "E-mail address"},
	{Name: "first_name", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName, Comment: "Given name"},
	{Name: "last_name", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName, Comment: "Family name"},
	{Name: "address", Type: vendorapi.TypeString, Personal: vendorapi.PersonalAddress, Comment: "Address"},
	{Name: "city", Type: vendorapi.TypeString, Comment: "City"},
	{Name: "state", Type: vendorapi.TypeString, Comment: "State or province"},
	{Name: "zip", Type: vendorapi.TypeString, Comment: "Postal code"},
	{Name: "country", Type: vendorapi.TypeString, Comment: "Country, ISO 3166-1"},
	{Name: "phone", Type: vendorapi.TypeString, Personal: vendorapi.PersonalPhone, Comment: "Telephone number"},
	{Name: "industry", Type: vendorapi.TypeString, Comment: "Industry of the organization"},
	{Name: "org", Type: vendorapi.TypeString, Comment: "Organization"},
	{Name: "job_title", Type: vendorapi.TypeString, Comment: "Job title"},
	{Name: "purchasing_time_frame", Type: vendorapi.TypeString, Comment: "When the person means to buy"},
	{Name: "role_in_purchase_process", Type: vendorapi.TypeString, Comment: "The person's part in buying"},
	{Name: "no_of_employees", Type: vendorapi.TypeString, Comment: "Size of the organization, a range as text"},
	{Name: "comments", Type: vendorapi.TypeString, Comment: "Questions and comments at registration"},
	{Name: "custom_questions", Type: vendorapi.TypeJSON, Comment: "Answers to the organizer's own questions, an array of objects with title and value", Items: customQuestionItems},
	{Name: "status", Type: vendorapi.TypeString, Comment: "approved, pending or denied"},
	{Name: "create_time", Type: vendorapi.TypeTimestamp, Comment: "Time of registration"},
	{Name: "join_url", Type: vendorapi.TypeString, Personal: vendorapi.PersonalLink, Comment: "Address by which the person joins"},
}

// ofWebinar are the columns of what belongs to an instance of a webinar.
func ofWebinar(columns ...vendorapi.Column) []vendorapi.Column {
	return append([]vendorapi.Column{
		{Name: "webinar_uuid", Type: vendorapi.TypeString, Comment: "Id of the instance of the webinar"},
		{Name: "webinar_id", Type: vendorapi.TypeInt64, Comment: "Number of the webinar"},
		{Name: "webinar_end_time", Type: vendorapi.TypeTimestamp, Comment: "Time at which the webinar ended"},
	}, columns...)
}

var participantColumns = ofWebinar(
	vendorapi.Column{Name: "user_id", Type: vendorapi.TypeString, Comment: "Id of the person within the instance, of a guest too"},
	vendorapi.Column{Name: "id", Type: vendorapi.TypeString, Comment: "Id of the person's Zoom account; empty for guests"},
	vendorapi.Column{Name: "participant_user_id", Type: vendorapi.TypeString, Comment: "Id of the person's Zoom account where it is of this account"},
	vendorapi.Column{Name: "registrant_id", Type: vendorapi.TypeString, Comment: "Id of the registrant"},
	vendorapi.Column{Name: "customer_key", Type: vendorapi.TypeString, Comment: "The organizer's own id of the person"},
	vendorapi.Column{Name: "name", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName, Comment: "Display name"},
	vendorapi.Column{Name: "user_email", Type: vendorapi.TypeString, Personal: vendorapi.PersonalEmail, Comment: "E-mail address; empty for guests"},
	vendorapi.Column{Name: "join_time", Type: vendorapi.TypeTimestamp, Comment: "Time of joining"},
	vendorapi.Column{Name: "leave_time", Type: vendorapi.TypeTimestamp, Comment: "Time of leaving"},
	vendorapi.Column{Name: "duration", Type: vendorapi.TypeInt64, Comment: "Length of the stay in seconds"},
	vendorapi.Column{Name: "failover", Type: vendorapi.TypeBool, Comment: "Whether the person was moved to another server"},
	vendorapi.Column{Name: "status", Type: vendorapi.TypeString, Comment: "in_meeting or in_waiting_room"},
	vendorapi.Column{Name: "bo_mtg_id", Type: vendorapi.TypeString, Comment: "Id of the breakout room"},
)

var questionColumns = ofWebinar(
	vendorapi.Column{Name: "user_id", Type: vendorapi.TypeString, Comment: "Id of who asked; empty for guests"},
	vendorapi.Column{Name: "email", Type: vendorapi.TypeString, Personal: vendorapi.PersonalEmail, Comment: "E-mail address of who asked; empty where it was asked without a name"},
	vendorapi.Column{Name: "name", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName, Protect: vendorapi.ProtectHash, Comment: "Display name of who asked"},
	vendorapi.Column{Name: "question_details", Type: vendorapi.TypeJSON, Comment: "The questions, an array of objects with question_id, question, answer, create_time, question_status and answer_details", Items: questionItems, Within: answeredBy},
)

var pollColumns = ofWebinar(
	vendorapi.Column{Name: "email", Type: vendorapi.TypeString, Personal: vendorapi.PersonalEmail, Comment: "E-mail address of who answered; empty where it was answered without a name"},
	vendorapi.Column{Name: "name", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName, Protect: vendorapi.ProtectHash, Comment: "Display name of who answered"},
	vendorapi.Column{Name: "first_name", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName, Comment: "Given name of who answered"},
	vendorapi.Column{Name: "last_name", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName, Comment: "Family name of who answered"},
	vendorapi.Column{Name: "question_details", Type: vendorapi.TypeJSON, Comment: "The answers, an array of objects with polling_id, question, answer and date_time", Items: pollItems},
)

// What the arrays hold.

var customKeyItems = []vendorapi.Column{
	{Name: "key", Type: vendorapi.TypeString, Comment: "Name of the organizer's field"},
	{Name: "value", Type: vendorapi.TypeString, Comment: "What it holds"},
}

var customQuestionItems = []vendorapi.Column{
	{Name: "title", Type: vendorapi.TypeString, Comment: "Text of the organizer's question"},
	{Name: "value", Type: vendorapi.TypeString, Comment: "The answer"},
}

// answeredBy is who gave an answer: a host, a co-host or a panelist, whose name is kept as a host's is.
var answeredBy = []vendorapi.Within{
	{Path: "answer_details.email", Personal: vendorapi.PersonalEmail},
	{Path: "answer_details.name", Personal: vendorapi.PersonalName, Protect: vendorapi.ProtectKeep},
}

var questionItems = []vendorapi.Column{
	{Name: "question_id", Type: vendorapi.TypeString, Comment: "Id of the question"},
	{Name: "question", Type: vendorapi.TypeString, Comment: "Text of the question"},
	{Name: "answer", Type: vendorapi.TypeString, Comment: "Text of the answer"},
	{Name: "create_time", Type: vendorapi.TypeTimestamp, Comment: "Time at which it was asked"},
	{Name: "question_status", Type: vendorapi.TypeString, Comment: "open, answered, dismissed, ..."},
	{Name: "answer_details", Type: vendorapi.TypeJSON, Comment: "The answers, an array of objects"},
}

var pollItems = []vendorapi.Column{
	{Name: "polling_id", Type: vendorapi.TypeString, Comment: "Id of the poll"},
	{Name: "question", Type: vendorapi.TypeString, Comment: "Text of the poll's question"},
	{Name: "answer", Type: vendorapi.TypeString, Comment: "The answer; several are joined by semicolons"},
	{Name: "date_time", Type: vendorapi.TypeTimestamp, Layout: time.DateTime, Comment: "Time at which it was answered"},
}
