package curated

import (
	"bufio"
	"bytes"
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/s2"
	"github.com/parquet-go/parquet-go"
)

const (
	// sortedBytes is how many bytes of rows are sorted in memory. What is more is spilled as a sorted run.
	sortedBytes = 8 << 20
	// mergedRuns is how many sorted runs are read side by side, so that the memory for them has a bound: [spillBlock] and as much again each.
	mergedRuns = 48
	// spillBlock is how much of a run is compressed, and read, at once.
	spillBlock = 64 << 10
	// rowsAtOnce is how many rows of a small object are read at once.
	rowsAtOnce = 64
)

// Sorter makes one object of a compacted day from small ones: it sorts their rows, of those with one key keeps the newest, and writes them. Rows
// that do not fit into its memory are spilled in sorted runs and merged.
//
// The library has a sorting writer and merges sorted row groups too, but needs for each run that it reads a page of every column: with fifty columns and as many
// runs more memory than a small Lambda has. A run of whole rows needs one block.
//
// Its memory depends on neither the number of rows nor that of objects. It is not safe for use by several goroutines.
type Sorter struct {
	compaction *Compaction
	number     int64
	spill      func() (SpillFile, error)

	// inMemory and sideBySide are [sortedBytes] and [mergedRuns].
	inMemory, sideBySide int

	rows buffer
	runs []SpillFile
	read []parquet.Row
}

// SpillFile is where a run is kept until it is merged. Closing it gives its room back.
type SpillFile interface {
	io.ReadWriteSeeker
	io.Closer
}

// NewSorter returns a sorter for the day's compaction of a number. spill makes the files that rows are kept in which do not fit into memory.
func (c *Compaction) NewSorter(number int64, spill func() (SpillFile, error)) *Sorter {
	return &Sorter{compaction: c, number: number, spill: spill, inMemory: sortedBytes, sideBySide: mergedRuns, read: make([]parquet.Row, rowsAtOnce)}
}

// Close gives back what the sorter has spilled, whatever has become of it.
func (s *Sorter) Close() error {
	var errs []error
	for _, run := range s.runs {
		errs = append(errs, run.Close())
	}
	s.runs = nil
	return errors.Join(errs...)
}

// ErrOtherColumns says that an object was made with other columns than the table has.
var ErrOtherColumns = errors.New("made with other columns")

// Add takes the rows of a small object in, and returns how many there were. It fails with [ErrOtherColumns] where they are other ones.
func (s *Sorter) Add(ctx context.Context, object io.ReaderAt, size int64) (rows int64, err error) {
	file, err := parquet.OpenFile(object, size, parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true))
	if err != nil {
		return 0, fmt.Errorf("reading Parquet: %w", err)
	}
	if hash := columnsOf(file); hash != s.compaction.table.hash {
		return 0, fmt.Errorf("columns %s: %w: want %s", hash, ErrOtherColumns, s.compaction.table.hash)
	}
	for _, group := range file.RowGroups() {
		n, err := s.addGroup(ctx, group)
		rows += n
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

func (s *Sorter) addGroup(ctx context.Context, group parquet.RowGroup) (rows int64, err error) {
	reader := group.Rows()
	defer func() { err = errors.Join(err, reader.Close()) }()
	for {
		n, err := reader.ReadRows(s.read)
		for _, row := range s.read[:n] {
			s.rows.add(s.compaction, row)
			if len(s.rows.bytes) >= s.inMemory {
				if err := s.spillRows(); err != nil {
					return rows, err
				}
			}
		}
		rows += int64(n)
		switch {
		case ctx.Err() != nil:
			return rows, ctx.Err()
		case errors.Is(err, io.EOF):
			return rows, nil
		case err != nil:
			return rows, fmt.Errorf("reading Parquet: %w", err)
		}
	}
}

// spillRows writes the rows in memory as a run.
func (s *Sorter) spillRows() error {
	s.rows.sort()
	if err := s.addRun(func(emit func(entry) error) error { return s.rows.each(emit) }); err != nil {
		return err
	}
	s.rows.reset()
	if len(s.runs) < s.sideBySide {
		return nil
	}
	before := s.runs
	s.runs = nil
	err := s.addRun(func(emit func(entry) error) error { return merge(before, emit) })
	for _, run := range before {
		err = errors.Join(err, run.Close())
	}
	return err
}

// addRun adds a run of the entries that are emitted in order.
func (s *Sorter) addRun(entries func(emit func(entry) error) error) error {
	file, err := s.spill()
	if err != nil {
		return err
	}
	s.runs = append(s.runs, file)
	writer := s2.NewWriter(file, s2.WriterBlockSize(spillBlock), s2.WriterConcurrency(1))
	if err := entries(newest(func(e entry) error { return e.write(writer) })); err != nil {
		return err
	}
	return writer.Close()
}

// WriteTo writes the rows as Parquet, and returns how many there are. Nothing can be added any more.
func (s *Sorter) WriteTo(ctx context.Context, object io.Writer) (rows int64, err error) {
	w := s.compaction.newWriter(object, s.number)
	add := newest(func(e entry) error {
		if w.rows%batchRows == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		return w.add(e)
	})
	if len(s.runs) == 0 {
		s.rows.sort()
		err = s.rows.each(add)
	} else {
		if len(s.rows.at) > 0 {
			if err := s.spillRows(); err != nil {
				return 0, err
			}
		}
		s.rows = buffer{}
		err = merge(s.runs, add)
	}
	if err != nil {
		return w.rows, err
	}
	return w.rows, w.close()
}

// entry is a row with its place; key is how much of the place is the key.
type entry struct {
	place []byte
	key   int
	row   []byte
}

const entryHeader = 12

func appendHeader(dst []byte, e entry) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(e.place)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(e.key))
	return binary.LittleEndian.AppendUint32(dst, uint32(len(e.row)))
}

func (e entry) write(w io.Writer) error {
	var header [entryHeader]byte
	for _, part := range [][]byte{appendHeader(header[:0], e), e.place, e.row} {
		if _, err := w.Write(part); err != nil {
			return fmt.Errorf("spilling rows: %w", err)
		}
	}
	return nil
}

// newest passes of entries in order the first of each key on.
func newest(emit func(entry) error) func(entry) error {
	var last []byte
	any := false
	return func(e entry) error {
		key := e.place[:e.key]
		if any && bytes.Equal(key, last) {
			return nil
		}
		any = true
		last = append(last[:0], key...)
		return emit(e)
	}
}

// buffer holds rows in memory. Each is where at says: its header, its place, the row.
type buffer struct {
	bytes []byte
	at    []uint32
}

func (b *buffer) add(c *Compaction, row []parquet.Value) {
	begin := len(b.bytes)
	b.at = append(b.at, uint32(begin))
	b.bytes = append(b.bytes, make([]byte, entryHeader)...)
	var e entry
	b.bytes, e.key = c.place(b.bytes, row)
	place := len(b.bytes)
	b.bytes = c.appendRow(b.bytes, row)
	e.place, e.row = b.bytes[begin+entryHeader:place], b.bytes[place:]
	appendHeader(b.bytes[begin:begin], e)
}

func (b *buffer) entry(at uint32) entry {
	header := b.bytes[at:]
	place := int(binary.LittleEndian.Uint32(header))
	row := int(binary.LittleEndian.Uint32(header[8:]))
	body := header[entryHeader:]
	return entry{place: body[:place], key: int(binary.LittleEndian.Uint32(header[4:])), row: body[place : place+row]}
}

func (b *buffer) sort() {
	slices.SortFunc(b.at, func(x, y uint32) int { return bytes.Compare(b.entry(x).place, b.entry(y).place) })
}

func (b *buffer) each(emit func(entry) error) error {
	for _, at := range b.at {
		if err := emit(b.entry(at)); err != nil {
			return err
		}
	}
	return nil
}

func (b *buffer) reset() { b.bytes, b.at = b.bytes[:0], b.at[:0] }

// run is a sorted run being read. Its entry lasts until the next.
type run struct {
	reader *bufio.Reader
	entry  entry
	buffer []byte
}

func openRun(file SpillFile) (*run, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return &run{reader: bufio.NewReaderSize(s2.NewReader(file, s2.ReaderMaxBlockSize(spillBlock)), 4<<10)}, nil
}

// next reads the next entry, and returns io.EOF behind the last.
func (r *run) next() error {
	var header [entryHeader]byte
	if _, err := io.ReadFull(r.reader, header[:]); err != nil {
		return err
	}
	place := int(binary.LittleEndian.Uint32(header[:]))
	row := int(binary.LittleEndian.Uint32(header[8:]))
	r.buffer = slices.Grow(r.buffer[:0], place+row)[:place+row]
	if _, err := io.ReadFull(r.reader, r.buffer); err != nil {
		return fmt.Errorf("reading spilled rows: %w", err)
	}
	r.entry = entry{place: r.buffer[:place], key: int(binary.LittleEndian.Uint32(header[4:])), row: r.buffer[place:]}
	return nil
}

// merge emits the entries of sorted runs in order.
func merge(files []SpillFile, emit func(entry) error) error {
	var ahead runs
	for _, file := range files {
		r, err := openRun(file)
		if err != nil {
			return err
		}
		switch err := r.next(); err {
		case nil:
			ahead = append(ahead, r)
		case io.EOF:
		default:
			return err
		}
	}
	heap.Init(&ahead)
	for len(ahead) > 0 {
		first := ahead[0]
		if err := emit(first.entry); err != nil {
			return err
		}
		switch err := first.next(); err {
		case nil:
			heap.Fix(&ahead, 0)
		case io.EOF:
			heap.Pop(&ahead)
		default:
			return err
		}
	}
	return nil
}

// runs are a heap of runs by the entries that they stand at.
type runs []*run

func (r runs) Len() int           { return len(r) }
func (r runs) Less(i, j int) bool { return bytes.Compare(r[i].entry.place, r[j].entry.place) < 0 }
func (r runs) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }

// Push implements [heap.Interface]. Runs are only taken away.
func (r *runs) Push(x any) { *r = append(*r, x.(*run)) }

// Pop implements [heap.Interface].
func (r *runs) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}

// dayWriter writes rows that come in order.
type dayWriter struct {
	compaction *Compaction
	parquet    *parquet.GenericWriter[any]
	columns    []*parquet.ColumnWriter
	batch      batch
	// text holds what the cells of the batch refer to.
	text    []byte
	written int64
	rows    int64
}

func (c *Compaction) newWriter(object io.Writer, number int64) *dayWriter {
	w := &dayWriter{compaction: c, batch: newBatch(len(c.table.columns)+1, len(c.kinds)+1)}
	w.parquet = parquet.NewGenericWriter[any](object, c.config(number), parquet.DataPageStatistics(false))
	w.columns = w.parquet.ColumnWriters()
	last := len(c.kinds)
	for i := range w.batch.cells[last] {
		w.batch.cells[last][i] = parquet.Int64Value(number).Level(0, 0, last)
	}
	return w
}

func (w *dayWriter) add(e entry) error {
	if len(w.text)+len(e.row) > cap(w.text) {
		// What the cells refer to must not move.
		if err := w.flush(); err != nil {
			return err
		}
		w.text = slices.Grow(w.text, max(batchBytes, len(e.row)))
	}
	begin := len(w.text)
	w.text = append(w.text, e.row...)
	w.compaction.readRow(w.text[begin:], func(column int, value parquet.Value) {
		if column < w.batch.nullable {
			w.batch.set(column, value)
			return
		}
		w.batch.cells[column][w.batch.rows] = value.Level(0, 0, column)
	})
	w.batch.rows++
	w.rows++
	if w.batch.rows == batchRows {
		return w.flush()
	}
	return nil
}

// flush hands the batch to the columns, and ends the row group when it is large enough.
func (w *dayWriter) flush() error {
	if err := w.batch.write(w.columns); err != nil {
		return fmt.Errorf("writing Parquet: %w", err)
	}
	w.text = w.text[:0]
	if w.parquet.Size()-w.written < heldBytes {
		return nil
	}
	if err := w.parquet.Flush(); err != nil {
		return fmt.Errorf("writing Parquet: %w", err)
	}
	w.written = w.parquet.Size()
	return nil
}

func (w *dayWriter) close() error {
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.parquet.Close(); err != nil {
		return fmt.Errorf("writing Parquet: %w", err)
	}
	return nil
}
