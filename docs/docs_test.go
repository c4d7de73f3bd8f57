// Package docs holds no code: its tests hold the documents to what they tell of.
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/lakesql/lakesqltest"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
)

// headings are the anchors of a document's headings, as GitHub makes them.
func headings(t *testing.T, path string) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var anchors []string
	fenced := false
	for line := range strings.SplitSeq(string(content), "\n") {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if title := strings.TrimLeft(line, "#"); title != line && strings.HasPrefix(title, " ") && !fenced {
			anchor := strings.ToLower(strings.TrimSpace(title))
			anchor = regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(anchor, "")
			anchors = append(anchors, strings.ReplaceAll(anchor, " ", "-"))
		}
	}
	return anchors
}

// documents are the texts of all documents, by their paths.
func documents(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("*.md")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no documents (%v)", err)
	}
	texts := map[string]string{}
	for _, path := range append(paths, "../README.md") {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(content)
	}
	return texts
}

func TestTheRunbookHasAHeadingForEachKind(t *testing.T) {
	there := headings(t, "runbook.md")
	for _, kind := range telemetry.Kinds() {
		if !slices.Contains(there, string(kind)) {
			t.Errorf("the runbook has no heading %s", kind)
		}
		if kind.FirstLook() == "" {
			t.Errorf("%s does not say where to look first", kind)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinksLeadSomewhere follows the links of the documents to files and headings of this repository.
func TestLinksLeadSomewhere(t *testing.T) {
	for document, content := range documents(t) {
		for _, match := range link.FindAllStringSubmatch(content, -1) {
			path, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(path, "://") {
				continue
			}
			target := document
			if path != "" {
				target = filepath.Join(filepath.Dir(document), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", document, match[1])
				continue
			}
			if anchor != "" && !slices.Contains(headings(t, target), anchor) {
				t.Errorf("%s links to %s, which has no such heading", document, match[1])
			}
		}
	}
}

// TestExamplesAreCompiled holds the README's Go to the example that a test compiles, synthesizes and plays.
func TestExamplesAreCompiled(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("../constructs/testdata/consumer/main.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) == 0 {
		t.Error("the README has no Go")
	}
	for _, block := range blocks {
		for line := range strings.Lines(block[1]) {
			if strings.TrimSpace(line) != "" && !strings.Contains(string(example), line) {
				t.Errorf("the README's line is not in the example: %s", line)
			}
		}
	}
}

// TestQueriesAreSQLOfBothEngines puts the examples of queries to DuckDB, over tables that are empty, and to Trino's grammar.
func TestQueriesAreSQLOfBothEngines(t *testing.T) {
	document, err := os.ReadFile("queries.md")
	if err != nil {
		t.Fatal(err)
	}
	statements, queries := map[string]string{}, map[string]string{}
	for _, block := range regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(document), -1) {
		name, _, _ := strings.Cut(block[1], "\n")
		statements[name], queries[name] = block[1], lakesql.DuckDB(block[1])
	}
	if len(statements) < 7 {
		t.Fatalf("%d examples", len(statements))
	}
	lakesqltest.CheckTrino(t, statements)
	lakesqltest.Ask(t, lakesql.DuckDBSchema("on24", on24.Vendor("90001"), func(lakesql.Table) string { return "" }), queries)
	for _, macro := range regexp.MustCompile(`macro (\w+)\(`).FindAllStringSubmatch(lakesql.DuckDBMacros, -1) {
		if !strings.Contains(string(document), "`"+macro[1]+"`") {
			t.Errorf("queries.md does not name the function %s, which DuckDB has from us", macro[1])
		}
	}
}

var conflict = regexp.MustCompile(`(?m)^(<{7} .*|={7}|>{7} .*)$`)

// TestNoMergeIsHalfMade looks for what git leaves in a file whose two versions nobody has made one of: in a document nothing else
// fails of it.
func TestNoMergeIsHalfMade(t *testing.T) {
	for document, content := range documents(t) {
		if found := conflict.FindString(content); found != "" {
			t.Errorf("%s holds the line %s of a merge", document, found)
		}
	}
}
