package curated

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/windrow-data/windrow/functions/jsonscan"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// inner is a place in the values of a JSON column at or below which personal fields stand. Arrays have no place of their own: a place stands
// for each of their elements.
type inner struct {
	children map[string]*inner
	// protection is empty where the place only leads on.
	protection
}

// newInner returns the places of a column's personal fields, nil where nothing in it is protected.
func newInner(c *vendorapi.Column) (*inner, error) {
	var root *inner
	for i := range c.Within {
		w := &c.Within[i]
		p := protection{protect: w.Protection(), mask: masks[w.Personal]}
		if err := p.check(); err != nil {
			return nil, fmt.Errorf("column %s, within %s: %w", c.Name, w.Path, err)
		}
		if p.protect == vendorapi.ProtectKeep {
			continue
		}
		if root == nil {
			root = &inner{}
		}
		at := root
		for name := range strings.SplitSeq(w.Path, ".") {
			if at.children == nil {
				at.children = map[string]*inner{}
			}
			if at.children[name] == nil {
				at.children[name] = &inner{}
			}
			at = at.children[name]
		}
		at.protection = p
	}
	return root, nil
}

// hashes says that a field at or below the place is hashed.
func (n *inner) hashes() bool {
	for _, child := range n.children {
		if child.hashes() {
			return true
		}
	}
	return n.protect == vendorapi.ProtectHash
}

// protectWithin appends to s.text the value that comes next, with what is personal in it protected, and reports whether anything is to
// stand there at all. What it has appended of a value that is not is for the caller to cut off.
func (s *scanner) protectWithin(at *inner, r *jsonscan.Reader) (kept bool, err error) {
	switch kind := r.Peek(); {
	case kind == '[':
		return true, s.protectElements(at, r)
	case kind == '{' && at.children != nil:
		return true, s.protectMembers(at, r)
	case kind == 'n':
		value, err := r.Value()
		s.text = append(s.text, value...)
		return true, err
	default:
		value, err := r.Value()
		if err != nil || kind == '{' || !at.replaces() {
			// It is to be dropped, or stands where an object should, and may be personal as any other.
			return false, err
		}
		content := []byte(value)
		if kind == '"' {
			s.path = s.path[:0]
			content = unquoted(value, &s.path)
		}
		begin := len(s.text)
		s.instead(at.protection, content)
		if len(s.text) == begin {
			s.text = append(s.text, "null"...)
			return true, nil
		}
		text := string(s.text[begin:])
		s.text, err = jsontext.AppendQuote(s.text[:begin], text)
		return true, err
	}
}

func (s *scanner) protectElements(at *inner, r *jsonscan.Reader) error {
	if err := r.Open(); err != nil {
		return err
	}
	s.text = append(s.text, '[')
	first := len(s.text)
	for {
		more, err := r.Element()
		if err != nil {
			return err
		}
		if !more {
			s.text = append(s.text, ']')
			return nil
		}
		before := len(s.text)
		if before > first {
			s.text = append(s.text, ',')
		}
		kept, err := s.protectWithin(at, r)
		if err != nil {
			return err
		}
		if !kept {
			s.text = s.text[:before]
		}
	}
}

func (s *scanner) protectMembers(at *inner, r *jsonscan.Reader) error {
	if err := r.Open(); err != nil {
		return err
	}
	s.text = append(s.text, '{')
	first := len(s.text)
	for {
		more, err := r.Member()
		if err != nil {
			return err
		}
		if !more {
			s.text = append(s.text, '}')
			return nil
		}
		quoted, err := r.Name()
		if err != nil {
			return err
		}
		child := at.children[string(jsonscan.Unquoted(quoted, &s.path))]
		before := len(s.text)
		if before > first {
			s.text = append(s.text, ',')
		}
		s.text = append(append(s.text, quoted...), ':')
		kept := true
		if child != nil {
			kept, err = s.protectWithin(child, r)
		} else {
			var value []byte
			value, err = r.Value()
			s.text = append(s.text, value...)
		}
		if err != nil {
			return err
		}
		if !kept {
			s.text = s.text[:before]
		}
	}
}
