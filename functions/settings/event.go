package settings

import (
	"fmt"
	"time"
)

// MaxAhead is how far ahead of the clock a scheduled time may lie. A run ahead of its time would commit
// windows that the vendor has not filled yet.
const MaxAhead = 5 * time.Minute

// Event is what the state machine gives a function.
type Event struct {
	// Run is the name of the execution.
	Run string `json:"run"`
	// StartedAt is when the execution was started.
	StartedAt time.Time `json:"startedAt"`
	// Input is the execution's own input, as the schedule, an event or a person gave it.
	Input Input `json:"input"`
}

// Input is the input of an execution.
type Input struct {
	// ScheduledTime is the tick of the schedule that the execution stands for. A run can be made again under
	// its old time, and a day can be simulated in seconds.
	ScheduledTime time.Time `json:"scheduledTime,omitzero"`
}

// Now returns the time that the run stands for: the scheduled time, or the start of the execution where
// there is none. It refuses one more than [MaxAhead] ahead of clock.
func (e Event) Now(clock time.Time) (time.Time, error) {
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
	return now.UTC(), nil
}
