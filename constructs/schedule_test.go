package constructs

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestScheduleStartsTheRun(t *testing.T) {
	for name, c := range map[string]struct {
		tpl        template
		expression string
		age        float64
	}{
		"defaults": {withDefaults(), "cron(0/30 * * * ? *)", 1800},
		"plain":    {withPlain(), "cron(0 0/2 * * ? *)", 7200},
	} {
		t.Run(name, func(t *testing.T) {
			schedule := c.tpl.only(t, "AWS::Scheduler::Schedule").Properties
			machine := c.tpl.machine(t, "StateMachine").ID
			for property, want := range map[string]string{
				"ScheduleExpression": c.expression, "ScheduleExpressionTimezone": "UTC", "State": "ENABLED", "FlexibleTimeWindow": `{"Mode":"OFF"}`,
			} {
				if got := text(schedule[property]); got != want {
					t.Errorf("%s is %s, want %s", property, got, want)
				}
			}
			if got := text(at(schedule, "Target", "Arn")); got != "<"+machine+">" {
				t.Errorf("the schedule starts %s", got)
			}
			if got := at(schedule, "Target", "RetryPolicy", "MaximumEventAgeInSeconds"); got != c.age {
				t.Errorf("a tick is retried for %v seconds, want %v", got, c.age)
			}
			var input map[string]string
			if err := json.Unmarshal([]byte(text(at(schedule, "Target", "Input"))), &input); err != nil || len(input) != 1 || input["scheduledTime"] != "<aws.scheduler.scheduled-time>" {
				t.Errorf("the input is %v (%v)", input, err)
			}

			role := at(schedule, "Target", "RoleArn", "Fn::GetAtt", 0).(string)
			queue := c.tpl.only(t, "AWS::SQS::Queue")
			want := []string{"Allow sqs:SendMessage <" + queue.ID + ".Arn>", "Allow states:StartExecution <" + machine + ">"}
			if diff := cmp.Diff(want, c.tpl.permissions(role)); diff != "" {
				t.Errorf("the schedule's role (-want +got):\n%s", diff)
			}
			if got := text(at(schedule, "Target", "DeadLetterConfig", "Arn")); got != "<"+queue.ID+".Arn>" {
				t.Errorf("undelivered ticks go to %q", got)
			}
			if at(queue.Properties, "SqsManagedSseEnabled") != true || at(queue.Properties, "MessageRetentionPeriod") != float64(14*24*60*60) {
				t.Errorf("the queue is %s", text(queue.Properties))
			}
			if policy := text(c.tpl.only(t, "AWS::SQS::QueuePolicy").Properties); !strings.Contains(policy, `"aws:SecureTransport":"false"`) {
				t.Errorf("the queue can be reached without TLS: %s", policy)
			}
			trust := at(c.tpl[role].Properties, "AssumeRolePolicyDocument", "Statement", 0)
			if text(at(trust, "Principal")) != `{"Service":"scheduler.amazonaws.com"}` || text(at(trust, "Condition", "StringEquals", "aws:SourceAccount")) != "<AWS::AccountId>" {
				t.Errorf("the schedule's role can be assumed so: %s", text(trust))
			}
		})
	}
}

func TestCron(t *testing.T) {
	for interval, want := range map[time.Duration]string{
		time.Minute:      "cron(0/1 * * * ? *)",
		5 * time.Minute:  "cron(0/5 * * * ? *)",
		30 * time.Minute: "cron(0/30 * * * ? *)",
		time.Hour:        "cron(0 * * * ? *)",
		6 * time.Hour:    "cron(0 0/6 * * ? *)",
		24 * time.Hour:   "cron(0 0 * * ? *)",
	} {
		if got, ok := cron(interval); !ok || got != want {
			t.Errorf("%s gives %q, %t, want %q", interval, got, ok, want)
		}
	}
	for _, interval := range []time.Duration{0, -time.Minute, time.Second, 90 * time.Second, 7 * time.Minute, 40 * time.Minute, 90 * time.Minute, 5 * time.Hour, 48 * time.Hour} {
		if got, ok := cron(interval); ok {
			t.Errorf("%s is not evenly spaced, and gives %q", interval, got)
		}
	}
}
