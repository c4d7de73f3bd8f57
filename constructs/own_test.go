package constructs

import (
	"github.com/windrow-data/windrow/functions/settings"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
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
		want := []string{"Allow kms:Decrypt " + ownKey, "Allow kms:GenerateDataKey " + ownKey, "Allow ec2:CreateNetworkInterface *",
			`Deny ec2:CreateNetworkInterface * {"Null":{"lambda:SourceFunctionArn":"false"}}`}
		stream := variables(f)["WINDROW_STREAM"]
		detailTypes := `"Curated objects made"`
		if stream == "orders" {
			detailTypes = `["Curated objects made","Person forgotten"]`
		}
		switch {
		case stream == settings.AllStreams:
			want = append(want, "Allow secretsmanager:GetSecretValue "+ownPrivacyKey, "Allow s3:DeleteObjectVersion arn:aws:s3:::own-raw/acme/*/parts/*")
		case strings.Contains(f.ID, "Ingest"):
			want = append(want, "Allow secretsmanager:GetSecretValue "+ownSecret, "Allow s3:PutObject arn:aws:s3:::own-raw/acme/"+stream+"/*")
		default:
			want = append(want, "Allow events:PutEvents "+ownBus+` {"StringEquals":{"events:detail-type":`+detailTypes+`,"events:source":"windrow"}}`, "Allow s3:PutObject arn:aws:s3:::own-curated/acme/"+stream+"/*")
		}
		for _, permission := range want {
			if !slices.Contains(may, permission) {
				t.Errorf("%s may not: %s\n%s", f.ID, permission, strings.Join(may, "\n"))
			}
		}
	}
	for _, id := range []string{"StateMachine", "Backfill", "Erasure"} {
		may := tpl.permissions(at(tpl.machine(t, id).Properties, "RoleArn", "Fn::GetAtt", 0).(string))
		if want := "Allow kms:GenerateDataKey " + ownTopicKey; !slices.Contains(may, want) {
			t.Errorf("%s may not publish on an encrypted topic: want %s of\n%s", id, want, strings.Join(may, "\n"))
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
			if r.Type == "AWS::Athena::NamedQuery" {
				continue // Its name is one within its workgroup.
			}
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
	if want := 4 * (len(alarmNames) + 1 + len(queries) + 5); fixed != want {
		t.Errorf("%d names are fixed, want %d: alarms, queries, budget, database, workgroup, two log groups", fixed, want)
	}
}

// TestWhatTwoPipelinesWouldBothWriteToIsRefused gives two pipelines of one vendor the same.
func TestWhatTwoPipelinesWouldBothWriteToIsRefused(t *testing.T) {
	renamed := func() *VendorPipelineProps {
		props := required()
		props.Vendor.Name = "acme-emea"
		return props
	}
	for name, c := range map[string]struct {
		second func() *VendorPipelineProps
		share  func(bucket awss3.IBucket, props *VendorPipelineProps)
		want   string
	}{
		"nothing":                     {required, func(awss3.IBucket, *VendorPipelineProps) {}, ""},
		"a raw bucket":                {required, func(b awss3.IBucket, p *VendorPipelineProps) { p.RawBucket = b }, "RawBucket is the bucket of test/First too: want another bucket, or another Name in the vendor's description"},
		"a curated bucket":            {required, func(b awss3.IBucket, p *VendorPipelineProps) { p.CuratedBucket = b }, "CuratedBucket is the bucket of test/First too"},
		"a bucket under another name": {renamed, func(b awss3.IBucket, p *VendorPipelineProps) { p.RawBucket = b }, ""},
		"a database":                  {required, func(_ awss3.IBucket, p *VendorPipelineProps) { p.DatabaseName = "lake" }, `DatabaseName is "lake", that of test/First too: want a name of its own for each pipeline`},
	} {
		t.Run(name, func(t *testing.T) {
			stack := awscdk.NewStack(newApp(map[string]any{}), jsii.String("test"), nil)
			for i, id := range []string{"First", "Second"} {
				props, want := required(), ""
				if i == 1 {
					props, want = c.second(), c.want
				}
				c.share(awss3.Bucket_FromBucketName(stack, jsii.String("Bucket"+id), jsii.String("lake")), props)
				checkRefusal(t, want, func() { NewVendorPipeline(stack, id, props) })
			}
		})
	}
}

// TestASecretKnownByItsName reads what a role may where the six characters are not known that Secrets Manager adds.
func TestASecretKnownByItsName(t *testing.T) {
	stack := awscdk.NewStack(newApp(map[string]any{}), jsii.String("test"), nil)
	props := required()
	props.Secret = awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String("Own"), jsii.String("acme/token"))
	NewVendorPipeline(stack, "Pipeline", props)
	tpl := templateOf(stack)
	role := at(tpl.function(t, "orders", "Ingest").Properties, "Role", "Fn::GetAtt", 0).(string)
	want := "Allow secretsmanager:GetSecretValue arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:acme/token-??????"
	if got := tpl.permissions(role); !slices.Contains(got, want) {
		t.Errorf("it may not %s, but\n%s", want, strings.Join(got, "\n"))
	}
}

func TestNamesThatTagsCannotHaveAreRefused(t *testing.T) {
	for _, id := range []string{"a#b", strings.Repeat("a", 200)} {
		checkRefusal(t, "the pipeline's name is ", func() { NewVendorPipeline(newStack(), id, required()) })
	}
}

// TestOutputsAreNamedAfterThePath puts the pipeline below another construct.
func TestOutputsAreNamedAfterThePath(t *testing.T) {
	stack := awscdk.NewStack(newApp(map[string]any{}), jsii.String("test"), nil)
	NewVendorPipeline(constructs.NewConstruct(stack, jsii.String("EMEA")), "acme-1", required()).AddOutputs()
	outputs := *assertions.Template_FromStack(stack, nil).FindOutputs(jsii.String("*"), nil)
	for name, want := range map[string]string{
		"EMEAacme1ScheduleName":  "",
		"EMEAacme1SecretCommand": "aws secretsmanager put-secret-value --region <AWS::Region> --secret-id <EMEAacme1Secret018A0DA7> --secret-string '{\"token\":\"...\"}'",
	} {
		output := outputs[name]
		if output == nil {
			t.Errorf("there is no output %s of %v", name, slices.Sorted(maps.Keys(outputs)))
		} else if got := text((*output)["Value"]); want != "" && got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
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
