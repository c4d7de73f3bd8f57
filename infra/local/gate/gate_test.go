package gate_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/events"
	"github.com/windrow-data/windrow/infra/local/gate"
	"github.com/windrow-data/windrow/infra/local/iam"
	"github.com/windrow-data/windrow/infra/local/s3server"
	"github.com/windrow-data/windrow/infra/local/secrets"
	"github.com/windrow-data/windrow/infra/local/toolcache"
)

const (
	region = "us-east-1"
	lambda = "arn:aws:lambda:us-east-1:000000000000:function:"
	key    = "arn:aws:kms:us-east-1:000000000000:key/Key"
	logKey = "arn:aws:kms:us-east-1:000000000000:key/LogKey"
	secret = "arn:aws:secretsmanager:us-east-1:000000000000:secret:Secret-local0"
	topic  = "arn:aws:sns:us-east-1:000000000000:Topic"
	queue  = "arn:aws:sqs:us-east-1:000000000000:Queue"
	run    = "arn:aws:states:us-east-1:000000000000:stateMachine:Run"
)

// function is a role with statements, and the function that has it.
func function(a *assembly.Assembly, name string, statements ...string) {
	role := addRole(a, name+"Role", "lambda.amazonaws.com", statements...)
	a.Functions = append(a.Functions, assembly.Function{Name: name, ARN: lambda + name, Role: role, LogGroup: name + "Logs"})
}

func addRole(a *assembly.Assembly, name, service string, statements ...string) string {
	arn := "arn:aws:iam::000000000000:role/" + name
	a.Roles = append(a.Roles, assembly.Role{
		Name: name, ARN: arn,
		Trust: document("Trust", fmt.Sprintf(`{"Effect":"Allow","Principal":{"Service":"%s"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"000000000000"}}}`, service)),
		Policies: []assembly.Document{document("P", append(statements,
			`{"Sid":"Log","Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws:logs:us-east-1:000000000000:log-group:`+strings.TrimSuffix(name, "Role")+`Logs:*"}`)...)},
	})
	return arn
}

func document(name string, statements ...string) assembly.Document {
	return assembly.Document{Name: name, JSON: []byte(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`)}
}

func on(a *assembly.Assembly, resource string, statements ...string) {
	a.ResourcePolicies = append(a.ResourcePolicies, assembly.ResourcePolicy{Resource: resource, Document: document("OnIt", statements...)})
}

const (
	readAndWrite = `{"Sid":"ReadAndWrite","Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::lake/on24/*"}`
	list         = `{"Sid":"List","Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::lake","Condition":{"StringLike":{"s3:prefix":"on24/*"}}}`
)

// harness is a gate in front of the real S3 server, the secrets and the bus.
type harness struct {
	*gate.Gate
	server        *s3server.Server
	s3URL         string
	secretsURL    string
	eventsURL     string
	mutex         sync.Mutex
	lines         []string
	deliveredOnto []string
}

func start(t *testing.T, a *assembly.Assembly) *harness {
	t.Helper()
	a.Region = region
	a.Buckets = append(a.Buckets, assembly.Bucket{Name: "lake", ARN: "arn:aws:s3:::lake"})
	h := &harness{}
	h.Gate = gate.New(a, func(line string) {
		h.mutex.Lock()
		defer h.mutex.Unlock()
		h.lines = append(h.lines, line)
	})
	userCache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := s3server.Build(t.Context(), toolcache.Cache{Dir: filepath.Join(userCache, "windrow"), Say: func(line string) { t.Log(line) }})
	if err != nil {
		t.Fatal(err)
	}
	h.server, err = s3server.Start(t.Context(), s3server.Options{
		Binary: binary, Root: t.TempDir(), Attributes: t.TempDir(), Region: region,
		AccessKeyID: "root", SecretAccessKey: "root-secret", Accounts: h.Accounts(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.server.Close() })
	owner := h.client(h.server.URL(), "root", "root-secret")
	for _, b := range a.Buckets {
		if _, err := owner.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &b.Name}); err != nil {
			t.Fatal(err)
		}
	}
	serve := func(handler http.Handler) string {
		front := httptest.NewServer(handler)
		t.Cleanup(front.Close)
		return front.URL
	}
	address, err := url.Parse(h.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	h.s3URL = serve(h.S3(address))
	vault := secrets.NewServer(time.Now)
	vault.Set(secret, "Secret", `{"token":"one"}`)
	h.secretsURL = serve(h.Secrets(vault))
	h.eventsURL = serve(h.Events(events.NewServer(events.Options{
		Account: assembly.Account, Region: region, Buses: gate.Buses(a), DefaultBus: assembly.DefaultBus, Keep: &bytes.Buffer{}, Now: time.Now,
		Deliver: func(bus string, _ events.Event) { h.deliveredOnto = append(h.deliveredOnto, bus) },
	})))
	return h
}

func (h *harness) client(endpoint, access, secret string) *s3.Client {
	return s3.New(s3.Options{Region: region, BaseEndpoint: aws.String(endpoint), UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, "")})
}

// s3 is the client of a function.
func (h *harness) s3(function string) *s3.Client {
	access, secret := h.Credentials(function)
	return h.client(h.s3URL, access, secret)
}

func put(t *testing.T, c *s3.Client, bucket, key string, change func(*s3.PutObjectInput)) error {
	t.Helper()
	input := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader([]byte("x")), IfNoneMatch: aws.String("*")}
	if change != nil {
		change(input)
	}
	_, err := c.PutObject(t.Context(), input)
	return err
}

func get(t *testing.T, c *s3.Client, key string) error {
	t.Helper()
	output, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("lake"), Key: &key})
	if err == nil {
		output.Body.Close()
	}
	return err
}

// says fails the test where an error does not have a status and a code, or lacks a text.
func says(t *testing.T, err error, status int, code, text string) {
	t.Helper()
	var response *smithyhttp.ResponseError
	var refusal smithy.APIError
	if !errors.As(err, &response) || response.HTTPStatusCode() != status || !errors.As(err, &refusal) || refusal.ErrorCode() != code || !strings.Contains(refusal.ErrorMessage(), text) {
		t.Errorf("error %v, want %d %s that says %q", err, status, code, text)
	}
}

func TestS3(t *testing.T) {
	t.Parallel()
	a := &assembly.Assembly{}
	function(a, "writer", readAndWrite, list)
	function(a, "blind", readAndWrite)
	on(a, "arn:aws:s3:::lake",
		`{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:*","Resource":["arn:aws:s3:::lake","arn:aws:s3:::lake/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`,
		`{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:*","Resource":["arn:aws:s3:::lake","arn:aws:s3:::lake/*"],"Condition":{"NumericLessThan":{"s3:TlsVersion":1.2}}}`,
		`{"Sid":"DenyUnconditionalPuts","Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::lake/*","Condition":{"Bool":{"s3:ObjectCreationOperation":"true"},"Null":{"s3:if-match":"true","s3:if-none-match":"true"}}}`)
	h := start(t, a)
	writer, blind := h.s3("writer"), h.s3("blind")

	if err := put(t, writer, "lake", "on24/a b/dt=1", nil); err != nil {
		t.Fatal(err)
	}
	if err := put(t, writer, "lake", "on24/large", func(i *s3.PutObjectInput) { i.Body = bytes.NewReader(make([]byte, 3<<20)) }); err != nil {
		t.Error(err)
	}
	says(t, put(t, writer, "lake", "on24/a b/dt=1", nil), http.StatusPreconditionFailed, "PreconditionFailed", "")
	if err := get(t, writer, "on24/a b/dt=1"); err != nil {
		t.Error(err)
	}
	listed, err := writer.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("lake"), Prefix: aws.String("on24/")})
	if err != nil || len(listed.Contents) != 2 {
		t.Errorf("listed %+v, %v", listed, err)
	}

	says(t, put(t, writer, "lake", "zoom/a", nil), http.StatusForbidden, "AccessDenied",
		"User: arn:aws:sts::000000000000:assumed-role/writerRole/writer is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::lake/zoom/a because no statement")
	says(t, put(t, writer, "lake", "on24/c", func(i *s3.PutObjectInput) { i.IfNoneMatch = nil }), http.StatusForbidden, "AccessDenied", "statement DenyUnconditionalPuts")
	_, err = writer.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("lake")})
	says(t, err, http.StatusForbidden, "AccessDenied", "s3:ListBucket")
	_, err = writer.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("lake"), Key: aws.String("on24/a b/dt=1")})
	says(t, err, http.StatusForbidden, "AccessDenied", "s3:DeleteObject")
	_, err = writer.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: aws.String("lake"), Key: aws.String("on24/a b/dt=1")})
	says(t, err, http.StatusNotImplemented, "NotImplemented", "parameter tagging is mapped to no permission here")

	says(t, get(t, writer, "on24/missing"), http.StatusNotFound, "NoSuchKey", "")
	says(t, get(t, blind, "on24/missing"), http.StatusForbidden, "AccessDenied", "s3:ListBucket")
	_, err = blind.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("lake"), Key: aws.String("on24/missing")})
	says(t, err, http.StatusForbidden, "Forbidden", "")
	_, err = writer.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("lake"), Key: aws.String("on24/missing")})
	says(t, err, http.StatusNotFound, "NotFound", "")

	// A function cannot sign as another, nor as the owner of the buckets.
	access, _ := h.Credentials("writer")
	_, own := h.Credentials("blind")
	says(t, put(t, h.client(h.s3URL, access, own), "lake", "on24/d", nil), http.StatusForbidden, "SignatureDoesNotMatch", "")
	says(t, put(t, h.client(h.s3URL, "root", "root-secret"), "lake", "on24/d", nil), http.StatusForbidden, "InvalidAccessKeyId", "")

	want := map[gate.Kind]gate.Count{gate.Put: {Requests: 3, FailedConditionally: 1}, gate.Get: {Requests: 2}, gate.Head: {Requests: 1}, gate.List: {Requests: 1}}
	if diff := cmp.Diff(want, h.Requests()["writer"].S3); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	denied := h.Denied()
	wantDenied := map[string]int{
		"writerRole may not s3:PutObject on arn:aws:s3:::lake/zoom/a: no statement of the role's policies or of the resource's allows it":                1,
		"writerRole may not s3:PutObject on arn:aws:s3:::lake/on24/c: statement DenyUnconditionalPuts of the policy OnIt of arn:aws:s3:::lake denies it": 1,
		"writerRole may not s3:ListBucket on arn:aws:s3:::lake: no statement of the role's policies or of the resource's allows it":                      1,
		"writerRole may not s3:DeleteObject on arn:aws:s3:::lake/on24/a b/dt=1: no statement of the role's policies or of the resource's allows it":      1,
		"writer may not s3:GET on /lake/on24/a%20b/dt%3D1?tagging=: GET with the parameter tagging is mapped to no permission here":                      1,
		"blindRole may not s3:ListBucket on arn:aws:s3:::lake: no statement of the role's policies or of the resource's allows it":                       2,
	}
	if diff := cmp.Diff(wantDenied, denied); diff != "" {
		t.Errorf("denied (-want +got):\n%s", diff)
	}
	if len(h.lines) != len(wantDenied) {
		t.Errorf("%d lines were told, want one for each kind: %q", len(h.lines), h.lines)
	}
	uses := map[string]int{}
	for _, p := range h.Permissions() {
		uses[p.Role+" "+p.Sid+" "+p.Action] = p.Uses
	}
	// Of the puts, the one that S3 found wrongly signed was allowed too.
	if diff := cmp.Diff(map[string]int{
		"writerRole ReadAndWrite s3:GetObject": 3, "writerRole ReadAndWrite s3:PutObject": 4, "writerRole List s3:ListBucket": 3, "writerRole Log logs:CreateLogStream": 0, "writerRole Log logs:PutLogEvents": 0,
		"blindRole ReadAndWrite s3:GetObject": 2, "blindRole ReadAndWrite s3:PutObject": 0, "blindRole Log logs:CreateLogStream": 0, "blindRole Log logs:PutLogEvents": 0,
	}, uses); diff != "" {
		t.Errorf("uses (-want +got):\n%s", diff)
	}
}

func TestAServerThatBreaksIsAConnectionThatBreaks(t *testing.T) {
	t.Parallel()
	a := &assembly.Assembly{}
	function(a, "writer", readAndWrite)
	h := start(t, a)
	if err := put(t, h.s3("writer"), "lake", "on24/a", nil); err != nil {
		t.Fatal(err)
	}
	h.server.Close()
	err := put(t, h.s3("writer"), "lake", "on24/b", nil)
	var response *smithyhttp.ResponseError
	if err == nil || errors.As(err, &response) && response.HTTPStatusCode() != 0 {
		t.Errorf("error %v, want one without an answer", err)
	}
}

func TestEncryptedBuckets(t *testing.T) {
	t.Parallel()
	a := &assembly.Assembly{Buckets: []assembly.Bucket{{Name: "vault", ARN: "arn:aws:s3:::vault", Key: key}}}
	const use = `{"Sid":"Use","Effect":"Allow","Action":"s3:*","Resource":"*"}`
	function(a, "without", use)
	function(a, "generates", use, `{"Sid":"Key","Effect":"Allow","Action":"kms:GenerateDataKey*","Resource":"`+key+`","Condition":{"StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}}}`)
	function(a, "byKey", use)
	on(a, key, `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"kms:*","Resource":"*"}`,
		`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:role/byKeyRole"},"Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*","Condition":{"StringLike":{"kms:EncryptionContext:aws:s3:arn":"arn:aws:s3:::vault/*"}}}`)
	h := start(t, a)
	says(t, put(t, h.s3("without"), "vault", "a", nil), http.StatusForbidden, "AccessDenied", "kms:GenerateDataKey on resource: "+key)
	for _, name := range []string{"generates", "byKey"} {
		if err := put(t, h.s3(name), "vault", name, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	read := func(name string) error {
		_, err := h.s3(name).HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("vault"), Key: aws.String("byKey")})
		return err
	}
	says(t, read("generates"), http.StatusForbidden, "Forbidden", "")
	if err := read("byKey"); err != nil {
		t.Error(err)
	}
	// Another bucket has no key to ask for.
	if err := put(t, h.s3("without"), "lake", "a", nil); err != nil {
		t.Error(err)
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	a := &assembly.Assembly{Secrets: []assembly.Secret{{Name: "Secret", ARN: secret, Key: key}}}
	const read = `{"Sid":"Read","Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"` + secret + `"}`
	function(a, "reader", read, `{"Sid":"Key","Effect":"Allow","Action":"kms:Decrypt","Resource":"`+key+`"}`)
	function(a, "keyless", read)
	function(a, "nobody")
	function(a, "named")
	on(a, secret, `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:role/namedRole"},"Action":"secretsmanager:*","Resource":"*","Condition":{"StringEquals":{"secretsmanager:VersionStage":"AWSPENDING"}}}`)
	h := start(t, a)
	client := func(function string) *secretsmanager.Client {
		access, secret := h.Credentials(function)
		return secretsmanager.New(secretsmanager.Options{Region: region, BaseEndpoint: aws.String(h.secretsURL), RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider(access, secret, "")})
	}
	for _, id := range []string{"Secret", secret} {
		if output, err := client("reader").GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(id)}); err != nil || aws.ToString(output.SecretString) != `{"token":"one"}` {
			t.Errorf("%s: %v", id, err)
		}
	}
	_, err := client("reader").PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String(secret), SecretString: aws.String("{}")})
	says(t, err, http.StatusBadRequest, "AccessDeniedException", "secretsmanager:PutSecretValue")
	_, err = client("keyless").GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(secret)})
	says(t, err, http.StatusBadRequest, "AccessDeniedException", "kms:Decrypt")
	_, err = client("nobody").GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(secret)})
	says(t, err, http.StatusBadRequest, "AccessDeniedException", "secretsmanager:GetSecretValue")
	_, err = client("named").GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(secret)})
	says(t, err, http.StatusBadRequest, "AccessDeniedException", "secretsmanager:GetSecretValue")
	_, err = client("named").GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(secret), VersionStage: aws.String("AWSPENDING")})
	says(t, err, http.StatusBadRequest, "AccessDeniedException", "kms:Decrypt")
	_, err = client("somebody").GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(secret)})
	if err == nil {
		t.Error("a caller that is not known is let through")
	}
	if n := h.Requests()["reader"].Secrets; n != 2 {
		t.Errorf("%d calls of the reader are counted, want 2", n)
	}
}

// TestSecretsAreWrittenByThoseWhoMay renews a secret as a function does whose vendor replaces its refresh token.
func TestSecretsAreWrittenByThoseWhoMay(t *testing.T) {
	t.Parallel()
	a := &assembly.Assembly{Secrets: []assembly.Secret{{Name: "Secret", ARN: secret, Key: key}}}
	allow := func(condition string, actions ...string) string {
		return `{"Effect":"Allow","Action":["` + strings.Join(actions, `","`) + `"],"Resource":"` + secret + `"` + condition + `}`
	}
	useKey := `{"Effect":"Allow","Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"` + key + `"}`
	function(a, "renewer", allow("", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"), useKey)
	function(a, "putter", allow("", "secretsmanager:PutSecretValue"), useKey)
	function(a, "keyless", allow("", "secretsmanager:PutSecretValue"))
	function(a, "pending", allow(`,"Condition":{"StringEquals":{"secretsmanager:VersionStage":"WINDROW_PENDING"}}`, "secretsmanager:UpdateSecretVersionStage"), useKey)
	h := start(t, a)
	client := func(function string) *secretsmanager.Client {
		access, secret := h.Credentials(function)
		return secretsmanager.New(secretsmanager.Options{Region: region, BaseEndpoint: aws.String(h.secretsURL), RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider(access, secret, "")})
	}
	put := func(function string) (*secretsmanager.PutSecretValueOutput, error) {
		return client(function).PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
			SecretId: aws.String(secret), SecretString: aws.String(`{"token":"two"}`), VersionStages: []string{"WINDROW_PENDING"},
		})
	}
	move := func(function, stage string, to, from *string) error {
		_, err := client(function).UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
			SecretId: aws.String(secret), VersionStage: &stage, MoveToVersionId: to, RemoveFromVersionId: from,
		})
		return err
	}
	_, err := put("keyless")
	says(t, err, http.StatusBadRequest, "AccessDeniedException", "kms:GenerateDataKey")
	_, err = put("pending")
	says(t, err, http.StatusBadRequest, "AccessDeniedException", "secretsmanager:PutSecretValue")
	pending, err := put("putter")
	if err != nil {
		t.Fatal(err)
	}
	says(t, move("putter", "AWSCURRENT", pending.VersionId, nil), http.StatusBadRequest, "AccessDeniedException", "secretsmanager:UpdateSecretVersionStage")
	says(t, move("pending", "AWSCURRENT", pending.VersionId, nil), http.StatusBadRequest, "AccessDeniedException", "secretsmanager:UpdateSecretVersionStage")
	if err := move("pending", "WINDROW_PENDING", nil, pending.VersionId); err != nil {
		t.Errorf("the stage that its condition names: %v", err)
	}
	// Whoever may is told by the service itself that the stage is elsewhere.
	says(t, move("renewer", "AWSCURRENT", pending.VersionId, aws.String("another")), http.StatusBadRequest, "InvalidParameterException", "")
}

func TestEvents(t *testing.T) {
	t.Parallel()
	const webinars = "arn:aws:events:us-east-1:000000000000:event-bus/webinars"
	a := &assembly.Assembly{Buses: []assembly.Bus{{Name: "webinars", ARN: webinars}}}
	function(a, "announcer", `{"Sid":"Announce","Effect":"Allow","Action":"events:PutEvents","Resource":"arn:aws:events:us-east-1:000000000000:event-bus/default",
		"Condition":{"ForAllValues:StringEquals":{"events:source":"windrow"},"Null":{"events:source":"false"}}}`)
	h := start(t, a)
	access, secret := h.Credentials("announcer")
	client := eventbridge.New(eventbridge.Options{Region: region, BaseEndpoint: aws.String(h.eventsURL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, "")})
	announce := func(sources []string, bus *string) error {
		input := &eventbridge.PutEventsInput{}
		for _, source := range sources {
			input.Entries = append(input.Entries, types.PutEventsRequestEntry{Source: &source, DetailType: aws.String("Curated"), Detail: aws.String("{}"), EventBusName: bus})
		}
		_, err := client.PutEvents(t.Context(), input)
		return err
	}
	if err := announce([]string{"windrow", "windrow"}, nil); err != nil {
		t.Error(err)
	}
	for _, sources := range [][]string{{"windrow", "aws.s3"}, {"aws.s3", "windrow"}} {
		says(t, announce(sources, nil), http.StatusBadRequest, "AccessDeniedException", "events:PutEvents")
	}
	says(t, announce([]string{"windrow"}, aws.String("webinars")), http.StatusBadRequest, "AccessDeniedException", webinars)
	says(t, announce([]string{"windrow"}, aws.String("nowhere")), http.StatusBadRequest, "AccessDeniedException", "event-bus/nowhere")
	if n := h.Requests()["announcer"].Events; n != 2 || len(h.deliveredOnto) != 2 {
		t.Errorf("%d events are counted, %d delivered, want 2", n, len(h.deliveredOnto))
	}
}

func TestCallsOfStateMachinesAndSchedules(t *testing.T) {
	t.Parallel()
	a := &assembly.Assembly{Region: region, Topics: []assembly.Topic{{Name: "Topic", ARN: topic, Key: key}}, Queues: []assembly.Queue{{Name: "Queue", ARN: queue}}}
	function(a, "ingest")
	function(a, "other")
	a.Functions[1].LogGroup = "another"
	machine := assembly.StateMachine{Name: "Run", ARN: run, Traced: true, Logged: true, Role: addRole(a, "Run", "states.amazonaws.com",
		`{"Sid":"Invoke","Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"`+lambda+`ingest"}`,
		`{"Sid":"Tell","Effect":"Allow","Action":"sns:Publish","Resource":"`+topic+`"}`,
		`{"Sid":"Key","Effect":"Allow","Action":["kms:GenerateDataKey","kms:Decrypt"],"Resource":"`+key+`"}`,
		`{"Sid":"Trace","Effect":"Allow","Action":["xray:*"],"Resource":"*"}`,
		`{"Sid":"Logs","Effect":"Allow","Action":["logs:*LogDelivery","logs:ListLogDeliveries","logs:DescribeLogGroups","logs:DescribeResourcePolicies"],"Resource":"*"}`)}
	schedule := assembly.Schedule{Name: "Every", DeadLetters: queue, Role: addRole(a, "Every", "lambda.amazonaws.com",
		`{"Sid":"Start","Effect":"Allow","Action":"states:StartExecution","Resource":"`+run+`"}`, `{"Sid":"Keep","Effect":"Allow","Action":"sqs:SendMessage","Resource":"`+queue+`"}`)}
	a.StateMachines, a.Schedules = []assembly.StateMachine{machine}, []assembly.Schedule{schedule}
	on(a, topic, `{"Sid":"NotToOthers","Effect":"Deny","Principal":"*","Action":"sns:Publish","Resource":"`+topic+`","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`)
	on(a, queue, `{"Sid":"Never","Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"`+queue+`","Condition":{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/Every"}}}`)
	a.LogGroups = []assembly.LogGroup{{Name: "ingestLogs", ARN: "arn:aws:logs:us-east-1:000000000000:log-group:ingestLogs", Key: logKey}}
	on(a, logKey, `{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":["kms:Encrypt","kms:Decrypt","kms:ReEncrypt*","kms:GenerateDataKey*"],"Resource":"*",
		"Condition":{"ArnLike":{"kms:EncryptionContext:aws:logs:arn":"arn:aws:logs:us-east-1:000000000000:log-group:*"}}}`)
	a.EventRules = []assembly.EventRule{{Name: "Fresh", ARN: "arn:aws:events:us-east-1:000000000000:rule/Fresh", Targets: []assembly.EventTarget{{Role: schedule.Role}, {}}}}
	g := gate.New(a, func(string) {})

	for name, err := range map[string]error{
		"invoke by name":             g.InvokeFunction(machine, "x", "ingest"),
		"invoke by ARN":              g.InvokeFunction(machine, "x", lambda+"ingest"),
		"publish":                    g.Publish(machine, "x", topic),
		"start an execution":         g.StartExecution(schedule.Role, schedule.Name, run),
		"keep what is undeliverable": g.SendMessage(schedule),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var denied *gate.Denied
	if err := g.InvokeFunction(machine, "x", "other"); !errors.As(err, &denied) || denied.Action != "lambda:InvokeFunction" || denied.Resource != lambda+"other" {
		t.Errorf("another function: %v", err)
	}
	if err := g.StartExecution(machine.Role, "x", run); err == nil {
		t.Error("the state machine may start itself")
	}
	g.Started(machine, "x")
	g.Invoked("ingest", true)
	g.Invoked("other", true)
	g.CheckTrust(a)
	got := slices.Sorted(maps.Keys(g.Denied()))
	var kinds []string
	for _, text := range got {
		kind, _, _ := strings.Cut(text, ": ")
		kinds = append(kinds, kind)
	}
	const everyRole = "arn:aws:iam::000000000000:role/Every"
	const otherLog = "arn:aws:logs:us-east-1:000000000000:log-group:another:log-stream:local"
	want := []string{
		"Run may not lambda:InvokeFunction on " + lambda + "other",
		"Run may not logs:PutResourcePolicy on *",
		"Run may not states:StartExecution on " + run,
		"events.amazonaws.com may not sts:AssumeRole on " + everyRole,
		"logs.us-east-1.amazonaws.com may not kms:DescribeKey on " + logKey,
		"otherRole may not logs:CreateLogStream on " + otherLog,
		"otherRole may not logs:PutLogEvents on " + otherLog,
		"scheduler.amazonaws.com may not sts:AssumeRole on " + everyRole,
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("denied (-want +got):\n%s", diff)
	}
	for _, p := range g.Permissions() {
		if p.Uses == 0 && p.Role != "otherRole" && p.Sid != "Log" {
			t.Errorf("%+v is not counted as used", p)
		}
	}
}

func TestWhatTheTemplatesLeaveOpen(t *testing.T) {
	t.Parallel()
	a := &assembly.Assembly{Region: region}
	function(a, "bounded", `{"Effect":"Allow","Action":"sns:*","Resource":"*"}`)
	a.Roles[0].Boundary = "arn:aws:iam::000000000000:policy/Elsewhere"
	a.Roles[0].Elsewhere = []string{"arn:aws:iam::aws:policy/Basic"}
	function(a, "broken")
	a.Roles[1].Policies = append(a.Roles[1].Policies, assembly.Document{Name: "Q", Fault: errors.New("Fn::ImportValue: not here")})
	a.Functions = append(a.Functions, assembly.Function{Name: "bare", ARN: lambda + "bare"})
	var told []string
	g := gate.New(a, func(line string) { told = append(told, line) })
	if len(told) != 1 || !strings.Contains(told[0], "policy/Elsewhere of boundedRole stands in no template") {
		t.Errorf("told %q", told)
	}
	for _, f := range a.Functions {
		g.Invoked(f.Name, false)
	}
	a.Functions[0].LogGroup = "x"
	denied := strings.Join(slices.Sorted(maps.Keys(g.Denied())), "\n")
	for _, want := range []string{"bare may not logs:PutLogEvents", "the template gives it no role", "the policy Q of brokenRole is not understood: Fn::ImportValue: not here"} {
		if !strings.Contains(denied, want) {
			t.Errorf("denied:\n%s\nwant %q", denied, want)
		}
	}
	if err := g.StartExecution(a.Roles[0].ARN, "x", run); err == nil || !strings.Contains(err.Error(), "its policies arn:aws:iam::aws:policy/Basic stand in no template") {
		t.Errorf("error %v", err)
	}
}

func TestUnusedPermissions(t *testing.T) {
	t.Parallel()
	a := &assembly.Assembly{Region: region}
	function(a, "one", `{"Sid":"Tell","Effect":"Allow","Action":["sns:Publish","sns:Subscribe"],"Resource":"`+topic+`"}`,
		`{"Sid":"SweepParts","Effect":"Allow","Action":["s3:DeleteObject","s3:GetObject"],"Resource":"*"}`)
	files := []string{filepath.Join(t.TempDir(), "a.json"), filepath.Join(t.TempDir(), "b.json")}
	for i, file := range files {
		g := gate.New(a, func(string) {})
		g.Invoked("one", i == 0)
		if err := g.WritePermissions(file); err != nil {
			t.Fatal(err)
		}
	}
	all, err := gate.ReadPermissions(files...)
	if err != nil {
		t.Fatal(err)
	}
	const stream = "arn:aws:logs:us-east-1:000000000000:log-group:oneLogs:*"
	want := []iam.Permission{
		{Role: "oneRole", Sid: "Log", Action: "logs:CreateLogStream", Resource: stream, Uses: 1},
		{Role: "oneRole", Sid: "Log", Action: "logs:PutLogEvents", Resource: stream, Uses: 2},
		{Role: "oneRole", Sid: "SweepParts", Action: "s3:DeleteObject", Resource: "*"},
		{Role: "oneRole", Sid: "SweepParts", Action: "s3:GetObject", Resource: "*"},
		{Role: "oneRole", Sid: "Tell", Action: "sns:Publish", Resource: topic},
		{Role: "oneRole", Sid: "Tell", Action: "sns:Subscribe", Resource: topic},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	unused := gate.FindUnused(all)
	if diff := cmp.Diff(want[3:], unused.Unexplained, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("unused without a reason (-want +got):\n%s", diff)
	}
	for reason, explained := range unused.Explained {
		if diff := cmp.Diff(want[2:3], explained); diff != "" || !strings.Contains(reason, "swept a week after") {
			t.Errorf("unused for %q (-want +got):\n%s", reason, diff)
		}
	}
	if _, err := gate.ReadPermissions("nowhere.json"); err == nil {
		t.Error("a file that is not there is read")
	}
}
