package vendorapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/functions/window"
)

// request is one request without its credentials.
type request struct {
	method string
	url    string
	body   []byte
}

// String is the request as it may be shown and stored.
func (r request) String() string {
	text := r.method + " " + r.url
	if r.body != nil {
		text += " " + string(r.body)
	}
	return text
}

// equal reports whether the other one asks for the same.
func (r request) equal(other request) bool {
	return r.method == other.method && r.url == other.url && bytes.Equal(r.body, other.body)
}

// placed is a value on its way into a request: as text, and as the JSON that it becomes where its place is the body.
type placed struct {
	place Place
	text  string
	json  string
	// twice says that a value in the path is escaped twice.
	twice bool
}

func placedText(place Place, text string) placed {
	p := placed{place: place, text: text}
	if place.In == InBody {
		quoted, _ := json.Marshal(text)
		p.json = string(quoted)
	}
	return p
}

func placedNumber(place Place, text string) placed {
	return placed{place: place, text: text, json: text}
}

// placedJSON places a value that is JSON: a string as what it says, all else as it is written.
func placedJSON(place Place, value jsontext.Value) (placed, error) {
	p := placed{place: place, text: string(value), json: string(value)}
	if value.Kind() == '"' {
		text, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			return p, err
		}
		p.text = string(text)
	}
	return p, nil
}

// request builds the request for a page of a window, or of a parent where there is one.
func (v *Vendor) request(s *Stream, b bounds, parent *ParentRecord, w window.Window, at Cursor) (request, error) {
	if s.Paging.linked() && at.Value != "" {
		return v.linkedRequest(at.Value)
	}
	values := b.values(w)
	if parent != nil {
		of, err := s.Parent.values(parent)
		if err != nil {
			return request{}, err
		}
		values = append(values, of...)
	}
	paging, err := s.pagingValues(at)
	if err != nil {
		return request{}, err
	}
	return v.assemble(s, append(values, paging...))
}

func (b bounds) values(w window.Window) []placed {
	if !b.placed() {
		return nil
	}
	from, to := b.asked(w)
	place := func(place Place, text string, number bool) placed {
		if number {
			return placedNumber(place, text)
		}
		return placedText(place, text)
	}
	start, number := b.format(from)
	end, _ := b.format(to)
	return []placed{place(b.Start, start, number), place(b.End, end, number)}
}

func (s *Stream) pagingValues(at Cursor) ([]placed, error) {
	var values []placed
	p := s.Paging
	switch p.Kind {
	case PagingOffset:
		values = append(values, placedNumber(p.Place, strconv.FormatInt(at.Seen, 10)))
	case PagingNumber:
		values = append(values, placedNumber(p.Place, strconv.Itoa(p.First+max(at.Page, 1)-1)))
	case PagingToken:
		if at.Value == "" {
			break
		}
		token, err := placedJSON(p.Place, jsontext.Value(at.Value))
		if err != nil {
			return nil, fmt.Errorf("the cursor's value is no JSON string: %w", err)
		}
		values = append(values, token)
	}
	if p.SizePlace != (Place{}) {
		values = append(values, placedNumber(p.SizePlace, strconv.Itoa(p.Size)))
	}
	return values, nil
}

func (v *Vendor) assemble(s *Stream, values []placed) (request, error) {
	path := s.Path
	query := url.Values{}
	for name, value := range s.Query {
		query.Set(name, value)
	}
	for _, value := range values {
		switch value.place.In {
		case InPath:
			escaped := url.PathEscape(value.text)
			if value.twice {
				escaped = url.PathEscape(escaped)
			}
			path = strings.ReplaceAll(path, "{"+value.place.Name+"}", escaped)
		case InQuery:
			query.Set(value.place.Name, value.text)
		}
	}
	address := v.BaseURL + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	r := request{method: s.method(), url: address}
	if r.method == "POST" {
		body, err := fillBody(s.Body, values)
		if err != nil {
			return request{}, err
		}
		r.body = body
	}
	return r, nil
}

func (s *Stream) method() string {
	if s.Method == "" {
		return "GET"
	}
	return s.Method
}

// linkedRequest follows a next link, which holds a path and a query: the host is always the vendor's own.
func (v *Vendor) linkedRequest(link string) (request, error) {
	base, err := url.Parse(v.BaseURL)
	if err != nil {
		return request{}, err
	}
	// Put behind the host and not resolved: a path may begin with two slashes, which would make a host of what follows.
	target, err := url.Parse(base.Scheme + "://" + base.Host + link)
	if err != nil || !strings.HasPrefix(link, "/") {
		return request{}, errors.New("the cursor's link is not a path on the vendor's host")
	}
	return request{method: "GET", url: target.String()}, nil
}

// fillBody puts the values into the fixed part of a JSON body.
func fillBody(fixed json.RawMessage, values []placed) ([]byte, error) {
	body := map[string]any{}
	if len(fixed) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(fixed))
		decoder.UseNumber()
		if err := decoder.Decode(&body); err != nil || body == nil {
			return nil, errors.New("the body is not a JSON object")
		}
	}
	for _, value := range values {
		if value.place.In != InBody {
			continue
		}
		if err := putAt(body, strings.Split(value.place.Name, "."), value.json); err != nil {
			return nil, fmt.Errorf("%q cannot be placed in the body: %w", value.place.Name, err)
		}
	}
	return json.Marshal(body)
}

func putAt(object map[string]any, path []string, value string) error {
	for _, name := range path[:len(path)-1] {
		next, exists := object[name]
		if !exists {
			next = map[string]any{}
			object[name] = next
		}
		deeper, ok := next.(map[string]any)
		if !ok {
			return fmt.Errorf("%q holds a value already, not an object", name)
		}
		object = deeper
	}
	last := path[len(path)-1]
	if _, exists := object[last]; exists {
		return fmt.Errorf("%q holds a value already", last)
	}
	object[last] = json.RawMessage(value)
	return nil
}
