package erasure

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/preprocess"
	"github.com/windrow-data/windrow/functions/rawzone"
)

// finish sees that preprocess has made the curated objects anew, and deletes what is left of the old: noncurrent versions in the curated
// bucket, where that is versioned, and all results of queries, since nobody knows what was asked.
func (e *erasing) finish(ctx context.Context) error {
	for _, s := range e.streams {
		missing, err := e.notRemade(ctx, s)
		if err != nil {
			return err
		}
		switch {
		case missing == "":
		case e.at.Round >= maxRounds:
			return fmt.Errorf("stream %s, window %s: %w, though preprocess was called %d times; its log says why", s.Name, missing, ErrNotRemade, e.at.Round)
		default:
			e.Logger.Warn("a window is not made again yet", "stream", s.Name, "start", missing, "round", e.at.Round)
			e.goOn(Wait, position{Step: stepRemake, Round: e.at.Round})
			return nil
		}
	}
	for _, s := range e.streams {
		if err := e.purgeCompacted(ctx, s); err != nil {
			return err
		}
		if err := e.purgeCurated(ctx, s); err != nil {
			return err
		}
	}
	if e.Results.Name != "" {
		n, err := e.purge(ctx, e.Results, "", func(objectstore.Version) bool { return true })
		if err != nil {
			return err
		}
		e.record.QueryResults += n
	}
	e.record.Finished = e.Clock().UTC()
	if err := e.count(ctx, true); err != nil {
		return err
	}
	e.goOn(Done, position{Step: stepFinish, Round: e.at.Round})
	return nil
}

// notRemade returns the first window of a stream that held the person and whose curated objects are not all made of its commit, empty
// where there is none.
func (e *erasing) notRemade(ctx context.Context, s stream) (string, error) {
	names := e.curatedNames(s)
	for _, start := range e.record.starts(e.Vendor.Name, s.Name) {
		name := rawzone.FormatTime(start)
		commit, etag, err := s.zone.Commit(ctx, s.zone.Ref(start, ""))
		if errors.Is(err, objectstore.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", err
		}
		made, err := e.isRemade(ctx, names, start, name, etag, commit)
		if err != nil || !made {
			return name, err
		}
	}
	return e.notCompacted(ctx, s)
}

func (e *erasing) isRemade(ctx context.Context, names curated.Names, start time.Time, name, etag string, commit *rawzone.Commit) (bool, error) {
	for _, prefix := range []string{names.ObjectsOf(start, name), names.QuarantineOf(name)} {
		for object, err := range e.Curated.List(ctx, prefix, "") {
			if err != nil {
				return false, err
			}
			head, err := e.Curated.Head(ctx, object.Key)
			if errors.Is(err, objectstore.ErrNotFound) {
				continue
			}
			if err != nil || head.Metadata[preprocess.MetaCommit] != etag {
				return false, err
			}
		}
	}
	if commit.Generation == 1 && commit.Records == 0 {
		return true, nil
	}
	for _, err := range e.Curated.List(ctx, names.Receipts()+name+"_"+etag+"_", "") {
		return err == nil, err
	}
	return false, nil
}

// purgeCurated deletes what is not current of a stream's curated objects, and the notes of undeclared fields whose names are the address.
func (e *erasing) purgeCurated(ctx context.Context, s stream) error {
	names := e.curatedNames(s)
	if _, err := e.purge(ctx, e.Curated, e.Vendor.Name+"/"+s.Name+"/", func(v objectstore.Version) bool {
		if !v.Current || v.Marker {
			return true
		}
		escaped, found := strings.CutPrefix(v.Key, names.Undeclared())
		field, err := url.QueryUnescape(escaped)
		return found && err == nil && s.filter.Matches(field)
	}); err != nil {
		return err
	}
	return nil
}

// purge deletes the versions of objects below a prefix that are to go, and returns how many.
func (e *erasing) purge(ctx context.Context, bucket objectstore.Bucket, prefix string, goes func(objectstore.Version) bool) (n int, err error) {
	for v, err := range bucket.Versions(ctx, prefix, "") {
		if err != nil {
			return n, err
		}
		if !goes(v) {
			continue
		}
		if err := bucket.DeleteVersion(ctx, v); err != nil {
			return n, err
		}
		e.deleted++
		n++
	}
	return n, nil
}
