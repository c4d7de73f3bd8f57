package vendorapi

import (
	"bytes"
	"fmt"
	"net/http"
)

const (
	// maxHeaderBytes bounds the header of an answer. Servers and proxies themselves rarely let more than 16 KB pass.
	maxHeaderBytes = 64 << 10
	// maxDepth bounds how deep the objects and arrays of an answer are nested. Records that a person can make sense
	// of have a few levels, stored documents a few dozen.
	maxDepth = 200
)

func checkHeader(header http.Header) error {
	size := 0
	for name, values := range header {
		for _, value := range values {
			size += len(name) + len(value)
		}
	}
	if size > maxHeaderBytes {
		return fmt.Errorf("the answer's header has %d bytes: want at most %d", size, maxHeaderBytes)
	}
	return nil
}

// checkDepth refuses a body that is nested too deep, before anything walks into it.
func checkDepth(body []byte) error {
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			i += stringLength(body[i+1:])
		case '{', '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("the answer is nested deeper than %d levels at byte %d", maxDepth, i)
			}
		case '}', ']':
			depth--
		}
	}
	return nil
}

// stringLength returns how long a JSON string is whose opening quote has been read, its closing one included.
func stringLength(rest []byte) int {
	for i := 0; ; {
		quote := bytes.IndexByte(rest[i:], '"')
		if quote < 0 {
			return len(rest)
		}
		end := i + quote
		backslashes := 0
		for end-backslashes > 0 && rest[end-backslashes-1] == '\\' {
			backslashes++
		}
		if backslashes%2 == 0 {
			return end + 1
		}
		i = end + 1
	}
}
