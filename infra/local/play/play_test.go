package play

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/windrow-data/windrow/constructs/gobuild"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/gate"
	"github.com/windrow-data/windrow/infra/local/toolcache"
)

// shop is a vendor that is not ON24, to be found under a path.
func shop(name string) *vendorapi.Vendor {
	return &vendorapi.Vendor{
		Name:         name,
		BaseURL:      "VENDOR_URL/" + name + "/v1",
		AllowPrivate: true,
		Auth:         vendorapi.Auth{Kind: vendorapi.AuthBearer, TokenField: "token"},
		Retry:        vendorapi.Retry{InitialWait: vendorapi.Duration(time.Millisecond), MaxWait: vendorapi.Duration(10 * time.Millisecond)},
		Streams: []vendorapi.Stream{{
			Name: "orders",
			Path: "/orders",
			Window: vendorapi.Window{
				Start:      vendorapi.Place{In: vendorapi.InQuery, Name: "from"},
				End:        vendorapi.Place{In: vendorapi.InQuery, Name: "to"},
				Layout:     vendorapi.LayoutUnix,
				Resolution: vendorapi.Duration(time.Second),
			},
			Paging: vendorapi.Paging{
				Kind: vendorapi.PagingNumber, First: 1, Size: 50,
				Place:     vendorapi.Place{In: vendorapi.InQuery, Name: "page"},
				SizePlace: vendorapi.Place{In: vendorapi.InQuery, Name: "size"},
			},
			RecordsPath: "orders",
			Total:       vendorapi.Total{Path: "total"},
			Key:         []string{"id"},
			TimePath:    "placed_at",
			Settle:      vendorapi.Duration(5 * time.Minute),
			Lookback:    vendorapi.Duration(24 * time.Hour),
			Audit:       vendorapi.AuditCount,
			Columns: []vendorapi.Column{
				{Name: "id", Type: vendorapi.TypeInt64},
				{Name: "placed_at", Type: vendorapi.TypeTimestamp},
				{Name: "note", Type: vendorapi.TypeString},
			},
		}},
	}
}

// writeAssembly writes a cloud assembly with a pipeline for each vendor, VENDOR_URL in the place of their address.
func writeAssembly(t *testing.T, dir string, vendors ...*vendorapi.Vendor) {
	t.Helper()
	resources := map[string]any{}
	files := map[string]any{}
	var builder gobuild.Builder
	for _, vendor := range vendors {
		name := vendor.Name
		functions := map[string]string{}
		for _, role := range []string{"ingest", "preprocess"} {
			asset := "asset." + name + "-" + role
			if _, err := builder.Folder(filepath.Join(dir, asset), "github.com/windrow-data/windrow/functions/cmd/"+role, runtime.GOARCH, nil); err != nil {
				t.Fatal(err)
			}
			writeJSON(t, filepath.Join(dir, asset, "vendor.json"), vendor)
			files[asset] = map[string]any{
				"source":       map[string]any{"path": asset, "packaging": "zip"},
				"destinations": map[string]any{"x": map[string]any{"objectKey": asset + ".zip"}},
			}
			variables := map[string]any{
				"WINDROW_STREAM":     "orders",
				"WINDROW_PIPELINE":   name,
				"WINDROW_RAW_BUCKET": map[string]any{"Ref": name + "Raw"},
				// Far below the timeout, so that there is time to ask.
				"WINDROW_SAFETY_MARGIN": "1s",
			}
			if role == "ingest" {
				variables["WINDROW_SECRET"] = map[string]any{"Ref": name + "Secret"}
			} else {
				variables["WINDROW_CURATED_BUCKET"] = map[string]any{"Ref": name + "Curated"}
			}
			functions[role] = name + role
			resources[name+role+"Role"] = roleFor("lambda.amazonaws.com", []string{"s3:*", "secretsmanager:*", "logs:*"}, "*")
			resources[name+role] = map[string]any{"Type": "AWS::Lambda::Function", "Properties": map[string]any{
				"Runtime": "provided.al2023", "Timeout": 10, "Code": map[string]any{"S3Key": asset + ".zip"}, "Role": arnOf(name + role + "Role"),
				"Environment": map[string]any{"Variables": variables},
			}}
		}
		task := func(role, end string) string {
			return fmt.Sprintf(`{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"${%s.Arn}","Payload":{
				"run.$":"$$.Execution.Name","startedAt.$":"$$.Execution.StartTime","input.$":"$$.Execution.Input"}},
				"ResultSelector":{"more.$":"$.Payload.more"},"ResultPath":"$.%s",%s}`, functions[role], role, end)
		}
		definition := fmt.Sprintf(`{"StartAt":"Ingest","States":{"Ingest":%s,"Preprocess":%s}}`, task("ingest", `"Next":"Preprocess"`), task("preprocess", `"End":true`))
		resources[name+"Raw"] = map[string]any{"Type": "AWS::S3::Bucket"}
		resources[name+"Curated"] = map[string]any{"Type": "AWS::S3::Bucket"}
		resources[name+"Secret"] = map[string]any{"Type": "AWS::SecretsManager::Secret"}
		resources[name+"Machine"] = map[string]any{"Type": "AWS::StepFunctions::StateMachine", "Properties": map[string]any{
			"DefinitionString": map[string]any{"Fn::Sub": definition}, "RoleArn": arnOf(name + "MachineRole"),
		}}
		resources[name+"MachineRole"] = roleFor("states.amazonaws.com", "lambda:InvokeFunction", "*")
		resources[name+"ScheduleRole"] = roleFor("scheduler.amazonaws.com", []string{"states:StartExecution", "sqs:SendMessage"},
			[]any{map[string]any{"Ref": name + "Machine"}, arnOf("Undelivered")})
		resources[name+"Schedule"] = map[string]any{"Type": "AWS::Scheduler::Schedule", "Properties": map[string]any{
			"ScheduleExpression": "rate(1 hour)",
			"Target": map[string]any{"Arn": map[string]any{"Ref": name + "Machine"}, "Input": `{"scheduledTime":"<aws.scheduler.scheduled-time>"}`,
				"RoleArn": arnOf(name + "ScheduleRole"), "DeadLetterConfig": map[string]any{"Arn": arnOf("Undelivered")}},
		}}
	}
	resources["Undelivered"] = map[string]any{"Type": "AWS::SQS::Queue"}
	writeJSON(t, filepath.Join(dir, "template.json"), map[string]any{"Resources": resources})
	writeJSON(t, filepath.Join(dir, "assets.json"), map[string]any{"files": files})
	writeJSON(t, filepath.Join(dir, "manifest.json"), map[string]any{"artifacts": map[string]any{
		"assets": map[string]any{"type": "cdk:asset-manifest", "properties": map[string]any{"file": "assets.json"}},
		"shops": map[string]any{"type": "aws:cloudformation:stack", "environment": "aws://x/eu-central-1",
			"properties": map[string]any{"templateFile": "template.json"}, "dependencies": []string{"assets"}},
	}})
}

// roleFor is a role that a service may take on, with one statement.
func roleFor(service string, actions, resources any) map[string]any {
	return map[string]any{"Type": "AWS::IAM::Role", "Properties": map[string]any{
		"AssumeRolePolicyDocument": map[string]any{"Statement": map[string]any{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"Service": service}}},
		"Policies": []any{map[string]any{"PolicyName": "All", "PolicyDocument": map[string]any{"Statement": map[string]any{
			"Sid": "All", "Effect": "Allow", "Action": actions, "Resource": resources,
		}}}},
	}}
}

func arnOf(id string) map[string]any { return map[string]any{"Fn::GetAtt": []string{id, "Arn"}} }

func writeJSON(t *testing.T, path string, value any) {
	t.Helper()
	content, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// app is a command that writes the assembly in dir as an app would: to $CDK_OUTDIR, with the vendor's address from the
// context.
func app(dir string) string {
	return fmt.Sprintf(`set -e; cp -r %q/. "$CDK_OUTDIR"; url=$(echo "$CDK_CONTEXT_JSON" | sed 's/.*"vendorUrl":"\([^"]*\)".*/\1/')
		for f in "$CDK_OUTDIR"/asset.*/vendor.json; do sed "s|VENDOR_URL|$url|" "$f" > "$f.new"; mv "$f.new" "$f"; done`, dir)
}

func TestAnyAssemblyIsPlayed(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the functions")
	}
	userCache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeAssembly(t, dir, shop("acme"), shop("other"))
	var said bytes.Buffer
	from := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	options := Options{
		App:       app(dir),
		Env:       "local",
		From:      from,
		Until:     from.Add(3 * time.Hour),
		Seed:      7,
		Attendees: 400,
		Out:       filepath.Join(t.TempDir(), "out"),
		Cache:     toolcache.Cache{Dir: filepath.Join(userCache, "windrow"), Say: func(line string) { t.Log(line) }},
		Screen:    NewScreen(&said, false),
	}
	summary, err := Run(t.Context(), options)
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	check := func(runs int) {
		t.Helper()
		summary.Print(&said, options.Out)
		if !summary.Good() || summary.Vendor != "acme,other" || summary.Runs != runs || len(summary.Streams) != 2 {
			t.Errorf("summary %+v\n%s", summary, said.String())
		}
		if ingest := summary.Handlers["ingest"]; ingest.Invocations != runs || ingest.InitSeconds <= 0 || ingest.Secrets == 0 || ingest.LogBytes == 0 || ingest.S3[gate.Put].Requests == 0 {
			t.Errorf("ingest has taken %+v", ingest)
		}
		for _, stream := range summary.Streams {
			both := stream.Handlers["preprocess"].S3[gate.Put].Requests + stream.Handlers["ingest"].S3[gate.Put].Requests
			if both == 0 || both >= summary.Requests.S3[gate.Put].Requests {
				t.Errorf("%d of %d puts are of the stream of %s", both, summary.Requests.S3[gate.Put].Requests, stream.Vendor)
			}
			if stream.VendorRecords == 0 || stream.VendorRecords != stream.CuratedRows {
				t.Errorf("%s: %d records of the vendor, %d rows", stream.Vendor, stream.VendorRecords, stream.CuratedRows)
			}
		}
		if runtime.GOOS == "linux" && summary.Lambda.PeakMemoryMB == 0 {
			t.Error("no peak memory")
		}
	}
	check(6)
	if content, err := os.ReadFile(filepath.Join(options.Out, "summary.json")); err != nil || !strings.Contains(string(content), `"missing": 0`) {
		t.Errorf("summary.json: %v\n%s", err, content)
	}

	// Its views hold each record once, those of the second vendor under its name.
	want := fmt.Sprintf(`[{"acme":%d,"named":%[1]d,"other":%d,"late":0}]`, summary.Streams[0].CuratedRows, summary.Streams[1].CuratedRows)
	if got := queried(t, options.Out, `select (select count(*) from orders) as acme, (select count(distinct id) from acme.orders_rows) as named,
		(select count(*) from other.orders) as other, (select count(*) from orders_days) as late`); got != want {
		t.Errorf("the views have %s, want %s", got, want)
	}

	// The next hours, with the data kept: the whole of the day so far is compared.
	options.Keep, options.From, options.Until = true, time.Time{}, from.Add(5*time.Hour)
	rows := summary.Streams[0].CuratedRows
	if summary, err = Run(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	check(4)
	if summary.Streams[0].CuratedRows <= rows {
		t.Errorf("%d rows after %d", summary.Streams[0].CuratedRows, rows)
	}

	// A schedule that may not start its runs: each tick is kept as undelivered.
	replaceIn(t, filepath.Join(dir, "template.json"), "states:StartExecution", "states:StopExecution")
	options.Keep, options.From, options.Until = false, from, from.Add(2*time.Hour)
	if summary, err = Run(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"acme", "other"} {
		denied := fmt.Sprintf("%[1]sScheduleRole may not states:StartExecution on arn:aws:states:eu-central-1:000000000000:stateMachine:%[1]sMachine", name)
		if n := countOf(summary.Denied, denied); n != 2 {
			t.Errorf("%q is denied %d times, want 2: %v", denied, n, summary.Denied)
		}
	}
	letters, err := os.ReadFile(filepath.Join(options.Out, "deadletters.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	if summary.Good() || summary.FailedRuns != 4 || summary.DeadLetters != 4 || strings.Count(string(letters), `"ERROR_CODE":"AWS.SFN.AccessDeniedException"`) != 4 {
		t.Errorf("summary %+v, undelivered:\n%s", summary, letters)
	}

	// A state machine that may not invoke its functions sees the error that Step Functions has for it.
	replaceIn(t, filepath.Join(dir, "template.json"), "states:StopExecution", "states:StartExecution")
	replaceIn(t, filepath.Join(dir, "template.json"), "lambda:InvokeFunction", "lambda:InvokeAsync")
	options.Until = from.Add(time.Hour)
	if summary, err = Run(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	const fails = "acme: the run failed: Lambda.AWSLambdaException: User: arn:aws:sts::000000000000:assumed-role/acmeMachineRole/local-20260310T010000Z " +
		"is not authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:eu-central-1:000000000000:function:acmeingest because"
	if summary.Good() || summary.FailedRuns != 2 || summary.DeadLetters != 0 || !strings.Contains(said.String(), fails) {
		t.Errorf("summary %+v\n%s\nwant %s", summary, said.String(), fails)
	}
}

// TestAVendorThatGivesTokensIsPlayed has one function after the other spend a refresh token that is good once, against roles and
// services as AWS has them.
func TestAVendorThatGivesTokensIsPlayed(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the functions")
	}
	dir := t.TempDir()
	tokens, login := shop("acme"), shop("other")
	tokens.Auth = vendorapi.RefreshToken("VENDOR_URL/acme-oauth/token")
	login.Auth = vendorapi.Login("VENDOR_URL/other-login", "data.token", map[string]string{"user": "user", "key": "key"})
	login.Auth.Token.Header = "X-Session"
	writeAssembly(t, dir, tokens, login)
	var said bytes.Buffer
	options := optionsFor(t, app(dir), &said)
	options.From = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	options.Until, options.Attendees = options.From.Add(4*time.Hour), 400
	summary, err := Run(t.Context(), options)
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if !summary.Good() || summary.FailedRuns != 0 || summary.Runs != 8 || summary.Requests.Secrets < 8 {
		t.Errorf("summary %+v\n%s", summary, said.String())
	}
	for _, stream := range summary.Streams {
		if stream.VendorRecords == 0 || stream.VendorRecords != stream.CuratedRows {
			t.Errorf("%s: %d records of the vendor, %d rows", stream.Vendor, stream.VendorRecords, stream.CuratedRows)
		}
	}
}

func replaceIn(t *testing.T, path, old, replacement string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(string(content), old, replacement)
	if changed == string(content) {
		t.Fatalf("%s lacks %q", path, old)
	}
	if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
}

// countOf is the count of the only text that begins so.
func countOf(counts map[string]int, beginning string) (count int) {
	for text, n := range counts {
		if strings.HasPrefix(text, beginning) {
			count += n
		}
	}
	return count
}

func TestSpan(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	last := state{From: noon, Until: noon.Add(24 * time.Hour), Played: noon.Add(6 * time.Hour), Seed: 3, Attendees: 10}
	tests := []struct {
		name      string
		options   Options
		kept      bool
		want      state
		wantSame  bool
		wantError string
	}{
		{name: "fresh", options: Options{From: noon, Until: noon.Add(time.Hour)}, want: state{From: noon, Until: noon.Add(time.Hour), Played: noon}},
		{name: "backwards", options: Options{From: noon, Until: noon}, wantError: "want an end after the start"},
		{name: "nothing kept", options: Options{Keep: true}, wantError: "no run has left data"},
		{name: "the rest of the day", options: Options{Keep: true}, kept: true, want: last, wantSame: true},
		{
			name: "another day", options: Options{Keep: true, Until: noon.Add(30 * time.Hour)}, kept: true,
			want: state{From: noon, Until: noon.Add(30 * time.Hour), Played: last.Played, Seed: 3, Attendees: 10},
		},
		{
			name: "a pause", options: Options{Keep: true, From: noon.Add(9 * time.Hour)}, kept: true,
			want: state{From: noon, Until: last.Until, Played: noon.Add(9 * time.Hour), Seed: 3, Attendees: 10}, wantSame: true,
		},
		{
			name: "from where was played before", options: Options{Keep: true, From: noon.Add(5 * time.Hour)}, kept: true,
			wantError: "-from 2026-03-10T17:00:00Z: the last run has played up to 2026-03-10T18:00:00Z",
		},
		{
			name: "until where was played before", options: Options{Keep: true, Until: last.Played}, kept: true,
			wantError: "-until 2026-03-10T18:00:00Z: the last run has played up to 2026-03-10T18:00:00Z",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			out := foldersIn(t.TempDir())
			test.options.Out = out.root
			if test.kept {
				writeJSON(t, out.state, last)
			}
			got, err := test.options.span(out)
			if test.wantError != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantError) {
					t.Errorf("error %v, want %q", err, test.wantError)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			test.want.sameWorld = test.wantSame
			if got != test.want {
				t.Errorf("span %+v, want %+v", got, test.want)
			}
		})
	}
}

// TestKeptAcrossDays goes on with a lake past the days that its vendor was simulated for, and then within those of the new
// simulation: neither compares what the first has left with the second.
func TestKeptAcrossDays(t *testing.T) {
	var said bytes.Buffer
	options := optionsFor(t, thisApp(t), &said)
	from := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	options.From, options.Interval, options.Attendees = from, 2*time.Hour, 600
	for _, part := range []struct {
		name        string
		keep        bool
		hours, runs int
		anew        bool
	}{
		{name: "a day", hours: 24, runs: 12},
		{name: "the next morning", keep: true, hours: 28, runs: 2, anew: true},
		{name: "and on", keep: true, hours: 32, runs: 2, anew: true},
	} {
		said.Reset()
		options.Keep, options.Until = part.keep, from.Add(time.Duration(part.hours)*time.Hour)
		if part.keep {
			options.From = time.Time{}
		}
		summary, err := Run(t.Context(), options)
		if err != nil {
			t.Fatalf("%s: %v\n%s", part.name, err, said.String())
		}
		summary.Print(&said, options.Out)
		if !summary.Good() || summary.Runs != part.runs {
			t.Errorf("%s: summary %+v\n%s", part.name, summary, said.String())
		}
		if told := strings.Contains(said.String(), ", from 2026-03-10 23:"); told != part.anew {
			t.Errorf("%s: it says from when on it compares: %t\n%s", part.name, told, said.String())
		}
	}
}

func TestAssemblyWithoutPipelines(t *testing.T) {
	t.Parallel()
	if _, err := pipelines(&assembly.Assembly{}); err == nil || !strings.Contains(err.Error(), "no VendorPipeline") {
		t.Errorf("error %v", err)
	}
}

func TestAppThatFails(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, command, want string }{
		{"tells why", `echo "no such environment" >&2; exit 3`, "no such environment"},
		{"writes nothing", "true", "no cloud assembly"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := synthesize(t.Context(), test.command, filepath.Join(t.TempDir(), "cdk.out"), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
