package probe

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// mostLevels is how deep in an answer records and totals are looked for.
const mostLevels = 4

// number is one that stands in an answer beside the records.
type number struct {
	path string
	text string
}

// array is one that stands in an answer, at an empty path where it is the answer itself.
type array struct {
	path string
	// objects says that it holds at least one.
	objects bool
}

// outline returns where an answer has arrays and whole numbers, in the order in which they stand there.
func outline(body []byte) (arrays []array, numbers []number) {
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var walk func(names []string) error
	walk = func(names []string) error {
		path := strings.Join(names, ".")
		switch d.PeekKind() {
		case '[':
			value, err := d.ReadValue()
			if err == nil {
				arrays = append(arrays, array{path: path, objects: bytes.HasPrefix(bytes.TrimSpace(value[1:]), []byte("{"))})
			}
			return err
		case '0':
			value, err := d.ReadValue()
			if err == nil && !bytes.ContainsAny(value, ".eE-") {
				numbers = append(numbers, number{path: path, text: string(value)})
			}
			return err
		case '{':
			if len(names) == mostLevels {
				return d.SkipValue()
			}
			if _, err := d.ReadToken(); err != nil {
				return err
			}
			for d.PeekKind() == '"' {
				name, err := d.ReadToken()
				if err != nil {
					return err
				}
				if err := walk(append(names[:len(names):len(names)], name.String())); err != nil {
					return err
				}
			}
			_, err := d.ReadToken()
			return err
		}
		return d.SkipValue()
	}
	_ = walk(nil) // What is broken further on has been told already.
	return arrays, numbers
}
