package assembly_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/infra/local/assembly"
)

func TestLoadTwoStacks(t *testing.T) {
	t.Parallel()
	a, err := assembly.Load("testdata/two")
	if err != nil {
		t.Fatal(err)
	}
	const lambda = "arn:aws:lambda:us-east-1:000000000000:function:"
	wantFunctions := []assembly.Function{
		{
			Name: "first-PipelineIngest89ABCDEF",
			ARN:  lambda + "first-PipelineIngest89ABCDEF",
			Dir:  "testdata/two/asset.one",
			Environment: map[string]string{
				"BUCKET":     "first-pipelinerawbucket0123abcd",
				"SECRET":     "arn:aws:secretsmanager:us-east-1:000000000000:secret:PipelineSecret-local0",
				"PART_BYTES": "1024",
			},
			Timeout:  7 * time.Second,
			MemoryMB: 256,
			Role:     "arn:aws:iam::000000000000:role/Role",
			LogGroup: "/aws/lambda/first-PipelineIngest89ABCDEF",
		},
		{
			Name:        "the-second-PipelineIngest89ABCDEF",
			ARN:         lambda + "the-second-PipelineIngest89ABCDEF",
			Dir:         "testdata/two/asset.two",
			Environment: map[string]string{"BUCKET": "the-second-pipelinerawbucket0123abcd"},
			Timeout:     3 * time.Second,
			MemoryMB:    128,
			LogGroup:    "/aws/lambda/the-second-PipelineIngest89ABCDEF",
		},
	}
	if diff := cmp.Diff(wantFunctions, a.Functions); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
	wantBuckets := []string{"first-pipelinerawbucket0123abcd", "lake-000000000000", "the-second-pipelinerawbucket0123abcd"}
	var buckets []string
	for _, b := range a.Buckets {
		buckets = append(buckets, b.Name)
	}
	slices.Sort(buckets)
	if diff := cmp.Diff(wantBuckets, buckets); diff != "" {
		t.Errorf("buckets (-want +got):\n%s", diff)
	}
	if len(a.StateMachines) != 1 || len(a.Schedules) != 1 {
		t.Fatalf("%d state machines and %d schedules, want one of each", len(a.StateMachines), len(a.Schedules))
	}
	var definition map[string]string
	if err := json.Unmarshal([]byte(a.StateMachines[0].Definition), &definition); err != nil {
		t.Fatal(err)
	}
	wantDefinition := map[string]string{
		"function": a.Functions[0].ARN,
		"topic":    "arn:aws:sns:us-east-1:000000000000:Topic",
		"more":     "aws",
	}
	if diff := cmp.Diff(wantDefinition, definition); diff != "" {
		t.Errorf("definition (-want +got):\n%s", diff)
	}
	schedule := a.Schedules[0]
	if schedule.Target != a.StateMachines[0].ARN {
		t.Errorf("the schedule starts %s, want %s", schedule.Target, a.StateMachines[0].ARN)
	}
	if input := schedule.InputAt(time.Date(2026, 3, 10, 17, 0, 0, 0, time.UTC), "one"); input != `{"scheduledTime":"2026-03-10T17:00:00Z"}` {
		t.Errorf("input %s", input)
	}
}

func TestIntrinsicFunctions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		value   string
		want    string
		wantErr string
	}{
		{name: "text", value: `"a"`, want: "a"},
		{name: "number as written", value: `12345678901234567890`, want: "12345678901234567890"},
		{name: "boolean", value: `true`, want: "true"},
		{name: "Ref of a parameter", value: `{"Ref":"P"}`, want: "default"},
		{name: "Ref of a bucket", value: `{"Ref":"B"}`, want: "b"},
		{name: "Ref of a topic is its ARN", value: `{"Ref":"T"}`, want: "arn:aws:sns:eu-west-1:000000000000:T"},
		{name: "Ref of nothing", value: `{"Ref":"Nobody"}`, wantErr: `no resource "Nobody"`},
		{name: "GetAtt", value: `{"Fn::GetAtt":["B","Arn"]}`, want: "arn:aws:s3:::b"},
		{name: "GetAtt as text", value: `{"Fn::GetAtt":"B.Arn"}`, want: "arn:aws:s3:::b"},
		{name: "GetAtt of what is not known", value: `{"Fn::GetAtt":["B","WebsiteURL"]}`, wantErr: "WebsiteURL"},
		{name: "Join", value: `{"Fn::Join":["-",["a",{"Ref":"AWS::Region"},"c"]]}`, want: "a-eu-west-1-c"},
		{name: "Sub", value: `{"Fn::Sub":"${AWS::StackName} ${B} ${B.Arn} ${!Kept}"}`, want: "stack b arn:aws:s3:::b ${Kept}"},
		{name: "Sub with values", value: `{"Fn::Sub":["${own} ${P}",{"own":{"Ref":"AWS::Partition"}}]}`, want: "aws default"},
		{name: "Select of Split", value: `{"Fn::Select":[1,{"Fn::Split":["/","a/b/c"]}]}`, want: "b"},
		{name: "Select outside the list", value: `{"Fn::Select":["3",["a"]]}`, wantErr: "index 3 of a list of 1"},
		{name: "an object", value: `{"a":{"Ref":"P"},"b":"c"}`, wantErr: "want text"},
		{name: "the ARN of what a local run does not have", value: `{"Fn::GetAtt":["G","Arn"]}`, want: "arn:aws:glue:eu-west-1:000000000000:database/G"},
		{name: "Ref of a queue is its address", value: `{"Ref":"Q"}`, want: "https://sqs.eu-west-1.amazonaws.com/000000000000/Q"},
		{name: "another function", value: `{"Fn::ImportValue":"x"}`, wantErr: "Fn::ImportValue: this intrinsic function cannot be run locally"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			template := `{"Parameters":{"P":{"Default":"default"}},"Resources":{
				"B":{"Type":"AWS::S3::Bucket"},"T":{"Type":"AWS::SNS::Topic"},
				"G":{"Type":"AWS::Glue::Database"},"Q":{"Type":"AWS::SQS::Queue"},
				"M":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"DefinitionString":` + test.value + `}}}}`
			a, err := assembly.Load(write(t, template))
			switch {
			case test.wantErr != "":
				if err == nil || !strings.Contains(err.Error(), test.wantErr) {
					t.Errorf("error %v, want %q", err, test.wantErr)
				}
			case err != nil:
				t.Error(err)
			case a.StateMachines[0].Definition != test.want:
				t.Errorf("evaluates to %q, want %q", a.StateMachines[0].Definition, test.want)
			}
		})
	}
}

// write makes an assembly of one stack.
func write(t *testing.T, template string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"manifest.json": `{"artifacts":{"stack":{"type":"aws:cloudformation:stack","environment":"aws://1/eu-west-1","properties":{"templateFile":"t.json"}}}}`,
		"t.json":        template,
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFaultsAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := assembly.Load(write(t, `{"Resources":{
		"F":{"Type":"AWS::Lambda::Function","Properties":{"Runtime":"provided.al2023","Code":{"S3Key":"lost.zip"}}},
		"S":{"Type":"AWS::Scheduler::Schedule","Properties":{"ScheduleExpression":"cron(0 0 1 * ? *)","Target":{"Arn":"x"}}}}}`))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"F (AWS::Lambda::Function)", "lost.zip", "S (AWS::Scheduler::Schedule)", "cron(0 0 1 * ? *)"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
}

func TestNoAssembly(t *testing.T) {
	t.Parallel()
	if _, err := assembly.Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "manifest.json") {
		t.Errorf("error %v, want one that names manifest.json", err)
	}
}

func TestTicks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		expression  string
		from, until string
		want        []string
	}{
		{"cron(0/30 * * * ? *)", "09:45", "11:00", []string{"10:00", "10:30", "11:00"}},
		{"cron(0 0/6 * * ? *)", "00:00", "13:00", []string{"06:00", "12:00"}},
		{"cron(5,10 9-10 * * ? *)", "09:05", "10:05", []string{"09:10", "10:05"}},
		{"rate(20 minutes)", "09:05", "10:05", []string{"09:25", "09:45", "10:05"}},
		{"rate(1 hour)", "09:05", "10:04", nil},
	}
	for _, test := range tests {
		t.Run(test.expression, func(t *testing.T) {
			t.Parallel()
			rule, err := assembly.ParseRule(test.expression)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for tick := range rule.Ticks(clock(t, test.from), clock(t, test.until)) {
				got = append(got, tick.Format("15:04"))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("ticks (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLongestInterval(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]time.Duration{
		"cron(0/30 * * * ? *)":  30 * time.Minute,
		"cron(0 9-17 * * ? *)":  16 * time.Hour,
		"cron(5,10 12 * * ? *)": 24*time.Hour - 5*time.Minute,
		"rate(20 minutes)":      20 * time.Minute,
		"rate(3 days)":          72 * time.Hour,
	} {
		rule, err := assembly.ParseRule(expression)
		if err != nil {
			t.Fatal(err)
		}
		if got := rule.LongestInterval(); got != want {
			t.Errorf("%s: %s, want %s", expression, got, want)
		}
	}
}

func clock(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse("2006-01-02 15:04", "2026-03-10 "+text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestOtherExpressionsAreRefused(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{"", "rate(0 minutes)", "rate(5 weeks)", "at(2026-03-10T00:00:00)", "cron(0 0 1 * ? *)", "cron(60 * * * ? *)", "cron(x * * * ? *)", "cron(0/0 * * * ? *)"} {
		if _, err := assembly.ParseRule(expression); err == nil || !strings.Contains(err.Error(), "want rate(") {
			t.Errorf("%q: error %v, want one that says what is allowed", expression, err)
		}
	}
}
