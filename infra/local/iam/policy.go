// Package iam decides whether a call is allowed, as IAM does within one account: by the policies of the calling role,
// its permissions boundary and the policy of the resource that is called. It also counts what was used of each
// permission, so that what never is can be taken away.
//
// It stands apart as a pure function of documents and requests: what a request is called, and which condition keys
// it carries, is decided by whoever stands in front of a service. The logic is that of
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html, the language that of
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html. What of it is not evaluated
// here (policy variables, operators on dates, addresses and bytes, condition keys that a request does not carry) refuses the
// request with the reason, so that nothing is ever allowed unseen.
//
// Service and resource control policies, session policies and other accounts are not evaluated: no template holds them.
package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Kind says where a policy stands, and so which elements its statements have.
type Kind int

const (
	// Identity is the policy of a role, or a permissions boundary: its statements name no principal.
	Identity Kind = iota
	// Resource is the policy of a bucket, topic, queue, key, secret or bus: its statements name principals.
	Resource
	// Trust says who may assume a role: its statements name principals, and no resource.
	Trust
)

// Policy is a policy document that was read.
type Policy struct {
	name       string
	statements []*statement
	fault      error
}

// statement is one statement of a policy. Its grants are the pairs of an action and a resource that it allows.
type statement struct {
	// label names the statement in words: its Sid, or its place.
	label      string
	sid        string
	allow      bool
	principals *principals
	actions    patterns
	resources  patterns
	conditions []condition
	uses       map[grant]int
}

type grant struct{ action, resource string }

// Parse reads a policy document whose intrinsic functions are resolved. Name is what the policy is called in reasons, for
// example "the policy Permissions of the role Ingest". A document that is not understood makes a policy that refuses every
// request; see [Policy.Err].
func Parse(kind Kind, name string, document []byte) *Policy {
	p := &Policy{name: name}
	if err := p.read(kind, document); err != nil {
		return Unread(name, err)
	}
	return p
}

// Unread is a policy that could not be read: it refuses every request, with the fault as the reason.
func Unread(name string, fault error) *Policy { return &Policy{name: name, fault: fault} }

// Err says what in the document is not understood.
func (p *Policy) Err() error {
	if p.fault == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", p.name, p.fault)
}

func (p *Policy) read(kind Kind, document []byte) error {
	var d struct {
		Version   string
		Id        string
		Statement oneOrMany[json.RawMessage]
	}
	if err := decode(document, &d); err != nil {
		return err
	}
	switch d.Version {
	case "2012-10-17", "2008-10-17", "":
	default:
		return fmt.Errorf("Version is %q: want 2012-10-17", d.Version)
	}
	if len(d.Statement) == 0 {
		return errors.New("it has no Statement")
	}
	for i, raw := range d.Statement {
		s, err := readStatement(kind, raw)
		s.label = fmt.Sprintf("statement %d", i+1)
		if s.sid != "" {
			s.label = "statement " + s.sid
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.label, err)
		}
		p.statements = append(p.statements, s)
	}
	return nil
}

// readStatement returns the statement as far as it was read, so that a fault in it can name it.
func readStatement(kind Kind, raw json.RawMessage) (*statement, error) {
	var d struct {
		Sid          string
		Effect       string
		Principal    json.RawMessage
		NotPrincipal json.RawMessage
		Action       oneOrMany[string]
		NotAction    oneOrMany[string]
		Resource     oneOrMany[string]
		NotResource  oneOrMany[string]
		Condition    map[string]map[string]oneOrMany[scalar]
	}
	err := decode(raw, &d)
	s := &statement{sid: d.Sid, uses: map[grant]int{}}
	if err != nil {
		return s, err
	}
	switch d.Effect {
	case "Allow":
		s.allow = true
	case "Deny":
	default:
		return s, fmt.Errorf("Effect is %q: want Allow or Deny", d.Effect)
	}
	if s.actions, err = either("Action", d.Action, d.NotAction); err != nil {
		return s, err
	}
	for i, action := range s.actions.list {
		s.actions.list[i] = strings.ToLower(action)
	}
	if kind == Trust {
		if d.Resource != nil || d.NotResource != nil {
			return s, errors.New("a trust policy has no Resource")
		}
		s.resources = patterns{list: []string{"*"}, shown: []string{"*"}}
	} else {
		if s.resources, err = either("Resource", d.Resource, d.NotResource); err != nil {
			return s, err
		}
		for _, resource := range s.resources.list {
			if err := checkResource(resource); err != nil {
				return s, err
			}
		}
	}
	switch {
	case kind == Identity && (d.Principal != nil || d.NotPrincipal != nil):
		return s, errors.New("the policy of a role names no Principal")
	case kind != Identity:
		if s.principals, err = readPrincipals(d.Principal, d.NotPrincipal, s.allow); err != nil {
			return s, err
		}
	}
	s.conditions, err = readConditions(d.Condition)
	return s, err
}

func checkResource(pattern string) error {
	switch {
	case strings.Contains(pattern, "${"):
		return fmt.Errorf("Resource %q: policy variables are not evaluated", pattern)
	case pattern != "*" && !strings.HasPrefix(pattern, "arn:"):
		return fmt.Errorf("Resource %q: want * or an ARN", pattern)
	}
	return nil
}

// patterns are the values of Action or NotAction, Resource or NotResource.
type patterns struct {
	list []string
	// shown are the values as they are written.
	shown []string
	not   bool
}

func either(element string, values, not oneOrMany[string]) (patterns, error) {
	p := patterns{list: values}
	if not != nil {
		p = patterns{list: not, not: true}
	}
	if (values == nil) == (not == nil) || len(p.list) == 0 {
		return p, fmt.Errorf("want either %s or Not%s, with at least one value", element, element)
	}
	p.shown = append([]string(nil), p.list...)
	if p.not {
		p.shown = []string{"all but " + strings.Join(p.list, ", ")}
	}
	return p, nil
}

// matching returns the values, as they are written, by which the element matches; none where it does not.
func (p patterns) matching(matches func(pattern string) bool) []string {
	var found []string
	for i, pattern := range p.list {
		switch {
		case !matches(pattern):
		case p.not:
			return nil
		default:
			found = append(found, p.shown[i])
		}
	}
	if p.not {
		return p.shown
	}
	return found
}

// oneOrMany is a list whose only value may stand without brackets.
type oneOrMany[T any] []T

func (l *oneOrMany[T]) UnmarshalJSON(content []byte) error {
	var many []T
	if bytes.HasPrefix(content, []byte("[")) {
		if err := decode(content, &many); err != nil {
			return err
		}
		if many == nil {
			many = []T{}
		}
		*l = many
		return nil
	}
	var one T
	if err := decode(content, &one); err != nil {
		return err
	}
	*l = []T{one}
	return nil
}

// scalar is a value of a condition: text, a number as written, or a boolean.
type scalar string

func (s *scalar) UnmarshalJSON(content []byte) error {
	switch {
	case len(content) > 0 && content[0] == '"':
		return json.Unmarshal(content, (*string)(s))
	case len(content) > 0 && (content[0] == '{' || content[0] == '['), string(content) == "null":
		return fmt.Errorf("value %s: want text, a number or a boolean", content)
	}
	*s = scalar(content)
	return nil
}

// decode reads one JSON value, and refuses fields that are not known: an element that is not evaluated could change
// what a statement means.
func decode(content []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more follows on the JSON value")
	}
	return nil
}
