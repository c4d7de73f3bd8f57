package curated

import (
	"bytes"
	"context"
	"encoding/json"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"

	"github.com/windrow-data/windrow/functions/tables"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// fuzzed has a column of each type and layout, and paths that lead to, below and through one another.
var fuzzed = columns(
	vendorapi.Column{Name: "id", Type: "int64"},
	vendorapi.Column{Name: "name", Type: "string"},
	vendorapi.Column{Name: "score", Type: "float64"},
	vendorapi.Column{Name: "live", Type: "bool"},
	vendorapi.Column{Name: "at", Type: "timestamp"},
	vendorapi.Column{Name: "joined_at", Type: "timestamp", Zone: "America/Los_Angeles", Layout: "2006-01-02T15:04:05"},
	vendorapi.Column{Name: "seconds", Type: "timestamp", Layout: vendorapi.LayoutUnix},
	vendorapi.Column{Name: "millis", Type: "timestamp", Layout: vendorapi.LayoutUnixMilli},
	vendorapi.Column{Name: "day", Type: "date"},
	vendorapi.Column{Name: "polls", Type: "json"},
	vendorapi.Column{Name: "first_poll", Path: "polls.first", Type: "string"},
	vendorapi.Column{Name: "content", Path: "answer.content", Type: "string"},
	vendorapi.Column{Name: "city", Path: "answer.address.city", Type: "string"},
)

// FuzzRecords curates the lines of any part. Records = rows + quarantined, a row and its record hold the same fields,
// each once, and equal parts make equal bytes.
func FuzzRecords(f *testing.F) {
	for _, part := range []string{
		`{"id":9007199254740993,"name":"Mia \"\u0041\" 😀","score":"5.8","live":"Y","at":"2026-03-10T17:20:23.5Z","joined_at":"2026-03-10T10:20:23","seconds":1773163223.25,"millis":"1773163223250","day":"2026-03-10"}`,
		"{\"polls\":{\"first\":\"a\",\"x\":1},\"answer\":{\"content\":null,\"address\":{\"city\":\"Leeds\",\"zip\":\"1\"},\"by\":{}}}\n{\"polls\":7}\n\n{\"id\":1e3}",
		`{"x":{"y":[1,{"z":null}]},"answer":{},"\u0069d":7,"answer.content":"no","":1}`,
		"{\"id\":\"x\"}\n[1]\nnull\n{\"id\":1,\"id\":2}\n{\"n\":\"\xff\"}\n{\"x\":\"\\ud800\"}\n{\"id\":1}{\"id\":2}\n{\"id",
		`{"seconds":-0.0000001,"millis":1e18,"score":1e400,"id":0e99999999999,"day":"0000-00-00","at":""}`,
		"\r\n {\"name\":1.50 , \"live\" : true}\t\n",
	} {
		f.Add([]byte(part))
	}
	table, err := NewTable(fuzzed)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, part []byte) {
		var object, rejected, again, rejectedAgain bytes.Buffer
		w := table.NewWriter(&object, &rejected, source)
		n, err := w.AddPart(context.Background(), "part", bytes.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		counts, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		second := table.NewWriter(&again, &rejectedAgain, source)
		if _, err := second.AddPart(context.Background(), "part", bytes.NewReader(part)); err != nil {
			t.Fatal(err)
		}
		if _, err := second.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(object.Bytes(), again.Bytes()) || !bytes.Equal(rejected.Bytes(), rejectedAgain.Bytes()) {
			t.Fatal("equal parts make other bytes")
		}
		lines := strings.Split(string(part), "\n")
		if lines[len(lines)-1] == "" {
			lines = lines[:len(lines)-1]
		}
		if counts.Records != int64(len(lines)) || n != counts.Records || counts.Rows+counts.Quarantined != counts.Records {
			t.Fatalf("%d lines, %d records, %+v", len(lines), n, counts)
		}
		found := rows(t, object.Bytes())
		if int64(len(found)) != counts.Rows {
			t.Fatalf("%d rows, %+v", len(found), counts)
		}
		for _, row := range found {
			checkRow(t, row, lines[row[tables.Position].(int64)])
		}
		checkQuarantine(t, rejected.Bytes(), lines, counts.Quarantined)
		for _, field := range w.Undeclared() {
			if key := (Names{Vendor: strings.Repeat("v", 32), Stream: strings.Repeat("s", 32)}).UndeclaredField(field); len(key) > 1024 {
				t.Fatalf("the object's key has %d bytes: %s", len(key), key)
			}
		}
	})
}

func checkRow(t *testing.T, row map[string]any, line string) {
	t.Helper()
	if !jsontext.Value(line).IsValid() {
		t.Fatalf("a row is made of %q", line)
	}
	record := decode(t, line).(map[string]any)
	if want, there := record["name"].(string); there && row["name"] != want {
		t.Fatalf("%s: name is %v", line, row["name"])
	}
	if want, there := record["id"].(json.Number); there {
		exact, ok := new(big.Rat).SetString(want.String())
		if got, set := row["id"].(int64); !set || ok && exact.Cmp(new(big.Rat).SetInt64(got)) != 0 {
			t.Fatalf("%s: id is %v", line, row["id"])
		}
	}
	if got, set := row["polls"].(string); set && !reflect.DeepEqual(decode(t, got), record["polls"]) {
		t.Fatalf("%s: polls is %s", line, got)
	}
	leave(record, fuzzed.Columns)
	undeclared := map[string]any{}
	if got, set := row[tables.Undeclared].(string); set {
		undeclared = decode(t, got).(map[string]any)
		if len(undeclared) == 0 {
			t.Fatalf("%s: an empty object of undeclared fields", line)
		}
	}
	if !reflect.DeepEqual(undeclared, record) {
		t.Fatalf("%s: undeclared is %v, want %v", line, undeclared, record)
	}
}

// leave takes the declared fields out of a record, and the objects of which nothing is left.
func leave(record map[string]any, declared []vendorapi.Column) {
	for _, c := range declared {
		path := strings.Split(c.Name, ".")
		if c.Path != "" {
			path = strings.Split(c.Path, ".")
		}
		remove(record, path)
	}
}

func remove(object map[string]any, path []string) {
	switch below := object[path[0]].(type) {
	case map[string]any:
		if len(path) > 1 {
			if remove(below, path[1:]); len(below) > 0 {
				return
			}
		}
	}
	delete(object, path[0])
}

func decode(t *testing.T, text string) (value any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

func checkQuarantine(t *testing.T, zipped []byte, lines []string, want int64) {
	t.Helper()
	if want == 0 {
		if len(zipped) > 0 {
			t.Fatal("a quarantine without records")
		}
		return
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(unzipped)
	for range want {
		var q quarantined
		if err := decoder.Decode(&q); err != nil {
			t.Fatal(err)
		}
		line := lines[q.Position]
		var text string
		kept := json.Unmarshal(q.Record, &text) == nil && text == strings.ToValidUTF8(line, "\uFFFD")
		if !kept && string(q.Record) != strings.Trim(line, " \t\r") && len(line) <= MaxRecordBytes || q.Reason == "" || q.Part != "part" {
			t.Fatalf("%q is in quarantine as %+v", line, q)
		}
	}
	if decoder.More() {
		t.Fatalf("more than %d records in quarantine", want)
	}
}

// FuzzNumbers reads any number, and finds what exact arithmetic does.
func FuzzNumbers(f *testing.F) {
	for _, text := range []string{"0", "-0", "42.0", "1.5e1", "1200e-2", "-9223372036854775808", "9223372036854775808", "1e999999999999", "-0.0000001", "0x7", "1_0", "007", "+7", "1.", ".5", "1e", "18446744073709551616e-1"} {
		f.Add([]byte(text), uint8(0))
		f.Add([]byte(text), uint8(6))
	}
	f.Fuzz(func(t *testing.T, text []byte, shift uint8) {
		shift %= 10
		n, exact, ok := scaled(text, int(shift))
		if ok && (!json.Valid(text) || text[0] == '"') {
			t.Fatalf("%q is read as %d", text, n)
		}
		number := jsontext.Value(text)
		if !number.IsValid() || number.Kind() != '0' || len(bytes.TrimSpace(text)) != len(text) || len(text) > 40 || bytes.ContainsAny(text, "eE") && exponentOf(text) > 40 {
			return
		}
		want, _ := new(big.Rat).SetString(string(text))
		want.Mul(want, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(shift)), nil)))
		floor := new(big.Int).Div(want.Num(), want.Denom())
		switch {
		case ok && (floor.Cmp(big.NewInt(n)) != 0 || exact != want.IsInt()):
			t.Fatalf("%s by 10^%d is read as %d, exact %v: want %s", text, shift, n, exact, want)
		case !ok && floor.IsInt64():
			t.Fatalf("%s by 10^%d is refused: want %s", text, shift, floor)
		}
	})
}

// exponentOf returns how large the exponent of a JSON number is, whatever its sign.
func exponentOf(number []byte) int {
	_, digits, _ := bytes.Cut(bytes.ToLower(number), []byte("e"))
	exponent := 0
	for _, c := range digits {
		if c >= '0' && c <= '9' {
			exponent = min(exponent*10+int(c-'0'), 1<<20)
		}
	}
	return exponent
}

// FuzzNames puts a receipt and reads its name back.
func FuzzNames(f *testing.F) {
	f.Add("on24", "attendees", int64(1773162000), "0123456789abcdef", "fedcba9876543210")
	f.Add("on24", "attendees", int64(1773162000), `"etag_of/many-3"`, "")
	f.Fuzz(func(t *testing.T, vendor, stream string, seconds int64, etag, hash string) {
		n := Names{Vendor: vendor, Stream: stream}
		start := time.Unix(max(seconds, -seconds, 0)%253402300800, 0).UTC().Format("20060102T150405Z")
		if got, ok := n.ReceiptStart(n.Receipt(start, etag, hash)); !ok || got != start {
			t.Fatalf("got %q, %v", got, ok)
		}
		if start, ok := n.ReceiptStart(stream); ok && !strings.HasPrefix(stream, n.Receipts()+start+"_") {
			t.Fatalf("%q is read as the receipt of %q", stream, start)
		}
	})
}
