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

// Announcer returns what sends announcements to the event bus of f, nil where it has none. It is made for one invocation:
// after an announcement has failed, those of further windows fail at once, without asking the bus again, since one that is
// down would use up the invocation with a timeout for each. preprocess then still makes the windows' objects but puts no receipts,
// and so the next run finds the objects made and announces them.
func Announcer(f *startup.Function) func(context.Context, telemetry.Announcement) error {
	if f.Settings.EventBus == "" {
		return nil
	}
	client := eventbridge.NewFromConfig(f.AWS)
	// Work is begun until the safety margin, of which enough must be left to end it.
	timeout := min(announceTimeout, f.Settings.SafetyMargin/2)
	var failed error
	return func(ctx context.Context, a telemetry.Announcement) error {
		if failed != nil {
			return fmt.Errorf("the objects of the window from %s on are not announced, since an announcement before has failed: %w", a.Window.Start, failed)
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		failed = announce(ctx, f, client, a)
		return failed
	}
}

func announce(ctx context.Context, f *startup.Function, client *eventbridge.Client, a telemetry.Announcement) error {
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
