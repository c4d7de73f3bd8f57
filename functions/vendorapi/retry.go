package vendorapi

import (
	"bytes"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// withDefaults fills what the description leaves out.
func (r Retry) withDefaults() Retry {
	if r.InitialWait == 0 {
		r.InitialWait = Duration(DefaultInitialWait)
	}
	if r.Factor == 0 {
		r.Factor = DefaultWaitFactor
	}
	if r.MaxWait == 0 {
		r.MaxWait = Duration(DefaultMaxWait)
	}
	if r.Jitter == nil {
		jitter := DefaultJitter
		r.Jitter = &jitter
	}
	if r.MaxAttempts == 0 {
		r.MaxAttempts = DefaultMaxAttempts
	}
	return r
}

// wait returns how long to wait after the given attempt failed (1 is the first). A Retry-After that lies
// ahead is kept to, up to MaxWait and without jitter, which could only make it come too early; one that is
// over is no reason to hurry.
func (r Retry) wait(attempt int, retryAfter string, now time.Time, random float64) time.Duration {
	if asked, ok := parseRetryAfter(retryAfter, now); ok && asked > 0 {
		return min(asked, r.MaxWait.D())
	}
	wait := float64(r.InitialWait) * math.Pow(r.Factor, float64(attempt-1))
	wait = min(wait, float64(r.MaxWait))
	return time.Duration(wait * (1 - *r.Jitter*random))
}

// mostSeconds keeps what a vendor writes within a time.Duration.
const mostSeconds = 1e9

// isoLayouts are the forms of ISO 8601 that vendors write a Retry-After in. One without an offset is UTC.
var isoLayouts = []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"}

// parseRetryAfter reads the value of a Retry-After header: seconds or an HTTP date (RFC 9110, section
// 10.2.3), or an ISO 8601 time, as Zoom sends it
// (https://developers.zoom.us/docs/api/rate-limits/).
func parseRetryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		if math.IsNaN(seconds) {
			return 0, false
		}
		return time.Duration(min(max(seconds, 0), mostSeconds) * float64(time.Second)), true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0), true
	}
	for _, layout := range isoLayouts {
		if at, err := time.Parse(layout, value); err == nil {
			return max(at.Sub(now), 0), true
		}
	}
	return 0, false
}

// retryableStatus says whether an answer may be better next time whatever the vendor.
func retryableStatus(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500
}

// matching returns the first of answers that describes this one.
func matching(answers []Answer, status int, body []byte) (Answer, bool) {
	i := slices.IndexFunc(answers, func(a Answer) bool {
		return a.Status == status && containsFold(body, a.BodyContains)
	})
	if i < 0 {
		return Answer{}, false
	}
	return answers[i], true
}

func containsFold(body []byte, part string) bool {
	return part == "" || bytes.Contains(bytes.ToLower(body), []byte(strings.ToLower(part)))
}
