package play

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/lambdahost"
)

// TestARecordedDay plays some hours and then makes their invocations again, in any order, each as it was.
func TestARecordedDay(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the functions")
	}
	if lambdahost.CPUReader() == nil {
		t.Skip("no share of a processor on this system")
	}
	dir := t.TempDir()
	writeAssembly(t, dir, shop("acme"))
	var said bytes.Buffer
	o := optionsFor(t, app(dir), &said)
	o.From = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	o.Until, o.Attendees, o.Calm = o.From.Add(3*time.Hour), 2000, true
	adjusted := 0
	o.Adjust = func(f *assembly.Function) error {
		adjusted++
		f.Environment["GOMEMLIMIT"] = "36MiB"
		return nil
	}
	var recorded []*Invocation
	o.Record = func(i *Invocation) error {
		recorded = append(recorded, i)
		return nil
	}
	played := false
	o.Encore = func(ctx context.Context, stage *Stage) error {
		played = true
		if stage.Summary.Runs != 3 || len(stage.Summary.Faults) > 0 {
			t.Errorf("summary %+v, want 3 runs and no faults", stage.Summary)
		}
		stage.Slow(40*time.Millisecond, 10*time.Millisecond)
		for n := len(recorded) - 1; n >= 0; n-- {
			replayTwice(ctx, t, stage, recorded[n])
		}
		stage.Slow(0, 0)
		warm := *recorded[0]
		warm.Warm = true
		if result, err := stage.Replay(ctx, &warm, 1024); err != nil || result.Failed || result.Cold {
			t.Errorf("where a process was ready: %+v, %v", result, err)
		}
		for _, i := range recorded {
			if err := i.Forget(); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if !played || adjusted != 2 || len(recorded) != 6 {
		t.Fatalf("encore %t, %d functions adjusted, %d invocations recorded\n%s", played, adjusted, len(recorded), said.String())
	}
	if left, err := filepath.Glob(filepath.Join(o.Out, "tmp", "before-*")); err != nil || len(left) > 0 {
		t.Errorf("what was forgotten is still there: %v, %v", left, err)
	}
}

// replayTwice makes an invocation again at two sizes, and wants the same answer.
func replayTwice(ctx context.Context, t *testing.T, stage *Stage, i *Invocation) {
	t.Helper()
	what := stamp(i.Tick) + " " + i.Handler
	for _, memoryMB := range []int{128, 1024} {
		result, err := stage.Replay(ctx, i, memoryMB)
		if err != nil || result.Failed || !result.Cold {
			t.Errorf("%s at %d MB: %s, %v", what, memoryMB, result.Payload, err)
			continue
		}
		want, got := told(t, i.Result.Payload), told(t, result.Payload)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s at %d MB (-recorded +again):\n%s", what, memoryMB, diff)
		}
		if least := time.Duration(got.Requests) * 40 * time.Millisecond; result.Billed < least {
			t.Errorf("%s at %d MB: %d requests in %v, want %v or more", what, memoryMB, got.Requests, result.Billed, least)
		}
		handled := result.Billed - result.Initialization
		if most := time.Duration(lambdahost.ShareOf(memoryMB)*1.1*float64(handled)) + 10*time.Millisecond; result.CPU > most {
			t.Errorf("%s at %d MB: %v of processor time in %v, want %v at most", what, memoryMB, result.CPU, handled, most)
		}
	}
}

// told is what an answer says that does not depend on how long it took.
func told(t *testing.T, payload []byte) (a answer) {
	t.Helper()
	if err := json.Unmarshal(payload, &a); err != nil {
		t.Fatalf("%v: %s", err, payload)
	}
	return a
}

func TestSized(t *testing.T) {
	stage := &Stage{day: &day{services: &services{hosted: []lambdahost.Function{
		{Name: "ingest", MemoryMB: 128, Environment: map[string]string{"GOMEMLIMIT": "36MiB", "WINDROW_STREAM": "orders"}},
		{Name: "plain", MemoryMB: 128},
	}}}}
	got, err := stage.sized("ingest", 512)
	want := lambdahost.Function{
		Name: "ingest", MemoryMB: 512, CPUShare: lambdahost.ShareOf(512), Environment: map[string]string{"GOMEMLIMIT": "144MiB", "WINDROW_STREAM": "orders"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
	if got, err := stage.sized("plain", 256); err != nil || len(got.Environment) > 0 {
		t.Errorf("a function without a limit gets %v, %v", got.Environment, err)
	}
	if _, err := stage.sized("nobody", 128); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("error %v", err)
	}
}

// TestSnapshot changes a stream as the S3 server and its handlers do, and takes it back.
func TestSnapshot(t *testing.T) {
	out := foldersIn(t.TempDir())
	raw := filepath.Join(out.lake, "raw", "acme", "orders")
	attributes := filepath.Join(out.attributes, "raw", "acme", "orders")
	put := func(path, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		// Objects are replaced, attributes written over.
		if strings.HasPrefix(path, out.lake) {
			os.Remove(path)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(out.temp, 0o755); err != nil {
		t.Fatal(err)
	}
	put(filepath.Join(raw, "commits", "1.json"), "first")
	put(filepath.Join(attributes, "commits", "1.json", "etag"), "one")
	d := &day{out: out}
	vendor := shop("acme")
	vendor.Streams = append(vendor.Streams, vendorapi.Stream{Name: "items", Parent: &vendorapi.Parent{Stream: "orders"}})
	p := &playing{pipeline: &pipeline{vendor: vendor, rawBucket: "raw", curatedBucket: "curated"}}
	// An invocation of the children needs the parents as they were too.
	kept, err := d.keep(p, "items")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.keep(p, "nothing"); err == nil {
		t.Error("a stream is kept that the vendor has not")
	}
	for range 2 {
		put(filepath.Join(out.lake, "raw", "acme", "items", "genesis.json"), "begun")
		put(filepath.Join(raw, "commits", "1.json"), "second generation")
		put(filepath.Join(raw, "commits", "2.json"), "next")
		put(filepath.Join(attributes, "commits", "1.json", "etag"), "two")
		put(filepath.Join(out.lake, "curated", "acme", "orders", "x.parquet"), "rows")
		if err := kept.restore(); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, root := range []string{out.lake, out.attributes} {
			if err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
				if err == nil && !entry.IsDir() {
					content, _ := os.ReadFile(path)
					relative, _ := filepath.Rel(out.root, path)
					got[relative] = string(content)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		want := map[string]string{"lake/raw/acme/orders/commits/1.json": "first", "attributes/raw/acme/orders/commits/1.json/etag": "one"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
