package sizes

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/windrow-data/windrow/functions/pricing"
	"github.com/windrow-data/windrow/infra/local/lambdahost"
	"github.com/windrow-data/windrow/infra/local/play"
)

// Report is what the file holds.
type Report struct {
	Vendor string    `json:"vendor"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
	// Runs are those of the day, Attendees those of its two large webinars together.
	Runs             int                  `json:"runs"`
	Attendees        int                  `json:"attendees"`
	VendorLatencyMs  float64              `json:"vendorLatencyMs"`
	StorageLatencyMs float64              `json:"storageLatencyMs"`
	Region           string               `json:"region"`
	PricesOf         string               `json:"pricesOf"`
	Architecture     pricing.Architecture `json:"architecture"`
	Handlers         []HandlerReport      `json:"handlers"`
	Replays          []Replay             `json:"replays"`
}

// HandlerReport is what all functions of a kind would take in the day.
type HandlerReport struct {
	Handler     string       `json:"handler"`
	Invocations int          `json:"invocations"`
	Sizes       []SizeReport `json:"sizes"`
}

// SizeReport is what they would take with one memory size.
type SizeReport struct {
	MemoryMB   int     `json:"memoryMB"`
	Processors float64 `json:"processors"`
	// The durations are those that AWS would bill, initializations included: of an invocation, and of all of the day.
	MedianMs      float64 `json:"billedMsMedian"`
	P95Ms         float64 `json:"billedMsP95"`
	LongestMs     float64 `json:"billedMsLongest"`
	BilledSeconds float64 `json:"billedSecondsOfADay"`
	CPUSeconds    float64 `json:"cpuSecondsOfADay"`
	GBSeconds     float64 `json:"gbSecondsOfADay"`
	// The dollars are those of Lambda; requests to S3 and the like are as many whatever the memory.
	USDOfARun  float64 `json:"usdOfARun"`
	USDOfADay  float64 `json:"usdOfADay"`
	USDOfAYear float64 `json:"usdOfAYear"`
	// PeakMB is the highest of the sample, InitMs the median of its cold starts.
	PeakMB float64 `json:"peakMB"`
	InitMs float64 `json:"initMs"`
	// Failed counts the replays that ended with an error or did less than was recorded.
	Failed      int  `json:"failed"`
	Cheapest    bool `json:"cheapest"`
	Recommended bool `json:"recommended"`
}

// daysOfAYear is how many such days make a year.
const daysOfAYear = 365

func newReport(o Options, day *play.Summary, replays []Replay) *Report {
	r := &Report{
		Vendor: day.Vendor, From: day.From, Until: day.Until, Runs: day.Runs, Attendees: o.Play.Attendees,
		VendorLatencyMs: milliseconds(o.VendorLatency), StorageLatencyMs: milliseconds(o.StorageLatency),
		Region: o.Prices.Region, PricesOf: o.Prices.Date, Architecture: o.Architecture,
		Replays: replays,
	}
	for _, handler := range []string{ingest, preprocess} {
		of := slices.DeleteFunc(slices.Clone(replays), func(r Replay) bool { return r.Handler != handler })
		if len(of) == 0 {
			continue
		}
		invocations := 0.0
		for _, r := range of {
			invocations += r.StandsFor
		}
		h := HandlerReport{Handler: handler, Invocations: int(math.Round(invocations))}
		for at := range o.MemoryMBs {
			h.Sizes = append(h.Sizes, sizeReport(o, day.Runs, of, at))
		}
		mark(h.Sizes)
		r.Handlers = append(r.Handlers, h)
	}
	return r
}

// sizeReport adds up what the replays took with the size at an index, each as often as it stands for.
func sizeReport(o Options, runs int, replays []Replay, at int) SizeReport {
	memoryMB := o.MemoryMBs[at]
	s := SizeReport{MemoryMB: memoryMB, Processors: math.Round(lambdahost.ShareOf(memoryMB)*1000) / 1000}
	var billed, starts []weighed
	for _, r := range replays {
		f := r.Sizes[at]
		if f.Fault != "" || f.Work < r.Work {
			s.Failed++
		}
		billed = append(billed, weighed{f.BilledMs, r.StandsFor})
		if !r.Warm {
			starts = append(starts, weighed{f.InitMs, r.StandsFor})
		}
		s.LongestMs = max(s.LongestMs, f.BilledMs)
		s.PeakMB = max(s.PeakMB, f.PeakMB)
		s.BilledSeconds += f.BilledMs / 1000 * r.StandsFor
		s.CPUSeconds += f.CPUMs / 1000 * r.StandsFor
		s.USDOfADay += r.StandsFor * o.Prices.Invocation(pricing.Usage{
			Duration: time.Duration(f.BilledMs * float64(time.Millisecond)), MemoryMB: memoryMB, Architecture: o.Architecture,
		})
	}
	s.MedianMs, s.P95Ms, s.InitMs = quantile(billed, 0.5), quantile(billed, 0.95), quantile(starts, 0.5)
	s.GBSeconds = s.BilledSeconds * float64(memoryMB) / 1024
	s.USDOfARun, s.USDOfAYear = s.USDOfADay/float64(runs), s.USDOfADay*daysOfAYear
	return s
}

// weighed is a figure that stands for several.
type weighed struct{ value, weight float64 }

// quantile returns the least figure that with those below it makes up the share q of all, 0 where there is none.
func quantile(of []weighed, q float64) float64 {
	slices.SortFunc(of, func(a, b weighed) int { return cmp.Compare(a.value, b.value) })
	total, sum := 0.0, 0.0
	for _, w := range of {
		total += w.weight
	}
	for _, w := range of {
		if sum += w.weight; sum >= q*total*(1-1e-9) {
			return w.value
		}
	}
	return 0
}

// Rules of the recommendation.
const (
	// mostMemory is the part of its memory that a function may have held at its peak: windows and columns of other vendors take
	// more, and above all of it is the end.
	mostMemory = 0.5
	// dearer is how much more a size may cost than the cheapest to be worth being faster.
	dearer = 1.05
)

// rule says how a size is recommended.
const rule = "recommended: the largest of the sizes that cost at most 5 % more than the cheapest and do everything with half of their memory or less"

// mark finds the cheapest of the sizes at which nothing failed, and the one that is recommended.
func mark(sizes []SizeReport) {
	cheapest := -1
	least := math.Inf(1)
	for i, s := range sizes {
		if s.Failed == 0 && (cheapest < 0 || s.USDOfADay < sizes[cheapest].USDOfADay) {
			cheapest = i
		}
		if s.fits() {
			least = min(least, s.USDOfADay)
		}
	}
	if cheapest >= 0 {
		sizes[cheapest].Cheapest = true
	}
	recommended := -1
	for i, s := range sizes {
		if s.fits() && s.USDOfADay <= least*dearer && (recommended < 0 || s.MemoryMB > sizes[recommended].MemoryMB) {
			recommended = i
		}
	}
	if recommended >= 0 {
		sizes[recommended].Recommended = true
	}
}

func (s SizeReport) fits() bool { return s.Failed == 0 && s.PeakMB <= mostMemory*float64(s.MemoryMB) }

// Good reports whether a size is recommended for each handler.
func (r *Report) Good() bool {
	return len(r.Handlers) > 0 && !slices.ContainsFunc(r.Handlers, func(h HandlerReport) bool {
		return !slices.ContainsFunc(h.Sizes, func(s SizeReport) bool { return s.Recommended })
	})
}

// Print writes the report as tables for a person.
func (r *Report) Print(w io.Writer) error {
	fmt.Fprintf(w, "\n%s, %d runs, %d attendees; %.0f ms for a page of the vendor, %.0f ms for a request to AWS; %d invocations replayed\n",
		r.Vendor, r.Runs, r.Attendees, r.VendorLatencyMs, r.StorageLatencyMs, len(r.Replays))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, h := range r.Handlers {
		fmt.Fprintf(table, "\n%s: %d invocations a day\n", h.Handler, h.Invocations)
		fmt.Fprintln(table, "MB\tvCPU\tmedian ms\tp95 ms\tlongest s\tbilled s\tGB-s\tUSD a run\tUSD a day\tUSD a year\tpeak MB\tinit ms\tfailed\t")
		for _, s := range h.Sizes {
			fmt.Fprintf(table, "%d\t%.3f\t%.0f\t%.0f\t%.1f\t%.1f\t%.2f\t%.7f\t%.5f\t%.2f\t%.1f\t%.0f\t%d\t%s\n",
				s.MemoryMB, s.Processors, s.MedianMs, s.P95Ms, s.LongestMs/1000, s.BilledSeconds, s.GBSeconds,
				s.USDOfARun, s.USDOfADay, s.USDOfAYear, s.PeakMB, s.InitMs, s.Failed, s.marks())
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nGB-s and billed s are of a day. USD are Lambda's alone, list prices of %s (%s, %s).\n%s.\n",
		r.PricesOf, r.Region, r.Architecture, rule)
	return err
}

func (s SizeReport) marks() string {
	switch {
	case s.Cheapest && s.Recommended:
		return "  cheapest, recommended"
	case s.Cheapest:
		return "  cheapest"
	case s.Recommended:
		return "  recommended"
	}
	return ""
}

func (r *Report) write(path string) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}
