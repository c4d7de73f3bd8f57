package ingest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
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
)

// meeting is a parent. It is listed by when it was last changed, and its visits are read by when it ends.
type meeting struct {
	id      string
	changed time.Time
	ends    time.Time
	// visits are when each of its children shows.
	visits []time.Time
	// gone are the numbers of the visits that are no more.
	gone map[int]bool
	// begun is from when on it is listed no more, zero for never.
	begun time.Time
	// renamed is what follows on its topic.
	renamed string
	// status is what a request for its visits is answered with, where it is not 0.
	status int
}

// family is a vendor with meetings and their visits, of which it gives those that show by now.
type family struct {
	meetings []*meeting
	now      time.Time
	clock    time.Time
	perPage  time.Duration
	asked    map[string]int
	// session is part of the tokens; those of another one are refused.
	session int
	// expire makes a token of this request's answer useless.
	expire func(request int) bool
	count  int
}

func (m *family) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	m.clock = m.clock.Add(m.perPage)
	m.count++
	switch path := strings.Split(strings.Trim(r.URL.Path, "/"), "/"); {
	case len(path) == 1 && path[0] == "planned":
		m.list(recorder, func(*meeting) bool { return true })
	case len(path) == 1:
		from, _ := strconv.ParseInt(r.URL.Query().Get("from"), 10, 64)
		to, _ := strconv.ParseInt(r.URL.Query().Get("to"), 10, 64)
		m.list(recorder, func(of *meeting) bool { return of.changed.Unix() >= from && of.changed.Unix() < to })
	default:
		m.asked[path[1]]++
		m.visits(recorder, path[1], r.URL.Query().Get("token"))
	}
	return recorder.Result(), nil
}

func (m *family) list(w http.ResponseWriter, holds func(*meeting) bool) {
	list := []string{}
	for _, of := range m.meetings {
		if holds(of) && !of.changed.After(m.now) && (of.begun.IsZero() || m.now.Before(of.begun)) {
			list = append(list, fmt.Sprintf(`{"id":%q,"ends":%d,"topic":"about %s%s"}`, of.id, of.ends.Unix(), of.id, of.renamed))
		}
	}
	fmt.Fprintf(w, `{"meetings":[%s],"total":%d}`, strings.Join(list, ","), len(list))
}

func (m *family) visits(w http.ResponseWriter, id, token string) {
	const size = 10
	i := slices.IndexFunc(m.meetings, func(of *meeting) bool { return of.id == id })
	if i < 0 || m.meetings[i].status != 0 {
		status := http.StatusNotFound
		if i >= 0 {
			status = m.meetings[i].status
		}
		http.Error(w, `{"code":3001,"message":"it does not exist"}`, status)
		return
	}
	session, offset := m.session, 0
	if token != "" {
		fmt.Sscanf(token, "%d-%d", &session, &offset)
	}
	if session != m.session {
		http.Error(w, `{"code":300,"message":"the token has expired"}`, http.StatusBadRequest)
		return
	}
	shown := m.shown(m.meetings[i])
	page := []string{}
	for _, n := range shown[min(offset, len(shown)):min(offset+size, len(shown))] {
		page = append(page, fmt.Sprintf(`{"n":%d}`, n))
	}
	next := ""
	if offset+size < len(shown) {
		next = fmt.Sprintf("%d-%d", m.session, offset+size)
	}
	if m.expire != nil && m.expire(m.count) {
		m.session++
	}
	fmt.Fprintf(w, `{"visits":[%s],"next":%q}`, strings.Join(page, ","), next)
}

// shown are the numbers of the visits that show by now.
func (m *family) shown(of *meeting) (shown []int) {
	for n, at := range of.visits {
		if !at.After(m.now) && !of.gone[n] {
			shown = append(shown, n)
		}
	}
	return shown
}

func describeFamily() *vendorapi.Vendor {
	query := func(name string) vendorapi.Place { return vendorapi.Place{In: vendorapi.InQuery, Name: name} }
	return &vendorapi.Vendor{
		Name: "model", BaseURL: "https://api.example.com", Auth: vendorapi.Auth{Kind: vendorapi.AuthNone},
		Retry: vendorapi.Retry{MaxAttempts: 1},
		Streams: []vendorapi.Stream{{
			Name: "meetings", Path: "/meetings",
			Window:      vendorapi.Window{Start: query("from"), End: query("to"), Layout: vendorapi.LayoutUnix, Resolution: vendorapi.Duration(time.Second)},
			Paging:      vendorapi.Paging{Kind: vendorapi.PagingNone},
			RecordsPath: "meetings",
			Key:         []string{"id"}, Audit: vendorapi.AuditReread,
			Settle: vendorapi.Duration(5 * time.Minute), Lookback: vendorapi.Duration(24 * time.Hour),
			Columns: []vendorapi.Column{{Name: "id", Type: vendorapi.TypeString}},
		}, {
			Name: "visits", Path: "/meetings/{meeting}/visits",
			Parent: &vendorapi.Parent{
				Stream: "meetings", TimePath: "ends", Ahead: vendorapi.Duration(48 * time.Hour),
				Places: []vendorapi.ParentPlace{{Place: vendorapi.Place{In: vendorapi.InPath, Name: "meeting"}, Path: "id"}},
				Fields: []vendorapi.ParentField{{Name: "meeting", Path: "id"}, {Name: "topic", Path: "topic"}},
			},
			Paging:      vendorapi.Paging{Kind: vendorapi.PagingToken, Place: query("token"), NextPath: "next"},
			RecordsPath: "visits",
			Key:         []string{"meeting", "n"}, Audit: vendorapi.AuditReread,
			Settle: vendorapi.Duration(10 * time.Minute), Lookback: vendorapi.Duration(48 * time.Hour),
			Columns: []vendorapi.Column{{Name: "meeting", Type: vendorapi.TypeString}, {Name: "n", Type: vendorapi.TypeInt64}},
		}},
	}
}

// home is the family with its two streams.
type home struct {
	t           rapid.TB
	vendor      *vendorapi.Vendor
	model       *family
	store       *objectstoretest.Store
	timeout     time.Duration
	partBytes   int64
	invocations int
}

func newHome(t rapid.TB) *home {
	h := &home{
		t: t, vendor: describeFamily(), store: objectstoretest.New(), timeout: 15 * time.Minute, partBytes: 1 << 20,
		model: &family{perPage: 100 * time.Millisecond, clock: time.Now().Add(time.Hour), asked: map[string]int{}},
	}
	h.store.Now = func() time.Time { return h.model.clock }
	return h
}

func (h *home) zone(stream string) rawzone.Zone {
	return rawzone.Zone{Bucket: h.store.Bucket("raw"), Vendor: "model", Stream: stream}
}

// invoke runs ingest of a stream once.
func (h *home) invoke(stream string, now time.Time) (ingest.Answer, error) {
	h.t.Helper()
	return h.invocation(stream, now, ingest.Run)
}

// backfill reads a past range of a stream in so many lanes, one after the other.
func (h *home) backfill(stream string, past ingest.Past, now time.Time) (findings []telemetry.Finding) {
	h.t.Helper()
	for past.Lane = range past.Lanes {
		past.Position = ""
		for {
			answer, err := h.invocation(stream, now, func(ctx context.Context, config ingest.Config, now time.Time) (ingest.Answer, error) {
				return ingest.Backfill(ctx, config, past, now)
			})
			if err != nil {
				h.t.Fatal(err)
			}
			findings = append(findings, answer.Findings...)
			past.Position = answer.Position
			if !answer.More {
				break
			}
		}
	}
	return findings
}

func (h *home) invocation(stream string, now time.Time, work func(context.Context, ingest.Config, time.Time) (ingest.Answer, error)) (ingest.Answer, error) {
	h.t.Helper()
	if err := h.vendor.Validate(); err != nil {
		h.t.Fatal(err)
	}
	h.invocations++
	before := h.model.now
	h.model.now = now
	defer func() { h.model.now = later(before, now) }()
	clock := func() time.Time { return h.model.clock }
	client, err := vendorapi.NewClient(h.vendor, stream, nil, vendorapi.Options{
		Transport: h.model, Now: clock,
		Sleep:  func(_ context.Context, d time.Duration) error { h.model.clock = h.model.clock.Add(d); return nil },
		Random: func() float64 { return 0.5 }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	described, err := h.vendor.Stream(stream)
	if err != nil {
		h.t.Fatal(err)
	}
	config := ingest.Config{
		Stream: described, Vendor: punctual{client, clock}, Zone: h.zone(stream),
		Run: fmt.Sprintf("run%d", h.invocations), PartBytes: h.partBytes,
		SafetyMargin: h.timeout / 10, DefaultRate: 100, Clock: clock, Logger: slog.New(slog.DiscardHandler),
	}
	if config.Parents, err = ingest.ParentsOf(h.vendor, described, config.Zone, client); err != nil {
		h.t.Fatal(err)
	}
	if config.Parents != nil {
		of := config.Parents.Of
		config.Parents.Of = func(p vendorapi.ParentRecord) ingest.Vendor { return punctual{of(p).(*vendorapi.Client), clock} }
	}
	ctx, cancel := context.WithDeadline(context.Background(), h.model.clock.Add(h.timeout))
	defer cancel()
	return work(ctx, config, now)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// execute runs a stream until there is no more, and returns the last answer.
func (h *home) execute(stream string, now time.Time) ingest.Answer {
	h.t.Helper()
	for range 1000 {
		answer, err := h.invoke(stream, now)
		if err != nil {
			h.t.Fatal(err)
		}
		if !answer.More {
			return answer
		}
	}
	h.t.Fatal("there was more after 1000 invocations")
	return ingest.Answer{}
}

// answer has the vendor answer all requests for visits with a status, or as ever where that is 0.
func (h *home) answer(status int) {
	for _, of := range h.model.meetings {
		of.status = status
	}
}

// play runs both streams each half hour of [from, to].
func (h *home) play(from, to time.Time) {
	h.t.Helper()
	for now := from; !now.After(to); now = now.Add(30 * time.Minute) {
		h.execute("meetings", now)
		h.execute("visits", now)
	}
}

// committed returns the visits of each meeting as the newest commits have them, and the commits of each.
func (h *home) committed() (visits map[string][]int, commits map[string][]*rawzone.Commit) {
	h.t.Helper()
	visits, commits = map[string][]int{}, map[string][]*rawzone.Commit{}
	zone := h.zone("visits")
	for ref, err := range zone.Commits(context.Background(), time.Time{}) {
		if err != nil {
			h.t.Fatal(err)
		}
		commit, _, err := zone.Commit(context.Background(), ref)
		if err != nil {
			h.t.Fatal(err)
		}
		of, topic := "", ""
		for _, part := range commit.Parts {
			reader, err := zone.OpenPart(context.Background(), part)
			if err != nil {
				h.t.Fatal(err)
			}
			for lines := bufio.NewScanner(reader); lines.Scan(); {
				var visit struct {
					Meeting, Topic string
					N              int
				}
				if err := json.Unmarshal(lines.Bytes(), &visit); err != nil || !strings.HasPrefix(visit.Topic, "about "+visit.Meeting) || topic != "" && visit.Topic != topic {
					h.t.Fatalf("%v, a visit reads %s beside %s", err, lines.Text(), topic)
				}
				topic = visit.Topic
				visits[visit.Meeting] = append(visits[visit.Meeting], visit.N)
				of = visit.Meeting
			}
			reader.Close()
		}
		commits[of] = append(commits[of], commit)
	}
	return visits, commits
}

// windowAt returns the commit of a stream's window that holds a time.
func (h *home) windowAt(stream string, at time.Time) *rawzone.Commit {
	h.t.Helper()
	zone := h.zone(stream)
	for ref, err := range zone.Commits(context.Background(), time.Time{}) {
		if err != nil {
			h.t.Fatal(err)
		}
		commit, _, err := zone.Commit(context.Background(), ref)
		if err != nil {
			h.t.Fatal(err)
		}
		if commit.Window().Contains(at) {
			return commit
		}
	}
	h.t.Fatalf("stream %s has no window at %s", stream, at)
	return nil
}

// check compares the newest commits with what the vendor has by now.
func (h *home) check() map[string][]*rawzone.Commit {
	h.t.Helper()
	visits, commits := h.committed()
	for _, of := range h.model.meetings {
		want := h.model.shown(of)
		if of.status != 0 {
			continue
		}
		// What shows after it has been read for the last time is not known.
		read := of.ends.Add(h.vendor.Streams[1].Settle.D() + h.vendor.Streams[1].Lookback.D())
		least := len(slices.DeleteFunc(slices.Clone(want), func(n int) bool { return of.visits[n].After(read) }))
		got := slices.Sorted(slices.Values(visits[of.id]))
		if len(got) > len(want) || len(got) < least || !slices.Equal(got, want[:len(got)]) {
			h.t.Fatalf("meeting %s has the visits %v, want %v, the first %d at least", of.id, got, want, least)
		}
		if n := len(commits[of.id]); n > 1 {
			h.t.Fatalf("meeting %s has %d commits", of.id, n)
		}
	}
	return commits
}

// visits are n of them, one a step from from on.
func visitsFrom(from time.Time, step time.Duration, n int) (all []time.Time) {
	for i := range n {
		all = append(all, from.Add(time.Duration(i)*step))
	}
	return all
}

func TestAParentIsReadFromAheadOfItsTimeToBehindIt(t *testing.T) {
	h := newHome(t)
	// Somebody registers each hour from two days before to a day after.
	ends := day.Add(72 * time.Hour)
	m := &meeting{id: "a", changed: day.Add(time.Hour), ends: ends, visits: visitsFrom(ends.Add(-48*time.Hour), time.Hour, 72)}
	h.model.meetings = []*meeting{m}
	h.play(day, ends.Add(-48*time.Hour))
	if h.model.asked["a"] != 0 {
		t.Errorf("it was asked for %d times before it was due", h.model.asked["a"])
	}
	h.play(ends.Add(-48*time.Hour), ends)
	if visits, _ := h.committed(); len(visits["a"]) < 46 {
		t.Errorf("when it ends %d visits are known of 48", len(visits["a"]))
	}
	h.play(ends, ends.Add(49*time.Hour))
	commits := h.check()["a"]
	if got := commits[0].Window().Start; !got.Equal(ends) {
		t.Errorf("it stands at %s, want its time, %s", got, ends)
	}
	// Who registers ahead of a meeting is not late; the last 24 of the 72 came after it.
	if late := commits[0].Late; late < 20 || late > 24 {
		t.Errorf("%d visits are told as late, want those that came after the meeting", late)
	}
	requests := h.model.asked["a"]
	h.play(ends.Add(50*time.Hour), ends.Add(80*time.Hour))
	if more := h.model.asked["a"] - requests; more != 0 {
		t.Errorf("%d requests when it was over", more)
	}
	if commits[0].Generation < 8 || commits[0].Generation > 14 {
		t.Errorf("it was replaced %d times", commits[0].Generation-1)
	}
}

func TestParentsOfOneTimeHaveSlotsOfTheirOwn(t *testing.T) {
	h := newHome(t)
	for i := range 5 {
		h.model.meetings = append(h.model.meetings, &meeting{
			id: fmt.Sprint("m", i), changed: day.Add(time.Hour), ends: day.Add(6 * time.Hour), visits: visitsFrom(day.Add(5*time.Hour), time.Minute, i+1),
		})
	}
	h.play(day, day.Add(8*time.Hour))
	if commits := h.check(); len(commits) != 5 {
		t.Errorf("%d parents have a commit, want 5", len(commits))
	}
}

func TestAParentWhoseTimeMovesKeepsItsSlot(t *testing.T) {
	h := newHome(t)
	m := &meeting{id: "a", changed: day.Add(time.Hour), ends: day.Add(10 * time.Hour), visits: visitsFrom(day, time.Hour, 100)}
	h.model.meetings = []*meeting{m}
	h.play(day, day.Add(3*time.Hour))
	m.changed, m.ends = day.Add(3*time.Hour), day.Add(80*time.Hour)
	// The window that the meeting has left is read again later than the one that it is in, and keeps it as it was.
	h.play(day.Add(3*time.Hour+30*time.Minute), day.Add(20*time.Hour))
	before := h.windowAt("meetings", day.Add(time.Hour))
	if before.Generation < 2 || before.Carried != 1 {
		t.Fatalf("the window that it was in is %+v", before)
	}
	h.play(day.Add(20*time.Hour+30*time.Minute), day.Add(100*time.Hour))
	// What preprocess may not leave behind its mark is what the audit remembers.
	if audit, err := h.zone("visits").Audit(context.Background()); err != nil || len(audit.Windows) != 1 || !audit.Windows[0].Start.Equal(day.Add(10*time.Hour)) {
		t.Errorf("the audit remembers %+v, %v: want the slot", audit.Windows, err)
	}
	h.play(day.Add(100*time.Hour+30*time.Minute), day.Add(130*time.Hour))
	if asked := h.model.asked["a"]; asked > 200 {
		t.Errorf("it was asked for %d times", asked)
	}
	commits := h.check()["a"]
	if got := commits[0].Window().Start; !got.Equal(day.Add(10 * time.Hour)) {
		t.Errorf("it stands at %s, want where it was first seen", got)
	}
	if got := commits[0].ReadAt; got.Before(m.ends) {
		t.Errorf("it was last read at %s, before its new time", got)
	}
}

func TestAParentIsReadForTheLastTimeAfterAnOutage(t *testing.T) {
	for name, status := range map[string]int{"it is given": 0, "it is refused": http.StatusNotFound} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			m := &meeting{id: "a", changed: day, ends: day, visits: visitsFrom(day, time.Hour, 48)}
			h.model.meetings = []*meeting{m}
			h.play(day, day.Add(20*time.Hour))
			m.status = status
			asked := h.model.asked["a"]
			h.play(day.Add(200*time.Hour), day.Add(240*time.Hour))
			if more := h.model.asked["a"] - asked; status == 0 && more != 5 || status != 0 && more != 1 {
				t.Errorf("%d requests after the outage", more)
			}
			h.check()
		})
	}
}

func TestAChildThatIsGoneIsNotKept(t *testing.T) {
	h := newHome(t)
	m := &meeting{id: "a", changed: day, ends: day, visits: visitsFrom(day, 0, 12)}
	h.model.meetings = []*meeting{m}
	h.play(day, day.Add(2*time.Hour))
	h.check()
	m.gone = map[int]bool{3: true, 11: true}
	h.play(day.Add(2*time.Hour+30*time.Minute), day.Add(4*time.Hour))
	if visits, _ := h.committed(); len(visits["a"]) != 10 || slices.Contains(visits["a"], 3) {
		t.Errorf("the visits are %v", visits["a"])
	}
}

func TestARefusedParentStopsNoOtherAndIsTold(t *testing.T) {
	for _, status := range []int{http.StatusNotFound, http.StatusBadRequest, http.StatusForbidden, http.StatusInternalServerError} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			h := newHome(t)
			gone := &meeting{id: "gone", changed: day.Add(time.Hour), ends: day.Add(2 * time.Hour), visits: visitsFrom(day, time.Minute, 25), status: status}
			h.model.meetings = []*meeting{gone}
			for i := range 3 {
				h.model.meetings = append(h.model.meetings, &meeting{
					id: fmt.Sprint("m", i), changed: day.Add(time.Hour), ends: day.Add(time.Duration(i) * time.Hour), visits: visitsFrom(day, time.Minute, 25),
				})
			}
			h.execute("meetings", day.Add(3*time.Hour))
			answer := h.execute("visits", day.Add(3*time.Hour))
			i := slices.IndexFunc(answer.Findings, func(f telemetry.Finding) bool { return f.Kind == telemetry.ParentUnreadable })
			if answer.Unreadable != 1 || i < 0 || answer.Findings[i].Numbers["parents"] != 1 || !strings.Contains(answer.Findings[i].Message, fmt.Sprint(status)) {
				t.Errorf("the answer is %+v", answer)
			}
			h.check()
			// It is tried again as it would be read again, and no more often.
			h.play(day.Add(3*time.Hour), day.Add(9*time.Hour))
			if asked := h.model.asked["gone"]; asked < 2 || asked > 6 {
				t.Errorf("it was asked for %d times", asked)
			}
			gone.status = 0
			h.play(day.Add(9*time.Hour), day.Add(15*time.Hour))
			h.check()
		})
	}
}

// TestAParentRefusedAtItsLastReadingIsTriedAgain has the vendor fail for one parent just when it is due for the last time.
func TestAParentRefusedAtItsLastReadingIsTriedAgain(t *testing.T) {
	h := newHome(t)
	ends := day.Add(2 * time.Hour)
	last := ends.Add(48*time.Hour + 10*time.Minute)
	m := &meeting{id: "a", changed: day, ends: ends, visits: append(visitsFrom(day, time.Minute, 5), last.Add(-time.Minute))}
	other := &meeting{id: "b", changed: day, ends: ends}
	h.model.meetings = []*meeting{m, other}
	h.play(day, last.Add(-20*time.Minute))
	m.status = http.StatusInternalServerError
	h.execute("visits", last.Add(10*time.Minute))
	m.status = 0
	h.play(last.Add(2*time.Hour), last.Add(20*time.Hour))
	h.check()
}

// TestParentsAreReadAfterTheVendorWasDown has the vendor down for longer than a parent is read for: what it failed with says nothing of
// the parents.
func TestParentsAreReadAfterTheVendorWasDown(t *testing.T) {
	ends := day.Add(2 * time.Hour)
	last := ends.Add(48*time.Hour + 10*time.Minute)
	over := last.Add(24 * time.Hour)
	tests := []struct {
		name string
		// The vendor is down from one time to another, and the schedule goes on from a third.
		from, to, back time.Time
	}{
		{"from before their end until they are over", ends.Add(-time.Hour), over.Add(30 * time.Hour), over.Add(30 * time.Hour)},
		{"from before their last reading until they are over", last.Add(-time.Hour), over.Add(30 * time.Hour), over.Add(30 * time.Hour)},
		{"for days more", ends.Add(-time.Hour), over.Add(6 * 24 * time.Hour), over.Add(6 * 24 * time.Hour)},
		{"at their last reading, and then the schedule is", last, last.Add(time.Hour), over.Add(20 * 24 * time.Hour)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHome(t)
			for i := range 4 {
				h.model.meetings = append(h.model.meetings, &meeting{
					id: fmt.Sprint("m", i), changed: day, ends: ends, visits: visitsFrom(day, time.Hour, 51),
				})
			}
			h.play(day, test.from.Add(-time.Minute))
			h.answer(http.StatusServiceUnavailable)
			for now := test.from; now.Before(test.to); now = now.Add(30 * time.Minute) {
				h.execute("meetings", now)
				if _, err := h.invoke("visits", now); err != nil && !errors.Is(err, vendorapi.ErrUnavailable) {
					t.Fatal(err)
				}
			}
			h.answer(0)
			h.play(test.back, test.back.Add(25*time.Hour))
			if commits := h.check(); len(commits) != 4 {
				t.Errorf("%d parents have a commit, want 4", len(commits))
			}
		})
	}
}

// TestAParentThatIsNeverGivenIsGivenUp has the vendor give all parents but one: a refusal is the vendor's word, a failure may be one of
// the vendor's own.
func TestAParentThatIsNeverGivenIsGivenUp(t *testing.T) {
	tests := []struct {
		name        string
		status      int
		least, most int
	}{
		{"it is refused", http.StatusNotFound, 0, 0},
		{"the vendor fails", http.StatusInternalServerError, 7, 9},
		{"the answer is not as described", http.StatusOK, 7, 9},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHome(t)
			ends := day.Add(2 * time.Hour)
			h.model.meetings = []*meeting{
				{id: "a", changed: day, ends: ends, status: test.status},
				{id: "b", changed: day, ends: ends, visits: visitsFrom(day, time.Hour, 48)},
			}
			over := ends.Add(48*time.Hour + 10*time.Minute + 24*time.Hour)
			h.play(day, over)
			asked := h.model.asked["a"]
			h.play(over, over.Add(9*24*time.Hour))
			if more := h.model.asked["a"] - asked; more < test.least || more > test.most {
				t.Errorf("%d requests since it was over, want %d to %d", more, test.least, test.most)
			}
			roster, err := h.zone("visits").Roster(context.Background())
			if err != nil || len(roster.Parents) != 0 {
				t.Errorf("the roster holds %+v, %v", roster.Parents, err)
			}
			h.check()
		})
	}
}

func TestRejectedCredentialsFailTheStream(t *testing.T) {
	tests := []struct {
		name     string
		status   int
		meetings int
		want     error
	}{
		{"401 of one", http.StatusUnauthorized, 1, vendorapi.ErrRefused},
		{"401 of several", http.StatusUnauthorized, 3, vendorapi.ErrRefused},
		{"403 of all", http.StatusForbidden, 3, vendorapi.ErrRefused},
		{"500 of all", http.StatusInternalServerError, 3, vendorapi.ErrUnavailable},
		{"500 of one alone", http.StatusInternalServerError, 1, vendorapi.ErrUnavailable},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHome(t)
			for i := range test.meetings {
				h.model.meetings = append(h.model.meetings, &meeting{id: fmt.Sprint(i), changed: day, ends: day, status: test.status})
			}
			h.execute("meetings", day.Add(time.Hour))
			_, err := h.invoke("visits", day.Add(time.Hour))
			var request *vendorapi.RequestError
			if !errors.Is(err, test.want) || !errors.As(err, &request) || request.Status != test.status || request.Parent == "" {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestALargeParentSpreadsOverInvocations(t *testing.T) {
	h := newHome(t)
	h.partBytes = 1 << 8
	h.timeout = 10 * time.Second
	h.model.meetings = []*meeting{
		{id: "large", changed: day, ends: day, visits: visitsFrom(day, 0, 2000)},
		{id: "small", changed: day, ends: day, visits: visitsFrom(day, 0, 20)},
	}
	h.execute("meetings", day.Add(time.Hour))
	invocations := h.invocations
	h.execute("visits", day.Add(time.Hour))
	if h.invocations-invocations < 3 {
		t.Errorf("it took %d invocations", h.invocations-invocations)
	}
	commits := h.check()["large"]
	if commits[0].Resumes == 0 || commits[0].Attempt != 1 {
		t.Errorf("the commit is %+v", commits[0])
	}
	if asked := h.model.asked["large"]; asked > 210 {
		t.Errorf("%d requests for 200 pages", asked)
	}
}

// TestAParentThatChangesInTheMidstOfItsReadingIsBegunAgain has one invocation store parts with the old topic, and the next know
// the new one.
func TestAParentThatChangesInTheMidstOfItsReadingIsBegunAgain(t *testing.T) {
	h := newHome(t)
	h.partBytes = 1 << 8
	m := &meeting{id: "large", changed: day, ends: day, visits: visitsFrom(day, 0, 500)}
	h.model.meetings = []*meeting{m}
	h.execute("meetings", day.Add(time.Hour))
	h.timeout = 3 * time.Second
	if answer, err := h.invoke("visits", day.Add(time.Hour)); err != nil || !answer.More {
		t.Fatalf("%v, the answer is %+v, want more", err, answer)
	}
	h.timeout = 15 * time.Minute
	m.renamed, m.changed = " again", day.Add(time.Hour)
	h.execute("meetings", day.Add(2*time.Hour))
	h.execute("visits", day.Add(2*time.Hour))
	h.check()
}

func TestATokenThatExpiresInMidParentStartsItAgain(t *testing.T) {
	h := newHome(t)
	h.model.meetings = []*meeting{{id: "a", changed: day, ends: day, visits: visitsFrom(day, 0, 45)}}
	h.execute("meetings", day.Add(time.Hour))
	expired := false
	h.model.expire = func(int) bool {
		again := !expired && h.model.asked["a"] == 3
		expired = expired || again
		return again
	}
	h.execute("visits", day.Add(time.Hour))
	if commits := h.check()["a"]; commits[0].Attempt != 2 || !commits[0].Settled {
		t.Errorf("the commit is %+v", commits[0])
	}
}

func TestALostRosterIsMadeAgain(t *testing.T) {
	for _, lose := range []struct {
		name string
		lose func(*objectstoretest.Store)
	}{
		{"lost", func(s *objectstoretest.Store) { s.Remove("raw", "model/visits/roster.json") }},
		{"damaged", func(s *objectstoretest.Store) { s.Set("raw", "model/visits/roster.json", []byte(`{"parents":`)) }},
		{"lost with the audit", func(s *objectstoretest.Store) {
			s.Remove("raw", "model/visits/roster.json")
			s.Remove("raw", "model/visits/audit.json")
		}},
	} {
		t.Run(lose.name, func(t *testing.T) {
			h := newHome(t)
			for i := range 4 {
				h.model.meetings = append(h.model.meetings, &meeting{
					id: fmt.Sprint("m", i), changed: day.Add(time.Hour), ends: day.Add(6 * time.Hour), visits: visitsFrom(day.Add(5*time.Hour), 10*time.Minute, 40),
				})
			}
			// Its meeting is known for longer than anybody looks back.
			h.model.meetings = append(h.model.meetings, &meeting{
				id: "late", changed: day.Add(time.Hour), ends: day.Add(150 * time.Hour), visits: visitsFrom(day.Add(140*time.Hour), time.Hour, 20),
			})
			h.play(day, day.Add(8*time.Hour))
			lose.lose(h.store)
			h.play(day.Add(8*time.Hour+30*time.Minute), day.Add(100*time.Hour))
			lose.lose(h.store)
			h.play(day.Add(100*time.Hour+30*time.Minute), day.Add(200*time.Hour))
			h.check()
		})
	}
}

// TestALateParentOfALongWindowIsRead has a vendor be away for three days, and show a meeting late that lies at their beginning.
func TestALateParentOfALongWindowIsRead(t *testing.T) {
	h := newHome(t)
	h.vendor.Streams[0].Total = vendorapi.Total{Path: "total"}
	h.play(day, day.Add(time.Hour))
	back := day.Add(73 * time.Hour)
	h.play(back, back.Add(time.Hour))
	ends := day.Add(150 * time.Hour)
	h.model.meetings = []*meeting{{id: "late", changed: day.Add(2 * time.Hour), ends: ends, visits: visitsFrom(ends, time.Minute, 20)}}
	h.play(back.Add(90*time.Minute), ends.Add(50*time.Hour))
	if commits := h.check(); len(commits["late"]) != 1 {
		t.Error("it was not read")
	}
}

// TestAParentFoundAfterAnOutageIsRead has a meeting show late while nothing runs, and the children's run come before that of
// their parents when all goes on.
func TestAParentFoundAfterAnOutageIsRead(t *testing.T) {
	h := newHome(t)
	play := func(from, to time.Time) {
		for now := from; now.Before(to); now = now.Add(time.Hour) {
			h.execute("visits", now)
			h.execute("meetings", now)
		}
	}
	play(day, day.Add(3*time.Hour))
	ends := day.Add(150 * time.Hour)
	h.model.meetings = []*meeting{{id: "late", changed: day, ends: ends, visits: visitsFrom(ends, time.Minute, 20)}}
	play(day.Add(90*time.Hour), ends.Add(50*time.Hour))
	if commits := h.check(); len(commits["late"]) != 1 {
		t.Error("it was not read")
	}
}

func TestARosterOfANewerReleaseStopsTheRun(t *testing.T) {
	h := newHome(t)
	h.store.Set("raw", "model/visits/roster.json", []byte(`{"format":99}`))
	if _, err := h.invoke("visits", day); !errors.Is(err, rawzone.ErrNewerFormat) {
		t.Errorf("got %v", err)
	}
}

func TestThePastOfAChildStream(t *testing.T) {
	h := newHome(t)
	h.partBytes = 1 << 8
	past := ingest.Past{Start: day.Add(-12 * 24 * time.Hour), End: day.Add(-2 * 24 * time.Hour), Lanes: 3}
	for i := range 20 {
		ends := past.Start.Add(time.Duration(i) * 13 * time.Hour)
		h.model.meetings = append(h.model.meetings, &meeting{id: fmt.Sprint("m", i), changed: ends, ends: ends, visits: visitsFrom(ends, time.Minute, 10*i)})
	}
	h.model.meetings[7].status = http.StatusNotFound
	h.play(day, day.Add(time.Hour))
	now := day.Add(2 * time.Hour)

	findings := h.backfill("visits", past, now)
	if i := slices.IndexFunc(findings, func(f telemetry.Finding) bool { return f.Kind == telemetry.RangeUnread }); i < 0 || !strings.Contains(findings[i].Message, "stream meetings, whose records are the parents") {
		t.Errorf("nothing tells that the parents are missing: %+v", findings)
	}
	h.backfill("meetings", past, now)
	h.timeout = 3 * time.Second
	before := h.invocations
	findings = h.backfill("visits", past, now.Add(time.Hour))
	if len(findings) != 1 || findings[0].Kind != telemetry.RangeUnread || !strings.Contains(findings[0].Message, "404") {
		t.Errorf("the findings are %+v, want that of the parent that answers 404", findings)
	}
	if h.invocations-before < 6 {
		t.Errorf("%d invocations: it was not gone on with", h.invocations-before)
	}
	h.timeout = 15 * time.Minute
	visits, _ := h.committed()
	for i, m := range h.model.meetings {
		in := m.ends.Before(past.End) && m.status == 0
		if got := len(visits[m.id]); in && got != 10*i || !in && got != 0 {
			t.Errorf("meeting %d (in the range: %v) has %d visits of %d", i, in, got, 10*i)
		}
	}
	// They are read again as the range is, once in an execution.
	asked := h.model.asked["m3"]
	h.model.meetings[3].visits = append(h.model.meetings[3].visits, day)
	h.backfill("visits", past, now.Add(2*time.Hour))
	h.backfill("visits", past, now.Add(2*time.Hour))
	if visits, _ := h.committed(); len(visits["m3"]) != 31 || h.model.asked["m3"] != asked+4 {
		t.Errorf("%d visits after %d requests, want 31 after 4", len(visits["m3"]), h.model.asked["m3"]-asked)
	}
}

// TestAParentOfThePastThatIsYetToComeIsReadInTime has a backfill find a meeting that was planned long ago.
func TestAParentOfThePastThatIsYetToComeIsReadInTime(t *testing.T) {
	h := newHome(t)
	ends := day.Add(24 * time.Hour)
	h.model.meetings = []*meeting{{id: "a", changed: day.Add(-6 * 24 * time.Hour), ends: ends, visits: visitsFrom(ends, time.Minute, 20)}}
	h.play(day, day.Add(time.Hour))
	past := ingest.Past{Start: day.Add(-7 * 24 * time.Hour), End: day.Add(-5 * 24 * time.Hour), Lanes: 2}
	h.backfill("meetings", past, day.Add(2*time.Hour))
	h.backfill("visits", past, day.Add(2*time.Hour))
	h.play(day.Add(3*time.Hour), ends.Add(50*time.Hour))
	if commits := h.check(); len(commits["a"]) != 1 {
		t.Error("it was not read")
	}
}

// TestAListingIsStoredWhereItChanges has the parents listed, whatever their time.
func TestAListingIsStoredWhereItChanges(t *testing.T) {
	h := newHome(t)
	s := &h.vendor.Streams[0]
	s.Path, s.Window, s.Lookback = "/planned", vendorapi.Window{Listing: &vendorapi.Listing{}}, 0
	h.model.meetings = []*meeting{{id: "a", changed: day.Add(-time.Hour), ends: day.Add(30 * time.Hour), visits: visitsFrom(day, time.Hour, 60)}}
	h.play(day, day.Add(10*time.Hour))
	h.model.meetings = append(h.model.meetings, &meeting{id: "b", changed: day.Add(10 * time.Hour), ends: day.Add(20 * time.Hour), visits: visitsFrom(day, time.Hour, 60)})
	h.play(day.Add(10*time.Hour+30*time.Minute), day.Add(24*time.Hour))
	var with []string
	var same time.Time
	zone := h.zone("meetings")
	commits := 0
	for ref, err := range zone.Commits(context.Background(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		commit, _, err := zone.Commit(context.Background(), ref)
		if err != nil {
			t.Fatal(err)
		}
		commits++
		if commit.Same.IsZero() {
			with = append(with, fmt.Sprintf("%s: %d records", ref.Name, commit.Records))
			same = commit.Start
		} else if !commit.Same.Equal(same) || commit.Records != 0 || len(commit.Parts) != 0 || !commit.Settled {
			t.Errorf("commit %s: %+v", ref.Name, commit)
		}
	}
	if len(with) != 2 || commits < 40 {
		t.Errorf("%d commits, with records %q: want the first and the one with the second meeting", commits, with)
	}
	// All that is known of the parents is lost while the listing stays as it is.
	h.store.Remove("raw", "model/visits/roster.json")
	h.play(day.Add(24*time.Hour+30*time.Minute), day.Add(85*time.Hour))
	h.check()
}

// TestWhatWasListedIsKept has a range of a listing read again when what it listed has begun.
func TestWhatWasListedIsKept(t *testing.T) {
	h := newHome(t)
	s := &h.vendor.Streams[0]
	s.Path, s.Window, s.Lookback = "/planned", vendorapi.Window{Listing: &vendorapi.Listing{}}, 0
	h.model.meetings = []*meeting{{id: "a", changed: day.Add(-time.Hour), ends: day.Add(5 * time.Hour), begun: day.Add(4 * time.Hour)}}
	h.play(day, day.Add(10*time.Hour))
	records := func() (n int64) {
		zone := h.zone("meetings")
		for ref, err := range zone.Commits(context.Background(), time.Time{}) {
			if err != nil {
				t.Fatal(err)
			}
			commit, _, err := zone.Commit(context.Background(), ref)
			if err != nil {
				t.Fatal(err)
			}
			n += commit.Records
		}
		return n
	}
	before := records()
	h.backfill("meetings", ingest.Past{Start: day.Add(-30 * time.Hour), End: day.Add(6 * time.Hour), Lanes: 1}, day.Add(11*time.Hour))
	if after := records(); before == 0 || after < before {
		t.Errorf("%d records were listed, %d are left", before, after)
	}
}

// TestNothingOfAParentIsLostOrDoubled kills runs anywhere and has others run in their midst.
func TestNothingOfAParentIsLostOrDoubled(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHome(rt)
		h.partBytes = int64(rapid.SampledFrom([]int{1, 100, 1 << 20}).Draw(rt, "partBytes"))
		h.timeout = rapid.SampledFrom([]time.Duration{5 * time.Second, 20 * time.Second, 15 * time.Minute}).Draw(rt, "timeout")
		for i := range rapid.IntRange(1, 4).Draw(rt, "meetings") {
			ends := day.Add(time.Duration(rapid.IntRange(-2, 60).Draw(rt, "ends")) * time.Hour)
			h.model.meetings = append(h.model.meetings, &meeting{
				id: fmt.Sprint("m", i), changed: day.Add(time.Duration(rapid.IntRange(-10, 8).Draw(rt, "changed")) * time.Hour), ends: ends,
				visits: visitsFrom(ends.Add(-time.Duration(rapid.IntRange(0, 60).Draw(rt, "before"))*time.Hour), time.Duration(rapid.IntRange(0, 60).Draw(rt, "step"))*time.Minute, rapid.IntRange(0, 60).Draw(rt, "visits")),
			})
		}
		disturbed := func(stream string, now time.Time) {
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0:
				h.store.CrashAt(rapid.IntRange(1, 25).Draw(rt, "at"), rapid.Bool().Draw(rt, "afterEffect"))
			case 1:
				left := rapid.IntRange(1, 25).Draw(rt, "at")
				h.store.Before = func(objectstoretest.Call) error {
					if left--; left == 0 {
						h.store.Before = nil
						if _, err := h.invoke(stream, now); err != nil && !errors.Is(err, vendorapi.ErrDeadline) {
							rt.Fatal(err)
						}
					}
					return nil
				}
			case 2:
				h.store.Remove("raw", "model/visits/"+rapid.SampledFrom([]string{"roster.json", "audit.json"}).Draw(rt, "lose"))
			}
			_, err := h.invoke(stream, now)
			h.store.Revive()
			if err != nil && !errors.Is(err, objectstoretest.ErrCrash) && !errors.Is(err, vendorapi.ErrDeadline) {
				rt.Fatal(err)
			}
		}
		now := day
		for range rapid.IntRange(1, 40).Draw(rt, "runs") {
			now = now.Add(time.Duration(rapid.IntRange(1, 8).Draw(rt, "halfHours")) * 30 * time.Minute)
			if rapid.IntRange(0, 7).Draw(rt, "moves") == 0 {
				m := rapid.SampledFrom(h.model.meetings).Draw(rt, "meeting")
				if later := m.ends.Add(time.Duration(rapid.IntRange(-5, 20).Draw(rt, "by")) * time.Hour); later.After(now.Add(-20 * time.Hour)) {
					m.changed, m.ends = now, later
				}
			}
			disturbed("meetings", now)
			disturbed("visits", now)
		}
		h.timeout = 15 * time.Minute
		for until := later(now, day.Add(80*time.Hour)).Add(80 * time.Hour); now.Before(until); now = now.Add(4 * time.Hour) {
			h.play(now, now)
		}
		h.check()
	})
}

// TestAParentFoundWhileTheirStreamCatchesUpIsRead has the children's run fall between the parent stream's way forward after an outage
// and its comparing what was due meanwhile.
func TestAParentFoundWhileTheirStreamCatchesUpIsRead(t *testing.T) {
	h := newHome(t)
	h.vendor.Streams[0].Window.LongestSpan = vendorapi.Duration(4 * time.Hour)
	h.model.meetings = []*meeting{{id: "early", changed: day, ends: day}}
	h.play(day, day.Add(3*time.Hour))
	ends := day.Add(150 * time.Hour)
	h.model.meetings = append(h.model.meetings, &meeting{id: "late", changed: day, ends: ends, visits: visitsFrom(ends, time.Minute, 20)})
	back := day.Add(120 * time.Hour)
	h.timeout, h.model.perPage = 7*time.Minute, 10*time.Second
	for range 1000 {
		answer, err := h.invoke("meetings", back)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(answer.Watermark, answer.Windows, answer.Reread, answer.More)
		h.execute("visits", back)
		if !answer.More {
			break
		}
	}
	h.play(back.Add(30*time.Minute), ends.Add(50*time.Hour))
	if commits := h.check(); len(commits["late"]) != 1 {
		t.Error("it was not read")
	}
}
