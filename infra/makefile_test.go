package main

import (
	"os/exec"
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
