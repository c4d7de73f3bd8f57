package vendortest

// Stats are the counts of a server since it was made.
type Stats struct {
	Requests int
	// Faults counts the requests that met each kind of fault.
	Faults map[Fault]int
	// MaxPerMinute is the largest number of requests in any minute of the server's Clock.
	MaxPerMinute int
	Streams      map[string]StreamStats
}

// FaultTotal returns how many requests met a fault.
func (s Stats) FaultTotal() int {
	total := 0
	for _, n := range s.Faults {
		total += n
	}
	return total
}

// StreamStats are the counts of one stream.
type StreamStats struct {
	Requests int
	// Records counts the records in right answers that were sent whole.
	Records int
	Faults  map[Fault]int
	// Refused counts the answers of status 400 and above that were no faults; LastRefusal is the newest one's body.
	Refused      int
	LastRefusal  string
	MaxPerMinute int
}
