//go:build ignore

package main

import (
	"bytes"
	"compress/gzip"
)

// Go's own gzip at its default level.
func init() {
	var buffer bytes.Buffer
	buffer.Grow(16 << 20)
	candidate = func(content []byte) (out int64, err error) {
		buffer.Reset()
		w, err := gzip.NewWriterLevel(&buffer, gzip.DefaultCompression)
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
