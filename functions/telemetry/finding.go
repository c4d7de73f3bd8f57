// Package telemetry is what a handler tells a person of its work. It stands apart so that every kind of finding
// has one name, wherever it is seen.
package telemetry

// Kind names what a finding is about. A runbook has one heading for each.
type Kind string

const (
	// CountsUnsettled says that the vendor's totals and its records never agreed within the attempts.
	CountsUnsettled Kind = "counts-unsettled"
	// RunsOverlap says that two runs of a stream were at work on one window.
	RunsOverlap Kind = "runs-overlap"
	// RangeUnread says that the vendor did not give a part of a past range.
	RangeUnread Kind = "range-unread"
	// NotCarried says that a window was too large for the records to be kept that have left it.
	NotCarried Kind = "not-carried"
	// Quarantined says that records could not be curated.
	Quarantined Kind = "quarantined"
	// UndeclaredFields says that records hold fields which no column declares, seen for the first time.
	UndeclaredFields Kind = "undeclared-fields"
)

// Finding is something a handler saw that a person should know.
type Finding struct {
	Vendor string `json:"vendor"`
	Stream string `json:"stream"`
	Kind   Kind   `json:"kind"`
	// Message says in one sentence what was seen, with its numbers, and what to look at first.
	Message string `json:"message"`
}
