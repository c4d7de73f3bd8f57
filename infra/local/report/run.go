package report

import "time"

// Run is what a run did.
type Run struct {
	// Runs counts the executions, FailedRuns those that did not succeed.
	Runs       int `json:"runs"`
	FailedRuns int `json:"failedRuns"`
	// Good says that nothing was lost, doubled, failed or denied.
	Good bool `json:"good"`
	// Wrong says in words what was.
	Wrong   []string `json:"wrong,omitempty"`
	Streams []Stream `json:"streams"`
	// Faults counts the requests that met a fault of the simulated vendor, Chaos what was broken on purpose, by kind.
	Faults map[string]int `json:"faults,omitempty"`
	Chaos  map[string]int `json:"chaos,omitempty"`
	// Memory is the peak of each function in MB, none where the system does not tell; MemoryMB what they may hold.
	Memory   []Memory `json:"memory,omitempty"`
	MemoryMB int      `json:"memoryMB,omitempty"`
	Alarms   []Alarm  `json:"alarms,omitempty"`
	// Findings and Failures are what the functions told, and failed of.
	Findings []Tally `json:"findings,omitempty"`
	Failures []Tally `json:"failures,omitempty"`
	// Invocations, ColdStarts and Transitions are those of the functions and the state machines.
	Invocations int `json:"invocations"`
	ColdStarts  int `json:"coldStarts"`
	Transitions int `json:"transitions"`
}

// Stream is one stream of [Run].
type Stream struct {
	Vendor string `json:"vendor"`
	Name   string `json:"name"`
	// Windows are the committed ones of the run's span, oldest first; those of a child stream are its parents'.
	Windows []Window `json:"windows"`
	// Committed counts all windows, those before the span included, BackedOff and Resumed those of them that were.
	Committed int `json:"committed"`
	BackedOff int `json:"backedOff"`
	Resumed   int `json:"resumed"`
	// Reread windows were read again, and Replaced of them had changed.
	Reread   int `json:"reread"`
	Replaced int `json:"replaced"`

	Records     int64 `json:"records"`
	Rows        int64 `json:"rows"`
	Quarantined int64 `json:"quarantined"`
	Missing     int64 `json:"missing"`
	Duplicated  int64 `json:"duplicated"`
	Stale       int64 `json:"stale"`

	// Requests are those to the vendor, Retries those of them that were made again, Throttled the answers that told to wait.
	Requests  int `json:"requests"`
	Retries   int `json:"retries"`
	Throttled int `json:"throttled"`

	Freshness Freshness `json:"freshness"`
}

// Window is a commit as far as it is drawn.
type Window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// ReadAt is the scheduled time of the run that read it last.
	ReadAt  time.Time `json:"readAt"`
	Records int64     `json:"records"`
	// Backoffs is how often its span was shortened before it fitted, Resumes how often a later invocation went on with it,
	// Attempt how often it was read from page one on, Generation how often it was committed.
	Backoffs   int `json:"backoffs,omitempty"`
	Resumes    int `json:"resumes,omitempty"`
	Attempt    int `json:"attempt,omitempty"`
	Generation int `json:"generation"`
}

// Freshness is how long records took from the vendor's showing them to their rows.
type Freshness struct {
	// OnTime are the records that showed within the settle delay, Others those that showed later or changed where they were: these
	// wait until their window is next due.
	OnTime Ages `json:"onTime"`
	Others Ages `json:"others"`
	// BoundSeconds is what 95 of 100 records on time have to keep to; 0 where it is not known.
	BoundSeconds float64 `json:"boundSeconds,omitempty"`
}

// Ages are those of so many records when their rows appeared.
type Ages struct {
	Records    int     `json:"records"`
	P50Seconds float64 `json:"p50Seconds"`
	P95Seconds float64 `json:"p95Seconds"`
	MaxSeconds float64 `json:"maxSeconds"`
}

// Memory is the peak of one function.
type Memory struct {
	Function string  `json:"function"`
	PeakMB   float64 `json:"peakMB"`
}

// Alarm is one alarm of the templates, as it would have read the run's metrics.
type Alarm struct {
	Name    string `json:"name"`
	Tripped bool   `json:"tripped"`
	// Timeline are its changes, a line each.
	Timeline string `json:"timeline,omitempty"`
}

// Tally is how often a handler of a stream has found or met one kind of thing.
type Tally struct {
	Stream  string `json:"stream"`
	Handler string `json:"handler"`
	Kind    string `json:"kind"`
	Count   int    `json:"count"`
	Example string `json:"example"`
}

// Costs are what the run's work costs, beside the same streams and runs as Glue jobs. All dollars are US dollars at list prices.
type Costs struct {
	// Basis says which prices they are made with, and what is taken for what cannot be measured on one machine.
	Basis string `json:"basis"`
	// DayUSD is the day as it was played; QuietYearUSD a year of days without anything new, BusyYearUSD one whose every day is
	// like the one played.
	DayUSD       float64 `json:"dayUSD"`
	QuietYearUSD float64 `json:"quietYearUSD"`
	BusyYearUSD  float64 `json:"busyYearUSD"`
	// GlueDayUSD and GlueYearUSD are the compute of Glue Python Shell jobs alone; WorkQuietYearUSD and WorkBusyYearUSD are what of
	// the years does the same work: compute, requests and transitions.
	GlueDayUSD       float64 `json:"glueDayUSD"`
	GlueYearUSD      float64 `json:"glueYearUSD"`
	WorkQuietYearUSD float64 `json:"workQuietYearUSD"`
	WorkBusyYearUSD  float64 `json:"workBusyYearUSD"`
	// Lines are those of both years and of Glue that are not zero in all of them.
	Lines []CostLine `json:"lines"`
}

// CostLine is one item of the bill of a year.
type CostLine struct {
	Item       string  `json:"item"`
	Service    string  `json:"service"`
	Use        string  `json:"use"`
	QuietUSD   float64 `json:"quietUSD"`
	BusyUSD    float64 `json:"busyUSD"`
	GlueUSD    float64 `json:"glueUSD"`
	Arithmetic string  `json:"arithmetic"`
}
