// Package lease lets one of several processes at a time do something, by an object that is put with S3's conditional writes.
//
// It stands apart because what it protects does not matter to it: whoever puts the object holds the lease until it expires, each
// holder has a higher fencing number than the one before, and a holder may leave a note of what it is about to do, which the
// next one gets to see. It is designed after Litestream's leaser
// (https://github.com/benbjohnson/litestream/blob/main/leaser.go), but keeps the object when a lease is given back, so that
// fencing numbers go on growing and a note outlives its writer.
package lease

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/rawzone"
)

var (
	// ErrHeld says that another holder has the lease. The error is a [*HeldError].
	ErrHeld = errors.New("the lease is held by another")
	// ErrLost says that the lease is no longer the caller's: it had expired, and another has taken it.
	ErrLost = errors.New("the lease has been taken by another")
)

// HeldError tells who holds a lease.
type HeldError struct {
	Holder string
	// Until is when it can be taken at the latest.
	Until time.Time
}

// Error names the holder.
func (e *HeldError) Error() string {
	return fmt.Sprintf("%v: %s, until %s", ErrHeld, e.Holder, e.Until.Format(time.RFC3339))
}

// Unwrap returns [ErrHeld].
func (e *HeldError) Unwrap() error { return ErrHeld }

// Skew is how far the clocks of two holders may be apart. A lease is taken over that much after it has expired. Lambda's clocks
// are kept by Amazon's time service, to within far less. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/set-time.html
const Skew = 5 * time.Second

// FormatVersion is the version of the object's JSON form. A higher one is refused.
const FormatVersion = 1

// Leaser takes the lease under one key. Its methods keep nothing, and may be called from several goroutines at once.
type Leaser struct {
	Bucket objectstore.Bucket
	Key    string
	// Holder names the process, as no other is named.
	Holder string
	// TTL is how long a lease is held at most without a word of its holder.
	TTL time.Duration
	Now func() time.Time
}

// Lease is what its holder has. It is of use to one goroutine at a time.
type Lease struct {
	// Fence is higher than that of each holder before.
	Fence int64
	// Expires is when the holder must have ended its work, or asked for more time by [Leaser.Note].
	Expires time.Time
	// Note is what the last holder that left one wrote, empty where it took it back.
	Note json.RawMessage

	etag string
}

// object is what is stored.
type object struct {
	Format  int             `json:"format"`
	Holder  string          `json:"holder"`
	Fence   int64           `json:"fence"`
	Expires time.Time       `json:"expires"`
	Note    json.RawMessage `json:"note,omitempty"`
}

// Acquire takes the lease where nobody holds it. It fails with [ErrHeld] where somebody does.
func (l Leaser) Acquire(ctx context.Context) (*Lease, error) {
	now := l.Now()
	before, etag, err := l.read(ctx)
	if err != nil {
		return nil, err
	}
	if free := before.Expires.Add(Skew); etag != "" && !before.Expires.IsZero() && now.Before(free) {
		return nil, &HeldError{Holder: before.Holder, Until: free}
	}
	next := object{Holder: l.Holder, Fence: before.Fence + 1, Expires: now.Add(l.TTL), Note: before.Note}
	held, err := l.put(ctx, next, etag)
	if errors.Is(err, ErrLost) {
		// Another was faster.
		return nil, &HeldError{Holder: "one that has just taken it", Until: now.Add(l.TTL)}
	}
	return held, err
}

// Note writes down what the holder is about to do, in place of what was noted before, and has the lease last for another TTL
// from now. It fails with [ErrLost]: the holder must then do nothing of it.
func (l Leaser) Note(ctx context.Context, held *Lease, note json.RawMessage) error {
	return l.change(ctx, held, note, l.Now().Add(l.TTL))
}

// Release gives the lease back, and leaves the note to the next holder; nil takes it back. It fails with [ErrLost].
func (l Leaser) Release(ctx context.Context, held *Lease, note json.RawMessage) error {
	return l.change(ctx, held, note, time.Time{})
}

func (l Leaser) change(ctx context.Context, held *Lease, note json.RawMessage, expires time.Time) error {
	after, err := l.put(ctx, object{Holder: l.Holder, Fence: held.Fence, Expires: expires, Note: note}, held.etag)
	if err == nil {
		*held = *after
	}
	return err
}

// read returns what is stored, and an empty ETag where nothing is.
func (l Leaser) read(ctx context.Context) (object, string, error) {
	found, body, err := l.Bucket.Get(ctx, l.Key)
	if errors.Is(err, objectstore.ErrNotFound) {
		return object{}, "", nil
	}
	if err != nil {
		return object{}, "", err
	}
	var o object
	if err := json.Unmarshal(body, &o); err != nil {
		return object{}, "", fmt.Errorf("%s: %w", l.Key, err)
	}
	if o.Format > FormatVersion {
		return object{}, "", fmt.Errorf("%s: format %d: %w", l.Key, o.Format, rawzone.ErrNewerFormat)
	}
	return o, found.ETag, nil
}

// put stores o where the object still has the ETag. It fails with [ErrLost].
func (l Leaser) put(ctx context.Context, o object, etag string) (*Lease, error) {
	o.Format = FormatVersion
	body, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	put, err := l.Bucket.Put(ctx, l.Key, bytes.NewReader(body), "application/json", nil, objectstore.Seen(etag))
	if errors.Is(err, objectstore.ErrTaken) || errors.Is(err, objectstore.ErrChanged) {
		// It may be the caller's own, from a put whose answer was lost.
		found, there, readErr := l.Bucket.Get(ctx, l.Key)
		if readErr != nil || !bytes.Equal(there, body) {
			return nil, fmt.Errorf("%s: %w", l.Key, ErrLost)
		}
		put, err = found.ETag, nil
	}
	if err != nil {
		return nil, err
	}
	return &Lease{Fence: o.Fence, Expires: o.Expires, Note: o.Note, etag: put}, nil
}
