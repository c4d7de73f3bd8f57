// Command report makes a page of what a deployed lake has to say: the insights of one pipeline, asked by Athena in the pipeline's own
// workgroup, as the page that a local run ends with.
//
//	make report WORKGROUP=windrow-prod-on24
//	go run ./infra/report -workgroup windrow-prod-on24 [-database NAME] [-page report.html] [-data report.json]
//
// It stands apart from the local run because it has AWS credentials and asks AWS. It reads, and starts the queries that the deployment
// keeps in the workgroup; docs/report.md lists the rights it takes.
//
// Exit status: 0 where every insight was answered; 1 where one was not, or nothing could be asked; 2 for wrong flags.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/athena"

	"github.com/windrow-data/windrow/infra/local/report"
)

const (
	exitWrong = 1
	exitUsage = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr, time.Now)
	stop()
	os.Exit(code)
}

// attempts is how often a call is made at most while Athena says that there are too many: its quotas are the account's and the
// region's, and others ask too. https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
const attempts = 10

// mostRows is how many rows of an insight are counted: a hundred pages of results.
const mostRows = 100_000

func run(ctx context.Context, arguments []string, stdout, stderr io.Writer, now func() time.Time) int {
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, "Makes a page of what a deployed lake has to say, asked by Athena with your AWS credentials and region.\n\n  go run ./infra/report -workgroup NAME [flags]\n\n")
		flags.PrintDefaults()
	}
	workgroup := flags.String("workgroup", "", "`name` of the pipeline's workgroup, which its deployment prints")
	database := flags.String("database", "", "`name` of the pipeline's database, where the workgroup has the insights of several (default: all)")
	page := flags.String("page", "report.html", "`file` to write the page to")
	kept := flags.String("data", "", "`file` to keep the figures in as JSON too, of which go run ./infra/local report -data makes the page again")
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "report: argument %q: want flags only, see -help\n", flags.Arg(0))
		return exitUsage
	case *workgroup == "":
		fmt.Fprintln(stderr, "report: -workgroup is missing: want the name of the pipeline's workgroup, for example windrow-prod-on24")
		return exitUsage
	}
	data, err := ask(ctx, *workgroup, *database, stderr, now)
	if err == nil && *kept != "" {
		err = keep(data, *kept)
	}
	if err == nil {
		err = write(data, *page)
	}
	if err != nil {
		fmt.Fprintln(stderr, "report:", err)
		return exitWrong
	}
	fmt.Fprintln(stdout, *page, "is the report")
	code := 0
	for _, lake := range data.Lakes {
		for _, insight := range lake.Insights {
			if insight.Fault != "" {
				fmt.Fprintf(stderr, "report: the insight %s of %s has no answer: %s\n", insight.Name, lake.Name, insight.Fault)
				code = exitWrong
			}
		}
	}
	return code
}

func ask(ctx context.Context, workgroup, database string, say io.Writer, now func() time.Time) (report.Data, error) {
	settings, err := config.LoadDefaultConfig(ctx, config.WithRetryMaxAttempts(attempts))
	if err != nil {
		return report.Data{}, err
	}
	if settings.Region == "" {
		return report.Data{}, errors.New("no region is set: want that of the deployment, AWS_REGION=eu-west-1 or in the profile")
	}
	w := &asker{athena: athena.NewFromConfig(settings), workgroup: workgroup, pause: pause, most: mostRows}
	lakes, err := w.lakes(ctx, database)
	if err != nil {
		return report.Data{}, err
	}
	fmt.Fprintf(say, "%d queries, %.1f MB read\n", w.queries, float64(w.scanned.Load())/1e6)
	data := report.Data{
		Source: fmt.Sprintf("the Athena workgroup %s in %s", workgroup, settings.Region),
		MadeAt: now().UTC(), Lakes: lakes,
		LeftOut: append(w.leftOut, "What the runs did and what they cost is not in the lake: the pipeline’s dashboard and its alarms tell it, and AWS Cost Explorer by the tag Pipeline."),
	}
	if len(lakes) == 1 {
		data.Vendor = lakes[0].Name
	}
	return data, nil
}

func write(data report.Data, path string) error {
	libraries, err := report.LoadLibraries("node_modules")
	if err != nil {
		return err
	}
	return writeFile(path, func(w io.Writer) error { return report.Write(w, data, libraries) })
}

func keep(data report.Data, path string) error {
	return writeFile(path, func(w io.Writer) error { return json.NewEncoder(w).Encode(data) })
}

// writeFile writes what may name people: it is for whoever asked alone.
func writeFile(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
