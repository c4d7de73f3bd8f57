//go:build ignore

// This program is the S3 server of a local run: versitygw's S3 API over plain files, so that an object is the
// file <root>/<bucket>/<key>. It is a program of its own, with a go.mod of its own, because versitygw changes
// the working directory of its process, and so that its many modules stay out of what Windrow's users link.
//
// It is kept beside the package that embeds, builds and starts it, and left out of that package by the build
// constraint above: a nested module would be missing from the module that others download.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/pkg/xattr"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/middlewares"
)

// copyObjectThreshold is S3's own limit for CopyObject; versitygw's zero value refuses every copy.
const copyObjectThreshold = 5 << 30

// maxConnections is far above what the functions of a local run open at once.
const maxConnections = 4096

func main() {
	root := flag.String("root", "", "the directory that holds the buckets")
	sidecar := flag.String("sidecar", "", "the directory for objects' metadata where the file system of -root has no user attributes")
	region := flag.String("region", "", "the region that clients sign for")
	address := flag.String("address", "", "host and port to listen on")
	flag.Parse()
	if err := serve(*root, *sidecar, *region, *address); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve answers until the parent closes stdin, so that the server cannot outlive it. It writes one line to
// stdout when it listens.
func serve(root, sidecar, region, address string) error {
	var attributes meta.MetadataStorer = meta.XattrMeta{}
	if hasUserAttributes(root) {
		sidecar = ""
	} else {
		store, err := meta.NewSideCar(sidecar)
		if err != nil {
			return err
		}
		attributes = store
	}
	files, err := posix.New(root, attributes, posix.PosixOpts{
		SideCarDir:          sidecar,
		CopyObjectThreshold: copyObjectThreshold,
		ValidateBucketNames: true,
	})
	if err != nil {
		return err
	}
	defer files.Shutdown()
	account := auth.Account{
		Access: os.Getenv("AWS_ACCESS_KEY_ID"),
		Secret: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		Role:   auth.RoleAdmin,
	}
	more := accounts{IAMService: auth.NewIAMServiceSingle(account)}
	if list := os.Getenv("WINDROW_ACCOUNTS"); list != "" {
		if err := json.Unmarshal([]byte(list), &more.secrets); err != nil {
			return fmt.Errorf("WINDROW_ACCOUNTS: %w", err)
		}
	}
	server, err := s3api.New(files,
		middlewares.RootUserConfig{Access: account.Access, Secret: account.Secret},
		region, more, nil, nil, nil, nil,
		s3api.WithQuiet(),
		s3api.WithKeepAlive(),
		s3api.WithConcurrencyLimiter(maxConnections, maxConnections),
		s3api.WithOnListen(func() { fmt.Println("listening") }),
	)
	if err != nil {
		return err
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.ServeMultiPort([]string{address}) }()
	parentGone := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(parentGone)
	}()
	select {
	case err := <-stopped:
		return err
	case <-parentGone:
		return server.ShutDown()
	}
}

// accounts are those beside the root account, by access key id, with their secrets. Signatures are verified here; what
// an account may do is decided by whoever forwards its requests, so that here it may do everything.
type accounts struct {
	auth.IAMService
	secrets map[string]string
}

func (a accounts) GetUserAccount(access string) (auth.Account, error) {
	secret, ok := a.secrets[access]
	if !ok {
		return auth.Account{}, auth.ErrNoSuchUser
	}
	return auth.Account{Access: access, Secret: secret, Role: auth.RoleAdmin}, nil
}

// hasUserAttributes tries whether files in dir can carry attributes. versitygw's own test only reads one,
// which succeeds on file systems that then refuse to write it.
func hasUserAttributes(dir string) bool {
	probe, err := os.CreateTemp(dir, ".attributes-*")
	if err != nil {
		return false
	}
	defer os.Remove(probe.Name())
	defer probe.Close()
	return xattr.FSet(probe, "user.windrow.probe", []byte("1")) == nil
}
