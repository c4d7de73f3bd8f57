// Package gotowebinar describes GoTo Webinar's REST API v2 (https://developer.goto.com/GoToWebinarV2).
//
// It holds no behaviour, only the facts about one vendor, so that what is known of GoTo stands in one place. GoTo is the
// example of a vendor whose refresh token stays the same, that says 403 where others say 401, that leaves its envelope out
// when there is nothing in it, and whose ids no float can hold.
package gotowebinar

import (
	"fmt"
	"regexp"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Name is the vendor's name, unless a team changes it in the description.
const Name = "gotowebinar"

const (
	baseURL  = "https://api.getgo.com/G2W/rest/v2"
	tokenURL = "https://authentication.logmeininc.com/oauth/token"
)

const day = 24 * time.Hour

const (
	// pageSize is the largest number of records that GoTo gives in a page.
	pageSize = 200
	// settle is how long after a session's end, or a registration, GoTo is taken to show it. GoTo states no time.
	settle = 15 * time.Minute
	// lookback is how long after its end a session's attendees are read again.
	lookback = 3 * day
	// ahead is how long before a webinar its registrants are read first.
	ahead = 60 * day
	// longest is how long a session lasts at most.
	longest = day
)

// Option changes the description that [Vendor] returns.
type Option func(*vendorapi.Vendor)

var organizerKeyPattern = regexp.MustCompile(`^[0-9]{1,20}$`)

// Vendor describes GoTo Webinar for the organizer of that key, with the streams webinars, sessions, registrants, attendees,
// questions and polls. Validate, and so the construct, says when the key is none. It stands as organizer_key in the answer to the
// first token request, and goes for one organizer: an account with several is several vendors, by other names.
//
// The vendor's secret has the fields clientId, clientSecret and refreshToken; a person gets the latter by authorizing once.
//
// Ten requests a second are allowed, over all streams. https://developer.goto.com/guides/References/Ref-Rate-Limits/
func Vendor(organizerKey string, options ...Option) *vendorapi.Vendor {
	if !organizerKeyPattern.MatchString(organizerKey) {
		return &vendorapi.Vendor{Name: Name, Invalid: fmt.Errorf(
			"gotowebinar.Vendor: organizer key %q: want the organizer_key of the answer to a token request, digits only, for example 5555555555555555555", organizerKey)}
	}
	organizer := "/organizers/" + organizerKey
	v := &vendorapi.Vendor{
		Format:    vendorapi.FormatVersion,
		Name:      Name,
		BaseURL:   baseURL,
		Auth:      auth(),
		RateLimit: vendorapi.RateLimit{Requests: 10, Per: vendorapi.Duration(time.Second)},
		Streams: []vendorapi.Stream{
			webinars(organizer),
			sessions(organizer),
			registrants(organizer),
			attendees(organizer),
			questions(organizer),
			polls(organizer),
		},
	}
	for _, option := range options {
		option(v)
	}
	return v
}

// auth is a refresh token that a person has authorized. GoTo's answers hold no new one, so the old one is good again and again.
// https://developer.goto.com/how-use-refresh-tokens/ A token that has expired is answered with 403, and so may be what is not
// allowed: only the text tells them apart. https://github.com/n8n-io/n8n/issues/14077
func auth() vendorapi.Auth {
	a := vendorapi.RefreshToken(tokenURL)
	a.Token.Refresh.Reusable = true
	a.Token.Rejected = []vendorapi.Answer{{Status: 403, BodyContains: "InvalidToken"}}
	return a
}

// span is how GoTo is asked for a span of time.
func span() vendorapi.Window {
	return vendorapi.Window{
		Start:  vendorapi.Place{In: vendorapi.InQuery, Name: "fromTime"},
		End:    vendorapi.Place{In: vendorapi.InQuery, Name: "toTime"},
		Layout: "2006-01-02T15:04:05Z",
	}
}

// paged is how GoTo pages, with the size under the name that the endpoint gives it.
func paged(size string) vendorapi.Paging {
	return vendorapi.Paging{
		Kind:      vendorapi.PagingNumber,
		Place:     vendorapi.Place{In: vendorapi.InQuery, Name: "page"},
		Size:      pageSize,
		SizePlace: vendorapi.Place{In: vendorapi.InQuery, Name: size},
	}
}

// webinars are listed from those that may still be on until those that are weeks ahead, since a webinar is found by when it takes
// place and not by when it was planned. Its times are an array, of which a series has several.
// https://developer.goto.com/GoToWebinarV2#operation/getWebinars
func webinars(organizer string) vendorapi.Stream {
	w := span()
	w.Listing = &vendorapi.Listing{Behind: vendorapi.Duration(longest), Ahead: vendorapi.Duration(ahead)}
	return vendorapi.Stream{
		Name:                   "webinars",
		Description:            "A webinar that is planned, as it was last listed.",
		Path:                   organizer + "/webinars",
		Window:                 w,
		Paging:                 paged("size"),
		RecordsPath:            "_embedded.webinars",
		RecordsAbsentWhenEmpty: true,
		Total:                  vendorapi.Total{Path: "page.totalElements"},
		Key:                    []string{"webinarKey"},
		ZonePath:               "timeZone",
		Settle:                 vendorapi.Duration(settle),
		Audit:                  vendorapi.AuditReread,
		Columns:                vendorapi.CloneColumns(webinarColumns),
	}
}

// sessions are placed by when they ended: one that lasts for longer than the settle delay is in no list before. GoTo does not say
// by which time it finds a session, nor in which unit, so those that may have begun before the window are asked for too.
// https://developer.goto.com/GoToWebinarV2#operation/getOrganizerSessions
func sessions(organizer string) vendorapi.Stream {
	w := span()
	w.Before = vendorapi.Duration(longest)
	return vendorapi.Stream{
		Name:                   "sessions",
		Description:            "A session of a webinar that is over.",
		Path:                   organizer + "/sessions",
		Window:                 w,
		Paging:                 paged("size"),
		RecordsPath:            "_embedded.sessionInfoResources",
		RecordsAbsentWhenEmpty: true,
		Total:                  vendorapi.Total{Path: "page.totalElements"},
		Key:                    []string{"sessionKey"},
		ZonePath:               "timeZone",
		TimePath:               "endTime",
		Settle:                 vendorapi.Duration(settle),
		Lookback:               vendorapi.Duration(2 * day),
		Audit:                  vendorapi.AuditReread,
		Columns:                vendorapi.CloneColumns(sessionColumns),
	}
}

// registrants are read from weeks before a webinar's first time until days after it. Without page and limit they would come as a
// bare array. https://developer.goto.com/GoToWebinarV2#operation/getAllRegistrantsForWebinar
func registrants(organizer string) vendorapi.Stream {
	return vendorapi.Stream{
		Name:        "registrants",
		Description: "A person's registration for a webinar.",
		Path:        organizer + "/webinars/{webinarKey}/registrants",
		Parent: &vendorapi.Parent{
			Stream:   "webinars",
			TimePath: "times.0.startTime",
			Ahead:    vendorapi.Duration(ahead),
			Places:   []vendorapi.ParentPlace{inPath("webinarKey")},
			Fields:   []vendorapi.ParentField{{Name: "webinarKey", Path: "webinarKey"}},
		},
		Paging:                 paged("limit"),
		RecordsPath:            "data",
		RecordsAbsentWhenEmpty: true,
		Total:                  vendorapi.Total{Path: "total"},
		// What is read of one webinar has hundreds of pages, where the rest has one or two.
		Weight:     4,
		Key:        []string{"webinarKey", "registrantKey"},
		ZonePath:   "timeZone",
		Settle:     vendorapi.Duration(settle),
		Lookback:   vendorapi.Duration(lookback),
		Audit:      vendorapi.AuditReread,
		PersonPath: "email",
		Columns:    vendorapi.CloneColumns(registrantColumns),
	}
}

func inPath(name string) vendorapi.ParentPlace {
	return vendorapi.ParentPlace{Place: vendorapi.Place{In: vendorapi.InPath, Name: name}, Path: name}
}

// ofSession is a stream of what belongs to a session, which GoTo gives as a bare array, all at once. No session has more than a few
// thousand attendees (https://www.goto.com/pricing/webinar), so that is a few megabytes.
func ofSession(organizer, name, description string, columns []vendorapi.Column) vendorapi.Stream {
	return vendorapi.Stream{
		Name:        name,
		Description: description,
		Path:        organizer + "/webinars/{webinarKey}/sessions/{sessionKey}/" + name,
		Parent: &vendorapi.Parent{
			Stream:   "sessions",
			TimePath: "endTime",
			Places:   []vendorapi.ParentPlace{inPath("webinarKey"), inPath("sessionKey")},
			Fields: []vendorapi.ParentField{
				{Name: "webinarKey", Path: "webinarKey"},
				{Name: "sessionEndTime", Path: "endTime"},
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

// sessionKey is added to what does not show it itself, as an attendee does.
var sessionKey = vendorapi.ParentField{Name: "sessionKey", Path: "sessionKey"}

// attendees are one for each person and session, however often the person joined: the times are in attendance, an array that is
// kept as JSON. https://developer.goto.com/GoToWebinarV2#operation/getAttendees
func attendees(organizer string) vendorapi.Stream {
	s := ofSession(organizer, "attendees", "A person's attendance of a session.", attendeeColumns)
	s.Key = []string{"sessionKey", "registrantKey"}
	s.PersonPath = "email"
	return s
}

// questions have no key of their own, so one is all that there is of them; they are replaced together when they are read again.
// https://developer.goto.com/GoToWebinarV2#operation/getQuestions
func questions(organizer string) vendorapi.Stream {
	s := ofSession(organizer, "questions", "A question that an attendee asked during a session, with the answers.", questionColumns)
	s.Parent.Fields = append(s.Parent.Fields, sessionKey)
	s.Key = []string{"sessionKey", "askedBy", "question", "answers"}
	s.PersonPath = "askedBy"
	return s
}

// polls have no key of their own either. https://developer.goto.com/GoToWebinarV2#operation/getPolls
func polls(organizer string) vendorapi.Stream {
	s := ofSession(organizer, "polls", "A poll of a session, with the share of each answer.", pollColumns)
	s.Parent.Fields = append(s.Parent.Fields, sessionKey)
	s.Key = []string{"sessionKey", "question", "responses"}
	return s
}
