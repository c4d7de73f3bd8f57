package constructs

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/insights"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
)

// ownModel takes an order for a webinar of one, so that there is something to ask.
func ownModel() *insights.OwnModel {
	return &insights.OwnModel{
		Events:        "select id as event_id from orders",
		Registrations: "select id as event_id from refund_notes",
		Attendances:   "select event_id from model_events",
		Interactions:  "select event_id from model_events",
	}
}

// savedQueries are the named queries of a template, by their names.
func savedQueries(tpl template) map[string]resource {
	saved := map[string]resource{}
	for _, q := range tpl.ofType("AWS::Athena::NamedQuery") {
		saved[q.Properties["Name"].(string)] = q
	}
	return saved
}

// TestInsightsAreSaved holds what is deployed to what is there to be asked: of a ready vendor, of one that brings its model, and of one
// that has none.
func TestInsightsAreSaved(t *testing.T) {
	all := []string{"attendance_funnel", "audience_overlap", "data_health", "leads", "monthly_trend", "no_shows", "open_questions", "topics"}
	model := []string{"model_attendances", "model_events", "model_interactions", "model_people", "model_registrations", "model_turnout"}
	for name, c := range map[string]struct {
		change         func(*VendorPipelineProps)
		queries, views []string
	}{
		"a ready vendor":              {func(p *VendorPipelineProps) { p.Vendor = on24.Vendor("22355") }, all, model},
		"a vendor of one's own":       {func(p *VendorPipelineProps) { p.Model = ownModel() }, all, model},
		"a vendor without a model":    {func(*VendorPipelineProps) {}, []string{"data_health"}, nil},
		"no tables, and so no views":  {func(p *VendorPipelineProps) { p.DisableTables = true }, nil, nil},
		"a ready vendor by own words": {func(p *VendorPipelineProps) { p.Vendor = on24.Vendor("22355"); p.Vendor.Name = "emea" }, all, model},
	} {
		t.Run(name, func(t *testing.T) {
			props := required()
			c.change(props)
			tpl, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps { return props })
			saved := savedQueries(tpl)
			if diff := cmp.Diff(c.queries, slices.Sorted(maps.Keys(saved))); diff != "" {
				t.Errorf("queries (-want +got):\n%s", diff)
			}
			var views []string
			for _, table := range tpl.ofType("AWS::Glue::Table") {
				if view := at(table.Properties, "TableInput", "Name").(string); strings.HasPrefix(view, "model_") {
					views = append(views, view)
				}
			}
			slices.Sort(views)
			if diff := cmp.Diff(c.views, views); diff != "" {
				t.Errorf("views (-want +got):\n%s", diff)
			}
			for _, insight := range insights.Of(props.Vendor, props.model()) {
				if q, ok := saved[insight.Name]; ok && (q.Properties["QueryString"] != insight.SQL || q.Properties["Description"] != insight.Decision ||
					tpl[at(q.Properties, "Database", "Ref").(string)].Type != "AWS::Glue::Database" ||
					tpl[at(q.Properties, "WorkGroup", "Ref").(string)].Type != "AWS::Athena::WorkGroup") {
					t.Errorf("%s is %s", insight.Name, text(q.Properties))
				}
			}
		})
	}
}

// TestTheModelComesAfterWhatItReads reads what CloudFormation is told to wait for.
func TestTheModelComesAfterWhatItReads(t *testing.T) {
	tpl, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps {
		props := required()
		props.Vendor = on24.Vendor("22355")
		return props
	})
	for view, want := range map[string][]string{
		"model_events":  {"attendees", "events"},
		"model_turnout": {"model_attendances", "model_events", "model_interactions", "model_registrations"},
	} {
		var got []string
		for _, id := range list(glueTable(t, tpl, view).DependsOn) {
			name := at(tpl[id.(string)].Properties, "TableInput", "Name").(string)
			if !slices.Contains(want, name) && strings.HasPrefix(view, "model_") && name == view {
				t.Errorf("%s waits for itself", view)
			}
			got = append(got, name)
		}
		for _, name := range want {
			if !slices.Contains(got, name) {
				t.Errorf("%s waits for %v, and not for %s", view, got, name)
			}
		}
	}
}
