package pricing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/pricing"
)

func TestCompaction(t *testing.T) {
	c := usual
	day := pricing.CompactedDay{Name: "a day", Objects: 40, Blank: 8, CPU: 128 * time.Millisecond, SmallBytes: 2 << 30, Bytes: 1 << 30}
	lines := map[string]float64{}
	for _, line := range pricing.USEast1.Compaction(c, day).Lines {
		lines[line.Item] = line.USD
	}
	const days = 4 * 365
	for item, want := range map[string]float64{
		"CPU":                 days * 1.769 / 8 * pricing.USEast1.LambdaARM64GBSecond,
		"waiting for S3":      days * 61 * 0.05 / 8 * pricing.USEast1.LambdaARM64GBSecond,
		"S3 writes and lists": days * 11 * pricing.USEast1.S3Write,
		"S3 reads":            days * 50 * pricing.USEast1.S3Read,
	} {
		if got := lines[item]; !same(got, want) {
			t.Errorf("%s: $%.6f, want $%.6f", item, got, want)
		}
	}
	saved := lines["curated bucket, its first year, beside small objects"]
	if half := -days * 0.5 * 12 * pricing.USEast1.S3GBMonth; saved > 0.95*half || saved < half {
		t.Errorf("storage: $%.4f, want somewhat less saved than $%.4f", saved, half)
	}
}

// TestCompactionIsCheap holds the model to what the documentation says of it.
func TestCompactionIsCheap(t *testing.T) {
	for _, day := range pricing.CompactedDays() {
		e := pricing.USEast1.Compaction(usual, day)
		t.Logf("%s: $%.2f for the work, $%.2f for storage", day.Name, e.Of(pricing.Compute, pricing.Requests), e.Of(pricing.Storage))
		if work := e.Of(pricing.Compute, pricing.Requests); work > 0.25 || work < 0.05 {
			t.Errorf("%s: the work costs $%.4f a year, want some cents", day.Name, work)
		}
		if !strings.Contains(e.Title, day.Name) {
			t.Errorf("the title is %q", e.Title)
		}
	}
}
