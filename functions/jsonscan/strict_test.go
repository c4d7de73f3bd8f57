package jsonscan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// accepted reports whether a strict reader takes the text as one value.
func accepted(text string) bool {
	r := Strict()
	r.Reset([]byte(text))
	_, err := r.Value()
	return err == nil && r.End() == nil
}

// checkStrict compares a strict reader with jsontext on one text.
func checkStrict(t interface {
	Errorf(string, ...any)
	Helper()
}, text string) {
	t.Helper()
	want := jsontext.Value(text).IsValid()
	if got := accepted(text); got != want {
		t.Errorf("%.200q is taken: %t, want %t", text, got, want)
	}
	// Step by step the reader must find what it finds in one, and so must one that has asked jsontext on its way.
	for _, askAt := range []int{-1, 4} {
		r := Strict()
		r.Reset([]byte(text))
		var told []string
		err := walked(&r, func(name, value string) {
			if told = append(told, name, value); len(told) == askAt && r.Valid() != want {
				t.Errorf("%.200q is valid: %t", text, !want)
			}
		})
		if got := err == nil && r.End() == nil; got != want {
			t.Errorf("%.200q is taken step by step: %t (%v), want %t", text, got, err, want)
		}
		if want && strings.Join(told, "\n") != strings.Join(tokens([]byte(text)), "\n") {
			t.Errorf("%.200q: got %q", text, told)
		}
	}
	if !want {
		return
	}
	if r := Trusting([]byte(text)); walked(&r, func(string, string) {}) != nil || r.End() != nil || !r.Valid() {
		t.Errorf("%.200q is trusted, and not taken", text)
	}
}

// strictTexts are texts that a reader may be too lenient with, or too strict.
var strictTexts = []string{
	``, ` `, `{}`, `[]`, `[ ]`, `{ }`, ` { "a" : [ 1 , { } ] } `, "\t\r\n1\n", `[1,]`, `{"a":1,}`, `{,}`, `[,1]`, `{"a"}`, `{"a":}`, `{a:1}`, `{1:1}`, `{null:1}`, `[1 2]`, `{"a":1 "b":2}`, `]`, `}`, `[}`, `{]`, `[`, `{`, `1 2`,
	`true`, `false`, `null`, `tru`, `truex`, `nul`, `True`, `NaN`, `undefined`,
	`0`, `-0`, `-`, `01`, `1.`, `.5`, `1e`, `1e+`, `1E-5`, `1.5e10`, `+1`, `0x1`, `1_0`, `--1`, `1e999`,
	`""`, `"`, `"a`, `"\"`, `"\\"`, `"\x"`, `"\u00e9"`, `"\u00E9"`, `"\u00g9"`, `"\u00e"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00"`, `"\ud83d\ud83d"`, `"\ud83d\u0041"`, `"\ud83dxxxxxx"`, "\"\t\"", "\"\x7f\"", "\"\x1f\"", "\"\x00\"",
	"\"\xff\"", "\"\xc3\xa9\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "\"\xef\xbf\xbd\"", "\"12345678\xc3\xa9\"", "\"1234567\xc3\xa9\"", `"12345678\n1234567"`,
	`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"\u0061":1,"a":2}`, `{"\u0061":1,"b":2}`, `{"a":{"a":{"a":1}}}`, `[{"a":1},{"a":1}]`, `{"x":{"a":1,"b":2,"a":3}}`, `{"":1,"":2}`, `{"":1," ":2}`,
	`{"a":[{"b":1,"c":2}],"b":1,"c":2}`, `{"a":{"b":1},"b":2,"a":3}`,
}

func TestStrictTakesWhatJSONTextTakes(t *testing.T) {
	texts := slices.Concat(strictTexts, awkward)
	for _, depth := range []int{maxPlainDepth - 1, maxPlainDepth, maxPlainDepth + 1, maxPlainDepth + 2, 9999, 10000, 10001} {
		for _, inner := range []string{``, `1`, `{"a":1,"a":2}`, `"]}"`, `,`} {
			texts = append(texts, strings.Repeat("[", depth)+inner+strings.Repeat("]", depth))
			texts = append(texts, strings.Repeat(`{"a":[`, depth/2)+inner+strings.Repeat("]}", depth/2)+` `)
		}
	}
	for _, names := range []int{maxPlainNames - 1, maxPlainNames, maxPlainNames + 1, 3 * maxPlainNames} {
		var object strings.Builder
		for i := range names {
			fmt.Fprintf(&object, `"name%d":{"]}":[]},`, i)
		}
		for _, last := range []string{`"name0":1`, `"last":1`, `"last":`, ``} {
			texts = append(texts, "{"+object.String()+last+"}", "[[{"+object.String()+last+"}],2]", "{"+object.String()+last)
		}
	}
	for _, text := range texts {
		checkStrict(t, text)
	}
}

// TestStrictOnDrawnTexts draws texts that are nearly JSON: the pieces are, and their order often.
func TestStrictOnDrawnTexts(t *testing.T) {
	space := rapid.SampledFrom([]string{"", "", "", " ", "\t ", "\r\n"})
	text := rapid.SampledFrom([]string{`"a"`, `"b"`, `"a b"`, `"\u0061"`, `"long enough for two words"`, `"é"`, "\"\xff\"", `"\ud800"`, `"ab\"c"`, `"`})
	scalar := rapid.SampledFrom([]string{"1", "-0.5e3", "00", "true", "null", "fals", "x", ""})
	var value func(depth int) *rapid.Generator[string]
	value = func(depth int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			kind := rapid.IntRange(0, 9).Draw(t, "kind")
			if depth == 0 {
				kind %= 4
			}
			switch {
			case kind < 2:
				return text.Draw(t, "text")
			case kind < 4:
				return scalar.Draw(t, "scalar")
			}
			var b strings.Builder
			b.WriteString(map[bool]string{true: "{", false: "["}[kind < 8])
			n := rapid.IntRange(0, 4).Draw(t, "members")
			for i := range n {
				if i > 0 {
					b.WriteString(rapid.SampledFrom([]string{",", ",", ",", ",", ",", ",", ",", ""}).Draw(t, "comma"))
				}
				b.WriteString(space.Draw(t, "space"))
				if kind < 8 {
					b.WriteString(text.Draw(t, "name") + space.Draw(t, "space") + ":" + space.Draw(t, "space"))
				}
				b.WriteString(value(depth-1).Draw(t, "value") + space.Draw(t, "space"))
			}
			b.WriteString(map[bool]string{true: "}", false: "]"}[kind < 8])
			return b.String()
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		text := value(4).Draw(t, "text")
		checkStrict(t, text)
	})
}

// FuzzStrict reads any text, and takes it exactly where jsontext does.
func FuzzStrict(f *testing.F) {
	for _, text := range slices.Concat(strictTexts, awkward) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		checkStrict(t, string(text))
	})
}
