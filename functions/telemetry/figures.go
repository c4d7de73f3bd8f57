package telemetry

import "reflect"

// Figures returns the attributes of a log line, names and values in turn, without those whose value is the zero value of its type.
// CloudWatch charges for each byte that a line takes in, and an ordinary run has little else to tell.
// https://aws.amazon.com/cloudwatch/pricing/
func Figures(attributes ...any) []any {
	told := make([]any, 0, len(attributes))
	for i := 0; i+1 < len(attributes); i += 2 {
		if value := attributes[i+1]; value != nil && !reflect.ValueOf(value).IsZero() {
			told = append(told, attributes[i], value)
		}
	}
	return told
}
