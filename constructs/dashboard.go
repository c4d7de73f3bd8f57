package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// Sizes of widgets, on a grid that is 24 wide.
const (
	fullWidth = 24
	halfWidth = 12
	rowHeight = 6
)

// addDashboard shows how the pipeline is doing. Figures by stream come from the logs, since metrics of their own would cost
// by the month; a query is paid for when the dashboard is looked at.
func (p *VendorPipeline) addDashboard(props *VendorPipelineProps) {
	if !props.EnableDashboard {
		return
	}
	// Not named, so that two pipelines do not collide.
	p.Dashboard = awscloudwatch.NewDashboard(p, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		DefaultInterval: awscdk.Duration_Days(jsii.Number(1)),
		PeriodOverride:  awscloudwatch.PeriodOverride_AUTO,
	})
	p.Dashboard.AddWidgets(p.heading(props))
	if len(p.Alarms) > 0 {
		p.Dashboard.AddWidgets(p.alarmStates())
	}
	interval := awscdk.Duration_Seconds(jsii.Number(max(props.ScheduleInterval, shortestPeriod).Seconds()))
	over := func(period awscdk.Duration) *awscloudwatch.MetricOptions {
		return &awscloudwatch.MetricOptions{Period: period}
	}
	p.Dashboard.AddWidgets(
		p.graph("Freshness: the worst stream's staleness, in seconds", props.StalenessThreshold.Seconds(), "threshold", p.MetricStaleness(over(interval))),
		p.graph("Cost of a day, in USD", p.expectedDay, "expected", p.MetricCost(over(awscdk.Duration_Days(jsii.Number(1))))),
	)
	p.Dashboard.AddWidgets(
		p.graph("Runs", 0, "", p.StateMachine.MetricStarted(over(interval)), p.StateMachine.MetricFailed(over(interval)), p.StateMachine.MetricTimedOut(over(interval))),
		p.graph("Findings", 0, "", p.MetricFindings(over(interval))),
	)
	for _, q := range queries {
		for _, lot := range p.logGroups(q) {
			p.Dashboard.AddWidgets(p.logTable(q, lot))
		}
	}
}

// heading leads to what a person looks at next.
func (p *VendorPipeline) heading(props *VendorPipelineProps) awscloudwatch.IWidget {
	region := *awscdk.Stack_Of(p).Region()
	console := fmt.Sprintf("https://%s.console.aws.amazon.com/states/home?region=%s#/statemachines/view/", region, region)
	return awscloudwatch.NewTextWidget(&awscloudwatch.TextWidgetProps{
		Width: jsii.Number(fullWidth), Height: jsii.Number(2),
		Markdown: jsii.String(fmt.Sprintf("## %s: the vendor %s\n[executions of runs](%s%s) · [executions of backfills](%s%s) · [runbook](%s) · expected cost $%.2f a year, everything included",
			p.Name, props.Vendor.Name, console, *p.StateMachine.StateMachineArn(), console, *p.Backfill.StateMachineArn(), props.RunbookURL, p.Estimate.Total())),
	})
}

func (p *VendorPipeline) alarmStates() awscloudwatch.IWidget {
	alarms := []interfacesawscloudwatch.IAlarmRef{p.PageAlarm}
	for _, name := range alarmNames {
		alarms = append(alarms, p.Alarms[name])
	}
	return awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
		Title: jsii.String("Alarms"), Width: jsii.Number(fullWidth), Height: jsii.Number(rowHeight), Alarms: &alarms,
	})
}

// graph shows metrics, and a line at level where that is above 0.
func (p *VendorPipeline) graph(title string, level float64, label string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	props := awscloudwatch.GraphWidgetProps{
		Title: jsii.String(title), Width: jsii.Number(halfWidth), Height: jsii.Number(rowHeight), Left: &metrics,
	}
	if level > 0 {
		props.LeftAnnotations = &[]*awscloudwatch.HorizontalAnnotation{{Value: jsii.Number(level), Label: jsii.String(label)}}
	}
	return awscloudwatch.NewGraphWidget(&props)
}

func (p *VendorPipeline) logTable(q query, names []*string) awscloudwatch.IWidget {
	return awscloudwatch.NewLogQueryWidget(&awscloudwatch.LogQueryWidgetProps{
		Title: jsii.String(q.title), Width: jsii.Number(fullWidth), Height: jsii.Number(rowHeight),
		LogGroupNames: &names, QueryString: jsii.String(q.text), View: awscloudwatch.LogQueryVisualizationType_TABLE,
	})
}
