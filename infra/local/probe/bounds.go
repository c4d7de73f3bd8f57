package probe

import (
	"context"
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // a description's zone is known on every machine

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// shift is how far the vendor may read bounds from the instants that were meant: more than after, and up to until.
type shift struct{ after, until time.Duration }

// anyShift is what is known before any record was seen.
var anyShift = shift{after: -1 << 62, until: 1 << 62}

func (s shift) none() bool       { return s.after < 0 && s.until >= 0 }
func (s shift) impossible() bool { return s.after >= s.until }

// String names the shift to a quarter of an hour, as zones differ by.
func (s shift) String() string {
	const quarter = 15 * time.Minute
	lowest := s.after.Truncate(quarter)
	if lowest <= s.after {
		lowest += quarter
	}
	highest := s.until.Truncate(quarter)
	if highest > s.until {
		highest -= quarter
	}
	if lowest >= highest {
		return fmt.Sprintf("%+.2f hours", highest.Hours())
	}
	return fmt.Sprintf("%+.2f to %+.2f hours", lowest.Hours(), highest.Hours())
}

// learn narrows the shift by the times of an answer's records, which lie between the bounds as the vendor read them.
func (p *prober) learn(a *answer) {
	from, to := p.stream.Asked(a.window)
	for _, r := range a.records {
		if r.timed {
			p.shift.after = max(p.shift.after, r.at.Sub(to)-p.unit())
			p.shift.until = min(p.shift.until, r.at.Sub(from))
		}
	}
}

// unit is what the vendor is taken to compare times in.
func (p *prober) unit() time.Duration {
	w := p.stream.Window
	switch {
	case w.Granularity > 0:
		return w.Granularity.D()
	case w.Resolution > 0:
		return w.Resolution.D()
	}
	return time.Second
}

// floor returns the beginning of the unit that t lies in, by the clocks of the described zone where units are hours or days.
func (p *prober) floor(t time.Time) time.Time {
	granularity := p.stream.Window.Granularity.D()
	if granularity == 0 {
		return t.UTC().Truncate(p.unit())
	}
	zone, err := time.LoadLocation(p.stream.Window.Zone)
	if err != nil {
		zone = time.UTC
	}
	year, month, day := t.In(zone).Date()
	midnight := time.Date(year, month, day, 0, 0, 0, 0, zone)
	return midnight.Add(t.Sub(midnight).Truncate(granularity)).UTC()
}

// after returns the beginning of the unit after the one that begins at t. A day has 23 to 25 hours.
func (p *prober) after(t time.Time) time.Time {
	if unit := p.unit(); unit < 24*time.Hour {
		return t.Add(unit)
	}
	return p.floor(t.Add(p.unit() + 2*time.Hour))
}

// before returns the beginning of the unit before the one that begins at t.
func (p *prober) before(t time.Time) time.Time { return p.floor(t.Add(-1)) }

// sample returns a record whose own time can be a bound, if possible one at the very beginning of a unit with few others beside it.
func (p *prober) sample(first *answer) (record, bool) {
	beside := map[int64]int{}
	for _, r := range first.records {
		beside[p.floor(r.at).UnixNano()]++
	}
	var fit []record
	for _, r := range first.records {
		from := p.floor(r.at)
		if r.keyed && r.timed && first.window.Contains(r.at) && p.stream.AlignDown(from).Equal(from) && p.stream.AlignDown(p.after(from)).Equal(p.after(from)) {
			fit = append(fit, r)
		}
	}
	if len(fit) == 0 {
		return record{}, false
	}
	rank := func(r record) int {
		n := beside[p.floor(r.at).UnixNano()]
		if !p.whole(r) {
			n += 1 << 20
		}
		return n
	}
	return slices.MinFunc(fit, func(a, b record) int { return rank(a) - rank(b) }), true
}

// whole says that a record's time has no remainder below the resolution.
func (p *prober) whole(r record) bool {
	resolution := max(p.stream.Window.Resolution.D(), 0)
	return resolution == 0 || r.at.Truncate(resolution).Equal(r.at)
}

// sight is whether an answer held a record.
type sight int

const (
	absent sight = iota
	present
	undecided
)

// look asks for a window, a second page of it where there is one, and says whether it holds a record that fits.
func (p *prober) look(ctx context.Context, w window.Window, fits func(record) bool) (found sight, asked string) {
	asked = p.client.Describe(w)
	at := vendorapi.Cursor{}
	for range 2 {
		a, err := p.page(ctx, p.client, w, at)
		if err != nil {
			return undecided, asked
		}
		p.learn(a)
		if slices.ContainsFunc(a.records, fits) {
			return present, asked
		}
		if a.last {
			return absent, asked
		}
		at = a.next
	}
	return undecided, asked
}

func is(sample record) func(record) bool {
	return func(r record) bool { return r.keyed && r.hash == sample.hash }
}

// askBounds sees how the vendor reads a window's bounds, by asking for windows that begin and end at a record's own time.
func (p *prober) askBounds(ctx context.Context, first *answer) {
	if s := p.stream; s.Parent != nil || s.Window.Listing != nil || s.Window == (vendorapi.Window{}) {
		return // Nothing is asked for by time.
	}
	if p.stream.TimePath == "" {
		p.add(Bounds, Unknown, "no TimePath is described, so that nothing shows whether records lie in the window; give one if the records have it")
		return
	}
	timed := 0
	for _, r := range first.records {
		if r.timed {
			timed++
		}
	}
	if timed == 0 {
		p.add(Bounds, Differs, "none of %d records has a time at TimePath %q that can be read", first.count, p.stream.TimePath).
			write("TimePath: the path of the time that is asked by, for example %s", p.timeCandidates(first))
		return
	}
	p.learn(first)
	sample, ok := p.sample(first)
	if !ok {
		p.judgeWindow(first.request)
		p.add(End, Unknown, "no record's time can be a bound")
		return
	}
	from := p.floor(sample.at)
	unit, asked := p.look(ctx, window.Window{Start: from, End: p.after(from)}, is(sample))
	if unit == present {
		p.judgeWindow(asked)
		p.askEnd(ctx, from)
		p.askResolution(ctx, first)
		return
	}
	// Asked for no more than the one unit, an exclusive end where an inclusive one is described leaves an empty window.
	if w := p.stream.Window; w.EndInclusive {
		longer, asked := p.look(ctx, window.Window{Start: from, End: p.after(p.after(from))}, is(sample))
		if longer == present {
			p.judgeWindow(asked)
			f := p.add(End, Differs, "exclusive: a record at %s is not in the window whose end bound names its time, but in one that ends a unit later", stamp(sample.at)).asked(asked).write("EndInclusive: false")
			if !p.whole(sample) {
				f.write("EndInclusive: false, or a finer Resolution: its time has a remainder below %s", p.unit())
			}
			return
		}
	}
	p.askZone(ctx, sample, unit, asked)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// judgeWindow tells what the records' times say of the window.
func (p *prober) judgeWindow(asked string) {
	zone := p.stream.Window.Zone
	if zone == "" {
		zone = "UTC"
	}
	switch {
	case p.shift.impossible():
		p.add(Bounds, Differs, "records' own times lie further apart than the window's bounds").asked(asked).
			write("Window.Start and End as the vendor names the parameters; or TimePath of the time that it compares, now %q", p.stream.TimePath)
	case p.shift.none():
		p.add(Bounds, OK, "the records' own times lie within it")
		p.add(Zone, OK, "the bounds are read as they are meant, in %s", zone)
	default:
		p.add(Zone, Differs, "the records' own times lie %s from the bounds as they are meant in %s", p.shift, zone).asked(asked).
			write("Window.Zone: the zone that the vendor reads bounds in; a Layout with an offset, if it takes one; or a TimePath whose times have an offset")
	}
}

// around are how far round a record's time is looked where a window of one unit does not hold it.
var around = []time.Duration{30 * time.Minute, 3 * time.Hour, 12 * time.Hour}

// askZone looks further round a record that is not where its own time is asked for.
func (p *prober) askZone(ctx context.Context, sample record, narrow sight, asked string) {
	found := narrow
	for _, margin := range around {
		if !p.shift.none() || found == present {
			break
		}
		w := window.Window{Start: p.stream.AlignDown(sample.at.Add(-margin)), End: p.stream.AlignDown(sample.at.Add(margin))}
		var request string
		if found, request = p.look(ctx, w, is(sample)); found != undecided {
			asked = request
		}
	}
	switch {
	case !p.shift.none():
		p.judgeWindow(asked)
		p.add(End, Unknown, "it shows once the window is read as it is meant")
	case narrow == undecided:
		p.judgeWindow(asked)
		p.add(End, Unknown, "a window of %s round a record's time has more pages than were read, or cannot be asked for", p.unit())
	case found == present:
		p.judgeWindow(asked)
		p.add(Bounds, Differs, "a record at %s is not in the window of %s that begins there, but in a longer one: its start may be exclusive, or times compared otherwise than shown", stamp(sample.at), p.unit()).
			asked(asked).write("no Resolution, so that windows overlap by a second and records are placed by their own time")
	default:
		p.add(Bounds, Differs, "a record at %s is in no window round its own time: the vendor compares another time than TimePath %q, or it has just changed", stamp(sample.at), p.stream.TimePath).
			asked(asked).write("TimePath: the path of the time that is asked by")
	}
}

// askEnd asks for the window that ends where a record's unit begins: what lies there belongs to the next one.
func (p *prober) askEnd(ctx context.Context, end time.Time) {
	described := "exclusive"
	if p.stream.Window.EndInclusive {
		described = "inclusive"
	}
	if w := p.stream.Window; w.Resolution == 0 && w.Granularity == 0 {
		p.add(End, OK, "it does not matter: without a Resolution, windows are asked for with a second more on each side")
		return
	}
	found, asked := p.look(ctx, window.Window{Start: p.before(end), End: end}, func(r record) bool { return r.timed && !r.at.Before(end) })
	switch found {
	case present:
		if p.stream.Window.EndInclusive {
			p.add(Resolution, Differs, "coarser than %s: a window holds records of the unit after its end bound", p.unit()).asked(asked).write("a coarser Resolution, or a Granularity")
			return
		}
		p.add(End, Differs, "inclusive: the window whose end bound names a record's time, %s, holds that record", stamp(end)).asked(asked).write("EndInclusive: true")
	case absent:
		p.add(End, OK, "%s, as described: a record at it was in the window that begins there and not in the one before", described)
	default:
		p.add(End, Unknown, "the window before a record's time has more pages than were read, or cannot be asked for").asked(asked)
	}
}

// askResolution asks for a record in the last unit of a window with an inclusive end, whose time has a remainder: a vendor that
// compares more finely than described leaves it out.
func (p *prober) askResolution(ctx context.Context, first *answer) {
	if w := p.stream.Window; !w.EndInclusive || w.Resolution == 0 || w.Granularity > 0 {
		return
	}
	i := slices.IndexFunc(first.records, func(r record) bool {
		from := p.floor(r.at)
		return r.keyed && r.timed && !p.whole(r) && first.window.Contains(r.at) && p.stream.AlignDown(from).Equal(from) && p.stream.AlignDown(p.after(from)).Equal(p.after(from))
	})
	if i < 0 {
		p.add(Resolution, OK, "%s: no record shows a finer time", p.unit())
		return
	}
	r := first.records[i]
	from := p.floor(r.at)
	switch found, asked := p.look(ctx, window.Window{Start: p.before(from), End: p.after(from)}, is(r)); found {
	case present:
		p.add(Resolution, OK, "%s, as described", p.unit())
	case absent:
		p.add(Resolution, Differs, "finer than %s: a record at %s is not in the window whose last %s it lies in", p.unit(), stamp(r.at), p.unit()).
			asked(asked).write("Resolution: a finer one, and a Layout that writes it")
	default:
		p.add(Resolution, Unknown, "the window round such a record has more pages than were read")
	}
}
