package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/windrow-data/windrow/infra/local/gate"
)

const permissionsCommand = "permissions"

const permissionsHelp = `Lists the permissions of the templates' roles that no run has used, and fails where no reason is known for one.

  go run ./infra/local permissions FILE...

A FILE is the permissions.json that a run leaves in its folder. What one of the runs has used counts as used. A plain
run alone does not use everything: it reads no past range, for example, and no two of its runs meet. CI gives these:

  make run
  make run ARGS="-out .local/chaos -attendees 3000 -chaos -chaos-seed 1 -past 2026-03-07T00:00:00Z"
  go run ./infra/local permissions .local/permissions.json .local/chaos/permissions.json
`

// permissions lists the permissions that no run has used, of those that left the files, and returns the exit status.
func permissions(arguments []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet(permissionsCommand, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, permissionsHelp) }
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	}
	files := flags.Args()
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
		if len(files) == 1 {
			fmt.Fprintln(stdout, "1 run alone does not use everything: give the files of several, as CI does; permissions -help names its runs")
		} else {
			fmt.Fprintf(stdout, "the uses of %d runs are added up; permissions -help names the runs that CI gives\n", len(files))
		}
		fmt.Fprintln(stdout, "what those of CI do not use is to be taken out of its role, or infra/local/gate/unusable.go says why a local run cannot use it")
		return exitWrong
	}
	return 0
}
