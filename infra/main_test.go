package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/constructs"
	"github.com/windrow-data/windrow/constructs/gobuild"
)

// jsii is not safe for concurrent use: no test of this package runs in parallel.
func TestMain(m *testing.M) {
	code := m.Run()
	closeRuntime()
	os.Exit(code)
}

// appProps are those of an app with the context of cdk.json and more, which builds no handlers: CDK asks for
// that where a stack is only listed, by the same context.
func appProps(t *testing.T, more map[string]string) *awscdk.AppProps {
	t.Helper()
	// An app runs in the folder of cdk.json.
	if _, err := os.Stat("cdk.json"); err != nil {
		t.Chdir("..")
	}
	content, err := os.ReadFile("cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var config struct{ Context map[string]any }
	if err := json.Unmarshal(content, &config); err != nil {
		t.Fatal(err)
	}
	config.Context["aws:cdk:bundling-stacks"] = []any{}
	for key, value := range more {
		config.Context[key] = value
	}
	return &awscdk.AppProps{Context: &config.Context, Outdir: jsii.String(t.TempDir())}
}

func TestOneStackAnEnvironment(t *testing.T) {
	for env, more := range map[string]map[string]string{
		"dev":     {"clientId": "90001", constructs.ContextDestroyData: "true"},
		"staging": {"clientId": "90001"},
		"prod": {
			"clientId": "90001", "account": "111122223333", "region": "eu-west-1", "owner": "marketing-data", "costCenter": "4711",
			"alarmEmail": "oncall@example.com",
		},
		"local": {"vendorUrl": "http://127.0.0.1:4510"},
	} {
		t.Run(env, func(t *testing.T) {
			more["env"] = env
			props := appProps(t, more)
			if err := synthesize(props); err != nil {
				t.Fatal(err)
			}
			var manifest struct {
				Artifacts map[string]struct {
					Type       string
					Properties struct {
						TemplateFile          string
						TerminationProtection bool
					}
				}
			}
			read(t, filepath.Join(*props.Outdir, "manifest.json"), &manifest)
			name := "windrow-" + env + "-on24"
			stack := manifest.Artifacts[name]
			if stack.Type != "aws:cloudformation:stack" {
				t.Fatalf("there is no stack %s", name)
			}
			if stack.Properties.TerminationProtection != (env == "prod") {
				t.Errorf("termination protection is %t", stack.Properties.TerminationProtection)
			}
			var template struct {
				Resources map[string]struct {
					Type           string
					DeletionPolicy string
				}
				Outputs map[string]any
			}
			read(t, filepath.Join(*props.Outdir, stack.Properties.TemplateFile), &template)
			want := map[string]string{"dev": "Delete", "staging": "Retain", "prod": "Retain", "local": "Retain"}[env]
			functions := 0
			for id, r := range template.Resources {
				if r.Type == "AWS::Lambda::Function" {
					functions++
				}
				if r.Type == "AWS::S3::Bucket" && r.DeletionPolicy != want {
					t.Errorf("%s has the deletion policy %q, want %q", id, r.DeletionPolicy, want)
				}
			}
			if functions != 11 {
				t.Errorf("the stack has %d functions, want two for each of five streams and one that erases people", functions)
			}
			for _, output := range []string{"RawBucketName", "CuratedBucketName", "StateMachineArn", "BackfillArn", "ErasureArn", "DeadLettersUrl", "AlarmTopicArn", "DatabaseName", "WorkgroupName", "ExpectedCost", "SecretArn", "SecretCommand"} {
				if template.Outputs["Pipeline"+output] == nil {
					t.Errorf("the stack lacks the output %s", output)
				}
			}
		})
	}
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatal(err)
	}
}

func TestErrorsReachTheReader(t *testing.T) {
	if err := synthesize(appProps(t, map[string]string{"env": "qa"})); err == nil || !strings.Contains(err.Error(), `"qa"`) {
		t.Errorf("got %v, want the unknown environment", err)
	}
}

// TestAllFaultsOfTheContextAreTold has a person mend everything at once.
func TestAllFaultsOfTheContextAreTold(t *testing.T) {
	const known = "give -c KEY=VALUE, with KEY one of account, alarmEmail, anomalies, clientId, costCenter, env, organizerKey, owner, region, vendor, vendorUrl"
	for name, c := range map[string]struct {
		context map[string]string
		says    []string
	}{
		"prod without anything": {
			map[string]string{"env": "prod"},
			[]string{"-c clientId=NUMBER", "-c account=ACCOUNT", "-c region=REGION", "-c owner=TEAM", "-c costCenter=NUMBER", "-c alarmEmail=ADDRESS"},
		},
		"wrong in several ways": {
			map[string]string{"env": "dev", "clientId": "90001", "region": "europe", "vendorUrl": "http://127.0.0.1:4510", "alarmEmail": "oncall"},
			[]string{`region is "europe"`, "only one of account and region is given", "only the environment local takes one", `AlarmEmails is "oncall"`},
		},
		"a key in other letters": {
			map[string]string{"env": "dev", "clientId": "90001", "costcenter": "12"},
			[]string{"there is no context key costcenter: " + known},
		},
		"keys without an environment": {
			map[string]string{"client": "90001", "stage": "dev"},
			[]string{"there is no context key client, stage: " + known, "no environment is chosen"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := synthesize(appProps(t, c.context))
			if err == nil {
				t.Fatal("it is synthesized")
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the message does not say %q:\n%v", want, err)
				}
			}
		})
	}
}

// TestContextOfOthersIsLeftAlone synthesizes with what CDK, its command line and libraries put into the context beside cdk.json.
func TestContextOfOthersIsLeftAlone(t *testing.T) {
	if err := synthesize(appProps(t, map[string]string{
		"env": "dev", "clientId": "90001",
		"aws:cdk:enable-path-metadata": "true", "aws:cdk:toolkit": "x", "acknowledged-issue-numbers": "[1]",
		"availability-zones:account=111122223333:region=eu-west-1": `["eu-west-1a"]`, "acme/tags": "x", "@acme/construct": "x",
	})); err != nil {
		t.Error(err)
	}
}

func TestPanicsAreOneMessage(t *testing.T) {
	props := &constructs.PropsError{Faults: []constructs.Fault{{Field: "A", Value: "1", Allowed: "2"}, {Field: "B", Value: "3", Allowed: "4"}}}
	build := &gobuild.Error{Package: "example.com/m", GOARCH: "arm64", Output: "main.go:1: broken"}
	for name, c := range map[string]struct {
		recovered any
		want      string
	}{
		"all faults of props":        {props, props.Error()},
		"the compiler's words":       {fmt.Errorf("wrapped: %w", build), "wrapped: " + build.Error()},
		"a failure of CDK":           {errors.New("Error: Outdir cannot be written\n    at new App (/tmp/lib/app.js:1:2)"), "Error: Outdir cannot be written"},
		"a failure of CDK, as text":  {"Resolution error: no such thing.\nstack", "Resolution error: no such thing."},
		"a failure that starts late": {errors.New("\n\nboom\nstack"), "boom"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fault(c.recovered).Error(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
