package pricing

import "time"

// Days as they were measured, for estimates before a pipeline has run. PROVISIONAL.

// perRun is what one run of one stream asks where nothing is new.
var idleRun = Workload{
	Invocations: 2, CPU: 40 * time.Millisecond, Init: 2 * 60 * time.Millisecond, VendorRequests: 2, Writes: 8, Reads: 6, SecretCalls: 1, LogBytes: 2000,
}

// IdleDay is a day without anything new.
func IdleDay(streams int, runs float64) Workload {
	day := idleRun.Scale(float64(streams) * runs)
	day.Name, day.Runs = "a day with nothing new", runs
	return day
}

// WebinarDay is a day with two webinars.
func WebinarDay(streams int, runs float64) Workload {
	day := IdleDay(streams, runs)
	day.Name = "a day with two webinars"
	return day
}
