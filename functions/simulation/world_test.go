package simulation

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// dialect is how the model vendor talks, and what kind of stream it has.
type dialect struct {
	// moving says that records move to later times (audit reread); else some come later than the settle delay.
	moving    bool
	counted   bool
	inclusive bool
	// unknown says that the vendor compares fractions of a second, which the description does not tell.
	unknown bool
	numbers bool // pages have numbers, from first on; else offsets
	first   int
	settle  time.Duration
}

// version is one state of a record: from shows on the vendor gives the record with the time at.
type version struct {
	at, shows time.Time
}

// change is one record's coming or going at a time that a window may hold.
type change struct {
	when, at time.Time
}

// world is the vendor: its records, and what it was asked.
type world struct {
	dialect
	records [][]version // a record's id is its index
	changes []change
	random  *rand.Rand
	// asked are the first and the last time that windows from a bound on were asked for.
	asked map[int64][2]time.Time
	// last is the window last asked for, as the request had it.
	last struct{ from, to time.Time }
}

// add makes a record that happens at at and shows at shows.
func (w *world) add(at, shows time.Time) {
	w.records = append(w.records, []version{{at, shows}})
	w.changes = append(w.changes, change{shows, at})
}

// move gives the record a later state.
func (w *world) move(id int, to version) {
	newest := w.records[id][len(w.records[id])-1]
	if !to.shows.After(newest.shows) || !to.at.After(newest.at) {
		return
	}
	w.records[id] = append(w.records[id], to)
	w.changes = append(w.changes, change{to.shows, newest.at}, change{to.shows, to.at})
}

// current returns the newest version that shows at now, -1 where none does.
func current(versions []version, now time.Time) int {
	for i := len(versions) - 1; i >= 0; i-- {
		if !versions[i].shows.After(now) {
			return i
		}
	}
	return -1
}

// found is a record as the vendor gives it.
type found struct {
	id, version int
	at          time.Time
}

// find returns the records of a request in the vendor's order.
func (w *world) find(from, to, now time.Time) (all []found) {
	for id, versions := range w.records {
		v := current(versions, now)
		if v < 0 {
			continue
		}
		at := versions[v].at
		compared := at
		if !w.unknown {
			compared = at.Truncate(time.Second)
		}
		if compared.Before(from) || compared.After(to) || compared.Equal(to) && !w.inclusive {
			continue
		}
		all = append(all, found{id, v, at})
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Or(a.at.Compare(b.at), a.id-b.id) })
	return all
}

// shift changes what the window last asked for holds: records move out of it, or late ones come into it.
func (w *world) shift(n int, now time.Time) {
	now = now.Truncate(time.Millisecond)
	from, to := w.last.from, w.last.to
	if !from.Before(to) {
		return
	}
	if !w.moving {
		for range n {
			w.add(from.Add(time.Duration(w.random.Int64N(int64(to.Sub(from))))).Truncate(time.Millisecond), now)
		}
		return
	}
	there := w.find(from, to, now)
	for range min(n, len(there)) {
		i := w.random.IntN(len(there))
		w.move(there[i].id, version{now, now})
		there = slices.Delete(there, i, i+1)
	}
}

// answer is the vendor's answer to a request for a page.
func (w *world) answer(query url.Values, now time.Time) *http.Response {
	number := func(name string) int {
		n, err := strconv.Atoi(query.Get(name))
		if err != nil {
			panic(fmt.Sprintf("parameter %s of %s: %v", name, query.Encode(), err))
		}
		return n
	}
	from, to, size := time.Unix(int64(number("from")), 0).UTC(), time.Unix(int64(number("to")), 0).UTC(), number("size")
	span, known := w.asked[from.Unix()]
	if !known {
		span[0] = now
	}
	span[1] = now
	w.asked[from.Unix()] = span
	w.last.from, w.last.to = from, to
	offset := 0
	if w.numbers {
		offset = (number("page") - w.first) * size
	} else {
		offset = number("offset")
	}
	all := w.find(from, to, now)
	var body bytes.Buffer
	body.WriteString(`{"records":[`)
	for i, r := range all[min(offset, len(all)):min(offset+size, len(all))] {
		if i > 0 {
			body.WriteByte(',')
		}
		score := "1"
		if r.id%37 == 5 {
			score = `"none"` // goes to quarantine
		}
		fmt.Fprintf(&body, `{"id":%d,"version":%d,"time":%d.%03d,"score":%s}`, r.id, r.version, r.at.Unix(), r.at.Nanosecond()/1e6, score)
	}
	body.WriteByte(']')
	if w.counted {
		fmt.Fprintf(&body, `,"total":%d`, len(all))
	}
	body.WriteByte('}')
	return respond(http.StatusOK, body.Bytes())
}

func respond(status int, body []byte) *http.Response {
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// disturbed reports whether what the vendor has in a window changed between the first and the last request
// for it.
func (w *world) disturbed(in window.Window) bool {
	first, last := w.asking(in)
	for _, c := range w.changes {
		near := !c.at.Before(in.Start.Add(-2*time.Second)) && c.at.Before(in.End.Add(2*time.Second))
		if near && !c.when.Before(first) && !c.when.After(last) {
			return true
		}
	}
	return false
}

// enteredMargin reports whether a record came into the second after a window while that was read.
func (w *world) enteredMargin(in window.Window) bool {
	first, last := w.asking(in)
	return slices.ContainsFunc(w.changes, func(c change) bool {
		return !c.at.Before(in.End) && !c.at.After(in.End.Add(time.Second)) && !c.when.Before(first) && !c.when.After(last)
	})
}

// asking returns when windows with this start were asked for first and last.
func (w *world) asking(in window.Window) (first, last time.Time) {
	from := in.Start
	if w.unknown {
		from = from.Add(-time.Second)
	}
	span := w.asked[from.Unix()]
	return span[0], span[1]
}

// deployment is what a release settles; a history changes it under running invocations.
type deployment struct {
	pageSize int
	wide     bool // one more column
}

// describe is the vendor's description in a deployment.
func (w *world) describe(d deployment) *vendorapi.Vendor {
	query := func(name string) vendorapi.Place { return vendorapi.Place{In: vendorapi.InQuery, Name: name} }
	stream := vendorapi.Stream{
		Name: "visits", Path: "/visits",
		Window: vendorapi.Window{
			Start: query("from"), End: query("to"), Layout: vendorapi.LayoutUnix,
			EndInclusive: w.inclusive, Resolution: vendorapi.Duration(time.Second),
		},
		Paging:      vendorapi.Paging{Kind: vendorapi.PagingOffset, Place: query("offset"), Size: d.pageSize, SizePlace: query("size")},
		RecordsPath: "records",
		Key:         []string{"id"}, VersionPath: "version", TimePath: "time", Audit: vendorapi.AuditCount,
		Settle: vendorapi.Duration(w.settle), Lookback: vendorapi.Duration(6 * time.Hour),
		Columns: []vendorapi.Column{
			{Name: "id", Type: vendorapi.TypeInt64}, {Name: "version", Type: vendorapi.TypeInt64}, {Name: "score", Type: vendorapi.TypeInt64},
		},
	}
	if w.counted {
		stream.Total = vendorapi.Total{Path: "total"}
	}
	if w.moving || !w.counted || w.unknown {
		stream.Audit = vendorapi.AuditReread
	}
	if w.unknown {
		stream.Window.Resolution = 0
	}
	if w.numbers {
		stream.Paging.Kind, stream.Paging.Place, stream.Paging.First = vendorapi.PagingNumber, query("page"), w.first
	}
	if d.wide {
		stream.Columns = append(stream.Columns, vendorapi.Column{Name: "happened", Path: "time", Type: vendorapi.TypeFloat64})
	}
	return &vendorapi.Vendor{
		Name: "model", BaseURL: "https://api.example.com", Auth: vendorapi.Auth{Kind: vendorapi.AuthNone},
		Streams: []vendorapi.Stream{stream},
	}
}

// parsed is a record as it stands in the raw bucket.
type parsed struct {
	ID      int
	Version int
	Time    json.Number
}
