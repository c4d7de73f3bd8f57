package examples

import (
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Livestorm reads the sessions of a Livestorm workspace and the people of each (https://developers.livestorm.co/docs). Nothing can be
// asked for by time: each run reads all sessions, and keeps those whose updated_at lies in the window. The workspace has 10,000 requests
// in 30 days (https://support.livestorm.co/article/185-livestorm-api), so a schedule of an hour is plenty. The secret holds
// {"token": "..."}, which is sent without "Bearer".
func Livestorm() *vendorapi.Vendor {
	paging := vendorapi.Paging{ // https://developers.livestorm.co/docs/pagination
		Kind: vendorapi.PagingNumber, First: 0, Place: vendorapi.Place{In: vendorapi.InQuery, Name: "page[number]"},
		Size: 50, SizePlace: vendorapi.Place{In: vendorapi.InQuery, Name: "page[size]"},
	}
	// Times are Unix seconds, 0 where there is none.
	at := func(name string) vendorapi.Column {
		return vendorapi.Column{Name: name, Path: "attributes." + name, Type: vendorapi.TypeTimestamp, Layout: vendorapi.LayoutUnix}
	}
	attribute := func(name string, kind vendorapi.ColumnType) vendorapi.Column {
		return vendorapi.Column{Name: name, Path: "attributes." + name, Type: kind}
	}
	personal := func(name string, kind vendorapi.Personal) vendorapi.Column {
		column := attribute(name, vendorapi.TypeString)
		column.Personal = kind
		return column
	}
	// It holds what people typed into the form, addresses and names among it, each as the value of a field.
	detail := attribute("registrant_detail", vendorapi.TypeJSON)
	detail.Personal, detail.Protect = vendorapi.PersonalEmail, vendorapi.ProtectDrop
	return &vendorapi.Vendor{
		Name:    "livestorm",
		BaseURL: "https://api.livestorm.co/v1",
		Auth:    vendorapi.Auth{Kind: vendorapi.AuthHeaders, HeaderFields: map[string]string{"Authorization": "token"}},
		Headers: map[string]string{"Accept": "application/vnd.api+json"},
		Streams: []vendorapi.Stream{{
			Name: "sessions", Description: "A session of an event.", Path: "/sessions",
			Paging: paging, RecordsPath: "data", Total: vendorapi.Total{Path: "meta.record_count"},
			Key: []string{"id"}, TimePath: "attributes.updated_at", VersionPath: "attributes.updated_at",
			Settle: vendorapi.Duration(5 * time.Minute), Audit: vendorapi.AuditReread,
			Columns: []vendorapi.Column{
				{Name: "id", Type: vendorapi.TypeString}, {Name: "type", Type: vendorapi.TypeString},
				attribute("status", vendorapi.TypeString), attribute("timezone", vendorapi.TypeString),
				attribute("registrants_count", vendorapi.TypeInt64), attribute("attendees_count", vendorapi.TypeInt64),
				attribute("duration", vendorapi.TypeInt64),
				at("estimated_started_at"), at("started_at"), at("ended_at"), at("canceled_at"), at("created_at"), at("updated_at"),
			},
		}, {
			Name: "people", Description: "A registrant or team member of a session.", Path: "/sessions/{session}/people",
			Parent: &vendorapi.Parent{
				Stream: "sessions", TimePath: "attributes.estimated_started_at", Ahead: vendorapi.Duration(7 * 24 * time.Hour),
				Places: []vendorapi.ParentPlace{{Place: vendorapi.Place{In: vendorapi.InPath, Name: "session"}, Path: "id"}},
				Fields: []vendorapi.ParentField{{Name: "session_id", Path: "id"}},
			},
			Paging: paging, RecordsPath: "data", Total: vendorapi.Total{Path: "meta.record_count"},
			Key: []string{"session_id", "id"}, PersonPath: "attributes.email",
			Settle: vendorapi.Duration(5 * time.Minute), Lookback: vendorapi.Duration(24 * time.Hour), Audit: vendorapi.AuditReread,
			Columns: []vendorapi.Column{
				{Name: "session_id", Type: vendorapi.TypeString}, {Name: "id", Type: vendorapi.TypeString},
				{Name: "type", Type: vendorapi.TypeString}, attribute("role", vendorapi.TypeString),
				personal("email", vendorapi.PersonalEmail), personal("first_name", vendorapi.PersonalName), personal("last_name", vendorapi.PersonalName),
				attribute("questions_count", vendorapi.TypeInt64), attribute("messages_count", vendorapi.TypeInt64),
				detail, at("created_at"), at("updated_at"),
			},
		}},
	}
}
