package bench

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	parquetzstd "github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
)

// The floor of preprocess, and its steps alone.
const (
	stepPreprocess = "preprocess"
	stepGunzip     = "gunzip"
	stepTokenize   = "tokenize"
	stepWrite      = "write"
)

// objectParts are the parts of which one object is made, and what all of its rows have in common.
type objectParts struct {
	// Files hold the parts, Keys are how the rows name them.
	Files      []string  `json:"files"`
	Keys       []string  `json:"keys"`
	Start      time.Time `json:"start"`
	End        time.Time `json:"end"`
	Generation int       `json:"generation"`
	Late       int64     `json:"late"`
	IngestedAt time.Time `json:"ingestedAt"`
}

// How the floor writes Parquet: as package curated does, so that what comes out is the same.
const (
	floorPageBytes     = 64 << 10
	floorRowGroupBytes = 32 << 20
	floorBatchRows     = 128
)

// floorCodec is the encoder of package curated.
type floorCodec struct{ *parquetzstd.Codec }

var floorEncoder = sync.OnceValue(func() *zstd.Encoder {
	// Options that are constant and valid cannot fail.
	e, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(2*floorPageBytes),
		zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true), zstd.WithEncoderCRC(false))
	return e
})

func (floorCodec) Encode(dst, src []byte) ([]byte, error) {
	return floorEncoder().EncodeAll(src, dst[:0]), nil
}

// attendees is the stream whose columns are written.
func attendees() *vendorapi.Stream {
	// ON24's own description has the stream.
	s, _ := on24.Vendor(clientID).Stream(stream)
	return s
}

// rowWriter writes rows as Parquet, batch by batch.
type rowWriter struct {
	parquet  *parquet.GenericWriter[any]
	columns  []*parquet.ColumnWriter
	declared int
	cells    [][]parquet.Value
	nulls    []parquet.Value
	rows     int
	// text holds the unescaped strings of a batch.
	text    []byte
	grouped int
}

func newRowWriter(out io.Writer, s *vendorapi.Stream) (*rowWriter, error) {
	table, err := curated.NewTable(s)
	if err != nil {
		return nil, err
	}
	schema := table.Schema()
	w := &rowWriter{declared: len(s.Columns)}
	var texts [][]string
	for i, field := range schema.Fields() {
		w.cells = append(w.cells, make([]parquet.Value, floorBatchRows))
		w.nulls = append(w.nulls, parquet.Value{}.Level(0, 0, i))
		if field.Type().Kind() == parquet.ByteArray {
			texts = append(texts, []string{field.Name()})
		}
	}
	w.parquet = parquet.NewGenericWriter[any](out, &parquet.WriterConfig{
		Schema:            schema,
		Compression:       floorCodec{&parquet.Zstd},
		ColumnPageBuffers: parquet.NewChunkBufferPool(floorPageBytes / 4),
		PageBufferSize:    floorPageBytes,
		SkipPageBounds:    texts,
	}, parquet.DataPageStatistics(false))
	w.columns = w.parquet.ColumnWriters()
	w.clear()
	return w, nil
}

// Columns of package curated behind the declared ones, in their order.
const (
	undeclaredCell = iota
	windowStartCell
	windowEndCell
	generationCell
	lateCell
	partCell
	positionCell
	ingestedAtCell
)

func (w *rowWriter) fill(own int, value parquet.Value) {
	column := w.declared + own
	for i := range w.cells[column] {
		w.cells[column][i] = value.Level(0, 0, column)
	}
}

// clear makes the cells null that a row may leave so.
func (w *rowWriter) clear() {
	for i := range w.declared + 1 {
		for row := range w.cells[i] {
			w.cells[i][row] = w.nulls[i]
		}
	}
}

// begin begins an object.
func (w *rowWriter) begin(o objectParts) {
	w.fill(windowStartCell, parquet.Int64Value(o.Start.UnixMicro()))
	w.fill(windowEndCell, parquet.Int64Value(o.End.UnixMicro()))
	w.fill(generationCell, parquet.Int64Value(int64(o.Generation)))
	w.fill(lateCell, parquet.Int64Value(o.Late))
	w.fill(ingestedAtCell, parquet.Int64Value(o.IngestedAt.UnixMicro()))
}

// set sets a declared cell of the row at hand.
func (w *rowWriter) set(column int, value parquet.Value) {
	w.cells[column][w.rows] = value.Level(0, 1, column)
}

// row begins a row.
func (w *rowWriter) row(position int64) {
	w.cells[w.declared+positionCell][w.rows] = parquet.Int64Value(position).Level(0, 0, w.declared+positionCell)
}

// flush hands the batch to the columns; size is how many bytes of records it was made of.
func (w *rowWriter) flush() error {
	for i, column := range w.columns {
		if _, err := column.WriteRowValues(w.cells[i][:w.rows]); err != nil {
			return err
		}
	}
	w.clear()
	w.rows, w.text = 0, w.text[:0]
	if w.grouped < floorRowGroupBytes {
		return nil
	}
	w.grouped = 0
	return w.parquet.Flush()
}

// linesOf yields the lines of a part until yield fails. A batch may refer to a line until it is flushed, so lines stay where they
// are until the buffer is full, which yield is told of by a nil line.
func linesOf(in io.Reader, buffer []byte, yield func(line []byte) error) error {
	held := 0
	for {
		n, err := io.ReadFull(in, buffer[held:])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		rest := buffer[:held+n]
		for {
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				break
			}
			if err := yield(rest[:end]); err != nil {
				return err
			}
			rest = rest[end+1:]
		}
		if err := yield(nil); err != nil {
			return err
		}
		if err != nil {
			return nil
		}
		held = copy(buffer, rest)
	}
}

// lineBytes is the size of the buffer of [linesOf].
const lineBytes = 256 << 10

// openPart returns the content of a part.
func openPart(file string) (*gzip.Reader, *os.File, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	unzipped, err := gzip.NewReader(bufio.NewReaderSize(f, 64<<10))
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return unzipped, f, nil
}

// eachPart calls do with the content of each part.
func eachPart(objects []objectParts, do func(o objectParts, i int, content io.Reader) error) error {
	for _, o := range objects {
		for i := range o.Files {
			unzipped, file, err := openPart(o.Files[i])
			if err != nil {
				return err
			}
			err = do(o, i, unzipped)
			if err := errors.Join(err, unzipped.Close(), file.Close()); err != nil {
				return err
			}
		}
	}
	return nil
}

// preprocessFloor is the least that making curated objects can cost: to unzip the parts, take the records apart, and write the
// columns.
func preprocessFloor(s step) (result stepResult, err error) {
	described := attendees()
	tokens, buffer := newTokenizer(described), make([]byte, lineBytes)
	result.CPU, err = cpuOf(func() error {
		for _, o := range s.Objects {
			out, err := os.CreateTemp(s.Dir, "floor-*"+curated.ObjectSuffix)
			if err != nil {
				return err
			}
			defer out.Close()
			w, err := newRowWriter(out, described)
			if err != nil {
				return err
			}
			w.begin(o)
			err = eachPart([]objectParts{o}, func(_ objectParts, i int, content io.Reader) error {
				w.fill(partCell, parquet.ByteArrayValue([]byte(o.Keys[i])))
				position := int64(0)
				return linesOf(content, buffer, func(line []byte) error {
					if line == nil {
						return w.flush()
					}
					w.row(position)
					if err := tokens.record(line, &w.text, w.set); err != nil {
						return err
					}
					position++
					result.Records++
					result.Bytes += int64(len(line)) + 1
					w.grouped += len(line)
					if w.rows++; w.rows == floorBatchRows {
						return w.flush()
					}
					return nil
				})
			})
			if err != nil {
				return err
			}
			if err := w.parquet.Close(); err != nil {
				return err
			}
			size, err := out.Seek(0, io.SeekCurrent)
			if err != nil {
				return err
			}
			result.Out += size
		}
		return nil
	})
	return result, err
}

func gunzipAlone(s step) (result stepResult, err error) {
	buffer := make([]byte, lineBytes)
	result.CPU, err = cpuOf(func() error {
		return eachPart(s.Objects, func(_ objectParts, _ int, content io.Reader) error {
			for {
				n, err := content.Read(buffer)
				result.Bytes += int64(n)
				if err == io.EOF {
					return nil
				}
				if err != nil {
					return err
				}
			}
		})
	})
	return result, err
}

// heldLines is how many bytes of lines the steps that unzip nothing have in memory, to go through again and again.
const heldLines = 16 << 20

// heldPart returns the beginning of the parts, and how often as many bytes are in all of them.
func heldPart(objects []objectParts) (content []byte, times float64, err error) {
	all := int64(0)
	err = eachPart(objects, func(_ objectParts, _ int, part io.Reader) error {
		kept, err := io.ReadAll(io.LimitReader(part, int64(heldLines-len(content))))
		if err != nil {
			return err
		}
		content = append(content, kept...)
		rest, err := io.Copy(io.Discard, part)
		all += int64(len(kept)) + rest
		return err
	})
	content = content[:bytes.LastIndexByte(content, '\n')+1]
	return content, float64(all) / float64(len(content)), err
}

func tokenizeAlone(s step) (result stepResult, err error) {
	content, times, err := heldPart(s.Objects)
	if err != nil {
		return result, err
	}
	tokens, buffer := newTokenizer(attendees()), make([]byte, lineBytes)
	var text []byte
	var cells [64]parquet.Value
	cpu, err := cpuOf(func() error {
		return linesOf(bytes.NewReader(content), buffer, func(line []byte) error {
			if line == nil {
				return nil
			}
			text = text[:0]
			return tokens.record(line, &text, func(column int, value parquet.Value) { cells[column] = value })
		})
	})
	result.CPU = time.Duration(float64(cpu) * times)
	return result, err
}

// writeAlone writes rows that have been taken apart before.
func writeAlone(s step) (result stepResult, err error) {
	content, times, err := heldPart(s.Objects)
	if err != nil {
		return result, err
	}
	described := attendees()
	out, err := os.CreateTemp(s.Dir, "floor-*"+curated.ObjectSuffix)
	if err != nil {
		return result, err
	}
	defer out.Close()
	w, err := newRowWriter(out, described)
	if err != nil {
		return result, err
	}
	tokens := newTokenizer(described)
	type batch struct {
		cells [][]parquet.Value
		rows  int
		bytes int
	}
	var batches []batch
	var text []byte
	o := s.Objects[0]
	w.begin(o)
	w.fill(partCell, parquet.ByteArrayValue([]byte(o.Keys[0])))
	size, position := 0, int64(0)
	keep := func() {
		b := batch{rows: w.rows, bytes: size}
		for _, cells := range w.cells {
			b.cells = append(b.cells, append([]parquet.Value(nil), cells[:w.rows]...))
		}
		batches = append(batches, b)
		w.rows, size = 0, 0
	}
	for line := range bytes.Lines(content) {
		w.row(position)
		if err := tokens.record(line[:len(line)-1], &text, w.set); err != nil {
			return result, err
		}
		position++
		size += len(line)
		if w.rows++; w.rows == floorBatchRows {
			keep()
		}
	}
	keep()
	cpu, err := cpuOf(func() error {
		for _, b := range batches {
			w.cells, w.rows = b.cells, b.rows
			w.grouped += b.bytes
			if err := w.flush(); err != nil {
				return err
			}
		}
		return w.parquet.Close()
	})
	result.CPU = time.Duration(float64(cpu) * times)
	return result, err
}
