package rawzone_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/rawzone"
)

func TestASlotIsTheParentsForGood(t *testing.T) {
	_, zone := newZone()
	for _, test := range []struct {
		name, key string
		at        time.Time
		want      time.Time
	}{
		{"the first of its time", "a", start, start},
		{"another one of that time", "b", start, start.Add(time.Second)},
		{"the second after is taken too", "c", start.Add(300 * time.Millisecond), start.Add(2 * time.Second)},
		{"it is met again", "b", start, start.Add(time.Second)},
		{"its time has moved", "a", start.Add(240 * time.Hour), start},
	} {
		t.Run(test.name, func(t *testing.T) {
			if slot, err := zone.Slot(ctx, test.key, test.at); err != nil || !slot.Equal(test.want) {
				t.Errorf("got %s, %v, want %s", slot, err, test.want)
			}
		})
	}
}

// TestASlotSurvivesAKilledRun kills the run that takes a slot at each of its requests; the next sees another time of the parent.
func TestASlotSurvivesAKilledRun(t *testing.T) {
	for at := 1; at <= 3; at++ {
		for _, effect := range []bool{false, true} {
			t.Run(fmt.Sprintf("request %d, effect %v", at, effect), func(t *testing.T) {
				store, zone := newZone()
				store.CrashAt(at, effect)
				if _, err := zone.Slot(ctx, "a", start); !errors.Is(err, objectstoretest.ErrCrash) {
					t.Fatalf("got %v", err)
				}
				store.Revive()
				first, err := zone.Slot(ctx, "a", start.Add(time.Minute))
				if err != nil {
					t.Fatal(err)
				}
				if again, err := zone.Slot(ctx, "a", start); err != nil || !again.Equal(first) {
					t.Errorf("got %s, %v, want %s", again, err, first)
				}
				if other, err := zone.Slot(ctx, "b", first); err != nil || other.Equal(first) {
					t.Errorf("another parent got %s, %v", other, err)
				}
			})
		}
	}
}

func TestTheFirstOfTwoRunsDecidesTheSlot(t *testing.T) {
	store, zone := newZone()
	// The other run has seen the parent at another time, and puts its word between this one's two puts.
	store.Before = func(c objectstoretest.Call) error {
		if c.Operation == objectstoretest.Put && strings.HasSuffix(c.Key, "/parents/a.json") {
			store.Set("raw", c.Key, []byte(`{"format":1,"slot":"2026-03-12T00:00:00Z"}`))
		}
		return nil
	}
	slot, err := zone.Slot(ctx, "a", start)
	if want := time.Date(2026, 3, 12, 0, 0, 0, 0, time.UTC); err != nil || !slot.Equal(want) {
		t.Errorf("got %s, %v, want the other run's %s", slot, err, want)
	}
}

func TestRunsAtOnceAgreeOnTheSlots(t *testing.T) {
	_, zone := newZone()
	const parents, runs = 5, 8
	got := [parents][runs]time.Time{}
	var all sync.WaitGroup
	for run := range runs {
		for parent := range parents {
			all.Go(func() {
				slot, err := zone.Slot(ctx, fmt.Sprint(parent), start.Add(time.Duration(run%2)*time.Second))
				if err != nil {
					t.Error(err)
				}
				got[parent][run] = slot
			})
		}
	}
	all.Wait()
	owner := map[time.Time]int{}
	for parent, slots := range got {
		for _, slot := range slots {
			if !slot.Equal(slots[0]) {
				t.Errorf("parent %d has the slots %s and %s", parent, slot, slots[0])
			}
		}
		if other, taken := owner[slots[0]]; taken {
			t.Errorf("parents %d and %d share the slot %s", parent, other, slots[0])
		}
		owner[slots[0]] = parent
	}
}

func TestTheRosterOfAnotherRunIsKept(t *testing.T) {
	_, zone := newZone()
	first, err := zone.Roster(ctx)
	if err != nil {
		t.Fatal(err)
	}
	second := first
	first.Seen = map[string]string{"20260310T170000Z": "etag"}
	first.Parents = []rawzone.Rostered{{Key: "a", Slot: start, Time: start, Shown: start, Record: []byte(`{"key":"a"}`)}}
	if stored, err := zone.PutRoster(ctx, &first); err != nil || !stored {
		t.Fatalf("got %v, %v", stored, err)
	}
	if stored, err := zone.PutRoster(ctx, &second); err != nil || stored {
		t.Errorf("the second run's roster: got %v, %v", stored, err)
	}
	read, err := zone.Roster(ctx)
	if diff := cmp.Diff(first, read, cmpopts.IgnoreUnexported(rawzone.Roster{})); err != nil || diff != "" {
		t.Errorf("%v (-stored +read):\n%s", err, diff)
	}
	first.Parents[0].Refusals = 1
	if stored, err := zone.PutRoster(ctx, &first); err != nil || !stored {
		t.Errorf("its own roster again: got %v, %v", stored, err)
	}
}
