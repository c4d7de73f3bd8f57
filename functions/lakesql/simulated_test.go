package lakesql_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/lakesql/lakesqltest"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
	"github.com/windrow-data/windrow/functions/window"
)

// TestSimulatedDays curates what the simulated vendors have of a day, and compares each view of an array with what Go reads of the records
// themselves; the views of the streams hold each record once. The types are those that are worked out, with objects too.
func TestSimulatedDays(t *testing.T) {
	for name, vendor := range ready {
		t.Run(name, func(t *testing.T) {
			vendor := unprotected(vendor)
			day := at(0)
			world, err := vendortest.Generate(vendor, vendortest.Size{Seed: 3, From: day, Until: day.Add(24 * time.Hour), Attendees: 150})
			if err != nil {
				t.Fatal(err)
			}
			always := window.Window{Start: day.AddDate(-1, 0, 0), End: day.AddDate(1, 0, 0)}
			root := t.TempDir()
			files := map[string]string{}
			queries, want := map[string]string{}, map[string][]string{}
			for i := range vendor.Streams {
				stream := &vendor.Streams[i]
				records := map[string]vendortest.Record{}
				for _, r := range world.Records(stream.Name, always, always.End) {
					records[strings.Join(r.Key, "\n")] = r
				}
				files[stream.Name] = curate(t, stream, root, records)
				table := lakesql.TableName(stream.Name)
				queries[table], want[table] = "select count(*) from "+table, []string{fmt.Sprint(len(records))}
				for _, array := range stream.Columns {
					if len(array.Items) == 0 {
						continue
					}
					view := lakesql.ItemsName(stream.Name, array.Name)
					queries[view] = linesOf(vendor, view)
					for _, r := range records {
						want[view] = append(want[view], elementsOf(t, array, r)...)
					}
					if len(want[view]) == 0 && view != "webinars_custom_keys" {
						if len(records) > 0 {
							t.Errorf("the simulated %s have no %s", stream.Name, array.Name)
						}
						delete(queries, view)
					}
				}
			}
			for _, view := range lakesql.Views(vendor) {
				queries["types of "+view.Name] = "select * from " + view.Name + " limit 1"
				for _, c := range view.Columns {
					want["types of "+view.Name] = append(want["types of "+view.Name], c.Name+" "+lakesql.DuckDBType(c.Type))
				}
			}
			setup := lakesql.DuckDBSchema(name, vendor, func(table lakesql.Table) string {
				if table.Folder != "" {
					return ""
				}
				return files[table.Stream]
			})
			got := map[string][]string{}
			for query, answer := range lakesqltest.Ask(t, setup, queries) {
				if strings.HasPrefix(query, "types of ") {
					for i, column := range answer.Columns {
						got[query] = append(got[query], column+" "+answer.Types[i])
					}
					continue
				}
				for _, row := range answer.Rows {
					got[query] = append(got[query], fmt.Sprint(row[0]))
				}
			}
			for query := range queries {
				if !strings.HasPrefix(query, "types of ") {
					slices.Sort(want[query])
					slices.Sort(got[query])
				}
				if diff := cmp.Diff(want[query], got[query]); diff != "" {
					t.Errorf("%s (-Go +SQL):\n%.3000s", query, diff)
				}
			}
		})
	}
}

// unprotected is the vendor with all that its descriptions hash or drop kept as it is, so that it can be compared.
func unprotected(vendor *vendorapi.Vendor) *vendorapi.Vendor {
	open := vendor.Resolved()
	for i := range open.Streams {
		for j := range open.Streams[i].Columns {
			c := &open.Streams[i].Columns[j]
			if c.Within = nil; c.Personal != "" {
				c.Protect = vendorapi.ProtectKeep
			}
		}
	}
	return open
}

// curate writes the Parquet object of the records as preprocess does; it returns where it lies, empty for none.
func curate(t *testing.T, stream *vendorapi.Stream, root string, records map[string]vendortest.Record) string {
	t.Helper()
	if len(records) == 0 {
		return ""
	}
	table, err := curated.NewTable(stream)
	if err != nil {
		t.Fatal(err)
	}
	var lines, object, quarantine bytes.Buffer
	for _, key := range slices.Sorted(maps.Keys(records)) {
		lines.Write(records[key].Held())
		lines.WriteByte('\n')
	}
	w := table.NewWriter(&object, &quarantine, curated.Source{Window: window.Window{Start: at(17), End: at(18)}, Generation: 1, IngestedAt: at(18)})
	if _, err := w.AddPart(t.Context(), "part", &lines); err != nil {
		t.Fatal(err)
	}
	counts, err := w.Close()
	if err != nil || counts.Quarantined > 0 {
		t.Fatalf("%+v, %v: %s", counts, err, w.Reason())
	}
	file := filepath.Join(root, stream.Name, "dt="+at(17).Format(time.DateOnly), "a.parquet")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, object.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// linesOf is a query for the rows of a view, a text each: the columns' values with bars between. Local times are left out.
func linesOf(vendor *vendorapi.Vendor, name string) string {
	for _, view := range lakesql.Views(vendor) {
		if view.Name != name {
			continue
		}
		var texts []string
		for _, c := range view.Columns {
			if !strings.HasSuffix(c.Name, vendorapi.LocalSuffix) {
				texts = append(texts, fmt.Sprintf("coalesce(cast(%s as varchar), '-')", lakesql.Identifier(c.Name)))
			}
		}
		return "select " + strings.Join(texts, " || '|' || ") + " from " + name
	}
	return ""
}

// elementsOf are the lines of a record's array, as Go reads them.
func elementsOf(t *testing.T, array vendorapi.Column, r vendortest.Record) []string {
	t.Helper()
	var elements []json.RawMessage
	if raw := member(r.Held(), pathOf(array)); raw != nil {
		if err := json.Unmarshal(raw, &elements); err != nil {
			t.Fatal(err)
		}
	}
	var lines []string
	for i, element := range elements {
		line := append(slices.Clone(r.Key), fmt.Sprint(i+1))
		for _, item := range array.Items {
			raw := json.RawMessage(element)
			if item.Path != vendorapi.ItemItself {
				raw = member(element, pathOf(item))
			}
			line = append(line, asText(t, item, raw))
		}
		lines = append(lines, strings.Join(line, "|"))
	}
	return lines
}

func pathOf(c vendorapi.Column) string {
	if c.Path != "" {
		return c.Path
	}
	return c.Name
}

// member is what stands at a path of an object, nil where nothing does.
func member(object []byte, path string) json.RawMessage {
	raw := json.RawMessage(object)
	for name := range strings.SplitSeq(path, ".") {
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil {
			return nil
		}
		raw = members[name]
	}
	return raw
}

// asText is a value as DuckDB casts one of its type to text, a hyphen for none.
func asText(t *testing.T, item vendorapi.Column, raw json.RawMessage) string {
	t.Helper()
	if raw == nil || string(raw) == "null" {
		return "-"
	}
	if item.Type == vendorapi.TypeJSON {
		return string(raw)
	}
	text := string(raw)
	if raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			t.Fatal(err)
		}
	}
	switch item.Type {
	case vendorapi.TypeFloat64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		if text = strconv.FormatFloat(f, 'f', -1, 64); !strings.Contains(text, ".") {
			text += ".0"
		}
	case vendorapi.TypeTimestamp:
		layout := time.RFC3339
		if item.Layout != "" {
			layout = item.Layout
		}
		moment, err := time.Parse(layout, text)
		if err != nil {
			t.Fatal(err)
		}
		text = moment.UTC().Format("2006-01-02 15:04:05.999999")
	}
	return text
}
