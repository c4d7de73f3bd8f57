package vendorapi

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// ParentRecord is what a child stream takes of one record of its parent stream. It marshals to JSON.
type ParentRecord struct {
	// Key identifies the parent: the hash of its key, 16 hexadecimal digits.
	Key string `json:"key"`
	// Time is the parent's own time, zero where it shows none that can be read.
	Time time.Time `json:"time,omitzero"`
	// Places and Fields are the values for [Parent.Places] and [Parent.Fields], in their order, as they are written.
	Places []jsontext.Value `json:"places"`
	Fields []jsontext.Value `json:"fields,omitempty"`
}

// ParentReader reads from the records of a stream what a child of it needs. It keeps its buffers, so it is not for several
// goroutines at once.
type ParentReader struct {
	parent *Parent
	bounds bounds
	key    *KeyReader
	// fields read a value each, by its path: one may lead through another's.
	fields map[string]*fieldReader
}

// NewParentReader returns a reader of the parents of a child stream.
func NewParentReader(v *Vendor, child *Stream) (*ParentReader, error) {
	parent, err := v.Stream(child.Parent.Stream)
	if err != nil {
		return nil, err
	}
	r := &ParentReader{parent: child.Parent, bounds: parent.bounds(), key: NewKeyReader(parent), fields: map[string]*fieldReader{}}
	paths := []string{child.Parent.TimePath}
	for _, place := range child.Parent.Places {
		paths = append(paths, place.Path)
	}
	for _, field := range child.Parent.Fields {
		paths = append(paths, field.Path)
	}
	for _, path := range paths {
		r.fields[path] = newFieldReader(path)
	}
	return r, nil
}

// Read reads a record of the parent stream. It fails where the record has no key, or lacks a field that a request needs.
func (r *ParentReader) Read(record []byte) (ParentRecord, error) {
	hash, keyed, err := r.key.Hash(record)
	if err != nil {
		return ParentRecord{}, err
	}
	parent := ParentRecord{Key: fmt.Sprintf("%016x", hash)}
	if !keyed {
		return parent, fmt.Errorf("a record of stream %s has no key, so it cannot be a parent", r.parent.Stream)
	}
	values := map[string]jsontext.Value{}
	for path, field := range r.fields {
		read, err := field.read(record)
		if err != nil {
			return parent, err
		}
		value := jsontext.Value(read[0]).Clone()
		if err := value.Compact(lenient...); read[0] != nil && err != nil {
			return parent, err
		}
		values[path] = value
	}
	if found := values[r.parent.TimePath]; found != nil {
		parent.Time, _ = r.bounds.recordTime(found)
	}
	for _, place := range r.parent.Places {
		value := values[place.Path]
		switch value.Kind() {
		case '"', '0':
			parent.Places = append(parent.Places, value)
		default:
			return parent, fmt.Errorf("a record of stream %s has no text or number at %s, which the request for its children needs", r.parent.Stream, place.Path)
		}
	}
	for _, field := range r.parent.Fields {
		value := values[field.Path]
		if value == nil {
			value = jsontext.Value("null")
		}
		parent.Fields = append(parent.Fields, value)
	}
	return parent, nil
}

// values are the parent's fields on their way into a request.
func (p *Parent) values(of *ParentRecord) ([]placed, error) {
	if len(of.Places) != len(p.Places) {
		return nil, fmt.Errorf("the parent %s has %d values for %d places: it was read for another description", of.Key, len(of.Places), len(p.Places))
	}
	values := make([]placed, len(p.Places))
	for i, place := range p.Places {
		value, err := placedJSON(place.Place, of.Places[i])
		if err != nil {
			return nil, fmt.Errorf("the parent's %s cannot be read: %w", place.Path, err)
		}
		if place.In == InPath && (value.text == "" || value.text == "." || value.text == "..") {
			return nil, fmt.Errorf("the parent's %s is %q, which would lead to another path", place.Path, value.text)
		}
		value.twice = place.EscapeTwice && (strings.HasPrefix(value.text, "/") || strings.Contains(value.text, "//"))
		values[i] = value
	}
	return values, nil
}

// added are the members that each record of the parent gets, each with a comma behind it.
func (p *Parent) added(of *ParentRecord) (members []byte) {
	for i, field := range p.Fields {
		if i == len(of.Fields) {
			break
		}
		members = append(members, '"')
		members = append(members, field.Name...)
		members = append(members, '"', ':')
		members = append(members, of.Fields[i]...)
		members = append(members, ',')
	}
	return members
}

func (c *Client) parentKey() string {
	if c.parent == nil {
		return ""
	}
	return c.parent.Key
}
