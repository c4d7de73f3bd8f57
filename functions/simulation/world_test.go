package simulation

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// version is one state of a record: from shows on the vendor gives the record with the time at, or no more.
type version struct {
	at, shows time.Time
	gone      bool
	// own is the time by which a parent's children are read, zero where the record shows none.
	own time.Time
}

// change is one record's coming or leaving at a time that a window may hold.
type change struct {
	when, at time.Time
	leaving  bool
}

// span is a stretch of time, its end not in it.
type span struct{ from, to time.Time }

func (s span) holds(t time.Time) bool { return !t.Before(s.from) && t.Before(s.to) }

// world is the vendor: its records, and when it is out of order. Several processes ask it at once.
type world struct {
	dialect
	mu      sync.Mutex
	records [][]version // a record's id is its index
	// hours are the records that have a version in an hour since 1970, so that a long history need not look at all.
	hours   map[int64][]int
	changes []change
	// earliest and latest are the times of the first and the last version there is.
	earliest, latest time.Time
	random           *rand.Rand
	// tokenLife is how long a page's token can be used.
	tokenLife time.Duration
	// outages and jams are when the vendor answers 503, and 429.
	outages, jams []span
	// last is what was last asked for.
	last span
	// kin are the children of the records, nil where they have none.
	kin *kin
}

// add makes a record that happens at at and shows at shows.
func (w *world) add(at, shows time.Time) {
	v := version{at: at, shows: shows}
	if w.kin != nil {
		v.own = w.ownTime(at)
	}
	w.records = append(w.records, []version{v})
	w.place(len(w.records)-1, at)
	w.changes = append(w.changes, change{when: shows, at: at})
	if w.kin != nil {
		w.bear(len(w.records)-1, v)
	}
}

func hourOf(at time.Time) int64 { return at.Unix() / 3600 }

func (w *world) place(id int, at time.Time) {
	if w.hours == nil {
		w.hours = map[int64][]int{}
	}
	if w.earliest.IsZero() || at.Before(w.earliest) {
		w.earliest = at
	}
	if at.After(w.latest) {
		w.latest = at
	}
	hour := hourOf(at)
	if !slices.Contains(w.hours[hour], id) {
		w.hours[hour] = append(w.hours[hour], id)
	}
}

// each calls see with the version that the vendor gives at now of each record from from to to, and of some before and after.
func (w *world) each(from, to, now time.Time, see func(id, v int, at time.Time)) {
	for hour := hourOf(from); hour <= hourOf(to); hour++ {
		for _, id := range w.hours[hour] {
			v := current(w.records[id], now)
			if v >= 0 && hourOf(w.records[id][v].at) == hour {
				see(id, v, w.records[id][v].at)
			}
		}
	}
}

// alter gives a record a later state. It does nothing where the record already has one that shows later.
func (w *world) alter(id int, to version) {
	newest := w.records[id][len(w.records[id])-1]
	if !to.shows.After(newest.shows) || newest.gone {
		return
	}
	if w.kin != nil {
		to.own = w.otherTime(newest, to.at)
	}
	w.records[id] = append(w.records[id], to)
	w.place(id, to.at)
	// What is listed goes by the other time.
	moved := !to.at.Equal(newest.at) || w.listing != nil && !to.own.Equal(newest.own)
	if to.gone || moved {
		w.changes = append(w.changes, change{to.shows, newest.at, true})
	}
	if !to.gone && moved {
		w.changes = append(w.changes, change{to.shows, to.at, false})
	}
}

// current returns the version that the vendor gives at now, -1 where it gives none.
func current(versions []version, now time.Time) int {
	for i := len(versions) - 1; i >= 0; i-- {
		if versions[i].shows.After(now) {
			continue
		}
		if versions[i].gone {
			return -1
		}
		return i
	}
	return -1
}

// populate fills the vendor with records of [from, to): some anywhere, bursts within a second.
func (w *world) populate(from, to time.Time, records int, bursts []int) {
	for range records {
		w.happen(w.between(from, to), to)
	}
	for _, burst := range bursts {
		second := w.between(from, to).Truncate(time.Second)
		for range burst {
			w.happen(second.Add(time.Duration(w.random.IntN(1000))*time.Millisecond), to)
		}
	}
}

// happen makes one record, with what becomes of it.
func (w *world) happen(at, to time.Time) {
	w.add(at, w.showing(at))
	id := len(w.records) - 1
	for w.random.IntN(4) == 0 {
		newest := w.records[id][len(w.records[id])-1]
		// What is changed is no older than the lookback.
		until := newest.at.Add(w.changing())
		if !newest.shows.Add(time.Millisecond).Before(until) {
			return
		}
		when := w.between(newest.shows.Add(time.Millisecond), until)
		switch {
		case w.moves && w.random.IntN(2) == 0:
			if !when.Before(to) {
				return
			}
			// The window that it leaves must not change later than the lookback says either.
			shows := w.showing(when)
			if shows.After(until) {
				shows = until
			}
			w.alter(id, version{at: when, shows: shows})
		case w.edits:
			w.alter(id, version{at: newest.at, shows: when})
		case w.vanish:
			w.alter(id, version{at: newest.at, shows: when, gone: true})
		}
	}
}

// showing is when a record of at shows.
func (w *world) showing(at time.Time) time.Time {
	span := w.settle
	if w.late && w.random.IntN(3) == 0 {
		span = w.changing()
	}
	return w.between(at, at.Add(span))
}

func (w *world) between(from, to time.Time) time.Time {
	if !from.Before(to) {
		return from
	}
	return from.Add(time.Duration(w.random.Int64N(int64(to.Sub(from))))).Truncate(time.Millisecond)
}

// found is a record as the vendor gives it.
type found struct {
	id, version int
	at          time.Time
}

// find returns the records of a request in the vendor's order.
func (w *world) find(from, to, now time.Time) (all []found) {
	eachFrom, eachTo := from, to
	if w.bounds == noBounds || w.listing != nil {
		eachFrom, eachTo = w.earliest, w.latest
	}
	w.each(eachFrom, eachTo, now, func(id, v int, at time.Time) {
		compared := at
		if !w.unknown {
			compared = at.Truncate(time.Second)
		}
		if w.bounds == noBounds {
			all = append(all, found{id, v, at})
			return
		}
		if w.listing != nil {
			compared = w.records[id][v].own
		}
		if compared.Before(from) || compared.After(to) || compared.Equal(to) && (!w.inclusive || w.bounds == dayBounds) {
			return
		}
		all = append(all, found{id, v, at})
	})
	slices.SortFunc(all, func(a, b found) int { return cmp.Or(a.at.Compare(b.at), a.id-b.id) })
	return all
}

// shift changes what the request last answered holds, as the vendor may: records of it move, leave, are edited or
// come late. With swap one leaves for each that comes, so that no total shows it.
func (w *world) shift(n int, swap bool, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now = now.Truncate(time.Millisecond)
	from, to := w.last.from, w.last.to
	if oldest := now.Add(-w.changing()); from.Before(oldest) {
		from = oldest
	}
	if now.Before(to) {
		to = now
	}
	if !from.Before(to) {
		return
	}
	there := slices.DeleteFunc(w.find(from, to, now), func(r found) bool { return r.at.Before(from) })
	for range n {
		leaves := w.moves || w.vanish
		comes := w.late && (!leaves || swap || w.random.IntN(2) == 0)
		if comes {
			w.add(w.between(from, to), now)
		}
		if (comes && !swap) || len(there) == 0 {
			continue
		}
		i := w.random.IntN(len(there))
		id, at := there[i].id, there[i].at
		there = slices.Delete(there, i, i+1)
		switch {
		case w.moves && (swap || w.random.IntN(2) == 0):
			w.alter(id, version{at: now, shows: now})
		case w.vanish:
			w.alter(id, version{at: at, shows: now, gone: true})
		case w.edits:
			w.alter(id, version{at: at, shows: now})
		}
	}
}

// broken is what the vendor answers with when it is out of order, nil where it is not.
func (w *world) broken(now time.Time) (string, *http.Response) {
	if slices.ContainsFunc(w.outages, func(s span) bool { return s.holds(now) }) {
		return outage, respond(http.StatusServiceUnavailable, []byte(`{}`))
	}
	if slices.ContainsFunc(w.jams, func(s span) bool { return s.holds(now) }) {
		response := respond(http.StatusTooManyRequests, []byte(`{}`))
		response.Header.Set("Retry-After", "2")
		return jam, response
	}
	return "", nil
}

// answer is the vendor's answer to a request for a page.
func (w *world) answer(u *url.URL, now time.Time) *http.Response {
	w.mu.Lock()
	defer w.mu.Unlock()
	query := u.Query()
	if parent, of := parentOf(u.Path); of {
		return w.answerChildren(parent, query, now)
	}
	bound := func(name string) time.Time {
		if w.bounds == noBounds {
			return time.Time{}
		}
		if w.bounds == unixBounds {
			return time.Unix(int64(numberOf(query, name)), 0).UTC()
		}
		t, err := w.instant(query.Get(name))
		if err != nil {
			panic(fmt.Sprintf("parameter %s of %s: %v", name, query.Encode(), err))
		}
		return t
	}
	from, to := bound("from"), bound("to")
	if w.bounds == dayBounds && w.inclusive {
		to = w.midnight(to, 1)
	}
	w.last = span{from, to}
	if w.bounds == noBounds {
		w.last = span{w.earliest, now}
	}
	all := w.find(from, to, now)
	return w.pages(w.tokenLife).answer(query, now, len(all), func(i int) string {
		r := all[i]
		other := ""
		if w.kin != nil {
			other = w.members(r.id, r.version)
		}
		return fmt.Sprintf(`{"id":%d,"version":%d,"time":%s,"score":%s%s}`, r.id, r.version, unixText(r.at), score(r.id), other)
	})
}

// unixText writes a time as the vendor does.
func unixText(at time.Time) string { return fmt.Sprintf("%d.%03d", at.Unix(), at.Nanosecond()/1e6) }

// score is a number, but for a record that is to go to quarantine.
func score(id int) string {
	if id%37 == 5 {
		return `"none"`
	}
	return "1"
}

func numberOf(query url.Values, name string) int {
	n, err := strconv.Atoi(query.Get(name))
	if err != nil {
		panic(fmt.Sprintf("parameter %s of %s: %v", name, query.Encode(), err))
	}
	return n
}

// pages is how a stream's records are given page by page.
type pages struct {
	kind      vendorapi.PagingKind
	first     int
	counted   bool
	tokenLife time.Duration
}

func (d dialect) pages(tokenLife time.Duration) pages {
	return pages{d.paging, d.first, d.counted, tokenLife}
}

// answer gives the page asked for of so many records.
func (p pages) answer(query url.Values, now time.Time, records int, record func(int) string) *http.Response {
	size, offset := numberOf(query, "size"), 0
	switch token := query.Get("token"); {
	case p.kind == vendorapi.PagingOffset:
		offset = numberOf(query, "offset")
	case p.kind == vendorapi.PagingNumber:
		offset = (numberOf(query, "page") - p.first) * size
	case token != "":
		at, issued, _ := strings.Cut(token, "-")
		offset, _ = strconv.Atoi(at)
		seconds, _ := strconv.ParseInt(issued, 10, 64)
		if now.Sub(time.Unix(seconds, 0)) > p.tokenLife {
			return respond(http.StatusBadRequest, []byte(`{"error":"the token has expired"}`))
		}
	}
	end := min(offset+size, records)
	var body bytes.Buffer
	body.WriteString(`{"records":[`)
	for i := min(offset, records); i < end; i++ {
		if i > min(offset, records) {
			body.WriteByte(',')
		}
		body.WriteString(record(i))
	}
	body.WriteByte(']')
	if p.counted {
		fmt.Fprintf(&body, `,"total":%d`, records)
	}
	if p.kind == vendorapi.PagingToken && end < records {
		fmt.Fprintf(&body, `,"next":"%d-%d"`, end, now.Unix())
	}
	body.WriteByte('}')
	return respond(http.StatusOK, body.Bytes())
}

// paging is how a stream's pages are described: one is asked for after the other. In which order requests side by side arrive is for the
// scheduler to say, and a fault strikes at the request of a number, so a history would not be played the same each time. That
// what comes is the same, whatever the pages and faults, is a property that package vendorapi tests.
func (p pages) paging(size int) vendorapi.Paging {
	paging := vendorapi.Paging{Kind: p.kind, Size: size, SizePlace: inQuery("size")}
	switch p.kind {
	case vendorapi.PagingOffset:
		paging.Place, paging.InFlight = inQuery("offset"), 1
	case vendorapi.PagingNumber:
		paging.Place, paging.First, paging.InFlight = inQuery("page"), p.first, 1
	case vendorapi.PagingToken:
		paging.Place, paging.NextPath = inQuery("token"), "next"
	}
	return paging
}

func inQuery(name string) vendorapi.Place { return vendorapi.Place{In: vendorapi.InQuery, Name: name} }

func respond(status int, body []byte) *http.Response {
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// disturbed counts the records that came into what is asked for with a window, and those that left it, between two times.
func (w *world) disturbed(in window.Window, since, until time.Time) (coming, leaving int) {
	from, to := w.near(in)
	for _, c := range w.changes {
		if c.at.Before(from) || !c.at.Before(to) || !c.when.After(since) || c.when.After(until) {
			continue
		}
		if c.leaving {
			leaving++
		} else {
			coming++
		}
	}
	return coming, leaving
}
