package vendorapi

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseRetryAfter(t *testing.T) {
	now := at("2026-03-10T18:00:00Z")
	tests := map[string]struct {
		value string
		want  time.Duration
		ok    bool
	}{
		"absent":            {"", 0, false},
		"seconds":           {"120", 2 * time.Minute, true},
		"spaces":            {" 5 ", 5 * time.Second, true},
		"a fraction":        {"1.5", 1500 * time.Millisecond, true},
		"negative":          {"-5", 0, true},
		"absurd":            {"1e300", mostSeconds * time.Second, true},
		"not a number":      {"NaN", 0, false},
		"HTTP date":         {"Tue, 10 Mar 2026 18:00:30 GMT", 30 * time.Second, true},
		"RFC 850":           {"Tuesday, 10-Mar-26 18:00:30 GMT", 30 * time.Second, true},
		"past date":         {"Tue, 10 Mar 2026 17:00:30 GMT", 0, true},
		"ISO":               {"2026-03-10T18:01:00Z", time.Minute, true},
		"ISO with fraction": {"2026-03-10T18:01:00.5Z", 60500 * time.Millisecond, true},
		"ISO with offset":   {"2026-03-10T11:01:00-0700", time.Minute, true},
		"ISO without":       {"2026-03-10T18:01:00", time.Minute, true},
		"words":             {"soon", 0, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := parseRetryAfter(test.value, now)
			if got != test.want || ok != test.ok {
				t.Errorf("got %v, %v, want %v, %v", got, ok, test.want, test.ok)
			}
		})
	}
}

func TestWaitsGrowToTheirCeiling(t *testing.T) {
	retry := Retry{InitialWait: Duration(time.Second), Factor: 3, MaxWait: Duration(10 * time.Second)}.withDefaults()
	var got []time.Duration
	for attempt := 1; attempt <= 5; attempt++ {
		got = append(got, retry.wait(attempt, "", time.Time{}, 0))
	}
	want := []time.Duration{time.Second, 3 * time.Second, 9 * time.Second, 10 * time.Second, 10 * time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := retry.wait(1, "", time.Time{}, 0.5); got != 875*time.Millisecond {
		t.Errorf("with jitter: got %v", got)
	}
}

func TestWaitStaysWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		jitter := rapid.Float64Range(0, 1).Draw(t, "jitter")
		retry := Retry{
			InitialWait: Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "initial")),
			Factor:      rapid.Float64Range(1, 100).Draw(t, "factor"),
			MaxWait:     Duration(time.Minute),
			Jitter:      &jitter,
		}
		wait := retry.wait(rapid.IntRange(1, maxAttempts).Draw(t, "attempt"), rapid.String().Draw(t, "after"), at("2026-03-10T18:00:00Z"), rapid.Float64Range(0, 0.999).Draw(t, "random"))
		if wait < 0 || wait > time.Minute {
			t.Fatalf("a wait of %v", wait)
		}
	})
}

func TestLimitOf(t *testing.T) {
	minute := Duration(time.Minute)
	tests := map[string]struct {
		account, own RateLimit
		weights      []int
		want         RateLimit
	}{
		"none":             {RateLimit{}, RateLimit{}, []int{0, 0}, RateLimit{}},
		"its own":          {RateLimit{}, RateLimit{30, minute}, []int{0, 0}, RateLimit{30, minute}},
		"an equal share":   {RateLimit{100, minute}, RateLimit{}, []int{0, 0}, RateLimit{50, minute}},
		"a weighted share": {RateLimit{100, minute}, RateLimit{}, []int{3, 1}, RateLimit{75, minute}},
		"whole requests":   {RateLimit{100, minute}, RateLimit{}, []int{2, 1}, RateLimit{66, minute}},
		"evenly":           {RateLimit{10, Duration(time.Second)}, RateLimit{}, []int{2, 1}, RateLimit{1, Duration(150 * time.Millisecond)}},
		"own is lower":     {RateLimit{100, minute}, RateLimit{30, minute}, []int{1, 1}, RateLimit{30, minute}},
		"share is lower":   {RateLimit{100, minute}, RateLimit{60, minute}, []int{1, 1}, RateLimit{50, minute}},
		"less than one":    {RateLimit{1, Duration(time.Second)}, RateLimit{}, []int{1, 9}, RateLimit{1, Duration(10 * time.Second)}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := &Vendor{RateLimit: test.account, Streams: []Stream{{Name: "a", RateLimit: test.own, Weight: test.weights[0]}, {Name: "b", Weight: test.weights[1]}}}
			if got := v.LimitOf("a"); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestLinkNext(t *testing.T) {
	tests := map[string]struct {
		values []string
		want   string
	}{
		"none":            {nil, ""},
		"one":             {[]string{`<https://a.example/x?p=2>; rel="next"`}, "https://a.example/x?p=2"},
		"without quotes":  {[]string{`</x?p=2>;rel=next`}, "/x?p=2"},
		"after another":   {[]string{`</x?a=1,2;3>; rel="prev"; title="a \", <b>; rel=next", </x?p=2>; rel="next"`}, "/x?p=2"},
		"several headers": {[]string{`</1>; rel=first`, `</2>; rel=next`}, "/2"},
		"first rel wins":  {[]string{`</1>; rel=prev; rel=next`}, ""},
		"no rel":          {[]string{`</1>; title=next`}, ""},
		"cut off":         {[]string{`</1; rel=next`, `<`, `</1>; rel="ne`}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := linkNext(test.values); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
