// Package sizes replays a recorded day under several memory sizes and says what each would cost and how long it would take, as
// AWS Lambda Power Tuning does for a function that is deployed
// (https://github.com/alexcasalboni/aws-lambda-power-tuning), so that a size is chosen from data.
//
// A day is played once, at full speed, and a sample of its invocations is kept with what their streams held before them. Each of
// the sample is then invoked again in a process of each size, with that size's share of a processor, while the vendor and S3
// take as long to answer as they do out there. It stands apart from package play, which plays the day and gives each
// invocation its stage again, but has no opinion on what is worth how much.
package sizes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/windrow-data/windrow/functions/pricing"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/play"
)

// Options say what to replay.
type Options struct {
	// Play is the day.
	Play play.Options
	// MemoryMBs are the sizes, each once.
	MemoryMBs []int
	// VendorLatency is how long the vendor takes for a page, StorageLatency how long an AWS service takes for a request.
	VendorLatency, StorageLatency time.Duration
	// Samples is how many invocations of a kind are replayed at most; the busiest of each handler is replayed besides.
	Samples int
	// Repeats is how often each is replayed at each size; the quickest counts, since a busy machine can only slow it.
	Repeats int
	// Prices and Architecture are what the replays are priced with.
	Prices       pricing.Prices
	Architecture pricing.Architecture
	// File is written with all figures, as JSON; see [Report].
	File string
}

// timeout is the construct's default, which cannot be had from there without CDK.
const timeout = 15 * time.Minute

// Run plays the day, replays the sample, and sums up. The summary is of the day; where that is not right, there is no report.
func Run(ctx context.Context, o Options) (*Report, *play.Summary, error) {
	recording := newSample(o.Samples, o.Play.Seed)
	var report *Report
	o.Play.Calm = true
	o.Play.Adjust = asDeployed
	o.Play.Record = recording.add
	o.Play.Encore = func(ctx context.Context, stage *play.Stage) error {
		stage.Slow(o.VendorLatency, o.StorageLatency)
		replayed, err := replay(ctx, o, stage, recording)
		if err != nil {
			return err
		}
		report = newReport(o, stage.Summary, replayed)
		return report.write(o.File)
	}
	summary, err := play.Run(ctx, o.Play)
	return report, summary, err
}

// asDeployed gives a function of a local app the limits that it has by default where it is deployed; the app has cut them to the
// measure of a day in minutes.
func asDeployed(f *assembly.Function) error {
	path := filepath.Join(f.Dir, settings.VendorFile)
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // Not one of Windrow's.
	}
	if err != nil {
		return err
	}
	f.Timeout = timeout
	f.Environment[settings.EnvSafetyMargin] = settings.DefaultSafetyMargin.String()
	f.Environment[settings.EnvPartBytes] = strconv.Itoa(settings.DefaultPartBytes)
	v, err := vendorapi.Parse(content)
	if err != nil {
		return fmt.Errorf("%s: %w", settings.VendorFile, err)
	}
	v.RequestTimeout = 0
	if content, err = json.MarshalIndent(v, "", "  "); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
