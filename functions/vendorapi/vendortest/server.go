package vendortest

import (
	"context"
	"hash/fnv"
	"io"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// ServerOptions are what a server does beside answering. The zero value answers at once and without faults.
type ServerOptions struct {
	// Now is the vendor's clock to begin with; see [Server.SetNow].
	Now time.Time
	// Faults are the plans that decide which requests go wrong; the first that has a fault for a request decides.
	Faults []Plan
	// Latency is how long each answer takes.
	Latency time.Duration
	// EnforceLimits refuses requests over the vendor's rate limits.
	EnforceLimits bool
	// TokenLife is how long after it was given a token, or the address of a next page, is accepted, by Clock; Zoom's is 15 minutes
	// (https://developers.zoom.us/docs/api/pagination/). Zero means that of Zoom, and for ever of any other vendor. ON24 has no tokens.
	TokenLife time.Duration
	// Clock is the real time, by which limits are counted, tokens expire and a Retry-After is dated. Default: the vendor's clock.
	Clock func() time.Time
	// Sleep waits for a latency or a slowness. Default: a timer.
	Sleep func(context.Context, time.Duration) error
}

// Server answers as the vendor does. It is an http.Handler and safe for concurrent use.
type Server struct {
	dialect dialect
	options ServerOptions

	mu       sync.Mutex
	now      time.Time
	faulters []*faulter
	stats    Stats
	all      *pace
	paces    map[string]*pace
}

// NewServer returns a server for a vendor, under the path of the description's BaseURL. The secret holds the
// credentials that it accepts, under the names of fields that the description's Auth gives.
func NewServer(v *vendorapi.Vendor, w *World, secret map[string]string, o ServerOptions) *Server {
	if o.Sleep == nil {
		o.Sleep = wait
	}
	s := &Server{options: o, now: o.Now, all: &pace{}, paces: map[string]*pace{}}
	s.stats = Stats{Faults: map[Fault]int{}, Streams: map[string]StreamStats{}}
	finder := &finder{world: w}
	switch v.Name {
	case on24Name:
		s.dialect = newON24Dialect(v, finder, secret)
	case zoomName:
		s.dialect = newZoomDialect(v, finder, secret, o.TokenLife)
	case gotoName:
		s.dialect = newGoToDialect(v, finder, secret)
	default:
		s.dialect = newDescribedDialect(v, finder, secret, o.TokenLife)
	}
	s.SetFaults(o.Faults...)
	return s
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// SetNow sets the vendor's clock: a request sees what is visible then.
func (s *Server) SetNow(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
}

// SetFaults puts new plans in the place of the present ones.
func (s *Server) SetFaults(plans ...Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faulters = nil
	for _, p := range plans {
		s.faulters = append(s.faulters, newFaulter(p))
	}
}

// Stats returns the counts so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Faults = maps.Clone(s.stats.Faults)
	stats.Streams = maps.Clone(s.stats.Streams)
	for name, one := range stats.Streams {
		one.Faults = maps.Clone(one.Faults)
		stats.Streams[name] = one
	}
	return stats
}

const maxRequestBody = 1 << 20

// ServeHTTP answers a request. A cut connection is a panic with http.ErrAbortHandler, which an HTTP server turns
// into a broken connection.
func (s *Server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxRequestBody))
	if err != nil {
		send(rw, refuse(http.StatusBadRequest, "The request's body cannot be read"))
		return
	}
	q := &request{Request: r, body: body}
	stream, refusal := s.dialect.route(q)
	if refusal != nil {
		s.counted("", FaultNone, refusal)
		send(rw, refusal)
		return
	}
	fault, plan, now, clock, over := s.admit(q, stream)
	q.clock, q.expired = clock, fault == FaultExpired
	a := s.answer(q, stream, fault, plan, now, clock, over)
	delay := s.options.Latency
	if fault == FaultSlow {
		delay += plan.Slowness
	}
	s.counted(stream, fault, a)
	if s.options.Sleep(r.Context(), delay) != nil {
		return
	}
	switch {
	case fault == FaultCut:
		cut(rw, a)
	case fault == FaultTruncated && len(a.body) > 1:
		half := *a
		half.body = a.body[:len(a.body)/2]
		send(rw, &half)
	default:
		send(rw, a)
	}
}

// admit counts a request in and decides what it meets.
func (s *Server) admit(q *request, stream string) (fault Fault, plan Plan, now, clock time.Time, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, clock = s.now, s.now
	if s.options.Clock != nil {
		clock = s.options.Clock()
	}
	if s.paces[stream] == nil {
		s.paces[stream] = &pace{}
	}
	one := s.stats.Streams[stream]
	if one.Faults == nil {
		one.Faults = map[Fault]int{}
	}
	s.stats.Requests++
	one.Requests++
	if s.options.EnforceLimits {
		own, account := s.dialect.limits(stream)
		over = s.paces[stream].full(own, clock) || s.all.full(account, clock)
	}
	s.stats.MaxPerMinute = s.all.count(clock)
	one.MaxPerMinute = s.paces[stream].count(clock)
	s.stats.Streams[stream] = one
	if over {
		return FaultNone, plan, now, clock, true
	}
	identity := identify(q)
	for _, f := range s.faulters {
		if fault = f.next(stream, identity); fault != FaultNone {
			s.stats.Faults[fault]++
			one.Faults[fault]++
			return fault, f.plan, now, clock, false
		}
	}
	return FaultNone, plan, now, clock, false
}

// identify returns a hash by which the repetition of a request is known.
func identify(q *request) uint64 {
	h := fnv.New64a()
	io.WriteString(h, q.Method+" "+q.URL.RequestURI()+"\n")
	h.Write(q.body)
	return h.Sum64()
}

func (s *Server) answer(q *request, stream string, fault Fault, p Plan, now, clock time.Time, over bool) *answer {
	if refusal := s.dialect.authorize(q); refusal != nil {
		return refusal
	}
	if over {
		return s.dialect.overLimit(clock)
	}
	if wrong := faulty(fault, p, s.dialect.overLimit(clock), clock); wrong != nil {
		return wrong
	}
	return s.dialect.serve(q, stream, now)
}

func (s *Server) counted(stream string, fault Fault, a *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.stats.Streams[stream]
	if stream == "" {
		s.stats.Requests++
		one.Requests++
	}
	if fault == FaultNone || fault == FaultSlow {
		one.Records += a.records
		if a.status >= http.StatusBadRequest {
			one.Refused++
			one.LastRefusal = string(a.body)
		}
	}
	s.stats.Streams[stream] = one
}

func send(rw http.ResponseWriter, a *answer) {
	maps.Copy(rw.Header(), a.header)
	rw.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	rw.WriteHeader(a.status)
	rw.Write(a.body)
}

// cut announces the whole body and sends half of it.
func cut(rw http.ResponseWriter, a *answer) {
	maps.Copy(rw.Header(), a.header)
	rw.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	rw.WriteHeader(a.status)
	rw.Write(a.body[:len(a.body)/2])
	http.NewResponseController(rw).Flush()
	panic(http.ErrAbortHandler)
}
