package vendorapi

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// recordTime reads a record's time as it stands in JSON. It reports false where there is none or it cannot be read; a
// Unix time of 0 counts as unset.
func (b bounds) recordTime(found jsontext.Value) (time.Time, bool) {
	switch found.Kind() {
	case '0':
		return parseUnix(string(found))
	case '"':
		text, err := jsontext.AppendUnquote(nil, []byte(found))
		if err != nil {
			return time.Time{}, false
		}
		return b.parseTime(strings.TrimSpace(string(text)))
	}
	return time.Time{}, false
}

// parseTime reads a time with an offset in any of the usual forms, then in the layout and zone of the bounds,
// then one without an offset in that zone, then a Unix time in a string.
func (b bounds) parseTime(text string) (time.Time, bool) {
	for _, layout := range isoLayouts[:2] {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	layouts := []string{isoLayouts[2], "2006-01-02 15:04:05"}
	if !isUnix(b.Layout) {
		layouts = append([]string{b.Layout}, layouts...)
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, text, b.zone); err == nil {
			return t, true
		}
	}
	return parseUnix(text)
}

// firstMilli is the number from which a Unix time is taken as milliseconds, whatever the bounds are written in: as
// seconds it would lie in the year 5138, as milliseconds it lies in 1973.
const firstMilli = 100_000_000_000

// parseUnix reads a Unix time as it is written, with or without a fraction, without a detour over floats.
func parseUnix(text string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	number, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || number == 0 {
		return time.Time{}, false
	}
	if number >= firstMilli {
		return time.UnixMilli(number).UTC(), true
	}
	nanoseconds := int64(0)
	if fraction != "" {
		digits := (fraction + "000000000")[:9]
		if nanoseconds, err = strconv.ParseInt(digits, 10, 64); err != nil || nanoseconds < 0 {
			return time.Time{}, false
		}
	}
	if number < 0 {
		nanoseconds = -nanoseconds
	}
	return time.Unix(number, nanoseconds).UTC(), true
}
