// Package forgotten keeps the list of those whom a lake is to forget, and takes them out of records.
//
//	<vendor>/forgotten.json
//
// A person is on the list by the keyed digest of their e-mail address (package privacy), so that the list says of nobody that they were
// ever there: who has it without the key learns how many they are, and who has both can ask about an address that they know.
//
// It stands apart because two must take out the same: ingest, before it stores what the vendor still gives, and erasure, from what is
// stored. What is about the person goes as a whole; what is about somebody else and has the address in it, as that of a host or in a
// question's text, stays without the address. It knows nothing of parts and commits.
package forgotten

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/settings"
)

// FormatVersion is the version of the list's JSON form. A higher one is refused.
const FormatVersion = 1

// List says who is forgotten.
type List struct {
	Format int `json:"format"`
	// Version grows with each change, so that what was stored under an earlier list can be told.
	Version int `json:"version"`
	// Digests are those of the addresses, sorted.
	Digests []string `json:"digests"`
}

// Key is where the list of a vendor stands in the raw bucket.
func Key(vendor string) string { return settings.ForgottenKey(vendor) }

// Read returns the vendor's list, which is empty where there is none.
func Read(ctx context.Context, raw objectstore.Bucket, vendor string) (List, error) {
	list, _, err := read(ctx, raw, vendor)
	return list, err
}

func read(ctx context.Context, raw objectstore.Bucket, vendor string) (list List, etag string, err error) {
	object, body, err := raw.Get(ctx, Key(vendor))
	if errors.Is(err, objectstore.ErrNotFound) {
		return List{}, "", nil
	}
	if err != nil {
		return List{}, "", err
	}
	// Nothing is stored where the list cannot be read: it would bring back who is on it.
	if err := json.Unmarshal(body, &list); err != nil {
		return List{}, "", fmt.Errorf("object %s: %w; put an earlier version of it back, which the bucket keeps", Key(vendor), err)
	}
	if list.Format > FormatVersion {
		return List{}, "", fmt.Errorf("object %s has format version %d, this release knows up to %d: deploy the release that wrote it, or a later one",
			Key(vendor), list.Format, FormatVersion)
	}
	return list, object.ETag, nil
}

// tries bounds how often the list is put that others put at the same time.
const tries = 10

// Add puts a digest on the vendor's list and returns the list. One that is there already changes nothing.
func Add(ctx context.Context, raw objectstore.Bucket, vendor, digest string) (List, error) {
	if err := CheckDigest(digest); err != nil {
		return List{}, err
	}
	for try := 1; ; try++ {
		list, etag, err := read(ctx, raw, vendor)
		if err != nil {
			return List{}, err
		}
		at, there := slices.BinarySearch(list.Digests, digest)
		if there {
			return list, nil
		}
		list.Format, list.Version = FormatVersion, list.Version+1
		list.Digests = slices.Insert(list.Digests, at, digest)
		body, err := json.Marshal(list)
		if err != nil {
			return List{}, err
		}
		_, err = raw.Put(ctx, Key(vendor), bytes.NewReader(body), "application/json", nil, objectstore.Seen(etag))
		if lost := errors.Is(err, objectstore.ErrTaken) || errors.Is(err, objectstore.ErrChanged); lost && try < tries {
			// It may be this put itself, whose answer was lost.
			continue
		}
		return list, err
	}
}

// CheckDigest says what is wrong with what should be the digest of an address.
func CheckDigest(digest string) error {
	if sum, err := hex.DecodeString(digest); err != nil || len(digest) != privacy.DigestLength || hex.EncodeToString(sum) != digest {
		return fmt.Errorf("the digest has %d characters: want %d of 0-9 and a-f, the keyed digest of an e-mail address", len(digest), privacy.DigestLength)
	}
	return nil
}
