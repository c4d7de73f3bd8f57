package jsonscan

import (
	"errors"
	"fmt"
)

// maxPlainDepth bounds what a strict reader checks by itself: what lies deeper is no record that a person made, and jsontext has
// a bound of its own.
const maxPlainDepth = 32

// errInvalid is what a strict reader says of a text that jsontext has refused.
var errInvalid = errors.New("the JSON is not valid")

// The following functions each read what begins at text[i] and return where it ends, or -1 with err set.

// value reads any value.
func (r *Reader) value(i int) int {
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
		end, ok := number(r.text, i)
		if !ok {
			return r.unexpected(end, "a digit")
		}
		return end
	}
	return r.unexpected(i, "a value")
}

func (r *Reader) object(i int) int {
	if !r.deeper(i) {
		return -1
	}
	if i = r.space(i + 1); i < len(r.text) && r.text[i] == '}' {
		r.depth--
		return i + 1
	}
	if r.strict {
		r.names.enter()
	}
	return r.members(i)
}

// members reads the members of an object from one on, and the object's end.
func (r *Reader) members(i int) int {
	text := r.text
	for {
		begin := i
		if i = r.name(i); i < 0 {
			return i
		}
		if r.strict && !r.unique(span{begin, i}) {
			return -1
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
			if r.strict {
				r.names.leave()
			}
			r.depth--
			return i + 1
		default:
			return r.unexpected(i, "a comma or }")
		}
	}
}

func (r *Reader) array(i int) int {
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
func (r *Reader) elements(i int) int {
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

// deeper counts a level more, which begins at text[i].
func (r *Reader) deeper(i int) bool {
	r.depth++
	return r.depth <= r.maxDepth || r.tooDeep(i)
}

// tooDeep reports whether there may be levels beyond those that the reader checks by itself.
func (r *Reader) tooDeep(i int) bool {
	if r.strict {
		return r.ask()
	}
	r.err = fmt.Errorf("the answer is nested deeper than %d levels at byte %d", r.maxDepth, i)
	return false
}

// ask leaves the decision to jsontext.
func (r *Reader) ask() bool {
	if !r.Valid() {
		r.err = errInvalid
	}
	return r.valid
}

func (r *Reader) name(i int) int {
	if i == len(r.text) || r.text[i] != '"' {
		return r.unexpected(i, "a name in quotes")
	}
	return r.quoted(i)
}

// colon reads the colon behind a name, and the space around it.
func (r *Reader) colon(i int) int {
	if i = r.space(i); i < len(r.text) && r.text[i] == ':' {
		return r.space(i + 1)
	}
	return r.unexpected(i, "a colon")
}

// space reads what may stand between tokens.
func (r *Reader) space(i int) int {
	if i < len(r.text) && r.text[i] > ' ' {
		return i
	}
	return r.spaces(i)
}

func (r *Reader) spaces(i int) int {
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

func (r *Reader) literal(i int, word string) int {
	for at := range len(word) {
		if i+at == len(r.text) || r.text[i+at] != word[at] {
			return r.unexpected(i+at, word)
		}
	}
	return i + len(word)
}

// number returns where the longest number ends that begins at text[i]; where ok is false, it is where a digit is missing.
func number(text []byte, i int) (end int, ok bool) {
	if i < len(text) && text[i] == '-' {
		i++
	}
	if i < len(text) && text[i] == '0' {
		i++
	} else if i, ok = digits(text, i); !ok {
		return i, false
	}
	if i < len(text) && text[i] == '.' {
		if i, ok = digits(text, i+1); !ok {
			return i, false
		}
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		i++
		if i < len(text) && (text[i] == '-' || text[i] == '+') {
			i++
		}
		return digits(text, i)
	}
	return i, true
}

// digits returns where the digits end that begin at text[i]; ok is false where there is none.
func digits(text []byte, i int) (end int, ok bool) {
	for end = i; end < len(text) && text[end]-'0' < 10; {
		end++
	}
	return end, end > i
}
