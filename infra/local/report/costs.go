package report

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/windrow-data/windrow/functions/pricing"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/infra/local/assembly"
)

const (
	typeFunction  = "AWS::Lambda::Function"
	typeLogGroup  = "AWS::Logs::LogGroup"
	typeDashboard = "AWS::CloudWatch::Dashboard"
	typeBudget    = "AWS::Budgets::Budget"

	daysPerYear = 365
)

// costs prices the run's own counts, and the same runs as Glue jobs.
func (s *summary) costs(dir string, synthesized *assembly.Assembly) (*Costs, error) {
	c, err := s.configuration(synthesized)
	if err != nil {
		return nil, err
	}
	day, err := s.workload(dir, synthesized, c)
	if err != nil {
		return nil, err
	}
	prices, err := pricing.In(synthesized.Region)
	if err != nil {
		prices = pricing.USEast1
	}
	quiet, busy, glue := prices.Year(c, pricing.IdleDay(c.Streams, c.RunsPerDay())), prices.Year(c, day), prices.Glue(c, pricing.PublishedJobs()...)
	work := []pricing.Use{pricing.Compute, pricing.Requests, pricing.Transitions}
	costs := &Costs{
		Basis: busy.Basis + fmt.Sprintf(" The day is priced by what it counted: processor time, requests, transitions, bytes. Waiting is not measured on one machine:"+
			" %s is taken for each request to the vendor, one after another although pages come side by side, and %s for each to S3."+
			" Glue has one job of a minute and two of five seconds for each stream and run, as a published case study has, each billed for a minute at least; compute alone.",
			pricing.VendorLatency, pricing.StorageLatency),
		DayUSD:       busy.Of(work...) / daysPerYear,
		QuietYearUSD: quiet.Total(), BusyYearUSD: busy.Total(),
		WorkQuietYearUSD: quiet.Of(work...), WorkBusyYearUSD: busy.Of(work...),
		GlueDayUSD: glue.Total() / daysPerYear, GlueYearUSD: glue.Total(),
	}
	for i, line := range busy.Lines {
		if line.USD == 0 && quiet.Lines[i].USD == 0 {
			continue
		}
		costs.Lines = append(costs.Lines, CostLine{
			Item: line.Item, Service: line.Service, Use: string(line.Use), QuietUSD: quiet.Lines[i].USD, BusyUSD: line.USD, Arithmetic: line.Arithmetic,
		})
	}
	for _, line := range glue.Lines {
		costs.Lines = append(costs.Lines, CostLine{Item: line.Item, Service: line.Service, Use: string(line.Use), GlueUSD: line.USD, Arithmetic: line.Arithmetic})
	}
	return costs, nil
}

// configuration is what the run's templates deploy, as far as it costs.
func (s *summary) configuration(synthesized *assembly.Assembly) (pricing.Configuration, error) {
	streams := len(s.Streams)
	parents, err := parentsIn(synthesized)
	if err != nil {
		return pricing.Configuration{}, err
	}
	c := pricing.Configuration{
		Streams: streams, DaysPerYear: daysPerYear, Architecture: pricing.X86, TransitionsPerRun: pricing.TransitionsPerRun(streams, parents),
		CustomMetrics: telemetry.CustomMetrics, Secrets: len(synthesized.Secrets),
		Interval: s.Until.Sub(s.From) / time.Duration(max(s.Runs, 1)),
	}
	if s.Chaos != nil && len(synthesized.Schedules) > 0 {
		// What is broken on purpose skips some runs and doubles others.
		ticks := slices.Collect(synthesized.Schedules[0].Rule.Ticks(s.From, s.Until))
		c.Interval = s.Until.Sub(s.From) / time.Duration(max(len(ticks), 1))
	}
	for _, f := range synthesized.Functions {
		if f.Environment[settings.EnvStream] != "" {
			c.MemoryMB = max(c.MemoryMB, f.MemoryMB)
		}
	}
	for _, m := range synthesized.StateMachines {
		if m.Traced {
			c.TracesPerRun = 1
		}
	}
	resources, err := synthesized.Resources(typeFunction, typeLogGroup, typeDashboard, typeBudget, assembly.TypeAlarm, assembly.TypeCompositeAlarm)
	if err != nil {
		return c, err
	}
	for _, r := range resources {
		var properties struct {
			Architectures   []pricing.Architecture
			RetentionInDays json.Number
			Metrics         []struct{ MetricStat json.RawMessage }
		}
		if err := json.Unmarshal(r.Properties, &properties); err != nil {
			return c, fmt.Errorf("%s: %w", r.LogicalID, err)
		}
		switch r.Type {
		case typeFunction:
			if slices.Contains(properties.Architectures, pricing.ARM64) {
				c.Architecture = pricing.ARM64
			}
		case typeLogGroup:
			days, _ := properties.RetentionInDays.Int64()
			c.LogRetentionDays = max(c.LogRetentionDays, int(days))
		case typeDashboard:
			c.Dashboards++
		case typeBudget:
			c.Budgets++
		case assembly.TypeCompositeAlarm:
			c.CompositeAlarms++
		case assembly.TypeAlarm:
			read := 0
			for _, m := range properties.Metrics {
				if m.MetricStat != nil {
					read++
				}
			}
			c.AlarmMetrics += max(1, read)
		}
	}
	return c, c.Validate()
}

// parentsIn counts the streams that others are read for each record of.
func parentsIn(synthesized *assembly.Assembly) (int, error) {
	vendors, err := vendorsIn(synthesized)
	if err != nil {
		return 0, err
	}
	parents := 0
	for _, vendor := range vendors {
		named := map[string]bool{}
		for _, stream := range vendor.Streams {
			if stream.Parent != nil {
				named[stream.Parent.Stream] = true
			}
		}
		parents += len(named)
	}
	return parents, nil
}

// workload is the run as a day: a longer or shorter one counts for as much of it.
func (s *summary) workload(dir string, synthesized *assembly.Assembly, c pricing.Configuration) (pricing.Workload, error) {
	quiet := pricing.IdleDay(c.Streams, float64(s.Runs))
	w := pricing.Workload{
		Name: "days like the one played", Runs: float64(s.Runs), Invocations: float64(s.Lambda.Invocations),
		// On one machine functions stay warm from run to run, on Lambda none does for half an hour.
		Init: quiet.Init, SecretCalls: math.Max(quiet.SecretCalls, float64(s.Requests.Secrets)),
		ExtraTransitions: math.Max(0, float64(s.Transitions-s.Runs*c.TransitionsPerRun)),
		Events:           float64(s.Requests.Events),
		DeadLetters:      float64(s.DeadLetters),
	}
	for kind, count := range s.Requests.S3 {
		switch kind {
		case "PUT", "LIST":
			w.Writes += float64(count.Requests)
		case "GET", "HEAD":
			w.Reads += float64(count.Requests)
		}
	}
	for _, h := range s.Handlers {
		w.CPU += time.Duration(h.CPUSeconds * float64(time.Second))
		w.LogBytes += h.LogBytes
	}
	for _, stream := range s.Streams {
		w.VendorRounds += float64(stream.Requests)
	}
	buckets := map[string]*float64{}
	for _, f := range synthesized.Functions {
		buckets[f.Environment[settings.EnvRawBucket]] = &w.RawBytes
		buckets[f.Environment[settings.EnvCuratedBucket]] = &w.CuratedBytes
	}
	delete(buckets, "") // Ingest has no curated bucket.
	for bucket, bytes := range buckets {
		size, err := sizeOf(filepath.Join(dir, "lake", bucket))
		if err != nil {
			return w, err
		}
		*bytes += size
	}
	days := s.Until.Sub(s.From).Hours() / 24
	return w.Scale(1 / days), w.Validate()
}

// sizeOf is how many bytes the files in a folder have.
func sizeOf(folder string) (float64, error) {
	bytes := 0.0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			bytes += float64(info.Size())
		}
		return err
	})
	if os.IsNotExist(err) {
		return 0, nil
	}
	return bytes, err
}
