package constructs

import (
	"fmt"
	"math"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbudgets"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/functions/pricing"
)

// Configuration is what the props deploy, as far as it costs, in a year of 365 days. The props must be valid.
func (p *VendorPipelineProps) Configuration() pricing.Configuration {
	settled := p.withDefaults()
	streams := len(settled.Vendor.Streams)
	c := pricing.Configuration{
		Streams:           streams,
		Interval:          settled.ScheduleInterval,
		DaysPerYear:       365,
		Architecture:      pricing.Architecture(settled.Architecture),
		MemoryMB:          settled.MemoryMB,
		TransitionsPerRun: 2*streams + transitionsAround(settled.Vendor),
		TracesPerRun:      1,
		LogRetentionDays:  settled.LogRetentionDays,
		CustomMetrics:     CustomMetrics,
	}
	if !settled.DisableAlarms {
		c.AlarmMetrics, c.CompositeAlarms = len(alarmNames), 1
	}
	if settled.EnableDashboard {
		c.Dashboards = 1
	}
	if !settled.DisableBudget {
		c.Budgets = 1
	}
	if len(settled.Vendor.SecretFields()) > 0 && settled.Secret == nil {
		c.Secrets = 1
	}
	if settled.Vendor.NeedsPrivacyKey() && settled.PrivacyKeySecret == nil {
		c.Secrets++
	}
	return c
}

// Estimate is what a pipeline with these props is expected to cost in a year of days like workload; nil takes the props' own
// Workload, or its default. Prices are those of region, or of us-east-1 where none are known for it. The props must
// be valid.
func (p *VendorPipelineProps) Estimate(region string, workload *pricing.Workload) pricing.Estimate {
	prices, configuration := pricesIn(region), p.Configuration()
	return prices.Year(configuration, p.workload(workload))
}

func (p *VendorPipelineProps) workload(given *pricing.Workload) pricing.Workload {
	if given == nil {
		given = p.Workload
	}
	if given != nil {
		return *given
	}
	c := p.Configuration()
	return pricing.WebinarDay(c.Streams, c.RunsPerDay())
}

func pricesIn(region string) pricing.Prices {
	prices, err := pricing.In(region)
	if err != nil {
		return pricing.USEast1
	}
	return prices
}

func (p *VendorPipeline) estimate(props *VendorPipelineProps) {
	region := *awscdk.Stack_Of(p).Region()
	p.Estimate = props.Estimate(region, nil)
	p.expectedDay = pricesIn(region).Day(props.Configuration(), props.workload(nil))
}

// Thresholds of the budget's alerts, in per cent of it: what was spent by then, and what the month is forecast to
// come to, for which AWS needs about five weeks of history.
// https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-create.html
const (
	budgetActual   = 80
	budgetExceeded = 100
	budgetForecast = 100
)

// addBudget warns of the month's costs as AWS bills them, hours late. It counts what carries the tag Pipeline, and its default
// leaves out the lines that cannot carry it.
func (p *VendorPipeline) addBudget(props *VendorPipelineProps) {
	if props.DisableBudget {
		return
	}
	limit := props.MonthlyBudgetUSD
	if limit == 0 {
		limit = math.Max(1, math.Ceil(props.SpendFactor*p.Estimate.Taggable()/12))
	}
	notify := func(kind string, percent float64) awsbudgets.CfnBudget_NotificationWithSubscribersProperty {
		return awsbudgets.CfnBudget_NotificationWithSubscribersProperty{
			Notification: awsbudgets.CfnBudget_NotificationProperty{
				NotificationType:   jsii.String(kind),
				ComparisonOperator: jsii.String("GREATER_THAN"),
				Threshold:          jsii.Number(percent),
				ThresholdType:      jsii.String("PERCENTAGE"),
			},
			Subscribers: []awsbudgets.CfnBudget_SubscriberProperty{{SubscriptionType: jsii.String("SNS"), Address: p.AlarmTopic.TopicArn()}},
		}
	}
	var tags []awsbudgets.CfnBudget_ResourceTagProperty
	for _, key := range requiredTags {
		tags = append(tags, awsbudgets.CfnBudget_ResourceTagProperty{Key: jsii.String(key), Value: jsii.String(p.tags(props)[key])})
	}
	region := *awscdk.Stack_Of(p).Region()
	p.Budget = awsbudgets.NewCfnBudget(p, jsii.String("Budget"), &awsbudgets.CfnBudgetProps{
		Budget: awsbudgets.CfnBudget_BudgetDataProperty{
			BudgetName:  jsii.String(budgetName(p.Name, region)),
			BudgetType:  jsii.String("COST"),
			TimeUnit:    jsii.String("MONTHLY"),
			BudgetLimit: awsbudgets.CfnBudget_SpendProperty{Amount: jsii.Number(limit), Unit: jsii.String("USD")},
			CostFilters: map[string][]string{
				"TagKeyValue": {fmt.Sprintf("user:%s$%s", TagPipeline, p.Name)},
				// A pipeline of the same name may be deployed in another region.
				"Region": {region},
			},
		},
		NotificationsWithSubscribers: []awsbudgets.CfnBudget_NotificationWithSubscribersProperty{
			notify("ACTUAL", budgetActual), notify("ACTUAL", budgetExceeded), notify("FORECASTED", budgetForecast),
		},
		ResourceTags: tags,
	})
}
