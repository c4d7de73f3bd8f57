// Package on24 describes ON24's REST API v2 (https://apidoc.on24.com, https://api.on24.com/v2/openapi.json).
//
// It holds no behaviour, only the facts about one vendor, so that what is known of ON24 stands in one place
// and a team with another vendor has a whole description to copy from.
package on24

import (
	"fmt"
	"regexp"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

const (
	// Name is the vendor's name, unless a team changes it in the description.
	Name = "on24"
	// AccessTokenKey and AccessTokenSecret are the fields that the vendor's secret must have.
	AccessTokenKey    = "accessTokenKey"
	AccessTokenSecret = "accessTokenSecret"
)

const (
	baseURL   = "https://api.on24.com/v2"
	baseURLEU = "https://api.eu.on24.com/v2"
)

// layout has an offset, since ON24 takes a time without one for US Pacific and refuses those that the spring
// gap swallows.
const layout = "2006-01-02T15:04:05-07:00"

const day = 24 * time.Hour

// Option changes the description that [Vendor] returns.
type Option func(*vendorapi.Vendor)

// EU reads from ON24's data centre in the European Union.
func EU(v *vendorapi.Vendor) { v.BaseURL = baseURLEU }

var clientIDPattern = regexp.MustCompile(`^[0-9]{1,19}$`)

// Vendor describes ON24 for the client (the account) of that number, with the streams events, registrants,
// attendees, leads and questions. Validate, and so the construct, says when the client id is none.
//
// ON24 leaves arrays out that would be empty, so an answer without its records is one without any; where it
// reports a total, the total must agree.
//
// Settle delays are minutes, since data is wanted soon. What ON24 shows or changes later is inside each stream's lookback:
// attendees take up to 24 hours, engagement scores and times of activity are cached for 3 to 24 hours, the figures of events
// for 2 to 12 hours. No dateFilterMode finds such a change, since it moves none of the times that can be filtered by, but
// for the figures of events. So every stream is read again within its lookback, and a record that changes later than
// that without moving stays as it was last read.
func Vendor(clientID string, options ...Option) *vendorapi.Vendor {
	if !clientIDPattern.MatchString(clientID) {
		return &vendorapi.Vendor{Name: Name, Invalid: fmt.Errorf(
			"on24.Vendor: client id %q: want the number of the ON24 account that the API tokens belong to, digits only, for example 22355", clientID)}
	}
	client := "/client/" + clientID
	v := &vendorapi.Vendor{
		Format:  vendorapi.FormatVersion,
		Name:    Name,
		BaseURL: baseURL,
		Auth: vendorapi.Auth{
			Kind:         vendorapi.AuthHeaders,
			HeaderFields: map[string]string{"accessTokenKey": AccessTokenKey, "accessTokenSecret": AccessTokenSecret},
		},
		Retry: vendorapi.Retry{
			// The status is that of a missing permission too; only the text tells them apart.
			Also: []vendorapi.Answer{{Status: 403, BodyContains: "maximum number of calls", Throttled: true}},
		},
		Streams: []vendorapi.Stream{
			events(client),
			registrants(client),
			attendees(client),
			leads(client),
			questions(client),
		},
	}
	for _, option := range options {
		option(v)
	}
	return v
}

// within is how ON24 is asked for a window: both ends included, whole seconds.
func within(longest time.Duration) vendorapi.Window {
	return vendorapi.Window{
		Start:        vendorapi.Place{In: vendorapi.InQuery, Name: "startDate"},
		End:          vendorapi.Place{In: vendorapi.InQuery, Name: "endDate"},
		Layout:       layout,
		EndInclusive: true,
		Resolution:   vendorapi.Duration(time.Second),
		LongestSpan:  vendorapi.Duration(longest),
	}
}

// paged is how ON24 pages: by the page's number, which it calls an offset.
func paged(size int) vendorapi.Paging {
	return vendorapi.Paging{
		Kind:      vendorapi.PagingNumber,
		Place:     vendorapi.Place{In: vendorapi.InQuery, Name: "pageOffset"},
		Size:      size,
		SizePlace: vendorapi.Place{In: vendorapi.InQuery, Name: "itemsPerPage"},
	}
}

func perMinute(requests int) vendorapi.RateLimit {
	return vendorapi.RateLimit{Requests: requests, Per: vendorapi.Duration(time.Minute)}
}

// events are windowed by when they were last modified (dateFilterMode=modified), since an event may be planned
// months ahead and edited until it begins. Without includesubaccounts=Y the answer is not paged: it holds
// all events of the window. Six months is the longest span; 180 days are less than any six months.
//
// The figures (eventanalytics) move lastupdated and not lastmodified, 2 to 12 hours late. They are followed for the two days of
// lookback after an event's last edit and then stay, lastupdated saying as of when; the registrants and attendees are
// there to count. The other choice, dateFilterMode=updated, would follow the figures for as long as recordings are watched,
// but have each event again with every count; that an edit moves lastupdated, and how soon, is not documented,
// and an edit is what the stream must not miss.
func events(client string) vendorapi.Stream {
	return vendorapi.Stream{
		Name:                   "events",
		Description:            "A webinar or other event, as it was last modified.",
		Path:                   client + "/event",
		Query:                  map[string]string{"dateFilterMode": "modified"},
		Window:                 within(180 * day),
		Paging:                 vendorapi.Paging{Kind: vendorapi.PagingNone},
		RecordsPath:            "events",
		RecordsAbsentWhenEmpty: true,
		Total:                  vendorapi.Total{Path: "totalevents"},
		RateLimit:              perMinute(30),
		Key:                    []string{"clientid", "eventid"},
		TimePath:               "lastmodified",
		VersionPath:            "lastmodified",
		ZonePath:               "displaytimezonecd",
		Settle:                 vendorapi.Duration(10 * time.Minute),
		Lookback:               vendorapi.Duration(2 * day),
		Audit:                  vendorapi.AuditReread,
		Columns:                vendorapi.CloneColumns(eventColumns),
	}
}

// forgotten is how a record says that its person was forgotten, whose address is then <eventuserid>-deleted.
// https://apidoc.on24.com/ (Forget All Registrant)
var forgotten = vendorapi.Status{Path: "userstatus", Values: []string{"forgotten"}}

// registrants move to the window of their last activity. They show within about a quarter of an hour; two days of
// lookback are a margin.
func registrants(client string) vendorapi.Stream {
	return vendorapi.Stream{
		Name:                   "registrants",
		Description:            "A person's registration for an event, as of the last activity.",
		Path:                   client + "/registrant",
		Query:                  map[string]string{"dateFilterMode": "lastActivity"},
		Window:                 within(0),
		Paging:                 paged(100),
		RecordsPath:            "registrants",
		RecordsAbsentWhenEmpty: true,
		Total:                  vendorapi.Total{Path: "totalregistrants"},
		RateLimit:              perMinute(100),
		Key:                    []string{"clientid", "eventid", "eventuserid"},
		TimePath:               "lastactivity",
		VersionPath:            "lastactivity",
		Settle:                 vendorapi.Duration(15 * time.Minute),
		Lookback:               vendorapi.Duration(2 * day),
		Audit:                  vendorapi.AuditReread,
		PersonPath:             "email",
		Forgotten:              forgotten,
		Columns:                vendorapi.CloneColumns(registrantColumns),
	}
}

// attendees move to the window of their last activity, which they do not show. A later change of score,
// survey or call to action does not move them, so the lookback is three days: one for the attendee to show, one for
// the score to be counted from then on, and one to spare. The parameter realtimeonly is not used: it leaves out the
// properties that come from the data warehouse, and does not have them sooner.
func attendees(client string) vendorapi.Stream {
	return vendorapi.Stream{
		Name:                   "attendees",
		Description:            "A person's attendance of an event, live and on demand, with all that he or she did there.",
		Path:                   client + "/attendee",
		Query:                  map[string]string{"dateFilterMode": "lastActivity"},
		Window:                 within(0),
		Paging:                 paged(100),
		RecordsPath:            "attendees",
		RecordsAbsentWhenEmpty: true,
		Total:                  vendorapi.Total{Path: "totalattendees"},
		RateLimit:              perMinute(100),
		Key:                    []string{"clientid", "eventid", "eventuserid"},
		Settle:                 vendorapi.Duration(15 * time.Minute),
		Lookback:               vendorapi.Duration(3 * day),
		Audit:                  vendorapi.AuditReread,
		PersonPath:             "email",
		Forgotten:              forgotten,
		Columns:                vendorapi.CloneColumns(attendeeColumns),
	}
}

// leads are people over all events; pages past the end are refused, not empty. A lead is made of attendances and as
// late as they are, so the lookback is theirs.
func leads(client string) vendorapi.Stream {
	paging := paged(50)
	paging.PastEnd = []vendorapi.Answer{{Status: 400, BodyContains: "Invalid pageOffset"}}
	return vendorapi.Stream{
		Name:                   "leads",
		Description:            "A person's engagement over all events.",
		Path:                   client + "/lead",
		Window:                 within(365 * day),
		Paging:                 paging,
		RecordsPath:            "leads",
		RecordsAbsentWhenEmpty: true,
		Total:                  vendorapi.Total{Path: "totalleads"},
		RateLimit:              perMinute(30),
		Key:                    []string{"email"},
		Settle:                 vendorapi.Duration(15 * time.Minute),
		Lookback:               vendorapi.Duration(3 * day),
		Audit:                  vendorapi.AuditReread,
		PersonPath:             "email",
		Columns:                vendorapi.CloneColumns(leadColumns),
	}
}

// questions have no documented paging and report no total; a window is one hour at most. An answer does not move its
// question; one that is given within the two days of lookback is found.
func questions(client string) vendorapi.Stream {
	return vendorapi.Stream{
		Name:                   "questions",
		Description:            "A question asked during an event, with its answer.",
		Path:                   client + "/userquestions",
		Window:                 within(time.Hour),
		Paging:                 vendorapi.Paging{Kind: vendorapi.PagingNone},
		RecordsPath:            "questions",
		RecordsAbsentWhenEmpty: true,
		RateLimit:              perMinute(30),
		Key:                    []string{"clientid", "eventid", "questionid"},
		TimePath:               "createtimestamp",
		Settle:                 vendorapi.Duration(10 * time.Minute),
		Lookback:               vendorapi.Duration(2 * day),
		Audit:                  vendorapi.AuditReread,
		PersonPath:             "email",
		Columns:                vendorapi.CloneColumns(questionColumns),
	}
}
