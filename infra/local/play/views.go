package play

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/windrow-data/windrow/functions/insights"
	"github.com/windrow-data/windrow/functions/lakesql"
)

// writeViews writes SQL that gives DuckDB what the construct gives Athena: the tables and views of each pipeline, and the model of its
// webinars, in a schema of its vendor's name, of which the first is looked in first where a query names none.
func (d *day) writeViews() error {
	sql, err := viewsOf(d.pipelines)
	if err != nil {
		return err
	}
	return os.WriteFile(d.out.views, []byte(sql), 0o644)
}

func viewsOf(pipelines []*playing) (string, error) {
	var sql strings.Builder
	sql.WriteString(lakesql.DuckDBMacros)
	var schemas []string
	named := map[string]int{}
	for _, p := range pipelines {
		schema := lakesql.TableName(p.vendor.Name)
		if named[schema]++; named[schema] > 1 {
			schema = fmt.Sprintf("%s_%d", schema, named[schema])
		}
		files := map[string]string{}
		for _, table := range lakesql.Tables(p.vendor) {
			for _, w := range p.watched {
				if w.stream.Name == table.Stream {
					found, err := filesOf(table, w.folders.Curated)
					if err != nil {
						return "", err
					}
					files[table.Name] = found
				}
			}
		}
		sql.WriteString(lakesql.DuckDBSchema(schema, p.vendor, func(table lakesql.Table) string { return files[table.Name] }, insights.Model(p.vendor)...))
		schemas = append(schemas, lakesql.Identifier(schema))
	}
	fmt.Fprintf(&sql, "set search_path = %s;\n", lakesql.Literal(strings.Join(append(schemas, "main"), ",")))
	return sql.String(), nil
}

// ends are those of the names of a format's objects, as patterns.
var ends = map[lakesql.Format]string{lakesql.Parquet: "*.parquet", lakesql.JSONLines: "*json*"}

// filesOf is a pattern of the table's files in a stream's folder of the curated bucket; empty where there are none.
func filesOf(table lakesql.Table, folder string) (string, error) {
	parts := []string{folder, filepath.FromSlash(table.Folder), ends[table.Format]}
	if table.Partitioned {
		parts = []string{folder, filepath.FromSlash(table.Folder), "dt=*", ends[table.Format]}
	}
	pattern := filepath.Join(parts...)
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		return "", err
	}
	return pattern, nil
}
