package draft

import (
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/infra/local/columns"
)

// total finds the number of a window's records beside them, or in a header.
func (d *drafter) total(s *vendorapi.Stream, l list) {
	for _, name := range slices.Sorted(maps.Keys(l.headers)) {
		if n := plain(name); strings.Contains(n, "total") && !strings.Contains(n, "page") {
			s.Total.Header = name
		}
	}
	if l.answer == nil {
		return
	}
	var best string
	seen := map[*openapi3.Schema]bool{}
	var search func(s *openapi3.Schema, prefix string, level int)
	search = func(o *openapi3.Schema, prefix string, level int) {
		if level >= mostLevels || seen[o] {
			return
		}
		seen[o] = true
		for _, p := range properties(o) {
			name := plain(p.name)
			counts := strings.Contains(name, "total") || strings.HasSuffix(name, "count") || name == "hits"
			switch {
			case strings.Contains(p.name, "."):
			case isObject(p.schema):
				search(p.schema, prefix+p.name+".", level+1)
			case counts && is(p.schema, "integer") && !strings.Contains(name, "page") && (best == "" || strings.Contains(name, "total") && !strings.Contains(plain(best), "total")):
				best = prefix + p.name
			}
		}
	}
	search(l.answer, "", 0)
	if best != "" {
		s.Total = vendorapi.Total{Path: best}
	}
}

// mostColumns bounds the columns of a stream: a record that holds others of its kind has no end of fields.
const mostColumns = 300

// columns drafts one for each field of a record, those of objects in it included.
func (d *drafter) columns(at func(string) string, s *vendorapi.Stream, l list) {
	var names columns.Names
	var add func(o *openapi3.Schema, prefix string, level int)
	add = func(o *openapi3.Schema, prefix string, level int) {
		for _, p := range properties(o) {
			if !columns.Usable(p.name) {
				continue // It stays in the column of undeclared fields.
			}
			if len(s.Columns) == mostColumns {
				return
			}
			path := prefix + p.name
			if isObject(p.schema) && len(properties(p.schema)) > 0 && level < mostLevels {
				add(p.schema, path+".", level+1)
				continue
			}
			c := vendorapi.Column{Name: names.For(path), Comment: sentence(firstOf(p.schema.Description, p.schema.Title))}
			if c.Name != path {
				c.Path = path
			}
			c.Type, c.Layout = typeOf(p)
			s.Columns = append(s.Columns, c)
		}
	}
	add(l.record, "", 0)
	if len(s.Columns) == mostColumns {
		d.guess(at("Columns"), "the first %d fields; the others are kept as JSON", mostColumns)
	}
	if len(s.Columns) == 0 {
		d.lack(at("Columns"), "the fields of a record: the document has none; the command probe proposes columns from what the vendor sends")
	}
}

func typeOf(p property) (vendorapi.ColumnType, string) {
	text := strings.ToLower(p.schema.Description)
	switch {
	case p.schema.Type == nil, is(p.schema, "array"), is(p.schema, "object"):
		return vendorapi.TypeJSON, ""
	case is(p.schema, "integer"):
		if columns.NamesTime(p.name) && (strings.Contains(text, "unix") || strings.Contains(text, "epoch") || strings.Contains(text, "since 1970")) {
			if strings.Contains(text, "milli") {
				return vendorapi.TypeTimestamp, vendorapi.LayoutUnixMilli
			}
			return vendorapi.TypeTimestamp, vendorapi.LayoutUnix
		}
		return vendorapi.TypeInt64, ""
	case is(p.schema, "number"):
		return vendorapi.TypeFloat64, ""
	case is(p.schema, "boolean"):
		return vendorapi.TypeBool, ""
	case p.schema.Format == "date-time":
		return vendorapi.TypeTimestamp, ""
	case p.schema.Format == "date":
		return vendorapi.TypeDate, ""
	}
	return vendorapi.TypeString, ""
}

// pathOf is where a column's field stands.
func pathOf(c vendorapi.Column) string {
	if c.Path == "" {
		return c.Name
	}
	return c.Path
}

// key finds the fields that identify a record.
func (d *drafter) key(at func(string) string, s *vendorapi.Stream, l list) {
	required := map[string]bool{}
	for _, p := range properties(l.record) {
		required[p.name] = p.required
	}
	singular := strings.TrimSuffix(plain(s.Name), "s")
	var exact, own, demanded, others []string
	for _, c := range s.Columns {
		path := pathOf(c)
		name := plain(path[strings.LastIndexByte(path, '.')+1:])
		if c.Type != vendorapi.TypeString && c.Type != vendorapi.TypeInt64 {
			continue
		}
		switch {
		case !strings.Contains(path, ".") && slices.Contains([]string{"id", "uuid", "guid", "key"}, name):
			exact = append(exact, path)
		case !strings.HasSuffix(name, "id") && !strings.HasSuffix(name, "key"):
		case name == singular+"id" || name == singular+"key" || name == singular+"uuid":
			own = append(own, path)
		case required[path]:
			demanded = append(demanded, path)
		default:
			others = append(others, path)
		}
	}
	switch {
	case len(exact) > 0:
		s.Key = exact[:1]
	case len(own) > 0:
		s.Key = own[:1]
	case len(demanded) > 0:
		s.Key = demanded
		d.guess(at("Key"), "all required fields that are named like ids")
	case len(others) > 0:
		s.Key = others[:1]
		d.guess(at("Key"), "the first field that is named like an id; the others are %s", strings.Join(others[1:], ", "))
	default:
		d.lack(at("Key"), "the fields that identify a record: none is named like an id")
	}
}

// time finds the time that is asked by, and one that grows with changes.
func (d *drafter) time(at func(string) string, s *vendorapi.Stream, _ list) {
	// The bounds' names say what is compared: created_after, updatedSince.
	compared := words(s.Window.Start.Name)
	var all []string
	best, rank := "", -1
	for _, c := range s.Columns {
		path := pathOf(c)
		if c.Type != vendorapi.TypeTimestamp && (c.Type != vendorapi.TypeInt64 || !columns.NamesTime(path)) {
			continue
		}
		name := words(path)
		points := 0
		for _, w := range name {
			switch {
			case !slices.Contains([]string{"at", "time", "date", "on"}, w) && slices.ContainsFunc(compared, func(c string) bool { return c == w || strings.TrimSuffix(c, "d") == strings.TrimSuffix(w, "d") }):
				points += 10
			case slices.Contains([]string{"created", "create", "start", "started", "occurred", "registered", "timestamp"}, w):
				points += 2
			case slices.Contains([]string{"updated", "modified", "changed", "lastmodified"}, w):
				points++
			}
		}
		if c.Type == vendorapi.TypeTimestamp {
			points++
		}
		all = append(all, path)
		if slices.ContainsFunc(name, func(w string) bool {
			return slices.Contains([]string{"updated", "modified", "changed", "lastmodified"}, w)
		}) && s.VersionPath == "" {
			s.VersionPath = path
		}
		if points > rank {
			best, rank = path, points
		}
	}
	s.TimePath = best
	switch {
	case best == "":
		d.lack(at("TimePath"), "the path of the time that is asked by: no field of a record is a time")
	case len(all) > 1:
		d.guess(at("TimePath"), "the time that the window compares: one of %s", strings.Join(all, ", "))
	default:
		d.guess(at("TimePath"), "the only time that a record has")
	}
}
