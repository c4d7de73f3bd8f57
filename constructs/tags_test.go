package constructs

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// untagged are the types that CloudFormation, or CDK, cannot tag.
var untagged = map[string]bool{
	"AWS::IAM::Policy":         true,
	"AWS::SQS::QueuePolicy":    true,
	"AWS::S3::BucketPolicy":    true,
	"AWS::SNS::TopicPolicy":    true,
	"AWS::Scheduler::Schedule": true,
}

func TestEverythingTaggableIsTagged(t *testing.T) {
	common := map[string]string{"Application": "windrow", "Pipeline": "test/Pipeline", "Vendor": "acme"}
	for name, c := range map[string]struct {
		tpl  template
		want map[string]string
	}{
		"defaults":   {withDefaults(), common},
		"everything": {withEverything(), merged(common, "Environment", "test")},
	} {
		t.Run(name, func(t *testing.T) {
			ofStream := map[string]string{}
			for _, f := range c.tpl.ofType("AWS::Lambda::Function") {
				stream := at(f.Properties, "Environment", "Variables", "WINDROW_STREAM").(string)
				ofStream[f.ID] = stream
				ofStream[at(f.Properties, "Role", "Fn::GetAtt", 0).(string)] = stream
				ofStream[at(f.Properties, "LoggingConfig", "LogGroup", "Ref").(string)] = stream
			}
			for id, r := range c.tpl {
				if untagged[r.Type] {
					continue
				}
				want := c.want
				if stream := ofStream[id]; stream != "" {
					want = merged(want, "Stream", stream)
				}
				got := map[string]string{}
				for _, tag := range list(r.Properties["Tags"]) {
					got[at(tag, "Key").(string)] = at(tag, "Value").(string)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, a %s (-want +got):\n%s", id, r.Type, diff)
				}
			}
		})
	}
}

func merged(tags map[string]string, key, value string) map[string]string {
	tags = maps.Clone(tags)
	tags[key] = value
	return tags
}
