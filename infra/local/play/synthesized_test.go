package play

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/windrow-data/windrow/infra/local/toolcache"
)

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(synthesizedDir)
	os.Exit(code)
}

// synthesizedDir holds the assembly of this repository's app, made once for all tests.
var synthesizedDir string

// placeholderURL stands in the assembly for where a play simulates the vendor.
const placeholderURL = "http://127.0.0.1:1"

var synthesizeOnce = sync.OnceValue(func() (err error) {
	if synthesizedDir, err = os.MkdirTemp("", "windrow-app-"); err != nil {
		return err
	}
	return synthesize(context.Background(), "cd ../../.. && go run ./infra", synthesizedDir, map[string]any{"env": "local", "vendorUrl": placeholderURL})
})

// thisApp is a command that gives the assembly of this repository's app, as a play asks an app for it. more are further
// commands, which change it.
func thisApp(t *testing.T, more ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("synthesizes the app")
	}
	if err := synthesizeOnce(); err != nil {
		t.Fatal(err)
	}
	commands := append([]string{
		`set -e; cp -r "` + synthesizedDir + `"/. "$CDK_OUTDIR"`,
		`url=$(echo "$CDK_CONTEXT_JSON" | sed 's/.*"vendorUrl":"\([^"]*\)".*/\1/')`,
		`for f in "$CDK_OUTDIR"/asset.*/vendor.json; do sed "s|` + placeholderURL + `|$url|" "$f" > "$f.new"; mv "$f.new" "$f"; done`,
	}, more...)
	return strings.Join(commands, "\n")
}

// optionsFor play what thisApp gives, in a folder of the test's own, and say what they say to said.
func optionsFor(t *testing.T, app string, said *bytes.Buffer) Options {
	t.Helper()
	userCache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		App:    app,
		Env:    "local",
		Seed:   11,
		Out:    filepath.Join(t.TempDir(), "out"),
		Cache:  toolcache.Cache{Dir: filepath.Join(userCache, "windrow"), Say: func(line string) { t.Log(line) }},
		Screen: NewScreen(said, false),
	}
}
