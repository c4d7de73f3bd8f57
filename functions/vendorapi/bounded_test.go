package vendorapi

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// refusal reads the first page, which must be refused as malformed at the first attempt, and returns why.
func refusal(t *testing.T, v *Vendor, o Options) string {
	t.Helper()
	c := mustClient(t, v, nil, o)
	p, err := c.Page(t.Context(), hour, Cursor{})
	if !errors.Is(err, ErrMalformed) || c.Stats().Requests != 1 {
		t.Fatalf("got %+v, %v after %d requests, want it malformed after one", p, err, c.Stats().Requests)
	}
	return err.Error()
}

func TestAHeaderThatIsTooLarge(t *testing.T) {
	for name, transport := range map[string]http.RoundTripper{"given": http.DefaultTransport, "guarded": guardedTransport(true)} {
		t.Run(name, func(t *testing.T) {
			options := newClock().options()
			options.Transport = transport
			size := maxHeaderBytes - 1<<10
			v := simple(serve(t, func(w http.ResponseWriter, _ *http.Request) {
				for i := range 8 {
					w.Header().Add("X-"+strconv.Itoa(i), strings.Repeat("x", size/8))
				}
				io.WriteString(w, `{"things":[]}`)
			}))
			if _, err := mustClient(t, v, nil, options).Page(t.Context(), hour, Cursor{}); err != nil {
				t.Errorf("one that is large but allowed: %v", err)
			}
			size = maxHeaderBytes + 8
			if why := refusal(t, v, options); !strings.Contains(why, "the answer's header has 65") || !strings.Contains(why, "want at most 65536") {
				t.Error(why)
			}
		})
	}
}

func TestAnEndlessHeaderIsNotReadToItsEnd(t *testing.T) {
	v := simple(serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 9 {
			w.Header().Set("X-"+strconv.Itoa(i), strings.Repeat("x", maxHeaderBytes))
		}
		io.WriteString(w, `{"things":[]}`)
	}))
	v.Retry.MaxAttempts = 1
	options := newClock().options()
	options.Transport = guardedTransport(true)
	_, err := mustClient(t, v, nil, options).Page(t.Context(), hour, Cursor{})
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "headers exceeded 262144 bytes") {
		t.Errorf("got %v", err)
	}
}

func TestAnAnswerThatIsNestedTooDeep(t *testing.T) {
	var body string
	v := simple(serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }))
	nested := func(depth int) string {
		return `{"things":[` + strings.Repeat(`{"a":`, depth-2) + `"[[[{{{\"[[["` + strings.Repeat("}", depth-2) + "]}"
	}
	body = nested(maxDepth)
	if _, err := mustClient(t, v, nil, newClock().options()).Page(t.Context(), hour, Cursor{}); err != nil {
		t.Errorf("one that is deep but allowed: %v", err)
	}
	body = nested(maxDepth + 1)
	if why := refusal(t, v, newClock().options()); !strings.Contains(why, "nested deeper than 200 levels at byte 1001") {
		t.Error(why)
	}
	body = `{"x":` + strings.Repeat("[", 1<<20)
	if why := refusal(t, v, newClock().options()); !strings.Contains(why, "nested deeper than 200 levels") {
		t.Error(why)
	}
}

// zipped answers with a body of zeros in quotes that is a thousand times smaller on its way.
func zipped(status, size int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(status)
		z := gzip.NewWriter(w)
		io.WriteString(z, `{"things":["`)
		zeros := []byte(strings.Repeat("0", 1<<10))
		for range size >> 10 {
			z.Write(zeros)
		}
		io.WriteString(z, `"]}`)
		z.Close()
	}
}

func TestABodyIsBoundedAsItIsDecompressed(t *testing.T) {
	const limit, size = 1 << 20, 64 << 20
	v := simple(serve(t, zipped(200, size)))
	v.MaxPageBytes = limit
	options := newClock().options()
	options.Transport = guardedTransport(true)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	why := refusal(t, v, options)
	runtime.ReadMemStats(&after)
	if !strings.Contains(why, "the page is larger than maxPageBytes (1048576)") {
		t.Error(why)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 10*limit {
		t.Errorf("%d bytes of memory", took)
	}
	v.MaxPageBytes = 65 << 20
	if p, err := mustClient(t, v, nil, options).Page(t.Context(), hour, Cursor{}); err != nil || p.Bytes < size {
		t.Errorf("one that is allowed: %v", err)
	}
}

func TestAnErrorsBodyIsBoundedAsItIsDecompressed(t *testing.T) {
	v := simple(serve(t, zipped(404, 64<<20)))
	options := newClock().options()
	options.Transport = guardedTransport(true)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := mustClient(t, v, nil, options).Page(t.Context(), hour, Cursor{})
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, ErrRefused) || len(err.Error()) > 1000 || took > 10<<20 {
		t.Errorf("%d bytes of memory, %v", took, err)
	}
}

// endless gives page after page of fresh records, and always a next one.
func endless(records int) http.HandlerFunc {
	page := 0
	return func(w http.ResponseWriter, _ *http.Request) {
		page++
		things := []int{}
		for i := range records {
			things = append(things, page*records+i)
		}
		json.NewEncoder(w).Encode(map[string]any{"things": things, "next": fmt.Sprintf("token %d", page)})
	}
}

func TestAWindowWhosePagesNeverEnd(t *testing.T) {
	tests := map[string]struct {
		paging  Paging
		records int
	}{
		"empty pages":   {Paging{Kind: PagingToken, Place: Place{In: InQuery, Name: "t"}, NextPath: "next"}, 0},
		"fresh records": {Paging{Kind: PagingNumber, Place: Place{In: InQuery, Name: "t"}, Size: 3}, 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := simple(serve(t, endless(test.records)))
			v.Streams[0].Paging = test.paging
			v.Streams[0].Paging.MaxPages = 20
			at, pages, err := follow(t.Context(), mustClient(t, v, nil, newClock().options()), Cursor{}, 100)
			if !errors.Is(err, ErrMalformed) || errors.Is(err, ErrRepeated) || pages != 19 || !strings.Contains(err.Error(), "goes on after its 20 pages, as many as paging.maxPages allows") {
				t.Errorf("%d pages, %v", pages, err)
			}
			v.Streams[0].Paging.MaxPages = 0
			if at, pages, err = follow(t.Context(), mustClient(t, v, nil, newClock().options()), at, 100); err != nil || pages != 100 {
				t.Errorf("%d pages, %v", pages, err)
			}
			at.Page = DefaultMaxPages
			if _, pages, err = follow(t.Context(), mustClient(t, v, nil, newClock().options()), at, 100); pages != 0 || !errors.Is(err, ErrMalformed) {
				t.Errorf("%d pages past the default, %v", pages, err)
			}
		})
	}
}

// follow reads page after page from at on, each with a client that knows no more than a stored cursor.
func follow(ctx context.Context, c *Client, at Cursor, most int) (_ Cursor, pages int, err error) {
	for pages < most {
		p, err := c.Page(ctx, hour, at)
		if err != nil || p.Last {
			return at, pages, err
		}
		pages++
		stored, err := json.Marshal(p.Next)
		if err != nil {
			return at, pages, err
		}
		at = Cursor{}
		if err := json.Unmarshal(stored, &at); err != nil {
			return at, pages, err
		}
	}
	return at, pages, nil
}

// circular is a vendor whose pages begin again: after a way of tail pages they go round a circle.
type circular struct {
	kind         PagingKind
	tail, circle int
	// fresh tokens never repeat, only the records do; fresh records never do, only the tokens.
	freshTokens, freshRecords bool
	given                     int
}

func (v *circular) RoundTrip(r *http.Request) (*http.Response, error) {
	v.given++
	page := v.given - 1
	if page >= v.tail {
		page = v.tail + (page-v.tail)%v.circle
	}
	next := page + 1
	if next == v.tail+v.circle {
		next = v.tail
	}
	token := fmt.Sprintf("/things?page=%d", next)
	if v.freshTokens {
		token = fmt.Sprintf("/things?page=%d", v.given)
	}
	header := http.Header{}
	if v.freshRecords {
		page = v.given
	}
	answer := map[string]any{"things": []int{2 * page, 2*page + 1}}
	switch v.kind {
	case PagingLinkHeader:
		header.Set("Link", "<"+token+">; rel=next")
	default:
		answer["next"] = token
	}
	body, err := json.Marshal(answer)
	return &http.Response{StatusCode: 200, Header: header, Body: io.NopCloser(strings.NewReader(string(body))), ContentLength: int64(len(body)), Request: r}, err
}

func TestPagesThatGoInACircle(t *testing.T) {
	place := Place{In: InQuery, Name: "at"}
	kinds := []Paging{
		{Kind: PagingOffset, Place: place, Size: 2},
		{Kind: PagingNumber, Place: place, Size: 2},
		{Kind: PagingToken, Place: place, NextPath: "next"},
		{Kind: PagingNextLink, NextPath: "next"},
		{Kind: PagingLinkHeader},
	}
	rapid.Check(t, func(rt *rapid.T) {
		paging := rapid.SampledFrom(kinds).Draw(rt, "paging")
		vendor := &circular{
			kind:   paging.Kind,
			tail:   rapid.IntRange(0, 60).Draw(rt, "tail"),
			circle: rapid.IntRange(1, 60).Draw(rt, "circle"),
		}
		switch rapid.IntRange(0, 2).Draw(rt, "fresh") {
		case 1:
			vendor.freshTokens = true
		case 2:
			// Where nothing is given that leads to the next page, the records are all that can repeat.
			vendor.freshRecords = paging.NextPath != "" || paging.Kind == PagingLinkHeader
		}
		v := simple("https://api.example.com")
		v.Streams[0].Paging = paging
		options := newClock().options()
		options.Transport = vendor
		client, err := NewClient(v, "things", nil, options)
		if err != nil {
			rt.Fatal(err)
		}
		most := 3 * max(vendor.tail+1, vendor.circle)
		_, pages, err := follow(context.Background(), client, Cursor{}, 1000)
		if !errors.Is(err, ErrRepeated) {
			rt.Fatalf("%d pages, %v", pages, err)
		}
		// The circle is whole once tail + circle pages have been read; it is known after at most thrice as many as it has.
		if pages < vendor.tail || pages > most {
			rt.Fatalf("found after %d pages, want %d to %d", pages, vendor.tail, most)
		}
	})
}

func TestPagesThatDoNotRepeatAreNoCircle(t *testing.T) {
	v := simple("https://api.example.com")
	v.Streams[0].Paging = Paging{Kind: PagingToken, Place: Place{In: InQuery, Name: "at"}, NextPath: "next"}
	options := newClock().options()
	options.Transport = &circular{kind: PagingToken, circle: 1 << 30}
	if _, pages, err := follow(t.Context(), mustClient(t, v, nil, options), Cursor{}, 3000); err != nil || pages != 3000 {
		t.Errorf("%d pages, %v", pages, err)
	}
}

// TestALongNext finds the longest token, and that its cursor is as long at most as what a part has room for.
func TestALongNext(t *testing.T) {
	const room = 1200
	tests := map[string]struct {
		paging Paging
		next   func(size int) any
		size   int
	}{
		"token":        {Paging{Kind: PagingToken, Place: Place{In: InQuery, Name: "t"}, NextPath: "next"}, func(n int) any { return strings.Repeat("x", n) }, MaxNextBytes - len(`"\"\""`)},
		"number":       {Paging{Kind: PagingToken, Place: Place{In: InQuery, Name: "t"}, NextPath: "next"}, func(n int) any { return json.Number(strings.Repeat("1", n)) }, MaxNextBytes - len(`""`)},
		"next link":    {Paging{Kind: PagingNextLink, NextPath: "next"}, func(n int) any { return "/things?a=" + strings.Repeat("x", n) }, MaxNextBytes - len(`"/things?a="`)},
		"ampersands":   {Paging{Kind: PagingNextLink, NextPath: "next"}, func(n int) any { return "/things?a&b=" + strings.Repeat("x", n) }, MaxNextBytes - len(`"/things?a=\u0026b="`)},
		"quotes in it": {Paging{Kind: PagingToken, Place: Place{In: InQuery, Name: "t"}, NextPath: "next"}, func(n int) any { return `"` + strings.Repeat("x", n) }, MaxNextBytes - len(`"\"\\\"\""`)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			size := test.size
			v := simple(serve(t, func(w http.ResponseWriter, _ *http.Request) {
				encoder := json.NewEncoder(w)
				encoder.SetEscapeHTML(false)
				encoder.Encode(map[string]any{"things": []int{1}, "next": test.next(size)})
			}))
			v.Streams[0].Paging = test.paging
			p, err := mustClient(t, v, nil, newClock().options()).Page(t.Context(), hour, Cursor{})
			if err != nil {
				t.Fatalf("the longest: %v", err)
			}
			longest := p.Next
			longest.Page, longest.Seen = 999_999_999, 1<<63-1
			longest.Digest = fmt.Sprintf("%d-%d-%08x", 1<<24, 1<<32, 1<<32-1)
			longest.MarkDigest, longest.MarkValue = longest.Digest, fmt.Sprintf("%x", uint64(1<<64-1))
			if stored, err := json.Marshal(longest); err != nil || len(stored) > room {
				t.Errorf("its cursor is %d bytes: %s", len(stored), stored)
			}
			size++
			if why := refusal(t, v, newClock().options()); !strings.Contains(why, "takes 1025 bytes as JSON: want at most 1024") {
				t.Error(why)
			}
		})
	}
}

func TestAFailureInAnAnswerOfStatus200(t *testing.T) {
	tests := map[string]struct {
		body string
		want string
	}{
		"an object":        {`{"meta":{"error":{"code":17,"text":"no ` + canary + `"}}}`, `200 OK, but a failure stands at failurePath "meta.error": {"code":17,"text":"no [redacted]"}`},
		"beside records":   {`{"things":[],"meta":{"error":["late"]}}`, `["late"]`},
		"a text":           {`{"meta":{"error":"no such account"}}`, `"no such account"`},
		"true":             {`{"meta":{"error":true}}`, `true`},
		"a code":           {`{"meta":{"error":17}}`, `17`},
		"null":             {`{"meta":{"error":null}}`, ""},
		"false":            {`{"meta":{"error":false},"things":[]}`, ""},
		"zero":             {`{"meta":{"error": 0 }}`, ""},
		"an empty text":    {`{"meta":{"error":""}}`, ""},
		"an empty list":    {`{"meta":{"error":[ ]}}`, ""},
		"an empty object":  {`{"meta":{"error":{}}}`, ""},
		"absent":           {`{"things":[{"id":1}],"error":"another"}`, ""},
		"a list in a list": {`{"meta":{"error":[[]]}}`, `[[]]`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := simple(serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, test.body) }))
			v.Auth = Auth{Kind: AuthBearer, TokenField: "t"}
			v.Streams[0].RecordsAbsentWhenEmpty = true
			v.Streams[0].FailurePath = "meta.error"
			c := mustClient(t, v, Secret{"t": canary}, newClock().options())
			_, err := c.Page(t.Context(), hour, Cursor{})
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, ErrRefused) || !strings.HasSuffix(err.Error(), test.want) || c.Stats().Requests != 1 {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestAFailureThatMayBeBetterNextTime(t *testing.T) {
	requests := 0
	v := simple(serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if requests++; requests == 1 {
			io.WriteString(w, `{"error":"Rate limit"}`)
			return
		}
		io.WriteString(w, `{"things":[{"id":1}]}`)
	}))
	v.Streams[0].FailurePath = "error"
	v.Retry.Also = []Answer{{Status: 200, BodyContains: `"error":"rate limit"`, Throttled: true}}
	clock := newClock()
	p, err := mustClient(t, v, nil, clock.options()).Page(t.Context(), hour, Cursor{})
	if err != nil || p.Count != 1 || len(clock.slept) != 1 || clock.slept[0] != time.Second {
		t.Errorf("got %+v, %v, waits %v", p, err, clock.slept)
	}
}
