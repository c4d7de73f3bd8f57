package rawzone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/window"
)

// A child stream's unit is the parent, not the window. Its parts and its commit stand under the parent's slot: a second of the log
// that is the parent's own for good, so that all else, which goes by the starts of windows, holds for parents too. A slot is taken
// with two objects:
//
//	<vendor>/<stream>/slots/<time>.json    whose the second is
//	<vendor>/<stream>/parents/<key>.json   which second is the parent's
//
// Both are put once and never changed. The second alone counts: of two runs that meet a parent at once, and have seen different times
// of it, both end with the slot of the one that put it first.

// SlotWindow returns the window that stands for the parent of a slot.
func SlotWindow(slot time.Time) window.Window {
	return window.Window{Start: slot, End: slot.Add(time.Second)}
}

// maxSlots bounds how many seconds are tried for one parent: more parents than that at one time are none.
const maxSlots = 3600

type slotOwner struct {
	Format int    `json:"format"`
	Parent string `json:"parent"`
}

type parentSlot struct {
	Format int       `json:"format"`
	Slot   time.Time `json:"slot"`
}

func (z Zone) parentKey(key string) string { return z.prefix() + "parents/" + key + ".json" }
func (z Zone) slotKey(slot time.Time) string {
	return z.prefix() + "slots/" + FormatTime(slot) + ".json"
}
func (z Zone) rosterKey() string { return z.prefix() + "roster.json" }

// Slot returns the slot of the parent with that key. A parent that has none gets the first free second from at on.
func (z Zone) Slot(ctx context.Context, key string, at time.Time) (time.Time, error) {
	slot, err := z.readSlot(ctx, key)
	if !errors.Is(err, objectstore.ErrNotFound) {
		return slot, err
	}
	at = at.UTC().Truncate(time.Second)
	for tried := range maxSlots {
		slot := at.Add(time.Duration(tried) * time.Second)
		free, err := z.takeSlot(ctx, slot, key)
		if err != nil {
			return time.Time{}, err
		}
		if !free {
			continue
		}
		body, err := json.Marshal(parentSlot{Format: plainVersion, Slot: slot})
		if err != nil {
			return time.Time{}, err
		}
		_, err = z.Bucket.Put(ctx, z.parentKey(key), bytes.NewReader(body), jsonType, nil, objectstore.Absent())
		if errors.Is(err, objectstore.ErrTaken) {
			return z.readSlot(ctx, key)
		}
		return slot, err
	}
	return time.Time{}, fmt.Errorf("no second from %s on is free for parent %s, of %d that were tried", FormatTime(at), key, maxSlots)
}

func (z Zone) readSlot(ctx context.Context, key string) (time.Time, error) {
	_, body, err := z.Bucket.Get(ctx, z.parentKey(key))
	if err != nil {
		return time.Time{}, err
	}
	var stored parentSlot
	if err := decode(z.parentKey(key), body, &stored, &stored.Format); err != nil {
		return time.Time{}, err
	}
	return stored.Slot, nil
}

// takeSlot reports whether the second is the parent's by now.
func (z Zone) takeSlot(ctx context.Context, slot time.Time, key string) (bool, error) {
	body, err := json.Marshal(slotOwner{Format: plainVersion, Parent: key})
	if err != nil {
		return false, err
	}
	_, err = z.Bucket.Put(ctx, z.slotKey(slot), bytes.NewReader(body), jsonType, nil, objectstore.Absent())
	if !errors.Is(err, objectstore.ErrTaken) {
		return err == nil, err
	}
	// It may be the parent's since a run that was killed before it could put the second object.
	_, there, err := z.Bucket.Get(ctx, z.slotKey(slot))
	if err != nil {
		return false, err
	}
	var owner slotOwner
	if err := decode(z.slotKey(slot), there, &owner, &owner.Format); err != nil {
		return false, err
	}
	return owner.Parent == key, nil
}

// Roster is what a child stream knows of its parents: those that are or will be due, as their stream last showed them. It is stored
// before the first of them is read. Nothing but requests depends on it: where it is lost or damaged, it is made again
// from the commits of the parent stream.
type Roster struct {
	Format int `json:"format"`
	// From is where the listing of the parent stream's commits began by which the roster was last brought up to date. The next one
	// begins no later, and at the log's beginning where From is zero.
	From time.Time `json:"from,omitzero"`
	// Seen are the commits of the parent stream whose records are in Parents, by their starts as they stand in names, with their
	// ETags.
	Seen map[string]string `json:"seen"`
	// Parents are in the order of their slots.
	Parents []Rostered `json:"parents"`
	Sweeping

	etag string
}

// Rostered is one parent.
type Rostered struct {
	Key  string    `json:"key"`
	Slot time.Time `json:"slot"`
	// Time is the parent's own time, which may move.
	Time time.Time `json:"time"`
	// Shown is the start of the window that showed it so.
	Shown time.Time `json:"shown"`
	// Record is what the requests for its children take of it.
	Record jsontext.Value `json:"record"`
	// Refused is when the vendor last refused to give its children, zero where it gave them since; Refusals counts how often it has
	// in a row.
	Refused  time.Time `json:"refused,omitzero"`
	Refusals int       `json:"refusals,omitempty"`
	// Failed says that it was no refusal the last time, but a failure that need not be this parent's, as of a vendor that is down.
	Failed bool `json:"failed,omitempty"`
	// Read is when the children were last read, as far as the run knew that stored the roster, and Unsettled says that their counts did
	// not agree. By it a run in which no parent is due needs to know no more.
	Read      time.Time `json:"read,omitzero"`
	Unsettled bool      `json:"unsettled,omitempty"`
}

// Roster returns the stream's roster; it is empty where there is none, or none that can be read.
func (z Zone) Roster(ctx context.Context) (Roster, error) {
	empty := Roster{Seen: map[string]string{}}
	object, body, err := z.Bucket.Get(ctx, z.rosterKey())
	if errors.Is(err, objectstore.ErrNotFound) {
		return empty, nil
	}
	if err != nil {
		return empty, err
	}
	var roster Roster
	if err := decode(z.rosterKey(), body, &roster, &roster.Format); err != nil {
		if errors.Is(err, ErrNewerFormat) {
			return empty, err
		}
		roster = Roster{}
	}
	if roster.Seen == nil {
		roster.Seen = map[string]string{}
	}
	roster.etag = object.ETag
	return roster, nil
}

// PutRoster stores roster where it is still the one that was read. It reports false where another run has stored one
// meanwhile.
func (z Zone) PutRoster(ctx context.Context, roster *Roster) (stored bool, err error) {
	roster.Format = plainVersion
	body, err := json.Marshal(roster, json.Deterministic(true))
	if err != nil {
		return false, err
	}
	etag, err := z.Bucket.Put(ctx, z.rosterKey(), bytes.NewReader(body), jsonType, nil, objectstore.Seen(roster.etag))
	if errors.Is(err, objectstore.ErrTaken) || errors.Is(err, objectstore.ErrChanged) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	roster.etag = etag
	return true, nil
}
