package curated

import "github.com/parquet-go/parquet-go"

// batchRows is the most rows that are taken apart before they are handed to the columns.
const batchRows = 128

// batch holds the cells of a few rows by column, which is how the library takes them.
type batch struct {
	// cells have batchRows places each; the first rows are complete.
	cells [][]parquet.Value
	rows  int
	// nullable is how many of the columns may be null, the first ones. Their cells are null until they are set.
	nullable int
}

func newBatch(nullable, columns int) batch {
	b := batch{cells: make([][]parquet.Value, columns), nullable: nullable}
	for i := range b.cells {
		b.cells[i] = make([]parquet.Value, batchRows)
	}
	return b
}

// set gives a column that may be null its value in the row at hand.
func (b *batch) set(column int, value parquet.Value) {
	if !value.IsNull() {
		b.cells[column][b.rows] = value.Level(0, 1, column)
	}
}

// drop makes the cells of the row at hand null again.
func (b *batch) drop() {
	for _, cells := range b.cells[:b.nullable] {
		cells[b.rows] = parquet.Value{}
	}
}

// write hands the complete rows to the columns, and empties the batch.
func (b *batch) write(columns []*parquet.ColumnWriter) error {
	if b.rows == 0 {
		return nil
	}
	for i, column := range columns {
		if _, err := column.WriteRowValues(b.cells[i][:b.rows]); err != nil {
			return err
		}
	}
	b.reset()
	return nil
}

// reset empties the batch.
func (b *batch) reset() {
	for _, cells := range b.cells[:b.nullable] {
		clear(cells[:b.rows])
	}
	b.rows = 0
}
