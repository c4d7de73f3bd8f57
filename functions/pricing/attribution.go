package pricing

// meter is something that AWS meters and bills: the service, and whether a cost allocation tag of the resource
// reaches the cost, with the page that says so. A budget filtered by a tag sees nothing of what carries none.
type meter struct {
	service   string
	taggable  bool
	tagSource string
}

var (
	// A function's tags reach its duration and its requests.
	onFunction = meter{"Lambda", true, "https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html"}

	// A state machine's tags reach the transitions of its executions.
	onStateMachine = meter{"Step Functions", true, "https://docs.aws.amazon.com/step-functions/latest/dg/concepts-tagging.html"}

	// A bucket's tags reach its requests and what it stores; those of objects are for other ends.
	onBucket = meter{"S3", true, "https://docs.aws.amazon.com/AmazonS3/latest/userguide/CostAllocTagging.html"}

	// A log group's tags reach what it takes in and what it stores.
	onLogGroup = meter{"CloudWatch Logs", true, "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html"}

	// Alarms, composite ones included, and dashboards can be tagged, and the page names the tracking of costs
	// as what tags are for.
	onAlarm     = meter{"CloudWatch", true, "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Tagging.html"}
	onDashboard = onAlarm

	// A metric is no resource: only alarms, dashboards, metric streams and Contributor Insights rules can be
	// tagged.
	onMetric = meter{"CloudWatch", false, "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_TagResource.html"}

	// Since 2025-05 a secret's tags reach its cost.
	onSecret = meter{"Secrets Manager", true, "https://docs.aws.amazon.com/secretsmanager/latest/userguide/cost-allocation-tags.html"}

	// A customer managed key's tags reach usage and costs, the requests included.
	onKey = meter{"KMS", true, "https://docs.aws.amazon.com/kms/latest/developerguide/tagging-keys.html"}

	// Only a group of schedules can be tagged, and nothing says that its tags reach the invocations.
	onSchedule = meter{"EventBridge Scheduler", false, "https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-group.html"}

	// Rules and buses can be tagged, and nothing says that a bus's tags reach the events put on it.
	onEvent = meter{"EventBridge", false, "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-tagging.html"}

	// Only sampling rules and groups can be tagged, traces cannot.
	onTrace = meter{"X-Ray", false, "https://docs.aws.amazon.com/xray/latest/devguide/xray-tagging.html"}

	// A topic's tags are there for cost allocation.
	onTopic = meter{"SNS", true, "https://docs.aws.amazon.com/sns/latest/dg/sns-tags.html"}

	// A queue's tags are cost allocation tags.
	onQueue = meter{"SQS", true, "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-tags.html"}

	// A budget that only alerts costs nothing, so that there is nothing to attribute.
	onBudget = meter{"Budgets", false, "https://aws.amazon.com/aws-cost-management/aws-budgets/pricing/"}

	// A job's tags reach its runs.
	onJob = meter{"Glue", true, "https://docs.aws.amazon.com/glue/latest/dg/monitor-tags.html"}
)

// line is the product of factors, as a number and as text.
func (m meter) line(use Use, item string, factors ...factor) Line {
	usd, arithmetic := product(factors)
	return Line{
		Item:       item,
		Service:    m.service,
		Arithmetic: arithmetic,
		USD:        usd,
		Use:        use,
		Taggable:   m.taggable,
		TagSource:  m.tagSource,
	}
}
