package ingest_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

var day = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)

// model is a vendor with records at instants, asked by offset, number or token, that counts. Its clock advances by a fixed time
// a request, so that deadlines strike at a known page.
type model struct {
	records  []record // in the order of their times
	perPage  time.Duration
	clock    time.Time
	requests int
	// total changes what is announced; nil announces the truth.
	total func(request, truth int) int
	// fail answers a request with a status; 0 lets it pass.
	fail func(request int) int
	// offset is that of the request at hand.
	offset int
	// session is part of the tokens of a stream that pages by token; those of another session are refused.
	session int
	// empty is how many pages without records come first, each of which has one after it.
	empty int
	// refuse is a start from which on nothing may be asked for; zero refuses none.
	refuse time.Time
	// days says that from and to are dates.
	days bool
	// deaf says that from and to are not taken notice of.
	deaf bool
	// named says that a record has the address of a person, see [emailOf].
	named bool
}

// record is what the vendor has of one thing that happened.
type record struct {
	id    int
	at    time.Time
	score int
}

func (m *model) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	m.serve(recorder, r)
	return recorder.Result(), nil
}

func (m *model) serve(w http.ResponseWriter, r *http.Request) {
	m.requests++
	m.clock = m.clock.Add(m.perPage)
	if m.fail != nil {
		if status := m.fail(m.requests); status != 0 {
			http.Error(w, `{"message":"no"}`, status)
			return
		}
	}
	query := r.URL.Query()
	from, to := m.bound(query.Get("from")), m.bound(query.Get("to"))
	if !m.refuse.IsZero() && from == m.refuse.Unix() {
		http.Error(w, `{"message":"too far back"}`, http.StatusBadRequest)
		return
	}
	size, _ := strconv.Atoi(query.Get("size"))
	offset, _ := strconv.Atoi(query.Get("offset"))
	if page, _ := strconv.Atoi(query.Get("page")); page > 0 {
		offset = page * size
	}
	if token := query.Get("token"); token != "" {
		session := 0
		fmt.Sscanf(token, "%d-%d", &session, &offset)
		if session != m.session {
			http.Error(w, `{"message":"the token has expired"}`, http.StatusBadRequest)
			return
		}
	}
	m.offset = offset
	first := sort.Search(len(m.records), func(i int) bool { return m.records[i].at.Unix() >= from })
	until := sort.Search(len(m.records), func(i int) bool { return m.records[i].at.Unix() >= to })
	if m.deaf {
		first, until = 0, len(m.records)
	}
	truth := until - first
	answer := []byte(`{"records":[`)
	given := 0
	for i := first + offset; i < until && given < size; i, given = i+1, given+1 {
		if given > 0 {
			answer = append(answer, ',')
		}
		answer = fmt.Appendf(answer, `{"id":%d,"time":%d,"score":%d`, m.records[i].id, m.records[i].at.Unix(), m.records[i].score)
		if m.named {
			answer = fmt.Appendf(answer, `,"email":%q,"host":%q`, emailOf(m.records[i].id), emailOf(m.records[i].id-1))
		}
		answer = append(answer, '}')
	}
	next := ""
	if offset < m.empty {
		next = fmt.Sprintf("%d-%d", m.session, offset+1)
	} else if offset+given < truth {
		next = fmt.Sprintf("%d-%d", m.session, offset+given)
	}
	if m.total != nil {
		truth = m.total(m.requests, truth)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(fmt.Appendf(answer, `],"total":%d,"next":%q}`, truth, next))
}

func (m *model) bound(text string) int64 {
	if m.days {
		date, _ := time.Parse(time.DateOnly, text)
		return date.Unix()
	}
	seconds, _ := strconv.ParseInt(text, 10, 64)
	return seconds
}

func describe(change ...func(*vendorapi.Stream)) *vendorapi.Vendor {
	query := func(name string) vendorapi.Place { return vendorapi.Place{In: vendorapi.InQuery, Name: name} }
	stream := vendorapi.Stream{
		Name: "visits", Path: "/visits",
		Window: vendorapi.Window{Start: query("from"), End: query("to"), Layout: vendorapi.LayoutUnix, Resolution: vendorapi.Duration(time.Second)},
		// The model counts requests, and each takes its time on one clock.
		Paging:      vendorapi.Paging{Kind: vendorapi.PagingOffset, Place: query("offset"), Size: 10, SizePlace: query("size"), InFlight: 1},
		RecordsPath: "records", Total: vendorapi.Total{Path: "total"},
		Key: []string{"id"}, Audit: vendorapi.AuditCount, TimePath: "time",
		Settle: vendorapi.Duration(5 * time.Minute), Lookback: vendorapi.Duration(48 * time.Hour),
		Columns: []vendorapi.Column{{Name: "id", Type: vendorapi.TypeInt64}},
	}
	for _, c := range change {
		c(&stream)
	}
	return &vendorapi.Vendor{
		Name: "model", BaseURL: "https://api.example.com", Auth: vendorapi.Auth{Kind: vendorapi.AuthNone},
		Retry:   vendorapi.Retry{MaxAttempts: 1},
		Streams: []vendorapi.Stream{stream},
	}
}

// fixture is a stream with its vendor and its bucket.
type fixture struct {
	t      rapid.TB
	vendor *vendorapi.Vendor
	model  *model
	store  *objectstoretest.Store
	zone   rawzone.Zone
	// timeout is an invocation's time; the safety margin is a tenth of it unless margin is set.
	timeout     time.Duration
	margin      time.Duration
	partBytes   int64
	defaultRate float64
	invocations int
	ids         int
}

// punctual is a client whose requests fail where the model's clock has passed their deadline.
type punctual struct {
	*vendorapi.Client
	clock func() time.Time
}

func (p punctual) Page(ctx context.Context, w window.Window, at vendorapi.Cursor) (*vendorapi.Page, error) {
	page, err := p.Client.Page(ctx, w, at)
	if deadline, ok := ctx.Deadline(); ok && p.clock().After(deadline) {
		return nil, vendorapi.ErrDeadline
	}
	return page, err
}

func newFixture(t rapid.TB, change ...func(*vendorapi.Stream)) *fixture {
	store := objectstoretest.New()
	model := &model{perPage: 100 * time.Millisecond, clock: time.Now().Add(time.Hour)}
	store.Now = func() time.Time { return model.clock }
	return &fixture{
		t: t, vendor: describe(change...), model: model,
		store: store, zone: rawzone.Zone{Bucket: store.Bucket("raw"), Vendor: "model", Stream: "visits"},
		timeout: 15 * time.Minute, partBytes: 1 << 20, defaultRate: 100,
	}
}

// add adds a record with an id of its own, which is returned.
func (f *fixture) add(at time.Time) (id int) {
	f.ids++
	f.model.records = append(f.model.records, record{id: f.ids, at: at})
	return f.ids
}

func (m *model) sort() {
	slices.SortStableFunc(m.records, func(a, b record) int { return a.at.Compare(b.at) })
}

// every adds a record each step over the span from start on.
func (f *fixture) every(start time.Time, step, span time.Duration) {
	for at := start; at.Before(start.Add(span)); at = at.Add(step) {
		f.add(at)
	}
	f.model.sort()
}

// invoke runs ingest once, as a new invocation.
func (f *fixture) invoke(now time.Time) (ingest.Answer, error) {
	ctx, cancel, config := f.invocation()
	defer cancel()
	return ingest.Run(ctx, config, now)
}

// invocation returns what a new invocation works with.
func (f *fixture) invocation() (context.Context, context.CancelFunc, ingest.Config) {
	if err := f.vendor.Validate(); err != nil {
		f.t.Fatal(err)
	}
	f.invocations++
	clock := func() time.Time { return f.model.clock }
	client, err := vendorapi.NewClient(f.vendor, "visits", nil, vendorapi.Options{
		Transport: f.model, Now: clock,
		Sleep:  func(_ context.Context, d time.Duration) error { f.model.clock = f.model.clock.Add(d); return nil },
		Random: func() float64 { return 0.5 }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithDeadline(context.Background(), f.model.clock.Add(f.timeout))
	return ctx, cancel, ingest.Config{
		Stream: &f.vendor.Streams[0], Vendor: punctual{client, clock}, Zone: f.zone,
		Run: fmt.Sprintf("run%d", f.invocations), PartBytes: f.partBytes,
		SafetyMargin: cmp.Or(f.margin, f.timeout/10), DefaultRate: f.defaultRate,
		Clock: clock, Logger: slog.New(slog.DiscardHandler),
	}
}

// execute invokes until there is no more, as the state machine does.
func (f *fixture) execute(now time.Time) (answers []ingest.Answer) {
	f.t.Helper()
	for range 1000 {
		answer, err := f.invoke(now)
		if err != nil {
			f.t.Fatal(err)
		}
		answers = append(answers, answer)
		if !answer.More {
			return answers
		}
	}
	f.t.Fatal("there was more after 1000 invocations")
	return nil
}

// commits returns the stream's commits, in order.
func (f *fixture) commits() (commits []*rawzone.Commit) {
	f.t.Helper()
	for ref, err := range f.zone.Commits(context.Background(), time.Time{}) {
		if err != nil {
			f.t.Fatal(err)
		}
		commit, _, err := f.zone.Commit(context.Background(), ref)
		if err != nil {
			f.t.Fatal(err)
		}
		commits = append(commits, commit)
	}
	return commits
}

// records returns what the parts of a commit hold.
func (f *fixture) records(commit *rawzone.Commit) (records []record) {
	f.t.Helper()
	for _, part := range commit.Parts {
		reader, err := f.zone.OpenPart(context.Background(), part)
		if err != nil {
			f.t.Fatal(err)
		}
		lines := bufio.NewScanner(reader)
		for lines.Scan() {
			records = append(records, parse(f.t, lines.Text()))
		}
		reader.Close()
	}
	return records
}

// check reads the log and compares it with the vendor's records: from genesis to the watermark without a gap, and
// before genesis without an overlap.
func (f *fixture) check() (commits []*rawzone.Commit) {
	f.t.Helper()
	genesis, err := f.zone.Genesis(context.Background(), rawzone.Genesis{})
	if err != nil {
		f.t.Fatal(err)
	}
	at, before := genesis.Start, time.Time{}
	seen := map[record]int{}
	commits = f.commits()
	for _, commit := range commits {
		if commit.Start.Before(genesis.Start) {
			if commit.Start.Before(before) {
				f.t.Fatalf("window %s overlaps with the one before, which ends at %s", commit.Window(), before)
			}
			before = commit.End
		} else {
			if !commit.Start.Equal(at) {
				f.t.Fatalf("window %s does not start where the one before ends, %s", commit.Window(), at)
			}
			at = commit.End
		}
		records := f.records(commit)
		for _, r := range records {
			seen[r]++
		}
		if int64(len(records)) != commit.Records {
			f.t.Fatalf("commit %s says %d records, its parts hold %d", commit.Window(), commit.Records, len(records))
		}
	}
	for _, r := range f.model.records {
		want := 0
		if slices.ContainsFunc(commits, func(c *rawzone.Commit) bool { return c.Window().Contains(r.at) }) {
			want = 1
		}
		r.at = r.at.Truncate(time.Second)
		if seen[r] != want {
			f.t.Fatalf("record %+v is committed %d times, want %d", r, seen[r], want)
		}
		delete(seen, r)
	}
	var carried int64
	for _, commit := range commits {
		carried += commit.Carried
	}
	for r, times := range seen {
		if carried -= int64(times); carried < 0 {
			f.t.Fatalf("record %+v is committed, and the vendor has none like it", r)
		}
	}
	if before.After(genesis.Start) {
		f.t.Fatalf("the log before genesis reaches to %s, beyond genesis at %s", before, genesis.Start)
	}
	return commits
}

// parse reads what serve wrote, by hand, since this is what most of the time would go into.
func parse(t rapid.TB, line string) (r record) {
	var numbers [3]int
	for i, name := range []string{`{"id":`, `,"time":`, `,"score":`} {
		rest, found := strings.CutPrefix(line, name)
		end := strings.IndexAny(rest, ",}")
		number, err := strconv.Atoi(rest[:max(end, 0)])
		if !found || err != nil {
			t.Fatalf("line %q", line)
		}
		numbers[i], line = number, rest[end:]
	}
	return record{id: numbers[0], at: time.Unix(int64(numbers[1]), 0).UTC(), score: numbers[2]}
}

func TestADayInOneWindow(t *testing.T) {
	f := newFixture(t)
	f.every(day.Add(-36*time.Hour), time.Minute, 48*time.Hour)
	answers := f.execute(day)
	commits := f.check()
	if len(commits) != 1 || !commits[0].Start.Equal(day.Add(-24*time.Hour)) || !commits[0].End.Equal(day.Add(-5*time.Minute)) {
		t.Errorf("got %d commits, the first of %s", len(commits), commits[0].Window())
	}
	answer := answers[0]
	if answer.Windows != 1 || answer.Records != 1435 || answer.Pages != 144 || answer.Requests != 144 || answer.Parts != 1 || !answer.Watermark.Equal(commits[0].End) {
		t.Errorf("got %+v", answer)
	}
	if answer.Findings == nil || len(answer.Findings) != 0 {
		t.Errorf("findings %v, want an empty list", answer.Findings)
	}
}

func TestTheNextRunStartsAtTheWatermark(t *testing.T) {
	f := newFixture(t)
	f.every(day.Add(-24*time.Hour), time.Minute, 48*time.Hour)
	f.execute(day)
	f.execute(day.Add(30 * time.Minute))
	f.execute(day.Add(60 * time.Minute))
	if commits := f.check(); len(commits) != 3 || commits[2].Records != 30 {
		t.Errorf("got %d commits, the last %+v", len(commits), commits[len(commits)-1])
	}
}

func TestNothingNewAsksTheVendorNothing(t *testing.T) {
	f := newFixture(t)
	f.execute(day)
	f.store.ResetCalls()
	requests := f.model.requests
	for _, now := range []time.Time{day, day.Add(-time.Hour), day.Add(999 * time.Millisecond)} {
		if answer := f.execute(now)[0]; answer.Windows != 0 || !answer.Watermark.Equal(day.Add(-5*time.Minute)) {
			t.Errorf("at %s: %+v", now, answer)
		}
	}
	if f.model.requests != requests {
		t.Errorf("%d requests to the vendor", f.model.requests-requests)
	}
	if calls := f.store.Calls(); len(calls) != 4 {
		t.Errorf("%d requests to S3, want a GET each, and a LIST for the old tick: %v", len(calls), calls)
	}
}

func TestAWindowWithoutRecordsIsCommitted(t *testing.T) {
	f := newFixture(t)
	f.execute(day)
	commits := f.check()
	if len(commits) != 1 || commits[0].Records != 0 || len(commits[0].Parts) != 0 || !commits[0].Settled {
		t.Errorf("got %+v", commits)
	}
}

func TestABurstBacksOffAndIsResumed(t *testing.T) {
	f := newFixture(t)
	f.timeout = 10 * time.Second // 9 s to ask in: 90 pages, 900 records
	f.partBytes = 10             // a page
	f.every(day.Add(-24*time.Hour), 10*time.Minute, 24*time.Hour)
	f.every(day.Add(-20*time.Minute), 500*time.Microsecond, time.Second) // 2,000 in a second
	answers := f.execute(day)
	commits := f.check()
	backedOff, resumed, shortest := 0, 0, time.Hour
	for _, commit := range commits {
		if commit.Backoffs > 0 {
			backedOff++
		}
		if commit.Resumes > 0 {
			resumed++
			if len(commit.Parts) < 5 {
				t.Errorf("the resumed window %s has %d parts", commit.Window(), len(commit.Parts))
			}
		}
		shortest = min(shortest, commit.Window().Span())
	}
	if backedOff == 0 || resumed == 0 || len(answers) < 3 {
		t.Errorf("%d windows backed off, %d were resumed, in %d invocations", backedOff, resumed, len(answers))
	}
	for i, answer := range answers {
		if answer.Requests > 91 {
			t.Errorf("invocation %d made %d requests, more than its time allows", i, answer.Requests)
		}
	}
}

func TestTheVendorsCountMovesOnce(t *testing.T) {
	f := newFixture(t)
	f.partBytes = 1
	f.every(day.Add(-time.Hour), time.Minute, 50*time.Minute)
	f.model.total = func(request, truth int) int {
		if request == 3 {
			return truth + 1
		}
		return truth
	}
	answer := f.execute(day)[0]
	commits := f.check()
	if commits[0].Attempt != 2 || !commits[0].Settled || answer.Attempts != 2 || len(answer.Findings) != 0 {
		t.Errorf("got attempt %d (settled %v), findings %v", commits[0].Attempt, commits[0].Settled, answer.Findings)
	}
	for _, part := range commits[0].Parts {
		if !strings.Contains(part.Key, "_a2-") {
			t.Errorf("part %s is of another attempt", part.Key)
		}
	}
}

func TestTheVendorsCountNeverAgrees(t *testing.T) {
	f := newFixture(t)
	f.every(day.Add(-time.Hour), time.Minute, 50*time.Minute)
	f.model.total = func(_, truth int) int { return truth + 1 }
	answer := f.execute(day)[0]
	commits := f.check()
	if commits[0].Attempt != 3 || commits[0].Settled {
		t.Errorf("got attempt %d, settled %v", commits[0].Attempt, commits[0].Settled)
	}
	if len(answer.Findings) != 1 || answer.Findings[0].Kind != telemetry.CountsUnsettled || !strings.Contains(answer.Findings[0].Message, "announced 51 records, then 51, and gave 50") {
		t.Errorf("findings %+v", answer.Findings)
	}
}

func TestAVendorWithoutTotals(t *testing.T) {
	f := newFixture(t, func(s *vendorapi.Stream) { s.Total, s.Audit = vendorapi.Total{}, vendorapi.AuditReread })
	f.timeout = 5 * time.Second // 45 pages
	f.partBytes = 100
	f.every(day.Add(-2*time.Hour), 6*time.Second, time.Hour) // 60 pages
	f.execute(day)
	commits := f.check()
	resumed := 0
	for _, commit := range commits {
		if commit.Window().Span() > ingest.UncountedSpan {
			t.Errorf("window %s is longer than %s", commit.Window(), ingest.UncountedSpan)
		}
		if commit.Resumes > 0 {
			resumed++
		}
	}
	if len(commits) != 24 || resumed == 0 {
		t.Errorf("%d windows, %d resumed", len(commits), resumed)
	}
}

func TestAVendorThatFailsInMidWindow(t *testing.T) {
	f := newFixture(t)
	f.every(day.Add(-time.Hour), 10*time.Second, 30*time.Minute)
	f.model.fail = func(request int) int {
		if request == 8 {
			return http.StatusInternalServerError
		}
		return 0
	}
	answer, err := f.invoke(day)
	if err == nil || answer.Parts != 1 || answer.Windows != 0 || !strings.Contains(err.Error(), "stream visits") {
		t.Fatalf("got %+v, %v", answer, err)
	}
	before := f.model.requests
	f.execute(day)
	if commits := f.check(); commits[0].Resumes != 1 {
		t.Errorf("got %+v", commits[0])
	}
	if again := f.model.requests - before; again != 1+18-7 {
		t.Errorf("%d pages were asked for after the failure, want the first, and the 11 that were missing", again)
	}
}

func TestRecordsThatMoveByAPageWhileAWindowIsResumed(t *testing.T) {
	f := newFixture(t)
	f.every(day.Add(-time.Hour), 10*time.Second, 30*time.Minute)
	f.model.fail = func(request int) int {
		if request == 8 {
			return http.StatusInternalServerError
		}
		return 0
	}
	if _, err := f.invoke(day); err == nil {
		t.Fatal("no error")
	}
	// Ten records arrive before all others, so that the page to go on with holds what the last one held.
	f.every(day.Add(-2*time.Hour), time.Second, 10*time.Second)
	f.execute(day)
	if commits := f.check(); commits[0].Attempt != 2 || !commits[0].Settled {
		t.Errorf("got attempt %d, settled %v", commits[0].Attempt, commits[0].Settled)
	}
}

func TestNoTimeForAnything(t *testing.T) {
	f := newFixture(t)
	f.timeout = 100 * time.Millisecond
	f.model.fail = func(int) int { return http.StatusServiceUnavailable }
	f.vendor.Retry = vendorapi.Retry{InitialWait: vendorapi.Duration(time.Hour), MaxWait: vendorapi.Duration(time.Hour)}
	answer, err := f.invoke(day)
	if !errors.Is(err, vendorapi.ErrDeadline) || answer.More {
		t.Errorf("got %+v, %v; want an error, since a later invocation would fare no better", answer, err)
	}
}

func TestAnotherPageSizeBeginsAnotherAttempt(t *testing.T) {
	f := newFixture(t)
	f.every(day.Add(-time.Hour), 10*time.Second, 30*time.Minute)
	f.model.fail = func(request int) int {
		if request == 8 {
			return http.StatusInternalServerError
		}
		return 0
	}
	if _, err := f.invoke(day); err == nil {
		t.Fatal("no error")
	}
	f.vendor.Streams[0].Paging.Size = 7
	f.execute(day)
	if commits := f.check(); commits[0].Attempt != 2 || commits[0].Resumes != 0 {
		t.Errorf("got %+v", commits[0])
	}
}

func byNumber(s *vendorapi.Stream) {
	s.Paging.Kind, s.Paging.Place.Name = vendorapi.PagingNumber, "page"
}

func byToken(s *vendorapi.Stream) {
	s.Paging.Kind, s.Paging.Place.Name, s.Paging.NextPath, s.Paging.InFlight = vendorapi.PagingToken, "token", "next", 0
}

func byDay(s *vendorapi.Stream) {
	s.Window.Layout, s.Window.Granularity = time.DateOnly, vendorapi.Duration(24*time.Hour)
	s.Audit = vendorapi.AuditReread
}

// failOnce lets the nth request of the first invocation fail, so that its window is left unfinished.
func (f *fixture) failOnce(n int) {
	f.t.Helper()
	f.model.fail = func(request int) int {
		if request == n {
			return http.StatusInternalServerError
		}
		return 0
	}
	if _, err := f.invoke(day); err == nil {
		f.t.Fatal("no error")
	}
}

func TestATokenThatExpiresBeforeTheWindowIsResumed(t *testing.T) {
	f := newFixture(t, byToken)
	f.every(day.Add(-time.Hour), 10*time.Second, 30*time.Minute)
	f.failOnce(8)
	f.model.session++
	f.execute(day)
	if commits := f.check(); commits[0].Attempt != 2 || !commits[0].Settled {
		t.Errorf("got attempt %d, settled %v", commits[0].Attempt, commits[0].Settled)
	}
}

func TestAResumedWindowThatIsRefusedAltogether(t *testing.T) {
	f := newFixture(t, byToken)
	f.every(day.Add(-time.Hour), 10*time.Second, 30*time.Minute)
	f.failOnce(8)
	f.model.fail = func(int) int { return http.StatusForbidden }
	before := f.model.requests
	if _, err := f.invoke(day); !errors.Is(err, vendorapi.ErrRefused) || f.model.requests-before > 2 {
		t.Errorf("got %v after %d requests", err, f.model.requests-before)
	}
	f.model.fail = nil
	f.execute(day)
	if commits := f.check(); commits[0].Attempt != 1 {
		t.Errorf("got attempt %d, want the first one, whose parts are still there", commits[0].Attempt)
	}
}

func TestAShorterWindowThatAsksForTheSameDaysIsNotTried(t *testing.T) {
	f := newFixture(t, byDay)
	f.model.days = true
	f.timeout = 10 * time.Second // 9 s to ask in: 90 pages, 900 records
	f.every(day.Add(-24*time.Hour), 40*time.Second, 48*time.Hour)
	f.execute(day)
	if commits := f.check(); len(commits) != 1 || f.model.requests > 216+2 {
		t.Errorf("%d windows in %d requests, want one window in the 216 requests that its day needs", len(commits), f.model.requests)
	}
	f.execute(day.Add(time.Hour))
	// Most records of a day belong to other windows, but each takes its time to be fetched.
	commits := f.check()
	if last := commits[len(commits)-1]; len(commits) > 3 || last.Rate < 90 || last.Records > 90 {
		t.Errorf("%d windows, the last with %d records at %v a second, want the 100 a second that were fetched", len(commits), last.Records, last.Rate)
	}
}

func TestEmptyPagesWithoutEndAreNoProgress(t *testing.T) {
	f := newFixture(t, byToken)
	f.timeout = 10 * time.Second
	f.model.empty = 1_000_000
	answer, err := f.invoke(day)
	if err == nil || answer.More || !strings.Contains(err.Error(), "without a record") {
		t.Errorf("got %+v, %v; want an error and not to be invoked again and again", answer, err)
	}
	// Should there be an end after all, each run comes nearer to it.
	f.model.empty = answer.Pages
	f.execute(day)
	if commits := f.check(); commits[0].Pages != answer.Pages+1 {
		t.Errorf("%d pages in all, want to go on after the %d of the run before", commits[0].Pages, answer.Pages)
	}
}

func TestASinglePageFitsWhateverTheRate(t *testing.T) {
	f := newFixture(t)
	f.defaultRate = 1e-6
	f.every(day.Add(-time.Hour), 10*time.Minute, 50*time.Minute)
	f.execute(day)
	if commits := f.check(); len(commits) != 1 || f.model.requests != 1 {
		t.Errorf("%d windows in %d requests, want the one page to be taken", len(commits), f.model.requests)
	}
}

func TestAVendorTooSlowToBackOff(t *testing.T) {
	f := newFixture(t)
	f.timeout = 10 * time.Second
	f.model.perPage = 2 * time.Second // 4 pages an invocation
	f.every(day.Add(-24*time.Hour), 10*time.Minute, 24*time.Hour)
	f.every(day.Add(-24*time.Hour), time.Millisecond, time.Second)
	for i, answer := range f.execute(day) {
		if answer.Parts == 0 && answer.Windows == 0 {
			t.Errorf("invocation %d made no progress", i)
		}
	}
	f.check()
}

func TestASafetyMarginLongerThanTheTime(t *testing.T) {
	f := newFixture(t)
	f.timeout, f.margin = 3*time.Second, 30*time.Second
	f.every(day.Add(-24*time.Hour), time.Minute, 24*time.Hour)
	f.execute(day)
	f.check()
}

func TestAPartThatCannotBeStoredAtTheDeadlineIsAnError(t *testing.T) {
	f := newFixture(t)
	f.timeout = 10 * time.Second
	f.every(day.Add(-24*time.Hour), 10*time.Minute, 24*time.Hour)
	f.every(day.Add(-20*time.Minute), 500*time.Microsecond, time.Second)
	late := f.model.clock.Add(8500 * time.Millisecond)
	f.store.Before = func(c objectstoretest.Call) error {
		if c.Operation == objectstoretest.Put && strings.Contains(c.Key, "/parts/") && f.model.clock.After(late) {
			return objectstoretest.Failure(http.StatusForbidden, "AccessDenied")
		}
		return nil
	}
	answer, err := f.invoke(day)
	if err == nil || !strings.Contains(err.Error(), "AccessDenied") || answer.Windows == 0 {
		t.Errorf("got %+v, %v", answer, err)
	}
}

// TestWhetherAnAttemptSettledOutlivesItsRun kills a run between the last part of an unsettled attempt and its commit.
func TestWhetherAnAttemptSettledOutlivesItsRun(t *testing.T) {
	f := newFixture(t)
	f.every(day.Add(-time.Hour), time.Minute, 50*time.Minute)
	// The first page of each attempt announces the truth, all others one record more.
	f.model.total = func(request, truth int) int {
		if f.model.offset > 0 {
			return truth + 1
		}
		return truth
	}
	f.store.Before = func(c objectstoretest.Call) error {
		if strings.Contains(c.Key, "/commits/") && c.Operation == objectstoretest.Put {
			return objectstoretest.ErrCrash
		}
		return nil
	}
	if _, err := f.invoke(day); err == nil {
		t.Fatal("no error")
	}
	f.store.Revive()
	answer := f.execute(day)[0]
	if commits := f.check(); commits[0].Settled || commits[0].Resumes != 1 || len(answer.Findings) != 1 {
		t.Errorf("got %+v, findings %v", commits[0], answer.Findings)
	}
}

func TestTwoRunsAtOnce(t *testing.T) {
	for _, rival := range []string{"commits", "part"} {
		t.Run("another run commits before this one puts its "+rival, func(t *testing.T) {
			f := newFixture(t)
			f.every(day.Add(-time.Hour), time.Minute, 50*time.Minute)
			overtaken := false
			f.store.Before = func(c objectstoretest.Call) error {
				if c.Operation == objectstoretest.Put && strings.Contains(c.Key, rival) && !overtaken {
					overtaken = true
					if _, err := f.invoke(day); err != nil {
						t.Error(err)
					}
				}
				return nil
			}
			answer, err := f.invoke(day)
			if err != nil || answer.Windows != 0 || answer.More {
				t.Errorf("the loser got %+v, %v", answer, err)
			}
			if commits := f.check(); commits[0].Run != "run2" {
				t.Errorf("won by %s", commits[0].Run)
			}
		})
	}
}

// TestRunsThatOvertakeEachOther lets up to three further runs take place in the midst of one another, before or
// after any request to S3, while the vendor's total is now and then another one.
func TestRunsThatOvertakeEachOther(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(rt)
		f.timeout = time.Duration(rapid.IntRange(10, 50).Draw(rt, "timeout")) * 100 * time.Millisecond
		f.partBytes = int64(rapid.IntRange(1, 500).Draw(rt, "partBytes"))
		f.every(day.Add(-24*time.Hour), time.Duration(rapid.IntRange(500, 6000).Draw(rt, "step"))*time.Second, 26*time.Hour)
		f.every(day.Add(-time.Duration(rapid.IntRange(1, 1000).Draw(rt, "burst"))*time.Minute), 10*time.Millisecond, time.Second)
		odd := rapid.IntRange(7, 100).Draw(rt, "odd")
		f.model.total = func(request, truth int) int {
			if request%odd == 0 {
				return truth + 1
			}
			return truth
		}
		at := rapid.SliceOfN(rapid.IntRange(1, 40), 1, 3).Draw(rt, "at")
		calls := 0
		run := func() {
			// The time of a run that is overtaken goes by meanwhile.
			if _, err := f.invoke(day); err != nil && !errors.Is(err, vendorapi.ErrDeadline) {
				rt.Fatal(err)
			}
		}
		overtake := func(objectstoretest.Call) error {
			if calls++; len(at) > 0 && calls >= at[0] {
				at, calls = at[1:], 0
				run()
			}
			return nil
		}
		if rapid.Bool().Draw(rt, "after") {
			f.store.After = overtake
		} else {
			f.store.Before = overtake
		}
		run()
		f.store.Revive()
		f.execute(day)
		f.check()
	})
}

// TestAKilledRun kills runs at every request to S3, before and after its effect, and lets later runs go on.
func TestAKilledRun(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(rt)
		// 4 to 45 pages an invocation, of 20 in the burst and up to 39 beside it: small numbers meet as many cases
		// as large ones, in less time.
		f.timeout = time.Duration(rapid.IntRange(5, 50).Draw(rt, "timeout")) * 100 * time.Millisecond
		f.partBytes = int64(rapid.IntRange(1, 2000).Draw(rt, "partBytes"))
		f.every(day.Add(-24*time.Hour), time.Duration(rapid.IntRange(240, 6000).Draw(rt, "step"))*time.Second, 26*time.Hour)
		f.every(day.Add(-time.Duration(rapid.IntRange(1, 1000).Draw(rt, "burst"))*time.Minute), 5*time.Millisecond, time.Second)
		for kill := range rapid.IntRange(0, 6).Draw(rt, "kills") {
			f.store.CrashAt(rapid.IntRange(1, 30).Draw(rt, "at"), rapid.Bool().Draw(rt, "afterEffect"))
			_, err := f.invoke(day)
			f.store.Revive()
			if err != nil && !errors.Is(err, objectstoretest.ErrCrash) {
				rt.Fatalf("kill %d: %v", kill, err)
			}
		}
		f.execute(day)
		f.execute(day.Add(30 * time.Minute))
		f.check()
	})
}
