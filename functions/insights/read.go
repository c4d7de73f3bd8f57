package insights

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"

	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// reader puts the views of a vendor's streams into the SQL of a model. A model's SQL says what it reads as
//
//	{{read "registrants" `eventid bigint, email varchar`}}
//
// in place of the view's name, since a description may leave streams and columns out: what is not there is null, or has no rows.
type reader map[string]map[string]vendorapi.ColumnType

func readerOf(vendor *vendorapi.Vendor) reader {
	r := reader{}
	for _, view := range lakesql.Views(vendor) {
		r[view.Name] = map[string]vendorapi.ColumnType{}
		for _, c := range view.Columns {
			r[view.Name][c.Name] = c.Type
		}
	}
	for _, s := range vendor.Resolved().Streams {
		for i := range s.Columns {
			// What is left of a masked address is that of many people, so it tells as little of who it is as none.
			if c := &s.Columns[i]; c.Personal == vendorapi.PersonalEmail && c.Protection() == vendorapi.ProtectMask {
				delete(r[lakesql.TableName(s.Name)], c.Name)
			}
		}
	}
	return r
}

// have reports whether all of the columns of the views are there.
func (r reader) have(needs map[string][]string) bool {
	for view, names := range needs {
		for _, name := range names {
			if _, ok := r[view][name]; !ok {
				return false
			}
		}
	}
	return true
}

// lists are columns that several queries of a model read, by the names under which these know them.
var lists = map[string]string{
	"registrant": "webinar_id bigint, webinar_start_time timestamp, id varchar, email varchar, org varchar, job_title varchar, country varchar, " +
		"status varchar, create_time timestamp",
}

// fill returns the SQL of a model with what it reads in place. It panics where that cannot be read, since the SQL is built in.
func (r reader) fill(sql string) string {
	filled, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{"read": r.read}).Parse(sql)
	if err != nil {
		panic(fmt.Errorf("insights: %w", err))
	}
	var b strings.Builder
	if err := filled.Execute(&b, lists); err != nil {
		panic(fmt.Errorf("insights: %w", err))
	}
	return strings.TrimSpace(b.String())
}

// read is a query in parentheses that gives the listed columns of a view, each with its type: "eventid bigint, email varchar".
func (r reader) read(view, list string) (string, error) {
	var selected []string
	for item := range strings.SplitSeq(list, ",") {
		words := strings.Fields(item)
		if len(words) != 2 {
			return "", fmt.Errorf("%s: column %q: want a name and a type", view, item)
		}
		name, err := r.column(view, words[0], words[1])
		if err != nil {
			return "", err
		}
		selected = append(selected, name)
	}
	from := "from " + lakesql.Identifier(view)
	if r[view] == nil {
		from = "where false"
	}
	return fmt.Sprintf("(select %s %s)", strings.Join(selected, ", "), from), nil
}

// column is SQL for one column of a view: null where the view has none of this name, and as far as it can be cast where the description
// gives it another type.
func (r reader) column(view, name, as string) (string, error) {
	if !slices.Contains(slices.Collect(maps.Values(typeNames)), as) {
		return "", fmt.Errorf("%s: column %s: type %q: want one of %v", view, name, as, slices.Sorted(maps.Values(typeNames)))
	}
	identifier := lakesql.Identifier(name)
	of, ok := r[view][name]
	switch {
	case !ok:
		return fmt.Sprintf("cast(null as %s) as %s", as, identifier), nil
	case typeNames[of] == as:
		return identifier, nil
	}
	return fmt.Sprintf("try_cast(%s as %s) as %s", identifier, as, identifier), nil
}

// typeNames are the types of columns as a model's SQL names them.
var typeNames = map[vendorapi.ColumnType]string{
	vendorapi.TypeString:    "varchar",
	vendorapi.TypeInt64:     "bigint",
	vendorapi.TypeFloat64:   "double",
	vendorapi.TypeBool:      "boolean",
	vendorapi.TypeTimestamp: "timestamp",
	vendorapi.TypeDate:      "date",
	vendorapi.TypeJSON:      "varchar",
}
