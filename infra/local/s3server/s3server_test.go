package s3server_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/infra/local/s3server"
	"github.com/windrow-data/windrow/infra/local/toolcache"
)

const region = "eu-central-1"

func start(t *testing.T, root string) *s3.Client {
	t.Helper()
	client := clientOf(startServer(t, root), "secret")
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("lake")}); err != nil {
		t.Fatal(err)
	}
	return client
}

func startServer(t *testing.T, root string) *s3server.Server {
	t.Helper()
	userCache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := s3server.Build(t.Context(), toolcache.Cache{
		Dir: filepath.Join(userCache, "windrow"),
		Say: func(line string) { t.Log(line) },
	})
	if err != nil {
		t.Fatal(err)
	}
	server, err := s3server.Start(t.Context(), s3server.Options{
		Binary:          binary,
		Root:            root,
		Attributes:      t.TempDir(),
		Region:          region,
		AccessKeyID:     "access",
		SecretAccessKey: "secret",
		Accounts:        map[string]string{"function": "its own"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server
}

func clientOf(server *s3server.Server, secret string) *s3.Client {
	return s3.New(s3.Options{
		Region:       region,
		BaseEndpoint: aws.String(server.URL()),
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider("access", secret, ""),
	})
}

func TestObjectsArePlainFiles(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	bucket := objectstore.Bucket{API: start(t, root), Name: "lake"}
	metadata := map[string]string{"format": "1", "next": `{"p":2,"v":"a b"}`}
	etag, err := bucket.Put(t.Context(), "on24/events/a.txt", bytes.NewReader([]byte("content")), "text/plain", metadata, objectstore.Absent())
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(root, "lake", "on24", "events", "a.txt"))
	if err != nil || string(file) != "content" {
		t.Errorf("file holds %q, %v", file, err)
	}
	object, body, err := bucket.Get(t.Context(), "on24/events/a.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(body) != "content" || object.ETag != etag || etag == "" {
		t.Errorf("object holds %q with ETag %q, want ETag %q", body, object.ETag, etag)
	}
	if diff := cmp.Diff(metadata, object.Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if _, err := bucket.Head(t.Context(), "on24/events/b.txt"); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("head of a missing key: %v", err)
	}
}

func TestConditionalWrites(t *testing.T) {
	t.Parallel()
	bucket := objectstore.Bucket{API: start(t, t.TempDir()), Name: "lake"}
	put := func(content string, condition objectstore.Condition) (string, error) {
		return bucket.Put(t.Context(), "commits/1.json", bytes.NewReader([]byte(content)), "application/json", nil, condition)
	}
	first, err := put("one", objectstore.Absent())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := put("two", objectstore.Absent()); !errors.Is(err, objectstore.ErrTaken) {
		t.Errorf("second put on absence: %v, want ErrTaken", err)
	}
	second, err := put("three", objectstore.Unchanged(first))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := put("four", objectstore.Unchanged(first)); !errors.Is(err, objectstore.ErrChanged) {
		t.Errorf("put on a stale ETag: %v, want ErrChanged", err)
	}
	object, body, err := bucket.Get(t.Context(), "commits/1.json")
	if err != nil || string(body) != "three" || object.ETag != second {
		t.Errorf("object %q with ETag %s, %v; want three with %s", body, object.ETag, err, second)
	}
}

func TestOfManyWritersOneWins(t *testing.T) {
	t.Parallel()
	bucket := objectstore.Bucket{API: start(t, t.TempDir()), Name: "lake"}
	var won atomic.Int32
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			_, err := bucket.Put(t.Context(), "genesis.json", bytes.NewReader(fmt.Append(nil, i)), "application/json", nil, objectstore.Absent())
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, objectstore.ErrTaken):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("%d writers won, want 1", won.Load())
	}
}

func TestListBeginsAfterAKey(t *testing.T) {
	t.Parallel()
	bucket := objectstore.Bucket{API: start(t, t.TempDir()), Name: "lake"}
	for _, key := range []string{"c/3", "c/1", "c/2", "d/1"} {
		if _, err := bucket.Put(t.Context(), key, bytes.NewReader(nil), "text/plain", nil, objectstore.Absent()); err != nil {
			t.Fatal(err)
		}
	}
	var keys []string
	for object, err := range bucket.List(t.Context(), "c/", "c/1") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, object.Key)
	}
	if diff := cmp.Diff([]string{"c/2", "c/3"}, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestAnInterruptedServerKeepsItsObjects(t *testing.T) {
	t.Parallel()
	server := startServer(t, t.TempDir())
	client := clientOf(server, "secret")
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("lake")}); err != nil {
		t.Fatal(err)
	}
	bucket := objectstore.Bucket{API: client, Name: "lake"}
	etag, err := bucket.Put(t.Context(), "commits/1.json", bytes.NewReader([]byte("one")), "application/json", nil, objectstore.Absent())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := server.Interrupt(10 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	object, body, err := bucket.Get(t.Context(), "commits/1.json")
	if err != nil || string(body) != "one" || object.ETag != etag {
		t.Errorf("after an interruption the object is %q with the ETag %s, %v", body, object.ETag, err)
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	server := startServer(t, t.TempDir())
	if _, err := clientOf(server, "secret").CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("lake")}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, access, secret string
		refused              bool
	}{
		{"the owner", "access", "secret", false},
		{"another account", "function", "its own", false},
		{"the owner with another secret", "access", "its own", true},
		{"another account with the owner's secret", "function", "secret", true},
		{"an account that is not there", "nobody", "secret", true},
	} {
		client := s3.New(s3.Options{
			Region:       region,
			BaseEndpoint: aws.String(server.URL()),
			UsePathStyle: true,
			Credentials:  credentials.NewStaticCredentialsProvider(test.access, test.secret, ""),
		})
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("lake"), Key: aws.String("a"), Body: bytes.NewReader([]byte("b"))})
		var response *smithyhttp.ResponseError
		switch {
		case !test.refused && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.refused && (!errors.As(err, &response) || response.HTTPStatusCode() != 403):
			t.Errorf("%s: error %v, want status 403", test.name, err)
		}
	}
}
