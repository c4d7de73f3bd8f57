package gate

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

// record makes a call with the SDK's client and returns what it sends, as a server reads it.
func record(t *testing.T, call func(context.Context, *s3.Client) error) *http.Request {
	t.Helper()
	var sent *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { sent = r }))
	defer server.Close()
	client := s3.New(s3.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("local-reader", "secret", ""), RetryMaxAttempts: 1,
	})
	call(t.Context(), client) // What it makes of the empty answer is its own affair.
	if sent == nil {
		t.Fatal("nothing was sent")
	}
	return sent
}

func TestRequestsOfTheClient(t *testing.T) {
	t.Parallel()
	lake, key := aws.String("lake"), aws.String("on24/a b/dt=2026-03-10/é+1.parquet")
	const object = "arn:aws:s3:::lake/on24/a b/dt=2026-03-10/é+1.parquet"
	body := func() *bytes.Reader { return bytes.NewReader([]byte("x")) }
	const bucket, created, present, absent = "arn:aws:s3:::lake", "s3:ObjectCreationOperation", "there", "absent"
	tests := []struct {
		name    string
		call    func(context.Context, *s3.Client) error
		kind    Kind
		actions []string
		// keys are condition keys of the first check.
		keys               map[string]string
		encrypts, decrypts bool
		conditional, hides bool
	}{
		{name: "GetObject", kind: Get, actions: []string{"s3:GetObject " + object}, decrypts: true, hides: true,
			keys: map[string]string{"s3:prefix": absent, "s3:TlsVersion": "1.3", "s3:VersionId": absent},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: lake, Key: key})
				return err
			}},
		{name: "GetObject of a version", kind: Get, actions: []string{"s3:GetObjectVersion " + object}, decrypts: true, hides: true, keys: map[string]string{"s3:VersionId": "7"},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: lake, Key: key, VersionId: aws.String("7")})
				return err
			}},
		{name: "HeadObject", kind: Head, actions: []string{"s3:GetObject " + object}, decrypts: true, hides: true,
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: lake, Key: key})
				return err
			}},
		{name: "PutObject", kind: Put, actions: []string{"s3:PutObject " + object}, encrypts: true,
			keys: map[string]string{created: "true", "s3:if-none-match": absent, "s3:if-match": absent, "s3:x-amz-storage-class": absent},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: lake, Key: key, Body: body()})
				return err
			}},
		{name: "PutObject where nothing is", kind: Put, actions: []string{"s3:PutObject " + object}, encrypts: true, conditional: true,
			keys: map[string]string{created: "true", "s3:if-none-match": "*", "s3:if-match": absent},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: lake, Key: key, Body: body(), IfNoneMatch: aws.String("*")})
				return err
			}},
		{name: "PutObject on an ETag", kind: Put, actions: []string{"s3:PutObject " + object, "s3:GetObject " + object}, encrypts: true, conditional: true,
			keys: map[string]string{created: "true", "s3:if-none-match": absent, "s3:if-match": `"e"`},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: lake, Key: key, Body: body(), IfMatch: aws.String(`"e"`)})
				return err
			}},
		{name: "PutObject with tags and a key", kind: Put, actions: []string{"s3:PutObject " + object, "s3:PutObjectTagging " + object}, encrypts: true,
			keys: map[string]string{"s3:x-amz-server-side-encryption": "aws:kms", "s3:x-amz-server-side-encryption-aws-kms-key-id": "k", "s3:x-amz-storage-class": "STANDARD_IA"},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: lake, Key: key, Body: body(), Tagging: aws.String("a=b"),
					ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: aws.String("k"), StorageClass: types.StorageClassStandardIa})
				return err
			}},
		{name: "DeleteObject", kind: Delete, actions: []string{"s3:DeleteObject " + object},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: lake, Key: key})
				return err
			}},
		{name: "DeleteObject on an ETag", kind: Delete, actions: []string{"s3:DeleteObject " + object, "s3:GetObject " + object}, conditional: true,
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: lake, Key: key, IfMatch: aws.String(`"e"`)})
				return err
			}},
		{name: "DeleteObject of a version", kind: Delete, actions: []string{"s3:DeleteObjectVersion " + object},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: lake, Key: key, VersionId: aws.String("7")})
				return err
			}},
		{name: "ListObjectsV2", kind: List, actions: []string{"s3:ListBucket " + bucket},
			keys: map[string]string{"s3:prefix": "on24/a b/", "s3:delimiter": "/", "s3:max-keys": "3"},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: lake, Prefix: aws.String("on24/a b/"), Delimiter: aws.String("/"), MaxKeys: aws.Int32(3), StartAfter: aws.String("on24/c")})
				return err
			}},
		{name: "ListObjectsV2 of all", kind: List, actions: []string{"s3:ListBucket " + bucket},
			keys: map[string]string{"s3:prefix": absent, "s3:delimiter": absent, "s3:max-keys": absent},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: lake})
				return err
			}},
		{name: "ListObjects", kind: List, actions: []string{"s3:ListBucket " + bucket}, keys: map[string]string{"s3:prefix": "on24/"},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.ListObjects(ctx, &s3.ListObjectsInput{Bucket: lake, Prefix: aws.String("on24/"), Marker: aws.String("on24/a")})
				return err
			}},
		{name: "HeadBucket", kind: Head, actions: []string{"s3:ListBucket " + bucket},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: lake})
				return err
			}},
		{name: "GetBucketLocation", kind: Get, actions: []string{"s3:GetBucketLocation " + bucket},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: lake})
				return err
			}},
		{name: "ListBuckets", kind: List, actions: []string{"s3:ListAllMyBuckets *"},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.ListBuckets(ctx, &s3.ListBucketsInput{})
				return err
			}},
		{name: "CreateMultipartUpload", kind: Put, actions: []string{"s3:PutObject " + object}, encrypts: true, decrypts: true, keys: map[string]string{created: "false"},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: lake, Key: key})
				return err
			}},
		{name: "UploadPart", kind: Put, actions: []string{"s3:PutObject " + object}, encrypts: true, decrypts: true, keys: map[string]string{created: "false"},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.UploadPart(ctx, &s3.UploadPartInput{Bucket: lake, Key: key, UploadId: aws.String("u"), PartNumber: aws.Int32(1), Body: body()})
				return err
			}},
		{name: "UploadPartCopy", kind: Put, actions: []string{"s3:GetObject arn:aws:s3:::other/a b", "s3:PutObject " + object}, encrypts: true, decrypts: true,
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.UploadPartCopy(ctx, &s3.UploadPartCopyInput{Bucket: lake, Key: key, UploadId: aws.String("u"), PartNumber: aws.Int32(1), CopySource: aws.String("other/a%20b")})
				return err
			}},
		{name: "CompleteMultipartUpload", kind: Put, actions: []string{"s3:PutObject " + object}, encrypts: true, decrypts: true, conditional: true,
			keys: map[string]string{created: "true", "s3:if-none-match": "*"},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: lake, Key: key, UploadId: aws.String("u"), IfNoneMatch: aws.String("*")})
				return err
			}},
		{name: "AbortMultipartUpload", kind: Delete, actions: []string{"s3:AbortMultipartUpload " + object},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: lake, Key: key, UploadId: aws.String("u")})
				return err
			}},
		{name: "ListParts", kind: List, actions: []string{"s3:ListMultipartUploadParts " + object},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.ListParts(ctx, &s3.ListPartsInput{Bucket: lake, Key: key, UploadId: aws.String("u")})
				return err
			}},
		{name: "ListMultipartUploads", kind: List, actions: []string{"s3:ListBucketMultipartUploads " + bucket},
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: lake})
				return err
			}},
		{name: "CopyObject", kind: Put, actions: []string{"s3:GetObject arn:aws:s3:::other/a b", "s3:PutObject " + object}, encrypts: true, decrypts: true,
			call: func(ctx context.Context, c *s3.Client) error {
				_, err := c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: lake, Key: key, CopySource: aws.String("/other/a%20b")})
				return err
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			call, err := mapS3(record(t, test.call))
			if err != nil {
				t.Fatal(err)
			}
			var actions []string
			for _, c := range call.checks {
				actions = append(actions, c.action+" "+c.resource)
			}
			if diff := cmp.Diff(test.actions, actions); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
			got := []any{call.kind, call.encrypts, call.decrypts, call.conditional, call.missing != nil}
			if diff := cmp.Diff([]any{test.kind, test.encrypts, test.decrypts, test.conditional, test.hides}, got); diff != "" {
				t.Errorf("kind, encrypts, decrypts, conditional, hides (-want +got):\n%s", diff)
			}
			for name, want := range test.keys {
				values, known := call.checks[0].context[name]
				if got := strings.Join(values, ","); !known || (want == absent) != (len(values) == 0) || want != absent && got != want {
					t.Errorf("%s is %q (known: %t), want %q", name, got, known, want)
				}
			}
		})
	}
}

func TestRequestsThatAreNotMapped(t *testing.T) {
	t.Parallel()
	lake, key := aws.String("lake"), aws.String("a")
	for name, call := range map[string]func(context.Context, *s3.Client) error{
		"parameter delete": func(ctx context.Context, c *s3.Client) error {
			_, err := c.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: lake, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: key}}}})
			return err
		},
		"parameter tagging": func(ctx context.Context, c *s3.Client) error {
			_, err := c.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: lake, Key: key})
			return err
		},
		"parameter policy": func(ctx context.Context, c *s3.Client) error {
			_, err := c.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: lake, Policy: aws.String("{}")})
			return err
		},
		"header X-Amz-Acl": func(ctx context.Context, c *s3.Client) error {
			_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: lake, Key: key, ACL: types.ObjectCannedACLPublicRead})
			return err
		},
		"PUT /lake": func(ctx context.Context, c *s3.Client) error {
			_, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: lake})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mapS3(record(t, call))
			if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "mapped to no permission here") {
				t.Errorf("error %v, want one that names %q", err, name)
			}
		})
	}
}
