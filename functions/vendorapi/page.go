package vendorapi

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/functions/jsonscan"
	"github.com/windrow-data/windrow/functions/window"
)

// Page is one answer of the vendor. It, and the records it yields, are valid until the next call of
// [Client.Page].
type Page struct {
	// Number counts the pages of a window from 1.
	Number int
	// Count is the number of records in the answer, Kept how many of them belong to the window. They differ
	// only where the vendor has to be asked for more than the window.
	Count, Kept int
	// Untimed counts the records that had to be placed by their own time and showed none that can be read.
	// They are kept, in every window that meets them: twice is better than never.
	Untimed int
	// Outside counts the records whose own time, where the description says where it stands, is so far from the window that
	// the vendor would not have given them if it took the window's parameters as described. It is 0 where the vendor takes none.
	Outside int
	// Total is the number of records that the vendor says the request has in all, -1 where it says nothing.
	Total int64
	// Bytes is the size of the answer's body after decompression.
	Bytes int
	// Next is where to go on. Where Last is set, only the number of records seen counts in it.
	Next Cursor
	// Last says that the window has no further page.
	Last bool

	body    []byte
	records []span
	// others are the records that belong to other windows.
	others []span
	// added are the members that are put before those of each record, each with a comma behind it; extended is the record
	// yielded last with them.
	added, extended []byte
	// keys reads the keys of records that fields of their parent were added to.
	keys *KeyReader
	// without leaves out the record's own members of these names; nil where nothing is added.
	without *withoutNames
}

// span is where a record stands in a page's body, and what was seen of it there.
type span struct {
	from, to int
	key      Key
	// time is the value at the stream's TimePath, nil where there is none.
	time []byte
}

// Records yields each record that belongs to the window, exactly as the vendor sent it but for line breaks
// between its tokens, which have become spaces, so that a record is one line, and for the fields of its parent, which stand
// before its own. A record lasts until the next one.
func (p *Page) Records() iter.Seq[[]byte] { return p.each(p.records) }

// Others yields the records of the answer that belong to other windows: a count of what was given has to
// include them, as the vendor's total does.
func (p *Page) Others() iter.Seq[[]byte] { return p.each(p.others) }

func (p *Page) each(records []span) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for record := range p.eachKeyed(records) {
			if !yield(record) {
				return
			}
		}
	}
}

// Keyed yields what [Page.Records] does, and the key of each record, as [KeyReader.Hash] reads it.
func (p *Page) Keyed() iter.Seq2[[]byte, Key] { return p.eachKeyed(p.records) }

// OthersKeyed is [Page.Keyed] of [Page.Others].
func (p *Page) OthersKeyed() iter.Seq2[[]byte, Key] { return p.eachKeyed(p.others) }

func (p *Page) eachKeyed(records []span) iter.Seq2[[]byte, Key] {
	return func(yield func([]byte, Key) bool) {
		for i := range records {
			r := &records[i]
			record, key := p.body[r.from:r.to:r.to], r.key
			if len(p.added) > 0 {
				record = p.extend(record)
				// The key may have fields of the parent.
				key.Hash, key.Known, _ = p.keys.Hash(record)
			}
			if !yield(record, key) {
				return
			}
		}
	}
}

// extend puts the parent's fields before those of a record. What is no object has none, and stays as it is.
func (p *Page) extend(record []byte) []byte {
	if record[0] != '{' {
		return record
	}
	own := bytes.TrimLeft(record[1:], " \t")
	if p.without != nil {
		own = p.without.members(record, own)
	}
	p.extended = append(append(p.extended[:0], '{'), p.added...)
	if own[0] == '}' {
		p.extended = p.extended[:len(p.extended)-1]
	}
	p.extended = append(p.extended, own...)
	return p.extended
}

// lenient are the scanner's options: a vendor's page is not refused for a name that occurs twice or for bytes
// that are no UTF-8 inside a record.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// scanner finds records, total and next token in page after page. It keeps its buffers.
type scanner struct {
	reader jsonscan.Reader
	stream *Stream
	bounds bounds
	// fields reads of each record the fields of its key and, where it stands in none of them, the time, which is timeAt among
	// them. Otherwise timeAt is -1, and times reads it.
	fields *fieldReader
	hasher keyHasher
	timeAt int
	times  *TimeReader

	recordsPath, totalPath, nextPath, failurePath []string
}

func newScanner(s *Stream) *scanner {
	paths, timeAt := s.seenPaths()
	return &scanner{
		reader:      jsonscan.Lenient(maxDepth),
		stream:      s,
		bounds:      s.bounds(),
		fields:      newFieldReader(paths...),
		timeAt:      timeAt,
		times:       NewTimeReader(s),
		recordsPath: splitPath(s.RecordsPath),
		totalPath:   splitPath(s.Total.Path),
		nextPath:    splitPath(s.Paging.NextPath),
		failurePath: splitPath(s.FailurePath),
	}
}

// seenPaths are what is read of each record as its page is scanned: the fields of its key, and its time, whose place among them is
// timeAt. It is -1 where there is none, or where one of the paths leads through the other.
func (s *Stream) seenPaths() (paths []string, timeAt int) {
	if s.TimePath == "" {
		return s.Key, -1
	}
	for _, path := range s.Key {
		if path != s.TimePath && (strings.HasPrefix(path, s.TimePath+".") || strings.HasPrefix(s.TimePath, path+".")) {
			return s.Key, -1
		}
	}
	if at := slices.Index(s.Key, s.TimePath); at >= 0 {
		return s.Key, at
	}
	return append(slices.Clone(s.Key), s.TimePath), len(s.Key)
}

func splitPath(path string) []string {
	if path == "" {
		return nil
	}
	return strings.Split(path, ".")
}

// envelope is what an answer's body holds beside its records.
type envelope struct {
	// found says that the array of records was there.
	found bool
	// broken says that there are line breaks between the body's tokens.
	broken bool
	// total, next and failure are JSON values as written, nil where absent.
	total, next, failure jsontext.Value
}

// scan reads a whole body: it is checked to its end, so that no record of a broken page is handed on. The
// records' places go to p.
func (s *scanner) scan(body []byte, p *Page) (envelope, error) {
	var e envelope
	s.reader.Reset(body)
	wants := []want{{path: s.recordsPath, read: func(r *jsonscan.Reader) error {
		var err error
		e.found, err = s.scanRecords(r, p)
		return err
	}}}
	if s.totalPath != nil {
		wants = append(wants, want{path: s.totalPath, read: readInto(&e.total)})
	}
	if s.nextPath != nil {
		wants = append(wants, want{path: s.nextPath, read: readInto(&e.next)})
	}
	if s.failurePath != nil {
		wants = append(wants, want{path: s.failurePath, read: readInto(&e.failure)})
	}
	if kind := s.reader.Peek(); len(s.recordsPath) > 0 && kind != '{' && kind != 0 {
		return e, fmt.Errorf("the answer is a JSON %s: want an object", kindName(kind))
	}
	if err := walk(&s.reader, wants, 0); err != nil {
		return e, err
	}
	e.broken = s.reader.Broken()
	return e, s.reader.End()
}

func readInto(value *jsontext.Value) func(*jsonscan.Reader) error {
	return func(r *jsonscan.Reader) error {
		read, err := r.Value()
		*value = bytes.Clone(read)
		return err
	}
}

func (s *scanner) scanRecords(r *jsonscan.Reader, p *Page) (found bool, err error) {
	switch kind := r.Peek(); kind {
	case 'n':
		_, err := r.Value()
		return false, err
	case '[', 0:
		if err := r.Open(); err != nil {
			return false, err
		}
	default:
		return false, fmt.Errorf("recordsPath %q leads to a JSON %s: want an array", s.stream.RecordsPath, kindName(kind))
	}
	for {
		more, err := r.Element()
		if !more {
			return err == nil, err
		}
		seen := span{from: r.At()}
		values, err := s.fields.readNext(r)
		if err != nil {
			return false, err
		}
		seen.to, seen.key = r.At(), s.hasher.hash(values[:len(s.stream.Key)])
		if s.timeAt >= 0 {
			seen.time = values[s.timeAt]
		}
		p.records = append(p.records, seen)
	}
}

// want is a value to be read where a path leads.
type want struct {
	path []string
	read func(*jsonscan.Reader) error
}

// walk reads the value that comes next, all of it, and calls the wants whose paths lead into it. depth is
// how many names of their paths have been gone.
func walk(r *jsonscan.Reader, wants []want, depth int) error {
	for _, w := range wants {
		if len(w.path) == depth {
			return w.read(r)
		}
	}
	if len(wants) == 0 || r.Peek() != '{' {
		_, err := r.Value()
		return err
	}
	if err := r.Open(); err != nil {
		return err
	}
	var unquoted []byte
	for {
		more, err := r.Member()
		if !more {
			return err
		}
		quoted, err := r.Name()
		if err != nil {
			return err
		}
		name := jsonscan.Unquoted(quoted, &unquoted)
		if err := walk(r, below(wants, depth, name), depth+1); err != nil {
			return err
		}
	}
}

func below(wants []want, depth int, name []byte) []want {
	var deeper []want
	for _, w := range wants {
		if w.path[depth] == string(name) {
			deeper = append(deeper, w)
		}
	}
	return deeper
}

// foldLines makes each record one line. A JSON string cannot hold a raw line break, so none of a record's
// values change.
func foldLines(body []byte, records []span) {
	for _, r := range records {
		fold(body[r.from:r.to], '\n')
		fold(body[r.from:r.to], '\r')
	}
}

func fold(record []byte, lineBreak byte) {
	for i := bytes.IndexByte(record, lineBreak); i >= 0; i = bytes.IndexByte(record, lineBreak) {
		record[i] = ' '
		record = record[i+1:]
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// digest identifies the records of a page, so that a vendor that gives one page twice is found out. It guards
// against mistakes and not against intent, so the checksum that processors work out by themselves will do.
func digest(body []byte, records []span) string {
	if len(records) == 0 {
		return ""
	}
	checksum, size := uint32(0), 0
	for _, r := range records {
		checksum = crc32.Update(checksum, castagnoli, body[r.from:r.to])
		size += r.to - r.from
	}
	return fmt.Sprintf("%d-%d-%08x", len(records), size, checksum)
}

// place looks at the records' own times: it counts those far from the window, unless the vendor takes none and gives whatever
// it has, and, where more than the window is asked for, leaves those that belong to it.
func (s *scanner) place(w window.Window, p *Page) {
	near := s.bounds.near(w, s.stream.Lookback.D())
	kept := p.records[:0]
	for _, r := range p.records {
		at, ok := s.timeOf(p.body, r)
		if ok && s.bounds.placed() && !near.Contains(at) {
			p.Outside++
		}
		if !ok && s.bounds.filtered {
			p.Untimed++
		}
		if !ok || !s.bounds.filtered || w.Contains(at) {
			kept = append(kept, r)
		} else {
			p.others = append(p.others, r)
		}
	}
	p.records = kept
	p.Kept = len(kept)
}

// timeOf reads the time of a record where the description says it stands.
func (s *scanner) timeOf(body []byte, r span) (time.Time, bool) {
	if s.timeAt < 0 {
		return s.times.Time(body[r.from:r.to])
	}
	return s.bounds.recordTime(r.time)
}

// parseTotal reads a total, a JSON number or a string of digits, as it is written.
func parseTotal(text string) (int64, error) {
	total, err := strconv.ParseInt(strings.TrimSpace(strings.Trim(text, `"`)), 10, 64)
	if err != nil || total < 0 {
		return 0, fmt.Errorf("the total reads %s: want a whole number", shorten(text))
	}
	return total, nil
}
