// Package telemetry is what a handler tells of its work: findings and failures to a person, figures to CloudWatch.
//
// It stands apart so that every kind of finding and every metric has one name, wherever it is seen, made or watched; the
// construct's alarms use the same names. It imports nothing but the standard library and reads no clock.
package telemetry

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

// DefaultRunbook is where the runbook stands. Each kind and each alarm has a heading there.
const DefaultRunbook = "https://github.com/windrow-data/windrow/blob/main/docs/runbook.md"

// Numbers are the figures of a finding, by their names.
type Numbers map[string]float64

// Finding is something a handler saw that a person should know.
type Finding struct {
	Vendor string `json:"vendor"`
	Stream string `json:"stream"`
	Kind   Kind   `json:"kind"`
	// Message says in one sentence what was seen, in at most [MaxMessageBytes].
	Message string `json:"message"`
	// Numbers are the figures behind the message.
	Numbers Numbers `json:"numbers,omitempty"`
	// FirstLook says where to look first, Runbook has the rest.
	FirstLook string `json:"firstLook"`
	Runbook   string `json:"runbook"`
	// More is how many further findings of the kind there were, which only the log has. The last finding of a kind in an
	// answer says so.
	More int `json:"more,omitempty"`
}

// What an answer holds of its findings. The state of an execution and the message that tells of it are 256 KB at most each,
// and the answers of all streams travel together in one. A finding takes about 0.5 KB beside its message, so 8 of 600 bytes make
// an answer of less than 12 KB, and those of ingest and preprocess of ten streams less than 240 KB.
// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
// https://docs.aws.amazon.com/general/latest/gr/sns.html
const (
	// MaxOfKind is how many findings of one kind an answer holds: further ones say the same of another window.
	MaxOfKind = 3
	// MaxFindings is how many findings an answer holds in all, but for one of each kind, which it always has. It is how many
	// kinds one handler can tell of.
	MaxFindings = 8
	// MaxMessageBytes is how long a finding's message is, as JSON writes it.
	MaxMessageBytes = 600
)

// Report is the part of a handler's answer that a person or a metric is told of. Both handlers' answers embed it.
type Report struct {
	// Findings are those that the answer has room for, see [Report.Find].
	Findings []Finding `json:"findings"`
	// StalenessSeconds is how far the stream's watermark lies behind the time that the run stands for. It is nil
	// where the invocation did not learn it, or is about a past range.
	StalenessSeconds *float64 `json:"stalenessSeconds,omitempty"`
}

// Reported returns the report itself, for who has only the answer around it.
func (r *Report) Reported() *Report { return r }

// Find adds a finding. Where there are [MaxOfKind] of its kind, or [MaxFindings] in all, it only counts, in More of the last
// one of its kind; the first one of a kind always has a place.
func (r *Report) Find(f Finding) {
	f.Message = Shorten(f.Message, MaxMessageBytes)
	last, ofKind := 0, 0
	for i := range r.Findings {
		if r.Findings[i].Kind == f.Kind {
			last, ofKind = i, ofKind+1
		}
	}
	if ofKind == MaxOfKind || ofKind > 0 && len(r.Findings) >= MaxFindings {
		r.Findings[last].More++
		return
	}
	r.Findings = append(r.Findings, f)
	if len(r.Findings) > MaxFindings {
		r.makeRoom()
	}
}

// makeRoom leaves the latest finding out that is not the only one of its kind.
func (r *Report) makeRoom() {
	for i, f := range slices.Backward(r.Findings) {
		for j := range slices.Backward(r.Findings[:i]) {
			if r.Findings[j].Kind == f.Kind {
				r.Findings[j].More += 1 + f.More
				r.Findings = slices.Delete(r.Findings, i, i+1)
				return
			}
		}
	}
}

// Found returns how many findings there were, those included that the answer has no room for.
func (r *Report) Found() int {
	found := len(r.Findings)
	for _, f := range r.Findings {
		found += f.More
	}
	return found
}

// Guide fills in where to look first and where in the runbook at base the rest stands.
func (r *Report) Guide(base string) {
	for i := range r.Findings {
		r.Findings[i].FirstLook = r.Findings[i].Kind.FirstLook()
		r.Findings[i].Runbook = RunbookAt(base, string(r.Findings[i].Kind))
	}
}

// RunbookAt is the address of a heading in the runbook at base.
func RunbookAt(base, heading string) string { return fmt.Sprintf("%s#%s", base, heading) }

// Shorten returns text as it is where JSON writes it in at most most bytes, and else its beginning with an ellipsis, cut between
// two characters.
func Shorten(text string, most int) string {
	const ellipsis = "…"
	size, end := 0, 0
	for at := 0; at < len(text); {
		_, width := utf8.DecodeRuneInString(text[at:])
		// A string always marshals.
		quoted, _ := json.Marshal(text[at : at+width])
		if size += len(quoted) - len(`""`); size > most {
			return text[:end] + ellipsis
		}
		at += width
		if size <= most-len(ellipsis) {
			end = at
		}
	}
	return text
}
