package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/infra/local/play"
	"github.com/windrow-data/windrow/infra/local/probe"
)

const probeCommand = "probe"

const probeHelp = `Asks a real vendor, with real credentials, a few cheap questions, and says where its description is wrong and what to write instead.

  go run ./infra/local probe -secret FILE [flags]                     of the app's vendor
  go run ./infra/local probe -secret FILE -description vendor.json    of a description in a file

It reads at most 12 pages of a stream, keeps to the described rate limit, and writes nothing anywhere. No credential and no value
of a record is shown. It looks at the day before now, less the settle delay, and further back where that holds nothing.

Exit status: 0 where nothing differs; 1 where something does, or something needed is missing; 2 for wrong flags; 130 after Ctrl-C.

`

// values is a flag that may be given several times.
type values []string

func (v *values) String() string { return strings.Join(*v, ",") }

// Set takes one more value.
func (v *values) Set(value string) error {
	*v = append(*v, value)
	return nil
}

// mostDescriptionBytes bounds a file that is read whole: descriptions have some kilobytes.
const mostDescriptionBytes = 16 << 20

// surroundings are what the subcommands take from this machine.
type surroundings struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
}

// probeVendor runs the subcommand and returns the exit status.
func probeVendor(ctx context.Context, arguments []string, s surroundings) int {
	flags := flag.NewFlagSet(probeCommand, flag.ContinueOnError)
	flags.SetOutput(s.stderr)
	flags.Usage = func() {
		fmt.Fprint(s.stderr, probeHelp)
		flags.PrintDefaults()
	}
	var app, env, description, vendor, secret, from, until string
	var streams, more values
	flags.StringVar(&app, "app", "go run ./infra", "`command` that synthesizes the app, as in cdk.json; its functions are not built")
	flags.StringVar(&env, "env", "dev", "`environment`, handed to the app as the context env; one that reads the real vendor, not local")
	flags.Var(&more, "c", "`KEY=VALUE` of the app's context, as cdk's -c; may be given several times, for example -c clientId=22355")
	flags.StringVar(&vendor, "vendor", "", "`name` of the vendor, where the app has several")
	flags.StringVar(&description, "description", "", "`file` with a description as JSON, in place of the app's")
	flags.StringVar(&secret, "secret", "", "`file` with the vendor's secret, a JSON object of strings as in Secrets Manager; - reads it from standard input")
	flags.Var(&streams, "stream", "`name` of a stream to ask; may be given several times (default: all)")
	flags.StringVar(&from, "from", "", "`time` from which records are looked at, in RFC 3339 (default: a day before -until, further back where that holds none)")
	flags.StringVar(&until, "until", "", "`time` until which records are looked at (default: now, less the stream's settle delay)")
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	}
	wrong := func(code int, err error) int {
		fmt.Fprintln(s.stderr, "local: probe:", err)
		return code
	}
	o := probe.Options{Streams: streams, Now: s.now, Sleep: sleep, Random: rand.Float64}
	appContext := map[string]any{"env": env}
	err := errors.Join(flagTime("from", from, &o.From), flagTime("until", until, &o.Until), intoContext(appContext, more))
	if flags.NArg() > 0 {
		err = errors.Join(err, fmt.Errorf("argument %q: want flags only, see -help", flags.Arg(0)))
	}
	if !o.From.IsZero() && !o.Until.IsZero() && !o.From.Before(o.Until) {
		err = errors.Join(err, fmt.Errorf("-from %s: want a time before -until, %s", from, until))
	}
	if err != nil {
		return wrong(exitUsage, err)
	}
	if o.Vendor, err = describedIn(ctx, description, app, vendor, appContext); err != nil {
		if ctx.Err() != nil {
			return exitInterrupted
		}
		return wrong(exitWrong, err)
	}
	if o.Secret, err = readSecret(secret, o.Vendor, s.stdin); err != nil {
		return wrong(exitWrong, err)
	}
	report, err := probe.Run(ctx, o)
	switch {
	case ctx.Err() != nil:
		return exitInterrupted
	case err != nil:
		return wrong(exitWrong, err)
	}
	report.Print(s.stdout)
	if report.Differs() {
		return exitWrong
	}
	return 0
}

func flagTime(name, value string, into *time.Time) (err error) {
	*into, err = timeFlag(name, value, "2026-03-10T00:00:00Z", value == "")
	return err
}

func intoContext(appContext map[string]any, pairs []string) error {
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return fmt.Errorf("-c %q: want KEY=VALUE, for example -c clientId=22355", pair)
		}
		appContext[key] = value
	}
	return nil
}

// describedIn reads the description from the file, or from what the app synthesizes where none is given.
func describedIn(ctx context.Context, file, app, name string, appContext map[string]any) (*vendorapi.Vendor, error) {
	if file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("-description: %w", err)
		}
		return vendorapi.Parse(content)
	}
	all, err := play.Descriptions(ctx, app, appContext)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, v := range all {
		if v.Name == name || name == "" && len(all) == 1 {
			return v, nil
		}
		names = append(names, v.Name)
	}
	return nil, fmt.Errorf("-vendor %q: the app has the vendors %s: want one of them", name, strings.Join(names, ", "))
}

// readSecret reads the vendor's secret. Its errors name fields, never values.
func readSecret(file string, v *vendorapi.Vendor, stdin io.Reader) (vendorapi.Secret, error) {
	fields := v.SecretFields()
	var content []byte
	var err error
	switch {
	case file == "" && len(fields) == 0:
		return nil, nil
	case file == "":
		return nil, fmt.Errorf("-secret: the vendor %s needs %s: give a file with a JSON object of them, or - and the object on standard input", v.Name, strings.Join(fields, ", "))
	case file == "-":
		content, err = io.ReadAll(io.LimitReader(stdin, mostDescriptionBytes))
	default:
		content, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("-secret: %w", err)
	}
	return vendorapi.ParseSecret(content)
}

// sleep waits, or fails when the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
