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
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/preprocess"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// What a broken promise did to a record.
var (
	errMissing = errors.New("lost")
	errTwice   = errors.New("doubled")
	errLate    = errors.New("late")
)

// copies counts how often a commit's parts hold each version of each record.
type copies map[[2]int]int

// readParts reads the parts that a commit names, and checks what it says of them.
func (p *play) readParts(ctx context.Context, zone rawzone.Zone, c *rawzone.Commit, now time.Time) (copies, error) {
	held := copies{}
	var total int64
	for _, part := range c.Parts {
		reader, err := zone.OpenPart(ctx, part)
		if err != nil {
			return nil, fmt.Errorf("commit %s names a part that is not there: %w: %w", c.Window(), errMissing, err)
		}
		var records int64
		lines := bufio.NewScanner(reader)
		for lines.Scan() {
			var r struct{ ID, Version int }
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				return nil, fmt.Errorf("part %s: %w", part.Key, err)
			}
			state := p.world.records[r.ID][r.Version]
			if at := state.at.Truncate(time.Second); at.Before(c.Start) || !at.Before(c.End) {
				return nil, fmt.Errorf("window %s holds record %d of %s: %w", c.Window(), r.ID, at, errTwice)
			}
			if state.shows.After(now) {
				return nil, fmt.Errorf("window %s holds record %d before it showed", c.Window(), r.ID)
			}
			held[[2]int{r.ID, r.Version}]++
			records++
		}
		reader.Close()
		if records != part.Records {
			return nil, fmt.Errorf("commit %s says that part %s has %d records, it has %d", c.Window(), part.Key, part.Records, records)
		}
		total += records
	}
	if total != c.Records {
		return nil, fmt.Errorf("commit %s says %d records, its parts hold %d", c.Window(), c.Records, total)
	}
	return held, nil
}

// committed checks a commit at the moment at which a process has put it.
func (p *play) committed(by *process, key, etag string, body []byte) {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	if there, _ := p.store.Body("raw", key); !bytes.Equal(there, body) {
		return
	}
	if err := p.checkCommit(by, key, etag, body); err != nil {
		p.broke(fmt.Errorf("%s puts %s: %w", by.name, key, err))
	}
}

func (p *play) checkCommit(by *process, key, etag string, body []byte) error {
	var c rawzone.Commit
	if err := json.Unmarshal(body, &c); err != nil {
		return err
	}
	now := time.Now()
	copies, err := p.readParts(context.Background(), p.zone(p.api), &c, now)
	if err != nil {
		return err
	}
	if !c.Settled {
		by.unsettled++
	}
	ids := map[int]bool{}
	for record := range copies {
		ids[record[0]] = true
	}
	p.mu.Lock()
	before, replaces := p.commits[key]
	p.commits[key] = held{c, ids}
	p.generations[etag] = c.Generation
	p.mu.Unlock()
	if replaces && (c.Generation != before.Generation+1 || c.ReadAt.Before(before.ReadAt)) {
		return fmt.Errorf("generation %d of window %s, read at %s, takes the place of generation %d, read at %s: %w",
			c.Generation, c.Window(), c.ReadAt, before.Generation, before.ReadAt, errMissing)
	}
	if p.world.audit == vendorapi.AuditReread && by.found(telemetry.NotCarried) == 0 {
		for id := range before.ids {
			if !ids[id] {
				return fmt.Errorf("record %d has left window %s and is not carried over: %w", id, c.Window(), errMissing)
			}
		}
	}
	// What showed at the time that the commit says, and has not changed since, must be there.
	since := c.ReadAt
	coming, leaving := p.world.disturbed(c.Window(), since, now)
	switch {
	case !c.Settled && coming+leaving == 0:
		return fmt.Errorf("window %s is marked unsettled, though nothing changed while it was read", c.Window())
	case !c.Settled, !p.world.counted && coming+leaving > 0, coming > 0 && leaving > 0:
		// Such a window says so itself, or nothing can show it: only a later reading puts it right.
		p.fault("(window inexact, and known to be)")
		return nil
	}
	p.world.each(c.Start, c.End, now, func(id, v int, at time.Time) {
		at = at.Truncate(time.Second)
		if err == nil && !at.Before(c.Start) && at.Before(c.End) && current(p.world.records[id], since) == v {
			err = once(c, copies, id, v)
		}
	})
	return err
}

// once wants one copy of a record's version, and none of its other versions.
func once(c rawzone.Commit, held copies, id, v int) error {
	switch n := held[[2]int{id, v}]; {
	case n == 0:
		return fmt.Errorf("record %d (version %d): window %s, read at %s, does not hold it: %w", id, v, c.Window(), c.ReadAt, errMissing)
	case n > 1:
		return fmt.Errorf("record %d (version %d) is %d times in window %s: %w", id, v, n, c.Window(), errTwice)
	}
	return nil
}

// checkObject wants an object never to take the place of one that was made from a later generation of the commit.
func (p *play) checkObject(by *process, key, commit, before string) {
	p.mu.Lock()
	older := p.generations[commit] < p.generations[before]
	p.mu.Unlock()
	if older {
		p.broke(fmt.Errorf("%s puts %s as of an older commit than it was of: %w", by.name, key, errMissing))
	}
}

// ids returns the records that the lake holds in any version.
func (p *play) ids() map[int]bool {
	all := map[int]bool{}
	for _, commit := range p.commits {
		for id := range commit.ids {
			all[id] = true
		}
	}
	return all
}

// checkWatermark wants all to be committed that had settled at the scheduled time now.
func (p *play) checkWatermark(now time.Time) error {
	ctx := context.Background()
	zone := p.zone(p.api)
	genesis, err := zone.Genesis(ctx, rawzone.Genesis{})
	if err != nil {
		return err
	}
	at := genesis.Start
	newest, _, err := zone.Newest(ctx, now)
	if err != nil {
		return err
	}
	if newest != nil {
		at = newest.End
	}
	if want := p.world.describe(p.release).Streams[0].AlignDown(now.Add(-p.world.settle)); at.Before(want) {
		return fmt.Errorf("the watermark stands at %s: want %s, which has settled: %w", at, want, errLate)
	}
	return nil
}

// check compares both buckets with the vendor, whose records change no more. It runs outside the history's bubble,
// since the pool of Parquet decoders is shared by all.
func (p *play) check() error {
	ctx := context.Background()
	var commits []*rawzone.Commit
	var etags []string
	var all []copies
	zone := p.zone(p.api)
	var before time.Time
	genesis, err := zone.Genesis(ctx, rawzone.Genesis{})
	if err != nil {
		return err
	}
	for ref, err := range zone.Commits(ctx, time.Time{}) {
		if err != nil {
			return err
		}
		c, etag, err := zone.Commit(ctx, ref)
		if err != nil {
			return err
		}
		switch {
		case c.Start.Before(before):
			return fmt.Errorf("window %s overlaps the one before, which ends at %s: %w", c.Window(), before, errTwice)
		case !c.Start.Before(genesis.Start) && !c.Start.Equal(before) && !c.Start.Equal(genesis.Start):
			return fmt.Errorf("window %s does not start where the one before ends, %s: %w", c.Window(), before, errMissing)
		}
		before = c.End
		copies, err := p.readParts(ctx, zone, c, p.ended)
		if err != nil {
			return err
		}
		if !c.Settled {
			return fmt.Errorf("%w: window %s, read at %s, is unsettled still", errLate, c.Window(), c.ReadAt)
		}
		commits, etags, all = append(commits, c), append(etags, etag), append(all, copies)
	}
	if err := p.checkPast(commits, genesis.Start); err != nil {
		return err
	}
	if err := p.checkRecords(commits, all); err != nil {
		return err
	}
	return p.checkCurated(commits, etags)
}

// checkPast wants the ranges of backfills to be in the log without a gap.
func (p *play) checkPast(commits []*rawzone.Commit, genesis time.Time) error {
	for _, past := range p.pasts {
		at := past.Start
		for _, c := range commits {
			if !c.Start.After(at) && c.End.After(at) {
				at = c.End
			}
		}
		if at.Before(past.End) && at.Before(genesis) {
			return fmt.Errorf("a backfill of [%s, %s) has left a gap at %s: %w", past.Start, past.End, at, errMissing)
		}
	}
	return nil
}

// checkRecords wants each record of the vendor once in the window that holds its time, in its newest version; where
// records move, windows keep older versions of those that have left them.
func (p *play) checkRecords(commits []*rawzone.Commit, all []copies) error {
	there := map[int]bool{}
	for i, c := range commits {
		ids := map[int]int{}
		for record, n := range all[i] {
			ids[record[0]] += n
			there[record[0]] = true
			if p.world.audit == vendorapi.AuditCount && current(p.world.records[record[0]], p.ended) != record[1] {
				return fmt.Errorf("window %s holds record %d, which the vendor has no more: %w", c.Window(), record[0], errLate)
			}
		}
		for id, n := range ids {
			if n > 1 {
				return fmt.Errorf("record %d is %d times in window %s: %w", id, n, c.Window(), errTwice)
			}
		}
	}
	for id, versions := range p.world.records {
		v := current(versions, p.ended)
		if v < 0 {
			continue
		}
		at := versions[v].at.Truncate(time.Second)
		i, within := slices.BinarySearchFunc(commits, at, func(c *rawzone.Commit, at time.Time) int {
			switch {
			case at.Before(c.Start):
				return 1
			case !at.Before(c.End):
				return -1
			}
			return 0
		})
		if !within {
			continue
		}
		if n := all[i][[2]int{id, v}]; n != 1 {
			return fmt.Errorf("record %d (version %d of %s, which shows since %s) is not in window %s, read at %s, generation %d: %w",
				id, v, at, versions[v].shows, commits[i].Window(), commits[i].ReadAt, commits[i].Generation, errMissing)
		}
	}
	if p.world.audit == vendorapi.AuditReread && !p.notCarried {
		for id := range p.kept {
			if !there[id] {
				return fmt.Errorf("record %d was in the lake and is there no more: %w", id, errMissing)
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
func (p *play) checkCurated(commits []*rawzone.Commit, etags []string) error {
	table, err := curated.NewTable(&p.world.describe(p.release).Streams[0])
	if err != nil {
		return err
	}
	ctx := context.Background()
	names := curated.Names{Vendor: "model", Stream: "visits"}
	bucket := objectstore.Bucket{API: p.api, Name: "curated"}
	var receipts []string
	objects := map[string]bool{}
	for _, key := range p.curatedKeys() {
		objects[key] = true
	}
	for i, c := range commits {
		start := rawzone.FormatTime(c.Start)
		receipt := names.Receipt(start, etags[i], table.Hash())
		receipts = append(receipts, receipt)
		parts := map[string]int64{}
		for _, part := range c.Parts {
			parts[part.Key] = part.Records
		}
		var rows, quarantined int64
		seen := map[place]bool{}
		keys := p.store.Keys("curated", names.ObjectsOf(c.Start, start))
		for _, key := range keys {
			delete(objects, key)
			object, err := bucket.Head(ctx, key)
			if err != nil {
				return err
			}
			if object.Metadata["windrow-commit"] != etags[i] || object.Metadata["windrow-columns"] != table.Hash() {
				return fmt.Errorf("object %s has a receipt, but was made from another commit or other columns: %w", key, errLate)
			}
			body, _ := p.store.Body("curated", key)
			places, err := parquet.Read[place](bytes.NewReader(body), int64(len(body)))
			if err != nil {
				return fmt.Errorf("object %s: %w", key, err)
			}
			for _, at := range places {
				if seen[at] || at.Position < 0 || at.Position >= parts[at.Part] {
					return fmt.Errorf("object %s holds record %d of part %s, which stands elsewhere too or is not of the commit: %w", key, at.Position, at.Part, errTwice)
				}
				seen[at] = true
				rows++
			}
		}
		for _, key := range p.store.Keys("curated", names.QuarantineOf(start)) {
			delete(objects, key)
			body, _ := p.store.Body("curated", key)
			lines, err := gunzipLines(body)
			if err != nil {
				return fmt.Errorf("object %s: %w", key, err)
			}
			quarantined += lines
		}
		if rows+quarantined != c.Records {
			return fmt.Errorf("window %s has %d rows and %d quarantined records of %d: %w", c.Window(), rows, quarantined, c.Records, errMissing)
		}
		// A window that has never had a record need not be told of; one that may have lost those it had is.
		announced := p.announced[c.Start.UTC()]
		if (c.Records > 0 || c.Generation > 1) && (announced.Generation != c.Generation || !slices.Equal(announced.Keys, keys)) {
			return fmt.Errorf("window %s has generation %d and the objects %v, and was last announced as of %d with %v: %w",
				c.Window(), c.Generation, keys, announced.Generation, announced.Keys, errLate)
		}
	}
	there := p.store.Keys("curated", names.Receipts())
	for _, key := range receipts {
		if !slices.Contains(there, key) {
			return fmt.Errorf("a window has no receipt %s: %w", key, errLate)
		}
	}
	for _, key := range there {
		if !slices.Contains(receipts, key) {
			return fmt.Errorf("receipt %s is of no commit", key)
		}
	}
	for key := range objects {
		return fmt.Errorf("object %s belongs to no commit: %w", key, errTwice)
	}
	return nil
}

// curatedKeys are the names of the curated objects and of what is in quarantine.
func (p *play) curatedKeys() []string {
	return append(p.store.Keys("curated", "model/visits/dt="), p.store.Keys("curated", "model/visits/quarantine/")...)
}

// checkReplay makes all objects again and wants the same bytes.
func (p *play) checkReplay() error {
	before := map[string][]byte{}
	for _, key := range p.curatedKeys() {
		before[key], _ = p.store.Body("curated", key)
	}
	past := preprocess.Past{Start: p.history.begin.Add(-p.history.genesis - p.history.past), End: p.ended, Replay: preprocess.ReplayAll}
	for {
		answer, err := p.preprocess(time.Now(), p.release, round{}, &past)
		if errors.Is(err, errBreach) {
			return err
		}
		if err == nil && !answer.More {
			break
		}
		past.Position = answer.Position
	}
	after := p.curatedKeys()
	for _, key := range after {
		if body, _ := p.store.Body("curated", key); !bytes.Equal(body, before[key]) {
			return fmt.Errorf("a replay has made %s otherwise", key)
		}
	}
	if len(after) != len(before) {
		return fmt.Errorf("a replay has made %d objects of %d", len(after), len(before))
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
