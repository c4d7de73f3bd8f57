package assembly

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	properties := json.RawMessage("{}")
	if raw := r.stack.template.Resources[id].Properties; raw != nil {
		if properties, err = r.whole(raw); err != nil {
			return Resource{}, err
		}
	}
	return Resource{Stack: r.stack.name, LogicalID: id, Type: kind, Name: name, ARN: r.arn(kind, name), Properties: properties}, nil
}
