package constructs

import (
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/settings"
)

// untagged are the types that cannot carry tags, with the reason.
var untagged = map[string]string{
	"AWS::IAM::Policy":           "part of a role",
	"AWS::SQS::QueuePolicy":      "part of a queue",
	"AWS::S3::BucketPolicy":      "part of a bucket",
	"AWS::SNS::TopicPolicy":      "part of a topic",
	"AWS::SNS::Subscription":     "part of a topic",
	"AWS::Scheduler::Schedule":   "only its group can be tagged; a start costs a millionth of a dollar",
	"AWS::Glue::Table":           "CloudFormation has no tags for it; it costs nothing",
	"AWS::Glue::Database":        "CloudFormation has no tags for it; it costs nothing",
	"AWS::Athena::NamedQuery":    "has no tags; it costs nothing until it is run",
	"AWS::Logs::QueryDefinition": "has no tags; it costs nothing until it is run",
}

// tagsOf are the tags of a resource, in whichever of the forms that CloudFormation has.
func tagsOf(r resource) map[string]string {
	tags := map[string]string{}
	for _, property := range []string{"Tags", "ResourceTags"} {
		for _, tag := range list(r.Properties[property]) {
			key, ok := at(tag, "Key").(string)
			if !ok {
				continue
			}
			tags[key] = at(tag, "Value").(string)
		}
	}
	return tags
}

func TestEverythingTaggableIsTagged(t *testing.T) {
	common := map[string]string{
		"Application": "windrow", "Pipeline": "test/Pipeline", "Vendor": "acme",
		"Environment": "test", "Owner": "marketing-data", "CostCenter": "4711",
	}
	seen := map[string]bool{}
	for name, tpl := range map[string]template{"defaults": withDefaults(), "plain": withPlain(), "everything": withEverything()} {
		t.Run(name, func(t *testing.T) {
			ofStream := map[string]string{}
			for _, f := range tpl.ofType("AWS::Lambda::Function") {
				stream := at(f.Properties, "Environment", "Variables", "WINDROW_STREAM").(string)
				ofStream[f.ID] = stream
				ofStream[at(f.Properties, "Role", "Fn::GetAtt", 0).(string)] = stream
				ofStream[at(f.Properties, "LoggingConfig", "LogGroup", "Ref").(string)] = stream
			}
			for id, r := range tpl {
				got := tagsOf(r)
				if untagged[r.Type] != "" {
					seen[r.Type] = true
					if len(got) > 0 {
						t.Errorf("%s, a %s, can be tagged after all", id, r.Type)
					}
					continue
				}
				want := maps.Clone(common)
				if stream := ofStream[id]; stream != "" && stream != settings.AllStreams {
					want["Stream"] = stream
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, a %s (-want +got):\n%s", id, r.Type, diff)
				}
			}
		})
	}
	for kind := range untagged {
		if !seen[kind] {
			t.Errorf("no template has a %s: take it from the list", kind)
		}
	}
}

func TestSynthesisFailsWithoutARequiredTag(t *testing.T) {
	app := newApp(map[string]any{})
	stack := awscdk.NewStack(app, jsii.String("test"), nil)
	p := NewVendorPipeline(stack, "Pipeline", required())
	// A priority above that of adding, as an app's own aspect would have it.
	awscdk.Tags_Of(p.StateMachine).Remove(jsii.String(TagCostCenter), &awscdk.TagProps{Priority: jsii.Number(1000)})
	defer func() {
		message := ""
		if err, ok := recover().(error); ok {
			message = err.Error()
		}
		if !strings.Contains(message, "test/Pipeline/StateMachine/Resource lacks the tags CostCenter") {
			t.Errorf("got %q, want the resource and the tag that it lacks", message)
		}
	}()
	app.Synth(nil)
}
