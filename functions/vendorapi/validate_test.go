package vendorapi

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFullDescriptionIsValidAndSurvivesJSON(t *testing.T) {
	written, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	read, err := Parse(written)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full(), read); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
	again, err := json.Marshal(read)
	if err != nil || string(again) != string(written) {
		t.Errorf("second writing differs: %s, %v", again, err)
	}
}

func TestValidate(t *testing.T) {
	stream := func(change func(*Stream)) func(*Vendor) { return func(v *Vendor) { change(&v.Streams[0]) } }
	days := func(change func(*Stream)) func(*Vendor) { return func(v *Vendor) { change(&v.Streams[1]) } }
	child := func(change func(*Stream)) func(*Vendor) { return func(v *Vendor) { change(&v.Streams[2]) } }
	listed := func(change func(*Stream)) func(*Vendor) { return func(v *Vendor) { change(&v.Streams[3]) } }
	tests := map[string]struct {
		change func(*Vendor)
		want   []string
	}{
		"name":               {func(v *Vendor) { v.Name = "ON24" }, []string{`name: "ON24": want lower-case`}},
		"no base URL":        {func(v *Vendor) { v.BaseURL = "" }, []string{`baseURL: "": want scheme, host and path`}},
		"plain HTTP":         {func(v *Vendor) { v.BaseURL = "http://api.example.com" }, []string{`baseURL: "http": want https`}},
		"localhost":          {func(v *Vendor) { v.BaseURL = "https://localhost:8080" }, []string{`baseURL: "localhost": this host is inside a network`}},
		"private address":    {func(v *Vendor) { v.BaseURL = "https://10.1.2.3/v2" }, []string{`baseURL: "10.1.2.3": this host`}},
		"private IPv6":       {func(v *Vendor) { v.BaseURL = "https://[::ffff:127.0.0.1]/v2" }, []string{`baseURL: "::ffff:127.0.0.1": this host`}},
		"slash at its end":   {func(v *Vendor) { v.BaseURL += "/" }, []string{`without the slash at its end`}},
		"user in base URL":   {func(v *Vendor) { v.BaseURL = "https://me:pa55@api.example.com" }, []string{`baseURL: "api.example.com": the address holds a user or password`}},
		"query in base URL":  {func(v *Vendor) { v.BaseURL += "?key=pa55" }, []string{`baseURL: "api.example.com": the address holds a query`}},
		"auth kind":          {func(v *Vendor) { v.Auth.Kind = "oauth" }, []string{`auth.kind: "oauth": want none, headers, bearer, basic, queryKey or token`}},
		"auth fields":        {func(v *Vendor) { v.Auth = Auth{Kind: AuthQueryKey, UsernameField: "u"} }, []string{`auth.tokenField: "": auth kind queryKey needs`, `auth.parameter: ""`, `auth.usernameField: "u": auth kind queryKey does not use it`}},
		"a hook's field":     {func(v *Vendor) { v.Auth.HookFields = []string{""} }, []string{`auth.hookFields[0]: "": want the name of a field of the secret`}},
		"no auth headers":    {func(v *Vendor) { v.Auth.HeaderFields = nil }, []string{`auth.headerFields: {}: auth kind headers needs`}},
		"credential header":  {func(v *Vendor) { v.Headers = map[string]string{"authorization": "pa55"} }, []string{`headers.authorization: [redacted]: this header carries credentials`}},
		"header twice":       {func(v *Vendor) { v.Headers = map[string]string{"x-key": "a"} }, []string{`headers.x-key: [redacted]: auth.headerFields writes this header too`}},
		"managed header":     {func(v *Vendor) { v.Headers = map[string]string{"Host": "a"} }, []string{`headers.Host: "a": the HTTP client writes`}},
		"retry":              {func(v *Vendor) { j := 2.0; v.Retry = Retry{InitialWait: -1, Factor: 0.5, Jitter: &j, MaxAttempts: -1} }, []string{"retry.initialWait: -1ns", "retry.factor: 0.5: want 1 to 100", "retry.jitter: 2: want 0 to 1", "retry.maxAttempts: -1"}},
		"retry ceiling":      {func(v *Vendor) { v.Retry.MaxWait = Duration(time.Second) }, []string{"retry.maxWait: 1s: want at least the initial wait, 2s"}},
		"retry answers":      {func(v *Vendor) { v.Retry.Also = []Answer{{Status: 403}, {Status: 42}} }, []string{"retry.also[0].bodyContains", "retry.also[1].status: 42"}},
		"account limit":      {func(v *Vendor) { v.RateLimit.Per = 0 }, []string{"rateLimit.per: 0s: want a positive duration"}},
		"timeout and size":   {func(v *Vendor) { v.RequestTimeout, v.MaxPageBytes = -1, 5 }, []string{"requestTimeout: -1ns", "maxPageBytes: 5: want at least 1024"}},
		"no streams":         {func(v *Vendor) { v.Streams = nil }, []string{"streams: []: want at least one"}},
		"one name twice":     {func(v *Vendor) { v.Streams[1].Name = "people" }, []string{`streams[1].name: "people": streams[0] has this name already`}},
		"stream name":        {stream(func(s *Stream) { s.Name = "a_b" }), []string{`streams[0].name: "a_b"`, `streams[2].parent.stream: "people": the vendor has no such stream: want one of a_b, days, planned`}},
		"method":             {stream(func(s *Stream) { s.Method = "PUT" }), []string{`streams[0].method: "PUT": want GET or POST`}},
		"body of a GET":      {stream(func(s *Stream) { s.Method = "GET" }), []string{"streams[0].body", "streams[0].window.end.in", "streams[0].paging.place.in", "streams[0].paging.sizePlace.in"}},
		"body":               {stream(func(s *Stream) { s.Body = json.RawMessage(`[]`) }), []string{`streams[0].body: "[]": want a JSON object`}},
		"body clash":         {stream(func(s *Stream) { s.Body = json.RawMessage(`{"filter":1}`) }), []string{`"filter" holds a value already, not an object`}},
		"path with a query":  {stream(func(s *Stream) { s.Path += "?a=b" }), []string{`streams[0].path: "/account/{from}/people?a=b": want nothing, or a path`}},
		"path brace":         {stream(func(s *Stream) { s.Path += "/{" }), []string{"want each brace closed"}},
		"unfilled path":      {stream(func(s *Stream) { s.Path += "/{client}" }), []string{`nothing is placed at {client}`}},
		"absent from path":   {stream(func(s *Stream) { s.Path = "/people" }), []string{`streams[0].window.start.name: "from": path "/people" has no {from}`}},
		"no start, no end":   {stream(func(s *Stream) { s.Window.Start, s.Window.End = Place{}, Place{} }), []string{"streams[0].window.start: {}: a window needs a place for its start: want in (query, path or body) and name, for its end too; or leave all of it out where the vendor takes no bounds", "nothing is placed at {from}"}},
		"no window, no time": {days(func(s *Stream) { s.Window, s.TimePath = Window{}, "" }), []string{"streams[1].window.start: {}: a window needs a place for its start: want in (query, path or body) and name, for its end too; or, where the vendor takes no bounds, want timePath, by which records are placed, or a listing"}},
		"a place for one":    {days(func(s *Stream) { s.Window.End = Place{} }), []string{"streams[1].window.end: {}: a window needs a place for its end: want in"}},
		"half a place":       {stream(func(s *Stream) { s.Paging.Place = Place{In: "cookie"}; s.Paging.SizePlace.Name = "" }), []string{`streams[0].paging.place.in: "cookie": want query, path or body`, `streams[0].paging.sizePlace.name: ""`}},
		"one place for two":  {stream(func(s *Stream) { s.Paging.SizePlace = s.Paging.Place }), []string{`streams[0].paging.sizePlace: "page.number": paging.place goes to the same place`}},
		"fixed and placed":   {days(func(s *Stream) { s.Query = map[string]string{"to": "x"} }), []string{`streams[1].window.end.name: "to": query has a fixed parameter of this name`}},
		"zone":               {stream(func(s *Stream) { s.Window.Zone = "Pacific" }), []string{`streams[0].window.zone: "Pacific": want an IANA name`}},
		"resolution":         {stream(func(s *Stream) { s.Window.Resolution = Duration(7 * time.Second) }), []string{"streams[0].window.resolution: 7s: want a divisor of 1m"}},
		"granularity":        {days(func(s *Stream) { s.Window.Granularity = Duration(36 * time.Hour) }), []string{"streams[1].window.granularity: 36h0m0s: want a divisor of 24h"}},
		"unknown, no time":   {days(func(s *Stream) { s.TimePath = "" }), []string{"streams[1].window.resolution: 0s: records are placed by their own time"}},
		"no layout":          {stream(func(s *Stream) { s.Window.Layout = "" }), []string{`streams[0].window.layout: "": want a Go time layout`}},
		"layout too coarse":  {stream(func(s *Stream) { s.Window.Layout = time.DateTime }), []string{`streams[0].window.layout: "2006-01-02 15:04:05": it writes 2026-01-09T13:47:58.987-08:00 as "2026-01-09 13:47:58", which does not read back`}},
		"layout of a 12 h":   {stream(func(s *Stream) { s.Window.Layout = "2006-01-02T03:04:05.000" }), []string{"does not read back"}},
		"layout of others":   {stream(func(s *Stream) { s.Window.Layout = "YYYY-MM-DD" }), []string{"does not read back"}},
		"Unix too coarse":    {stream(func(s *Stream) { s.Window.Layout = LayoutUnix }), []string{"cannot write times to the resolution of 1ms"}},
		"span, clock change": {stream(func(s *Stream) { s.Window.LongestSpan = Duration(time.Hour) }), []string{"streams[0].window.longestSpan: 1h0m0s: want at least 3h0m0s"}},
		"span, granularity":  {days(func(s *Stream) { s.Window.LongestSpan = Duration(time.Hour) }), []string{"streams[1].window.longestSpan: 1h0m0s: want at least the granularity, 24h0m0s"}},
		"paging kind":        {stream(func(s *Stream) { s.Paging.Kind = "cursor" }), []string{`streams[0].paging.kind: "cursor": want none, offset`}},
		"paging number":      {stream(func(s *Stream) { s.Paging.First, s.Paging.Size = 2, 0 }), []string{"streams[0].paging.first: 2: want 0 or 1", "streams[0].paging.size: 0"}},
		"paging token":       {stream(func(s *Stream) { s.Paging = Paging{Kind: PagingToken, First: 1} }), []string{"streams[0].paging.place.in", "streams[0].paging.first: 1", "streams[0].paging.nextPath"}},
		"paging unused":      {days(func(s *Stream) { s.Paging.NextPath, s.Paging.Place = "next", Place{InQuery, "page"} }), []string{`streams[1].paging.nextPath: "next"`, `streams[1].paging.place: "page"`}},
		"link by POST":       {days(func(s *Stream) { s.Method = "POST" }), []string{`streams[1].paging.kind: "linkHeader"`}},
		"past end":           {stream(func(s *Stream) { s.Paging.PastEnd = []Answer{{Status: 500}} }), []string{"streams[0].paging.pastEnd[0].status: 500: this status is always retried"}},
		"total twice":        {stream(func(s *Stream) { s.Total.Header = "X-Total" }), []string{`streams[0].total: "data.total and X-Total": want path or header`}},
		"total in an array":  {days(func(s *Stream) { s.Total = Total{Path: "total"} }), []string{`streams[1].total.path: "total": the answer is the array of records itself`}},
		"total in records":   {stream(func(s *Stream) { s.Total.Path = "data.people.total" }), []string{`streams[0].total.path: "data.people.total": recordsPath "data.people" leads through`}},
		"count, no total":    {stream(func(s *Stream) { s.Total, s.Paging.InFlight = Total{}, 0 }), []string{`streams[0].audit: "count": a count needs a total`}},
		"count, filtered":    {stream(func(s *Stream) { s.Window.Resolution = 0 }), []string{`streams[0].audit: "count": the totals count other windows' records too`}},
		"count, whole days":  {stream(func(s *Stream) { s.Window.Granularity, s.Window.LongestSpan = Duration(24*time.Hour), 0 }), []string{`streams[0].audit: "count": the totals count other windows' records too`}},
		"pages":              {stream(func(s *Stream) { s.Paging.MaxPages = -1 }), []string{`streams[0].paging.maxPages: -1: want a number of pages above 0, or 0 for 100000`}},
		"share of backfills": {func(v *Vendor) { v.BackfillShare = 1 }, []string{"backfillShare: 1: want a part of the limits above 0 and below 1, or 0 for 0.15"}},
		"many in flight":     {stream(func(s *Stream) { s.Paging.InFlight = 33 }), []string{`streams[0].paging.inFlight: 33: want 1 to 32 pages side by side, or 0 for 8`}},
		"in flight, chained": {days(func(s *Stream) { s.Paging.InFlight = 1 }), []string{`streams[1].paging.inFlight: 1: paging kind linkHeader has one page after the other`}},
		"in flight, no total": {stream(func(s *Stream) { s.Paging.InFlight, s.Total, s.Audit = 2, Total{}, AuditReread }),
			[]string{`streams[0].paging.inFlight: 2: without a total nothing tells how many pages follow`}},
		"failure":            {stream(func(s *Stream) { s.FailurePath = "a..b" }), []string{`streams[0].failurePath: "a..b": want names joined by dots`}},
		"failure in a list":  {days(func(s *Stream) { s.FailurePath = "error" }), []string{`streams[1].failurePath: "error": the answer is the array of records itself`}},
		"failure in a total": {stream(func(s *Stream) { s.FailurePath = "data.total.error" }), []string{`streams[0].total.path: "data.total": failurePath "data.total.error" leads through the same value`}},
		"audit":              {stream(func(s *Stream) { s.Audit = "" }), []string{`streams[0].audit: "": want count`}},
		"delays and weight":  {stream(func(s *Stream) { s.Settle, s.Lookback, s.Weight = -1, -1, -1 }), []string{"streams[0].settle: -1ns", "streams[0].lookback: -1ns", "streams[0].weight: -1"}},
		"no key":             {stream(func(s *Stream) { s.Key = nil }), []string{"streams[0].key: []: want the paths"}},
		"key":                {stream(func(s *Stream) { s.Key = []string{"id", "id", "uuid", "a..b"} }), []string{`key[1]: "id": it stands in the key twice`, `key[2]: "uuid": no column has this path`, `key[3]: "a..b"`}},
		"no columns":         {stream(func(s *Stream) { s.Columns = nil }), []string{"streams[0].columns: []", `streams[0].key[0]: "id": no column`}},
		"column names": {stream(func(s *Stream) {
			s.Columns = append(s.Columns, Column{Name: "id", Type: TypeString}, Column{Name: "windrow_x", Type: TypeString}, Column{Name: "dt", Type: TypeDate}, Column{Name: "A", Type: TypeDate})
		}), []string{`columns[2].name: "id": columns[0] has this name already`, `columns[3].name: "windrow_x"`, `columns[4].name: "dt"`, `columns[5].name: "A"`}},
		"column types": {stream(func(s *Stream) {
			s.Columns = append(s.Columns, Column{Name: "a", Type: "int"}, Column{Name: "b", Type: TypeDate, Layout: "x", Zone: "UTC"}, Column{Name: "c", Type: TypeTimestamp, Layout: "15:04", Zone: "Mars"})
		}), []string{`columns[2].type: "int": want string, int64`, `columns[3].layout: "x"`, `columns[3].zone: "UTC"`, `columns[4].layout: "15:04"`, `columns[4].zone: "Mars"`}},
		"paths":             {stream(func(s *Stream) { s.RecordsPath, s.TimePath, s.VersionPath, s.Columns[1].Path = "a.", ".a", "a..b", "." }), []string{"recordsPath", "timePath", "versionPath", "columns[1].path"}},
		"items of no array": {listed(func(s *Stream) { s.Columns[2].Type = TypeString }), []string{"streams[3].columns[2].items: 2 columns: only a json holds an array"}},
		"items' names": {listed(func(s *Stream) {
			s.Columns[2].Items = []Column{{Name: "item", Type: TypeString}, {Name: "id", Type: TypeString}, {Name: "a", Type: TypeString}, {Name: "a", Type: TypeString}, {Name: "dt", Type: TypeString}}
		}), []string{`columns[2].items[0].name: "item": the element's place in the array has this name already`, `items[1].name: "id": a column of the stream's key has`,
			`items[3].name: "a": items[2] has this name already`, `items[4].name: "dt"`}},
		"items' paths": {listed(func(s *Stream) {
			s.Columns[2].Items = []Column{{Name: "a", Path: "b c", Type: TypeString}, {Name: "b", Path: "x.0", Type: TypeString}, {Name: "c", Path: "'", Type: TypeString}, {Name: "d", Path: "a..b", Type: TypeString}}
		}), []string{`items[0].path: "b c": want names of letters`, `items[1].path: "x.0"`, `items[2].path: "'"`, `items[3].path: "a..b"`}},
		"items' types": {listed(func(s *Stream) {
			s.Columns[2].Items = []Column{{Name: "a", Type: "int"}, {Name: "b", Type: TypeTimestamp, Layout: "02.01.2006"}, {Name: "c", Type: TypeJSON, Items: []Column{{Name: "d", Type: TypeString}}},
				{Name: "e", Type: TypeString, Personal: PersonalEmail}}
		}), []string{`items[0].type: "int"`, `items[1].layout: "02.01.2006": SQL reads it: want nothing for RFC 3339, "2006-01-02 15:04:05", unix or unixMilli`,
			`items[2].items: 1 columns: an array in an array stays JSON`, `items[3].personal: "email": an item is read from what is stored: want it in within`}},
		"the zone of nothing": {listed(func(s *Stream) { s.ZonePath = "tags" }), []string{`streams[3].zonePath: "tags": no string column has this path`}},
		"a local time": {listed(func(s *Stream) {
			s.Columns = append(s.Columns, Column{Name: "at", Type: TypeTimestamp}, Column{Name: "at_local", Type: TypeString})
			s.Columns[2].Items = append(s.Columns[2].Items, Column{Name: "begins_local", Type: TypeString})
		}), []string{`streams[3].columns[5].name: "at_local": with zonePath, views have the time at in its zone under this name`, `columns[2].items[2].name: "begins_local"`}},
		"no such parent":      {child(func(s *Stream) { s.Parent.Stream = "persons" }), []string{`streams[2].parent.stream: "persons": the vendor has no such stream: want one of people, days, planned`}},
		"a cycle":             {child(func(s *Stream) { s.Parent.Stream = "visits" }), []string{`streams[2].parent.stream: "visits": the streams wait for one another, visits of visits: want a first one without a parent`}},
		"a younger child":     {child(func(s *Stream) { s.Lookback = Duration(time.Hour) }), []string{"streams[2].parent.stream: \"people\": its parents may show up to 48h0m0s late, and this stream's lookback is 1h0m0s"}},
		"a child's window":    {child(func(s *Stream) { s.Window.Layout = time.RFC3339 }), []string{"streams[2].window: set: a child stream is read once for each parent"}},
		"a child that counts": {child(func(s *Stream) { s.Audit, s.Total = AuditCount, Total{Path: "total"} }), []string{`streams[2].audit: "count": a child stream is read parent by parent`}},
		"parents alike":       {child(func(s *Stream) { s.Parent.Places, s.Path = nil, "/visits" }), []string{"streams[2].parent.places: []: the same would be asked for each parent"}},
		"a parent's time":     {child(func(s *Stream) { s.Parent.TimePath, s.Parent.Ahead = "", -1 }), []string{`streams[2].parent.timePath: ""`, "streams[2].parent.ahead: -1ns"}},
		"a parent's place": {child(func(s *Stream) {
			s.Parent.Places[1] = ParentPlace{Place: Place{In: InQuery, Name: "token"}, EscapeTwice: true}
		}), []string{`streams[2].paging.place: "token": parent.places[1] goes to the same place`, `streams[2].parent.places[1].path: ""`, "streams[2].parent.places[1].escapeTwice: true: only what stands in"}},
		"a parent's field":      {child(func(s *Stream) { s.Parent.Fields = []ParentField{{"a.b", "a"}, {"c", "a."}, {"c", "a"}} }), []string{`streams[2].parent.fields[0].name: "a.b"`, `streams[2].parent.fields[1].path: "a."`, `streams[2].parent.fields[2].name: "c": another field has this name`}},
		"a listing of nothing":  {listed(func(s *Stream) { s.Window = Window{Listing: &Listing{Ahead: 1}} }), []string{"streams[3].window.listing: \"0s, 1ns\": the vendor is not told what to list"}},
		"a listing behind":      {listed(func(s *Stream) { s.Window.Listing, s.Lookback = &Listing{Behind: -1, Ahead: -1}, 1 }), []string{"listing.behind: -1ns", "listing.ahead: -1ns", "streams[3].window.listing: 1ns: what is listed is asked for anew"}},
		"a listing from before": {listed(func(s *Stream) { s.Window.Before = 1 }), []string{"streams[3].window.before: 1ns: want 0 or more, and of a listing listing.behind"}},
		"before by counts": {days(func(s *Stream) {
			s.Window = Window{Start: s.Window.Start, End: s.Window.End, Layout: time.RFC3339, Resolution: Duration(time.Second), Before: 1}
			s.Audit, s.Total = AuditCount, Total{Header: "x"}
		}), []string{"its granularity coarser or before set"}},
		"a listing that counts": {listed(func(s *Stream) { s.Audit, s.Total, s.RecordsPath = AuditCount, Total{Path: "total"}, "planned" }), []string{`streams[3].audit: "count": what is listed is no matter of the window`}},
		"API key fixed":         {func(v *Vendor) { v.Auth = Auth{Kind: AuthQueryKey, TokenField: "t", Parameter: "include"} }, []string{`streams[0].query: "include": auth.parameter writes this parameter`}},
		"from a bad input":      {func(v *Vendor) { v.Invalid = errors.New("bad client id") }, []string{"bad client id"}},
		"higher format":         {func(v *Vendor) { v.Format = 2 }, []string{"format: 2: want at most 1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := full()
			test.change(v)
			err := v.Validate()
			if err == nil {
				t.Fatal("no fault was found")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("want %s\ngot %v", want, err)
				}
			}
			faults := strings.Count(err.Error(), "\n")
			if strings.HasPrefix(err.Error(), "vendor description \"") && faults != len(test.want) {
				t.Errorf("%d faults, want %d: %v", faults, len(test.want), err)
			}
			if strings.Contains(err.Error(), "pa55") {
				t.Errorf("a credential shows: %v", err)
			}
		})
	}
}

func TestEveryFaultAtOnce(t *testing.T) {
	v := full()
	v.BaseURL = "http://localhost/"
	v.Streams[0].Paging.Place.Name = ""
	v.Streams[1].Window.Zone = "Nowhere"
	got := strings.Split(v.Validate().Error(), "\n")
	want := []string{`vendor description "full" has 5 faults:`, "baseURL: ", "baseURL: ", "baseURL: ", "streams[0].paging.place.name: ", "streams[1].window.zone: "}
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("got %q", got)
	}
}

func TestParseRefuses(t *testing.T) {
	good, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	with := func(old, new string) string {
		changed := strings.Replace(string(good), old, new, 1)
		if changed == string(good) {
			t.Fatalf("nothing to replace: %s", old)
		}
		return changed
	}
	tests := map[string]struct{ data, want string }{
		"unknown field":         {with(`"sizePlace"`, `"sizeplace"`), `streams[0].paging.sizeplace: unknown field`},
		"unknown field on top":  {with(`"name"`, `"title":"x","name"`), `title: unknown field`},
		"higher version first":  {with(`"format":1,`, `"format":2,"novelty":true,`), `format: 2: want at most 1`},
		"a wrong kind of value": {with(`"maxAttempts":4`, `"maxAttempts":"four"`), `retry.maxAttempts: `},
		"duration":              {with(`"2s"`, `"2 seconds"`), `retry.initialWait: duration "2 seconds": want Go's form`},
		"a fault":               {with(`"name":"full"`, `"name":"Full"`), `name: "Full"`},
		"no JSON":               {`vendor`, `vendor description: `},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse([]byte(test.data)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
