package curated

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/tables"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

var update = flag.Bool("update", false, "write the golden files anew")

var source = Source{
	Window:     window.Window{Start: at("2026-03-10T17:00:00Z"), End: at("2026-03-10T17:30:00Z")},
	Generation: 2,
	Late:       3,
	IngestedAt: at("2026-03-10T17:35:00Z"),
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func columns(columns ...vendorapi.Column) *vendorapi.Stream {
	return &vendorapi.Stream{Name: "attendees", Columns: columns}
}

// outcome is what a test compares: rows by column without windrow's constant columns, and quarantine lines.
type outcome struct {
	Rows       []map[string]any
	Quarantine []quarantined
	Counts     Counts
}

type quarantined struct {
	Reason   string          `json:"reason"`
	Part     string          `json:"part"`
	Position int64           `json:"position"`
	Record   json.RawMessage `json:"record"`
}

func write(t testing.TB, stream *vendorapi.Stream, records string) (object, quarantine []byte, w *Writer, counts Counts) {
	t.Helper()
	table, err := NewTable(stream)
	if err != nil {
		t.Fatal(err)
	}
	var o, q bytes.Buffer
	w = table.NewWriter(&o, &q, source)
	if _, err := w.AddPart(context.Background(), "part", strings.NewReader(records)); err != nil {
		t.Fatal(err)
	}
	if counts, err = w.Close(); err != nil {
		t.Fatal(err)
	}
	return o.Bytes(), q.Bytes(), w, counts
}

func curate(t testing.TB, stream *vendorapi.Stream, records string) outcome {
	t.Helper()
	object, quarantine, _, counts := write(t, stream, records)
	result := outcome{Rows: rows(t, object), Counts: counts}
	if len(quarantine) > 0 {
		unzipped, err := gzip.NewReader(bytes.NewReader(quarantine))
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(unzipped)
		for {
			var q quarantined
			if err := decoder.Decode(&q); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			result.Quarantine = append(result.Quarantine, q)
		}
	}
	return result
}

func rows(t testing.TB, object []byte) []map[string]any {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(object), int64(len(object)))
	if err != nil {
		t.Fatal(err)
	}
	var result []map[string]any
	names := file.Schema().Columns()
	for _, group := range file.RowGroups() {
		reader := group.Rows()
		for {
			buffer := make([]parquet.Row, 1)
			n, err := reader.ReadRows(buffer)
			if n == 1 {
				row := map[string]any{}
				for _, value := range buffer[0] {
					if !value.IsNull() {
						row[names[value.Column()][0]] = plain(value)
					}
				}
				result = append(result, row)
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		reader.Close()
	}
	return result
}

func plain(value parquet.Value) any {
	switch value.Kind() {
	case parquet.Boolean:
		return value.Boolean()
	case parquet.Int32:
		return value.Int32()
	case parquet.Int64:
		return value.Int64()
	case parquet.Double:
		return value.Double()
	default:
		return string(value.ByteArray())
	}
}

func TestConversions(t *testing.T) {
	const null, refused = "null", "refused"
	micros := func(text string) int64 { return at(text).UnixMicro() }
	pacific := vendorapi.Column{Type: vendorapi.TypeTimestamp, Layout: "2006-01-02T15:04:05", Zone: "America/Los_Angeles"}
	for _, test := range []struct {
		column vendorapi.Column
		value  string
		want   any
	}{
		{vendorapi.Column{Type: "string"}, `"a"`, "a"},
		{vendorapi.Column{Type: "string"}, `""`, ""},
		{vendorapi.Column{Type: "string"}, `null`, null},
		{vendorapi.Column{Type: "string"}, `"a\u00e9\n\"\ud83d\ude00"`, "aé\n\"😀"},
		{vendorapi.Column{Type: "string"}, `"\u0000"`, "\x00"},
		{vendorapi.Column{Type: "string"}, `12345678901234567890.10`, "12345678901234567890.10"},
		{vendorapi.Column{Type: "string"}, `1e3`, "1e3"},
		{vendorapi.Column{Type: "string"}, `true`, "true"},
		{vendorapi.Column{Type: "string"}, `{"a":1}`, refused},
		{vendorapi.Column{Type: "string"}, `[]`, refused},

		{vendorapi.Column{Type: "int64"}, `9007199254740993`, int64(9007199254740993)},
		{vendorapi.Column{Type: "int64"}, `"9223372036854775807"`, int64(9223372036854775807)},
		{vendorapi.Column{Type: "int64"}, `-9223372036854775808`, int64(-9223372036854775808)},
		{vendorapi.Column{Type: "int64"}, `9223372036854775808`, refused},
		{vendorapi.Column{Type: "int64"}, `123456789012345678901234567890`, refused},
		{vendorapi.Column{Type: "int64"}, `-0`, int64(0)},
		{vendorapi.Column{Type: "int64"}, `1e3`, int64(1000)},
		{vendorapi.Column{Type: "int64"}, `42.0`, int64(42)},
		{vendorapi.Column{Type: "int64"}, `1.5e1`, int64(15)},
		{vendorapi.Column{Type: "int64"}, `1200e-2`, int64(12)},
		{vendorapi.Column{Type: "int64"}, `1.5`, refused},
		{vendorapi.Column{Type: "int64"}, `1e-1`, refused},
		{vendorapi.Column{Type: "int64"}, `1e999999999999`, refused},
		{vendorapi.Column{Type: "int64"}, `0e999999999999`, int64(0)},
		{vendorapi.Column{Type: "int64"}, `""`, null},
		{vendorapi.Column{Type: "int64"}, `"007"`, refused},
		{vendorapi.Column{Type: "int64"}, `" 7"`, refused},
		{vendorapi.Column{Type: "int64"}, `"+7"`, refused},
		{vendorapi.Column{Type: "int64"}, `"0x7"`, refused},
		{vendorapi.Column{Type: "int64"}, `true`, refused},
		{vendorapi.Column{Type: "int64"}, `[7]`, refused},

		{vendorapi.Column{Type: "float64"}, `5.8`, 5.8},
		{vendorapi.Column{Type: "float64"}, `"5.8"`, 5.8},
		{vendorapi.Column{Type: "float64"}, `1e3`, 1000.0},
		{vendorapi.Column{Type: "float64"}, `7`, 7.0},
		{vendorapi.Column{Type: "float64"}, `1e400`, refused},
		{vendorapi.Column{Type: "float64"}, `"NaN"`, refused},
		{vendorapi.Column{Type: "float64"}, `"Infinity"`, refused},
		{vendorapi.Column{Type: "float64"}, `"-inf"`, refused},
		{vendorapi.Column{Type: "float64"}, `"0x1p4"`, refused},
		{vendorapi.Column{Type: "float64"}, `"1_000"`, refused},
		{vendorapi.Column{Type: "float64"}, `"1 "`, refused},
		{vendorapi.Column{Type: "float64"}, `"true"`, refused},
		{vendorapi.Column{Type: "float64"}, `false`, refused},
		{vendorapi.Column{Type: "float64"}, `""`, null},

		{vendorapi.Column{Type: "bool"}, `true`, true},
		{vendorapi.Column{Type: "bool"}, `"N"`, false},
		{vendorapi.Column{Type: "bool"}, `"true"`, true},
		{vendorapi.Column{Type: "bool"}, `""`, null},
		{vendorapi.Column{Type: "bool"}, `1`, refused},
		{vendorapi.Column{Type: "bool"}, `"maybe"`, refused},

		{vendorapi.Column{Type: "timestamp"}, `"2026-03-10T10:20:23-07:00"`, micros("2026-03-10T17:20:23Z")},
		{vendorapi.Column{Type: "timestamp"}, `"2026-03-10T17:20:23.1234569Z"`, micros("2026-03-10T17:20:23.123456Z")},
		{vendorapi.Column{Type: "timestamp"}, `"1969-12-31T23:59:59.5Z"`, int64(-500000)},
		{vendorapi.Column{Type: "timestamp"}, `"2026-03-10"`, refused},
		{vendorapi.Column{Type: "timestamp"}, `"2026-02-30T00:00:00Z"`, refused},
		{vendorapi.Column{Type: "timestamp"}, `"0000-01-01T00:00:00Z"`, refused},
		{vendorapi.Column{Type: "timestamp"}, `1773163223`, refused},
		{vendorapi.Column{Type: "timestamp"}, `""`, null},
		{vendorapi.Column{Type: "timestamp", Layout: "unix"}, `1773163223`, micros("2026-03-10T17:20:23Z")},
		{vendorapi.Column{Type: "timestamp", Layout: "unix"}, `"1773163223.1234567"`, micros("2026-03-10T17:20:23.123456Z")},
		{vendorapi.Column{Type: "timestamp", Layout: "unix"}, `0`, null},
		{vendorapi.Column{Type: "timestamp", Layout: "unix"}, `"0.000"`, null},
		{vendorapi.Column{Type: "timestamp", Layout: "unixMilli"}, `0`, null},
		{vendorapi.Column{Type: "timestamp", Layout: "unix"}, `0.5`, int64(500000)},
		{vendorapi.Column{Type: "timestamp", Layout: "unix"}, `"."`, refused},
		{vendorapi.Column{Type: "timestamp", Layout: "unix"}, `-0.0000001`, int64(-1)},
		{vendorapi.Column{Type: "timestamp", Layout: "unix"}, `1773163223000000`, refused},
		{vendorapi.Column{Type: "timestamp", Layout: "unixMilli"}, `1773163223250`, micros("2026-03-10T17:20:23.25Z")},
		{pacific, `"2026-03-10T10:20:23"`, micros("2026-03-10T17:20:23Z")},
		{pacific, `"2026-01-10T10:20:23"`, micros("2026-01-10T18:20:23Z")},
		{pacific, `"2026-01-10T10:20:23Z"`, refused},

		{vendorapi.Column{Type: "date"}, `"1970-01-02"`, int32(1)},
		{vendorapi.Column{Type: "date"}, `"1969-12-31"`, int32(-1)},
		{vendorapi.Column{Type: "date"}, `"2026-02-29"`, refused},
		{vendorapi.Column{Type: "date"}, `"0000-00-00"`, refused},
		{vendorapi.Column{Type: "date"}, `"2026-3-1"`, refused},
		{vendorapi.Column{Type: "date"}, `20260301`, refused},
		{vendorapi.Column{Type: "date"}, `""`, null},

		{vendorapi.Column{Type: "json"}, `{"b": 1.0, "a":[ ]}`, `{"b": 1.0, "a":[ ]}`},
		{vendorapi.Column{Type: "json"}, `9007199254740993.10`, `9007199254740993.10`},
		{vendorapi.Column{Type: "json"}, `""`, `""`},
		{vendorapi.Column{Type: "json"}, `null`, null},
	} {
		test.column.Name = "c"
		t.Run(fmt.Sprintf("%s %s of %s", test.column.Type, test.column.Layout, test.value), func(t *testing.T) {
			got := curate(t, columns(test.column), `{"c":`+test.value+"}\n")
			switch test.want {
			case refused:
				if len(got.Quarantine) != 1 || got.Counts != (Counts{Records: 1, Quarantined: 1}) {
					t.Fatalf("got %+v, want it in quarantine", got)
				}
				if reason := got.Quarantine[0].Reason; !strings.HasPrefix(reason, "column c: the value is a") || !strings.Contains(reason, ", want ") {
					t.Errorf("reason %q", reason)
				}
			case null:
				if len(got.Rows) != 1 || got.Rows[0]["c"] != nil {
					t.Errorf("got %+v, want a row with null", got)
				}
			default:
				if len(got.Rows) != 1 || got.Rows[0]["c"] != test.want {
					t.Errorf("got %+v, want %#v", got, test.want)
				}
			}
		})
	}
}

func TestUndeclared(t *testing.T) {
	stream := columns(
		vendorapi.Column{Name: "id", Type: "int64"},
		vendorapi.Column{Name: "content", Path: "answer.content", Type: "string"},
		vendorapi.Column{Name: "city", Path: "user.address.city", Type: "string"},
		vendorapi.Column{Name: "user_name", Path: "user.name", Type: "string"},
		vendorapi.Column{Name: "polls", Type: "json"},
		vendorapi.Column{Name: "first_poll", Path: "polls.first", Type: "string"},
	)
	for _, test := range []struct {
		name, record, undeclared string
		fields                   []string
		row                      map[string]any
	}{
		{"nothing is left", `{"id":1,"answer":{"content":"Yes"}}`, "", nil, map[string]any{"content": "Yes"}},
		{"values as written", `{"id":1,"n":1.0e2, "s" : "\u0041" ,"z":null}`, `{"n":1.0e2,"s":"\u0041","z":null}`, []string{"n", "s", "z"}, nil},
		{"below a path", `{"answer":{"privacy":"Private","content":"Yes","by":{"id":1}},"a":1}`,
			`{"answer":{"privacy":"Private","by":{"id":1}},"a":1}`, []string{"answer.privacy", "answer.by", "a"}, map[string]any{"content": "Yes"}},
		{"two below", `{"user":{"address":{"zip":"1","city":"Leeds"},"name":"Mia"}}`,
			`{"user":{"address":{"zip":"1"}}}`, []string{"user.address.zip"}, map[string]any{"city": "Leeds", "user_name": "Mia"}},
		{"only emptied objects", `{"user":{"address":{"city":"Leeds"}},"answer":{}}`, "", nil, map[string]any{"city": "Leeds"}},
		{"null and empty on the way", `{"user":{"address":""},"answer":null}`, "", nil, nil},
		{"a column and columns below it", `{"polls":{"first":"a","x":1}}`, "", []string{"polls.x"}, map[string]any{"polls": `{"first":"a","x":1}`, "first_poll": "a"}},
		{"escaped names", `{"\u0069d":7,"\u0061":1}`, `{"\u0061":1}`, []string{"a"}, map[string]any{"id": int64(7)}},
		{"dots in a name", `{"answer.content":"no"}`, `{"answer.content":"no"}`, []string{"answer.content"}, nil},
		{"deep", `{"x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, `{"x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, []string{"x"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			object, _, w, counts := write(t, stream, test.record+"\n")
			if counts.Rows != 1 {
				t.Fatalf("quarantined: %s", w.Reason())
			}
			row := rows(t, object)[0]
			got, _ := row[tables.Undeclared].(string)
			if diff := cmp.Diff(test.undeclared, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.fields, w.Undeclared()); diff != "" {
				t.Error(diff)
			}
			for name, want := range test.row {
				if row[name] != want {
					t.Errorf("column %s is %#v, want %#v", name, row[name], want)
				}
			}
		})
	}
}

func TestQuarantine(t *testing.T) {
	stream := columns(vendorapi.Column{Name: "id", Type: "int64"}, vendorapi.Column{Name: "content", Path: "answer.content", Type: "string"})
	for _, test := range []struct{ name, record, reason, kept string }{
		{"a value", `{"id":"secret","a":1}`, "column id: the value is a string, want a whole number from -9223372036854775808 to 9223372036854775807, or a string that holds one", `{"id":"secret","a":1}`},
		{"a path through an array", `{"answer":["secret"]}`, "field answer: the value is an array, want an object, since columns are declared below it", `{"answer":["secret"]}`},
		{"an array", `["secret"]`, "the record is an array, want an object", `["secret"]`},
		{"a declared name twice", `{"id":1,"id":2}`, "the record holds an object in which a name stands twice", `"{\"id\":1,\"id\":2}"`},
		{"an undeclared name twice", `{"x":{"secret":1,"secret":2}}`, "the record holds an object in which a name stands twice", `"{\"x\":{\"secret\":1,\"secret\":2}}"`},
		{"invalid UTF-8", "{\"id\":1,\"x\":\"\xff\"}", "the record is no JSON, or no UTF-8, at byte 13", `"{\"id\":1,\"x\":\"` + "\uFFFD" + `\"}"`},
		{"half a surrogate pair", `{"x":"\ud800"}`, "the record is no JSON, or no UTF-8, at byte 6", `"{\"x\":\"\\ud800\"}"`},
		{"cut off", `{"id":1,"x":"sec`, "the record is no JSON, or no UTF-8, at byte 16", `"{\"id\":1,\"x\":\"sec"`},
		{"two in a line", `{"id":1}{"id":2}`, "more than one JSON value stands in the record's line", `"{\"id\":1}{\"id\":2}"`},
		{"an empty line", ``, "the record is no JSON", `""`},
		{"too deep", `{"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, "the record is no JSON, or no UTF-8, at byte 10004", ""},
		{"too long", `{"x":"` + strings.Repeat("a", MaxRecordBytes) + `"}`, "the record is longer than 1048576 bytes; it is to be found in its part only", `null`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := curate(t, stream, `{"id":1}`+"\n"+test.record+"\n"+`{"id":3}`)
			if got.Counts != (Counts{Records: 3, Rows: 2, Quarantined: 1}) || len(got.Quarantine) != 1 {
				t.Fatalf("got %+v", got)
			}
			q := got.Quarantine[0]
			if q.Reason != test.reason || q.Part != "part" || q.Position != 1 {
				t.Errorf("got %q, %s %d, want %q", q.Reason, q.Part, q.Position, test.reason)
			}
			if test.kept != "" && string(q.Record) != test.kept {
				t.Errorf("kept %s, want %s", q.Record, test.kept)
			}
			if got.Rows[0]["id"] != int64(1) || got.Rows[1]["id"] != int64(3) || got.Rows[1][tables.Position] != int64(2) || got.Rows[1][tables.Undeclared] != nil {
				t.Errorf("the rows beside it are %v", got.Rows)
			}
		})
	}
}

func TestOwnColumns(t *testing.T) {
	got := curate(t, columns(vendorapi.Column{Name: "id", Type: "int64"}), `{"id":5}`+"\n")
	want := []map[string]any{{
		"id":               int64(5),
		tables.WindowStart: source.Window.Start.UnixMicro(),
		tables.WindowEnd:   source.Window.End.UnixMicro(),
		tables.Generation:  int64(2),
		tables.Late:        int64(3),
		tables.Part:        "part",
		tables.Position:    int64(0),
		tables.IngestedAt:  source.IngestedAt.UnixMicro(),
	}}
	if diff := cmp.Diff(want, got.Rows); diff != "" {
		t.Error(diff)
	}
}

// everyType has a column of each type, in an order that is not the names'.
var everyType = columns(
	vendorapi.Column{Name: "z_id", Path: "id", Type: "int64", Comment: "the id"},
	vendorapi.Column{Name: "name", Type: "string"},
	vendorapi.Column{Name: "score", Type: "float64"},
	vendorapi.Column{Name: "live", Type: "bool"},
	vendorapi.Column{Name: "joined_at", Type: "timestamp", Zone: "America/Los_Angeles", Layout: "2006-01-02T15:04:05"},
	vendorapi.Column{Name: "day", Type: "date"},
	vendorapi.Column{Name: "a_polls", Path: "polls", Type: "json"},
)

func TestSchema(t *testing.T) {
	table, err := NewTable(everyType)
	if err != nil {
		t.Fatal(err)
	}
	got := table.Schema().String() + "\n" + table.Hash() + "\n"
	const golden = "testdata/schema.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s\nWhere the change is meant, run the test with -update: all objects are then made again.", diff)
	}
}

func TestHashIsOfWhatMatters(t *testing.T) {
	hash := func(c vendorapi.Column) string {
		table, err := NewTable(columns(c))
		if err != nil {
			t.Fatal(err)
		}
		return table.Hash()
	}
	base := hash(vendorapi.Column{Name: "a", Type: "string"})
	if base != hash(vendorapi.Column{Name: "a", Type: "string", Path: "a", Comment: "b"}) {
		t.Error("a comment or a path that is the name changes the hash")
	}
	array := hash(vendorapi.Column{Name: "a", Type: "json"})
	if array != hash(vendorapi.Column{Name: "a", Type: "json", Items: []vendorapi.Column{{Name: "b", Type: "string"}}}) {
		t.Error("what views read of an array changes the hash")
	}
	for _, c := range []vendorapi.Column{{Name: "b", Type: "string"}, {Name: "a", Type: "json"}, {Name: "a", Path: "b", Type: "string"},
		{Name: "a", Type: "string", Layout: "unix"}, {Name: "a", Type: "string", Zone: "Europe/Berlin"}} {
		if hash(c) == base {
			t.Errorf("%+v has the same hash", c)
		}
	}
}

func TestNewTableRefuses(t *testing.T) {
	for want, c := range map[string]vendorapi.Column{
		`stream attendees: column a: type "text": want string, int64, float64, bool, timestamp, date or json`: {Name: "a", Type: "text"},
		`stream attendees, column a: zone "Mars/Base": want an IANA name, for example America/Los_Angeles`:    {Name: "a", Type: "timestamp", Zone: "Mars/Base"},
	} {
		if _, err := NewTable(columns(c)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func records(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"id":%d,"name":"Mia \"%d\" Stone","score":%d.5,"live":%t,"joined_at":"2026-03-10T10:%02d:%02d","day":"2026-03-%02d","polls":[{"pollid":%d}],"company":"Acme %d","extra":{"x":[1,2,%d]}}`+"\n",
			900000000000000000+i, i, i%10, i%2 == 0, i/60%60, i%60, i%28+1, i, i%97, i)
	}
	return b.String()
}

func TestDeterministic(t *testing.T) {
	input := records(3000) + "broken\n" + records(3000)
	firstObject, firstQuarantine, _, _ := write(t, everyType, input)
	for range 3 {
		object, quarantine, _, _ := write(t, everyType, input)
		if !bytes.Equal(object, firstObject) || !bytes.Equal(quarantine, firstQuarantine) {
			t.Fatal("equal input gave different bytes")
		}
	}
	if got := len(rows(t, firstObject)); got != 6000 {
		t.Errorf("%d rows, want 6000", got)
	}
}

func TestResetWritesWhatANewWriterDoes(t *testing.T) {
	table, err := NewTable(everyType)
	if err != nil {
		t.Fatal(err)
	}
	other := Source{Window: window.Window{Start: at("2026-03-10T18:00:00Z"), End: at("2026-03-10T18:30:00Z")}, Generation: 1, IngestedAt: at("2026-03-10T18:35:00Z")}
	var used *Writer
	for _, test := range []struct {
		name    string
		records string
		source  Source
		// full says that nothing can be written to quarantine.
		full bool
	}{
		{"many rows", records(40_000), source, false},
		{"fewer records of another window", records(300) + `{"z":1}` + "\n" + "broken\n", other, false},
		{"one that fails", records(700) + `{"y":1}` + "\nbroken\n", source, true},
		{"none", "", other, false},
		{"as many as before", records(40_000), source, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var object, quarantine, wantObject, wantQuarantine bytes.Buffer
			to := func(quarantine io.Writer) io.Writer {
				if test.full {
					return full{}
				}
				return quarantine
			}
			fresh := table.NewWriter(&wantObject, to(&wantQuarantine), test.source)
			if used == nil {
				used = table.NewWriter(&object, to(&quarantine), test.source)
			} else {
				used.Reset(&object, to(&quarantine), test.source)
			}
			var counts []Counts
			for _, w := range []*Writer{fresh, used} {
				_, err := w.AddPart(context.Background(), "part", strings.NewReader(test.records))
				if (err != nil) != test.full {
					t.Fatalf("error %v", err)
				}
				if test.full {
					continue
				}
				c, err := w.Close()
				if err != nil {
					t.Fatal(err)
				}
				counts = append(counts, c)
			}
			if !test.full && counts[0] != counts[1] {
				t.Errorf("counts %+v, want %+v", counts[1], counts[0])
			}
			if !bytes.Equal(object.Bytes(), wantObject.Bytes()) || !bytes.Equal(quarantine.Bytes(), wantQuarantine.Bytes()) {
				t.Error("the bytes are others")
			}
			if diff := cmp.Diff(fresh.Undeclared(), used.Undeclared()); diff != "" || used.Reason() != fresh.Reason() {
				t.Errorf("reason %q, undeclared %s", used.Reason(), diff)
			}
		})
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// endless yields a text again and again up to a number of bytes, in pieces of odd sizes.
type endless struct {
	text string
	at   int
	left int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 8191)], e.text[e.at:])
	e.at = (e.at + n) % len(e.text)
	e.left -= n
	return n, nil
}

func TestMemoryDoesNotGrowWithRecords(t *testing.T) {
	if raceDetector {
		t.Skip("one goroutine, and twenty times as long under the race detector")
	}
	peak := func(size int) uint64 {
		table, err := NewTable(everyType)
		if err != nil {
			t.Fatal(err)
		}
		w := table.NewWriter(io.Discard, io.Discard, source)
		text := records(500)
		var highest uint64
		for range 8 {
			if _, err := w.AddPart(context.Background(), "part", &endless{text: text, left: size / 8 / len(text) * len(text)}); err != nil {
				t.Fatal(err)
			}
			var stats runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&stats)
			highest = max(highest, stats.HeapAlloc)
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return highest
	}
	small, large := peak(9<<20), peak(27<<20)
	t.Logf("live heap: %d KB with 9 MB of records, %d KB with 27 MB", small>>10, large>>10)
	if large > small+4<<20 || large > 32<<20 {
		t.Errorf("live heap grew from %d to %d bytes with three times the records", small, large)
	}
}

func TestRowGroups(t *testing.T) {
	random := rand.NewChaCha8([32]byte{})
	noise := func(size int) string {
		var b strings.Builder
		for b.Len() < size {
			var name [600]byte
			random.Read(name[:])
			fmt.Fprintf(&b, `{"name":"%s"}`+"\n", base64.StdEncoding.EncodeToString(name[:]))
		}
		return b.String()
	}
	for _, test := range []struct {
		name    string
		records string
		// least and most are how many row groups there may be.
		least, most int
	}{
		{"few bytes of records", records(2000), 1, 1},
		{"pages that become small", strings.Repeat(records(2000), 90), 2, 2},
		{"pages that stay large", noise(20 << 20), 4, 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			object, _, _, _ := write(t, everyType, test.records)
			file, err := parquet.OpenFile(bytes.NewReader(object), int64(len(object)))
			if err != nil {
				t.Fatal(err)
			}
			groups := file.Metadata().RowGroups
			t.Logf("%d row groups of %d bytes of records", len(groups), len(test.records))
			if len(groups) < test.least || len(groups) > test.most {
				t.Errorf("%d row groups, want %d to %d", len(groups), test.least, test.most)
			}
			for i, group := range groups {
				if group.TotalCompressedSize > heldBytes+pageBytes {
					t.Errorf("row group %d has %d bytes, which were held in memory", i, group.TotalCompressedSize)
				}
			}
		})
	}
}

func TestReadErrorsAreReturned(t *testing.T) {
	table, err := NewTable(everyType)
	if err != nil {
		t.Fatal(err)
	}
	w := table.NewWriter(io.Discard, io.Discard, source)
	n, err := w.AddPart(context.Background(), "the/part", io.MultiReader(strings.NewReader(records(2)), broken{}))
	if n != 0 || err == nil || !strings.Contains(err.Error(), "the/part") {
		t.Errorf("got %d, %v", n, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.AddPart(ctx, "part", strings.NewReader(records(2))); err != context.Canceled {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func BenchmarkWriter(b *testing.B) {
	text := records(20000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		write(b, everyType, text)
	}
}
