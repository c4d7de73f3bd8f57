// Package zoom describes the parts of Zoom's REST API v2 that tell of webinars (https://developers.zoom.us/docs/api/, field names
// also from https://github.com/zoom/rivet-javascript).
//
// It holds no behaviour, only the facts about one vendor, so that what is known of Zoom stands in one place. Zoom is the
// example of a vendor that takes whole days, knows no window for what it has of a webinar, and pages by tokens that expire.
package zoom

import (
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Name is the vendor's name, unless a team changes it in the description.
const Name = "zoom"

const (
	baseURL  = "https://api.zoom.us/v2"
	tokenURL = "https://zoom.us/oauth/token"
)

const day = 24 * time.Hour

const (
	// pageSize is the largest number of records that Zoom gives in a page.
	pageSize = 300
	// settle is how long after a webinar's end, or a registration, Zoom is taken to show it. Zoom states no time.
	settle = 15 * time.Minute
	// lookback is how long after a webinar's end its reports are read again, until the late ones are in them.
	lookback = 3 * day
	// ahead is how long before a webinar its registrants are read first. With the days at either end the span is one of 28 days,
	// which is no longer than any month.
	ahead = 26 * day
	// manyPages is the share in the account's limit of what has hundreds of pages of one webinar, where the rest has one.
	manyPages = 4
)

// Option changes the description that [Vendor] returns.
type Option func(*vendorapi.Vendor)

// Business keeps to the limits of Business, Education, Enterprise and Partner accounts in place of those of a Pro account.
func Business(v *vendorapi.Vendor) { limit(v, 40, 20) }

// AllRegistrants reads also the registrants that wait for approval and those that were denied, as the streams
// registrants-pending and registrants-denied: Zoom gives those of one status at a time.
func AllRegistrants(v *vendorapi.Vendor) {
	v.Streams = append(v.Streams, registrants("registrants-pending", "pending"), registrants("registrants-denied", "denied"))
}

// Vendor describes Zoom for the account whose server-to-server app the secret names (accountId, clientId and clientSecret), with
// the streams webinars, upcoming, registrants, participants, questions and polls.
//
// The app needs the scopes dashboard_webinars:read:admin, report:read:admin and webinar:read:admin; the dashboard is part of
// Business plans and above.
//
// Limits are those of a Pro account, ten report requests a second and ten dashboard requests a minute, unless an [Option] says
// otherwise. They are of the account, so other apps use them up too, as they do the 30,000 (Business: 60,000) such requests that
// Zoom allows in a day. https://developers.zoom.us/docs/api/rate-limits/
func Vendor(options ...Option) *vendorapi.Vendor {
	v := &vendorapi.Vendor{
		Format:  vendorapi.FormatVersion,
		Name:    Name,
		BaseURL: baseURL,
		Auth:    auth(),
		Streams: []vendorapi.Stream{
			webinars(),
			upcoming(),
			registrants("registrants", "approved"),
			participants(),
			questions(),
			polls(),
		},
	}
	limit(v, 10, 10)
	for _, option := range options {
		option(v)
	}
	return v
}

// auth is the grant of server-to-server apps; a token lives for an hour and there is no refresh token.
func auth() vendorapi.Auth { return vendorapi.AccountCredentials(tokenURL) }

func limit(v *vendorapi.Vendor, reportsASecond, dashboardsAMinute int) {
	v.RateLimit = vendorapi.RateLimit{Requests: reportsASecond, Per: vendorapi.Duration(time.Second)}
	v.Streams[0].RateLimit = vendorapi.RateLimit{Requests: dashboardsAMinute, Per: vendorapi.Duration(time.Minute)}
}

// tokens is how Zoom pages. A token expires after 15 minutes and is for one query only, so a window that is left for longer is
// begun again. https://developers.zoom.us/docs/api/pagination/
func tokens() vendorapi.Paging {
	return vendorapi.Paging{
		Kind:      vendorapi.PagingToken,
		Place:     vendorapi.Place{In: vendorapi.InQuery, Name: "next_page_token"},
		NextPath:  "next_page_token",
		Size:      pageSize,
		SizePlace: vendorapi.Place{In: vendorapi.InQuery, Name: "page_size"},
	}
}

// days is how Zoom is asked for a span: by whole days, both included, a month at most.
func days() vendorapi.Window {
	return vendorapi.Window{
		Start:       vendorapi.Place{In: vendorapi.InQuery, Name: "from"},
		End:         vendorapi.Place{In: vendorapi.InQuery, Name: "to"},
		Layout:      time.DateOnly,
		Resolution:  vendorapi.Duration(time.Second),
		Granularity: vendorapi.Duration(day),
	}
}

// webinars are placed by when they ended: a webinar that lasts for longer than the settle delay is in no list before. Zoom does not
// say by which time it takes a webinar to belong to a day, so the day before is asked for too, for one that began on it and ended
// after midnight. type=past is needed, since Zoom lists those that are on otherwise.
// https://developers.zoom.us/docs/api/meetings/#tag/dashboards/GET/metrics/webinars
func webinars() vendorapi.Stream {
	span := days()
	span.EndInclusive = true
	span.LongestSpan = vendorapi.Duration(28 * day)
	span.Before = vendorapi.Duration(day)
	return vendorapi.Stream{
		Name:                   "webinars",
		Description:            "An instance of a webinar that is over.",
		Path:                   "/metrics/webinars",
		Query:                  map[string]string{"type": "past"},
		Window:                 span,
		Paging:                 tokens(),
		RecordsPath:            "webinars",
		RecordsAbsentWhenEmpty: true,
		Total:                  vendorapi.Total{Path: "total_records"},
		Key:                    []string{"uuid"},
		TimePath:               "end_time",
		Settle:                 vendorapi.Duration(settle),
		Lookback:               vendorapi.Duration(2 * day),
		Audit:                  vendorapi.AuditReread,
		Columns:                vendorapi.CloneColumns(webinarColumns),
	}
}

// upcoming are the webinars that are planned, of all hosts. One that recurs is listed once for each of its times under one id.
// https://developers.zoom.us/docs/api/meetings/#tag/reports/GET/report/upcoming_events
func upcoming() vendorapi.Stream {
	span := days()
	span.Listing = &vendorapi.Listing{Ahead: vendorapi.Duration(ahead + day)}
	return vendorapi.Stream{
		Name:                   "upcoming",
		Description:            "A webinar that is planned, as it was last listed.",
		Path:                   "/report/upcoming_events",
		Query:                  map[string]string{"type": "webinar"},
		Window:                 span,
		Paging:                 tokens(),
		RecordsPath:            "upcoming_events",
		RecordsAbsentWhenEmpty: true,
		Key:                    []string{"id", "start_time"},
		TimePath:               "start_time",
		Settle:                 vendorapi.Duration(settle),
		Audit:                  vendorapi.AuditReread,
		Columns:                vendorapi.CloneColumns(upcomingColumns),
	}
}

// registrants are read from weeks before a webinar until days after it. They belong to the webinar's number, so those of one that
// recurs come with each of its times; the newest reading counts. https://developers.zoom.us/docs/api/meetings/#tag/webinars/GET/webinars/{webinarId}/registrants
func registrants(name, status string) vendorapi.Stream {
	return vendorapi.Stream{
		Name:        name,
		Description: "A person's registration for a webinar.",
		Path:        "/webinars/{webinarId}/registrants",
		Query:       map[string]string{"status": status},
		Parent: &vendorapi.Parent{
			Stream:   "upcoming",
			TimePath: "start_time",
			Ahead:    vendorapi.Duration(ahead),
			Places:   []vendorapi.ParentPlace{{Place: vendorapi.Place{In: vendorapi.InPath, Name: "webinarId"}, Path: "id"}},
			Fields: []vendorapi.ParentField{
				{Name: "webinar_id", Path: "id"},
				{Name: "webinar_start_time", Path: "start_time"},
			},
		},
		Paging:                 tokens(),
		RecordsPath:            "registrants",
		RecordsAbsentWhenEmpty: true,
		Total:                  vendorapi.Total{Path: "total_records"},
		Weight:                 manyPages,
		Key:                    []string{"webinar_id", "id"},
		Settle:                 vendorapi.Duration(settle),
		Lookback:               vendorapi.Duration(lookback),
		Audit:                  vendorapi.AuditReread,
		PersonPath:             "email",
		Columns:                vendorapi.CloneColumns(registrantColumns),
	}
}

// report is a stream of what Zoom reports of an instance of a webinar. It is asked for by the uuid, since the number stands for
// the latest instance alone. https://developers.zoom.us/docs/api/using-zoom-apis/#meeting-id-and-uuid
func report(name, description, path string, columns []vendorapi.Column) vendorapi.Stream {
	return vendorapi.Stream{
		Name:        name,
		Description: description,
		Path:        "/report/webinars/{webinarId}/" + path,
		Parent: &vendorapi.Parent{
			Stream:   "webinars",
			TimePath: "end_time",
			Places: []vendorapi.ParentPlace{
				{Place: vendorapi.Place{In: vendorapi.InPath, Name: "webinarId"}, Path: "uuid", EscapeTwice: true},
			},
			Fields: []vendorapi.ParentField{
				{Name: "webinar_uuid", Path: "uuid"},
				{Name: "webinar_id", Path: "id"},
				{Name: "webinar_end_time", Path: "end_time"},
			},
		},
		Paging:                 vendorapi.Paging{Kind: vendorapi.PagingNone},
		RecordsAbsentWhenEmpty: true,
		Settle:                 vendorapi.Duration(settle),
		Lookback:               vendorapi.Duration(lookback),
		Audit:                  vendorapi.AuditReread,
		Columns:                vendorapi.CloneColumns(columns),
	}
}

// participants come again with each time that they join, so a key holds when that was. Who is no user of the account
// and did not register has no user_email and no id.
// https://developers.zoom.us/docs/api/meetings/#tag/reports/GET/report/webinars/{webinarId}/participants
func participants() vendorapi.Stream {
	s := report("participants", "A person's stay in a webinar, one for each time that he or she joined.", "participants", participantColumns)
	s.Query = map[string]string{"include_fields": "registrant_id"}
	s.Paging = tokens()
	s.RecordsPath = "participants"
	s.Total = vendorapi.Total{Path: "total_records"}
	s.Weight = manyPages
	s.Key = []string{"webinar_uuid", "user_id", "join_time"}
	s.PersonPath = "user_email"
	return s
}

// questions stand together by who asked them, in question_details, which is kept as JSON: a description has no way to take an array
// within a record apart. Of those who asked without a name nothing else is different, so what they asked is part of the
// key. https://developers.zoom.us/docs/api/meetings/#tag/reports/GET/report/webinars/{webinarId}/qa
func questions() vendorapi.Stream {
	s := report("questions", "What a person asked during a webinar, with the answers.", "qa", questionColumns)
	s.RecordsPath = "questions"
	s.Key = []string{"webinar_uuid", "email", "name", "question_details"}
	s.PersonPath = "email"
	return s
}

// polls stand together by who answered them, as questions do. Two people who answered alike and at one moment, without a name, cannot
// be told apart and count as one.
// https://developers.zoom.us/docs/api/meetings/#tag/reports/GET/report/webinars/{webinarId}/polls
func polls() vendorapi.Stream {
	s := report("polls", "What a person answered in the polls of a webinar.", "polls", pollColumns)
	s.RecordsPath = "questions"
	s.Key = []string{"webinar_uuid", "email", "name", "question_details"}
	s.PersonPath = "email"
	return s
}
