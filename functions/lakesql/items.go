package lakesql

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/tables"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// items are the views of what a stream's arrays hold: a row an element of the newest version of a record, with the record's key and the
// element's place. An array that is null or empty has no row, and neither has a value that is no array.
func items(s *vendorapi.Stream) []View {
	stored := tables.Columns(s)
	var views []View
	for _, declared := range s.Columns {
		// A column that was dropped or hashed on the way holds no array any more.
		isArray := slices.ContainsFunc(stored, func(c tables.Column) bool { return c.Name == declared.Name && c.Type == vendorapi.TypeJSON })
		if len(declared.Items) > 0 && isArray {
			views = append(views, itemsOf(s, declared))
		}
	}
	return views
}

func itemsOf(s *vendorapi.Stream, array vendorapi.Column) View {
	key := keyColumns(s)
	position := tables.Column{Name: vendorapi.ItemPosition, Type: vendorapi.TypeInt64, Comment: "Place of the element in " + array.Name + ", from 1"}
	var selected []string
	for _, name := range identifiers(key) {
		selected = append(selected, "r."+name)
	}
	selected = append(selected, "e."+vendorapi.ItemPosition)
	var own []tables.Column
	for _, item := range array.Items {
		own = append(own, tables.Column{Name: item.Name, Type: item.Type, Comment: item.Comment})
		selected = append(selected, read(item)+" as "+Identifier(item.Name))
	}
	columns := slices.Concat(key, []tables.Column{position}, own)
	from := fmt.Sprintf("from %s r cross join unnest(try(cast(json_parse(r.%s) as array(json)))) with ordinality as e (element, %s)",
		Identifier(TableName(s.Name)), Identifier(array.Name), vendorapi.ItemPosition)
	sql := "select " + strings.Join(selected, ",\n  ") + "\n" + from

	// The local times are made of the times one level above, where these have names.
	if outer, local := withLocal(s, own, identifiers(columns)[len(key)+1:], zoneOfItems); len(local) > 0 {
		zone, _ := columnOf(s, s.ZonePath)
		sql = fmt.Sprintf("select %s\nfrom (\nselect r.%s as %s, %s\n%s\n) elements",
			strings.Join(append(identifiers(columns)[:len(key)+1], outer...), ", "),
			Identifier(zone.Name), zoneOfItems, strings.Join(selected, ",\n  "), from)
		columns = append(columns, local...)
	}
	return View{
		Name:    ItemsName(s.Name, array.Name),
		Comment: cmp.Or(array.Comment, "What "+array.Name+" holds") + "; a row an element, of the newest version of each of the " + s.Name,
		Columns: columns,
		SQL:     sql,
	}
}

// zoneOfItems is what the zone of a record is called beside its elements' columns, one of which may have the name of the record's.
const zoneOfItems = "windrow_zone"

// read is SQL for what an item holds: null where the element has no such field or not of this type.
func read(item vendorapi.Column) string {
	path := "'$'"
	if p := pathOf(item); p != vendorapi.ItemItself {
		path = "'$." + p + "'"
	}
	text := fmt.Sprintf("json_extract_scalar(e.element, %s)", path)
	switch item.Type {
	case vendorapi.TypeInt64:
		// A number that is whole may have a fraction of zeros.
		return fmt.Sprintf(`try_cast(regexp_extract(%s, '^(-?[0-9]+)(\.0*)?$', 1) as bigint)`, text)
	case vendorapi.TypeFloat64:
		return fmt.Sprintf("try_cast(%s as double)", text)
	case vendorapi.TypeBool:
		return fmt.Sprintf("case %s when 'true' then true when 'Y' then true when 'false' then false when 'N' then false end", text)
	case vendorapi.TypeTimestamp:
		return readTime(item, text)
	case vendorapi.TypeDate:
		return fmt.Sprintf("try_cast(%s as date)", text)
	case vendorapi.TypeJSON:
		return fmt.Sprintf("nullif(json_format(json_extract(e.element, %s)), 'null')", path)
	}
	return text
}

// readTime is SQL for a time in UTC.
func readTime(item vendorapi.Column, text string) string {
	switch item.Layout {
	case vendorapi.LayoutUnix:
		return fmt.Sprintf("cast(at_timezone(from_unixtime(nullif(try_cast(%s as double), 0)), 'UTC') as timestamp)", text)
	case vendorapi.LayoutUnixMilli:
		return fmt.Sprintf("cast(at_timezone(from_unixtime(nullif(try_cast(%s as double), 0) / 1000), 'UTC') as timestamp)", text)
	case time.DateTime:
		if zone := cmp.Or(item.Zone, "UTC"); zone != "UTC" {
			return fmt.Sprintf("cast(at_timezone(with_timezone(try_cast(%s as timestamp), %s), 'UTC') as timestamp)", text, Literal(zone))
		}
		return fmt.Sprintf("try_cast(%s as timestamp)", text)
	}
	return fmt.Sprintf("try(cast(at_timezone(from_iso8601_timestamp(%s), 'UTC') as timestamp))", text)
}
