package pricing_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/windrow-data/windrow/functions/pricing"
)

var address = regexp.MustCompile(`https://(docs\.)?aws\.amazon\.com/\S+`)

// parsed is this package's source without its tests.
func parsed(t *testing.T) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		if files[name], err = parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestEveryPriceSaysWhereItIsFrom(t *testing.T) {
	stated := 0
	for _, file := range parsed(t) {
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.TypeSpec)
			if !ok || spec.Name.Name != "Prices" {
				return true
			}
			for _, field := range spec.Type.(*ast.StructType).Fields.List {
				for _, name := range field.Names {
					stated++
					comment := field.Doc.Text()
					if !strings.HasPrefix(comment, name.Name+" is ") {
						t.Errorf("the comment of %s does not say what it is: %q", name, comment)
					}
					if !address.MatchString(comment) {
						t.Errorf("the comment of %s names no page of AWS: %q", name, comment)
					}
				}
			}
			return false
		})
	}
	if want := reflect.TypeFor[pricing.Prices]().NumField(); stated != want {
		t.Errorf("found %d fields of Prices in the source, want %d: the test looks at the wrong type", stated, want)
	}
}

func TestEveryPriceIsSet(t *testing.T) {
	prices := reflect.ValueOf(pricing.USEast1)
	for i := range prices.NumField() {
		field := prices.Type().Field(i)
		if field.Type.Kind() == reflect.Float64 && !(prices.Field(i).Float() > 0) || prices.Field(i).IsZero() {
			t.Errorf("%s is %v", field.Name, prices.Field(i))
		}
	}
}

func TestIn(t *testing.T) {
	prices, err := pricing.In("us-east-1")
	if err != nil || prices != pricing.USEast1 {
		t.Errorf("us-east-1: %+v, %v", prices, err)
	}
	for _, region := range []string{"", "eu-central-1", "US-EAST-1"} {
		prices, err = pricing.In(region)
		if err == nil || prices != (pricing.Prices{}) {
			t.Errorf("%q has prices %+v", region, prices)
			continue
		}
		for _, part := range []string{strconv.Quote(region), "only for us-east-1", "add a table"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %v, want it to say %q", region, err, part)
			}
		}
	}
}

// TestPure keeps everything out of the package that a price could depend on beside its arguments.
func TestPure(t *testing.T) {
	allowed := []string{"errors", "fmt", "io", "math", "slices", "strconv", "strings", "text/tabwriter", "time"}
	clock := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Local", "LoadLocation"}
	for name, file := range parsed(t) {
		for _, spec := range file.Imports {
			if path, _ := strconv.Unquote(spec.Path.Value); !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", name, path)
			}
		}
		ast.Inspect(file, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if of, ok := selector.X.(*ast.Ident); ok && of.Name == "time" && slices.Contains(clock, selector.Sel.Name) {
				t.Errorf("%s uses time.%s", name, selector.Sel.Name)
			}
			return true
		})
	}
}
