package constructs

import (
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// childOf describes a stream that is read for each record of another.
func childOf(parent, name string) vendorapi.Stream {
	return vendorapi.Stream{
		Name: name,
		Path: "/" + parent + "/{parent}/" + name,
		Parent: &vendorapi.Parent{
			Stream: parent, TimePath: "time",
			Places: []vendorapi.ParentPlace{{Place: vendorapi.Place{In: vendorapi.InPath, Name: "parent"}, Path: "id"}},
			Fields: []vendorapi.ParentField{{Name: "parent_id", Path: "id"}},
		},
		Paging:      vendorapi.Paging{Kind: vendorapi.PagingNone},
		RecordsPath: "data",
		Key:         []string{"parent_id", "id"},
		Lookback:    vendorapi.Duration(48 * time.Hour),
		Audit:       vendorapi.AuditReread,
		Columns:     []vendorapi.Column{{Name: "parent_id", Type: vendorapi.TypeString}, {Name: "id", Type: vendorapi.TypeString}, {Name: "time", Type: vendorapi.TypeTimestamp}},
	}
}

// withChildren is a pipeline of the streams orders and refund-notes, of which orders has the children items and parcels, and items the
// children labels. A child stands before its parent in the description, too.
var withChildren = sync.OnceValue(func() template {
	tpl, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps { return family() })
	return tpl
})

func family() *VendorPipelineProps {
	props := required()
	props.Vendor.Streams = append([]vendorapi.Stream{childOf("items", "labels")}, append(props.Vendor.Streams, childOf("orders", "items"), childOf("orders", "parcels"))...)
	return props
}

// TestAChildFollowsItsParent has a child stream read what its parent has just committed, whatever became of the parent, and keeps
// what each has answered apart.
func TestAChildFollowsItsParent(t *testing.T) {
	const ordinary = "Streams, Ingest orders, Preprocess orders, Children of orders, " +
		"Ingest items, Preprocess items, Children of items, Ingest labels, Preprocess labels, Ingest parcels, Preprocess parcels, Ingest refund-notes, Preprocess refund-notes, Outcome"
	none := map[string]any{"more": false, "findings": []any{}}
	quiet := map[string]any{"ingest": none, "preprocess": none}
	for name, c := range map[string]struct {
		answers map[string][]answer
		path    string
		told    map[string]any
	}{
		"ordinary": {nil, ordinary + ", Succeed", map[string]any{}},
		"the parent fails": {
			map[string][]answer{"Ingest orders": {{err: "E"}}, "Preprocess orders": {{err: "E"}}},
			ordinary + ", PublishFailures, NoteFailure, More?, Fail",
			map[string]any{"PublishFailures": map[string]any{
				"labels": quiet, "parcels": quiet, "refund-notes": quiet,
				"items": map[string]any{"ingest": none, "preprocess": none, "children": []any{quiet}},
				"orders": map[string]any{
					"ingest": none, "preprocess": none, "ingestError": map[string]any{"Error": "E", "Cause": causeOf("E")}, "preprocessError": map[string]any{"Error": "E", "Cause": causeOf("E")},
					"children": []any{map[string]any{"ingest": none, "preprocess": none, "children": []any{quiet}}, quiet},
				},
			}},
		},
		"a child of a child has more": {
			map[string][]answer{"Ingest labels": {{more: true}}, "Ingest labels again": {{}}},
			ordinary + ", Again, Left of labels?, Ingest labels again, More labels?, Preprocess labels again, Left of orders?, Nothing left of orders, Left of refund-notes?, Nothing left of refund-notes, " +
				"Left of items?, Nothing left of items, Left of parcels?, Nothing left of parcels, Outcome, Succeed",
			map[string]any{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := player{t: t, answers: c.answers, published: map[string]any{}}
			p.play(withChildren().definition(t, "StateMachine"), map[string]any{})
			if diff := cmp.Diff(strings.Split(c.path, ", "), p.path); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.told, p.published); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			if name == "ordinary" && (math.Abs(p.transitions-float64(len(p.path))) > 1e-9 || len(p.path) != family().Configuration().TransitionsPerRun) {
				t.Errorf("%d states are entered; the invocations stand for %g, and the cost model has %d", len(p.path), p.transitions, family().Configuration().TransitionsPerRun)
			}
		})
	}
}

// TestAChildReadsTheCommitsOfItsParents and nothing else of their stream, and only ingest does.
func TestAChildReadsTheCommitsOfItsParents(t *testing.T) {
	tpl := withChildren()
	raw := tpl.bucket(t, "RawBucket").ID
	ofParents := func(stream, kind string) []string {
		role := at(tpl.function(t, stream, kind).Properties, "Role", "Fn::GetAtt", 0).(string)
		return slices.DeleteFunc(tpl.permissions(role), func(p string) bool { return !strings.Contains(p, "acme/orders/") })
	}
	want := []string{
		"Allow s3:GetObject <" + raw + ".Arn>/acme/orders/audit.json",
		"Allow s3:GetObject <" + raw + ".Arn>/acme/orders/commits/*",
		"Allow s3:GetObject <" + raw + ".Arn>/acme/orders/parts/*",
		"Allow s3:ListBucket <" + raw + `.Arn> {"StringLike":{"s3:prefix":"acme/orders/audit.json*"}}`,
		"Allow s3:ListBucket <" + raw + `.Arn> {"StringLike":{"s3:prefix":"acme/orders/commits/*"}}`,
	}
	if got := ofParents("items", "Ingest"); !slices.Equal(got, want) {
		t.Errorf("ingest of the child may %q, want %q", got, want)
	}
	if got := ofParents("items", "Preprocess"); len(got) > 0 {
		t.Errorf("preprocess of the child may %q", got)
	}
	rules := text(at(tpl.bucket(t, "RawBucket").Properties, "LifecycleConfiguration", "Rules"))
	if !strings.Contains(rules, `"Prefix":"acme/items/roster.json"`) || strings.Contains(rules, "acme/orders/roster.json") {
		t.Errorf("old rosters are kept, or one is expected of a stream that has none: %s", rules)
	}
}
