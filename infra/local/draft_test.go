package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDraftCommand(t *testing.T) {
	t.Parallel()
	const signups, links = "draft/testdata/signups.yaml", "draft/testdata/links.yaml"
	document, err := os.ReadFile(signups)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "vendor.go")
	there := write(t, "vendor.go", "package there\n")
	tests := []struct {
		name, arguments, stdin string
		code                   int
		want                   []string
	}{
		{"to standard output", signups, "", 0, []string{"package acmewebinars", "stream signups: 8 columns", "it is valid"}},
		{"from standard input", "-package acme -", string(document), 0, []string{"package acme\n"}},
		{"to a file", signups + " -out " + out, "", 0, []string{"it is valid"}},
		{"over a file", signups + " -out " + there, "", exitWrong, []string{"-out:", "exists"}},
		{"flags behind", links + " -server https://tracker.example -path /repos/{owner}/issues", "", 0, []string{"missing: issues.Key", "so it is not valid yet:", "nothing is placed at {owner}"}},
		{"no server", links + " -stream events", "", 0, []string{"missing: BaseURL: the document has no absolute address: give one with -server, for example https://api.example.com/api/v3"}},
		{"no such stream", signups + " -stream calls", "", exitWrong, []string{"want of signups"}},
		{"no such file", "nowhere.yaml", "", exitWrong, []string{"nowhere.yaml"}},
		{"plain HTTP", "http://api.example.com/openapi.json", "", exitWrong, []string{"want an https address"}},
		{"nothing", "", "", exitUsage, []string{"want one OpenAPI document"}},
		{"two", signups + " " + links, "", exitUsage, []string{"want one OpenAPI document"}},
		{"help", "-help", "", 0, []string{"go run ./infra/local draft", "-server"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := draftVendor(t.Context(), strings.Fields(test.arguments), surroundings{stdin: strings.NewReader(test.stdin), stdout: &stdout, stderr: &stderr, now: time.Now})
			said := stdout.String() + stderr.String()
			if code != test.code {
				t.Errorf("exit status %d, want %d:\n%s", code, test.code, said)
			}
			for _, want := range test.want {
				if !strings.Contains(said, want) {
					t.Errorf("want %q:\n%s", want, said)
				}
			}
		})
	}
	if content, err := os.ReadFile(out); err != nil || !bytes.HasPrefix(content, []byte("// Package acmewebinars")) {
		t.Errorf("-out wrote %.40q (%v)", content, err)
	}
}
