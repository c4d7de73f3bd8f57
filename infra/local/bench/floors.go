package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/window"
)

// The bounds.
const (
	mostIngest     = 1.6
	mostPreprocess = 2.0
	// mostFloor is how much more than the sum of its steps, each alone, a floor may cost: one that costs more is no floor.
	mostFloor  = 1.2
	leastRate  = 10_000
	mostPeakMB = 64
)

// settle is how long after the end of the window the run stands that reads it.
const settle = 15 * time.Minute

// firstDay is where what the vendor holds begins.
var firstDay = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// held is an attendance of so many records in so many days.
func (b *bench) held(records, days int) attendance {
	return attendance{templates: b.templates, from: firstDay, perDay: max(records/days, 1), total: records}
}

// compared is how many records a handler and its floor are compared over. A quick run has three times its records: of fewer, what an
// invocation costs whatever it reads would be a large part.
func (b *bench) compared() int {
	if b.options.Quick {
		return 3 * b.options.Records
	}
	return b.options.Records
}

// pairs is how often the two sides of a ratio are measured, at least.
func (b *bench) pairs() int {
	if b.options.Quick {
		return 5
	}
	return 7
}

// patience is how many times as many pairs are taken, before a bound is judged, where those taken break it: what a busy machine does to a
// few pairs goes with more of them, what a handler has become stays.
const patience = 3

// again reports whether another pair is to be taken.
func (b *bench) again(a *against, most float64) bool {
	taken := len(a.ratios)
	return taken < b.pairs() || taken < patience*b.pairs() && (median(a.ratios) > most || median(a.sums) > mostFloor)
}

// against collects what a handler and its floor have taken, pair by pair.
type against struct {
	ratios, floors, sums, rates, peaks []float64
	steps                              map[string][]float64
	recordBytes, outBytes              float64
}

// take measures the floor, its steps, and then the handler.
func (a *against) take(ctx context.Context, floor step, alone []string, handler func() (work, error)) error {
	whole, err := runStep(ctx, floor)
	if err != nil {
		return err
	}
	sum := 0.0
	for _, name := range alone {
		s := floor
		s.Name = name
		result, err := runStep(ctx, s)
		if err != nil {
			return err
		}
		sum += result.CPU.Seconds()
		if a.steps == nil {
			a.steps = map[string][]float64{}
		}
		a.steps[name] = append(a.steps[name], perRecord(result.CPU, whole.Records))
	}
	w, err := handler()
	if err != nil {
		return err
	}
	a.ratios = append(a.ratios, w.cpu.Seconds()/whole.CPU.Seconds())
	a.floors = append(a.floors, perRecord(whole.CPU, whole.Records))
	a.sums = append(a.sums, whole.CPU.Seconds()/sum)
	a.rates = append(a.rates, float64(whole.Records)/w.cpu.Seconds())
	a.peaks = append(a.peaks, float64(w.peak)/(1<<20))
	a.recordBytes = float64(whole.Bytes) / float64(whole.Records)
	a.outBytes = float64(whole.Out) / float64(whole.Records)
	return nil
}

// perRecord is a time in microseconds a record.
func perRecord(cpu time.Duration, records int64) float64 {
	return cpu.Seconds() * 1e6 / float64(records)
}

// tell adds the figures.
func (a *against) tell(r *Report, handler string, alone []string, most float64) {
	r.add(Figure{Name: handler + " over its floor, CPU", Value: median(a.ratios), Bound: atMost(most), Samples: a.ratios})
	r.add(Figure{Name: "floor over the sum of its steps alone", Value: median(a.sums), Bound: atMost(mostFloor), Samples: a.sums})
	r.add(Figure{Name: "floor", Value: median(a.floors), Unit: "us a record", Samples: a.floors,
		Note: fmt.Sprintf("a record has %.0f bytes, and %.0f when the floor is through with it", a.recordBytes, a.outBytes)})
	for _, name := range alone {
		r.add(Figure{Name: "step " + name + " alone", Value: median(a.steps[name]), Unit: "us a record", Samples: a.steps[name]})
	}
	r.add(Figure{Name: "on one core", Value: median(a.rates), Unit: "records/s", Bound: atLeast(leastRate), Samples: a.rates})
	r.add(Figure{Name: "peak memory", Value: maximum(a.peaks), Unit: "MB", Bound: atMost(mostPeakMB), Samples: a.peaks,
		Note: "VmHWM of the process, MB of 2^20 bytes, Go's memory limit as the function sets it"})
}

func maximum(values []float64) float64 {
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	return most
}

// source is a vendor with one window to read, and the function that reads it.
type source struct {
	*vendorServer
	window window.Window
	asset  string
}

// source makes a vendor that holds records in a window of days.
func (b *bench) source(records, days int) (*source, error) {
	v, err := serveVendor(b.held(records, days), 0)
	if err != nil {
		return nil, err
	}
	s := &source{vendorServer: v, window: window.Window{Start: v.from, End: v.until()}}
	if s.asset, err = b.rig.asset(handlerIngest, v.description()); err != nil {
		v.Close()
		return nil, err
	}
	return s, nil
}

// now is the scheduled time of the run that reads the window, and nothing else.
func (s *source) now() time.Time { return s.window.End.Add(settle) }

// read has the handler read the window into a bucket of its own.
func (s *source) read(ctx context.Context, r *rig) (bucket string, w work, err error) {
	if bucket, err = r.bucket(ctx); err != nil {
		return "", w, err
	}
	s.reset()
	w, err = r.once(ctx, s.job(bucket), s.now())
	return bucket, w, err
}

// job is the function that reads the window into a bucket.
func (s *source) job(bucket string) job {
	return job{handler: handlerIngest, asset: s.asset, raw: bucket, genesis: s.window.Start, stream: stream}
}

// ingest compares the ingest handler with its floor.
func (b *bench) ingest(ctx context.Context) (err error) {
	s, err := b.source(b.compared(), 100)
	if err != nil {
		return err
	}
	defer s.Close()
	asked := s.pagesOf(s.window)
	alone := []string{stepRead, stepScan, stepCompress}
	var a against
	for b.again(&a, mostIngest) {
		err := a.take(ctx, step{Name: stepIngest, Pages: &asked}, alone, func() (w work, err error) {
			bucket, w, err := s.read(ctx, b.rig)
			return w, errors.Join(err, s.checkRead(asked), b.rig.drop(bucket))
		})
		if err != nil {
			return err
		}
	}
	a.tell(b.Report, handlerIngest, alone, mostIngest)
	return nil
}

// checkRead fails where the handler has not read what the floor reads.
func (s *source) checkRead(asked pages) error {
	if got := s.requests.Load(); got != int64(asked.Count) {
		return fmt.Errorf("the handler has asked for %d pages and its floor for %d: they do not do the same work", got, asked.Count)
	}
	return nil
}

// preprocess compares the preprocess handler with its floor.
func (b *bench) preprocess(ctx context.Context) error {
	s, err := b.source(b.compared(), 100)
	if err != nil {
		return err
	}
	defer s.Close()
	raw, _, err := s.read(ctx, b.rig)
	if err != nil {
		return err
	}
	defer b.rig.drop(raw)
	objects, err := b.rig.committed(raw, on24.Name)
	if err != nil {
		return err
	}
	asset, err := b.rig.asset(handlerPreprocess, s.description())
	if err != nil {
		return err
	}
	dir := filepath.Join(b.rig.dir, "floor")
	alone := []string{stepGunzip, stepTokenize, stepWrite}
	var a against
	for b.again(&a, mostPreprocess) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		err := a.take(ctx, step{Name: stepPreprocess, Objects: objects, Dir: dir}, alone, func() (work, error) {
			return b.curate(ctx, raw, asset, s.window)
		})
		if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
			return err
		}
	}
	a.tell(b.Report, handlerPreprocess, alone, mostPreprocess)
	return nil
}
