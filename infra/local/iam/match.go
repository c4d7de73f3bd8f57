package iam

import (
	"strings"
	"unicode/utf8"
)

// matchText matches a pattern with * (any text) and ? (any one character).
func matchText(pattern, text string) bool {
	return glob(pattern, text, func(string) bool { return true })
}

// matchResource matches the ARN of a resource. A wildcard stays between the colons where it stands, unless it is a * that
// is the last of its part, or stands in the resource's own name, which is the sixth part.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
func matchResource(pattern, arn string) bool {
	return glob(pattern, arn, func(rest string) bool {
		before := pattern[:len(pattern)-len(rest)]
		last := rest == "*" || strings.HasPrefix(rest, "*:")
		return last || strings.Count(before, ":") >= arnParts-1
	})
}

// arnParts is how many parts an ARN has: arn, partition, service, region, account, resource.
const arnParts = 6

// matchARN compares ARNs part by part, as the condition operators ArnLike and ArnEquals do.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
func matchARN(pattern, arn string) bool {
	wanted, parts := strings.SplitN(pattern, ":", arnParts), strings.SplitN(arn, ":", arnParts)
	if len(wanted) != arnParts || len(parts) != arnParts {
		return false
	}
	for i := range parts {
		if !matchText(wanted[i], parts[i]) {
			return false
		}
	}
	return true
}

// glob matches text with pattern. Crosses says whether the wildcard with which rest of the pattern begins may stand for
// a colon.
func glob(pattern, text string, crosses func(rest string) bool) bool {
	for pattern != "" {
		switch {
		case pattern[0] == '*':
			colons := crosses(pattern)
			for {
				if glob(pattern[1:], text, crosses) {
					return true
				}
				if text == "" || text[0] == ':' && !colons {
					return false
				}
				text = text[1:]
			}
		case text == "":
			return false
		case pattern[0] == '?':
			character, size := utf8.DecodeRuneInString(text)
			if character == ':' && !crosses(pattern) {
				return false
			}
			pattern, text = pattern[1:], text[size:]
		case pattern[0] == text[0]:
			pattern, text = pattern[1:], text[1:]
		default:
			return false
		}
	}
	return text == ""
}
