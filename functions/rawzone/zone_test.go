package rawzone_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/window"
)

var (
	ctx   = context.Background()
	start = time.Date(2026, 3, 10, 17, 0, 0, 0, time.UTC)
)

func newZone() (*objectstoretest.Store, rawzone.Zone) {
	store := objectstoretest.New()
	return store, rawzone.Zone{Bucket: store.Bucket("raw"), Vendor: "on24", Stream: "attendees"}
}

func commitAt(start time.Time, run string) *rawzone.Commit {
	return &rawzone.Commit{Start: start, End: start.Add(30 * time.Minute), Generation: 1, Attempt: 1, Settled: true, Run: run}
}

func TestTwoFirstStartsAgreeOnOneGenesis(t *testing.T) {
	store, zone := newZone()
	// Another run puts its genesis between this one's look and its put.
	store.Before = func(c objectstoretest.Call) error {
		if c.Operation == objectstoretest.Put {
			store.Set("raw", "on24/attendees/genesis.json", []byte(`{"format":1,"start":"2026-03-09T00:00:00Z","run":"first"}`))
		}
		return nil
	}
	genesis, err := zone.Genesis(ctx, rawzone.Genesis{Start: start, Run: "second"})
	if err != nil || genesis.Run != "first" || !genesis.Start.Equal(time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("got %+v, %v, want the first run's", genesis, err)
	}
}

func TestGenesisIsKept(t *testing.T) {
	_, zone := newZone()
	for _, run := range []string{"first", "second"} {
		genesis, err := zone.Genesis(ctx, rawzone.Genesis{Start: start, Run: run})
		if err != nil || genesis.Run != "first" || genesis.Format != 1 {
			t.Errorf("%s: got %+v, %v", run, genesis, err)
		}
	}
}

func TestOneOfTwoCommitsWins(t *testing.T) {
	_, zone := newZone()
	if _, err := zone.Put(ctx, commitAt(start, "a"), ""); err != nil {
		t.Fatal(err)
	}
	_, err := zone.Put(ctx, commitAt(start, "b"), "")
	if !errors.Is(err, rawzone.ErrLost) {
		t.Errorf("got %v, want ErrLost", err)
	}
	newest, _, err := zone.Newest(ctx, start)
	if err != nil || newest.Run != "a" {
		t.Errorf("newest is %+v, %v", newest, err)
	}
}

func TestManyCommittersHaveOneWinner(t *testing.T) {
	_, zone := newZone()
	var wins, losses int
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			_, err := zone.Put(ctx, commitAt(start, fmt.Sprint("run", i)), "")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				wins++
			case errors.Is(err, rawzone.ErrLost):
				losses++
			}
		})
	}
	all.Wait()
	if wins != 1 || losses != 15 {
		t.Errorf("%d won and %d lost", wins, losses)
	}
}

func TestACommitWhoseAnswerWasLostIsNoLoss(t *testing.T) {
	store, zone := newZone()
	first := true
	store.After = func(c objectstoretest.Call) error {
		if c.Operation == objectstoretest.Put && first {
			first = false
			return objectstoretest.Failure(http.StatusConflict, "ConditionalRequestConflict")
		}
		return nil
	}
	etag, err := zone.Put(ctx, commitAt(start, "a"), "")
	if err != nil || etag == "" {
		t.Errorf("got %q, %v, want its own commit's ETag", etag, err)
	}
}

func TestNewest(t *testing.T) {
	tests := []struct {
		name     string
		ages     []time.Duration // of the commits, before now
		requests int
	}{
		{"no commit", nil, 3},
		{"of today", []time.Duration{90 * time.Minute, time.Hour, 30 * time.Minute}, 2},
		{"of last week", []time.Duration{10 * 24 * time.Hour, 9 * 24 * time.Hour}, 3},
		{"of last year", []time.Duration{400 * 24 * time.Hour}, 4},
		{"ahead of now", []time.Duration{time.Hour, -time.Hour}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			store, zone := newZone()
			store.PageSize = 1000
			for _, age := range test.ages {
				if _, err := zone.Put(ctx, commitAt(start.Add(-age), "a"), ""); err != nil {
					t.Fatal(err)
				}
			}
			store.ResetCalls()
			newest, etag, err := zone.Newest(ctx, start)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(store.Calls()); got != test.requests {
				t.Errorf("%d requests, want %d", got, test.requests)
			}
			if len(test.ages) == 0 {
				if newest != nil {
					t.Errorf("got %+v of no commits", newest)
				}
				return
			}
			if want := start.Add(-test.ages[len(test.ages)-1]); !newest.Start.Equal(want) || etag == "" {
				t.Errorf("got the one of %s, want %s", newest.Start, want)
			}
		})
	}
}

func TestCommitsFrom(t *testing.T) {
	store, zone := newZone()
	store.PageSize = 2
	for i := range 6 {
		if _, err := zone.Put(ctx, commitAt(start.Add(time.Duration(i)*30*time.Minute), "a"), ""); err != nil {
			t.Fatal(err)
		}
	}
	store.Set("raw", "on24/attendees/commits/notes.txt", nil)
	var names []string
	for ref, err := range zone.Commits(ctx, start.Add(time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, ref.Name)
	}
	want := []string{"20260310T180000Z", "20260310T183000Z", "20260310T190000Z", "20260310T193000Z"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestANewerFormatStops(t *testing.T) {
	store, zone := newZone()
	store.Set("raw", "on24/attendees/genesis.json", []byte(`{"format":99,"start":{"unknown":"form"}}`))
	if _, err := zone.Genesis(ctx, rawzone.Genesis{}); !errors.Is(err, rawzone.ErrNewerFormat) {
		t.Errorf("genesis: %v", err)
	}
	store.Set("raw", "on24/attendees/commits/20260310T170000Z.json", []byte(`{"format":99}`))
	if _, _, err := zone.Newest(ctx, start); !errors.Is(err, rawzone.ErrNewerFormat) {
		t.Errorf("commit: %v", err)
	}
}

func TestACommitThatIsNotItsName(t *testing.T) {
	store, zone := newZone()
	body, _ := json.Marshal(commitAt(start.Add(time.Hour), "a"))
	store.Set("raw", "on24/attendees/commits/20260310T170000Z.json", body)
	_, _, err := zone.Newest(ctx, start)
	if err == nil || !strings.Contains(err.Error(), "20260310T170000Z") {
		t.Errorf("got %v, want an error that names the commit", err)
	}
}

// storeParts stores parts of the pages given, two numbers each, with one record a page.
func storeParts(t *testing.T, zone rawzone.Zone, attempt rawzone.Attempt, run string, pages ...int) rawzone.Attempt {
	t.Helper()
	if first := pages[0]; first > 1 {
		attempt = takenUp(t, attempt, first-1)
	}
	buffer := rawzone.NewBuffer(1 << 10)
	buffer.Reset()
	for i := 0; i < len(pages); i += 2 {
		for page := pages[i]; page <= pages[i+1]; page++ {
			buffer.Page(page)
			buffer.Add(fmt.Appendf(nil, `{"page":%d,"run":%q}`, page, run))
		}
		attempt.Next = nextAfter(pages[i+1])
		if err := zone.Store(ctx, &attempt, buffer, run); err != nil {
			t.Fatal(err)
		}
	}
	return attempt
}

func nextAfter(page int) string { return fmt.Sprintf(`{"page":%d}`, page+1) }

// takenUp returns attempt as a run has it that takes it up after a page, with the part before in a bucket of
// its own.
func takenUp(t *testing.T, attempt rawzone.Attempt, page int) rawzone.Attempt {
	t.Helper()
	_, zone := newZone()
	if attempt.Next == "" {
		attempt.Next = nextAfter(page)
	}
	buffer := rawzone.NewBuffer(1 << 10)
	buffer.Reset()
	buffer.Page(page)
	if err := zone.Store(ctx, &attempt, buffer, "x"); err != nil {
		t.Fatal(err)
	}
	return attempt
}

func TestResumable(t *testing.T) {
	half := rawzone.Attempt{
		Window: window.Window{Start: start, End: start.Add(30 * time.Minute)},
		Number: 1, Request: "r1", Announced: 500, Backoffs: 2,
	}
	with := func(change func(*rawzone.Attempt)) rawzone.Attempt {
		changed := half
		change(&changed)
		return changed
	}
	second := with(func(a *rawzone.Attempt) { a.Number, a.Moved = 2, 1 })
	quarter := with(func(a *rawzone.Attempt) { a.Window.End = start.Add(15 * time.Minute) })
	moved := with(func(a *rawzone.Attempt) { a.Announced = 501 })
	otherRequest := with(func(a *rawzone.Attempt) { a.Request = "r2" })

	elsewhere := with(func(a *rawzone.Attempt) { a.Next = "elsewhere" })

	type put struct {
		attempt rawzone.Attempt
		run     string
		pages   []int // an attempt with a Next has got to the first of them by that
	}
	tests := []struct {
		name    string
		puts    []put
		attempt int
		end     time.Time
		pages   int
		runs    string // of the records, in order
	}{
		{"nothing stored", nil, 0, time.Time{}, 0, ""},
		{"one run's chain", []put{{half, "a", []int{1, 2, 3, 3}}}, 1, half.Window.End, 3, "aaa"},
		{"a chain by two runs", []put{{half, "a", []int{1, 2}}, {half, "b", []int{3, 4}}}, 1, half.Window.End, 4, "aabb"},
		{"a gap ends it", []put{{half, "a", []int{1, 2}}, {half, "b", []int{4, 5}}}, 1, half.Window.End, 2, "aa"},
		{"the longest from a page on", []put{{half, "a", []int{1, 1}}, {half, "b", []int{1, 3}}}, 1, half.Window.End, 3, "bbb"},
		{"parts that overlap are not joined", []put{{half, "a", []int{1, 3}}, {half, "b", []int{2, 5}}}, 1, half.Window.End, 3, "aaa"},
		{"another total is not joined", []put{{half, "a", []int{1, 2}}, {moved, "b", []int{3, 4}}}, 1, half.Window.End, 2, "aa"},
		{"another request is not joined", []put{{half, "a", []int{1, 2}}, {otherRequest, "b", []int{3, 4}}}, 1, half.Window.End, 2, "aa"},
		{"the newest attempt counts", []put{{half, "a", []int{1, 9}}, {second, "b", []int{1, 2}}}, 2, half.Window.End, 2, "bb"},
		{"attempts do not mix", []put{{half, "a", []int{3, 9}}, {second, "b", []int{1, 2}}}, 2, half.Window.End, 2, "bb"},
		{"the window that got furthest", []put{{half, "a", []int{1, 2}}, {quarter, "b", []int{1, 3}}}, 1, quarter.Window.End, 3, "bbb"},
		{"what follows another page than the last is not joined", []put{{half, "a", []int{1, 2}}, {elsewhere, "b", []int{3, 4}}}, 1, half.Window.End, 2, "aa"},
		{"no first page", []put{{half, "a", []int{2, 3}}}, 1, time.Time{}, 0, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, zone := newZone()
			for _, put := range test.puts {
				storeParts(t, zone, put.attempt, put.run, put.pages...)
			}
			got, err := zone.Resumable(ctx, start, rawzone.Resuming{})
			if err != nil {
				t.Fatal(err)
			}
			if got.Number != test.attempt || got.Pages() != test.pages || !got.Window.End.Equal(test.end) {
				t.Fatalf("got attempt %d, %d pages of %s; want attempt %d, %d pages up to %s",
					got.Number, got.Pages(), got.Window, test.attempt, test.pages, test.end)
			}
			var runs, held strings.Builder
			for _, part := range got.Parts {
				reader, err := zone.OpenPart(ctx, part)
				if err != nil {
					t.Fatal(err)
				}
				records, err := io.ReadAll(reader)
				reader.Close()
				if err != nil {
					t.Fatal(err)
				}
				held.Write(records)
				for line := range strings.Lines(string(records)) {
					var record struct{ Run string }
					if err := json.Unmarshal([]byte(line), &record); err != nil {
						t.Fatal(err)
					}
					runs.WriteString(record.Run)
				}
			}
			if runs.String() != test.runs {
				t.Errorf("records of runs %q, want %q", runs.String(), test.runs)
			}
			if test.pages > 0 {
				if want := fmt.Sprintf(`{"page":%d}`, test.pages+1); got.Next != want || got.Complete {
					t.Errorf("goes on with %q (complete %v), want %q", got.Next, got.Complete, want)
				}
				buffer := rawzone.NewBuffer(0)
				for line := range strings.Lines(held.String()) {
					buffer.Add([]byte(strings.TrimSuffix(line, "\n")))
				}
				if want := (&rawzone.Attempt{}).Digest(buffer); got.Digest(rawzone.NewBuffer(0)) != want {
					t.Errorf("the digest is %s, want that of the records held, %s", got.Digest(rawzone.NewBuffer(0)), want)
				}
				if got.Backoffs != 2 || got.Records() != int64(test.pages) {
					t.Errorf("got %+v", got)
				}
			}
		})
	}
}

func TestResumableReadingsOfACommittedWindow(t *testing.T) {
	first := rawzone.Attempt{Window: window.Window{Start: start, End: start.Add(30 * time.Minute)}, Number: 1, Request: "r", Begun: start.Add(time.Hour)}
	again := first
	again.Number, again.Replaces, again.Begun = 2, "etag1", start.Add(2*time.Hour)
	later := again
	later.Number, later.Begun = 3, start.Add(3*time.Hour)
	store, zone := newZone()
	clock := start.Add(time.Hour)
	store.Now = func() time.Time { return clock }
	storeParts(t, zone, first, "a", 1, 2)
	storeParts(t, zone, again, "b", 1, 3)
	clock = clock.Add(10 * time.Hour)
	storeParts(t, zone, later, "c", 1, 1)
	for _, test := range []struct {
		name   string
		which  rawzone.Resuming
		number int
		pages  int
	}{
		{"a window without a commit", rawzone.Resuming{}, 3, 0},
		{"the newest reading", rawzone.Resuming{Replaces: "etag1", Above: 1}, 3, 1},
		{"of another commit", rawzone.Resuming{Replaces: "etag2", Above: 1}, 3, 0},
		{"begun since", rawzone.Resuming{Replaces: "etag1", Above: 1, Begun: start.Add(3 * time.Hour)}, 3, 1},
		{"begun too early", rawzone.Resuming{Replaces: "etag1", Above: 1, Begun: start.Add(4 * time.Hour)}, 3, 0},
		{"stored too long ago", rawzone.Resuming{Replaces: "etag1", Above: 1, Stored: clock.Add(time.Second)}, 3, 0},
		{"only what the commit names", rawzone.Resuming{Replaces: "etag1", Above: 3}, 3, 0},
	} {
		got, err := zone.Resumable(ctx, start, test.which)
		if err != nil || got.Number != test.number || got.Pages() != test.pages {
			t.Errorf("%s: attempt %d with %d pages, %v; want attempt %d with %d", test.name, got.Number, got.Pages(), err, test.number, test.pages)
		}
	}
}

func TestReplacingACommit(t *testing.T) {
	store, zone := newZone()
	first, err := zone.Put(ctx, commitAt(start, "a"), "")
	if err != nil {
		t.Fatal(err)
	}
	second, err := zone.Put(ctx, commitAt(start, "b"), first)
	if err != nil || second == first {
		t.Fatalf("got %s, %v", second, err)
	}
	if _, err := zone.Put(ctx, commitAt(start, "c"), first); !errors.Is(err, rawzone.ErrLost) {
		t.Errorf("a slower replacement: %v, want it lost", err)
	}
	// One's own, whose answer was lost.
	if etag, err := zone.Put(ctx, commitAt(start, "b"), first); err != nil || etag != second {
		t.Errorf("one's own again: %s, %v, want %s", etag, err, second)
	}
	store.Remove("raw", "on24/attendees/commits/"+rawzone.FormatTime(start)+".json")
	if _, err := zone.Put(ctx, commitAt(start, "d"), second); err == nil {
		t.Error("a commit that is gone is replaced")
	}
}

func TestAuditIsStoredWhereItIsStillTheOneRead(t *testing.T) {
	store, zone := newZone()
	mine, err := zone.Audit(ctx)
	if err != nil || mine.Format != 0 {
		t.Fatal(mine, err)
	}
	theirs := mine
	mine.Windows = []rawzone.Audited{{Start: start, End: start.Add(time.Hour), ETag: "e", Records: 3, ReadAt: start, Settled: true}}
	if stored, err := zone.PutAudit(ctx, &mine); err != nil || !stored {
		t.Fatal(stored, err)
	}
	if stored, err := zone.PutAudit(ctx, &theirs); err != nil || stored {
		t.Errorf("an audit that was read before is stored: %v, %v", stored, err)
	}
	read, err := zone.Audit(ctx)
	if err != nil || len(read.Windows) != 1 || read.Windows[0] != mine.Windows[0] {
		t.Errorf("got %+v, %v", read, err)
	}
	store.Set("raw", "on24/attendees/audit.json", []byte("damaged"))
	if read, err = zone.Audit(ctx); err != nil || read.Format != 0 {
		t.Errorf("a damaged audit reads as %+v, %v", read, err)
	}
	if stored, err := zone.PutAudit(ctx, &read); err != nil || !stored {
		t.Errorf("over a damaged audit: %v, %v", stored, err)
	}
}

func TestUpToWhereAnAuditTellsThatWindowsChangeNoMore(t *testing.T) {
	const lookback = 24 * time.Hour
	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
	read := func(hours int, readAt time.Time) rawzone.Audited {
		return rawzone.Audited{Start: at(hours), End: at(hours + 1), ReadAt: readAt, Settled: true}
	}
	done := func(hours int) rawzone.Audited { return read(hours, at(hours+1).Add(lookback)) }
	unsettled := done(1)
	unsettled.Settled = false
	newest := &rawzone.Newest{Start: at(9)}
	listed := at(40)
	tests := []struct {
		name  string
		audit rawzone.Audit
		from  int
		want  int
	}{
		{"all are done", rawzone.Audit{Listed: listed, Newest: newest, Windows: []rawzone.Audited{done(0), done(1), done(9)}}, 0, 9},
		{"none is remembered", rawzone.Audit{Listed: listed, Newest: newest}, 0, 9},
		{"one was last read before the lookback was over", rawzone.Audit{Listed: listed, Newest: newest, Windows: []rawzone.Audited{done(0), read(3, at(28).Add(-time.Second)), read(5, at(6))}}, 0, 3},
		{"one is unsettled", rawzone.Audit{Listed: listed, Newest: newest, Windows: []rawzone.Audited{done(0), unsettled, done(2)}}, 0, 1},
		{"the one where it begins is due", rawzone.Audit{Listed: listed, Newest: newest, Windows: []rawzone.Audited{read(0, at(1))}}, 0, 0},
		{"one before where it begins is due", rawzone.Audit{Listed: listed, Newest: newest, Windows: []rawzone.Audited{read(0, at(1)), done(3)}}, 2, 9},
		{"a backfill has handed one over that is newer", rawzone.Audit{Listed: listed, Newest: newest, Windows: []rawzone.Audited{read(12, at(13))}}, 0, 9},
		{"the newest is older than where it begins", rawzone.Audit{Listed: listed, Newest: newest}, 20, 20},
		{"not all were remembered", rawzone.Audit{Newest: newest, Windows: []rawzone.Audited{done(0)}}, 0, 0},
		{"the newest is not known", rawzone.Audit{Listed: listed, Windows: []rawzone.Audited{done(0)}}, 0, 0},
		{"it is lost", rawzone.Audit{}, 4, 4},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.audit.UnchangingUntil(at(test.from), lookback); !got.Equal(at(test.want)) {
				t.Errorf("got %s, want %s", got, at(test.want))
			}
		})
	}
}

func TestAPartWhoseAnswerWasLost(t *testing.T) {
	store, zone := newZone()
	store.After = func(c objectstoretest.Call) error {
		if c.Operation == objectstoretest.Put && c.Number == 1 {
			return objectstoretest.Failure(http.StatusConflict, "ConditionalRequestConflict")
		}
		return nil
	}
	attempt := storeParts(t, zone, rawzone.Attempt{Window: window.Window{Start: start, End: start.Add(time.Hour)}, Number: 1}, "a", 1, 2)
	if len(attempt.Parts) != 1 || attempt.Parts[0].ETag == "" {
		t.Errorf("got %+v", attempt.Parts)
	}
}

func TestAPartThatAnotherRunOfTheSameNameHasWritten(t *testing.T) {
	_, zone := newZone()
	attempt := rawzone.Attempt{Window: window.Window{Start: start, End: start.Add(time.Hour)}, Number: 1, Announced: 5}
	storeParts(t, zone, attempt, "a", 1, 2)
	buffer := rawzone.NewBuffer(1 << 10)
	buffer.Reset()
	buffer.Page(1)
	buffer.Add([]byte(`{"page":1}`))
	buffer.Page(2)
	if err := zone.Store(ctx, &attempt, buffer, "a"); err == nil || !strings.Contains(err.Error(), "no other run has") || len(attempt.Parts) != 0 {
		t.Errorf("got %v, want its own part not to be taken for the other one", err)
	}
}

// TestMetadataIsWithinTheLimit stores the longest of all values. S3 allows 2 KB of names and values.
func TestMetadataIsWithinTheLimit(t *testing.T) {
	store, zone := newZone()
	attempt := rawzone.Attempt{
		Window: window.Window{Start: start, End: start.Add(time.Hour)}, Number: 1 << 20, Request: strings.Repeat("f", 16),
		Announced: 1<<63 - 1, Total: 1<<63 - 1, Moved: 2, Backoffs: 100, Resumes: 1 << 20, Next: strings.Repeat("x", 1200),
	}
	for page := range 2 {
		buffer := rawzone.NewBuffer(1 << 10)
		buffer.Reset()
		buffer.Page(page + 1)
		if err := zone.Store(ctx, &attempt, buffer, "a"); err != nil {
			t.Fatal(err)
		}
	}
	object, err := store.Bucket("raw").Head(ctx, attempt.Parts[1].Key)
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for name, value := range object.Metadata {
		size += len("x-amz-meta-"+name) + len(value)
	}
	if size > 2048 {
		t.Errorf("%d bytes of metadata", size)
	}
}

func TestAPartThatIsNotTheCommittedOne(t *testing.T) {
	store, zone := newZone()
	attempt := storeParts(t, zone, rawzone.Attempt{Window: window.Window{Start: start, End: start.Add(time.Hour)}, Number: 1}, "a", 1, 2)
	part := attempt.Parts[0]
	store.Set("raw", part.Key, []byte("something else"))
	if _, err := zone.OpenPart(ctx, part); err == nil || !strings.Contains(err.Error(), part.ETag) {
		t.Errorf("got %v, want an error that names the ETag", err)
	}
}

func TestANextThatMetadataCannotHold(t *testing.T) {
	_, zone := newZone()
	buffer := rawzone.NewBuffer(1 << 10)
	buffer.Reset()
	buffer.Page(1)
	buffer.Add([]byte("{}"))
	attempt := rawzone.Attempt{Window: window.Window{Start: start, End: start.Add(time.Hour)}, Number: 1, Next: strings.Repeat("x", 2000)}
	if err := zone.Store(ctx, &attempt, buffer, "a"); err == nil || !strings.Contains(err.Error(), "metadata") {
		t.Errorf("got %v", err)
	}
}
