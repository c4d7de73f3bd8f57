package vendortest

import (
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Fault is one way in which an answer goes wrong.
type Fault string

const (
	// FaultNone leaves a request alone; it is of use in a script.
	FaultNone Fault = ""
	// Fault429Seconds, Fault429Date, Fault429ISO and Fault429Bare are status 429 with a Retry-After in
	// seconds, as an HTTP date, as an ISO 8601 time, and without one.
	Fault429Seconds Fault = "429-seconds"
	Fault429Date    Fault = "429-date"
	Fault429ISO     Fault = "429-iso"
	Fault429Bare    Fault = "429-bare"
	// FaultOverLimit is the vendor's own answer to too many requests; ON24's is a 403.
	FaultOverLimit Fault = "over-limit"
	// Fault500 and Fault408 are these statuses.
	Fault500 Fault = "500"
	Fault408 Fault = "408"
	// FaultCut breaks the connection in the middle of the body.
	FaultCut Fault = "cut"
	// FaultSlow answers rightly, but after Plan.Slowness.
	FaultSlow Fault = "slow"
	// FaultTruncated is a complete answer with status 200 whose JSON ends in the middle.
	FaultTruncated Fault = "truncated"
	// FaultHTML is a page for people with status 200, as a proxy or a maintenance page gives.
	FaultHTML Fault = "html"
	// FaultExpired refuses the token, or the address of a next page, that a request goes on with, as expired, with status 400: to
	// ask again is of no use, the first page has to be asked for again. Other requests it leaves alone.
	FaultExpired Fault = "expired"
)

// TransientFaults are the faults that a client is expected to get over by asking again.
var TransientFaults = []Fault{Fault429Seconds, Fault429Date, Fault429ISO, Fault429Bare, FaultOverLimit, Fault500, Fault408, FaultCut, FaultSlow, FaultTruncated}

// Defaults of [Plan].
const (
	DefaultMaxInRow = 2
	DefaultSlowness = 50 * time.Millisecond
)

// Plan says which requests meet which fault. Of several sources the first that applies decides: Always, then
// Script, then Rates.
type Plan struct {
	// Streams are the streams the plan is for. Empty means all.
	Streams []string
	// Always meets every request, without regard to MaxInRow.
	Always Fault
	// Script meets the requests one after another, in the order they come, without regard to MaxInRow.
	Script []Fault
	// Rates are the probabilities from 0 to 1 of each fault, drawn for each stream by itself so that streams that
	// run side by side do not disturb each other.
	Rates map[Fault]float64
	// Seed of the draws.
	Seed uint64
	// MaxInRow is how often the same request may meet a drawn fault before it is let through. Default [DefaultMaxInRow].
	MaxInRow int
	// RetryAfter is the wait that a 429 asks for. The forms have a resolution of a second, except ISO, with milliseconds.
	RetryAfter time.Duration
	// Slowness is how long FaultSlow takes. Default [DefaultSlowness].
	Slowness time.Duration
}

// Mixed returns a plan in which each request meets one of the [TransientFaults] with the probability share, each
// of them equally often.
func Mixed(seed uint64, share float64) Plan {
	rates := map[Fault]float64{}
	for _, f := range TransientFaults {
		rates[f] = share / float64(len(TransientFaults))
	}
	return Plan{Seed: seed, Rates: rates}
}

// faulter draws the faults of one plan. It is not safe for concurrent use.
type faulter struct {
	plan   Plan
	kinds  []Fault
	script []Fault
	dice   map[string]*rand.Rand
	inRow  map[uint64]int
}

func newFaulter(p Plan) *faulter {
	if p.MaxInRow == 0 {
		p.MaxInRow = DefaultMaxInRow
	}
	if p.Slowness == 0 {
		p.Slowness = DefaultSlowness
	}
	f := &faulter{plan: p, script: p.Script, dice: map[string]*rand.Rand{}, inRow: map[uint64]int{}}
	for kind := range p.Rates {
		f.kinds = append(f.kinds, kind)
	}
	slices.Sort(f.kinds)
	return f
}

// next returns the fault that a request meets. The identity says which requests are the same.
func (f *faulter) next(stream string, identity uint64) Fault {
	if len(f.plan.Streams) > 0 && !slices.Contains(f.plan.Streams, stream) {
		return FaultNone
	}
	if f.plan.Always != FaultNone {
		return f.plan.Always
	}
	if len(f.script) > 0 {
		fault := f.script[0]
		f.script = f.script[1:]
		return fault
	}
	if len(f.kinds) == 0 {
		return FaultNone
	}
	fault := f.draw(stream)
	if fault == FaultNone || f.inRow[identity] >= f.plan.MaxInRow {
		delete(f.inRow, identity)
		return FaultNone
	}
	if fault != FaultSlow {
		f.inRow[identity]++
	}
	return fault
}

func (f *faulter) draw(stream string) Fault {
	d := f.dice[stream]
	if d == nil {
		h := fnv.New64a()
		h.Write([]byte(stream))
		d = rand.New(rand.NewPCG(f.plan.Seed, h.Sum64()))
		f.dice[stream] = d
	}
	at := d.Float64()
	for _, kind := range f.kinds {
		if at -= f.plan.Rates[kind]; at < 0 {
			return kind
		}
	}
	return FaultNone
}

// faulty returns the answer that takes the place of the right one, or nil where the fault is in how
// the right one is sent. now is the real time that a Retry-After counts from.
func faulty(fault Fault, p Plan, overLimit *answer, now time.Time) *answer {
	tooMany := func(retryAfter string) *answer {
		a := refuse(http.StatusTooManyRequests, "Too many requests")
		if retryAfter != "" {
			a.header.Set("Retry-After", retryAfter)
		}
		return a
	}
	switch fault {
	case Fault429Seconds:
		return tooMany(strconv.FormatInt(int64((p.RetryAfter+time.Second-1)/time.Second), 10))
	case Fault429Date:
		return tooMany(now.Add(p.RetryAfter).UTC().Format(http.TimeFormat))
	case Fault429ISO:
		return tooMany(now.Add(p.RetryAfter).UTC().Format("2006-01-02T15:04:05.000Z"))
	case Fault429Bare:
		return tooMany("")
	case FaultOverLimit:
		return overLimit
	case Fault500:
		return refuse(http.StatusInternalServerError, "Internal error")
	case Fault408:
		return refuse(http.StatusRequestTimeout, "Request timeout")
	case FaultHTML:
		return &answer{status: http.StatusOK, header: http.Header{"Content-Type": {"text/html;charset=UTF-8"}},
			body: []byte("<!DOCTYPE html>\n<html><head><title>We will be back soon</title></head><body><h1>Scheduled maintenance</h1></body></html>\n")}
	}
	return nil
}
