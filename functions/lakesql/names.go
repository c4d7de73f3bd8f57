package lakesql

import (
	"regexp"
	"strings"
)

// reserved are the words that are no name without quotes in Trino, https://trino.io/docs/current/language/reserved.html, and further
// ones that are none in DuckDB, as a table, a column or behind "as"; duckdb_keywords() lists those that may be.
var reserved = func() map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsSeq(`
		alter and as between by case cast constraint create cross cube current_catalog current_date current_path current_role
		current_schema current_time current_timestamp current_user deallocate delete describe distinct drop else end escape except execute
		exists extract false for from full group grouping having in inner insert intersect into is join json_array json_exists json_object
		json_query json_table json_value left like listagg localtime localtimestamp natural normalize not null on or order outer prepare
		recursive right rollup select skip table then trim true uescape union unnest using values when where with

		all analyse analyze anti any array asc asof asymmetric at authorization binary both check collate collation column concurrently
		default deferrable desc do fetch foreign freeze glob ilike initially isnull lambda lateral leading limit notnull offset only
		overlaps pivot pivot_longer pivot_wider placing positional primary qualify references returning semi show similar some summarize
		symmetric tablesample to trailing try_cast unique unpack unpivot variadic verbose window`) {
		words[word] = true
	}
	return words
}()

var plainName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Identifier is a name as it stands in SQL: as it is, or in quotes where the name is a word of SQL or has other characters.
func Identifier(name string) string {
	if plainName.MatchString(name) && !reserved[name] {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// Literal is text as it stands in SQL.
func Literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
