//go:build ignore

package main

import (
	"io"

	"github.com/klauspost/compress/zstd"
)

// klauspost's zstd at its default level, in one thread.
func init() {
	compressor(func(w io.Writer) (io.WriteCloser, error) {
		return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1))
	})
}
