package telemetry

import "time"

// By these an EventBridge rule knows an [Announcement].
const (
	AnnouncementSource     = "windrow"
	AnnouncementDetailType = "Curated objects made"
)

// MaxAnnouncedKeys is how many keys an announcement names at most: an event is 256 KB at most.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
const MaxAnnouncedKeys = 500

// Announcement is the detail of the event that says that curated objects of a window have been made, or made again.
//
// It is sent before the window's receipt is put, so that a run that is killed in between sends it once more: who acts on it
// must stand to see it twice. What it tells of can be read when it arrives.
type Announcement struct {
	Pipeline string          `json:"pipeline"`
	Vendor   string          `json:"vendor"`
	Stream   string          `json:"stream"`
	Window   AnnouncedWindow `json:"window"`
	// Generation is that of the window's commit: above 1 the window has been read again, and its objects replace those
	// announced before.
	Generation int   `json:"generation"`
	Rows       int64 `json:"rows"`
	// Quarantined is the number of records of the window that could not become rows.
	Quarantined int64  `json:"quarantined"`
	Bucket      string `json:"bucket"`
	// Keys are those of the window's objects, all of them, up to [MaxAnnouncedKeys]. An empty list means that the window,
	// which has been read again, has none any more.
	Keys []string `json:"keys"`
}

// AnnouncedWindow is a window [Start, End) of UTC time.
type AnnouncedWindow struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// ForgottenDetailType is the detail type of a [PersonForgotten].
const ForgottenDetailType = "Person forgotten"

// MaxForgotten is how many people one event tells of at most.
const MaxForgotten = 500

// PersonForgotten is the detail of the event that says that the vendor has forgotten people, whose records say so. It is sent for each
// window with such records that is made, so that the same people are told of more than once. It holds nothing by which anybody
// else knows them.
type PersonForgotten struct {
	Pipeline string `json:"pipeline"`
	Vendor   string `json:"vendor"`
	Stream   string `json:"stream"`
	// Keys are the hashes of the records' keys, by which earlier records of the same people are found: the address is overwritten in these.
	Keys []string `json:"keys"`
}
