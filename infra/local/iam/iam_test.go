package iam

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const (
	account = "000000000000"
	reader  = "arn:aws:iam::000000000000:role/Reader"
	bucket  = "arn:aws:s3:::lake"
)

// statements is a document of statements.
func statements(list ...string) []byte {
	return []byte(`{"Version":"2012-10-17","Statement":[` + strings.Join(list, ",") + `]}`)
}

func TestDecide(t *testing.T) {
	t.Parallel()
	const get = `{"Sid":"Get","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::lake/a/*"}`
	object := Request{Principal: Principal{Role: reader}, Action: "s3:GetObject", Resource: bucket + "/a/b"}
	on := func(change func(*Request)) Request {
		r := object
		change(&r)
		return r
	}
	tests := []struct {
		name                         string
		identity, boundary, resource []string
		// at is what the resource's policy stands on; the bucket where it is empty.
		at      string
		request Request
		allowed bool
		says    string
	}{
		{name: "allowed by the role", identity: []string{get}, request: object, allowed: true, says: "statement Get of role allows it"},
		{name: "no statement", request: object, says: "no statement of the role's policies or of the resource's allows it"},
		{name: "another action", identity: []string{get}, request: on(func(r *Request) { r.Action = "s3:PutObject" }), says: "no statement"},
		{name: "another resource", identity: []string{get}, request: on(func(r *Request) { r.Resource = bucket + "/b" }), says: "no statement"},
		{name: "actions know no case", identity: []string{get}, request: on(func(r *Request) { r.Action = "S3:getobject" }), allowed: true},
		{name: "resources do", identity: []string{get}, request: on(func(r *Request) { r.Resource = bucket + "/A/b" }), says: "no statement"},
		{name: "a deny wins", identity: []string{get, `{"Sid":"Never","Effect":"Deny","Action":"s3:*","Resource":"*"}`}, request: object,
			says: "statement Never of role denies it"},
		{name: "the deny of a resource wins", identity: []string{get},
			resource: []string{`{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::lake/*"}`}, request: object,
			says: "statement 1 of resource denies it"},
		{name: "a deny of the account", identity: []string{get},
			resource: []string{`{"Effect":"Deny","Principal":{"AWS":"000000000000"},"Action":"s3:*","Resource":"arn:aws:s3:::lake/*"}`}, request: object, says: "denies it"},
		{name: "a deny of another account", identity: []string{get}, allowed: true,
			resource: []string{`{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"s3:*","Resource":"arn:aws:s3:::lake/*"}`}, request: object},
		{name: "allowed by the resource alone",
			resource: []string{`{"Effect":"Allow","Principal":{"AWS":["` + reader + `"]},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::lake/*"]}`}, request: object, allowed: true},
		{name: "the account is not the role",
			resource: []string{`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"s3:*","Resource":"*"}`}, request: object, says: "no statement"},
		{name: "a service is not the role",
			resource: []string{`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"s3:*","Resource":"*"}`}, request: object, says: "no statement"},
		{name: "a service by the resource",
			resource: []string{`{"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com"]},"Action":"s3:*","Resource":"*"}`}, allowed: true,
			request: on(func(r *Request) { r.Principal = Principal{Service: "lambda.amazonaws.com"} })},
		{name: "a service needs the resource", identity: []string{get},
			request: on(func(r *Request) { r.Principal = Principal{Service: "lambda.amazonaws.com"} }), says: "no statement of the resource's policy"},
		{name: "inside the boundary", identity: []string{get}, boundary: []string{`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`}, request: object, allowed: true},
		{name: "outside the boundary", identity: []string{get}, boundary: []string{`{"Effect":"Allow","Action":"sqs:*","Resource":"*"}`}, request: object,
			says: "no statement of boundary, its permissions boundary, allows it"},
		{name: "the boundary allows nothing by itself", boundary: []string{`{"Effect":"Allow","Action":"*","Resource":"*"}`}, request: object, says: "no statement of the role"},
		{name: "the boundary denies", identity: []string{get}, request: object, says: "of boundary denies it",
			boundary: []string{`{"Effect":"Allow","Action":"*","Resource":"*"}`, `{"Effect":"Deny","Action":"s3:Get*","Resource":"*"}`}},
		{name: "the boundary bounds what the resource allows", boundary: []string{`{"Effect":"Allow","Action":"sqs:*","Resource":"*"}`},
			resource: []string{`{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}`}, request: object, says: "its permissions boundary"},
		{name: "NotAction", identity: []string{`{"Effect":"Allow","NotAction":["s3:PutObject"],"Resource":"*"}`}, request: object, allowed: true},
		{name: "NotAction names it", identity: []string{`{"Effect":"Allow","NotAction":["s3:Get*","sqs:*"],"Resource":"*"}`}, request: object, says: "no statement"},
		{name: "NotResource", identity: []string{`{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::lake/b/*"}`}, request: object, allowed: true},
		{name: "NotResource names it", identity: []string{`{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::lake/a/*"}`}, request: object, says: "no statement"},
		{name: "NotPrincipal", identity: []string{get}, request: object, says: "denies it",
			resource: []string{`{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::000000000000:role/Other"},"Action":"s3:*","Resource":"*"}`}},
		{name: "NotPrincipal exempts the role with its account", identity: []string{get}, request: object, allowed: true,
			resource: []string{`{"Effect":"Deny","NotPrincipal":{"AWS":["` + reader + `","000000000000"]},"Action":"s3:*","Resource":"*"}`}},
		{name: "NotPrincipal without the account", identity: []string{get}, request: object, says: "denies it",
			resource: []string{`{"Effect":"Deny","NotPrincipal":{"AWS":["` + reader + `"]},"Action":"s3:*","Resource":"*"}`}},
		{name: "a key by its own policy", at: "arn:aws:kms:::key/1", allowed: true,
			resource: []string{`{"Effect":"Allow","Principal":{"AWS":"` + reader + `"},"Action":"kms:Decrypt","Resource":"*"}`},
			request:  on(func(r *Request) { r.Action, r.Resource = "kms:Decrypt", "arn:aws:kms:::key/1" })},
		{name: "a key by the role, through the account", at: "arn:aws:kms:::key/1", allowed: true,
			identity: []string{`{"Effect":"Allow","Action":"kms:Decrypt","Resource":"arn:aws:kms:::key/1"}`},
			resource: []string{`{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"kms:*","Resource":"*"}`},
			request:  on(func(r *Request) { r.Action, r.Resource = "kms:Decrypt", "arn:aws:kms:::key/1" })},
		{name: "a key by the role alone", at: "arn:aws:kms:::key/1",
			identity: []string{`{"Effect":"Allow","Action":"kms:Decrypt","Resource":"arn:aws:kms:::key/1"}`},
			resource: []string{`{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"kms:Encrypt","Resource":"*"}`},
			request:  on(func(r *Request) { r.Action, r.Resource = "kms:Decrypt", "arn:aws:kms:::key/1" }), says: "as it must beside the role's own"},
		{name: "a key whose policy no template holds", allowed: true,
			identity: []string{`{"Effect":"Allow","Action":"kms:Decrypt","Resource":"arn:aws:kms:::key/2"}`},
			request:  on(func(r *Request) { r.Action, r.Resource = "kms:Decrypt", "arn:aws:kms:::key/2" })},
		{name: "an action on no resource", allowed: true, identity: []string{`{"Effect":"Allow","Action":"xray:Put*","Resource":"*"}`},
			request: on(func(r *Request) { r.Action, r.Resource = "xray:PutTraceSegments", "*" })},
		{name: "an action on no resource needs *", identity: []string{`{"Effect":"Allow","Action":"xray:Put*","Resource":"arn:aws:xray:*"}`},
			request: on(func(r *Request) { r.Action, r.Resource = "xray:PutTraceSegments", "*" }), says: "no statement"},
		{name: "a role that is not there", request: on(func(r *Request) { r.Principal.Role += "2" }), says: "no template has this role"},
		{name: "what is not understood refuses", identity: []string{get, `{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2026-01-01"}}}`},
			request: object, says: "this operator is not evaluated"},
		{name: "a condition key that is not known refuses", request: object,
			identity: []string{get, `{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}}`},
			says:     "statement 2 of role cannot be evaluated: the condition key aws:SourceVpc is not known"},
		{name: "of another action it does not matter", request: object, allowed: true,
			identity: []string{get, `{"Effect":"Deny","Action":"sqs:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}}`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := NewAccount(account)
			role := &Role{ARN: reader, Name: "Reader"}
			if test.identity != nil {
				role.Policies = []*Policy{Parse(Identity, "role", statements(test.identity...))}
			}
			if test.boundary != nil {
				role.Boundary = Parse(Identity, "boundary", statements(test.boundary...))
			}
			a.AddRole(role)
			if test.at == "" {
				test.at = bucket
			}
			if test.resource != nil {
				a.AddResourcePolicy(test.at, Parse(Resource, "resource", statements(test.resource...)))
			}
			decision := a.Decide(test.request)
			if decision.Allowed != test.allowed || !strings.Contains(decision.Reason, test.says) {
				t.Errorf("allowed %t: %q, want %t and %q", decision.Allowed, decision.Reason, test.allowed, test.says)
			}
		})
	}
}

func TestWhoMayAssumeARole(t *testing.T) {
	t.Parallel()
	a := NewAccount(account)
	a.AddRole(&Role{ARN: reader, Name: "Reader", Trust: Parse(Trust, "trust", statements(
		`{"Effect":"Allow","Principal":{"Service":"states.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"000000000000"}}}`))})
	ask := func(service, source string) bool {
		return a.Decide(Request{Principal: Principal{Service: service}, Action: "sts:AssumeRole", Resource: reader, Context: Context{"aws:SourceAccount": {source}}}).Allowed
	}
	if !ask("states.amazonaws.com", account) || ask("states.amazonaws.com", "111111111111") || ask("lambda.amazonaws.com", account) {
		t.Error("the trust policy is not followed")
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		condition string
		context   Context
		holds     bool
		wantErr   string
	}{
		{name: "StringEquals", condition: `"StringEquals":{"k":"a"}`, context: Context{"k": {"a"}}, holds: true},
		{name: "StringEquals another", condition: `"StringEquals":{"k":"a"}`, context: Context{"k": {"b"}}},
		{name: "StringEquals knows case", condition: `"StringEquals":{"k":"a"}`, context: Context{"k": {"A"}}},
		{name: "StringEquals knows no wildcard", condition: `"StringEquals":{"k":"a*"}`, context: Context{"k": {"ab"}}},
		{name: "one of several values", condition: `"StringEquals":{"k":["a","b"]}`, context: Context{"k": {"b"}}, holds: true},
		{name: "a list of one", condition: `"StringEquals":{"k":["a"]}`, context: Context{"k": {"a"}}, holds: true},
		{name: "keys know no case", condition: `"StringEquals":{"AWS:principalARN":"a"}`, context: Context{"aws:PrincipalArn": {"a"}}, holds: true},
		{name: "every key of an operator", condition: `"StringEquals":{"k":"a","l":"b"}`, context: Context{"k": {"a"}, "l": {"c"}}},
		{name: "every operator", condition: `"StringEquals":{"k":"a"},"StringLike":{"k":"b*"}`, context: Context{"k": {"a"}}},
		{name: "an absent key matches nothing", condition: `"StringEquals":{"k":"a"}`, context: Context{"k": nil}},
		{name: "StringNotEquals", condition: `"StringNotEquals":{"k":["a","b"]}`, context: Context{"k": {"c"}}, holds: true},
		{name: "StringNotEquals one of them", condition: `"StringNotEquals":{"k":["a","b"]}`, context: Context{"k": {"b"}}},
		{name: "an absent key is not equal", condition: `"StringNotEquals":{"k":"a"}`, context: Context{"k": nil}, holds: true},
		{name: "StringEqualsIgnoreCase", condition: `"StringEqualsIgnoreCase":{"k":"a"}`, context: Context{"k": {"A"}}, holds: true},
		{name: "StringNotEqualsIgnoreCase", condition: `"StringNotEqualsIgnoreCase":{"k":"a"}`, context: Context{"k": {"A"}}},
		{name: "StringLike", condition: `"StringLike":{"k":"on24/*/part?"}`, context: Context{"k": {"on24/a/b/part1"}}, holds: true},
		{name: "StringLike is anchored", condition: `"StringLike":{"k":"on24/*"}`, context: Context{"k": {"x/on24/a"}}},
		{name: "StringNotLike", condition: `"StringNotLike":{"k":"on24/*"}`, context: Context{"k": {"zoom/a"}}, holds: true},
		{name: "ArnLike", condition: `"ArnLike":{"k":"arn:aws:states:*:000000000000:stateMachine:Run*"}`, context: Context{"k": {"arn:aws:states:us-east-1:000000000000:stateMachine:Runs"}}, holds: true},
		{name: "ArnLike part by part", condition: `"ArnLike":{"k":"arn:aws:states:*:stateMachine:Run*"}`, context: Context{"k": {"arn:aws:states:us-east-1:000000000000:stateMachine:Runs"}}},
		{name: "ArnEquals", condition: `"ArnEquals":{"k":"arn:aws:sqs:a:b:c"}`, context: Context{"k": {"arn:aws:sqs:a:b:c"}}, holds: true},
		{name: "ArnNotEquals", condition: `"ArnNotEquals":{"k":"arn:aws:sqs:a:b:c"}`, context: Context{"k": {"arn:aws:sqs:a:b:c"}}},
		{name: "ArnNotLike", condition: `"ArnNotLike":{"k":"arn:aws:sqs:a:b:*"}`, context: Context{"k": {"arn:aws:sns:a:b:c"}}, holds: true},
		{name: "Bool", condition: `"Bool":{"k":"false"}`, context: Context{"k": {"false"}}, holds: true},
		{name: "Bool without quotes", condition: `"Bool":{"k":false}`, context: Context{"k": {"false"}}, holds: true},
		{name: "Bool the other", condition: `"Bool":{"k":"false"}`, context: Context{"k": {"true"}}},
		{name: "Null, absent", condition: `"Null":{"k":"true"}`, context: Context{"k": nil}, holds: true},
		{name: "Null, there", condition: `"Null":{"k":"true"}`, context: Context{"k": {""}}},
		{name: "Null false, there", condition: `"Null":{"k":"false"}`, context: Context{"k": {"x"}}, holds: true},
		{name: "Null false, absent", condition: `"Null":{"k":false}`, context: Context{"k": nil}},
		{name: "Null of two, both absent", condition: `"Null":{"k":"true","l":"true"}`, context: Context{"k": nil, "l": nil}, holds: true},
		{name: "Null of two, one there", condition: `"Null":{"k":"true","l":"true"}`, context: Context{"k": nil, "l": {"x"}}},
		{name: "NumericLessThan", condition: `"NumericLessThan":{"k":1.2}`, context: Context{"k": {"1.1"}}, holds: true},
		{name: "NumericLessThan, equal", condition: `"NumericLessThan":{"k":"1.2"}`, context: Context{"k": {"1.20"}}},
		{name: "NumericLessThanEquals", condition: `"NumericLessThanEquals":{"k":"1.2"}`, context: Context{"k": {"1.20"}}, holds: true},
		{name: "NumericGreaterThan", condition: `"NumericGreaterThan":{"k":"10"}`, context: Context{"k": {"9"}}},
		{name: "NumericGreaterThanEquals", condition: `"NumericGreaterThanEquals":{"k":"10"}`, context: Context{"k": {"10"}}, holds: true},
		{name: "NumericEquals", condition: `"NumericEquals":{"k":"10"}`, context: Context{"k": {"10.0"}}, holds: true},
		{name: "NumericNotEquals", condition: `"NumericNotEquals":{"k":"10"}`, context: Context{"k": {"10.0"}}},
		{name: "a text is no number", condition: `"NumericLessThan":{"k":"10"}`, context: Context{"k": {"few"}}},
		{name: "IfExists, absent", condition: `"StringEqualsIfExists":{"k":"a"}`, context: Context{"k": nil}, holds: true},
		{name: "IfExists, another", condition: `"StringEqualsIfExists":{"k":"a"}`, context: Context{"k": {"b"}}},
		{name: "BoolIfExists", condition: `"BoolIfExists":{"k":"true"}`, context: Context{"k": {"true"}}, holds: true},
		{name: "ForAllValues", condition: `"ForAllValues:StringEquals":{"k":["a","b"]}`, context: Context{"k": {"a", "b", "a"}}, holds: true},
		{name: "ForAllValues, one other", condition: `"ForAllValues:StringEquals":{"k":["a","b"]}`, context: Context{"k": {"a", "c"}}},
		{name: "ForAllValues, absent", condition: `"ForAllValues:StringEquals":{"k":["a"]}`, context: Context{"k": nil}, holds: true},
		{name: "ForAllValues, negated", condition: `"ForAllValues:StringNotLike":{"k":["a*"]}`, context: Context{"k": {"b", "ab"}}},
		{name: "ForAnyValue", condition: `"ForAnyValue:StringLike":{"k":"a*"}`, context: Context{"k": {"b", "ab"}}, holds: true},
		{name: "ForAnyValue, none", condition: `"ForAnyValue:StringLike":{"k":"a*"}`, context: Context{"k": {"b", "c"}}},
		{name: "ForAnyValue, absent", condition: `"ForAnyValue:StringEquals":{"k":"a"}`, context: Context{"k": nil}},
		{name: "ForAnyValue, negated and absent", condition: `"ForAnyValue:StringNotEquals":{"k":"a"}`, context: Context{"k": nil}},
		{name: "ForAnyValue, negated", condition: `"ForAnyValue:StringNotEquals":{"k":"a"}`, context: Context{"k": {"a", "b"}}, holds: true},
		{name: "several values where one is asked for", condition: `"StringEquals":{"k":"a"}`, context: Context{"k": {"a", "b"}}, wantErr: "has 2 values"},
		{name: "a key that is not known", condition: `"StringEquals":{"k":"a"}`, context: Context{"l": {"a"}}, wantErr: "the condition key k is not known"},
		{name: "a key that is not known to Null", condition: `"Null":{"k":"true"}`, context: Context{}, wantErr: "the condition key k is not known"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := Parse(Identity, "role", statements(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+test.condition+`}}`))
			if err := p.Err(); err != nil {
				t.Fatal(err)
			}
			holds := true
			for _, c := range p.statements[0].conditions {
				one, err := c.holds(test.context)
				if test.wantErr != "" {
					if err == nil || !strings.Contains(err.Error(), test.wantErr) {
						t.Errorf("error %v, want %q", err, test.wantErr)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				holds = holds && one
			}
			if holds != test.holds || test.wantErr != "" {
				t.Errorf("holds: %t, want %t %s", holds, test.holds, test.wantErr)
			}
		})
	}
}

func TestDocumentsThatAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		kind     Kind
		document string
		says     string
	}{
		{"no JSON", Identity, `x`, "invalid character"},
		{"two values", Identity, `{"Statement":[]}{}`, "more follows"},
		{"no statement", Identity, `{"Version":"2012-10-17"}`, "no Statement"},
		{"another version", Identity, `{"Version":"2026-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, "want 2012-10-17"},
		{"an element that is not known", Identity, `{"Statement":{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*","Principals":"*"}}`, `unknown field "Principals"`},
		{"a field that is not known", Identity, `{"Statements":[]}`, `unknown field "Statements"`},
		{"no effect", Identity, `{"Statement":{"Sid":"A","Action":"*","Resource":"*"}}`, "statement A: Effect is"},
		{"no action", Identity, `{"Statement":[{"Effect":"Allow","Resource":"*"}]}`, "statement 1: want either Action or NotAction"},
		{"an empty list of actions", Identity, `{"Statement":[{"Effect":"Allow","Action":[],"Resource":"*"}]}`, "at least one value"},
		{"both", Identity, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","NotResource":"*"}]}`, "want either Resource or NotResource"},
		{"a principal in a role's policy", Identity, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}]}`, "names no Principal"},
		{"no principal in a resource's", Resource, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, "want either Principal or NotPrincipal"},
		{"NotPrincipal allows", Resource, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","NotPrincipal":"*"}]}`, "NotPrincipal with Allow"},
		{"a wildcard in a principal", Resource, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Principal":{"AWS":"arn:aws:iam::1:role/*"}}]}`, "no wildcard stands in it"},
		{"a session", Resource, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Principal":{"AWS":"arn:aws:sts::000000000000:assumed-role/a/b"}}]}`, "name its role"},
		{"an odd principal", Resource, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Principal":{"AWS":"me"}}]}`, "want *, an account or an ARN"},
		{"another kind of principal", Resource, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Principal":{"User":"me"}}]}`, "Principal User"},
		{"a resource of who may assume", Trust, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}]}`, "no Resource"},
		{"a variable in a resource", Identity, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:username}"}]}`, "policy variables"},
		{"a variable in a condition", Identity, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"k":"${aws:username}"}}}]}`, "policy variables"},
		{"an odd resource", Identity, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"lake"}]}`, "want * or an ARN"},
		{"another operator", Identity, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}`, "this operator is not evaluated, only ArnEquals"},
		{"another quantity", Identity, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForSome:StringLike":{"k":"a"}}}]}`, "ForSome is not evaluated"},
		{"NullIfExists", Identity, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NullIfExists":{"k":"true"}}}]}`, "Null stands without IfExists"},
		{"no number", Identity, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericEquals":{"k":"few"}}}]}`, "want a number"},
		{"no boolean", Identity, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"k":"yes"}}}]}`, "want true or false"},
		{"no value", Identity, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"k":[]}}}]}`, "at least one value"},
		{"a value that is an object", Identity, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"k":{"Ref":"x"}}}}]}`, "want text, a number or a boolean"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := Parse(test.kind, "it", []byte(test.document))
			if err := p.Err(); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want %q", err, test.says)
			}
			a := NewAccount(account)
			a.AddRole(&Role{ARN: reader, Policies: []*Policy{p, Parse(Identity, "other", statements(`{"Effect":"Allow","Action":"*","Resource":"*"}`))}})
			if d := a.Decide(Request{Principal: Principal{Role: reader}, Action: "a:B", Resource: "*"}); d.Allowed {
				t.Error("a role with a policy that is not understood is allowed something")
			}
		})
	}
}

func TestMatchResource(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, arn string
		want         bool
	}{
		{"*", "*", true},
		{"*", "arn:aws:s3:::a/b", true},
		{"arn:aws:s3:::a", "arn:aws:s3:::a/b", false},
		{"arn:aws:s3:::a/*", "arn:aws:s3:::a/", true},
		{"arn:aws:s3:::a/*/c", "arn:aws:s3:::a/b:b/b/c", true},
		{"arn:aws:s3:::a/?", "arn:aws:s3:::a/é", true},
		{"arn:aws:s3:::a/?", "arn:aws:s3:::a/", false},
		{"arn:aws:s3:::a*b", "arn:aws:s3:::ab", true},
		{"arn:aws:s3:::a*b*c", "arn:aws:s3:::axbxbc", true},
		{"arn:aws:lambda:*:1:function:f", "arn:aws:lambda:us-east-1:1:function:f", true},
		{"arn:aws:lambda:us-*-1:1:function:f", "arn:aws:lambda:us-east-1:1:function:f", true},
		// Inside a part it ends at the colon, at the end of one it may go on.
		{"arn:aws:lambda:u*1:function:f", "arn:aws:lambda:us-east-1:1:function:f", false},
		{"arn:aws:lambda:?s-east-1:1:f", "arn:aws:lambda::s-east-1:1:f", false},
		{"arn:aws:lambda:*", "arn:aws:lambda:us-east-1:1:function:f", true},
		{"arn:aws:logs:r:1:log-group:g:*", "arn:aws:logs:r:1:log-group:g:log-stream:s", true},
		{"arn:aws:logs:r:1:log-group:g*:log-stream:s", "arn:aws:logs:r:1:log-group:gg:log-stream:s", true},
		{"arn:aws:logs:r:1:log-group:g:*", "arn:aws:logs:r:1:log-group:g", false},
	} {
		if got := matchResource(test.pattern, test.arn); got != test.want {
			t.Errorf("%s matches %s: %t, want %t", test.pattern, test.arn, got, test.want)
		}
	}
}

// TestGlobIsWhatItsPiecesSay draws a pattern and a text that it was filled to, so that they must match.
func TestGlobIsWhatItsPiecesSay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.StringMatching(`[ab:/]{0,3}`), 1, 4).Draw(t, "pieces")
		fills := rapid.SliceOfN(rapid.StringMatching(`[ab:/*?]{0,3}`), len(pieces), len(pieces)).Draw(t, "fills")
		text := pieces[0]
		for i, piece := range pieces[1:] {
			text += fills[i] + piece
		}
		if pattern := strings.Join(pieces, "*"); !matchText(pattern, text) {
			t.Fatalf("%q does not match %q", pattern, text)
		}
		if pattern := strings.Join(pieces, "*") + "z"; matchText(pattern, text) {
			t.Fatalf("%q matches %q", pattern, text)
		}
	})
}

func TestPermissionsAreCounted(t *testing.T) {
	t.Parallel()
	a := NewAccount(account)
	a.AddRole(&Role{ARN: reader, Name: "Reader", Policies: []*Policy{
		Parse(Identity, "the policy P", statements(
			`{"Sid":"Read","Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::lake/a/*","arn:aws:s3:::lake/b/*"]}`,
			`{"Effect":"Allow","NotAction":["s3:*","iam:*"],"Resource":"*"}`,
			`{"Sid":"No","Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::lake/b/*"}`)),
	}})
	for _, call := range []string{"s3:GetObject a/1", "s3:GetObject a/2", "s3:PutObject b/1", "s3:PutObject a/1", "s3:GetObject c/1"} {
		action, key, _ := strings.Cut(call, " ")
		a.Decide(Request{Principal: Principal{Role: reader}, Action: action, Resource: bucket + "/" + key})
	}
	want := []Permission{
		{"Reader", "Read", "s3:GetObject", "arn:aws:s3:::lake/a/*", 2},
		{"Reader", "Read", "s3:GetObject", "arn:aws:s3:::lake/b/*", 0},
		{"Reader", "Read", "s3:PutObject", "arn:aws:s3:::lake/a/*", 1},
		{"Reader", "Read", "s3:PutObject", "arn:aws:s3:::lake/b/*", 0},
		{"Reader", "statement 2 of the policy P", "all but s3:*, iam:*", "*", 0},
	}
	if diff := cmp.Diff(want, a.Permissions()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func BenchmarkDecide(b *testing.B) {
	a := NewAccount(account)
	var list []string
	for i := range 6 {
		list = append(list, fmt.Sprintf(`{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::lake/%d/*"}`, i))
	}
	a.AddRole(&Role{ARN: reader, Policies: []*Policy{Parse(Identity, "role", statements(list...))}})
	a.AddResourcePolicy(bucket, Parse(Resource, "bucket", statements(
		`{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:*","Resource":["arn:aws:s3:::lake","arn:aws:s3:::lake/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`)))
	request := Request{Principal: Principal{Role: reader}, Action: "s3:PutObject", Resource: bucket + "/5/parts/2026/03/10/20260310T000000Z/name", Context: Context{"aws:SecureTransport": {"true"}}}
	for b.Loop() {
		if !a.Decide(request).Allowed {
			b.Fatal("denied")
		}
	}
}
