package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/gotowebinar"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
	"github.com/windrow-data/windrow/functions/vendorapi/zoom"
)

var day = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)

// undeclaredNote is the field that the simulated vendor has without any description declaring it.
var undeclaredNote = regexp.MustCompile(`,"undeclaredNote":"(?:[^"\\]|\\.)*"`)

// strict leaves out the field that no description declares.
func strict(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r)
		for name, values := range recorder.Header() {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(recorder.Code)
		w.Write(undeclaredNote.ReplaceAll(recorder.Body.Bytes(), nil))
	})
}

// direct answers requests without a network.
type direct struct {
	handler http.Handler
	sent    *int
}

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	*d.sent++
	if r.Body == nil {
		r.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	d.handler.ServeHTTP(recorder, r)
	answer := recorder.Result()
	answer.Request = r
	return answer, nil
}

// clock is moved by waiting.
type clock struct{ now time.Time }

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(max(d, 0))
	return ctx.Err()
}

// calls is a vendor of one stream, as the probe is told of it or as it is, by change.
func calls(changes ...func(*vendorapi.Stream)) *vendorapi.Vendor {
	query := func(name string) vendorapi.Place { return vendorapi.Place{In: vendorapi.InQuery, Name: name} }
	v := &vendorapi.Vendor{
		Name: "acme", BaseURL: "https://api.acme.example/rest", Auth: vendorapi.Auth{Kind: vendorapi.AuthBearer, TokenField: "token"},
		RateLimit: vendorapi.RateLimit{Requests: 10, Per: vendorapi.Duration(time.Second)},
		Streams: []vendorapi.Stream{{
			Name: "calls", Path: "/calls", RecordsPath: "data.items", Total: vendorapi.Total{Path: "data.count"},
			Window: vendorapi.Window{Start: query("from"), End: query("to"), Layout: "2006-01-02T15:04:05", Resolution: vendorapi.Duration(time.Second)},
			Paging: vendorapi.Paging{Kind: vendorapi.PagingOffset, Place: query("skip"), Size: 60, SizePlace: query("take")},
			Key:    []string{"id"}, TimePath: "at",
			Settle: vendorapi.Duration(10 * time.Minute), Audit: vendorapi.AuditCount,
			Columns: []vendorapi.Column{
				{Name: "id", Type: vendorapi.TypeInt64}, {Name: "at", Type: vendorapi.TypeTimestamp}, {Name: "title", Path: "call.title", Type: vendorapi.TypeString},
				{Name: "score", Type: vendorapi.TypeFloat64},
			},
		}},
	}
	for _, change := range changes {
		change(&v.Streams[0])
	}
	return v
}

const token = "simulated-token-of-the-probe"

// serve is a server for what the vendor really is.
func serve(t *testing.T, v *vendorapi.Vendor, records int) http.Handler {
	t.Helper()
	world, err := vendortest.Generate(v, vendortest.Size{Seed: 1, From: day, Until: day.AddDate(0, 0, 1), Attendees: records})
	if err != nil {
		t.Fatal(err)
	}
	secret := map[string]string{}
	for _, field := range v.SecretFields() {
		secret[field] = token
	}
	return vendortest.NewServer(v, world, secret, vendortest.ServerOptions{Now: day.AddDate(0, 0, 2)})
}

func options(v *vendorapi.Vendor, handler http.Handler) Options {
	c := &clock{now: day.AddDate(0, 0, 1).Add(10 * time.Minute)}
	secret := vendorapi.Secret{}
	for _, field := range v.SecretFields() {
		secret[field] = token
	}
	return Options{Vendor: v, Secret: secret, Transport: direct{handler, new(int)}, Now: func() time.Time { return c.now }, Sleep: c.sleep, Random: rand.Float64}
}

func run(t *testing.T, o Options) (*Report, string) {
	t.Helper()
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	report.Print(&text)
	if strings.Contains(text.String(), token) {
		t.Errorf("the report shows the secret:\n%s", text.String())
	}
	told := 0
	for _, s := range report.Streams {
		told += s.Requests
		if s.Requests > MostRequests {
			t.Errorf("%s was asked %d times", s.Name, s.Requests)
		}
	}
	if sent := *o.Transport.(direct).sent; sent != told {
		t.Errorf("%d requests were sent, the report tells of %d", sent, told)
	}
	return report, text.String()
}

// finding returns what a report says to a question that it is told of by a part of the text, if need be.
func finding(s StreamReport, question, part string) (Finding, bool) {
	for _, f := range s.Findings {
		if f.Question == question && strings.Contains(f.Seen+f.Write, part) {
			return f, true
		}
	}
	return Finding{}, false
}

func TestON24IsAsDescribed(t *testing.T) {
	v := on24.Vendor("90001")
	report, text := run(t, options(v, serve(t, v, 800)))
	if report.Differs() {
		t.Errorf("it differs:\n%s", text)
	}
	for _, s := range report.Streams {
		for _, question := range []string{Reachable, Authorized, Records, Total, Keys, Columns, Undeclared} {
			if f, ok := finding(s, question, ""); !ok || f.Verdict != OK {
				t.Errorf("%s: %s is %v", s.Name, question, f)
			}
		}
		if s.Name == "registrants" {
			for _, question := range []string{Bounds, Zone, End, PageSize, Pages} {
				if f, ok := finding(s, question, ""); !ok || f.Verdict != OK {
					t.Errorf("%s: %s is %v\n%s", s.Name, question, f, text)
				}
			}
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// TestDeviations gives a server that is as really says, and a description that is as told says.
// TestVendorsWithTokensAndChildrenAreAsDescribed asks the simulated Zoom and GoTo, whose children need a parent to be asked for.
func TestVendorsWithTokensAndChildrenAreAsDescribed(t *testing.T) {
	for _, v := range []*vendorapi.Vendor{zoom.Vendor(), gotowebinar.Vendor("5555555555555555555")} {
		t.Run(v.Name, func(t *testing.T) {
			secret := map[string]string{}
			for _, field := range v.SecretFields() {
				secret[field] = token
			}
			o := options(v, nil)
			tokens := vendortest.DocumentedTokens(v)
			tokens.Now = o.Now
			o.Transport = direct{vendortest.NewTokens(v.Auth, secret, tokens, serve(t, v, 600)), new(int)}
			report, text := run(t, o)
			if report.Differs() {
				t.Errorf("it differs:\n%s", text)
			}
			for _, s := range report.Streams {
				for _, question := range []string{Reachable, Authorized, Records, Keys, Columns, Undeclared} {
					if f, ok := finding(s, question, ""); !ok || f.Verdict != OK {
						t.Errorf("%s: %s is %v", s.Name, question, f)
					}
				}
			}
		})
	}
}

func TestARefreshTokenThatIsReplacedIsNotSpent(t *testing.T) {
	v := gotowebinar.Vendor("5555555555555555555")
	v.Auth.Token.Refresh.Reusable = false
	o := options(v, http.NotFoundHandler())
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "replaces its refresh token with each use") || *o.Transport.(direct).sent > 0 {
		t.Errorf("got %v", err)
	}
}

func TestDeviations(t *testing.T) {
	none := func(*vendorapi.Stream) {}
	pass := func(h http.Handler) http.Handler { return h }
	tests := map[string]struct {
		told, really func(*vendorapi.Stream)
		wrap         func(http.Handler) http.Handler
		question     string
		verdict      Verdict
		says         string
	}{
		"as described":              {none, none, pass, End, OK, "exclusive"},
		"end inclusive":             {none, func(s *vendorapi.Stream) { s.Window.EndInclusive = true }, pass, End, Differs, "EndInclusive: true"},
		"end exclusive":             {func(s *vendorapi.Stream) { s.Window.EndInclusive = true }, none, pass, End, Differs, "EndInclusive: false"},
		"whole days, end inclusive": {func(s *vendorapi.Stream) { days(s, false) }, func(s *vendorapi.Stream) { days(s, true) }, pass, End, Differs, "EndInclusive: true"},
		"whole days, as described":  {func(s *vendorapi.Stream) { days(s, true) }, func(s *vendorapi.Stream) { days(s, true) }, pass, End, OK, "inclusive, as described"},
		"finer resolution": {func(s *vendorapi.Stream) { s.Window.EndInclusive = true }, func(s *vendorapi.Stream) {
			s.Window.EndInclusive, s.Window.Resolution = true, vendorapi.Duration(time.Millisecond)
		}, pass, "", Differs, "Resolution"},
		"page size clamped":      {none, none, clamp("25"), PageSize, Differs, "Size: 25"},
		"page size not taken":    {none, none, clamp("60"), PageSize, OK, "as asked for"},
		"another zone":           {none, func(s *vendorapi.Stream) { s.Window.Zone = "America/Los_Angeles" }, pass, Zone, Differs, "+7.00 hours"},
		"an hour's zone":         {none, func(s *vendorapi.Stream) { s.Window.Zone = "Europe/Berlin" }, pass, Zone, Differs, "-1.00 hours"},
		"zone described wrong":   {func(s *vendorapi.Stream) { s.Window.Zone = "Asia/Tokyo" }, none, pass, Zone, Differs, "+9.00 hours"},
		"column of another type": {func(s *vendorapi.Stream) { s.Columns[2].Type = vendorapi.TypeInt64 }, none, pass, Columns, Differs, "title (call.title): never converts"},
		"column to write":        {func(s *vendorapi.Stream) { s.Columns[2].Type = vendorapi.TypeInt64 }, none, pass, Columns, Differs, `{Name: "title", Path: "call.title", Type: vendorapi.TypeString},`},
		"undeclared field":       {func(s *vendorapi.Stream) { s.Columns = s.Columns[:3] }, none, pass, Undeclared, Differs, "score"},
		"records elsewhere":      {func(s *vendorapi.Stream) { s.RecordsPath = "data.rows" }, none, pass, Records, Differs, `RecordsPath: "data.items"`},
		"total elsewhere":        {func(s *vendorapi.Stream) { s.Total.Path = "data.all" }, none, pass, Records, Differs, "Total"},
		"total not described":    {func(s *vendorapi.Stream) { s.Total, s.Audit = vendorapi.Total{}, vendorapi.AuditReread }, none, pass, Total, OK, `"data.count"`},
		"window not taken":       {none, none, everything, Bounds, Differs, "Window.Start and End"},
		"time elsewhere":         {func(s *vendorapi.Stream) { s.TimePath = "when" }, none, pass, Bounds, Differs, "for example at"},
		"key not unique":         {func(s *vendorapi.Stream) { s.Key = []string{"call.title"} }, none, pass, Keys, Differs, "call.title"},
		"start exclusive":        {none, none, exclusiveStart, Bounds, Differs, "its start may be exclusive"},
		"pages repeat":           {none, none, firstPage, Pages, Differs, "Paging.Place"},
		"second page breaks":     {none, none, brokenLater, Pages, Unknown, "503"},
		"wrong credentials":      {none, none, status(401, `{"message":"bad token"}`, nil), Authorized, Differs, "token"},
		"no such path":           {func(s *vendorapi.Stream) { s.Path = "/call" }, none, pass, Records, Differs, "Path"},
		"throttled":              {none, none, status(429, `{}`, map[string]string{"Retry-After": "1"}), RateLimit, Differs, "Retry-After: 1"},
		"lower limit":            {none, none, header("RateLimit-Policy", "60;w=60"), RateLimit, Differs, "Requests: 60, Per: vendorapi.Duration(time.Minute)"},
		"higher limit":           {none, none, header("X-RateLimit-Limit-Minute", "6000"), RateLimit, OK, "X-Ratelimit-Limit-Minute: 6000"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			really, told := calls(test.really), calls(test.told)
			report, text := run(t, options(told, test.wrap(strict(serve(t, really, 300)))))
			question := test.question
			if question == "" {
				question = End
				if _, ok := finding(report.Streams[0], Resolution, ""); ok {
					question = Resolution
				}
			}
			f, ok := finding(report.Streams[0], question, test.says)
			if !ok || f.Verdict != test.verdict {
				t.Errorf("%s: want %s and %q:\n%s", question, test.verdict, test.says, text)
			}
			if differs := test.verdict == Differs; report.Differs() != differs {
				t.Errorf("the report differs: %v\n%s", report.Differs(), text)
			}
		})
	}
}

func days(s *vendorapi.Stream, inclusive bool) {
	s.Window.Layout, s.Window.Granularity, s.Window.EndInclusive, s.Audit = time.DateOnly, vendorapi.Duration(24*time.Hour), inclusive, vendorapi.AuditReread
	// A day's records fit a page or two, so that what is absent can be seen.
	s.Paging.Size = 200
}

// rewrite changes the query of each request.
func rewrite(change func(map[string][]string)) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			query := r.URL.Query()
			change(query)
			r = r.Clone(r.Context())
			r.URL.RawQuery = query.Encode()
			h.ServeHTTP(w, r)
		})
	}
}

func clamp(most string) func(http.Handler) http.Handler {
	return rewrite(func(q map[string][]string) {
		asked, _ := strconv.Atoi(q["take"][0])
		if limit, _ := strconv.Atoi(most); asked > limit {
			q["take"] = []string{most}
		}
	})
}

var everything = rewrite(func(q map[string][]string) {
	q["from"], q["to"] = []string{"2026-01-01T00:00:00"}, []string{"2026-12-01T00:00:00"}
})

// exclusiveStart leaves out what lies at the start bound.
func exclusiveStart(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		from, err := time.Parse("2006-01-02T15:04:05", query.Get("from"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		from = from.Add(time.Second)
		if query.Get("to") == from.Format("2006-01-02T15:04:05") {
			w.Write([]byte(`{"data":{"count":0,"items":[]}}`))
			return
		}
		query.Set("from", from.Format("2006-01-02T15:04:05"))
		r = r.Clone(r.Context())
		r.URL.RawQuery = query.Encode()
		h.ServeHTTP(w, r)
	})
}

// brokenLater has no page but the first.
func brokenLater(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("skip") != "0" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		h.ServeHTTP(w, r)
	})
}

var firstPage = rewrite(func(q map[string][]string) { q["skip"] = []string{"0"} })

func status(code int, body string, headers map[string]string) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for name, value := range headers {
				w.Header().Set(name, value)
			}
			w.WriteHeader(code)
			w.Write([]byte(body))
		})
	}
}

func header(name, value string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(name, value)
			h.ServeHTTP(w, r)
		})
	}
}

// TestNoValuesAreTold makes sure that what people did stays out of a report.
func TestNoValuesAreTold(t *testing.T) {
	personal := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"count": 1, "items": []any{map[string]any{
				"id": 1, "at": "2026-03-10T12:00:00Z", "score": "mia.stone@example.com", "guest": "Mia Stone", "call": "Leeds",
			}}}})
		})
	}
	v := calls()
	report, text := run(t, options(v, personal(nil)))
	if !report.Differs() {
		t.Errorf("nothing differs:\n%s", text)
	}
	for _, value := range []string{"mia", "Mia", "Leeds"} {
		if strings.Contains(text, value) {
			t.Errorf("the report shows %s:\n%s", value, text)
		}
	}
	if !strings.Contains(text, `{Name: "guest", Type: vendorapi.TypeString},`) {
		t.Errorf("no column is proposed:\n%s", text)
	}
}

// TestRequestsAreBounded asks a vendor that throttles every other request and gives a record a page.
func TestRequestsAreBounded(t *testing.T) {
	really := calls(func(s *vendorapi.Stream) { s.Window.Zone = "Asia/Tokyo" })
	handler, n := clamp("1")(serve(t, really, 300)), 0
	o := options(calls(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n%2 == 1 {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	report, text := run(t, o)
	if s := report.Streams[0]; s.Requests < MostRequests-1 {
		t.Errorf("%d requests were sent, too few to meet the bound:\n%s", s.Requests, text)
	}
	if f, ok := finding(report.Streams[0], RateLimit, "throttled"); !ok || f.Verdict != Differs {
		t.Errorf("want the limit to differ:\n%s", text)
	}
}

func TestAnEmptyWindowIsUnknown(t *testing.T) {
	v := calls()
	o := options(v, strict(serve(t, v, 10)))
	o.From, o.Until = day.AddDate(0, 0, -3), day.AddDate(0, 0, -2)
	report, text := run(t, o)
	if f, ok := finding(report.Streams[0], Records, "-from"); !ok || f.Verdict != Unknown || report.Differs() {
		t.Errorf("want unknown:\n%s", text)
	}
}

func TestWrongOptions(t *testing.T) {
	v := calls()
	o := options(v, serve(t, v, 10))
	o.Streams = []string{"leads"}
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "want one of calls") {
		t.Errorf("an unknown stream: %v", err)
	}
	o.Streams, o.From, o.Until = nil, day, day
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "start before the end") {
		t.Errorf("an empty window: %v", err)
	}
	o.Until, o.Secret = time.Time{}, vendorapi.Secret{}
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "lacks token") {
		t.Errorf("no secret: %v", err)
	}
}
