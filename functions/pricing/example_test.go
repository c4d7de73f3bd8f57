package pricing_test

import (
	"fmt"
	"os"
	"time"

	"github.com/windrow-data/windrow/functions/pricing"
)

// What one invocation cost, as a handler tells it.
func ExamplePrices_Invocation() {
	usd := pricing.USEast1.Invocation(pricing.Usage{
		Duration:     1840 * time.Millisecond,
		MemoryMB:     128,
		Architecture: pricing.ARM64,
		Writes:       4,
		Reads:        3,
		Transitions:  1.5,
	})
	fmt.Printf("$%.8f\n", usd)
	// Output: $0.00006197
}

// What a pipeline costs in a year in which every day is like one that was stated.
func ExamplePrices_Year() {
	pipeline := pricing.Configuration{
		Streams:           2,
		Interval:          time.Hour,
		DaysPerYear:       365,
		Architecture:      pricing.ARM64,
		MemoryMB:          128,
		TransitionsPerRun: 9,
		LogRetentionDays:  30,
		AlarmMetrics:      2,
		Secrets:           1,
	}
	// One run of one stream, 48 times a day.
	day := pricing.Workload{
		Name:         "a quiet day",
		Runs:         0.5,
		Invocations:  2,
		CPU:          20 * time.Millisecond,
		Init:         90 * time.Millisecond,
		VendorRounds: 1,
		Writes:       6,
		Reads:        4,
		SecretCalls:  1,
		LogBytes:     2000,
	}.Scale(48)

	estimate := pricing.USEast1.Year(pipeline, day)
	fmt.Println(estimate.Title)
	for _, line := range estimate.Lines {
		if line.USD >= 0.01 {
			fmt.Printf("$%.2f %s: %s\n", line.USD, line.Item, line.Arithmetic)
		}
	}
	fmt.Printf("$%.2f a year, $%.2f a month\n", estimate.Total(), estimate.Month())
	// Output:
	// a quiet day: 2 streams every 1h, 365 days a year, arm64 with 128 MB
	// $0.01 waiting for the vendor: 365 days x 48 rounds of requests x 0.5 seconds x 0.125 GB x $0.0000133334 a GB-s
	// $0.01 waiting for S3: 365 days x 480 requests x 0.05 seconds x 0.125 GB x $0.0000133334 a GB-s
	// $0.53 S3 writes and lists: 365 days x 288 requests x $0.005 a thousand
	// $0.03 S3 reads: 365 days x 192 requests x $0.0004 a thousand
	// $1.97 state transitions: 365 days x 24 runs x 9 transitions x $25 a million
	// $0.02 logs taken in: 365 days x 0.0001207 GB x $0.50 a GB
	// $2.40 alarms: 2 metrics read x 12 months x $0.10 a metric-month
	// $4.80 secrets: 1 secret x 12 months x $0.40 a secret-month
	// $0.09 calls for secrets: 365 days x 48 calls x $0.05 for ten thousand
	// $9.89 a year, $0.82 a month
}

// What a step costs as a Glue job, which is billed for a minute at least, as a table for a terminal.
func ExampleEstimate_Print() {
	job := pricing.Job{Name: "a few seconds of work", PerRun: 1, Duration: 5 * time.Second}
	schedule := pricing.Configuration{Streams: 4, Interval: 30 * time.Minute, DaysPerYear: 365}
	if err := pricing.USEast1.Glue(schedule, job).Print(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// As Glue Python Shell jobs: 4 streams every 30m, 365 days a year
	//
	// item                               service  arithmetic                                                        USD a year  by tag
	// a few seconds of work              Glue     70,080 runs x 60 seconds / 3,600 x 0.0625 DPU x $0.44 a DPU-hour       32.12  yes
	// compute, requests and transitions                                                                                  32.12
	// attributed by tag                                                                                                  32.12
	// everything                                                                                                         32.12
	// everything, a month                                                                                                 2.68
	//
	// List prices of us-east-1 in 2026-11. No free tier is counted.
}
