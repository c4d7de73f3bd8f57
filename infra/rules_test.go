package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/windrow-data/windrow/functions/settings"
)

// The house rules: what every template must keep to, whoever's it is. They read templates as CloudFormation does, and know
// nothing of the construct.

type cfnResource struct {
	Type                                string
	Properties                          map[string]any
	DeletionPolicy, UpdateReplacePolicy string
}

type cfnTemplate struct{ Resources map[string]cfnResource }

func (tpl cfnTemplate) each(kind string, visit func(id string, r cfnResource)) {
	for id, r := range tpl.Resources {
		if r.Type == kind {
			visit(id, r)
		}
	}
}

// ruledTemplates are those of all environments, of prod for each ready vendor, and of another team's app.
func ruledTemplates(t *testing.T) map[string]cfnTemplate {
	t.Helper()
	all := map[string]cfnTemplate{}
	contexts := maps.Clone(deployed)
	for name, ready := range readyVendors {
		if name == defaultVendor {
			continue
		}
		context := maps.Clone(deployed["prod"])
		delete(context, "clientId")
		context[contextVendor] = name
		if ready.account != "" {
			context[ready.account] = ready.simulated
		}
		contexts["prod of "+name] = context
	}
	for env, context := range contexts {
		for stack, content := range stacks(t, context) {
			var tpl cfnTemplate
			if err := json.Unmarshal(content, &tpl); err != nil {
				t.Fatal(err)
			}
			all[env+"/"+stack] = tpl
		}
	}
	content, err := os.ReadFile("constructs/testdata/consumer/template.json")
	if err != nil {
		t.Fatal(err)
	}
	var tpl cfnTemplate
	if err := json.Unmarshal(content, &tpl); err != nil {
		t.Fatal(err)
	}
	all["consumer"] = tpl
	return all
}

// wildcards are the actions that may be allowed for every resource, with the reason.
var wildcards = map[string]string{}

func init() {
	for reason, actions := range map[string][]string{
		"log delivery knows no resource: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy": {
			"logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:GetLogDelivery",
			"logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
		},
		"X-Ray knows no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html": {
			"xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
		},
	} {
		for _, action := range actions {
			wildcards[action] = reason
		}
	}
}

// at returns the value under names, nil where there is none.
func at(value any, names ...any) any {
	for _, name := range names {
		switch n := name.(type) {
		case string:
			m, _ := value.(map[string]any)
			value = m[n]
		case int:
			l, _ := value.([]any)
			if n >= len(l) {
				return nil
			}
			value = l[n]
		}
	}
	return value
}

func list(value any) []any {
	if l, ok := value.([]any); ok {
		return l
	}
	if value == nil {
		return nil
	}
	return []any{value}
}

func jsonOf(value any) string {
	content, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(content)
}

// statements are those of all identity policies of a template.
func (tpl cfnTemplate) statements() (all []any) {
	tpl.each("AWS::IAM::Role", func(_ string, r cfnResource) {
		for _, policy := range list(r.Properties["Policies"]) {
			all = append(all, list(at(policy, "PolicyDocument", "Statement"))...)
		}
	})
	for _, kind := range []string{"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"} {
		tpl.each(kind, func(_ string, r cfnResource) {
			all = append(all, list(at(r.Properties, "PolicyDocument", "Statement"))...)
		})
	}
	return all
}

// resourcePolicies are the statements of what belongs to a resource, by the resource that they are of.
func (tpl cfnTemplate) resourcePolicies() map[string][]any {
	all := map[string][]any{}
	for _, kind := range []string{"AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy", "AWS::SecretsManager::ResourcePolicy"} {
		tpl.each(kind, func(id string, r cfnResource) {
			all[id] = append(list(at(r.Properties, "PolicyDocument", "Statement")), list(at(r.Properties, "ResourcePolicy", "Statement"))...)
		})
	}
	tpl.each("AWS::KMS::Key", func(id string, r cfnResource) { all[id] = list(at(r.Properties, "KeyPolicy", "Statement")) })
	tpl.each("AWS::Lambda::Permission", func(id string, r cfnResource) {
		all[id] = []any{map[string]any{"Effect": "Allow", "Principal": r.Properties["Principal"], "Action": r.Properties["Action"], "Condition": r.Properties["SourceArn"]}}
	})
	return all
}

// everything reports whether a resource of a policy is all there is of a service: an ARN with no name in it.
func everything(resource any) bool {
	name, isText := resource.(string)
	if !isText {
		return false
	}
	return name == "*" || strings.HasPrefix(name, "arn:") && strings.Trim(name[strings.LastIndexByte(name, ':')+1:], "*/") == ""
}

// unencrypted are the kinds of resource that have no key of KMS, with the reason.
var unencrypted = map[string]string{
	"AWS::SNS::Topic": "CloudWatch cannot publish with AWS's own key, and one of its own costs as much as a third of all the rest; what is published are figures and reasons: https://repost.aws/knowledge-center/cloudwatch-receive-sns-for-alarm-trigger",
}

// denies reports whether a policy of the kind refuses requests over plain HTTP to the resource.
func (tpl cfnTemplate) deniesPlain(kind, property, id string) (denied bool) {
	tpl.each(kind, func(_ string, r cfnResource) {
		if !strings.Contains(jsonOf(r.Properties[property]), `"`+id+`"`) {
			return
		}
		for _, s := range list(at(r.Properties, "PolicyDocument", "Statement")) {
			denied = denied || at(s, "Effect") == "Deny" && at(s, "Condition", "Bool", "aws:SecureTransport") == "false"
		}
	})
	return denied
}

func TestAnARNWithoutANameIsEverything(t *testing.T) {
	for resource, want := range map[string]bool{
		"*": true, "arn:aws:s3:::*": true, "arn:aws:s3:::*/*": true, "arn:aws:lambda:eu-west-1:111122223333:*": true,
		"arn:aws:s3:::lake": false, "arn:aws:s3:::lake/*": false, "arn:aws:kms:eu-west-1:111122223333:key/1": false,
	} {
		if got := everything(resource); got != want {
			t.Errorf("%s: got %t, want %t", resource, got, want)
		}
	}
	if everything(map[string]any{"Fn::GetAtt": []any{"Bucket", "Arn"}}) {
		t.Error("the ARN of one resource is taken for everything")
	}
}

func TestHouseRules(t *testing.T) {
	for name, tpl := range ruledTemplates(t) {
		t.Run(name, func(t *testing.T) {
			for _, s := range tpl.statements() {
				for _, action := range list(at(s, "Action")) {
					if at(s, "Effect") != "Allow" {
						continue
					}
					if strings.Contains(action.(string), "*") {
						t.Errorf("a role may do %s: name the actions", action)
					}
					if slices.ContainsFunc(list(at(s, "Resource")), everything) && wildcards[action.(string)] == "" {
						t.Errorf("a role may do %s to every resource, and no reason is listed", action)
					}
				}
				if at(s, "NotAction") != nil || at(s, "NotResource") != nil {
					t.Errorf("a role may do all but something: %s", jsonOf(s))
				}
			}
			for id, statements := range tpl.resourcePolicies() {
				for _, s := range statements {
					if at(s, "Effect") != "Allow" {
						continue
					}
					if at(s, "NotPrincipal") != nil || at(s, "NotAction") != nil || strings.Contains(jsonOf(at(s, "Action")), "*") {
						t.Errorf("%s allows more than it names: %s", id, jsonOf(s))
					}
					anybody := at(s, "Principal") == "*" || strings.Contains(jsonOf(at(s, "Principal", "AWS")), `"*"`)
					service := at(s, "Principal", "Service") != nil
					if anybody || service && at(s, "Condition") == nil {
						t.Errorf("%s lets in whoever comes, or a service for whichever account: %s", id, jsonOf(s))
					}
				}
			}
			tpl.each("AWS::IAM::Role", func(id string, r cfnResource) {
				if r.Properties["ManagedPolicyArns"] != nil {
					t.Errorf("%s has managed policies, whose content AWS decides: %s", id, jsonOf(r.Properties["ManagedPolicyArns"]))
				}
				for _, s := range list(at(r.Properties, "AssumeRolePolicyDocument", "Statement")) {
					service := at(s, "Principal", "Service")
					// Lambda passes no source account when it assumes a role.
					if service == nil || service != "lambda.amazonaws.com" && at(s, "Condition", "StringEquals", "aws:SourceAccount") == nil {
						t.Errorf("%s can be assumed by others than this account's services: %s", id, jsonOf(s))
					}
				}
			})
			tpl.each("AWS::S3::Bucket", func(id string, r cfnResource) {
				if at(r.Properties, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault", "SSEAlgorithm") == nil {
					t.Errorf("%s is not encrypted", id)
				}
				for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
					if at(r.Properties, "PublicAccessBlockConfiguration", block) != true {
						t.Errorf("%s lacks %s", id, block)
					}
				}
				if !tpl.deniesPlain("AWS::S3::BucketPolicy", "Bucket", id) {
					t.Errorf("%s can be reached over plain HTTP", id)
				}
				if r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain" {
					t.Errorf("%s goes with its stack (%s, %s)", id, r.DeletionPolicy, r.UpdateReplacePolicy)
				}
			})
			tpl.each("AWS::SecretsManager::Secret", func(id string, r cfnResource) {
				if r.DeletionPolicy != "Retain" {
					t.Errorf("%s goes with its stack", id)
				}
				// What is generated is written again where its words change: that is for a value that nobody else puts there.
				generated := r.Properties["GenerateSecretString"] != nil
				if r.Properties["SecretString"] != nil || generated != strings.HasPrefix(id, "PipelinePrivacyKey") {
					t.Errorf("%s has a value in the template, or lacks one that is to be generated", id)
				}
			})
			tpl.each("AWS::SQS::Queue", func(id string, r cfnResource) {
				// SQS encrypts by itself where nothing is said. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-sqs-sse-queue.html
				if r.Properties["SqsManagedSseEnabled"] == false {
					t.Errorf("%s is not encrypted", id)
				}
				if !tpl.deniesPlain("AWS::SQS::QueuePolicy", "Queues", id) {
					t.Errorf("%s can be reached over plain HTTP", id)
				}
			})
			tpl.each("AWS::SNS::Topic", func(id string, r cfnResource) {
				if r.Properties["KmsMasterKeyId"] == nil && unencrypted[r.Type] == "" {
					t.Errorf("%s is not encrypted, and no reason is listed", id)
				}
				if !tpl.deniesPlain("AWS::SNS::TopicPolicy", "Topics", id) {
					t.Errorf("%s can be reached over plain HTTP", id)
				}
			})
			tpl.each("AWS::Logs::LogGroup", func(id string, r cfnResource) {
				if r.Properties["RetentionInDays"] == nil {
					t.Errorf("%s is kept for ever", id)
				}
			})
			tpl.each("AWS::Athena::WorkGroup", func(id string, r cfnResource) {
				if at(r.Properties, "WorkGroupConfiguration", "BytesScannedCutoffPerQuery") == nil || at(r.Properties, "WorkGroupConfiguration", "EnforceWorkGroupConfiguration") != true {
					t.Errorf("queries in %s may read without a limit", id)
				}
			})
			tpl.functionsAreBoundAndWatched(t, name)
		})
	}
}

// functionsAreBoundAndWatched checks each function's time, tags, logs and alarm: a function's failure is that of the run which
// invokes it. One that works at all streams is invoked by a machine that is started now and then, and tells of its failure itself.
func (tpl cfnTemplate) functionsAreBoundAndWatched(t *testing.T, name string) {
	var watched []string
	tpl.each("AWS::CloudWatch::Alarm", func(_ string, r cfnResource) {
		if r.Properties["MetricName"] == "ExecutionsFailed" {
			watched = append(watched, fmt.Sprint(at(r.Properties, "Dimensions", 0, "Value", "Ref")))
		}
	})
	tpl.each("AWS::Lambda::Function", func(id string, r cfnResource) {
		if seconds, _ := r.Properties["Timeout"].(float64); seconds < 1 || seconds > 900 {
			t.Errorf("%s has the timeout %v", id, r.Properties["Timeout"])
		}
		if at(r.Properties, "LoggingConfig", "LogGroup") == nil {
			t.Errorf("%s logs to a group that Lambda makes, and keeps for ever", id)
		}
		var tags []string
		for _, tag := range list(r.Properties["Tags"]) {
			tags = append(tags, fmt.Sprint(at(tag, "Key")))
		}
		ofAll := at(r.Properties, "Environment", "Variables", settings.EnvStream) == settings.AllStreams
		for _, want := range []string{"Application", "CostCenter", "Environment", "Owner", "Pipeline", "Stream", "Vendor"} {
			if !slices.Contains(tags, want) && !(ofAll && want == "Stream") {
				t.Errorf("%s lacks the tag %s", id, want)
			}
		}
		if strings.HasPrefix(name, "dev/") {
			return // It has no alarms, as docs/deploy.md says.
		}
		alarmed := false
		for _, machine := range watched {
			alarmed = alarmed || strings.Contains(jsonOf(tpl.Resources[machine].Properties["DefinitionString"]), `"`+id+`"`)
		}
		tpl.each("AWS::StepFunctions::StateMachine", func(_ string, machine cfnResource) {
			definition := jsonOf(machine.Properties["DefinitionString"])
			alarmed = alarmed || ofAll && strings.Contains(definition, `"`+id+`"`) && strings.Contains(definition, "sns:publish")
		})
		if !alarmed {
			t.Errorf("no alarm tells of a failure of %s", id)
		}
	})
}

// TestPlainHTTPIsForLocalAlone reads the descriptions that are deployed with the functions.
func TestPlainHTTPIsForLocalAlone(t *testing.T) {
	contexts := map[string]map[string]string{"local": {"env": "local", "vendorUrl": "http://127.0.0.1:4510"}}
	for env, context := range deployed {
		contexts[env] = context
	}
	for env, context := range contexts {
		props := appProps(t, context)
		if err := synthesize(props); err != nil {
			t.Fatal(err)
		}
		descriptions, err := filepath.Glob(filepath.Join(*props.Outdir, "asset.*", "vendor.json"))
		if err != nil || len(descriptions) == 0 {
			t.Fatalf("%s has no descriptions (%v)", env, err)
		}
		for _, path := range descriptions {
			var vendor struct {
				BaseURL      string
				AllowPrivate bool
			}
			read(t, path, &vendor)
			if local := env == "local"; vendor.AllowPrivate != local || strings.HasPrefix(vendor.BaseURL, "https://") == local {
				t.Errorf("%s reads %s, private addresses allowed: %t", env, vendor.BaseURL, vendor.AllowPrivate)
			}
		}
	}
}
