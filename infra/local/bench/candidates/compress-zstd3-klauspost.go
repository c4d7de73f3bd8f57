//go:build ignore

package main

import (
	"bytes"

	"github.com/klauspost/compress/zstd"
)

// klauspost's zstd at its default level, in one thread.
func init() {
	var buffer bytes.Buffer
	buffer.Grow(16 << 20)
	candidate = func(content []byte) (out int64, err error) {
		buffer.Reset()
		w, err := zstd.NewWriter(&buffer, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1))
		if err != nil {
			return 0, err
		}
		err = eachPage(content, func(page []byte) error {
			_, err := w.Write(page)
			return err
		})
		if err == nil {
			err = w.Close()
		}
		return int64(buffer.Len()), err
	}
}
