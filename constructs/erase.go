package constructs

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

const (
	// erasePatience is how long an erasure waits before its second look: what the longest invocation lasts, with a minute for clocks that
	// differ. functions/erasure refuses to look earlier.
	erasePatienceSeconds = 16 * 60
	// eraseTransitions is how many states a call enters with those around it.
	eraseTransitions = 3
)

// Names of the states of the erasure that are no stream's own.
const (
	stateErase  = "Erase"
	stateNext   = "Next?"
	stateWait   = "Wait"
	stateRemake = "Remake"

	stateLayOutFind = "LayOutFind"
	stateFind       = "Find"
	stateAllFound   = "Found?"
	stateEach       = "EraseEach"
	stateStart      = "StartErasure"
)

// addErase makes the function that erases and exports what the lake holds of a person, and the state machine that calls it. There is
// no schedule: it costs what it is used. Only this function may see and delete versions of objects.
func (p *VendorPipeline) addErase(props *VendorPipelineProps) {
	if !tellsPeople(props) {
		return
	}
	scope := constructs.NewConstruct(p, jsii.String("Person"))
	larger := *props
	larger.MemoryMB, larger.Timeout = props.EraseMemoryMB, DefaultTimeout
	environment := p.environment(props, settings.AllStreams)
	environment[settings.EnvCuratedBucket] = p.CuratedBucket.BucketName()
	environment[settings.EnvPrivacyKeySecret] = p.PrivacyKeySecret.SecretArn()
	if p.ResultsBucket != nil {
		environment[settings.EnvResultsBucket] = p.ResultsBucket.BucketName()
	}
	p.EraseFunction = newFunction(scope, "Erase", &larger, p.code(props.ErasePackage, props),
		fmt.Sprintf("Erases or exports what the lake of the vendor %s holds of one person", props.Vendor.Name),
		environment, p.eraseStatements(props))
	functions := []string{*p.EraseFunction.FunctionArn()}
	for _, stream := range props.Vendor.Streams {
		functions = append(functions, *p.Preprocess[stream.Name].FunctionArn())
	}
	p.Erase = p.newStateMachine("Erasure", "Erases or exports what the lake of the vendor "+props.Vendor.Name+" holds of one person", p.erasure(props), functions, props)
	if props.EraseForgotten {
		p.addForgottenRule(props)
	}
}

// addForgottenRule has the state machine erase whom the vendor has forgotten, as preprocess tells of them.
func (p *VendorPipeline) addForgottenRule(props *VendorPipelineProps) {
	// In a policy of its own, since the machine needs its role first.
	awsiam.NewPolicy(p, jsii.String("ErasureOfForgotten"), &awsiam.PolicyProps{
		Roles:      &[]awsiam.IRole{p.Erase.Role()},
		Statements: &[]awsiam.PolicyStatement{allow("StartErasure", []string{"states:StartExecution"}, *p.Erase.StateMachineArn())},
	})
	role := newRole(p, "ForgottenRuleRole", serviceInAccount("events.amazonaws.com"), []awsiam.PolicyStatement{
		allow("StartErasure", []string{"states:StartExecution"}, *p.Erase.StateMachineArn()),
	})
	p.ForgottenRule = awsevents.NewCfnRule(p, jsii.String("ForgottenRule"), &awsevents.CfnRuleProps{
		Description:  jsii.String("Erases whom the vendor " + props.Vendor.Name + " says that it has forgotten"),
		EventBusName: p.EventBus.EventBusName(),
		EventPattern: map[string]any{
			"source": []string{telemetry.AnnouncementSource}, "detail-type": []string{telemetry.ForgottenDetailType},
			"detail": map[string]any{"pipeline": []string{p.Name}},
		},
		State: jsii.String("ENABLED"),
		Targets: []awsevents.CfnRule_TargetProperty{{
			Id:      jsii.String("Erasure"),
			Arn:     p.Erase.StateMachineArn(),
			RoleArn: role.RoleArn(),
			InputTransformer: awsevents.CfnRule_InputTransformerProperty{
				InputPathsMap: map[string]string{"forgotten": "$.detail"},
				InputTemplate: jsii.String(`{"action":"` + settings.ActionFind + `","forgotten":<forgotten>}`),
			},
			DeadLetterConfig: awsevents.CfnRule_DeadLetterConfigProperty{Arn: p.DeadLetters.QueueArn()},
		}},
	})
	keep := allow("KeepForgotten", []string{"sqs:SendMessage"}, *p.DeadLetters.QueueArn())
	keep.AddPrincipals(awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil))
	keep.AddCondition(jsii.String("ArnEquals"), map[string]any{"aws:SourceArn": p.ForgottenRule.AttrArn()})
	p.DeadLetters.AddToResourcePolicy(keep)
}

// tellsPeople reports whether any stream says whose its records are.
func tellsPeople(props *VendorPipelineProps) bool {
	return slices.ContainsFunc(props.Vendor.Streams, func(s vendorapi.Stream) bool { return s.PersonPath != "" })
}

// tellsForgotten reports whether any stream's records say that their people are forgotten.
func tellsForgotten(vendor *vendorapi.Vendor) bool {
	return slices.ContainsFunc(vendor.Streams, func(s vendorapi.Stream) bool { return !s.Forgotten.None() })
}

// eraseStatements let the function replace parts and commits of all streams of the vendor, and delete versions of what may hold a
// person: parts, what a child stream remembers of its parents, curated objects and results of queries. Of commits no others may be deleted.
func (p *VendorPipeline) eraseStatements(props *VendorPipelineProps) []awsiam.PolicyStatement {
	vendor := props.Vendor.Name + "/"
	raw := func(key string) string { return *p.RawBucket.ArnForObjects(jsii.String(vendor + key)) }
	deletable := []string{raw("*/parts/*")}
	for _, stream := range props.Vendor.Streams {
		if stream.Parent != nil {
			deletable = append(deletable, raw(stream.Name+"/commits/*"), raw(stream.Name+"/roster.json"))
		}
	}
	statements := []awsiam.PolicyStatement{
		allow("ReplaceRaw", []string{"s3:GetObject", "s3:PutObject"},
			raw("*/parts/*"), raw("*/commits/*"), raw("*/audit.json"), raw("*/roster.json"), raw("erasures/*"), raw("forgotten.json")),
		allow("ReadOldRaw", []string{"s3:GetObjectVersion"}, deletable...),
		allow("DeleteRaw", []string{"s3:DeleteObjectVersion"}, deletable...),
		allowList("ListRaw", *p.RawBucket.BucketArn(), vendor),
		allowListVersions("ListOldRaw", *p.RawBucket.BucketArn(), vendor),
		allow("ReadCurated", []string{"s3:GetObject"}, *p.CuratedBucket.ArnForObjects(jsii.String(vendor + "*"))),
		allow("DeleteCurated", []string{"s3:DeleteObjectVersion"}, *p.CuratedBucket.ArnForObjects(jsii.String(vendor + "*"))),
		allowList("ListCurated", *p.CuratedBucket.BucketArn(), vendor),
		allowListVersions("ListOldCurated", *p.CuratedBucket.BucketArn(), vendor),
		allow("ReadPrivacyKey", []string{"secretsmanager:GetSecretValue"}, secretResource(p.PrivacyKeySecret)),
	}
	keys := []awskms.IKey{p.RawBucket.EncryptionKey(), p.CuratedBucket.EncryptionKey(), p.PrivacyKeySecret.EncryptionKey()}
	if p.ResultsBucket != nil {
		statements = append(statements,
			allow("Export", []string{"s3:PutObject"}, *p.ResultsBucket.ArnForObjects(jsii.String(settings.ExportPrefix + "*"))),
			allow("DeleteResults", []string{"s3:DeleteObjectVersion"}, *p.ResultsBucket.ArnForObjects(jsii.String("*"))),
			allow("ListOldResults", []string{"s3:ListBucketVersions"}, *p.ResultsBucket.BucketArn()))
		keys = append(keys, p.ResultsBucket.EncryptionKey())
	}
	return append(statements, useKeys(keys...)...)
}

// allowListVersions lets versions of keys with prefix be listed.
func allowListVersions(sid, bucketArn, prefix string) awsiam.PolicyStatement {
	statement := allow(sid, []string{"s3:ListBucketVersions"}, bucketArn)
	statement.AddCondition(jsii.String("StringLike"), map[string]any{"s3:prefix": prefix + "*"})
	return statement
}

// erasure is the definition of the state machine that erases or exports a person. It calls the function until that says what comes next: to
// call it again, to wait, to have preprocess make curated objects anew, or nothing.
//
// Its input is {"action": "erase" or "export", "digest": ...}. Nothing in it, in its history or in its output tells of the person but
// the digest.
func (p *VendorPipeline) erasure(props *VendorPipelineProps) machine {
	var branches []machine
	for _, stream := range props.Vendor.Streams {
		branches = append(branches, p.remakeBranch(stream.Name))
	}
	call := invoke(*p.EraseFunction.FunctionArn(), map[string]any{
		"run.$": "$$.Execution.Name", "startedAt.$": "$$.Execution.StartTime", "input.$": "$.input", "position.$": "$.erasure.position",
		"transitions": eraseTransitions,
	}, map[string]any{
		"next.$": "$.Payload.next", "position.$": "$.Payload.position", "remake.$": "$.Payload.remake", "found.$": "$.Payload.found",
		"queryResults.$": "$.Payload.queryResults", "bucket.$": "$.Payload.bucket", "record.$": "$.Payload.record",
	}, "$.erasure")
	call.Catch, call.Next = caught("$.error", stateFailures), stateNext
	next := func(value, state string) choice {
		return choice{And: []choice{{Variable: "$.erasure.next", StringEquals: value}}, Next: state}
	}
	of := machine{
		Comment:        "What the lake of the vendor " + props.Vendor.Name + " holds of one person, erased or exported",
		TimeoutSeconds: int(props.RunTimeout.Seconds()),
		StartAt:        stateInput,
		States: map[string]state{
			stateInput: {Type: "Choice", Choices: []choice{
				{And: []choice{present("$.digest"), present("$.action"), {Or: []choice{
					{Variable: "$.action", StringEquals: settings.ActionErase}, {Variable: "$.action", StringEquals: settings.ActionExport},
				}}}, Next: stateLayOut},
			}, Default: stateRefuse},
			stateRefuse: {Type: "Fail", Error: "InputRefused", Cause: fmt.Sprintf(
				`The input lacks action or digest: want {"action": "%s", "digest": "<the keyed digest of the e-mail address>"}, or "%s". go run ./infra/person makes it, and keeps the address to itself.`,
				settings.ActionErase, settings.ActionExport)},
			stateLayOut: {Type: "Pass", Parameters: map[string]any{
				"input.$": "$$.Execution.Input", "erasure": map[string]any{"position": ""},
			}, Next: stateErase},
			stateErase: call,
			stateNext: {Type: "Choice", Choices: []choice{
				next("again", stateErase), next("wait", stateWait), next("remake", stateRemake),
			}, Default: stateSucceed},
			stateWait: {Type: "Wait", Seconds: erasePatienceSeconds, Next: stateErase},
			stateRemake: {Type: "Parallel", Parameters: map[string]any{"remake.$": "$.erasure.remake", "made": map[string]any{"position": ""}},
				Branches: branches, ResultPath: "$.made", Catch: caught("$.error", stateFailures), Next: stateErase},
			// It is told even where somebody waits for its end: what is left of a person is left until it is started again.
			stateFailures: p.publish(erasureFailed, map[string]any{"erasure.$": "$.erasure", "error.$": "$.error"}, "$.published", caught("$.published", stateFail), stateFail),
			stateFail: {Type: "Fail", Error: "ErasureIncomplete", Cause: fmt.Sprintf(
				"Not all that the lake of the vendor %s holds of a person is erased, or exported. What was done stays, and nothing new of the person is stored. The input of the state %s holds "+
					"the error, and has been sent to the alarm topic. Start the same again: it goes over everything once more, and does only what is left.", props.Vendor.Name, stateFailures)},
			stateSucceed: {Type: "Succeed", InputPath: []byte(`"$.erasure"`)},
		},
	}
	if props.EraseForgotten {
		p.findForgotten(of.States)
	}
	return of
}

// findForgotten lets the state machine find out who it was that the vendor has forgotten, and erase each of them by an execution of their own.
// Its input is then {"action": "find", "forgotten": {"stream": ..., "keys": [...]}}.
func (p *VendorPipeline) findForgotten(states map[string]state) {
	input := states[stateInput]
	input.Choices = append(input.Choices, choice{And: []choice{
		present("$.forgotten.keys[0]"), present("$.action"), {Variable: "$.action", StringEquals: settings.ActionFind},
	}, Next: stateLayOutFind})
	states[stateInput] = input
	states[stateLayOutFind] = state{Type: "Pass", Parameters: map[string]any{
		"input.$": "$$.Execution.Input", "erasure": map[string]any{"position": ""},
	}, Next: stateFind}
	find := invoke(*p.EraseFunction.FunctionArn(), map[string]any{
		"run.$": "$$.Execution.Name", "startedAt.$": "$$.Execution.StartTime", "input.$": "$.input", "position.$": "$.erasure.position",
		"transitions": eraseTransitions,
	}, map[string]any{"next.$": "$.Payload.next", "position.$": "$.Payload.position", "digests.$": "$.Payload.digests"}, "$.erasure")
	find.Catch, find.Next = caught("$.error", stateFailures), stateAllFound
	states[stateFind] = find
	states[stateAllFound] = state{Type: "Choice", Choices: []choice{
		{And: []choice{{Variable: "$.erasure.next", StringEquals: "again"}}, Next: stateFind},
	}, Default: stateEach}
	states[stateEach] = state{
		Type: "Map", ItemsPath: "$.erasure.digests", ItemSelector: map[string]any{"digest.$": "$$.Map.Item.Value"},
		ItemProcessor: &machine{
			ProcessorConfig: &processor{Mode: "INLINE"},
			StartAt:         stateStart,
			States: map[string]state{stateStart: {
				Type:     "Task",
				Resource: serviceArn("states:startExecution"),
				Parameters: map[string]any{
					"StateMachineArn.$": "$$.StateMachine.Id",
					// It follows from this execution's and the person, so that a start whose answer was lost is not made twice.
					"Name.$": "States.Hash(States.Format('{} {}', $$.Execution.Id, $.digest), 'SHA-256')",
					"Input": map[string]any{
						"action": settings.ActionErase, "digest.$": "$.digest",
						"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id",
					},
				},
				ResultSelector: map[string]any{"execution.$": "$.ExecutionArn"},
				Retry:          []retrier{{ErrorEquals: []string{"States.TaskFailed"}, IntervalSeconds: 2, MaxAttempts: 6, BackoffRate: 2, JitterStrategy: "FULL"}},
				End:            true,
			}},
		},
		ResultPath: "$.started", Catch: caught("$.error", stateFailures), Next: stateSucceed,
	}
}

// remakeBranch has preprocess make what is missing of one stream, where there is a range, and compact what is to be compacted. The vendor is asked
// nothing.
func (p *VendorPipeline) remakeBranch(stream string) machine {
	what, remake, more, skip := "What of "+stream+"?", "Make "+stream, "More "+stream+"?", "Skip "+stream
	compact, rest, done := "Compact "+stream, "Rest of "+stream+"?", "Done "+stream
	of := fmt.Sprintf("$.remake['%s']", stream)
	task := invoke(*p.Preprocess[stream].FunctionArn(), map[string]any{
		"run.$": "$$.Execution.Name", "startedAt.$": "$$.Execution.StartTime", "input.$": of, "position.$": "$.made.position",
		"transitions": transitionsPerRound,
	}, map[string]any{"more.$": "$.Payload.more", "position.$": "$.Payload.position"}, "$.made")
	task.Next = more
	// An ordinary run compacts the days again that were compacted before.
	ordinary := invoke(*p.Preprocess[stream].FunctionArn(), map[string]any{
		"run.$": "$$.Execution.Name", "startedAt.$": "$$.State.EnteredTime", "input": map[string]any{}, "transitions": transitionsPerRound,
	}, map[string]any{"more.$": "$.Payload.more"}, "$.made")
	ordinary.Next = rest
	return machine{
		StartAt: what,
		States: map[string]state{
			what:    {Type: "Choice", Choices: []choice{{And: []choice{present(of)}, Next: remake}}, Default: skip},
			skip:    {Type: "Succeed"},
			remake:  task,
			more:    {Type: "Choice", Choices: []choice{{And: []choice{isTrue("$.made.more")}, Next: remake}}, Default: compact},
			compact: ordinary,
			rest:    {Type: "Choice", Choices: []choice{{And: []choice{isTrue("$.made.more")}, Next: compact}}, Default: done},
			done:    {Type: "Succeed"},
		},
	}
}
