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
	function, err := startup.Load(context.Background(), os.Getenv, os.ReadFile, os.Stdout)
	if err == nil && function.Settings.CuratedBucket == "" {
		err = fmt.Errorf("%s is not set: want the name of the curated bucket", settings.EnvCuratedBucket)
	}
	lambda.Start(func(ctx context.Context, event settings.Event) (preprocess.Answer, error) {
		if err != nil {
			return preprocess.Answer{}, err
		}
		now, err := event.Now(time.Now())
		if err != nil {
			return preprocess.Answer{}, err
		}
		config := preprocess.Config{
			Stream:       function.Stream,
			Raw:          function.Zone,
			Curated:      function.Curated,
			TempDir:      os.TempDir(),
			SafetyMargin: function.Settings.SafetyMargin,
			Clock:        time.Now,
			Logger:       function.Logger.With("execution", event.Run),
		}
		if past := event.Input; past.IsPast() {
			return preprocess.Remake(ctx, config, preprocess.Past{
				Start: past.Start, End: past.End, Replay: preprocess.Replay(past.Replay), Position: event.Position,
			}, now)
		}
		return preprocess.Run(ctx, config, now)
	})
}
