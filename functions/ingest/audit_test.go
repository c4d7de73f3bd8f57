package ingest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// moving makes the stream one whose records change, so that only another reading shows what the vendor has.
func moving(s *vendorapi.Stream) { s.Audit = vendorapi.AuditReread }

// schedule runs every half hour from one time up to and with another, and adds up the answers.
func (f *fixture) schedule(from, to time.Time) (sum ingest.Answer) {
	f.t.Helper()
	for now := from; !now.After(to); now = now.Add(30 * time.Minute) {
		for _, a := range f.execute(now) {
			sum.Windows += a.Windows
			sum.Reread += a.Reread
			sum.Replaced += a.Replaced
			sum.Late += a.Late
			sum.Counted += a.Counted
			sum.Requests += a.Requests
			sum.Unsettled += a.Unsettled
			sum.Findings = append(sum.Findings, a.Findings...)
		}
	}
	return sum
}

// puts counts the objects of a kind put since the calls were reset.
func (f *fixture) puts(kind string) (n int) {
	for _, call := range f.store.Calls() {
		if call.Operation == objectstoretest.Put && strings.Contains(call.Key, kind) {
			n++
		}
	}
	return n
}

func TestWhatTheVendorChangesLaterIsReadAgain(t *testing.T) {
	changes := map[string]func(f *fixture){
		"a record comes late": func(f *fixture) { f.add(day.Add(-50 * time.Minute)) },
		"a record changes": func(f *fixture) {
			f.model.records[len(f.model.records)-3].score = 7
		},
		"a record vanishes": func(f *fixture) {
			f.model.records = slices.Delete(f.model.records, len(f.model.records)-3, len(f.model.records)-2)
		},
		"a record vanishes and another one comes late": func(f *fixture) {
			f.model.records = slices.Delete(f.model.records, len(f.model.records)-3, len(f.model.records)-2)
			f.add(day.Add(-50 * time.Minute))
		},
	}
	for name, change := range changes {
		for _, size := range []int{2, 1000} {
			t.Run(fmt.Sprint(name, ", pages of ", size), func(t *testing.T) {
				f := newFixture(t, moving, func(s *vendorapi.Stream) { s.Paging.Size = size })
				f.every(day.Add(-time.Hour), 5*time.Minute, time.Hour)
				f.execute(day)
				change(f)
				f.model.sort()
				f.store.ResetCalls()
				sum := f.schedule(day.Add(30*time.Minute), day.Add(60*time.Minute))
				commits := f.check()
				if carried := int64(strings.Count(name, "vanishes")); commits[0].Carried != carried {
					t.Errorf("%d records carried over, want %d", commits[0].Carried, carried)
				}
				if first := commits[0]; first.Generation != 2 || !first.Settled || sum.Replaced != 1 {
					t.Errorf("generation %d, settled %v, %d of %d windows replaced", first.Generation, first.Settled, sum.Replaced, sum.Reread)
				}
				if late := int64(strings.Count(name, "late")); sum.Late != late || commits[0].Late != late {
					t.Errorf("%d late records, of which the commit tells %d, want %d", sum.Late, commits[0].Late, late)
				}
			})
		}
	}
}

// TestARecordOnTheMoveStays lets a record move on to a window that has been read already: until that is read again, only the
// window that it has left can hold it.
func TestARecordOnTheMoveStays(t *testing.T) {
	tests := []struct {
		name  string
		size  int
		bound func(*vendorapi.Stream)
	}{
		{"one page", 60, moving},
		{"30 pages", 2, moving},
		// The vendor still gives the record, among those of the day that are not the window's.
		{"whole days", 60, byDay},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t, test.bound, func(s *vendorapi.Stream) { s.Paging.Size = test.size })
			f.model.days = test.name == "whole days"
			f.partBytes = 20
			f.every(day.Add(-time.Hour), time.Minute, time.Hour)
			f.schedule(day, day.Add(30*time.Minute))
			wanderer := &f.model.records[20]
			was := *wanderer
			wanderer.at = day.Add(10 * time.Minute)
			f.model.sort()
			// At 60 minutes the day's window is read, and at 55 after its end the next one, which the record has moved to, is not.
			f.execute(day.Add(55 * time.Minute))
			held := 0
			for _, commit := range f.commits() {
				for _, r := range f.records(commit) {
					if r == was {
						held++
					}
				}
			}
			if held != 1 {
				t.Errorf("%d windows hold the record as it was, want one", held)
			}
			f.schedule(day.Add(60*time.Minute), day.Add(4*time.Hour))
			var carried int64
			for _, commit := range f.check() {
				carried += commit.Carried
			}
			if carried != 1 {
				t.Errorf("%d records carried over, want the one, however often its window is read", carried)
			}
		})
	}
}

func TestAnUnchangedWindowIsLeftAlone(t *testing.T) {
	f := newFixture(t, moving)
	f.partBytes = 1 << 20
	f.every(day.Add(-time.Hour), time.Minute, time.Hour)
	f.execute(day)
	f.store.ResetCalls()
	// At half past, only the day's window is due.
	answer := f.execute(day.Add(30 * time.Minute))[0]
	if answer.Reread != 1 || answer.Replaced != 0 || answer.Windows != 1 {
		t.Errorf("got %+v", answer)
	}
	if commits, parts := f.puts("/commits/"), f.puts("/parts/"); commits != 1 || parts != 1 {
		t.Errorf("%d commits and %d parts put, want the new window's alone", commits, parts)
	}
	f.check()
}

func TestReadingsAreSpacedOut(t *testing.T) {
	f := newFixture(t, moving)
	f.partBytes = 1 << 30
	f.every(day.Add(-10*time.Minute), 10*time.Millisecond, 300*time.Second) // 30,000 within 5 minutes
	f.model.perPage = time.Millisecond
	f.execute(day)
	before := f.model.requests
	f.schedule(day.Add(30*time.Minute), day.Add(50*time.Hour))
	// The window of the burst is read at 30 minutes, 1, 3, 8, 24 and 48 hours; each of the 100 runs needs one request for its own
	// window, and one for all windows without records that are due.
	readings := float64(f.model.requests-before-2*100) / 3000
	if readings > 6.1 || readings < 5.9 {
		t.Errorf("the burst of 3,000 pages was read about %.2f times, want 6", readings)
	}
	f.model.requests = 0
	f.schedule(day.Add(75*time.Hour), day.Add(76*time.Hour))
	if f.model.requests > 500 {
		t.Errorf("%d requests after the lookback, want none for the burst", f.model.requests)
	}
	f.check()
}

func TestCountsFindWhatCameLate(t *testing.T) {
	f := newFixture(t)
	f.every(day.Add(-24*time.Hour), time.Minute, 72*time.Hour)
	f.schedule(day, day.Add(23*time.Hour))
	quiet := f.schedule(day.Add(23*time.Hour+30*time.Minute), day.Add(23*time.Hour+30*time.Minute))
	if quiet.Counted != 1 || quiet.Reread != 0 || quiet.Requests != 3+1 {
		t.Errorf("with nothing changed: %d counts, %d requests; want one count beside the three pages of the new window: %+v", quiet.Counted, quiet.Requests, quiet)
	}
	for _, hours := range []int{3, 3, 11} {
		f.add(day.Add(time.Duration(hours)*time.Hour + 7*time.Minute))
	}
	f.model.sort()
	f.store.ResetCalls()
	sum := f.schedule(day.Add(24*time.Hour), day.Add(24*time.Hour))
	f.check()
	// 49 windows: halving leads to two of them in at most 2 * 6 counts each.
	if sum.Replaced != 2 || sum.Reread != 2 || sum.Late != 3 || sum.Counted > 1+2*2*6 {
		t.Errorf("got %+v", sum)
	}
}

func TestCountsAreSpreadOverRuns(t *testing.T) {
	f := newFixture(t, func(s *vendorapi.Stream) {
		s.Window.LongestSpan = vendorapi.Duration(2 * time.Hour)
		s.Lookback = vendorapi.Duration(48 * time.Hour)
	})
	f.every(day.Add(-24*time.Hour), time.Hour, 120*time.Hour)
	f.schedule(day, day.Add(71*time.Hour))
	at := day.Add(71*time.Hour + 30*time.Minute)
	// A pass over the lookback takes 1 + 48/2 counts at most.
	for range 7 {
		sum := f.schedule(at, at)
		if sum.Counted > ingest.CountsPerRun {
			t.Errorf("%d counts in a run, want at most %d", sum.Counted, ingest.CountsPerRun)
		}
		at = at.Add(30 * time.Minute)
	}
	f.add(day.Add(70 * time.Hour))
	f.add(day.Add(30 * time.Hour))
	f.model.sort()
	// The older one's window is due when it is 48 hours old, and its turn comes within seven runs.
	f.schedule(at, at.Add(8*time.Hour))
	f.check()
}

func TestALostAuditCostsRequestsAndNothingElse(t *testing.T) {
	for name, lose := range map[string]func(f *fixture){
		"lost":    func(f *fixture) { f.store.Remove("raw", "model/visits/audit.json") },
		"damaged": func(f *fixture) { f.store.Set("raw", "model/visits/audit.json", []byte("{")) },
		"not stored, since another run is quicker": func(f *fixture) {
			f.store.Before = func(c objectstoretest.Call) error {
				if c.Operation == objectstoretest.Put && strings.HasSuffix(c.Key, "audit.json") {
					f.store.Set("raw", c.Key, []byte(`{"format":1}`))
				}
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, moving)
			f.every(day.Add(-time.Hour), 5*time.Minute, 5*time.Hour)
			f.schedule(day, day.Add(2*time.Hour))
			lose(f)
			f.add(day.Add(time.Hour))
			f.model.sort()
			f.schedule(day.Add(150*time.Minute), day.Add(5*time.Hour))
			f.store.Revive()
			f.check()
		})
	}
	f := newFixture(t)
	f.execute(day)
	f.store.Set("raw", "model/visits/audit.json", []byte(`{"format":99}`))
	if _, err := f.invoke(day.Add(30 * time.Minute)); !errors.Is(err, rawzone.ErrNewerFormat) {
		t.Errorf("an audit of a newer release: %v", err)
	}
}

func TestOfTwoRunsThatReplaceAWindowOneDoes(t *testing.T) {
	f := newFixture(t, moving)
	f.every(day.Add(-time.Hour), 5*time.Minute, time.Hour)
	f.execute(day)
	f.add(day.Add(-50 * time.Minute))
	f.model.sort()
	now := day.Add(30 * time.Minute)
	overtaken := false
	f.store.Before = func(c objectstoretest.Call) error {
		if c.Operation == objectstoretest.Put && strings.HasSuffix(c.Key, "commits/20260309T000000Z.json") && !overtaken {
			overtaken = true
			f.execute(now)
		}
		return nil
	}
	answer, err := f.invoke(now)
	if err != nil || answer.Replaced != 0 || answer.Overlapped == 0 || answer.Findings[0].Kind != telemetry.RunsOverlap {
		t.Errorf("the slower one got %+v, %v", answer, err)
	}
	if commits := f.check(); commits[0].Generation != 2 || commits[0].Run != "run3" {
		t.Errorf("got generation %d by %s", commits[0].Generation, commits[0].Run)
	}
}

func TestAnUnsettledWindowIsReadUntilItSettles(t *testing.T) {
	f := newFixture(t, func(s *vendorapi.Stream) { s.Lookback = 0 })
	f.every(day.Add(-time.Hour), time.Minute, 50*time.Minute)
	f.model.total = func(_, truth int) int { return truth + 1 }
	f.execute(day)
	if commits := f.check(); commits[0].Settled {
		t.Fatal("settled though the counts never agree")
	}
	sum := f.schedule(day.Add(30*time.Minute), day.Add(49*time.Hour))
	if sum.Unsettled == 0 {
		t.Errorf("got %+v", sum)
	}
	f.model.total = nil
	f.schedule(day.Add(50*time.Hour), day.Add(120*time.Hour))
	for _, commit := range f.check() {
		if !commit.Settled {
			t.Errorf("window %s is still unsettled", commit.Window())
		}
	}
}

func TestRecordsThatComeTwiceAreNotSettled(t *testing.T) {
	for moves := 1; moves <= 3; moves++ {
		t.Run(fmt.Sprint("in ", moves, " attempts"), func(t *testing.T) { testTwice(t, moves) })
	}
}

func testTwice(t *testing.T, moves int) {
	f := newFixture(t, func(s *vendorapi.Stream) { s.Total, s.Audit = vendorapi.Total{}, vendorapi.AuditReread })
	f.every(day.Add(-30*time.Minute), 10*time.Second, 20*time.Minute)
	// Between two pages a record moves from the first to the end: the page after it begins with one that was not seen,
	// and the one that moved comes again.
	moved := 0
	f.model.fail = func(request int) int {
		if f.model.offset == 20 && moved < moves {
			moved++
			i := slices.IndexFunc(f.model.records, func(r record) bool { return r.at.After(day.Add(-30 * time.Minute)) })
			f.model.records[i].at = day.Add(-10 * time.Minute)
			f.model.sort()
		}
		return 0
	}
	answer := f.execute(day)[0]
	if want := moves / 3; answer.Unsettled != want || len(answer.Findings) != want {
		t.Errorf("%d unsettled windows, findings %v; want %d", answer.Unsettled, answer.Findings, want)
	}
	f.schedule(day.Add(30*time.Minute), day.Add(30*time.Minute))
	for _, commit := range f.check() {
		if !commit.Settled || commit.Duplicates != 0 {
			t.Errorf("window %s is not settled", commit.Window())
		}
	}
}

func TestAReadingThatIsInterruptedGoesOn(t *testing.T) {
	f := newFixture(t, moving)
	f.every(day.Add(-time.Hour), time.Second, 40*time.Minute) // 240 pages
	f.execute(day)
	f.add(day.Add(-30 * time.Minute))
	f.model.sort()
	f.timeout, f.partBytes = 10*time.Second, 100 // 90 pages
	before := f.model.requests
	answers := f.execute(day.Add(30 * time.Minute))
	commits := f.check()
	if commits[0].Generation != 2 || commits[0].Resumes == 0 || len(answers) < 3 {
		t.Errorf("generation %d after %d resumes in %d invocations", commits[0].Generation, commits[0].Resumes, len(answers))
	}
	if requests := f.model.requests - before; requests > 241+2*len(answers)+2 {
		t.Errorf("%d requests for a window of 241 pages", requests)
	}
	// What a reading has left that changed nothing is not gone on with at the next age.
	f.schedule(day.Add(time.Hour), day.Add(time.Hour))
	f.model.records[len(f.model.records)-1].score = 9
	f.schedule(day.Add(90*time.Minute), day.Add(3*time.Hour))
	f.check()
}

func TestOneRefusedWindowDoesNotKeepTheOthersFromBeingRead(t *testing.T) {
	f := newFixture(t, moving)
	f.every(day.Add(-time.Hour), 5*time.Minute, 5*time.Hour)
	f.schedule(day, day.Add(time.Hour))
	f.model.refuse = day.Add(-24 * time.Hour)
	f.add(day.Add(20 * time.Minute))
	f.model.sort()
	_, err := f.invoke(day.Add(3 * time.Hour))
	if !errors.Is(err, vendorapi.ErrRefused) {
		t.Errorf("got %v, want the refusal", err)
	}
	f.check()
}

func TestTheSweepDeletesWhatNoCommitNames(t *testing.T) {
	f := newFixture(t, moving)
	f.every(day.Add(-24*time.Hour), 10*time.Minute, 24*time.Hour)
	f.execute(day)
	commit := f.check()[0]
	orphan := strings.Replace(commit.Parts[0].Key, "_a1-run1", "_a2-zombie", 1)
	uncommitted := strings.ReplaceAll(orphan, "20260309T000000Z", "20260309T010000Z")
	f.store.Set("raw", orphan, []byte("x"))
	f.store.Set("raw", uncommitted, []byte("x"))
	there := func(key string) bool { _, ok := f.store.Body("raw", key); return ok }
	for days := range 12 {
		f.model.clock = f.model.clock.Add(24 * time.Hour)
		now := day.Add(time.Duration(days+1) * 24 * time.Hour)
		var swept int
		for range 4 {
			f.store.ResetCalls()
			for _, a := range f.execute(now) {
				swept += a.Swept
			}
			now = now.Add(30 * time.Minute)
		}
		if n := len(f.store.Calls()); n > 4 {
			t.Errorf("the fourth run of a day makes %d requests to S3: %v", n, f.store.Calls())
		}
		if gone := !there(orphan); gone != (days >= 8) || swept > 1 {
			t.Errorf("after %d days: gone %v, %d swept", days+1, gone, swept)
		}
	}
	if !there(uncommitted) || !there(commit.Parts[0].Key) {
		t.Error("a part is gone that a commit names or may come to name")
	}
	f.check()
}
