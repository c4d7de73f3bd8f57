package vendorapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/functions/window"
)

// answering is a transport that gives one answer to every request.
type answering struct {
	status int
	header http.Header
	body   []byte
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: -1, Request: r}, nil
}

var pagings = []Paging{
	{Kind: PagingNone},
	{Kind: PagingOffset, Place: Place{In: InQuery, Name: "at"}, Size: 2},
	{Kind: PagingNumber, Place: Place{In: InQuery, Name: "at"}, Size: 2, First: 1},
	{Kind: PagingToken, Place: Place{In: InQuery, Name: "at"}, NextPath: "meta.next"},
	{Kind: PagingNextLink, NextPath: "meta.next"},
	{Kind: PagingLinkHeader},
}

// fuzzed is the description that a page is read by: which of the paging kinds, whether records are placed by their own
// time, and whether they may be absent.
func fuzzed(kind uint8, filtered, absent bool) *Vendor {
	v := simple("https://api.example.com/v2")
	v.AllowPrivate = false
	v.Auth = Auth{Kind: AuthQueryKey, TokenField: "t", Parameter: "api_key"}
	v.Retry.MaxAttempts = 1
	s := &v.Streams[0]
	s.Paging = pagings[int(kind)%len(pagings)]
	s.RecordsAbsentWhenEmpty = absent
	if kind >= 128 {
		s.Total = Total{Path: "meta.total"}
	}
	s.FailurePath = "error"
	if filtered {
		s.Window.Resolution, s.TimePath = 0, "a.time"
	}
	return v
}

// FuzzPages reads any answer by any kind of paging. What is taken is JSON to its end, its records are what another
// decoder finds, and the way on leads to the vendor's host, without credentials, in as few bytes as can be stored.
func FuzzPages(f *testing.F) {
	for kind := range len(pagings) {
		f.Add(uint8(kind), false, false, 200, []byte(`{"things":[{"id":1,"a":{"time":"2026-03-10T17:30:00Z"}},{"id":2}],"meta":{"total":4,"next":"/things?at=2&api_key=canary"}}`), `</things?at=2>; rel="next"`)
		f.Add(uint8(kind+128), true, true, 200, []byte(`{"meta":{"next":null,"total":"0"}}`), ``)
	}
	f.Add(uint8(3), true, false, 200, []byte(`{"error":{"code":17},"things":[]}`), ``)
	f.Add(uint8(3), false, false, 200, []byte("{\"things\":[{\"id\":\n1}\r\n,[],\"x\",1e999,null],\"things\":[{\"id\":1,\"id\":2},\"\xff\"]}"), ``)
	f.Add(uint8(4), false, false, 200, []byte(`{"things":[1],"meta":{"next":"//elsewhere.example/?`+canary+`"}}`), `<//elsewhere.example/>;rel=next`)
	f.Add(uint8(0), false, true, 204, []byte(``), ``)
	f.Add(uint8(0), false, true, 500, []byte(strings.Repeat("[", 300)), ``)
	f.Fuzz(func(t *testing.T, kind uint8, filtered, absent bool, status int, body []byte, link string) {
		if status < 200 || status > 599 || status/100 == 3 {
			status = 200
		}
		if status == http.StatusNoContent {
			body = nil
		}
		v := fuzzed(kind, filtered, absent)
		options := newClock().options()
		options.Transport = answering{status, http.Header{"Link": {link}}, body}
		c := mustClient(t, v, Secret{"t": canary}, options)
		p, err := c.Page(t.Context(), hour, Cursor{})
		if err != nil {
			var known *RequestError
			if !errors.As(err, &known) || !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrRefused) && !errors.Is(err, ErrUnavailable) {
				t.Fatalf("an error of no kind: %v", err)
			}
			if strings.Contains(err.Error(), canary) {
				t.Fatalf("a credential shows: %v", err)
			}
			return
		}
		checkRecords(t, p, body)
		checkKeys(t, c.stream, p)
		checkNext(t, c, p.Next)
	})
}

func checkRecords(t *testing.T, p *Page, body []byte) {
	t.Helper()
	if len(body) == 0 {
		return
	}
	if !json.Valid(body) {
		t.Fatalf("a page is made of what is no JSON: %q", body)
	}
	got := slices.Collect(p.Records())
	if len(got) != p.Kept {
		t.Fatalf("%d records, Kept says %d", len(got), p.Kept)
	}
	all := slices.Concat(got, slices.Collect(p.Others()))
	if len(all) != p.Count || p.Untimed > p.Kept || p.Outside+p.Untimed > p.Count {
		t.Fatalf("%d records of %d, Count says %d; %d untimed, %d outside", p.Kept, len(all), p.Count, p.Untimed, p.Outside)
	}
	for _, record := range all {
		if !json.Valid(record) || bytes.ContainsAny(record, "\r\n") {
			t.Fatalf("a record is no line of JSON: %q", record)
		}
	}
	// A name that stands twice is read in two ways by two decoders.
	var decoded struct{ Things []json.RawMessage }
	if !jsontext.Value(body).IsValid() || !named(body, "things") || json.Unmarshal(body, &decoded) != nil {
		return
	}
	if len(decoded.Things) != len(all) {
		t.Fatalf("%d records, another decoder finds %d", len(all), len(decoded.Things))
	}
	if len(p.others) > 0 {
		return
	}
	for i, record := range all {
		if compact(t, record) != compact(t, decoded.Things[i]) {
			t.Fatalf("record %d is %s, another decoder finds %s", i, record, decoded.Things[i])
		}
	}
}

// checkKeys compares the keys that were read while the page was with those read of each record.
func checkKeys(t *testing.T, s *Stream, p *Page) {
	t.Helper()
	reader := NewKeyReader(s)
	for _, keyed := range []iter.Seq2[[]byte, Key]{p.Keyed(), p.OthersKeyed()} {
		for record, key := range keyed {
			if hash, known, err := reader.Hash(record); err != nil || key != (Key{hash, known}) {
				t.Fatalf("the key of %s is %v on its page, and %v, %v by itself: %v", record, key, hash, known, err)
			}
		}
	}
}

// named says whether an object has a member of exactly this name: encoding/json takes one in other letter case too.
func named(object []byte, name string) bool {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(object, &members)
	_, there := members[name]
	folded := 0
	for other := range members {
		if strings.EqualFold(other, name) {
			folded++
		}
	}
	return there && folded == 1
}

func compact(t *testing.T, value []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func checkNext(t *testing.T, c *Client, next Cursor) {
	t.Helper()
	stored, err := json.Marshal(next)
	if err != nil || len(stored) > 1200 {
		t.Fatalf("a cursor of %d bytes, %v", len(stored), err)
	}
	var read Cursor
	if err := json.Unmarshal(stored, &read); err != nil || read != next {
		t.Fatalf("a cursor that is stored as %s and read as %+v, %v", stored, read, err)
	}
	if c.redact(next.Value) != next.Value {
		t.Fatalf("a credential in a cursor: %s", next.Value)
	}
	r, err := c.vendor.request(c.stream, c.scanner.bounds, nil, hour, next)
	if err != nil {
		t.Fatalf("no next request can be made with %+v: %v", next, err)
	}
	checkHost(t, c, r)
}

func checkHost(t *testing.T, c *Client, r request) {
	t.Helper()
	outgoing, err := c.outgoing(t.Context(), r, "")
	if err != nil {
		t.Fatalf("%s cannot be sent: %v", r, err)
	}
	if !sameOrigin(c.base, outgoing.URL) || outgoing.Host != c.base.Host || outgoing.URL.User != nil {
		t.Fatalf("%s goes to %s", r, outgoing.URL)
	}
}

// FuzzDescriptions reads any description. One that is taken survives JSON, and each of its streams can be asked for.
func FuzzDescriptions(f *testing.F) {
	for _, v := range []*Vendor{full(), simple("http://127.0.0.1:8080"), fuzzed(1, true, false), fuzzed(4, false, true)} {
		data, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Parse(data)
		if err != nil {
			return
		}
		written, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(written)
		if err != nil {
			t.Fatalf("it is taken, and as it is written again refused: %v\n%s", err, written)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(written, twice) {
			t.Fatalf("%v, it changes from\n%s to\n%s", err, written, twice)
		}
		secret := Secret{}
		for _, field := range v.SecretFields() {
			secret[field] = canary
		}
		for i := range v.Streams {
			s := &v.Streams[i]
			c, err := NewClient(v, s.Name, secret, newClock().options())
			if err != nil {
				t.Fatal(err)
			}
			if s.Parent != nil {
				checkChild(t, c)
				continue
			}
			for _, day := range []string{"2026-03-10T17:00:00Z", "2026-03-29T01:30:00Z", "2026-11-01T09:15:00Z"} {
				checkWindow(t, c, at(day))
			}
		}
	})
}

// checkChild asks for a parent whose fields are what a path or a query suffers least.
func checkChild(t *testing.T, c *Client) {
	t.Helper()
	parent := ParentRecord{Key: "1"}
	for range c.stream.Parent.Places {
		parent.Places = append(parent.Places, jsontext.Value(`"//../a?b#c%2F\u0000é"`))
	}
	of := c.Of(parent)
	r, err := of.vendor.request(c.stream, c.scanner.bounds, of.parent, hour, Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	checkHost(t, of, r)
}

// checkWindow asks for the window from about start on.
func checkWindow(t *testing.T, c *Client, start time.Time) {
	t.Helper()
	s := c.stream
	start = s.AlignDown(start)
	w := window.Window{Start: start, End: s.LatestEnd(start)}
	if w.End.IsZero() {
		w.End = s.AlignDown(start.Add(4 * time.Hour))
	}
	if err := c.scanner.bounds.check(w); err != nil {
		t.Fatalf("window %s: %v", w, err)
	}
	if text := c.Describe(w); strings.HasPrefix(text, "unusable") {
		t.Fatal(text)
	}
	for _, at := range []Cursor{{}, {Page: 2, Seen: 100, Digest: "x"}} {
		r, err := c.vendor.request(s, c.scanner.bounds, nil, w, at)
		if err != nil {
			t.Fatal(err)
		}
		checkHost(t, c, r)
	}
}

// FuzzWindows describes a stream by any way of asking for a window, place and name. Of one that is taken each window can
// be asked for, and begins and ends where it may.
func FuzzWindows(f *testing.F) {
	f.Add(time.RFC3339, uint8(0), int64(1e9), int64(0), int64(0), false, "/things", "from", "query", int64(1773165600))
	f.Add("2006-01-02T15:04:05.000", uint8(1), int64(1e6), int64(0), int64(24*time.Hour), true, "/a%20b/{from}", "from", "path", int64(1793523600))
	f.Add(time.DateOnly, uint8(2), int64(0), int64(24*time.Hour), int64(48*time.Hour), true, "/things", "filter.from", "body", int64(1774746000))
	f.Add(LayoutUnix, uint8(3), int64(0), int64(0), int64(3*time.Hour), false, "", "a&b=c", "query", int64(1))
	f.Add("2006-01-02 15", uint8(4), int64(0), int64(time.Hour), int64(4*time.Hour), false, "/", "x", "query", int64(1793507400))
	f.Add("2006-01-02 15:04", uint8(5), int64(0), int64(1), int64(0), true, "/", "x", "query", int64(1773165600))
	zones := []string{"", "America/Los_Angeles", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Africa/Casablanca", "Australia/Lord_Howe", "Pacific/Apia", "America/Caracas", "Asia/Pyongyang"}
	f.Fuzz(func(t *testing.T, layout string, zone uint8, resolution, granularity, longest int64, inclusive bool, path, name, in string, seconds int64) {
		v := simple("https://api.example.com/v2")
		v.AllowPrivate = false
		s := &v.Streams[0]
		s.Path, s.TimePath = path, "time"
		if in == string(InBody) {
			s.Method = "POST"
		}
		s.Window.Start = Place{In: In(in), Name: name}
		s.Window.Layout, s.Window.Zone, s.Window.EndInclusive = layout, zones[int(zone)%len(zones)], inclusive
		s.Window.Resolution, s.Window.Granularity, s.Window.LongestSpan = Duration(resolution), Duration(granularity), Duration(longest)
		if v.Validate() != nil {
			return
		}
		c := mustClient(t, v, nil, newClock().options())
		// From 1980 to 2100.
		start := time.Unix(315532800+max(seconds, -seconds, 0)%3786912000, 0)
		checkWindow(t, c, start)
		w := window.Window{Start: s.AlignDown(start), End: s.LatestEnd(s.AlignDown(start))}
		if w.End.IsZero() {
			return
		}
		if !w.Start.Before(w.End) || w.End.Sub(w.Start) > time.Duration(longest) || c.scanner.bounds.span(w) > time.Duration(longest) {
			t.Fatalf("window %s of %v is asked for as %v, longer than %v", w, w.End.Sub(w.Start), c.scanner.bounds.span(w), time.Duration(longest))
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, value := range []string{"120", " 1.5", "-3", "1e300", "NaN", "Tue, 10 Mar 2026 18:00:30 GMT", "Tuesday, 10-Mar-26 18:00:30 GMT", "2026-03-10T11:01:00-0700", "2026-03-10T18:01:00.5Z", "soon"} {
		f.Add(value, 1, int64(1773165600))
	}
	retry := Retry{}.withDefaults()
	f.Fuzz(func(t *testing.T, value string, attempt int, now int64) {
		clock := time.Unix(now%(1<<36), 0)
		d, ok := parseRetryAfter(value, clock)
		if d < 0 || !ok && d != 0 {
			t.Fatalf("%q is read as %v, %v", value, d, ok)
		}
		attempt = 1 + max(attempt, 0)%maxAttempts
		wait := retry.wait(attempt, value, clock, 0.999)
		if wait <= 0 || wait > DefaultMaxWait || ok && d > 0 && wait != min(d, DefaultMaxWait) {
			t.Fatalf("%q makes a wait of %v", value, wait)
		}
	})
}

// FuzzLinks follows any next link, and any that a cursor may hold: none leads to another host.
func FuzzLinks(f *testing.F) {
	for _, link := range []string{
		`</x?p=2>; rel="next"`, `<https://api.example.com/v2/x?api_key=` + canary + `&p=2>;rel=next`, `<//elsewhere.example/>; rel=next`,
		`</a,b;c>; title="a \", <b>; rel=next"; REL="prev NEXT"`, `</1; rel=next`, `<`, `<https://api.example.com@elsewhere.example/>; rel=next`,
		`<\\elsewhere.example/x>; rel=next`, `<https:elsewhere.example>; rel=next`, `<?p=2#f>; rel=next`, `</%2e%2e//x>;rel=next`, `<//api.example.com//x>;rel=next`,
	} {
		f.Add(link)
	}
	v := fuzzed(5, false, false)
	options := newClock().options()
	c, err := NewClient(v, "things", Secret{"t": canary}, options)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, link string) {
		next, err := c.nextLink(envelope{}, http.Header{"Link": {link}})
		if err == nil && next != "" {
			checkNext(t, c, Cursor{Page: 2, Value: next})
		}
		if r, err := v.linkedRequest(link); err == nil {
			target, err := url.Parse(r.url)
			if err != nil || !sameOrigin(c.base, target) {
				t.Fatalf("the cursor %q leads to %s", link, r)
			}
		}
	})
}

// FuzzRecordTime reads the time of any record. One that was written in a usual form is read as it was.
func FuzzRecordTime(f *testing.F) {
	for _, value := range []string{`"2026-03-10T17:30:00Z"`, `"2026-03-10T10:30:00.123-0700"`, `"2026-03-10 10:30:00"`, `1773163800`, `"1773163800.25"`, `1773163800250`, `-1.5`, `1e9`, `0`, `null`, `"\ud83d"`, `"9999-99-99"`} {
		f.Add([]byte(`{"a":{"time":`+value+`}}`), uint8(0), int64(1773163800), int64(250_000_000))
	}
	layouts := []string{time.RFC3339, time.DateOnly, LayoutUnix, LayoutUnixMilli, "02.01.2006 15:04", ""}
	zones := []string{"", "America/Los_Angeles", "Asia/Kathmandu"}
	f.Fuzz(func(t *testing.T, record []byte, which uint8, seconds, nanoseconds int64) {
		s := simple("https://api.example.com").Streams[0]
		s.TimePath = "a.time"
		s.Window.Layout = layouts[int(which)%len(layouts)]
		s.Window.Zone = zones[int(which>>4)%len(zones)]
		s.Window.Resolution = 0
		reader := NewTimeReader(&s)
		_, _ = reader.Time(record)

		// Up to the year 9999, and not 1970-01-01T00:00:00Z, which counts as unset.
		moment := time.Unix(1+max(seconds, -seconds, 0)%253402300798, max(nanoseconds, -nanoseconds, 0)%1e9)
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700"} {
			text, err := json.Marshal(map[string]any{"x": []int{1}, "a": map[string]string{"b": "", "time": moment.In(reader.bounds.zone).Format(layout)}})
			if err != nil {
				t.Fatal(err)
			}
			if read, ok := reader.Time(text); !ok || !read.Equal(moment) {
				t.Fatalf("%s is read as %s, %v", text, read, ok)
			}
		}
	})
}

// FuzzKey reads the key fields of any record, and finds in them what encoding/json does.
func FuzzKey(f *testing.F) {
	f.Add([]byte(`{"id":9007199254740993,"o":{"id":"a\u0062"}}`), "id", "o.id")
	f.Add([]byte(`{"o":{"p":{"x":[1,{"q":2}],"q":null}},"id":[{"id":1}]}`), "o.p.q", "o.p")
	f.Add([]byte(`{"id":1,"id":2,"\u0069d":3} x`), "id", "id")
	f.Add([]byte("{\"\xff\":1,\"\\ud800\":2}"), "\xff", "\ufffd")
	f.Add([]byte(`[{"id":1}]`), "", "id.")
	f.Add([]byte(`{"times":[{"at":1},[{"at":"2"}]],"0":{"0":[]}}`), "times.0.at", "times.1.0.at")
	f.Add([]byte(`[[3],{"00":1}]`), "0.0", "1.00")
	f.Fuzz(func(t *testing.T, record []byte, a, b string) {
		paths := []string{a, b}
		values, err := newFieldReader(paths...).read(record)
		hash, ok, hashErr := NewKeyReader(&Stream{Key: paths}).Hash(record)
		if (err == nil) != (hashErr == nil) {
			t.Fatalf("one reader fails with %v, the other with %v", err, hashErr)
		}
		if err != nil {
			if json.Valid(record) && !deep(record) {
				t.Fatalf("a good record is refused: %v", err)
			}
			return
		}
		if again, okAgain, _ := NewKeyReader(&Stream{Key: paths}).Hash(append([]byte("  "), record...)); again != hash || okAgain != ok {
			t.Fatal("white space before a record changes its key")
		}
		if !jsontext.Value(record).IsValid() || !isFieldPath(a) || !isFieldPath(b) || a == b {
			return
		}
		for i, path := range paths {
			want := lookUp(record, strings.Split(path, "."))
			// Of two paths of which one leads through the other, the longer one's value is not looked for.
			if overlap(a, b) && len(path) == max(len(a), len(b)) {
				continue
			}
			if !bytes.Equal(values[i], want) {
				t.Fatalf("at %q: got %s, want %s", path, values[i], want)
			}
		}
	})
}

// deep says whether a value is nested deeper than answers may be.
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

// lookUp is the reading of a path by encoding/json.
func lookUp(value []byte, path []string) []byte {
	for _, name := range path {
		var elements []json.RawMessage
		if json.Unmarshal(value, &elements) == nil && elements != nil {
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(elements) || strconv.Itoa(i) != name {
				return nil
			}
			value = elements[i]
			continue
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(value, &members); err != nil {
			return nil
		}
		next, there := members[name]
		if !there {
			return nil
		}
		value = next
	}
	return bytes.TrimSpace(value)
}

// FuzzSecrets reads any secret. An error never quotes it.
func FuzzSecrets(f *testing.F) {
	for _, data := range []string{`{"key":"` + canary + `"}`, `{"key":{"a":"` + canary + `"}}`, `{"` + canary, canary, `"` + canary + `"`, `{"a":"b"} ` + canary, `{"a":"b","a":"` + canary + `"}`} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		secret, err := ParseSecret(data)
		if err == nil {
			var want map[string]string
			if err := json.Unmarshal(data, &want); err != nil || !reflect.DeepEqual(want, map[string]string(secret)) {
				t.Fatalf("another decoder finds it to be otherwise: %v", err)
			}
		}
	})
}
