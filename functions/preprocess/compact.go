package preprocess

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
)

const (
	// CompactedBytes is about how many bytes of small objects one object of a compacted day is made of. A day that has more becomes several objects, each of consecutive windows,
	// so that neither the disk of a function nor the time of an invocation has to hold a whole day. The day of a webinar of 30,000 attendees has a tenth of it.
	CompactedBytes = 32 << 20
	// DefaultKeepReplaced is how long small objects are kept when their day is compacted, and a compaction when another has replaced it: queries
	// that began before the change go on reading them.
	DefaultKeepReplaced = 3 * oneDay
	// leastObjects is from how many small objects on a day is compacted. One that has a single object has nothing to gain.
	leastObjects = 2
	// compactTries bounds how often a day's compaction is begun again in a run because windows of it were made meanwhile.
	compactTries = 3
)

// errNotReady says that windows of the day are still to be made, or their receipts to be confirmed; a later run looks again.
var errNotReady = errors.New("windows of the day are not made yet")

// compactDays does what is due of compaction: it looks for days that the mark has passed since, compacts those that are stale, and deletes what was replaced long
// enough ago. What is done but once a day is done in runs that do nothing else of that kind, see [rawzone.PreprocessHours]: looking
// for days costs a listing, and looking into days.json a read.
func (r *run) compactDays(ctx context.Context, m *mark) error {
	if len(r.Stream.Key) == 0 || m.Day.IsZero() || r.claimed(*m) {
		return nil
	}
	today := r.now.UTC().Truncate(oneDay)
	room := rawzone.PreprocessHours(r.now) && !r.looked
	look := !r.CompactionOff && m.Day.After(m.Listed) && (room || m.Day.Sub(m.Listed) >= longestIdle)
	room = room && !look
	survey := !m.Survey.IsZero() && !r.Clock().Before(m.Survey) ||
		today.After(m.Surveyed) && (room || today.Sub(m.Surveyed) >= longestIdle)
	if !look && !survey {
		return nil
	}
	var l *dayList
	if look {
		found, err := r.daysToCompact(ctx, *m)
		if err != nil {
			return err
		}
		if len(found) > 0 || m.Listed.IsZero() {
			if l, err = r.daysOf(ctx, m); err != nil {
				return err
			}
			if l, err = r.addDays(ctx, l, found); err != nil {
				return err
			}
			survey = true
		}
		m.Listed, m.changed = m.Day, true
	}
	if !survey {
		return nil
	}
	if l == nil {
		var err error
		if l, err = r.daysOf(ctx, m); err != nil {
			return err
		}
	}
	m.Surveyed, m.Survey, m.changed = today, time.Time{}, true
	m.Days = m.Days || len(l.lines) > 0
	if !m.Days {
		return nil
	}
	return r.survey(ctx, m, l)
}

// daysOf returns days.json, made again where it is not there and should be, or cannot be read.
func (r *run) daysOf(ctx context.Context, m *mark) (*dayList, error) {
	l, err := r.readDays(ctx)
	if err == nil {
		_, err = l.all()
	}
	switch {
	case errors.Is(err, errDamaged):
		return r.restoreDays(ctx, l)
	case err != nil:
		return nil, err
	case l.etag == "" && (m.Days || m.Listed.IsZero()):
		return r.restoreDays(ctx, l)
	}
	return l, nil
}

// daysToCompact returns the days between those looked at and the mark that have small objects enough.
func (r *run) daysToCompact(ctx context.Context, m mark) (found []string, err error) {
	prefix, startAfter := r.names.ObjectsFrom(m.Listed)
	end := m.Day.Format(time.DateOnly)
	at, objects := "", 0
	for object, err := range r.Curated.List(ctx, prefix, startAfter) {
		if err != nil {
			return nil, err
		}
		name, ok := r.names.ObjectDay(object.Key)
		if !ok {
			continue
		}
		if name >= end {
			break
		}
		if name != at {
			at, objects = name, 0
		}
		if objects++; objects == leastObjects {
			found = append(found, name)
		}
	}
	return found, nil
}

// addDays claims those of the days that have no entry, all at once.
func (r *run) addDays(ctx context.Context, l *dayList, names []string) (*dayList, error) {
	now := r.Clock()
	return r.changeDays(ctx, l, func(l *dayList) (changed bool, err error) {
		for _, name := range names {
			d, found, err := l.get(name)
			if err != nil {
				return false, err
			}
			if found {
				continue
			}
			d.claim(r.table.Hash(), now)
			if err := l.set(d); err != nil {
				return false, err
			}
			changed = true
		}
		return changed, nil
	})
}

// survey goes through the days: it compacts those that are stale and deletes what was replaced. A day that fails does not keep the others from being compacted.
func (r *run) survey(ctx context.Context, m *mark, l *dayList) error {
	days, err := l.all()
	if err != nil {
		return err
	}
	compaction, err := r.table.NewCompaction(r.Stream)
	if err != nil {
		return err
	}
	end := m.Day.Format(time.DateOnly)
	p := &packing{run: r, compaction: compaction, days: l, pace: pace{clock: r.Clock, margin: r.SafetyMargin, begun: r.pace.begun}}
	var failed []error
	var cleaned []day
	for _, d := range days {
		var err error
		switch {
		case d.Stale && d.Day < end:
			err = p.day(ctx, d.Day)
		case !d.Stale && !d.Cleaned && !r.Clock().Before(d.Made.Add(r.keepReplaced())):
			if !p.pace.allows(ctx, 0) {
				err = errMore
				break
			}
			if err = r.clean(ctx, d); err == nil {
				cleaned = append(cleaned, d)
			}
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, errMore):
			r.answer.More = true
			m.Survey = r.Clock().UTC()
		case errors.Is(err, errNotReady):
			m.Survey = r.Clock().UTC().Add(longestRun)
			continue
		case ctx.Err() != nil, errors.Is(err, rawzone.ErrNewerFormat):
			return err
		default:
			r.Logger.Error("compaction failed", "stream", r.answer.Stream, "day", d.Day, "error", err)
			failed = append(failed, fmt.Errorf("compacting %s: %w", d.Day, err))
			m.Survey = r.Clock().UTC().Add(longestRun)
			continue
		}
		break
	}
	failed = append(failed, r.tellCleaned(ctx, p.days, cleaned))
	return errors.Join(failed...)
}

func (r *run) keepReplaced() time.Duration {
	if r.KeepReplaced > 0 {
		return r.KeepReplaced
	}
	return DefaultKeepReplaced
}

// packing is the work on days, one after the other.
type packing struct {
	*run
	compaction *curated.Compaction
	// days is days.json as it was last seen.
	days *dayList
	pace pace
}

// day compacts a day, where it is still stale.
func (p *packing) day(ctx context.Context, name string) error {
	for range compactTries {
		if !p.pace.allows(ctx, 0) {
			return errMore
		}
		claimed, err := p.claim(ctx, name)
		if err != nil || !claimed.Stale {
			return err
		}
		begin := p.pace.clock()
		taken, made, err := p.inputs(ctx, name)
		switch {
		case err != nil:
			return err
		case made:
			// The claim is gone, and the receipts may be provisional.
			p.days = nil
			continue
		}
		result, err := p.pack(ctx, claimed, taken)
		switch {
		case errors.Is(err, errChangedMeanwhile):
			p.days = nil
			continue
		case errors.Is(err, errNumberTaken):
			if err := p.reclaim(ctx, claimed, result.Claim); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		stands, err := p.publish(ctx, claimed, result)
		if err != nil {
			return err
		}
		if stands {
			p.answer.Compacted++
			p.Logger.Info("day compacted", telemetry.Figures("stream", p.answer.Stream, "day", name, "compaction", claimed.Claim,
				"objects", result.Objects, "rows", result.Rows, "bytes", result.Bytes, "from", taken.objects, "seconds", p.pace.clock().Sub(begin).Seconds())...)
			return nil
		}
	}
	return errNotReady
}

// claim returns the day's entry with a claim that stands, made with the table's columns: the one that there is, or a new one. Where the day is not stale any
// more there is nothing to claim.
func (p *packing) claim(ctx context.Context, name string) (claimed day, err error) {
	now := p.Clock()
	p.days, err = p.changeDays(ctx, p.days, func(l *dayList) (bool, error) {
		var err error
		if claimed, _, err = l.get(name); err != nil || !claimed.Stale || claimed.claimedBy(p.table.Hash()) {
			return false, err
		}
		claimed.claim(p.table.Hash(), now)
		return true, l.set(claimed)
	})
	return claimed, err
}

// reclaim gives the day a claim beyond a number, where the claim still stands.
func (p *packing) reclaim(ctx context.Context, claimed day, beyond int64) (err error) {
	now := p.Clock()
	p.days, err = p.changeDays(ctx, p.days, func(l *dayList) (bool, error) {
		d, _, err := l.get(claimed.Day)
		if err != nil || !d.sameClaim(claimed) {
			return false, err
		}
		d.Claim = beyond
		d.claim(p.table.Hash(), now)
		return true, l.set(d)
	})
	return err
}

// publish makes the compaction count where the claim still stands, and reports whether it does.
func (p *packing) publish(ctx context.Context, claimed, result day) (stands bool, err error) {
	p.days, err = p.changeDays(ctx, p.days, func(l *dayList) (bool, error) {
		d, _, err := l.get(claimed.Day)
		if err != nil {
			return false, err
		}
		if !d.Stale && d.Compaction == claimed.Claim && d.Digest == result.Digest {
			// The answer of this very put was lost, or another run with the same claim was first.
			stands = true
			return false, nil
		}
		if stands = d.sameClaim(claimed); !stands {
			return false, nil
		}
		return true, l.set(result)
	})
	return stands, err
}

// inputs are what a day's compaction takes in.
type inputs struct {
	items []input
	// objects is how many small objects the day has.
	objects int
}

// input is one small object, or what it is to be made from again.
type input struct {
	ref  rawzone.CommitRef
	k    int
	size int64
	// object is the small object; its key is empty where it is gone.
	object objectstore.Object
	commit *rawzone.Commit
	parts  []rawzone.Part
}

// inputs lists what the day's compaction takes in: of each window that starts on the day the objects of its newest commit. Windows that are not made are made
// first; made says that some were. It fails with [errNotReady] where windows cannot be made for now, or a receipt is provisional still.
func (p *packing) inputs(ctx context.Context, name string) (taken inputs, made bool, err error) {
	from, err := time.Parse(time.DateOnly, name)
	if err != nil {
		return taken, false, err
	}
	var refs []rawzone.CommitRef
	ctxList, cancel := context.WithCancel(ctx)
	defer cancel()
	receipts := p.receiptsFrom(ctxList, from)
	defer receipts.stop()
	for ref, err := range p.Raw.Commits(ctx, from) {
		if err != nil {
			return taken, false, err
		}
		if !ref.Start.Before(from.Add(oneDay)) {
			break
		}
		there, err := receipts.of(ref.Name)
		if err != nil {
			return taken, false, err
		}
		stands, remade, err := p.stands(ctx, ref, there)
		if err != nil {
			return taken, false, err
		}
		made = made || remade
		if stands {
			refs = append(refs, ref)
		}
	}
	if made {
		return taken, true, nil
	}
	small := map[string][]objectstore.Object{}
	for object, err := range p.Curated.List(ctx, p.names.ObjectsOn(name), "") {
		if err != nil {
			return taken, false, err
		}
		if w, ok := p.names.ObjectWindow(object.Key); ok {
			small[w.StartName] = append(small[w.StartName], object)
			taken.objects++
		}
	}
	for _, ref := range refs {
		items, err := p.itemsOf(ctx, ref, small[ref.Name])
		if err != nil {
			return taken, false, err
		}
		taken.items = append(taken.items, items...)
	}
	return taken, false, nil
}

// stands reports whether the window has its receipt, which will not be made to count for other objects any more, after making the window where it has none.
// remade says that it was made. A window that never had a record stands for nothing, and needs no receipt.
func (p *packing) stands(ctx context.Context, ref rawzone.CommitRef, there []objectstore.Object) (stands, remade bool, err error) {
	if len(there) == 1 && there[0].Key == p.names.Receipt(ref.Name, ref.ETag, p.table.Hash()) && there[0].Size == 0 {
		return true, false, nil
	}
	if len(there) == 0 {
		commit, etag, err := p.Raw.Commit(ctx, ref)
		if err != nil {
			return false, false, err
		}
		if etag == ref.ETag && commit.Generation == 1 && commit.Records == 0 {
			return false, false, nil
		}
	}
	before := p.answer.Windows
	state, err := p.missing(ctx, ref, there)
	remade = p.answer.Windows > before
	switch {
	case errors.Is(err, errLeft):
		return false, remade, errNotReady
	case err != nil:
		return false, remade, err
	case state == unfinished && !remade:
		return false, false, errNotReady
	}
	return state == finished, remade, nil
}

// itemsOf returns a window's items: its objects, or where they are gone what they are made from.
func (p *packing) itemsOf(ctx context.Context, ref rawzone.CommitRef, objects []objectstore.Object) (items []input, err error) {
	for _, object := range objects {
		w, _ := p.names.ObjectWindow(object.Key)
		if w.Of != len(objects) {
			items = nil
			break
		}
		items = append(items, input{ref: ref, k: w.K, size: object.Size, object: object})
	}
	if len(items) > 0 {
		slices.SortFunc(items, func(a, b input) int { return a.k - b.k })
		return items, nil
	}
	commit, groups, err := p.groupsOf(ctx, ref)
	if err != nil {
		return nil, err
	}
	for i, parts := range groups {
		item := input{ref: ref, k: i + 1, commit: commit, parts: parts}
		for _, part := range parts {
			item.size += part.Bytes
		}
		items = append(items, item)
	}
	return items, nil
}

// groupsOf reads a commit, which must be the one that was listed, and returns which of its parts make one object each.
func (p *packing) groupsOf(ctx context.Context, ref rawzone.CommitRef) (*rawzone.Commit, [][]rawzone.Part, error) {
	commit, etag, err := p.Raw.Commit(ctx, ref)
	switch {
	case err != nil:
		return nil, nil, err
	case etag != ref.ETag:
		return nil, nil, errNotReady
	}
	return commit, grouped(commit.Parts), nil
}

// sliced cuts the items into what makes one object each.
func sliced(items []input) (slices [][]input) {
	var size int64
	begin := 0
	for i, item := range items {
		if i > begin && size+item.size > CompactedBytes {
			slices = append(slices, items[begin:i])
			begin, size = i, 0
		}
		size += item.size
	}
	if len(items) == 0 {
		return nil
	}
	return append(slices, items[begin:])
}

// digestOf stands for what objects are made of and how: one set of names never holds two sets of rows.
func (p *packing) digestOf(slices [][]input) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%d %d %s\n", daysFormat, curated.CompactionVersion, p.table.Hash())
	for _, items := range slices {
		for _, item := range items {
			fmt.Fprintf(sum, "%s %s %d\n", item.ref.Name, item.ref.ETag, item.k)
		}
		fmt.Fprintln(sum)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// pack makes the objects of a claim, and returns what the day's entry is to be. It fails with [errNumberTaken], and the greatest number then is that
// of the result's claim.
func (p *packing) pack(ctx context.Context, claimed day, all inputs) (result day, err error) {
	slices := sliced(all.items)
	result = day{
		Day: claimed.Day, Compaction: claimed.Claim, Claim: claimed.Claim, Columns: claimed.Columns, Digest: p.digestOf(slices), Objects: len(slices),
	}
	there, taken := map[string]bool{}, false
	for object, err := range p.Curated.List(ctx, p.names.CompactedOn(claimed.Day), "") {
		if err != nil {
			return result, err
		}
		o, ok := p.names.ParseCompacted(object.Key)
		switch {
		case !ok || o.Compaction < claimed.Claim:
		case o.Compaction == claimed.Claim && o.Digest == result.Digest:
			// An invocation before has got as far as this.
			there[object.Key] = true
		default:
			taken, result.Claim = true, max(result.Claim, o.Compaction)
		}
	}
	if taken {
		return result, errNumberTaken
	}
	for i, items := range slices {
		key := p.names.CompactedKey(curated.CompactedObject{Day: claimed.Day, Compaction: claimed.Claim, Digest: result.Digest, K: i + 1, Of: len(slices)})
		var rows, size int64
		if there[key] {
			object, err := p.Curated.Head(ctx, key)
			if err != nil {
				return result, err
			}
			rows, _ = strconv.ParseInt(object.Metadata[metaRows], 10, 64)
			size = object.Size
		} else if rows, size, err = p.slice(ctx, key, claimed.Claim, items); err != nil {
			return result, err
		}
		result.Rows += rows
		result.Bytes += size
	}
	result.Made = p.Clock().UTC()
	return result, nil
}

// errNumberTaken says that the number of a claim has been that of another one before. That is where days.json was put back to an earlier one: rows of two
// claims must never have one number, by which readers know them.
var errNumberTaken = errors.New("the claim's number is taken")

// slice makes one object of a claim and puts it. Where it is there already, it is of the same rows.
func (p *packing) slice(ctx context.Context, key string, number int64, items []input) (rows, size int64, err error) {
	var taken int64
	for _, item := range items {
		taken += item.size
	}
	if !p.pace.allows(ctx, taken) {
		return 0, 0, errMore
	}
	begin := p.pace.clock()
	sorter := p.compaction.NewSorter(number, func() (curated.SpillFile, error) { return temporary(p.TempDir) })
	defer func() { err = errors.Join(err, sorter.Close()) }()
	for _, item := range items {
		if err := p.take(ctx, sorter, item); err != nil {
			return 0, 0, err
		}
	}
	object, err := temporary(p.TempDir)
	if err != nil {
		return 0, 0, err
	}
	defer object.Close()
	if rows, err = sorter.WriteTo(ctx, object); err != nil {
		return 0, 0, err
	}
	if size, err = object.Seek(0, io.SeekCurrent); err != nil {
		return 0, 0, err
	}
	if _, err := object.Seek(0, io.SeekStart); err != nil {
		return 0, 0, err
	}
	metadata := map[string]string{
		metaFormat:  strconv.Itoa(daysFormat),
		metaColumns: p.table.Hash(),
		metaRows:    strconv.FormatInt(rows, 10),
	}
	_, err = p.Curated.Put(ctx, key, object, "application/vnd.apache.parquet", metadata, objectstore.Absent())
	if err != nil && !errors.Is(err, objectstore.ErrTaken) {
		return 0, 0, err
	}
	p.pace.took(p.pace.clock().Sub(begin), taken)
	return rows, size, nil
}

// errChangedMeanwhile says that an object is not what it was when it was listed.
var errChangedMeanwhile = errors.New("an object was put or deleted meanwhile")

// take takes an item's rows in. Where the small object is gone it is made again, for this purpose alone: nobody else needs it.
func (p *packing) take(ctx context.Context, sorter *curated.Sorter, item input) (err error) {
	file, err := temporary(p.TempDir)
	if err != nil {
		return err
	}
	defer file.Close()
	size, err := p.fetch(ctx, file, item)
	if err != nil {
		return err
	}
	if _, err := sorter.Add(ctx, file, size); err != nil {
		return fmt.Errorf("object %d of window %s: %w", item.k, item.ref.Name, err)
	}
	return nil
}

// fetch writes an item's small object to file.
func (p *packing) fetch(ctx context.Context, file *os.File, item input) (size int64, err error) {
	if item.object.Key == "" {
		source, err := p.source(ctx, item.commit)
		if err != nil {
			return 0, err
		}
		w := &making{run: p.run, ref: item.ref, commit: item.commit}
		if _, _, err := w.fill(ctx, item.parts, file, io.Discard, source); err != nil {
			return 0, err
		}
		return file.Seek(0, io.SeekCurrent)
	}
	object, body, err := p.Curated.Open(ctx, item.object.Key)
	if errors.Is(err, objectstore.ErrNotFound) {
		return 0, errChangedMeanwhile
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	format, _ := strconv.Atoi(object.Metadata[metaFormat])
	switch err := checkFormat(item.object.Key, format); {
	case err != nil:
		return 0, err
	case object.ETag != item.object.ETag, object.Metadata[MetaCommit] != item.ref.ETag, object.Metadata[metaColumns] != p.table.Hash():
		return 0, errChangedMeanwhile
	}
	return io.Copy(file, body)
}
