package ingest_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// listed counts the listings of commits since the calls were reset.
func (f *fixture) listed() (n int) {
	for _, call := range f.store.Calls() {
		if call.Operation == objectstoretest.List && strings.Contains(call.Key, "/commits/") {
			n++
		}
	}
	return n
}

// TestARunThatListsNothingMeetsWhatAnotherHasLeft has a run go by what is remembered of a log that a killed run, or one at work at the
// same time, has made longer.
func TestARunThatListsNothingMeetsWhatAnotherHasLeft(t *testing.T) {
	killed := func(f *fixture, now time.Time) {
		f.store.Before = func(c objectstoretest.Call) error {
			if c.Operation == objectstoretest.Put && strings.HasSuffix(c.Key, "audit.json") {
				return objectstoretest.ErrCrash
			}
			return nil
		}
		if _, err := f.invoke(now); !errors.Is(err, objectstoretest.ErrCrash) {
			f.t.Fatalf("got %v, want the crash", err)
		}
		f.store.Revive()
		f.model.clock = f.model.clock.Add(time.Minute)
	}
	atOnce := func(f *fixture, now time.Time) {
		f.store.Before = func(c objectstoretest.Call) error {
			if c.Operation == objectstoretest.Put && strings.Contains(c.Key, "/commits/") {
				f.store.Revive()
				if _, err := f.invoke(now); err != nil {
					f.t.Error(err)
				}
			}
			return nil
		}
	}
	for _, test := range []struct {
		name    string
		rival   func(*fixture, time.Time)
		at      time.Time
		listed  int
		windows int
		told    int
	}{
		{"nobody", func(*fixture, time.Time) {}, day.Add(30 * time.Minute), 0, 1, 0},
		{"nobody, at another hour", func(*fixture, time.Time) {}, day.Add(150 * time.Minute), 1, 1, 0},
		{"a killed run", killed, day.Add(30 * time.Minute), 1, 0, 0},
		{"a run at the same time", atOnce, day.Add(30 * time.Minute), 0, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t, moving)
			f.store.Now = func() time.Time { return f.model.clock }
			f.every(day.Add(-time.Hour), 5*time.Minute, 4*time.Hour)
			f.execute(day)
			test.rival(f, test.at)
			f.store.ResetCalls()
			answer, err := f.invoke(test.at)
			if err != nil {
				t.Fatal(err)
			}
			told := 0
			for _, finding := range answer.Findings {
				if finding.Kind == telemetry.RunsOverlap {
					told++
				}
			}
			if got := f.listed(); got != test.listed || answer.Windows != test.windows || told != test.told {
				t.Errorf("%d listings, %d windows, %d findings of another run; want %d, %d, %d", got, answer.Windows, told, test.listed, test.windows, test.told)
			}
			f.execute(day.Add(4 * time.Hour))
			f.check()
		})
	}
}

// TestDueWindowsAreReadTogether counts what is asked of the vendor beside the new window, while five windows of a day are due.
func TestDueWindowsAreReadTogether(t *testing.T) {
	longest := func(d time.Duration) func(*vendorapi.Stream) {
		return func(s *vendorapi.Stream) { s.Window.LongestSpan = vendorapi.Duration(d) }
	}
	for _, test := range []struct {
		name             string
		change           func(*vendorapi.Stream)
		prepare          func(*fixture)
		asked, read, new int
	}{
		{"an empty lookback", func(*vendorapi.Stream) {}, func(*fixture) {}, 1, 0, 0},
		{"as long as the vendor can be asked for", longest(12 * time.Hour), func(*fixture) {}, 2, 0, 0},
		{"records that fit on a page", func(*vendorapi.Stream) {}, func(f *fixture) { f.every(day.Add(-6*time.Hour), time.Hour, 6*time.Hour) }, 1, 0, 0},
		{"records that do not", func(*vendorapi.Stream) {}, func(f *fixture) { f.every(day.Add(-20*time.Hour), time.Hour, 20*time.Hour) }, 2, 0, 0},
		{"one of them has changed", func(*vendorapi.Stream) {}, nil, 1 + 5, 5, 1},
		{"together they are refused", func(*vendorapi.Stream) {}, func(f *fixture) {
			before := f.model.requests
			f.model.fail = func(request int) int {
				if request == before+2 {
					return http.StatusBadRequest
				}
				return 0
			}
		}, 1 + 5, 5, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t, moving, test.change, func(s *vendorapi.Stream) { s.Lookback = vendorapi.Duration(24 * time.Hour) })
			fails := strings.Contains(test.name, "refused")
			if !fails && test.prepare != nil {
				test.prepare(f)
				f.model.sort()
			}
			f.schedule(day.Add(-25*time.Hour), day.Add(-30*time.Minute))
			if fails {
				test.prepare(f)
			}
			if test.prepare == nil {
				f.add(day.Add(-200 * time.Minute))
				f.model.sort()
			}
			before := f.model.requests
			f.store.ResetCalls()
			sum := f.schedule(day, day)
			read := 0
			for _, call := range f.store.Calls() {
				if call.Operation == objectstoretest.Get && strings.Contains(call.Key, "/commits/") {
					read++
				}
			}
			if asked := f.model.requests - before - 1; asked != test.asked || read != test.read || sum.Replaced != test.new {
				t.Errorf("%d requests beside the new window, %d commits read, %d replaced; want %d, %d, %d", asked, read, sum.Replaced, test.asked, test.read, test.new)
			}
			f.execute(day)
			f.check()
		})
	}
}

// TestAnUnfinishedWindowIsSaidToBe has a vendor whose first page may cost a run the tokens of an unfinished one: an idle run does not
// look for parts, and yet the run after one that has ended in the midst of a window does.
func TestAnUnfinishedWindowIsSaidToBe(t *testing.T) {
	f := newFixture(t, byToken)
	f.partBytes = 1
	f.every(day, time.Second, 20*time.Minute)
	f.execute(day)
	f.store.CrashAt(20, true)
	if _, err := f.invoke(day.Add(30 * time.Minute)); !errors.Is(err, objectstoretest.ErrCrash) {
		t.Fatalf("got %v, want the crash", err)
	}
	f.store.Revive()
	asked := []string{}
	f.model.total = func(_, truth int) int {
		asked = append(asked, fmt.Sprint(f.model.offset))
		return truth
	}
	f.execute(day.Add(30 * time.Minute))
	if len(asked) == 0 || asked[0] == "0" {
		t.Errorf("the window is begun again at record %v", asked)
	}
	commits := f.check()
	if last := commits[len(commits)-1]; last.Resumes == 0 {
		t.Errorf("the window is not gone on with: %+v", last)
	}
	looks := 0
	f.store.Before = func(c objectstoretest.Call) error {
		if c.Operation == objectstoretest.List && strings.Contains(c.Key, "/parts/") {
			looks++
		}
		return nil
	}
	f.execute(day.Add(150 * time.Minute))
	if looks > 0 {
		t.Errorf("an idle run looks for parts %d times", looks)
	}
	if audit, err := f.zone.Audit(t.Context()); err != nil || !audit.Unfinished.IsZero() {
		t.Errorf("the audit says that the window from %s on is unfinished: %v", rawzone.FormatTime(audit.Unfinished), err)
	}
}
