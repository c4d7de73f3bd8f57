package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDiffWantsABase has `make diff` compare with what git does not know, without the set-up that comes before.
func TestDiffWantsABase(t *testing.T) {
	for _, base := range []string{"nonsense", "HEAD:Makefile"} {
		out, err := exec.Command("make", "-C", "..", "-o", "needs", "-o", "node_modules", "diff", "BASE="+base).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "BASE="+base+": there is no such tag, branch or commit here") || strings.Contains(string(out), "Stack") {
			t.Errorf("BASE=%s: %v\n%s", base, err, out)
		}
	}
}

// TestQueriesMayHaveQuotes has `make query` hand on SQL to a node that shows what it is given.
func TestQueriesMayHaveQuotes(t *testing.T) {
	const sql = `select 'it''s' as "a"`
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "node"), []byte("#!/bin/sh\necho \"$2\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("make", "-s", "-C", "..", "-o", "needs", "-o", "node_modules", "query", "SQL="+sql)
	command.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := command.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != sql {
		t.Errorf("%v\n%s", err, out)
	}
}
