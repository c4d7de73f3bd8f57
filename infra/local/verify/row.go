package verify

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// table is what a stream's rows look like.
type table struct {
	columns []column
	// dropped are the paths of the declared fields that rows lack, personal those of all that do not stand in them as they came.
	dropped  [][]string
	personal [][]string
	// key is what personal values are hashed with.
	key []byte
	// identity and version are where those stand; version is nil where there is none.
	identity []place
	version  *place
}

type column struct {
	name   string
	path   []string
	kind   vendorapi.ColumnType
	layout string
	zone   *time.Location

	personal vendorapi.Personal
	protect  vendorapi.Protection
	within   []vendorapi.Within
}

// place is where a value of a record stands in a row: in a column, or at a path of what is undeclared.
type place struct {
	column int // -1: undeclared
	path   []string
}

func newTable(stream *vendorapi.Stream, key []byte) (*table, error) {
	t := &table{key: key}
	for _, declared := range stream.Columns {
		path, protect := strings.Split(cmp.Or(declared.Path, declared.Name), "."), declared.Protection()
		if protect != vendorapi.ProtectKeep || slices.ContainsFunc(declared.Within, func(w vendorapi.Within) bool { return w.Protection() != vendorapi.ProtectKeep }) {
			t.personal = append(t.personal, path)
		}
		if protect == vendorapi.ProtectDrop {
			t.dropped = append(t.dropped, path)
			continue
		}
		zone, err := time.LoadLocation(cmp.Or(declared.Zone, "UTC"))
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", declared.Name, err)
		}
		t.columns = append(t.columns, column{
			name:   declared.Name,
			path:   path,
			kind:   declared.Type,
			layout: cmp.Or(declared.Layout, time.RFC3339),
			zone:   zone,

			personal: declared.Personal,
			protect:  protect,
			within:   declared.Within,
		})
	}
	for _, path := range stream.Key {
		t.identity = append(t.identity, t.place(path))
	}
	if stream.VersionPath != "" {
		version := t.place(stream.VersionPath)
		t.version = &version
	}
	return t, nil
}

func (t *table) place(path string) place {
	names := strings.Split(path, ".")
	return place{
		column: slices.IndexFunc(t.columns, func(c column) bool { return slices.Equal(c.path, names) }),
		path:   names,
	}
}

// row is a record as a table shows it, in a form in which equal rows are equal: what a record of the vendor should
// become, and what a row of the lake is, are both brought into it and compared.
type row struct {
	// values are the declared columns' values as text; nil is null.
	values [][]byte
	// undeclared is the JSON object of everything else with its first names sorted, empty where there is nothing.
	undeclared []byte
}

// at returns the value at a place as text.
func (r row) at(p place) string {
	if p.column >= 0 {
		return string(r.values[p.column])
	}
	raw, ok := lookUp(r.undeclared, p.path)
	if !ok {
		return ""
	}
	text, _ := asText(raw)
	return string(text)
}

// key returns the values that identify a row, as one text.
func (t *table) keyOf(r row) string {
	if len(t.identity) == 1 {
		return r.at(t.identity[0])
	}
	parts := make([]string, len(t.identity))
	for i, p := range t.identity {
		parts[i] = r.at(p)
	}
	return strings.Join(parts, "/")
}

func (t *table) versionOf(r row) string {
	if t.version == nil {
		return ""
	}
	return r.at(*t.version)
}

type digest [sha256.Size]byte

// digest stands for the row's content. Lengths keep values apart, and null from an empty text.
func (r row) digest() digest {
	var text []byte
	for _, value := range r.values {
		length := int64(len(value))
		if value == nil {
			length = -1
		}
		text = binary.AppendVarint(text, length)
		text = append(text, value...)
	}
	return sha256.Sum256(append(text, r.undeclared...))
}

// differences names the columns in which two rows differ.
func (t *table) differences(a, b row) []string {
	var differing []string
	for i, c := range t.columns {
		if !bytes.Equal(a.values[i], b.values[i]) || (a.values[i] == nil) != (b.values[i] == nil) {
			differing = append(differing, c.name)
		}
	}
	if !bytes.Equal(a.undeclared, b.undeclared) {
		differing = append(differing, columnUndeclared)
	}
	return differing
}

// errUnconvertible says that a record belongs in quarantine.
var errUnconvertible = errors.New("cannot be converted")

// expected is the row that a record should become, by the rules that the columns' documentation states
// ([vendorapi.Column]) and by no code that the functions use. It fails with errUnconvertible.
func (t *table) expected(record []byte) (row, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(record, &fields); err != nil {
		return row{}, errUnconvertible
	}
	r := row{values: make([][]byte, len(t.columns))}
	for i, c := range t.columns {
		raw, ok := lookUpIn(fields, c.path)
		if !ok || string(raw) == "null" {
			continue
		}
		if string(raw) == `""` && c.kind != vendorapi.TypeString && c.kind != vendorapi.TypeJSON {
			continue
		}
		text, err := c.converted(raw)
		if err != nil {
			return row{}, fmt.Errorf("column %s: %w", c.name, err)
		}
		if r.values[i], err = t.protected(c, text); err != nil {
			return row{}, err
		}
	}
	paths := t.dropped
	for _, c := range t.columns {
		paths = append(paths[:len(paths):len(paths)], c.path)
	}
	for _, path := range paths {
		if err := remove(fields, path); err != nil {
			return row{}, err
		}
	}
	if len(fields) > 0 {
		text, err := json.Marshal(fields)
		if err != nil {
			return row{}, err
		}
		r.undeclared = text
	}
	return r, nil
}

func (c column) converted(raw json.RawMessage) ([]byte, error) {
	if c.kind == vendorapi.TypeJSON {
		return compact(raw), nil
	}
	text, ok := asText(raw)
	if !ok {
		return nil, errUnconvertible
	}
	switch c.kind {
	case vendorapi.TypeString:
		return text, nil
	case vendorapi.TypeInt64:
		if number, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			return strconv.AppendInt(nil, number, 10), nil
		}
		number, ok := new(big.Rat).SetString(string(text)) // 1.0 and 1e3 are whole too.
		if ok && number.IsInt() && number.Num().IsInt64() {
			return []byte(number.Num().String()), nil
		}
	case vendorapi.TypeFloat64:
		if number, err := strconv.ParseFloat(string(text), 64); err == nil {
			return floatText(number), nil
		}
	case vendorapi.TypeBool:
		switch string(text) {
		case "true", "Y":
			return []byte("true"), nil
		case "false", "N":
			return []byte("false"), nil
		}
	case vendorapi.TypeTimestamp:
		if _, unix := unitsOf[c.layout]; unix && strings.TrimRight(string(text), "0.") == "" {
			return nil, nil
		}
		return c.instant(string(text))
	case vendorapi.TypeDate:
		if day, err := time.Parse(time.DateOnly, string(text)); err == nil {
			return []byte(day.Format(time.DateOnly)), nil
		}
	}
	return nil, errUnconvertible
}

// unitsOf are the microseconds of the units of layouts that count from 1970.
var unitsOf = map[string]int64{vendorapi.LayoutUnix: 1_000_000, vendorapi.LayoutUnixMilli: 1_000}

// instant returns the microseconds since 1970 of a time, finer fractions cut off.
func (c column) instant(text string) ([]byte, error) {
	if scale, ok := unitsOf[c.layout]; ok {
		number, ok := new(big.Rat).SetString(text)
		if !ok {
			return nil, errUnconvertible
		}
		number.Mul(number, big.NewRat(scale, 1))
		// Euclid's quotient is the floor, since the denominator is above zero.
		return []byte(new(big.Int).Div(number.Num(), number.Denom()).String()), nil
	}
	t, err := time.ParseInLocation(c.layout, text, c.zone)
	if err != nil {
		return nil, errUnconvertible
	}
	return strconv.AppendInt(nil, t.UnixMicro(), 10), nil
}

func floatText(number float64) []byte { return strconv.AppendFloat(nil, number, 'g', -1, 64) }

// asText returns a scalar as written, a string without its quotes, and false for null, an object or an array.
func asText(raw json.RawMessage) ([]byte, bool) {
	switch raw[0] {
	case '{', '[', 'n':
		return nil, false
	case '"':
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return nil, false
		}
		return []byte(text), true
	}
	return raw, true
}

func lookUp(object json.RawMessage, path []string) (json.RawMessage, bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(object, &fields) != nil {
		return nil, false
	}
	return lookUpIn(fields, path)
}

func lookUpIn(fields map[string]json.RawMessage, path []string) (json.RawMessage, bool) {
	value, ok := fields[path[0]]
	if !ok || len(path) == 1 {
		return value, ok
	}
	return lookUp(value, path[1:])
}

// remove takes the value at path out of fields, and the objects that it leaves empty.
func remove(fields map[string]json.RawMessage, path []string) error {
	if len(path) == 1 {
		delete(fields, path[0])
		return nil
	}
	var inner map[string]json.RawMessage
	if raw, ok := fields[path[0]]; !ok || raw[0] != '{' || json.Unmarshal(raw, &inner) != nil || len(inner) == 0 {
		return nil
	}
	if err := remove(inner, path[1:]); err != nil {
		return err
	}
	if len(inner) == 0 {
		delete(fields, path[0])
		return nil
	}
	text, err := json.Marshal(inner)
	fields[path[0]] = text
	return err
}

// compact returns JSON without the spaces between its parts; all else stays as written.
func compact(raw json.RawMessage) []byte {
	var text bytes.Buffer
	if json.Compact(&text, raw) != nil {
		return raw
	}
	return text.Bytes()
}

// sorted returns a JSON object in the form of row.undeclared.
func sorted(object json.RawMessage) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(object, &fields) != nil {
		return object
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return object
	}
	return text
}
