package rawzone

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/gzip"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/window"
)

// Attempt is one reading of a window: which window, how the vendor was asked, and how far it has got. What
// of it a later run needs stands in the names and the metadata of its parts.
type Attempt struct {
	Window window.Window
	// Number counts the readings of the window from 1 on.
	Number int
	// Begun is the scheduled time of the run that began the attempt.
	Begun time.Time
	// Replaces is the ETag of the commit that the attempt is to replace, empty where the window has none.
	Replaces string
	// Moved is how many earlier attempts were abandoned because the vendor's total moved.
	Moved int
	// Request is a hash of how the vendor was asked, page size and all. Only parts of equal requests are
	// joined.
	Request string
	// Announced is the vendor's total on the first page, Total that on the page last read; -1 where it
	// reports none.
	Announced int64
	Total     int64
	// Backoffs is how often the span was shortened before this window was taken.
	Backoffs int
	// Resumes is how often a later invocation took the attempt up.
	Resumes int
	// Forgotten is the version of the list of forgotten people that the records in Parts have been through at least; 0 where there was
	// none.
	Forgotten int

	// Parts are stored, in the order of their pages and without a gap.
	Parts []Part
	// digest is the sum of the hashes of the records in Parts.
	digest uint64
	// Next is what the page after the last part is asked for with.
	Next string
	// Complete says that the last part holds the window's last page.
	Complete bool
	// after is the [position] at which the last part ends.
	after string
}

// Again returns the attempt that follows a, begun at now: nothing of it is read yet.
func (a *Attempt) Again(now time.Time) Attempt {
	return Attempt{
		Window: a.Window, Number: a.Number + 1, Begun: now, Replaces: a.Replaces, Moved: a.Moved,
		Request: a.Request, Backoffs: a.Backoffs, Resumes: a.Resumes, Forgotten: a.Forgotten,
	}
}

// Pages returns how many pages are stored.
func (a *Attempt) Pages() int {
	if len(a.Parts) == 0 {
		return 0
	}
	return a.Parts[len(a.Parts)-1].LastPage
}

// Records returns how many records are stored.
func (a *Attempt) Records() (n int64) {
	for _, part := range a.Parts {
		n += part.Records
	}
	return n
}

// Withheld returns how many records were withheld beside those stored.
func (a *Attempt) Withheld() (n int64) {
	for _, part := range a.Parts {
		n += part.Withheld
	}
	return n
}

// Digest identifies the records that the vendor gave for Parts and for buffer, those withheld too, whatever their order: it is the sum of their 64-bit
// hashes, in hexadecimal. It tells mistakes apart and not forgeries.
func (a *Attempt) Digest(buffer *Buffer) string {
	return digestText(a.digest + buffer.digest)
}

// Names of a part's metadata. The values are ASCII; S3 allows 2 KB in all.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
const (
	metaFormat    = "windrow-format"
	metaRequest   = "windrow-request"
	metaAnnounced = "windrow-announced"
	metaTotal     = "windrow-total"
	metaMoved     = "windrow-moved"
	metaBegun     = "windrow-begun"
	metaReplaces  = "windrow-replaces"
	metaDigest    = "windrow-digest"
	metaBackoffs  = "windrow-backoffs"
	metaResumes   = "windrow-resumes"
	metaRecords   = "windrow-records"
	metaWithheld  = "windrow-withheld"
	metaForgotten = "windrow-forgotten"
	metaAfter     = "windrow-after" // the position at which the part before ends
	metaNext      = "windrow-next"  // base64
	metaComplete  = "windrow-complete"

	// maxNext leaves room for the other values within S3's 2 KB.
	maxNext = 1600
)

const partType = "application/gzip"

// Buffer collects the records of consecutive pages, compressed, until they are stored as a part. Its memory
// is reused from part to part.
type Buffer struct {
	compressed reserved
	gzip       *gzip.Writer
	// lines are records on their way to gzip, which does less in large pieces; they go on where there are most bytes of them.
	lines     []byte
	most      int
	records   int64
	withheld  int64
	digest    uint64
	firstPage int
	lastPage  int
}

const (
	// firstReserved is the memory that a buffer takes first, which most runs' parts fit in.
	firstReserved = 256 << 10
	// maxLines is how much of the records is given to gzip at once: as much as it compresses at once.
	maxLines = 64 << 10
	// maxReserved is the most memory that a buffer reserves beforehand.
	maxReserved = 16 << 20
)

// NewBuffer returns an empty buffer for parts of about size compressed bytes. It takes no memory before there is a record, and then
// that of a small part, or of a whole one: a buffer that grew by doubling would hold three times as much while it is copied.
func NewBuffer(size int64) *Buffer {
	b := &Buffer{compressed: reserved{whole: int(min(size+size/4, maxReserved))}, most: int(min(size, maxLines))}
	// Level 1 is several times as fast as the default on a small CPU share, for a few percent more bytes.
	b.gzip, _ = gzip.NewWriterLevel(&b.compressed, gzip.BestSpeed)
	return b
}

// reserved is memory that grows in two steps, to a little and to what a whole part needs.
type reserved struct {
	bytes []byte
	whole int
}

// Write implements [io.Writer]. It does not fail.
func (r *reserved) Write(p []byte) (int, error) {
	if needed := len(r.bytes) + len(p); needed > cap(r.bytes) && needed <= r.whole {
		size := r.whole
		if needed <= firstReserved {
			size = min(size, firstReserved)
		}
		// make leaves untouched what the system has just given, unlike slices.Grow.
		r.bytes = append(make([]byte, 0, size), r.bytes...)
	}
	r.bytes = append(r.bytes, p...)
	return len(p), nil
}

// Reset drops what has not been stored.
func (b *Buffer) Reset() {
	b.compressed.bytes = b.compressed.bytes[:0]
	b.gzip.Reset(&b.compressed)
	b.lines = b.lines[:0]
	b.records, b.withheld, b.digest, b.firstPage, b.lastPage = 0, 0, 0, 0, 0
}

// Size returns the compressed bytes held, but for what is not compressed yet: some 100 KB at most, and the last record.
func (b *Buffer) Size() int64 { return int64(len(b.compressed.bytes)) }

// Pages returns how many pages are held.
func (b *Buffer) Pages() int {
	if b.firstPage == 0 {
		return 0
	}
	return b.lastPage - b.firstPage + 1
}

// Records returns how many records are held.
func (b *Buffer) Records() int64 { return b.records }

// Withheld returns how many records were withheld.
func (b *Buffer) Withheld() int64 { return b.withheld }

// Page says that the records added from now on are of the page with this number.
func (b *Buffer) Page(number int) {
	if b.firstPage == 0 {
		b.firstPage = number
	}
	b.lastPage = number
}

// Add appends a record, which must be free of newlines.
func (b *Buffer) Add(record []byte) { b.AddAs(record, record) }

// Withhold counts a record that the vendor gave and that is not stored.
func (b *Buffer) Withhold(given []byte) {
	b.withheld++
	b.digest += xxhash.Sum64(given)
}

// AddAs appends a record that is stored otherwise than it was given.
func (b *Buffer) AddAs(given, record []byte) {
	b.append(record)
	b.digest += xxhash.Sum64(given)
}

func (b *Buffer) append(record []byte) {
	if len(record) < maxLines {
		b.lines = append(b.lines, record...)
	} else {
		b.compress()
		_, _ = b.gzip.Write(record)
	}
	b.lines = append(b.lines, '\n')
	if len(b.lines) >= b.most {
		b.compress()
	}
	b.records++
}

// compress gives gzip what it has not got yet.
func (b *Buffer) compress() {
	// Writing to memory cannot fail.
	_, _ = b.gzip.Write(b.lines)
	b.lines = b.lines[:0]
}

// Store puts what buffer holds as the next part of attempt, names run as its writer, and empties buffer. The
// attempt's Next and Complete say how a later run goes on after this part.
func (z Zone) Store(ctx context.Context, attempt *Attempt, buffer *Buffer, run string) error {
	encoded := base64.StdEncoding.EncodeToString([]byte(attempt.Next))
	if len(encoded) > maxNext {
		return fmt.Errorf("the next page of window %s needs %d bytes to be asked for: want at most %d, what S3's object metadata can hold",
			attempt.Window, len(encoded), maxNext)
	}
	buffer.compress()
	if err := buffer.gzip.Close(); err != nil {
		return err
	}
	metadata := map[string]string{
		metaFormat:    strconv.Itoa(formatUnder(attempt.Forgotten)),
		metaRequest:   attempt.Request,
		metaAnnounced: strconv.FormatInt(attempt.Announced, 10),
		metaTotal:     strconv.FormatInt(attempt.Total, 10),
		metaMoved:     strconv.Itoa(attempt.Moved),
		metaBegun:     attempt.Begun.UTC().Format(time.RFC3339Nano),
		metaDigest:    strconv.FormatUint(buffer.digest, 16),
		metaBackoffs:  strconv.Itoa(attempt.Backoffs),
		metaResumes:   strconv.Itoa(attempt.Resumes),
		metaRecords:   strconv.FormatInt(buffer.records, 10),
		metaNext:      encoded,
		metaComplete:  strconv.FormatBool(attempt.Complete),
	}
	if attempt.Forgotten > 0 {
		metadata[metaForgotten], metadata[metaWithheld] = strconv.Itoa(attempt.Forgotten), strconv.FormatInt(buffer.withheld, 10)
	}
	if len(attempt.Parts) > 0 {
		metadata[metaAfter] = attempt.after
	}
	if attempt.Replaces != "" {
		metadata[metaReplaces] = attempt.Replaces
	}
	key := z.partKey(partName{
		window: attempt.Window, attempt: attempt.Number, run: run,
		firstPage: buffer.firstPage, lastPage: buffer.lastPage,
	})
	body := buffer.compressed.bytes
	etag, err := z.Bucket.Put(ctx, key, bytes.NewReader(body), partType, metadata, objectstore.Absent())
	if errors.Is(err, objectstore.ErrTaken) {
		// No two runs write one name, so it is this run's own put whose answer was lost.
		var own objectstore.Object
		own, err = z.Bucket.Head(ctx, key)
		if err == nil && (own.Size != int64(len(body)) || !maps.Equal(own.Metadata, metadata)) {
			err = fmt.Errorf("part %s is there already and holds something else: want a run's name that no other run has", key)
		}
		etag = own.ETag
	}
	if err != nil {
		return err
	}
	attempt.Parts = append(attempt.Parts, Part{
		Key: key, ETag: etag, Records: buffer.records, Withheld: buffer.withheld, Bytes: int64(len(body)),
		FirstPage: buffer.firstPage, LastPage: buffer.lastPage,
	})
	attempt.digest += buffer.digest
	attempt.after = position(attempt.Next)
	buffer.Reset()
	return nil
}

// position identifies what a page is asked for with.
func position(next string) string {
	sum := sha256.Sum256([]byte(next))
	return hex.EncodeToString(sum[:8])
}

// Resuming says which attempts of a window may be gone on with.
type Resuming struct {
	// Replaces is the ETag of the commit that is to be replaced, empty where the window has none.
	Replaces string
	// Above is the number of the attempt whose parts that commit names; only later ones are looked at.
	Above int
	// Begun is the earliest time at which an attempt may have begun, so that it shows what the vendor has shown
	// until then. Zero means any.
	Begun time.Time
	// Stored is the earliest time at which a part may have been stored, by the clock of the bucket. It keeps what
	// is gone on with apart from what the sweep deletes. Zero means any.
	Stored time.Time
}

// Resumable returns the attempt to go on with at the window that begins at start: the newest one's longest
// chain of parts without a gap, whoever wrote them. Where none can be gone on with it has no Parts; its Number is
// then the highest that has stored anything, 0 where none has. It costs one listing, and one HEAD for each part of the chain.
func (z Zone) Resumable(ctx context.Context, start time.Time, which Resuming) (Attempt, error) {
	type chain struct {
		attempt int
		end     string
	}
	chains := map[chain][]storedPart{}
	highest, newest := 0, 0
	for object, err := range z.Bucket.List(ctx, z.partsPrefix(start), "") {
		if err != nil {
			return Attempt{}, err
		}
		name, ok := z.parsePartKey(object.Key)
		if !ok {
			continue
		}
		highest = max(highest, name.attempt)
		if name.attempt <= which.Above || object.Modified.Before(which.Stored) {
			continue
		}
		newest = max(newest, name.attempt)
		id := chain{name.attempt, FormatTime(name.window.End)}
		chains[id] = append(chains[id], storedPart{name, object})
	}
	best := Attempt{Number: max(highest, which.Above)}
	ids := slices.SortedFunc(maps.Keys(chains), func(a, b chain) int { return cmp.Compare(a.end, b.end) })
	for _, id := range ids {
		if id.attempt != newest {
			continue
		}
		attempt, err := z.follow(ctx, chains[id], which)
		if err != nil {
			return Attempt{}, err
		}
		if attempt.Pages() > best.Pages() || attempt.Pages() == best.Pages() && attempt.Window.End.After(best.Window.End) {
			best = attempt
		}
	}
	return best, nil
}

type storedPart struct {
	name   partName
	object objectstore.Object
}

// follow chains parts of one attempt and window from page one on, as far as they go without a gap. Only
// parts whose requests and totals are equal to the first one's are joined, and only where the page before was
// the same to both their writers: otherwise a record that has moved would be lost between them, or come twice.
func (z Zone) follow(ctx context.Context, parts []storedPart, which Resuming) (Attempt, error) {
	var attempt Attempt
	for {
		page := attempt.Pages() + 1
		var joined *Attempt
		for _, part := range parts {
			// Of several parts from the same page on, the longest saves most.
			if part.name.firstPage != page || joined != nil && part.name.lastPage <= joined.Pages() {
				continue
			}
			candidate, err := z.join(ctx, attempt, part, which)
			if err != nil {
				return Attempt{}, err
			}
			if candidate != nil {
				joined = candidate
			}
		}
		if joined == nil {
			return attempt, nil
		}
		attempt = *joined
		if attempt.Complete {
			return attempt, nil
		}
	}
}

// join returns attempt with part appended, or nil where the part does not follow it.
func (z Zone) join(ctx context.Context, attempt Attempt, part storedPart, which Resuming) (*Attempt, error) {
	object, err := z.Bucket.Head(ctx, part.object.Key)
	if errors.Is(err, objectstore.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := object.Metadata
	if err := checkFormat(object.Key, formatOf(object)); err != nil {
		return nil, err
	}
	var faults []error
	number := func(name string) int64 {
		n, err := strconv.ParseInt(m[name], 10, 64)
		faults = append(faults, err)
		return n
	}
	joined := Attempt{
		Window:    part.name.window,
		Number:    part.name.attempt,
		Replaces:  m[metaReplaces],
		Moved:     int(number(metaMoved)),
		Request:   m[metaRequest],
		Announced: number(metaAnnounced),
		Total:     number(metaTotal),
		Backoffs:  int(number(metaBackoffs)),
		Resumes:   int(number(metaResumes)),
	}
	records := number(metaRecords)
	var withheld int64
	if m[metaForgotten] != "" {
		joined.Forgotten, withheld = int(number(metaForgotten)), number(metaWithheld)
	}
	if len(attempt.Parts) > 0 {
		joined.Forgotten = min(joined.Forgotten, attempt.Forgotten)
	}
	next, err := base64.StdEncoding.DecodeString(m[metaNext])
	faults = append(faults, err)
	joined.Begun, err = time.Parse(time.RFC3339Nano, m[metaBegun])
	faults = append(faults, err)
	digest, err := strconv.ParseUint(m[metaDigest], 16, 64)
	if errors.Join(append(faults, err)...) != nil {
		// Not as Store puts it, for example a copy that lacks its metadata: nothing can be gone on from it.
		return nil, nil
	}
	if joined.Replaces != which.Replaces || joined.Begun.Before(which.Begun) {
		return nil, nil
	}
	if len(attempt.Parts) > 0 && (joined.Request != attempt.Request || joined.Announced != attempt.Announced ||
		joined.Moved != attempt.Moved || !joined.Begun.Equal(attempt.Begun) || m[metaAfter] != attempt.after) {
		return nil, nil
	}
	joined.Next, joined.Complete = string(next), m[metaComplete] == "true"
	joined.after = position(joined.Next)
	joined.digest = attempt.digest + digest
	joined.Parts = append(append([]Part(nil), attempt.Parts...), Part{
		Key: object.Key, ETag: object.ETag, Records: records, Withheld: withheld, Bytes: object.Size,
		FirstPage: part.name.firstPage, LastPage: part.name.lastPage,
	})
	return &joined, nil
}

// openBufferBytes is how much of a part is read at once.
const openBufferBytes = 64 << 10

// OpenPart returns the records of a part, one JSON record a line. It fails where the object is another than
// the one that the commit named.
func (z Zone) OpenPart(ctx context.Context, part Part) (io.ReadCloser, error) {
	object, body, err := z.Bucket.Open(ctx, part.Key)
	if err != nil {
		return nil, err
	}
	if object.ETag != part.ETag {
		body.Close()
		return nil, fmt.Errorf("part %s has the ETag %s: want %s, as its commit says", part.Key, object.ETag, part.ETag)
	}
	return records(object, body)
}

func formatOf(object objectstore.Object) int {
	format, _ := strconv.Atoi(object.Metadata[metaFormat])
	return format
}

type partReader struct {
	*gzip.Reader
	body io.Closer
}

func (r *partReader) Close() error { return errors.Join(r.Reader.Close(), r.body.Close()) }
