package vendortest

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// gotoDialect answers as GoTo Webinar's REST API v2 is documented to (https://developer.goto.com/GoToWebinarV2), for the endpoints
// of gotoworld.go. Where the documents are silent: a webinar and a session are found by when they begin, both ends included; a page
// larger than allowed is refused; and one past the end has no _embedded, as one that is empty has not.
type gotoDialect struct {
	finder *finder
	auth   vendorapi.Auth
	secret map[string]string
	prefix string
	// organizer is the path of the organizer.
	organizer string
	// streams are the names that the description gives to the endpoints.
	streams map[string]string
}

func newGoToDialect(v *vendorapi.Vendor, f *finder, secret map[string]string) *gotoDialect {
	d := &gotoDialect{finder: f, auth: v.Auth, secret: secret, streams: map[string]string{}}
	if base, err := url.Parse(v.BaseURL); err == nil {
		d.prefix = strings.TrimSuffix(base.Path, "/")
	}
	for i := range v.Streams {
		s := &v.Streams[i]
		d.streams[gotoKind(s)] = s.Name
		if parts := strings.Split(s.Path, "/"); len(parts) > 3 {
			d.organizer = strings.Join(parts[:3], "/")
		}
	}
	return d
}

// gotoRefuse makes an error answer in GoTo's form.
func gotoRefuse(status int, code, description string) *answer {
	body, err := json.Marshal(map[string]string{"errorCode": code, "description": description})
	if err != nil {
		panic(err) // A map of strings always marshals.
	}
	return jsonAnswer(status, body, 0)
}

// element returns the endpoint of a path, with the keys of the webinar and of the session in it.
func (d *gotoDialect) element(q *request) (kind, webinar, session string, ok bool) {
	rest, ok := strings.CutPrefix(q.URL.Path, d.prefix+d.organizer+"/")
	parts := strings.Split(rest, "/")
	switch {
	case !ok:
	case len(parts) == 1 && (rest == gotoWebinars || rest == gotoSessions):
		return rest, "", "", true
	case len(parts) == 3 && parts[0] == gotoWebinars && parts[2] == gotoRegistrants:
		return gotoRegistrants, parts[1], "", true
	case len(parts) == 5 && parts[0] == gotoWebinars && parts[2] == gotoSessions && (parts[4] == gotoAttendees || parts[4] == gotoQuestions || parts[4] == gotoPolls):
		return parts[4], parts[1], parts[3], true
	}
	return "", "", "", false
}

func (d *gotoDialect) route(q *request) (string, *answer) {
	kind, _, _, ok := d.element(q)
	stream, described := d.streams[kind]
	if !ok || !described {
		return "", gotoRefuse(http.StatusNotFound, "NotFound", "The requested resource does not exist")
	}
	if q.Method != http.MethodGet {
		return "", gotoRefuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "The method is not allowed here")
	}
	return stream, nil
}

// gotoInvalidToken is GoTo's answer to a token that has expired or never was. https://github.com/n8n-io/n8n/issues/14077
const gotoInvalidToken = `{"int_err_code":"InvalidToken","msg":"Invalid token passed"}`

func (d *gotoDialect) authorize(q *request) *answer {
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
	return jsonAnswer(http.StatusForbidden, []byte(gotoInvalidToken), 0)
}

func (d *gotoDialect) limits(string) (own, account limit) {
	return limit{}, limit{requests: 10, per: time.Second}
}

func (d *gotoDialect) overLimit(time.Time) *answer {
	return gotoRefuse(http.StatusTooManyRequests, "TooManyRequests", "Rate limit exceeded")
}

func (d *gotoDialect) serve(q *request, stream string, now time.Time) *answer {
	kind, webinar, session, _ := d.element(q)
	of := d.finder.world.shelves[stream]
	switch kind {
	case gotoWebinars:
		return d.listed(q, of, 0, "webinars", now)
	case gotoSessions:
		return d.listed(q, of, 1, "sessionInfoResources", now)
	case gotoRegistrants:
		return d.registrants(q, of, webinar, now)
	}
	parent, known := of.family.numbers[webinar+"\x00"+session]
	if !known || !of.family.shows(parent, now.UnixNano()) {
		return gotoRefuse(http.StatusNotFound, "NotFound", "Session with the specified key does not exist")
	}
	found := of.family.find(of.collection, parent, now.UnixNano())
	return jsonAnswer(http.StatusOK, append(of.collection.list([]byte("["), found), ']'), len(found))
}

// listed answers with a page of what begins in the span of a query.
func (d *gotoDialect) listed(q *request, of shelf, clock int, name string, now time.Time) *answer {
	bounds := make([]time.Time, 2)
	for i, parameter := range []string{"fromTime", "toTime"} {
		var err error
		if bounds[i], err = time.Parse(time.RFC3339, q.URL.Query().Get(parameter)); err != nil {
			return gotoRefuse(http.StatusBadRequest, "InvalidRequest", parameter+" is missing or no ISO 8601 time")
		}
	}
	if bounds[1].Before(bounds[0]) {
		return gotoRefuse(http.StatusBadRequest, "InvalidRequest", "fromTime must be before toTime")
	}
	page, size, refusal := gotoPage(q, "size", 20)
	if refusal != nil {
		return refusal
	}
	found := d.finder.find(of.collection, clock, bounds[0].UnixNano(), bounds[1].Add(time.Second).UnixNano(), now.UnixNano())
	part := gotoPart(found, page, size)
	body := []byte{'{'}
	if len(part) > 0 {
		body = of.collection.list(fmt.Appendf(body, `"_embedded":{%q:[`, name), part)
		body = append(body, "]},"...)
	}
	body = fmt.Appendf(body, `"page":{"size":%d,"totalElements":%d,"totalPages":%d,"number":%d}}`, size, len(found), (len(found)+size-1)/size, page)
	return jsonAnswer(http.StatusOK, body, len(part))
}

func gotoPart(found []int32, page, size int) []int32 {
	first := min(page*size, len(found))
	return found[first:min(first+size, len(found))]
}

// gotoMaxPage is the largest size of a page.
const gotoMaxPage = 200

// gotoPage reads the page of a query, from 0, and its size, which stands under name.
func gotoPage(q *request, name string, fallback int) (page, size int, refusal *answer) {
	size = fallback
	for parameter, value := range map[string]*int{"page": &page, name: &size} {
		text := q.URL.Query().Get(parameter)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || parameter == name && (n < 1 || n > gotoMaxPage) {
			return 0, 0, gotoRefuse(http.StatusBadRequest, "InvalidRequest", fmt.Sprintf("%s must be a number, at most %d of a size", parameter, gotoMaxPage))
		}
		*value = n
	}
	return page, size, nil
}

// registrants come in an envelope where a page is asked for, else as a bare array.
func (d *gotoDialect) registrants(q *request, of shelf, webinar string, now time.Time) *answer {
	parent, known := of.family.numbers[webinar]
	if !known || !of.family.shows(parent, now.UnixNano()) {
		return gotoRefuse(http.StatusNotFound, "NotFound", "Webinar with the specified key does not exist")
	}
	found := of.family.find(of.collection, parent, now.UnixNano())
	if query := q.URL.Query(); !query.Has("page") && !query.Has("limit") {
		return jsonAnswer(http.StatusOK, append(of.collection.list([]byte("["), found), ']'), len(found))
	}
	page, limit, refusal := gotoPage(q, "limit", gotoMaxPage)
	if refusal != nil {
		return refusal
	}
	part := gotoPart(found, page, limit)
	body := append(of.collection.list([]byte(`{"data":[`), part), ']')
	body = fmt.Appendf(body, `,"total":%d,"page":%d,"limit":%d,"pageSize":%d}`, len(found), page, limit, limit)
	return jsonAnswer(http.StatusOK, body, len(part))
}
