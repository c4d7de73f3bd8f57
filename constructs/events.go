package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/functions/telemetry"
)

func (p *VendorPipeline) addEventBus(props *VendorPipelineProps) {
	p.EventBus = props.EventBus
	if p.EventBus == nil {
		p.EventBus = awsevents.EventBus_FromEventBusName(p, jsii.String("EventBus"), jsii.String("default"))
	}
	if props.StartOn == nil {
		return
	}
	own, bus := awscdk.Stack_Of(p).Env(), p.EventBus.Env()
	if differ(own.Account, bus.Account) || differ(own.Region, bus.Region) {
		panic(&PropsError{Construct: "VendorPipeline", Faults: []Fault{{"StartOn", fmt.Sprintf("set, with the EventBus %s", *p.EventBus.EventBusArn()),
			"an EventBus of the stack's own account and region: a rule is made where its bus is, and starts nothing elsewhere. Have a rule there send the events on to a bus here"}}})
	}
}

// differ reports whether two values are known to be different.
func differ(a, b *string) bool {
	return !*awscdk.Token_IsUnresolved(a) && !*awscdk.Token_IsUnresolved(b) && *a != *b
}

// startInput is the input of a run that an event starts, for who looks at the execution. The run stands for the time at which
// it is started: an event may be delivered late, or tell of another time. The value of a path is put in with its
// quotes. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
const startInput = `{"startedBy":{"source":<source>,"event":<event>}}`

// addStartRule lets events start runs. It is written as CloudFormation has it, since CDK's own target makes a role that
// nothing of the pipeline's is known of.
func (p *VendorPipeline) addStartRule(props *VendorPipelineProps) {
	if props.StartOn == nil {
		return
	}
	role := newRole(p, "StartRuleRole", serviceInAccount("events.amazonaws.com"), []awsiam.PolicyStatement{
		allow("StartRun", []string{"states:StartExecution"}, *p.StateMachine.StateMachineArn()),
	})
	p.StartRule = awsevents.NewCfnRule(p, jsii.String("StartRule"), &awsevents.CfnRuleProps{
		Description:  jsii.String("Starts a run of the vendor " + props.Vendor.Name + " when its data is said to have changed"),
		EventBusName: p.EventBus.EventBusName(),
		EventPattern: pattern(props.StartOn),
		State:        jsii.String("ENABLED"),
		Targets: []awsevents.CfnRule_TargetProperty{{
			Id:      jsii.String("Run"),
			Arn:     p.StateMachine.StateMachineArn(),
			RoleArn: role.RoleArn(),
			InputTransformer: awsevents.CfnRule_InputTransformerProperty{
				InputPathsMap: map[string]string{"source": "$.source", "event": "$.id"},
				InputTemplate: jsii.String(startInput),
			},
			DeadLetterConfig: awsevents.CfnRule_DeadLetterConfigProperty{Arn: p.DeadLetters.QueueArn()},
			RetryPolicy: awsevents.CfnRule_RetryPolicyProperty{
				MaximumEventAgeInSeconds: jsii.Number(max(minEventAgeSeconds, props.ScheduleInterval.Seconds())),
			},
		}},
	})
	// EventBridge writes to the queue by the queue's own policy, not by the role.
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html#eb-dlq-perms
	keep := allow("KeepDeadLetters", []string{"sqs:SendMessage"}, *p.DeadLetters.QueueArn())
	keep.AddPrincipals(awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil))
	keep.AddCondition(jsii.String("ArnEquals"), map[string]any{"aws:SourceArn": p.StartRule.AttrArn()})
	p.DeadLetters.AddToResourcePolicy(keep)
}

// pattern is an event pattern in EventBridge's own words.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
func pattern(of *awsevents.EventPattern) map[string]any {
	words := map[string]any{}
	for word, values := range map[string]*[]*string{
		"account": of.Account, "detail-type": of.DetailType, "id": of.Id, "region": of.Region,
		"resources": of.Resources, "source": of.Source, "time": of.Time, "version": of.Version,
	} {
		if values != nil {
			words[word] = values
		}
	}
	if of.Detail != nil {
		words["detail"] = of.Detail
	}
	return words
}

// OnCurated adds a rule to who acts on fresh data: it matches the announcements of this pipeline, whose detail is a
// [telemetry.Announcement]. The options' own pattern narrows it, for example to one stream by Detail. An
// announcement may come twice.
//
// [telemetry.Announcement]: https://pkg.go.dev/github.com/windrow-data/windrow/functions/telemetry#Announcement
func (p *VendorPipeline) OnCurated(id string, options *awsevents.OnEventOptions) awsevents.Rule {
	if options == nil {
		options = &awsevents.OnEventOptions{}
	}
	rule := awsevents.NewRule(p, jsii.String(id), &awsevents.RuleProps{
		RuleName:    options.RuleName,
		Description: options.Description,
		EventBus:    p.EventBus,
		EventPattern: &awsevents.EventPattern{
			Source:     jsii.Strings(telemetry.AnnouncementSource),
			DetailType: jsii.Strings(telemetry.AnnouncementDetailType),
			Detail:     &map[string]any{"pipeline": []string{p.Name}},
		},
	})
	if options.EventPattern != nil {
		rule.AddEventPattern(options.EventPattern)
	}
	if options.Target != nil {
		rule.AddTarget(options.Target)
	}
	return rule
}
