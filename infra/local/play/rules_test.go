package play

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/events"
)

// put puts an event on the default bus, as a vendor's webhook would.
func put(t *testing.T, d *day, source string, at time.Time) {
	t.Helper()
	body := fmt.Sprintf(`{"Entries":[{"Source":%q,"DetailType":"order.changed","Detail":"{\"shop\":1}","Time":%d}]}`, source, at.Unix())
	request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	request.Header.Set("X-Amz-Target", "AWSEvents.PutEvents")
	answer := httptest.NewRecorder()
	d.services.bus.ServeHTTP(answer, request)
	if answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), `"FailedEntryCount":0`) {
		t.Errorf("the event is refused: %s", answer.Body)
	}
}

// TestEventsStartRuns has a webhook's event start a run between two ticks: what it reads is there before the next tick.
func TestEventsStartRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the functions")
	}
	for name, c := range map[string]struct {
		statement string
		runs      int
		denied    bool
	}{
		"allowed": {"states:StartExecution", 4, false},
		"denied":  {"states:StopExecution", 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeAssembly(t, dir, shop("acme"))
			addRule(t, dir, c.statement)
			var said bytes.Buffer
			options := optionsFor(t, app(dir), &said)
			options.From = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
			options.Until, options.Attendees = options.From.Add(3*time.Hour), 400
			between := options.From.Add(150 * time.Minute)
			options.before = func(d *day, tick time.Time, by disturbance) disturbance {
				if tick.Equal(options.From.Add(3 * time.Hour)) {
					d.pipelines[0].simulated.server.SetNow(between)
					put(t, d, "somebody.else", between)
					put(t, d, "acme.webhooks", between)
					if err := d.runTriggered(t.Context()); err != nil {
						t.Error(err)
					}
					commits, err := d.pipelines[0].watched[0].folders.Commits()
					if err != nil {
						t.Fatal(err)
					}
					// The settle delay is five minutes.
					if last := commits[len(commits)-1].End; last.Equal(between.Add(-5*time.Minute)) == c.denied {
						t.Errorf("after the event the log ends at %s", last)
					}
				}
				return by
			}
			summary, err := Run(t.Context(), options)
			if err != nil {
				t.Fatalf("%v\n%s", err, said.String())
			}
			if summary.Runs != c.runs || (len(summary.Denied) > 0) != c.denied || summary.Good() == c.denied {
				summary.Print(&said, options.Out)
				t.Errorf("%d runs, want %d; denied %v\n%s", summary.Runs, c.runs, summary.Denied, said.String())
			}
		})
	}
}

// addRule adds a rule to the assembly in dir whose role may do one action to the state machine.
func addRule(t *testing.T, dir, action string) {
	t.Helper()
	path := filepath.Join(dir, "template.json")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var template map[string]map[string]any
	if err := json.Unmarshal(content, &template); err != nil {
		t.Fatal(err)
	}
	machine := map[string]any{"Ref": "acmeMachine"}
	template["Resources"]["StartRole"] = roleFor("events.amazonaws.com", action, machine)
	template["Resources"]["Start"] = map[string]any{"Type": "AWS::Events::Rule", "Properties": map[string]any{
		"EventPattern": map[string]any{"source": []string{"acme.webhooks"}},
		"Targets": []any{map[string]any{
			"Id": "Run", "Arn": machine, "RoleArn": arnOf("StartRole"),
			"InputTransformer": map[string]any{"InputPathsMap": map[string]string{"event": "$.id"}, "InputTemplate": `{"startedBy":<event>}`},
		}},
	}}
	writeJSON(t, path, template)
}

func TestInputOf(t *testing.T) {
	event := events.Event{ID: "1", Source: "acme", Time: "2026-03-10T17:00:00Z", Detail: json.RawMessage(`{"n":3,"text":"a \"b\""}`)}
	transformed := func(template string, paths map[string]string) assembly.EventTarget {
		return assembly.EventTarget{InputTransformer: &assembly.InputTransformer{InputPathsMap: paths, InputTemplate: template}}
	}
	for name, c := range map[string]struct {
		target assembly.EventTarget
		want   string
	}{
		"a text of its own": {assembly.EventTarget{Input: `{"a":1}`}, `{"a":1}`},
		"the event's time":  {transformed(`{"scheduledTime":<time>}`, map[string]string{"time": "$.time"}), `{"scheduledTime":"2026-03-10T17:00:00Z"}`},
		"of its detail":     {transformed(`{"n":<n>,"t":<t>,"none":<x>}`, map[string]string{"n": "$.detail.n", "t": "$.detail.text", "x": "$.detail.x.y"}), `{"n":3,"t":"a \"b\"","none":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := inputOf(c.target, event); err != nil || string(got) != c.want {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
		})
	}
	if _, err := inputOf(transformed(`{"scheduledTime":"<time>"}`, map[string]string{"time": "$.time"}), event); err == nil {
		t.Error("quotes around a text that has its own are accepted")
	}
	if whole, err := inputOf(assembly.EventTarget{}, event); err != nil || !strings.Contains(string(whole), `"source":"acme"`) {
		t.Errorf("the whole event: %s, %v", whole, err)
	}
}
