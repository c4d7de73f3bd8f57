package insights_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/insights"
	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/lakesql/lakesqltest"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/gotowebinar"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/vendorapi/zoom"
)

// ready are the vendors that come with Windrow.
var ready = map[string]*vendorapi.Vendor{
	"on24": on24.Vendor("90001"), "zoom": zoom.Vendor(), "gotowebinar": gotowebinar.Vendor("5555555555555555555"),
}

// resultColumns are those of each insight, by which reports draw them.
var resultColumns = map[string]string{
	"attendance_funnel": "event_id title starts_at registered came stayed asked downloaded watched_later",
	"topics":            "topic webinars registered came average_minutes average_score questions",
	"leads":             "person contact company job_title last_seen webinars minutes score questions downloads clicks points reasons profile",
	"no_shows":          "event_id title starts_at person contact company job_title registered_at registration_id",
	"open_questions":    "event_id title asked_at person question",
	"audience_overlap":  "event_a title_a event_b title_b audience_a audience_b both share",
	"monthly_trend":     "month webinars registered came came_share average_minutes questions registered_before came_before",
	"data_health":       "stream rows records days newest_window_end last_ingested_at late_records quarantined undeclared_fields",
}

// empty is a lake without an object.
func empty(lakesql.Table) string { return "" }

// without is a copy of a vendor that lacks columns, given as stream.column, and streams.
func without(t *testing.T, vendor *vendorapi.Vendor, names ...string) *vendorapi.Vendor {
	t.Helper()
	left := *vendor
	left.Streams = slices.Clone(vendor.Streams)
	for _, name := range names {
		stream, column, ofStream := strings.Cut(name, ".")
		before := left.Streams
		left.Streams = nil
		found := false
		for _, s := range before {
			switch {
			case s.Name != stream:
			case !ofStream:
				found = true
				continue
			default:
				columns := slices.DeleteFunc(slices.Clone(s.Columns), func(c vendorapi.Column) bool { return c.Name == column })
				found = len(columns) < len(s.Columns)
				s.Columns = columns
			}
			left.Streams = append(left.Streams, s)
		}
		if !found {
			t.Fatalf("%s has no %s", vendor.Name, name)
		}
	}
	return &left
}

// TestModelsHaveOneShape puts every view of every model, and every insight, to DuckDB over empty lakes: the columns and their types are
// those that are told, whatever a description leaves out.
func TestModelsHaveOneShape(t *testing.T) {
	vendors := maps.Clone(ready)
	vendors["zoom with all registrants"] = zoom.Vendor(zoom.AllRegistrants)
	vendors["on24 with little"] = without(t, ready["on24"], "registrants", "leads", "questions", "attendees.userprofileurl", "attendees.polls", "events.category")
	vendors["zoom with little"] = without(t, ready["zoom"], "upcoming", "registrants", "polls", "participants.user_email")
	vendors["gotowebinar with little"] = without(t, ready["gotowebinar"], "webinars", "registrants", "questions", "attendees.attendance")
	for name, vendor := range vendors {
		t.Run(name, func(t *testing.T) {
			model := insights.Model(vendor)
			if len(model) < 6 {
				t.Fatalf("%d views: no model is for it", len(model))
			}
			queries, want, got := map[string]string{}, map[string][]string{}, map[string][]string{}
			for _, view := range model {
				queries[view.Name] = "select * from " + view.Name
				if columns := insights.Columns(view.Name); columns != nil && !cmp.Equal(columns, view.Columns) {
					t.Errorf("%s has other columns than for other vendors", view.Name)
				}
				for _, c := range view.Columns {
					want[view.Name] = append(want[view.Name], c.Name+" "+lakesql.DuckDBType(c.Type))
				}
			}
			for _, insight := range insights.Of(vendor, model) {
				queries[insight.Name] = lakesql.DuckDB(insight.SQL)
			}
			answers := lakesqltest.Ask(t, lakesql.DuckDBSchema("lake", vendor, empty, model...), queries)
			for _, view := range model {
				for i, column := range answers[view.Name].Columns {
					got[view.Name] = append(got[view.Name], fmt.Sprint(column, " ", answers[view.Name].Types[i]))
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-told +DuckDB):\n%s", diff)
			}
			for insight, columns := range resultColumns {
				if got := strings.Join(answers[insight].Columns, " "); got != columns {
					t.Errorf("%s:\n got %s\nwant %s", insight, got, columns)
				}
			}
		})
	}
}

func TestEverythingIsTrinoSQL(t *testing.T) {
	statements := map[string]string{}
	for name, vendor := range ready {
		for _, view := range insights.Model(vendor) {
			statements[name+"."+view.Name] = view.SQL
		}
		health := insights.Health(vendor)
		statements[name+"."+health.Name] = health.SQL
	}
	for _, insight := range insights.All() {
		statements[insight.Name] = insight.SQL
		if lakesql.DuckDB(insight.SQL) != insight.SQL {
			t.Errorf("%s needs other words for DuckDB: its file cannot be put to both", insight.Name)
		}
	}
	lakesqltest.CheckTrino(t, statements)
}

// maxTables bounds how many tables an insight reads, each as often as it is named: Trino works a view out wherever it is named, and refuses
// a query of more than 150 stages, of which a table takes one or two.
// https://trino.io/docs/current/admin/properties-query-management.html#query-max-stage-count
const maxTables = 50

// TestInsightsReadFewTables holds each insight to a plan that Athena takes.
func TestInsightsReadFewTables(t *testing.T) {
	for name, vendor := range ready {
		model := insights.Model(vendor)
		views, counts := append(lakesql.Views(vendor), model...), map[string]int{}
		for _, table := range lakesql.Tables(vendor) {
			counts[table.Name] = 1
		}
		comments := regexp.MustCompile(`(?m)^\s*--.*$`)
		read := func(sql string) (tables int) {
			sql = comments.ReplaceAllString(sql, "")
			for relation, each := range counts {
				tables += each * len(regexp.MustCompile(`\b(from|join)\s+`+relation+`\b`).FindAllString(sql, -1))
			}
			return tables
		}
		for _, view := range views {
			counts[view.Name] = read(view.SQL)
			if counts[view.Name] == 0 {
				t.Errorf("%s: %s reads no table: nothing is tested here", name, view.Name)
			}
		}
		for _, insight := range insights.Of(vendor, model) {
			tables := read(insight.SQL)
			t.Logf("%s: %s reads %d tables", name, insight.Name, tables)
			if tables == 0 || tables > maxTables {
				t.Errorf("%s: %s reads %d tables, want 1 to %d", name, insight.Name, tables, maxTables)
			}
		}
	}
}
