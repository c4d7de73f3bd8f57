//go:build ignore

package main

import (
	"errors"

	"github.com/minio/simdjson-go"
)

// A tape of all values, checked, by vector instructions that amd64 has and arm64 has not.
func init() {
	candidate = func(content []byte) (values int64, err error) {
		if !simdjson.SupportedCPU() {
			return 0, errors.New("this processor lacks the instructions")
		}
		var tape *simdjson.ParsedJson
		var object *simdjson.Object
		err = eachLine(content, func(line []byte) error {
			if tape, err = simdjson.Parse(line, tape, simdjson.WithCopyStrings(false)); err != nil {
				return err
			}
			iter := tape.Iter()
			iter.AdvanceInto()
			_, root, err := iter.Root(nil)
			if err != nil {
				return err
			}
			if object, err = root.Object(object); err != nil {
				return err
			}
			return object.ForEach(func([]byte, simdjson.Iter) { values++ }, nil)
		})
		return values, err
	}
}
