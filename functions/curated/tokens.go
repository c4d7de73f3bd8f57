package curated

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// tokens reads the JSON of one record. It takes exactly what jsontext takes (RFC 8259 in UTF-8, no name twice in an object, no
// half surrogate pairs), in a third of the time, since it sees the whole text: nothing is buffered, and a name is compared only with
// those beside it. Where that would be long it asks jsontext once about the whole text, and believes it from then on. Why
// a text is refused only jsontext says, see [refusal].
type tokens struct {
	text []byte
	at   int
	// valid says that the whole text is known to be one valid JSON value, so that what is left to do is to find ends.
	valid bool
	// names are those of the objects that are being read, the outermost one's first.
	names []span
}

// span is a part of a text.
type span struct{ begin, end int }

const (
	// maxPlainDepth and maxPlainNames bound what tokens checks by itself: the objects and arrays in one another, and the names in an
	// object, each of which is compared with all the others.
	maxPlainDepth = 32
	maxPlainNames = 24
)

// space passes over white space.
func (t *tokens) space() {
	for t.at < len(t.text) {
		switch t.text[t.at] {
		case ' ', '\t', '\r', '\n':
			t.at++
		default:
			return
		}
	}
}

// take passes over c, and the white space before it, where c comes next.
func (t *tokens) take(c byte) bool {
	if t.at >= len(t.text) || t.text[t.at] != c {
		if t.space(); t.at >= len(t.text) || t.text[t.at] != c {
			return false
		}
	}
	t.at++
	return true
}

// peek returns the first byte of what comes next, behind white space; 0 at the end.
func (t *tokens) peek() byte {
	if t.space(); t.at < len(t.text) {
		return t.text[t.at]
	}
	return 0
}

// name passes over a member's name and its colon, and returns where the name stands with its quotes.
func (t *tokens) name() (quoted span, ok bool) {
	if t.peek() != '"' {
		return span{}, false
	}
	begin := t.at
	end := stringEnd(t.text, begin)
	if end < 0 {
		return span{}, false
	}
	t.at = end
	return span{begin, end}, t.take(':')
}

// value passes over a value and returns it as it is written.
func (t *tokens) value() (value []byte, ok bool) {
	t.space()
	begin := t.at
	end := t.valueEnd(begin, 0)
	if end < 0 {
		return nil, false
	}
	t.at = end
	return t.text[begin:end:end], true
}

// check makes sure that the whole text is valid, by jsontext's word.
func (t *tokens) check() bool {
	t.valid = t.valid || jsontext.Value(t.text).IsValid()
	return t.valid
}

// valueEnd returns where the value ends that begins at i, or -1 where none does. depth is in how many others it lies.
func (t *tokens) valueEnd(i, depth int) int {
	if i >= len(t.text) {
		return -1
	}
	switch c := t.text[i]; {
	case c == '"':
		return stringEnd(t.text, i)
	case c == '-' || '0' <= c && c <= '9':
		return numberEnd(t.text, i)
	case c == '{' || c == '[':
		if !t.valid && depth == maxPlainDepth && !t.check() {
			return -1
		}
		switch {
		case t.valid:
			return bracketEnd(t.text, i)
		case c == '{':
			return t.objectEnd(i, depth)
		}
		return t.arrayEnd(i, depth)
	case c == 't':
		return literalEnd(t.text, i, "true")
	case c == 'f':
		return literalEnd(t.text, i, "false")
	case c == 'n':
		return literalEnd(t.text, i, "null")
	}
	return -1
}

func (t *tokens) arrayEnd(begin, depth int) int {
	i := spaceEnd(t.text, begin+1)
	if i < len(t.text) && t.text[i] == ']' {
		return i + 1
	}
	for {
		if i = t.valueEnd(i, depth+1); i < 0 {
			return -1
		}
		i = spaceEnd(t.text, i)
		switch {
		case i >= len(t.text):
			return -1
		case t.text[i] == ']':
			return i + 1
		case t.text[i] != ',':
			return -1
		}
		i = spaceEnd(t.text, i+1)
	}
}

func (t *tokens) objectEnd(begin, depth int) int {
	i := spaceEnd(t.text, begin+1)
	if i < len(t.text) && t.text[i] == '}' {
		return i + 1
	}
	outer := len(t.names)
	for {
		if i >= len(t.text) || t.text[i] != '"' {
			return -1
		}
		end := stringEnd(t.text, i)
		switch {
		case end < 0, !t.fresh(outer, span{i + 1, end - 1}):
			return -1
		case t.valid:
			t.names = t.names[:outer]
			return bracketEnd(t.text, begin)
		}
		i = spaceEnd(t.text, end)
		if i >= len(t.text) || t.text[i] != ':' {
			return -1
		}
		if i = t.valueEnd(spaceEnd(t.text, i+1), depth+1); i < 0 {
			return -1
		}
		i = spaceEnd(t.text, i)
		switch {
		case i >= len(t.text):
			return -1
		case t.text[i] == '}':
			t.names = t.names[:outer]
			return i + 1
		case t.text[i] != ',':
			return -1
		}
		i = spaceEnd(t.text, i+1)
	}
}

// fresh reports whether a name, given without its quotes, is none of those behind outer, and adds it to them.
func (t *tokens) fresh(outer int, name span) bool {
	text := t.text[name.begin:name.end]
	if t.valid || len(t.names)-outer == maxPlainNames || bytes.IndexByte(text, '\\') >= 0 {
		return t.check()
	}
	for _, other := range t.names[outer:] {
		if other.end-other.begin == len(text) && string(t.text[other.begin:other.end]) == string(text) {
			return false
		}
	}
	t.names = append(t.names, name)
	return true
}

// bracketEnd returns where the object or array ends that begins at i, in a text that is valid.
func bracketEnd(text []byte, i int) int {
	for depth := 0; ; i++ {
		switch text[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			i = stringEnd(text, i) - 1
		}
	}
}

func spaceEnd(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n') {
		i++
	}
	return i
}

func literalEnd(text []byte, i int, literal string) int {
	end := i + len(literal)
	if end > len(text) || string(text[i:end]) != literal {
		return -1
	}
	return end
}

// numberEnd returns where the longest number ends that begins at i, or -1 where none does.
func numberEnd(text []byte, i int) int {
	if i < len(text) && text[i] == '-' {
		i++
	}
	whole := digits(text[i:])
	switch {
	case whole == 0:
		return -1
	case text[i] == '0':
		i++
	default:
		i += whole
	}
	if i < len(text) && text[i] == '.' {
		fraction := digits(text[i+1:])
		if fraction == 0 {
			return -1
		}
		i += 1 + fraction
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		exponent := digits(text[i:])
		if exponent == 0 {
			return -1
		}
		i += exponent
	}
	return i
}

// stringEnd returns where the string ends whose first quote is at i, or -1 where it is cut off or holds what no string may:
// control characters, unknown escapes, half surrogate pairs, invalid UTF-8.
func stringEnd(text []byte, i int) int {
	for i++; i < len(text); {
		if i+8 <= len(text) {
			found := unplain(binary.LittleEndian.Uint64(text[i:]))
			if found == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(found) / 8
		}
		switch c := text[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			n := escapeLength(text[i:])
			if n == 0 {
				return -1
			}
			i += n
		case c < ' ':
			return -1
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(text[i:])
			if r == utf8.RuneError && n == 1 {
				return -1
			}
			i += n
		}
	}
	return -1
}

// unplain sets the high bit of the first of eight bytes that is a quote, a backslash, a control character or no ASCII, and perhaps of
// some behind it.
// https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord
func unplain(eight uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote, backslash := eight^(ones*'"'), eight^(ones*'\\')
	return (eight | (eight-ones*' ')&^eight | (quote-ones)&^quote | (backslash-ones)&^backslash) & highs
}

// escapeLength returns how long the escape is that s begins with, both halves of a surrogate pair together; 0 where it is none.
func escapeLength(s []byte) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		switch unit := hexUnit(s); {
		case unit < 0:
			return 0
		case unit < 0xD800 || unit > 0xDFFF:
			return 6
		case unit < 0xDC00:
			if low := hexUnit(s[6:]); low >= 0xDC00 && low <= 0xDFFF {
				return 12
			}
		}
	}
	return 0
}

// hexUnit returns the UTF-16 unit of an escape \uXXXX, or -1 where s does not begin with one.
func hexUnit(s []byte) int {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	unit := 0
	for _, c := range s[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		unit = unit<<4 | int(c)
	}
	return unit
}
