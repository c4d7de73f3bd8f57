package bench

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
	"github.com/windrow-data/windrow/functions/window"
)

const (
	clientID = "90001"
	// stream is the one that is measured: the longest records that ON24 has in number.
	stream = "attendees"
	// pageRecords is the most that ON24 gives on a page of attendees, and what its description asks for.
	pageRecords = 100
	// meanRecordBytes is the mean size of a record: that of an attendee who did little more than to be there.
	meanRecordBytes = 700
	// distinctRecords is how many records are told apart beside their ids and dates: what is compressed must not come again
	// within a compressor's reach, 32 KB of gzip's and a column's page of Parquet's.
	distinctRecords = 10_000
)

// template is an attendee's record as [vendortest] makes it, with the places in it that differ from one to the next.
type template struct {
	json []byte
	// user is where the nine digits of eventuserid stand, dates are where dates do.
	user  int
	dates []dateAt
	// last is the day of the last thing that the attendee did.
	last int
}

// dateAt is the place of a date yyyy-mm-dd, and its days since 1970.
type dateAt struct{ at, day int }

var (
	userPattern = regexp.MustCompile(`"eventuserid":(\d{9}),`)
	datePattern = regexp.MustCompile(`"(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}-0[78]:00"`)
)

// makeTemplates draws templates from the simulated ON24. Of its attendees, who go up to 2 KB, the longest are left out, so that
// those left are [meanRecordBytes] long on average.
func makeTemplates(seed uint64, count int) ([]template, error) {
	from := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	world, err := vendortest.Generate(on24.Vendor(clientID), vendortest.Size{Seed: seed, From: from, Until: from.Add(24 * time.Hour), Attendees: 5 * count})
	if err != nil {
		return nil, err
	}
	all := world.Records(stream, window.Window{Start: from.AddDate(0, -2, 0), End: from.AddDate(0, 2, 0)}, from.AddDate(0, 2, 0))
	var templates []template
	size := 0
	for _, record := range all {
		if len(templates) == count {
			break
		}
		if mean := (size + len(record.JSON)) / (len(templates) + 1); mean > meanRecordBytes {
			continue
		}
		t, err := newTemplate(record.JSON)
		if err != nil {
			return nil, err
		}
		templates = append(templates, t)
		size += len(record.JSON)
	}
	if len(templates) < count {
		return nil, fmt.Errorf("the simulated ON24 has %d attendees of %d bytes on average: want %d", len(templates), meanRecordBytes, count)
	}
	return templates, nil
}

func newTemplate(record []byte) (template, error) {
	t := template{json: bytes.Clone(record)}
	user := userPattern.FindSubmatchIndex(record)
	if user == nil {
		return t, errors.New("an attendee of the simulated ON24 has no eventuserid of nine digits")
	}
	t.user = user[2]
	for _, found := range datePattern.FindAllSubmatchIndex(record, -1) {
		date, err := time.Parse(time.DateOnly, string(record[found[2]:found[3]]))
		if err != nil {
			return t, err
		}
		day := int(date.Unix() / secondsADay)
		t.dates = append(t.dates, dateAt{found[2], day})
		t.last = max(t.last, day)
	}
	return t, nil
}

const (
	secondsADay = 24 * 60 * 60
	firstUser   = 100_000_000
)

// attendance is what the vendor holds: total attendees, so many a day from a time on, evenly spread. It is worked out and not
// kept, so that a million of them take no memory, and cost the vendor little.
type attendance struct {
	templates []template
	from      time.Time
	perDay    int
	total     int
}

// until is when the last of them has been there.
func (a attendance) until() time.Time { return a.at(a.total) }

// at is the time of the last activity of the k-th attendee, from 0, by which ON24 finds it.
func (a attendance) at(k int) time.Time {
	return a.from.Add(time.Duration(k/a.perDay)*24*time.Hour + time.Duration(k%a.perDay)*(24*time.Hour/time.Duration(a.perDay)))
}

// before is how many of them were there before a time.
func (a attendance) before(t time.Time) int {
	since := t.Sub(a.from)
	if since <= 0 {
		return 0
	}
	const day = 24 * time.Hour
	step := day / time.Duration(a.perDay)
	within := int((since%day + step - 1) / step)
	return min(int(since/day)*a.perDay+min(within, a.perDay), a.total)
}

// append appends the records from first up to, not with, until, with commas between them.
func (a attendance) append(body []byte, first, until int) []byte {
	for k := first; k < until; k++ {
		t := &a.templates[k%len(a.templates)]
		if k > first {
			body = append(body, ',')
		}
		begin := len(body)
		body = append(body, t.json...)
		record := body[begin:]
		user := firstUser + k
		for i := t.user + 8; i >= t.user; i-- {
			record[i] = byte('0' + user%10)
			user /= 10
		}
		// What the attendee did last was done on the day of the activity.
		shift := int(a.at(k).Unix()/secondsADay) - t.last
		for _, d := range t.dates {
			copy(record[d.at:], dateOf(d.day+shift))
		}
	}
	return body
}

// dates are those that have been spelled, by their days since 1970.
var dates sync.Map

func dateOf(day int) string {
	if text, ok := dates.Load(day); ok {
		return text.(string)
	}
	text := time.Unix(int64(day)*secondsADay, 0).UTC().Format(time.DateOnly)
	dates.Store(day, text)
	return text
}

// vendorServer answers as ON24 does for attendees, cheaply, so that on a machine of few cores it is the handler that has them.
type vendorServer struct {
	attendance
	// latency is how long a page takes.
	latency time.Duration
	base    string
	server  *http.Server

	requests atomic.Int64
	bytes    atomic.Int64
	buffers  sync.Pool
	// asked are the times of the requests, where they are kept.
	keep  bool
	mutex sync.Mutex
	asked []time.Time
}

// serveVendor begins to answer on a free port.
func serveVendor(a attendance, latency time.Duration) (*vendorServer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("no free port on 127.0.0.1 for the simulated vendor: %w", err)
	}
	v := &vendorServer{attendance: a, latency: latency, base: "http://" + listener.Addr().String() + "/v2"}
	v.buffers.New = func() any { return new([]byte) }
	v.server = &http.Server{Handler: v}
	go v.server.Serve(listener)
	return v, nil
}

func (v *vendorServer) Close() error { return v.server.Close() }

// reset forgets what was counted.
func (v *vendorServer) reset() {
	v.requests.Store(0)
	v.bytes.Store(0)
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.asked = nil
}

// ServeHTTP answers a request as on24 in vendortest does one for attendees by lastActivity, but that it has no limits.
func (v *vendorServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.requests.Add(1)
	if v.keep {
		v.mutex.Lock()
		v.asked = append(v.asked, time.Now())
		v.mutex.Unlock()
	}
	if r.URL.Path != "/v2/client/"+clientID+"/attendee" || r.Header.Get(on24.AccessTokenKey) == "" {
		http.Error(w, `{"message":"The requested resource was not found"}`, http.StatusNotFound)
		return
	}
	q, err := v.question(r.URL.Query())
	if err != nil {
		http.Error(w, fmt.Sprintf(`{"message":%q}`, err), http.StatusBadRequest)
		return
	}
	if v.latency > 0 {
		time.Sleep(v.latency)
	}
	buffer := v.buffers.Get().(*[]byte)
	defer v.buffers.Put(buffer)
	body := v.page((*buffer)[:0], q)
	*buffer = body
	v.bytes.Add(int64(len(body)))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

// question is what a request asks for: the attendees from first to until, of which a page.
type question struct{ first, until, items, page int }

// on24Layout is how the description sends times.
const on24Layout = "2006-01-02T15:04:05-07:00"

func (v *vendorServer) question(query url.Values) (question, error) {
	start, errStart := time.Parse(on24Layout, query.Get("startDate"))
	end, errEnd := time.Parse(on24Layout, query.Get("endDate"))
	items, errItems := strconv.Atoi(query.Get("itemsPerPage"))
	page, errPage := strconv.Atoi(query.Get("pageOffset"))
	if err := errors.Join(errStart, errEnd, errItems, errPage); err != nil {
		return question{}, err
	}
	if items < 1 || items > pageRecords || page < 0 {
		return question{}, errors.New("Invalid itemsPerPage or pageOffset")
	}
	// ON24 includes both ends, in whole seconds.
	return question{v.before(start), v.before(end.Add(time.Second)), items, page}, nil
}

func (v *vendorServer) page(body []byte, q question) []byte {
	total := q.until - q.first
	body = fmt.Appendf(body, `{"clientid":%s,"totalattendees":%d,"pagecount":%d,"currentpage":%d,"attendees":[`, clientID, total, (total+q.items-1)/q.items, q.page)
	first := q.first + min(q.page*q.items, total)
	body = v.append(body, first, min(first+q.items, q.until))
	return append(body, "]}"...)
}

// description is ON24's, of attendees alone, read at the server without a rate limit, since what is measured is what the handlers
// cost and not what they wait for.
func (v *vendorServer) description() *vendorapi.Vendor {
	described := on24.Vendor(clientID, func(d *vendorapi.Vendor) {
		d.BaseURL, d.AllowPrivate = v.base, true
		for i := range d.Streams {
			if d.Streams[i].Name == stream {
				d.Streams[i].RateLimit = vendorapi.RateLimit{}
				d.Streams = d.Streams[i : i+1]
				return
			}
		}
	})
	return described
}
