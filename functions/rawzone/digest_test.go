package rawzone_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/rawzone"
)

// TestDigestsAddUp compares the digest of records with the sum of those of any two shares of them.
func TestDigestsAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var all, one, other [][]byte
		for i := range rapid.IntRange(0, 20).Draw(rt, "records") {
			record := fmt.Appendf(nil, "%d", i)
			all = append(all, record)
			if rapid.Bool().Draw(rt, "share") {
				one = append(one, record)
			} else {
				other = append(other, record)
			}
		}
		sum, err := rawzone.AddDigests(slices.Values([]string{rawzone.DigestOf(slices.Values(other)), rawzone.DigestOf(slices.Values(one))}))
		if want := rawzone.DigestOf(slices.Values(all)); err != nil || sum != want {
			rt.Fatalf("the digests add up to %s, %v; want %s", sum, err, want)
		}
		attempt, buffer := rawzone.Attempt{}, rawzone.NewBuffer(100)
		for _, record := range all {
			buffer.Add(record)
		}
		if got := attempt.Digest(buffer); got != sum {
			rt.Fatalf("a commit would have %s, want %s", got, sum)
		}
	})
	if _, err := rawzone.AddDigests(slices.Values([]string{"none"})); err == nil {
		t.Error("what is no digest is added")
	}
}
