package vendorapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestIsPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"52.95.110.1":            true,
		"2606:4700::1111":        true,
		"64:ff9b::345f:6e01":     true,
		"64:ff9b::a9fe:a9fe":     false,
		"127.0.0.1":              false,
		"10.0.0.1":               false,
		"172.31.255.255":         false,
		"192.168.1.1":            false,
		"169.254.169.254":        false,
		"100.64.0.1":             false,
		"0.0.0.0":                false,
		"224.0.0.1":              false,
		"255.255.255.255":        false,
		"::1":                    false,
		"::":                     false,
		"::ffff:169.254.169.254": false,
		"fd00:ec2::254":          false,
		"fe80::1%eth0":           false,
		"2002:7f00:1::":          false,
		"100.127.255.255":        false,
		"100.128.0.1":            true,
		"::ffff:52.95.110.1":     true,
		"::ffff:100.64.0.1":      false,
		"::127.0.0.1":            false,
		"64:ff9b::10.0.0.1":      false,
		"64:ff9b:1::a00:1":       false,
		"2001:0:a9fe:a9fe::1":    false,
		"2001:db8::1":            false,
		"3fff::1":                false,
		"fec0::1":                false,
		"fd12:3456::1":           false,
		"198.18.0.1":             false,
		"192.0.0.192":            false,
	} {
		if got := isPublic(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

func TestDefaultTransportDialsNoPrivateAddress(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests++ }))
	defer server.Close()
	// The description is checked by name at first; a name that resolves to a private address passes that.
	_, err := (&http.Client{Transport: guardedTransport(false)}).Get(server.URL)
	if !errors.Is(err, errForbidden) || requests != 0 {
		t.Errorf("got %v, %d requests", err, requests)
	}
	if f := unsent(err); f.retry || f.kind != ErrRefused || !strings.Contains(f.reason, "127.0.0.1, which is no public address") {
		t.Errorf("got %+v", f)
	}
}

// A host's name may lead to a public address when the description is checked and to a private one when it is dialled.
func TestAPrivateAddressIsRefusedWhenItIsDialled(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests++ }))
	defer server.Close()
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := guardedTransport(false).(*http.Transport)
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, net.JoinHostPort("localhost", address.Port()))
	}
	v := simple("https://api.example.com")
	v.AllowPrivate = false
	options := newClock().options()
	options.Transport = transport
	_, err = mustClient(t, v, nil, options).Page(t.Context(), hour, Cursor{})
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "which is no public address") || requests != 0 {
		t.Errorf("got %v, %d requests", err, requests)
	}
}

func TestTLSBelow12IsRefused(t *testing.T) {
	for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			server := unstarted(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"things":[]}`) })
			server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: version}
			server.StartTLS()
			defer server.Close()
			transport := guardedTransport(true).(*http.Transport)
			transport.TLSClientConfig.RootCAs = x509.NewCertPool()
			transport.TLSClientConfig.RootCAs.AddCert(server.Certificate())
			options := newClock().options()
			options.Transport = transport
			_, err := mustClient(t, simple(server.URL), nil, options).Page(t.Context(), hour, Cursor{})
			if (err == nil) != want {
				t.Errorf("got %v, want it accepted: %v", err, want)
			}
		})
	}
	if least := guardedTransport(false).(*http.Transport).TLSClientConfig.MinVersion; least != tls.VersionTLS12 {
		t.Errorf("the least version is %s", tls.VersionName(least))
	}
}

func TestACertificateOfNobodyIsRefused(t *testing.T) {
	server := unstarted(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"things":[]}`) })
	server.StartTLS()
	defer server.Close()
	options := newClock().options()
	options.Transport = guardedTransport(true)
	_, err := mustClient(t, simple(server.URL), nil, options).Page(t.Context(), hour, Cursor{})
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
}

// unstarted is a server that says nothing of the connections that a test breaks.
func unstarted(handler http.HandlerFunc) *httptest.Server {
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	return server
}

// A proxy out of the environment would see what is asked, and dial addresses that the guard never sees.
func TestNoProxyIsAsked(t *testing.T) {
	if guardedTransport(false).(*http.Transport).Proxy != nil {
		t.Error("the transport takes a proxy")
	}
}

func TestCredentialsGoToTheDescribedHostOnly(t *testing.T) {
	auths := map[string]Auth{
		"headers":   {Kind: AuthHeaders, HeaderFields: map[string]string{"accessTokenKey": "t"}},
		"bearer":    {Kind: AuthBearer, TokenField: "t"},
		"basic":     {Kind: AuthBasic, UsernameField: "t", PasswordField: "t"},
		"query key": {Kind: AuthQueryKey, TokenField: "t", Parameter: "api_key"},
	}
	elsewhere := 0
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		elsewhere++
		io.WriteString(w, `{"things":[]}`)
	})
	next := func(w http.ResponseWriter, link string) {
		json.NewEncoder(w).Encode(map[string]any{"things": []int{1}, "next": link})
	}
	ways := map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other+r.URL.String(), http.StatusTemporaryRedirect)
		},
		"redirect to another name": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, strings.Replace("http://"+r.Host, "127.0.0.1", "localhost", 1)+"/things", http.StatusFound)
		},
		"next link": func(w http.ResponseWriter, r *http.Request) { next(w, other+"/things") },
		"next link with a user": func(w http.ResponseWriter, r *http.Request) {
			next(w, strings.Replace(other, "http://", "http://"+r.Host+"@", 1))
		},
	}
	for name, auth := range auths {
		for way, handler := range ways {
			t.Run(name+", "+way, func(t *testing.T) {
				requests := 0
				v := simple(serve(t, func(w http.ResponseWriter, r *http.Request) {
					requests++
					handler(w, r)
				}))
				v.Auth = auth
				v.Streams[0].Paging = Paging{Kind: PagingNextLink, NextPath: "next"}
				_, err := mustClient(t, v, Secret{"t": canary}, newClock().options()).Page(t.Context(), hour, Cursor{})
				if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "credentials go to") || requests != 1 || elsewhere != 0 {
					t.Errorf("got %v, %d requests, %d elsewhere", err, requests, elsewhere)
				}
				if err != nil && strings.Contains(err.Error(), "canary") {
					t.Errorf("a credential shows: %v", err)
				}
			})
		}
	}
}
