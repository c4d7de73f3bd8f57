package vendorapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const canary = "canary-4f1d+/=&x"

func TestAuth(t *testing.T) {
	tests := map[string]struct {
		auth   Auth
		secret Secret
		check  func(*http.Request) string
		want   string
	}{
		"none":    {Auth{Kind: AuthNone}, nil, func(r *http.Request) string { return r.Header.Get("Authorization") }, ""},
		"headers": {Auth{Kind: AuthHeaders, HeaderFields: map[string]string{"accessTokenKey": "k"}}, Secret{"k": canary}, func(r *http.Request) string { return r.Header.Get("accessTokenKey") }, canary},
		"bearer":  {Auth{Kind: AuthBearer, TokenField: "t"}, Secret{"t": canary}, func(r *http.Request) string { return r.Header.Get("Authorization") }, "Bearer " + canary},
		"basic": {Auth{Kind: AuthBasic, UsernameField: "u", PasswordField: "p"}, Secret{"u": "me", "p": canary}, func(r *http.Request) string {
			user, password, _ := r.BasicAuth()
			return user + " " + password
		}, "me " + canary},
		"query key": {Auth{Kind: AuthQueryKey, TokenField: "t", Parameter: "api_key"}, Secret{"t": canary}, func(r *http.Request) string { return r.URL.Query().Get("api_key") }, canary},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got string
			v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
				got = test.check(r)
				io.WriteString(w, `{"things":[]}`)
			}))
			v.Auth = test.auth
			c := mustClient(t, v, test.secret, newClock().options())
			if _, err := c.Page(t.Context(), hour, Cursor{}); err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if described := c.Describe(hour); strings.Contains(described, "canary") {
				t.Errorf("Describe shows a credential: %s", described)
			}
		})
	}
}

func TestMissingSecret(t *testing.T) {
	v := full()
	_, err := NewClient(v, "people", Secret{"key": "", "other": canary}, newClock().options())
	if err == nil || !strings.Contains(err.Error(), "lacks key, secret, signingKey") || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
	_, err = NewClient(v, "people", Secret{"key": "a", "secret": canary + "\n", "signingKey": canary}, newClock().options())
	if err == nil || !strings.Contains(err.Error(), "line break perhaps, in secret") || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
	_, err = NewClient(v, "poeple", nil, newClock().options())
	if err == nil || !strings.Contains(err.Error(), "want one of people, days") {
		t.Errorf("got %v", err)
	}
}

func TestPlaces(t *testing.T) {
	const from, to = "2026-03-10T10:00:00.000", "2026-03-10T10:59:59.999"
	var gotPath, gotBody, gotHeader string
	v := full()
	v.BaseURL = serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		gotPath, gotBody, gotHeader = r.Method+" "+r.URL.String(), string(body), r.Header.Get("Accept")
		io.WriteString(w, `{"data":{"total":"0"}}`)
	})
	v.AllowPrivate = true
	c := mustClient(t, v, Secret{"key": canary, "secret": canary, "signingKey": canary}, newClock().options())
	if _, err := c.Page(t.Context(), hour, Cursor{}); err != nil {
		t.Fatal(err)
	}
	wantPath := "POST /account/" + url.PathEscape(from) + "/people?include=all"
	wantBody := `{"filter":{"kind":"person","until":"` + to + `"},"page":{"number":1,"size":100}}`
	if diff := cmp.Diff([]string{wantPath, wantBody, "application/vnd.api+json"}, []string{gotPath, gotBody, gotHeader}); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if want := "POST " + v.BaseURL + strings.TrimPrefix(wantPath, "POST ") + " " + wantBody; c.Describe(hour) != want {
		t.Errorf("Describe: got %s, want %s", c.Describe(hour), want)
	}
}

// paged serves 7 records in the way that the paging kind asks for.
func paged(kind PagingKind, first int, total bool) http.HandlerFunc {
	const all, size = 7, 3
	return func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		skip := 0
		switch kind {
		case PagingOffset:
			skip, _ = strconv.Atoi(query.Get("at"))
		case PagingNumber:
			number, _ := strconv.Atoi(query.Get("at"))
			skip = (number - first) * size
		default:
			skip, _ = strconv.Atoi(strings.TrimPrefix(query.Get("at"), "t"))
		}
		answer := map[string]any{}
		var things []map[string]int
		for id := skip; id < min(skip+size, all); id++ {
			things = append(things, map[string]int{"id": id})
		}
		answer["things"] = things
		if total {
			answer["meta"] = map[string]any{"total": all}
		}
		if next := skip + size; next < all {
			link := fmt.Sprintf("/things?at=%d&api_key=%s", next, url.QueryEscape(query.Get("api_key")))
			switch kind {
			case PagingToken:
				answer["next"] = "t" + strconv.Itoa(next)
			case PagingNextLink:
				answer["next"] = "http://" + r.Host + link
			case PagingLinkHeader:
				w.Header().Add("Link", `<https://elsewhere.example/?a,b>; rel="first", <`+link+`>; title="a, b"; rel="last NEXT"`)
			}
		}
		json.NewEncoder(w).Encode(answer)
	}
}

func TestPaging(t *testing.T) {
	place := Place{In: InQuery, Name: "at"}
	tests := map[string]struct {
		paging Paging
		total  bool
		pages  int
	}{
		"offset":              {Paging{Kind: PagingOffset, Place: place, Size: 3}, false, 3},
		"offset with total":   {Paging{Kind: PagingOffset, Place: place, Size: 3}, true, 3},
		"number from 0":       {Paging{Kind: PagingNumber, Place: place, Size: 3}, false, 3},
		"number from 1":       {Paging{Kind: PagingNumber, Place: place, Size: 3, First: 1}, true, 3},
		"clamped by vendor":   {Paging{Kind: PagingOffset, Place: place, Size: 5, SizePlace: Place{In: InQuery, Name: "size"}}, true, 3},
		"token":               {Paging{Kind: PagingToken, Place: place, NextPath: "next"}, false, 3},
		"token with total":    {Paging{Kind: PagingToken, Place: place, NextPath: "next"}, true, 3},
		"next link":           {Paging{Kind: PagingNextLink, NextPath: "next"}, false, 3},
		"Link header":         {Paging{Kind: PagingLinkHeader}, false, 3},
		"Link header, totals": {Paging{Kind: PagingLinkHeader}, true, 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := simple(serve(t, paged(test.paging.Kind, test.paging.First, test.total)))
			v.Auth = Auth{Kind: AuthQueryKey, TokenField: "t", Parameter: "api_key"}
			v.Streams[0].Paging = test.paging
			if test.total {
				v.Streams[0].Total = Total{Path: "meta.total"}
			}
			all, pages := readAll(t, mustClient(t, v, Secret{"t": canary}, newClock().options()))
			want := []string{`{"id":0}`, `{"id":1}`, `{"id":2}`, `{"id":3}`, `{"id":4}`, `{"id":5}`, `{"id":6}`}
			if diff := cmp.Diff(want, all); diff != "" || pages != test.pages {
				t.Errorf("%d pages, want %d; records (-want +got):\n%s", pages, test.pages, diff)
			}
		})
	}
}

func TestATotalThatIsPassedIsNoEnd(t *testing.T) {
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		at, _ := strconv.Atoi(r.URL.Query().Get("at"))
		var things []string
		for id := at; id < min(at+3, 7); id++ {
			things = append(things, fmt.Sprintf(`{"id":%d}`, id))
		}
		fmt.Fprintf(w, `{"total":2,"things":[%s]}`, strings.Join(things, ","))
	}))
	v.Streams[0].Paging = Paging{Kind: PagingOffset, Place: Place{In: InQuery, Name: "at"}, Size: 3}
	v.Streams[0].Total = Total{Path: "total"}
	if all, pages := readAll(t, mustClient(t, v, nil, newClock().options())); len(all) != 7 || pages != 3 {
		t.Errorf("%d records on %d pages, want all 7", len(all), pages)
	}
}

func TestCursorHoldsNoCredential(t *testing.T) {
	v := simple(serve(t, paged(PagingNextLink, 0, false)))
	v.Auth = Auth{Kind: AuthQueryKey, TokenField: "t", Parameter: "api_key"}
	v.Streams[0].Paging = Paging{Kind: PagingNextLink, NextPath: "next"}
	p, err := mustClient(t, v, Secret{"t": canary}, newClock().options()).Page(t.Context(), hour, Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "/things?at=3"; p.Next.Value != want {
		t.Errorf("got %q, want %q", p.Next.Value, want)
	}
}

func TestNumericTokenStaysANumberInABody(t *testing.T) {
	var bodies []string
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		if len(bodies) == 1 {
			io.WriteString(w, `{"next":9007199254740993,"things":[{"id":1}]}`)
			return
		}
		io.WriteString(w, `{"next":null,"things":[]}`)
	}))
	s := &v.Streams[0]
	s.Method = "POST"
	s.Window.Start, s.Window.End = Place{In: InBody, Name: "from"}, Place{In: InBody, Name: "to"}
	s.Window.Layout = LayoutUnix
	s.Paging = Paging{Kind: PagingToken, Place: Place{In: InBody, Name: "after"}, NextPath: "next"}
	readAll(t, mustClient(t, v, nil, newClock().options()))
	want := []string{`{"from":1773162000,"to":1773165600}`, `{"after":9007199254740993,"from":1773162000,"to":1773165600}`}
	if diff := cmp.Diff(want, bodies); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
}

func TestPastEnd(t *testing.T) {
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		io.WriteString(w, `{"message":"Invalid pageOffset, range must be between 0 and 2"}`)
	}))
	s := &v.Streams[0]
	s.Paging = Paging{Kind: PagingNumber, Place: Place{In: InQuery, Name: "page"}, Size: 2, PastEnd: []Answer{{Status: 400, BodyContains: "invalid pageoffset"}}}
	s.Total = Total{Path: "total"}
	c := mustClient(t, v, nil, newClock().options())
	p, err := c.Page(t.Context(), hour, Cursor{Page: 4, Seen: 6})
	if err != nil || !p.Last || p.Count != 0 || p.Total != -1 {
		t.Errorf("got %+v, %v", p, err)
	}
	p, err = c.Page(t.Context(), hour, Cursor{})
	if err != nil || !p.Last || p.Total != 0 {
		t.Errorf("first page: got %+v, %v", p, err)
	}
}

func TestAbsentRecords(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		total  int64
		kind   error
	}{
		"no array":            {200, `{"total":0}`, 0, nil},
		"null":                {200, `{"total":0,"things":null}`, 0, nil},
		"no content":          {204, ``, 0, nil},
		"the total disagrees": {200, `{"total":2}`, 0, ErrMalformed},
		"neither":             {200, `{"message":"sorry"}`, 0, ErrMalformed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
			}))
			v.Streams[0].RecordsAbsentWhenEmpty = true
			v.Streams[0].Total = Total{Path: "total"}
			p, err := mustClient(t, v, nil, newClock().options()).Page(t.Context(), hour, Cursor{})
			if !errors.Is(err, test.kind) {
				t.Fatalf("got %v, want %v", err, test.kind)
			}
			if err == nil && (!p.Last || p.Count != 0 || p.Total != test.total) {
				t.Errorf("got %+v", p)
			}
		})
	}
}

func TestRedirectOnTheVendorsHost(t *testing.T) {
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/things" {
			http.Redirect(w, r, "/moved", http.StatusFound)
			return
		}
		if r.Header.Get("X-Key") != canary {
			t.Errorf("headers: %v", r.Header)
		}
		io.WriteString(w, `{"things":[]}`)
	}))
	v.Auth = Auth{Kind: AuthHeaders, HeaderFields: map[string]string{"X-Key": "key"}}
	if _, err := mustClient(t, v, Secret{"key": canary}, newClock().options()).Page(t.Context(), hour, Cursor{}); err != nil {
		t.Error(err)
	}
	v.Streams[0].Method = "POST"
	_, err := mustClient(t, v, Secret{"key": canary}, newClock().options()).Page(t.Context(), hour, Cursor{})
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "turns POST into GET") {
		t.Errorf("got %v", err)
	}
}

func TestRecordsAsSent(t *testing.T) {
	const body = "{\"meta\":{\"x\":[1,{\"things\":[0]}]},\"things\":[ {\"id\":9007199254740993,\r\n  \"a\":1.50,\n\"b\":\"line\\nbreak\"} ,{\"id\":1e400,\"id\":2}, {\"s\":\"\xff\"}],\"total\":\"3\"}\n"
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, body) }))
	v.Streams[0].Total = Total{Path: "total"}
	p, err := mustClient(t, v, nil, newClock().options()).Page(t.Context(), hour, Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`{"id":9007199254740993,    "a":1.50, "b":"line\nbreak"}`, `{"id":1e400,"id":2}`, "{\"s\":\"\xff\"}"}
	if diff := cmp.Diff(want, records(p)); diff != "" || p.Total != 3 || p.Bytes != len(body) {
		t.Errorf("total %d, bytes %d, records (-want +got):\n%s", p.Total, p.Bytes, diff)
	}
}

func TestAnswers(t *testing.T) {
	paging := Paging{Kind: PagingOffset, Place: Place{In: InQuery, Name: "skip"}, Size: 2}
	answer := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	tests := map[string]struct {
		handler  http.HandlerFunc
		total    Total
		at       Cursor
		kind     error
		says     string
		requests int
	}{
		"HTML": {handler: answer(200, "text/html", "<html>\n<b>"+canary+"</b> "+url.QueryEscape(canary)), kind: ErrMalformed,
			says: "text/html: <html> <b>[redacted]</b> [redacted]", requests: 1},
		"no array":          {handler: answer(200, "application/json", `{"things":{}}`), kind: ErrMalformed, says: `recordsPath "things" leads to a JSON object`, requests: 1},
		"nothing there":     {handler: answer(200, "application/json", `{"other":[]}`), kind: ErrMalformed, says: `nothing stands at recordsPath "things": 200 OK, application/json: 12 bytes of a JSON object with the fields other`, requests: 1},
		"nothing at all":    {handler: answer(200, "", `{ }`), kind: ErrMalformed, says: `nothing stands at recordsPath "things": 200 OK: an empty JSON object`, requests: 1},
		"a bare array":      {handler: answer(200, "", `[]`), kind: ErrMalformed, says: "the answer is a JSON array: want an object: 200 OK: an empty JSON array", requests: 1},
		"a full array":      {handler: answer(200, "", "\n[{\"id\":1,\"name\":\"canary\"}]"), kind: ErrMalformed, says: "want an object: 200 OK: 26 bytes of a JSON array", requests: 1},
		"an array of texts": {handler: answer(200, "", `["canary"]`), kind: ErrMalformed, says: "want an object: 200 OK: 10 bytes of a JSON array", requests: 1},
		"space before it":   {handler: answer(200, "", ` {"other":["canary"]}`), kind: ErrMalformed, says: `200 OK: 20 bytes of a JSON object with the fields other`, requests: 1},
		"no field is whole": {handler: answer(200, "", `{"canary`), kind: ErrMalformed, says: "200 OK: 8 bytes of a JSON object", requests: 3},
		"more after it":     {handler: answer(200, "application/json", `{"things":[]} {}`), kind: ErrMalformed, says: "more after the JSON value", requests: 1},
		"truncated":         {handler: answer(200, "application/json", `{"things":[{"id":1},{"id`), kind: ErrMalformed, says: "unexpected EOF", requests: 3},
		"empty":             {handler: answer(200, "application/json", ``), kind: ErrMalformed, says: "no body", requests: 3},
		"unreadable total":  {handler: answer(200, "", `{"things":[],"total":"many"}`), total: Total{Path: "total"}, kind: ErrMalformed, says: `the total reads "many"`, requests: 1},
		"fractional total":  {handler: answer(200, "", `{"things":[],"total":1.5}`), total: Total{Path: "total"}, kind: ErrMalformed, says: `the total reads 1.5`, requests: 1},
		"missing total":     {handler: answer(200, "", `{"things":[]}`), total: Total{Header: "X-Total"}, kind: ErrMalformed, says: "want a header X-Total", requests: 1},
		"401":               {handler: answer(401, "", `{"message":"token `+canary+` is bad"}`), kind: ErrRefused, says: `token [redacted] is bad"}: check t in the vendor's secret`, requests: 1},
		"404":               {handler: answer(404, "", ``), kind: ErrRefused, says: "404 Not Found, no body", requests: 1},
		"403 in general":    {handler: answer(403, "", `no permission`), kind: ErrRefused, says: "no permission", requests: 1},
		"403 over limit":    {handler: answer(403, "", `Maximum number of calls`), kind: ErrUnavailable, says: "Maximum number of calls (after 3 attempts)", requests: 3},
		"500":               {handler: answer(500, "", canary), kind: ErrUnavailable, says: "500 Internal Server Error: [redacted] (after 3 attempts)", requests: 3},
		"408":               {handler: answer(408, "", ""), kind: ErrUnavailable, says: "408", requests: 3},
		"repeated page": {handler: answer(200, "", `{"things":[{"id":1},{"id":2}]}`), at: Cursor{Page: 2, Seen: 2, Digest: digest([]byte(`{"id":1}{"id":2}`), []span{{from: 0, to: 8}, {from: 8, to: 16}})},
			kind: ErrMalformed, says: "2 records again; does the vendor know the paging parameters", requests: 1},
		"too large": {handler: answer(200, "", `{"things":["`+strings.Repeat("x", 5000)+`"]}`), kind: ErrMalformed, says: "larger than maxPageBytes (4096)", requests: 1},
		"cut in mid-body": {handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `{"things":[{"id":1}`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, kind: ErrUnavailable, says: "broke off: unexpected EOF", requests: 3},
		"no answer": {handler: func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, kind: ErrUnavailable, says: "EOF", requests: 3},
		"redirect elsewhere": {handler: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/x?k="+url.QueryEscape(canary), 302)
		}, kind: ErrRefused, says: "a redirect to https://elsewhere.example, credentials go to http://127.0.0.1", requests: 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int32
			v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				test.handler(w, r)
			}))
			v.Auth = Auth{Kind: AuthQueryKey, TokenField: "t", Parameter: "api_key"}
			v.Retry = Retry{MaxAttempts: 3, Also: []Answer{{Status: 403, BodyContains: "maximum number of calls", Throttled: true}}}
			v.MaxPageBytes = 4096
			v.Streams[0].Paging = paging
			v.Streams[0].Total = test.total
			_, err := mustClient(t, v, Secret{"t": canary}, newClock().options()).Page(t.Context(), hour, test.at)
			if !errors.Is(err, test.kind) {
				t.Fatalf("got %v, want %v", err, test.kind)
			}
			text := fmt.Sprintf("%v %+v %#v", err, err, err)
			for unwrapped := range allErrors(err) {
				text += fmt.Sprintf(" %v %#v", unwrapped, unwrapped)
			}
			if strings.Contains(text, "canary") {
				t.Errorf("a credential shows: %s", text)
			}
			where := fmt.Sprintf("window %s, page %d: ", hour, max(test.at.Page, 1))
			if !strings.Contains(err.Error(), test.says) || !strings.HasPrefix(err.Error(), where) {
				t.Errorf("got %v\nwant %s ... %s", err, where, test.says)
			}
			if got := int(requests.Load()); got != test.requests {
				t.Errorf("%d requests, want %d", got, test.requests)
			}
		})
	}
}

func allErrors(err error) func(func(error) bool) {
	return func(yield func(error) bool) {
		var several interface{ Unwrap() []error }
		if errors.As(err, &several) {
			for _, inner := range several.Unwrap() {
				if !yield(inner) {
					return
				}
			}
		}
	}
}

func TestNextLinkElsewhere(t *testing.T) {
	for name, link := range map[string]string{
		"another host":   "https://elsewhere.example/things",
		"another port":   "http://127.0.0.1:1/things",
		"no scheme":      "//elsewhere.example/things",
		"another scheme": "ftp://127.0.0.1/things",
	} {
		t.Run(name, func(t *testing.T) {
			v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
				json.NewEncoder(w).Encode(map[string]any{"things": []int{1}, "next": link})
			}))
			v.Streams[0].Paging = Paging{Kind: PagingNextLink, NextPath: "next"}
			_, err := mustClient(t, v, nil, newClock().options()).Page(t.Context(), hour, Cursor{})
			if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "credentials go to") {
				t.Errorf("got %v", err)
			}
		})
	}
	v := simple("http://127.0.0.1:1")
	v.Streams[0].Paging = Paging{Kind: PagingNextLink, NextPath: "next"}
	c := mustClient(t, v, nil, newClock().options())
	for _, forged := range []string{"https://elsewhere.example/x", "elsewhere.example/x", ".elsewhere.example", "@elsewhere.example/x", ":2/x", "?x"} {
		if _, err := c.Page(t.Context(), hour, Cursor{Page: 2, Value: forged}); err == nil || !strings.Contains(err.Error(), "not a path on the vendor's host") {
			t.Errorf("a forged cursor: got %v", err)
		}
	}
}

func TestRepeatedToken(t *testing.T) {
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"next":"same","things":[]}`)
	}))
	v.Streams[0].Paging = Paging{Kind: PagingToken, Place: Place{In: InQuery, Name: "t"}, NextPath: "next"}
	c := mustClient(t, v, nil, newClock().options())
	p, err := c.Page(t.Context(), hour, Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Page(t.Context(), hour, p.Next); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "page 2") {
		t.Errorf("got %v", err)
	}
}

func TestRetryThenWell(t *testing.T) {
	tests := map[string]struct {
		status     int
		retryAfter string
		want       time.Duration
		throttled  int
	}{
		"computed":       {500, "", time.Second, 0},
		"seconds":        {429, "7", 7 * time.Second, 1},
		"HTTP date":      {503, "Tue, 10 Mar 2026 18:00:20 GMT", 20 * time.Second, 0},
		"ISO time":       {429, "2026-03-10T11:00:30-07:00", 30 * time.Second, 1},
		"beyond ceiling": {429, "86400", time.Minute, 1},
		"over already":   {429, "2026-03-10T17:00:00Z", time.Second, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			requests := 0
			v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
				if requests++; requests == 1 {
					w.Header().Set("Retry-After", test.retryAfter)
					w.WriteHeader(test.status)
					return
				}
				io.WriteString(w, `{"things":[{"id":1}]}`)
			}))
			clock := newClock()
			c := mustClient(t, v, nil, clock.options())
			p, err := c.Page(t.Context(), hour, Cursor{})
			if err != nil || p.Count != 1 {
				t.Fatalf("got %+v, %v", p, err)
			}
			if diff := cmp.Diff([]time.Duration{test.want}, clock.slept); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(Stats{Requests: 2, Retries: 1, Throttled: test.throttled, Waited: test.want}, c.Stats()); diff != "" {
				t.Errorf("stats (-want +got):\n%s", diff)
			}
		})
	}
}

// virtual is a context whose deadline is of the test's clock.
type virtual struct {
	context.Context
	deadline time.Time
}

func (v virtual) Deadline() (time.Time, bool) { return v.deadline, true }

func TestWaitPastDeadlineIsNotBegun(t *testing.T) {
	clock := newClock()
	requests := 0
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		w.Header().Set("Retry-After", "20")
		w.WriteHeader(429)
	}))
	c := mustClient(t, v, nil, clock.options())
	_, err := c.Page(virtual{t.Context(), clock.now.Add(19 * time.Second)}, hour, Cursor{})
	if !errors.Is(err, ErrDeadline) || !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "429") {
		t.Errorf("got %v", err)
	}
	if len(clock.slept) != 0 || requests != 1 {
		t.Errorf("slept %v, %d requests", clock.slept, requests)
	}
}

func TestRateLimit(t *testing.T) {
	clock := newClock()
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"things":[]}`) }))
	v.Streams[0].RateLimit = RateLimit{Requests: 4, Per: Duration(time.Minute)}
	c := mustClient(t, v, nil, clock.options())
	ask := func(ctx context.Context) error {
		_, err := c.Page(ctx, hour, Cursor{})
		return err
	}
	// One of the four is kept for backfills.
	for range 2 {
		if err := ask(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	clock.now = clock.now.Add(20 * time.Second)
	for range 2 {
		if err := ask(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]time.Duration{41200 * time.Millisecond}, clock.slept); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	if waited := c.Stats().Waited; waited != 41200*time.Millisecond {
		t.Errorf("%v are counted as waited", waited)
	}
	if err := ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := ask(virtual{t.Context(), clock.now.Add(time.Second)})
	if !errors.Is(err, ErrDeadline) || c.Stats().Requests != 5 {
		t.Errorf("got %v after %d requests", err, c.Stats().Requests)
	}
	clock.now = clock.now.Add(20 * time.Second)
	if err := ask(t.Context()); err != nil || len(clock.slept) != 1 {
		t.Errorf("a request that was not sent counts: got %v, waits %v", err, clock.slept)
	}
}

func TestCancelling(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	_, err := mustClient(t, v, nil, newClock().options()).Page(ctx, hour, Cursor{})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrDeadline) {
		t.Errorf("got %v", err)
	}
}

func TestDeadlineDuringARequest(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	options := newClock().options()
	options.Now = time.Now
	_, err := mustClient(t, v, nil, options).Page(ctx, hour, Cursor{})
	if !errors.Is(err, ErrDeadline) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestRequestTimeoutIsRetried(t *testing.T) {
	var requests atomic.Int32
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			<-r.Context().Done()
			return
		}
		io.WriteString(w, `{"things":[]}`)
	}))
	v.RequestTimeout = Duration(30 * time.Millisecond)
	c := mustClient(t, v, nil, newClock().options())
	if _, err := c.Page(t.Context(), hour, Cursor{}); err != nil || c.Stats().Retries == 0 {
		t.Errorf("got %v, %+v", err, c.Stats())
	}
}

func TestConnectionIsReused(t *testing.T) {
	connections := map[string]bool{}
	requests := 0
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr] = true
		if requests++; requests < 3 {
			w.WriteHeader(500)
			io.WriteString(w, strings.Repeat("x", 100_000))
			return
		}
		io.WriteString(w, `{"things":[]}`)
	}))
	options := newClock().options()
	options.Transport = nil
	if _, err := mustClient(t, v, nil, options).Page(t.Context(), hour, Cursor{}); err != nil {
		t.Fatal(err)
	}
	if len(connections) != 1 {
		t.Errorf("%d connections, want 1", len(connections))
	}
}

func TestUnalignedWindow(t *testing.T) {
	c := mustClient(t, simple("http://127.0.0.1:1"), nil, newClock().options())
	w := hour
	w.End = w.End.Add(time.Millisecond)
	if _, err := c.Page(t.Context(), w, Cursor{}); err == nil || !strings.Contains(err.Error(), "AlignDown") {
		t.Errorf("got %v", err)
	}
	w.End = w.Start
	if _, err := c.Page(t.Context(), w, Cursor{}); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("got %v", err)
	}
}

func TestRecordsOutsideTheWindowAreLeftOut(t *testing.T) {
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"things":[
			{"id":1,"meta":{"at":"2026-03-10T16:59:59.999Z"}},
			{"id":2,"meta":{"at":"2026-03-10T10:00:00-07:00"}},
			{"id":3,"meta":{"at":"2026-03-10T17:59:59.9"}},
			{"id":4,"meta":{"at":1773162001}},
			{"id":5,"meta":{"at":"1773162001500"}},
			{"id":6,"meta":{"at":"2026-03-10T18:00:00Z"}},
			{"id":7,"meta":{}}]}`)
	}))
	s := &v.Streams[0]
	s.TimePath = "meta.at"
	s.Window.Resolution = 0
	p, err := mustClient(t, v, nil, newClock().options()).Page(t.Context(), hour, Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range records(p) {
		ids = append(ids, r[6:7])
	}
	if diff := cmp.Diff([]string{"2", "3", "4", "5", "7"}, ids); diff != "" || p.Count != 7 || p.Kept != 5 || p.Untimed != 1 {
		t.Errorf("count %d, kept %d, untimed %d, ids (-want +got):\n%s", p.Count, p.Kept, p.Untimed, diff)
	}
}

func TestRecordsFarOutsideTheWindowAreCounted(t *testing.T) {
	exact := func(*Stream) {}
	tests := []struct {
		name    string
		change  func(*Stream)
		times   []string
		outside int
	}{
		{"inside", exact, []string{"2026-03-10T17:00:00Z", "2026-03-10T17:59:59.999Z"}, 0},
		{"as seen from another zone", exact, []string{"2026-03-11T07:59:59", "2026-03-10T05:00:00"}, 0},
		{"far before and far after", exact, []string{"2026-03-09T14:59:59Z", "2026-03-11T20:00:01Z"}, 2},
		{"within the lookback", func(s *Stream) { s.Lookback = Duration(72 * time.Hour) }, []string{"2026-03-07T17:00:00Z", "2026-03-13T18:00:00Z", "2026-03-07T16:59:59Z"}, 1},
		{"the last second of an inclusive end", func(s *Stream) { s.Window.EndInclusive = true }, []string{"2026-03-11T19:59:59.999Z", "2026-03-11T20:00:00Z"}, 1},
		{"whole days are asked for", func(s *Stream) {
			s.Window.Granularity, s.Window.Layout = Duration(24*time.Hour), time.DateOnly
		}, []string{"2026-03-08T22:00:00Z", "2026-03-12T02:00:00Z", "2026-03-08T21:59:59Z", "2026-03-12T02:00:01Z"}, 2},
		{"no time that can be read", exact, []string{"", "long ago"}, 0},
		{"no bounds are asked for", func(s *Stream) { s.Window = Window{} }, []string{"2026-03-10T17:00:00Z", "1999-03-09T14:59:59Z", "2031-03-10T17:00:00Z"}, 0},
		{"all there is is listed", func(s *Stream) { s.Window = Window{Listing: &Listing{}} }, []string{"1999-03-09T14:59:59Z", "2031-03-10T17:00:00Z"}, 0},
		{"none is described", func(s *Stream) { s.TimePath = "" }, []string{"1999-03-09T14:59:59Z"}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, `{"things":[{"at":"`+strings.Join(test.times, `"},{"at":"`)+`"}]}`)
			}))
			v.Streams[0].TimePath = "at"
			test.change(&v.Streams[0])
			p, err := mustClient(t, v, nil, newClock().options()).Page(t.Context(), hour, Cursor{})
			if err != nil {
				t.Fatal(err)
			}
			if filtered := v.Streams[0].bounds().filtered; p.Outside != test.outside || !filtered && (p.Kept != p.Count || p.Untimed != 0) {
				t.Errorf("%d outside, want %d; %d kept of %d, %d untimed", p.Outside, test.outside, p.Kept, p.Count, p.Untimed)
			}
		})
	}
}

func TestANextLinkWhosePathBeginsWithTwoSlashes(t *testing.T) {
	var paths []string
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path)
		if len(paths) == 1 {
			io.WriteString(w, `{"things":[{"id":1}],"next":"http://`+r.Host+`//things?page=2"}`)
			return
		}
		io.WriteString(w, `{"things":[{"id":2}]}`)
	}))
	v.Streams[0].Paging = Paging{Kind: PagingNextLink, NextPath: "next"}
	if all, _ := readAll(t, mustClient(t, v, nil, newClock().options())); len(all) != 2 || paths[1] != "//things" {
		t.Errorf("records %v of paths %v", all, paths)
	}
}

func TestAUnixTimeTellsItsUnitBySize(t *testing.T) {
	want := time.Date(2026, 3, 10, 17, 0, 1, 500e6, time.UTC)
	for _, layout := range []string{LayoutUnix, LayoutUnixMilli, time.RFC3339} {
		for _, value := range []string{"1773162001.5", "1773162001500", `"1773162001.500"`, `"1773162001500"`} {
			got, ok := bounds{Window: Window{Layout: layout}, zone: time.UTC}.recordTime([]byte(value))
			if !ok || !got.Equal(want) {
				t.Errorf("beside bounds in the layout %s, %s is read as %s, %v", layout, value, got, ok)
			}
		}
	}
}
