package verify

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// comparison is a check under way.
type comparison struct {
	Check
	table  *table
	result *Result
	lake   lake
	source Source
	within window.Window
	// genesis is where the schedule's log began.
	genesis time.Time
	// windows and readings are those of the commits. Without Runs they are not looked at, and the newest version of
	// each record is wanted, wherever it is.
	windows  []rawzone.Commit
	readings []reading

	wanted map[string]*want
	waits  waits
}

// want is what the lake should hold of a record.
type want struct {
	// newest is what the view should show, or something newer.
	newest version
	// rows is every version that its window should hold.
	rows []placed
}

// version is one version of a record in the vendor's history.
type version struct {
	content digest
	window  int // in comparison.windows
	// time is the record's window time, of a child its parent's own.
	time, visible, gone time.Time
}

// window returns the place of the window that holds t, or -1.
func (c *comparison) window(t time.Time) int {
	i, found := slices.BinarySearchFunc(c.windows, t, func(commit rawzone.Commit, t time.Time) int { return commit.Start.Compare(t) })
	if !found {
		i--
	}
	if i < 0 || !t.Before(c.windows[i].End) {
		return -1
	}
	return i
}

func (c *comparison) placed(v version) placed {
	return placed{v.content, c.windows[v.window].Start.UnixMicro()}
}

// run compares.
func (c *comparison) run() error {
	waiting, err := c.collect()
	if err != nil {
		return err
	}
	c.result.VendorRecords = int64(len(c.wanted))
	odd := map[string][]version{}
	for key, w := range c.wanted {
		if e := c.lake.entries[key]; e == nil || !slices.Contains(e.newest, w.newest.content) || !c.exact(e, w) {
			odd[key] = nil
		} else {
			c.age(e, w.newest)
		}
	}
	if len(c.Runs) > 0 {
		for key, e := range c.lake.entries {
			if c.wanted[key] == nil && len(c.rows(e)) > 0 {
				odd[key] = nil
			}
		}
		for key := range waiting {
			odd[key] = nil
		}
		if len(odd) > 0 {
			if err := c.recall(odd); err != nil {
				return err
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(odd)) {
		if err := c.judge(key, odd[key]); err != nil {
			return err
		}
	}
	c.result.Freshness = c.freshness()
	return nil
}

// collect takes from the source what the lake should hold. waiting are the keys of records that the lake does not hold, and
// need not by what was last due, though the vendor shows them by now or has shown them.
func (c *comparison) collect() (waiting map[string]bool, err error) {
	waiting = map[string]bool{}
	for record, err := range c.source(c.within) {
		if err != nil {
			return nil, err
		}
		place, due, shown := 0, true, true
		if len(c.Runs) > 0 {
			now := c.now()
			place = c.window(record.Time)
			due = place >= 0 && c.readings[place].must.throughout(record)
			shown = (span{now, now}).throughout(record)
			if !due && !shown && (place < 0 || !c.carries()) {
				continue
			}
		}
		row, err := c.table.expected(record.JSON)
		if errors.Is(err, errUnconvertible) {
			// It belongs in quarantine, whose count is compared with the commits'.
			continue
		} else if err != nil {
			return nil, err
		}
		key := c.table.keyOf(row)
		if !due {
			if shown {
				c.result.NotYetDue++
			}
			if c.lake.entries[key] == nil {
				waiting[key] = true
			}
			continue
		}
		v := version{row.digest(), place, record.Time, record.VisibleAt, record.GoneAt}
		w := c.wanted[key]
		if w == nil {
			w = &want{newest: v}
			c.wanted[key] = w
		} else if !v.visible.Before(w.newest.visible) {
			w.newest = v
		}
		if len(c.Runs) > 0 {
			w.rows = append(w.rows, c.placed(v))
		}
	}
	for key := range c.wanted {
		delete(waiting, key)
	}
	return waiting, nil
}

// rows are the rows of a key in the windows that are compared.
func (c *comparison) rows(e *entry) []placed {
	if e == nil {
		return nil
	}
	return e.rowsSince(c.within.Start)
}

// exact reports whether the rows of a key are those that its windows should hold, where that is known.
func (c *comparison) exact(e *entry, w *want) bool {
	if len(c.Runs) == 0 {
		return true
	}
	rows := c.rows(e)
	for _, row := range w.rows {
		i := slices.Index(rows, row)
		if i < 0 {
			return false
		}
		rows = slices.Delete(rows, i, i+1)
	}
	return len(rows) == 0
}

// recall adds to the keys all versions that the vendor has shown of them.
func (c *comparison) recall(odd map[string][]version) error {
	for record, err := range c.source(c.within) {
		if err != nil {
			return err
		}
		place := c.window(record.Time)
		if place < 0 || record.VisibleAt.After(c.now()) {
			continue
		}
		row, err := c.table.expected(record.JSON)
		if errors.Is(err, errUnconvertible) {
			continue
		} else if err != nil {
			return err
		}
		if versions, ok := odd[c.table.keyOf(row)]; ok {
			odd[c.table.keyOf(row)] = append(versions, version{row.digest(), place, record.Time, record.VisibleAt, record.GoneAt})
		}
	}
	return nil
}

// judge says what is wrong with a record whose rows are not the ones that are wanted, if anything is. versions are its
// history, where that is known.
func (c *comparison) judge(key string, versions []version) error {
	w, e := c.wanted[key], c.lake.entries[key]
	switch {
	case w == nil && e == nil:
		// It has moved to a window that was not read since, or vanished: the one that it has left is to keep it.
		if c.carries() && slices.ContainsFunc(versions, func(v version) bool {
			surely, _ := c.seen(c.windows[v.window], v)
			return surely
		}) {
			c.result.Missing++
			c.result.tell("missing: the lake has held record %s, and has it no more", key)
		}
		return nil
	case e == nil:
		c.result.Missing++
		c.result.tell("missing: the lake has no record %s", key)
		return nil
	}
	find := func(row placed) int {
		return slices.IndexFunc(versions, func(v version) bool { return c.placed(v) == row })
	}
	shown := -1
	if len(c.Runs) > 0 {
		shown = find(placed{e.newest[0], e.rank.windowStart})
	}
	blamed := false
	if w != nil && !slices.Contains(e.newest, w.newest.content) {
		blamed = true
		switch {
		case shown < 0:
			c.result.Missing++
			text, err := c.explain(e, key, w)
			if err != nil {
				return err
			}
			c.result.tell("missing: %s", text)
		case !versions[shown].visible.Before(w.newest.visible), versions[shown].window == w.newest.window && c.may(versions[shown]):
			blamed = false // It is newer, or as good.
		default:
			c.result.Stale++
			c.result.tell("stale: record %s is there as shown from %s, not as shown from %s, which the reading of window %s at %s saw",
				key, stamp(versions[shown].visible), stamp(w.newest.visible), stamp(c.windows[w.newest.window].Start), stamp(c.readings[w.newest.window].must.first))
		}
	}
	for _, row := range c.rows(e) {
		i := find(row)
		switch {
		case len(c.Runs) == 0, i >= 0 && (c.may(versions[i]) || c.carried(e, row, versions[i])), blamed && i == shown:
		case i < 0:
			c.result.Stale++
			c.result.tell("stale: record %s has a row in window %s that the vendor never showed there", key, stamp(time.UnixMicro(row.windowStart)))
		default:
			c.result.Stale++
			c.result.tell("stale: record %s is still in window %s, where the vendor showed it so until %s; its last reading was due at %s",
				key, stamp(time.UnixMicro(row.windowStart)), stamp(versions[i].gone), stamp(c.readings[versions[i].window].must.first))
		}
	}
	return nil
}

// may reports whether a version can be in its window.
func (c *comparison) may(v version) bool { return c.readings[v.window].may.touches(v.visible, v.gone) }

// carries reports whether windows keep the records that have left them.
func (c *comparison) carries() bool { return c.Stream.Audit != vendorapi.AuditCount }

// carried reports whether a row can be that of a record which has left its window since a reading saw it there.
func (c *comparison) carried(e *entry, row placed, v version) bool {
	alone := 0
	for _, other := range e.rows {
		if other.windowStart == row.windowStart {
			alone++
		}
	}
	_, perhaps := c.seen(c.windows[v.window], v)
	return c.carries() && alone == 1 && perhaps
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// explain says how the newest row of a key differs from the record that is wanted; both are read again for it.
func (c *comparison) explain(e *entry, key string, w *want) (string, error) {
	text := fmt.Sprintf("record %s is there with other content", key)
	var wanted row
	for record, err := range c.source(c.within) {
		if err != nil {
			return "", err
		}
		if row, err := c.table.expected(record.JSON); err == nil && row.digest() == w.newest.content && c.table.keyOf(row) == key {
			wanted = row
			break
		}
	}
	err := readObject(c.table, c.lake.objects[e.object], func(got row, _ stored) error {
		if c.table.keyOf(got) == key && slices.Contains(e.newest, got.digest()) && wanted.values != nil {
			text = fmt.Sprintf("record %s is there with other content in %s", key, strings.Join(c.table.differences(got, wanted), ", "))
		}
		return nil
	})
	return text, err
}
