package simulation

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// family is the second stream of a history: it is read once for each record of the first, its parent.
type family struct {
	shape string
	// elsewhen says that a parent's own time is another than that of its window.
	elsewhen bool
	// sameHour has the parents' own times fall together.
	sameHour                bool
	ahead, settle, lookback time.Duration
	pages                   pages
	// most is how many children a parent has at most, refused of how many parents one is refused for ever.
	most, refused int
}

// How parents are asked for.
const (
	asOthers      = "by windows, as drawn"
	withoutBounds = "without bounds"
	listedAll     = "as a listing of all there are"
	listedBetween = "as a listing of those between two times"
)

// drawFamily draws the second stream, and settles of the first how it is asked for.
func drawFamily(rt *rapid.T, d *dialect) *family {
	f := &family{
		shape:    rapid.SampledFrom([]string{asOthers, asOthers, asOthers, withoutBounds, listedAll, listedBetween}).Draw(rt, "shape"),
		elsewhen: rapid.IntRange(0, 2).Draw(rt, "elsewhen") > 0,
		sameHour: rapid.Bool().Draw(rt, "sameHour"),
		ahead:    rapid.SampledFrom([]time.Duration{0, 2 * time.Hour, 48 * time.Hour}).Draw(rt, "ahead"),
		settle:   rapid.SampledFrom([]time.Duration{0, 10 * time.Minute}).Draw(rt, "settle"),
		most:     rapid.IntRange(0, 40).Draw(rt, "children"),
		refused:  rapid.SampledFrom([]int{0, 0, 5, 2}).Draw(rt, "refused"),
	}
	f.pages = pages{
		kind:    rapid.SampledFrom([]vendorapi.PagingKind{vendorapi.PagingToken, vendorapi.PagingToken, vendorapi.PagingNumber, vendorapi.PagingOffset}).Draw(rt, "paging"),
		first:   rapid.IntRange(0, 1).Draw(rt, "first"),
		counted: rapid.Bool().Draw(rt, "counted"),
		// So short that it often expires while a process sleeps, and always from one invocation to the next but one.
		tokenLife: time.Duration(rapid.IntRange(10, 1200).Draw(rt, "tokenLife")) * time.Second,
	}
	switch f.shape {
	case withoutBounds, listedAll:
		d.bounds, d.longest = noBounds, 0
	case listedBetween:
		d.bounds, d.longest = unixBounds, 0
	}
	switch f.shape {
	case listedAll:
		d.listing = &vendorapi.Listing{}
	case listedBetween:
		f.elsewhen = true
		d.listing = &vendorapi.Listing{Behind: vendorapi.Duration(48 * time.Hour), Ahead: vendorapi.Duration(10 * 24 * time.Hour)}
	}
	*d = d.possible()
	f.lookback = max(d.changing(), 2*time.Hour) + rapid.SampledFrom([]time.Duration{0, 6 * time.Hour, 24 * time.Hour}).Draw(rt, "longer")
	return f
}

func (f *family) String() string {
	if f == nil {
		return "no children"
	}
	return fmt.Sprintf("parents %s, their own time elsewhen %t, in the same hour %t; children from %s ahead, settle %s, lookback %s, paging %s from %d, counted %t, tokens live %s, up to %d, one parent in %d refused",
		f.shape, f.elsewhen, f.sameHour, f.ahead, f.settle, f.lookback, f.pages.kind, f.pages.first, f.pages.counted, f.pages.tokenLife, f.most, f.refused)
}

// describe is the description of the second stream.
func (f *family) describe(parent string, r release) vendorapi.Stream {
	stream := vendorapi.Stream{
		Name: "guests", Path: "/visits/{visit}/guests",
		Parent: &vendorapi.Parent{
			Stream: parent, TimePath: "time", Ahead: vendorapi.Duration(f.ahead),
			Places: []vendorapi.ParentPlace{{Place: vendorapi.Place{In: vendorapi.InPath, Name: "visit"}, Path: "id"}},
			Fields: []vendorapi.ParentField{{Name: "visit", Path: "id"}, {Name: "topic", Path: "topic"}},
		},
		Paging: f.pages.paging(r.pageSize), RecordsPath: "records",
		Key: []string{"id"}, VersionPath: "version", Audit: vendorapi.AuditReread,
		Settle: vendorapi.Duration(f.settle), Lookback: vendorapi.Duration(f.lookback),
		Columns: []vendorapi.Column{
			{Name: "id", Type: vendorapi.TypeInt64}, {Name: "version", Type: vendorapi.TypeInt64}, {Name: "score", Type: vendorapi.TypeInt64},
			{Name: "visit", Type: vendorapi.TypeInt64}, {Name: "topic", Type: vendorapi.TypeString},
		},
	}
	if f.elsewhen {
		stream.Parent.TimePath = "own"
	}
	if f.pages.counted {
		stream.Total = vendorapi.Total{Path: "total"}
	}
	if r.wide {
		stream.Columns = append(stream.Columns, vendorapi.Column{Name: "noted", Path: "note", Type: vendorapi.TypeFloat64})
	}
	return stream
}

// kin are the children of a world's records.
type kin struct {
	family
	// children are all there are, by their ids; of are those of each parent.
	children [][]version
	of       map[int][]int
	// refused are the parents whose children the vendor never gives, with the status of its answer.
	refused map[int]int
	// changes are the comings and leavings of each parent's children.
	changes map[int][]change
	// last is the parent last asked for, -1 where none was.
	last int
	// committed is when each version of a parent was first committed.
	committed map[[2]int]time.Time
}

// describe is the vendor's description in a release.
func (w *world) describe(r release) *vendorapi.Vendor {
	v := w.dialect.describe(r)
	if w.listing != nil && w.bounds != noBounds {
		v.Streams[0].TimePath = "own"
	}
	if w.kin != nil {
		v.Streams = append(v.Streams, w.kin.describe(v.Streams[0].Name, r))
	}
	return v
}

// ownTime is a parent's own time: its window's, or another one, or none.
func (w *world) ownTime(at time.Time) time.Time {
	own := at
	if w.kin.elsewhen {
		switch w.random.IntN(8) {
		case 0:
			if w.listing == nil {
				return time.Time{}
			}
		case 1:
			// It is known for longer than anybody looks back.
			own = w.between(at.Add(90*time.Hour), at.Add(170*time.Hour))
		default:
			own = w.between(at.Add(-2*time.Hour), at.Add(40*time.Hour))
		}
	}
	if w.kin.elsewhen && w.kin.sameHour {
		own = own.Truncate(time.Hour)
	}
	return own
}

// otherTime is what becomes of a parent's own time where its record changes.
func (w *world) otherTime(newest version, at time.Time) time.Time {
	switch {
	case !w.kin.elsewhen:
		return at
	case newest.own.IsZero() || w.random.IntN(2) == 0:
		return newest.own
	case w.random.IntN(5) == 0:
		return w.between(newest.own.Add(80*time.Hour), newest.own.Add(120*time.Hour)).Truncate(time.Minute)
	}
	return w.between(newest.own.Add(-5*time.Hour), newest.own.Add(20*time.Hour)).Truncate(time.Minute)
}

// bear makes the children of a new parent, with what becomes of them.
func (w *world) bear(parent int, v version) {
	k := w.kin
	if k.family.refused > 0 && w.random.IntN(k.family.refused) == 0 {
		k.refused[parent] = []int{http.StatusNotFound, http.StatusForbidden, http.StatusBadRequest}[w.random.IntN(3)]
	}
	own := v.own
	if own.IsZero() {
		own = v.at
	}
	last := own.Add(k.settle + k.lookback)
	together := w.random.IntN(4) == 0
	for range w.random.IntN(k.most + 1) {
		shows := w.between(own.Add(-k.ahead-time.Hour), last)
		if together {
			shows = own
		}
		id := w.child(parent, shows)
		for w.random.IntN(4) == 0 {
			newest := k.children[id][len(k.children[id])-1].shows
			when := w.between(newest.Add(time.Millisecond), last.Add(time.Hour))
			w.alterChild(parent, id, version{shows: when, gone: w.random.IntN(2) == 0})
		}
	}
}

func (w *world) child(parent int, shows time.Time) (id int) {
	k := w.kin
	id = len(k.children)
	k.children = append(k.children, []version{{shows: shows}})
	k.of[parent] = append(k.of[parent], id)
	k.changes[parent] = append(k.changes[parent], change{when: shows})
	return id
}

func (w *world) alterChild(parent, id int, to version) {
	k := w.kin
	newest := k.children[id][len(k.children[id])-1]
	if !to.shows.After(newest.shows) || newest.gone {
		return
	}
	k.children[id] = append(k.children[id], to)
	if to.gone {
		k.changes[parent] = append(k.changes[parent], change{when: to.shows, leaving: true})
	}
}

// parentOf reads which parent's children are asked for.
func parentOf(path string) (id int, ok bool) {
	fields := strings.Split(strings.Trim(path, "/"), "/")
	if len(fields) != 3 {
		return 0, false
	}
	id, err := strconv.Atoi(fields[1])
	if err != nil {
		panic(fmt.Sprintf("path %s: %v", path, err))
	}
	return id, true
}

// members are what the record of a parent holds beside that of any record.
func (w *world) members(id, version int) string {
	own := "null"
	if at := w.records[id][version].own; !at.IsZero() {
		own = unixText(at)
	}
	return fmt.Sprintf(`,"own":%s,"topic":%q`, own, topicOf(version))
}

// topicOf is what a parent's version says of it.
func topicOf(version int) string { return fmt.Sprintf("t%d", version) }

func versionOf(topic string) int {
	version, err := strconv.Atoi(strings.TrimPrefix(topic, "t"))
	if err != nil {
		panic(fmt.Sprintf("topic %q: %v", topic, err))
	}
	return version
}

// answerChildren is the vendor's answer to a request for a page of a parent's children.
func (w *world) answerChildren(parent int, query url.Values, now time.Time) *http.Response {
	k := w.kin
	k.last = parent
	if status := k.refused[parent]; status != 0 {
		return respond(status, []byte(`{"error":"not for you"}`))
	}
	if current(w.records[parent], now) < 0 {
		return respond(http.StatusNotFound, []byte(`{"error":"there is no such visit"}`))
	}
	var all []int
	for _, id := range k.of[parent] {
		if current(k.children[id], now) >= 0 {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	return k.pages.answer(query, now, len(all), func(i int) string {
		id := all[i]
		return fmt.Sprintf(`{"id":%d,"version":%d,"score":%s,"note":%d}`, id, current(k.children[id], now), score(id), id%5)
	})
}

// shiftChildren changes the children of the parent last asked for.
func (w *world) shiftChildren(n int, swap bool, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.kin
	if k.last < 0 {
		return
	}
	now = now.Truncate(time.Millisecond)
	// Nobody promises anything of what changes after a parent has been read for the last time.
	if v := current(w.records[k.last], now); v >= 0 {
		if last, _, timed := k.due(w.records[k.last][v]); timed && now.After(last) {
			return
		}
	}
	for range n {
		there := slices.DeleteFunc(slices.Clone(k.of[k.last]), func(id int) bool { return current(k.children[id], now) < 0 })
		comes := w.random.IntN(2) == 0
		if comes || swap {
			w.child(k.last, now)
		}
		if len(there) == 0 || comes && !swap {
			continue
		}
		w.alterChild(k.last, there[w.random.IntN(len(there))], version{shows: now, gone: swap || w.random.IntN(2) == 0})
	}
}

// disturbedChildren counts the children that came to a parent, and those that left it, between two times.
func (w *world) disturbedChildren(parent int, since, until time.Time) (coming, leaving int) {
	for _, c := range w.kin.changes[parent] {
		switch {
		case !c.when.After(since) || c.when.After(until):
		case c.leaving:
			leaving++
		default:
			coming++
		}
	}
	return coming, leaving
}

// due returns the last time at which a parent of a version is to be read, and when it is read no more. It is false where the
// record shows no time.
func (k *kin) due(v version) (last, over time.Time, known bool) {
	last = v.own.Add(k.settle + k.lookback)
	return last, last.Add(24 * time.Hour), !v.own.IsZero()
}

// known remembers which versions of parents the children's stream can know of.
func (w *world) known(held copies, now time.Time) {
	if w.kin == nil {
		return
	}
	for record := range held {
		if _, known := w.kin.committed[record]; !known {
			w.kin.committed[record] = now
		}
	}
}
