// Command infra is Windrow's CDK app: one stack for an environment and a vendor.
//
// It stands apart from the construct as the place where this repository's own deployments are decided; a
// consumer has such an app of their own. The CDK command line runs it (see cdk.json) and hands it its context:
//
//	env           dev, staging, prod or local; required
//	vendor        on24 (the default), zoom or gotowebinar
//	clientId      the account's id at ON24; required for it, but for local
//	organizerKey  the organizer's key at GoTo Webinar; required for it, but for local
//	vendorUrl     where the simulated vendor listens, http://HOST:PORT; required for local, and only there
//	account       the AWS account that the stack goes to, and its
//	region        region; default: those of the credentials, but prod must say them
//	owner         the team that answers for the pipeline; default windrow, but prod must say it
//	costCenter    who pays; default unassigned, but prod must say it
//	alarmEmail    who is told of alarms, several addresses joined by commas; prod must say it
//	anomalies     true adds a stack with a cost anomaly monitor of the environment, in us-east-1
//
// Other keys without a namespace are refused. What is wrong is told, all of it at once, on standard error, with exit status 1. With the argument cost it prints instead what each environment
// is expected to cost.
package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/windrow-data/windrow/constructs"
	"github.com/windrow-data/windrow/constructs/gobuild"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "cost" {
		os.Exit(printCosts(os.Args[2:], os.Stdout, os.Stderr))
	}
	err := synthesize(nil)
	stderr := closeRuntime()
	if err != nil {
		fmt.Fprintln(stderr, "windrow:", err)
		os.Exit(1)
	}
}

// closeRuntime ends jsii's Node process and removes its files. jsii waits for the process in two places, and now
// and then says on standard error that one of them found it gone, so standard error is put out of its reach; the
// real one is returned.
func closeRuntime() *os.File {
	stderr := os.Stderr
	if sink, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = sink
	}
	jsii.Close()
	return stderr
}

// synthesize writes the cloud assembly. CDK tells of failures by panicking, with a JavaScript stack; what a
// reader needs of that is its first line.
func synthesize(props *awscdk.AppProps) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault(r)
		}
	}()
	app := awscdk.NewApp(props)
	if _, err := newStack(app); err != nil {
		return err
	}
	app.Synth(nil)
	return nil
}

func fault(recovered any) error {
	err, ok := recovered.(error)
	var props *constructs.PropsError
	var schema *constructs.SchemaError
	var build *gobuild.Error
	if ok && (errors.As(err, &props) || errors.As(err, &schema) || errors.As(err, &build)) {
		return err
	}
	text := strings.TrimSpace(fmt.Sprint(recovered))
	line, _, _ := strings.Cut(text, "\n")
	return errors.New(line)
}

// newStack adds the stack that the app's context asks for, or tells everything that is missing or wrong in the context.
func newStack(app awscdk.App) (awscdk.Stack, error) {
	unknown := checkKeys(app)
	e, err := environmentNamed(contextValue(app, "env"))
	if err != nil {
		return nil, errors.Join(unknown, err)
	}
	to, unsettled := e.settle(target{
		Account:     contextValue(app, "account"),
		Region:      contextValue(app, "region"),
		Owner:       contextValue(app, "owner"),
		CostCenter:  contextValue(app, "costCenter"),
		AlarmEmails: strings.FieldsFunc(contextValue(app, "alarmEmail"), func(r rune) bool { return r == ',' }),
	})
	vendor, err := e.vendorOf(func(key string) string { return contextValue(app, key) })
	if err != nil {
		return nil, errors.Join(unknown, err, unsettled)
	}
	props := e.props(vendor, to)
	notSimulated := e.simulate(props, contextValue(app, constructs.ContextVendorURL))
	if err := errors.Join(unknown, unsettled, notSimulated, props.Validate()); err != nil {
		return nil, err
	}

	stack := awscdk.NewStack(app, jsii.String(stackName(e, vendor)), &awscdk.StackProps{
		Description:           jsii.String(fmt.Sprintf("Windrow: the %s pipeline of the vendor %s", e.Name, vendor.Name)),
		TerminationProtection: jsii.Bool(e.TerminationProtection),
		Env:                   to.env(),
	})
	pipeline := constructs.NewVendorPipeline(stack, "Pipeline", props)
	pipeline.AddOutputs()
	if contextValue(app, "anomalies") == "true" {
		addAnomalies(app, e, to, pipeline)
	}
	return stack, nil
}

// env is where the stack goes; nil leaves it to the credentials.
func (t target) env() *awscdk.Environment {
	if t.Account == "" {
		return nil
	}
	return &awscdk.Environment{Account: jsii.String(t.Account), Region: jsii.String(t.Region)}
}

// addAnomalies adds the stack with the environment's cost anomaly monitor: once an environment, whatever its pipelines.
func addAnomalies(app awscdk.App, e environment, to target, pipelines ...*constructs.VendorPipeline) {
	env := &awscdk.Environment{Region: jsii.String(constructs.AnomalyRegion)}
	if to.Account != "" {
		env.Account = jsii.String(to.Account)
	}
	stack := awscdk.NewStack(app, jsii.String("windrow-"+e.Name+"-anomalies"), &awscdk.StackProps{
		Description: jsii.String(fmt.Sprintf("Windrow: watches the costs of %s for anomalies", e.Name)),
		Env:         env,
	})
	var names []string
	for _, p := range pipelines {
		names = append(names, p.Name)
	}
	monitor := constructs.NewCostAnomalyMonitor(stack, "Anomalies", &constructs.CostAnomalyMonitorProps{
		Pipelines: names, Environment: e.Name, Owner: to.Owner, CostCenter: to.CostCenter, AlarmEmails: to.AlarmEmails,
	})
	awscdk.NewCfnOutput(stack, jsii.String("AnomalyTopicArn"), &awscdk.CfnOutputProps{
		Value: monitor.Topic.TopicArn(), Description: jsii.String("Subscribe to cost anomalies here"),
	})
}

// simulate has the props read the simulated vendor where the environment has one.
func (e environment) simulate(props *constructs.VendorPipelineProps, vendorURL string) error {
	switch {
	case e.Simulated:
		return props.Simulate(vendorURL)
	case vendorURL != "":
		return fmt.Errorf("%s is %q: only the environment %s takes one, %s reads the real vendor", constructs.ContextVendorURL, vendorURL, constructs.EnvironmentLocal, e.Name)
	}
	return nil
}

func stackName(e environment, vendor *vendorapi.Vendor) string {
	return "windrow-" + e.Name + "-" + vendor.Name
}

// keys are those of the context that this app reads.
var keys = []string{"account", "alarmEmail", "anomalies", "clientId", "costCenter", "env", "organizerKey", "owner", "region", contextVendor, constructs.ContextVendorURL}

// commandLineKeys are those of CDK's command line that have no namespace, of `cdk cli-telemetry` and `cdk acknowledge`.
var commandLineKeys = []string{"cli-telemetry", "acknowledged-issue-numbers"}

// checkKeys tells the keys of the context that nobody reads: a mistyped one would leave a default in its place. Those with a
// namespace belong to CDK or to a library.
func checkKeys(app awscdk.App) error {
	var unknown []string
	all, _ := app.Node().GetAllContext(nil).(map[string]any)
	for key := range all {
		if !strings.ContainsAny(key, ":/@") && !slices.Contains(keys, key) && !slices.Contains(commandLineKeys, key) {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return fmt.Errorf("there is no context key %s: give -c KEY=VALUE, with KEY one of %s", strings.Join(unknown, ", "), strings.Join(keys, ", "))
}

// contextValue returns a context value as text, empty where there is none.
func contextValue(app awscdk.App, key string) string {
	value := app.Node().TryGetContext(jsii.String(key))
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}
