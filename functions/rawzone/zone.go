// Package rawzone keeps a stream's raw records and the log of what has been read, in S3 object names alone.
//
//	<vendor>/<stream>/genesis.json
//	<vendor>/<stream>/parts/<yyyy>/<mm>/<dd>/<start>/<stream>_a<attempt>-<run>_p<first>-<last>_<start>_<end>.ndjson.gz
//	<vendor>/<stream>/commits/<start>.json
//	<vendor>/<stream>/audit.json
//
// It stands apart because it is the protocol by which a killed run loses nothing and two runs at once cannot
// both count: every put is conditional, a commit is put under its start alone, and only the parts that a
// commit names are ever read. It knows nothing of vendors or of Parquet.
package rawzone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/windrow-data/windrow/functions/objectstore"
)

var (
	// ErrLost says that another run has committed the window, or replaced its commit, first. The loser's parts
	// are named by no commit.
	ErrLost = errors.New("another run has committed this window first")
	// ErrNewerFormat says that an object was written by a newer release. The handler stops, so that a
	// rollback is safe.
	ErrNewerFormat = errors.New("written by a newer release; deploy that release again, or a later one")
)

// LostError is an [ErrLost] that says when the winner's commit was put.
type LostError struct {
	Key string
	// Modified is by the bucket's clock.
	Modified time.Time
}

func (e *LostError) Error() string { return fmt.Sprintf("commit %s: %v", e.Key, ErrLost) }

// Unwrap makes the error an [ErrLost].
func (e *LostError) Unwrap() error { return ErrLost }

// Zone is one stream's part of the raw bucket.
type Zone struct {
	Bucket objectstore.Bucket
	Vendor string
	Stream string
}

// Genesis is where a stream's log begins. It is the body of genesis.json, put once and never changed.
type Genesis struct {
	Format    int       `json:"format"`
	Start     time.Time `json:"start"`
	Run       string    `json:"run"`
	WrittenAt time.Time `json:"writtenAt"`
}

const jsonType = "application/json"

// Genesis returns the stream's genesis. Where there is none it puts proposed; of two runs that do so at
// once, both return the one that was put first.
func (z Zone) Genesis(ctx context.Context, proposed Genesis) (Genesis, error) {
	genesis, err := z.readGenesis(ctx)
	if !errors.Is(err, objectstore.ErrNotFound) {
		return genesis, err
	}
	proposed.Format = plainVersion
	body, err := json.Marshal(proposed)
	if err != nil {
		return Genesis{}, err
	}
	_, err = z.Bucket.Put(ctx, z.genesisKey(), bytes.NewReader(body), jsonType, nil, objectstore.Absent())
	if errors.Is(err, objectstore.ErrTaken) {
		return z.readGenesis(ctx)
	}
	return proposed, err
}

func (z Zone) readGenesis(ctx context.Context) (Genesis, error) {
	var genesis Genesis
	_, body, err := z.Bucket.Get(ctx, z.genesisKey())
	if err != nil {
		return genesis, err
	}
	if err := decode(z.genesisKey(), body, &genesis, &genesis.Format); err != nil {
		return genesis, err
	}
	return genesis, nil
}

// CommitRef is what a listing says of a commit.
type CommitRef struct {
	Key string
	// Name is the start as it stands in names.
	Name  string
	Start time.Time
	ETag  string
}

// Commits lists the commits whose windows start at from or later, in the order of their starts. A zero from
// lists all.
func (z Zone) Commits(ctx context.Context, from time.Time) iter.Seq2[CommitRef, error] {
	return func(yield func(CommitRef, error) bool) {
		startAfter := ""
		if !from.IsZero() {
			// Without its extension a key comes right before the one with it, which is then listed too.
			startAfter = strings.TrimSuffix(z.commitKey(from), ".json")
		}
		for object, err := range z.Bucket.List(ctx, z.commitsPrefix(), startAfter) {
			if err != nil {
				yield(CommitRef{}, err)
				return
			}
			name, found := strings.CutSuffix(strings.TrimPrefix(object.Key, z.commitsPrefix()), ".json")
			if !found {
				continue
			}
			start, err := ParseTime(name)
			if err != nil {
				continue
			}
			if !yield(CommitRef{Key: object.Key, Name: name, Start: start, ETag: object.ETag}, nil) {
				return
			}
		}
	}
}

// Commit reads a commit and the ETag that it had when read, which is a later one than ref's where the commit
// has been replaced meanwhile.
func (z Zone) Commit(ctx context.Context, ref CommitRef) (*Commit, string, error) {
	object, body, err := z.Bucket.Get(ctx, ref.Key)
	if err != nil {
		return nil, "", err
	}
	var commit Commit
	if err := decode(ref.Key, body, &commit, &commit.Format); err != nil {
		return nil, "", err
	}
	if !commit.Start.Equal(ref.Start) || !commit.End.After(commit.Start) {
		return nil, "", fmt.Errorf("commit %s holds the window %s: want one that starts at %s and ends later",
			ref.Key, commit.Window(), ref.Name)
	}
	return &commit, object.ETag, nil
}

// Ref returns the reference of the commit that starts at start, for one whose ETag was learned elsewhere than
// from a listing.
func (z Zone) Ref(start time.Time, etag string) CommitRef {
	return CommitRef{Key: z.commitKey(start), Name: FormatTime(start), Start: start, ETag: etag}
}

// First returns the earliest commit's reference, and false where there is none. It costs one request.
func (z Zone) First(ctx context.Context) (CommitRef, bool, error) {
	for ref, err := range z.Commits(ctx, time.Time{}) {
		return ref, err == nil, err
	}
	return CommitRef{}, false, nil
}

// LongestWindow is taken to be more than any window's span: a listing of commits that begins that long before a time meets
// the window that holds it.
const LongestWindow = 35 * 24 * time.Hour

// newestWithin are the spans before now in which the newest commit is looked for, one after the other; it is
// nearly always in the first, so that the requests of a run do not grow with the log.
var newestWithin = []time.Duration{3 * 24 * time.Hour, 60 * 24 * time.Hour}

// Newest returns the newest commit and its ETag, or nil where the stream has none. Its end is the watermark.
func (z Zone) Newest(ctx context.Context, now time.Time) (*Commit, string, error) {
	for i := 0; i <= len(newestWithin); i++ {
		var from time.Time
		if i < len(newestWithin) {
			from = now.Add(-newestWithin[i]).Truncate(time.Second)
		}
		var newest CommitRef
		for ref, err := range z.Commits(ctx, from) {
			if err != nil {
				return nil, "", err
			}
			newest = ref
		}
		if newest.Key != "" {
			return z.Commit(ctx, newest)
		}
	}
	return nil, "", nil
}

// Put makes a commit count, and returns its ETag. It takes the place of the commit with the ETag replaces, or
// of none where that is empty. It fails with a [LostError] where another run has put a commit of the same start
// meanwhile.
func (z Zone) Put(ctx context.Context, commit *Commit, replaces string) (etag string, err error) {
	commit.Format = formatUnder(commit.Forgotten)
	body, err := json.Marshal(commit)
	if err != nil {
		return "", err
	}
	key := z.commitKey(commit.Start)
	etag, err = z.Bucket.Put(ctx, key, bytes.NewReader(body), jsonType, nil, objectstore.Seen(replaces))
	if !errors.Is(err, objectstore.ErrTaken) && !errors.Is(err, objectstore.ErrChanged) {
		return etag, err
	}
	// A put whose answer was lost is sent again, and then meets its own commit.
	object, there, err := z.Bucket.Get(ctx, key)
	switch {
	case err != nil:
		return "", err
	case bytes.Equal(there, body):
		return object.ETag, nil
	}
	return "", &LostError{Key: key, Modified: object.Modified}
}

// decode reads body into value, and refuses a format version above ours, which is read into format.
func decode(key string, body []byte, value any, format *int) error {
	fault := json.Unmarshal(body, value)
	if fault != nil {
		// A newer format may not be readable as ours.
		var version struct {
			Format int `json:"format"`
		}
		if json.Unmarshal(body, &version) == nil {
			*format = version.Format
		}
	}
	if err := checkFormat(key, *format); err != nil {
		return err
	}
	if fault != nil {
		return fmt.Errorf("object %s: %w", key, fault)
	}
	return nil
}

func checkFormat(key string, format int) error {
	if format > FormatVersion {
		return fmt.Errorf("object %s has format version %d, this release knows up to %d: %w", key, format, FormatVersion, ErrNewerFormat)
	}
	return nil
}
