package objectstoretest_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
)

func put(b objectstore.Bucket, key, body string, condition objectstore.Condition) (string, error) {
	return b.Put(context.Background(), key, strings.NewReader(body), "text/plain", map[string]string{"Note": body}, condition)
}

func TestConditionalPuts(t *testing.T) {
	bucket := objectstoretest.New().Bucket("raw")
	if _, err := put(bucket, "k", "none", objectstore.Unchanged("x")); !errors.Is(err, objectstore.ErrChanged) {
		t.Errorf("If-Match on no object: %v, want ErrChanged", err)
	}
	first, err := put(bucket, "k", "one", objectstore.Absent())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := put(bucket, "k", "two", objectstore.Absent()); !errors.Is(err, objectstore.ErrTaken) {
		t.Errorf("If-None-Match on an object: %v, want ErrTaken", err)
	}
	if _, err := put(bucket, "k", "two", objectstore.Unchanged(first)); err != nil {
		t.Fatal(err)
	}
	if _, err := put(bucket, "k", "three", objectstore.Unchanged(first)); !errors.Is(err, objectstore.ErrChanged) {
		t.Errorf("If-Match on an old ETag: %v, want ErrChanged", err)
	}
	object, body, err := bucket.Get(context.Background(), "k")
	if err != nil || string(body) != "two" || object.Metadata["note"] != "two" {
		t.Errorf("got %q %v, %v", body, object.Metadata, err)
	}
	if err := bucket.Delete(context.Background(), "k"); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Head(context.Background(), "k"); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("head of a deleted object: %v, want ErrNotFound", err)
	}
	if _, _, err := bucket.Get(context.Background(), "k"); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("get of a deleted object: %v, want ErrNotFound", err)
	}
}

func TestOneWriterWins(t *testing.T) {
	store := objectstoretest.New()
	var wins sync.Map
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			if etag, err := put(store.Bucket("raw"), "k", "x", objectstore.Absent()); err == nil {
				wins.Store(&etag, true)
			}
		})
	}
	group.Wait()
	n := 0
	wins.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d writers won, want 1", n)
	}
}

func TestListing(t *testing.T) {
	store := objectstoretest.New()
	for _, key := range []string{"a/3", "a/1", "b/1", "a/2", "a", "a/22"} {
		store.Set("raw", key, []byte(key))
	}
	store.Set("curated", "a/9", nil)
	for _, size := range []int{0, 1, 2, 4} {
		store.PageSize = size
		store.ResetCalls()
		var got []string
		for object, err := range store.Bucket("raw").List(context.Background(), "a/", "a/1") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, object.Key)
		}
		if diff := cmp.Diff([]string{"a/2", "a/22", "a/3"}, got); diff != "" {
			t.Errorf("page size %d: %s", size, diff)
		}
		if size == 2 && len(store.Calls()) != 2 {
			t.Errorf("page size 2: %d requests, want 2", len(store.Calls()))
		}
	}
}

func TestHooks(t *testing.T) {
	store := objectstoretest.New()
	bucket := store.Bucket("raw")
	conflicts := 2
	store.Before = func(objectstoretest.Call) error {
		if conflicts--; conflicts >= 0 {
			return objectstoretest.Failure(http.StatusConflict, "ConditionalRequestConflict")
		}
		return nil
	}
	if _, err := put(bucket, "k", "one", objectstore.Absent()); err != nil {
		t.Errorf("after two conflicts: %v", err)
	}
	store.CrashAt(1, true)
	if _, err := put(bucket, "lost", "answer", objectstore.Absent()); !errors.Is(err, objectstoretest.ErrCrash) {
		t.Errorf("got %v, want ErrCrash", err)
	}
	if _, err := put(bucket, "never", "made", objectstore.Absent()); !errors.Is(err, objectstoretest.ErrCrash) {
		t.Errorf("got %v, want ErrCrash", err)
	}
	store.Revive()
	if body, _ := store.Body("raw", "lost"); !bytes.Equal(body, []byte("answer")) {
		t.Errorf("the put that lost its answer stored %q", body)
	}
	if diff := cmp.Diff([]string{"k", "lost"}, store.Keys("raw", "")); diff != "" {
		t.Error(diff)
	}
}
