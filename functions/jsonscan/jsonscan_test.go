package jsonscan

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestStrictSaysWhereAndWhat(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"a name twice":        {`{"a":1,"b":{"a":1},"a":2}`, `the JSON has '"' at byte 19: want each name once in an object`},
		"no UTF-8":            {"\"é\xff\"", `the JSON has 'ÿ' at byte 3: want UTF-8`},
		"half a pair":         {`"\ud83d"`, `the JSON has '"' at byte 7: want a surrogate pair`},
		"two first halves":    {`"\ud83d\ud83d"`, `the JSON has '\\' at byte 7: want a surrogate pair`},
		"a second half first": {`"\ude00\ud83d"`, `the JSON has '\\' at byte 7: want a surrogate pair`},
		"a pair cut off":      {`"\ud83d\`, `the JSON ends at byte 8: want a surrogate pair: unexpected EOF`},
		"asked":               {`{"\u0061":1,"a":2}`, `the JSON is not valid`},
	} {
		t.Run(name, func(t *testing.T) {
			r := Strict()
			r.Reset([]byte(c.text))
			if _, err := r.Value(); err == nil || err.Error() != c.says {
				t.Errorf("got %v, want %s", err, c.says)
			}
		})
	}
}

// TestAnotherTextIsReadAsStrictly has a reader believe one text, and fail in one.
func TestAnotherTextIsReadAsStrictly(t *testing.T) {
	const twice = `{"a":1,"a":2}`
	r := Strict()
	for _, before := range []string{`{"\u0061":1,"b":{"c":[2]}}`, `{"a":{"b":{"\ud800":1}}}`, `{"a":{"b":`, `[1]`} {
		r.Reset([]byte(before))
		_, _ = r.Value()
		_ = r.Valid()
		r.Reset([]byte(twice))
		if kept := len(r.names.stood); kept > 0 {
			t.Errorf("after %s, %d names are kept", before, kept)
		}
		if _, err := r.Value(); err == nil {
			t.Errorf("after %s, %s is taken", before, twice)
		}
		if r.Valid() {
			t.Errorf("after %s, %s is valid", before, twice)
		}
	}
}

// TestUniqueComparesWhatItIsAskedOf has names that the caller answers for, and objects within others.
func TestUniqueComparesWhatItIsAskedOf(t *testing.T) {
	r := Strict()
	r.Reset([]byte(`{"a":1,"a":2,"b":{"b":3,"c":4},"c":{},"b":5}`))
	var asked []string
	var within func() error
	within = func() error {
		if err := r.Open(); err != nil {
			return err
		}
		for {
			if more, err := r.Member(); !more {
				return err
			}
			if r.NameIs([]byte(`"a":`)) {
				if _, err := r.Value(); err != nil {
					return err
				}
				continue
			}
			name, err := r.Name()
			if err != nil {
				return err
			}
			asked = append(asked, string(name))
			if err := r.Unique(); err != nil {
				return err
			}
			if r.Peek() == '{' {
				err = within()
			} else {
				_, err = r.Value()
			}
			if err != nil {
				return err
			}
		}
	}
	const says = `the JSON has '"' at byte 38: want each name once in an object`
	if err := within(); err == nil || err.Error() != says {
		t.Errorf("got %v, want %s", err, says)
	}
	if got := strings.Join(asked, " "); got != `"b" "b" "c" "c" "b"` {
		t.Errorf("asked of %s", got)
	}
}

// TestAGuessedNameIsUniqueToo has the second name guessed, with which the reader has to compare the first.
func TestAGuessedNameIsUniqueToo(t *testing.T) {
	for text, taken := range map[string]bool{`{"a":1,"b":2}`: true, `{"b":1,"b":2}`: false} {
		r := Strict()
		r.Reset([]byte(text))
		_ = r.Open()
		_, _ = r.Member()
		_, _ = r.Name()
		_ = r.Unique()
		_, _ = r.Value()
		_, _ = r.Member()
		if r.NameIs([]byte(`"bb":`)) || !r.NameIs([]byte(`"b":`)) {
			t.Fatalf("%s: the name is not guessed", text)
		}
		if err := r.Unique(); (err == nil) != taken {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestRestEndsWhatWasOpened(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		// elements is how many are read before the rest.
		elements int
		fails    bool
	}{
		"nothing of an empty array":  {`[[],7]`, 0, false},
		"nothing of an array":        {`[[1,[2],3],7]`, 0, false},
		"some of an array":           {`[[1,[2],3],7]`, 2, false},
		"all of an array":            {`[[1,[2],3],7]`, 3, false},
		"an array that is broken":    {`[[1,[2],],7]`, 1, true},
		"an array that breaks off":   {`[[1,[2]`, 1, true},
		"nothing of an empty object": {`[{},7]`, 0, false},
		"nothing of an object":       {`[{"a":1,"b":{"a":2},"c":3},7]`, 0, false},
		"some of an object":          {`[{"a":1,"b":{"a":2},"c":3},7]`, 2, false},
		"all of an object":           {`[{"a":1,"b":{"a":2},"c":3},7]`, 3, false},
		"an object with a name left": {`[{"a":1,"b"},7]`, 1, true},
	} {
		for kind, r := range map[string]Reader{"lenient": Lenient(maxDepth), "strict": Strict()} {
			t.Run(kind+", "+name, func(t *testing.T) {
				r.Reset([]byte(c.text))
				_ = r.Open()
				_, _ = r.Element()
				opened := r.Peek()
				_ = r.Open()
				for range c.elements {
					if opened == '[' {
						_, _ = r.Element()
					} else {
						_, _ = r.Member()
						_, _ = r.Name()
					}
					_, _ = r.Value()
				}
				if err := r.Rest(opened); (err != nil) != c.fails {
					t.Fatalf("got %v", err)
				}
				if c.fails {
					return
				}
				if more, err := r.Element(); !more || err != nil {
					t.Fatalf("nothing follows: %v", err)
				}
				if value, err := r.Value(); string(value) != "7" || err != nil {
					t.Errorf("then comes %s, %v", value, err)
				}
			})
		}
	}
}

func TestUnquoted(t *testing.T) {
	buffer := []byte("before")
	for quoted, want := range map[string]string{`""`: "", `"a b"`: "a b", `"a\u0062\n"`: "ab\n", "\"\\n\xff\"": "\n\uFFFD", "\"\xff\"": "\xff"} {
		if got := Unquoted([]byte(quoted), &buffer); string(got) != want {
			t.Errorf("%q: got %q, want %q", quoted, got, want)
		}
	}
}

func TestIsNumber(t *testing.T) {
	for _, text := range []string{"", " ", "-", "+1", "01", "00", ".5", "1.", "1e", "1e+", "0x1", "1_0", " 1", "1 ", "NaN", "inf", "--1", "1.2.3", "1e5.5"} {
		if IsNumber([]byte(text)) {
			t.Errorf("%q is a number", text)
		}
	}
	for _, text := range []string{"0", "-0", "7", "10", "-12.50", "1e5", "1E+05", "0.1e-7", "123456789012345678901234567890"} {
		if !IsNumber([]byte(text)) {
			t.Errorf("%q is no number", text)
		}
	}
}

// attendee is like most of what is read.
const attendee = `{"email":"attendee7771@sub.example.net","eventid":4501001,"eventuserid":700000158,"userstatus":"active","isblocked":"N","engagementscore":1.8,` +
	`"liveminutes":71,"firstliveactivity":"2026-03-09T18:48:05-07:00","lastliveactivity":"2026-03-09T19:59:05-07:00","askedquestions":0,"answeredpolls":0,` +
	`"launchmode":"Watching remote","userprofileurl":"https://example.invalid/lead","campaigncode":"","company":"M\u00fcller & S\u00f6hne","city":"Zürich",` +
	`"polls":[{"pollid":7,"question":"Which one?","answers":["a","b"]},{"pollid":8,"question":"Why?","answers":null}],"cumulativeliveminutes":71}`

func TestReadingTakesNoMemory(t *testing.T) {
	text := []byte(attendee)
	for name, r := range map[string]Reader{"lenient": Lenient(maxDepth), "strict": Strict()} {
		allocations := testing.AllocsPerRun(100, func() {
			r.Reset(text)
			if _, err := r.Value(); err != nil || r.End() != nil {
				t.Fatal(err)
			}
		})
		if allocations > 0 {
			t.Errorf("%s: %v allocations a text", name, allocations)
		}
	}
}

// BenchmarkReaders goes through the records of an answer, and through records one by one, member by member, as jsontext does under the same
// rules.
func BenchmarkReaders(b *testing.B) {
	const records = 100
	answer := []byte("[" + strings.Repeat(attendee+",", records-1) + attendee + "]")
	record := []byte(attendee)
	loose, strict := Lenient(maxDepth), Strict()
	buffer, decoder := new(bytes.Buffer), new(jsontext.Decoder)
	reset := func(text []byte, options ...jsontext.Options) {
		*buffer = *bytes.NewBuffer(text)
		decoder.Reset(buffer, options...)
	}
	for name, read := range map[string]func() error{
		"answer/jsonscan": func() error {
			loose.Reset(answer)
			if err := loose.Open(); err != nil {
				return err
			}
			for {
				if more, err := loose.Element(); !more {
					return err
				}
				if err := members(&loose); err != nil {
					return err
				}
			}
		},
		"answer/jsontext": func() error {
			reset(answer, lenient...)
			if _, err := decoder.ReadToken(); err != nil {
				return err
			}
			for decoder.PeekKind() == '{' {
				if err := membersOf(decoder); err != nil {
					return err
				}
			}
			_, err := decoder.ReadToken()
			return err
		},
		"records/jsonscan": func() error {
			for range records {
				strict.Reset(record)
				if err := members(&strict); err != nil {
					return err
				}
			}
			return nil
		},
		"records/jsontext": func() error {
			for range records {
				reset(record)
				if err := membersOf(decoder); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(answer)))
			b.ReportAllocs()
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func members(r *Reader) error {
	if err := r.Open(); err != nil {
		return err
	}
	for {
		if more, err := r.Member(); !more {
			return err
		}
		if _, err := r.Name(); err != nil {
			return err
		}
		if err := r.Unique(); err != nil {
			return err
		}
		if _, err := r.Value(); err != nil {
			return err
		}
	}
}

func membersOf(d *jsontext.Decoder) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		if _, err := d.ReadValue(); err != nil {
			return err
		}
		if _, err := d.ReadValue(); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}
