package lakesql

import (
	"fmt"
	"strings"

	"github.com/windrow-data/windrow/functions/tables"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// newest is the view of a stream's records, the newest version of each. A day is read from one side alone: from its compacted rows where
// the days' table says so, from the windows' rows otherwise, so that nothing is there twice while a day's objects change sides. The days'
// table stands there once, since an engine that read it twice could read it before and after a day has changed sides.
//
// The newest version is looked for over all days, since a record's versions may lie in the windows of several. So a condition on dt
// keeps no object from being read; one on the tables does.
func newest(vendor *vendorapi.Vendor, s *vendorapi.Stream) View {
	columns := append(tables.Columns(s), Partition)
	names := strings.Join(identifiers(columns), ", ")
	selected, local := withLocal(s, columns, identifiers(columns), zoneOf(s))
	return View{
		Name:    TableName(s.Name),
		Comment: "The newest version of each record. " + comment(vendor, s),
		Columns: append(columns, local...),
		SQL: fmt.Sprintf(`select %[1]s
from (
  select v.*, row_number() over (partition by %[2]s order by %[3]s) as windrow_newest
  from (
    select %[4]s, cast(null as bigint) as %[8]s
    from %[5]s
    union all
    select %[4]s, %[8]s
    from %[6]s
  ) v
  left join (select cast(dt as date) as windrow_day, compaction as windrow_counts from %[7]s where compaction > 0) d on d.windrow_day = v.dt
  where v.%[8]s is not distinct from d.windrow_counts
) versions
where windrow_newest = 1`,
			strings.Join(selected, ", "), strings.Join(keyOf(s), ", "), Newest(s), names,
			Identifier(RowsName(s.Name)), Identifier(CompactedName(s.Name)), Identifier(DaysName(s.Name)), Compaction),
	}
}

// Newest is the order of a record's versions, the newest first, as it stands behind "order by". No two rows are equal in it.
func Newest(s *vendorapi.Stream) string {
	var order []string
	if version, ok := columnOf(s, s.VersionPath); ok {
		order = append(order, Identifier(version.Name)+" desc nulls last")
	}
	for _, own := range []string{tables.WindowStart, tables.Generation, tables.Part, tables.Position} {
		order = append(order, own+" desc nulls last")
	}
	return strings.Join(order, ", ")
}

// keyOf are the columns of the stream's key, as SQL names them.
func keyOf(s *vendorapi.Stream) []string { return identifiers(keyColumns(s)) }

func keyColumns(s *vendorapi.Stream) []tables.Column {
	var columns []tables.Column
	for _, path := range s.Key {
		if c, ok := columnOf(s, path); ok {
			columns = append(columns, c)
		}
	}
	return columns
}

func identifiers(columns []tables.Column) []string {
	var names []string
	for _, c := range columns {
		names = append(names, Identifier(c.Name))
	}
	return names
}

// zoneOf is the name in SQL of the column that holds the zone of a record's times, empty where none does.
func zoneOf(s *vendorapi.Stream) string {
	if c, ok := columnOf(s, s.ZonePath); ok {
		return Identifier(c.Name)
	}
	return ""
}

// withLocal appends to selected, which names the columns in SQL, the time of each timestamp among them in the zone that the column of
// the name zone holds. It is null where that is null, or no zone that the engine knows.
func withLocal(s *vendorapi.Stream, columns []tables.Column, selected []string, zone string) (all []string, local []tables.Column) {
	if zoneOf(s) == "" {
		return selected, nil
	}
	for i, c := range columns {
		if c.Type != vendorapi.TypeTimestamp || strings.HasPrefix(c.Name, ownPrefix) {
			continue
		}
		name := c.Name + vendorapi.LocalSuffix
		local = append(local, tables.Column{Name: name, Type: vendorapi.TypeTimestamp, Comment: c.Name + " as shown in the zone of the record"})
		selected = append(selected, fmt.Sprintf("try(cast(at_timezone(with_timezone(%s, 'UTC'), %s) as timestamp)) as %s", selected[i], zone, Identifier(name)))
	}
	return selected, local
}

// ownPrefix begins the names of windrow's columns, which tell of readings and not of what a record tells of.
const ownPrefix = "windrow_"
