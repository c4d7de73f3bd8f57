package bench

import (
	"archive/zip"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/windrow-data/windrow/constructs/gobuild"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/on24"
)

const mostColdMs = 25

// mostZipMB are the sizes of what is uploaded, in MB of 1,000,000 bytes.
var mostZipMB = map[string]float64{handlerIngest: 4, handlerPreprocess: 7.5}

// defaultArch is the architecture that the construct builds for by default.
const defaultArch = "arm64"

// start is what it took from the start of a process to its first request to S3.
type start struct{ cpu, wall time.Duration }

// coldStart starts each handler again and again and takes the time until its first request arrives at S3: by then the process
// has read its environment and its description, has made the SDK's clients, has taken its first event and, where it is ingest, has read
// the vendor's secret. To poll for the event would be an earlier end, but nobody has anything of that.
func (b *bench) coldStart(ctx context.Context) (err error) {
	empty, err := serveVendor(b.held(0, 1), 0)
	if err != nil {
		return err
	}
	defer empty.Close()
	handlers := []string{handlerIngest, handlerPreprocess}
	jobs := map[string]job{}
	for _, handler := range handlers {
		j := job{handler: handler, genesis: firstDay, stream: stream}
		if j.asset, err = b.rig.asset(handler, empty.description()); err != nil {
			return err
		}
		if j.raw, err = b.rig.bucket(ctx); err != nil {
			return err
		}
		j.curated = j.raw
		jobs[handler] = j
	}
	starts := 100
	if b.options.Quick {
		starts = 40
	}
	cpu, wall := map[string][]float64{}, map[string][]float64{}
	for range starts {
		for _, handler := range handlers {
			s, err := b.rig.start(ctx, jobs[handler], firstDay.Add(time.Hour))
			if err != nil {
				return err
			}
			cpu[handler] = append(cpu[handler], milliseconds(s.cpu))
			wall[handler] = append(wall[handler], milliseconds(s.wall))
		}
	}
	for _, handler := range handlers {
		b.add(Figure{Name: handler + ", start to first request, CPU", Value: median(cpu[handler]), Unit: "ms", Bound: atMost(mostColdMs), Samples: cpu[handler],
			Note: "to the first request at S3, with the SDK's clients made and the event taken"})
		b.add(Figure{Name: handler + ", start to first request, clock", Value: median(wall[handler]), Unit: "ms", Samples: wall[handler],
			Note: "not judged: with other programs on the machine's cores the clock runs for them too"})
	}
	return b.sizes()
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// start starts a function and invokes it once.
func (r *rig) start(ctx context.Context, j job, now time.Time) (first start, err error) {
	s, err := r.host(j)
	if err != nil {
		return first, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var once sync.Once
	var fault error
	begun := time.Now()
	seen := func(*http.Request) {
		once.Do(func() {
			first.wall = time.Since(begun)
			s.mu.Lock()
			defer s.mu.Unlock()
			first.cpu, fault = cpuReader(s.pid)
		})
	}
	r.store.seen.Store(&seen)
	defer r.store.seen.Store(nil)
	err = s.invoke(ctx, now)
	if first.wall == 0 && err == nil {
		err = errors.New("the function has asked S3 for nothing")
	}
	return first, errors.Join(err, fault)
}

// sizes are those of what is deployed, for both architectures. Only what the construct builds by default is judged: for amd64 the same
// code takes a tenth more.
func (b *bench) sizes() error {
	described := on24.Vendor(clientID)
	described.Format = vendorapi.FormatVersion
	description, err := json.MarshalIndent(described, "", "  ")
	if err != nil {
		return err
	}
	for _, handler := range []string{handlerIngest, handlerPreprocess} {
		for _, arch := range []string{defaultArch, "amd64"} {
			dir := filepath.Join(b.rig.dir, "assets", handler+"-"+arch)
			if _, err := b.rig.builder.Folder(dir, mains[handler], arch, map[string][]byte{settings.VendorFile: description}); err != nil {
				return err
			}
			binary, err := os.Stat(filepath.Join(dir, gobuild.Bootstrap))
			if err != nil {
				return err
			}
			zipped, err := zippedSize(dir)
			if err != nil {
				return err
			}
			size := Figure{Name: fmt.Sprintf("%s, zip for %s", handler, arch), Value: float64(zipped) / 1e6, Unit: "MB",
				Note: "of 1,000,000 bytes, the bootstrap and the description of ON24"}
			if arch == defaultArch {
				size.Bound = atMost(mostZipMB[handler])
			}
			b.add(size)
			b.add(Figure{Name: fmt.Sprintf("%s, binary for %s", handler, arch), Value: float64(binary.Size()) / 1e6, Unit: "MB"})
		}
	}
	return nil
}

// zippedSize is the size of a folder's files as a zip, compressed as the CDK command line does it: as well as deflate can
// (https://github.com/aws/aws-cdk/blob/v2.100.0/packages/cdk-assets/lib/private/archive.ts).
func zippedSize(dir string) (size int64, err error) {
	counted := &byteCounter{}
	archive := zip.NewWriter(counted)
	archive.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestCompression)
	})
	if err := archive.AddFS(os.DirFS(dir)); err != nil {
		return 0, err
	}
	if err := archive.Close(); err != nil {
		return 0, err
	}
	return counted.bytes, nil
}

type byteCounter struct{ bytes int64 }

func (c *byteCounter) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return len(p), nil
}
