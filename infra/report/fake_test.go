package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// fakeAthena answers as Athena's API does, in AWS JSON 1.1 over HTTP, and refuses what that would: pages that are too long, unknown
// workgroups, queries and tokens, and calls that are not signed.
// https://docs.aws.amazon.com/athena/latest/APIReference/Welcome.html
type fakeAthena struct {
	t *testing.T
	// workgroup is the one that there is, kept are its queries.
	workgroup string
	kept      []keptQuery
	// page is how many rows a page of results has at most, whatever is asked for.
	page int
	// busy is how many calls of each action are refused as too many before the first is taken.
	busy map[string]int

	mutex   sync.Mutex
	started map[string]*execution
	calls   map[string]int
	pages   map[string]bool // the tokens of the pages of results that were told
	stopped []string
	tokens  map[string]bool
}

// keptQuery is a named query with what it comes to.
type keptQuery struct {
	name, database, description, sql string
	columns                          [][2]string // name and type
	rows                             [][]*string
	// refused is why it cannot be started, failed why it ends badly, endless that it does not end.
	refused, failed string
	endless         bool
}

type execution struct {
	query keptQuery
	looks int
}

// serve starts the fake and has the SDK find it as one does in a test of one's own.
func (f *fakeAthena) serve() {
	f.started, f.calls, f.tokens, f.pages = map[string]*execution{}, map[string]int{}, map[string]bool{}, map[string]bool{}
	server := httptest.NewServer(f)
	f.t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_ATHENA": server.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-a-secret",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_PROFILE": "", "AWS_SESSION_TOKEN": "", "AWS_ENDPOINT_URL": "",
	} {
		f.t.Setenv(name, value)
	}
}

func (f *fakeAthena) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonAthena.")
	f.calls[action]++
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	refuse := func(kind, message string) {
		w.WriteHeader(http.StatusBadRequest)
		json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazonaws.athena#" + kind, "Message": message})
	}
	if !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/athena/aws4_request") {
		refuse("MissingAuthenticationTokenException", "the call is not signed")
		return
	}
	if f.busy[action] > 0 {
		f.busy[action]--
		refuse("TooManyRequestsException", "Rate exceeded")
		return
	}
	var in struct {
		WorkGroup, NextToken, QueryExecutionId, QueryString, ClientRequestToken string
		NamedQueryIds                                                           []string
		MaxResults                                                              int
		QueryExecutionContext                                                   struct{ Database string }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse("InvalidRequestException", err.Error())
		return
	}
	answer, kind, message := f.answer(action, in.WorkGroup, in.NextToken, in.QueryExecutionId, in.QueryString, in.ClientRequestToken, in.QueryExecutionContext.Database, in.NamedQueryIds, in.MaxResults)
	if kind != "" {
		refuse(kind, message)
		return
	}
	json.NewEncoder(w).Encode(answer)
}

const invalid = "InvalidRequestException"

func (f *fakeAthena) answer(action, workgroup, next, id, sql, token, database string, ids []string, most int) (answer any, kind, message string) {
	switch action {
	case "ListNamedQueries":
		if workgroup != f.workgroup {
			return nil, invalid, "WorkGroup " + workgroup + " is not found."
		}
		// Two to a page.
		var from int
		fmt.Sscan(next, &from)
		var some []string
		for i := from; i < min(from+2, len(f.kept)); i++ {
			some = append(some, fmt.Sprint("query-", i))
		}
		out := map[string]any{"NamedQueryIds": some}
		if from+2 < len(f.kept) {
			out["NextToken"] = fmt.Sprint(from + 2)
		}
		return out, "", ""
	case "BatchGetNamedQuery":
		if len(ids) == 0 || len(ids) > 50 {
			return nil, invalid, "want 1 to 50 ids"
		}
		var queries []any
		for i, q := range f.kept {
			if slices.Contains(ids, fmt.Sprint("query-", i)) {
				queries = append(queries, map[string]string{"NamedQueryId": fmt.Sprint("query-", i), "Name": q.name, "Database": q.database, "Description": q.description, "QueryString": q.sql, "WorkGroup": f.workgroup})
			}
		}
		return map[string]any{"NamedQueries": queries}, "", ""
	case "StartQueryExecution":
		if len(token) < 32 || f.tokens[token] {
			return nil, invalid, "want a token of its own"
		}
		f.tokens[token] = true
		i := slices.IndexFunc(f.kept, func(q keptQuery) bool { return q.sql == sql && q.database == database })
		if i < 0 || workgroup != f.workgroup {
			return nil, invalid, "Database " + database + " is not the query's"
		}
		if f.kept[i].refused != "" {
			return nil, invalid, f.kept[i].refused
		}
		id := fmt.Sprint("execution-", len(f.started))
		f.started[id] = &execution{query: f.kept[i]}
		return map[string]string{"QueryExecutionId": id}, "", ""
	}
	e := f.started[id]
	if e == nil {
		return nil, invalid, "QueryExecution " + id + " was not found"
	}
	switch action {
	case "GetQueryExecution":
		e.looks++
		status := map[string]any{"State": []string{"QUEUED", "RUNNING", "SUCCEEDED"}[min(e.looks-1, 2)]}
		if e.query.endless {
			status["State"] = "RUNNING"
		}
		if e.query.failed != "" && e.looks > 2 {
			status = map[string]any{"State": "FAILED", "StateChangeReason": e.query.failed}
		}
		return map[string]any{"QueryExecution": map[string]any{"QueryExecutionId": id, "Status": status, "Statistics": map[string]any{"DataScannedInBytes": 1_500_000}}}, "", ""
	case "StopQueryExecution":
		f.stopped = append(f.stopped, e.query.name)
		return map[string]any{}, "", ""
	case "GetQueryResults":
		if most < 1 || most > 1000 {
			return nil, invalid, "MaxResults: want 1 to 1000"
		}
		f.pages[next] = true
		return f.results(e.query, next, min(most, f.page)), "", ""
	}
	return nil, invalid, "no such action " + action
}

// results is a page: its first row is that of the columns' names, a null has no value, and every page tells the columns.
func (f *fakeAthena) results(q keptQuery, next string, most int) any {
	var header []*string
	var columns []any
	for _, c := range q.columns {
		header = append(header, &c[0])
		columns = append(columns, map[string]any{"Name": c[0], "Type": c[1], "Label": c[0], "Nullable": "UNKNOWN"})
	}
	all := append([][]*string{header}, q.rows...)
	var from int
	fmt.Sscan(next, &from)
	rows := []any{}
	for _, row := range all[from:min(from+most, len(all))] {
		data := []any{}
		for _, cell := range row {
			datum := map[string]string{}
			if cell != nil {
				datum["VarCharValue"] = *cell
			}
			data = append(data, datum)
		}
		rows = append(rows, map[string]any{"Data": data})
	}
	out := map[string]any{"ResultSet": map[string]any{"Rows": rows, "ResultSetMetadata": map[string]any{"ColumnInfo": columns}}}
	if from+most < len(all) {
		out["NextToken"] = fmt.Sprint(from + most)
	}
	return out
}
