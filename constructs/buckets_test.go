package constructs

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

func (tpl template) bucket(t *testing.T, name string) resource {
	t.Helper()
	for _, b := range tpl.ofType("AWS::S3::Bucket") {
		if strings.Contains(b.ID, name) {
			return b
		}
	}
	t.Fatalf("the template has no bucket %s", name)
	return resource{}
}

func TestBucketsAreClosed(t *testing.T) {
	tpl := withDefaults()
	for _, name := range []string{"RawBucket", "CuratedBucket"} {
		b := tpl.bucket(t, name)
		if got := text(at(b.Properties, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault", "SSEAlgorithm")); got != "AES256" {
			t.Errorf("%s is encrypted with %s", name, got)
		}
		for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
			if at(b.Properties, "PublicAccessBlockConfiguration", block) != true {
				t.Errorf("%s lacks %s", name, block)
			}
		}
		if b.DeletionPolicy != "Retain" {
			t.Errorf("%s has the deletion policy %q, want Retain", name, b.DeletionPolicy)
		}
		var plain, old bool
		for _, policy := range tpl.ofType("AWS::S3::BucketPolicy") {
			if text(policy.Properties["Bucket"]) != "<"+b.ID+">" {
				continue
			}
			for _, statement := range list(at(policy.Properties, "PolicyDocument", "Statement")) {
				if at(statement, "Sid") == "DenyUnconditionalPuts" {
					continue
				}
				if at(statement, "Effect") != "Deny" || text(at(statement, "Principal")) != `{"AWS":"*"}` || at(statement, "Action") != "s3:*" {
					t.Errorf("%s has a statement beyond refusing: %s", name, text(statement))
				}
				plain = plain || at(statement, "Condition", "Bool", "aws:SecureTransport") == "false"
				old = old || at(statement, "Condition", "NumericLessThan", "s3:TlsVersion") == 1.2
			}
		}
		if !plain || !old {
			t.Errorf("%s: plain HTTP refused: %t, TLS before 1.2 refused: %t", name, plain, old)
		}
	}
}

func TestOnlyRawIsVersioned(t *testing.T) {
	tpl := withDefaults()
	if got := at(tpl.bucket(t, "RawBucket").Properties, "VersioningConfiguration", "Status"); got != "Enabled" {
		t.Errorf("raw versioning is %v", got)
	}
	if got := at(tpl.bucket(t, "CuratedBucket").Properties, "VersioningConfiguration"); got != nil {
		t.Errorf("curated versioning is %v, want none", got)
	}
}

func TestLifecycleLeavesTheLogAlone(t *testing.T) {
	for name, c := range map[string]struct {
		tpl  template
		days float64
	}{"defaults": {withDefaults(), DefaultNoncurrentVersionDays}, "plain": {withPlain(), 3}} {
		t.Run(name, func(t *testing.T) {
			covered := map[string]bool{}
			for _, rule := range list(at(c.tpl.bucket(t, "RawBucket").Properties, "LifecycleConfiguration", "Rules")) {
				prefix, _ := at(rule, "Prefix").(string)
				for _, removes := range []string{"ExpirationInDays", "ExpirationDate", "Transitions", "NoncurrentVersionTransitions"} {
					if at(rule, removes) != nil {
						t.Errorf("a rule has %s: %s", removes, text(rule))
					}
				}
				if at(rule, "NoncurrentVersionExpiration") == nil {
					continue
				}
				covered[prefix] = true
				if strings.HasSuffix(prefix, "/audit.json") {
					if got := at(rule, "NoncurrentVersionExpiration", "NoncurrentDays"); got != 1.0 {
						t.Errorf("versions of %s are kept %v days", prefix, got)
					}
					continue
				}
				if got := at(rule, "NoncurrentVersionExpiration", "NoncurrentDays"); got != c.days {
					t.Errorf("versions under %s are kept %v days, want %v", prefix, got, c.days)
				}
				for _, key := range []string{"acme/orders/genesis.json", "acme/orders/commits/20260310T170000Z.json"} {
					if strings.HasPrefix(key, prefix) {
						t.Errorf("the rule for %q touches %s", prefix, key)
					}
				}
			}
			if !covered["acme/orders/audit.json"] || !covered["acme/refund-notes/audit.json"] {
				t.Errorf("rules cover %v, want the audit of each stream", covered)
			}
			if !covered["acme/orders/parts/"] || !covered["acme/refund-notes/parts/"] {
				t.Errorf("rules cover %v, want the parts of each stream", covered)
			}
			for _, name := range []string{"RawBucket", "CuratedBucket"} {
				if !strings.Contains(text(at(c.tpl.bucket(t, name).Properties, "LifecycleConfiguration")), `"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":1}`) {
					t.Errorf("%s keeps incomplete uploads", name)
				}
			}
		})
	}
}

func TestBucketsRefuseUnconditionalPuts(t *testing.T) {
	tpl := withDefaults()
	for _, name := range []string{"RawBucket", "CuratedBucket"} {
		bucket := tpl.bucket(t, name).ID
		denied := false
		for _, policy := range tpl.ofType("AWS::S3::BucketPolicy") {
			if text(policy.Properties["Bucket"]) != "<"+bucket+">" {
				continue
			}
			for _, statement := range list(at(policy.Properties, "PolicyDocument", "Statement")) {
				if at(statement, "Sid") != "DenyUnconditionalPuts" {
					continue
				}
				denied = true
				want := map[string]any{
					"Sid": "DenyUnconditionalPuts", "Effect": "Deny", "Principal": map[string]any{"AWS": "*"}, "Action": "s3:PutObject",
					"Condition": map[string]any{
						"Null": map[string]any{"s3:if-match": "true", "s3:if-none-match": "true"},
						"Bool": map[string]any{"s3:ObjectCreationOperation": "true"},
					},
					"Resource": at(statement, "Resource"),
				}
				if diff := cmp.Diff(want, statement); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
				if got := text(at(statement, "Resource")); got != "<"+bucket+".Arn>/*" {
					t.Errorf("%s: the policy is about %s", name, got)
				}
			}
		}
		if !denied {
			t.Errorf("%s takes unconditional puts", name)
		}
	}
}

func TestDestroyDataDeletesWhatHoldsState(t *testing.T) {
	for _, kind := range []string{"AWS::S3::Bucket", "AWS::SecretsManager::Secret", "AWS::Logs::LogGroup"} {
		for _, r := range withDefaults().ofType(kind) {
			if r.DeletionPolicy != "Retain" {
				t.Errorf("by default %s has the deletion policy %q", r.ID, r.DeletionPolicy)
			}
		}
		for _, r := range withPlain().ofType(kind) {
			if r.DeletionPolicy != "Delete" {
				t.Errorf("with DestroyData %s has the deletion policy %q", r.ID, r.DeletionPolicy)
			}
		}
	}
	for _, r := range withPlain() {
		if strings.HasPrefix(r.Type, "Custom::") {
			t.Errorf("%s would empty a bucket by itself", r.ID)
		}
	}
}

func TestSecretHasNoValue(t *testing.T) {
	secret := withDefaults().only(t, "AWS::SecretsManager::Secret")
	for _, name := range []string{"GenerateSecretString", "SecretString"} {
		if secret.Properties[name] != nil {
			t.Errorf("the template writes %s: a deployment could overwrite the credentials", name)
		}
	}
	if got := text(secret.Properties["Description"]); !strings.Contains(got, `["token"]`) {
		t.Errorf("the description %q does not name the fields", got)
	}
}

func TestVendorWithoutCredentialsHasNoSecret(t *testing.T) {
	tpl, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps {
		vendor := testVendor()
		vendor.Auth = vendorapi.Auth{Kind: vendorapi.AuthNone}
		props := required()
		props.Vendor = vendor
		return props
	})
	if got := tpl.ofType("AWS::SecretsManager::Secret"); len(got) != 0 {
		t.Errorf("the template has %d secrets", len(got))
	}
	for _, f := range tpl.ofType("AWS::Lambda::Function") {
		if at(f.Properties, "Environment", "Variables", "WINDROW_SECRET") != nil {
			t.Errorf("%s is told of a secret", f.ID)
		}
	}
}
