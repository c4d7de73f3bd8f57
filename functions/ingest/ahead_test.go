package ingest_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/startup"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// distant is the model far away, in a bubble of synctest: it takes a while for each answer.
type distant struct {
	*model
	latency func(request int) time.Duration

	mutex    sync.Mutex
	arrived  int
	underWay int
	crowd    int
}

func (d *distant) RoundTrip(r *http.Request) (*http.Response, error) {
	d.mutex.Lock()
	d.arrived++
	d.underWay++
	d.crowd = max(d.crowd, d.underWay)
	latency := d.latency(d.arrived)
	d.mutex.Unlock()
	defer func() {
		d.mutex.Lock()
		defer d.mutex.Unlock()
		d.underWay--
	}()
	select {
	case <-time.After(latency):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.model.RoundTrip(r)
}

// side is ingest with pages side by side.
type side struct {
	vendor  *vendorapi.Vendor
	distant *distant
	zone    rawzone.Zone
	timeout time.Duration
	runs    int
}

// newSide returns one of a vendor that has so many records, one a second from genesis on, a day before now.
func newSide(records int, latency func(int) time.Duration) (s *side, now time.Time) {
	now = time.Now().Truncate(time.Second)
	vendor := describe(func(s *vendorapi.Stream) { s.Paging.InFlight, s.Lookback = 8, 0 })
	m := &model{}
	for id := range records {
		m.records = append(m.records, record{id: id, at: now.Add(time.Duration(id)*time.Second - 24*time.Hour)})
	}
	return &side{
		vendor: vendor, distant: &distant{model: m, latency: latency}, timeout: 15 * time.Minute,
		zone: rawzone.Zone{Bucket: objectstoretest.New().Bucket("raw"), Vendor: "model", Stream: "visits"},
	}, now
}

func (s *side) invoke(t *testing.T, now time.Time) ingest.Answer {
	s.runs++
	client, err := vendorapi.NewClient(s.vendor, "visits", nil, vendorapi.Options{
		Transport: s.distant, Now: time.Now, Sleep: startup.Sleep, Random: rand.Float64, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	answer, err := ingest.Run(ctx, ingest.Config{
		Stream: &s.vendor.Streams[0], Vendor: client, Zone: s.zone, Run: fmt.Sprintf("run%d", s.runs),
		PartBytes: 1 << 10, SafetyMargin: s.timeout / 10, DefaultRate: 100, Clock: time.Now, Logger: slog.New(slog.DiscardHandler),
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	if s.distant.underWay != 0 {
		t.Errorf("%d requests are under way after the run", s.distant.underWay)
	}
	return answer
}

// stored returns how many records are committed.
func (s *side) stored(t *testing.T) (records int64) {
	for ref, err := range s.zone.Commits(context.Background(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		commit, _, err := s.zone.Commit(context.Background(), ref)
		if err != nil {
			t.Fatal(err)
		}
		if !commit.Settled {
			t.Errorf("window %s is not settled", commit.Window())
		}
		records += commit.Records
	}
	return records
}

func TestPagesSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, now := newSide(3000, func(request int) time.Duration { return time.Duration(100+request%5*100) * time.Millisecond })
		begun := time.Now()
		answer := s.invoke(t, now)
		if answer.More || answer.Records != 3000 || s.stored(t) != 3000 || s.distant.crowd != 8 {
			t.Errorf("%d records, %d committed, %d requests at once, more %t", answer.Records, s.stored(t), s.distant.crowd, answer.More)
		}
		// One after the other they would take 90 s.
		if took := time.Since(begun); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
		if answer.Requests != answer.Pages || answer.RatePerSecond < 150 {
			t.Errorf("%d requests for %d pages, %.0f records a second", answer.Requests, answer.Pages, answer.RatePerSecond)
		}
	})
}

// What was fetched in order when the time is over is stored, and gone on with.
func TestDeadlineAmongPagesSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, now := newSide(3000, func(int) time.Duration { return 300 * time.Millisecond })
		s.timeout = 3 * time.Second
		var answers int
		for answers = 1; ; answers++ {
			if answer := s.invoke(t, now); !answer.More {
				break
			} else if answer.Parts == 0 && answer.Windows == 0 {
				t.Fatalf("invocation %d has stored nothing", answers)
			}
		}
		if s.stored(t) != 3000 || answers < 4 || answers > 12 {
			t.Errorf("%d records after %d invocations", s.stored(t), answers)
		}
	})
}

// A rate that was seen in a burst does not make a window of what the limit lets through in hours.
func TestWindowsWithinTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, now := newSide(24*3600, func(int) time.Duration { return 300 * time.Millisecond })
		s.vendor.Streams[0].RateLimit = vendorapi.RateLimit{Requests: 100, Per: vendorapi.Duration(time.Minute)}
		var windows int
		for s.runs < 100 {
			answer := s.invoke(t, now)
			windows += answer.Windows
			if !answer.More {
				break
			}
		}
		if got := s.stored(t); got != 24*3600-300 {
			t.Errorf("%d records", got)
		}
		for ref := range s.zone.Commits(context.Background(), time.Time{}) {
			commit, _, err := s.zone.Commit(context.Background(), ref)
			if err != nil {
				t.Fatal(err)
			}
			if commit.Resumes > 0 {
				t.Errorf("window %s of %d records was taken up %d times", commit.Window(), commit.Records, commit.Resumes)
			}
		}
		// 8,640 pages at 85 a minute take 102 minutes.
		if s.runs < 7 || s.runs > 12 {
			t.Errorf("%d invocations, %d windows", s.runs, windows)
		}
	})
}
