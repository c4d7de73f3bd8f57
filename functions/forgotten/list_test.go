package forgotten_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/forgotten"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
)

func TestAdd(t *testing.T) {
	ctx, bucket := context.Background(), objectstoretest.New().Bucket("raw")
	if list, err := forgotten.Read(ctx, bucket, "acme"); err != nil || len(list.Digests) > 0 || list.Version != 0 {
		t.Fatalf("without a list: %+v, %v", list, err)
	}
	digests := []string{key.Digest("b@example.com"), key.Digest("a@example.com"), key.Digest("c@example.com")}
	var all sync.WaitGroup
	for _, digest := range append(digests, digests...) {
		all.Go(func() {
			if _, err := forgotten.Add(ctx, bucket, "acme", digest); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	list, err := forgotten.Read(ctx, bucket, "acme")
	if err != nil || list.Version != 3 || list.Format != forgotten.FormatVersion {
		t.Fatalf("%+v, %v", list, err)
	}
	want := map[string]bool{digests[0]: true, digests[1]: true, digests[2]: true}
	got := map[string]bool{}
	for i, digest := range list.Digests {
		got[digest] = true
		if i > 0 && list.Digests[i-1] >= digest {
			t.Errorf("not sorted: %v", list.Digests)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if again, err := forgotten.Add(ctx, bucket, "acme", digests[0]); err != nil || again.Version != 3 {
		t.Errorf("who is there already changes the list: %+v, %v", again, err)
	}
}

func TestListsThatAreRefused(t *testing.T) {
	ctx, store := context.Background(), objectstoretest.New()
	for name, test := range map[string]struct{ body, want string }{
		"damaged":    {`{"digests":`, "put an earlier version of it back"},
		"of a newer": {`{"format":2,"digests":[]}`, "format version 2, this release knows up to 1"},
	} {
		t.Run(name, func(t *testing.T) {
			store.Set("raw", forgotten.Key("acme"), []byte(test.body))
			if _, err := forgotten.Read(ctx, store.Bucket("raw"), "acme"); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	for _, digest := range []string{"", "ann@example.com", strings.Repeat("A", 32), strings.Repeat("a", 31)} {
		_, err := forgotten.Add(ctx, store.Bucket("raw"), "acme", digest)
		if err == nil || !strings.Contains(err.Error(), "want 32 of 0-9 and a-f") || digest != "" && strings.Contains(err.Error(), digest) {
			t.Errorf("digest %q: %v", digest, err)
		}
	}
}
