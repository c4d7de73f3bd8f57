// Package lakesqltest puts SQL of package lakesql, and of what is built upon it, to the engines that it is meant for: DuckDB runs it over a
// folder of real files, and Trino's grammar reads it.
//
// It stands apart so that every package that brings SQL is held to the same two. Both run under Node, from the modules that package.json
// names.
package lakesqltest

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/windrow-data/windrow/functions/lakesql"
)

// Answer is what a query gives.
type Answer struct {
	Columns []string `json:"columns"`
	// Types are DuckDB's, as describe shows them.
	Types []string `json:"types"`
	// Rows hold nil, bool, string, json.Number or []any: times as ISO 8601 text with a Z, whole numbers beyond 2^53 as text.
	Rows [][]any `json:"rows"`
	// Error is why the query failed, empty where it did not.
	Error string `json:"error"`
}

// Ask runs the setup in a new database of DuckDB, after [lakesql.DuckDBMacros], and then the queries by their names. Both are in DuckDB's
// words. A query that fails fails the test.
func Ask(t testing.TB, setup string, queries map[string]string) map[string]Answer {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "views.sql"), []byte(lakesql.DuckDBMacros+setup), 0o644); err != nil {
		t.Fatal(err)
	}
	var answers map[string]Answer
	out, err := node(queries, "infra/local/query.mjs", "--json", "-", folder)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(out))
	decoder.UseNumber()
	if err := decoder.Decode(&answers); err != nil {
		t.Fatalf("the answers: %v", err)
	}
	for name, answer := range answers {
		if answer.Error != "" {
			t.Fatalf("DuckDB on %s: %s\n%s", name, answer.Error, queries[name])
		}
	}
	return answers
}

// CheckTrino fails the test where a statement, of its name, does not parse as Trino's SQL.
func CheckTrino(t testing.TB, statements map[string]string) {
	t.Helper()
	if faults := TrinoFaults(t, statements); faults != "" {
		t.Errorf("no SQL of Trino:\n%s", faults)
	}
}

// TrinoFaults says what is no SQL of Trino in the statements, a line a fault that begins with the statement's name; empty where all is.
func TrinoFaults(t testing.TB, statements map[string]string) string {
	t.Helper()
	out, err := node(statements, "infra/checks/trino.mjs")
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && len(exit.Stderr) == 0 && len(out) > 0) {
		t.Fatal(err)
	}
	return string(out)
}

// node runs a script of this module with input as JSON on its standard input.
func node(input any, script string, arguments ...string) ([]byte, error) {
	_, here, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(here), "..", "..", "..")
	text, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	command := exec.Command("node", append([]string{filepath.Join(root, script)}, arguments...)...)
	command.Stdin = bytes.NewReader(text)
	out, err := command.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return out, errors.Join(err, errors.New(string(exit.Stderr)))
	}
	return out, err
}
