package vendorapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSecret(t *testing.T) {
	tests := map[string]struct {
		data  string
		want  Secret
		fault string
	}{
		"well":         {`{"key": "a", "secret": "b\n"}`, Secret{"key": "a", "secret": "b\n"}, ""},
		"empty":        {`{}`, Secret{}, ""},
		"a bare value": {canary, nil, "not a JSON object"},
		"a string":     {`"` + canary + `"`, nil, "not a JSON object"},
		"nothing":      {"", nil, "not a JSON object"},
		"a number":     {`{"key": 1}`, nil, `field "key" of the vendor's secret is a JSON number`},
		"nested":       {`{"key": {"a": "` + canary + `"}}`, nil, `field "key" of the vendor's secret is a JSON object`},
		"broken":       {`{"key": "` + canary, nil, "not valid JSON near byte"},
		"unquoted":     {`{"key": canary}`, nil, "not valid JSON near byte"},
		"more":         {`{"key": "a"} ` + canary, nil, "not valid JSON near byte"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseSecret([]byte(test.data))
			if test.fault == "" {
				if diff := cmp.Diff(map[string]string(test.want), map[string]string(got)); err != nil || diff != "" {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.fault) || strings.Contains(err.Error(), "canary") {
				t.Errorf("got %v, want %s", err, test.fault)
			}
		})
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	secret := Secret{"key": canary}
	type holder struct{ Secret Secret }
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", secret, "held", holder{secret})
	marshalled, err := json.Marshal(holder{secret})
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{log.String(), string(marshalled)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, secret), fmt.Sprintf(verb, holder{secret}), fmt.Sprintf(verb, &secret))
	}
	for _, text := range texts {
		if strings.Contains(text, "canary") || strings.Contains(text, fmt.Sprintf("%x", canary)) || !strings.Contains(text, redacted) {
			t.Errorf("got %s", text)
		}
	}
}

func TestRedactor(t *testing.T) {
	secret := Secret{"user": "me", "short": "short", "long": "short-and-long"}
	redact := secret.redactor(Auth{Kind: AuthBasic, UsernameField: "user", PasswordField: "long"})
	got := redact.Replace("me short-and-long short bWU6c2hvcnQtYW5kLWxvbmc=")
	if want := "me [redacted] [redacted] [redacted]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

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
