package assembly

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// Document is a policy document with its intrinsic functions resolved.
type Document struct {
	// Name is the policy's name, or the logical id of the resource that holds it.
	Name string
	JSON json.RawMessage
	// Fault says why the document could not be resolved; JSON is then empty. It is kept, and not told at once, since a
	// role that nothing on this machine uses does not keep anything from running.
	Fault error
}

// Role is an AWS::IAM::Role with the policies that stand in it and those attached to it.
type Role struct {
	Name string
	ARN  string
	// Trust says who may assume it.
	Trust    Document
	Policies []Document
	// Elsewhere are the ARNs of attached policies that no template holds, as AWS's own.
	Elsewhere []string
	// Boundary is the ARN of its permissions boundary, empty where it has none; BoundaryDocument is nil where no template holds it.
	Boundary         string
	BoundaryDocument *Document
}

// ResourcePolicy is the policy of a bucket, topic, queue, secret, key or bus.
type ResourcePolicy struct {
	// Resource is the ARN of what it stands on.
	Resource string
	Document Document
}

// attachments are policies that belong to resources elsewhere in the templates, or in other stacks.
type attachments struct {
	// toRoles are by the names of the roles; managed are by their ARNs.
	toRoles map[string][]Document
	managed map[string]Document
	// asked are the ARNs of the managed policies that a role attaches by itself, by the role's name.
	asked map[string][]string
}

// add takes note of a resource where it is a role or holds a policy.
func (t *attachments) add(r *resolver, id string, a *Assembly) error {
	if t.toRoles == nil {
		t.toRoles, t.managed, t.asked = map[string][]Document{}, map[string]Document{}, map[string][]string{}
	}
	resource := r.stack.template.Resources[id]
	switch resource.Type {
	case typeRole:
		return t.addRole(r, id, a)
	case typePolicy:
		var roles []string
		err := r.properties(resource, map[string]any{"Roles": &roles})
		for _, role := range roles {
			t.toRoles[role] = append(t.toRoles[role], r.document(id, resource, "PolicyDocument"))
		}
		return err
	case typeManagedPolicy:
		var roles []string
		err := r.properties(resource, map[string]any{"Roles": &roles})
		name, fault := r.names.of(r.stack, id)
		document := r.document(name, resource, "PolicyDocument")
		t.managed[r.arn(typeManagedPolicy, name)] = document
		for _, role := range roles {
			t.toRoles[role] = append(t.toRoles[role], document)
		}
		return errors.Join(err, fault)
	}
	return t.addResourcePolicy(r, id, a)
}

func (t *attachments) addResourcePolicy(r *resolver, id string, a *Assembly) error {
	resource := r.stack.template.Resources[id]
	var one string
	var many []string
	element := "PolicyDocument"
	var err error
	switch resource.Type {
	case typeBucketPolicy:
		err = r.properties(resource, map[string]any{"Bucket": &one})
		many = []string{r.arn(typeBucket, one)}
	case typeTopicPolicy:
		err = r.properties(resource, map[string]any{"Topics": &many})
	case typeQueuePolicy:
		err = r.properties(resource, map[string]any{"Queues": &many})
		for i, url := range many {
			many[i] = r.arn(typeQueue, url[strings.LastIndexByte(url, '/')+1:])
		}
	case typeSecretPolicy:
		element = "ResourcePolicy"
		err = r.properties(resource, map[string]any{"SecretId": &one})
		many = []string{one}
	case typeKey:
		element = "KeyPolicy"
		if properties, err := resource.properties(); err != nil || properties[element] == nil {
			return err // The policy that it then has lets the account's roles be given what they need.
		}
		one, err = r.names.of(r.stack, id)
		many = []string{r.arn(typeKey, one)}
	case typeEventBusPolicy:
		return t.addBusPolicy(r, id, a)
	default:
		return nil
	}
	for _, arn := range many {
		a.ResourcePolicies = append(a.ResourcePolicies, ResourcePolicy{Resource: arn, Document: r.document(id, resource, element)})
	}
	return err
}

// addBusPolicy reads a policy of a bus that holds one statement, which has the id as its Sid.
func (t *attachments) addBusPolicy(r *resolver, id string, a *Assembly) error {
	resource := r.stack.template.Resources[id]
	bus, sid := DefaultBus, id
	err := r.properties(resource, map[string]any{"EventBusName": &bus, "StatementId": &sid})
	document := r.document(id, resource, "Statement")
	if document.Fault == nil {
		document.JSON, document.Fault = json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": document.JSON})
	}
	a.ResourcePolicies = append(a.ResourcePolicies, ResourcePolicy{Resource: r.arn(typeBus, bus), Document: document})
	return err
}

func (t *attachments) addRole(r *resolver, id string, a *Assembly) error {
	resource := r.stack.template.Resources[id]
	name, fault := r.names.of(r.stack, id)
	role := Role{Name: name, ARN: r.arn(typeRole, name), Trust: r.document(id, resource, "AssumeRolePolicyDocument")}
	var attached []string
	err := r.properties(resource, map[string]any{"ManagedPolicyArns": &attached, "PermissionsBoundary": &role.Boundary})
	t.asked[name] = attached
	properties, unread := resource.properties()
	var policies []struct {
		PolicyName     json.RawMessage
		PolicyDocument json.RawMessage
	}
	if raw := properties["Policies"]; raw != nil {
		unread = json.Unmarshal(raw, &policies)
	}
	for _, policy := range policies {
		policyName, err := r.text(policy.PolicyName)
		if err != nil {
			return err
		}
		role.Policies = append(role.Policies, r.resolved(policyName, policy.PolicyDocument))
	}
	a.Roles = append(a.Roles, role)
	return errors.Join(fault, err, unread)
}

// attach gives the roles what was found for them, once all stacks are read.
func (t *attachments) attach(roles []Role) {
	for i := range roles {
		role := &roles[i]
		role.Policies = append(role.Policies, t.toRoles[role.Name]...)
		for _, arn := range t.asked[role.Name] {
			document, ok := t.managed[arn]
			switch {
			case !ok:
				role.Elsewhere = append(role.Elsewhere, arn)
			case !slices.ContainsFunc(role.Policies, func(d Document) bool { return d.Name == document.Name }):
				role.Policies = append(role.Policies, document)
			}
		}
		if document, ok := t.managed[role.Boundary]; ok {
			role.BoundaryDocument = &document
		}
	}
}

// document resolves the policy document that a property of a resource holds.
func (r *resolver) document(name string, resource resource, property string) Document {
	properties, err := resource.properties()
	if err != nil {
		return Document{Name: name, Fault: err}
	}
	if properties[property] == nil {
		return Document{Name: name, Fault: errors.New(property + " is missing")}
	}
	return r.resolved(name, properties[property])
}

func (r *resolver) resolved(name string, raw json.RawMessage) Document {
	content, err := r.whole(raw)
	return Document{Name: name, JSON: content, Fault: err}
}
