package rawzone

import (
	"fmt"
	"iter"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// Digests are sums, so that what several windows hold together has the sum of theirs: one reading of them all tells whether any has
// changed.

// DigestOf returns the digest of records, as a commit has it.
func DigestOf(records iter.Seq[[]byte]) string {
	var sum uint64
	for record := range records {
		sum += xxhash.Sum64(record)
	}
	return digestText(sum)
}

// AddDigests returns the digest of what has the digests together. It fails where one of them is none.
func AddDigests(digests iter.Seq[string]) (string, error) {
	var sum uint64
	for digest := range digests {
		one, err := strconv.ParseUint(digest, 16, 64)
		if err != nil {
			return "", fmt.Errorf("digest %q: %w", digest, err)
		}
		sum += one
	}
	return digestText(sum), nil
}

func digestText(sum uint64) string { return fmt.Sprintf("%016x", sum) }
