package curated

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/functions/jsonscan"
)

// Value is a value in a record and how it stands to a table's columns. It is for whoever checks a description; a row is made
// by a [Writer].
type Value struct {
	// Path is the field's, names joined by dots; Name is the last of them, which may hold a dot itself.
	Path, Name string
	// JSON is the value as it is written.
	JSON []byte
	// Kind is what a person calls it: "a string", "a number", "null".
	Kind string
	// Declared says that a column stands at Path, or below it, be it one that is dropped; Column is its name, empty for one below.
	Declared bool
	Column   string
	// Fits says that the column stores the value. Where it does not, Allowed says what the column takes.
	Fits    bool
	Allowed string
}

// Inspect shows each value of a record that a column is declared for, and the outermost of those that none is declared for. One with
// several columns is shown for each. What it shows refers to the record. Its error says why the record can be no row at all,
// and quotes no value.
func (t *Table) Inspect(record []byte, see func(Value)) error {
	s := newScanner(t, nil)
	if kind := jsontext.Value(record).Kind(); kind != '{' {
		return problem("the record is " + kindName(kind) + ", want an object")
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(record))
	if err := s.inspect(d, record, t.root, false, see); err != nil {
		return syntax(err)
	}
	return nil
}

// inspect reads an object. covered says that a column holds it as a whole, so that nothing in it is undeclared.
func (s *scanner) inspect(d *jsontext.Decoder, source []byte, at *field, covered bool, see func(Value)) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		quoted, err := d.ReadValue()
		if err != nil {
			return err
		}
		name := string(jsonscan.Unquoted(quoted, &s.path))
		child := at.children[name]
		if child != nil && !child.ends() && d.PeekKind() == '{' {
			if err := s.inspect(d, source, child, covered, see); err != nil {
				return err
			}
			continue
		}
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		end := int(d.InputOffset())
		value = source[end-len(value) : end : end]
		shown := Value{Path: at.prefix + name, Name: name, JSON: value, Kind: kindName(value.Kind()), Fits: true}
		switch {
		case child == nil && !covered:
			see(shown)
		case child != nil:
			if err := s.inspectValue(child, shown, see); err != nil {
				return err
			}
		}
	}
	_, err := d.ReadToken()
	return err
}

// inspectValue shows a value for the columns at a field, and what lies below it.
func (s *scanner) inspectValue(at *field, value Value, see func(Value)) error {
	value.Declared = true
	for _, c := range s.table.at(at) {
		shown := value
		shown.Column = c.name
		s.text = s.text[:0]
		if _, shown.Fits = c.convert(value.JSON, &s.text); !shown.Fits {
			shown.Allowed = c.allowed()
		}
		see(shown)
	}
	if at.children == nil {
		return nil
	}
	switch kind := jsontext.Value(value.JSON).Kind(); {
	case kind == 'n', string(value.JSON) == `""`:
		return nil
	case kind != '{':
		value.Fits, value.Allowed = false, "an object, since columns are declared below it"
		see(value)
		return nil
	}
	return s.inspect(jsontext.NewDecoder(bytes.NewBuffer(value.JSON)), value.JSON, at, true, see)
}
