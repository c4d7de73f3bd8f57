package rawzone

import "time"

// An idle run of both handlers makes no more than a fixed number of requests, whatever is done but once a day. So that what ingest
// does once a day and what preprocess does never meet in one run, each has hours of its own. In both ingest goes by what it
// remembers of the log and lists no commits, unless it has not listed them for longer than that. A schedule that has no run in them does such work whenever it is overdue.

// IngestHours reports whether now is among the hours in which ingest does what it does once a day: the first two of a UTC day.
func IngestHours(now time.Time) bool { return now.UTC().Hour() < 2 }

// PreprocessHours reports whether now is among the hours in which preprocess does what it does once a day: from noon UTC until two.
func PreprocessHours(now time.Time) bool { return now.UTC().Hour()/2 == 6 }
