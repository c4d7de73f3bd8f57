package curated

import (
	"fmt"
	"net/url"
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
