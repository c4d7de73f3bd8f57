package verify

import (
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// runsEvery returns runs on the half hours up to a time after start; those at the times in failed have failed.
func runsEvery(until time.Duration, failed ...time.Duration) (runs []Run) {
	for at := 30 * time.Minute; at <= until; at += 30 * time.Minute {
		run := Run{At: start.Add(at)}
		for _, f := range failed {
			run.Failed = run.Failed || f == at
		}
		runs = append(runs, run)
	}
	return runs
}

func TestLastReading(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	// The window ends ten minutes after start and is read at thirty for the first time.
	tests := []struct {
		name   string
		runs   []Run
		change func(*rawzone.Commit, *vendorapi.Stream)
		// must and may are counted from start.
		must, may [2]time.Duration
	}{
		{name: "read once", runs: runsEvery(30 * minute), must: [2]time.Duration{30 * minute, 30 * minute}},
		{name: "half an hour old", runs: runsEvery(60 * minute), must: [2]time.Duration{60 * minute, 60 * minute}},
		{name: "an hour", runs: runsEvery(90 * minute), must: [2]time.Duration{90 * minute, 90 * minute}},
		{name: "not yet three", runs: runsEvery(180 * minute), must: [2]time.Duration{90 * minute, 90 * minute}},
		{name: "three", runs: runsEvery(210 * minute), must: [2]time.Duration{210 * minute, 210 * minute}},
		{name: "eight", runs: runsEvery(23 * time.Hour), must: [2]time.Duration{510 * minute, 510 * minute}},
		{name: "each day", runs: runsEvery(58 * time.Hour), must: [2]time.Duration{48*time.Hour + 30*minute, 48*time.Hour + 30*minute}},
		{name: "the lookback, and no more", runs: runsEvery(80 * time.Hour), must: [2]time.Duration{60*time.Hour + 30*minute, 60*time.Hour + 30*minute}},
		{
			name: "unsettled, past the lookback", runs: runsEvery(80 * time.Hour), must: [2]time.Duration{72*time.Hour + 30*minute, 72*time.Hour + 30*minute},
			change: func(c *rawzone.Commit, _ *vendorapi.Stream) { c.Settled = false },
		},
		{
			name: "no lookback", runs: runsEvery(80 * time.Hour), must: [2]time.Duration{30 * minute, 30 * minute},
			change: func(_ *rawzone.Commit, s *vendorapi.Stream) { s.Lookback = 0 },
		},
		{
			name: "read later than it was due", runs: runsEvery(180 * minute), must: [2]time.Duration{120 * minute, 150 * minute},
			change: func(c *rawzone.Commit, _ *vendorapi.Stream) {
				c.ReadAt, c.WrittenAt = start.Add(120*minute), start.Add(150*minute)
			},
		},
		{
			name: "a run failed", runs: runsEvery(180*minute, 90*minute),
			must: [2]time.Duration{90 * minute, 120 * minute},
		},
		{
			name: "the last run failed", runs: runsEvery(90*minute, 90*minute),
			must: [2]time.Duration{60 * minute, 60 * minute}, may: [2]time.Duration{60 * minute, 90 * minute},
		},
		{
			name: "by counts", runs: runsEvery(90 * minute), must: [2]time.Duration{90 * minute, 90 * minute}, may: [2]time.Duration{30 * minute, 90 * minute},
			change: func(_ *rawzone.Commit, s *vendorapi.Stream) { s.Audit = vendorapi.AuditCount },
		},
		{
			name: "by counts, spread over runs", runs: runsEvery(180 * minute), must: [2]time.Duration{90 * minute, 120 * minute}, may: [2]time.Duration{30 * minute, 120 * minute},
			change: func(_ *rawzone.Commit, s *vendorapi.Stream) {
				s.Audit, s.Window.LongestSpan = vendorapi.AuditCount, vendorapi.Duration(10*time.Hour)
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			stream := &vendorapi.Stream{Audit: vendorapi.AuditReread, Lookback: vendorapi.Duration(60 * time.Hour)}
			first := start.Add(30 * minute)
			commit := rawzone.Commit{Start: start, End: start.Add(10 * minute), Settled: true, ReadAt: first, WrittenAt: first}
			if test.change != nil {
				test.change(&commit, stream)
			}
			if test.may == [2]time.Duration{} {
				test.may = test.must
			}
			got := Check{Stream: stream, Runs: test.runs}.lastReading(commit)
			for name, pair := range map[string]struct {
				got  span
				want [2]time.Duration
			}{"must": {got.must, test.must}, "may": {got.may, test.may}} {
				if first, last := pair.got.first.Sub(start), pair.got.last.Sub(start); first != pair.want[0] || last != pair.want[1] {
					t.Errorf("%s: from %s to %s, want %s to %s", name, first, last, pair.want[0], pair.want[1])
				}
			}
		})
	}
}
