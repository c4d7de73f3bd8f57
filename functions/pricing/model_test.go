package pricing_test

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/pricing"
)

// round is a day whose figures can be worked out by hand. Its logs are a GB with what Lambda adds.
var round = pricing.Workload{
	Name:             "a round day",
	Runs:             50,
	Invocations:      400,
	CPU:              12800 * time.Millisecond,
	Init:             20 * time.Second,
	VendorRounds:     300,
	Waits:            4 * time.Second,
	ExtraTransitions: 33.5,
	Writes:           1900,
	Reads:            1100,
	SecretCalls:      200,
	KeyCalls:         500,
	LogBytes:         1<<30 - 400*pricing.PlatformLogBytes,
	RawBytes:         1 << 30,
	CuratedBytes:     1 << 29,
	Events:           20,
	Notifications:    2,
	DeadLetters:      3,
}

func TestYear(t *testing.T) {
	tests := []struct {
		item       string
		use        pricing.Use
		usd        float64
		arithmetic string
	}{
		// 45.625 GB is an eighth on each of 365 days.
		{"CPU", pricing.Compute, 45.625 * 176.9 * 0.0000133334, "365 days x 12.8 seconds / 0.07236 of a vCPU x 0.125 GB x $0.0000133334 a GB-s"},
		{"waiting for the vendor", pricing.Compute, 45.625 * 150 * 0.0000133334, "365 days x 300 rounds of requests x 0.5 seconds x 0.125 GB x $0.0000133334 a GB-s"},
		{"waiting for S3", pricing.Compute, 45.625 * 150 * 0.0000133334, "365 days x 3,000 requests x 0.05 seconds x 0.125 GB x $0.0000133334 a GB-s"},
		{"waiting on purpose", pricing.Compute, 45.625 * 4 * 0.0000133334, "365 days x 4 seconds x 0.125 GB x $0.0000133334 a GB-s"},
		{"initialization", pricing.Compute, 45.625 * 20 * 0.0000133334, "365 days x 20 seconds x 0.125 GB x $0.0000133334 a GB-s"},
		{"invocations", pricing.Requests, 0.0292, "365 days x 400 invocations x $0.20 a million"},
		{"S3 writes and lists", pricing.Requests, 3.4675, "365 days x 1,900 requests x $0.005 a thousand"},
		{"S3 reads", pricing.Requests, 0.1606, "365 days x 1,100 requests x $0.0004 a thousand"},
		{"state transitions", pricing.Transitions, 7.1494375, "365 days x (50 runs x 15 transitions + 33.5 more) x $25 a million"},
		{"raw bucket, its first year", pricing.Storage, 50.37, "365 days x 1 GB / 2 on average x 12 months x $0.023 a GB-month"},
		{"curated bucket, its first year", pricing.Storage, 25.185, "365 days x 0.5 GB / 2 on average x 12 months x $0.023 a GB-month"},
		{"logs taken in", pricing.Logs, 182.5, "365 days x 1 GB x $0.50 a GB"},
		{"logs kept", pricing.Logs, 1.62, "1 GB x 30 days x 0.15 compressed x 12 months x $0.03 a GB-month"},
		{"alarms", pricing.Alarms, 8.40, "7 metrics read x 12 months x $0.10 a metric-month"},
		{"composite alarms", pricing.Alarms, 6.00, "1 alarm x 12 months x $0.50 an alarm-month"},
		{"custom metrics", pricing.Metrics, 10.80, "3 metrics x 12 months x $0.30 a metric-month"},
		{"dashboards", pricing.Dashboards, 36.00, "1 dashboard x 12 months x $3 a dashboard-month"},
		{"secrets", pricing.Secrets, 4.80, "1 secret x 12 months x $0.40 a secret-month"},
		{"calls for secrets", pricing.Secrets, 0.365, "365 days x 200 calls x $0.05 for ten thousand"},
		{"keys", pricing.Keys, 12.00, "1 key x 12 months x $1 a key-month"},
		{"requests with keys", pricing.Keys, 0.5475, "365 days x 500 requests x $0.03 for ten thousand"},
		{"scheduled starts", pricing.Schedule, 0.01752, "365 days x 48 starts x $1 a million"},
		{"events", pricing.Events, 0.0073, "365 days x 20 events x $1 a million"},
		{"traces", pricing.Traces, 0.09125, "365 days x 50 runs x 1 trace x $5 a million"},
		{"messages to the alarm topic", pricing.Notifications, 0.000365, "365 days x 2 messages x $0.50 a million"},
		{"messages by e-mail", pricing.Notifications, 0.0146, "365 days x 2 messages x $2 for a hundred thousand"},
		{"dead letters", pricing.Notifications, 0.000438, "365 days x 3 requests x $0.40 a million"},
		{"budgets that only alert", pricing.Budgets, 0, "1 budget x $0 each"},
	}
	estimate := pricing.USEast1.Year(usual, round)
	if len(estimate.Lines) != len(tests) {
		t.Errorf("the estimate has %d lines, of which %d are tested", len(estimate.Lines), len(tests))
	}
	for i, test := range tests {
		t.Run(test.item, func(t *testing.T) {
			line := estimate.Lines[i]
			if line.Item != test.item || line.Use != test.use {
				t.Fatalf("line %d is %s for %s, want %s for %s", i, line.Item, line.Use, test.item, test.use)
			}
			if !same(line.USD, test.usd) {
				t.Errorf("got $%.9f, want $%.9f", line.USD, test.usd)
			}
			if diff := cmp.Diff(test.arithmetic, line.Arithmetic); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestYearOfOtherConfigurations(t *testing.T) {
	tests := []struct {
		name   string
		change func(*pricing.Configuration)
		item   string
		usd    float64
	}{
		{"360 days", func(c *pricing.Configuration) { c.DaysPerYear = 360 }, "S3 writes and lists", 3.42},
		{"360 days are twelve months too", func(c *pricing.Configuration) { c.DaysPerYear = 360 }, "secrets", 4.80},
		{"x86", func(c *pricing.Configuration) { c.Architecture = pricing.X86 }, "initialization", 45.625 * 20 * 0.0000166667},
		{"more memory runs faster for the same price", func(c *pricing.Configuration) { c.MemoryMB = 256 }, "CPU", 45.625 * 176.9 * 0.0000133334},
		{"more memory waits dearer", func(c *pricing.Configuration) { c.MemoryMB = 256 }, "waiting for the vendor", 91.25 * 150 * 0.0000133334},
		{"memory beyond one vCPU is of no use", func(c *pricing.Configuration) { c.MemoryMB = 2048 }, "CPU", 730 * 12.8 * 0.0000133334},
		{"every ten minutes", func(c *pricing.Configuration) { c.Interval = 10 * time.Minute }, "scheduled starts", 0.05256},
		{"not traced", func(c *pricing.Configuration) { c.TracesPerRun = 0 }, "traces", 0},
		{"no dashboard", func(c *pricing.Configuration) { c.Dashboards = 0 }, "dashboards", 0},
		{"logs kept for a year", func(c *pricing.Configuration) { c.LogRetentionDays = 365 }, "logs kept", 19.71},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := usual
			test.change(&c)
			for _, line := range pricing.USEast1.Year(c, round).Lines {
				if line.Item == test.item && !same(line.USD, test.usd) {
					t.Errorf("%s: got $%.9f, want $%.9f", line.Item, line.USD, test.usd)
				}
			}
		})
	}
}

func TestTitle(t *testing.T) {
	tests := []struct {
		interval time.Duration
		want     string
	}{
		{30 * time.Minute, "every 30m,"},
		{time.Hour, "every 1h,"},
		{24 * time.Hour, "every 24h,"},
		{90 * time.Minute, "every 1h30m,"},
		{45 * time.Second, "every 45s,"},
		{90 * time.Second, "every 1m30s,"},
	}
	for _, test := range tests {
		c := usual
		c.Interval = test.interval
		if got := pricing.USEast1.Year(c, round).Title; !strings.Contains(got, test.want) {
			t.Errorf("%s: %q", test.interval, got)
		}
	}
}

func TestARunWithoutIncident(t *testing.T) {
	w := pricing.Workload{Runs: 48}
	for _, line := range pricing.USEast1.Year(usual, w).Lines {
		if line.Use == pricing.Transitions && line.Arithmetic != "365 days x 48 runs x 15 transitions x $25 a million" {
			t.Error(line.Arithmetic)
		}
	}
}

func drawConfiguration(t *rapid.T) pricing.Configuration {
	count := func(name string, most int) int { return rapid.IntRange(0, most).Draw(t, name) }
	c := pricing.Configuration{
		Streams:           rapid.IntRange(1, 40).Draw(t, "Streams"),
		Interval:          rapid.SampledFrom([]time.Duration{time.Minute, 7 * time.Minute, 30 * time.Minute, 24 * time.Hour}).Draw(t, "Interval"),
		DaysPerYear:       rapid.SampledFrom([]int{360, 365}).Draw(t, "DaysPerYear"),
		Architecture:      rapid.SampledFrom([]pricing.Architecture{pricing.ARM64, pricing.X86}).Draw(t, "Architecture"),
		MemoryMB:          rapid.IntRange(128, 10240).Draw(t, "MemoryMB"),
		TransitionsPerRun: count("TransitionsPerRun", 200),
		TracesPerRun:      count("TracesPerRun", 1),
		LogRetentionDays:  rapid.IntRange(1, 3653).Draw(t, "LogRetentionDays"),
		AlarmMetrics:      count("AlarmMetrics", 100),
		CompositeAlarms:   count("CompositeAlarms", 10),
		CustomMetrics:     count("CustomMetrics", 1000),
		Dashboards:        count("Dashboards", 3),
		Secrets:           count("Secrets", 10),
		Keys:              count("Keys", 10),
		Budgets:           count("Budgets", 2),
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	return c
}

func drawWorkload(t *rapid.T, name string) pricing.Workload {
	w := pricing.Workload{Name: name}
	fields := reflect.ValueOf(&w).Elem()
	for i := range fields.NumField() {
		label := name + "." + fields.Type().Field(i).Name
		switch field := fields.Field(i); field.Kind() {
		case reflect.Float64:
			field.SetFloat(rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0.001, 1e9),
				rapid.Map(rapid.IntRange(1, 1e6), func(n int) float64 { return float64(n) })).Draw(t, label))
		case reflect.Int64:
			field.SetInt(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, label))
		}
	}
	return w
}

// TestYearIsAdditive holds for any two days: what both cost together is what each costs, the standing costs
// counted once.
func TestYearIsAdditive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, a, b := drawConfiguration(t), drawWorkload(t, "a"), drawWorkload(t, "b")
		year := func(w pricing.Workload) []pricing.Line { return pricing.USEast1.Year(c, w).Lines }
		both, ofA, ofB, standing := year(a.Add(b)), year(a), year(b), year(pricing.Workload{})
		for i, line := range both {
			if apart := ofA[i].USD + ofB[i].USD - standing[i].USD; math.Abs(line.USD-apart) > 1e-6*apart+1e-9 {
				t.Fatalf("%s: $%.9f together, $%.9f apart", line.Item, line.USD, apart)
			}
		}
	})
}

// TestYearIsMonotone holds for any day: no line becomes cheaper, and some line dearer, when more is done or
// more is kept.
func TestYearIsMonotone(t *testing.T) {
	free := map[string]bool{
		"Streams": true, // what they ask is in the workload
		"Budgets": true,
	}
	rapid.Check(t, func(t *rapid.T) {
		c, w := drawConfiguration(t), drawWorkload(t, "w")
		w = w.Add(pricing.Workload{Runs: 1, Invocations: 1})
		c.TransitionsPerRun++
		before := pricing.USEast1.Year(c, w)
		more := func(of reflect.Value, i int) (string, bool) {
			switch field := of.Field(i); field.Kind() {
			case reflect.Float64:
				field.SetFloat(field.Float()*1.5 + 1)
			case reflect.Int64:
				field.SetInt(field.Int()*3/2 + int64(time.Second))
			case reflect.Int:
				field.SetInt(field.Int() + 1)
			default:
				return "", false
			}
			return of.Type().Field(i).Name, true
		}
		check := func(name string, after pricing.Estimate) {
			dearer := 0
			for i, line := range after.Lines {
				switch was := before.Lines[i].USD; {
				case line.USD < was:
					t.Fatalf("more %s makes %s cheaper: $%g, then $%g", name, line.Item, was, line.USD)
				case line.USD > was:
					dearer++
				}
			}
			if dearer == 0 && !free[name] {
				t.Fatalf("more %s costs nothing", name)
			}
		}
		for i := range reflect.TypeFor[pricing.Workload]().NumField() {
			changed := w
			if name, ok := more(reflect.ValueOf(&changed).Elem(), i); ok {
				check(name, pricing.USEast1.Year(c, changed))
			}
		}
		for i := range reflect.TypeFor[pricing.Configuration]().NumField() {
			changed := c
			name, ok := more(reflect.ValueOf(&changed).Elem(), i)
			// A longer interval and more memory are no more work: memory makes waiting dearer, and CPU time too
			// where one thread cannot use it.
			if ok && name != "Interval" && name != "MemoryMB" {
				check(name, pricing.USEast1.Year(changed, w))
			}
		}
	})
}

// TestArithmeticIsWhatIsBilled reads the arithmetic of every line of any estimate, as a person would, and works
// it out again.
func TestArithmeticIsWhatIsBilled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, w := drawConfiguration(t), drawWorkload(t, "w")
		lines := pricing.USEast1.Year(c, w).Lines
		jobs := pricing.PublishedJobs()
		lines = append(lines, pricing.USEast1.Glue(c, jobs...).Lines...)
		lines = append(lines, pricing.USEast1.Lambda(c, jobs...).Lines...)
		for _, line := range lines {
			got, err := work(line.Arithmetic)
			if err != nil {
				t.Fatalf("%s: %q: %v", line.Item, line.Arithmetic, err)
			}
			if math.Abs(got-line.USD) > 0.003*line.USD {
				t.Fatalf("%s: %q is $%g, billed are $%g", line.Item, line.Arithmetic, got, line.USD)
			}
		}
	})
}

// work works out an arithmetic: numbers, x, / and + count, words do not.
func work(arithmetic string) (float64, error) {
	for words, sign := range map[string]string{
		" a thousand": " / 1000", " a million": " / 1000000",
		" for ten thousand": " / 10000", " for a hundred thousand": " / 100000",
	} {
		arithmetic = strings.ReplaceAll(arithmetic, words, sign)
	}
	if before, rest, found := strings.Cut(arithmetic, "("); found {
		inside, after, _ := strings.Cut(rest, ")")
		value, err := work(inside)
		if err != nil {
			return 0, err
		}
		arithmetic = before + strconv.FormatFloat(value, 'f', -1, 64) + after
	}
	sum := 0.0
	for summand := range strings.SplitSeq(arithmetic, " + ") {
		value, divide := 1.0, false
		for _, token := range strings.Fields(summand) {
			if token[0] < '0' || token[0] > '9' {
				if token[0] != '$' {
					divide = divide || token == "/"
					continue
				}
			}
			number, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimPrefix(token, "$"), ",", ""), 64)
			if err != nil {
				return 0, err
			}
			if divide {
				number = 1 / number
			}
			value *= number
			divide = false
		}
		sum += value
	}
	return sum, nil
}
