package verify

import (
	"errors"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/window"
)

// always is all of the vendor's history.
var always = window.Window{Start: time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)}

// listed yields the versions that a run which did not fail was listed: the newest of a record is what the view should show of a listing.
func (c Check) listed() Source {
	return func(window.Window) iter.Seq2[Record, error] {
		return func(yield func(Record, error) bool) {
			for record, err := range c.Source(always) {
				if err == nil && !slices.ContainsFunc(c.Runs, func(run Run) bool { return !run.Failed && c.lists(record, run.At) }) {
					continue
				}
				if !yield(record, err) {
					return
				}
			}
		}
	}
}

// lists reports whether the vendor listed a version to a run.
func (c Check) lists(record Record, at time.Time) bool {
	if !(span{at, at}).throughout(record) {
		return false
	}
	w := c.Stream.Window
	if w.Start == w.End {
		return true // There are no places for bounds.
	}
	// A run asks at the end of a window, which lies a settle delay before it. What has begun since may be listed no more.
	return record.Time.After(at.Add(-w.Listing.Behind.D())) && record.Time.Before(at.Add(w.Listing.Ahead.D()-c.Stream.Settle.D()))
}

// parent is what is known of one parent of a child stream.
type parent struct {
	// at is its own time, known from when on the stream has to know of it.
	at, known time.Time
	// children are the versions of its records, by their keys, in the order in which they show.
	children map[string][]version
}

// children compares a child stream. Each parent's children stand in a slot of its own, as they were when the parent was last
// read: that is when it was last due, or later.
func (c Check) children(t *table, commits []rawzone.Commit, lake lake, r *Result) error {
	parents, err := c.parents(t)
	if err != nil {
		return err
	}
	readings := map[int64]span{}
	for _, commit := range commits {
		readings[commit.Start.UnixMicro()] = span{commit.ReadAt, commit.WrittenAt}
	}
	comparison := &comparison{Check: c, table: t, result: r, lake: lake}
	owner := map[int64]string{}
	for _, key := range slices.Sorted(maps.Keys(parents)) {
		p := parents[key]
		slots := map[int64]bool{}
		for child := range p.children {
			if e := lake.entries[child]; e != nil {
				for _, row := range e.rows {
					slots[row.windowStart] = true
				}
			}
		}
		var may span
		for slot := range slots {
			if other, taken := owner[slot]; taken {
				r.Faults = append(r.Faults, "the parents "+key+" and "+other+" share the slot "+stamp(time.UnixMicro(slot)))
			}
			owner[slot] = key
			may = readings[slot]
		}
		if len(slots) > 1 {
			r.Duplicated++
			r.tell("duplicated: the children of parent %s stand in %d slots", key, len(slots))
		}
		must, due := c.parentReading(p)
		if due && must.first.After(may.first) {
			may = span{must.first, c.now()}
		}
		if !due {
			must = may
		}
		for _, child := range slices.Sorted(maps.Keys(p.children)) {
			comparison.judgeChild(child, p.children[child], must, may)
		}
	}
	for key, e := range lake.entries {
		for _, row := range e.rows {
			if _, known := owner[row.windowStart]; !known {
				r.Stale++
				r.tell("stale: record %s in slot %s is of no parent that the vendor has", key, stamp(time.UnixMicro(row.windowStart)))
			}
		}
	}
	r.Freshness = comparison.freshness()
	return nil
}

// judgeChild compares a record's row with its versions. must is the reading that the lake has to show, may the time in which it can
// have been read.
func (c *comparison) judgeChild(key string, versions []version, must, may span) {
	e := c.lake.entries[key]
	record := func(v version) Record { return Record{VisibleAt: v.visible, GoneAt: v.gone} }
	wanted := slices.IndexFunc(versions, func(v version) bool { return must.throughout(record(v)) })
	if wanted >= 0 {
		c.result.VendorRecords++
	}
	if e == nil {
		switch {
		case must == (span{}):
		case wanted >= 0:
			c.result.Missing++
			c.result.tell("missing: the lake has no record %s, which the reading of its parent at %s saw", key, stamp(must.first))
			return
		}
		if slices.ContainsFunc(versions, func(v version) bool { return (span{c.now(), c.now()}).throughout(record(v)) }) {
			c.result.NotYetDue++
		}
		return
	}
	got := slices.IndexFunc(versions, func(v version) bool { return v.content == e.newest[0] })
	switch {
	case got < 0:
		c.result.Missing++
		c.result.tell("missing: record %s is there with content that the vendor never showed", key)
	case got == wanted:
		c.age(e, versions[got])
	case !may.touches(versions[got].visible, versions[got].gone):
		c.result.Stale++
		c.result.tell("stale: record %s is there as the vendor showed it until %s; its parent was last due to be read at %s", key, stamp(versions[got].gone), stamp(must.first))
	}
}

// parents gathers the versions of the children by their parents.
func (c Check) parents(t *table) (map[string]*parent, error) {
	parents := map[string]*parent{}
	for record, err := range c.Parents.Source(always) {
		if err != nil {
			return nil, err
		}
		if parents[record.Key] == nil {
			parents[record.Key] = &parent{known: c.knownBy(record), children: map[string][]version{}}
		}
	}
	for record, err := range c.Source(always) {
		if err != nil {
			return nil, err
		}
		p := parents[record.Parent]
		if p == nil {
			return nil, errNoParent
		}
		p.at = record.Time
		row, err := t.expected(record.JSON)
		if errors.Is(err, errUnconvertible) {
			continue // It belongs in quarantine.
		}
		if err != nil {
			return nil, err
		}
		key := t.keyOf(row)
		p.children[key] = append(p.children[key], version{content: row.digest(), time: record.Time, visible: record.VisibleAt, gone: record.GoneAt})
	}
	return parents, nil
}

// knownBy is from when on a run has to know of a parent: from that which reads the parent's own window, for the first time where the
// vendor shows it in time, else once more. A child stream follows its parent in each run.
func (c Check) knownBy(record Record) time.Time {
	known := record.VisibleAt
	if c.Parents.Stream.Window.Listing == nil {
		settled := record.Time.Add(c.Parents.Stream.Settle.D())
		if known.After(settled) {
			known = known.Add(ages[len(ages)-1])
		}
		known = latest(known, settled)
	}
	for _, run := range c.Runs {
		if !run.Failed && !run.At.Before(known) {
			return run.At
		}
	}
	return c.now().Add(1)
}

// parentReading is when a parent was last due to be read, and has to have been; it reports false where it never was.
func (c Check) parentReading(p *parent) (span, bool) {
	var last time.Time
	for _, due := range c.parentDues(p.at.Add(c.Stream.Settle.D())) {
		if !due.After(c.now()) {
			last = latest(last, due)
		}
	}
	if last.IsZero() {
		return span{}, false
	}
	first, done, ok := c.runsSince(latest(last, p.known))
	return span{first, done}, ok
}

// parentDues are the times at which a parent with the time at is to be read.
func (c Check) parentDues(at time.Time) []time.Time {
	ahead, lookback := c.Stream.Parent.Ahead.D(), c.Stream.Lookback.D()
	all := []time.Time{at, at.Add(-ahead), at.Add(lookback)}
	daily := ages[len(ages)-1]
	for _, age := range ages {
		all = append(all, at.Add(age), at.Add(-age))
	}
	for age := daily; age < max(ahead, lookback); age += daily {
		all = append(all, at.Add(age), at.Add(-age))
	}
	return slices.DeleteFunc(all, func(due time.Time) bool { return due.Before(at.Add(-ahead)) || due.After(at.Add(lookback)) })
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
