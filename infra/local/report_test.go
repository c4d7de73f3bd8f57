package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReportIsMadeAgain(t *testing.T) {
	t.Chdir("../..")
	known := filepath.FromSlash("infra/local/report/testdata/data.json")
	for _, c := range []struct {
		name      string
		arguments []string
		code      int
		want      string
	}{
		{"of data that were kept", []string{"-data", known}, 0, "report.html is the report"},
		{"of a folder without a run", nil, exitWrong, "has no summary.json: make run first"},
		{"of a file that is not there", []string{"-data", "nowhere.json"}, exitWrong, "nowhere.json"},
		{"of a file that is no data", []string{"-data", "go.mod"}, exitWrong, "the report's data"},
		{"with an argument", []string{"x"}, exitUsage, "want flags only"},
		{"for a question", []string{"-help"}, 0, "one file that opens without a network"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := t.TempDir()
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append([]string{"report", "-out", out}, c.arguments...), &stdout, &stderr)
			if said := stdout.String() + stderr.String(); code != c.code || !strings.Contains(said, c.want) {
				t.Errorf("exit status %d, want %d; it says %q, want %q", code, c.code, said, c.want)
			}
			_, err := os.Stat(filepath.Join(out, "report.html"))
			if made := err == nil; made != strings.Contains(c.want, "is the report") {
				t.Errorf("the page is there: %t", made)
			}
		})
	}
}

// TestARunWithoutPackagesEndsWithoutAPage has make run's program used outside of a checkout whose packages are installed.
func TestARunWithoutPackagesEndsWithoutAPage(t *testing.T) {
	t.Chdir(t.TempDir())
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"report", "-data", "data.json"}, &stdout, &stderr)
	if code != exitWrong {
		t.Errorf("exit status %d", code)
	}
	if err := os.WriteFile("data.json", []byte(`{"source": "s", "vendor": "v", "lakes": []}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if code := run(t.Context(), []string{"report", "-data", "data.json"}, &stdout, &stderr); code != exitWrong || !strings.Contains(stderr.String(), "are not installed: npm ci") {
		t.Errorf("exit status %d: %s", code, &stderr)
	}
}
