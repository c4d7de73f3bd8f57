package ingest

import (
	"context"
	"errors"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// assumedPage is how many records are taken to fit on a page where the description says nothing of its size.
const assumedPage = 100

// auditTogether reads neighbouring windows that are due at once, with those in between, as far as the vendor can be asked for them
// in one request and they fit on one page: an idle lookback takes a few requests, however many windows it has. Where the answer is
// not what is committed, those that are due stay so, and are read one by one.
func (r *run) auditTogether(asking context.Context) error {
	if r.Stream.Window.Listing != nil {
		return nil
	}
	size := int64(r.Stream.Paging.Size)
	if size == 0 {
		size = assumedPage
	}
	isDue := func(a rawzone.Audited) bool { return a.ReadAt.Before(r.dueSince(a)) }
	known := func(a rawzone.Audited) bool { return a.Settled && a.Digest != "" && a.Tried.IsZero() }
	for _, windows := range r.neighbours(isDue, known, size) {
		if !r.fresh() && !r.worthwhile() {
			r.answer.More = true
			return nil
		}
		same, err := r.unchanged(asking, windows)
		switch {
		case errors.Is(err, vendorapi.ErrDeadline) && !r.fresh():
			r.answer.More = true
			return nil
		case particular(err):
			r.Logger.Warn("windows cannot be read together", "stream", r.Stream.Name, "start", windows[0].Start, "end", windows[len(windows)-1].End, "error", err)
			return nil
		case err != nil:
			return err
		}
		r.answer.Counted++
		if !same {
			continue
		}
		for _, a := range windows {
			if isDue(a) {
				r.answer.Reread++
			}
			r.memory.saw(a.Start, r.now)
		}
	}
	return nil
}

// neighbours returns runs of windows that follow on one another, are known, and hold no more than so many records together, each as
// long as the vendor can be asked for at once. They begin and end with one that is due.
func (r *run) neighbours(isDue, known func(rawzone.Audited) bool, records int64) (runs [][]rawzone.Audited) {
	windows := r.memory.Windows
	for i := 0; i < len(windows); i++ {
		if !known(windows[i]) || !isDue(windows[i]) {
			continue
		}
		end := r.latest(windows[i].Start, windows[len(windows)-1].End)
		held := windows[i].Records
		last := i
		for j := i + 1; j < len(windows); j++ {
			held += windows[j].Records
			if !known(windows[j]) || !windows[j].Start.Equal(windows[j-1].End) || windows[j].End.After(end) || held > records {
				break
			}
			if isDue(windows[j]) {
				last = j
			}
		}
		if windows[i].Records <= records {
			runs = append(runs, windows[i:last+1])
		}
		i = last
	}
	return runs
}

// unchanged asks for the windows, which follow on one another, and reports whether the vendor gives what is committed of them.
func (r *run) unchanged(asking context.Context, windows []rawzone.Audited) (bool, error) {
	together := window.Window{Start: windows[0].Start, End: windows[len(windows)-1].End}
	page, err := r.vendor.Page(asking, together, vendorapi.Cursor{})
	if err != nil {
		return false, err
	}
	if !page.Last || page.Untimed > 0 || page.Total >= 0 && page.Total != int64(page.Count) {
		return false, nil
	}
	committed, err := rawzone.AddDigests(func(yield func(string) bool) {
		for _, a := range windows {
			if !yield(a.Digest) {
				return
			}
		}
	})
	return err == nil && committed == rawzone.DigestOf(page.Records()), nil
}

// everything is more records than windows can hold.
const everything = 1 << 62

// spans returns runs of windows without a gap whose sums are to be compared with the vendor's totals, each as long as the vendor can
// be asked for at once. Unsettled windows, whose counts mean nothing, are read again anyhow and left out.
func (r *run) spans() [][]rawzone.Audited {
	isDue := func(a rawzone.Audited) bool { return !r.countedSince(a).IsZero() }
	return r.neighbours(isDue, func(a rawzone.Audited) bool { return a.Settled }, everything)
}

// countedSince returns since when a window has not been compared that is due, the zero time where it is not.
func (r *run) countedSince(a rawzone.Audited) time.Time {
	if a.ReadAt.Before(due(a.End, r.now, r.Stream.Lookback.D(), true)) {
		return a.ReadAt
	}
	return time.Time{}
}
