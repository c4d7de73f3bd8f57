//go:build ignore

package main

import (
	"bytes"

	"github.com/klauspost/compress/gzip"
)

// klauspost's gzip at level 5.
func init() {
	var buffer bytes.Buffer
	buffer.Grow(16 << 20)
	candidate = func(content []byte) (out int64, err error) {
		buffer.Reset()
		w, err := gzip.NewWriterLevel(&buffer, 5)
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
