package workflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	// executionObject is the name in the context object under which an execution's own is kept. The interpreter
	// overwrites $$.Execution in each branch of a Parallel with the branch's own start and input, where AWS has
	// those of the execution; so paths are pointed here instead.
	executionObject = "Run"
	// taskTimeoutSeconds is given to a task without a timeout of its own: the interpreter would give 60, AWS gives
	// 99,999,999, which is more milliseconds than a Node timer holds.
	taskTimeoutSeconds = 1_000_000
)

// integrations are the ends of the resources that a task may have.
var integrations = []string{":states:::lambda:invoke", ":states:::sns:publish", ":states:::states:startExecution"}

// typeTests are the operators of a choice that test a type. The interpreter never matches one that is false, where
// AWS matches the opposite of a true one.
var typeTests = []string{"IsBoolean", "IsNull", "IsNumeric", "IsPresent", "IsString", "IsTimestamp"}

// prepare returns a copy of definition that the interpreter runs as AWS runs the original. Its error names everything
// that it cannot.
func prepare(definition []byte) ([]byte, error) {
	var machine map[string]any
	if err := json.Unmarshal(definition, &machine); err != nil {
		return nil, fmt.Errorf("the definition is not a JSON object: %w", err)
	}
	p := preparation{}
	p.machine(machine)
	if err := errors.Join(p.faults...); err != nil {
		return nil, err
	}
	return json.Marshal(pointed(machine))
}

type preparation struct{ faults []error }

func (p *preparation) fault(state, format string, arguments ...any) {
	p.faults = append(p.faults, fmt.Errorf("state %q: "+format, append([]any{state}, arguments...)...))
}

func (p *preparation) machine(machine map[string]any) {
	if language, ok := machine["QueryLanguage"]; ok && language != "JSONPath" {
		p.faults = append(p.faults, fmt.Errorf("QueryLanguage %v cannot be run locally, only JSONPath", language))
	}
	states, _ := machine["States"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(states)) {
		if state, ok := states[name].(map[string]any); ok {
			p.state(name, state)
		}
	}
}

func (p *preparation) state(name string, state map[string]any) {
	for _, field := range []string{"Assign", "ItemReader", "ItemBatcher", "ResultWriter", "Arguments", "Output"} {
		if _, ok := state[field]; ok {
			p.fault(name, "%s cannot be run locally", field)
		}
	}
	switch state["Type"] {
	case "Task":
		p.task(name, state)
	case "Choice":
		rules, _ := state["Choices"].([]any)
		for i := range rules {
			rules[i] = choiceRule(rules[i])
		}
	case "Parallel":
		branches, _ := state["Branches"].([]any)
		for _, branch := range branches {
			if machine, ok := branch.(map[string]any); ok {
				p.machine(machine)
			}
		}
	case "Map":
		for _, field := range []string{"ItemProcessor", "Iterator"} {
			if machine, ok := state[field].(map[string]any); ok {
				p.machine(machine)
			}
		}
	}
}

func (p *preparation) task(name string, state map[string]any) {
	resource, _ := state["Resource"].(string)
	known := slices.ContainsFunc(integrations, func(end string) bool { return strings.HasSuffix(resource, end) })
	if !known {
		p.fault(name, "resource %q cannot be run locally, only those that end in %s", resource, strings.Join(integrations, ", "))
	}
	_, fixed := state["TimeoutSeconds"]
	_, computed := state["TimeoutSecondsPath"]
	if !fixed && !computed {
		state["TimeoutSeconds"] = taskTimeoutSeconds
	}
}

// choiceRule turns a test that a value is not of a type into the negation of one that it is.
func choiceRule(rule any) any {
	object, ok := rule.(map[string]any)
	if !ok {
		return rule
	}
	for _, combination := range []string{"And", "Or"} {
		inner, _ := object[combination].([]any)
		for i := range inner {
			inner[i] = choiceRule(inner[i])
		}
	}
	if inner, ok := object["Not"]; ok {
		object["Not"] = choiceRule(inner)
	}
	for _, test := range typeTests {
		if object[test] == false {
			negated := map[string]any{"Not": map[string]any{"Variable": object["Variable"], test: true}}
			if next, ok := object["Next"]; ok {
				negated["Next"] = next
			}
			return negated
		}
	}
	return object
}

// pointed returns value with every path into $$.Execution pointed to the execution's own object.
func pointed(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			value[key] = pointed(inner)
		}
	case []any:
		for i, inner := range value {
			value[i] = pointed(inner)
		}
	case string:
		return strings.ReplaceAll(value, "$$.Execution", "$$."+executionObject)
	}
	return value
}
