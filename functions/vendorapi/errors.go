package vendorapi

import (
	"errors"
	"fmt"
	"strings"

	"github.com/windrow-data/windrow/functions/window"
)

var (
	// ErrDeadline says that a wait or a request would have passed the caller's deadline. Nothing is wrong
	// with the vendor: stop, and go on from the same cursor next time.
	ErrDeadline = errors.New("no time is left before the deadline")
	// ErrRefused says that the vendor rejects the request, or that it may not be sent: it will not get better
	// by itself.
	ErrRefused = errors.New("the request is refused")
	// ErrCredentials is the ErrRefused of a token request: the vendor does not take what the secret holds.
	ErrCredentials = fmt.Errorf("%w: no token is given for the credentials", ErrRefused)
	// ErrSecret says that the vendor's secret cannot be used as it is.
	ErrSecret = errors.New("the vendor's secret cannot be used")
	// ErrTokenLost says that a refresh token that may be sent only once has been sent, and that what came in its place
	// is not known. A person has to authorize again.
	ErrTokenLost = errors.New("the refresh token is spent, or may be, and what came in its place is lost")
	// ErrMalformed says that the vendor's answer is not as described: not JSON, no array of records, an
	// unreadable total, a page that repeats, or beyond what an answer or a window may be.
	ErrMalformed = errors.New("the answer is not as the vendor's description says")
	// ErrRepeated is the ErrMalformed of a page that holds the records of an earlier one, or leads to one that has
	// been read: the vendor does not understand the paging parameters, its pages go in a circle, or its records have moved by
	// just a page.
	ErrRepeated = fmt.Errorf("%w: the page repeats one before it", ErrMalformed)
	// ErrUnavailable says that each of the attempts allowed met an answer that may be better next time.
	ErrUnavailable = errors.New("the vendor did not answer well in the attempts allowed")
)

// RequestError is the failure of one page's request. It matches [ErrDeadline], [ErrRefused],
// [ErrMalformed] or [ErrUnavailable]; one that matches ErrDeadline also matches what was last seen before. No part of
// it holds a credential. The stream is the client's own and for its caller to name.
type RequestError struct {
	Window window.Window
	// Parent is the key of the parent that was asked for ([ParentRecord]), empty where the stream is no child.
	Parent string
	// Page counts from 1.
	Page int
	// Request is the method, address and body, credentials left out.
	Request string
	// Attempts is the number of requests sent for the page.
	Attempts int
	// Status is that of the last answer, 0 where there was none.
	Status int
	// Throttled says that the last answer meant "too many requests".
	Throttled bool
	// Reason says what was seen, and what to do where that is known.
	Reason string

	kinds []error
}

// Error names the window, the page and the request, and what was seen.
func (e *RequestError) Error() string {
	var b strings.Builder
	if e.Parent == "" {
		fmt.Fprintf(&b, "window %s, page %d: ", e.Window, e.Page)
	} else {
		fmt.Fprintf(&b, "parent %s, page %d: ", e.Parent, e.Page)
	}
	if len(e.kinds) > 0 {
		fmt.Fprintf(&b, "%v: ", e.kinds[0])
	}
	b.WriteString(e.Request)
	if e.Reason != "" {
		b.WriteString(": " + e.Reason)
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&b, " (after %d attempts)", e.Attempts)
	}
	return b.String()
}

// Unwrap returns the kinds of failure.
func (e *RequestError) Unwrap() []error { return e.kinds }
