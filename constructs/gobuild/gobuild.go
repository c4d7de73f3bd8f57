// Package gobuild turns a Go main package into the folder of a Lambda function on a provided runtime: the
// compiled bootstrap, and whatever files go beside it.
//
// It stands apart from the construct because it is plain Go around the go command: what it makes depends on the
// source alone, so that the same commit gives the same asset on every machine, and a compiler's complaint
// reaches the reader whole. The main package may be Windrow's own, used from a consumer's module (where it is
// built in the directory of its own module, with the versions that module pins), or the consumer's. Where the consumer
// keeps a vendor folder, its versions are what the consumer has chosen, and are used.
package gobuild

import (
	"bytes"
	"encoding/json"
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
// go1.x runtime (https://github.com/aws/aws-lambda-go#building-your-function), nethttpomithttp2 HTTP/2
// (https://pkg.go.dev/net/http#hdr-HTTP_2): S3 speaks HTTP/1.1, vendors speak both, and a handler starts with less to load.
const Tags = "lambda.norpc,nethttpomithttp2"

// Builder builds each main package once for an architecture, however many folders use it. The zero Builder
// is ready; it is safe for use by several goroutines at once.
type Builder struct {
	// Dir is the directory in which package paths are looked up, inside the module that uses Windrow.
	// Default: the working directory.
	Dir string

	mu sync.Mutex
	// built holds the binaries themselves: a folder that has one may be made anew.
	built map[string]built
}

// Origin says with which versions a bootstrap was built.
type Origin struct {
	// Dir is the directory of the module that was built in.
	Dir string
	// Vendored says that the versions are those of the vendor folder there, and not those that the package's own
	// module pins.
	Vendored bool
}

type built struct {
	origin Origin
	binary []byte
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
func (b *Builder) Folder(dir, pkg, goarch string, files map[string][]byte) (Origin, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Origin{}, err
	}
	if err := Files(dir, files); err != nil {
		return Origin{}, err
	}
	target := filepath.Join(dir, Bootstrap)

	b.mu.Lock()
	defer b.mu.Unlock()
	key := pkg + " " + goarch
	if known, ok := b.built[key]; ok {
		return known.origin, os.WriteFile(target, known.binary, 0o755)
	}
	origin, err := b.build(target, pkg, goarch)
	if err != nil {
		return Origin{}, err
	}
	binary, err := os.ReadFile(target)
	if err != nil {
		return Origin{}, err
	}
	if b.built == nil {
		b.built = map[string]built{}
	}
	b.built[key] = built{origin, binary}
	return origin, nil
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

// smallerSDK has the compiler inline no call within the AWS SDK, whose generated code is half of a handler: its zip is 3 per cent
// smaller, and the few requests of an invocation take no time that could be measured.
const smallerSDK = "github.com/aws/...=-l"

// build compiles pkg in the directory of its own module, so that a consumer's go.sum needs no entries for what
// only the bootstrap imports; or in the consumer's, from its vendor folder.
func (b *Builder) build(target, pkg, goarch string) (Origin, error) {
	origin, err := b.origin(pkg, goarch)
	if err != nil {
		return Origin{}, err
	}
	// What would replace the pinned versions is left aside: a surrounding workspace, and flags.
	environment := []string{"GOFLAGS=", "GOWORK=off"}
	if origin.Vendored {
		environment = []string{"GOFLAGS=-mod=vendor"}
	}
	_, err = b.command(pkg, goarch, origin.Dir, environment, "build",
		"-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-gcflags="+smallerSDK, "-tags="+Tags, "-o="+target, pkg)
	return origin, err
}

// origin finds where pkg is to be built.
func (b *Builder) origin(pkg, goarch string) (Origin, error) {
	out, err := b.command(pkg, goarch, b.Dir, nil, "list", "-find", "-json=Name,Module", pkg)
	var failed *Error
	if errors.As(err, &failed) && strings.Contains(failed.Output, "-mod=vendor") {
		failed.Output += fmt.Sprintf("\nthe vendor folder holds only what the module imports: run go get -tool %s, then go mod vendor", pkg)
	}
	if err != nil {
		return Origin{}, err
	}
	var found struct {
		Name   string
		Module *struct{ Dir string }
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		return Origin{}, fmt.Errorf("go list %s: %w", pkg, err)
	}
	switch {
	case found.Name != "main":
		return Origin{}, &Error{pkg, goarch, fmt.Sprintf("package %s is no command: want the import path of a main package", found.Name)}
	case found.Module == nil:
		return Origin{}, &Error{pkg, goarch, "the package belongs to no module: want the import path of a main package"}
	case found.Module.Dir == "":
		// A module has no directory of its own where the go command works from a vendor folder.
		dir, err := filepath.Abs(b.Dir)
		return Origin{Dir: dir, Vendored: true}, err
	}
	return Origin{Dir: found.Module.Dir}, nil
}

// command runs the go command. What would make one machine's binary differ from another's is pinned.
func (b *Builder) command(pkg, goarch, dir string, environment []string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+goarch, "CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=")
	cmd.Env = append(cmd.Env, environment...)
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
