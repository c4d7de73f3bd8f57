package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/windrow-data/windrow/infra/local/lambdahost"
)

// leastSmall is how many records a second each handler manages in a Lambda of [memoryMB].
var leastSmall = map[string]float64{handlerIngest: 10_000, handlerPreprocess: 8_000}

// small has both handlers work with the share of a processor that their memory gives them on Lambda. What they wait for is S3
// and the vendor on this machine, which are fast: what is measured is what the handlers themselves allow.
func (b *bench) small(ctx context.Context) (err error) {
	s, err := b.source(b.options.Records, 100)
	if err != nil {
		return err
	}
	defer s.Close()
	asset, err := b.rig.asset(handlerPreprocess, s.description())
	if err != nil {
		return err
	}
	raw, err := b.rig.bucket(ctx)
	if err != nil {
		return err
	}
	curated, err := b.rig.bucket(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.rig.drop(raw), b.rig.drop(curated)) }()
	reads := s.job(raw)
	curates := job{handler: handlerPreprocess, asset: asset, raw: raw, curated: curated, stream: stream}
	for _, j := range []job{reads, curates} {
		j.share = lambdahost.ShareOf(memoryMB)
		w, err := b.rig.once(ctx, j, s.now())
		if err != nil {
			return err
		}
		took := w.stats.Billed - w.stats.Initialization
		b.add(Figure{Name: fmt.Sprintf("%s in %d MB", j.handler, memoryMB), Value: float64(b.options.Records) / took.Seconds(), Unit: "records/s",
			Bound: atLeast(leastSmall[j.handler]), Note: fmt.Sprintf("%.3f of a processor, in steps of 20 ms, of all threads together", j.share)})
		b.add(Figure{Name: fmt.Sprintf("%s in %d MB, peak memory", j.handler, memoryMB), Value: float64(w.peak) / (1 << 20), Unit: "MB", Bound: atMost(mostPeakMB)})
	}
	return nil
}
