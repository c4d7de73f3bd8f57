//go:build ignore

package main

import (
	"bytes"

	"github.com/parquet-go/parquet-go"
)

// parquet-go, column by column.
func init() {
	var t *table
	var cells [][]parquet.Value
	var schema *parquet.Schema
	ready = func(content []byte) (err error) {
		if t, err = makeTable(content); err != nil {
			return err
		}
		group := parquet.Group{}
		for _, name := range t.names {
			node := parquet.String()
			if t.columns[name].number {
				node = parquet.Int(64)
			}
			group[name] = parquet.Optional(parquet.Encoded(node, &parquet.Plain))
		}
		schema = parquet.NewSchema("records", group)
		// The library orders the columns by their names, as the table does.
		for i, name := range t.names {
			c, values, at := t.columns[name], make([]parquet.Value, t.rows), 0
			for row, present := range c.present {
				switch {
				case !present:
					values[row] = parquet.Value{}.Level(0, 0, i)
					continue
				case c.number:
					values[row] = parquet.Int64Value(c.numbers[at]).Level(0, 1, i)
				default:
					values[row] = parquet.ByteArrayValue(c.texts[at]).Level(0, 1, i)
				}
				at++
			}
			cells = append(cells, values)
		}
		return nil
	}
	var out bytes.Buffer
	candidate = func([]byte) (int64, error) {
		out.Reset()
		w := parquet.NewGenericWriter[any](&out, schema, parquet.Compression(&parquet.Zstd), parquet.PageBufferSize(pageBytes), parquet.DataPageStatistics(false))
		columns := w.ColumnWriters()
		for row := 0; row < t.rows; row += batchRows {
			until := min(row+batchRows, t.rows)
			for i, c := range columns {
				if _, err := c.WriteRowValues(cells[i][row:until]); err != nil {
					return 0, err
				}
			}
			if until/groupRows != row/groupRows {
				if err := w.Flush(); err != nil {
					return 0, err
				}
			}
		}
		err := w.Close()
		return int64(out.Len()), err
	}
}
