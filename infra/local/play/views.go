package play

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// writeViews writes SQL for DuckDB that makes a view of each stream: the newest version of each of its records. A
// view is named after its stream, and after its vendor too where two vendors have a stream of one name.
func (d *day) writeViews() error {
	named := map[string]int{}
	for _, p := range d.pipelines {
		for _, w := range p.watched {
			named[w.stream.Name]++
		}
	}
	var sql strings.Builder
	for _, p := range d.pipelines {
		for _, w := range p.watched {
			objects, err := w.folders.Objects()
			if err != nil {
				return err
			}
			if len(objects) == 0 {
				continue // DuckDB refuses a view of no files.
			}
			name := w.stream.Name
			if named[name] > 1 {
				name = p.vendor.Name + "-" + name
			}
			fmt.Fprintln(&sql, view(name, w.stream, w.folders.Curated))
		}
	}
	return os.WriteFile(d.out.views, []byte(sql.String()), 0o644)
}

func view(name string, stream *vendorapi.Stream, folder string) string {
	columns := map[string]string{}
	for _, c := range stream.Columns {
		columns[cmp.Or(c.Path, c.Name)] = c.Name
	}
	var keys, newest []string
	for _, path := range stream.Key {
		keys = append(keys, identifier(columns[path]))
	}
	if version := columns[stream.VersionPath]; version != "" {
		newest = append(newest, identifier(version)+" desc nulls last")
	}
	newest = append(newest, "windrow_window_start desc", "windrow_generation desc", "windrow_part desc", "windrow_position desc")
	files := strings.ReplaceAll(filepath.Join(folder, "dt=*", "*.parquet"), "'", "''")
	return fmt.Sprintf("create view %s as from read_parquet('%s', hive_partitioning = true)\n"+
		"qualify row_number() over (partition by %s order by %s) = 1;",
		identifier(name), files, strings.Join(keys, ", "), strings.Join(newest, ", "))
}

func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
