package vendorapi

import (
	"bytes"
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// KeyReader reads which record a record is: the values of the stream's key fields, and nothing else of it. It keeps
// its buffers, so it is not for several goroutines at once.
type KeyReader struct {
	fields *fieldReader
	hasher keyHasher
}

// Key is what is known of a record's key: its 64-bit hash, and whether it has one.
type Key struct {
	Hash  uint64
	Known bool
}

// keyHasher makes hashes of the values of key fields. It keeps its buffers.
type keyHasher struct {
	// key is what is hashed, text a value without its escapes.
	key, text []byte
}

// NewKeyReader returns a reader of the keys of the stream's records.
func NewKeyReader(s *Stream) *KeyReader {
	return &KeyReader{fields: newFieldReader(s.Key...)}
}

// Hash returns a 64-bit hash of the record's key. It reports false where a key field is absent or null: such a record is
// no other's duplicate. Numbers count as they are written, strings as what they say, however they are escaped. Of a
// name that occurs twice in a record the first counts. Its error says where the record is no JSON.
func (k *KeyReader) Hash(record []byte) (hash uint64, keyed bool, err error) {
	values, err := k.fields.read(record)
	if err != nil {
		return 0, false, err
	}
	key := k.hasher.hash(values)
	return key.Hash, key.Known, nil
}

// hash hashes the values of the key fields, as they are written.
func (k *keyHasher) hash(values [][]byte) Key {
	k.key = k.key[:0]
	for _, value := range values {
		if value == nil || value[0] == 'n' {
			return Key{}
		}
		if value[0] == '"' && bytes.IndexByte(value, '\\') >= 0 {
			k.text, _ = jsontext.AppendUnquote(append(k.text[:0], '"'), value)
			value = append(k.text, '"')
		}
		// The lengths keep ("ab", "c") and ("a", "bc") apart.
		k.key = append(binary.LittleEndian.AppendUint64(k.key, uint64(len(value))), value...)
	}
	if len(values) == 0 {
		return Key{}
	}
	return Key{xxhash.Sum64(k.key), true}
}
