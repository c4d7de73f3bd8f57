package alarms

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestRules(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:"
	states := map[string]State{"bad": InAlarm, "worse": InAlarm, "good": OK, "new": InsufficientData, "with (parentheses)": InAlarm, "two words": InAlarm}
	tests := []struct {
		rule  string
		want  bool
		needs []string
	}{
		{`ALARM("bad")`, true, []string{"bad"}},
		{`ALARM(bad)`, true, []string{"bad"}},
		{`ALARM( two words )`, true, []string{"two words"}},
		{`ALARM("with (parentheses)")`, true, []string{"with (parentheses)"}},
		{`ALARM("` + arn + `bad")`, true, []string{"bad"}},
		{`ALARM(` + arn + `good)`, false, []string{"good"}},
		{`OK("good")`, true, []string{"good"}},
		{`INSUFFICIENT_DATA ( "new" )`, true, []string{"new"}},
		{`ALARM("new") OR OK("new")`, false, []string{"new"}},
		{`TRUE`, true, nil},
		{`FALSE`, false, nil},
		{`NOT FALSE AND NOT NOT TRUE`, true, nil},
		// Examples of https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html.
		{`ALARM(bad) AND ALARM(worse)`, true, []string{"bad", "worse"}},
		{`ALARM(bad) AND NOT ALARM(good)`, true, []string{"bad", "good"}},
		{`(ALARM(good) OR ALARM(bad)) AND OK(new)`, false, []string{"good", "bad", "new"}},
		{"(ALARM(\"bad\") OR \nALARM(\"good\")) AND \nOK(\"good\")", true, []string{"bad", "good"}},
		{`TRUE OR FALSE AND FALSE`, true, nil},
		{`(TRUE OR FALSE) AND FALSE`, false, nil},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			t.Parallel()
			parsed, err := parseRule(test.rule)
			if err != nil {
				t.Fatal(err)
			}
			if got := parsed.holds(states); got != test.want {
				t.Errorf("holds %v, want %v", got, test.want)
			}
			if diff := cmp.Diff(test.needs, parsed.needs); diff != "" {
				t.Errorf("needs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ rule, want string }{
		{``, `it ends too early: want ALARM("name or ARN"), OK(...)`},
		{`alarm(bad)`, `"alarm" at character 1: want ALARM("name or ARN")`},
		{`AT_LEAST(2, ALARM, (a, b, c))`, `"AT_LEAST" at character 1: want ALARM`},
		{`ALARM`, `it ends too early: want "(" after ALARM`},
		{`ALARM "bad"`, `"\"" at character 7: want "(" after ALARM`},
		{`ALARM("bad)`, `the alarm at character 8: want " after it`},
		{`ALARM(bad`, `the alarm at character 7: want ) after it`},
		{`ALARM("bad" OR "good")`, `"OR" at character 13: want ")" after the alarm`},
		{`ALARM()`, `ALARM at character 7 has no alarm`},
		{`ALARM("")`, `has no alarm`},
		{`ALARM(a) ALARM(b)`, `"ALARM" at character 10: want AND, OR or the end`},
		{`ALARM(a) AND`, `it ends too early: want ALARM`},
		{`(ALARM(a)`, `it ends too early: want AND, OR or ")"`},
		{`NOT`, `it ends too early: want ALARM`},
		{`ALARM(a) and OK(b)`, `"and" at character 10: want AND, OR or the end`},
		{strings.Repeat("TRUE OR ", 2000) + "TRUE", `AlarmRule has 16004 characters: want at most 10240`},
	}
	for _, test := range tests {
		t.Run(test.rule[:min(len(test.rule), 40)], func(t *testing.T) {
			t.Parallel()
			if _, err := parseRule(test.rule); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// drawRule draws a rule as text, and whether it holds.
func drawRule(t *rapid.T, states map[string]State, depth int) (text string, holds bool) {
	form := 0
	if depth > 0 {
		form = rapid.IntRange(0, 3).Draw(t, "form")
	}
	switch form {
	case 1:
		inner, of := drawRule(t, states, depth-1)
		return "NOT (" + inner + ")", !of
	case 2, 3:
		left, l := drawRule(t, states, depth-1)
		right, r := drawRule(t, states, depth-1)
		if form == 2 {
			return "(" + left + ") AND (" + right + ")", l && r
		}
		return "(" + left + ") OR (" + right + ")", l || r
	}
	name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "alarm")
	state := rapid.SampledFrom([]State{InAlarm, OK, InsufficientData}).Draw(t, "state")
	return string(state) + `("` + name + `")`, states[name] == state
}

func TestRuleHoldsAsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		states := map[string]State{}
		for _, name := range []string{"a", "b", "c"} {
			states[name] = rapid.SampledFrom([]State{InAlarm, OK, InsufficientData}).Draw(t, name)
		}
		text, want := drawRule(t, states, 4)
		parsed, err := parseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := parsed.holds(states); got != want {
			t.Fatalf("%s holds: %v, want %v, in %v", text, got, want, states)
		}
	})
}
