package constructs

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
)

func TestEventsStartRuns(t *testing.T) {
	if rules := withDefaults().ofType("AWS::Events::Rule"); len(rules) > 0 {
		t.Error("events start runs without being asked to")
	}
	for name, c := range map[string]struct {
		tpl template
		bus string
	}{
		"plain":      {withPlain(), "default"},
		"everything": {withEverything(), "acme"},
	} {
		t.Run(name, func(t *testing.T) {
			rule := c.tpl.only(t, "AWS::Events::Rule")
			machine, queue := c.tpl.machine(t, "StateMachine").ID, c.tpl.only(t, "AWS::SQS::Queue").ID
			if got := text(rule.Properties["EventBusName"]); got != c.bus {
				t.Errorf("the rule listens on %s, want %s", got, c.bus)
			}
			if got := text(rule.Properties["EventPattern"]); got != `{"detail-type":["order.changed"],"source":["acme.webhooks"]}` {
				t.Errorf("the rule matches %s", got)
			}
			target := at(rule.Properties, "Targets", 0)
			if got := text(at(target, "Arn")); got != "<"+machine+">" {
				t.Errorf("the rule starts %s", got)
			}
			if got := text(at(target, "InputTransformer")); got != `{"InputPathsMap":{"time":"$.time"},"InputTemplate":"{\"scheduledTime\":\u003ctime\u003e}"}` {
				t.Errorf("the run's input is %s", got)
			}
			if got := text(at(target, "DeadLetterConfig", "Arn")); got != "<"+queue+".Arn>" {
				t.Errorf("starts that fail go to %s", got)
			}
			role := at(target, "RoleArn", "Fn::GetAtt", 0).(string)
			if diff := cmp.Diff([]string{"Allow states:StartExecution <" + machine + ">"}, c.tpl.permissions(role)); diff != "" {
				t.Errorf("the rule's role (-want +got):\n%s", diff)
			}
			policy := text(c.tpl.only(t, "AWS::SQS::QueuePolicy").Properties)
			for _, want := range []string{`"Service":"events.amazonaws.com"`, `"aws:SourceArn":{"Fn::GetAtt":["` + rule.ID + `","Arn"]}`} {
				if !strings.Contains(policy, want) {
					t.Errorf("the queue's policy lacks %s: %s", want, policy)
				}
			}
		})
	}
}

func TestOnCurated(t *testing.T) {
	stack := awscdk.NewStack(newApp(map[string]any{}), jsii.String("test"), nil)
	p := NewVendorPipeline(stack, "Pipeline", required())
	p.OnCurated("All", nil)
	p.OnCurated("Orders", &awsevents.OnEventOptions{EventPattern: &awsevents.EventPattern{Detail: &map[string]any{"stream": []string{"orders"}}}})
	tpl := templateOf(stack)
	for id, want := range map[string]string{
		"All":    `{"detail":{"pipeline":["test/Pipeline"]},"detail-type":["Curated objects made"],"source":["windrow"]}`,
		"Orders": `{"detail":{"pipeline":["test/Pipeline"],"stream":["orders"]},"detail-type":["Curated objects made"],"source":["windrow"]}`,
	} {
		if got := text(tpl[tpl.logicalID(t, "AWS::Events::Rule", "Pipeline"+id)].Properties["EventPattern"]); got != want {
			t.Errorf("%s matches %s, want %s", id, got, want)
		}
	}
}
