package draft

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// mostLevels is how deep in an answer or a record fields are looked for.
const mostLevels = 4

// property is a field of an object.
type property struct {
	name     string
	schema   *openapi3.Schema
	required bool
}

// properties returns the fields of an object, those of all that it is composed of, by name.
func properties(s *openapi3.Schema) []property {
	all := map[string]property{}
	gather(s, all, 0)
	return slices.SortedFunc(maps.Values(all), func(a, b property) int { return strings.Compare(a.name, b.name) })
}

func gather(s *openapi3.Schema, all map[string]property, level int) {
	if s == nil || level > mostLevels {
		return
	}
	for _, part := range s.AllOf {
		gather(part.Value, all, level+1)
	}
	for name, ref := range s.Properties {
		if ref.Value != nil && !ref.Value.WriteOnly {
			all[name] = property{name: name, schema: ref.Value}
		}
	}
	for _, name := range s.Required {
		if p, ok := all[name]; ok {
			p.required = true
			all[name] = p
		}
	}
}

func is(s *openapi3.Schema, kind string) bool {
	return s != nil && s.Type != nil && s.Type.Includes(kind)
}

// isObject also of a schema that has fields and states no type.
func isObject(s *openapi3.Schema) bool {
	return s != nil && (is(s, "object") || s.Type == nil && (len(s.Properties) > 0 || len(s.AllOf) > 0))
}

// list is where an answer has its records.
type list struct {
	path   string
	record *openapi3.Schema
	// answer is the schema round it, nil where the answer is the array itself.
	answer  *openapi3.Schema
	headers openapi3.Headers
	// others are the paths of further arrays of objects.
	others []string
}

// usual are the names that arrays of records have.
var usual = []string{"data", "items", "results", "records", "values", "entries", "content", "rows", "value"}

// listIn finds the records in the answer of an operation, if it is a list.
func listIn(o *openapi3.Operation, path string) (list, bool) {
	schema, headers := answerOf(o)
	if schema == nil {
		return list{}, false
	}
	if record, ok := elements(schema); ok {
		return list{record: record, headers: headers}, true
	}
	var found []list
	seen := map[*openapi3.Schema]bool{}
	var search func(s *openapi3.Schema, prefix string, level int)
	search = func(s *openapi3.Schema, prefix string, level int) {
		if level >= mostLevels || !isObject(s) || seen[s] {
			return
		}
		seen[s] = true
		for _, p := range properties(s) {
			if record, ok := elements(p.schema); ok && !strings.Contains(p.name, ".") {
				found = append(found, list{path: prefix + p.name, record: record, answer: schema, headers: headers})
			} else {
				search(p.schema, prefix+p.name+".", level+1)
			}
		}
	}
	search(schema, "", 0)
	if len(found) == 0 {
		return list{}, false
	}
	last := path[strings.LastIndexByte(path, '/')+1:]
	rank := func(l list) int {
		name := l.path[strings.LastIndexByte(l.path, '.')+1:]
		depth := strings.Count(l.path, ".")
		switch {
		case strings.EqualFold(name, last) || strings.EqualFold(name, last+"s"):
			return depth
		case slices.Contains(usual, strings.ToLower(name)):
			return 10 + depth
		}
		return 20 + depth
	}
	slices.SortStableFunc(found, func(a, b list) int { return rank(a) - rank(b) })
	// A single record with a list in it is no list: its fields stand beside the array.
	if rank(found[0]) >= 20 && len(properties(schema)) > 8 {
		return list{}, false
	}
	best := found[0]
	for _, other := range found[1:] {
		best.others = append(best.others, other.path)
	}
	return best, true
}

func elements(s *openapi3.Schema) (*openapi3.Schema, bool) {
	if !is(s, "array") || s.Items == nil || !isObject(s.Items.Value) {
		return nil, false
	}
	return s.Items.Value, true
}

// answerOf returns the schema of an operation's good answer in JSON.
func answerOf(o *openapi3.Operation) (*openapi3.Schema, openapi3.Headers) {
	if o.Responses == nil {
		return nil, nil
	}
	for _, status := range []string{"200", "2XX", "206", "default"} {
		ref := o.Responses.Value(status)
		if ref == nil || ref.Value == nil {
			continue
		}
		for _, kind := range slices.Sorted(maps.Keys(ref.Value.Content)) {
			if media := ref.Value.Content[kind]; strings.Contains(kind, "json") && media.Schema != nil {
				return media.Schema.Value, ref.Value.Headers
			}
		}
	}
	return nil, nil
}

// parameter is one of an operation's.
type parameter struct {
	*openapi3.Parameter
	schema *openapi3.Schema
}

// parametersOf returns an operation's parameters and those of its path, in the order of the document.
func parametersOf(item *openapi3.PathItem) []parameter {
	var all []parameter
	seen := map[string]bool{}
	for _, ref := range append(slices.Clone(item.Get.Parameters), item.Parameters...) {
		p := ref.Value
		if p == nil || seen[p.In+" "+p.Name] {
			continue
		}
		seen[p.In+" "+p.Name] = true
		schema := &openapi3.Schema{}
		if p.Schema != nil && p.Schema.Value != nil {
			schema = p.Schema.Value
		}
		all = append(all, parameter{Parameter: p, schema: schema})
	}
	return all
}

// value returns what the document proposes for a parameter.
func (p parameter) value() (string, bool) {
	for _, proposed := range []any{p.schema.Default, p.Example, p.schema.Example} {
		if proposed != nil {
			return fmt.Sprint(proposed), true
		}
	}
	if len(p.schema.Enum) == 1 {
		return fmt.Sprint(p.schema.Enum[0]), true
	}
	return "", false
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if strings.TrimSpace(text) != "" {
			return text
		}
	}
	return ""
}

const longestSentence = 120

// sentence returns the first sentence of a text, on one line.
func sentence(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if end := strings.Index(text, ". "); end >= 0 {
		text = text[:end]
	}
	text = strings.TrimSuffix(text, ".")
	if runes := []rune(text); len(runes) > longestSentence {
		text = strings.TrimSpace(string(runes[:longestSentence])) + "..."
	}
	return text
}
