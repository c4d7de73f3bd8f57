package rawzone

import (
	"time"

	"github.com/windrow-data/windrow/functions/window"
)

// FormatVersion is the version of what is stored in the raw bucket: genesis, parts and commits. A handler
// that meets a higher one stops, so that a rollback is safe.
const FormatVersion = 1

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
	// Settled says that announced and stored counts agreed (or that none was announced).
	Settled bool `json:"settled"`
	// Backoffs is how often the span was shortened before the window fitted.
	Backoffs int `json:"backoffs"`
	// Resumes is how often a later invocation took the window up.
	Resumes int `json:"resumes"`
	// Pages is the number of pages read.
	Pages int `json:"pages"`
	// Rate is the number of records a second that the stream has been seen to manage, 0 until one was seen.
	Rate float64 `json:"rate"`
	// Run is the run that wrote the commit; WrittenAt its scheduled time.
	Run       string    `json:"run"`
	WrittenAt time.Time `json:"writtenAt"`
	// Parts are the parts that count, in the order of their pages.
	Parts []Part `json:"parts"`
	// Lookback are the earlier commits within the stream's lookback, oldest first.
	Lookback []Summary `json:"lookback,omitempty"`
}

// Part names one object of records and what it holds.
type Part struct {
	Key       string `json:"key"`
	ETag      string `json:"etag"`
	Records   int64  `json:"records"`
	Bytes     int64  `json:"bytes"` // as stored, compressed
	FirstPage int    `json:"firstPage"`
	LastPage  int    `json:"lastPage"`
}

// Summary is what an audit needs to know of an earlier commit.
type Summary struct {
	Start   time.Time `json:"start"`
	ETag    string    `json:"etag"`
	Records int64     `json:"records"`
}

// Window returns the commit's window.
func (c *Commit) Window() window.Window { return window.Window{Start: c.Start, End: c.End} }
