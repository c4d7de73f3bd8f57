package examples

import (
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// RingCentral reads the finished sessions of a company's RingCentral Webinars, by when they ended, and the participants of each
// (https://developers.ringcentral.com/api-reference/Historical-Webinars). Whether the ends of a window count, and how finely times are
// compared, is not documented: windows overlap by a second, and a session belongs to the one that holds its endTime. The secret holds
// {"token": "..."}, an access token.
func RingCentral() *vendorapi.Vendor {
	query := func(name string) vendorapi.Place { return vendorapi.Place{In: vendorapi.InQuery, Name: name} }
	// More than 1000 are clamped.
	paging := vendorapi.Paging{
		Kind: vendorapi.PagingToken, Place: query("pageToken"), NextPath: "paging.nextPageToken", Size: 1000, SizePlace: query("perPage"),
	}
	return &vendorapi.Vendor{
		Name:    "ringcentral",
		BaseURL: "https://platform.ringcentral.com",
		Auth:    vendorapi.Auth{Kind: vendorapi.AuthBearer, TokenField: "token"},
		Streams: []vendorapi.Stream{{
			Name: "sessions", Description: "A finished session of a webinar.", Path: "/webinar/history/v1/company/sessions",
			Query:  map[string]string{"status": "Finished"},
			Window: vendorapi.Window{Start: query("endTimeFrom"), End: query("endTimeTo"), Layout: time.RFC3339},
			Paging: paging, RecordsPath: "records",
			// The group "Heavy". https://developers.ringcentral.com/guide/basics/rate-limits
			RateLimit: vendorapi.RateLimit{Requests: 10, Per: vendorapi.Duration(time.Minute)},
			Key:       []string{"id"}, TimePath: "endTime",
			Settle: vendorapi.Duration(15 * time.Minute), Lookback: vendorapi.Duration(24 * time.Hour), Audit: vendorapi.AuditReread,
			Columns: []vendorapi.Column{
				{Name: "id", Type: vendorapi.TypeString}, {Name: "title", Type: vendorapi.TypeString}, {Name: "status", Type: vendorapi.TypeString},
				{Name: "webinar_id", Path: "webinar.id", Type: vendorapi.TypeString}, {Name: "time_zone", Path: "timeZone", Type: vendorapi.TypeString},
				{Name: "start_time", Path: "startTime", Type: vendorapi.TypeTimestamp}, {Name: "end_time", Path: "endTime", Type: vendorapi.TypeTimestamp},
				{Name: "duration_seconds", Path: "duration", Type: vendorapi.TypeInt64},
				{Name: "participants", Path: "participantCount", Type: vendorapi.TypeInt64}, {Name: "attendees", Path: "attendeeCount", Type: vendorapi.TypeInt64},
				{Name: "created_at", Path: "creationTime", Type: vendorapi.TypeTimestamp}, {Name: "modified_at", Path: "lastModifiedTime", Type: vendorapi.TypeTimestamp},
			},
		}, {
			Name: "participants", Description: "A participant of a session.", Path: "/webinar/history/v1/webinars/{webinar}/sessions/{session}/participants",
			Parent: &vendorapi.Parent{
				Stream: "sessions", TimePath: "endTime",
				Places: []vendorapi.ParentPlace{
					{Place: vendorapi.Place{In: vendorapi.InPath, Name: "webinar"}, Path: "webinar.id"},
					{Place: vendorapi.Place{In: vendorapi.InPath, Name: "session"}, Path: "id"},
				},
				Fields: []vendorapi.ParentField{{Name: "webinarId", Path: "webinar.id"}, {Name: "sessionId", Path: "id"}},
			},
			Paging: paging, RecordsPath: "records",
			RateLimit: vendorapi.RateLimit{Requests: 10, Per: vendorapi.Duration(time.Minute)},
			Key:       []string{"sessionId", "id"}, PersonPath: "email",
			Settle: vendorapi.Duration(15 * time.Minute), Lookback: vendorapi.Duration(24 * time.Hour), Audit: vendorapi.AuditReread,
			Columns: []vendorapi.Column{
				{Name: "webinar_id", Path: "webinarId", Type: vendorapi.TypeString}, {Name: "session_id", Path: "sessionId", Type: vendorapi.TypeString},
				{Name: "id", Type: vendorapi.TypeString}, {Name: "role", Type: vendorapi.TypeString}, {Name: "type", Type: vendorapi.TypeString},
				{Name: "first_name", Path: "firstName", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName}, {Name: "last_name", Path: "lastName", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName},
				{Name: "email", Type: vendorapi.TypeString, Personal: vendorapi.PersonalEmail}, {Name: "registrant_id", Path: "registrantId", Type: vendorapi.TypeString},
				{Name: "join_time", Path: "joinTime", Type: vendorapi.TypeTimestamp}, {Name: "leave_time", Path: "leaveTime", Type: vendorapi.TypeTimestamp},
			},
		}},
	}
}
