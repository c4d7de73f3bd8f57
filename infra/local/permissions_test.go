package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPermissionsCommand(t *testing.T) {
	t.Parallel()
	write := func(content string) string {
		path := filepath.Join(t.TempDir(), "permissions.json")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const row = `{"role":"Reader","sid":"Read","action":"s3:GetObject","resource":"arn:aws:s3:::lake/*","uses":`
	unused, used := write("["+row+"0}]"), write("["+row+"2}]")
	swept := write(`[{"role":"Reader","sid":"SweepParts","action":"s3:DeleteObject","resource":"*","uses":0}]`)
	tests := []struct {
		name      string
		files     []string
		code      int
		out, errs string
	}{
		{"used by one of two runs", []string{unused, used}, 0, "1 permissions, 1 used, 0 not used for a known reason, 0 never used", ""},
		{"never used", []string{unused}, exitWrong, "NEVER USED: Reader, Read: s3:GetObject on arn:aws:s3:::lake/*", ""},
		{"for a known reason", []string{swept, used}, 0, "not used here: parts are swept a week after", ""},
		{"never used by one run", []string{unused}, exitWrong, "1 run alone does not use everything", ""},
		{"never used by two runs", []string{unused, unused}, exitWrong, "the uses of 2 runs are added up", ""},
		{"no file", nil, exitUsage, "", "want the permissions.json"},
		{"a flag that there is not", []string{"-nonsense"}, exitUsage, "", "go run ./infra/local permissions FILE..."},
		{"help", []string{"-help"}, 0, "", "What one of the runs has used counts as used"},
		{"a file that is not there", []string{"nowhere.json"}, exitWrong, "", "nowhere.json"},
		{"no JSON", []string{write("x")}, exitWrong, "", "invalid character"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append([]string{"permissions"}, test.files...), &stdout, &stderr)
			if code != test.code || !strings.Contains(stdout.String(), test.out) || !strings.Contains(stderr.String(), test.errs) {
				t.Errorf("exit status %d, want %d\n%s%s", code, test.code, stdout.String(), stderr.String())
			}
		})
	}
}

// TestPermissionsHelpNamesTheRunsOfCI holds the help to what CI unites.
func TestPermissionsHelpNamesTheRunsOfCI(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("../../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	var runs []string
	for line := range strings.Lines(string(script)) {
		// Runs of other vendors are of other roles.
		if strings.HasPrefix(line, "make run") && !strings.Contains(line, "VENDOR=") || strings.Contains(line, "permissions.json") {
			runs = append(runs, line)
		}
	}
	if want := strings.Join(runs, "  "); len(runs) != 3 || !strings.Contains(permissionsHelp, want) {
		t.Errorf("the help says\n%s\nwant it to name the runs of .ci/run:\n  %s", permissionsHelp, want)
	}
}
