package alarms

import (
	"fmt"
	"strings"
	"time"
)

// Timeline is what one alarm has done, for a person, a line for each change, in UTC:
//
//	10:30 OK -> ALARM: sum of ExecutionsFailed over 30m was 1, threshold >= 1
//
// The date is added where the changes of all alarms are not of one day.
func (r Result) Timeline(alarm string) string {
	layout := "15:04"
	for _, change := range r.Changes {
		if !day(change.At).Equal(day(r.Changes[0].At)) {
			layout = "2006-01-02 15:04"
		}
	}
	var text strings.Builder
	for _, change := range r.Changes {
		if change.Alarm == alarm {
			fmt.Fprintf(&text, "%s %s -> %s: %s\n", change.At.UTC().Format(layout), change.From, change.To, change.Reason)
		}
	}
	if text.Len() > 0 {
		return text.String()
	}
	state, ok := r.States[alarm]
	if !ok {
		return fmt.Sprintf("there is no alarm %s\n", alarm)
	}
	return fmt.Sprintf("%s all the time\n", state)
}

func day(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }

// inWords writes a span of full minutes: 5m, 1h, 90m, 1d.
func inWords(span time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}} {
		if span%unit.length == 0 {
			return fmt.Sprintf("%d%s", span/unit.length, unit.name)
		}
	}
	return fmt.Sprintf("%dm", span/time.Minute)
}
