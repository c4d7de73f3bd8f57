package simulation

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// TestAYear plays every half hour of a year of a vendor that works in local time, and wants a run to need no more
// requests to S3 at its end than when the first lookback is over.
func TestAYear(t *testing.T) {
	t.Parallel()
	const days, ticksADay, settled = 365, 48, 4
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	h := &history{
		dialect: dialect{
			audit: vendorapi.AuditReread, late: true, moves: true, edits: true, counted: true, inclusive: true,
			paging: vendorapi.PagingNumber, first: 1, bounds: localBounds, zone: zone, settle: 5 * time.Minute, lookback: 24 * time.Hour,
		},
		begin: epoch, interval: 24 * time.Hour / ticksADay, ticks: make([]tick, days*ticksADay), set: true, records: 3 * days, bursts: []int{500, 500, 500},
		seed: 1, release: release{pageSize: 100}, timeout: 5 * time.Minute, partBytes: 1 << 16, listing: 1000,
	}
	p := newPlay(h, setting{tempDir: t.TempDir()})
	var requests [days]int
	began := time.Now()
	synctest.Test(t, func(*testing.T) {
		for i := range h.ticks {
			now := h.begin.Add(time.Duration(i) * h.interval)
			time.Sleep(time.Until(now))
			if err = p.ordinary(now, nil, longest+1, nil); err != nil {
				return
			}
			requests[i/ticksADay] += len(p.store.Calls())
			p.store.ResetCalls()
		}
		time.Sleep(time.Until(h.end()))
		err = p.rest()
	})
	if err == nil {
		err = p.breach
	}
	if err == nil {
		err = p.check()
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, p.told())
	}
	perRun := func(day int) float64 { return float64(requests[day-1]) / ticksADay }
	t.Logf("%d runs of both handlers in %s; requests to S3 a run: day 1 %.1f, day %d %.1f, day %d %.1f",
		len(h.ticks), time.Since(began).Round(time.Millisecond), perRun(1), settled, perRun(settled), days, perRun(days))
	if perRun(days) > 1.1*perRun(settled) {
		t.Errorf("a run on day %d needs %.1f requests, one on day %d %.1f: want no more", days, perRun(days), settled, perRun(settled))
	}
}
