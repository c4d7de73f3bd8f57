package constructs

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/settings"
)

// abortUploadsAfterDays is when an upload that was never completed is given up: no function writes for longer
// than its timeout, so that a day is generous.
const abortUploadsAfterDays = 1

// minimumTLS is the oldest TLS version that the buckets accept.
const minimumTLS = 1.2

func (p *VendorPipeline) addBuckets(props *VendorPipelineProps) {
	for field, bucket := range map[string]awss3.IBucket{"RawBucket": props.RawBucket, "CuratedBucket": props.CuratedBucket} {
		if bucket == nil {
			continue
		}
		if err := p.claim(field, "the bucket", fmt.Sprintf("%s %s %s", field, *bucket.BucketName(), props.Vendor.Name),
			"another bucket, or another Name in the vendor's description, below which everything stands"); err != nil {
			panic(err)
		}
	}
	p.RawBucket = props.RawBucket
	if p.RawBucket == nil {
		p.RawBucket = p.newRawBucket(props)
	}
	p.CuratedBucket = props.CuratedBucket
	if p.CuratedBucket == nil {
		// Everything in the curated bucket can be made again from the raw one, byte for byte. Versions would double
		// what each rewriting stores, and keep a person's data after it has been erased.
		bucket := newBucket(p, "CuratedBucket", props, false, nil)
		denyUnconditionalPuts(bucket)
		p.CuratedBucket = bucket
	}
}

func (p *VendorPipeline) newRawBucket(props *VendorPipelineProps) awss3.Bucket {
	var rules []*awss3.LifecycleRule
	for _, stream := range props.Vendor.Streams {
		// Rules name the prefix of the parts, and of the audit and the roster, which are only memories and are put anew in every run: what
		// else stands in the bucket is the commit log, of which no version may ever go.
		rules = append(rules, &awss3.LifecycleRule{
			Id:                          jsii.String("noncurrent-parts-" + stream.Name),
			Prefix:                      jsii.String(prefix(props, stream.Name) + "parts/"),
			NoncurrentVersionExpiration: days(props.NoncurrentVersionDays),
			ExpiredObjectDeleteMarker:   jsii.Bool(true),
		}, &awss3.LifecycleRule{
			Id:                          jsii.String("noncurrent-audit-" + stream.Name),
			Prefix:                      jsii.String(prefix(props, stream.Name) + "audit.json"),
			NoncurrentVersionExpiration: days(1),
		})
		if stream.Parent != nil {
			rules = append(rules, &awss3.LifecycleRule{
				Id:                          jsii.String("noncurrent-roster-" + stream.Name),
				Prefix:                      jsii.String(prefix(props, stream.Name) + "roster.json"),
				NoncurrentVersionExpiration: days(1),
			})
		}
	}
	if props.Vendor.RenewsSecret() {
		rules = append(rules, &awss3.LifecycleRule{
			Id:                          jsii.String("noncurrent-lease"),
			Prefix:                      jsii.String(settings.LeaseKey(props.Vendor.Name)),
			NoncurrentVersionExpiration: days(1),
		})
	}
	bucket := newBucket(p, "RawBucket", props, true, rules)
	denyUnconditionalPuts(bucket)
	return bucket
}

func newBucket(scope constructs.Construct, id string, props *VendorPipelineProps, versioned bool, rules []*awss3.LifecycleRule) awss3.Bucket {
	rules = append(rules, &awss3.LifecycleRule{
		Id:                                  jsii.String("incomplete-uploads"),
		AbortIncompleteMultipartUploadAfter: days(abortUploadsAfterDays),
	})
	bucket := awss3.BucketProps{
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		EnforceSSL:        jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(minimumTLS),
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		Versioned:         jsii.Bool(versioned),
		LifecycleRules:    &rules,
		RemovalPolicy:     removalPolicy(props),
	}
	if props.EncryptionKey != nil {
		bucket.Encryption = awss3.BucketEncryption_KMS
		bucket.EncryptionKey = props.EncryptionKey
		// One call to KMS stands for many objects.
		bucket.BucketKeyEnabled = jsii.Bool(true)
	}
	return awss3.NewBucket(scope, jsii.String(id), &bucket)
}

// denyUnconditionalPuts makes the bucket refuse every put that does not say what must be there for it to take effect, so that
// nothing is ever overwritten unseen, not even by hand. A multipart upload states its condition when it is completed.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
func denyUnconditionalPuts(bucket awss3.Bucket) {
	bucket.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("DenyUnconditionalPuts"),
		Effect:     awsiam.Effect_DENY,
		Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
		Actions:    jsii.Strings("s3:PutObject"),
		Resources:  jsii.Strings(*bucket.ArnForObjects(jsii.String("*"))),
		Conditions: &map[string]any{
			"Null": map[string]any{"s3:if-none-match": "true", "s3:if-match": "true"},
			"Bool": map[string]any{"s3:ObjectCreationOperation": "true"},
		},
	}))
}

// addSecret makes the secret without a value. A generated or templated one would be written anew whenever the
// template changes, over the credentials that somebody has put there.
func (p *VendorPipeline) addSecret(props *VendorPipelineProps) {
	fields := props.Vendor.SecretFields()
	if len(fields) == 0 {
		return
	}
	if props.Secret != nil {
		p.Secret = props.Secret
		return
	}
	secret := awssecretsmanager.NewSecret(p, jsii.String("Secret"), &awssecretsmanager.SecretProps{
		Description:   jsii.String(fmt.Sprintf("Credentials for the vendor %s: a JSON object with the fields %q", props.Vendor.Name, fields)),
		EncryptionKey: props.EncryptionKey,
		RemovalPolicy: removalPolicy(props),
	})
	secret.Node().DefaultChild().(awssecretsmanager.CfnSecret).AddPropertyDeletionOverride(jsii.String("GenerateSecretString"))
	p.Secret = secret
}

// addPrivacyKey makes the secret with the key of digests. What CloudFormation is told to generate must never change: it would write another
// value into a secret that is there, and every person would have another digest.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-secretsmanager-secret-generatesecretstring.html
func (p *VendorPipeline) addPrivacyKey(props *VendorPipelineProps) {
	if !props.Vendor.NeedsPrivacyKey() {
		return
	}
	if props.PrivacyKeySecret != nil {
		p.PrivacyKeySecret = props.PrivacyKeySecret
		return
	}
	p.PrivacyKeySecret = awssecretsmanager.NewSecret(p, jsii.String("PrivacyKey"), &awssecretsmanager.SecretProps{
		Description: jsii.String(fmt.Sprintf("Key from which digests of personal values of the vendor %s are made. Another value makes other digests: keep it", props.Vendor.Name)),
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			PasswordLength: jsii.Number(privacy.GeneratedKeyLength),
			// Letters and digits can be given to any command line as they are.
			ExcludePunctuation: jsii.Bool(true),
		},
		EncryptionKey: props.EncryptionKey,
		RemovalPolicy: removalPolicy(props),
	})
}

// SecretCommand is the command line that fills the vendor's secret, with "..." in place of each credential. It is empty
// where the vendor needs none.
func (p *VendorPipeline) SecretCommand() string {
	if p.Secret == nil {
		return ""
	}
	var fields []string
	for _, field := range p.vendor.SecretFields() {
		fields = append(fields, fmt.Sprintf("%q:\"...\"", field))
	}
	return fmt.Sprintf("aws secretsmanager put-secret-value --region %s --secret-id %s --secret-string '{%s}'",
		*awscdk.Stack_Of(p).Region(), *p.Secret.SecretArn(), strings.Join(fields, ","))
}

// ContextDestroyData is the context value that DestroyData needs beside it: -c windrow:destroy-data=true.
const ContextDestroyData = "windrow:destroy-data"

// mayDestroy reports whether data may go with the stack, which takes a prop and a context value.
func (p *VendorPipeline) mayDestroy(props *VendorPipelineProps) bool {
	if !props.DestroyData {
		return false
	}
	if fmt.Sprint(p.Node().TryGetContext(jsii.String(ContextDestroyData))) == "true" {
		return true
	}
	awscdk.Annotations_Of(p).AddInfo(jsii.String(fmt.Sprintf(
		"DestroyData is set, but buckets, secrets and logs are kept all the same: give -c %s=true too, to let them be deleted with the stack", ContextDestroyData)))
	return false
}

// prefix is where everything of a stream stands, in both buckets.
func prefix(props *VendorPipelineProps, stream string) string {
	return props.Vendor.Name + "/" + stream + "/"
}

func removalPolicy(props *VendorPipelineProps) awscdk.RemovalPolicy {
	if props.DestroyData {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN
}

func days(n int) awscdk.Duration { return awscdk.Duration_Days(jsii.Number(n)) }
