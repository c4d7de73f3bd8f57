//go:build ignore

package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
)

// table are the records as columns: numbers where all values are whole numbers, else text as written. It is made before the work,
// which is to write it.
type table struct {
	names   []string
	columns map[string]*column
	rows    int
}

type column struct {
	number  bool
	numbers []int64
	texts   [][]byte
	// present says of each row whether it has a value; numbers and texts hold those alone.
	present []bool
}

func makeTable(content []byte) (*table, error) {
	t := &table{columns: map[string]*column{}}
	err := eachLine(content, func(line []byte) error {
		var record map[string]json.RawMessage
		if err := json.Unmarshal(line, &record); err != nil {
			return err
		}
		for name, value := range record {
			c := t.columns[name]
			if c == nil {
				c = &column{number: true, present: make([]bool, t.rows)}
				t.columns[name] = c
				t.names = append(t.names, name)
			}
			c.present = append(c.present, true)
			c.texts = append(c.texts, bytes.Clone(value))
		}
		t.rows++
		for _, c := range t.columns {
			if len(c.present) < t.rows {
				c.present = append(c.present, false)
			}
		}
		return nil
	})
	slices.Sort(t.names)
	for _, c := range t.columns {
		for _, text := range c.texts {
			n, err := strconv.ParseInt(string(text), 10, 64)
			if err != nil {
				c.number, c.numbers = false, nil
				break
			}
			c.numbers = append(c.numbers, n)
		}
	}
	return t, err
}

// What both libraries write with: rows of a group, and bytes of a page before compression.
const (
	groupRows = 10_000
	batchRows = 256
	pageBytes = 64 << 10
)
