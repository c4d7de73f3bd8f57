package alarms_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/infra/local/alarms"
)

// documented is the example of
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html.
const documented = `{
  "_aws": {
    "Timestamp": 1574109732004,
    "CloudWatchMetrics": [
      {
        "Namespace": "lambda-function-metrics",
        "Dimensions": [["functionVersion"]],
        "Metrics": [{"Name": "time", "Unit": "Milliseconds", "StorageResolution": 60}]
      }
    ]
  },
  "functionVersion": "$LATEST",
  "time": 100,
  "requestId": "989ffbf8-9ace-4817-a57c-e4dd734019ee"
}`

func TestLines(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1574109732004).UTC()
	one := []alarms.Datum{{
		Metric: alarms.Metric{Namespace: "lambda-function-metrics", Name: "time", Dimensions: map[string]string{"functionVersion": "$LATEST"}},
		At:     at, Values: []float64{100},
	}}
	dims := func(pairs ...string) map[string]string {
		all := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = pairs[i+1]
		}
		return all
	}
	tests := []struct {
		name string
		line string
		want []alarms.Datum
	}{
		{"documented", documented, one},
		{"after what Lambda puts before it", "2026-03-10T17:00:00.000Z\t989ffbf8\tINFO\t" + documented, one},
		{"members that are not of the format", strings.Replace(documented, `"Timestamp"`, `"LogGroupName": "x", "Timestamp"`, 1), one},
		{
			name: "several sets, metrics and values",
			line: `{"_aws":{"Timestamp":1574109732004,"CloudWatchMetrics":[
				{"Namespace":"a","Dimensions":[[],["p","q"]],"Metrics":[{"Name":"x"},{"Name":"y","Unit":"Count/Second","StorageResolution":1}]},
				{"Namespace":"b","Dimensions":[["p"]],"Metrics":[{"Name":"x"}]},
				{"Namespace":"c","Dimensions":[[]],"Metrics":[]}]},
				"p":"1","q":"2","x":[1,2.5,-3e2],"y":0}`,
			want: []alarms.Datum{
				{Metric: alarms.Metric{Namespace: "a", Name: "x", Dimensions: dims()}, At: at, Values: []float64{1, 2.5, -300}},
				{Metric: alarms.Metric{Namespace: "a", Name: "x", Dimensions: dims("p", "1", "q", "2")}, At: at, Values: []float64{1, 2.5, -300}},
				{Metric: alarms.Metric{Namespace: "a", Name: "y", Dimensions: dims()}, At: at, Values: []float64{0}},
				{Metric: alarms.Metric{Namespace: "a", Name: "y", Dimensions: dims("p", "1", "q", "2")}, At: at, Values: []float64{0}},
				{Metric: alarms.Metric{Namespace: "b", Name: "x", Dimensions: dims("p", "1")}, At: at, Values: []float64{1, 2.5, -300}},
			},
		},
		{"no directive", `{"_aws":{"Timestamp":1,"CloudWatchMetrics":[]}}`, nil},
		{"empty", "", nil},
		{"text", "START RequestId: 989ffbf8", nil},
		{"another log line", `{"msg":"window replaced","late":3}`, nil},
		{"a log line that speaks of the format", `{"msg":"the member \"_aws\" is missing"}`, nil},
		{"the member deeper down", `{"event":{"_aws":{"CloudWatchMetrics":1}}}`, nil},
		{"no JSON, and no word of the format", `{"msg":`, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := alarms.ParseLine([]byte(test.line))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("data (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLinesThatBreakTheFormat(t *testing.T) {
	t.Parallel()
	// line makes a line of one directive, with changes to what is right.
	line := func(replacements ...string) string {
		return strings.NewReplacer(replacements...).Replace(
			`{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[["d"]],"Metrics":[{"Name":"x","Unit":"Count"}]}]},"d":"v","x":1}`)
	}
	if _, err := alarms.ParseLine([]byte(line())); err != nil {
		t.Fatal(err)
	}
	repeated := func(item string, n int) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	const directive = "_aws.CloudWatchMetrics[0]"
	tests := []struct {
		name string
		line string
		want string
	}{
		{"cut short", line()[:60], "it is no JSON object and nothing after it"},
		{"something after it", line() + " x", "it is no JSON object and nothing after it"},
		{"no timestamp", line(`"Timestamp":1,`, ``), "_aws.Timestamp is missing: want milliseconds since 1970"},
		{"a timestamp as text", line(`"Timestamp":1`, `"Timestamp":"now"`), "_aws/Timestamp is of the wrong kind (JSON string)"},
		{"a timestamp in another case", line(`"Timestamp"`, `"timestamp"`), "_aws.Timestamp is missing"},
		{"no metrics", `{"_aws":{"Timestamp":1}}`, "_aws.CloudWatchMetrics is missing"},
		{"metadata of another kind", `{"_aws":[]}`, "_aws is of the wrong kind (JSON [)"},
		{"no namespace", line(`"Namespace":"n",`, ``), directive + ".Namespace has 0 characters: want 1 to 1024"},
		{"a long namespace", line(`"Namespace":"n"`, `"Namespace":"`+strings.Repeat("n", 1025)+`"`), "has 1025 characters"},
		{"a number as namespace", line(`"Namespace":"n"`, `"Namespace":1`), "_aws/CloudWatchMetrics/0/Namespace is of the wrong kind (JSON number)"},
		{"no dimensions", line(`[["d"]]`, `[]`), directive + ".Dimensions has no set: want at least one, [[]] for"},
		{"no set of dimensions", line(`[["d"]]`, `["d"]`), "_aws/CloudWatchMetrics/0/Dimensions/0 is of the wrong kind (JSON string)"},
		{"many dimensions", line(`["d"]`, "["+repeated(`"d"`, 31)+"]"), directive + ".Dimensions[0] has 31 dimensions: want at most 30"},
		{"an empty dimension", line(`["d"]`, `[""]`), "has a name of 0 characters: want 1 to 250"},
		{"a dimension without a value", line(`,"d":"v"`, ``), directive + `.Dimensions[0] names "d": want a member of that name at the root of the line`},
		{"a dimension that is a number", line(`"d":"v"`, `"d":1`), `names "d", which is 1: want text`},
		{"a dimension that is null", line(`"d":"v"`, `"d":null`), `names "d", which is null: want text`},
		{"a dimension that is empty", line(`"d":"v"`, `"d":""`), `names "d", which has 0 characters: want 1 to 1024`},
		{"no list of metrics", line(`"Metrics":[{"Name":"x","Unit":"Count"}]`, `"Metric":[]`), directive + ".Metrics has 0 metrics: want a list"},
		{"many metrics", line(`{"Name":"x","Unit":"Count"}`, repeated(`{"Name":"x"}`, 101)), directive + ".Metrics has 101 metrics: want a list of at most 100"},
		{"a metric without a name", line(`"Name":"x",`, ``), directive + ".Metrics[0].Name has 0 characters"},
		{"a metric without a value", line(`,"x":1`, ``), directive + `.Metrics[0] names "x": want a member of that name`},
		{"a metric that is text", line(`"x":1`, `"x":"1"`), `names "x", which is "1": want a number or a list of numbers`},
		{"a metric that is null", line(`"x":1`, `"x":null`), `names "x", which is null: want a number`},
		{"a null in a list", line(`"x":1`, `"x":[1,null]`), `names "x", which is [1,null]: want a number or a list`},
		{"a metric that is nested", line(`"x":1`, `"x":{"y":1}`), `names "x", which is {"y":1}: want a number`},
		{"a metric that is too large", line(`"x":1`, `"x":1e999`), `names "x", which is 1e999: want a number that 64 bits can hold`},
		{"no value", line(`"x":1`, `"x":[]`), `names "x", which has 0 values: want 1 to 100`},
		{"many values", line(`"x":1`, `"x":[`+repeated("1", 101)+`]`), `names "x", which has 101 values`},
		{"a strange unit", line(`"Count"`, `"count"`), directive + `.Metrics[0].Unit is "count": want one of Seconds, `},
		{"a strange resolution", line(`"Unit":"Count"`, `"StorageResolution":30`), directive + ".Metrics[0].StorageResolution is 30: want 1 or 60"},
		{"a long line", line(`"x":1`, `"x":1,"y":"`+strings.Repeat("y", 1<<20)+`"`), "want at most 1048576"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var store alarms.Store
			err := store.AddLine([]byte(test.line), midnight)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if _, ok := store.Statistic(alarms.Metric{Namespace: "n", Name: "x", Dimensions: map[string]string{"d": "v"}}, alarms.Sum, midnight, time.Minute); ok {
				t.Error("something was added all the same")
			}
		})
	}
	t.Run("all at once", func(t *testing.T) {
		t.Parallel()
		_, err := alarms.ParseLine([]byte(line(`"n"`, `""`, `"Count"`, `"count"`, `"d":"v"`, `"d":1`, `"x":1`, `"x":"1"`)))
		for _, want := range []string{"Namespace", "Unit", `"d"`, `"x"`} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v lacks %q", err, want)
			}
		}
	})
}

func TestLinesAreAddedAtTheTimeOfTheRun(t *testing.T) {
	t.Parallel()
	m := alarms.Metric{Namespace: "lambda-function-metrics", Name: "time", Dimensions: map[string]string{"functionVersion": "$LATEST"}}
	var store alarms.Store
	for _, at := range []time.Time{minutes(3), {}} {
		if err := store.AddLine([]byte(documented), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.AddLine([]byte(fmt.Sprintf("%q", documented)), minutes(3)); err != nil {
		t.Fatal(err)
	}
	own := time.UnixMilli(1574109732004)
	for _, start := range []time.Time{minutes(3), own} {
		if got, ok := store.Statistic(m, alarms.SampleCount, start, time.Millisecond); !ok || got != 1 {
			t.Errorf("%v, %v values at %s, want one", got, ok, start)
		}
	}
}
