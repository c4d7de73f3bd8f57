package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/windrow-data/windrow/infra/local/bench"
	"github.com/windrow-data/windrow/infra/local/toolcache"
)

const benchCommand = "bench"

const benchHelp = `Measures what the compiled functions cost: against the least that the same work can cost, in memory, at a start, at rest, and
against a slow vendor. Figures that have a bound are judged.

  go run ./infra/local bench [flags]    make bench ARGS="[flags]" is the same

It needs Linux. Processor time is compared, in ratios of what is measured side by side, so that figures hold on a machine that does
other things too; the more it does, the more they scatter. The measures:

  %s

Exit status: 0 where every bound holds; 1 where one is broken, or something needed is missing; 2 for wrong flags; 130 after Ctrl-C.

`

// benchFunctions runs the subcommand and returns the exit status.
func benchFunctions(ctx context.Context, arguments []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(arguments) == 1 && arguments[0] == bench.StepCommand {
		return bench.Step(stdin, stdout, stderr)
	}
	o, err := parseBench(arguments, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "local: bench:", err)
		return exitUsage
	}
	wrong := func(err error) int {
		fmt.Fprintln(stderr, "local: bench:", err)
		return exitWrong
	}
	userCache, err := os.UserCacheDir()
	if err != nil {
		return wrong(fmt.Errorf("no folder for helper programs: %w", err))
	}
	o.Say = func(line string) { fmt.Fprintln(stdout, line) }
	o.Cache = toolcache.Cache{Dir: filepath.Join(userCache, "windrow"), Say: o.Say}
	if err := checkDisk(filepath.Dir(o.Out)); err != nil {
		return wrong(err)
	}
	report, err := bench.Run(ctx, o)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "local: bench: stopped:", err)
		return exitInterrupted
	case err != nil:
		return wrong(err)
	}
	report.Print(stdout)
	if !report.Good() {
		return exitWrong
	}
	return 0
}

func parseBench(arguments []string, stderr io.Writer) (bench.Options, error) {
	flags := flag.NewFlagSet(benchCommand, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, benchHelp, strings.Join(bench.Measures(), "\n  "))
		flags.PrintDefaults()
	}
	var o bench.Options
	var only values
	flags.IntVar(&o.Records, "records", 0, fmt.Sprintf("`number` of attendees in the largest window (default %d, with -quick %d)", bench.DefaultRecords, bench.QuickRecords))
	flags.BoolVar(&o.Quick, "quick", false, "measure less of everything, in at most three minutes on two cores; the bounds are the same")
	flags.Var(&only, "only", "`name` of a measure to take; may be given several times (default: all)")
	flags.StringVar(&o.Out, "out", bench.DefaultOut, "`file` for the figures, JSON; the folder bench-work beside it is emptied, worked in and removed")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("argument %q: want flags only, see -help", flags.Arg(0))
	}
	o.Only = only
	o.Dir = filepath.Join(filepath.Dir(o.Out), "bench-work")
	return o, o.Validate()
}
