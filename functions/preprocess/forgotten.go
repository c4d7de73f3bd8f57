package preprocess

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
)

// noticing is written the records of a part, and remembers those whose people the vendor has forgotten.
type noticing struct {
	*making
	// begun is a line whose end was not written yet.
	begun []byte
}

// Write implements [io.Writer]. It does not fail.
func (n *noticing) Write(p []byte) (int, error) {
	for rest := p; ; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			n.begun = append(n.begun, rest...)
			return len(p), nil
		}
		line := rest[:end]
		if len(n.begun) > 0 {
			line = append(n.begun, line...)
		}
		if key, ok := n.status.Read(line); ok {
			if n.forgotten == nil {
				n.forgotten = map[string]bool{}
			}
			n.forgotten[key] = true
		}
		n.begun, rest = n.begun[:0], rest[end+1:]
	}
}

// notice looks through parts of which a killed run has made the object already.
func (w *making) notice(ctx context.Context, parts []rawzone.Part) error {
	if w.status == nil || w.Forgotten == nil {
		return nil
	}
	to := &noticing{making: w}
	for _, part := range parts {
		records, err := w.Raw.OpenPart(ctx, part)
		if err != nil {
			return err
		}
		_, err = io.Copy(to, records)
		if err = errors.Join(err, records.Close()); err != nil {
			return err
		}
	}
	return nil
}

// tellForgotten tells other programs of the people that the vendor has forgotten.
func (w *making) tellForgotten(ctx context.Context) error {
	for keys := range slices.Chunk(slices.Sorted(maps.Keys(w.forgotten)), telemetry.MaxForgotten) {
		err := w.Forgotten(ctx, telemetry.PersonForgotten{Vendor: w.names.Vendor, Stream: w.names.Stream, Keys: keys})
		if err != nil {
			return err
		}
	}
	return nil
}
