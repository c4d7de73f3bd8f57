package bench

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/window"
)

// found are the records that [findRecords] finds, as text.
func found(body []byte, from int) (records []string) {
	spans, _ := findRecords(nil, body, from)
	for _, s := range spans {
		records = append(records, string(body[s.from:s.to]))
	}
	return records
}

func TestFindRecords(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		want       []string
	}{
		{"none", `{"attendees":[],"a":{}}`, nil},
		{"one", `{"attendees":[{"a":1}],"a":{}}`, []string{`{"a":1}`}},
		{"spaces between", "{\"attendees\":[ {\"a\":1} ,\n{\"b\":2} ]}", []string{`{"a":1}`, `{"b":2}`}},
		{"objects and arrays inside", `{"attendees":[{"a":[{"b":[]},{}]},{"c":{}}]}`, []string{`{"a":[{"b":[]},{}]}`, `{"c":{}}`}},
		{"braces in strings", `{"attendees":[{"a":"}]"},{"{":"["}]}`, []string{`{"a":"}]"}`, `{"{":"["}`}},
		{"escaped quotes", `{"attendees":[{"a":"\""},{"b":"\\"},{"c":"a long one \" with } more"}]}`, []string{`{"a":"\""}`, `{"b":"\\"}`, `{"c":"a long one \" with } more"}`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			body := []byte(test.body)
			if diff := cmp.Diff(test.want, found(body, arrayIn(body, "attendees"))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever is in the strings, the records are those that a JSON decoder finds.
func TestFindRecordsIsADecoders(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		body := []byte(`{"total":1,"attendees":[`)
		var want []string
		for i := range rapid.IntRange(0, 5).Draw(rt, "records") {
			text, err := jsontext.AppendQuote(nil, rapid.StringOf(rapid.SampledFrom([]rune(`ab"\{}[],: é`))).Draw(rt, "text"))
			if err != nil {
				rt.Fatal(err)
			}
			record := fmt.Sprintf(`{%s:[{"x":%s}],"n":%d}`, text, text, i)
			want = append(want, record)
			if i > 0 {
				body = append(body, ',')
			}
			body = append(body, record...)
		}
		body = append(body, `],"after":["}"]}`...)
		if diff := cmp.Diff(want, found(body, arrayIn(body, "attendees"))); diff != "" {
			rt.Errorf("%s:\n%s", body, diff)
		}
	})
}

// heldVendor is a vendor of some attendees, and how they are asked for.
func heldVendor(t *testing.T, total int) (*vendorServer, pages) {
	t.Helper()
	v, err := serveVendor(attendance{templates: few(), from: firstDay, perDay: total, total: total}, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v, v.pagesOf(window.Window{Start: firstDay, End: v.until()})
}

// lines are the records of all pages, one a line, as they are found by a decoder.
func lines(t *testing.T, p pages) []byte {
	t.Helper()
	var all bytes.Buffer
	r := newReader(p)
	for number := range p.Count {
		body, err := r.page(number)
		if err != nil {
			t.Fatal(err)
		}
		array := jsontext.Value(body[arrayIn(body, stream):])
		d := jsontext.NewDecoder(bytes.NewReader(array))
		if _, err := d.ReadToken(); err != nil {
			t.Fatal(err)
		}
		for d.PeekKind() != ']' {
			record, err := d.ReadValue()
			if err != nil {
				t.Fatal(err)
			}
			all.Write(record)
			all.WriteByte('\n')
		}
	}
	return all.Bytes()
}

// What the floor gzips are the records, one a line.
func TestFloorKeepsTheBytes(t *testing.T) {
	t.Parallel()
	_, p := heldVendor(t, 250)
	r, w := newReader(p), newPartWriter()
	for number := range p.Count {
		body, err := r.page(number)
		if err != nil {
			t.Fatal(err)
		}
		spans, err := records(nil, body)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.write(inLines(body, spans)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.gzip.Close(); err != nil {
		t.Fatal(err)
	}
	unzipped, err := gzip.NewReader(&w.buffer)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(unzipped)
	if err != nil {
		t.Fatal(err)
	}
	if want := lines(t, p); !bytes.Equal(got, want) {
		t.Errorf("the floor keeps %d bytes, want the %d of the records, one a line", len(got), len(want))
	}
}

// objectOf puts lines into a part.
func objectOf(t *testing.T, content []byte) objectParts {
	t.Helper()
	path := filepath.Join(t.TempDir(), "part.ndjson.gz")
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), os.WriteFile(path, zipped.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	return objectParts{
		Files: []string{path}, Keys: []string{"on24/attendees/parts/one.ndjson.gz"},
		Start: firstDay, End: firstDay.AddDate(0, 0, 1), Generation: 1, Late: 2, IngestedAt: firstDay.AddDate(0, 0, 1),
	}
}

// rowsOf reads an object.
func rowsOf(t *testing.T, content []byte) (*parquet.File, []string) {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, group := range file.RowGroups() {
		reader := group.Rows()
		buffer := make([]parquet.Row, 64)
		for {
			n, err := reader.ReadRows(buffer)
			for _, row := range buffer[:n] {
				rows = append(rows, fmt.Sprintf("%+v", row))
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := reader.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return file, rows
}

// The floor of preprocess writes what package curated writes: the same rows, columns, encodings and codecs.
func TestFloorWritesTheSameObject(t *testing.T) {
	t.Parallel()
	_, p := heldVendor(t, 400)
	content := lines(t, p)
	o := objectOf(t, content)
	dir := t.TempDir()
	result, err := preprocessFloor(step{Name: stepPreprocess, Objects: []objectParts{o}, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	made, err := filepath.Glob(filepath.Join(dir, "*"+curated.ObjectSuffix))
	if err != nil || len(made) != 1 || result.Records != 400 {
		t.Fatalf("the floor made %v of %d records (%v), want one object of 400", made, result.Records, err)
	}
	floor, err := os.ReadFile(made[0])
	if err != nil {
		t.Fatal(err)
	}

	table, err := curated.NewTable(attendees())
	if err != nil {
		t.Fatal(err)
	}
	var object, quarantine bytes.Buffer
	w := table.NewWriter(&object, &quarantine, curated.Source{Window: window.Window{Start: o.Start, End: o.End}, Generation: 1, Late: o.Late, IngestedAt: o.IngestedAt, Key: privacyKey})
	if _, err := w.AddPart(context.Background(), o.Keys[0], bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if counts, err := w.Close(); err != nil || counts.Rows != 400 {
		t.Fatalf("%+v, %v", counts, err)
	}

	floorFile, floorRows := rowsOf(t, floor)
	file, rows := rowsOf(t, object.Bytes())
	if diff := cmp.Diff(rows, floorRows); diff != "" {
		t.Errorf("the floor's rows differ:\n%s", diff)
	}
	if got, want := floorFile.Schema().String(), file.Schema().String(); got != want {
		t.Errorf("the floor's schema is %s, want %s", got, want)
	}
	chunks := func(f *parquet.File) (all []string) {
		for _, group := range f.Metadata().RowGroups {
			for _, c := range group.Columns {
				m := c.MetaData
				all = append(all, fmt.Sprintf("%s %s %v", strings.Join(m.PathInSchema, "."), m.Codec, m.Encoding))
			}
		}
		return all
	}
	if diff := cmp.Diff(chunks(file), chunks(floorFile)); diff != "" {
		t.Errorf("the floor's columns are kept otherwise:\n%s", diff)
	}
	if less, more := object.Len()*95/100, object.Len()*105/100; len(floor) < less || len(floor) > more {
		t.Errorf("the floor's object has %d bytes, and that of package curated %d: they are not written alike", len(floor), object.Len())
	}
}

// Each step, done by a child process, goes through all there is.
func TestSteps(t *testing.T) {
	t.Parallel()
	_, p := heldVendor(t, 1000)
	content := lines(t, p)
	o := objectOf(t, content)
	for name := range steps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := runStep(t.Context(), step{Name: name, Pages: &p, Objects: []objectParts{o}, Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			if result.CPU <= 0 || result.CPU > 10*time.Second || result.Peak < 1<<20 {
				t.Errorf("%+v", result)
			}
			whole := name == stepIngest || name == stepPreprocess || name == stepScan
			if whole && result.Records != 1000 || name == stepGunzip && result.Bytes != int64(len(content)) || name == stepCompress && result.Bytes != int64(len(content)) {
				t.Errorf("it is not through with %d bytes of 1000 records: %+v", len(content), result)
			}
		})
	}
}

func TestStepRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"no such step", `{"name":"rest"}`, `step "rest": there is no such step`},
		{"no JSON", `rest`, "step:"},
		{"no part", `{"name":"gunzip","objects":[{"files":["/there/is/none"]}]}`, "step gunzip: open"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var out, fault bytes.Buffer
			if code := Step(strings.NewReader(test.in), &out, &fault); code != 1 || !strings.Contains(fault.String(), test.want) || out.Len() > 0 {
				t.Errorf("exit status %d, %q, want %q", code, fault.String(), test.want)
			}
		})
	}
}

func TestMicroseconds(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"2026-03-10T10:01:42-07:00", "2026-01-05T23:59:59-08:00", "2024-02-29T00:00:00+05:30"} {
		want, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := microseconds([]byte(text)); got != want.UnixMicro() {
			t.Errorf("%s is %d, want %d", text, got, want.UnixMicro())
		}
	}
}
