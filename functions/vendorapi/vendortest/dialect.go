package vendortest

import (
	"encoding/json"
	"net/http"
	"time"
)

// dialect is how one vendor speaks. The server around it has the clock, the faults, the limits and the counts.
type dialect interface {
	// route returns the stream that a request is for, or the vendor's refusal.
	route(q *request) (stream string, refusal *answer)
	// authorize returns nil where the credentials of a request are right, else the vendor's refusal.
	authorize(q *request) (refusal *answer)
	// serve answers an authorized request for a stream as of now.
	serve(q *request, stream string, now time.Time) *answer
	// limits returns how many requests a stream admits in which time, and the account; zero means any number.
	limits(stream string) (own, account limit)
	// overLimit is the vendor's own answer to too many requests; clock is the real time.
	overLimit(clock time.Time) *answer
}

// request is an HTTP request whose body has been read.
type request struct {
	*http.Request
	body []byte
	// clock is the real time, by which tokens expire.
	clock time.Time
	// expired says that the token of the request, if it has one, is to be refused.
	expired bool
}

// answer is what a vendor says, before faults.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	records int
}

type limit struct {
	requests int
	per      time.Duration
}

// refuse makes an error answer in the form {"message": "..."}.
func refuse(status int, message string) *answer {
	body, err := json.Marshal(map[string]string{"message": message})
	if err != nil {
		panic(err) // A map of strings always marshals.
	}
	return jsonAnswer(status, body, 0)
}

func jsonAnswer(status int, body []byte, records int) *answer {
	return &answer{status: status, header: http.Header{"Content-Type": {"application/json;charset=UTF-8"}}, body: body, records: records}
}
