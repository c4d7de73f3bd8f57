package handler_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/ingest/handler"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/startup"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// acme wants each request signed, says with status 200 that a report is still computed, and refuses a window that reaches over a
// midnight.
var acme = handler.Hooks{
	Hooks: vendorapi.Hooks{
		Sign: func(r *http.Request, body []byte, secret vendorapi.Secret) error {
			mac := hmac.New(sha256.New, []byte(secret["signingKey"]))
			fmt.Fprintf(mac, "%s %s\n%s", r.Method, r.URL.RequestURI(), body)
			r.Header.Set("X-Acme-Signature", hex.EncodeToString(mac.Sum(nil)))
			return nil
		},
		Judge: func(answer vendorapi.Received) vendorapi.Verdict {
			if bytes.Contains(answer.Body, []byte(`"state":"computing"`)) {
				return vendorapi.TryAgain
			}
			return vendorapi.AsDescribed
		},
	},
	CutWindow: func(w window.Window) time.Time {
		return w.Start.Truncate(24 * time.Hour).Add(24 * time.Hour)
	},
}

// A main of one's own, whose path the construct is given as IngestPackage.
func Example() {
	main := func() {
		lambda.Start(handler.New(startup.Process{
			Began: time.Now(), Getenv: os.Getenv, ReadFile: os.ReadFile, Logs: os.Stdout, TempDir: os.TempDir(), Now: time.Now,
		}, acme))
	}
	_ = main
}

// What the hooks come to, with acme's API and the raw bucket played by tests.
func ExampleHooks() {
	secret := vendorapi.Secret{"signingKey": "hush-hush"}
	computing := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mac := hmac.New(sha256.New, []byte(secret["signingKey"]))
		fmt.Fprintf(mac, "%s %s\n", r.Method, r.URL.RequestURI())
		from, _ := time.Parse(time.RFC3339, r.URL.Query().Get("from"))
		to, _ := time.Parse(time.RFC3339, r.URL.Query().Get("to"))
		switch {
		case r.Header.Get("X-Acme-Signature") != hex.EncodeToString(mac.Sum(nil)):
			http.Error(w, "not signed", http.StatusUnauthorized)
		case to.After(from.Truncate(24 * time.Hour).Add(24 * time.Hour)):
			http.Error(w, "over a midnight", http.StatusBadRequest)
		case computing:
			computing = false
			io.WriteString(w, `{"state":"computing"}`)
		default:
			io.WriteString(w, `{"visits":[{"id":"`+from.Format(time.RFC3339)+`"}]}`)
		}
	}))
	defer server.Close()

	query := func(name string) vendorapi.Place { return vendorapi.Place{In: vendorapi.InQuery, Name: name} }
	vendor := &vendorapi.Vendor{
		Name: "acme", BaseURL: server.URL, AllowPrivate: true,
		// No request takes the key as it is.
		Auth:  vendorapi.Auth{Kind: vendorapi.AuthNone, HookFields: []string{"signingKey"}},
		Retry: vendorapi.Retry{InitialWait: vendorapi.Duration(time.Millisecond)},
		Streams: []vendorapi.Stream{{
			Name: "visits", Path: "/visits", RecordsPath: "visits", Key: []string{"id"}, Audit: vendorapi.AuditReread,
			Window:  vendorapi.Window{Start: query("from"), End: query("to"), Layout: time.RFC3339, Resolution: vendorapi.Duration(time.Second)},
			Paging:  vendorapi.Paging{Kind: vendorapi.PagingNone},
			Columns: []vendorapi.Column{{Name: "id", Type: vendorapi.TypeString}},
		}},
	}
	client, err := vendorapi.NewClient(vendor, "visits", secret, vendorapi.Options{
		Now: time.Now, Sleep: startup.Sleep, Random: func() float64 { return 0 }, Logger: slog.New(slog.DiscardHandler), Hooks: acme.Hooks,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	zone := rawzone.Zone{Bucket: objectstoretest.New().Bucket("raw"), Vendor: "acme", Stream: "visits"}
	now := time.Date(2026, 3, 11, 0, 40, 0, 0, time.UTC)
	answer, err := ingest.Run(context.Background(), ingest.Config{
		Stream: &vendor.Streams[0], Vendor: client, Zone: zone, Run: "run", Genesis: now.Add(-100 * time.Minute), CutWindow: acme.CutWindow,
		PartBytes: 1 << 20, DefaultRate: 100, Clock: time.Now, Logger: slog.New(slog.DiscardHandler),
	}, now)
	fmt.Println(answer.Windows, "windows,", answer.Records, "records,", answer.Retries, "retry,", err)
	for ref := range zone.Commits(context.Background(), time.Time{}) {
		commit, _, _ := zone.Commit(context.Background(), ref)
		fmt.Println(commit.Window())
	}
	// Output:
	// 2 windows, 2 records, 1 retry, <nil>
	// [2026-03-10T23:00:00Z, 2026-03-11T00:00:00Z)
	// [2026-03-11T00:00:00Z, 2026-03-11T00:40:00Z)
}
