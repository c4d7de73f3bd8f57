package constructs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

func TestFunctionsAreWhatLambdaRuns(t *testing.T) {
	type shape struct {
		Architecture, Runtime, Handler string
		Memory, Disk, Timeout          any
	}
	for name, c := range map[string]struct {
		tpl  template
		want shape
	}{
		"defaults": {withDefaults(), shape{"arm64", "provided.al2023", "bootstrap", 128.0, 512.0, 900.0}},
		"plain":    {withPlain(), shape{"x86_64", "provided.al2023", "bootstrap", 512.0, 512.0, 60.0}},
	} {
		t.Run(name, func(t *testing.T) {
			functions := c.tpl.ofType("AWS::Lambda::Function")
			if len(functions) != 4 {
				t.Fatalf("the template has %d functions, want two a stream", len(functions))
			}
			for _, f := range functions {
				got := shape{
					text(at(f.Properties, "Architectures", 0)), text(f.Properties["Runtime"]), text(f.Properties["Handler"]),
					f.Properties["MemorySize"], at(f.Properties, "EphemeralStorage", "Size"), f.Properties["Timeout"],
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", f.ID, diff)
				}
				if f.Properties["FunctionName"] != nil {
					t.Errorf("%s has a fixed name: two deployments would collide", f.ID)
				}
			}
		})
	}
}

// variables are the environment of a function with references rendered.
func variables(f resource) map[string]string {
	got := map[string]string{}
	for name, value := range at(f.Properties, "Environment", "Variables").(map[string]any) {
		got[name] = text(value)
	}
	return got
}

func TestEnvironmentVariables(t *testing.T) {
	tpl := withDefaults()
	raw, curated, secret := tpl.bucket(t, "RawBucket"), tpl.bucket(t, "CuratedBucket"), tpl.only(t, "AWS::SecretsManager::Secret")
	want := map[string]string{
		"WINDROW_STREAM":        "orders",
		"WINDROW_PIPELINE":      "test/Pipeline",
		"WINDROW_RUNBOOK":       DefaultRunbookURL,
		"WINDROW_RAW_BUCKET":    "<" + raw.ID + ">",
		"WINDROW_SECRET":        "<" + secret.ID + ">",
		"WINDROW_PART_BYTES":    "8388608",
		"WINDROW_SAFETY_MARGIN": "30s",
		"WINDROW_DEFAULT_RATE":  "200",
		"WINDROW_LOG_LEVEL":     "INFO",
	}
	if diff := cmp.Diff(want, variables(tpl.function(t, "orders", "Ingest"))); diff != "" {
		t.Errorf("ingest (-want +got):\n%s", diff)
	}
	delete(want, "WINDROW_SECRET")
	want["WINDROW_CURATED_BUCKET"] = "<" + curated.ID + ">"
	want["WINDROW_EVENT_BUS"] = "arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default"
	if diff := cmp.Diff(want, variables(tpl.function(t, "orders", "Preprocess"))); diff != "" {
		t.Errorf("preprocess (-want +got):\n%s", diff)
	}

	got := variables(withPlain().function(t, "refund-notes", "Preprocess"))
	for name, want := range map[string]string{
		"WINDROW_STREAM": "refund-notes", "WINDROW_PART_BYTES": "1048576", "WINDROW_SAFETY_MARGIN": "5s",
		"WINDROW_DEFAULT_RATE": "12.5", "WINDROW_LOG_LEVEL": "WARN", "WINDROW_DISABLE_COMPACTION": "true",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

func TestFunctionsReadTheirEnvironment(t *testing.T) {
	if got := variables(withPlain().function(t, "orders", "Ingest"))["WINDROW_GENESIS"]; got != "2026-03-01T00:00:00Z" {
		t.Errorf("WINDROW_GENESIS is %q", got)
	}
	for _, f := range withPlain().ofType("AWS::Lambda::Function") {
		env := variables(f)
		parsed, err := settings.Parse(func(name string) string { return env[name] })
		if err != nil {
			t.Errorf("%s: %v", f.ID, err)
		}
		if parsed.PartBytes != 1<<20 || parsed.DefaultRate != 12.5 {
			t.Errorf("%s reads %+v", f.ID, parsed)
		}
	}
}

func TestEachFunctionReachesItsOwn(t *testing.T) {
	tpl := withDefaults()
	raw, curated, secret := tpl.bucket(t, "RawBucket").ID, tpl.bucket(t, "CuratedBucket").ID, tpl.only(t, "AWS::SecretsManager::Secret").ID
	for _, stream := range []string{"orders", "refund-notes"} {
		condition := ` {"StringLike":{"s3:prefix":"acme/` + stream + `/*"}}`
		for kind, want := range map[string][]string{
			"Ingest": {
				"Allow logs:CreateLogStream <LOGS.Arn>",
				"Allow logs:PutLogEvents <LOGS.Arn>",
				"Allow s3:DeleteObject <" + raw + ".Arn>/acme/" + stream + "/parts/*",
				"Allow s3:GetObject <" + raw + ".Arn>/acme/forgotten.json",
				"Allow s3:GetObject <" + raw + ".Arn>/acme/" + stream + "/*",
				"Allow s3:ListBucket <" + raw + `.Arn> {"StringLike":{"s3:prefix":"acme/forgotten.json*"}}`,
				"Allow s3:ListBucket <" + raw + ".Arn>" + condition,
				"Allow s3:PutObject <" + raw + ".Arn>/acme/" + stream + "/*",
				"Allow secretsmanager:GetSecretValue <" + secret + ">",
			},
			"Preprocess": {
				"Allow events:PutEvents arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default" + ` {"StringEquals":{"events:detail-type":"Curated objects made","events:source":"windrow"}}`,
				"Allow logs:CreateLogStream <LOGS.Arn>",
				"Allow logs:PutLogEvents <LOGS.Arn>",
				"Allow s3:DeleteObject <" + curated + ".Arn>/acme/" + stream + "/*",
				"Allow s3:GetObject <" + curated + ".Arn>/acme/" + stream + "/*",
				"Allow s3:GetObject <" + raw + ".Arn>/acme/" + stream + "/*",
				"Allow s3:ListBucket <" + curated + ".Arn>" + condition,
				"Allow s3:ListBucket <" + raw + ".Arn>" + condition,
				"Allow s3:PutObject <" + curated + ".Arn>/acme/" + stream + "/*",
			},
		} {
			t.Run(kind+" "+stream, func(t *testing.T) {
				f := tpl.function(t, stream, kind)
				role := at(f.Properties, "Role", "Fn::GetAtt", 0).(string)
				logs := strings.Trim(text(at(f.Properties, "LoggingConfig", "LogGroup")), "<>")
				for i := range want {
					want[i] = strings.ReplaceAll(want[i], "LOGS", logs)
				}
				if diff := cmp.Diff(want, tpl.permissions(role)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if tpl[role].Properties["ManagedPolicyArns"] != nil {
					t.Errorf("%s has managed policies", role)
				}
				if got := text(at(tpl[role].Properties, "AssumeRolePolicyDocument", "Statement", 0, "Principal")); got != `{"Service":"lambda.amazonaws.com"}` {
					t.Errorf("%s can be assumed by %s", role, got)
				}
			})
		}
	}
}

// wildcards are the only statements that may name every resource, since AWS has no narrower form of them.
// https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
var wildcards = []string{
	"logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:GetLogDelivery",
	"logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
	"xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
}

func TestNoRoleHasAWildcard(t *testing.T) {
	for _, tpl := range []template{withDefaults(), withPlain()} {
		for _, role := range tpl.ofType("AWS::IAM::Role") {
			for _, line := range tpl.permissions(role.ID) {
				action, resource, _ := strings.Cut(strings.TrimPrefix(line, "Allow "), " ")
				listed := false
				for _, allowed := range wildcards {
					listed = listed || action == allowed
				}
				if strings.Contains(action, "*") || resource == "*" && !listed {
					t.Errorf("%s: %s", role.ID, line)
				}
			}
		}
	}
}

func TestLogsAreKeptForAsLongAsTold(t *testing.T) {
	for name, c := range map[string]struct {
		tpl  template
		want float64
	}{"defaults": {withDefaults(), 30}, "plain": {withPlain(), 90}} {
		groups := c.tpl.ofType("AWS::Logs::LogGroup")
		if len(groups) != 6 {
			t.Errorf("%s: %d log groups, want one a function and one a state machine", name, len(groups))
		}
		used := map[string]bool{}
		for _, f := range c.tpl.ofType("AWS::Lambda::Function") {
			used[text(at(f.Properties, "LoggingConfig", "LogGroup"))] = true
		}
		if len(used) != 4 {
			t.Errorf("%s: the functions share log groups: %v", name, used)
		}
		for _, group := range groups {
			if got := group.Properties["RetentionInDays"]; got != c.want {
				t.Errorf("%s: %s is kept %v days, want %v", name, group.ID, got, c.want)
			}
		}
	}
}

func TestAssetsHoldTheDescription(t *testing.T) {
	_, assembly := synthesize(func(awscdk.Stack) *VendorPipelineProps { return required() })
	contents := readVendorFiles(t, assembly)
	if len(contents) == 0 {
		t.Fatal("no asset holds a vendor.json")
	}
	want := testVendor()
	want.Format = vendorapi.FormatVersion
	for _, content := range contents {
		got, err := vendorapi.Parse([]byte(content))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestAssetsHoldTheBootstrap builds a real command, the smallest there is, in place of both handlers.
func TestAssetsHoldTheBootstrap(t *testing.T) {
	const hello = "github.com/windrow-data/windrow/constructs/gobuild/testdata/hello"
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("test"), nil)
	for _, id := range []string{"First", "Second"} {
		props := required()
		props.IngestPackage, props.PreprocessPackage = hello, hello
		NewVendorPipeline(stack, id, props)
	}
	assembly := *app.Synth(nil).Directory()
	bootstraps, err := filepath.Glob(filepath.Join(assembly, "asset.*", "bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	if len(bootstraps) != 1 {
		t.Fatalf("equal functions have %d assets, want 1", len(bootstraps))
	}
	info, err := os.Stat(bootstraps[0])
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o111 != 0o111 {
		t.Errorf("bootstrap has mode %v: Lambda could not start it", info.Mode())
	}
}

func TestPipelineReachesWhatItMade(t *testing.T) {
	app := awscdk.NewApp(&awscdk.AppProps{Context: &map[string]any{"aws:cdk:bundling-stacks": []any{}}})
	stack := awscdk.NewStack(app, jsii.String("test"), nil)
	p := NewVendorPipeline(stack, "Pipeline", required())
	for _, stream := range []string{"orders", "refund-notes"} {
		if p.Ingest[stream] == nil || p.Preprocess[stream] == nil {
			t.Errorf("the functions of %s cannot be reached", stream)
		}
	}
	if p.RawBucket == nil || p.CuratedBucket == nil || p.Secret == nil || p.StateMachine == nil || p.Schedule == nil || p.AlarmTopic == nil || p.Alarms[AlarmRunFailed] == nil || p.PageAlarm == nil || p.Budget == nil || p.Tables["refund-notes"] == nil {
		t.Errorf("fields are empty: %+v", p)
	}
	// The pipeline is itself a scope, and what it made can be granted.
	reader := newRole(p, "Reader", serviceInAccount("glue.amazonaws.com"), nil)
	if !*p.GrantReadCurated(reader).Success() {
		t.Error("reading the curated bucket could not be granted")
	}
}

// TestSynthesisSaysWhoseVersionsAreBuilt builds a function out of a vendor folder, which is what a consumer with one has.
func TestSynthesisSaysWhoseVersionsAreBuilt(t *testing.T) {
	consumer := t.TempDir()
	for path, content := range map[string]string{
		"go.mod":                             "module example.com/consumer\n\ngo 1.26.0\n\ntool example.com/m/hello\n\nrequire example.com/m v1.0.0\n",
		"vendor/modules.txt":                 "# example.com/m v1.0.0\n## explicit; go 1.26.0\nexample.com/m/hello\n",
		"vendor/example.com/m/hello/main.go": "package main\n\nfunc main() {}\n",
	} {
		path = filepath.Join(consumer, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(consumer)
	t.Setenv("GOWORK", "off")
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("test"), nil)
	props := required()
	props.IngestPackage, props.PreprocessPackage = "example.com/m/hello", "example.com/m/hello"
	NewVendorPipeline(stack, "Pipeline", props)
	said := assertions.Annotations_FromStack(stack).FindInfo(jsii.String("/test/Pipeline"), assertions.Match_StringLikeRegexp(jsii.String("built with the versions of the vendor folder in "+consumer)))
	if len(*said) == 0 {
		t.Error("synthesis does not say that the vendor folder's versions are used")
	}
}
