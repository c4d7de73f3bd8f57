// Package gobuild turns a Go main package into the folder of a Lambda function on a provided runtime: the
// compiled bootstrap, and whatever files go beside it.
//
// It stands apart from the construct because it is plain Go around the go command: what it makes depends on the
// source alone, so that the same commit gives the same asset on every machine, and a compiler's complaint
// reaches the reader whole. The main package may be Windrow's own, used from a consumer's module (where it is
// built in the directory of its own module, with the versions that module pins), or the consumer's.
package gobuild

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Bootstrap is the name of the executable that Lambda's provided runtimes start.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-provided.html
const Bootstrap = "bootstrap"

// Tags are the build tags of every bootstrap. lambda.norpc leaves out aws-lambda-go's support for the retired
// go1.x runtime. https://github.com/aws/aws-lambda-go#building-your-function
const Tags = "lambda.norpc"

// Builder builds each main package once for an architecture, however many folders use it. The zero Builder
// is ready; it is safe for use by several goroutines at once.
type Builder struct {
	// Dir is the directory in which package paths are looked up, inside the module that uses Windrow.
	// Default: the working directory.
	Dir string

	mu sync.Mutex
	// built holds the binaries themselves: a folder that has one may be made anew.
	built map[string][]byte
}

// Error says that a main package could not be built.
type Error struct {
	Package string
	GOARCH  string
	// Output is what the go command said.
	Output string
}

func (e *Error) Error() string {
	return fmt.Sprintf("building %s for linux/%s failed:\n%s", e.Package, e.GOARCH, e.Output)
}

// Folder makes dir hold exactly the bootstrap built from the main package and files, which maps a name to its
// content. goarch is arm64 or amd64. A failing go command gives an [*Error].
func (b *Builder) Folder(dir, pkg, goarch string, files map[string][]byte) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := Files(dir, files); err != nil {
		return err
	}
	target := filepath.Join(dir, Bootstrap)

	b.mu.Lock()
	defer b.mu.Unlock()
	key := pkg + " " + goarch
	if binary, ok := b.built[key]; ok {
		return os.WriteFile(target, binary, 0o755)
	}
	if err := b.build(target, pkg, goarch); err != nil {
		return err
	}
	binary, err := os.ReadFile(target)
	if err != nil {
		return err
	}
	if b.built == nil {
		b.built = map[string][]byte{}
	}
	b.built[key] = binary
	return nil
}

// Files makes dir hold exactly files, without a bootstrap: what a folder is made of where nothing is deployed
// from it.
func Files(dir string, files map[string][]byte) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range files {
		if name == Bootstrap || !filepath.IsLocal(name) || name != filepath.Base(name) {
			return fmt.Errorf("file %q: want a plain file name other than %s", name, Bootstrap)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// build compiles pkg in the directory of its own module, so that a consumer's go.sum needs no entries for what
// only the bootstrap imports.
func (b *Builder) build(target, pkg, goarch string) error {
	moduleDir, err := b.moduleDir(pkg, goarch)
	if err != nil {
		return err
	}
	_, err = b.command(pkg, goarch, moduleDir, true, "build",
		"-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-tags="+Tags, "-o="+target, pkg)
	return err
}

func (b *Builder) moduleDir(pkg, goarch string) (string, error) {
	out, err := b.command(pkg, goarch, b.Dir, false, "list", "-find", "-f={{with .Module}}{{.Dir}}{{end}} {{.Name}}", pkg)
	if err != nil {
		return "", err
	}
	dir, name, _ := cutLast(strings.TrimSpace(out), " ")
	if name != "main" {
		return "", &Error{pkg, goarch, fmt.Sprintf("package %s is no command: want the import path of a main package", name)}
	}
	if dir == "" {
		return "", &Error{pkg, goarch, "the package belongs to no module whose source is at hand: want the import path of a main package, without a vendor folder"}
	}
	return dir, nil
}

// cutLast is strings.Cut at the last occurrence of sep: a directory's name may hold blanks.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+len(sep):], true
}

// command runs the go command. What would make one machine's binary differ from another's is pinned; a build
// leaves a surrounding workspace aside too, since that replaces the versions that the module pins.
func (b *Builder) command(pkg, goarch, dir string, building bool, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+goarch, "CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=")
	if building {
		cmd.Env = append(cmd.Env, "GOFLAGS=", "GOWORK=off")
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return "", &Error{pkg, goarch, strings.TrimSpace(stderr.String())}
	case errors.Is(err, exec.ErrNotFound):
		return "", &Error{pkg, goarch, "there is no go command on the PATH: install Go from https://go.dev/dl/"}
	case errors.Is(err, fs.ErrNotExist):
		return "", &Error{pkg, goarch, err.Error()}
	case err != nil:
		return "", err
	}
	return stdout.String(), nil
}
