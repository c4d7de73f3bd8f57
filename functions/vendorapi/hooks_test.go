package vendorapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestARequestIsSignedEachTimeItIsSent(t *testing.T) {
	var signatures []string
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		signatures = append(signatures, r.Header.Get("X-Signature")+" of "+string(body))
		if len(signatures) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, `{"things":[]}`)
	}))
	v.Auth = Auth{Kind: AuthBearer, TokenField: "token"}
	v.Streams[0].Method, v.Streams[0].Window.End = "POST", Place{In: InBody, Name: "to"}
	o, signed := newClock().options(), 0
	o.Hooks.Sign = func(r *http.Request, body []byte, secret Secret) error {
		signed++
		if r.Header.Get("Authorization") != "Bearer "+secret["token"] {
			t.Error("the credentials are not in it yet")
		}
		r.Header.Set("X-Signature", fmt.Sprint(signed, len(body)))
		return nil
	}
	if _, err := mustClient(t, v, Secret{"token": canary}, o).Page(t.Context(), hour, Cursor{}); err != nil {
		t.Fatal(err)
	}
	want := []string{`1 29 of {"to":"2026-03-10T18:00:00Z"}`, `2 29 of {"to":"2026-03-10T18:00:00Z"}`}
	if strings.Join(signatures, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", signatures, want)
	}
}

func TestASignedRequestStaysWithTheVendor(t *testing.T) {
	asked := 0
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { asked++ })
	v := simple(serve(t, func(http.ResponseWriter, *http.Request) { asked++ }))
	v.Auth = Auth{Kind: AuthBearer, TokenField: "token"}
	for name, sign := range map[string]func(r *http.Request, secret Secret) error{
		"another host": func(r *http.Request, _ Secret) error {
			r.URL.Host = strings.TrimPrefix(elsewhere, "http://")
			return nil
		},
		"another scheme": func(r *http.Request, _ Secret) error { r.URL.Scheme = "https"; return nil },
		"another name":   func(r *http.Request, _ Secret) error { r.Host = "evil.example"; return nil },
		"an error":       func(_ *http.Request, secret Secret) error { return errors.New("no key in " + secret["token"]) },
	} {
		o := newClock().options()
		o.Hooks.Sign = func(r *http.Request, _ []byte, secret Secret) error { return sign(r, secret) }
		_, err := mustClient(t, v, Secret{"token": canary}, o).Page(t.Context(), hour, Cursor{})
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "cannot be signed") || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if asked > 0 {
		t.Errorf("%d requests left", asked)
	}
}

func TestAHookDecidesWhatAnAnswerMeans(t *testing.T) {
	tests := map[string]struct {
		verdict  Verdict
		status   int
		body     string
		want     error
		requests int
		last     bool
	}{
		"as described":                  {AsDescribed, 200, `{"things":[{"id":1}]}`, nil, 1, true},
		"a good one is tried again":     {TryAgain, 200, `{"things":[{"id":1}],"state":"computing"}`, ErrUnavailable, DefaultMaxAttempts, false},
		"one that throttles":            {Throttled, 200, `{"error":"slow down"}`, ErrUnavailable, DefaultMaxAttempts, false},
		"a 500 that stays":              {Refused, 500, `{"error":"no such report"}`, ErrRefused, 1, false},
		"a 404 by which nothing is":     {PastEnd, 404, `{"error":"no data for this hour"}`, nil, 1, true},
		"what no verdict is counts not": {"perhaps", 404, `{}`, ErrRefused, 1, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-State", "x")
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
			}))
			o := newClock().options()
			o.Hooks.Judge = func(r Received) Verdict {
				if r.Status != test.status || r.Header.Get("X-State") != "x" || string(r.Body) != test.body {
					t.Errorf("the hook is shown %+v", r)
				}
				return test.verdict
			}
			client := mustClient(t, v, nil, o)
			page, err := client.Page(t.Context(), hour, Cursor{})
			stats := client.Stats()
			if !errors.Is(err, test.want) || stats.Requests != test.requests || (stats.Throttled > 0) != (test.verdict == Throttled) {
				t.Errorf("got %v after %+v, want %v after %d requests", err, stats, test.want, test.requests)
			}
			if err == nil && page.Last != test.last {
				t.Errorf("the page is %+v", page)
			}
		})
	}
}

// TestAHookIsNotAskedOfHalfAnAnswer has the connection cut.
func TestAHookIsNotAskedOfHalfAnAnswer(t *testing.T) {
	v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, `{"things":[`)
	}))
	v.Retry = Retry{MaxAttempts: 1}
	v.RequestTimeout = Duration(5 * time.Second)
	o := newClock().options()
	o.Hooks.Judge = func(Received) Verdict { t.Error("it was asked"); return AsDescribed }
	if _, err := mustClient(t, v, nil, o).Page(t.Context(), hour, Cursor{}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}
