package constructs

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what the tests compare with: docs/reference.md")

const reference = "../docs/reference.md"

// TestReference holds docs/reference.md to the doc comments that it is made of.
func TestReference(t *testing.T) {
	want := writeReference(t)
	if *update {
		if err := os.WriteFile(reference, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the doc comments say: run go test ./constructs -run TestReference -update", reference)
	}
}

// described are the types that the reference has, with their titles.
var described = []struct{ name, title string }{
	{"VendorPipelineProps", "What can be set"},
	{"VendorPipeline", "What is made, and can be reached"},
	{"CostAnomalyMonitorProps", "The cost anomaly monitor: what can be set"},
	{"CostAnomalyMonitor", "The cost anomaly monitor: what is made"},
}

func writeReference(t *testing.T) []byte {
	t.Helper()
	files := token.NewFileSet()
	parsed, err := parser.ParseDir(files, ".", func(info os.FileInfo) bool { return !strings.HasSuffix(info.Name(), "_test.go") }, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	// doc.New takes what it needs out of the tree.
	pkg := doc.New(parsed["constructs"], "github.com/windrow-data/windrow/constructs", 0)
	types := map[string]*doc.Type{}
	for _, typ := range pkg.Types {
		types[typ.Name] = typ
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Reference of the construct\n\nMade of the doc comments of [constructs](../constructs) by `go test ./constructs -run TestReference -update`; a test holds it to them.\n")
	for _, d := range described {
		typ := types[d.name]
		fmt.Fprintf(&b, "\n## %s\n\n`%s`: %s\n\n| field | type | |\n|---|---|---|\n", d.title, d.name, markdown(typ.Doc))
		structure := typ.Decl.Specs[0].(*ast.TypeSpec).Type.(*ast.StructType)
		for _, field := range structure.Fields.List {
			for _, name := range field.Names {
				if name.IsExported() {
					fmt.Fprintf(&b, "| %s | `%s` | %s |\n", name.Name, source(files, field.Type), markdown(commentOf(structure, field)))
				}
			}
		}
		for _, method := range typ.Methods {
			if method.Name == "Validate" && d.name == "VendorPipeline" {
				continue
			}
			fmt.Fprintf(&b, "\n`%s`: %s\n", signature(files, method.Decl), markdown(method.Doc))
		}
	}
	fmt.Fprintf(&b, "\n## Defaults\n\n| constant | value |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(defaults)) {
		value := fmt.Sprint(defaults[name])
		if d, ok := defaults[name].(time.Duration); ok {
			value = inWords(d)
		}
		fmt.Fprintf(&b, "| %s | %s |\n", name, value)
	}
	fmt.Fprintf(&b, "\n## Other constants\n\n| constant | value | |\n|---|---|---|\n")
	groups := pkg.Consts
	for _, typ := range pkg.Types {
		groups = append(groups, typ.Consts...)
	}
	var rows []string
	for _, group := range groups {
		for _, spec := range group.Decl.Specs {
			spec := spec.(*ast.ValueSpec)
			name := spec.Names[0].Name
			literal, isText := spec.Values[0].(*ast.BasicLit)
			if !isText || literal.Kind != token.STRING || !token.IsExported(name) || strings.HasPrefix(name, "Default") {
				continue
			}
			comment := spec.Doc.Text()
			if comment == "" {
				comment = group.Doc
			}
			rows = append(rows, fmt.Sprintf("| %s | `%s` | %s |\n", name, strings.Trim(literal.Value, `"`), markdown(comment)))
		}
	}
	slices.Sort(rows)
	b.WriteString(strings.Join(rows, ""))
	return b.Bytes()
}

// commentOf is a field's comment, or that of the field before where several share one.
func commentOf(structure *ast.StructType, field *ast.Field) string {
	comment := ""
	for _, f := range structure.Fields.List {
		if text := f.Doc.Text(); text != "" {
			comment = text
		}
		if f == field {
			return comment
		}
	}
	return comment
}

func source(files *token.FileSet, node any) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, files, node); err != nil {
		panic(err)
	}
	return b.String()
}

func signature(files *token.FileSet, f *ast.FuncDecl) string {
	bare := *f
	bare.Doc, bare.Body = nil, nil
	return source(files, &bare)
}

// markdown is a doc comment as one line, fit for a cell of a table.
func markdown(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		// The targets of links are of use to pkg.go.dev alone.
		if strings.HasPrefix(line, "[") && strings.Contains(line, "]: http") {
			continue
		}
		lines = append(lines, line)
	}
	return strings.NewReplacer("|", `\|`, "[", "`", "]", "`").Replace(strings.Join(strings.Fields(strings.Join(lines, " ")), " "))
}
