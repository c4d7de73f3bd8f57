package events

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Matches reports whether an event pattern matches an event: every field of the pattern must be in the event, with one of
// the values that it lists. Of the operators it knows prefix, suffix, exists, anything-but and equals-ignore-case; its error
// names another one. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
func Matches(pattern json.RawMessage, e Event) (bool, error) {
	content, err := json.Marshal(e)
	if err != nil {
		return false, err
	}
	var fields map[string]any
	var event any
	if err := json.Unmarshal(pattern, &fields); err != nil {
		return false, fmt.Errorf("the event pattern %s is not a JSON object: %w", pattern, err)
	}
	if err := json.Unmarshal(content, &event); err != nil {
		return false, err
	}
	return matchesFields(fields, event)
}

func matchesFields(pattern map[string]any, event any) (bool, error) {
	object, _ := event.(map[string]any)
	for name, wanted := range pattern {
		value, there := object[name]
		var matches bool
		var err error
		switch wanted := wanted.(type) {
		case map[string]any:
			matches, err = matchesFields(wanted, value)
		case []any:
			matches, err = matchesAny(wanted, value, there)
		default:
			err = fmt.Errorf("want a list of values, or an object, as the pattern of %s", name)
		}
		if err != nil || !matches {
			return false, err
		}
	}
	return true, nil
}

// matchesAny reports whether a value, or an element of it where it is a list, is one of those wanted.
func matchesAny(wanted []any, value any, there bool) (bool, error) {
	values, isList := value.([]any)
	if !isList {
		values = []any{value}
	}
	for _, want := range wanted {
		operator, isOperator := want.(map[string]any)
		if !isOperator {
			for _, v := range values {
				if there && v == want {
					return true, nil
				}
			}
			continue
		}
		for name, argument := range operator {
			if name == "exists" {
				if argument == there {
					return true, nil
				}
				continue
			}
			for _, v := range values {
				matches, err := matchesOperator(name, argument, v)
				if err != nil {
					return false, err
				}
				if there && matches {
					return true, nil
				}
			}
		}
	}
	return false, nil
}

func matchesOperator(name string, argument, value any) (bool, error) {
	text, isText := value.(string)
	part, _ := argument.(string)
	switch name {
	case "prefix":
		return isText && strings.HasPrefix(text, part), nil
	case "suffix":
		return isText && strings.HasSuffix(text, part), nil
	case "equals-ignore-case":
		return isText && strings.EqualFold(text, part), nil
	case "anything-but":
		barred, isList := argument.([]any)
		if !isList {
			barred = []any{argument}
		}
		for _, b := range barred {
			if b == value {
				return false, nil
			}
		}
		return true, nil
	}
	return false, fmt.Errorf("the operator %s of an event pattern cannot be run locally, only prefix, suffix, exists, anything-but and equals-ignore-case", name)
}
