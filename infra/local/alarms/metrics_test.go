package alarms_test

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/infra/local/alarms"
)

func TestStatistics(t *testing.T) {
	t.Parallel()
	var store alarms.Store
	plain := alarms.Metric{Namespace: "n", Name: "plain"}
	store.Add(plain, minutes(2), 7, 1)
	store.Add(plain, minutes(0), 5)
	store.Add(plain, minutes(4), 100) // in the next period
	store.Add(plain, minutes(-1), 100)
	summed := alarms.Metric{Namespace: "n", Name: "summed"}
	store.AddStatistics(summed, minutes(1), alarms.Statistics{SampleCount: 3, Sum: 6, Minimum: 1, Maximum: 3})
	store.AddStatistics(summed, minutes(1), alarms.Statistics{})
	store.Add(summed, minutes(1), 10)
	alike := alarms.Metric{Namespace: "n", Name: "alike"}
	store.AddStatistics(alike, minutes(1), alarms.Statistics{SampleCount: 99, Sum: 198, Minimum: 2, Maximum: 2})
	store.Add(alike, minutes(1), 9)
	hundred := alarms.Metric{Namespace: "n", Name: "hundred"}
	for i := 100; i > 0; i-- {
		store.Add(hundred, minutes(3), float64(i))
	}
	negative := alarms.Metric{Namespace: "n", Name: "negative"}
	store.Add(negative, minutes(1), -1, 2)

	none := math.NaN()
	tests := []struct {
		metric    alarms.Metric
		statistic alarms.Statistic
		want      float64
	}{
		{plain, alarms.Sum, 13},
		{plain, alarms.Average, 13.0 / 3},
		{plain, alarms.Minimum, 1},
		{plain, alarms.Maximum, 7},
		{plain, alarms.SampleCount, 3},
		{plain, "p50", 5},
		{plain, "p0", 1},
		{plain, "p100", 7},
		{summed, alarms.Sum, 16},
		{summed, alarms.Average, 4},
		{summed, alarms.Minimum, 1},
		{summed, alarms.Maximum, 10},
		{summed, alarms.SampleCount, 4},
		{summed, "p50", none}, // the single values are not known
		{alike, "p99", 2},
		{alike, "p99.1", 9},
		{hundred, "p90", 90},
		{hundred, "p7", 7},
		{hundred, "p99.5", 100},
		{negative, alarms.Minimum, -1},
		{negative, "p50", none},
		{alarms.Metric{Namespace: "n", Name: "other"}, alarms.SampleCount, none},
		{plain, "tm90", none},
		{plain, "p101", none},
		{plain, "p1e1", none},
	}
	for _, test := range tests {
		t.Run(test.metric.Name+" "+string(test.statistic), func(t *testing.T) {
			t.Parallel()
			got, ok := store.Statistic(test.metric, test.statistic, midnight, 4*time.Minute)
			if ok == math.IsNaN(test.want) || ok && got != test.want {
				t.Errorf("%v, %v; want %v", got, ok, test.want)
			}
		})
	}
}

func TestMetricsDifferInTheirDimensions(t *testing.T) {
	t.Parallel()
	var store alarms.Store
	metrics := []alarms.Metric{
		{Namespace: "n", Name: "m"},
		{Namespace: "n", Name: "m", Dimensions: map[string]string{"a": "1"}},
		{Namespace: "n", Name: "m", Dimensions: map[string]string{"a": "2"}},
		{Namespace: "n", Name: "m", Dimensions: map[string]string{"a": "1", "b": "1"}},
		{Namespace: "n", Name: "m", Dimensions: map[string]string{"a1": ""}},
		{Namespace: "nm", Name: ""},
	}
	for i, m := range metrics {
		store.Add(m, midnight, float64(i))
	}
	for i, m := range metrics {
		if got, ok := store.Statistic(m, alarms.Sum, midnight, time.Minute); !ok || got != float64(i) {
			t.Errorf("%s: %v, %v; want %d", m, got, ok, i)
		}
	}
	if got, want := metrics[3].String(), "n m {a: 1, b: 1}"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
}

// The store agrees with a plain list, in whatever order points come.
func TestStoreIsAList(t *testing.T) {
	t.Parallel()
	m := alarms.Metric{Namespace: "n", Name: "m"}
	rapid.Check(t, func(t *rapid.T) {
		type added struct{ minute, value int }
		points := rapid.SliceOf(rapid.Custom(func(t *rapid.T) added {
			return added{rapid.IntRange(-20, 20).Draw(t, "minute"), rapid.IntRange(0, 9).Draw(t, "value")}
		})).Draw(t, "points")
		var store alarms.Store
		for _, p := range points {
			store.Add(m, minutes(p.minute), float64(p.value))
		}
		first, length := rapid.IntRange(-21, 20).Draw(t, "first"), rapid.IntRange(1, 20).Draw(t, "length")
		var inside []int
		sum := 0
		for _, p := range points {
			if p.minute >= first && p.minute < first+length {
				inside = append(inside, p.value)
				sum += p.value
			}
		}
		want := map[alarms.Statistic]int{alarms.Sum: sum, alarms.SampleCount: len(inside)}
		if len(inside) > 0 {
			want[alarms.Minimum], want[alarms.Maximum] = slices.Min(inside), slices.Max(inside)
			slices.SortFunc(inside, cmp.Compare)
			want["p50"] = inside[(len(inside)+1)/2-1]
		}
		for statistic, want := range want {
			got, ok := store.Statistic(m, statistic, minutes(first), time.Duration(length)*time.Minute)
			if ok != (len(inside) > 0) || ok && got != float64(want) {
				t.Fatalf("%s of minutes %d to %d is %v, %v; want %d", statistic, first, first+length, got, ok, want)
			}
		}
	})
}

// A year of points of a few dozen metrics is no burden, and neither is looking at a day of it.
func TestStoreHoldsAYear(t *testing.T) {
	t.Parallel()
	var store alarms.Store
	var all alarms.Alarms
	start := midnight.AddDate(-1, 0, 0)
	for i := range 36 {
		m := alarms.Metric{Namespace: "n", Name: strings.Repeat("m", i+1)}
		for at := start; at.Before(midnight); at = at.Add(30 * time.Minute) {
			store.Add(m, at, 1)
		}
		all.Metric = append(all.Metric, on(m.Name, m, func(a *alarms.MetricAlarm) {
			a.Period, a.Threshold = 24*time.Hour, 48
			a.Comparison = alarms.LessThanThreshold
		}))
	}
	result, err := alarms.Evaluate(all, &store, midnight.Add(-12*time.Hour), midnight.Add(12*time.Hour), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range result.Changes {
		// Without a point at midnight the first of the day is missed once those of the day before have left.
		if want := midnight.Add(time.Minute); change.To == alarms.InAlarm && !change.At.Equal(want) {
			t.Fatalf("%s at %s, want %s", change.Alarm, change.At, want)
		}
	}
	if got := len(result.Tripped()); got != 36 {
		t.Errorf("%d alarms tripped, want 36", got)
	}
}
