package lakesql

import (
	"fmt"
	"strings"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// DuckDBTable is a query in DuckDB's words for what the files that the pattern matches hold of a table; none, where it is empty,
// which DuckDB would refuse to read. A pattern is a path with stars, files ending in .gz are gunzipped.
func DuckDBTable(table Table, pattern string) string {
	columns := table.Columns
	if table.Partitioned {
		columns = append(columns[:len(columns):len(columns)], Partition)
	}
	var selected []string
	for _, c := range columns {
		// A JSON column is text in Athena.
		selected = append(selected, fmt.Sprintf("cast(%s as %s) as %[1]s", Identifier(c.Name), DuckDBType(c.Type)))
	}
	if pattern == "" {
		for i, c := range columns {
			selected[i] = fmt.Sprintf("cast(null as %s) as %s", DuckDBType(c.Type), Identifier(c.Name))
		}
		return "select " + strings.Join(selected, ", ") + " where false"
	}
	from := fmt.Sprintf("read_parquet(%s, hive_partitioning = %t)", Literal(pattern), table.Partitioned)
	if table.Format == JSONLines {
		var fields []string
		for _, c := range table.Columns {
			fields = append(fields, fmt.Sprintf("%s: '%s'", Identifier(c.Name), DuckDBType(c.Type)))
		}
		from = fmt.Sprintf("read_json(%s, format = 'newline_delimited', columns = {%s})", Literal(pattern), strings.Join(fields, ", "))
	}
	return "select " + strings.Join(selected, ", ") + " from " + from
}

// DuckDBSchema is SQL that makes a vendor's tables and views in the schema, which is made too. pattern says which files a table has.
func DuckDBSchema(schema string, vendor *vendorapi.Vendor, pattern func(Table) string, further ...View) string {
	var sql strings.Builder
	fmt.Fprintf(&sql, "create schema if not exists %s;\nuse %[1]s;\n", Identifier(schema))
	create := func(name, query string) {
		fmt.Fprintf(&sql, "create or replace view %s as\n%s;\n", Identifier(name), query)
	}
	for _, table := range Tables(vendor) {
		create(table.Name, DuckDBTable(table, pattern(table)))
	}
	for _, view := range append(Views(vendor), further...) {
		create(view.Name, DuckDB(view.SQL))
	}
	return sql.String()
}
