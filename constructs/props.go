package constructs

import (
	"log/slog"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"

	"github.com/windrow-data/windrow/functions/insights"
	"github.com/windrow-data/windrow/functions/pricing"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/telemetry"
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
	DefaultRunTimeout            = 24 * time.Hour
	DefaultBackfillLanes         = 2
	DefaultSafetyMargin          = settings.DefaultSafetyMargin
	DefaultPartBytes             = settings.DefaultPartBytes
	DefaultRate                  = settings.DefaultRate
	DefaultLogLevel              = settings.DefaultLogLevel
	DefaultLogRetentionDays      = 30
	DefaultNoncurrentVersionDays = 30
	DefaultStaleIntervals        = 3
	DefaultSpendFactor           = 3.0
	DefaultRunbookURL            = telemetry.DefaultRunbook
	DefaultTableYears            = 3
	DefaultQueryScanLimitMB      = 10_240
	DefaultQueryResultDays       = 7
	DefaultIngestPackage         = "github.com/windrow-data/windrow/functions/cmd/ingest"
	DefaultPreprocessPackage     = "github.com/windrow-data/windrow/functions/cmd/preprocess"
	DefaultErasePackage          = "github.com/windrow-data/windrow/functions/cmd/erase"
	DefaultEraseMemoryMB         = 1769
)

// VendorPipelineProps configures a [VendorPipeline]. Vendor, Environment, Owner and CostCenter are required, since nobody else
// can know them; any other zero field takes its default.
type VendorPipelineProps struct {
	// Vendor describes the vendor's REST API and its streams. Required.
	Vendor *vendorapi.Vendor

	// Environment is the value of the tag Environment, for example "prod". Required.
	Environment string
	// Owner is the value of the tag Owner: the team that answers for the pipeline. Required.
	Owner string
	// CostCenter is the value of the tag CostCenter: who pays. Required.
	CostCenter string

	// ScheduleInterval is how often a run is started, aligned to the clock in UTC: whole minutes that divide
	// an hour, or whole hours that divide a day. Default [DefaultScheduleInterval] (30m).
	ScheduleInterval time.Duration
	// StartOn is a pattern of events on EventBus that start a run too, beside the schedule: a vendor's webhook, for
	// example. Its Source is needed, in full, and cannot be "windrow", by which a run would start itself for ever. Each
	// event is a run that costs as much as a scheduled one. Default: none.
	StartOn *awsevents.EventPattern
	// Genesis is where the log of each stream begins that has none yet; nothing before it is read. It has no
	// effect on a stream that has run. Default: a day before the first run.
	Genesis time.Time

	// Architecture is the functions' instruction set. Default [DefaultArchitecture] (arm64).
	Architecture Architecture
	// MemoryMB is the functions' memory, 128 to 10240. Default [DefaultMemoryMB] (128), the cheapest for a day that was replayed
	// with several: `make sizes`, docs/costs.md.
	MemoryMB int
	// Timeout is the functions' time limit, whole seconds up to 15m. Default [DefaultTimeout] (15m).
	Timeout time.Duration
	// RunTimeout is the time limit of an execution of the state machine of a run, however often the functions are invoked
	// in it. A run that is cut off has stored its work; the next one goes on. Default [DefaultRunTimeout] (24h).
	RunTimeout time.Duration
	// BackfillLanes is how many invocations read the past of one stream side by side, 1 to 40. They divide the part of the
	// vendor's rate limits that is kept for backfills, the description's BackfillShare. Default [DefaultBackfillLanes] (2).
	BackfillLanes int
	// SafetyMargin is the time before the timeout at which a function stops by itself with its work stored,
	// shorter than Timeout. Default [DefaultSafetyMargin] (30s).
	SafetyMargin time.Duration
	// PartBytes is the compressed size in bytes at which a part is stored. Default [DefaultPartBytes] (8388608).
	PartBytes int64
	// DefaultRate is the number of records a second that a stream is taken to manage until one was seen.
	// Default [DefaultRate] (200).
	DefaultRate float64
	// LogLevel is the lowest level that the functions log. Default [DefaultLogLevel] (INFO).
	LogLevel slog.Level
	// IngestPackage is the import path of the ingest functions' main package, resolved in the module of the
	// CDK app. Default [DefaultIngestPackage] (github.com/windrow-data/windrow/functions/cmd/ingest).
	IngestPackage string
	// PreprocessPackage is the same for the preprocess functions. Default [DefaultPreprocessPackage]
	// (github.com/windrow-data/windrow/functions/cmd/preprocess).
	PreprocessPackage string
	// ErasePackage is the same for the function that erases and exports a person. Default [DefaultErasePackage]
	// (github.com/windrow-data/windrow/functions/cmd/erase).
	ErasePackage string
	// EraseMemoryMB is the memory of the function that erases and exports a person, 128 to 10240: it goes through all that is stored, and is
	// as fast as its memory is large. Default [DefaultEraseMemoryMB] (1769), which gives it one whole processor.
	EraseMemoryMB int
	// EraseForgotten has people erased from the lake, for good, whom the vendor says that it has forgotten; a stream's description says by
	// what (Forgotten). Default: false, since nothing that another party says should delete data before somebody has decided that it may;
	// each of them costs about what docs/privacy.md says.
	EraseForgotten bool

	// LogRetentionDays is how long logs are kept, one of the numbers that CloudWatch Logs allows. Default
	// [DefaultLogRetentionDays] (30).
	LogRetentionDays int
	// NoncurrentVersionDays is how long a replaced or deleted version of a part is kept. It never applies to
	// genesis and commits. Default [DefaultNoncurrentVersionDays] (30).
	NoncurrentVersionDays int
	// DestroyData lets the deletion of the stack delete the buckets, the secrets and the logs, which are kept
	// otherwise. It takes effect only where the context [ContextDestroyData] is "true" as well, so that no change of
	// code alone can delete data; and CloudFormation still refuses to delete a bucket that holds objects.
	DestroyData bool

	// RawBucket is a bucket of the team's own in place of the pipeline's. It must be versioned and in the same account,
	// and nothing in it may expire below the vendor's prefix, which no other pipeline may have in it. One that is
	// encrypted with a key of the team's is to be imported with that key (BucketAttributes.EncryptionKey), so that the
	// functions may use it. Default: one is made.
	RawBucket awss3.IBucket
	// CuratedBucket is the same for what can be queried; it need not be versioned. Default: one is made.
	CuratedBucket awss3.IBucket
	// EncryptionKey encrypts the buckets and the secrets that the pipeline makes. Its policy must let the account's roles
	// use it, as the one of a CDK key does. Default: S3's and Secrets Manager's own keys, which cost nothing.
	EncryptionKey awskms.IKey
	// Secret holds the vendor's credentials, a flat JSON object of strings. One that is encrypted with a key of the team's
	// is to be imported with that key (SecretAttributes.EncryptionKey). Default: one is made, without a value.
	Secret awssecretsmanager.ISecret
	// PrivacyKeySecret holds the key from which digests of personal values are made: text of at least 32 letters, digits and signs of
	// ASCII, 64 or more advised. Digests can be joined over those pipelines that share one. It must stay as it is: with another key the same
	// person has another digest (docs/privacy.md). One that is encrypted with a key of the team's is to be imported with that key
	// (SecretAttributes.EncryptionKey). Default: one is made, with a value that Secrets Manager generates; none where nothing is hashed
	// and no stream says whose its records are.
	PrivacyKeySecret awssecretsmanager.ISecret
	// Vpc puts the functions into a VPC. They must reach the vendor, S3 and, where a secret or EventBridge are used,
	// those from there: by a NAT gateway, or by endpoints. Default: none, where Lambda reaches everything by itself.
	Vpc awsec2.IVpc
	// VpcSubnets chooses among the subnets of Vpc. Default: those with a way out.
	VpcSubnets *awsec2.SubnetSelection
	// SecurityGroups are those of the functions in Vpc. Default: one for each function, which lets everything out.
	SecurityGroups []awsec2.ISecurityGroup
	// PermissionsBoundary bounds every role that the pipeline makes. Default: none.
	PermissionsBoundary awsiam.IManagedPolicy

	// AlarmTopic receives alarms and findings. Its policy, and that of its key, must let cloudwatch.amazonaws.com and
	// budgets.amazonaws.com publish; one that is encrypted with a key of the team's is to be imported with that key
	// (TopicAttributes.KeyArn). Default: a topic of the pipeline's own, with AlarmEmails as its subscribers.
	AlarmTopic awssns.ITopic
	// PageTopic receives the one alarm that is worth waking a person for. Its policy must let cloudwatch.amazonaws.com
	// publish. Default: AlarmTopic, where each cause for a page is then told twice.
	PageTopic awssns.ITopic
	// AlarmEmails subscribe to the pipeline's own AlarmTopic; each address confirms a message first. Default: none.
	AlarmEmails []string
	// DisableAlarms leaves all alarms out. Findings still go to AlarmTopic.
	DisableAlarms bool
	// StalenessThreshold is how far the worst stream's watermark may lie behind, no less than the longest settle delay of
	// the streams and an interval. A stream whose bounds are written in a local time without an offset has two hours
	// more, since no window can end in the hours that a clock goes through twice. Default: the longest settle delay and
	// [DefaultStaleIntervals] (3) schedule intervals.
	StalenessThreshold time.Duration
	// SpendFactor is by how much a day may cost more than the cost model expects; less than $0.05 a day is never too
	// much. Default [DefaultSpendFactor] (3).
	SpendFactor float64
	// RunbookURL is where the runbook stands that alarms and findings lead to; it has the headings of the default one.
	// Default [DefaultRunbookURL] (https://github.com/windrow-data/windrow/blob/main/docs/runbook.md).
	RunbookURL string

	// Workload is what a day asks of the pipeline, as far as it costs. Default: a measured day with two webinars of
	// 30,000 attendees each, [pricing.WebinarDay].
	Workload *pricing.Workload
	// DisableBudget leaves the AWS Budget out.
	DisableBudget bool
	// MonthlyBudgetUSD is the budget. Default: SpendFactor times what the cost model expects of the lines that carry
	// the tag Pipeline, rounded up to whole dollars.
	MonthlyBudgetUSD float64
	// EnableDashboard adds a CloudWatch dashboard, which costs about as much as all the rest ($36 a year).
	EnableDashboard bool

	// DisableCompaction leaves the objects of each window where they are, for readers that go by them and not by the views. Otherwise the objects of a day
	// become one when its windows change no more, and are deleted three days later. Days that are compacted already stay so.
	DisableCompaction bool
	// DisableTables leaves the Glue database, its tables and the Athena workgroup out.
	DisableTables bool
	// DatabaseName is the name of the Glue database: lower-case letters, digits and underscores. Default: one made of the
	// stack's name and the pipeline's path, which no other pipeline of the account and region has.
	DatabaseName string
	// TableYears is how many years back the tables reach; older partitions are not seen. Each query without a condition
	// on dt looks into all of them. Default [DefaultTableYears] (3).
	TableYears int
	// QueryScanLimitMB is the most that one query may read, 10 or more. Default [DefaultQueryScanLimitMB] (10240).
	QueryScanLimitMB int
	// QueryResultDays is how long the results of queries are kept. Default [DefaultQueryResultDays] (7).
	QueryResultDays int
	// Model brings the streams of a vendor of one's own into the model of webinars that the insights ask, see docs/insights.md. Default: that
	// of the ready vendor whose streams the description has. Where it has none's, there is no model, and of the insights data_health alone.
	Model *insights.OwnModel
	// SchemaFile is the path of a file, kept under version control, that remembers the tables' columns. Synthesis then
	// refuses a change by which existing queries would break, unless it is confirmed by the context
	// [ContextConfirmSchema], and adds what is new to the file. Default: none, and nothing is refused.
	SchemaFile string

	// EventBus is where new curated objects are announced, and where StartOn listens. Default: the account's default bus.
	EventBus awsevents.IEventBus
}

func (p VendorPipelineProps) withDefaults() VendorPipelineProps {
	if p.Vendor != nil {
		p.Vendor = p.Vendor.Resolved()
	}
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
	orDefault(&p.ErasePackage, DefaultErasePackage)
	orDefault(&p.EraseMemoryMB, DefaultEraseMemoryMB)
	orDefault(&p.SpendFactor, DefaultSpendFactor)
	orDefault(&p.RunbookURL, DefaultRunbookURL)
	orDefault(&p.TableYears, DefaultTableYears)
	orDefault(&p.QueryScanLimitMB, DefaultQueryScanLimitMB)
	orDefault(&p.QueryResultDays, DefaultQueryResultDays)
	orDefault(&p.StalenessThreshold, p.usualStaleness())
	return p
}

// usualStaleness is how far a watermark lies behind at most where all is well, with some to spare.
func (p *VendorPipelineProps) usualStaleness() time.Duration {
	return p.settleDelay() + DefaultStaleIntervals*p.ScheduleInterval
}

// settleDelay is the longest of the streams. Where bounds are written in a local time without an offset, no window can
// begin or end in the hours that the clocks go through twice.
func (p *VendorPipelineProps) settleDelay() time.Duration {
	var longest time.Duration
	if p.Vendor != nil {
		for i := range p.Vendor.Streams {
			stream := &p.Vendor.Streams[i]
			longest = max(longest, stream.Settle.D()+stream.LongestGap())
		}
	}
	return longest
}

func orDefault[T comparable](value *T, fallback T) {
	if *value == *new(T) {
		*value = fallback
	}
}
