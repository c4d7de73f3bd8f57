package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/preprocess"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// setting is what all histories of a test share: the tests of the harness itself bend the protocol with it.
type setting struct {
	tempDir string
	// s3, vendor and stream stand between the handlers and the models, and what is described. Nil changes nothing.
	s3     func(objectstore.API) objectstore.API
	vendor func(ingest.Vendor) ingest.Vendor
	stream func(*vendorapi.Stream)
	// unheard says of an announcement that it gets lost on its way to the bus. Nil means that none does.
	unheard func(telemetry.Announcement) bool
	// trusting takes a scheduled time however far ahead of the clock it is.
	trusting bool
	// faults and kinds are the kinds of fault and of execution drawn from. Nil means all.
	faults, kinds []string
	// ticks is the most that a history has. Zero means 6.
	ticks int
	// dialect and history settle what is else drawn, where they are not nil.
	dialect func(*dialect)
	history func(*history)
}

// ahead is how many minutes a tick may be ahead of its time: one more than [settings.MaxAhead] is refused.
func (s setting) ahead() int {
	if s.trusting {
		return 24 * 60
	}
	return 10
}

// of returns those of the kinds that are drawn from; one that strikes nowhere keeps the others from being met.
func (s setting) of(kinds []string) (drawn []string) {
	if s.faults == nil {
		return kinds
	}
	for _, kind := range kinds {
		for _, wanted := range s.faults {
			if kind == wanted {
				drawn = append(drawn, kind)
			}
		}
	}
	if drawn == nil {
		return []string{zombie}
	}
	return drawn
}

// play is a history being played.
type play struct {
	setting
	history *history
	world   *world
	store   *objectstoretest.Store
	api     objectstore.API
	group   sync.WaitGroup

	mu          sync.Mutex
	release     release
	processes   int
	executions  int
	invocations int
	// active is how many executions are at work; overlapped says that there were two at once.
	active     int
	overlapped bool
	// notCarried says that a window was replaced without the records that left it, as a finding tells.
	notCarried bool
	// pasts are the ranges of the backfills so far.
	pasts []ingest.Past
	// audits are the last versions of audit.json.
	audits [][]byte
	// commits are those that count, by their keys; generations are those of all, by their ETags.
	commits     map[string]held
	generations map[string]int
	// announced are what other programs were last told of the newest generations, by the start of their window.
	announced map[time.Time]telemetry.Announcement
	// kept are the records that the lake held when the faults stopped, ended is when nothing was due any more.
	kept   map[int]bool
	ended  time.Time
	faults map[string]int
	// trace is what happened last, after untold events.
	trace  []event
	untold int
	breach error
}

// held is a commit with the ids that its parts hold.
type held struct {
	rawzone.Commit
	ids map[int]bool
}

// event is a request, or what befell it.
type event struct {
	at                        time.Time
	who, operation, key, fate string
	err                       error
}

// mostTold is how much of what happened a failure tells.
const mostTold = 400

func newPlay(h *history, s setting) *play {
	p := &play{
		setting: s, history: h, world: newWorld(h), store: objectstoretest.New(), release: h.release,
		commits: map[string]held{}, generations: map[string]int{}, announced: map[time.Time]telemetry.Announcement{}, faults: map[string]int{},
	}
	p.store.Now = time.Now
	p.store.PageSize = h.listing
	p.api = p.store
	if s.s3 != nil {
		p.api = s.s3(p.store)
	}
	return p
}

func (p *play) fault(kind string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[kind]++
}

func (p *play) record(who, operation, key, fate string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.trace) == 2*mostTold {
		p.trace = append(p.trace[:0], p.trace[mostTold:]...)
		p.untold += mostTold
	}
	p.trace = append(p.trace, event{time.Now(), who, operation, key, fate, err})
}

// broke remembers the first promise found broken.
func (p *play) broke(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.breach == nil {
		p.breach = err
	}
}

func (p *play) broken() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.breach != nil
}

// play plays the ticks with their faults, and then goes on without any until nothing is due any more.
func (p *play) play() error {
	h := p.history
	for i, tick := range h.ticks {
		time.Sleep(time.Until(h.begin.Add(time.Duration(i) * h.interval)))
		p.tick(tick)
	}
	time.Sleep(time.Until(h.end()))
	p.group.Wait()
	if p.breach == nil {
		p.broke(p.rest())
	}
	return p.breach
}

func (p *play) tick(t tick) {
	if t.release != nil {
		p.mu.Lock()
		if t.release.pageSize != p.release.pageSize {
			p.faults[sizeChanged]++
		}
		if t.release.wide != p.release.wide {
			p.faults[columnChanged]++
		}
		p.release = *t.release
		p.mu.Unlock()
	}
	const audit = "model/visits/audit.json"
	if body, there := p.store.Body("raw", audit); there && t.audit != "" {
		p.fault(t.audit)
		switch t.audit {
		case auditLost:
			p.store.Remove("raw", audit)
		case auditDamaged:
			p.store.Set("raw", audit, body[:len(body)/2])
		case auditOld:
			p.store.Set("raw", audit, p.audits[0])
		}
	}
	switch len(t.executions) {
	case 0:
		p.fault(tickMissed)
	case 1:
	default:
		p.fault(tickDoubled)
	}
	for _, e := range t.executions {
		p.begins(e)
	}
}

// begins begins an execution beside those at work.
func (p *play) begins(e *execution) {
	if e == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.active++; p.active > 1 {
		p.overlapped = true
	}
	tick := time.Now()
	p.group.Go(func() {
		time.Sleep(e.after + time.Duration(e.seed%1_000_000)*time.Nanosecond)
		p.execute(e, tick)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.active--
	})
}

// mostRounds is after how many rounds an execution is taken to time out, as state machines do.
const mostRounds = 12

// execute plays one execution that has begun at the tick.
func (p *play) execute(e *execution, tick time.Time) {
	started := time.Now().UTC()
	p.fault(e.kind)
	if e.kind == scheduled && e.after > 0 {
		p.fault(tickLate)
	}
	if e.kind == backfill {
		past := ingest.Past{Start: p.history.begin.Add(e.from), End: p.history.begin.Add(e.to), Lanes: e.lanes}
		p.mu.Lock()
		p.pasts = append(p.pasts, past)
		p.mu.Unlock()
		p.backfill(past, e.replay, started, e.rounds)
		return
	}
	event := settings.Event{StartedAt: started}
	switch e.kind {
	case scheduled:
		event.Input.ScheduledTime = tick.Truncate(time.Second)
	case oldTick:
		event.Input.ScheduledTime = tick.Add(e.shift).Truncate(time.Second)
	case aheadTick:
		event.Input.ScheduledTime = started.Add(e.shift).Truncate(time.Second)
	}
	now, err := event.Now(time.Now())
	if err != nil && !p.trusting {
		p.fault(refusedAhead)
		return
	}
	if p.trusting && e.kind == aheadTick {
		now = event.Input.ScheduledTime
	}
	if err := p.ordinary(now, e.rounds, mostRounds, nil); err != nil {
		p.broke(err)
	}
}

// ordinary plays the state machine of the schedule for one scheduled time: Ingest and Preprocess, and again while there is
// more. Where no faults are left, neither may fail. sum takes the answers.
func (p *play) ordinary(now time.Time, rounds []round, most int, sum *ingest.Answer) error {
	for i := 0; i < most && !p.broken(); i++ {
		var faults round
		if i < len(rounds) {
			faults = rounds[i]
		}
		p.mu.Lock()
		running := p.release
		p.mu.Unlock()
		ingested, ingestErr := p.ingest(now, running, faults, nil)
		if errors.Is(ingestErr, errBreach) {
			return ingestErr
		}
		preprocessed, preprocessErr := p.preprocess(now, running, faults, nil)
		if errors.Is(preprocessErr, errBreach) {
			return preprocessErr
		}
		if sum != nil {
			sum.Counted += ingested.Counted
			sum.Reread += ingested.Reread
		}
		switch {
		case ingestErr != nil || preprocessErr != nil:
			if len(rounds) > 0 {
				return nil
			}
		case !ingested.More && !preprocessed.More:
			return nil
		}
		if i == longest {
			return fmt.Errorf("%w: an execution for %s has more to do after %d rounds: %v, %v", errBreach, now, longest, ingestErr, preprocessErr)
		}
	}
	return nil
}

// longest is the number of rounds after which an execution without faults is taken never to end.
const longest = 400

// errBreach marks what must not be, whatever the faults.
var errBreach = errors.New("broken promise")

// backfill plays the state machine of past ranges: lanes side by side, and then the curated objects.
// It reports whether the range could be read: one that ends after the watermark is refused.
func (p *play) backfill(past ingest.Past, replay preprocess.Replay, started time.Time, rounds []round) bool {
	p.mu.Lock()
	running := p.release
	p.mu.Unlock()
	var refused atomic.Bool
	var lanes sync.WaitGroup
	for lane := range max(1, past.Lanes) {
		past := past
		past.Lane = lane
		lanes.Go(func() {
			time.Sleep(time.Duration(lane+1) * time.Microsecond)
			for i := 0; i < longest && !p.broken(); i++ {
				var faults round
				if i < len(rounds) && lane == 0 {
					faults = rounds[i]
				}
				answer, err := p.ingest(started, running, faults, &past)
				switch {
				case errors.Is(err, errBreach):
					p.broke(err)
					return
				case err != nil && isRefused(err):
					refused.Store(true)
					return
				case err == nil && !answer.More, err != nil && len(rounds) > 0:
					return
				case err == nil:
					past.Position = answer.Position
				}
			}
		})
	}
	if lanes.Wait(); refused.Load() {
		return false
	}
	remade := preprocess.Past{Start: past.Start, End: past.End, Replay: replay}
	for i := 0; i < longest && !p.broken(); i++ {
		var faults round
		if i < len(rounds) {
			faults = rounds[i]
		}
		answer, err := p.preprocess(started, running, faults, &remade)
		switch {
		case errors.Is(err, errBreach):
			p.broke(err)
			return true
		case err == nil && !answer.More, err != nil && len(rounds) > 0:
			return true
		case err == nil:
			remade.Position = answer.Position
		}
	}
	return true
}

// rest goes on without faults until all that is due has been done, and compares the buckets with the vendor.
func (p *play) rest() error {
	p.kept = p.ids()
	h := p.history
	quiet := func() error {
		now := time.Now().UTC().Truncate(time.Second)
		if err := p.ordinary(now, nil, longest+1, nil); err != nil {
			return err
		}
		return p.checkWatermark(now)
	}
	time.Sleep(h.dialect.settle + 2*time.Second)
	if err := quiet(); err != nil {
		return err
	}
	p.pasts = slices.DeleteFunc(p.pasts, func(past ingest.Past) bool {
		return !p.backfill(past, preprocess.ReplayMissing, time.Now().UTC(), nil)
	})
	// Now comes the last reading that is due of each window. No window may begin or end in an hour that comes twice.
	time.Sleep(h.dialect.lookback + h.dialect.settle + 3*time.Hour)
	if err := p.compared(); err != nil {
		return err
	}
	// One that is unsettled is read again as seldom as once a day.
	for _, commit := range p.commits {
		if !commit.Settled {
			time.Sleep(25 * time.Hour)
			if err := p.compared(); err != nil {
				return err
			}
			break
		}
	}
	// Provisional receipts are confirmed.
	time.Sleep(17 * time.Minute)
	if err := quiet(); err != nil {
		return err
	}
	p.ended = time.Now()
	if h.replay {
		return p.checkReplay()
	}
	return nil
}

// compared runs one tick again and again until no window is left to be compared.
func (p *play) compared() error {
	now := time.Now().UTC().Truncate(time.Second)
	for range longest {
		var sum ingest.Answer
		if err := p.ordinary(now, nil, longest+1, &sum); err != nil {
			return err
		}
		if sum.Counted+sum.Reread == 0 {
			return nil
		}
	}
	return fmt.Errorf("%w: windows are compared for ever", errBreach)
}

// isRefused says that a past range is none yet: it ends after the watermark, or there is no log.
func isRefused(err error) bool {
	return strings.Contains(err.Error(), "want no later than the watermark") || strings.Contains(err.Error(), "has no commits yet")
}

// excused says that ingest may end so without a fault: an invocation's time may be too short for anything, records may
// move by just a page, and a past range may not be there yet.
func excused(err error) bool {
	return errors.Is(err, vendorapi.ErrDeadline) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, vendorapi.ErrRepeated) ||
		strings.Contains(err.Error(), "time ran out") || isRefused(err)
}

func (p *play) zone(api objectstore.API) rawzone.Zone {
	return rawzone.Zone{Bucket: objectstore.Bucket{API: api, Name: "raw"}, Vendor: "model", Stream: "visits"}
}

// described is what the handlers are told of the vendor.
func (p *play) described(r release) *vendorapi.Vendor {
	described := p.world.describe(r)
	if p.stream != nil {
		p.stream(&described.Streams[0])
	}
	return described
}

// ingest invokes Ingest: for a past range where past is not nil. Its error is a broken promise where no fault explains it.
func (p *play) ingest(now time.Time, r release, faults round, past *ingest.Past) (ingest.Answer, error) {
	p.mu.Lock()
	p.invocations++
	name := fmt.Sprintf("run%d", p.invocations)
	p.mu.Unlock()
	process := p.process(name, faults.ingest, faults.asks)
	described := p.described(r)
	client, err := vendorapi.NewClient(described, "visits", nil, vendorapi.Options{
		Transport: process, Now: time.Now, Sleep: process.pause, Random: func() float64 { return 0.5 }, Logger: process.logger(),
	})
	if err != nil {
		return ingest.Answer{}, errors.Join(errBreach, err)
	}
	var vendor ingest.Vendor = client
	if p.vendor != nil {
		vendor = p.vendor(client)
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.history.timeout)
	defer cancel()
	config := ingest.Config{
		Stream: &described.Streams[0], Vendor: vendor, Zone: p.zone(process), Run: name,
		PartBytes: p.history.partBytes, SafetyMargin: p.history.timeout / 5, DefaultRate: 50,
		Clock: time.Now, Logger: process.logger(),
	}
	if p.history.set {
		config.Genesis = p.history.begin.Add(-p.history.genesis)
	}
	var answer ingest.Answer
	if past == nil {
		answer, err = ingest.Run(ctx, config, now)
	} else {
		answer, err = ingest.Backfill(ctx, config, *past, now)
	}
	p.record(name, "ends", fmt.Sprintf("watermark %s, more %t", answer.Watermark.Format(time.RFC3339), answer.More), "", err)
	return answer, process.judge("ingest", answer, err)
}

// judge says whether an invocation may end so.
func (p *process) judge(what string, answer ingest.Answer, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found(telemetry.NotCarried) > 0 {
		p.notCarried = true
	}
	switch {
	case err != nil && p.struck == 0 && !excused(err):
		return fmt.Errorf("%w: %s %s failed without a fault: %v", errBreach, what, p.name, err)
	case !p.dead && p.unsettled > p.found(telemetry.CountsUnsettled):
		return fmt.Errorf("%w: %s %s put %d unsettled commits and told of %d", errBreach, what, p.name, p.unsettled, p.found(telemetry.CountsUnsettled))
	case p.found(telemetry.OutsideWindow) > 0:
		return fmt.Errorf("%w: %s %s tells that the vendor does not take the window's parameters", errBreach, what, p.name)
	case answer.Overlapped > 0 && !p.overlapped:
		return fmt.Errorf("%w: %s %s tells of another run, and there was none", errBreach, what, p.name)
	}
	return err
}

// preprocess invokes Preprocess: for a past range where past is not nil.
func (p *play) preprocess(now time.Time, r release, faults round, past *preprocess.Past) (answer preprocess.Answer, err error) {
	process := p.process(fmt.Sprintf("pre%d", p.processes), faults.preprocess, nil)
	described := p.described(r)
	ctx, cancel := context.WithTimeout(context.Background(), p.history.timeout)
	defer cancel()
	config := preprocess.Config{
		Stream: &described.Streams[0], Raw: p.zone(process), Curated: objectstore.Bucket{API: process, Name: "curated"},
		TempDir: p.tempDir, SafetyMargin: p.history.timeout / 5, Clock: time.Now, Logger: process.logger(), Announce: process.announce,
	}
	if past == nil {
		answer, err = preprocess.Run(ctx, config, now)
	} else {
		answer, err = preprocess.Remake(ctx, config, *past, now)
	}
	p.record(process.name, "ends", fmt.Sprintf("more %t", answer.More), "", err)
	return answer, process.judge("preprocess", ingest.Answer{}, err)
}
