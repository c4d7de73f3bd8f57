package probe

import (
	"fmt"
	"io"
	"strings"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/infra/local/columns"
)

// Verdict is what an answer says of the description.
type Verdict string

const (
	OK      Verdict = "ok"
	Differs Verdict = "differs"
	// Unknown says that the answers do not tell.
	Unknown Verdict = "unknown"
)

// The questions, as they stand in a report.
const (
	Reachable  = "reachable"
	Authorized = "authorized"
	Records    = "records"
	Total      = "total"
	Pages      = "pages"
	PageSize   = "page size"
	Bounds     = "window"
	Zone       = "time zone"
	End        = "end of window"
	Resolution = "resolution"
	Keys       = "key"
	Columns    = "columns"
	Undeclared = "undeclared fields"
	RateLimit  = "rate limit"
)

// Finding is the answer to one question.
type Finding struct {
	Question string
	Verdict  Verdict
	// Seen says what was seen, Asked the request that showed it, credentials left out, and Write what to write into the
	// description instead; the last two may be empty.
	Seen, Asked, Write string
}

// StreamReport is what was found of one stream.
type StreamReport struct {
	Name     string
	Requests int
	Findings []Finding
	// Proposed are columns for the fields that the description does not declare.
	Proposed []vendorapi.Column
}

// Report is what was found of a vendor.
type Report struct {
	Vendor, BaseURL string
	Streams         []StreamReport
}

// Differs says whether anything is not as described.
func (r *Report) Differs() bool {
	for _, s := range r.Streams {
		if s.count(Differs) > 0 {
			return true
		}
	}
	return false
}

func (s StreamReport) count(v Verdict) int {
	n := 0
	for _, f := range s.Findings {
		if f.Verdict == v {
			n++
		}
	}
	return n
}

// Print writes the report for a person, a block a stream.
func (r *Report) Print(w io.Writer) {
	fmt.Fprintf(w, "vendor %s at %s\n", r.Vendor, r.BaseURL)
	for _, s := range r.Streams {
		fmt.Fprintf(w, "\nstream %s: %d requests; %d as described, %d differ, %d unknown\n", s.Name, s.Requests, s.count(OK), s.count(Differs), s.count(Unknown))
		for _, f := range s.Findings {
			fmt.Fprintf(w, "  %-8s %-18s %s\n", f.Verdict, f.Question, f.Seen)
			if f.Asked != "" && f.Verdict != OK {
				fmt.Fprintf(w, "  %27s asked: %s\n", "", f.Asked)
			}
			if f.Write != "" {
				fmt.Fprintf(w, "  %27s write: %s\n", "", f.Write)
			}
		}
		if len(s.Proposed) > 0 {
			fmt.Fprintln(w, "  columns to paste:")
			for _, c := range s.Proposed {
				fmt.Fprintln(w, "    "+columns.Source(c))
			}
		}
	}
}

func (p *prober) add(question string, v Verdict, seen string, arguments ...any) *Finding {
	p.report.Findings = append(p.report.Findings, Finding{Question: question, Verdict: v, Seen: fmt.Sprintf(seen, arguments...)})
	return &p.report.Findings[len(p.report.Findings)-1]
}

func (f *Finding) asked(request string) *Finding {
	f.Asked = request
	return f
}

func (f *Finding) write(instead string, arguments ...any) *Finding {
	f.Write = fmt.Sprintf(instead, arguments...)
	return f
}

// some joins names, the first few of many.
func some(names []string) string {
	const most = 12
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
