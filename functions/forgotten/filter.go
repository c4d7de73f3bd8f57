package forgotten

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/functions/privacy"
)

// Filter takes the people on a list out of the records of one stream. A nil filter lets everything through. It keeps its buffers, so it
// is not for several goroutines at once.
type Filter struct {
	digester *privacy.Digester
	digest   []byte
	listed   map[string]bool
	person   string
	version  int
	output   []byte
	text     []byte
	path     []string
}

// NewFilter returns the filter of a stream whose description has the personPath, which may be empty; nil where nobody is on the list.
func NewFilter(list List, key privacy.Key, personPath string) *Filter {
	if len(list.Digests) == 0 {
		return nil
	}
	f := &Filter{digester: key.Digester(), listed: map[string]bool{}, person: personPath, version: list.Version}
	for _, digest := range list.Digests {
		f.listed[digest] = true
	}
	return f
}

// Version is that of the list that the filter goes by, 0 for a nil filter.
func (f *Filter) Version() int {
	if f == nil {
		return 0
	}
	return f.version
}

// Verdict is what becomes of a record.
type Verdict int

const (
	// Unchanged records have nothing of anybody on the list.
	Unchanged Verdict = iota
	// Emptied records are about somebody else, or about nobody, and had a listed address in them.
	Emptied
	// Withheld records are about somebody on the list.
	Withheld
)

// instead stands in a text in place of an address.
const instead = "[forgotten]"

// Apply returns the record as it may be stored, and what has become of it. What it returns lasts until the next call, and may be the
// record itself. A record that is withheld is nil.
//
// It goes by what the texts of the record say, however they are escaped. A value that is an address and nothing else becomes null; in a
// longer text, and in a member's name, "[forgotten]" takes the place of the address.
func (f *Filter) Apply(record []byte) ([]byte, Verdict) {
	if f == nil || !f.suspicious(record) {
		return record, Unchanged
	}
	f.output, f.path = f.output[:0], f.path[:0]
	verdict, err := f.rewrite(record)
	if err != nil {
		// It is no JSON, so that there is nothing but its text.
		text, found := f.clean(string(record))
		if !found {
			return record, Unchanged
		}
		return []byte(text), Emptied
	}
	switch verdict {
	case Withheld:
		return nil, Withheld
	case Emptied:
		return f.output, Emptied
	}
	return record, Unchanged
}

// Matches reports whether a text has the address of somebody on the list in it.
func (f *Filter) Matches(text string) bool {
	if f == nil {
		return false
	}
	_, found := f.clean(text)
	return found
}

// Clean returns a text without the addresses of those on the list.
func (f *Filter) Clean(text string) string {
	if f == nil {
		return text
	}
	text, _ = f.clean(text)
	return text
}

// suspicious reports whether a record may have a listed address in it. Most records have no escapes, and what is written in them is
// what they say.
func (f *Filter) suspicious(record []byte) bool {
	if bytes.IndexByte(record, '\\') >= 0 {
		return bytes.IndexByte(record, '@') >= 0 || bytes.Contains(record, []byte(`\u0040`)) || bytes.Contains(record, percentAt)
	}
	for range f.found(record) {
		return true
	}
	return false
}

var percentAt = []byte("%40")

// lenient are the options by which a record is read that a vendor gave.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// rewrite copies a record to f.output, without the addresses of those on the list.
func (f *Filter) rewrite(record []byte) (Verdict, error) {
	decoder := jsontext.NewDecoder(bytes.NewBuffer(record), lenient...)
	verdict := Unchanged
	copied := 0
	for {
		before := decoder.InputOffset()
		kind := decoder.PeekKind()
		if kind != '"' {
			if _, err := decoder.ReadToken(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return Unchanged, err
			}
			continue
		}
		enclosing, members := decoder.StackIndex(decoder.StackDepth())
		isName := enclosing == '{' && members%2 == 0
		// The pointer is that of the value just read, so it is asked for behind it.
		quoted, err := decoder.ReadValue()
		if err != nil {
			return Unchanged, err
		}
		end := int(decoder.InputOffset())
		begin := end - len(quoted)
		if begin < int(before) {
			return Unchanged, io.ErrUnexpectedEOF
		}
		if bytes.IndexByte(quoted, '@') < 0 && bytes.IndexByte(quoted, '\\') < 0 && !bytes.Contains(quoted, percentAt) {
			continue
		}
		f.text, _ = jsontext.AppendUnquote(f.text[:0], quoted)
		cleaned, found := f.clean(string(f.text))
		if !found {
			continue
		}
		if !isName && f.person != "" && f.isPerson(decoder) {
			return Withheld, nil
		}
		verdict = Emptied
		f.output = append(f.output, record[copied:begin]...)
		if cleaned == instead && !isName {
			f.output = append(f.output, "null"...)
		} else {
			f.output, _ = jsontext.AppendQuote(f.output, strings.ToValidUTF8(cleaned, "\uFFFD"))
		}
		copied = end
	}
	f.output = append(f.output, record[copied:]...)
	return verdict, nil
}

// isPerson reports whether the value just read stands at the stream's PersonPath.
func (f *Filter) isPerson(decoder *jsontext.Decoder) bool {
	f.path = f.path[:0]
	for token := range decoder.StackPointer().Tokens() {
		f.path = append(f.path, token)
	}
	return strings.Join(f.path, ".") == f.person
}

func (f *Filter) lists(address []byte) bool {
	f.digest = f.digester.Append(f.digest[:0], address)
	return f.listed[string(f.digest)]
}
