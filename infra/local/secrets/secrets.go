// Package secrets answers the few Secrets Manager calls that functions make, for values that a local run was given.
//
// It follows https://docs.aws.amazon.com/secretsmanager/latest/apireference/ as far as AWS's SDKs look. Values live in
// memory only. Signatures are not verified: only processes of this machine reach it, and it holds only what simulates
// a vendor or what the person at the machine has given.
package secrets

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Stages of a version that Secrets Manager itself moves.
const (
	stageCurrent  = "AWSCURRENT"
	stagePrevious = "AWSPREVIOUS"
)

const maxRequestBytes = 1 << 20

// What PutSecretValue takes. https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
const (
	minTokenBytes = 32
	maxTokenBytes = 64
	maxStages     = 20
)

// Server holds secrets and is an http.Handler. It is safe for concurrent use.
type Server struct {
	now func() time.Time

	mutex   sync.Mutex
	secrets map[string]*secret
}

// secret is one secret: its versions, the newest last, and which version each stage stands on.
type secret struct {
	arn, name string
	versions  []version
	stages    map[string]string
}

type version struct {
	id, value string
	created   time.Time
}

// NewServer returns a server without secrets.
func NewServer(now func() time.Time) *Server {
	return &Server{now: now, secrets: map[string]*secret{}}
}

// Set gives a secret its first value.
func (s *Server) Set(arn, name, value string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	created := &secret{arn: arn, name: name, stages: map[string]string{}}
	created.put(versionID(arn, 0), value, []string{stageCurrent}, s.now())
	s.secrets[arn] = created
	s.secrets[name] = created
}

// Value returns the current value of the secret with the name or ARN, and false where there is no such secret.
func (s *Server) Value(id string) (string, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	named, ok := s.secrets[id]
	if !ok {
		return "", false
	}
	v, ok := named.find("", "")
	return v.value, ok
}

// put adds a version and moves stages to it.
func (s *secret) put(id, value string, stages []string, now time.Time) {
	s.versions = append(s.versions, version{id: id, value: value, created: now})
	for _, stage := range stages {
		if before, ok := s.stages[stageCurrent]; ok && stage == stageCurrent {
			s.stages[stagePrevious] = before
		}
		s.stages[stage] = id
	}
}

// find returns the version with an id, or the one that a stage stands on, or both at once.
func (s *secret) find(id, stage string) (version, bool) {
	if id == "" {
		if stage == "" {
			stage = stageCurrent
		}
		id = s.stages[stage]
	}
	for _, v := range s.versions {
		if v.id == id && (stage == "" || s.stages[stage] == id) {
			return v, true
		}
	}
	return version{}, false
}

func (s *secret) stagesOf(id string) []string {
	stages := []string{}
	for stage, on := range s.stages {
		if on == id {
			stages = append(stages, stage)
		}
	}
	return stages
}

// request holds the fields of all calls; each uses its own.
type request struct {
	SecretId            string
	VersionId           string
	VersionStage        string
	VersionStages       []string
	ClientRequestToken  string
	SecretString        string
	MoveToVersionId     string
	RemoveFromVersionId string
}

// fault is an error of the API.
type fault struct {
	kind    string
	message string
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
	var q request
	if err != nil || json.Unmarshal(body, &q) != nil {
		refuse(w, &fault{"InvalidRequestException", "the body is not a JSON object"})
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	named, ok := s.secrets[q.SecretId]
	if !ok {
		refuse(w, &fault{"ResourceNotFoundException", "Secrets Manager can't find the specified secret."})
		return
	}
	var answer map[string]any
	var refusal *fault
	switch operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager."); operation {
	case "GetSecretValue":
		answer, refusal = get(named, q)
	case "PutSecretValue":
		answer, refusal = s.putValue(named, q)
	case "UpdateSecretVersionStage":
		answer, refusal = move(named, q)
	default:
		refusal = &fault{"UnknownOperationException", fmt.Sprintf("%q is not answered locally, only GetSecretValue, PutSecretValue and UpdateSecretVersionStage", operation)}
	}
	if refusal != nil {
		refuse(w, refusal)
		return
	}
	send(w, http.StatusOK, answer)
}

func get(s *secret, q request) (map[string]any, *fault) {
	v, ok := s.find(q.VersionId, q.VersionStage)
	if !ok {
		return nil, &fault{"ResourceNotFoundException", "Secrets Manager can't find the specified secret value."}
	}
	return map[string]any{
		"ARN":           s.arn,
		"Name":          s.name,
		"VersionId":     v.id,
		"VersionStages": s.stagesOf(v.id),
		"SecretString":  v.value,
		"CreatedDate":   float64(v.created.UnixMilli()) / 1000,
	}, nil
}

func (s *Server) putValue(to *secret, q request) (map[string]any, *fault) {
	id := q.ClientRequestToken
	if id == "" {
		id = versionID(to.arn, len(to.versions))
	}
	if len(id) < minTokenBytes || len(id) > maxTokenBytes {
		return nil, &fault{"InvalidParameterException", fmt.Sprintf("ClientRequestToken has %d characters, want %d to %d.", len(id), minTokenBytes, maxTokenBytes)}
	}
	if len(q.VersionStages) > maxStages {
		return nil, &fault{"InvalidParameterException", fmt.Sprintf("A version has at most %d staging labels.", maxStages)}
	}
	stages := q.VersionStages
	if len(stages) == 0 {
		stages = []string{stageCurrent}
	}
	if v, ok := to.find(id, ""); ok {
		// The same call again is answered as before; another value under its token is refused.
		if v.value != q.SecretString {
			return nil, &fault{"ResourceExistsException", "A version with this token exists and holds another value."}
		}
	} else {
		to.put(id, q.SecretString, stages, s.now())
	}
	return map[string]any{"ARN": to.arn, "Name": to.name, "VersionId": id, "VersionStages": to.stagesOf(id)}, nil
}

// move moves a stage only from the version that the caller believes it on, which makes it a compare-and-swap.
func move(s *secret, q request) (map[string]any, *fault) {
	on, taken := s.stages[q.VersionStage]
	if taken && q.MoveToVersionId != on && q.RemoveFromVersionId != on {
		return nil, &fault{"InvalidParameterException", "The staging label is on another version than the one in RemoveFromVersionId."}
	}
	if q.MoveToVersionId == "" && q.VersionStage == stageCurrent {
		return nil, &fault{"InvalidParameterException", "AWSCURRENT stands on some version: give MoveToVersionId."}
	}
	if q.MoveToVersionId == "" {
		delete(s.stages, q.VersionStage)
	} else {
		if _, ok := s.find(q.MoveToVersionId, ""); !ok {
			return nil, &fault{"ResourceNotFoundException", "Secrets Manager can't find the specified secret version."}
		}
		if q.VersionStage == stageCurrent && on != q.MoveToVersionId {
			s.stages[stagePrevious] = on
		}
		s.stages[q.VersionStage] = q.MoveToVersionId
	}
	return map[string]any{"ARN": s.arn, "Name": s.name}, nil
}

// versionID makes an id of the form that Secrets Manager's have.
func versionID(arn string, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", arn, n))
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func refuse(w http.ResponseWriter, f *fault) {
	send(w, http.StatusBadRequest, map[string]any{"__type": f.kind, "message": f.message})
}

func send(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
