package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/pricing"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
)

const (
	// mostIdleRequests is how many requests to S3 a run of both handlers makes for a stream of which there is nothing new.
	mostIdleRequests = 8
	// tickEvery is how often the schedule runs by default.
	tickEvery  = 30 * time.Minute
	ticksADay  = int(24 * time.Hour / tickEvery)
	idleBucket = "idle"
	// restless is how many days of runs it takes after which every window of the lookback has been met by them, and what is done
	// once a day or once in a log has been done: longer than the longest lookback, three days, and the day after it.
	restless = 5
)

// oldDay is the day of a log that is old, the first day being day 1.
const oldDay = 3650

// idle plays days on which the vendor has nothing new, tick by tick, and tells what a run takes for a stream: on the day on which
// a stream's log begins, and ten years later.
func (b *bench) idle(ctx context.Context) error {
	server, address, err := b.silentVendor()
	if err != nil {
		return err
	}
	described := on24.Vendor(clientID, func(d *vendorapi.Vendor) {
		d.BaseURL, d.AllowPrivate = address, true
		for i := range d.Streams {
			d.Streams[i].RateLimit = vendorapi.RateLimit{} // What is waited for a limit is worked out, not waited for.
		}
	})
	assets := map[string]string{}
	for _, handler := range []string{handlerIngest, handlerPreprocess} {
		if assets[handler], err = b.rig.asset(handler, described); err != nil {
			return err
		}
	}
	for i := range described.Streams {
		s := &described.Streams[i]
		if b.options.Quick && s.Name != stream && s.Name != "questions" {
			continue
		}
		for _, day := range []int{1, oldDay} {
			i := &idling{bench: b, stream: s, vendor: server, assets: assets, day: day}
			if err := i.play(ctx); err != nil {
				return fmt.Errorf("stream %s, day %d: %w", s.Name, day, err)
			}
			i.tell()
		}
	}
	return nil
}

// silentVendor is an ON24 that has had nothing since long ago.
func (b *bench) silentVendor() (*vendortest.Server, string, error) {
	described := on24.Vendor(clientID)
	long := firstDay.AddDate(-20, 0, 0)
	world, err := vendortest.Generate(described, vendortest.Size{Seed: 1, From: long, Until: long.Add(time.Hour), Attendees: 1})
	if err != nil {
		return nil, "", err
	}
	server := vendortest.NewServer(described, world, map[string]string{on24.AccessTokenKey: "bench", on24.AccessTokenSecret: "bench"}, vendortest.ServerOptions{Now: firstDay})
	address, err := b.rig.serve(server)
	return server, address + "/v2", err
}

// idling is the idleness of a stream on a day of its log.
type idling struct {
	*bench
	stream *vendorapi.Stream
	vendor *vendortest.Server
	assets map[string]string
	day    int

	runs []idleRun
}

// idleRun is what one run of both handlers has taken.
type idleRun struct {
	store, writes, reads, vendor float64
	cpu, billed                  time.Duration
}

// play makes the log and plays the day.
func (i *idling) play(ctx context.Context) (err error) {
	store := newMemoryStore()
	address, err := i.rig.serve(store)
	if err != nil {
		return err
	}
	today := firstDay.Add(settle)
	genesis := today.AddDate(0, 0, -(i.day - 1)).Add(-tickEvery)
	begin := today
	if i.day > restless {
		// The last days are played, so that the audit and the mark are what handlers leave.
		begin = today.AddDate(0, 0, -restless)
		if err := pastLog(ctx, store, i.stream, genesis, begin); err != nil {
			return err
		}
	}
	var sandboxes []*sandbox
	for _, handler := range []string{handlerIngest, handlerPreprocess} {
		s, err := i.rig.host(job{
			handler: handler, asset: i.assets[handler], raw: idleBucket, curated: idleBucket, genesis: genesis, stream: i.stream.Name, store: address,
		})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		sandboxes = append(sandboxes, s)
	}
	for tick := begin; tick.Before(today.AddDate(0, 0, 1)); tick = tick.Add(tickEvery) {
		i.vendor.SetNow(tick)
		run, err := i.run(ctx, sandboxes, store, tick)
		if err != nil {
			return err
		}
		if tick.Equal(begin) {
			if err := outliveClaim(store, i.stream.Name); err != nil {
				return err
			}
		}
		// The first run of all makes the log.
		if tick.After(begin) && !tick.Before(today) {
			i.runs = append(i.runs, run)
		}
	}
	return nil
}

func (i *idling) run(ctx context.Context, sandboxes []*sandbox, store *memoryStore, tick time.Time) (run idleRun, err error) {
	total, writes, reads := store.requests(), store.writes.Load(), store.reads.Load()
	asked := i.vendor.Stats().Streams[i.stream.Name].Requests
	for _, s := range sandboxes {
		before := s.stats()
		if err := s.invoke(ctx, tick); err != nil {
			return run, err
		}
		after := s.stats()
		run.cpu += after.CPU - before.CPU
		run.billed += after.Billed - before.Billed
	}
	run.store = float64(store.requests() - total)
	run.writes, run.reads = float64(store.writes.Load()-writes), float64(store.reads.Load()-reads)
	run.vendor = float64(i.vendor.Stats().Streams[i.stream.Name].Requests - asked)
	return run, nil
}

// pastLog puts a log of windows without records, one a tick from genesis until a time, and the receipts that preprocess leaves
// for them.
func pastLog(ctx context.Context, store *memoryStore, s *vendorapi.Stream, genesis, until time.Time) error {
	table, err := curated.NewTable(s)
	if err != nil {
		return err
	}
	zone := rawzone.Zone{Bucket: objectstore.Bucket{API: store, Name: idleBucket}, Vendor: on24.Name, Stream: s.Name}
	names := curated.Names{Vendor: on24.Name, Stream: s.Name}
	if _, err := zone.Genesis(ctx, rawzone.Genesis{Start: genesis, Run: "bench", WrittenAt: genesis}); err != nil {
		return err
	}
	var receipts []string
	end := until.Add(-s.Settle.D())
	for start := genesis; start.Before(end); start = start.Add(tickEvery) {
		commit := rawzone.Commit{
			Start: start, End: start.Add(tickEvery), Generation: 1, Attempt: 1, Pages: 1, Settled: true, Run: "bench",
			ReadAt: start.Add(tickEvery + s.Settle.D()), WrittenAt: start.Add(tickEvery + s.Settle.D()), Digest: "0000000000000000",
		}
		if commit.End.After(end) {
			commit.End = end
		}
		if s.Total == (vendorapi.Total{}) {
			commit.Announced = -1
		}
		etag, err := zone.Put(ctx, &commit, "")
		if err != nil {
			return err
		}
		receipts = append(receipts, names.Receipt(rawzone.FormatTime(start), etag, table.Hash()))
	}
	for _, key := range receipts {
		store.Set(idleBucket, key, nil)
	}
	store.ResetCalls()
	return nil
}

// outliveClaim has the first quarter of an hour pass in which preprocess does not move a mark that it has just claimed, since
// another run may be at work: it goes by the machine's clock, and days are played in seconds here.
func outliveClaim(store *memoryStore, stream string) error {
	key := curated.Names{Vendor: on24.Name, Stream: stream}.Mark()
	body, found := store.Body(idleBucket, key)
	if !found {
		return nil
	}
	var mark map[string]any
	if err := json.Unmarshal(body, &mark); err != nil {
		return err
	}
	delete(mark, "claimed")
	body, err := json.Marshal(mark)
	store.Set(idleBucket, key, body)
	return err
}

// tell adds the figures.
func (i *idling) tell() {
	of := func(value func(idleRun) float64) (values []float64) {
		for _, run := range i.runs {
			values = append(values, value(run))
		}
		return values
	}
	title := func(what string) string { return fmt.Sprintf("%s, day %d, %s", i.stream.Name, i.day, what) }
	store, vendor := of(func(r idleRun) float64 { return r.store }), of(func(r idleRun) float64 { return r.vendor })
	note := "a run of ingest and preprocess for one stream, the mean and the most of the 48 ticks of a day; what the audit asks for is spread over them"
	i.add(Figure{Name: title("requests to S3 a run"), Value: mean(store), Samples: store, Note: note})
	i.add(Figure{Name: title("most requests to S3 in a run"), Value: maximum(store), Bound: atMost(mostIdleRequests)})
	i.add(Figure{Name: title("requests to the vendor a run"), Value: mean(vendor), Samples: vendor})
	i.add(Figure{Name: title("most requests to the vendor in a run"), Value: maximum(vendor), Bound: atMost(idleVendorRequests(i.stream))})
	cpu := mean(of(func(r idleRun) float64 { return milliseconds(r.cpu) }))
	i.add(Figure{Name: title("processor a run"), Value: cpu, Unit: "ms", Samples: of(func(r idleRun) float64 { return milliseconds(r.cpu) })})
	per := pricing.Workload{
		Runs: 1, Invocations: 2, CPU: time.Duration(cpu * float64(time.Millisecond)), VendorRounds: mean(vendor),
		Writes: mean(of(func(r idleRun) float64 { return r.writes })), Reads: mean(of(func(r idleRun) float64 { return r.reads })),
	}
	billed := per.Duration(memoryMB)
	usage := pricing.Usage{
		Duration: billed, MemoryMB: memoryMB, Architecture: pricing.ARM64, Writes: int(math.Round(per.Writes)), Reads: int(math.Round(per.Reads)),
	}
	i.add(Figure{Name: title("milliseconds of a run in 128 MB"), Value: milliseconds(billed), Unit: "ms",
		Note: "milliseconds in 128 MB and dollars are those of the cost model (functions/pricing), with the processor time measured here: 500 ms a request to the vendor, 50 ms one to S3, no transitions"})
	i.add(Figure{Name: title("a year of runs"), Value: (pricing.USEast1.Invocation(usage) + pricing.USEast1.LambdaRequest) * 365 * float64(ticksADay), Unit: "USD"})
}

// idleVendorRequests is how many requests to the vendor a run may make: one for the new window, and as many as it takes to ask for
// the lookback.
func idleVendorRequests(s *vendorapi.Stream) float64 {
	longest := s.Window.LongestSpan
	if longest == 0 {
		longest = s.Lookback
	}
	return 1 + math.Ceil(float64(s.Lookback)/float64(longest))
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
