package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/infra/local/toolcache"
	"github.com/windrow-data/windrow/infra/local/workflow"
)

// interpreter is shared by the tests, as all executions of a local run share one.
var interpreter *workflow.Interpreter

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	userCache, err := os.UserCacheDir()
	if err != nil {
		return 0, err
	}
	program, err := workflow.Install(context.Background(), toolcache.Cache{
		Dir: filepath.Join(userCache, "windrow"),
		Say: func(line string) { fmt.Fprintln(os.Stderr, line) },
	})
	if err != nil {
		return 0, err
	}
	if interpreter, err = workflow.Start(program); err != nil {
		return 0, err
	}
	defer interpreter.Close()
	return m.Run(), nil
}

const machineARN = "arn:aws:states:eu-central-1:000000000000:stateMachine:"

// functions answers tasks by the function they name: the next of its answers, a *workflow.TaskError or what is
// marshalled as the function's payload; the last one again when they run out.
type functions struct {
	mutex     sync.Mutex
	answers   map[string][]any
	calls     map[string]int
	payloads  []map[string]any
	published []string
	events    []string
}

func (f *functions) do(_ context.Context, task workflow.Task) (json.RawMessage, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	var parameters struct {
		FunctionName string
		Payload      map[string]any
		Message      json.RawMessage
	}
	if err := json.Unmarshal(task.Parameters, &parameters); err != nil {
		return nil, err
	}
	if strings.HasSuffix(task.Resource, ":sns:publish") {
		f.published = append(f.published, string(parameters.Message))
		return json.RawMessage(`{"MessageId":"1"}`), nil
	}
	f.payloads = append(f.payloads, parameters.Payload)
	answers := f.answers[parameters.FunctionName]
	answer := answers[min(f.calls[parameters.FunctionName], len(answers)-1)]
	f.calls[parameters.FunctionName]++
	if fault, ok := answer.(error); ok {
		return nil, fault
	}
	return json.Marshal(map[string]any{"StatusCode": 200, "Payload": answer})
}

func (f *functions) observe(event workflow.Event) {
	f.events = append(f.events, event.Type+" "+event.State+" "+event.Error)
}

func (f *functions) handler() workflow.Handler {
	return workflow.Handler{Do: f.do, Observe: f.observe}
}

func execute(t *testing.T, definition string, answers map[string][]any) (workflow.Outcome, *functions) {
	t.Helper()
	name := strings.ReplaceAll(t.Name(), "/", "-")
	if err := interpreter.Load(t.Context(), machineARN+name, []byte(definition)); err != nil {
		t.Fatal(err)
	}
	f := &functions{answers: answers, calls: map[string]int{}}
	outcome, err := interpreter.Run(t.Context(), workflow.Execution{
		Machine: machineARN + name,
		Name:    "run-" + name,
		Input:   json.RawMessage(`{"scheduledTime":"2026-03-10T17:00:00Z"}`),
		Started: time.Date(2026, 3, 10, 17, 0, 1, 0, time.UTC),
	}, f.handler())
	if err != nil {
		t.Fatal(err)
	}
	return outcome, f
}

// pipeline is a definition with the features that a vendor's has, for two streams.
func pipeline() string {
	payload := `{"run.$":"$$.Execution.Name","startedAt.$":"$$.Execution.StartTime","input.$":"$$.Execution.Input"}`
	selector := `{"more.$":"$.Payload.more","findings.$":"$.Payload.findings"}`
	retry := `[{"ErrorEquals":["Lambda.ServiceException"],"IntervalSeconds":1,"MaxAttempts":2,"BackoffRate":1,"JitterStrategy":"FULL"}]`
	branch := func(stream string) string {
		return fmt.Sprintf(`{"StartAt":"Ingest %[1]s","States":{
			"Ingest %[1]s":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"ingest-%[1]s","Payload":%[2]s},
				"ResultSelector":%[3]s,"ResultPath":"$.ingest","Retry":%[4]s,
				"Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.ingestError","Next":"Preprocess %[1]s"}],"Next":"More %[1]s?"},
			"More %[1]s?":{"Type":"Choice","Choices":[{"Variable":"$.ingest.more","BooleanEquals":true,"Next":"Ingest %[1]s"}],"Default":"Preprocess %[1]s"},
			"Preprocess %[1]s":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"preprocess-%[1]s","Payload":%[2]s},
				"ResultSelector":%[3]s,"ResultPath":"$.preprocess",
				"Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.preprocessError","Next":"Failed %[1]s"}],"End":true},
			"Failed %[1]s":{"Type":"Pass","End":true}}}`, stream, payload, selector, retry)
	}
	present := func(field string) string {
		return fmt.Sprintf(`{"Variable":"$.streams[0].%[1]s","IsPresent":true},{"Variable":"$.streams[1].%[1]s","IsPresent":true}`, field)
	}
	findings := present("ingest.findings[0]") + "," + present("preprocess.findings[0]")
	failures := present("ingestError") + "," + present("preprocessError")
	more := `{"And":[{"Variable":"$.streams[0].preprocess.more","IsPresent":true},{"Variable":"$.streams[0].preprocess.more","BooleanEquals":true}]}`
	return fmt.Sprintf(`{"StartAt":"Streams","States":{
		"Streams":{"Type":"Parallel","InputPath":null,"Branches":[%s,%s],"ResultPath":"$.streams","Next":"Outcome"},
		"Outcome":{"Type":"Choice","Choices":[{"Or":[%s,%s],"Next":"Publish"},{"Or":[%s,%[5]s],"Next":"Streams"}],"Default":"Succeed"},
		"Publish":{"Type":"Task","Resource":"arn:aws:states:::sns:publish","Parameters":{"TopicArn":"topic","Message":{"run.$":"$$.Execution.Id","streams.$":"$.streams"}},
			"ResultSelector":{"id.$":"$.MessageId"},"ResultPath":"$.published","Next":"Failed?"},
		"Failed?":{"Type":"Choice","Choices":[{"Or":[%[4]s],"Next":"Fail"}],"Default":"Succeed"},
		"Fail":{"Type":"Fail","Error":"StreamsFailed","Cause":"At least one stream failed."},
		"Succeed":{"Type":"Succeed"}}}`,
		branch("events"), branch("leads"), findings, failures, more)
}

func done(more bool, findings ...string) map[string]any {
	return map[string]any{"more": more, "findings": append([]string{}, findings...), "records": 7}
}

func answers(change map[string][]any) map[string][]any {
	all := map[string][]any{
		"ingest-events": {done(false)}, "preprocess-events": {done(false)},
		"ingest-leads": {done(false)}, "preprocess-leads": {done(false)},
	}
	for name, own := range change {
		all[name] = own
	}
	return all
}

func TestPipeline(t *testing.T) {
	refused := &workflow.TaskError{Name: "Refused", Message: `{"errorType":"Refused"}`}
	busy := &workflow.TaskError{Name: "Lambda.ServiceException", Message: "busy"}
	tests := []struct {
		name            string
		answers         map[string][]any
		wantStatus      workflow.Status
		wantError       string
		wantCalls       map[string]int
		wantTransitions int
		wantPublished   string
		wantEvents      []string
	}{
		{
			name:            "an ordinary run takes three transitions a stream and three more",
			wantStatus:      workflow.Succeeded,
			wantCalls:       map[string]int{"ingest-events": 1, "preprocess-events": 1, "ingest-leads": 1, "preprocess-leads": 1},
			wantTransitions: 9,
		},
		{
			name:            "ingest again while there is more",
			answers:         map[string][]any{"ingest-events": {done(true), done(true), done(false)}},
			wantStatus:      workflow.Succeeded,
			wantCalls:       map[string]int{"ingest-events": 3, "preprocess-events": 1, "ingest-leads": 1, "preprocess-leads": 1},
			wantTransitions: 13,
		},
		{
			name:            "everything again while there is more to curate",
			answers:         map[string][]any{"preprocess-events": {done(true), done(false)}},
			wantStatus:      workflow.Succeeded,
			wantCalls:       map[string]int{"ingest-events": 2, "preprocess-events": 2, "ingest-leads": 2, "preprocess-leads": 2},
			wantTransitions: 17,
		},
		{
			name:            "findings are published",
			answers:         map[string][]any{"preprocess-leads": {done(false, "a field that nobody declared")}},
			wantStatus:      workflow.Succeeded,
			wantCalls:       map[string]int{"ingest-events": 1, "preprocess-events": 1, "ingest-leads": 1, "preprocess-leads": 1},
			wantTransitions: 11,
			wantPublished:   "a field that nobody declared",
		},
		{
			name:            "a failing stream does not stop the others, and what it has is curated",
			answers:         map[string][]any{"ingest-events": {refused}},
			wantStatus:      workflow.Failed,
			wantError:       "StreamsFailed",
			wantCalls:       map[string]int{"ingest-events": 1, "preprocess-events": 1, "ingest-leads": 1, "preprocess-leads": 1},
			wantTransitions: 10,
			wantPublished:   "ingestError",
			wantEvents:      []string{"StateFailed Ingest events Refused", "StateCaught Ingest events ", "StateFailed Fail StreamsFailed"},
		},
		{
			name:            "Lambda's own failures are tried again",
			answers:         map[string][]any{"ingest-events": {busy, done(false)}},
			wantStatus:      workflow.Succeeded,
			wantCalls:       map[string]int{"ingest-events": 2, "preprocess-events": 1, "ingest-leads": 1, "preprocess-leads": 1},
			wantTransitions: 9,
			wantEvents:      []string{"StateFailed Ingest events Lambda.ServiceException", "StateRetried Ingest events "},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			outcome, f := execute(t, pipeline(), answers(test.answers))
			if outcome.Status != test.wantStatus || outcome.Error != test.wantError {
				t.Errorf("ended %s with error %q (%s), want %s with %q", outcome.Status, outcome.Error, outcome.Cause, test.wantStatus, test.wantError)
			}
			if test.wantError != "" && outcome.Cause != "At least one stream failed." {
				t.Errorf("cause %q", outcome.Cause)
			}
			if diff := cmp.Diff(test.wantCalls, f.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if outcome.Transitions != test.wantTransitions {
				t.Errorf("%d transitions, want %d", outcome.Transitions, test.wantTransitions)
			}
			if published := strings.Join(f.published, " "); (test.wantPublished == "") != (published == "") || !strings.Contains(published, test.wantPublished) {
				t.Errorf("published %q, want %q", published, test.wantPublished)
			}
			if diff := cmp.Diff(test.wantEvents, f.events); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			want := map[string]any{
				"run":       "run-" + strings.ReplaceAll(t.Name(), "/", "-"),
				"startedAt": "2026-03-10T17:00:01.000Z",
				"input":     map[string]any{"scheduledTime": "2026-03-10T17:00:00Z"},
			}
			for _, payload := range f.payloads {
				if diff := cmp.Diff(want, payload); diff != "" {
					t.Errorf("payload (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestAbsenceCanBeTested(t *testing.T) {
	t.Parallel()
	outcome, _ := execute(t, `{"StartAt":"Is it there?","States":{
		"Is it there?":{"Type":"Choice","Choices":[{"Variable":"$.nothing","IsPresent":false,"Next":"Succeed"}],"Default":"Fail"},
		"Fail":{"Type":"Fail"},"Succeed":{"Type":"Succeed"}}}`, nil)
	if outcome.Status != workflow.Succeeded {
		t.Errorf("ended %s, want that IsPresent false matches what is absent", outcome.Status)
	}
}

func TestLoadRefusesWhatItWouldGetWrong(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		definition string
		want       []string
	}{
		{
			name: "JSONata, variables and other services",
			definition: `{"QueryLanguage":"JSONata","StartAt":"Store","States":{"Store":{"Type":"Task","Assign":{"a":1},
				"Resource":"arn:aws:states:::dynamodb:putItem","End":true}}}`,
			want: []string{"JSONata", "Assign", "dynamodb:putItem"},
		},
		{
			name:       "a state that is not there",
			definition: `{"StartAt":"One","States":{"One":{"Type":"Pass","Next":"Two"}}}`,
			want:       []string{"Two"},
		},
		{
			name:       "no JSON",
			definition: `StartAt: One`,
			want:       []string{"not a JSON object"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := interpreter.Load(t.Context(), machineARN+strings.ReplaceAll(t.Name(), "/", "-"), []byte(test.definition))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	arn := machineARN + "waiting"
	if err := interpreter.Load(t.Context(), arn, []byte(`{"StartAt":"Wait","States":{"Wait":{"Type":"Wait","Seconds":600,"End":true}}}`)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	outcome, err := interpreter.Run(ctx, workflow.Execution{Machine: arn, Name: "waiting", Input: json.RawMessage(`{}`)}, (&functions{}).handler())
	if !errors.Is(err, context.DeadlineExceeded) || outcome.Status != workflow.Aborted {
		t.Errorf("ended %s with %v, want an abort", outcome.Status, err)
	}
}
