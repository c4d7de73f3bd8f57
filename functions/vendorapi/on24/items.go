package on24

import "github.com/windrow-data/windrow/functions/vendorapi"

// What the arrays of events, attendees and leads hold. Numbers come as text here and there; they are read as what they are.

var tagItems = itself("tag", "Tag that the organizer chose")

var funnelStageItems = itself("funnelstage", "Funnel stage that the organizer chose")

var speakerItems = []vendorapi.Column{
	{Name: "name", Type: vendorapi.TypeString, Comment: "Name of the speaker"},
	{Name: "title", Type: vendorapi.TypeString, Comment: "Job title of the speaker"},
	{Name: "company", Type: vendorapi.TypeString, Comment: "Company of the speaker"},
}

var questionItems = []vendorapi.Column{
	{Name: "questionid", Type: vendorapi.TypeInt64, Comment: "Number of the question"},
	{Name: "createtimestamp", Type: vendorapi.TypeTimestamp, Comment: "Time at which it was asked"},
	{Name: "content", Type: vendorapi.TypeString, Comment: "Text of the question"},
	{Name: "answer_createtimestamp", Path: "answer.createtimestamp", Type: vendorapi.TypeTimestamp, Comment: "Time of the answer; null while there is none"},
	{Name: "answer_content", Path: "answer.content", Type: vendorapi.TypeString, Comment: "Text of the answer"},
	{Name: "answer_presenterid", Path: "answer.presenterid", Type: vendorapi.TypeInt64, Comment: "Number of who answered"},
	{Name: "answer_presentername", Path: "answer.presentername", Type: vendorapi.TypeString, Comment: "Name of who answered"},
	{Name: "answer_privacy", Path: "answer.privacy", Type: vendorapi.TypeString, Comment: "Private, or shown to all"},
}

var pollItems = []vendorapi.Column{
	{Name: "pollid", Type: vendorapi.TypeInt64, Comment: "Number of the poll"},
	{Name: "pollsubmittedtimestamp", Type: vendorapi.TypeTimestamp, Comment: "Time at which it was answered"},
	{Name: "pollquestionid", Type: vendorapi.TypeInt64, Comment: "Number of the poll's question"},
	{Name: "pollquestion", Type: vendorapi.TypeString, Comment: "Text of the poll's question"},
	{Name: "pollanswers", Type: vendorapi.TypeJSON, Comment: "The answers, an array of strings"},
	{Name: "pollanswersdetail", Type: vendorapi.TypeJSON, Comment: "The answers, an array of objects with answercode and answer"},
}

var resourceItems = []vendorapi.Column{
	{Name: "resourceid", Type: vendorapi.TypeInt64, Comment: "Number of the resource"},
	{Name: "resourceviewed", Type: vendorapi.TypeString, Comment: "Name of the resource"},
	{Name: "resourceviewedtimestamp", Type: vendorapi.TypeTimestamp, Comment: "Time at which it was opened"},
}

var surveyItems = []vendorapi.Column{
	{Name: "surveyid", Type: vendorapi.TypeString, Comment: "Id of the survey"},
	{Name: "surveysubmittedtimestamp", Type: vendorapi.TypeTimestamp, Comment: "Time at which it was answered"},
	{Name: "surveyquestions", Type: vendorapi.TypeJSON, Comment: "The questions, an array of objects with surveyquestionid, surveyquestion, questioncode and surveyanswers"},
}

var callToActionItems = []vendorapi.Column{
	{Name: "ctaid", Type: vendorapi.TypeInt64, Comment: "Number of the call to action"},
	{Name: "ctaname", Type: vendorapi.TypeString, Comment: "Name of the call to action"},
	{Name: "clicks", Type: vendorapi.TypeInt64, Comment: "Number of clicks"},
	{Name: "action", Type: vendorapi.TypeString, Comment: "What a click does, for example the address that it leads to"},
	{Name: "date", Type: vendorapi.TypeTimestamp, Comment: "Time of the click"},
}

var reactionItems = []vendorapi.Column{
	{Name: "type", Type: vendorapi.TypeString, Comment: "Kind of reaction, for example like"},
	{Name: "timefromstart", Type: vendorapi.TypeInt64, Comment: "Minutes from the start of the event"},
	{Name: "datetime", Type: vendorapi.TypeTimestamp, Comment: "Time of the reaction"},
}

var businessInterestItems = itself("businessinterest", "Business interest of the person")

var segmentItems = itself("segment", "Segment that the person belongs to")

// itself is the one column of an array of strings.
func itself(name, comment string) []vendorapi.Column {
	return []vendorapi.Column{{Name: name, Path: vendorapi.ItemItself, Type: vendorapi.TypeString, Comment: comment}}
}
