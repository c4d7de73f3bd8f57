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

// countedBefore returns when the window of the span was compared that has waited longest of those due.
func (r *run) countedBefore(span []rawzone.Audited) (earliest time.Time) {
	for _, a := range span {
		if since := r.countedSince(a); !since.IsZero() && (earliest.IsZero() || since.Before(earliest)) {
			earliest = since
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
