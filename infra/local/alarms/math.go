package alarms

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Metric math: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html. What would depend on how
// many periods CloudWatch looks at, which it does not publish and advises against in alarms, is refused; so is every
// function that is not used here.

const mathAllowed = "only numbers, ids of queries, [lists], + - * / ^, == != < <= > >=, AND, OR, IF, FILL, SUM, MIN, MAX and METRICS can be evaluated locally, " +
	"and nothing that depends on how many periods CloudWatch looks at, such as FILL with REPEAT"

// series is the values of consecutive periods, the oldest first; missing ones are NaN.
type series []float64

var missing = math.NaN()

func isMissing(value float64) bool { return math.IsNaN(value) }

// kind is what an expression comes to.
type kind int

const (
	aNumber kind = iota
	aSeries
	aList // of series
)

func (k kind) String() string {
	return [...]string{"a number", "a time series", "a list of time series"}[k]
}

// operand is a value of an expression: number, or one series, or a list of them.
type operand struct {
	number float64
	list   []series
}

// scope is what an expression is evaluated in.
type scope struct {
	periods int
	values  map[string]operand
}

func (s scope) each(value func(i int) float64) operand {
	result := make(series, s.periods)
	for i := range result {
		// "If the value of a data point causes a function to attempt to divide by zero, the data point is dropped"; 0/0 is
		// missing as it is.
		if result[i] = value(i); math.IsInf(result[i], 0) {
			result[i] = missing
		}
	}
	return operand{list: []series{result}}
}

// node is a parsed expression.
type node struct {
	kind kind
	eval func(scope) operand
}

// program is the queries of an alarm, in an order in which each finds what it needs.
type program struct{ steps []step }

type step struct {
	query Query
	node  node // of an expression
}

var queryID = regexp.MustCompile(`^[a-z][A-Za-z0-9_]*$`)

// compile parses the queries of an alarm. Its error tells everything that is wrong with them.
func compile(queries []Query, watched string) (program, error) {
	c := &compiler{queries: map[string]Query{}, kinds: map[string]kind{}, underWay: map[string]bool{}}
	var faults []error
	for _, q := range queries {
		if !queryID.MatchString(q.ID) {
			faults = append(faults, fmt.Errorf("Id %q: want a lowercase letter, then letters, digits and underscores", q.ID))
		}
		if _, twice := c.queries[q.ID]; twice {
			faults = append(faults, fmt.Errorf("Id %q is given twice", q.ID))
		}
		c.queries[q.ID] = q
		if q.Expression == "" {
			c.metrics = append(c.metrics, q.ID)
			if err := q.Statistic.check(); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", q.ID, err))
			}
		}
	}
	if most := 10; len(c.metrics) == 0 || len(c.metrics) > most {
		faults = append(faults, fmt.Errorf("%d metrics: want 1 to %d in an alarm", len(c.metrics), most))
	}
	if len(faults) > 0 {
		return program{}, errors.Join(faults...)
	}
	for _, q := range queries {
		if _, err := c.kindOf(q.ID); err != nil {
			return program{}, err
		}
	}
	switch kind, ok := c.kinds[watched]; {
	case !ok:
		return program{}, fmt.Errorf("no query has the id %q, which is to be watched", watched)
	case kind != aSeries:
		return program{}, fmt.Errorf("%s comes to %s: an alarm watches one time series", watched, kind)
	}
	return program{c.steps}, nil
}

type compiler struct {
	queries  map[string]Query
	metrics  []string
	kinds    map[string]kind
	underWay map[string]bool
	steps    []step
}

// kindOf compiles a query, where it has not been, and those that it needs before it.
func (c *compiler) kindOf(id string) (kind, error) {
	if kind, done := c.kinds[id]; done {
		return kind, nil
	}
	q, ok := c.queries[id]
	if !ok {
		return 0, fmt.Errorf("no query has the id %q", id)
	}
	if c.underWay[id] {
		return 0, fmt.Errorf("%s needs itself", id)
	}
	c.underWay[id] = true
	next := step{query: q, node: node{kind: aSeries}}
	if q.Expression != "" {
		p := &mathParser{compiler: c, text: q.Expression}
		var err error
		if next.node, err = p.parse(); err != nil {
			return 0, fmt.Errorf("%s, Expression %q: %w", id, q.Expression, err)
		}
	}
	c.steps = append(c.steps, next)
	c.kinds[id] = next.node.kind
	return next.node.kind, nil
}

// mathParser reads one expression by recursive descent; each method reads one level of precedence.
type mathParser struct {
	*compiler
	text string
	at   int
	// token is the next one; empty at the end.
	token string
}

var mathToken = regexp.MustCompile(`^(?:[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|[A-Za-z][A-Za-z0-9_]*|"[^"]*"|'[^']*'|[=!<>]=|&&|\|\||[-+*/^<>()\[\],])`)

func (p *mathParser) parse() (node, error) {
	if err := p.next(); err != nil {
		return node{}, err
	}
	n, err := p.level(0)
	if err == nil && p.token != "" {
		return node{}, p.unexpected("the end")
	}
	return n, err
}

func (p *mathParser) next() error {
	rest := strings.TrimLeft(p.text[p.at:], " \t\r\n")
	p.at = len(p.text) - len(rest)
	if rest == "" {
		p.token = ""
		return nil
	}
	if p.token = mathToken.FindString(rest); p.token == "" {
		return fmt.Errorf("%q at character %d: %s", rest[:1], p.at+1, mathAllowed)
	}
	p.at += len(p.token)
	return nil
}

func (p *mathParser) unexpected(want string) error {
	if p.token == "" {
		return fmt.Errorf("it ends too early: want %s", want)
	}
	return fmt.Errorf("%q at character %d: want %s", p.token, p.at-len(p.token)+1, want)
}

func (p *mathParser) expect(token string) error {
	if p.token != token {
		return p.unexpected(strconv.Quote(token))
	}
	return p.next()
}

func truth(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// operator is a function of two numbers; one that compares takes no lists.
type operator struct {
	apply    func(x, y float64) float64
	compares bool
}

var (
	or  = operator{func(x, y float64) float64 { return truth(x != 0 || y != 0) }, true}
	and = operator{func(x, y float64) float64 { return truth(x != 0 && y != 0) }, true}
	// levels are the operators by precedence, the weakest first.
	levels = []map[string]operator{
		{"OR": or, "||": or},
		{"AND": and, "&&": and},
		{
			"==": {func(x, y float64) float64 { return truth(x == y) }, true},
			"!=": {func(x, y float64) float64 { return truth(x != y) }, true},
			"<=": {func(x, y float64) float64 { return truth(x <= y) }, true},
			">=": {func(x, y float64) float64 { return truth(x >= y) }, true},
			"<":  {func(x, y float64) float64 { return truth(x < y) }, true},
			">":  {func(x, y float64) float64 { return truth(x > y) }, true},
		},
		{
			"+": {apply: func(x, y float64) float64 { return x + y }},
			"-": {apply: func(x, y float64) float64 { return x - y }},
		},
		{
			"*": {apply: func(x, y float64) float64 { return x * y }},
			"/": {apply: func(x, y float64) float64 { return x / y }},
		},
	}
	power = operator{apply: math.Pow}
)

// level reads operators of the given precedence, and what binds tighter.
func (p *mathParser) level(precedence int) (node, error) {
	if precedence == len(levels) {
		return p.unary()
	}
	left, err := p.level(precedence + 1)
	for err == nil {
		op, ok := levels[precedence][p.token]
		if !ok {
			break
		}
		sign := p.token
		if err := p.next(); err != nil {
			return node{}, err
		}
		right, err := p.level(precedence + 1)
		if err != nil {
			return node{}, err
		}
		if left, err = combine(sign, op, left, right); err != nil {
			return node{}, err
		}
	}
	return left, err
}

func (p *mathParser) unary() (node, error) {
	if p.token != "-" {
		return p.powers()
	}
	if err := p.next(); err != nil {
		return node{}, err
	}
	of, err := p.unary()
	if err != nil {
		return node{}, err
	}
	return combine("-", levels[3]["-"], constant(0), of)
}

func (p *mathParser) powers() (node, error) {
	base, err := p.primary()
	if err != nil || p.token != "^" {
		return base, err
	}
	if err := p.next(); err != nil {
		return node{}, err
	}
	exponent, err := p.unary()
	if err != nil {
		return node{}, err
	}
	return combine("^", power, base, exponent)
}

func constant(number float64) node {
	return node{aNumber, func(scope) operand { return operand{number: number} }}
}

// combine applies an operator to two values, of lists to each of their series.
func combine(sign string, op operator, left, right node) (node, error) {
	if left.kind == aList && right.kind == aList || op.compares && max(left.kind, right.kind) == aList {
		return node{}, fmt.Errorf("%s cannot be applied to %s and %s", sign, left.kind, right.kind)
	}
	return node{max(left.kind, right.kind), func(s scope) operand {
		l, r := left.eval(s), right.eval(s)
		if left.kind == aNumber && right.kind == aNumber {
			return operand{number: op.apply(l.number, r.number)}
		}
		var result operand
		for i := range max(len(l.list), len(r.list)) {
			x, y := pick(left.kind, l, i), pick(right.kind, r, i)
			result.list = append(result.list, s.each(func(at int) float64 { return apply(op, x, y, at) }).list...)
		}
		return result
	}}, nil
}

// pick is the i-th series of a list, and the same value for each i where it is no list.
func pick(k kind, o operand, i int) operand {
	if k == aList {
		return operand{list: o.list[i : i+1]}
	}
	return o
}

// apply applies an operator at one time. "Missing values in a time series are treated as 0" where the other series has a
// value; with a number beside it, a missing value stays missing.
func apply(op operator, x, y operand, at int) float64 {
	switch {
	case x.list == nil:
		return ifPresent(y.list[0][at], func(v float64) float64 { return op.apply(x.number, v) })
	case y.list == nil:
		return ifPresent(x.list[0][at], func(v float64) float64 { return op.apply(v, y.number) })
	}
	a, b := x.list[0][at], y.list[0][at]
	if isMissing(a) && isMissing(b) {
		return missing
	}
	return op.apply(orZero(a), orZero(b))
}

func ifPresent(value float64, then func(float64) float64) float64 {
	if isMissing(value) {
		return missing
	}
	return then(value)
}

func orZero(value float64) float64 {
	if isMissing(value) {
		return 0
	}
	return value
}

func (p *mathParser) primary() (node, error) {
	token := p.token
	switch {
	case token == "":
		return node{}, p.unexpected("a value")
	case token == "(":
		if err := p.next(); err != nil {
			return node{}, err
		}
		n, err := p.level(0)
		if err != nil {
			return node{}, err
		}
		return n, p.expect(")")
	case token == "[":
		items, err := p.arguments("[", "]")
		if err != nil {
			return node{}, err
		}
		return listOf(items)
	case token[0] >= '0' && token[0] <= '9':
		number, err := strconv.ParseFloat(token, 64)
		if err != nil {
			return node{}, fmt.Errorf("number %s: %w", token, err)
		}
		return constant(number), p.next()
	case token[0] >= 'a' && token[0] <= 'z':
		kind, err := p.kindOf(token)
		if err != nil {
			return node{}, err
		}
		return node{kind, func(s scope) operand { return s.values[token] }}, p.next()
	case token[0] >= 'A' && token[0] <= 'Z':
		return p.function(token)
	}
	return node{}, p.unexpected("a value")
}

// arguments reads a list in brackets.
func (p *mathParser) arguments(open, shut string) (items []node, err error) {
	if err := p.expect(open); err != nil {
		return nil, err
	}
	for p.token != shut {
		if len(items) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		item, err := p.level(0)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, p.next()
}

func listOf(items []node) (node, error) {
	if len(items) == 0 {
		return node{}, errors.New("[] is empty: want time series in it")
	}
	for _, item := range items {
		if item.kind == aNumber {
			return node{}, errors.New("[] holds a number: want time series in it")
		}
	}
	return node{aList, func(s scope) (all operand) {
		for _, item := range items {
			all.list = append(all.list, item.eval(s).list...)
		}
		return all
	}}, nil
}

func (p *mathParser) function(name string) (node, error) {
	function, known := map[string]func([]node) (node, error){
		"IF":   choice,
		"FILL": fill,
		"SUM":  fold("SUM", func(x, y float64) float64 { return x + y }),
		"MIN":  fold("MIN", func(x, y float64) float64 { return min(x, y) }),
		"MAX":  fold("MAX", func(x, y float64) float64 { return max(x, y) }),
	}[name]
	if !known && name != "METRICS" {
		return node{}, fmt.Errorf("%s: %s", name, mathAllowed)
	}
	if err := p.next(); err != nil {
		return node{}, err
	}
	if name == "METRICS" {
		return p.allMetrics()
	}
	arguments, err := p.arguments("(", ")")
	if err != nil {
		return node{}, err
	}
	return function(arguments)
}

// allMetrics reads METRICS() or METRICS("part of an id").
func (p *mathParser) allMetrics() (node, error) {
	if err := p.expect("("); err != nil {
		return node{}, err
	}
	part := ""
	if strings.HasPrefix(p.token, `"`) || strings.HasPrefix(p.token, `'`) {
		part = strings.Trim(p.token, `"'`)
		if err := p.next(); err != nil {
			return node{}, err
		}
	}
	if err := p.expect(")"); err != nil {
		return node{}, err
	}
	var ids []string
	for _, id := range p.metrics {
		if strings.Contains(id, part) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return node{}, fmt.Errorf("METRICS(%q) finds no metric: the ids are %s", part, strings.Join(p.metrics, ", "))
	}
	for _, id := range ids {
		if _, err := p.kindOf(id); err != nil {
			return node{}, err
		}
	}
	return node{aList, func(s scope) (all operand) {
		for _, id := range ids {
			all.list = append(all.list, s.values[id].list...)
		}
		return all
	}}, nil
}

// fold makes a function that goes over a list of series, time by time; where none has a value there is none.
func fold(name string, of func(x, y float64) float64) func([]node) (node, error) {
	return func(arguments []node) (node, error) {
		if len(arguments) != 1 || arguments[0].kind != aList {
			return node{}, fmt.Errorf("%s wants one list of time series, as %[1]s(METRICS()) or %[1]s([m1, m2]): "+
				"over the time of one series it would depend on how many periods CloudWatch looks at", name)
		}
		return node{aSeries, func(s scope) operand {
			list := arguments[0].eval(s).list
			return s.each(func(at int) float64 {
				result := missing
				for _, values := range list {
					switch value := values[at]; {
					case isMissing(result):
						result = value
					case !isMissing(value):
						result = of(result, value)
					}
				}
				return result
			})
		}}, nil
	}
}

// fill is FILL(series or list, number or series).
func fill(arguments []node) (node, error) {
	if len(arguments) != 2 || arguments[0].kind == aNumber || arguments[1].kind == aList {
		return node{}, errors.New("FILL wants a time series or a list of them, and a number or a time series to fill with")
	}
	return node{arguments[0].kind, func(s scope) (filled operand) {
		with := arguments[1].eval(s)
		for _, values := range arguments[0].eval(s).list {
			filled.list = append(filled.list, s.each(func(at int) float64 {
				if isMissing(values[at]) {
					return valueAt(with, at)
				}
				return values[at]
			}).list...)
		}
		return filled
	}}, nil
}

func valueAt(o operand, at int) float64 {
	if o.list == nil {
		return o.number
	}
	return o.list[0][at]
}

// choice is IF(condition, then) or IF(condition, then, otherwise), see
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#using-IF-expressions.
func choice(arguments []node) (node, error) {
	if len(arguments) < 2 || len(arguments) > 3 {
		return node{}, fmt.Errorf("IF has %d arguments: want a condition, a value and perhaps another", len(arguments))
	}
	if slices.ContainsFunc(arguments, func(n node) bool { return n.kind == aList }) {
		return node{}, errors.New("IF takes no list of time series")
	}
	condition, branches := arguments[0], arguments[1:]
	if condition.kind == aNumber {
		if slices.ContainsFunc(branches, func(n node) bool { return n.kind == aNumber }) {
			return node{}, errors.New("IF of a number wants time series as values")
		}
	}
	return node{aSeries, func(s scope) operand {
		asked, values := condition.eval(s), make([]operand, len(branches))
		for i, branch := range branches {
			values[i] = branch.eval(s)
		}
		return s.each(func(at int) float64 {
			switch holds := valueAt(asked, at); {
			case isMissing(holds):
				return missing
			case holds != 0 && condition.kind == aNumber:
				return valueAt(values[0], at)
			case holds != 0:
				return orZero(valueAt(values[0], at)) // "has the value of 0, if ... the corresponding data point does not exist"
			case len(values) == 2:
				return valueAt(values[1], at)
			}
			return missing
		})
	}}, nil
}
