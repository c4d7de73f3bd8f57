// Package handler is the Lambda function that takes one stream forward: what answers its invocations.
//
// It stands apart from the main so that a team's own main, with hooks for what a description cannot say, is as short as
// ours, and apart from ingest, which knows of no Lambda. It reads no clock and no environment: the main hands them over.
package handler

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/startup"
	"github.com/windrow-data/windrow/functions/startup/keys"
	"github.com/windrow-data/windrow/functions/startup/secrets"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// Hooks are what a vendor's description cannot say. The zero value changes nothing.
type Hooks struct {
	vendorapi.Hooks
	// CutWindow returns a time by which a window has to end, inside of the one that it is given, which begins where it has to and
	// ends no later than it may. What is no such time cuts nothing.
	CutWindow func(window.Window) time.Time
}

// New returns what answers the invocations.
func New(p startup.Process, hooks Hooks) func(context.Context, settings.Event) (ingest.Answer, error) {
	function, err := p.Load()
	h := &handler{Function: function, process: p, hooks: hooks, privacyKey: keys.Reader(function)}
	invocations := &startup.Invocations[ingest.Answer, *ingest.Answer]{
		Handler: startup.Ingest, Function: function, Fault: err, Clock: p.Now, Work: h.run,
		Initialization: p.Now().Sub(p.Began),
	}
	return invocations.Handle
}

type handler struct {
	*startup.Function
	process startup.Process
	hooks   Hooks
	// client lives as long as the sandbox, connections and token included, until the vendor fails: the
	// secret may have been rotated.
	client *vendorapi.Client
	// limits outlive the client: what it has sent counts at the vendor.
	limits *vendorapi.Limits
	// privacyKey is asked where somebody is forgotten.
	privacyKey func(context.Context) (privacy.Key, error)
}

func (h *handler) run(ctx context.Context, event settings.Event, now time.Time) (answer ingest.Answer, err error) {
	if h.limits == nil {
		h.limits = vendorapi.NewLimits(h.Vendor, h.Stream.Name)
	}
	h.begin(ctx, event)
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
		PrivacyKey:   h.privacyKey,
		Run:          startup.RunName(ctx),
		Genesis:      h.Settings.Genesis,
		CutWindow:    h.hooks.CutWindow,
		PartBytes:    h.Settings.PartBytes,
		SafetyMargin: h.Settings.SafetyMargin,
		DefaultRate:  h.Settings.DefaultRate,
		Clock:        h.process.Now,
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

// begin tells the limits for whom the vendor is asked.
func (h *handler) begin(ctx context.Context, event settings.Event) {
	now := h.process.Now()
	turn := vendorapi.Turn{Begun: event.StartedAt, Past: event.Input.IsPast(), Lane: event.Lane, Lanes: event.Lanes}
	if deadline, ok := ctx.Deadline(); ok {
		turn.Life = deadline.Sub(now)
	}
	h.limits.Begin(turn, now)
}

func (h *handler) newClient(ctx context.Context) (*vendorapi.Client, error) {
	secret, err := secrets.Read(ctx, h.Function)
	if err != nil {
		return nil, err
	}
	return vendorapi.NewClient(h.Vendor, h.Stream.Name, secret, vendorapi.Options{
		Now:    h.process.Now,
		Sleep:  startup.Sleep,
		Random: rand.Float64,
		Logger: h.Logger,
		Limits: h.limits,
		Keeper: secrets.Keeper(h.Function, startup.RunName(ctx), h.process.Now, startup.Sleep),
		Hooks:  h.hooks.Hooks,
	})
}
