package constructs

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/erasure"
	"github.com/windrow-data/windrow/functions/settings"
)

func TestOnlyWhoErasesDeletesVersions(t *testing.T) {
	tpl := withEverything()
	for _, role := range tpl.ofType("AWS::IAM::Role") {
		for _, permission := range tpl.permissions(role.ID) {
			if strings.Contains(permission, "Version") && !strings.Contains(role.ID, "PipelinePersonEraseRole") {
				t.Errorf("%s: %s", role.ID, permission)
			}
			if strings.Contains(permission, "DeleteObjectVersion") && (strings.Contains(permission, "commits") || strings.Contains(permission, "genesis")) {
				t.Errorf("versions of commits may be deleted: %s", permission)
			}
		}
	}
	if functions := withDefaults().ofType("AWS::Lambda::Function"); slices.ContainsFunc(functions, func(f resource) bool { return strings.Contains(f.ID, "Person") }) {
		t.Error("a vendor whose records are nobody's has a function that erases people")
	}
}

func TestErasureFollowsItsFunction(t *testing.T) {
	tpl := withEverything()
	definition := tpl.definition(t, "Erasure")
	states := at(definition, "States").(map[string]any)
	if seconds := at(states, "Wait", "Seconds"); seconds != erasure.LongestRun.Seconds() {
		t.Errorf("it waits for %v seconds, want %v", seconds, erasure.LongestRun.Seconds())
	}
	goesTo := func(next erasure.Next) string {
		for _, rule := range at(states, "Next?", "Choices").([]any) {
			if (&player{t: t}).holds(rule, map[string]any{"erasure": map[string]any{"next": string(next)}}) {
				return at(rule, "Next").(string)
			}
		}
		return at(states, "Next?", "Default").(string)
	}
	got := map[erasure.Next]string{}
	for _, next := range []erasure.Next{erasure.Again, erasure.Wait, erasure.Remake, erasure.Done} {
		got[next] = goesTo(next)
	}
	want := map[erasure.Next]string{erasure.Again: "Erase", erasure.Wait: "Wait", erasure.Remake: "Remake", erasure.Done: "Succeed"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// What is kept of an answer must be in it, or the execution fails.
	written, err := json.Marshal(erasure.Answer{})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(written, &fields); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"Erase", "Find"} {
		for name, path := range at(states, state, "ResultSelector").(map[string]any) {
			field := strings.TrimPrefix(path.(string), "$.Payload.")
			if _, ok := fields[field]; !ok || strings.TrimSuffix(name, ".$") != field {
				t.Errorf("%s keeps %s of an answer, which has none", state, field)
			}
		}
	}
	for input, want := range map[string]string{
		`{"action":"erase","digest":"00"}`:                               "LayOut",
		`{"action":"export","digest":"00"}`:                              "LayOut",
		`{"action":"erase"}`:                                             "Refuse",
		`{"digest":"00"}`:                                                "Refuse",
		`{"action":"find","digest":"00"}`:                                "Refuse",
		`{"action":"find","forgotten":{"stream":"orders","keys":[]}}`:    "Refuse",
		`{"action":"find","forgotten":{"stream":"orders","keys":["1"]}}`: "LayOutFind",
	} {
		var of any
		if err := json.Unmarshal([]byte(input), &of); err != nil {
			t.Fatal(err)
		}
		p := &player{t: t}
		if _, next := p.enter("Input?", at(states, "Input?"), of); next != want {
			t.Errorf("%s goes to %s, want %s", input, next, want)
		}
	}
	// A branch makes what is missing of its stream, and compacts; where nothing was found of the person it does nothing.
	branches := at(states, "Remake", "Branches").([]any)
	for remake, want := range map[string]string{
		`{"orders":{"start":"2026-03-10T00:00:00Z","end":"2026-03-11T00:00:00Z"}}`: "What of orders?, Make orders, More orders?, Compact orders, Rest of orders?, Done orders",
		`{}`: "What of orders?, Skip orders",
	} {
		var ranges any
		if err := json.Unmarshal([]byte(remake), &ranges); err != nil {
			t.Fatal(err)
		}
		p := &player{t: t, answers: map[string][]answer{}}
		p.play(branches[0], map[string]any{"remake": ranges, "made": map[string]any{"position": ""}})
		if got := strings.Join(p.path, ", "); got != want {
			t.Errorf("%s: %s, want %s", remake, got, want)
		}
	}
}

func TestForgottenPeopleAreErasedWhereThatIsWanted(t *testing.T) {
	tpl := withEverything()
	rule := tpl[tpl.logicalID(t, "AWS::Events::Rule", "PipelineForgottenRule")]
	if got := text(rule.Properties["EventPattern"]); got != `{"detail":{"pipeline":["test/Pipeline"]},"detail-type":["Person forgotten"],"source":["windrow"]}` {
		t.Errorf("the rule matches %s", got)
	}
	target := at(rule.Properties, "Targets", 0)
	if got := text(at(target, "Arn")); got != "<"+tpl.machine(t, "Erasure").ID+">" {
		t.Errorf("the rule starts %s", got)
	}
	var input settings.Input
	template := at(target, "InputTransformer", "InputTemplate").(string)
	detail := `{"pipeline":"test/Pipeline","vendor":"acme","stream":"orders","keys":["0123456789abcdef"]}`
	if err := json.Unmarshal([]byte(strings.ReplaceAll(template, "<forgotten>", detail)), &input); err != nil || input.Action != settings.ActionFind || len(input.Forgotten.Keys) != 1 {
		t.Errorf("the input is %+v, %v", input, err)
	}
	off, _ := synthesize(func(stack awscdk.Stack) *VendorPipelineProps {
		props := required()
		props.Vendor = forgettingVendor()
		return props
	})
	if rules := off.ofType("AWS::Events::Rule"); len(rules) > 0 {
		t.Errorf("by default %s starts erasures", rules[0].ID)
	}
	if states := at(off.definition(t, "Erasure"), "States").(map[string]any); states["Find"] != nil {
		t.Error("by default people are looked for")
	}
}
