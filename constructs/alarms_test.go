package constructs

import (
	"strings"
	"testing"
)

func TestFailureAlarm(t *testing.T) {
	for name, c := range map[string]struct {
		tpl    template
		topic  string
		period float64
	}{
		"defaults":   {withDefaults(), "<" + withDefaults().ofType("AWS::SNS::Topic")[0].ID + ">", 1800},
		"everything": {withEverything(), "arn:aws:sns:eu-west-1:111122223333:people", 7200},
	} {
		t.Run(name, func(t *testing.T) {
			alarm := c.tpl.only(t, "AWS::CloudWatch::Alarm").Properties
			machine := c.tpl.machine(t, "StateMachine").ID
			for property, want := range map[string]string{
				"Namespace": "AWS/States", "MetricName": "ExecutionsFailed", "Statistic": "Sum",
				"ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "notBreaching",
				"AlarmActions": `["` + c.topic + `"]`, "OKActions": `["` + c.topic + `"]`,
			} {
				got := text(alarm[property])
				if actions := list(alarm[property]); strings.HasSuffix(property, "Actions") && len(actions) == 1 {
					got = `["` + text(actions[0]) + `"]`
				}
				if got != want {
					t.Errorf("%s is %s, want %s", property, got, want)
				}
			}
			if alarm["Threshold"] != 1.0 || alarm["EvaluationPeriods"] != 1.0 || alarm["Period"] != c.period {
				t.Errorf("threshold %v, periods %v of %v s", alarm["Threshold"], alarm["EvaluationPeriods"], alarm["Period"])
			}
			if got := text(at(alarm, "Dimensions", 0, "Value")); got != "<"+machine+">" {
				t.Errorf("the alarm watches %s", got)
			}
			for _, want := range []string{"acme", "First look", "<" + machine + ".Name>", "Outcome"} {
				if got := text(alarm["AlarmDescription"]); !strings.Contains(got, want) {
					t.Errorf("the description does not say %q: %s", want, got)
				}
			}
		})
	}
}

func TestAlarmsMayPublish(t *testing.T) {
	policy := withDefaults().only(t, "AWS::SNS::TopicPolicy").Properties
	var allowed, plainRefused bool
	for _, statement := range list(at(policy, "PolicyDocument", "Statement")) {
		switch at(statement, "Effect") {
		case "Allow":
			if text(at(statement, "Principal")) != `{"Service":"cloudwatch.amazonaws.com"}` || text(at(statement, "Condition", "StringEquals", "aws:SourceAccount")) != "<AWS::AccountId>" {
				t.Errorf("somebody else may publish: %s", text(statement))
			}
			allowed = at(statement, "Action") == "sns:Publish"
		case "Deny":
			plainRefused = at(statement, "Condition", "Bool", "aws:SecureTransport") == "false"
		}
	}
	if !allowed || !plainRefused {
		t.Errorf("alarms may publish: %t, plain HTTP refused: %t", allowed, plainRefused)
	}
}

func TestGivenTopicIsUsed(t *testing.T) {
	if got := withEverything().ofType("AWS::SNS::Topic"); len(got) != 0 {
		t.Errorf("a topic was made beside the given one: %s", got[0].ID)
	}
}
