// Package toolcache keeps the helper programs of a local run (an S3 server, a state machine interpreter) in the
// user's cache directory, so that each is downloaded and built once on a machine.
//
// A tool's folder is named after a hash of the sources that it is made from, so another version of Windrow
// never meets a stale tool, and it is made beside its place and renamed into it, so a folder that is there is whole.
package toolcache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// Tool is a helper program and what it is made from.
type Tool struct {
	// Name is the first part of the folder's name.
	Name string
	// Files are the sources, by their names in the folder.
	Files map[string][]byte
	// Notice is said before Make runs, since that takes a while.
	Notice string
	// Make downloads and builds what the tool needs inside dir, which holds Files.
	Make func(ctx context.Context, dir string) error
}

// Cache is where tools are kept.
type Cache struct {
	// Dir is the folder of all tools, for example os.UserCacheDir() + "/windrow".
	Dir string
	// Say is told what takes a while, in one line.
	Say func(line string)
}

// Ensure returns the folder of t, and makes it first where it is not there. Several processes may call it at
// once: the first to finish wins, and all return the same folder.
func (c Cache) Ensure(ctx context.Context, t Tool) (dir string, err error) {
	dir = filepath.Join(c.Dir, t.Name+"-"+t.hash())
	if isDir(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return "", fmt.Errorf("folder for tools: %w", err)
	}
	staging, err := os.MkdirTemp(c.Dir, "."+t.Name+"-")
	if err != nil {
		return "", fmt.Errorf("folder for tools: %w", err)
	}
	defer os.RemoveAll(staging)
	for name, content := range t.Files {
		if err := os.WriteFile(filepath.Join(staging, name), content, 0o644); err != nil {
			return "", err
		}
	}
	c.Say(t.Notice)
	if err := t.Make(ctx, staging); err != nil {
		return "", fmt.Errorf("make %s: %w", t.Name, err)
	}
	if err := os.Chmod(staging, 0o755); err != nil {
		return "", err
	}
	if err := os.Rename(staging, dir); err != nil && !isDir(dir) {
		return "", fmt.Errorf("keep %s: %w", t.Name, err)
	}
	return dir, nil
}

func (t Tool) hash() string {
	h := sha256.New()
	fmt.Fprintln(h, runtime.GOOS, runtime.GOARCH)
	for _, name := range slices.Sorted(maps.Keys(t.Files)) {
		fmt.Fprintf(h, "%s %d\n", name, len(t.Files[name]))
		h.Write(t.Files[name])
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
