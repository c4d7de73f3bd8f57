package objectstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
)

var ctx = context.Background()

func put(b objectstore.Bucket, key, body string, condition objectstore.Condition) (string, error) {
	return b.Put(ctx, key, strings.NewReader(body), "text/plain", nil, condition)
}

func TestPutKeepsItsCondition(t *testing.T) {
	store := objectstoretest.New()
	bucket := store.Bucket("b")
	first, err := put(bucket, "k", "one", objectstore.Absent())
	if err != nil || strings.Contains(first, `"`) {
		t.Fatalf("got %q, %v", first, err)
	}
	tests := []struct {
		name      string
		key       string
		condition objectstore.Condition
		want      error
	}{
		{"absent, but there", "k", objectstore.Absent(), objectstore.ErrTaken},
		{"never seen, but there", "k", objectstore.Seen(""), objectstore.ErrTaken},
		{"changed since", "k", objectstore.Unchanged("other"), objectstore.ErrChanged},
		{"deleted since", "gone", objectstore.Unchanged(first), objectstore.ErrChanged},
		{"unchanged", "k", objectstore.Seen(first), nil},
		{"still absent", "new", objectstore.Seen(""), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := put(bucket, test.key, "two", test.condition)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if err != nil && !strings.Contains(err.Error(), "s3://b/"+test.key) {
				t.Errorf("%v does not name the object", err)
			}
		})
	}
}

func TestAConflictSaysNothingAndIsTriedAgain(t *testing.T) {
	for _, test := range []struct {
		conflicts int
		want      bool
	}{{1, true}, {4, true}, {5, false}} {
		store := objectstoretest.New()
		store.Before = func(c objectstoretest.Call) error {
			if c.Number <= test.conflicts {
				return objectstoretest.Failure(http.StatusConflict, "ConditionalRequestConflict")
			}
			return nil
		}
		_, err := put(store.Bucket("b"), "k", "the whole body", objectstore.Absent())
		if (err == nil) != test.want {
			t.Errorf("after %d conflicts: %v", test.conflicts, err)
		}
		if body, _ := store.Body("b", "k"); test.want && string(body) != "the whole body" {
			t.Errorf("after %d conflicts the object holds %q", test.conflicts, body)
		}
	}
}

func TestListGoesOverPages(t *testing.T) {
	store := objectstoretest.New()
	store.PageSize = 3
	for i := range 8 {
		store.Set("b", fmt.Sprintf("p/%d", i), []byte("x"))
	}
	store.Set("b", "q/0", nil)
	var keys []string
	for object, err := range store.Bucket("b").List(ctx, "p/", "p/1") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, object.Key)
	}
	if got := strings.Join(keys, " "); got != "p/2 p/3 p/4 p/5 p/6 p/7" {
		t.Errorf("got %s", got)
	}
}

func TestAListThatFailsHalfwaySaysSo(t *testing.T) {
	store := objectstoretest.New()
	store.PageSize = 2
	for i := range 4 {
		store.Set("b", fmt.Sprintf("p/%d", i), nil)
	}
	store.Before = func(c objectstoretest.Call) error {
		if c.Number == 2 {
			return objectstoretest.Failure(http.StatusServiceUnavailable, "SlowDown")
		}
		return nil
	}
	seen, failed := 0, false
	for _, err := range store.Bucket("b").List(ctx, "p/", "") {
		if err != nil {
			failed = true
			continue
		}
		seen++
	}
	if seen != 2 || !failed {
		t.Errorf("%d objects, failed %v", seen, failed)
	}
}

func TestABucketThatIsNotThereIsNoMissingObject(t *testing.T) {
	store := objectstoretest.New()
	store.Before = func(objectstoretest.Call) error {
		return fmt.Errorf("%w: %w", objectstoretest.Failure(http.StatusNotFound, "NoSuchBucket"), &smithy.GenericAPIError{Code: "NoSuchBucket"})
	}
	bucket := store.Bucket("b")
	_, _, got := bucket.Get(ctx, "k")
	_, putNew := put(bucket, "k", "", objectstore.Absent())
	_, putAgain := put(bucket, "k", "", objectstore.Unchanged("etag"))
	var listed error
	for _, listed = range bucket.List(ctx, "p", "") {
	}
	for verb, err := range map[string]error{"get": got, "put": putNew, "put again": putAgain, "list": listed} {
		if err == nil || errors.Is(err, objectstore.ErrNotFound) || errors.Is(err, objectstore.ErrChanged) || !strings.Contains(err.Error(), "NoSuchBucket") {
			t.Errorf("%s: %v", verb, err)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	bucket := objectstoretest.New().Bucket("b")
	if _, _, err := bucket.Get(ctx, "k"); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	if _, err := bucket.Head(ctx, "k"); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("head: %v", err)
	}
	if err := bucket.Delete(ctx, "k"); err != nil {
		t.Errorf("delete: %v", err)
	}
}
