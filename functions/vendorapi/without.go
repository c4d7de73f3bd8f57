package vendorapi

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// withoutNames leaves out the members of a record that have the names of fields which its parent adds, so that no name stands
// there twice. Most records have none of them, which a search for the quoted name shows at once.
type withoutNames struct {
	names  []string
	quoted [][]byte
	kept   []byte
}

func newWithoutNames(fields []ParentField) *withoutNames {
	w := &withoutNames{}
	for _, field := range fields {
		w.names = append(w.names, field.Name)
		w.quoted = append(w.quoted, []byte(`"`+field.Name+`"`))
	}
	return w
}

// members returns what stands behind the record's opening brace without those members: own, where there are none. It lasts until the
// next call.
func (w *withoutNames) members(record, own []byte) []byte {
	found := false
	for _, quoted := range w.quoted {
		found = found || bytes.Contains(record, quoted)
	}
	if !found {
		return own
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(record), lenient...)
	if _, err := decoder.ReadToken(); err != nil {
		return own
	}
	w.kept = w.kept[:0]
	for decoder.PeekKind() == '"' {
		name, err := decoder.ReadToken()
		if err != nil {
			return own
		}
		text := name.String()
		value, err := decoder.ReadValue()
		if err != nil {
			return own
		}
		if w.has(text) {
			continue
		}
		if len(w.kept) > 0 {
			w.kept = append(w.kept, ',')
		}
		w.kept, err = jsontext.AppendQuote(w.kept, text)
		if err != nil {
			return own
		}
		w.kept = append(append(w.kept, ':'), value...)
	}
	w.kept = append(w.kept, '}')
	return w.kept
}

func (w *withoutNames) has(name string) bool {
	for _, n := range w.names {
		if n == name {
			return true
		}
	}
	return false
}
