package alarms_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/infra/local/alarms"
	"github.com/windrow-data/windrow/infra/local/assembly"
)

func load(t *testing.T, dir string) (alarms.Alarms, error) {
	t.Helper()
	a, err := assembly.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return alarms.Load(a)
}

const (
	topicARN   = "arn:aws:sns:us-east-1:000000000000:Topic"
	machineARN = "arn:aws:states:us-east-1:000000000000:stateMachine:StateMachine"
	alarmARN   = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	got, err := load(t, "testdata/page")
	if err != nil {
		t.Fatal(err)
	}
	machine := map[string]string{"StateMachineArn": machineARN}
	want := alarms.Alarms{
		Metric: []alarms.MetricAlarm{{
			Name:              "FailureAlarm",
			ARN:               alarmARN + "FailureAlarm",
			Description:       "A run failed. First look: StateMachine.",
			Actions:           alarms.Actions{Enabled: true, Alarm: []string{topicARN}, OK: []string{topicARN}},
			Queries:           []alarms.Query{{ID: "m1", Metric: alarms.Metric{Namespace: "AWS/States", Name: "ExecutionsFailed", Dimensions: machine}, Statistic: alarms.Sum}},
			Watched:           "m1",
			Period:            30 * time.Minute,
			EvaluationPeriods: 1,
			DatapointsToAlarm: 1,
			RangePeriods:      3,
			Comparison:        alarms.GreaterThanOrEqualToThreshold,
			Threshold:         1,
			MissingData:       alarms.MissingIsNotBreaching,
		}, {
			Name:    "shop-idle",
			ARN:     alarmARN + "shop-idle",
			Actions: alarms.Actions{Alarm: []string{topicARN}},
			Queries: []alarms.Query{
				{ID: "runs", Expression: "FILL(started, 0) + FILL(letters, 0)"},
				{ID: "started", Metric: alarms.Metric{Namespace: "AWS/States", Name: "ExecutionsStarted", Dimensions: machine}, Statistic: alarms.Sum},
				{ID: "letters", Metric: alarms.Metric{Namespace: "AWS/SQS", Name: "NumberOfMessagesSent", Dimensions: map[string]string{"QueueName": "Letters"}}, Statistic: "p99.9"},
			},
			Watched:           "runs",
			Period:            time.Hour,
			EvaluationPeriods: 2,
			DatapointsToAlarm: 1,
			RangePeriods:      4,
			Comparison:        alarms.LessThanThreshold,
			Threshold:         1,
			MissingData:       alarms.MissingIsBreaching,
		}},
		Composite: []alarms.CompositeAlarm{{
			Name:    "page",
			ARN:     alarmARN + "page",
			Actions: alarms.Actions{Enabled: true, Alarm: []string{topicARN}},
			Rule:    `(ALARM("` + alarmARN + `FailureAlarm") OR ALARM("` + alarmARN + `shop-idle"))`,
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
}

// The alarms of a template over a day in which a run fails, and one in which they stop.
func TestAlarmsOfATemplate(t *testing.T) {
	t.Parallel()
	all, err := load(t, "testdata/page")
	if err != nil {
		t.Fatal(err)
	}
	var store alarms.Store
	ran := func(from, until int) {
		for minute := from; minute < until; minute += 30 {
			store.Add(all.Metric[1].Queries[1].Metric, minutes(minute), 1)
		}
	}
	ran(-120, 12*60)
	ran(20*60, 24*60)
	store.Add(all.Metric[0].Queries[0].Metric, minutes(6*60), 1)
	result := evaluate(t, all, &store, 24*time.Hour)
	want := []string{
		"00:01 FailureAlarm INSUFFICIENT_DATA -> OK",
		"00:01 shop-idle INSUFFICIENT_DATA -> OK",
		"00:01 page INSUFFICIENT_DATA -> OK",
		"06:01 FailureAlarm OK -> ALARM",
		"06:01 page OK -> ALARM",
		"07:31 FailureAlarm ALARM -> OK",
		"07:31 page ALARM -> OK",
		"12:31 shop-idle OK -> ALARM",
		"12:31 page OK -> ALARM",
		"21:01 shop-idle ALARM -> OK",
		"21:01 page ALARM -> OK",
	}
	if diff := cmp.Diff(want, lines(result)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if got, want := result.Timeline("shop-idle"), "12:31 OK -> ALARM: FILL(started, 0) + FILL(letters, 0) over 1h (started the sum of ExecutionsStarted, letters the p99.9 of NumberOfMessagesSent) was 2, 0, threshold < 1 in 1 of 2\n"; !strings.Contains(got, want) {
		t.Errorf("timeline %q lacks %q", got, want)
	}
}

func TestAlarmsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	const (
		figures = `"ComparisonOperator":"GreaterThanThreshold","EvaluationPeriods":1,"Threshold":1`
		metric  = `"Namespace":"n","MetricName":"m","Statistic":"Sum","Period":60`
		stat    = `"MetricStat":{"Metric":{"Namespace":"n","MetricName":"m"},"Period":60,"Stat":"Sum"}`
	)
	alarm := func(properties ...string) string {
		return `{"Type":"AWS::CloudWatch::Alarm","Properties":{` + strings.Join(properties, ",") + `}}`
	}
	math := func(queries ...string) string {
		return alarm(figures, `"Metrics":[`+strings.Join(queries, ",")+`]`)
	}
	composite := func(properties string) string {
		return `{"Type":"AWS::CloudWatch::CompositeAlarm","Properties":{` + properties + `}}`
	}
	tests := []struct {
		name  string
		alarm string
		want  string
	}{
		{"a warm-up", alarm(figures, metric, `"WarmUpConfiguration":{}`), "A (AWS::CloudWatch::Alarm): property WarmUpConfiguration cannot be evaluated locally: leave it out"},
		{"a unit", alarm(figures, metric, `"Unit":"Count"`), "property Unit cannot be evaluated locally"},
		{"a unit of a query", math(`{"Id":"m1","MetricStat":{"Unit":"Count"}}`), "property Metrics.0.MetricStat.Unit cannot be evaluated locally"},
		{"another kind", alarm(figures, metric, `"AlarmActions":"x"`), "property AlarmActions is of the wrong kind (JSON string)"},
		{"a figure that is none", alarm(metric, `"Threshold":"x"`), `"x": want a number`},
		{"no threshold", alarm(metric, `"ThresholdMetricId":"e1"`), "property ThresholdMetricId cannot be evaluated locally"},
		{"no threshold at all", alarm(metric, `"EvaluationPeriods":1`), "Threshold is missing"},
		{"few samples", alarm(figures, metric, `"EvaluateLowSampleCountPercentile":"ignore"`), `EvaluateLowSampleCountPercentile is "ignore": want evaluate`},
		{"no statistic", alarm(figures, `"Namespace":"n","MetricName":"m","Period":60`), "want Metrics, or MetricName with Statistic or ExtendedStatistic"},
		{"two statistics", alarm(figures, metric, `"ExtendedStatistic":"p99"`), "want Metrics, or MetricName with Statistic or ExtendedStatistic"},
		{"a strange statistic", alarm(figures, `"Namespace":"n","MetricName":"m","Period":60,"ExtendedStatistic":"tm99"`), `alarm A: m1: statistic is "tm99"`},
		{"metrics beside a metric", alarm(figures, metric, `"Metrics":[{"Id":"m1",`+stat+`}]`), "Metrics stands beside MetricName"},
		{"an empty query", math(`{"Id":"m1"}`), `Metrics: "m1": want Expression or MetricStat, one of the two`},
		{"another account", math(`{"Id":"m1","AccountId":"123456789012",` + stat + `}`), `Metrics: "m1": AccountId is 123456789012`},
		{"two periods", math(`{"Id":"m1",`+stat+`}`, `{"Id":"m2","ReturnData":false,`+strings.Replace(stat, "60", "120", 1)+`}`), `Metrics: "m2": Period is 120, another's 1m0s: want one for all`},
		{"two that are watched", math(`{"Id":"m1",`+stat+`}`, `{"Id":"m2",`+stat+`}`), "Metrics: ReturnData is true of 2 (m1, m2)"},
		{"none that is watched", math(`{"Id":"m1","ReturnData":false,` + stat + `}`), "Metrics: ReturnData is true of 0"},
		{"math that is refused", math(`{"Id":"e1","Expression":"RATE(m1)"}`, `{"Id":"m1","ReturnData":false,`+stat+`}`), `alarm A: e1, Expression "RATE(m1)": RATE: only numbers`},
		{"a suppressor", composite(`"AlarmRule":"TRUE","ActionsSuppressor":"x"`), "A (AWS::CloudWatch::CompositeAlarm): property ActionsSuppressor cannot be evaluated locally"},
		{"a rule on nothing", composite(`"AlarmRule":"ALARM(b)"`), `alarm A: AlarmRule names "b": want an alarm of the template`},
		{"no rule", composite(`"AlarmName":"A"`), "it ends too early"},
		{"a lost reference", alarm(figures, metric, `"AlarmActions":[{"Ref":"Lost"}]`), `A (AWS::CloudWatch::Alarm): AlarmActions: [0]: Ref: the template has no parameter and no resource "Lost"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, content := range map[string]string{
				"manifest.json": `{"artifacts":{"s":{"type":"aws:cloudformation:stack","properties":{"templateFile":"t.json"}}}}`,
				"t.json":        `{"Resources":{"A":` + test.alarm + `}}`,
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := load(t, dir)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if len(got.Metric)+len(got.Composite) > 0 {
				t.Errorf("alarms beside the error: %v", got)
			}
		})
	}
}
