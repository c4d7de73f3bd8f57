package lakesql_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/lakesql/lakesqltest"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/gotowebinar"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/vendorapi/zoom"
)

// ready are the vendors that come with Windrow.
var ready = map[string]*vendorapi.Vendor{
	"on24": on24.Vendor("90001"), "zoom": zoom.Vendor(zoom.AllRegistrants), "gotowebinar": gotowebinar.Vendor("5555"),
}

// TestTypesAreThoseOfTheSQL compares the types that are worked out from the descriptions, which Athena checks a view by, with those that
// an engine finds in the same SQL.
func TestTypesAreThoseOfTheSQL(t *testing.T) {
	for name, vendor := range ready {
		t.Run(name, func(t *testing.T) {
			queries, want := map[string]string{}, map[string][]string{}
			for _, view := range lakesql.Views(vendor) {
				queries[view.Name] = "select * from " + lakesql.Identifier(view.Name)
				for _, c := range view.Columns {
					want[view.Name] = append(want[view.Name], c.Name+" "+lakesql.DuckDBType(c.Type))
				}
			}
			setup := lakesql.DuckDBSchema(name, vendor, func(lakesql.Table) string { return "" })
			got := map[string][]string{}
			for view, answer := range lakesqltest.Ask(t, setup, queries) {
				for i, column := range answer.Columns {
					got[view] = append(got[view], fmt.Sprint(column, " ", answer.Types[i]))
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-worked out +DuckDB):\n%s", diff)
			}
		})
	}
}

func TestViewsAreTrinoSQL(t *testing.T) {
	statements := map[string]string{}
	for name, vendor := range ready {
		for _, view := range lakesql.Views(vendor) {
			statements[name+"."+view.Name] = view.SQL
		}
	}
	lakesqltest.CheckTrino(t, statements)
}
