package vendorapi

import (
	"errors"
	"net/http"
)

// Hooks are what a description cannot say, in Go. A nil hook changes nothing; a hook is called by one goroutine at a time, though
// not in the order of pages where they are asked for side by side.
type Hooks struct {
	// Sign is called with each request when all else is in it, credentials too, right before it leaves, and again for each
	// repetition. body is what it sends, nil for none. It may set headers and query parameters; a request that it sends to another
	// host stays here. Its error refuses the request.
	Sign func(request *http.Request, body []byte, secret Secret) error
	// Judge is called with each answer that has come whole, before it is judged as described.
	Judge func(Received) Verdict
}

// Received is an answer of the vendor. It may be read until the hook returns.
type Received struct {
	Status int
	Header http.Header
	// Body is that of a page whole, and of any other answer its beginning.
	Body []byte
}

// Verdict is what an answer means.
type Verdict string

const (
	// AsDescribed leaves it to the description.
	AsDescribed Verdict = ""
	// TryAgain is an answer that may be better next time, Throttled one that means "too many requests".
	TryAgain  Verdict = "try again"
	Throttled Verdict = "throttled"
	// PastEnd is an answer without records: the window, or the parent, has no more.
	PastEnd Verdict = "past the end"
	// Refused is one that will not get better by itself.
	Refused Verdict = "refused"
)

// errSigned says that a hook has sent a request to another host.
var errSigned = errors.New("hooks.sign has changed the host: credentials go to the described one only")

// sign has the request signed, and sees that it stays with the vendor.
func (c *Client) sign(request *http.Request, body []byte) error {
	if c.options.Hooks.Sign == nil {
		return nil
	}
	c.hooked.Lock()
	defer c.hooked.Unlock()
	if err := c.signed(request, body); err != nil {
		return err
	}
	if !sameOrigin(c.base, request.URL) || request.Host != "" && request.Host != c.base.Host {
		return errSigned
	}
	return nil
}

// decide asks the hook what an answer means. It reports false where the description is to say.
func (c *Client) decide(answer *http.Response, body []byte) (f *failure, past, decided bool) {
	if c.options.Hooks.Judge == nil {
		return nil, false, false
	}
	c.hooked.Lock()
	verdict := c.options.Hooks.Judge(Received{Status: answer.StatusCode, Header: answer.Header, Body: body})
	c.hooked.Unlock()
	switch verdict {
	case TryAgain:
		return &failure{kind: ErrUnavailable, reason: c.quote(answer, body), retry: true}, false, true
	case Throttled:
		return &failure{kind: ErrUnavailable, reason: c.quote(answer, body), retry: true, throttled: true}, false, true
	case Refused:
		return &failure{kind: ErrRefused, reason: c.quote(answer, body)}, false, true
	case PastEnd:
		return nil, true, true
	}
	return nil, false, false
}
