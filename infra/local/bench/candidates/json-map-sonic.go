//go:build ignore

package main

import (
	"encoding/json"

	"github.com/bytedance/sonic"
)

// Into a map of raw values, checked.
func init() {
	candidate = func(content []byte) (values int64, err error) {
		err = eachLine(content, func(line []byte) error {
			var record map[string]json.RawMessage
			if err := sonic.Unmarshal(line, &record); err != nil {
				return err
			}
			values += int64(len(record))
			return nil
		})
		return values, err
	}
}
