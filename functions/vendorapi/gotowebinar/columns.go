package gotowebinar

import "github.com/windrow-data/windrow/functions/vendorapi"

// GoTo writes times in UTC and most keys as strings, but a session's key as a number where it stands in an attendee, and a
// registrant's key always as one. Keys are strings in the tables, so that any two can be compared, but for the
// registrant's, which is a whole number of up to 64 bits.

var webinarColumns = []vendorapi.Column{
	{Name: "webinar_key", Path: "webinarKey", Type: vendorapi.TypeString, Comment: "Key of the webinar"},
	{Name: "webinar_id", Path: "webinarID", Type: vendorapi.TypeString, Comment: "Number of the webinar that people are told, nine digits"},
	{Name: "organizer_key", Path: "organizerKey", Type: vendorapi.TypeString, Comment: "Key of the organizer"},
	{Name: "account_key", Path: "accountKey", Type: vendorapi.TypeString, Comment: "Key of the account"},
	{Name: "subject", Type: vendorapi.TypeString, Comment: "Title of the webinar"},
	{Name: "description", Type: vendorapi.TypeString, Comment: "Description of the webinar"},
	{Name: "times", Type: vendorapi.TypeJSON, Comment: "When it takes place, an array of objects with startTime and endTime", Items: timeItems},
	{Name: "time_zone", Path: "timeZone", Type: vendorapi.TypeString, Comment: "IANA zone in which its times are shown"},
	{Name: "locale", Type: vendorapi.TypeString, Comment: "Language, for example en_US"},
	{Name: "approval_type", Path: "approvalType", Type: vendorapi.TypeString, Comment: "AUTOMATIC, or MANUAL where the organizer approves registrations"},
	{Name: "registration_url", Path: "registrationUrl", Type: vendorapi.TypeString, Comment: "Address at which people register"},
	{Name: "impromptu", Type: vendorapi.TypeBool, Comment: "Whether it was begun without a plan"},
	{Name: "is_password_protected", Path: "isPasswordProtected", Type: vendorapi.TypeBool, Comment: "Whether it needs a password"},
	{Name: "recurrence_type", Path: "recurrenceType", Type: vendorapi.TypeString, Comment: "single_session, series or sequence"},
	{Name: "experience_type", Path: "experienceType", Type: vendorapi.TypeString, Comment: "classic, broadcast or simulive"},
}

var sessionColumns = []vendorapi.Column{
	{Name: "session_key", Path: "sessionKey", Type: vendorapi.TypeString, Comment: "Key of the session"},
	{Name: "webinar_key", Path: "webinarKey", Type: vendorapi.TypeString, Comment: "Key of the webinar"},
	{Name: "webinar_id", Path: "webinarID", Type: vendorapi.TypeString, Comment: "Number of the webinar that people are told, nine digits"},
	{Name: "webinar_name", Path: "webinarName", Type: vendorapi.TypeString, Comment: "Title of the webinar"},
	{Name: "start_time", Path: "startTime", Type: vendorapi.TypeTimestamp, Comment: "Time at which it began"},
	{Name: "end_time", Path: "endTime", Type: vendorapi.TypeTimestamp, Comment: "Time at which it ended; the window time"},
	{Name: "registrants_attended", Path: "registrantsAttended", Type: vendorapi.TypeInt64, Comment: "Number of registrants who came"},
	{Name: "registrant_count", Path: "registrantCount", Type: vendorapi.TypeInt64, Comment: "Number of registrants of the webinar"},
	{Name: "account_key", Path: "accountKey", Type: vendorapi.TypeString, Comment: "Key of the account"},
	{Name: "creating_organizer_key", Path: "creatingOrganizerKey", Type: vendorapi.TypeString, Comment: "Key of the organizer who planned it"},
	{Name: "creating_organizer_name", Path: "creatingOrganizerName", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName, Protect: vendorapi.ProtectKeep, Comment: "Name of the organizer who planned it"},
	{Name: "starting_organizer_key", Path: "startingOrganizerKey", Type: vendorapi.TypeString, Comment: "Key of the organizer who began it"},
	{Name: "starting_organizer_name", Path: "startingOrganizerName", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName, Protect: vendorapi.ProtectKeep, Comment: "Name of the organizer who began it"},
	{Name: "total_poll_count", Path: "totalPollCount", Type: vendorapi.TypeInt64, Comment: "Number of polls"},
	{Name: "time_zone", Path: "timeZone", Type: vendorapi.TypeString, Comment: "IANA zone in which its times are shown"},
	{Name: "experience_type", Path: "experienceType", Type: vendorapi.TypeString, Comment: "classic, broadcast or simulive"},
}

var registrantColumns = []vendorapi.Column{
	{Name: "webinar_key", Path: "webinarKey", Type: vendorapi.TypeString, Comment: "Key of the webinar"},
	{Name: "registrant_key", Path: "registrantKey", Type: vendorapi.TypeInt64, Comment: "Key of the registrant, above what a float can hold"},
	{Name: "first_name", Path: "firstName", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName, Comment: "Given name"},
	{Name: "last_name", Path: "lastName", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName, Comment: "Family name"},
	{Name: "email", Type: vendorapi.TypeString, Personal: vendorapi.PersonalEmail, Comment: "E-mail address"},
	{Name: "registration_date", Path: "registrationDate", Type: vendorapi.TypeTimestamp, Comment: "Time of registration"},
	{Name: "status", Type: vendorapi.TypeString, Comment: "APPROVED, WAITING or DENIED"},
	{Name: "join_url", Path: "joinUrl", Type: vendorapi.TypeString, Personal: vendorapi.PersonalLink, Comment: "Address by which the person joins"},
	{Name: "time_zone", Path: "timeZone", Type: vendorapi.TypeString, Comment: "IANA zone of the webinar"},
}

// inSession are the columns of what belongs to a session.
func inSession(columns ...vendorapi.Column) []vendorapi.Column {
	return append([]vendorapi.Column{
		{Name: "session_key", Path: "sessionKey", Type: vendorapi.TypeString, Comment: "Key of the session"},
		{Name: "webinar_key", Path: "webinarKey", Type: vendorapi.TypeString, Comment: "Key of the webinar"},
		{Name: "session_end_time", Path: "sessionEndTime", Type: vendorapi.TypeTimestamp, Comment: "Time at which the session ended"},
	}, columns...)
}

var attendeeColumns = inSession(
	vendorapi.Column{Name: "registrant_key", Path: "registrantKey", Type: vendorapi.TypeInt64, Comment: "Key of the registrant, above what a float can hold"},
	vendorapi.Column{Name: "first_name", Path: "firstName", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName, Comment: "Given name"},
	vendorapi.Column{Name: "last_name", Path: "lastName", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName, Comment: "Family name"},
	vendorapi.Column{Name: "email", Type: vendorapi.TypeString, Personal: vendorapi.PersonalEmail, Comment: "E-mail address"},
	vendorapi.Column{Name: "attendance_time_in_seconds", Path: "attendanceTimeInSeconds", Type: vendorapi.TypeInt64, Comment: "Time attended in seconds, all stays together"},
	vendorapi.Column{Name: "attendance", Type: vendorapi.TypeJSON, Comment: "The stays, an array of objects with joinTime and leaveTime", Items: attendanceItems},
)

var questionColumns = inSession(
	vendorapi.Column{Name: "asked_by", Path: "askedBy", Type: vendorapi.TypeString, Personal: vendorapi.PersonalEmail, Comment: "E-mail address of who asked"},
	vendorapi.Column{Name: "question", Type: vendorapi.TypeString, Comment: "Text of the question"},
	vendorapi.Column{Name: "answers", Type: vendorapi.TypeJSON, Comment: "The answers, an array of objects with answer and answeredBy, an organizer's key", Items: answerItems},
)

var pollColumns = inSession(
	vendorapi.Column{Name: "question", Type: vendorapi.TypeString, Comment: "Text of the poll"},
	vendorapi.Column{Name: "number_of_responses", Path: "numberOfResponses", Type: vendorapi.TypeInt64, Comment: "Number of people who answered"},
	vendorapi.Column{Name: "responses", Type: vendorapi.TypeJSON, Comment: "The answers, an array of objects with text and percentage", Items: responseItems},
)

// What the arrays hold.

var timeItems = []vendorapi.Column{
	{Name: "start_time", Path: "startTime", Type: vendorapi.TypeTimestamp, Comment: "Time at which it is planned to begin"},
	{Name: "end_time", Path: "endTime", Type: vendorapi.TypeTimestamp, Comment: "Time at which it is planned to end"},
}

var attendanceItems = []vendorapi.Column{
	{Name: "join_time", Path: "joinTime", Type: vendorapi.TypeTimestamp, Comment: "Time of joining"},
	{Name: "leave_time", Path: "leaveTime", Type: vendorapi.TypeTimestamp, Comment: "Time of leaving"},
}

var answerItems = []vendorapi.Column{
	{Name: "answer", Type: vendorapi.TypeString, Comment: "Text of the answer"},
	{Name: "answered_by", Path: "answeredBy", Type: vendorapi.TypeString, Comment: "Key of the organizer who answered"},
}

var responseItems = []vendorapi.Column{
	{Name: "text", Type: vendorapi.TypeString, Comment: "Text of the answer"},
	{Name: "percentage", Type: vendorapi.TypeFloat64, Comment: "Share of those who answered, in percent"},
}
