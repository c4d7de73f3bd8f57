// Package vendorapi describes a vendor's REST API as plain data and calls it as described.
//
// A [Vendor] marshals to JSON and back without loss (and [Vendor.Resolved]), so the construct can validate it at synthesis and ship
// it inside the functions' asset. A [Client] executes the description of one [Stream]: it places the window
// and the page in a request, waits and retries as told, and hands on records as the bytes the vendor sent.
// What one vendor does differently from another is data here, never a branch in the handlers.
//
// Requests are authorized as [Auth] says: by fields of the vendor's secret as they are, or by a token that is fetched for them, as a
// [TokenRequest] describes. [ClientCredentials], [AccountCredentials], [RefreshToken] and [Login] make the usual ones.
package vendorapi

import (
	"encoding/json"
	"slices"
	"time"
)

// FormatVersion is the version of the JSON form of a [Vendor]. A handler refuses a higher one.
const FormatVersion = 1

// Vendor describes one service: where it is, how it is authorized and throttled, and its streams.
type Vendor struct {
	// Format is the version of this description's JSON form, see [FormatVersion]. Zero means the current one.
	Format int `json:"format,omitempty"`
	// Name stands in object names, tags and logs: lower-case letters, digits and hyphens, from a letter on.
	Name string `json:"name"`
	// BaseURL is scheme, host and the path that every stream's path is appended to, without a trailing
	// slash. HTTPS only, and no private address, unless AllowPrivate is set.
	BaseURL string `json:"baseURL"`
	// AllowPrivate permits plain HTTP and loopback, private and link-local addresses. Only an environment
	// that simulates the vendor sets it.
	AllowPrivate bool `json:"allowPrivate,omitempty"`
	// Auth says where the fields of the vendor's secret go.
	Auth Auth `json:"auth"`
	// Headers are sent with every request. They hold no secrets; Auth does.
	Headers map[string]string `json:"headers,omitempty"`
	// Retry is the policy for answers that may be better next time. Zero fields take the defaults.
	Retry Retry `json:"retry,omitzero"`
	// RateLimit is the limit of the whole account, divided among the streams by their weights. Zero means none.
	RateLimit RateLimit `json:"rateLimit,omitzero"`
	// BackfillShare is the part of each limit, the account's and the streams' own, that is kept for backfills, and divided among their
	// lanes; ordinary runs keep to the rest. Above 0 and below 1; raise it to have a long past read soon. Default
	// [DefaultBackfillShare] (0.15).
	BackfillShare float64 `json:"backfillShare,omitempty"`
	// RequestTimeout bounds one request, headers and body. Default [DefaultRequestTimeout].
	RequestTimeout Duration `json:"requestTimeout,omitempty"`
	// MaxPageBytes bounds one answer's body after decompression. Default [DefaultMaxPageBytes].
	MaxPageBytes int64 `json:"maxPageBytes,omitempty"`
	// Protect says what becomes of personal columns of a kind on the way to the curated bucket, where that is not the kind's default,
	// see [Personal]. A column's own Protect goes before it.
	Protect map[Personal]Protection `json:"protect,omitempty"`
	// Streams are the kinds of record to read, each under its own name.
	Streams []Stream `json:"streams"`
	// Invalid, where it is set, is why this description could not be made, and all that Validate says. It lets a
	// function that returns a ready vendor be called in the midst of a literal and still tell what it was given wrongly.
	Invalid error `json:"-"`
}

// AuthKind names a way of authorizing requests.
type AuthKind string

const (
	// AuthNone sends no credentials.
	AuthNone AuthKind = "none"
	// AuthHeaders sends fields of the secret as header values.
	AuthHeaders AuthKind = "headers"
	// AuthBearer sends a field of the secret as "Authorization: Bearer <token>".
	AuthBearer AuthKind = "bearer"
	// AuthBasic sends two fields of the secret as HTTP basic authorization.
	AuthBasic AuthKind = "basic"
	// AuthQueryKey sends a field of the secret as a query parameter.
	AuthQueryKey AuthKind = "queryKey"
	// AuthToken fetches a token by a request of its own, and sends it with each other one.
	AuthToken AuthKind = "token"
)

// Auth says which fields of the vendor's secret (a flat JSON object of strings) authorize a request. Every
// value below that ends in Field is the name of a field in the secret, never a credential itself.
type Auth struct {
	Kind AuthKind `json:"kind"`
	// HeaderFields maps a header's name to the secret's field (AuthHeaders).
	HeaderFields map[string]string `json:"headerFields,omitempty"`
	// TokenField is the secret's field that holds the token (AuthBearer) or the key (AuthQueryKey).
	TokenField string `json:"tokenField,omitempty"`
	// UsernameField and PasswordField are the secret's fields for AuthBasic.
	UsernameField string `json:"usernameField,omitempty"`
	PasswordField string `json:"passwordField,omitempty"`
	// Parameter is the query parameter of AuthQueryKey.
	Parameter string `json:"parameter,omitempty"`
	// Token says how the token is fetched and sent (AuthToken).
	Token TokenRequest `json:"token,omitzero"`
	// HookFields are further fields that the secret must have, for [Hooks] of a main of one's own: a key to sign with.
	HookFields []string `json:"hookFields,omitempty"`
}

// Defaults of [Vendor], [Retry] and [Paging].
const (
	DefaultInitialWait  = time.Second
	DefaultWaitFactor   = 2.0
	DefaultMaxWait      = time.Minute
	DefaultJitter       = 0.25
	DefaultMaxAttempts  = 6
	DefaultMaxPageBytes = 32 << 20
	// DefaultRequestTimeout bounds one request where the description does not.
	DefaultRequestTimeout = time.Minute
	// DefaultMaxPages is ten times what a window of a million records has in pages of 100.
	DefaultMaxPages = 100_000
	// DefaultInFlight has a vendor that takes 300 ms for a page answer 26 requests a second, and keeps less than a megabyte of
	// usual pages in memory.
	DefaultInFlight = 8
)

// Retry says how often and how patiently a request is repeated. Answers 408, 429 and 5xx, broken
// connections and timeouts are always retryable; Also names further ones. A Retry-After in an answer (seconds,
// HTTP date or ISO 8601 time) that lies ahead replaces the computed wait. A wait that would pass the caller's deadline is not begun.
type Retry struct {
	// InitialWait is the first wait. Default [DefaultInitialWait].
	InitialWait Duration `json:"initialWait,omitempty"`
	// Factor multiplies the wait each time. Default [DefaultWaitFactor].
	Factor float64 `json:"factor,omitempty"`
	// MaxWait is the ceiling of a computed wait and of a Retry-After. Default [DefaultMaxWait].
	MaxWait Duration `json:"maxWait,omitempty"`
	// Jitter is the part of a wait that is random, from 0 to 1: a wait w becomes w*(1-Jitter) to w. Default [DefaultJitter].
	Jitter *float64 `json:"jitter,omitempty"`
	// MaxAttempts counts the first request too. Default [DefaultMaxAttempts].
	MaxAttempts int `json:"maxAttempts,omitempty"`
	// Also are answers that this vendor gives when it throttles or is not ready, beside the usual ones.
	Also []Answer `json:"also,omitempty"`
}

// Answer recognizes an HTTP answer.
type Answer struct {
	Status int `json:"status"`
	// BodyContains must occur in the body (compared without case); empty matches any body.
	BodyContains string `json:"bodyContains,omitempty"`
	// Throttled says that the answer means "too many requests", so that it is counted and reported as such.
	Throttled bool `json:"throttled,omitempty"`
}

// RateLimit is at most Requests in each span of Per. They may come all at once, so Per is the span that the vendor counts in: a vendor
// of 10 a second is not described as one of 600 a minute.
type RateLimit struct {
	Requests int      `json:"requests"`
	Per      Duration `json:"per"`
}

// Audit names how late and changed records of a stream are found.
type Audit string

const (
	// AuditCount is for streams whose records never change their window time and whose totals are reported for
	// exactly the window (Resolution known, no Granularity beyond it, no Before): a count over the lookback shows whether the vendor
	// has gained records.
	AuditCount Audit = "count"
	// AuditReread is for streams whose records move or that report no totals: counts prove nothing, so the
	// lookback is read again.
	AuditReread Audit = "reread"
)

// Stream describes one kind of record and how it is asked for.
type Stream struct {
	// Name stands in object names, function names and logs: lower-case letters, digits and hyphens, from a letter on.
	Name string `json:"name"`
	// Description says in one sentence what a record is; it becomes the table's comment.
	Description string `json:"description,omitempty"`
	// Method is GET (the default) or POST.
	Method string `json:"method,omitempty"`
	// Path is appended to the vendor's BaseURL. A name in braces is replaced by what is placed there.
	Path string `json:"path"`
	// Query are fixed query parameters.
	Query map[string]string `json:"query,omitempty"`
	// Body is the fixed part of a JSON body, an object, into which values are placed (POST only).
	Body json.RawMessage `json:"body,omitempty"`
	// Window says where and how the window's bounds are sent. The zero Window is for a vendor that takes none: it gives
	// all it has each time, and a record belongs to the window that holds its own time (TimePath).
	Window Window `json:"window,omitzero"`
	// Parent, where it is set, makes this a child stream: it is read once for each record of another stream, and has no Window.
	Parent *Parent `json:"parent,omitempty"`
	// Paging says how page after page is asked for.
	Paging Paging `json:"paging"`
	// RecordsPath leads to the array of records in an answer: names joined by dots; empty where the answer
	// is the array itself.
	RecordsPath string `json:"recordsPath,omitempty"`
	// RecordsAbsentWhenEmpty accepts an answer without RecordsPath, and one of status 204, as one without records.
	RecordsAbsentWhenEmpty bool `json:"recordsAbsentWhenEmpty,omitempty"`
	// FailurePath leads to what an answer holds only where the request failed, for vendors that say so with status 200.
	// Anything but null, false, 0 and an empty string, array or object there makes the answer a refusal, unless
	// Retry.Also knows it as one that may be better next time.
	FailurePath string `json:"failurePath,omitempty"`
	// Total says where the number of records in the window stands. Zero means that none is reported.
	Total Total `json:"total,omitzero"`
	// RateLimit is this endpoint's own limit. Zero means none beside the account's.
	RateLimit RateLimit `json:"rateLimit,omitzero"`
	// Weight is the stream's share of the account's RateLimit. Default 1.
	Weight int `json:"weight,omitempty"`
	// Key are the paths of the fields that identify a record. Each is the path of a column.
	Key []string `json:"key"`
	// TimePath is the path of the record's window time, empty where a record does not show it. Where at least half
	// of a window's records show one that lies further from it than Lookback (and 26 hours), ingest tells so.
	TimePath string `json:"timePath,omitempty"`
	// VersionPath is the path of a field that grows with each change of a record, empty where there is none.
	VersionPath string `json:"versionPath,omitempty"`
	// Settle is the settle delay: how long after it happened a record ordinarily takes to show.
	Settle Duration `json:"settle"`
	// Lookback is how far back the vendor may still add or change records; of a child stream, how long after its own
	// time a parent is read again.
	Lookback Duration `json:"lookback,omitempty"`
	// Audit is how late and changed records are found.
	Audit Audit `json:"audit"`
	// PersonPath is the path of the e-mail address of the person whose doing a record tells of; empty where there is none. Who is to be
	// forgotten is known by it.
	PersonPath string `json:"personPath,omitempty"`
	// Forgotten says by what a record shows that the vendor has forgotten its person, who may be erased from the lake then too. The zero
	// value means that none does.
	Forgotten Status `json:"forgotten,omitzero"`
	// ZonePath is the path of a column that holds the IANA name of the zone in which a record's times are shown to people; empty where a
	// record does not tell. Views of such a stream have each of its times in that zone too, as <column>_local, without an offset.
	ZonePath string `json:"zonePath,omitempty"`
	// Columns are the declared fields, in the order of the table. Every other field is kept in one JSON column.
	Columns []Column `json:"columns"`
}

// In names a part of a request.
type In string

const (
	InQuery In = "query"
	InPath  In = "path"
	InBody  In = "body"
)

// Place is where a value goes in a request: a query parameter, a name in braces in the path, or a path of
// names joined by dots in the JSON body. Numbers (Unix times, offsets, page numbers and sizes) are written
// as JSON numbers in a body.
type Place struct {
	In   In     `json:"in"`
	Name string `json:"name"`
}

// Layouts of [Window] and [Column] that are no Go time layouts.
const (
	LayoutUnix      = "unix"
	LayoutUnixMilli = "unixMilli"
)

// Window says how a window [start, end) of UTC time is asked for.
type Window struct {
	Start Place `json:"start"`
	End   Place `json:"end"`
	// Layout is a Go time layout, [LayoutUnix] or [LayoutUnixMilli].
	Layout string `json:"layout"`
	// Zone is the IANA name of the zone the bounds are written in. Default UTC.
	Zone string `json:"zone,omitempty"`
	// EndInclusive says that the vendor includes records at the end bound; it is then asked for one unit of
	// its resolution less.
	EndInclusive bool `json:"endInclusive,omitempty"`
	// Resolution is the unit in which the vendor compares times, for example 1s or 1ms: a record's time is
	// cut down to it before the bounds are compared. Zero means unknown: a window is then asked for with a
	// second more on each side, and a record belongs to the window that holds its own time (TimePath).
	Resolution Duration `json:"resolution,omitempty"`
	// Granularity is the unit in which bounds can be asked for where that is coarser than Resolution, for
	// example 24h for whole days (of Zone). The vendor is then asked for whole units, and a record belongs to
	// the window that holds its own time (TimePath). Zero means the resolution.
	Granularity Duration `json:"granularity,omitempty"`
	// LongestSpan is the longest span between the bounds that the vendor accepts. Zero means any. See
	// [Stream.LatestEnd].
	LongestSpan Duration `json:"longestSpan,omitempty"`
	// Before is how much earlier than the window's start the vendor is asked from, where it goes by an earlier time than TimePath: by
	// when a webinar began, where TimePath is when it ended. It is the longest time between the two; a record belongs to the window
	// that holds its own time (TimePath).
	Before Duration `json:"before,omitempty"`
	// Listing, where it is set, is for records that are listed before their time comes, or without any: each window asks for what
	// is listed at its end, whatever the time of the record. Of two windows whose records are the same, the second holds none.
	Listing *Listing `json:"listing,omitempty"`
}

// Listing bounds what is listed: from Behind before a window's end until Ahead after it, where the window has places for
// these bounds.
type Listing struct {
	Behind Duration `json:"behind,omitempty"`
	Ahead  Duration `json:"ahead,omitempty"`
}

// Parent says that a stream is read once for each record of another stream, its parent: the participants of each webinar. A
// parent is read from Ahead before its own time until the stream's Lookback after it, at intervals that shrink towards that
// time and grow after it. What is read of it replaces what was read before.
type Parent struct {
	// Stream is the name of the stream whose records are the parents.
	Stream string `json:"stream"`
	// TimePath is the path of a parent's own time: when it begins, or when it ended where only what is over is listed. The stream's
	// Settle is added to it. A number in it leads into an array: times.0.startTime.
	TimePath string `json:"timePath"`
	// Ahead is how long before that time a parent is read first. Zero means that nothing is there before.
	Ahead Duration `json:"ahead,omitempty"`
	// Places are where the parent's fields go in a request.
	Places []ParentPlace `json:"places"`
	// Fields are the parent's fields that are added to each of its records.
	Fields []ParentField `json:"fields,omitempty"`
}

// ParentPlace puts a field of the parent into a request, as it is written.
type ParentPlace struct {
	Place
	// Path is the path of the field in the parent's record.
	Path string `json:"path"`
	// EscapeTwice has a value in the path escaped twice where it begins with a slash or has two in a row, as Zoom demands
	// for a UUID. https://developers.zoom.us/docs/api/using-zoom-apis/#meeting-id-and-uuid
	EscapeTwice bool `json:"escapeTwice,omitempty"`
}

// ParentField adds a field of the parent to each of its records.
type ParentField struct {
	// Name is that of the added field: letters, digits and underscores, from a letter on. It takes the place of one of the same name
	// that the record has itself.
	Name string `json:"name"`
	// Path is the path of the field in the parent's record.
	Path string `json:"path"`
}

// PagingKind names a way of asking for the next page.
type PagingKind string

const (
	// PagingNone is for answers that hold all records of a window.
	PagingNone PagingKind = "none"
	// PagingOffset sends the number of records to skip.
	PagingOffset PagingKind = "offset"
	// PagingNumber sends the page's number, counted from First.
	PagingNumber PagingKind = "number"
	// PagingToken sends the token that the page before gave at NextPath; an empty or absent one ends the window.
	PagingToken PagingKind = "token"
	// PagingNextLink requests the address that the page before gave at NextPath; an empty or absent one ends the window.
	PagingNextLink PagingKind = "nextLink"
	// PagingLinkHeader requests the address with rel="next" in the Link header (RFC 8288).
	PagingLinkHeader PagingKind = "linkHeader"
)

// Paging says how page after page is asked for.
type Paging struct {
	Kind PagingKind `json:"kind"`
	// Place is where the offset, the number or the token goes.
	Place Place `json:"place,omitzero"`
	// First is the number of the first page (PagingNumber): 0 or 1.
	First int `json:"first,omitempty"`
	// Size is the number of records asked for in a page; SizePlace is where it goes. A zero SizePlace means
	// that the vendor's page size is fixed and Size states it. Where no total is reported, a page with fewer ends
	// the window (PagingOffset, PagingNumber, which need it).
	Size      int   `json:"size,omitempty"`
	SizePlace Place `json:"sizePlace,omitzero"`
	// NextPath is the path in the body of the next token or address (PagingToken, PagingNextLink). Either may be
	// up to [MaxNextBytes] long.
	NextPath string `json:"nextPath,omitempty"`
	// PastEnd are answers by which the vendor says that a page lies past the end; such a page is empty.
	PastEnd []Answer `json:"pastEnd,omitempty"`
	// MaxPages bounds the pages of one window, in case a vendor's never end. Default [DefaultMaxPages].
	MaxPages int `json:"maxPages,omitempty"`
	// InFlight is how many pages are asked for side by side, within the rate limit, once a window's first page has told its total:
	// 1 to [MaxInFlight]. Default [DefaultInFlight] (8). It is for PagingOffset and PagingNumber with a Total: otherwise only a page
	// itself tells whether another one follows, and how to ask for it. Pages of megabytes are fewer side by side, so that
	// the memory they take is bounded.
	InFlight int `json:"inFlight,omitempty"`
}

// Total says where the number of records in a window stands: at a path in the body, or in a header.
type Total struct {
	Path   string `json:"path,omitempty"`
	Header string `json:"header,omitempty"`
}

// ColumnType is the type of a declared column.
type ColumnType string

const (
	TypeString    ColumnType = "string"    // JSON string; a number or boolean is kept as written
	TypeInt64     ColumnType = "int64"     // JSON number without fraction, or a string that holds one
	TypeFloat64   ColumnType = "float64"   // JSON number, or a string that holds one
	TypeBool      ColumnType = "bool"      // JSON true or false, or a string "Y", "N", "true", "false"
	TypeTimestamp ColumnType = "timestamp" // a time, stored in UTC with microseconds
	TypeDate      ColumnType = "date"      // yyyy-mm-dd
	TypeJSON      ColumnType = "json"      // any JSON value, as written
)

// Column declares one field of a stream's records. A null, an absent field and, but for TypeString and
// TypeJSON, an empty string are stored as null; so is a Unix time of 0 in a TypeTimestamp.
type Column struct {
	// Name is the column's name: lower-case letters, digits and underscores, from a letter on. "dt" and
	// names that begin with "windrow_" are reserved.
	Name string `json:"name"`
	// Path is the path of the field in the record. Default: Name.
	Path string     `json:"path,omitempty"`
	Type ColumnType `json:"type"`
	// Layout is how a timestamp is written: a Go time layout, [LayoutUnix] or [LayoutUnixMilli]. Default
	// RFC 3339, with or without a fraction.
	Layout string `json:"layout,omitempty"`
	// Zone is the IANA zone of a timestamp whose layout has no offset. Default UTC.
	Zone string `json:"zone,omitempty"`
	// Comment says what the column holds; it becomes the column's comment in the table.
	Comment string `json:"comment,omitempty"`
	// Personal says that the column holds what tells who a person is, and what kind of it. Empty means that it does not.
	Personal Personal `json:"personal,omitempty"`
	// Protect is what becomes of a personal column on the way to the curated bucket. Only a column of TypeString is hashed or masked;
	// any is kept or dropped. One of the key, and the one at PersonPath, is kept or hashed, one at TimePath, VersionPath or ZonePath kept.
	// Default: the vendor's Protect for its kind, and where that has none, the default of the kind, see [Personal].
	Protect Protection `json:"protect,omitempty"`
	// Items describes what each element of a TypeJSON column's array holds: it makes the array a relation of its own, a row an element,
	// see package lakesql. An item's path leads from the element on, by names of letters, digits and underscores; [ItemItself] is the path
	// of an element that is no object. Items are read by SQL from what is stored, so they change no stored column, and cannot be
	// personal themselves: Within says what is. A timestamp in them has the default layout,
	// [time.DateTime] with or without a fraction, [LayoutUnix] or [LayoutUnixMilli].
	Items []Column `json:"items,omitempty"`
	// Within are the personal fields inside the values of a TypeJSON column, which are protected before the value is stored.
	Within []Within `json:"within,omitempty"`
}

// Within is a personal field inside the values of a TypeJSON column. What is hashed or masked becomes a JSON string, what is dropped is taken
// out; so is an object at the path, and whatever stands on the way to it that is neither an object nor an array.
type Within struct {
	// Path leads from the value to the field: names joined by dots. An array on the way, or at its end, stands for each of its elements.
	Path string `json:"path"`
	// Personal is the kind of data that the field holds.
	Personal Personal `json:"personal"`
	// Protect is what becomes of it. Default: as for a column.
	Protect Protection `json:"protect,omitempty"`
}

// CloneColumns returns a copy of the columns that has nothing in common with them: two descriptions made of one list can be changed apart.
func CloneColumns(columns []Column) []Column {
	copied := slices.Clone(columns)
	for i := range copied {
		copied[i].Items = CloneColumns(copied[i].Items)
		copied[i].Within = slices.Clone(copied[i].Within)
	}
	return copied
}

// ItemItself is the path of an array's element itself, in [Column].Items.
const ItemItself = "."

// ItemPosition is the column of an array's relation that holds the element's place in it, counted from 1.
const ItemPosition = "item"

// LocalSuffix ends the name of a view's column that holds a time in the zone that [Stream].ZonePath leads to.
const LocalSuffix = "_local"

// Personal is a kind of data by which a person is known.
type Personal string

const (
	PersonalEmail   Personal = "email"   // an e-mail address; hashed by default
	PersonalName    Personal = "name"    // a name or a part of one; masked by default
	PersonalPhone   Personal = "phone"   // a telephone number; dropped by default
	PersonalIP      Personal = "ip"      // an IP address; masked by default
	PersonalAddress Personal = "address" // a street address; dropped by default
	PersonalLink    Personal = "link"    // a link that lets its holder act as the person; dropped by default
	PersonalLogin   Personal = "login"   // a name that the person signs in with; hashed by default
)

// Protection is what becomes of a personal column.
type Protection string

const (
	// ProtectKeep keeps the value as it came.
	ProtectKeep Protection = "keep"
	// ProtectHash puts a keyed digest in its place, 32 hexadecimal digits: people can be counted and joined, not named.
	ProtectHash Protection = "hash"
	// ProtectMask leaves so much of the value that it names nobody: a name's initials, the first character and the host of an e-mail
	// address, an IP address's network, a telephone number's last two digits.
	ProtectMask Protection = "mask"
	// ProtectDrop leaves the column out of the table.
	ProtectDrop Protection = "drop"
)

// Duration is a time.Duration that reads and writes as Go's text form ("90s", "1h30m") in JSON.
type Duration time.Duration
