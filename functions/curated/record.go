package curated

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/jsonscan"
	"github.com/windrow-data/windrow/functions/privacy"
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
	reader jsonscan.Reader
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
	// digester makes the digests of hashed columns; nil where the table has none, or no key was given.
	digester *privacy.Digester
}

func newScanner(t *Table, b *batch) *scanner {
	return &scanner{table: t, batch: b, reader: jsonscan.Strict(), read: make([]int, t.fields), follows: make([]*field, 2*t.fields), seen: map[string]bool{}}
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

// errTwice says that a declared name stands twice in an object.
var errTwice = errors.New("a name twice")

// record sets the cells of a record; one that is not set is null. Its error says why the record cannot be a row, and whether it is
// JSON at all. The cells may refer to line.
func (s *scanner) record(line []byte) (isJSON bool, err error) {
	r := &s.reader
	r.Reset(line)
	if kind := r.Peek(); kind != '{' {
		if r.Valid() {
			return true, problem("the record is " + kindName(kind) + ", want an object")
		}
		return false, problem("the record is no JSON")
	}
	begin := len(s.rest)
	if err := s.object(r, s.table.root); err != nil {
		if _, ok := err.(problem); ok {
			return r.Valid(), err
		}
		return false, refusal(line)
	}
	if r.End() != nil {
		return false, problem("more than one JSON value stands in the record's line")
	}
	if len(s.rest) > begin {
		s.batch.set(len(s.table.columns)+undeclaredColumn, parquet.ByteArrayValue(s.rest[begin:len(s.rest):len(s.rest)]))
	}
	return true, nil
}

// object reads the object that comes next, and appends to s.rest an object of those members that no column declares, or nothing
// where there is none. An error that is no [problem] says that the record is no JSON, no UTF-8, or has a name twice in an object,
// and [refusal] says which.
func (s *scanner) object(r *jsonscan.Reader, at *field) error {
	if err := r.Open(); err != nil {
		return err
	}
	begin := len(s.rest)
	s.objects++
	object := s.objects
	follows := &s.follows[2*at.number]
	for {
		if more, err := r.Member(); err != nil {
			return err
		} else if !more {
			break
		}
		child, quoted, name, err := s.member(r, at, *follows)
		if err != nil {
			return err
		}
		if child == nil {
			if err := s.undeclaredMember(r, at, quoted, name, begin); err != nil {
				return err
			}
			continue
		}
		if s.read[child.number] == object {
			return errTwice
		}
		s.read[child.number] = object
		*follows = child
		follows = &s.follows[2*child.number+1]
		if err := s.declared(r, child, quoted, begin); err != nil {
			return err
		}
	}
	if len(s.rest) > begin {
		s.rest = append(s.rest, '}')
	}
	return nil
}

// member reads a member's name and finds its field. guess is the field that it may be. Where none is declared, child is nil and name what
// is quoted, which lasts until the next call.
func (s *scanner) member(r *jsonscan.Reader, at, guess *field) (child *field, quoted, name []byte, err error) {
	if guess != nil && guess.quoted != nil && r.NameIs(guess.quoted) {
		return guess, guess.quoted[:len(guess.quoted)-1], nil, nil
	}
	if quoted, err = r.Name(); err != nil {
		return nil, nil, nil, err
	}
	name = jsonscan.Unquoted(quoted, &s.path)
	return at.children[string(name)], quoted, name, nil
}

// undeclaredMember reads the value of a member that no column declares, and keeps both. begin is where what is undeclared beside it
// begins in s.rest.
func (s *scanner) undeclaredMember(r *jsonscan.Reader, at *field, quoted, name []byte, begin int) error {
	// The declared names are known to s.read, and are no others.
	if err := r.Unique(); err != nil {
		return err
	}
	value, err := r.Value()
	if err != nil {
		return err
	}
	s.see(at, name)
	s.keep(begin, quoted)
	s.rest = append(s.rest, value...)
	return nil
}

// declared reads the value of a field that columns stand at or below. begin is where what is undeclared beside it begins in s.rest.
func (s *scanner) declared(r *jsonscan.Reader, at *field, quoted []byte, begin int) error {
	if at.ends() || r.Peek() != '{' {
		value, err := r.Value()
		if err != nil {
			return err
		}
		return s.value(at, value)
	}
	before := len(s.rest)
	s.keep(begin, quoted)
	inner := len(s.rest)
	if err := s.object(r, at); err != nil {
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
		s.batch.set(i, s.protected(c, cell))
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
	r := jsonscan.Trusting(value)
	err := s.object(&r, at)
	s.rest = s.rest[:begin]
	return err
}

// see remembers the path of an undeclared field, whose name is given without quotes and escapes.
func (s *scanner) see(at *field, name []byte) {
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
