package constructs

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/functions/settings"
)

const (
	// historyEvents is how much of an execution's history is used: less than the 25,000 events that Step Functions
	// allows. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
	historyEvents = 20_000
	// eventsPerRound is how many events one invocation writes at most, with the states around it and a finding told.
	eventsPerRound = 16
	// transitionsPerRound is how many states a round of a lane, or of making, enters.
	transitionsPerRound = 3
	// maxExecutions is how many executions follow on one another for a range: weeks of work. What needs more than that does not
	// get on.
	maxExecutions = 100
)

// rounds is how often an execution invokes each of a stream's lanes, and then its preprocessing, before it leaves the
// rest to a successor.
func rounds(props *VendorPipelineProps) int {
	return max(2, historyEvents/(eventsPerRound*len(props.Vendor.Streams)*(props.BackfillLanes+1)))
}

// Names of the states of the backfill that are no stream's own.
const (
	stateInput     = "Input?"
	stateRefuse    = "Refuse"
	stateKnown     = "Known?"
	stateKnownName = "Stream?"
	stateIsKnown   = "Known"
	stateUnknown   = "UnknownStream"
	stateLayOut    = "LayOut"
	stateUnread    = "Unfinished?"
	stateSuccessor = "StartSuccessor"
	stateFailed    = "Failed?"
)

func (p *VendorPipeline) addBackfill(props *VendorPipelineProps) {
	p.Backfill = p.newStateMachine("Backfill", "Reads and makes a past range of the vendor "+props.Vendor.Name, p.backfill(props), p.streamFunctions(), props)
	// In a policy of its own, since the machine needs its role first.
	awsiam.NewPolicy(p, jsii.String("BackfillSuccessor"), &awsiam.PolicyProps{
		Roles:      &[]awsiam.IRole{p.Backfill.Role()},
		Statements: &[]awsiam.PolicyStatement{allow("StartSuccessor", []string{"states:StartExecution"}, *p.Backfill.StateMachineArn())},
	})
}

// backfill is the definition of the state machine that reads a past range again, or makes its curated objects again. It
// stands apart from the one of a run, whose every transition is paid for every half hour.
//
// Its input is that of [settings.Input]. What is under way stands in the state, so that it can be handed to a successor:
//
//	{"begun": when the first execution began, "execution": 1, "input": ...,
//	 "work": {stream: {"lanes": [{"lane": 0, "position": "", "more": true}, ...], "made": {"position": "", "more": true}}}}
func (p *VendorPipeline) backfill(props *VendorPipelineProps) machine {
	vendor := props.Vendor
	var branches []machine
	var known, errors, more []choice
	work, handed, names := map[string]any{}, map[string]any{}, []string{}
	for i, stream := range vendor.Streams {
		branches = append(branches, p.backfillBranch(props, stream.Name))
		names = append(names, stream.Name)
		known = append(known, choice{Variable: "$.stream", StringEquals: stream.Name})
		of := func(path string) string { return fmt.Sprintf("$.done[%d].%s", i, path) }
		var lanes []any
		for lane := range props.BackfillLanes {
			lanes = append(lanes, map[string]any{"lane": lane, "position": "", "more": true})
			errors = append(errors, present(of(fmt.Sprintf("lanes[%d].error", lane))))
			more = append(more, isTrue(of(fmt.Sprintf("lanes[%d].more", lane))))
		}
		errors = append(errors, present(of("error")))
		more = append(more, isTrue(of("made.more")))
		work[stream.Name] = map[string]any{"lanes": lanes, "made": map[string]any{"position": "", "more": true}}
		handed[stream.Name+".$"] = fmt.Sprintf("$.done[%d]", i)
	}
	list := strings.Join(names, ", ")
	return machine{
		Comment: "A past range of the vendor " + vendor.Name + ", read and made again",
		StartAt: stateInput,
		States: map[string]state{
			stateInput: {Type: "Choice", Choices: []choice{
				{And: []choice{present("$.work")}, Next: stateStreams},
				{And: []choice{present("$.streams[0]"), present("$.start"), present("$.end")}, Next: stateKnown},
			}, Default: stateRefuse},
			stateRefuse: {Type: "Fail", Error: "InputRefused", Cause: fmt.Sprintf(
				`The input lacks streams, start or end: want {"streams": ["%s"], "start": "2026-03-01T00:00:00Z", "end": "2026-03-08T00:00:00Z"}, `+
					`and "replay": "%s" or "%s" to make curated objects again without asking the vendor. The streams are %s.`,
				names[0], settings.ReplayAll, settings.ReplayQuarantined, list)},
			stateKnown: {
				Type: "Map", ItemsPath: "$.streams", ItemSelector: map[string]any{"stream.$": "$$.Map.Item.Value"},
				ItemProcessor: &machine{
					ProcessorConfig: &processor{Mode: "INLINE"},
					StartAt:         stateKnownName,
					States: map[string]state{
						stateKnownName: {Type: "Choice", Choices: []choice{{Or: known, Next: stateIsKnown}}, Default: stateUnknown},
						stateIsKnown:   {Type: "Succeed"},
						stateUnknown: {Type: "Fail", Error: "UnknownStream",
							Cause: "A name among the input's streams is none of a stream: want one of " + list},
					},
				},
				ResultPath: "$.known", Next: stateLayOut,
			},
			stateLayOut: {Type: "Pass", Parameters: map[string]any{
				"begun.$": "$$.Execution.StartTime", "execution": 1, "input.$": "$$.Execution.Input", "work": work,
			}, Next: stateStreams},
			stateStreams: {Type: "Parallel", Branches: branches, ResultPath: "$.done", Next: stateUnread},
			stateUnread: {Type: "Choice", Choices: []choice{
				{And: []choice{{Or: more}, {Variable: "$.execution", NumericLessThan: maxExecutions}}, Next: stateSuccessor},
				{Or: more, Next: stateFailures},
			}, Default: stateFailed},
			// Its name follows from this execution's, so that a start whose answer was lost is not made twice.
			stateSuccessor: {
				Type:     "Task",
				Resource: serviceArn("states:startExecution"),
				Parameters: map[string]any{
					"StateMachineArn.$": "$$.StateMachine.Id",
					"Name.$":            "States.Hash($$.Execution.Id, 'SHA-256')",
					"Input": map[string]any{
						"begun.$": "$.begun", "execution.$": "States.MathAdd($.execution, 1)", "input.$": "$.input", "work": handed,
						"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id",
					},
				},
				ResultSelector: map[string]any{"execution.$": "$.ExecutionArn"},
				ResultPath:     "$.successor",
				Retry:          []retrier{{ErrorEquals: []string{"States.TaskFailed"}, IntervalSeconds: 2, MaxAttempts: 6, BackoffRate: 2, JitterStrategy: "FULL"}},
				Next:           stateFailed,
			},
			stateFailed: {Type: "Choice", Choices: []choice{{Or: errors, Next: stateFailures}}, Default: stateSucceed},
			// A successor is started by no person who could look at its end.
			stateFailures: p.publish(backfillFailed, handed, "$.published", caught("$.published", stateFail), stateFail),
			stateFail: {Type: "Fail", Error: "RangeIncomplete", Cause: fmt.Sprintf(
				"A part of the range could not be read or made of at least one stream of the vendor %s; the rest was, and is kept. "+
					"The input of the state %s holds each stream's error, and those of its lanes, and has been sent to the alarm topic; the log group of that stream's function holds the rest. "+
					"Start the same again: what has been read before genesis is not read twice.", vendor.Name, stateFailures)},
			stateSucceed: {Type: "Succeed"},
		},
	}
}

// backfillBranch reads the range of one stream in lanes side by side, where it is to be read, and then makes it. A branch
// never fails, so that it cannot stop another.
func (p *VendorPipeline) backfillBranch(props *VendorPipelineProps, stream string) machine {
	begin, what, skip, replay := "Begin "+stream, "What of "+stream+"?", "Skip "+stream, "Replay "+stream
	lanes, remake, count := "Lanes "+stream, "Make "+stream, "Count "+stream
	more, tell, done, failed := "More "+stream+"?", "Tell "+stream, "Done "+stream, "Failed "+stream
	of := func(path string) string { return fmt.Sprintf("$.work['%s'].%s", stream, path) }

	task := invoke(*p.Preprocess[stream].FunctionArn(), map[string]any{
		"run.$": "$$.Execution.Name", "startedAt.$": "$.begun", "input.$": "$.input", "position.$": "$.made.position",
		"transitions": transitionsPerRound,
	}, pastAnswer, "$.answer")
	task.Catch, task.Next = []catcher{{ErrorEquals: []string{"States.ALL"}, ResultPath: "$.error", Next: failed}}, count
	return machine{
		StartAt: begin,
		States: map[string]state{
			begin: {Type: "Pass", Parameters: map[string]any{
				"begun.$": "$.begun", "input.$": "$.input", "lanes.$": of("lanes"),
				"made":     map[string]any{"position.$": of("made.position"), "more": true, "round": 0},
				"wanted.$": fmt.Sprintf("States.ArrayContains($.input.streams, '%s')", stream),
			}, Next: what},
			what: {Type: "Choice", Choices: []choice{
				{And: []choice{isTrue("$.wanted"), present("$.input.replay"), {Or: []choice{
					{Variable: "$.input.replay", StringEquals: settings.ReplayAll},
					{Variable: "$.input.replay", StringEquals: settings.ReplayQuarantined},
				}}}, Next: replay},
				{And: []choice{isTrue("$.wanted")}, Next: lanes},
			}, Default: skip},
			skip: {Type: "Pass", Result: map[string]any{"lanes": []any{}, "made": map[string]any{"position": "", "more": false}}, End: true},
			// A replay has nothing to read.
			replay: {Type: "Pass", Result: []any{}, ResultPath: "$.lanes", Next: remake},
			lanes: {
				Type: "Map", ItemsPath: "$.lanes", ResultPath: "$.lanes",
				ItemSelector:  map[string]any{"begun.$": "$.begun", "input.$": "$.input", "round": 0, "lane.$": "$$.Map.Item.Value"},
				ItemProcessor: p.lane(props, stream), Next: remake,
			},
			remake: task,
			count: {Type: "Pass", Parameters: map[string]any{
				"position.$": "$.answer.position", "more.$": "$.answer.more", "round.$": "States.MathAdd($.made.round, 1)",
			}, ResultPath: "$.made", Next: more},
			more: {Type: "Choice", Choices: []choice{
				{And: []choice{present("$.answer.findings[0]")}, Next: tell},
				{And: []choice{isTrue("$.made.more"), {Variable: "$.made.round", NumericLessThan: rounds(props)}}, Next: remake},
			}, Default: done},
			// What it returns takes the place of the answer, which is then told.
			tell:   p.publish(hasFindings, map[string]any{stream + ".$": "$.answer"}, "$.answer", []catcher{{ErrorEquals: []string{"States.ALL"}, ResultPath: "$.error", Next: failed}}, more),
			done:   {Type: "Pass", Parameters: map[string]any{"lanes.$": "$.lanes", "made.$": "$.made"}, End: true},
			failed: {Type: "Pass", Parameters: map[string]any{"lanes.$": "$.lanes", "made": map[string]any{"position": "", "more": false}, "error.$": "$.error"}, End: true},
		},
	}
}

// lane reads one lane's share of the range of a stream, which is an item of the Map: {"lane": 0, "position": "", "more": true}.
// It ends with the item as it stands then.
func (p *VendorPipeline) lane(props *VendorPipelineProps, stream string) *machine {
	more, read, count, tell := "Lane "+stream+"?", "Read "+stream, "Count lane "+stream, "Tell lane "+stream
	done, failed := "Lane done "+stream, "Lane failed "+stream
	catch := []catcher{{ErrorEquals: []string{"States.ALL"}, ResultPath: "$.error", Next: failed}}

	task := invoke(*p.Ingest[stream].FunctionArn(), map[string]any{
		"run.$": "$$.Execution.Name", "startedAt.$": "$.begun", "input.$": "$.input",
		"lane.$": "$.lane.lane", "lanes": props.BackfillLanes, "position.$": "$.lane.position",
		"transitions": transitionsPerRound,
	}, pastAnswer, "$.answer")
	task.Catch, task.Next = catch, count
	return &machine{
		ProcessorConfig: &processor{Mode: "INLINE"},
		StartAt:         more,
		States: map[string]state{
			more: {Type: "Choice", Choices: []choice{
				{And: []choice{present("$.answer.findings[0]")}, Next: tell},
				{And: []choice{isTrue("$.lane.more"), {Variable: "$.round", NumericLessThan: rounds(props)}}, Next: read},
			}, Default: done},
			read: task,
			count: {Type: "Pass", Parameters: map[string]any{
				"begun.$": "$.begun", "input.$": "$.input", "answer.$": "$.answer", "round.$": "States.MathAdd($.round, 1)",
				"lane": map[string]any{"lane.$": "$.lane.lane", "position.$": "$.answer.position", "more.$": "$.answer.more"},
			}, Next: more},
			tell: p.publish(hasFindings, map[string]any{stream + ".$": "$.answer"}, "$.answer", catch, more),
			done: {Type: "Pass", InputPath: json.RawMessage(`"$.lane"`), End: true},
			failed: {Type: "Pass", Parameters: map[string]any{
				"lane.$": "$.lane.lane", "position.$": "$.lane.position", "more": false, "error.$": "$.error",
			}, End: true},
		},
	}
}

// pastAnswer is what is kept of a function's answer about a past range.
var pastAnswer = map[string]any{"more.$": "$.Payload.more", "position.$": "$.Payload.position", "findings.$": "$.Payload.findings"}
