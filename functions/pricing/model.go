package pricing

import (
	"fmt"
	"strings"
	"time"
)

const (
	// LogCompression is what is left of logs as stored, and billed, compressed: what the AWS Pricing Calculator
	// takes. https://calculator.aws/#/createCalculator/CloudWatch, quoted at
	// https://dev.classmethod.jp/articles/compare-archive-cost-cloudwatchlogs-s3/
	LogCompression = 0.15

	// bytesPerGB is what AWS bills as a GB. https://aws.amazon.com/s3/faqs/
	bytesPerGB = 1 << 30

	monthsPerYear = 12
)

// Year returns what c costs in a year of days that are all like w, which must be valid, see
// [Configuration.Validate]. It leaves out data transfer, of which a pipeline causes next to none, and what
// those who read the lake cause.
func (p Prices) Year(c Configuration, w Workload) Estimate {
	days := amount(float64(c.DaysPerYear), "days")
	months := amount(monthsPerYear, "months")
	memory := amount(gigabytes(c.MemoryMB), "GB")
	gbSecond := price(p.gbSecond(c.Architecture), 1, "a GB-s")
	compute := func(item string, duration factor) Line {
		return onFunction.line(Compute, item, days, duration, memory, gbSecond)
	}
	latency := func(times float64, units string, each time.Duration) factor {
		value, text := product([]factor{amount(times, units), amount(each.Seconds(), "seconds")})
		return factor{value, text}
	}
	wait := func(of time.Duration) factor { return amount(of.Seconds(), "seconds") }
	monthly := func(m meter, use Use, item string, count int, units string, usd float64, per string) Line {
		return m.line(use, item, amount(float64(count), units), months, price(usd, 1, per))
	}
	share := Share(c.MemoryMB)
	logs := (w.LogBytes + w.Invocations*PlatformLogBytes) / bytesPerGB

	return Estimate{
		Title: fmt.Sprintf("%s: %s every %s, %s a year, %s with %d MB",
			w.Name, amount(float64(c.Streams), "streams").text, span(c.Interval), days.text, c.Architecture, c.MemoryMB),
		Basis: p.basis(),
		Lines: []Line{
			compute("CPU", factor{w.CPU.Seconds() / share, fmt.Sprintf("%s / %s of a vCPU", amount(w.CPU.Seconds(), "seconds").text, number(share))}),
			compute("waiting for the vendor", latency(w.VendorRounds, "rounds of requests", VendorLatency)),
			compute("waiting for S3", latency(w.Writes+w.Reads, "requests", StorageLatency)),
			compute("waiting on purpose", wait(w.Waits)),
			compute("initialization", wait(w.Init)),
			onFunction.line(Requests, "invocations", days, amount(w.Invocations, "invocations"), perMillion(p.LambdaRequest)),
			onBucket.line(Requests, "S3 writes and lists", days, amount(w.Writes, "requests"), perThousand(p.S3Write)),
			onBucket.line(Requests, "S3 reads", days, amount(w.Reads, "requests"), perThousand(p.S3Read)),
			onStateMachine.line(Transitions, "state transitions", days, transitions(c, w), perMillion(p.Transition)),

			onBucket.line(Storage, "raw bucket, its first year", days, halfOf(w.RawBytes/bytesPerGB), months, price(p.S3GBMonth, 1, "a GB-month")),
			onBucket.line(Storage, "curated bucket, its first year", days, halfOf(w.CuratedBytes/bytesPerGB), months, price(p.S3GBMonth, 1, "a GB-month")),
			onLogGroup.line(Logs, "logs taken in", days, amount(logs, "GB"), price(p.LogIngestGB, 1, "a GB")),
			onLogGroup.line(Logs, "logs kept", amount(logs, "GB"), amount(float64(c.LogRetentionDays), "days"),
				factor{LogCompression, number(LogCompression) + " compressed"}, months, price(p.LogStorageGBMonth, 1, "a GB-month")),

			monthly(onAlarm, Alarms, "alarms", c.AlarmMetrics, "metrics read", p.AlarmMetricMonth, "a metric-month"),
			monthly(onAlarm, Alarms, "composite alarms", c.CompositeAlarms, "alarms", p.CompositeAlarmMonth, "an alarm-month"),
			monthly(onMetric, Metrics, "custom metrics", c.CustomMetrics, "metrics", p.CustomMetricMonth, "a metric-month"),
			monthly(onDashboard, Dashboards, "dashboards", c.Dashboards, "dashboards", p.DashboardMonth, "a dashboard-month"),
			monthly(onSecret, Secrets, "secrets", c.Secrets, "secrets", p.SecretMonth, "a secret-month"),
			onSecret.line(Secrets, "calls for secrets", days, amount(w.SecretCalls, "calls"), perTenThousand(p.SecretCall)),
			monthly(onKey, Keys, "keys", c.Keys, "keys", p.KeyMonth, "a key-month"),
			onKey.line(Keys, "requests with keys", days, amount(w.KeyCalls, "requests"), perTenThousand(p.KeyCall)),

			onSchedule.line(Schedule, "scheduled starts", days, amount(c.RunsPerDay(), "starts"), perMillion(p.ScheduledInvocation)),
			onEvent.line(Events, "events", days, amount(w.Events, "events"), perMillion(p.Event)),
			onTrace.line(Traces, "traces", days, amount(w.Runs, "runs"), amount(float64(c.TracesPerRun), "traces"), perMillion(p.Trace)),
			onTopic.line(Notifications, "messages to the alarm topic", days, amount(w.Notifications, "messages"), perMillion(p.TopicPublish)),
			onTopic.line(Notifications, "messages by e-mail", days, amount(w.Notifications, "messages"), perHundredThousand(p.TopicEmail)),
			onQueue.line(Notifications, "dead letters", days, amount(w.DeadLetters, "requests"), perMillion(p.QueueRequest)),
			onBudget.line(Budgets, "budgets that only alert", amount(float64(c.Budgets), "budgets"), price(0, 1, "each")),
		},
	}
}

// Day returns what [Prices.Invocation] adds up to, over all invocations of a day like w, in US dollars: what a
// day's spending is compared with.
func (p Prices) Day(c Configuration, w Workload) float64 {
	return p.Year(c, w).Of(running...) / float64(c.DaysPerYear)
}

func transitions(c Configuration, w Workload) factor {
	each := float64(c.TransitionsPerRun)
	ordinary, text := product([]factor{amount(w.Runs, "runs"), amount(each, "transitions")})
	if w.ExtraTransitions == 0 {
		return factor{ordinary, text}
	}
	return factor{ordinary + w.ExtraTransitions, fmt.Sprintf("(%s + %s more)", text, number(w.ExtraTransitions))}
}

// halfOf is what a day's gain is stored for on average over the year in which it comes: nothing is stored at
// its beginning and all of it at its end.
func halfOf(gb float64) factor {
	return factor{gb / 2, number(gb) + " GB / 2 on average"}
}

func (p Prices) basis() string {
	return fmt.Sprintf("List prices of %s in %s. No free tier is counted.", p.Region, p.Date)
}

// span is d for a person, without the zero parts that Go adds.
func span(d time.Duration) string {
	text := strings.TrimSuffix(d.String(), "m0s")
	if text != d.String() {
		text += "m"
	}
	if hours, found := strings.CutSuffix(text, "h0m"); found {
		return hours + "h"
	}
	return text
}
