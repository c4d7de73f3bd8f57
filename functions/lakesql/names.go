package lakesql

import (
	"regexp"
	"strings"
)

// reserved are the words that are no name without quotes in Trino, https://trino.io/docs/current/language/reserved.html, or in
// DuckDB, whose own list is select keyword_name from duckdb_keywords() where keyword_category = 'reserved'.
var reserved = func() map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsSeq(`
		alter and as between by case cast constraint create cross cube current_catalog current_date current_path current_role current_schema
		current_time current_timestamp current_user deallocate delete describe distinct drop else end escape except execute exists extract
		false for from full group grouping having in inner insert intersect into is join json_array json_exists json_object json_query
		json_table json_value left like listagg localtime localtimestamp natural normalize not null on or order outer prepare recursive
		right rollup select skip table then trim true uescape union unnest using values when where with

		all analyse analyze any array asc asymmetric both check collate column default deferrable desc do fetch foreign initially lambda
		lateral leading limit offset only pivot pivot_longer pivot_wider placing primary qualify references returning show some summarize
		symmetric to trailing unique unpivot variadic window

		anti asof authorization binary collation concurrently freeze generated glob ilike isnull map match notnull overlaps positional
		semi similar struct tablesample try_cast verbose`) {
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
