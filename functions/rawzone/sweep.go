package rawzone

import (
	"context"
	"maps"
	"slices"
	"time"
)

// Sweep deletes the parts of the windows that begin on day, a UTC midnight, which no commit names and which
// were stored before until. It leaves alone windows without a commit, since a run may be about to commit
// them. It returns how many parts it has deleted, and how many it has left because they are younger.
func (z Zone) Sweep(ctx context.Context, day, until time.Time) (deleted, left int, err error) {
	unnamed := map[string]map[string]time.Time{}
	for object, err := range z.Bucket.List(ctx, z.prefix()+"parts/"+day.UTC().Format("2006/01/02/"), "") {
		if err != nil {
			return deleted, left, err
		}
		name, ok := z.parsePartKey(object.Key)
		if !ok {
			continue
		}
		start := FormatTime(name.window.Start)
		if unnamed[start] == nil {
			unnamed[start] = map[string]time.Time{}
		}
		unnamed[start][object.Key] = object.Modified
	}
	if len(unnamed) == 0 {
		return 0, 0, nil
	}
	for ref, err := range z.Commits(ctx, day) {
		if err != nil {
			return deleted, left, err
		}
		if !ref.Start.Before(day.Add(24 * time.Hour)) {
			break
		}
		parts := unnamed[ref.Name]
		if len(parts) == 0 {
			continue
		}
		commit, _, err := z.Commit(ctx, ref)
		if err != nil {
			return deleted, left, err
		}
		for _, part := range commit.Parts {
			delete(parts, part.Key)
		}
		for _, key := range slices.Sorted(maps.Keys(parts)) {
			if !parts[key].Before(until) {
				left++
				continue
			}
			if err := z.Bucket.Delete(ctx, key); err != nil {
				return deleted, left, err
			}
			deleted++
		}
	}
	return deleted, left, nil
}
