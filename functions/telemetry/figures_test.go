package telemetry_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/telemetry"
)

func TestFiguresLeaveOutWhatIsZero(t *testing.T) {
	at := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	var none error
	got := telemetry.Figures("none", 0, "one", 1, "rate", 0.0, "more", false, "settled", true, "position", "", "text", "x", "error", none, "never", time.Time{}, "at", at)
	if diff := cmp.Diff([]any{"one", 1, "settled", true, "text", "x", "at", at}, got); diff != "" {
		t.Error(diff)
	}
	if got := telemetry.Figures("error", errors.New("broken")); len(got) != 2 {
		t.Errorf("an error is left out: %v", got)
	}
}
