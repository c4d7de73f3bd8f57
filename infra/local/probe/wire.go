package probe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

var errBudget = errors.New("the requests allowed for a stream are used up")

// wire is the transport under all clients of a stream: it counts, keeps to the described limit across them, and remembers what the
// last answer said beside its records.
type wire struct {
	next     http.RoundTripper
	limiter  *rate.Limiter
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
	requests int
	began    time.Time
	ended    time.Time
	// throttled counts answers of status 429.
	throttled int
	// limits are the latest values of the headers that tell of limits, by name.
	limits map[string]string
	body   bytes.Buffer
	status int
}

func newWire(next http.RoundTripper, l vendorapi.RateLimit, now func() time.Time, sleep func(context.Context, time.Duration) error) *wire {
	w := &wire{next: next, limiter: rate.NewLimiter(rate.Inf, 1), now: now, sleep: sleep, limits: map[string]string{}}
	if l.Requests > 0 {
		w.limiter = rate.NewLimiter(rate.Limit(float64(l.Requests)/l.Per.D().Seconds()), 1)
	}
	return w
}

func (w *wire) left() int { return MostRequests - w.requests }

// mostBody is how much of an answer is kept to look where its records stand.
const mostBody = 4 << 20

// RoundTrip sends a request.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.left() <= 0 {
		return nil, errBudget
	}
	now := w.now()
	if err := w.sleep(r.Context(), w.limiter.ReserveN(now, 1).DelayFrom(now)); err != nil {
		return nil, err
	}
	if w.requests == 0 {
		w.began = w.now()
	}
	w.requests++
	answer, err := w.next.RoundTrip(r)
	w.ended = w.now()
	w.body.Reset()
	if err != nil {
		w.status = 0
		return nil, err
	}
	w.status = answer.StatusCode
	if answer.StatusCode == http.StatusTooManyRequests {
		w.throttled++
	}
	for name := range answer.Header {
		if tellsLimit(name) {
			w.limits[name] = answer.Header.Get(name)
		}
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(answer.Body, &bounded{to: &w.body}), answer.Body}
	return answer, nil
}

// tellsLimit says whether a header tells of limits. Beside Retry-After there is only custom, and a draft:
// https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
func tellsLimit(name string) bool {
	name = strings.ToLower(name)
	return name == "retry-after" || slices.ContainsFunc([]string{"x-ratelimit", "x-rate-limit", "ratelimit", "x-ratelimit-limit"}, func(prefix string) bool {
		return name == prefix || strings.HasPrefix(name, prefix+"-")
	})
}

// bounded keeps the beginning of what is written.
type bounded struct{ to *bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	b.to.Write(p[:min(len(p), max(mostBody-b.to.Len(), 0))])
	return len(p), nil
}
