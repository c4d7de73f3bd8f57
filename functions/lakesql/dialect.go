package lakesql

import "regexp"

// rewrites are the forms that DuckDB has in other words, and that no macro can give it.
var rewrites = []struct {
	form *regexp.Regexp
	by   string
}{
	// A type: array(json) is json[].
	{regexp.MustCompile(`(?i)\barray\((json|varchar|bigint|double|boolean|date|timestamp)\)`), "$1[]"},
	// DuckDB has try too, but not round a macro that asks a table of its own, as at_timezone does; that is null by itself for a zone that is none.
	{regexp.MustCompile(`(?i)\btry\(\s*(cast\(\s*)?at_timezone\(`), "(${1}at_timezone("},
}

// DuckDB is a query in Trino's words as DuckDB takes it, once [DuckDBMacros] has been run in its connection. It is made for the forms
// that the views and insights use; in addition to those that are rewritten here, mind that
//
//   - / of two whole numbers is a whole number in Trino and none in DuckDB: cast one to double;
//   - date_diff counts whole units that have passed in Trino, and boundaries crossed in DuckDB: subtract to_unixtime of both;
//   - nulls come last in Trino's order whether asc or desc, in DuckDB's too, but say so all the same: other engines differ;
//   - greatest and least are null in Trino where any argument is, and pass over nulls in DuckDB: coalesce first;
//   - Trino has no qualify, no group by all, and no alias of the same select in where, group by or having: use a position or a subquery;
//   - a cast that rounds (3.7 to bigint) is the same in both, but text with a fraction casts to a whole number in DuckDB alone;
//   - a row of json_parse has its names in order in Trino, and as they were written in DuckDB.
func DuckDB(sql string) string {
	for _, r := range rewrites {
		sql = r.form.ReplaceAllString(sql, r.by)
	}
	return sql
}

// DuckDBMacros is SQL that gives a DuckDB connection the functions of Trino that it lacks, under their names, and Trino's time zone. Each
// macro is null for what Trino refuses. https://trino.io/docs/current/functions.html, https://duckdb.org/docs/stable/sql/functions/overview
const DuckDBMacros = `set TimeZone = 'UTC';
create or replace macro json_parse(v) as try_cast(v as json);
create or replace macro json_format(v) as cast(v as varchar);
create or replace macro json_extract_scalar(v, p) as case json_type(cast(v as json), p) when 'OBJECT' then null when 'ARRAY' then null else json_extract_string(cast(v as json), p) end;
create or replace macro from_iso8601_timestamp(v) as try_cast(v as timestamptz);
create or replace macro to_unixtime(v) as epoch(v);
create or replace macro from_unixtime(v) as to_timestamp(v);
-- In Trino a time with a zone remembers it; here it is read off at once, so a cast to timestamp is all that may follow at_timezone.
create or replace macro with_timezone(v, z) as timezone(z, v);
create or replace macro at_timezone(v, z) as case when z in (select name from pg_timezone_names()) then timezone(z, v) end;
create or replace macro cardinality(v) as len(v);
create or replace macro element_at(v, i) as v[i];
create or replace macro array_join(v, s) as array_to_string(v, s);
create or replace macro regexp_like(v, p) as regexp_matches(v, p);
create or replace macro date_format(v, f) as strftime(v, f);
create or replace macro approx_distinct(v) as approx_count_distinct(v);
`
