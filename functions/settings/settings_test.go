package settings_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/telemetry"
)

func parse(env map[string]string) (settings.Settings, error) {
	return settings.Parse(func(name string) string { return env[name] })
}

func TestParse(t *testing.T) {
	required := map[string]string{"WINDROW_STREAM": "attendees", "WINDROW_RAW_BUCKET": "raw", "WINDROW_PIPELINE": "web/Pipeline"}
	got, err := parse(required)
	want := settings.Settings{
		Stream: "attendees", RawBucket: "raw", Pipeline: "web/Pipeline", Runbook: telemetry.DefaultRunbook, PartBytes: settings.DefaultPartBytes,
		SafetyMargin: settings.DefaultSafetyMargin, DefaultRate: settings.DefaultRate, LogLevel: settings.DefaultLogLevel,
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("the required ones alone: %v\n%s", err, diff)
	}

	got, err = parse(map[string]string{
		"WINDROW_STREAM": "attendees", "WINDROW_RAW_BUCKET": "raw", "WINDROW_CURATED_BUCKET": "curated", "WINDROW_SECRET": "arn",
		"WINDROW_PRIVACY_KEY_SECRET": "arn of the key",
		"WINDROW_PIPELINE":           "web/Pipeline", "WINDROW_RUNBOOK": "https://example.com/runbook", "WINDROW_EVENT_BUS": "default",
		"WINDROW_PART_BYTES": "1024", "WINDROW_SAFETY_MARGIN": "1m30s", "WINDROW_DEFAULT_RATE": "12.5",
		"WINDROW_GENESIS": "2026-03-01T00:00:00Z", "WINDROW_LOG_LEVEL": "WARN",
	})
	want = settings.Settings{
		Stream: "attendees", RawBucket: "raw", CuratedBucket: "curated", Secret: "arn", PrivacyKeySecret: "arn of the key",
		Pipeline: "web/Pipeline", Runbook: "https://example.com/runbook", EventBus: "default", PartBytes: 1024, SafetyMargin: 90 * time.Second,
		DefaultRate: 12.5, Genesis: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), LogLevel: slog.LevelWarn,
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("all of them: %v\n%s", err, diff)
	}
}

func TestParseTellsEveryFault(t *testing.T) {
	got, err := parse(map[string]string{
		"WINDROW_CURATED_BUCKET": "curated", "WINDROW_RUNBOOK": "https://example.com/runbook",
		"WINDROW_PART_BYTES": "8MiB", "WINDROW_SAFETY_MARGIN": "-1s", "WINDROW_DEFAULT_RATE": "NaN",
		"WINDROW_GENESIS": "yesterday", "WINDROW_LOG_LEVEL": "LOUD",
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"WINDROW_STREAM is not set", "WINDROW_PIPELINE is not set", "WINDROW_RAW_BUCKET is not set", `WINDROW_PART_BYTES="8MiB": want a whole number`,
		`WINDROW_SAFETY_MARGIN="-1s": want a positive duration`, `WINDROW_DEFAULT_RATE="NaN": want a number`,
		`WINDROW_GENESIS="yesterday": want a time`, `WINDROW_LOG_LEVEL="LOUD": want DEBUG`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	want := settings.Settings{
		CuratedBucket: "curated", Runbook: "https://example.com/runbook", PartBytes: settings.DefaultPartBytes,
		SafetyMargin: settings.DefaultSafetyMargin, DefaultRate: settings.DefaultRate, LogLevel: settings.DefaultLogLevel,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("beside the error (-want +got):\n%s", diff)
	}
}

func TestNow(t *testing.T) {
	clock := time.Date(2026, 3, 10, 17, 0, 0, 0, time.UTC)
	at := func(scheduled, started time.Time) settings.Event {
		return settings.Event{StartedAt: started, Input: settings.Input{ScheduledTime: scheduled}}
	}
	tests := []struct {
		name  string
		event settings.Event
		want  time.Time
		says  string
	}{
		{"the scheduled time", at(clock.Add(-time.Hour), clock), clock.Add(-time.Hour), ""},
		{"a run made again years later", at(clock.AddDate(-3, 0, 0), clock), clock.AddDate(-3, 0, 0), ""},
		{"started by a person", at(time.Time{}, clock), clock, ""},
		{"five minutes ahead", at(clock.Add(5*time.Minute), clock), clock, ""},
		{"more than five minutes ahead", at(clock.Add(5*time.Minute+time.Second), clock), time.Time{}, "more than 5m0s ahead of the clock"},
		{"no time at all", settings.Event{}, time.Time{}, "want input.scheduledTime or startedAt"},
		{"another zone", at(clock.In(time.FixedZone("", -7*3600)), clock), clock, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.event.Now(clock)
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("error %v, want one that says %q", err, test.says)
				}
				return
			}
			if err != nil || !got.Equal(test.want) || got.Location() != time.UTC {
				t.Errorf("got %s, %v, want %s in UTC", got, err, test.want)
			}
		})
	}
}
