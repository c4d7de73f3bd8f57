package alarms

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// metricsOf are the values of metrics in the examples of
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html, and some more.
func metricsOf(t *testing.T, values map[string][]float64, expressions ...Query) ([]Query, scope) {
	t.Helper()
	var queries []Query
	s := scope{values: map[string]operand{}}
	for id, metric := range values {
		queries = append(queries, Query{ID: id, Statistic: Sum})
		s.values[id] = operand{list: []series{metric}}
		s.periods = len(metric)
	}
	return append(queries, expressions...), s
}

func TestMetricMath(t *testing.T) {
	t.Parallel()
	var (
		no        = missing
		operators = map[string][]float64{"metric1": {30, 20, 0, 0}, "metric2": {20, no, 20, no}}
		choices   = map[string][]float64{"metric1": {1, 1, 0, 0, no}, "metric2": {30, no, 0, 0, 30}, "metric3": {0, 0, 20, no, 20}}
		sparse    = map[string][]float64{"errors4xx": {1, no, 3, no}, "errors5xx": {10, 20, no, no}, "requests": {2, 0, 4, no}}
	)
	tests := []struct {
		name       string
		metrics    map[string][]float64
		expression string
		want       []float64
	}{
		{"documented: compare", operators, "metric1 < metric2", []float64{0, 0, 1, 0}},
		{"documented: compare with a number", operators, "metric1 >= 30", []float64{1, 0, 0, 0}},
		{"documented: logic", operators, "metric1 > 15 AND metric2 > 15", []float64{1, 0, 0, 0}},
		{"documented: IF(TS, TS, TS)", choices, "IF(metric1, metric2, metric3)", []float64{30, 0, 20, no, no}},
		{"documented: IF(TS, S, TS)", choices, "IF(metric1, 5, metric3)", []float64{5, 5, 20, no, no}},
		{"documented: IF(TS, TS, S)", choices, "IF(metric1, metric2, 5)", []float64{30, 0, 5, 5, no}},
		{"documented: low values only", operators, "IF(metric1<25, metric1)", []float64{no, 20, 0, 0}},
		{"documented: one of two values", operators, "IF(metric1<25, 10, 2)", []float64{2, 10, 10, 10}},
		{"documented: over a metric", operators, "IF(metric1>metric2, 1, 0)", []float64{1, 1, 0, 0}},
		{"IF of a true number", choices, "IF(2 > 1, metric2, metric3)", []float64{30, no, 0, 0, 30}},
		{"IF of a false number", choices, "IF(2 < 1, metric2, metric3)", []float64{0, 0, 20, no, 20}},
		{"IF of a false number, nothing else", choices, "IF(0, metric2)", []float64{no, no, no, no, no}},
		{"missing is 0 beside a value", sparse, "errors4xx + errors5xx", []float64{11, 20, 3, no}},
		{"missing stays so beside a number", sparse, "errors4xx + 1", []float64{2, no, 4, no}},
		{"division by zero is dropped", sparse, "errors5xx / requests", []float64{5, no, 0, no}},
		{"precedence", sparse, "1 + 2 * requests ^ 2 - 6 / 3", []float64{7, -1, 31, no}},
		{"parentheses", sparse, "(1 + 2) * (requests - 1)", []float64{3, -3, 9, no}},
		{"minus", sparse, "-requests - -1", []float64{-1, 1, -3, no}},
		{"minus of a power", sparse, "-requests ^ 2", []float64{-4, 0, -16, no}},
		{"powers from the right", sparse, "2 ^ 2 ^ requests", []float64{16, 2, 65536, no}},
		{"too large is dropped", sparse, "10 ^ (200 * requests)", []float64{no, 1, no, no}},
		{"AND before OR", sparse, "requests == 2 OR requests == 4 AND requests == 5", []float64{1, 0, 0, no}},
		{"signs of logic", sparse, "requests == 2 || requests == 4 && requests != 5", []float64{1, 0, 1, no}},
		{"comparisons", sparse, "(requests <= 2) + (requests > 2) * 10", []float64{1, 1, 10, no}},
		{"numbers", sparse, "requests * 1.5e1", []float64{30, 0, 60, no}},
		{"FILL with a number", sparse, "FILL(errors4xx, 7)", []float64{1, 7, 3, 7}},
		{"FILL with a series", sparse, "FILL(errors4xx, errors5xx)", []float64{1, 20, 3, no}},
		{"SUM", sparse, "SUM([errors4xx, errors5xx])", []float64{11, 20, 3, no}},
		{"MIN", sparse, "MIN([errors4xx, errors5xx, requests])", []float64{1, 0, 3, no}},
		{"MAX", sparse, "MAX([errors4xx, errors5xx, requests])", []float64{10, 20, 4, no}},
		{"all metrics", sparse, "SUM(METRICS())", []float64{13, 20, 7, no}},
		{"documented: some metrics", sparse, `SUM(METRICS("errors"))/SUM(METRICS('requests'))*100`, []float64{550, no, 75, no}},
		{"documented: several sets of metrics", sparse, `SUM([METRICS("4xx"), METRICS("5xx")])`, []float64{11, 20, 3, no}},
		{"documented: a number over a list", sparse, "SUM(100/[errors4xx, requests])", []float64{150, no, 100.0/3 + 25, no}},
		{"documented: FILL of a list", sparse, "SUM(FILL(METRICS(), 0))", []float64{13, 20, 7, 0}},
		{"a list and a series", sparse, "MAX(METRICS() * requests)", []float64{20, 0, 16, no}},
		{"minus of a list", sparse, "SUM(-[errors4xx, errors5xx])", []float64{-11, -20, -3, no}},
		{"another expression", sparse, "all / 2", []float64{5.5, 10, 1.5, no}},
		{"another expression that is a list", sparse, "MAX(both)", []float64{10, 20, 3, no}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			queries := []Query{{ID: "result", Expression: test.expression}}
			if test.metrics["errors4xx"] != nil {
				queries = append(queries, Query{ID: "all", Expression: "SUM(both)"}, Query{ID: "both", Expression: "[errors4xx, errors5xx]"})
			}
			queries, s := metricsOf(t, test.metrics, queries...)
			program, err := compile(queries, "result")
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range program.steps {
				if step.query.Expression != "" {
					s.values[step.query.ID] = step.node.eval(s)
				}
			}
			if diff := cmp.Diff(test.want, []float64(s.values["result"].list[0]), cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-12, 0)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.expression, diff)
			}
		})
	}
}

func TestMathThatIsRefused(t *testing.T) {
	t.Parallel()
	expression := func(text string) []Query {
		return []Query{{ID: "m1", Statistic: Sum}, {ID: "m2", Statistic: Sum}, {ID: "e1", Expression: text}}
	}
	tests := []struct {
		name    string
		queries []Query
		want    string
	}{
		{"another function", expression("ANOMALY_DETECTION_BAND(m1)"), "ANOMALY_DETECTION_BAND: only numbers, ids of queries"},
		{"Metrics Insights", expression("SELECT SUM(x) FROM y"), "SELECT: only numbers"},
		{"a search", expression("SUM(SEARCH('x', 'Sum'))"), "SEARCH: only numbers"},
		{"a function over time", expression("m1 / MAX(m1)"), "MAX wants one list of time series, as MAX(METRICS()) or MAX([m1, m2]): over the time of one series"},
		{"FILL with REPEAT", expression("FILL(m1, REPEAT)"), "REPEAT: only numbers"},
		{"FILL of a number", expression("FILL(1, 2)"), "FILL wants a time series or a list"},
		{"FILL with a list", expression("FILL(m1, [m1])"), "FILL wants a time series or a list"},
		{"a list as the result", expression("METRICS()"), "e1 comes to a list of time series: an alarm watches one time series"},
		{"a number as the result", expression("1 + 2"), "e1 comes to a number"},
		{"two lists", expression("SUM(METRICS() + [m1, m2])"), "+ cannot be applied to a list of time series and a list of time series"},
		{"a list compared", expression("SUM(METRICS() > 1)"), "> cannot be applied to a list of time series and a number"},
		{"IF without values", expression("IF(m1)"), "IF has 1 arguments"},
		{"IF of a list", expression("IF(METRICS(), 1, 0)"), "IF takes no list"},
		{"IF of numbers only", expression("IF(1, 2, 3)"), "IF of a number wants time series as values"},
		{"a number in a list", expression("SUM([m1, 2])"), "[] holds a number"},
		{"an empty list", expression("SUM([])"), "[] is empty"},
		{"no metric found", expression(`SUM(METRICS("x"))`), `METRICS("x") finds no metric: the ids are m1, m2`},
		{"an unknown id", expression("m1 + m3"), `no query has the id "m3"`},
		{"itself", expression("e1 + m1"), "e1 needs itself"},
		{"each other", append(expression("e2 + m1"), Query{ID: "e2", Expression: "e1"}), "needs itself"},
		{"too short", expression("m1 +"), "it ends too early: want a value"},
		{"too long", expression("m1 m2"), `"m2" at character 4: want the end`},
		{"not shut", expression("(m1 + m2"), `it ends too early: want ")"`},
		{"no comma", expression("SUM([m1 m2])"), `"m2" at character 9: want ","`},
		{"a strange character", expression("m1 % 2"), `"%" at character 4: only numbers`},
		{"nothing before an operator", expression("* m1"), `"*" at character 1: want a value`},
		{"a strange id", []Query{{ID: "M1", Statistic: Sum}}, `Id "M1": want a lowercase letter`},
		{"an id twice", []Query{{ID: "e1", Statistic: Sum}, {ID: "e1", Statistic: Sum}}, `Id "e1" is given twice`},
		{"a strange statistic", []Query{{ID: "e1", Statistic: "tm90"}}, `e1: statistic is "tm90": want Sum`},
		{"no metric", []Query{{ID: "e1", Expression: "1"}}, "0 metrics: want 1 to 10"},
		{"nothing to watch", []Query{{ID: "m1", Statistic: Sum}}, `no query has the id "e1", which is to be watched`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := compile(test.queries, "e1"); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
