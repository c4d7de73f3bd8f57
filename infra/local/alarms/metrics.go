package alarms

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Metric is what identifies a metric. Another set of dimensions is another metric, never a part of it, see
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Dimension.
type Metric struct {
	Namespace  string
	Name       string
	Dimensions map[string]string
}

// String is for a person: AWS/States ExecutionsFailed {StateMachineArn: arn:...}.
func (m Metric) String() string {
	var dimensions []string
	for _, name := range slices.Sorted(maps.Keys(m.Dimensions)) {
		dimensions = append(dimensions, name+": "+m.Dimensions[name])
	}
	return fmt.Sprintf("%s %s {%s}", m.Namespace, m.Name, strings.Join(dimensions, ", "))
}

func (m Metric) key() string {
	key := strconv.Quote(m.Namespace) + strconv.Quote(m.Name)
	for _, name := range slices.Sorted(maps.Keys(m.Dimensions)) {
		key += strconv.Quote(name) + strconv.Quote(m.Dimensions[name])
	}
	return key
}

// Statistics is a summary of several values, as PutMetricData takes it. See
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_StatisticSet.html.
type Statistics struct {
	SampleCount float64
	Sum         float64
	Minimum     float64
	Maximum     float64
}

// Store keeps the data points of metrics. The zero value is empty and ready for use. Calls that add must not overlap others.
type Store struct{ series map[string][]point }

// point takes 40 bytes, so that a year of points of a few dozen metrics is no burden.
type point struct {
	at int64 // nanoseconds since 1970
	Statistics
}

// Add adds values that a metric had at a time.
func (s *Store) Add(m Metric, at time.Time, values ...float64) {
	for _, value := range values {
		s.AddStatistics(m, at, Statistics{SampleCount: 1, Sum: value, Minimum: value, Maximum: value})
	}
}

// AddStatistics adds values of which only a summary is known. A summary of nothing is no data.
func (s *Store) AddStatistics(m Metric, at time.Time, values Statistics) {
	if values.SampleCount <= 0 {
		return
	}
	if s.series == nil {
		s.series = map[string][]point{}
	}
	key, added := m.key(), point{at.UnixNano(), values}
	points := s.series[key]
	// After those of the same time, so that points which come in order are appended.
	i, _ := slices.BinarySearchFunc(points, added.at, func(p point, at int64) int {
		if p.at <= at {
			return -1
		}
		return 1
	})
	s.series[key] = slices.Insert(points, i, added)
}

// Statistic returns a statistic of what a metric was in [start, start+period); ok is false where there is no data, or none
// that allows the statistic.
func (s *Store) Statistic(m Metric, statistic Statistic, start time.Time, period time.Duration) (value float64, ok bool) {
	return statistic.of(within(s.series[m.key()], start, period))
}

func within(points []point, start time.Time, period time.Duration) []point {
	first, end := start.UnixNano(), start.Add(period).UnixNano()
	at := func(p point, at int64) int { return cmp.Compare(p.at, at) }
	from, _ := slices.BinarySearchFunc(points, first, at)
	to, _ := slices.BinarySearchFunc(points[from:], end, at)
	return points[from : from+to]
}

// Statistic is a function of the values in a period: one of the constants, or pNN for a percentile, such as p99 or p99.9. See
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html.
type Statistic string

const (
	Sum         Statistic = "Sum"
	Average     Statistic = "Average"
	Minimum     Statistic = "Minimum"
	Maximum     Statistic = "Maximum"
	SampleCount Statistic = "SampleCount"
)

func (s Statistic) check() error {
	switch s {
	case Sum, Average, Minimum, Maximum, SampleCount:
		return nil
	}
	if _, ok := s.percentile(); !ok {
		return fmt.Errorf("statistic is %q: want Sum, Average, Minimum, Maximum, SampleCount, or p0 to p100 for a percentile", s)
	}
	return nil
}

// percentile reads NN from pNN.
func (s Statistic) percentile() (float64, bool) {
	text, ok := strings.CutPrefix(string(s), "p")
	if !ok || strings.Trim(text, "0123456789.") != "" {
		return 0, false
	}
	percent, err := strconv.ParseFloat(text, 64)
	return percent, err == nil && percent <= 100
}

// word is the statistic in a sentence: the sum of, the p99 of.
func (s Statistic) word() string {
	if s == SampleCount {
		return "count"
	}
	return strings.ToLower(string(s))
}

func (s Statistic) of(points []point) (value float64, ok bool) {
	if len(points) == 0 {
		return 0, false
	}
	if percent, ok := s.percentile(); ok {
		return percentileOf(points, percent)
	}
	all := points[0].Statistics
	for _, p := range points[1:] {
		all.SampleCount += p.SampleCount
		all.Sum += p.Sum
		all.Minimum = min(all.Minimum, p.Minimum)
		all.Maximum = max(all.Maximum, p.Maximum)
	}
	switch s {
	case Sum:
		return all.Sum, true
	case Average:
		return all.Sum / all.SampleCount, true
	case Minimum:
		return all.Minimum, true
	case Maximum:
		return all.Maximum, true
	case SampleCount:
		return all.SampleCount, true
	}
	return 0, false
}

// percentileOf takes the nearest rank, since CloudWatch does not say how it estimates. As there, it needs values that are
// known one by one, none of them negative:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Percentiles.
func percentileOf(points []point, percent float64) (value float64, ok bool) {
	sorted := slices.Clone(points)
	slices.SortFunc(sorted, func(a, b point) int { return cmp.Compare(a.Minimum, b.Minimum) })
	count := 0.0
	for _, p := range sorted {
		if p.Minimum != p.Maximum || p.Minimum < 0 {
			return 0, false
		}
		count += p.SampleCount
	}
	rank := max(1, math.Ceil(percent*count/100))
	for _, p := range sorted {
		if rank -= p.SampleCount; rank <= 0 {
			return p.Minimum, true
		}
	}
	return sorted[len(sorted)-1].Minimum, true
}
