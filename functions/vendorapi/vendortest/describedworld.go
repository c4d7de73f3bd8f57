package vendortest

import (
	"fmt"
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
// seconds; some hours have none.
func generateDescribed(v *vendorapi.Vendor, o Size) (*World, error) {
	made := &World{shelves: map[string]shelf{}}
	for i := range v.Streams {
		s := &v.Streams[i]
		c, err := describedRecords(s, o, uint64(i))
		if err != nil {
			return nil, fmt.Errorf("stream %s: %w", s.Name, err)
		}
		made.shelve(s, c, 0)
	}
	return made, nil
}

func describedRecords(s *vendorapi.Stream, o Size, part uint64) (*collection, error) {
	d := newDice(o.Seed, 1000+part)
	late := newLatecomer(o.Lateness[s.Name], o.Seed, latenessPart+part, s.Settle.D())
	shape, err := shapeOf(s)
	if err != nil {
		return nil, err
	}
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
		if later := t.Add(1 + d.about(4*time.Hour)); s.Audit == vendorapi.AuditReread && d.chance(0.15) && later.Before(o.Until) {
			versions = append(versions, later)
		}
		key := d.Uint64()
		records, onTime := make([][]byte, len(versions)), make([]time.Time, len(versions))
		for i, seen := range versions {
			shown := shape.shown(seen)
			records[i] = shape.record(d, n, key, shown, shown, 2*i)
			onTime[i] = d.shows(seen, s.Settle.D())
		}
		visible := late.appearances(versions, onTime)
		c.begin()
		for i, seen := range versions {
			shown := shape.shown(seen)
			c.add(records[i], visible[i], shown)
			if at, ok := late.changes(seen, visible[i], after(versions, i)); ok {
				c.change(shape.record(late.dice, n, key, shown, at, 2*i+1), at)
			}
		}
		if at, ok := late.vanishes(visible[len(visible)-1]); ok {
			c.vanish(at)
		}
	}
	return c, nil
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
	root   *field
	time   *vendorapi.Column
	zones  map[*vendorapi.Column]*time.Location
}

// field is a field of a record: an object of further fields, or the value of a column.
type field struct {
	name   string
	column *vendorapi.Column
	fields []*field
	key    bool
}

// defaultTimestamp is how a time is written where no column states a layout.
const defaultTimestamp = "2006-01-02T15:04:05.000Z07:00"

// undeclared is a field that the records have though no column declares it.
const undeclared = "undeclaredNote"

func shapeOf(s *vendorapi.Stream) (*shape, error) {
	h := &shape{stream: s, root: &field{}, zones: map[*vendorapi.Column]*time.Location{}}
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
		at.column, at.key = column, slices.Contains(s.Key, path)
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
		if declared[column.Path] {
			continue
		}
		if err := place(column.Path, &column); err != nil {
			return nil, err
		}
		if column.Path == s.TimePath {
			h.time = &column
		}
	}
	// A key, time or version that is no column is still a field.
	rest := append(slices.Clone(s.Key), s.TimePath, s.VersionPath)
	for i, path := range rest {
		if path == "" || declared[path] {
			continue
		}
		column := &vendorapi.Column{Path: path, Type: vendorapi.TypeString}
		switch i {
		case len(rest) - 2:
			column.Type, column.Layout = vendorapi.TypeTimestamp, defaultTimestamp
			h.time = column
		case len(rest) - 1:
			column.Type = vendorapi.TypeInt64
		}
		h.zones[column] = time.UTC
		if err := place(path, column); err != nil {
			return nil, err
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

// record is one version of the n-th record: that of the time at, changed at the time changed.
func (h *shape) record(d dice, n int, key uint64, at, changed time.Time, edition int) []byte {
	w := &recordWriter{layout: time.RFC3339Nano, zone: time.UTC}
	w.reset()
	for _, f := range h.root.fields {
		h.write(w, d, f, n, key, at, changed, edition)
	}
	if d.chance(0.3) {
		w.text(undeclared, pick(d, questionTexts))
	}
	return w.bytes()
}

func (h *shape) write(w *recordWriter, d dice, f *field, n int, key uint64, at, changed time.Time, edition int) {
	if f.column == nil {
		w.open(f.name, '{')
		for _, inner := range f.fields {
			h.write(w, d, inner, n, key, at, changed, edition)
		}
		w.close('}')
		return
	}
	c := f.column
	switch {
	case c.Path == h.stream.TimePath:
		h.stamp(w, f, at)
		return
	case c.Path == h.stream.VersionPath:
		if c.Type == vendorapi.TypeTimestamp {
			h.stamp(w, f, changed)
		} else if c.Type == vendorapi.TypeString {
			w.text(f.name, fmt.Sprintf("%06d", edition))
		} else {
			w.int(f.name, int64(edition))
		}
		return
	case f.key:
		if c.Type == vendorapi.TypeInt64 || c.Type == vendorapi.TypeFloat64 {
			// Above 2^53, where floating point loses whole numbers, and different for each record.
			w.int(f.name, math.MaxInt64-int64(key%1000)-1000*int64(n))
		} else {
			w.text(f.name, "k/"+strconv.FormatUint(key, 36)+"-"+strconv.Itoa(n))
		}
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
		h.stamp(w, f, at.Add(-d.upTo(24*time.Hour)))
	case vendorapi.TypeDate:
		w.text(f.name, at.AddDate(0, 0, -d.IntN(30)).Format(time.DateOnly))
	case vendorapi.TypeJSON:
		w.raw(f.name, pick(d, []string{`[]`, `{"a":[1,2.50,{"b":null}]}`, `["x","Caf\u00e9","]}"]`, `"text"`, `{}`}))
	default:
		w.text(f.name, pick(d, questionTexts))
	}
}

// stamp writes a time in the layout of its column.
func (h *shape) stamp(w *recordWriter, f *field, t time.Time) {
	switch f.column.Layout {
	case vendorapi.LayoutUnix:
		w.int(f.name, t.Unix())
	case vendorapi.LayoutUnixMilli:
		w.int(f.name, t.UnixMilli())
	default:
		w.text(f.name, t.In(h.zones[f.column]).Format(f.column.Layout))
	}
}
