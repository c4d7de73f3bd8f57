// Package readytest plays a ready vendor in the tests of its description: the real client, ingest and curation against a
// simulated server, in a store in memory and a time of its own.
//
// It stands apart since the packages of the vendors hold nothing but data, and each of them is tested in the same way.
package readytest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
	"github.com/windrow-data/windrow/functions/window"
)

// timeout is how long an invocation may take.
const timeout = 15 * time.Minute

// Play is a vendor's description with a server to ask, and what is stored of it.
type Play struct {
	T      testing.TB
	Vendor *vendorapi.Vendor
	// Clock is the time that requests and waits take.
	Clock time.Time
	// Slow is how long a request takes. Default: as good as nothing.
	Slow time.Duration
	// Server, World and Tokens are those of [Simulate]. Tokens is nil where the description fetches none.
	Server *vendortest.Server
	World  *vendortest.World
	Tokens *vendortest.Tokens

	handler     http.Handler
	secret      vendorapi.Secret
	store       *objectstoretest.Store
	invocations int
}

// New returns a play of a vendor whose requests the handler answers.
func New(t testing.TB, v *vendorapi.Vendor, handler http.Handler) *Play {
	t.Helper()
	if err := v.Validate(); err != nil {
		t.Fatal(err)
	}
	// A context's deadline is one of the real time, which does not come there.
	p := &Play{T: t, Vendor: v, handler: handler, secret: Secret(v), store: objectstoretest.New(), Clock: time.Now().Add(24 * time.Hour)}
	p.store.Now = func() time.Time { return p.Clock }
	return p
}

// Simulate returns a play of a vendor with a simulated server, and the authorization server that the description asks for.
func Simulate(t testing.TB, v *vendorapi.Vendor, size vendortest.Size, o vendortest.ServerOptions) *Play {
	t.Helper()
	world, err := vendortest.Generate(v, size)
	if err != nil {
		t.Fatal(err)
	}
	p := New(t, v, nil)
	o.Now, o.Clock = size.From, p.Now
	o.Sleep = func(_ context.Context, d time.Duration) error { p.Clock = p.Clock.Add(d); return nil }
	p.World, p.Server = world, vendortest.NewServer(v, world, p.secret, o)
	p.handler = Tokens(v, p.Server, p.Now)
	p.Tokens, _ = p.handler.(*vendortest.Tokens)
	return p
}

// Secret returns a secret with the fields that a description needs.
func Secret(v *vendorapi.Vendor) vendorapi.Secret {
	secret := vendorapi.Secret{}
	for _, field := range v.SecretFields() {
		secret[field] = "secret-of-" + field
	}
	return secret
}

// RoundTrip answers a request without a network.
func (p *Play) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	p.Clock = p.Clock.Add(time.Millisecond + p.Slow)
	recorder := httptest.NewRecorder()
	defer func() {
		switch cut := recover(); cut {
		case nil:
		case http.ErrAbortHandler:
			answer, err = nil, io.ErrUnexpectedEOF
		default:
			panic(cut)
		}
	}()
	clone := r.Clone(r.Context())
	if clone.Body == nil {
		clone.Body = http.NoBody
	}
	p.handler.ServeHTTP(recorder, clone)
	answer = recorder.Result()
	answer.Request = r
	return answer, nil
}

// Intercept has answer see each request first; where it reports true it has answered.
func (p *Play) Intercept(answer func(http.ResponseWriter, *http.Request) bool) {
	next := p.handler
	p.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answer(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// Now is the time that requests and waits take.
func (p *Play) Now() time.Time { return p.Clock }

// Client returns a client of a stream.
func (p *Play) Client(stream string) *vendorapi.Client {
	p.T.Helper()
	client, err := vendorapi.NewClient(p.Vendor.OneByOne(), stream, p.secret, vendorapi.Options{
		Transport: p, Now: p.Now,
		Sleep:  func(_ context.Context, d time.Duration) error { p.Clock = p.Clock.Add(d); return nil },
		Random: func() float64 { return 0.5 }, Logger: slog.New(slog.DiscardHandler), Keeper: keeper{p.secret},
	})
	if err != nil {
		p.T.Fatal(err)
	}
	return client
}

// keeper gives the secret to the one function that there is.
type keeper struct{ secret vendorapi.Secret }

func (k keeper) Renew(ctx context.Context, _ string, spend func(context.Context, vendorapi.Secret) (vendorapi.Grant, error)) (vendorapi.Grant, error) {
	return spend(ctx, k.secret)
}

func (p *Play) zone(stream string) rawzone.Zone {
	return rawzone.Zone{Bucket: p.store.Bucket("raw"), Vendor: p.Vendor.Name, Stream: stream}
}

// Invoke runs ingest of a stream once.
func (p *Play) Invoke(stream string, now time.Time) (ingest.Answer, error) {
	p.T.Helper()
	p.invocations++
	if p.Server != nil {
		p.Server.SetNow(now)
	}
	described, err := p.Vendor.Stream(stream)
	if err != nil {
		p.T.Fatal(err)
	}
	client := p.Client(stream)
	config := ingest.Config{
		Stream: described, Vendor: client, Zone: p.zone(stream), Run: fmt.Sprintf("run%d", p.invocations), PartBytes: 1 << 20,
		SafetyMargin: timeout / 10, DefaultRate: 100, Clock: p.Now, Logger: slog.New(slog.DiscardHandler),
	}
	if config.Parents, err = ingest.ParentsOf(p.Vendor, described, config.Zone, client); err != nil {
		p.T.Fatal(err)
	}
	ctx, cancel := context.WithDeadline(context.Background(), p.Clock.Add(timeout))
	defer cancel()
	return ingest.Run(ctx, config, now)
}

// Run runs ingest of streams, one after the other, until there is no more, and returns what was found.
func (p *Play) Run(now time.Time, streams ...string) (findings []telemetry.Finding) {
	p.T.Helper()
	for _, stream := range streams {
		for more := true; more; {
			answer, err := p.Invoke(stream, now)
			if err != nil {
				p.T.Fatalf("stream %s at %s: %v", stream, now, err)
			}
			findings, more = append(findings, answer.Findings...), answer.More
		}
	}
	return findings
}

// Records returns what the newest commits of a stream hold.
func (p *Play) Records(stream string) (records []string) {
	p.T.Helper()
	zone := p.zone(stream)
	for ref, err := range zone.Commits(context.Background(), time.Time{}) {
		if err != nil {
			p.T.Fatal(err)
		}
		commit, _, err := zone.Commit(context.Background(), ref)
		if err != nil {
			p.T.Fatal(err)
		}
		for _, part := range commit.Parts {
			reader, err := zone.OpenPart(context.Background(), part)
			if err != nil {
				p.T.Fatal(err)
			}
			lines := bufio.NewScanner(reader)
			lines.Buffer(nil, 1<<20)
			for lines.Scan() {
				records = append(records, lines.Text())
			}
			if err := errors.Join(lines.Err(), reader.Close()); err != nil {
				p.T.Fatal(err)
			}
		}
	}
	return records
}

// Key is what [Rows] hashes personal values with.
var Key = privacy.Key(strings.Repeat("k", privacy.LeastKeyLength))

// Rows makes rows of records and returns them as JSON objects by column, with numbers as written, and what is personal as it is protected. It
// fails where one cannot be a row, or has a field that no column declares.
func Rows(t testing.TB, s *vendorapi.Stream, records ...string) (rows []map[string]string) {
	t.Helper()
	table, err := curated.NewTable(s)
	if err != nil {
		t.Fatal(err)
	}
	var object, quarantine bytes.Buffer
	writer := table.NewWriter(&object, &quarantine, curated.Source{Key: Key})
	if _, err := writer.AddPart(context.Background(), "part", strings.NewReader(strings.Join(records, "\n")+"\n")); err != nil {
		t.Fatal(err)
	}
	counts, err := writer.Close()
	if err != nil {
		t.Fatal(err)
	}
	if counts.Quarantined > 0 || len(writer.Undeclared()) > 0 {
		t.Errorf("stream %s: %+v, %s, undeclared %q", s.Name, counts, writer.Reason(), writer.Undeclared())
	}
	file, err := parquet.OpenFile(bytes.NewReader(object.Bytes()), int64(object.Len()))
	if err != nil {
		t.Fatal(err)
	}
	names := file.Schema().Columns()
	for _, group := range file.RowGroups() {
		reader := group.Rows()
		buffer := make([]parquet.Row, 1)
		for {
			n, err := reader.ReadRows(buffer)
			if n == 0 {
				if err == nil {
					continue
				}
				break
			}
			row := map[string]string{}
			for _, value := range buffer[0] {
				if !value.IsNull() {
					row[names[value.Column()][0]] = value.String()
				}
			}
			rows = append(rows, row)
		}
		reader.Close()
	}
	return rows
}

// Example answers a request for a stream with what stands in testdata, and returns the records that the client makes of it. Those of a
// child are those of the parent's example.
func Example(t testing.TB, v *vendorapi.Vendor, stream string) (page vendorapi.Page, records []string) {
	t.Helper()
	body, err := os.ReadFile("testdata/" + stream + ".json")
	if err != nil {
		t.Fatal(err)
	}
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })
	p := New(t, v, Tokens(v, answer, nil))
	described, err := v.Stream(stream)
	if err != nil {
		t.Fatal(err)
	}
	client := p.Client(stream)
	if described.Parent != nil {
		_, parents := Example(t, v, described.Parent.Stream)
		reader, err := vendorapi.NewParentReader(v, described)
		if err != nil {
			t.Fatal(err)
		}
		parent, err := reader.Read([]byte(parents[0]))
		if err != nil {
			t.Fatal(err)
		}
		if parent.Time.IsZero() {
			t.Errorf("stream %s: the parent shows no time at %s", stream, described.Parent.TimePath)
		}
		client = client.Of(parent)
	}
	read, err := client.Page(context.Background(), exampleWindow, vendorapi.Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	for record := range read.Records() {
		records = append(records, string(record))
	}
	return *read, records
}

// exampleWindow holds what the examples tell of.
var exampleWindow = window.Window{Start: time.Date(2026, 3, 10, 18, 0, 0, 0, time.UTC), End: time.Date(2026, 3, 10, 19, 0, 0, 0, time.UTC)}

// Tokens puts an authorization server as the vendor has one in front of a handler, where the description fetches tokens. The
// clock may be nil.
func Tokens(v *vendorapi.Vendor, handler http.Handler, now func() time.Time) http.Handler {
	if v.Auth.Kind != vendorapi.AuthToken {
		return handler
	}
	o := vendortest.DocumentedTokens(v)
	o.Now = now
	return vendortest.NewTokens(v.Auth, Secret(v), o, handler)
}

// address is what an e-mail address looks like.
var address = regexp.MustCompile(`[^\s"@]+@[^\s"@]+\.[a-z]+`)

// CheckExamples checks a description against the examples in testdata: each column has a value in them and holds it or what stands in its
// place, each field of them is declared, each has a key, and no e-mail address is left.
func CheckExamples(t *testing.T, v *vendorapi.Vendor) {
	for i := range v.Streams {
		s := &v.Streams[i]
		t.Run(s.Name, func(t *testing.T) {
			_, records := Example(t, v, s.Name)
			if len(records) == 0 {
				t.Fatal("the example holds no record that is kept")
			}
			for _, row := range Rows(t, s, records...) {
				for i := range s.Columns {
					column := &s.Columns[i]
					path, optional := column.Path, false
					if path == "" {
						path = column.Name
					}
					if value := find(records[0], path); value == "" || value == `""` {
						optional = value == `""`
					}
					dropped := column.Protection() == vendorapi.ProtectDrop
					if dropped && find(records[0], path) == "" {
						t.Errorf("column %s: the example has no %s", column.Name, path)
					}
					value, set := row[column.Name]
					if set == dropped && !optional {
						t.Errorf("column %s has a value: %v; the example has %s", column.Name, set, find(records[0], path))
					}
					if left := address.FindString(value); left != "" && !strings.Contains(left, "***") {
						t.Errorf("column %s has the address %s", column.Name, left)
					}
					if column.Comment == "" {
						t.Errorf("column %s has no comment", column.Name)
					}
				}
			}
			if _, keyed, err := vendorapi.NewKeyReader(s).Hash([]byte(records[0])); !keyed || err != nil {
				t.Errorf("the example has no key: %v", err)
			}
			for _, path := range []string{s.TimePath, s.VersionPath, s.PersonPath} {
				if path != "" && find(records[0], path) == "" {
					t.Errorf("the example has no %s", path)
				}
			}
		})
	}
}

// find returns the value at a path of a record as it is written, empty where there is none.
func find(record, path string) string {
	value := json.RawMessage(record)
	for _, name := range strings.Split(path, ".") {
		var object map[string]json.RawMessage
		if json.Unmarshal(value, &object) != nil {
			return ""
		}
		value = object[name]
	}
	return string(value)
}
