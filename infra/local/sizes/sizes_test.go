package sizes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/pricing"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/lambdahost"
	"github.com/windrow-data/windrow/infra/local/play"
	"github.com/windrow-data/windrow/infra/local/toolcache"
)

// TestThisApp replays some hours of this repository's app.
func TestThisApp(t *testing.T) {
	if testing.Short() {
		t.Skip("synthesizes the app")
	}
	if lambdahost.CPUReader() == nil {
		t.Skip("no share of a processor on this system")
	}
	userCache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	from := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	o := Options{
		Play: play.Options{
			App: "cd ../../.. && go run ./infra", Env: "local", From: from, Until: from.Add(time.Hour), Seed: 1, Attendees: 300,
			Out:    filepath.Join(t.TempDir(), "out"),
			Cache:  toolcache.Cache{Dir: filepath.Join(userCache, "windrow"), Say: func(line string) { t.Log(line) }},
			Screen: play.NewScreen(&said, false),
		},
		MemoryMBs: []int{128, 1024}, VendorLatency: 50 * time.Millisecond, StorageLatency: time.Millisecond,
		Samples: 1, Repeats: 1, Prices: pricing.USEast1, Architecture: pricing.ARM64,
		File: filepath.Join(t.TempDir(), "sizes.json"),
	}
	report, _, err := Run(t.Context(), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if err := report.Print(&said); err != nil {
		t.Fatal(err)
	}
	if report.Runs != 2 || report.Vendor != "on24" || len(report.Handlers) != 2 || !report.Good() {
		t.Fatalf("report of %d runs of %s\n%s", report.Runs, report.Vendor, said.String())
	}
	for _, h := range report.Handlers {
		if h.Invocations != 10 { // five streams, two runs
			t.Errorf("%s: %d invocations a day", h.Handler, h.Invocations)
		}
		small, large := h.Sizes[0], h.Sizes[1]
		if small.Failed+large.Failed > 0 || small.BilledSeconds == 0 || small.PeakMB == 0 || small.InitMs == 0 || small.USDOfADay == 0 {
			t.Errorf("%s: %+v", h.Handler, small)
		}
		// What waits costs by the memory.
		if h.Handler == ingest && (!small.Cheapest || large.USDOfADay < 2*small.USDOfADay) {
			t.Errorf("%d MB: $%v a day, %d MB: $%v", small.MemoryMB, small.USDOfADay, large.MemoryMB, large.USDOfADay)
		}
	}
	for _, r := range report.Replays {
		if least := float64(r.Work * 50); r.Handler == ingest && r.Sizes[0].BilledMs < least {
			t.Errorf("%d requests of 50 ms in %v ms", r.Work, r.Sizes[0].BilledMs)
		}
	}
	content, err := os.ReadFile(o.File)
	if err != nil {
		t.Fatal(err)
	}
	var written Report
	if err := json.Unmarshal(content, &written); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*report, written); diff != "" {
		t.Errorf("the file differs from the report:\n%s", diff)
	}
}

func TestReport(t *testing.T) {
	// at is what takes wait and processor time with 128 MB and with 1024 MB.
	at := func(work int64, wait, cpu float64) []Figures {
		figures := func(memoryMB int, share float64) Figures {
			return Figures{MemoryMB: memoryMB, BilledMs: 20 + wait + cpu/share, InitMs: 20, CPUMs: cpu, PeakMB: 40, Work: work}
		}
		return []Figures{figures(128, 0.0625), figures(1024, 0.5)}
	}
	replays := []Replay{
		{Handler: ingest, Work: 5, StandsFor: 90, Sizes: at(5, 2000, 10)},
		{Handler: ingest, Work: 100, StandsFor: 9, Sizes: at(100, 30000, 500)},
		{Handler: ingest, Work: 200, StandsFor: 1, Sizes: at(200, 60000, 1000)},
		{Handler: preprocess, Work: 1000, StandsFor: 100, Sizes: at(1000, 8, 250)},
	}
	o := Options{MemoryMBs: []int{128, 1024}, Prices: pricing.Prices{LambdaARM64GBSecond: 0.001}, Architecture: pricing.ARM64}
	r := newReport(o, &play.Summary{Vendor: "acme", Runs: 10}, replays)
	want := []HandlerReport{
		{Handler: ingest, Invocations: 100, Sizes: []SizeReport{
			{
				MemoryMB: 128, Processors: 0.072, MedianMs: 2180, P95Ms: 38020, LongestMs: 76020, BilledSeconds: 614.4, CPUSeconds: 6.4, GBSeconds: 76.8,
				USDOfARun: 0.00768, USDOfADay: 0.0768, USDOfAYear: 28.032, PeakMB: 40, InitMs: 20, Cheapest: true, Recommended: true,
			},
			{
				MemoryMB: 1024, Processors: 0.579, MedianMs: 2040, P95Ms: 31020, LongestMs: 62020, BilledSeconds: 524.8, CPUSeconds: 6.4, GBSeconds: 524.8,
				USDOfARun: 0.05248, USDOfADay: 0.5248, USDOfAYear: 191.552, PeakMB: 40, InitMs: 20,
			},
		}},
		{Handler: preprocess, Invocations: 100, Sizes: []SizeReport{
			{
				MemoryMB: 128, Processors: 0.072, MedianMs: 4028, P95Ms: 4028, LongestMs: 4028, BilledSeconds: 402.8, CPUSeconds: 25, GBSeconds: 50.35,
				USDOfARun: 0.005035, USDOfADay: 0.05035, USDOfAYear: 18.37775, PeakMB: 40, InitMs: 20, Cheapest: true,
			},
			{
				MemoryMB: 1024, Processors: 0.579, MedianMs: 528, P95Ms: 528, LongestMs: 528, BilledSeconds: 52.8, CPUSeconds: 25, GBSeconds: 52.8,
				USDOfARun: 0.00528, USDOfADay: 0.0528, USDOfAYear: 19.272, PeakMB: 40, InitMs: 20, Recommended: true,
			},
		}},
	}
	near := cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })
	if diff := cmp.Diff(want, r.Handlers, near); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !r.Good() {
		t.Error("a size is recommended for each, but it is not good")
	}
}

func TestMark(t *testing.T) {
	tests := []struct {
		name  string
		sizes []SizeReport
		// cheapest and recommended are memory sizes, 0 for none.
		cheapest, recommended int
	}{
		{"waiting costs by the memory", []SizeReport{{MemoryMB: 128, USDOfADay: 1, PeakMB: 40}, {MemoryMB: 256, USDOfADay: 1.8, PeakMB: 40}}, 128, 128},
		{"faster for nearly the same", []SizeReport{{MemoryMB: 128, USDOfADay: 1, PeakMB: 40}, {MemoryMB: 256, USDOfADay: 1.04, PeakMB: 40}, {MemoryMB: 512, USDOfADay: 1.06, PeakMB: 40}}, 128, 256},
		{"too little memory left", []SizeReport{{MemoryMB: 128, USDOfADay: 1, PeakMB: 65}, {MemoryMB: 256, USDOfADay: 1.8, PeakMB: 65}}, 128, 256},
		{"just enough", []SizeReport{{MemoryMB: 128, USDOfADay: 1, PeakMB: 64}, {MemoryMB: 256, USDOfADay: 1.8, PeakMB: 64}}, 128, 128},
		{"one fails", []SizeReport{{MemoryMB: 128, USDOfADay: 1, PeakMB: 40, Failed: 1}, {MemoryMB: 256, USDOfADay: 1.8, PeakMB: 40}}, 256, 256},
		{"all fail", []SizeReport{{MemoryMB: 128, Failed: 1}}, 0, 0},
		{"none has room", []SizeReport{{MemoryMB: 128, USDOfADay: 1, PeakMB: 100}}, 128, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			mark(test.sizes)
			cheapest, recommended := 0, 0
			for _, s := range test.sizes {
				if s.Cheapest {
					cheapest += s.MemoryMB
				}
				if s.Recommended {
					recommended += s.MemoryMB
				}
			}
			if cheapest != test.cheapest || recommended != test.recommended {
				t.Errorf("cheapest %d, recommended %d; want %d, %d", cheapest, recommended, test.cheapest, test.recommended)
			}
			good := (&Report{Handlers: []HandlerReport{{Sizes: test.sizes}}}).Good()
			if good != (test.recommended > 0) {
				t.Errorf("good: %t", good)
			}
		})
	}
}

func TestFailuresAreCounted(t *testing.T) {
	o := Options{MemoryMBs: []int{128}}
	for name, figures := range map[string]Figures{
		"a fault":   {Work: 10, Fault: "Sandbox.Timedout: "},
		"less done": {Work: 9},
	} {
		if s := sizeReport(o, 1, []Replay{{Work: 10, StandsFor: 1, Sizes: []Figures{figures}}}, 0); s.Failed != 1 {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if s := sizeReport(o, 1, []Replay{{Work: 10, StandsFor: 1, Sizes: []Figures{{Work: 11}}}}, 0); s.Failed != 0 {
		t.Errorf("more done: %+v", s)
	}
}

func TestQuantile(t *testing.T) {
	figures := []weighed{{30, 5}, {10, 90}, {20, 5}}
	for q, want := range map[float64]float64{0.5: 10, 0.9: 10, 0.91: 20, 0.95: 20, 0.96: 30, 1: 30} {
		if got := quantile(figures, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

// TestSample adds a day of invocations: those kept stand for all of them, each kind is there, and the busiest are.
func TestSample(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 3).Draw(t, "size")
		s := newSample(size, rapid.Uint64().Draw(t, "seed"))
		kinds := map[kind]int{}
		busiest := map[string]int64{}
		seen := map[string]float64{}
		for n := range rapid.IntRange(1, 200).Draw(t, "invocations") {
			handler := rapid.SampledFrom([]string{ingest, preprocess}).Draw(t, "handler")
			work := rapid.Int64Range(0, 300).Draw(t, "work")
			i := &play.Invocation{
				Tick: time.Unix(int64(n), 0), Handler: handler, Stream: rapid.SampledFrom([]string{"events", "leads"}).Draw(t, "stream"),
				Result: lambdahost.Result{Payload: fmt.Appendf(nil, `{"requests":%d,"rows":%d}`, work, work)},
			}
			kinds[kindOf(i)]++
			busiest[handler] = max(busiest[handler], work)
			seen[handler]++
			if err := s.add(i); err != nil {
				t.Fatal(err)
			}
		}
		stands := map[string]float64{}
		most := map[string]int64{}
		kept := map[kind]int{}
		for _, i := range s.kept() {
			stands[i.Handler] += s.standsFor(i)
			most[i.Handler] = max(most[i.Handler], workOf(i.Handler, i.Result.Payload))
			kept[kindOf(i)]++
		}
		for handler, n := range seen {
			if off := stands[handler] - n; off > 1e-6 || off < -1e-6 {
				t.Errorf("%s: those kept stand for %v of %v", handler, stands[handler], n)
			}
			if most[handler] != busiest[handler] {
				t.Errorf("%s: the busiest kept has %d, of %d", handler, most[handler], busiest[handler])
			}
		}
		for k, n := range kinds {
			if kept[k] == 0 || kept[k] > size+1 {
				t.Errorf("%d of %d kept of the kind %+v", kept[k], n, k)
			}
		}
	})
}

// TestEqualChance draws one of eight invocations of a kind many times; the busiest is kept anyway.
func TestEqualChance(t *testing.T) {
	const draws = 4000
	drawn := map[int64]int{}
	for seed := range uint64(draws) {
		s := newSample(1, seed)
		for n, work := range []int64{63, 16, 17, 18, 19, 20, 21, 22, 23} {
			i := &play.Invocation{Tick: time.Unix(int64(n), 0), Handler: ingest, Result: lambdahost.Result{Payload: fmt.Appendf(nil, `{"requests":%d}`, work)}}
			if err := s.add(i); err != nil {
				t.Fatal(err)
			}
		}
		for _, i := range s.kept() {
			drawn[workOf(ingest, i.Result.Payload)]++
		}
	}
	for work := int64(16); work <= 23; work++ {
		if got := drawn[work]; got < draws/8*4/5 || got > draws/8*6/5 {
			t.Errorf("one of eight is drawn %d times in %d", got, draws)
		}
	}
	if drawn[63] != draws {
		t.Errorf("the busiest is kept %d times in %d", drawn[63], draws)
	}
}

func TestKinds(t *testing.T) {
	of := func(handler string, work int64) int {
		return kindOf(&play.Invocation{Handler: handler, Result: lambdahost.Result{Payload: fmt.Appendf(nil, `{"requests":%d,"rows":%d}`, work, work)}}).magnitude
	}
	for work, want := range map[int64]int{0: 0, 1: 1, 3: 1, 4: 2, 15: 2, 16: 3, 64: 4} {
		if got := of(ingest, work); got != want {
			t.Errorf("%d requests: magnitude %d, want %d", work, got, want)
		}
	}
	for work, want := range map[int64]int{0: 0, 15: 1, 16: 2, 255: 2, 256: 3} {
		if got := of(preprocess, work); got != want {
			t.Errorf("%d rows: magnitude %d, want %d", work, got, want)
		}
	}
}

func TestAsDeployed(t *testing.T) {
	v := on24.Vendor("1")
	v.Format, v.RequestTimeout = vendorapi.FormatVersion, vendorapi.Duration(time.Second)
	content, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	f := assembly.Function{Dir: t.TempDir(), Timeout: 3 * time.Second, Environment: map[string]string{settings.EnvSafetyMargin: "1.2s"}}
	path := filepath.Join(f.Dir, settings.VendorFile)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := asDeployed(&f); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{settings.EnvSafetyMargin: "30s", settings.EnvPartBytes: "8388608"}
	if diff := cmp.Diff(want, f.Environment); diff != "" || f.Timeout != 15*time.Minute {
		t.Errorf("timeout %v, environment (-want +got):\n%s", f.Timeout, diff)
	}
	if content, err = os.ReadFile(path); err != nil || strings.Contains(string(content), "requestTimeout") {
		t.Errorf("the description keeps the short timeout: %v", err)
	}
	other := assembly.Function{Dir: t.TempDir(), Timeout: time.Second}
	if err := asDeployed(&other); err != nil || other.Timeout != time.Second {
		t.Errorf("a function that is none of Windrow's: %v, %v", other.Timeout, err)
	}
}

// TestARefusedDay is one of an app that does not synthesize.
func TestARefusedDay(t *testing.T) {
	o := Options{Play: play.Options{App: "exit 3", Out: t.TempDir(), From: time.Unix(0, 0), Until: time.Unix(3600, 0), Screen: play.NewScreen(&bytes.Buffer{}, false)}, MemoryMBs: []int{128}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if report, _, err := Run(ctx, o); err == nil || report != nil {
		t.Errorf("report %v, error %v", report, err)
	}
}
