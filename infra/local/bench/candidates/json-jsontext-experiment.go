//go:build ignore

package main

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Token by token, checked as JSON and as UTF-8, names that occur twice refused.
func init() {
	candidate = func(content []byte) (values int64, err error) {
		decoder := jsontext.NewDecoder(bytes.NewReader(nil))
		var source bytes.Buffer
		err = eachLine(content, func(line []byte) error {
			source = *bytes.NewBuffer(line)
			decoder.Reset(&source)
			if _, err := decoder.ReadToken(); err != nil {
				return err
			}
			for decoder.PeekKind() != '}' {
				if _, err := decoder.ReadValue(); err != nil {
					return err
				}
				if _, err := decoder.ReadValue(); err != nil {
					return err
				}
				values++
			}
			return nil
		})
		return values, err
	}
}
