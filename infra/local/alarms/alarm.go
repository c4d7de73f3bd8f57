// Package alarms tells what the CloudWatch alarms of a synthesized template do with the metrics of a local run: when each
// changes its state, and why.
//
// It knows metrics, alarms and time, and nothing of what makes them: a store is filled with data points, alarms are read
// from a cloud assembly, and [Evaluate] goes over them minute by minute as CloudWatch does. It stands apart so that
// it stays pure: the same points give the same changes, a simulated day takes milliseconds, and each rule that AWS
// documents is a test of its own. How alarms are evaluated is described at
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html and
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html.
package alarms

import (
	"fmt"
	"strings"
	"time"
)

// State is what an alarm says of what it watches.
type State string

const (
	OK      State = "OK"
	InAlarm State = "ALARM"
	// InsufficientData is the state that every alarm is made in.
	InsufficientData State = "INSUFFICIENT_DATA"
)

// Alarms are the alarms of a template.
type Alarms struct {
	Metric    []MetricAlarm
	Composite []CompositeAlarm
}

// Actions are what an alarm does when its state changes: the ARNs that are told, by the state that it goes to.
type Actions struct {
	// Enabled is true where the template is silent. Without it nobody is told.
	Enabled          bool
	Alarm            []string
	OK               []string
	InsufficientData []string
}

// on returns who is told of a change to a state.
func (a Actions) on(to State) []string {
	if !a.Enabled {
		return nil
	}
	return map[State][]string{InAlarm: a.Alarm, OK: a.OK, InsufficientData: a.InsufficientData}[to]
}

// MetricAlarm is an AWS::CloudWatch::Alarm with a fixed threshold.
type MetricAlarm struct {
	Name        string
	ARN         string
	Description string
	Actions     Actions
	// Queries are the metrics, and the expressions over them.
	Queries []Query
	// Watched is the id of the query that is compared with the threshold.
	Watched string
	// Period is the length of time that one value stands for, of all queries: a multiple of a minute.
	Period time.Duration
	// EvaluationPeriods is N and DatapointsToAlarm is M of an alarm that goes off when M of N values breach.
	EvaluationPeriods int
	DatapointsToAlarm int
	// RangePeriods is how many of the most recent periods are looked at, so that older values can stand in for missing
	// ones; at least EvaluationPeriods. AWS does not publish it, see [ExtraPeriods].
	RangePeriods int
	Comparison   Comparison
	Threshold    float64
	MissingData  MissingData
}

// ExtraPeriods is how many more periods than EvaluationPeriods [Load] has an alarm look at. CloudWatch looks at more, and
// how many "depends on the length of the alarm period"; the one figure that it publishes is five periods of five minutes
// for three evaluation periods. A verdict that must hold on AWS should hold for other RangePeriods too. See
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html and
// https://github.com/awsdocs/amazon-cloudwatch-user-guide/issues/102.
const ExtraPeriods = 2

// Query is a metric with its statistic, or an expression of metric math.
type Query struct {
	// ID is how expressions name it: a lowercase letter, then letters, digits and underscores.
	ID string
	// Expression leaves Metric and Statistic empty.
	Expression string
	Metric     Metric
	Statistic  Statistic
}

// CompositeAlarm is an AWS::CloudWatch::CompositeAlarm.
type CompositeAlarm struct {
	Name        string
	ARN         string
	Description string
	Actions     Actions
	// Rule is the text of AlarmRule: ALARM("name or ARN"), OK(...), INSUFFICIENT_DATA(...), TRUE, FALSE, NOT, AND, OR and
	// parentheses.
	Rule string
}

// Comparison is a ComparisonOperator: how a value that breaches stands to the threshold. Those that compare with a band of
// anomaly detection need a model that only CloudWatch can train.
type Comparison string

const (
	GreaterThanOrEqualToThreshold Comparison = "GreaterThanOrEqualToThreshold"
	GreaterThanThreshold          Comparison = "GreaterThanThreshold"
	LessThanThreshold             Comparison = "LessThanThreshold"
	LessThanOrEqualToThreshold    Comparison = "LessThanOrEqualToThreshold"
)

var comparisonSigns = map[Comparison]string{
	GreaterThanOrEqualToThreshold: ">=",
	GreaterThanThreshold:          ">",
	LessThanThreshold:             "<",
	LessThanOrEqualToThreshold:    "<=",
}

func (c Comparison) breaches(value, threshold float64) bool {
	switch c {
	case GreaterThanOrEqualToThreshold:
		return value >= threshold
	case GreaterThanThreshold:
		return value > threshold
	case LessThanThreshold:
		return value < threshold
	case LessThanOrEqualToThreshold:
		return value <= threshold
	}
	return false
}

// MissingData is TreatMissingData: what a period without data counts as.
type MissingData string

const (
	// MissingIsMissing lets an alarm go to INSUFFICIENT_DATA when all data is missing; the default of CloudFormation.
	MissingIsMissing      MissingData = "missing"
	MissingIsNotBreaching MissingData = "notBreaching"
	MissingIsBreaching    MissingData = "breaching"
	// MissingIsIgnored lets an alarm keep its state.
	MissingIsIgnored MissingData = "ignore"
)

// check tells everything that is wrong with the figures of an alarm.
func (a MetricAlarm) check() []error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	switch {
	case a.Period < time.Minute || a.Period%time.Minute != 0:
		fault("Period is %s: want a multiple of 60 seconds, since nothing in a local run is finer than a minute", a.Period)
	case a.EvaluationPeriods < 1:
		fault("EvaluationPeriods is %d: want at least 1", a.EvaluationPeriods)
	default:
		// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
		longest := 24 * time.Hour
		if a.Period >= time.Hour {
			longest = 7 * 24 * time.Hour
		}
		if spanned := a.Period * time.Duration(a.EvaluationPeriods); spanned > longest {
			fault("Period x EvaluationPeriods is %s: want at most a day, or seven where the period is an hour or longer", spanned)
		}
	}
	if a.DatapointsToAlarm < 1 || a.DatapointsToAlarm > a.EvaluationPeriods {
		fault("DatapointsToAlarm is %d: want 1 to %d, which is EvaluationPeriods", a.DatapointsToAlarm, a.EvaluationPeriods)
	}
	if a.RangePeriods < a.EvaluationPeriods {
		fault("RangePeriods is %d: want at least %d, which is EvaluationPeriods", a.RangePeriods, a.EvaluationPeriods)
	}
	if _, ok := comparisonSigns[a.Comparison]; !ok {
		fault("ComparisonOperator is %q: want GreaterThanOrEqualToThreshold, GreaterThanThreshold, LessThanThreshold or LessThanOrEqualToThreshold; "+
			"a band of anomaly detection is nothing that can be known locally", a.Comparison)
	}
	switch a.MissingData {
	case MissingIsMissing, MissingIsNotBreaching, MissingIsBreaching, MissingIsIgnored:
	default:
		fault("TreatMissingData is %q: want missing, notBreaching, breaching or ignore", a.MissingData)
	}
	return faults
}

// subject says in words what an alarm watches.
func (a MetricAlarm) subject() string {
	var watched Query
	var metrics []string
	for _, q := range a.Queries {
		if q.ID == a.Watched {
			watched = q
		}
		if q.Expression == "" {
			metrics = append(metrics, fmt.Sprintf("%s the %s of %s", q.ID, q.Statistic.word(), q.Metric.Name))
		}
	}
	if watched.Expression == "" {
		return fmt.Sprintf("%s of %s over %s", watched.Statistic.word(), watched.Metric.Name, inWords(a.Period))
	}
	return fmt.Sprintf("%s over %s (%s)", watched.Expression, inWords(a.Period), strings.Join(metrics, ", "))
}
