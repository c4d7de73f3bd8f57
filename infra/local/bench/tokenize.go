package bench

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// tokenizer takes records apart into the cells of a table's rows. As [findRecords] it believes what it reads: it is what somebody
// writes who knows these records and wants no more than their columns.
type tokenizer struct {
	columns []tokenColumn
	byName  map[string]int
	// next is the column at which the next member is looked for first: members come in the same order again and again.
	next []int
}

type tokenColumn struct {
	name string
	kind vendorapi.ColumnType
	// digester makes digests in place of the values; nil where these are kept.
	digester *privacy.Digester
}

func newTokenizer(s *vendorapi.Stream) *tokenizer {
	t := &tokenizer{byName: map[string]int{}}
	for i, c := range s.Columns {
		name := c.Path
		if name == "" {
			name = c.Name
		}
		column := tokenColumn{name: name, kind: c.Type}
		if c.Protection() == vendorapi.ProtectHash {
			column.digester = privacyKey.Digester()
		}
		t.columns = append(t.columns, column)
		t.byName[name] = i
		t.next = append(t.next, i)
	}
	t.next = append(t.next, 0)
	return t
}

var errNoRecord = errors.New("a line is no record of declared columns")

// record calls set with each cell of a record. text is what strings with escapes are unescaped in.
func (t *tokenizer) record(line []byte, text *[]byte, set func(column int, value parquet.Value)) error {
	before := len(t.columns)
	for i := 1; i < len(line) && line[i] != '}'; {
		end := endOfString(line, i)
		name := line[i+1 : end]
		column := t.next[before]
		if t.columns[column].name != string(name) {
			known := false
			if column, known = t.byName[string(name)]; !known {
				return fmt.Errorf("%w: %s", errNoRecord, name)
			}
			t.next[before] = column
		}
		before = column
		i = end + 2
		end = endOfValue(line, i)
		value, err := t.columns[column].cell(line[i:end], text)
		if err != nil {
			return err
		}
		set(column, value)
		i = end
		if line[i] == ',' {
			i++
		}
	}
	return nil
}

// cell makes a column's value of a JSON value that is neither null nor empty.
func (c tokenColumn) cell(value []byte, text *[]byte) (parquet.Value, error) {
	content := value
	if value[0] == '"' && c.kind != vendorapi.TypeJSON {
		content = value[1 : len(value)-1]
	}
	if c.digester != nil {
		begin := len(*text)
		*text = c.digester.Append(*text, content)
		return parquet.ByteArrayValue((*text)[begin:len(*text):len(*text)]), nil
	}
	switch c.kind {
	case vendorapi.TypeJSON:
		return parquet.ByteArrayValue(value), nil
	case vendorapi.TypeString:
		if bytes.IndexByte(content, '\\') < 0 {
			return parquet.ByteArrayValue(content), nil
		}
		begin := len(*text)
		var err error
		*text, err = jsontext.AppendUnquote(*text, value)
		return parquet.ByteArrayValue((*text)[begin:len(*text):len(*text)]), err
	case vendorapi.TypeInt64:
		n := int64(0)
		for _, digit := range content {
			n = n*10 + int64(digit-'0')
		}
		return parquet.Int64Value(n), nil
	case vendorapi.TypeFloat64:
		f, err := strconv.ParseFloat(string(content), 64)
		return parquet.DoubleValue(f), err
	case vendorapi.TypeBool:
		return parquet.BooleanValue(content[0] == 'Y' || content[0] == 't'), nil
	case vendorapi.TypeTimestamp:
		return parquet.Int64Value(microseconds(content)), nil
	}
	return parquet.Value{}, fmt.Errorf("column %s: the floor knows no %s", c.name, c.kind)
}

// microseconds reads a time as ON24 writes it, 2026-03-10T10:01:42-07:00.
func microseconds(text []byte) int64 {
	two := func(i int) int { return int(text[i]-'0')*10 + int(text[i+1]-'0') }
	t := time.Date(two(0)*100+two(2), time.Month(two(5)), two(8), two(11), two(14), two(17), 0, time.UTC)
	offset := int64(two(20)*60*60 + two(23)*60)
	if text[19] == '-' {
		offset = -offset
	}
	return (t.Unix() - offset) * 1_000_000
}
