package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/functions/telemetry"
)

// CustomMetrics is how many metrics a pipeline sends, each of which costs by the month.
const CustomMetrics = telemetry.CustomMetrics

// MetricStaleness is how far the worst stream's watermark lies behind, in seconds. Default statistic: Maximum over five minutes.
func (p *VendorPipeline) MetricStaleness(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.metric(telemetry.MetricStaleness, "Maximum", options)
}

// MetricFindings is the number of findings. Default statistic: Sum over five minutes.
func (p *VendorPipeline) MetricFindings(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.metric(telemetry.MetricFindings, "Sum", options)
}

// MetricCost is what the invocations cost, in USD at list prices: compute, requests to S3 and transitions. Default
// statistic: Sum over five minutes.
func (p *VendorPipeline) MetricCost(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.metric(telemetry.MetricCost, "Sum", options)
}

func (p *VendorPipeline) metric(name, statistic string, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	metric := awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String(telemetry.Namespace),
		MetricName:    jsii.String(name),
		DimensionsMap: &map[string]*string{telemetry.DimensionPipeline: jsii.String(p.Name)},
		Statistic:     jsii.String(statistic),
		Period:        awscdk.Duration_Minutes(jsii.Number(5)),
	})
	if options == nil {
		return metric
	}
	return metric.With(options)
}
