package play

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/infra/local/gate"
	"github.com/windrow-data/windrow/infra/local/lambdahost"
	"github.com/windrow-data/windrow/infra/local/verify"
)

func TestGood(t *testing.T) {
	t.Parallel()
	disturbed := map[blowKind]int{runSkipped: 1}
	for _, test := range []struct {
		name    string
		summary Summary
		want    bool
	}{
		{"nothing wrong", Summary{}, true},
		{"a run that failed", Summary{FailedRuns: 1}, false},
		{"a run that was made to fail", Summary{FailedRuns: 1, Chaos: disturbed}, true},
		{"a tick that was not delivered", Summary{DeadLetters: 1}, false},
		{"a tick that was kept from being delivered", Summary{DeadLetters: 1, Chaos: disturbed}, true},
		{"a call that is not allowed", Summary{Denied: map[string]int{"it may not": 1}}, false},
		{"whatever else is disturbed", Summary{Denied: map[string]int{"it may not": 1}, Chaos: disturbed}, false},
		{"out of memory", Summary{Lambda: LambdaSummary{OutOfMemory: 1}}, false},
	} {
		if got := test.summary.Good(); got != test.want {
			t.Errorf("%s is good: %t, want %t", test.name, got, test.want)
		}
	}
}

func TestHandlersAreAddedUp(t *testing.T) {
	t.Parallel()
	var handlers map[string]*HandlerSummary
	stats := lambdahost.Stats{Invocations: 3, ColdStarts: 1, GBSeconds: 0.25, CPU: 120 * time.Millisecond, Initialization: 40 * time.Millisecond, LogBytes: 1 << 20}
	requests := gate.Requests{S3: map[gate.Kind]gate.Count{gate.Put: {Requests: 5, FailedConditionally: 2}}, Secrets: 1, Events: 4}
	addHandler(&handlers, "ingest", stats, requests)
	addHandler(&handlers, "ingest", stats, requests)
	addHandler(&handlers, "preprocess", stats, gate.Requests{})
	want := map[string]*HandlerSummary{
		"ingest": {Invocations: 6, ColdStarts: 2, GBSeconds: 0.5, CPUSeconds: 0.24, InitSeconds: 0.08, LogBytes: 2 << 20,
			Requests: gate.Requests{S3: map[gate.Kind]gate.Count{gate.Put: {Requests: 10, FailedConditionally: 4}}, Secrets: 2, Events: 8}},
		"preprocess": {Invocations: 3, ColdStarts: 1, GBSeconds: 0.25, CPUSeconds: 0.12, InitSeconds: 0.04, LogBytes: 1 << 20},
	}
	if diff := cmp.Diff(want, handlers); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s := Summary{Handlers: handlers, Requests: handlers["ingest"].Requests, Denied: map[string]int{"Role may not s3:PutObject on lake: no": 7}}
	var said bytes.Buffer
	s.Print(&said, "out")
	for _, line := range []string{
		"ingest: 6 invocations, 0.2 s of processor time, 0.1 s of initialization in 2 cold starts",
		"S3: 10 PUT (4 refused by their condition)",
		"Secrets Manager: 2 calls; EventBridge: 8 events; logs: 3.0 MB",
		"DENIED by the policies of the template:\n  7 x Role may not s3:PutObject on lake: no",
		"THE RUN IS NOT RIGHT",
	} {
		if !strings.Contains(said.String(), line) {
			t.Errorf("it lacks %q:\n%s", line, said.String())
		}
	}
}

func TestSpansInMinutes(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[float64]string{0: "0m", 29: "0m", 1500: "25m", 7200: "2h0m", 13290.4: "3h42m"} {
		if got := inMinutes(seconds); got != want {
			t.Errorf("%v s are %q, want %q", seconds, got, want)
		}
	}
}

// TestTheReadmeShowsTheWholeTables holds the README's sample to the columns that there are.
func TestTheReadmeShowsTheWholeTables(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	s := Summary{Streams: []StreamSummary{{Name: "leads", Result: verify.Result{}}}}
	var said bytes.Buffer
	s.Print(&said, "out")
	titles := func(text string) (titles []string) {
		for line := range strings.Lines(text) {
			fields := strings.Fields(line)
			if len(fields) > 1 && (fields[0] == "stream" && fields[1] == "windows" || fields[0] == "fresh") {
				titles = append(titles, fields...)
			}
		}
		return titles
	}
	if diff := cmp.Diff(titles(said.String()), titles(string(readme))); diff != "" {
		t.Errorf("columns (-printed +README):\n%s", diff)
	}
}
