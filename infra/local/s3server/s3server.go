// Package s3server runs a real S3 server over plain files: the object <key> of <bucket> is the file
// <root>/<bucket>/<key>, so what the functions store can be read with any tool.
//
// The server is versitygw (https://github.com/versity/versitygw), which has the conditional writes that the commit
// log stands on. It runs as a process of its own, built at first use from the source in helper/.
package s3server

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/windrow-data/windrow/infra/local/toolcache"
)

var (
	//go:embed helper/main.go
	mainSource []byte
	//go:embed helper/go.mod.txt
	moduleFile []byte
	//go:embed helper/go.sum.txt
	moduleSums []byte
)

const binary = "s3server"

// Build returns the path of the server's binary, and builds it first where the cache has none: about a minute
// and 100 MB of downloads, once on a machine.
func Build(ctx context.Context, cache toolcache.Cache) (path string, err error) {
	dir, err := cache.Ensure(ctx, toolcache.Tool{
		Name:   "s3server",
		Notice: "building the S3 server: about a minute, once",
		Files:  map[string][]byte{"main.go": mainSource, "go.mod": moduleFile, "go.sum": moduleSums},
		Make: func(ctx context.Context, dir string) error {
			// main.go is named, since its build constraint excludes it from packages.
			// Built as this module itself is built, and with the same versions of the AWS SDK, most of it is in
			// the build cache already.
			command := exec.CommandContext(ctx, "go", "build", "-mod=readonly", "-ldflags=-s -w", "-o", binary, "main.go")
			command.Dir = dir
			command.Env = append(os.Environ(), "GOWORK=off", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
			if output, err := command.CombinedOutput(); err != nil {
				return fmt.Errorf("go build: %w\n%s", err, bytes.TrimSpace(output))
			}
			return nil
		},
	})
	return filepath.Join(dir, binary), err
}

// Options say where a server keeps its objects and who may use it.
type Options struct {
	// Binary is the path that [Build] returned.
	Binary string
	// Root holds the buckets; it is made where it is missing.
	Root string
	// Attributes holds what does not fit a plain file (ETags, metadata) where Root's file system has no
	// user attributes, as tmpfs on older kernels. It must not lie in Root.
	Attributes string
	// Region is the one that clients sign for.
	Region string
	// AccessKeyID and SecretAccessKey are the credentials of who owns the buckets.
	AccessKeyID     string
	SecretAccessKey string
	// Accounts are the secret access keys of further accounts by their access key ids. The server verifies their
	// signatures and lets them do everything: what each may do is for a gate in front of it to decide.
	Accounts map[string]string
}

// Server is a running S3 server.
type Server struct {
	options Options
	address string
	// mutex guards the process, which [Server.Interrupt] replaces.
	mutex   sync.Mutex
	command *exec.Cmd
	stdin   io.Closer
	exited  chan struct{}
	stderr  *tail
}

const (
	startTimeout = 20 * time.Second
	stopTimeout  = 5 * time.Second
	// portTries is how often another port is tried, since one that was free may be taken before the server
	// listens on it.
	portTries = 5
)

// Start starts a server on a free port of this machine. Its process ends with this one, however this one ends.
func Start(ctx context.Context, o Options) (*Server, error) {
	for _, dir := range []string{o.Root, o.Attributes} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("S3 server: %w", err)
		}
	}
	var faults []error
	for range portTries {
		server := &Server{options: o}
		var err error
		if server.address, err = freeAddress(); err == nil {
			if err = server.start(ctx); err == nil {
				return server, nil
			}
		}
		faults = append(faults, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("S3 server does not start: %w", errors.Join(faults...))
}

// start starts the process at the server's address.
func (s *Server) start(ctx context.Context) error {
	o := s.options
	s.exited, s.stderr = make(chan struct{}), &tail{}
	s.command = exec.Command(o.Binary, "-root", o.Root, "-sidecar", o.Attributes, "-region", o.Region, "-address", s.address)
	accounts, err := json.Marshal(o.Accounts)
	if err != nil {
		return err
	}
	s.command.Env = []string{"AWS_ACCESS_KEY_ID=" + o.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + o.SecretAccessKey, "WINDROW_ACCOUNTS=" + string(accounts)}
	s.command.Stderr = s.stderr
	// In a group of its own it does not get the terminal's Ctrl-C, so that functions can still store what
	// they hold while the run stops.
	s.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if s.stdin, err = s.command.StdinPipe(); err != nil {
		return err
	}
	stdout, err := s.command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.command.Start(); err != nil {
		return err
	}
	listening := make(chan bool, 1)
	command, exited := s.command, s.exited
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if lines.Text() == "listening" {
				listening <- true
			}
		}
		command.Wait()
		close(exited)
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case <-listening:
		return nil
	case <-s.exited:
		return fmt.Errorf("%s ended: %s", o.Binary, s.stderr)
	case <-ctx.Done():
		s.stop()
		return fmt.Errorf("no answer on %s: %w", s.address, context.Cause(ctx))
	}
}

// Interrupt kills the server's process, with the requests under way, and starts it again at the same address after a
// time. What it has stored stays. Interruptions follow on one another.
func (s *Server) Interrupt(away time.Duration) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.command.Process.Kill()
	<-s.exited
	time.Sleep(away)
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return s.start(ctx)
}

// URL returns the server's endpoint, for AWS_ENDPOINT_URL_S3. It holds an IP address, at which the SDK puts
// the bucket in the path.
func (s *Server) URL() string { return "http://" + s.address }

// Close stops the server and waits until it has ended.
func (s *Server) Close() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.stop()
	return nil
}

func (s *Server) stop() {
	s.stdin.Close()
	select {
	case <-s.exited:
	case <-time.After(stopTimeout):
		s.command.Process.Kill()
		<-s.exited
	}
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("no free port on 127.0.0.1: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// tail keeps the last of what a process says, for the error when it ends.
type tail struct{ bytes.Buffer }

const tailBytes = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.Buffer.Write(p)
	if extra := t.Len() - tailBytes; extra > 0 {
		t.Next(extra)
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(t.Buffer.String()) }
