package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/objectstore"
)

// What handlers ask of S3 is answered as S3 does, through the SDK.
func TestMemoryStore(t *testing.T) {
	t.Parallel()
	store := newMemoryStore()
	server := httptest.NewServer(store)
	defer server.Close()
	bucket := objectstore.Bucket{Name: "b", API: s3.New(s3.Options{
		Region: region, BaseEndpoint: aws.String(server.URL), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), RetryMaxAttempts: 1,
	})}
	ctx := context.Background()
	put := func(key, body string, condition objectstore.Condition) (string, error) {
		return bucket.Put(ctx, key, strings.NewReader(body), "text/plain", map[string]string{"windrow-format": "1"}, condition)
	}
	if _, err := bucket.Head(ctx, "a/1"); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	if _, _, err := bucket.Get(ctx, "a/1"); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	etag, err := put("a/1", "one", objectstore.Absent())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := put("a/1", "two", objectstore.Absent()); !errors.Is(err, objectstore.ErrTaken) {
		t.Errorf("put where something is: %v", err)
	}
	if _, err := put("a/1", "two", objectstore.Unchanged("0")); !errors.Is(err, objectstore.ErrChanged) {
		t.Errorf("put where something else is: %v", err)
	}
	if etag, err = put("a/1", "three", objectstore.Unchanged(etag)); err != nil {
		t.Errorf("put in the place of what is there: %v", err)
	}
	object, body, err := bucket.Get(ctx, "a/1")
	if err != nil || string(body) != "three" || object.ETag != etag || object.Metadata["windrow-format"] != "1" || object.Modified.IsZero() {
		t.Errorf("got %+v %q (%v)", object, body, err)
	}
	if object, err = bucket.Head(ctx, "a/1"); err != nil || object.Size != 5 || object.ETag != etag {
		t.Errorf("head of %+v (%v)", object, err)
	}

	// More than a page of a listing.
	var want []string
	for i := range 1500 {
		key := fmt.Sprintf("b/%04d", i)
		store.Set("b", key, nil)
		if i > 200 {
			want = append(want, key)
		}
	}
	var got []string
	for object, err := range bucket.List(ctx, "b/", "b/0200") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, object.Key)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listed:\n%s", diff)
	}
	if err := bucket.Delete(ctx, "a/1"); err != nil {
		t.Error(err)
	}
	if writes, reads, all := store.writes.Load(), store.reads.Load(), store.requests(); writes != 6 || reads != 4 || all != 11 {
		t.Errorf("counted %d writes, %d reads, %d requests, want 6, 4 and 11", writes, reads, all)
	}
}
