//go:build ignore

package main

import (
	"compress/gzip"
	"io"
)

// Go's own gzip at level 1.
func init() {
	compressor(func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestSpeed) })
}
