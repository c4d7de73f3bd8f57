// Package handler is the Lambda function that makes one stream's curated objects: what answers its invocations.
//
// It stands apart from preprocess, which knows of no Lambda. It reads no clock and no environment: the main hands them over.
package handler

import (
	"context"
	"fmt"
	"time"

	"github.com/windrow-data/windrow/functions/preprocess"
	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/startup"
	"github.com/windrow-data/windrow/functions/startup/bus"
	"github.com/windrow-data/windrow/functions/startup/keys"
)

// New returns what answers the invocations.
func New(p startup.Process) func(context.Context, settings.Event) (preprocess.Answer, error) {
	function, err := p.Load()
	if err == nil && function.Settings.CuratedBucket == "" {
		err = fmt.Errorf("%s is not set: want the name of the curated bucket", settings.EnvCuratedBucket)
	}
	h := &handler{Function: function, process: p, privacyKey: keys.Reader(function)}
	invocations := &startup.Invocations[preprocess.Answer, *preprocess.Answer]{
		Handler: startup.Preprocess, Function: function, Fault: err, Clock: p.Now, Work: h.run,
		Initialization: p.Now().Sub(p.Began),
	}
	return invocations.Handle
}

type handler struct {
	*startup.Function
	process startup.Process
	// privacyKey lives as long as the sandbox, and has read nothing before the first object is made that holds digests.
	privacyKey func(context.Context) (privacy.Key, error)
}

func (h *handler) run(ctx context.Context, event settings.Event, now time.Time) (preprocess.Answer, error) {
	config := preprocess.Config{
		Stream:       h.Stream,
		Raw:          h.Zone,
		Curated:      h.Curated,
		PrivacyKey:   h.privacyKey,
		TempDir:      h.process.TempDir,
		SafetyMargin: h.Settings.SafetyMargin,

		CompactionOff: h.Settings.DisableCompaction,
		Clock:         h.process.Now,
		Logger:        h.Logger.With("execution", event.Run),
	}
	if bus := bus.New(h.Function); bus != nil {
		config.Announce, config.Forgotten = bus.Announce, bus.Forgotten
	}
	if past := event.Input; past.IsPast() {
		return preprocess.Remake(ctx, config, preprocess.Past{
			Start: past.Start, End: past.End, Replay: preprocess.Replay(past.Replay), Position: event.Position,
		}, now)
	}
	return preprocess.Run(ctx, config, now)
}
