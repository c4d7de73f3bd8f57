package vendorapi

import (
	"fmt"
	"strings"
	"time"
)

// reservedColumns are written by Windrow: dt is the partition of the table.
const (
	reservedPrefix = "windrow_"
	reservedColumn = "dt"
)

func (s *Stream) checkColumns(f *faults) {
	if len(s.Columns) == 0 {
		f.add("columns", emptyList, "want at least the fields of key")
	}
	first := map[string]int{}
	for i, c := range s.Columns {
		f.under(fmt.Sprintf("columns[%d]", i), func() {
			if earlier, taken := first[c.Name]; taken {
				f.add("name", c.Name, "columns[%d] has this name already: want another", earlier)
			} else {
				first[c.Name] = i
			}
			c.check(f)
		})
	}
}

func (c Column) check(f *faults) {
	switch {
	case !columnPattern.MatchString(c.Name):
		f.add("name", c.Name, "want lower-case letters, digits and underscores, from a letter on")
	case strings.HasPrefix(c.Name, reservedPrefix) || c.Name == reservedColumn:
		f.add("name", c.Name, "%q and names that begin with %q are Windrow's own: want another", reservedColumn, reservedPrefix)
	}
	if c.Path != "" && !isFieldPath(c.Path) {
		f.add("path", c.Path, "want names joined by dots, or nothing for the column's name")
	}
	switch c.Type {
	case TypeString, TypeInt64, TypeFloat64, TypeBool, TypeTimestamp, TypeDate, TypeJSON:
	default:
		f.add("type", string(c.Type), "want %s, %s, %s, %s, %s, %s or %s", TypeString, TypeInt64, TypeFloat64, TypeBool, TypeTimestamp, TypeDate, TypeJSON)
	}
	if c.Type != TypeTimestamp {
		if c.Layout != "" {
			f.add("layout", c.Layout, "only a %s has a layout: leave it out", TypeTimestamp)
		}
		if c.Zone != "" {
			f.add("zone", c.Zone, "only a %s has a zone: leave it out", TypeTimestamp)
		}
		return
	}
	if _, err := time.LoadLocation(c.Zone); err != nil || c.Zone == "Local" {
		f.add("zone", c.Zone, "want an IANA name, for example America/Los_Angeles, or nothing for UTC")
	}
	if c.Layout != "" && !isUnix(c.Layout) && !holdsDate(c.Layout) {
		f.add("layout", c.Layout, "want a Go time layout that holds a date, for example %s, or %s or %s", time.DateTime, LayoutUnix, LayoutUnixMilli)
	}
}

func holdsDate(layout string) bool {
	day := time.Date(2026, 7, 9, 0, 0, 0, 0, time.UTC)
	read, err := time.Parse(layout, day.Format(layout))
	return err == nil && read.Equal(day)
}

func (s *Stream) checkKey(f *faults) {
	if len(s.Key) == 0 {
		f.add("key", emptyList, "want the paths of the fields that identify a record")
	}
	columns := map[string]bool{}
	for _, c := range s.Columns {
		columns[c.path()] = true
	}
	seen := map[string]bool{}
	for i, path := range s.Key {
		field := fmt.Sprintf("key[%d]", i)
		switch {
		case path == "" || !isFieldPath(path):
			f.add(field, path, "want names joined by dots")
		case seen[path]:
			f.add(field, path, "it stands in the key twice")
		case !columns[path]:
			f.add(field, path, "no column has this path: want one, since tables find a record's newest version by it")
		}
		seen[path] = true
	}
}

func (c Column) path() string {
	if c.Path == "" {
		return c.Name
	}
	return c.Path
}
