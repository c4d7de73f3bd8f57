//go:build ignore

package main

import (
	"bytes"
	"io"
)

// compressor has the candidate compress page by page, with a new writer of the library's each time.
func compressor(open func(io.Writer) (io.WriteCloser, error)) {
	var buffer bytes.Buffer
	buffer.Grow(16 << 20)
	candidate = func(content []byte) (out int64, err error) {
		buffer.Reset()
		w, err := open(&buffer)
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
