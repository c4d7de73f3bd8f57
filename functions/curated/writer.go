package curated

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"
	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/window"
)

const (
	// MaxRecordBytes is the longest record that becomes a row. A longer one stays in the raw bucket, and its
	// line in quarantine says where.
	MaxRecordBytes = 1 << 20
	// rowGroupBytes is how many bytes of records go into one row group. What is known of each stays in memory until the object's
	// end, so an object shall have few.
	rowGroupBytes = 32 << 20
	// heldBytes is how many bytes of pages are held in memory, compressed or not yet, until they are written as a row group
	// that has fewer bytes of records.
	heldBytes = 6 << 20
	// pageBytes is the size of a column's page before compression.
	pageBytes = 64 << 10
	// batchBytes bounds the bytes of records in a [batch], to which its cells refer.
	batchBytes = 256 << 10
)

// Source is what all rows of an object have in common.
type Source struct {
	Window     window.Window
	Generation int
	// Late is how many records the window has gained since it was first read.
	Late       int64
	IngestedAt time.Time
	// Key is what personal values are hashed with; needed where the table says so, see [Table.Hashes].
	Key privacy.Key
}

// Counts says what became of records. Records = Rows + Quarantined.
type Counts struct {
	Records     int64
	Rows        int64
	Quarantined int64
}

// Writer makes one Parquet object, and its quarantine where there is any. Its memory does not grow with the
// number of records. It is not safe for use by several goroutines.
type Writer struct {
	table   *Table
	parquet *parquet.GenericWriter[any]
	columns []*parquet.ColumnWriter
	batch   batch
	// grouped are the bytes of records in the row group at hand, written those of the object before it.
	grouped int
	written int64

	part       string
	lines      lines
	scanner    *scanner
	quarantine io.Writer
	gzip       *gzip.Writer
	line       []byte
	counts     Counts
	reason     string
}

// NewWriter returns a writer of rows to object and of what cannot be a row to quarantine, as gzipped lines
// {"reason", "part", "position", "record"}. Nothing is written to quarantine until it is needed. Where the table has personal columns
// that are not kept, the record there lacks their fields, and is null where it is no JSON object in which these could be found: part and
// position say where it stands as it came.
func (t *Table) NewWriter(object, quarantine io.Writer, source Source) *Writer {
	w := &Writer{table: t, batch: newBatch(len(t.columns)+1, len(t.columns)+ownColumns)}
	w.scanner = newScanner(t, &w.batch)
	w.begin(object, quarantine, source)
	return w
}

// Reset makes w what [Table.NewWriter] returns, whatever has become of it, and keeps most of its memory, which most windows
// fill with a few records only.
func (w *Writer) Reset(object, quarantine io.Writer, source Source) {
	w.batch.reset()
	w.scanner.forget()
	w.grouped, w.written, w.gzip, w.counts, w.reason = 0, 0, nil, Counts{}, ""
	w.begin(object, quarantine, source)
}

func (w *Writer) begin(object, quarantine io.Writer, source Source) {
	// The library's own writer cannot be used again: v0.32.0 leaves the columns' names out of the footer then.
	w.parquet = parquet.NewGenericWriter[any](object, &parquet.WriterConfig{
		// Fixed, so that equal input gives equal bytes.
		CreatedBy:         "windrow version " + strconv.Itoa(FormatVersion),
		Schema:            w.table.schema,
		Compression:       pageCodec,
		ColumnPageBuffers: parquet.NewChunkBufferPool(pageBytes / 4),
		PageBufferSize:    pageBytes,
		SkipPageBounds:    w.table.unbounded,
		KeyValueMetadata:  map[string]string{"windrow.columns": w.table.hash},
		// A configuration cannot switch off what is on by default, hence the option. The column index says the same as the pages' headers.
	}, parquet.DataPageStatistics(false))
	w.columns = w.parquet.ColumnWriters()
	w.quarantine = quarantine
	w.fill(windowStartColumn, parquet.Int64Value(source.Window.Start.UnixMicro()))
	w.fill(windowEndColumn, parquet.Int64Value(source.Window.End.UnixMicro()))
	w.fill(generationColumn, parquet.Int64Value(int64(source.Generation)))
	w.fill(lateColumn, parquet.Int64Value(source.Late))
	w.fill(ingestedAtColumn, parquet.Int64Value(source.IngestedAt.UnixMicro()))
	w.scanner.digester = nil
	if w.table.hashes && len(source.Key) > 0 {
		w.scanner.digester = source.Key.Digester()
	}
}

// fill gives one of windrow's own columns the same value in each row of the batches to come.
func (w *Writer) fill(ownColumn int, value parquet.Value) {
	column := len(w.table.columns) + ownColumn
	for i := range w.batch.cells[column] {
		w.batch.cells[column][i] = value.Level(0, 0, column)
	}
}

// AddPart adds the records of a part, one JSON record a line, and returns how many there were.
func (w *Writer) AddPart(ctx context.Context, key string, records io.Reader) (int64, error) {
	if w.table.hashes && w.scanner.digester == nil {
		return 0, fmt.Errorf("part %s: %w: a column is hashed, and there is none", key, privacy.ErrKey)
	}
	w.part = key
	w.fill(partColumn, parquet.ByteArrayValue([]byte(key)))
	w.lines.reset(records)
	position := int64(0)
	for {
		line, ok := w.lines.next()
		if ok {
			if err := w.add(line, position); err != nil {
				return position, err
			}
			position++
			continue
		}
		if err := w.flushBatch(); err != nil {
			return position, err
		}
		if err := ctx.Err(); err != nil {
			return position, err
		}
		switch err := w.lines.fill(); err {
		case nil:
		case io.EOF:
			return position, nil
		case errLineTooLong:
			reason := problem(fmt.Sprintf("the record is longer than %d bytes; it is to be found in its part only", MaxRecordBytes))
			if err := w.reject(reason, []byte("null"), true, position); err != nil {
				return position, err
			}
			position++
		default:
			return position, fmt.Errorf("part %s after %d records: %w", key, position, err)
		}
	}
}

func (w *Writer) add(line []byte, position int64) error {
	if isJSON, err := w.scanner.record(line); err != nil {
		w.batch.drop()
		return w.reject(err, line, isJSON, position)
	}
	column := len(w.table.columns) + positionColumn
	w.batch.cells[column][w.batch.rows] = parquet.Int64Value(position).Level(0, 0, column)
	w.batch.rows++
	w.grouped += len(line)
	w.counts.Records++
	w.counts.Rows++
	if w.batch.rows == batchRows {
		return w.flushBatch()
	}
	return nil
}

// flushBatch hands the batch to the columns, and ends the row group when it is large enough.
func (w *Writer) flushBatch() error {
	if err := w.batch.write(w.columns); err != nil {
		return fmt.Errorf("writing Parquet: %w", err)
	}
	w.scanner.release()
	if w.grouped < rowGroupBytes && w.parquet.Size()-w.written < heldBytes {
		return nil
	}
	w.grouped = 0
	if err := w.parquet.Flush(); err != nil {
		return fmt.Errorf("writing Parquet: %w", err)
	}
	w.written = w.parquet.Size()
	return nil
}

// reject writes a record to quarantine. One that is not valid JSON is kept as a string.
func (w *Writer) reject(reason error, record []byte, isJSON bool, position int64) error {
	w.counts.Records++
	w.counts.Quarantined++
	if w.reason == "" {
		w.reason = reason.Error()
	}
	if w.gzip == nil {
		// The level is valid, so there is no error.
		w.gzip, _ = gzip.NewWriterLevel(w.quarantine, gzip.BestSpeed)
	}
	line := append(w.line[:0], `{"reason":`...)
	line = appendString(line, reason.Error())
	line = append(line, `,"part":`...)
	line = appendString(line, w.part)
	line = append(line, `,"position":`...)
	line = strconv.AppendInt(line, position, 10)
	line = append(line, `,"record":`...)
	switch {
	case w.table.protects:
		line = append(line, w.table.withoutPersonal(record, isJSON)...)
	case isJSON:
		line = append(line, record...)
	default:
		line = appendString(line, string(record))
	}
	w.line = append(line, "}\n"...)
	if _, err := w.gzip.Write(w.line); err != nil {
		return fmt.Errorf("writing quarantine: %w", err)
	}
	return nil
}

// Close finishes both outputs.
func (w *Writer) Close() (Counts, error) {
	if err := w.flushBatch(); err != nil {
		return w.counts, err
	}
	if err := w.parquet.Close(); err != nil {
		return w.counts, fmt.Errorf("writing Parquet: %w", err)
	}
	if w.gzip != nil {
		if err := w.gzip.Close(); err != nil {
			return w.counts, fmt.Errorf("writing quarantine: %w", err)
		}
	}
	return w.counts, nil
}

// Undeclared returns the paths of the undeclared fields that the records held, in the order of their first
// sight, at most 200 of them.
func (w *Writer) Undeclared() []string { return w.scanner.undeclared }

// Reason is why the first of the quarantined records is there; empty where none is.
func (w *Writer) Reason() string { return w.reason }

func appendString(dst []byte, text string) []byte {
	// Valid UTF-8 can always be quoted.
	dst, _ = jsontext.AppendQuote(dst, strings.ToValidUTF8(text, "\uFFFD"))
	return dst
}
