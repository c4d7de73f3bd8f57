package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
)

// acme is the vendor that the guide's example describes, at an address on this machine.
func acme(t *testing.T, address string) string {
	t.Helper()
	query := func(name string) vendorapi.Place { return vendorapi.Place{In: vendorapi.InQuery, Name: name} }
	v := &vendorapi.Vendor{
		Name: "acme", BaseURL: address + "/v1", AllowPrivate: true, Auth: vendorapi.Auth{Kind: vendorapi.AuthBearer, TokenField: "token"},
		Streams: []vendorapi.Stream{{
			Name: "signups", Path: "/signups",
			Window:      vendorapi.Window{Start: query("from"), End: query("to"), Layout: time.RFC3339, Resolution: vendorapi.Duration(time.Second)},
			Paging:      vendorapi.Paging{Kind: vendorapi.PagingNumber, Place: query("page"), First: 1, Size: 200, SizePlace: query("per_page")},
			RecordsPath: "data", Total: vendorapi.Total{Path: "meta.total"},
			Key: []string{"id"}, TimePath: "created_at", Audit: vendorapi.AuditCount, Settle: vendorapi.Duration(5 * time.Minute), Lookback: vendorapi.Duration(24 * time.Hour),
			Columns: []vendorapi.Column{
				{Name: "id", Type: vendorapi.TypeInt64}, {Name: "email", Type: vendorapi.TypeString},
				{Name: "webinar", Type: vendorapi.TypeString}, {Name: "created_at", Type: vendorapi.TypeTimestamp},
			},
		}},
	}
	content, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProbeCommand(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	address := "http://" + server.Listener.Addr().String()
	description := acme(t, address)
	vendor, err := vendorapi.Parse([]byte(description))
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	world, err := vendortest.Generate(vendor, vendortest.Size{Seed: 1, From: day, Until: day.AddDate(0, 0, 1), Attendees: 500})
	if err != nil {
		t.Fatal(err)
	}
	const token = "a-real-token"
	server.Config.Handler = vendortest.NewServer(vendor, world, map[string]string{"token": token}, vendortest.ServerOptions{Now: day.AddDate(0, 0, 1)})
	server.Start()
	defer server.Close()
	now := func() time.Time { return day.AddDate(0, 0, 1) }

	secret, file := write(t, "secret.json", `{"token":"`+token+`"}`), write(t, "vendor.json", description)
	tests := []struct {
		name, arguments, stdin string
		code                   int
		want                   []string
	}{
		{"a field not declared", "-description " + file + " -secret " + secret, "", exitWrong,
			[]string{"stream signups:", "ok       authorized", "exclusive, as described", `{Name: "undeclared_note", Path: "undeclaredNote", Type: vendorapi.TypeString},`}},
		{"standard input", "-description " + file + " -secret - -stream signups", `{"token":"` + token + `"}`, exitWrong, []string{"ok       authorized"}},
		{"wrong token", "-description " + file + " -secret -", `{"token":"another"}`, exitWrong, []string{"differs  authorized"}},
		{"no record", "-description " + file + " -secret " + secret + " -from 2026-03-01T00:00:00Z -until 2026-03-02T00:00:00Z", "", 0, []string{"unknown  records"}},
		{"no secret", "-description " + file, "", exitWrong, []string{"-secret: the vendor acme needs token"}},
		{"broken secret", "-description " + file + " -secret -", `{"token":1}`, exitWrong, []string{`field "token" of the vendor's secret is a JSON number`}},
		{"no such file", "-description nowhere.json", "", exitWrong, []string{"-description: open nowhere.json"}},
		{"another stream", "-description " + file + " -secret " + secret + " -stream leads", "", exitWrong, []string{"want one of signups"}},
		{"time", "-from yesterday", "", exitUsage, []string{"RFC 3339"}},
		{"span", "-from 2026-03-02T00:00:00Z -until 2026-03-01T00:00:00Z", "", exitUsage, []string{"-from 2026-03-02T00:00:00Z: want a time before -until"}},
		{"context", "-c clientId", "", exitUsage, []string{"want KEY=VALUE"}},
		{"argument", "now", "", exitUsage, []string{"flags only"}},
		{"help", "-help", "", 0, []string{"go run ./infra/local probe", "-stream"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := probeVendor(t.Context(), strings.Fields(test.arguments), surroundings{stdin: strings.NewReader(test.stdin), stdout: &stdout, stderr: &stderr, now: now})
			said := stdout.String() + stderr.String()
			if code != test.code {
				t.Errorf("exit status %d, want %d:\n%s", code, test.code, said)
			}
			for _, want := range test.want {
				if !strings.Contains(said, want) {
					t.Errorf("want %q:\n%s", want, said)
				}
			}
			if strings.Contains(said, token) {
				t.Errorf("it shows the token:\n%s", said)
			}
		})
	}
}
