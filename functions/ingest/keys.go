package ingest

import (
	"context"
	"fmt"
	"math/bits"
	"slices"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

const (
	// maxKeys is how many keys a set holds exactly; 2 slots of 8 bytes each are kept for one. From there on it
	// holds a sample: half of the keys, a quarter, and so on.
	maxKeys = 1 << 20
	// firstSlots is the size that a set begins with.
	firstSlots = 1 << 10
)

// keySet is a set of hashed keys in bounded memory. A window in which a record comes twice is one that shifted
// while it was read, and such shifts move many records, so that a sample of the keys finds them too.
type keySet struct {
	// slots is an open-addressed table of a power of two of hashes; 0 is an empty slot. The lowest bit of a hash gives
	// way to ownKey.
	slots []uint64
	held  int
	// own is how many of those held are of the window's own records.
	own int
	// sampled is how many leading bits of a hash must be 0 for it to be held.
	sampled int
	// duplicates counts the keys added that were there already.
	duplicates int64
}

// ownKey marks the keys of the window's own records, apart from those that were given because more is asked for than the
// window.
const ownKey = 1

// bare returns a hash as a slot holds it, without the mark.
func bare(hash uint64) uint64 { return max(hash&^ownKey, 2) }

// reset empties the set and keeps its memory.
func (s *keySet) reset() {
	clear(s.slots)
	s.held, s.own, s.sampled, s.duplicates = 0, 0, 0, 0
}

// samples reports whether the set holds keys like hash at all.
func (s *keySet) samples(hash uint64) bool { return bits.LeadingZeros64(hash) >= s.sampled }

// find returns the slot that holds hash, or the empty one where it belongs.
func (s *keySet) find(hash uint64) int {
	hash = bare(hash)
	mask := len(s.slots) - 1
	i := int(hash>>1) & mask
	for s.slots[i] != 0 && s.slots[i]&^ownKey != hash {
		i = (i + 1) & mask
	}
	return i
}

// add adds the key of a record, which is the window's own or not.
func (s *keySet) add(hash uint64, own bool) {
	if !s.samples(hash) {
		return
	}
	if 2*(s.held+1) > len(s.slots) {
		s.grow()
		if !s.samples(hash) {
			return
		}
	}
	i := s.find(hash)
	if s.slots[i] != 0 {
		s.duplicates++
	} else {
		s.slots[i] = bare(hash)
		s.held++
	}
	if own && s.slots[i]&ownKey == 0 {
		s.slots[i] |= ownKey
		s.own++
	}
}

// addAll adds the keys of a page's records. One after the other the processor waits for the memory of several slots at once, which
// takes a third as long as between other work.
func (s *keySet) addAll(hashes []uint64, own bool) {
	for _, hash := range hashes {
		s.add(hash, own)
	}
}

// hasOwn reports whether a record of the window itself has the key; it is only asked for keys that the set samples.
func (s *keySet) hasOwn(hash uint64) bool {
	return len(s.slots) > 0 && s.slots[s.find(hash)]&ownKey != 0
}

// distinct returns about how many keys of own records were added, exactly so where none had to be left out.
func (s *keySet) distinct() int64 { return int64(s.own) << s.sampled }

// grow enlarges the table, or drops half of the keys where it is as large as it may be.
func (s *keySet) grow() {
	old := s.slots
	if s.held >= maxKeys {
		s.sampled++
		// The table is filled anew: two of this size would be a quarter of the function's memory.
		old = s.leave()
	} else {
		// In large steps, since both tables are held while the keys are moved.
		s.slots = make([]uint64, min(max(firstSlots, 8*len(old)), 2*maxKeys))
	}
	s.held, s.own = 0, 0
	for _, hash := range old {
		if hash != 0 && s.samples(hash) {
			s.slots[s.find(hash)] = hash
			s.held++
			s.own += int(hash & ownKey)
		}
	}
}

// leave empties the table and returns those of its slots that are still to be held.
func (s *keySet) leave() []uint64 {
	n := 0
	for _, hash := range s.slots {
		if hash != 0 && s.samples(hash) {
			s.slots[n] = hash
			n++
		}
	}
	left := slices.Clone(s.slots[:n])
	clear(s.slots)
	return left
}

// count adds the keys of the parts that earlier invocations have stored. It fails with [vendorapi.ErrDeadline]
// where time runs out; where even an invocation that did nothing else is too short, the reading is uncountable.
func (g *reading) count(ctx context.Context) error {
	for g.uncounted > 0 {
		if g.left() <= 0 {
			if g.pagesNow > 0 || !g.fresh() {
				return vendorapi.ErrDeadline
			}
			g.uncountable, g.uncounted = true, 0
			return nil
		}
		part := g.attempt.Parts[g.uncounted-1]
		err := g.eachKey(ctx, part, func(hash uint64, _ []byte) error {
			g.keys.add(hash, true)
			return nil
		})
		if err != nil {
			return err
		}
		g.uncounted--
	}
	return nil
}

// eachKey calls see with each record of a part and the hash of its key, until see fails. The record is valid until see returns.
func (r *run) eachKey(ctx context.Context, part rawzone.Part, see func(hash uint64, record []byte) error) error {
	body, err := r.Zone.OpenPart(ctx, part)
	if err != nil {
		return err
	}
	err = rawzone.EachRecord(body, func(record []byte) error {
		hash, keyed, err := r.key.Hash(record)
		if err != nil {
			return fmt.Errorf("the key of a record: %w", err)
		}
		if !keyed {
			return nil
		}
		return see(hash, record)
	})
	if err != nil {
		return fmt.Errorf("part %s: %w", part.Key, err)
	}
	return nil
}
