package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/windrow-data/windrow/infra/local/play"
	"github.com/windrow-data/windrow/infra/local/toolcache"
)

const forgetCommand = "forget"

const forgetHelp = `Erases a person from the lake that a run has left, by the same code as is deployed.

  go run ./infra/local forget -email ADDRESS [-out FOLDER]

The people of a local run are simulated, so that their addresses may stand on a command line; for real people there is
go run ./infra/person, which reads the address from standard input.

`

// forgetPerson erases a person from the last run's lake, and returns the exit status.
func forgetPerson(ctx context.Context, arguments []string, s surroundings) int {
	flags := flag.NewFlagSet(forgetCommand, flag.ContinueOnError)
	flags.SetOutput(s.stderr)
	flags.Usage = func() {
		fmt.Fprint(s.stderr, forgetHelp)
		flags.PrintDefaults()
	}
	email := flags.String("email", "", "`address` of the person, as the records have it")
	out := flags.String("out", ".local", "`folder` that the run has left")
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	}
	if flags.NArg() > 0 || !strings.Contains(*email, "@") {
		fmt.Fprintln(s.stderr, "local: forget: want -email with the address of a simulated person, as the parts in the raw bucket have it: what can be queried has digests in place of addresses")
		return exitUsage
	}
	userCache, err := os.UserCacheDir()
	if err != nil {
		fmt.Fprintln(s.stderr, "local: no folder for helper programs:", err)
		return exitWrong
	}
	cache := toolcache.Cache{Dir: filepath.Join(userCache, "windrow"), Say: func(line string) { fmt.Fprintln(s.stderr, line) }}
	if err := play.Forget(ctx, play.ForgetOptions{Email: *email, Out: *out, Cache: cache, Print: s.stdout}); err != nil {
		fmt.Fprintln(s.stderr, "local: forget:", err)
		return exitWrong
	}
	return 0
}
