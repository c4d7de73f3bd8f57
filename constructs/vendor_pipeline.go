// Package constructs is what a team imports to deploy Windrow: one statement, [NewVendorPipeline], provisions
// everything that brings one vendor's streams into a data lake.
//
// It stands apart from functions, which it deploys: the functions never import CDK, and a consumer who only
// wants their libraries never compiles it. Props are plain Go values, every default is a named constant, and
// what is made can be reached through the fields of [VendorPipeline].
package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsathena"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbudgets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsglue"
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

	"github.com/windrow-data/windrow/functions/pricing"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// VendorPipeline brings the streams of one vendor into a data lake: buckets, functions, the state machines of a run and of a
// past range, a schedule, alarms, a budget and tables. Child construct IDs are part of its contract, since the names
// of what is stored follow from them.
type VendorPipeline struct {
	constructs.Construct

	// Name is the pipeline's name in the tag Pipeline, in metrics and in announcements: the stack's name and the
	// pipeline's path in it.
	Name string

	// RawBucket holds the vendor's records as they came, and the commit log: the one given in the props, or the
	// pipeline's own.
	RawBucket awss3.IBucket
	// CuratedBucket holds the Parquet that is made of them: the one given in the props, or the pipeline's own.
	CuratedBucket awss3.IBucket
	// Secret holds the vendor's credentials; nil where the vendor needs none. The pipeline's own is made without a
	// value, so that no deployment can overwrite one.
	Secret awssecretsmanager.ISecret
	// PrivacyKeySecret holds the key from which digests of personal values are made: the one given in the props, or the pipeline's own, whose
	// value was generated; nil where none are made.
	PrivacyKeySecret awssecretsmanager.ISecret

	// Ingest and Preprocess are the functions by the name of their stream.
	Ingest     map[string]awslambda.Function
	Preprocess map[string]awslambda.Function
	// StateMachine is one run.
	StateMachine awsstepfunctions.StateMachine
	// Backfill reads a past range again, or makes its curated objects again. A person starts it.
	Backfill awsstepfunctions.StateMachine
	// Erase erases or exports what the lake holds of a person, who is known by a digest: its input is {"action": "erase", "digest": "..."}, and
	// `go run ./infra/person` starts it. EraseFunction does its work. Both are nil where no stream says whose its records are.
	Erase         awsstepfunctions.StateMachine
	EraseFunction awslambda.Function
	// ForgottenRule starts erasures of people whom the vendor has forgotten; nil without EraseForgotten.
	ForgottenRule awsevents.CfnRule
	// Schedule starts the runs.
	Schedule awsscheduler.CfnSchedule
	// StartRule starts runs by events; nil without StartOn.
	StartRule awsevents.CfnRule
	// DeadLetters holds the starts of runs that could not be delivered.
	DeadLetters awssqs.Queue
	// EventBus is where new curated objects are announced: the one given in the props, or the account's default one.
	EventBus awsevents.IEventBus

	// AlarmTopic receives alarms and findings: the one given in the props, or the pipeline's own.
	AlarmTopic awssns.ITopic
	// PageTopic receives PageAlarm: the one given in the props, or AlarmTopic.
	PageTopic awssns.ITopic
	// Alarms are all alarms by their names; empty with DisableAlarms.
	Alarms map[AlarmName]awscloudwatch.Alarm
	// PageAlarm goes off with those of the alarms that a person is to be woken for; nil with DisableAlarms.
	PageAlarm awscloudwatch.CompositeAlarm
	// Budget is the AWS Budget; nil with DisableBudget.
	Budget awsbudgets.CfnBudget
	// Dashboard is nil without EnableDashboard.
	Dashboard awscloudwatch.Dashboard

	// Database, Tables, Relations, Workgroup, Insights and ResultsBucket are for queries with Athena; nil and empty with DisableTables.
	// Tables are the views of the newest version of each record, by the name of their stream; Relations are all tables and views by their
	// names, see packages lakesql and insights; Insights are the saved queries by theirs.
	Database      awsglue.CfnDatabase
	Tables        map[string]awsglue.CfnTable
	Relations     map[string]awsglue.CfnTable
	Workgroup     awsathena.CfnWorkGroup
	Insights      map[string]awsathena.CfnNamedQuery
	ResultsBucket awss3.Bucket

	// Estimate is what the pipeline is expected to cost in a year, line by line.
	Estimate pricing.Estimate

	vendor *vendorapi.Vendor
	// expectedDay is what a day's invocations are expected to cost, in USD.
	expectedDay float64
}

// NewVendorPipeline adds a pipeline to scope. It panics with a [*PropsError] that tells every fault of props at
// once (call [VendorPipelineProps.Validate] first to have it as an error), with a [*SchemaError] where a change of columns
// is not confirmed, and with a [*gobuild.Error] where a function's main package does not compile.
//
// [*gobuild.Error]: https://pkg.go.dev/github.com/windrow-data/windrow/constructs/gobuild#Error
func NewVendorPipeline(scope constructs.Construct, id string, props *VendorPipelineProps) *VendorPipeline {
	if err := props.Validate(); err != nil {
		panic(err)
	}
	settled := props.withDefaults()

	p := &VendorPipeline{
		vendor:     settled.Vendor,
		Ingest:     map[string]awslambda.Function{},
		Preprocess: map[string]awslambda.Function{},
		Alarms:     map[AlarmName]awscloudwatch.Alarm{},
		Tables:     map[string]awsglue.CfnTable{},
		Relations:  map[string]awsglue.CfnTable{},
		Insights:   map[string]awsathena.CfnNamedQuery{},
	}
	constructs.NewConstruct_Override(p, scope, jsii.String(id))
	p.Name = nameOf(p)
	settled.DestroyData = p.mayDestroy(&settled)
	remember, err := p.checkSchema(&settled)
	if err == nil {
		err = p.checkName()
	}
	if err != nil {
		panic(err)
	}
	p.addBuckets(&settled)
	p.addSecret(&settled)
	p.addPrivacyKey(&settled)
	p.addEventBus(&settled)
	p.addFunctions(&settled)
	p.addTopics(&settled)
	p.addStateMachine(&settled)
	p.addBackfill(&settled)
	p.addSchedule(&settled)
	p.addStartRule(&settled)
	p.addTables(&settled)
	p.addErase(&settled)
	p.addQueries()
	p.estimate(&settled)
	p.addAlarms(&settled)
	p.addBudget(&settled)
	p.addDashboard(&settled)
	if settled.PermissionsBoundary != nil {
		awsiam.PermissionsBoundary_Of(p).Apply(settled.PermissionsBoundary)
	}
	p.tag(&settled)
	if err := remember(); err != nil {
		panic(err)
	}
	return p
}

// GrantReadCurated lets grantee list the curated bucket and read what the pipeline has made there.
func (p *VendorPipeline) GrantReadCurated(grantee awsiam.IGrantable) awsiam.Grant {
	return p.CuratedBucket.GrantRead(grantee, jsii.String(p.vendor.Name+"/*"))
}

// GrantStartRun lets grantee start a run, beside those of the schedule.
func (p *VendorPipeline) GrantStartRun(grantee awsiam.IGrantable) awsiam.Grant {
	return p.StateMachine.GrantStartExecution(grantee)
}

// GrantStartBackfill lets grantee have a past range read, or made again.
func (p *VendorPipeline) GrantStartBackfill(grantee awsiam.IGrantable) awsiam.Grant {
	return p.Backfill.GrantStartExecution(grantee)
}

// GrantErase lets grantee have what the lake holds of a person erased or exported, and read the key by which people are known and what is
// exported. It panics where no stream says whose its records are.
func (p *VendorPipeline) GrantErase(grantee awsiam.IGrantable) awsiam.Grant {
	if p.Erase == nil {
		panic(fmt.Errorf("GrantErase: no stream of the vendor %s says whose its records are: want a personPath in its description", p.vendor.Name))
	}
	grant := p.Erase.GrantStartExecution(grantee).
		Combine(p.Erase.GrantRead(grantee)).
		Combine(p.PrivacyKeySecret.GrantRead(grantee, nil))
	if p.ResultsBucket != nil {
		grant = grant.Combine(p.ResultsBucket.GrantRead(grantee, jsii.String(settings.ExportPrefix+"*")))
	}
	return grant
}
