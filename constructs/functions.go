package constructs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/constructs/gobuild"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// diskMB is the functions' disk: Lambda's free allowance, of which nothing is used.
const diskMB = 512

// builder is shared by all pipelines of a synthesis, so that each main package is built once.
var builder gobuild.Builder

func (p *VendorPipeline) addFunctions(props *VendorPipelineProps) {
	ingestCode := p.code(props.IngestPackage, props)
	preprocessCode := p.code(props.PreprocessPackage, props)
	for i := range props.Vendor.Streams {
		stream := &props.Vendor.Streams[i]
		scope := constructs.NewConstruct(p, jsii.String(stream.Name))
		tag(scope, TagStream, stream.Name)

		environment := p.environment(props, stream.Name)
		if p.Secret != nil {
			environment[settings.EnvSecret] = p.Secret.SecretArn()
		}
		if tellsPeople(props) {
			environment[settings.EnvPrivacyKeySecret] = p.PrivacyKeySecret.SecretArn()
		}
		if !props.Genesis.IsZero() {
			environment[settings.EnvGenesis] = jsii.String(props.Genesis.UTC().Format(time.RFC3339))
		}
		p.Ingest[stream.Name] = newFunction(scope, "Ingest", props, ingestCode,
			fmt.Sprintf("Reads the vendor %s's %s into the raw bucket", props.Vendor.Name, stream.Name),
			environment, p.ingestStatements(props, stream.Name))

		environment = p.environment(props, stream.Name)
		environment[settings.EnvCuratedBucket] = p.CuratedBucket.BucketName()
		environment[settings.EnvEventBus] = p.EventBus.EventBusArn()
		if props.DisableCompaction {
			environment[settings.EnvDisableCompaction] = jsii.String("true")
		}
		if stream.Hashes() {
			environment[settings.EnvPrivacyKeySecret] = p.PrivacyKeySecret.SecretArn()
		}
		p.Preprocess[stream.Name] = newFunction(scope, "Preprocess", props, preprocessCode,
			fmt.Sprintf("Makes Parquet of the vendor %s's %s in the curated bucket", props.Vendor.Name, stream.Name),
			environment, p.preprocessStatements(props, stream))
	}
}

// code is the asset of a main package with the vendor's description beside it. The folder stands in the cloud
// assembly, and is named after what goes into it, so that a synthesis beside another one's output disturbs
// neither. It lacks the bootstrap where CDK says that the stack is only listed or destroyed.
func (p *VendorPipeline) code(pkg string, props *VendorPipelineProps) awslambda.Code {
	vendor := *props.Vendor
	orDefault(&vendor.Format, vendorapi.FormatVersion)
	description, err := json.MarshalIndent(vendor, "", "  ")
	if err != nil {
		panic(fmt.Errorf("writing the description of the vendor %s: %w", props.Vendor.Name, err))
	}
	files := map[string][]byte{settings.VendorFile: description}
	hash := sha256.Sum256([]byte(pkg + "\n" + string(props.Architecture) + "\n" + string(description)))
	dir := filepath.Join(*awscdk.Stage_Of(p).Outdir(), "gobuild", hex.EncodeToString(hash[:8]))
	if *awscdk.Stack_Of(p).BundlingRequired() {
		var origin gobuild.Origin
		if origin, err = builder.Folder(dir, pkg, goarch[props.Architecture], files); origin.Vendored {
			awscdk.Annotations_Of(p).AddInfo(jsii.Sprintf("%s is built with the versions of the vendor folder in %s, not with those that its own module pins", pkg, origin.Dir))
		}
	} else {
		err = gobuild.Files(dir, files)
	}
	if err != nil {
		panic(err)
	}
	return awslambda.Code_FromAsset(jsii.String(dir), nil)
}

var goarch = map[Architecture]string{ARM64: "arm64", X86: "amd64"}

func (p *VendorPipeline) environment(props *VendorPipelineProps, stream string) map[string]*string {
	return map[string]*string{
		settings.EnvStream:       jsii.String(stream),
		settings.EnvRawBucket:    p.RawBucket.BucketName(),
		settings.EnvPipeline:     jsii.String(p.Name),
		settings.EnvRunbook:      jsii.String(props.RunbookURL),
		settings.EnvPartBytes:    jsii.String(strconv.FormatInt(props.PartBytes, 10)),
		settings.EnvSafetyMargin: jsii.String(props.SafetyMargin.String()),
		settings.EnvDefaultRate:  jsii.String(strconv.FormatFloat(props.DefaultRate, 'g', -1, 64)),
		settings.EnvLogLevel:     jsii.String(props.LogLevel.String()),
	}
}

func newFunction(scope constructs.Construct, id string, props *VendorPipelineProps, code awslambda.Code, description string, environment map[string]*string, statements []awsiam.PolicyStatement) awslambda.Function {
	logs := newLogGroup(scope, id+"Logs", "", props)
	// The functions write no traces of their own, so that they need no permission for X-Ray: the state
	// machine's trace holds each invocation with its duration.
	statements = append(statements, allow("Log", []string{"logs:CreateLogStream", "logs:PutLogEvents"}, *logs.LogGroupArn()))
	if props.Vpc != nil {
		statements = append(statements, allow("AttachToVpc", vpcActions, "*"), denyOwnUse(vpcActions))
	}
	role := newRole(scope, id+"Role", awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil), statements)
	function := awslambda.FunctionProps{
		Description:          jsii.String(description),
		Runtime:              awslambda.Runtime_PROVIDED_AL2023(),
		Architecture:         architecture(props.Architecture),
		Handler:              jsii.String(gobuild.Bootstrap),
		Code:                 code,
		MemorySize:           jsii.Number(props.MemoryMB),
		EphemeralStorageSize: awscdk.Size_Mebibytes(jsii.Number(diskMB)),
		Timeout:              awscdk.Duration_Seconds(jsii.Number(props.Timeout.Seconds())),
		Environment:          &environment,
		LogGroup:             logs,
		Role:                 role,
		Vpc:                  props.Vpc,
		VpcSubnets:           props.VpcSubnets,
	}
	if len(props.SecurityGroups) > 0 {
		function.SecurityGroups = &props.SecurityGroups
	}
	return awslambda.NewFunction(scope, jsii.String(id), &function)
}

// vpcActions let Lambda connect a function to a VPC. EC2 knows no resource for them before the interface is there.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
var vpcActions = []string{
	"ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
	"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
}

// denyOwnUse refuses to a function's own code what its role has for Lambda's sake.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-best-practice
func denyOwnUse(actions []string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:       jsii.String("DenyOwnUse"),
		Effect:    awsiam.Effect_DENY,
		Actions:   jsii.Strings(actions...),
		Resources: jsii.Strings("*"),
		// The key is there where a function's code is the caller.
		Conditions: &map[string]any{"Null": map[string]any{"lambda:SourceFunctionArn": "false"}},
	})
}

func architecture(a Architecture) awslambda.Architecture {
	if a == X86 {
		return awslambda.Architecture_X86_64()
	}
	return awslambda.Architecture_ARM_64()
}

// newLogGroup makes a log group; CloudFormation names it where name is empty.
func newLogGroup(scope constructs.Construct, id, name string, props *VendorPipelineProps) awslogs.LogGroup {
	group := awslogs.LogGroupProps{
		Retention:     logRetention[props.LogRetentionDays],
		RemovalPolicy: removalPolicy(props),
	}
	if name != "" {
		group.LogGroupName = jsii.String(name)
	}
	return awslogs.NewLogGroup(scope, jsii.String(id), &group)
}

// ingestStatements let an ingest function reach its stream's prefix of the raw bucket and the vendor's secret, and read the commits
// of its parent stream and how far these may change, and who is forgotten.
func (p *VendorPipeline) ingestStatements(props *VendorPipelineProps, stream string) []awsiam.PolicyStatement {
	objects := *p.RawBucket.ArnForObjects(jsii.String(prefix(props, stream) + "*"))
	statements := []awsiam.PolicyStatement{
		allow("ReadAndWriteRaw", []string{"s3:GetObject", "s3:PutObject"}, objects),
		allow("SweepParts", []string{"s3:DeleteObject"}, *p.RawBucket.ArnForObjects(jsii.String(prefix(props, stream) + "parts/*"))),
		allowList("ListRaw", *p.RawBucket.BucketArn(), prefix(props, stream)),
		// Also where no stream says any more whose its records are: a list that cannot be applied has to stop it.
		allow("ReadForgotten", []string{"s3:GetObject"}, *p.RawBucket.ArnForObjects(jsii.String(settings.ForgottenKey(props.Vendor.Name)))),
		allowList("MissForgotten", *p.RawBucket.BucketArn(), settings.ForgottenKey(props.Vendor.Name)),
	}
	if parent := parentOf(props, stream); parent != "" {
		from := prefix(props, parent)
		readable := func(key string) string { return *p.RawBucket.ArnForObjects(jsii.String(from + key)) }
		statements = append(statements,
			allow("ReadParents", []string{"s3:GetObject"}, readable("commits/*"), readable("parts/*"), readable("audit.json")),
			allowList("ListParents", *p.RawBucket.BucketArn(), from+"commits/"),
			allowList("MissParents", *p.RawBucket.BucketArn(), from+"audit.json"))
	}
	var secretKey awskms.IKey
	if p.Secret != nil {
		statements = append(statements, allow("ReadSecret", []string{"secretsmanager:GetSecretValue"}, secretResource(p.Secret)))
		secretKey = p.Secret.EncryptionKey()
	}
	var privacyKey awskms.IKey
	if tellsPeople(props) {
		// It is read where somebody is forgotten.
		statements = append(statements, allow("ReadPrivacyKey", []string{"secretsmanager:GetSecretValue"}, secretResource(p.PrivacyKeySecret)))
		privacyKey = p.PrivacyKeySecret.EncryptionKey()
	}
	if props.Vendor.RenewsSecret() {
		key := settings.LeaseKey(props.Vendor.Name)
		statements = append(statements,
			allow("RenewSecret", []string{"secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"}, secretResource(p.Secret)),
			allow("TakeTurns", []string{"s3:GetObject", "s3:PutObject"}, *p.RawBucket.ArnForObjects(jsii.String(key))),
			allowList("MissTurns", *p.RawBucket.BucketArn(), key),
		)
	}
	return append(statements, useKeys(p.RawBucket.EncryptionKey(), secretKey, privacyKey)...)
}

// parentOf returns the name of the stream whose records are the stream's parents, empty where it is no child.
func parentOf(props *VendorPipelineProps, stream string) string {
	s, err := props.Vendor.Stream(stream)
	if err != nil || s.Parent == nil {
		return ""
	}
	return s.Parent.Stream
}

// secretResource is the resource of a secret in a policy. One that was imported by its name lacks the six characters that
// Secrets Manager adds. https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html
func secretResource(secret awssecretsmanager.ISecret) string {
	if full := secret.SecretFullArn(); full != nil {
		return *full
	}
	return *secret.SecretArn() + "-??????"
}

// preprocessStatements let a preprocess function read its stream's prefix of the raw bucket, keep the one of the curated bucket, and read
// the key of digests where it makes any.
func (p *VendorPipeline) preprocessStatements(props *VendorPipelineProps, stream *vendorapi.Stream) []awsiam.PolicyStatement {
	prefix := prefix(props, stream.Name)
	objects := jsii.String(prefix + "*")
	announce := allow("AnnounceCurated", []string{"events:PutEvents"}, *p.EventBus.EventBusArn())
	var detailTypes any = telemetry.AnnouncementDetailType
	if !stream.Forgotten.None() {
		detailTypes = []string{telemetry.AnnouncementDetailType, telemetry.ForgottenDetailType}
	}
	announce.AddCondition(jsii.String("StringEquals"), map[string]any{
		"events:source": telemetry.AnnouncementSource, "events:detail-type": detailTypes,
	})
	statements := []awsiam.PolicyStatement{
		allow("ReadRaw", []string{"s3:GetObject"}, *p.RawBucket.ArnForObjects(objects)),
		allowList("ListRaw", *p.RawBucket.BucketArn(), prefix),
		allow("KeepCurated", []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject"}, *p.CuratedBucket.ArnForObjects(objects)),
		allowList("ListCurated", *p.CuratedBucket.BucketArn(), prefix),
		announce,
	}
	var privacyKey awskms.IKey
	if stream.Hashes() {
		statements = append(statements, allow("ReadPrivacyKey", []string{"secretsmanager:GetSecretValue"}, secretResource(p.PrivacyKeySecret)))
		privacyKey = p.PrivacyKeySecret.EncryptionKey()
	}
	return append(statements, useKeys(p.RawBucket.EncryptionKey(), p.CuratedBucket.EncryptionKey(), privacyKey)...)
}

// useKeys lets what is encrypted with keys be written and read; a nil key is AWS's own, which needs no permission.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#require-sse-kms
func useKeys(keys ...awskms.IKey) []awsiam.PolicyStatement {
	var arns []string
	for _, key := range keys {
		if key != nil && !slices.Contains(arns, *key.KeyArn()) {
			arns = append(arns, *key.KeyArn())
		}
	}
	if len(arns) == 0 {
		return nil
	}
	return []awsiam.PolicyStatement{allow("UseKeys", []string{"kms:Decrypt", "kms:GenerateDataKey"}, arns...)}
}

func allow(sid string, actions []string, resources ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:       jsii.String(sid),
		Actions:   jsii.Strings(actions...),
		Resources: jsii.Strings(resources...),
	})
}

// allowList lets keys with prefix be listed. It is also what makes S3 answer 404 for a missing key, in place of
// 403: S3 then takes the key as the value of s3:prefix. https://github.com/ceph/ceph/pull/68577
func allowList(sid, bucketArn, prefix string) awsiam.PolicyStatement {
	statement := allow(sid, []string{"s3:ListBucket"}, bucketArn)
	statement.AddCondition(jsii.String("StringLike"), map[string]any{"s3:prefix": prefix + "*"})
	return statement
}

// newRole is a role with everything that it may do in its own resource.
func newRole(scope constructs.Construct, id string, principal awsiam.IPrincipal, statements []awsiam.PolicyStatement) awsiam.Role {
	return awsiam.NewRole(scope, jsii.String(id), &awsiam.RoleProps{
		AssumedBy: principal,
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"Permissions": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements}),
		},
	})
}

// serviceInAccount is a service that acts for this account, so that nobody else's schedule or state machine
// can be given the role. https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
func serviceInAccount(service string) awsiam.IPrincipal {
	return awsiam.NewServicePrincipal(jsii.String(service), &awsiam.ServicePrincipalOpts{Conditions: &map[string]any{
		"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()},
	}})
}
