package curated

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/tables"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// CompactionVersion is the version of how a day is compacted: of the order of its rows, of what is folded, and of the objects' layout. Objects
// of different versions never stand under one name.
const CompactionVersion = 1

// dictionaryBytes is how large a column's dictionary grows in a row group before its values are stored plain. Most columns of a webinar's records say
// the same few things again and again; those that do not, as a position, are known after a page.
const dictionaryBytes = 128 << 10

// Compaction is how the rows of a stream's small objects become those of a compacted day: the same columns and [tables.Compaction], sorted by
// the stream's key, and of the rows of one key the newest alone, in the order in which the stream's view takes one for newer than another:
// by the version (a row without one last), the window's start, the generation, the part and the position, the greatest first. Keys that are null count as
// equal, as in the view. It is safe for use by several goroutines at once.
type Compaction struct {
	table  *Table
	schema *parquet.Schema
	// key are the columns of the stream's key in their order, version that of the version, -1 where there is none.
	key     []int
	version int
	kinds   []parquet.Kind
	sorting []parquet.SortingColumn
	// unbounded are the columns of text beside those of the key.
	unbounded [][]string
}

// NewCompaction returns how rows of the table are compacted, which is that of stream. Its error names a field of the key that has no column in the table.
func (t *Table) NewCompaction(stream *vendorapi.Stream) (*Compaction, error) {
	c := &Compaction{table: t, version: -1}
	column := func(path string) int {
		return slices.IndexFunc(t.columns, func(c column) bool { return c.path == path })
	}
	for _, path := range stream.Key {
		i := column(path)
		if i < 0 {
			return nil, fmt.Errorf("stream %s: the key's field %s has no column in the table: want one, since a record's newest version is found by it", stream.Name, path)
		}
		c.key = append(c.key, i)
		c.sorting = append(c.sorting, parquet.Ascending(t.columns[i].name))
	}
	if stream.VersionPath != "" {
		c.version = column(stream.VersionPath)
	}
	var fields group
	for i, field := range t.schema.Fields() {
		// Of no more than two values a dictionary is longer than the values.
		var node parquet.Node = field
		if field.Type().Kind() != parquet.Boolean {
			node = parquet.Encoded(field, &parquet.RLEDictionary)
		}
		fields.add(field.Name(), node)
		c.kinds = append(c.kinds, field.Type().Kind())
		if field.Type().Kind() == parquet.ByteArray && !slices.Contains(c.key, i) {
			c.unbounded = append(c.unbounded, []string{field.Name()})
		}
	}
	fields.add(tables.Compaction, parquet.Encoded(parquet.Int(64), &parquet.RLEDictionary))
	c.schema = parquet.NewSchema(stream.Name, &fields)
	return c, nil
}

// Schema is the Parquet schema of a compacted day, in the order of the columns.
func (c *Compaction) Schema() *parquet.Schema { return c.schema }

// own returns the place of one of windrow's own columns.
func (c *Compaction) own(column int) int { return len(c.table.columns) + column }

// config is the library's configuration for one object of a compaction.
func (c *Compaction) config(number int64) *parquet.WriterConfig {
	return &parquet.WriterConfig{
		CreatedBy:          "windrow version " + strconv.Itoa(FormatVersion),
		Schema:             c.schema,
		Compression:        dayCodec,
		ColumnPageBuffers:  parquet.NewChunkBufferPool(pageBytes / 4),
		PageBufferSize:     pageBytes,
		SkipPageBounds:     c.unbounded,
		DictionaryMaxBytes: dictionaryBytes,
		// Readers that look for a key skip the row groups and pages that cannot hold it.
		Sorting:          parquet.SortingConfig{SortingColumns: c.sorting},
		KeyValueMetadata: map[string]string{"windrow.columns": c.table.hash, "windrow.compaction": strconv.FormatInt(number, 10)},
	}
}

// columnsOf returns the hash of the columns that an object was made with.
func columnsOf(file *parquet.File) string {
	hash, _ := file.Lookup("windrow.columns")
	return cmp.Or(hash, "none")
}
