package vendortest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// checkedTransport answers a client's requests from a handler, without a network. It lets time pass, and looks where requests go.
type checkedTransport struct {
	checker *checker
	handler http.Handler
	// hosts are those that a request may go to.
	hosts []string
	// lost is the request of a parent that is not found, without credentials; empty where all are.
	lost string
	// before, where it is set, may keep a request from being sent.
	before func() error
}

// perRequest is how long a request takes.
const perRequest = 100 * time.Millisecond

// RoundTrip implements http.RoundTripper.
func (t *checkedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !slices.Contains(t.hosts, r.URL.Host) {
		t.checker.breach("", PromiseAuth, "a request was about to go to %s, with what authorizes it at %s: look at baseURL, and at what leads there", r.URL.Host, strings.Join(t.hosts, " and "))
		return nil, fmt.Errorf("no request may go to %s", r.URL.Host)
	}
	if t.before != nil {
		if err := t.before(); err != nil {
			return nil, err
		}
	}
	t.checker.clock = t.checker.clock.Add(perRequest)
	recorder := httptest.NewRecorder()
	clone := r.Clone(r.Context())
	if clone.Body == nil {
		clone.Body = http.NoBody
	}
	if clone.Host == "" {
		clone.Host = r.URL.Host
	}
	cut := false
	if t.lost != "" && t.told(clone) == t.lost {
		send(recorder, refuse(http.StatusNotFound, "It does not exist, or not any more"))
	} else {
		cut = serveCut(t.handler, recorder, clone)
	}
	answer := recorder.Result()
	answer.Request = r
	if cut {
		answer.Body = io.NopCloser(io.MultiReader(answer.Body, brokenReader{}))
	}
	return answer, nil
}

// serveCut reports whether the connection was cut in the middle of the answer.
func serveCut(h http.Handler, w http.ResponseWriter, r *http.Request) (cut bool) {
	defer func() {
		switch why := recover(); why {
		case nil:
		case http.ErrAbortHandler:
			cut = true
		default:
			panic(why)
		}
	}()
	h.ServeHTTP(w, r)
	return false
}

// brokenReader is a body that ends too early.
type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// told is a request as the client describes it: without credentials.
func (t *checkedTransport) told(r *http.Request) string {
	u := *r.URL
	if auth := t.checker.vendor.Auth; auth.Kind == vendorapi.AuthQueryKey {
		query := u.Query()
		query.Del(auth.Parameter)
		u.RawQuery = query.Encode()
	}
	text := r.Method + " " + u.String()
	if body, err := io.ReadAll(r.Body); err == nil && len(body) > 0 {
		text += " " + string(body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
	}
	return text
}

func (c *checker) sleep(_ context.Context, d time.Duration) error {
	c.clock = c.clock.Add(max(d, 0))
	return nil
}

// hostsOf returns the hosts that a description names.
func hostsOf(v *vendorapi.Vendor) []string {
	base, err := url.Parse(v.BaseURL)
	if err != nil {
		return nil
	}
	hosts := []string{base.Host}
	if token, err := url.Parse(v.Auth.Token.URL); v.Auth.Kind == vendorapi.AuthToken && err == nil {
		hosts = append(hosts, token.Host)
	}
	return hosts
}
