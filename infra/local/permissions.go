package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/windrow-data/windrow/infra/local/gate"
)

const permissionsCommand = "permissions"

// permissions lists the permissions that no run has used, of those that left the files, and returns the exit status.
func permissions(files []string, stdout, stderr io.Writer) int {
	if len(files) == 0 {
		fmt.Fprintln(stderr, "local: permissions: want the permissions.json of one run or more, for example .local/permissions.json")
		return exitUsage
	}
	all, err := gate.ReadPermissions(files...)
	if err != nil {
		fmt.Fprintln(stderr, "local:", err)
		return exitWrong
	}
	unused := gate.FindUnused(all)
	explained := 0
	for _, reason := range slices.Sorted(maps.Keys(unused.Explained)) {
		fmt.Fprintf(stdout, "not used here: %s\n", reason)
		for _, p := range unused.Explained[reason] {
			fmt.Fprintf(stdout, "  %s, %s: %s on %s\n", p.Role, p.Sid, p.Action, p.Resource)
			explained++
		}
	}
	for _, p := range unused.Unexplained {
		fmt.Fprintf(stdout, "NEVER USED: %s, %s: %s on %s\n", p.Role, p.Sid, p.Action, p.Resource)
	}
	fmt.Fprintf(stdout, "%d permissions, %d used, %d not used for a known reason, %d never used\n",
		len(all), len(all)-explained-len(unused.Unexplained), explained, len(unused.Unexplained))
	if len(unused.Unexplained) > 0 {
		fmt.Fprintln(stdout, "take these out of their roles, or say in infra/local/gate/unusable.go why a local run cannot use them")
		return exitWrong
	}
	return 0
}
