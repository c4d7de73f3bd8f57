package constructs

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"

	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/telemetry"
)

// Fault is one thing that is wrong with a [VendorPipelineProps].
type Fault struct {
	// Field is the name of the field.
	Field string
	// Value is what it holds, as text.
	Value string
	// Allowed says what it may hold.
	Allowed string
}

// PropsError tells every fault of the props of a construct.
type PropsError struct {
	// Construct is what the props are of, for example "VendorPipeline".
	Construct string
	Faults    []Fault
	// Vendor is what is wrong with the vendor's description, nil where nothing is.
	Vendor error
}

// Error is a line for each fault: the field, its value, and what is allowed.
func (e *PropsError) Error() string {
	var lines []string
	for _, f := range e.Faults {
		lines = append(lines, fmt.Sprintf("%s is %s: want %s", f.Field, f.Value, f.Allowed))
	}
	if e.Vendor != nil {
		lines = append(lines, "Vendor: "+e.Vendor.Error())
	}
	return "the props of the " + e.Construct + " cannot work:\n  " + strings.ReplaceAll(strings.Join(lines, "\n"), "\n", "\n  ")
}

// Unwrap returns what is wrong with the vendor's description.
func (e *PropsError) Unwrap() error { return e.Vendor }

// want adds a fault where something is not ok.
func (e *PropsError) want(ok bool, field string, value any, allowed string, args ...any) {
	if !ok {
		e.Faults = append(e.Faults, Fault{field, fmt.Sprint(value), fmt.Sprintf(allowed, args...)})
	}
}

// wantTag wants the value of a tag that is required.
func (e *PropsError) wantTag(field, value, example string) {
	e.want(strings.TrimSpace(value) != "" && validTag(value), field, fmt.Sprintf("%q", value),
		"the value of a tag, for example %q: %s, not only blanks, at most 256, not beginning with %s", example, tagCharacters, reservedTag)
}

func (e *PropsError) wantEmails(addresses []string) {
	for _, address := range addresses {
		e.want(emailAddress.MatchString(address), "AlarmEmails", fmt.Sprintf("%q", address), "e-mail addresses, for example oncall@example.com")
	}
}

// orNil is e where there is a fault.
func (e *PropsError) orNil() error {
	if len(e.Faults) == 0 && e.Vendor == nil {
		return nil
	}
	return e
}

// Limits of Lambda. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	minMemoryMB = 128
	maxMemoryMB = 10240
	maxTimeout  = 15 * time.Minute
)

// Limits of Step Functions: how long an execution lasts, and how many items of an inline Map run at once.
// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
const (
	maxRunTimeout = 365 * 24 * time.Hour
	maxLanes      = 40
)

// Validate tells every fault of p at once, as a [*PropsError], or nil. A nil p is one that lacks its Vendor.
func (p *VendorPipelineProps) Validate() error {
	if p == nil {
		p = &VendorPipelineProps{}
	}
	settled := p.withDefaults()
	faults := PropsError{Construct: "VendorPipeline"}
	want := faults.want
	if p.Vendor == nil {
		want(false, "Vendor", "not set", "the description of a vendor, for example on24.Vendor(clientID)")
	} else {
		faults.Vendor = p.Vendor.Validate()
		if name := p.twice(); faults.Vendor == nil && !p.DisableTables {
			want(name == "", "Vendor.Streams", fmt.Sprintf("named so that two tables or views are called %s", name),
				"another name for the stream or the column: a stream s has the tables s_rows, s_compacted, s_days and s_quarantine, and a view s_c for each column c with items")
		}
		want(!p.Vendor.AllowPrivate || p.Environment == EnvironmentLocal, "Vendor.AllowPrivate", true,
			"false: plain HTTP and private addresses are for the Environment %q alone", EnvironmentLocal)
	}
	faults.wantTag("Environment", p.Environment, "prod")
	faults.wantTag("Owner", p.Owner, "marketing-data")
	faults.wantTag("CostCenter", p.CostCenter, "4711")
	_, aligned := cron(settled.ScheduleInterval)
	want(aligned, "ScheduleInterval", settled.ScheduleInterval, "whole minutes that divide an hour (1m to 60m), or whole hours that divide a day (1h to 24h)")
	if p.StartOn != nil {
		sources := texts(p.StartOn.Source)
		want(len(sources) > 0 && !slices.ContainsFunc(sources, mayBeOwn), "StartOn.Source", fmt.Sprintf("%q", sources),
			"at least one source of events, each in full (no Match), and not %q: a run would start itself for ever", telemetry.AnnouncementSource)
	}
	want(settled.Genesis.Equal(settled.Genesis.Truncate(time.Second)), "Genesis", settled.Genesis.Format(time.RFC3339Nano), "a whole second")
	want(settled.Architecture == ARM64 || settled.Architecture == X86, "Architecture", fmt.Sprintf("%q", settled.Architecture), "%q or %q", ARM64, X86)
	want(settled.MemoryMB >= minMemoryMB && settled.MemoryMB <= maxMemoryMB, "MemoryMB", settled.MemoryMB, "%d to %d", minMemoryMB, maxMemoryMB)
	want(settled.EraseMemoryMB >= minMemoryMB && settled.EraseMemoryMB <= maxMemoryMB, "EraseMemoryMB", settled.EraseMemoryMB, "%d to %d", minMemoryMB, maxMemoryMB)
	want(!p.EraseForgotten || p.Vendor == nil || tellsForgotten(p.Vendor), "EraseForgotten", true, "false: no stream's description says by what a record shows that its person is forgotten (Forgotten)")
	want(settled.Timeout >= time.Second && settled.Timeout <= maxTimeout && settled.Timeout%time.Second == 0, "Timeout", settled.Timeout, "whole seconds, 1s to %s", maxTimeout)
	want(settled.SafetyMargin > 0 && settled.SafetyMargin < settled.Timeout, "SafetyMargin", settled.SafetyMargin, "more than 0 and less than Timeout (%s)", settled.Timeout)
	want(settled.RunTimeout >= settled.Timeout && settled.RunTimeout <= maxRunTimeout && settled.RunTimeout%time.Second == 0, "RunTimeout", settled.RunTimeout,
		"whole seconds, no less than Timeout (%s) and at most %s", settled.Timeout, maxRunTimeout)
	want(settled.BackfillLanes >= 1 && settled.BackfillLanes <= maxLanes, "BackfillLanes", settled.BackfillLanes, "1 to %d", maxLanes)
	want(settled.PartBytes > 0, "PartBytes", settled.PartBytes, "a number of bytes above 0")
	want(settled.DefaultRate > 0 && finite(settled.DefaultRate), "DefaultRate", settled.DefaultRate, "a number of records a second above 0")
	_, allowed := logRetention[settled.LogRetentionDays]
	want(allowed, "LogRetentionDays", settled.LogRetentionDays, "one of %v", slices.Sorted(maps.Keys(logRetention)))
	want(settled.NoncurrentVersionDays > 0, "NoncurrentVersionDays", settled.NoncurrentVersionDays, "a number of days above 0")
	want(p.Secret == nil || p.Vendor == nil || len(p.Vendor.SecretFields()) > 0, "Secret", "set", "none: the vendor's description needs no credentials (Auth.Kind)")
	want(p.PrivacyKeySecret == nil || p.Vendor == nil || p.Vendor.NeedsPrivacyKey(), "PrivacyKeySecret", "set",
		"none: no column of the vendor's description is hashed, and no stream says whose its records are (PersonPath)")
	if p.Model != nil {
		want(!p.DisableTables, "Model", "set", "none with DisableTables: there is no view then")
		for _, view := range []struct{ field, sql string }{
			{"Events", p.Model.Events}, {"Registrations", p.Model.Registrations}, {"Attendances", p.Model.Attendances}, {"Interactions", p.Model.Interactions},
		} {
			sql := strings.TrimSpace(view.sql)
			want(sql != "" && !strings.HasSuffix(sql, ";"), "Model."+view.field, fmt.Sprintf("%q", cut(sql, 40)),
				"one query without a semicolon; one that has no rows for what the vendor does not tell, see docs/insights.md")
		}
	}
	want(p.Vpc != nil || p.VpcSubnets == nil, "VpcSubnets", "set", "none without Vpc")
	want(p.Vpc != nil || len(p.SecurityGroups) == 0, "SecurityGroups", "set", "none without Vpc")
	want(p.AlarmTopic == nil || len(p.AlarmEmails) == 0, "AlarmEmails", fmt.Sprintf("%q", p.AlarmEmails), "none with an AlarmTopic of your own: subscribe to that where it is made")
	faults.wantEmails(p.AlarmEmails)
	least := p.settleDelay() + settled.ScheduleInterval
	want(p.StalenessThreshold == 0 || p.StalenessThreshold >= least, "StalenessThreshold", p.StalenessThreshold,
		"no less than %s: the longest settle delay of the streams and ScheduleInterval, by which a watermark lies behind where all is well", inWords(least))
	want(settled.SpendFactor > 1 && finite(settled.SpendFactor), "SpendFactor", settled.SpendFactor, "more than 1: a day as expected is no reason for an alarm")
	runbook, err := url.Parse(settled.RunbookURL)
	want(err == nil && (runbook.Scheme == "https" || runbook.Scheme == "http") && runbook.Host != "" && runbook.Fragment == "", "RunbookURL", fmt.Sprintf("%q", settled.RunbookURL),
		"an address without a fragment, for example %s", DefaultRunbookURL)
	if p.Workload != nil {
		err := p.Workload.Validate()
		want(err == nil, "Workload", fmt.Sprint(err), "a day with runs, and without numbers below 0")
	}
	want(settled.MonthlyBudgetUSD >= 0 && finite(settled.MonthlyBudgetUSD), "MonthlyBudgetUSD", settled.MonthlyBudgetUSD, "an amount in US dollars above 0")
	want(p.DatabaseName == "" || validDatabase.MatchString(p.DatabaseName), "DatabaseName", fmt.Sprintf("%q", p.DatabaseName),
		"lower-case letters, digits and underscores, at most %d", maxDatabaseName)
	want(settled.TableYears >= 1, "TableYears", settled.TableYears, "a number of years above 0")
	want(settled.QueryScanLimitMB >= minScanLimitMB && settled.QueryScanLimitMB <= maxScanLimitMB, "QueryScanLimitMB", settled.QueryScanLimitMB, "%d to %d", minScanLimitMB, maxScanLimitMB)
	want(settled.QueryResultDays >= 1, "QueryResultDays", settled.QueryResultDays, "a number of days above 0")
	return faults.orNil()
}

// twice is the name of two of the vendor's tables and views, empty where each has one of its own.
func (p *VendorPipelineProps) twice() string {
	seen := map[string]bool{}
	all := lakesql.Names(p.Vendor)
	for _, view := range p.model() {
		all = append(all, view.Name)
	}
	for _, name := range all {
		if seen[name] {
			return name
		}
		seen[name] = true
	}
	return ""
}

var (
	emailAddress  = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
	validDatabase = regexp.MustCompile(fmt.Sprintf(`^[a-z0-9_]{1,%d}$`, maxDatabaseName))
)

func finite(number float64) bool { return !math.IsInf(number, 0) }

// mayBeOwn reports whether events of a source may be the pipeline's own announcements. What matches more than one source
// is not known before the template is written.
func mayBeOwn(source string) bool {
	return source == telemetry.AnnouncementSource || *awscdk.Token_IsUnresolved(source)
}

// texts are the values of a list of CDK's, nil for none.
func texts(list *[]*string) []string {
	if list == nil {
		return nil
	}
	var values []string
	for _, value := range *list {
		values = append(values, *value)
	}
	return values
}

// reservedTag is what AWS's own tags begin with.
const reservedTag = "aws:"

// tagCharacters are those of the value of a tag, in words.
const tagCharacters = "letters, digits, blanks and any of _.:/=+-@"

// validTag reports whether value may be the value of a tag.
// https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
func validTag(value string) bool {
	return len(value) <= 256 && !strings.HasPrefix(strings.ToLower(value), reservedTag) && !strings.ContainsFunc(value, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" _.:/=+-@", r))
	})
}

// logRetention are the days for which CloudWatch Logs can keep a log group.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
var logRetention = map[int]awslogs.RetentionDays{
	1:    awslogs.RetentionDays_ONE_DAY,
	3:    awslogs.RetentionDays_THREE_DAYS,
	5:    awslogs.RetentionDays_FIVE_DAYS,
	7:    awslogs.RetentionDays_ONE_WEEK,
	14:   awslogs.RetentionDays_TWO_WEEKS,
	30:   awslogs.RetentionDays_ONE_MONTH,
	60:   awslogs.RetentionDays_TWO_MONTHS,
	90:   awslogs.RetentionDays_THREE_MONTHS,
	120:  awslogs.RetentionDays_FOUR_MONTHS,
	150:  awslogs.RetentionDays_FIVE_MONTHS,
	180:  awslogs.RetentionDays_SIX_MONTHS,
	365:  awslogs.RetentionDays_ONE_YEAR,
	400:  awslogs.RetentionDays_THIRTEEN_MONTHS,
	545:  awslogs.RetentionDays_EIGHTEEN_MONTHS,
	731:  awslogs.RetentionDays_TWO_YEARS,
	1096: awslogs.RetentionDays_THREE_YEARS,
	1827: awslogs.RetentionDays_FIVE_YEARS,
	2192: awslogs.RetentionDays_SIX_YEARS,
	2557: awslogs.RetentionDays_SEVEN_YEARS,
	2922: awslogs.RetentionDays_EIGHT_YEARS,
	3288: awslogs.RetentionDays_NINE_YEARS,
	3653: awslogs.RetentionDays_TEN_YEARS,
}
