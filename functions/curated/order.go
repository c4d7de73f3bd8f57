package curated

import (
	"encoding/binary"
	"math"

	"github.com/parquet-go/parquet-go"
)

// A row's place is a text of bytes that sorts as the row does, so that rows can be sorted, spilled and merged without looking into them: the
// columns of the key, nulls last, and behind them what makes one row of a key newer than another, inverted, since the newest comes first.

// place appends a row's place to dst, and returns how much of it is the key.
func (c *Compaction) place(dst []byte, row []parquet.Value) (place []byte, key int) {
	begin := len(dst)
	for _, column := range c.key {
		dst = appendPlace(dst, c.kinds[column], row[column])
	}
	key = len(dst) - begin
	newer := len(dst)
	if c.version >= 0 {
		dst = appendPlaceNullsFirst(dst, c.kinds[c.version], row[c.version])
	}
	for _, own := range []int{windowStartColumn, generationColumn, partColumn, positionColumn} {
		column := c.own(own)
		dst = appendPlace(dst, c.kinds[column], row[column])
	}
	for i := newer; i < len(dst); i++ {
		dst[i] = ^dst[i]
	}
	return dst, key
}

// Marks before a value's place.
const (
	placeNullFirst = 0
	placeValue     = 1
	placeNullLast  = 2
)

func appendPlace(dst []byte, kind parquet.Kind, value parquet.Value) []byte {
	if value.IsNull() {
		return append(dst, placeNullLast)
	}
	return appendOrdered(append(dst, placeValue), kind, value)
}

// appendPlaceNullsFirst is for what is inverted, where nulls are to come last.
func appendPlaceNullsFirst(dst []byte, kind parquet.Kind, value parquet.Value) []byte {
	if value.IsNull() {
		return append(dst, placeNullFirst)
	}
	return appendOrdered(append(dst, placeValue), kind, value)
}

func appendOrdered(dst []byte, kind parquet.Kind, value parquet.Value) []byte {
	switch kind {
	case parquet.Boolean:
		if value.Boolean() {
			return append(dst, 1)
		}
		return append(dst, 0)
	case parquet.Int32:
		return binary.BigEndian.AppendUint32(dst, uint32(value.Int32())^1<<31)
	case parquet.Int64:
		return binary.BigEndian.AppendUint64(dst, uint64(value.Int64())^1<<63)
	case parquet.Double:
		// The sum makes one of the two zeros, which are equal.
		bits := math.Float64bits(value.Double() + 0)
		if bits>>63 == 1 {
			bits = ^bits
		} else {
			bits |= 1 << 63
		}
		return binary.BigEndian.AppendUint64(dst, bits)
	}
	for _, b := range value.ByteArray() {
		dst = append(dst, b)
		if b == 0 {
			dst = append(dst, 0xFF)
		}
	}
	return append(dst, 0, 0)
}

// appendRow appends the values of a row, to be read with [Compaction.readRow].
func (c *Compaction) appendRow(dst []byte, row []parquet.Value) []byte {
	for column, kind := range c.kinds {
		value := row[column]
		if value.IsNull() {
			dst = append(dst, 0)
			continue
		}
		dst = append(dst, 1)
		switch kind {
		case parquet.Boolean:
			bit := byte(0)
			if value.Boolean() {
				bit = 1
			}
			dst = append(dst, bit)
		case parquet.Int32:
			dst = binary.AppendVarint(dst, int64(value.Int32()))
		case parquet.Int64:
			dst = binary.AppendVarint(dst, value.Int64())
		case parquet.Double:
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(value.Double()))
		default:
			text := value.ByteArray()
			dst = append(binary.AppendUvarint(dst, uint64(len(text))), text...)
		}
	}
	return dst
}

// readRow sets the values of a row; texts refer to src.
func (c *Compaction) readRow(src []byte, set func(column int, value parquet.Value)) {
	for column, kind := range c.kinds {
		there := src[0] == 1
		src = src[1:]
		if !there {
			set(column, parquet.Value{})
			continue
		}
		switch kind {
		case parquet.Boolean:
			set(column, parquet.BooleanValue(src[0] == 1))
			src = src[1:]
		case parquet.Int32:
			n, size := binary.Varint(src)
			set(column, parquet.Int32Value(int32(n)))
			src = src[size:]
		case parquet.Int64:
			n, size := binary.Varint(src)
			set(column, parquet.Int64Value(n))
			src = src[size:]
		case parquet.Double:
			set(column, parquet.DoubleValue(math.Float64frombits(binary.LittleEndian.Uint64(src))))
			src = src[8:]
		default:
			length, size := binary.Uvarint(src)
			src = src[size:]
			set(column, parquet.ByteArrayValue(src[:length:length]))
			src = src[length:]
		}
	}
}
