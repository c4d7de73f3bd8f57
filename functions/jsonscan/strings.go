package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
)

// quoted reads a string.
func (r *Reader) quoted(i int) int {
	i = plain(r.text, i+1, r.beyond)
	if i < len(r.text) && r.text[i] == '"' {
		return i + 1
	}
	return r.escaped(i)
}

// escaped reads the rest of a string from what is no plain character of it.
func (r *Reader) escaped(i int) int {
	for ; ; i = plain(r.text, i, r.beyond) {
		switch {
		case i == len(r.text):
			return r.unexpected(i, "the end of a string")
		case r.text[i] == '"':
			return i + 1
		case r.text[i] == '\\':
			i = r.escape(i + 1)
		case r.text[i] >= utf8.RuneSelf:
			i = r.runes(i)
		default:
			return r.unexpected(i, "no control character in a string")
		}
		if i < 0 {
			return i
		}
	}
}

// plain returns where the first quote, backslash or control character stands from text[i] on, or, where beyond has the high bits
// set, the first byte beyond ASCII. It looks at eight bytes at once.
// https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord
func plain(text []byte, i int, beyond uint64) int {
	for ; i+8 <= len(text); i += 8 {
		word := binary.LittleEndian.Uint64(text[i:])
		quotes, escapes := word^('"'*eachByte), word^('\\'*eachByte)
		found := (word&beyond | (quotes-eachByte)&^quotes | (escapes-eachByte)&^escapes | (word-' '*eachByte)&^word) & highBits
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(text) && text[i] != '"' && text[i] != '\\' && text[i] >= ' ' && text[i]&byte(beyond) == 0 {
		i++
	}
	return i
}

// runes reads characters beyond ASCII, which have to be UTF-8.
func (r *Reader) runes(i int) int {
	for i < len(r.text) && r.text[i] >= utf8.RuneSelf {
		c, size := utf8.DecodeRune(r.text[i:])
		if c == utf8.RuneError && size == 1 {
			return r.unexpected(i, "UTF-8")
		}
		i += size
	}
	return i
}

// escape reads what stands behind a backslash.
func (r *Reader) escape(i int) int {
	if i == len(r.text) {
		return r.unexpected(i, "the end of a string")
	}
	switch r.text[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		end, unit := r.unit(i + 1)
		if end >= 0 && r.strict && utf16.IsSurrogate(unit) {
			return r.pair(end, unit)
		}
		return end
	}
	return r.unexpected(i, `one of "\/bfnrtu`)
}

// unit reads the four digits of a UTF-16 unit.
func (r *Reader) unit(i int) (end int, unit rune) {
	if i+4 <= len(r.text) {
		a, b, c, d := digitOf[r.text[i]], digitOf[r.text[i+1]], digitOf[r.text[i+2]], digitOf[r.text[i+3]]
		if a|b|c|d >= 0 {
			return i + 4, rune(a)<<12 | rune(b)<<8 | rune(c)<<4 | rune(d)
		}
	}
	for i < len(r.text) && digitOf[r.text[i]] >= 0 {
		i++
	}
	return r.unexpected(i, "four hexadecimal digits"), 0
}

// pair reads the second half of a surrogate pair. Its first half stands before it.
func (r *Reader) pair(i int, first rune) int {
	const want = "a surrogate pair"
	for at, c := range []byte(`\u`) {
		if i+at == len(r.text) || r.text[i+at] != c {
			return r.unexpected(i+at, want)
		}
	}
	end, second := r.unit(i + 2)
	if end >= 0 && utf16.DecodeRune(first, second) == utf8.RuneError {
		return r.unexpected(i, want)
	}
	return end
}

// digitOf holds what a hexadecimal digit is worth, -1 for what is none.
var digitOf = func() (digits [256]int8) {
	for c := range digits {
		digits[c] = -1
	}
	for i, c := range "0123456789abcdef" {
		digits[c], digits[unicode.ToUpper(c)] = int8(i), int8(i)
	}
	return digits
}()
