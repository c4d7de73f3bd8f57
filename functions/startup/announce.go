package startup

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"github.com/windrow-data/windrow/functions/telemetry"
)

// announceTimeout bounds one announcement, tries included. A bus that does not answer must not use up the invocation.
const announceTimeout = 10 * time.Second

// Announce returns what sends announcements to the function's event bus, nil where it has none.
func (f *Function) Announce() func(context.Context, telemetry.Announcement) error {
	if f.Settings.EventBus == "" {
		return nil
	}
	client := eventbridge.NewFromConfig(f.AWS)
	// Work is begun until the safety margin, of which enough must be left to end it.
	timeout := min(announceTimeout, f.Settings.SafetyMargin/2)
	return func(ctx context.Context, a telemetry.Announcement) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		a.Pipeline = f.Settings.Pipeline
		detail, err := json.Marshal(a)
		if err != nil {
			return err
		}
		output, err := client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
			Source:       aws.String(telemetry.AnnouncementSource),
			DetailType:   aws.String(telemetry.AnnouncementDetailType),
			Detail:       aws.String(string(detail)),
			EventBusName: &f.Settings.EventBus,
		}}})
		if err != nil {
			return fmt.Errorf("announce the objects of the window from %s on: %w", a.Window.Start, err)
		}
		// An entry that the bus does not take is no error of the call.
		for _, entry := range output.Entries {
			if entry.ErrorCode != nil {
				return fmt.Errorf("announce the objects of the window from %s on to the event bus %s: %w", a.Window.Start, f.Settings.EventBus,
					&smithy.GenericAPIError{Code: *entry.ErrorCode, Message: aws.ToString(entry.ErrorMessage)})
			}
		}
		return nil
	}
}
