package constructs

import (
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// ContextVendorURL is the context value by which a local run tells an app where it simulates the vendor, http://HOST:PORT.
// See [VendorPipelineProps.Simulate].
const ContextVendorURL = "vendorUrl"

// EnvironmentLocal is the Environment of a pipeline that runs on one machine, against a simulated vendor. It alone may read
// over plain HTTP and from private addresses.
const EnvironmentLocal = "local"

// A day is played in seconds on one machine, so that time limits and waits are cut to the same measure. The functions know
// nothing of it.
const (
	// simulatedTimeout and simulatedMargin leave an invocation so little time that a burst exceeds what it can fetch.
	simulatedTimeout = 3 * time.Second
	simulatedMargin  = 1200 * time.Millisecond
	// simulatedPartBytes is small enough that a burst's window has several parts.
	simulatedPartBytes = 256 << 10
	// simulatedInitialWait and simulatedMaxWait take the place of the vendor's; on which answers it is retried stays as
	// described.
	simulatedInitialWait = 2 * time.Millisecond
	simulatedMaxWait     = 50 * time.Millisecond
	// simulatedRequestTimeout bounds one request to the simulated vendor.
	simulatedRequestTimeout = time.Second
)

// Simulate makes the props fit for a run on this machine against the vendor that is simulated at address, http://HOST:PORT: the
// description keeps its paths and is read there, without rate limits and with waits as short as a simulated day; functions
// are built for this machine, and Environment becomes [EnvironmentLocal]. What is deployed otherwise is not affected: Vendor is
// copied first.
func (p *VendorPipelineProps) Simulate(address string) error {
	server, err := url.Parse(address)
	if err != nil || server.Scheme != "http" && server.Scheme != "https" || server.Host == "" || strings.Trim(server.Path, "/") != "" || server.RawQuery != "" || server.User != nil {
		return fmt.Errorf("%s is %q: give -c %s=http://HOST:PORT, where the simulated vendor listens", ContextVendorURL, address, ContextVendorURL)
	}
	if p.Vendor == nil {
		return nil // Validate says so.
	}
	vendor := *p.Vendor
	base, err := url.Parse(vendor.BaseURL)
	if err != nil {
		return fmt.Errorf("the base URL of the vendor %s: %w", vendor.Name, err)
	}
	base.Scheme, base.Host = server.Scheme, server.Host
	vendor.BaseURL = base.String()
	vendor.AllowPrivate = true
	if vendor.Auth.Kind == vendorapi.AuthToken {
		address, err := url.Parse(vendor.Auth.Token.URL)
		if err != nil {
			return fmt.Errorf("the token's address of the vendor %s: %w", vendor.Name, err)
		}
		address.Scheme, address.Host = server.Scheme, server.Host
		vendor.Auth.Token.URL = address.String()
	}
	vendor.Retry.InitialWait = vendorapi.Duration(simulatedInitialWait)
	vendor.Retry.MaxWait = vendorapi.Duration(simulatedMaxWait)
	vendor.RequestTimeout = vendorapi.Duration(simulatedRequestTimeout)
	vendor.RateLimit = vendorapi.RateLimit{}
	vendor.Streams = append([]vendorapi.Stream(nil), vendor.Streams...)
	for i := range vendor.Streams {
		vendor.Streams[i].RateLimit = vendorapi.RateLimit{}
	}
	p.Vendor = &vendor
	p.Environment = EnvironmentLocal
	p.Architecture = hostArchitecture(runtime.GOARCH)
	p.Timeout, p.SafetyMargin, p.PartBytes = simulatedTimeout, simulatedMargin, simulatedPartBytes
	// A local run leaves no trace in what is under version control.
	p.SchemaFile = ""
	return nil
}

// hostArchitecture is Lambda's word for Go's.
func hostArchitecture(goarch string) Architecture {
	if goarch == "arm64" {
		return ARM64
	}
	return X86
}
