// Package privacy makes what stands in a lake in place of a person's data.
//
// It stands apart because three programs must come to the same: preprocess, which writes digests into curated objects, ingest, which
// withholds whoever is to be forgotten, and who erases or exports a person. It imports nothing of ours.
package privacy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Key is the secret under which digests are made. Whoever has it can tell whether a digest is that of a value they know.
type Key []byte

// digestBytes are as many bytes of HMAC-SHA256 as a digest has: 128 bits, which billions of values share without meeting.
const digestBytes = 16

// Digest is what stands for a value: 32 hexadecimal digits of its HMAC-SHA256 (RFC 2104), after [Normal]. Equal values have equal
// digests wherever the key is the same, so that they can still be counted and joined.
func (k Key) Digest(value string) string {
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte(Normal(value)))
	return hex.EncodeToString(mac.Sum(nil)[:digestBytes])
}

// Normal is the form of a value in which two that mean the same are the same: without space around it and in lower case.
// https://www.rfc-editor.org/rfc/rfc5321#section-2.4 lets a host tell case in the part before the @, which none is known to do.
func Normal(value string) string { return strings.ToLower(strings.TrimSpace(value)) }
