package vendorapi

import (
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
