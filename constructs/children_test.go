package constructs

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// TestAChildReadsTheCommitsOfItsParents and nothing else of their stream, and only ingest does.
func TestAChildReadsTheCommitsOfItsParents(t *testing.T) {
	tpl, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps {
		props := required()
		props.Vendor.Streams = append(props.Vendor.Streams, vendorapi.Stream{
			Name: "items",
			Path: "/orders/{order}/items",
			Parent: &vendorapi.Parent{
				Stream: "orders", TimePath: "time",
				Places: []vendorapi.ParentPlace{{Place: vendorapi.Place{In: vendorapi.InPath, Name: "order"}, Path: "id"}},
				Fields: []vendorapi.ParentField{{Name: "order_id", Path: "id"}},
			},
			Paging:      vendorapi.Paging{Kind: vendorapi.PagingNone},
			RecordsPath: "data",
			Key:         []string{"order_id", "id"},
			Lookback:    vendorapi.Duration(48 * time.Hour),
			Audit:       vendorapi.AuditReread,
			Columns:     []vendorapi.Column{{Name: "order_id", Type: vendorapi.TypeString}, {Name: "id", Type: vendorapi.TypeString}},
		})
		return props
	})
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
