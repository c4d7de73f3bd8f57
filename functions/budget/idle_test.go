package budget

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/preprocess"
	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/examples"
	"github.com/windrow-data/windrow/functions/vendorapi/gotowebinar"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
	"github.com/windrow-data/windrow/functions/vendorapi/zoom"
)

// IdleRequests is how many requests to S3 the two handlers make for one stream in a run in which the vendor has nothing new: for ingest
// its memory, the listing of commits, the commit and the memory again; for preprocess the mark, the listing, the commit and the
// mark again. What is done once a day takes the room of a listing. A request that is put or lists costs $5 a million, so that
// one more in each of 17,520 runs a year is $0.09 a stream.
const IdleRequests = 8

// IdleLogBytes is how much the two handlers log of one stream in such a run, at the default level, the lines that their metrics are
// made from included. CloudWatch takes $0.50 for a GB of them, so that a KB more in each of 17,520 runs a year is $0.01 a stream.
// https://aws.amazon.com/cloudwatch/pricing/
const IdleLogBytes = 2_400

const interval = 30 * time.Minute

// begin is the first scheduled time of all that is played.
var begin = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)

// pipeline is one vendor's streams, with the buckets.
type pipeline struct {
	t       *testing.T
	vendor  *vendorapi.Vendor
	server  *vendortest.Server
	front   http.Handler
	secret  vendorapi.Secret
	store   *objectstoretest.Store
	clock   time.Time
	logs    bytes.Buffer
	runs    int
	tempDir string
}

func newPipeline(t *testing.T, v *vendorapi.Vendor) *pipeline {
	t.Helper()
	p := &pipeline{t: t, vendor: v, secret: vendorapi.Secret{}, store: objectstoretest.New(), clock: begin, tempDir: t.TempDir()}
	for _, field := range v.SecretFields() {
		p.secret[field] = "secret-of-" + field
	}
	// All that the vendor has happened long before.
	from := begin.AddDate(-20, 0, 0)
	world, err := vendortest.Generate(v, vendortest.Size{Seed: 1, From: from, Until: from.AddDate(0, 0, 1), Attendees: 10})
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return p.clock }
	p.server = vendortest.NewServer(v, world, p.secret, vendortest.ServerOptions{Now: begin, Clock: now})
	p.front = p.server
	if v.Auth.Kind == vendorapi.AuthToken {
		o := vendortest.DocumentedTokens(v)
		o.Now = now
		p.front = vendortest.NewTokens(v.Auth, p.secret, o, p.server)
	}
	p.store.Now = now
	return p
}

// RoundTrip answers a request without a network.
func (p *pipeline) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	clone := r.Clone(r.Context())
	if clone.Body == nil {
		clone.Body = http.NoBody
	}
	p.front.ServeHTTP(recorder, clone)
	answer := recorder.Result()
	answer.Request = r
	return answer, nil
}

// keeper fetches a token as often as it is asked for one.
type keeper struct{ secret vendorapi.Secret }

func (k keeper) Renew(ctx context.Context, _ string, spend func(context.Context, vendorapi.Secret) (vendorapi.Grant, error)) (vendorapi.Grant, error) {
	return spend(ctx, k.secret)
}

// taken is what one run of one stream has taken.
type taken struct {
	at     time.Time
	s3     map[string]int
	vendor int
	logs   int
}

func (r taken) requests() (n int) {
	for _, of := range r.s3 {
		n += of
	}
	return n
}

func (r taken) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d requests to S3, %d to the vendor:", r.at.Format(time.RFC3339), r.requests(), r.vendor)
	for _, kind := range slices.Sorted(maps.Keys(r.s3)) {
		fmt.Fprintf(&b, " %d %s,", r.s3[kind], kind)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// tick plays the run of a stream at a scheduled time.
func (p *pipeline) tick(stream string, at time.Time) taken {
	p.t.Helper()
	p.clock = at
	p.server.SetNow(at)
	p.store.ResetCalls()
	p.logs.Reset()
	before := p.server.Stats().Requests
	described, err := p.vendor.Stream(stream)
	if err != nil {
		p.t.Fatal(err)
	}
	now := func() time.Time { return p.clock }
	// An execution is named by a UUID and a hash.
	execution := strings.Repeat("0", 73)
	logger := slog.New(slog.NewJSONHandler(&p.logs, &slog.HandlerOptions{Level: settings.DefaultLogLevel})).With("execution", execution)
	zone := rawzone.Zone{Bucket: p.store.Bucket("raw"), Vendor: p.vendor.Name, Stream: stream}
	client, err := vendorapi.NewClient(p.vendor, stream, p.secret, vendorapi.Options{
		Transport: p, Now: now, Sleep: func(context.Context, time.Duration) error { return nil },
		Random: func() float64 { return 0.5 }, Logger: logger, Keeper: keeper{p.secret},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	parents, err := ingest.ParentsOf(p.vendor, described, zone, client)
	if err != nil {
		p.t.Fatal(err)
	}
	for more := true; more; {
		p.runs++
		ingested, err := ingest.Run(context.Background(), ingest.Config{
			Stream: described, Vendor: client, Zone: zone, Parents: parents, Run: fmt.Sprintf("run%d", p.runs),
			PartBytes: 1 << 10, DefaultRate: 100, Clock: now, Logger: logger,
		}, at)
		if err != nil {
			p.t.Fatalf("%s at %s: %v", stream, at, err)
		}
		preprocessed, err := preprocess.Run(context.Background(), preprocess.Config{
			Stream: described, Raw: zone, Curated: p.store.Bucket("curated"), TempDir: p.tempDir, Clock: now, Logger: logger,
			PrivacyKey: func(context.Context) (privacy.Key, error) {
				return privacy.Key(strings.Repeat("k", privacy.LeastKeyLength)), nil
			},
		}, at)
		if err != nil {
			p.t.Fatalf("%s at %s: %v", stream, at, err)
		}
		for handler, report := range map[string]telemetry.Report{"ingest": ingested.Report, "preprocess": preprocessed.Report} {
			line := telemetry.Invocation{
				Pipeline: "web-production/" + p.vendor.Name, Stream: stream, Handler: handler, Execution: execution, At: at,
				Seconds: 1.234567891, MemoryMB: 128, PeakMemoryMB: 31.4140625, Writes: 2, Reads: 2, Transitions: 1.6, CostUSD: 0.000013456789,
				Findings: report.Found(), Staleness: report.StalenessSeconds,
			}
			if err := line.Write(&p.logs); err != nil {
				p.t.Fatal(err)
			}
		}
		more = ingested.More || preprocessed.More
	}
	run := taken{at: at, s3: map[string]int{}, vendor: p.server.Stats().Requests - before, logs: p.logs.Len()}
	for _, call := range p.store.Calls() {
		run.s3[string(call.Operation)+" "+kindOf(p.vendor.Name, call)]++
	}
	return run
}

// kindOf names what a request to S3 is about.
func kindOf(vendor string, call objectstoretest.Call) string {
	_, rest, _ := strings.Cut(strings.TrimPrefix(call.Key, vendor+"/"), "/")
	kind, _, _ := strings.Cut(rest, "/")
	return call.Bucket + " " + strings.TrimSuffix(kind, ".json")
}

// mostAsked is how many requests to the vendor an idle run of a stream may make.
func mostAsked(s *vendorapi.Stream) int {
	lookback, longest := s.Lookback.D(), s.Window.LongestSpan.D()
	switch {
	case lookback == 0 || s.Parent != nil:
		return 1
	case longest == 0:
		return 2
	}
	return 1 + int((lookback+longest-1)/longest)
}

// day plays the streams' runs of one day and holds each against its budget.
func (p *pipeline) day(name string, from time.Time, streams []vendorapi.Stream) {
	p.t.Helper()
	runs := make([][]taken, len(streams))
	for at := from; at.Before(from.Add(24 * time.Hour)); at = at.Add(interval) {
		for i, s := range streams {
			runs[i] = append(runs[i], p.tick(s.Name, at))
		}
	}
	for i := range streams {
		s, all := &streams[i], runs[i]
		requests, asked := 0, 0
		kinds := map[string]int{}
		worst := all[0]
		for _, run := range all {
			requests += run.requests()
			asked += run.vendor
			for kind, n := range run.s3 {
				kinds[kind] += n
			}
			if run.requests() > worst.requests() {
				worst = run
			}
			if run.logs > IdleLogBytes {
				p.t.Errorf("%s, %s at %s: %d bytes of logs, want at most %d", name, s.Name, run.at, run.logs, IdleLogBytes)
			}
			if run.requests() > IdleRequests || run.vendor > mostAsked(s) {
				p.t.Errorf("%s, %s: want at most %d requests to S3 and %d to the vendor: %s", name, s.Name, IdleRequests, mostAsked(s), run)
			}
		}
		n := float64(len(all))
		p.t.Logf("%s, %s: %.2f requests to S3 a run and at most %d, %.2f to the vendor, %d bytes of logs", name, s.Name, float64(requests)/n, worst.requests(), float64(asked)/n, all[len(all)-1].logs)
		var text []string
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			text = append(text, fmt.Sprintf("%.2f %s", float64(kinds[kind])/n, kind))
		}
		p.t.Log("    ", strings.Join(text, ", "))
	}
}

// vendors are the ready ones, with a stream of each kind: the other children of Zoom and GoTo Webinar are as the last one here. None
// of them is audited by counts, as the last vendor is.
func vendors() map[string]*vendorapi.Vendor {
	counted := examples.USGS()
	counted.Streams[0].Audit, counted.Streams[0].Lookback = vendorapi.AuditCount, vendorapi.Duration(4*24*time.Hour)
	counted.Streams[0].Window.LongestSpan = vendorapi.Duration(24 * time.Hour)
	all := map[string]*vendorapi.Vendor{"on24": on24.Vendor("22355"), "zoom": zoom.Vendor(), "gotowebinar": gotowebinar.Vendor("1234567890"), "counted": counted}
	for _, v := range all {
		v.Streams = slices.DeleteFunc(v.Streams, func(s vendorapi.Stream) bool { return s.Parent != nil && (s.Name == "questions" || s.Name == "polls") })
	}
	return all
}

func TestAnIdleRunKeepsToItsBudget(t *testing.T) {
	for name, v := range vendors() {
		t.Run(name, func(t *testing.T) {
			p := newPipeline(t, v)
			at := begin
			play := func(until time.Time) {
				for ; at.Before(until); at = at.Add(interval) {
					for _, s := range v.Streams {
						p.tick(s.Name, at)
					}
				}
			}
			// The first runs begin the log.
			play(begin.Add(2 * interval))
			p.day("day 1", at, v.Streams)
			at = at.Add(24 * time.Hour)
			play(begin.Add(9 * 24 * time.Hour))
			p.day("day 10", at, v.Streams)
		})
	}
}

// TestTenYearsLater has a log of ten years, as it was ingested and curated, on day 3,650.
func TestTenYearsLater(t *testing.T) {
	v := on24.Vendor("22355")
	p := newPipeline(t, v)
	const days = 3650
	today := begin.Add(days * 24 * time.Hour)
	for _, s := range v.Streams[2:3] {
		zone := rawzone.Zone{Bucket: p.store.Bucket("raw"), Vendor: v.Name, Stream: s.Name}
		for start := begin; start.Before(today.Add(-2 * 24 * time.Hour)); start = start.Add(interval) {
			body, err := json.Marshal(rawzone.Commit{
				Format: rawzone.FormatVersion, Start: start, End: start.Add(interval), Generation: 1, Attempt: 1, Digest: "0000000000000000",
				Settled: true, ReadAt: start.Add(2 * interval), WrittenAt: start.Add(2 * interval),
			})
			if err != nil {
				t.Fatal(err)
			}
			p.store.Set("raw", zone.Ref(start, "").Key, body)
		}
		for at := today.Add(-2 * 24 * time.Hour); at.Before(today); at = at.Add(interval) {
			p.tick(s.Name, at)
		}
	}
	p.day("day 3,650", today, v.Streams[2:3])
}
