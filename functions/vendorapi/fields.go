package vendorapi

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// fieldReader finds the values at some paths of a record. It looks at no more of the record than up to the last
// of them, decodes nothing, and keeps its memory from record to record: it runs on every record that is read.
type fieldReader struct {
	decoder *jsontext.Decoder
	source  bytes.Buffer
	root    fieldNode
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
		decoder: jsontext.NewDecoder(bytes.NewReader(nil), lenient...),
		root:    fieldNode{at: -1},
		values:  make([][]byte, len(paths)),
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
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		// The decoder has read the name, so it can be unquoted; what is no UTF-8 in it is no part of a path.
		f.name, _ = jsontext.AppendUnquote(f.name[:0], quoted)
		name = f.name
	}
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
	f.source = *bytes.NewBuffer(record)
	f.decoder.Reset(&f.source, lenient...)
	err := f.descend(&f.root, record)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return f.values, err
}

// descend reads the value that comes next, an object or array that paths lead through, or until nothing is left to be found.
func (f *fieldReader) descend(at *fieldNode, record []byte) error {
	kind := f.decoder.PeekKind()
	if kind != '{' && kind != '[' {
		return f.decoder.SkipValue()
	}
	if _, err := f.decoder.ReadToken(); err != nil {
		return err
	}
	for i := 0; f.left > 0 && f.decoder.PeekKind() != '}' && f.decoder.PeekKind() != ']'; i++ {
		var child *fieldNode
		if kind == '[' {
			child = at.element(i)
		} else {
			quoted, err := f.decoder.ReadValue()
			if err != nil {
				return err
			}
			child = f.find(at, quoted)
		}
		var err error
		switch {
		case child == nil || child.at >= 0 && f.values[child.at] != nil:
			err = f.decoder.SkipValue()
		case child.at >= 0:
			err = f.take(child.at, record)
		default:
			err = f.descend(child, record)
		}
		if err != nil {
			return err
		}
	}
	if f.left == 0 {
		return nil
	}
	_, err := f.decoder.ReadToken()
	return err
}

func (f *fieldReader) take(at int, record []byte) error {
	value, err := f.decoder.ReadValue()
	if err != nil {
		return err
	}
	// The decoder's own slice lasts until its next call, the record's longer.
	end := int(f.decoder.InputOffset())
	f.values[at] = record[end-len(value) : end : end]
	f.left--
	return nil
}
