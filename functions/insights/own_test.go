package insights_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/insights"
	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/lakesql/lakesqltest"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// ownRow is a query for one row of a view of the model: null but for the values that are given, in SQL.
func ownRow(view string, values map[string]string) string {
	var selected []string
	for _, c := range insights.Columns(view) {
		value, given := values[c.Name]
		if !given {
			value = "null"
		}
		selected = append(selected, fmt.Sprintf("cast(%s as %s) as %s", value, lakesql.TrinoType(c.Type), c.Name))
	}
	return "select " + strings.Join(selected, ", ")
}

// TestAVendorOfOnesOwn asks the insights of a vendor that nobody here knows, which tells little.
func TestAVendorOfOnesOwn(t *testing.T) {
	acme := &vendorapi.Vendor{Name: "acme", Streams: []vendorapi.Stream{{
		Name: "shows", Key: []string{"id"}, Columns: []vendorapi.Column{{Name: "id", Type: vendorapi.TypeString}},
	}}}
	if model := insights.Model(acme); model != nil {
		t.Fatalf("it has a model of %d views", len(model))
	}
	if left := insights.Of(acme, nil); len(left) != 1 || left[0].Name != "data_health" {
		t.Errorf("without a model there is %v to ask", left)
	}
	model := insights.Own(insights.OwnModel{
		Events: ownRow(insights.Events, map[string]string{
			"event_id": "'e'", "title": "'Launch'", "topic": "'Product'", "starts_at": "'2026-03-10 17:00:00'", "held": "true",
		}),
		Registrations: ownRow(insights.Registrations, map[string]string{"event_id": "'e'", "visitor": "'ann'", "person": "'ann'", "status": "'active'"}),
		Attendances: ownRow(insights.Attendances, map[string]string{
			"event_id": "'e'", "visitor": "'ann'", "person": "'ann'", "mode": "'live'", "seconds": "600", "left_at": "'2026-03-10 17:10:00'",
		}),
		Interactions: ownRow(insights.Interactions, nil) + " where false",
	})
	statements, queries := map[string]string{}, map[string]string{}
	for _, view := range model {
		statements[view.Name] = view.SQL
	}
	for _, insight := range insights.Of(acme, model) {
		queries[insight.Name] = lakesql.DuckDB(insight.SQL)
	}
	lakesqltest.CheckTrino(t, statements)
	answers := lakesqltest.Ask(t, lakesql.DuckDBSchema("acme", acme, empty, model...), queries)
	for insight, want := range map[string]string{
		"attendance_funnel": "e | Launch | 2026-03-10T17:00:00Z | 1 | 1 | 0 | 0 | 0 | 0",
		"topics":            "Product | 1 | 1 | 1 | 10 |  | 0",
		"monthly_trend":     "2026-03 | 1 | 1 | 1 | 1 | 10 | 0 |  | ",
		"leads":             "ann |  |  |  | 2026-03-10T17:10:00Z | 1 | 10 |  | 0 | 0 | 0 | 22 | watched 10 minutes; seen in the last 7 days | ",
		"data_health":       "shows | 0 | 0 | 0 |  |  | 0 | 0 | ",
	} {
		var got []string
		for _, row := range plain(t, answers[insight].Rows) {
			got = append(got, line(row))
		}
		if diff := cmp.Diff([]string{want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", insight, diff)
		}
	}
}
