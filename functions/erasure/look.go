package erasure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"slices"

	"github.com/windrow-data/windrow/functions/forgotten"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/rawzone"
)

// look goes through every version of every part of the streams, from where the position says, and has those replaced that hold the person
// and are named by a commit. With deleting it deletes those that none names. It reports whether it came to the end.
func (e *erasing) look(ctx context.Context, deleting bool) (done bool, err error) {
	for ; e.at.Stream < len(e.streams); e.at = (position{Step: e.at.Step, Stream: e.at.Stream + 1}) {
		s := e.streams[e.at.Stream]
		if e.at.After == "" && s.Parent != nil {
			if done, err := e.parents(ctx, s, deleting); err != nil || !done {
				e.goOn(Again, e.at)
				return false, err
			}
		}
		for window, err := range windows(ctx, e.Raw, s.zone.PartsPrefix(), e.at.After) {
			if err != nil {
				return false, err
			}
			if !e.timeLeft(ctx) {
				e.goOn(Again, e.at)
				return false, nil
			}
			if err := e.window(ctx, s, window, deleting); err != nil {
				return false, fmt.Errorf("stream %s: %w", s.Name, err)
			}
			e.at.After, e.worked = window[len(window)-1].Key, true
		}
	}
	return true, nil
}

// windows yields what is listed below a prefix, a window's parts at a time.
func windows(ctx context.Context, bucket objectstore.Bucket, prefix, after string) iter.Seq2[[]objectstore.Version, error] {
	return func(yield func([]objectstore.Version, error) bool) {
		var window []objectstore.Version
		for version, err := range bucket.Versions(ctx, prefix, after) {
			if err != nil {
				yield(nil, err)
				return
			}
			if len(window) > 0 && path.Dir(window[0].Key) != path.Dir(version.Key) {
				if !yield(window, nil) {
					return
				}
				window = nil
			}
			window = append(window, version)
		}
		if len(window) > 0 {
			yield(window, nil)
		}
	}
}

// window takes the person out of the parts of one window.
func (e *erasing) window(ctx context.Context, s stream, versions []objectstore.Version, deleting bool) error {
	found := map[string]held{}
	for _, v := range versions {
		if v.Marker {
			continue
		}
		h, err := e.scan(ctx, s, v)
		if err != nil {
			return err
		}
		if h != (held{}) {
			found[v.Key] = h
		}
	}
	if len(found) == 0 {
		return nil
	}
	if err := e.note(ctx, s, found); err != nil {
		return err
	}
	start, ok := s.zone.PartStart(versions[0].Key)
	if ok {
		if err := e.replace(ctx, s, s.zone.Ref(start, ""), found); err != nil {
			return err
		}
	}
	if !deleting {
		return nil
	}
	for _, v := range versions {
		if _, holds := found[v.Key]; !holds {
			continue
		}
		if err := e.Raw.DeleteVersion(ctx, v); err != nil {
			return err
		}
		e.deleted++
	}
	return nil
}

// scan counts what a version of a part holds of the person.
func (e *erasing) scan(ctx context.Context, s stream, v objectstore.Version) (h held, err error) {
	records, err := s.zone.OpenVersion(ctx, v)
	if errors.Is(err, objectstore.ErrNotFound) {
		// It has been swept since it was listed.
		return held{}, nil
	}
	if err != nil {
		return held{}, err
	}
	e.scanned++
	err = rawzone.EachRecord(records, func(record []byte) error {
		e.bytes += int64(len(record))
		switch _, verdict := s.filter.Apply(record); verdict {
		case forgotten.Withheld:
			h.Records++
		case forgotten.Emptied:
			h.Emptied++
		}
		return nil
	})
	if err != nil {
		return held{}, fmt.Errorf("part %s: %w", v.Key, err)
	}
	return h, nil
}

// replaceTries bounds how often a commit is put that runs replace at the same time.
const replaceTries = 10

// replace puts the next generation of a window's commit, where that names parts that hold the person.
func (e *erasing) replace(ctx context.Context, s stream, ref rawzone.CommitRef, found map[string]held) error {
	for range replaceTries {
		commit, etag, err := s.zone.Commit(ctx, ref)
		if errors.Is(err, objectstore.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		holds := func(p rawzone.Part) bool { _, ok := found[p.Key]; return ok }
		if !slices.ContainsFunc(commit.Parts, holds) {
			return nil
		}
		parts := slices.Clone(commit.Parts)
		for i := range parts {
			if !holds(parts[i]) {
				continue
			}
			if err := e.rewrite(ctx, s, commit, &parts[i]); err != nil {
				return err
			}
		}
		commit.Parts = parts
		switch _, err = s.zone.Put(ctx, e.next(commit), etag); {
		case err == nil:
			e.rewritten++
			return nil
		case !errors.Is(err, rawzone.ErrLost):
			return err
		}
	}
	return fmt.Errorf("commit %s could not be replaced: other runs replaced it each time", ref.Key)
}

// rewrite stores a part of a commit without the person, in whose counts the commit follows.
func (e *erasing) rewrite(ctx context.Context, s stream, commit *rawzone.Commit, part *rawzone.Part) error {
	e.names++
	name := fmt.Sprintf("%se%d", e.Run, e.names)
	rewritten, err := s.zone.Rewrite(ctx, *part, name, e.version, func(record []byte) []byte {
		kept, _ := s.filter.Apply(record)
		return kept
	})
	if err != nil {
		return err
	}
	gone := rewritten.Withheld - part.Withheld
	commit.Records -= gone
	if part.FirstPage > commit.Pages {
		// What was carried over from an earlier reading is none of what the vendor announced.
		commit.Carried -= gone
		rewritten.Withheld = part.Withheld
	} else {
		commit.Withheld += gone
	}
	*part = rewritten
	return nil
}

// next makes a commit the one that takes its place. When its records were read, and when they came into the lake, stays.
func (e *erasing) next(commit *rawzone.Commit) *rawzone.Commit {
	commit.Generation++
	commit.Forgotten = e.version
	commit.Run = e.Run
	return commit
}

// parents takes the person out of what a child stream remembers of its parents: the roster, and the commits, which name the parent and how
// the vendor was asked for it. It reports whether it came to the end; the next call begins anew.
func (e *erasing) parents(ctx context.Context, s stream, deleting bool) (done bool, err error) {
	if err := e.roster(ctx, s, deleting); err != nil {
		return false, err
	}
	for v, err := range e.Raw.Versions(ctx, s.zone.CommitsPrefix(), "") {
		if err != nil {
			return false, err
		}
		if !e.timeLeft(ctx) {
			return false, nil
		}
		start, ok := s.zone.CommitStart(v.Key)
		if !ok || v.Marker {
			continue
		}
		holds, err := e.holds(ctx, s, v)
		if err != nil {
			return false, err
		}
		switch {
		case !holds:
		case v.Current:
			if err := e.forgetParent(ctx, s, s.zone.Ref(start, "")); err != nil {
				return false, err
			}
		case deleting:
			if err := e.Raw.DeleteVersion(ctx, v); err != nil {
				return false, err
			}
			e.deleted++
		}
	}
	return true, nil
}

// holds reports whether a version of an object has the person's address in its text.
func (e *erasing) holds(ctx context.Context, s stream, v objectstore.Version) (bool, error) {
	_, body, err := e.Raw.OpenVersion(ctx, v)
	if errors.Is(err, objectstore.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(body); err != nil {
		return false, err
	}
	_, verdict := s.filter.Apply(text.Bytes())
	return verdict != forgotten.Unchanged, nil
}

// forgetParent puts the next generation of a commit, without what it says of its parent.
func (e *erasing) forgetParent(ctx context.Context, s stream, ref rawzone.CommitRef) error {
	for range replaceTries {
		commit, etag, err := s.zone.Commit(ctx, ref)
		if errors.Is(err, objectstore.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, verdict := s.filter.Apply(commit.Parent); verdict != forgotten.Unchanged {
			// No request can be made for it any more.
			commit.Parent = []byte("null")
		}
		commit.Request = s.filter.Clean(commit.Request)
		if _, err = s.zone.Put(ctx, e.next(commit), etag); !errors.Is(err, rawzone.ErrLost) {
			return err
		}
	}
	return fmt.Errorf("commit %s could not be replaced: other runs replaced it each time", ref.Key)
}

// roster takes parents off the roster that have the person in what the requests take of them.
func (e *erasing) roster(ctx context.Context, s stream, deleting bool) error {
	for range replaceTries {
		roster, err := s.zone.Roster(ctx)
		if err != nil {
			return err
		}
		before := len(roster.Parents)
		roster.Parents = slices.DeleteFunc(roster.Parents, func(p rawzone.Rostered) bool {
			_, verdict := s.filter.Apply(p.Record)
			return verdict != forgotten.Unchanged
		})
		if len(roster.Parents) == before {
			break
		}
		if stored, err := s.zone.PutRoster(ctx, &roster); err != nil {
			return err
		} else if stored {
			break
		}
	}
	if !deleting {
		return nil
	}
	for v, err := range e.Raw.Versions(ctx, s.zone.RosterKey(), "") {
		if err != nil {
			return err
		}
		if v.Current || v.Marker {
			continue
		}
		holds, err := e.holds(ctx, s, v)
		if err != nil {
			return err
		}
		if !holds {
			continue
		}
		if err := e.Raw.DeleteVersion(ctx, v); err != nil {
			return err
		}
		e.deleted++
	}
	return nil
}
