package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/windrow-data/windrow/constructs/gobuild"
	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/infra/local/events"
	"github.com/windrow-data/windrow/infra/local/lambdahost"
	"github.com/windrow-data/windrow/infra/local/s3server"
	"github.com/windrow-data/windrow/infra/local/secrets"
	"github.com/windrow-data/windrow/infra/local/toolcache"
)

// The handlers, and the main packages that the construct builds by default.
const (
	handlerIngest     = "ingest"
	handlerPreprocess = "preprocess"
)

var mains = map[string]string{
	handlerIngest:     "github.com/windrow-data/windrow/functions/cmd/ingest",
	handlerPreprocess: "github.com/windrow-data/windrow/functions/cmd/preprocess",
}

// What the construct gives a function by default. constructs itself is not imported: it links CDK.
const (
	memoryMB        = 128
	functionTimeout = 15 * time.Minute
)

// endpointS3 is the variable by which the SDK finds S3.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
const endpointS3 = "AWS_ENDPOINT_URL_S3"

const (
	region          = "us-east-1"
	accessKeyID     = "bench"
	secretAccessKey = "bench-only-no-secret"
	secretARN       = "arn:aws:secretsmanager:us-east-1:111122223333:secret:bench-AbCdEf"
	keyARN          = "arn:aws:secretsmanager:us-east-1:111122223333:secret:key-AbCdEf"
	busName         = "default"
)

// rig is what the handlers need around them: S3, Secrets Manager, an event bus, and a host that plays Lambda.
type rig struct {
	dir     string
	builder gobuild.Builder
	s3      *s3server.Server
	store   *counter
	servers []*http.Server
	// endpoints are the variables by which the SDK finds the services.
	endpoints map[string]string
	made      int
}

// newRig starts the services in dir, which it empties first.
func newRig(ctx context.Context, dir string, cache toolcache.Cache) (r *rig, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	r = &rig{dir: dir, endpoints: map[string]string{}}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	binary, err := s3server.Build(ctx, cache)
	if err != nil {
		return r, err
	}
	r.s3, err = s3server.Start(ctx, s3server.Options{
		Binary: binary, Root: r.lake(), Attributes: filepath.Join(dir, "attributes"), Region: region,
		AccessKeyID: accessKeyID, SecretAccessKey: secretAccessKey,
	})
	if err != nil {
		return r, err
	}
	if r.store, err = newCounter(r.s3.URL()); err != nil {
		return r, err
	}
	vault := secrets.NewServer(time.Now)
	vault.Set(secretARN, "bench", `{"accessTokenKey":"bench","accessTokenSecret":"bench"}`)
	vault.Set(keyARN, "key", string(privacyKey))
	bus := events.NewServer(events.Options{
		Account: "111122223333", Region: region, Buses: map[string]string{busName: busName}, DefaultBus: busName,
		Keep: io.Discard, Deliver: func(string, events.Event) {}, Now: time.Now,
	})
	for variable, handler := range map[string]http.Handler{
		endpointS3:                         r.store,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": vault,
		"AWS_ENDPOINT_URL_EVENTBRIDGE":     bus,
	} {
		address, err := r.serve(handler)
		if err != nil {
			return r, err
		}
		r.endpoints[variable] = address
	}
	return r, nil
}

func (r *rig) lake() string { return filepath.Join(r.dir, "lake") }

// serve answers on a free port until the rig is closed, and returns its address.
func (r *rig) serve(handler http.Handler) (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("no free port on 127.0.0.1: %w", err)
	}
	server := &http.Server{Handler: handler}
	r.servers = append(r.servers, server)
	go server.Serve(listener)
	return "http://" + listener.Addr().String(), nil
}

// Close stops the services and removes what was stored.
func (r *rig) Close() error {
	for _, server := range r.servers {
		server.Close()
	}
	if r.s3 != nil {
		r.s3.Close()
	}
	return os.RemoveAll(r.dir)
}

// bucket makes a bucket that nothing is in.
func (r *rig) bucket(ctx context.Context) (string, error) {
	r.made++
	name := fmt.Sprintf("bench-%d", r.made)
	client := s3.New(s3.Options{
		Region: region, BaseEndpoint: aws.String(r.s3.URL()), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(accessKeyID, secretAccessKey, ""),
	})
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}); err != nil {
		return "", fmt.Errorf("bucket %s: %w", name, err)
	}
	return name, nil
}

// drop removes a bucket's objects, since a benchmark fills many.
func (r *rig) drop(bucket string) error { return os.RemoveAll(filepath.Join(r.lake(), bucket)) }

// asset makes the folder of a function, as the construct does: the bootstrap with the vendor's description beside it.
func (r *rig) asset(handler string, v *vendorapi.Vendor) (string, error) {
	described := *v
	described.Format = vendorapi.FormatVersion
	description, err := json.Marshal(described)
	if err != nil {
		return "", err
	}
	r.made++
	dir := filepath.Join(r.dir, "assets", fmt.Sprintf("%s-%d", handler, r.made))
	_, err = r.builder.Folder(dir, mains[handler], runtime.GOARCH, map[string][]byte{settings.VendorFile: description})
	return dir, err
}

// job is the function that a measure invokes, and its surroundings.
type job struct {
	handler string
	// asset is the function's folder, see [rig.asset].
	asset string
	// raw and curated are its buckets; genesis is where its stream's log begins.
	raw, curated string
	genesis      time.Time
	stream       string
	// share is how many processors it has; 0 gives it all.
	share float64
	// store is the address of the S3 that it uses; empty means the rig's.
	store string
}

// sandbox is a function that is hosted, and what is known of its processes.
type sandbox struct {
	host *lambdahost.Host
	name string
	mu   sync.Mutex
	pid  int
}

// privacyKey is what personal values are hashed with, as long as one that is generated.
var privacyKey = privacy.Key(strings.Repeat("k", privacy.GeneratedKeyLength))

// variables are those of a function as the construct writes them, but for the records a second that a stream is taken to manage
// at first: with the default a window of a million records would be shortened, and what is measured is one window.
func (j job) variables() map[string]string {
	v := map[string]string{
		settings.EnvStream:       j.stream,
		settings.EnvRawBucket:    j.raw,
		settings.EnvPipeline:     "bench",
		settings.EnvDefaultRate:  "1e7",
		settings.EnvPartBytes:    fmt.Sprint(settings.DefaultPartBytes),
		settings.EnvSafetyMargin: settings.DefaultSafetyMargin.String(),
		settings.EnvLogLevel:     settings.DefaultLogLevel.String(),
		"AWS_ACCESS_KEY_ID":      accessKeyID,
		"AWS_SECRET_ACCESS_KEY":  secretAccessKey,
	}
	if j.store != "" {
		v[endpointS3] = j.store
	}
	if j.handler == handlerIngest {
		v[settings.EnvSecret] = secretARN
		v[settings.EnvGenesis] = j.genesis.UTC().Format(time.RFC3339)
	} else {
		v[settings.EnvCuratedBucket] = j.curated
		v[settings.EnvEventBus] = busName
		v[settings.EnvPrivacyKeySecret] = keyARN
	}
	return v
}

// host makes a function ready; its first invocation is a cold start.
func (r *rig) host(j job) (*sandbox, error) {
	s := &sandbox{name: j.handler}
	var err error
	s.host, err = lambdahost.New([]lambdahost.Function{{
		Name: s.name, ARN: "arn:aws:lambda:" + region + ":111122223333:function:" + s.name, Dir: j.asset,
		Environment: j.variables(), Timeout: functionTimeout, MemoryMB: memoryMB, CPUShare: j.share,
	}}, lambdahost.Options{
		Region: region, Environment: r.endpoints, LogDir: filepath.Join(r.dir, "logs"), TempDir: filepath.Join(r.dir, "tmp"),
		Memory: lambdahost.MemoryReader(), CPU: s.cpu, Log: func(string) {},
	})
	return s, err
}

// cpu reads the time that a process has taken, and remembers which it is.
func (s *sandbox) cpu(pid int) (time.Duration, error) {
	s.mu.Lock()
	s.pid = pid
	s.mu.Unlock()
	return cpuReader(pid)
}

// cpuReader reads the processor time of a living process; nil on a system that does not tell.
var cpuReader = lambdahost.CPUReader()

// invoke runs the function until it has no more to do, as the state machine does.
func (s *sandbox) invoke(ctx context.Context, now time.Time) error {
	payload, err := json.Marshal(settings.Event{Run: "bench", StartedAt: time.Now(), Input: settings.Input{ScheduledTime: now}})
	if err != nil {
		return err
	}
	for {
		answer, err := s.round(ctx, payload)
		if err != nil || !answer.More {
			return err
		}
	}
}

// answer is what of a handler's answer tells whether it has to go on.
type answer struct {
	More     bool
	Position string
}

// round invokes the function once.
func (s *sandbox) round(ctx context.Context, payload []byte) (a answer, err error) {
	result, err := s.host.Invoke(ctx, s.name, payload)
	if err != nil {
		return a, err
	}
	if err := result.Error(); err != nil {
		return a, fmt.Errorf("%s: %w", s.name, err)
	}
	return a, json.Unmarshal(result.Payload, &a)
}

func (s *sandbox) stats() lambdahost.Stats { return s.host.Stats()[s.name] }

func (s *sandbox) Close() error { return s.host.Close() }

// work is what an execution of a handler has taken.
type work struct {
	cpu      time.Duration
	wall     time.Duration
	peak     int64
	requests int64 // to S3
	stats    lambdahost.Stats
}

// once starts a function, invokes it, and ends it.
func (r *rig) once(ctx context.Context, j job, now time.Time) (w work, err error) {
	s, err := r.host(j)
	if err != nil {
		return w, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	before, begun := r.store.total(), time.Now()
	if err := s.invoke(ctx, now); err != nil {
		return w, err
	}
	stats := s.stats()
	return work{cpu: stats.CPU, wall: time.Since(begun), peak: stats.PeakMemory, requests: r.store.total() - before, stats: stats}, nil
}

// counter forwards requests to the S3 server, and counts them.
type counter struct {
	proxy    *httputil.ReverseProxy
	requests atomic.Int64
	// seen is told of each request before it is forwarded; nil tells nobody.
	seen atomic.Pointer[func(*http.Request)]
}

func newCounter(server string) (*counter, error) {
	target, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	buffers := &bufferPool{sync.Pool{New: func() any { return make([]byte, 256<<10) }}}
	return &counter{proxy: &httputil.ReverseProxy{
		// The host stays, since it is signed.
		Director:   func(request *http.Request) { request.URL.Scheme, request.URL.Host = target.Scheme, target.Host },
		Transport:  &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true},
		BufferPool: buffers,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.WriteHeader(http.StatusBadGateway)
		},
	}}, nil
}

func (c *counter) total() int64 { return c.requests.Load() }

// ServeHTTP implements http.Handler.
func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.requests.Add(1)
	if seen := c.seen.Load(); seen != nil {
		(*seen)(r)
	}
	c.proxy.ServeHTTP(w, r)
}

type bufferPool struct{ sync.Pool }

func (p *bufferPool) Get() []byte  { return p.Pool.Get().([]byte) }
func (p *bufferPool) Put(b []byte) { p.Pool.Put(b) }
