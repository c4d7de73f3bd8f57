package pricing_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/pricing"
)

var estimate = pricing.Estimate{
	Title: "an estimate",
	Basis: "Invented prices.",
	Lines: []pricing.Line{
		{Item: "work", Service: "Lambda", Arithmetic: "1 x $1", USD: 1, Use: pricing.Compute, Taggable: true},
		{Item: "asking", Service: "S3", Arithmetic: "1 x $2", USD: 2, Use: pricing.Requests, Taggable: true},
		{Item: "steps", Service: "Step Functions", Arithmetic: "1 x $4", USD: 4, Use: pricing.Transitions, Taggable: true},
		{Item: "watching", Service: "CloudWatch", Arithmetic: "1 x $8", USD: 8, Use: pricing.Metrics},
		{Item: "more watching", Service: "CloudWatch", Arithmetic: "1 x $16.004", USD: 16.004, Use: pricing.Metrics},
	},
}

func TestSums(t *testing.T) {
	tests := []struct {
		name string
		got  float64
		want float64
	}{
		{"total", estimate.Total(), 31.004},
		{"a month", estimate.Month(), 31.004 / 12},
		{"one use", estimate.Of(pricing.Metrics), 24.004},
		{"two uses", estimate.Of(pricing.Compute, pricing.Transitions), 5},
		{"no use", estimate.Of(), 0},
		{"a use of no line", estimate.Of(pricing.Keys), 0},
		{"by tag", estimate.Taggable(), 7},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if !same(test.got, test.want) {
				t.Errorf("got %v, want %v", test.got, test.want)
			}
		})
	}
}

func TestPrint(t *testing.T) {
	var out strings.Builder
	if err := estimate.Print(&out); err != nil {
		t.Fatal(err)
	}
	want := `an estimate

item                               service         arithmetic   USD a year  by tag
work                               Lambda          1 x $1             1.00  yes
asking                             S3              1 x $2             2.00  yes
steps                              Step Functions  1 x $4             4.00  yes
watching                           CloudWatch      1 x $8             8.00  no
more watching                      CloudWatch      1 x $16.004       16.00  no
compute, requests and transitions                                     7.00
attributed by tag                                                     7.00
everything                                                           31.00
everything, a month                                                   2.58

Invented prices.
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

type broken struct{}

var errBroken = errors.New("the pipe is broken")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestPrintTellsThatItCannot(t *testing.T) {
	if err := estimate.Print(broken{}); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	if err := pricing.USEast1.Published().Print(broken{}); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}

func TestEveryLineSaysWhetherATagReachesIt(t *testing.T) {
	untaggable := map[string]bool{}
	for _, line := range pricing.USEast1.Year(usual, round).Lines {
		if !address.MatchString(line.TagSource) {
			t.Errorf("%s names no page of AWS: %q", line.Item, line.TagSource)
		}
		if line.Service == "" {
			t.Errorf("%s is billed by nobody", line.Item)
		}
		if !line.Taggable {
			untaggable[line.Item] = true
		}
	}
	want := map[string]bool{"custom metrics": true, "scheduled starts": true, "events": true, "traces": true, "budgets that only alert": true}
	if diff := cmp.Diff(want, untaggable); diff != "" {
		t.Errorf("lines that no tag reaches:\n%s", diff)
	}
}
