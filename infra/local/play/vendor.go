package play

import (
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
	"github.com/windrow-data/windrow/functions/window"
	"github.com/windrow-data/windrow/infra/local/verify"
)

// How the simulated vendors answer.
const (
	// pageLatency is how long a page takes, so that it is the vendor that bounds how much an invocation can
	// fetch, as it does in production, and not this machine.
	pageLatency = 10 * time.Millisecond
	// faultShare is the share of requests that meet a fault.
	faultShare = 0.08
	// retryAfter is the wait that a throttled request is asked for, where the form can say as little.
	retryAfter = 5 * time.Millisecond
	slowness   = 60 * time.Millisecond
	// tokenLifetime is how long a token of a vendor that gives some is good for, by the machine's clock: short enough that
	// tokens end while a day is played.
	tokenLifetime = 8 * time.Second
	// replaceEvery is with how many tokens a vendor gives a new refresh token that need not.
	replaceEvery = 2
)

// vendors serves the simulated vendors of all pipelines at one address, each under its base URL's path.
type vendors struct {
	url string
	// serving guards the server, which interrupt replaces.
	serving sync.Mutex
	server  *http.Server
	// delay is how much longer than usual the vendors take to answer.
	delay delay

	mutex sync.RWMutex
	all   []*simulated
}

// simulated is one simulated vendor.
type simulated struct {
	path   string
	vendor *vendorapi.Vendor
	world  *vendortest.World
	server *vendortest.Server
	// front is the server, or an authorization server before it; tokenPath is where that gives tokens.
	front     http.Handler
	tokenPath string
}

// listenForVendors opens the address before the app is synthesized, since the descriptions in it name the address.
func listenForVendors() (*vendors, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("no free port on 127.0.0.1 for the simulated vendor: %w", err)
	}
	v := &vendors{url: "http://" + listener.Addr().String()}
	v.serve(listener)
	return v, nil
}

func (v *vendors) serve(listener net.Listener) {
	v.server = &http.Server{Handler: v.delay.before(v)}
	go v.server.Serve(listener)
}

func (v *vendors) close() {
	v.serving.Lock()
	defer v.serving.Unlock()
	v.server.Close()
}

// interrupt cuts all connections and answers nobody for a time.
func (v *vendors) interrupt(away time.Duration) error {
	v.serving.Lock()
	defer v.serving.Unlock()
	v.server.Close()
	time.Sleep(away)
	listener, err := net.Listen("tcp", strings.TrimPrefix(v.url, "http://"))
	if err != nil {
		return err
	}
	v.serve(listener)
	return nil
}

func (v *vendors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mutex.RLock()
	var serving *simulated
	for _, s := range v.all {
		if strings.HasPrefix(r.URL.Path, s.path+"/") || r.URL.Path == s.path || s.tokenPath != "" && r.URL.Path == s.tokenPath {
			serving = s
		}
	}
	v.mutex.RUnlock()
	if serving == nil {
		http.Error(w, "no simulated vendor has this path", http.StatusNotFound)
		return
	}
	serving.front.ServeHTTP(w, r)
}

// conditions are how the simulated vendors answer.
type conditions struct {
	// latency is how long a page takes, faultShare the share of requests that meet a fault.
	latency    time.Duration
	faultShare float64
}

// add simulates a vendor. The returned secret is the one it accepts.
func (v *vendors) add(vendor *vendorapi.Vendor, size vendortest.Size, under conditions) (s *simulated, secret map[string]string, err error) {
	base, err := url.Parse(vendor.BaseURL)
	if err != nil {
		return nil, nil, fmt.Errorf("base URL of the vendor %s: %w", vendor.Name, err)
	}
	if "http://"+base.Host != v.url {
		return nil, nil, fmt.Errorf("the vendor %s is read at %s, the simulated one is at %s: "+
			"synthesize an environment that takes its address from the context vendorUrl (-env local does)", vendor.Name, vendor.BaseURL, v.url)
	}
	s = &simulated{path: strings.TrimSuffix(base.Path, "/"), vendor: vendor}
	v.mutex.Lock()
	defer v.mutex.Unlock()
	for _, other := range v.all {
		if other.path == s.path {
			return nil, nil, fmt.Errorf("the vendors %s and %s have the same path %q in their base URLs, so that one address cannot simulate both", other.vendor.Name, vendor.Name, s.path)
		}
	}
	if s.world, err = vendortest.Generate(vendor, size); err != nil {
		return nil, nil, fmt.Errorf("simulate the vendor %s: %w", vendor.Name, err)
	}
	secret = simulatedSecret(vendor.SecretFields()...)
	plan := vendortest.Mixed(size.Seed, under.faultShare)
	plan.RetryAfter, plan.Slowness = retryAfter, slowness
	s.server = vendortest.NewServer(vendor, s.world, secret, vendortest.ServerOptions{
		Now:     size.From,
		Faults:  []vendortest.Plan{plan},
		Latency: under.latency,
		Clock:   time.Now,
	})
	s.front = s.server
	if vendor.Auth.Kind == vendorapi.AuthToken {
		address, err := url.Parse(vendor.Auth.Token.URL)
		if err != nil {
			return nil, nil, fmt.Errorf("the token's address of the vendor %s: %w", vendor.Name, err)
		}
		s.tokenPath = address.Path
		options := vendortest.DocumentedTokens(vendor)
		options.Lifetime = tokenLifetime
		if vendor.Auth.Token.Refresh.Reusable {
			options.ReplaceEvery = replaceEvery
		} else {
			options.Rotate = true
		}
		s.front = vendortest.NewTokens(vendor.Auth, secret, options, s.server)
	}
	v.all = append(v.all, s)
	return s, secret, nil
}

// simulatedSecret is a secret that occurs nowhere else, so that it can be searched for where it must not be.
func simulatedSecret(fields ...string) map[string]string {
	secret := map[string]string{}
	for _, field := range fields {
		secret[field] = "simulated-secret-" + field
	}
	return secret
}

// source yields all that the vendor ever shows of a stream.
func (s *simulated) source(stream string) verify.Source {
	return func(within window.Window) iter.Seq2[verify.Record, error] {
		return func(yield func(verify.Record, error) bool) {
			for _, record := range s.world.Versions(stream, within) {
				if !yield(verify.Record{
					JSON: record.Held(), Time: record.Time, VisibleAt: record.VisibleAt, GoneAt: record.GoneAt,
					Key: strings.Join(record.Key, "\x00"), Parent: strings.Join(record.Parent, "\x00"),
				}, nil) {
					return
				}
			}
		}
	}
}

// checkVendorURL says what is wrong with the address of a running vendor.
func checkVendorURL(address string) error {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return errors.New("want http://HOST:PORT or https://HOST")
	}
	return nil
}
