package constructs

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/functions/pricing"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

func TestEachWrongPropIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*VendorPipelineProps)
		want   string
	}{
		"no vendor":            {func(p *VendorPipelineProps) { p.Vendor = nil }, "Vendor is not set: want the description of a vendor"},
		"no environment":       {func(p *VendorPipelineProps) { p.Environment = "" }, `Environment is "": want the value of a tag, for example "prod"`},
		"no owner":             {func(p *VendorPipelineProps) { p.Owner = "" }, `Owner is "": want the value of a tag, for example "marketing-data"`},
		"no cost center":       {func(p *VendorPipelineProps) { p.CostCenter = "" }, `CostCenter is "": want the value of a tag, for example "4711"`},
		"environment no tag":   {func(p *VendorPipelineProps) { p.Environment = "a<b" }, `Environment is "a<b": want the value of a tag, for example "prod": letters, digits`},
		"cost center too long": {func(p *VendorPipelineProps) { p.CostCenter = strings.Repeat("4", 257) }, "at most 256"},
		"events from anywhere": {func(p *VendorPipelineProps) { p.StartOn = &awsevents.EventPattern{DetailType: jsii.Strings("x")} }, "StartOn.Source is []: want at least one source"},
		"started by its own events": {func(p *VendorPipelineProps) {
			p.StartOn = &awsevents.EventPattern{Source: jsii.Strings("a", "windrow")}
		}, `StartOn.Source is ["a" "windrow"]: want at least one source of events, each in full (no Match), and not "windrow"`},
		"started by whatever matches": {func(p *VendorPipelineProps) {
			p.StartOn = &awsevents.EventPattern{Source: awsevents.Match_Prefix(jsii.String("wind"))}
		}, "want at least one source of events, each in full (no Match)"},
		"run shorter than a function": {func(p *VendorPipelineProps) { p.RunTimeout = time.Minute }, "RunTimeout is 1m0s: want whole seconds, no less than Timeout (15m0s)"},
		"no lanes":                    {func(p *VendorPipelineProps) { p.BackfillLanes = -1 }, "BackfillLanes is -1: want 1 to 40"},
		"too many lanes":              {func(p *VendorPipelineProps) { p.BackfillLanes = 41 }, "BackfillLanes is 41: want 1 to 40"},
		"subnets without a vpc":       {func(p *VendorPipelineProps) { p.VpcSubnets = &awsec2.SubnetSelection{} }, "VpcSubnets is set: want none without Vpc"},
		"emails beside a topic of own": {func(p *VendorPipelineProps) {
			p.AlarmTopic, p.AlarmEmails = awssns.Topic_FromTopicArn(newStack(), jsii.String("T"), jsii.String(ownTopic)), []string{"a@b.example"}
		}, `AlarmEmails is ["a@b.example"]: want none with an AlarmTopic of your own`},
		"an address that is none": {func(p *VendorPipelineProps) { p.AlarmEmails = []string{"oncall"} }, `AlarmEmails is "oncall": want e-mail addresses`},
		"groups without a vpc": {func(p *VendorPipelineProps) {
			p.SecurityGroups = []awsec2.ISecurityGroup{awsec2.SecurityGroup_FromSecurityGroupId(newStack(), jsii.String("G"), jsii.String("sg-1"), nil)}
		}, "SecurityGroups is set: want none without Vpc"},
		"a secret that nobody needs": {func(p *VendorPipelineProps) {
			p.Vendor.Auth = vendorapi.Auth{Kind: vendorapi.AuthNone}
			p.Secret = awssecretsmanager.Secret_FromSecretCompleteArn(newStack(), jsii.String("S"), jsii.String(ownSecret))
		}, "Secret is set: want none: the vendor's description needs no credentials"},
		"a key of digests that are not made": {func(p *VendorPipelineProps) {
			p.PrivacyKeySecret = awssecretsmanager.Secret_FromSecretCompleteArn(newStack(), jsii.String("K"), jsii.String(ownPrivacyKey))
		}, "PrivacyKeySecret is set: want none: no column of the vendor's description is hashed, and no stream says whose its records are (PersonPath)"},
		"a model without attendances":   {func(p *VendorPipelineProps) { p.Model = ownModel(); p.Model.Attendances = " " }, `Model.Attendances is "": want one query without a semicolon`},
		"a model of statements":         {func(p *VendorPipelineProps) { p.Model = ownModel(); p.Model.Events += ";" }, "Model.Events is"},
		"a model without tables":        {func(p *VendorPipelineProps) { p.Model, p.DisableTables = ownModel(), true }, "Model is set: want none with DisableTables"},
		"a stream named as the model":   {func(p *VendorPipelineProps) { p.Model = ownModel(); p.Vendor.Streams[1].Name = "model-people" }, "named so that two tables or views are called model_people"},
		"staleness below what is usual": {func(p *VendorPipelineProps) { p.StalenessThreshold = 34 * time.Minute }, "StalenessThreshold is 34m0s: want no less than 35m: the longest settle delay"},
		"spending as expected":          {func(p *VendorPipelineProps) { p.SpendFactor = 1 }, "SpendFactor is 1: want more than 1"},
		"a runbook without address":     {func(p *VendorPipelineProps) { p.RunbookURL = "docs/runbook.md" }, `RunbookURL is "docs/runbook.md": want an address without a fragment`},
		"a runbook with a heading":      {func(p *VendorPipelineProps) { p.RunbookURL = "https://a.example/b#c" }, `RunbookURL is "https://a.example/b#c"`},
		"a workload without runs":       {func(p *VendorPipelineProps) { p.Workload = &pricing.Workload{Writes: -3} }, "Workload is Runs is 0: want more than 0"},
		"a negative budget":             {func(p *VendorPipelineProps) { p.MonthlyBudgetUSD = -1 }, "MonthlyBudgetUSD is -1: want an amount in US dollars above 0"},
		"a database with hyphens":       {func(p *VendorPipelineProps) { p.DatabaseName = "a-b" }, `DatabaseName is "a-b": want lower-case letters, digits and underscores`},
		"tables of no years":            {func(p *VendorPipelineProps) { p.TableYears = -1 }, "TableYears is -1: want a number of years above 0"},
		"a scan limit below Athena's":   {func(p *VendorPipelineProps) { p.QueryScanLimitMB = 9 }, "QueryScanLimitMB is 9: want 10 to 8589934592"},
		"a scan limit beyond numbers":   {func(p *VendorPipelineProps) { p.QueryScanLimitMB = 1 << 50 }, "QueryScanLimitMB is 1125899906842624: want 10 to"},
		"an endless rate":               {func(p *VendorPipelineProps) { p.DefaultRate = math.Inf(1) }, "DefaultRate is +Inf: want a number of records a second above 0"},
		"an endless spend factor":       {func(p *VendorPipelineProps) { p.SpendFactor = math.Inf(1) }, "SpendFactor is +Inf: want more than 1"},
		"an endless budget":             {func(p *VendorPipelineProps) { p.MonthlyBudgetUSD = math.Inf(1) }, "MonthlyBudgetUSD is +Inf: want an amount"},
		"an owner of blanks":            {func(p *VendorPipelineProps) { p.Owner = "  " }, `Owner is "  ": want the value of a tag`},
		"a cost center of AWS's":        {func(p *VendorPipelineProps) { p.CostCenter = "AWS:x" }, `CostCenter is "AWS:x": want the value of a tag, for example "4711"`},
		"results kept for no days":      {func(p *VendorPipelineProps) { p.QueryResultDays = -1 }, "QueryResultDays is -1: want a number of days above 0"},
		"interval not aligned":          {func(p *VendorPipelineProps) { p.ScheduleInterval = 7 * time.Minute }, "ScheduleInterval is 7m0s: want whole minutes that divide an hour"},
		"interval of seconds":           {func(p *VendorPipelineProps) { p.ScheduleInterval = 30 * time.Second }, "ScheduleInterval is 30s"},
		"interval negative":             {func(p *VendorPipelineProps) { p.ScheduleInterval = -time.Hour }, "ScheduleInterval is -1h0m0s"},
		"genesis finer than names":      {func(p *VendorPipelineProps) { p.Genesis = time.Unix(0, 1).UTC() }, "Genesis is 1970-01-01T00:00:00.000000001Z: want a whole second"},
		"architecture in Go's word":     {func(p *VendorPipelineProps) { p.Architecture = "amd64" }, `Architecture is "amd64": want "arm64" or "x86_64"`},
		"memory too small":              {func(p *VendorPipelineProps) { p.MemoryMB = 64 }, "MemoryMB is 64: want 128 to 10240"},
		"memory too large":              {func(p *VendorPipelineProps) { p.MemoryMB = 10241 }, "MemoryMB is 10241: want 128 to 10240"},
		"timeout too long":              {func(p *VendorPipelineProps) { p.Timeout = 16 * time.Minute }, "Timeout is 16m0s: want whole seconds, 1s to 15m0s"},
		"timeout broken":                {func(p *VendorPipelineProps) { p.Timeout = 90*time.Second + time.Millisecond }, "Timeout is 1m30.001s: want whole seconds"},
		"margin not below timeout":      {func(p *VendorPipelineProps) { p.Timeout = 10 * time.Second }, "SafetyMargin is 30s: want more than 0 and less than Timeout (10s)"},
		"margin negative":               {func(p *VendorPipelineProps) { p.SafetyMargin = -1 }, "SafetyMargin is -1ns"},
		"parts negative":                {func(p *VendorPipelineProps) { p.PartBytes = -1 }, "PartBytes is -1: want a number of bytes above 0"},
		"rate negative":                 {func(p *VendorPipelineProps) { p.DefaultRate = -2 }, "DefaultRate is -2: want a number of records a second above 0"},
		"log retention not allowed":     {func(p *VendorPipelineProps) { p.LogRetentionDays = 31 }, "LogRetentionDays is 31: want one of [1 3 5 7 14 30 60"},
		"version retention negative":    {func(p *VendorPipelineProps) { p.NoncurrentVersionDays = -1 }, "NoncurrentVersionDays is -1: want a number of days above 0"},
		"vendor's description is wrong": {func(p *VendorPipelineProps) { p.Vendor.BaseURL = "ftp://acme.example" }, `baseURL: "ftp"`},
	} {
		t.Run(name, func(t *testing.T) {
			props := required()
			c.change(props)
			err := props.Validate()
			var told *PropsError
			if !errors.As(err, &told) {
				t.Fatalf("got %v, want a *PropsError", err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the message does not say %q:\n%v", c.want, err)
			}
			faults := len(told.Faults)
			if told.Vendor != nil {
				faults++
			}
			if faults != 1 {
				t.Errorf("one fault was told as %d:\n%v", faults, err)
			}
		})
	}
}

func newStack() awscdk.Stack {
	return awscdk.NewStack(newApp(map[string]any{}), jsii.String("other"), nil)
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	vendor := testVendor()
	vendor.BaseURL, vendor.Streams[0].Key, vendor.Streams[1].Audit = "ftp://acme.example", nil, "sometimes"
	props := required()
	props.Vendor, props.MemoryMB, props.LogRetentionDays, props.Timeout = vendor, 1, 2, time.Hour
	err := props.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"MemoryMB is 1", "LogRetentionDays is 2", "Timeout is 1h0m0s", "baseURL", "streams[0]", "streams[1]"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the message does not say %q:\n%v", want, err)
		}
	}
}

func TestGoodPropsPass(t *testing.T) {
	if err := (required()).Validate(); err != nil {
		t.Error(err)
	}
	var none *VendorPipelineProps
	if err := none.Validate(); err == nil {
		t.Error("no props at all passed")
	}
}

func TestNewVendorPipelinePanicsWithTheFaults(t *testing.T) {
	defer func() {
		err, _ := recover().(error)
		var told *PropsError
		if !errors.As(err, &told) || len(told.Faults) != 1 || told.Faults[0].Field != "MemoryMB" {
			t.Errorf("got %v, want the fault of MemoryMB", err)
		}
	}()
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("test"), nil)
	props := required()
	props.MemoryMB = 1
	NewVendorPipeline(stack, "Pipeline", props)
}
