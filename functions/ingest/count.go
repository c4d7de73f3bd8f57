package ingest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/window"
)

// CountsPerRun is how many spans of the lookback a run compares with the vendor's totals at most, so that the
// comparisons are spread over runs. What is found to differ is looked into at once.
const CountsPerRun = 4

func windowOf(a rawzone.Audited) window.Window { return window.Window{Start: a.Start, End: a.End} }

// auditCounts compares the sums of the commits with the vendor's totals over spans of the lookback, those first that
// were not compared for longest. A window whose count differs becomes suspect.
func (r *run) auditCounts(asking context.Context) error {
	spans := r.spans()
	spans = slices.DeleteFunc(spans, func(span []rawzone.Audited) bool { return r.countedBefore(span).IsZero() })
	slices.SortStableFunc(spans, func(a, b []rawzone.Audited) int { return r.countedBefore(a).Compare(r.countedBefore(b)) })
	for _, span := range spans[:min(len(spans), CountsPerRun)] {
		if err := r.compare(asking, span); err != nil {
			return err
		}
		if r.answer.More {
			return nil
		}
	}
	return nil
}

// spans cuts the windows of the lookback into runs without a gap, each as long as the vendor can be asked for at
// once. Unsettled windows, whose counts mean nothing, are read again anyhow and left out.
func (r *run) spans() (spans [][]rawzone.Audited) {
	begin := 0
	windows := r.memory.Windows
	for i := range windows {
		if i > begin {
			longest := r.Stream.LatestEnd(windows[begin].Start)
			if !windows[i].Start.Equal(windows[i-1].End) || !windows[i].Settled || !windows[begin].Settled ||
				!longest.IsZero() && windows[i].End.After(longest) {
				spans = append(spans, windows[begin:i])
				begin = i
			}
		}
	}
	if begin < len(windows) {
		spans = append(spans, windows[begin:])
	}
	return slices.DeleteFunc(spans, func(span []rawzone.Audited) bool { return !span[0].Settled })
}

// countedBefore returns when the window of the span was compared that has waited longest of those due, the zero time where
// none is due.
func (r *run) countedBefore(span []rawzone.Audited) (earliest time.Time) {
	for _, a := range span {
		if a.ReadAt.Before(due(a.End, r.now, r.Stream.Lookback.D(), true)) && (earliest.IsZero() || a.ReadAt.Before(earliest)) {
			earliest = a.ReadAt
		}
	}
	return earliest
}

// compare asks for the vendor's total over the windows, which follow on one another, and halves them where it
// differs until it has the windows that do.
func (r *run) compare(asking context.Context, windows []rawzone.Audited) error {
	if !r.fresh() && !r.worthwhile() {
		r.answer.More = true
		return nil
	}
	page, err := r.vendor.Page(asking, window.Window{Start: windows[0].Start, End: windows[len(windows)-1].End}, vendorapi.Cursor{})
	if errors.Is(err, vendorapi.ErrDeadline) && !r.fresh() {
		r.answer.More = true
		return nil
	}
	if err != nil {
		return err
	}
	r.answer.Counted++
	var records int64
	for _, a := range windows {
		records += a.Records
	}
	switch {
	case page.Total == records:
		for _, a := range windows {
			r.memory.saw(a.Start, r.now)
		}
		return nil
	case len(windows) == 1:
		r.suspect(windows[0].Start)
		return nil
	}
	r.Logger.Info("the vendor's count differs", "stream", r.Stream.Name, "start", windows[0].Start,
		"end", windows[len(windows)-1].End, "vendor", page.Total, "committed", records)
	half := len(windows) / 2
	if err := r.compare(asking, windows[:half]); err != nil || r.answer.More {
		return err
	}
	return r.compare(asking, windows[half:])
}

// suspect remembers that the window is to be read again.
func (r *run) suspect(start time.Time) {
	if i, known := r.memory.at(start); known {
		r.memory.Windows[i].Suspect = r.now
		r.memory.changed = true
	}
}
