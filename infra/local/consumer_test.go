package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"github.com/windrow-data/windrow/constructs/gobuild"
)

var update = flag.Bool("update", false, "write the template that TestAnotherTeamsModule compares with")

const modulePath = "github.com/windrow-data/windrow"

// moduleFile is a file of this module, for its zip.
type moduleFile struct{ root, path string }

func (f moduleFile) Path() string                 { return filepath.ToSlash(f.path) }
func (f moduleFile) Lstat() (fs.FileInfo, error)  { return os.Lstat(filepath.Join(f.root, f.path)) }
func (f moduleFile) Open() (io.ReadCloser, error) { return os.Open(filepath.Join(f.root, f.path)) }

// moduleFiles are those that the go command would download of this checkout, and a hash of them.
func moduleFiles(t *testing.T, root string) (files []zip.File, hash string) {
	t.Helper()
	sum := sha256.New()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			_, nested := os.Stat(filepath.Join(path, "go.mod"))
			if relative != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules" || entry.Name() == "cdk.out" || nested == nil) {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), ".") {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n", relative, len(content))
		sum.Write(content)
		files = append(files, moduleFile{root, relative})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, fmt.Sprintf("%x", sum.Sum(nil)[:6])
}

// publish makes a module proxy, a folder, that has this checkout as a version of the module, and returns its address and the
// version.
func publish(t *testing.T, root string) (proxy, version string) {
	t.Helper()
	files, hash := moduleFiles(t, root)
	version = "v0.0.1-test." + hash
	dir := t.TempDir()
	versions := filepath.Join(dir, modulePath, "@v")
	if err := os.MkdirAll(versions, 0o755); err != nil {
		t.Fatal(err)
	}
	goMod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := zip.Create(&archive, module.Version{Path: modulePath, Version: version}, files); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"list": []byte(version + "\n"), version + ".info": fmt.Appendf(nil, `{"Version":%q,"Time":"2026-01-01T00:00:00Z"}`, version), version + ".mod": goMod, version + ".zip": archive.Bytes(),
	} {
		if err := os.WriteFile(filepath.Join(versions, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { forget(version) })
	return "file://" + dir, version
}

// forget takes the version out of the module cache, in which the go command leaves it read-only.
func forget(version string) {
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		return
	}
	cache := strings.TrimSpace(string(out))
	unpacked := filepath.Join(cache, modulePath+"@"+version)
	filepath.WalkDir(unpacked, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			os.Chmod(path, 0o755)
		}
		return nil
	})
	os.RemoveAll(unpacked)
	downloads, _ := filepath.Glob(filepath.Join(cache, "cache", "download", modulePath, "@v", version+".*"))
	for _, file := range downloads {
		os.Remove(file)
	}
}

// goCommand finds the commands in the guide by which a module is made.
var goCommand = regexp.MustCompile(`(?m)^       go ((?:mod|get) .*)$`)

// TestAnotherTeamsModule does what docs/own-vendor.md says, in a folder of its own: it gets the module, synthesizes the app of
// constructs/testdata/consumer, and plays it.
func TestAnotherTeamsModule(t *testing.T) {
	if testing.Short() {
		t.Skip("gets the module and synthesizes an app with it")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	proxy, version := publish(t, root)
	consumer := t.TempDir()
	for _, name := range []string{"main.go", "main_test.go", "cdk.json"} {
		content, err := os.ReadFile(filepath.Join(root, "constructs", "testdata", "consumer", name))
		if err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(content, []byte("\n")); name == "main.go" && lines > 60 {
			t.Errorf("the example has %d lines, want 60 at most", lines)
		}
		if err := os.WriteFile(filepath.Join(consumer, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(more []string, name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = consumer
		cmd.Env = append(append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOPROXY="+proxy+","+proxies(t), "GONOSUMDB="+modulePath,
			"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20"), more...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	commands := goCommand.FindAllSubmatch(read(t, filepath.Join(root, "docs", "own-vendor.md")), -1)
	if len(commands) != 3 {
		t.Fatalf("docs/own-vendor.md has %d commands that make the module, want init, get and tidy", len(commands))
	}
	for _, command := range commands {
		args := strings.Fields(string(command[1]))
		for i, arg := range args {
			if arg == modulePath {
				args[i] += "@" + version
			}
		}
		run(nil, "go", args...)
	}

	blocks := guideBlocks(t)
	if !checkShown(t, blocks, "go test ./...", run(nil, "go", "test", "./...")) {
		t.Error("docs/own-vendor.md does not show go test")
	}

	// What it deploys is what is kept beside it, so that a change of it is seen.
	outdir := filepath.Join(t.TempDir(), "cdk.out")
	run(synthesisOf(t, filepath.Join(consumer, "cdk.json"), outdir), "go", "run", ".")
	template := read(t, filepath.Join(outdir, "acme-webinars.template.json"))
	template = regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAll(template, []byte("ASSET"))
	golden := filepath.Join(root, "constructs", "testdata", "consumer", "template.json")
	if *update {
		if err := os.WriteFile(golden, template, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(template, read(t, golden)) {
		t.Error("constructs/testdata/consumer/template.json is not what is synthesized: run go test ./infra/local -run TestAnotherTeamsModule -update")
	}
	if want, got := read(t, filepath.Join(root, "constructs", "testdata", "consumer", "schema.json")), read(t, filepath.Join(consumer, "schema.json")); !bytes.Equal(got, want) {
		t.Errorf("constructs/testdata/consumer/schema.json is not what is synthesized:\n%s", got)
	}

	// Played from there, with the functions as they are built from the module cache.
	out := filepath.Join(t.TempDir(), "out")
	played := run(nil, "go", "run", modulePath+"/infra/local@"+version, "-app", "go run .", "-attendees", "1500", "-until", "2026-03-10T06:00:00Z", "-out", out)
	if !checkShown(t, blocks, "go run "+modulePath+"/infra/local@", played) {
		t.Error("docs/own-vendor.md does not show the play")
	}
	var summary struct {
		Streams []struct {
			Name                                        string
			Missing, Duplicated, VendorRecords, Windows int
		}
		Denied map[string]int
		Events map[string]int
	}
	if err := json.Unmarshal(read(t, filepath.Join(out, "summary.json")), &summary); err != nil {
		t.Fatal(err)
	}
	if len(summary.Streams) != 1 {
		t.Fatalf("played were %+v", summary.Streams)
	}
	if s := summary.Streams[0]; s.Name != "signups" || s.Missing != 0 || s.Duplicated != 0 || s.VendorRecords == 0 || s.Windows == 0 || len(summary.Denied) > 0 || len(summary.Events) == 0 {
		t.Errorf("summary %+v", summary)
	}

	// The same bytes as a build of this checkout, whatever module or workspace it is used from.
	checkGobuild(t, root, out)
}

// checkGobuild compares the functions of a play with what this checkout builds, inside a workspace.
func checkGobuild(t *testing.T, root, out string) {
	t.Helper()
	workspace := filepath.Join(t.TempDir(), "go.work")
	if err := os.WriteFile(workspace, fmt.Appendf(nil, "go 1.26.0\n\nuse %s\n", root), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOWORK", workspace)
	want := map[[32]byte]string{}
	for _, name := range []string{"ingest", "preprocess"} {
		dir := filepath.Join(t.TempDir(), name)
		if _, err := (&gobuild.Builder{Dir: root}).Folder(dir, modulePath+"/functions/cmd/"+name, runtime.GOARCH, nil); err != nil {
			t.Fatal(err)
		}
		want[sha256.Sum256(read(t, filepath.Join(dir, gobuild.Bootstrap)))] = name
	}
	built, err := filepath.Glob(filepath.Join(out, "cdk.out", "asset.*", gobuild.Bootstrap))
	if err != nil || len(built) != 2 {
		t.Fatalf("the play has the functions %v (%v)", built, err)
	}
	for _, path := range built {
		if want[sha256.Sum256(read(t, path))] == "" {
			t.Errorf("%s is another binary than this checkout gives", path)
		}
	}
}

// proxies are those that the go command uses here.
func proxies(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// synthesisOf is the environment in which the CDK command line runs an app, without building its functions.
func synthesisOf(t *testing.T, configuration, outdir string) []string {
	t.Helper()
	var file struct{ Context map[string]any }
	if err := json.Unmarshal(read(t, configuration), &file); err != nil {
		t.Fatal(err)
	}
	file.Context["aws:cdk:bundling-stacks"] = []any{}
	content, err := json.Marshal(file.Context)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"CDK_OUTDIR=" + outdir, "CDK_CONTEXT_JSON=" + string(content)}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
