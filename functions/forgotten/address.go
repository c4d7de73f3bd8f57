package forgotten

import (
	"bytes"
	"iter"
	"net/url"
	"strings"
)

// span is where an address stands in a text.
type span struct{ from, to int }

// found yields where addresses of those on the list stand in a text.
//
// An address may stand in the midst of words: "mail ann@example.com.", "<ann@example.com>", "?to=ann%40example.com&x=1". Its local part
// may have characters that end it elsewhere (https://www.rfc-editor.org/rfc/rfc5322#section-3.2.3), so each place at which it can begin,
// and each at which it can end, is tried: a digest tells.
func (f *Filter) found(text []byte) iter.Seq[span] {
	return func(yield func(span) bool) {
		for at := 0; at < len(text); {
			sign, width := nextSign(text[at:])
			if sign < 0 {
				return
			}
			sign += at
			if s, ok := f.around(text, sign, width); ok {
				if !yield(s) {
					return
				}
				at = max(s.to, sign+width)
				continue
			}
			at = sign + width
		}
	}
}

// nextSign returns where the next @ stands, or what stands for one in a URL, and how long it is.
func nextSign(text []byte) (at, width int) {
	plain := bytes.IndexByte(text, '@')
	within := text
	if plain >= 0 {
		within = text[:plain]
	}
	if coded := bytes.Index(within, percentAt); coded >= 0 {
		return coded, len(percentAt)
	}
	return plain, 1
}

// The longest parts of an address. https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1
const (
	maxLocal = 64
	maxHost  = 255
	// maxCoded is the longest local part in which each character is written as three.
	maxCoded = 3 * maxLocal
)

// around looks for an address around the @ at sign.
func (f *Filter) around(text []byte, sign, width int) (span, bool) {
	from := sign
	for from > 0 && sign-from < maxCoded && isLocal(text[from-1]) {
		from--
	}
	to := sign + width
	for to < len(text) && to-sign-width < maxHost && isHost(text[to]) {
		to++
	}
	if from == sign || to == sign+width {
		return span{}, false
	}
	for end := to; ; {
		for begin := from; begin < sign; begin++ {
			if begin > from && isWord(text[begin-1]) && text[begin-1] < 0x80 && !escapes(text, begin) {
				// An address does not begin in the midst of a word.
				continue
			}
			if f.lists(decoded(text[begin:end])) {
				return span{begin, end}, true
			}
		}
		// A host's name may be followed by a full stop, or by a word without a space. What is left of it has a full stop too.
		host := text[sign+width : end]
		shorter := bytes.LastIndexAny(host, ".-")
		if shorter < 0 || bytes.IndexByte(host[:shorter], '.') < 0 {
			return span{}, false
		}
		end = sign + width + shorter
	}
}

// escapes reports whether what stands before text[begin] is a percent sign's code, behind which a word may begin.
func escapes(text []byte, begin int) bool { return begin >= 3 && text[begin-3] == '%' }

// decoded is an address without a URL's escapes.
func decoded(address []byte) []byte {
	if bytes.IndexByte(address, '%') < 0 {
		return address
	}
	if plain, err := url.PathUnescape(string(address)); err == nil {
		return []byte(plain)
	}
	return address
}

// isLocal reports whether a character may stand in a local part.
func isLocal(c byte) bool { return isWord(c) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", c) >= 0 }

// isHost reports whether a character may stand in a host's name.
func isHost(c byte) bool { return isWord(c) || c == '.' || c == '-' }

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// clean puts [instead] in place of the listed addresses of a text, and reports whether there were any. Space around what is nothing but an
// address goes with it.
func (f *Filter) clean(text string) (string, bool) {
	var cleaned strings.Builder
	copied := 0
	for s := range f.found([]byte(text)) {
		cleaned.WriteString(text[copied:s.from])
		cleaned.WriteString(instead)
		copied = s.to
	}
	if copied == 0 {
		return text, false
	}
	cleaned.WriteString(text[copied:])
	if trimmed := strings.TrimSpace(cleaned.String()); trimmed == instead {
		return instead, true
	}
	return cleaned.String(), true
}
