package play

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"time"

	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/infra/local/workflow"
)

// pastInput is the input of the state machine that reads past ranges, as a person gives it.
type pastInput struct {
	Streams []string  `json:"streams"`
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
	Replay  string    `json:"replay,omitempty"`
}

// readPast reads the range before the day of every pipeline, then makes its curated objects and those of the day again,
// and wants them to come out byte for byte the same.
func (d *day) readPast(ctx context.Context) error {
	for _, p := range d.pipelines {
		if p.backfill.ARN == "" {
			return fmt.Errorf("the pipeline of the vendor %s has no state machine that reads past ranges", p.vendor.Name)
		}
		var streams []string
		for _, w := range p.watched {
			streams = append(streams, w.stream.Name)
		}
		began := time.Now()
		executions, err := d.past(ctx, p, "past", pastInput{Streams: streams, Start: d.options.Past, End: d.span.From})
		if err != nil {
			return err
		}
		d.options.Screen.Line(fmt.Sprintf("%s: the past from %s on is read and made, in %.0f s and %d executions",
			p.vendor.Name, stamp(d.options.Past), time.Since(began).Seconds(), executions))

		before, err := p.curated()
		if err != nil {
			return err
		}
		if _, err := d.past(ctx, p, "replay", pastInput{Streams: streams, Start: d.options.Past, End: d.span.Played, Replay: settings.ReplayAll}); err != nil {
			return err
		}
		after, err := p.curated()
		if err != nil {
			return err
		}
		if !maps.Equal(before, after) {
			return fmt.Errorf("%s: made again from the same commits, the curated objects are not the same: %d before, %d after", p.vendor.Name, len(before), len(after))
		}
		d.options.Screen.Line(fmt.Sprintf("%s: %d curated objects made again, byte for byte the same", p.vendor.Name, len(after)))
	}
	return nil
}

// past runs an execution for a past range, and its successors, and returns how many there were.
func (d *day) past(ctx context.Context, p *playing, name string, input pastInput) (executions int, err error) {
	content, err := json.Marshal(input)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	d.successors = []workflow.Execution{{Machine: p.backfill.ARN, Name: "local-" + name, Input: content}}
	for ; len(d.successors) > 0; executions++ {
		next := d.successors[0]
		d.successors = d.successors[1:]
		// What it reads is the vendor as it is at the end of the day.
		next.Started = d.span.Played
		outcome, err := d.execute(ctx, p, d.span.Played, next)
		if err != nil {
			return executions, err
		}
		d.transitions += outcome.Transitions
		if outcome.Status != workflow.Succeeded {
			return executions, fmt.Errorf("%s: the execution %s %s: %s: %s", p.vendor.Name, next.Name, outcome.Status, outcome.Error, outcome.Cause)
		}
	}
	for _, w := range p.watched {
		if err := w.look(d.span.Played, begun); err != nil {
			return executions, err
		}
	}
	return executions, nil
}

// startSuccessor takes note of an execution that is to follow. As on AWS, one name starts one execution.
func (d *day) startSuccessor(p *playing, e workflow.Execution) (json.RawMessage, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if e.Machine != p.backfill.ARN {
		return nil, &workflow.TaskError{Name: "StepFunctions.StateMachineDoesNotExistException", Message: e.Machine}
	}
	known := false
	for _, other := range d.successors {
		known = known || other.Name == e.Name
	}
	if !known {
		d.successors = append(d.successors, e)
	}
	return json.Marshal(map[string]string{"ExecutionArn": e.Machine + ":" + e.Name})
}

// curated returns the hashes of the pipeline's Parquet objects by their paths.
func (p *playing) curated() (map[string][32]byte, error) {
	hashes := map[string][32]byte{}
	for _, w := range p.watched {
		objects, err := w.folders.Objects()
		if err != nil {
			return nil, err
		}
		for path := range objects {
			content, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			hashes[path] = sha256.Sum256(content)
		}
	}
	return hashes, nil
}
