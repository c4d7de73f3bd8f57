package report

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/pricing"
	"github.com/windrow-data/windrow/functions/rawzone"
)

// aRun writes what a local run leaves, as far as a report reads it: one stream with two functions, and three windows of which the first
// lies before the day.
func aRun(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(path string, content any) {
		t.Helper()
		text, isText := content.(string)
		if !isText {
			b, err := json.Marshal(content)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		path = filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("summary.json", `{
		"vendor": "acme", "from": "2026-03-10T00:00:00Z", "until": "2026-03-11T00:00:00Z", "runs": 24, "failedRuns": 0, "transitions": 130,
		"streams": [{"vendor": "acme", "name": "calls", "windows": 3, "backedOff": 1, "resumed": 1, "committedRecords": 12, "curatedRows": 11, "quarantined": 1,
			"requests": 60, "retries": 3, "throttled": 2, "reread": 5, "replaced": 1, "freshness": {"onTime": {"records": 9, "p50Seconds": 900, "p95Seconds": 2400, "maxSeconds": 2500}, "others": {"records": 2}, "boundSeconds": 2460}}],
		"lambda": {"invocations": 48, "gbSeconds": 1.5, "coldStarts": 2, "peakMemoryMBs": {"In": 20.5, "Pre": 31}},
		"faults": {"500": 4}, "findings": [{"vendor": "acme", "stream": "calls", "handler": "ingest", "kind": "Late", "count": 2, "example": "two"}],
		"alarms": {"windrow/acme: it is late": {"state": "ALARM", "tripped": true, "timeline": "01:00 OK -> ALARM\n"}},
		"requests": {"s3": {"PUT": {"requests": 100}, "LIST": {"requests": 50}, "GET": {"requests": 70}, "HEAD": {"requests": 5}, "DELETE": {"requests": 9}}, "secrets": 2, "events": 7},
		"handlers": {"ingest": {"cpuSeconds": 1.5, "logBytes": 1000}, "preprocess": {"cpuSeconds": 0.5, "logBytes": 500}}
	}`)
	at := func(hours float64) time.Time {
		return time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC).Add(time.Duration(hours * float64(time.Hour)))
	}
	for _, c := range []rawzone.Commit{
		{Start: at(-24), End: at(0), Generation: 1, Records: 1, ReadAt: at(1)},
		{Start: at(0), End: at(0.5), Generation: 1, Records: 4, Backoffs: 1, ReadAt: at(1)},
		{Start: at(0.5), End: at(1), Generation: 3, Records: 7, Resumes: 1, ReadAt: at(5)},
	} {
		write("lake/raw/acme/calls/commits/"+c.Start.Format("20060102T150405Z")+".json", c)
	}
	write("lake/curated/acme/calls/dt=2026-03-10/a.parquet", "0123456789")
	write("cdk.out/manifest.json", `{"artifacts": {
		"one.assets": {"type": "cdk:asset-manifest", "properties": {"file": "one.assets.json"}},
		"one": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "properties": {"templateFile": "one.json"}, "dependencies": ["one.assets"]}}}`)
	write("cdk.out/one.assets.json", `{"files": {"a": {"source": {"path": "asset.a", "packaging": "zip"}, "destinations": {"current": {"objectKey": "a.zip"}}}}}`)
	write("cdk.out/asset.a/bootstrap", "")
	function := func(name string, environment map[string]string) any {
		return map[string]any{"Type": "AWS::Lambda::Function", "Properties": map[string]any{
			"FunctionName": name, "Architectures": []string{"arm64"}, "MemorySize": 128, "Timeout": 60, "Runtime": "provided.al2023",
			"Code": map[string]any{"S3Key": "a.zip"}, "Environment": map[string]any{"Variables": environment},
		}}
	}
	write("cdk.out/one.json", map[string]any{"Resources": map[string]any{
		"In":       function("In", map[string]string{"WINDROW_STREAM": "calls", "WINDROW_RAW_BUCKET": "raw"}),
		"Pre":      function("Pre", map[string]string{"WINDROW_STREAM": "calls", "WINDROW_RAW_BUCKET": "raw", "WINDROW_CURATED_BUCKET": "curated"}),
		"Group":    map[string]any{"Type": "AWS::Logs::LogGroup", "Properties": map[string]any{"RetentionInDays": 14}},
		"Plain":    map[string]any{"Type": "AWS::CloudWatch::Alarm", "Properties": map[string]any{"AlarmName": "plain"}},
		"Computed": map[string]any{"Type": "AWS::CloudWatch::Alarm", "Properties": map[string]any{"AlarmName": "computed", "Metrics": []any{map[string]any{"Expression": "a + b"}, map[string]any{"MetricStat": map[string]any{}}, map[string]any{"MetricStat": map[string]any{}}}}},
		"Both":     map[string]any{"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": map[string]any{"AlarmName": "both"}},
		"Budget":   map[string]any{"Type": "AWS::Budgets::Budget", "Properties": map[string]any{}},
	}})
	return dir
}

func TestWhatARunLeavesIsRead(t *testing.T) {
	got, err := OfRun(t.Context(), root, aRun(t))
	if err != nil {
		t.Fatal(err)
	}
	at := func(minutes int) time.Time {
		return time.Date(2026, 3, 10, 0, minutes, 0, 0, time.UTC)
	}
	want := &Run{
		Runs: 24, Good: true, Invocations: 48, ColdStarts: 2, Transitions: 130,
		Streams: []Stream{{
			Vendor: "acme", Name: "calls", Committed: 3, BackedOff: 1, Resumed: 1, Reread: 5, Replaced: 1, Records: 12, Rows: 11, Quarantined: 1,
			Requests: 60, Retries: 3, Throttled: 2, Freshness: Freshness{OnTime: Ages{9, 900, 2400, 2500}, Others: Ages{Records: 2}, BoundSeconds: 2460},
			Windows: []Window{
				{Start: at(0), End: at(30), ReadAt: at(60), Records: 4, Backoffs: 1, Generation: 1},
				{Start: at(30), End: at(60), ReadAt: at(300), Records: 7, Resumes: 1, Generation: 3},
			},
		}},
		Faults: map[string]int{"500": 4}, Memory: []Memory{{"calls, preprocess", 31}, {"calls, ingest", 20.5}}, MemoryMB: 128,
		Alarms:   []Alarm{{"it is late", true, "01:00 OK -> ALARM\n"}},
		Findings: []Tally{{Stream: "calls", Handler: "ingest", Kind: "Late", Count: 2, Example: "two"}},
	}
	if diff := cmp.Diff(want, got.Run); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
}

// TestARunIsPricedByWhatItCounted works the day's work out by hand from the summary's figures.
func TestARunIsPricedByWhatItCounted(t *testing.T) {
	got, err := OfRun(t.Context(), root, aRun(t))
	if err != nil {
		t.Fatal(err)
	}
	p := pricing.USEast1
	quiet := pricing.IdleDay(1, 24)
	seconds := 2/pricing.Share(128) + quiet.Init.Seconds() + 60*pricing.VendorLatency.Seconds() + (100+50+70+5)*pricing.StorageLatency.Seconds()
	want := seconds*0.125*p.LambdaARM64GBSecond + 48*p.LambdaRequest + 150*p.S3Write + 75*p.S3Read + 130*p.Transition
	if math.Abs(got.Costs.DayUSD-want) > 1e-9 {
		t.Errorf("the day costs %v, want %v", got.Costs.DayUSD, want)
	}
	// Three jobs for each of 24 runs, a minute each at a sixteenth of a DPU.
	if want := 24 * 3 * p.GlueDPUHour / 60 / 16; math.Abs(got.Costs.GlueDayUSD-want) > 1e-9 {
		t.Errorf("as Glue jobs it costs %v, want %v", got.Costs.GlueDayUSD, want)
	}
	for _, l := range got.Costs.Lines {
		switch l.Item {
		case "alarms": // one metric of the plain alarm, two of the computed one
			if want := 3 * 12 * p.AlarmMetricMonth; math.Abs(l.BusyUSD-want) > 1e-9 {
				t.Errorf("alarms cost %v, want %v", l.BusyUSD, want)
			}
		case "composite alarms":
			if want := 12 * p.CompositeAlarmMonth; math.Abs(l.QuietUSD-want) > 1e-9 {
				t.Errorf("composite alarms cost %v, want %v", l.QuietUSD, want)
			}
		}
	}
}

func TestARunThatWentWrongSaysSo(t *testing.T) {
	s := summary{Runs: 3, FailedRuns: 1, DeadLetters: 1, Streams: []streamSummary{{Name: "calls", Missing: 2, Stale: 1, Faults: []string{"missing: key 7"}}}, Denied: map[string]int{"x": 1}}
	s.Lambda.OutOfMemory = 1
	want := []string{"calls: 2 records are missing", "calls: 1 record is stale", "calls: missing: key 7", "1 of 3 runs failed", "1 run was not started", "functions ran out of memory 1 time", "denied: x"}
	if diff := cmp.Diff(want, s.wrong()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wrong := false
	s = summary{Right: &wrong, Streams: []streamSummary{{Name: "calls", Freshness: Freshness{OnTime: Ages{P95Seconds: 7200}, BoundSeconds: 2460}}, {Name: "chats", Freshness: Freshness{OnTime: Ages{P95Seconds: 7200}}}}}
	if diff := cmp.Diff([]string{"calls: records on time took 2 h, more than 41 min"}, s.wrong()); diff != "" {
		t.Errorf("late (-want +got):\n%s", diff)
	}
	s = summary{Right: &wrong}
	if got := s.wrong(); len(got) != 1 {
		t.Errorf("wrong for a reason that is not known: %v", got)
	}
	s = summary{Runs: 3, FailedRuns: 1, DeadLetters: 1, Chaos: map[string]int{"kill": 1}}
	if got := s.wrong(); got != nil {
		t.Errorf("with chaos: %v", got)
	}
}
