package vendorapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/functions/window"
)

// failure is why one attempt brought no page.
type failure struct {
	kind       error
	reason     string
	status     int
	retry      bool
	throttled  bool
	retryAfter string
	// rejected says that the vendor did not take the token, unsent that nothing has left.
	rejected, unsent bool
}

// maxErrorBytes bounds how much of an answer that is no page is read, to recognize and to quote it.
const maxErrorBytes = 64 << 10

func (v *Vendor) requestTimeout() time.Duration {
	if v.RequestTimeout == 0 {
		return DefaultRequestTimeout
	}
	return v.RequestTimeout.D()
}

func (v *Vendor) maxPageBytes() int64 {
	if v.MaxPageBytes == 0 {
		return DefaultMaxPageBytes
	}
	return v.MaxPageBytes
}

// errTooLarge says that an answer exceeds what the description allows.
var errTooLarge = errors.New("larger than maxPageBytes")

// userAgent tells a vendor's operators who calls.
const userAgent = "windrow (+https://github.com/windrow-data/windrow)"

// send sends the request of f and takes its answer, or says why there is none to read records from.
func (c *Client) send(ctx context.Context, f *fetch) *failure {
	ctx, cancel := context.WithTimeout(ctx, c.vendor.requestTimeout())
	defer cancel()
	outgoing, err := c.outgoing(ctx, f.request, f.token)
	if err != nil {
		return &failure{kind: ErrRefused, reason: "the request cannot be made: " + withoutURL(err)}
	}
	if err := c.sign(outgoing, f.request.body); err != nil {
		return &failure{kind: ErrRefused, reason: "the request cannot be signed: " + err.Error()}
	}
	c.stats.count(func(s *Stats) { s.Requests++ })
	outgoing = outgoing.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { c.limits.written(f.number, c.options.Now()) },
	}))
	answer, err := c.http.Do(outgoing)
	if err != nil {
		return unsent(err)
	}
	defer answer.Body.Close()
	if err := checkHeader(answer.Header); err != nil {
		return &failure{kind: ErrMalformed, reason: err.Error(), status: answer.StatusCode}
	}
	body, err := c.read(ctx, answer, f)
	last, past, decided := (*failure)(nil), false, false
	if err == nil {
		last, past, decided = c.decide(answer, body)
	}
	if !decided {
		last = c.judge(answer, body, err)
	}
	if last != nil {
		return last.of(answer)
	}
	if c.tokens != nil {
		c.tokens.accepted(ctx, f.token)
	}
	f.answer, f.shown, f.past = answer, body, past
	return nil
}

// of adds to a failure what its answer says of it.
func (f *failure) of(answer *http.Response) *failure {
	f.status = answer.StatusCode
	f.retryAfter = answer.Header.Get("Retry-After")
	return f
}

func (c *Client) outgoing(ctx context.Context, r request, token string) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	outgoing, err := http.NewRequestWithContext(ctx, r.method, r.url, body)
	if err != nil {
		return nil, err
	}
	outgoing.Header.Set("Accept", "application/json")
	outgoing.Header.Set("User-Agent", userAgent)
	if body != nil {
		outgoing.Header.Set("Content-Type", "application/json")
	}
	for name, value := range c.vendor.Headers {
		outgoing.Header.Set(name, value)
	}
	c.authorize(outgoing, token)
	return outgoing, nil
}

// unsent judges a request that brought no answer.
func unsent(err error) *failure {
	reason := withoutURL(err)
	var certificate *tls.CertificateVerificationError
	if errors.Is(err, errForbidden) || errors.As(err, &certificate) {
		return &failure{kind: ErrRefused, reason: reason, unsent: true}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		reason = "no answer within the request's timeout"
	}
	return &failure{kind: ErrUnavailable, reason: reason, retry: true, unsent: neverSent(err)}
}

// withoutURL returns an error's text without the address that net/http puts before it, which may hold an API key.
func withoutURL(err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return err.Error()
}

// read reads an answer's body, a page's into the buffer of f, and leaves the connection fit for the next
// request where that is cheap.
func (c *Client) read(ctx context.Context, answer *http.Response, f *fetch) (body []byte, err error) {
	if answer.StatusCode/100 == 2 {
		f.body, err = readBounded(ctx, answer.Body, f.body[:0], answer.ContentLength, c.vendor.maxPageBytes(), f.grow)
		return f.body, err
	}
	body, err = io.ReadAll(io.LimitReader(answer.Body, maxErrorBytes))
	if err == nil {
		_, _ = io.CopyN(io.Discard, answer.Body, maxErrorBytes)
	}
	return body, err
}

// readBounded appends all of r to buffer, which grows by grow. announced is the number of bytes to expect, -1 where unknown.
func readBounded(ctx context.Context, r io.Reader, buffer []byte, announced, limit int64, grow func(context.Context, []byte, int) ([]byte, error)) ([]byte, error) {
	if announced > limit {
		return buffer, errTooLarge
	}
	var err error
	if announced > 0 {
		if buffer, err = grow(ctx, buffer, int(announced)+1); err != nil {
			return buffer, err
		}
	}
	for {
		if len(buffer) == cap(buffer) {
			if buffer, err = grow(ctx, buffer, max(len(buffer)/4, 64<<10)); err != nil {
				return buffer, err
			}
		}
		n, err := r.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if int64(len(buffer)) > limit {
			return buffer, errTooLarge
		}
		if err == io.EOF {
			return buffer, nil
		}
		if err != nil {
			return buffer, err
		}
	}
}

// judge says what is wrong with an answer before its records are looked for; nil where nothing is.
func (c *Client) judge(answer *http.Response, body []byte, err error) *failure {
	status := answer.StatusCode
	if errors.Is(err, errTooLarge) {
		return &failure{kind: ErrMalformed, reason: fmt.Sprintf("the page is %v (%d): ask for smaller pages (paging.size) or raise it", errTooLarge, c.vendor.maxPageBytes())}
	}
	if c.tokens != nil && c.tokens.request.rejects(status, body) {
		return &failure{kind: ErrRefused, reason: c.quote(answer, body) + c.secretAdvice(), rejected: true}
	}
	if also, ok := matching(c.retry.Also, status, body); ok {
		return &failure{kind: ErrUnavailable, reason: c.quote(answer, body), retry: true, throttled: also.Throttled || status == http.StatusTooManyRequests}
	}
	if retryableStatus(status) {
		return &failure{kind: ErrUnavailable, reason: c.quote(answer, body), retry: true, throttled: status == http.StatusTooManyRequests}
	}
	if err != nil {
		return &failure{kind: ErrUnavailable, reason: "the answer broke off: " + withoutURL(err), retry: true}
	}
	if _, ok := matching(c.stream.Paging.PastEnd, status, body); ok || status/100 == 2 {
		return nil
	}
	reason := c.quote(answer, body)
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		reason += c.secretAdvice()
	}
	return &failure{kind: ErrRefused, reason: reason}
}

// secretAdvice says what to check where the vendor does not let a request in.
func (c *Client) secretAdvice() string {
	fields := c.vendor.SecretFields()
	if len(fields) == 0 {
		return ""
	}
	return ": check " + strings.Join(fields, ", ") + " in the vendor's secret, and what they are allowed to read"
}

// accept makes c.page of the answer that has come for f. What is wrong with it has not been looked for but in the answer's status.
func (c *Client) accept(f *fetch, at Cursor) *failure {
	c.page.body = f.body
	if last := c.paged(f.answer, f.shown, f.past, f.window, at); last != nil {
		return last.of(f.answer)
	}
	return nil
}

// paged makes c.page of an answer: the records, the total and where to go on. past says that it has none, whatever it holds.
func (c *Client) paged(answer *http.Response, body []byte, past bool, w window.Window, at Cursor) *failure {
	p := c.page
	*p = Page{Number: at.Page, Total: -1, Bytes: len(body), body: p.body, records: p.records[:0], others: p.others[:0], extended: p.extended}
	if c.parent != nil {
		p.added, p.without, p.keys = c.stream.Parent.added(c.parent), c.without, c.keys
	}
	_, described := matching(c.stream.Paging.PastEnd, answer.StatusCode, body)
	if past || described || answer.StatusCode == http.StatusNoContent && c.stream.RecordsAbsentWhenEmpty {
		p.Last = true
		p.Next = Cursor{Page: at.Page + 1, Seen: at.Seen}
		if c.stream.Total != (Total{}) && at.Seen == 0 {
			p.Total = 0
		}
		return nil
	}
	e, err := c.scanner.scan(p.body, p)
	if err != nil {
		// A body that ends too early was cut on its way, whatever its length said.
		cut := errors.Is(err, io.ErrUnexpectedEOF)
		return &failure{kind: ErrMalformed, reason: fmt.Sprintf("%v: %s", err, c.quote(answer, body)), retry: cut}
	}
	if failed(e.failure) {
		return &failure{kind: ErrRefused, reason: fmt.Sprintf("%d %s, but a failure stands at failurePath %q: %s",
			answer.StatusCode, http.StatusText(answer.StatusCode), c.stream.FailurePath, cut(c.redact(string(e.failure)), 200))}
	}
	if !e.found && !c.stream.RecordsAbsentWhenEmpty {
		return &failure{kind: ErrMalformed, reason: fmt.Sprintf("nothing stands at recordsPath %q: %s", c.stream.RecordsPath, c.quote(answer, body))}
	}
	p.Count, p.Kept = len(p.records), len(p.records)
	if p.Total, err = c.total(e, answer.Header); err != nil {
		return &failure{kind: ErrMalformed, reason: err.Error() + ": " + c.quote(answer, body)}
	}
	if !e.found && p.Total > at.Seen {
		return &failure{kind: ErrMalformed, reason: fmt.Sprintf("nothing stands at recordsPath %q, but the total is %d and %d came before", c.stream.RecordsPath, p.Total, at.Seen)}
	}
	if e.broken {
		foldLines(p.body, p.records)
	}
	if err := c.advance(p, at, e, answer.Header); err != nil {
		f := &failure{kind: ErrMalformed, reason: err.Error()}
		switch {
		case errors.Is(err, errForbidden):
			f.kind = ErrRefused
		case errors.Is(err, errCircle):
			f.kind = ErrRepeated
		case errors.Is(err, ErrRepeated):
			f.kind, f.reason = ErrRepeated, fmt.Sprintf("%d records again; does the vendor know the paging parameters as described?", p.Count)
		}
		return f
	}
	if c.stream.TimePath != "" && c.parent == nil && c.stream.Window.Listing == nil {
		c.scanner.place(w, p)
	}
	return nil
}

// failed says whether the value at FailurePath tells of a failure.
func failed(value jsontext.Value) bool {
	switch value.Kind() {
	case 't':
		return true
	case '"':
		return len(value) > len(`""`)
	case '0':
		return string(value) != "0"
	case '[', '{':
		return len(bytes.TrimSpace(value[1:len(value)-1])) > 0
	}
	return false
}

// total reads the total, -1 where the description names none.
func (c *Client) total(e envelope, header http.Header) (int64, error) {
	described := c.stream.Total
	switch {
	case described.Header != "":
		if text := header.Get(described.Header); text != "" {
			return parseTotal(text)
		}
		return 0, fmt.Errorf("the total is missing: want a header %s", described.Header)
	case described.Path != "":
		if e.total != nil {
			return parseTotal(string(e.total))
		}
		return 0, fmt.Errorf("the total is missing: want it at %s", described.Path)
	}
	return -1, nil
}

// quote shows the beginning of an answer.
func (c *Client) quote(answer *http.Response, body []byte) string {
	return quote(answer, body, c.redact)
}

func quote(answer *http.Response, body []byte, redact func(string) string) string {
	text := fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	if contentType := answer.Header.Get("Content-Type"); contentType != "" {
		text += ", " + contentType
	}
	if body = bytes.TrimSpace(body); len(body) == 0 {
		return text + ", no body"
	}
	if answer.StatusCode/100 == 2 && bytes.ContainsAny(body[:1], "{[") {
		return text + ": " + redact(outline(body))
	}
	// Credentials are hidden before the text is cut, or half of one could stay.
	shown := redact(string(body[:min(len(body), maxErrorBytes)]))
	return text + ": " + cut(shown, 200)
}

// outline says what a page is, and names the fields of one that is an object, but not their values: what a person did is no
// matter for a log.
func outline(page []byte) string {
	const most = 20
	decoder := jsontext.NewDecoder(bytes.NewBuffer(page), lenient...)
	kind := decoder.PeekKind()
	_, err := decoder.ReadToken()
	if next := decoder.PeekKind(); next == '}' || next == ']' {
		return "an empty JSON " + kindName(kind)
	}
	var names []string
	for err == nil && kind == '{' && decoder.PeekKind() == '"' && len(names) < most {
		var name jsontext.Token
		if name, err = decoder.ReadToken(); err == nil {
			names = append(names, name.String())
			err = decoder.SkipValue()
		}
	}
	text := fmt.Sprintf("%d bytes of a JSON %s", len(page), kindName(kind))
	if len(names) > 0 {
		text += " with the fields " + strings.Join(names, ", ")
	}
	return text
}

// shorten bounds a text from outside and makes it one line.
func shorten(text string) string { return cut(text, 600) }

func cut(text string, most int) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "�"))), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}
