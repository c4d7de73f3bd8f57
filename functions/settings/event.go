package settings

import (
	"fmt"
	"time"

	"github.com/windrow-data/windrow/functions/telemetry"
)

// MaxAhead is how far ahead of the clock a scheduled time may lie, since clocks differ. The run then stands for the
// clock's time: one ahead of its time would commit windows that the vendor has not filled yet.
const MaxAhead = 5 * time.Minute

// Event is what a state machine gives a function.
type Event struct {
	// Run is the name of the execution.
	Run string `json:"run"`
	// StartedAt is when the execution was started.
	StartedAt time.Time `json:"startedAt"`
	// Input is the execution's own input, as the schedule, an event or a person gave it.
	Input Input `json:"input"`
	// Lane and Lanes say which share of a past range an invocation works on: the days whose number since
	// 1970-01-01 leaves the remainder Lane when divided by Lanes. Zero Lanes means all days.
	Lane  int `json:"lane,omitempty"`
	Lanes int `json:"lanes,omitempty"`
	// Transitions is how many state transitions the invocation stands for: its own, and its share of those around it.
	Transitions float64 `json:"transitions,omitempty"`
	// Position is how far the round before has got with a past range, as its answer told; empty at the beginning.
	Position string `json:"position,omitempty"`
}

// Input is the input of an execution.
type Input struct {
	// ScheduledTime is the tick of the schedule that the execution stands for. A run can be made again under
	// its old time, and a day can be simulated in seconds.
	ScheduledTime time.Time `json:"scheduledTime,omitzero"`
	// Start and End are the past range [Start, End) to read, or to make curated objects of, again. Zero means
	// an ordinary run.
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
	// Replay says which curated objects of the range are made again from what is committed: [ReplayAll] or
	// [ReplayQuarantined]. Empty means those without a receipt, after the vendor has been read.
	Replay string `json:"replay,omitempty"`
	// Action is what is to be done with what the lake holds of a person: [ActionErase], [ActionExport] or [ActionFind].
	Action string `json:"action,omitempty"`
	// Digest is the keyed digest of the person's e-mail address.
	Digest string `json:"digest,omitempty"`
	// Forgotten are people whom the vendor has forgotten, for [ActionFind].
	Forgotten telemetry.PersonForgotten `json:"forgotten,omitzero"`
}

// Values of [Input.Action].
const (
	// ActionErase takes the person out of the lake.
	ActionErase = "erase"
	// ActionExport copies what the lake holds of the person.
	ActionExport = "export"
	// ActionFind finds out the digests of people whom the vendor has forgotten.
	ActionFind = "find"
)

// IsPast reports whether the input is about a past range.
func (i Input) IsPast() bool { return !i.Start.IsZero() || !i.End.IsZero() }

// Values of [Input.Replay].
const (
	// ReplayAll makes all windows of the range again.
	ReplayAll = "all"
	// ReplayQuarantined makes the windows again that have records in quarantine.
	ReplayQuarantined = "quarantined"
)

// Check says what is wrong with an input that is about a past range.
func (i Input) Check() error {
	switch {
	case i.Start.IsZero() || i.End.IsZero():
		return fmt.Errorf("the input has only one of start and end: want both, for example 2026-03-01T00:00:00Z and 2026-03-08T00:00:00Z")
	case !i.Start.Before(i.End):
		return fmt.Errorf("the input's range [%s, %s) is empty: want a start before its end", i.Start.Format(time.RFC3339), i.End.Format(time.RFC3339))
	case i.Replay != "" && i.Replay != ReplayAll && i.Replay != ReplayQuarantined:
		return fmt.Errorf("the input's replay is %q: want %q, %q or none", i.Replay, ReplayAll, ReplayQuarantined)
	}
	return nil
}

// Now returns the time that the run stands for: the scheduled time, or the start of the execution where
// there is none, and never one after clock. It refuses one more than [MaxAhead] ahead of clock, and an input that
// [Input.Check] refuses.
func (e Event) Now(clock time.Time) (time.Time, error) {
	if e.Input.IsPast() {
		if err := e.Input.Check(); err != nil {
			return time.Time{}, err
		}
	}
	now := e.Input.ScheduledTime
	if now.IsZero() {
		now = e.StartedAt
	}
	if now.IsZero() {
		return time.Time{}, fmt.Errorf("the event has no time: want input.scheduledTime or startedAt, for example 2026-03-10T17:00:00Z")
	}
	if now.After(clock.Add(MaxAhead)) {
		return time.Time{}, fmt.Errorf("the scheduled time %s is more than %s ahead of the clock (%s): start the run when its time has come",
			now.UTC().Format(time.RFC3339), MaxAhead, clock.UTC().Format(time.RFC3339))
	}
	if now.After(clock) {
		now = clock.Truncate(time.Second)
	}
	return now.UTC(), nil
}
