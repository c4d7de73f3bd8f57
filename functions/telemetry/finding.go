// Package telemetry is what a handler tells of its work: findings and failures to a person, figures to CloudWatch.
//
// It stands apart so that every kind of finding and every metric has one name, wherever it is seen, made or watched; the
// construct's alarms use the same names. It imports nothing but the standard library and reads no clock.
package telemetry

import "fmt"

// DefaultRunbook is where the runbook stands. Each kind and each alarm has a heading there.
const DefaultRunbook = "https://github.com/windrow-data/windrow/blob/main/docs/runbook.md"

// Numbers are the figures of a finding, by their names.
type Numbers map[string]float64

// Finding is something a handler saw that a person should know.
type Finding struct {
	Vendor string `json:"vendor"`
	Stream string `json:"stream"`
	Kind   Kind   `json:"kind"`
	// Message says in one sentence what was seen.
	Message string `json:"message"`
	// Numbers are the figures behind the message.
	Numbers Numbers `json:"numbers,omitempty"`
	// FirstLook says where to look first, Runbook has the rest.
	FirstLook string `json:"firstLook"`
	Runbook   string `json:"runbook"`
}

// Report is the part of a handler's answer that a person or a metric is told of. Both handlers' answers embed it.
type Report struct {
	Findings []Finding `json:"findings"`
	// StalenessSeconds is how far the stream's watermark lies behind the time that the run stands for. It is nil
	// where the invocation did not learn it, or is about a past range.
	StalenessSeconds *float64 `json:"stalenessSeconds,omitempty"`
}

// Reported returns the report itself, for who has only the answer around it.
func (r *Report) Reported() *Report { return r }

// Find adds a finding.
func (r *Report) Find(f Finding) { r.Findings = append(r.Findings, f) }

// Guide fills in where to look first and where in the runbook at base the rest stands.
func (r *Report) Guide(base string) {
	for i := range r.Findings {
		r.Findings[i].FirstLook = r.Findings[i].Kind.FirstLook()
		r.Findings[i].Runbook = RunbookAt(base, string(r.Findings[i].Kind))
	}
}

// RunbookAt is the address of a heading in the runbook at base.
func RunbookAt(base, heading string) string { return fmt.Sprintf("%s#%s", base, heading) }
