package constructs

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/functions/pricing"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// jsii is not safe for concurrent use: no test of this package runs in parallel.
func TestMain(m *testing.M) {
	var err error
	if tempDir, err = os.MkdirTemp("", "windrow-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(tempDir)
	jsii.Close()
	os.Exit(code)
}

// tempDir is a folder for what outlives a test.
var tempDir string

// testVendor is a small vendor with two streams.
func testVendor() *vendorapi.Vendor {
	stream := func(name string) vendorapi.Stream {
		return vendorapi.Stream{
			Name: name,
			Path: "/" + name,
			Window: vendorapi.Window{
				Start:      vendorapi.Place{In: vendorapi.InQuery, Name: "from"},
				End:        vendorapi.Place{In: vendorapi.InQuery, Name: "to"},
				Layout:     time.RFC3339,
				Resolution: vendorapi.Duration(time.Second),
			},
			Paging: vendorapi.Paging{
				Kind:      vendorapi.PagingOffset,
				Place:     vendorapi.Place{In: vendorapi.InQuery, Name: "offset"},
				Size:      100,
				SizePlace: vendorapi.Place{In: vendorapi.InQuery, Name: "limit"},
			},
			RecordsPath: "data",
			Total:       vendorapi.Total{Path: "total"},
			Key:         []string{"id"},
			TimePath:    "time",
			Settle:      vendorapi.Duration(5 * time.Minute),
			Lookback:    vendorapi.Duration(48 * time.Hour),
			Audit:       vendorapi.AuditCount,
			Columns:     []vendorapi.Column{{Name: "id", Type: vendorapi.TypeString}, {Name: "time", Type: vendorapi.TypeTimestamp}},
		}
	}
	return &vendorapi.Vendor{
		Name:    "acme",
		BaseURL: "https://api.acme.example/v1",
		Auth:    vendorapi.Auth{Kind: vendorapi.AuthBearer, TokenField: "token"},
		Streams: []vendorapi.Stream{stream("orders"), stream("refund-notes")},
	}
}

// personalVendor is testVendor where orders say who has ordered.
func personalVendor() *vendorapi.Vendor {
	v := testVendor()
	orders := &v.Streams[0]
	orders.PersonPath = "email"
	orders.Columns = append(orders.Columns,
		vendorapi.Column{Name: "email", Type: vendorapi.TypeString, Personal: vendorapi.PersonalEmail, Comment: "E-mail address"},
		vendorapi.Column{Name: "phone", Type: vendorapi.TypeString, Personal: vendorapi.PersonalPhone, Comment: "Telephone number"},
		vendorapi.Column{Name: "name", Type: vendorapi.TypeString, Personal: vendorapi.PersonalName},
	)
	return v
}

// forgettingVendor is personalVendor where orders say too whom the vendor has forgotten.
func forgettingVendor() *vendorapi.Vendor {
	v := personalVendor()
	v.Streams[0].Forgotten = vendorapi.Status{Path: "name", Values: []string{"deleted"}}
	return v
}

// resource is a resource of a template, with its properties as decoded JSON.
type resource struct {
	ID                                  string
	Type                                string
	DeletionPolicy, UpdateReplacePolicy string
	Properties                          map[string]any
	DependsOn                           any
}

type template map[string]resource

// ofType returns the resources of a type, in the order of their logical IDs.
func (tpl template) ofType(name string) []resource {
	var found []resource
	for _, r := range tpl {
		if r.Type == name {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b resource) int { return strings.Compare(a.ID, b.ID) })
	return found
}

// only returns the one resource of a type.
func (tpl template) only(t *testing.T, name string) resource {
	t.Helper()
	found := tpl.ofType(name)
	if len(found) != 1 {
		t.Fatalf("the template has %d resources of the type %s, want 1", len(found), name)
	}
	return found[0]
}

// newApp is an app that builds no handlers, as CDK asks where a stack is only listed, by the same context. What
// CloudFormation would refuse fails its synthesis.
func newApp(context map[string]any) awscdk.App {
	context["aws:cdk:bundling-stacks"] = []any{}
	context["@aws-cdk/core:validateAgainstDefaultRules"] = true
	return awscdk.NewApp(&awscdk.AppProps{Context: &context})
}

// synthesize returns the template and the assembly's directory of a stack with one pipeline, whose data may be destroyed
// where the props say so.
func synthesize(props func(stack awscdk.Stack) *VendorPipelineProps) (template, string) {
	app := newApp(map[string]any{ContextDestroyData: "true"})
	stack := awscdk.NewStack(app, jsii.String("test"), nil)
	NewVendorPipeline(stack, "Pipeline", props(stack))
	return templateOf(stack), *app.Outdir()
}

// templateOf synthesizes a stack.
func templateOf(stack awscdk.Stack) template {
	content, err := json.Marshal(assertions.Template_FromStack(stack, nil).ToJSON())
	if err != nil {
		panic(err)
	}
	var decoded struct{ Resources template }
	if err := json.Unmarshal(content, &decoded); err != nil {
		panic(err)
	}
	for id, r := range decoded.Resources {
		r.ID = id
		decoded.Resources[id] = r
	}
	return decoded.Resources
}

// logicalID is that of the one resource of a type whose ID begins so.
func (tpl template) logicalID(t *testing.T, kind, prefix string) string {
	t.Helper()
	for _, r := range tpl.ofType(kind) {
		if strings.HasPrefix(r.ID, prefix) {
			return r.ID
		}
	}
	t.Fatalf("the template has no %s %s", kind, prefix)
	return ""
}

// required are props with nothing but what is required.
func required() *VendorPipelineProps {
	return &VendorPipelineProps{Vendor: testVendor(), Environment: "test", Owner: "marketing-data", CostCenter: "4711"}
}

// plain are props with every prop set that is a plain value.
func plain() *VendorPipelineProps {
	return &VendorPipelineProps{
		Vendor:                testVendor(),
		Environment:           "test",
		Owner:                 "marketing-data",
		CostCenter:            "4711",
		ScheduleInterval:      2 * time.Hour,
		StartOn:               &awsevents.EventPattern{Source: jsii.Strings("acme.webhooks"), DetailType: jsii.Strings("order.changed")},
		Architecture:          X86,
		MemoryMB:              512,
		Timeout:               time.Minute,
		RunTimeout:            time.Hour,
		BackfillLanes:         3,
		SafetyMargin:          5 * time.Second,
		PartBytes:             1 << 20,
		Genesis:               time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		DefaultRate:           12.5,
		LogLevel:              slog.LevelWarn,
		LogRetentionDays:      90,
		NoncurrentVersionDays: 3,
		DestroyData:           true,
		AlarmEmails:           []string{"oncall@acme.example", "data@acme.example"},
		StalenessThreshold:    5 * time.Hour,
		SpendFactor:           4,
		RunbookURL:            "https://wiki.acme.example/windrow",
		Workload:              &pricing.Workload{Name: "stated", Runs: 12, Invocations: 48, CPU: time.Minute, VendorRounds: 500, Writes: 200, Reads: 100},
		MonthlyBudgetUSD:      25,
		EnableDashboard:       true,
		DisableCompaction:     true,
		DatabaseName:          "acme_lake",
		TableYears:            7,
		QueryScanLimitMB:      500,
		QueryResultDays:       2,
		Model:                 ownModel(),
		SchemaFile:            filepath.Join(tempDir, "schema.json"),
		IngestPackage:         "example.com/own/ingest",
		PreprocessPackage:     "example.com/own/preprocess",
		ErasePackage:          "example.com/own/erase",
		EraseMemoryMB:         3008,
	}
}

// withDefaults is the template of a pipeline with nothing but the required props.
var withDefaults = sync.OnceValue(func() template {
	tpl, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps { return required() })
	return tpl
})

// withPlain is the template of a pipeline with every plain prop set, which makes everything itself.
var withPlain = sync.OnceValue(func() template {
	tpl, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps { return plain() })
	return tpl
})

// own are the ARNs of what a team brings to withEverything.
const (
	ownKey        = "arn:aws:kms:eu-west-1:111122223333:key/1234"
	ownTopic      = "arn:aws:sns:eu-west-1:111122223333:people"
	ownTopicKey   = "arn:aws:kms:eu-west-1:111122223333:key/5678"
	ownPager      = "arn:aws:sns:eu-west-1:111122223333:pager"
	ownSecret     = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:acme-AbCdEf"
	ownPrivacyKey = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:privacy-AbCdEf"
	ownBus        = "arn:aws:events:eu-west-1:111122223333:event-bus/acme"
	ownBoundary   = "arn:aws:iam::111122223333:policy/boundary"
)

// everything are plain props with everything that a team can bring itself. There is no AlarmTopic with AlarmEmails.
func everything(stack awscdk.Stack) *VendorPipelineProps {
	props := plain()
	props.AlarmEmails = nil
	key := awskms.Key_FromKeyArn(stack, jsii.String("Key"), jsii.String(ownKey))
	bucket := func(id string) awss3.IBucket {
		return awss3.Bucket_FromBucketAttributes(stack, jsii.String(id), &awss3.BucketAttributes{
			BucketArn: jsii.String("arn:aws:s3:::" + strings.ToLower(id)), EncryptionKey: key,
		})
	}
	props.RawBucket, props.CuratedBucket = bucket("Own-Raw"), bucket("Own-Curated")
	props.EncryptionKey = key
	props.Secret = awssecretsmanager.Secret_FromSecretAttributes(stack, jsii.String("Secret"), &awssecretsmanager.SecretAttributes{
		SecretCompleteArn: jsii.String(ownSecret), EncryptionKey: key,
	})
	props.Vendor, props.EraseForgotten, props.SchemaFile = forgettingVendor(), true, filepath.Join(tempDir, "everything.json")
	props.PrivacyKeySecret = awssecretsmanager.Secret_FromSecretAttributes(stack, jsii.String("PrivacyKey"), &awssecretsmanager.SecretAttributes{
		SecretCompleteArn: jsii.String(ownPrivacyKey), EncryptionKey: key,
	})
	props.AlarmTopic = awssns.Topic_FromTopicAttributes(stack, jsii.String("Topic"), &awssns.TopicAttributes{
		TopicArn: jsii.String(ownTopic), KeyArn: jsii.String(ownTopicKey),
	})
	props.PageTopic = awssns.Topic_FromTopicArn(stack, jsii.String("Pager"), jsii.String(ownPager))
	props.EventBus = awsevents.EventBus_FromEventBusArn(stack, jsii.String("Bus"), jsii.String(ownBus))
	props.PermissionsBoundary = awsiam.ManagedPolicy_FromManagedPolicyArn(stack, jsii.String("Boundary"), jsii.String(ownBoundary))
	props.Vpc = awsec2.Vpc_FromVpcAttributes(stack, jsii.String("Vpc"), &awsec2.VpcAttributes{
		VpcId: jsii.String("vpc-0123456789abcdef0"), AvailabilityZones: jsii.Strings("eu-west-1a", "eu-west-1b"),
		PrivateSubnetIds: jsii.Strings("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"), PrivateSubnetRouteTableIds: jsii.Strings("rtb-0123456789abcdef0", "rtb-0123456789abcdef1"),
	})
	props.VpcSubnets = &awsec2.SubnetSelection{AvailabilityZones: jsii.Strings("eu-west-1b")}
	props.SecurityGroups = []awsec2.ISecurityGroup{awsec2.SecurityGroup_FromSecurityGroupId(stack, jsii.String("Group"), jsii.String("sg-0123456789abcdef0"), nil)}
	return props
}

// withEverything is the template of a pipeline with every prop set.
var withEverything = sync.OnceValue(func() template {
	tpl, _ := synthesize(everything)
	return tpl
})

// text renders a value with its references as <LogicalID> or <LogicalID.Attribute>.
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case map[string]any:
		if ref, ok := v["Ref"].(string); ok {
			return "<" + ref + ">"
		}
		if att, ok := v["Fn::GetAtt"].([]any); ok {
			return fmt.Sprintf("<%v.%v>", att[0], att[1])
		}
		if join, ok := v["Fn::Join"].([]any); ok {
			var parts []string
			for _, part := range join[1].([]any) {
				parts = append(parts, text(part))
			}
			return strings.Join(parts, join[0].(string))
		}
	}
	content, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(content)
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

// list is value as a list: IAM and CDK write a list of one as its element.
func list(value any) []any {
	if l, ok := value.([]any); ok {
		return l
	}
	if value == nil {
		return nil
	}
	return []any{value}
}

// permissions renders what a role may do as lines "action resource [condition]", sorted.
func (tpl template) permissions(role string) []string {
	var documents []any
	for _, policy := range list(tpl[role].Properties["Policies"]) {
		documents = append(documents, at(policy, "PolicyDocument"))
	}
	for _, policy := range tpl.ofType("AWS::IAM::Policy") {
		for _, attached := range list(policy.Properties["Roles"]) {
			if text(attached) == "<"+role+">" {
				documents = append(documents, policy.Properties["PolicyDocument"])
			}
		}
	}
	var lines []string
	for _, document := range documents {
		for _, statement := range list(at(document, "Statement")) {
			for _, action := range list(at(statement, "Action")) {
				for _, resource := range list(at(statement, "Resource")) {
					line := fmt.Sprintf("%s %s %s", at(statement, "Effect"), text(action), text(resource))
					if condition := at(statement, "Condition"); condition != nil {
						line += " " + text(condition)
					}
					lines = append(lines, line)
				}
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// function is one function of a template, found by its stream and the part of its logical ID.
func (tpl template) function(t *testing.T, stream, kind string) resource {
	t.Helper()
	for _, f := range tpl.ofType("AWS::Lambda::Function") {
		if at(f.Properties, "Environment", "Variables", "WINDROW_STREAM") == stream && strings.Contains(f.ID, kind) {
			return f
		}
	}
	t.Fatalf("the template has no %s function of the stream %s", kind, stream)
	return resource{}
}

func readVendorFiles(t *testing.T, assembly string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(assembly, "asset.*", "vendor.json"))
	if err != nil {
		t.Fatal(err)
	}
	var contents []string
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		contents = append(contents, string(content))
	}
	return contents
}
