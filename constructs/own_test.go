package constructs

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"
)

func TestATeamBringsItsOwn(t *testing.T) {
	tpl := withEverything()
	// Of what it brings, nothing is made beside it.
	if buckets := tpl.ofType("AWS::S3::Bucket"); len(buckets) != 1 || !strings.Contains(buckets[0].ID, "Results") {
		t.Errorf("%d buckets are made, want that of query results alone", len(buckets))
	}
	for _, kind := range []string{"AWS::SecretsManager::Secret", "AWS::SNS::Topic", "AWS::KMS::Key", "AWS::EC2::SecurityGroup"} {
		if made := tpl.ofType(kind); len(made) > 0 {
			t.Errorf("%s is made beside the given one", made[0].ID)
		}
	}
	results := tpl.bucket(t, "ResultsBucket").Properties
	if got := text(at(results, "BucketEncryption", "ServerSideEncryptionConfiguration", 0)); !strings.Contains(got, ownKey) || !strings.Contains(got, `"BucketKeyEnabled":true`) {
		t.Errorf("query results are encrypted by %s", got)
	}
	for _, f := range tpl.ofType("AWS::Lambda::Function") {
		if got := text(f.Properties["VpcConfig"]); got != `{"SecurityGroupIds":["sg-0123456789abcdef0"],"SubnetIds":["subnet-0123456789abcdef1"]}` {
			t.Errorf("%s is in %s", f.ID, got)
		}
		role := at(f.Properties, "Role", "Fn::GetAtt", 0).(string)
		may := tpl.permissions(role)
		want := []string{"Allow kms:Decrypt " + ownKey, "Allow kms:GenerateDataKey " + ownKey, "Allow ec2:CreateNetworkInterface *"}
		if strings.Contains(f.ID, "Ingest") {
			want = append(want, "Allow secretsmanager:GetSecretValue "+ownSecret, "Allow s3:PutObject arn:aws:s3:::own-raw/acme/"+variables(f)["WINDROW_STREAM"]+"/*")
		} else {
			want = append(want, "Allow events:PutEvents "+ownBus, "Allow s3:PutObject arn:aws:s3:::own-curated/acme/"+variables(f)["WINDROW_STREAM"]+"/*")
		}
		for _, permission := range want {
			if !slices.Contains(may, permission) {
				t.Errorf("%s may not: %s\n%s", f.ID, permission, strings.Join(may, "\n"))
			}
		}
	}
	for _, role := range tpl.ofType("AWS::IAM::Role") {
		if got := role.Properties["PermissionsBoundary"]; got != ownBoundary {
			t.Errorf("%s has the boundary %v", role.ID, got)
		}
	}
}

// TestAKeyOfTheSameStack encrypts what the pipeline makes with a key that the stack makes.
func TestAKeyOfTheSameStack(t *testing.T) {
	stack := awscdk.NewStack(newApp(map[string]any{}), jsii.String("test"), nil)
	props := required()
	props.EncryptionKey = awskms.NewKey(stack, jsii.String("Key"), nil)
	NewVendorPipeline(stack, "Pipeline", props)
	tpl := templateOf(stack)
	key := tpl.only(t, "AWS::KMS::Key").ID
	for _, bucket := range tpl.ofType("AWS::S3::Bucket") {
		if got := text(at(bucket.Properties, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault")); !strings.Contains(got, `"SSEAlgorithm":"aws:kms"`) || !strings.Contains(got, key) {
			t.Errorf("%s is encrypted by %s", bucket.ID, got)
		}
	}
	if got := text(tpl.only(t, "AWS::SecretsManager::Secret").Properties["KmsKeyId"]); got != "<"+key+".Arn>" {
		t.Errorf("the secret is encrypted by %s", got)
	}
}

// TestTwoPipelinesDoNotCollide puts two into one stack, and one into the stacks of two environments.
func TestTwoPipelinesDoNotCollide(t *testing.T) {
	app := newApp(map[string]any{})
	names := map[string][]string{}
	note := func(tpl template) {
		for _, r := range tpl {
			for _, property := range []string{"BucketName", "FunctionName", "AlarmName", "RoleName", "StateMachineName", "Name", "QueueName", "TopicName", "DashboardName", "LogGroupName"} {
				if name := r.Properties[property]; name != nil {
					key := r.Type + " " + text(name)
					names[key] = append(names[key], r.ID)
				}
			}
			for _, path := range [][]any{{"Budget", "BudgetName"}, {"DatabaseInput", "Name"}} {
				if name := at(r.Properties, path...); name != nil {
					key := r.Type + " " + text(name)
					names[key] = append(names[key], r.ID)
				}
			}
		}
	}
	both := awscdk.NewStack(app, jsii.String("both"), nil)
	NewVendorPipeline(both, "First", required())
	NewVendorPipeline(both, "Second", required())
	stacks := []awscdk.Stack{both}
	for _, environment := range []string{"dev", "prod"} {
		stack := awscdk.NewStack(app, jsii.String("app-"+environment), nil)
		props := required()
		props.Environment = environment
		NewVendorPipeline(stack, "Pipeline", props)
		stacks = append(stacks, stack)
	}
	for _, stack := range stacks {
		note(templateOf(stack))
	}
	fixed := 0
	for name, of := range names {
		fixed++
		if len(of) > 1 {
			t.Errorf("%s is the name of %v", name, of)
		}
	}
	if want := 4 * (len(alarmNames) + 1 + len(queries) + 3); fixed != want {
		t.Errorf("%d names are fixed, want %d: alarms, queries, budget, database, workgroup", fixed, want)
	}
}

// TestStatefulResourcesKeepTheirIDs pins what a change of must never happen unnoticed: a resource with another logical ID is a
// new one, and the data stays behind in the old.
func TestStatefulResourcesKeepTheirIDs(t *testing.T) {
	tpl := withDefaults()
	for id, kind := range map[string]string{
		"PipelineRawBucket34C93B84": "AWS::S3::Bucket", "PipelineCuratedBucket90FCDDAC": "AWS::S3::Bucket", "PipelineSecretE393B893": "AWS::SecretsManager::Secret",
	} {
		r := tpl[id]
		if r.Type != kind {
			t.Errorf("%s is a %q, want a %s: has a construct ID changed?", id, r.Type, kind)
		}
		if r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain" {
			t.Errorf("%s is kept on deletion: %s, on replacement: %s", id, r.DeletionPolicy, r.UpdateReplacePolicy)
		}
	}
}

// TestDestroyingDataTakesTwo tries the prop and the context value alone.
func TestDestroyingDataTakesTwo(t *testing.T) {
	for name, c := range map[string]struct {
		prop    bool
		context map[string]any
		want    string
	}{
		"neither":     {false, map[string]any{}, "Retain"},
		"the prop":    {true, map[string]any{}, "Retain"},
		"the context": {false, map[string]any{ContextDestroyData: "true"}, "Retain"},
		"both":        {true, map[string]any{ContextDestroyData: "true"}, "Delete"},
	} {
		t.Run(name, func(t *testing.T) {
			stack := awscdk.NewStack(newApp(c.context), jsii.String("test"), nil)
			props := required()
			props.DestroyData = c.prop
			NewVendorPipeline(stack, "Pipeline", props)
			for _, bucket := range templateOf(stack).ofType("AWS::S3::Bucket") {
				if bucket.DeletionPolicy != c.want {
					t.Errorf("%s has the deletion policy %s, want %s", bucket.ID, bucket.DeletionPolicy, c.want)
				}
			}
		})
	}
}
