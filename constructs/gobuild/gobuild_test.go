package gobuild

import (
	"bytes"
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const testdata = "github.com/windrow-data/windrow/constructs/gobuild/testdata/"

func TestFolderHoldsBootstrapAndFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "function")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "left-over"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := new(Builder).Folder(dir, testdata+"hello", "arm64", map[string][]byte{"vendor.json": []byte("{}")}); err != nil {
		t.Fatal(err)
	}

	var names []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if got, want := strings.Join(names, " "), "bootstrap vendor.json"; got != want {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
	info, err := os.Stat(filepath.Join(dir, Bootstrap))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o111 != 0o111 {
		t.Errorf("bootstrap has mode %v: Lambda could not start it", info.Mode())
	}
	binary, err := elf.Open(filepath.Join(dir, Bootstrap))
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	if binary.Machine != elf.EM_AARCH64 {
		t.Errorf("bootstrap is for %v, want %v", binary.Machine, elf.EM_AARCH64)
	}
}

// copyModule writes a module of its own around the hello command, as a checkout in another place would be.
func copyModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source, err := os.ReadFile("testdata/hello/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "hello"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"go.mod": []byte("module example.com/m\n\ngo 1.26.0\n"), "hello/main.go": source} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestBuildsAreReproducible(t *testing.T) {
	var binaries [2][]byte
	for i := range binaries {
		builder := Builder{Dir: copyModule(t)}
		if i == 1 {
			t.Setenv("GOFLAGS", "-ldflags=-X=main.unused=1")
			t.Setenv("GOARM64", "v9.0")
		}
		out := filepath.Join(t.TempDir(), "out")
		if _, err := builder.Folder(out, "example.com/m/hello", "arm64", nil); err != nil {
			t.Fatal(err)
		}
		var err error
		if binaries[i], err = os.ReadFile(filepath.Join(out, Bootstrap)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(binaries[0], binaries[1]) {
		t.Error("two checkouts of one source gave two binaries")
	}
}

// TestAVendorFolderIsUsed builds a command of another module from a consumer's module that keeps a vendor folder.
func TestAVendorFolderIsUsed(t *testing.T) {
	library := copyModule(t)
	write := func(path, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(dir string, args ...string) {
		t.Helper()
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GOPROXY=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
	}
	consumer := t.TempDir()
	write(filepath.Join(consumer, "go.mod"), "module example.com/consumer\n\ngo 1.26.0\n\nrequire example.com/m v1.0.0\n\nreplace example.com/m => "+library+"\n")
	write(filepath.Join(consumer, "main.go"), "package main\n\nfunc main() {}\n")
	run(consumer, "mod", "vendor")
	builder := Builder{Dir: consumer}
	out := filepath.Join(t.TempDir(), "out")
	if _, err := builder.Folder(out, "example.com/m/hello", "arm64", nil); err == nil || !strings.Contains(err.Error(), "go get -tool example.com/m/hello, then go mod vendor") {
		t.Errorf("a command that is not in the vendor folder: %v", err)
	}

	write(filepath.Join(consumer, "go.mod"), "module example.com/consumer\n\ngo 1.26.0\n\ntool example.com/m/hello\n\nrequire example.com/m v1.0.0\n\nreplace example.com/m => "+library+"\n")
	run(consumer, "mod", "vendor")
	// What is built is the vendor folder's, whatever the module is elsewhere.
	write(filepath.Join(library, "hello", "main.go"), "package main\n\nbroken\n")
	origin, err := builder.Folder(out, "example.com/m/hello", "arm64", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !origin.Vendored || origin.Dir != consumer {
		t.Errorf("built from %+v, want the vendor folder of %s", origin, consumer)
	}
}

// TestAWorkspaceChangesNothing builds a module's command with and without a workspace around it.
func TestAWorkspaceChangesNothing(t *testing.T) {
	var binaries [2][]byte
	for i := range binaries {
		module := copyModule(t)
		builder := Builder{Dir: module}
		if i == 1 {
			workspace := filepath.Join(t.TempDir(), "go.work")
			if err := os.WriteFile(workspace, []byte("go 1.26.0\n\nuse "+module+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			t.Setenv("GOWORK", workspace)
		}
		out := filepath.Join(t.TempDir(), "out")
		origin, err := builder.Folder(out, "example.com/m/hello", "arm64", nil)
		if err != nil {
			t.Fatal(err)
		}
		if origin.Vendored {
			t.Error("a vendor folder is said to have been used")
		}
		if binaries[i], err = os.ReadFile(filepath.Join(out, Bootstrap)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(binaries[0], binaries[1]) {
		t.Error("a workspace gave another binary")
	}
}

func TestBuilderBuildsOnce(t *testing.T) {
	module := copyModule(t)
	builder := Builder{Dir: module}
	out := t.TempDir()
	first, second := filepath.Join(out, "first"), filepath.Join(out, "second")
	if _, err := builder.Folder(first, "example.com/m/hello", "arm64", nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(module, "hello", "main.go"), []byte("package main\n\nbroken\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := builder.Folder(second, "example.com/m/hello", "arm64", nil); err != nil {
		t.Fatalf("the second folder was built anew: %v", err)
	}
	if _, err := builder.Folder(first, "example.com/m/hello", "arm64", nil); err != nil {
		t.Fatalf("the first folder could not be made again: %v", err)
	}
	if _, err := builder.Folder(filepath.Join(out, "third"), "example.com/m/hello", "amd64", nil); err == nil {
		t.Error("another architecture was given the binary of the first")
	}
}

func TestErrorsNameTheFault(t *testing.T) {
	for name, c := range map[string]struct {
		pkg  string
		want []string
	}{
		"does not compile":  {testdata + "broken", []string{"broken for linux/arm64", "main.go:4", "undefined: undefinedFunction"}},
		"no such package":   {testdata + "absent", []string{"absent"}},
		"not a command":     {"github.com/windrow-data/windrow/constructs/gobuild", []string{"package gobuild is no command", "main package"}},
		"not of any module": {"cmd/gofmt", []string{"belongs to no module"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := new(Builder).Folder(filepath.Join(t.TempDir(), "out"), c.pkg, "arm64", nil)
			var failed *Error
			if !errors.As(err, &failed) {
				t.Fatalf("got %v, want an *Error", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if lines := strings.Count(err.Error(), "\n"); lines > 6 {
				t.Errorf("the message has %d lines:\n%v", lines, err)
			}
		})
	}
}

func TestFilesRefusesOtherPlaces(t *testing.T) {
	for _, name := range []string{Bootstrap, "../up", "a/b", "", "."} {
		if err := Files(filepath.Join(t.TempDir(), "out"), map[string][]byte{name: nil}); err == nil {
			t.Errorf("file %q was accepted", name)
		}
	}
}
