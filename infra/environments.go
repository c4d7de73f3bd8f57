package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/windrow-data/windrow/constructs"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// environment is how one deployment differs from another. A zero setting is the construct's default.
type environment struct {
	// Name is what the context env is to be, and part of the stack's name.
	Name string
	// Explicit demands that the context says where the stack goes, who owns and pays for it, and who is told.
	Explicit bool
	// LogLevel is the lowest level that the functions log.
	LogLevel slog.Level
	// LogRetentionDays is how long logs are kept.
	LogRetentionDays int
	// NoncurrentVersionDays is how long replaced versions of parts are kept.
	NoncurrentVersionDays int
	// ScheduleInterval is how often a run is started.
	ScheduleInterval time.Duration
	// DestroyData lets a deleted stack delete its emptied buckets, its secret and its logs, where the context asks for
	// it too.
	DestroyData bool
	// TerminationProtection refuses to delete the stack.
	TerminationProtection bool
	// DisableAlarms leaves alarms out where nobody would answer them.
	DisableAlarms bool
	// MonthlyBudgetUSD is the budget.
	MonthlyBudgetUSD float64
	// Simulation is set where no AWS account and no real vendor is involved.
	Simulation *simulation
}

// target is where a stack goes and who answers for it, as the context says.
type target struct {
	Account, Region   string
	Owner, CostCenter string
	// AlarmEmails are told of alarms and findings.
	AlarmEmails []string
}

// Owner and cost center of an environment that need not say them.
const (
	defaultOwner      = "windrow"
	defaultCostCenter = "unassigned"
)

var (
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
)

// settle fills in what may be left open, and tells everything that is missing or wrong.
func (e environment) settle(t target) (target, error) {
	var faults []error
	need := func(ok bool, key, value, want string) {
		if !ok {
			faults = append(faults, fmt.Errorf("%s is %q: give -c %s=%s", key, value, key, want))
		}
	}
	if e.Explicit {
		need(t.Account != "", "account", t.Account, "ACCOUNT, the 12 digits of the AWS account that "+e.Name+" is deployed to")
		need(t.Region != "", "region", t.Region, "REGION, for example eu-west-1")
		need(t.Owner != "", "owner", t.Owner, "TEAM, who answers for the pipeline")
		need(t.CostCenter != "", "costCenter", t.CostCenter, "NUMBER, who pays")
		need(len(t.AlarmEmails) > 0, "alarmEmail", "", "ADDRESS, who is told of alarms; several joined by commas")
	}
	need(t.Account == "" || accountID.MatchString(t.Account), "account", t.Account, "ACCOUNT, 12 digits")
	need(t.Region == "" || regionName.MatchString(t.Region), "region", t.Region, "REGION, for example eu-west-1")
	if (t.Account == "") != (t.Region == "") {
		faults = append(faults, errors.New("only one of account and region is given: give both, or neither for those of the credentials"))
	}
	t.Owner = cmp.Or(t.Owner, defaultOwner)
	t.CostCenter = cmp.Or(t.CostCenter, defaultCostCenter)
	return t, errors.Join(faults...)
}

// simulation holds what a fast simulation on one machine needs: a day is played in seconds, so that time limits
// and waits are cut to the same measure. The functions know nothing of it.
type simulation struct {
	// ClientID is the account at the simulated vendor where the context names none.
	ClientID string
	// Architecture is the machine's own.
	Architecture constructs.Architecture
	// Timeout and SafetyMargin leave an invocation so little time that a burst exceeds what it can fetch.
	Timeout      time.Duration
	SafetyMargin time.Duration
	// DefaultRate is the number of records a second that a stream is taken to manage at first.
	DefaultRate float64
	// PartBytes is small enough that a burst's window has several parts.
	PartBytes int64
	// InitialWait and MaxWait take the place of the vendor's; on which answers it is retried stays as described.
	InitialWait time.Duration
	MaxWait     time.Duration
	// RequestTimeout bounds one request to the simulated vendor.
	RequestTimeout time.Duration
}

// environments are all there are. A deployment that is not among them does not exist.
func environments() []environment {
	return []environment{
		{
			Name:                  "dev",
			LogLevel:              slog.LevelDebug,
			LogRetentionDays:      7,
			NoncurrentVersionDays: 7,
			ScheduleInterval:      time.Hour,
			DestroyData:           true,
			DisableAlarms:         true,
			MonthlyBudgetUSD:      5,
		},
		{
			Name:                  "staging",
			LogLevel:              slog.LevelInfo,
			LogRetentionDays:      30,
			NoncurrentVersionDays: 30,
			ScheduleInterval:      30 * time.Minute,
			MonthlyBudgetUSD:      10,
		},
		{
			Name:                  "prod",
			Explicit:              true,
			LogLevel:              slog.LevelInfo,
			LogRetentionDays:      365,
			NoncurrentVersionDays: 90,
			ScheduleInterval:      30 * time.Minute,
			TerminationProtection: true,
		},
		{
			Name:                  "local",
			LogLevel:              slog.LevelInfo,
			LogRetentionDays:      1,
			NoncurrentVersionDays: 1,
			ScheduleInterval:      30 * time.Minute,
			Simulation: &simulation{
				ClientID:       "90001",
				Architecture:   hostArchitecture(runtime.GOARCH),
				Timeout:        3 * time.Second,
				SafetyMargin:   1200 * time.Millisecond,
				DefaultRate:    200,
				PartBytes:      256 << 10,
				InitialWait:    2 * time.Millisecond,
				MaxWait:        50 * time.Millisecond,
				RequestTimeout: time.Second,
			},
		},
	}
}

// environmentNamed returns the environment, or an error that lists the names there are.
func environmentNamed(name string) (environment, error) {
	all := environments()
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = e.Name
	}
	i := slices.Index(names, name)
	switch {
	case i >= 0:
		return all[i], nil
	case name == "":
		return environment{}, fmt.Errorf("no environment is chosen: give -c env=NAME, with NAME one of %s", strings.Join(names, ", "))
	}
	return environment{}, fmt.Errorf("there is no environment %q: give -c env=NAME, with NAME one of %s", name, strings.Join(names, ", "))
}

// schemaFile remembers the tables' columns of every deployed environment. It stands beside this file, and is found from the
// folder of cdk.json.
const schemaFile = "infra/schema.json"

// props are the props of the environment's pipeline for vendor.
func (e environment) props(vendor *vendorapi.Vendor, t target) *constructs.VendorPipelineProps {
	props := &constructs.VendorPipelineProps{
		Vendor:                vendor,
		Environment:           e.Name,
		Owner:                 t.Owner,
		CostCenter:            t.CostCenter,
		AlarmEmails:           t.AlarmEmails,
		ScheduleInterval:      e.ScheduleInterval,
		LogLevel:              e.LogLevel,
		LogRetentionDays:      e.LogRetentionDays,
		NoncurrentVersionDays: e.NoncurrentVersionDays,
		DestroyData:           e.DestroyData,
		DisableAlarms:         e.DisableAlarms,
		MonthlyBudgetUSD:      e.MonthlyBudgetUSD,
		SchemaFile:            schemaFile,
	}
	if s := e.Simulation; s != nil {
		props.SchemaFile = ""
		props.Architecture = s.Architecture
		props.Timeout = s.Timeout
		props.SafetyMargin = s.SafetyMargin
		props.DefaultRate = s.DefaultRate
		props.PartBytes = s.PartBytes
	}
	return props
}

// simulate points vendor to the server at address, which plays it: the path stays, the limits go, and waits
// become as short as a simulated day is.
func (s *simulation) simulate(vendor *vendorapi.Vendor, address string) error {
	server, err := url.Parse(address)
	if err != nil || server.Scheme != "http" && server.Scheme != "https" || server.Host == "" || strings.Trim(server.Path, "/") != "" || server.RawQuery != "" || server.User != nil {
		return fmt.Errorf("vendorUrl is %q: give -c vendorUrl=http://HOST:PORT, where the simulated vendor listens", address)
	}
	base, err := url.Parse(vendor.BaseURL)
	if err != nil {
		return fmt.Errorf("the base URL of the vendor %s: %w", vendor.Name, err)
	}
	base.Scheme, base.Host = server.Scheme, server.Host
	vendor.BaseURL = base.String()
	vendor.AllowPrivate = true
	vendor.Retry.InitialWait = vendorapi.Duration(s.InitialWait)
	vendor.Retry.MaxWait = vendorapi.Duration(s.MaxWait)
	vendor.RequestTimeout = vendorapi.Duration(s.RequestTimeout)
	vendor.RateLimit = vendorapi.RateLimit{}
	for i := range vendor.Streams {
		vendor.Streams[i].RateLimit = vendorapi.RateLimit{}
	}
	return nil
}

// hostArchitecture is Lambda's word for Go's.
func hostArchitecture(goarch string) constructs.Architecture {
	if goarch == "arm64" {
		return constructs.ARM64
	}
	return constructs.X86
}
