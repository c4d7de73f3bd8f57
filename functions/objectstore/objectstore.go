// Package objectstore is the handful of S3 calls that the raw and the curated bucket are built from, with
// S3's conditional writes made explicit.
//
// It stands apart so that the commit protocol and the receipts read as protocol, and so that what a 404, a
// 409 or a 412 means is decided once. All state of Windrow is in objects written through [Bucket.Put].
package objectstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

var (
	// ErrNotFound says that no object has the key.
	ErrNotFound = errors.New("no such object")
	// ErrTaken says that a put on condition [Absent] found an object under the key. It may be the writer's
	// own, from a put whose answer was lost.
	ErrTaken = errors.New("an object has this key already")
	// ErrChanged says that a put on condition [Unchanged] found another object than the one expected.
	ErrChanged = errors.New("the object has changed since it was read")
)

// API is the part of the S3 client that is used. *s3.Client has it.
type API interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	DeleteObject(context.Context, *s3.DeleteObjectInput, ...func(*s3.Options)) (*s3.DeleteObjectOutput, error)
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
}

// Bucket is one S3 bucket. It is safe for use by several goroutines at once.
type Bucket struct {
	API  API
	Name string
}

// Object is what a listing or a read says of an object. ETag is without quotes.
type Object struct {
	Key      string
	ETag     string
	Size     int64
	Modified time.Time
	// Metadata is set by [Bucket.Get] and [Bucket.Head], not by a listing.
	Metadata map[string]string
}

// Condition is what must hold for a put to take effect.
type Condition struct {
	absent bool
	etag   string
}

// Absent lets a put take effect only where no object has the key.
func Absent() Condition { return Condition{absent: true} }

// Unchanged lets a put take effect only where the object still has the ETag.
func Unchanged(etag string) Condition { return Condition{etag: etag} }

// Seen is [Unchanged] for an object that was seen with etag, and [Absent] where etag is empty.
func Seen(etag string) Condition { return Condition{absent: etag == "", etag: etag} }

// conflictTries is how often a put is tried that S3 answers with 409, which says that another request on the
// same key was under way and nothing about who won.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
const conflictTries = 5

// Put stores body under key if the condition holds, and returns the new object's ETag. It fails with
// [ErrTaken] or [ErrChanged] where the condition does not hold.
func (b Bucket) Put(ctx context.Context, key string, body io.ReadSeeker, contentType string, metadata map[string]string, condition Condition) (etag string, err error) {
	input := &s3.PutObjectInput{
		Bucket:      &b.Name,
		Key:         &key,
		Body:        body,
		ContentType: &contentType,
		Metadata:    metadata,
	}
	if condition.absent {
		input.IfNoneMatch = aws.String("*")
	} else {
		input.IfMatch = aws.String(quote(condition.etag))
	}
	for try := 1; ; try++ {
		output, err := b.API.PutObject(ctx, input)
		if err == nil {
			return unquote(aws.ToString(output.ETag)), nil
		}
		switch {
		case status(err) == http.StatusPreconditionFailed && condition.absent:
			err = ErrTaken
		case status(err) == http.StatusPreconditionFailed, missing(err) && !condition.absent:
			// S3 answers If-Match on a key that has been deleted with 404.
			err = ErrChanged
		case status(err) == http.StatusConflict && try < conflictTries && ctx.Err() == nil:
			if _, err := body.Seek(0, io.SeekStart); err != nil {
				return "", b.fault("put", key, err)
			}
			continue
		}
		return "", b.fault("put", key, err)
	}
}

// Open returns the object under key and a reader of its body, which the caller closes. It fails with
// [ErrNotFound].
func (b Bucket) Open(ctx context.Context, key string) (Object, io.ReadCloser, error) {
	output, err := b.API.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.Name, Key: &key})
	if err != nil {
		return Object{}, nil, b.fault("get", key, err)
	}
	return Object{
		Key:      key,
		ETag:     unquote(aws.ToString(output.ETag)),
		Size:     aws.ToInt64(output.ContentLength),
		Modified: aws.ToTime(output.LastModified),
		Metadata: output.Metadata,
	}, output.Body, nil
}

// Get returns the object under key and its body. It fails with [ErrNotFound].
func (b Bucket) Get(ctx context.Context, key string) (Object, []byte, error) {
	object, body, err := b.Open(ctx, key)
	if err != nil {
		return Object{}, nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		return Object{}, nil, b.fault("get", key, err)
	}
	return object, data, nil
}

// Head returns the object under key without its body. It fails with [ErrNotFound].
func (b Bucket) Head(ctx context.Context, key string) (Object, error) {
	output, err := b.API.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.Name, Key: &key})
	if err != nil {
		return Object{}, b.fault("head", key, err)
	}
	return Object{
		Key:      key,
		ETag:     unquote(aws.ToString(output.ETag)),
		Size:     aws.ToInt64(output.ContentLength),
		Modified: aws.ToTime(output.LastModified),
		Metadata: output.Metadata,
	}, nil
}

// List yields the objects whose keys begin with prefix and come after startAfter, in the order of their
// keys' bytes. It ends with an error where a request fails.
func (b Bucket) List(ctx context.Context, prefix, startAfter string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		input := &s3.ListObjectsV2Input{Bucket: &b.Name, Prefix: &prefix}
		if startAfter != "" {
			input.StartAfter = &startAfter
		}
		for {
			output, err := b.API.ListObjectsV2(ctx, input)
			if err != nil {
				yield(Object{}, b.fault("list", prefix, err))
				return
			}
			for _, o := range output.Contents {
				object := Object{
					Key:      aws.ToString(o.Key),
					ETag:     unquote(aws.ToString(o.ETag)),
					Size:     aws.ToInt64(o.Size),
					Modified: aws.ToTime(o.LastModified),
				}
				if !yield(object, nil) {
					return
				}
			}
			if !aws.ToBool(output.IsTruncated) {
				return
			}
			input.ContinuationToken = output.NextContinuationToken
		}
	}
}

// Delete removes the object under key; it is no error where there is none.
func (b Bucket) Delete(ctx context.Context, key string) error {
	_, err := b.API.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.Name, Key: &key})
	if err != nil {
		return b.fault("delete", key, err)
	}
	return nil
}

func (b Bucket) fault(verb, key string, err error) error {
	if missing(err) {
		err = ErrNotFound
	}
	return fmt.Errorf("%s s3://%s/%s: %w", verb, b.Name, key, err)
}

// missing reports whether err says that no object has the key, and not that there is no such bucket.
func missing(err error) bool {
	var api smithy.APIError
	return status(err) == http.StatusNotFound && !(errors.As(err, &api) && api.ErrorCode() == "NoSuchBucket")
}

func status(err error) int {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

func quote(etag string) string   { return `"` + etag + `"` }
func unquote(etag string) string { return strings.Trim(etag, `"`) }
