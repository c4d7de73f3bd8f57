package assembly

import (
	"encoding/json"
	"errors"
)

// Topic is an AWS::SNS::Topic.
type Topic struct {
	Name string
	ARN  string
	// Key is the ARN of the KMS key that encrypts its messages, empty where none does or AWS's own.
	Key string
}

// Queue is an AWS::SQS::Queue.
type Queue struct {
	Name string
	ARN  string
	// Key is the ARN of the KMS key that encrypts its messages, empty where SQS or AWS's own key does.
	Key string
}

// Bus is an AWS::Events::EventBus. The default bus of the account is no resource of a template.
type Bus struct {
	Name string
	ARN  string
}

// EventRule is an AWS::Events::Rule that is enabled.
type EventRule struct {
	Name string
	ARN  string
	// Bus is the name of its bus.
	Bus string
	// Pattern is its event pattern, null for a rule that has a schedule.
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
	Pattern json.RawMessage
	Targets []EventTarget
}

// EventTarget is where a rule's events go.
type EventTarget struct {
	ID  string `json:"Id"`
	ARN string `json:"Arn"`
	// Role is the ARN of the role that the target is called with, empty where the target's own policy lets EventBridge in.
	Role string `json:"RoleArn"`
	// Input is what the target gets in the event's place, InputPath which part of the event it gets; both empty give it
	// the whole. InputTransformer makes another text of the event.
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
	Input            string
	InputPath        string
	InputTransformer *InputTransformer
	DeadLetterConfig struct {
		ARN string `json:"Arn"`
	}
}

// InputTransformer is the input of an [EventTarget] as made from parts of the event.
type InputTransformer struct {
	InputPathsMap map[string]string
	InputTemplate string
}

// DefaultBus is the name of the bus that every account has.
const DefaultBus = "default"

func (a *Assembly) addTopic(r *resolver, id string, resource resource) error {
	var key string
	fault := r.properties(resource, map[string]any{"KmsMasterKeyId": &key})
	name, err := r.names.of(r.stack, id)
	a.Topics = append(a.Topics, Topic{Name: name, ARN: r.arn(typeTopic, name), Key: r.key(key)})
	return errors.Join(fault, err)
}

func (a *Assembly) addQueue(r *resolver, id string, resource resource) error {
	var key string
	fault := r.properties(resource, map[string]any{"KmsMasterKeyId": &key})
	name, err := r.names.of(r.stack, id)
	a.Queues = append(a.Queues, Queue{Name: name, ARN: r.arn(typeQueue, name), Key: r.key(key)})
	return errors.Join(fault, err)
}

func (a *Assembly) addBus(r *resolver, id string, resource resource) error {
	var policy json.RawMessage
	fault := r.properties(resource, map[string]any{"Policy": &policy})
	name, err := r.names.of(r.stack, id)
	bus := Bus{Name: name, ARN: r.arn(typeBus, name)}
	a.Buses = append(a.Buses, bus)
	if policy != nil {
		a.ResourcePolicies = append(a.ResourcePolicies, ResourcePolicy{Resource: bus.ARN, Document: Document{Name: id, JSON: policy}})
	}
	return errors.Join(fault, err)
}

func (a *Assembly) addEventRule(r *resolver, id string, resource resource) error {
	var state string
	rule := EventRule{Bus: DefaultBus}
	fault := r.properties(resource, map[string]any{
		"State": &state, "EventBusName": &rule.Bus, "EventPattern": &rule.Pattern, "Targets": &rule.Targets,
	})
	if state == "DISABLED" {
		return nil
	}
	name, err := r.names.of(r.stack, id)
	rule.Name, rule.ARN = name, r.arn(typeEventRule, name)
	a.EventRules = append(a.EventRules, rule)
	return errors.Join(fault, err)
}
