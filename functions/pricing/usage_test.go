package pricing_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/pricing"
)

func TestInvocation(t *testing.T) {
	const request = 0.0000002
	tests := []struct {
		name  string
		usage pricing.Usage
		usd   float64
	}{
		{"nothing but the request", pricing.Usage{MemoryMB: 128, Architecture: pricing.ARM64}, request},
		{"a second of a GB on arm64", pricing.Usage{Duration: time.Second, MemoryMB: 1024, Architecture: pricing.ARM64}, request + 0.0000133334},
		{"a second of a GB on x86", pricing.Usage{Duration: time.Second, MemoryMB: 1024, Architecture: pricing.X86}, request + 0.0000166667},
		{"an architecture that is not known costs as the dearer", pricing.Usage{Duration: time.Second, MemoryMB: 1024, Architecture: "amd64"}, request + 0.0000166667},
		{"an eighth of a GB", pricing.Usage{Duration: 8 * time.Second, MemoryMB: 128, Architecture: pricing.ARM64}, request + 0.0000133334},
		{"a whole millisecond stays one", pricing.Usage{Duration: time.Millisecond, MemoryMB: 1024, Architecture: pricing.ARM64}, request + 0.0000000133334},
		{"a begun millisecond counts whole", pricing.Usage{Duration: time.Millisecond + 1, MemoryMB: 1024, Architecture: pricing.ARM64}, request + 0.0000000266668},
		{"writes", pricing.Usage{Writes: 1000}, request + 0.005},
		{"reads", pricing.Usage{Reads: 1000}, request + 0.0004},
		{"transitions", pricing.Usage{Transitions: 2.5}, request + 0.0000625},
		{"all together", pricing.Usage{Duration: 2500 * time.Millisecond, MemoryMB: 128, Architecture: pricing.ARM64, Writes: 6, Reads: 5, Transitions: 1.875},
			0.0000002 + 0.0000041666875 + 0.00003 + 0.000002 + 0.000046875},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := pricing.USEast1.Invocation(test.usage); !same(got, test.usd) {
				t.Errorf("got $%.13f, want $%.13f", got, test.usd)
			}
		})
	}
}

// same holds where two amounts differ by no more than what floating-point numbers do.
func same(a, b float64) bool {
	return math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b))+1e-15
}

// TestInvocationsAddUpToTheDay holds for all days: what the functions say of themselves is what the model
// expects of them.
func TestInvocationsAddUpToTheDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfiguration(t)
		w := pricing.Workload{Runs: float64(rapid.IntRange(1, 288).Draw(t, "runs"))}
		spent, transitions := 0.0, 0.0
		for range rapid.IntRange(1, 30).Draw(t, "invocations") {
			u := pricing.Usage{
				MemoryMB:     c.MemoryMB,
				Architecture: c.Architecture,
				Writes:       rapid.IntRange(0, 50).Draw(t, "writes"),
				Reads:        rapid.IntRange(0, 50).Draw(t, "reads"),
				Transitions:  rapid.Float64Range(0, 10).Draw(t, "transitions"),
			}
			waits := time.Duration(rapid.IntRange(0, 900_000).Draw(t, "waits")) * time.Millisecond
			init := time.Duration(rapid.IntRange(0, 500).Draw(t, "init")) * time.Millisecond
			vendor := rapid.IntRange(0, 100).Draw(t, "vendor")
			u.Duration = waits + init + time.Duration(vendor)*pricing.VendorLatency + time.Duration(u.Writes+u.Reads)*pricing.StorageLatency
			spent += pricing.USEast1.Invocation(u)
			transitions += u.Transitions
			w = w.Add(pricing.Workload{
				Invocations:  1,
				Waits:        waits,
				Init:         init,
				VendorRounds: float64(vendor),
				Writes:       float64(u.Writes),
				Reads:        float64(u.Reads),
			})
		}
		w.ExtraTransitions = transitions - w.Runs*float64(c.TransitionsPerRun)
		if expected := pricing.USEast1.Day(c, w); !same(spent, expected) {
			t.Fatalf("the invocations cost $%.9f, the model expects $%.9f", spent, expected)
		}
	})
}
