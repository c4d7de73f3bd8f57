package vendorapi

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/functions/jsonscan"
)

// Status is what a field of a record says of it.
type Status struct {
	// Path is the path of the field, which is that of a column.
	Path string `json:"path"`
	// Values are the texts that say so, each as the vendor writes it.
	Values []string `json:"values"`
}

// None reports whether no record says so.
func (s Status) None() bool { return s.Path == "" && len(s.Values) == 0 }

func (s *Stream) checkForgotten(f *faults) {
	of := s.Forgotten
	switch {
	case of.None():
	case s.PersonPath == "":
		f.add("forgotten", of.Path, "nothing says whose the records are: want personPath, or leave this out")
	case s.columnAt(of.Path) < 0:
		f.add("forgotten.path", of.Path, "no column has this path: want the path of the field that says so")
	case len(of.Values) == 0 || slices.Contains(of.Values, ""):
		f.add("forgotten.values", fmt.Sprint(of.Values), "want the texts by which a record says that its person is forgotten")
	}
}

// ForgottenReader reads of a record whether the vendor has forgotten its person. It keeps its buffers, so it is not for several
// goroutines at once.
type ForgottenReader struct {
	fields *fieldReader
	hasher keyHasher
	keys   int
	values []string
	quoted [][]byte
	text   []byte
}

// NewForgottenReader returns a reader of the stream's records, nil where none says that its person is forgotten.
func NewForgottenReader(s *Stream) *ForgottenReader {
	if s.Forgotten.None() {
		return nil
	}
	r := &ForgottenReader{keys: len(s.Key), values: s.Forgotten.Values}
	r.fields = newFieldReader(append(slices.Clone(s.Key), s.Forgotten.Path)...)
	for _, value := range r.values {
		quoted, err := jsontext.AppendQuote(nil, value)
		if err != nil {
			quoted = []byte{'"'}
		}
		r.quoted = append(r.quoted, quoted)
	}
	return r
}

// Read returns the hash of a record's key, 16 hexadecimal digits, where its person is forgotten, and false for any other record and for one
// without a key.
func (r *ForgottenReader) Read(record []byte) (key string, forgotten bool) {
	// Hardly any record has one of the texts in it.
	if !slices.ContainsFunc(r.quoted, func(quoted []byte) bool { return bytes.Contains(record, quoted) }) {
		return "", false
	}
	values, err := r.fields.read(record)
	if err != nil || !slices.Contains(r.values, r.unquoted(values[r.keys])) {
		return "", false
	}
	hash := r.hasher.hash(values[:r.keys])
	return fmt.Sprintf("%016x", hash.Hash), hash.Known
}

func (r *ForgottenReader) unquoted(value []byte) string {
	if len(value) < 2 || value[0] != '"' {
		return ""
	}
	return string(jsonscan.Unquoted(value, &r.text))
}

// PersonReader reads whose a record is. It keeps its buffers, so it is not for several goroutines at once.
type PersonReader struct {
	fields *fieldReader
	hasher keyHasher
	keys   int
	text   []byte
}

// NewPersonReader returns a reader of the stream's records.
func NewPersonReader(s *Stream) *PersonReader {
	return &PersonReader{fields: newFieldReader(append(slices.Clone(s.Key), s.PersonPath)...), keys: len(s.Key)}
}

// Read returns the hash of the record's key, as [ForgottenReader.Read] does, and what stands at the stream's PersonPath; either is empty where
// there is none.
func (r *PersonReader) Read(record []byte) (key, address string) {
	values, err := r.fields.read(record)
	if err != nil {
		return "", ""
	}
	if hash := r.hasher.hash(values[:r.keys]); hash.Known {
		key = fmt.Sprintf("%016x", hash.Hash)
	}
	if value := values[r.keys]; len(value) > 2 && value[0] == '"' {
		address = string(jsonscan.Unquoted(value, &r.text))
	}
	return key, address
}
