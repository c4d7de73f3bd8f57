// Package events is an event bus on this machine: it takes what functions put on EventBridge, keeps it in a file and hands
// it on.
//
// It answers PutEvents alone, as https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
// describes it. Signatures are not verified and nothing is authorized here: that is for a gate in front of it. Whoever is
// handed the events decides what follows on them, by rules whose patterns [Matches] reads.
package events

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Event is an event as EventBridge delivers it to a target.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
type Event struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"` // in RFC 3339, whole seconds
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// Options say what a server takes and where it goes.
type Options struct {
	Account, Region string
	// Buses are the names of the buses by their names and ARNs.
	Buses map[string]string
	// DefaultBus is the name of the bus for entries that name none.
	DefaultBus string
	// Keep gets one line an event, {"bus": name, "event": {...}}.
	Keep io.Writer
	// Deliver is told of each event that was taken and kept, one after another.
	Deliver func(bus string, e Event)
	Now     func() time.Time
}

// Server is an http.Handler that takes events. It is safe for concurrent use.
type Server struct {
	options Options
	mutex   sync.Mutex // orders what is kept and delivered
}

// NewServer returns a server.
func NewServer(o Options) *Server { return &Server{options: o} }

// Limits of PutEvents. Entries are measured as
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size says.
const (
	maxEntries   = 10
	maxBytes     = 1 << 20
	timeBytes    = 14
	maxBodyBytes = 4 << 20 // JSON in JSON is longer than what it stands for.
)

// entry is one event of a request. Time is a number of seconds since 1970, as the protocol has it.
type entry struct {
	Source, DetailType, Detail, EventBusName string
	Time                                     *json.Number
	Resources                                []string
}

func (e entry) size() int {
	n := len(e.Source) + len(e.DetailType) + len(e.Detail)
	if e.Time != nil {
		n += timeBytes
	}
	for _, r := range e.Resources {
		n += len(r)
	}
	return n
}

// result is what is said of an entry: its id, or why it failed.
type result struct {
	EventId      string `json:",omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AWSEvents."); operation != "PutEvents" {
		refuse(w, "UnknownOperationException", fmt.Sprintf("%q is not answered locally, only PutEvents", operation))
		return
	}
	var request struct{ Entries []entry }
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	if err := decoder.Decode(&request); err != nil {
		refuse(w, "SerializationException", "the body is not a JSON object with entries: "+err.Error())
		return
	}
	if n := len(request.Entries); n < 1 || n > maxEntries {
		refuse(w, "ValidationException", fmt.Sprintf("%d entries: want 1 to %d", n, maxEntries))
		return
	}
	total := 0
	for _, e := range request.Entries {
		total += e.size()
	}
	if total >= maxBytes {
		refuse(w, "ValidationException", fmt.Sprintf("the entries have %d bytes: want less than %d", total, maxBytes))
		return
	}
	results := make([]result, len(request.Entries))
	failed := 0
	for i, e := range request.Entries {
		var err error
		if results[i], err = s.take(e); err != nil {
			refuse(w, "InternalFailure", err.Error())
			return
		}
		if results[i].ErrorCode != "" {
			failed++
		}
	}
	send(w, http.StatusOK, map[string]any{"FailedEntryCount": failed, "Entries": results})
}

// take keeps and delivers one entry. Its error is that of keeping it.
func (s *Server) take(e entry) (result, error) {
	bus, known := s.options.Buses[cmp.Or(e.EventBusName, s.options.DefaultBus)]
	switch {
	case !known:
		return result{ErrorCode: "InvalidArgument", ErrorMessage: fmt.Sprintf("EventBusName %q: no template has this bus", e.EventBusName)}, nil
	case e.Source == "" || e.DetailType == "" || e.Detail == "":
		return result{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter Source, DetailType or Detail is not valid: want text"}, nil
	case !isObject(e.Detail):
		return result{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed: want a JSON object"}, nil
	}
	at := s.options.Now()
	if e.Time != nil {
		seconds, err := strconv.ParseFloat(e.Time.String(), 64)
		if err != nil {
			return result{ErrorCode: "InvalidArgument", ErrorMessage: "Time is not valid: want seconds since 1970"}, nil
		}
		at = time.Unix(int64(seconds), 0)
	}
	event := Event{
		Version: "0", ID: newID(), DetailType: e.DetailType, Source: e.Source, Account: s.options.Account,
		Time: at.UTC().Format(time.RFC3339), Region: s.options.Region, Resources: append([]string{}, e.Resources...), Detail: json.RawMessage(e.Detail),
	}
	line, err := json.Marshal(map[string]any{"bus": bus, "event": event})
	if err != nil {
		return result{}, err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if _, err := s.options.Keep.Write(append(line, '\n')); err != nil {
		return result{}, fmt.Errorf("keep the event: %w", err)
	}
	s.options.Deliver(bus, event)
	return result{EventId: event.ID}, nil
}

func isObject(text string) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal([]byte(text), &object) == nil && object != nil
}

// newID makes an id of the form that EventBridge's have, a random UUID.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func refuse(w http.ResponseWriter, kind, message string) {
	status := http.StatusBadRequest
	if kind == "InternalFailure" {
		status = http.StatusInternalServerError
	}
	send(w, status, map[string]any{"__type": kind, "message": message})
}

func send(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
