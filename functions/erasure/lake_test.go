package erasure_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/erasure"
	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/preprocess"
	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
)

var (
	secretKey = privacy.Key(strings.Repeat("k", privacy.GeneratedKeyLength))
	begin     = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
)

const interval = 3 * time.Hour

// lake is a vendor's streams, as the real handlers have brought them into the buckets of a store.
type lake struct {
	t      testing.TB
	vendor *vendorapi.Vendor
	server *vendortest.Server
	front  http.Handler
	secret vendorapi.Secret
	store  *objectstoretest.Store
	clock  time.Time
	runs   int
	logs   bytes.Buffer
}

// newLake plays two days of a small world, in which the vendor has all that it will have.
func newLake(t testing.TB, v *vendorapi.Vendor, attendees int) *lake {
	t.Helper()
	l := emptyLake(t, v, attendees)
	l.play(begin.AddDate(0, 0, 2))
	return l
}

// emptyLake is a lake of which nothing is played yet.
func emptyLake(t testing.TB, v *vendorapi.Vendor, attendees int) *lake {
	t.Helper()
	l := &lake{t: t, vendor: v, secret: vendorapi.Secret{}, store: objectstoretest.New(), clock: begin}
	for _, field := range v.SecretFields() {
		l.secret[field] = "secret-of-" + field
	}
	world, err := vendortest.Generate(v, vendortest.Size{Seed: 3, From: begin, Until: begin.AddDate(0, 0, 1), Attendees: attendees})
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return l.clock }
	l.server = vendortest.NewServer(v, world, l.secret, vendortest.ServerOptions{Now: begin, Clock: now})
	l.front = l.server
	if v.Auth.Kind == vendorapi.AuthToken {
		o := vendortest.DocumentedTokens(v)
		o.Now = now
		l.front = vendortest.NewTokens(v.Auth, l.secret, o, l.server)
	}
	l.store.Versioned["raw"] = true
	l.store.Now = now
	return l
}

// play plays on to a time.
func (l *lake) play(until time.Time) {
	l.t.Helper()
	for at := l.clock.Truncate(interval).Add(interval); !at.After(until); at = at.Add(interval) {
		l.tick(at)
	}
}

// RoundTrip answers a request without a network.
func (l *lake) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	clone := r.Clone(r.Context())
	if clone.Body == nil {
		clone.Body = http.NoBody
	}
	l.front.ServeHTTP(recorder, clone)
	answer := recorder.Result()
	answer.Request = r
	return answer, nil
}

// keeper fetches a token as often as it is asked for one.
type keeper struct{ secret vendorapi.Secret }

func (k keeper) Renew(ctx context.Context, _ string, spend func(context.Context, vendorapi.Secret) (vendorapi.Grant, error)) (vendorapi.Grant, error) {
	return spend(ctx, k.secret)
}

func (l *lake) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(&l.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *lake) zone(stream string) rawzone.Zone {
	return rawzone.Zone{Bucket: l.store.Bucket("raw"), Vendor: l.vendor.Name, Stream: stream}
}

func (l *lake) now() time.Time { return l.clock }

// tick plays the runs of all streams at a scheduled time.
func (l *lake) tick(at time.Time) {
	l.t.Helper()
	l.clock = at
	l.server.SetNow(at)
	for i := range l.vendor.Streams {
		l.ingest(&l.vendor.Streams[i], at)
		if _, err := preprocess.Run(context.Background(), l.preprocess(&l.vendor.Streams[i]), at); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *lake) ingestConfig(s *vendorapi.Stream) ingest.Config {
	l.t.Helper()
	client, err := vendorapi.NewClient(l.vendor, s.Name, l.secret, vendorapi.Options{
		Transport: l, Now: l.now, Sleep: func(context.Context, time.Duration) error { return nil },
		Random: func() float64 { return 0.5 }, Logger: l.logger(), Keeper: keeper{l.secret},
	})
	if err != nil {
		l.t.Fatal(err)
	}
	parents, err := ingest.ParentsOf(l.vendor, s, l.zone(s.Name), client)
	if err != nil {
		l.t.Fatal(err)
	}
	l.runs++
	return ingest.Config{
		Stream: s, Vendor: client, Zone: l.zone(s.Name), Parents: parents, Run: fmt.Sprintf("run%d", l.runs), Genesis: begin,
		PrivacyKey: func(context.Context) (privacy.Key, error) { return secretKey, nil },
		PartBytes:  1 << 10, DefaultRate: 1000, Clock: l.now, Logger: l.logger(),
	}
}

func (l *lake) ingest(s *vendorapi.Stream, at time.Time) {
	l.t.Helper()
	for {
		answer, err := ingest.Run(context.Background(), l.ingestConfig(s), at)
		if err != nil {
			l.t.Fatalf("%s at %s: %v", s.Name, at, err)
		}
		if !answer.More {
			return
		}
	}
}

func (l *lake) preprocess(s *vendorapi.Stream) preprocess.Config {
	return preprocess.Config{PrivacyKey: func(context.Context) (privacy.Key, error) { return secretKey, nil }, Stream: s, Raw: l.zone(s.Name), Curated: l.store.Bucket("curated"), TempDir: l.t.TempDir(), Clock: l.now, Logger: l.logger()}
}

func (l *lake) config(email string) erasure.Config {
	l.runs++
	return erasure.Config{
		Vendor: l.vendor, Raw: l.store.Bucket("raw"), Curated: l.store.Bucket("curated"), Results: l.store.Bucket("results"),
		Key: secretKey, Digest: secretKey.Digest(email), Run: fmt.Sprintf("run%d", l.runs), Execution: "execution", Patience: erasure.LongestRun,
		Clock: l.now, Logger: l.logger(),
	}
}

// step does what the state machine does after an answer, and returns the next one's.
func (l *lake) step(email string, before erasure.Answer) (erasure.Answer, error) {
	switch before.Next {
	case erasure.Wait:
		l.clock = l.clock.Add(erasure.LongestRun)
	case erasure.Remake:
		for stream, within := range before.Remake {
			s, err := l.vendor.Stream(stream)
			if err != nil {
				l.t.Fatal(err)
			}
			if _, err := preprocess.Remake(context.Background(), l.preprocess(s), preprocess.Past{Start: within.Start, End: within.End}, l.clock); err != nil {
				return before, err
			}
		}
	}
	return erasure.Erase(context.Background(), l.config(email), before.Position)
}

// erase goes through a whole erasure.
func (l *lake) erase(email string) erasure.Answer {
	l.t.Helper()
	var answer erasure.Answer
	for range 100 {
		var err error
		if answer, err = l.step(email, answer); err != nil {
			l.t.Fatal(err)
		}
		if answer.Next == erasure.Done {
			return answer
		}
	}
	l.t.Fatalf("the erasure does not end: %+v", answer)
	return answer
}

// everything calls see with what there is to find in each object of the lake, whatever it is compressed with, and in its key.
func (l *lake) everything(see func(where string, content []byte)) {
	l.t.Helper()
	for _, bucket := range []string{"raw", "curated", "results"} {
		l.store.EveryBody(bucket, func(key string, body []byte) {
			where := bucket + "/" + key
			see(where, []byte(key))
			see(where, body)
			switch {
			case strings.HasSuffix(key, ".gz"):
				reader, err := gzip.NewReader(bytes.NewReader(body))
				if err != nil {
					if len(body) == 0 {
						return // a delete marker
					}
					l.t.Fatalf("%s: %v", where, err)
				}
				content, err := io.ReadAll(reader)
				if err != nil {
					l.t.Fatalf("%s: %v", where, err)
				}
				see(where, content)
			case strings.HasSuffix(key, ".parquet"):
				see(where, pages(l.t, where, body))
			}
		})
	}
}

// pages returns all values of a Parquet file's columns, as they stand in its pages once these are decompressed, dictionaries too, and
// the bounds in its column index.
func pages(t testing.TB, where string, body []byte) []byte {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	var content bytes.Buffer
	for _, group := range file.RowGroups() {
		for _, chunk := range group.ColumnChunks() {
			if index, err := chunk.ColumnIndex(); err == nil && index != nil {
				for i := range index.NumPages() {
					content.Write(index.MinValue(i).Bytes())
					content.Write(index.MaxValue(i).Bytes())
				}
			}
			pages := chunk.Pages()
			for {
				page, err := pages.ReadPage()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatalf("%s: %v", where, err)
				}
				if dictionary := page.Dictionary(); dictionary != nil {
					for i := range dictionary.Len() {
						content.Write(dictionary.Index(int32(i)).Bytes())
						content.WriteByte('\n')
					}
				}
				values := make([]parquet.Value, page.NumValues())
				n, err := page.Values().ReadValues(values)
				if err != nil && err != io.EOF {
					t.Fatalf("%s: %v", where, err)
				}
				for _, value := range values[:n] {
					content.Write(value.Bytes())
					content.WriteByte('\n')
				}
			}
			pages.Close()
		}
	}
	return content.Bytes()
}

// traces are where the lake has a text, whatever its case.
func (l *lake) traces(text string) []string {
	l.t.Helper()
	var found []string
	want := []byte(strings.ToLower(text))
	l.everything(func(where string, content []byte) {
		if bytes.Contains(bytes.ToLower(content), want) && !slices.Contains(found, where) {
			found = append(found, where)
		}
	})
	return found
}

// rows are the declared columns of each row of a stream that has not the address in it, nor its digest, and how often there is such a row.
func (l *lake) rows(s *vendorapi.Stream, without string) map[string]int {
	l.t.Helper()
	rows := map[string]int{}
	for _, key := range l.store.Keys("curated", l.vendor.Name+"/"+s.Name+"/dt=") {
		body, _ := l.store.Body("curated", key)
		reader := parquet.NewReader(bytes.NewReader(body))
		for {
			row := map[string]any{}
			if err := reader.Read(&row); err == io.EOF {
				break
			} else if err != nil {
				l.t.Fatalf("%s: %v", key, err)
			}
			var text strings.Builder
			for _, c := range s.Columns {
				fmt.Fprintf(&text, "%s=%v|", c.Name, row[c.Name])
			}
			if lower := strings.ToLower(text.String()); !strings.Contains(lower, strings.ToLower(without)) && !strings.Contains(lower, secretKey.Digest(without)) {
				rows[text.String()]++
			}
		}
	}
	return rows
}

// settled checks what must hold of all commits: their parts are there and hold what they say, and the vendor's counts agree.
func (l *lake) settled() {
	l.t.Helper()
	ctx := context.Background()
	for i := range l.vendor.Streams {
		z := l.zone(l.vendor.Streams[i].Name)
		for ref, err := range z.Commits(ctx, time.Time{}) {
			if err != nil {
				l.t.Fatal(err)
			}
			commit, _, err := z.Commit(ctx, ref)
			if err != nil {
				l.t.Fatal(err)
			}
			var records, withheld int64
			for _, part := range commit.Parts {
				body, err := z.OpenPart(ctx, part)
				if err != nil {
					l.t.Fatal(err)
				}
				var lines int64
				if err := rawzone.EachRecord(body, func([]byte) error { lines++; return nil }); err != nil {
					l.t.Fatal(err)
				}
				if lines != part.Records {
					l.t.Errorf("part %s holds %d records, and says %d", part.Key, lines, part.Records)
				}
				records += part.Records
				withheld += part.Withheld
			}
			if records != commit.Records || withheld != commit.Withheld {
				l.t.Errorf("%s: the commit says %d records and %d withheld, its parts %d and %d", ref.Key, commit.Records, commit.Withheld, records, withheld)
			}
			if commit.Announced >= 0 && commit.Settled && commit.Same.IsZero() && len(commit.Parts) > 0 && l.vendor.Streams[i].Audit == vendorapi.AuditCount &&
				commit.Announced != commit.Given()-commit.Carried {
				l.t.Errorf("%s: announced %d, given %d", ref.Key, commit.Announced, commit.Given()-commit.Carried)
			}
		}
	}
}
