package curated

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// checkMoment compares what is read without package time with what it reads.
func checkMoment(t interface{ Fatalf(string, ...any) }, text string) {
	if got, ok := plainTime([]byte(text)); ok {
		var want time.Time
		if err := want.UnmarshalText([]byte(text)); err != nil || want.UnixMicro() != got {
			t.Fatalf("%q is read as %d, want %d, %v", text, got, want.UnixMicro(), err)
		}
	}
	if got, ok := plainDate([]byte(text)); ok {
		want, err := time.Parse(time.DateOnly, text)
		if err != nil || want.Unix() != int64(got)*secondsADay {
			t.Fatalf("%q is read as day %d, want %s, %v", text, got, want, err)
		}
	}
}

// TestPlainMoments reads every date that it should, and in each year one time.
func TestPlainMoments(t *testing.T) {
	for year := range 10000 {
		for month := 1; month <= 12; month++ {
			for _, day := range []int{1, 9, 28, daysOf[month]} {
				text := fmt.Sprintf("%04d-%02d-%02d", year, month, day)
				if _, ok := plainDate([]byte(text)); !ok {
					t.Fatalf("%s is not read", text)
				}
				checkMoment(t, text)
			}
		}
		for _, zone := range []string{"Z", "-08:00", "+23:59"} {
			text := fmt.Sprintf("%04d-02-28T23:%02d:59%s", year, year%60, zone)
			if _, ok := plainTime([]byte(text)); !ok {
				t.Fatalf("%s is not read", text)
			}
			checkMoment(t, text)
		}
	}
}

// TestPlainMomentsAreThoseOfPackageTime draws texts that are nearly times.
func TestPlainMomentsAreThoseOfPackageTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkMoment(t, rapid.StringMatching(`[0-9]{4}-[0-3][0-9]-[0-3][0-9]`).Draw(t, "date"))
		checkMoment(t, rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-2][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](Z|z|[+-][0-2][0-9]:[0-6][0-9]|[+-][0-9]{4})`).Draw(t, "time"))
	})
}

// FuzzMoments reads any text, and finds what package time does.
func FuzzMoments(f *testing.F) {
	for _, text := range []string{"2026-03-10T17:20:23Z", "2026-03-10T17:20:23-07:00", "2026-03-10", "0000-01-01", "9999-12-28T23:59:59+23:59", "2026-02-30", "2026-03-10T24:00:00Z", "2026-03-10T17:20:60Z", "2026-03-10T17:20:23+24:00", "2026-03-10T17:20:23.5Z"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkMoment(t, text) })
}
