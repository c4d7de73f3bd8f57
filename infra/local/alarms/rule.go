package alarms

import (
	"fmt"
	"regexp"
	"strings"
)

// rule is a parsed AlarmRule of a composite alarm, see
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html.
type rule struct {
	holds func(states map[string]State) bool
	// needs are the names of the alarms in it, in their order, each once.
	needs []string
}

const (
	ruleAllowed = `want ALARM("name or ARN"), OK(...), INSUFFICIENT_DATA(...), TRUE, FALSE, NOT or parentheses`
	longestRule = 10240 // characters, as PutCompositeAlarm allows
)

// parseRule reads a rule. NOT binds tighter than AND, and AND tighter than OR.
func parseRule(text string) (rule, error) {
	if len(text) > longestRule {
		return rule{}, fmt.Errorf("AlarmRule has %d characters: want at most %d", len(text), longestRule)
	}
	p := &ruleParser{text: text}
	p.next()
	holds, err := p.either()
	if err == nil && p.token != "" {
		err = p.unexpected("want AND, OR or the end")
	}
	if err != nil {
		return rule{}, fmt.Errorf("AlarmRule %q: %w", text, err)
	}
	return rule{holds, p.needs}, nil
}

type ruleParser struct {
	text  string
	at    int
	token string // the next one; empty at the end
	needs []string
}

type condition = func(map[string]State) bool

var ruleToken = regexp.MustCompile(`^(?:[A-Za-z_]+|.)`)

func (p *ruleParser) next() {
	p.skipSpace()
	p.token = ruleToken.FindString(p.text[p.at:])
	p.at += len(p.token)
}

func (p *ruleParser) skipSpace() {
	p.at = len(p.text) - len(strings.TrimLeft(p.text[p.at:], " \t\r\n"))
}

func (p *ruleParser) unexpected(want string) error {
	if p.token == "" {
		return fmt.Errorf("it ends too early: %s", want)
	}
	return fmt.Errorf("%q at character %d: %s", p.token, p.at-len(p.token)+1, want)
}

func (p *ruleParser) either() (condition, error) {
	return p.joined("OR", p.both, func(l, r bool) bool { return l || r })
}

func (p *ruleParser) both() (condition, error) {
	return p.joined("AND", p.one, func(l, r bool) bool { return l && r })
}

func (p *ruleParser) joined(word string, part func() (condition, error), join func(l, r bool) bool) (condition, error) {
	left, err := part()
	for err == nil && p.token == word {
		p.next()
		before := left
		var right condition
		if right, err = part(); err == nil {
			left = func(states map[string]State) bool { return join(before(states), right(states)) }
		}
	}
	return left, err
}

func (p *ruleParser) one() (condition, error) {
	switch p.token {
	case "NOT":
		p.next()
		of, err := p.one()
		return func(states map[string]State) bool { return !of(states) }, err
	case "(":
		p.next()
		inside, err := p.either()
		if err != nil {
			return nil, err
		}
		if p.token != ")" {
			return nil, p.unexpected(`want AND, OR or ")"`)
		}
		p.next()
		return inside, nil
	case "TRUE", "FALSE":
		holds := p.token == "TRUE"
		p.next()
		return func(map[string]State) bool { return holds }, nil
	case string(InAlarm), string(OK), string(InsufficientData):
		return p.stateOf(State(p.token))
	}
	return nil, p.unexpected(ruleAllowed)
}

// stateOf reads the alarm in parentheses. Its name may stand in double quotes; without them it ends at the parenthesis.
func (p *ruleParser) stateOf(state State) (condition, error) {
	p.next()
	if p.token != "(" {
		return nil, p.unexpected(fmt.Sprintf(`want "(" after %s`, state))
	}
	p.skipSpace()
	shut := ")"
	if strings.HasPrefix(p.text[p.at:], `"`) {
		shut = `"`
		p.at++
	}
	reference, _, found := strings.Cut(p.text[p.at:], shut)
	if !found {
		return nil, fmt.Errorf("the alarm at character %d: want %s after it", p.at+1, shut)
	}
	p.at += len(reference) + len(shut)
	if shut == `"` {
		if p.next(); p.token != ")" {
			return nil, p.unexpected(`want ")" after the alarm`)
		}
	}
	name := nameOf(strings.TrimSpace(reference))
	if name == "" {
		return nil, fmt.Errorf("%s at character %d has no alarm: %s", state, p.at, ruleAllowed)
	}
	p.need(name)
	p.next()
	return func(states map[string]State) bool { return states[name] == state }, nil
}

func (p *ruleParser) need(name string) {
	for _, known := range p.needs {
		if known == name {
			return
		}
	}
	p.needs = append(p.needs, name)
}

// nameOf reads the name from an ARN, arn:aws:cloudwatch:REGION:ACCOUNT:alarm:NAME.
func nameOf(reference string) string {
	if _, name, ok := strings.Cut(reference, ":alarm:"); ok && strings.HasPrefix(reference, "arn:") {
		return name
	}
	return reference
}
