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
		{"no file", nil, exitUsage, "", "want the permissions.json"},
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
