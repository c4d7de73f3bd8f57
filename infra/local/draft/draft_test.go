package draft

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

var update = flag.Bool("update", false, "write the drafts that are compared with")

// documents are those of testdata, with what each lacks.
var documents = map[string]struct {
	options Options
	missing []string
}{
	"signups.yaml":    {Options{}, nil},
	"attendance.json": {Options{Package: "attending"}, nil},
	"tokens.yaml":     {Options{}, []string{"Auth: how a token is fetched: OAuth 2 with client credentials, at https://login.calls.example/token"}},
	"links.yaml": {Options{Server: "https://tracker.example/api/v3"}, []string{
		"issues.Window: two parameters that bound the time asked for: since alone", "issues.Path: a value in the place of {owner}", "issues.Key: the fields that identify", "issues.TimePath: the path of the time",
	}},
}

func draftOf(t *testing.T, name string) *Result {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	result, err := Draft(content, documents[name].options)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestDrafts(t *testing.T) {
	for name, document := range documents {
		t.Run(name, func(t *testing.T) {
			result := draftOf(t, name)
			golden := filepath.Join("testdata", strings.TrimSuffix(name, filepath.Ext(name))+".golden")
			if *update {
				if err := os.WriteFile(golden, result.Source, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(result.Source)); diff != "" {
				t.Errorf("(-want +got), or -update:\n%s", diff)
			}
			if len(result.Missing) != len(document.missing) {
				t.Errorf("missing are %q, want %d", result.Missing, len(document.missing))
			}
			for _, missing := range document.missing {
				if !strings.Contains(strings.Join(result.Missing, "\n"), missing) {
					t.Errorf("want %q among what is missing: %q", missing, result.Missing)
				}
			}
		})
	}
}

// TestDraftsCompile builds each draft, holds the description it returns to the one drafted, and validates those that lack nothing.
func TestDraftsCompile(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles")
	}
	// Inside this module, which is where the package of the descriptions is found.
	dir, err := os.MkdirTemp("testdata", "compiled-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var imports, entries strings.Builder
	for name := range documents {
		result := draftOf(t, name)
		pkg := "d" + strings.TrimSuffix(name, filepath.Ext(name))
		if err := os.Mkdir(filepath.Join(dir, pkg), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, pkg, "vendor.go"), result.Source, 0o644); err != nil {
			t.Fatal(err)
		}
		imports.WriteString(pkg + ` "github.com/windrow-data/windrow/infra/local/draft/testdata/` + filepath.Base(dir) + "/" + pkg + "\"\n")
		entries.WriteString(`"` + name + `": ` + pkg + ".Vendor(),\n")
	}
	main := "package main\n\nimport (\n\"encoding/json\"\n\"os\"\n\n" + imports.String() + ")\n\nfunc main() {\njson.NewEncoder(os.Stdout).Encode(map[string]any{\n" + entries.String() + "})\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(main), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "run", "./"+dir).Output()
	if err != nil {
		if failed, ok := err.(*exec.ExitError); ok {
			t.Fatalf("%v\n%s", err, failed.Stderr)
		}
		t.Fatal(err)
	}
	var compiled map[string]*vendorapi.Vendor
	if err := json.Unmarshal(out, &compiled); err != nil {
		t.Fatal(err)
	}
	for name, document := range documents {
		if diff := cmp.Diff(draftOf(t, name).Vendor, compiled[name]); diff != "" {
			t.Errorf("%s (-drafted +compiled):\n%s", name, diff)
		}
		err := compiled[name].Validate()
		if faulty := name == "links.yaml"; (err != nil) != faulty {
			t.Errorf("%s lacks %q, and is valid but for %v", name, document.missing, err)
		}
	}
}

func TestChosenOperations(t *testing.T) {
	content, err := os.ReadFile("testdata/links.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		options Options
		streams []string
		err     string
	}{
		"all":           {Options{}, []string{"events", "issues"}, ""},
		"a stream":      {Options{Streams: []string{"events"}}, []string{"events"}, ""},
		"a path":        {Options{Paths: []string{"/repos/{owner}/issues"}}, []string{"issues"}, ""},
		"no such one":   {Options{Streams: []string{"calls"}}, nil, "want of events, issues"},
		"no such path":  {Options{Paths: []string{"/calls"}}, nil, "no GET at /calls"},
		"not a package": {Options{Package: "a-b"}, nil, "want a Go identifier"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			result, err := Draft(content, test.options)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, s := range result.Vendor.Streams {
				names = append(names, s.Name)
			}
			if diff := cmp.Diff(test.streams, names); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnusableDocuments(t *testing.T) {
	for name, test := range map[string]struct{ document, want string }{
		"no OpenAPI":   {"hello", "cannot be read as OpenAPI 3"},
		"Swagger 2":    {`{"swagger": "2.0", "info": {"title": "t", "version": "1"}, "paths": {}}`, "want OpenAPI 3"},
		"no paths":     {`{"openapi": "3.0.0", "info": {"title": "t", "version": "1"}}`, "no paths"},
		"no lists":     {`{"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"get": {"responses": {"200": {"description": ""}}}}}}`, "no stream to draft"},
		"another file": {`{"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"$ref": "/etc/passwd"}}}`, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Draft([]byte(test.document), Options{}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// TestRecordsWithinRecords drafts a record whose fields are records of its own kind.
func TestRecordsWithinRecords(t *testing.T) {
	var fields strings.Builder
	for i := range 40 {
		fields.WriteString(`"child` + string(rune('a'+i%26)) + strings.Repeat("x", i/26) + `": {"$ref": "#/components/schemas/Node"},`)
	}
	document := `{"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "servers": [{"url": "https://api.example.com"}],
		"components": {"schemas": {"Node": {"type": "object", "properties": {` + fields.String() + `"id": {"type": "string"}}}}},
		"paths": {"/nodes": {"get": {"responses": {"200": {"description": "", "content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}}}}}}},
		"/nodes/{id}": {"get": {"responses": {"200": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}}}}}}`
	result, err := Draft([]byte(document), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(result.Vendor.Streams[0].Columns); n != mostColumns {
		t.Errorf("%d columns, want %d", n, mostColumns)
	}
}
