package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Principal is who makes a request: a role, by its ARN, or a service that acts for itself, by its name, for
// example scheduler.amazonaws.com. One of both is set.
type Principal struct {
	Role    string
	Service string
}

func (p Principal) String() string {
	if p.Service != "" {
		return p.Service
	}
	return p.Role[strings.LastIndexByte(p.Role, '/')+1:]
}

// principals are the values of a statement's Principal or NotPrincipal.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
type principals struct {
	not      bool
	everyone bool
	// roles and users are ARNs; accounts are ids.
	roles, accounts, services []string
}

// naming is how a statement names a principal.
type naming int

const (
	unnamed naming = iota
	// byAccount is the account: the statement delegates to the policies of its roles, and allows nothing by itself.
	byAccount
	byItself
)

func readPrincipals(named, not json.RawMessage, allow bool) (*principals, error) {
	p := &principals{}
	element := named
	if not != nil {
		element, p.not = not, true
	}
	switch {
	case (named == nil) == (not == nil):
		return nil, errors.New("want either Principal or NotPrincipal")
	case p.not && allow:
		return nil, errors.New("NotPrincipal with Allow is not evaluated: it would allow everyone else there is")
	}
	if string(element) == `"*"` {
		p.everyone = true
		return p, nil
	}
	var kinds map[string]oneOrMany[string]
	if err := decode(element, &kinds); err != nil {
		return nil, fmt.Errorf("Principal: %w", err)
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		switch kind {
		case "AWS":
			for _, value := range kinds[kind] {
				if err := p.add(value); err != nil {
					return nil, err
				}
			}
		case "Service":
			p.services = append(p.services, kinds[kind]...)
		case "Federated", "CanonicalUser": // No caller of a local run is one.
		default:
			return nil, fmt.Errorf("Principal %s: want AWS, Service, Federated or CanonicalUser", kind)
		}
	}
	return p, nil
}

func (p *principals) add(value string) error {
	parts := strings.SplitN(value, ":", arnParts)
	switch {
	case value == "*":
		p.everyone = true
	case len(parts) == 1 && len(value) == accountDigits && strings.Trim(value, "0123456789") == "":
		p.accounts = append(p.accounts, value)
	case strings.ContainsAny(value, "*?"):
		return fmt.Errorf("Principal %q: no wildcard stands in it but * alone", value)
	case len(parts) != arnParts || parts[0] != "arn":
		return fmt.Errorf("Principal %q: want *, an account or an ARN", value)
	case parts[2] == "iam" && parts[5] == "root":
		p.accounts = append(p.accounts, parts[4])
	case parts[2] == "iam":
		p.roles = append(p.roles, value)
	default:
		return fmt.Errorf("Principal %q: the name of a session is not known, name its role", value)
	}
	return nil
}

const accountDigits = 12

// name returns how the element names a principal of account. For NotPrincipal it is byItself for who is not exempt; a role
// is exempt only where its account is too.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
func (p *principals) name(who Principal, account string) naming {
	itself := p.everyone || who.Service != "" && slices.Contains(p.services, who.Service) ||
		who.Role != "" && slices.Contains(p.roles, who.Role)
	through := who.Role != "" && slices.Contains(p.accounts, account)
	switch {
	case p.not && (p.everyone || who.Service != "" && itself || itself && through):
		return unnamed
	case p.not, itself:
		return byItself
	case through:
		return byAccount
	}
	return unnamed
}
