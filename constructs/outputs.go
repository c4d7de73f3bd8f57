package constructs

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// AddOutputs has the deployment print what a person needs next: the command that fills the vendor's secret, where to subscribe,
// what to start and to query, and what it is expected to cost. Each output is named after the construct IDs of the pipeline below its
// stack and what it tells, for example PipelineSecretCommand.
func (p *VendorPipeline) AddOutputs() {
	p.output("RawBucketName", *p.RawBucket.BucketName(), "Records as the vendor sent them, and the commit log")
	p.output("CuratedBucketName", *p.CuratedBucket.BucketName(), "Parquet, ready to query")
	p.output("StateMachineArn", *p.StateMachine.StateMachineArn(), "One run")
	p.output("BackfillArn", *p.Backfill.StateMachineArn(), "Start this to read a past range again, or to make its curated objects again")
	if p.Erase != nil {
		p.output("ErasureArn", *p.Erase.StateMachineArn(), "What erases or exports a person: go run ./infra/person starts it")
	}
	p.output("ScheduleName", *p.Schedule.Ref(), "What starts the runs: disable it to stop them")
	p.output("DeadLettersUrl", *p.DeadLetters.QueueUrl(), "Starts of runs that could not be delivered")
	p.output("AlarmTopicArn", *p.AlarmTopic.TopicArn(), "Subscribe to alarms and findings here")
	p.output("ExpectedCost", fmt.Sprintf("%.2f USD a year", p.Estimate.Total()), "Everything included. "+p.Estimate.Basis)
	if p.Workgroup != nil {
		p.output("DatabaseName", *p.Database.Ref(), "The Glue database with a view a stream, and the tables that it reads")
		p.output("WorkgroupName", *p.Workgroup.Ref(), "The Athena workgroup to query it in")
	}
	if p.Secret != nil {
		p.output("SecretArn", *p.Secret.SecretArn(), "The vendor's credentials: a JSON object with the fields "+strings.Join(p.vendor.SecretFields(), ", "))
		p.output("SecretCommand", p.SecretCommand(), "Fills the vendor's secret: put each credential in place of its dots")
	}
	if p.PrivacyKeySecret != nil {
		p.output("PrivacyKeySecretArn", *p.PrivacyKeySecret.SecretArn(), "The key from which digests of personal values are made")
	}
}

var notInLogicalIDs = regexp.MustCompile(`[^A-Za-z0-9]+`)

func (p *VendorPipeline) output(name, value, description string) {
	output := awscdk.NewCfnOutput(p, jsii.String(name), &awscdk.CfnOutputProps{Value: jsii.String(value), Description: jsii.String(description)})
	// CDK's own name would have a hash, which nobody can tell another person of.
	output.OverrideLogicalId(jsii.String(notInLogicalIDs.ReplaceAllString(pathInStack(p), "") + name))
}
