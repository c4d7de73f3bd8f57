package curated

import (
	"bytes"
	"errors"
	"fmt"
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
	table *Table
	// batch takes the cells.
	batch  *batch
	tokens tokens
	// objects counts the objects read; read holds, by field, in which of them it was last seen.
	objects int
	read    []int
	// follows holds which field came last as the first in a field's object, and as the next behind a field, two for each field.
	// A vendor writes its records alike, so nearly every name is known before it is read.
	follows []*field
	// text holds unescaped strings, rest the objects of undeclared fields; both last for one batch.
	text []byte
	rest []byte
	path []byte
	// undeclared are the paths of the undeclared fields seen, in the order of their first sight.
	undeclared []string
	seen       map[string]bool
}

func newScanner(t *Table, b *batch) *scanner {
	return &scanner{table: t, batch: b, read: make([]int, t.fields), follows: make([]*field, 2*t.fields), seen: map[string]bool{}}
}

// release says that no cell refers any more to what the scanner holds.
func (s *scanner) release() { s.text, s.rest = s.text[:0], s.rest[:0] }

// forget drops what is known of the records read.
func (s *scanner) forget() {
	s.release()
	s.undeclared = nil
	clear(s.seen)
}

// problem says why a record cannot become a row. It quotes no value of the record.
type problem string

func (p problem) Error() string { return string(p) }

// errMalformed says that what is read is no JSON, no UTF-8, or has a name twice in an object. [refusal] says which.
var errMalformed = errors.New("malformed")

// record sets the cells of a record; one that is not set is null. Its error says why the record cannot be a row, and whether it is
// JSON at all. The cells may refer to line.
func (s *scanner) record(line []byte) (isJSON bool, err error) {
	t := &s.tokens
	*t = tokens{text: line, names: t.names[:0]}
	if !t.take('{') {
		if kind := jsontext.Value(line).Kind(); t.check() {
			return true, problem("the record is " + kindName(kind) + ", want an object")
		}
		return false, problem("the record is no JSON")
	}
	begin := len(s.rest)
	switch err := s.object(t, s.table.root); {
	case err == errMalformed:
		return false, refusal(line)
	case err != nil:
		return t.check(), err
	}
	if t.space(); t.at < len(line) {
		return false, problem("more than one JSON value stands in the record's line")
	}
	if len(s.rest) > begin {
		s.batch.set(len(s.table.columns)+undeclaredColumn, parquet.ByteArrayValue(s.rest[begin:len(s.rest):len(s.rest)]))
	}
	return true, nil
}

// object reads the members of an object whose brace has been read, and appends to s.rest an object
// of those that no column declares, or nothing where there is none.
func (s *scanner) object(t *tokens, at *field) error {
	if t.take('}') {
		return nil
	}
	begin, outer := len(s.rest), len(t.names)
	s.objects++
	object := s.objects
	follows := &s.follows[2*at.number]
	for {
		child, name, ok := s.member(t, at, *follows)
		if !ok {
			return errMalformed
		}
		if child == nil {
			if !t.fresh(outer, span{name.begin + 1, name.end - 1}) {
				return errMalformed
			}
			value, ok := t.value()
			if !ok {
				return errMalformed
			}
			quoted := t.text[name.begin:name.end]
			s.see(at, quoted)
			s.keep(begin, quoted)
			s.rest = append(s.rest, value...)
		} else {
			if s.read[child.number] == object {
				return errMalformed
			}
			s.read[child.number] = object
			*follows = child
			follows = &s.follows[2*child.number+1]
			if err := s.declared(t, child, name, begin); err != nil {
				return err
			}
		}
		if t.take(',') {
			continue
		}
		if !t.take('}') {
			return errMalformed
		}
		if len(s.rest) > begin {
			s.rest = append(s.rest, '}')
		}
		t.names = t.names[:outer]
		return nil
	}
}

// member reads a member's name and finds its field, nil where none is declared. guess is the field that it may be.
func (s *scanner) member(t *tokens, at, guess *field) (child *field, name span, ok bool) {
	if guess != nil && guess.quoted != nil && bytes.HasPrefix(t.text[t.at:], guess.quoted) {
		name = span{t.at, t.at + len(guess.quoted) - 1}
		t.at += len(guess.quoted)
		return guess, name, true
	}
	if name, ok = t.name(); !ok {
		return nil, name, false
	}
	return at.children[string(s.fieldName(t.text[name.begin:name.end]))], name, true
}

// declared reads the value of a field that columns stand at or below. begin is where what is undeclared beside it begins in s.rest.
func (s *scanner) declared(t *tokens, at *field, name span, begin int) error {
	if len(at.columns) > 0 || t.peek() != '{' {
		value, ok := t.value()
		if !ok {
			return errMalformed
		}
		return s.value(at, value)
	}
	t.at++
	before := len(s.rest)
	s.keep(begin, t.text[name.begin:name.end])
	inner := len(s.rest)
	if err := s.object(t, at); err != nil {
		return err
	}
	if len(s.rest) == inner {
		s.rest = s.rest[:before]
	}
	return nil
}

// keep appends the name of an undeclared member to the object in s.rest that begins at begin.
func (s *scanner) keep(begin int, quoted []byte) {
	if len(s.rest) == begin {
		s.rest = append(s.rest, '{')
	} else {
		s.rest = append(s.rest, ',')
	}
	s.rest = append(append(s.rest, quoted...), ':')
}

// value sets the columns at a field, and those below it.
func (s *scanner) value(at *field, value []byte) error {
	for _, i := range at.columns {
		c := &s.table.columns[i]
		cell, ok := c.convert(value, &s.text)
		if !ok {
			return problem(fmt.Sprintf("column %s: the value is %s, want %s", c.name, kindName(jsontext.Value(value).Kind()), c.allowed()))
		}
		s.batch.set(i, cell)
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
	begin := len(s.rest)
	err := s.object(&tokens{text: value, at: 1, valid: true}, at)
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

// refusal says why jsontext does not take a record.
func refusal(record []byte) problem {
	_, err := jsontext.NewDecoder(bytes.NewBuffer(record)).ReadValue()
	return syntax(err)
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
