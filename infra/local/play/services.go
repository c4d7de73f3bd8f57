package play

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/lambdahost"
	"github.com/windrow-data/windrow/infra/local/s3server"
	"github.com/windrow-data/windrow/infra/local/secrets"
	"github.com/windrow-data/windrow/infra/local/toolcache"
	"github.com/windrow-data/windrow/infra/local/workflow"
)

// The credentials of the local services. They open nothing but what listens on this machine while a run lasts.
const (
	accessKeyID     = "local"
	secretAccessKey = "local-only-no-secret"
)

// tools are the helper programs that services are started from.
type tools struct {
	s3server    string
	interpreter string
}

// makeTools builds and installs the helper programs, side by side, where this machine lacks them.
func makeTools(ctx context.Context, cache toolcache.Cache) (tools, error) {
	var t tools
	var s3Fault, interpreterFault error
	var group sync.WaitGroup
	group.Go(func() { t.interpreter, interpreterFault = workflow.Install(ctx, cache) })
	group.Go(func() { t.s3server, s3Fault = s3server.Build(ctx, cache) })
	group.Wait()
	return t, errors.Join(s3Fault, interpreterFault)
}

// services are what the functions and state machines of an assembly need around them.
type services struct {
	s3          *s3server.Server
	secrets     *secrets.Server
	secretsHTTP *http.Server
	functions   *lambdahost.Host
	interpreter *workflow.Interpreter
}

func startServices(ctx context.Context, t tools, a *assembly.Assembly, out folders, log func(string)) (s *services, err error) {
	s = &services{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	s.s3, err = s3server.Start(ctx, s3server.Options{
		Binary:          t.s3server,
		Root:            out.lake,
		Attributes:      out.attributes,
		Region:          a.Region,
		AccessKeyID:     accessKeyID,
		SecretAccessKey: secretAccessKey,
	})
	if err != nil {
		return s, err
	}
	if err := s.makeBuckets(ctx, a); err != nil {
		return s, err
	}
	s.secrets = secrets.NewServer(time.Now)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return s, fmt.Errorf("no free port on 127.0.0.1 for the secrets: %w", err)
	}
	s.secretsHTTP = &http.Server{Handler: s.secrets}
	go s.secretsHTTP.Serve(listener)

	var functions []lambdahost.Function
	for _, f := range a.Functions {
		functions = append(functions, lambdahost.Function{
			Name: f.Name, ARN: f.ARN, Dir: f.Dir, Environment: f.Environment, Timeout: f.Timeout, MemoryMB: f.MemoryMB,
		})
	}
	s.functions, err = lambdahost.New(functions, lambdahost.Options{
		Region: a.Region,
		Environment: map[string]string{
			"AWS_ACCESS_KEY_ID":                accessKeyID,
			"AWS_SECRET_ACCESS_KEY":            secretAccessKey,
			"AWS_ENDPOINT_URL_S3":              s.s3.URL(),
			"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://" + listener.Addr().String(),
		},
		LogDir:  out.logs,
		TempDir: out.temp,
		Memory:  lambdahost.MemoryReader(),
		Log:     log,
	})
	if err != nil {
		return s, err
	}
	if s.interpreter, err = workflow.Start(t.interpreter); err != nil {
		return s, err
	}
	return s, nil
}

func (s *services) makeBuckets(ctx context.Context, a *assembly.Assembly) error {
	client := s3.New(s3.Options{
		Region:       a.Region,
		BaseEndpoint: aws.String(s.s3.URL()),
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(accessKeyID, secretAccessKey, ""),
	})
	present, err := client.ListBuckets(ctx, &s3.ListBucketsInput{})
	if err != nil {
		return fmt.Errorf("S3 server: %w", err)
	}
	kept := map[string]bool{}
	for _, bucket := range present.Buckets {
		kept[aws.ToString(bucket.Name)] = true
	}
	for _, bucket := range a.Buckets {
		if kept[bucket.Name] {
			continue
		}
		if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket.Name}); err != nil {
			return fmt.Errorf("bucket %s: %w", bucket.Name, err)
		}
	}
	return nil
}

func (s *services) close() {
	if s.interpreter != nil {
		s.interpreter.Close()
	}
	if s.functions != nil {
		s.functions.Close()
	}
	if s.secretsHTTP != nil {
		s.secretsHTTP.Close()
	}
	if s.s3 != nil {
		s.s3.Close()
	}
}

// folders are where a run leaves what it makes, inside its output folder.
type folders struct {
	root       string
	assembly   string
	lake       string
	attributes string
	logs       string
	temp       string
	state      string
	summary    string
	published  string
	views      string
}

func foldersIn(root string) folders {
	in := func(name string) string { return filepath.Join(root, name) }
	return folders{
		root:       root,
		assembly:   in("cdk.out"),
		lake:       in("lake"),
		attributes: in("attributes"),
		logs:       in("logs"),
		temp:       in("tmp"),
		state:      in("state.json"),
		summary:    in("summary.json"),
		published:  in("published.ndjson"),
		views:      in("views.sql"),
	}
}
