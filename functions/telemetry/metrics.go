package telemetry

import (
	"encoding/json"
	"io"
	"time"
)

// The metrics of a pipeline, each with the one dimension [DimensionPipeline]: a metric costs by the month for each name and
// set of dimensions, so what is told by stream stands in the logs alone.
// https://aws.amazon.com/cloudwatch/pricing/
const (
	// Namespace is that of all metrics.
	Namespace = "Windrow"
	// DimensionPipeline is the name of the dimension; its value is the pipeline's name, as in the tag Pipeline.
	DimensionPipeline = "Pipeline"
	// MetricStaleness is how far a stream's watermark lies behind the run's time, in seconds. Its maximum is the worst stream's.
	MetricStaleness = "StalenessSeconds"
	// MetricFindings is the number of findings of an invocation, those included that its answer has no room for.
	MetricFindings = "Findings"
	// MetricCost is what an invocation cost, in USD at list prices.
	MetricCost = "CostUSD"
)

// CustomMetrics is how many metrics that are, each of which costs by the month.
const CustomMetrics = 3

// InvocationMessage is the msg of the log line of [Invocation], for queries.
const InvocationMessage = "invocation"

// Invocation is what one invocation has taken, and what it failed of. It is written as one log line in CloudWatch's embedded
// metric format, from which CloudWatch makes the metrics; the other fields can be queried. Of an invocation that failed it has
// the fields failure and error, so that a query for failures has their reasons.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type Invocation struct {
	Pipeline string
	Stream   string
	// Handler is ingest or preprocess.
	Handler string
	// Execution is the name of the state machine's execution.
	Execution string
	At        time.Time
	// Seconds are those that Lambda bills, initialization included.
	Seconds  float64
	MemoryMB int
	// PeakMemoryMB is the most that the process has held, 0 where the system does not tell.
	PeakMemoryMB float64
	// Writes and Reads are the requests to S3 by their price: PUT and LIST, GET and HEAD.
	Writes int
	Reads  int
	// Transitions are those of the state machine that the invocation stands for.
	Transitions float64
	CostUSD     float64
	Findings    int
	// Staleness is nil where it is not known; the metric then has no value.
	Staleness *float64
	// Failure is the kind of the error, and Error its text as the answer has it; both are empty where there is none.
	Failure Kind
	Error   string
}

type directive struct {
	Timestamp         int64
	CloudWatchMetrics []metricSet
}

type metricSet struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metric
}

type metric struct{ Name, Unit string }

// Write writes the line.
func (i Invocation) Write(w io.Writer) error {
	metrics := []metric{{MetricFindings, "Count"}, {MetricCost, "None"}}
	line := map[string]any{
		"time":            i.At.UTC().Format(time.RFC3339Nano),
		"level":           "INFO",
		"msg":             InvocationMessage,
		DimensionPipeline: i.Pipeline,
		"stream":          i.Stream,
		"handler":         i.Handler,
		"execution":       i.Execution,
		"seconds":         i.Seconds,
		"memoryMB":        i.MemoryMB,
		"peakMemoryMB":    i.PeakMemoryMB,
		"writes":          i.Writes,
		"reads":           i.Reads,
		"transitions":     i.Transitions,
		MetricFindings:    i.Findings,
		MetricCost:        i.CostUSD,
	}
	if i.Staleness != nil {
		metrics = append(metrics, metric{MetricStaleness, "Seconds"})
		line[MetricStaleness] = *i.Staleness
	}
	if i.Failure != "" {
		line["failure"], line["error"] = i.Failure, i.Error
	}
	line["_aws"] = directive{
		Timestamp:         i.At.UnixMilli(),
		CloudWatchMetrics: []metricSet{{Namespace, [][]string{{DimensionPipeline}}, metrics}},
	}
	content, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = w.Write(append(content, '\n'))
	return err
}
