package pricing

import (
	"errors"
	"fmt"
	"math"
	"time"
)

const (
	// VendorLatency is how long a request to a vendor is taken to last, from its first byte sent to the last byte
	// of the page received. A vendor promises none, and a simulated one answers in no time, so that it is stated
	// and not measured: an answer over the internet that a vendor's database has to search for, with room to
	// spare. A function is billed while it waits.
	VendorLatency = 500 * time.Millisecond

	// StorageLatency is how long a request to S3 is taken to last: small ones have medians of tens of
	// milliseconds, which a server on the same machine does not show.
	// https://docs.aws.amazon.com/whitepapers/latest/s3-optimizing-performance-best-practices/timeouts-and-retries-for-latency-sensitive-applications.html
	StorageLatency = 50 * time.Millisecond

	// PlatformLogBytes is what Lambda itself logs of an invocation: the lines START, END and REPORT, with the
	// 26 bytes that CloudWatch Logs counts for each.
	// https://docs.aws.amazon.com/lambda/latest/dg/golang-logging.html
	// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
	PlatformLogBytes = 350

	// memoryOfOneCPU is the memory in MB with which a function has one vCPU.
	// https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
	memoryOfOneCPU = 1769
)

// Workload is what one day asks of all streams together, measured or stated. Its counts are numbers with a
// fraction, so that a day can be an average of several, see [Workload.Add] and [Workload.Scale].
type Workload struct {
	// Name says what the day is, for example "a day without webinars".
	Name string
	// Runs are the runs of the day, however they were started.
	Runs float64
	// Invocations are those of all functions.
	Invocations float64
	// CPU is the processor time of all invocations, as long as it takes on one whole vCPU.
	CPU time.Duration
	// Init is the time of all initializations as billed. Lambda throttles the CPU only after it, so that it
	// does not depend on memory.
	// https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/
	Init time.Duration
	// VendorRounds is how often the vendor is waited for, retries included. Each time lasts [VendorLatency]: that of one request,
	// or of the pages that are in flight side by side.
	VendorRounds float64
	// Waits are what functions wait on purpose, between requests or before another try.
	Waits time.Duration
	// ExtraTransitions are the state transitions beyond the ordinary ones, which are
	// [Configuration.TransitionsPerRun] for each run: repeated rounds, retries, findings, failures.
	ExtraTransitions float64
	// Writes are the PUT, COPY, POST and LIST requests to S3, the refused ones included.
	Writes float64
	// Reads are the GET and HEAD requests to S3.
	Reads float64
	// SecretCalls are the calls to Secrets Manager.
	SecretCalls float64
	// KeyCalls are the requests to KMS with a customer managed key.
	KeyCalls float64
	// LogBytes are what functions and state machines log. What Lambda adds, [PlatformLogBytes] an invocation, is
	// counted besides.
	LogBytes float64
	// RawBytes are what the raw bucket gains, CuratedBytes what the curated one does, both as stored.
	RawBytes, CuratedBytes float64
	// Events are the custom events put on an event bus.
	Events float64
	// Notifications are the messages to the alarm topic, each mailed to one subscriber.
	Notifications float64
	// DeadLetters are the requests to a queue of starts that came to nothing.
	DeadLetters float64
}

// Share returns the part of a vCPU that a function with memoryMB of memory has. It is at most 1, since the
// functions do one thing at a time.
func Share(memoryMB int) float64 { return math.Min(1, float64(memoryMB)/memoryOfOneCPU) }

// Duration returns how long all invocations of the day last together, as billed, with memoryMB of memory each:
// the CPU time, stretched as memory settles, and everything that is waited for.
func (w Workload) Duration(memoryMB int) time.Duration {
	return seconds(w.CPU.Seconds()/Share(memoryMB)) +
		w.Init + w.Waits +
		seconds(w.VendorRounds*VendorLatency.Seconds()) +
		seconds((w.Writes+w.Reads)*StorageLatency.Seconds())
}

// Add returns a day on which both w and v happen. It keeps w's name.
func (w Workload) Add(v Workload) Workload {
	w.Runs += v.Runs
	w.Invocations += v.Invocations
	w.CPU += v.CPU
	w.Init += v.Init
	w.VendorRounds += v.VendorRounds
	w.Waits += v.Waits
	w.ExtraTransitions += v.ExtraTransitions
	w.Writes += v.Writes
	w.Reads += v.Reads
	w.SecretCalls += v.SecretCalls
	w.KeyCalls += v.KeyCalls
	w.LogBytes += v.LogBytes
	w.RawBytes += v.RawBytes
	w.CuratedBytes += v.CuratedBytes
	w.Events += v.Events
	w.Notifications += v.Notifications
	w.DeadLetters += v.DeadLetters
	return w
}

// Scale returns a day with factor times everything that w has: with what one stream asks in one run and the
// number of both, a day of another configuration; with a share of the year's days, that share of an average
// day.
func (w Workload) Scale(factor float64) Workload {
	w.Runs *= factor
	w.Invocations *= factor
	w.CPU = scaled(w.CPU, factor)
	w.Init = scaled(w.Init, factor)
	w.VendorRounds *= factor
	w.Waits = scaled(w.Waits, factor)
	w.ExtraTransitions *= factor
	w.Writes *= factor
	w.Reads *= factor
	w.SecretCalls *= factor
	w.KeyCalls *= factor
	w.LogBytes *= factor
	w.RawBytes *= factor
	w.CuratedBytes *= factor
	w.Events *= factor
	w.Notifications *= factor
	w.DeadLetters *= factor
	return w
}

func scaled(d time.Duration, factor float64) time.Duration {
	return time.Duration(math.Round(float64(d) * factor))
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }

// Validate tells everything that keeps w from being a day.
func (w Workload) Validate() error {
	var faults []error
	if !(w.Runs > 0) {
		faults = append(faults, fmt.Errorf("Runs is %v: want more than 0", w.Runs))
	}
	for _, of := range []struct {
		field string
		value float64
	}{
		{"Invocations", w.Invocations},
		{"CPU", w.CPU.Seconds()},
		{"Init", w.Init.Seconds()},
		{"VendorRounds", w.VendorRounds},
		{"Waits", w.Waits.Seconds()},
		{"ExtraTransitions", w.ExtraTransitions},
		{"Writes", w.Writes},
		{"Reads", w.Reads},
		{"SecretCalls", w.SecretCalls},
		{"KeyCalls", w.KeyCalls},
		{"LogBytes", w.LogBytes},
		{"RawBytes", w.RawBytes},
		{"CuratedBytes", w.CuratedBytes},
		{"Events", w.Events},
		{"Notifications", w.Notifications},
		{"DeadLetters", w.DeadLetters},
	} {
		if !(of.value >= 0) {
			faults = append(faults, fmt.Errorf("%s is %v: want 0 or more", of.field, of.value))
		}
	}
	return errors.Join(faults...)
}
