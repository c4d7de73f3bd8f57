package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
)

// addAlarmTopic makes the topic that alarms and findings go to. It is not encrypted with KMS: CloudWatch
// cannot use the AWS-managed key, a key of its own costs $12 a year, and what is published is figures and
// reasons, never a vendor's records. https://repost.aws/knowledge-center/cloudwatch-receive-sns-for-alarm-trigger
func (p *VendorPipeline) addAlarmTopic(props *VendorPipelineProps) {
	if props.AlarmTopic != nil {
		p.AlarmTopic = props.AlarmTopic
		return
	}
	topic := awssns.NewTopic(p, jsii.String("AlarmTopic"), &awssns.TopicProps{
		DisplayName: jsii.String("Windrow " + props.Vendor.Name),
		EnforceSSL:  jsii.Bool(true),
	})
	// A topic with a policy of its own no longer has the default one, by which alarms could publish.
	publish := allow("AlarmsPublish", []string{"sns:Publish"}, *topic.TopicArn())
	publish.AddPrincipals(awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil))
	publish.AddCondition(jsii.String("StringEquals"), map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()})
	topic.AddToResourcePolicy(publish)
	p.AlarmTopic = topic
}

func (p *VendorPipeline) addFailureAlarm(props *VendorPipelineProps) {
	p.FailureAlarm = awscloudwatch.NewAlarm(p, jsii.String("FailureAlarm"), &awscloudwatch.AlarmProps{
		AlarmDescription: jsii.String(fmt.Sprintf(
			"A run of the vendor %s failed. Other streams and what was committed are not affected, and the next run goes on where this one stopped. "+
				"First look: the failed execution of the state machine %s; the input of its state %s holds each stream's error.",
			props.Vendor.Name, *p.StateMachine.StateMachineName(), stateOutcome)),
		// One interval, so that a vendor that is down is told once, not with every run.
		Metric: p.StateMachine.MetricFailed(&awscloudwatch.MetricOptions{
			Statistic: jsii.String("Sum"),
			Period:    awscdk.Duration_Seconds(jsii.Number(props.ScheduleInterval.Seconds())),
		}),
		Threshold:          jsii.Number(1),
		EvaluationPeriods:  jsii.Number(1),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		// No data means that no run has ended, which is not a failed run.
		TreatMissingData: awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
	action := awscloudwatchactions.NewSnsAction(p.AlarmTopic)
	p.FailureAlarm.AddAlarmAction(action)
	p.FailureAlarm.AddOkAction(action)
}
