package constructs

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// TestOnlyAVendorThatRenewsItsSecretMayWriteIt compares the roles of vendors that differ in nothing but how a token is got.
func TestOnlyAVendorThatRenewsItsSecretMayWriteIt(t *testing.T) {
	const address = "https://login.acme.example/token"
	permissions := func(auth vendorapi.Auth) (tpl template, ingest, preprocess []string) {
		tpl, _ = synthesize(func(awscdk.Stack) *VendorPipelineProps {
			props := required()
			props.Vendor.Auth = auth
			return props
		})
		of := func(kind string) []string {
			return tpl.permissions(at(tpl.function(t, "orders", kind).Properties, "Role", "Fn::GetAtt", 0).(string))
		}
		return tpl, of("Ingest"), of("Preprocess")
	}
	reads, readsIngest, readsPreprocess := permissions(vendorapi.ClientCredentials(address))
	renews, renewsIngest, renewsPreprocess := permissions(vendorapi.RefreshToken(address))
	raw, secret := renews.bucket(t, "RawBucket").ID, renews.only(t, "AWS::SecretsManager::Secret").ID
	var more []string
	for _, line := range renewsIngest {
		if !slices.Contains(readsIngest, line) {
			more = append(more, line)
		}
	}
	want := []string{
		"Allow s3:GetObject <" + raw + ".Arn>/acme/lease-token.json",
		"Allow s3:ListBucket <" + raw + `.Arn> {"StringLike":{"s3:prefix":"acme/lease-token.json*"}}`,
		"Allow s3:PutObject <" + raw + ".Arn>/acme/lease-token.json",
		"Allow secretsmanager:PutSecretValue <" + secret + ">",
		"Allow secretsmanager:UpdateSecretVersionStage <" + secret + ">",
	}
	if diff := cmp.Diff(want, more); diff != "" {
		t.Errorf("what a renewing ingest may more (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(readsPreprocess, renewsPreprocess); diff != "" {
		t.Errorf("preprocess has nothing to do with it (-want +got):\n%s", diff)
	}
	for name, c := range map[string]struct {
		tpl  template
		want bool
	}{"one that reads": {reads, false}, "one that renews": {renews, true}} {
		var definition string
		for _, machine := range c.tpl.ofType("AWS::StepFunctions::StateMachine") {
			definition += text(machine.Properties["DefinitionString"])
		}
		if got := strings.Contains(definition, string(telemetry.TokenLost)); got != c.want {
			t.Errorf("%s: the run catches %s: %v, want %v", name, telemetry.TokenLost, got, c.want)
		}
		rules := text(at(c.tpl.bucket(t, "RawBucket").Properties, "LifecycleConfiguration"))
		if got := strings.Contains(rules, "acme/lease-token.json"); got != c.want {
			t.Errorf("%s: old versions of the lease expire: %v, want %v", name, got, c.want)
		}
	}
}

func TestASimulatedVendorGivesItsTokensToo(t *testing.T) {
	props := required()
	props.Vendor.Auth = vendorapi.AccountCredentials("https://login.acme.example/oauth/token")
	if err := props.Simulate("http://127.0.0.1:8080"); err != nil {
		t.Fatal(err)
	}
	if got := props.Vendor.Auth.Token.URL; got != "http://127.0.0.1:8080/oauth/token" {
		t.Errorf("tokens are asked for at %s", got)
	}
	if err := props.Vendor.Validate(); err != nil {
		t.Error(err)
	}
}
