package iam

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Role is a role with everything that bounds what it may do.
type Role struct {
	ARN  string
	Name string
	// Policies are its own and those attached to it.
	Policies []*Policy
	// Boundary is its permissions boundary; nil where it has none.
	Boundary *Policy
	// Trust says who may assume it; nil lets nobody.
	Trust *Policy
	// Elsewhere are the ARNs of attached policies that no template holds. They allow nothing here; a refusal names them.
	Elsewhere []string
}

// Account is the roles of an account and the policies of its resources. Its methods may be called from several goroutines
// at once, once everything has been added.
type Account struct {
	id        string
	roles     map[string]*Role
	resources map[string][]*Policy

	mutex sync.Mutex // guards the counts of uses
}

// NewAccount returns an account without a role or resource.
func NewAccount(id string) *Account {
	return &Account{id: id, roles: map[string]*Role{}, resources: map[string][]*Policy{}}
}

// AddRole makes a role known.
func (a *Account) AddRole(r *Role) { a.roles[r.ARN] = r }

// AddResourcePolicy puts a policy on the resource with an ARN.
func (a *Account) AddResourcePolicy(arn string, p *Policy) {
	a.resources[arn] = append(a.resources[arn], p)
}

// Request is one call.
type Request struct {
	Principal Principal
	// Action is what is called, for example s3:PutObject.
	Action string
	// Resource is the ARN of what it is called on, or * for an action that is not called on a resource.
	Resource string
	Context  Context
}

// Decision says whether a request is allowed, and why.
type Decision struct {
	Allowed bool
	// Reason names the statement that decided, or says that there is none.
	Reason string
}

// Decide decides a request, and counts what allowed it.
//
// An explicit deny wins, wherever it stands. Otherwise the request needs an allow of the role's own policies or of the
// resource's, and one of the permissions boundary where the role has one. A statement that names the account
// delegates to the role's own policies, so it allows nothing by itself; only for a key and for who may assume a
// role must the resource's policy allow too (https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html).
// A service has no policies of its own. A boundary also bounds what a resource's policy allows everyone: the
// sessions of roles are not named one by one here.
func (a *Account) Decide(r Request) Decision {
	role := a.roles[r.Principal.Role]
	if r.Principal.Service == "" && role == nil {
		return Decision{Reason: "no template has this role"}
	}
	asked := &asking{Request: r, account: a.id}
	onResource, known := a.policiesOf(r.Resource)
	resource := asked.of(onResource)
	var identity, boundary findings
	if role != nil {
		identity = asked.of(role.Policies)
		if role.Boundary != nil {
			boundary = asked.of([]*Policy{role.Boundary})
		}
	}
	for _, f := range []findings{identity, boundary, resource} {
		if f.refusal != "" {
			return Decision{Reason: f.refusal}
		}
	}
	if role == nil {
		return Decision{Allowed: resource.byItself != "", Reason: cmp.Or(resource.byItself, "no statement of the resource's policy allows it")}
	}
	allowed := cmp.Or(identity.byItself, resource.byItself)
	if gated(r.Action) && known {
		allowed = resource.byItself
		if resource.byAccount != "" {
			allowed = cmp.Or(allowed, identity.byItself)
		}
	}
	switch {
	case allowed == "" && gated(r.Action) && known && identity.byItself != "":
		return Decision{Reason: "no statement of the resource's policy allows it, as it must beside the role's own"}
	case allowed == "":
		return Decision{Reason: "no statement of the role's policies or of the resource's allows it" + role.elsewhere()}
	case role.Boundary != nil && boundary.byItself == "":
		return Decision{Reason: "no statement of " + role.Boundary.name + ", its permissions boundary, allows it"}
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for _, use := range identity.uses {
		use.statement.uses[use.grant]++
	}
	return Decision{Allowed: true, Reason: allowed}
}

// elsewhere says which policies may allow what the template does not show.
func (r *Role) elsewhere() string {
	if len(r.Elsewhere) == 0 {
		return ""
	}
	return "; its policies " + strings.Join(r.Elsewhere, ", ") + " stand in no template, so that they are not known here"
}

// gated reports whether the policy of the resource must allow an action whatever the role's own policies say.
func gated(action string) bool {
	return strings.HasPrefix(strings.ToLower(action), "kms:") || strings.EqualFold(action, assumeRole)
}

const assumeRole = "sts:AssumeRole"

// policiesOf returns the policies of a resource: for a role its trust policy, for an object that of its bucket. It is false
// where none is known.
func (a *Account) policiesOf(arn string) ([]*Policy, bool) {
	if role := a.roles[arn]; role != nil {
		if role.Trust == nil {
			return nil, true
		}
		return []*Policy{role.Trust}, true
	}
	if strings.HasPrefix(arn, "arn:aws:s3:::") {
		arn, _, _ = strings.Cut(arn, "/")
	}
	policies, known := a.resources[arn]
	return policies, known
}

// asking is one request under evaluation.
type asking struct {
	Request
	account string
}

// findings are what a group of policies says to a request.
type findings struct {
	// refusal says which statement denies it, or cannot be evaluated.
	refusal string
	// byItself and byAccount name a statement that allows it, by how that names the principal; those of a role
	// name no principal, and allow by themselves.
	byItself, byAccount string
	uses                []use
}

type use struct {
	statement *statement
	grant     grant
}

func (q *asking) of(policies []*Policy) findings {
	var f findings
	for _, p := range policies {
		if p.fault != nil {
			f.refusal = cmp.Or(f.refusal, fmt.Sprintf("%s is not understood: %v", p.name, p.fault))
			continue
		}
		for _, s := range p.statements {
			named, grants, err := q.applies(s)
			what := fmt.Sprintf("%s of %s", s.label, p.name)
			switch {
			case err != nil:
				f.refusal = cmp.Or(f.refusal, fmt.Sprintf("%s cannot be evaluated: %v", what, err))
			case named == unnamed:
			case !s.allow:
				// A deny that names the account denies all of it.
				f.refusal = cmp.Or(f.refusal, what+" denies it")
			case named == byAccount:
				f.byAccount = cmp.Or(f.byAccount, what+" allows it")
			default:
				f.byItself = cmp.Or(f.byItself, what+" allows it")
				for _, g := range grants {
					f.uses = append(f.uses, use{s, g})
				}
			}
		}
	}
	return f
}

// applies returns how a statement names the principal of the request, and the pairs of its actions and resources by which
// it applies; unnamed where it does not.
func (q *asking) applies(s *statement) (naming, []grant, error) {
	named := byItself
	if s.principals != nil {
		named = s.principals.name(q.Principal, q.account)
	}
	if named == unnamed {
		return unnamed, nil, nil
	}
	action := strings.ToLower(q.Action)
	actions := s.actions.matching(func(pattern string) bool { return matchText(pattern, action) })
	if actions == nil {
		return unnamed, nil, nil
	}
	resources := s.resources.matching(func(pattern string) bool { return matchResource(pattern, q.Resource) })
	if resources == nil {
		return unnamed, nil, nil
	}
	for _, c := range s.conditions {
		holds, err := c.holds(q.Context)
		if err != nil {
			return unnamed, nil, err
		}
		if !holds {
			return unnamed, nil, nil
		}
	}
	var grants []grant
	for _, action := range actions {
		for _, resource := range resources {
			grants = append(grants, grant{action, resource})
		}
	}
	return named, grants, nil
}

// Permission is one pair of an action and a resource that a role is allowed, and how often it was used.
type Permission struct {
	// Role is the role's name; Sid that of the statement, or where it has none its place and its policy's name.
	Role     string `json:"role"`
	Sid      string `json:"sid"`
	Action   string `json:"action"`
	Resource string `json:"resource"`
	Uses     int    `json:"uses"`
}

// Permissions returns every permission of every role, in order.
func (a *Account) Permissions() []Permission {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	var all []Permission
	for _, role := range a.roles {
		for _, p := range role.Policies {
			for _, s := range p.statements {
				if !s.allow {
					continue
				}
				for _, action := range s.actions.shown {
					for _, resource := range s.resources.shown {
						all = append(all, Permission{role.Name, s.named(p), action, resource, s.uses[grant{action, resource}]})
					}
				}
			}
		}
	}
	slices.SortFunc(all, func(x, y Permission) int {
		return cmp.Or(cmp.Compare(x.Role, y.Role), cmp.Compare(x.Sid, y.Sid), cmp.Compare(x.Action, y.Action), cmp.Compare(x.Resource, y.Resource), cmp.Compare(y.Uses, x.Uses))
	})
	// Where two policies say the same, one use is a use of both.
	return slices.CompactFunc(all, func(x, y Permission) bool {
		return x.Role == y.Role && x.Sid == y.Sid && x.Action == y.Action && x.Resource == y.Resource
	})
}

func (s *statement) named(p *Policy) string { return cmp.Or(s.sid, s.label+" of "+p.name) }
