package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the templates that TestTemplates compares with")

// templatesDir holds the templates of the deployed environments, so that what a change does to a deployment shows in its diff.
const templatesDir = "infra/testdata/templates"

// deployed is the context of each deployed environment, with answers to all that may be asked.
var deployed = map[string]map[string]string{
	"dev":     {"env": "dev", "clientId": "90001"},
	"staging": {"env": "staging", "clientId": "90001", "anomalies": "true"},
	"prod": {
		"env": "prod", "clientId": "90001", "account": "111122223333", "region": "eu-west-1", "owner": "marketing-data", "costCenter": "4711",
		"alarmEmail": "oncall@example.com,data@example.com", "anomalies": "true",
	},
}

// assetHash is the name of an asset, which another byte in a handler changes.
var assetHash = regexp.MustCompile(`[0-9a-f]{64}`)

// stacks synthesizes an environment and returns its templates by the names of their stacks.
func stacks(t *testing.T, context map[string]string) map[string][]byte {
	t.Helper()
	props := appProps(t, context)
	if err := synthesize(props); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(*props.Outdir, "*.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	templates := map[string][]byte{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		templates[strings.TrimSuffix(filepath.Base(path), ".template.json")] = content
	}
	return templates
}

func TestTemplates(t *testing.T) {
	for env, context := range deployed {
		t.Run(env, func(t *testing.T) {
			for stack, content := range stacks(t, context) {
				want := legible(t, assetHash.ReplaceAll(content, []byte("ASSET")))
				path := filepath.Join(templatesDir, stack+".json")
				if *update {
					if err := os.MkdirAll(templatesDir, 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(path, want, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				got, err := os.ReadFile(path)
				if err != nil {
					t.Fatalf("%v: run go test ./infra -run TestTemplates -update", err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%s is not what is synthesized (-kept +synthesized). If that is meant, run go test ./infra -run TestTemplates -update and commit it:\n%s",
						path, cmp.Diff(decode(t, got), decode(t, want)))
				}
			}
		})
	}
}

var encodedView = regexp.MustCompile(`"/\* Presto View: ([A-Za-z0-9+/=]+) \*/"`)

// legible puts what is encoded of a view in the place of its code, the SQL line by line, so that a change of it can be read.
func legible(t *testing.T, template []byte) []byte {
	return encodedView.ReplaceAllFunc(template, func(text []byte) []byte {
		decoded, err := base64.StdEncoding.DecodeString(string(encodedView.FindSubmatch(text)[1]))
		if err != nil {
			t.Fatal(err)
		}
		view := decode(t, decoded).(map[string]any)
		view["originalSql"] = strings.Split(view["originalSql"].(string), "\n")
		var shown bytes.Buffer
		encoder := json.NewEncoder(&shown)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("     ", " ")
		if err := encoder.Encode(view); err != nil {
			t.Fatal(err)
		}
		return bytes.TrimSpace(shown.Bytes())
	})
}

// TestNoColumnChangesUnnoticed holds infra/schema.json to what is synthesized.
func TestNoColumnChangesUnnoticed(t *testing.T) {
	for _, context := range deployed {
		before, err := os.ReadFile(filepath.Join("..", schemaFile))
		if err != nil {
			if before, err = os.ReadFile(schemaFile); err != nil {
				t.Fatal(err)
			}
		}
		if err := synthesize(appProps(t, context)); err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(schemaFile)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before, after) {
			t.Errorf("%s was not up to date: commit what the synthesis has added", schemaFile)
		}
	}
}

func decode(t *testing.T, content []byte) (value any) {
	t.Helper()
	if err := json.Unmarshal(content, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// TestKeptResourcesAreNamed holds what docs/deploy.md has imported again to the ids in the templates.
func TestKeptResourcesAreNamed(t *testing.T) {
	document, err := os.ReadFile(filepath.Join("..", "docs", "deploy.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```json\n(.*?)```").FindSubmatch(document)
	if block == nil {
		t.Fatal("there is no file of what is kept")
	}
	var kept map[string]map[string]string
	if err := json.Unmarshal(block[1], &kept); err != nil {
		t.Fatal(err)
	}
	identifiers := map[string]string{"AWS::S3::Bucket": "BucketName", "AWS::SecretsManager::Secret": "Id"}
	for env := range deployed {
		var template struct {
			Resources map[string]struct{ Type, DeletionPolicy string }
		}
		read(t, filepath.Join("testdata", "templates", "windrow-"+env+"-on24.json"), &template)
		for id, identifier := range kept {
			r := template.Resources[id]
			if _, ok := identifier[identifiers[r.Type]]; !ok || r.DeletionPolicy != "Retain" {
				t.Errorf("%s: %s is %+v, identified by %v", env, id, r, identifier)
			}
		}
	}
}

// TestWhatWasATableIsAViewNow holds the resources that were the streams' tables in what was deployed before there were views to being the
// views of the same names: under other IDs, CloudFormation would make views beside tables of their names, and fail.
func TestWhatWasATableIsAViewNow(t *testing.T) {
	for env, stack := range keptTemplates(t) {
		for id, name := range map[string]string{
			"PipelineTableevents9EB8F060": "events", "PipelineTableregistrants28B7853D": "registrants", "PipelineTableattendeesDEB86EC7": "attendees",
			"PipelineTableleads26025AF8": "leads", "PipelineTablequestions9E93C34C": "questions",
		} {
			input, _ := stack.Resources[id].Properties["TableInput"].(map[string]any)
			if stack.Resources[id].Type != "AWS::Glue::Table" || input["Name"] != name || input["TableType"] != "VIRTUAL_VIEW" {
				t.Errorf("%s: %s is %v", env, id, stack.Resources[id])
			}
			rows := 0
			stack.each("AWS::Glue::Table", func(_ string, r cfnResource) {
				if input := r.Properties["TableInput"].(map[string]any); input["Name"] == name+"_rows" && input["TableType"] == "EXTERNAL_TABLE" {
					rows++
				}
			})
			if rows != 1 {
				t.Errorf("%s: %d tables hold the rows of %s", env, rows, name)
			}
		}
	}
}

// Limits of CloudFormation. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const (
	maxTemplateBytes = 1_000_000
	maxResources     = 500
)

// TestTemplatesAreOfASizeThatIsTaken leaves room for what is added: half of what CloudFormation takes.
func TestTemplatesAreOfASizeThatIsTaken(t *testing.T) {
	for env, context := range deployed {
		for stack, content := range stacks(t, context) {
			var template cfnTemplate
			if err := json.Unmarshal(content, &template); err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %s has %d bytes and %d resources", env, stack, len(content), len(template.Resources))
			if len(content) > maxTemplateBytes/2 || len(template.Resources) > maxResources/2 {
				t.Errorf("%s: %s has %d bytes and %d resources", env, stack, len(content), len(template.Resources))
			}
		}
	}
}

// keptTemplates are the kept templates of the environments' pipelines.
func keptTemplates(t *testing.T) map[string]cfnTemplate {
	t.Helper()
	all := map[string]cfnTemplate{}
	for env := range deployed {
		var template cfnTemplate
		read(t, filepath.Join("testdata", "templates", "windrow-"+env+"-on24.json"), &template)
		all[env] = template
	}
	return all
}
