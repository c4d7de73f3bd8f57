package constructs

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// glueTable is the resource of a table or view of the name.
func glueTable(t *testing.T, tpl template, name string) resource {
	t.Helper()
	for _, table := range tpl.ofType("AWS::Glue::Table") {
		if at(table.Properties, "TableInput", "Name") == name {
			return table
		}
	}
	t.Fatalf("the template has no table %s", name)
	return resource{}
}

// relation is what the template tells Glue of a table or view.
func relation(t *testing.T, tpl template, name string) map[string]any {
	t.Helper()
	return at(glueTable(t, tpl, name).Properties, "TableInput").(map[string]any)
}

// definitionOf is what Athena reads of a view.
func definitionOf(t *testing.T, input map[string]any) (definition viewDefinition) {
	t.Helper()
	encoded, ok := strings.CutPrefix(input["ViewOriginalText"].(string), "/* Presto View: ")
	encoded, ok2 := strings.CutSuffix(encoded, " */")
	content, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || !ok2 || err != nil {
		t.Fatalf("no view: %v", err)
	}
	if err := json.Unmarshal(content, &definition); err != nil {
		t.Fatal(err)
	}
	return definition
}

// withItems are props of which the orders have an array that is described, and times in the zone of a shop.
func withItems() *VendorPipelineProps {
	props := required()
	orders := &props.Vendor.Streams[0]
	orders.ZonePath = "zone"
	orders.Columns = append(orders.Columns,
		vendorapi.Column{Name: "zone", Type: vendorapi.TypeString},
		vendorapi.Column{Name: "lines", Type: vendorapi.TypeJSON, Items: []vendorapi.Column{
			{Name: "product", Type: vendorapi.TypeString}, {Name: "amount", Type: vendorapi.TypeFloat64}, {Name: "picked_at", Type: vendorapi.TypeTimestamp},
		}})
	return props
}

// TestViewsAreAsAthenaKeepsThem holds each view to the words that Athena reads it by: its columns in Trino's types, and the same in Hive's.
func TestViewsAreAsAthenaKeepsThem(t *testing.T) {
	props := withItems()
	tpl, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps { return props })
	hive := map[string]string{"varchar": "string", "bigint": "bigint", "double": "double", "timestamp(3)": "timestamp", "date": "date"}
	for _, view := range lakesql.Views(props.Vendor) {
		input := relation(t, tpl, view.Name)
		if input["TableType"] != "VIRTUAL_VIEW" || input["ViewExpandedText"] != "/* Presto View */" || text(input["Parameters"]) != `{"comment":"Presto View","presto_view":"true"}` {
			t.Errorf("%s is %s", view.Name, text(input))
		}
		if keys, ok := input["PartitionKeys"].([]any); !ok || len(keys) > 0 {
			t.Errorf("%s has the partition keys %v: Athena wants an empty list", view.Name, input["PartitionKeys"])
		}
		definition := definitionOf(t, input)
		if definition.OriginalSQL != view.SQL || definition.Catalog != "awsdatacatalog" || definition.Schema != "test__pipeline" {
			t.Errorf("%s is defined as %+v", view.Name, definition)
		}
		var worked, told, stored []string
		for _, c := range view.Columns {
			worked = append(worked, c.Name+" "+lakesql.HiveType(c.Type))
		}
		for _, c := range definition.Columns {
			told = append(told, c.Name+" "+hive[c.Type])
		}
		for _, c := range list(at(input, "StorageDescriptor", "Columns")) {
			stored = append(stored, at(c, "Name").(string)+" "+at(c, "Type").(string))
		}
		if diff := cmp.Diff(worked, told); diff != "" {
			t.Errorf("%s (-worked out +told):\n%s", view.Name, diff)
		}
		if diff := cmp.Diff(worked, stored); diff != "" {
			t.Errorf("%s (-worked out +stored):\n%s", view.Name, diff)
		}
	}
	if got := definitionOf(t, relation(t, tpl, "orders_lines")).Columns; !slices.Contains(got, viewColumn{"picked_at_local", "timestamp(3)"}) {
		t.Errorf("the lines have the columns %v", got)
	}
}

func TestTablesOfWhatIsNotRows(t *testing.T) {
	tpl := withDefaults()
	bucket := "s3://<" + tpl.bucket(t, "CuratedBucket").ID + ">/acme/orders/"
	for name, want := range map[string]struct{ location, serde, columns string }{
		"orders_days":       {bucket + "days/", "org.openx.data.jsonserde.JsonSerDe", "dt string, compaction bigint"},
		"orders_quarantine": {bucket + "quarantine/", "org.openx.data.jsonserde.JsonSerDe", "reason string, part string, position bigint"},
		"orders_compacted": {bucket + "compacted/", "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
			"id string, time timestamp, windrow_undeclared string, windrow_window_start timestamp, windrow_window_end timestamp, windrow_generation bigint, windrow_late bigint, windrow_part string, windrow_position bigint, windrow_ingested_at timestamp, windrow_compaction bigint"},
	} {
		input := relation(t, tpl, name)
		var columns []string
		for _, c := range list(at(input, "StorageDescriptor", "Columns")) {
			columns = append(columns, at(c, "Name").(string)+" "+at(c, "Type").(string))
		}
		if text(at(input, "StorageDescriptor", "Location")) != want.location || at(input, "StorageDescriptor", "SerdeInfo", "SerializationLibrary") != want.serde ||
			strings.Join(columns, ", ") != want.columns || input["TableType"] != "EXTERNAL_TABLE" {
			t.Errorf("%s is %s", name, text(input))
		}
		if keys, ok := input["PartitionKeys"].([]any); !ok || len(keys) > 0 != (name == "orders_compacted") {
			t.Errorf("%s has the partition keys %v", name, input["PartitionKeys"])
		}
	}
	if got := text(at(relation(t, tpl, "orders_compacted"), "Parameters", "storage.location.template")); got != bucket+"compacted/dt=${dt}/" {
		t.Errorf("compacted days lie at %s", got)
	}
}

// TestAViewComesAfterWhatItReads reads what CloudFormation is told to wait for.
func TestAViewComesAfterWhatItReads(t *testing.T) {
	tpl, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps { return withItems() })
	for view, want := range map[string][]string{
		"orders":       {"orders_compacted", "orders_days", "orders_rows"},
		"orders_lines": {"orders"},
		"refund_notes": {"refund_notes_compacted", "refund_notes_days", "refund_notes_rows"},
	} {
		var got []string
		for _, id := range list(glueTable(t, tpl, view).DependsOn) {
			got = append(got, at(tpl[id.(string)].Properties, "TableInput", "Name").(string))
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", view, diff)
		}
	}
}

// TestAChangedViewIsDeployed changes what the elements of an array hold.
func TestAChangedViewIsDeployed(t *testing.T) {
	text := func(items ...vendorapi.Column) any {
		tpl, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps {
			props := withItems()
			last := len(props.Vendor.Streams[0].Columns) - 1
			props.Vendor.Streams[0].Columns[last].Items = items
			return props
		})
		return relation(t, tpl, "orders_lines")["ViewOriginalText"]
	}
	one := vendorapi.Column{Name: "product", Type: vendorapi.TypeString}
	if text(one) == text(one, vendorapi.Column{Name: "amount", Type: vendorapi.TypeFloat64}) {
		t.Error("the template stays as it was")
	}
}

func TestNoTwoRelationsOfOneName(t *testing.T) {
	for name, change := range map[string]func(*VendorPipelineProps){
		"orders_rows":  func(p *VendorPipelineProps) { p.Vendor.Streams[1].Name = "orders-rows" },
		"orders_lines": func(p *VendorPipelineProps) { p.Vendor.Streams[1].Name = "orders-lines" },
		"orders_days":  func(p *VendorPipelineProps) { p.Vendor.Streams[0].Columns[3].Name = "days" },
	} {
		props := withItems()
		change(props)
		err := props.Validate()
		if err == nil || !strings.Contains(err.Error(), "Vendor.Streams is named so that two tables or views are called "+name+": want another name") {
			t.Errorf("%s: got %v", name, err)
		}
		props.DisableTables = true
		if err := props.Validate(); err != nil {
			t.Errorf("%s, without tables: got %v", name, err)
		}
	}
}
