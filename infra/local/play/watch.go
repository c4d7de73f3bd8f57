package play

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/infra/local/alarms"
	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/workflow"
)

// watch collects the metrics of a play as CloudWatch would have them, in simulated time, and has the assembly's alarms read
// them when it is over.
type watch struct {
	alarms alarms.Alarms
	store  *alarms.Store
	// functions are the names of those whose logs are read, logs the folder that these stand in, and read how far.
	functions []string
	logs      string
	read      map[string]int64
	// queues are when each queue that has been sent messages got one, in order.
	queues map[string][]time.Time
}

func newWatch(a *assembly.Assembly, logs string) (*watch, error) {
	loaded, err := alarms.Load(a)
	if err != nil {
		return nil, err
	}
	w := &watch{alarms: loaded, store: &alarms.Store{}, logs: logs, read: map[string]int64{}, queues: map[string][]time.Time{}}
	for _, f := range a.Functions {
		w.functions = append(w.functions, f.Name)
		// What an earlier run has left is not of this one's time.
		info, err := os.Stat(w.logOf(f.Name))
		if err == nil {
			w.read[f.Name] = info.Size()
		}
	}
	return w, nil
}

func (w *watch) logOf(function string) string { return filepath.Join(w.logs, function+".log") }

// Metrics of Step Functions, and of SQS. https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html,
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
var endMetrics = map[workflow.Status]string{
	workflow.Succeeded: "ExecutionsSucceeded",
	workflow.Failed:    "ExecutionsFailed",
	workflow.TimedOut:  "ExecutionsTimedOut",
	workflow.Aborted:   "ExecutionsAborted",
}

// execution notes an execution that stands for at.
func (w *watch) execution(machine string, at time.Time, status workflow.Status) {
	for _, name := range []string{"ExecutionsStarted", endMetrics[status]} {
		w.store.Add(alarms.Metric{Namespace: "AWS/States", Name: name, Dimensions: map[string]string{"StateMachineArn": machine}}, at, 1)
	}
}

// message notes a message that a queue, by its ARN, gets at a time.
func (w *watch) message(queue string, at time.Time) {
	w.queues[lastPart(queue)] = append(w.queues[lastPart(queue)], at)
}

// addMessages adds how many messages lie in the queues: each minute as SQS does, between the ticks too. Nobody takes one out.
func (w *watch) addMessages(until time.Time) {
	for queue, sent := range w.queues {
		lying := 0
		for at := sent[0]; !at.After(until); at = at.Add(time.Minute) {
			for lying < len(sent) && !sent[lying].After(at) {
				lying++
			}
			w.store.Add(messagesVisible(queue), at, float64(lying))
		}
	}
}

func messagesVisible(queue string) alarms.Metric {
	return alarms.Metric{Namespace: "AWS/SQS", Name: "ApproximateNumberOfMessagesVisible", Dimensions: map[string]string{"QueueName": queue}}
}

// look reads what the functions have logged since, as of at.
func (w *watch) look(at time.Time) error {
	for _, function := range w.functions {
		if err := w.lookAt(function, at); err != nil {
			return fmt.Errorf("metrics of the function %s: %w", function, err)
		}
	}
	return nil
}

func (w *watch) lookAt(function string, at time.Time) error {
	file, err := os.Open(w.logOf(function))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Seek(w.read[function], io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return nil // A line under way is read when it is whole.
		}
		if err != nil {
			return err
		}
		w.read[function] += int64(len(line))
		if err := w.store.AddLine(bytes.TrimSpace(line), at); err != nil {
			return err
		}
	}
}

// AlarmSummary is what an alarm has done.
type AlarmSummary struct {
	// State is its last one: OK, ALARM or INSUFFICIENT_DATA.
	State alarms.State `json:"state"`
	// Tripped says that it went to ALARM at any time.
	Tripped bool `json:"tripped"`
	// OnFindings says that it reads the metric of findings alone, so that a finding explains it.
	OnFindings bool `json:"onFindings,omitempty"`
	// Timeline are its changes, a line each, with the figures.
	Timeline string `json:"timeline"`
}

// settling is how long after the last tick alarms are still evaluated: points of a tick are seen a minute later.
const settling = 5 * time.Minute

// evaluate has the alarms read what was collected, from the first tick on: before it no run could have been started.
func (w *watch) evaluate(first, last time.Time) (map[string]AlarmSummary, error) {
	w.addMessages(last.Add(settling))
	result, err := alarms.Evaluate(w.alarms, w.store, first, last.Add(settling), time.Minute)
	if err != nil {
		return nil, err
	}
	if err := w.certain(result, first, last); err != nil {
		return nil, err
	}
	summaries := map[string]AlarmSummary{}
	for name, state := range result.States {
		summaries[name] = AlarmSummary{State: state, Timeline: result.Timeline(name)}
	}
	for _, a := range w.alarms.Metric {
		summary := summaries[a.Name]
		summary.Tripped = slices.Contains(result.Tripped(), a.Name)
		summary.OnFindings = !slices.ContainsFunc(a.Queries, func(q alarms.Query) bool { return q.Metric.Name != telemetry.MetricFindings })
		summaries[a.Name] = summary
	}
	for _, a := range w.alarms.Composite {
		summary := summaries[a.Name]
		summary.Tripped = slices.Contains(result.Tripped(), a.Name)
		summaries[a.Name] = summary
	}
	return summaries, nil
}

// mostExtraPeriods is twice what is taken for how much further CloudWatch looks back than an alarm needs.
const mostExtraPeriods = 2 * alarms.ExtraPeriods

// certain makes sure that which alarms have gone off does not hang on how far CloudWatch looks back, which it does not publish.
func (w *watch) certain(result alarms.Result, first, last time.Time) error {
	for extra := range mostExtraPeriods + 1 {
		other := alarms.Alarms{Metric: slices.Clone(w.alarms.Metric), Composite: w.alarms.Composite}
		for i := range other.Metric {
			other.Metric[i].RangePeriods = other.Metric[i].EvaluationPeriods + extra
		}
		again, err := alarms.Evaluate(other, w.store, first, last.Add(settling), time.Minute)
		if err != nil {
			return err
		}
		if !slices.Equal(again.Tripped(), result.Tripped()) {
			return fmt.Errorf("the alarms %q go off, and %q where CloudWatch looks back %d periods more than it needs: it does not publish how many, so no alarm may hang on it",
				result.Tripped(), again.Tripped(), extra)
		}
	}
	return nil
}
