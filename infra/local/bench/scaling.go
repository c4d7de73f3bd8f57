package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/windrow-data/windrow/functions/window"
)

const (
	// tenfold is how much longer each window is than the one before, in records and in days.
	tenfold = 10
	// mostGrowth is how much more ten times the records may cost.
	mostGrowth = 10.5
	// growthPairs is how often the two shorter windows are measured.
	growthPairs = 7
	// mostFilled is by how many MB the peak of memory may be higher of a window of ten times the length: what a handler holds at most
	// of a part (8 MB) and of keys (16 MB) is less where a window is too short to fill it. From some 1,000,000 records on both are full.
	mostFilled = 24
	// mostFull is how much more memory twice as many records may take from there on: the collector does not run at the same moments
	// twice.
	mostFull = 1.1
)

// scale is one length of the window, and what handlers have taken for it.
type scale struct {
	times, records int
	source         *source
	raw            string
	works          map[string][]work
	vendor         []float64
}

func (s *scale) cpu(handler string) (seconds []float64) {
	for _, w := range s.works[handler] {
		seconds = append(seconds, w.cpu.Seconds())
	}
	return seconds
}

func (s *scale) requests(handler string) (counts []float64) {
	for _, w := range s.works[handler] {
		counts = append(counts, float64(w.requests))
	}
	return counts
}

func (s *scale) peak(handler string) (most float64) {
	for _, w := range s.works[handler] {
		most = max(most, float64(w.peak)/(1<<20))
	}
	return most
}

// scaling reads windows of a day, of ten and of a hundred, with as many records on each day, and makes curated objects of them.
func (b *bench) scaling(ctx context.Context) (err error) {
	largest := b.options.Records
	if b.options.Quick {
		// What a hundredth of a quick run's records costs would be lost in what an invocation costs.
		largest *= tenfold
	}
	scales := make([]*scale, 3)
	for i := range scales {
		times := 1
		for range i {
			times *= tenfold
		}
		s := &scale{times: times, records: largest / 100 * times, works: map[string][]work{}}
		if s.source, err = b.source(s.records, times); err != nil {
			return err
		}
		defer s.source.Close()
		scales[i] = s
	}
	asset, err := b.rig.asset(handlerPreprocess, scales[0].source.description())
	if err != nil {
		return err
	}
	small, middle, large := scales[0], scales[1], scales[2]
	longPairs := growthPairs / 2
	if b.options.Quick {
		longPairs = 1
	}
	for pair := range growthPairs {
		turn := []*scale{small, middle}
		if pair < longPairs {
			turn = append(turn, large)
		}
		for _, s := range turn {
			if err := b.scaled(ctx, s, asset); err != nil {
				return err
			}
		}
	}
	for _, handler := range []string{handlerIngest, handlerPreprocess} {
		b.tellGrowth(handler, small, middle, ratios(middle.cpu(handler), small.cpu(handler)))
		b.tellGrowth(handler, middle, large, ratios(large.cpu(handler), middle.cpu(handler)))
		b.add(Figure{Name: fmt.Sprintf("%s, peak memory of %d records", handler, small.records), Value: small.peak(handler), Unit: "MB", Bound: atMost(mostPeakMB)})
	}
	for _, pair := range [][2]*scale{{small, middle}, {middle, large}} {
		b.add(Figure{Name: fmt.Sprintf("requests to the vendor, %d over %d days", pair[1].times, pair[0].times),
			Value: median(pair[1].vendor) / median(pair[0].vendor), Bound: atMost(mostGrowth)})
	}
	if b.options.Quick || largest < DefaultRecords {
		return nil
	}
	return b.doubled(ctx, large, asset)
}

// doubled has a window of twice the largest read and curated, which must take no more memory.
func (b *bench) doubled(ctx context.Context, large *scale, asset string) (err error) {
	twice := &scale{times: 2 * large.times, records: 2 * large.records, works: map[string][]work{}}
	if twice.source, err = b.source(twice.records, twice.times); err != nil {
		return err
	}
	defer twice.source.Close()
	if err := b.scaled(ctx, twice, asset); err != nil {
		return err
	}
	for _, handler := range []string{handlerIngest, handlerPreprocess} {
		b.add(Figure{Name: fmt.Sprintf("%s, peak memory of %d over %d records", handler, twice.records, large.records),
			Value: twice.peak(handler) / large.peak(handler), Bound: atMost(mostFull)})
		b.add(Figure{Name: fmt.Sprintf("%s, peak memory of %d records", handler, twice.records), Value: twice.peak(handler), Unit: "MB", Bound: atMost(mostPeakMB)})
	}
	return nil
}

// ratios divides pair by pair, as many as there are of the first.
func ratios(above, below []float64) (all []float64) {
	for i := range above {
		all = append(all, above[i]/below[i])
	}
	return all
}

// tellGrowth adds what a window costs in comparison with one of a tenth of its length.
func (b *bench) tellGrowth(handler string, short, long *scale, cpu []float64) {
	over := fmt.Sprintf("%d over %d records", long.records, short.records)
	b.add(Figure{Name: handler + ", CPU of " + over, Value: median(cpu), Bound: atMost(mostGrowth), Samples: cpu})
	b.add(Figure{Name: handler + ", requests to S3 of " + over, Value: median(long.requests(handler)) / median(short.requests(handler)), Bound: atMost(mostGrowth)})
	b.add(Figure{Name: fmt.Sprintf("%s, peak memory of %d records", handler, long.records), Value: long.peak(handler), Unit: "MB", Bound: atMost(mostPeakMB)})
	b.add(Figure{Name: fmt.Sprintf("%s, more memory at the peak, %s", handler, over), Value: long.peak(handler) - short.peak(handler), Unit: "MB", Bound: atMost(mostFilled),
		Note: "what a handler holds at most of a part (8 MB) and of keys (16 MB) is full from some 1,000,000 records on; a full run reads twice as many and bounds what that takes more"})
}

// scaled has the window read and curated once.
func (b *bench) scaled(ctx context.Context, s *scale, asset string) (err error) {
	raw, w, err := s.source.read(ctx, b.rig)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.rig.drop(raw)) }()
	s.works[handlerIngest] = append(s.works[handlerIngest], w)
	s.vendor = append(s.vendor, float64(s.source.requests.Load()))
	w, err = b.curate(ctx, raw, asset, s.source.window)
	s.works[handlerPreprocess] = append(s.works[handlerPreprocess], w)
	return err
}

// curate has preprocess make the curated objects of a raw bucket, in a bucket that is removed again.
func (b *bench) curate(ctx context.Context, raw, asset string, w window.Window) (done work, err error) {
	bucket, err := b.rig.bucket(ctx)
	if err != nil {
		return done, err
	}
	done, err = b.rig.once(ctx, job{handler: handlerPreprocess, asset: asset, raw: raw, curated: bucket, stream: stream}, w.End.Add(settle))
	return done, errors.Join(err, b.rig.drop(bucket))
}
