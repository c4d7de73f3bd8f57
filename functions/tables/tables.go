// Package tables says which columns a stream's table has for those who query it: the declared ones in their order, then
// windrow's own.
//
// It stands apart so that the Parquet that is written and the table that is deployed cannot differ: package curated writes
// these columns, and the construct declares them to Glue, without compiling a Parquet library.
package tables

import "github.com/windrow-data/windrow/functions/vendorapi"

// Columns that each row has beside the declared ones.
const (
	// Undeclared holds one JSON object with every field that no column declares, as the vendor sent
	// it; null where there is none. Of an object through which a declared path leads, it holds what is left:
	// with a column at answer.content, the record {"answer":{"content":"Yes","privacy":"Private"},"a":1}
	// leaves {"answer":{"privacy":"Private"},"a":1}. Record and row hold the same fields, each once.
	Undeclared = "windrow_undeclared"
	// WindowStart and WindowEnd are the window that the record was read in.
	WindowStart = "windrow_window_start"
	WindowEnd   = "windrow_window_end"
	// Generation is the generation of the window's commit.
	Generation = "windrow_generation"
	// Late is how many records the window has gained since it was first read, the same in each row of the window.
	Late = "windrow_late"
	// Part is the key in the raw bucket of the part that holds the record.
	Part = "windrow_part"
	// Position is the record's place in its part, counted from 0.
	Position = "windrow_position"
	// IngestedAt is the scheduled time of the run that committed the record.
	IngestedAt = "windrow_ingested_at"
)

// Compaction is the column that the rows of a compacted day have behind all others: the number of the compaction that made the
// object. Of a day's compactions only the one that days.json names counts.
const Compaction = "windrow_compaction"

// Partition is the column by whose value the objects are put into folders: the UTC day of the window's start. It stands in no
// object.
const Partition = "dt"

// Column is one column of a table.
type Column struct {
	Name    string
	Type    vendorapi.ColumnType
	Comment string
}

// own are windrow's columns, in their order.
var own = []Column{
	{Undeclared, vendorapi.TypeJSON, "Fields that no column declares, as one JSON object"},
	{WindowStart, vendorapi.TypeTimestamp, "Start of the window that the record was read in, UTC"},
	{WindowEnd, vendorapi.TypeTimestamp, "End of that window, UTC; not part of it"},
	{Generation, vendorapi.TypeInt64, "How often the window's commit has been replaced by a better reading; 1 is the first"},
	{Late, vendorapi.TypeInt64, "How many records the window has gained since it was first read, the same in each of its rows"},
	{Part, vendorapi.TypeString, "Key in the raw bucket of the part that holds the record"},
	{Position, vendorapi.TypeInt64, "Place of the record in its part, from 0"},
	{IngestedAt, vendorapi.TypeTimestamp, "Scheduled time of the run that committed the record, UTC"},
}

// Columns returns the columns of the stream's table, without [Partition]. A declared column that is dropped is none of them
// ([vendorapi.ProtectDrop]); what stands in place of a personal value is said in the column's comment.
func Columns(stream *vendorapi.Stream) []Column {
	var columns []Column
	for i := range stream.Columns {
		c := &stream.Columns[i]
		switch c.Protection() {
		case vendorapi.ProtectDrop:
		case vendorapi.ProtectHash:
			columns = append(columns, Column{c.Name, c.Type, instead(c, "hashed")})
		case vendorapi.ProtectMask:
			columns = append(columns, Column{c.Name, c.Type, instead(c, "masked")})
		default:
			columns = append(columns, Column{c.Name, c.Type, c.Comment})
		}
	}
	return append(columns, own...)
}

// instead is a column's comment that says what has been done to its values.
func instead(c *vendorapi.Column, done string) string {
	if c.Comment == "" {
		return "The person's " + string(c.Personal) + ", " + done
	}
	return c.Comment + " (" + done + ")"
}
