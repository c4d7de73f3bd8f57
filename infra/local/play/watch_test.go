package play

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/windrow-data/windrow/infra/local/alarms"
)

// TestMessagesKeepTheirAlarmOn has an alarm read a queue that nobody empties, more often than runs take place.
func TestMessagesKeepTheirAlarmOn(t *testing.T) {
	t.Parallel()
	ten := time.Date(2026, 3, 10, 10, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return ten.Add(time.Duration(minutes) * time.Minute) }
	for _, test := range []struct {
		name     string
		messages []int
		want     []string
	}{
		{name: "an empty queue"},
		{name: "a message", messages: []int{30}, want: []string{"10:31 OK -> ALARM"}},
		{name: "messages of different hours", messages: []int{30, 150}, want: []string{"10:31 OK -> ALARM"}},
		{name: "a message of the last tick", messages: []int{240}, want: []string{"14:01 OK -> ALARM"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := &watch{store: &alarms.Store{}, queues: map[string][]time.Time{}}
			w.alarms.Metric = []alarms.MetricAlarm{{
				Name:    "dead letters",
				Queries: []alarms.Query{{ID: "m", Metric: messagesVisible("DeadLetters"), Statistic: alarms.Maximum}}, Watched: "m",
				Period: 5 * time.Minute, EvaluationPeriods: 1, DatapointsToAlarm: 1, RangePeriods: 1 + alarms.ExtraPeriods,
				Comparison: alarms.GreaterThanOrEqualToThreshold, Threshold: 1, MissingData: alarms.MissingIsNotBreaching,
			}}
			for _, minutes := range test.messages {
				w.message("arn:aws:sqs:us-east-1:000000000000:DeadLetters", at(minutes))
			}
			summaries, err := w.evaluate(ten, at(240))
			if err != nil {
				t.Fatal(err)
			}
			var changes []string
			for line := range strings.Lines(summaries["dead letters"].Timeline) {
				if change, _, _ := strings.Cut(line, ": "); !strings.Contains(change, "INSUFFICIENT_DATA") {
					changes = append(changes, change)
				}
			}
			if !slices.Equal(changes, test.want) {
				t.Errorf("changes %q, want %q", changes, test.want)
			}
		})
	}
}
