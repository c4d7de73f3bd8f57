// Package objectstoretest is a model of S3 in memory, for tests of what is built on objectstore.
//
// It stands apart from the tests that use it because all of them must agree on what S3 does: conditional
// writes with their 404 and 412, listings in the order of keys' bytes in pages, lower-cased metadata. Its
// hooks let a request fail before its effect or lose its answer after it, which is how a crash between any
// two requests is tested. It is no substitute for the tests against an S3 server over HTTP.
package objectstoretest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/windrow-data/windrow/functions/objectstore"
)

// DefaultPageSize is S3's own number of keys in a page of a listing.
const DefaultPageSize = 1000

// Operation names a kind of request.
type Operation string

const (
	Get    Operation = "GET"
	Head   Operation = "HEAD"
	Put    Operation = "PUT"
	Delete Operation = "DELETE"
	List   Operation = "LIST"
	// Versions lists the versions of objects.
	Versions Operation = "VERSIONS"
)

// Call is one request to the store. Each page of a listing is one.
type Call struct {
	// Number counts the store's requests from 1.
	Number    int
	Operation Operation
	Bucket    string
	// Key is the object's key, and a listing's prefix.
	Key string
}

// Store holds objects in any number of buckets, which need not be made first. It is safe for use by several
// goroutines at once; the exported fields are set before the first request.
type Store struct {
	// PageSize is the most keys that one page of a listing holds. Default [DefaultPageSize].
	PageSize int
	// Now is the time at which objects are modified. Nil means a second later for each object, from 2026 on, so that no
	// test depends on the clock.
	Now func() time.Time
	// Before is asked before a request takes effect; its error is returned and the request has no effect.
	// It may use the store, for example to play another writer that gets in between.
	Before func(Call) error
	// After is asked when a request has taken effect; its error takes the place of the answer.
	After func(Call) error

	// Versioned are the buckets that keep what is replaced or deleted.
	Versioned map[string]bool

	mu    sync.Mutex
	calls []Call
	// replaced are the noncurrent versions and delete markers of the versioned buckets, by key, the oldest first.
	replaced map[string]map[string][]past
	versions int
	objects  map[string]map[string]object
	// names are the keys of each bucket in order, so that a listing looks at no others than its own.
	names map[string][]string
}

type object struct {
	body     []byte
	etag     string
	modified time.Time
	metadata map[string]string
	// listed is what listings show.
	listed types.Object
	// version is the object's version ID.
	version string
}

// past is a version that is not the current object: a noncurrent one, or a delete marker, which may be what is current.
type past struct {
	object
	marker bool
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// New returns an empty store.
func New() *Store {
	return &Store{
		objects: map[string]map[string]object{}, names: map[string][]string{}, replaced: map[string]map[string][]past{}, Versioned: map[string]bool{},
	}
}

// Bucket returns the bucket of the name.
func (s *Store) Bucket(name string) objectstore.Bucket {
	return objectstore.Bucket{API: s, Name: name}
}

// Calls returns the requests so far, in order.
func (s *Store) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// ResetCalls forgets the requests so far and counts from 1 again.
func (s *Store) ResetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

// Keys returns the keys of the bucket that begin with prefix, in order. It counts as no request.
func (s *Store) Keys(bucket, prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys(bucket, prefix)
}

// Body returns the body under key, and whether there is one. It counts as no request.
func (s *Store) Body(bucket, key string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[bucket][key]
	return bytes.Clone(o.body), ok
}

// Set stores body under key whatever is there, and returns its ETag. It counts as no request.
func (s *Store) Set(bucket, key string, body []byte) (etag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set(bucket, key, body, nil).etag
}

// Remove removes the object under key. It counts as no request.
func (s *Store) Remove(bucket, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(bucket, key)
}

func (s *Store) remove(bucket, key string) {
	delete(s.objects[bucket], key)
	if i, found := slices.BinarySearch(s.names[bucket], key); found {
		s.names[bucket] = slices.Delete(s.names[bucket], i, i+1)
	}
}

// keys returns the keys that begin with prefix, in order. The caller may keep them.
func (s *Store) keys(bucket, prefix string) []string {
	return slices.Clone(s.within(bucket, prefix, ""))
}

// within returns the keys that begin with prefix and come after another one.
func (s *Store) within(bucket, prefix, after string) []string {
	names := s.names[bucket]
	from, _ := slices.BinarySearch(names, prefix)
	if after >= prefix {
		i, found := slices.BinarySearch(names, after)
		if found {
			i++
		}
		from = max(from, i)
	}
	until := from + sort.Search(len(names)-from, func(i int) bool { return !strings.HasPrefix(names[from+i], prefix) })
	return names[from:until]
}

func (s *Store) set(bucket, key string, body []byte, metadata map[string]string) object {
	if s.objects[bucket] == nil {
		s.objects[bucket] = map[string]object{}
	}
	sum := md5.Sum(body)
	o := object{
		body:     bytes.Clone(body),
		etag:     hex.EncodeToString(sum[:]),
		modified: s.now(),
		metadata: map[string]string{},
	}
	for name, value := range metadata {
		o.metadata[strings.ToLower(name)] = value
	}
	o.listed = types.Object{
		Key: aws.String(key), ETag: aws.String(quote(o.etag)), Size: aws.Int64(int64(len(body))), LastModified: aws.Time(o.modified),
	}
	s.keep(bucket, key)
	o.version = s.newVersion(bucket)
	s.objects[bucket][key] = o
	if i, found := slices.BinarySearch(s.names[bucket], key); !found {
		s.names[bucket] = slices.Insert(s.names[bucket], i, key)
	}
	return o
}

func (s *Store) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	written := 0
	for _, objects := range s.objects {
		written += len(objects)
	}
	return epoch.Add(time.Duration(written) * time.Second)
}

// do counts the request, asks the hooks, and lets effect happen under the lock.
func (s *Store) do(ctx context.Context, operation Operation, bucket, key *string, effect func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	call := Call{Number: len(s.calls) + 1, Operation: operation, Bucket: aws.ToString(bucket), Key: aws.ToString(key)}
	s.calls = append(s.calls, call)
	s.mu.Unlock()
	if s.Before != nil {
		if err := s.Before(call); err != nil {
			return err
		}
	}
	s.mu.Lock()
	err := effect()
	s.mu.Unlock()
	if err == nil && s.After != nil {
		err = s.After(call)
	}
	return err
}

// GetObject implements [objectstore.API].
func (s *Store) GetObject(ctx context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	var out *s3.GetObjectOutput
	err := s.do(ctx, Get, in.Bucket, in.Key, func() error {
		o, ok := s.objects[aws.ToString(in.Bucket)][aws.ToString(in.Key)]
		if in.VersionId != nil && (!ok || o.version != *in.VersionId) {
			o, ok = s.past(aws.ToString(in.Bucket), aws.ToString(in.Key), *in.VersionId)
		}
		if !ok {
			return Failure(http.StatusNotFound, "NoSuchKey")
		}
		if in.IfMatch != nil && *in.IfMatch != quote(o.etag) {
			return Failure(http.StatusPreconditionFailed, "PreconditionFailed")
		}
		out = &s3.GetObjectOutput{
			Body:          io.NopCloser(bytes.NewReader(o.body)),
			ContentLength: aws.Int64(int64(len(o.body))),
			ETag:          aws.String(quote(o.etag)),
			LastModified:  &o.modified,
			Metadata:      maps.Clone(o.metadata),
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// HeadObject implements [objectstore.API].
func (s *Store) HeadObject(ctx context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	var out *s3.HeadObjectOutput
	err := s.do(ctx, Head, in.Bucket, in.Key, func() error {
		o, ok := s.objects[aws.ToString(in.Bucket)][aws.ToString(in.Key)]
		if !ok {
			return Failure(http.StatusNotFound, "NotFound")
		}
		out = &s3.HeadObjectOutput{
			ContentLength: aws.Int64(int64(len(o.body))),
			ETag:          aws.String(quote(o.etag)),
			LastModified:  &o.modified,
			Metadata:      maps.Clone(o.metadata),
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// PutObject implements [objectstore.API]. As on S3, If-Match on a key without an object is answered with 404.
func (s *Store) PutObject(ctx context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	var body []byte
	if in.Body != nil {
		var err error
		if body, err = io.ReadAll(in.Body); err != nil {
			return nil, err
		}
	}
	var out *s3.PutObjectOutput
	err := s.do(ctx, Put, in.Bucket, in.Key, func() error {
		bucket, key := aws.ToString(in.Bucket), aws.ToString(in.Key)
		existing, ok := s.objects[bucket][key]
		if in.IfNoneMatch != nil && *in.IfNoneMatch != "*" {
			return Failure(http.StatusNotImplemented, "NotImplemented")
		}
		if in.IfNoneMatch != nil && ok {
			return Failure(http.StatusPreconditionFailed, "PreconditionFailed")
		}
		if in.IfMatch != nil && !ok {
			return Failure(http.StatusNotFound, "NoSuchKey")
		}
		if in.IfMatch != nil && *in.IfMatch != quote(existing.etag) {
			return Failure(http.StatusPreconditionFailed, "PreconditionFailed")
		}
		o := s.set(bucket, key, body, in.Metadata)
		out = &s3.PutObjectOutput{ETag: aws.String(quote(o.etag))}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteObject implements [objectstore.API].
func (s *Store) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput, _ ...func(*s3.Options)) (*s3.DeleteObjectOutput, error) {
	err := s.do(ctx, Delete, in.Bucket, in.Key, func() error {
		bucket, key := aws.ToString(in.Bucket), aws.ToString(in.Key)
		if in.VersionId != nil {
			s.removeVersion(bucket, key, *in.VersionId)
			return nil
		}
		_, ok := s.objects[bucket][key]
		s.keep(bucket, key)
		s.remove(bucket, key)
		if ok && s.Versioned[bucket] {
			s.addPast(bucket, key, past{object{version: s.newVersion(bucket), modified: s.now()}, true})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &s3.DeleteObjectOutput{}, nil
}

// ListObjectsV2 implements [objectstore.API], without delimiters.
func (s *Store) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	if in.Delimiter != nil {
		return nil, Failure(http.StatusNotImplemented, "NotImplemented")
	}
	out := &s3.ListObjectsV2Output{IsTruncated: aws.Bool(false)}
	err := s.do(ctx, List, in.Bucket, in.Prefix, func() error {
		after := aws.ToString(in.StartAfter)
		if in.ContinuationToken != nil {
			after = *in.ContinuationToken
		}
		size := cmp.Or(s.PageSize, DefaultPageSize)
		if in.MaxKeys != nil {
			size = min(size, int(*in.MaxKeys))
		}
		bucket := aws.ToString(in.Bucket)
		objects := s.objects[bucket]
		keys := s.within(bucket, aws.ToString(in.Prefix), after)
		out.Contents = make([]types.Object, 0, min(size, len(keys)))
		for _, key := range keys {
			if len(out.Contents) == size {
				out.IsTruncated = aws.Bool(true)
				out.NextContinuationToken = out.Contents[size-1].Key
				break
			}
			out.Contents = append(out.Contents, objects[key].listed)
		}
		out.KeyCount = aws.Int32(int32(len(out.Contents)))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Failure returns the error of the SDK for an answer of S3 with the status and code, for use in hooks.
func Failure(status int, code string) error {
	return &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status, Header: http.Header{}}},
		Err:      fmt.Errorf("api error %s", code),
	}
}

// ErrCrash is what [Store.CrashAt] makes requests fail with.
var ErrCrash = errors.New("crashed")

// CrashAt makes the store play a process that is killed at its nth request from now: the request fails with
// [ErrCrash], after its effect where effect is set and else before, and so do all later ones without any
// effect. It replaces both hooks; [Store.Revive] takes them away.
func (s *Store) CrashAt(n int, effect bool) {
	s.ResetCalls()
	s.Before = func(c Call) error {
		if c.Number > n || c.Number == n && !effect {
			return ErrCrash
		}
		return nil
	}
	s.After = func(c Call) error {
		if c.Number >= n {
			return ErrCrash
		}
		return nil
	}
}

// Revive takes both hooks away.
func (s *Store) Revive() { s.Before, s.After = nil, nil }

func quote(etag string) string { return `"` + etag + `"` }
