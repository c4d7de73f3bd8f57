// Package jsonscan goes through JSON that lies in memory, checks what it passes and decodes none of it: what it returns is the
// text itself, as it is written.
//
// It is for the two places that every byte of every record goes through: the answers of vendors, in which [vendorapi] finds the
// records, and the lines of the raw zone, which [curated] takes apart into cells. Everything else reads JSON with [jsontext], the fastest
// library for it that was found (docs/benchmark.md), and so should what comes new. For the two it is too slow. To go through a record
// member by member takes it about twice as long (go test -bench . ./functions/jsonscan), and what it does not tell, how deep an answer is nested
// and whether there are line breaks in it, took passes of their own. Finding the records of an answer with it took twice as long as
// compressing them, and takes two thirds as long now: the difference is 0.6 of ingest's floor, of which ingest may take 1.6 in all. Of
// preprocess's time it was a third, since it keeps a set of names for each object and begins anew with each record. It reads streams, and
// has to; here the whole text is at hand, and strings are passed over eight bytes at a time.
//
// It stands apart since both need the same strings, numbers, escapes, space and nesting, and since what it promises can be proved without
// either: it takes what jsontext takes, to the byte, and nothing more. How strict it is is all that differs, see [Lenient] and [Strict].
//
// [vendorapi]: https://pkg.go.dev/github.com/windrow-data/windrow/functions/vendorapi
// [curated]: https://pkg.go.dev/github.com/windrow-data/windrow/functions/curated
package jsonscan

import (
	"bytes"
	"fmt"
	"io"
	"math"

	"github.com/go-json-experiment/json/jsontext"
)

// Reader goes through a text, which is not changed and has to stay as it is meanwhile. Whoever uses it peeks at what comes
// next, passes a value whole, or opens an object or array and goes through it member by member or element by element. After an
// error it is of no more use until it is reset.
type Reader struct {
	// rules hold now, given are those to go back to with another text.
	rules
	given rules
	text  []byte
	// at is where to go on.
	at    int
	depth int
	// fresh says that an object or array has been opened and nothing of it was read yet.
	fresh bool
	// broken says that there were line breaks between tokens.
	broken bool
	// valid says that jsontext has taken the whole text.
	valid bool
	err   error
	// last is the name that was read last.
	last  span
	names names
}

// rules are what readers differ in.
type rules struct {
	// strict says that names must not stand twice in an object, and halves of surrogate pairs not alone.
	strict bool
	// beyond has the high bit of each of eight bytes set where bytes beyond ASCII have to be UTF-8.
	beyond uint64
	// maxDepth bounds the objects and arrays in one another.
	maxDepth int
}

// span is a part of a text.
type span struct{ begin, end int }

// trusting are the rules for a text that is known to be valid: there is nothing to be found but where things end.
var trusting = rules{maxDepth: math.MaxInt}

// Lenient returns a reader of vendors' answers, which are not refused for what can be stored as it is: it takes what [jsontext.Decoder]
// takes with [jsontext.AllowDuplicateNames] and [jsontext.AllowInvalidUTF8], but for what is nested deeper than maxDepth. Its errors
// say at which byte there is what, and what should be.
func Lenient(maxDepth int) Reader {
	r := rules{maxDepth: maxDepth}
	return Reader{rules: r, given: r}
}

// Strict returns a reader of records. It takes exactly what jsontext takes by default: RFC 8259 in UTF-8, no name twice in an
// object, no half surrogate pairs. Where it would take it long to be sure, it asks jsontext about the whole text once, and believes it from then
// on. Its errors then do not say where; [jsontext.Decoder] on the same text does, and they quote at most one byte.
//
// Names are compared as they are passed over within a value. Of those that [Reader.Name] and [Reader.NameIs] read, the caller says
// which are to be compared, with [Reader.Unique]: it may know most of them.
func Strict() Reader {
	r := rules{strict: true, beyond: highBits, maxDepth: maxPlainDepth}
	return Reader{rules: r, given: r}
}

// Trusting returns a reader at the start of a text that is known to be what [Strict] takes.
func Trusting(text []byte) Reader {
	return Reader{rules: trusting, given: trusting, valid: true, text: text}
}

// Reset begins at the start of a text.
func (r *Reader) Reset(text []byte) {
	*r = Reader{rules: r.given, given: r.given, text: text, names: r.names.none()}
}

// At returns which byte of the text, from 0, the reader has come to.
func (r *Reader) At() int { return r.at }

// Broken reports whether there were line breaks between the tokens read.
func (r *Reader) Broken() bool { return r.broken }

// Valid reports whether the whole text, wherever in it the reader is, is one JSON value that [Strict] takes. It asks jsontext, once
// a text.
func (r *Reader) Valid() bool {
	if !r.valid && jsontext.Value(r.text).IsValid() {
		r.valid = true
		r.rules = trusting
	}
	return r.valid
}

// Peek goes to the value that comes next and returns its kind, 0 where none does.
func (r *Reader) Peek() jsontext.Kind {
	r.at = r.space(r.at)
	if r.at == len(r.text) {
		return 0
	}
	switch c := r.text[r.at]; c {
	case '{', '[', '"', 't', 'f', 'n':
		return jsontext.Kind(c)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return '0'
	}
	return 0
}

// Open steps into the object or array that comes next.
func (r *Reader) Open() error {
	kind := r.Peek()
	if kind != '{' && kind != '[' {
		r.unexpected(r.at, "an object or array")
		return r.err
	}
	if !r.deeper(r.at) {
		return r.err
	}
	if kind == '{' && r.strict {
		r.names.enter()
	}
	r.at++
	r.fresh = true
	return nil
}

// Member goes to the name of the object's next member, and reports false at the object's end, which is then read.
func (r *Reader) Member() (bool, error) {
	ended, err := r.next('}')
	return !ended && err == nil, err
}

// Element goes to the array's next element, and reports false at the array's end, which is then read.
func (r *Reader) Element() (bool, error) {
	ended, err := r.next(']')
	return !ended && err == nil, err
}

// next goes to what comes next in an object or array, which ends with closing.
func (r *Reader) next(closing byte) (ended bool, err error) {
	r.at = r.space(r.at)
	if r.at < len(r.text) && r.text[r.at] == closing {
		if closing == '}' && r.strict {
			r.names.leave()
		}
		r.at++
		r.depth--
		r.fresh = false
		return true, nil
	}
	if r.fresh {
		r.fresh = false
		return false, nil
	}
	if r.at == len(r.text) || r.text[r.at] != ',' {
		r.unexpected(r.at, "a comma or "+string(rune(closing)))
		return false, r.err
	}
	r.at = r.space(r.at + 1)
	return false, nil
}

// Name reads the name of a member that [Reader.Member] has gone to, and goes to its value. It returns the name as it is written, with its
// quotes.
func (r *Reader) Name() ([]byte, error) {
	begin := r.at
	end := r.name(begin)
	if end < 0 {
		return nil, r.err
	}
	if r.at = r.colon(end); r.at < 0 {
		return nil, r.err
	}
	r.last = span{begin, end}
	return r.text[begin:end:end], nil
}

// NameIs is [Reader.Name] where the text goes on with written, which is a name in quotes and a colon. Otherwise it reports false
// and reads nothing. It is faster where a name can be guessed.
func (r *Reader) NameIs(written []byte) bool {
	if !bytes.HasPrefix(r.text[r.at:], written) {
		return false
	}
	r.last = span{r.at, r.at + len(written) - 1}
	r.at += len(written)
	return true
}

// Unique checks that the name that was read last is, without its escapes, none for which Unique was called before in the object that was opened
// last and is not ended. To a lenient reader every name is.
func (r *Reader) Unique() error {
	if r.strict && !r.unique(r.last) {
		return r.err
	}
	return nil
}

// Value reads the value that comes next and returns it as it is written.
func (r *Reader) Value() ([]byte, error) {
	begin := r.space(r.at)
	if r.at = r.value(begin); r.at < 0 {
		return nil, r.err
	}
	return r.text[begin:r.at:r.at], nil
}

// Rest reads to the end of the object or array, whose kind is given, that was opened last, and of which a value was read or nothing yet.
func (r *Reader) Rest(kind jsontext.Kind) error {
	if kind == '[' {
		if more, err := r.Element(); !more {
			return err
		}
		r.at = r.elements(r.at)
	} else {
		if more, err := r.Member(); !more {
			return err
		}
		r.at = r.members(r.at)
	}
	if r.at < 0 {
		return r.err
	}
	return nil
}

// End checks that nothing but space follows.
func (r *Reader) End() error {
	ended := r.at
	if r.space(ended) < len(r.text) {
		return fmt.Errorf("there is more after the JSON value, which ends at byte %d", ended)
	}
	return nil
}

// Unquoted returns the name or other string that stands in quotes, which a [Reader] has read. One with escapes is put into buffer, in place of what
// it held.
func Unquoted(quoted []byte, buffer *[]byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	return unescaped(quoted, buffer)
}

func unescaped(quoted []byte, buffer *[]byte) []byte {
	// Its error says that there is something else than UTF-8, of which it makes U+FFFD.
	*buffer, _ = jsontext.AppendUnquote((*buffer)[:0], quoted)
	return *buffer
}

// IsNumber reports whether a text is a number as JSON has it, and nothing else.
func IsNumber(text []byte) bool {
	end, ok := number(text, 0)
	return ok && end == len(text)
}

// unexpected notes that something else should stand at text[i]. Where the text ends there, more may have been lost on its way.
func (r *Reader) unexpected(i int, want string) int {
	if i >= len(r.text) {
		r.err = fmt.Errorf("the JSON ends at byte %d: want %s: %w", i, want, io.ErrUnexpectedEOF)
	} else {
		r.err = fmt.Errorf("the JSON has %q at byte %d: want %s", r.text[i], i, want)
	}
	return -1
}
