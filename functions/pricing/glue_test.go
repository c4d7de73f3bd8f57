package pricing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/pricing"
)

func TestGlueBillsAMinuteAtLeast(t *testing.T) {
	c := pricing.Configuration{Streams: 1, Interval: 24 * time.Hour, DaysPerYear: 360, Architecture: pricing.ARM64, MemoryMB: 128}
	// 0.0275 USD are a DPU-hour's sixteenth.
	tests := []struct {
		name string
		job  pricing.Job
		usd  float64
	}{
		{"nothing to do", pricing.Job{PerRun: 1}, 360 * 0.0275 / 60},
		{"a second", pricing.Job{PerRun: 1, Duration: time.Second}, 360 * 0.0275 / 60},
		{"a minute", pricing.Job{PerRun: 1, Duration: time.Minute}, 360 * 0.0275 / 60},
		{"a begun second more", pricing.Job{PerRun: 1, Duration: time.Minute + time.Millisecond}, 360 * 0.0275 * 61 / 3600},
		{"an hour", pricing.Job{PerRun: 1, Duration: time.Hour}, 360 * 0.0275},
		{"a minute for each of three", pricing.Job{PerRun: 3, Duration: 10 * time.Second}, 3 * 360 * 0.0275 / 60},
		{"never", pricing.Job{PerRun: 0, Duration: time.Hour}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := pricing.USEast1.Glue(c, test.job).Total(); !same(got, test.usd) {
				t.Errorf("got $%.6f, want $%.6f", got, test.usd)
			}
		})
	}
}

func TestJobsRunForEachStreamOfEachRun(t *testing.T) {
	c := usual
	job := pricing.Job{Name: "a job", PerRun: 1, Duration: 8 * time.Second}
	// 4 streams x 48 runs x 365 days, a GB-second each.
	if got := pricing.USEast1.Lambda(c, job).Total(); !same(got, 70080*0.0000133334) {
		t.Errorf("got $%.6f", got)
	}
	c.Streams, c.Interval = 8, time.Hour
	if got := pricing.USEast1.Lambda(c, job).Total(); !same(got, 70080*0.0000133334) {
		t.Errorf("twice the streams half as often: got $%.6f", got)
	}
}

// TestPublished compares to the cent what the prices and the arithmetic give with what the case study says.
func TestPublished(t *testing.T) {
	published := pricing.USEast1.Published()
	cents := func(usd float64) string { return fmt.Sprintf("$%.2f", usd) }
	percent := func(saving float64) string { return fmt.Sprintf("%.1f %%", 100*saving) }
	tests := []struct {
		name string
		got  string
		want string
	}{
		{"Glue, ingestion", cents(published.Glue.Lines[0].USD), "$31.68"},
		{"Glue, preprocessing", cents(published.Glue.Lines[1].USD), "$63.36"},
		{"Glue, a year", cents(published.Glue.Total()), "$95.04"},
		{"Lambda on x86, ingestion", cents(published.X86.Lines[0].USD), "$8.64"},
		{"Lambda on x86, preprocessing", cents(published.X86.Lines[1].USD), "$1.44"},
		{"Lambda on x86, a year", cents(published.X86.Total()), "$10.08"},
		{"Lambda on x86, saving", percent(published.Saving(published.X86)), "89.4 %"},
		{"Lambda on arm64, a year", cents(published.ARM64.Total()), "$8.06"},
		{"Lambda on arm64, saving", percent(published.Saving(published.ARM64)), "91.5 %"},
		{"Lambda on x86, ten seconds for each file", cents(published.TenSecondsAFile.Lines[1].USD), "$2.88"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.got != test.want {
				t.Errorf("got %s, published is %s", test.got, test.want)
			}
		})
	}
}

func TestPublishedFollowsThePrices(t *testing.T) {
	dearer := pricing.USEast1
	dearer.GlueDPUHour *= 2
	if got := dearer.Published().Glue.Total(); !same(got, 2*95.04) {
		t.Errorf("at twice the price Glue costs $%.2f", got)
	}
}

func TestComparisonPrint(t *testing.T) {
	var out strings.Builder
	if err := pricing.USEast1.Published().Print(&out); err != nil {
		t.Fatal(err)
	}
	want := `The published comparison: compute alone, 4 streams every 30m, 360 days a year, 128 MB

as                 job                       arithmetic                                                         USD a year
Glue Python Shell  ingestion                 69,120 runs x 60 seconds / 3,600 x 0.0625 DPU x $0.44 a DPU-hour        31.68
Glue Python Shell  preprocessing, two files  138,240 runs x 60 seconds / 3,600 x 0.0625 DPU x $0.44 a DPU-hour       63.36
Glue Python Shell  together                                                                                          95.04
Lambda on x86      ingestion                 69,120 runs x 60 seconds x 0.125 GB x $0.0000166667 a GB-s               8.64
Lambda on x86      preprocessing, two files  138,240 runs x 5 seconds x 0.125 GB x $0.0000166667 a GB-s               1.44
Lambda on x86      together                  89.4 % less                                                             10.08
Lambda on arm64    ingestion                 69,120 runs x 60 seconds x 0.125 GB x $0.0000133334 a GB-s               6.91
Lambda on arm64    preprocessing, two files  138,240 runs x 5 seconds x 0.125 GB x $0.0000133334 a GB-s               1.15
Lambda on arm64    together                  91.5 % less                                                              8.06
Lambda on x86      with ten seconds a file   138,240 runs x 10 seconds x 0.125 GB x $0.0000166667 a GB-s              2.88

List prices of us-east-1 in 2026-11. No free tier is counted.
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
