package alarms

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/infra/local/assembly"
)

// Load reads the alarms of a cloud assembly, with the names that everything has on this machine. What [Evaluate] cannot do
// is an error, not left out: a band of anomaly detection, a wall clock window, a warm-up period, a suppressor, periods
// of less than a minute, a unit, and most functions of metric math. The error tells everything of all alarms.
func Load(from *assembly.Assembly) (Alarms, error) {
	resources, err := from.Resources(assembly.TypeAlarm, assembly.TypeCompositeAlarm)
	faults := []error{err}
	var all Alarms
	for _, r := range resources {
		if err := all.add(r); err != nil {
			faults = append(faults, fmt.Errorf("stack %s: %s (%s): %w", r.Stack, r.LogicalID, r.Type, err))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return Alarms{}, err
	}
	if _, _, err := prepare(all, &Store{}); err != nil {
		return Alarms{}, err
	}
	return all, nil
}

func (a *Alarms) add(r assembly.Resource) error {
	if r.Type == assembly.TypeCompositeAlarm {
		var p compositeProperties
		if err := decode(r, &p); err != nil {
			return err
		}
		a.Composite = append(a.Composite, CompositeAlarm{
			Name: r.Name, ARN: r.ARN, Description: p.AlarmDescription, Actions: p.actions(), Rule: p.AlarmRule,
		})
		return nil
	}
	var p metricProperties
	if err := decode(r, &p); err != nil {
		return err
	}
	alarm, err := p.alarm(r)
	a.Metric = append(a.Metric, alarm)
	return err
}

// decode reads properties and refuses any that it does not know, since each may change what an alarm does.
func decode(r assembly.Resource, into any) error {
	err := json.Unmarshal(r.Properties, into, json.RejectUnknownMembers(true))
	semantic := (*json.SemanticError)(nil)
	switch {
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &semantic):
		return fmt.Errorf("property %s cannot be evaluated locally: leave it out", dotted(semantic.JSONPointer))
	case errors.As(err, &semantic) && semantic.Err == nil:
		return fmt.Errorf("property %s is of the wrong kind (JSON %s)", dotted(semantic.JSONPointer), semantic.JSONKind)
	}
	return err
}

func dotted(pointer jsontext.Pointer) string {
	return strings.ReplaceAll(strings.TrimPrefix(string(pointer), "/"), "/", ".")
}

// commonProperties are those of both types.
type commonProperties struct {
	AlarmName               string
	AlarmDescription        string
	ActionsEnabled          *bool
	AlarmActions            []string
	OKActions               []string
	InsufficientDataActions []string
	Tags                    jsontext.Value
}

func (p commonProperties) actions() Actions {
	return Actions{
		Enabled:          p.ActionsEnabled == nil || *p.ActionsEnabled,
		Alarm:            p.AlarmActions,
		OK:               p.OKActions,
		InsufficientData: p.InsufficientDataActions,
	}
}

// compositeProperties are described at
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-compositealarm.html.
type compositeProperties struct {
	commonProperties
	AlarmRule string
}

// metricProperties are described at
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html.
type metricProperties struct {
	commonProperties
	metricProperty
	Statistic                        string
	ExtendedStatistic                string
	Period                           number
	Metrics                          []queryProperty
	EvaluationPeriods                number
	DatapointsToAlarm                *number
	Threshold                        *number
	ComparisonOperator               string
	TreatMissingData                 string
	EvaluateLowSampleCountPercentile string
}

type metricProperty struct {
	Namespace  string
	MetricName string
	Dimensions []struct{ Name, Value string }
}

func (p metricProperty) metric() Metric {
	m := Metric{Namespace: p.Namespace, Name: p.MetricName}
	for _, d := range p.Dimensions {
		if m.Dimensions == nil {
			m.Dimensions = map[string]string{}
		}
		m.Dimensions[d.Name] = d.Value
	}
	return m
}

// queryProperty is a MetricDataQuery.
type queryProperty struct {
	Id         string
	Label      string
	AccountId  string
	Expression string
	MetricStat *struct {
		Metric metricProperty
		Period number
		Stat   string
	}
	Period     number
	ReturnData *bool
}

// number is a JSON number, or one as text, which CloudFormation takes too.
type number float64

func (n *number) UnmarshalJSON(raw []byte) error {
	value, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil {
		return fmt.Errorf("%s: want a number", raw)
	}
	*n = number(value)
	return nil
}

func (n number) seconds() time.Duration { return time.Duration(float64(n) * float64(time.Second)) }

// alarm makes the alarm of the properties; what is wrong with its figures and expressions is found when it is prepared.
func (p metricProperties) alarm(r assembly.Resource) (MetricAlarm, error) {
	alarm := MetricAlarm{
		Name:              r.Name,
		ARN:               r.ARN,
		Description:       p.AlarmDescription,
		Actions:           p.actions(),
		EvaluationPeriods: int(p.EvaluationPeriods),
		DatapointsToAlarm: int(p.EvaluationPeriods),
		RangePeriods:      int(p.EvaluationPeriods) + ExtraPeriods,
		Comparison:        Comparison(p.ComparisonOperator),
		MissingData:       MissingIsMissing,
	}
	if p.DatapointsToAlarm != nil {
		alarm.DatapointsToAlarm = int(*p.DatapointsToAlarm)
	}
	if p.TreatMissingData != "" {
		alarm.MissingData = MissingData(p.TreatMissingData)
	}
	if low := p.EvaluateLowSampleCountPercentile; low != "" && low != "evaluate" {
		return alarm, fmt.Errorf("EvaluateLowSampleCountPercentile is %q: want evaluate, or nothing, which is the same", low)
	}
	if p.Threshold == nil {
		return alarm, errors.New("Threshold is missing: want a number, since a band of anomaly detection cannot be known locally")
	}
	alarm.Threshold = float64(*p.Threshold)
	var err error
	if len(p.Metrics) > 0 {
		if p.MetricName != "" || p.Statistic != "" || p.ExtendedStatistic != "" || p.Period != 0 {
			return alarm, errors.New("Metrics stands beside MetricName, Statistic, ExtendedStatistic or Period: want one or the other")
		}
		err = alarm.addQueries(p.Metrics)
		return alarm, err
	}
	if (p.Statistic == "") == (p.ExtendedStatistic == "") {
		return alarm, errors.New("want Metrics, or MetricName with Statistic or ExtendedStatistic, one of the two")
	}
	alarm.Period = p.Period.seconds()
	alarm.Watched = "m1"
	alarm.Queries = []Query{{ID: alarm.Watched, Metric: p.metric(), Statistic: Statistic(p.Statistic + p.ExtendedStatistic)}}
	return alarm, nil
}

// addQueries takes the queries of metric math. See
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-cloudwatch-alarm-metricdataquery.html.
func (a *MetricAlarm) addQueries(queries []queryProperty) error {
	var faults []error
	var returned []string
	for _, q := range queries {
		query := Query{ID: q.Id, Expression: q.Expression}
		period := q.Period
		switch {
		case (q.Expression == "") == (q.MetricStat == nil):
			faults = append(faults, fmt.Errorf("Metrics: %q: want Expression or MetricStat, one of the two", q.Id))
			continue
		case q.AccountId != "" && q.AccountId != assembly.Account:
			faults = append(faults, fmt.Errorf("Metrics: %q: AccountId is %s: a local run knows no metrics of another account", q.Id, q.AccountId))
		case q.MetricStat != nil:
			query.Metric, query.Statistic = q.MetricStat.Metric.metric(), Statistic(q.MetricStat.Stat)
			period = q.MetricStat.Period
		}
		if a.Period == 0 {
			a.Period = period.seconds()
		}
		if period != 0 && period.seconds() != a.Period {
			faults = append(faults, fmt.Errorf("Metrics: %q: Period is %v, another's %s: want one for all", q.Id, period, a.Period))
		}
		if q.ReturnData == nil || *q.ReturnData {
			returned = append(returned, q.Id)
		}
		a.Queries = append(a.Queries, query)
	}
	if len(returned) != 1 {
		faults = append(faults, fmt.Errorf("Metrics: ReturnData is true of %d (%s), as it is where it is left out: want one, which the alarm watches",
			len(returned), strings.Join(returned, ", ")))
	} else {
		a.Watched = returned[0]
	}
	return errors.Join(faults...)
}
