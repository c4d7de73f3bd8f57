package constructs

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestTheConstructCompilesNoHandler keeps what only runs in Lambda out of what a consumer's app compiles.
func TestTheConstructCompilesNoHandler(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	const module = "github.com/windrow-data/windrow/"
	own := []string{"constructs", "constructs/gobuild", "functions/insights", "functions/jsonscan", "functions/lakesql", "functions/pricing", "functions/privacy", "functions/settings", "functions/tables", "functions/telemetry", "functions/vendorapi", "functions/window"}
	for imported := range strings.FieldsSeq(string(out)) {
		if name, ours := strings.CutPrefix(imported, module); ours && !slices.Contains(own, name) {
			t.Errorf("the construct compiles %s", imported)
		}
		for _, barred := range []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/aws-lambda-go", "github.com/parquet-go", "github.com/getkin/kin-openapi"} {
			if strings.HasPrefix(imported, barred) {
				t.Errorf("the construct compiles %s", imported)
			}
		}
	}
}
