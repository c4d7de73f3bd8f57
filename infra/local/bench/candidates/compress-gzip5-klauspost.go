//go:build ignore

package main

import (
	"io"

	"github.com/klauspost/compress/gzip"
)

// klauspost's gzip at level 5.
func init() {
	compressor(func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, 5) })
}
