package rawzone

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/functions/window"
)

// FormatVersion is the version of what is stored in the raw bucket: genesis, parts and commits. A handler
// that meets a higher one stops, so that a rollback is safe.
//
// Version 2 counts what is withheld of forgotten people. A release that knows no more than version 1 would take such a window for one
// that lacks records, read it again, and store them, since it knows of no list. So it has to stop; but where nobody is
// forgotten it need not, and everything is stored in version 1 there.
const FormatVersion = 2

// plainVersion is the version of what a release can read that knows nothing of forgotten people.
const plainVersion = 1

// formatUnder is the version of what is stored under a version of the list of forgotten people, 0 where there is none.
func formatUnder(forgotten int) int {
	if forgotten > 0 {
		return FormatVersion
	}
	return plainVersion
}

// Commit makes one attempt's parts count. It is the body of commits/<start>.json.
type Commit struct {
	Format int `json:"format"`
	// Start and End are the window.
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// Generation is how often the window's commit has been replaced by a better reading; 1 is the first.
	Generation int `json:"generation"`
	// Attempt is the reading of the window whose parts these are.
	Attempt int `json:"attempt"`
	// Request is how the vendor was asked, credentials left out.
	Request string `json:"request"`
	// Announced is the vendor's total, -1 where it reports none.
	Announced int64 `json:"announced"`
	// Records is the number of records in Parts.
	Records int64 `json:"records"`
	// Withheld is how many records the vendor gave beside those in Parts that are about people who are forgotten.
	Withheld int64 `json:"withheld,omitzero"`
	// Forgotten is the version of the list of forgotten people by which they were withheld, 0 where there was none.
	Forgotten int `json:"forgotten,omitzero"`
	// Carried is how many of them the vendor gave at an earlier reading and at this one no more: they have moved to a
	// later window, which may not have been read yet.
	Carried int64 `json:"carried,omitempty"`
	// Late is how many records the window has gained since it was first read, over all readings that replaced it: what the vendor showed
	// later than the settle delay. Of a parent's children it counts from the first reading on that was due after the parent's time.
	Late int64 `json:"late,omitempty"`
	// Digest identifies the records that the vendor gave, those withheld too, whatever their order: two readings that brought
	// the same records have one digest. See [Attempt.Digest].
	Digest string `json:"digest"`
	// Same is the start of the window that has the records, where the vendor has listed the same ones since; there are no Parts then.
	// Zero for any other window.
	Same time.Time `json:"same,omitzero"`
	// Duplicates is how many records share their key with another one of the window.
	Duplicates int64 `json:"duplicates,omitempty"`
	// Settled says that the counts agreed: what was announced on the first page (where the vendor announces
	// anything), what on the last, the records given, and their distinct keys.
	Settled bool `json:"settled"`
	// Backoffs is how often the span was shortened before the window fitted.
	Backoffs int `json:"backoffs"`
	// Resumes is how often a later invocation took the window up.
	Resumes int `json:"resumes"`
	// Pages is the number of pages read.
	Pages int `json:"pages"`
	// Rate is the number of records a second that the stream has been seen to manage, 0 until one was seen.
	Rate float64 `json:"rate"`
	// ReadAt is the scheduled time of the run that began the reading: what the vendor showed before is in it.
	ReadAt time.Time `json:"readAt"`
	// Run is the run that wrote the commit; WrittenAt its scheduled time.
	Run       string    `json:"run"`
	WrittenAt time.Time `json:"writtenAt"`
	// Parent is the parent that the records are those of, as the requests for them took it; nil for a window.
	Parent jsontext.Value `json:"parent,omitzero"`
	// Parts are the parts that count, in the order of their pages.
	Parts []Part `json:"parts"`
}

// Part names one object of records and what it holds.
type Part struct {
	Key       string `json:"key"`
	ETag      string `json:"etag"`
	Records   int64  `json:"records"`
	Withheld  int64  `json:"withheld,omitzero"`
	Bytes     int64  `json:"bytes"` // as stored, compressed
	FirstPage int    `json:"firstPage"`
	LastPage  int    `json:"lastPage"`
}

// Given is how many records the vendor gave, or had given at an earlier reading.
func (c *Commit) Given() int64 { return c.Records + c.Withheld }

// Window returns the commit's window.
func (c *Commit) Window() window.Window { return window.Window{Start: c.Start, End: c.End} }
