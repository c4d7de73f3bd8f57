// Package constructs is what a team imports to deploy Windrow: one statement, [NewVendorPipeline], provisions
// everything that brings one vendor's streams into a data lake.
//
// It stands apart from functions, which it deploys: the functions never import CDK, and a consumer who only
// wants their libraries never compiles it. Props are plain Go values, every default is a named constant, and
// what is made can be reached through the fields of [VendorPipeline].
package constructs

import (
	"log/slog"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Architecture is the instruction set of the functions, in Lambda's words.
type Architecture string

const (
	// ARM64 is AWS Graviton, a fifth cheaper a GB-second. https://aws.amazon.com/lambda/pricing/
	ARM64 Architecture = "arm64"
	// X86 is for where Graviton is not to be had, and for a machine that runs the functions itself.
	X86 Architecture = "x86_64"
)

// Defaults of [VendorPipelineProps].
const (
	DefaultScheduleInterval      = 30 * time.Minute
	DefaultArchitecture          = ARM64
	DefaultMemoryMB              = 128
	DefaultTimeout               = 15 * time.Minute
	DefaultSafetyMargin          = settings.DefaultSafetyMargin
	DefaultPartBytes             = settings.DefaultPartBytes
	DefaultRate                  = settings.DefaultRate
	DefaultLogLevel              = settings.DefaultLogLevel
	DefaultLogRetentionDays      = 30
	DefaultNoncurrentVersionDays = 30
	DefaultRunTimeout            = 24 * time.Hour
	DefaultBackfillLanes         = 2
	DefaultIngestPackage         = "github.com/windrow-data/windrow/functions/cmd/ingest"
	DefaultPreprocessPackage     = "github.com/windrow-data/windrow/functions/cmd/preprocess"
)

// VendorPipelineProps configures a [VendorPipeline]. Only Vendor is required; a zero field takes its default.
type VendorPipelineProps struct {
	// Vendor describes the vendor's REST API and its streams. Required.
	Vendor *vendorapi.Vendor

	// Environment is the value of the tag Environment, for example "prod". Default: no such tag.
	Environment string

	// ScheduleInterval is how often a run is started, aligned to the clock in UTC: whole minutes that divide
	// an hour, or whole hours that divide a day. Default [DefaultScheduleInterval] (30m).
	ScheduleInterval time.Duration

	// Genesis is where the log of each stream begins that has none yet; nothing before it is read. It has no
	// effect on a stream that has run. Default: a day before the first run.
	Genesis time.Time

	// Architecture is the functions' instruction set. Default [DefaultArchitecture] (arm64).
	Architecture Architecture
	// MemoryMB is the functions' memory, 128 to 10240. Default [DefaultMemoryMB] (128).
	MemoryMB int
	// Timeout is the functions' time limit, whole seconds up to 15m. Default [DefaultTimeout] (15m).
	Timeout time.Duration
	// RunTimeout is the time limit of an execution of the state machine of a run, however often the functions are invoked
	// in it. A run that is cut off has stored its work; the next one goes on. Default [DefaultRunTimeout] (24h).
	RunTimeout time.Duration
	// BackfillLanes is how many invocations read the past of one stream side by side, 1 to 40. The vendor's rate limits
	// hold for each of them alone. Default [DefaultBackfillLanes] (2).
	BackfillLanes int
	// SafetyMargin is the time before the timeout at which a function stops by itself with its work stored,
	// shorter than Timeout. Default [DefaultSafetyMargin] (30s).
	SafetyMargin time.Duration
	// PartBytes is the compressed size in bytes at which a part is stored. Default [DefaultPartBytes] (8 MiB).
	PartBytes int64
	// DefaultRate is the number of records a second that a stream is taken to manage until one was seen.
	// Default [DefaultRate] (200).
	DefaultRate float64
	// LogLevel is the lowest level that the functions log. Default [DefaultLogLevel] (INFO).
	LogLevel slog.Level

	// LogRetentionDays is how long logs are kept, one of the numbers that CloudWatch Logs allows. Default
	// [DefaultLogRetentionDays] (30).
	LogRetentionDays int
	// NoncurrentVersionDays is how long a replaced or deleted version of a part is kept. It never applies to
	// genesis and commits. Default [DefaultNoncurrentVersionDays] (30).
	NoncurrentVersionDays int
	// DestroyData lets the deletion of the stack delete the buckets, the secret and the logs, which are kept
	// otherwise. CloudFormation still refuses to delete a bucket that holds objects, so that data is lost only
	// where somebody has emptied the bucket as well.
	DestroyData bool

	// AlarmTopic receives alarms and findings. Its policy must let cloudwatch.amazonaws.com publish. Default:
	// a topic of the pipeline's own, without subscriptions.
	AlarmTopic awssns.ITopic

	// IngestPackage is the import path of the ingest functions' main package, resolved in the module of the
	// CDK app. Default [DefaultIngestPackage].
	IngestPackage string
	// PreprocessPackage is the same for the preprocess functions. Default [DefaultPreprocessPackage].
	PreprocessPackage string
}

func (p VendorPipelineProps) withDefaults() VendorPipelineProps {
	orDefault(&p.ScheduleInterval, DefaultScheduleInterval)
	orDefault(&p.Architecture, DefaultArchitecture)
	orDefault(&p.MemoryMB, DefaultMemoryMB)
	orDefault(&p.Timeout, DefaultTimeout)
	orDefault(&p.RunTimeout, DefaultRunTimeout)
	orDefault(&p.BackfillLanes, DefaultBackfillLanes)
	orDefault(&p.SafetyMargin, DefaultSafetyMargin)
	orDefault(&p.PartBytes, DefaultPartBytes)
	orDefault(&p.DefaultRate, DefaultRate)
	orDefault(&p.LogLevel, DefaultLogLevel)
	orDefault(&p.LogRetentionDays, DefaultLogRetentionDays)
	orDefault(&p.NoncurrentVersionDays, DefaultNoncurrentVersionDays)
	orDefault(&p.IngestPackage, DefaultIngestPackage)
	orDefault(&p.PreprocessPackage, DefaultPreprocessPackage)
	return p
}

func orDefault[T comparable](value *T, fallback T) {
	if *value == *new(T) {
		*value = fallback
	}
}

// VendorPipeline brings the streams of one vendor into a data lake: buckets, functions, the state machine of a
// run, its schedule and its alarm. Child construct IDs are part of its contract, since the names of what is
// stored follow from them.
type VendorPipeline struct {
	constructs.Construct

	// RawBucket holds the vendor's records as they came, and the commit log.
	RawBucket awss3.Bucket
	// CuratedBucket holds the Parquet that is made of them.
	CuratedBucket awss3.Bucket
	// Secret holds the vendor's credentials; nil where the vendor needs none. It is made without a value, so
	// that no deployment can overwrite one.
	Secret awssecretsmanager.Secret
	// Ingest and Preprocess are the functions by the name of their stream.
	Ingest     map[string]awslambda.Function
	Preprocess map[string]awslambda.Function
	// StateMachine is one run.
	StateMachine awsstepfunctions.StateMachine
	// Backfill reads a past range again, or makes its curated objects again. A person starts it.
	Backfill awsstepfunctions.StateMachine
	// Schedule starts the runs.
	Schedule awsscheduler.CfnSchedule
	// DeadLetters holds the ticks of the schedule that could not be delivered.
	DeadLetters awssqs.Queue
	// AlarmTopic receives alarms and findings: the one given in the props, or the pipeline's own.
	AlarmTopic awssns.ITopic
	// FailureAlarm goes off when a run has failed.
	FailureAlarm awscloudwatch.Alarm
}

// NewVendorPipeline adds a pipeline to scope. It panics with a [*PropsError] that tells every fault of props at
// once (call [VendorPipelineProps.Validate] first to have it as an error), and with a [*gobuild.Error] where
// a function's main package does not compile.
//
// [*gobuild.Error]: https://pkg.go.dev/github.com/windrow-data/windrow/constructs/gobuild#Error
func NewVendorPipeline(scope constructs.Construct, id string, props *VendorPipelineProps) *VendorPipeline {
	if err := props.Validate(); err != nil {
		panic(err)
	}
	settled := props.withDefaults()

	p := &VendorPipeline{Ingest: map[string]awslambda.Function{}, Preprocess: map[string]awslambda.Function{}}
	constructs.NewConstruct_Override(p, scope, jsii.String(id))
	p.addBuckets(&settled)
	p.addSecret(&settled)
	p.addFunctions(&settled)
	p.addAlarmTopic(&settled)
	p.addStateMachine(&settled)
	p.addBackfill(&settled)
	p.addSchedule(&settled)
	p.addFailureAlarm(&settled)
	p.tag(&settled)
	return p
}

// GrantReadCurated lets grantee list and read the curated bucket.
func (p *VendorPipeline) GrantReadCurated(grantee awsiam.IGrantable) awsiam.Grant {
	return p.CuratedBucket.GrantRead(grantee, nil)
}
