package curated

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/tables"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

const testKey = "0123456789abcdef0123456789abcdef"

// people has personal columns of each kind and protection, at the top, below objects, and one that is an object.
var people = columns(
	vendorapi.Column{Name: "id", Type: "int64"},
	vendorapi.Column{Name: "email", Type: "string", Personal: vendorapi.PersonalEmail},
	vendorapi.Column{Name: "host", Path: "email", Type: "string", Personal: vendorapi.PersonalEmail, Protect: vendorapi.ProtectMask},
	vendorapi.Column{Name: "name", Path: "who.name", Type: "string", Personal: vendorapi.PersonalName},
	vendorapi.Column{Name: "city", Path: "who.city", Type: "string"},
	vendorapi.Column{Name: "phone", Type: "int64", Personal: vendorapi.PersonalPhone},
	vendorapi.Column{Name: "office", Type: "string", Personal: vendorapi.PersonalPhone, Protect: vendorapi.ProtectMask},
	vendorapi.Column{Name: "ip", Type: "string", Personal: vendorapi.PersonalIP},
	vendorapi.Column{Name: "link", Path: "who.link", Type: "string", Personal: vendorapi.PersonalLink},
	vendorapi.Column{Name: "home", Type: "json", Personal: vendorapi.PersonalAddress},
	vendorapi.Column{Name: "country", Path: "home.country", Type: "string"},
	vendorapi.Column{Name: "nickname", Type: "string", Personal: vendorapi.PersonalName, Protect: vendorapi.ProtectKeep},
	vendorapi.Column{Name: "answers", Type: "json", Within: []vendorapi.Within{
		{Path: "by.email", Personal: vendorapi.PersonalEmail},
		{Path: "by.name", Personal: vendorapi.PersonalName},
		{Path: "by.phone", Personal: vendorapi.PersonalPhone},
		{Path: "by.title", Personal: vendorapi.PersonalName, Protect: vendorapi.ProtectKeep},
	}},
)

// curatePeople is curate with a key.
func curatePeople(t testing.TB, stream *vendorapi.Stream, records string) (outcome, *Writer) {
	t.Helper()
	with := source
	with.Key = privacy.Key(testKey)
	table, err := NewTable(stream)
	if err != nil {
		t.Fatal(err)
	}
	var o, q bytes.Buffer
	w := table.NewWriter(&o, &q, with)
	if _, err := w.AddPart(context.Background(), "part", strings.NewReader(records)); err != nil {
		t.Fatal(err)
	}
	counts, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	result := outcome{Rows: rows(t, o.Bytes()), Counts: counts}
	for _, row := range result.Rows {
		for _, own := range []string{tables.WindowStart, tables.WindowEnd, tables.Generation, tables.Late, tables.Part, tables.Position, tables.IngestedAt} {
			delete(row, own)
		}
	}
	if q.Len() > 0 {
		unzipped, err := gzip.NewReader(&q)
		if err != nil {
			t.Fatal(err)
		}
		for decoder := json.NewDecoder(unzipped); decoder.More(); {
			var line quarantined
			if err := decoder.Decode(&line); err != nil {
				t.Fatal(err)
			}
			result.Quarantine = append(result.Quarantine, line)
		}
	}
	return result, w
}

func TestPersonalColumns(t *testing.T) {
	anna := privacy.Key(testKey).Digest("anna@example.com")
	for name, test := range map[string]struct {
		record string
		row    map[string]any
		// undeclared are the fields that are told as such.
		undeclared []string
	}{
		"each as it is declared": {
			`{"id":1,"email":"Anna@Example.com","who":{"name":"Anna Smith","city":"Leeds","link":"https://example.com/j?t=1"},"phone":4917012345,"office":"+49 170 12345","ip":"203.0.113.7","home":{"street":"High St 1","country":"UK"},"nickname":"Annie"}`,
			map[string]any{"id": int64(1), "email": anna, "host": "a***@example.com", "name": "A. S.", "city": "Leeds", "office": "***45", "ip": "203.0.113.0/24", "country": "UK", "nickname": "Annie"}, []string{"home.street"},
		},
		"nulls":                           {`{"id":1,"email":null,"who":null,"phone":null,"office":null,"ip":null,"home":null,"nickname":null}`, map[string]any{"id": int64(1)}, nil},
		"absent":                          {`{"id":1}`, map[string]any{"id": int64(1)}, nil},
		"empty":                           {`{"id":1,"email":"","who":{"name":" ","link":""},"phone":"","office":"","ip":"","nickname":""}`, map[string]any{"id": int64(1), "nickname": ""}, nil},
		"of no use":                       {`{"id":1,"email":" ","who":{"name":"123"},"ip":"unknown"}`, map[string]any{"id": int64(1)}, nil},
		"escapes":                         {`{"id":1,"email":"\u0041nna@example.com","who":{"name":"\u00c4nna"}}`, map[string]any{"id": int64(1), "email": anna, "host": "a***@example.com", "name": "Ä."}, nil},
		"a number":                        {`{"id":1,"email":7}`, map[string]any{"id": int64(1), "email": privacy.Key(testKey).Digest("7"), "host": "***"}, nil},
		"another type of what is dropped": {`{"id":1,"phone":"n/a","who":{"link":{"href":"https://example.com"}}}`, map[string]any{"id": int64(1)}, nil},
		"an object that is dropped, and what nobody declares in it": {`{"id":1,"home":{"street":"High St 1"},"x":1}`, map[string]any{"id": int64(1), tables.Undeclared: `{"x":1}`}, []string{"home.street", "x"}},
		"within an array": {
			`{"id":1,"answers":[ {"text":"a, b" , "by":[{"email":"anna@example.com","name":"Anna \"A\" Smith","phone":"123456","title":"Dr"},{"email":null,"name":"7","phone":7}]}, {"text":"c"}, {"by":{"name":["Bob","\u0041nna",["Cy"],{"x":1}]}} ]}`,
			map[string]any{"id": int64(1), "answers": `[{"text":"a, b","by":[{"email":"` + anna + `","name":"A. A. S.","title":"Dr"},{"email":null,"name":null}]},{"text":"c"},{"by":{"name":["B.","A.",["C."]]}}]`}, nil,
		},
		"within an object":            {`{"id":1,"answers":{"by":{"phone":"123456"},"\u0062y2":1}}`, map[string]any{"id": int64(1), "answers": `{"by":{},"\u0062y2":1}`}, nil},
		"within what is no object":    {`{"id":1,"answers":[{"by":"Anna Smith"},"Anna",null,7]}`, map[string]any{"id": int64(1), "answers": `[{},null]`}, nil},
		"within a text":               {`{"id":1,"answers":"Anna Smith","x":"y"}`, map[string]any{"id": int64(1), tables.Undeclared: `{"x":"y"}`}, []string{"x"}},
		"within nothing":              {`{"id":1,"answers":[]}`, map[string]any{"id": int64(1), "answers": `[]`}, nil},
		"beside what nobody declares": {`{"id":1,"who":{"name":"Anna","link":"l","age":7}}`, map[string]any{"id": int64(1), "name": "A.", tables.Undeclared: `{"who":{"age":7}}`}, []string{"who.age"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, w := curatePeople(t, people, test.record+"\n")
			if diff := cmp.Diff(outcome{Rows: []map[string]any{test.row}, Counts: Counts{Records: 1, Rows: 1}}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.undeclared, w.Undeclared()); diff != "" {
				t.Errorf("undeclared (-want +got):\n%s", diff)
			}
		})
	}
}

func TestQuarantineHoldsNothingPersonal(t *testing.T) {
	for name, test := range map[string]struct{ record, want string }{
		"another field is wrong":     {`{ "id" : "x", "email":"anna@example.com","who":{"name":"Anna","city":"Leeds","age":7},"nickname":"Annie" }`, `{"id":"x","who":{"city":"Leeds","age":7},"nickname":"Annie"}`},
		"the personal one is wrong":  {`{"id":1,"email":{"anna@example.com":1}}`, `{"id":1}`},
		"a name with escapes":        {`{"id":"x","\u0065mail":"anna@example.com","x":[1, "y"]}`, `{"id":"x","x":[1, "y"]}`},
		"no object where one should": {`{"id":1,"who":"Anna Smith"}`, `{"id":1}`},
		"an object that is dropped":  {`{"id":"x","home":{"street":"High St 1","country":"UK"}}`, `{"id":"x"}`},
		"nothing but personal":       {`{"email":["anna@example.com"]}`, `{}`},
		"what has something within":  {`{"id":"x","answers":[{"by":{"name":"Anna"}}],"y":1}`, `{"id":"x","y":1}`},
		"an array":                   {`["anna@example.com"]`, `null`},
		"a text":                     {`"anna@example.com"`, `null`},
		"a name twice":               {`{"id":1,"email":"anna@example.com","id":2}`, `null`},
		"no JSON":                    {`{"id":1,"email":"anna@example.com"`, `null`},
		"no UTF-8":                   {"{\"id\":1,\"email\":\"anna@example.com\",\"x\":\"\xff\"}", `null`},
		"two values":                 {`{"id":1}{"email":"anna@example.com"}`, `null`},
	} {
		t.Run(name, func(t *testing.T) {
			got, w := curatePeople(t, people, `{"id":0}`+"\n"+test.record+"\n")
			if len(got.Quarantine) != 1 || got.Counts != (Counts{Records: 2, Rows: 1, Quarantined: 1}) {
				t.Fatalf("got %+v", got)
			}
			line := got.Quarantine[0]
			if string(line.Record) != test.want || line.Part != "part" || line.Position != 1 || line.Reason == "" {
				t.Errorf("got %s of %+v, want %s", line.Record, line, test.want)
			}
			if reason := w.Reason(); strings.Contains(strings.ToLower(reason), "anna") {
				t.Errorf("the reason tells: %s", reason)
			}
		})
	}
}

// TestNothingPersonalIsWritten puts a text that occurs nowhere else wherever in a record personal fields can be, in whatever shape, and looks for
// it in all that is written.
func TestNothingPersonalIsWritten(t *testing.T) {
	const person = "xyzzy"
	clear := func(text string) string { return `"` + text + `"` }
	paths := [][]string{{"email"}, {"who", "name"}, {"who", "link"}, {"phone"}, {"office"}, {"ip"}, {"home"}, {"home", "street"}, {"who"}, {"answers", "by"}}
	rapid.Check(t, func(r *rapid.T) {
		value := rapid.SampledFrom([]string{
			clear("q " + person), clear("q" + person + "@example.com"), clear("q\\u0020" + person), `["q` + person + `"]`, `{"a":"q` + person + `"}`,
			`{"a":{"city":"q` + person + `"}}`, `[[{"name":"q` + person + `"}]]`, "7", "null",
		})
		tree := map[string]any{}
		for _, path := range rapid.SliceOfN(rapid.SampledFrom(paths), 1, 4).Draw(r, "paths") {
			drawn := json.RawMessage(value.Draw(r, "value"))
			if path[0] == "answers" && drawn[0] == '{' {
				// As below who, so below by.
				drawn = json.RawMessage(`{"email":` + string(drawn) + `,"name":"q` + person + `"}`)
			}
			if len(path) == 1 {
				// Below who stand fields that nobody calls personal.
				if path[0] != "who" || drawn[0] != '{' {
					tree[path[0]] = drawn
				}
				continue
			}
			below, isObject := tree[path[0]].(map[string]any)
			if !isObject {
				below = map[string]any{}
				tree[path[0]] = below
			}
			below[path[1]] = drawn
		}
		tree["id"] = rapid.SampledFrom([]any{1, "x", nil, []int{1}}).Draw(r, "id")
		text, err := json.Marshal(tree)
		if err != nil {
			r.Fatal(err)
		}
		record := rapid.SampledFrom([]string{"%s", " %s", "[%s]", "%s%s", `{"id":1,"id":2,"email":"` + person + `"}%.0s`, "%.10000s,", "{%s"}).Draw(r, "form")
		if strings.Count(record, "%") == 2 {
			record = fmt.Sprintf(record, text, text)
		} else {
			record = fmt.Sprintf(record, text)
		}
		table, err := NewTable(people)
		if err != nil {
			r.Fatal(err)
		}
		var object, quarantine bytes.Buffer
		with := source
		with.Key = privacy.Key(testKey)
		w := table.NewWriter(&object, &quarantine, with)
		if _, err := w.AddPart(context.Background(), "part", strings.NewReader(record)); err != nil {
			r.Fatal(err)
		}
		if _, err := w.Close(); err != nil {
			r.Fatal(err)
		}
		written := w.Reason()
		for _, row := range rows(t, object.Bytes()) {
			written += fmt.Sprint(row)
		}
		if quarantine.Len() > 0 {
			unzipped, err := gzip.NewReader(&quarantine)
			if err != nil {
				r.Fatal(err)
			}
			lines, err := io.ReadAll(unzipped)
			if err != nil {
				r.Fatal(err)
			}
			written += string(lines)
		}
		if strings.Contains(written, person) {
			r.Errorf("of %s is written %s", record, written)
		}
	})
}

func TestAKeyIsNeeded(t *testing.T) {
	table, err := NewTable(people)
	if err != nil {
		t.Fatal(err)
	}
	if !table.Hashes() {
		t.Error("the table does not say that it hashes")
	}
	w := table.NewWriter(io.Discard, io.Discard, source)
	if _, err := w.AddPart(context.Background(), "part", strings.NewReader(`{"id":1}`)); !errors.Is(err, privacy.ErrKey) {
		t.Errorf("without a key: %v", err)
	}
	unhashed, err := NewTable(columns(people.Columns[3 : len(people.Columns)-1]...))
	if err != nil {
		t.Fatal(err)
	}
	if unhashed.Hashes() {
		t.Error("the table says that it hashes, and has no such column")
	}
	if _, err := unhashed.NewWriter(io.Discard, io.Discard, source).AddPart(context.Background(), "part", strings.NewReader(`{"id":1}`)); err != nil {
		t.Errorf("a table that needs no key: %v", err)
	}
}

func TestDigestsFollowTheKeyOfTheSource(t *testing.T) {
	table, err := NewTable(people)
	if err != nil {
		t.Fatal(err)
	}
	var w *Writer
	for _, key := range []privacy.Key{privacy.Key(testKey), privacy.Key(strings.ToUpper(testKey)), nil, privacy.Key(testKey)} {
		var object bytes.Buffer
		with := source
		with.Key = key
		if w == nil {
			w = table.NewWriter(&object, io.Discard, with)
		} else {
			w.Reset(&object, io.Discard, with)
		}
		_, err := w.AddPart(context.Background(), "part", strings.NewReader(`{"email":"anna@example.com"}`))
		if key == nil {
			if !errors.Is(err, privacy.ErrKey) {
				t.Errorf("without a key: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got := rows(t, object.Bytes())[0]["email"]; got != key.Digest("anna@example.com") {
			t.Errorf("the digest %v is of another key", got)
		}
	}
}

func TestHashIsOfTheProtection(t *testing.T) {
	hash := func(personal vendorapi.Personal, protect vendorapi.Protection) string {
		table, err := NewTable(columns(vendorapi.Column{Name: "id", Type: "int64"}, vendorapi.Column{Name: "a", Type: "string", Personal: personal, Protect: protect}))
		if err != nil {
			t.Fatal(err)
		}
		return table.Hash()
	}
	plain := hash("", "")
	if plain != hash(vendorapi.PersonalEmail, vendorapi.ProtectKeep) {
		t.Error("a personal column that is kept makes objects of other content")
	}
	if hash(vendorapi.PersonalEmail, "") != hash(vendorapi.PersonalEmail, vendorapi.ProtectHash) || hash(vendorapi.PersonalEmail, "") != hash(vendorapi.PersonalLogin, "") {
		t.Error("a digest is a digest, whoever has said so")
	}
	seen := map[string]string{plain: "kept"}
	for _, of := range []struct {
		personal vendorapi.Personal
		protect  vendorapi.Protection
	}{
		{vendorapi.PersonalEmail, vendorapi.ProtectHash}, {vendorapi.PersonalEmail, vendorapi.ProtectMask}, {vendorapi.PersonalEmail, vendorapi.ProtectDrop},
		{vendorapi.PersonalName, vendorapi.ProtectMask},
	} {
		name, got := fmt.Sprint(of), hash(of.personal, of.protect)
		if other, taken := seen[got]; taken {
			t.Errorf("%s has the hash of %s", name, other)
		}
		seen[got] = name
	}
}

func TestNewTableRefusesWhatItCannotProtect(t *testing.T) {
	for want, c := range map[string]vendorapi.Column{
		`stream attendees: column a: protect "hide": want keep, hash, mask or drop`:                          {Name: "a", Type: "string", Personal: "name", Protect: "hide"},
		`stream attendees: column a: protect "": want keep, hash, mask or drop`:                              {Name: "a", Type: "string", Personal: "shoe-size"},
		`stream attendees: column a: protect "hash": want a column of type string, not json`:                 {Name: "a", Type: "json", Personal: "email"},
		`stream attendees: column a: protect "mask": there is no mask for its kind: want keep, hash or drop`: {Name: "a", Type: "string", Personal: "link", Protect: "mask"},
	} {
		if _, err := NewTable(columns(c)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestEveryKindIsKnown has what a description may say be what a table can do.
func TestEveryKindIsKnown(t *testing.T) {
	for _, kind := range []vendorapi.Personal{
		vendorapi.PersonalEmail, vendorapi.PersonalName, vendorapi.PersonalPhone, vendorapi.PersonalIP, vendorapi.PersonalAddress, vendorapi.PersonalLink, vendorapi.PersonalLogin,
	} {
		for _, protect := range []vendorapi.Protection{vendorapi.ProtectKeep, vendorapi.ProtectHash, vendorapi.ProtectMask, vendorapi.ProtectDrop} {
			stream := columns(vendorapi.Column{Name: "id", Type: "int64"}, vendorapi.Column{Name: "a", Type: "string", Personal: kind, Protect: protect})
			stream.Key, stream.Name = []string{"id"}, "people"
			vendor := vendorapi.Vendor{Name: "acme", Protect: map[vendorapi.Personal]vendorapi.Protection{kind: protect}, Streams: []vendorapi.Stream{*stream}}
			described := !strings.Contains(vendor.Validate().Error(), "protect")
			if _, err := NewTable(stream); (err == nil) != described {
				t.Errorf("%s of %s: a table says %v, and that a description may say so is %v", protect, kind, err, described)
			}
		}
	}
}

func TestInspectShowsWhatIsDropped(t *testing.T) {
	table, err := NewTable(people)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = table.Inspect([]byte(`{"id":1,"email":"a@b.c","phone":"none","who":{"link":"l"},"home":{"country":"UK","street":"s"}}`), func(v Value) {
		got = append(got, fmt.Sprintf("%s %s %v %v", v.Path, v.Column, v.Declared, v.Fits))
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"id id true true", "email email true true", "email host true true", "phone phone true false", "who.link link true true", "home home true true", "home.country country true true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func BenchmarkPersonal(b *testing.B) {
	plain := columns()
	for _, c := range people.Columns {
		c.Personal, c.Protect = "", ""
		plain.Columns = append(plain.Columns, c)
	}
	var text strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&text, `{"id":%d,"email":"anna.smith.%d@example.com","who":{"name":"Anna Maria Smith","city":"Leeds","link":"https://example.com/j?t=%d"},"phone":%d,"office":"+49 170 12345","ip":"203.0.113.7","home":{"street":"High St 1","country":"UK"},"nickname":"Annie"}`+"\n", i, i, i, i)
	}
	for name, stream := range map[string]*vendorapi.Stream{"kept": plain, "protected": people} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			b.ReportAllocs()
			table, err := NewTable(stream)
			if err != nil {
				b.Fatal(err)
			}
			with := source
			with.Key = privacy.Key(testKey)
			for b.Loop() {
				w := table.NewWriter(io.Discard, io.Discard, with)
				if _, err := w.AddPart(context.Background(), "part", strings.NewReader(text.String())); err != nil {
					b.Fatal(err)
				}
				if _, err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
