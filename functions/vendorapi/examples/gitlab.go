package examples

import (
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// GitLab reads the issues that a user of GitLab sees, by when they were last changed, and the notes on each
// (https://docs.gitlab.com/api/issues/, https://docs.gitlab.com/api/notes/). An issue comes again whenever something happens to it, a note
// included, and its notes are then read anew. Answers are bare arrays, the address of the next page stands in the Link header
// (https://docs.gitlab.com/api/rest/#pagination), and the total is left out where there are many. Both ends of a window count, and times are
// compared more finely than they are shown, so a record is placed by its own time. The secret holds {"token": "..."}.
func GitLab() *vendorapi.Vendor {
	query := func(name string) vendorapi.Place { return vendorapi.Place{In: vendorapi.InQuery, Name: name} }
	paging := vendorapi.Paging{Kind: vendorapi.PagingLinkHeader, Size: 100, SizePlace: query("per_page")}
	return &vendorapi.Vendor{
		Name:    "gitlab",
		BaseURL: "https://gitlab.com/api/v4",
		Auth:    vendorapi.Auth{Kind: vendorapi.AuthHeaders, HeaderFields: map[string]string{"PRIVATE-TOKEN": "token"}},
		// A user has 2000 (https://docs.gitlab.com/user/gitlab_com/#rate-limits-on-gitlabcom): most are left to others.
		RateLimit: vendorapi.RateLimit{Requests: 300, Per: vendorapi.Duration(time.Minute)},
		Streams: []vendorapi.Stream{{
			Name: "issues", Description: "An issue, as last changed.", Path: "/issues",
			Query: map[string]string{"scope": "all", "order_by": "updated_at", "sort": "asc"},
			Window: vendorapi.Window{
				Start: query("updated_after"), End: query("updated_before"), Layout: "2006-01-02T15:04:05.000Z07:00", EndInclusive: true,
			},
			Paging: paging,
			Key:    []string{"id"}, TimePath: "updated_at", VersionPath: "updated_at",
			Settle: vendorapi.Duration(time.Minute), Audit: vendorapi.AuditReread,
			Columns: []vendorapi.Column{
				{Name: "id", Type: vendorapi.TypeInt64}, {Name: "iid", Type: vendorapi.TypeInt64}, {Name: "project_id", Type: vendorapi.TypeInt64},
				{Name: "title", Type: vendorapi.TypeString}, {Name: "description", Type: vendorapi.TypeString}, {Name: "state", Type: vendorapi.TypeString},
				{Name: "issue_type", Type: vendorapi.TypeString}, {Name: "confidential", Type: vendorapi.TypeBool}, {Name: "due_date", Type: vendorapi.TypeDate},
				{Name: "author", Path: "author.username", Type: vendorapi.TypeString, Personal: vendorapi.PersonalLogin}, {Name: "assignees", Type: vendorapi.TypeJSON, Within: []vendorapi.Within{
					{Path: "username", Personal: vendorapi.PersonalLogin}, {Path: "name", Personal: vendorapi.PersonalName},
					// Both hold the username or a picture of the person.
					{Path: "web_url", Personal: vendorapi.PersonalLink}, {Path: "avatar_url", Personal: vendorapi.PersonalLink},
				}},
				{Name: "labels", Type: vendorapi.TypeJSON}, {Name: "upvotes", Type: vendorapi.TypeInt64}, {Name: "web_url", Type: vendorapi.TypeString},
				{Name: "created_at", Type: vendorapi.TypeTimestamp}, {Name: "updated_at", Type: vendorapi.TypeTimestamp}, {Name: "closed_at", Type: vendorapi.TypeTimestamp},
			},
		}, {
			Name: "notes", Description: "A note on an issue.", Path: "/projects/{project}/issues/{issue}/notes",
			Query: map[string]string{"order_by": "created_at", "sort": "asc"},
			Parent: &vendorapi.Parent{
				Stream: "issues", TimePath: "updated_at",
				Places: []vendorapi.ParentPlace{
					{Place: vendorapi.Place{In: vendorapi.InPath, Name: "project"}, Path: "project_id"},
					{Place: vendorapi.Place{In: vendorapi.InPath, Name: "issue"}, Path: "iid"},
				},
				Fields: []vendorapi.ParentField{{Name: "issue_id", Path: "id"}},
			},
			Paging: paging,
			Key:    []string{"id"}, VersionPath: "updated_at",
			Settle: vendorapi.Duration(time.Minute), Lookback: vendorapi.Duration(time.Hour), Audit: vendorapi.AuditReread,
			Columns: []vendorapi.Column{
				{Name: "issue_id", Type: vendorapi.TypeInt64}, {Name: "id", Type: vendorapi.TypeInt64}, {Name: "type", Type: vendorapi.TypeString},
				{Name: "body", Type: vendorapi.TypeString}, {Name: "author", Path: "author.username", Type: vendorapi.TypeString, Personal: vendorapi.PersonalLogin},
				{Name: "system", Type: vendorapi.TypeBool}, {Name: "internal", Type: vendorapi.TypeBool}, {Name: "resolvable", Type: vendorapi.TypeBool},
				{Name: "created_at", Type: vendorapi.TypeTimestamp}, {Name: "updated_at", Type: vendorapi.TypeTimestamp},
			},
		}},
	}
}
