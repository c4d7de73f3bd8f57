package rawzone

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/windrow-data/windrow/functions/objectstore"
)

// PartsPrefix is where the parts of the stream stand.
func (z Zone) PartsPrefix() string { return z.prefix() + "parts/" }

// CommitsPrefix is where its commits stand.
func (z Zone) CommitsPrefix() string { return z.commitsPrefix() }

// RosterKey is the key of its roster.
func (z Zone) RosterKey() string { return z.rosterKey() }

// PartStart returns the start of the window that the part under a key is of, and false where it is no part's key.
func (z Zone) PartStart(key string) (time.Time, bool) {
	name, ok := z.parsePartKey(key)
	return name.window.Start, ok
}

// CommitStart returns the start of the window that the commit under a key is of, and false where it is no commit's key.
func (z Zone) CommitStart(key string) (time.Time, bool) {
	name, found := strings.CutSuffix(strings.TrimPrefix(key, z.commitsPrefix()), ".json")
	start, err := ParseTime(name)
	return start, found && err == nil
}

// OpenVersion returns the records of a version of a part, one JSON record a line.
func (z Zone) OpenVersion(ctx context.Context, v objectstore.Version) (io.ReadCloser, error) {
	object, body, err := z.Bucket.OpenVersion(ctx, v)
	if err != nil {
		return nil, err
	}
	return records(object, body)
}

// EachRecord calls see with each line that there is in records, which it closes, until see fails. The line, which lasts until see
// returns, is without its newline.
func EachRecord(records io.ReadCloser, see func(record []byte) error) (err error) {
	defer func() { err = errors.Join(err, records.Close()) }()
	lines := bufio.NewReaderSize(records, openBufferBytes)
	var long []byte
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			long = append(long, line...)
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(long) > 0 {
			long = append(long, line...)
			line = long
		}
		if err := see(line[:len(line)-1]); err != nil {
			return err
		}
		long = long[:0]
	}
}

// Rewrite stores the records of a part once more, each as edit returns it or, where that is nil, not at all, in a part of the same
// attempt and pages whose name says run. What is left out is counted as withheld, by the version forgotten of the list of forgotten
// people.
func (z Zone) Rewrite(ctx context.Context, part Part, run string, forgotten int, edit func(record []byte) []byte) (Part, error) {
	object, body, err := z.Bucket.Open(ctx, part.Key)
	if err != nil {
		return Part{}, err
	}
	if object.ETag != part.ETag {
		body.Close()
		return Part{}, fmt.Errorf("part %s has the ETag %s: want %s, as its commit says", part.Key, object.ETag, part.ETag)
	}
	from, err := records(object, body)
	if err != nil {
		return Part{}, err
	}
	buffer := NewBuffer(part.Bytes)
	buffer.Reset()
	rewritten := part
	rewritten.Records = 0
	err = EachRecord(from, func(record []byte) error {
		kept := edit(record)
		if kept == nil {
			rewritten.Withheld++
			return nil
		}
		rewritten.Records++
		buffer.append(kept)
		return nil
	})
	if err != nil {
		return Part{}, fmt.Errorf("part %s: %w", part.Key, err)
	}
	buffer.compress()
	if err := buffer.gzip.Close(); err != nil {
		return Part{}, err
	}
	name, _ := z.parsePartKey(part.Key)
	name.run = run
	rewritten.Key, rewritten.Bytes = z.partKey(name), int64(len(buffer.compressed.bytes))
	metadata := maps.Clone(object.Metadata)
	metadata[metaFormat] = strconv.Itoa(formatUnder(forgotten))
	metadata[metaForgotten] = strconv.Itoa(forgotten)
	metadata[metaRecords] = strconv.FormatInt(rewritten.Records, 10)
	metadata[metaWithheld] = strconv.FormatInt(rewritten.Withheld, 10)
	rewritten.ETag, err = z.Bucket.Put(ctx, rewritten.Key, bytes.NewReader(buffer.compressed.bytes), partType, metadata, objectstore.Absent())
	if errors.Is(err, objectstore.ErrTaken) {
		// No two runs write one name, so it is this run's own put whose answer was lost.
		var own objectstore.Object
		own, err = z.Bucket.Head(ctx, rewritten.Key)
		if err == nil && (own.Size != rewritten.Bytes || !maps.Equal(own.Metadata, metadata)) {
			err = fmt.Errorf("part %s is there already and holds something else: want a run's name that no other run has", rewritten.Key)
		}
		rewritten.ETag = own.ETag
	}
	return rewritten, err
}

// records returns the records of a part's body.
func records(object objectstore.Object, body io.ReadCloser) (io.ReadCloser, error) {
	if err := checkFormat(object.Key, formatOf(object)); err != nil {
		body.Close()
		return nil, err
	}
	// Without a buffer of its own the decompressor would read, and the system be called, 4 KB at a time.
	reader, err := gzip.NewReader(bufio.NewReaderSize(body, openBufferBytes))
	if err != nil {
		body.Close()
		return nil, fmt.Errorf("part %s: %w", object.Key, err)
	}
	return &partReader{reader, body}, nil
}
