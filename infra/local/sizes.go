package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/pricing"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
	"github.com/windrow-data/windrow/infra/local/lambdahost"
	"github.com/windrow-data/windrow/infra/local/play"
	"github.com/windrow-data/windrow/infra/local/sizes"
	"github.com/windrow-data/windrow/infra/local/toolcache"
)

const sizesCommand = "sizes"

const sizesHelp = `Says what each memory size of the functions would cost and how long they would take, as power tuning does for a function that is
deployed, so that a size is chosen from data.

  go run ./infra/local sizes [flags]; make sizes ARGS="[flags]" is the same

It plays a day, keeps a sample of the day's invocations with what their streams held before them, and makes each of them again with
each size: in a process that is held to the share of a processor that Lambda gives to the size, while the vendor and S3 take as long
to answer as real ones. The first invocation of a function in a run is taken for a cold start. It takes six to ten minutes.

Not in the figures: TLS, the vendor's rate limits, by which an ingest waits longer and a larger size costs more still, and that
this machine's processors are not Lambda's.

Exit status: 0 where a size can be recommended for each function; 1 where none can, the day went wrong, or something needed is
missing; 2 for wrong flags; 130 after Ctrl-C.

`

// Memory sizes that Lambda has, in MB. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	leastMemoryMB = 128
	mostMemoryMB  = 10240
)

// findSizes runs the subcommand and returns the exit status.
func findSizes(ctx context.Context, arguments []string, s surroundings) int {
	flags := flag.NewFlagSet(sizesCommand, flag.ContinueOnError)
	flags.SetOutput(s.stderr)
	flags.Usage = func() {
		fmt.Fprint(s.stderr, sizesHelp)
		flags.PrintDefaults()
	}
	o := sizes.Options{Prices: pricing.USEast1, Architecture: pricing.ARM64}
	var more values
	flags.StringVar(&o.Play.App, "app", "go run ./infra", "`command` that synthesizes the app, as in cdk.json")
	flags.StringVar(&o.Play.Env, "env", "local", "`environment`, handed to the app as the context env")
	flags.Var(&more, "c", "`KEY=VALUE` handed to the app as its context; may be given several times")
	memory := flags.String("memory", "128,192,256,512,1024,1769", "the `sizes` in MB")
	flags.DurationVar(&o.VendorLatency, "page", 300*time.Millisecond, "`duration` that the vendor takes for a page")
	flags.DurationVar(&o.StorageLatency, "object", pricing.StorageLatency, "`duration` that a request to S3 or another AWS service takes")
	flags.IntVar(&o.Samples, "samples", 1, "`number` of invocations of a kind that are replayed; the busiest of each function is replayed besides")
	flags.IntVar(&o.Repeats, "repeat", 1, "`number` of times that each is replayed at each size; the quickest counts, since a busy machine can only slow it")
	flags.IntVar(&o.Play.Attendees, "attendees", vendortest.DefaultAttendees/10, "`number` of attendees of the day's two large webinars together")
	flags.Uint64Var(&o.Play.Seed, "seed", 1, "`number` that the simulated vendor and the sample are drawn from")
	flags.StringVar(&o.File, "out", ".local/sizes.json", "`file` for all figures; a folder of its name beside it has the day's lake and logs")
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	}
	wrong := func(code int, err error) int {
		fmt.Fprintln(s.stderr, "local: sizes:", err)
		return code
	}
	var err error
	if o.MemoryMBs, err = parseSizes(*memory); err != nil {
		return wrong(exitUsage, err)
	}
	o.Play.Context = map[string]string{}
	for _, pair := range more {
		key, value, found := strings.Cut(pair, "=")
		if !found || key == "" {
			return wrong(exitUsage, fmt.Errorf("-c %q: want KEY=VALUE", pair))
		}
		o.Play.Context[key] = value
	}
	switch {
	case flags.NArg() > 0:
		return wrong(exitUsage, fmt.Errorf("argument %q: want flags only, see -help", flags.Arg(0)))
	case o.Samples < 1:
		return wrong(exitUsage, fmt.Errorf("-samples %d: want 1 or more", o.Samples))
	case o.Repeats < 1:
		return wrong(exitUsage, fmt.Errorf("-repeat %d: want 1 or more", o.Repeats))
	case o.VendorLatency < 0 || o.StorageLatency < 0:
		return wrong(exitUsage, fmt.Errorf("-page %s and -object %s: want 0 or more", o.VendorLatency, o.StorageLatency))
	case o.Play.Attendees < 1:
		return wrong(exitUsage, fmt.Errorf("-attendees %d: want 1 or more", o.Play.Attendees))
	case lambdahost.CPUReader() == nil:
		return wrong(exitWrong, errors.New("a function can be held to a share of a processor on Linux only"))
	}
	userCache, err := os.UserCacheDir()
	if err != nil {
		return wrong(exitWrong, fmt.Errorf("no folder for helper programs: %w", err))
	}
	if err := errors.Join(flagTime("from", defaultFrom, &o.Play.From), flagTime("until", defaultUntil, &o.Play.Until)); err != nil {
		return wrong(exitWrong, err)
	}
	o.Play.Out = strings.TrimSuffix(o.File, filepath.Ext(o.File))
	o.Play.Screen = play.NewScreen(s.stdout, isTerminal(s.stdout))
	o.Play.Cache = toolcache.Cache{Dir: filepath.Join(userCache, "windrow"), Say: o.Play.Screen.Line}
	if err := checkMachine(ctx, o.Play.Out); err != nil {
		return wrong(exitWrong, err)
	}
	report, summary, err := sizes.Run(ctx, o)
	switch {
	case ctx.Err() != nil:
		return exitInterrupted
	case err != nil:
		return wrong(exitWrong, err)
	case report == nil:
		summary.Print(s.stdout, o.Play.Out)
		return wrong(exitWrong, errors.New("the day went wrong, so that nothing was replayed"))
	}
	if err := report.Print(s.stdout); err != nil {
		return wrong(exitWrong, err)
	}
	if !report.Good() {
		return exitWrong
	}
	return 0
}

// parseSizes reads memory sizes in MB, separated by commas, and returns them in order.
func parseSizes(text string) ([]int, error) {
	var all []int
	for part := range strings.SplitSeq(text, ",") {
		memoryMB, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || memoryMB < leastMemoryMB || memoryMB > mostMemoryMB {
			return nil, fmt.Errorf("-memory %q: want sizes from %d to %d MB, for example 128,256,512", part, leastMemoryMB, mostMemoryMB)
		}
		all = append(all, memoryMB)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
