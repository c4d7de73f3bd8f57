//go:build ignore

package main

import (
	"bytes"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// arrow-go, column by column.
func init() {
	var t *table
	var root *schema.GroupNode
	texts, levels := map[string][]parquet.ByteArray{}, map[string][]int16{}
	ready = func(content []byte) (err error) {
		if t, err = makeTable(content); err != nil {
			return err
		}
		var fields schema.FieldList
		for _, name := range t.names {
			c := t.columns[name]
			node := schema.NewInt64Node(name, parquet.Repetitions.Optional, -1)
			if !c.number {
				if node, err = schema.NewPrimitiveNodeLogical(name, parquet.Repetitions.Optional, schema.StringLogicalType{}, parquet.Types.ByteArray, 0, -1); err != nil {
					return err
				}
				for _, text := range c.texts {
					texts[name] = append(texts[name], text)
				}
			}
			fields = append(fields, node)
			for _, present := range c.present {
				level := int16(0)
				if present {
					level = 1
				}
				levels[name] = append(levels[name], level)
			}
		}
		root, err = schema.NewGroupNode("records", parquet.Repetitions.Required, fields, -1)
		return err
	}
	var out bytes.Buffer
	candidate = func([]byte) (int64, error) {
		out.Reset()
		w := file.NewParquetWriter(&out, root, file.WithWriterProps(parquet.NewWriterProperties(
			parquet.WithCompression(compress.Codecs.Zstd), parquet.WithDictionaryDefault(false), parquet.WithDataPageSize(pageBytes), parquet.WithStats(false))))
		at := map[string]int{}
		for row := 0; row < t.rows; row += groupRows {
			until := min(row+groupRows, t.rows)
			group := w.AppendRowGroup()
			for _, name := range t.names {
				column, err := group.NextColumn()
				if err != nil {
					return 0, err
				}
				present := 0
				for _, level := range levels[name][row:until] {
					present += int(level)
				}
				first := at[name]
				at[name] += present
				switch c := column.(type) {
				case *file.Int64ColumnChunkWriter:
					_, err = c.WriteBatch(t.columns[name].numbers[first:first+present], levels[name][row:until], nil)
				case *file.ByteArrayColumnChunkWriter:
					_, err = c.WriteBatch(texts[name][first:first+present], levels[name][row:until], nil)
				}
				if err != nil {
					return 0, err
				}
				if err := column.Close(); err != nil {
					return 0, err
				}
			}
			if err := group.Close(); err != nil {
				return 0, err
			}
		}
		err := w.Close()
		return int64(out.Len()), err
	}
}
