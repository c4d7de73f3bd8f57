package vendorapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// Cursor is where in a window to go on: all that a later invocation needs to ask for the next page. The zero
// Cursor is the first page. It marshals to JSON and holds no credentials.
type Cursor struct {
	// Page is the number of the page to ask for, from 1.
	Page int `json:"p,omitempty"`
	// Seen is the number of records on the pages before.
	Seen int64 `json:"s,omitempty"`
	// Value is the next token as JSON, or the path and query of the next link.
	Value string `json:"v,omitempty"`
	// Digest identifies the records of the page before.
	Digest string `json:"d,omitempty"`
	// MarkDigest and MarkValue are the Digest of the latest page whose number is a power of two and a hash of the Value
	// that it gave. Pages that go in a circle come back to such a mark, however long the circle (R. P. Brent, An
	// improved Monte Carlo factorization algorithm, BIT 20, 1980).
	MarkDigest string `json:"m,omitempty"`
	MarkValue  string `json:"w,omitempty"`
}

// MaxNextBytes is how long a next token or link may be, written as a JSON string: what the metadata of an S3 object (2 KB,
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html) has room for beside the rest, in base64.
const MaxNextBytes = 1024

// Chained says that each page gives what the next one is asked for with: a token or an address. To ask for page one again may
// then be to begin another chain, and at some vendors to end the one before.
func (p Paging) Chained() bool { return p.Kind == PagingToken || p.linked() }

// linked says that the vendor gives the next page's address.
func (p Paging) linked() bool { return p.Kind == PagingNextLink || p.Kind == PagingLinkHeader }

// MaxInFlight is how many pages can be asked for side by side at most. More than that no vendor's limit has room for, and each
// takes a connection.
const MaxInFlight = 32

// counted says that a page is asked for by where it stands, and not by what the one before has given.
func (p Paging) counted() bool { return p.Kind == PagingOffset || p.Kind == PagingNumber }

// inFlight returns how many pages of a window may be asked for side by side.
func (s *Stream) inFlight() int {
	switch {
	case !s.Paging.counted() || s.Total == (Total{}):
		return 1
	case s.Paging.InFlight == 0:
		return DefaultInFlight
	}
	return s.Paging.InFlight
}

// OneByOne returns a copy of the description by which each page is asked for after the one before has come: for whoever counts
// requests, or plays a vendor on a clock that each of them moves on.
func (v *Vendor) OneByOne() *Vendor {
	one := *v
	one.Streams = slices.Clone(v.Streams)
	for i := range one.Streams {
		if p := &one.Streams[i].Paging; p.counted() {
			p.InFlight = 1
		}
	}
	return &one
}

// errCircle says that the next page is one that has been read.
var errCircle = errors.New("the vendor gives as the next page one that it gave before, so the window would never end")

func (p Paging) maxPages() int {
	if p.MaxPages == 0 {
		return DefaultMaxPages
	}
	return p.MaxPages
}

// advance works out where to go on after a page, and whether it was the last.
func (c *Client) advance(p *Page, at Cursor, e envelope, header http.Header) error {
	paging := c.stream.Paging
	p.Next = Cursor{Page: at.Page + 1, Seen: at.Seen + int64(p.Count), Digest: digest(p.body, p.records)}
	switch paging.Kind {
	case PagingNone:
		p.Last = true
		return nil
	case PagingOffset, PagingNumber:
		switch {
		case p.Count == 0:
			p.Last = true
		case p.Total >= p.Next.Seen:
			// A short page is no end as long as the vendor announces more: some clamp the page size.
			p.Last = p.Next.Seen == p.Total
		default:
			// No total, or one that the vendor itself has passed and so says nothing.
			p.Last = p.Count < paging.Size
		}
	case PagingToken:
		p.Next.Value = tokenIn(e.next)
		p.Last = p.Next.Value == ""
	case PagingNextLink, PagingLinkHeader:
		link, err := c.nextLink(e, header)
		if err != nil {
			return err
		}
		p.Next.Value = link
		p.Last = link == ""
	}
	if size := len(encoded(p.Next.Value)); size > MaxNextBytes {
		return fmt.Errorf("the next token or link takes %d bytes as JSON: want at most %d, what can be stored of it; smaller pages or fewer parameters may shorten it", size, MaxNextBytes)
	}
	if err := p.Next.mark(at); err != nil {
		return err
	}
	if most := paging.maxPages(); !p.Last && p.Number >= most {
		return fmt.Errorf("the window goes on after its %d pages, as many as paging.maxPages allows: raise it if a window has more, or ask for larger pages (paging.size)", most)
	}
	return nil
}

func encoded(value string) []byte {
	// A string always marshals.
	text, _ := json.Marshal(value)
	return text
}

// mark compares the page that c follows with the one before it and with the one marked last, and makes it the mark where
// its number is a power of two. at is the cursor that the page was asked for with.
func (c *Cursor) mark(at Cursor) error {
	value := ""
	if c.Value != "" {
		value = strconv.FormatUint(xxhash.Sum64String(c.Value), 16)
	}
	switch {
	case c.Value != "" && (c.Value == at.Value || value == at.MarkValue):
		return errCircle
	case c.Digest != "" && (c.Digest == at.Digest || c.Digest == at.MarkDigest):
		return ErrRepeated
	}
	c.MarkDigest, c.MarkValue = at.MarkDigest, at.MarkValue
	if page := c.Page - 1; page&(page-1) == 0 {
		c.MarkDigest, c.MarkValue = c.Digest, value
	}
	return nil
}

// tokenIn returns a token as JSON, so that a number stays one where it goes into a body; empty where the
// vendor gives none.
func tokenIn(value jsontext.Value) string {
	switch value.Kind() {
	case '"':
		if string(value) == `""` {
			return ""
		}
		return string(value)
	case '0':
		return string(value)
	}
	return ""
}

// nextLink returns the path and query of the next page's address, without credentials.
func (c *Client) nextLink(e envelope, header http.Header) (string, error) {
	link := ""
	switch c.stream.Paging.Kind {
	case PagingLinkHeader:
		link = linkNext(header.Values("Link"))
	case PagingNextLink:
		if e.next.Kind() == '"' {
			unquoted, err := jsontext.AppendUnquote(nil, []byte(e.next))
			if err != nil {
				return "", fmt.Errorf("the next link cannot be read: %w", err)
			}
			link = string(unquoted)
		}
	}
	if link == "" {
		return "", nil
	}
	next, err := c.base.Parse(link)
	if err != nil {
		return "", errors.New("the next link is no address")
	}
	if !sameOrigin(c.base, next) {
		return "", fmt.Errorf("%w: the next link leads to %s://%s, credentials go to %s://%s only",
			errForbidden, next.Scheme, next.Host, c.base.Scheme, c.base.Host)
	}
	query := next.Query()
	if parameter := c.vendor.Auth.queryParameter(); parameter != "" {
		query.Del(parameter)
	}
	address := url.URL{Path: next.Path, RawPath: next.RawPath, RawQuery: query.Encode()}
	cleaned := address.String()
	if c.redact(cleaned) != cleaned {
		return "", errors.New("the next link holds a credential where the description expects none")
	}
	return cleaned, nil
}

// linkNext returns the target of the link with the relation "next" (RFC 8288, section 3).
func linkNext(values []string) string {
	for _, rest := range values {
		for {
			_, after, ok := strings.Cut(rest, "<")
			if !ok {
				break
			}
			target, parameters, ok := strings.Cut(after, ">")
			if !ok {
				break
			}
			var relation string
			relation, rest = linkRelation(parameters)
			for _, name := range strings.Fields(relation) {
				if strings.EqualFold(name, "next") {
					return strings.TrimSpace(target)
				}
			}
		}
	}
	return ""
}

// linkRelation reads a link's parameters up to the comma that ends the link, and returns its relation and
// what follows.
func linkRelation(text string) (relation, rest string) {
	for {
		text = strings.TrimLeft(text, " \t;")
		if text == "" || text[0] == ',' {
			return relation, text
		}
		end := strings.IndexAny(text, "=;,")
		if end < 0 {
			return relation, ""
		}
		name := strings.TrimSpace(text[:end])
		if text[end] != '=' {
			text = text[end:]
			continue
		}
		var value string
		value, text = parameterValue(strings.TrimLeft(text[end+1:], " \t"))
		// The first relation counts, RFC 8288, section 3.3.
		if strings.EqualFold(name, "rel") && relation == "" {
			relation = value
		}
	}
}

// parameterValue reads a token or a quoted string.
func parameterValue(text string) (value, rest string) {
	if !strings.HasPrefix(text, `"`) {
		if end := strings.IndexAny(text, ";,"); end >= 0 {
			return strings.TrimSpace(text[:end]), text[end:]
		}
		return strings.TrimSpace(text), ""
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), text[i+1:]
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), ""
}
