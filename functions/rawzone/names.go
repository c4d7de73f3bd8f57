package rawzone

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/window"
)

// NameLayout is how a time stands in an object's name: UTC, whole seconds. It is fixed in width and the only
// form, so that one instant has one name (two commits of one start collide) and names sort by time. Windows
// need no finer bounds: what happens within one second is taken up page by page.
const NameLayout = "20060102T150405Z"

// FormatTime returns t, which must be a whole second, as it stands in names.
func FormatTime(t time.Time) string { return t.UTC().Format(NameLayout) }

// ParseTime reads what [FormatTime] wrote.
func ParseTime(s string) (time.Time, error) {
	t, err := time.Parse(NameLayout, s)
	if err != nil || FormatTime(t) != s {
		return time.Time{}, fmt.Errorf("time %q in an object's name: want the form %s", s, NameLayout)
	}
	return t, nil
}

func (z Zone) prefix() string        { return z.Vendor + "/" + z.Stream + "/" }
func (z Zone) genesisKey() string    { return z.prefix() + "genesis.json" }
func (z Zone) commitsPrefix() string { return z.prefix() + "commits/" }
func (z Zone) commitKey(start time.Time) string {
	return z.commitsPrefix() + FormatTime(start) + ".json"
}

func (z Zone) partsPrefix(start time.Time) string {
	return z.prefix() + "parts/" + start.UTC().Format("2006/01/02/") + FormatTime(start) + "/"
}

// partName is what the name of a part says: which window was asked for, by which attempt and run, and which
// of its pages the part holds.
type partName struct {
	window    window.Window
	attempt   int
	run       string
	firstPage int
	lastPage  int
}

func (z Zone) partKey(n partName) string {
	return fmt.Sprintf("%s%s_a%d-%s_p%06d-%06d_%s_%s.ndjson.gz", z.partsPrefix(n.window.Start), z.Stream,
		n.attempt, n.run, n.firstPage, n.lastPage, FormatTime(n.window.Start), FormatTime(n.window.End))
}

var partPattern = regexp.MustCompile(`^([a-z0-9-]+)_a([0-9]{1,9})-([a-z0-9]+)_p([0-9]{6,9})-([0-9]{6,9})_([0-9TZ]+)_([0-9TZ]+)\.ndjson\.gz$`)

// parsePartKey reads what partKey wrote. It reports false for any other object.
func (z Zone) parsePartKey(key string) (partName, bool) {
	m := partPattern.FindStringSubmatch(key[strings.LastIndexByte(key, '/')+1:])
	if m == nil || m[1] != z.Stream {
		return partName{}, false
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			return -1
		}
		return n
	}
	n := partName{attempt: number(m[2]), run: m[3], firstPage: number(m[4]), lastPage: number(m[5])}
	var errStart, errEnd error
	n.window.Start, errStart = ParseTime(m[6])
	n.window.End, errEnd = ParseTime(m[7])
	if errStart != nil || errEnd != nil || z.partKey(n) != key {
		return partName{}, false
	}
	return n, true
}
