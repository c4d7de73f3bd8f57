package vendorapi

import (
	"sync"
	"time"
)

// Stats counts what a client has done since it was made.
type Stats struct {
	// Requests were sent, repeated ones and pages fetched ahead included.
	Requests int
	// Retries are the repeated ones.
	Retries int
	// Throttled counts the answers that meant "too many requests".
	Throttled int
	// Waited is the time in which a request was held back, before its repetition or for the rate limit. Where several were at
	// once it counts once; others may have been under way meanwhile.
	Waited time.Duration
	// Tokens counts the tokens fetched, the first one included. The requests for them are among Requests.
	Tokens int
}

// counter holds the stats of a client, which several requests change side by side.
type counter struct {
	mutex sync.Mutex
	stats Stats
	// waiting is how many requests are held back, since is since when any is.
	waiting int
	since   time.Time
}

func (c *counter) count(change func(*Stats)) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	change(&c.stats)
}

func (c *counter) counted() Stats {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.stats
}

// begin and end count a wait.
func (c *counter) begin(now time.Time) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.waiting == 0 {
		c.since = now
	}
	c.waiting++
}

func (c *counter) end(now time.Time) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.waiting--
	if c.waiting == 0 {
		c.stats.Waited += max(now.Sub(c.since), 0)
	}
}
