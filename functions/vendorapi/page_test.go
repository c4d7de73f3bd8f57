package vendorapi

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestAPagesRecordsAreSeenAsByThemselves has paths that are equal, lead through each other, or to nothing, in any order.
func TestAPagesRecordsAreSeenAsByThemselves(t *testing.T) {
	paths := rapid.SampledFrom([]string{"id", "at", "o", "o.id", "o.at", "o.at.x", "list.0", "list.1.at", "none", "o.none"})
	times := rapid.SampledFrom([]string{`"2026-03-10T17:30:00Z"`, `1773163800`, `null`, `"never"`, `{}`, `[]`, `{"x":"2026-03-10T17:30:00Z"}`})
	record := rapid.Custom(func(t *rapid.T) string {
		members := []string{
			`"id":` + rapid.SampledFrom([]string{`1`, `"a\u0062"`, `null`, `{"at":1}`}).Draw(t, "id"),
			`"at":` + times.Draw(t, "at"),
			`"o":` + rapid.SampledFrom([]string{`{"id":"x","at":` + times.Draw(t, "o.at") + `,"more":[1,{"a":2}]}`, `{}`, `7`, `[{"at":3}]`, `{"id":[1,2]}`}).Draw(t, "o"),
			`"list":` + rapid.SampledFrom([]string{`[1,{"at":` + times.Draw(t, "list.1.at") + `},3]`, `[]`, `[[1]]`, `"x"`}).Draw(t, "list"),
			`"id":2`, `"rest":{"deep":[[{"id":3}]]}`,
		}
		return "{" + strings.Join(rapid.SliceOfNDistinct(rapid.SampledFrom(members), 0, len(members), rapid.ID).Draw(t, "members"), " , ") + "}"
	})
	rapid.Check(t, func(t *rapid.T) {
		s := simple("https://api.example.com").Streams[0]
		s.Key = rapid.SliceOfNDistinct(paths, 0, 3, rapid.ID).Draw(t, "key")
		s.TimePath = rapid.OneOf(rapid.Just(""), paths).Draw(t, "time")
		s.Window.Layout = time.RFC3339
		records := rapid.SliceOf(rapid.OneOf(record, rapid.SampledFrom([]string{`[]`, `1`, `"x"`, `null`}))).Draw(t, "records")
		body := []byte(`{"` + s.RecordsPath + `":[` + strings.Join(records, ",") + `]}`)
		p := &Page{body: body}
		scanner := newScanner(&s)
		if _, err := scanner.scan(body, p); err != nil || len(p.records) != len(records) {
			t.Fatalf("%s: %d records, %v", body, len(p.records), err)
		}
		keys, times := NewKeyReader(&s), NewTimeReader(&s)
		i := 0
		for record, key := range p.Keyed() {
			hash, known, err := keys.Hash(record)
			if err != nil || key != (Key{hash, known}) || string(record) != records[i] {
				t.Fatalf("%s: key %v on the page, %v, %v by itself: %v", record, key, hash, known, err)
			}
			at, ok := scanner.timeOf(body, p.records[i])
			if want, wanted := times.Time(record); ok != wanted || !at.Equal(want) {
				t.Fatalf("%s: time %v, %v on the page, %v, %v by itself", record, at, ok, want, wanted)
			}
			i++
		}
	})
}

func TestSeenPaths(t *testing.T) {
	for name, c := range map[string]struct {
		key   []string
		time  string
		paths []string
		at    int
	}{
		"no time":                      {[]string{"id"}, "", []string{"id"}, -1},
		"beside the key":               {[]string{"id", "o.id"}, "o.at", []string{"id", "o.id", "o.at"}, 2},
		"one of the key":               {[]string{"id", "o.at"}, "o.at", []string{"id", "o.at"}, 1},
		"below a key":                  {[]string{"id", "o"}, "o.at", []string{"id", "o"}, -1},
		"above a key":                  {[]string{"o.at.x"}, "o.at", []string{"o.at.x"}, -1},
		"one of the key and below one": {[]string{"o", "o.at"}, "o.at", []string{"o", "o.at"}, -1},
		"one of the key and above one": {[]string{"o.at", "o.at.x"}, "o.at", []string{"o.at", "o.at.x"}, -1},
		"of a like name":               {[]string{"o.a"}, "o.at", []string{"o.a", "o.at"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			paths, at := (&Stream{Key: c.key, TimePath: c.time}).seenPaths()
			if !slices.Equal(paths, c.paths) || at != c.at {
				t.Errorf("got %q, %d, want %q, %d", paths, at, c.paths, c.at)
			}
		})
	}
}
