package lakesql_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/lakesql/lakesqltest"
)

// TestDialect has DuckDB work out what Trino's documentation says of each function that the macros stand for.
// https://trino.io/docs/current/functions.html
func TestDialect(t *testing.T) {
	wants := map[string]string{
		`json_extract_scalar('{"a":{"b":"x"}}', '$.a.b')`:                                                        "x",
		`json_extract_scalar('{"a":{"b":"x"}}', '$.a')`:                                                          "<nil>",
		`json_extract_scalar('[1, 2.5, true, null]', '$[1]')`:                                                    "2.5",
		`json_extract_scalar('[1, 2.5, true, null]', '$[3]')`:                                                    "<nil>",
		`json_extract_scalar(json_extract('{"a":["x"]}', '$.a'), '$[0]')`:                                        "x",
		`json_format(json_extract('{"a":[1,2]}', '$.a'))`:                                                        "[1,2]",
		`cardinality(cast(json_parse('["a","b"]') as array(varchar)))`:                                           "2",
		`element_at(cast(json_parse('["a","b"]') as array(varchar)), 2)`:                                         "b",
		`element_at(cast(json_parse('["a","b"]') as array(varchar)), 3)`:                                         "<nil>",
		`array_join(cast(json_parse('["a","b"]') as ARRAY(VARCHAR)), '; ')`:                                      "a; b",
		`try_cast(json_parse('{"a":1}') as array(json))`:                                                         "<nil>",
		`cast(at_timezone(from_iso8601_timestamp('2026-03-10T17:00:00+02:00'), 'UTC') as timestamp)`:             "2026-03-10T15:00:00Z",
		`cast(at_timezone(from_iso8601_timestamp('2026-03-10T17:00:00Z'), 'America/Los_Angeles') as timestamp)`:  "2026-03-10T10:00:00Z",
		`try(cast(at_timezone(with_timezone(timestamp '2026-03-10 17:00:00', 'UTC'), 'No/Where') as timestamp))`: "<nil>",
		`TRY( at_timezone(with_timezone(timestamp '2026-03-10 17:00:00', 'Europe/Berlin'), 'UTC'))`:              "2026-03-10T16:00:00Z",
		`try(cast('x' as bigint))`:                                                                               "<nil>",
		`to_unixtime(timestamp '2026-03-10 00:00:01.5') - to_unixtime(timestamp '2026-03-10 00:00:00')`:          "1.5",
		`cast(at_timezone(from_unixtime(1773163502), 'UTC') as timestamp)`:                                       "2026-03-10T17:25:02Z",
		`date_format(timestamp '2026-03-10 17:05:00', '%Y-%m-%d')`:                                               "2026-03-10",
		`regexp_like('Group 42', '[0-9]+')`:                                                                      "true",
		`(select approx_distinct(x) from (values (1), (1), (1)) as t (x))`:                                       "1",
	}
	queries, statements, want := map[string]string{}, map[string]string{}, map[string]string{}
	for expression, value := range wants {
		statements[expression] = "select " + expression + " as value"
		queries[expression] = lakesql.DuckDB(statements[expression])
		want[expression] = value
	}
	got := map[string]string{}
	for expression, answer := range lakesqltest.Ask(t, "", queries) {
		got[expression] = fmt.Sprint(answer.Rows[0][0])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-Trino +DuckDB):\n%s", diff)
	}
	lakesqltest.CheckTrino(t, statements)
}

// TestDuckDBLeavesOtherWordsAlone rewrites no more than what differs.
func TestDuckDBLeavesOtherWordsAlone(t *testing.T) {
	for _, sql := range []string{"select try_cast(x as bigint), entry(at_timezone(y, z)), array_agg(x), 'array of json'", "select try(a) from array_rows"} {
		if got := lakesql.DuckDB(sql); got != sql {
			t.Errorf("%s becomes %s", sql, got)
		}
	}
}
