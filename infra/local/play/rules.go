package play

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/events"
	"github.com/windrow-data/windrow/infra/local/verify"
	"github.com/windrow-data/windrow/infra/local/workflow"
)

// mostTriggered bounds the executions that events start after one tick: what starts itself would go on for ever.
const mostTriggered = 1000

// triggered is an execution that an event starts.
type triggered struct {
	pipeline  *playing
	execution workflow.Execution
	at        time.Time
}

// deliver hands an event that was put on a bus to the targets of the rules that match it. An execution that it starts follows
// on the runs of the tick at hand.
func (d *day) deliver(bus string, e events.Event) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.events[fmt.Sprintf("%s on %s: %s", e.Source, bus, e.DetailType)]++
	for _, rule := range d.rules {
		// A rule names its bus, or the bus's ARN.
		if name := rule.Bus; name != bus && !strings.HasSuffix(bus, "/"+name) {
			continue
		}
		matches, err := events.Matches(rule.Pattern, e)
		if err != nil {
			d.fault = fmt.Errorf("rule %s: %w", rule.Name, err)
			return
		}
		if !matches {
			continue
		}
		for _, target := range rule.Targets {
			d.reach(rule, target, e)
		}
	}
}

// reach has an event reach a target.
func (d *day) reach(rule assembly.EventRule, target assembly.EventTarget, e events.Event) {
	d.events[fmt.Sprintf("%s hands it to %s", rule.Name, lastPart(target.ARN))]++
	for _, p := range d.pipelines {
		if p.machine.ARN != target.ARN {
			continue
		}
		if err := d.services.gate.StartExecution(target.Role, rule.Name, target.ARN); err != nil {
			return // The gate has kept that it is denied.
		}
		input, err := inputOf(target, e)
		if err != nil {
			d.fault = fmt.Errorf("rule %s: %w", rule.Name, err)
			return
		}
		at, err := time.Parse(time.RFC3339, e.Time)
		if err != nil {
			d.fault = err
			return
		}
		d.triggered = append(d.triggered, triggered{p, workflow.Execution{Machine: target.ARN, Name: e.ID, Input: input, Started: at}, at})
	}
}

// inputOf is what a target gets in an event's place. Paths lead to fields of the event, and each value takes the place of its
// name in the template, a text with its quotes.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
func inputOf(target assembly.EventTarget, e events.Event) (json.RawMessage, error) {
	whole, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	switch {
	case target.Input != "":
		return json.RawMessage(target.Input), nil
	case target.InputTransformer == nil:
		return whole, nil
	}
	var event map[string]any
	if err := json.Unmarshal(whole, &event); err != nil {
		return nil, err
	}
	input := target.InputTransformer.InputTemplate
	for name, path := range target.InputTransformer.InputPathsMap {
		var value any = event
		for field := range strings.SplitSeq(strings.TrimPrefix(path, "$."), ".") {
			object, _ := value.(map[string]any)
			value = object[field]
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		input = strings.ReplaceAll(input, "<"+name+">", string(text))
	}
	if !json.Valid([]byte(input)) {
		return nil, fmt.Errorf("the input %s that an InputTransformer makes is no JSON", input)
	}
	return json.RawMessage(input), nil
}

// runTriggered runs what events have started meanwhile, and what these events start in turn.
func (d *day) runTriggered(ctx context.Context) error {
	for n := 0; ; n++ {
		d.mutex.Lock()
		fault, queue := d.fault, d.triggered
		if len(queue) > 0 {
			d.triggered = queue[1:]
		}
		d.mutex.Unlock()
		if fault != nil || len(queue) == 0 {
			return fault
		}
		if n == mostTriggered {
			return fmt.Errorf("events have started %d runs after one tick: does a run start itself by what it announces?", n)
		}
		next := queue[0]
		outcome, err := d.execute(ctx, next.pipeline, next.at, next.execution)
		if err != nil {
			return err
		}
		d.runs++
		d.transitions += outcome.Transitions
		d.watch.execution(next.pipeline.machine.ARN, next.at, outcome.Status)
		if outcome.Status != workflow.Succeeded {
			d.failed++
		}
		next.pipeline.ran = append(next.pipeline.ran, verify.Run{At: next.at, Failed: outcome.Status != workflow.Succeeded})
	}
}
