package vendortest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// compose makes the answer that a description says a page looks like. The order of the fields differs from page
// to page, since JSON promises none.
func (d *describedDialect) compose(s *vendorapi.Stream, q *request, c *collection, part []int32, total int, next string) *answer {
	records := append(c.list([]byte("["), part), ']')
	header := http.Header{"Content-Type": {"application/json"}}
	if s.Total.Header != "" {
		header.Set(s.Total.Header, strconv.Itoa(total))
	}
	if s.Paging.Kind == vendorapi.PagingLinkHeader && next != "" {
		header.Add("Link", `<`+d.address(q, "")+`>; rel="first", <`+d.address(q, next)+`>; title="a, b"; rel="next"`)
	}
	if s.RecordsPath == "" {
		return &answer{status: http.StatusOK, header: header, body: records, records: len(part)}
	}
	var envelope node
	if s.Total.Path != "" {
		envelope.put(s.Total.Path, []byte(strconv.Itoa(total)))
	}
	switch s.Paging.Kind {
	case vendorapi.PagingToken:
		envelope.put(s.Paging.NextPath, quoted(next))
	case vendorapi.PagingNextLink:
		if next == "" {
			envelope.put(s.Paging.NextPath, []byte("null"))
		} else {
			envelope.put(s.Paging.NextPath, quoted(d.address(q, next)))
		}
	}
	if len(part) > 0 || !s.RecordsAbsentWhenEmpty {
		envelope.put(s.RecordsPath, records)
	}
	envelope.put("_served", []byte(`{"records":[{"by":"]}"}],"count":`+strconv.Itoa(len(part))+`}`))
	if total%2 == 1 {
		slices.Reverse(envelope.children)
	}
	return &answer{status: http.StatusOK, header: header, body: envelope.append(nil), records: len(part)}
}

func quoted(text string) []byte {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // A string always marshals.
	}
	return b
}

// address returns the address of the page at a cursor. As vendors do, it leaves out the key in the query.
func (d *describedDialect) address(q *request, cursor string) string {
	query := q.URL.Query()
	query.Del(cursorParameter)
	if d.vendor.Auth.Kind == vendorapi.AuthQueryKey {
		query.Del(d.vendor.Auth.Parameter)
	}
	if d.vendor.Auth.Kind == vendorapi.AuthToken {
		query.Del(d.vendor.Auth.Token.Parameter)
	}
	if cursor != "" {
		query.Set(cursorParameter, cursor)
	}
	u := url.URL{Scheme: d.scheme, Host: q.Host, Path: q.URL.Path, RawPath: q.URL.RawPath, RawQuery: query.Encode()}
	return u.String()
}

// node is a JSON object in the making, or a value.
type node struct {
	name     string
	value    []byte
	children []*node
}

// put sets the value at a path of names joined by dots.
func (n *node) put(path string, value []byte) {
	for _, name := range strings.Split(path, ".") {
		i := slices.IndexFunc(n.children, func(c *node) bool { return c.name == name })
		if i < 0 {
			n.children = append(n.children, &node{name: name})
			i = len(n.children) - 1
		}
		n = n.children[i]
	}
	n.value = value
}

func (n *node) append(b []byte) []byte {
	if n.value != nil {
		return append(b, n.value...)
	}
	b = append(b, '{')
	for i, c := range n.children {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, quoted(c.name)...)
		b = append(b, ':')
		b = c.append(b)
	}
	return append(b, '}')
}
