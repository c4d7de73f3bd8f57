package constructs

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

// scheduleInput is the input of a scheduled run. The scheduler puts the tick's time in, so that a run started
// late, or again, stands for the same time.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
const scheduleInput = `{"scheduledTime":"<aws.scheduler.scheduled-time>"}`

// minEventAgeSeconds is the least that the scheduler and EventBridge take as a maximum age.
// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html
const minEventAgeSeconds = 60

// deadLetterDays is how long an undelivered tick is kept: as long as SQS allows.
const deadLetterDays = 14

func (p *VendorPipeline) addSchedule(props *VendorPipelineProps) {
	p.DeadLetters = awssqs.NewQueue(p, jsii.String("DeadLetters"), &awssqs.QueueProps{
		Encryption:      awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL:      jsii.Bool(true),
		RetentionPeriod: days(deadLetterDays),
	})
	role := newRole(p, "ScheduleRole", serviceInAccount("scheduler.amazonaws.com"), []awsiam.PolicyStatement{
		allow("StartRun", []string{"states:StartExecution"}, *p.StateMachine.StateMachineArn()),
		allow("KeepDeadLetters", []string{"sqs:SendMessage"}, *p.DeadLetters.QueueArn()),
	})
	expression, _ := cron(props.ScheduleInterval)
	p.Schedule = awsscheduler.NewCfnSchedule(p, jsii.String("Schedule"), &awsscheduler.CfnScheduleProps{
		Description:                jsii.String("Starts the runs of the vendor " + props.Vendor.Name + ", aligned to the clock"),
		ScheduleExpression:         jsii.String(expression),
		ScheduleExpressionTimezone: jsii.String("UTC"),
		State:                      jsii.String("ENABLED"),
		FlexibleTimeWindow:         &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{Mode: jsii.String("OFF")},
		Target: &awsscheduler.CfnSchedule_TargetProperty{
			Arn:              p.StateMachine.StateMachineArn(),
			RoleArn:          role.RoleArn(),
			Input:            jsii.String(scheduleInput),
			DeadLetterConfig: &awsscheduler.CfnSchedule_DeadLetterConfigProperty{Arn: p.DeadLetters.QueueArn()},
			// A tick that cannot be delivered within an interval is dropped: the next one reads the same windows.
			RetryPolicy: &awsscheduler.CfnSchedule_RetryPolicyProperty{
				MaximumEventAgeInSeconds: jsii.Number(max(minEventAgeSeconds, props.ScheduleInterval.Seconds())),
			},
		},
	})
}

// cron returns the expression that starts a run at every multiple of interval since midnight UTC. A rate
// expression would count from the deployment. It is false where no expression is evenly spaced.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
func cron(interval time.Duration) (expression string, ok bool) {
	const day = 24 * time.Hour
	switch {
	case interval < time.Minute || interval%time.Minute != 0:
		return "", false
	case interval == day:
		return "cron(0 0 * * ? *)", true
	case interval == time.Hour:
		return "cron(0 * * * ? *)", true
	case time.Hour%interval == 0:
		return fmt.Sprintf("cron(0/%d * * * ? *)", interval/time.Minute), true
	case interval%time.Hour == 0 && day%interval == 0:
		return fmt.Sprintf("cron(0 0/%d * * ? *)", interval/time.Hour), true
	}
	return "", false
}
