package vendortest

import (
	"bytes"
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

// describedDialect serves each stream as its description says a vendor does. It is strict where a vendor might
// be lenient: a bound that is not written as described, that lies in an ambiguous or missing local hour or between
// two units of the granularity, a span or a page longer than described, and a token with other bounds than
// it was given for are refused with status 400, and the children of a parent that it does not show with status 404.
type describedDialect struct {
	vendor *vendorapi.Vendor
	finder *finder
	secret map[string]string
	prefix string
	// scheme is what the addresses of next pages begin with: the description's, since a vendor's servers often
	// stand behind something that ends TLS.
	scheme string
	// tokenLife is how long a token is accepted; zero means for ever.
	tokenLife time.Duration
}

func newDescribedDialect(v *vendorapi.Vendor, f *finder, secret map[string]string, tokenLife time.Duration) *describedDialect {
	d := &describedDialect{vendor: v, finder: f, secret: secret, tokenLife: tokenLife}
	if base, err := url.Parse(v.BaseURL); err == nil {
		d.prefix, d.scheme = strings.TrimSuffix(base.Path, "/"), base.Scheme
	}
	return d
}

// stream returns the stream of that name; route has made sure that there is one.
func (d *describedDialect) stream(name string) *vendorapi.Stream {
	for i := range d.vendor.Streams {
		if d.vendor.Streams[i].Name == name {
			return &d.vendor.Streams[i]
		}
	}
	return nil
}

// route finds the stream by method, path and fixed query; of several the one with the most fixed query parameters.
func (d *describedDialect) route(q *request) (string, *answer) {
	best, found := -1, ""
	for i := range d.vendor.Streams {
		s := &d.vendor.Streams[i]
		if _, ok := pathValues(d.prefix+s.Path, q.URL.EscapedPath()); !ok || q.Method != methodOf(s) {
			continue
		}
		query, fits := q.URL.Query(), true
		for name, value := range s.Query {
			fits = fits && query.Get(name) == value
		}
		if fits && len(s.Query) > best {
			best, found = len(s.Query), s.Name
		}
	}
	if best < 0 {
		return "", refuse(http.StatusNotFound, "There is nothing at this address")
	}
	return found, nil
}

func methodOf(s *vendorapi.Stream) string {
	if s.Method == "" {
		return http.MethodGet
	}
	return s.Method
}

// pathValues matches an escaped path with a template and returns what stands in the place of each name in braces.
func pathValues(template, path string) (map[string]string, bool) {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	values := map[string]string{}
	for i := range want {
		if !matchElement(want[i], got[i], values) {
			return nil, false
		}
	}
	return values, true
}

func matchElement(template, element string, values map[string]string) bool {
	open := strings.IndexByte(template, '{')
	if open < 0 {
		plain, err := url.PathUnescape(element)
		return err == nil && plain == template
	}
	end := strings.IndexByte(template, '}')
	if end < open || !strings.HasPrefix(element, template[:open]) {
		return false
	}
	rest, tail := element[open:], template[end+1:]
	stop := len(rest)
	if literal, _, _ := strings.Cut(tail, "{"); literal != "" {
		if stop = strings.Index(rest, literal); stop < 0 {
			return false
		}
	}
	value, err := url.PathUnescape(rest[:stop])
	if err != nil || value == "" {
		return false
	}
	values[template[open+1:end]] = value
	if tail == "" {
		return stop == len(rest)
	}
	return matchElement(tail, rest[stop:], values)
}

func (d *describedDialect) authorize(q *request) *answer {
	auth := d.vendor.Auth
	same := func(got, field string) bool {
		want := d.secret[field]
		return want != "" && subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
	}
	ok := false
	switch auth.Kind {
	case vendorapi.AuthNone:
		ok = true
	case vendorapi.AuthHeaders:
		ok = true
		for header, field := range auth.HeaderFields {
			ok = ok && same(q.Header.Get(header), field)
		}
	case vendorapi.AuthBearer:
		token, bearer := strings.CutPrefix(q.Header.Get("Authorization"), "Bearer ")
		ok = bearer && same(token, auth.TokenField)
	case vendorapi.AuthBasic:
		user, password, basic := q.BasicAuth()
		ok = basic && same(user, auth.UsernameField) && same(password, auth.PasswordField)
	case vendorapi.AuthQueryKey:
		ok = same(q.URL.Query().Get(auth.Parameter), auth.TokenField)
	case vendorapi.AuthToken:
		// Tokens, which stands in front, lets no other request through.
		ok = true
	}
	if !ok {
		return refuse(http.StatusUnauthorized, "The credentials are missing or wrong")
	}
	for header, value := range d.vendor.Headers {
		if q.Header.Get(header) != value {
			return refuse(http.StatusBadRequest, "The header "+header+" is missing or wrong")
		}
	}
	return nil
}

func (d *describedDialect) limits(stream string) (own, account limit) {
	of := func(l vendorapi.RateLimit) limit { return limit{requests: l.Requests, per: l.Per.D()} }
	return of(d.stream(stream).RateLimit), of(d.vendor.RateLimit)
}

// overLimit is the first answer by which the description says that the vendor throttles, else a bare 429.
func (d *describedDialect) overLimit(time.Time) *answer {
	for _, also := range d.vendor.Retry.Also {
		if also.Throttled {
			return refuse(also.Status, also.BodyContains)
		}
	}
	return refuse(http.StatusTooManyRequests, "Too many requests")
}

func (d *describedDialect) serve(q *request, stream string, now time.Time) *answer {
	s := d.stream(stream)
	read, err := newPlaces(d.prefix+s.Path, q)
	if err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	if err := fixedBody(s, q); err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	shelf := d.finder.world.shelves[s.Name]
	c := shelf.collection
	at, err := d.position(s, q, read)
	if err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	var found []int32
	if s.Parent != nil {
		of, ok := shelf.family.asked(s.Parent, read)
		if !ok || !shelf.family.shows(of, now.UnixNano()) {
			return refuse(http.StatusNotFound, "There is none of "+s.Parent.Stream+" with this id")
		}
		if at.parent != 0 && at.parent != int(of)+1 {
			return refuse(http.StatusBadRequest, "the token was given for another query")
		}
		at.parent = int(of) + 1
		found = shelf.family.find(c, of, now.UnixNano())
	} else {
		found = d.finder.find(c, shelf.clock, at.from, at.until, now.UnixNano())
	}
	if at.skip > 0 && at.skip >= len(found) && len(s.Paging.PastEnd) > 0 {
		end := s.Paging.PastEnd[0]
		return refuse(end.Status, end.BodyContains)
	}
	first := min(at.skip, len(found))
	last := len(found)
	if at.size > 0 {
		last = min(first+at.size, len(found))
	}
	next := ""
	if last < len(found) {
		given := at
		given.skip, given.issued = last, 0
		if d.tokenLife > 0 {
			given.issued = q.clock.UnixNano()
		}
		next = given.token()
	}
	return d.compose(s, q, c, found[first:last], len(found), next)
}

// position is which records a request asks for: those whose true time lies in [from, until) in Unix
// nanoseconds, or those of a parent, without the first skip of them, at most size (0: all).
type position struct {
	from, until int64
	// parent is the number of the parent, from 1; 0 where the token of a request does not tell.
	parent     int
	skip, size int
	// issued is when the token was given, in Unix nanoseconds; 0 of one that does not expire.
	issued int64
}

// cursorParameter carries the position in the addresses of next pages.
const cursorParameter = "cursor"

func (p position) token() string {
	return fmt.Sprintf("%x.%x.%x.%x.%x.%x~", p.from, p.until, p.parent, p.skip, p.size, p.issued)
}

// parseToken reads the token or cursor that a request goes on with.
func (d *describedDialect) parseToken(q *request, token string) (p position, err error) {
	if _, err := fmt.Sscanf(token, "%x.%x.%x.%x.%x.%x~", &p.from, &p.until, &p.parent, &p.skip, &p.size, &p.issued); err != nil || p.token() != token {
		return p, fmt.Errorf("the token or cursor is not valid")
	}
	if q.expired || p.issued != 0 && q.clock.Sub(time.Unix(0, p.issued)) > d.tokenLife {
		return p, fmt.Errorf("the token or cursor has expired: ask for the first page again")
	}
	return p, nil
}

func (d *describedDialect) position(s *vendorapi.Stream, q *request, read *places) (position, error) {
	if cursor := q.URL.Query().Get(cursorParameter); cursor != "" && (s.Paging.Kind == vendorapi.PagingNextLink || s.Paging.Kind == vendorapi.PagingLinkHeader) {
		return d.parseToken(q, cursor)
	}
	var at position
	var err error
	if at.from, at.until, err = asked(s, read); err != nil {
		return at, err
	}
	if s.Paging.Kind == vendorapi.PagingNone {
		return at, nil
	}
	at.size = s.Paging.Size
	if s.Paging.SizePlace.Name != "" {
		size, err := read.number(s.Paging.SizePlace)
		if err != nil {
			return at, err
		}
		if size < 1 || s.Paging.Size > 0 && size > s.Paging.Size {
			return at, fmt.Errorf("%s must be between 1 and %d", s.Paging.SizePlace.Name, s.Paging.Size)
		}
		at.size = size
	}
	switch s.Paging.Kind {
	case vendorapi.PagingOffset, vendorapi.PagingNumber:
		n, err := read.number(s.Paging.Place)
		if err != nil {
			return at, err
		}
		at.skip = n
		if s.Paging.Kind == vendorapi.PagingNumber {
			at.skip = (n - s.Paging.First) * at.size
		}
		if at.skip < 0 {
			return at, fmt.Errorf("%s is before the first page", s.Paging.Place.Name)
		}
	case vendorapi.PagingToken:
		token, ok, err := read.text(s.Paging.Place)
		if err != nil {
			return at, err
		}
		if ok && token != "" {
			given, err := d.parseToken(q, token)
			if err != nil {
				return at, err
			}
			if given.from != at.from || given.until != at.until || given.size != at.size {
				return at, fmt.Errorf("the token was given for another query")
			}
			return given, nil
		}
	}
	return at, nil
}

// fixedBody makes sure that what a description fixes in a body is in the request's.
func fixedBody(s *vendorapi.Stream, q *request) error {
	if len(s.Body) == 0 {
		return nil
	}
	var want, got map[string]any
	if json.Unmarshal(s.Body, &want) != nil || json.Unmarshal(q.body, &got) != nil || !holds(got, want) {
		return fmt.Errorf("the body lacks what every request must have")
	}
	return nil
}

// holds reports whether got has everything that want has.
func holds(got, want any) bool {
	object, ok := want.(map[string]any)
	if !ok {
		a, errA := json.Marshal(got)
		b, errB := json.Marshal(want)
		return errA == nil && errB == nil && bytes.Equal(a, b)
	}
	other, ok := got.(map[string]any)
	for name, value := range object {
		ok = ok && holds(other[name], value)
	}
	return ok
}

// places reads what a request has in each place.
type places struct {
	query url.Values
	path  map[string]string
	body  map[string]any
}

func newPlaces(template string, q *request) (*places, error) {
	p := &places{query: q.URL.Query()}
	p.path, _ = pathValues(template, q.URL.EscapedPath())
	if len(bytes.TrimSpace(q.body)) > 0 {
		d := json.NewDecoder(bytes.NewReader(q.body))
		d.UseNumber()
		if err := d.Decode(&p.body); err != nil {
			return nil, fmt.Errorf("the body is not a JSON object")
		}
	}
	return p, nil
}

// value returns a string, or in a body also a json.Number.
func (p *places) value(at vendorapi.Place) (any, bool) {
	switch at.In {
	case vendorapi.InQuery:
		if values := p.query[at.Name]; len(values) == 1 {
			return values[0], true
		}
	case vendorapi.InPath:
		value, ok := p.path[at.Name]
		return value, ok
	case vendorapi.InBody:
		var value any = p.body
		for _, name := range strings.Split(at.Name, ".") {
			object, ok := value.(map[string]any)
			if !ok {
				return nil, false
			}
			if value, ok = object[name]; !ok {
				return nil, false
			}
		}
		return value, true
	}
	return nil, false
}

func (p *places) text(at vendorapi.Place) (text string, ok bool, err error) {
	value, ok := p.value(at)
	if !ok {
		return "", false, nil
	}
	text, isText := value.(string)
	if !isText {
		return "", false, fmt.Errorf("%s must be a string", at.Name)
	}
	return text, true, nil
}

// number reads a whole number: digits in a query or path, a JSON number in a body.
func (p *places) number(at vendorapi.Place) (int, error) {
	value, ok := p.value(at)
	if !ok {
		return 0, fmt.Errorf("%s is missing or stands there twice", at.Name)
	}
	digits, isText := value.(string)
	if n, isNumber := value.(json.Number); isNumber {
		digits = n.String()
	} else if at.In == vendorapi.InBody || !isText {
		return 0, fmt.Errorf("%s must be a JSON number", at.Name)
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0, fmt.Errorf("%s must be a whole number", at.Name)
	}
	return n, nil
}
