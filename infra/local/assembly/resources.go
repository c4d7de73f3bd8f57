package assembly

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Types of resources that [Assembly.Resources] is asked for elsewhere.
const (
	TypeAlarm          = "AWS::CloudWatch::Alarm"
	TypeCompositeAlarm = "AWS::CloudWatch::CompositeAlarm"
)

// Resource is a resource of any type, for who reads properties that the assembly itself has no use for.
type Resource struct {
	// Stack and LogicalID say where it stands.
	Stack     string
	LogicalID string
	Type      string
	Name      string
	// ARN is empty for a type that a local run has no ARNs of.
	ARN string
	// Properties are those of the template, every reference resolved to a name on this machine.
	Properties json.RawMessage
}

// Resources returns all resources of the given types, in the order of their stacks and logical ids. Its error names every
// one whose references cannot be resolved.
func (a *Assembly) Resources(types ...string) ([]Resource, error) {
	var all []Resource
	var faults []error
	for _, s := range a.stacks {
		r := &resolver{stack: s, names: a.names}
		for _, id := range slices.Sorted(maps.Keys(s.template.Resources)) {
			if !slices.Contains(types, s.template.Resources[id].Type) {
				continue
			}
			resolved, err := r.resource(id)
			if err != nil {
				faults = append(faults, fmt.Errorf("stack %s: %s (%s): %w", s.name, id, s.template.Resources[id].Type, err))
				continue
			}
			all = append(all, resolved)
		}
	}
	return all, errors.Join(faults...)
}

func (r *resolver) resource(id string) (Resource, error) {
	kind := r.stack.template.Resources[id].Type
	name, err := r.names.of(r.stack, id)
	if err != nil {
		return Resource{}, err
	}
	properties := map[string]any{}
	if raw := r.stack.template.Resources[id].Properties; raw != nil {
		decoder := json.NewDecoder(strings.NewReader(string(raw)))
		decoder.UseNumber()
		if err := decoder.Decode(&properties); err != nil {
			return Resource{}, err
		}
	}
	resolved, err := r.nested(properties)
	if err != nil {
		return Resource{}, err
	}
	content, err := json.Marshal(resolved)
	return Resource{Stack: r.stack.name, LogicalID: id, Type: kind, Name: name, ARN: r.arn(kind, name), Properties: content}, err
}

// noValue stands for what Ref of AWS::NoValue removes, see
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/pseudo-parameter-reference.html.
type noValue struct{}

// nested evaluates the intrinsic functions anywhere inside a value, which keeps its shape otherwise.
func (r *resolver) nested(value any) (any, error) {
	switch value := value.(type) {
	case []any:
		list := []any{}
		for i := range value {
			item, err := r.nested(value[i])
			if err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
			if item != (noValue{}) {
				list = append(list, item)
			}
		}
		return list, nil
	case map[string]any:
		if isIntrinsic(value) {
			if value["Ref"] == "AWS::NoValue" {
				return noValue{}, nil
			}
			return r.evaluate(value)
		}
		object := map[string]any{}
		for _, field := range slices.Sorted(maps.Keys(value)) {
			item, err := r.nested(value[field])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", field, err)
			}
			if item != (noValue{}) {
				object[field] = item
			}
		}
		return object, nil
	}
	return value, nil
}

func isIntrinsic(object map[string]any) bool {
	for field := range object {
		return len(object) == 1 && (field == "Ref" || strings.HasPrefix(field, "Fn::"))
	}
	return false
}
