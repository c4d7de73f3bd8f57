package constructs

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

func TestSimulatePointsToTheServer(t *testing.T) {
	props, given := required(), testVendor()
	given.RateLimit = vendorapi.RateLimit{Requests: 10, Per: vendorapi.Duration(time.Minute)}
	given.Streams[1].RateLimit = given.RateLimit
	props.Vendor = given
	props.SchemaFile = "schema.json"
	before := *given
	before.Streams = append([]vendorapi.Stream(nil), given.Streams...)
	if err := props.Simulate("http://127.0.0.1:4510"); err != nil {
		t.Fatal(err)
	}
	want := testVendor()
	want.BaseURL = "http://127.0.0.1:4510/v1"
	want.AllowPrivate = true
	want.RequestTimeout = vendorapi.Duration(time.Second)
	want.Retry.InitialWait = vendorapi.Duration(2 * time.Millisecond)
	want.Retry.MaxWait = vendorapi.Duration(50 * time.Millisecond)
	if diff := cmp.Diff(want, props.Vendor); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&before, given); diff != "" {
		t.Errorf("the description that was given is changed:\n%s", diff)
	}
	if props.Timeout >= time.Minute || props.SafetyMargin >= props.Timeout || props.PartBytes >= DefaultPartBytes || props.Environment != "local" || props.SchemaFile != "" {
		t.Errorf("timeout %s, safety margin %s, part of %d bytes, environment %s, schema file %q: not as a simulated day needs it",
			props.Timeout, props.SafetyMargin, props.PartBytes, props.Environment, props.SchemaFile)
	}
	if want := map[string]Architecture{"amd64": X86, "arm64": ARM64}[runtime.GOARCH]; props.Architecture != want {
		t.Errorf("the architecture is %s on a machine of %s", props.Architecture, runtime.GOARCH)
	}
	if err := props.Validate(); err != nil {
		t.Error(err)
	}
	// Elsewhere the same description is refused.
	props.Environment = "prod"
	if err := props.Validate(); err == nil || !strings.Contains(err.Error(), "Vendor.AllowPrivate is true: want false") {
		t.Errorf("a private address in prod: %v", err)
	}
}
