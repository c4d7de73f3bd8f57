// Package bus sends a function's announcements to its event bus.
//
// It stands apart from startup because only preprocess announces: a main links the client of EventBridge, and has it made at each
// start, where it imports this.
package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"github.com/windrow-data/windrow/functions/startup"
	"github.com/windrow-data/windrow/functions/telemetry"
)

// announceTimeout bounds one announcement, tries included. A bus that does not answer must not use up the invocation.
const announceTimeout = 10 * time.Second

// Bus sends a function's announcements to its event bus. It is made for one invocation: after an announcement has failed, those of further
// windows fail at once, without asking the bus again, since one that is down would use up the invocation with a timeout for each.
// preprocess then still makes the windows' objects but puts no receipts, and so the next run finds the objects made and announces them.
type Bus struct {
	function *startup.Function
	client   *eventbridge.Client
	// timeout bounds one announcement: work is begun until the safety margin, of which enough must be left to end it.
	timeout time.Duration
	failed  error
}

// New returns the bus of f, nil where it has none.
func New(f *startup.Function) *Bus {
	if f.Settings.EventBus == "" {
		return nil
	}
	return &Bus{function: f, client: eventbridge.NewFromConfig(f.AWS), timeout: min(announceTimeout, f.Settings.SafetyMargin/2)}
}

// Announce tells of the objects of a window.
func (b *Bus) Announce(ctx context.Context, a telemetry.Announcement) error {
	a.Pipeline = b.function.Settings.Pipeline
	return b.send(ctx, fmt.Sprintf("the objects of the window from %s on", a.Window.Start), telemetry.AnnouncementDetailType, a)
}

// Forgotten tells of people whom the vendor has forgotten.
func (b *Bus) Forgotten(ctx context.Context, p telemetry.PersonForgotten) error {
	p.Pipeline = b.function.Settings.Pipeline
	return b.send(ctx, "who is forgotten", telemetry.ForgottenDetailType, p)
}

func (b *Bus) send(ctx context.Context, what, detailType string, detail any) error {
	if b.failed != nil {
		return fmt.Errorf("announce %s: an announcement before has failed: %w", what, b.failed)
	}
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	b.failed = b.put(ctx, what, detailType, detail)
	return b.failed
}

func (b *Bus) put(ctx context.Context, what, detailType string, detail any) error {
	text, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	bus := b.function.Settings.EventBus
	output, err := b.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		Source:       aws.String(telemetry.AnnouncementSource),
		DetailType:   &detailType,
		Detail:       aws.String(string(text)),
		EventBusName: &bus,
	}}})
	if err != nil {
		return fmt.Errorf("announce %s: %w", what, err)
	}
	// An entry that the bus does not take is no error of the call.
	for _, entry := range output.Entries {
		if entry.ErrorCode != nil {
			return fmt.Errorf("announce %s to the event bus %s: %w", what, bus,
				&smithy.GenericAPIError{Code: *entry.ErrorCode, Message: aws.ToString(entry.ErrorMessage)})
		}
	}
	return nil
}
