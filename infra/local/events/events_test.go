package events_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/windrow-data/windrow/infra/local/events"
)

const busARN = "arn:aws:events:eu-central-1:000000000000:event-bus/webinars"

// bus starts a server, and returns a client that finds it as a function does, by its environment.
func bus(t *testing.T) (client *eventbridge.Client, kept *bytes.Buffer, delivered *[]events.Event) {
	t.Helper()
	kept, delivered = &bytes.Buffer{}, &[]events.Event{}
	front := httptest.NewServer(events.NewServer(events.Options{
		Account: "000000000000", Region: "eu-central-1",
		Buses:      map[string]string{"default": "default", "webinars": "webinars", busARN: "webinars"},
		DefaultBus: "default",
		Keep:       kept,
		Deliver:    func(_ string, e events.Event) { *delivered = append(*delivered, e) },
		Now:        func() time.Time { return time.Date(2026, 3, 10, 12, 0, 0, 500, time.UTC) },
	}))
	t.Cleanup(front.Close)
	t.Setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", front.URL)
	t.Setenv("AWS_REGION", "eu-central-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "access")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	loaded, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return eventbridge.NewFromConfig(loaded), kept, delivered
}

func entry(change func(*types.PutEventsRequestEntry)) types.PutEventsRequestEntry {
	e := types.PutEventsRequestEntry{Source: aws.String("windrow"), DetailType: aws.String("Curated"), Detail: aws.String(`{"rows":7}`)}
	change(&e)
	return e
}

func TestEventsAreKeptAndDelivered(t *testing.T) {
	client, kept, delivered := bus(t)
	output, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		entry(func(*types.PutEventsRequestEntry) {}),
		entry(func(e *types.PutEventsRequestEntry) {
			e.EventBusName, e.Resources = aws.String(busARN), []string{"arn:aws:s3:::lake/a"}
			e.Time = aws.Time(time.Date(2026, 3, 9, 1, 2, 3, 0, time.UTC))
		}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if output.FailedEntryCount != 0 || len(output.Entries) != 2 || aws.ToString(output.Entries[0].EventId) == "" {
		t.Fatalf("output %+v", output)
	}
	want := []events.Event{
		{Version: "0", DetailType: "Curated", Source: "windrow", Account: "000000000000", Time: "2026-03-10T12:00:00Z", Region: "eu-central-1", Resources: []string{}, Detail: []byte(`{"rows":7}`)},
		{Version: "0", DetailType: "Curated", Source: "windrow", Account: "000000000000", Time: "2026-03-09T01:02:03Z", Region: "eu-central-1", Resources: []string{"arn:aws:s3:::lake/a"}, Detail: []byte(`{"rows":7}`)},
	}
	if diff := cmp.Diff(want, *delivered, cmpopts.IgnoreFields(events.Event{}, "ID")); diff != "" {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
	lines := strings.Split(strings.TrimSpace(kept.String()), "\n")
	first := fmt.Sprintf(`{"bus":"default","event":{"version":"0","id":"%s","detail-type":"Curated","source":"windrow","account":"000000000000",`+
		`"time":"2026-03-10T12:00:00Z","region":"eu-central-1","resources":[],"detail":{"rows":7}}}`, aws.ToString(output.Entries[0].EventId))
	if len(lines) != 2 || lines[0] != first || !strings.HasPrefix(lines[1], `{"bus":"webinars"`) {
		t.Errorf("kept:\n%s\nwant first\n%s", kept, first)
	}
}

func TestEntriesFailOneByOne(t *testing.T) {
	client, _, delivered := bus(t)
	output, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		entry(func(e *types.PutEventsRequestEntry) { e.EventBusName = aws.String("nobody") }),
		entry(func(e *types.PutEventsRequestEntry) { e.Detail = aws.String(`[1]`) }),
		entry(func(e *types.PutEventsRequestEntry) { e.Source = nil }),
		entry(func(*types.PutEventsRequestEntry) {}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, e := range output.Entries {
		codes = append(codes, aws.ToString(e.ErrorCode))
	}
	if diff := cmp.Diff([]string{"InvalidArgument", "MalformedDetail", "InvalidArgument", ""}, codes); diff != "" || output.FailedEntryCount != 3 || len(*delivered) != 1 {
		t.Errorf("%d failed, %d delivered, codes (-want +got):\n%s", output.FailedEntryCount, len(*delivered), diff)
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	client, _, _ := bus(t)
	many := make([]types.PutEventsRequestEntry, 11)
	for i := range many {
		many[i] = entry(func(*types.PutEventsRequestEntry) {})
	}
	large := entry(func(e *types.PutEventsRequestEntry) {
		e.Detail = aws.String(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`)
	})
	for name, entries := range map[string][]types.PutEventsRequestEntry{"none": {}, "too many": many, "too large": {large}} {
		_, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: entries})
		var refusal smithy.APIError
		if !errors.As(err, &refusal) || refusal.ErrorCode() != "ValidationException" {
			t.Errorf("%s: error %v, want ValidationException", name, err)
		}
	}
	_, err := client.ListRules(t.Context(), &eventbridge.ListRulesInput{})
	if err == nil || !strings.Contains(err.Error(), "only PutEvents") {
		t.Errorf("another operation: %v", err)
	}
}
