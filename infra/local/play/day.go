package play

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/lambdahost"
	"github.com/windrow-data/windrow/infra/local/verify"
	"github.com/windrow-data/windrow/infra/local/workflow"
)

type streamID struct{ machine, stream string }

// day is a span of simulated time being played.
type day struct {
	options   Options
	out       folders
	services  *services
	span      state
	began     time.Time // where this run has begun to play
	first     time.Time // its first tick
	pipelines []*playing
	vendors   *vendors // nil where a running vendor is read
	// published and deadLettered are files of what state machines publish, and of the ticks that were not delivered.
	published, deadLettered *os.File

	// chaos breaks things meanwhile; nil leaves them alone.
	chaos *chaos
	watch *watch
	// rules are what events are handed on by.
	rules []assembly.EventRule
	// successors are executions that another one has started and that are still to run.
	successors  []workflow.Execution
	runs        int
	failed      int
	transitions int
	deadLetters int

	// recording guards an invocation that is recorded, and invoked, the tick at which each function was invoked last.
	recording sync.Mutex
	invoked   map[string]time.Time

	mutex    sync.Mutex // guards what functions' answers are added to
	streams  map[streamID]*StreamSummary
	findings tallies
	failures tallies
	events   map[string]int
	// triggered are the executions that events have started and that are still to run, fault what kept one from being
	// handed on.
	triggered []triggered
	fault     error
}

// play runs every tick of every pipeline, one after another, as a schedule does.
func (d *day) play(ctx context.Context) error {
	ticks := d.ticks()
	if len(ticks) == 0 {
		return fmt.Errorf("no tick of a schedule lies after %s and up to %s", d.span.Played.Format(time.RFC3339), d.span.Until.Format(time.RFC3339))
	}
	d.first = ticks[0].Truncate(time.Minute)
	due := map[*playing][]time.Time{}
	for _, p := range d.pipelines {
		due[p] = slices.Collect(p.schedule.Rule.Ticks(d.span.Played, d.until()))
	}
	plan := make([]disturbance, len(ticks))
	for i := range plan {
		plan[i].runs = 1
	}
	if d.chaos != nil {
		copy(plan, drawChaos(d.options.ChaosSeed, len(ticks)-quietTicks))
	}
	// Noted before anything is read of this world, so that a run that goes on after a stopped one knows of it.
	if err := d.keepState(); err != nil {
		return err
	}
	d.options.Screen.Begin(len(ticks))
	defer d.options.Screen.End()
	for i, tick := range ticks {
		if d.options.before != nil {
			plan[i] = d.options.before(d, tick, plan[i])
		}
		for _, p := range d.pipelines {
			if p.simulated != nil {
				p.simulated.server.SetNow(tick)
			}
			if !slices.ContainsFunc(due[p], tick.Equal) {
				continue
			}
			if err := d.disturbed(ctx, p, tick, plan[i]); err != nil {
				if ctx.Err() != nil {
					return fmt.Errorf("stopped before the run of %s had ended; its data is kept, go on with -keep: %w", tick.Format(time.RFC3339), context.Cause(ctx))
				}
				return err
			}
		}
		if err := d.runTriggered(ctx); err != nil {
			return err
		}
		if err := d.watch.look(tick); err != nil {
			return err
		}
		d.span.Played = tick
		if err := d.keepState(); err != nil {
			return err
		}
	}
	return nil
}

// keepState notes how far the day has been played, for a run that goes on.
func (d *day) keepState() error {
	state := kept{state: d.span, Runs: map[string][]verify.Run{}, Since: map[string]map[string]time.Time{}}
	for _, p := range d.pipelines {
		state.Runs[p.machine.ARN] = p.ran
		since := map[string]time.Time{}
		for _, w := range p.watched {
			if !w.since.IsZero() {
				since[w.stream.Name] = w.since
			}
		}
		if len(since) > 0 {
			state.Since[p.machine.ARN] = since
		}
	}
	content, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(d.out.state, append(content, '\n'), 0o644)
}

// until is the end of the ticks: with chaos, some quiet ones follow on the span.
func (d *day) until() time.Time {
	if d.chaos == nil {
		return d.span.Until
	}
	return d.span.Until.Add(quietTicks * d.longestInterval())
}

// longestInterval is the distance of ticks of the pipeline that has the fewest.
func (d *day) longestInterval() (longest time.Duration) {
	for _, p := range d.pipelines {
		longest = max(longest, p.schedule.Rule.LongestInterval())
	}
	return longest
}

// disturbed is the executions of one tick, with what is broken meanwhile.
func (d *day) disturbed(ctx context.Context, p *playing, tick time.Time, by disturbance) error {
	if by.unscheduled {
		return nil
	}
	if by.runs == 0 {
		if d.chaos != nil {
			d.chaos.count(runSkipped, 1)
		}
		// A tick is lost where Step Functions cannot be reached for as long as the schedule tries.
		return d.deadLetter(p, tick, deadLetter{code: "AWS.SFN.ThrottlingException", message: "Rate exceeded", exhausted: "MaximumEventAgeInSeconds"})
	}
	before, begun := d.progress(p), time.Now()
	for range by.runs {
		if err := d.services.gate.StartExecution(p.schedule.Role, p.schedule.Name, p.machine.ARN); err != nil {
			d.runs++
			d.failed++
			p.ran = append(p.ran, verify.Run{At: tick, Failed: true})
			return d.deadLetter(p, tick, deadLetter{code: "AWS.SFN.AccessDeniedException", message: err.Error()})
		}
	}
	if d.chaos != nil {
		d.chaos.count(runOverlapped, by.runs-1)
		striking, stop := context.WithCancel(ctx)
		var struck sync.WaitGroup
		struck.Go(func() { d.chaos.strike(striking, by.blows) })
		defer func() { stop(); struck.Wait() }()
	}
	var runs errgroup.Group
	outcomes := make([]workflow.Outcome, by.runs)
	for i := range outcomes {
		name := "local-" + tick.UTC().Format("20060102T150405Z")
		if i > 0 {
			name += fmt.Sprint("-", i+1)
		}
		runs.Go(func() (err error) {
			outcomes[i], err = d.execute(ctx, p, tick, workflow.Execution{
				Machine: p.machine.ARN,
				Name:    name,
				Input:   json.RawMessage(p.schedule.InputAt(tick, name)),
				Started: begun,
			})
			return err
		})
	}
	if err := runs.Wait(); err != nil {
		return err
	}
	succeeded := false
	for _, outcome := range outcomes {
		d.runs++
		d.transitions += outcome.Transitions
		d.watch.execution(p.machine.ARN, tick, outcome.Status)
		if outcome.Status == workflow.Succeeded {
			succeeded = true
			continue
		}
		d.failed++
		if d.chaos == nil {
			d.options.Screen.Line(fmt.Sprintf("%s %s: the run %s: %s: %s", stamp(tick), p.vendor.Name, strings.ToLower(string(outcome.Status)), outcome.Error, outcome.Cause))
		}
	}
	p.ran = append(p.ran, verify.Run{At: tick, Failed: !succeeded})
	for _, w := range p.watched {
		if err := w.look(tick, begun); err != nil {
			return err
		}
	}
	d.options.Screen.Tick(tick, before, d.progress(p))
	return nil
}

// execute runs one execution of a pipeline's state machine, which stands for at, to its end.
func (d *day) execute(ctx context.Context, p *playing, at time.Time, e workflow.Execution) (workflow.Outcome, error) {
	// What fails on this machine and not in a function would fail again at every tick: it ends the play.
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	machine := p.machine
	if e.Machine == p.backfill.ARN {
		machine = p.backfill
	}
	d.services.gate.Started(machine, e.Name)
	return d.services.interpreter.Run(ctx, e, workflow.Handler{
		Do: func(ctx context.Context, task workflow.Task) (json.RawMessage, error) {
			result, err := d.do(ctx, p, machine, at, task)
			if fault := (*workflow.TaskError)(nil); err != nil && !errors.As(err, &fault) {
				end(err)
			}
			return result, err
		},
		Observe: func(workflow.Event) {}, // A function's failure is noted where it is called.
	})
}

// progress copies the figures of a pipeline's streams.
func (d *day) progress(p *playing) []StreamSummary {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	var all []StreamSummary
	for _, w := range p.watched {
		all = append(all, *d.streams[streamID{p.machine.ARN, w.stream.Name}])
	}
	return all
}

func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

// do is the integrations that a state machine of Windrow uses, as far as its role allows them, in a run that stands for at.
func (d *day) do(ctx context.Context, p *playing, machine assembly.StateMachine, at time.Time, task workflow.Task) (json.RawMessage, error) {
	var parameters struct {
		FunctionName string
		Payload      json.RawMessage
		TopicArn     string
		Subject      string
		Message      json.RawMessage

		StateMachineArn, Name string
		Input                 json.RawMessage
	}
	if err := json.Unmarshal(task.Parameters, &parameters); err != nil {
		return nil, err
	}
	if strings.HasSuffix(task.Resource, ":sns:publish") {
		if err := d.services.gate.Publish(machine, task.Execution, parameters.TopicArn); err != nil {
			return nil, refusedBy("SNS", err)
		}
		return d.publish(task, parameters.Subject, parameters.Message)
	}
	if strings.HasSuffix(task.Resource, ":states:startExecution") {
		if err := d.services.gate.StartExecution(machine.Role, task.Execution, parameters.StateMachineArn); err != nil {
			return nil, refusedBy("StepFunctions", err)
		}
		return d.startSuccessor(p, workflow.Execution{Machine: parameters.StateMachineArn, Name: parameters.Name, Input: parameters.Input})
	}
	if err := d.services.gate.InvokeFunction(machine, task.Execution, parameters.FunctionName); err != nil {
		return nil, refusedBy("Lambda", err)
	}
	invoke := d.services.functions.Invoke
	if d.options.Record != nil {
		invoke = func(ctx context.Context, function string, payload []byte) (lambdahost.Result, error) {
			return d.record(ctx, p, at, function, payload)
		}
	}
	result, err := invoke(ctx, parameters.FunctionName, parameters.Payload)
	if errors.Is(err, lambdahost.ErrNoFunction) {
		return nil, &workflow.TaskError{Name: "Lambda.ResourceNotFoundException", Message: err.Error()}
	}
	if err != nil {
		return nil, err
	}
	d.services.gate.Invoked(parameters.FunctionName, result.Cold)
	var fault *lambdahost.FunctionError
	if errors.As(result.Error(), &fault) {
		d.noteFailure(p, parameters.FunctionName, at, fault)
		// The state machine sees what Lambda answers: the whole object as the cause.
		return nil, &workflow.TaskError{Name: fault.Type, Message: string(result.Payload)}
	}
	d.noteAnswer(p, parameters.FunctionName, at, result.Payload)
	return json.Marshal(map[string]any{"ExecutedVersion": "$LATEST", "StatusCode": 200, "Payload": json.RawMessage(result.Payload)})
}

// refusals are how Step Functions names and tells a call that its role is not allowed. Only SNS has an error of its own for
// it; of the others a state machine sees the one that stands for all that have none.
// https://github.com/awslabs/aws-deployment-framework/issues/460,
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors
var refusals = map[string]struct{ name, service, status, code string }{
	"Lambda":        {"Lambda.AWSLambdaException", "AWSLambda", "403", "AccessDeniedException"},
	"SNS":           {"SNS.AuthorizationErrorException", "AmazonSNS", "403", "AuthorizationError"},
	"StepFunctions": {"StepFunctions.AWSStepFunctionsException", "AWSStepFunctions", "400", "AccessDeniedException"},
}

func refusedBy(service string, denied error) *workflow.TaskError {
	r := refusals[service]
	return &workflow.TaskError{Name: r.name, Message: fmt.Sprintf("%v (Service: %s; Status Code: %s; Error Code: %s; Request ID: local; Proxy: null)", denied, r.service, r.status, r.code)}
}

// deadLetter says why a tick was not delivered.
type deadLetter struct {
	code, message string
	// exhausted is which limit of the retries was reached; empty for what is not tried again.
	exhausted string
}

// deadLetter sends a tick to its schedule's queue for what was not delivered, where it has one and may.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
func (d *day) deadLetter(p *playing, tick time.Time, why deadLetter) error {
	if p.schedule.DeadLetters == "" || d.services.gate.SendMessage(p.schedule) != nil {
		return nil // It is lost, which the gate has kept where it is for want of a permission.
	}
	attributes := map[string]string{
		"ERROR_CODE": why.code, "ERROR_MESSAGE": why.message, "SCHEDULE_ARN": p.schedule.ARN, "TARGET_ARN": p.schedule.Target,
		"SCHEDULED_TIME": tick.UTC().Format(time.RFC3339), "IS_PAYLOAD_TRUNCATED": "false",
	}
	if why.exhausted != "" {
		attributes["EXHAUSTED_RETRY_CONDITION"] = why.exhausted
	}
	line, err := json.Marshal(map[string]any{
		"queue": p.schedule.DeadLetters, "body": p.schedule.InputAt(tick, "local"), "attributes": attributes,
	})
	if err != nil {
		return err
	}
	d.deadLetters++
	d.watch.message(p.schedule.DeadLetters, tick)
	_, err = d.deadLettered.Write(append(line, '\n'))
	return err
}

func (d *day) publish(task workflow.Task, subject string, message json.RawMessage) (json.RawMessage, error) {
	line, err := json.Marshal(map[string]any{"execution": task.Execution, "subject": subject, "message": message})
	if err != nil {
		return nil, err
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if _, err := d.published.Write(append(line, '\n')); err != nil {
		return nil, err
	}
	return json.RawMessage(`{"MessageId":"local"}`), nil
}

// noteFailure adds a failure up, and tells the first of its kind.
func (d *day) noteFailure(p *playing, function string, at time.Time, fault *lambdahost.FunctionError) {
	stream, handler := p.handlerOf(function)
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.failures.add(source{p.vendor.Name, stream, handler, fault.Type}, at, fault.Message) {
		d.options.Screen.Line(fmt.Sprintf("%s %s, %s, %s, %v", stamp(at), p.vendor.Name, stream, handler, fault))
	}
}

// answer is what the functions say of their work, as far as it is added up here.
type answer struct {
	Windows     int                 `json:"windows"`
	BackedOff   int                 `json:"backedOff"`
	Resumed     int                 `json:"resumed"`
	Records     int64               `json:"records"`
	Reread      int                 `json:"reread"`
	Replaced    int                 `json:"replaced"`
	Late        int64               `json:"late"`
	Rows        int64               `json:"rows"`
	Requests    int                 `json:"requests"`
	Retries     int                 `json:"retries"`
	Throttled   int                 `json:"throttled"`
	Quarantined int64               `json:"quarantined"`
	Findings    []telemetry.Finding `json:"findings"`
}

func (d *day) noteAnswer(p *playing, function string, at time.Time, payload []byte) {
	var a answer
	if json.Unmarshal(payload, &a) != nil {
		return // The state machine says what is wrong with it.
	}
	stream, handler := p.handlerOf(function)
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for _, f := range a.Findings {
		d.findings.add(source{f.Vendor, f.Stream, handler, string(f.Kind)}, at, f.Message)
	}
	s := d.streams[streamID{p.machine.ARN, stream}]
	switch handler {
	case handlerIngest:
		s.Requests += a.Requests
		s.Retries += a.Retries
		s.Throttled += a.Throttled
		s.Reread += a.Reread
		s.Replaced += a.Replaced
		s.Late += a.Late
		s.Invocations++
		s.ingested += a.Records
		s.windows += a.Windows
	case handlerPreprocess:
		s.Invocations++
		s.curated += a.Rows
	}
}

// comparedFrom says from when on the lake is compared where that is not all of it.
func (d *day) comparedFrom() string {
	var since time.Time
	for _, p := range d.pipelines {
		for _, w := range p.watched {
			if !w.since.IsZero() && (since.IsZero() || w.since.Before(since)) {
				since = w.since
			}
		}
	}
	if since.IsZero() {
		return ""
	}
	return fmt.Sprintf(", from %s on: what was read before is of a vendor that was simulated for fewer days", stamp(since))
}

// verify compares every stream's lake with its vendor, and sums up.
func (d *day) verify() (*Summary, error) {
	summary := &Summary{
		From:        d.span.From,
		Until:       d.span.Until,
		Runs:        d.runs,
		FailedRuns:  d.failed,
		Transitions: d.transitions,
		Findings:    d.findings.sorted(),
		Failures:    d.failures.sorted(),
		Denied:      d.services.gate.Denied(),
		DeadLetters: d.deadLetters,
		Events:      d.events,
		Memory:      lambdahost.MemoryReader() != nil,
	}
	if d.chaos != nil {
		summary.Chaos, summary.ChaosSeed = d.chaos.struck, d.options.ChaosSeed
	}
	d.addHandlers(summary)
	var err error
	if summary.Alarms, err = d.watch.evaluate(d.first, d.span.Played); err != nil {
		return nil, err
	}
	summary.undisturbed = d.options.undisturbed()
	for _, p := range d.pipelines {
		summary.addVendor(p)
		key, _ := d.services.secrets.Value(p.privacyKey)
		results := make([]verify.Result, len(p.watched))
		var comparing errgroup.Group
		for i, w := range p.watched {
			comparing.Go(func() (err error) {
				if results[i], err = p.check(w, d.began, key).Run(); err != nil {
					return fmt.Errorf("compare the stream %s: %w", w.stream.Name, err)
				}
				return nil
			})
		}
		if err := comparing.Wait(); err != nil {
			return nil, err
		}
		for i, w := range p.watched {
			s := d.streams[streamID{p.machine.ARN, w.stream.Name}]
			s.Result = results[i]
			summary.Streams = append(summary.Streams, *s)
		}
	}
	return summary, nil
}

// addHandlers adds up what the functions have taken and asked for: of all, of each kind of handler, and of each stream.
func (d *day) addHandlers(summary *Summary) {
	requests := d.services.gate.Requests()
	for name, stats := range d.services.functions.Stats() {
		summary.addFunction(name, stats)
		summary.Requests.Add(requests[name])
		for _, p := range d.pipelines {
			stream, handler := p.handlerOf(name)
			if stream == "" {
				continue
			}
			of := d.streams[streamID{p.machine.ARN, stream}]
			for _, handlers := range []*map[string]*HandlerSummary{&summary.Handlers, &of.Handlers} {
				addHandler(handlers, handler, stats, requests[name])
			}
		}
	}
}

// check compares a stream's lake with what its vendor holds. key is that of the lake's digests.
func (p *playing) check(w *watched, playing time.Time, key string) verify.Check {
	check := verify.Check{Stream: w.stream, Folders: w.folders, Key: []byte(key), Since: w.since, Runs: p.ran, Puts: w.puts, Interval: p.schedule.Rule.LongestInterval(), Playing: playing}
	if p.simulated == nil {
		return check
	}
	forgets := p.forgets(w.folders.Raw, key)
	check.Source = forgets(w.stream, p.simulated.source(w.stream.Name))
	if of := w.stream.Parent; of != nil {
		parent, err := p.vendor.Stream(of.Stream)
		if err != nil {
			panic(err) // The description was validated.
		}
		check.Parents = &verify.Check{Stream: parent, Source: forgets(parent, p.simulated.source(of.Stream))}
	}
	return check
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }
