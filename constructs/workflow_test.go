package constructs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/telemetry"
)

// machine is the state machine with an id.
func (tpl template) machine(t *testing.T, id string) resource {
	t.Helper()
	for _, r := range tpl.ofType("AWS::StepFunctions::StateMachine") {
		if strings.HasPrefix(r.ID, "Pipeline"+id) {
			return r
		}
	}
	t.Fatalf("the template has no state machine %s", id)
	return resource{}
}

func (tpl template) definition(t *testing.T, id string) map[string]any {
	t.Helper()
	var definition map[string]any
	content := text(tpl.machine(t, id).Properties["DefinitionString"])
	if err := json.Unmarshal([]byte(content), &definition); err != nil {
		t.Fatalf("the definition is no JSON: %v\n%s", err, content)
	}
	return definition
}

// answer is what a function gives back, or the error it ends with.
type answer struct {
	more     bool
	findings int
	err      string
}

// player plays a definition as the Amazon States Language says, with scripted answers by the name of the
// state. A state that runs out of answers gives its last one.
type player struct {
	t       *testing.T
	answers map[string][]answer
	// path is the states that were entered, branches one after the other.
	path []string
	// published is what was told, by the state that told it.
	published map[string]any
	// transitions are those that the invocations were told to stand for.
	transitions float64
}

// play returns the name of the state that ended the machine, and its output.
func (p *player) play(machine any, input any) (last string, output any) {
	for name := at(machine, "StartAt").(string); ; {
		if len(p.path) > 200 {
			p.t.Fatalf("the execution does not end: %v", p.path[:20])
		}
		p.path = append(p.path, name)
		state := at(machine, "States", name)
		if state == nil {
			p.t.Fatalf("there is no state %q", name)
		}
		output, next := p.enter(name, state, input)
		if next == "" {
			return name, output
		}
		name, input = next, output
	}
}

func (p *player) enter(name string, state, input any) (output any, next string) {
	next, _ = at(state, "Next").(string)
	switch at(state, "Type") {
	case "Succeed", "Fail":
		return input, ""
	case "Pass":
		if result := at(state, "Result"); result != nil {
			return p.put(input, at(state, "ResultPath"), result), next
		}
		if parameters := at(state, "Parameters"); parameters != nil {
			return p.put(input, at(state, "ResultPath"), p.fill(parameters, input)), next
		}
		return input, next
	case "Choice":
		for _, rule := range at(state, "Choices").([]any) {
			if p.holds(rule, input) {
				return input, at(rule, "Next").(string)
			}
		}
		return input, at(state, "Default").(string)
	case "Parallel":
		given := p.fill(at(state, "Parameters"), input)
		var outputs []any
		for _, branch := range at(state, "Branches").([]any) {
			_, output := p.play(branch, given)
			outputs = append(outputs, output)
		}
		if selector := at(state, "ResultSelector"); selector != nil {
			return p.put(input, at(state, "ResultPath"), p.fill(selector, outputs)), next
		}
		return p.put(input, at(state, "ResultPath"), outputs), next
	case "Task":
		result, err := p.task(name, state, input)
		if err == "" {
			return p.put(input, at(state, "ResultPath"), result), next
		}
		for _, catch := range list(at(state, "Catch")) {
			if of := list(at(catch, "ErrorEquals")); slices.Contains(of, any(err)) || slices.Contains(of, any("States.ALL")) {
				return p.put(input, at(catch, "ResultPath"), map[string]any{"Error": err, "Cause": causeOf(err)}), at(catch, "Next").(string)
			}
		}
		p.t.Fatalf("the error of %s is not caught", name)
	}
	p.t.Fatalf("%s has the type %v", name, at(state, "Type"))
	return nil, ""
}

// causeOf is what Lambda hands on of an error: JSON of one that the function itself has told, any text of the others.
func causeOf(err string) string {
	if slices.Contains(telemetry.Failures(), telemetry.Kind(err)) {
		return fmt.Sprintf(`{"errorMessage":"what it met","errorType":%q}`, err)
	}
	return "RequestId: 1 Error: " + err
}

// fill is a payload template with its paths looked up in input.
func (p *player) fill(template, input any) any {
	fields, ok := template.(map[string]any)
	if !ok {
		return template
	}
	filled := map[string]any{}
	for name, value := range fields {
		bare, isPath := strings.CutSuffix(name, ".$")
		if !isPath {
			filled[name] = p.fill(value, input)
			continue
		}
		path, isText := strings.CutPrefix(value.(string), "States.StringToJson(")
		found, ok := lookUp(input, strings.TrimSuffix(path, ")"))
		if !ok {
			p.t.Errorf("%s is handed on and not there: the execution would fail", value)
		}
		if isText {
			if err := json.Unmarshal([]byte(found.(string)), &found); err != nil {
				p.t.Errorf("%s is no JSON (%v): the execution would fail", value, err)
			}
		}
		filled[bare] = found
	}
	return filled
}

func (p *player) task(name string, state, input any) (result any, err string) {
	if transitions, ok := at(state, "Parameters", "Payload", "transitions").(float64); ok {
		p.transitions += transitions
	}
	a := answer{}
	if script := p.answers[name]; len(script) > 0 {
		a = script[0]
		if len(script) > 1 {
			p.answers[name] = script[1:]
		}
	}
	if a.err != "" {
		return nil, a.err
	}
	if strings.HasSuffix(text(at(state, "Resource")), ":sns:publish") {
		told := map[string]any{}
		for key, path := range at(state, "Parameters", "Message", "streams").(map[string]any) {
			value, ok := lookUp(input, path.(string))
			if !ok {
				p.t.Errorf("%s tells %s, which is not there", name, path)
			}
			told[strings.TrimSuffix(key, ".$")] = value
		}
		p.published[name] = told
		return map[string]any{}, ""
	}
	findings := []any{}
	for i := range a.findings {
		findings = append(findings, fmt.Sprint(name, " ", i))
	}
	return map[string]any{"more": a.more, "findings": findings}, ""
}

func (p *player) holds(rule, input any) bool {
	if all := at(rule, "And"); all != nil {
		return !slices.ContainsFunc(all.([]any), func(r any) bool { return !p.holds(r, input) })
	}
	if some := at(rule, "Or"); some != nil {
		return slices.ContainsFunc(some.([]any), func(r any) bool { return p.holds(r, input) })
	}
	path := at(rule, "Variable").(string)
	value, present := lookUp(input, path)
	if want := at(rule, "IsPresent"); want != nil {
		return present == want.(bool)
	}
	if !present {
		p.t.Errorf("%s is compared and not there: the execution would fail", path)
	}
	if want := at(rule, "StringEquals"); want != nil {
		return value == want
	}
	return value == at(rule, "BooleanEquals")
}

func (p *player) put(input, path, value any) any {
	output := map[string]any{}
	for k, v := range input.(map[string]any) {
		output[k] = v
	}
	output[strings.TrimPrefix(path.(string), "$.")] = value
	return output
}

// lookUp follows a path such as $.streams[0].ingest.more.
func lookUp(value any, path string) (any, bool) {
	path = strings.NewReplacer("['", ".", "']", "", "[", ".", "]", "").Replace(strings.TrimPrefix(path, "$"))
	for _, name := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' }) {
		switch v := value.(type) {
		case map[string]any:
			next, ok := v[name]
			if !ok {
				return nil, false
			}
			value = next
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(v) {
				return nil, false
			}
			value = v[i]
		default:
			return nil, false
		}
	}
	return value, true
}

func TestRuns(t *testing.T) {
	const (
		orders      = "Ingest orders, Preprocess orders"
		notes       = "Ingest refund-notes, Preprocess refund-notes"
		ordersAgain = "Left of orders?, Ingest orders again, More orders?, Preprocess orders again"
		curateNotes = "Left of refund-notes?, Preprocess refund-notes again"
		noOrders    = "Left of orders?, Nothing left of orders"
		noNotes     = "Left of refund-notes?, Nothing left of refund-notes"
	)
	for name, c := range map[string]struct {
		answers map[string][]answer
		path    string
	}{
		"ordinary": {nil, "Streams, " + orders + ", " + notes + ", Outcome, Succeed"},
		"more to ingest": {
			map[string][]answer{"Ingest orders": {{more: true}}, "Ingest orders again": {{more: true}, {}}},
			"Streams, " + orders + ", " + notes + ", Outcome, Again, " +
				"Left of orders?, Ingest orders again, More orders?, Ingest orders again, More orders?, Preprocess orders again, " + noNotes + ", Outcome, Succeed",
		},
		"more to curate": {
			map[string][]answer{"Preprocess refund-notes": {{more: true}}, "Preprocess refund-notes again": {{more: true}, {}}},
			"Streams, " + orders + ", " + notes + ", Outcome, Again, " + noOrders + ", " + curateNotes + ", Outcome, Again, " + noOrders + ", " + curateNotes + ", Outcome, Succeed",
		},
		"more of both streams": {
			map[string][]answer{"Preprocess refund-notes": {{more: true}}, "Ingest orders": {{more: true}}},
			"Streams, " + orders + ", " + notes + ", Outcome, Again, " + ordersAgain + ", " + curateNotes + ", Outcome, Succeed",
		},
		"ingest fails": {
			map[string][]answer{"Ingest orders": {{err: "vendor-refuses"}}},
			"Streams, Ingest orders, Failure of ingest orders, Preprocess orders, " + notes + ", Outcome, PublishFailures, NoteFailure, More?, Fail",
		},
		"ingest is killed": {
			map[string][]answer{"Ingest orders": {{err: "Sandbox.Timedout"}}},
			"Streams, " + orders + ", " + notes + ", Outcome, PublishFailures, NoteFailure, More?, Fail",
		},
		"ingest fails after more": {
			map[string][]answer{"Ingest orders": {{more: true}}, "Ingest orders again": {{more: true}, {err: "vendor-unavailable"}}},
			"Streams, " + orders + ", " + notes + ", Outcome, Again, Left of orders?, Ingest orders again, More orders?, Ingest orders again, Failure of ingest orders again, " +
				"Give up orders, Preprocess orders again, " + noNotes + ", Outcome, PublishFailures, NoteFailure, More?, Fail",
		},
		"ingest is killed after more": {
			map[string][]answer{"Ingest orders": {{more: true}}, "Ingest orders again": {{more: true}, {err: "Sandbox.Timedout"}}},
			"Streams, " + orders + ", " + notes + ", Outcome, Again, Left of orders?, Ingest orders again, More orders?, Ingest orders again, " +
				"Give up orders, Preprocess orders again, " + noNotes + ", Outcome, PublishFailures, NoteFailure, More?, Fail",
		},
		"preprocess fails": {
			map[string][]answer{"Preprocess refund-notes": {{err: "newer-format"}}},
			"Streams, " + orders + ", " + notes + ", Failure of preprocess refund-notes, Failed refund-notes, Outcome, PublishFailures, NoteFailure, More?, Fail",
		},
		"preprocess is killed": {
			map[string][]answer{"Preprocess refund-notes": {{err: "Runtime.ExitError"}}},
			"Streams, " + orders + ", " + notes + ", Failed refund-notes, Outcome, PublishFailures, NoteFailure, More?, Fail",
		},
		"preprocess fails after more": {
			map[string][]answer{"Preprocess orders": {{more: true}}, "Preprocess orders again": {{err: "newer-format"}}},
			"Streams, " + orders + ", " + notes + ", Outcome, Again, Left of orders?, Preprocess orders again, Failure of preprocess orders again, Failed orders again, " + noNotes +
				", Outcome, PublishFailures, NoteFailure, More?, Fail",
		},
		"one stream fails while another has more": {
			map[string][]answer{"Preprocess refund-notes": {{err: "Runtime.ExitError"}}, "Ingest orders": {{more: true}}},
			"Streams, " + orders + ", " + notes + ", Failed refund-notes, Outcome, PublishFailures, NoteFailure, More?, Again, " +
				ordersAgain + ", " + noNotes + ", Outcome, Fail",
		},
		"a failed stream has more to curate": {
			map[string][]answer{"Ingest orders": {{err: "Runtime.ExitError"}}, "Preprocess orders": {{more: true}}},
			"Streams, " + orders + ", " + notes + ", Outcome, PublishFailures, NoteFailure, More?, Again, " +
				"Left of orders?, Preprocess orders again, " + noNotes + ", Outcome, Fail",
		},
		"everything fails": {
			map[string][]answer{"Ingest orders": {{err: "E"}}, "Preprocess orders": {{err: "E"}}, "Ingest refund-notes": {{err: "E"}}, "Preprocess refund-notes": {{err: "E"}}},
			"Streams, Ingest orders, Preprocess orders, Failed orders, Ingest refund-notes, Preprocess refund-notes, Failed refund-notes, Outcome, PublishFailures, NoteFailure, More?, Fail",
		},
		"a failure cannot be told": {
			map[string][]answer{"Ingest orders": {{err: "E"}}, "PublishFailures": {{err: "SNS.AuthorizationErrorException"}}},
			"Streams, " + orders + ", " + notes + ", Outcome, PublishFailures, NoteFailure, More?, Fail",
		},
		"finding of ingest": {
			map[string][]answer{"Ingest refund-notes": {{findings: 1}}},
			"Streams, " + orders + ", " + notes + ", Outcome, PublishFindings, More?, Succeed",
		},
		"finding of preprocess with more to curate": {
			map[string][]answer{"Preprocess orders": {{more: true, findings: 2}}},
			"Streams, " + orders + ", " + notes + ", Outcome, PublishFindings, More?, Again, Left of orders?, Preprocess orders again, " + noNotes + ", Outcome, Succeed",
		},
		"finding with more to ingest is told before the next answer takes its place": {
			map[string][]answer{"Ingest orders": {{more: true, findings: 1}}, "Ingest orders again": {{more: true, findings: 1}, {}}},
			"Streams, " + orders + ", " + notes + ", Outcome, PublishFindings, More?, Again, " +
				"Left of orders?, Ingest orders again, More orders?, Publish orders, Ingest orders again, More orders?, Preprocess orders again, " + noNotes + ", Outcome, Succeed",
		},
		"a finding cannot be told": {
			map[string][]answer{"Ingest orders": {{findings: 1, more: true}}, "PublishFindings": {{err: "SNS.AuthorizationErrorException"}}},
			"Streams, " + orders + ", " + notes + ", Outcome, PublishFindings, NoteFailure, More?, Again, " + ordersAgain + ", " + noNotes + ", Outcome, Fail",
		},
		"a finding cannot be told in the midst": {
			map[string][]answer{
				"Ingest orders": {{more: true}}, "Ingest orders again": {{more: true, findings: 1}, {}}, "Publish orders": {{err: "SNS.AuthorizationErrorException"}},
			},
			"Streams, " + orders + ", " + notes + ", Outcome, Again, Left of orders?, Ingest orders again, More orders?, Publish orders, Give up orders, Preprocess orders again, " +
				noNotes + ", Outcome, PublishFailures, NoteFailure, More?, Fail",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := player{t: t, answers: c.answers, published: map[string]any{}}
			p.play(withDefaults().definition(t, "StateMachine"), map[string]any{"scheduledTime": "2026-03-10T17:00:00Z"})
			if diff := cmp.Diff(strings.Split(c.path, ", "), p.path); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestTransitionsAreAccountedFor adds up what the invocations of an execution are told that they stand for.
func TestTransitionsAreAccountedFor(t *testing.T) {
	for name, c := range map[string]struct {
		answers map[string][]answer
		// unaccounted are states of rare turns that no invocation stands for, below 0 those that are counted twice.
		unaccounted float64
	}{
		"ordinary":       {nil, 0},
		"more to ingest": {map[string][]answer{"Ingest orders": {{more: true}}, "Ingest orders again": {{more: true}, {}}}, 0},
		"more of both": {map[string][]answer{
			"Ingest orders": {{more: true}}, "Ingest orders again": {{}}, "Ingest refund-notes": {{more: true}}, "Ingest refund-notes again": {{}},
		}, -6}, // the round is counted twice, and each as if the other had nothing
		"findings": {map[string][]answer{"Ingest orders": {{findings: 1}}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			p := player{t: t, answers: c.answers, published: map[string]any{}}
			p.play(withDefaults().definition(t, "StateMachine"), map[string]any{})
			if got, want := p.transitions, float64(len(p.path))-c.unaccounted; got != want {
				t.Errorf("the invocations stand for %g transitions, want %g of %v", got, want, p.path)
			}
		})
	}
}

func TestFindingsAndErrorsAreToldByStream(t *testing.T) {
	p := player{t: t, published: map[string]any{}, answers: map[string][]answer{
		"Ingest orders":           {{err: "vendor-refuses"}},
		"Preprocess orders":       {{err: "Runtime.ExitError"}},
		"Preprocess refund-notes": {{findings: 1}},
	}}
	definition := withDefaults().definition(t, "StateMachine")
	p.play(definition, map[string]any{})
	none := map[string]any{"more": false, "findings": []any{}}
	want := map[string]any{"PublishFailures": map[string]any{
		"orders": map[string]any{
			"ingestError":     map[string]any{"Error": "vendor-refuses", "Cause": map[string]any{"errorMessage": "what it met", "errorType": "vendor-refuses"}},
			"preprocessError": map[string]any{"Error": "Runtime.ExitError", "Cause": "RequestId: 1 Error: Runtime.ExitError"},
			"ingest":          none,
			"preprocess":      none,
		},
		"refund-notes": map[string]any{
			"ingest":     none,
			"preprocess": map[string]any{"more": false, "findings": []any{"Preprocess refund-notes 0"}},
		},
	}}
	if diff := cmp.Diff(want, p.published); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, subject := range map[string]string{"PublishFailures": "Windrow: test/Pipeline: a run failed", "PublishFindings": "Windrow: test/Pipeline: findings"} {
		parameters := at(definition, "States", name, "Parameters")
		if got := at(parameters, "Subject"); got != subject {
			t.Errorf("%s has the subject %q, want %q", name, got, subject)
		}
		if got := at(parameters, "Message", "pipeline"); got != "test/Pipeline" {
			t.Errorf("%s is of the pipeline %v", name, got)
		}
	}
}

// What an ordinary run may take: Ingest and Preprocess of each stream, and three around them, the end's own transition not counted. A
// transition costs $0.000025, more than the second of Lambda's time that a stream takes of it, so that one more in each of 17,520
// runs a year is $0.44. https://aws.amazon.com/step-functions/pricing/
const (
	transitionsAStream = 2
	transitionsARun    = 3
)

// TestOrdinaryRunIsCheap holds the number of transitions, which cost more than the work: DESIGN.md, One run.
func TestOrdinaryRunIsCheap(t *testing.T) {
	p := player{t: t, published: map[string]any{}}
	p.play(withDefaults().definition(t, "StateMachine"), map[string]any{})
	if streams := 2; len(p.path) > transitionsAStream*streams+transitionsARun {
		t.Errorf("an ordinary run takes %d transitions: %v", len(p.path), p.path)
	}
}

func TestTasksCallTheirFunctions(t *testing.T) {
	tpl := withDefaults()
	branches := at(tpl.definition(t, "StateMachine"), "States", "Streams", "Branches").([]any)
	for i, stream := range []string{"orders", "refund-notes"} {
		for _, kind := range []string{"Ingest", "Preprocess"} {
			state := at(branches[i], "States", kind+" "+stream)
			if got := text(at(state, "Resource")); got != "arn:<AWS::Partition>:states:::lambda:invoke" {
				t.Errorf("%s %s uses %s", kind, stream, got)
			}
			if got, want := text(at(state, "Parameters", "FunctionName")), "<"+tpl.function(t, stream, kind).ID+".Arn>"; got != want {
				t.Errorf("%s %s calls %s, want %s", kind, stream, got, want)
			}
			want := map[string]any{"run.$": "$$.Execution.Name", "startedAt.$": "$$.Execution.StartTime", "input.$": "$$.Execution.Input", "transitions": 1.0}
			if kind == "Ingest" {
				want["transitions"] = 2.5
			}
			if diff := cmp.Diff(want, at(state, "Parameters", "Payload")); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", kind, stream, diff)
			}
			for _, code := range []string{"Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.TooManyRequestsException"} {
				if !slices.Contains(list(at(state, "Retry", 0, "ErrorEquals")), any(code)) {
					t.Errorf("%s %s does not retry %s", kind, stream, code)
				}
			}
			if retries := list(at(state, "Retry")); len(retries) != 1 {
				t.Errorf("%s %s retries more than Lambda's own failures: %s", kind, stream, text(at(state, "Retry")))
			}
		}
	}
}

func TestStateMachineIsWatchedAndBound(t *testing.T) {
	tpl := withDefaults()
	machine := tpl.machine(t, "StateMachine").Properties
	if machine["StateMachineType"] != "STANDARD" || at(machine, "TracingConfiguration", "Enabled") != true || at(machine, "LoggingConfiguration", "Level") != "ERROR" {
		t.Errorf("type %v, tracing %v, logging %v", machine["StateMachineType"], machine["TracingConfiguration"], machine["LoggingConfiguration"])
	}
	role := at(machine, "RoleArn", "Fn::GetAtt", 0).(string)
	want := []string{"Allow sns:Publish <" + tpl.only(t, "AWS::SNS::Topic").ID + ">"}
	for _, f := range tpl.ofType("AWS::Lambda::Function") {
		want = append(want, "Allow lambda:InvokeFunction <"+f.ID+".Arn>")
	}
	for _, action := range wildcards {
		want = append(want, "Allow "+action+" *")
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, tpl.permissions(role)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestMachineLogsAreNamedAsDeliveredLogs reads the names by which log groups share a statement of the account's resource policy.
func TestMachineLogsAreNamedAsDeliveredLogs(t *testing.T) {
	tpl := withDefaults()
	for _, id := range []string{"StateMachine", "Backfill"} {
		group := at(tpl.machine(t, id).Properties, "LoggingConfiguration", "Destinations", 0, "CloudWatchLogsLogGroup", "LogGroupArn", "Fn::GetAtt", 0).(string)
		got := text(tpl[group].Properties["LogGroupName"])
		if want := "/aws/vendedlogs/states/test/Pipeline/" + id + `/{"Fn::Select":[2,{"Fn::Split":["/",{"Ref":"AWS::StackId"}]}]}`; got != want {
			t.Errorf("the log group of %s is named %s, want %s", id, got, want)
		}
	}
}
