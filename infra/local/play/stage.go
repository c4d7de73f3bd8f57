package play

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/windrow-data/windrow/infra/local/lambdahost"
)

// Stage is what a recorded day was played on, once the day is over: everything is still there, and nothing goes on.
type Stage struct {
	// Summary is that of the day.
	Summary *Summary

	day *day
}

// Slow has a page of the vendor take so long from now on, and an answer of an AWS service so much longer: a simulated vendor and a
// server on the same machine answer sooner than what they stand for.
func (s *Stage) Slow(page, aws time.Duration) {
	if s.day.vendors != nil {
		s.day.vendors.delay.set(page - s.day.options.conditions().latency)
	}
	s.day.services.delay.set(aws)
}

// Replay invokes the function of a recorded invocation again, with what its stream held and the time that it was then, as a function
// of memoryMB would be: with that memory, with its share of a processor, and with a process of its own, which has been at work
// before where the recorded one had.
func (s *Stage) Replay(ctx context.Context, i *Invocation, memoryMB int) (lambdahost.Result, error) {
	function, err := s.sized(i.Function, memoryMB)
	if err != nil {
		return lambdahost.Result{}, err
	}
	options := s.day.services.hosting
	options.LogDir = filepath.Join(options.LogDir, fmt.Sprintf("%dMB", memoryMB))
	host, err := lambdahost.New([]lambdahost.Function{function}, options)
	if err != nil {
		return lambdahost.Result{}, err
	}
	defer host.Close()
	if i.pipeline.simulated != nil {
		i.pipeline.simulated.server.SetNow(i.Tick)
	}
	times := 1
	if i.Warm {
		times = 2
	}
	var result lambdahost.Result
	for range times {
		if err := i.before.restore(); err != nil {
			return result, fmt.Errorf("restore the objects of the stream %s: %w", i.Stream, err)
		}
		if result, err = host.Invoke(ctx, function.Name, i.Payload); err != nil {
			return result, err
		}
	}
	return result, nil
}

// sized returns the function called name as it would be with memoryMB of memory: the limit of Go's memory goes with it.
func (s *Stage) sized(name string, memoryMB int) (lambdahost.Function, error) {
	for _, f := range s.day.services.hosted {
		if f.Name != name {
			continue
		}
		f.Environment = maps.Clone(f.Environment)
		var limit int
		if _, err := fmt.Sscanf(f.Environment[goMemoryLimit], "%dMiB", &limit); err == nil {
			f.Environment[goMemoryLimit] = fmt.Sprintf("%dMiB", limit*memoryMB/f.MemoryMB)
		}
		f.MemoryMB, f.CPUShare = memoryMB, lambdahost.ShareOf(memoryMB)
		return f, nil
	}
	return lambdahost.Function{}, fmt.Errorf("function %q: %w", name, lambdahost.ErrNoFunction)
}

// goMemoryLimit is the variable by which the Go runtime is told how much memory it may hold.
// https://pkg.go.dev/runtime#hdr-Environment_Variables
const goMemoryLimit = "GOMEMLIMIT"

// delay is how much longer answers take.
type delay struct{ nanoseconds atomic.Int64 }

func (d *delay) set(by time.Duration) { d.nanoseconds.Store(int64(by)) }

// wait waits until an answer may be given, or nobody waits for it any more.
func (d *delay) wait(ctx context.Context) {
	by := time.Duration(d.nanoseconds.Load())
	if by <= 0 {
		return
	}
	over := time.NewTimer(by)
	defer over.Stop()
	select {
	case <-over.C:
	case <-ctx.Done():
	}
}

func (d *delay) before(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.wait(r.Context())
		h.ServeHTTP(w, r)
	})
}
