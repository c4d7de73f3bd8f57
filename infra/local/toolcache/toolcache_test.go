package toolcache_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/windrow-data/windrow/infra/local/toolcache"
)

func TestEnsureMakesOnce(t *testing.T) {
	t.Parallel()
	var notices, made atomic.Int32
	cache := toolcache.Cache{Dir: t.TempDir(), Say: func(string) { notices.Add(1) }}
	tool := toolcache.Tool{
		Name:  "echo",
		Files: map[string][]byte{"source": []byte("one")},
		Make: func(_ context.Context, dir string) error {
			made.Add(1)
			source, err := os.ReadFile(filepath.Join(dir, "source"))
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "made"), source, 0o644)
		},
	}
	first, err := cache.Ensure(t.Context(), tool)
	if err != nil {
		t.Fatal(err)
	}
	again, err := cache.Ensure(t.Context(), tool)
	if err != nil {
		t.Fatal(err)
	}
	if first != again || made.Load() != 1 || notices.Load() != 1 {
		t.Errorf("second call: folder %s after %s, made %d times, %d notices; want the same folder, made once", again, first, made.Load(), notices.Load())
	}
	tool.Files = map[string][]byte{"source": []byte("two")}
	other, err := cache.Ensure(t.Context(), tool)
	if err != nil {
		t.Fatal(err)
	}
	if other == first {
		t.Errorf("other sources share the folder %s", other)
	}
}

func TestEnsureAtOnceYieldsOneWholeFolder(t *testing.T) {
	t.Parallel()
	cache := toolcache.Cache{Dir: t.TempDir(), Say: func(string) {}}
	tool := toolcache.Tool{
		Name: "race",
		Make: func(_ context.Context, dir string) error {
			return os.WriteFile(filepath.Join(dir, "made"), nil, 0o644)
		},
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			dir, err := cache.Ensure(t.Context(), tool)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := os.Stat(filepath.Join(dir, "made")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	entries, err := os.ReadDir(cache.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("%d folders are left, want 1: %v", len(entries), entries)
	}
}

func TestEnsureLeavesNothingOfAFailure(t *testing.T) {
	t.Parallel()
	cache := toolcache.Cache{Dir: t.TempDir(), Say: func(string) {}}
	fault := errors.New("no network")
	_, err := cache.Ensure(t.Context(), toolcache.Tool{
		Name: "broken",
		Make: func(context.Context, string) error { return fault },
	})
	if !errors.Is(err, fault) || !strings.Contains(err.Error(), "broken") {
		t.Errorf("error %v, want one that names the tool and its fault", err)
	}
	entries, err := os.ReadDir(cache.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}
