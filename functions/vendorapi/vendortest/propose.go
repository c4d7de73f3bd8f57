package vendortest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

func sortedNames(object map[string]any) []string { return slices.Sorted(maps.Keys(object)) }

// proposeColumns returns a column for each of the paths, of the narrowest type that all their values in the records convert to. Their
// names differ from those of the columns that there are.
func proposeColumns(there []vendorapi.Column, paths []string, records [][]byte) (proposed []vendorapi.Column) {
	taken := map[string]bool{"dt": true}
	for _, column := range there {
		taken[column.Name] = true
	}
	for _, path := range paths {
		column := vendorapi.Column{Name: columnName(path), Path: path}
		for base, n := column.Name, 2; taken[column.Name]; n++ {
			column.Name = fmt.Sprintf("%s_%d", base, n)
		}
		taken[column.Name] = true
		column.Type, column.Layout = typeOf(path, records)
		if column.Path == column.Name {
			column.Path = ""
		}
		proposed = append(proposed, column)
	}
	return proposed
}

// columnName makes the name of a column from a path: hostEmail becomes host_email.
func columnName(path string) string {
	var b strings.Builder
	before := '_'
	for _, r := range path {
		switch {
		case r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r):
			r = '_'
		case unicode.IsUpper(r) && (unicode.IsLower(before) || unicode.IsDigit(before)):
			b.WriteByte('_')
		}
		if r != '_' || before != '_' {
			b.WriteRune(unicode.ToLower(r))
		}
		before = r
	}
	name := strings.Trim(b.String(), "_")
	if name == "" || name[0] < 'a' || name[0] > 'z' || strings.HasPrefix(name, "windrow_") {
		name = "field_" + name
	}
	return name
}

// Unix times that are taken for such lie between these years' beginnings: other whole numbers are numbers.
var (
	firstUnix = time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC)
	lastUnix  = time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
)

// typeOf returns the type of the values at a path. A field that is null wherever it stands is a string.
func typeOf(path string, records [][]byte) (kind vendorapi.ColumnType, layout string) {
	var values [][]byte
	for _, record := range records {
		if value := valueAt(record, strings.Split(path, ".")); jsontext.Value(value).Kind() != 'n' {
			values = append(values, value)
		}
	}
	if len(values) == 0 {
		return vendorapi.TypeString, ""
	}
	converts := func(column vendorapi.Column) bool {
		column.Name, column.Path = "value", path
		counts, _, _, err := curate([]vendorapi.Column{column}, records)
		return err == nil && counts.Quarantined == 0
	}
	every := func(holds func(value []byte) bool) bool {
		return !slices.ContainsFunc(values, func(value []byte) bool { return !holds(value) })
	}
	of := func(kinds string) bool {
		return every(func(value []byte) bool { return strings.ContainsRune(kinds, rune(jsontext.Value(value).Kind())) })
	}
	told := every(func(value []byte) bool { return string(value) == `""` })
	switch {
	case of("{["):
		return vendorapi.TypeJSON, ""
	case of("0") && namesTime(path) && every(func(value []byte) bool { return isUnixTime(string(value), time.Second) }):
		return vendorapi.TypeTimestamp, vendorapi.LayoutUnix
	case of("0") && namesTime(path) && every(func(value []byte) bool { return isUnixTime(string(value), time.Millisecond) }):
		return vendorapi.TypeTimestamp, vendorapi.LayoutUnixMilli
	case of("0") && converts(vendorapi.Column{Type: vendorapi.TypeInt64}):
		return vendorapi.TypeInt64, ""
	case of("0"):
		return vendorapi.TypeFloat64, ""
	case !told && of(`tf"`) && converts(vendorapi.Column{Type: vendorapi.TypeBool}):
		return vendorapi.TypeBool, ""
	case !told && of(`"`) && converts(vendorapi.Column{Type: vendorapi.TypeTimestamp}):
		return vendorapi.TypeTimestamp, ""
	case !told && of(`"`) && converts(vendorapi.Column{Type: vendorapi.TypeDate}):
		return vendorapi.TypeDate, ""
	case of(`"0tf`):
		return vendorapi.TypeString, ""
	}
	return vendorapi.TypeJSON, ""
}

// namesTime reports whether a path reads like that of a time.
func namesTime(path string) bool {
	name := columnName(path)
	return slices.ContainsFunc([]string{"_at", "time", "date", "start", "end", "created", "updated"}, func(part string) bool { return strings.Contains(name, part) })
}

func isUnixTime(text string, unit time.Duration) bool {
	var n int64
	if _, err := fmt.Sscanf(text, "%d", &n); err != nil || n == 0 {
		return err == nil
	}
	at := time.Unix(n, 0)
	if unit == time.Millisecond {
		at = time.UnixMilli(n)
	}
	return at.After(firstUnix) && at.Before(lastUnix)
}

// columnSource is a column as it is written in Go.
func columnSource(c vendorapi.Column) string {
	text := fmt.Sprintf("{Name: %q, ", c.Name)
	if c.Path != "" {
		text += fmt.Sprintf("Path: %q, ", c.Path)
	}
	text += "Type: vendorapi.Type" + map[vendorapi.ColumnType]string{
		vendorapi.TypeString: "String", vendorapi.TypeInt64: "Int64", vendorapi.TypeFloat64: "Float64", vendorapi.TypeBool: "Bool",
		vendorapi.TypeTimestamp: "Timestamp", vendorapi.TypeDate: "Date", vendorapi.TypeJSON: "JSON",
	}[c.Type]
	switch c.Layout {
	case vendorapi.LayoutUnix:
		text += ", Layout: vendorapi.LayoutUnix"
	case vendorapi.LayoutUnixMilli:
		text += ", Layout: vendorapi.LayoutUnixMilli"
	}
	return text + "},"
}
