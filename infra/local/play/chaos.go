package play

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// blow is something that is broken while a run is under way.
type blow struct {
	kind blowKind
	// after is when it strikes, counted from the run's start in real time; lasts is how long a server stays away.
	after, lasts time.Duration
	// which picks among the functions' busy processes.
	which int
}

type blowKind string

const (
	killFunction  blowKind = "function killed"
	stopS3        blowKind = "S3 stopped"
	stopVendor    blowKind = "vendor stopped"
	runOverlapped blowKind = "run started again at once"
	runSkipped    blowKind = "tick skipped"
)

// disturbance is what happens to one tick.
type disturbance struct {
	// runs is how many executions are started for it at once, 0 where none could be.
	runs int
	// unscheduled says that the schedule did not tick at all.
	unscheduled bool
	blows       []blow
}

const (
	// maxBlows is the most that strike one tick, maxAfter the time in which they do.
	maxBlows = 6
	maxAfter = 2 * time.Second
	// maxLasts is how long a server stays away at most: longer than what the SDK's own retries bridge, now and then.
	maxLasts = 1500 * time.Millisecond
	// quietTicks follow on the day without disturbances, as the next day's first would, so that what a killed run has left
	// to the next one is done.
	quietTicks = 4
)

// drawChaos draws what happens to each of a number of ticks. Equal seeds give equal plans; what a blow meets depends on the
// machine.
func drawChaos(seed uint64, ticks int) []disturbance {
	random := rand.New(rand.NewPCG(seed, 0x77696e64726f77))
	plan := make([]disturbance, ticks)
	for i := range plan {
		d := &plan[i]
		d.runs = 1
		switch n := random.IntN(20); {
		case n == 0:
			d.runs = 0
		case n < 5:
			d.runs = 2
		case n < 7:
			d.runs = 3
		}
		for range random.IntN(maxBlows + 1) {
			b := blow{kind: killFunction, after: time.Duration(random.Int64N(int64(maxAfter))), which: random.IntN(1 << 16)}
			switch random.IntN(6) {
			case 0:
				b.kind = stopS3
			case 1:
				b.kind = stopVendor
			}
			b.lasts = time.Duration(random.Int64N(int64(maxLasts)))
			d.blows = append(d.blows, b)
		}
	}
	return plan
}

// chaos breaks things while a day is played, and counts what it has broken.
type chaos struct {
	services *services
	vendors  *vendors

	mutex  sync.Mutex
	struck map[blowKind]int
	fault  error
}

// strike breaks what the blows say, each at its time, until ctx ends. It returns when everything stands again.
func (c *chaos) strike(ctx context.Context, blows []blow) {
	var all sync.WaitGroup
	for _, b := range blows {
		all.Go(func() {
			if !wait(ctx, b.after) {
				return
			}
			struck, err := true, error(nil)
			switch b.kind {
			case killFunction:
				struck = c.services.functions.Kill(b.which)
			case stopS3:
				// It stands again before the tick is over, also where the run ends first.
				err = c.services.s3.Interrupt(b.lasts)
			case stopVendor:
				err = c.vendors.interrupt(b.lasts)
			}
			c.mutex.Lock()
			defer c.mutex.Unlock()
			if err != nil && c.fault == nil {
				c.fault = fmt.Errorf("%s, and does not start again: %w", b.kind, err)
			}
			if struck {
				c.struck[b.kind]++
			}
		})
	}
	all.Wait()
}

func (c *chaos) count(kind blowKind, n int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if n > 0 {
		c.struck[kind] += n
	}
}

// wait waits for d and reports whether ctx has not ended before.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
