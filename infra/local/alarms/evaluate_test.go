package alarms_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/infra/local/alarms"
)

var (
	midnight = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	failed   = alarms.Metric{Namespace: "AWS/States", Name: "Failed", Dimensions: map[string]string{"StateMachineArn": "arn"}}
)

// on returns an alarm on the sum of a metric; one value of at least 1 in a half hour sets it off.
func on(name string, m alarms.Metric, change ...func(*alarms.MetricAlarm)) alarms.MetricAlarm {
	a := alarms.MetricAlarm{
		Name:              name,
		Actions:           alarms.Actions{Enabled: true, Alarm: []string{"topic"}, OK: []string{"topic"}},
		Queries:           []alarms.Query{{ID: "m1", Metric: m, Statistic: alarms.Sum}},
		Watched:           "m1",
		Period:            30 * time.Minute,
		EvaluationPeriods: 1,
		DatapointsToAlarm: 1,
		RangePeriods:      1,
		Comparison:        alarms.GreaterThanOrEqualToThreshold,
		Threshold:         1,
		MissingData:       alarms.MissingIsNotBreaching,
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

// evaluate evaluates minute by minute from midnight on.
func evaluate(t *testing.T, all alarms.Alarms, store *alarms.Store, span time.Duration) alarms.Result {
	t.Helper()
	result, err := alarms.Evaluate(all, store, midnight, midnight.Add(span), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// lines are the changes as "00:31 name OK -> ALARM".
func lines(r alarms.Result) []string {
	var all []string
	for _, c := range r.Changes {
		all = append(all, fmt.Sprintf("%s %s %s -> %s", c.At.Format("15:04"), c.Alarm, c.From, c.To))
	}
	return all
}

func minutes(n int) time.Time { return midnight.Add(time.Duration(n) * time.Minute) }

func TestOneValueInAPeriod(t *testing.T) {
	t.Parallel()
	var store alarms.Store
	store.Add(failed, minutes(90), 1)
	result := evaluate(t, alarms.Alarms{Metric: []alarms.MetricAlarm{on("failure", failed)}}, &store, 24*time.Hour)
	want := alarms.Result{
		Changes: []alarms.Change{
			{At: minutes(1), Alarm: "failure", From: alarms.InsufficientData, To: alarms.OK, Told: []string{"topic"},
				Reason: "sum of Failed over 30m had no data for 1 period, taken as not breaching, threshold >= 1"},
			{At: minutes(91), Alarm: "failure", From: alarms.OK, To: alarms.InAlarm, Told: []string{"topic"},
				Reason: "sum of Failed over 30m was 1, threshold >= 1"},
			{At: minutes(121), Alarm: "failure", From: alarms.InAlarm, To: alarms.OK, Told: []string{"topic"},
				Reason: "sum of Failed over 30m had no data for 1 period, taken as not breaching, threshold >= 1"},
		},
		States: map[string]alarms.State{"failure": alarms.OK},
	}
	if diff := cmp.Diff(want, result); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"failure"}, result.Tripped()); diff != "" {
		t.Errorf("tripped (-want +got):\n%s", diff)
	}
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	period := func(p time.Duration) func(*alarms.MetricAlarm) {
		return func(a *alarms.MetricAlarm) { a.Period = p }
	}
	of := func(m, n, periods int) func(*alarms.MetricAlarm) {
		return func(a *alarms.MetricAlarm) { a.DatapointsToAlarm, a.EvaluationPeriods, a.RangePeriods = m, n, periods }
	}
	treat := func(missing alarms.MissingData) func(*alarms.MetricAlarm) {
		return func(a *alarms.MetricAlarm) { a.MissingData = missing }
	}
	// each adds one value for each minute from the given one on.
	each := func(first int, values ...float64) func(*alarms.Store) {
		return func(s *alarms.Store) {
			for i, value := range values {
				s.Add(failed, minutes(first+i), value)
			}
		}
	}
	at := func(value float64, times ...int) func(*alarms.Store) {
		return func(s *alarms.Store) {
			for _, minute := range times {
				s.Add(failed, minutes(minute), value)
			}
		}
	}
	tests := []struct {
		name  string
		alarm alarms.MetricAlarm
		fill  func(*alarms.Store)
		span  time.Duration
		want  []string
	}{
		{
			// The figure of alarm-evaluation.html: three of three periods over a threshold of three units.
			name: "documented figure",
			alarm: on("a", failed, period(time.Minute), of(3, 3, 5), treat(alarms.MissingIsMissing), func(a *alarms.MetricAlarm) {
				a.Comparison, a.Threshold = alarms.GreaterThanThreshold, 3
			}),
			fill: each(-2, 1, 1, 2, 2, 4, 5, 4, 2, 1, 1, 4, 2),
			span: 10 * time.Minute,
			want: []string{"00:01 a INSUFFICIENT_DATA -> OK", "00:05 a OK -> ALARM", "00:06 a ALARM -> OK"},
		},
		{
			// "at the end of minute 5 the alarm evaluates based on data from minutes 1 to 5. Then at the end of minute 6, [...] 2 to 6."
			name: "the window moves by a minute",
			alarm: on("a", failed, period(5*time.Minute), treat(alarms.MissingIsMissing), func(a *alarms.MetricAlarm) {
				a.Threshold = 5
			}),
			fill: each(-5, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0),
			span: 7 * time.Minute,
			want: []string{"00:01 a INSUFFICIENT_DATA -> OK", "00:05 a OK -> ALARM", "00:06 a ALARM -> OK"},
		},
		{
			name:  "a point belongs to the minute that begins with it",
			alarm: on("a", failed, period(time.Minute)),
			fill:  at(1, 3),
			span:  10 * time.Minute,
			want:  []string{"00:01 a INSUFFICIENT_DATA -> OK", "00:04 a OK -> ALARM", "00:05 a ALARM -> OK"},
		},
		{
			name:  "two of three",
			alarm: on("a", failed, period(time.Minute), of(2, 3, 3)),
			fill:  each(0, 0, 1, 0, 1, 0, 0, 0),
			span:  7 * time.Minute,
			want:  []string{"00:01 a INSUFFICIENT_DATA -> OK", "00:04 a OK -> ALARM", "00:05 a ALARM -> OK"},
		},
		{
			name:  "older values stand in for missing ones, so a sparse alarm lasts for its whole range",
			alarm: on("a", failed, of(1, 1, 3)),
			fill:  at(1, 60),
			span:  6 * time.Hour,
			want:  []string{"00:01 a INSUFFICIENT_DATA -> OK", "01:01 a OK -> ALARM", "02:31 a ALARM -> OK"},
		},
		{
			name: "and one that waits for nothing goes off late",
			alarm: on("a", failed, of(1, 1, 3), treat(alarms.MissingIsBreaching), func(a *alarms.MetricAlarm) {
				a.Comparison = alarms.LessThanThreshold
			}),
			fill: at(1, 0, 30, 60),
			span: 6 * time.Hour,
			want: []string{"00:01 a INSUFFICIENT_DATA -> OK", "02:31 a OK -> ALARM"},
		},
		{
			name: "unless FILL leaves nothing missing",
			alarm: on("a", failed, of(1, 1, 3), treat(alarms.MissingIsBreaching), func(a *alarms.MetricAlarm) {
				a.Comparison = alarms.LessThanThreshold
				a.Queries = append(a.Queries, alarms.Query{ID: "e1", Expression: "FILL(m1, 0)"})
				a.Watched = "e1"
			}),
			fill: at(1, 0, 30, 60),
			span: 6 * time.Hour,
			want: []string{"00:01 a INSUFFICIENT_DATA -> OK", "01:31 a OK -> ALARM"},
		},
		{
			name:  "data from before the alarm was made counts",
			alarm: on("a", failed, treat(alarms.MissingIsMissing)),
			fill:  at(1, -10),
			span:  time.Hour,
			want:  []string{"00:01 a INSUFFICIENT_DATA -> ALARM", "00:21 a ALARM -> INSUFFICIENT_DATA"},
		},
		{
			name:  "ignored data leaves the first state",
			alarm: on("a", failed, treat(alarms.MissingIsIgnored)),
			fill:  func(*alarms.Store) {},
			span:  time.Hour,
		},
		{
			name:  "ignored data leaves ALARM",
			alarm: on("a", failed, treat(alarms.MissingIsIgnored)),
			fill:  at(1, 5),
			span:  10 * time.Hour,
			want:  []string{"00:06 a INSUFFICIENT_DATA -> ALARM"},
		},
		{
			name:  "breaching from the first minute on",
			alarm: on("a", failed, treat(alarms.MissingIsBreaching)),
			fill:  func(*alarms.Store) {},
			span:  time.Hour,
			want:  []string{"00:01 a INSUFFICIENT_DATA -> ALARM"},
		},
		{
			// The example of a multi-day alarm in alarm-evaluation.html: a job that runs every three days fails at 10:02 and
			// succeeds at 11:43.
			name: "more than a day is looked at once an hour",
			alarm: on("a", failed, period(72*time.Hour), func(a *alarms.MetricAlarm) {
				a.Queries[0].Statistic = alarms.Maximum
				a.Comparison = alarms.LessThanThreshold
			}),
			fill: func(s *alarms.Store) { at(1, 10*60+2-72*60, 11*60+43)(s); at(0, 10*60+2)(s) },
			span: 14 * time.Hour,
			want: []string{"00:01 a INSUFFICIENT_DATA -> OK", "11:00 a OK -> ALARM", "12:00 a ALARM -> OK"},
		},
		{
			name:  "a day is looked at every minute",
			alarm: on("a", failed, period(24*time.Hour), func(a *alarms.MetricAlarm) { a.Threshold = 3 }),
			fill:  at(1.5, 70, 100),
			span:  30 * time.Hour,
			want:  []string{"00:01 a INSUFFICIENT_DATA -> OK", "01:41 a OK -> ALARM", "01:11 a ALARM -> OK"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var store alarms.Store
			test.fill(&store)
			result := evaluate(t, alarms.Alarms{Metric: []alarms.MetricAlarm{test.alarm}}, &store, test.span)
			if diff := cmp.Diff(test.want, lines(result)); diff != "" {
				t.Errorf("changes (-want +got):\n%s\n%s", diff, result.Timeline("a"))
			}
		})
	}
}

func TestCompositeAlarms(t *testing.T) {
	t.Parallel()
	letters := alarms.Metric{Namespace: "AWS/SQS", Name: "Letters"}
	all := alarms.Alarms{
		Metric: []alarms.MetricAlarm{on("failure", failed), on("letters", letters)},
		// The first by name and in the list needs the last.
		Composite: []alarms.CompositeAlarm{
			{Name: "all", Rule: `ALARM(z) AND ALARM(letters)`, Actions: alarms.Actions{Alarm: []string{"nobody"}}},
			{Name: "z", Rule: `ALARM(failure) OR ALARM(letters)`, Actions: alarms.Actions{Enabled: true, Alarm: []string{"pager"}}},
			{Name: "test", Rule: `TRUE`},
		},
	}
	var store alarms.Store
	store.Add(failed, minutes(10), 1)
	store.Add(letters, minutes(20), 1)
	result := evaluate(t, all, &store, 2*time.Hour)
	want := []string{
		"00:01 failure INSUFFICIENT_DATA -> OK",
		"00:01 letters INSUFFICIENT_DATA -> OK",
		"00:01 test INSUFFICIENT_DATA -> ALARM",
		"00:01 z INSUFFICIENT_DATA -> OK",
		"00:01 all INSUFFICIENT_DATA -> OK",
		"00:11 failure OK -> ALARM",
		"00:11 z OK -> ALARM",
		"00:21 letters OK -> ALARM",
		"00:21 all OK -> ALARM",
		"00:41 failure ALARM -> OK",
		"00:51 letters ALARM -> OK",
		"00:51 z ALARM -> OK",
		"00:51 all ALARM -> OK",
	}
	if diff := cmp.Diff(want, lines(result)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	told := map[string][]string{}
	for _, c := range result.Changes {
		if c.To == alarms.InAlarm {
			told[c.Alarm] = append(told[c.Alarm], c.Told...)
		}
	}
	wantTold := map[string][]string{"failure": {"topic"}, "letters": {"topic"}, "z": {"pager"}, "all": nil, "test": nil}
	if diff := cmp.Diff(wantTold, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if got, want := result.Timeline("z"), `00:01 INSUFFICIENT_DATA -> OK: its rule does not hold: failure is OK, letters is OK
00:11 OK -> ALARM: its rule holds: failure is ALARM, letters is OK
00:51 ALARM -> OK: its rule does not hold: failure is OK, letters is OK
`; got != want {
		t.Errorf("timeline:\n%s\nwant:\n%s", got, want)
	}
	if got, want := result.Timeline("test"), "00:01 INSUFFICIENT_DATA -> ALARM: its rule holds\n"; got != want {
		t.Errorf("timeline %q, want %q", got, want)
	}
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	cet := time.FixedZone("CET", 3600)
	result := alarms.Result{
		Changes: []alarms.Change{
			{At: minutes(630).In(cet), Alarm: "failure", From: alarms.OK, To: alarms.InAlarm, Reason: "sum of ExecutionsFailed over 30m was 1, threshold >= 1"},
			{At: minutes(700), Alarm: "other", From: alarms.OK, To: alarms.InAlarm},
		},
		States: map[string]alarms.State{"failure": alarms.InAlarm, "other": alarms.InAlarm, "calm": alarms.InsufficientData},
	}
	if got, want := result.Timeline("failure"), "10:30 OK -> ALARM: sum of ExecutionsFailed over 30m was 1, threshold >= 1\n"; got != want {
		t.Errorf("one day: %q, want %q", got, want)
	}
	if got, want := result.Timeline("calm"), "INSUFFICIENT_DATA all the time\n"; got != want {
		t.Errorf("no change: %q, want %q", got, want)
	}
	if got, want := result.Timeline("lost"), "there is no alarm lost\n"; got != want {
		t.Errorf("unknown: %q, want %q", got, want)
	}
	result.Changes = append(result.Changes, alarms.Change{At: minutes(24 * 60), Alarm: "failure", From: alarms.InAlarm, To: alarms.OK, Reason: "x"})
	if got, want := result.Timeline("failure"), "2026-03-11 00:00 ALARM -> OK: x\n"; !strings.HasSuffix(got, want) {
		t.Errorf("two days: %q, want the end %q", got, want)
	}
}

func TestAlarmsThatCannotBeEvaluated(t *testing.T) {
	t.Parallel()
	metric := func(change func(*alarms.MetricAlarm)) alarms.Alarms {
		return alarms.Alarms{Metric: []alarms.MetricAlarm{on("a", failed, change)}}
	}
	rule := func(rules ...string) (all alarms.Alarms) {
		for i, rule := range rules {
			all.Composite = append(all.Composite, alarms.CompositeAlarm{Name: fmt.Sprint("c", i), Rule: rule})
		}
		return all
	}
	tests := []struct {
		name   string
		alarms alarms.Alarms
		want   string
	}{
		{"a period below a minute", metric(func(a *alarms.MetricAlarm) { a.Period = 30 * time.Second }), "alarm a: Period is 30s: want a multiple of 60 seconds"},
		{"a crooked period", metric(func(a *alarms.MetricAlarm) { a.Period = 90 * time.Second }), "Period is 1m30s"},
		{"no evaluation period", metric(func(a *alarms.MetricAlarm) { a.EvaluationPeriods = 0 }), "EvaluationPeriods is 0: want at least 1"},
		{"more than a day", metric(func(a *alarms.MetricAlarm) { a.EvaluationPeriods, a.RangePeriods = 49, 49 }), "Period x EvaluationPeriods is 24h30m0s: want at most a day, or seven"},
		{"more than a week", metric(func(a *alarms.MetricAlarm) {
			a.Period, a.EvaluationPeriods, a.RangePeriods = 24*time.Hour, 8, 8
		}), "Period x EvaluationPeriods is 192h0m0s"},
		{"M above N", metric(func(a *alarms.MetricAlarm) { a.DatapointsToAlarm = 2 }), "DatapointsToAlarm is 2: want 1 to 1"},
		{"a short range", metric(func(a *alarms.MetricAlarm) { a.RangePeriods = 0 }), "RangePeriods is 0: want at least 1"},
		{"anomaly detection", metric(func(a *alarms.MetricAlarm) { a.Comparison = "GreaterThanUpperThreshold" }), `ComparisonOperator is "GreaterThanUpperThreshold": want`},
		{"a strange treatment", metric(func(a *alarms.MetricAlarm) { a.MissingData = "good" }), `TreatMissingData is "good": want missing, notBreaching, breaching or ignore`},
		{"a fault in math", metric(func(a *alarms.MetricAlarm) { a.Watched = "m2" }), `alarm a: no query has the id "m2"`},
		{"one name twice", alarms.Alarms{Metric: []alarms.MetricAlarm{on("a", failed), on("a", failed)}}, "alarm a: another alarm has the same name"},
		{"one name of both kinds", alarms.Alarms{Metric: []alarms.MetricAlarm{on("c0", failed)}, Composite: rule("TRUE").Composite}, "alarm c0: another alarm has the same name"},
		{"a fault in a rule", rule("ALARM"), "alarm c0: AlarmRule"},
		{"a rule on nothing", rule("ALARM(lost)"), `alarm c0: AlarmRule names "lost": want an alarm of the template`},
		{"a rule on itself", rule("ALARM(c0)"), "composite alarms c0: each waits for another"},
		{"rules on each other", rule("TRUE", "ALARM(c2)", "OK(c1)"), "composite alarms c1, c2: each waits for another"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := alarms.Evaluate(test.alarms, &alarms.Store{}, midnight, midnight.Add(time.Hour), time.Minute)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
	t.Run("all at once", func(t *testing.T) {
		t.Parallel()
		all := alarms.Alarms{Metric: []alarms.MetricAlarm{on("a", failed, func(a *alarms.MetricAlarm) { a.MissingData, a.Watched = "good", "x" })}, Composite: rule("nothing").Composite}
		_, err := alarms.Evaluate(all, &alarms.Store{}, midnight, midnight.Add(time.Hour), time.Minute)
		for _, want := range []string{"TreatMissingData", `"x"`, "c0"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v lacks %q", err, want)
			}
		}
	})
	for _, step := range []time.Duration{0, time.Second, 90 * time.Second} {
		if _, err := alarms.Evaluate(alarms.Alarms{}, &alarms.Store{}, midnight, midnight, step); err == nil {
			t.Errorf("a step of %s is taken", step)
		}
	}
	if _, err := alarms.Evaluate(alarms.Alarms{}, &alarms.Store{}, midnight.Add(time.Second), midnight, time.Minute); err == nil {
		t.Error("a start between two minutes is taken")
	}
}

// A day of ten alarms is to take well under a second.
func BenchmarkDay(b *testing.B) {
	var store alarms.Store
	var all alarms.Alarms
	for i := range 10 {
		m := alarms.Metric{Namespace: "n", Name: fmt.Sprint("m", i), Dimensions: map[string]string{"a": "b"}}
		for minute := -3 * 24 * 60; minute < 24*60; minute += 2 {
			store.Add(m, minutes(minute), float64(minute%60))
		}
		all.Metric = append(all.Metric, on(fmt.Sprint("a", i), m, func(a *alarms.MetricAlarm) {
			a.Period, a.RangePeriods, a.Threshold = 24*time.Hour, 3, 30
		}))
		all.Composite = append(all.Composite, alarms.CompositeAlarm{Name: fmt.Sprint("c", i), Rule: fmt.Sprintf("ALARM(a%d) AND NOT OK(a0)", i)})
	}
	for b.Loop() {
		if _, err := alarms.Evaluate(all, &store, midnight, midnight.Add(24*time.Hour), time.Minute); err != nil {
			b.Fatal(err)
		}
	}
}
