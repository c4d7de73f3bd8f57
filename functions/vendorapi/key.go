package vendorapi

import (
	"bytes"
	"errors"

	"github.com/cespare/xxhash/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// KeyReader reads which record a record is: the values of the stream's key fields, and nothing else of it. It keeps
// its buffers, so it is not for several goroutines at once.
type KeyReader struct {
	decoder *jsontext.Decoder
	wants   []want
	// values are those found so far, nil where none is.
	values [][]byte
	left   int
	hash   *xxhash.Digest
}

// errKeyRead ends the walk through a record whose whole key has been read.
var errKeyRead = errors.New("the key has been read")

// NewKeyReader returns a reader of the keys of the stream's records.
func NewKeyReader(s *Stream) *KeyReader {
	k := &KeyReader{
		decoder: jsontext.NewDecoder(bytes.NewReader(nil), lenient...),
		values:  make([][]byte, len(s.Key)),
		hash:    xxhash.New(),
	}
	for i, path := range s.Key {
		k.wants = append(k.wants, want{path: splitPath(path), read: func(d *jsontext.Decoder) error {
			value, err := d.ReadValue()
			if err != nil {
				return err
			}
			if k.values[i] == nil {
				k.left--
			}
			k.values[i] = append(k.values[i][:0:0], value...)
			if k.left == 0 {
				return errKeyRead
			}
			return nil
		}})
	}
	return k
}

// Hash returns a 64-bit hash of the record's key. It reports false where a key field is absent or null: such a record is
// no other's duplicate. Numbers count as they are written.
func (k *KeyReader) Hash(record []byte) (hash uint64, keyed bool, err error) {
	clear(k.values)
	k.left = len(k.values)
	k.decoder.Reset(bytes.NewBuffer(record), lenient...)
	if err := walk(k.decoder, k.wants, 0); err != nil && !errors.Is(err, errKeyRead) {
		return 0, false, err
	}
	k.hash.Reset()
	for _, value := range k.values {
		if value == nil || jsontext.Value(value).Kind() == 'n' {
			return 0, false, nil
		}
		// A line break ends a value: none occurs in one.
		_, _ = k.hash.Write(value)
		_, _ = k.hash.Write(lineBreak)
	}
	return k.hash.Sum64(), len(k.values) > 0, nil
}

var lineBreak = []byte{'\n'}
