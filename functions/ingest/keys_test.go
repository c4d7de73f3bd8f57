package ingest

import (
	"fmt"
	"testing"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"
)

func TestKeySetCountsAsAMapDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		hashes := rapid.SliceOfN(rapid.Uint64Range(0, 3000), 0, 5000).Draw(rt, "hashes")
		var set keySet
		for range 2 {
			there := map[uint64]bool{}
			var duplicates int64
			for _, hash := range hashes {
				// 0 and 1 are one key: a collision more among 2^64.
				hash = max(hash, 1) * 0x9E3779B97F4A7C15
				if there[hash] {
					duplicates++
				}
				there[hash] = true
				set.add(hash)
			}
			if set.duplicates != duplicates || set.distinct() != int64(len(there)) {
				rt.Fatalf("%d duplicates of %d keys, want %d of %d", set.duplicates, set.distinct(), duplicates, len(there))
			}
			for hash := range there {
				if !set.has(hash) || set.has(hash+1) && !there[hash+1] {
					rt.Fatalf("key %x is not told apart", hash)
				}
			}
			set.reset()
		}
	})
}

func TestKeySetStaysSmall(t *testing.T) {
	var set keySet
	const keys = 5 * maxKeys
	for i := range keys {
		set.add(xxhash.Sum64String(fmt.Sprint(i)))
	}
	if len(set.slots) > 2*maxKeys {
		t.Errorf("%d slots, want at most %d", len(set.slots), 2*maxKeys)
	}
	if got := float64(set.distinct()) / keys; got < 0.99 || got > 1.01 || set.duplicates != 0 {
		t.Errorf("counts %.3f of the keys, %d duplicates", got, set.duplicates)
	}
	// A page that came twice is found by the sample.
	for i := range 1000 {
		set.add(xxhash.Sum64String(fmt.Sprint(i)))
	}
	if set.duplicates == 0 {
		t.Error("a thousand keys that came twice are not found")
	}
}
