package pricing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/pricing"
)

// usual is a pipeline of four streams with everything that can be had.
var usual = pricing.Configuration{
	Streams:           4,
	Interval:          30 * time.Minute,
	DaysPerYear:       365,
	Architecture:      pricing.ARM64,
	MemoryMB:          128,
	TransitionsPerRun: 15,
	TracesPerRun:      1,
	LogRetentionDays:  30,
	AlarmMetrics:      7,
	CompositeAlarms:   1,
	CustomMetrics:     3,
	Dashboards:        1,
	Secrets:           1,
	Keys:              1,
	Budgets:           1,
}

func TestConfigurationFaults(t *testing.T) {
	if err := usual.Validate(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*pricing.Configuration)
		says   string
	}{
		{"no streams", func(c *pricing.Configuration) { c.Streams = 0 }, "Streams is 0: want 1 or more"},
		{"no interval", func(c *pricing.Configuration) { c.Interval = 0 }, "Interval is 0s: want a duration above 0"},
		{"a year of no length", func(c *pricing.Configuration) { c.DaysPerYear = 0 }, "DaysPerYear is 0: want 365, or 360"},
		{"Go's word for x86", func(c *pricing.Configuration) { c.Architecture = "amd64" }, `Architecture is "amd64": want "arm64" or "x86_64"`},
		{"too little memory", func(c *pricing.Configuration) { c.MemoryMB = 64 }, "MemoryMB is 64: want 128 to 10240"},
		{"too much memory", func(c *pricing.Configuration) { c.MemoryMB = 10241 }, "MemoryMB is 10241"},
		{"two traces a run", func(c *pricing.Configuration) { c.TracesPerRun = 2 }, "TracesPerRun is 2: want 1"},
		{"logs not kept", func(c *pricing.Configuration) { c.LogRetentionDays = 0 }, "LogRetentionDays is 0"},
		{"fewer alarms than none", func(c *pricing.Configuration) { c.AlarmMetrics = -1 }, "AlarmMetrics is -1: want 0 or more"},
		{"fewer keys than none", func(c *pricing.Configuration) { c.Keys = -1 }, "Keys is -1: want 0 or more"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := usual
			test.change(&c)
			if err := c.Validate(); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want it to say %q", err, test.says)
			}
		})
	}
	t.Run("all told at once", func(t *testing.T) {
		err := pricing.Configuration{}.Validate()
		for _, field := range []string{"Streams", "Interval", "DaysPerYear", "Architecture", "MemoryMB", "LogRetentionDays"} {
			if err == nil || !strings.Contains(err.Error(), field+" is") {
				t.Errorf("got %v, want it to name %s too", err, field)
			}
		}
	})
}
