// Package settings is what a deployed function is told by its environment.
//
// The construct writes these variables and the two mains read them; they stand in one place, apart from
// both, so that neither can drift from the other. Nothing here reads the environment itself.
package settings

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/windrow-data/windrow/functions/telemetry"
)

// VendorFile is the name of the vendor's description in a function's asset, beside its bootstrap.
const VendorFile = "vendor.json"

// LeaseKey is the object in the raw bucket by which the functions of a vendor take turns at renewing its token, where they
// have to write its secret.
func LeaseKey(vendor string) string { return vendor + "/lease-token.json" }

// ExportPrefix is where in the results bucket what was exported of people stands: <prefix><digest>/<execution>/<stream>-<number>.ndjson. It
// expires as the results of queries do, and goes with the next erasure of anybody.
const ExportPrefix = "exports/"

// AllStreams stands in place of a stream's name for a function that works at all streams of its vendor.
const AllStreams = "*"

// ForgottenKey is the object in the raw bucket that lists who of a vendor's people is forgotten.
func ForgottenKey(vendor string) string { return vendor + "/forgotten.json" }

// Names of the environment variables of a function.
const (
	// EnvStream is the name of the function's stream, or [AllStreams].
	EnvStream = "WINDROW_STREAM"
	// EnvResultsBucket is the name of the bucket for results of queries (erase only; empty where the pipeline has none).
	EnvResultsBucket = "WINDROW_RESULTS_BUCKET"
	// EnvRawBucket is the name of the raw bucket.
	EnvRawBucket = "WINDROW_RAW_BUCKET"
	// EnvCuratedBucket is the name of the curated bucket (preprocess only).
	EnvCuratedBucket = "WINDROW_CURATED_BUCKET"
	// EnvSecret is the ARN of the vendor's secret (ingest only; empty where the vendor needs none).
	EnvSecret = "WINDROW_SECRET"
	// EnvPrivacyKeySecret is the ARN of the secret whose text is the key of digests, (functions that make or compare
	// any; empty where none are made).
	EnvPrivacyKeySecret = "WINDROW_PRIVACY_KEY_SECRET"
	// EnvPipeline is the name of the pipeline, by which its metrics and costs are told apart.
	EnvPipeline = "WINDROW_PIPELINE"
	// EnvRunbook is the address of the runbook that findings and failures lead to.
	EnvRunbook = "WINDROW_RUNBOOK"
	// EnvEventBus is the name of the event bus to which new curated objects are announced (preprocess only; empty where
	// they are not).
	EnvEventBus = "WINDROW_EVENT_BUS"
	// EnvDisableCompaction is true where no further day is to be compacted (preprocess only).
	EnvDisableCompaction = "WINDROW_DISABLE_COMPACTION"
	// EnvPartBytes is the compressed size at which a part is stored.
	EnvPartBytes = "WINDROW_PART_BYTES"
	// EnvSafetyMargin is the time before the deadline at which a handler stops, in Go's text form.
	EnvSafetyMargin = "WINDROW_SAFETY_MARGIN"
	// EnvDefaultRate is the number of records a second that a stream is taken to manage until one was seen.
	EnvDefaultRate = "WINDROW_DEFAULT_RATE"
	// EnvGenesis is where the stream's log begins if it has none yet, in RFC 3339 (ingest only).
	EnvGenesis = "WINDROW_GENESIS"
	// EnvLogLevel is DEBUG, INFO, WARN or ERROR.
	EnvLogLevel = "WINDROW_LOG_LEVEL"
)

// Defaults of the variables that have one.
const (
	DefaultPartBytes    = 8 << 20
	DefaultSafetyMargin = 30 * time.Second
	DefaultRate         = 200.0
	DefaultLogLevel     = slog.LevelInfo
)

// GoMemoryShare is the part of a function's memory that the Go runtime may hold: 44 MiB of 128. What a
// handler needs at once is well below that, however large the window, so the garbage collector has little to do and keeps the
// whole process under 64 MB; the rest of the function's memory is for what the runtime does not count (the binary's pages, the
// kernel's share). https://go.dev/doc/gc-guide#Memory_limit
const GoMemoryShare = 0.34375

// Settings is the environment of a function, parsed.
type Settings struct {
	Stream        string
	RawBucket     string
	CuratedBucket string
	ResultsBucket string
	Secret        string
	// PrivacyKeySecret is read with package startup/keys.
	PrivacyKeySecret string
	Pipeline         string
	Runbook          string
	EventBus         string
	PartBytes        int64
	SafetyMargin     time.Duration
	// DefaultRate is in records a second.
	DefaultRate float64
	// Genesis is zero where it is left to the first run.
	Genesis  time.Time
	LogLevel slog.Level
	// DisableCompaction leaves days as they are that are not compacted yet.
	DisableCompaction bool
}

// Parse reads settings through getenv. Its error names every variable that is wrong, with its value and
// what is allowed. The settings beside it have all that could be read, and the default of what is wrong, so that even a function
// that cannot work tells so under its own name.
func Parse(getenv func(string) string) (Settings, error) {
	var faults []error
	s := Settings{
		Stream:           getenv(EnvStream),
		RawBucket:        getenv(EnvRawBucket),
		CuratedBucket:    getenv(EnvCuratedBucket),
		ResultsBucket:    getenv(EnvResultsBucket),
		Secret:           getenv(EnvSecret),
		PrivacyKeySecret: getenv(EnvPrivacyKeySecret),
		Pipeline:         getenv(EnvPipeline),
		Runbook:          cmp.Or(getenv(EnvRunbook), telemetry.DefaultRunbook),
		EventBus:         getenv(EnvEventBus),
		PartBytes:        DefaultPartBytes,
		SafetyMargin:     DefaultSafetyMargin,
		DefaultRate:      DefaultRate,
		LogLevel:         DefaultLogLevel,
	}
	parse := func(name, allowed string, read func(string) error) {
		value := getenv(name)
		if value == "" {
			return
		}
		before := s
		if err := read(value); err != nil {
			s = before
			faults = append(faults, fmt.Errorf("%s=%q: want %s", name, value, allowed))
		}
	}
	if s.Stream == "" {
		faults = append(faults, fmt.Errorf("%s is not set: want the name of a stream in %s", EnvStream, VendorFile))
	}
	if s.Pipeline == "" {
		faults = append(faults, fmt.Errorf("%s is not set: want the name of the pipeline, as in its tag Pipeline", EnvPipeline))
	}
	if s.RawBucket == "" {
		faults = append(faults, fmt.Errorf("%s is not set: want the name of the raw bucket", EnvRawBucket))
	}
	parse(EnvPartBytes, "a whole number of bytes above 0", func(v string) (err error) {
		s.PartBytes, err = strconv.ParseInt(v, 10, 64)
		return positive(err, float64(s.PartBytes))
	})
	parse(EnvSafetyMargin, "a positive duration, for example 30s", func(v string) (err error) {
		s.SafetyMargin, err = time.ParseDuration(v)
		return positive(err, float64(s.SafetyMargin))
	})
	parse(EnvDefaultRate, "a number of records a second above 0", func(v string) (err error) {
		s.DefaultRate, err = strconv.ParseFloat(v, 64)
		return positive(err, s.DefaultRate)
	})
	parse(EnvGenesis, "a time in RFC 3339, for example 2026-03-01T00:00:00Z", func(v string) (err error) {
		s.Genesis, err = time.Parse(time.RFC3339, v)
		return err
	})
	parse(EnvDisableCompaction, "true or false", func(v string) (err error) {
		s.DisableCompaction, err = strconv.ParseBool(v)
		return err
	})
	parse(EnvLogLevel, "DEBUG, INFO, WARN or ERROR", func(v string) error {
		return s.LogLevel.UnmarshalText([]byte(v))
	})
	return s, errors.Join(faults...)
}

func positive(err error, value float64) error {
	if err == nil && !(value > 0) {
		return errors.New("not above 0")
	}
	return err
}
