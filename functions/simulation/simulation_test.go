package simulation

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/curated"
)

// defaults are how many histories are played and from which seed, where -rapid.checks and -rapid.seed do not
// say. The seed is fixed so that a change is judged by the same histories before and after it; a search for
// more is one with other seeds, as -soak makes.
var defaults = map[string]string{"rapid.checks": "3000", "rapid.seed": "3", "rapid.nofailfile": "true", "rapid.shrinktime": "1m"}

var soak = flag.Duration("soak", 0, "how long TestSoak goes on")

func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range defaults {
		if given[name] {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	if err := warm(); err != nil {
		panic(err)
	}
	// Histories are short and make much garbage.
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

// warm makes a Parquet object. The codec makes its channels at its first use, and one made in a
// bubble cannot be used in the next.
func warm() error {
	if err := shareDecoder(); err != nil {
		return err
	}
	d := dialect{bounds: unixBounds}.possible()
	table, err := curated.NewTable(&d.describe(release{pageSize: 1}).Streams[0])
	if err != nil {
		return err
	}
	var object, quarantine bytes.Buffer
	writer := table.NewWriter(&object, &quarantine, curated.Source{})
	if _, err := writer.AddPart(context.Background(), "part", strings.NewReader("{\"id\":1}\n")); err != nil {
		return err
	}
	if _, err = writer.Close(); err != nil {
		return err
	}
	return warmCompaction(table, d, object.Bytes())
}

// tally counts what the histories of a test met.
type tally struct {
	mu                                sync.Mutex
	histories, invocations            int
	missing, doubled, late, otherwise int
	faults                            map[string]int
}

func (c *tally) add(p *play, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.histories++
	c.invocations += p.invocations
	for kind, n := range p.faults {
		c.faults[kind] += n
	}
	switch {
	case err == nil:
	case errors.Is(err, errMissing):
		c.missing++
	case errors.Is(err, errTwice):
		c.doubled++
	case errors.Is(err, errLate):
		c.late++
	default:
		c.otherwise++
	}
}

// struck counts the faults met; what stands in parentheses is none.
func (c *tally) struck() (total int) {
	for kind, n := range c.faults {
		if !strings.HasPrefix(kind, "(") {
			total += n
		}
	}
	return total
}

func (c *tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d histories, %d invocations of ingest, %d faults:\n", c.histories, c.invocations, c.struck())
	for _, kind := range slices.Sorted(maps.Keys(c.faults)) {
		fmt.Fprintf(&b, "%9d %s\n", c.faults[kind], kind)
	}
	fmt.Fprintf(&b, "%9d histories in which something was lost\n%9d in which something was doubled\n%9d in which something was late past its deadline\n%9d in which anything else was wrong",
		c.missing, c.doubled, c.late, c.otherwise)
	return b.String()
}

// simulate plays one history in a bubble of its own, so that its clock begins at the same time always.
func simulate(t *testing.T, h *history, s setting, c *tally) error {
	p := newPlay(h, s)
	var err error
	synctest.Test(t, func(*testing.T) { err = p.play() })
	if err == nil {
		err = p.check()
	}
	c.add(p, err)
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w\n%s%s", err, h, p.told())
}

// told is the end of what happened.
func (p *play) told() string {
	var b strings.Builder
	events := p.trace
	if skipped := len(events) - mostTold; skipped > 0 || p.untold > 0 {
		fmt.Fprintf(&b, "... %d requests before\n", skipped+p.untold)
		events = events[max(0, skipped):]
	}
	for _, e := range events {
		fmt.Fprintf(&b, "%s %-6s %-6s %s", e.at.UTC().Format("01-02T15:04:05.000000"), e.who, e.operation, strings.TrimPrefix(e.key, "model/"))
		if e.fate != "" {
			fmt.Fprintf(&b, "  <- %s", e.fate)
		}
		if e.err != nil {
			fmt.Fprintf(&b, "  -> %v", e.err)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// shards is among how many tests the histories of a seed are divided, for as many processors.
const shards = 4

// search plays the histories of the seed that is set, several at once, and shows the shortest that breaks a promise.
func search(t *testing.T, s setting, c *tally) bool {
	seed := flag.Lookup("rapid.seed").Value.String()
	return t.Run("seed="+seed, func(t *testing.T) {
		for shard := range shards {
			t.Run("shard="+strconv.Itoa(shard), func(t *testing.T) {
				t.Parallel()
				s := s
				s.tempDir = t.TempDir()
				rapid.Check(t, func(rt *rapid.T) {
					// All shards draw the same histories; each plays its own.
					own := 0
					for bit := 1; bit < shards; bit *= 2 {
						if rapid.Bool().Draw(rt, "shard") {
							own += bit
						}
					}
					if own != shard {
						return
					}
					if err := simulate(t, drawHistory(rt, s), s, c); err != nil {
						rt.Fatalf("go test ./functions/simulation -run 'TestNothing.*/.*/shard=%d' -rapid.seed=%s -rapid.checks=%s\n%v",
							shard, seed, flag.Lookup("rapid.checks").Value, err)
					}
				})
			})
		}
	})
}

func TestNothingIsLostAndNothingDoubled(t *testing.T) {
	c := &tally{faults: map[string]int{}}
	search(t, setting{families: 4}, c)
	t.Log(c)
	if c.histories >= 2000 && c.struck() < 10*c.histories {
		t.Errorf("%d faults in %d histories: want ten for each at least, or the search proves little", c.struck(), c.histories)
	}
}

// TestSoak plays seed after seed for as long as -soak says.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("goes on for as long as -soak says: make soak SOAK=10m")
	}
	c := &tally{faults: map[string]int{}}
	began := time.Now()
	for seed := began.Unix(); time.Since(began) < *soak; seed++ {
		if err := flag.Set("rapid.seed", strconv.FormatInt(seed, 10)); err != nil {
			t.Fatal(err)
		}
		if !search(t, setting{families: 4}, c) {
			break
		}
		fmt.Fprintf(os.Stderr, "%s: %d histories, %d faults\n", time.Since(began).Round(time.Second), c.histories, c.struck())
	}
	t.Logf("%s on %d processors\n%s", time.Since(began).Round(time.Second), runtime.GOMAXPROCS(0), c)
}
