package pricing

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// PublishedJobs are the steps of a pipeline of webinar data as a case study published in 2023 has them: a
// minute of ingestion, and two files preprocessed in ten seconds together.
func PublishedJobs() []Job {
	return []Job{
		{Name: "ingestion", PerRun: 1, Duration: time.Minute},
		{Name: "preprocessing, two files", PerRun: 2, Duration: 5 * time.Second},
	}
}

// Comparison sets the same jobs side by side, as Glue Python Shell jobs and as Lambda functions.
type Comparison struct {
	Glue, X86, ARM64 Estimate
	// TenSecondsAFile is X86 where each of the two files takes the ten seconds that the study gives both.
	TenSecondsAFile Estimate
}

// Published returns the comparison of that case study, with the prices p: [PublishedJobs] for four streams
// every 30 minutes in twelve months of 30 days, with 128 MB. It is of compute alone. What the rest costs the
// study leaves out; [Prices.Year] has it.
func (p Prices) Published() Comparison {
	jobs := PublishedJobs()
	slow := PublishedJobs()
	slow[1].Duration *= 2
	return Comparison{
		Glue:            p.Glue(published(X86), jobs...),
		X86:             p.Lambda(published(X86), jobs...),
		ARM64:           p.Lambda(published(ARM64), jobs...),
		TenSecondsAFile: p.Lambda(published(X86), slow...),
	}
}

// published is the case study's schedule. Nothing is deployed with it that costs beside compute.
func published(a Architecture) Configuration {
	return Configuration{Streams: 4, Interval: 30 * time.Minute, DaysPerYear: 360, Architecture: a, MemoryMB: 128}
}

// Saving returns by what part of the Glue jobs' cost e is cheaper than they are: 0.9 where it costs a tenth.
func (c Comparison) Saving(e Estimate) float64 { return 1 - e.Total()/c.Glue.Total() }

// Print writes c as a table for a terminal, with what is saved. It gives back the first error of w.
func (c Comparison) Print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(as, job, arithmetic string, usd float64) {
		fmt.Fprintf(table, "%s\t%s\t%s\t%10.2f\n", as, job, arithmetic, usd)
	}
	slow := c.TenSecondsAFile.Lines[1]
	fmt.Fprintf(table, "The published comparison: compute alone, %s, %d MB\n\n", published(ARM64).schedule(), published(ARM64).MemoryMB)
	fmt.Fprintf(table, "as\tjob\tarithmetic\tUSD a year\n")
	for _, side := range []struct {
		as       string
		estimate Estimate
		less     string
	}{
		{"Glue Python Shell", c.Glue, ""},
		{"Lambda on x86", c.X86, fmt.Sprintf("%.1f %% less", 100*c.Saving(c.X86))},
		{"Lambda on arm64", c.ARM64, fmt.Sprintf("%.1f %% less", 100*c.Saving(c.ARM64))},
	} {
		for _, line := range side.estimate.Lines {
			row(side.as, line.Item, line.Arithmetic, line.USD)
		}
		row(side.as, "together", side.less, side.estimate.Total())
	}
	row("Lambda on x86", "with ten seconds a file", slow.Arithmetic, slow.USD)
	fmt.Fprintf(table, "\n%s\n", c.Glue.Basis)
	return table.Flush()
}
