package vendorapi

import (
	"fmt"
	"time"
)

// D returns d as a time.Duration.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String returns Go's text form of d.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes d in Go's text form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads Go's text form, for example "90s" or "1h30m".
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("duration %q: want Go's form, for example 90s or 1h30m", text)
	}
	*d = Duration(parsed)
	return nil
}
