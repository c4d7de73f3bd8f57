package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// spacing are the ages at which a window is compared with what the vendor has by then, the last of them again and
// again, and the lookback itself. An age is counted from the window's end.
var spacing = []time.Duration{30 * time.Minute, time.Hour, 3 * time.Hour, 8 * time.Hour, 24 * time.Hour}

// due returns the latest time up to now at which a window with the end was to be compared. It is the zero time
// where there was none yet. Past the lookback there is none, unless the window is unsettled.
func due(end, now time.Time, lookback time.Duration, settled bool) time.Time {
	age := now.Sub(end)
	if settled {
		if age >= lookback && lookback > 0 {
			return end.Add(lookback)
		}
		age = min(age, lookback)
	}
	passed := time.Duration(0)
	for _, a := range spacing {
		if age >= a {
			passed = a
		}
	}
	if last := spacing[len(spacing)-1]; passed == last {
		passed = age.Truncate(last)
	}
	if passed == 0 {
		return time.Time{}
	}
	return end.Add(passed)
}

// memory is what the stored audit remembers, with what this invocation has learned.
type memory struct {
	rawzone.Audit
	// listed are the commits of the lookback, as the listing has them.
	listed []rawzone.CommitRef
	// all says that every window of the listing is remembered, as by the schedule's runs, so that none that is unsettled is
	// overlooked; else only those that are to be read again, be it that they are unsettled or younger than the lookback.
	all      bool
	lookback time.Duration
	changed  bool
	// complete says that all that is listed is remembered.
	complete bool
}

// learn remembers what a commit says.
func (m *memory) learn(commit *rawzone.Commit, etag string) {
	i, known := m.at(commit.Start)
	if known && m.Windows[i].ETag == etag {
		if m.Windows[i].Digest == "" {
			m.Windows[i].Digest, m.changed = commit.Digest, true
		}
		return
	}
	if !known {
		if !m.all && commit.Settled && !commit.ReadAt.Before(commit.End.Add(m.lookback)) {
			return
		}
		m.Windows = slices.Insert(m.Windows, i, rawzone.Audited{})
	}
	m.Windows[i] = rawzone.Audited{
		Start: commit.Start, End: commit.End, ETag: etag, Records: commit.Given(), Digest: commit.Digest,
		ReadAt: commit.ReadAt, Settled: commit.Settled,
	}
	m.changed = true
}

// learnNewest remembers what a commit says that may be the newest one.
func (m *memory) learnNewest(commit *rawzone.Commit, etag string) {
	m.learn(commit, etag)
	if m.Newest == nil || !commit.Start.Before(m.Newest.Start) {
		m.Newest, m.changed = rawzone.NewestOf(commit, etag), true
	}
	if !m.Unfinished.After(commit.Start) {
		m.Unfinished = time.Time{}
	}
}

// saw remembers that the window was found unchanged at a time.
func (m *memory) saw(start, at time.Time) {
	if i, known := m.at(start); known && at.After(m.Windows[i].ReadAt) {
		m.Windows[i].ReadAt = at
		m.changed = true
	}
}

// at returns where the window that begins at start stands, or belongs.
func (m *memory) at(start time.Time) (int, bool) {
	return slices.BinarySearchFunc(m.Windows, start, func(a rawzone.Audited, start time.Time) int { return a.Start.Compare(start) })
}

// reaches reports whether the window is remembered that ends at start, or that there is none.
func (m *memory) reaches(start time.Time) bool {
	i, _ := m.at(start)
	return m.NoneBefore.Equal(start) || i > 0 && m.Windows[i-1].End.Equal(start)
}

// auditFrom is where the listing of commits begins. A window is compared for the last time when it is as old as the lookback;
// a day is left for that.
func (r *run) auditFrom() time.Time {
	return r.now.Add(-rawzone.AuditSpan(r.Stream.Lookback.D())).Truncate(time.Second)
}

// recall reads the audit.
func (r *run) recall(ctx context.Context) (err error) {
	r.memory.Audit, err = r.Zone.Audit(ctx)
	r.memory.lookback = r.Stream.Lookback.D()
	r.memory.all = err == nil
	return err
}

// remember stores the audit where anything has changed. Windows that are listed no more and are done with are
// forgotten.
func (r *run) remember(ctx context.Context) error {
	m := &r.memory
	before := len(m.Windows)
	from, lookback := r.auditFrom(), r.Stream.Lookback.D()
	if m.complete {
		oldest := from
		if len(m.listed) > 0 && m.listed[0].Start.Before(oldest) {
			// What is listed would be learned again, as of its commit, and be compared for ever.
			oldest = m.listed[0].Start
		}
		m.Windows = slices.DeleteFunc(m.Windows, func(a rawzone.Audited) bool {
			return a.Done(lookback) && !r.rostered[a.Start] && a.Start.Before(oldest) && a.End.Before(from)
		})
	}
	if !m.changed && len(m.Windows) == before {
		return nil
	}
	if m.complete {
		m.From = from
	}
	stored, err := r.Zone.PutAudit(ctx, &m.Audit)
	if err == nil && !stored {
		r.Logger.Info("another run has stored its audit meanwhile", "stream", r.Stream.Name)
	}
	return err
}

// handOver adds the windows of a past range that are to be read again to the stored audit, for the schedule's runs.
func (r *run) handOver(ctx context.Context) error {
	const tries = 5
	for try := 1; len(r.memory.Windows) > 0; try++ {
		stored := memory{}
		var err error
		if stored.Audit, err = r.Zone.Audit(ctx); err != nil {
			return err
		}
		for _, a := range r.memory.Windows {
			i, known := stored.at(a.Start)
			if !known {
				stored.Windows = slices.Insert(stored.Windows, i, a)
			}
			stored.Windows[i] = a
		}
		stored.Forgotten = max(stored.Forgotten, r.memory.Forgotten)
		ok, err := r.Zone.PutAudit(ctx, &stored.Audit)
		if err != nil || ok {
			return err
		}
		if try == tries {
			return errors.New("the audit could not be stored: other runs stored theirs each time")
		}
	}
	return nil
}

// audit compares what is committed with what the vendor has by now, and reads the windows again that differ. The
// answers that concern one window alone do not keep the others from being compared.
func (r *run) audit(ctx, asking context.Context) error {
	if err := r.complete(ctx); err != nil || r.answer.More {
		return err
	}
	if r.Stream.Audit == vendorapi.AuditCount {
		if err := r.auditCounts(asking); err != nil || r.answer.More {
			return err
		}
	} else if err := r.auditTogether(asking); err != nil || r.answer.More {
		return err
	}
	var failed []error
	for _, a := range r.dueWindows() {
		if !r.fresh() && !r.worthwhile() {
			r.answer.More = true
			break
		}
		err := r.auditWindow(ctx, asking, a)
		switch {
		case errors.Is(err, rawzone.ErrLost):
			r.overlapped(windowOf(a))
		case errors.Is(err, vendorapi.ErrDeadline):
			return errors.Join(append(failed, err)...)
		case particular(err):
			r.Logger.Error("a window cannot be read again", "stream", r.Stream.Name, "start", a.Start, "end", a.End, "error", err)
			failed = append(failed, fmt.Errorf("read again: %w", err))
			r.tried(a.Start)
		case err != nil:
			return err
		}
		if r.answer.More {
			break
		}
	}
	return errors.Join(failed...)
}

// complete remembers the listed commits that it does not know yet, or knows an earlier generation of.
func (r *run) complete(ctx context.Context) error {
	if r.unlisted {
		return nil
	}
	for _, ref := range r.memory.listed {
		if i, known := r.memory.at(ref.Start); known && r.memory.Windows[i].ETag == ref.ETag {
			continue
		}
		if r.left() <= 0 {
			r.answer.More = true
			return nil
		}
		commit, etag, err := r.Zone.Commit(ctx, ref)
		if err != nil {
			return err
		}
		r.memory.learn(commit, etag)
	}
	r.memory.complete, r.memory.Listed = true, r.now
	return nil
}

// dueWindows returns the windows that are to be read again, the longest due first; those that have failed come last.
func (r *run) dueWindows() []rawzone.Audited {
	type dueWindow struct {
		rawzone.Audited
		due time.Time
	}
	var windows []dueWindow
	for _, a := range r.memory.Windows {
		if since := r.dueSince(a); a.ReadAt.Before(since) {
			windows = append(windows, dueWindow{a, since})
		}
	}
	slices.SortStableFunc(windows, func(a, b dueWindow) int {
		return cmp.Or(a.Tried.Compare(b.Tried), a.due.Compare(b.due))
	})
	audited := make([]rawzone.Audited, len(windows))
	for i, w := range windows {
		audited[i] = w.Audited
	}
	return audited
}

// dueSince returns when the window was last to be read again, the zero time where it never was.
func (r *run) dueSince(a rawzone.Audited) time.Time {
	switch {
	case a.Settled && r.Stream.Audit == vendorapi.AuditCount:
		return a.Suspect
	case a.Settled && r.Stream.Window.Listing != nil:
		return time.Time{}
	}
	return due(a.End, r.now, r.Stream.Lookback.D(), a.Settled)
}

// auditWindow reads a window again that is due.
func (r *run) auditWindow(ctx, asking context.Context, a rawzone.Audited) error {
	commit, etag, err := r.Zone.Commit(ctx, r.Zone.Ref(a.Start, a.ETag))
	if errors.Is(err, objectstore.ErrNotFound) {
		r.Logger.Warn("a commit is gone", "stream", r.Stream.Name, "start", a.Start)
		r.forget(a.Start)
		return nil
	}
	if err != nil {
		return err
	}
	r.memory.learn(commit, etag)
	i, _ := r.memory.at(a.Start)
	since := r.dueSince(r.memory.Windows[i])
	if !r.memory.Windows[i].ReadAt.Before(since) {
		// Another run has read it meanwhile.
		return nil
	}
	g, err := r.reread(ctx, asking, commit, etag, since)
	if errors.Is(err, vendorapi.ErrDeadline) {
		return r.unfinished(err, g)
	}
	return err
}

func (r *run) forget(start time.Time) {
	if i, known := r.memory.at(start); known {
		r.memory.Windows = slices.Delete(r.memory.Windows, i, i+1)
		r.memory.changed = true
	}
}

func (r *run) tried(start time.Time) {
	if i, known := r.memory.at(start); known {
		r.memory.Windows[i].Tried = r.now
		r.memory.changed = true
	}
}

// particular reports whether err is an answer that concerns one window, so that others may fare better.
func particular(err error) bool {
	return errors.Is(err, vendorapi.ErrRefused) || errors.Is(err, vendorapi.ErrMalformed) || errors.Is(err, vendorapi.ErrRepeated)
}
