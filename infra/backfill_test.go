package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/toolcache"
	"github.com/windrow-data/windrow/infra/local/workflow"
)

// past plays the state machine Backfill as it is synthesized, with functions that answer as they are told.
type past struct {
	interpreter *workflow.Interpreter
	machine     assembly.StateMachine

	mutex sync.Mutex
	// answer is asked for each invocation: the function's role and stream, what it is given, and how often it was invoked so.
	answer  func(role string, event settings.Event, times int) (map[string]any, error)
	times   map[string]int
	calls   []string
	told    int
	started []workflow.Execution
}

func newPast(t *testing.T) *past {
	t.Helper()
	props := appProps(t, map[string]string{"env": "local", "vendorUrl": "http://127.0.0.1:4510"})
	if err := synthesize(props); err != nil {
		t.Fatal(err)
	}
	loaded, err := assembly.Load(*props.Outdir)
	if err != nil {
		t.Fatal(err)
	}
	userCache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	program, err := workflow.Install(t.Context(), toolcache.Cache{Dir: filepath.Join(userCache, "windrow"), Say: func(line string) { t.Log(line) }})
	if err != nil {
		t.Fatal(err)
	}
	p := &past{}
	if p.interpreter, err = workflow.Start(program); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.interpreter.Close() })
	i := slices.IndexFunc(loaded.StateMachines, func(m assembly.StateMachine) bool { return strings.Contains(m.ARN, "Backfill") })
	if i < 0 {
		t.Fatal("the app has no state machine Backfill")
	}
	p.machine = loaded.StateMachines[i]
	if err := p.interpreter.Load(t.Context(), p.machine.ARN, []byte(p.machine.Definition)); err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs an execution and its successors, and returns how the last one ended.
func (p *past) run(t *testing.T, input string) workflow.Outcome {
	t.Helper()
	p.calls, p.times, p.told = nil, map[string]int{}, 0
	p.started = []workflow.Execution{{Machine: p.machine.ARN, Name: "first", Input: json.RawMessage(input), Started: time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)}}
	for i := 0; ; i++ {
		outcome, err := p.interpreter.Run(t.Context(), p.started[i], workflow.Handler{Do: p.do, Observe: func(workflow.Event) {}})
		if err != nil {
			t.Fatal(err)
		}
		if i == len(p.started)-1 {
			return outcome
		}
	}
}

func (p *past) do(_ context.Context, task workflow.Task) (json.RawMessage, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	var parameters struct {
		FunctionName          string
		Payload               settings.Event
		StateMachineArn, Name string
		Input                 json.RawMessage
	}
	if err := json.Unmarshal(task.Parameters, &parameters); err != nil {
		return nil, err
	}
	switch {
	case strings.HasSuffix(task.Resource, ":sns:publish"):
		p.told++
		return json.RawMessage(`{"MessageId":"1"}`), nil
	case strings.HasSuffix(task.Resource, ":startExecution"):
		// An hour later, so that what is handed on shows.
		p.started = append(p.started, workflow.Execution{
			Machine: parameters.StateMachineArn, Name: parameters.Name, Input: parameters.Input, Started: time.Date(2026, 3, 10, 13, 0, 0, 0, time.UTC),
		})
		return json.RawMessage(`{"ExecutionArn":"next"}`), nil
	}
	stream, role, _ := strings.Cut(strings.TrimPrefix(parameters.FunctionName[strings.LastIndexByte(parameters.FunctionName, ':')+1:], "Pipeline"), "Ingest")
	role = "Ingest " + stream
	if strings.HasSuffix(stream, "Preprocess") {
		role = "Preprocess " + strings.TrimSuffix(stream, "Preprocess")
	}
	event := parameters.Payload
	call := fmt.Sprintf("%s %d/%d %q", role, event.Lane, event.Lanes, event.Position)
	p.calls = append(p.calls, call)
	key := fmt.Sprint(role, event.Lane)
	p.times[key]++
	if want := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC); !event.StartedAt.Equal(want) {
		return nil, fmt.Errorf("an invocation is told that it started at %s, want %s", event.StartedAt, want)
	}
	answer := map[string]any{"more": false, "position": "", "findings": []any{}}
	if p.answer != nil {
		given, err := p.answer(role, event, p.times[key])
		if err != nil {
			return nil, err
		}
		for name, value := range given {
			answer[name] = value
		}
	}
	return json.Marshal(map[string]any{"Payload": answer})
}

const someWeek = `"start":"2026-03-01T00:00:00Z","end":"2026-03-08T00:00:00Z"`

func TestBackfill(t *testing.T) {
	p := newPast(t)
	more := func(position string) (map[string]any, error) {
		return map[string]any{"more": true, "position": position}, nil
	}
	for name, test := range map[string]struct {
		input  string
		answer func(role string, event settings.Event, times int) (map[string]any, error)
		// calls are those expected, in any order; nil where they are many.
		calls      []string
		executions int
		told       int
		fails      string
	}{
		"two lanes, then made": {
			input: `{"streams":["attendees"],` + someWeek + `}`,
			calls: []string{`Ingest attendees 0/2 ""`, `Ingest attendees 1/2 ""`, `Preprocess attendees 0/0 ""`},
		},
		"positions are handed on": {
			input: `{"streams":["attendees"],` + someWeek + `}`,
			answer: func(role string, event settings.Event, times int) (map[string]any, error) {
				if times < 3 && event.Lane == 0 {
					return more(fmt.Sprint(role[:6], times))
				}
				return nil, nil
			},
			calls: []string{
				`Ingest attendees 0/2 ""`, `Ingest attendees 0/2 "Ingest1"`, `Ingest attendees 0/2 "Ingest2"`, `Ingest attendees 1/2 ""`,
				`Preprocess attendees 0/0 ""`, `Preprocess attendees 0/0 "Prepro1"`, `Preprocess attendees 0/0 "Prepro2"`,
			},
		},
		"several streams, one fails": {
			input: `{"streams":["leads","questions"],` + someWeek + `}`,
			answer: func(role string, event settings.Event, _ int) (map[string]any, error) {
				if role == "Ingest leads" && event.Lane == 1 {
					return nil, &workflow.TaskError{Name: "ErrRefused", Message: "no"}
				}
				return nil, nil
			},
			calls: []string{
				`Ingest leads 0/2 ""`, `Ingest leads 1/2 ""`, `Preprocess leads 0/0 ""`,
				`Ingest questions 0/2 ""`, `Ingest questions 1/2 ""`, `Preprocess questions 0/0 ""`,
			},
			// A person hears of the failure, who may have started it days ago.
			told:  1,
			fails: "RangeIncomplete",
		},
		"replay asks the vendor nothing": {
			input: `{"streams":["events"],"replay":"all",` + someWeek + `}`,
			calls: []string{`Preprocess events 0/0 ""`},
		},
		"replay of the quarantined": {
			input: `{"streams":["events"],"replay":"quarantined",` + someWeek + `}`,
			calls: []string{`Preprocess events 0/0 ""`},
		},
		"findings are told": {
			input: `{"streams":["events"],` + someWeek + `}`,
			answer: func(role string, _ settings.Event, _ int) (map[string]any, error) {
				return map[string]any{"findings": []any{map[string]any{"kind": "range-unread"}}}, nil
			},
			calls: []string{`Ingest events 0/2 ""`, `Ingest events 1/2 ""`, `Preprocess events 0/0 ""`},
			told:  3,
		},
		"a successor goes on": {
			input: `{"streams":["attendees"],` + someWeek + `}`,
			answer: func(role string, event settings.Event, times int) (map[string]any, error) {
				if role == "Ingest attendees" && event.Lane == 1 && times < 200 {
					return more(fmt.Sprint(times))
				}
				return nil, nil
			},
			executions: 3,
		},
		"unknown stream":    {input: `{"streams":["attendees","people"],` + someWeek + `}`, calls: []string{}, fails: "want one of events, registrants"},
		"no range":          {input: `{"streams":["attendees"],"start":"2026-03-01T00:00:00Z"}`, calls: []string{}, fails: "lacks streams, start or end"},
		"no streams at all": {input: `{` + someWeek + `}`, calls: []string{}, fails: "lacks streams, start or end"},
	} {
		t.Run(name, func(t *testing.T) {
			p.answer = test.answer
			outcome := p.run(t, test.input)
			failed := outcome.Error + " " + outcome.Cause
			if (outcome.Status == workflow.Succeeded) != (test.fails == "") || !strings.Contains(failed, test.fails) {
				t.Errorf("it ends %s: %s; want %q", outcome.Status, failed, test.fails)
			}
			if test.calls != nil {
				slices.Sort(p.calls)
				slices.Sort(test.calls)
				if diff := cmp.Diff(test.calls, p.calls, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
			if p.told != test.told {
				t.Errorf("%d messages were published, want %d", p.told, test.told)
			}
			if want := max(test.executions, 1); len(p.started) != want {
				t.Errorf("%d executions, want %d", len(p.started), want)
			}
			if test.executions > 0 {
				if n := p.times["Ingest attendees1"]; n != 200 {
					t.Errorf("the lane was read %d times, want 200", n)
				}
				if n := p.times["Ingest attendees0"]; n != 1 {
					t.Errorf("the other lane was read %d times, want once", n)
				}
			}
		})
	}
}
