package lakesql_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/lakesql/lakesqltest"
	"github.com/windrow-data/windrow/functions/tables"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// record is a row of a stream with arrays: what each of its declared columns holds, as SQL.
type record map[string]string

// rowsOf is SQL of DuckDB that makes an object of the records, in the first window.
func rowsOf(t *testing.T, stream *vendorapi.Stream, file string, records ...record) string {
	t.Helper()
	writeFile(t, file, "") // makes the folder
	var rows []string
	for i, r := range records {
		var values []string
		for _, c := range tables.Columns(stream) {
			value := "null"
			switch {
			case r[c.Name] != "":
				value = r[c.Name]
			case c.Name == tables.Position:
				value = fmt.Sprint(i)
			case strings.HasPrefix(c.Name, "windrow_") && c.Type == vendorapi.TypeTimestamp:
				value = "'2026-03-10 17:00:00'"
			}
			values = append(values, fmt.Sprintf("cast(%s as %s) as %s", value, lakesql.DuckDBType(c.Type), lakesql.Identifier(c.Name)))
		}
		rows = append(rows, "select "+strings.Join(values, ", "))
	}
	return fmt.Sprintf("copy (%s) to '%s' (format parquet);\n", strings.Join(rows, " union all "), file)
}

// asked answers a query over one stream with the records.
func asked(t *testing.T, stream vendorapi.Stream, query string, records ...record) [][]any {
	t.Helper()
	root := t.TempDir()
	vendor := &vendorapi.Vendor{Name: "acme", Streams: []vendorapi.Stream{stream}}
	setup := rowsOf(t, &stream, root+"/"+stream.Name+"/dt=2026-03-10/a.parquet", records...) +
		lakesql.DuckDBSchema("acme", vendor, filesIn(root, func(table lakesql.Table) bool { return table.Folder != "" }))
	return lakesqltest.Ask(t, setup, map[string]string{"asked": query})["asked"].Rows
}

// TestItemsAreReadByTheirTypes reads one field of an element, as each type and layout does.
func TestItemsAreReadByTheirTypes(t *testing.T) {
	const berlin = "Europe/Berlin"
	type reading struct {
		item    vendorapi.Column
		element string
		want    any
	}
	cases := map[string]reading{}
	for typ, texts := range map[vendorapi.ColumnType]map[string]any{
		vendorapi.TypeString: {
			`{"f":"a \"b\" é"}`: `a "b" é`, `{"f":""}`: "", `{"f":12345678901234567890}`: "12345678901234567890", `{"f":true}`: "true", `{"f":null}`: nil, `{}`: nil, `{"f":{"g":1}}`: nil,
			`{"f":[1]}`: nil, `7`: nil, `null`: nil, `[{"f":1}]`: nil,
		},
		vendorapi.TypeInt64: {
			`{"f":7}`: "7", `{"f":-7}`: "-7", `{"f":"7"}`: "7", `{"f":7.0}`: "7", `{"f":7.5}`: nil, `{"f":""}`: nil, `{"f":"x"}`: nil, `{"f":9007199254740993}`: "9007199254740993",
			`{"f":99999999999999999999}`: nil, `{"f":true}`: nil, `{"f":null}`: nil,
		},
		vendorapi.TypeFloat64: {`{"f":7.25}`: "7.25", `{"f":"7.25"}`: "7.25", `{"f":-3}`: "-3.0", `{"f":"x"}`: nil, `{"f":""}`: nil, `{"f":{}}`: nil},
		vendorapi.TypeBool:    {`{"f":true}`: "true", `{"f":"Y"}`: "true", `{"f":"N"}`: "false", `{"f":"false"}`: "false", `{"f":"yes"}`: nil, `{"f":1}`: nil, `{}`: nil},
		vendorapi.TypeDate:    {`{"f":"2026-03-10"}`: "2026-03-10", `{"f":"10 March"}`: nil, `{"f":""}`: nil},
		vendorapi.TypeJSON: {
			`{"f":["a",1]}`: `["a",1]`, `{"f":{"g":null}}`: `{"g":null}`, `{"f":"null"}`: `"null"`, `{"f":null}`: nil, `{}`: nil, `{"f":1.5}`: "1.5",
		},
		vendorapi.TypeTimestamp: {
			`{"f":"2026-03-10T10:25:02-07:00"}`: "2026-03-10 17:25:02", `{"f":"2026-03-10T17:25:02Z"}`: "2026-03-10 17:25:02", `{"f":"2026-03-10T17:25:02.125Z"}`: "2026-03-10 17:25:02.125",
			`{"f":"soon"}`: nil, `{"f":""}`: nil, `{"f":null}`: nil,
		},
	} {
		for element, want := range texts {
			cases[string(typ)+" "+element] = reading{vendorapi.Column{Type: typ, Path: "f"}, element, want}
		}
	}
	for layout, texts := range map[string]map[string]any{
		time.DateTime:             {`{"f":"2026-03-10 17:25:02.000"}`: "2026-03-10 17:25:02", `{"f":"2026-03-10 17:25:02"}`: "2026-03-10 17:25:02", `{"f":"soon"}`: nil},
		vendorapi.LayoutUnix:      {`{"f":1773163502}`: "2026-03-10 17:25:02", `{"f":"1773163502.5"}`: "2026-03-10 17:25:02.5", `{"f":0}`: nil, `{"f":"x"}`: nil},
		vendorapi.LayoutUnixMilli: {`{"f":1773163502125}`: "2026-03-10 17:25:02.125", `{"f":0}`: nil},
	} {
		for element, want := range texts {
			cases[layout+" "+element] = reading{vendorapi.Column{Type: vendorapi.TypeTimestamp, Path: "f", Layout: layout}, element, want}
		}
	}
	cases["in a zone"] = reading{vendorapi.Column{Type: vendorapi.TypeTimestamp, Path: "f", Layout: time.DateTime, Zone: berlin}, `{"f":"2026-03-10 18:25:02"}`, "2026-03-10 17:25:02"}
	cases["deeper"] = reading{vendorapi.Column{Type: vendorapi.TypeString, Path: "f.g_1.h"}, `{"f":{"g_1":{"h":"x"}}}`, "x"}
	cases["itself"] = reading{vendorapi.Column{Type: vendorapi.TypeString, Path: vendorapi.ItemItself}, `"spring"`, "spring"}
	cases["itself, a number"] = reading{vendorapi.Column{Type: vendorapi.TypeInt64, Path: vendorapi.ItemItself}, `7`, "7"}
	cases["itself, an object"] = reading{vendorapi.Column{Type: vendorapi.TypeString, Path: vendorapi.ItemItself}, `{"f":1}`, nil}

	// Each case is an array of its own, of one element behind another one.
	stream := vendorapi.Stream{Name: "things", Key: []string{"id"}, Columns: []vendorapi.Column{{Name: "id", Type: vendorapi.TypeString}}}
	one := record{"id": "'a'"}
	var names, parts []string
	for name, c := range cases {
		c.item.Name = "got"
		column := fmt.Sprint("array", len(names))
		names = append(names, name)
		one[column] = lakesql.Literal(`[{"f":"before"},` + c.element + `]`)
		stream.Columns = append(stream.Columns, vendorapi.Column{Name: column, Type: vendorapi.TypeJSON, Items: []vendorapi.Column{c.item}})
		parts = append(parts, fmt.Sprintf("(select cast(got as varchar) from things_%s where item = 2)", column))
	}
	got := asked(t, stream, "select "+strings.Join(parts, ", "), one)[0]
	for i, name := range names {
		if diff := cmp.Diff(cases[name].want, got[i]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestAnElementIsARow counts rows of what is an array and what is none, with the key of each and the place in it.
func TestAnElementIsARow(t *testing.T) {
	stream := vendorapi.Stream{
		Name: "things", Key: []string{"id", "made.by"}, VersionPath: "v",
		Columns: []vendorapi.Column{
			{Name: "id", Type: vendorapi.TypeString}, {Name: "maker", Path: "made.by", Type: vendorapi.TypeString}, {Name: "v", Type: vendorapi.TypeInt64},
			{Name: "tags", Type: vendorapi.TypeJSON, Items: []vendorapi.Column{{Name: "tag", Path: vendorapi.ItemItself, Type: vendorapi.TypeString}}},
			// Names that are also those of what the query calls its own.
			{Name: "item", Type: vendorapi.TypeString}, {Name: "element", Type: vendorapi.TypeString}, {Name: "tag", Type: vendorapi.TypeString},
		},
	}
	got := asked(t, stream, "select * from things_tags order by id, item",
		record{"id": "'a'", "maker": "'m'", "v": "1", "tags": `'["old"]'`},
		record{"id": "'a'", "maker": "'m'", "v": "2", "tags": `'["x","y","x"]'`, "item": "'i'", "element": "'e'", "tag": "'t'"},
		record{"id": "'b'", "tags": `'[]'`},
		record{"id": "'c'", "tags": `null`},
		record{"id": "'d'", "tags": `'{"no":"array"}'`},
		record{"id": "'d2'", "tags": `'no JSON'`},
		record{"id": "'e'", "tags": `'["z"]'`, "v": "null"})
	text := fmt.Sprint(got)
	if want := `[[a m 1 x] [a m 2 y] [a m 3 x] [e <nil> 1 z]]`; text != want {
		t.Errorf("got %s, want %s", text, want)
	}
}

// TestTimesInTheZoneOfTheRecord reads times on both sides of a change of the clocks, and in zones that are none.
func TestTimesInTheZoneOfTheRecord(t *testing.T) {
	stream := vendorapi.Stream{
		Name: "shows", Key: []string{"id"}, ZonePath: "time.zone",
		Columns: []vendorapi.Column{
			{Name: "id", Type: vendorapi.TypeString}, {Name: "begins", Type: vendorapi.TypeTimestamp}, {Name: "zone", Path: "time.zone", Type: vendorapi.TypeString},
			{Name: "breaks", Type: vendorapi.TypeJSON, Items: []vendorapi.Column{{Name: "zone", Type: vendorapi.TypeString}, {Name: "at", Type: vendorapi.TypeTimestamp}}},
		},
	}
	show := func(id, begins, zone string) record {
		return record{"id": lakesql.Literal(id), "begins": begins, "zone": zone, "breaks": `'[{"at":"2026-07-01T12:30:00Z","zone":"of the break"}]'`}
	}
	records := []record{
		show("a", "'2026-03-08 09:59:59'", "'America/Los_Angeles'"), show("b", "'2026-03-08 10:00:00'", "'America/Los_Angeles'"),
		show("c", "'2026-03-08 10:00:00'", "'Mars/Olympus'"), show("d", "'2026-03-08 10:00:00'", "null"), show("e", "null", "'Europe/Berlin'"), show("f", "'2026-03-08 10:00:00'", "''"),
	}
	got := asked(t, stream, "select cast(begins_local as varchar) from shows order by id", records...)
	if text, want := fmt.Sprint(got), "[[2026-03-08 01:59:59] [2026-03-08 03:00:00] [<nil>] [<nil>] [<nil>] [<nil>]]"; text != want {
		t.Errorf("got %s, want %s", text, want)
	}
	got = asked(t, stream, "select zone, cast(at_local as varchar) from shows_breaks order by id", records...)
	if text, want := fmt.Sprint(got[0], got[2], got[4]), "[of the break 2026-07-01 05:30:00] [of the break <nil>] [of the break 2026-07-01 14:30:00]"; text != want {
		t.Errorf("got %s, want %s", text, want)
	}
}

// TestProtectedColumns leaves out what is dropped, the view of an array that is, and nothing of what is hashed.
func TestProtectedColumns(t *testing.T) {
	stream := vendorapi.Stream{Name: "things", Key: []string{"mail"}, ZonePath: "zone", Columns: []vendorapi.Column{
		{Name: "mail", Type: vendorapi.TypeString, Personal: vendorapi.PersonalEmail},
		{Name: "phone", Type: vendorapi.TypeString, Personal: vendorapi.PersonalPhone, Protect: vendorapi.ProtectKeep},
		{Name: "street", Type: vendorapi.TypeString, Personal: vendorapi.PersonalAddress},
		{Name: "addresses", Type: vendorapi.TypeJSON, Personal: vendorapi.PersonalAddress, Items: []vendorapi.Column{{Name: "street", Type: vendorapi.TypeString}}},
		{Name: "times", Type: vendorapi.TypeJSON, Items: []vendorapi.Column{{Name: "begins", Type: vendorapi.TypeTimestamp}}},
		{Name: "zone", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName},
	}}
	vendor := &vendorapi.Vendor{Streams: []vendorapi.Stream{stream}, Protect: map[vendorapi.Personal]vendorapi.Protection{vendorapi.PersonalName: vendorapi.ProtectDrop}}
	if got, want := fmt.Sprint(lakesql.Names(vendor)), "[things_rows things_compacted things_days things_quarantine things things_times]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var columns []string
	for _, view := range lakesql.Views(vendor) {
		for _, c := range view.Columns {
			if !strings.HasPrefix(c.Name, "windrow_") {
				columns = append(columns, view.Name+"."+c.Name)
			}
		}
	}
	if diff := cmp.Diff([]string{"things.mail", "things.phone", "things.times", "things.dt", "things_times.mail", "things_times.item", "things_times.begins"}, columns); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
