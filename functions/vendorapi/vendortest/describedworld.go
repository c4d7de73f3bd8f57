package vendortest

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// unstatedResolution is the unit in which the simulated vendor compares times where the description says that
// it is unknown.
const unstatedResolution = time.Second

// generateDescribed makes a world of records with the columns, key, time and version that each stream of the
// description declares, and one field that it does not declare. Streams whose records move (AuditReread) have
// some that do. Half the records of a day happen within two bursts of a minute, a tenth within two single
// seconds; some hours have none. What is listed ahead shows before its time.
func generateDescribed(v *vendorapi.Vendor, o Size) (*World, error) {
	g := &describedWorld{vendor: v, size: o, made: &World{shelves: map[string]shelf{}}, shapes: map[string]*shape{}}
	for i := range v.Streams {
		if err := g.stream(i, nil); err != nil {
			return nil, err
		}
	}
	return g.made, nil
}

// describedWorld is the world of a described vendor in the making.
type describedWorld struct {
	vendor *vendorapi.Vendor
	size   Size
	made   *World
	shapes map[string]*shape
}

// stream makes the records of a stream, of a child after those of its parent. waiting are the streams that wait for it.
func (g *describedWorld) stream(i int, waiting []string) error {
	s := &g.vendor.Streams[i]
	if _, done := g.made.shelves[s.Name]; done {
		return nil
	}
	if slices.Contains(waiting, s.Name) {
		return fmt.Errorf("stream %s: its parents wait for it: want a first stream without a parent", s.Name)
	}
	h, err := shapeOf(s, rolesOf(g.vendor, s))
	if err != nil {
		return fmt.Errorf("stream %s: %w", s.Name, err)
	}
	g.shapes[s.Name] = h
	if s.Parent == nil {
		g.made.shelve(s, g.records(s, h, uint64(i)), 0)
		return nil
	}
	parent := slices.IndexFunc(g.vendor.Streams, func(other vendorapi.Stream) bool { return other.Name == s.Parent.Stream })
	if parent < 0 {
		return fmt.Errorf("stream %s: the vendor has no stream %q to be its parent", s.Name, s.Parent.Stream)
	}
	if err := g.stream(parent, append(waiting, s.Name)); err != nil {
		return err
	}
	if err := g.children(s, h, uint64(i)); err != nil {
		return fmt.Errorf("stream %s: %w", s.Name, err)
	}
	return nil
}

func (g *describedWorld) records(s *vendorapi.Stream, h *shape, part uint64) *collection {
	o := g.size
	d := newDice(o.Seed, 1000+part)
	late := newLatecomer(o.Lateness[s.Name], o.Seed, latenessPart+part, s.Settle.D())
	c := newCollection("")
	starts, lengths := days(o)
	var at []time.Time
	for n, start := range starts {
		for i := range o.Attendees {
			if t := moment(d, start, lengths[n], i); t.Before(o.Until) {
				at = append(at, t)
			}
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	for n, t := range at {
		versions := []time.Time{t}
		if later := t.Add(1 + d.about(4*time.Hour)); h.moves() && d.chance(0.15) && later.Before(o.Until) {
			versions = append(versions, later)
		}
		draft := draft{n: n, key: d.Uint64(), base: t}
		records, onTime := make([][]byte, len(versions)), make([]time.Time, len(versions))
		for i, seen := range versions {
			draft.at = h.shown(seen)
			draft.changed, draft.edition = draft.at, 2*i
			records[i] = h.record(d, draft)
			onTime[i] = d.shows(seen, s.Settle.D())
			if s.Window.Listing != nil {
				onTime[i] = t.Add(-d.upTo(listedAhead(s.Window.Listing)))
			}
		}
		visible := late.appearances(versions, onTime)
		c.begin()
		for i, seen := range versions {
			draft.at = h.shown(seen)
			c.add(records[i], visible[i], draft.at)
			if at, ok := late.changes(seen, visible[i], after(versions, i)); ok && !h.still() {
				draft.changed, draft.edition = at, 2*i+1
				c.change(h.record(late.dice, draft), at)
			}
		}
		if at, ok := late.vanishes(visible[len(visible)-1]); ok {
			c.vanish(at)
		}
	}
	return c
}

// listedAhead is how long before its time a record is listed at most.
func listedAhead(l *vendorapi.Listing) time.Duration {
	if l.Ahead > 0 {
		return l.Ahead.D()
	}
	return 3 * day
}

// moment draws when the i-th record of a day happens.
func moment(d dice, start time.Time, length time.Duration, i int) time.Time {
	part := []float64{0.55, 0.72}[i%2]
	burst := start.Add(time.Duration(part * float64(length))).Truncate(time.Minute)
	switch {
	case i%20 < 2:
		return burst.Add(d.upTo(time.Second))
	case i%20 < 10:
		return burst.Add(d.upTo(time.Minute))
	}
	at := start.Add(d.upTo(length))
	if quiet(at) {
		at = at.Add(-3 * time.Hour)
		if at.Before(start) {
			return burst
		}
	}
	return at
}

// shape is how the records of a stream look.
type shape struct {
	stream *vendorapi.Stream
	roles  roles
	root   *field
	time   *vendorapi.Column
	zones  map[*vendorapi.Column]*time.Location
}

// field is a field of a record: an object of further fields, or the value of a column.
type field struct {
	name   string
	column *vendorapi.Column
	fields []*field
	// key says that the value is there and differs from record to record.
	key bool
	// lasting says that the value is the same in each version of a record.
	lasting bool
}

// defaultTimestamp is how a time is written where no column states a layout.
const defaultTimestamp = "2006-01-02T15:04:05.000Z07:00"

// undeclared is a field that the records have though no column declares it.
const undeclared = "undeclaredNote"

func shapeOf(s *vendorapi.Stream, r roles) (*shape, error) {
	h := &shape{stream: s, roles: r, root: &field{}, zones: map[*vendorapi.Column]*time.Location{}}
	declared := map[string]bool{}
	place := func(path string, column *vendorapi.Column) error {
		at := h.root
		names := strings.Split(path, ".")
		for i, name := range names {
			n := slices.IndexFunc(at.fields, func(f *field) bool { return f.name == name })
			if n < 0 {
				at.fields = append(at.fields, &field{name: name})
				n = len(at.fields) - 1
			}
			at = at.fields[n]
			if at.column != nil && i < len(names)-1 || i == len(names)-1 && at.fields != nil {
				return fmt.Errorf("path %q: another path needs the same field to be both a value and an object", path)
			}
		}
		at.column, at.key, at.lasting = column, slices.Contains(s.Key, path) || r.isID(path), r.lasts(path)
		declared[path] = true
		return nil
	}
	for i := range s.Columns {
		column := s.Columns[i]
		if column.Path == "" {
			column.Path = column.Name
		}
		if column.Type == vendorapi.TypeTimestamp && column.Layout == "" {
			column.Layout = defaultTimestamp
		}
		zone, err := time.LoadLocation(column.Zone)
		if err != nil {
			return nil, fmt.Errorf("column %s: zone %q: want an IANA name", column.Name, column.Zone)
		}
		h.zones[&column] = zone
		if declared[column.Path] || r.adds(column.Path) {
			continue
		}
		if err := place(column.Path, &column); err != nil {
			return nil, err
		}
		if column.Path == s.TimePath {
			h.time = &column
		}
	}
	// A key, time or version that is no column is still a field, and so is what children need of it.
	rest := func(kind vendorapi.ColumnType, paths ...string) error {
		for _, path := range paths {
			if path == "" || declared[path] || r.adds(path) {
				continue
			}
			column := &vendorapi.Column{Path: path, Type: kind}
			if kind == vendorapi.TypeTimestamp {
				column.Layout = defaultTimestamp
			}
			if path == s.TimePath {
				h.time = column
			}
			h.zones[column] = time.UTC
			if err := place(path, column); err != nil {
				return err
			}
		}
		return nil
	}
	if err := errors.Join(
		rest(vendorapi.TypeTimestamp, append(r.ownTimes(), s.TimePath)...),
		rest(vendorapi.TypeString, append(r.ids(), s.Key...)...),
		rest(vendorapi.TypeInt64, s.VersionPath),
	); err != nil {
		return nil, err
	}
	for _, path := range r.taken {
		// One that leads to an object of other fields is that object.
		if !h.leadsToObject(path) {
			if err := rest(vendorapi.TypeString, path); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case h.time == nil || h.time.Layout != "":
	case h.time.Type == vendorapi.TypeDate:
		h.time.Layout = time.DateOnly
	default:
		h.time.Layout = defaultTimestamp
	}
	return h, nil
}

// at returns the field at a path, nil where there is none.
func (h *shape) at(path string) *field {
	at := h.root
	for _, name := range strings.Split(path, ".") {
		n := slices.IndexFunc(at.fields, func(f *field) bool { return f.name == name })
		if n < 0 {
			return nil
		}
		at = at.fields[n]
	}
	return at
}

func (h *shape) leadsToObject(path string) bool {
	at := h.at(path)
	return at != nil && at.column == nil
}

// still says that no version of a record may differ from another one: its time or version is handed on to its children, or part of
// its key.
func (h *shape) still() bool {
	return slices.ContainsFunc([]string{h.stream.TimePath, h.stream.VersionPath}, func(path string) bool {
		return path != "" && (h.roles.lasts(path) || slices.Contains(h.stream.Key, path))
	})
}

// moves says that some records change and move to a later time.
func (h *shape) moves() bool {
	return h.stream.Audit == vendorapi.AuditReread && h.stream.Window.Listing == nil && !h.still()
}

// shown returns a time as precisely as a record shows it: what a vendor compares is what it also tells.
// A stream whose records show no time keeps it whole.
func (h *shape) shown(t time.Time) time.Time {
	if h.time == nil {
		return t
	}
	if resolution := h.stream.Window.Resolution.D(); resolution > 0 && h.stream.Window.Granularity == 0 {
		return t
	}
	switch h.time.Layout {
	case vendorapi.LayoutUnix:
		return t.Truncate(time.Second)
	case vendorapi.LayoutUnixMilli:
		return t.Truncate(time.Millisecond)
	}
	for _, unit := range []time.Duration{time.Nanosecond, time.Microsecond, time.Millisecond, time.Second, time.Minute, day} {
		cut := t.Truncate(unit)
		read, err := time.ParseInLocation(h.time.Layout, cut.In(h.zones[h.time]).Format(h.time.Layout), h.zones[h.time])
		if err == nil && read.Equal(cut) {
			return cut
		}
	}
	return t
}

// draft is what a version of a record is written from.
type draft struct {
	// n is the number of the record, by which keys differ, and key a number of its own.
	n   int
	key uint64
	// base is when the record's first version happened, at when this one did, changed when it was last changed.
	base, at, changed time.Time
	// edition grows from version to version.
	edition int
}

// record writes a version of a record.
func (h *shape) record(d dice, of draft) []byte {
	w := &recordWriter{layout: time.RFC3339Nano, zone: time.UTC}
	w.reset()
	for _, f := range h.root.fields {
		h.write(w, d, f, of)
	}
	if d.chance(0.3) {
		w.text(undeclared, pick(d, questionTexts))
	}
	return w.bytes()
}

func (h *shape) write(w *recordWriter, d dice, f *field, of draft) {
	if f.column == nil {
		w.open(f.name, '{')
		for _, inner := range f.fields {
			h.write(w, d, inner, of)
		}
		w.close('}')
		return
	}
	c := f.column
	if ahead, ok := h.roles.own[c.Path]; ok && c.Path != h.stream.TimePath {
		switch c.Type {
		case vendorapi.TypeTimestamp, vendorapi.TypeString:
			h.stamp(w, f, ownTime(of, ahead))
			return
		case vendorapi.TypeInt64, vendorapi.TypeFloat64:
			w.int(f.name, ownTime(of, ahead).Unix())
			return
		}
	}
	if f.lasting {
		hash := fnv.New64a()
		io.WriteString(hash, c.Path)
		d, of.at = newDice(of.key, hash.Sum64()), of.base
	}
	switch {
	case c.Path == h.stream.TimePath:
		h.stamp(w, f, of.at)
		return
	case c.Path == h.stream.VersionPath:
		if c.Type == vendorapi.TypeTimestamp {
			h.stamp(w, f, of.changed)
		} else if c.Type == vendorapi.TypeString {
			w.text(f.name, fmt.Sprintf("%06d", of.edition))
		} else {
			w.int(f.name, int64(of.edition))
		}
		return
	case f.key:
		h.writeKey(w, f, of)
		return
	case d.chance(0.1):
		return
	case d.chance(0.05):
		w.raw(f.name, "null")
		return
	}
	switch c.Type {
	case vendorapi.TypeInt64:
		if d.chance(0.1) {
			w.text(f.name, strconv.Itoa(d.IntN(1000)))
		} else {
			w.int(f.name, d.Int64())
		}
	case vendorapi.TypeFloat64:
		w.float(f.name, d.Float64()*100)
	case vendorapi.TypeBool:
		if d.chance(0.2) {
			w.flag(f.name, d.chance(0.5))
		} else {
			w.bool(f.name, d.chance(0.5))
		}
	case vendorapi.TypeTimestamp:
		if unix := c.Layout == vendorapi.LayoutUnix || c.Layout == vendorapi.LayoutUnixMilli; unix && d.chance(0.2) {
			// Vendors that write Unix times write 0 for one that is not set.
			w.int(f.name, 0)
			return
		}
		h.stamp(w, f, of.at.Add(-d.upTo(24*time.Hour)))
	case vendorapi.TypeDate:
		w.text(f.name, of.at.AddDate(0, 0, -d.IntN(30)).Format(time.DateOnly))
	case vendorapi.TypeJSON:
		w.raw(f.name, pick(d, []string{`[]`, `{"a":[1,2.50,{"b":null}]}`, `["x","Caf\u00e9","]}"]`, `"text"`, `{}`}))
	default:
		w.text(f.name, pick(d, questionTexts))
	}
}

// firstKey is the time from which the times and dates differ that are part of a key.
var firstKey = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// writeKey writes a value that no other record has.
func (h *shape) writeKey(w *recordWriter, f *field, of draft) {
	switch f.column.Type {
	case vendorapi.TypeInt64, vendorapi.TypeFloat64:
		// Above 2^53, where floating point loses whole numbers.
		w.int(f.name, math.MaxInt64-int64(of.key%1000)-1000*int64(of.n))
	case vendorapi.TypeTimestamp:
		h.stamp(w, f, firstKey.Add(time.Duration(of.n)*time.Second))
	case vendorapi.TypeDate:
		w.text(f.name, firstKey.AddDate(0, 0, of.n).Format(time.DateOnly))
	case vendorapi.TypeBool:
		w.bool(f.name, of.n%2 == 0)
	default:
		text := "k/" + strconv.FormatUint(of.key, 36) + "-" + strconv.Itoa(of.n)
		if h.roles.escapedTwice(f.column.Path) {
			// Those that a vendor wants to be escaped twice, and those that it does not.
			text = []string{"/" + text, "k/" + text, "k//" + text}[of.n%3]
		}
		w.text(f.name, text)
	}
}

// stamp writes a time in the layout of its column.
func (h *shape) stamp(w *recordWriter, f *field, t time.Time) {
	switch f.column.Layout {
	case vendorapi.LayoutUnix:
		w.int(f.name, t.Unix())
	case vendorapi.LayoutUnixMilli:
		w.int(f.name, t.UnixMilli())
	case "":
		w.text(f.name, t.In(h.zones[f.column]).Format(defaultTimestamp))
	default:
		w.text(f.name, t.In(h.zones[f.column]).Format(f.column.Layout))
	}
}
