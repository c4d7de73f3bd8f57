package constructs

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/functions/telemetry"
)

// AlarmName names an alarm of a pipeline. The runbook has one heading for each.
type AlarmName string

const (
	// AlarmRunFailed goes off when a run ends with a failed stream.
	AlarmRunFailed AlarmName = "run-failed"
	// AlarmRunsFailing goes off when runs have failed in two intervals in a row: they do not mend themselves.
	AlarmRunsFailing AlarmName = "runs-failing"
	// AlarmNoRun goes off when no run has been started for two intervals.
	AlarmNoRun AlarmName = "no-run"
	// AlarmStale goes off when the worst stream's watermark lies too far behind in two intervals in a row.
	AlarmStale AlarmName = "stale"
	// AlarmFindings goes off when a run has findings.
	AlarmFindings AlarmName = "findings"
	// AlarmSpend goes off when a day costs much more than expected.
	AlarmSpend AlarmName = "spend"
	// AlarmDeadLetters goes off when a start of a run could not be delivered.
	AlarmDeadLetters AlarmName = "dead-letters"
	// AlarmPage goes off with those of the others for which a person is to be woken.
	AlarmPage AlarmName = "page"
)

// alarmNames are those that read a metric each.
var alarmNames = []AlarmName{AlarmRunFailed, AlarmRunsFailing, AlarmNoRun, AlarmStale, AlarmFindings, AlarmSpend, AlarmDeadLetters}

// paging are the alarms that PageAlarm reads: somebody gets no data, or money is spent for nothing. A single failed run is none
// of them, since the next one goes on where it stopped. Staleness alone would not tell where none does: a stream
// that fails before it has learned its watermark sends none, and the worst of the others' hides it.
var paging = []AlarmName{AlarmRunsFailing, AlarmNoRun, AlarmStale, AlarmSpend}

// shortestPeriod is that of alarms on how often something happened, so that a schedule of minutes does not make them nervous.
const shortestPeriod = 5 * time.Minute

// failingIntervals is in how many intervals in a row runs must have failed for a person to be woken.
const failingIntervals = 2

// watch is what differs from alarm to alarm.
type watch struct {
	name AlarmName
	// id is the child's construct ID, title the end of the alarm's name.
	id, title string
	// what happened, and where to look first.
	what, firstLook string
	metric          awscloudwatch.IMetric
	threshold       float64
	periods         int
	below           bool
	missing         awscloudwatch.TreatMissingData
}

// WarningNoListener is the id of the warning that alarms go to a topic which nobody listens to as far as the app knows;
// awscdk.Annotations.AcknowledgeWarning takes it.
const WarningNoListener = "windrow:no-listener"

func (p *VendorPipeline) addAlarms(props *VendorPipelineProps) {
	if props.DisableAlarms {
		return
	}
	if props.AlarmTopic == nil && len(props.AlarmEmails) == 0 && props.Environment != EnvironmentLocal {
		awscdk.Annotations_Of(p).AddWarningV2(jsii.String(WarningNoListener), jsii.String(
			"nobody is told of alarms and findings until somebody subscribes to the pipeline's topic: give AlarmEmails or an AlarmTopic, or set DisableAlarms"))
	}
	for _, w := range p.watches(props) {
		p.Alarms[w.name] = p.newAlarm(w, props)
	}
	p.PageAlarm = p.newPageAlarm(props)
}

func (p *VendorPipeline) watches(props *VendorPipelineProps) []watch {
	vendor := props.Vendor.Name
	interval := max(props.ScheduleInterval, shortestPeriod)
	over := func(statistic string, period time.Duration) *awscloudwatch.MetricOptions {
		return &awscloudwatch.MetricOptions{Statistic: jsii.String(statistic), Period: awscdk.Duration_Seconds(jsii.Number(period.Seconds()))}
	}
	return []watch{
		{
			name: AlarmRunFailed, id: "RunFailedAlarm", title: "a run failed",
			what: fmt.Sprintf("A run of the vendor %s failed: at least one stream has ended with an error. The other streams and what was committed are not affected, "+
				"and the next run goes on where this one stopped.", vendor),
			firstLook: fmt.Sprintf("the message to the alarm topic from the same time, or the failed execution of the state machine %s: each stream's error says what it met", *p.StateMachine.StateMachineName()),
			metric:    p.StateMachine.MetricFailed(over("Sum", interval)),
			threshold: 1, periods: 1,
			// No data means that no run has ended, which is not a failed run.
			missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
		{
			name: AlarmRunsFailing, id: "RunsFailingAlarm", title: "runs fail one after another",
			what: fmt.Sprintf("Runs of the vendor %s have failed in %d intervals of %s in a row: at least one stream gets no new data, and does not mend itself. "+
				"What was committed is kept.", vendor, failingIntervals, inWords(interval)),
			firstLook: "the newest message to the alarm topic: each stream's error says what it met; the streams without one are well",
			// Only failures are sent, so that two of them in hours would be two in a row, were the gaps not filled.
			metric: awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
				Expression:   jsii.String("FILL(failed, 0)"),
				UsingMetrics: &map[string]awscloudwatch.IMetric{"failed": p.StateMachine.MetricFailed(over("Sum", interval))},
				Period:       awscdk.Duration_Seconds(jsii.Number(interval.Seconds())),
				Label:        jsii.String("runs failed"),
			}),
			threshold: 1, periods: failingIntervals,
			missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
		{
			name: AlarmNoRun, id: "NoRunAlarm", title: "no run was started",
			what: fmt.Sprintf("No run of the vendor %s has been started for %s, though the schedule starts one every %s. "+
				"Until the first run after a deployment this is so by itself.", vendor, inWords(2*interval), inWords(props.ScheduleInterval)),
			firstLook: "whether the schedule is enabled, its role may start the state machine, and the queue DeadLetters holds its ticks",
			// Step Functions sends no data where nothing happens. Filled with zeros it is counted at once; missing data
			// alone would be waited for longer, since an alarm looks at more periods than it needs.
			// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
			metric: awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
				Expression:   jsii.String("FILL(started, 0)"),
				UsingMetrics: &map[string]awscloudwatch.IMetric{"started": p.StateMachine.MetricStarted(over("Sum", interval))},
				Period:       awscdk.Duration_Seconds(jsii.Number(interval.Seconds())),
				Label:        jsii.String("runs started"),
			}),
			threshold: 1, periods: 2, below: true,
			missing: awscloudwatch.TreatMissingData_BREACHING,
		},
		{
			name: AlarmStale, id: "StaleAlarm", title: "data is stale",
			what: fmt.Sprintf("The worst stream of the vendor %s lies more than %s behind, in two intervals in a row. Runs take place, but do not get on, "+
				"or not as fast as the vendor gains records.", vendor, inWords(props.StalenessThreshold)),
			firstLook: "the query staleness by stream; then that stream's ingest log: is the vendor slow or throttling, is a window taken up again and again, do runs fail?",
			metric:    p.MetricStaleness(over("Maximum", interval)),
			threshold: props.StalenessThreshold.Seconds(), periods: 2,
			// Without runs nothing is learned of the watermarks: another alarm tells of that, and this one stays as it is.
			missing: awscloudwatch.TreatMissingData_IGNORE,
		},
		{
			name: AlarmFindings, id: "FindingsAlarm", title: "there are findings",
			what:      fmt.Sprintf("A run of the vendor %s has seen something that a person should know. The run went on.", vendor),
			firstLook: "the message to the alarm topic from the same time: each finding has its stream, kind, numbers and what to look at",
			metric:    p.MetricFindings(over("Sum", interval)),
			threshold: 1, periods: 1,
			missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
		{
			name: AlarmSpend, id: "SpendAlarm", title: "it costs more than expected",
			what: fmt.Sprintf("The runs of the vendor %s have cost $%.3f within 24 hours, by the functions' own account; a day is expected to cost $%.3f.",
				vendor, p.spendThreshold(props), p.expectedDay),
			firstLook: "the query cost by stream and handler: a loop shows as many executions or invocations, growth as longer ones. To stop a loop, disable the schedule and stop the executions that run",
			metric:    p.MetricCost(over("Sum", 24*time.Hour)),
			threshold: p.spendThreshold(props), periods: 1,
			// Where nothing runs, nothing is spent.
			missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
		{
			name: AlarmDeadLetters, id: "DeadLettersAlarm", title: "a start could not be delivered",
			what:      fmt.Sprintf("The schedule, or an event, could not start a run of the vendor %s. Nothing is lost: the next run reads the same windows.", vendor),
			firstLook: "the attributes ERROR_CODE and ERROR_MESSAGE of the messages in the queue DeadLetters; delete the messages when it is mended",
			metric:    p.DeadLetters.MetricApproximateNumberOfMessagesVisible(over("Maximum", shortestPeriod)),
			threshold: 1, periods: 1,
			// SQS stops sending data for a queue that nobody has used for hours, which then is empty.
			missing: awscloudwatch.TreatMissingData_NOT_BREACHING,
		},
	}
}

func (p *VendorPipeline) newAlarm(w watch, props *VendorPipelineProps) awscloudwatch.Alarm {
	comparison := awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD
	if w.below {
		comparison = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
	}
	alarm := awscloudwatch.NewAlarm(p, jsii.String(w.id), &awscloudwatch.AlarmProps{
		AlarmName:          jsii.String(p.Name + ": " + w.title),
		AlarmDescription:   jsii.String(alarmText(w.what, w.firstLook, w.name, props)),
		Metric:             w.metric,
		Threshold:          jsii.Number(w.threshold),
		EvaluationPeriods:  jsii.Number(w.periods),
		ComparisonOperator: comparison,
		TreatMissingData:   w.missing,
	})
	action := awscloudwatchactions.NewSnsAction(p.AlarmTopic)
	alarm.AddAlarmAction(action)
	alarm.AddOkAction(action)
	return alarm
}

func (p *VendorPipeline) newPageAlarm(props *VendorPipelineProps) awscloudwatch.CompositeAlarm {
	var any []awscloudwatch.IAlarmRule
	for _, name := range paging {
		on := awscloudwatch.AlarmRule_FromAlarm(p.Alarms[name], awscloudwatch.AlarmState_ALARM)
		if name == AlarmNoRun {
			// It is on from the deployment until the first run, for which nobody is to be woken: nothing is known
			// of any watermark then.
			hasRun := awscloudwatch.AlarmRule_Not(awscloudwatch.AlarmRule_FromAlarm(p.Alarms[AlarmStale], awscloudwatch.AlarmState_INSUFFICIENT_DATA))
			on = awscloudwatch.AlarmRule_AllOf(on, hasRun)
		}
		any = append(any, on)
	}
	alarm := awscloudwatch.NewCompositeAlarm(p, jsii.String("PageAlarm"), &awscloudwatch.CompositeAlarmProps{
		CompositeAlarmName: jsii.String(p.Name + ": wake somebody"),
		AlarmDescription: jsii.String(alarmText(
			fmt.Sprintf("New data of the vendor %s does not come, or money is spent for nothing: at least one of the alarms runs fail one after another, no run was started, data is stale and it costs more than expected is on.", props.Vendor.Name),
			"which of the four is on; its own description goes on from there", AlarmPage, props)),
		AlarmRule: awscloudwatch.AlarmRule_AnyOf(any...),
	})
	action := awscloudwatchactions.NewSnsAction(p.PageTopic)
	alarm.AddAlarmAction(action)
	alarm.AddOkAction(action)
	return alarm
}

// alarmText is an alarm's description: what has happened, where to look first, and where the runbook goes on.
func alarmText(what, firstLook string, name AlarmName, props *VendorPipelineProps) string {
	return fmt.Sprintf("%s First look: %s. Runbook: %s", what, firstLook, telemetry.RunbookAt(props.RunbookURL, string(name)))
}

// inWords is a duration without units that are zero.
func inWords(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if len(s) > len(zero) && s[len(s)-len(zero):] == zero {
			s = s[:len(s)-len(zero)+1]
		}
	}
	return s
}

// leastSpend keeps the alarm quiet where a day costs next to nothing, in USD a day.
const leastSpend = 0.05

func (p *VendorPipeline) spendThreshold(props *VendorPipelineProps) float64 {
	return max(leastSpend, props.SpendFactor*p.expectedDay)
}
