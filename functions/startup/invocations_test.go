package startup_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/pricing"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/startup"
	"github.com/windrow-data/windrow/functions/startup/bus"
	"github.com/windrow-data/windrow/functions/startup/keys"
	"github.com/windrow-data/windrow/functions/startup/secrets"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// tick is the event of a scheduled run.
var tick = settings.Event{Run: "run-1", Transitions: 1.6, Input: settings.Input{ScheduledTime: time.Date(2026, 3, 10, 17, 0, 0, 0, time.UTC)}}

// steps is a clock that goes on by a step each time it is looked at.
func steps(step time.Duration) func() time.Time {
	now := time.Date(2026, 3, 10, 17, 0, 5, 0, time.UTC)
	return func() time.Time { now = now.Add(step); return now }
}

// invocations are those of an ingest function that does work.
func invocations(f *startup.Function, work func(context.Context) (ingest.Answer, error)) *startup.Invocations[ingest.Answer, *ingest.Answer] {
	return &startup.Invocations[ingest.Answer, *ingest.Answer]{
		Handler: startup.Ingest, Function: f, Clock: steps(250 * time.Millisecond), Initialization: 100 * time.Millisecond,
		Work: func(ctx context.Context, _ settings.Event, _ time.Time) (ingest.Answer, error) { return work(ctx) },
	}
}

// lastLine is the last line of the log, decoded.
func lastLine(t *testing.T, logs *bytes.Buffer) map[string]any {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(logs.String()), "\n")
	var line map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &line); err != nil {
		t.Fatalf("%v: %s", err, lines[len(lines)-1])
	}
	return line
}

func TestAnInvocationTellsWhatItTook(t *testing.T) {
	s3 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Has("list-type"):
			io.WriteString(w, `<ListBucketResult></ListBucketResult>`)
		case r.Method == http.MethodPut:
			w.Header().Set("ETag", `"1"`)
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer s3.Close()
	env := environment()
	env["AWS_ENDPOINT_URL_S3"] = s3.URL
	var logs bytes.Buffer
	f, err := load(t, env, on24Description(t), &logs)
	if err != nil {
		t.Fatal(err)
	}
	stale := 1800.0
	work := func(ctx context.Context) (ingest.Answer, error) {
		answer := ingest.Answer{Report: telemetry.Report{StalenessSeconds: &stale, Findings: []telemetry.Finding{{Kind: telemetry.RunsOverlap}}}}
		bucket := f.Zone.Bucket
		if _, err := bucket.Put(ctx, "k", strings.NewReader("x"), "text/plain", nil, objectstore.Absent()); err != nil {
			return answer, err
		}
		for _, err := range bucket.List(ctx, "k", "") {
			return answer, err
		}
		if _, err := bucket.Head(ctx, "k"); !errors.Is(err, objectstore.ErrNotFound) {
			return answer, err
		}
		return answer, bucket.Delete(ctx, "k")
	}
	of := invocations(f, work)
	answer, err := of.Handle(t.Context(), tick)
	if err != nil {
		t.Fatal(err)
	}
	if got := answer.Findings[0]; got.Runbook != telemetry.DefaultRunbook+"#runs-overlap" || got.FirstLook != telemetry.RunsOverlap.FirstLook() {
		t.Errorf("the finding leads to %q and %q", got.FirstLook, got.Runbook)
	}
	line := lastLine(t, &logs)
	usage := pricing.Usage{
		Duration: 350 * time.Millisecond, MemoryMB: 128, Writes: 2, Reads: 1, Transitions: 1.6,
		Architecture: map[string]pricing.Architecture{"arm64": pricing.ARM64, "amd64": pricing.X86}[runtime.GOARCH],
	}
	for name, want := range map[string]any{
		"msg": "invocation", "Pipeline": "web/Pipeline", "stream": "attendees", "handler": "ingest", "execution": "run-1",
		"seconds": 0.35, "memoryMB": 128.0, "writes": 2.0, "reads": 1.0, "transitions": 1.6, "Findings": 1.0, "StalenessSeconds": 1800.0,
		"CostUSD": pricing.USEast1.Invocation(usage), "failure": nil, "error": nil,
	} {
		if diff := cmp.Diff(want, line[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	want := map[string]any{
		"Timestamp": float64(time.Date(2026, 3, 10, 17, 0, 5, 500e6, time.UTC).UnixMilli()),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace": "Windrow", "Dimensions": []any{[]any{"Pipeline"}},
			"Metrics": []any{
				map[string]any{"Name": "Findings", "Unit": "Count"}, map[string]any{"Name": "CostUSD", "Unit": "None"},
				map[string]any{"Name": "StalenessSeconds", "Unit": "Seconds"},
			},
		}},
	}
	if diff := cmp.Diff(want, line["_aws"]); diff != "" {
		t.Errorf("_aws (-want +got):\n%s", diff)
	}

	// The initialization is billed once, and what a level leaves out of the log is no metric.
	if _, err := of.Handle(t.Context(), tick); err != nil {
		t.Fatal(err)
	}
	if got := lastLine(t, &logs)["seconds"]; got != 0.25 {
		t.Errorf("a warm invocation took %v s, want 0.25", got)
	}
}

func TestFailuresHaveTheirKind(t *testing.T) {
	request := func(status int, throttled bool, kinds ...error) error {
		return fmt.Errorf("stream attendees: %w", errors.Join(append(kinds, &vendorapi.RequestError{Status: status, Throttled: throttled})...))
	}
	tests := []struct {
		name string
		err  error
		want telemetry.Kind
	}{
		{"401", request(401, false, vendorapi.ErrRefused), telemetry.CredentialsRejected},
		{"403", request(403, false, vendorapi.ErrRefused), telemetry.CredentialsRejected},
		{"404", request(404, false, vendorapi.ErrRefused), telemetry.VendorRefuses},
		{"throttled to the end", request(429, true, vendorapi.ErrUnavailable), telemetry.VendorThrottles},
		{"throttled until the deadline", request(429, true, vendorapi.ErrDeadline), telemetry.VendorThrottles},
		{"down", request(503, false, vendorapi.ErrUnavailable), telemetry.VendorUnavailable},
		{"down until the deadline", request(503, false, vendorapi.ErrDeadline, vendorapi.ErrUnavailable), telemetry.VendorUnavailable},
		{"out of time", request(0, false, vendorapi.ErrDeadline), telemetry.OutOfTime},
		{"not as described", request(200, false, vendorapi.ErrMalformed), telemetry.AnswerMalformed},
		{"a secret without a field", fmt.Errorf("%w: it lacks token", vendorapi.ErrSecret), telemetry.SecretUnusable},
		{"no token is given", request(400, false, vendorapi.ErrCredentials), telemetry.CredentialsRejected},
		{"a token is lost", fmt.Errorf("authorize again: %w", request(0, false, vendorapi.ErrTokenLost)), telemetry.TokenLost},
		{"a newer release", fmt.Errorf("commit: %w", rawzone.ErrNewerFormat), telemetry.NewerFormat},
		{"the vendor refuses, and then S3 fails", errors.Join(request(404, false, vendorapi.ErrRefused), &smithy.GenericAPIError{Code: "InternalError"}), telemetry.VendorRefuses},
		{"S3 forbids", fmt.Errorf("put: %w", &smithy.GenericAPIError{Code: "AccessDenied"}), telemetry.AccessDenied},
		{"anything else", errors.New("boom"), telemetry.Unexpected},
	}
	var logs bytes.Buffer
	f, err := load(t, environment(), on24Description(t), &logs)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := invocations(f, func(context.Context) (ingest.Answer, error) { return ingest.Answer{}, test.err }).Handle(t.Context(), tick)
			var told messages.InvokeResponse_Error
			if !slices.Contains(telemetry.Failures(), test.want) {
				t.Errorf("the state machine does not know the failure %s", test.want)
			}
			if !errors.As(err, &told) || told.Type != string(test.want) {
				t.Fatalf("got %v of the type %q, want %s", err, told.Type, test.want)
			}
			for _, part := range []string{test.err.Error(), test.want.FirstLook(), telemetry.DefaultRunbook + "#" + string(test.want)} {
				if !strings.Contains(told.Message, part) {
					t.Errorf("the message does not say %q: %s", part, told.Message)
				}
			}
			if line := lastLine(t, &logs); line["failure"] != string(test.want) || line["error"] != test.err.Error() {
				t.Errorf("the log has the failure %v, %v", line["failure"], line["error"])
			}
		})
	}
}

// TestFailuresOfAWSHaveTheirKind has the SDK itself read what AWS answers.
func TestFailuresOfAWSHaveTheirKind(t *testing.T) {
	head := func(ctx context.Context, f *startup.Function) error {
		_, err := f.Zone.Bucket.Head(ctx, "k")
		return err
	}
	get := func(ctx context.Context, f *startup.Function) error {
		_, _, err := f.Zone.Bucket.Get(ctx, "k")
		return err
	}
	secret := func(ctx context.Context, f *startup.Function) error { _, err := secrets.Read(ctx, f); return err }
	key := func(ctx context.Context, f *startup.Function) error { _, err := keys.Reader(f)(ctx); return err }
	announce := func(ctx context.Context, f *startup.Function) error {
		return bus.New(f).Announce(ctx, telemetry.Announcement{})
	}
	tests := []struct {
		name   string
		call   func(context.Context, *startup.Function) error
		status int
		body   string
		want   telemetry.Kind
	}{
		{"S3 denies a GET", get, http.StatusForbidden, `<Error><Code>AccessDenied</Code><Message>no</Message></Error>`, telemetry.AccessDenied},
		{"S3 denies a HEAD, whose answer has no body", head, http.StatusForbidden, "", telemetry.AccessDenied},
		{"the secret is denied", secret, http.StatusBadRequest, `{"__type":"AccessDeniedException","Message":"no"}`, telemetry.AccessDenied},
		{"the bus denies an announcement", announce, http.StatusOK, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"AccessDeniedException"}]}`, telemetry.AccessDenied},
		{"S3 fails", get, http.StatusInternalServerError, `<Error><Code>InternalError</Code><Message>sorry</Message></Error>`, telemetry.AWSError},
		{"S3 fails without a word", head, http.StatusServiceUnavailable, "", telemetry.AWSError},
		{"the key is disabled", get, http.StatusBadRequest, `<Error><Code>KMS.DisabledException</Code><Message>no</Message></Error>`, telemetry.AWSError},
		{"the bucket is gone", get, http.StatusNotFound, `<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>`, telemetry.AWSError},
		{"the secret is scheduled for deletion", secret, http.StatusBadRequest, `{"__type":"InvalidRequestException","Message":"marked for deletion"}`, telemetry.AWSError},
		{"the secret has no value", secret, http.StatusBadRequest, `{"__type":"ResourceNotFoundException","Message":"no"}`, telemetry.SecretUnusable},
		{"the privacy key is denied", key, http.StatusBadRequest, `{"__type":"AccessDeniedException","Message":"no"}`, telemetry.AccessDenied},
		{"the privacy key has no value", key, http.StatusBadRequest, `{"__type":"ResourceNotFoundException","Message":"no"}`, telemetry.SecretUnusable},
		{"the privacy key is none", key, http.StatusOK, `{"SecretString":"short"}`, telemetry.SecretUnusable},
		{"the privacy key is binary", key, http.StatusOK, `{"SecretBinary":"aGVsbG8="}`, telemetry.SecretUnusable},
		{"secrets are throttled", secret, http.StatusBadRequest, `{"__type":"ThrottlingException","Message":"slow down"}`, telemetry.AWSError},
		{"the bus does not take an announcement", announce, http.StatusOK, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InternalFailure"}]}`, telemetry.AWSError},
		{"the connection breaks", get, 0, "", telemetry.AWSError},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if test.status == 0 {
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
			}))
			defer aws.Close()
			env := environment()
			env["AWS_ENDPOINT_URL"], env["AWS_MAX_ATTEMPTS"] = aws.URL, "1"
			env["WINDROW_SECRET"] = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:on24"
			env["WINDROW_PRIVACY_KEY_SECRET"] = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:key"
			f, err := load(t, env, on24Description(t), &bytes.Buffer{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = invocations(f, func(ctx context.Context) (ingest.Answer, error) { return ingest.Answer{}, test.call(ctx, f) }).Handle(t.Context(), tick)
			var told messages.InvokeResponse_Error
			if !slices.Contains(telemetry.Failures(), test.want) {
				t.Errorf("the state machine does not know the failure %s", test.want)
			}
			if !errors.As(err, &told) || told.Type != string(test.want) {
				t.Errorf("got %v of the type %q, want %s", err, told.Type, test.want)
			}
		})
	}
}

// TestAFunctionThatCannotLoadTellsItAsAnyOtherFailure breaks one thing at a time, and wants all to be told that can be read.
func TestAFunctionThatCannotLoadTellsItAsAnyOtherFailure(t *testing.T) {
	const runbook = "https://example.com/runbook"
	tests := []struct {
		name        string
		variable    string
		value       string
		description string
		says        string
	}{
		{"no bucket", "WINDROW_RAW_BUCKET", "", on24Description(t), "WINDROW_RAW_BUCKET is not set"},
		{"no stream", "WINDROW_STREAM", "", on24Description(t), "WINDROW_STREAM is not set"},
		{"a stream that the vendor lacks", "WINDROW_STREAM", "sales", on24Description(t), `has no stream "sales"`},
		{"a rate that is none", "WINDROW_DEFAULT_RATE", "quick", on24Description(t), `WINDROW_DEFAULT_RATE="quick"`},
		{"a level that is none", "WINDROW_LOG_LEVEL", "LOUD", on24Description(t), `WINDROW_LOG_LEVEL="LOUD"`},
		{"no memory", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "", on24Description(t), `AWS_LAMBDA_FUNCTION_MEMORY_SIZE=""`},
		{"no description", "WINDROW_STREAM", "attendees", "", "vendor.json"},
		{"a description that is none", "WINDROW_STREAM", "attendees", "{", "vendor.json"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			env := environment()
			env["WINDROW_RUNBOOK"] = runbook
			env[test.variable] = test.value
			var logs bytes.Buffer
			f, fault := load(t, env, test.description, &logs)
			of := invocations(f, func(context.Context) (ingest.Answer, error) { t.Error("it went to work"); return ingest.Answer{}, nil })
			of.Fault = fault
			_, err := of.Handle(t.Context(), tick)
			var told messages.InvokeResponse_Error
			if !errors.As(err, &told) || told.Type != string(telemetry.Misconfigured) ||
				!strings.Contains(told.Message, test.says) || !strings.HasSuffix(told.Message, ". Runbook: "+runbook+"#misconfigured") {
				t.Errorf("got %v of the type %q", err, told.Type)
			}
			line := lastLine(t, &logs)
			memory, _ := strconv.ParseFloat(env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], 64)
			for name, want := range map[string]any{
				"msg": "invocation", "Pipeline": "web/Pipeline", "stream": env["WINDROW_STREAM"], "handler": "ingest", "execution": "run-1",
				"failure": "misconfigured", "seconds": 0.35, "memoryMB": memory, "peakMemoryMB": 1.0, "Findings": 0.0, "transitions": 1.6,
			} {
				if diff := cmp.Diff(want, line[name]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if text, _ := line["error"].(string); !strings.Contains(text, test.says) {
				t.Errorf("the line's error is %q", text)
			}
		})
	}
}

func TestAnEventAheadOfTheClockIsRefused(t *testing.T) {
	f, err := load(t, environment(), on24Description(t), &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	early := tick
	early.Input.ScheduledTime = tick.Input.ScheduledTime.Add(time.Hour)
	_, err = invocations(f, func(context.Context) (ingest.Answer, error) { t.Error("it went to work"); return ingest.Answer{}, nil }).Handle(t.Context(), early)
	var told messages.InvokeResponse_Error
	if !errors.As(err, &told) || told.Type != string(telemetry.Misconfigured) {
		t.Errorf("got %v of the type %q", err, told.Type)
	}
}

// TestTheWorstAnswerIsBounded answers with all that one handler can tell of, a hundred times over and at length.
func TestTheWorstAnswerIsBounded(t *testing.T) {
	const most = 12 << 10
	name := strings.Repeat("a", 32) // as long as a vendor's or a stream's may be
	numbers := telemetry.Numbers{"announced": -1e15 / 7, "announcedLast": -1e15 / 7, "given": -1e15 / 7, "duplicates": -1e15 / 7, "attempts": -1e15 / 7}
	longest := telemetry.Kinds()
	slices.SortFunc(longest, func(a, b telemetry.Kind) int { return len(b)*2 + len(b.FirstLook()) - len(a)*2 - len(a.FirstLook()) })
	for what, text := range map[string]string{
		"letters": strings.Repeat("a", 10_000), "quotes": strings.Repeat(`"`, 10_000), "an address": "https://api.example.com/" + strings.Repeat("?a=<b>&", 1000),
		"another script": strings.Repeat("日本語", 3000), "no text": strings.Repeat("\xff\x00", 5000),
	} {
		t.Run(what, func(t *testing.T) {
			var logs bytes.Buffer
			f, err := load(t, environment(), on24Description(t), &logs)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := invocations(f, func(context.Context) (answer ingest.Answer, _ error) {
				for range 100 {
					for _, kind := range longest[:telemetry.MaxFindings] {
						answer.Find(telemetry.Finding{Vendor: name, Stream: name, Kind: kind, Message: text, Numbers: numbers})
					}
				}
				return answer, nil
			}).Handle(t.Context(), tick)
			if err != nil {
				t.Fatal(err)
			}
			body, err := json.Marshal(answer)
			if err != nil || len(body) > most {
				t.Errorf("the answer takes %d bytes (%v), want at most %d", len(body), err, most)
			}
			if got := lastLine(t, &logs)["Findings"]; got != 100.0*telemetry.MaxFindings {
				t.Errorf("the metric counts %v findings, want all %d", got, 100*telemetry.MaxFindings)
			}
		})
	}
}

func TestALongFailureStillLeadsToTheRunbook(t *testing.T) {
	var logs bytes.Buffer
	f, err := load(t, environment(), on24Description(t), &logs)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"letters": strings.Repeat("a", 100_000), "quotes": strings.Repeat(`"`, 100_000)} {
		_, err = invocations(f, func(context.Context) (ingest.Answer, error) { return ingest.Answer{}, errors.New(text) }).Handle(t.Context(), tick)
		var told messages.InvokeResponse_Error
		if !errors.As(err, &told) {
			t.Fatal(err)
		}
		body, err := json.Marshal(told.Message)
		if want := "…. First look: " + telemetry.Unexpected.FirstLook() + ". Runbook: " + telemetry.DefaultRunbook + "#unexpected"; err != nil ||
			len(body) > 2<<10+len(want) || !strings.HasSuffix(told.Message, want) {
			t.Errorf("%s: %d bytes (%v) that end in %q", what, len(body), err, told.Message[max(0, len(told.Message)-len(want)):])
		}
		if got, _ := lastLine(t, &logs)["error"].(string); got == "" || !strings.HasPrefix(told.Message, got+". First look") {
			t.Errorf("%s: the log has another error than the answer, of %d bytes", what, len(got))
		}
	}
}

func TestNearLimits(t *testing.T) {
	tests := []struct {
		name   string
		memory string
		// left is what is left of the time when the work is done.
		left time.Duration
		want []telemetry.Kind
	}{
		{"neither", "10000", time.Minute, nil},
		{"in the margin", "10000", 10 * time.Second, nil},
		{"hardly in time", "10000", 2 * time.Second, []telemetry.Kind{telemetry.TimeNearLimit}},
		{"hardly any memory", "1", time.Minute, []telemetry.Kind{telemetry.MemoryNearLimit}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			env := environment()
			env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = test.memory
			var logs bytes.Buffer
			f, err := load(t, env, on24Description(t), &logs)
			if err != nil {
				t.Fatal(err)
			}
			of := invocations(f, func(context.Context) (ingest.Answer, error) { return ingest.Answer{}, nil })
			ctx, cancel := context.WithDeadline(t.Context(), time.Date(2026, 3, 10, 17, 0, 5, 500e6, time.UTC).Add(test.left))
			defer cancel()
			answer, err := of.Handle(ctx, tick)
			if err != nil {
				t.Fatal(err)
			}
			var got []telemetry.Kind
			for _, finding := range answer.Findings {
				got = append(got, finding.Kind)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnnouncementsReachTheBus(t *testing.T) {
	var sent struct {
		Entries []struct{ Source, DetailType, Detail, EventBusName string }
	}
	answer := `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewDecoder(r.Body).Decode(&sent)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		io.WriteString(w, answer)
	}))
	defer front.Close()
	env := environment()
	env["AWS_ENDPOINT_URL_EVENTBRIDGE"] = front.URL
	f, err := load(t, env, on24Description(t), &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	window := telemetry.AnnouncedWindow{Start: tick.Input.ScheduledTime, End: tick.Input.ScheduledTime.Add(time.Hour)}
	announcement := telemetry.Announcement{Vendor: "on24", Stream: "attendees", Window: window, Generation: 2, Rows: 3, Bucket: "curated", Keys: []string{"k"}}
	if err := bus.New(f).Announce(t.Context(), announcement); err != nil {
		t.Fatal(err)
	}
	var detail telemetry.Announcement
	if err := json.Unmarshal([]byte(sent.Entries[0].Detail), &detail); err != nil {
		t.Fatal(err)
	}
	announcement.Pipeline = "web/Pipeline"
	if diff := cmp.Diff(announcement, detail); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if e := sent.Entries[0]; e.Source != "windrow" || e.DetailType != "Curated objects made" || e.EventBusName != "default" {
		t.Errorf("sent %+v", e)
	}

	delete(env, "WINDROW_EVENT_BUS")
	if f, err = load(t, env, on24Description(t), &bytes.Buffer{}); err != nil || bus.New(f) != nil {
		t.Errorf("without a bus there is somebody to announce to (%v)", err)
	}
}

func TestABusThatIsDownIsAskedOnceAnInvocation(t *testing.T) {
	const good = `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`
	for name, down := range map[string]struct {
		status int
		answer string
		says   string
	}{
		"it refuses the call":        {http.StatusBadRequest, `{"__type":"InternalException","message":"down"}`, "down"},
		"it does not take the entry": {http.StatusOK, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException","ErrorMessage":"slow down"}]}`, "slow down"},
		"it does not answer in time": {0, "", "deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			var fails atomic.Bool
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				io.Copy(io.Discard, r.Body)
				status, answer := http.StatusOK, good
				if fails.Load() {
					status, answer = down.status, down.answer
				}
				if status == 0 {
					<-r.Context().Done()
					return
				}
				w.Header().Set("Content-Type", "application/x-amz-json-1.1")
				w.WriteHeader(status)
				io.WriteString(w, answer)
			}))
			defer front.Close()
			env := environment()
			env["AWS_ENDPOINT_URL_EVENTBRIDGE"], env["AWS_MAX_ATTEMPTS"] = front.URL, "1"
			env["WINDROW_SAFETY_MARGIN"] = "200ms"
			f, err := load(t, env, on24Description(t), &bytes.Buffer{})
			if err != nil {
				t.Fatal(err)
			}
			announce := bus.New(f).Announce
			if err := announce(t.Context(), telemetry.Announcement{}); err != nil {
				t.Fatal(err)
			}
			fails.Store(true)
			for range 3 {
				if err := announce(t.Context(), telemetry.Announcement{}); err == nil || !strings.Contains(err.Error(), down.says) {
					t.Errorf("got %v, want an error that says %q", err, down.says)
				}
			}
			if n := asked.Load(); n != 2 {
				t.Errorf("the bus was asked %d times, want once well and once in vain", n)
			}
			// Further windows fail as the one that did, also where the bus is up again; the next invocation asks.
			fails.Store(false)
			if err := announce(t.Context(), telemetry.Announcement{}); err == nil {
				t.Error("the invocation goes on announcing")
			}
			if err := bus.New(f).Announce(t.Context(), telemetry.Announcement{}); err != nil || asked.Load() != 3 {
				t.Errorf("the next invocation: %v, asked %d times", err, asked.Load())
			}
		})
	}
}
