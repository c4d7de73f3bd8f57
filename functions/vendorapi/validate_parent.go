package vendorapi

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var fieldPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// checkChild checks what is particular to a stream that is read parent by parent.
func (v *Vendor) checkChild(f *faults, s *Stream) {
	if s.Window != (Window{}) {
		f.add("window", bare("set"), "a child stream is read once for each parent, whatever the time: leave it out, or parent")
	}
	f.under("parent", func() {
		v.checkParent(f, s)
		s.Parent.check(f)
	})
}

func (v *Vendor) checkParent(f *faults, s *Stream) {
	parent, err := v.Stream(s.Parent.Stream)
	if err != nil {
		var others []string
		for i := range v.Streams {
			if v.Streams[i].Name != s.Name {
				others = append(others, v.Streams[i].Name)
			}
		}
		f.add("stream", s.Parent.Stream, "the vendor has no such stream: want one of %s", strings.Join(others, ", "))
		return
	}
	path := []string{s.Name}
	for at := parent; ; {
		path = append(path, at.Name)
		if at.Name == s.Name {
			f.add("stream", s.Parent.Stream, "the streams wait for one another, %s: want a first one without a parent", strings.Join(path, " of "))
			return
		}
		if at.Parent == nil || slices.Contains(path[:len(path)-1], at.Name) {
			break
		}
		if at, err = v.Stream(at.Parent.Stream); err != nil {
			break
		}
	}
	if parent.Lookback > s.Lookback {
		f.add("stream", s.Parent.Stream, "its parents may show up to %v late, and this stream's lookback is %v, so some would be too old to be read: want a lookback of at least as much", parent.Lookback, s.Lookback)
	}
}

func (p *Parent) check(f *faults) {
	if p.TimePath == "" || !isFieldPath(p.TimePath) {
		f.add("timePath", p.TimePath, "want the path of the time in the parent's record by which it is read, names joined by dots")
	}
	if p.Ahead < 0 {
		f.add("ahead", p.Ahead, "want 0 or more")
	}
	if len(p.Places) == 0 {
		f.add("places", emptyList, "the same would be asked for each parent: want at least one field of it in the path, the query or the body")
	}
	for i, place := range p.Places {
		f.under(fmt.Sprintf("places[%d]", i), func() {
			if place.Path == "" || !isFieldPath(place.Path) {
				f.add("path", place.Path, "want the path of a field in the parent's record, names joined by dots")
			}
			if place.EscapeTwice && place.In != InPath {
				f.add("escapeTwice", place.EscapeTwice, "only what stands in %q is escaped twice: leave it out", InPath)
			}
		})
	}
	names := map[string]bool{}
	for i, field := range p.Fields {
		f.under(fmt.Sprintf("fields[%d]", i), func() {
			switch {
			case !fieldPattern.MatchString(field.Name):
				f.add("name", field.Name, "want letters, digits and underscores, from a letter on")
			case names[field.Name]:
				f.add("name", field.Name, "another field has this name already: want another")
			}
			names[field.Name] = true
			if field.Path == "" || !isFieldPath(field.Path) {
				f.add("path", field.Path, "want the path of a field in the parent's record, names joined by dots")
			}
		})
	}
}
