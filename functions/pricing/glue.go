package pricing

import (
	"fmt"
	"time"
)

const (
	// GlueMinimum is the least that a run of a Glue job is billed for. https://aws.amazon.com/glue/pricing/
	GlueMinimum = time.Minute

	// GluePythonShellDPU is the smaller of the two sizes that a Python Shell job can have, in data processing
	// units. https://docs.aws.amazon.com/glue/latest/dg/add-job-python.html
	GluePythonShellDPU = 1.0 / 16
)

// Job is a step of a pipeline as something that runs by itself and is billed by its duration, in Glue or in
// Lambda.
type Job struct {
	// Name is what the job does.
	Name string
	// PerRun is how often it runs for each stream in each run.
	PerRun int
	// Duration is how long it runs each time.
	Duration time.Duration
}

// Glue returns what jobs cost in a year as Glue Python Shell jobs that run as often as c's schedule says:
// compute alone, in whole seconds rounded up and no less than [GlueMinimum].
func (p Prices) Glue(c Configuration, jobs ...Job) Estimate {
	e := Estimate{
		Title: fmt.Sprintf("As Glue Python Shell jobs: %s", c.schedule()),
		Basis: p.basis(),
	}
	for _, job := range jobs {
		billed := job.Duration.Truncate(time.Second)
		if billed < job.Duration {
			billed += time.Second
		}
		seconds := max(billed, GlueMinimum).Seconds()
		e.Lines = append(e.Lines, onJob.line(Compute, job.Name,
			c.runsOf(job),
			factor{seconds / time.Hour.Seconds(), fmt.Sprintf("%s / 3,600", amount(seconds, "seconds").text)},
			amount(GluePythonShellDPU, "DPU"),
			price(p.GlueDPUHour, 1, "a DPU-hour")))
	}
	return e
}

// Lambda returns what the same jobs cost as Lambda functions: compute alone, so that the two can be compared.
func (p Prices) Lambda(c Configuration, jobs ...Job) Estimate {
	e := Estimate{
		Title: fmt.Sprintf("As Lambda functions on %s with %d MB: %s", c.Architecture, c.MemoryMB, c.schedule()),
		Basis: p.basis(),
	}
	for _, job := range jobs {
		e.Lines = append(e.Lines, onFunction.line(Compute, job.Name,
			c.runsOf(job),
			amount(job.Duration.Seconds(), "seconds"),
			amount(gigabytes(c.MemoryMB), "GB"),
			price(p.gbSecond(c.Architecture), 1, "a GB-s")))
	}
	return e
}

func (c Configuration) runsOf(job Job) factor {
	return amount(float64(c.Streams)*c.RunsPerDay()*float64(c.DaysPerYear)*float64(job.PerRun), "runs")
}

func (c Configuration) schedule() string {
	return fmt.Sprintf("%s every %s, %s a year", amount(float64(c.Streams), "streams").text, span(c.Interval), amount(float64(c.DaysPerYear), "days").text)
}
