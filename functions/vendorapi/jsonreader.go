package vendorapi

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonReader goes through a JSON text in memory, and checks what it passes. It takes what [jsontext.Decoder] takes with the
// [lenient] options, to the byte, but for what is nested deeper than [maxDepth]: names may occur twice, and strings need not be UTF-8.
//
// It is here because every byte that a vendor gives goes through it, and with jsontext, the fastest library there was, finding the records,
// checking the depth and finding the keys took longer than compressing what was found. It does the three at once, and decodes nothing.
//
// Whoever uses it peeks at what comes next, skips a value whole, or opens an object or array and goes through it member by member
// or element by element. After an error it is of no more use.
type jsonReader struct {
	text []byte
	// at is where to go on.
	at    int
	depth int
	// fresh says that an object or array has been opened and nothing of it was read yet.
	fresh bool
	// broken says that there were line breaks between tokens.
	broken bool
	err    error
}

// reset begins at the start of a text.
func (r *jsonReader) reset(text []byte) { *r = jsonReader{text: text} }

// peek goes to the value that comes next and returns its kind, 0 where none does.
func (r *jsonReader) peek() jsontext.Kind {
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

// open steps into the object or array that comes next.
func (r *jsonReader) open() error {
	if kind := r.peek(); kind != '{' && kind != '[' {
		r.unexpected(r.at, "an object or array")
		return r.err
	}
	if !r.deeper(r.at) {
		return r.err
	}
	r.at++
	r.fresh = true
	return nil
}

// member reads the name of the object's next member as it is written, and goes to its value; nil at the object's end, which is
// then read.
func (r *jsonReader) member() ([]byte, error) {
	if ended, err := r.next('}'); ended || err != nil {
		return nil, err
	}
	begin := r.at
	end := r.name(begin)
	if end < 0 {
		return nil, r.err
	}
	if r.at = r.colon(end); r.at < 0 {
		return nil, r.err
	}
	return r.text[begin:end:end], nil
}

// element goes to the array's next element, and reports false at the array's end, which is then read.
func (r *jsonReader) element() (bool, error) {
	ended, err := r.next(']')
	return !ended && err == nil, err
}

// next goes to what comes next in an object or array, which ends with closing.
func (r *jsonReader) next(closing byte) (ended bool, err error) {
	r.at = r.space(r.at)
	if r.at < len(r.text) && r.text[r.at] == closing {
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

// skip reads the value that comes next and returns it as it is written.
func (r *jsonReader) skip() ([]byte, error) {
	begin := r.space(r.at)
	if r.at = r.value(begin); r.at < 0 {
		return nil, r.err
	}
	return r.text[begin:r.at:r.at], nil
}

// rest reads to the end of the object or array that was opened last, and of which a value was read or nothing yet.
func (r *jsonReader) rest(kind jsontext.Kind) error {
	closing := byte('}')
	if kind == '[' {
		closing = ']'
	}
	ended, err := r.next(closing)
	if ended || err != nil {
		return err
	}
	if kind == '{' {
		r.at = r.members(r.at)
	} else {
		r.at = r.elements(r.at)
	}
	if r.at < 0 {
		return r.err
	}
	return nil
}

// end checks that nothing follows.
func (r *jsonReader) end() error {
	ended := r.at
	if r.space(ended) < len(r.text) {
		return fmt.Errorf("there is more after the JSON value, which ends at byte %d", ended)
	}
	return nil
}

// The following functions each read what begins at text[i] and return where it ends, or -1 with err set.

// value reads any value.
func (r *jsonReader) value(i int) int {
	if i == len(r.text) {
		return r.unexpected(i, "a value")
	}
	switch r.text[i] {
	case '"':
		return r.quoted(i)
	case '{':
		return r.object(i)
	case '[':
		return r.array(i)
	case 't':
		return r.literal(i, "true")
	case 'f':
		return r.literal(i, "false")
	case 'n':
		return r.literal(i, "null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return r.number(i)
	}
	return r.unexpected(i, "a value")
}

func (r *jsonReader) object(i int) int {
	if !r.deeper(i) {
		return -1
	}
	if i = r.space(i + 1); i < len(r.text) && r.text[i] == '}' {
		r.depth--
		return i + 1
	}
	return r.members(i)
}

// members reads the members of an object from one on, and the object's end.
func (r *jsonReader) members(i int) int {
	text := r.text
	for {
		if i = r.name(i); i < 0 {
			return i
		}
		if i+1 < len(text) && text[i] == ':' && text[i+1] > ' ' {
			i++
		} else if i = r.colon(i); i < 0 {
			return i
		}
		if i = r.value(i); i < 0 {
			return i
		}
		if i = r.space(i); i == len(text) {
			return r.unexpected(i, "a comma or }")
		}
		switch text[i] {
		case ',':
			i = r.space(i + 1)
		case '}':
			r.depth--
			return i + 1
		default:
			return r.unexpected(i, "a comma or }")
		}
	}
}

func (r *jsonReader) array(i int) int {
	if !r.deeper(i) {
		return -1
	}
	if i = r.space(i + 1); i < len(r.text) && r.text[i] == ']' {
		r.depth--
		return i + 1
	}
	return r.elements(i)
}

// elements reads the elements of an array from one on, and the array's end.
func (r *jsonReader) elements(i int) int {
	for {
		if i = r.value(i); i < 0 {
			return i
		}
		i = r.space(i)
		switch {
		case i < len(r.text) && r.text[i] == ',':
			i = r.space(i + 1)
		case i < len(r.text) && r.text[i] == ']':
			r.depth--
			return i + 1
		default:
			return r.unexpected(i, "a comma or ]")
		}
	}
}

// deeper counts a level more.
func (r *jsonReader) deeper(i int) bool {
	if r.depth++; r.depth > maxDepth {
		r.err = fmt.Errorf("the answer is nested deeper than %d levels at byte %d", maxDepth, i)
		return false
	}
	return true
}

func (r *jsonReader) name(i int) int {
	if i == len(r.text) || r.text[i] != '"' {
		return r.unexpected(i, "a name in quotes")
	}
	return r.quoted(i)
}

// colon reads the colon behind a name, and the space around it.
func (r *jsonReader) colon(i int) int {
	if i = r.space(i); i < len(r.text) && r.text[i] == ':' {
		return r.space(i + 1)
	}
	return r.unexpected(i, "a colon")
}

// space reads what may stand between tokens.
func (r *jsonReader) space(i int) int {
	if i < len(r.text) && r.text[i] > ' ' {
		return i
	}
	return r.spaces(i)
}

func (r *jsonReader) spaces(i int) int {
	for ; i < len(r.text); i++ {
		switch r.text[i] {
		case ' ', '\t':
		case '\n', '\r':
			r.broken = true
		default:
			return i
		}
	}
	return i
}

const (
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
)

// quoted reads a string.
func (r *jsonReader) quoted(i int) int {
	i = plain(r.text, i+1)
	if i < len(r.text) && r.text[i] == '"' {
		return i + 1
	}
	return r.escaped(i)
}

// escaped reads the rest of a string from what is no plain character of it.
func (r *jsonReader) escaped(i int) int {
	for ; ; i = plain(r.text, i) {
		switch {
		case i == len(r.text):
			return r.unexpected(i, "the end of a string")
		case r.text[i] == '"':
			return i + 1
		case r.text[i] != '\\':
			return r.unexpected(i, "no control character in a string")
		}
		if i = r.escape(i + 1); i < 0 {
			return i
		}
	}
}

// plain returns where the first quote, backslash or control character stands from text[i] on. It looks at eight bytes at once.
// https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord
func plain(text []byte, i int) int {
	for ; i+8 <= len(text); i += 8 {
		word := binary.LittleEndian.Uint64(text[i:])
		quotes, escapes := word^('"'*eachByte), word^('\\'*eachByte)
		found := ((quotes-eachByte)&^quotes | (escapes-eachByte)&^escapes | (word-' '*eachByte)&^word) & highBits
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(text) && text[i] != '"' && text[i] != '\\' && text[i] >= ' ' {
		i++
	}
	return i
}

// escape reads what stands behind a backslash.
func (r *jsonReader) escape(i int) int {
	if i == len(r.text) {
		return r.unexpected(i, "the end of a string")
	}
	switch r.text[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for end := i + 4; i < end; {
			if i++; i == len(r.text) || !isHex(r.text[i]) {
				return r.unexpected(i, "four hexadecimal digits")
			}
		}
		return i + 1
	}
	return r.unexpected(i, `one of "\/bfnrtu`)
}

func (r *jsonReader) literal(i int, word string) int {
	for at := range len(word) {
		if i+at == len(r.text) || r.text[i+at] != word[at] {
			return r.unexpected(i+at, word)
		}
	}
	return i + len(word)
}

func (r *jsonReader) number(i int) int {
	if r.text[i] == '-' {
		i++
	}
	if i < len(r.text) && r.text[i] == '0' {
		i++
	} else if i = r.digits(i); i < 0 {
		return i
	}
	if i < len(r.text) && r.text[i] == '.' {
		if i = r.digits(i + 1); i < 0 {
			return i
		}
	}
	if i < len(r.text) && r.text[i]|0x20 == 'e' {
		i++
		if i < len(r.text) && (r.text[i] == '-' || r.text[i] == '+') {
			i++
		}
		return r.digits(i)
	}
	return i
}

// digits reads one or more.
func (r *jsonReader) digits(i int) int {
	begin := i
	for i < len(r.text) && isDigit(r.text[i]) {
		i++
	}
	if i == begin {
		return r.unexpected(i, "a digit")
	}
	return i
}

func isDigit(c byte) bool { return c-'0' < 10 }

func isHex(c byte) bool { return isDigit(c) || c|0x20-'a' < 6 }

// unexpected notes that something else should stand at text[i]. Where the text ends there, more may have been lost on its way.
func (r *jsonReader) unexpected(i int, want string) int {
	if i >= len(r.text) {
		r.err = fmt.Errorf("the JSON ends at byte %d: want %s: %w", i, want, io.ErrUnexpectedEOF)
	} else {
		r.err = fmt.Errorf("the JSON has %q at byte %d: want %s", r.text[i], i, want)
	}
	return -1
}
