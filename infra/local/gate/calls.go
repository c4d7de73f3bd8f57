package gate

import (
	"fmt"

	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/iam"
)

// CheckTrust decides whether the services may take on the roles that the templates give them. What is denied is kept, as of
// every call: a deployment would fail of it, or the first run.
func (g *Gate) CheckTrust(a *assembly.Assembly) {
	assume := func(service, role, source string) {
		if role == "" {
			g.note(denial{source, "sts:AssumeRole", noRole}, "a role")
			return
		}
		g.decide(identity{service: service}, "sts:AssumeRole", role, iam.Context{
			"aws:SourceAccount": {assembly.Account}, "aws:SourceArn": {source}, "sts:ExternalId": nil, "sts:RoleSessionName": nil,
		})
	}
	for _, f := range a.Functions {
		assume("lambda.amazonaws.com", f.Role, f.ARN)
	}
	for _, m := range a.StateMachines {
		assume("states.amazonaws.com", m.Role, m.ARN)
	}
	for _, s := range a.Schedules {
		// The source of a schedule is its group.
		// https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
		assume("scheduler.amazonaws.com", s.Role, fmt.Sprintf("arn:aws:scheduler:%s:%s:schedule-group/default", g.region, assembly.Account))
	}
	for _, rule := range a.EventRules {
		for _, target := range rule.Targets {
			if target.Role != "" {
				assume("events.amazonaws.com", target.Role, rule.ARN)
			}
		}
	}
}

// Invoked decides what Lambda does with the role of a function that is invoked: it writes the log, and on a cold start
// makes the log's stream and decrypts the environment. AWS runs a function whose log it may not write all the same; here it
// is kept as denied.
func (g *Gate) Invoked(function string, cold bool) {
	c := g.functions[function]
	if c == nil {
		return
	}
	who := c.identity()
	// CreateLogStream too is asked for on the stream: https://github.com/aws-solutions/aws-crr-monitor/issues/8
	stream := fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s:log-stream:local", g.region, assembly.Account, c.LogGroup)
	if cold {
		g.decide(who, "logs:CreateLogStream", stream, nil)
		// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
		g.useKey(who, c.Key, "lambda", iam.Context{"aws:lambda:FunctionArn": {c.ARN}}, decrypt)
		g.encryptLog(g.logs[c.LogGroup])
	}
	g.decide(who, "logs:PutLogEvents", stream, nil)
}

// encryptLog decides whether CloudWatch Logs itself may use the key of a log group: no role is asked.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
func (g *Gate) encryptLog(l assembly.LogGroup) {
	if l.Key == "" {
		return
	}
	for _, action := range []string{"kms:Encrypt", decrypt, "kms:ReEncryptFrom", "kms:ReEncryptTo", generateDataKey, "kms:DescribeKey"} {
		g.decide(identity{service: "logs." + g.region + ".amazonaws.com"}, action, l.Key, iam.Context{
			"kms:EncryptionContext:aws:logs:arn": {l.ARN}, "kms:EncryptionContextKeys": {"aws:logs:arn"}, "kms:CallerAccount": {assembly.Account},
			"kms:ViaService": nil, "aws:SourceAccount": {assembly.Account}, "aws:SourceArn": {l.ARN},
		})
	}
}

// observation is what Step Functions does with the role of a state machine whose executions are traced or logged, on no
// resource of the account's.
// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html,
// https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy
var observation = struct{ tracing, logging []string }{
	tracing: []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"},
	logging: []string{
		"logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries",
		"logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
	},
}

// Started decides what Step Functions does with the role of a state machine to trace and log an execution.
func (g *Gate) Started(m assembly.StateMachine, execution string) {
	who := identity{role: m.Role, session: execution}
	if m.Traced {
		for _, action := range observation.tracing {
			g.decide(who, action, "*", nil)
		}
	}
	if m.Logged {
		for _, action := range observation.logging {
			g.decide(who, action, "*", nil)
		}
	}
}

// InvokeFunction decides whether an execution of a state machine may invoke a function, by its name or ARN. Its error is a
// *[Denied].
func (g *Gate) InvokeFunction(m assembly.StateMachine, execution, function string) error {
	arn := function
	if c := g.functions[function]; c != nil {
		arn = c.ARN
	}
	return g.decide(identity{role: m.Role, session: execution}, "lambda:InvokeFunction", arn, iam.Context{"lambda:FunctionArn": {arn}})
}

// Publish decides whether an execution of a state machine may publish on a topic. Its error is a *[Denied].
func (g *Gate) Publish(m assembly.StateMachine, execution, topic string) error {
	who := identity{role: m.Role, session: execution}
	if err := g.decide(who, "sns:Publish", topic, nil); err != nil {
		return err
	}
	// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
	return g.useKey(who, g.keys[topic], "sns", iam.Context{"aws:sns:topicArn": {topic}}, generateDataKey, decrypt)
}

// StartExecution decides whether a role may start an execution of a state machine, in a session of a name. Its error is
// a *[Denied].
func (g *Gate) StartExecution(role, session, machine string) error {
	return g.decide(identity{role: role, session: session}, "states:StartExecution", machine, nil)
}

// SendMessage decides whether a schedule may send a tick that it could not deliver to its queue for such. Its error is a
// *[Denied].
func (g *Gate) SendMessage(s assembly.Schedule) error {
	who := identity{role: s.Role, session: s.Name}
	if err := g.decide(who, "sqs:SendMessage", s.DeadLetters, nil); err != nil {
		return err
	}
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
	return g.useKey(who, g.keys[s.DeadLetters], "sqs", iam.Context{"aws:sqs:arn": {s.DeadLetters}}, generateDataKey, decrypt)
}
