package bench

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// span is where a record stands in a page.
type span struct{ from, to int }

// structural are the bytes that record boundaries are found by.
var structural = [256]bool{'"': true, '{': true, '}': true, ']': true}

// findRecords appends to spans where the records of the array stand that begins at body[from], and returns where the array
// ends, behind its bracket. It checks nothing: all it knows of JSON is strings and braces, the least that record boundaries can
// be found with, and so the floor of what finding them costs.
//
// It is the fastest that was found in plain Go: it beats [bytes.IndexByte] for the quotes, since ON24's strings are short, and
// masks of 64 bytes as simdjson makes them (https://arxiv.org/abs/1902.08318), which need vector instructions to pay.
func findRecords(spans []span, body []byte, from int) ([]span, int) {
	depth, begin := 0, 0
	for i := from + 1; i < len(body); i++ {
		if !structural[body[i]] {
			continue
		}
		switch body[i] {
		case '"':
			i = endOfString(body, i)
		case '{':
			if depth == 0 {
				begin = i
			}
			depth++
		case '}':
			depth--
			if depth == 0 {
				spans = append(spans, span{begin, i + 1})
			}
		case ']':
			if depth == 0 {
				return spans, i + 1
			}
		}
	}
	return spans, len(body)
}

const (
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
)

// endOfString returns the place of the quote that ends the string which begins at body[i]; what follows where there is none is
// no place in body. It looks at eight bytes at once (https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord).
func endOfString(body []byte, i int) int {
	i++
	for i+8 <= len(body) {
		word := binary.LittleEndian.Uint64(body[i:])
		quotes, escapes := word^('"'*eachByte), word^('\\'*eachByte)
		found := ((quotes-eachByte)&^quotes | (escapes-eachByte)&^escapes) & highBits
		if found == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(found) / 8
		if body[i] == '"' {
			return i
		}
		i += 2
	}
	for ; i < len(body); i++ {
		switch body[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return i
}

// endOfValue returns the place behind the value that begins at line[i].
func endOfValue(line []byte, i int) int {
	switch line[i] {
	case '"':
		return endOfString(line, i) + 1
	case '{', '[':
		depth := 0
		for ; i < len(line); i++ {
			switch line[i] {
			case '"':
				i = endOfString(line, i)
			case '{', '[':
				depth++
			case '}', ']':
				depth--
				if depth == 0 {
					return i + 1
				}
			}
		}
		return i
	}
	for i < len(line) && line[i] != ',' && line[i] != '}' {
		i++
	}
	return i
}

// arrayIn returns where the array begins that stands under the name, -1 where there is none.
func arrayIn(body []byte, name string) int {
	at := bytes.Index(body, []byte(`"`+name+`":[`))
	if at < 0 {
		return -1
	}
	return at + len(name) + len(`"":`)
}

// inLines makes lines of the records of an array, where they stand: the comma behind each becomes a line break. It returns what
// lies between the first and the last, a line break included. What is written in one piece costs the compressor less than record
// by record.
func inLines(body []byte, records []span) []byte {
	if len(records) == 0 {
		return nil
	}
	for _, r := range records {
		body[r.to] = '\n' // A comma, or the array's bracket.
	}
	return body[records[0].from : records[len(records)-1].to+1]
}
