package assembly

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// resolver evaluates the intrinsic functions of a stack's template, see
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html.
type resolver struct {
	stack stack
	names names
}

// text evaluates a value that ends as text. A number or boolean is taken as written.
func (r *resolver) text(raw json.RawMessage) (string, error) {
	value, err := decode(raw)
	if err != nil {
		return "", err
	}
	return r.evaluateText(value)
}

func (r *resolver) evaluateText(value any) (string, error) {
	value, err := r.evaluate(value)
	if err != nil {
		return "", err
	}
	switch value := value.(type) {
	case string:
		return value, nil
	case json.Number:
		return value.String(), nil
	case bool:
		return fmt.Sprint(value), nil
	}
	return "", fmt.Errorf("want text, found a value of another kind (%T)", value)
}

// whole evaluates every intrinsic function inside a value.
func (r *resolver) whole(raw json.RawMessage) (json.RawMessage, error) {
	value, err := decode(raw)
	if err != nil {
		return nil, err
	}
	if value, err = r.evaluate(value); err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

// properties reads some properties of a resource, each by its name, with what they hold evaluated. One that the
// template leaves out leaves its target as it is.
func (r *resolver) properties(of resource, targets map[string]any) error {
	given, err := of.properties()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		raw, ok := given[name]
		if !ok {
			continue
		}
		content, err := r.whole(raw)
		if err == nil && string(content) != "null" {
			err = json.Unmarshal(content, targets[name])
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func decode(raw json.RawMessage) (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	return value, decoder.Decode(&value)
}

// noValue is what Ref of AWS::NoValue gives: the field or element is not there.
type noValue struct{}

func (r *resolver) evaluate(value any) (any, error) {
	switch value := value.(type) {
	case []any:
		list := make([]any, 0, len(value))
		for i, element := range value {
			evaluated, err := r.evaluate(element)
			if err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
			if evaluated != (noValue{}) {
				list = append(list, evaluated)
			}
		}
		return list, nil
	case map[string]any:
		if function, argument, ok := intrinsic(value); ok {
			result, err := r.call(function, argument)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", function, err)
			}
			return result, nil
		}
		object := map[string]any{}
		for field, inner := range value {
			evaluated, err := r.evaluate(inner)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", field, err)
			}
			if evaluated != (noValue{}) {
				object[field] = evaluated
			}
		}
		return object, nil
	}
	return value, nil
}

// intrinsic reports whether an object is a call of an intrinsic function.
func intrinsic(object map[string]any) (function string, argument any, ok bool) {
	if len(object) == 1 {
		for function, argument = range object {
			return function, argument, function == "Ref" || strings.HasPrefix(function, "Fn::")
		}
	}
	return "", nil, false
}

func (r *resolver) call(function string, argument any) (any, error) {
	switch function {
	case "Ref":
		name, _ := argument.(string)
		if name == "AWS::NoValue" {
			return noValue{}, nil
		}
		return r.ref(name)
	case "Fn::GetAtt":
		return r.attributeOf(argument)
	case "Fn::Join":
		return r.join(argument)
	case "Fn::Sub":
		return r.substitute(argument)
	case "Fn::Select":
		return r.choose(argument)
	case "Fn::Split":
		return r.split(argument)
	}
	return nil, errors.New("this intrinsic function cannot be run locally, only Ref, Fn::GetAtt, Fn::Join, Fn::Sub, Fn::Select and Fn::Split")
}

func (r *resolver) ref(name string) (string, error) {
	switch name {
	case "AWS::AccountId":
		return Account, nil
	case "AWS::Region":
		return r.stack.region, nil
	case "AWS::Partition":
		return "aws", nil
	case "AWS::URLSuffix":
		return "amazonaws.com", nil
	case "AWS::StackName":
		return r.stack.name, nil
	case "AWS::StackId":
		return fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/local", r.stack.region, Account, r.stack.name), nil
	}
	if parameter, ok := r.stack.template.Parameters[name]; ok {
		if parameter.Default == nil {
			return "", fmt.Errorf("parameter %s has no default, and a local run gives none", name)
		}
		return r.text(parameter.Default)
	}
	resource, ok := r.stack.template.Resources[name]
	if !ok {
		return "", fmt.Errorf("the template has no parameter and no resource %q", name)
	}
	physical, err := r.names.of(r.stack, name)
	if err != nil {
		return "", err
	}
	switch resource.Type {
	case typeSecret, typeTopic, typeStateMachine, typeManagedPolicy:
		return r.arn(resource.Type, physical), nil
	case typeQueue:
		return r.queueURL(physical), nil
	}
	return physical, nil
}

func (r *resolver) attributeOf(argument any) (string, error) {
	var name, attribute string
	switch argument := argument.(type) {
	case string:
		name, attribute, _ = strings.Cut(argument, ".")
	case []any:
		if len(argument) == 2 {
			name, _ = argument[0].(string)
			attribute, _ = argument[1].(string)
		}
	}
	return r.attribute(name, attribute)
}

func (r *resolver) attribute(name, attribute string) (string, error) {
	resource, ok := r.stack.template.Resources[name]
	if !ok {
		return "", fmt.Errorf("the template has no resource %q", name)
	}
	physical, err := r.names.of(r.stack, name)
	if err != nil {
		return "", err
	}
	switch attribute {
	case "Arn", "TopicArn", "Id":
		if arn := r.arn(resource.Type, physical); arn != "" {
			return arn, nil
		}
	case "Name", "TopicName", "KeyId", "QueueName":
		return physical, nil
	case "QueueUrl":
		return r.queueURL(physical), nil
	}
	return "", fmt.Errorf("attribute %s of a resource of type %s is not known locally", attribute, resource.Type)
}

func (r *resolver) queueURL(name string) string {
	return fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", r.stack.region, Account, name)
}

// arn returns the ARN of a named resource. For a type that a local run does not have it is one that nothing else
// has, of the usual form, so that what only names such a resource, as a permission does, can be read.
func (r *resolver) arn(kind, name string) string {
	format, ok := map[string]string{
		typeFunction:     "arn:aws:lambda:%[1]s:%[2]s:function:%[3]s",
		typeBucket:       "arn:aws:s3:::%[3]s",
		typeSecret:       "arn:aws:secretsmanager:%[1]s:%[2]s:secret:%[3]s-local0",
		typeStateMachine: "arn:aws:states:%[1]s:%[2]s:stateMachine:%[3]s",
		typeSchedule:     "arn:aws:scheduler:%[1]s:%[2]s:schedule/default/%[3]s",
		typeTopic:        "arn:aws:sns:%[1]s:%[2]s:%[3]s",
		typeRole:         "arn:aws:iam::%[2]s:role/%[3]s",
		typeLogGroup:     "arn:aws:logs:%[1]s:%[2]s:log-group:%[3]s:*",
		typeKey:          "arn:aws:kms:%[1]s:%[2]s:key/%[3]s",

		typeManagedPolicy: "arn:aws:iam::%[2]s:policy/%[3]s",
		typeQueue:         "arn:aws:sqs:%[1]s:%[2]s:%[3]s",
		typeBus:           "arn:aws:events:%[1]s:%[2]s:event-bus/%[3]s",
		typeEventRule:     "arn:aws:events:%[1]s:%[2]s:rule/%[3]s",

		TypeAlarm:          "arn:aws:cloudwatch:%[1]s:%[2]s:alarm:%[3]s",
		TypeCompositeAlarm: "arn:aws:cloudwatch:%[1]s:%[2]s:alarm:%[3]s",
	}[kind]
	if ok {
		return fmt.Sprintf(format, r.stack.region, Account, name)
	}
	parts := strings.Split(strings.ToLower(kind), "::")
	if len(parts) != 3 {
		return "" // A custom resource.
	}
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s/%s", parts[1], r.stack.region, Account, parts[2], name)
}

func (r *resolver) join(argument any) (string, error) {
	list, _ := argument.([]any)
	if len(list) != 2 {
		return "", errors.New("want a separator and a list")
	}
	separator, _ := list[0].(string)
	evaluated, err := r.evaluate(list[1])
	if err != nil {
		return "", err
	}
	values, ok := evaluated.([]any)
	if !ok {
		return "", errors.New("want a separator and a list")
	}
	parts := make([]string, len(values))
	for i, value := range values {
		if parts[i], err = r.evaluateText(value); err != nil {
			return "", err
		}
	}
	return strings.Join(parts, separator), nil
}

var placeholder = regexp.MustCompile(`\$\{(!?)([^}]*)\}`)

func (r *resolver) substitute(argument any) (string, error) {
	format, isText := argument.(string)
	own := map[string]any{}
	if list, ok := argument.([]any); ok && len(list) == 2 {
		format, isText = list[0].(string)
		own, _ = list[1].(map[string]any)
	}
	if !isText {
		return "", errors.New("want text, or text and an object of values")
	}
	var faults []error
	text := placeholder.ReplaceAllStringFunc(format, func(match string) string {
		parts := placeholder.FindStringSubmatch(match)
		if parts[1] == "!" { // ${!Literal} stands for ${Literal}.
			return "${" + parts[2] + "}"
		}
		value, err := r.variable(strings.TrimSpace(parts[2]), own)
		if err != nil {
			faults = append(faults, fmt.Errorf("${%s}: %w", parts[2], err))
		}
		return value
	})
	return text, errors.Join(faults...)
}

func (r *resolver) variable(name string, own map[string]any) (string, error) {
	if value, ok := own[name]; ok {
		return r.evaluateText(value)
	}
	if resource, attribute, ok := strings.Cut(name, "."); ok {
		return r.attribute(resource, attribute)
	}
	return r.ref(name)
}

func (r *resolver) choose(argument any) (any, error) {
	list, _ := argument.([]any)
	if len(list) != 2 {
		return nil, errors.New("want an index and a list")
	}
	index, err := r.evaluateText(list[0])
	if err != nil {
		return nil, err
	}
	var i int
	if _, err := fmt.Sscan(index, &i); err != nil {
		return nil, fmt.Errorf("index %q: want a number", index)
	}
	evaluated, err := r.evaluate(list[1])
	if err != nil {
		return nil, err
	}
	values, _ := evaluated.([]any)
	if i < 0 || i >= len(values) {
		return nil, fmt.Errorf("index %d of a list of %d", i, len(values))
	}
	return values[i], nil
}

func (r *resolver) split(argument any) (any, error) {
	list, _ := argument.([]any)
	if len(list) != 2 {
		return nil, errors.New("want a separator and text")
	}
	separator, _ := list[0].(string)
	text, err := r.evaluateText(list[1])
	if err != nil {
		return nil, err
	}
	var parts []any
	for part := range strings.SplitSeq(text, separator) {
		parts = append(parts, part)
	}
	return parts, nil
}
