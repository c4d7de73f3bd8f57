package simulation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/preprocess"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// children is the name of the second stream.
const children = "guests"

// The objects of a stream that may be lost: nothing but requests depends on them.
const (
	audit  = "audit.json"
	roster = "roster.json"
)

// stream is one of the vendor's streams in a play, with what is known of its part of the buckets.
type stream struct {
	*play
	name    string
	promise promise
	// audits and rosters are the last versions of what may be lost.
	audits, rosters versions
	// rostered is since when the roster holds the versions of parents.
	rostered map[[2]int]time.Time
	// commits are those that count, by their keys.
	commits map[string]held
	// announced are what other programs were last told of the newest generations, by the start of their window.
	announced map[time.Time]telemetry.Announcement
	// kept are the records that the lake held when the faults stopped.
	kept map[int]bool
	// sides are what the days have been read from; judged are the entries of days.json that were compared with the windows.
	sides  map[string][]side
	judged map[string]entry
	// notCarried says that a window was replaced without the records that left it, as a finding tells.
	notCarried bool
}

// held is a commit with the ids that its parts hold.
type held struct {
	rawzone.Commit
	ids map[int]bool
	// copies are the versions that it holds, past says that a backfill has put it.
	copies copies
	past   bool
}

func (p *play) newStream(name string) *stream {
	return &stream{play: p, name: name, rostered: map[[2]int]time.Time{}, commits: map[string]held{}, announced: map[time.Time]telemetry.Announcement{},
		sides: map[string][]side{}, judged: map[string]entry{}}
}

// versions are the last versions of an object. Several processes put it at once.
type versions struct {
	mu   sync.Mutex
	last [][]byte
}

func (v *versions) keep(body []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last = append(v.last[max(0, len(v.last)-2):], body)
}

// harm loses an object, damages it or puts it back to an earlier one.
func (s *stream) harm(object, how string, earlier *versions) {
	key := "model/" + s.name + "/" + object
	body, there := s.store.Body("raw", key)
	if !there || how == "" || len(earlier.last) == 0 {
		return
	}
	s.fault(how)
	if object == roster {
		s.mu.Lock()
		clear(s.rostered)
		s.mu.Unlock()
	}
	switch how {
	case auditLost, rosterLost:
		s.store.Remove("raw", key)
	case auditDamaged, rosterDamaged:
		s.store.Set("raw", key, body[:len(body)/2])
	case auditOld, rosterOld:
		s.store.Set("raw", key, earlier.last[0])
	}
}

// shift changes what the vendor was last asked for of the stream.
func (s *stream) shift(n int, swap bool, now time.Time) {
	if s.name == children {
		s.world.shiftChildren(n, swap, now)
		return
	}
	s.world.shift(n, swap, now)
}

// ordinary plays the state machine of the schedule for one scheduled time: Ingest and Preprocess, and again while there is
// more. Where no faults are left, neither may fail. sum takes the answers.
func (s *stream) ordinary(now time.Time, rounds []round, most int, sum *ingest.Answer) error {
	for i := 0; i < most && !s.broken(); i++ {
		var faults round
		if i < len(rounds) {
			faults = rounds[i]
		}
		s.mu.Lock()
		running := s.release
		s.mu.Unlock()
		ingested, ingestErr := s.ingest(now, running, faults, nil)
		if errors.Is(ingestErr, errBreach) {
			return ingestErr
		}
		preprocessed, preprocessErr := s.preprocess(now, running, faults, nil)
		if errors.Is(preprocessErr, errBreach) {
			return preprocessErr
		}
		if sum != nil {
			sum.Counted += ingested.Counted
			sum.Reread += ingested.Reread
			sum.Unreadable += ingested.Unreadable
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
func (s *stream) backfill(past ingest.Past, replay preprocess.Replay, started time.Time, rounds []round) bool {
	s.mu.Lock()
	running := s.release
	s.mu.Unlock()
	var refused atomic.Bool
	var lanes sync.WaitGroup
	for lane := range max(1, past.Lanes) {
		past := past
		past.Lane = lane
		lanes.Go(func() {
			time.Sleep(time.Duration(lane+1) * time.Microsecond)
			for i := 0; i < longest && !s.broken(); i++ {
				var faults round
				if i < len(rounds) && lane == 0 {
					faults = rounds[i]
				}
				answer, err := s.ingest(started, running, faults, &past)
				switch {
				case errors.Is(err, errBreach):
					s.broke(err)
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
	for i := 0; i < longest && !s.broken(); i++ {
		var faults round
		if i < len(rounds) {
			faults = rounds[i]
		}
		answer, err := s.preprocess(started, running, faults, &remade)
		switch {
		case errors.Is(err, errBreach):
			s.broke(err)
			return true
		case err == nil && !answer.More, err != nil && len(rounds) > 0:
			return true
		case err == nil:
			remade.Position = answer.Position
		}
	}
	return true
}

// isRefused says that a past range is none yet: it ends after the watermark, or there is no log.
func isRefused(err error) bool {
	return strings.Contains(err.Error(), "want no later than the watermark") || strings.Contains(err.Error(), "has no commits yet")
}

// excused says that ingest may end so without a fault: an invocation's time may be too short for anything, records may
// move by just a page, all parents that are due may be forbidden, and a past range may not be there yet.
func excused(err error) bool {
	return errors.Is(err, vendorapi.ErrDeadline) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, vendorapi.ErrRepeated) ||
		strings.Contains(err.Error(), "time ran out") || isRefused(err) ||
		strings.Contains(err.Error(), "the vendor gives the children of none of the")
}

func (s *stream) zone(api objectstore.API) rawzone.Zone {
	return rawzone.Zone{Bucket: objectstore.Bucket{API: api, Name: "raw"}, Vendor: "model", Stream: s.name}
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
func (s *stream) ingest(now time.Time, r release, faults round, past *ingest.Past) (ingest.Answer, error) {
	s.mu.Lock()
	s.invocations++
	name := fmt.Sprintf("run%d", s.invocations)
	s.mu.Unlock()
	process := s.process(name, faults.ingest, faults.asks)
	process.past = past != nil
	described := s.described(r)
	stream, err := described.Stream(s.name)
	if err != nil {
		return ingest.Answer{}, errors.Join(errBreach, err)
	}
	client, err := vendorapi.NewClient(described, s.name, nil, vendorapi.Options{
		Transport: process, Now: time.Now, Sleep: process.pause, Random: func() float64 { return 0.5 }, Logger: process.logger(),
	})
	if err != nil {
		return ingest.Answer{}, errors.Join(errBreach, err)
	}
	var vendor ingest.Vendor = client
	if s.vendor != nil {
		vendor = s.vendor(client)
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.history.timeout)
	defer cancel()
	config := ingest.Config{
		Stream: stream, Vendor: vendor, Zone: s.zone(process), Run: name,
		PartBytes: s.history.partBytes, SafetyMargin: s.history.timeout / 5, DefaultRate: 50,
		Clock: time.Now, Logger: process.logger(),
	}
	if s.history.set {
		config.Genesis = s.history.begin.Add(-s.history.genesis)
	}
	if config.Parents, err = ingest.ParentsOf(described, stream, config.Zone, client); err != nil {
		return ingest.Answer{}, errors.Join(errBreach, err)
	}
	if config.Parents != nil && s.children != nil {
		of := config.Parents.Of
		config.Parents.Of = func(record vendorapi.ParentRecord) ingest.Vendor { return s.children(of(record)) }
	}
	var answer ingest.Answer
	if past == nil {
		answer, err = ingest.Run(ctx, config, now)
	} else {
		answer, err = ingest.Backfill(ctx, config, *past, now)
	}
	s.record(name, "ends", fmt.Sprintf("watermark %s, more %t", answer.Watermark.Format(time.RFC3339), answer.More), "", err)
	return answer, process.judge("ingest", answer, err)
}

// judge says whether an invocation may end so.
func (p *process) judge(what string, answer ingest.Answer, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found(telemetry.NotCarried) > 0 {
		p.of.notCarried = true
	}
	switch {
	case err != nil && p.struck == 0 && !excused(err):
		return fmt.Errorf("%w: %s %s failed without a fault: %v", errBreach, what, p.name, err)
	case !p.dead && p.unsettled > p.found(telemetry.CountsUnsettled):
		return fmt.Errorf("%w: %s %s put %d unsettled commits and told of %d", errBreach, what, p.name, p.unsettled, p.found(telemetry.CountsUnsettled))
	case p.found(telemetry.OutsideWindow) > 0:
		return fmt.Errorf("%w: %s %s tells that the vendor does not take the window's parameters", errBreach, what, p.name)
	case err == nil && p.of.name == children && p.denied > 0 && p.struck == 0 && !p.past && answer.Unreadable == 0:
		return fmt.Errorf("%w: %s %s was refused %d times and counts no parent", errBreach, what, p.name, p.denied)
	case err == nil && answer.Unreadable > 0 && p.found(telemetry.ParentUnreadable)+p.found(telemetry.RangeUnread) == 0:
		return fmt.Errorf("%w: %s %s tells of none of the %d parents that it could not read", errBreach, what, p.name, answer.Unreadable)
	case answer.Overlapped > 0 && !p.overlapped:
		return fmt.Errorf("%w: %s %s tells of another run, and there was none", errBreach, what, p.name)
	}
	return err
}

// preprocess invokes Preprocess: for a past range where past is not nil.
func (s *stream) preprocess(now time.Time, r release, faults round, past *preprocess.Past) (answer preprocess.Answer, err error) {
	process := s.process("", faults.preprocess, nil)
	stream, err := s.described(r).Stream(s.name)
	if err != nil {
		return answer, errors.Join(errBreach, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.history.timeout)
	defer cancel()
	config := preprocess.Config{
		Stream: stream, Raw: s.zone(process), Curated: objectstore.Bucket{API: process, Name: "curated"},
		TempDir: s.tempDir, SafetyMargin: s.history.timeout / 5, Clock: time.Now, Logger: process.logger(), Announce: process.announce,
	}
	if past == nil {
		answer, err = preprocess.Run(ctx, config, now)
	} else {
		answer, err = preprocess.Remake(ctx, config, *past, now)
	}
	s.record(process.name, "ends", fmt.Sprintf("more %t", answer.More), "", err)
	return answer, process.judge("preprocess", ingest.Answer{}, err)
}
