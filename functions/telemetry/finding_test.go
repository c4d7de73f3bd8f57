package telemetry_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/windrow-data/windrow/functions/telemetry"
)

// told is what a report has kept: kinds, each with its More where there is any.
func told(r *telemetry.Report) string {
	var kept []string
	for _, f := range r.Findings {
		text := string(f.Kind)
		if f.More > 0 {
			text += fmt.Sprintf("+%d", f.More)
		}
		kept = append(kept, text)
	}
	return strings.Join(kept, " ")
}

func TestAnAnswerHasRoomForSomeFindings(t *testing.T) {
	for name, test := range map[string]struct{ found, kept string }{
		"none":                             {"", ""},
		"three of a kind":                  {"a a a", "a a a"},
		"more of a kind":                   {"a a a a b a", "a a a+2 b"},
		"eight":                            {"a a a b b b c c", "a a a b b b c c"},
		"a ninth of a kind that is there":  {"a a a b b b c c c a", "a a a+1 b b b c c+1"},
		"a ninth of a new kind":            {"a a a b b b c c d", "a a a b b b c+1 d"},
		"new kinds until each has one":     {"a a a a b b b c c d e f g h", "a+3 b+2 c+1 d e f g h"},
		"one of each kind has always room": {"a a b c d e f g h i", "a+1 b c d e f g h i"},
	} {
		t.Run(name, func(t *testing.T) {
			var r telemetry.Report
			found := strings.Fields(test.found)
			for _, kind := range found {
				r.Find(telemetry.Finding{Kind: telemetry.Kind(kind)})
			}
			if got := told(&r); got != test.kept || r.Found() != len(found) {
				t.Errorf("of %q are kept %q (%d found), want %q", test.found, got, r.Found(), test.kept)
			}
		})
	}
}

// TestNoFindingIsUncounted draws findings of as many kinds as one handler tells of.
func TestNoFindingIsUncounted(t *testing.T) {
	kinds := telemetry.Kinds()[:telemetry.MaxFindings]
	rapid.Check(t, func(t *rapid.T) {
		found := rapid.SliceOfN(rapid.SampledFrom(kinds), 0, 60).Draw(t, "found")
		var r telemetry.Report
		count := map[telemetry.Kind]int{}
		for i, kind := range found {
			r.Find(telemetry.Finding{Kind: kind, Message: fmt.Sprint(i)})
			count[kind]++
		}
		kept, counted := map[telemetry.Kind]int{}, map[telemetry.Kind]int{}
		for _, f := range r.Findings {
			if counted[f.Kind] > kept[f.Kind] {
				t.Fatalf("%s: not the last one of %s says that there were more", told(&r), f.Kind)
			}
			if first := slices.Index(found, f.Kind); kept[f.Kind] == 0 && f.Message != fmt.Sprint(first) {
				t.Fatalf("%s: the first %s is not kept", told(&r), f.Kind)
			}
			kept[f.Kind]++
			counted[f.Kind] += 1 + f.More
			if kept[f.Kind] > telemetry.MaxOfKind {
				t.Fatalf("%s: too many of %s", told(&r), f.Kind)
			}
		}
		if diff := cmp.Diff(count, counted); diff != "" || r.Found() != len(found) || len(r.Findings) > telemetry.MaxFindings {
			t.Fatalf("%s: %d of %d (-want +got):\n%s", told(&r), r.Found(), len(found), diff)
		}
	})
}

func TestShorten(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		most int
		want string
	}{
		"short enough":               {"abcdef", 6, "abcdef"},
		"one byte too long":          {"abcdefg", 6, "abc…"},
		"between characters":         {"aéé日本語", 9, "aéé…"},
		"quotes take two bytes":      {`""""`, 7, `""…`},
		"what is no UTF-8 takes six": {"\xff\xff\xff", 15, "\xff\xff…"},
		"nothing":                    {"", 6, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := telemetry.Shorten(test.text, test.most); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		most := rapid.IntRange(3, 40).Draw(t, "most")
		short := telemetry.Shorten(text, most)
		quoted, err := json.Marshal(short)
		if err != nil || len(quoted)-2 > most || !utf8.ValidString(short) || !strings.HasPrefix(text, strings.TrimSuffix(short, "…")) {
			t.Fatalf("%q becomes %q, as JSON %d bytes, want at most %d", text, short, len(quoted)-2, most)
		}
	})
}
