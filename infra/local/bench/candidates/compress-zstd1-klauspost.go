//go:build ignore

package main

import (
	"io"

	"github.com/klauspost/compress/zstd"
)

// klauspost's zstd at its fastest, in one thread.
func init() {
	compressor(func(w io.Writer) (io.WriteCloser, error) {
		return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	})
}
