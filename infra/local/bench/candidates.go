package bench

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/windrow-data/windrow/infra/local/toolcache"
)

// candidateFiles are the programs in candidates/, and scan.go, which the scanner by hand is made of there too.
//
//go:embed candidates scan.go
var candidateFiles embed.FS

// candidateKinds are the pieces of work that there are candidates for; a candidate's name begins with its kind. With them go the files
// that each of the kind needs beside main.go.
var candidateKinds = map[string][]string{"json": nil, "compress": {"compressor.go"}, "parquet": {"columns.go"}}

const (
	candidateRecords = 20_000
	candidateRounds  = 5
	// baseline is a program without any candidate, whose size is that of what all have.
	baseline = "baseline"
)

// candidates compares what the handlers are made of with what else they could be made of.
func (b *bench) candidates(ctx context.Context) error {
	dir, names, err := buildCandidates(ctx, b.options.Cache)
	if err != nil {
		return err
	}
	input := filepath.Join(b.rig.dir, "records.ndjson")
	lines := b.held(candidateRecords, 1).append([]byte{'['}, 0, candidateRecords)
	lines = append(lines, ']')
	spans, _ := findRecords(nil, lines, 0)
	if err := os.WriteFile(input, inLines(lines, spans), 0o644); err != nil {
		return err
	}
	type result struct{ CPU, Bytes, Out int64 }
	took, last, failed := map[string][]float64{}, map[string]result{}, map[string]string{}
	for range candidateRounds {
		for _, name := range names {
			if failed[name] != "" {
				continue
			}
			var stderr bytes.Buffer
			command := exec.CommandContext(ctx, filepath.Join(dir, name), input)
			command.Stderr = &stderr
			output, err := command.Output()
			if ctx.Err() != nil {
				return ctx.Err()
			}
			var r result
			if err == nil {
				err = json.Unmarshal(output, &r)
			}
			if err != nil {
				// A library may not work on this processor, or with this version of Go.
				failed[name] = fmt.Sprintf("%v %.200s", err, bytes.TrimSpace(stderr.Bytes()))
				continue
			}
			took[name] = append(took[name], float64(r.CPU)/1e6/(float64(r.Bytes)/1e6))
			last[name] = r
		}
	}
	least, err := os.Stat(filepath.Join(dir, baseline))
	if err != nil {
		return err
	}
	for _, name := range names {
		if reason := failed[name]; reason != "" {
			b.told("  " + name + ": does not work here: " + reason)
			continue
		}
		note := "of records as lines: each member of a record seen (json), lines compressed page by page (compress), their columns written with zstd (parquet)"
		b.add(Figure{Name: name, Value: median(took[name]), Unit: "ms a MB", Samples: took[name], Note: note})
		if !strings.HasPrefix(name, "json") {
			b.add(Figure{Name: name + ", what comes out", Value: float64(last[name].Out) / float64(last[name].Bytes), Unit: "of what went in"})
		}
		binary, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		b.add(Figure{Name: name + ", adds to a binary", Value: float64(binary.Size()-least.Size()) / 1e6, Unit: "MB"})
	}
	return nil
}

// buildCandidates returns the folder of the programs and their names, and builds them first where the cache has none.
func buildCandidates(ctx context.Context, cache toolcache.Cache) (dir string, names []string, err error) {
	files, err := sourcesOfCandidates()
	if err != nil {
		return "", nil, err
	}
	for file := range files {
		kind, _, _ := strings.Cut(file, "-")
		if _, known := candidateKinds[kind]; known {
			names = append(names, strings.TrimSuffix(file, ".go"))
		}
	}
	slices.Sort(names)
	dir, err = cache.Ensure(ctx, toolcache.Tool{
		Name:   "candidates",
		Notice: "building the candidates: some minutes and 200 MB of downloads, once",
		Files:  files,
		Make: func(ctx context.Context, dir string) error {
			for _, name := range append([]string{baseline}, names...) {
				if err := buildCandidate(ctx, dir, name); err != nil {
					return err
				}
			}
			return nil
		},
	})
	return dir, names, err
}

// sourcesOfCandidates are the files to build from.
func sourcesOfCandidates() (map[string][]byte, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(candidateFiles, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := candidateFiles.ReadFile(name)
		// A module file by its own name would make the folder a module of its own, and embed nothing of it.
		files[strings.TrimSuffix(path.Base(name), ".txt")] = content
		return err
	})
	files["scan.go"] = bytes.Replace(files["scan.go"], []byte("package bench"), []byte("package main"), 1)
	return files, err
}

// buildCandidate builds a program as handlers are built. Its files are named, since their constraint excludes them from packages.
func buildCandidate(ctx context.Context, dir, name string) error {
	arguments := []string{"build", "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o", name, "main.go"}
	if name != baseline {
		kind, _, _ := strings.Cut(name, "-")
		arguments = append(append(arguments, name+".go"), candidateKinds[kind]...)
	}
	if name == "json-hand" {
		arguments = append(arguments, "scan.go")
	}
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0")
	if name == "json-jsontext-std" {
		// https://go.dev/blog/jsonv2-exp
		command.Env = append(command.Env, "GOEXPERIMENT=jsonv2")
	}
	command.WaitDelay = time.Second
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("go build of the candidate %s: %w\n%s", name, err, bytes.TrimSpace(output))
	}
	return nil
}
