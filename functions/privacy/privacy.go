// Package privacy makes what stands in a lake in place of a person's data.
//
// It stands apart because three programs must come to the same: preprocess, which writes digests into curated objects, ingest, which
// withholds whoever is to be forgotten, and who erases or exports a person. It imports nothing of ours.
package privacy

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"strings"
	"unicode/utf8"
)

// Key is the secret under which digests are made. Whoever has it can tell whether a digest is that of a value they know. However it
// is printed, logged or marshalled, its bytes stay out; but for an unexported field of another type, which fmt prints without asking it:
// keep a Key in none.
type Key []byte

// redacted stands wherever a key would have stood.
const redacted = "[redacted]"

// Format implements fmt.Formatter and hides the key.
func (Key) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler and hides the key, from JSON too.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer and hides the key.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// ErrKey says that there is no key of digests where one is needed, or that what is there is none.
var ErrKey = errors.New("the privacy key cannot be used")

// Lengths of a key in characters. A generated one has GeneratedKeyLength letters and digits, 381 bits.
const (
	LeastKeyLength     = 32
	GeneratedKeyLength = 64
)

// ParseKey returns the key that a secret's text is, all of it: a key is used as it is written, so that openssl makes the same digests
// of it. Its error matches [ErrKey]; it says what a key looks like, and nothing of this one but its length.
func ParseKey(text string) (Key, error) {
	if len(text) < LeastKeyLength {
		return nil, fmt.Errorf("%w: it has %d characters: want at least %d letters, digits and signs of ASCII, without any space", ErrKey, len(text), LeastKeyLength)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("%w: it holds a space, a line's end or a character beyond ASCII: want at least %d letters, digits and signs of ASCII, and nothing behind them", ErrKey, LeastKeyLength)
	}
	return Key(text), nil
}

// digestBytes are as many bytes of HMAC-SHA256 as a digest has: 128 bits, which billions of values share without meeting.
const digestBytes = 16

// DigestLength is the length of a digest in characters.
const DigestLength = 2 * digestBytes

// Digest is what stands for a value: 32 hexadecimal digits of its HMAC-SHA256 (RFC 2104), after [Normal]. Equal values have equal
// digests wherever the key is the same, so that they can still be counted and joined.
func (k Key) Digest(value string) string {
	return string(k.Digester().Append(nil, []byte(value)))
}

// Digester makes digests under one key. It is for who makes many: what the key alone decides is worked out once. It is not safe for use
// by several goroutines at once.
type Digester struct {
	mac    hash.Hash
	normal []byte
	sum    [sha256.Size]byte
}

// Digester returns what makes digests under the key.
func (k Key) Digester() *Digester { return &Digester{mac: hmac.New(sha256.New, k)} }

// Append appends the value's digest, see [Key.Digest].
func (d *Digester) Append(to, value []byte) []byte {
	d.normal = appendNormal(d.normal[:0], value)
	d.mac.Reset()
	d.mac.Write(d.normal)
	return hex.AppendEncode(to, d.mac.Sum(d.sum[:0])[:digestBytes])
}

// Normal is the form of a value in which two that mean the same are the same: without space around it and in lower case.
// https://www.rfc-editor.org/rfc/rfc5321#section-2.4 lets a host tell case in the part before the @, which none is known to do.
func Normal(value string) string { return strings.ToLower(strings.TrimSpace(value)) }

// appendNormal appends the value's [Normal].
func appendNormal(to, value []byte) []byte {
	value = bytes.TrimSpace(value)
	for i, c := range value {
		if c >= utf8.RuneSelf {
			return append(to[:len(to)-i], bytes.ToLower(value)...)
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		to = append(to, c)
	}
	return to
}
