package constructs

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/pricing"
)

// alarm is the alarm whose name ends so.
func (tpl template) alarm(t *testing.T, title string) resource {
	t.Helper()
	for _, kind := range []string{"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"} {
		for _, r := range tpl.ofType(kind) {
			if r.Properties["AlarmName"] == "test/Pipeline: "+title {
				return r
			}
		}
	}
	t.Fatalf("the template has no alarm %q", title)
	return resource{}
}

// watched says what an alarm reads and when it goes off, in words.
func (tpl template) watched(r resource) string {
	p := r.Properties
	metric, expression := any(p), ""
	for _, query := range list(p["Metrics"]) {
		if e := at(query, "Expression"); e != nil {
			expression = " as " + e.(string)
		} else {
			stat := at(query, "MetricStat").(map[string]any)
			metric = merge(stat, at(stat, "Metric").(map[string]any), map[string]any{"Statistic": stat["Stat"]})
		}
	}
	return fmt.Sprintf("%v %v of %v/%v[%v=%s]%s over %v s: %v %v, %v periods, missing %v", "when", at(metric, "Statistic"), at(metric, "Namespace"), at(metric, "MetricName"),
		at(metric, "Dimensions", 0, "Name"), text(at(metric, "Dimensions", 0, "Value")), expression, at(metric, "Period"),
		p["ComparisonOperator"], p["Threshold"], p["EvaluationPeriods"], p["TreatMissingData"])
}

func merge(maps ...map[string]any) map[string]any {
	merged := map[string]any{}
	for _, m := range maps {
		for k, v := range m {
			merged[k] = v
		}
	}
	return merged
}

func TestAlarmsWatchWhatTheyAreNamedAfter(t *testing.T) {
	day := func(props *VendorPipelineProps) float64 {
		return pricing.USEast1.Day(props.Configuration(), props.workload(nil))
	}
	for name, c := range map[string]struct {
		tpl                  template
		period, staleness    int
		spend                float64
		topic, page, runbook string
	}{
		"defaults": {
			tpl: withDefaults(), period: 1800, staleness: int((5*time.Minute + 3*30*time.Minute).Seconds()), spend: math.Max(leastSpend, 3*day(required())),
			topic: "<" + withDefaults().ofType("AWS::SNS::Topic")[0].ID + ">", runbook: DefaultRunbookURL,
		},
		"everything": {
			tpl: withEverything(), period: 7200, staleness: 5 * 3600, spend: math.Max(leastSpend, 4*day(plain())),
			topic: ownTopic, page: ownPager, runbook: "https://wiki.acme.example/windrow",
		},
	} {
		t.Run(name, func(t *testing.T) {
			machine := c.tpl.machine(t, "StateMachine").ID
			queue := c.tpl.only(t, "AWS::SQS::Queue").ID
			own := "[Pipeline=test/Pipeline]"
			want := map[AlarmName][2]string{
				AlarmRunFailed:   {"a run failed", fmt.Sprintf("when Sum of AWS/States/ExecutionsFailed[StateMachineArn=<%s>] over %d s: GreaterThanOrEqualToThreshold 1, 1 periods, missing notBreaching", machine, c.period)},
				AlarmRunsFailing: {"runs fail one after another", fmt.Sprintf("when Sum of AWS/States/ExecutionsFailed[StateMachineArn=<%s>] as FILL(failed, 0) over %d s: GreaterThanOrEqualToThreshold 1, 2 periods, missing notBreaching", machine, c.period)},
				AlarmNoRun:       {"no run was started", fmt.Sprintf("when Sum of AWS/States/ExecutionsStarted[StateMachineArn=<%s>] as FILL(started, 0) over %d s: LessThanThreshold 1, 2 periods, missing breaching", machine, c.period)},
				AlarmStale:       {"data is stale", fmt.Sprintf("when Maximum of Windrow/StalenessSeconds%s over %d s: GreaterThanOrEqualToThreshold %d, 2 periods, missing ignore", own, c.period, c.staleness)},
				AlarmFindings:    {"there are findings", fmt.Sprintf("when Sum of Windrow/Findings%s over %d s: GreaterThanOrEqualToThreshold 1, 1 periods, missing notBreaching", own, c.period)},
				AlarmSpend:       {"it costs more than expected", fmt.Sprintf("when Sum of Windrow/CostUSD%s over 86400 s: GreaterThanOrEqualToThreshold %v, 1 periods, missing notBreaching", own, c.spend)},
				AlarmDeadLetters: {"a start could not be delivered", fmt.Sprintf("when Maximum of AWS/SQS/ApproximateNumberOfMessagesVisible[QueueName=<%s.QueueName>] over 300 s: GreaterThanOrEqualToThreshold 1, 1 periods, missing notBreaching", queue)},
			}
			for _, name := range alarmNames {
				alarm := c.tpl.alarm(t, want[name][0])
				if got := c.tpl.watched(alarm); got != want[name][1] {
					t.Errorf("%s watches\n%s, want\n%s", name, got, want[name][1])
				}
				c.tpl.leads(t, alarm, c.topic, c.runbook+"#"+string(name))
			}
			if got := len(c.tpl.ofType("AWS::CloudWatch::Alarm")); got != len(alarmNames) {
				t.Errorf("%d alarms, want %d: each costs", got, len(alarmNames))
			}

			page := c.tpl.alarm(t, "wake somebody")
			is := func(state, title string) string { return state + `("<` + c.tpl.alarm(t, title).ID + `.Arn>")` }
			rule := fmt.Sprintf("(%s OR (%s AND (NOT (%s))) OR %s OR %s)", is("ALARM", "runs fail one after another"),
				is("ALARM", "no run was started"), is("INSUFFICIENT_DATA", "data is stale"), is("ALARM", "data is stale"), is("ALARM", "it costs more than expected"))
			if got := text(page.Properties["AlarmRule"]); got != rule {
				t.Errorf("a person is woken by %s, want %s", got, rule)
			}
			pager := c.page
			if pager == "" {
				pager = c.topic
			}
			c.tpl.leads(t, page, pager, c.runbook+"#page")
		})
	}
}

// leads checks where an alarm is told and what it says.
func (tpl template) leads(t *testing.T, alarm resource, topic, runbook string) {
	t.Helper()
	for _, actions := range []string{"AlarmActions", "OKActions"} {
		var told []string
		for _, action := range list(alarm.Properties[actions]) {
			told = append(told, text(action))
		}
		if !slices.Equal(told, []string{topic}) {
			t.Errorf("%s has the %s %v, want %s", alarm.ID, actions, told, topic)
		}
	}
	description := text(alarm.Properties["AlarmDescription"])
	for _, part := range []string{"acme", "First look: ", "Runbook: " + runbook} {
		if !strings.Contains(description, part) {
			t.Errorf("%s does not say %q: %s", alarm.ID, part, description)
		}
	}
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
	if len(description) > 1024 {
		t.Errorf("the description of %s has %d characters, CloudWatch takes 1024", alarm.ID, len(description))
	}
}

func TestAlarmsCanBeTurnedOff(t *testing.T) {
	tpl, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps {
		props := required()
		props.DisableAlarms = true
		return props
	})
	if alarms := append(tpl.ofType("AWS::CloudWatch::Alarm"), tpl.ofType("AWS::CloudWatch::CompositeAlarm")...); len(alarms) > 0 {
		t.Errorf("%d alarms are left", len(alarms))
	}
	// Findings are told all the same.
	tpl.only(t, "AWS::SNS::Topic")
}

func TestAlarmsThatNobodyHearsAreWarnedOf(t *testing.T) {
	for name, c := range map[string]struct {
		change func(awscdk.Stack, *VendorPipelineProps)
		warned bool
	}{
		"nobody":    {func(awscdk.Stack, *VendorPipelineProps) {}, true},
		"an e-mail": {func(_ awscdk.Stack, p *VendorPipelineProps) { p.AlarmEmails = []string{"oncall@acme.example"} }, false},
		"a topic": {func(stack awscdk.Stack, p *VendorPipelineProps) {
			p.AlarmTopic = awssns.Topic_FromTopicArn(stack, jsii.String("Topic"), jsii.String(ownTopic))
		}, false},
		"no alarms": {func(_ awscdk.Stack, p *VendorPipelineProps) { p.DisableAlarms = true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			stack := newStack()
			props := required()
			c.change(stack, props)
			NewVendorPipeline(stack, "Pipeline", props)
			warnings := *assertions.Annotations_FromStack(stack).FindWarning(jsii.String("/other/Pipeline"), assertions.Match_StringLikeRegexp(jsii.String("nobody is told")))
			if got := len(warnings) > 0; got != c.warned {
				t.Errorf("warned: %t, want %t", got, c.warned)
			}
		})
	}
}

func TestWhoMayPublish(t *testing.T) {
	policy := withDefaults().only(t, "AWS::SNS::TopicPolicy").Properties
	var publishers []string
	plainRefused := false
	for _, statement := range list(at(policy, "PolicyDocument", "Statement")) {
		switch at(statement, "Effect") {
		case "Allow":
			if at(statement, "Action") != "sns:Publish" || text(at(statement, "Condition", "StringEquals", "aws:SourceAccount")) != "<AWS::AccountId>" {
				t.Errorf("more than this account's services may publish: %s", text(statement))
			}
			publishers = append(publishers, text(at(statement, "Principal", "Service")))
		case "Deny":
			plainRefused = at(statement, "Condition", "Bool", "aws:SecureTransport") == "false"
		}
	}
	slices.Sort(publishers)
	if diff := cmp.Diff([]string{"budgets.amazonaws.com", "cloudwatch.amazonaws.com"}, publishers); diff != "" {
		t.Errorf("publishers (-want +got):\n%s", diff)
	}
	if !plainRefused {
		t.Error("plain HTTP is not refused")
	}
}

func TestSubscribers(t *testing.T) {
	var addresses []string
	for _, s := range withPlain().ofType("AWS::SNS::Subscription") {
		if s.Properties["Protocol"] != "email" {
			t.Errorf("%s has the protocol %v", s.ID, s.Properties["Protocol"])
		}
		addresses = append(addresses, text(s.Properties["Endpoint"]))
	}
	slices.Sort(addresses)
	if diff := cmp.Diff([]string{"data@acme.example", "oncall@acme.example"}, addresses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := withEverything().ofType("AWS::SNS::Topic"); len(got) != 0 {
		t.Errorf("a topic was made beside the given one: %s", got[0].ID)
	}
}

// TestTheRunbookHasAHeadingForEachAlarm follows the links of the alarms' descriptions.
func TestTheRunbookHasAHeadingForEachAlarm(t *testing.T) {
	content, err := os.ReadFile("../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append([]AlarmName{AlarmPage}, alarmNames...) {
		if !strings.Contains(string(content), "\n## "+string(name)+"\n") {
			t.Errorf("the runbook has no heading %s", name)
		}
	}
}
