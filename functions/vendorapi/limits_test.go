package vendorapi

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDivide(t *testing.T) {
	second, minute := Duration(time.Second), Duration(time.Minute)
	tests := map[string]struct {
		limit          RateLimit
		reserve        float64
		ordinary, past RateLimit
	}{
		"whole requests":     {RateLimit{100, minute}, 0.15, RateLimit{85, minute}, RateLimit{15, minute}},
		"a fraction":         {RateLimit{30, minute}, 0.15, RateLimit{25, minute}, RateLimit{5, minute}},
		"half":               {RateLimit{10, second}, 0.5, RateLimit{5, second}, RateLimit{5, second}},
		"at least one":       {RateLimit{4, second}, 0.01, RateLimit{3, second}, RateLimit{1, second}},
		"one each":           {RateLimit{2, second}, 0.5, RateLimit{1, second}, RateLimit{1, second}},
		"one for both":       {RateLimit{1, second}, 0.25, RateLimit{1, Duration(4 * time.Second / 3)}, RateLimit{1, 4 * second}},
		"less than one each": {RateLimit{2, minute}, 0.75, RateLimit{1, 2 * minute}, RateLimit{1, Duration(40 * time.Second)}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ordinary, past := test.limit.divide(test.reserve)
			if ordinary != test.ordinary || past != test.past {
				t.Errorf("got %v and %v, want %v and %v", ordinary, past, test.ordinary, test.past)
			}
		})
	}
}

func TestBegin(t *testing.T) {
	begun := time.Date(2026, 3, 10, 18, 0, 0, 0, time.UTC)
	v := simple("http://vendor.example")
	v.Streams[0].RateLimit = RateLimit{Requests: 100, Per: Duration(time.Minute)}
	lane := func(n int) Turn { return Turn{Begun: begun, Past: true, Lane: n, Lanes: 2} }
	tests := map[string]struct {
		turns []Turn
		after []time.Duration // of each turn, since begun
		sent  int             // in each turn but the last
		want  int             // requests that the last one has at once
	}{
		"the first of an execution":         {[]Turn{{Begun: begun}}, []time.Duration{time.Second}, 0, 85},
		"one without a time":                {[]Turn{{}}, []time.Duration{time.Hour}, 0, 85},
		"goes on in the same process":       {[]Turn{{Begun: begun}, {Begun: begun}}, []time.Duration{0, 10 * time.Second}, 30, 55},
		"goes on in another process":        {[]Turn{{Begun: begun}}, []time.Duration{10 * time.Second}, 0, 0},
		"another execution, the process":    {[]Turn{{Begun: begun.Add(-30 * time.Second)}, {Begun: begun}}, []time.Duration{-30 * time.Second, 0}, 30, 55},
		"another execution, later":          {[]Turn{{Begun: begun.Add(-2 * time.Minute)}, {Begun: begun}}, []time.Duration{-2 * time.Minute, 0}, 30, 85},
		"a lane":                            {[]Turn{lane(1)}, []time.Duration{0}, 0, 7},
		"a lane goes on":                    {[]Turn{lane(1), lane(1)}, []time.Duration{0, 10 * time.Second}, 5, 2},
		"another lane":                      {[]Turn{lane(1), lane(0)}, []time.Duration{0, 10 * time.Second}, 5, 0},
		"a run after a lane":                {[]Turn{lane(1), {Begun: begun.Add(time.Hour)}}, []time.Duration{0, time.Hour}, 5, 85},
		"a lane after a run":                {[]Turn{{Begun: begun}, {Begun: begun.Add(time.Hour), Past: true, Lanes: 2}}, []time.Duration{0, time.Hour}, 5, 7},
		"a short life":                      {[]Turn{{Begun: begun, Life: 2 * time.Minute}}, []time.Duration{0}, 0, 21},
		"a life that differs by a moment":   {[]Turn{{Begun: begun, Life: 59_900 * time.Millisecond}, {Begun: begun, Life: 60_100 * time.Millisecond}}, []time.Duration{0, 6 * time.Second}, 5, 5},
		"a very short life":                 {[]Turn{{Begun: begun, Life: 10 * time.Second}}, []time.Duration{0}, 0, 1},
		"a backfill that has only one lane": {[]Turn{{Begun: begun, Past: true}}, []time.Duration{0}, 0, 15},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := NewLimits(v, "things")
			got := 0
			for i, turn := range test.turns {
				now := begun.Add(test.after[i])
				l.Begin(turn, now)
				got = 0
				for _, wait := l.take(now); wait == 0 && (i == len(test.turns)-1 || got < test.sent-1); _, wait = l.take(now) {
					got++
				}
			}
			if got != test.want {
				t.Errorf("%d requests at once, want %d", got, test.want)
			}
		})
	}
}

// A request that takes a while to connect counts from when it is written.
func TestLateRequests(t *testing.T) {
	now := time.Date(2026, 3, 10, 18, 0, 0, 0, time.UTC)
	v := simple("http://vendor.example")
	v.Streams[0].RateLimit = RateLimit{Requests: 3, Per: Duration(time.Minute)}
	l := NewLimits(v, "things")
	for range 2 {
		if number, wait := l.take(now); wait == 0 {
			l.written(number, now.Add(2*time.Second))
		}
	}
	if _, wait := l.take(now); wait != 63200*time.Millisecond {
		t.Errorf("the third waits %v", wait)
	}
}

func TestRequestsThatMayFollow(t *testing.T) {
	now := time.Date(2026, 3, 10, 18, 0, 0, 0, time.UTC)
	v := simple("http://vendor.example")
	if got := NewLimits(v, "things").most(now, time.Hour); got != -1 {
		t.Errorf("without a limit: got %d", got)
	}
	v.Streams[0].RateLimit = RateLimit{Requests: 10, Per: Duration(time.Minute)}
	l := NewLimits(v, "things")
	for within, want := range map[time.Duration]int64{0: 8, time.Minute: 8, 62 * time.Second: 16, 10 * time.Minute: 80} {
		if got := l.most(now, within); got != want {
			t.Errorf("%d within %v, want %d", got, within, want)
		}
	}
	for range 6 {
		l.take(now)
	}
	for within, want := range map[time.Duration]int64{0: 2, time.Minute: 2, 62 * time.Second: 10} {
		if got := l.most(now, within); got != want {
			t.Errorf("after six, %d within %v, want %d", got, within, want)
		}
	}
	l.hold(now.Add(30 * time.Second))
	if got := l.most(now, 29*time.Second); got != 0 {
		t.Errorf("%d while nothing may be sent", got)
	}
}

func TestWithin(t *testing.T) {
	minute, hour := Duration(time.Minute), Duration(time.Hour)
	tests := map[string]struct{ limit, want RateLimit }{
		"a shorter span":  {RateLimit{10, Duration(time.Second)}, RateLimit{10, Duration(time.Second)}},
		"the same":        {RateLimit{100, minute}, RateLimit{100, minute}},
		"an hour":         {RateLimit{1000, hour}, RateLimit{16, minute}},
		"few in a minute": {RateLimit{360, hour}, RateLimit{1, Duration(10 * time.Second)}},
		"one in a day":    {RateLimit{1, 24 * hour}, RateLimit{1, 24 * hour}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.limit.within(time.Minute); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// sandboxes plays the processes that serve the turns of an execution and of a backfill, each as often as time allows, and returns
// when the vendor was asked.
func sandboxes(rt *rapid.T, v *Vendor, lanes int, crashes bool) (times []time.Time, from, to time.Time) {
	from = time.Date(2026, 3, 10, 18, 0, 0, 0, time.UTC)
	to = from.Add(40 * time.Minute)
	// A role has one invocation after the other, in whichever process is free.
	type process struct {
		limits *Limits
		until  time.Time
	}
	type role struct {
		turn Turn
		now  time.Time
		end  time.Time
		in   *process
	}
	var processes []*process
	roles := []*role{{turn: Turn{Begun: from}, now: from}}
	for lane := range lanes {
		roles = append(roles, &role{turn: Turn{Begun: from, Past: true, Lane: lane, Lanes: lanes}, now: from})
	}
	for {
		// The role that is earliest goes on, as far as its next request.
		next := slices.MinFunc(roles, func(a, b *role) int { return a.now.Compare(b.now) })
		if !next.now.Before(to) {
			return times, from, to
		}
		if next.in == nil || !next.now.Before(next.end) {
			if next.in != nil {
				next.in.until = next.now
				if crashes && rapid.IntRange(0, 3).Draw(rt, "crash") == 0 {
					processes = slices.DeleteFunc(processes, func(p *process) bool { return p == next.in })
				}
			}
			free := slices.DeleteFunc(slices.Clone(processes), func(p *process) bool { return p.until.After(next.now) })
			if len(free) == 0 {
				free = append(free, &process{limits: NewLimits(v, "things")})
				processes = append(processes, free[0])
			}
			next.in = free[rapid.IntRange(0, len(free)-1).Draw(rt, "process")]
			next.in.until = to.Add(time.Hour)
			next.end = next.now.Add(15 * time.Minute)
			if crashes {
				next.end = next.now.Add(time.Duration(rapid.IntRange(6, 900).Draw(rt, "life")) * time.Second)
			}
			next.in.limits.Begin(next.turn, next.now)
		}
		number, wait := next.in.limits.take(next.now)
		if wait > 0 {
			next.now = next.now.Add(wait)
			continue
		}
		// Eight at once, of 300 ms each, and up to a second to connect.
		late := time.Duration(rapid.SampledFrom([]int{0, 0, 0, 20, 1000}).Draw(rt, "late")) * time.Millisecond
		next.in.limits.written(number, next.now.Add(late))
		times = append(times, next.now.Add(late))
		next.now = next.now.Add(300 * time.Millisecond / 8)
	}
}

func TestExecutionAndBackfillTogether(t *testing.T) {
	for _, requests := range []int{100, 30, 12} {
		for _, lanes := range []int{1, 2} {
			t.Run(fmt.Sprintf("%d a minute, %d lanes", requests, lanes), func(t *testing.T) {
				v := simple("http://vendor.example")
				v.Streams[0].RateLimit = RateLimit{Requests: requests, Per: Duration(time.Minute)}
				rapid.Check(t, func(rt *rapid.T) {
					crashes := rapid.Bool().Draw(rt, "crashes")
					times, from, to := sandboxes(rt, v, lanes, crashes)
					if most := busiest(times, time.Minute); most > requests {
						rt.Fatalf("%d requests in a minute", most)
					}
					used := float64(len(times)) / to.Sub(from).Minutes() / float64(requests)
					if least := map[int]float64{100: 0.95, 30: 0.94, 12: 0.9}[requests]; !crashes && used < least {
						rt.Fatalf("%.3f of the limit are used", used)
					}
				})
			})
		}
	}
}
