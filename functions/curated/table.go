// Package curated turns a stream's raw records into typed Parquet.
//
// It stands apart from preprocess, which decides what is to be made and when, because what a record becomes
// must depend on nothing but the record, the columns and the commit: the same input gives the same bytes, so
// that anything can be made again. A record that cannot become a row goes to quarantine with the reason.
package curated

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // a Lambda has no zone files

	"github.com/go-json-experiment/json/jsontext"
	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/tables"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// FormatVersion is the version of what is stored in the curated bucket. It is part of the columns hash, so
// objects of an older format are made again; a handler that meets a higher one stops.
const FormatVersion = 2

// Table is what a stream's rows look like: the declared columns in their order, then windrow's own. It is
// safe for use by several goroutines at once.
type Table struct {
	columns []column
	// dropped are the declared columns that rows do not have.
	dropped []column
	// hashes says that a column is hashed, protects that any is not kept as it came.
	hashes   bool
	protects bool
	root     *field
	fields   int
	schema   *parquet.Schema
	hash     string
	// unbounded are the columns of text. Their least and greatest values help no reader, since rows are in no
	// order of theirs, and would be held in memory until the end however long they are.
	unbounded [][]string
}

// column is one declared column.
type column struct {
	name   string
	path   string
	kind   vendorapi.ColumnType
	layout string
	zone   *time.Location
	protection
	// inner are the personal fields inside the values; nil where none is protected.
	inner *inner
}

// field is a place in a record that declared paths lead to or through.
type field struct {
	// number counts the table's fields from 0 on, which is the record itself.
	number int
	// quoted is the field's name as a record has it, with quotes and colon and without any space; nil where it needs escapes.
	quoted []byte
	// prefix is the field's path with a dot behind it; empty for the record itself.
	prefix  string
	columns []int
	// dropped are the places in the table's dropped columns. protected says that any column here, or what is in it, is not kept as it came, within
	// that one below is not.
	dropped   []int
	protected bool
	within    bool
	children  map[string]*field
}

// ends says that a column stands here, be it in the rows or dropped, so that a value here is none of those that no column declares.
func (f *field) ends() bool { return len(f.columns)+len(f.dropped) > 0 }

// Places of windrow's own columns behind the declared ones.
const (
	undeclaredColumn = iota
	windowStartColumn
	windowEndColumn
	generationColumn
	lateColumn
	partColumn
	positionColumn
	ingestedAtColumn
	ownColumns
)

// NewTable returns the table of a stream whose description is valid. Its error names the column that cannot
// be read.
func NewTable(stream *vendorapi.Stream) (*Table, error) {
	t := &Table{root: &field{}, fields: 1}
	type definition struct {
		Name, Path, Type, Layout, Zone string
		Protect                        vendorapi.Protection `json:",omitempty"`
		Personal                       vendorapi.Personal   `json:",omitempty"`
		Within                         []vendorapi.Within   `json:",omitempty"`
	}
	hashed := struct {
		Format  int
		Columns []definition
	}{Format: FormatVersion}
	var fields group
	for i := range stream.Columns {
		declared := &stream.Columns[i]
		c := column{
			name:   declared.Name,
			path:   cmp.Or(declared.Path, declared.Name),
			kind:   declared.Type,
			layout: cmp.Or(declared.Layout, time.RFC3339),

			protection: protection{protect: declared.Protection(), mask: masks[declared.Personal]},
		}
		zone, err := time.LoadLocation(cmp.Or(declared.Zone, "UTC"))
		if err != nil {
			return nil, fmt.Errorf("stream %s, column %s: zone %q: want an IANA name, for example America/Los_Angeles", stream.Name, c.name, declared.Zone)
		}
		c.zone = zone
		node, err := c.node()
		if err != nil {
			return nil, fmt.Errorf("stream %s: %w", stream.Name, err)
		}
		if err := c.checkProtection(); err != nil {
			return nil, fmt.Errorf("stream %s: %w", stream.Name, err)
		}
		if c.inner, err = newInner(declared); err != nil {
			return nil, fmt.Errorf("stream %s: %w", stream.Name, err)
		}
		// What is kept is no part of the hash, so that a column which nobody calls personal has the hash that it always had.
		d := definition{Name: c.name, Path: c.path, Type: string(c.kind), Layout: declared.Layout, Zone: declared.Zone}
		if c.protect != vendorapi.ProtectKeep {
			t.protects = true
			d.Protect = c.protect
		}
		switch c.protect {
		case vendorapi.ProtectHash:
			t.hashes = true
		case vendorapi.ProtectMask:
			d.Personal = declared.Personal
		}
		if c.inner != nil {
			t.protects = true
			t.hashes = t.hashes || c.inner.hashes()
			d.Within = declared.Within
		}
		hashed.Columns = append(hashed.Columns, d)
		at := t.declare(c.path, c.protect != vendorapi.ProtectKeep || c.inner != nil)
		if c.protect == vendorapi.ProtectDrop {
			at.dropped = append(at.dropped, len(t.dropped))
			t.dropped = append(t.dropped, c)
			continue
		}
		fields.add(c.name, parquet.Optional(node))
		if c.kind == vendorapi.TypeJSON || c.kind == vendorapi.TypeString {
			t.unbounded = append(t.unbounded, []string{c.name})
		}
		at.columns = append(at.columns, len(t.columns))
		t.columns = append(t.columns, c)
	}
	t.unbounded = append(t.unbounded, []string{tables.Undeclared}, []string{tables.Part})
	// The same few values stand in every row of an object: a dictionary makes them cost next to nothing.
	constant := func(node parquet.Node) parquet.Node { return parquet.Encoded(node, &parquet.RLEDictionary) }
	fields.add(tables.Undeclared, parquet.Optional(parquet.Encoded(parquet.JSON(), &parquet.Plain)))
	fields.add(tables.WindowStart, constant(parquet.Timestamp(parquet.Microsecond)))
	fields.add(tables.WindowEnd, constant(parquet.Timestamp(parquet.Microsecond)))
	fields.add(tables.Generation, constant(parquet.Int(64)))
	fields.add(tables.Late, constant(parquet.Int(64)))
	fields.add(tables.Part, constant(parquet.String()))
	fields.add(tables.Position, parquet.Encoded(parquet.Int(64), &parquet.Plain))
	fields.add(tables.IngestedAt, constant(parquet.Timestamp(parquet.Microsecond)))
	t.schema = parquet.NewSchema(stream.Name, &fields)

	text, err := json.Marshal(hashed)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	t.hash = hex.EncodeToString(sum[:8])
	return t, nil
}

// Schema is the Parquet schema, in the order of the columns.
func (t *Table) Schema() *parquet.Schema { return t.schema }

// Hash stands for the columns, what becomes of personal ones, and [FormatVersion]: where it changes, objects are made again. Comments are
// no part of it, and neither is the key of digests: who changes that has all made again.
func (t *Table) Hash() string { return t.hash }

// Hashes reports whether rows hold digests, so that a [Source] needs their key.
func (t *Table) Hashes() bool { return t.hashes }

// declare returns the place that a column's path leads to.
func (t *Table) declare(path string, protected bool) *field {
	f := t.root
	for name := range strings.SplitSeq(path, ".") {
		f.within = f.within || protected
		child := f.children[name]
		if child == nil {
			child = &field{number: t.fields, quoted: quotedName(name), prefix: f.prefix + name + "."}
			t.fields++
			if f.children == nil {
				f.children = map[string]*field{}
			}
			f.children[name] = child
		}
		f = child
	}
	f.protected = f.protected || protected
	return f
}

// at returns the columns that stand at a place, those of the rows first.
func (t *Table) at(f *field) (columns []*column) {
	for _, i := range f.columns {
		columns = append(columns, &t.columns[i])
	}
	for _, i := range f.dropped {
		columns = append(columns, &t.dropped[i])
	}
	return columns
}

func quotedName(name string) []byte {
	quoted, err := jsontext.AppendQuote(nil, name)
	if err != nil || bytes.IndexByte(quoted, '\\') >= 0 {
		return nil
	}
	return append(quoted, ':')
}

// node is the column's Parquet type. Values are stored plain, which every reader of Parquet understands.
func (c *column) node() (parquet.Node, error) {
	var node parquet.Node
	switch c.kind {
	case vendorapi.TypeString:
		node = parquet.String()
	case vendorapi.TypeInt64:
		node = parquet.Int(64)
	case vendorapi.TypeFloat64:
		node = parquet.Leaf(parquet.DoubleType)
	case vendorapi.TypeBool:
		node = parquet.Leaf(parquet.BooleanType)
	case vendorapi.TypeTimestamp:
		node = parquet.Timestamp(parquet.Microsecond)
	case vendorapi.TypeDate:
		node = parquet.Date()
	case vendorapi.TypeJSON:
		node = parquet.JSON()
	default:
		return nil, fmt.Errorf("column %s: type %q: want string, int64, float64, bool, timestamp, date or json", c.name, c.kind)
	}
	return parquet.Encoded(node, &parquet.Plain), nil
}

// group is a Parquet group that keeps its fields in the order in which they were added; the library's own
// sorts them by name.
type group struct {
	parquet.Group
	fields []parquet.Field
}

func (g *group) add(name string, node parquet.Node) {
	if g.Group == nil {
		g.Group = parquet.Group{}
	}
	g.Group[name] = node
	// A group of one field yields the library's own field, which reads Go values as it should.
	g.fields = append(g.fields, parquet.Group{name: node}.Fields()...)
}

func (g *group) Fields() []parquet.Field { return g.fields }
