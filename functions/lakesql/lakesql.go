// Package lakesql says what there is to query of a vendor's streams: the tables that lie in the curated bucket, and the views that make of
// them what a person asks for.
//
// It stands apart so that SQL is written once, as Athena engine version 3 (Trino) takes it: the construct deploys it, the local run puts it
// to DuckDB in the few other words of dialect.go, and any of it can be pasted into either. It is pure; nothing here reads a bucket.
//
// Of a stream named "attendees" there are
//
//	attendees_rows        every row of the windows' own objects, a version of a record each
//	attendees_compacted   rows of whole days, with windrow_compaction, which says which making of the day they belong to
//	attendees_days        which days are read from attendees_compacted, and at which windrow_compaction
//	attendees_quarantine  which records could not be made rows, and why
//	attendees             a view: the newest version of each record
//	attendees_polls       a view for each JSON column whose elements are described: a row an element
package lakesql

import (
	"fmt"
	"strings"

	"github.com/windrow-data/windrow/functions/tables"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Compaction is the column of a stream's compacted rows that says which making of their day they belong to.
const Compaction = "windrow_compaction"

// Format is how a table's objects are written.
type Format string

const (
	Parquet Format = "parquet"
	// JSONLines is a JSON object a line, gzipped where the object's name ends with .gz.
	JSONLines Format = "jsonlines"
)

// Table is what lies in the curated bucket as it is.
type Table struct {
	Name    string
	Comment string
	// Stream is the name of the stream whose it is.
	Stream string
	// Folder is where the objects lie below <vendor>/<stream>/: empty, or a name with a slash behind it. No two tables of a
	// stream have an object in common.
	Folder string
	Format Format
	// Columns are those that stand in the objects, in their order.
	Columns []tables.Column
	// Partitioned says that the objects lie in folders dt=<yyyy-mm-dd>/, and that the table has the date column [tables.Partition] last.
	Partitioned bool
}

// View is a relation that is worked out from others.
type View struct {
	Name    string
	Comment string
	// Columns are what SQL gives, in its order.
	Columns []tables.Column
	// SQL is one query in Trino's words, without a semicolon. It names relations of its own pipeline alone, without a schema.
	SQL string
}

// TableName is the name in SQL of a stream, which has no hyphen, and of the view of its records' newest versions.
func TableName(stream string) string { return strings.ReplaceAll(stream, "-", "_") }

// RowsName is the name of the table of every version of a stream's records.
func RowsName(stream string) string { return TableName(stream) + "_rows" }

// CompactedName is the name of the table of a stream's compacted days.
func CompactedName(stream string) string { return TableName(stream) + "_compacted" }

// DaysName is the name of the table of which days those are.
func DaysName(stream string) string { return TableName(stream) + "_days" }

// QuarantineName is the name of the table of what could not be made rows.
func QuarantineName(stream string) string { return TableName(stream) + "_quarantine" }

// ItemsName is the name of the view of what the column's arrays hold.
func ItemsName(stream, column string) string { return TableName(stream) + "_" + column }

// Partition is the column that the objects' folders give.
var Partition = tables.Column{Name: tables.Partition, Type: vendorapi.TypeDate, Comment: "UTC day of the window's start"}

// Tables returns the tables of a vendor whose description is valid, stream by stream.
func Tables(vendor *vendorapi.Vendor) []Table {
	var all []Table
	vendor = vendor.Resolved()
	for i := range vendor.Streams {
		s := &vendor.Streams[i]
		columns := tables.Columns(s)
		all = append(all,
			Table{
				Name: RowsName(s.Name), Stream: s.Name, Format: Parquet, Columns: columns, Partitioned: true,
				Comment: "Every version that was read of each record, as long as the objects of the windows are kept. " + comment(vendor, s),
			},
			Table{
				Name: CompactedName(s.Name), Stream: s.Name, Folder: "compacted/", Format: Parquet, Partitioned: true,
				Columns: append(columns[:len(columns):len(columns)], tables.Column{
					Name: Compaction, Type: vendorapi.TypeInt64, Comment: "Which making of the day the row belongs to; " + DaysName(s.Name) + " says which one counts",
				}),
				Comment: "Rows of whole days, each record's newest version of the day. " + comment(vendor, s),
			},
			Table{
				Name: DaysName(s.Name), Stream: s.Name, Folder: "days/", Format: JSONLines,
				Columns: []tables.Column{
					{Name: "dt", Type: vendorapi.TypeString, Comment: "The UTC day, yyyy-mm-dd"},
					{Name: "compaction", Type: vendorapi.TypeInt64, Comment: "The windrow_compaction that counts; 0 where the day is still read from the rows"},
				},
				Comment: "Which days of " + s.Name + " are read from their compacted rows",
			},
			Table{
				Name: QuarantineName(s.Name), Stream: s.Name, Folder: "quarantine/", Format: JSONLines,
				Columns: []tables.Column{
					{Name: "reason", Type: vendorapi.TypeString, Comment: "Why the record could not be made a row"},
					{Name: "part", Type: vendorapi.TypeString, Comment: "Key in the raw bucket of the part that holds the record"},
					{Name: "position", Type: vendorapi.TypeInt64, Comment: "Place of the record in its part, from 0"},
				},
				Comment: "Records of " + s.Name + " that could not be made rows",
			})
	}
	return all
}

// Views returns the views of a vendor whose description is valid, stream by stream. Each reads tables and views before it alone.
func Views(vendor *vendorapi.Vendor) []View {
	var all []View
	vendor = vendor.Resolved()
	for i := range vendor.Streams {
		s := &vendor.Streams[i]
		all = append(all, newest(vendor, s))
		all = append(all, items(s)...)
	}
	return all
}

// Names returns the names of all tables and views of a vendor, in the order of [Tables] and [Views].
func Names(vendor *vendorapi.Vendor) []string {
	var names []string
	for _, table := range Tables(vendor) {
		names = append(names, table.Name)
	}
	for _, view := range Views(vendor) {
		names = append(names, view.Name)
	}
	return names
}

// comment says what a record of the stream is.
func comment(vendor *vendorapi.Vendor, s *vendorapi.Stream) string {
	if s.Description != "" {
		return s.Description
	}
	return fmt.Sprintf("The vendor %s's %s", vendor.Name, s.Name)
}

// columnOf returns the stored column that has the path, and false where none has: it is not declared, or dropped on the way.
func columnOf(s *vendorapi.Stream, path string) (tables.Column, bool) {
	for _, declared := range s.Columns {
		if path == "" || pathOf(declared) != path {
			continue
		}
		for _, c := range tables.Columns(s) {
			if c.Name == declared.Name {
				return c, true
			}
		}
	}
	return tables.Column{}, false
}

func pathOf(c vendorapi.Column) string {
	if c.Path == "" {
		return c.Name
	}
	return c.Path
}
