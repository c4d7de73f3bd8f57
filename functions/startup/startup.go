// Package startup is what the two mains have in common: it turns a function's environment and asset into the
// parts that its handler works with. It stands apart so that a team's own main is as short as ours. It takes
// the environment and the files as arguments; only the AWS SDK finds its region and credentials by itself.
package startup

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Function is what a handler works with. It is made once for the life of its sandbox.
type Function struct {
	Settings settings.Settings
	Vendor   *vendorapi.Vendor
	Stream   *vendorapi.Stream
	AWS      aws.Config
	Zone     rawzone.Zone
	Curated  objectstore.Bucket
	Logger   *slog.Logger
}

// Load makes a Function. getenv reads the environment, readFile the asset, and the logs go to logs as JSON
// lines. Its errors name the variable or the file at fault.
func Load(ctx context.Context, getenv func(string) string, readFile func(string) ([]byte, error), logs io.Writer) (*Function, error) {
	s, err := settings.Parse(getenv)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(getenv("LAMBDA_TASK_ROOT"), settings.VendorFile)
	description, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("the vendor's description: %w", err)
	}
	vendor, err := vendorapi.Parse(description)
	if err != nil {
		return nil, fmt.Errorf("the vendor's description %s: %w", path, err)
	}
	stream, err := vendor.Stream(s.Stream)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", settings.EnvStream, err)
	}
	awsConfig, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	client := s3.NewFromConfig(awsConfig)
	return &Function{
		Settings: s,
		Vendor:   vendor,
		Stream:   stream,
		AWS:      awsConfig,
		Zone:     rawzone.Zone{Bucket: objectstore.Bucket{API: client, Name: s.RawBucket}, Vendor: vendor.Name, Stream: stream.Name},
		Curated:  objectstore.Bucket{API: client, Name: s.CuratedBucket},
		Logger:   slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: s.LogLevel})),
	}, nil
}
