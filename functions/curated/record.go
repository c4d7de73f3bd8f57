package curated

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/parquet-go/parquet-go"
)

const (
	// maxUndeclared bounds how many undeclared fields are told apart, in case a vendor uses ids as names.
	maxUndeclared = 200
	// maxUndeclaredName bounds a field's path in bytes, so that it fits an object's key.
	maxUndeclaredName = 200
)

// scanner takes records apart into the cells of a table's rows. It decodes nothing into maps: a cell refers
// to the record's own bytes wherever it can.
type scanner struct {
	table   *Table
	decoder *jsontext.Decoder
	// set takes a cell under its column's index.
	set    func(columnIndex int, value parquet.Value)
	source bytes.Buffer
	// text holds unescaped strings, rest the objects of undeclared fields; both last for one batch.
	text []byte
	rest []byte
	path []byte
	// undeclared are the paths of the undeclared fields seen, in the order of their first sight.
	undeclared []string
	seen       map[string]bool
}

func newScanner(t *Table, set func(columnIndex int, value parquet.Value)) *scanner {
	return &scanner{table: t, set: set, decoder: jsontext.NewDecoder(&bytes.Buffer{}), seen: map[string]bool{}}
}

// problem says why a record cannot become a row. It quotes no value of the record.
type problem string

func (p problem) Error() string { return string(p) }

// record sets the cells of a record; one that is not set is null. Its error says why the record cannot be a row, and whether it is JSON at all. The cells may refer to line.
func (s *scanner) record(line []byte) (isJSON bool, err error) {
	if kind := jsontext.Value(line).Kind(); kind != '{' {
		if jsontext.Value(line).IsValid() {
			return true, problem("the record is " + kindName(kind) + ", want an object")
		}
		return false, problem("the record is no JSON")
	}
	s.source = *bytes.NewBuffer(line)
	s.decoder.Reset(&s.source)
	if _, err := s.decoder.ReadToken(); err != nil {
		return false, syntax(err)
	}
	begin := len(s.rest)
	if err := s.object(s.decoder, line, s.table.root); err != nil {
		var p problem
		if errors.As(err, &p) {
			return jsontext.Value(line).IsValid(), p
		}
		return false, syntax(err)
	}
	if _, err := s.decoder.ReadToken(); err != io.EOF {
		return false, problem("more than one JSON value stands in the record's line")
	}
	if len(s.rest) > begin {
		s.set(len(s.table.columns)+undeclaredColumn, parquet.ByteArrayValue(s.rest[begin:len(s.rest):len(s.rest)]))
	}
	return true, nil
}

// object reads the members of an object whose brace has been read, in source, and appends to s.rest an object
// of those that no column declares, or nothing where there is none.
func (s *scanner) object(d *jsontext.Decoder, source []byte, at *field) error {
	begin := len(s.rest)
	keep := func(name []byte) {
		if len(s.rest) == begin {
			s.rest = append(s.rest, '{')
		} else {
			s.rest = append(s.rest, ',')
		}
		s.rest = append(append(s.rest, name...), ':')
	}
	read := func() ([]byte, error) {
		value, err := d.ReadValue()
		// The decoder's own slice may not outlive its next call; the source does.
		end := int(d.InputOffset())
		return source[end-len(value) : end : end], err
	}
	for d.PeekKind() != '}' {
		name, err := read()
		if err != nil {
			return err
		}
		child := at.children[string(s.fieldName(name))]
		if child == nil {
			value, err := read()
			if err != nil {
				return err
			}
			s.see(at, name)
			keep(name)
			s.rest = append(s.rest, value...)
			continue
		}
		if len(child.columns) == 0 && d.PeekKind() == '{' {
			if _, err := d.ReadToken(); err != nil {
				return err
			}
			before := len(s.rest)
			keep(name)
			inner := len(s.rest)
			if err := s.object(d, source, child); err != nil {
				return err
			}
			if len(s.rest) == inner {
				s.rest = s.rest[:before]
			}
			continue
		}
		value, err := read()
		if err != nil {
			return err
		}
		if err := s.value(child, value); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if len(s.rest) > begin {
		s.rest = append(s.rest, '}')
	}
	return nil
}

// value sets the columns at a field, and those below it.
func (s *scanner) value(at *field, value []byte) error {
	for _, i := range at.columns {
		c := &s.table.columns[i]
		cell, ok := c.convert(value, &s.text)
		if !ok {
			return problem(fmt.Sprintf("column %s: the value is %s, want %s", c.name, kindName(jsontext.Value(value).Kind()), c.allowed()))
		}
		s.set(i, cell)
	}
	if at.children == nil {
		return nil
	}
	switch kind := jsontext.Value(value).Kind(); {
	case kind == 'n', string(value) == `""`:
		return nil
	case kind != '{':
		return problem(fmt.Sprintf("field %s: the value is %s, want an object, since columns are declared below it",
			strings.TrimSuffix(at.prefix, "."), kindName(kind)))
	}
	// The whole object stands in a column already, so what is left of it goes nowhere else.
	d := jsontext.NewDecoder(bytes.NewBuffer(value))
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	begin := len(s.rest)
	err := s.object(d, value, at)
	s.rest = s.rest[:begin]
	return err
}

// fieldName unescapes a member's name. The result lasts until the next call.
func (s *scanner) fieldName(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	s.path, _ = jsontext.AppendUnquote(s.path[:0], quoted)
	return s.path
}

// see remembers the path of an undeclared field.
func (s *scanner) see(at *field, quoted []byte) {
	name := s.fieldName(quoted)
	if at.prefix != "" {
		name = append([]byte(at.prefix), name...)
	}
	if s.seen[string(name)] || len(s.undeclared) == maxUndeclared {
		return
	}
	text := string(name)
	s.seen[text] = true
	if len(text) > maxUndeclaredName {
		text = strings.ToValidUTF8(text[:maxUndeclaredName], "") + "…"
	}
	s.undeclared = append(s.undeclared, text)
}

// syntax turns a decoder's error, which may quote the record, into a problem.
func syntax(err error) problem {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return "the record holds an object in which a name stands twice"
	}
	var at *jsontext.SyntacticError
	if errors.As(err, &at) {
		return problem(fmt.Sprintf("the record is no JSON, or no UTF-8, at byte %d", at.ByteOffset))
	}
	return "the record is no JSON"
}
