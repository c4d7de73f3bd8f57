// Package functions holds no code: its one test watches over what the packages below it import.
package functions

import (
	"os/exec"
	"strings"
	"testing"
)

// TestHandlersDoNotImportCDK keeps the construct and CDK, some 100 MB of them, out of what runs in Lambda.
func TestHandlersDoNotImportCDK(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	packages := strings.Fields(string(out))
	for _, own := range []string{"/functions/vendorapi", "/functions/cmd/ingest", "/functions/cmd/preprocess"} {
		if !strings.Contains(string(out), "github.com/windrow-data/windrow"+own+"\n") {
			t.Errorf("go list does not name %s: the test looks at the wrong packages", own)
		}
	}
	for _, imported := range packages {
		for _, barred := range []string{
			"github.com/windrow-data/windrow/constructs",
			"github.com/windrow-data/windrow/infra",
			"github.com/aws/aws-cdk-go",
			"github.com/aws/constructs-go",
			"github.com/aws/jsii-runtime-go",
			"github.com/cdklabs/",
			"github.com/getkin/kin-openapi",
		} {
			if strings.HasPrefix(imported, barred) {
				t.Errorf("a package under functions imports %s", imported)
			}
		}
	}
}

// TestHandlersLinkWhatTheyUse keeps out of each handler what would make its zip and its start longer for nothing.
func TestHandlersLinkWhatTheyUse(t *testing.T) {
	const sdk = "github.com/aws/aws-sdk-go-v2/"
	for handler, barred := range map[string][]string{
		"ingest":     {sdk + "config", sdk + "service/sts", sdk + "service/eventbridge", "github.com/parquet-go/parquet-go", "text/template"},
		"erase":      {sdk + "config", sdk + "service/sts", sdk + "service/eventbridge", "text/template"},
		"preprocess": {sdk + "config", sdk + "service/sts", "text/template"},
	} {
		out, err := exec.Command("go", "list", "-deps", "-tags", "lambda.norpc", "./cmd/"+handler).CombinedOutput()
		if err != nil {
			t.Fatalf("go list: %v\n%s", err, out)
		}
		if !strings.Contains(string(out), sdk+"service/s3\n") {
			t.Errorf("go list does not name the client of S3 for %s: the test looks at the wrong packages", handler)
		}
		for _, unused := range barred {
			if strings.Contains("\n"+string(out), "\n"+unused+"\n") {
				t.Errorf("%s links %s", handler, unused)
			}
		}
	}
}
