package pricing

import (
	"errors"
	"fmt"
	"time"
)

// Configuration is what is deployed, as far as it costs.
type Configuration struct {
	// Streams is the number of streams.
	Streams int
	// Interval is the time from one scheduled run to the next.
	Interval time.Duration
	// DaysPerYear is how many days a year has: 365, or 360 to compare with twelve months of 30 days. What is
	// paid by the month is paid twelve times either way.
	DaysPerYear int
	// Architecture is the functions' instruction set.
	Architecture Architecture
	// MemoryMB is the functions' memory. It settles their share of a vCPU too, see [Share].
	MemoryMB int
	// TransitionsPerRun are the state transitions of a run without incident.
	TransitionsPerRun int
	// TracesPerRun is 1 where the state machine is traced, and 0 where it is not.
	TracesPerRun int
	// LogRetentionDays is how long logs are kept.
	LogRetentionDays int

	// AlarmMetrics are the metrics that alarms read, each counted for each alarm that reads it.
	AlarmMetrics int
	// CompositeAlarms are the alarms that read alarms.
	CompositeAlarms int
	// CustomMetrics are the metrics that are sent, each name counted for each set of dimensions.
	CustomMetrics int
	// Dashboards are CloudWatch dashboards.
	Dashboards int
	// Secrets are secrets in Secrets Manager.
	Secrets int
	// Keys are customer managed KMS keys.
	Keys int
	// Budgets are AWS budgets that alert and do nothing else.
	Budgets int
}

// TransitionsPerRun are the state transitions of a run without incident: each stream is ingested and preprocessed, the children of each of
// the parents are branched to, and around it all are the start, the branch to all streams, and the choice at its end.
func TransitionsPerRun(streams, parents int) int { return 2*streams + parents + 3 }

// RunsPerDay returns how often the schedule starts a run each day.
func (c Configuration) RunsPerDay() float64 { return float64(24*time.Hour) / float64(c.Interval) }

// Validate tells everything that keeps c from being estimated.
func (c Configuration) Validate() error {
	var faults []error
	want := func(holds bool, field string, value any, allowed string) {
		if !holds {
			faults = append(faults, fmt.Errorf("%s is %v: want %s", field, value, allowed))
		}
	}
	want(c.Streams > 0, "Streams", c.Streams, "1 or more")
	want(c.Interval > 0, "Interval", c.Interval, "a duration above 0, for example 30m")
	want(c.DaysPerYear == 360 || c.DaysPerYear == 365, "DaysPerYear", c.DaysPerYear, "365, or 360 for twelve months of 30 days")
	want(c.Architecture == ARM64 || c.Architecture == X86, "Architecture", fmt.Sprintf("%q", c.Architecture), fmt.Sprintf("%q or %q", ARM64, X86))
	want(c.MemoryMB >= 128 && c.MemoryMB <= 10240, "MemoryMB", c.MemoryMB, "128 to 10240, as Lambda allows")
	want(c.TracesPerRun == 0 || c.TracesPerRun == 1, "TracesPerRun", c.TracesPerRun, "1 where runs are traced, otherwise 0")
	want(c.LogRetentionDays > 0, "LogRetentionDays", c.LogRetentionDays, "1 or more")
	for _, count := range []struct {
		field string
		value int
	}{
		{"TransitionsPerRun", c.TransitionsPerRun},
		{"AlarmMetrics", c.AlarmMetrics},
		{"CompositeAlarms", c.CompositeAlarms},
		{"CustomMetrics", c.CustomMetrics},
		{"Dashboards", c.Dashboards},
		{"Secrets", c.Secrets},
		{"Keys", c.Keys},
		{"Budgets", c.Budgets},
	} {
		want(count.value >= 0, count.field, count.value, "0 or more")
	}
	return errors.Join(faults...)
}
