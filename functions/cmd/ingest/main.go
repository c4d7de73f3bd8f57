// Command ingest is the Lambda function that takes one stream forward.
package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/startup"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

func main() {
	began := time.Now()
	function, err := startup.Load(context.Background(), os.Getenv, os.ReadFile, os.Stdout)
	h := &handler{Function: function}
	invocations := &startup.Invocations[ingest.Answer, *ingest.Answer]{
		Handler: startup.Ingest, Function: function, Fault: err, Clock: time.Now, Work: h.run,
		Initialization: time.Since(began),
	}
	lambda.Start(invocations.Handle)
}

type handler struct {
	*startup.Function
	// client lives as long as the sandbox, connections and token included, until the vendor fails: the
	// secret may have been rotated.
	client *vendorapi.Client
}

func (h *handler) run(ctx context.Context, event settings.Event, now time.Time) (answer ingest.Answer, err error) {
	if h.client == nil {
		if h.client, err = h.newClient(ctx); err != nil {
			return ingest.Answer{}, err
		}
	}
	parents, err := ingest.ParentsOf(h.Vendor, h.Stream, h.Zone, h.client)
	if err != nil {
		return ingest.Answer{}, err
	}
	config := ingest.Config{
		Stream:       h.Stream,
		Vendor:       h.client,
		Zone:         h.Zone,
		Parents:      parents,
		Run:          runName(ctx),
		Genesis:      h.Settings.Genesis,
		PartBytes:    h.Settings.PartBytes,
		SafetyMargin: h.Settings.SafetyMargin,
		DefaultRate:  h.Settings.DefaultRate,
		Clock:        time.Now,
		Logger:       h.Logger.With("execution", event.Run),
	}
	if past := event.Input; past.IsPast() {
		answer, err = ingest.Backfill(ctx, config, ingest.Past{
			Start: past.Start, End: past.End, Lane: event.Lane, Lanes: event.Lanes, Position: event.Position,
		}, now)
	} else {
		answer, err = ingest.Run(ctx, config, now)
	}
	if err != nil {
		h.client = nil
	}
	return answer, err
}

func (h *handler) newClient(ctx context.Context) (*vendorapi.Client, error) {
	secret, err := h.Secret(ctx)
	if err != nil {
		return nil, err
	}
	return vendorapi.NewClient(h.Vendor, h.Stream.Name, secret, vendorapi.Options{
		Now:    time.Now,
		Sleep:  sleep,
		Random: rand.Float64,
		Logger: h.Logger,
		Keeper: h.Keeper(runName(ctx), time.Now, sleep),
	})
}

// runName is the request's own: a name that no other invocation has, not even one of the same execution.
func runName(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return strings.ToLower(strings.ReplaceAll(lc.AwsRequestID, "-", ""))
	}
	return fmt.Sprintf("%x", rand.Uint64())
}

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
