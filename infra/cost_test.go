package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/windrow-data/windrow/functions/pricing"
)

func TestCostsArePrinted(t *testing.T) {
	var out, errors bytes.Buffer
	if code := printCosts(nil, &out, &errors); code != 0 {
		t.Fatalf("exit status %d: %s", code, errors.String())
	}
	for _, want := range []string{
		"95.04", "10.08", "8.06", "89.4 % less", "91.5 % less", // the published comparison
		"The construct's defaults: 4 streams every 30m", "365 days x 48 runs x 11 transitions x $25 a million",
		"Compaction of two webinars of 30,000 people", "days of streams x 11 requests x $0.005",
		"The environment dev", "The environment staging", "The environment prod",
		"No free tier is counted", "Glue Python Shell jobs",
		"By tag: whether AWS can attribute a line", "Lines of $0.00 are left out",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	for _, unwanted := range []string{" 0.00  yes\n", " 0.00  no\n", "0m0s"} {
		if strings.Contains(out.String(), unwanted) {
			t.Errorf("it says %q", unwanted)
		}
	}
	if strings.Contains(out.String(), "The environment local") {
		t.Error("it prices what runs on one's own machine")
	}
}

func TestCostsOfOneEnvironment(t *testing.T) {
	var out, errors bytes.Buffer
	if code := printCosts([]string{"-env", "prod"}, &out, &errors); code != 0 || strings.Contains(out.String(), "published") || !strings.Contains(out.String(), "prod") {
		t.Errorf("exit status %d:\n%s%s", code, out.String(), errors.String())
	}
	for _, wrong := range []struct{ arguments, says string }{
		{"-env qa", "-env qa: want one of dev, staging, prod"},
		{"-env local", "-env local: want one of dev, staging, prod"},
		{"-colour", "-colour"},
		{"prod", "prod: want flags only"},
	} {
		out.Reset()
		errors.Reset()
		if code := printCosts(strings.Fields(wrong.arguments), &out, &errors); code != 2 || out.Len() > 0 || !strings.Contains(errors.String(), wrong.says) {
			t.Errorf("%s: exit status %d, %q, want 2 and %q", wrong.arguments, code, errors.String(), wrong.says)
		}
	}
}

// TestSumsAreOfAllLines holds what is printed to the whole estimate: what a line of $0.00 adds to a sum stays in it.
func TestSumsAreOfAllLines(t *testing.T) {
	estimate := pricing.Estimate{Title: "Small change", Lines: []pricing.Line{
		{Item: "half", USD: 0.004}, {Item: "another", USD: 0.004}, {Item: "nothing", Taggable: true}, {Item: "a cent", USD: 0.01},
	}}
	var out bytes.Buffer
	if err := printEstimate(&out, estimate); err != nil {
		t.Fatal(err)
	}
	for _, item := range []string{"half", "another", "nothing"} {
		if strings.Contains(out.String(), item) {
			t.Errorf("it prints %s", item)
		}
	}
	for _, want := range []string{"a cent", "Lines of $0.00 are left out: 3."} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if everything := regexp.MustCompile(`everything +0\.02\n`); !everything.MatchString(out.String()) {
		t.Errorf("the sum is not of all lines:\n%s", out.String())
	}
}

// TestTheReadmeStatesTheCosts holds the README's table to the model.
func TestTheReadmeStatesTheCosts(t *testing.T) {
	content, err := os.ReadFile("README.md")
	if err != nil {
		if content, err = os.ReadFile("../README.md"); err != nil {
			t.Fatal(err)
		}
	}
	props := yardstick()
	var estimates []pricing.Estimate
	for _, day := range days(props) {
		estimates = append(estimates, props.Estimate(pricing.USEast1.Region, &day))
	}
	of := func(e pricing.Estimate, service string, uses ...pricing.Use) (usd float64) {
		for _, line := range e.Lines {
			for _, use := range uses {
				if line.Use == use && (service == "" || line.Service == service) {
					usd += line.USD
				}
			}
		}
		return usd
	}
	row := func(title string, figure func(pricing.Estimate) float64) {
		t.Helper()
		want := fmt.Sprintf("| %s | $%.2f | $%.2f |", title, figure(estimates[0]), figure(estimates[1]))
		if !strings.Contains(string(content), want+"\n") {
			t.Errorf("the README lacks the row\n%s", want)
		}
	}
	row("Lambda: processor, waiting for the vendor and for S3, requests", func(e pricing.Estimate) float64 {
		return of(e, "Lambda", pricing.Compute, pricing.Requests)
	})
	row("Step Functions: 48 runs a day of 11 transitions", func(e pricing.Estimate) float64 { return of(e, "", pricing.Transitions) })
	row("S3: requests", func(e pricing.Estimate) float64 { return of(e, "S3", pricing.Requests) })
	row("S3: what is stored, on average over its first year", func(e pricing.Estimate) float64 { return of(e, "", pricing.Storage) })
	row("seven alarms and the one that pages", func(e pricing.Estimate) float64 { return of(e, "", pricing.Alarms) })
	row("three custom metrics", func(e pricing.Estimate) float64 { return of(e, "", pricing.Metrics) })
	row("two secrets, and reading them", func(e pricing.Estimate) float64 { return of(e, "", pricing.Secrets) })
	row("logs, traces, events, the schedule, a budget", func(e pricing.Estimate) float64 {
		return of(e, "", pricing.Logs, pricing.Traces, pricing.Events, pricing.Schedule, pricing.Budgets)
	})
	row("everything", pricing.Estimate.Total)
	glue := pricing.USEast1.Glue(props.Configuration(), pricing.PublishedJobs()...).Total()
	row("the same work as Glue Python Shell jobs, compute alone", func(pricing.Estimate) float64 { return glue })
}
