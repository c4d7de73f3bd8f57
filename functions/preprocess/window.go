package preprocess

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
)

// ObjectBytes is about how many compressed bytes of parts go into one Parquet object. It is part of what an
// object's name means, so a change of it must come with a new format version.
const ObjectBytes = 32 << 20

var (
	// errMore says that there is no time left to begin the next object.
	errMore = errors.New("no time left for the next object")
	// errLeft says that another run is making the window.
	errLeft = errors.New("another run is making the window")
)

// Names of an object's metadata, by which a later run knows what it was made from.
const (
	metaFormat      = "windrow-format"
	MetaCommit      = "windrow-commit"
	metaColumns     = "windrow-columns"
	metaRows        = "windrow-rows"
	metaQuarantined = "windrow-quarantined"
)

// state is what is left of a window for later runs to do.
type state int

const (
	// unfinished says that a later run has to look at the window again.
	unfinished state = iota
	// finished says that the window has its objects, and a receipt that stays.
	finished
	// blank says that there is nothing to make of the window, with whatever columns: the first generation of a window without records.
	blank
)

// window makes the objects of a commit, and then its receipt.
// receipts are those that the window has, for other commits or columns, or provisional ones; nil where they were not looked for.
// With force objects are made that there are already.
func (r *run) window(ctx context.Context, ref rawzone.CommitRef, receipts *[]objectstore.Object, force bool) (state, error) {
	if !r.pace.allows(ctx, 0) {
		return unfinished, errMore
	}
	begin := r.pace.clock()
	// A first generation without any receipt has nearly always no objects yet. It is spared the listings;
	// its conditional puts show where that is wrong.
	w := &making{run: r, ref: ref, force: force, fresh: !force && (receipts == nil || len(*receipts) == 0)}
	var there []objectstore.Object
	if receipts != nil {
		there = *receipts
	}
	err := w.make(ctx, there)
	if errors.Is(err, errNotFresh) {
		if receipts == nil {
			if there, err = r.receiptsOf(ctx, ref); err != nil {
				return unfinished, err
			}
		}
		w = &making{run: r, ref: ref, force: force}
		err = w.make(ctx, there)
	}
	r.pace.begun = true
	if err != nil {
		return unfinished, err
	}
	if w.confirmed {
		r.answer.Confirmed++
		return w.state, nil
	}
	r.answer.Windows++
	if w.state == blank {
		return blank, nil
	}
	r.Logger.Info("window made", telemetry.Figures("stream", r.answer.Stream, "start", ref.Name, "end", rawzone.FormatTime(w.commit.End),
		"generation", w.commit.Generation, "objects", w.objects, "rows", w.rows, "quarantined", w.quarantined,
		"seconds", r.pace.clock().Sub(begin).Seconds())...)
	return w.state, nil
}

// making is the work on one window.
type making struct {
	*run
	ref rawzone.CommitRef
	// fresh says that the window is taken to have no objects, without having looked.
	fresh bool
	// force says that objects are made that are there already; touched that any has been made or deleted.
	force   bool
	touched bool
	// confirmed says that a provisional receipt was found to hold.
	confirmed bool
	state     state
	// seen are the window's objects and their ETags before the commit was read; wanted are the keys that
	// stay.
	seen   map[string]string
	wanted map[string]bool
	commit *rawzone.Commit
	etag   string

	objects     int
	rows        int64
	quarantined int64
	// forgotten are the hashes of the keys of records whose people the vendor has forgotten.
	forgotten map[string]bool
}

// errNotFresh says that a window taken to have no objects has some, or may have.
var errNotFresh = errors.New("the window has objects")

func (w *making) make(ctx context.Context, receipts []objectstore.Object) error {
	w.seen, w.wanted = map[string]string{}, map[string]bool{}
	if !w.fresh {
		for _, prefix := range []string{w.names.ObjectsOf(w.ref.Start, w.ref.Name), w.names.QuarantineOf(w.ref.Name)} {
			for object, err := range w.Curated.List(ctx, prefix, "") {
				if err != nil {
					return err
				}
				w.seen[object.Key] = object.ETag
			}
		}
	}
	var err error
	if w.commit, w.etag, err = w.Raw.Commit(ctx, w.ref); err != nil {
		return err
	}
	if w.fresh && w.commit.Generation > 1 {
		return errNotFresh
	}
	if err := w.checkCounts(); err != nil {
		return err
	}
	if w.commit.Generation == 1 && w.commit.Records == 0 {
		// It needs no receipt: nobody can ever have made anything of it.
		if w.etag == w.ref.ETag {
			w.state = blank
		}
		return nil
	}
	receipt := w.names.Receipt(w.ref.Name, w.etag, w.table.Hash())
	own := slices.IndexFunc(receipts, func(o objectstore.Object) bool { return o.Key == receipt })
	// The window's own receipt stays until its objects turn out to be others than it says.
	vouched := len(receipts) == 1 && own == 0 && !w.force
	if !vouched {
		if err := w.deleteReceipts(ctx, receipts, own); err != nil {
			return err
		}
	}
	groups := grouped(w.commit.Parts)
	for i, parts := range groups {
		if err := w.object(ctx, parts, i+1, len(groups)); err != nil {
			return err
		}
	}
	if err := w.deleteLeftovers(ctx); err != nil {
		return err
	}
	body, condition := provisional, objectstore.Absent()
	switch {
	case w.fresh:
		// Nobody else can have put anything but the same.
		body = ""
	case vouched && w.touched:
		condition = objectstore.Unchanged(receipts[own].ETag)
	case vouched && (receipts[own].Size == 0 || w.Clock().Before(receipts[own].Modified.Add(longestRun))):
		return nil
	case vouched:
		body, condition = "", objectstore.Unchanged(receipts[own].ETag)
		w.confirmed = true
	}
	if !w.confirmed {
		// A run before may have put the objects and got no further, so it does not matter whether this one has put any.
		if err := w.touchDay(ctx, w.ref.Start); err != nil {
			return err
		}
		if err := errors.Join(w.announce(ctx), w.tellForgotten(ctx)); err != nil {
			return err
		}
	}
	_, err = w.Curated.Put(ctx, receipt, strings.NewReader(body), "text/plain", nil, condition)
	if errors.Is(err, objectstore.ErrTaken) || errors.Is(err, objectstore.ErrChanged) {
		// Another run has made the same.
		return nil
	}
	if err == nil && body == "" && w.etag == w.ref.ETag {
		w.state = finished
	}
	return err
}

// announce tells other programs of the window's objects, where it has any or has lost those it had. What an earlier generation had
// may have been deleted by a run that was killed before it could tell, so each later one without objects is announced.
func (w *making) announce(ctx context.Context) error {
	if w.Announce == nil || w.objects == 0 && !w.touched && w.commit.Generation == 1 {
		return nil
	}
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(w.wanted)) {
		if strings.HasSuffix(key, curated.ObjectSuffix) {
			keys = append(keys, key)
		}
	}
	return w.Announce(ctx, telemetry.Announcement{
		Vendor:      w.names.Vendor,
		Stream:      w.names.Stream,
		Window:      telemetry.AnnouncedWindow{Start: w.commit.Start, End: w.commit.End},
		Generation:  w.commit.Generation,
		Rows:        w.rows,
		Quarantined: w.quarantined,
		Bucket:      w.Curated.Name,
		Keys:        append([]string{}, keys[:min(len(keys), telemetry.MaxAnnouncedKeys)]...),
	})
}

// deleteReceipts deletes the window's receipts, which must not vouch for objects that are about to be replaced: after a
// rollback of the columns they would be believed again. The window's own goes first, so that a crash in between leaves no
// finished look.
func (w *making) deleteReceipts(ctx context.Context, receipts []objectstore.Object, own int) error {
	if own > 0 {
		receipts[0], receipts[own] = receipts[own], receipts[0]
	}
	for _, receipt := range receipts {
		if err := w.Curated.Delete(ctx, receipt.Key); err != nil {
			return err
		}
	}
	return nil
}

// checkCounts compares the commit's count with its parts'.
func (w *making) checkCounts() error {
	var records, withheld int64
	for _, part := range w.commit.Parts {
		records += part.Records
		withheld += part.Withheld
	}
	if withheld != w.commit.Withheld {
		return fmt.Errorf("commit %s says that %d records of its window are withheld, and its parts say %d", w.ref.Key, w.commit.Withheld, withheld)
	}
	if records != w.commit.Records {
		return fmt.Errorf("commit %s says that its window has %d records, and its parts that they hold %d", w.ref.Key, w.commit.Records, records)
	}
	return nil
}

// grouped cuts parts into the fixed runs that make one object each. Parts without records make none.
func grouped(parts []rawzone.Part) (groups [][]rawzone.Part) {
	var size int64
	begin := 0
	for i, part := range parts {
		if i > begin && size+part.Bytes > ObjectBytes {
			groups = append(groups, parts[begin:i])
			begin, size = i, 0
		}
		size += part.Bytes
	}
	var records int64
	for _, part := range parts {
		records += part.Records
	}
	if records == 0 {
		return nil
	}
	return append(groups, parts[begin:])
}

// object makes object k of the window's n from parts, and its quarantine.
func (w *making) object(ctx context.Context, parts []rawzone.Part, k, n int) error {
	endName := rawzone.FormatTime(w.commit.End)
	key := w.names.Object(w.ref.Start, w.ref.Name, endName, k, n)
	quarantineKey := w.names.Quarantine(w.ref.Name, endName, k, n)
	w.wanted[key] = true
	var records int64
	for _, part := range parts {
		records += part.Records
	}
	made, counts, err := w.isMade(ctx, key, quarantineKey)
	if err != nil {
		return err
	}
	if !made || counts.Records != records {
		if counts, err = w.build(ctx, parts, key, quarantineKey); err != nil {
			return err
		}
	} else if err := w.notice(ctx, parts); err != nil {
		return err
	}
	if counts.Quarantined > 0 {
		w.wanted[quarantineKey] = true
	}
	w.objects++
	w.rows += counts.Rows
	w.quarantined += counts.Quarantined
	return nil
}

// isMade reports whether an interrupted run has made the object from this commit with these columns.
func (w *making) isMade(ctx context.Context, key, quarantineKey string) (made bool, counts curated.Counts, err error) {
	if w.force || w.seen[key] == "" {
		return false, counts, nil
	}
	object, same, err := w.headOwn(ctx, key)
	if err != nil || !same {
		return false, counts, err
	}
	counts.Rows, _ = strconv.ParseInt(object.Metadata[metaRows], 10, 64)
	counts.Quarantined, _ = strconv.ParseInt(object.Metadata[metaQuarantined], 10, 64)
	counts.Records = counts.Rows + counts.Quarantined
	if counts.Quarantined == 0 {
		return true, counts, nil
	}
	if w.seen[quarantineKey] == "" {
		return false, counts, nil
	}
	_, same, err = w.headOwn(ctx, quarantineKey)
	return same, counts, err
}

// headOwn returns an object and whether it was made from the commit at hand with the columns at hand.
func (w *making) headOwn(ctx context.Context, key string) (objectstore.Object, bool, error) {
	object, err := w.Curated.Head(ctx, key)
	if errors.Is(err, objectstore.ErrNotFound) {
		return object, false, nil
	}
	if err != nil {
		return object, false, err
	}
	format, _ := strconv.Atoi(object.Metadata[metaFormat])
	if err := checkFormat(key, format); err != nil {
		return object, false, err
	}
	return object, object.Metadata[MetaCommit] == w.etag && object.Metadata[metaColumns] == w.table.Hash(), nil
}

// build makes an object from parts and puts it, and then its quarantine.
func (w *making) build(ctx context.Context, parts []rawzone.Part, key, quarantineKey string) (counts curated.Counts, err error) {
	var size int64
	for _, part := range parts {
		size += part.Bytes
	}
	if !w.pace.allows(ctx, size) {
		return counts, errMore
	}
	source, err := w.source(ctx, w.commit)
	if err != nil {
		return counts, err
	}
	w.touched = true
	begin := w.pace.clock()
	object, err := temporary(w.TempDir)
	if err != nil {
		return counts, err
	}
	defer object.Close()
	quarantine, err := temporary(w.TempDir)
	if err != nil {
		return counts, err
	}
	defer quarantine.Close()

	writer, counts, err := w.fill(ctx, parts, object, quarantine, source)
	if err != nil {
		return counts, err
	}
	metadata := map[string]string{
		metaFormat:      strconv.Itoa(curated.FormatVersion),
		MetaCommit:      w.etag,
		metaColumns:     w.table.Hash(),
		metaRows:        strconv.FormatInt(counts.Rows, 10),
		metaQuarantined: strconv.FormatInt(counts.Quarantined, 10),
	}
	if err := w.put(ctx, key, object, "application/vnd.apache.parquet", metadata); err != nil {
		return counts, err
	}
	if counts.Quarantined > 0 {
		// After the object: a quarantine without its object would go unseen where a window is taken as fresh.
		if err := w.put(ctx, quarantineKey, quarantine, "application/gzip", metadata); err != nil {
			return counts, err
		}
	}
	w.pace.took(w.pace.clock().Sub(begin), size)
	w.answer.Objects++
	w.answer.Rows += counts.Rows
	w.answer.Quarantined += counts.Quarantined
	w.fields.add(writer.Undeclared())
	if w.reason == "" {
		w.reason = writer.Reason()
	}
	return counts, nil
}

// fill writes the rows of parts to object and what cannot be a row to quarantine.
func (w *making) fill(ctx context.Context, parts []rawzone.Part, object, quarantine io.Writer, source curated.Source) (writer *curated.Writer, counts curated.Counts, err error) {
	writer = w.newWriter(object, quarantine, source)
	for _, part := range parts {
		if err := w.addPart(ctx, writer, part); err != nil {
			return writer, counts, err
		}
	}
	counts, err = writer.Close()
	return writer, counts, err
}

// source is what the rows of a commit have in common.
func (r *run) source(ctx context.Context, commit *rawzone.Commit) (curated.Source, error) {
	source := curated.Source{Window: commit.Window(), Generation: commit.Generation, Late: commit.Late, IngestedAt: commit.WrittenAt}
	if !r.table.Hashes() {
		return source, nil
	}
	if r.PrivacyKey == nil {
		r.keyless = fmt.Errorf("%w: a column of stream %s is hashed, and nothing reads it", privacy.ErrKey, r.Stream.Name)
		return source, r.keyless
	}
	source.Key, r.keyless = r.PrivacyKey(ctx)
	return source, r.keyless
}

// newWriter returns the run's writer, ready for the next object.
func (r *run) newWriter(object, quarantine io.Writer, source curated.Source) *curated.Writer {
	if r.writer == nil {
		r.writer = r.table.NewWriter(object, quarantine, source)
	} else {
		r.writer.Reset(object, quarantine, source)
	}
	return r.writer
}

func (w *making) addPart(ctx context.Context, writer *curated.Writer, part rawzone.Part) (err error) {
	records, err := w.Raw.OpenPart(ctx, part)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	var body io.Reader = records
	if w.status != nil && w.Forgotten != nil {
		body = io.TeeReader(records, &noticing{making: w})
	}
	count, err := writer.AddPart(ctx, part.Key, body)
	if err != nil {
		return err
	}
	if count != part.Records {
		return fmt.Errorf("part %s holds %d records, and commit %s says that it holds %d", part.Key, count, w.ref.Key, part.Records)
	}
	return nil
}

// put stores an object if it is still what was seen before the commit was read, so that a slow run cannot
// overwrite what was made from a newer commit.
func (w *making) put(ctx context.Context, key string, body io.ReadSeeker, contentType string, metadata map[string]string) error {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := w.Curated.Put(ctx, key, body, contentType, metadata, objectstore.Seen(w.seen[key]))
	if errors.Is(err, objectstore.ErrTaken) || errors.Is(err, objectstore.ErrChanged) {
		return w.lost()
	}
	return err
}

func (w *making) lost() error {
	if w.fresh {
		return errNotFresh
	}
	return errLeft
}

// deleteLeftovers deletes objects of the window that an earlier commit or earlier columns had and these do
// not: other ends, other numbers of objects, records that need no quarantine any more.
func (w *making) deleteLeftovers(ctx context.Context) error {
	for _, key := range slices.Sorted(maps.Keys(w.seen)) {
		etag := w.seen[key]
		if w.wanted[key] {
			continue
		}
		object, err := w.Curated.Head(ctx, key)
		switch {
		case errors.Is(err, objectstore.ErrNotFound):
			continue
		case err != nil:
			return err
		case object.ETag != etag:
			return errLeft
		}
		if err := w.Curated.Delete(ctx, key); err != nil {
			return err
		}
		w.touched = true
	}
	return nil
}

// temporary returns a file that is gone when it is closed, also where the process is killed before.
func temporary(dir string) (*os.File, error) {
	file, err := os.CreateTemp(dir, "windrow-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
