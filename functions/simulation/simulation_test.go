package simulation

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/curated"
)

// defaults are how many histories are played and from which seed, where -rapid.checks and -rapid.seed do not
// say. The seed is fixed so that a change is judged by the same histories before and after it; a search for
// more is one with other seeds.
var defaults = map[string]string{"rapid.checks": "700", "rapid.seed": "3"}

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
	os.Exit(m.Run())
}

// warm makes a Parquet object. The codec makes its channels at its first use, and one made in a
// bubble cannot be used in the next.
func warm() error {
	table, err := curated.NewTable(&(&world{}).describe(deployment{pageSize: 1}).Streams[0])
	if err != nil {
		return err
	}
	var object, quarantine bytes.Buffer
	writer := table.NewWriter(&object, &quarantine, curated.Source{})
	if _, err := writer.AddPart(context.Background(), "part", strings.NewReader("{\"id\":1}\n")); err != nil {
		return err
	}
	_, err = writer.Close()
	return err
}

// tally counts what the histories of a test met.
type tally struct {
	histories, invocations int
	faults                 map[string]int
}

func (c *tally) add(h *history) {
	c.histories++
	c.invocations += h.invocations
	for kind, n := range h.faults {
		c.faults[kind] += n
	}
}

func (c *tally) String() string {
	var b strings.Builder
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(c.faults)) {
		fmt.Fprintf(&b, "\n%8d %s", c.faults[kind], kind)
		if !strings.HasPrefix(kind, "(") {
			total += c.faults[kind]
		}
	}
	return fmt.Sprintf("%d histories, %d invocations of ingest, %d faults:%s", c.histories, c.invocations, total, b.String())
}

// panicked wraps what the inside of a bubble panicked with: rapid ends a history that way, and has to see
// it on its own goroutine.
type panicked struct{ value any }

func (p panicked) Error() string { return fmt.Sprint(p.value) }

// simulate plays one history in a bubble of its own, so that its clock begins at the same time always.
func simulate(t *testing.T, rt *rapid.T, s setting, c *tally) (err error) {
	var h *history
	synctest.Test(t, func(*testing.T) {
		defer func() {
			if value := recover(); value != nil {
				err = panicked{value}
			}
		}()
		var interval time.Duration
		var ticks int
		h, interval, ticks = newHistory(rt, s)
		err = h.play(interval, ticks)
	})
	var p panicked
	if errors.As(err, &p) {
		panic(p.value)
	}
	if err == nil {
		err = h.check()
	}
	c.add(h)
	return err
}

func TestNothingIsLostAndNothingDoubled(t *testing.T) {
	c := &tally{faults: map[string]int{}}
	s := setting{tempDir: t.TempDir()}
	rapid.Check(t, func(rt *rapid.T) {
		if err := simulate(t, rt, s, c); err != nil {
			rt.Fatal(err)
		}
	})
	t.Log(c)
}
