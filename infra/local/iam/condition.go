package iam

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Context is what is known of a request, by condition key. A key without a value is known to be absent from the request; a key
// that is not there at all is not known, and a condition on it cannot be evaluated. Keys are found whatever their case.
type Context map[string][]string

func (c Context) lookup(key string) (values []string, known bool) {
	if values, known = c[key]; known {
		return values, true
	}
	for name, values := range c {
		if strings.EqualFold(name, key) {
			return values, true
		}
	}
	return nil, false
}

// condition is one key of one operator of a Condition element. See
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html.
type condition struct {
	operator
	// written is the operator as it is written.
	written  string
	quantity quantity
	ifExists bool
	key      string
	values   []string
}

// operator compares a value of the request with one of the policy. A negated one holds where none of the policy's
// values matches.
type operator struct {
	match   func(policy, request string) bool
	negated bool
	// check says what is wrong with a value of the policy.
	check func(policy string) error
	// null is the operator that asks only whether the key is there.
	null bool
}

// quantity is how many of a key's values must satisfy a condition.
type quantity string

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
const (
	theOne quantity = ""
	forAll quantity = "ForAllValues"
	forAny quantity = "ForAnyValue"
)

const ifExists = "IfExists"

var operators = map[string]operator{
	"StringEquals":              {match: func(p, r string) bool { return p == r }},
	"StringNotEquals":           {match: func(p, r string) bool { return p == r }, negated: true},
	"StringEqualsIgnoreCase":    {match: strings.EqualFold},
	"StringNotEqualsIgnoreCase": {match: strings.EqualFold, negated: true},
	"StringLike":                {match: matchText},
	"StringNotLike":             {match: matchText, negated: true},
	"ArnEquals":                 {match: matchARN},
	"ArnNotEquals":              {match: matchARN, negated: true},
	"ArnLike":                   {match: matchARN},
	"ArnNotLike":                {match: matchARN, negated: true},
	"Bool":                      {match: strings.EqualFold, check: boolean},
	"Null":                      {check: boolean, null: true},
	"NumericEquals":             {match: numeric(func(p, r float64) bool { return r == p }), check: number},
	"NumericNotEquals":          {match: numeric(func(p, r float64) bool { return r == p }), check: number, negated: true},
	"NumericLessThan":           {match: numeric(func(p, r float64) bool { return r < p }), check: number},
	"NumericLessThanEquals":     {match: numeric(func(p, r float64) bool { return r <= p }), check: number},
	"NumericGreaterThan":        {match: numeric(func(p, r float64) bool { return r > p }), check: number},
	"NumericGreaterThanEquals":  {match: numeric(func(p, r float64) bool { return r >= p }), check: number},
}

// numeric compares numbers; a value of the request that is none matches nothing.
func numeric(holds func(policy, request float64) bool) func(policy, request string) bool {
	return func(policy, request string) bool {
		p, _ := strconv.ParseFloat(policy, 64)
		r, err := strconv.ParseFloat(request, 64)
		return err == nil && holds(p, r)
	}
}

func number(value string) error {
	if _, err := strconv.ParseFloat(value, 64); err != nil {
		return fmt.Errorf("value %q: want a number", value)
	}
	return nil
}

func boolean(value string) error {
	if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
		return fmt.Errorf("value %q: want true or false", value)
	}
	return nil
}

func readConditions(element map[string]map[string]oneOrMany[scalar]) ([]condition, error) {
	var all []condition
	for _, written := range slices.Sorted(maps.Keys(element)) {
		for _, key := range slices.Sorted(maps.Keys(element[written])) {
			c := condition{written: written, key: key}
			for _, value := range element[written][key] {
				c.values = append(c.values, string(value))
			}
			if err := c.read(); err != nil {
				return nil, fmt.Errorf("Condition %s, %s: %w", written, key, err)
			}
			all = append(all, c)
		}
	}
	return all, nil
}

func (c *condition) read() error {
	name := c.written
	if set, rest, ok := strings.Cut(name, ":"); ok {
		name, c.quantity = rest, quantity(set)
		if c.quantity != forAll && c.quantity != forAny {
			return fmt.Errorf("%s is not evaluated, only %s and %s", set, forAll, forAny)
		}
	}
	name, c.ifExists = strings.CutSuffix(name, ifExists)
	known := false
	if c.operator, known = operators[name]; !known {
		return fmt.Errorf("this operator is not evaluated, only %s", strings.Join(slices.Sorted(maps.Keys(operators)), ", "))
	}
	if c.null && (c.ifExists || c.quantity != theOne) {
		return fmt.Errorf("Null stands without %s, %s and %s", ifExists, forAll, forAny)
	}
	if len(c.values) == 0 {
		return fmt.Errorf("want at least one value")
	}
	for _, value := range c.values {
		if strings.Contains(value, "${") {
			return fmt.Errorf("value %q: policy variables are not evaluated", value)
		}
		if c.check != nil {
			if err := c.check(value); err != nil {
				return err
			}
		}
	}
	return nil
}

// holds reports whether the request satisfies the condition. Its error says why that is not known.
func (c condition) holds(of Context) (bool, error) {
	given, known := of.lookup(c.key)
	if !known {
		return false, fmt.Errorf("the condition key %s is not known of this request", c.key)
	}
	switch {
	case c.null:
		absent := strconv.FormatBool(len(given) == 0)
		return slices.ContainsFunc(c.values, func(wanted string) bool { return strings.EqualFold(wanted, absent) }), nil
	case len(given) == 0:
		return c.ifExists || c.quantity == forAll || c.negated && c.quantity == theOne, nil
	case c.quantity == forAll:
		return !slices.ContainsFunc(given, func(value string) bool { return !c.satisfiedBy(value) }), nil
	case c.quantity == forAny:
		return slices.ContainsFunc(given, c.satisfiedBy), nil
	case len(given) > 1:
		return false, fmt.Errorf("the condition key %s has %d values: %s asks for one, want %s or %s before it", c.key, len(given), c.written, forAll, forAny)
	}
	return c.satisfiedBy(given[0]), nil
}

func (c condition) satisfiedBy(value string) bool {
	matched := slices.ContainsFunc(c.values, func(wanted string) bool { return c.match(wanted, value) })
	return matched != c.negated
}
