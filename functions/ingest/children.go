package ingest

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/windrow-data/windrow/functions/objectstore"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// ParentsOf returns what a child stream needs of its parents; nil for a stream that is none. zone is the stream's own, client the one
// that reads it.
func ParentsOf(v *vendorapi.Vendor, stream *vendorapi.Stream, zone rawzone.Zone, client *vendorapi.Client) (*Parents, error) {
	if stream.Parent == nil {
		return nil, nil
	}
	parent, err := v.Stream(stream.Parent.Stream)
	if err != nil {
		return nil, err
	}
	reader, err := vendorapi.NewParentReader(v, stream)
	if err != nil {
		return nil, err
	}
	zone.Stream = parent.Name
	return &Parents{
		Stream: parent, Zone: zone, Reader: reader,
		Of: func(record vendorapi.ParentRecord) Vendor { return client.Of(record) },
	}, nil
}

// dueParent returns the latest time up to now at which the children of a parent with the time at were to be read: from ahead
// before it, at intervals that shrink towards it and grow after it, until lookback after it. It is the zero time where there was none yet.
func dueParent(at, now time.Time, ahead, lookback time.Duration, settled bool) time.Time {
	before := at.Sub(now)
	switch {
	case before > ahead:
		return time.Time{}
	case before <= 0:
		return later(at, due(at, now, lookback, settled))
	}
	// Ahead of its time the ages of [spacing] are counted backwards.
	next := before.Truncate(oneDay) + oneDay
	if before.Truncate(oneDay) == before {
		next = before
	}
	for _, age := range slices.Backward(spacing) {
		if age >= before {
			next = age
		}
	}
	return at.Add(-min(next, ahead))
}

// children reads of each parent that is due what its children are by now. The parents are those that the parent stream has
// committed; the list of them is stored before the first is read.
func (r *run) children(ctx, asking context.Context) error {
	roster, err := r.Zone.Roster(ctx)
	if err != nil {
		return err
	}
	c := &children{run: r, roster: roster, same: map[string]bool{}}
	if err := c.discover(ctx); err != nil {
		return err
	}
	if c.answer.More {
		return c.store(ctx)
	}
	if len(c.due()) == 0 {
		c.unlisted, c.answer.Watermark = true, c.now
		err = c.sweep(ctx, &c.roster.Sweeping, &c.changed)
	} else if err = c.recallChildren(ctx); err == nil && !c.answer.More {
		// The list is stored before the first parent is read.
		if err = c.store(ctx); err == nil {
			err = c.readDue(ctx, asking)
			c.mirror()
		}
	}
	c.tell()
	if ctx.Err() != nil {
		return err
	}
	return errors.Join(err, c.store(ctx))
}

// recallChildren learns what is committed of the parents, which a run needs to know in which one is due.
func (c *children) recallChildren(ctx context.Context) error {
	if err := c.recall(ctx); err != nil {
		return err
	}
	c.from = c.auditFrom()
	if stored := c.memory.From; !stored.IsZero() && stored.Before(c.from) {
		c.from = stored
	}
	if err := c.list(ctx, c.from, c.from); err != nil {
		return err
	}
	if err := c.complete(ctx); err != nil || c.answer.More {
		return err
	}
	if c.roster.Sweeping == (rawzone.Sweeping{}) {
		// An earlier release has kept it there.
		c.roster.Sweeping = c.memory.Sweeping
	}
	c.mirror()
	c.forgetDone()
	return nil
}

// mirror has the roster say when its parents were last read.
func (c *children) mirror() {
	for i := range c.roster.Parents {
		p := &c.roster.Parents[i]
		if at, known := c.memory.at(p.Slot); known {
			a := c.memory.Windows[at]
			if !p.Read.Equal(a.ReadAt) || p.Unsettled == a.Settled {
				p.Read, p.Unsettled, c.changed = a.ReadAt, !a.Settled, true
			}
		}
	}
}

// forgetDone takes the parents off the roster that will be due no more.
func (c *children) forgetDone() {
	before := len(c.roster.Parents)
	c.roster.Parents = slices.DeleteFunc(c.roster.Parents, func(p rawzone.Rostered) bool { return c.done(p) })
	c.changed = c.changed || len(c.roster.Parents) != before
	c.rostered = map[time.Time]bool{}
	for _, p := range c.roster.Parents {
		c.rostered[p.Slot] = true
	}
}

// children is one invocation's work at a child stream.
type children struct {
	*run
	// from is where the listing of the stream's commits begins.
	from    time.Time
	roster  rawzone.Roster
	changed bool
	// same are the names of windows that a listing refers to.
	same map[string]bool
	// refused are why parents could not be read.
	refused []error
	// unusable counts the records of the parent stream that are no parents, of which why is the first one's reason.
	unusable int
	why      error
}

// time returns when what a parent has is there to be read, and so what its children are due by.
func (c *children) time(p rawzone.Rostered) time.Time { return p.Time.Add(c.Stream.Settle.D()) }

// over returns when a parent is read no more: a day after it has been due for the last time.
func (c *children) over(at time.Time) time.Time {
	return at.Add(c.Stream.Settle.D() + c.Stream.Lookback.D() + oneDay)
}

// rosterStep is by how much the listing of the parent stream's commits moves on at least. Each time takes a request more, while a
// listing of three days and this much longer still takes one, where windows begin each five minutes.
const rosterStep = 6 * time.Hour

// discover brings the roster up to what the parent stream has committed.
func (c *children) discover(ctx context.Context) error {
	lookback := c.Parents.Stream.Lookback.D()
	from := c.now.Add(-rawzone.AuditSpan(lookback)).Truncate(time.Second)
	until := c.roster.From
	if !from.Before(until.Add(rosterStep)) {
		// It is read before the listing, which so has the last of each window that is done with by then.
		audit, err := c.Parents.Zone.Audit(ctx)
		if err != nil {
			return err
		}
		until = audit.UnchangingUntil(until, lookback)
	}
	if c.roster.From.Before(from) {
		from = c.roster.From
	}
	var starts []time.Time
	seen := map[string]string{}
	for ref, err := range c.Parents.Zone.Commits(ctx, from) {
		if err != nil {
			return err
		}
		etag, known := c.roster.Seen[ref.Name]
		if !known || etag != ref.ETag {
			if c.left() <= 0 {
				c.answer.More = true
				break
			}
			if etag, err = c.admitAll(ctx, ref, seen); err != nil {
				return err
			}
			c.changed = true
		}
		seen[ref.Name] = etag
		starts = append(starts, ref.Start)
	}
	switch {
	case c.answer.More:
		// The next invocation goes on from what is seen.
		maps.Copy(c.roster.Seen, seen)
	case c.changed && len(starts) > 0:
		// What is older changes no more, and is forgotten with the next commit that is read, but for one that a listing refers to.
		if from = c.unchanging(starts); until.Before(from) {
			from = until
		}
		oldest := rawzone.FormatTime(from)
		maps.DeleteFunc(seen, func(name, _ string) bool { return name < oldest && !c.same[name] })
		c.roster.From, c.roster.Seen = from, seen
	}
	c.forgetDone()
	return nil
}

// unchanging returns up to which of the starts of the parent stream's windows, which are in order, the windows change no more in the
// ordinary course. That goes by how far the stream has got: after an outage it has what was due meanwhile still before it, of which
// its audit tells when it has gone forward.
func (c *children) unchanging(starts []time.Time) time.Time {
	since := starts[len(starts)-1].Add(-rawzone.AuditSpan(c.Parents.Stream.Lookback.D()))
	at, _ := slices.BinarySearchFunc(starts, since, func(start, since time.Time) int { return cmp.Or(start.Compare(since), -1) })
	if at == 0 {
		return since
	}
	// This one may reach into what is audited.
	return starts[at-1]
}

// done reports whether a parent will be due no more.
func (c *children) done(p rawzone.Rostered) bool {
	last := c.time(p).Add(c.Stream.Lookback.D())
	read := !p.Read.IsZero() && !p.Read.Before(last)
	over := c.over(p.Time)
	if !c.now.After(over) {
		return read && !p.Unsettled
	}
	// After an outage it is read all the same, or tried.
	tried := last
	if p.Failed {
		tried = over.Add(failedFor)
	}
	return read || !p.Refused.Before(tried)
}

// admitAll takes the parents of a commit into the roster, and returns its ETag.
func (c *children) admitAll(ctx context.Context, ref rawzone.CommitRef, seen map[string]string) (etag string, err error) {
	commit, etag, err := c.Parents.Zone.Commit(ctx, ref)
	if errors.Is(err, objectstore.ErrNotFound) {
		return ref.ETag, nil
	}
	if err != nil {
		return "", err
	}
	if !commit.Same.IsZero() {
		same := c.Parents.Zone.Ref(commit.Same, "")
		c.same[same.Name] = true
		if stored, known := c.roster.Seen[same.Name]; known {
			seen[same.Name] = stored
		} else if _, known := seen[same.Name]; !known {
			if seen[same.Name], err = c.admitAll(ctx, same, seen); err != nil {
				return "", err
			}
		}
	}
	admit := func(record vendorapi.ParentRecord, commit *rawzone.Commit) error { return c.admit(ctx, record, commit) }
	return etag, c.eachParent(ctx, commit, admit)
}

// eachParent calls see with each parent that a commit of the parent stream holds. Records that are none are counted.
func (c *children) eachParent(ctx context.Context, commit *rawzone.Commit, see func(vendorapi.ParentRecord, *rawzone.Commit) error) error {
	for _, part := range commit.Parts {
		if err := c.eachParentOf(ctx, part, commit, see); err != nil {
			return err
		}
	}
	return nil
}

func (c *children) eachParentOf(ctx context.Context, part rawzone.Part, commit *rawzone.Commit, see func(vendorapi.ParentRecord, *rawzone.Commit) error) (err error) {
	body, err := c.Parents.Zone.OpenPart(ctx, part)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	lines := bufio.NewReader(body)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("part %s: %w", part.Key, err)
		}
		record, err := c.Parents.Reader.Read(line)
		if err != nil {
			c.unusable++
			c.why = cmp.Or(c.why, err)
			continue
		}
		if err := see(record, commit); err != nil {
			return err
		}
	}
}

// admit takes a parent into the roster, as the window of a commit shows it. One that is over, or shown otherwise by a later window,
// stays as it is.
func (c *children) admit(ctx context.Context, record vendorapi.ParentRecord, commit *rawzone.Commit) error {
	text, err := json.Marshal(record)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(c.roster.Parents, func(p rawzone.Rostered) bool { return p.Key == record.Key })
	if i >= 0 {
		p := &c.roster.Parents[i]
		if commit.Start.Before(p.Shown) {
			return nil
		}
		p.Shown, p.Record = commit.Start, text
		if !record.Time.IsZero() {
			p.Time = record.Time
		}
		return nil
	}
	p := rawzone.Rostered{Key: record.Key, Time: record.Time, Shown: commit.Start, Record: text}
	if p.Time.IsZero() {
		// It is read as if it was over when it was first seen.
		p.Time = c.now
	}
	if c.now.After(c.over(p.Time)) {
		return nil
	}
	if p.Slot, err = c.Zone.Slot(ctx, p.Key, p.Time); err != nil {
		return err
	}
	at, _ := slices.BinarySearchFunc(c.roster.Parents, p.Slot, func(p rawzone.Rostered, slot time.Time) int { return p.Slot.Compare(slot) })
	c.roster.Parents = slices.Insert(c.roster.Parents, at, p)
	return nil
}

// store stores the roster where it has changed.
func (c *children) store(ctx context.Context) error {
	if !c.changed {
		return nil
	}
	stored, err := c.Zone.PutRoster(ctx, &c.roster)
	if err != nil {
		return err
	}
	c.changed = false
	if !stored {
		c.Logger.Info("another run has stored its roster meanwhile", "stream", c.Stream.Name)
	}
	return nil
}

// waiting is a parent that is due, and since when.
type waiting struct {
	rawzone.Rostered
	since time.Time
}

// due returns the parents that are due, those first that have been for longest, but those last that were refused.
func (c *children) due() []waiting {
	var all []waiting
	for _, p := range c.roster.Parents {
		since := dueParent(c.time(p), c.now, c.Stream.Parent.Ahead.D(), c.Stream.Lookback.D(), !p.Unsettled)
		if p.Read.Before(since) && (p.Refused.Before(since) || !c.now.Before(again(p))) {
			all = append(all, waiting{p, since})
		}
	}
	slices.SortStableFunc(all, func(a, b waiting) int {
		return cmp.Or(a.Refused.Compare(b.Refused), a.since.Compare(b.since))
	})
	return all
}

// again returns when a parent that was refused is tried again at the latest. Where that was when it was due for the last time,
// nothing else would have it read.
func again(p rawzone.Rostered) time.Time {
	return p.Refused.Add(spacing[min(max(p.Refusals, 1), len(spacing))-1])
}

// failedFor is for how long a parent is tried that is over, where the vendor has failed and not refused it: it may be down for longer
// than a parent is read for, but it may also fail for this one for ever.
const failedFor = 7 * oneDay

// mostUnavailable is after how many parents in a row for which the vendor did not answer well it is taken to be down.
const mostUnavailable = 2

// readDue reads the parents that are due, while there is time. What concerns one parent alone does not keep the others from
// being read.
func (c *children) readDue(ctx, asking context.Context) error {
	all := c.due()
	unavailable := 0
	for _, p := range all {
		c.answer.Watermark = p.since
		if !c.fresh() && !c.worthwhile() {
			c.answer.More = true
			return nil
		}
		err := c.read(ctx, asking, p)
		switch {
		case errors.Is(err, rawzone.ErrLost):
			c.overlapped(rawzone.SlotWindow(p.Slot))
		case errors.Is(err, vendorapi.ErrUnavailable) && !errors.Is(err, vendorapi.ErrDeadline):
			if unavailable++; unavailable == mostUnavailable || len(all) == 1 && p.Refusals == 0 {
				return err
			}
			c.refuse(p, err)
			continue
		case particular(err) && !rejected(err) && !errors.Is(err, vendorapi.ErrDeadline):
			c.refuse(p, err)
		case err != nil:
			return err
		}
		unavailable = 0
		if c.answer.More {
			return nil
		}
	}
	c.answer.Watermark = c.now
	if n := len(c.refused); n > 1 && n == len(all) && forbidden(c.refused) {
		return fmt.Errorf("the vendor gives the children of none of the %d parents that are due: %w", n, c.refused[0])
	}
	return nil
}

// rejected reports whether the vendor does not accept the credentials, whatever the parent.
func rejected(err error) bool { return statusOf(err) == http.StatusUnauthorized }

func statusOf(err error) int {
	var request *vendorapi.RequestError
	if !errors.As(err, &request) {
		return 0
	}
	return request.Status
}

// forbidden reports whether all of them are answers by which the vendor says that something is not allowed.
func forbidden(all []error) bool {
	return !slices.ContainsFunc(all, func(err error) bool { return statusOf(err) != http.StatusForbidden })
}

// refuse remembers that the children of a parent could not be read.
func (c *children) refuse(p waiting, err error) {
	c.Logger.Error("the children of a parent cannot be read", "stream", c.Stream.Name, "parent", p.Key, "slot", p.Slot, "refusals", p.Refusals+1, "error", err)
	c.refused = append(c.refused, err)
	c.answer.Unreadable++
	failed := !errors.Is(err, vendorapi.ErrRefused)
	c.update(p.Key, func(p *rawzone.Rostered) { p.Refused, p.Refusals, p.Failed = c.now, p.Refusals+1, failed })
}

func (c *children) update(key string, change func(*rawzone.Rostered)) {
	i := slices.IndexFunc(c.roster.Parents, func(p rawzone.Rostered) bool { return p.Key == key })
	change(&c.roster.Parents[i])
	c.changed = true
}

// read reads one parent's children: for the first time, or again, in place of what is committed.
func (c *children) read(ctx, asking context.Context, p waiting) error {
	var record vendorapi.ParentRecord
	if err := json.Unmarshal(p.Record, &record); err != nil {
		return fmt.Errorf("parent %s in the roster: %w", p.Key, err)
	}
	c.vendor, c.parent = c.Parents.Of(record), p.Record
	defer func() { c.vendor, c.parent = c.Config.Vendor, nil }()
	commit, etag, err := c.committed(ctx, p.Slot)
	if err != nil {
		return err
	}
	var g *reading
	if commit == nil {
		g, err = c.readFirst(ctx, asking, p)
	} else if commit.ReadAt.Before(p.since) {
		c.rate = cmp.Or(c.rate, commit.Rate)
		g, err = c.reread(ctx, asking, commit, etag, p.since)
	}
	if errors.Is(err, vendorapi.ErrDeadline) {
		return c.unfinished(err, g)
	}
	if err == nil && p.Refusals > 0 {
		c.update(p.Key, func(p *rawzone.Rostered) { p.Refused, p.Refusals, p.Failed = time.Time{}, 0, false })
	}
	return err
}

// committed returns the commit of a slot, nil where it has none.
func (c *children) committed(ctx context.Context, slot time.Time) (*rawzone.Commit, string, error) {
	i, known := c.memory.at(slot)
	if !known && !slot.Before(c.from) {
		return nil, "", nil
	}
	etag := ""
	if known {
		etag = c.memory.Windows[i].ETag
	}
	commit, etag, err := c.Zone.Commit(ctx, c.Zone.Ref(slot, etag))
	if errors.Is(err, objectstore.ErrNotFound) {
		c.forget(slot)
		return nil, "", nil
	}
	if err == nil {
		c.memory.learn(commit, etag)
	}
	return commit, etag, err
}

func (c *children) readFirst(ctx, asking context.Context, p waiting) (*reading, error) {
	w := rawzone.SlotWindow(p.Slot)
	g := &reading{run: c.run, began: c.Clock(), attempt: rawzone.Attempt{Window: w, Number: 1, Begun: c.now, Request: c.request(w)}}
	if err := g.first(ctx, asking); err != nil {
		return g, err
	}
	if err := g.finish(ctx, asking); err != nil {
		return g, err
	}
	return g, g.commit(ctx, nil)
}

// tell reports the parents that could not be read, and the records that are no parents.
func (c *children) tell() {
	if n := len(c.refused); n > 0 {
		c.find(telemetry.ParentUnreadable, telemetry.Numbers{"parents": float64(n)}, fmt.Sprintf("%d parents could not be read, the first one: %v", n, c.refused[0]))
	}
	if c.unusable > 0 {
		c.find(telemetry.ParentUnreadable, telemetry.Numbers{"records": float64(c.unusable)},
			fmt.Sprintf("%d records of stream %s are no parents of stream %s, the first one: %v", c.unusable, c.Parents.Stream.Name, c.Stream.Name, c.why))
	}
}
