package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/windrow-data/windrow/constructs"
	"github.com/windrow-data/windrow/functions/pricing"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
)

// The yardstick: what the published comparison prices too.
const (
	yardstickStreams  = 4
	yardstickInterval = 30 * time.Minute
)

// printCosts prints what a pipeline is expected to cost, line by line: first the published comparison, from the same prices
// and the same code, then the construct's defaults with four streams, and then each environment. It returns the
// exit status.
func printCosts(arguments []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("cost", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, "Prints what the pipelines are expected to cost in a year, line by line.\n\n  go run ./infra cost [flags]\n\n")
		flags.PrintDefaults()
	}
	priced := slices.DeleteFunc(environments(), func(e environment) bool { return e.Simulated })
	names := make([]string, len(priced))
	for i, e := range priced {
		names[i] = e.Name
	}
	only := flags.String("env", "", "print the lines of this `environment` alone: "+strings.Join(names, ", "))
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "windrow: %s: want flags only, see -help\n", flags.Arg(0))
		return 2
	case *only != "" && !slices.Contains(names, *only):
		fmt.Fprintf(stderr, "windrow: -env %s: want one of %s\n", *only, strings.Join(names, ", "))
		return 2
	}
	fmt.Fprintln(stdout, byTag)
	var err error
	if i := slices.Index(names, *only); i >= 0 {
		err = writeEnvironmentCost(stdout, priced[i])
	} else {
		err = writeCosts(stdout, priced)
	}
	if err != nil {
		fmt.Fprintln(stderr, "windrow:", err)
		return 1
	}
	return 0
}

// byTag explains the column that all tables have.
const byTag = "By tag: whether AWS can attribute a line to the tags of the pipeline's resources. A budget or report by tag does not see the others."

// writeCosts writes all there is to compare, with the environments that are priced.
func writeCosts(w io.Writer, priced []environment) error {
	heading(w, "The published comparison (2023): four streams every 30 minutes, twelve months of 30 days")
	if err := pricing.USEast1.Published().Print(w); err != nil {
		return err
	}
	if err := writeYardstick(w); err != nil {
		return err
	}
	for _, e := range priced {
		if err := writeEnvironmentCost(w, e); err != nil {
			return err
		}
	}
	return nil
}

// yardstick are the construct's defaults with as many streams as the published comparison has.
func yardstick() *constructs.VendorPipelineProps {
	vendor := on24.Vendor("1")
	vendor.Streams = slices.DeleteFunc(vendor.Streams, func(s vendorapi.Stream) bool { return s.Name == "leads" })
	return &constructs.VendorPipelineProps{
		Vendor: vendor, Environment: "yardstick", Owner: defaultOwner, CostCenter: defaultCostCenter, ScheduleInterval: yardstickInterval,
	}
}

func writeYardstick(w io.Writer) error {
	props := yardstick()
	heading(w, fmt.Sprintf("The construct's defaults: %d streams every %s", yardstickStreams, strings.TrimSuffix(yardstickInterval.String(), "0s")))
	c := props.Configuration()
	for _, day := range days(props) {
		if err := printEstimate(w, props.Estimate(pricing.USEast1.Region, &day)); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	for _, day := range pricing.CompactedDays() {
		if err := printEstimate(w, pricing.USEast1.Compaction(c, day)); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, "The same with the durations of the published comparison:")
	for _, estimate := range []pricing.Estimate{pricing.USEast1.Lambda(c, pricing.PublishedJobs()...), pricing.USEast1.Glue(c, pricing.PublishedJobs()...)} {
		if err := printEstimate(w, estimate); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	return nil
}

// nothing matches a line that is printed as $0.00, whether it is attributed by tag or not.
var nothing = regexp.MustCompile(` 0\.00  (yes|no)\n$`)

// printEstimate prints an estimate without the lines of $0.00. These are taken out of what is printed, since parts of a cent
// belong to the sums all the same.
func printEstimate(w io.Writer, e pricing.Estimate) error {
	var whole, shown bytes.Buffer
	if err := e.Print(&whole); err != nil {
		return err
	}
	left := 0
	for line := range strings.Lines(whole.String()) {
		if nothing.MatchString(line) {
			left++
			continue
		}
		shown.WriteString(line)
	}
	if left > 0 {
		fmt.Fprintf(&shown, "Lines of $0.00 are left out: %d.\n", left)
	}
	_, err := shown.WriteTo(w)
	return err
}

// days are the days that estimates are made for.
func days(props *constructs.VendorPipelineProps) []pricing.Workload {
	c := props.Configuration()
	return []pricing.Workload{pricing.IdleDay(c.Streams, c.RunsPerDay()), pricing.WebinarDay(c.Streams, c.RunsPerDay())}
}

func writeEnvironmentCost(w io.Writer, e environment) error {
	props := e.props(on24.Vendor("1"), target{Owner: defaultOwner, CostCenter: defaultCostCenter})
	heading(w, fmt.Sprintf("The environment %s: ON24 with its streams %s", e.Name, strings.Join(streamNames(props.Vendor), ", ")))
	for _, day := range days(props) {
		if err := printEstimate(w, props.Estimate(pricing.USEast1.Region, &day)); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	glue := pricing.USEast1.Glue(props.Configuration(), pricing.PublishedJobs()...)
	_, err := fmt.Fprintf(w, "The same streams and runs as Glue Python Shell jobs, compute alone: $%.2f a year\n", glue.Total())
	return err
}

func streamNames(vendor *vendorapi.Vendor) []string {
	var names []string
	for _, stream := range vendor.Streams {
		names = append(names, stream.Name)
	}
	return names
}

func heading(w io.Writer, title string) {
	fmt.Fprintf(w, "\n%s\n%s\n\n", title, strings.Repeat("=", len(title)))
}
