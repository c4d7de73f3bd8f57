package simulation

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/preprocess"
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
	// children stands between ingest and a vendor that is asked for the children of a parent.
	children func(ingest.Vendor) ingest.Vendor
	// unheard says of an announcement that it gets lost on its way to the bus. Nil means that none does.
	unheard func(telemetry.Announcement) bool
	// trusting takes a scheduled time however far ahead of the clock it is.
	trusting bool
	// faults and kinds are the kinds of fault and of execution drawn from. Nil means all.
	faults, kinds []string
	// ticks is the most that a history has. Zero means 6.
	ticks int
	// families is of how many histories one has a second stream, of children. Zero means none.
	families int
	// young has no history go on until its days are old, but where history has it do so.
	young bool
	// dialect, family and history settle what is else drawn, where they are not nil.
	dialect func(*dialect)
	family  func(*family)
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
	// streams are the vendor's, parents before children.
	streams []*stream

	mu          sync.Mutex
	release     release
	processes   int
	executions  int
	invocations int
	// active is how many executions are at work; overlapped says that there were two at once.
	active     int
	overlapped bool
	// pasts are the ranges of the backfills so far.
	pasts []ingest.Past
	// generations are those of all commits, by their ETags.
	generations map[string]int
	// quiets are the times of the executions since the faults stopped, which did all that was due; ended is when nothing
	// was due any more.
	quiets []time.Time
	ended  time.Time
	faults map[string]int
	// trace is what happened last, after untold events.
	trace  []event
	untold int
	breach error
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
		generations: map[string]int{}, faults: map[string]int{},
	}
	visits := p.newStream("visits")
	if p.world.listing != nil {
		visits.promise = &listing{visits}
	} else {
		visits.promise = &windows{visits}
	}
	p.streams = append(p.streams, visits)
	if p.world.kin != nil {
		guests := p.newStream("guests")
		guests.promise = &parents{guests, map[int]time.Time{}}
		p.streams = append(p.streams, guests)
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
	for _, s := range p.streams {
		s.harm(audit, t.audit, &s.audits)
		s.harm(roster, t.roster, &s.rosters)
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
		p.sideBySide(func(s *stream) error {
			s.backfill(past, e.replay, started, e.roundsOf(s))
			return nil
		})
		return
	}
	if e.kind == remaking {
		p.sideBySide(func(s *stream) error {
			s.replaceCommits(e.replaced)
			s.remake(e.replay, e.remakingOf(s))
			return nil
		})
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
	if err := p.ordinary(now, e, mostRounds, nil); err != nil {
		p.broke(err)
	}
}

// ordinary plays an execution of the schedule for one scheduled time, with the faults of e, or without any where that is
// nil. sum takes the answers.
func (p *play) ordinary(now time.Time, e *execution, most int, sum *ingest.Answer) error {
	return p.sideBySide(func(s *stream) error {
		var own ingest.Answer
		err := s.ordinary(now, e.roundsOf(s), most, &own)
		p.mu.Lock()
		defer p.mu.Unlock()
		if sum != nil {
			sum.Counted += own.Counted
			sum.Reread += own.Reread
			sum.Unreadable += own.Unreadable
		}
		return err
	})
}

// sideBySide does something of all streams at once, as the state machine does, and returns what failed first.
func (p *play) sideBySide(do func(*stream) error) error {
	errs := make([]error, len(p.streams))
	var streams sync.WaitGroup
	for i, s := range p.streams {
		streams.Go(func() {
			time.Sleep(time.Duration(i) * 10 * time.Microsecond)
			errs[i] = do(s)
		})
	}
	streams.Wait()
	return cmp.Or(errs...)
}

// roundsOf returns the faults that a stream meets.
func (e *execution) roundsOf(s *stream) []round {
	switch {
	case e == nil:
		return nil
	case s.name == children:
		return e.children
	}
	return e.rounds
}

// remakingOf returns the faults that the making of a stream's curated objects meets, which are some even where there are none, since others may
// be at work beside it.
func (e *execution) remakingOf(s *stream) []round {
	if rounds := e.roundsOf(s); len(rounds) > 0 {
		return rounds
	}
	return []round{{}}
}

// rest goes on without faults until all that is due has been done, and compares the buckets with the vendor.
func (p *play) rest() error {
	for _, s := range p.streams {
		s.kept = s.ids()
	}
	h := p.history
	time.Sleep(h.dialect.settle + 2*time.Second)
	if err := p.quiet(); err != nil {
		return err
	}
	p.pasts = slices.DeleteFunc(p.pasts, func(past ingest.Past) bool {
		for _, s := range p.streams {
			if !s.backfill(past, preprocess.ReplayMissing, time.Now().UTC(), nil) {
				return true
			}
		}
		return false
	})
	if err := p.restOfParents(); err != nil {
		return err
	}
	// Now comes the last reading that is due of each window. No window may begin or end in an hour that comes twice.
	time.Sleep(h.dialect.lookback + h.dialect.settle + 3*time.Hour)
	if err := p.compared(); err != nil {
		return err
	}
	// One that is unsettled is read again as seldom as once a day.
	if p.unsettled() {
		time.Sleep(25 * time.Hour)
		if err := p.compared(); err != nil {
			return err
		}
	}
	// Provisional receipts are confirmed.
	time.Sleep(17 * time.Minute)
	if err := p.quiet(); err != nil {
		return err
	}
	if err := p.age(); err != nil {
		return err
	}
	p.ended = time.Now()
	if h.replay {
		for _, s := range p.streams {
			if err := s.checkReplay(); err != nil {
				return err
			}
		}
	}
	return nil
}

// quiet plays an execution without faults, which does all that is due.
func (p *play) quiet() error {
	began := time.Now()
	now := began.UTC().Truncate(time.Second)
	if err := p.ordinary(now, nil, longest+1, nil); err != nil {
		return err
	}
	p.quiets = append(p.quiets, began)
	if err := p.streams[0].checkWatermark(now); err != nil {
		return err
	}
	for _, s := range p.streams {
		if err := s.checkMade(); err != nil {
			return err
		}
	}
	return nil
}

// restOfParents goes on until each parent has been read for the last time: at least once in the day that is left for it.
func (p *play) restOfParents() error {
	if p.world.kin == nil {
		return nil
	}
	const within = 20 * time.Hour
	var times []time.Time
	for _, versions := range p.world.records {
		for _, v := range versions {
			if last, over, known := p.world.kin.due(v); known && over.After(time.Now()) {
				times = append(times, last)
			}
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	first := 0
	for i, at := range times {
		if i+1 < len(times) && times[i+1].Before(times[first].Add(within)) {
			continue
		}
		first = i + 1
		time.Sleep(max(time.Minute, time.Until(at.Add(time.Minute))))
		if err := p.quiet(); err != nil {
			return err
		}
	}
	return nil
}

// unsettled says that a commit is to be read again until its counts agree.
func (p *play) unsettled() bool {
	for _, s := range p.streams {
		for _, commit := range s.commits {
			if !commit.Settled {
				return true
			}
		}
	}
	return false
}

// compared runs one tick again and again until nothing is left to be compared.
func (p *play) compared() error {
	now := time.Now().UTC().Truncate(time.Second)
	for range longest {
		var sum ingest.Answer
		if err := p.ordinary(now, nil, longest+1, &sum); err != nil {
			return err
		}
		if sum.Counted+sum.Reread+sum.Unreadable == 0 {
			return nil
		}
	}
	return fmt.Errorf("%w: windows are compared for ever", errBreach)
}
