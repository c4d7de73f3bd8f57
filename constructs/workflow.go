package constructs

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/functions/pricing"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// The definition is written as the Amazon States Language has it, https://states-language.net/spec.html, in
// place of CDK's chains: what is deployed, billed by the transition and shown to an operator stands here as
// it is, and the role below names exactly what it calls.

type machine struct {
	Comment         string     `json:",omitempty"`
	ProcessorConfig *processor `json:",omitempty"`
	TimeoutSeconds  int        `json:",omitempty"`
	StartAt         string
	States          map[string]state
}

// processor says where the items of a Map run.
type processor struct{ Mode string }

type state struct {
	Type           string
	Comment        string          `json:",omitempty"`
	InputPath      json.RawMessage `json:",omitempty"`
	Resource       string          `json:",omitempty"`
	Parameters     any             `json:",omitempty"`
	Result         any             `json:",omitempty"`
	ResultSelector map[string]any  `json:",omitempty"`
	ResultPath     string          `json:",omitempty"`
	Retry          []retrier       `json:",omitempty"`
	Catch          []catcher       `json:",omitempty"`
	Branches       []machine       `json:",omitempty"`
	ItemsPath      string          `json:",omitempty"`
	ItemSelector   map[string]any  `json:",omitempty"`
	ItemProcessor  *machine        `json:",omitempty"`
	Choices        []choice        `json:",omitempty"`
	Default        string          `json:",omitempty"`
	Seconds        int             `json:",omitempty"`
	Error          string          `json:",omitempty"`
	Cause          string          `json:",omitempty"`
	Next           string          `json:",omitempty"`
	End            bool            `json:",omitempty"`
}

type retrier struct {
	ErrorEquals     []string
	IntervalSeconds int
	MaxAttempts     int
	BackoffRate     float64
	JitterStrategy  string
}

type catcher struct {
	ErrorEquals []string
	ResultPath  string
	Next        string
}

type choice struct {
	Variable      string `json:",omitempty"`
	IsPresent     bool   `json:",omitempty"`
	BooleanEquals bool   `json:",omitempty"`
	StringEquals  string `json:",omitempty"`
	// NumericLessThan is never compared with 0.
	NumericLessThan int      `json:",omitempty"`
	Not             *choice  `json:",omitempty"`
	And             []choice `json:",omitempty"`
	Or              []choice `json:",omitempty"`
	Next            string   `json:",omitempty"`
}

// Names of the states outside the branches.
const (
	stateStreams  = "Streams"
	stateAgain    = "Again"
	stateOutcome  = "Outcome"
	stateFailures = "PublishFailures"
	stateFindings = "PublishFindings"
	stateNote     = "NoteFailure"
	stateMore     = "More?"
	stateFail     = "Fail"
	stateSucceed  = "Succeed"
)

// serviceErrors are Lambda's own failures, which say nothing of the function.
// https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
var serviceErrors = []retrier{{
	ErrorEquals: []string{
		"Lambda.ClientExecutionTimeoutException",
		"Lambda.ServiceException",
		"Lambda.AWSLambdaException",
		"Lambda.SdkClientException",
		"Lambda.TooManyRequestsException",
	},
	IntervalSeconds: 2,
	MaxAttempts:     6,
	BackoffRate:     2,
	JitterStrategy:  "FULL",
}}

func (p *VendorPipeline) addStateMachine(props *VendorPipelineProps) {
	p.StateMachine = p.newStateMachine("StateMachine", "One run of the vendor "+props.Vendor.Name, p.run(props), p.streamFunctions(), props)
}

// streamFunctions are the ARNs of the functions of all streams.
func (p *VendorPipeline) streamFunctions() (arns []string) {
	for _, stream := range p.vendor.Streams {
		arns = append(arns, *p.Ingest[stream.Name].FunctionArn(), *p.Preprocess[stream.Name].FunctionArn())
	}
	return arns
}

// newStateMachine makes a state machine that may call functions, by their ARNs, and publish findings.
func (p *VendorPipeline) newStateMachine(id, comment string, of machine, functions []string, props *VendorPipelineProps) awsstepfunctions.StateMachine {
	var definition bytes.Buffer
	encoder := json.NewEncoder(&definition)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(of); err != nil {
		panic(fmt.Errorf("writing the state machine %s of the vendor %s: %w", id, props.Vendor.Name, err))
	}

	role := newRole(p, id+"Role", serviceInAccount("states.amazonaws.com"), append([]awsiam.PolicyStatement{
		allow("InvokeFunctions", []string{"lambda:InvokeFunction"}, functions...),
		allow("PublishFindings", []string{"sns:Publish"}, *p.AlarmTopic.TopicArn()),
	}, useKeys(p.AlarmTopic.MasterKey())...))
	return awsstepfunctions.NewStateMachine(p, jsii.String(id), &awsstepfunctions.StateMachineProps{
		Comment:          jsii.String(comment),
		StateMachineType: awsstepfunctions.StateMachineType_STANDARD,
		DefinitionBody:   awsstepfunctions.DefinitionBody_FromString(jsii.String(definition.String())),
		Role:             role,
		TracingEnabled:   jsii.Bool(true),
		Logs: &awsstepfunctions.LogOptions{
			Destination:          p.newMachineLogs(id, props),
			Level:                awsstepfunctions.LogLevel_ERROR,
			IncludeExecutionData: jsii.Bool(true),
		},
	})
}

// newMachineLogs makes the log group of a state machine. Its name begins as CloudWatch Logs wants it of logs that other services
// deliver: each other one would take its part of an account's resource policy, which has room for some ten. The stack's
// own ID is in it, so that what is kept of a deleted stack does not stand in the way of a new one.
// https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
func (p *VendorPipeline) newMachineLogs(id string, props *VendorPipelineProps) awslogs.LogGroup {
	stackID := awscdk.Fn_Select(jsii.Number(2), awscdk.Fn_Split(jsii.String("/"), awscdk.Aws_STACK_ID(), nil))
	name := shorten(notInLogGroups.ReplaceAllString("/aws/vendedlogs/states/"+p.Name+"/"+id, "-"), maxLogGroupName, "-")
	return newLogGroup(p, id+"Logs", name+"/"+*stackID, props)
}

// run is the definition of one run: every stream side by side, but a child stream after its parent, whose newest records it is to
// read; and again those that have more to do, with findings and failures told in between. The first round has no state but the tasks and
// what has children follow: a run with nothing left over takes two transitions a stream, one for each parent stream, and three more, which
// cost more than the work.
func (p *VendorPipeline) run(props *VendorPipelineProps) machine {
	vendor := props.Vendor
	var first, again []machine
	var findings, errors, more []choice
	answers, left := map[string]any{}, map[string]any{}
	answersAgain := map[string]any{}
	share := float64(transitionsAround(vendor)) / float64(len(vendor.Streams))
	for i, stream := range vendor.Streams {
		again = append(again, p.branchAgain(stream.Name, len(vendor.Streams)-1))
		answersAgain[stream.Name+".$"] = fmt.Sprintf("$[%d]", i)
		answer := fmt.Sprintf("$.streams['%s']", stream.Name)
		of := func(path string) string { return answer + "." + path }
		findings = append(findings, present(of("ingest.findings[0]")), present(of("preprocess.findings[0]")))
		errors = append(errors, present(of("ingestError")), present(of("preprocessError")))
		more = append(more, isTrue(of("ingest.more")), isTrue(of("preprocess.more")))
		answers[stream.Name+".$"] = answer
		left[stream.Name] = map[string]any{"ingest.$": of("ingest.more"), "preprocess.$": of("preprocess.more")}
	}
	firstAnswers := map[string]any{}
	for i, stream := range children(vendor, "") {
		first = append(first, p.branch(stream, share, fmt.Sprintf("$[%d]", i), firstAnswers))
	}
	goOn := []choice{{Or: more, Next: stateAgain}, {And: []choice{present("$.failed")}, Next: stateFail}}
	return machine{
		Comment:        "One run of Windrow for the vendor " + vendor.Name,
		TimeoutSeconds: int(props.RunTimeout.Seconds()),
		StartAt:        stateStreams,
		States: map[string]state{
			// What is handed on is no more than a branch needs: the whole input of a repeated round would carry the
			// rounds before it, and double the state with each.
			stateStreams: {Type: "Parallel", Parameters: map[string]any{"ingest": noAnswer, "preprocess": noAnswer},
				Branches: first, ResultSelector: firstAnswers, ResultPath: "$.streams", Next: stateOutcome},
			stateOutcome: {Type: "Choice", Choices: append([]choice{
				{Or: errors, Next: stateFailures},
				{Or: findings, Next: stateFindings},
			}, goOn...), Default: stateSucceed},
			stateAgain: {Type: "Parallel", Parameters: map[string]any{"left": left, "ingest": noAnswer, "preprocess": noAnswer},
				Branches: again, ResultSelector: answersAgain, ResultPath: "$.streams", Next: stateOutcome},
			// What cannot be told is a failure, and no reason to leave the streams alone.
			stateFailures: p.publish(runFailed, answers, "$.published", caught("$.published", stateNote), stateNote),
			stateFindings: p.publish(hasFindings, answers, "$.published", caught("$.published", stateNote), stateMore),
			// A stream that has failed is left to the next run; the others are taken as far as they go.
			stateNote: {Type: "Pass", Result: true, ResultPath: "$.failed", Next: stateMore},
			stateMore: {Type: "Choice", Choices: goOn, Default: stateSucceed},
			stateFail: {Type: "Fail", Error: "StreamsFailed", Cause: fmt.Sprintf(
				"At least one stream of the vendor %s failed; the others went on, and what is committed is kept. "+
					"The input of the state %s holds each stream's ingestError and preprocessError, and has been sent to the alarm topic; "+
					"the log group of that stream's function holds the rest. The next run goes on where this one stopped.", vendor.Name, stateFailures)},
			stateSucceed: {Type: "Succeed"},
		},
	}
}

// noAnswer is what there is of a function that fails, or is not needed.
var noAnswer = map[string]any{"more": false, "findings": []any{}}

// children are the names of the streams that are read for each record of the one named; of no name, those that are nobody's children.
func children(vendor *vendorapi.Vendor, parent string) (names []string) {
	for _, stream := range vendor.Streams {
		if stream.Parent == nil && parent == "" || stream.Parent != nil && stream.Parent.Stream == parent {
			names = append(names, stream.Name)
		}
	}
	return names
}

// transitionsAround are those of a run beside the two of each stream.
func transitionsAround(vendor *vendorapi.Vendor) int {
	parents := 0
	for _, stream := range vendor.Streams {
		parents += min(1, len(children(vendor, stream.Name)))
	}
	return pricing.TransitionsPerRun(0, parents)
}

// branch takes one stream forward once: ingest, and then preprocess, which runs after a failed ingest too; and after it its children,
// side by side, which read what it has just committed in place of waiting for the next run. A branch never fails, so that it cannot stop
// another. share is the stream's part of the transitions around the branches. answers takes from where in the result of all branches
// the stream's answer and its children's are to be had; at is where the branch's result stands there.
func (p *VendorPipeline) branch(stream string, share float64, at string, answers map[string]any) machine {
	ingest, preprocess, failed := "Ingest "+stream, "Preprocess "+stream, "Failed "+stream
	ingestFailure, preprocessFailure := "Failure of ingest "+stream, "Failure of preprocess "+stream
	first := p.task(p.Ingest[stream], 1+share, "$.ingest")
	first.Catch, first.Next = p.caughtFailure("$.ingestError", ingestFailure, preprocess), preprocess
	second := p.task(p.Preprocess[stream], 1, "$.preprocess")
	states := map[string]state{ingestFailure: readFailure("$.ingestError", preprocess)}
	next := failed
	answers[stream+".$"] = at
	if names := children(p.vendor, stream); len(names) > 0 {
		next = "Children of " + stream
		var branches []machine
		for i, child := range names {
			branches = append(branches, p.branch(child, share, fmt.Sprintf("%s.children[%d]", at, i), answers))
		}
		second.Next = next
		states[next] = state{Type: "Parallel", Parameters: map[string]any{"ingest": noAnswer, "preprocess": noAnswer},
			Branches: branches, ResultPath: "$.children", End: true}
	} else {
		second.End = true
		states[failed] = state{Type: "Pass", End: true}
	}
	second.Catch = p.caughtFailure("$.preprocessError", preprocessFailure, next)
	states[ingest], states[preprocess], states[preprocessFailure] = first, second, readFailure("$.preprocessError", next)
	return machine{StartAt: ingest, States: states}
}

// branchAgain does what a round has left of one stream: ingest until there is no more, then preprocess. It stands for the
// transitions around it too, and for the two of each of the others, which have seldom anything left: where two have, both count them,
// so that a cost is never told too low.
func (p *VendorPipeline) branchAgain(stream string, others int) machine {
	left, nothing := "Left of "+stream+"?", "Nothing left of "+stream
	ingest, more, tell := "Ingest "+stream+" again", "More "+stream+"?", "Publish "+stream
	preprocess, failed, giveUp := "Preprocess "+stream+" again", "Failed "+stream+" again", "Give up "+stream
	ingestFailure, preprocessFailure := "Failure of ingest "+stream+" again", "Failure of preprocess "+stream+" again"
	of := func(handler string) string { return fmt.Sprintf("$.left['%s'].%s", stream, handler) }

	first := p.task(p.Ingest[stream], 2, "$.ingest")
	first.Catch, first.Next = p.caughtFailure("$.ingestError", ingestFailure, giveUp), more
	second := p.task(p.Preprocess[stream], 4+2*float64(others), "$.preprocess")
	second.Catch, second.End = p.caughtFailure("$.preprocessError", preprocessFailure, failed), true
	return machine{
		StartAt: left,
		States: map[string]state{
			left: {Type: "Choice", Choices: []choice{
				{And: []choice{isTrue(of("ingest"))}, Next: ingest},
				{And: []choice{isTrue(of("preprocess"))}, Next: preprocess},
			}, Default: nothing},
			nothing:       {Type: "Pass", End: true},
			ingest:        first,
			ingestFailure: readFailure("$.ingestError", giveUp),
			// The answer before the failure says that there is more, which is the next run's.
			giveUp: {Type: "Pass", Result: noAnswer, ResultPath: "$.ingest", Next: preprocess},
			more: {Type: "Choice", Choices: []choice{
				// The next answer takes this one's place, so its findings are told first.
				{And: []choice{isTrue("$.ingest.more"), present("$.ingest.findings[0]")}, Next: tell},
				{And: []choice{isTrue("$.ingest.more")}, Next: ingest},
			}, Default: preprocess},
			tell:              p.publish(hasFindings, map[string]any{stream + ".$": "$"}, "$.published", caught("$.ingestError", giveUp), ingest),
			preprocess:        second,
			preprocessFailure: readFailure("$.preprocessError", failed),
			failed:            {Type: "Pass", End: true},
		},
	}
}

// caught catches every error of a task.
func caught(resultPath, next string) []catcher {
	return []catcher{{ErrorEquals: []string{"States.ALL"}, ResultPath: resultPath, Next: next}}
}

// caughtFailure catches every error of a function, and has those that it told itself read by the state read.
func (p *VendorPipeline) caughtFailure(resultPath, read, next string) []catcher {
	var kinds []string
	for _, kind := range telemetry.Failures() {
		// Only a function that spends refresh tokens can lose one.
		if kind != telemetry.TokenLost || p.vendor.RenewsSecret() {
			kinds = append(kinds, string(kind))
		}
	}
	return append([]catcher{{ErrorEquals: kinds, ResultPath: resultPath, Next: read}}, caught(resultPath, next)...)
}

// readFailure takes a function's own error out of the text that Lambda hands on, so that a person can read it in a message.
func readFailure(path, next string) state {
	return state{Type: "Pass", Parameters: map[string]any{
		"Error.$": path + ".Error", "Cause.$": "States.StringToJson(" + path + ".Cause)",
	}, ResultPath: path, Next: next}
}

// task invokes a function for the run. It is told how many transitions it stands for, so that its metric of costs holds
// them.
func (p *VendorPipeline) task(function awslambda.Function, transitions float64, resultPath string) state {
	return invoke(*function.FunctionArn(), map[string]any{
		"run.$":       "$$.Execution.Name",
		"startedAt.$": "$$.Execution.StartTime",
		"input.$":     "$$.Execution.Input",
		"transitions": transitions,
	}, map[string]any{"more.$": "$.Payload.more", "findings.$": "$.Payload.findings"}, resultPath)
}

// invoke calls a function. Of its answer only what the flow and the findings need is kept: the state of an
// execution is bounded, and the figures stand in the function's log.
func invoke(functionArn string, payload, kept map[string]any, resultPath string) state {
	return state{
		Type:           "Task",
		Resource:       serviceArn("lambda:invoke"),
		Parameters:     map[string]any{"FunctionName": functionArn, "Payload": payload},
		ResultSelector: kept,
		ResultPath:     resultPath,
		Retry:          serviceErrors,
	}
}

// What a message is about, the end of its subject.
const (
	runFailed        = "a run failed"
	hasFindings      = "findings"
	backfillFailed   = "a backfill is incomplete"
	erasureFailed    = "a person is not erased"
	maxSubjectLength = 100 // characters. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
)

// publish tells what the streams have answered. Each stream's part is named after it.
func (p *VendorPipeline) publish(what string, answers map[string]any, resultPath string, onError []catcher, next string) state {
	const begin = "Windrow: "
	about := ": " + what
	return state{
		Type:     "Task",
		Resource: serviceArn("sns:publish"),
		Parameters: map[string]any{
			"TopicArn": *p.AlarmTopic.TopicArn(),
			"Subject":  begin + shorten(p.Name, maxSubjectLength-len(begin)-len(about), "-") + about,
			"Message": map[string]any{
				"pipeline":    p.Name,
				"vendor":      p.vendor.Name,
				"execution.$": "$$.Execution.Id",
				"streams":     answers,
			},
		},
		ResultSelector: map[string]any{"messageId.$": "$.MessageId"},
		ResultPath:     resultPath,
		Retry:          []retrier{{ErrorEquals: []string{"States.TaskFailed"}, IntervalSeconds: 2, MaxAttempts: 3, BackoffRate: 2, JitterStrategy: "FULL"}},
		Catch:          onError,
		Next:           next,
	}
}

func serviceArn(integration string) string {
	return "arn:" + *awscdk.Aws_PARTITION() + ":states:::" + integration
}

func present(path string) choice { return choice{Variable: path, IsPresent: true} }

// isTrue holds where path is there and true; a comparison alone fails the execution where it is not there.
func isTrue(path string) choice {
	return choice{And: []choice{present(path), {Variable: path, BooleanEquals: true}}}
}
