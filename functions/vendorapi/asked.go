package vendorapi

import (
	"net/http"
	"time"

	"github.com/windrow-data/windrow/functions/window"
)

// Asked returns the instants that a request for the window names as its bounds. They differ from the window's own where the
// end is inclusive or more than the window is asked for.
func (s *Stream) Asked(w window.Window) (from, to time.Time) { return s.bounds().asked(w) }

// TimeReader reads the window time of records as a [Client] does that places them by it. It keeps its buffers, so it is not
// for several goroutines at once.
type TimeReader struct {
	fields *fieldReader
	bounds bounds
	shown  bool
}

// NewTimeReader returns a reader of the times that the stream's records show.
func NewTimeReader(s *Stream) *TimeReader {
	return &TimeReader{fields: newFieldReader(s.TimePath), bounds: s.bounds(), shown: s.TimePath != ""}
}

// Time returns the time at the stream's TimePath. It reports false where there is none or it cannot be read.
func (t *TimeReader) Time(record []byte) (time.Time, bool) {
	if !t.shown {
		return time.Time{}, false
	}
	values, err := t.fields.read(record)
	if err != nil {
		return time.Time{}, false
	}
	return t.bounds.recordTime(values[0])
}

// GuardedTransport is what a [Client] that is given no transport sends with: TLS 1.2 or later, no proxy, and, unless
// allowPrivate, no connection to an address inside a network. It is for whoever puts a transport of their own round it.
func GuardedTransport(allowPrivate bool) http.RoundTripper { return guardedTransport(allowPrivate) }
