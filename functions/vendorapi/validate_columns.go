package vendorapi

import (
	"fmt"
	"regexp"
	"slices"
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
			s.checkItems(f, c)
		})
	}
	s.checkZone(f)
}

// itemPath is a path that JSON paths of SQL engines take without quotes.
var itemPath = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)

// checkItems checks what the elements of the column's array are said to hold. Their relation has the columns of the stream's key too.
func (s *Stream) checkItems(f *faults, column Column) {
	if len(column.Items) == 0 {
		return
	}
	if column.Type != TypeJSON {
		f.add("items", bare(fmt.Sprintf("%d columns", len(column.Items))), "only a %s holds an array: leave them out", TypeJSON)
	}
	first := map[string]string{ItemPosition: "the element's place in the array"}
	for _, c := range s.Columns {
		if slices.Contains(s.Key, c.path()) {
			first[c.Name] = "a column of the stream's key"
		}
	}
	for i, c := range column.Items {
		f.under(fmt.Sprintf("items[%d]", i), func() {
			if earlier, taken := first[c.Name]; taken {
				f.add("name", c.Name, "%s has this name already: want another", earlier)
			} else {
				first[c.Name] = fmt.Sprintf("items[%d]", i)
			}
			c.checkItem(f)
		})
	}
	s.checkLocal(f, "items", column.Items)
}

func (c Column) checkItem(f *faults) {
	if path := c.path(); path != ItemItself && !itemPath.MatchString(path) {
		f.add("path", path, "want names of letters, digits and underscores, joined by dots, or %q for the element itself", ItemItself)
	}
	// Paths of a stream's columns may be of any names; what is left is the same for both.
	c.Path = ""
	c.check(f)
	if c.Type == TypeTimestamp && !slices.Contains([]string{"", time.RFC3339, time.RFC3339Nano, time.DateTime, LayoutUnix, LayoutUnixMilli}, c.Layout) {
		f.add("layout", c.Layout, "SQL reads it: want nothing for RFC 3339, %q, %s or %s", time.DateTime, LayoutUnix, LayoutUnixMilli)
	}
	if c.Personal != "" || c.Protect != "" {
		f.add("personal", string(c.Personal), "an item is read from what is stored: want it in within, which says what becomes of it before")
	}
	if len(c.Items) > 0 {
		f.add("items", bare(fmt.Sprintf("%d columns", len(c.Items))), "an array in an array stays JSON: leave them out")
	}
}

// checkZone checks that the zone of the stream's times can be read from a row.
func (s *Stream) checkZone(f *faults) {
	if s.ZonePath == "" {
		return
	}
	if !slices.ContainsFunc(s.Columns, func(c Column) bool { return c.path() == s.ZonePath && c.Type == TypeString }) {
		f.add("zonePath", s.ZonePath, "no %s column has this path: want one, since views read the zone from it", TypeString)
	}
	s.checkLocal(f, "columns", s.Columns)
}

// checkLocal refuses a column that is named as a view names the local time of another one.
func (s *Stream) checkLocal(f *faults, field string, columns []Column) {
	if s.ZonePath == "" {
		return
	}
	times := map[string]bool{}
	for _, c := range columns {
		times[c.Name] = c.Type == TypeTimestamp
	}
	for i, c := range columns {
		if of, local := strings.CutSuffix(c.Name, LocalSuffix); local && times[of] {
			f.add(fmt.Sprintf("%s[%d].name", field, i), c.Name, "with zonePath, views have the time %s in its zone under this name: want another", of)
		}
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
