package pricing

import (
	"fmt"
	"time"
)

// CompactedDay is one day of one stream that is compacted.
type CompactedDay struct {
	// Name says what the day is.
	Name string
	// Objects is how many small objects it has, Blank how many windows without any record, each of which costs a read.
	Objects, Blank float64
	// CPU is the processor time, as long as it takes on one whole vCPU.
	CPU time.Duration
	// SmallBytes is what the small objects hold, Bytes what the day holds when it is compacted.
	SmallBytes, Bytes float64
}

const (
	// compactionWrites are a day's requests that put or list: days.json twice, the day's commits, receipts, small objects and
	// earlier compactions, and the object; days later the two listings of what was replaced and days.json once more; and the listing by which the day was found.
	compactionWrites = 7 + 3 + 1
	// compactionReads are days.json, when it is compacted and when it is cleaned.
	compactionReads = 2
	// replacedKept is how long small objects are stored beside the day that took their place.
	replacedKept = 3 * 24 * time.Hour
)

// CompactedDays are days as they were measured (package curated, TestAYearIsReadWithATenthOfTheObjects, whose records are ON24's attendees with all their
// columns; the third is twenty times the second): most records are there in three versions, of which one is the newest.
func CompactedDays() []CompactedDay {
	large := CompactedDay{"a webinar of 3,000 people", 25, 23, 96 * time.Millisecond, 794_000, 266_000}
	return []CompactedDay{
		{"a webinar of 200 people", 23, 25, 31 * time.Millisecond, 273_000, 30_400},
		large,
		{"two webinars of 30,000 people", 25, 23, 20 * large.CPU, 20 * large.SmallBytes, 20 * large.Bytes},
	}
}

// Compaction returns what it costs in a year to compact days that are all like d, in each of c's streams. The last line is what is not paid for storing small objects, and
// so below 0.
func (p Prices) Compaction(c Configuration, d CompactedDay) Estimate {
	days := amount(float64(c.DaysPerYear)*float64(c.Streams), "days of streams")
	share := Share(c.MemoryMB)
	memory := amount(gigabytes(c.MemoryMB), "GB")
	gbSecond := price(p.gbSecond(c.Architecture), 1, "a GB-s")
	reads := d.Objects + d.Blank + compactionReads
	latency, latencyText := product([]factor{amount(reads+compactionWrites, "requests"), amount(StorageLatency.Seconds(), "seconds")})
	kept := replacedKept.Hours() / (24 * 365)
	saved := (d.Bytes - (1-2*kept)*d.SmallBytes) / bytesPerGB
	return Estimate{
		Title: fmt.Sprintf("Compaction of %s: %s, %s a year, %s with %d MB",
			d.Name, amount(float64(c.Streams), "streams").text, amount(float64(c.DaysPerYear), "days").text, c.Architecture, c.MemoryMB),
		Basis: p.basis(),
		Lines: []Line{
			onFunction.line(Compute, "CPU", days, factor{d.CPU.Seconds() / share, fmt.Sprintf("%s / %s of a vCPU", amount(d.CPU.Seconds(), "seconds").text, number(share))}, memory, gbSecond),
			onFunction.line(Compute, "waiting for S3", days, factor{latency, latencyText}, memory, gbSecond),
			onBucket.line(Requests, "S3 writes and lists", days, amount(compactionWrites, "requests"), perThousand(p.S3Write)),
			onBucket.line(Requests, "S3 reads", days, amount(reads, "requests"), perThousand(p.S3Read)),
			onBucket.line(Storage, "curated bucket, its first year, beside small objects", days, factor{saved / 2, number(saved) + " GB / 2 on average"},
				amount(monthsPerYear, "months"), price(p.S3GBMonth, 1, "a GB-month")),
		},
	}
}
