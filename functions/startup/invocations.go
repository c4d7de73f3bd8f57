package startup

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/windrow-data/windrow/functions/pricing"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/telemetry"
)

// Names of the handlers, in logs.
const (
	Ingest     = "ingest"
	Preprocess = "preprocess"
	Erase      = "erase"
)

// Reporter is a handler's answer. The answers of ingest and preprocess have it by the report that they embed.
type Reporter[A any] interface {
	*A
	Reported() *telemetry.Report
}

// Invocations does the work of a function, and writes for each invocation the line that its metrics are made from. The
// zero value is of no use: all fields are needed, but for Initialization.
type Invocations[A any, R Reporter[A]] struct {
	// Handler is [Ingest], [Preprocess] or [Erase].
	Handler string
	// Function is what [Load] returned, and Fault its error, with which every invocation then ends.
	Function *Function
	Fault    error
	// Clock is the time of day.
	Clock func() time.Time
	// Initialization is how long the process took before it was ready, which is billed with its first invocation.
	Initialization time.Duration
	// Work does the work of an event. now is the time that the run stands for, see [settings.Event.Now].
	Work func(ctx context.Context, event settings.Event, now time.Time) (A, error)
}

// Limits near which a finding is told.
const (
	// nearMemory is the part of the function's memory.
	nearMemory = 0.9
	// nearDeadline is the part of the safety margin that is still left at the end.
	nearDeadline = 0.1
)

// Handle answers one invocation. An error has the kind of the failure as its type.
func (i *Invocations[A, R]) Handle(ctx context.Context, event settings.Event) (A, error) {
	f := i.Function
	began, writes, reads := i.Clock(), f.requests.writes, f.requests.reads
	var answer A
	now, err := event.Now(began)
	if err = cmp.Or(i.Fault, err); err != nil {
		err = fmt.Errorf("%w: %w", ErrMisconfigured, err)
	} else {
		answer, err = i.Work(ctx, event, now)
	}
	report := R(&answer).Reported()
	peak := f.peakMemory()
	if err == nil {
		i.findLimits(ctx, report, peak)
	}
	report.Guide(f.Settings.Runbook)

	line := telemetry.Invocation{
		Pipeline:     f.Settings.Pipeline,
		Stream:       f.Settings.Stream,
		Handler:      i.Handler,
		Execution:    event.Run,
		At:           i.Clock(),
		MemoryMB:     f.memoryMB,
		PeakMemoryMB: float64(peak) / (1 << 20),
		Writes:       f.requests.writes - writes,
		Reads:        f.requests.reads - reads,
		Transitions:  event.Transitions,
		Findings:     report.Found(),
		Staleness:    report.StalenessSeconds,
	}
	billed := line.At.Sub(began) + i.Initialization
	i.Initialization = 0
	line.Seconds = billed.Seconds()
	line.CostUSD = f.prices.Invocation(pricing.Usage{
		Duration: billed, MemoryMB: f.memoryMB, Architecture: f.architecture, Writes: line.Writes, Reads: line.Reads, Transitions: line.Transitions,
	})
	if err != nil {
		line.Failure, line.Error = kindOf(err), textOf(err)
		err = failure(err, f.Settings.Runbook)
	}
	// A line that cannot be written has nowhere to be told, and is no reason to do the work again.
	_ = line.Write(f.logs)
	return answer, err
}

// findLimits tells that the invocation came near what it may take.
func (i *Invocations[A, R]) findLimits(ctx context.Context, report *telemetry.Report, peak int64) {
	f := i.Function
	find := func(kind telemetry.Kind, numbers telemetry.Numbers, message string) {
		f.Logger.Warn("finding", "stream", f.Settings.Stream, "kind", string(kind), "message", message, "numbers", numbers)
		report.Find(telemetry.Finding{Vendor: f.Vendor.Name, Stream: f.Settings.Stream, Kind: kind, Message: message, Numbers: numbers})
	}
	if limit := int64(f.memoryMB) << 20; float64(peak) >= nearMemory*float64(limit) {
		find(telemetry.MemoryNearLimit, telemetry.Numbers{"peakMB": float64(peak >> 20), "memoryMB": float64(f.memoryMB)},
			fmt.Sprintf("%s of the stream %s has held %d of its %d MB", i.Handler, f.Settings.Stream, peak>>20, f.memoryMB))
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		return
	}
	if left, margin := deadline.Sub(i.Clock()), f.Settings.SafetyMargin; left < time.Duration(nearDeadline*float64(margin)) {
		find(telemetry.TimeNearLimit, telemetry.Numbers{"leftSeconds": left.Seconds(), "safetyMarginSeconds": margin.Seconds()},
			fmt.Sprintf("%s of the stream %s ended %s before its deadline, although it begins nothing more %s before", i.Handler, f.Settings.Stream, left.Round(time.Millisecond), margin))
	}
}

// peakMemory returns the most that the process has held, 0 where the system does not tell.
// https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
func (f *Function) peakMemory() int64 {
	status, err := f.readFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		if value, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kilobytes, _ := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(value), []byte("kB")))), 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}
