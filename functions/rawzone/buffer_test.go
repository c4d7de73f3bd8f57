package rawzone_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/window"
)

// TestAPartHoldsTheRecordsInTheirOrder stores two parts from one buffer, of records of many lengths.
func TestAPartHoldsTheRecordsInTheirOrder(t *testing.T) {
	record := func(i, length int) []byte {
		text := fmt.Appendf(nil, "%d:", i)
		for len(text) < length {
			text = append(text, byte('a'+(i+len(text)*len(text))%26))
		}
		return text
	}
	for name, lengths := range map[string][]int{
		"one":                       {700},
		"many that fill the pieces": repeated(700, 1000),
		"some as long as a piece":   {64<<10 - 2, 64<<10 - 1, 64 << 10, 64<<10 + 1, 5, 64<<10 - 3, 64<<10 + 1},
		"some much longer":          {10, 1 << 20, 20, 300 << 10, 30},
	} {
		for _, size := range []int64{0, 1, 1000, 1 << 20, 8 << 20} {
			t.Run(fmt.Sprintf("%s, of parts of %d", name, size), func(t *testing.T) {
				zone := rawzone.Zone{Bucket: objectstoretest.New().Bucket("raw"), Vendor: "on24", Stream: "attendees"}
				attempt := rawzone.Attempt{Window: window.Window{Start: start, End: start.Add(1)}, Number: 1}
				buffer := rawzone.NewBuffer(size)
				for part := range 2 {
					var want bytes.Buffer
					var digest uint64
					buffer.Reset()
					buffer.Page(part + 1)
					for i, length := range lengths {
						r := record(i+part, length)
						buffer.Add(r)
						want.Write(r)
						want.WriteByte('\n')
						digest += xxhash.Sum64(r)
					}
					if got, want := (&rawzone.Attempt{}).Digest(buffer), fmt.Sprintf("%016x", digest); got != want || buffer.Records() != int64(len(lengths)) {
						t.Errorf("the digest is %s of %d records, want %s of %d", got, buffer.Records(), want, len(lengths))
					}
					if err := zone.Store(ctx, &attempt, buffer, "run"); err != nil {
						t.Fatal(err)
					}
					body, err := zone.OpenPart(ctx, attempt.Parts[part])
					if err != nil {
						t.Fatal(err)
					}
					got, err := io.ReadAll(body)
					if err != nil || !bytes.Equal(got, want.Bytes()) {
						t.Errorf("part %d holds %d bytes, want the %d that were added: %v", part+1, len(got), want.Len(), err)
					}
				}
			})
		}
	}
}

func repeated(length, times int) []int {
	lengths := make([]int, times)
	for i := range lengths {
		lengths[i] = length
	}
	return lengths
}
