package play

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// searchForCanaries fails the test where any file below dir holds one of the secrets: objects, logs, templates, descriptions and
// summaries alike. Objects that are compressed are searched as they read.
func searchForCanaries(t *testing.T, dir string, secrets ...string) {
	t.Helper()
	searched := map[string]int{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, ".gz") {
			reader, err := gzip.NewReader(bytes.NewReader(content))
			if err != nil {
				return err
			}
			if content, err = io.ReadAll(reader); err != nil {
				return err
			}
		}
		searched[filepath.Ext(path)]++
		for _, secret := range secrets {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s holds the secret %s", path, secret)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{".gz", ".json", ".log"} {
		if searched[kind] == 0 {
			t.Errorf("no %s file was searched, of %v", kind, searched)
		}
	}
}
