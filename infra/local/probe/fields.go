package probe

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/windrow-data/windrow/functions/curated"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/infra/local/columns"
)

// judgeKeys sees whether each record can be told from the others.
func (p *prober) judgeKeys(pages ...*answer) {
	unkeyed, all := 0, 0
	first := map[uint64][]byte{}
	var same int
	for _, a := range pages {
		if a == nil {
			continue
		}
		for _, r := range a.records {
			all++
			if !r.keyed {
				unkeyed++
				continue
			}
			if earlier, known := first[r.hash]; known && !bytes.Equal(earlier, r.json) {
				same++
			}
			first[r.hash] = r.json
		}
	}
	switch key := strings.Join(p.stream.Key, ", "); {
	case unkeyed > 0:
		p.add(Keys, Differs, "%d of %d records lack a field of the key %s", unkeyed, all, key).write("Key: the fields that each record has")
	case same > 0:
		p.add(Keys, Differs, "%d of %d records have the key %s of another that is not the same: only one of them is shown by the view", same, all, key).write("Key: with a further field, unless these are versions of one record")
	default:
		p.add(Keys, OK, "%s tells %d records apart", key, len(first))
	}
}

// columnSight is what was seen of a declared column.
type columnSight struct {
	there, wrong int
	kind         string
	allowed      string
	values       columns.Guess
}

// judgeColumns compares the values seen with the columns, and proposes columns for the rest.
func (p *prober) judgeColumns() {
	declared := map[string]*columnSight{}
	undeclared := map[string]*columns.Guess{}
	unusable := map[string]bool{}
	var order, faults []string
	for _, r := range p.seen {
		err := p.table.Inspect(r.json, func(v curated.Value) {
			switch {
			case !v.Declared:
				if undeclared[v.Path] == nil {
					undeclared[v.Path] = &columns.Guess{}
					unusable[v.Path] = !columns.Usable(v.Name)
					order = append(order, v.Path)
				}
				undeclared[v.Path].Add(v.JSON)
			case v.Kind != "null" && string(v.JSON) != `""`:
				see(declared, v)
			}
		})
		if err != nil && !slices.Contains(faults, err.Error()) {
			faults = append(faults, err.Error())
		}
	}
	for _, fault := range faults {
		p.add(Columns, Differs, "%s", fault)
	}
	p.judgeDeclared(declared)
	p.judgeUndeclared(order, undeclared, unusable)
}

func see(declared map[string]*columnSight, v curated.Value) {
	name := v.Column
	if name == "" {
		name = v.Path + ".*"
	}
	at := declared[name]
	if at == nil {
		at = &columnSight{}
		declared[name] = at
	}
	at.there++
	at.values.Add(v.JSON)
	if !v.Fits {
		at.wrong++
		at.kind, at.allowed = v.Kind, v.Allowed
	}
}

func (p *prober) judgeDeclared(declared map[string]*columnSight) {
	var never []string
	wrong := 0
	tell := func(name, path string, c *vendorapi.Column, at *columnSight) {
		wrong++
		times := fmt.Sprintf("%d of %d values do not convert", at.wrong, at.there)
		if at.wrong == at.there {
			times = fmt.Sprintf("never converts, in %d records", at.there)
		}
		f := p.add(Columns, Differs, "%s (%s): %s: seen %s, want %s", name, path, times, at.kind, at.allowed)
		if c == nil {
			return
		}
		instead := vendorapi.Column{Name: c.Name, Path: c.Path, Comment: c.Comment}
		if instead.Type, instead.Layout = at.values.Type(path); instead.Type == c.Type && instead.Layout == c.Layout {
			instead.Type, instead.Layout = vendorapi.TypeString, ""
		}
		f.write("%s", columns.Source(instead))
	}
	for i := range p.stream.Columns {
		c := &p.stream.Columns[i]
		path := c.Path
		if path == "" {
			path = c.Name
		}
		switch at := declared[c.Name]; {
		case at == nil:
			never = append(never, c.Name)
		case at.wrong > 0:
			tell(c.Name, path, c, at)
		}
	}
	for name, at := range declared {
		if parent, below := strings.CutSuffix(name, ".*"); below {
			tell("columns below", parent, nil, at)
		}
	}
	if wrong == 0 {
		p.add(Columns, OK, "all values of %d columns convert, in %d records", len(p.stream.Columns)-len(never), len(p.seen))
	}
	if len(never) > 0 {
		p.add(Columns, Unknown, "no value was seen for %s: check the paths, or look at more records", some(never))
	}
}

func (p *prober) judgeUndeclared(order []string, undeclared map[string]*columns.Guess, unusable map[string]bool) {
	if len(order) == 0 {
		p.add(Undeclared, OK, "there are none")
		return
	}
	var names columns.Names
	for _, c := range p.stream.Columns {
		names.Take(c.Name)
	}
	for _, path := range order {
		if !unusable[path] {
			p.report.Proposed = append(p.report.Proposed, undeclared[path].Columns(path, &names)...)
		}
	}
	p.add(Undeclared, Differs, "%s: kept as JSON in windrow_undeclared", some(order)).write("the columns below, those that are wanted")
}

// timeCandidates names fields that hold a time.
func (p *prober) timeCandidates(a *answer) string {
	var whole columns.Guess
	for _, r := range a.records {
		whole.Add(r.json)
	}
	var found []string
	for _, c := range whole.Columns("", &columns.Names{}) {
		if path := strings.TrimPrefix(c.Path, "."); c.Type == vendorapi.TypeTimestamp {
			found = append(found, path)
		}
	}
	if len(found) == 0 {
		return "none was found"
	}
	return some(found)
}
