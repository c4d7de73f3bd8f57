package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// addTopics makes the topic that alarms and findings go to. It is not encrypted with KMS: CloudWatch
// cannot use the AWS-managed key, a key of its own costs $12 a year, and what is published is figures and
// reasons, never a vendor's records. https://repost.aws/knowledge-center/cloudwatch-receive-sns-for-alarm-trigger
func (p *VendorPipeline) addTopics(props *VendorPipelineProps) {
	p.AlarmTopic = props.AlarmTopic
	if p.AlarmTopic == nil {
		p.AlarmTopic = p.newAlarmTopic(props)
	}
	p.PageTopic = props.PageTopic
	if p.PageTopic == nil {
		p.PageTopic = p.AlarmTopic
	}
}

func (p *VendorPipeline) newAlarmTopic(props *VendorPipelineProps) awssns.Topic {
	topic := newTopic(p, "AlarmTopic", "Windrow "+props.Vendor.Name, props.AlarmEmails)
	// A topic with a policy of its own no longer has the default one, by which alarms could publish.
	letPublish(topic, "AlarmsPublish", "cloudwatch.amazonaws.com")
	letPublish(topic, "BudgetsPublish", "budgets.amazonaws.com")
	return topic
}

// newTopic makes a topic that refuses plain HTTP, with addresses that each confirm a message first.
func newTopic(scope constructs.Construct, id, displayName string, emails []string) awssns.Topic {
	topic := awssns.NewTopic(scope, jsii.String(id), &awssns.TopicProps{
		DisplayName: jsii.String(displayName),
		EnforceSSL:  jsii.Bool(true),
	})
	for i, address := range emails {
		awssns.NewSubscription(topic, jsii.Sprintf("Email%d", i+1), &awssns.SubscriptionProps{
			Topic: topic, Protocol: awssns.SubscriptionProtocol_EMAIL, Endpoint: jsii.String(address),
		})
	}
	return topic
}

// letPublish lets an AWS service publish to topic on behalf of this account.
func letPublish(topic awssns.Topic, sid, service string) {
	publish := allow(sid, []string{"sns:Publish"}, *topic.TopicArn())
	publish.AddPrincipals(awsiam.NewServicePrincipal(jsii.String(service), nil))
	publish.AddCondition(jsii.String("StringEquals"), map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()})
	topic.AddToResourcePolicy(publish)
}
