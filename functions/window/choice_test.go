package window_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/window"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func seconds(t time.Time) time.Time { return t.Truncate(time.Second) }

func hours(n int) func(time.Time) time.Time {
	return func(t time.Time) time.Time { return t.Truncate(time.Duration(n) * time.Hour) }
}

// uniform announces the records of a vendor that gains perSecond of them every second.
func uniform(perSecond float64) func(window.Window) int64 {
	return func(w window.Window) int64 { return int64(perSecond * w.Span().Seconds()) }
}

// settle runs a choice to its end and returns the window taken.
func settle(c *window.Choice, announced func(window.Window) int64, capacity int64) (taken window.Window, asked int) {
	for asked = 1; !c.Fits(announced(c.Window()), capacity); asked++ {
	}
	return c.Window(), asked
}

func TestChoice(t *testing.T) {
	tests := []struct {
		name     string
		latest   time.Time
		policy   window.Policy
		perSec   float64
		capacity int64
		span     time.Duration // 0: nothing to ask for
		backoffs int
	}{
		{"all of it fits", noon.Add(time.Hour), window.Policy{}, 1, 3600, time.Hour, 0},
		{"one record too many", noon.Add(time.Hour), window.Policy{}, 1, 3599, 30 * time.Minute, 1},
		{"halved until it fits", noon.Add(time.Hour), window.Policy{}, 1, 500, 450 * time.Second, 3},
		{"the shortest is taken although it does not fit", noon.Add(time.Hour), window.Policy{}, 1, 1, 112 * time.Second, 5},
		{"no capacity at all", noon.Add(time.Hour), window.Policy{}, 1, 0, 112 * time.Second, 5},
		{"no records need no capacity", noon.Add(time.Hour), window.Policy{}, 0, 0, time.Hour, 0},
		{"a first span", noon.Add(48 * time.Hour), window.Policy{FirstSpan: 10 * time.Minute}, 1, 1e6, 10 * time.Minute, 0},
		{"another factor", noon.Add(time.Hour), window.Policy{Factor: 4}, 1, 1000, 15 * time.Minute, 1},
		{"fewer back-offs", noon.Add(time.Hour), window.Policy{Backoffs: 1}, 1, 1, 30 * time.Minute, 1},
		{"a second cannot be divided", noon.Add(time.Second), window.Policy{AlignDown: seconds}, 1e6, 10, time.Second, 0},
		{"bounds are aligned", noon.Add(3700 * time.Millisecond), window.Policy{AlignDown: seconds}, 1, 100, 3 * time.Second, 0},
		{"no bound lies within the first span", noon.Add(48 * time.Hour), window.Policy{FirstSpan: time.Hour, AlignDown: hours(6)}, 1, 1e6, 6 * time.Hour, 0},
		{"nothing has settled", noon, window.Policy{}, 1, 1, 0, 0},
		{"the latest end is before the start", noon.Add(-time.Hour), window.Policy{}, 1, 1, 0, 0},
		{"less than the unit has settled", noon.Add(999 * time.Millisecond), window.Policy{AlignDown: seconds}, 1, 1, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.policy.AlignDown == nil {
				test.policy.AlignDown = seconds
			}
			choice, any := window.Choose(noon, test.latest, test.policy)
			if !any {
				if test.span != 0 {
					t.Fatalf("nothing to ask for, want a span of %s", test.span)
				}
				return
			}
			taken, _ := settle(choice, uniform(test.perSec), test.capacity)
			if taken.Span() != test.span || choice.Backoffs() != test.backoffs {
				t.Errorf("took %s after %d back-offs, want %s after %d", taken.Span(), choice.Backoffs(), test.span, test.backoffs)
			}
		})
	}
}

func TestAVendorWithoutTotalsIsTakenAtItsFirstSpan(t *testing.T) {
	choice, _ := window.Choose(noon, noon.Add(24*time.Hour), window.Policy{FirstSpan: time.Hour})
	if !choice.Fits(-1, 0) || choice.Window().Span() != time.Hour {
		t.Errorf("got %s, want the first span of an hour", choice.Window())
	}
}

// TestChoiceProperties holds for every vendor, capacity and policy: a choice ends after at most Backoffs + 1
// questions, and what it takes starts at the start, moves forward, ends no later than the latest, is no longer
// than the longest, is aligned, and fits unless it is the shortest.
func TestChoiceProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := noon.Add(time.Duration(rapid.IntRange(-1e6, 1e6).Draw(t, "start")) * time.Second)
		latest := start.Add(time.Duration(rapid.Int64Range(-1e12, 1e15).Draw(t, "ahead")))
		unit := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, time.Minute, 24 * time.Hour}).Draw(t, "unit")
		policy := window.Policy{
			FirstSpan: time.Duration(rapid.Int64Range(0, 1e14).Draw(t, "first")),
			Factor:    rapid.Float64Range(1.01, 10).Draw(t, "factor"),
			Backoffs:  rapid.IntRange(1, 12).Draw(t, "backoffs"),
			AlignDown: func(at time.Time) time.Time { return at.Truncate(unit) },
		}
		if err := policy.Validate(); err != nil {
			t.Fatal(err)
		}
		announced := uniform(rapid.Float64Range(0, 1e4).Draw(t, "perSecond"))
		capacity := rapid.Int64Range(0, 1e7).Draw(t, "capacity")
		choice, any := window.Choose(start, latest, policy)
		if !any {
			if latest.Truncate(unit).After(start) {
				t.Fatalf("nothing to ask for, though %s has settled", latest.Sub(start))
			}
			return
		}
		first := choice.Window()
		taken, asked := settle(choice, announced, capacity)
		switch {
		case asked > policy.Backoffs+1:
			t.Fatalf("asked %d times", asked)
		case asked != choice.Backoffs()+1:
			t.Fatalf("asked %d times, but %d back-offs", asked, choice.Backoffs())
		case !taken.Start.Equal(start), !taken.End.After(start), taken.End.After(latest), taken.End.After(first.End):
			t.Fatalf("took %s of [%s, %s)", taken, start, latest)
		case policy.FirstSpan > 0 && taken.Span() > 2*max(policy.FirstSpan, unit):
			t.Fatalf("took %s, longer than the first span of %s", taken, policy.FirstSpan)
		case !taken.End.Equal(taken.End.Truncate(unit)):
			t.Fatalf("took %s, not aligned to %s", taken, unit)
		case announced(taken) > capacity && choice.Backoffs() < policy.Backoffs:
			shorter := start.Add(time.Duration(float64(taken.Span()) / policy.Factor)).Truncate(unit)
			if shorter.After(start) && shorter.Before(taken.End) {
				t.Fatalf("took %s with %d records of %d although a shorter one could be asked for", taken, announced(taken), capacity)
			}
		}
	})
}

func TestCapacity(t *testing.T) {
	tests := []struct {
		name         string
		left, margin time.Duration
		rate         float64
		want         int64
	}{
		{"time times rate", 15 * time.Minute, time.Minute, 100, 84000},
		{"nothing left but the margin", time.Minute, time.Minute, 100, 0},
		{"past the deadline", -time.Second, 0, 100, 0},
		{"no deadline", 1<<63 - 1, 0, 1e9, 1<<63/2 - 1},
		{"no rate", time.Minute, 0, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := window.Capacity(test.left, test.margin, test.rate)
			if diff := got - test.want; diff > 1 || diff < -1 {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestPolicyFaults(t *testing.T) {
	for name, policy := range map[string]window.Policy{
		"a factor that does not shorten": {Factor: 1},
		"negative back-offs":             {Backoffs: -1},
		"a negative span":                {FirstSpan: -1},
	} {
		if policy.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
