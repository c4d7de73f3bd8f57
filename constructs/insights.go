package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsathena"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/functions/insights"
	"github.com/windrow-data/windrow/functions/lakesql"
)

// Limits of Athena. https://docs.aws.amazon.com/athena/latest/APIReference/API_CreateNamedQuery.html
const (
	maxQueryText        = 262_144
	maxQueryDescription = 1024
)

// model are the views that bring the vendor's streams into the model of webinars; none where nobody has said how.
func (p *VendorPipelineProps) model() []lakesql.View {
	if p.Model != nil {
		return insights.Own(*p.Model)
	}
	return insights.Model(p.Vendor)
}

// addInsights keeps each insight as a query that Athena's console lists in the workgroup. It costs nothing until it is run.
func (p *VendorPipeline) addInsights(props *VendorPipelineProps) {
	for _, insight := range insights.Of(props.Vendor, props.model()) {
		if len(insight.SQL) > maxQueryText {
			panic(fmt.Errorf("the insight %s of the pipeline %s takes %d characters, more than the %d that Athena keeps: want fewer streams",
				insight.Name, p.Name, len(insight.SQL), maxQueryText))
		}
		p.Insights[insight.Name] = awsathena.NewCfnNamedQuery(p, jsii.String("Insight-"+insight.Name), &awsathena.CfnNamedQueryProps{
			Name:        jsii.String(insight.Name),
			Description: jsii.String(cut(insight.Decision, maxQueryDescription)),
			Database:    p.Database.Ref(),
			WorkGroup:   p.Workgroup.Ref(),
			QueryString: jsii.String(insight.SQL),
		})
	}
}
