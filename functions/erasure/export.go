package erasure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/windrow-data/windrow/functions/forgotten"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/telemetry"
)

// Export copies the records that are about a person, as the vendor gave them, into the results bucket, one a line, from where an earlier
// call has got. It has what the current commits name; a record that a vendor has changed stands there once for each window that shows
// it. Neither an answer nor a log holds any of it. It fails where the pipeline has no results bucket.
func Export(ctx context.Context, c Config, at string) (Answer, error) {
	if c.Results.Name == "" {
		return Answer{}, errors.New("the pipeline has no bucket for what is exported: want one whose tables are not disabled (DisableTables)")
	}
	e, err := begin(c, at)
	if err != nil {
		return Answer{}, err
	}
	if e.at.Found == nil {
		e.at.Found = map[string]Found{}
	}
	x := &exporting{erasing: e}
	e.answer.Bucket, e.answer.Record = c.Results.Name, settings.ExportPrefix+c.Digest+"/"+c.Execution+"/"
	err = x.export(ctx)
	e.answer.Found = e.at.Found
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelError
	}
	c.Logger.Log(ctx, level, "export", telemetry.Figures("digest", c.Digest, "next", string(e.answer.Next), "scanned", e.scanned, "bytes", e.bytes, "error", err)...)
	return e.answer, err
}

type exporting struct {
	*erasing
	lines bytes.Buffer
}

func (x *exporting) export(ctx context.Context) error {
	for ; x.at.Stream < len(x.streams); x.at.Stream, x.at.After = x.at.Stream+1, "" {
		s := x.streams[x.at.Stream]
		for window, err := range windows(ctx, x.Raw, s.zone.PartsPrefix(), x.at.After) {
			if err != nil {
				return err
			}
			if !x.timeLeft(ctx) {
				if err := x.put(ctx, s); err != nil {
					return err
				}
				x.goOn(Again, x.at)
				return nil
			}
			if err := x.window(ctx, s, window); err != nil {
				return fmt.Errorf("stream %s: %w", s.Name, err)
			}
			x.at.After, x.worked = window[len(window)-1].Key, true
		}
		if err := x.put(ctx, s); err != nil {
			return err
		}
	}
	x.goOn(Done, x.at)
	return nil
}

// window collects the records of one window.
func (x *exporting) window(ctx context.Context, s stream, versions []objectstore.Version) error {
	found := map[string]bool{}
	for _, v := range versions {
		if !v.Current || v.Marker {
			continue
		}
		h, err := x.scan(ctx, s, v)
		if err != nil {
			return err
		}
		if h.Records > 0 {
			found[v.Key] = true
		}
	}
	start, ok := s.zone.PartStart(versions[0].Key)
	if len(found) == 0 || !ok {
		return nil
	}
	commit, _, err := s.zone.Commit(ctx, s.zone.Ref(start, ""))
	if errors.Is(err, objectstore.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	told := x.at.Found[s.Name]
	told.Windows++
	for _, part := range commit.Parts {
		if !found[part.Key] {
			continue
		}
		told.Parts++
		body, err := s.zone.OpenPart(ctx, part)
		if err != nil {
			return err
		}
		err = rawzone.EachRecord(body, func(record []byte) error {
			if _, verdict := s.filter.Apply(record); verdict == forgotten.Withheld {
				told.Records++
				x.lines.Write(record)
				x.lines.WriteByte('\n')
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("part %s: %w", part.Key, err)
		}
	}
	x.at.Found[s.Name] = told
	return nil
}

// put stores what was collected of a stream.
func (x *exporting) put(ctx context.Context, s stream) error {
	if x.lines.Len() == 0 {
		return nil
	}
	x.at.Round++
	key := fmt.Sprintf("%s%s-%d.ndjson", x.answer.Record, s.Name, x.at.Round)
	_, err := x.Results.Put(ctx, key, bytes.NewReader(x.lines.Bytes()), "application/x-ndjson", nil, objectstore.Absent())
	if errors.Is(err, objectstore.ErrTaken) {
		// By a call that was killed before it could answer: it went on from where this one did.
		err = nil
	}
	x.lines.Reset()
	return err
}
