package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestQuery asks in each of the ways in which it can be asked.
func TestQuery(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "views.sql"), []byte("create schema acme; create view acme.orders as select 7 as id; set search_path = 'acme,main';"), 0o644); err != nil {
		t.Fatal(err)
	}
	const values = `select 1 as whole, cast(9007199254740993 as bigint) as large, 1.5 as decimal, cast(0.25 as double) as fraction, true as yes, null as nothing,
		timestamp '2026-03-10 17:00:00.5' as time, timestamp '2026-03-10 10:00:00.5' as time_local, timestamptz '2026-03-10 17:00:00Z' as zoned, date '2026-03-10' as day, 'a"b' as text, [1, 2] as list, '{"a":1}'::json as json`
	for name, c := range map[string]struct {
		arguments   []string
		input, says string
	}{
		"as a table":    {[]string{"select id, null as none, 'é' as text from orders", folder}, "", "id  none  text\n7         é"},
		"as JSON":       {[]string{"--json", "select * from orders", folder}, "", `[{"id":7}]`},
		"every type":    {[]string{"--json", "set TimeZone = 'UTC'; " + values, folder}, "", `[{"whole":1,"large":"9007199254740993","decimal":1.5,"fraction":0.25,"yes":true,"nothing":null,"time":"2026-03-10T17:00:00.5Z","time_local":"2026-03-10T10:00:00.5","zoned":"2026-03-10T17:00:00Z","day":"2026-03-10","text":"a\"b","list":[1,2],"json":"{\"a\":1}"}]`},
		"no rows":       {[]string{"--json", "select * from orders where false", folder}, "", `[]`},
		"several":       {[]string{"--json", "-", folder}, `{"a":"select id, id from orders","b":"select no"}`, `{"a":{"columns":["id","id:1"],"types":["INTEGER","INTEGER"],"rows":[[7,7]]},"b":{"error":"Binder Error: `},
		"a wrong query": {[]string{"select no", folder}, "", "query: Binder Error: "},
		"no query":      {nil, "", `query: there is no query: give SQL="select ...", over the views of .local/views.sql`},
		"no run":        {[]string{"select 1", filepath.Join(folder, "none")}, "", "query: " + filepath.Join(folder, "none", "views.sql") + ` is missing: run "make run" first`},
		"no --json":     {[]string{"-", folder}, "", "query: queries that are read are answered as JSON: give --json before the hyphen"},
	} {
		t.Run(name, func(t *testing.T) {
			command := exec.Command("node", append([]string{"query.mjs"}, c.arguments...)...)
			command.Stdin = strings.NewReader(c.input)
			out, _ := command.CombinedOutput()
			if !strings.HasPrefix(string(out), c.says) {
				t.Errorf("got %s\nwant %s", out, c.says)
			}
		})
	}
}
