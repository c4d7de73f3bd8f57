package constructs

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func TestEachWrongPropIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*VendorPipelineProps)
		want   string
	}{
		"no vendor":                     {func(p *VendorPipelineProps) { p.Vendor = nil }, "Vendor is not set: want the description of a vendor"},
		"environment no tag":            {func(p *VendorPipelineProps) { p.Environment = "a<b" }, `Environment is "a<b": want letters, digits`},
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
			props := &VendorPipelineProps{Vendor: testVendor()}
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

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	vendor := testVendor()
	vendor.BaseURL, vendor.Streams[0].Key, vendor.Streams[1].Audit = "ftp://acme.example", nil, "sometimes"
	err := (&VendorPipelineProps{Vendor: vendor, MemoryMB: 1, LogRetentionDays: 2, Timeout: time.Hour}).Validate()
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
	if err := (&VendorPipelineProps{Vendor: testVendor()}).Validate(); err != nil {
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
	NewVendorPipeline(stack, "Pipeline", &VendorPipelineProps{Vendor: testVendor(), MemoryMB: 1})
}
