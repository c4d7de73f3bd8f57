package erasure_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/erasure"
)

func TestExport(t *testing.T) {
	l := newLake(t, ready("gotowebinar"), 60)
	email := l.busiest()
	l.litter(email)
	want := map[string]int{}
	for i := range l.vendor.Streams {
		s := &l.vendor.Streams[i]
		if s.PersonPath == "" {
			continue
		}
		l.records(s, func(record []byte) {
			if bytes.Contains(record, []byte(`"`+s.PersonPath+`":"`+email+`"`)) {
				want[s.Name+" "+string(record)]++
			}
		})
	}
	if len(want) < 3 {
		t.Fatalf("only %d records are about the person", len(want))
	}
	l.logs.Reset()
	// Each call has time for one window only.
	ctx, cancel := context.WithDeadline(context.Background(), l.clock)
	defer cancel()
	ctx = undone{ctx}
	var answer erasure.Answer
	calls := 0
	for answer.Next != erasure.Done {
		var err error
		if answer, err = erasure.Export(ctx, l.config(email), answer.Position); err != nil {
			t.Fatal(err)
		}
		if calls++; calls > 1000 {
			t.Fatal("the export does not end")
		}
		if strings.Contains(l.logs.String(), email) {
			t.Fatal("a log has the address")
		}
	}
	got := map[string]int{}
	records := int64(0)
	for _, key := range l.store.Keys("results", answer.Record) {
		stream := strings.TrimPrefix(key, answer.Record)
		body, _ := l.store.Body("results", key)
		for line := range strings.Lines(string(body)) {
			got[stream[:strings.LastIndexByte(stream, '-')]+" "+strings.TrimSuffix(line, "\n")]++
		}
	}
	for _, f := range answer.Found {
		records += f.Records
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("exported (-want +got):\n%s", diff)
	}
	if records != int64(len(want)) || answer.Bucket != "results" {
		t.Errorf("the answer tells of %d records in %s, want %d", records, answer.Bucket, len(want))
	}
	if calls < 10 {
		t.Errorf("%d calls, want one for each window", calls)
	}
	// What was exported goes with an erasure.
	l.erase(email)
	if traces := l.traces(email); len(traces) > 0 {
		t.Errorf("the address is in %v", traces)
	}
}

// undone is a context that has a deadline, and is not done when that has passed.
type undone struct{ context.Context }

func (undone) Done() <-chan struct{} { return nil }
func (undone) Err() error            { return nil }
