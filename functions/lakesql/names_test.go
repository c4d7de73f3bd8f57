package lakesql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/windrow-data/windrow/functions/lakesql"
	"github.com/windrow-data/windrow/functions/lakesql/lakesqltest"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

// keywords are all words that mean something in DuckDB, and those that Trino reserves, whose list this package has too.
func keywords(t *testing.T) []string {
	t.Helper()
	words := strings.Fields("select order user table values normalize listagg json_table skip trim uescape localtime deallocate prepare current_catalog cube rollup escape auto grouping")
	for _, row := range lakesqltest.Ask(t, "", map[string]string{"words": "select distinct keyword_name from duckdb_keywords()"})["words"].Rows {
		words = append(words, row[0].(string))
	}
	return words
}

// TestAnyWordCanBeAName names columns and tables by each word, where a name is given and where it is used.
func TestAnyWordCanBeAName(t *testing.T) {
	queries := map[string]string{}
	var used, tables []string
	for _, word := range keywords(t) {
		name := lakesql.Identifier(word)
		queries[word] = fmt.Sprintf(`with %[1]s as (select 1 as %[1]s)
			select %[1]s, x as %[1]s, r.%[1]s from (select %[1]s, 1 as x from %[1]s r) r where %[1]s is not null order by %[1]s`, name)
		used = append(used, fmt.Sprintf("%[1]s, x as %[1]s, r.%[1]s", name))
		tables = append(tables, name)
	}
	if len(queries) < 400 {
		t.Fatalf("%d words: DuckDB does not tell its own", len(queries))
	}
	lakesqltest.Ask(t, "", queries)
	lakesqltest.CheckTrino(t, map[string]string{
		"columns": "select " + strings.Join(used, ",\n") + "\nfrom r",
		"tables":  "select 1 from " + strings.Join(tables, ",\n"),
	})
}

func TestNamesThatNeedQuotes(t *testing.T) {
	for name, want := range map[string]string{"plain_1": "plain_1", "order": `"order"`, "a-b": `"a-b"`, `a"b`: `"a""b"`, "1st": `"1st"`, "Upper": `"Upper"`, "": `""`} {
		if got := lakesql.Identifier(name); got != want {
			t.Errorf("%q is written %s, want %s", name, got, want)
		}
	}
	if got := lakesql.Literal("it's"); got != "'it''s'" {
		t.Errorf("a text is written %s", got)
	}
}

// TestStreamsNamedByWordsOfSQL has both engines read the views of a stream and columns of such names.
func TestStreamsNamedByWordsOfSQL(t *testing.T) {
	vendor := &vendorapi.Vendor{Name: "acme", Streams: []vendorapi.Stream{{
		Name: "order", Key: []string{"select"}, VersionPath: "when", ZonePath: "user",
		Columns: []vendorapi.Column{
			{Name: "select", Type: vendorapi.TypeString}, {Name: "when", Type: vendorapi.TypeTimestamp}, {Name: "user", Type: vendorapi.TypeString},
			{Name: "values", Type: vendorapi.TypeJSON, Items: []vendorapi.Column{{Name: "from", Type: vendorapi.TypeTimestamp}, {Name: "to", Type: vendorapi.TypeString}}},
		},
	}}}
	queries, statements := map[string]string{}, map[string]string{}
	for _, view := range lakesql.Views(vendor) {
		queries[view.Name] = "select * from " + lakesql.Identifier(view.Name)
		statements[view.Name] = view.SQL
	}
	lakesqltest.Ask(t, lakesql.DuckDBSchema("table", vendor, func(lakesql.Table) string { return "" }), queries)
	lakesqltest.CheckTrino(t, statements)
}

// TestWhatIsNoSQLOfTrinoIsFound gives the parser what DuckDB alone takes, and what nobody does.
func TestWhatIsNoSQLOfTrinoIsFound(t *testing.T) {
	statements := map[string]string{
		"qualify":        "select a from t qualify row_number() over (order by a) = 1",
		"cast":           "select a::bigint from t",
		"group by all":   "select a, count(*) from t group by all",
		"from first":     "from t",
		"typo":           "select a frm t where",
		"two statements": "select 1; select 2",
		"nothing":        "-- nothing",
		"a list":         "select [1, 2]",
		"good":           "select a from t -- a comment; in words",
	}
	faults := lakesqltest.TrinoFaults(t, statements)
	for name := range statements {
		if found := strings.Contains("\n"+faults, "\n"+name+":1:"); found == (name == "good") {
			t.Errorf("%s: fault found %t in\n%s", name, found, faults)
		}
	}
}
