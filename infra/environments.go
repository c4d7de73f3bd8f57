package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
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
	// Simulated says that no AWS account and no real vendor is involved. The vendor's account need not be named then.
	Simulated bool
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
			Simulated:             true,
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
	return props
}
