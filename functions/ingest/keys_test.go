package ingest

import (
	"fmt"
	"testing"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"
)

func TestKeySetCountsAsAMapDoes(t *testing.T) {
	type given struct {
		key uint64
		own bool
	}
	rapid.Check(t, func(rt *rapid.T) {
		records := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) given {
			return given{rapid.Uint64Range(1, 3000).Draw(rt, "key"), rapid.Bool().Draw(rt, "own")}
		}), 0, 5000).Draw(rt, "records")
		var set keySet
		for range 2 {
			own := map[uint64]bool{}
			var duplicates, distinct int64
			for _, record := range records {
				hash := record.key * 0x9E3779B97F4A7C16
				was, there := own[hash]
				if there {
					duplicates++
				}
				if record.own && !was {
					distinct++
				}
				own[hash] = was || record.own
				set.add(hash, record.own)
			}
			if set.duplicates != duplicates || set.held != len(own) || set.distinct() != distinct {
				rt.Fatalf("%d duplicates of %d keys, %d of them own: want %d of %d, %d", set.duplicates, set.held, set.distinct(), duplicates, len(own), distinct)
			}
			for hash, wanted := range own {
				if set.hasOwn(hash) != wanted || set.hasOwn(hash+2) && !own[hash+2] {
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
		set.add(xxhash.Sum64String(fmt.Sprint(i)), true)
	}
	if len(set.slots) > 2*maxKeys {
		t.Errorf("%d slots, want at most %d", len(set.slots), 2*maxKeys)
	}
	if got := float64(set.distinct()) / keys; got < 0.99 || got > 1.01 || set.duplicates != 0 {
		t.Errorf("counts %.3f of the keys, %d duplicates", got, set.duplicates)
	}
	// A page that came twice is found by the sample.
	for i := range 1000 {
		set.add(xxhash.Sum64String(fmt.Sprint(i)), true)
	}
	if set.duplicates == 0 {
		t.Error("a thousand keys that came twice are not found")
	}
}
