package alarms

import (
	"strings"
	"testing"
)

// retained stands for "Retain current state".
const retained State = "retained"

// pattern reads values as the tables of AWS show them, the most recent on the right: 0 does not breach, X does, - is missing.
func pattern(text string) series {
	var values series
	for _, value := range strings.Fields(text) {
		values = append(values, map[string]float64{"0": 0, "O": 0, "X": 1, "-": missing}[value])
	}
	return values
}

// The first two tables and the examples of the text after them, as they stand at
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html.
func TestMissingData(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		datapoints int // to alarm; EvaluationPeriods is 3 and the evaluation range 5
		values     string
		filled     int
		// missing, ignore, breaching and notBreaching
		want [4]State
	}{
		{"3 of 3, row 1", 3, "0 - X - X", 0, [4]State{OK, OK, OK, OK}},
		{"3 of 3, row 2", 3, "0 - - - -", 2, [4]State{OK, OK, OK, OK}},
		{"3 of 3, row 3", 3, "- - - - -", 3, [4]State{InsufficientData, retained, InAlarm, OK}},
		{"3 of 3, row 4", 3, "0 X X - X", 0, [4]State{InAlarm, InAlarm, InAlarm, InAlarm}},
		{"3 of 3, row 5", 3, "- - X - -", 2, [4]State{InAlarm, retained, InAlarm, OK}},
		{"2 of 3, row 1", 2, "0 - X - X", 0, [4]State{InAlarm, InAlarm, InAlarm, InAlarm}},
		{"2 of 3, row 2", 2, "0 0 X 0 X", 0, [4]State{InAlarm, InAlarm, InAlarm, InAlarm}},
		{"2 of 3, row 3", 2, "0 - X - -", 1, [4]State{OK, OK, InAlarm, OK}},
		{"2 of 3, row 4", 2, "- - - - 0", 2, [4]State{OK, OK, InAlarm, OK}},
		{"2 of 3, row 5", 2, "- - - X -", 2, [4]State{InAlarm, retained, InAlarm, OK}},
		{"not yet, the first", 3, "- - - - X", 2, [4]State{retained, retained, InAlarm, OK}},
		{"not yet, the second", 3, "- - - X -", 2, [4]State{retained, retained, InAlarm, OK}},
		{"the first, gone on well", 3, "- - - X O", 1, [4]State{OK, OK, OK, OK}},
		{"the second, gone on well", 3, "- - X - O", 1, [4]State{OK, OK, OK, OK}},
		{"row 2, the next time", 3, "- - - - -", 3, [4]State{InsufficientData, retained, InAlarm, OK}},
	}
	for _, test := range tests {
		for i, treatment := range []MissingData{MissingIsMissing, MissingIsIgnored, MissingIsBreaching, MissingIsNotBreaching} {
			t.Run(test.name+" "+string(treatment), func(t *testing.T) {
				t.Parallel()
				w := &watch{alarm: MetricAlarm{
					EvaluationPeriods: 3, DatapointsToAlarm: test.datapoints, RangePeriods: 5,
					Comparison: GreaterThanThreshold, MissingData: treatment,
				}}
				for _, current := range []State{OK, InAlarm, InsufficientData} {
					want := test.want[i]
					if want == retained {
						want = current
					}
					got := w.judge(pattern(test.values), current)
					if got.state != want {
						t.Errorf("%s in state %s goes to %s, want %s", test.values, current, got.state, want)
					}
					if got.filled != test.filled {
						t.Errorf("%s: %d values filled in, want %d", test.values, got.filled, test.filled)
					}
				}
			})
		}
	}
}

func TestComparisons(t *testing.T) {
	t.Parallel()
	tests := []struct {
		comparison          Comparison
		below, equal, above bool
	}{
		{GreaterThanOrEqualToThreshold, false, true, true},
		{GreaterThanThreshold, false, false, true},
		{LessThanThreshold, true, false, false},
		{LessThanOrEqualToThreshold, true, true, false},
	}
	for _, test := range tests {
		t.Run(string(test.comparison), func(t *testing.T) {
			t.Parallel()
			got := [3]bool{test.comparison.breaches(1, 2), test.comparison.breaches(2, 2), test.comparison.breaches(3, 2)}
			if want := [3]bool{test.below, test.equal, test.above}; got != want {
				t.Errorf("1, 2 and 3 breach 2: %v, want %v", got, want)
			}
		})
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		treatment MissingData
		m, n      int
		values    string
		want      string
	}{
		{"one value", MissingIsMissing, 1, 1, "- - X", "sum of Failed over 30m was 1, threshold > 0"},
		{"several", MissingIsMissing, 2, 3, "0 X - X", "sum of Failed over 30m was 0, 1, 1, threshold > 0 in 2 of 3"},
		{"none", MissingIsMissing, 1, 1, "- - -", "sum of Failed over 30m had no data for 3 periods, threshold > 0"},
		{"none, breaching", MissingIsBreaching, 1, 2, "- -", "sum of Failed over 30m had no data for 2 periods, taken as breaching, threshold > 0 in 1 of 2"},
		{"some, not breaching", MissingIsNotBreaching, 2, 3, "- X - -", "sum of Failed over 30m was 1, 2 missing taken as not breaching, threshold > 0 in 2 of 3"},
		{"old", MissingIsMissing, 2, 3, "- X - -", "sum of Failed over 30m was 1, the first of them 2 periods ago or more and none after that does not breach, threshold > 0 in 2 of 3"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			values := pattern(test.values)
			w := &watch{alarm: MetricAlarm{
				Queries: []Query{{ID: "m1", Metric: Metric{Name: "Failed"}, Statistic: Sum}}, Watched: "m1", Period: 30 * 60e9,
				EvaluationPeriods: test.n, DatapointsToAlarm: test.m, RangePeriods: len(values),
				Comparison: GreaterThanThreshold, MissingData: test.treatment,
			}}
			if got := w.reason(w.judge(values, OK)); got != test.want {
				t.Errorf("reason %q, want %q", got, test.want)
			}
		})
	}
}
