package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

const (
	// pageLatency is how long a page takes of a vendor that is slow.
	pageLatency = 300 * time.Millisecond
	// leastSpeedup is how much faster 8 pages in flight are than one.
	leastSpeedup = 6.5
	// leastUsed is the part of a limit that is used where the limit is what bounds.
	leastUsed = 0.95
)

// quickly is the limit that pages in flight are measured under: more than 8 in flight can use at [pageLatency].
var quickly = vendorapi.RateLimit{Requests: 30, Per: vendorapi.Duration(time.Second)}

// inFlight describes the vendor with so many pages asked for side by side.
func inFlight(v *vendorapi.Vendor, pages int) *vendorapi.Vendor {
	for i := range v.Streams {
		v.Streams[i].Paging.InFlight = pages
	}
	return v
}

// latency has a window read of a vendor that takes long for a page, with one page in flight and with more. The readings go side by
// side, each at a vendor of its own, since all they do is wait.
func (b *bench) latency(ctx context.Context) error {
	// The first page alone, and then so many times 8: the last of them do not wait for fewer.
	pages := 1 + 25*8
	if b.options.Quick {
		pages = 1 + 13*8
	}
	ways := []int{1, 2, 4, 8}
	took, most := make([]time.Duration, len(ways)), make([]int, len(ways))
	var sources []*source
	for _, side := range ways {
		v, err := serveVendor(b.held(pages*pageRecords, 1), pageLatency)
		if err != nil {
			return err
		}
		defer v.Close()
		v.keep = true
		described := inFlight(v.description(), side)
		described.Streams[0].RateLimit = quickly
		s := &source{vendorServer: v, window: window.Window{Start: v.from, End: v.until()}}
		if s.asset, err = b.rig.asset(handlerIngest, described); err != nil {
			return err
		}
		sources = append(sources, s)
	}
	var group errgroup.Group
	for i, s := range sources {
		bucket, err := b.rig.bucket(ctx)
		if err != nil {
			return err
		}
		group.Go(func() error {
			if _, err := b.rig.once(ctx, s.job(bucket), s.now()); err != nil {
				return err
			}
			asked := s.times()
			took[i] = asked[len(asked)-1].Sub(asked[0]) + pageLatency
			most[i] = mostWithin(asked, quickly.Per.D())
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, side := range ways {
		f := Figure{Name: fmt.Sprintf("%d in flight over 1", side), Value: took[0].Seconds() / took[i].Seconds(),
			Note: fmt.Sprintf("by the clock at the vendor, of %d pages at %s each; %d in flight took %.1f s", pages, pageLatency, side, took[i].Seconds())}
		if side == 8 {
			f.Bound = atLeast(leastSpeedup)
		}
		if side > 1 {
			b.add(f)
		}
	}
	b.add(Figure{Name: "most requests in a second, 8 in flight", Value: float64(most[len(most)-1]), Bound: atMost(float64(quickly.Requests))})
	return nil
}

// times are those of the requests so far, in order.
func (v *vendorServer) times() []time.Time {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	return slices.SortedFunc(slices.Values(v.asked), time.Time.Compare)
}

// mostWithin is the most requests in any span of time of a length, by the vendor's clock. The span does not hold its end.
func mostWithin(asked []time.Time, span time.Duration) (most int) {
	first := 0
	for i, at := range asked {
		for at.Sub(asked[first]) >= span {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// limited is the vendor of [bench.limit]: its account has the limit, of which two streams take part.
func (v *vendorServer) limited(l vendorapi.RateLimit) *vendorapi.Vendor {
	described := inFlight(v.description(), 8)
	described.RateLimit = l
	other := described.Streams[0]
	other.Name = "more-" + stream
	described.Streams = append(described.Streams, other)
	return described
}

// limit has an execution and a backfill of two streams read at once of a vendor whose account has ON24's limit, and counts at the
// vendor what of it is used. In a quick run everything goes five times as fast: the limit, its span, and the vendor's latency, so that
// the proportions are the same; and one span is looked at in place of two.
func (b *bench) limit(ctx context.Context) error {
	faster, spans := time.Duration(1), time.Duration(2)
	if b.options.Quick {
		faster, spans = 5, 1
	}
	l := vendorapi.RateLimit{Requests: 100, Per: vendorapi.Duration(time.Minute / faster)}
	// Beginning takes each of them some requests and a rate that is found; then spans of the limit are looked at.
	begin, look := l.Per.D(), spans*l.Per.D()
	const perDay = 100 * pageRecords // a hundred pages
	days := 40
	v, err := serveVendor(attendance{templates: b.templates, from: firstDay, perDay: perDay, total: 2 * days * perDay}, pageLatency/faster)
	if err != nil {
		return err
	}
	defer v.Close()
	v.keep = true
	described := v.limited(l)
	asset, err := b.rig.asset(handlerIngest, described)
	if err != nil {
		return err
	}
	genesis := firstDay.AddDate(0, 0, days)
	now := v.until().Add(settle)
	var sandboxes []*sandbox
	for i := range described.Streams {
		bucket, err := b.rig.bucket(ctx)
		if err != nil {
			return err
		}
		s, err := b.rig.host(job{handler: handlerIngest, asset: asset, raw: bucket, genesis: genesis, stream: described.Streams[i].Name})
		if err != nil {
			return err
		}
		defer s.Close()
		sandboxes = append(sandboxes, s)
		// A backfill goes back from a log that is there.
		if err := s.invoke(ctx, genesis.Add(settle+tickEvery)); err != nil {
			return err
		}
	}
	ctx, stop := context.WithTimeout(ctx, begin+look)
	defer stop()
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range sandboxes {
		group.Go(func() error { return s.invoke(ctx, now) })
		for lane := range backfillLanes {
			group.Go(func() error { return s.backfill(ctx, now, firstDay, genesis, lane) })
		}
	}
	if err := group.Wait(); err == nil {
		return errors.New("the vendor had nothing left before the time was over")
	} else if ctx.Err() == nil || time.Since(began) < begin+look {
		return err
	}
	// Before they began, other executions made the logs.
	asked := slices.DeleteFunc(v.times(), func(at time.Time) bool { return at.Before(began) })
	looked := slices.DeleteFunc(slices.Clone(asked), func(at time.Time) bool { return at.Sub(began) < begin || at.Sub(began) >= begin+look })
	note := fmt.Sprintf("%d requests in %s, by the clock at the vendor, which takes %s a page", l.Requests, l.Per.D(), pageLatency/faster)
	b.add(Figure{Name: "part of the account's limit used", Value: float64(len(looked)) / (float64(l.Requests) * look.Seconds() / l.Per.D().Seconds()), Bound: atLeast(leastUsed), Note: note})
	b.add(Figure{Name: fmt.Sprintf("most requests in %s", l.Per.D()), Value: float64(mostWithin(asked, l.Per.D())), Bound: atMost(float64(l.Requests))})
	return nil
}

// backfillLanes is how many lanes a backfill has by default.
const backfillLanes = 2

// backfill runs a lane of a backfill of a past range, as the state machine does, round by round.
func (s *sandbox) backfill(ctx context.Context, now, start, end time.Time, lane int) error {
	event := settings.Event{
		Run: "backfill", StartedAt: time.Now(), Input: settings.Input{ScheduledTime: now, Start: start, End: end}, Lane: lane, Lanes: backfillLanes,
	}
	for {
		payload, err := json.Marshal(event)
		if err != nil {
			return err
		}
		answer, err := s.round(ctx, payload)
		if err != nil || !answer.More {
			return err
		}
		event.Position = answer.Position
	}
}
