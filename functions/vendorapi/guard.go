package vendorapi

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// errForbidden marks a request that must not be sent or followed, however often it is tried.
var errForbidden = errors.New("forbidden")

// maxRedirects is the number of redirects, all to the vendor's own host, that one request follows.
const maxRedirects = 5

// guardedTransport is the transport of a client that was given none: TLS 1.2 or later, no proxy, and no
// connection to an address inside a network unless the description allows it.
func guardedTransport(allowPrivate bool) http.RoundTripper {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	if !allowPrivate {
		// Checked on the address that is dialled and not on the name, so that a name which resolves to a
		// private address is no way in.
		dialer.Control = func(_, address string, _ syscall.RawConn) error { return checkDialled(address) }
	}
	return &http.Transport{
		DialContext:         dialer.DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: MaxInFlight,
		IdleConnTimeout:     90 * time.Second,
		// Above what checkHeader allows, so that it gets to say what is wrong.
		MaxResponseHeaderBytes: 4 * maxHeaderBytes,
	}
}

func checkDialled(address string) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %q is no address", errForbidden, address)
	}
	if !isPublic(target.Addr()) {
		return fmt.Errorf("%w: the vendor's host resolves to %s, which is no public address; allowPrivate permits that where the vendor is simulated", errForbidden, target.Addr())
	}
	return nil
}

// reserved are the ranges that are not reachable on the public Internet, beside those that netip knows.
// https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry
var reserved = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"192.88.99.0/24", "203.0.113.0/24", "240.0.0.0/4", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32",
	"2002::/16", "3fff::/20", "5f00::/16", "fec0::/10")

// nat64 embeds an IPv4 address, by which networks without IPv4 reach public hosts (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

func isPublic(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	if nat64.Contains(address) {
		bytes := address.As16()
		address = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	if !address.IsGlobalUnicast() || address.IsPrivate() {
		return false
	}
	for _, prefix := range reserved {
		if prefix.Contains(address) {
			return false
		}
	}
	return true
}

func prefixes(texts ...string) []netip.Prefix {
	var parsed []netip.Prefix
	for _, text := range texts {
		parsed = append(parsed, netip.MustParsePrefix(text))
	}
	return parsed
}

// privateHost says whether a host of a base URL is inside a network by its very name.
func privateHost(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && !isPublic(address)
}

// sameOrigin says whether an address is on the vendor's host, reached in the same way.
func sameOrigin(base, other *url.URL) bool {
	return strings.EqualFold(base.Scheme, other.Scheme) &&
		strings.EqualFold(base.Hostname(), other.Hostname()) &&
		portOf(base) == portOf(other)
}

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	if strings.EqualFold(u.Scheme, "http") {
		return "80"
	}
	return "443"
}

// checkRedirect lets a redirect stay on the host of base, which is the description's field. net/http would carry custom
// headers, and so credentials, to any other.
func checkRedirect(base *url.URL, field string) func(*http.Request, []*http.Request) error {
	return func(next *http.Request, via []*http.Request) error {
		switch {
		case !sameOrigin(base, next.URL):
			return fmt.Errorf("%w: a redirect to %s://%s, credentials go to %s://%s only; set %s to the new address if the vendor has moved",
				errForbidden, next.URL.Scheme, next.URL.Host, base.Scheme, base.Host, field)
		case next.Method != via[0].Method:
			return fmt.Errorf("%w: a redirect that turns %s into %s", errForbidden, via[0].Method, next.Method)
		case len(via) > maxRedirects:
			return fmt.Errorf("%w: more than %d redirects", errForbidden, maxRedirects)
		}
		return nil
	}
}
