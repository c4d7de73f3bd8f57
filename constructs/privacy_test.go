package constructs

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// withPersonal is the template of a pipeline of people, and the key that it makes.
var withPersonal = sync.OnceValue(func() template {
	tpl, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps {
		props := required()
		props.Vendor = personalVendor()
		return props
	})
	return tpl
})

// privacyKey is the secret that the pipeline has made for the key of digests.
func (tpl template) privacyKey(t *testing.T) resource {
	t.Helper()
	for _, secret := range tpl.ofType("AWS::SecretsManager::Secret") {
		if strings.HasPrefix(secret.ID, "PipelinePrivacyKey") {
			return secret
		}
	}
	t.Fatal("the template has no privacy key")
	return resource{}
}

// TestThePrivacyKeyIsGeneratedOnce has the words stay by which CloudFormation generates it: with any others it would generate another key, and
// each person would have another digest from then on.
func TestThePrivacyKeyIsGeneratedOnce(t *testing.T) {
	key := withPersonal().privacyKey(t)
	if diff := cmp.Diff(map[string]any{"PasswordLength": 64.0, "ExcludePunctuation": true}, key.Properties["GenerateSecretString"]); diff != "" {
		t.Errorf("a deployment would generate another key (-before +now):\n%s", diff)
	}
	if key.ID != "PipelinePrivacyKeyFF300BAE" {
		t.Errorf("its logical ID is %s: a deployment would make another one in its place", key.ID)
	}
	if key.DeletionPolicy != "Retain" || key.UpdateReplacePolicy != "Retain" {
		t.Errorf("with the stack it is %q, and where it is replaced %q", key.DeletionPolicy, key.UpdateReplacePolicy)
	}
}

func TestOnlyWhoMakesDigestsReadsThePrivacyKey(t *testing.T) {
	tpl := withPersonal()
	key := "<" + tpl.privacyKey(t).ID + ">"
	for _, f := range tpl.ofType("AWS::Lambda::Function") {
		env := variables(f)
		role := at(f.Properties, "Role", "Fn::GetAtt", 0).(string)
		reads := slices.Contains(tpl.permissions(role), "Allow secretsmanager:GetSecretValue "+key)
		told := env["WINDROW_PRIVACY_KEY_SECRET"]
		// Orders are hashed, and preprocess makes their rows; nothing of refund notes is personal. Ingest of any stream asks whether a record is
		// of somebody who is forgotten.
		makes := env["WINDROW_STREAM"] != "refund-notes" || env["WINDROW_CURATED_BUCKET"] == ""
		if makes != reads || makes != (told == key) {
			t.Errorf("%s of %s: it makes digests is %v, may read the key is %v, is told of %q", f.ID, env["WINDROW_STREAM"], makes, reads, told)
		}
	}
}

func TestAPrivacyKeyOfOnesOwn(t *testing.T) {
	tpl := withEverything()
	if secrets := tpl.ofType("AWS::SecretsManager::Secret"); len(secrets) > 0 {
		t.Errorf("the template has %d secrets", len(secrets))
	}
	f := tpl.function(t, "orders", "Preprocess")
	if got := variables(f)["WINDROW_PRIVACY_KEY_SECRET"]; got != ownPrivacyKey {
		t.Errorf("the function is told of %q", got)
	}
	if got := tpl.permissions(at(f.Properties, "Role", "Fn::GetAtt", 0).(string)); !slices.Contains(got, "Allow secretsmanager:GetSecretValue "+ownPrivacyKey) {
		t.Errorf("the function may %s", strings.Join(got, "\n"))
	}
}

// TestAPrivacyKeyUnderAKey lets the functions use what their key is encrypted with.
func TestAPrivacyKeyUnderAKey(t *testing.T) {
	tpl, _ := synthesize(func(stack awscdk.Stack) *VendorPipelineProps {
		props := required()
		props.Vendor = personalVendor()
		props.PrivacyKeySecret = awssecretsmanager.Secret_FromSecretAttributes(stack, jsii.String("Key"), &awssecretsmanager.SecretAttributes{
			SecretCompleteArn: jsii.String(ownPrivacyKey), EncryptionKey: awskms.Key_FromKeyArn(stack, jsii.String("KMS"), jsii.String(ownKey)),
		})
		return props
	})
	for stream, want := range map[string]bool{"orders": true, "refund-notes": false} {
		role := at(tpl.function(t, stream, "Preprocess").Properties, "Role", "Fn::GetAtt", 0).(string)
		if got := slices.Contains(tpl.permissions(role), "Allow kms:Decrypt "+ownKey); got != want {
			t.Errorf("that preprocess of %s may decrypt is %v, want %v", stream, got, want)
		}
	}
}

func TestAVendorWithoutPersonsHasNoPrivacyKey(t *testing.T) {
	tpl := withDefaults()
	if secrets := tpl.ofType("AWS::SecretsManager::Secret"); len(secrets) != 1 {
		t.Errorf("the template has %d secrets, want the vendor's alone", len(secrets))
	}
	// Who may ask to be forgotten is known by a digest, whatever becomes of the column.
	tpl, _ = synthesize(func(awscdk.Stack) *VendorPipelineProps {
		props := required()
		props.Vendor = personalVendor()
		props.Vendor.Protect = map[vendorapi.Personal]vendorapi.Protection{vendorapi.PersonalEmail: vendorapi.ProtectKeep}
		return props
	})
	key := tpl.privacyKey(t)
	if got := variables(tpl.function(t, "orders", "Preprocess"))["WINDROW_PRIVACY_KEY_SECRET"]; got != "" {
		t.Errorf("a function that makes no digests is told of %s as %s", key.ID, got)
	}
}

func TestTablesLackWhatIsDropped(t *testing.T) {
	columns := func(tpl template) (found []string) {
		for _, table := range tpl.ofType("AWS::Glue::Table") {
			if text(at(table.Properties, "TableInput", "Name")) != "orders_rows" {
				continue
			}
			for _, c := range list(at(table.Properties, "TableInput", "StorageDescriptor", "Columns")) {
				if name := text(at(c, "Name")); !strings.HasPrefix(name, "windrow_") {
					found = append(found, name+" "+text(at(c, "Type"))+": "+text(at(c, "Comment")))
				}
			}
		}
		return found
	}
	if diff := cmp.Diff([]string{"id string: null", "time timestamp: null", "email string: E-mail address (hashed)", "name string: The person's name, masked"}, columns(withPersonal())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	tpl, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps {
		props := required()
		props.Vendor = personalVendor()
		props.Vendor.Protect = map[vendorapi.Personal]vendorapi.Protection{vendorapi.PersonalName: vendorapi.ProtectDrop, vendorapi.PersonalPhone: vendorapi.ProtectKeep}
		return props
	})
	if diff := cmp.Diff([]string{"id string: null", "time timestamp: null", "email string: E-mail address (hashed)", "phone string: Telephone number"}, columns(tpl)); diff != "" {
		t.Errorf("as the vendor's description says (-want +got):\n%s", diff)
	}
}
