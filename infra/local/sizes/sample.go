package sizes

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/windrow-data/windrow/infra/local/play"
)

// kind is what invocations have in common that take about as long: the function's handler and stream, whether it was started for
// the invocation, and the order of magnitude of its work.
type kind struct {
	handler, stream string
	warm            bool
	// magnitude m holds work from base^(m-1) up to base^m, and 0 no work.
	magnitude int
}

// bases are how much more work a next magnitude is of: of the vendor's requests, each of which takes its time, and of rows, which
// have little part in it.
var bases = map[string]int64{ingest: 4, preprocess: 16}

// The kinds of handlers, as package play tells them.
const (
	ingest     = "ingest"
	preprocess = "preprocess"
)

// workOf is the work that a handler's answer tells of: an ingest's requests to the vendor, a preprocess's rows.
func workOf(handler string, answer []byte) int64 {
	var told struct {
		Requests int64 `json:"requests"`
		Rows     int64 `json:"rows"`
	}
	if json.Unmarshal(answer, &told) != nil {
		return 0
	}
	if handler == ingest {
		return told.Requests
	}
	return told.Rows
}

// amount tells work in words.
func amount(handler string, work int64) string {
	if handler == ingest {
		return fmt.Sprintf("%d requests", work)
	}
	return fmt.Sprintf("%d rows", work)
}

func kindOf(i *play.Invocation) kind {
	k := kind{handler: i.Handler, stream: i.Stream, warm: i.Warm}
	for work := workOf(i.Handler, i.Result.Payload); work > 0; work /= bases[i.Handler] {
		k.magnitude++
	}
	return k
}

// sample keeps invocations of a day: the busiest of each handler, and of each kind as many as told, any of them with equal
// chance (https://en.wikipedia.org/wiki/Reservoir_sampling), however many there turn out to be.
type sample struct {
	size    int
	random  *rand.Rand
	kinds   map[kind]*reservoir
	busiest map[string]*play.Invocation // by handler
}

type reservoir struct {
	seen int
	kept []*play.Invocation
}

// newSample returns a sample with size invocations of a kind; what is drawn follows from the seed.
func newSample(size int, seed uint64) *sample {
	return &sample{size: size, random: rand.New(rand.NewPCG(seed, 0)), kinds: map[kind]*reservoir{}, busiest: map[string]*play.Invocation{}}
}

func (s *sample) add(i *play.Invocation) error {
	busiest := s.busiest[i.Handler]
	if busiest == nil || workOf(i.Handler, i.Result.Payload) > workOf(i.Handler, busiest.Result.Payload) {
		s.busiest[i.Handler] = i
		i = busiest
	}
	if i == nil {
		return nil
	}
	k := kindOf(i)
	if s.kinds[k] == nil {
		s.kinds[k] = &reservoir{}
	}
	r := s.kinds[k]
	r.seen++
	if len(r.kept) < s.size {
		r.kept = append(r.kept, i)
		return nil
	}
	if at := s.random.IntN(r.seen); at < s.size {
		r.kept[at], i = i, r.kept[at]
	}
	return i.Forget()
}

// kept are the invocations of the sample, in the order of the day.
func (s *sample) kept() []*play.Invocation {
	var all []*play.Invocation
	for _, r := range s.kinds {
		all = append(all, r.kept...)
	}
	for _, i := range s.busiest {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b *play.Invocation) int {
		return cmp.Or(a.Tick.Compare(b.Tick), cmp.Compare(a.Handler, b.Handler), cmp.Compare(a.Stream, b.Stream), cmp.Compare(string(a.Payload), string(b.Payload)))
	})
	return all
}

// standsFor is how many invocations of the day an invocation of the sample stands for.
func (s *sample) standsFor(i *play.Invocation) float64 {
	if s.busiest[i.Handler] == i {
		return 1
	}
	r := s.kinds[kindOf(i)]
	return float64(r.seen) / float64(len(r.kept))
}
