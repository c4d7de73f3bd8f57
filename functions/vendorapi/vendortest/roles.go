package vendortest

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// roles are what the fields of a stream's records are to its children and to its parent.
type roles struct {
	// id are the paths of the values by which children are asked for; true of one that is escaped twice.
	id map[string]bool
	// own are the paths of the times by which children are read, with the longest time ahead of it at which one does.
	own map[string]time.Duration
	// taken are the paths of the fields that children take.
	taken []string
	// added are the names of the fields that the stream itself takes of its parent.
	added []string
}

func rolesOf(v *vendorapi.Vendor, s *vendorapi.Stream) roles {
	r := roles{id: map[string]bool{}, own: map[string]time.Duration{}}
	if s.Parent != nil {
		for _, field := range s.Parent.Fields {
			r.added = append(r.added, field.Name)
		}
	}
	for _, child := range v.Streams {
		if child.Parent == nil || child.Parent.Stream != s.Name {
			continue
		}
		r.own[child.Parent.TimePath] = max(r.own[child.Parent.TimePath], child.Parent.Ahead.D())
		for _, place := range child.Parent.Places {
			r.id[place.Path] = r.id[place.Path] || place.EscapeTwice
		}
		for _, field := range child.Parent.Fields {
			r.taken = append(r.taken, field.Path)
		}
	}
	return r
}

func (r roles) ids() []string      { return slices.Sorted(maps.Keys(r.id)) }
func (r roles) ownTimes() []string { return slices.Sorted(maps.Keys(r.own)) }

func (r roles) isID(path string) bool {
	_, ok := r.id[path]
	return ok
}

func (r roles) escapedTwice(path string) bool { return r.id[path] }

// lasts reports whether a child holds the value at the path, so that it must not change.
func (r roles) lasts(path string) bool {
	return slices.ContainsFunc(r.taken, func(taken string) bool { return path == taken || strings.HasPrefix(path, taken+".") })
}

// adds reports whether the value at the path is the parent's.
func (r roles) adds(path string) bool {
	name, _, _ := strings.Cut(path, ".")
	return slices.Contains(r.added, name)
}

// ownTime is a parent's own time: up to ahead after it was first seen, or shortly before where nothing is read ahead of it.
func ownTime(of draft, ahead time.Duration) time.Time {
	if ahead <= 0 {
		return of.base.Add(-time.Duration(of.key % uint64(time.Hour))).Truncate(time.Second)
	}
	return of.base.Add(time.Duration(of.key % uint64(ahead))).Truncate(time.Second)
}
