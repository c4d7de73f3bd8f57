package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"
	"golang.org/x/sync/errgroup"

	"github.com/windrow-data/windrow/infra/local/report"
)

// api is what is asked of Athena.
type api interface {
	athena.ListNamedQueriesAPIClient
	BatchGetNamedQuery(context.Context, *athena.BatchGetNamedQueryInput, ...func(*athena.Options)) (*athena.BatchGetNamedQueryOutput, error)
	StartQueryExecution(context.Context, *athena.StartQueryExecutionInput, ...func(*athena.Options)) (*athena.StartQueryExecutionOutput, error)
	GetQueryExecution(context.Context, *athena.GetQueryExecutionInput, ...func(*athena.Options)) (*athena.GetQueryExecutionOutput, error)
	StopQueryExecution(context.Context, *athena.StopQueryExecutionInput, ...func(*athena.Options)) (*athena.StopQueryExecutionOutput, error)
	athena.GetQueryResultsAPIClient
}

const (
	// side is how many queries are under way side by side, few beside the least quota of an account, 20.
	// https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
	side = 4
	// firstPause and longestPause bound the time between two looks at a query; each is half as long again as the one before.
	firstPause   = 300 * time.Millisecond
	longestPause = 5 * time.Second
	// batch is how many named queries are told at once, pageRows how many rows of a result: the most that Athena allows.
	// https://docs.aws.amazon.com/athena/latest/APIReference/API_BatchGetNamedQuery.html
	// https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html
	batch    = 50
	pageRows = 1000
)

// asker puts the insights of a workgroup to Athena.
type asker struct {
	athena    api
	workgroup string
	pause     func(context.Context, time.Duration) error
	// most is how many rows of an insight are read, to be counted: of more the rest is left out.
	most int

	queries int
	scanned atomic.Int64
	leftOut []string
}

// lakes answers the insights that the workgroup keeps, of one database or of all that have any.
func (a *asker) lakes(ctx context.Context, database string) ([]report.Lake, error) {
	kept, err := a.kept(ctx)
	if err != nil {
		return nil, err
	}
	byDatabase := map[string]map[string]types.NamedQuery{}
	for _, q := range kept {
		name, of := aws.ToString(q.Name), aws.ToString(q.Database)
		if !slices.Contains(report.Names(), name) || database != "" && of != database {
			continue // Whoever may write to the workgroup can keep queries of their own there.
		}
		if byDatabase[of] == nil {
			byDatabase[of] = map[string]types.NamedQuery{}
		}
		if _, twice := byDatabase[of][name]; twice {
			return nil, fmt.Errorf("the workgroup %s keeps two queries %s for the database %s: rename the one that is not the deployment's", a.workgroup, name, of)
		}
		byDatabase[of][name] = q
	}
	if len(byDatabase) == 0 {
		of := "any database"
		if database != "" {
			of = "the database " + database
		}
		return nil, fmt.Errorf("the workgroup %s keeps no insights for %s: want the name of a deployed pipeline's workgroup, which its deployment prints", a.workgroup, of)
	}
	var lakes []report.Lake
	var group errgroup.Group
	group.SetLimit(side)
	// What keeps one from being asked keeps all: the others need not be waited for.
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	for _, name := range slices.Sorted(maps.Keys(byDatabase)) {
		insights := make([]report.Insight, 0, len(byDatabase[name]))
		for _, insight := range report.Names() {
			if q, is := byDatabase[name][insight]; is {
				insights = append(insights, report.Insight{Name: insight, Title: report.TitleOf(insight), Decision: aws.ToString(q.Description), Rows: [][]any{}})
			}
		}
		lakes = append(lakes, report.Lake{Name: name, Insights: insights})
		a.queries += len(insights)
		for i := range insights {
			group.Go(func() error {
				err := a.answer(ctx, byDatabase[name][insights[i].Name], &insights[i])
				if err != nil {
					end(err)
				}
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, lake := range lakes {
		for _, insight := range lake.Insights {
			if insight.Total == a.most {
				a.leftOut = append(a.leftOut, fmt.Sprintf("Of %s only the first %d rows were read.", insight.Name, a.most))
			}
		}
	}
	return lakes, nil
}

// kept are all queries that the workgroup keeps.
func (a *asker) kept(ctx context.Context) ([]types.NamedQuery, error) {
	var ids []string
	pages := athena.NewListNamedQueriesPaginator(a.athena, &athena.ListNamedQueriesInput{WorkGroup: &a.workgroup})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the queries of the workgroup %s: %w", a.workgroup, err)
		}
		ids = append(ids, page.NamedQueryIds...)
	}
	var queries []types.NamedQuery
	for some := range slices.Chunk(ids, batch) {
		got, err := a.athena.BatchGetNamedQuery(ctx, &athena.BatchGetNamedQueryInput{NamedQueryIds: some})
		if err != nil {
			return nil, fmt.Errorf("get the queries of the workgroup %s: %w", a.workgroup, err)
		}
		queries = append(queries, got.NamedQueries...)
	}
	return queries, nil
}

// answer runs a query and reads its rows. What Athena says against the query is the insight's fault; the error is that of asking.
func (a *asker) answer(ctx context.Context, q types.NamedQuery, insight *report.Insight) error {
	started, err := a.athena.StartQueryExecution(ctx, &athena.StartQueryExecutionInput{
		QueryString: q.QueryString, WorkGroup: &a.workgroup, QueryExecutionContext: &types.QueryExecutionContext{Database: q.Database},
	})
	if refused := (*types.InvalidRequestException)(nil); errors.As(err, &refused) {
		insight.Fault = cmp.Or(refused.ErrorMessage(), "Athena refused the query")
		return nil
	}
	if err != nil {
		return fmt.Errorf("start the query %s: %w", insight.Name, err)
	}
	fault, err := a.await(ctx, *started.QueryExecutionId)
	if err != nil {
		return fmt.Errorf("await the query %s: %w", insight.Name, err)
	}
	if fault != "" {
		insight.Fault = fault
		return nil
	}
	if err := a.read(ctx, *started.QueryExecutionId, insight); err != nil {
		return fmt.Errorf("read the rows of the query %s: %w", insight.Name, err)
	}
	return nil
}

// await waits until a query has ended, and says why it failed. One that is no longer waited for is stopped, as it costs.
func (a *asker) await(ctx context.Context, id string) (fault string, err error) {
	for wait := firstPause; ; wait = min(wait*3/2, longestPause) {
		if err := a.pause(ctx, wait); err != nil {
			stopping, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer done()
			_, stopped := a.athena.StopQueryExecution(stopping, &athena.StopQueryExecutionInput{QueryExecutionId: &id})
			return "", errors.Join(err, stopped)
		}
		got, err := a.athena.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: &id})
		if err != nil {
			return "", err
		}
		execution := got.QueryExecution
		switch execution.Status.State {
		case types.QueryExecutionStateSucceeded:
			if execution.Statistics != nil {
				a.scanned.Add(aws.ToInt64(execution.Statistics.DataScannedInBytes))
			}
			return "", nil
		case types.QueryExecutionStateFailed, types.QueryExecutionStateCancelled:
			return cmp.Or(aws.ToString(execution.Status.StateChangeReason), "the query "+string(execution.Status.State)), nil
		}
	}
}

// read takes a query's rows, page by page. Athena tells every value as text, with the column's type beside it; the first row of all has
// the columns' names. https://docs.aws.amazon.com/athena/latest/APIReference/API_ResultSet.html
func (a *asker) read(ctx context.Context, id string, insight *report.Insight) error {
	var answer *report.Answer
	pages := athena.NewGetQueryResultsPaginator(a.athena, &athena.GetQueryResultsInput{QueryExecutionId: &id, MaxResults: aws.Int32(pageRows)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		rows := page.ResultSet.Rows
		if answer == nil {
			var columns []report.Column
			for _, c := range page.ResultSet.ResultSetMetadata.ColumnInfo {
				columns = append(columns, report.Column{Name: aws.ToString(c.Name), Type: aws.ToString(c.Type)})
			}
			answer = report.NewAnswer(*insight, columns)
			rows = rows[min(1, len(rows)):]
		}
		for _, row := range rows {
			cells := make([]*string, len(row.Data))
			for i, datum := range row.Data {
				cells[i] = datum.VarCharValue
			}
			if err := answer.AddText(cells); err != nil {
				return err
			}
			if *insight = answer.Insight(); insight.Total == a.most {
				return nil
			}
		}
	}
	*insight = answer.Insight()
	return nil
}
