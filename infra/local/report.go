package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/windrow-data/windrow/infra/local/report"
)

const reportCommand = "report"

const reportHelp = `Makes a page of what a lake has to say, what the run did and what that costs: one file that opens without a network. A run ends
with it; here it is made again, or of data that were kept. Of a deployed lake, see make report.

  go run ./infra/local report [flags]

`

// makeReport makes the page again that a run ends with, or one of data that were kept, and returns the exit status.
func makeReport(ctx context.Context, arguments []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet(reportCommand, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, reportHelp)
		flags.PrintDefaults()
	}
	out := flags.String("out", ".local", "`folder` that a run has left")
	kept := flags.String("data", "", "`file` with a report's data as JSON, to make the page of in place of a run's")
	page := flags.String("page", "", "`file` to write the page to (default report.html in the folder of -out)")
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "local: report: argument %q: want flags only, see -help\n", flags.Arg(0))
		return exitUsage
	}
	if *page == "" {
		*page = filepath.Join(*out, reportFile)
	}
	data, err := func() (report.Data, error) {
		if *kept == "" {
			return report.OfRun(ctx, ".", *out)
		}
		file, err := os.Open(*kept)
		if err != nil {
			return report.Data{}, err
		}
		defer file.Close()
		return report.Read(file)
	}()
	if err == nil {
		err = writePage(data, *page)
	}
	if err != nil {
		fmt.Fprintln(stderr, "local: report:", err)
		return exitWrong
	}
	fmt.Fprintln(stdout, *page, "is the report")
	return 0
}

// reportFile is the name of the page in the folder of a run.
const reportFile = "report.html"

// reportRun writes the page of a run that has just ended, and says so. Without the packages that draw it the run is as right as ever.
func reportRun(ctx context.Context, out string, stdout io.Writer) error {
	data, err := report.OfRun(ctx, ".", out)
	page := filepath.Join(out, reportFile)
	if err == nil {
		err = writePage(data, page)
	}
	switch {
	case errors.Is(err, report.ErrNoLibraries):
		fmt.Fprintf(stdout, "there is no %s: %v\n", page, err)
		return nil
	case err != nil:
		return fmt.Errorf("the report: %w", err)
	}
	fmt.Fprintf(stdout, "%s shows all of it\n", page)
	for _, lake := range data.Lakes {
		for _, insight := range lake.Insights {
			if insight.Fault != "" {
				fmt.Fprintf(stdout, "the insight %s has no answer: %s\n", insight.Name, insight.Fault)
			}
		}
	}
	return nil
}

func writePage(data report.Data, path string) error {
	libraries, err := report.LoadLibraries("node_modules")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(report.Write(file, data, libraries), file.Close())
}
