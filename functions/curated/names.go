package curated

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Names are the names of a stream's objects in the curated bucket. Starts and ends are given as they stand in
// the names of the raw bucket, so that both buckets sort alike.
//
//	<vendor>/<stream>/dt=<yyyy-mm-dd>/<start>_<end>_<k>-of-<n>.parquet
//	<vendor>/<stream>/receipts/<start>_<commit ETag>_<columns hash>
//	<vendor>/<stream>/quarantine/<start>_<end>_<k>-of-<n>.ndjson.gz
//	<vendor>/<stream>/undeclared/<field, URL-escaped>
//	<vendor>/<stream>/mark.json
//	<vendor>/<stream>/compacted/dt=<yyyy-mm-dd>/<compaction>_<digest>_<k>-of-<n>.parquet
//	<vendor>/<stream>/days/days.json
//
// dt is the UTC day of the window's start.
type Names struct {
	Vendor string
	Stream string
}

func (n Names) prefix() string { return n.Vendor + "/" + n.Stream + "/" }

// Object is the Parquet object number k of of, counted from 1.
func (n Names) Object(start time.Time, startName, endName string, k, of int) string {
	return n.ObjectsOf(start, startName) + fmt.Sprintf("%s_%d-of-%d", endName, k, of) + ObjectSuffix
}

// ObjectSuffix is the end of the key of every Parquet object, and of no other key.
const ObjectSuffix = ".parquet"

// ObjectsOf is the prefix of all Parquet objects of the window that begins at start.
func (n Names) ObjectsOf(start time.Time, startName string) string {
	return n.prefix() + "dt=" + start.UTC().Format(time.DateOnly) + "/" + startName + "_"
}

// Quarantine is the object of the records that could not be made rows of the Parquet object k of of.
func (n Names) Quarantine(startName, endName string, k, of int) string {
	return n.QuarantineOf(startName) + fmt.Sprintf("%s_%d-of-%d.ndjson.gz", endName, k, of)
}

// QuarantineOf is the prefix of all quarantine objects of the window that begins at startName.
func (n Names) QuarantineOf(startName string) string {
	return n.prefix() + "quarantine/" + startName + "_"
}

// Receipts is the prefix of the stream's receipts.
func (n Names) Receipts() string { return n.prefix() + "receipts/" }

// Receipt says that the window's objects were made from the commit with the ETag and with the columns.
func (n Names) Receipt(startName, commitETag, columnsHash string) string {
	return n.Receipts() + startName + "_" + commitETag + "_" + columnsHash
}

// ReceiptStart returns the start in a receipt's key, and false for any other key.
func (n Names) ReceiptStart(key string) (startName string, ok bool) {
	name, ok := strings.CutPrefix(key, n.Receipts())
	if !ok {
		return "", false
	}
	startName, _, ok = strings.Cut(name, "_")
	return startName, ok
}

// Mark is the object that says from where on commits are listed, and which of them are done with.
func (n Names) Mark() string { return n.prefix() + "mark.json" }

// Undeclared is the prefix of the objects that remember which undeclared fields have been reported.
func (n Names) Undeclared() string { return n.prefix() + "undeclared/" }

// UndeclaredField remembers that the field has been reported.
func (n Names) UndeclaredField(field string) string { return n.Undeclared() + url.QueryEscape(field) }

// Days is the object that says which compaction of a day counts, a line of JSON for each day that has one. It lies in a folder of its own,
// since to Athena a table is a folder.
func (n Names) Days() string { return n.prefix() + "days/days.json" }

// ObjectsFrom is the prefix of all Parquet objects of windows, and dayAfter a key behind those of the days before day.
func (n Names) ObjectsFrom(day time.Time) (prefix, startAfter string) {
	prefix = n.prefix() + "dt="
	if day.IsZero() {
		return prefix, ""
	}
	return prefix, prefix + day.UTC().Format(time.DateOnly)
}

// ObjectsOn is the prefix of all Parquet objects of the windows that start on a day, given as yyyy-mm-dd.
func (n Names) ObjectsOn(day string) string { return n.prefix() + "dt=" + day + "/" }

// ObjectDay returns the day in the key of a window's Parquet object, and false for any other key.
func (n Names) ObjectDay(key string) (day string, ok bool) {
	name, ok := strings.CutPrefix(key, n.prefix()+"dt=")
	if !ok || !strings.HasSuffix(key, ObjectSuffix) {
		return "", false
	}
	day, _, ok = strings.Cut(name, "/")
	return day, ok
}

// ObjectWindow is what the name of a window's Parquet object says.
type ObjectWindow struct {
	StartName string
	// K and Of number the window's objects.
	K, Of int
}

// ObjectWindow reads the key of a window's Parquet object; it returns false for any other key.
func (n Names) ObjectWindow(key string) (w ObjectWindow, ok bool) {
	if _, ok = n.ObjectDay(key); !ok {
		return w, false
	}
	fields := strings.Split(strings.TrimSuffix(key[strings.LastIndexByte(key, '/')+1:], ObjectSuffix), "_")
	if len(fields) != 3 {
		return w, false
	}
	w.StartName = fields[0]
	w.K, w.Of, ok = numbered(fields[2])
	return w, ok
}

// numbered reads <k>-of-<n>.
func numbered(text string) (k, of int, ok bool) {
	first, last, _ := strings.Cut(text, "-of-")
	k, errK := strconv.Atoi(first)
	of, errOf := strconv.Atoi(last)
	return k, of, errK == nil && errOf == nil && fmt.Sprintf("%d-of-%d", k, of) == text
}

// CompactedObject is what the name of an object of a compacted day says.
type CompactedObject struct {
	// Day is yyyy-mm-dd.
	Day string
	// Compaction counts the day's compactions, and those that came to nothing.
	Compaction int64
	// Digest stands for what was taken in.
	Digest string
	// K and Of number the objects of one compaction.
	K, Of int
}

// Compacted is the prefix of the objects of all compacted days.
func (n Names) Compacted() string { return n.prefix() + "compacted/dt=" }

// CompactedOn is the prefix of the objects of one compacted day.
func (n Names) CompactedOn(day string) string { return n.Compacted() + day + "/" }

// CompactedKey is the key of an object of a compacted day.
func (n Names) CompactedKey(o CompactedObject) string {
	return fmt.Sprintf("%s%d_%s_%d-of-%d%s", n.CompactedOn(o.Day), o.Compaction, o.Digest, o.K, o.Of, ObjectSuffix)
}

// ParseCompacted reads what [Names.CompactedKey] wrote. It returns false for any other key.
func (n Names) ParseCompacted(key string) (o CompactedObject, ok bool) {
	name, ok := strings.CutPrefix(key, n.Compacted())
	if !ok {
		return o, false
	}
	o.Day, name, _ = strings.Cut(name, "/")
	fields := strings.Split(strings.TrimSuffix(name, ObjectSuffix), "_")
	if len(fields) != 3 {
		return o, false
	}
	var err error
	if o.Compaction, err = strconv.ParseInt(fields[0], 10, 64); err != nil {
		return o, false
	}
	o.Digest = fields[1]
	o.K, o.Of, _ = numbered(fields[2])
	return o, n.CompactedKey(o) == key
}
