package gate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/iam"
)

// maxBodyBytes is more than any request to the services behind it may have.
const maxBodyBytes = 4 << 20

// Secrets returns a handler that lets calls of Secrets Manager through to next.
func (g *Gate) Secrets(next http.Handler) http.Handler {
	return g.front("secretsmanager.", next, func(c *caller, operation string, body []byte) error {
		var q struct{ SecretId, VersionId, VersionStage string }
		if err := json.Unmarshal(body, &q); err != nil {
			return nil // The service says what is wrong with it.
		}
		secret, known := g.secrets[q.SecretId]
		if !known {
			secret.ARN = fmt.Sprintf("arn:aws:secretsmanager:%s:%s:secret:%s", g.region, assembly.Account, q.SecretId)
		}
		who := c.identity()
		// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
		context := iam.Context{
			"secretsmanager:SecretId": {secret.ARN}, "secretsmanager:VersionId": nil, "secretsmanager:VersionStage": nil,
			"secretsmanager:SecretPrimaryRegion": {g.region},
		}
		switch operation {
		case "GetSecretValue":
			context["secretsmanager:VersionId"] = some(q.VersionId)
			context["secretsmanager:VersionStage"] = []string{cmp.Or(q.VersionStage, "AWSCURRENT")}
		case "UpdateSecretVersionStage":
			context["secretsmanager:VersionStage"] = some(q.VersionStage)
		}
		if err := g.decide(who, "secretsmanager:"+operation, secret.ARN, context); err != nil {
			return err
		}
		// https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
		var actions []string
		switch operation {
		case "GetSecretValue":
			actions = []string{decrypt}
		case "PutSecretValue":
			actions = []string{generateDataKey, decrypt}
		}
		if err := g.useKey(who, secret.Key, "secretsmanager", iam.Context{"SecretARN": {secret.ARN}}, actions...); err != nil {
			return err
		}
		g.count(c.Name, func(r *Requests) { r.Secrets++ })
		return nil
	})
}

// Events returns a handler that lets calls of EventBridge through to next.
func (g *Gate) Events(next http.Handler) http.Handler {
	return g.front("AWSEvents.", next, func(c *caller, operation string, body []byte) error {
		var q struct {
			Entries []struct{ EventBusName, Source, DetailType string }
		}
		if err := json.Unmarshal(body, &q); err != nil {
			return nil // The service says what is wrong with it.
		}
		// A bus is asked for once, with everything that the request puts on it.
		// https://docs.aws.amazon.com/eventbridge/latest/userguide/policy-keys-eventbridge.html
		contexts := map[string]iam.Context{}
		var buses []string
		for _, e := range q.Entries {
			name := cmp.Or(e.EventBusName, assembly.DefaultBus)
			bus := cmp.Or(g.buses[name], fmt.Sprintf("arn:aws:events:%s:%s:event-bus/%s", g.region, assembly.Account, name))
			if contexts[bus] == nil {
				contexts[bus] = iam.Context{"events:eventBusInvocation": {"false"}, "events:source": nil, "events:detail-type": nil}
				buses = append(buses, bus)
			}
			contexts[bus]["events:source"] = distinct(contexts[bus]["events:source"], e.Source)
			contexts[bus]["events:detail-type"] = distinct(contexts[bus]["events:detail-type"], e.DetailType)
		}
		for _, bus := range buses {
			if err := g.decide(c.identity(), "events:"+operation, bus, contexts[bus]); err != nil {
				return err
			}
		}
		g.count(c.Name, func(r *Requests) { r.Events += len(q.Entries) })
		return nil
	})
}

// front lets calls of a service's JSON protocol through to next where allow does. Prefix is what the service's name
// is in front of its operations.
func (g *Gate) front(prefix string, next http.Handler, allow func(c *caller, operation string, body []byte) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := g.caller(r)
		if c == nil {
			refuseJSON(w, "UnrecognizedClientException", "The access key is none of a function of this run.")
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
		if err != nil {
			refuseJSON(w, "InvalidRequestException", "the body was not read: "+err.Error())
			return
		}
		if err := allow(c, strings.TrimPrefix(r.Header.Get("X-Amz-Target"), prefix), body); err != nil {
			refuseJSON(w, "AccessDeniedException", err.Error())
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

func refuseJSON(w http.ResponseWriter, kind, message string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-ErrorType", kind)
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]string{"__type": kind, "Message": message})
}

func some(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

func distinct(values []string, value string) []string {
	if value == "" || slices.Contains(values, value) {
		return values
	}
	return append(values, value)
}
