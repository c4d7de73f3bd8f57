package curated

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/jsonscan"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Times are stored from the year 1 to the year 9999, the range that SQL engines agree on.
var (
	earliest    = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	latest      = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() - 1
	earliestDay = int32(floorDiv(earliest, secondsADay*1e6))
)

// convert returns the column's value for a JSON value, which is valid and has no space around it, without its levels; it is null
// where value is null, but for strings and JSON an empty string, or a Unix time of 0. ok is false where the value is not what the
// column allows. text is where unescaped strings are kept; the result may refer to it and to value.
func (c *column) convert(value []byte, text *[]byte) (result parquet.Value, ok bool) {
	kind := value[0]
	if kind == 'n' {
		return parquet.Value{}, true
	}
	if c.kind == vendorapi.TypeJSON {
		return parquet.ByteArrayValue(value), true
	}
	if kind == '{' || kind == '[' {
		return parquet.Value{}, false
	}
	content := value
	if kind == '"' {
		content = unquoted(value, text)
		if len(content) == 0 && c.kind != vendorapi.TypeString {
			return parquet.Value{}, true
		}
	}
	switch c.kind {
	case vendorapi.TypeString:
		return parquet.ByteArrayValue(content), true
	case vendorapi.TypeInt64:
		n, exact, ok := scaled(content, 0)
		return parquet.Int64Value(n), ok && exact
	case vendorapi.TypeFloat64:
		// ParseFloat alone would take hex, NaN and underscores out of a string.
		if !jsonscan.IsNumber(content) {
			return parquet.Value{}, false
		}
		f, err := strconv.ParseFloat(string(content), 64)
		return parquet.DoubleValue(f), err == nil
	case vendorapi.TypeBool:
		switch {
		case string(content) == "true", kind == '"' && string(content) == "Y":
			return parquet.BooleanValue(true), true
		case string(content) == "false", kind == '"' && string(content) == "N":
			return parquet.BooleanValue(false), true
		}
		return parquet.Value{}, false
	case vendorapi.TypeTimestamp:
		if unset(c.layout, content) {
			return parquet.Value{}, true
		}
		micros, ok := c.timestamp(content, kind)
		return parquet.Int64Value(micros), ok && micros >= earliest && micros <= latest
	case vendorapi.TypeDate:
		if kind != '"' {
			return parquet.Value{}, false
		}
		if days, ok := plainDate(content); ok && days >= earliestDay {
			return parquet.Int32Value(days), true
		}
		date, err := time.Parse(time.DateOnly, string(content))
		return parquet.Int32Value(int32(floorDiv(date.Unix(), secondsADay))), err == nil && date.Year() >= 1
	}
	return parquet.Value{}, false
}

// unset reports whether a Unix time is 0, by which vendors say that there is none.
func unset(layout string, content []byte) bool {
	unix := layout == vendorapi.LayoutUnix || layout == vendorapi.LayoutUnixMilli
	return unix && len(content) > 0 && len(bytes.Trim(content, "0.")) == 0 && content[0] == '0'
}

// timestamp reads microseconds since 1970. Finer fractions are cut off. kind is the first byte of the JSON value.
func (c *column) timestamp(content []byte, kind byte) (micros int64, ok bool) {
	switch c.layout {
	case vendorapi.LayoutUnix:
		micros, _, ok = scaled(content, 6)
		return micros, ok
	case vendorapi.LayoutUnixMilli:
		micros, _, ok = scaled(content, 3)
		return micros, ok
	}
	if c.layout == time.RFC3339 && kind == '"' {
		if micros, ok := plainTime(content); ok {
			return micros, true
		}
	}
	var t time.Time
	var err error
	switch {
	case c.layout == time.RFC3339 && kind == '"':
		err = t.UnmarshalText(content)
	case kind != 't' && kind != 'f':
		t, err = time.ParseInLocation(c.layout, string(content), c.zone)
	default:
		return 0, false
	}
	if err != nil || t.Year() < 0 || t.Year() > 10000 {
		return 0, false
	}
	return t.UnixMicro(), true
}

// allowed says in words what convert takes.
func (c *column) allowed() string {
	switch c.kind {
	case vendorapi.TypeString:
		return "a string, a number or a boolean"
	case vendorapi.TypeInt64:
		return fmt.Sprintf("a whole number from %d to %d, or a string that holds one", math.MinInt64, math.MaxInt64)
	case vendorapi.TypeFloat64:
		return "a number in the range of a 64-bit float, or a string that holds one"
	case vendorapi.TypeBool:
		return `true or false, or a string "Y", "N", "true" or "false"`
	case vendorapi.TypeTimestamp:
		switch c.layout {
		case vendorapi.LayoutUnix:
			return "the seconds since 1970 of a time in the years 1 to 9999, as a number or a string"
		case vendorapi.LayoutUnixMilli:
			return "the milliseconds since 1970 of a time in the years 1 to 9999, as a number or a string"
		}
		return fmt.Sprintf("a time in the years 1 to 9999 in the layout %q", c.layout)
	case vendorapi.TypeDate:
		return "a date as a string yyyy-mm-dd in the years 1 to 9999"
	}
	return "any JSON value"
}

// unquoted returns what a JSON string says: a part of it where it has no escapes, else a new piece of text.
func unquoted(value []byte, text *[]byte) []byte {
	if bytes.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1]
	}
	begin := len(*text)
	// The string has been read by a decoder that refuses invalid ones.
	*text, _ = jsontext.AppendUnquote(*text, value)
	return (*text)[begin:len(*text):len(*text)]
}

// kindName is what a person calls a kind of JSON value.
func kindName(kind jsontext.Kind) string {
	switch kind {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return "no JSON value"
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
