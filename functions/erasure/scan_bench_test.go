package erasure_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/windrow-data/windrow/functions/erasure"
	"github.com/windrow-data/windrow/functions/objectstore/objectstoretest"
	"github.com/windrow-data/windrow/functions/rawzone"
	"github.com/windrow-data/windrow/functions/window"
)

// BenchmarkScan has an erasure go through parts of nobody it looks for: a year of data is gone through so twice.
func BenchmarkScan(b *testing.B) {
	v := ready("on24")
	store := objectstoretest.New()
	z := rawzone.Zone{Bucket: store.Bucket("raw"), Vendor: v.Name, Stream: "attendees"}
	ctx := context.Background()
	size := 0
	for part := range 4 {
		buffer := rawzone.NewBuffer(8 << 20)
		buffer.Reset()
		buffer.Page(1)
		for i := range 40_000 {
			record := fmt.Appendf(nil, `{"email":"person.%d@example%d.com","clientid":90001,"eventid":%d,"eventuserid":7000%05d,"userstatus":"active","liveminutes":%d,"firstliveactivity":"2026-03-10T10:01:%02d-07:00","questions":[{"questionid":%d,"content":"Will it be recorded, number %d?","createtimestamp":"2026-03-10T10:20:23-07:00"}],"campaigncode":"CMP-77","sourceeventid":4501001,"cumulativeliveminutes":%d,"partnerref":"email"}`,
				i, i%97, 4501001+part, i, i%60, i%60, i, i, i%60)
			size += len(record)
			buffer.Add(record)
		}
		start := begin.Add(time.Duration(part) * time.Hour)
		attempt := rawzone.Attempt{Window: window.Window{Start: start, End: start.Add(time.Hour)}, Number: 1, Begun: start}
		if err := z.Store(ctx, &attempt, buffer, "run"); err != nil {
			b.Fatal(err)
		}
	}
	l := &lake{t: b, vendor: v, store: store, clock: begin, logs: bytes.Buffer{}}
	b.SetBytes(int64(size))
	for b.Loop() {
		if _, err := erasure.Erase(ctx, l.config("nobody@example.org"), `{"step":"withhold"}`); err != nil {
			b.Fatal(err)
		}
	}
}
