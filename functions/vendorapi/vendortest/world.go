package vendortest

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// World is what a vendor holds: each version of each record, with the time it is found under and the span in
// which a caller sees it. [Generate] makes one; it does not change afterwards and may be used by many at once.
type World struct {
	shelves map[string]shelf
	// blocked are Zoom's uuids whose reports are never given.
	blocked map[string]bool
}

// Record is one version of a record.
type Record struct {
	// Key holds the values at the paths of the stream's Key: strings as what they say, all else as written.
	Key []string
	// JSON is the record as the vendor sends it.
	JSON []byte
	// Parent is the key of the record's parent, as the parent's stream has it, and Added are the members that the parent adds to
	// the record, each with a comma behind it. Both are nil of a record that is no child; see [Record.Held].
	Parent []string
	Added  []byte
	// Time is the window time as the vendor compares it. Where the description leaves the vendor's
	// resolution open or states a granularity, it is the time that the record itself shows. Of a child it is its
	// parent's own time, as the parent's last version shows it.
	Time time.Time
	// VisibleAt is when a caller can first see this version, GoneAt when no more: since another took its place or the
	// record vanished. GoneAt is zero of a version that stays.
	VisibleAt, GoneAt time.Time
}

// Held is the record as a lake must hold it: as the vendor sends it, with the fields of its parent before its own.
func (r Record) Held() []byte {
	if len(r.Added) == 0 {
		return r.JSON
	}
	held := append([]byte{'{'}, r.Added...)
	if string(r.JSON) == "{}" {
		held = held[:len(held)-1]
	}
	return append(held, r.JSON[1:]...)
}

// shelf is where a stream finds its records: in which collection and by which of its clocks.
type shelf struct {
	collection *collection
	clock      int
	// resolution is the unit that a time is cut to before a record is assigned to a window; zero does not cut.
	resolution time.Duration
	key        []string
	// family tells whose children the records are; nil of a stream that is no child.
	family *family
}

// collection holds the records of one kind, version after version.
type collection struct {
	// clocks name the times that a record can be looked up by, the default first.
	clocks   []string
	versions []version
	// times holds, for each version, one Unix time in nanoseconds for each clock.
	times  []int64
	sorted []sync.Once
	orders [][]int32
	arena  arena
	// firsts are the first versions of the records.
	firsts []int32
	// started says that the next version belongs to the same record as the one before.
	started bool
}

// version is one state of a record. It is seen from visible on until superseded, both in Unix nanoseconds.
type version struct {
	visible, superseded int64
	json                []byte
}

func newCollection(clocks ...string) *collection {
	return &collection{clocks: clocks, sorted: make([]sync.Once, len(clocks)), orders: make([][]int32, len(clocks))}
}

// begin starts the next record.
func (c *collection) begin() { c.started = false }

// add appends a version to the record begun last. A version is never seen before the one it replaces.
func (c *collection) add(json []byte, visible time.Time, times ...time.Time) {
	v := version{visible: visible.UnixNano(), superseded: math.MaxInt64, json: c.arena.keep(json)}
	if c.started {
		before := &c.versions[len(c.versions)-1]
		v.visible = max(v.visible, before.visible)
		before.superseded = v.visible
	} else {
		c.firsts = append(c.firsts, int32(len(c.versions)))
	}
	c.started = true
	c.versions = append(c.versions, v)
	for _, t := range times {
		c.times = append(c.times, t.UnixNano())
	}
}

// change appends a version with the times of the one added last, unless it is the same.
func (c *collection) change(json []byte, visible time.Time) {
	last := len(c.versions) - 1
	if bytes.Equal(c.versions[last].json, json) {
		return
	}
	times := make([]time.Time, len(c.clocks))
	for clock := range times {
		times[clock] = time.Unix(0, c.time(clock, int32(last)))
	}
	c.add(json, visible, times...)
}

// vanish ends the record begun last: it is seen no more from at on.
func (c *collection) vanish(at time.Time) {
	last := &c.versions[len(c.versions)-1]
	last.superseded = max(last.visible, at.UnixNano())
}

func (c *collection) clock(name string) (int, bool) {
	i := slices.Index(c.clocks, name)
	return i, i >= 0
}

func (c *collection) time(clock int, i int32) int64 { return c.times[int(i)*len(c.clocks)+clock] }

// order returns all versions in the order of a clock; of equal times, the one added first comes first.
func (c *collection) order(clock int) []int32 {
	c.sorted[clock].Do(func() {
		order := make([]int32, len(c.versions))
		for i := range order {
			order[i] = int32(i)
		}
		slices.SortStableFunc(order, func(a, b int32) int {
			switch ta, tb := c.time(clock, a), c.time(clock, b); {
			case ta < tb:
				return -1
			case ta > tb:
				return 1
			}
			return 0
		})
		c.orders[clock] = order
	})
	return c.orders[clock]
}

// find returns the versions that a caller sees at now and whose uncut time by the clock lies in [from, until),
// all in Unix nanoseconds, in the order of that time.
func (c *collection) find(clock int, from, until, now int64) []int32 {
	return c.filter(clock, from, until, func(v *version) bool { return v.visible <= now && now < v.superseded })
}

// filter returns the versions that keep reports true for and whose uncut time by the clock lies in [from, until),
// in the order of that time.
func (c *collection) filter(clock int, from, until int64, keep func(*version) bool) []int32 {
	order := c.order(clock)
	first, _ := slices.BinarySearchFunc(order, from, func(i int32, t int64) int {
		if c.time(clock, i) < t {
			return -1
		}
		return 1
	})
	var found []int32
	for _, i := range order[first:] {
		if c.time(clock, i) >= until {
			break
		}
		if keep(&c.versions[i]) {
			found = append(found, i)
		}
	}
	return found
}

// arena keeps many small byte slices in few large ones.
type arena struct{ free []byte }

const arenaChunk = 1 << 20

func (a *arena) keep(b []byte) []byte {
	if len(b) > len(a.free) {
		a.free = make([]byte, max(arenaChunk, len(b)))
	}
	kept := a.free[:len(b):len(b)]
	a.free = a.free[len(b):]
	copy(kept, b)
	return kept
}

// Records returns what a lake must hold of a stream: of each record the newest version that can be seen at
// now, where its window time lies in within, in the order of that time; of a child stream where its parent's own time does. A record
// that has moved out of the window since is not among them. It panics where the world has no such stream, since that is a mistake in
// the caller.
func (w *World) Records(stream string, within window.Window, now time.Time) []Record {
	at := now.UnixNano()
	return w.records(stream, within, func(v *version) bool { return v.visible <= at && at < v.superseded })
}

// Versions returns every version that is ever seen of a stream's records, where its window time lies in within, in the
// order of that time and, of equal times, in the order in which they are seen. With it, what any reading has seen can be
// told: those versions whose VisibleAt is not after it and whose GoneAt is. It panics as Records does.
func (w *World) Versions(stream string, within window.Window) []Record {
	return w.records(stream, within, func(v *version) bool { return v.visible < v.superseded })
}

func (w *World) records(stream string, within window.Window, keep func(*version) bool) []Record {
	s, ok := w.shelves[stream]
	if !ok {
		panic(fmt.Sprintf("vendortest: the world has no stream %q", stream))
	}
	// A time cut down to the resolution is at or after a bound exactly when the time itself is at or after
	// the bound rounded up.
	from, until := ceil(within.Start.UnixNano(), s.resolution), ceil(within.End.UnixNano(), s.resolution)
	found := s.collection.filter(s.clock, from, until, keep)
	records := make([]Record, len(found))
	for n, i := range found {
		v := &s.collection.versions[i]
		records[n] = Record{
			Key:       keyOf(v.json, s.key),
			JSON:      v.json,
			Time:      time.Unix(0, floor(s.collection.time(s.clock, i), s.resolution)).UTC(),
			VisibleAt: time.Unix(0, v.visible).UTC(),
		}
		if s.family != nil {
			parent := s.family.parents[s.family.of[i]]
			records[n].Parent, records[n].Added = parent.key, parent.added
			records[n].Key = keyOf(records[n].Held(), s.key)
		}
		if v.superseded != math.MaxInt64 {
			records[n].GoneAt = time.Unix(0, v.superseded).UTC()
		}
	}
	return records
}

// floor and ceil cut Unix nanoseconds down and up to whole units; a unit of zero leaves them.
func floor(t int64, unit time.Duration) int64 {
	if unit <= 0 {
		return t
	}
	rest := t % int64(unit)
	if rest < 0 {
		rest += int64(unit)
	}
	return t - rest
}

func ceil(t int64, unit time.Duration) int64 {
	if down := floor(t, unit); down != t {
		return down + int64(unit)
	}
	return t
}

// keyOf returns the values at the paths (names joined by dots) of a record: of arrays and objects what is written; an absent one is
// empty.
func keyOf(record []byte, paths []string) []string {
	key := make([]string, len(paths))
	for i, path := range paths {
		names := strings.Split(path, ".")
		key[i] = scalarAt(record, names)
		if value := valueAt(record, names); value[0] == '[' || value[0] == '{' {
			key[i] = string(value)
		}
	}
	return key
}

func scalarAt(record []byte, names []string) string {
	d := jsontext.NewDecoder(bytes.NewReader(record))
	for _, name := range names {
		if token, err := d.ReadToken(); err != nil || token.Kind() != '{' {
			return ""
		}
		for {
			token, err := d.ReadToken()
			if err != nil || token.Kind() != '"' {
				return ""
			}
			if token.String() == name {
				break
			}
			if d.SkipValue() != nil {
				return ""
			}
		}
	}
	token, err := d.ReadToken()
	if err != nil || token.Kind() == '{' || token.Kind() == '[' || token.Kind() == 'n' {
		return ""
	}
	return token.String()
}

// shelve gives each stream of a description its place in a collection.
func (w *World) shelve(s *vendorapi.Stream, c *collection, clock int) {
	w.shelveChildren(s, c, clock, nil)
}

// shelveChildren does so for a child stream.
func (w *World) shelveChildren(s *vendorapi.Stream, c *collection, clock int, of *family) {
	resolution := s.Window.Resolution.D()
	if s.Window.Granularity > 0 {
		resolution = 0
	}
	w.shelves[s.Name] = shelf{collection: c, clock: clock, resolution: resolution, key: s.Key, family: of}
}
