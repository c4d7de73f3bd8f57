package simulation

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
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

// line is a record as it stands in a part.
type line struct {
	ID, Version int
	// Visit and Topic are those of the parent.
	Visit *int
	Topic string
}

// promise is what a stream's commits must hold.
type promise interface {
	// fits says why a record cannot be in a commit's parts as they are at a time.
	fits(c *rawzone.Commit, r line, now time.Time) error
	// holds judges a commit at the moment at which it is put in place of another one, if any.
	holds(by *process, c, before held, replaces bool, now time.Time) error
	// ends judges the stream's commits when nothing is due any more.
	ends(commits []*rawzone.Commit, all []copies) error
}

// readParts reads the parts that a commit names, and checks what it says of them.
func (s *stream) readParts(ctx context.Context, zone rawzone.Zone, c *rawzone.Commit, now time.Time) (copies, error) {
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
			var r line
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				return nil, fmt.Errorf("part %s: %w", part.Key, err)
			}
			if err := s.promise.fits(c, r, now); err != nil {
				return nil, err
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
func (s *stream) committed(by *process, key, etag string) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	body, _ := s.store.Body("raw", key)
	s.mu.Lock()
	_, known := s.generations[etag]
	s.mu.Unlock()
	if known || etagOf(body) != etag {
		return
	}
	if err := s.checkCommit(by, key, etag, body); err != nil {
		s.broke(fmt.Errorf("%s puts %s: %w", by.name, key, err))
	}
}

func (s *stream) checkCommit(by *process, key, etag string, body []byte) error {
	c := held{ids: map[int]bool{}, past: by.past}
	if err := json.Unmarshal(body, &c.Commit); err != nil {
		return err
	}
	now := time.Now()
	var err error
	if c.copies, err = s.readParts(context.Background(), s.zone(s.api), &c.Commit, now); err != nil {
		return err
	}
	if !c.Settled {
		by.unsettled++
	}
	for record := range c.copies {
		c.ids[record[0]] = true
	}
	s.mu.Lock()
	before, replaces := s.commits[key]
	s.commits[key] = c
	s.generations[etag] = c.Generation
	s.mu.Unlock()
	if replaces && (c.Generation != before.Generation+1 || c.ReadAt.Before(before.ReadAt)) {
		return fmt.Errorf("generation %d of window %s, read at %s, takes the place of generation %d, read at %s: %w",
			c.Generation, c.Window(), c.ReadAt, before.Generation, before.ReadAt, errMissing)
	}
	return s.promise.holds(by, c, before, replaces, now)
}

// exact says that a commit must hold what showed when it was read, where so many records have come and left since. One that
// need not says so itself, or nothing can show it: only a later reading puts it right.
func (s *stream) exact(c *rawzone.Commit, counted bool, coming, leaving int) (bool, error) {
	switch {
	case !c.Settled && coming+leaving == 0:
		return false, fmt.Errorf("window %s is marked unsettled, though nothing changed while it was read", c.Window())
	case !c.Settled, !counted && coming+leaving > 0, coming > 0 && leaving > 0:
		s.fault("(window inexact, and known to be)")
		return false, nil
	}
	return true, nil
}

// windows is the promise of a stream of which each record belongs to one window.
type windows struct{ *stream }

func (s *windows) fits(c *rawzone.Commit, r line, now time.Time) error {
	state := s.world.records[r.ID][r.Version]
	if at := state.at.Truncate(time.Second); at.Before(c.Start) || !at.Before(c.End) {
		return fmt.Errorf("window %s holds record %d of %s: %w", c.Window(), r.ID, at, errTwice)
	}
	if state.shows.After(now) {
		return fmt.Errorf("window %s holds record %d before it showed", c.Window(), r.ID)
	}
	return nil
}

func (s *windows) holds(by *process, c, before held, replaces bool, now time.Time) (err error) {
	s.world.known(c.copies, now)
	if s.world.audit == vendorapi.AuditReread && by.found(telemetry.NotCarried) == 0 {
		for id := range before.ids {
			if !c.ids[id] {
				return fmt.Errorf("record %d has left window %s and is not carried over: %w", id, c.Window(), errMissing)
			}
		}
	}
	// What showed at the time that the commit says, and has not changed since, must be there.
	since := c.ReadAt
	coming, leaving := s.world.disturbed(c.Window(), since, now)
	if exact, err := s.exact(&c.Commit, s.world.counted, coming, leaving); !exact {
		return err
	}
	s.world.each(c.Start, c.End, now, func(id, v int, at time.Time) {
		at = at.Truncate(time.Second)
		if err == nil && !at.Before(c.Start) && at.Before(c.End) && current(s.world.records[id], since) == v {
			err = once(&c.Commit, c.copies, id, v)
		}
	})
	return err
}

func (s *windows) ends(commits []*rawzone.Commit, all []copies) error {
	genesis, err := s.contiguous(commits)
	if err != nil {
		return err
	}
	if err := s.checkPast(commits, genesis); err != nil {
		return err
	}
	return s.checkRecords(commits, all)
}

// contiguous wants the commits to follow on one another, and to be settled. It returns where the log began.
func (s *stream) contiguous(commits []*rawzone.Commit) (time.Time, error) {
	genesis, err := s.zone(s.api).Genesis(context.Background(), rawzone.Genesis{})
	if err != nil {
		return time.Time{}, err
	}
	var before time.Time
	for _, c := range commits {
		switch {
		case c.Start.Before(before):
			return time.Time{}, fmt.Errorf("window %s overlaps the one before, which ends at %s: %w", c.Window(), before, errTwice)
		case !c.Start.Before(genesis.Start) && !c.Start.Equal(before) && !c.Start.Equal(genesis.Start):
			return time.Time{}, fmt.Errorf("window %s does not start where the one before ends, %s: %w", c.Window(), before, errMissing)
		case !c.Settled:
			return time.Time{}, fmt.Errorf("%w: window %s, read at %s, is unsettled still", errLate, c.Window(), c.ReadAt)
		}
		before = c.End
	}
	return genesis.Start, nil
}

// once wants one copy of a record's version, and none of its other versions.
func once(c *rawzone.Commit, held copies, id, v int) error {
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
func (s *stream) ids() map[int]bool {
	all := map[int]bool{}
	for _, commit := range s.commits {
		for id := range commit.ids {
			all[id] = true
		}
	}
	return all
}

// checkWatermark wants all to be committed that had settled at the scheduled time now.
func (s *stream) checkWatermark(now time.Time) error {
	ctx := context.Background()
	zone := s.zone(s.api)
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
	if want := s.world.describe(s.release).Streams[0].AlignDown(now.Add(-s.world.settle)); at.Before(want) {
		return fmt.Errorf("the watermark stands at %s: want %s, which has settled: %w", at, want, errLate)
	}
	return nil
}

// check compares both buckets with the vendor, whose records change no more. It runs outside the history's bubble,
// since the pool of Parquet decoders is shared by all.
func (p *play) check() error {
	for _, s := range p.streams {
		if err := s.check(); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) check() error {
	ctx := context.Background()
	var commits []*rawzone.Commit
	var etags []string
	var all []copies
	zone := s.zone(s.api)
	for ref, err := range zone.Commits(ctx, time.Time{}) {
		if err != nil {
			return err
		}
		c, etag, err := zone.Commit(ctx, ref)
		if err != nil {
			return err
		}
		copies, err := s.readParts(ctx, zone, c, s.ended)
		if err != nil {
			return err
		}
		commits, etags, all = append(commits, c), append(etags, etag), append(all, copies)
	}
	if err := s.promise.ends(commits, all); err != nil {
		return err
	}
	return s.checkCurated(commits, etags)
}

// checkPast wants the ranges of backfills to be in the log without a gap.
func (s *stream) checkPast(commits []*rawzone.Commit, genesis time.Time) error {
	for _, past := range s.pasts {
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
func (s *windows) checkRecords(commits []*rawzone.Commit, all []copies) error {
	there := map[int]bool{}
	for i, c := range commits {
		ids := map[int]int{}
		for record, n := range all[i] {
			ids[record[0]] += n
			there[record[0]] = true
			if s.world.audit == vendorapi.AuditCount && current(s.world.records[record[0]], s.ended) != record[1] {
				return fmt.Errorf("window %s holds record %d, which the vendor has no more: %w", c.Window(), record[0], errLate)
			}
		}
		for id, n := range ids {
			if n > 1 {
				return fmt.Errorf("record %d is %d times in window %s: %w", id, n, c.Window(), errTwice)
			}
		}
	}
	for id, versions := range s.world.records {
		v := current(versions, s.ended)
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
	if s.world.audit == vendorapi.AuditReread && !s.notCarried {
		for id := range s.kept {
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

// curated returns what the stream's curated objects are made with, and how they are named.
func (s *stream) curated() (*curated.Table, curated.Names, error) {
	described, err := s.world.describe(s.release).Stream(s.name)
	if err != nil {
		return nil, curated.Names{}, err
	}
	table, err := curated.NewTable(described)
	return table, curated.Names{Vendor: "model", Stream: s.name}, err
}

// checkMade wants each commit of the schedule's runs to have its receipt.
func (s *stream) checkMade() error {
	table, names, err := s.curated()
	if err != nil {
		return err
	}
	ctx := context.Background()
	for ref, err := range s.zone(s.store).Commits(ctx, time.Time{}) {
		if err != nil {
			return err
		}
		if commit := s.commits[ref.Key]; commit.Generation == 1 && commit.Records == 0 {
			// Nothing is to be made of it.
			continue
		}
		receipt := names.Receipt(ref.Name, ref.ETag, table.Hash())
		if _, there := s.store.Body("curated", receipt); !there && !s.commits[ref.Key].past {
			return fmt.Errorf("an execution without faults has left commit %s without a receipt: %w", ref.Key, errLate)
		}
	}
	return nil
}

// checkCurated compares the curated bucket with the commits: each has its receipt, and each of its records
// is a row or in quarantine, once.
func (s *stream) checkCurated(commits []*rawzone.Commit, etags []string) error {
	table, names, err := s.curated()
	if err != nil {
		return err
	}
	ctx := context.Background()
	bucket := objectstore.Bucket{API: s.api, Name: "curated"}
	compacted, err := s.checkCompacted()
	if err != nil {
		return err
	}
	var receipts []string
	objects := map[string]bool{}
	for _, key := range s.curatedKeys() {
		objects[key] = true
	}
	for i, c := range commits {
		start := rawzone.FormatTime(c.Start)
		if c.Generation > 1 || c.Records > 0 {
			receipts = append(receipts, names.Receipt(start, etags[i], table.Hash()))
		}
		parts := map[string]int64{}
		for _, part := range c.Parts {
			parts[part.Key] = part.Records
		}
		var rows, quarantined int64
		seen := map[place]bool{}
		keys := s.store.Keys("curated", names.ObjectsOf(c.Start, start))
		// The small objects of a compacted day may be gone.
		gone := len(keys) == 0 && compacted[c.Start.UTC().Format(time.DateOnly)].Compaction > 0
		for _, key := range keys {
			delete(objects, key)
			object, err := bucket.Head(ctx, key)
			if err != nil {
				return err
			}
			if object.Metadata["windrow-commit"] != etags[i] || object.Metadata["windrow-columns"] != table.Hash() {
				return fmt.Errorf("object %s has a receipt, but was made from another commit or other columns: %w", key, errLate)
			}
			body, _ := s.store.Body("curated", key)
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
		for _, key := range s.store.Keys("curated", names.QuarantineOf(start)) {
			delete(objects, key)
			body, _ := s.store.Body("curated", key)
			lines, err := gunzipLines(body)
			if err != nil {
				return fmt.Errorf("object %s: %w", key, err)
			}
			quarantined += lines
		}
		if gone {
			made, err := s.rowsOf(c)
			if err != nil {
				return err
			}
			rows = int64(len(made))
		}
		if rows+quarantined != c.Records {
			return fmt.Errorf("window %s has %d rows and %d quarantined records of %d: %w", c.Window(), rows, quarantined, c.Records, errMissing)
		}
		// A window that has never had a record need not be told of; one that may have lost those it had is.
		announced := s.announced[c.Start.UTC()]
		if (c.Records > 0 || c.Generation > 1) && (announced.Generation != c.Generation || !gone && !slices.Equal(announced.Keys, keys)) {
			return fmt.Errorf("window %s has generation %d and the objects %v, and was last announced as of %d with %v: %w",
				c.Window(), c.Generation, keys, announced.Generation, announced.Keys, errLate)
		}
	}
	there := s.store.Keys("curated", names.Receipts())
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
func (s *stream) curatedKeys() []string {
	prefix := "model/" + s.name
	return append(s.store.Keys("curated", prefix+"/dt="), s.store.Keys("curated", prefix+"/quarantine/")...)
}

// checkReplay makes all objects again and wants the same bytes.
func (s *stream) checkReplay() error {
	before := map[string][]byte{}
	for _, key := range s.curatedKeys() {
		before[key], _ = s.store.Body("curated", key)
	}
	past := preprocess.Past{Start: s.history.begin.Add(-s.history.genesis - s.history.past - 24*time.Hour), End: s.ended, Replay: preprocess.ReplayAll}
	for {
		answer, err := s.preprocess(time.Now(), s.release, round{}, &past)
		if errors.Is(err, errBreach) {
			return err
		}
		if err == nil && !answer.More {
			break
		}
		past.Position = answer.Position
	}
	days, _ := s.store.Body("curated", "model/"+s.name+"/days/days.json")
	compacted, err := entriesOf(days)
	if err != nil {
		return err
	}
	names := curated.Names{Vendor: "model", Stream: s.name}
	for _, key := range s.curatedKeys() {
		body, _ := s.store.Body("curated", key)
		old, there := before[key]
		delete(before, key)
		if day, ok := names.ObjectDay(key); ok && !there && compacted[day].Compaction > 0 {
			// It was deleted when its day was compacted.
			continue
		}
		if !bytes.Equal(body, old) {
			return fmt.Errorf("a replay has made %s otherwise", key)
		}
	}
	if len(before) > 0 {
		return fmt.Errorf("a replay has not made %v", slices.Collect(maps.Keys(before)))
	}
	if len(compacted) > 0 {
		// The days are compacted once more.
		time.Sleep(17 * time.Minute)
		if err := s.quiet(); err != nil {
			return err
		}
		time.Sleep(17 * time.Minute)
		return s.quiet()
	}
	return nil
}

func gunzip(body []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

func gunzipLines(body []byte) (n int64, err error) {
	text, err := gunzip(body)
	return int64(bytes.Count(text, []byte("\n"))), err
}

// etagOf is the ETag of an object with the body.
func etagOf(body []byte) string { return fmt.Sprintf("%x", md5.Sum(body)) }
