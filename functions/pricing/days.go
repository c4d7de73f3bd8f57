package pricing

import "time"

// The two days that estimates are made for were measured in November 2026 with the compiled functions in a local run
// against the simulated ON24 (events, registrants, attendees and questions), with the construct's default time limits and
// part size. `make run` itself cuts these, so that windows back off, and takes more rounds and requests for the same day. What a quiet
// run asks is counted by the tests in functions/budget, on the tenth day of a schedule. Processor time is that of one core of a
// server; Lambda's share of it follows from the memory.

// initialization is what Lambda is taken to bill of a cold start: 5 ms were measured from a process's start to its first
// request to S3, and a Go function that does nothing takes some 45 ms in all on Graviton.
// https://maxday.github.io/lambda-perf/
const initialization = 50 * time.Millisecond

// quietRun is what a run of one stream asks where the vendor has nothing new. Functions are started anew for each run: Lambda
// keeps none for half an hour.
var quietRun = Workload{
	Invocations: 2,
	CPU:         12 * time.Millisecond,
	Init:        2 * initialization,
	// The window itself, and those that are read again by their age: all at once, but for questions, of which ON24 gives an hour at
	// a time.
	// A limit of requests a minute lets so few go at once.
	VendorRounds: 3.0,
	Writes:       4.9,
	Reads:        3.0,
	SecretCalls:  1,
	LogBytes:     2_100,
}

// webinars is what two webinars with 30,000 attendees each add to a day, the vendor's lateness and faults included: 33,800
// registrants, 56,200 attendees and 3,500 questions, of which most are read again as the vendor changes them.
//
// The vendor is asked 4,660 times, of which 4,010 are pages that come eight at a time. Whatever of an invocation the limit allows no
// earlier, of the 85 requests a minute that runs have of ON24's 100, is waited for; of some few invocations that is a minute or two.
var webinars = Workload{
	CPU:          6600 * time.Millisecond,
	VendorRounds: 1_150,
	Waits:        1_400 * time.Second,
	Writes:       2_100,
	Reads:        1_640,
	// The privacy key, in each run that makes an object of a stream with hashed columns: of registrants, attendees and questions in every
	// one of the day's 48, since something of theirs is read again and found changed.
	SecretCalls:  3 * 48,
	LogBytes:     347_000,
	RawBytes:     31_800_000,
	CuratedBytes: 5_400_000,
	Events:       304,
}

// IdleDay returns a day on which the vendor has nothing new for any of the streams, in so many runs.
func IdleDay(streams int, runs float64) Workload {
	day := quietRun.Scale(float64(streams) * runs)
	day.Name, day.Runs = "days without anything new", runs
	return day
}

// further is what each stream beyond the four adds to that day: as much as ON24's leads do, of which 40,000 come up again and
// again, 50 in a page, in 4,380 requests, of which runs may send 25 a minute.
var further = Workload{
	CPU:          2000 * time.Millisecond,
	VendorRounds: 900,
	Waits:        9_020 * time.Second,
	Writes:       1_440,
	Reads:        1_000,
	SecretCalls:  48,
	LogBytes:     290_000,
	RawBytes:     3_300_000,
	CuratedBytes: 740_000,
	Events:       215,
}

// WebinarDay returns a day with two webinars of 30,000 attendees each, beside what is asked on every day. Of fewer than four
// streams each has a quarter of it.
func WebinarDay(streams int, runs float64) Workload {
	day := IdleDay(streams, runs).Add(webinars.Scale(float64(min(streams, 4)) / 4)).Add(further.Scale(float64(max(streams-4, 0))))
	day.Name = "days with two webinars of 30,000 attendees each"
	return day
}
