package ingest

import (
	"testing"
	"time"
)

func TestDue(t *testing.T) {
	end := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	const h, m = time.Hour, time.Minute
	for _, test := range []struct {
		age, lookback time.Duration
		unsettled     bool
		want          time.Duration // 0: never yet
	}{
		{age: 29 * m, lookback: 72 * h},
		{age: 30 * m, lookback: 72 * h, want: 30 * m},
		{age: 59 * m, lookback: 72 * h, want: 30 * m},
		{age: 60 * m, lookback: 72 * h, want: 1 * h},
		{age: 179 * m, lookback: 72 * h, want: 1 * h},
		{age: 5 * h, lookback: 72 * h, want: 3 * h},
		{age: 23 * h, lookback: 72 * h, want: 8 * h},
		{age: 47 * h, lookback: 72 * h, want: 24 * h},
		{age: 50 * h, lookback: 72 * h, want: 48 * h},
		{age: 72 * h, lookback: 72 * h, want: 72 * h},
		{age: 500 * h, lookback: 72 * h, want: 72 * h},
		{age: 50 * h, lookback: 50 * h, want: 50 * h},
		{age: 49 * h, lookback: 50 * h, want: 48 * h},
		{age: 20 * m, lookback: 10 * m, want: 10 * m},
		{age: 100 * h, lookback: 0},
		{age: 100 * h, lookback: 0, unsettled: true, want: 96 * h},
		{age: 100 * h, lookback: 72 * h, unsettled: true, want: 96 * h},
		{age: 10 * m, lookback: 5 * m, unsettled: true},
		{age: -h, lookback: 72 * h},
	} {
		var want time.Time
		if test.want > 0 {
			want = end.Add(test.want)
		}
		if got := due(end, end.Add(test.age), test.lookback, !test.unsettled); !got.Equal(want) {
			t.Errorf("at the age %s with the lookback %s (unsettled %v) it was due at %s, want %s", test.age, test.lookback, test.unsettled, got, want)
		}
	}
}

func TestDueParent(t *testing.T) {
	at := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	const h, m, never = time.Hour, time.Minute, 1000 * time.Hour
	for _, test := range []struct{ now, want time.Duration }{
		{-241 * h, never},
		{-240 * h, -240 * h},
		{-239 * h, -240 * h},
		{-49 * h, -72 * h},
		{-48 * h, -48 * h},
		{-25 * h, -48 * h},
		{-24 * h, -24 * h},
		{-9 * h, -24 * h},
		{-8 * h, -8 * h},
		{-2 * h, -3 * h},
		{-59 * m, -h},
		{-30 * m, -30 * m},
		{-1, -30 * m},
		{0, 0},
		{29 * m, 0},
		{30 * m, 30 * m},
		{30 * h, 24 * h},
		{72 * h, 72 * h},
		{1000 * h, 72 * h},
	} {
		var want time.Time
		if test.want != never {
			want = at.Add(test.want)
		}
		if got := dueParent(at, at.Add(test.now), 240*h, 72*h, true); !got.Equal(want) {
			t.Errorf("at %s from its time it was due at %s, want %s", test.now, got, want)
		}
	}
	if got := dueParent(at, at.Add(-30*h), 36*h, 72*h, true); !got.Equal(at.Add(-36 * h)) {
		t.Errorf("it was due at %s, before it is first read", got)
	}
	if got := dueParent(at, at.Add(-time.Minute), 0, 72*h, true); !got.IsZero() {
		t.Errorf("with nothing ahead it was due at %s", got)
	}
}
