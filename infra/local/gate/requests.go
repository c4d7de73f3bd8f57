package gate

import "maps"

// Kind is a kind of request to S3, as it is priced: https://aws.amazon.com/s3/pricing/. PUT stands for POST and copies
// too.
type Kind string

const (
	Put    Kind = "PUT"
	List   Kind = "LIST"
	Get    Kind = "GET"
	Head   Kind = "HEAD"
	Delete Kind = "DELETE"
)

// Count is a number of requests, and how many of them failed of the condition that they were made on, which costs the
// same.
type Count struct {
	Requests            int `json:"requests"`
	FailedConditionally int `json:"failedConditionally,omitempty"`
}

// Requests are the calls of functions that cost money and were answered by the service; denied ones are not among them.
type Requests struct {
	S3 map[Kind]Count `json:"s3,omitempty"`
	// Secrets are the calls of Secrets Manager, Events the entries put on event buses.
	Secrets int `json:"secrets"`
	Events  int `json:"events"`
}

// Add adds other to r.
func (r *Requests) Add(other Requests) {
	for kind, count := range other.S3 {
		if r.S3 == nil {
			r.S3 = map[Kind]Count{}
		}
		sum := r.S3[kind]
		sum.Requests += count.Requests
		sum.FailedConditionally += count.FailedConditionally
		r.S3[kind] = sum
	}
	r.Secrets += other.Secrets
	r.Events += other.Events
}

// Requests returns what each function has asked for so far, by its name.
func (g *Gate) Requests() map[string]Requests {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	all := map[string]Requests{}
	for name, r := range g.requests {
		all[name] = Requests{S3: maps.Clone(r.S3), Secrets: r.Secrets, Events: r.Events}
	}
	return all
}

// count changes what is counted of a function.
func (g *Gate) count(function string, change func(*Requests)) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	change(g.requests[function])
}
