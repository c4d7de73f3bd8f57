package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// abortUploadsAfterDays is when an upload that was never completed is given up: no function writes for longer
// than its timeout, so that a day is generous.
const abortUploadsAfterDays = 1

// minimumTLS is the oldest TLS version that the buckets accept.
const minimumTLS = 1.2

func (p *VendorPipeline) addBuckets(props *VendorPipelineProps) {
	var rules []*awss3.LifecycleRule
	for _, stream := range props.Vendor.Streams {
		// Rules name the prefix of the parts: what else stands in the bucket is the commit log, of which no
		// version may ever go.
		rules = append(rules, &awss3.LifecycleRule{
			Id:                          jsii.String("noncurrent-parts-" + stream.Name),
			Prefix:                      jsii.String(prefix(props, stream.Name) + "parts/"),
			NoncurrentVersionExpiration: days(props.NoncurrentVersionDays),
			ExpiredObjectDeleteMarker:   jsii.Bool(true),
		})
	}
	p.RawBucket = newBucket(p, "RawBucket", props, true, rules)
	// Everything in the curated bucket can be made again from the raw one, byte for byte. Versions would double
	// what each rewriting stores, and keep a person's data after it has been erased.
	p.CuratedBucket = newBucket(p, "CuratedBucket", props, false, nil)
}

func newBucket(scope constructs.Construct, id string, props *VendorPipelineProps, versioned bool, rules []*awss3.LifecycleRule) awss3.Bucket {
	rules = append(rules, &awss3.LifecycleRule{
		Id:                                  jsii.String("incomplete-uploads"),
		AbortIncompleteMultipartUploadAfter: days(abortUploadsAfterDays),
	})
	return awss3.NewBucket(scope, jsii.String(id), &awss3.BucketProps{
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		EnforceSSL:        jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(minimumTLS),
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		Versioned:         jsii.Bool(versioned),
		LifecycleRules:    &rules,
		RemovalPolicy:     removalPolicy(props),
	})
}

// addSecret makes the secret without a value. A generated or templated one would be written anew whenever the
// template changes, over the credentials that somebody has put there.
func (p *VendorPipeline) addSecret(props *VendorPipelineProps) {
	fields := props.Vendor.SecretFields()
	if len(fields) == 0 {
		return
	}
	p.Secret = awssecretsmanager.NewSecret(p, jsii.String("Secret"), &awssecretsmanager.SecretProps{
		Description:   jsii.String(fmt.Sprintf("Credentials for the vendor %s: a JSON object with the fields %q", props.Vendor.Name, fields)),
		RemovalPolicy: removalPolicy(props),
	})
	p.Secret.Node().DefaultChild().(awssecretsmanager.CfnSecret).AddPropertyDeletionOverride(jsii.String("GenerateSecretString"))
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
