package constructs

import (
	"errors"
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
			rule := c.tpl[c.tpl.logicalID(t, "AWS::Events::Rule", "PipelineStartRule")]
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
			if got := text(at(target, "InputTransformer")); got != `{"InputPathsMap":{"event":"$.id","source":"$.source"},"InputTemplate":"{\"startedBy\":{\"source\":\u003csource\u003e,\"event\":\u003cevent\u003e}}"}` {
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

// TestEventsOfAnotherBusStartNothing puts the bus where a rule of this stack cannot be made.
func TestEventsOfAnotherBusStartNothing(t *testing.T) {
	for name, c := range map[string]struct{ bus, want string }{
		"here":            {"arn:aws:events:eu-west-1:111122223333:event-bus/acme", ""},
		"another region":  {"arn:aws:events:us-east-1:111122223333:event-bus/acme", "StartOn is set, with the EventBus arn:aws:events:us-east-1:111122223333:event-bus/acme: want an EventBus of the stack's own account and region"},
		"another account": {"arn:aws:events:eu-west-1:444455556666:event-bus/acme", "want an EventBus of the stack's own account and region"},
	} {
		t.Run(name, func(t *testing.T) {
			stack := awscdk.NewStack(newApp(map[string]any{}), jsii.String("test"), &awscdk.StackProps{
				Env: &awscdk.Environment{Account: jsii.String("111122223333"), Region: jsii.String("eu-west-1")},
			})
			props := required()
			props.StartOn = &awsevents.EventPattern{Source: jsii.Strings("acme.webhooks")}
			props.EventBus = awsevents.EventBus_FromEventBusArn(stack, jsii.String("Bus"), jsii.String(c.bus))
			checkRefusal(t, c.want, func() { NewVendorPipeline(stack, "Pipeline", props) })
		})
	}
}

// checkRefusal calls make, which is to panic with a [*PropsError] that says want, or not at all where that is empty.
func checkRefusal(t *testing.T, want string, make func()) {
	t.Helper()
	defer func() {
		t.Helper()
		r := recover()
		err, _ := r.(error)
		var refused *PropsError
		switch {
		case want == "" && r != nil:
			t.Errorf("it is refused: %v", r)
		case want != "" && (!errors.As(err, &refused) || !strings.Contains(err.Error(), want)):
			t.Errorf("got %v, want a *PropsError that says %q", r, want)
		}
	}()
	make()
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
