package lambdahost

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestShareOf(t *testing.T) {
	for memoryMB, want := range map[int]float64{128: 0.0724, 1769: 1, 3538: 2} {
		if got := ShareOf(memoryMB); got < want-0.0001 || got > want+0.0001 {
			t.Errorf("%d MB: %v processors, want %v", memoryMB, got, want)
		}
	}
}

// TestWhenToLook follows a budget of 2 ms a period of 20 ms on two processors.
func TestWhenToLook(t *testing.T) {
	const ms = time.Millisecond
	type look struct {
		at, used time.Duration
		run      bool
		again    time.Duration
	}
	tests := []struct {
		name  string
		looks []look
	}{
		{name: "half as long as what is left, on two processors", looks: []look{{0, 0, true, 1 * ms}}},
		{name: "not more often than can be", looks: []look{{1 * ms, 1900 * time.Microsecond, true, 1 * ms}}},
		{name: "stopped up to the next period", looks: []look{{5 * ms, 2 * ms, false, 15 * ms}, {20 * ms, 2 * ms, true, 1 * ms}}},
		{name: "overdrawn by one period", looks: []look{{5 * ms, 4 * ms, false, 35 * ms}, {40 * ms, 4 * ms, true, 1 * ms}}},
		{name: "overdrawn by one and a half", looks: []look{{5 * ms, 5 * ms, false, 35 * ms}, {20 * ms, 5 * ms, false, 20 * ms}, {40 * ms, 5 * ms, true, 1 * ms}}},
		{name: "waiting saves nothing up", looks: []look{{200 * ms, 0, true, 1 * ms}, {203 * ms, 3 * ms, false, 17 * ms}}},
		{name: "nor does it where something was used before", looks: []look{{90 * ms, 1 * ms, true, 1 * ms}, {91 * ms, 3 * ms, false, 9 * ms}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			began := time.Unix(0, 0)
			b := newBudget(0.1, 2, began, 0)
			for _, want := range test.looks {
				if run, again := b.look(began.Add(want.at), want.used); run != want.run || again != want.again {
					t.Errorf("after %v with %v used: run %v, again after %v; want %v, %v", want.at, want.used, run, again, want.run, want.again)
				}
			}
		})
	}
}

// TestBudget plays a process that takes all it is let to, on one or more processors, waits at times, and is looked at late:
// from no moment on has it taken more than its share of the time since, beyond one filling and what it could take unseen; and
// one that never waits gets its share.
func TestBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		share := rapid.Float64Range(0.05, 0.95).Draw(t, "share")
		processors := rapid.IntRange(1, 4).Draw(t, "processors")
		const lateness = 3 * time.Millisecond
		began := time.Unix(0, 0)
		now, used, run, waited := began, time.Duration(0), true, false
		b := newBudget(share, processors, now, used)
		// ahead is how far the process is ahead of its share, least the lowest that it has been.
		var least time.Duration
		for range rapid.IntRange(1, 300).Draw(t, "looks") {
			var again time.Duration
			run, again = b.look(now, used)
			if again <= 0 {
				t.Fatalf("look again after %v", again)
			}
			again += time.Duration(rapid.Int64Range(0, int64(lateness)).Draw(t, "late"))
			now = now.Add(again)
			switch {
			case !run:
			case rapid.IntRange(0, 9).Draw(t, "waits") == 0:
				waited = true
			default:
				used += again * time.Duration(processors)
			}
			ahead := used - time.Duration(share*float64(now.Sub(began)))
			least = min(least, ahead)
			// What it can take before the next look, and what a late look adds.
			unseen := time.Duration(processors)*(shareLook+lateness) + b.quota
			if ahead-least > 2*b.quota+unseen {
				t.Fatalf("%v ahead of its share after %v, with %v a period", ahead-least, now.Sub(began), b.quota)
			}
		}
		granted := time.Duration(share * float64(now.Sub(began)))
		if slack := 2*b.quota + 2*sharePeriod; !waited && used < granted-slack {
			t.Fatalf("without ever waiting it has got %v in %v, of %v", used, now.Sub(began), granted)
		}
	})
}
