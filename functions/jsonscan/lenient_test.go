package jsonscan

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// maxDepth is that of the lenient readers in these tests, and [lenient] what jsontext is told to take what they do.
const maxDepth = 200

var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// outcome is what a reader makes of a text: where the first value ends, whether it fails and whether the text ended too early, and whether
// there is more behind the value.
type outcome struct {
	end               int
	failed, cut, more bool
}

// byOwn skips the first value of a text, byLibrary has jsontext do it.
func byOwn(text []byte) outcome {
	r := Lenient(maxDepth)
	r.Reset(text)
	if _, err := r.Value(); err != nil {
		cut := errors.Is(err, io.ErrUnexpectedEOF)
		// jsontext reads what stands where a name should to its end before it says so, and calls what ends there cut off, though no
		// end would make it good.
		if strings.HasSuffix(err.Error(), "want a name in quotes") {
			cut = byLibrary(text).cut
		}
		return outcome{failed: true, cut: cut}
	}
	return outcome{end: r.At(), more: r.End() != nil}
}

func byLibrary(text []byte) outcome {
	d := jsontext.NewDecoder(bytes.NewBuffer(bytes.Clone(text)), lenient...)
	if err := d.SkipValue(); err != nil {
		return outcome{failed: true, cut: errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)}
	}
	end := int(d.InputOffset())
	_, err := d.ReadToken()
	return outcome{end: end, more: !errors.Is(err, io.EOF)}
}

// walked goes through a text token by token, as far as it is good, and tells of each member and element where its value is.
func walked(r *Reader, tell func(name, value string)) error {
	kind := r.Peek()
	if kind != '{' && kind != '[' {
		value, err := r.Value()
		tell("", string(value))
		return err
	}
	if err := r.Open(); err != nil {
		return err
	}
	for {
		if kind == '[' {
			if more, err := r.Element(); !more {
				return err
			}
			tell("-", "")
		} else {
			if more, err := r.Member(); !more {
				return err
			}
			name, err := r.Name()
			if err != nil {
				return err
			}
			if err := r.Unique(); err != nil {
				return err
			}
			tell(string(name), "")
		}
		if err := walked(r, tell); err != nil {
			return err
		}
	}
}

// checkLenient compares a lenient reader with jsontext on one text.
func checkLenient(t interface {
	Fatalf(string, ...any)
	Helper()
}, text []byte) {
	t.Helper()
	if deep(text) {
		if got := byOwn(text); !got.failed {
			t.Fatalf("%.300q is nested too deep and is read", text)
		}
		return
	}
	got, want := byOwn(text), byLibrary(text)
	if got != want {
		t.Fatalf("%q: got %+v, jsontext %+v", text, got, want)
	}
	// Step by step the reader must find what it finds in one.
	r := Lenient(maxDepth)
	r.Reset(text)
	var told []string
	err := walked(&r, func(name, value string) { told = append(told, name, value) })
	if (err != nil) != got.failed || err == nil && (r.At() != got.end || r.depth != 0) {
		t.Fatalf("%q: step by step to %d at depth %d with %v, in one %+v", text, r.At(), r.depth, err, got)
	}
	if err != nil {
		return
	}
	if broken := brokenOutsideStrings(text[:r.At()]); r.Broken() != broken {
		t.Fatalf("%q: line breaks between tokens: got %v", text, r.Broken())
	}
	if want := tokens(text); strings.Join(told, "\n") != strings.Join(want, "\n") {
		t.Fatalf("%q: got %q, jsontext %q", text, told, want)
	}
}

// tokens are the names and values of a good text as jsontext finds them, in the form that walked tells.
func tokens(text []byte) []string {
	d := jsontext.NewDecoder(bytes.NewReader(text), lenient...)
	var found []string
	var value func()
	value = func() {
		kind := d.PeekKind()
		if kind != '{' && kind != '[' {
			v, _ := d.ReadValue()
			found = append(found, "", string(v))
			return
		}
		_, _ = d.ReadToken()
		for d.PeekKind() != '}' && d.PeekKind() != ']' {
			name := "-"
			if kind == '{' {
				v, _ := d.ReadValue()
				name = string(v)
			}
			found = append(found, name, "")
			value()
		}
		_, _ = d.ReadToken()
	}
	value()
	return found
}

// brokenOutsideStrings finds line breaks in a good text. No string holds one.
func brokenOutsideStrings(text []byte) bool { return bytes.ContainsAny(text, "\r\n") }

// awkward are texts that readers of JSON differ about (https://github.com/nst/JSONTestSuite), and some of pages.
var awkward = []string{
	"", " ", "\n\t\r ", "{", "}", "[", "]", "[]", "{}", " [ ] ", "[1]", "[1,]", "[,1]", "[1 2]", "[1,,2]", `["a",`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`,
	`{"a":1,}`, `{,}`, `{"a" 1}`, `{"a"::1}`, `{a:1}`, `{'a':1}`, `{1:1}`, `{"a":1 "b":2}`, `{"a":1}}`, `[1]]`, `[}`, `{]`, `{"a":[}`, `["a":1]`,
	"true", "tru", "truth", "t", "nul", "null", "nulll", "false", "True", "fals ", "[true,false,null]", "[truefalse]",
	"0", "-0", "-", "+1", "01", "-01", "1.", "1.e1", ".1", "1.5", "1e", "1e+", "1e-", "1e+5", "1E5", "1ee5", "1e5.5", "0e1", "0.0", "00", "0x1", "1_0", "Infinity", "NaN", "-a",
	"[0", "[-", "[1.", "[1e", "[1e+", `[12345678901234567890]`, "1 2", "1,2",
	`""`, `"`, `"a`, `"\`, `"\"`, `"\\"`, `"\\\"`, `"\x"`, `"\u"`, `"\u1"`, `"\u12"`, `"\u123"`, `"\u1234"`, `"\u12G4"`, `"\uD800"`, `"\uDC00\uD800"`, `"\ud83d\ude00"`, `"\U0041"`,
	`"\b\f\n\r\t\/\"\\"`, "\"\x00\"", "\"\x1f\"", "\"\x7f\"", "\"\n\"", "\"\xff\"", "\"\xed\xa0\x80\"", "\"\u2028\"", "\xef\xbb\xbf{}", "\x00", "\"abcdefg\x01hijklmnop\"", "\"12345678\"", "\"1234567\\\"\"",
	`{"a":1,"a":2}`, "{\"\xff\":1,\"\\ud800\":2}", "[1]\x00", "[1] ,", "{\"a\"\n:\r1\t}", "//", "/**/1", "[\"a\"]\n", "[1\n,2]", "\v[]", "\u00a0[]",
	strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth), strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1), strings.Repeat(`{"a":`, maxDepth+1),
	strings.Repeat("[", maxDepth), `{"things":[{"id":1,"a":{"time":"2026-03-10T17:30:00Z"}},{"id":2}],"meta":{"total":4,"next":"/things?at=2"}}`,
}

func TestLenientTakesWhatJSONTextTakes(t *testing.T) {
	for _, text := range awkward {
		checkLenient(t, []byte(text))
		// A text may break off anywhere, and be followed by anything.
		for i := range len(text) {
			checkLenient(t, []byte(text[:i]))
			checkLenient(t, []byte(text[i:]))
		}
		checkLenient(t, []byte(" "+text+"\n"))
		checkLenient(t, []byte(`{"a":[`+text+`]}`))
		checkLenient(t, []byte(`{`+text+`:1}`))
		checkLenient(t, []byte(`{"a":`+text+`,"b":"`+text+`"}`))
	}
}

// TestLenientIsNoMoreThanALibraryOffTheTrack takes good texts, and changes a few of their bytes.
func TestLenientIsNoMoreThanALibraryOffTheTrack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(jsonText(3).Draw(t, "text"))
		checkLenient(t, text)
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			if len(text) == 0 {
				break
			}
			at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			switch rapid.IntRange(0, 3).Draw(t, "change") {
			case 0:
				text = text[:at]
			case 1:
				text = append(text[:at:at], text[at+1:]...)
			case 2:
				text[at] = rapid.SampledFrom([]byte("{}[]\",:\\u0a-+.eE1tfn \n\x00\x1f\xff")).Draw(t, "byte")
			case 3:
				text = append(append(text[:at:at], rapid.SampledFrom([]byte("{}[]\",:\\u0a-+.eE1tfn \n\x00\x1f\xff")).Draw(t, "byte")), text[at:]...)
			}
			checkLenient(t, text)
		}
	})
}

// jsonText draws good JSON of some depth.
func jsonText(depth int) *rapid.Generator[string] {
	space := rapid.SampledFrom([]string{"", "", "", " ", "\n", "\t\r\n"})
	text := rapid.Custom(func(t *rapid.T) string {
		return `"` + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "longer than a word", `\"`, `\\`, `\u00e9`, `\ud83d\ude00`, "é", "\xff", "/", "0"}), 0, 4).Draw(t, "pieces"), "") + `"`
	})
	number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?`)
	plain := rapid.OneOf(text, number, rapid.SampledFrom([]string{"true", "false", "null", "{}", "[]"}))
	if depth == 0 {
		return plain
	}
	return rapid.OneOf(plain, rapid.Custom(func(t *rapid.T) string {
		values := rapid.SliceOfN(jsonText(depth-1), 0, 4).Draw(t, "values")
		object := rapid.Bool().Draw(t, "object")
		for i := range values {
			if object {
				values[i] = text.Draw(t, "name") + space.Draw(t, "space") + ":" + space.Draw(t, "space") + values[i]
			}
			values[i] = space.Draw(t, "space") + values[i] + space.Draw(t, "space")
		}
		inside := strings.Join(values, ",")
		if object {
			return "{" + inside + "}"
		}
		return "[" + inside + "]"
	}))
}

func TestLenientSaysWhereAndWhat(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{`{"a":1`, "the JSON ends at byte 6: want a comma or }: unexpected EOF"},
		{`[1 2]`, `the JSON has '2' at byte 3: want a comma or ]`},
		{`[tru]`, `the JSON has ']' at byte 4: want true`},
		{"\"a\x01\"", `the JSON has '\x01' at byte 2: want no control character in a string`},
		{`{"a" 1}`, `the JSON has '1' at byte 5: want a colon`},
		{`{1}`, `the JSON has '1' at byte 1: want a name in quotes`},
		{`"\x"`, `the JSON has 'x' at byte 2: want one of "\/bfnrtu`},
		{`"\u12G4"`, `the JSON has 'G' at byte 5: want four hexadecimal digits`},
		{`-a`, `the JSON has 'a' at byte 1: want a digit`},
		{`?`, `the JSON has '?' at byte 0: want a value`},
	} {
		r := Lenient(maxDepth)
		r.Reset([]byte(c.text))
		if _, err := r.Value(); err == nil || err.Error() != c.says {
			t.Errorf("%s: got %v, want %s", c.text, err, c.says)
		}
	}
}

// deep says whether a value is nested deeper than maxDepth.
func deep(value []byte) bool {
	decoder := jsontext.NewDecoder(bytes.NewReader(value), lenient...)
	for {
		if _, err := decoder.ReadToken(); err != nil {
			return false
		}
		if decoder.StackDepth() > maxDepth {
			return true
		}
	}
}

// FuzzLenient reads any text, and finds in it what jsontext does.
func FuzzLenient(f *testing.F) {
	for _, text := range awkward {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { checkLenient(t, text) })
}
