package erasure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// Find finds out who it was that a vendor has forgotten, from where an earlier call has got: it returns the digests of the addresses that
// the stream's records with these keys have, or had before the vendor overwrote them. The keys are those of a [telemetry.PersonForgotten].
// Whoever is erased already is found no more.
func Find(ctx context.Context, c Config, stream string, keys []string, at string) (Answer, error) {
	s, err := c.Vendor.Stream(stream)
	if err != nil {
		return Answer{}, err
	}
	if s.PersonPath == "" {
		return Answer{}, fmt.Errorf("stream %s does not say whose its records are: want a personPath in its description", stream)
	}
	p, err := parsePosition(at)
	if err != nil {
		return Answer{}, err
	}
	f := &finding{
		erasing: &erasing{Config: c, at: p}, zone: rawzone.Zone{Bucket: c.Raw, Vendor: c.Vendor.Name, Stream: s.Name},
		reader: vendorapi.NewPersonReader(s), wanted: map[string]bool{}, digests: map[string]bool{},
	}
	f.answer = Answer{Found: map[string]Found{}, Remake: map[string]Range{}, Bucket: c.Raw.Name, Report: telemetry.Report{Findings: []telemetry.Finding{}}}
	for _, key := range keys {
		f.wanted[key] = true
	}
	for _, digest := range p.Digests {
		f.digests[digest] = true
	}
	err = f.find(ctx)
	f.answer.Digests = slices.Sorted(maps.Keys(f.digests))
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelError
	}
	c.Logger.Log(ctx, level, "search", telemetry.Figures("stream", stream, "keys", len(keys), "found", len(f.digests), "next", string(f.answer.Next),
		"scanned", f.scanned, "bytes", f.bytes, "error", err)...)
	return f.answer, err
}

type finding struct {
	*erasing
	zone    rawzone.Zone
	reader  *vendorapi.PersonReader
	wanted  map[string]bool
	digests map[string]bool
}

func (f *finding) find(ctx context.Context) error {
	for window, err := range windows(ctx, f.Raw, f.zone.PartsPrefix(), f.at.After) {
		if err != nil {
			return err
		}
		if !f.timeLeft(ctx) {
			f.at.Digests = slices.Sorted(maps.Keys(f.digests))
			f.goOn(Again, f.at)
			return nil
		}
		for _, v := range window {
			if err := f.part(ctx, v); err != nil {
				return err
			}
		}
		f.at.After, f.worked = window[len(window)-1].Key, true
	}
	f.goOn(Done, f.at)
	return nil
}

func (f *finding) part(ctx context.Context, v objectstore.Version) error {
	if v.Marker {
		return nil
	}
	records, err := f.zone.OpenVersion(ctx, v)
	if errors.Is(err, objectstore.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	f.scanned++
	err = rawzone.EachRecord(records, func(record []byte) error {
		f.bytes += int64(len(record))
		// What stands in place of an address is none, as ON24's "700000123-deleted".
		if key, address := f.reader.Read(record); f.wanted[key] && strings.Contains(address, "@") {
			f.digests[f.Key.Digest(address)] = true
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("part %s: %w", v.Key, err)
	}
	return nil
}
