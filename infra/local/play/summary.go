package play

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
	"github.com/windrow-data/windrow/infra/local/lambdahost"
	"github.com/windrow-data/windrow/infra/local/verify"
)

// Summary is what summary.json holds.
type Summary struct {
	// Vendor is the name of the vendor; several are joined by commas.
	Vendor string    `json:"vendor"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
	// Runs counts the executions, FailedRuns those that did not succeed.
	Runs       int             `json:"runs"`
	FailedRuns int             `json:"failedRuns"`
	Streams    []StreamSummary `json:"streams"`
	Lambda     LambdaSummary   `json:"lambda"`
	// Transitions are those that Step Functions would bill.
	Transitions int `json:"transitions"`
	// Faults counts the requests that met a fault of the simulated vendor, by kind.
	Faults map[vendortest.Fault]int `json:"faults,omitempty"`
	// Chaos counts what was broken on purpose, by kind, as drawn from ChaosSeed; runs may fail of it.
	Chaos       map[blowKind]int `json:"chaos,omitempty"`
	ChaosSeed   uint64           `json:"chaosSeed,omitempty"`
	WallSeconds float64          `json:"wallSeconds"`
	// Findings and Failures count what the functions reported and failed with.
	Findings map[string]int `json:"findings,omitempty"`
	Failures map[string]int `json:"failures,omitempty"`
	// Memory says whether the functions' memory was watched.
	Memory bool `json:"memoryWatched"`
}

// StreamSummary is one stream of [Summary].
type StreamSummary struct {
	Vendor string `json:"vendor"`
	Name   string `json:"name"`
	verify.Result
	Invocations int `json:"invocations"`
	Requests    int `json:"requests"`
	Retries     int `json:"retries"`
	Throttled   int `json:"throttled"`
	// Reread windows were read again; Replaced of them had changed, and have gained Late records.
	Reread   int   `json:"reread"`
	Replaced int   `json:"replaced"`
	Late     int64 `json:"late"`

	// What the functions have answered so far, shown as it goes.
	ingested, curated int64
	windows           int
}

// LambdaSummary is what the functions have taken.
type LambdaSummary struct {
	Invocations int     `json:"invocations"`
	GBSeconds   float64 `json:"gbSeconds"`
	ColdStarts  int     `json:"coldStarts"`
	Errors      int     `json:"errors"`
	Timeouts    int     `json:"timeouts"`
	OutOfMemory int     `json:"outOfMemory"`
	// PeakMemoryMB is the highest of all functions; PeakMemoryMBs is each function's.
	PeakMemoryMB  float64            `json:"peakMemoryMB"`
	PeakMemoryMBs map[string]float64 `json:"peakMemoryMBs,omitempty"`
}

// Good reports whether nothing was lost, doubled or failed.
func (s *Summary) Good() bool {
	for _, stream := range s.Streams {
		if !stream.Good() {
			return false
		}
	}
	return (s.FailedRuns == 0 || s.Chaos != nil) && s.Lambda.OutOfMemory == 0
}

func (s *Summary) addVendor(p *playing) {
	if s.Vendor != "" {
		s.Vendor += ","
	}
	s.Vendor += p.vendor.Name
	if p.simulated == nil {
		return
	}
	if s.Faults == nil {
		s.Faults = map[vendortest.Fault]int{}
	}
	for kind, count := range p.simulated.server.Stats().Faults {
		if kind != vendortest.FaultNone {
			s.Faults[kind] += count
		}
	}
}

func (s *Summary) addFunction(name string, stats lambdahost.Stats) {
	l := &s.Lambda
	l.Invocations += stats.Invocations
	l.GBSeconds = math.Round((l.GBSeconds+stats.GBSeconds)*1000) / 1000
	l.ColdStarts += stats.ColdStarts
	l.Errors += stats.Errors
	l.Timeouts += stats.Timeouts
	l.OutOfMemory += stats.OutOfMemory
	if s.Memory {
		peak := round(float64(stats.PeakMemory) / (1 << 20))
		if l.PeakMemoryMBs == nil {
			l.PeakMemoryMBs = map[string]float64{}
		}
		l.PeakMemoryMBs[name] = peak
		l.PeakMemoryMB = max(l.PeakMemoryMB, peak)
	}
}

func (s *Summary) write(path string) error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}

// Print writes the summary as a table for a person.
func (s *Summary) Print(w io.Writer, out string) {
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "stream\twindows\tbacked off\tresumed\tread again\treplaced\tlate\tparts\tvendor\tcommitted\trows\tquarantined\tmissing\tduplicated\tstale\tnot yet due\trequests\tretries\tthrottled\tfresh p95\t")
	for _, r := range s.Streams {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t\n",
			r.Name, r.Windows, r.BackedOff, r.Resumed, r.Reread, r.Replaced, r.Late, r.Parts, r.VendorRecords, r.CommittedRecords, r.CuratedRows, r.Quarantined,
			r.Missing, r.Duplicated, r.Stale, r.NotYetDue, r.Requests, r.Retries, r.Throttled, minutes(r.FreshnessP95Seconds))
	}
	table.Flush()
	fmt.Fprintln(w)
	fmt.Fprintf(w, "%d runs (%d failed), %d transitions; Lambda: %d invocations (%d cold, %d errors), %.3f GB-s\n",
		s.Runs, s.FailedRuns, s.Transitions, s.Lambda.Invocations, s.Lambda.ColdStarts, s.Lambda.Errors, s.Lambda.GBSeconds)
	if s.Memory {
		fmt.Fprintf(w, "peak memory %.1f MB\n", s.Lambda.PeakMemoryMB)
	} else {
		fmt.Fprintln(w, "memory was not watched: this system does not tell a process's peak")
	}
	if s.Chaos != nil {
		var kinds []string
		for _, kind := range slices.Sorted(maps.Keys(s.Chaos)) {
			kinds = append(kinds, fmt.Sprintf("%s %d", kind, s.Chaos[kind]))
		}
		fmt.Fprintf(w, "chaos of the seed %d: %s\n", s.ChaosSeed, strings.Join(kinds, ", "))
	}
	if total := sum(s.Faults); total > 0 {
		var kinds []string
		for _, kind := range slices.Sorted(maps.Keys(s.Faults)) {
			kinds = append(kinds, fmt.Sprintf("%s %d", kind, s.Faults[kind]))
		}
		fmt.Fprintf(w, "%d requests met a fault of the simulated vendor: %s\n", total, strings.Join(kinds, ", "))
	}
	list(w, "findings", s.Findings)
	list(w, "failures of functions", s.Failures)
	for _, stream := range s.Streams {
		for _, fault := range stream.Faults {
			fmt.Fprintf(w, "WRONG in %s: %s\n", stream.Name, fault)
		}
	}
	fmt.Fprintf(w, "%s has the lake, logs and summary.json; %.1f s in all\n", out, s.WallSeconds)
	switch {
	case s.Good():
		fmt.Fprintln(w, "nothing is missing, nothing is doubled")
	default:
		fmt.Fprintln(w, "THE RUN IS NOT RIGHT: see above")
	}
}

// list prints the texts that were counted, the first few.
func list(w io.Writer, title string, counted map[string]int) {
	const most = 10
	for i, text := range slices.Sorted(maps.Keys(counted)) {
		if i == 0 {
			fmt.Fprintf(w, "%s:\n", title)
		}
		if i == most {
			fmt.Fprintf(w, "  and %d more, see the logs\n", len(counted)-most)
			return
		}
		fmt.Fprintf(w, "  %d x %s\n", counted[text], text)
	}
}

func minutes(seconds float64) string {
	return (time.Duration(seconds) * time.Second).String()
}

func sum[K comparable](counts map[K]int) int {
	total := 0
	for _, count := range counts {
		total += count
	}
	return total
}

func round(x float64) float64 { return math.Round(x*10) / 10 }
