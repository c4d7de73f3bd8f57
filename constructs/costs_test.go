package constructs

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/windrow-data/windrow/functions/pricing"
)

func TestBudgetWatchesThePipelineByItsTag(t *testing.T) {
	estimate := required().Estimate("us-east-1", nil)
	for name, c := range map[string]struct {
		tpl   template
		limit float64
		topic string
	}{
		"defaults":   {withDefaults(), math.Ceil(DefaultSpendFactor * estimate.Taggable() / 12), "<" + withDefaults().ofType("AWS::SNS::Topic")[0].ID + ">"},
		"everything": {withEverything(), 25, ownTopic},
	} {
		t.Run(name, func(t *testing.T) {
			budget := c.tpl.only(t, "AWS::Budgets::Budget").Properties
			data := at(budget, "Budget")
			if got, want := text(at(data, "BudgetLimit")), fmt.Sprintf(`{"Amount":%v,"Unit":"USD"}`, c.limit); got != want {
				t.Errorf("the limit is %s, want %s", got, want)
			}
			if got := text(at(data, "CostFilters")); got != `{"Region":[{"Ref":"AWS::Region"}],"TagKeyValue":["user:Pipeline$test/Pipeline"]}` {
				t.Errorf("it counts %s", got)
			}
			if at(data, "BudgetType") != "COST" || at(data, "TimeUnit") != "MONTHLY" || text(at(data, "BudgetName")) != "test.Pipeline-<AWS::Region>" {
				t.Errorf("the budget is %s", text(data))
			}
			var alerts []string
			for _, n := range list(budget["NotificationsWithSubscribers"]) {
				notification, subscriber := at(n, "Notification"), at(n, "Subscribers", 0)
				alerts = append(alerts, fmt.Sprintf("%v %v %v to %v %s", at(notification, "NotificationType"), at(notification, "ComparisonOperator"),
					at(notification, "Threshold"), at(subscriber, "SubscriptionType"), text(at(subscriber, "Address"))))
			}
			want := []string{
				"ACTUAL GREATER_THAN 80 to SNS " + c.topic, "ACTUAL GREATER_THAN 100 to SNS " + c.topic, "FORECASTED GREATER_THAN 100 to SNS " + c.topic,
			}
			if diff := cmp.Diff(want, alerts); diff != "" {
				t.Errorf("alerts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBudgetCanBeLeftOut(t *testing.T) {
	tpl, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps {
		props := required()
		props.DisableBudget = true
		return props
	})
	if budgets := tpl.ofType("AWS::Budgets::Budget"); len(budgets) > 0 {
		t.Errorf("%s is left", budgets[0].ID)
	}
}

// TestTheEstimateCountsWhatIsDeployed compares what the cost model is told with the templates.
func TestTheEstimateCountsWhatIsDeployed(t *testing.T) {
	off := required()
	off.DisableAlarms, off.DisableBudget = true, true
	without, _ := synthesize(func(awscdk.Stack) *VendorPipelineProps { return off })
	for name, c := range map[string]struct {
		tpl   template
		props *VendorPipelineProps
		// secrets of the team's own are not the pipeline's to pay for.
		own bool
	}{
		"defaults":   {withDefaults(), required(), false},
		"plain":      {withPlain(), plain(), false},
		"everything": {withEverything(), everything(awscdk.NewStack(newApp(map[string]any{}), jsii.String("test"), nil)), true},
		"off":        {without, off, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.props.Configuration()
			metrics := 0
			for _, alarm := range c.tpl.ofType("AWS::CloudWatch::Alarm") {
				read := 1
				if queries := list(alarm.Properties["Metrics"]); queries != nil {
					read = 0
					for _, q := range queries {
						if at(q, "MetricStat") != nil {
							read++
						}
					}
				}
				metrics += read
			}
			machine := player{t: t, published: map[string]any{}}
			machine.play(c.tpl.definition(t, "StateMachine"), map[string]any{})
			count := func(kind string) int { return len(c.tpl.ofType(kind)) }
			want := got
			want.AlarmMetrics, want.CompositeAlarms = metrics, count("AWS::CloudWatch::CompositeAlarm")
			want.Dashboards, want.Budgets, want.Secrets = count("AWS::CloudWatch::Dashboard"), count("AWS::Budgets::Budget"), count("AWS::SecretsManager::Secret")
			want.Keys = count("AWS::KMS::Key")
			want.Streams, want.TransitionsPerRun, want.CustomMetrics = 2, len(machine.path), 3
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-deployed +estimated):\n%s", diff)
			}
			if err := got.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPricesOfOtherRegionsAreThoseKnown(t *testing.T) {
	if got, want := required().Estimate("eu-central-2", nil).Total(), required().Estimate("us-east-1", nil).Total(); got != want {
		t.Errorf("$%.2f, want those of us-east-1 ($%.2f)", got, want)
	}
}

func TestAWorkloadOfOnesOwn(t *testing.T) {
	props := required()
	usual := props.Estimate("us-east-1", nil)
	busy := pricing.WebinarDay(2, 48).Scale(10)
	props.Workload = &busy
	if got := props.Estimate("us-east-1", nil); got.Total() <= usual.Total() {
		t.Errorf("ten times the work costs $%.2f, the usual $%.2f", got.Total(), usual.Total())
	}
}

func TestAnomalies(t *testing.T) {
	app := newApp(map[string]any{})
	stack := awscdk.NewStack(app, jsii.String("test"), &awscdk.StackProps{Env: &awscdk.Environment{Region: jsii.String(AnomalyRegion)}})
	NewCostAnomalyMonitor(stack, "Anomalies", &CostAnomalyMonitorProps{
		Pipelines: []string{"a/Pipeline", "b/Pipeline"}, Environment: "test", Owner: "marketing-data", CostCenter: "4711",
		AlarmEmails: []string{"oncall@acme.example"},
	})
	tpl := templateOf(stack)
	monitor := tpl.only(t, "AWS::CE::AnomalyMonitor")
	if got := monitor.Properties["MonitorSpecification"]; got != `{"Tags":{"Key":"Pipeline","MatchOptions":["EQUALS"],"Values":["a/Pipeline","b/Pipeline"]}}` || monitor.Properties["MonitorType"] != "CUSTOM" {
		t.Errorf("the monitor watches %v", got)
	}
	subscription := tpl.only(t, "AWS::CE::AnomalySubscription").Properties
	topic := tpl.only(t, "AWS::SNS::Topic")
	if got := text(subscription["Subscribers"]); got != `[{"Address":{"Ref":"`+topic.ID+`"},"Type":"SNS"}]` || subscription["Frequency"] != "IMMEDIATE" {
		t.Errorf("told are %s, %v", got, subscription["Frequency"])
	}
	if got := text(at(subscription, "MonitorArnList", 0)); got != "<"+monitor.ID+".MonitorArn>" {
		t.Errorf("the subscription is to %s", got)
	}
	if got := text(subscription["ThresholdExpression"]); !strings.Contains(got, `"Values":["5"]`) {
		t.Errorf("the threshold is %s", got)
	}
	policy := text(tpl.only(t, "AWS::SNS::TopicPolicy").Properties)
	if !strings.Contains(policy, `"Service":"costalerts.amazonaws.com"`) {
		t.Errorf("anomalies may not be published: %s", policy)
	}
	if email := tpl.only(t, "AWS::SNS::Subscription").Properties["Endpoint"]; email != "oncall@acme.example" {
		t.Errorf("subscribed is %v", email)
	}
	for _, kind := range []string{"AWS::SNS::Topic", "AWS::CE::AnomalyMonitor", "AWS::CE::AnomalySubscription"} {
		tags := tagsOf(tpl.only(t, kind))
		if tags["Owner"] != "marketing-data" || tags["CostCenter"] != "4711" || tags["Environment"] != "test" || tags["Application"] != "windrow" {
			t.Errorf("%s has the tags %v", kind, tags)
		}
	}
}

func TestAnomaliesAreRefusedWhereTheyCannotBe(t *testing.T) {
	good := CostAnomalyMonitorProps{Pipelines: []string{"a"}, Environment: "test", Owner: "o", CostCenter: "c"}
	for name, c := range map[string]struct {
		region string
		props  CostAnomalyMonitorProps
		says   []string
	}{
		"another region": {"eu-west-1", good, []string{`the stack's region is "eu-west-1": want us-east-1`}},
		"any region":     {"", good, []string{`the stack's region is "that of the credentials": want us-east-1`}},
		"nothing said":   {"us-east-1", CostAnomalyMonitorProps{AnomalyUSD: -1, AlarmEmails: []string{"x"}}, []string{"CostAnomalyMonitor", "Pipelines is []", "Environment is", "Owner is", "CostCenter is", "AnomalyUSD is -1", "AlarmEmails is"}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				err, _ := recover().(*PropsError)
				if err == nil {
					t.Fatal("not refused")
				}
				for _, want := range c.says {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("the message does not say %q:\n%v", want, err)
					}
				}
			}()
			var env *awscdk.Environment
			if c.region != "" {
				env = &awscdk.Environment{Region: jsii.String(c.region)}
			}
			stack := awscdk.NewStack(newApp(map[string]any{}), jsii.String("test"), &awscdk.StackProps{Env: env})
			NewCostAnomalyMonitor(stack, "Anomalies", &c.props)
		})
	}
}

func TestDashboardShowsEachThing(t *testing.T) {
	if dashboards := withDefaults().ofType("AWS::CloudWatch::Dashboard"); len(dashboards) > 0 {
		t.Error("there is a dashboard without asking for one: it costs as much as all the rest")
	}
	tpl := withPlain()
	widgets := widgetsOf(t, tpl)
	find := func(kind, title string) map[string]any {
		for _, w := range widgets {
			if w.Type == kind && strings.HasPrefix(fmt.Sprint(w.Properties["title"]), title) {
				return w.Properties
			}
		}
		t.Errorf("the dashboard has no %s %q", kind, title)
		return nil
	}
	for title, want := range map[string]struct {
		metrics []string
		level   float64
		label   string
	}{
		"Freshness":     {[]string{"StalenessSeconds"}, plain().StalenessThreshold.Seconds(), "threshold"},
		"Cost of a day": {[]string{"CostUSD"}, pricing.USEast1.Day(plain().Configuration(), *plain().Workload), "expected"},
		"Runs":          {[]string{"ExecutionsStarted", "ExecutionsFailed", "ExecutionsTimedOut"}, 0, ""},
		"Findings":      {[]string{"Findings"}, 0, ""},
	} {
		graph := find("metric", title)
		var names []string
		for _, metric := range list(graph["metrics"]) {
			names = append(names, fmt.Sprint(at(metric, 1)))
		}
		if !slices.Equal(names, want.metrics) {
			t.Errorf("%s shows %v, want %v", title, names, want.metrics)
		}
		line := at(graph, "annotations", "horizontal", 0)
		level, _ := at(line, "value").(float64)
		if math.Abs(level-want.level) > 1e-9 || want.level > 0 && at(line, "label") != want.label {
			t.Errorf("%s has the line %v, want %s at %g", title, line, want.label, want.level)
		}
	}
	if states := text(find("alarm", "Alarms")); strings.Count(states, ".Arn") != len(alarmNames)+1 || !strings.Contains(states, tpl.alarm(t, "wake somebody").ID+".Arn") {
		t.Errorf("the alarms shown are %s, want all of them", states)
	}
	heading := ""
	for _, w := range widgets {
		if w.Type == "text" {
			heading = fmt.Sprint(w.Properties["markdown"])
		}
	}
	for _, want := range []string{
		"[executions of runs](https://<AWS::Region>.console.aws.amazon.com/states/home?region=<AWS::Region>#/statemachines/view/<" + tpl.logicalID(t, "AWS::StepFunctions::StateMachine", "PipelineStateMachine"),
		"[executions of backfills](https://<AWS::Region>.console.aws.amazon.com/states/home?region=<AWS::Region>#/statemachines/view/<" + tpl.logicalID(t, "AWS::StepFunctions::StateMachine", "PipelineBackfill"),
		"[runbook](https://wiki.acme.example/windrow)",
	} {
		if !strings.Contains(heading, want) {
			t.Errorf("the heading %q does not hold %q", heading, want)
		}
	}
	for title, columns := range map[string][]string{
		"records and windows":          {"sum(records)", "sum(windows)", "sum(backedOff)"},
		"requests, retries, throttles": {"sum(requests)", "sum(retries)", "sum(throttled)"},
	} {
		query := fmt.Sprint(find("log", title)["query"])
		for _, column := range columns {
			if !strings.Contains(query, column) {
				t.Errorf("%s does not show %s: %s", title, column, query)
			}
		}
	}
}

// widget is one of a dashboard's.
type widget struct {
	Type       string
	Properties map[string]any
}

// widgetsOf reads the dashboard as CloudWatch will, with names in angle brackets for what is only known when it is deployed.
func widgetsOf(t *testing.T, tpl template) []widget {
	t.Helper()
	var body struct{ Widgets []widget }
	joined := text(tpl.only(t, "AWS::CloudWatch::Dashboard").Properties["DashboardBody"])
	if err := json.Unmarshal([]byte(joined), &body); err != nil {
		t.Fatalf("%v: %s", err, joined)
	}
	return body.Widgets
}

func TestQueriesAskTheRightLogs(t *testing.T) {
	tpl := withDefaults()
	var names []string
	for _, q := range tpl.ofType("AWS::Logs::QueryDefinition") {
		name := q.Properties["Name"].(string)
		names = append(names, name)
		asked := text(q.Properties["LogGroupNames"])
		for _, f := range tpl.ofType("AWS::Lambda::Function") {
			isIngest := strings.Contains(f.ID, "Ingest")
			logs := at(f.Properties, "LoggingConfig", "LogGroup", "Ref").(string)
			want := isIngest || slices.Contains([]string{"test/Pipeline/cost by stream and handler", "test/Pipeline/findings", "test/Pipeline/failures"}, name)
			if got := strings.Contains(asked, logs); got != want {
				t.Errorf("%s asks %s: %t, want %t", name, logs, got, want)
			}
		}
	}
	slices.Sort(names)
	want := []string{
		"cost by stream and handler", "failures", "findings", "how late records come", "records and windows", "requests, retries, throttles", "staleness by stream",
	}
	for i := range want {
		want[i] = "test/Pipeline/" + want[i]
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
