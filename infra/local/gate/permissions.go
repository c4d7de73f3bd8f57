package gate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"slices"

	"github.com/windrow-data/windrow/infra/local/iam"
)

// Permissions returns every permission of every role in the templates, and how often it was used.
func (g *Gate) Permissions() []iam.Permission { return g.account.Permissions() }

// WritePermissions writes the permissions to a file, as a JSON list of [iam.Permission].
func (g *Gate) WritePermissions(path string) error {
	content, err := json.MarshalIndent(g.Permissions(), "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}

// ReadPermissions reads files that [Gate.WritePermissions] has written and adds up their uses. Runs of the same
// templates name the same permissions; one that only some have counts as theirs.
func ReadPermissions(paths ...string) ([]iam.Permission, error) {
	type key struct{ role, sid, action, resource string }
	sums := map[key]int{}
	for _, p := range paths {
		content, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		var permissions []iam.Permission
		if err := json.Unmarshal(content, &permissions); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		for _, one := range permissions {
			sums[key{one.Role, one.Sid, one.Action, one.Resource}] += one.Uses
		}
	}
	var all []iam.Permission
	for k, uses := range sums {
		all = append(all, iam.Permission{Role: k.role, Sid: k.sid, Action: k.action, Resource: k.resource, Uses: uses})
	}
	slices.SortFunc(all, func(x, y iam.Permission) int {
		return cmp.Or(cmp.Compare(x.Role, y.Role), cmp.Compare(x.Sid, y.Sid), cmp.Compare(x.Action, y.Action), cmp.Compare(x.Resource, y.Resource))
	})
	return all, nil
}

// Unused are permissions that nothing has used: without a reason, and by the reason that is known for them.
type Unused struct {
	Unexplained []iam.Permission
	Explained   map[string][]iam.Permission
}

// FindUnused returns the permissions without a use.
func FindUnused(permissions []iam.Permission) Unused {
	unused := Unused{Explained: map[string][]iam.Permission{}}
	for _, p := range permissions {
		if p.Uses > 0 {
			continue
		}
		i := slices.IndexFunc(unusable, func(e explanation) bool { return e.covers(p) })
		if i < 0 {
			unused.Unexplained = append(unused.Unexplained, p)
			continue
		}
		unused.Explained[unusable[i].reason] = append(unused.Explained[unusable[i].reason], p)
	}
	return unused
}

// explanation says why a local run does not use a permission. Its fields are patterns as path.Match has them; an empty
// one covers all.
type explanation struct{ role, sid, action, reason string }

func (e explanation) covers(p iam.Permission) bool {
	return matches(e.role, p.Role) && matches(e.sid, p.Sid) && matches(e.action, p.Action)
}

func matches(pattern, text string) bool {
	ok, err := path.Match(pattern, text)
	return pattern == "" || err == nil && ok
}
