package vendorapi

import (
	"strconv"

	"github.com/windrow-data/windrow/functions/jsonscan"
)

// fieldReader finds the values at some paths of a record. It looks at no more of the record than up to the last
// of them, decodes nothing, and keeps its memory from record to record: it runs on every record that is read.
type fieldReader struct {
	reader jsonscan.Reader
	root   fieldNode
	// values are those found so far by their path's place in the list, nil where none is.
	values [][]byte
	left   int
	name   []byte
}

// fieldNode is a place in a record that paths lead to or through.
type fieldNode struct {
	name string
	// at is the place of the path that ends here in the list of paths, -1 where none does.
	at    int
	below []fieldNode
}

func newFieldReader(paths ...string) *fieldReader {
	f := &fieldReader{
		reader: jsonscan.Lenient(maxDepth),
		root:   fieldNode{at: -1},
		values: make([][]byte, len(paths)),
	}
	for i, path := range paths {
		node := &f.root
		for _, name := range splitPath(path) {
			node = node.child(name)
		}
		node.at = i
	}
	return f
}

func (n *fieldNode) child(name string) *fieldNode {
	for i := range n.below {
		if n.below[i].name == name {
			return &n.below[i]
		}
	}
	n.below = append(n.below, fieldNode{name: name, at: -1})
	return &n.below[len(n.below)-1]
}

// element returns the child that leads to the i-th element of an array, from 0; nil where there is none.
func (n *fieldNode) element(i int) *fieldNode {
	for at := range n.below {
		if name := n.below[at].name; len(name) > 0 && name[0] >= '0' && name[0] <= '9' && name == strconv.Itoa(i) {
			return &n.below[at]
		}
	}
	return nil
}

// find returns the child that a quoted name leads to, nil where there is none.
func (f *fieldReader) find(n *fieldNode, quoted []byte) *fieldNode {
	name := jsonscan.Unquoted(quoted, &f.name)
	for i := range n.below {
		if n.below[i].name == string(name) {
			return &n.below[i]
		}
	}
	return nil
}

// read returns the values at the paths as they are written, nil for one that is absent. Of a name that occurs twice
// the first counts. The result refers to the record and lasts until the next call. Its error is one of syntax, met on the way
// to the last value.
func (f *fieldReader) read(record []byte) ([][]byte, error) {
	clear(f.values)
	f.left = len(f.values)
	f.reader.Reset(record)
	_, err := f.descend(&f.reader, &f.root)
	return f.values, err
}

// readNext is read on the value that comes next in r, which it reads to its end.
func (f *fieldReader) readNext(r *jsonscan.Reader) ([][]byte, error) {
	clear(f.values)
	f.left = len(f.values)
	err := f.whole(r, &f.root)
	return f.values, err
}

// whole reads the value that comes next to its end.
func (f *fieldReader) whole(r *jsonscan.Reader, at *fieldNode) error {
	kind := r.Peek()
	ended, err := f.descend(r, at)
	if ended || err != nil {
		return err
	}
	return r.Rest(kind)
}

// descend reads the value that comes next, an object or array that paths lead through, to its end or until nothing is left to be
// found.
func (f *fieldReader) descend(r *jsonscan.Reader, at *fieldNode) (ended bool, err error) {
	kind := r.Peek()
	if kind != '{' && kind != '[' {
		_, err := r.Value()
		return true, err
	}
	if err := r.Open(); err != nil {
		return false, err
	}
	for i := 0; f.left > 0; i++ {
		var child *fieldNode
		if kind == '[' {
			more, err := r.Element()
			if !more {
				return true, err
			}
			child = at.element(i)
		} else {
			more, err := r.Member()
			if !more {
				return true, err
			}
			quoted, err := r.Name()
			if err != nil {
				return false, err
			}
			child = f.find(at, quoted)
		}
		if child != nil && child.at < 0 {
			if err := f.whole(r, child); err != nil {
				return false, err
			}
			continue
		}
		value, err := r.Value()
		if err != nil {
			return false, err
		}
		if child != nil && f.values[child.at] == nil {
			f.values[child.at] = value
			f.left--
		}
	}
	return false, nil
}
