package gate

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/iam"
)

// s3Call is what a request to S3 stands for.
type s3Call struct {
	kind        Kind
	bucket, key string
	checks      []check
	// encrypts and decrypts say what the request does with the key of its bucket, where that has one.
	encrypts, decrypts bool
	// conditional says that the request fails where its condition does not hold.
	conditional bool
	// missing is what S3 asks for before it tells a caller that there is no such key; nil where it always tells.
	missing *check
}

// check is one action on one resource, with the condition keys that are S3's.
type check struct {
	action, resource string
	context          iam.Context
}

// parameters are those of a query that only say how the answer is to be given. All others choose another operation.
var parameters = []string{
	"x-id", "list-type", "prefix", "delimiter", "max-keys", "start-after", "continuation-token", "encoding-type", "fetch-owner", "marker",
	"versionId", "partNumber", "uploadId", "uploads", "location", "versions", "key-marker", "version-id-marker",
	"key-marker", "upload-id-marker", "max-uploads", "max-parts", "part-number-marker",
	"response-content-type", "response-content-language", "response-expires", "response-cache-control", "response-content-disposition", "response-content-encoding",
	"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token",
}

// unmapped are the beginnings of headers by which a request needs permissions that are not mapped here.
var unmapped = []string{"X-Amz-Acl", "X-Amz-Grant-", "X-Amz-Object-Lock-", "X-Amz-Bypass-Governance-Retention"}

// mapS3 says what a request with the bucket in its path stands for. Its error says what is not mapped.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
func mapS3(r *http.Request) (*s3Call, error) {
	q := r.URL.Query()
	for name := range q {
		if !slices.Contains(parameters, name) {
			return nil, fmt.Errorf("%s with the parameter %s is mapped to no permission here", r.Method, name)
		}
	}
	for name := range r.Header {
		if slices.ContainsFunc(unmapped, func(beginning string) bool { return strings.HasPrefix(name, beginning) }) {
			return nil, fmt.Errorf("%s with the header %s is mapped to no permission here", r.Method, name)
		}
	}
	c := &s3Call{}
	c.bucket, c.key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	c.conditional = r.Header.Get("If-Match") != "" || r.Header.Get("If-None-Match") != ""
	mapped := false
	switch {
	case c.bucket == "":
		mapped = c.mapService(r, q)
	case c.key == "":
		mapped = c.mapBucket(r, q)
	default:
		mapped = c.mapObject(r, q)
	}
	if !mapped {
		return nil, fmt.Errorf("%s %s is mapped to no permission here", r.Method, r.URL.Path)
	}
	return c, nil
}

func (c *s3Call) mapService(r *http.Request, q url.Values) bool {
	if r.Method != http.MethodGet {
		return false
	}
	c.kind = List
	c.check("s3:ListAllMyBuckets", "*", r, q)
	return true
}

func (c *s3Call) mapBucket(r *http.Request, q url.Values) bool {
	action := "s3:ListBucket"
	c.kind = List
	switch {
	case r.Method == http.MethodHead:
		c.kind = Head
	case r.Method != http.MethodGet:
		return false
	case q.Has("location"):
		action, c.kind = "s3:GetBucketLocation", Get
	case q.Has("uploads"):
		action = "s3:ListBucketMultipartUploads"
	case q.Has("versions"):
		action = "s3:ListBucketVersions"
	}
	c.check(action, bucketARN(c.bucket), r, q)
	return true
}

func (c *s3Call) mapObject(r *http.Request, q url.Values) bool {
	upload, part := q.Has("uploadId"), q.Has("partNumber")
	source := r.Header.Get("X-Amz-Copy-Source")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return c.mapRead(r, q)
	case http.MethodDelete:
		c.kind = Delete
		switch {
		case upload:
			c.onObject("s3:AbortMultipartUpload", r, q)
			return true
		case q.Has("versionId"):
			c.onObject("s3:DeleteObjectVersion", r, q)
		default:
			c.onObject("s3:DeleteObject", r, q)
		}
		c.readETag(r, q)
		return true
	case http.MethodPost:
		if !q.Has("uploads") && !upload {
			return false
		}
		c.kind, c.encrypts, c.decrypts = Put, true, true
		c.write(r, q, upload)
		return true
	case http.MethodPut:
		if upload != part {
			return false
		}
		c.kind, c.encrypts, c.decrypts = Put, true, upload
		if source != "" && !c.copies(source, r, q) {
			return false
		}
		c.write(r, q, !upload)
		return true
	}
	return false
}

func (c *s3Call) mapRead(r *http.Request, q url.Values) bool {
	c.kind = Get
	if r.Method == http.MethodHead {
		c.kind = Head
	}
	if q.Has("uploadId") {
		c.kind = List
		c.onObject("s3:ListMultipartUploadParts", r, q)
		return r.Method == http.MethodGet
	}
	action := "s3:GetObject"
	if q.Has("versionId") {
		action = "s3:GetObjectVersion"
	}
	c.onObject(action, r, q)
	c.decrypts = true
	// Who may not list is not told that a key is missing; S3 takes the key as the value of s3:prefix.
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, https://github.com/ceph/ceph/pull/68577
	context := c.context(r, q)
	context["s3:prefix"] = []string{c.key}
	c.missing = &check{"s3:ListBucket", bucketARN(c.bucket), context}
	return true
}

// write asks for what a put asks for; creates says that an object is there after it, which is where conditions are stated.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
func (c *s3Call) write(r *http.Request, q url.Values, creates bool) {
	c.check("s3:PutObject", objectARN(c.bucket, c.key), r, q)
	put := &c.checks[len(c.checks)-1]
	put.context["s3:ObjectCreationOperation"] = []string{fmt.Sprint(creates)}
	if r.Header.Get("X-Amz-Tagging") != "" {
		c.onObject("s3:PutObjectTagging", r, q)
	}
	c.readETag(r, q)
}

// readETag asks for the permission to read an object whose ETag a condition compares, as it tells something of the
// object. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html
func (c *s3Call) readETag(r *http.Request, q url.Values) {
	if match := r.Header.Get("If-Match"); match != "" && match != "*" {
		c.onObject("s3:GetObject", r, q)
	}
}

// copies asks for the permission to read what is copied. It is false where the source cannot be read.
func (c *s3Call) copies(source string, r *http.Request, q url.Values) bool {
	path, version, versioned := strings.Cut(source, "?versionId=")
	decoded, err := url.PathUnescape(strings.TrimPrefix(path, "/"))
	bucket, key, ok := strings.Cut(decoded, "/")
	if err != nil || !ok || strings.HasPrefix(decoded, "arn:") {
		return false
	}
	action := "s3:GetObject"
	if versioned {
		action = "s3:GetObjectVersion"
	}
	c.decrypts = true
	c.check(action, objectARN(bucket, key), r, q)
	if versioned {
		c.checks[len(c.checks)-1].context["s3:VersionId"] = []string{version}
	}
	return true
}

func (c *s3Call) onObject(action string, r *http.Request, q url.Values) {
	c.check(action, objectARN(c.bucket, c.key), r, q)
}

func (c *s3Call) check(action, resource string, r *http.Request, q url.Values) {
	c.checks = append(c.checks, check{action, resource, c.context(r, q)})
}

// context are S3's own condition keys; one whose header or parameter is not there is absent.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
func (c *s3Call) context(r *http.Request, q url.Values) iam.Context {
	context := iam.Context{
		// The hop here is plain HTTP; the same client reaches S3 over TLS.
		"s3:TlsVersion":               {"1.3"},
		"s3:authType":                 {"REST-HEADER"},
		"s3:signatureversion":         {"AWS4-HMAC-SHA256"},
		"s3:ResourceAccount":          {assembly.Account},
		"s3:ObjectCreationOperation":  nil,
		"s3:DataAccessPointArn":       nil,
		"s3:DataAccessPointAccount":   nil,
		"s3:AccessPointNetworkOrigin": nil,
	}
	if q.Has("X-Amz-Signature") {
		context["s3:authType"] = []string{"REST-QUERY-STRING"}
	}
	for key, parameter := range map[string]string{
		"s3:prefix": "prefix", "s3:delimiter": "delimiter", "s3:max-keys": "max-keys", "s3:VersionId": "versionId",
	} {
		context[key] = q[parameter]
	}
	for key, header := range map[string]string{
		"s3:if-match":                                        "If-Match",
		"s3:if-none-match":                                   "If-None-Match",
		"s3:x-amz-acl":                                       "X-Amz-Acl",
		"s3:x-amz-content-sha256":                            "X-Amz-Content-Sha256",
		"s3:x-amz-copy-source":                               "X-Amz-Copy-Source",
		"s3:x-amz-metadata-directive":                        "X-Amz-Metadata-Directive",
		"s3:x-amz-server-side-encryption":                    "X-Amz-Server-Side-Encryption",
		"s3:x-amz-storage-class":                             "X-Amz-Storage-Class",
		"s3:x-amz-website-redirect-location":                 "X-Amz-Website-Redirect-Location",
		"s3:x-amz-server-side-encryption-aws-kms-key-id":     "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id",
		"s3:x-amz-server-side-encryption-customer-algorithm": "X-Amz-Server-Side-Encryption-Customer-Algorithm",
	} {
		context[key] = slices.Clone(r.Header.Values(header))
	}
	return context
}

func bucketARN(bucket string) string { return "arn:aws:s3:::" + bucket }

func objectARN(bucket, key string) string { return bucketARN(bucket) + "/" + key }
