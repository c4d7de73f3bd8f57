package memory

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/windrow-data/windrow/constructs/gobuild"
	"github.com/windrow-data/windrow/functions/ingest"
	"github.com/windrow-data/windrow/functions/preprocess"
	"github.com/windrow-data/windrow/functions/settings"
	// So that results are not taken from the test cache when the mains' parts have changed.
	_ "github.com/windrow-data/windrow/functions/startup"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/infra/local/lambdahost"
	"github.com/windrow-data/windrow/infra/local/s3server"
	"github.com/windrow-data/windrow/infra/local/toolcache"
)

const (
	// records is how many happen within one second, so that no window can be shorter than all of them.
	records  = 1_000_000
	pageSize = 2000
	// limit is the most memory that a handler may take.
	limit = 64 << 20

	region = "eu-central-1"
	bucket = "lake"
)

var burst = time.Date(2026, 3, 10, 11, 30, 0, 0, time.UTC)

// crowd is a vendor with all its records in one second.
type crowd struct {
	// changed is the number of a record whose score has changed, -1 for none.
	changed atomic.Int64
}

func (c *crowd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	number := func(name string) int {
		n, err := strconv.Atoi(r.URL.Query().Get(name))
		if err != nil {
			http.Error(w, name, http.StatusBadRequest)
		}
		return n
	}
	total := 0
	if from, to := int64(number("from")), int64(number("to")); from <= burst.Unix() && burst.Unix() < to {
		total = records
	}
	body := make([]byte, 0, 1<<20)
	body = append(body, `{"records":[`...)
	offset := number("offset")
	for i := offset; i < min(offset+pageSize, total); i++ {
		if i > offset {
			body = append(body, ',')
		}
		score := i % 100
		if int64(i) == c.changed.Load() {
			score = 1000
		}
		// What differs from record to record is about what does in a vendor's answers.
		body = fmt.Appendf(body, `{"id":%d,"at":%d,"email":"visitor.%x@example.com","company":"Company %d","answers":["%x","%x"],"score":%d}`,
			i, burst.Unix(), uint64(i)*0x9E3779B97F4A7C15, i%5000, uint32(i)*2654435761, uint32(i)*40503, score)
	}
	body = fmt.Appendf(body, `],"total":%d}`, total)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

func describe(address string) *vendorapi.Vendor {
	query := func(name string) vendorapi.Place { return vendorapi.Place{In: vendorapi.InQuery, Name: name} }
	return &vendorapi.Vendor{
		Name: "crowd", BaseURL: address, AllowPrivate: true, Auth: vendorapi.Auth{Kind: vendorapi.AuthNone},
		Streams: []vendorapi.Stream{{
			Name: "visits", Path: "/visits",
			Window:      vendorapi.Window{Start: query("from"), End: query("to"), Layout: vendorapi.LayoutUnix, Resolution: vendorapi.Duration(time.Second)},
			Paging:      vendorapi.Paging{Kind: vendorapi.PagingOffset, Place: query("offset"), Size: pageSize},
			RecordsPath: "records", Total: vendorapi.Total{Path: "total"},
			Key: []string{"id"}, Audit: vendorapi.AuditReread, TimePath: "at",
			Settle: vendorapi.Duration(5 * time.Minute), Lookback: vendorapi.Duration(24 * time.Hour),
			Columns: []vendorapi.Column{
				{Name: "id", Type: vendorapi.TypeInt64}, {Name: "at", Type: vendorapi.TypeTimestamp, Layout: vendorapi.LayoutUnix},
				{Name: "email", Type: vendorapi.TypeString}, {Name: "company", Type: vendorapi.TypeString}, {Name: "score", Type: vendorapi.TypeInt64},
			},
		}},
	}
}

// TestAWindowOfAMillionRecords reads, curates, reads again and replaces a window of a million records with the compiled
// handlers, in as many invocations as it takes, and wants their peak memory to stay under the limit.
func TestAWindowOfAMillionRecords(t *testing.T) {
	if testing.Short() {
		t.Skip("takes about a minute")
	}
	if lambdahost.MemoryReader() == nil {
		t.Skip("this system does not tell a process's peak memory")
	}
	vendor := &crowd{}
	vendor.changed.Store(-1)
	server := httptest.NewServer(vendor)
	defer server.Close()
	host := start(t, describe(server.URL))

	run := func(title string, at time.Time) (ingested ingest.Answer, rows int64) {
		began := time.Now()
		rounds := 0
		for more := true; more; rounds++ {
			event := settings.Event{Run: "run", StartedAt: at, Input: settings.Input{ScheduledTime: at}}
			var i ingest.Answer
			invoke(t, host, "ingest", event, &i)
			var p preprocess.Answer
			invoke(t, host, "preprocess", event, &p)
			ingested.Replaced += i.Replaced
			ingested.Late += i.Late
			ingested.Records += i.Records
			ingested.Unsettled += i.Unsettled
			rows += p.Rows
			more = i.More || p.More
		}
		t.Logf("%s: %d rounds, %.1f s", title, rounds, time.Since(began).Seconds())
		return ingested, rows
	}
	noon := burst.Add(30 * time.Minute)
	if answer, rows := run("first reading", noon); answer.Records != records || rows != records || answer.Unsettled != 0 {
		t.Errorf("first reading: %+v, %d rows", answer, rows)
	}
	vendor.changed.Store(records / 3)
	if answer, rows := run("another reading, one record changed", noon.Add(30*time.Minute)); answer.Replaced != 1 || answer.Late != 0 || rows != records {
		t.Errorf("another reading: %+v, %d rows", answer, rows)
	}
	for name, stats := range host.Stats() {
		t.Logf("%s: peak memory %.1f MB of %d MB allowed, %d invocations", name, float64(stats.PeakMemory)/(1<<20), limit>>20, stats.Invocations)
		if stats.PeakMemory > limit {
			t.Errorf("%s took %d bytes of memory at its peak, want at most %d", name, stats.PeakMemory, limit)
		}
	}
}

func invoke(t *testing.T, host *lambdahost.Host, name string, event settings.Event, answer any) {
	t.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	result, err := host.Invoke(t.Context(), name, payload)
	if err == nil {
		err = result.Error()
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := json.Unmarshal(result.Payload, answer); err != nil {
		t.Fatal(err)
	}
}

// start compiles the handlers and runs them beside an S3 server.
func start(t *testing.T, vendor *vendorapi.Vendor) *lambdahost.Host {
	t.Helper()
	userCache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := s3server.Build(t.Context(), toolcache.Cache{Dir: filepath.Join(userCache, "windrow"), Say: func(line string) { t.Log(line) }})
	if err != nil {
		t.Fatal(err)
	}
	server, err := s3server.Start(t.Context(), s3server.Options{
		Binary: binary, Root: t.TempDir(), Attributes: t.TempDir(), Region: region, AccessKeyID: "access", SecretAccessKey: "secret",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	client := s3.New(s3.Options{
		Region: region, BaseEndpoint: aws.String(server.URL()), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("access", "secret", ""),
	})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}

	description, err := json.Marshal(vendor)
	if err != nil {
		t.Fatal(err)
	}
	var builder gobuild.Builder
	var functions []lambdahost.Function
	for _, name := range []string{"ingest", "preprocess"} {
		dir := t.TempDir()
		if _, err := builder.Folder(dir, "github.com/windrow-data/windrow/functions/cmd/"+name, runtime.GOARCH, map[string][]byte{settings.VendorFile: description}); err != nil {
			t.Fatal(err)
		}
		f := lambdahost.Function{
			Name: name, ARN: "arn:aws:lambda:" + region + ":000000000000:function:" + name, Dir: dir,
			// Several invocations are needed for a window, so that parts of earlier ones are counted again.
			Timeout: 12 * time.Second, MemoryMB: 256,
			Environment: map[string]string{
				settings.EnvStream: "visits", settings.EnvPipeline: "memory", settings.EnvRawBucket: bucket, settings.EnvSafetyMargin: "2s",
				// As a function of the default size sets it.
				"GOMEMLIMIT": fmt.Sprintf("%dMiB", int(128*settings.GoMemoryShare)),
			},
		}
		if name == "preprocess" {
			f.Timeout = time.Minute
			f.Environment[settings.EnvCuratedBucket] = bucket
		}
		functions = append(functions, f)
	}
	host, err := lambdahost.New(functions, lambdahost.Options{
		Region: region,
		Environment: map[string]string{
			"AWS_ACCESS_KEY_ID": "access", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL_S3": server.URL(),
		},
		LogDir: t.TempDir(), TempDir: t.TempDir(), Memory: lambdahost.MemoryReader(), Log: func(line string) { t.Log(line) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	return host
}
