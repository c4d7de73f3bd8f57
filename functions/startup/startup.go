// Package startup is what the two mains have in common: it turns a function's environment and asset into the
// parts that its handler works with, and tells what became of each invocation: what it cost, what it found, what it failed
// of. It stands apart so that a team's own main is as short as ours. It takes the environment, the files and the clock as
// arguments.
package startup

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/pricing"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Function is what a handler works with. It is made once for the life of its sandbox. Where [Load] has failed, it can only tell so.
type Function struct {
	Settings settings.Settings
	Vendor   *vendorapi.Vendor
	// Stream is nil where the function works at all streams, and then Zone is without one.
	Stream  *vendorapi.Stream
	AWS     aws.Config
	Zone    rawzone.Zone
	Curated objectstore.Bucket
	// Results is the bucket for results of queries, without a name where there is none.
	Results objectstore.Bucket
	Logger  *slog.Logger

	logs         io.Writer
	memoryMB     int
	architecture pricing.Architecture
	prices       pricing.Prices
	requests     *requestCounter
	readFile     func(string) ([]byte, error)
}

// architectures are Lambda's words for Go's.
var architectures = map[string]pricing.Architecture{"arm64": pricing.ARM64, "amd64": pricing.X86}

// pricesIn returns the prices of a region, or of us-east-1 where none are known for it: what an invocation cost is then
// about right, and no function fails of a price.
func pricesIn(region string) pricing.Prices {
	prices, err := pricing.In(region)
	if err != nil {
		return pricing.USEast1
	}
	return prices
}

// envMemory is set by Lambda itself. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
const envMemory = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"

// Load makes a Function. getenv reads the environment, readFile the asset, and the logs go to logs as JSON
// lines. Its errors name the variable or the file at fault. The Function is there in any case, with all that could be read, so
// that [Invocations] can tell the error as it tells any other.
func Load(getenv func(string) string, readFile func(string) ([]byte, error), logs io.Writer) (*Function, error) {
	s, settingsErr := settings.Parse(getenv)
	logger := slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: s.LogLevel}))
	awsConfig, awsErr := awsConfig(getenv, logger)
	memoryMB, memoryErr := strconv.Atoi(getenv(envMemory))
	if memoryErr != nil || memoryMB <= 0 {
		memoryErr = fmt.Errorf("%s=%q: want the function's memory in MB, as Lambda sets it", envMemory, getenv(envMemory))
	}
	f := &Function{
		Settings: s,
		AWS:      awsConfig,
		Logger:   logger,

		logs:         logs,
		memoryMB:     memoryMB,
		architecture: architectures[runtime.GOARCH],
		prices:       pricesIn(awsConfig.Region),
		requests:     &requestCounter{next: awsConfig.HTTPClient},
		readFile:     readFile,
	}
	if err := errors.Join(settingsErr, awsErr, memoryErr); err != nil {
		return f, err
	}
	return f, f.describe(filepath.Join(getenv("LAMBDA_TASK_ROOT"), settings.VendorFile))
}

// describe reads the vendor's description at path, and makes what depends on it.
func (f *Function) describe(path string) error {
	description, err := f.readFile(path)
	if err != nil {
		return fmt.Errorf("the vendor's description: %w", err)
	}
	if f.Vendor, err = vendorapi.Parse(description); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	stream := ""
	if f.Settings.Stream != settings.AllStreams {
		if f.Stream, err = f.Vendor.Stream(f.Settings.Stream); err != nil {
			return fmt.Errorf("%s: %w", settings.EnvStream, err)
		}
		stream = f.Stream.Name
	}
	client := s3.NewFromConfig(f.AWS, func(o *s3.Options) { o.HTTPClient = f.requests })
	f.Zone = rawzone.Zone{Bucket: objectstore.Bucket{API: client, Name: f.Settings.RawBucket}, Vendor: f.Vendor.Name, Stream: stream}
	f.Curated = objectstore.Bucket{API: client, Name: f.Settings.CuratedBucket}
	f.Results = objectstore.Bucket{API: client, Name: f.Settings.ResultsBucket}
	return nil
}
