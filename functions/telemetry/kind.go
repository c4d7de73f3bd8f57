package telemetry

import (
	"maps"
	"slices"
)

// Kind names what a finding or a failure is about. The runbook has one heading for each.
type Kind string

// Kinds of findings: the run went on.
const (
	// CountsUnsettled says that the vendor's totals and its records never agreed within the attempts.
	CountsUnsettled Kind = "counts-unsettled"
	// RunsOverlap says that two runs of a stream were at work on one window.
	RunsOverlap Kind = "runs-overlap"
	// RangeUnread says that the vendor did not give a part of a past range.
	RangeUnread Kind = "range-unread"
	// OutsideWindow says that the vendor gave many records for a window that are none of its own.
	OutsideWindow Kind = "outside-window"
	// ParentUnreadable says that the vendor does not give the records of a parent, which are to be read of it.
	ParentUnreadable Kind = "parent-unreadable"
	// NotCarried says that a window was too large for the records to be kept that have left it.
	NotCarried Kind = "not-carried"
	// Quarantined says that records could not be curated.
	Quarantined Kind = "quarantined"
	// UndeclaredFields says that records hold fields which no column declares, seen for the first time.
	UndeclaredFields Kind = "undeclared-fields"
	// VendorThrottles says that the vendor refused much of what it was asked as too many requests.
	VendorThrottles Kind = "vendor-throttles"
	// MemoryNearLimit says that a function took nearly all of its memory.
	MemoryNearLimit Kind = "memory-near-limit"
	// TimeNearLimit says that a function ended later than it should by its own safety margin.
	TimeNearLimit Kind = "time-near-limit"
)

// Kinds of failures: the invocation ended with an error, whose type is the kind.
const (
	// CredentialsRejected says that the vendor does not accept the credentials, or not for this.
	CredentialsRejected Kind = "credentials-rejected"
	// SecretUnusable says that the vendor's secret has no value, or not the fields that are needed, or that the privacy key has none
	// that can be one.
	SecretUnusable Kind = "secret-unusable"
	// TokenLost says that the vendor's refresh token is spent, or may be, and that what came in its place is not known.
	TokenLost Kind = "token-lost"
	// VendorRefuses says that the vendor rejects a request that will not get better by itself.
	VendorRefuses Kind = "vendor-refuses"
	// VendorUnavailable says that the vendor did not answer well in the attempts allowed.
	VendorUnavailable Kind = "vendor-unavailable"
	// AnswerMalformed says that the vendor's answer is not as its description says.
	AnswerMalformed Kind = "answer-malformed"
	// OutOfTime says that an invocation's whole time was too short to store anything.
	OutOfTime Kind = "out-of-time"
	// NewerFormat says that a newer release has been at work on what is stored.
	NewerFormat Kind = "newer-format"
	// AccessDenied says that AWS does not let the function do what it needs.
	AccessDenied Kind = "access-denied"
	// AWSError says that a call of AWS failed for another reason than that it is denied.
	AWSError Kind = "aws-error"
	// Misconfigured says that the function's environment, asset or input is wrong.
	Misconfigured Kind = "misconfigured"
	// Unexpected is a failure of no other kind.
	Unexpected Kind = "unexpected"
)

// firstLooks say for each kind where a person looks first.
var firstLooks = map[Kind]string{
	CountsUnsettled:     "compare the numbers: given above announced means records that moved while they were read, duplicates mean that the stream's key does not identify a record",
	RunsOverlap:         "the state machine's executions: does one last longer than the schedule's interval, or has one been started by hand or by an event?",
	RangeUnread:         "whether the vendor keeps data for so long; start the backfill again for these days",
	OutsideWindow:       "whether the vendor takes the window's parameters as described, then whether timePath leads to the time that it compares",
	ParentUnreadable:    "whether the parents that the message names are still at the vendor, and whether the credentials may read them; the others are read, and these are tried again at growing intervals",
	NotCarried:          "how many records the window holds; records that left it come back with the windows they have moved to",
	Quarantined:         "the reason beside the first quarantined record, then the column's type in the vendor's description",
	UndeclaredFields:    "whether the fields are worth a column; until then they are kept in windrow_undeclared",
	VendorThrottles:     "who else uses this account of the vendor, then the rateLimit in the vendor's description",
	MemoryNearLimit:     "the size of the vendor's pages (paging.size), then the function's memory",
	TimeNearLimit:       "how long single requests to the vendor and to S3 took, then SafetyMargin",
	CredentialsRejected: "the fields of the vendor's secret, and what they are allowed to read at the vendor",
	SecretUnusable:      "the value of the vendor's secret, which the stack's output SecretCommand, behind the pipeline's ID, fills; or of the privacy key's, where the message names that",
	TokenLost:           "the message: it has the command that puts a new refresh token into the secret, once the app is authorized again at the vendor",
	VendorRefuses:       "the request and the vendor's words in the message: has the vendor changed its API?",
	VendorUnavailable:   "the vendor's status page; the next run goes on where this one stopped",
	AnswerMalformed:     "what the message says of the answer (of JSON the fields, never their values) against the vendor's description: has the vendor changed its API?",
	OutOfTime:           "how long the vendor takes for one page, then the function's timeout and paging.size",
	NewerFormat:         "which release was deployed before: this one cannot read what that has stored, so deploy it again",
	AccessDenied:        "the action and the resource in the message against the role of the function; has a policy, a key or a boundary changed?",
	AWSError:            "the operation and the code in the message: AWS Health where the service itself fails or does not answer, else the bucket, the secret or the key that is named",
	Misconfigured:       "the message: it names the variable, the file or the field, and what is allowed",
	Unexpected:          "the function's log at the time of the failure",
}

// FirstLook says where a person looks first, in one sentence.
func (k Kind) FirstLook() string { return firstLooks[k] }

// Failures returns the kinds that failures have, sorted.
func Failures() []Kind {
	return []Kind{AWSError, AccessDenied, AnswerMalformed, CredentialsRejected, Misconfigured, NewerFormat, OutOfTime,
		SecretUnusable, TokenLost, Unexpected, VendorRefuses, VendorThrottles, VendorUnavailable}
}

// Kinds returns all kinds, sorted.
func Kinds() []Kind { return slices.Sorted(maps.Keys(firstLooks)) }
