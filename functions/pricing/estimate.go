package pricing

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Use is what a line pays for, whichever service bills it.
type Use string

// All uses there are. Requests are those to Lambda and S3; those to other services belong to what they are for.
const (
	Compute       Use = "compute"
	Requests      Use = "requests"
	Transitions   Use = "transitions"
	Storage       Use = "storage"
	Logs          Use = "logs"
	Alarms        Use = "alarms"
	Metrics       Use = "metrics"
	Dashboards    Use = "dashboards"
	Secrets       Use = "secrets"
	Keys          Use = "keys"
	Schedule      Use = "schedule"
	Events        Use = "events"
	Traces        Use = "traces"
	Notifications Use = "notifications"
	Budgets       Use = "budgets"
)

// running are the uses that [Prices.Invocation] counts: what the work itself costs, without what is paid for
// keeping and watching it.
var running = []Use{Compute, Requests, Transitions}

// Line is one item of a bill.
type Line struct {
	// Item says what is paid for, Service who bills it.
	Item, Service string
	// Arithmetic says how USD comes about, for example "365 days x 48 runs x 15 transitions x $25 a million".
	// Its numbers are rounded to four digits that matter.
	Arithmetic string
	// USD is the cost of a year in US dollars, not rounded.
	USD float64
	Use Use
	// Taggable says whether AWS can attribute the cost to a cost allocation tag of the resource, so that a
	// budget filtered by that tag sees it. TagSource is the page that says so.
	Taggable  bool
	TagSource string
}

// Estimate is what something costs in a year.
type Estimate struct {
	Title string
	// Basis says which prices it is made with, and what it leaves out.
	Basis string
	Lines []Line
}

// Total returns what all lines cost in a year, in US dollars.
func (e Estimate) Total() float64 { return e.sum(func(Line) bool { return true }) }

// Month returns a twelfth of the year's total.
func (e Estimate) Month() float64 { return e.Total() / monthsPerYear }

// Of returns what the lines of uses cost in a year.
func (e Estimate) Of(uses ...Use) float64 {
	return e.sum(func(l Line) bool { return slices.Contains(uses, l.Use) })
}

// Taggable returns what the lines cost in a year that AWS can attribute to a tag.
func (e Estimate) Taggable() float64 { return e.sum(func(l Line) bool { return l.Taggable }) }

func (e Estimate) sum(of func(Line) bool) float64 {
	total := 0.0
	for _, line := range e.Lines {
		if of(line) {
			total += line.USD
		}
	}
	return total
}

// Print writes e as a table for a terminal. What is shown as 0.00 may be a part of a cent; sums are of what was
// not rounded. It gives back the first error of w.
func (e Estimate) Print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%s\n\n", e.Title)
	fmt.Fprintf(table, "item\tservice\tarithmetic\tUSD a year\tby tag\n")
	for _, line := range e.Lines {
		byTag := "no"
		if line.Taggable {
			byTag = "yes"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%10.2f\t%s\n", line.Item, line.Service, line.Arithmetic, line.USD, byTag)
	}
	names := make([]string, len(running))
	for i, use := range running {
		names[i] = string(use)
	}
	last := len(names) - 1
	fmt.Fprintf(table, "%s\t\t\t%10.2f\n", strings.Join(names[:last], ", ")+" and "+names[last], e.Of(running...))
	fmt.Fprintf(table, "attributed by tag\t\t\t%10.2f\n", e.Taggable())
	fmt.Fprintf(table, "everything\t\t\t%10.2f\n", e.Total())
	fmt.Fprintf(table, "everything, a month\t\t\t%10.2f\n", e.Month())
	fmt.Fprintf(table, "\n%s\n", e.Basis)
	return table.Flush()
}
