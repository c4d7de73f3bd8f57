package columns

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// mostFields is how many fields an object may have and still be taken apart: one with more has values for names.
const mostFields = 50

// Guess gathers the values of a field until its type can be told. The zero value has seen none.
type Guess struct {
	// kinds counts the values by kind of JSON, null ones and empty strings aside.
	strings, numbers, booleans, objects, arrays int
	// The values so far deny what is set here.
	noInt, noSeconds, noMillis, noFlag bool
	layouts                            []string
	// fields are those of objects, in the order of their first sight.
	fields []string
	below  map[string]*Guess
	// opaque says that the field is an object of names that are values, or that cannot stand in a path.
	opaque bool
}

// guessed are the layouts that a string may be in, the default of a column first, then a date.
var guessed = []string{time.RFC3339, time.DateOnly, "2006-01-02T15:04:05", time.DateTime, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", time.RFC1123, time.RFC1123Z}

// Add takes one value, valid JSON.
func (g *Guess) Add(value []byte) {
	switch jsontext.Value(value).Kind() {
	case 't', 'f':
		g.booleans++
	case '0':
		g.addNumber(string(value))
	case '"':
		if text, err := jsontext.AppendUnquote(nil, value); err == nil && len(text) > 0 {
			g.addString(string(text))
		}
	case '[':
		g.arrays++
	case '{':
		g.addObject(value)
	}
}

// Unix times of the years 2001 to 2096, in seconds and milliseconds.
const (
	leastUnix = 1_000_000_000
	mostUnix  = 4_000_000_000
)

func (g *Guess) addNumber(text string) {
	g.numbers++
	n, err := strconv.ParseInt(text, 10, 64)
	g.noInt = g.noInt || err != nil
	if n == 0 {
		return // Unset, where it is a time.
	}
	g.noSeconds = g.noSeconds || n < leastUnix || n >= mostUnix
	g.noMillis = g.noMillis || n < leastUnix*1000 || n >= mostUnix*1000
}

func (g *Guess) addString(text string) {
	g.strings++
	if g.strings == 1 {
		g.layouts = guessed
	}
	var left []string
	for _, layout := range g.layouts {
		if reads(layout, text) {
			left = append(left, layout)
		}
	}
	g.layouts = left
	switch text {
	case "Y", "N", "true", "false":
	default:
		g.noFlag = true
	}
}

// reads says whether a column of the layout takes the text.
func reads(layout, text string) bool {
	if layout == time.RFC3339 {
		var t time.Time
		return t.UnmarshalText([]byte(text)) == nil
	}
	_, err := time.Parse(layout, text)
	return err == nil
}

func (g *Guess) addObject(value []byte) {
	g.objects++
	if g.below == nil {
		g.below = map[string]*Guess{}
	}
	d := jsontext.NewDecoder(bytes.NewReader(value), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := d.ReadToken(); err != nil {
		return
	}
	for d.PeekKind() == '"' && !g.opaque {
		token, err := d.ReadToken()
		if err != nil {
			return
		}
		name := token.String()
		inner, err := d.ReadValue()
		if err != nil {
			return
		}
		if g.below[name] == nil {
			g.opaque = !Usable(name) || len(g.fields) == mostFields
			g.fields = append(g.fields, name)
			g.below[name] = &Guess{}
		}
		g.below[name].Add(inner)
	}
}

// Columns returns the columns proposed for the field at path: one, or one for each field of an object. A field that held nothing
// but null and empty strings has a column of strings.
func (g *Guess) Columns(path string, names *Names) []vendorapi.Column {
	if g.objects > 0 && g.strings+g.numbers+g.booleans+g.arrays == 0 && !g.opaque && len(g.fields) > 0 {
		var all []vendorapi.Column
		for _, name := range g.fields {
			all = append(all, g.below[name].Columns(path+"."+name, names)...)
		}
		return all
	}
	c := vendorapi.Column{Name: names.For(path)}
	if c.Name != path {
		c.Path = path
	}
	c.Type, c.Layout = g.kind(path[strings.LastIndexByte(path, '.')+1:])
	return []vendorapi.Column{c}
}

// Type returns the type that all values so far convert to, and the layout of a timestamp where it is not the default.
func (g *Guess) Type(path string) (vendorapi.ColumnType, string) {
	return g.kind(path[strings.LastIndexByte(path, '.')+1:])
}

func (g *Guess) kind(name string) (vendorapi.ColumnType, string) {
	switch {
	case g.objects+g.arrays > 0:
		return vendorapi.TypeJSON, ""
	case g.booleans > 0 && g.numbers == 0 && (g.strings == 0 || !g.noFlag):
		return vendorapi.TypeBool, ""
	case g.numbers > 0 && g.strings == 0 && g.booleans == 0:
		return g.number(name)
	case g.strings > 0 && g.numbers == 0 && g.booleans == 0:
		return g.text()
	}
	return vendorapi.TypeString, ""
}

func (g *Guess) number(name string) (vendorapi.ColumnType, string) {
	switch {
	case g.noInt:
		return vendorapi.TypeFloat64, ""
	case !g.noSeconds && NamesTime(name):
		return vendorapi.TypeTimestamp, vendorapi.LayoutUnix
	case !g.noMillis && NamesTime(name):
		return vendorapi.TypeTimestamp, vendorapi.LayoutUnixMilli
	}
	return vendorapi.TypeInt64, ""
}

func (g *Guess) text() (vendorapi.ColumnType, string) {
	switch {
	case len(g.layouts) > 0 && g.layouts[0] == time.RFC3339:
		return vendorapi.TypeTimestamp, ""
	case len(g.layouts) > 0 && g.layouts[0] == time.DateOnly:
		return vendorapi.TypeDate, ""
	case len(g.layouts) > 0:
		return vendorapi.TypeTimestamp, g.layouts[0]
	case !g.noFlag:
		return vendorapi.TypeBool, ""
	}
	return vendorapi.TypeString, ""
}
