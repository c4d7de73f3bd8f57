package play

import (
	"cmp"
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
	"github.com/windrow-data/windrow/infra/local/gate"
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
	// Right is what [Summary.Good] says, for who reads the file.
	Right bool `json:"right"`
	// Findings count what the functions reported, Failures what they failed with.
	Findings []Tally `json:"findings,omitempty"`
	Failures []Tally `json:"failures,omitempty"`
	// Denied counts the calls that the policies in the templates do not allow, in words.
	Denied map[string]int `json:"denied,omitempty"`
	// DeadLetters counts the ticks that were not delivered and went to the schedule's queue for such.
	DeadLetters int `json:"deadLetters,omitempty"`
	// Alarms are those of the templates, by their names, as they would have read the play's metrics.
	Alarms map[string]AlarmSummary `json:"alarms,omitempty"`
	// Events counts what was put on event buses, by source, bus and kind.
	Events map[string]int `json:"events,omitempty"`
	// Requests are what all functions have asked for; Handlers what they have taken and asked for, by the kind of
	// handler: ingest or preprocess.
	Requests gate.Requests              `json:"requests"`
	Handlers map[string]*HandlerSummary `json:"handlers"`
	// Memory says whether the functions' memory was watched.
	Memory bool `json:"memoryWatched"`

	// undisturbed says that no alarm may go off but for findings.
	undisturbed bool
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
	// Handlers are those of the stream alone, see [Summary].
	Handlers map[string]*HandlerSummary `json:"handlers"`

	// What the functions have answered so far, shown as it goes.
	ingested, curated int64
	windows           int
}

// HandlerSummary is what functions of one kind have taken and asked for: what their costs follow from.
type HandlerSummary struct {
	Invocations int     `json:"invocations"`
	ColdStarts  int     `json:"coldStarts"`
	GBSeconds   float64 `json:"gbSeconds"`
	// CPUSeconds is processor time on this machine, initializations left out; InitSeconds is how long those took.
	// CPUSeconds is 0 where the system does not tell it.
	CPUSeconds  float64 `json:"cpuSeconds"`
	InitSeconds float64 `json:"initSeconds"`
	// LogBytes is the size of the logs that the functions wrote themselves.
	LogBytes int64 `json:"logBytes"`
	gate.Requests
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

// Good reports whether nothing was lost, doubled, failed or denied, nor came later than promised.
func (s *Summary) Good() bool {
	for _, stream := range s.Streams {
		if !stream.Good() || s.undisturbed && !stream.Freshness.Kept() {
			return false
		}
	}
	for _, name := range s.tripped() {
		if s.undisturbed && !(s.Alarms[name].OnFindings && len(s.Findings) > 0) {
			return false
		}
	}
	disturbed := s.Chaos != nil
	return (s.FailedRuns == 0 && s.DeadLetters == 0 || disturbed) && s.Lambda.OutOfMemory == 0 && len(s.Denied) == 0
}

// tripped are the names of the alarms that went off, sorted.
func (s *Summary) tripped() []string {
	var names []string
	for name, alarm := range s.Alarms {
		if alarm.Tripped {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// printAlarms shows the alarms that went off, with what they saw.
func (s *Summary) printAlarms(w io.Writer) {
	if len(s.Alarms) == 0 {
		return
	}
	tripped := s.tripped()
	if len(tripped) == 0 {
		fmt.Fprintf(w, "alarms: %d evaluated, none went off\n", len(s.Alarms))
		return
	}
	fmt.Fprintf(w, "alarms: %d evaluated, %d went off\n", len(s.Alarms), len(tripped))
	for _, name := range tripped {
		fmt.Fprintf(w, "  %s\n", name)
		for line := range strings.Lines(s.Alarms[name].Timeline) {
			fmt.Fprintf(w, "    %s", line)
		}
	}
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
	l.GBSeconds = thousandths(l.GBSeconds + stats.GBSeconds)
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

// addHandler adds a function to the handlers of its kind.
func addHandler(to *map[string]*HandlerSummary, kind string, stats lambdahost.Stats, requests gate.Requests) {
	if *to == nil {
		*to = map[string]*HandlerSummary{}
	}
	h := (*to)[kind]
	if h == nil {
		h = &HandlerSummary{}
		(*to)[kind] = h
	}
	h.Invocations += stats.Invocations
	h.ColdStarts += stats.ColdStarts
	h.GBSeconds = thousandths(h.GBSeconds + stats.GBSeconds)
	h.CPUSeconds = thousandths(h.CPUSeconds + stats.CPU.Seconds())
	h.InitSeconds = thousandths(h.InitSeconds + stats.Initialization.Seconds())
	h.LogBytes += stats.LogBytes
	h.Requests.Add(requests)
}

func (s *Summary) write(path string) error {
	s.Right = s.Good()
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
	fmt.Fprintln(table, "stream\twindows\tbacked off\tresumed\tread again\treplaced\tlate\tparts\tvendor\tcommitted\trows\tquarantined\tmissing\tduplicated\tstale\tnot yet due\trequests\tretries\tthrottled\t")
	for _, r := range s.Streams {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n",
			r.Name, r.Windows, r.BackedOff, r.Resumed, r.Reread, r.Replaced, r.Late, r.Parts, r.VendorRecords, r.CommittedRecords, r.CuratedRows, r.Quarantined,
			r.Missing, r.Duplicated, r.Stale, r.NotYetDue, r.Requests, r.Retries, r.Throttled)
	}
	table.Flush()
	fmt.Fprintln(w)
	s.printFreshness(w)
	fmt.Fprintf(w, "%d runs (%d failed), %d transitions; Lambda: %d invocations (%d cold, %d errors), %.3f GB-s\n",
		s.Runs, s.FailedRuns, s.Transitions, s.Lambda.Invocations, s.Lambda.ColdStarts, s.Lambda.Errors, s.Lambda.GBSeconds)
	s.printHandlers(w)
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
	s.printAlarms(w)
	printTallies(w, "findings", s.Findings)
	printTallies(w, "failures of functions", s.Failures)
	list(w, "events", s.Events)
	if s.DeadLetters > 0 {
		fmt.Fprintf(w, "%d ticks were not delivered, see deadletters.ndjson\n", s.DeadLetters)
	}
	list(w, "DENIED by the policies of the template", s.Denied)
	for _, stream := range s.Streams {
		if f := stream.Freshness; s.undisturbed && !f.Kept() {
			fmt.Fprintf(w, "WRONG in %s: of the records on time, 95 %% were rows within %s, want %s: an interval, the settle delay and a minute\n",
				stream.Name, inMinutes(f.OnTime.P95Seconds), inMinutes(f.BoundSeconds))
		}
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

// printFreshness prints how long records took from when the vendor showed them to their rows.
func (s *Summary) printFreshness(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "fresh\ton time\tp50\tp95\tbound\tothers\tp50\tp95\t")
	for _, stream := range s.Streams {
		f := stream.Freshness
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%d\t%s\t%s\t\n", stream.Name,
			f.OnTime.Records, inMinutes(f.OnTime.P50Seconds), inMinutes(f.OnTime.P95Seconds), inMinutes(f.BoundSeconds), f.Others.Records, inMinutes(f.Others.P50Seconds), inMinutes(f.Others.P95Seconds))
	}
	table.Flush()
	fmt.Fprintln(w)
}

// printHandlers prints what costs money beside the time of the functions.
func (s *Summary) printHandlers(w io.Writer) {
	var logBytes int64
	for _, kind := range slices.Sorted(maps.Keys(s.Handlers)) {
		h := s.Handlers[kind]
		fmt.Fprintf(w, "%s: %d invocations, %.1f s of processor time, %.1f s of initialization in %d cold starts\n", kind, h.Invocations, h.CPUSeconds, h.InitSeconds, h.ColdStarts)
		logBytes += h.LogBytes
	}
	var kinds []string
	refused := 0
	for _, kind := range []gate.Kind{gate.Put, gate.List, gate.Get, gate.Head, gate.Delete} {
		if count := s.Requests.S3[kind]; count.Requests > 0 {
			kinds = append(kinds, fmt.Sprintf("%d %s", count.Requests, kind))
			refused += count.FailedConditionally
		}
	}
	fmt.Fprintf(w, "S3: %s (%d refused by their condition); Secrets Manager: %d calls; EventBridge: %d events; logs: %.1f MB\n",
		strings.Join(kinds, ", "), refused, s.Requests.Secrets, s.Requests.Events, float64(logBytes)/(1<<20))
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

// inMinutes writes a span to the minute, which is as exact as it is of ticks.
func inMinutes(seconds float64) string {
	span := (time.Duration(seconds) * time.Second).Round(time.Minute)
	return cmp.Or(strings.TrimSuffix(span.String(), "0s"), "0m")
}

func sum[K comparable](counts map[K]int) int {
	total := 0
	for _, count := range counts {
		total += count
	}
	return total
}

func thousandths(x float64) float64 { return math.Round(x*1000) / 1000 }

func round(x float64) float64 { return math.Round(x*10) / 10 }
