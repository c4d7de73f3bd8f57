package constructs

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/functions/telemetry"
)

// query is a question to the functions' logs, for what would cost too much as metrics.
type query struct {
	id, title string
	// ingest and preprocess say whose logs are asked.
	ingest, preprocess bool
	text               string
}

// queries stand in CloudWatch Logs Insights under the pipeline's name, and in the dashboard. A figure's name is that in
// the log line. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
var queries = []query{
	{"StalenessByStream", "staleness by stream", true, false,
		`filter msg = "` + telemetry.InvocationMessage + `" | stats max(` + telemetry.MetricStaleness + `) / 60 as minutes by bin(30m), stream`},
	{"CostByStream", "cost by stream and handler", true, true,
		`filter msg = "` + telemetry.InvocationMessage + `" | stats count(*) as invocations, sum(seconds) as billedSeconds, sum(writes) as writes, sum(reads) as reads, sum(transitions) as transitions, sum(` + telemetry.MetricCost + `) as usd by stream, handler`},
	{"Records", "records and windows", true, false,
		`filter msg = "ingest run" | stats sum(records) as records, sum(windows) as windows, sum(backedOff) as backedOff, sum(resumed) as resumed, sum(reread) as reread, sum(replaced) as replaced, sum(late) as late by bin(1h), stream`},
	{"Vendor", "requests, retries, throttles", true, false,
		`filter msg = "ingest run" | stats sum(requests) as requests, sum(retries) as retries, sum(throttled) as throttled, sum(waitSeconds) as waitSeconds by bin(1h), stream`},
	{"Findings", "findings", true, true,
		`filter msg = "finding" | fields @timestamp, stream, kind, message | sort @timestamp desc`},
	{"Failures", "failures", true, true,
		`filter msg = "` + telemetry.InvocationMessage + `" and ispresent(failure) | fields @timestamp, stream, handler, failure, error, execution | sort @timestamp desc`},
	{"Lateness", "how late records come", true, false,
		`filter msg = "window replaced" | stats sum(late) as late, sum(gone) as gone, max(notYetAfterSeconds) / 3600 as hours by bin(1d), stream`},
}

// maxQueryGroups is how many log groups one query asks at most.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatchlogs_limits_cwl.html
const maxQueryGroups = 50

// logGroups are the names of the log groups that the query asks, in as many lots as it takes.
func (p *VendorPipeline) logGroups(q query) [][]*string {
	var names []*string
	for _, stream := range p.vendor.Streams {
		if q.ingest {
			names = append(names, p.Ingest[stream.Name].LogGroup().LogGroupName())
		}
		if q.preprocess {
			names = append(names, p.Preprocess[stream.Name].LogGroup().LogGroupName())
		}
	}
	return slices.Collect(slices.Chunk(names, maxQueryGroups))
}

// addQueries stores the queries, which costs nothing until they are run.
func (p *VendorPipeline) addQueries() {
	for _, q := range queries {
		for i, lot := range p.logGroups(q) {
			id, title := "Query"+q.id, q.title
			if i > 0 {
				id, title = fmt.Sprintf("%s%d", id, i+1), fmt.Sprintf("%s (%d)", title, i+1)
			}
			var names []any
			for _, name := range lot {
				names = append(names, name)
			}
			awslogs.NewCfnQueryDefinition(p, jsii.String(id), &awslogs.CfnQueryDefinitionProps{
				Name:          jsii.String(fmt.Sprintf("%s/%s", p.Name, title)),
				QueryString:   jsii.String(q.text),
				LogGroupNames: &names,
			})
		}
	}
}
