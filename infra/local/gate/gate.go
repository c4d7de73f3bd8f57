// Package gate stands between the callers of a local run and its services, and lets through what the policies of the
// synthesized templates allow: a call that AWS would deny is denied here, in the same words.
//
// It stands apart from the services, which know nothing of permissions, and from package iam, which knows nothing of
// requests: here it is decided which action, resource and condition keys a request stands for. Everything it denies is
// kept, so that a run can fail of it, and everything it allows is counted.
//
// The hops of a local run are plain HTTP on the loopback interface. Policies are evaluated as for the same call over TLS 1.3, since
// that is how the same binaries reach AWS.
package gate

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/iam"
)

// Gate decides about the calls of one local run. Its methods may be called from several goroutines at once.
type Gate struct {
	region  string
	account *iam.Account
	log     func(line string)
	// callers are the functions, by their access key ids, and functions by their names and ARNs.
	callers, functions map[string]*caller
	buckets            map[string]assembly.Bucket   // by name
	secrets            map[string]assembly.Secret   // by name and ARN
	buses              map[string]string            // ARNs by name and ARN
	keys               map[string]string            // of topics and queues, by the ARNs of those
	logs               map[string]assembly.LogGroup // by name

	mutex    sync.Mutex
	denied   map[denial]*refused
	requests map[string]*Requests // by the function's name
}

// caller is a function with credentials of its own.
type caller struct {
	assembly.Function
	accessKeyID, secretAccessKey string
}

// denial is one kind of denied call. Resources of one kind are many, so that they are not told one by one.
type denial struct{ principal, action, reason string }

type refused struct {
	first string // the first resource
	count int
}

// New returns a gate for what the templates of an assembly hold. Log is told, in one line each, of what is denied the first
// time, and of what the templates leave open.
func New(a *assembly.Assembly, log func(line string)) *Gate {
	g := &Gate{
		region:    a.Region,
		account:   iam.NewAccount(assembly.Account),
		log:       log,
		callers:   map[string]*caller{},
		functions: map[string]*caller{},
		buckets:   map[string]assembly.Bucket{},
		secrets:   map[string]assembly.Secret{},
		buses:     map[string]string{},
		keys:      map[string]string{},
		logs:      map[string]assembly.LogGroup{},
		denied:    map[denial]*refused{},
		requests:  map[string]*Requests{},
	}
	for _, f := range a.Functions {
		c := &caller{Function: f, accessKeyID: accessKeyPrefix + f.Name, secretAccessKey: randomSecret()}
		g.callers[c.accessKeyID] = c
		g.functions[f.Name], g.functions[f.ARN] = c, c
		g.requests[f.Name] = &Requests{S3: map[Kind]Count{}}
	}
	for _, b := range a.Buckets {
		g.buckets[b.Name] = b
	}
	for _, s := range a.Secrets {
		g.secrets[s.Name], g.secrets[s.ARN] = s, s
	}
	for _, t := range a.Topics {
		g.keys[t.ARN] = t.Key
	}
	for _, q := range a.Queues {
		g.keys[q.ARN] = q.Key
	}
	for _, l := range a.LogGroups {
		g.logs[l.Name] = l
	}
	for name, arn := range Buses(a) {
		g.buses[name] = arn
	}
	for _, r := range a.Roles {
		g.addRole(r)
	}
	for _, p := range a.ResourcePolicies {
		g.account.AddResourcePolicy(p.Resource, policy(iam.Resource, fmt.Sprintf("the policy %s of %s", p.Document.Name, p.Resource), p.Document))
	}
	return g
}

// Buses returns the ARNs of an assembly's buses, the default one among them, by their names and ARNs.
func Buses(a *assembly.Assembly) map[string]string {
	fallback := fmt.Sprintf("arn:aws:events:%s:%s:event-bus/%s", a.Region, assembly.Account, assembly.DefaultBus)
	buses := map[string]string{assembly.DefaultBus: fallback, fallback: fallback}
	for _, b := range a.Buses {
		buses[b.Name], buses[b.ARN] = b.ARN, b.ARN
	}
	return buses
}

func (g *Gate) addRole(r assembly.Role) {
	role := &iam.Role{ARN: r.ARN, Name: r.Name, Elsewhere: r.Elsewhere, Trust: policy(iam.Trust, "the trust policy of "+r.Name, r.Trust)}
	for _, d := range r.Policies {
		role.Policies = append(role.Policies, policy(iam.Identity, fmt.Sprintf("the policy %s of %s", d.Name, r.Name), d))
	}
	switch {
	case r.BoundaryDocument != nil:
		role.Boundary = policy(iam.Identity, r.BoundaryDocument.Name, *r.BoundaryDocument)
	case r.Boundary != "":
		g.log(fmt.Sprintf("the permissions boundary %s of %s stands in no template: what it denies is not denied here", r.Boundary, r.Name))
	}
	g.account.AddRole(role)
}

func policy(kind iam.Kind, name string, d assembly.Document) *iam.Policy {
	if d.Fault != nil {
		return iam.Unread(name, d.Fault)
	}
	return iam.Parse(kind, name, d.JSON)
}

// accessKeyPrefix marks the access keys of functions as local: no access key of AWS has a hyphen.
const accessKeyPrefix = "local-"

// randomSecret is a secret access key, so that no function can sign as another.
func randomSecret() string {
	b := make([]byte, 20)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// Credentials returns the access key that stands for the role of a function; both parts are empty for one that is
// not there.
func (g *Gate) Credentials(function string) (accessKeyID, secretAccessKey string) {
	c := g.functions[function]
	if c == nil {
		return "", ""
	}
	return c.accessKeyID, c.secretAccessKey
}

// Accounts returns the secret access keys of all functions by their access key ids.
func (g *Gate) Accounts() map[string]string {
	accounts := map[string]string{}
	for id, c := range g.callers {
		accounts[id] = c.secretAccessKey
	}
	return accounts
}

// caller finds who signed a request, by the access key id in it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
func (g *Gate) caller(r *http.Request) *caller {
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if credential == "" {
		credential = r.URL.Query().Get("X-Amz-Credential")
	}
	id, _, _ := strings.Cut(credential, "/")
	return g.callers[id]
}

// Denied is the error of a call that is not allowed.
type Denied struct {
	// Principal is the ARN of the session, or the name of a service.
	Principal        string
	Action, Resource string
	Reason           string
}

// Error is what AWS says, with the reason as it is known here.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
func (d *Denied) Error() string {
	return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s because %s", d.Principal, d.Action, d.Resource, d.Reason)
}

// identity is who calls, in a session of its own.
type identity struct {
	role    string // an ARN
	session string
	service string
}

func (c *caller) identity() identity { return identity{role: c.Role, session: c.Name} }

// arn is the ARN by which AWS names the caller.
func (i identity) arn() string {
	if i.service != "" {
		return i.service
	}
	return fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", assembly.Account, i.role[strings.LastIndexByte(i.role, '/')+1:], i.session)
}

// decide decides one call and keeps note of it. More are the condition keys that are the action's own.
func (g *Gate) decide(who identity, action, resource string, more iam.Context) error {
	context := g.global(who)
	maps.Copy(context, more)
	principal := iam.Principal{Role: who.role, Service: who.service}
	decision := g.account.Decide(iam.Request{Principal: principal, Action: action, Resource: resource, Context: context})
	if decision.Allowed {
		return nil
	}
	name := principal.String()
	if name == "" {
		name, decision.Reason = who.session, noRole
	}
	g.note(denial{name, action, decision.Reason}, resource)
	return &Denied{Principal: who.arn(), Action: action, Resource: resource, Reason: decision.Reason}
}

const noRole = "the template gives it no role"

func (g *Gate) note(d denial, resource string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	known := g.denied[d]
	if known == nil {
		known = &refused{first: resource}
		g.denied[d] = known
		g.log("denied: " + d.on(resource))
	}
	known.count++
}

func (d denial) on(resource string) string {
	return fmt.Sprintf("%s may not %s on %s: %s", d.principal, d.action, resource, d.reason)
}

// Denied returns how often each kind of call was denied, in words that name the role, the action, the first
// resource and the reason.
func (g *Gate) Denied() map[string]int {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	counts := map[string]int{}
	for d, r := range g.denied {
		counts[d.on(r.first)] += r.count
	}
	return counts
}

// global are the condition keys that every request carries, or is known not to.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
func (g *Gate) global(who identity) iam.Context {
	c := iam.Context{
		"aws:SecureTransport":        {"true"},
		"aws:RequestedRegion":        {g.region},
		"aws:ResourceAccount":        {assembly.Account},
		"aws:ViaAWSService":          {"false"},
		"aws:PrincipalIsAWSService":  {"false"},
		"aws:PrincipalServiceName":   nil,
		"aws:PrincipalArn":           {who.role},
		"aws:PrincipalAccount":       {assembly.Account},
		"aws:PrincipalType":          {"AssumedRole"},
		"aws:SourceAccount":          nil,
		"aws:SourceArn":              nil,
		"aws:CalledVia":              nil,
		"aws:CalledViaFirst":         nil,
		"aws:CalledViaLast":          nil,
		"aws:FederatedProvider":      nil,
		"aws:MultiFactorAuthAge":     nil,
		"aws:MultiFactorAuthPresent": nil,
	}
	if who.service != "" {
		c["aws:PrincipalIsAWSService"], c["aws:PrincipalServiceName"] = []string{"true"}, []string{who.service}
		c["aws:PrincipalArn"], c["aws:PrincipalAccount"], c["aws:PrincipalType"] = nil, nil, nil
	}
	return c
}

// useKey decides whether a caller may use the KMS key of what it calls; no key is none to ask. The service asks with the
// caller's permissions.
func (g *Gate) useKey(who identity, key, service string, encrypted iam.Context, actions ...string) error {
	if key == "" {
		return nil
	}
	// https://docs.aws.amazon.com/kms/latest/developerguide/policy-conditions.html
	context := iam.Context{
		"aws:ViaAWSService":         {"true"},
		"kms:ViaService":            {service + "." + g.region + ".amazonaws.com"},
		"kms:CallerAccount":         {assembly.Account},
		"kms:EncryptionAlgorithm":   {"SYMMETRIC_DEFAULT"},
		"kms:EncryptionContextKeys": nil,
		"kms:GrantIsForAWSResource": nil,
		"kms:RequestAlias":          nil,
	}
	for _, name := range slices.Sorted(maps.Keys(encrypted)) {
		context["kms:EncryptionContextKeys"] = append(context["kms:EncryptionContextKeys"], name)
		context["kms:EncryptionContext:"+name] = encrypted[name]
	}
	for _, action := range actions {
		if err := g.decide(who, action, key, context); err != nil {
			return err
		}
	}
	return nil
}

// Actions on keys.
const (
	decrypt         = "kms:Decrypt"
	generateDataKey = "kms:GenerateDataKey"
)
