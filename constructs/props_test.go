package constructs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// defaults are the exported defaults by their names.
var defaults = map[string]any{
	"DefaultScheduleInterval": DefaultScheduleInterval, "DefaultArchitecture": DefaultArchitecture, "DefaultMemoryMB": DefaultMemoryMB,
	"DefaultTimeout": DefaultTimeout, "DefaultRunTimeout": DefaultRunTimeout, "DefaultBackfillLanes": DefaultBackfillLanes,
	"DefaultSafetyMargin": DefaultSafetyMargin, "DefaultPartBytes": DefaultPartBytes, "DefaultRate": DefaultRate, "DefaultLogLevel": DefaultLogLevel,
	"DefaultLogRetentionDays": DefaultLogRetentionDays, "DefaultNoncurrentVersionDays": DefaultNoncurrentVersionDays,
	"DefaultStaleIntervals": DefaultStaleIntervals, "DefaultSpendFactor": DefaultSpendFactor, "DefaultRunbookURL": DefaultRunbookURL,
	"DefaultTableYears": DefaultTableYears, "DefaultQueryScanLimitMB": DefaultQueryScanLimitMB, "DefaultQueryResultDays": DefaultQueryResultDays,
	"DefaultIngestPackage": DefaultIngestPackage, "DefaultPreprocessPackage": DefaultPreprocessPackage, "DefaultErasePackage": DefaultErasePackage, "DefaultEraseMemoryMB": DefaultEraseMemoryMB,
	"DefaultAnomalyUSD": DefaultAnomalyUSD,
}

var quotedDefault = regexp.MustCompile(`\[(Default\w+)\] \(([^)]*)\)`)

// TestDocCommentsStateTheDefaults compares each default that a doc comment of a prop states with the constant.
func TestDocCommentsStateTheDefaults(t *testing.T) {
	packages, err := parser.ParseDir(token.NewFileSet(), ".", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	quoted, named := map[string]bool{}, map[string]bool{}
	for _, file := range packages["constructs"].Files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Field:
				for _, match := range quotedDefault.FindAllStringSubmatch(strings.Join(strings.Fields(n.Doc.Text()), " "), -1) {
					name, stated := match[1], match[2]
					quoted[name] = true
					value := fmt.Sprint(defaults[name])
					if d, ok := defaults[name].(time.Duration); ok {
						value = inWords(d)
					}
					if stated != value {
						t.Errorf("the doc comment of %s states that %s is %s, and it is %s", n.Names[0], name, stated, value)
					}
				}
			case *ast.ValueSpec:
				for _, name := range n.Names {
					if strings.HasPrefix(name.Name, "Default") {
						named[name.Name] = true
					}
				}
			}
			return true
		})
	}
	for name := range named {
		if defaults[name] == nil {
			t.Errorf("the constant %s is not in the test's list", name)
		}
		if !quoted[name] {
			t.Errorf("no doc comment of a prop states the default [%s] (%v)", name, defaults[name])
		}
	}
	if len(named) != len(defaults) {
		t.Errorf("%d constants are named Default..., the test knows %d", len(named), len(defaults))
	}
}

// TestEverythingIsSet watches over the props that the tests of whole templates are made with.
func TestEverythingIsSet(t *testing.T) {
	stack := awscdk.NewStack(newApp(map[string]any{}), jsii.String("test"), nil)
	// These cannot be set beside another prop, or leave out what is to be tested.
	exempt := map[string]bool{"AlarmEmails": true, "DisableAlarms": true, "DisableBudget": true, "DisableTables": true}
	props := reflect.ValueOf(*everything(stack))
	for i := range props.NumField() {
		if name := props.Type().Field(i).Name; props.Field(i).IsZero() && !exempt[name] {
			t.Errorf("%s is not set in the template with every prop set", name)
		}
	}
	minimal := reflect.ValueOf(*required())
	for i := range minimal.NumField() {
		name := minimal.Type().Field(i).Name
		field, _ := reflect.TypeOf(VendorPipelineProps{}).FieldByName(name)
		if required := map[string]bool{"Vendor": true, "Environment": true, "Owner": true, "CostCenter": true}[field.Name]; minimal.Field(i).IsZero() == required {
			t.Errorf("%s: set is %t in the template with the required props alone", name, !required)
		}
	}
}
