package vendortest

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// zoomDialect answers as Zoom's REST API is documented to (https://developers.zoom.us/docs/api/), for the endpoints of
// zoomworld.go. Where the documents are silent: a webinar belongs to the day on which it began, in UTC; an answer says nothing of
// what is not shown yet; a page larger than allowed is refused; and of a uuid that has to be encoded twice and is not, nothing is
// known. Limits are those of a Business account, since the dashboards are part of one.
type zoomDialect struct {
	finder    *finder
	auth      vendorapi.Auth
	secret    map[string]string
	prefix    string
	tokenLife time.Duration
	// streams are those of the description by their endpoint, several where Zoom tells them apart by their status.
	streams map[string][]*vendorapi.Stream
}

// zoomTokenLife is how long a token for the next page is accepted. https://developers.zoom.us/docs/api/pagination/
const zoomTokenLife = 15 * time.Minute

func newZoomDialect(v *vendorapi.Vendor, f *finder, secret map[string]string, tokenLife time.Duration) *zoomDialect {
	d := &zoomDialect{finder: f, auth: v.Auth, secret: secret, tokenLife: tokenLife, streams: map[string][]*vendorapi.Stream{}}
	if d.tokenLife == 0 {
		d.tokenLife = zoomTokenLife
	}
	if base, err := url.Parse(v.BaseURL); err == nil {
		d.prefix = strings.TrimSuffix(base.Path, "/")
	}
	for i := range v.Streams {
		kind := zoomKind(&v.Streams[i])
		d.streams[kind] = append(d.streams[kind], &v.Streams[i])
	}
	return d
}

// zoomRefuse makes an error answer in Zoom's form.
func zoomRefuse(status, code int, message string) *answer {
	body, err := json.Marshal(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{code, message})
	if err != nil {
		panic(err) // A number and a string always marshal.
	}
	return jsonAnswer(status, body, 0)
}

// element returns the endpoint of a path and the id in it, as it is escaped.
func (d *zoomDialect) element(q *request) (kind, id string, ok bool) {
	rest, ok := strings.CutPrefix(q.URL.EscapedPath(), d.prefix+"/")
	parts := strings.Split(rest, "/")
	switch {
	case !ok:
	case rest == "metrics/webinars":
		return zoomWebinars, "", true
	case rest == "report/upcoming_events":
		return zoomUpcoming, "", true
	case len(parts) == 3 && parts[0] == "webinars" && parts[2] == zoomRegistrants:
		return zoomRegistrants, parts[1], true
	case len(parts) == 4 && parts[0] == "report" && parts[1] == "webinars" && slices.Contains([]string{zoomParticipants, zoomQuestions, zoomPolls}, parts[3]):
		return parts[3], parts[2], true
	}
	return "", "", false
}

func (d *zoomDialect) route(q *request) (string, *answer) {
	kind, _, ok := d.element(q)
	if !ok || len(d.streams[kind]) == 0 {
		return "", zoomRefuse(http.StatusNotFound, 2300, "This API endpoint is not recognized.")
	}
	if q.Method != http.MethodGet {
		return "", zoomRefuse(http.StatusMethodNotAllowed, 2300, "Request method is not supported.")
	}
	status := q.URL.Query().Get("status")
	for _, s := range d.streams[kind] {
		if s.Query["status"] == status {
			return s.Name, nil
		}
	}
	return d.streams[kind][0].Name, nil
}

func (d *zoomDialect) authorize(q *request) *answer {
	switch d.auth.Kind {
	case vendorapi.AuthToken:
		// Tokens, which stands in front, lets no other request through.
		return nil
	case vendorapi.AuthBearer:
		token, bearer := strings.CutPrefix(q.Header.Get("Authorization"), "Bearer ")
		want := d.secret[d.auth.TokenField]
		if bearer && want != "" && subtle.ConstantTimeCompare([]byte(token), []byte(want)) == 1 {
			return nil
		}
	}
	return zoomRefuse(http.StatusUnauthorized, 124, "Invalid access token.")
}

// zoomInvalidToken is Zoom's answer to a token that has expired or never was.
const zoomInvalidToken = `{"code":124,"message":"Access token is expired."}`

func (d *zoomDialect) limits(stream string) (own, account limit) {
	for _, s := range d.streams[zoomWebinars] {
		if s.Name == stream {
			own = limit{requests: 20, per: time.Minute}
		}
	}
	return own, limit{requests: 40, per: time.Second}
}

func (d *zoomDialect) overLimit(clock time.Time) *answer {
	a := zoomRefuse(http.StatusTooManyRequests, 429, "You have reached the maximum per-second rate limit for this API. Try again later.")
	a.header.Set("Retry-After", clock.UTC().Truncate(time.Second).Add(2*time.Second).Format(time.RFC3339))
	return a
}

func (d *zoomDialect) serve(q *request, stream string, now time.Time) *answer {
	kind, id, _ := d.element(q)
	shelf := d.finder.world.shelves[stream]
	switch kind {
	case zoomWebinars:
		return d.webinars(q, shelf, now)
	case zoomUpcoming:
		return d.upcoming(q, shelf, now)
	case zoomRegistrants:
		return d.registrants(q, shelf, id, now)
	}
	return d.report(q, shelf, kind, id, now)
}

// days reads the span of a query: whole days, a month at most. until is the end of the last.
func (d *zoomDialect) days(q *request) (from, until time.Time, refusal *answer) {
	bounds := make([]time.Time, 2)
	for i, name := range []string{"from", "to"} {
		var err error
		if bounds[i], err = time.Parse(time.DateOnly, q.URL.Query().Get(name)); err != nil {
			return from, until, zoomRefuse(http.StatusBadRequest, 300, "The value that you entered for the "+name+" field is invalid. Enter a valid value and try again.")
		}
	}
	if bounds[1].Before(bounds[0]) || !bounds[1].Before(bounds[0].AddDate(0, 1, 0)) {
		return from, until, zoomRefuse(http.StatusBadRequest, 300, "The date range defined by the from and to parameters should only be one month.")
	}
	return bounds[0], bounds[1].AddDate(0, 0, 1), nil
}

func (d *zoomDialect) webinars(q *request, of shelf, now time.Time) *answer {
	from, until, refusal := d.days(q)
	if refusal != nil {
		return refusal
	}
	var found []int32
	// Without a type, Zoom lists those that are on, of which the simulated one tells nothing.
	if q.URL.Query().Get("type") == "past" {
		found = d.finder.find(of.collection, 1, from.UnixNano(), until.UnixNano(), now.UnixNano())
	}
	return d.page(q, of.collection, found, "webinars", true, from, until)
}

// upcoming lists what has not begun.
func (d *zoomDialect) upcoming(q *request, of shelf, now time.Time) *answer {
	from, until, refusal := d.days(q)
	if refusal != nil {
		return refusal
	}
	var found []int32
	if kind := q.URL.Query().Get("type"); kind == "" || kind == "all" || kind == "webinar" {
		found = d.finder.find(of.collection, 0, max(from.UnixNano(), now.UnixNano()), until.UnixNano(), now.UnixNano())
	}
	return d.page(q, of.collection, found, "upcoming_events", false, from, until)
}

func (d *zoomDialect) registrants(q *request, of shelf, id string, now time.Time) *answer {
	parent, known := of.family.numbers[id]
	if !known || !of.family.shows(parent, now.UnixNano()) {
		return zoomRefuse(http.StatusNotFound, 3001, "Webinar does not exist: "+id+".")
	}
	return d.page(q, of.collection, of.family.find(of.collection, parent, now.UnixNano()), "registrants", true, time.Time{}, time.Time{})
}

func (d *zoomDialect) report(q *request, of shelf, kind, element string, now time.Time) *answer {
	id, err := url.PathUnescape(element)
	if err != nil {
		return zoomRefuse(http.StatusBadRequest, 300, "Invalid webinar id.")
	}
	parent, known := of.family.named(id, now)
	if !known || !of.family.shows(parent, now.UnixNano()) {
		return zoomRefuse(http.StatusNotFound, 3001, "Webinar "+id+" is not found or has expired.")
	}
	held := of.family.collection.versions[of.family.parents[parent].first].json
	if d.finder.world.blocked[scalarAt(held, []string{"uuid"})] {
		return &answer{status: http.StatusForbidden, header: http.Header{"Content-Type": {"text/html; charset=UTF-8"}, "Server": {"cloudflare"}},
			body: []byte("<!DOCTYPE html>\n<html><head><title>Attention Required! | Cloudflare</title></head><body><h1>Sorry, you have been blocked</h1></body></html>\n")}
	}
	found := of.family.find(of.collection, parent, now.UnixNano())
	if kind == zoomParticipants {
		return d.page(q, of.collection, found, "participants", true, time.Time{}, time.Time{})
	}
	body := fmt.Appendf(nil, `{"id":%s,"uuid":%s,"start_time":%s,"questions":[`,
		valueAt(held, []string{"id"}), valueAt(held, []string{"uuid"}), valueAt(held, []string{"start_time"}))
	return jsonAnswer(http.StatusOK, append(of.collection.list(body, found), "]}"...), len(found))
}

// named returns the instance that an id stands for: a uuid, or the number of a webinar, of which it is the latest that is shown.
func (f *family) named(id string, now time.Time) (of int32, ok bool) {
	if strings.Trim(id, "0123456789") != "" {
		uuid, ok := unescapedTwice(id)
		if !ok {
			return 0, false
		}
		of, ok = f.numbers[uuid]
		return of, ok
	}
	for i := range f.parents {
		p := &f.parents[i]
		if scalarAt(f.collection.versions[p.first].json, []string{"id"}) != id || !f.shows(int32(i), now.UnixNano()) {
			continue
		}
		if !ok || p.time.After(f.parents[of].time) {
			of, ok = int32(i), true
		}
	}
	return of, ok
}

const (
	zoomPageSize    = 30
	zoomMaxPageSize = 300
)

// page answers with one page of what was found, and a token for the next. from and until are zero where the query has no days.
func (d *zoomDialect) page(q *request, c *collection, found []int32, name string, counted bool, from, until time.Time) *answer {
	query := q.URL.Query()
	size := zoomPageSize
	if text := query.Get("page_size"); text != "" {
		var err error
		if size, err = strconv.Atoi(text); err != nil || size < 1 || size > zoomMaxPageSize {
			return zoomRefuse(http.StatusBadRequest, 300, fmt.Sprintf("Invalid page_size: want 1 to %d.", zoomMaxPageSize))
		}
	}
	first := 0
	if token := query.Get("next_page_token"); token != "" {
		var ok bool
		if first, ok = d.redeem(q, token); !ok {
			return zoomRefuse(http.StatusBadRequest, 300, "The next page token is invalid or expired.")
		}
	}
	first = min(first, len(found))
	last := min(first+size, len(found))
	next := ""
	if last < len(found) {
		next = zoomToken(q, last, q.clock)
	}
	var body []byte
	body = append(body, '{')
	if !from.IsZero() {
		body = fmt.Appendf(body, `"from":%q,"to":%q,`, from.Format(time.DateOnly), until.AddDate(0, 0, -1).Format(time.DateOnly))
	}
	if counted {
		body = fmt.Appendf(body, `"page_count":%d,"total_records":%d,`, (len(found)+size-1)/size, len(found))
	}
	body = fmt.Appendf(body, `"page_size":%d,"next_page_token":%q,%q:[`, size, next, name)
	return jsonAnswer(http.StatusOK, append(c.list(body, found[first:last]), "]}"...), last-first)
}

// zoomToken stands for where a query goes on, and for the query itself.
func zoomToken(q *request, skip int, issued time.Time) string {
	query := q.URL.Query()
	query.Del("next_page_token")
	h := fnv.New64a()
	h.Write([]byte(q.URL.EscapedPath() + "?" + query.Encode()))
	return fmt.Sprintf("%016x%x.%x", h.Sum64(), skip, issued.UnixNano())
}

// redeem returns where a token goes on, and whether it is one for this query that has not expired.
func (d *zoomDialect) redeem(q *request, token string) (skip int, ok bool) {
	if len(token) < 16 || q.expired {
		return 0, false
	}
	var issued int64
	if _, err := fmt.Sscanf(token[16:], "%x.%x", &skip, &issued); err != nil {
		return 0, false
	}
	given := time.Unix(0, issued)
	return skip, zoomToken(q, skip, given) == token && q.clock.Sub(given) <= d.tokenLife
}
