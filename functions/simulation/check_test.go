package simulation

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/rawzone"
)

// committed is a commit with what its parts hold.
type committed struct {
	*rawzone.Commit
	etag string
	// times counts how often the commit holds each state of each record.
	times map[[2]int]int
}

// check compares both buckets with the vendor's records. It runs outside the history's bubble, since the
// pool of Parquet decoders is shared by all.
func (h *history) check() error {
	commits, err := h.checkLog()
	if err != nil {
		return err
	}
	if err := h.checkRecords(commits); err != nil {
		return err
	}
	return h.checkCurated(commits)
}

// checkLog reads the log from genesis to the watermark.
func (h *history) checkLog() (commits []committed, err error) {
	ctx := context.Background()
	zone := rawzone.Zone{Bucket: h.store.Bucket("raw"), Vendor: "model", Stream: "visits"}
	body, ok := h.store.Body("raw", "model/visits/genesis.json")
	var genesis rawzone.Genesis
	if !ok || json.Unmarshal(body, &genesis) != nil {
		return nil, errors.New("the log has no genesis")
	}
	at := genesis.Start
	for ref, err := range zone.Commits(ctx, time.Time{}) {
		if err != nil {
			return nil, err
		}
		commit, etag, err := zone.Commit(ctx, ref)
		if err != nil {
			return nil, err
		}
		if !commit.Start.Equal(at) {
			return nil, fmt.Errorf("window %s does not start where the one before ends, %s", commit.Window(), at)
		}
		at = commit.End
		c := committed{commit, etag, map[[2]int]int{}}
		if err := c.read(ctx, zone, h.world); err != nil {
			return nil, err
		}
		commits = append(commits, c)
	}
	if want := h.now.Add(-h.world.settle).Truncate(time.Second); at.Before(want) {
		return nil, fmt.Errorf("the watermark stands at %s: want %s, which has settled", at, want)
	}
	return commits, nil
}

// read reads the commit's parts.
func (c committed) read(ctx context.Context, zone rawzone.Zone, w *world) error {
	var total int64
	for _, part := range c.Parts {
		reader, err := zone.OpenPart(ctx, part)
		if err != nil {
			return err
		}
		var records int64
		lines := bufio.NewScanner(reader)
		for lines.Scan() {
			var r parsed
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				return fmt.Errorf("part %s: %w", part.Key, err)
			}
			at := w.records[r.ID][r.Version].at
			if at = at.Truncate(time.Second); at.Before(c.Start) || !at.Before(c.End) {
				return fmt.Errorf("window %s holds record %d of %s", c.Window(), r.ID, at)
			}
			c.times[[2]int{r.ID, r.Version}]++
			records++
		}
		reader.Close()
		if records != part.Records {
			return fmt.Errorf("commit %s says that part %s has %d records, it has %d", c.Window(), part.Key, part.Records, records)
		}
		total += records
	}
	if total != c.Records {
		return fmt.Errorf("commit %s says %d records, its parts hold %d", c.Window(), c.Records, total)
	}
	return nil
}

// checkRecords looks for each record in the window that holds its time. A window that the vendor changed
// while it was read may be inexact where no total shows it, and one marked unsettled says so itself.
func (h *history) checkRecords(commits []committed) error {
	inexact := map[int]bool{}
	for i, c := range commits {
		disturbed := h.world.disturbed(c.Window())
		if !c.Settled && !disturbed {
			return fmt.Errorf("window %s is marked unsettled, though nothing changed while it was read", c.Window())
		}
		inexact[i] = !c.Settled || !h.world.counted && disturbed
		if inexact[i] {
			h.faults["(window inexact, and known to be)"]++
			continue
		}
		// Where the resolution is unknown the totals count a second more on each side, so that a record that moves
		// from the window into that second leaves the total as it was. Only a count of the window's own records could show it.
		if h.world.unknown && h.world.moving && h.world.enteredMargin(c.Window()) {
			inexact[i] = true
			h.faults["(record moved into the second after a window)"]++
		}
	}
	for id, versions := range h.world.records {
		newest := current(versions, h.ended)
		for v, state := range versions {
			i, within := slices.BinarySearchFunc(commits, state.at.Truncate(time.Second), func(c committed, at time.Time) int {
				switch {
				case at.Before(c.Start):
					return 1
				case !at.Before(c.End):
					return -1
				}
				return 0
			})
			if !within || inexact[i] {
				continue
			}
			c := commits[i]
			times := c.times[[2]int{id, v}]
			first, last := h.world.asking(c.Window())
			switch {
			case times > 1:
				return fmt.Errorf("record %d (version %d) of %s is %d times in window %s", id, v, state.at, times, c.Window())
			case v == newest && !state.shows.After(first) && times == 0:
				return fmt.Errorf("record %d (version %d) of %s, which shows since %s, is lost: window %s does not hold it (asked for from %s to %s)",
					id, v, state.at, state.shows, c.Window(), first, last)
			case state.shows.After(last) && times > 0:
				return fmt.Errorf("record %d is in window %s before it showed", id, c.Window())
			}
		}
	}
	return nil
}

// place is where a row comes from.
type place struct {
	Part     string `parquet:"windrow_part"`
	Position int64  `parquet:"windrow_position"`
}

// checkCurated compares the curated bucket with the commits: each has its receipt, and each of its records
// is a row or in quarantine, once.
func (h *history) checkCurated(commits []committed) error {
	table, err := curated.NewTable(&h.world.describe(h.current).Streams[0])
	if err != nil {
		return err
	}
	ctx := context.Background()
	names := curated.Names{Vendor: "model", Stream: "visits"}
	bucket := h.store.Bucket("curated")
	var receipts []string
	objects := map[string]bool{}
	for _, key := range h.store.Keys("curated", "model/visits/dt=") {
		objects[key] = true
	}
	for _, key := range h.store.Keys("curated", "model/visits/quarantine/") {
		objects[key] = true
	}
	for _, c := range commits {
		start := rawzone.FormatTime(c.Start)
		receipts = append(receipts, names.Receipt(start, c.etag, table.Hash()))
		parts := map[string]int64{}
		for _, part := range c.Parts {
			parts[part.Key] = part.Records
		}
		var rows, quarantined int64
		seen := map[place]bool{}
		for _, key := range h.store.Keys("curated", names.ObjectsOf(c.Start, start)) {
			delete(objects, key)
			object, err := bucket.Head(ctx, key)
			if err != nil {
				return err
			}
			if object.Metadata["windrow-commit"] != c.etag || object.Metadata["windrow-columns"] != table.Hash() {
				return fmt.Errorf("object %s has a receipt, but was made from another commit or other columns", key)
			}
			body, _ := h.store.Body("curated", key)
			places, err := parquet.Read[place](bytes.NewReader(body), int64(len(body)))
			if err != nil {
				return fmt.Errorf("object %s: %w", key, err)
			}
			for _, p := range places {
				if seen[p] || p.Position < 0 || p.Position >= parts[p.Part] {
					return fmt.Errorf("object %s holds record %d of part %s, which stands elsewhere too or is not of the commit", key, p.Position, p.Part)
				}
				seen[p] = true
				rows++
			}
		}
		for _, key := range h.store.Keys("curated", names.QuarantineOf(start)) {
			delete(objects, key)
			body, _ := h.store.Body("curated", key)
			lines, err := gunzipLines(body)
			if err != nil {
				return fmt.Errorf("object %s: %w", key, err)
			}
			quarantined += lines
		}
		if rows+quarantined != c.Records {
			return fmt.Errorf("window %s has %d rows and %d quarantined records of %d", c.Window(), rows, quarantined, c.Records)
		}
	}
	if there := h.store.Keys("curated", names.Receipts()); !slices.Equal(there, receipts) {
		return fmt.Errorf("receipts are\n\t%s\nwant\n\t%s", strings.Join(there, "\n\t"), strings.Join(receipts, "\n\t"))
	}
	if len(objects) > 0 {
		return fmt.Errorf("objects that belong to no commit: %v", objects)
	}
	return nil
}

func gunzipLines(body []byte) (n int64, err error) {
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(reader)
	for lines.Scan() {
		n++
	}
	return n, lines.Err()
}
