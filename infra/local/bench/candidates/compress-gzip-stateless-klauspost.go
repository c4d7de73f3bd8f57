//go:build ignore

package main

import (
	"io"

	"github.com/klauspost/compress/gzip"
)

// klauspost's gzip without a state between writes.
func init() {
	compressor(func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.StatelessCompression) })
}
