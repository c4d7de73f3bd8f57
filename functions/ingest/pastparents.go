package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/telemetry"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// pastParents reads the parents of a past range again, those first that come first in time. A lane has those of its days.
func (r *run) pastParents(ctx, asking context.Context, past Past) error {
	r.memory.lookback = r.Stream.Lookback.D()
	// Nothing is listed: each parent's commit is looked for.
	c := &children{run: r, from: r.now.Add(1<<63 - 1), same: map[string]bool{}}
	b := &backfill{run: r, past: past}
	parents, err := c.between(ctx, past)
	if err != nil {
		return err
	}
	if err := c.tellUncovered(ctx, past); err != nil {
		return err
	}
	for _, p := range parents {
		at := parentPosition(p.Rostered)
		if at <= past.Position {
			continue
		}
		if lanes := int64(past.Lanes); lanes > 0 && p.Time.Unix()/int64(oneDay.Seconds())%lanes != int64(past.Lane) {
			continue
		}
		if !r.fresh() && !r.worthwhile() {
			r.answer.More = true
			break
		}
		if p.Slot, err = r.Zone.Slot(ctx, p.Key, p.Time); err != nil {
			return err
		}
		err := c.read(ctx, asking, p)
		switch {
		case errors.Is(err, rawzone.ErrLost):
			r.overlapped(rawzone.SlotWindow(p.Slot))
		case particular(err) && !rejected(err) && !errors.Is(err, vendorapi.ErrDeadline):
			r.answer.Unreadable++
			b.unread("parent "+p.Key, err)
		case err != nil:
			return errors.Join(err, r.handOver(ctx))
		}
		if r.answer.More {
			break
		}
		r.answer.Position = at
	}
	if !r.answer.More {
		r.answer.Position = ""
	}
	c.tell()
	return r.handOver(ctx)
}

// parentPosition names a parent's place in the order of a past range.
func parentPosition(p rawzone.Rostered) string { return rawzone.FormatTime(p.Time) + "_" + p.Key }

// between returns the parents whose own time lies in the range, in the order of their positions: those that the parent stream has
// committed by windows that begin from as long before the range as a parent is read ahead of its time, and those that were
// read before.
func (c *children) between(ctx context.Context, past Past) ([]waiting, error) {
	found := map[string]waiting{}
	add := func(record vendorapi.ParentRecord, commit *rawzone.Commit) error {
		text, err := json.Marshal(record)
		if err != nil {
			return err
		}
		if p, known := found[record.Key]; known && commit.Start.Before(p.Shown) {
			return nil
		}
		found[record.Key] = waiting{rawzone.Rostered{Key: record.Key, Time: record.Time.UTC(), Shown: commit.Start, Record: text}, c.now}
		return nil
	}
	own := func(commit *rawzone.Commit) error {
		var record vendorapi.ParentRecord
		if err := json.Unmarshal(commit.Parent, &record); err != nil {
			return fmt.Errorf("the parent of commit %s: %w", commit.Window(), err)
		}
		if _, known := found[record.Key]; known {
			return nil
		}
		return add(record, &rawzone.Commit{})
	}
	early := c.Stream.Parent.Ahead.D() + rawzone.LongestWindow
	late := c.Parents.Stream.Lookback.D() + oneDay
	err := eachCommit(ctx, c.Parents.Zone, past.Start.Add(-early), past.End.Add(late), func(commit *rawzone.Commit) error { return c.eachParent(ctx, commit, add) })
	if err == nil {
		err = eachCommit(ctx, c.Zone, past.Start, past.End, own)
	}
	var parents []waiting
	for _, p := range found {
		if !p.Time.Before(past.Start) && p.Time.Before(past.End) {
			parents = append(parents, p)
		}
	}
	slices.SortFunc(parents, func(a, b waiting) int { return strings.Compare(parentPosition(a.Rostered), parentPosition(b.Rostered)) })
	return parents, err
}

// eachCommit reads the commits that begin in [from, to).
func eachCommit(ctx context.Context, zone rawzone.Zone, from, to time.Time, see func(*rawzone.Commit) error) error {
	for ref, err := range zone.Commits(ctx, from.Truncate(time.Second)) {
		if err != nil {
			return err
		}
		if !ref.Start.Before(to) {
			return nil
		}
		commit, _, err := zone.Commit(ctx, ref)
		if err != nil {
			return err
		}
		if err := see(commit); err != nil {
			return err
		}
	}
	return nil
}

// tellUncovered reports that the parent stream does not reach back to where the range begins.
func (c *children) tellUncovered(ctx context.Context, past Past) error {
	first, any, err := c.Parents.Zone.First(ctx)
	if err != nil || any && !first.Start.After(past.Start) {
		return err
	}
	reaches := cmp.Or(first.Name, "nowhere yet")
	c.find(telemetry.RangeUnread, nil, fmt.Sprintf("stream %s, whose records are the parents of this one, is read back to %s and no further: start the backfill again when it has read the range", c.Parents.Stream.Name, reaches))
	return nil
}
