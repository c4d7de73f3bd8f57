// Package bench measures what the handlers cost: against the least that the same work can cost, in memory, at a start, at
// rest, and against a slow vendor. Its figures have bounds, and a run fails where one is broken.
//
// It stands apart from the benchmarks of single functions because what it measures is what is deployed: the bootstraps as the
// construct builds them, over HTTP, with S3. On a noisy machine seconds say little, so processor time is compared and not the
// clock's, in ratios of what was measured side by side in one run (A B A B ...), and medians are taken. The clock is read only
// where waiting is what is measured.
package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/windrow-data/windrow/infra/local/toolcache"
)

// Defaults of [Options].
const (
	DefaultRecords = 1_000_000
	// QuickRecords is the default of a quick run.
	QuickRecords = 100_000
	DefaultOut   = ".local/bench.json"
)

// Options say what to measure.
type Options struct {
	// Records is how many attendees the largest window holds. Default [DefaultRecords], of a quick run [QuickRecords].
	Records int
	// Quick measures less of everything, so that a run takes less than three minutes on two cores. The bounds are the same.
	Quick bool
	// Only are the names of the measures to take; none means all but those that need to be asked for.
	Only []string
	// Out is the file that the report is written to.
	Out string
	// Dir is where the run works; it is emptied first and removed at the end.
	Dir string
	// Cache is where helper programs are kept.
	Cache toolcache.Cache
	// Say is told what happens, in lines.
	Say func(line string)
}

// bench is a run.
type bench struct {
	options Options
	*Report
	rig       *rig
	templates []template
}

// measure is a part of the benchmark.
type measure struct {
	name string
	// what says in a line what is measured.
	what string
	take func(*bench, context.Context) error
	// asked is set of one that is taken only when it is asked for.
	asked bool
}

var measures = []measure{
	{"ingest", "CPU of ingest over its floor, records a second on one core, memory", (*bench).ingest, false},
	{"preprocess", "CPU of preprocess over its floor, records a second on one core, memory", (*bench).preprocess, false},
	{"small", "records a second under a Lambda of 128 MB, which has 7 % of a core", (*bench).small, false},
	{"scaling", "CPU, requests and memory when the window is ten and a hundred times as long", (*bench).scaling, false},
	{"idle", "what a run takes when the vendor has nothing new, on the first day and after ten years", (*bench).idle, false},
	{"latency", "pages in flight against a vendor that takes 300 ms a page", (*bench).latency, false},
	{"limit", "an execution and a backfill at once under a limit of 100 requests a minute", (*bench).limit, false},
	{"coldstart", "from the start of the process to its first request, size of what is deployed", (*bench).coldStart, false},
	{"candidates", "JSON scanners, compressors and Parquet libraries on the same records; only where it is asked for", (*bench).candidates, true},
}

// Measures returns a line for each measure, for a help text.
func Measures() []string {
	var lines []string
	for _, m := range measures {
		lines = append(lines, fmt.Sprintf("%-10s  %s", m.name, m.what))
	}
	return lines
}

// chosen returns the measures to take.
func (o Options) chosen() ([]measure, error) {
	known := map[string]bool{}
	for _, m := range measures {
		known[m.name] = true
	}
	for _, name := range o.Only {
		if !known[name] {
			return nil, fmt.Errorf("measure %q: want one of %s", name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(measures), func(m measure) bool {
		return len(o.Only) == 0 && m.asked || len(o.Only) > 0 && !slices.Contains(o.Only, m.name)
	}), nil
}

// Validate says what is wrong with options.
func (o Options) Validate() error {
	_, err := o.chosen()
	if o.Records < 0 || o.Records > 0 && o.Records < leastRecords {
		err = errors.Join(err, fmt.Errorf("%d records: want at least %d, or 0 for the default", o.Records, leastRecords))
	}
	return err
}

// leastRecords is a hundred pages: with less, what an invocation costs beside its records would be most of it.
const leastRecords = 100 * pageRecords

// Run measures, and writes the report. It fails where something that it needs fails; whether the bounds hold stands in the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	chosen, err := o.chosen()
	if err != nil {
		return nil, err
	}
	if cpuReader == nil {
		return nil, errors.New("the benchmark needs Linux, where the processor time of a living process is told")
	}
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Records == 0 {
		o.Records = DefaultRecords
		if o.Quick {
			o.Records = QuickRecords
		}
	}
	began := time.Now()
	b := &bench{options: o, Report: &Report{
		Date: began.UTC().Truncate(time.Second), Machine: thisMachine(), Commit: commit(ctx), Records: o.Records, Quick: o.Quick, told: o.Say,
	}}
	if b.rig, err = newRig(ctx, o.Dir, o.Cache); err != nil {
		return nil, err
	}
	defer b.rig.Close()
	if b.templates, err = makeTemplates(1, distinctRecords); err != nil {
		return nil, err
	}
	for _, m := range chosen {
		b.measure = m.name
		o.Say(m.name + ": " + m.what)
		if err := m.take(b, ctx); err != nil {
			return nil, fmt.Errorf("measure %s: %w", m.name, err)
		}
	}
	b.Seconds = time.Since(began).Seconds()
	path, err := filepath.Abs(o.Out)
	if err != nil {
		return nil, err
	}
	return b.Report, b.write(path)
}
