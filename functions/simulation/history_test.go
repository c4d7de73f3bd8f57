package simulation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/preprocess"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// setting is what all histories of a test share: the tests of the harness itself bend the protocol with it.
type setting struct {
	tempDir string
	// s3 and vendor stand between the handlers and the models. Nil changes nothing.
	s3     func(objectstore.API) objectstore.API
	vendor func(ingest.Vendor) ingest.Vendor
	// s3Faults and vendorFaults are the kinds drawn from. Nil means all.
	s3Faults, vendorFaults []string
	// ticks is the most that a history has. Zero means 6.
	ticks int
	// dialect settles what is else drawn, where it is not nil.
	dialect func(*dialect)
}

// history is one run of a drawn world through its ticks.
type history struct {
	setting
	rt      *rapid.T
	world   *world
	store   *objectstoretest.Store
	api     objectstore.API
	current deployment
	genesis time.Time
	timeout time.Duration
	latency time.Duration
	part    int64
	page    int

	invocations int
	faults      map[string]int
	now         time.Time // the newest scheduled time
	ended       time.Time
}

// newHistory draws a world and a deployment. The clock stands at the bubble's beginning, a midnight.
func newHistory(rt *rapid.T, s setting) (h *history, interval time.Duration, ticks int) {
	h = &history{setting: s, rt: rt, store: objectstoretest.New(), faults: map[string]int{}}
	h.store.Now = time.Now
	h.api = h.store
	if s.s3 != nil {
		h.api = s.s3(h.store)
	}
	d := dialect{
		moving:    rapid.Bool().Draw(rt, "moving"),
		counted:   rapid.IntRange(0, 3).Draw(rt, "uncounted") < 3,
		inclusive: rapid.Bool().Draw(rt, "inclusive"),
		unknown:   rapid.IntRange(0, 4).Draw(rt, "unknown") == 4,
		numbers:   rapid.Bool().Draw(rt, "numbers"),
		first:     rapid.IntRange(0, 1).Draw(rt, "first"),
		settle:    rapid.SampledFrom([]time.Duration{0, time.Minute, 5 * time.Minute}).Draw(rt, "settle"),
	}
	if s.dialect != nil {
		s.dialect(&d)
	}
	h.current = deployment{pageSize: rapid.IntRange(1, 40).Draw(rt, "pageSize")}
	h.timeout = time.Duration(rapid.IntRange(6, 200).Draw(rt, "timeout")) * time.Second
	h.latency = time.Duration(rapid.IntRange(5, 100).Draw(rt, "latency")) * time.Millisecond
	h.part = int64(rapid.IntRange(1, 3000).Draw(rt, "partBytes"))
	h.store.PageSize = rapid.IntRange(1, 20).Draw(rt, "listing")
	interval = rapid.SampledFrom([]time.Duration{5 * time.Minute, 30 * time.Minute, 3 * time.Hour, 13 * time.Hour}).Draw(rt, "interval")
	ticks = rapid.IntRange(1, cmp.Or(s.ticks, 6)).Draw(rt, "ticks")

	begin := time.Now().UTC()
	span := time.Duration(ticks) * interval
	genesisBefore := time.Duration(rapid.IntRange(1, 24).Draw(rt, "genesis")) * time.Hour
	if rapid.Bool().Draw(rt, "genesisSet") {
		h.genesis = begin.Add(-genesisBefore)
	}
	h.world = newWorld(rt, d, begin.Add(-genesisBefore), begin.Add(span))
	return h, interval, ticks
}

// newWorld draws the records of a vendor over [from, to): some anywhere, bursts within a second.
func newWorld(rt *rapid.T, d dialect, from, to time.Time) *world {
	w := &world{dialect: d, asked: map[int64][2]time.Time{}, random: rand.New(rand.NewPCG(1, rapid.Uint64().Draw(rt, "world")))}
	late := func(at time.Time) time.Time {
		if d.settle == 0 {
			return at
		}
		return at.Add(time.Duration(w.random.Int64N(int64(d.settle)))).Truncate(time.Millisecond)
	}
	between := func(from, to time.Time) time.Time {
		return from.Add(time.Duration(w.random.Int64N(int64(to.Sub(from))))).Truncate(time.Millisecond)
	}
	put := func(at time.Time) {
		w.add(at, late(at))
		for d.moving && w.random.IntN(4) == 0 {
			if at = between(at.Add(time.Millisecond), to.Add(time.Hour)); !at.Before(to) {
				break
			}
			w.move(len(w.records)-1, version{at, late(at)})
		}
	}
	for range rapid.IntRange(0, 80).Draw(rt, "records") {
		put(between(from, to))
	}
	for range rapid.IntRange(0, 2).Draw(rt, "bursts") {
		second := between(from, to).Truncate(time.Second)
		for range rapid.IntRange(20, 400).Draw(rt, "burst") {
			put(second.Add(time.Duration(w.random.IntN(1000)) * time.Millisecond))
		}
	}
	return w
}

// play runs the ticks with their faults, and then one without any to its end.
func (h *history) play(interval time.Duration, ticks int) error {
	begin := time.Now().UTC()
	for tick := range ticks {
		scheduled := begin.Add(time.Duration(tick) * interval)
		time.Sleep(time.Until(scheduled))
		// A run that lasted over the tick makes it late; the scheduled time stays.
		h.redeploy()
		switch rapid.IntRange(0, 9).Draw(h.rt, "tick") {
		case 9:
			h.faults[tickMissed]++
			continue
		case 8:
			h.faults[tickDoubled]++
			if err := h.execution(scheduled, true, false); err != nil {
				return err
			}
		}
		if err := h.execution(scheduled, true, false); err != nil {
			return err
		}
	}
	scheduled := begin.Add(time.Duration(ticks) * interval)
	time.Sleep(time.Until(scheduled))
	err := h.execution(scheduled, false, false)
	h.ended = time.Now()
	return err
}

func (h *history) redeploy() {
	switch rapid.IntRange(0, 7).Draw(h.rt, "deployment") {
	case 6:
		h.faults[sizeChanged]++
		h.current.pageSize = rapid.IntRange(1, 40).Draw(h.rt, "pageSize")
	case 7:
		h.faults[columnChanged]++
		h.current.wide = !h.current.wide
	}
}

// rivals plays what another execution does while a request of this one is under way: a duplicate of the tick,
// or a run that a person starts now, perhaps of another release.
func (h *history) rivals(rt *rapid.T) {
	h.redeploy()
	now := h.now
	if rapid.IntRange(0, 2).Draw(rt, "person") > 0 {
		now = time.Now().UTC().Truncate(time.Second)
	}
	if err := h.execution(now, true, true); err != nil {
		rt.Fatal(err)
	}
}

// longest is the number of rounds after which an execution is taken never to end.
const longest = 400

// execution plays the state machine for one scheduled time: Ingest and Preprocess, and again while there is
// more. Where there are no faults neither may fail.
func (h *history) execution(now time.Time, faulty, nested bool) error {
	if now.After(h.now) {
		h.now = now
	}
	for round := 1; ; round++ {
		// Faults strike in the first rounds; what a zombie's run does is short.
		faulty := faulty && round <= 3
		running := h.current
		ingested, struck, ingestErr := h.ingest(now, running, faulty, nested)
		if ingestErr != nil && !struck && !excused(ingestErr) {
			return fmt.Errorf("ingest failed without a fault: %w", ingestErr)
		}
		preprocessed, struck, preprocessErr := h.preprocess(now, running, h.process(faulty, nested, false))
		if preprocessErr != nil && !struck {
			return fmt.Errorf("preprocess failed without a fault: %w", preprocessErr)
		}
		again := ingested.More || preprocessed.More
		switch {
		case ingestErr != nil || preprocessErr != nil:
			if faulty {
				return nil
			}
			again = true
		case nested && round == 2:
			return nil
		}
		if !again {
			return nil
		}
		if round == longest {
			return fmt.Errorf("an execution for %s has more to do after %d rounds: %v, %v", now, longest, ingestErr, preprocessErr)
		}
	}
}

// excused says that ingest may end so without a fault: an invocation's time may be too short for anything,
// and records may move by just a page.
func excused(err error) bool {
	return errors.Is(err, vendorapi.ErrDeadline) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, vendorapi.ErrRepeated) ||
		strings.Contains(err.Error(), "time ran out")
}

func (h *history) process(faulty, nested bool, asks bool) *process {
	p := &process{history: h, next: h.api, latency: h.latency, nested: nested}
	if !faulty {
		return p
	}
	s3Kinds, vendorKinds := s3Faults, vendorFaults
	if h.setting.s3Faults != nil {
		s3Kinds, vendorKinds = h.setting.s3Faults, h.setting.vendorFaults
	}
	p.s3Faults = plan(h.rt, s3Kinds, 3, 12)
	if asks {
		p.askFaults = plan(h.rt, vendorKinds, 3, 12)
	}
	return p
}

func (h *history) zone(p *process) rawzone.Zone {
	return rawzone.Zone{Bucket: objectstore.Bucket{API: p, Name: "raw"}, Vendor: "model", Stream: "visits"}
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError + 1}))

func (h *history) ingest(now time.Time, d deployment, faulty, nested bool) (ingest.Answer, bool, error) {
	h.invocations++
	name := fmt.Sprintf("run%d", h.invocations)
	p := h.process(faulty, nested, true)
	described := h.world.describe(d)
	client, err := vendorapi.NewClient(described, "visits", nil, vendorapi.Options{
		Transport: p, Now: time.Now, Sleep: pause, Random: func() float64 { return 0.5 }, Logger: quiet,
	})
	if err != nil {
		return ingest.Answer{}, false, err
	}
	var vendor ingest.Vendor = client
	if h.vendor != nil {
		vendor = h.vendor(client)
	}
	ctx, cancel := context.WithTimeout(context.Background(), h.timeout)
	defer cancel()
	answer, err := ingest.Run(ctx, ingest.Config{
		Stream: &described.Streams[0], Vendor: vendor, Zone: h.zone(p), Run: name,
		Genesis: h.genesis, PartBytes: h.part, SafetyMargin: h.timeout / 5, DefaultRate: 50,
		Clock: time.Now, Logger: quiet,
	}, now)
	return answer, p.struck > 0, err
}

func (h *history) preprocess(now time.Time, d deployment, p *process) (preprocess.Answer, bool, error) {
	described := h.world.describe(d)
	ctx, cancel := context.WithTimeout(context.Background(), h.timeout)
	defer cancel()
	answer, err := preprocess.Run(ctx, preprocess.Config{
		Stream: &described.Streams[0], Raw: h.zone(p), Curated: objectstore.Bucket{API: p, Name: "curated"},
		TempDir: h.tempDir, SafetyMargin: h.timeout / 5, Clock: time.Now, Logger: quiet,
	}, now)
	return answer, p.struck > 0, err
}
