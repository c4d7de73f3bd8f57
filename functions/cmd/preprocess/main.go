// Command preprocess is the Lambda function that makes one stream's curated objects.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/windrow-data/windrow/functions/preprocess"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/startup"
)

func main() {
	began := time.Now()
	function, err := startup.Load(context.Background(), os.Getenv, os.ReadFile, os.Stdout)
	if err == nil && function.Settings.CuratedBucket == "" {
		err = fmt.Errorf("%s is not set: want the name of the curated bucket", settings.EnvCuratedBucket)
	}
	h := &handler{function}
	invocations := &startup.Invocations[preprocess.Answer, *preprocess.Answer]{
		Handler: startup.Preprocess, Function: function, Fault: err, Clock: time.Now, Work: h.run,
		Initialization: time.Since(began),
	}
	lambda.Start(invocations.Handle)
}

type handler struct{ *startup.Function }

func (h *handler) run(ctx context.Context, event settings.Event, now time.Time) (preprocess.Answer, error) {
	config := preprocess.Config{
		Stream:       h.Stream,
		Raw:          h.Zone,
		Curated:      h.Curated,
		Announce:     h.Announce(),
		TempDir:      os.TempDir(),
		SafetyMargin: h.Settings.SafetyMargin,
		Clock:        time.Now,
		Logger:       h.Logger.With("execution", event.Run),
	}
	if past := event.Input; past.IsPast() {
		return preprocess.Remake(ctx, config, preprocess.Past{
			Start: past.Start, End: past.End, Replay: preprocess.Replay(past.Replay), Position: event.Position,
		}, now)
	}
	return preprocess.Run(ctx, config, now)
}
