package play

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/events"
	"github.com/windrow-data/windrow/infra/local/gate"
	"github.com/windrow-data/windrow/infra/local/lambdahost"
	"github.com/windrow-data/windrow/infra/local/s3server"
	"github.com/windrow-data/windrow/infra/local/secrets"
	"github.com/windrow-data/windrow/infra/local/toolcache"
	"github.com/windrow-data/windrow/infra/local/workflow"
)

// The credentials of who owns the buckets. They open nothing but what listens on this machine while a run lasts.
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

// services are what the functions and state machines of an assembly need around them. What a function asks for goes
// through the gate.
type services struct {
	gate        *gate.Gate
	s3          *s3server.Server
	secrets     *secrets.Server
	bus         *events.Server
	kept        *os.File // the events
	fronts      []*http.Server
	functions   *lambdahost.Host
	interpreter *workflow.Interpreter
	// hosted are the functions, hosting is how.
	hosted  []lambdahost.Function
	hosting lambdahost.Options
	// delay is how much longer the services take to answer.
	delay delay
}

// startServices starts what an assembly needs. Deliver is told of every event that a function puts on a bus, one after
// another.
func startServices(ctx context.Context, t tools, a *assembly.Assembly, out folders, o Options, deliver func(bus string, e events.Event)) (s *services, err error) {
	log := o.Screen.Line
	s = &services{gate: gate.New(a, log)}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	s.gate.CheckTrust(a)
	s.s3, err = s3server.Start(ctx, s3server.Options{
		Binary:          t.s3server,
		Root:            out.lake,
		Attributes:      out.attributes,
		Region:          a.Region,
		AccessKeyID:     accessKeyID,
		SecretAccessKey: secretAccessKey,
		Accounts:        s.gate.Accounts(),
	})
	if err != nil {
		return s, err
	}
	if err := s.makeBuckets(ctx, a); err != nil {
		return s, err
	}
	endpoints, err := s.openGate(a, out, deliver)
	if err != nil {
		return s, err
	}
	for _, f := range a.Functions {
		environment := maps.Clone(f.Environment)
		environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"] = s.gate.Credentials(f.Name)
		hosted := lambdahost.Function{
			Name: f.Name, ARN: f.ARN, Dir: f.Dir, Environment: environment, Timeout: f.Timeout, MemoryMB: f.MemoryMB,
		}
		if o.CPUShare {
			hosted.CPUShare = lambdahost.ShareOf(f.MemoryMB)
		}
		s.hosted = append(s.hosted, hosted)
	}
	s.hosting = lambdahost.Options{
		Region:      a.Region,
		Environment: endpoints,
		LogDir:      out.logs,
		TempDir:     out.temp,
		Memory:      lambdahost.MemoryReader(),
		CPU:         lambdahost.CPUReader(),
		Log:         log,
	}
	if s.functions, err = lambdahost.New(s.hosted, s.hosting); err != nil {
		return s, err
	}
	if s.interpreter, err = workflow.Start(t.interpreter); err != nil {
		return s, err
	}
	return s, nil
}

// openGate opens the gate in front of each service, and returns the variables by which the SDK finds it.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func (s *services) openGate(a *assembly.Assembly, out folders, deliver func(bus string, e events.Event)) (map[string]string, error) {
	server, err := url.Parse(s.s3.URL())
	if err != nil {
		return nil, err
	}
	if s.kept, err = os.OpenFile(out.events, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644); err != nil {
		return nil, err
	}
	s.secrets = secrets.NewServer(time.Now)
	for _, secret := range a.Secrets {
		if secret.Generate == nil {
			continue
		}
		value, err := secrets.Generated(secret.ARN, *secret.Generate)
		if err != nil {
			return nil, err
		}
		s.secrets.Set(secret.ARN, secret.Name, value)
	}
	s.bus = events.NewServer(events.Options{
		Account: assembly.Account, Region: a.Region, Buses: gate.Buses(a), DefaultBus: assembly.DefaultBus, Keep: s.kept, Deliver: deliver, Now: time.Now,
	})
	endpoints := map[string]string{}
	for variable, handler := range map[string]http.Handler{
		"AWS_ENDPOINT_URL_S3":              s.gate.S3(server),
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": s.gate.Secrets(s.secrets),
		"AWS_ENDPOINT_URL_EVENTBRIDGE":     s.gate.Events(s.bus),
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("no free port on 127.0.0.1: %w", err)
		}
		front := &http.Server{Handler: s.delay.before(handler)}
		s.fronts = append(s.fronts, front)
		go front.Serve(listener)
		endpoints[variable] = "http://" + listener.Addr().String()
	}
	return endpoints, nil
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
	for _, front := range s.fronts {
		front.Close()
	}
	if s.kept != nil {
		s.kept.Close()
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
	// events are those that functions put on event buses, deadLetters the ticks that could not be delivered.
	events      string
	deadLetters string
	// permissions say how often each permission of the templates was used.
	permissions string
	views       string
}

func foldersIn(root string) folders {
	in := func(name string) string { return filepath.Join(root, name) }
	return folders{
		root:        root,
		assembly:    in("cdk.out"),
		lake:        in("lake"),
		attributes:  in("attributes"),
		logs:        in("logs"),
		temp:        in("tmp"),
		state:       in("state.json"),
		summary:     in("summary.json"),
		published:   in("published.ndjson"),
		events:      in("events.ndjson"),
		deadLetters: in("deadletters.ndjson"),
		permissions: in("permissions.json"),
		views:       in("views.sql"),
	}
}
