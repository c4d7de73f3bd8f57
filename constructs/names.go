package constructs

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Limits of the names that are made here.
const (
	// maxName is the longest name of a pipeline: the value of a tag has 256 characters, and the name of an alarm 255,
	// of which some say what has happened.
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
	maxName = 200
	// maxDatabaseName is the longest name of a database that Athena queries.
	// https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html
	maxDatabaseName = 128
	// maxWorkgroupName is the longest name of a workgroup.
	// https://docs.aws.amazon.com/athena/latest/APIReference/API_WorkGroup.html
	maxWorkgroupName = 128
	// maxBudgetName is the longest name that AWS Budgets takes.
	// https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Budget.html
	maxBudgetName = 100
	// maxRegionName leaves room for a region's name, which may only be known when the stack is deployed.
	maxRegionName = 20
	// maxLogGroupName is the longest name of a log group that is made here; CloudWatch Logs takes 512.
	maxLogGroupName = 256
)

// nameOf is the name of the stack and the path in it, which no other pipeline of an account and region has. The path
// alone begins with the stack's construct ID, which two apps may share.
func nameOf(p *VendorPipeline) string {
	stack := awscdk.Stack_Of(p)
	path := *p.Node().Path()
	if *awscdk.Token_IsUnresolved(stack.StackName()) {
		return path // A nested stack is named when it is deployed.
	}
	return *stack.StackName() + pathInStack(p)
}

// pathInStack is the construct's path below its stack, with a slash before each ID.
func pathInStack(c constructs.IConstruct) string {
	return strings.TrimPrefix(*c.Node().Path(), *awscdk.Stack_Of(c).Node().Path())
}

// checkName refuses a name that tags, metrics and alarms cannot have.
func (p *VendorPipeline) checkName() error {
	faults := PropsError{Construct: "VendorPipeline"}
	faults.want(validTag(p.Name) && len(p.Name) <= maxName, "the pipeline's name", fmt.Sprintf("%q", p.Name),
		"%s, at most %d: it is made of the stack's name and the construct IDs below it", tagCharacters, maxName)
	return faults.orNil()
}

// claim refuses what another pipeline of the app has already, which both would write to. what is told in the error, with
// the way out.
func (p *VendorPipeline) claim(field, what, key, wayOut string) error {
	const kind = "windrow:claim"
	stage := awscdk.Stage_Of(p).Node()
	for _, entry := range *stage.Metadata() {
		if claimed, ok := entry.Data.(string); ok && *entry.Type == kind {
			if owner, found := strings.CutPrefix(claimed, key+" "); found {
				return &PropsError{Construct: "VendorPipeline", Faults: []Fault{{field, fmt.Sprintf("%s of %s too", what, owner), wayOut}}}
			}
		}
	}
	stage.AddMetadata(jsii.String(kind), key+" "+p.Name, nil)
	return nil
}

// spelling is how a pipeline's name is spelt where not all of its characters are allowed. What two names could be spelt alike by
// ends with a hash of the name.
type spelling struct {
	// slash stands for the slash between the stack's name and the IDs below it, other for what else is not allowed.
	slash, other string
	// allowed are the characters of a name that stay as they are, beside the slash.
	allowed *regexp.Regexp
	// clear are the names that are spelt as no other is.
	clear *regexp.Regexp
	most  int
}

var (
	// databases are spelt in lower case. A name that differs from another one in case alone is spelt as that.
	databases  = spelling{"__", "_", regexp.MustCompile(`[a-z0-9]`), regexp.MustCompile(`^[a-z0-9]+([/-][a-z0-9]+)*$`), maxDatabaseName}
	workgroups = spelling{".", "-", regexp.MustCompile(`[a-zA-Z0-9_-]`), regexp.MustCompile(`^[a-zA-Z0-9_/-]*$`), maxWorkgroupName}
	budgets    = spelling{".", "-", regexp.MustCompile(`[^:\\/.]`), regexp.MustCompile(`^[^:\\.]*$`), maxBudgetName - maxRegionName - 1}
)

func (s spelling) of(name string) string {
	var made strings.Builder
	for _, r := range name {
		switch {
		case r == '/':
			made.WriteString(s.slash)
		case s.allowed.MatchString(string(r)):
			made.WriteRune(r)
		default:
			made.WriteString(s.other)
		}
	}
	if s.clear.MatchString(name) && made.Len() <= s.most {
		return made.String()
	}
	return withHash(made.String(), name, s.most, s.other)
}

// databaseName is a name that no other pipeline of the account and region has, unless one is given.
func databaseName(given, pipeline string) string {
	return cmp.Or(given, databases.of(strings.ToLower(pipeline)))
}

func workgroupName(pipeline string) string { return workgroups.of(pipeline) }

// notInLogGroups are what the name of a log group cannot have.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
var notInLogGroups = regexp.MustCompile(`[^a-zA-Z0-9_/.#-]+`)

// budgetName is a name that no other pipeline of the account has: budgets know no regions.
func budgetName(pipeline, region string) string { return budgets.of(pipeline) + "-" + region }

// shorten is name in at most most characters. One that is cut ends with what tells it from others that begin alike.
func shorten(name string, most int, separator string) string {
	if len(name) <= most {
		return name
	}
	return withHash(name, name, most, separator)
}

// withHash is the beginning of made, at most most characters with a hash of name at its end.
func withHash(made, name string, most int, separator string) string {
	hash := sha256.Sum256([]byte(name))
	end := separator + hex.EncodeToString(hash[:4])
	return made[:min(len(made), most-len(end))] + end
}
