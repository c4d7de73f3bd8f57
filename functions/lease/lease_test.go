package lease_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/lease"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/rawzone"
)

const key = "acme/lease-token.json"

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func leaser(store *objectstoretest.Store, holder string, now *time.Time) lease.Leaser {
	return lease.Leaser{Bucket: store.Bucket("raw"), Key: key, Holder: holder, TTL: time.Minute, Now: func() time.Time { return *now }}
}

func TestOneHolderAtATime(t *testing.T) {
	store, now := objectstoretest.New(), noon
	a, b := leaser(store, "a", &now), leaser(store, "b", &now)
	held, err := a.Acquire(t.Context())
	if err != nil || held.Fence != 1 || !held.Expires.Equal(noon.Add(time.Minute)) || held.Note != nil {
		t.Fatalf("%+v, %v", held, err)
	}
	var other *lease.HeldError
	if _, err := b.Acquire(t.Context()); !errors.Is(err, lease.ErrHeld) || !errors.As(err, &other) || other.Holder != "a" || !other.Until.Equal(noon.Add(time.Minute+lease.Skew)) {
		t.Errorf("got %v", err)
	}
	if err := a.Release(t.Context(), held, nil); err != nil {
		t.Fatal(err)
	}
	if held, err = b.Acquire(t.Context()); err != nil || held.Fence != 2 {
		t.Errorf("after it was given back: %+v, %v", held, err)
	}
}

func TestALeaseExpires(t *testing.T) {
	store, now := objectstoretest.New(), noon
	a, b := leaser(store, "a", &now), leaser(store, "b", &now)
	first, err := a.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Note(t.Context(), first, json.RawMessage(`{"about":"this"}`)); err != nil {
		t.Fatal(err)
	}
	now = noon.Add(time.Minute + lease.Skew - time.Nanosecond)
	if _, err := b.Acquire(t.Context()); !errors.Is(err, lease.ErrHeld) {
		t.Errorf("got %v before it has expired on every clock", err)
	}
	now = noon.Add(time.Minute + lease.Skew)
	second, err := b.Acquire(t.Context())
	if err != nil || second.Fence != 2 || string(second.Note) != `{"about":"this"}` {
		t.Fatalf("%+v, %v: want the note of the one before", second, err)
	}
	// The first holder wakes up, and changes nothing.
	for name, err := range map[string]error{"note": a.Note(t.Context(), first, nil), "release": a.Release(t.Context(), first, nil)} {
		if !errors.Is(err, lease.ErrLost) {
			t.Errorf("%s: %v, want ErrLost", name, err)
		}
	}
	if err := b.Release(t.Context(), second, nil); err != nil {
		t.Error(err)
	}
}

func TestALostAnswerIsNoLostLease(t *testing.T) {
	store, now := objectstoretest.New(), noon
	a := leaser(store, "a", &now)
	// The first put takes effect twice as the SDK sees it: its answer is lost, and the repetition meets the object.
	lost := func() {
		store.After = func(c objectstoretest.Call) error {
			if c.Operation != objectstoretest.Put {
				return nil
			}
			store.After = nil
			return objectstoretest.Failure(412, "PreconditionFailed")
		}
	}
	lost()
	held, err := a.Acquire(t.Context())
	if err != nil || held.Fence != 1 {
		t.Fatalf("%+v, %v", held, err)
	}
	lost()
	if err := a.Note(t.Context(), held, json.RawMessage(`1`)); err != nil {
		t.Fatal(err)
	}
	if err := a.Release(t.Context(), held, nil); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeReadIsNotTaken(t *testing.T) {
	store, now := objectstoretest.New(), noon
	a := leaser(store, "a", &now)
	store.Set("raw", key, []byte(`{"format":2}`))
	if _, err := a.Acquire(t.Context()); !errors.Is(err, rawzone.ErrNewerFormat) || !strings.Contains(err.Error(), key) {
		t.Errorf("got %v", err)
	}
	store.Set("raw", key, []byte(`{`))
	if _, err := a.Acquire(t.Context()); err == nil || !strings.Contains(err.Error(), key) {
		t.Errorf("got %v", err)
	}
}

// TestLeasesNeverOverlap lets three holders with clocks of their own acquire, note, sleep and release in any order.
func TestLeasesNeverOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := objectstoretest.New()
		real := noon
		var leasers []lease.Leaser
		held := make([]*lease.Lease, 3)
		for i := range held {
			off := time.Duration(rapid.Int64Range(0, int64(lease.Skew)).Draw(t, "off"))
			l := leaser(store, string(rune('a'+i)), &real)
			l.Now = func() time.Time { return real.Add(off) }
			leasers = append(leasers, l)
		}
		fence := int64(0)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			i := rapid.IntRange(0, 2).Draw(t, "who")
			l := leasers[i]
			switch rapid.IntRange(0, 3).Draw(t, "does") {
			case 0:
				got, err := l.Acquire(t.Context())
				if err != nil {
					continue
				}
				for j, other := range held {
					if j != i && other != nil && leasers[j].Now().Before(other.Expires) {
						t.Fatalf("%c takes what %c holds until %v", 'a'+i, 'a'+j, other.Expires)
					}
				}
				if got.Fence != fence+1 {
					t.Fatalf("fence %d follows on %d", got.Fence, fence)
				}
				fence, held[i] = got.Fence, got
			case 1:
				if held[i] != nil && l.Note(t.Context(), held[i], json.RawMessage(`1`)) != nil {
					held[i] = nil
				}
			case 2:
				if held[i] != nil {
					_ = l.Release(t.Context(), held[i], nil)
					held[i] = nil
				}
			case 3:
				real = real.Add(time.Duration(rapid.Int64Range(0, int64(2*time.Minute)).Draw(t, "sleep")))
			}
		}
	})
}
