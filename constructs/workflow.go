package constructs

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/jsii-runtime-go"

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
	stateStreams = "Streams"
	stateOutcome = "Outcome"
	statePublish = "PublishFindings"
	stateFailed  = "Failed?"
	stateFail    = "Fail"
	stateSucceed = "Succeed"
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
	p.StateMachine = p.newStateMachine("StateMachine", "One run of the vendor "+props.Vendor.Name, p.run(props), props)
}

// newStateMachine makes a state machine that may call the pipeline's functions and publish findings.
func (p *VendorPipeline) newStateMachine(id, comment string, of machine, props *VendorPipelineProps) awsstepfunctions.StateMachine {
	var definition bytes.Buffer
	encoder := json.NewEncoder(&definition)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(of); err != nil {
		panic(fmt.Errorf("writing the state machine %s of the vendor %s: %w", id, props.Vendor.Name, err))
	}

	var functions []string
	for _, stream := range props.Vendor.Streams {
		functions = append(functions, *p.Ingest[stream.Name].FunctionArn(), *p.Preprocess[stream.Name].FunctionArn())
	}
	role := newRole(p, id+"Role", serviceInAccount("states.amazonaws.com"), []awsiam.PolicyStatement{
		allow("InvokeFunctions", []string{"lambda:InvokeFunction"}, functions...),
		allow("PublishFindings", []string{"sns:Publish"}, *p.AlarmTopic.TopicArn()),
	})
	return awsstepfunctions.NewStateMachine(p, jsii.String(id), &awsstepfunctions.StateMachineProps{
		Comment:          jsii.String(comment),
		StateMachineType: awsstepfunctions.StateMachineType_STANDARD,
		DefinitionBody:   awsstepfunctions.DefinitionBody_FromString(jsii.String(definition.String())),
		Role:             role,
		TracingEnabled:   jsii.Bool(true),
		Logs: &awsstepfunctions.LogOptions{
			Destination:          newLogGroup(p, id+"Logs", props),
			Level:                awsstepfunctions.LogLevel_ERROR,
			IncludeExecutionData: jsii.Bool(true),
		},
	})
}

// run is the definition of one run: every stream side by side, again while there is more to curate, and
// findings and failures told at the end. A run without either takes three transitions a stream and three more.
func (p *VendorPipeline) run(props *VendorPipelineProps) machine {
	vendor := props.Vendor
	var branches []machine
	var findings, errors, more []choice
	answers := map[string]any{}
	for i, stream := range vendor.Streams {
		branches = append(branches, p.branch(vendor, stream.Name))
		of := func(path string) string { return fmt.Sprintf("$.streams[%d].%s", i, path) }
		findings = append(findings, present(of("ingest.findings[0]")), present(of("preprocess.findings[0]")))
		errors = append(errors, present(of("ingestError")), present(of("preprocessError")))
		more = append(more, isTrue(of("preprocess.more")))
		answers[stream.Name+".$"] = fmt.Sprintf("$.streams[%d]", i)
	}
	return machine{
		Comment:        "One run of Windrow for the vendor " + vendor.Name,
		TimeoutSeconds: int(props.RunTimeout.Seconds()),
		StartAt:        stateStreams,
		States: map[string]state{
			// Branches take what they need from the context object. Without the input a repeated round does
			// not carry the rounds before it, which would double the state with each.
			stateStreams: {Type: "Parallel", InputPath: json.RawMessage("null"), Branches: branches, ResultPath: "$.streams", Next: stateOutcome},
			stateOutcome: {Type: "Choice", Choices: []choice{
				{Or: append(findings, errors...), Next: statePublish},
				{Or: more, Next: stateStreams},
			}, Default: stateSucceed},
			statePublish: p.publish(vendor, answers, "$.published", nil, stateFailed),
			stateFailed: {Type: "Choice", Choices: []choice{
				{Or: errors, Next: stateFail},
				{Or: more, Next: stateStreams},
			}, Default: stateSucceed},
			stateFail: {Type: "Fail", Error: "StreamsFailed", Cause: fmt.Sprintf(
				"At least one stream of the vendor %s failed; the others went on, and what is committed is kept. "+
					"The input of the state %s holds each stream's ingestError and preprocessError; the log group of that stream's function holds the rest. "+
					"The next run goes on where this one stopped.", vendor.Name, stateOutcome)},
			stateSucceed: {Type: "Succeed"},
		},
	}
}

// branch takes one stream forward: ingest until there is no more, then preprocess, which runs after a failed
// ingest too. A branch never fails, so that it cannot stop another.
func (p *VendorPipeline) branch(vendor *vendorapi.Vendor, stream string) machine {
	ingest, more, tell := "Ingest "+stream, "More "+stream+"?", "Publish "+stream
	preprocess, failed := "Preprocess "+stream, "Failed "+stream
	catchIngest := []catcher{{ErrorEquals: []string{"States.ALL"}, ResultPath: "$.ingestError", Next: preprocess}}

	payload := map[string]any{
		"run.$":       "$$.Execution.Name",
		"startedAt.$": "$$.Execution.StartTime",
		"input.$":     "$$.Execution.Input",
	}
	kept := map[string]any{"more.$": "$.Payload.more", "findings.$": "$.Payload.findings"}
	first := invoke(*p.Ingest[stream].FunctionArn(), payload, kept, "$.ingest")
	first.Catch, first.Next = catchIngest, more
	second := invoke(*p.Preprocess[stream].FunctionArn(), payload, kept, "$.preprocess")
	second.Catch, second.End = []catcher{{ErrorEquals: []string{"States.ALL"}, ResultPath: "$.preprocessError", Next: failed}}, true
	return machine{
		StartAt: ingest,
		States: map[string]state{
			ingest: first,
			more: {Type: "Choice", Choices: []choice{
				// The next answer takes this one's place, so its findings are told first.
				{And: []choice{isTrue("$.ingest.more"), present("$.ingest.findings[0]")}, Next: tell},
				{And: []choice{isTrue("$.ingest.more")}, Next: ingest},
			}, Default: preprocess},
			tell:       p.publish(vendor, map[string]any{stream + ".$": "$"}, "$.published", catchIngest, ingest),
			preprocess: second,
			failed:     {Type: "Pass", End: true},
		},
	}
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

// publish tells what the streams have answered. Each stream's part is named after it.
func (p *VendorPipeline) publish(vendor *vendorapi.Vendor, answers map[string]any, resultPath string, onError []catcher, next string) state {
	return state{
		Type:     "Task",
		Resource: serviceArn("sns:publish"),
		Parameters: map[string]any{
			"TopicArn": *p.AlarmTopic.TopicArn(),
			"Subject":  "Windrow: findings of a run of " + vendor.Name,
			"Message": map[string]any{
				"vendor":      vendor.Name,
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
