package preprocess

import (
	"context"

	"github.com/windrow-data/windrow/functions/curated"
)

// clean deletes what a compaction that is not stale has replaced: the day's small objects, and the objects of the compactions before it. Receipts stay, so that the
// windows count as made.
//
// A small object that a run puts meanwhile may be deleted with them. Nothing is lost by it: the run then finds the day in days.json and makes it stale, the view goes on
// reading the compaction that there is, and the next one makes the rows of a window whose receipt stands and whose objects are gone from the raw bucket. It is for
// the same reason that nobody has to know which small objects a compaction took in.
func (r *run) clean(ctx context.Context, d day) error {
	var replaced []string
	for object, err := range r.Curated.List(ctx, r.names.ObjectsOn(d.Day), "") {
		if err != nil {
			return err
		}
		if _, ok := r.names.ObjectWindow(object.Key); ok {
			replaced = append(replaced, object.Key)
		}
	}
	for object, err := range r.Curated.List(ctx, r.names.CompactedOn(d.Day), "") {
		if err != nil {
			return err
		}
		if o, ok := r.names.ParseCompacted(object.Key); ok && isReplaced(o, d) {
			replaced = append(replaced, object.Key)
		}
	}
	for _, key := range replaced {
		if err := r.Curated.Delete(ctx, key); err != nil {
			return err
		}
	}
	r.answer.Deleted += len(replaced)
	return nil
}

// isReplaced reports whether an object is of an earlier compaction of the day than the one that counts, or of none. One of a later claim may be about to count.
func isReplaced(o curated.CompactedObject, d day) bool {
	return o.Compaction < d.Compaction || o.Compaction == d.Compaction && o.Digest != d.Digest
}

// tellCleaned has days.json say of the days that they have been cleaned, where they are as they were.
func (r *run) tellCleaned(ctx context.Context, l *dayList, cleaned []day) error {
	if len(cleaned) == 0 {
		return nil
	}
	_, err := r.changeDays(ctx, l, func(l *dayList) (changed bool, err error) {
		for _, before := range cleaned {
			d, _, err := l.get(before.Day)
			if err != nil {
				return false, err
			}
			if d.Stale || d.Compaction != before.Compaction {
				continue
			}
			d.Cleaned, changed = true, true
			if err := l.set(d); err != nil {
				return false, err
			}
		}
		return changed, nil
	})
	return err
}
