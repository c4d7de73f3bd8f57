package vendortest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// family is the children of each record of a stream.
type family struct {
	// collection holds the parents.
	collection *collection
	parents    []parent
	// numbers are the places of the parents in parents, by what they are asked for with.
	numbers map[string]int32
	// of is, for each version of a child, the place of its parent in parents.
	of []int32
}

// parent is one record whose children are read.
type parent struct {
	key []string
	// added are the members that its children get, each with a comma behind it.
	added []byte
	time  time.Time
	// first and last bound its own versions, from and until those of its children.
	first, last, from, until int32
}

// longestAfter is how long after their parent's own time children happen at most.
const longestAfter = 3 * time.Hour

// children makes the records of a child stream. Each parent has some, from none to many, and the one in the middle ten times as many as
// they have on average. They happen from the stream's Ahead before the parent's own time until hours after it.
func (g *describedWorld) children(s *vendorapi.Stream, h *shape, part uint64) error {
	parents := g.made.shelves[s.Parent.Stream]
	of, err := familyOf(s, parents, g.shapes[s.Parent.Stream].ownTime(s.Parent))
	if err != nil {
		return err
	}
	d := newDice(g.size.Seed, 1000+part)
	late := newLatecomer(g.size.Lateness[s.Name], g.size.Seed, latenessPart+part, s.Settle.D())
	c := newCollection("")
	// Where the key holds a field of the parent, the rest of it need not differ from one parent to the next.
	ownKey := !slices.ContainsFunc(s.Key, h.roles.adds)
	number := 0
	for i := range of.parents {
		p := &of.parents[i]
		if !ownKey {
			number = 0
		}
		p.from = int32(len(c.versions))
		count := int(d.ExpFloat64() * float64(g.size.Children) * 1.25)
		switch {
		case i == len(of.parents)/2:
			count = 10 * g.size.Children
		case d.chance(0.2):
			count = 0
		}
		for _, at := range g.happenings(d, s, p.time, count) {
			g.child(d, s, h, c, late, p, at, number)
			number++
		}
		p.until = int32(len(c.versions))
		for range p.until - p.from {
			of.of = append(of.of, int32(i))
		}
	}
	g.made.shelveChildren(s, c, 0, of)
	return nil
}

// happenings draws when n children of a parent with the time at happen.
func (g *describedWorld) happenings(d dice, s *vendorapi.Stream, at time.Time, n int) (all []time.Time) {
	from, after := at.Add(-s.Parent.Ahead.D()), min(longestAfter, s.Lookback.D()/2)
	for range n {
		all = append(all, from.Add(d.upTo(at.Add(after).Sub(from)+1)))
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

func (g *describedWorld) child(d dice, s *vendorapi.Stream, h *shape, c *collection, late *latecomer, p *parent, at time.Time, number int) {
	draft := draft{n: number, key: d.Uint64(), base: at, at: at, changed: at}
	first := h.record(d, draft)
	visible := late.shows(at, d.shows(at, s.Settle.D()))
	c.begin()
	c.add(first, visible, p.time)
	if changed, ok := late.changes(at, visible, time.Time{}); ok && !h.still() {
		draft.changed, draft.edition = changed, 1
		c.change(h.record(late.dice, draft), changed)
		visible = changed
	}
	if gone, ok := late.vanishes(visible); ok {
		c.vanish(gone)
	}
}

// ownTime returns what reads the own time of the parents of a child stream off their records.
func (h *shape) ownTime(p *vendorapi.Parent) func(version int32, record []byte) (time.Time, error) {
	return func(_ int32, record []byte) (time.Time, error) {
		written := scalarAt(record, strings.Split(p.TimePath, "."))
		at, ok := h.readTime(p.TimePath, written)
		if !ok {
			return at, fmt.Errorf("parent.timePath %q: a record of %s shows %q there, which is no time: want a column of type timestamp", p.TimePath, p.Stream, written)
		}
		return at, nil
	}
}

// familyOf reads the parents of a child stream off the records of their own, and their own times off timeOf.
func familyOf(s *vendorapi.Stream, of shelf, timeOf func(version int32, record []byte) (time.Time, error)) (*family, error) {
	f := &family{collection: of.collection, numbers: map[string]int32{}}
	c := of.collection
	for i, first := range c.firsts {
		last := int32(len(c.versions))
		if i+1 < len(c.firsts) {
			last = c.firsts[i+1]
		}
		held := Record{JSON: c.versions[last-1].json}
		if of.family != nil {
			held.Added = of.family.parents[of.family.of[last-1]].added
		}
		record := held.Held()
		p := parent{key: keyOf(record, of.key), first: first, last: last}
		var err error
		if p.time, err = timeOf(last-1, record); err != nil {
			return nil, err
		}
		var values []string
		for _, place := range s.Parent.Places {
			values = append(values, scalarAt(record, strings.Split(place.Path, ".")))
		}
		for _, field := range s.Parent.Fields {
			p.added = append(append(p.added, quoted(field.Name)...), ':')
			p.added = append(append(p.added, valueAt(record, strings.Split(field.Path, "."))...), ',')
		}
		f.numbers[strings.Join(values, "\x00")] = int32(len(f.parents))
		f.parents = append(f.parents, p)
	}
	return f, nil
}

// readTime reads a time that the record shows at the path.
func (h *shape) readTime(path, text string) (time.Time, bool) {
	layouts, zone := []string{defaultTimestamp, time.RFC3339}, time.UTC
	if f := h.at(path); f != nil && f.column != nil && f.column.Layout != "" {
		layouts, zone = []string{f.column.Layout}, h.zones[f.column]
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if layouts[0] == vendorapi.LayoutUnixMilli {
			return time.UnixMilli(n).UTC(), true
		}
		return time.Unix(n, 0).UTC(), true
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// asked returns which parent a request asks for.
func (f *family) asked(p *vendorapi.Parent, read *places) (of int32, ok bool) {
	var values []string
	for _, place := range p.Places {
		value, _ := read.value(place.Place)
		text := fmt.Sprint(value)
		if place.EscapeTwice {
			if text, ok = unescapedTwice(text); !ok {
				return 0, false
			}
		}
		values = append(values, text)
	}
	of, ok = f.numbers[strings.Join(values, "\x00")]
	return of, ok
}

// unescapedTwice returns what stands in a place in which some ids have to be escaped twice. It reports false of one of these that has
// been escaped once.
func unescapedTwice(text string) (string, bool) {
	twice := func(id string) bool { return strings.HasPrefix(id, "/") || strings.Contains(id, "//") }
	if twice(text) {
		return "", false
	}
	if inner, err := url.PathUnescape(text); err == nil && twice(inner) {
		return inner, true
	}
	return text, true
}

// shows reports whether the vendor shows a parent at now, in Unix nanoseconds.
func (f *family) shows(of int32, now int64) bool {
	p := f.parents[of]
	return slices.ContainsFunc(f.collection.versions[p.first:p.last], func(v version) bool { return v.visible <= now && now < v.superseded })
}

// find returns the children of a parent that a caller sees at now, in Unix nanoseconds.
func (f *family) find(c *collection, of int32, now int64) (found []int32) {
	for i := f.parents[of].from; i < f.parents[of].until; i++ {
		if v := &c.versions[i]; v.visible <= now && now < v.superseded {
			found = append(found, i)
		}
	}
	return found
}

// valueAt returns the JSON value at a path of a record, null where there is none.
func valueAt(record []byte, names []string) []byte {
	d := jsontext.NewDecoder(strings.NewReader(string(record)))
	for _, name := range names {
		if token, err := d.ReadToken(); err != nil || token.Kind() != '{' {
			return []byte("null")
		}
		for {
			token, err := d.ReadToken()
			if err != nil || token.Kind() != '"' {
				return []byte("null")
			}
			if token.String() == name {
				break
			}
			if d.SkipValue() != nil {
				return []byte("null")
			}
		}
	}
	value, err := d.ReadValue()
	if err != nil {
		return []byte("null")
	}
	return value.Clone()
}
