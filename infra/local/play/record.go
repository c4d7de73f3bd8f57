package play

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/windrow-data/windrow/infra/local/lambdahost"
)

// Invocation is one invocation of a function in a day that is recorded, with what it takes to invoke the function again as it was
// then: until it is forgotten, the objects of its stream from before it are kept.
type Invocation struct {
	// Tick is the time that the run stands for.
	Tick time.Time
	// Function is the function's name, Handler its kind: ingest or preprocess.
	Function, Handler, Vendor, Stream string
	// Warm says that the run had invoked the function before, so that Lambda would have a process ready for it. From one tick to the
	// next it keeps none for certain, so that the first one in a run is taken for a cold start.
	Warm    bool
	Payload json.RawMessage
	Result  lambdahost.Result

	pipeline *playing
	before   *snapshot
}

// Forget gives up what was kept to invoke the function again, if anything was.
func (i *Invocation) Forget() error {
	if i.before == nil {
		return nil
	}
	return os.RemoveAll(i.before.dir)
}

// record invokes a function and tells the recorder of it. One after another, since what a stream holds must stand still while
// it is kept, and since each is to have the machine to itself.
func (d *day) record(ctx context.Context, p *playing, at time.Time, function string, payload json.RawMessage) (lambdahost.Result, error) {
	d.recording.Lock()
	defer d.recording.Unlock()
	stream, handler := p.handlerOf(function)
	if stream == "" {
		return d.services.functions.Invoke(ctx, function, payload)
	}
	before, err := d.keep(p, stream)
	if err != nil {
		return lambdahost.Result{}, fmt.Errorf("keep the objects of the stream %s: %w", stream, err)
	}
	result, err := d.services.functions.Invoke(ctx, function, payload)
	if err != nil {
		return result, err
	}
	warm := d.invoked[function].Equal(at)
	d.invoked[function] = at
	return result, d.options.Record(&Invocation{
		Tick: at, Function: lastPart(function), Handler: handler, Vendor: p.vendor.Name, Stream: stream,
		Warm: warm, Payload: payload, Result: result,
		pipeline: p, before: before,
	})
}

// snapshot is what the buckets held of a stream, and of those that it has its parents from.
type snapshot struct {
	// dir has a copy of each folder.
	dir     string
	folders []streamFolder
}

// streamFolder is a folder that the S3 server keeps of a stream.
type streamFolder struct {
	path string
	// place makes a file of a copy. Objects are never changed in place, only replaced, so that they are linked, which keeps their
	// attributes too; files of attributes are written over.
	place func(from, to string) error
}

func (d *day) streamFolders(p *playing, name string) ([]streamFolder, error) {
	var all []streamFolder
	for name != "" {
		for _, bucket := range []string{p.rawBucket, p.curatedBucket} {
			prefix := filepath.Join(bucket, p.vendor.Name, name)
			all = append(all,
				streamFolder{filepath.Join(d.out.lake, prefix), os.Link},
				streamFolder{filepath.Join(d.out.attributes, prefix), copyFile})
		}
		stream, err := p.vendor.Stream(name)
		if err != nil {
			return nil, err
		}
		name = ""
		if stream.Parent != nil {
			name = stream.Parent.Stream
		}
	}
	return all, nil
}

func (d *day) keep(p *playing, stream string) (*snapshot, error) {
	folders, err := d.streamFolders(p, stream)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(d.out.temp, "before-")
	if err != nil {
		return nil, err
	}
	kept := &snapshot{dir: dir, folders: folders}
	var faults []error
	for i, folder := range kept.folders {
		faults = append(faults, copyTree(folder.path, kept.copyOf(i), folder.place))
	}
	return kept, errors.Join(faults...)
}

func (s *snapshot) copyOf(i int) string { return filepath.Join(s.dir, fmt.Sprint(i)) }

// restore has the buckets hold of the stream what they held.
func (s *snapshot) restore() error {
	var faults []error
	for i, folder := range s.folders {
		faults = append(faults, os.RemoveAll(folder.path), copyTree(s.copyOf(i), folder.path, folder.place))
	}
	return errors.Join(faults...)
}

// copyTree makes to a copy of the folder from, file by file; of one that is not there it makes none.
func copyTree(from, to string, place func(from, to string) error) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if path == from && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		return place(path, target)
	})
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}
