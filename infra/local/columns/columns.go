// Package columns proposes the columns of fields that a description does not declare yet: a name, a type, and the Go source to
// paste.
//
// The probe proposes them from values it has seen, the draft from a schema. What they share stands here, so that both name one
// field alike.
package columns

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Names gives columns names, none of them twice. The zero value has given none.
type Names struct{ taken map[string]bool }

// Take keeps a name from being given.
func (n *Names) Take(name string) {
	if n.taken == nil {
		n.taken = map[string]bool{}
	}
	n.taken[name] = true
}

// enveloped is where JSON:API has the fields of a record (https://jsonapi.org/format/#document-resource-objects).
const enveloped = "attributes."

// For returns a name for the column of the field at path: its names in lower case, with underscores between words.
func (n *Names) For(path string) string {
	name := snake(strings.TrimPrefix(path, enveloped))
	if n.taken[name] {
		name = snake(path)
	}
	given := name
	for i := 2; n.taken[given]; i++ {
		given = name + "_" + strconv.Itoa(i)
	}
	n.Take(given)
	return given
}

// snake writes a path in the form that columns' names have, without those that are Windrow's own.
func snake(path string) string {
	var b strings.Builder
	runes := []rune(path)
	for i, r := range runes {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case r >= 'A' && r <= 'Z':
			// A word begins after a lower-case letter, and with the last capital before one: joinURL, URLPath.
			before := i > 0 && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1]))
			last := i > 0 && unicode.IsUpper(runes[i-1]) && i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if before || last {
				b.WriteByte('_')
			}
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteByte('_')
		}
	}
	words := strings.FieldsFunc(b.String(), func(r rune) bool { return r == '_' })
	name := strings.Join(words, "_")
	if name == "" || name[0] < 'a' || name == "dt" || strings.HasPrefix(name, "windrow_") {
		return strings.TrimSuffix("field_"+name, "_")
	}
	return name
}

// Usable says whether a field of that name can be named in a path.
func Usable(name string) bool { return name != "" && !strings.Contains(name, ".") }

// types are the names of the types in Go.
var types = map[vendorapi.ColumnType]string{
	vendorapi.TypeString: "TypeString", vendorapi.TypeInt64: "TypeInt64", vendorapi.TypeFloat64: "TypeFloat64", vendorapi.TypeBool: "TypeBool",
	vendorapi.TypeTimestamp: "TypeTimestamp", vendorapi.TypeDate: "TypeDate", vendorapi.TypeJSON: "TypeJSON",
}

// layouts are those that have a name in Go.
var layouts = map[string]string{vendorapi.LayoutUnix: "vendorapi.LayoutUnix", vendorapi.LayoutUnixMilli: "vendorapi.LayoutUnixMilli"}

// Source returns a column as an element of a []vendorapi.Column, with a comma behind it.
func Source(c vendorapi.Column) string {
	fields := []string{"Name: " + strconv.Quote(c.Name)}
	if c.Path != "" && c.Path != c.Name {
		fields = append(fields, "Path: "+strconv.Quote(c.Path))
	}
	fields = append(fields, "Type: vendorapi."+types[c.Type])
	if c.Layout != "" {
		layout, named := layouts[c.Layout]
		if !named {
			layout = strconv.Quote(c.Layout)
		}
		fields = append(fields, "Layout: "+layout)
	}
	if c.Zone != "" {
		fields = append(fields, "Zone: "+strconv.Quote(c.Zone))
	}
	if c.Comment != "" {
		fields = append(fields, "Comment: "+strconv.Quote(c.Comment))
	}
	return fmt.Sprintf("{%s},", strings.Join(fields, ", "))
}

// timeWords end the name of a field that holds a time.
var timeWords = []string{"at", "on", "time", "date", "timestamp", "created", "updated", "modified", "start", "end", "since", "until"}

// NamesTime says whether a field's name is one of a time.
func NamesTime(name string) bool {
	words := strings.Split(snake(name), "_")
	last := words[len(words)-1]
	return slices.Contains(timeWords, last) || strings.HasSuffix(last, "time") || strings.HasSuffix(last, "date") || strings.HasSuffix(last, "timestamp")
}
