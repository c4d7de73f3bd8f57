// Package handler is the Lambda function that erases or exports what a vendor's lake holds of one person: what answers its invocations.
//
// It stands apart from erasure, which knows of no Lambda. It reads no clock and no environment: the main hands them over.
package handler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/windrow-data/windrow/functions/erasure"
	"github.com/windrow-data/windrow/functions/forgotten"
	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/startup"
	"github.com/windrow-data/windrow/functions/startup/keys"
	"github.com/windrow-data/windrow/functions/telemetry"
)

// New returns what answers the invocations.
func New(p startup.Process) func(context.Context, settings.Event) (erasure.Answer, error) {
	function, err := p.Load()
	if err == nil && function.Settings.CuratedBucket == "" {
		err = fmt.Errorf("%s is not set: want the name of the curated bucket", settings.EnvCuratedBucket)
	}
	h := &handler{Function: function, process: p}
	h.key = keys.Reader(function)
	invocations := &startup.Invocations[erasure.Answer, *erasure.Answer]{
		Handler: startup.Erase, Function: function, Fault: err, Clock: p.Now, Work: h.run,
		Initialization: p.Now().Sub(p.Began),
	}
	return invocations.Handle
}

type handler struct {
	*startup.Function
	process startup.Process
	key     func(context.Context) (privacy.Key, error)
}

func (h *handler) run(ctx context.Context, event settings.Event, _ time.Time) (erasure.Answer, error) {
	input := event.Input
	if err := check(input); err != nil {
		return erasure.Answer{}, fmt.Errorf("%w: %w", startup.ErrMisconfigured, err)
	}
	key, err := h.key(ctx)
	if err != nil {
		return erasure.Answer{}, err
	}
	config := erasure.Config{
		Vendor:       h.Vendor,
		Raw:          h.Zone.Bucket,
		Curated:      h.Curated,
		Results:      h.Results,
		Key:          key,
		Digest:       input.Digest,
		Run:          startup.RunName(ctx),
		Execution:    event.Run,
		Patience:     erasure.LongestRun,
		SafetyMargin: h.Settings.SafetyMargin,
		Clock:        h.process.Now,
		Logger:       h.Logger.With("execution", event.Run),
	}
	switch input.Action {
	case settings.ActionErase:
		return erasure.Erase(ctx, config, event.Position)
	case settings.ActionExport:
		return erasure.Export(ctx, config, event.Position)
	}
	return erasure.Find(ctx, config, input.Forgotten.Stream, input.Forgotten.Keys, event.Position)
}

// check says what is wrong with an input.
func check(input settings.Input) error {
	switch input.Action {
	case settings.ActionErase, settings.ActionExport:
		return forgotten.CheckDigest(input.Digest)
	case settings.ActionFind:
		if len(input.Forgotten.Keys) == 0 {
			return errors.New("the input has no forgotten.keys: want those of an event of the type " + telemetry.ForgottenDetailType)
		}
		return nil
	}
	return fmt.Errorf("the input's action is %q: want %q, %q or %q", input.Action, settings.ActionErase, settings.ActionExport, settings.ActionFind)
}
