package constructs

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsce"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// AnomalyRegion is the only region in which CloudFormation makes monitors of Cost Anomaly Detection.
// https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1375
const AnomalyRegion = "us-east-1"

// DefaultAnomalyUSD is the default of [CostAnomalyMonitorProps].
const DefaultAnomalyUSD = 5.0

// CostAnomalyMonitorProps configures a [CostAnomalyMonitor]. Pipelines, Environment, Owner and CostCenter are required.
type CostAnomalyMonitorProps struct {
	// Pipelines are the names of the pipelines to watch, as their field Name has them. Required.
	Pipelines []string
	// Environment, Owner and CostCenter are the values of the tags of these names. Required.
	Environment string
	Owner       string
	CostCenter  string
	// AnomalyUSD is from how many US dollars above what was to be expected an anomaly is told.
	// Default [DefaultAnomalyUSD] (5).
	AnomalyUSD float64
	// AlarmEmails subscribe to the topic; each address confirms a message first. Default: none.
	AlarmEmails []string
}

// CostAnomalyMonitor has Cost Anomaly Detection watch what AWS bills for pipelines, by their tag Pipeline, some three times
// a day and hours late. It costs nothing, and sees nothing until the tag is activated for cost allocation. It belongs into a stack of its own in [AnomalyRegion], once for an environment:
// an account may not be allowed to make it where costs are managed by another one.
type CostAnomalyMonitor struct {
	// Topic receives the anomalies.
	Topic awssns.Topic
	// Monitor and Subscription are what Cost Anomaly Detection knows.
	Monitor      awsce.CfnAnomalyMonitor
	Subscription awsce.CfnAnomalySubscription
}

// Validate tells every fault of p at once, as a [*PropsError], or nil.
func (p *CostAnomalyMonitorProps) Validate() error {
	if p == nil {
		p = &CostAnomalyMonitorProps{}
	}
	faults := PropsError{Construct: "CostAnomalyMonitor"}
	faults.want(len(p.Pipelines) > 0, "Pipelines", fmt.Sprintf("%q", p.Pipelines), "the names of one or more pipelines")
	faults.wantTag("Environment", p.Environment, "prod")
	faults.wantTag("Owner", p.Owner, "marketing-data")
	faults.wantTag("CostCenter", p.CostCenter, "4711")
	faults.want(p.AnomalyUSD >= 0, "AnomalyUSD", p.AnomalyUSD, "an amount in US dollars above 0")
	faults.wantEmails(p.AlarmEmails)
	return faults.orNil()
}

// NewCostAnomalyMonitor adds a monitor to scope. It panics with a [*PropsError] that tells every fault of props at once,
// and where the stack is known to be in another region than [AnomalyRegion].
func NewCostAnomalyMonitor(scope constructs.Construct, id string, props *CostAnomalyMonitorProps) *CostAnomalyMonitor {
	if err := props.Validate(); err != nil {
		panic(err)
	}
	region := awscdk.Stack_Of(scope).Region()
	if *region != AnomalyRegion {
		panic(&PropsError{Construct: "CostAnomalyMonitor", Faults: []Fault{{
			Field: "the stack's region", Value: fmt.Sprintf("%q", regionText(region)), Allowed: AnomalyRegion + ", stated in the stack's Env: CloudFormation makes monitors nowhere else",
		}}})
	}
	settled := *props
	orDefault(&settled.AnomalyUSD, DefaultAnomalyUSD)

	own := constructs.NewConstruct(scope, jsii.String(id))
	m := &CostAnomalyMonitor{}
	m.Topic = newTopic(own, "Topic", "Windrow costs of "+settled.Environment, settled.AlarmEmails)
	letPublish(m.Topic, "AnomaliesPublish", "costalerts.amazonaws.com")
	name := fmt.Sprintf("windrow-%s", settled.Environment)
	m.Monitor = awsce.NewCfnAnomalyMonitor(own, jsii.String("Monitor"), &awsce.CfnAnomalyMonitorProps{
		MonitorName: jsii.String(name),
		MonitorType: jsii.String("CUSTOM"),
		MonitorSpecification: jsii.String(asJSON(map[string]any{
			"Tags": map[string]any{"Key": TagPipeline, "Values": settled.Pipelines, "MatchOptions": []string{"EQUALS"}},
		})),
	})
	// A topic is told at once; addresses could only be told by the day. https://docs.aws.amazon.com/cost-management/latest/userguide/ad-SNS.html
	m.Subscription = awsce.NewCfnAnomalySubscription(own, jsii.String("Subscription"), &awsce.CfnAnomalySubscriptionProps{
		SubscriptionName: jsii.String(name),
		Frequency:        jsii.String("IMMEDIATE"),
		MonitorArnList:   &[]any{m.Monitor.AttrMonitorArn()},
		Subscribers:      []awsce.CfnAnomalySubscription_SubscriberProperty{{Type: jsii.String("SNS"), Address: m.Topic.TopicArn()}},
		ThresholdExpression: jsii.String(asJSON(map[string]any{
			"Dimensions": map[string]any{
				"Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE", "MatchOptions": []string{"GREATER_THAN_OR_EQUAL"}, "Values": []string{fmt.Sprint(settled.AnomalyUSD)},
			},
		})),
	})
	m.Subscription.Node().AddDependency(m.Topic)
	for key, value := range map[string]string{
		TagApplication: application, TagEnvironment: settled.Environment, TagOwner: settled.Owner, TagCostCenter: settled.CostCenter,
	} {
		tag(own, key, value)
	}
	return m
}

// regionText is a region for a message, where it may be open.
func regionText(region *string) string {
	if *awscdk.Token_IsUnresolved(region) {
		return "that of the credentials"
	}
	return *region
}

func asJSON(value any) string {
	content, err := json.Marshal(value)
	if err != nil {
		panic(err) // Maps of texts always marshal.
	}
	return string(content)
}
