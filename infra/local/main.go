// Command local runs a synthesized CDK app with Windrow's pipelines on this machine: a real S3 server, the compiled
// functions, the state machine, and a simulated vendor. It plays a day in minutes, leaves a lake of plain Parquet, and
// proves that nothing was lost or doubled.
//
//	go run ./infra/local [flags]
//	go run ./infra/local permissions FILE...
//	go run ./infra/local probe -secret FILE [flags]
//	go run ./infra/local draft openapi.yaml [flags]
//	go run ./infra/local bench [flags]
//	go run ./infra/local sizes [flags]
//	go run ./infra/local report [flags]
//	go run ./infra/local forget -email ADDRESS
//
// A run ends with a page that shows all of it, report.html, which report makes again. The third form asks a real vendor whether its
// description is right, the fourth drafts one from the vendor's OpenAPI document. The fifth measures what the functions cost, and the
// sixth replays a day with several memory sizes, so that one is chosen from data. The last erases a simulated person from the lake that
// a run has left.
//
// Every call of a function, state machine or schedule is checked against the policies in the templates, and a run fails of one
// that they do not allow. It leaves in permissions.json how often each permission was used; the second form reads the files of one
// or more runs, adds them up, and lists the permissions that none has used. A plain run alone does not use everything.
//
// Exit status: 0 where everything is right; 1 where the lake is not, a run failed, a call was denied, something needed is missing, or
// a permission is never used and no reason is known for it; 2 for wrong flags; 130 after Ctrl-C, which leaves the
// data for -keep.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
	"github.com/windrow-data/windrow/infra/local/play"
	"github.com/windrow-data/windrow/infra/local/toolcache"
)

const (
	exitWrong       = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) int {
	if len(arguments) > 0 {
		switch rest := arguments[1:]; strings.TrimLeft(arguments[0], "-") {
		case permissionsCommand:
			return permissions(rest, stdout, stderr)
		case probeCommand:
			return probeVendor(ctx, rest, surroundings{stdin: os.Stdin, stdout: stdout, stderr: stderr, now: time.Now})
		case benchCommand:
			return benchFunctions(ctx, rest, os.Stdin, stdout, stderr)
		case draftCommand:
			return draftVendor(ctx, rest, surroundings{stdin: os.Stdin, stdout: stdout, stderr: stderr, now: time.Now})
		case forgetCommand:
			return forgetPerson(ctx, rest, surroundings{stdin: os.Stdin, stdout: stdout, stderr: stderr, now: time.Now})
		case reportCommand:
			return makeReport(ctx, rest, stdout, stderr)
		case sizesCommand:
			return findSizes(ctx, rest, surroundings{stdin: os.Stdin, stdout: stdout, stderr: stderr, now: time.Now})
		}
	}
	options, err := parse(arguments, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "local:", err)
		return exitUsage
	}
	userCache, err := os.UserCacheDir()
	if err != nil {
		fmt.Fprintln(stderr, "local: no folder for helper programs:", err)
		return exitWrong
	}
	options.Screen = play.NewScreen(stdout, isTerminal(stdout))
	options.Cache = toolcache.Cache{Dir: filepath.Join(userCache, "windrow"), Say: options.Screen.Line}
	if err := checkMachine(ctx, options.Out); err != nil {
		fmt.Fprintln(stderr, "local:", err)
		return exitWrong
	}
	// A run that stops midway leaves no page of another.
	if err := os.Remove(filepath.Join(options.Out, reportFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(stderr, "local:", err)
		return exitWrong
	}
	summary, err := play.Run(ctx, options)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "local: stopped:", err)
		return exitInterrupted
	case err != nil:
		fmt.Fprintln(stderr, "local:", err)
		return exitWrong
	}
	summary.Print(stdout, options.Out)
	if err := reportRun(ctx, options.Out, stdout); err != nil {
		fmt.Fprintln(stderr, "local:", err)
		return exitWrong
	}
	if !summary.Good() {
		return exitWrong
	}
	return 0
}

// defaultFrom and defaultUntil are the day that is played where none is given: a past one, since a function refuses
// a scheduled time that is ahead of its clock.
const (
	defaultFrom  = "2026-03-10T00:00:00Z"
	defaultUntil = "2026-03-11T00:00:00Z"
)

const help = `Plays a synthesized CDK app with Windrow's pipelines on this machine: a day of simulated time against a simulated vendor, in a minute or
three. At the end it compares the lake with the vendor's own records, and fails where one is missing or doubled.

  go run ./infra/local [flags]               plays; make run ARGS="[flags]" is the same
  go run ./infra/local permissions FILE...   lists the permissions that no run has used, see permissions -help
  go run ./infra/local probe [flags]         asks a real vendor whether its description is right, see probe -help
  go run ./infra/local draft FILE [flags]    drafts a description from an OpenAPI document, see draft -help
  go run ./infra/local bench [flags]         measures what the functions cost, see bench -help
  go run ./infra/local sizes [flags]         says what each memory size of the functions would cost, see sizes -help
  go run ./infra/local forget [flags]        erases a simulated person from the lake of the last run, see forget -help
  go run ./infra/local report [flags]        makes the page again that a run ends with, see report -help

A tick is a time at which a schedule starts a run. Times are written as RFC 3339, for example 2026-03-10T00:00:00Z.

Exit status: 0 where everything is right; 1 where it is not, or something needed is missing; 2 for wrong flags; 130 after Ctrl-C,
which leaves the data for -keep.

`

func parse(arguments []string, stderr io.Writer) (play.Options, error) {
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, help)
		flags.PrintDefaults()
	}
	var o play.Options
	var secretFile string
	flags.StringVar(&o.App, "app", "go run ./infra", "`command` that synthesizes the app, as in cdk.json: a shell runs it, with CDK_OUTDIR and CDK_CONTEXT_JSON set as by the CDK command line")
	flags.StringVar(&o.Env, "env", "local", "`environment`, handed to the app as the context env; beside it the app gets the vendor's address as the context vendorUrl, and has to take it")
	o.Context = map[string]string{}
	flags.Func("c", "`KEY=VALUE` handed to the app as its context, as by the CDK command line's -c; may be given several times", func(text string) error {
		key, value, found := strings.Cut(text, "=")
		if !found || key == "" {
			return errors.New("want KEY=VALUE")
		}
		o.Context[key] = value
		return nil
	})
	from := flags.String("from", "", "`time` after which the first tick comes (default "+defaultFrom+"; with -keep, where the last run ended)")
	until := flags.String("until", "", "`time` of the last tick at the latest (default a day after -from; with -keep, the end of the last run's span, or a day after it)")
	past := flags.String("past", "", "`time` before -from: when the day is over, the state machine Backfill reads from there to -from too, then makes all curated objects again, which must come out the same (default: the past is not read)")
	flags.DurationVar(&o.Interval, "interval", 0, "`duration` from tick to tick, for example 1h, in whole seconds (default: what the app's schedules say)")
	flags.Uint64Var(&o.Seed, "seed", 1, "`number` that the simulated vendor and its faults are drawn from: equal seeds give equal ones; with -keep it is the last run's")
	flags.IntVar(&o.Attendees, "attendees", vendortest.DefaultAttendees, "`number` of attendees of a day's two large webinars together, or of records of each stream and day where the vendor is none of the ready ones; with -keep it is the last run's")
	flags.StringVar(&o.VendorURL, "vendor-url", "", "`address` of a running vendor, http://HOST:PORT, to read in place of a simulated one; as it does not tell all it holds, the lake is then compared with what was committed")
	flags.StringVar(&secretFile, "secret", "", "`file` with the credentials that the vendor at -vendor-url wants, a JSON object of strings")
	flags.BoolVar(&o.Chaos, "chaos", false, "break things: kill functions, stop S3 and the vendor, skip ticks and let runs overlap; some quiet ticks follow on the day, after which nothing may be missing all the same")
	flags.Uint64Var(&o.ChaosSeed, "chaos-seed", 0, "`number` that what -chaos breaks is drawn from: equal seeds break the same at the same ticks (default: another each time)")
	flags.BoolVar(&o.CPUShare, "cpu-share", false, "hold each function to the share of a processor that its memory has on Lambda, 7 % of one for 128 MB; bursts take longer (Linux only)")
	flags.BoolVar(&o.Keep, "keep", false, "go on with the data of the last run in -out, where it ended; once further days are simulated, only what is read from then on is compared")
	flags.StringVar(&o.Out, "out", ".local", "`folder` for all that a run leaves, the lake, the logs, summary.json and report.html among it; what an earlier run has left there is removed first, but for -keep")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("argument %q: want flags only, see -help", flags.Arg(0))
	}
	var err error
	if o.From, err = timeFlag("from", *from, defaultFrom, o.Keep); err != nil {
		return o, err
	}
	if o.Until, err = timeFlag("until", *until, defaultUntil, o.Keep || *from != ""); err != nil {
		return o, err
	}
	if o.Chaos && o.ChaosSeed == 0 {
		o.ChaosSeed = rand.Uint64N(1_000_000) + 1
	}
	if o.Past, err = timeFlag("past", *past, "", true); err != nil {
		return o, err
	}
	if o.Until.IsZero() && !o.Keep {
		o.Until = o.From.Add(24 * time.Hour)
	}
	switch {
	case o.Interval < 0 || o.Interval%time.Second != 0:
		return o, fmt.Errorf("-interval %s: want whole seconds above 0", o.Interval)
	case o.Chaos && o.VendorURL != "":
		return o, errors.New("-chaos: it stops the vendor too, which only a simulated one stands; leave out -vendor-url")
	case o.ChaosSeed != 0 && !o.Chaos:
		return o, errors.New("-chaos-seed: the flag belongs to -chaos")
	case !o.Past.IsZero() && !o.From.IsZero() && !o.Past.Before(o.From):
		return o, fmt.Errorf("-past %s: want a time before -from, %s", o.Past.Format(time.RFC3339), o.From.Format(time.RFC3339))
	case o.Attendees < 1:
		return o, fmt.Errorf("-attendees %d: want 1 or more", o.Attendees)
	case secretFile != "" && o.VendorURL == "":
		return o, errors.New("-secret: the simulated vendor has a secret of its own; the flag belongs to -vendor-url")
	case secretFile != "":
		if o.Secret, err = os.ReadFile(secretFile); err != nil {
			return o, fmt.Errorf("-secret: %w", err)
		}
	}
	return o, nil
}

// timeFlag reads a time; where none is given it is fallback, or zero where something else decides.
func timeFlag(name, value, fallback string, open bool) (time.Time, error) {
	if value == "" {
		if open {
			return time.Time{}, nil
		}
		value = fallback
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return time.Time{}, fmt.Errorf("-%s %q: want a time in RFC 3339, for example %s", name, value, fallback)
	}
	if t.Nanosecond() != 0 {
		return time.Time{}, fmt.Errorf("-%s %q: want whole seconds, as a schedule has", name, value)
	}
	return t.UTC(), nil
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
