// Package pricing is what Windrow's AWS bill is worked out from: dated list prices, each with its source, and
// the model of what a pipeline costs, line by line. A handler asks [Prices.Invocation] what its own invocation
// cost, so that spending is seen within minutes; a person and the construct ask [Prices.Year] what a
// configuration will cost, so that a budget follows from it.
//
// It stands apart, and imports nothing but the standard library, so that both count with the same figures: a
// price stands here once. It reads no clock and no environment. No free tier is counted anywhere, since an
// account shares its free tier among everything that runs in it.
package pricing

import (
	"fmt"
	"slices"
	"strings"
)

// Prices are the list prices of one region in US dollars, each for one unit: the first tier where there are
// tiers, without free tier, discount and tax. AWS publishes the same figures as files,
// https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/price-changes.html.
type Prices struct {
	// Region is the region's code, for example "us-east-1". https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
	Region string
	// Date is the month in which the prices were looked up, for example "2026-11". Those since are told at
	// https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/price-changes.html.
	Date string

	// LambdaX86GBSecond is for a GB of memory for a second on x86, billed in steps of a millisecond, the
	// initialization included. https://aws.amazon.com/lambda/pricing/
	LambdaX86GBSecond float64
	// LambdaARM64GBSecond is the same on arm64. https://aws.amazon.com/lambda/pricing/
	LambdaARM64GBSecond float64
	// LambdaRequest is for one invocation. https://aws.amazon.com/lambda/pricing/
	LambdaRequest float64

	// Transition is for one state transition of a Standard workflow, retries included.
	// https://aws.amazon.com/step-functions/pricing/
	Transition float64

	// S3Write is for one PUT, COPY, POST or LIST request, a refused conditional one included. DELETE is free.
	// https://aws.amazon.com/s3/pricing/
	S3Write float64
	// S3Read is for one GET, HEAD or other request. https://aws.amazon.com/s3/pricing/
	S3Read float64
	// S3GBMonth is for a GB stored in S3 Standard for a month. https://aws.amazon.com/s3/pricing/
	S3GBMonth float64

	// AlarmMetricMonth is for one metric that an alarm of standard resolution reads, for a month.
	// https://aws.amazon.com/cloudwatch/pricing/
	AlarmMetricMonth float64
	// CompositeAlarmMonth is for one composite alarm for a month, however many alarms it reads.
	// https://aws.amazon.com/cloudwatch/pricing/
	CompositeAlarmMonth float64
	// CustomMetricMonth is for one name with one set of dimensions for a month, those of the embedded metric
	// format included. It is billed for the hours in which the metric was sent.
	// https://aws.amazon.com/cloudwatch/pricing/
	CustomMetricMonth float64
	// DashboardMonth is for one dashboard for a month. https://aws.amazon.com/cloudwatch/pricing/
	DashboardMonth float64
	// LogIngestGB is for a GB of logs taken in, of the log class Standard. https://aws.amazon.com/cloudwatch/pricing/
	LogIngestGB float64
	// LogStorageGBMonth is for a GB of compressed logs stored for a month. https://aws.amazon.com/cloudwatch/pricing/
	LogStorageGBMonth float64

	// SecretMonth is for one secret for a month. https://aws.amazon.com/secrets-manager/pricing/
	SecretMonth float64
	// SecretCall is for one call to Secrets Manager. https://aws.amazon.com/secrets-manager/pricing/
	SecretCall float64

	// KeyMonth is for one customer managed KMS key for a month. Rotation adds as much for each of a key's first
	// two rotations. https://aws.amazon.com/kms/pricing/
	KeyMonth float64
	// KeyCall is for one request with a symmetric key. https://aws.amazon.com/kms/pricing/
	KeyCall float64

	// ScheduledInvocation is for one start by EventBridge Scheduler. https://aws.amazon.com/eventbridge/pricing/
	ScheduledInvocation float64
	// Event is for one custom event of up to 64 KB on an event bus. https://aws.amazon.com/eventbridge/pricing/
	Event float64

	// QueueRequest is for one request to a standard SQS queue. https://aws.amazon.com/sqs/pricing/
	QueueRequest float64
	// TopicPublish is for one message published to a standard SNS topic. https://aws.amazon.com/sns/pricing/
	TopicPublish float64
	// TopicEmail is for the delivery of one message by e-mail. https://aws.amazon.com/sns/pricing/
	TopicEmail float64

	// Trace is for one X-Ray trace recorded. https://aws.amazon.com/xray/pricing/
	Trace float64

	// GlueDPUHour is for a data processing unit of AWS Glue for an hour, in steps of a second with at least a
	// minute for each run of a job, see [GlueMinimum]. https://aws.amazon.com/glue/pricing/
	GlueDPUHour float64
}

// USEast1 are the list prices of US East (N. Virginia).
var USEast1 = Prices{
	Region: "us-east-1",
	Date:   "2026-11",

	LambdaX86GBSecond:   0.0000166667,
	LambdaARM64GBSecond: 0.0000133334,
	LambdaRequest:       0.20 / million,

	Transition: 25.00 / million,

	S3Write:   0.005 / thousand,
	S3Read:    0.0004 / thousand,
	S3GBMonth: 0.023,

	AlarmMetricMonth:    0.10,
	CompositeAlarmMonth: 0.50,
	CustomMetricMonth:   0.30,
	DashboardMonth:      3.00,
	LogIngestGB:         0.50,
	LogStorageGBMonth:   0.03,

	SecretMonth: 0.40,
	SecretCall:  0.05 / tenThousand,

	KeyMonth: 1.00,
	KeyCall:  0.03 / tenThousand,

	ScheduledInvocation: 1.00 / million,
	Event:               1.00 / million,

	QueueRequest: 0.40 / million,
	TopicPublish: 0.50 / million,
	TopicEmail:   2.00 / hundredThousand,

	Trace: 5.00 / million,

	GlueDPUHour: 0.44,
}

// The numbers of units for which AWS states its prices.
const (
	thousand        = 1e3
	tenThousand     = 1e4
	hundredThousand = 1e5
	million         = 1e6
)

// tables are all there are.
var tables = []Prices{USEast1}

// In returns the list prices of a region, or an error that lists the regions there are prices for.
func In(region string) (Prices, error) {
	names := make([]string, len(tables))
	for i, table := range tables {
		names[i] = table.Region
	}
	i := slices.Index(names, region)
	if i < 0 {
		return Prices{}, fmt.Errorf("there are no list prices for the region %q, only for %s: estimate with the prices of one of these, or add a table with sources to the package pricing",
			region, strings.Join(names, ", "))
	}
	return tables[i], nil
}
