package rawzone

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/window"
)

// FuzzPartNames reads any object's name, and writes one of any numbers. A part's name is read as what it was written of, and
// no other name is read as a part.
func FuzzPartNames(f *testing.F) {
	good := "on24/attendees/parts/2026/03/10/20260310T170000Z/attendees_a2-4f2a_p000001-000040_20260310T170000Z_20260310T173000Z.ndjson.gz"
	f.Add(good, int64(1773162000), int64(1800), 1, "4f2a", 1, 40)
	f.Add(strings.Replace(good, "p000001", "p0000001", 1), int64(-62135596800), int64(1), 999999999, "a", 999999999, 999999999)
	f.Add(strings.ToUpper(good), int64(0), int64(0), 0, "-", 0, -1)
	f.Add("", int64(253402300799), int64(1), -1, "", 1, 1)
	f.Add(good[:len(good)-1], int64(1<<40), int64(1<<40), 1, "a_b", 1, 1)
	f.Fuzz(func(t *testing.T, key string, start, span int64, attempt int, run string, first, last int) {
		if name, ok := zone.parsePartKey(key); ok {
			if again := zone.partKey(name); again != key {
				t.Fatalf("%s is read as %+v, which is written %s", key, name, again)
			}
			if !strings.HasPrefix(key, zone.partsPrefix(name.window.Start)) {
				t.Fatalf("%s is not listed with its window", key)
			}
		}
		// The years from 1 to 9999, and any run that a function's request has for its name.
		begin := time.Unix(-62135596800+max(start, -start, 0)%315537897600, 0).UTC()
		name := partName{
			window:    window.Window{Start: begin, End: begin.Add(time.Duration(1+max(span, -span, 0)%1e6) * time.Second)},
			attempt:   max(attempt, -attempt, 0) % 1e9,
			run:       "r" + plain(run),
			firstPage: max(first, -first, 0) % 1e9,
			lastPage:  max(last, -last, 0) % 1e9,
		}
		if name.window.End.Year() > 9999 {
			return
		}
		written := zone.partKey(name)
		if read, ok := zone.parsePartKey(written); !ok || read != name {
			t.Fatalf("%+v is written %s and read as %+v, %v", name, written, read, ok)
		}
	})
}

// plain leaves of a text what a run's name may hold.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
}

func FuzzTimes(f *testing.F) {
	for _, text := range []string{"20260310T170000Z", "00010101T000000Z", "99991231T235959Z", "20260229T000000Z", "20260310T240000Z", "20260310T170060Z", "20260310T170000z", "２0260310T170000Z"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read, err := ParseTime(text)
		if err != nil {
			return
		}
		if FormatTime(read) != text || read.Nanosecond() != 0 || read.Location() != time.UTC {
			t.Fatalf("%q is read as %s", text, read)
		}
	})
}

// FuzzObjects reads the body of a commit, of an audit and of a genesis. One that is taken is written as what it was
// read as, and none of a higher format is.
func FuzzObjects(f *testing.F) {
	start := time.Date(2026, 3, 10, 17, 0, 0, 0, time.UTC)
	commit := Commit{
		Format: FormatVersion, Start: start, End: start.Add(30 * time.Minute), Generation: 2, Attempt: 3, Request: "GET https://api.example.com/",
		Announced: -1, Records: 1 << 60, Digest: "0123456789abcdef", Duplicates: 1, Settled: true, Rate: 0.1, Run: "4f2a", ReadAt: start, WrittenAt: start,
		Parts: []Part{{Key: "k", ETag: `"e"`, Records: 1, Bytes: 2, FirstPage: 3, LastPage: 4}},
	}
	audit := Audit{Format: FormatVersion, Windows: []Audited{{Start: start, End: start.Add(time.Hour), ETag: `"e"`, Records: 7, ReadAt: start}}, Sweeping: Sweeping{Swept: start}}
	for _, value := range []any{commit, audit, Genesis{Format: FormatVersion, Start: start, Run: "4f2a"}} {
		body, err := json.Marshal(value)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	for _, body := range []string{`{"format":2,"start":7}`, `{"format":1,"start":"0000-00-00T00:00:00Z"}`, `{"format":-1}`, `{"format":"1"}`, `null`, `{"parts":null,"parts":[{}]}`, `{"rate":1e400}`, ``} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var commit, commitAgain Commit
		var audit, auditAgain Audit
		var genesis, genesisAgain Genesis
		for _, kind := range []struct {
			value, again           any
			format, formatOfSecond *int
		}{
			{&commit, &commitAgain, &commit.Format, &commitAgain.Format},
			{&audit, &auditAgain, &audit.Format, &auditAgain.Format},
			{&genesis, &genesisAgain, &genesis.Format, &genesisAgain.Format},
		} {
			if decode("key", body, kind.value, kind.format) != nil {
				continue
			}
			written, err := json.Marshal(kind.value)
			if err != nil {
				t.Fatalf("%q is read as %+v, which cannot be written: %v", body, kind.value, err)
			}
			if err := decode("key", written, kind.again, kind.formatOfSecond); err != nil {
				t.Fatalf("%s: %v", written, err)
			}
			twice, err := json.Marshal(kind.again)
			if err != nil || !bytes.Equal(written, twice) {
				t.Fatalf("%v, it changes from %s to %s", err, written, twice)
			}
			if *kind.format > FormatVersion {
				t.Fatalf("a format of %d is taken", *kind.format)
			}
		}
	})
}
